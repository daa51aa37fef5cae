#!/usr/bin/env python3
"""pipelines.py - several pipelines in one weird: pipelines.yml, what they send to each other, their reload and their end."""
import json
import os
import signal
import socket
import subprocess

import harness
from faults_sink import Sink

FILE_OUT = 'file { path => "%s" codec => json_lines }'
TCP = 'input { tcp { host => "127.0.0.1" port => %d codec => line } }\n'
IN = 'input { pipeline { address => "%s" } }\n'
TO = 'output { pipeline { send_to => ["%s"] } }\n'


def path(name):
    return os.path.join(harness.work, name)


def pipe(id, text, **more):
    return {'pipeline.id': id, 'config.string': text, **more}


def to_file(name):
    return 'output { %s }\n' % (FILE_OUT % path(name))


def send(port, *lines):
    with socket.create_connection(('127.0.0.1', port)) as s:
        s.sendall(''.join(x + '\n' for x in lines).encode())


def texts(lines):
    return [json.loads(x)['message'] for x in lines]


def numbers(n):
    return [str(i) for i in range(n)]


def once(settings, *args, stdin=b''):
    """Runs weird to its end: (status, stdout, stderr)."""
    p = subprocess.run([os.environ['WEIRD'], '--path.data', path('data-once'), '--api.enabled', 'false', '--path.settings', settings, *args], input=stdin,
                       capture_output=True, timeout=harness.SECONDS, cwd=harness.work, check=False)
    return p.returncode, p.stdout.decode(), p.stderr.decode()


def folder(pipelines, name='settings'):
    """A folder of settings with these pipelines."""
    os.makedirs(path(name), exist_ok=True)
    with open(os.path.join(path(name), 'pipelines.yml'), 'w', encoding='utf-8') as f:
        f.write(pipelines if isinstance(pipelines, str) else ''.join('- %s\n' % json.dumps(p) for p in pipelines))
    return path(name)


def test_side_by_side():
    """Each has its own settings, threads, counters and books."""
    a, b = harness.free_port(), harness.free_port()
    with open(path('b.conf'), 'w', encoding='utf-8') as f:
        f.write(TCP % b + 'filter { drop { } }\n' + to_file('b.ndjson'))
    weird = harness.Weird(None, pipelines=[pipe('a', TCP % a + to_file('a.ndjson')),
                                           {'pipeline.id': 'b', 'path.config': path('*.conf'), 'pipeline.ecs_compatibility': 'v8'}])
    send(a, *numbers(300))
    send(b, *numbers(200))
    assert texts(harness.Lines(path('a.ndjson')).wait(300, alive=weird)) == numbers(300)
    harness.until(lambda: weird.metric('weir_pipeline_ended_total', pipeline='b', by='drop') == 200, 'b drops', alive=weird)
    assert weird.metric('weir_pipeline_lines_total', pipeline='a') == 300
    assert weird.metric('weir_pipeline_lines_total', pipeline='b') == 200
    assert weird.metric('weir_output_delivered_total', pipeline='a', plugin='file') == 300
    threads = [open('/proc/%d/task/%s/comm' % (weird.pid, t), encoding='utf-8').read() for t in os.listdir('/proc/%d/task' % weird.pid)]
    assert threads.count('weir-work\n') == 2, threads
    weird.stop()


def test_send_to():
    """One pipeline tells the events apart and others take them: with their fields and @metadata, each copy an event of its own."""
    port = harness.free_port()
    weird = harness.Weird(None, pipelines=[
        pipe('in', TCP % port + 'filter { mutate { add_field => { "[@metadata][from]" => "in" "[a][b]" => "c" } } }\n'
             'output { if [message] =~ /^m/ { pipeline { send_to => mail } } else { pipeline { send_to => [rest, copy] } } }\n'),
        pipe('mail', 'input { pipeline { address => mail add_field => { "kind" => "mail" } type => "t" codec => json } }\n'
             'filter { mutate { add_field => { "meta" => "%{[@metadata][from]}" } } }\n' + to_file('mail')),
        pipe('rest', IN % 'rest' + 'filter { mutate { replace => { "[a][b]" => "changed" } } }\n' + to_file('rest')),
        pipe('copy', IN % 'copy' + to_file('copy'))])
    send(port, 'm1', 'x1', 'm2', 'x2', 'x3')
    mail = harness.Lines(path('mail')).documents(2, alive=weird)
    assert [(d['message'], d['kind'], d['meta'], d['type'], d['a']['b']) for d in mail] == [(m, 'mail', 'in', 't', 'c') for m in ('m1', 'm2')], mail
    rest, copy = (harness.Lines(path(x)).documents(3, alive=weird) for x in ('rest', 'copy'))
    assert [(d['message'], d['a']['b']) for d in rest] == [(x, 'changed') for x in ('x1', 'x2', 'x3')], rest
    assert [(d['message'], d['a']['b']) for d in copy] == [(x, 'c') for x in ('x1', 'x2', 'x3')], copy
    assert weird.metric('weir_output_delivered_total', pipeline='in', plugin='pipeline') == 2 + 2 * 3
    assert weird.metric('weir_input_lines_total', pipeline='mail') == 2
    weird.stop()


def test_back_pressure_and_acknowledgement():
    """The far end of the last of three pipelines is dead: the first one stops reading, the file's position stays, and nothing is lost or twice."""
    count, sink = 30000, Sink('503')
    with open(path('in.log'), 'w', encoding='utf-8') as f:
        f.write(''.join('SQ %d %s\n' % (i, 'x' * 200) for i in range(count)))
    pipelines = [
        pipe('first', 'input { file { path => "%s" start_position => beginning stat_interval => "0.05" sincedb_path => "%s" sincedb_write_interval => 0.1 } }\n'
             % (path('in.log'), path('sincedb')) + TO % 'second'),
        pipe('second', IN % 'second' + TO % 'third'),
        pipe('third', IN % 'third' + 'output { elasticsearch { hosts => ["http://127.0.0.1:%d"] index => "i" manage_template => false queue_max => 65536 } }\n' % sink.port)]
    weird = harness.Weird(None, pipelines=pipelines, settings={'shutdown.drain': '1s'})
    weird.expect('.')

    def lines():
        return weird.metric('weir_input_lines_total', pipeline='first')
    # All queues are full when a look changes nothing any more: the third's at its bound, and the first's too.
    harness.until(lambda: weird.metric('weir_pipeline_queue_batches', pipeline='first') >= 16 and weird.metric('weir_pipeline_queue_batches', pipeline='third') >= 16,
                  'the queues are full', alive=weird)
    assert 0 < lines() < count, lines()
    assert not os.path.exists(path('sincedb')) or ' 0 ' in open(path('sincedb'), encoding='utf-8').read()
    assert weird.metric('weir_output_routed_total', pipeline='third') < count / 4
    # A reload does not depend on anybody's having room.
    pipelines[1] = pipe('second', IN % 'second' + 'filter { mutate { add_tag => "second" } }\n' + TO % 'third')
    weird.write_pipelines(pipelines)
    weird.signal(signal.SIGHUP)
    weird.line("'second': reloaded")
    sink.schedule('ok')
    harness.until(lambda: sink.stored_documents() >= count, 'all documents', alive=weird)
    size = str(os.path.getsize(path('in.log')))
    harness.until(lambda: os.path.exists(path('sincedb')) and size in open(path('sincedb'), encoding='utf-8').read().split(), 'the position', alive=weird)
    weird.stop()
    assert sink.stored_documents() == count


def test_stop_keeps_what_is_under_way():
    """SIGTERM while all three are full: what was read is sent by the next start."""
    count, sink = 3000, Sink('503')
    port = harness.free_port()
    pipelines = [pipe('a', TCP % port + TO % 'b'), pipe('c', IN % 'c' + 'output { elasticsearch { hosts => ["http://127.0.0.1:%d"] index => "i" manage_template => false } }\n'
                                                         % sink.port), pipe('b', IN % 'b' + TO % 'c')]
    weird = harness.Weird(None, pipelines=pipelines, settings={'shutdown.drain': '1s'})
    weird.expect('.')
    send(port, *numbers(count))
    harness.until(lambda: weird.metric('weir_pipeline_lines_total', pipeline='a') == count, 'all lines read', alive=weird)
    weird.stop()
    assert sink.stored_documents() == 0
    sink.schedule('ok')
    weird = harness.Weird(None, pipelines=pipelines, data=weird.data, name='again')
    weird.expect('.')
    harness.until(lambda: sink.stored_documents() >= count, 'all documents', alive=weird)
    weird.stop()
    assert sink.stored_documents() == count


def test_kill():
    """Killed while the last of two pipelines could send nothing: the file is read again, with the same ids."""
    count, sink = 2000, Sink('503')
    with open(path('in.log'), 'w', encoding='utf-8') as f:
        f.write(''.join('SQ %d\n' % i for i in range(count)))
    pipelines = [pipe('out', IN % 'out' + 'output { elasticsearch { hosts => ["http://127.0.0.1:%d"] index => "i" manage_template => false } }\n' % sink.port),
                 pipe('in', 'input { file { path => "%s" start_position => beginning stat_interval => "0.05" sincedb_path => "%s" sincedb_write_interval => 0.05 } }\n'
                      % (path('in.log'), path('sincedb')) + TO % 'out')]
    weird = harness.Weird(None, pipelines=pipelines)
    harness.until(lambda: weird.metric('weir_output_routed_total', pipeline='out') == count, 'all lines are with the output', alive=weird)
    weird.kill()
    sink.schedule('ok')
    weird = harness.Weird(None, pipelines=pipelines, data=weird.data, name='again')
    weird.expect('.')
    harness.until(lambda: sink.stored_documents() >= count, 'all documents', alive=weird)
    weird.stop()
    assert sink.stored_documents() == count


def test_stop_under_load():
    """What the first took is with the last at the end, whatever was on its way."""
    port, count = harness.free_port(), 100000
    weird = harness.Weird(None, pipelines=[pipe('c', IN % 'c' + to_file('out')), pipe('b', IN % 'b' + TO % 'c'), pipe('a', TCP % port + TO % 'b')])
    with socket.create_connection(('127.0.0.1', port)) as s:
        s.sendall(''.join('%d\n' % i for i in range(count)).encode())
        weird.signal(signal.SIGTERM)
        assert weird.wait() == 0
    took = int(weird.line(r"'a': (\d+) lines in").group(1))
    assert int(weird.line(r"'c': (\d+) lines in").group(1)) == took > 0
    assert texts(harness.Lines(path('out')).wait(took))[:-1] == numbers(took - 1)      # the last one may have been cut by the stop
    assert not weird.complaints(), weird.complaints()


def test_nobody_listens():
    """Events wait, said once, until a reload brings a listener; with ensure_delivery => false they are dropped, counted."""
    a, b = harness.free_port(), harness.free_port()
    first = [pipe('a', TCP % a + TO % 'addr'), pipe('b', TCP % b + 'output { pipeline { send_to => addr ensure_delivery => false } }\n')]
    weird = harness.Weird(None, pipelines=first)
    weird.expect("no pipeline listens on the address 'addr'")
    send(b, *numbers(1000))
    harness.until(lambda: weird.metric('weir_output_dropped_total', pipeline='b', reason='nobody') == 1000, 'they are dropped', alive=weird)
    send(a, *numbers(5000))
    weird.line("no pipeline listens on the address 'addr': events wait")
    harness.until(lambda: weird.metric('weir_output_failing', pipeline='a') == 1, 'it is told', alive=weird)
    weird.balance()
    weird.write_pipelines(first + [pipe('x', IN % 'addr' + to_file('x'))])
    weird.signal(signal.SIGHUP)
    assert texts(harness.Lines(path('x')).wait(5000, alive=weird)) == numbers(5000)
    send(b, 'last')
    assert texts(harness.Lines(path('x')).wait(5001, alive=weird))[-1] == 'last'
    assert weird.metric('weir_output_failing', pipeline='a') == 0
    weird.stop()


def test_nobody_ever():
    """At the end of everything they go to the dead letter: counted, and not lost."""
    port = harness.free_port()
    weird = harness.Weird(None, pipelines=[pipe('a', TCP % port + TO % 'x'), pipe('b', IN % 'y' + to_file('y'))])
    weird.expect("no pipeline listens on the address 'x'")
    send(port, *numbers(1000))
    harness.until(lambda: weird.metric('weir_pipeline_lines_total', pipeline='a') >= 256, 'they wait', alive=weird)
    weird.stop()
    took = int(weird.line(r"'a': (\d+) lines in").group(1))
    with open(os.path.join(weird.data, 'dead-letter.ndjson'), encoding='utf-8') as f:
        letters = [json.loads(x) for x in f]
    assert [x['document']['message'] for x in letters] == numbers(took), len(letters)
    assert letters[0]['reason'] == "no pipeline listens on the address 'x'", letters[0]


def test_removed_while_it_waits():
    """A reload takes away a pipeline that sends to nobody, and changes another that does: one goes to the dead letter, the other waits on."""
    a, b = harness.free_port(), harness.free_port()
    weird = harness.Weird(None, pipelines=[pipe('a', TCP % a + TO % 'addr'), pipe('b', TCP % b + TO % 'addr')])
    weird.expect("no pipeline listens on the address 'addr'")
    for port in (a, b):
        send(port, *numbers(1000))
    for name in ('a', 'b'):
        harness.until(lambda: weird.metric('weir_pipeline_lines_total', pipeline=name) >= 256, 'it waits', alive=weird)
    for i in range(3):
        weird.write_pipelines([pipe('b', TCP % b + 'filter { mutate { add_tag => "tag%d" } }\n' % i + TO % 'addr')])
        weird.signal(signal.SIGHUP)
        harness.until(lambda: sum("'b': reloaded" in x for x in weird.lines) == i + 1, 'a reload', alive=weird)
    took = int(weird.line(r"'a': (\d+) lines in").group(1))
    with open(os.path.join(weird.data, 'dead-letter.ndjson'), encoding='utf-8') as f:
        assert [json.loads(x)['document']['message'] for x in f] == numbers(took)
    weird.balance()
    weird.write_pipelines([pipe('b', TCP % b + TO % 'addr'), pipe('c', IN % 'addr' + to_file('c'))])
    weird.signal(signal.SIGHUP)
    assert texts(harness.Lines(path('c')).wait(1000, alive=weird)) == numbers(1000)
    weird.stop()


def test_refused():
    """Loops, addresses that stand twice and mistakes: told with their place; the other pipelines run."""
    port = harness.free_port()
    weird = harness.Weird(None, pipelines=[
        pipe('good', TCP % port + to_file('good')), pipe('listens', IN % 'one' + to_file('x')), pipe('too', '\n' + IN % 'one' + to_file('x')),
        pipe('a', IN % 'a' + TO % 'b'), pipe('b', IN % 'b' + TO % 'a'), pipe('bad', 'filter {\n  grokk { }\n}\n')])
    weird.expect("not started")
    weird.line("<config.string of too>:2:9: pipeline 'listens' listens on the address 'one' already")
    weird.line("<config.string of b>:2:10: events would come back: b -> a -> b")
    weird.line("<config.string of bad>:2:3: unknown filter 'grokk'")
    for name in ('too', 'b', 'bad'):
        weird.line("'%s': not started" % name)
    weird.expect("no pipeline listens")
    send(port, 'x')
    assert texts(harness.Lines(path('good')).wait(1, alive=weird)) == ['x']
    weird.stop()


def test_reload():
    """What did not change is left alone; the rest starts, changes, ends, or goes on as it was."""
    keep, change, gone, new = (harness.free_port() for _ in range(4))

    def conf(port, name):
        return TCP % port + 'filter { mutate { add_field => { "by" => "%s" } } }\n' % name + to_file(name.split()[0])
    weird = harness.Weird(None, pipelines=[pipe('keep', conf(keep, 'keep')), pipe('change', conf(change, 'change')), pipe('gone', conf(gone, 'gone'))])
    kept, changed = socket.create_connection(('127.0.0.1', keep)), socket.create_connection(('127.0.0.1', change))
    kept.sendall(b'1\n')
    changed.sendall(b'1\n')
    send(gone, '1')
    for name in ('keep', 'change', 'gone'):
        assert texts(harness.Lines(path(name)).wait(1, alive=weird)) == ['1']
    weird.write_pipelines([pipe('keep', conf(keep, 'keep')), pipe('change', conf(change, 'change 2')), pipe('new', conf(new, 'new'))])
    weird.signal(signal.SIGHUP)
    weird.line("'change': reloaded")
    weird.line("'new': started")
    weird.line("'gone': removed")
    weird.line('configuration reloaded')
    assert not any("'keep': reloaded" in x for x in weird.lines), weird.lines
    kept.sendall(b'2\n')
    changed.sendall(b'2\n')     # an input that did not change keeps its connections
    send(new, '2')
    assert texts(harness.Lines(path('keep')).wait(2, alive=weird)) == ['1', '2']
    assert harness.Lines(path('change')).documents(2, alive=weird)[1]['by'] == 'change 2'
    assert texts(harness.Lines(path('new')).wait(1, alive=weird)) == ['2']
    assert not [n for n, labels, _ in weird.rows() if labels.get('pipeline') == 'gone']
    try:
        send(gone, 'nobody')
        raise AssertionError('a removed pipeline still listens')
    except ConnectionRefusedError:
        pass

    # One is bad, one is not to be touched, the list itself is broken.
    weird.expect('not reloaded')
    weird.write_pipelines([pipe('keep', conf(keep, 'keep 2')), pipe('change', 'filter {\n grokk { } }'), pipe('new', conf(new, 'new'))])
    weird.signal(signal.SIGHUP)
    weird.line("'change': not reloaded, its former configuration goes on: the configuration has errors")
    weird.line("'keep': reloaded")
    weird.line('not reloaded, the former configuration goes on: 1 of 3 pipelines')
    changed.sendall(b'3\n')
    kept.sendall(b'3\n')
    assert harness.Lines(path('change')).documents(3, alive=weird)[2]['by'] == 'change 2'
    assert harness.Lines(path('keep')).documents(3, alive=weird)[2]['by'] == 'keep 2'
    with open(weird.pipelines_file, 'w', encoding='utf-8') as f:
        f.write('- pipeline.id: x\n')
    weird.signal(signal.SIGHUP)
    weird.line("pipelines.yml:1:3: pipeline 'x' needs 'path.config' or 'config.string'")
    weird.line('not reloaded.*: the list of pipelines has errors')
    kept.sendall(b'4\n')
    assert texts(harness.Lines(path('keep')).wait(4, alive=weird)) == ['1', '2', '3', '4']
    kept.close()
    changed.close()
    weird.stop()


def test_automatic_reload():
    """The list and the pipelines' files are looked at."""
    ports = [harness.free_port(), harness.free_port()]
    for i in (0, 1):
        os.makedirs(path('conf%d' % i))
        with open(path('conf%d/x.conf' % i), 'w', encoding='utf-8') as f:
            f.write(TCP % ports[i] + to_file('out%d' % i))
    lines = [{'pipeline.id': 'p%d' % i, 'path.config': path('conf%d' % i)} for i in (0, 1)]
    weird = harness.Weird(None, pipelines=lines[:1], args=['-r', '--config.reload.interval', '0.1s'])
    weird.write_pipelines(lines)
    weird.line("'p1': started")
    with open(path('conf0/y.conf'), 'w', encoding='utf-8') as f:
        f.write('filter { mutate { add_tag => "new" } }\n')
    weird.line("'p0': reloaded")
    send(ports[0], 'x')
    assert harness.Lines(path('out0')).documents(1, alive=weird)[0]['tags'] == ['new']
    weird.stop()


def put_secrets(text):
    """secrets.env beside the settings of harness.Weird, put there at once."""
    secrets = path('weird.settings/secrets.env')
    os.makedirs(os.path.dirname(secrets), exist_ok=True)
    with open(os.open(secrets + '.new', os.O_CREAT | os.O_WRONLY, 0o600), 'w', encoding='utf-8') as f:
        f.write(text)
    os.rename(secrets + '.new', secrets)
    return secrets


def test_secrets():
    """A reload reads secrets.env anew; one that cannot be used changes nothing."""
    port = harness.free_port()
    put_secrets('WHERE=one\nID=a\n')
    weird = harness.Weird(None, pipelines=[pipe('${ID}', TCP % port + to_file('${WHERE}'))], args=['-r', '--config.reload.interval', '0.1s'])
    with socket.create_connection(('127.0.0.1', port)) as s:
        s.sendall(b'1\n')
        assert texts(harness.Lines(path('one')).wait(1, alive=weird)) == ['1']
        secrets = put_secrets('WHERE=two\nID=a\n')
        weird.line("'a': reloaded")
        s.sendall(b'2\n')
        assert texts(harness.Lines(path('two')).wait(1, alive=weird)) == ['2']
        weird.expect('not reloaded')
        os.chmod(secrets, 0o644)
        weird.signal(signal.SIGHUP)
        weird.line("secrets.env' has mode 0644")
        weird.line('not reloaded.*: the secrets cannot be used')
        s.sendall(b'3\n')
        assert texts(harness.Lines(path('two')).wait(2, alive=weird)) == ['2', '3']
    weird.stop()


def test_not_reloadable():
    port = harness.free_port()
    weird = harness.Weird(None, pipelines=[pipe('a', TCP % port + to_file('a'), **{'pipeline.reloadable': False}), pipe('b', IN % 'b' + to_file('b'))])
    weird.expect('not reloaded')
    weird.write_pipelines([pipe('a', 'filter { drop { } }', **{'pipeline.reloadable': False}), pipe('b', IN % 'b' + to_file('b'))])
    weird.signal(signal.SIGHUP)
    weird.line(r"'a': not reloaded.*pipeline\.reloadable")
    send(port, 'x')
    assert texts(harness.Lines(path('a')).wait(1, alive=weird)) == ['x']
    weird.stop()


def test_address_moves():
    """From a pipeline that changes to one that is new, and on to another when that one goes, under load: all arrive, each once and in order."""
    port, count = harness.free_port(), 60000
    up = pipe('up', TCP % port + TO % 'x')
    old, idle = pipe('old', IN % 'x' + to_file('old')), pipe('old', IN % 'elsewhere' + to_file('old'))
    weird = harness.Weird(None, pipelines=[up, old])
    weird.expect("no pipeline listens on the address 'x'")
    with socket.create_connection(('127.0.0.1', port)) as s:
        def part(k):
            s.sendall(''.join('%d\n' % i for i in range(k * count // 3, (k + 1) * count // 3)).encode())
        part(0)
        weird.write_pipelines([pipe('new', IN % 'x' + to_file('new')), up, idle])
        weird.signal(signal.SIGHUP)
        weird.line("'new': started")
        part(1)
        weird.write_pipelines([up, old])
        weird.signal(signal.SIGHUP)
        weird.line("'new': removed")
        part(2)

    def arrived():
        files = [open(path(x), encoding='utf-8').read().splitlines() for x in ('old', 'new') if os.path.exists(path(x))]
        return sum(len(x) for x in files) >= count and [texts(x) for x in files]
    files = harness.until(arrived, 'all events', alive=weird)
    assert sorted(int(x) for f in files for x in f) == list(range(count))
    assert all(f == sorted(f, key=int) for f in files)
    weird.stop()


def test_send_to_changes():
    """What waited for an address that nobody has goes where the corrected one says."""
    port = harness.free_port()
    listener = pipe('x', IN % 'x' + to_file('x'))
    weird = harness.Weird(None, pipelines=[pipe('up', TCP % port + TO % 'typo'), listener])
    weird.expect("no pipeline listens on the address 'typo'")
    send(port, *numbers(2000))
    weird.line("address 'typo': events wait")
    weird.write_pipelines([pipe('up', TCP % port + TO % 'x'), listener])
    weird.signal(signal.SIGHUP)
    assert texts(harness.Lines(path('x')).wait(2000, alive=weird)) == numbers(2000)
    weird.stop()


def test_one_ends():
    """A pipeline whose input ends does not end the others."""
    port = harness.free_port()
    weird = harness.Weird(None, pipelines=[pipe('ends', 'input { generator { count => 10 message => gen } }\n' + to_file('g')), pipe('stays', TCP % port + to_file('out'))])
    assert texts(harness.Lines(path('g')).wait(10, alive=weird)) == ['gen'] * 10
    weird.line("'ends': all its inputs have ended")
    send(port, 'x')
    assert texts(harness.Lines(path('out')).wait(1, alive=weird)) == ['x']
    weird.stop()


def test_all_end():
    """When nothing can come any more weird ends by itself, and everything is through, over two pipelines."""
    lines = numbers(20000)
    settings = folder([pipe('out', IN % 'x' + 'output { stdout { codec => json_lines } }\n'), pipe('in', 'input { stdin { codec => line } }\n' + TO % 'x'),
                       pipe('aside', 'input { generator { count => 3 } }\n' + to_file('g'))])
    status, stdout, stderr = once(settings, stdin=''.join(x + '\n' for x in lines).encode())
    assert status == 0, stderr
    assert texts(stdout.splitlines()) == lines, (stdout[:300], stderr)


def test_all_end_and_nobody_listens():
    """The middle one waits in vain: at the end its events go to the dead letter, and nobody waits for ever."""
    count = 3000
    settings = folder([pipe('a', 'input { generator { count => %d message => "word" } }\n' % count + TO % 'b'), pipe('b', IN % 'b' + TO % 'nobody')])
    status, _, stderr = once(settings)
    assert status == 0 and "'b': %d lines in, %d events to outputs" % (count, count) in stderr, stderr
    with open(path('data-once/dead-letter.ndjson'), encoding='utf-8') as f:
        assert sum(1 for _ in f) == count


def test_refused_until_another_changes():
    """What stood in its way is gone: a pipeline that was refused starts although it did not change itself."""
    port = harness.free_port()
    second = pipe('second', IN % 'addr' + to_file('second'))
    up = pipe('up', TCP % port + TO % 'addr')
    weird = harness.Weird(None, pipelines=[pipe('first', IN % 'addr' + to_file('first')), second, up])
    weird.expect("'second': not started")
    weird.expect('no pipeline listens')
    weird.line("'second': not started")
    weird.write_pipelines([pipe('first', IN % 'other' + to_file('first')), second, up])
    weird.signal(signal.SIGHUP)
    weird.line("'second': started")
    send(port, 'x')
    assert texts(harness.Lines(path('second')).wait(1, alive=weird)) == ['x']
    weird.stop()


MANY = """filter {
  grok { match => { "message" => "%{WORD:w} %{IP:ip} %{NUMBER:n:int} %{GREEDYDATA:rest}" } }
  date { match => ["rest", "MMM dd HH:mm:ss", "ISO8601"] timezone => "Europe/Berlin" locale => "de" }
  kv { source => "rest" } json { source => "j" skip_on_invalid_json => true }
  mutate { add_field => { "f" => "%{w}-%{+YYYY.MM.dd}" } gsub => ["w", "[aeiou]", "_"] uppercase => "f" split => { "rest" => " " } }
  fingerprint { source => "message" method => "SHA256" } urldecode { field => "f" } dissect { mapping => { "message" => "%{d1} %{d2}" } }
  translate { source => "w" target => "t" dictionary => { "w_rd" => "x" } } truncate { fields => ["f"] length_bytes => 100 }
  throttle { key => "%{w}" after_count => 1000000 } prune { blacklist_names => ["^z"] } uuid { target => "u" } parse { }
  cidr { address => ["%{ip}"] network => ["192.0.2.0/24"] add_tag => "doc" } identity { } link { }
  if [n] > 5 and "doc" in [tags] { clone { clones => ["c"] } }
}
"""


def test_same_filters():
    """Two work threads run the same filters at the same time: what they share is made for that (thread sanitizer)."""
    ports = [harness.free_port(), harness.free_port()]
    weird = harness.Weird(None, pipelines=[pipe('p%d' % i, TCP % ports[i] + MANY + to_file('out%d' % i)) for i in (0, 1)])
    weird.expect('identity|link')
    sockets = [socket.create_connection(('127.0.0.1', p)) for p in ports]
    for i in range(0, 2000, 100):
        text = ''.join('word 192.0.2.%d %d Nov 23 07:57:%02d a=1 b=%%41\n' % (k % 200, k % 10, k % 60) for k in range(i, i + 100))
        for s in sockets:
            s.sendall(text.encode())
    for s in sockets:
        s.close()
    got = [harness.Lines(path('out%d' % i)).documents(2800, alive=weird) for i in (0, 1)]
    assert all(sum(d['n'] > 5 for d in g) == 1600 and all(d['w'] == 'w_rd' and d['t'] == 'x' for d in g) for g in got), got[0][0]
    weird.stop()


def test_identity_is_counted_by_pipeline():
    a, b = harness.free_port(), harness.free_port()
    filters = 'filter { identity { static => { %s } } }\n'
    weird = harness.Weird(None, pipelines=[pipe('one', TCP % a + filters % '"192.0.2.1" => "x"' + to_file('one')),
                                           pipe('two', TCP % b + filters % '"192.0.2.1" => "x" "192.0.2.2" => "y"' + to_file('two'))])
    for port, name in ((a, 'one'), (b, 'two')):
        lines = harness.Lines(path(name))
        send(port, 'a line')
        lines.wait(1, alive=weird)
    for name, count in (('one', 1), ('two', 2)):
        assert weird.metric('weir_identity_addresses', pipeline=name) == count, weird.rows()
        assert weird.metric('weir_identity_evicted_total', pipeline=name) == 0
    weird.stop()


def test_which_one():
    """-e, -f and path.config win over the file, with a word about it."""
    settings = folder([pipe('x', 'input { generator { count => 1 message => file } } output { stdout { codec => json_lines } }\n')])
    status, stdout, stderr = once(settings)
    assert status == 0 and texts(stdout.splitlines()) == ['file'], (stdout, stderr)
    assert "'x': 1 lines in" in stderr, stderr
    status, stdout, stderr = once(settings, '--pipeline.id', 'mine', '-e', 'input { generator { count => 1 message => text } } output { stdout { codec => json_lines } }')
    assert status == 0 and texts(stdout.splitlines()) == ['text'], (stdout, stderr)
    assert "pipelines.yml' is ignored" in stderr and "'mine': 1 lines in" in stderr, stderr
    status, _, stderr = once(folder('# - pipeline.id: x\n', 'empty'))
    assert status == 1 and 'names no pipeline' in stderr, stderr
    os.makedirs(path('none'))
    status, _, stderr = once(path('none'))
    assert status == 1 and 'no configuration' in stderr, stderr


def weir_check(*args):
    p = subprocess.run([os.environ['WEIR'], 'check', *args], capture_output=True, text=True, timeout=harness.SECONDS, check=False)
    return p.returncode, p.stdout + p.stderr


def test_check():
    """-t, --explain and weir check look at all of them."""
    good = [pipe('a', TCP % 5 + TO % 'x'), pipe('b', IN % 'x' + 'filter { drop { } }\n' + to_file('b'))]
    settings = folder(good)
    status, stdout, stderr = once(settings, '-t')
    assert status == 0 and 'Configuration OK' in stdout, stderr
    status, stdout, stderr = once(settings, '--explain')
    assert status == 0, stderr
    assert stdout.startswith('pipeline  a\ninput     tcp') and '\npipeline  b\ninput     pipeline' in stdout and 'filter    drop' in stdout, stdout
    assert weir_check('--path.settings', settings) == weir_check(settings) == (0, 'pipeline a: runs fully\npipeline b: runs fully\n')
    settings = folder(good + [pipe('c', '\nfilter { dropp { } }'), pipe('d', 'filter { x { } }'), pipe('e', IN % 'x' + to_file('x'))], 'bad')
    for status, text in ((lambda r: (r[0], r[2]))(once(settings, '-t')), weir_check('--path.settings=' + settings)):
        assert status == 1, text
        for problem in ("<config.string of c>:2:10: unknown filter 'dropp', did you mean 'drop'?", "<config.string of d>:1:10: unknown filter 'x'",
                        "<config.string of e>:1:9: pipeline 'b' listens on the address 'x' already"):
            assert problem in text, text


def test_folder_of_logstash():
    """/etc/logstash as its package lays it."""
    settings = path('logstash')
    os.makedirs(settings + '/conf.d')
    port = harness.free_port()
    for name, text in (('pipelines.yml', '# This file is where you define your pipelines.\n\n- pipeline.id: main\n  path.config: "%s/conf.d/*.conf"\n' % settings),
                       ('logstash.yml', 'path.data: /var/lib/logstash\npath.logs: /var/log/logstash\napi.http.port: %d\n' % port),
                       ('jvm.options', '-Xms1g\n'), ('log4j2.properties', 'status = error\n'), ('startup.options', 'LS_HOME=/usr/share/logstash\n'),
                       ('conf.d/10.conf', 'input { generator { count => 2 message => word } }\n'), ('conf.d/20.conf', 'output { stdout { codec => json_lines } }\n')):
        with open(os.path.join(settings, name), 'w', encoding='utf-8') as f:
            f.write(text)
    status, stdout, stderr = once(settings)
    assert status == 0 and texts(stdout.splitlines()) == ['word', 'word'], (stdout, stderr)
    assert weir_check('--path.settings', settings)[0] == 0


harness.main()
