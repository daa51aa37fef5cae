#!/usr/bin/env python3
"""tcp_modes.py - the input tcp as client and the output tcp as server, in plain text and over TLS, counted to the last line: far ends that come
late, go, cut lines in half, read slowly or not at all."""
import json
import os
import signal
import socket
import ssl
import struct
import threading

import harness
from certificates import certificate, path

FILE_OUT = 'output { file { path => "%s" codec => json_lines } }\n'
CLIENT = 'input { tcp { mode => client host => "127.0.0.1" port => %d %s } }\n'
SERVER = 'output { tcp { mode => server host => "127.0.0.1" port => %d codec => line { format => "%%{message}" } %s } }\n'
SYSLOG_IN = 'input { tcp { host => "127.0.0.1" port => %d } }\n'
NOBODY = 'nobody is connected'


def out():
    return path('out.ndjson')


def to_file(conf, **kw):
    return harness.Weird(conf + FILE_OUT % out(), **kw), harness.Lines(out())


def messages(lines):
    return [json.loads(x)['message'] for x in lines]


def listener(port=None):
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(('127.0.0.1', port or harness.free_port()))
    s.listen()
    s.settimeout(harness.SECONDS)
    return s


def ours():
    certificate('ca', 'authority')
    certificate('server', 'server', 'ca', 'IP:127.0.0.1')
    return path('server.pem'), path('server.key')


# ---- input, mode client ----

def test_client():
    """A server that is not there yet, goes in the middle of a line, and comes back."""
    port = harness.free_port()
    weird, lines = to_file(CLIENT % (port, ''))
    weird.expect("cannot connect to '127.0.0.1:%d'" % port)
    weird.line('cannot connect to .*connection refused; trying again')
    with listener(port) as l:
        s, _ = l.accept()
        s.sendall(b'first\nsecond\nhal')
        docs = lines.documents(2, alive=weird)
        assert docs[0]['host'] == '127.0.0.1' and docs[0]['port'] == port, docs[0]
        assert weird.metric('weir_input_connections') == 1
        s.close()
        s, _ = l.accept()
        s.sendall(b'third\n' * 1000)
        assert messages(lines.wait(1003, alive=weird)) == ['first', 'second', 'hal'] + ['third'] * 1000
        assert weird.metric('weir_input_connections_total', result='accepted') == 2
        # Half a line is there at the end of weird, too.
        s.sendall(b'the end')
        s.close()
        lines.wait(1004, alive=weird)
        s, _ = l.accept()
        s.sendall(b'last\n')
        lines.wait(1005, alive=weird)
        weird.stop()
        assert s.recv(1) == b''
        s.close()
    assert len(lines.wait(1005)) == 1005


def test_client_ends_while_it_waits():
    """A stop does not wait for a connection that is not there."""
    weird, _ = to_file(CLIENT % (harness.free_port(), ''))
    weird.expect('cannot connect to')
    weird.line('cannot connect to')
    weird.stop()


def test_client_reload():
    """Another option, another connection; a SIGHUP alone keeps it."""
    with listener() as l:
        conf = CLIENT % (l.getsockname()[1], 'tags => ["%s"]') + FILE_OUT % out()
        weird, lines = harness.Weird(conf % 'a'), harness.Lines(out())
        s, _ = l.accept()
        s.sendall(b'one\n')
        lines.wait(1, alive=weird)
        weird.signal(signal.SIGHUP)
        weird.line('configuration reloaded')
        s.sendall(b'two\n')
        assert lines.documents(2, alive=weird)[1]['tags'] == ['a']
        with open(weird.conf, 'w', encoding='utf-8') as f:
            f.write(conf % 'b')
        weird.signal(signal.SIGHUP)
        second, _ = l.accept()
        second.sendall(b'three\n')
        assert lines.documents(3, alive=weird)[2]['tags'] == ['b']
        assert s.recv(1) == b''
        weird.stop()
        s.close()
        second.close()


def tls_server(l, c, text):
    """One connection over TLS; what went wrong, or None."""
    s, _ = l.accept()
    try:
        with c.wrap_socket(s, server_side=True) as t:
            t.sendall(text)
            who = t.getpeercert()
            t.unwrap()
            return who, None
    except OSError as e:
        return None, e
    finally:
        s.close()


def test_client_tls():
    """The server's certificate must be of the authority and bear its name; ours is shown. One that is not is tried again, no line is taken from it."""
    pem, key = ours()
    certificate('client', 'client', 'ca')
    certificate('wrong', 'server', 'ca', 'DNS:elsewhere.test')
    good, bad = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=path('ca.pem')), ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    good.load_cert_chain(pem, key)
    good.verify_mode = ssl.CERT_REQUIRED
    bad.load_cert_chain(path('wrong.pem'), path('wrong.key'))
    with listener() as l:
        weird, lines = to_file(CLIENT % (l.getsockname()[1], 'ssl_enabled => true ssl_certificate_authorities => ["%s"] ssl_certificate => "%s" ssl_key => "%s"' % (
            path('ca.pem'), path('client.pem'), path('client.key'))))
        weird.expect('is closed: TLS: .*certificate verify failed|is closed: .*(mismatch|name)')
        who, error = tls_server(l, bad, b'never\n')
        assert error is not None
        who, error = tls_server(l, good, b'over TLS\n')
        assert error is None and who['subject'] == ((('commonName', 'client'),),), (who, error)
        doc, = lines.documents(1, alive=weird)
        assert doc['message'] == 'over TLS' and doc['sslsubject'] == 'CN=server', doc
        assert weird.metric('weir_input_connections_total', result='refused') == 1
        weird.stop()
    assert len(lines.wait(1)) == 1


def test_client_configuration():
    for options, want in (('port => 0', 'needs the port'), ('port => 1 ssl_enabled => true ssl_client_authentication => none', 'for those who listen')):
        weird = harness.Weird('input { tcp { mode => client %s } }\noutput { null {} }\n' % options, args=('-t',), wait=False)
        assert weird.wait() == 1 and any(want in x for x in weird.lines), weird.lines


# ---- output, mode server ----

def reader(port, **kw):
    s = socket.create_connection(('127.0.0.1', port), timeout=harness.SECONDS, **kw)
    return s


def read_lines(s, count):
    got = b''
    while got.count(b'\n') < count:
        more = s.recv(65536)
        assert more, 'ended after %d lines' % got.count(b'\n')
        got += more
    return got.split(b'\n')[:-1]


def feed(port, *lines):
    with socket.create_connection(('127.0.0.1', port)) as s:
        s.sendall(b''.join(x + b'\n' for x in lines))


def delivered(weird, n):
    harness.until(lambda: weird.metric('weir_output_delivered_total', plugin='tcp') == n, '%d are delivered' % n, alive=weird)


def test_server():
    """All who are connected get all events; nobody: dropped, counted; who only listens (half closed) is served, too."""
    come, port = harness.free_port(), harness.free_port()
    weird = harness.Weird(SYSLOG_IN % come + SERVER % (port, ''))
    weird.expect(NOBODY)
    feed(come, b'for nobody')
    harness.until(lambda: weird.metric('weir_output_dropped_total', reason='nobody') == 1, 'it is dropped', alive=weird)
    weird.line(NOBODY)
    a, b = reader(port), reader(port)
    b.shutdown(socket.SHUT_WR)
    want = [b'line %d' % i for i in range(20000)]
    both = {}
    threads = [threading.Thread(target=lambda k=k, s=s: both.update({k: read_lines(s, len(want))})) for k, s in (('a', a), ('b', b))]
    for t in threads:
        t.start()
    feed(come, *want)
    for t in threads:
        t.join(harness.SECONDS)
    assert both['a'] == want and both['b'] == want
    delivered(weird, len(want))
    # One goes, one comes: from now on.
    a.close()
    c = reader(port)
    feed(come, b'later')
    assert read_lines(b, 1) == [b'later'] and read_lines(c, 1) == [b'later']
    b.close()
    c.close()
    delivered(weird, len(want) + 1)
    feed(come, b'for nobody again')
    harness.until(lambda: weird.metric('weir_output_dropped_total', reason='nobody') == 2, 'it is dropped', alive=weird)
    weird.stop()


def test_server_that_does_not_read():
    """Held up by one that does not read, for a bounded time: then he is cut off, and the other has all."""
    come, port = harness.free_port(), harness.free_port()
    weird = harness.Weird(SYSLOG_IN % come + SERVER % (port, ''))
    weird.expect('reads too slowly for the others')
    stuck = socket.socket()
    stuck.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    stuck.connect(('127.0.0.1', port))
    good = reader(port)
    line = b'x' * 2000
    count = 16 * 1024      # 32 MB: more than any socket's buffer
    t = threading.Thread(target=feed, args=(come, *[b'%d %s' % (i, line) for i in range(count)]))
    t.start()
    got = read_lines(good, count)
    t.join(harness.SECONDS)
    assert [int(x.split(b' ')[0]) for x in got] == list(range(count))
    weird.line('reads too slowly for the others')
    delivered(weird, count)
    good.close()
    stuck.close()
    weird.stop()


def test_server_stops_while_nobody_reads():
    """What is under way to the only one, who does not read, is kept on disk at the end."""
    come, port = harness.free_port(), harness.free_port()
    conf = SYSLOG_IN % come + SERVER % (port, '')
    weird = harness.Weird(conf, settings={'shutdown.drain': '1s'})
    weird.expect('unsent events are kept|nobody has read them|takes no more|trying again')
    stuck = socket.socket()
    stuck.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    stuck.connect(('127.0.0.1', port))
    count = 8 * 1024
    feed(come, *[b'%d %s' % (i, b'y' * 2000) for i in range(count)])
    harness.until(lambda: weird.metric('weir_output_in_flight') > 0 and weird.metric('weir_pipeline_lines_total') == count, 'it is held up', alive=weird)
    done = weird.metric('weir_output_delivered_total')
    weird.stop(balance=False)
    stuck.close()
    assert 0 <= done < count
    assert any('unsent events are kept' in x for x in weird.lines), weird.tail()


def test_server_reload():
    """A SIGHUP keeps port and connections; another option keeps the port."""
    come, port = harness.free_port(), harness.free_port()
    conf = SYSLOG_IN % come + SERVER % (port, 'queue_max => 1000000')
    weird = harness.Weird(conf)
    a = reader(port)
    feed(come, b'one')
    assert read_lines(a, 1) == [b'one']
    weird.signal(signal.SIGHUP)
    weird.line('configuration reloaded')
    feed(come, b'two')
    assert read_lines(a, 1) == [b'two']
    with open(weird.conf, 'w', encoding='utf-8') as f:
        f.write(conf.replace('1000000', '2000000'))
    weird.signal(signal.SIGHUP)
    assert a.recv(1) == b''
    a.close()
    harness.until(lambda: len([x for x in weird.lines if 'configuration reloaded' in x]) == 2, 'the second reload', alive=weird)
    with reader(port) as b:
        feed(come, b'three')
        assert read_lines(b, 1) == [b'three']
    weird.stop()


def test_server_tls():
    """Over TLS, with clients' certificates where they are required; a client that shakes no hands holds up nobody."""
    pem, key = ours()
    certificate('client', 'client', 'ca')
    certificate('other', 'another authority')
    certificate('stranger', 'stranger', 'other')
    come, port = harness.free_port(), harness.free_port()
    weird = harness.Weird(SYSLOG_IN % come + SERVER % (port, 'ssl_enabled => true ssl_certificate => "%s" ssl_key => "%s" ssl_client_authentication => required '
                                                             'ssl_certificate_authorities => ["%s"]' % (pem, key, path('ca.pem'))))
    weird.expect('the connection from .* is closed: TLS|nobody is connected')

    def connect(cert):
        c = ssl.create_default_context(cafile=path('ca.pem'))
        c.load_cert_chain(path(cert + '.pem'), path(cert + '.key'))
        return c.wrap_socket(reader(port), server_hostname='127.0.0.1')
    silent = reader(port)
    good = connect('client')
    try:
        with connect('stranger') as s:
            assert s.recv(1) == b''
    except OSError:
        pass
    weird.line('is closed: TLS')
    want = [b'line %d' % i for i in range(5000)]
    feed(come, *want)
    assert read_lines(good, len(want)) == want
    delivered(weird, len(want))
    good.close()
    silent.close()
    weird.stop()


def test_server_resets():
    """A reader that is reset in the middle: what it had not got was nobody's; the other has all."""
    come, port = harness.free_port(), harness.free_port()
    weird = harness.Weird(SYSLOG_IN % come + SERVER % (port, ''))
    a, b = reader(port), reader(port)
    feed(come, b'one')
    assert read_lines(a, 1) == read_lines(b, 1) == [b'one']
    a.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
    a.close()
    feed(come, *[b'%d' % i for i in range(3000)])
    assert read_lines(b, 3000) == [b'%d' % i for i in range(3000)]
    delivered(weird, 3001)
    b.close()
    weird.stop()


def test_weird_to_weird():
    """One listens with its output, the other calls with its input."""
    come, port = harness.free_port(), harness.free_port()
    first = harness.Weird(SYSLOG_IN % come + SERVER % (port, ''), name='first', data=os.path.join(harness.work, 'first.data'))
    second, lines = to_file(CLIENT % (port, ''), name='second', data=os.path.join(harness.work, 'second.data'))
    second.line("connected to '127.0.0.1:%d'" % port)
    feed(come, *[b'%d' % i for i in range(10000)])
    assert messages(lines.wait(10000, alive=second)) == ['%d' % i for i in range(10000)]
    second.expect('cannot connect')
    first.stop()
    second.stop()


harness.main()
