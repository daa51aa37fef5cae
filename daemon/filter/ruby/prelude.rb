# prelude.rb - what Ruby finds in a filter besides LogStash::Event: Logstash's names, in Ruby.
#
# Evaluated once when the VM starts. What Logstash has always loaded is loaded when it is first named, so that a filter that needs none of
# it costs no memory. Where CRuby 3.1 shows something otherwise than the Ruby of Logstash 9 (3.4), the newer form is given.

require 'time'

{ 'json' => %i[JSON], 'set' => %i[Set SortedSet], 'bigdecimal' => %i[BigDecimal], 'uri' => %i[URI], 'digest' => %i[Digest],
  'base64' => %i[Base64], 'ipaddr' => %i[IPAddr], 'securerandom' => %i[SecureRandom], 'cgi' => %i[CGI], 'open3' => %i[Open3],
  'ostruct' => %i[OpenStruct], 'pathname' => %i[Pathname], 'tempfile' => %i[Tempfile], 'fileutils' => %i[FileUtils],
  'stringio' => %i[StringIO], 'strscan' => %i[StringScanner], 'zlib' => %i[Zlib], 'yaml' => %i[YAML Psych], 'csv' => %i[CSV],
  'erb' => %i[ERB], 'timeout' => %i[Timeout], 'logger' => %i[Logger], 'benchmark' => %i[Benchmark], 'openssl' => %i[OpenSSL],
  'socket' => %i[Socket TCPSocket UDPSocket], 'net/http' => %i[Net], 'shellwords' => %i[Shellwords] }.each do |feature, names|
  names.each { |name| Object.autoload(name, feature) unless Object.const_defined?(name) }
end

module Kernel
  # Functions of the same kind: the libraries put the real ones in their place.
  { BigDecimal: 'bigdecimal', URI: 'uri', Pathname: 'pathname', JSON: 'json' }.each do |name, feature|
    define_method(name) do |*args, **options|
      require feature
      Object.new.__send__(name, *args, **options)
    end
    private name
  end
end

# Standard output may be a file or a pipe: what code prints appears at once.
$stdout.sync = true

LOGSTASH_VERSION = '9.5.2'.freeze

module Kernel
  alias_method :require_feature, :require
  private :require_feature

  # Parts of Logstash are there already; there is no Java.
  def require(feature)
    name = feature.respond_to?(:to_path) ? feature.to_path : feature
    return false if name.is_a?(String) && name.start_with?('logstash/')
    raise LoadError, "cannot load such file -- #{name} (this is CRuby: there is no Java)" if %w[java jruby].include?(name)
    begin
      require_feature(feature)
    rescue LoadError => e
      # Perhaps an installed gem: what finds them is loaded when the first is wanted.
      raise if defined?(::Gem) || e.path != name || !require_feature('rubygems')
      require(feature)
    end
  end
  private :require
end

class Object
  # Until something needs the real one.
  def to_json(*args)
    Object.remove_method(:to_json) if Object.method_defined?(:to_json, false)
    require 'json'
    to_json(*args)
  end
end

class Hash
  # The form of Ruby 3.4: {"a" => 1, b: 2}
  def inspect
    return '{}' if empty?
    seen = (Thread.current[:weir_inspected] ||= {}.compare_by_identity)
    return '{...}' if seen[self]
    seen[self] = true
    begin
      '{' + map { |k, v| "#{Hash.inspect_key(k)}#{v.inspect}" }.join(', ') + '}'
    ensure
      seen.delete(self)
    end
  end
  alias_method :to_s, :inspect

  def self.inspect_key(key)
    return "#{key.inspect} => " unless key.is_a?(Symbol)
    plain = key.inspect
    plain.match?(/\A:[[:alpha:]_][[:alnum:]_]*[?!]?\z/) ? "#{plain[1..]}: " : "#{key.to_s.inspect}: "
  end
end

# What Ruby 3.1 only warns of is gone in 3.4: code that relies on it gets its exception here, too.
module Kernel
  remove_method :=~
end
Object.class_eval do
  remove_const :Fixnum
  remove_const :Bignum
end

class Time
  # The arithmetic of JRuby: whole milliseconds and a rest of nanoseconds, each a double. It shows in the last places of seconds.
  prepend(Module.new do
    def to_f
      (to_i * 1000 + nsec / 1_000_000) / 1000.0 + nsec % 1_000_000 / 1e9
    end

    def -(other)
      case other
      when ::Time
        (to_i * 1000 + nsec / 1_000_000 - other.to_i * 1000 - other.nsec / 1_000_000) / 1000.0 + (nsec % 1_000_000 - other.nsec % 1_000_000) / 1e9
      when ::Float then super(Rational((other * 1e9).to_i, 1_000_000_000))
      else super
      end
    end

    def +(other)
      return super unless other.is_a?(::Float)
      ms = other * 1000
      super(Rational(ms.to_i * 1_000_000 + ((ms - ms.floor) * 1_000_000).to_i, 1_000_000_000))
    end
  end)
end

class NameError
  # undefined method 'x' for nil; ... for an instance of String
  prepend(Module.new do
    def to_s
      text = super
      m = /\A(undefined (?:local variable or )?method|(?:private|protected) method) [`'](.+?)'( called)? for /m.match(text)
      m ? "#{m[1]} '#{m[2]}'#{m[3]} for #{receiver_text(text)}" : text
    end

    private

    def receiver_text(text)
      case r = receiver
      when nil, true, false then r.inspect
      when Class then "class #{r}"
      when Module then "module #{r}"
      else r.equal?(TOPLEVEL_BINDING.receiver) ? 'main:Object' : "an instance of #{r.class}"
      end
    rescue ArgumentError
      text[/ for (.*)\z/m, 1]
    end
  end)
end

module LogStash
  class Error < ::StandardError; end
  class EnvironmentError < Error; end
  class ConfigurationError < Error; end
  class PluginLoadingError < Error; end
  class TimestampParserError < Error; end

  module Json
    class ParserError < LogStash::Error; end
    class GeneratorError < LogStash::Error; end

    def self.load(text, options = {})
      return nil if text.nil? || text.empty?
      ::JSON.parse(text, symbolize_names: options[:symbolize_keys] ? true : false)
    rescue ::JSON::ParserError => e
      raise ParserError, e.message
    end

    def self.dump(value, *)
      value.is_a?(String) || value.nil? ? ::JSON.generate(value) : value.to_json
    rescue ::JSON::GeneratorError => e
      raise GeneratorError, e.message
    end

    class << self
      alias_method :jruby_load, :load
      alias_method :jruby_dump, :dump
    end
  end

  module Util
    module_function

    # Two events' fields together: hashes are merged, values that differ become a list.
    def hash_merge(to, from)
      from.each { |k, v| to[k] = to.key?(k) ? merge_values(to[k], v) : v }
      to
    end

    def merge_values(old, add)
      return hash_merge(old, add) if old.is_a?(Hash) && add.is_a?(Hash)
      return old | add if old.is_a?(Array) && add.is_a?(Array)
      return [old] | add if add.is_a?(Array)
      return old.include?(add) ? old : old + [add] if old.is_a?(Array)
      old == add ? old : [old, add]
    end

    def deep_clone(o)
      case o
      when Hash then o.to_h { |k, v| [k, deep_clone(v)] }
      when Array then o.map { |v| deep_clone(v) }
      when String, LogStash::Timestamp then o.dup
      else o
      end
    end

    def hostname
      require 'socket'
      ::Socket.gethostname
    end
  end

  class Timestamp
    include Comparable

    attr_reader :time

    class << self
      def now
        new
      end

      def at(*args)
        new(::Time.at(*args))
      end

      def coerce(value)
        case value
        when Timestamp then value
        when ::Time, nil then new(value)
        when String then parse_iso8601(value)
        end
      end

      def parse_iso8601(text)
        raise TypeError, "wrong argument type #{text.class} (expected String)" unless text.is_a?(String)
        new(text)
      end
    end

    def initialize(time = nil)
      @time = case time
              when nil then ::Time.now.utc
              when ::Time then time.getutc
              when Timestamp then time.time
              when String
                Timestamp.send(:read_iso8601, time) or raise TimestampParserError, "invalid timestamp string format #{time}"
              else raise TypeError, "wrong argument type #{time.class} (expected Time)"
              end
    end

    def to_i = @time.to_i
    def to_f = @time.to_f
    def to_r = @time.to_r
    def year = @time.year
    def usec = @time.usec
    def nsec = @time.nsec
    alias_method :tv_usec, :usec
    alias_method :tv_sec, :to_i
    alias_method :to_s, :to_iso8601
    alias_method :inspect, :to_iso8601

    def to_json(*) = "\"#{to_iso8601}\""
    def utc = self
    alias_method :gmtime, :utc

    def +(other) = @time + other
    def -(other) = @time - (other.is_a?(Timestamp) ? other.time : other)

    def <=>(other)
      other = other.time if other.is_a?(Timestamp)
      other.is_a?(::Time) ? @time <=> other : nil
    end

    def eql?(other) = other.is_a?(Timestamp) && @time.eql?(other.time)
    def hash = @time.hash
  end

  class Event
    METADATA = '@metadata'.freeze
    METADATA_BRACKETS = '[@metadata]'.freeze
    TIMESTAMP = '@timestamp'.freeze
    TIMESTAMP_FAILURE_TAG = '_timestampparsefailure'.freeze
    TIMESTAMP_FAILURE_FIELD = '_@timestamp'.freeze
    VERSION = '@version'.freeze
    VERSION_ONE = '1'.freeze

    def self.from_json(text)
      value = LogStash::Json.load(text)
      (value.is_a?(Array) ? value : [value]).compact.map { |v| new(v) }
    end

    def timestamp=(value)
      set(TIMESTAMP, value)
    end

    def to_hash_with_metadata
      metadata = metadata_hash
      metadata.empty? ? data_copied : data_copied.merge(METADATA => metadata)
    end

    # The other's fields are added; time and version stay.
    def append(other)
      raise TypeError, "wrong argument type #{other.class} (expected LogStash::Event)" unless other.is_a?(Event)
      add = other.to_hash
      add.delete(TIMESTAMP)
      add.delete(VERSION)
      replace_fields(LogStash::Util.hash_merge(to_hash, add))
    end

    def to_s = sprintf('%{@timestamp} %{host} %{message}')

    def [](*)
      raise NoMethodError, "event['field'] ended with Logstash 5: write event.get('field')"
    end

    def []=(*)
      raise NoMethodError, "event['field'] = value ended with Logstash 5: write event.set('field', value)"
    end
  end

  module Logging
    class Logger
      LEVELS = %i[fatal error warn info debug trace].freeze
      LEVELS.each_with_index do |name, level|
        define_method(name) do |text = nil, data = nil|
          Logger.emit(level, data && !data.empty? ? "#{text} #{data.inspect}" : text.to_s) if Logger.wanted?(level)
          nil
        end
        define_method("#{name}?") { Logger.wanted?(level) }
      end
    end
  end

  module Filters
    class Base
      attr_reader :logger, :id
    end
  end
end

class LogStash::Filters::Ruby < LogStash::Filters::Base
  # No StandardError: `rescue => e` does not stop it.
  class TimeLimit < ::Exception; end

  class ScriptError < ::StandardError; end

  # A script in a file: filter(event), and where it likes register(params) and tests.
  class Script
    class Context
      attr_reader :logger

      def initialize(logger)
        @logger = logger
        @tests = []
      end

      def test(name, &block)
        @tests << [name, block]
      end

      def script_tests = @tests
    end

    # What stands in a test's block.
    class Test
      attr_reader :given, :expected, :parameters_given

      def initialize(block)
        @given = []
        @expected = []
        @parameters_given = {}
        instance_eval(&block)
      end

      def parameters(&block) = @parameters_given = block.call
      def in_event(&block) = @given << block
      def expect(name, &block) = @expected << [name, block]
    end

    def initialize(path, params, logger)
      @path = path
      @params = params
      @logger = logger
      @text = File.read(path, encoding: 'UTF-8')
      @context = load
      raise ScriptError, "#{path}: defines no method 'filter'" unless @context.respond_to?(:filter, true)
    end

    def load
      context = Context.new(@logger)
      context.instance_eval(@text, @path, 1)
      context
    end

    def register
      @context.script_tests.each { |name, block| run_test(name, Test.new(block)) }
      @context.send(:register, @params) if @context.respond_to?(:register, true)
    end

    def run_test(name, test)
      context = load
      context.send(:register, test.parameters_given) if context.respond_to?(:register, true)
      given = test.given.flat_map { |block| (v = block.call).is_a?(Array) ? v : [v] }
      results = given.flat_map do |v|
        r = context.send(:filter, v.is_a?(LogStash::Event) ? v : LogStash::Event.new(v))
        Script.check(r)
        r
      end
      test.expected.each do |what, block|
        raise ScriptError, "#{@path}: test '#{name}' failed: #{what}" unless block.call(results)
      end
    end

    def self.check(results)
      raise ScriptError, "'filter' of the script must return an Array of events, not a #{results.class}" unless results.is_a?(Array)
      wrong = results.find { |r| !r.is_a?(LogStash::Event) }
      raise ScriptError, "'filter' of the script must return events only, not a #{wrong.class}" if wrong
    end

    def call(event)
      results = @context.send(:filter, event)
      Script.check(results)
      results
    end
  end

  class << self
    # What the filter's options say, compiled. Raises what their code raises.
    def open(id, code, code_file, code_line, init, init_file, init_line, path, params)
      code_places([code && code_file, init && init_file], code_line + code.to_s.count("\n"))
      new(id).open_with(code, code_file, code_line, init, init_file, init_line, path, params)
    end

    # Where texts of the filter that is being opened stand, the code first, and the line on which that ends.
    def code_places(files, last_line)
      @config_places = files.compact
      @code_end = last_line
    end

    # [line in the configuration or 0, text]
    def fault(e)
      if e.is_a?(::SyntaxError) && (m = /\A(.*?):(\d+): (.*)/.match(e.message))
        line = m[2].to_i
        return [@code_end, m[3].sub(/unexpected `end'/, 'unexpected end of the code')] if m[1] == @config_places.first && line > @code_end
        return [line, m[3]] if @config_places.include?(m[1])
        return [0, e.message.lines.first.chomp]
      end
      at = (e.backtrace_locations || []).find { |l| @config_places.include?(l.path) }
      text = [ScriptError, LogStash::ConfigurationError, ::SystemCallError].any? { |c| e.is_a?(c) } ? e.message : "#{e.class}: #{e.message}"
      [at ? at.lineno : 0, text]
    end
  end

  def initialize(id)
    @id = id
    @logger = LogStash::Logging::Logger.new
  end

  def open_with(code, code_file, code_line, init, init_file, init_line, path, params)
    here = own_binding
    eval(init, here, init_file, init_line) if init
    if path
      script = Script.new(path, params, @logger)
      script.register
      define_singleton_method(:filter_method) do |event, &new_event_block|
        results = script.call(event)
        results.each { |r| new_event_block.call(r) unless r.equal?(event) }
        event.cancel unless results.any? { |r| r.equal?(event) }
      end
    else
      eval("define_singleton_method(:filter_method) do |event, &new_event_block|\n#{code}\nend", own_binding, code_file, code_line - 1)
    end
    self
  end

  # A place to evaluate in, without local variables but `self`.
  def own_binding
    binding
  end
end
