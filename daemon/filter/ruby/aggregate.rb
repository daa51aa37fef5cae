# aggregate.rb - the filter aggregate: what belongs to one task is gathered in a hash of Ruby's.
#
# Filters of one plan share a context, and in it one table of tasks for each text of `task_id`. Times are weird's clock's. A context lives as
# long as its filters; at a reload the next one takes the tables over. The file of `aggregate_maps_path` is Marshal's, with the class and the
# names that Logstash writes, and is read when the first event or flush comes, so that a mere check of the configuration leaves it alone.

class LogStash::Filters::Aggregate < LogStash::Filters::Base
  DEFAULT_TIMEOUT = 1800
  LOGGED = 64                     # characters of an exception's text that go to the log
  MAX_TASKS = 1_000_000           # of one table: the oldest goes

  # A task; what code sees as map_meta.
  class Element
    attr_accessor :creation_timestamp, :lastevent_timestamp, :difference_from_creation_to_now, :difference_from_lastevent_to_now, :timeout,
                  :inactivity_timeout, :task_id, :map

    def initialize(created, task_id, now)
      @creation_timestamp = @lastevent_timestamp = created
      @difference_from_creation_to_now = @difference_from_lastevent_to_now = (now - created).to_i
      @timeout = @inactivity_timeout = nil
      @task_id = task_id
      @map = {}
    end

    def touch(at, now)
      @lastevent_timestamp = at
      @difference_from_lastevent_to_now = (now - at).to_i
    end

    # Older than these ages, where it has none of its own? Ages count from when it was here.
    def over?(now, max_age, max_idle)
      now - (@creation_timestamp + @difference_from_creation_to_now) > (@timeout || max_age) ||
        now - (@lastevent_timestamp + @difference_from_lastevent_to_now) > (@inactivity_timeout || max_idle)
    end

    # The same by the events' own times.
    def over_at?(at, max_age, max_idle)
      at - @creation_timestamp > (@timeout || max_age) || at - @lastevent_timestamp > (@inactivity_timeout || max_idle)
    end
  end

  # What the filters of one plan share.
  class Context
    attr_reader :tables, :keepers, :flushed
    attr_accessor :default_timeout, :file, :users

    @all = {}

    class << self
      def of(plan)
        context = (@all[plan] ||= new(plan))
        context.users += 1
        context
      end

      def forget(plan) = @all.delete(plan)
    end

    def initialize(plan)
      @plan = plan
      @tables = {}                # text of task_id => { id => Element }
      @keepers = {}               # text of task_id => the filter that looks after its timeouts
      @flushed = {}
      @users = 0
    end

    def leave
      Context.forget(@plan) if (@users -= 1).zero?
    end

    # A reload: tables that nobody uses any more are gone with the former plan.
    def take(former)
      @file_read = true
      former.tables.each { |text, table| @tables[text].replace(table.merge(@tables[text])) if @tables.key?(text) }
      @flushed.update(former.flushed)
      former.tables.each_value(&:clear)
    end

    def read_file(logger)
      return if @file_read
      @file_read = true
      return unless @file && File.exist?(@file)
      Marshal.load(File.binread(@file)).each { |text, table| (@tables[text] ||= {}).update(table) }
      File.delete(@file)
      logger.info("aggregate: maps read from #{@file}")
    rescue ::StandardError => e
      logger.error("aggregate: cannot read the maps in #{@file}: #{e.class}: #{e.message}")
    end

    # In place of the former file only when it is whole.
    def write_file(logger)
      kept = @tables.reject { |_, table| table.empty? }
      return if @file.nil? || kept.empty?
      File.binwrite("#{@file}.new", Marshal.dump(kept))
      File.rename("#{@file}.new", @file)
      logger.info("aggregate: maps written to #{@file}")
    rescue ::StandardError => e
      logger.error("aggregate: cannot write the maps to #{@file}: #{e.class}: #{e.message}")
    end
  end

  class << self
    def open(id, plan, code, code_file, code_line, timeout_code, timeout_file, timeout_line, options)
      LogStash::Filters::Ruby.code_places([code_file, timeout_code && timeout_file], code_line + code.count("\n"))
      new(id).open_with(plan, code, code_file, code_line, timeout_code, timeout_file, timeout_line, options)
    end
  end

  attr_reader :context, :push_map_as_event_on_timeout
  attr_writer :check_on_every_flush

  def initialize(id)
    @id = id
    @logger = LogStash::Logging::Logger.new
  end

  def open_with(plan, code, code_file, code_line, timeout_code, timeout_file, timeout_line, options)
    options.each { |name, value| instance_variable_set("@#{name}", value) }
    here = binding
    @code = eval("lambda do |event, map, map_meta|\n#{code}\nend", here, code_file, code_line - 1)
    @timeout_code = timeout_code && eval("lambda do |event|\n#{timeout_code}\nend", here, timeout_file, timeout_line - 1)
    @context = Context.of(plan)
    begin
      register
    rescue LogStash::ConfigurationError
      @context.leave
      raise
    end
    self
  end

  def register
    refuse("'task_id' must hold a part like %{field}") unless @task_id.match?(/%\{.+\}/)
    if timeout_options?
      refuse("two filters with the task_id '#{@task_id}' have options about timeouts: give them all in one of the two") if @context.keepers.key?(@task_id)
      @context.keepers[@task_id] = self
    end
    @context.default_timeout = [@timeout, @context.default_timeout].compact.min
    refuse("'inactivity_timeout' must be lower than 'timeout'") if @inactivity_timeout && [@timeout, @context.default_timeout].compact.any? { |t| @inactivity_timeout > t }
    if @aggregate_maps_path
      refuse("'aggregate_maps_path' may stand in one aggregate filter only") if @context.file
      @context.file = @aggregate_maps_path
    end
    @context.tables[@task_id] ||= {}
  end

  def refuse(text)
    raise LogStash::ConfigurationError, text
  end

  def timeout_options?
    @timeout || @inactivity_timeout || @timeout_code || @push_map_as_event_on_timeout || @push_previous_map_as_event || @timeout_timestamp_field ||
      @timeout_task_id_field || !@timeout_tags.empty?
  end

  # ---- events; true where the filter matched ----

  def filter_method(event, &give)
    @context.read_file(@logger)
    id = event.sprintf(@task_id)
    return false if id.nil? || id == @task_id
    made = @timeout_timestamp_field ? expire_at(id, event) : nil
    element = tasks[id]
    if element.nil?
      # What was over is told even where this event begins nothing.
      return give_and(made, false, &give) if @map_action == 'update'
      made = shift_previous if @push_previous_map_as_event && !tasks.empty?
      element = begin_task(id, event)
    elsif @map_action == 'create'
      return false
    end
    element.touch(reference_time(event), now)
    good = run_code(event, element)
    tasks.delete(id) if @end_of_task
    made = own_timeout(element) if element.timeout || element.inactivity_timeout
    give_and(made, good, &give)
  rescue ::StandardError => e
    complain(e)
    event.tag('_aggregateexception')
    false
  end

  def give_and(made, answer)
    yield made if made
    answer
  end

  def begin_task(id, event)
    if tasks.size >= MAX_TASKS
      @logger.warn("aggregate: #{MAX_TASKS} tasks are open: the oldest is forgotten")
      tasks.shift
    end
    tasks[id] = Element.new(reference_time(event), id, now)
  end

  def run_code(event, element)
    @code.call(event, element.map, element)
    true
  rescue ::StandardError => e
    complain(e)
    event.tag('_aggregateexception')
    false
  end

  # Code gave the task a timeout of its own.
  def own_timeout(element)
    settle_timeouts
    keeper = @context.keepers[@task_id]
    unless element.timeout == 0 || element.inactivity_timeout == 0
      keeper.check_on_every_flush = true
      return nil
    end
    tasks.delete(element.task_id)
    keeper.push_map_as_event_on_timeout ? timeout_event(element) : nil
  end

  def expire_at(id, event)
    element = tasks[id] or return nil
    settle_timeouts
    return nil unless element.over_at?(reference_time(event), @timeout, @inactivity_timeout)
    tasks.delete(id)
    @push_previous_map_as_event || @push_map_as_event_on_timeout ? timeout_event(element) : nil
  end

  def shift_previous
    timeout_event(tasks.shift[1])
  end

  # ---- time goes by ----

  def flush_method(final, &give)
    @context.read_file(@logger)
    settle_timeouts
    return unless @context.keepers[@task_id].equal?(self) && (final || @check_on_every_flush || time_to_look?)
    made = expired
    made << shift_previous if final && @push_previous_map_as_event && !tasks.empty?
    made.each { |event| event.tag('_aggregatefinalflush') } if final
    @context.flushed[@task_id] = now
    made.each(&give)
  end

  # As often as Logstash looks: half of the shortest time that a task may have.
  def time_to_look?
    last = @context.flushed[@task_id]
    last.nil? || now > last + @inactivity_timeout / 2
  end

  def expired
    at = now
    over = tasks.select { |_, element| element.over?(at, @timeout, @inactivity_timeout) }
    over.each_key { |id| tasks.delete(id) }
    @check_on_every_flush = nil if tasks.empty?
    @push_previous_map_as_event || @push_map_as_event_on_timeout ? over.values.map { |element| timeout_event(element) } : []
  end

  # Where no filter of this task_id has timeouts, the first that is asked keeps the default one.
  def settle_timeouts
    @context.default_timeout ||= DEFAULT_TIMEOUT
    return unless (@context.keepers[@task_id] ||= self).equal?(self)
    @timeout ||= @context.default_timeout
    @inactivity_timeout ||= @timeout
  end

  def timeout_event(element)
    event = event_of(element.map)
    event.set(@timeout_task_id_field, element.task_id) if @timeout_task_id_field
    @timeout_tags.each { |tag| event.tag(event.sprintf(tag)) }
    begin
      @timeout_code&.call(event)
    rescue ::StandardError => e
      complain(e)
      event.tag('_aggregateexception')
    end
    event
  end

  # A map may hold what an event cannot: then its text does.
  def event_of(map)
    LogStash::Event.new(map)
  rescue ::TypeError => e
    complain(e)
    LogStash::Event.new('message' => map.inspect, 'tags' => ['_aggregateexception'])
  end

  # ---- the rest ----

  def tasks
    @context.tables[@task_id]
  end

  def now
    LogStash.clock_now
  end

  def reference_time(event)
    @timeout_timestamp_field ? event.get(@timeout_timestamp_field).time : now
  end

  def complain(e)
    place = (e.backtrace || [])[0].to_s[/\A.*?:\d+/]
    @logger.warn("#{place}: #{e.class}: #{e.message[0, LOGGED]}")
  end

  def take(former)
    @context.take(former.context) unless @context.equal?(former.context)
  end

  def close_method
    @context.write_file(@logger) if @aggregate_maps_path
    @context.leave
  end
end
