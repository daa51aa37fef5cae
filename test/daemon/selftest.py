#!/usr/bin/env python3
"""selftest.py - the instruments themselves, without weird: a test that cannot fail tests nothing."""
import os
import socket
import subprocess
import sys

import harness
import senders
import servers


def listener(kind):
    s = socket.socket(socket.AF_INET, kind)
    s.bind(('127.0.0.1', 0))
    s.settimeout(harness.SECONDS)
    if kind == socket.SOCK_STREAM:
        s.listen()
    return s, s.getsockname()[1]


def first(sender_class, proto, framing, template):
    """What the sender puts on the wire for one message."""
    s, port = listener(socket.SOCK_DGRAM if proto == 'udp' else socket.SOCK_STREAM)
    sender = sender_class(port, proto, framing, template)
    sender.log('<38>Oct 11 22:14:15 app[7]: hello w\u00f6rld')
    if proto == 'udp':
        got = s.recv(65536)
    else:
        c, _ = s.accept()
        c.settimeout(harness.SECONDS)
        got = b''
        while b'rld' not in got:
            got += c.recv(65536)
    assert b'hello w\xc3\xb6rld' in got, got
    assert (got.split(b' ', 1)[0].isdigit()) == (framing == 'octet-counted'), got
    assert (b'>1 ' in got) == (template == '5424'), got
    sender.stop()


def test_ports():
    """A port is given once, though nothing listens on it yet: in this process and in the tests beside it."""
    harness.random.seed(1)
    ours = [harness.free_port() for _ in range(20)]
    draw = 'import harness; harness.random.seed(1); print(*[harness.free_port() for _ in range(20)])'
    theirs = subprocess.run([sys.executable, '-c', draw], cwd=os.path.dirname(os.path.abspath(__file__)), stdout=subprocess.PIPE, check=True).stdout.split()
    harness.random.seed(1)
    again = [harness.free_port() for _ in range(20)]
    assert len({*ours, *map(int, theirs)}) == 40 and len({*ours, *again}) == 40


def test_rsyslog():
    for proto, framing in (('udp', 'traditional'), ('tcp', 'traditional'), ('tcp', 'octet-counted')):
        for template in ('3164', '5424'):
            first(senders.Rsyslog, proto, framing, template)
            harness.shutil.rmtree(os.path.join(harness.work, 'rsyslog.spool'))


def test_syslog_ng():
    for proto in ('udp', 'tcp'):
        for template in ('3164', '5424'):
            first(senders.SyslogNg, proto, 'traditional', template)
    first(senders.SyslogNg, 'tcp', 'octet-counted', '5424')


def server_answers(server):
    server.request('PUT', '/t/_doc/1', {'a': 1})
    server.request('PUT', '/t/_doc/2', {'a': 2})
    assert sorted(h['_source']['a'] for h in server.documents('t')) == [1, 2]
    assert server.count('t') == 2 and server.count('none') == 0
    server.stop()


def test_opensearch():
    server_answers(servers.OpenSearch())


def test_elasticsearch():
    server_answers(servers.Elasticsearch())


def test_lines():
    path = os.path.join(harness.work, 'f')
    lines = harness.Lines(path)
    p = harness.Program('writer', [sys.executable, '-c', 'f=open("f","w")\nfor i in range(1000): print(i, file=f, flush=True)'])
    assert lines.wait(1000)[999] == b'999'
    assert p.wait() == 0


def test_end_is_seen():
    p = harness.Program('short', ['/bin/sh', '-c', 'echo said; exit 3'])
    p.line('^said$')
    try:
        p.line('never')
        raise AssertionError('a line that was never said was seen')
    except AssertionError as e:
        assert 'never said' in str(e), e
    assert p.wait() == 3


harness.main()
