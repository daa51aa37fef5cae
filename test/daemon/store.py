#!/usr/bin/env python3
"""store.py - the embedded store behind the whole daemon, read by `weir search` and `weir tap` while weird writes."""
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time

import harness

CONF = '''input { syslog { host => "127.0.0.1" port => %d } }
filter {
  grok { match => { "message" => "src=%%{IP:[source][ip]} user=%%{WORD:[source][user][name]} name=%%{HOSTNAME:[dns][question][name]} chain=%%{WORD:[weir][chain][id]}" } tag_on_failure => [] }
}
output { store { %s } %s }
'''
V8 = {'pipeline.ecs_compatibility': 'v8'}


def send(port, *lines, host='mx1'):
    with socket.create_connection(('127.0.0.1', port)) as s:
        s.sendall(''.join('<13>1 - %s app 77 - - %s\n' % (host, x) for x in lines).encode())


def weir(*args, data=None, env=None):
    """(status, stdout, stderr) of the tool."""
    p = subprocess.run([os.environ['WEIR'], args[0], '--path.data', data or os.path.join(harness.work, 'data'), *args[1:]], capture_output=True,
                       timeout=harness.SECONDS, env=dict(os.environ, TZ='Europe/Berlin', **(env or {})), check=False)
    return p.returncode, p.stdout.decode(), p.stderr.decode()


def found(*query, data=None):
    """The documents that match, newest first."""
    status, out, err = weir('search', '-n', '0', '--json', *query, data=data)
    assert status == 0, err
    return [json.loads(x) for x in out.splitlines()]


def start(more='', outputs='', **kw):
    port = harness.free_port()
    return port, harness.Weird(CONF % (port, more, outputs), settings=V8, **kw)


LINE = 'login number%d src=10.20.%d.%d user=user%d name=h%d.zone%d.example.org chain=c%d'


def line(i):
    return LINE % (i, i // 200, i % 200, i % 10, i, i % 7, i // 5)


def test_found_by_each_index():
    """Another process finds what came in, within a second, by every key."""
    port, weird = start()
    send(port, *[line(i) for i in range(2000)])
    send(port, 'one more number5000', host='Other')
    began = time.monotonic()
    harness.until(lambda: weir('search', '--json', 'number5000')[1], 'the last event is found', alive=weird)
    took = time.monotonic() - began
    assert took < 1 or os.environ['WEIR_SANITIZED'] == '1' or harness.CI, 'found after %.2f s' % took
    assert len(found()) == 2001
    for query, count in (('ip:10.20.3.7', 1), ('ip:10.20.3.0/24', 200), ('source.ip:10.20.0.0/23', 400), ('user:user3', 200), ('host:other', 1),
                         ('host:MX1', 2000), ('chain:c7', 5), ('name:h77.zone0.example.org', 1), ('name:*.zone3.example.org', 286), ('number77', 1),
                         ('"login number77"', 1), ('"number77 login"', 0), ('login user:user1 NOT ip:10.20.0.0/16', 0), ('process.pid:77 number8*', 111)):
        docs = found(query)
        assert len(docs) == count, '%s: %d, not %d' % (query, len(docs), count)
    doc = found('number77')[0]
    assert doc['source'] == {'ip': '10.20.0.77', 'user': {'name': 'user7'}} and doc['@timestamp'].endswith('Z'), doc
    weird.stop()
    assert len(found()) == 2001
    mode = os.stat(os.path.join(weird.data, 'store')).st_mode & 0o777
    assert mode == 0o700, oct(mode)
    for name in os.listdir(os.path.join(weird.data, 'store')):
        assert os.stat(os.path.join(weird.data, 'store', name)).st_mode & 0o777 == 0o600, name


def test_text_and_options():
    port, weird = start()
    with socket.create_connection(('127.0.0.1', port)) as s:
        for stamp, text in (('2026-01-02T03:04:05.678Z', 'first src=10.1.1.1 user=alice name=a.b chain=c1'), ('2026-07-02T03:04:05Z', 'sec\x1b[31mond'),
                            ('2026-07-03T03:04:05Z', 'third')):
            s.sendall(('<13>1 %s mx1 app 77 - - %s\n' % (stamp, text)).encode())
    harness.until(lambda: len(weir('search', 'host:mx1')[1].splitlines()) == 3, 'all are there', alive=weird)
    lines = weir('search', '--oldest')[1].splitlines()
    assert lines[0].startswith('2026-01-02 04:04:05.678 +01:00  mx1  app[77]  first src='), lines[0]
    assert lines[0].endswith('  [source 10.1.1.1: alice]'), lines[0]
    assert lines[1] == '2026-07-02 05:04:05.000 +02:00  mx1  app[77]  sec\\x1b[31mond', lines[1]
    assert weir('search')[1].splitlines() == lines[::-1]
    assert weir('search', '--since', '2026-07-02', '--until', '2026-07-02')[1].splitlines() == lines[1:2]
    assert weir('search', '--since=2026-07-03T05:04')[1].splitlines() == lines[2:]
    assert weir('search', '--since=2026-07-03T05:05')[1] == ''
    assert weir('search', '--until', '2026-06-01')[1].splitlines() == lines[:1]
    status, out, err = weir('search', '-n', '1')
    assert status == 0 and out.splitlines() == lines[2:] and '1 shown, there may be more' in err, (out, err)
    weird.stop()


def test_what_is_wrong():
    status, out, err = weir('search', 'x')
    assert status == 1 and out == '' and 'there is no store in' in err, (status, err)
    status, out, err = weir('tap')
    assert status == 1 and 'there is no store in' in err, (status, err)
    port, weird = start()
    send(port, line(1))
    harness.until(lambda: weir('search')[1], 'there is a store', alive=weird)
    status, out, err = weir('search', 'user:alice AND (ip:10.0.0.1')
    assert status == 2 and err == "query:1:16: '(' is never closed\n  user:alice AND (ip:10.0.0.1\n                 ^\n", err
    status, out, err = weir('search', 'sorce.ip:10.0.0.1')
    assert status == 0 and 'nothing found' in err and "did you mean 'source.ip'?" in err, err
    for args in (['--since', 'never'], ['-n', 'x'], ['--nosuch'], ['--since']):
        status, out, err = weir('search', *args)
        assert status == 2 and err.startswith('weir search: '), (args, status, err)
    weird.stop()


def test_tap():
    """Begun before the first event."""
    port, weird = start()
    assert weir('search')[2] == 'weir search: nothing found\n'
    tap = harness.Program('tap', [os.environ['WEIR'], 'tap', '--path.data', weird.data, 'user:user7'])
    tap.line('waiting for events')
    send(port, *[line(i) for i in range(30)])
    for i in (7, 17, 27):
        tap.line('login number%d ' % i)
    tap.signal(signal.SIGINT)
    assert tap.wait() == 0
    assert len(tap.lines) == 4, tap.lines
    weird.stop()


def test_sqlite_shell():
    """The columns that are for people."""
    if not shutil.which('sqlite3'):
        harness.skip('sqlite3 is not installed')
    port, weird = start()
    send(port, *[line(i) for i in range(10)])
    harness.until(lambda: len(found()) == 10, 'all are there', alive=weird)
    name = [x for x in os.listdir(os.path.join(weird.data, 'store')) if x.endswith('.db')][0]
    for _ in range(2):      # while weird writes, and when it has ended
        rows = subprocess.run(['sqlite3', '-readonly', os.path.join(weird.data, 'store', name), "SELECT time, host, program, message FROM log WHERE message LIKE '%number7 %'"],
                              capture_output=True, check=True).stdout.decode()
        assert re.match(r'20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d\d\dZ\|mx1\|app\|login number7 ', rows), rows
        if not weird.ended():
            weird.stop()


def test_killed():
    """kill -9: what was seen is there afterwards, found by its keys, and once."""
    port, weird = start()
    send(port, *[line(i) for i in range(3000)])
    harness.until(lambda: len(found()) == 3000, 'all are there', alive=weird)
    weird.kill()
    assert len(found('user:user3')) == 300
    port, weird = start(name='again')
    send(port, line(3000))
    harness.until(lambda: len(found()) == 3001, 'the next one, too', alive=weird)
    assert len(found('user:user3')) == 300
    weird.stop()
    assert len(found('user:user3')) == 300 and len(found('name:*.zone3.example.org')) == 429


def test_damaged_file():
    """A day file that is damaged: set aside, said once, and the rest goes on."""
    port, weird = start()
    send(port, *[line(i) for i in range(10)])
    harness.until(lambda: len(found()) == 10, 'all are there', alive=weird)
    weird.stop()
    store = os.path.join(weird.data, 'store')
    for name in os.listdir(store):
        if name.endswith('.db'):
            with open(os.path.join(store, name), 'r+b') as f:
                f.write(b'\xa5' * 512)
    port, weird = start(name='again')
    weird.expect('is damaged')
    assert found() == []
    send(port, line(11))
    harness.until(lambda: len(found()) == 1, 'the new one is found', alive=weird)
    assert sum('is damaged' in x for x in weird.lines) == 1, weird.lines
    assert weird.metric('weir_store_files_corrupt_total') == 1
    assert any(x.endswith('.db.corrupt') for x in os.listdir(store)), os.listdir(store)
    weird.stop()


def test_reload():
    """Changed options: the new output goes on with the same store."""
    port, weird = start()
    send(port, line(1))
    harness.until(lambda: len(found()) == 1, 'the first one', alive=weird)
    with open(weird.conf, 'w', encoding='utf-8') as f:
        f.write(CONF % (port, 'retention_days => 3', ''))
    weird.signal(signal.SIGHUP)
    harness.until(lambda: weird.metric('weir_reloads_total', result='ok') == 1, 'the reload', alive=weird)
    send(port, line(2))
    harness.until(lambda: len(found()) == 2, 'the second one', alive=weird)
    weird.stop()
    assert len(found('chain:c0')) == 2


def test_full_disk():
    """The disk of the store is full for a while: another output goes on, one line says so, what is dropped is counted, then it works again."""
    if os.geteuid() != 0:
        harness.skip('needs root: a small tmpfs is the full disk')
    data = os.path.join(harness.work, 'data')
    store = os.path.join(data, 'store')
    os.makedirs(store, mode=0o700)
    if subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=2m,mode=0700', 'tmpfs', store], check=False, capture_output=True).returncode:
        harness.skip('no namespace or right to mount a tmpfs here')
    out = os.path.join(harness.work, 'out.ndjson')
    try:
        port, weird = start('queue_max => 2097152', 'file { path => "%s" codec => json_lines }' % out)
        weird.expect('cannot write to|queue full')
        written, count = harness.Lines(out), 0
        while not any('cannot write to' in x for x in weird.lines):
            assert count < 50000, 'the disk does not fill up'
            send(port, *['%s %s' % (line(i), os.urandom(60).hex()) for i in range(count, count + 500)])
            count += 500
            written.wait(count, alive=weird)
            harness.until(lambda: weird.metric('weir_output_in_flight', plugin='store') == 0 or any('cannot write to' in x for x in weird.lines),
                          'the store is done with these, or says why not', alive=weird)
        weird.line('cannot write to .*(full|No space)')
        send(port, *['%s %s' % (line(i), os.urandom(60).hex()) for i in range(count, count + 10000)])
        count += 10000
        written.wait(count, alive=weird)
        harness.until(lambda: weird.metric('weir_output_dropped_total', plugin='store', reason='full') > 0, 'what does not fit is counted', alive=weird)
        # Near the edge a small transaction fits once more; the log's own limit bounds the rest.
        assert sum('cannot write to' in x for x in weird.lines) <= 10, weird.lines
        kept = len(found())
        assert 0 < kept < count, kept
        subprocess.run(['mount', '-o', 'remount,size=64m', store], check=True)
        weird.line('works again', seconds=20)
        send(port, 'marker number77777')
        harness.until(lambda: found('number77777'), 'the marker is found', alive=weird)
        weird.balance()
        dropped, delivered = (weird.metric('weir_output_%s_total' % x, plugin='store') for x in ('dropped', 'delivered'))
        assert dropped + delivered == count + 1, (dropped, delivered)
        weird.stop()
        assert len(found()) == delivered, (len(found()), delivered)
    finally:
        for p in harness.running:
            p.kill()
        subprocess.run(['umount', store], check=True)


harness.main()
