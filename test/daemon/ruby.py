#!/usr/bin/env python3
"""ruby.py - the filter ruby within weird: signals, children, reloads, memory, code that never ends."""
import os
import re
import signal

import harness

# The leak check walks stacks that a living Ruby keeps its own way, and dies of it; and the sanitizer takes Ruby's signal stacks for its own when a thread ends.
os.environ['ASAN_OPTIONS'] = os.environ.get('ASAN_OPTIONS', '') + ':detect_leaks=0:use_sigaltstack=0'

SYSLOG = 'input { syslog { host => "127.0.0.1" port => %d } }\n'
RUBY = "filter { ruby { %s } }\n"
FILE_OUT = 'output { file { path => "%s" codec => json_lines } }\n'


def out():
    return os.path.join(harness.work, 'out.ndjson')


def start(options, **kw):
    port = harness.free_port()
    weird = harness.Weird(SYSLOG % port + RUBY % options + FILE_OUT % out(), **kw)
    return weird, port, harness.Lines(out())


def send(port, *texts):
    with harness.socket.create_connection(('127.0.0.1', port)) as s:
        s.sendall(''.join('<13>1 - h app - - - %s\n' % x for x in texts).encode())


def reload(weird, port, options, pattern=r'\breloaded'):
    def told():
        return sum(1 for x in weird.lines if re.search(pattern, x))
    before = told()
    with open(weird.conf, 'w', encoding='utf-8') as f:
        f.write(SYSLOG % port + RUBY % options + FILE_OUT % out())
    weird.signal(signal.SIGHUP)
    harness.until(lambda: told() > before, pattern, alive=weird)


def test_signals_and_children():
    """Children of Ruby's are waited for, and weird still hears SIGHUP and SIGTERM itself."""
    code = 'code => "event.set(\'r\', `echo hi`); system(\'exit 3\'); event.set(\'s\', $?.exitstatus)"'
    weird, port, lines = start(code)
    send(port, *['m%d' % i for i in range(20)])
    docs = lines.documents(20, alive=weird)
    assert all(d['r'] == 'hi\n' and d['s'] == 3 for d in docs), docs[0]
    assert [d['message'] for d in docs] == ['m%d' % i for i in range(20)]
    reload(weird, port, code + ' add_tag => ["second"]')
    send(port, 'x')
    assert lines.documents(21, alive=weird)[20]['tags'] == ['second']
    weird.stop()


def test_reload_keeps_what_the_same_code_remembers():
    code = 'code => "@n = (@n || 0) + 1; event.set(\'n\', @n)" id => "counter"'
    weird, port, lines = start(code)
    send(port, 'a', 'b')
    lines.documents(2, alive=weird)
    reload(weird, port, code + ' add_tag => ["t"]')
    send(port, 'c')
    doc = lines.documents(3, alive=weird)[2]
    assert doc['n'] == 3 and doc['tags'] == ['t'], doc
    reload(weird, port, code.replace('+ 1', '+ 10'))
    send(port, 'd')
    assert lines.documents(4, alive=weird)[3]['n'] == 10
    weird.stop()


def test_bad_code_leaves_the_old_plan():
    weird, port, lines = start('code => "event.set(\'v\', 1)"')
    weird.expect('syntax error|not reloaded')
    reload(weird, port, 'code => "event.set("', 'not reloaded')
    send(port, 'a')
    assert lines.documents(1, alive=weird)[0]['v'] == 1
    weird.stop()


def test_code_that_never_ends():
    weird, port, lines = start('code => "loop {} if event.get(\'message\') == \'stuck\'" timeout => "100ms"')
    weird.expect('TimeLimit')
    send(port, 'a', 'stuck', 'b', 'stuck', 'c')
    docs = lines.documents(5, alive=weird)
    assert [d['message'] for d in docs] == ['a', 'stuck', 'b', 'stuck', 'c']
    assert [d.get('tags') for d in docs] == [None, ['_rubytimeout'], None, ['_rubytimeout'], None], docs
    weird.stop()


def test_many_events():
    """The counters add up with events that code makes and ends, over many units at once."""
    weird, port, lines = start('code => "n = event.get(\'message\').to_i; event.cancel if n % 3 == 0; '
                               'new_event_block.call(LogStash::Event.new(\'of\' => n)) if n % 2 == 0; raise \'x\' if n % 5 == 0"')
    weird.expect('RuntimeError')
    count = 6000
    send(port, *map(str, range(count)))
    want = []
    for n in range(count):
        want += ([(n, n % 5 == 0)] if n % 3 else []) + ([('of', n)] if n % 2 == 0 else [])
    docs = lines.documents(len(want), alive=weird)
    have = [('of', d['of']) if 'of' in d else (int(d['message']), 'tags' in d) for d in docs]
    assert have == want, [(a, b) for a, b in zip(have, want) if a != b][:3]
    weird.stop()


def test_several_pipelines():
    """Work threads of three pipelines share the one thread of Ruby's: each instance keeps its own, @metadata goes from one to the other."""
    count = 3000
    code = 'filter { ruby { init => "@n = 0" code => "@n += 1; event.set(\'n\', @n); event.set(\'[@metadata][up]\', event.get(\'message\').upcase)" } }\n'
    weird = harness.Weird(None, pipelines=[
        {'pipeline.id': x, 'config.string': 'input { generator { count => %d message => "%s" } }\n' % (count, x) + code + 'output { pipeline { send_to => "all" } }'}
        for x in ('one', 'two')] + [{'pipeline.id': 'all', 'config.string': 'input { pipeline { address => "all" } }\n'
                                     'filter { ruby { code => "event.set(\'up\', event.get(\'[@metadata][up]\'))" } }\n' + FILE_OUT % out()}], wait=False)
    assert weird.wait() == 0, weird.lines
    docs = harness.Lines(out()).documents(2 * count)
    for x in ('one', 'two'):
        assert [d['n'] for d in docs if d['message'] == x and d['up'] == x.upper()] == list(range(1, count + 1))


def test_aggregate():
    """Tasks outlive a reload; at the end the last one is told, and the counters add up with events that nobody sent."""
    port = harness.free_port()

    def text(more):
        return (SYSLOG % port + 'filter { aggregate { id => "a" task_id => "%{message}" code => "map[\'m\'] = event.get(\'message\'); map[\'n\'] = map[\'n\'].to_i + 1;'
                ' event.cancel" push_previous_map_as_event => true } ' + more + ' }\n' + FILE_OUT % out())
    weird = harness.Weird(text(''))
    lines = harness.Lines(out())
    send(port, 'a', 'a', 'b')
    assert [(d['m'], d['n']) for d in lines.documents(1, alive=weird)] == [('a', 2)]
    with open(weird.conf, 'w', encoding='utf-8') as f:
        f.write(text('mutate { add_tag => ["second"] }'))
    weird.signal(signal.SIGHUP)
    weird.line(r'\breloaded')
    send(port, 'b', 'c')
    assert lines.documents(2, alive=weird)[1]['n'] == 2
    weird.stop()
    last = lines.documents(3)[2]
    assert (last['m'], last['n'], last['tags']) == ('c', 1, ['_aggregatefinalflush', 'second']), last


def test_commands_beside():
    """SIGCHLD is Ruby's: its own children come back, and so do weird's, which are watched in another way."""
    weird = harness.Weird('input { exec { command => "echo x; exit 7" interval => 0.05 } pipe { command => "echo y" restart_interval => 0.05 } }\n'
                          + RUBY % 'code => "event.set(\'r\', `echo z`)"'
                          + 'filter { mutate { add_field => { "status" => "%{[@metadata][exit_status]}" } } }\n' + FILE_OUT % out())
    weird.expect('longer than its interval')
    docs = harness.Lines(out()).documents(30, alive=weird)
    assert all(d['r'] == 'z\n' for d in docs), docs[0]
    assert all(d['status'] == '7' for d in docs if d['message'] == 'x\n') and {d['message'] for d in docs} == {'x\n', 'y'}
    weird.stop()


def test_memory():
    if os.environ.get('WEIR_SANITIZED') == '1':
        harness.skip('a sanitizer takes memory of its own')
    weird, port, lines = start('code => "event.set(\'j\', JSON.parse(%q([1,{}]))); event.set(\'t\', event.get(\'message\').gsub(/\\d/) { |d| d * 3 })"')
    count = 30000
    send(port, *map(str, range(count)))
    lines.wait(count, alive=weird)
    with open('/proc/%d/status' % weird.pid, encoding='ascii') as f:
        rows = dict(x.split(':', 1) for x in f)
    anon = int(rows['RssAnon'].split()[0])
    print('RssAnon %d kB after %d events' % (anon, count))
    assert anon <= 30 * 1024, rows['RssAnon']
    weird.stop()


def test_without_the_module():
    weird = harness.Weird(SYSLOG % harness.free_port() + RUBY % 'code => "1"' + FILE_OUT % out(), env={'WEIR_MODULE_DIR': '/nowhere'}, wait=False)
    assert weird.wait() == 1
    assert any('install the package weir-ruby' in x for x in weird.lines), weird.lines


if not os.path.exists(os.path.join(os.path.dirname(os.environ['WEIRD']), 'weir_ruby.so')):
    print('this build has no Ruby: install ruby-dev and configure anew')
    raise SystemExit(77)
harness.main()
