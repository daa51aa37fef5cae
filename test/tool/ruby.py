#!/usr/bin/env python3
"""ruby.py WEIR WEIRD: what code in the filter ruby finds and may do, beyond what test/golden measured on Logstash."""
import json
import os
import subprocess
import sys
import tempfile

weir = sys.argv[1]
os.environ['TZ'] = 'UTC'
# The leak check walks stacks that a living Ruby keeps its own way, and dies of it. A thread that ends has Ruby's signal stack, which the
# sanitizer takes for its own and unmaps; Ruby's threads end some seconds after their work, so it shows on a busy machine only.
os.environ['ASAN_OPTIONS'] = os.environ.get('ASAN_OPTIONS', '') + ':detect_leaks=0:use_sigaltstack=0'


class Eval:
    def __init__(self, env=None):
        self.p = subprocess.Popen([weir, 'eval'], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                                  env=dict(os.environ, **(env or {})))

    def filter(self, conf, events=({},)):
        """The events that come out, without what all have; or the text of the refusal."""
        self.p.stdin.write(json.dumps({'id': 1, 'config': 'filter {\n' + conf + '\n}', 'events': list(events)}) + '\n')
        self.p.stdin.flush()
        a = json.loads(self.p.stdout.readline())
        return a.get('error') or [{k: v for k, v in e.items() if k not in ('@timestamp', '@version')} for e in a['events']]

    def end(self):
        self.p.stdin.close()
        status = self.p.wait()
        assert status == 0, 'weir eval ended with %s' % status


def code(ev, text, events=({},), options=''):
    return ev.filter("ruby { code => '%s' %s }" % (text, options), events)


def raised(ev, text, options=''):
    """The exception's text, as the tag has it."""
    tags = code(ev, text, options='tag_with_exception_message => true ' + options)[0]['tags']
    assert tags[-1] == '_rubyexception', tags
    return tags[0].removeprefix('_rubyexception: ')


def same(have, want):
    assert have == want, 'have %r\nwant %r' % (have, want)


def test_standard_library(ev):
    same(code(ev, 'require "open3"; require "securerandom"; require "uri"; require "set"; require "logstash/event"; '
              'event.set("o", Open3.capture2("cat", stdin_data: "x")[0]); event.set("u", SecureRandom.uuid.size); '
              'event.set("h", URI("http://a.b/c").host); event.set("s", Set[1, 2].size)'), [{'o': 'x', 'u': 36, 'h': 'a.b', 's': 2}])
    # Loaded when they are first named.
    same(code(ev, 'event.set("j", JSON.parse("[1]")); event.set("k", {"a" => 1}.to_json); event.set("b", Base64.strict_encode64("hi")); '
              'event.set("i", IPAddr.new("10.0.0.0/8").include?("10.1.1.1")); event.set("d", BigDecimal("1.5"))'),
         [{'j': [1], 'k': '{"a":1}', 'b': 'aGk=', 'i': True, 'd': 1.5}])


def test_beside_libonig(ev):
    """libruby has functions of the same names as libonig: each finds its own, whichever came first."""
    onig = "grok { match => { 'm' => '(?<a>.)\\g<a>' } }\n"
    ruby = "ruby { code => 'event.set(\"r\", \"caf\u00e9\" =~ /(?<x>f)\\p{L}/)' }\n"
    same(ev.filter(ruby + onig, [{'m': 'xy'}]), [{'m': 'xy', 'r': 2, 'a': 'y'}])
    first = Eval()
    same(first.filter(onig, [{'m': 'xy'}]), [{'m': 'xy', 'a': 'y'}])
    same(first.filter(onig + ruby, [{'m': 'xy'}]), [{'m': 'xy', 'a': 'y', 'r': 2}])
    first.end()


def test_processes(ev):
    same(code(ev, 'event.set("r", `echo hi`); system("exit 3"); event.set("s", $?.exitstatus)'), [{'r': 'hi\n', 's': 3}])
    same(code(ev, 'system("echo this must not be among the answers"); puts "nor this"'), [{}])


def test_time_limit(ev):
    for text in ('loop {}', 'begin; loop {}; rescue => e; end', 'sleep', '/(a+)+$/ =~ "a" * 60 + "b"', '`timeout 5 tail -f /dev/null`'):
        same(code(ev, text + '; event.set("not", "reached")', ({}, {}), 'timeout => "100ms" add_tag => ["no"]'), [{'tags': ['_rubytimeout']}] * 2)
    same(code(ev, 'begin; loop {}; rescue Exception; end; loop {}', options='timeout => 0.1 tag_on_timeout => "late"'), [{'tags': ['late']}])
    # Quick code has its limit to itself, event for event.
    same(len(code(ev, 'event.set("n", 1)', [{}] * 600, 'timeout => 30')), 600)


def test_arithmetic_of_times(ev):
    """As JRuby does it: in milliseconds and nanoseconds, not in exact fractions."""
    at = [{'@timestamp': '2020-01-02T03:04:05.678Z'}]
    same(code(ev, 't = event.get("@timestamp").time; event.set("f", t.to_f); event.set("d", t - Time.at(0)); event.set("p", t + 1.234567); '
              'event.set("m", t - 1.234567); event.set("i", t - 5); event.set("s", event.get("@timestamp") + 0.5)', at),
         [{'f': 1577934245.678, 'd': 1577934245.678, 'p': '2020-01-02T03:04:06.912567Z', 'm': '2020-01-02T03:04:04.443433Z',
           'i': '2020-01-02T03:04:00.678Z', 's': '2020-01-02T03:04:06.178Z'}])
    same(code(ev, 'a = Time.at(100, 123456789, :nsec); b = Time.at(99, 987654321, :nsec); event.set("d", a - b); event.set("n", b - a)'),
         [{'d': 136 / 1000.0 + -197532 / 1e9, 'n': -136 / 1000.0 + 197532 / 1e9}])
    same(raised(ev, 'Time.at(0) + nil'), "can't convert NilClass into an exact number")


def test_what_is_gone_since(ev):
    """Ruby 3.4 has not got it any more."""
    same(raised(ev, '5 =~ /x/'), "undefined method '=~' for an instance of Integer")
    same(raised(ev, '[] !~ /x/'), "undefined method '=~' for an instance of Array")
    same(raised(ev, '5.is_a?(Fixnum)'), 'uninitialized constant LogStash::Filters::Ruby::Fixnum')
    same(code(ev, 'event.set("n", nil =~ /x/); event.set("s", :xx =~ /x/); event.set("r", /x/ =~ "ax")'), [{'n': None, 's': 0, 'r': 1}])


def test_exceptions(ev):
    same(raised(ev, 'nil.length'), "undefined method 'length' for nil")
    same(raised(ev, '"x".nope(1)'), "undefined method 'nope' for an instance of String")
    same(raised(ev, 'String.nope'), "undefined method 'nope' for class String")
    same(raised(ev, 'foo'), "undefined local variable or method 'foo' for an instance of LogStash::Filters::Ruby")
    same(raised(ev, 'event.set("d", Date.today)'), 'an event cannot hold a Date')
    same(raised(ev, 'event.set("@timestamp", Time.now)'), 'wrong argument type Time (expected LogStash::Timestamp)')
    same(raised(ev, 'event.get("[a")'), "invalid field reference '[a'")
    same(raised(ev, 'event["a"]'), "event['field'] ended with Logstash 5: write event.get('field')")
    same(raised(ev, 'a = []; a << a; event.set("a", a)'), 'nested deeper than 1000')
    same(raised(ev, 'def f(n) f(n + 1) end; f(0)'), 'stack level too deep')
    same(raised(ev, 'exit'), 'exit')
    same(code(ev, 'Thread.current.kill', ({}, {})), [{'tags': ['_rubyexception']}] * 2)
    # What was done before it stays, and so do events that were made.
    same(code(ev, 'event.set("a", 1); new_event_block.call(LogStash::Event.new("n" => 1)); raise "x"', options='add_tag => ["no"]'),
         [{'a': 1, 'tags': ['_rubyexception']}, {'n': 1}])


def test_refusals(ev):
    same(ev.filter("ruby { code => '\n\n1 +\n)' }"), "config:5:1: ruby: syntax error, unexpected ')'")
    same(ev.filter("ruby { code => 'foo(' }"), 'config:2:16: ruby: syntax error, unexpected end of the code, expecting \')\'')
    same(ev.filter("ruby { init => '\n raise \"boo\"' code => '1' }"), 'config:3:1: ruby: RuntimeError: boo')
    same(ev.filter("ruby { init => 'exit' code => '1' }"), 'config:2:16: ruby: SystemExit: exit')
    same(ev.filter("ruby { path => '/nowhere/x.rb' }"), 'config:2:1: ruby: No such file or directory @ rb_sysopen - /nowhere/x.rb')
    assert 'not both' in ev.filter("ruby { code => '1' path => '/x' }")
    same(ev.filter('ruby { }', ({'a': 1},)), [{'a': 1}])


def test_former_access_is_told(ev):
    for text, told in (("event['a'] = 1", True), ("x = event['a']", True), ("my_event['a']", False), ("@event['a'] || h.event['b']", False),
                       ("event.set('a', 1)", False), ("my_event['a']; event['b']", True)):
        with tempfile.NamedTemporaryFile('w', suffix='.conf') as f:
            f.write('filter { ruby { code => "%s" } }' % text)
            f.flush()
            p = subprocess.run([weir, 'check', f.name], capture_output=True, text=True, check=True)
        assert ('1:10: warning: event[' in p.stdout) == told and ("ended with Logstash 5" in p.stdout) == told, (text, p.stdout)


def test_events(ev):
    same(code(ev, 'e = LogStash::Event.new("a" => 1); 2.times { new_event_block.call(e) }; e.set("b", 2); new_event_block.call(event)',
              ({'y': 1},), 'add_field => { "af" => "1" }'), [{'y': 1, 'af': '1'}, {'a': 1, 'b': 2}, {'a': 1, 'b': 2}, {'y': 1}])
    same(code(ev, 'new_event_block.call(event.clone); event.cancel', ({'n': 1}, {'n': 2})), [{'n': 1}, {'n': 2}])
    # Kept for later: a cancelled event and a clone may be, an event that goes on may not.
    same(code(ev, 'if event.get("n") == 1; @p = event; event.cancel; else; @p.uncancel; new_event_block.call(@p); end', ({'n': 1}, {'n': 2})),
         [{'n': 2}, {'n': 1}])
    same(code(ev, 'event.set("last", @c.get("n")) if @c; @c = event.clone', ({'n': 1}, {'n': 2})), [{'n': 1}, {'n': 2, 'last': 1}])
    same(code(ev, '@p ||= event; event.set("first", @p.get("n"))', ({'n': 1}, {'n': 2})), [{'n': 1, 'first': 1}, {'n': 2, 'tags': ['_rubyexception']}])
    same(code(ev, '@b ||= new_event_block; @b.call(LogStash::Event.new("m" => event.get("n")))', ({'n': 1}, {'n': 2})),
         [{'n': 1}, {'m': 1}, {'n': 2}, {'m': 2}])
    same(code(ev, 'event.append(LogStash::Event.new("l" => [1], "s" => "x", "m" => {"k" => 1}))', ({'l': [2], 's': 'y', 'm': {'j': 2}},)),
         [{'l': [2, 1], 's': ['y', 'x'], 'm': {'j': 2, 'k': 1}}])


def test_values(ev):
    same(code(ev, 'event.set("a", 2**70); event.set("b", event.get("x") * 2); event.set("c", -2**63); event.set("d", Time.at(0)); event.set(:e.to_s, {f: :g})',
              ({'x': 123456789012345678901234567890},)),
         [{'x': 123456789012345678901234567890, 'a': 2**70, 'b': 246913578024691357802469135780, 'c': -2**63, 'd': '1970-01-01T00:00:00.000Z', 'e': {'f': 'g'}}])
    same(code(ev, 'event.set("u", "h\\u00e9".encode("ISO-8859-1")); event.set("v", "hi".encode("UTF-16LE"))'.replace('\\u00e9', '\u00e9')),
         [{'u': 'h\u00e9', 'v': 'hi'}])
    same(code(ev, 'event.set("i", {"a" => 1, b: nil, "c d": [1.5], :+ => {}}.inspect)'), [{'i': '{"a" => 1, b: nil, "c d": [1.5], "+": {}}'}])
    # A text that get() gave is the field; a hash is a copy.
    same(code(ev, 'event.get("t") << "1"; event.get("t") << "2"; event.set("s", event.sprintf("%{t}")); event.get("h")["k"] = 2', ({'t': '0', 'h': {'k': 1}},)),
         [{'t': '012', 's': '012', 'h': {'k': 1}}])
    same(code(ev, 't = LogStash::Timestamp; a = t.at(5); event.set("r", [(a + 60).to_i, a - t.at(2), a <=> t.at(6), t.coerce("2020-01-01T00:00:00.5Z").to_f, a.year])'),
         [{'r': [65, 3.0, -1, 1577836800.5, 1970]}])
    same(raised(ev, 'LogStash::Timestamp.new("x")'), 'invalid timestamp string format x')


def test_texts(ev):
    """A text is not copied on its way to code or from there."""
    given = {'t': ' a ', 'l': ['b', ['c']], 'h': {'k': 'd', 'm': {'n': 'e'}}}
    same(code(ev, 'event.get("l")[0] << "1"; event.get("l")[1][0] << "2"; h = event.get("h"); h["k"] << "3"; h["m"]["n"].upcase!', (given,)),
         [{'t': ' a ', 'l': ['b1', ['c2']], 'h': {'k': 'd3', 'm': {'n': 'E'}}}])
    same(code(ev, 'event.to_hash.each { |k, v| v.strip! if v.is_a?(String); event.set(k + "2", 1) if k.size == 1 }; event.get("t") << "x"', (given,)),
         [{**given, 't': 'ax', 't2': 1, 'l2': 1, 'h2': 1}])
    same(code(ev, 'm = event.get("t"); event.set("raw", m); m.strip!; event.set("t", m + "!")', (given,)), [{**given, 'raw': 'a', 't': 'a!'}])
    same(code(ev, 's = "x"; event.set("s", s); s << "y"; event.get("s") << "z"; event.set("n", s.size)'), [{'s': 'xyz', 'n': 3}])
    # This one method copies them, but for those in @metadata.
    same(code(ev, 'event.set("[@metadata][m]", "a"); h = event.to_hash_with_metadata; h["t"] << "x"; h["l"][1][0] << "x"; h["@metadata"]["m"] << "b"; '
                  'event.set("m", event.get("[@metadata][m]")); event.set("n", h["t"])', (given,)), [{**given, 'm': 'ab', 'n': ' a x'}])
    # What was removed, or set anew, is no longer the field; what stands behind something that was removed still is.
    same(code(ev, 'l = event.get("l"); s = event.get("t"); event.remove("t"); s << "x"; event.remove("[l][0]"); l[0] << "x"; l[1][0] << "y"', (given,)),
         [{'l': [['cy']], 'h': given['h']}])
    same(code(ev, 's = event.get("t"); event.set("t", "new"); s << "x"', (given,)), [{**given, 't': 'new'}])
    # Another encoding, and bytes that are none.
    same(code(ev, 's = event.get("s"); s.encode!("ISO-8859-1"); event.get("l")[0].encode!("UTF-16LE") << "b".encode("UTF-16LE")', ({'s': '\u00e9', 'l': ['\u00e9']},)),
         [{'s': '\u00e9', 'l': ['\u00e9b']}])
    # More than are watched: what was done to the oldest in time counts.
    many = {'k%d' % i: 'v' for i in range(3000)}
    same(code(ev, 'event.to_hash.each { |k, v| event.get(k) << "w" if v == "v" }', (many,)), [{k: 'vw' for k in many}])


def test_gems(_):
    """What is installed is found without more ado; what is not is a LoadError, every time."""
    with tempfile.TemporaryDirectory() as home:
        for name in ('specifications', 'gems/weird_gem-1.0/lib'):
            os.makedirs(os.path.join(home, name))
        with open(home + '/specifications/weird_gem-1.0.gemspec', 'w') as f:
            f.write('Gem::Specification.new { |s| s.name = "weird_gem"; s.version = "1.0"; s.summary = "x"; s.authors = ["x"]; s.files = ["lib/weird_gem.rb"] }\n')
        with open(home + '/gems/weird_gem-1.0/lib/weird_gem.rb', 'w') as f:
            f.write('WEIRD_GEM = 1\n')
        ev = Eval({'GEM_HOME': home, 'GEM_PATH': home})
        same(code(ev, 'require "weird_gem"; event.set("g", WEIRD_GEM); event.set("again", require("weird_gem"))'), [{'g': 1, 'again': False}])
        for _ in range(2):
            assert 'cannot load such file -- not_there' in raised(ev, 'require "not_there"')
            assert 'there is no Java' in raised(ev, 'require "java"')
        same(code(ev, 'event.set("l", require("logstash/event"))'), [{'l': False}])
        ev.end()


def test_garbage(ev):
    """With a collection at every allocation everything still stands."""
    same(code(ev, 'GC.stress = true; begin; e = LogStash::Event.new("a" => ["b" * 50, {"c" => 2**80}]); new_event_block.call(e); '
              'event.set("x", event.get("y")); event.get("y") << "z" * 40; new_event_block.call(event.clone); @k = event.get("h"); '
              'ensure; GC.stress = false; end', ({'y': 'q' * 40, 'h': {'k' * 30: ['v' * 30]}},)),
         [{'y': 'q' * 40 + 'z' * 40, 'x': 'q' * 40 + 'z' * 40, 'h': {'k' * 30: ['v' * 30]}}, {'a': ['b' * 50, {'c': 2**80}]},
          {'y': 'q' * 40 + 'z' * 40, 'x': 'q' * 40 + 'z' * 40, 'h': {'k' * 30: ['v' * 30]}}])
    same(code(ev, '@kept ||= []; @kept << event.clone; @kept.shift if @kept.size > 50; event.set("n", @kept.first.get("n"))',
              [{'n': n} for n in range(2000)])[-1], {'n': 1950})


def test_instances(ev):
    same(ev.filter("ruby { code => '@n = (@n || 0) + 1; $g = @n; event.set(\"a\", @n)' } ruby { code => 'event.set(\"b\", [@n, $g])' }", ({}, {})),
         [{'a': 1, 'b': [None, 2]}, {'a': 2, 'b': [None, 2]}])
    # A thread of the configuration's own goes on between events.
    same(ev.filter("ruby { init => '@q = Queue.new; @done = Queue.new; Thread.new { loop { @done << @q.pop * 2 } }' code => "
                   "'@q << event.get(\"n\"); event.set(\"d\", @done.pop)' }", ({'n': 1}, {'n': 2})), [{'n': 1, 'd': 2}, {'n': 2, 'd': 4}])


def test_script(ev):
    with tempfile.TemporaryDirectory() as d:
        path = os.path.join(d, 's.rb')

        def run(text, events=({'n': 1},), options=''):
            with open(path, 'w', encoding='utf-8') as f:
                f.write(text)
            return ev.filter('ruby { path => "%s" %s }' % (path, options), events)

        body = 'def register(params)\n @f = params["f"]\nend\ndef filter(event)\n event.set("r", @f)\n [event]\nend\n'
        same(run(body, options='script_params => { "f" => [1, "x"] }'), [{'n': 1, 'r': [1, 'x']}])
        tests = 'test "a" do\n parameters { { "f" => 7 } }\n in_event { { "n" => 2 } }\n expect("seven") { |es| es.size == 1 && es[0].get("r") == %d }\nend\n'
        same(run(body + tests % 7), [{'n': 1, 'r': None}])
        same(run(body + tests % 8), "config:2:1: ruby: %s: test 'a' failed: seven" % path)
        same(run('def filter(event)\n raise "x"\nend'), [{'n': 1, 'tags': ['_rubyexception']}])
        same(run('def nothing; end'), "config:2:1: ruby: %s: defines no method 'filter'" % path)
        same(run('def filter(event)\n [event, LogStash::Event.new("c" => 1)]\nend', options='add_tag => ["t"]'), [{'n': 1, 'tags': ['t']}, {'c': 1}])
        assert 'syntax error' in run('def filter(')


def main():
    ev = Eval()
    if 'is not here' in str(code(ev, '1')):
        print('this build has no Ruby: install ruby-dev and configure anew')
        sys.exit(77)
    tests = [f for name, f in globals().items() if name.startswith('test_')]
    for f in tests:
        f(ev)
        print('ok', f.__name__, flush=True)
    ev.end()
    # Without the module weir says what to install, and everything else works.
    ev = Eval({'WEIR_MODULE_DIR': '/nowhere'})
    same(code(ev, '1'), 'config:2:1: ruby: Ruby is not here: install the package weir-ruby, which brings libruby3.1')
    same(ev.filter('mutate { add_tag => ["x"] }'), [{'tags': ['x']}])
    ev.end()
    print('%d tests' % (len(tests) + 1))


main()
