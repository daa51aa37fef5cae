#!/usr/bin/env python3
"""inputs.py - what comes in by each input, counted to the last line."""
import datetime
import json
import os
import signal
import socket
import threading

import harness

FILE_OUT = 'output { file { path => "%s" codec => json_lines } }\n'
BOTH = 'input { syslog { host => "127.0.0.1" port => %d } }\n'


def out():
    return os.path.join(harness.work, 'out.ndjson')


def start(conf, **kw):
    return harness.Weird(conf + FILE_OUT % out(), **kw), harness.Lines(out())


def tcp(port, *chunks):
    with socket.create_connection(('127.0.0.1', port)) as s:
        for c in chunks:
            s.sendall(c)


def udp(port, *datagrams, family=socket.AF_INET, host='127.0.0.1'):
    with socket.socket(family, socket.SOCK_DGRAM) as s:
        for d in datagrams:
            s.sendto(d, (host, port))


def messages(lines):
    return [json.loads(x)['message'] for x in lines]


def test_udp_and_tcp_on_one_port():
    port = harness.free_port()
    weird, lines = start(BOTH % port)
    tcp(port, b'<13>1 - h app - - - over tcp\n')
    lines.wait(1, alive=weird)
    udp(port, b'<13>1 - h app - - - over udp')
    assert messages(lines.wait(2, alive=weird)) == ['over tcp', 'over udp']
    weird.stop()


def test_framing_told_apart_per_frame():
    """Octet counting and LF on one connection, cut anywhere."""
    port = harness.free_port()
    weird, lines = start(BOTH % port)
    frames, want = b'', []
    for i in range(200):
        text = 'frame %d%s' % (i, '\nwith a line feed' if i % 4 == 0 else '')
        raw = ('<13>1 - h app - - - ' + text).encode()
        frames += b'%d %s' % (len(raw), raw) if i % 2 == 0 else raw + b'\n'
        want.append(text)
    cuts = [frames[k:k + 1 + (k * 7919) % 97] for k in []]
    k = 0
    while k < len(frames):
        n = 1 + (k * 7919) % 97
        cuts.append(frames[k:k + n])
        k += n
    tcp(port, *cuts)
    assert messages(lines.wait(200, alive=weird)) == want
    weird.stop()


def test_last_line_without_end():
    port = harness.free_port()
    weird, lines = start(BOTH % port)
    tcp(port, b'<13>1 - h app - - - one\n<13>1 - h app - - - two')
    assert messages(lines.wait(2, alive=weird)) == ['one', 'two']
    weird.stop()


def test_dual_stack():
    """A listener hears IPv4 and IPv6 unless it is told an address."""
    if not socket.has_ipv6 or not os.path.exists('/proc/net/if_inet6') or not open('/proc/net/if_inet6', encoding='ascii').read():
        harness.skip('no IPv6 on this machine')
    port = harness.free_port()
    weird, lines = start('input { syslog { port => %d } }\n' % port)
    udp(port, b'<13>1 - h app - - - four')
    lines.wait(1, alive=weird)
    udp(port, b'<13>1 - h app - - - six', family=socket.AF_INET6, host='::1')
    lines.wait(2, alive=weird)
    with socket.create_connection(('::1', port)) as s:
        s.sendall(b'<13>1 - h app - - - tcp six\n')
    documents = lines.documents(3, alive=weird)
    assert [d['message'] for d in documents] == ['four', 'six', 'tcp six']
    assert [d['host'] for d in documents] == ['127.0.0.1', '::1', '::1'], documents
    weird.stop()


def test_raw_line_is_kept():
    port = harness.free_port()
    weird, lines = start(BOTH % port)
    tcp(port, b'this is no syslog\n')
    doc = lines.documents(1, alive=weird)[0]
    assert doc['message'] == 'this is no syslog' and '_grokparsefailure_sysloginput' in doc['tags'], doc
    weird.stop()


def test_line_from_2038_changes_nothing_else():
    port = harness.free_port()
    weird, lines = start(BOTH % port)
    now = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
    when = [(now - datetime.timedelta(seconds=i)).isoformat() for i in range(200)]
    data = [b'<13>1 %s h app - - - %d\n' % (t.encode(), i) for i, t in enumerate(when)]
    data.insert(100, b'<13>1 2038-01-19T03:14:08Z h app - - - future\n')
    tcp(port, b''.join(data))
    documents = lines.documents(201, alive=weird)
    future = documents.pop(100)
    assert future['message'] == 'future' and '_time_not_trusted' in future['tags'], future
    assert abs(datetime.datetime.fromisoformat(future['@timestamp'].replace('Z', '+00:00')) - now) < datetime.timedelta(minutes=5)
    for t, d in zip(when, documents):
        assert datetime.datetime.fromisoformat(d['@timestamp'].replace('Z', '+00:00')).isoformat() == t and 'tags' not in d, d
    weird.stop()


def test_udp_is_counted():
    """Every datagram became a line or stands in exactly one counter of what did not."""
    port, count = harness.free_port(), 20000
    weird, lines = start('input { syslog { host => "127.0.0.1" port => %d } }\n' % port)

    def counts():
        return [int(weird.metric('weir_udp_' + x + '_total')) for x in ('lines', 'refused', 'kernel_drops')]
    udp(port, *[b'<13>1 - h app - - - %d' % i for i in range(count)])
    harness.until(lambda: sum(counts()) >= count, 'every datagram accounted for', alive=weird)
    read, refused, dropped = counts()
    print('%d lines, %d refused, %d dropped by the kernel' % (read, refused, dropped))
    assert read + refused + dropped == count
    got = messages(lines.wait(read, alive=weird))
    assert len(got) == len(set(got)) == read
    weird.stop()


def test_unix_socket():
    path = os.path.join(harness.work, 'in.sock')
    weird, lines = start('input { unix { path => "%s" mode => "server" codec => line } }\n' % path)
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(path)
        s.sendall(b'first\nsecond\n')
    assert messages(lines.wait(2, alive=weird)) == ['first', 'second']
    weird.stop()


def test_unix_socket_over_a_reload():
    """Another option on the same path: what is sent meanwhile waits in the socket, and the path is there until the end."""
    path, taps = os.path.join(harness.work, 'in.sock'), os.path.join(harness.work, 'tap.sock')
    conf = ('input { unix { path => "%s" tags => ["%%s"] } dnstap { socket => "%s" tags => ["%%s"] } }\n' % (path, taps)) + FILE_OUT % out()

    def send(text):
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(path)
            s.sendall(text)
    weird, lines = harness.Weird(conf % ('first', 'first')), harness.Lines(out())
    for n, tag in enumerate(('second', 'third')):
        with open(weird.conf, 'w', encoding='utf-8') as f:
            f.write(conf % (tag, tag))
        weird.signal(signal.SIGHUP)
        send(b'during %d\n' % n)
        harness.until(lambda: len([x for x in weird.lines if ' reloaded' in x]) == n + 1, 'the reload', alive=weird)
        assert os.path.exists(taps)
        send(tag.encode() + b'\n')
        docs = {d['message']: d['tags'] for d in lines.documents(2 * n + 2, alive=weird)[2 * n:]}
        assert sorted(docs) == sorted(['during %d' % n, tag]) and docs[tag] == [tag], docs
    # Two inputs on one path are still a mistake, and what was refused takes nothing along.
    weird.expect('not reloaded')
    with open(weird.conf, 'w', encoding='utf-8') as f:
        f.write('input { unix { path => "%s" } unix { path => "%s" max_line => 100 } }\n' % (path, path) + FILE_OUT % out())
    weird.signal(signal.SIGHUP)
    weird.line('the path is in use')
    send(b'last\n')
    lines.wait(5, alive=weird)
    weird.stop()
    assert not os.path.exists(path) and not os.path.exists(taps)


class Valve:
    """A TCP server that does not read until it is opened."""

    def __init__(self):
        self.l = socket.socket()
        self.l.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.l.bind(('127.0.0.1', 0))
        self.l.listen()
        self.port, self.opened = self.l.getsockname()[1], threading.Event()
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        s, _ = self.l.accept()
        self.opened.wait()
        while s.recv(1 << 20):
            pass
        s.close()
        self.l.close()


def test_paused():
    """weir_input_paused is 1 while an input does not read because nothing more fits, whatever its kind, and 0 when that is over."""
    valve = Valve()
    t, u, y, h = (harness.free_port() for _ in range(4))
    path, sock = os.path.join(harness.work, 'in.log'), os.path.join(harness.work, 'in.sock')
    text = b'x' * 1000 + b'\n'
    with open(path, 'wb') as f:
        f.write(text * 20000)
    weird = harness.Weird('input { tcp { host => "127.0.0.1" port => %d } udp { host => "127.0.0.1" port => %d } syslog { host => "127.0.0.1" port => %d }\n'
                          'unix { path => "%s" } generator { message => "%s" count => 100000 } http { host => "127.0.0.1" port => %d }\n'
                          'file { path => "%s" start_position => "beginning" sincedb_path => "/dev/null" } }\n'
                          'output { tcp { host => "127.0.0.1" port => %d queue_max => 65536 } }\n' % (t, u, y, sock, 'g' * 500, h, path, valve.port))
    plugins, stop = ['tcp', 'udp', 'syslog', 'unix', 'generator', 'http', 'file'], threading.Event()

    def pour(s, data, to=None):
        s.settimeout(0.1)
        while not stop.is_set():
            try:
                s.sendto(data, to) if to else s.send(data)
            except TimeoutError:
                pass
            except OSError:
                return

    def stream(family, address):
        s = socket.socket(family)
        s.connect(address)
        return s
    body = text * 1000
    post = b'POST / HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s' % (len(body), body)
    jobs = [(stream(socket.AF_INET, ('127.0.0.1', t)), text), (stream(socket.AF_UNIX, sock), text), (stream(socket.AF_INET, ('127.0.0.1', h)), post),
            (socket.socket(socket.AF_INET, socket.SOCK_DGRAM), text, ('127.0.0.1', u)), (socket.socket(socket.AF_INET, socket.SOCK_DGRAM), text, ('127.0.0.1', y))]
    threads = [threading.Thread(target=pour, args=j) for j in jobs]
    for x in threads:
        x.start()
    for plugin in plugins:
        harness.until(lambda: weird.metric('weir_input_paused', plugin=plugin) == 1, plugin + ' is paused', alive=weird)
    stop.set()
    for x in threads:
        x.join(harness.SECONDS)
    for j in jobs:
        j[0].close()
    valve.opened.set()
    for plugin in plugins:
        harness.until(lambda: weird.metric('weir_input_paused', plugin=plugin) == 0, plugin + ' reads again', alive=weird)
    weird.expect('a connection from .* is closed')
    weird.stop()


def test_tcp_and_udp_inputs():
    a, b = harness.free_port(), harness.free_port()
    weird, lines = start('input { tcp { host => "127.0.0.1" port => %d codec => json_lines } udp { host => "127.0.0.1" port => %d codec => json } }\n' % (a, b))
    tcp(a, b'{"message":"one","n":12345678901234567890}\n{"message":"two"}\n')
    assert lines.documents(2, alive=weird)[0]['n'] == 12345678901234567890
    udp(b, b'{"message":"three"}')
    assert messages(lines.wait(3, alive=weird)) == ['one', 'two', 'three']
    weird.stop()


def test_udp_leaves_a_datagram_as_it_is():
    """To its last byte; the input syslog takes line ends and zeros off."""
    a, b = harness.free_port(), harness.free_port()
    weird, lines = start('input { udp { host => "127.0.0.1" port => %d } }\n' % a + BOTH % b)
    for n, (text, want) in enumerate(((b'a line\n', 'a line\n'), (b'zeros\0\0', 'zeros\0\0'), (b'\n', '\n')), 1):
        udp(a, text)
        assert messages(lines.wait(n, alive=weird))[-1] == want
    udp(b, b'<13>1 - h app - - - a line\r\n\0')
    assert messages(lines.wait(4, alive=weird))[-1] == 'a line'
    weird.stop()


FILE = 'input { file { path => "%s" start_position => "beginning" sincedb_path => "%s" } }\n'


def append(path, *texts):
    with open(path, 'a', encoding='utf-8') as f:
        f.write(''.join(t + '\n' for t in texts))


def test_file_follows_rename_and_copytruncate():
    path = os.path.join(harness.work, 'in.log')
    append(path, 'a1', 'a2')
    weird, lines = start(FILE % (path, os.path.join(harness.work, 'sincedb')))
    lines.wait(2, alive=weird)
    append(path, 'a3')
    lines.wait(3, alive=weird)
    os.rename(path, path + '.1')                        # rename: the old file's end, then the new one
    append(path + '.1', 'a4')
    append(path, 'b1')
    assert sorted(messages(lines.wait(5, alive=weird))) == ['a1', 'a2', 'a3', 'a4', 'b1']
    os.truncate(path, 0)                                # copytruncate: from the beginning again
    append(path, 'c')
    assert messages(lines.wait(6, alive=weird))[5] == 'c'
    weird.stop()


def test_file_cursor_is_kept():
    """Across a stop and a kill -9: after a stop nothing is read twice; after a kill no line is missing."""
    path, cursor = os.path.join(harness.work, 'in.log'), os.path.join(harness.work, 'sincedb')
    append(path, *['%d' % i for i in range(1000)])
    weird, lines = start(FILE % (path, cursor))
    lines.wait(1000, alive=weird)
    weird.stop()
    append(path, *['%d' % i for i in range(1000, 2000)])
    again = harness.Weird(weird.conf, name='again', data=weird.data)
    got = messages(lines.wait(2000, alive=again))
    assert got == [str(i) for i in range(2000)]
    again.kill()
    append(path, *['%d' % i for i in range(2000, 3000)])
    third = harness.Weird(weird.conf, name='third', data=weird.data)
    harness.until(lambda: lines.take() or len(set(messages(lines.lines))) == 3000, 'the rest', alive=third)
    third.stop()


def test_zone_by_input():
    port = harness.free_port()
    weird, lines = start('input { syslog { host => "127.0.0.1" port => %d timezone => "Asia/Tehran" } }\n' % port)
    tcp(port, b'<13>Jan  5 12:00:00 h app: x\n')
    assert lines.documents(1, alive=weird)[0]['@timestamp'].endswith('-01-05T08:30:00.000Z')
    weird.stop()


if __name__ == "__main__":
    harness.main()
