#!/usr/bin/env python3
"""proxies.py - the header of HAProxy's PROXY protocol before a connection to the inputs tcp and syslog: whose connection it is, with and without
TLS, cut anywhere, malformed or missing; by a real HAProxy in both versions."""
import os
import socket
import ssl
import struct

import harness
from certificates import certificate, path

TCP = 'input { tcp { host => "127.0.0.1" port => %d proxy_protocol => true %s } }\n'
SYSLOG = 'input { syslog { host => "127.0.0.1" port => %d proxy_protocol => true } }\n'
SHOW = 'filter { mutate { add_field => { "seen" => "%s" } } }\n'
OLD = '%{host} %{port} %{[@metadata][ip_address]} %{proxy_host} %{proxy_port}'
ECS = '%{[@metadata][input][tcp][source][ip]} %{[@metadata][input][tcp][source][port]} %{[@metadata][input][tcp][proxy][ip]} %{[@metadata][input][tcp][proxy][port]}'
SIGNATURE = b'\r\n\r\n\0\r\nQUIT\n'


def start(conf):
    out = path('out.ndjson')
    return harness.Weird(conf + 'output { file { path => "%s" codec => json_lines } }\n' % out), harness.Lines(out)


def send(port, *chunks):
    with socket.create_connection(('127.0.0.1', port), timeout=harness.SECONDS) as s:
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for c in chunks:
            s.sendall(c)
        s.shutdown(socket.SHUT_WR)
        try:
            while s.recv(100):
                pass
        except ConnectionResetError:
            pass


def binary(command, family, body):
    return SIGNATURE + bytes([command, family]) + struct.pack('>H', len(body)) + body


FOUR = socket.inet_aton('192.0.2.7') + socket.inet_aton('198.51.100.1') + struct.pack('>HH', 51905, 5000)
SIX = socket.inet_pton(socket.AF_INET6, '2001:db8::7') + socket.inet_pton(socket.AF_INET6, '2001:db8::1') + struct.pack('>HH', 51906, 5001)


def test_who_it_is():
    port = harness.free_port()
    weird, lines = start(TCP % (port, '') + SHOW % OLD)
    cases = ((b'PROXY TCP4 192.0.2.7 198.51.100.1 51905 5000\r\n', '192.0.2.7 51905 192.0.2.7 198.51.100.1 5000'),
             (b'PROXY TCP6 2001:db8::7 2001:db8::1 51906 5001\r\n', '2001:db8::7 51906 2001:db8::7 2001:db8::1 5001'),
             (binary(0x21, 0x11, FOUR), '192.0.2.7 51905 192.0.2.7 198.51.100.1 5000'),
             (binary(0x21, 0x21, SIX + b'\x03\0\x04abcd'), '2001:db8::7 51906 2001:db8::7 2001:db8::1 5001'))
    n = 0
    for head, want in cases:
        whole = head + b'a line\nanother\n'
        for chunks in ((whole,), (head, b'a line\nanother\n'), tuple(whole[i:i + 1] for i in range(len(whole)))):
            send(port, *chunks)
            n += 2
            docs = lines.documents(n, alive=weird)[-2:]
            assert [d['message'] for d in docs] == ['a line', 'another'] and [d['seen'] for d in docs] == [want] * 2, (head, docs)
            assert isinstance(docs[0]['port'], str) and isinstance(docs[0]['proxy_port'], str), docs[0]
    # The proxy for itself, or one that does not know: the connection's own address, and no proxy.
    for head in (b'PROXY UNKNOWN\r\n', b'PROXY UNKNOWN ::1 ::1 1 2\r\n', binary(0x20, 0, b''), binary(0x21, 0x31, b'u' * 216)):
        send(port, head + b'itself\n')
        n += 1
        doc = lines.documents(n, alive=weird)[-1]
        assert doc['host'] == '127.0.0.1' and isinstance(doc['port'], int) and 'proxy_host' not in doc, doc
    weird.stop()
    assert len(lines.wait(n)) == n


def test_ecs():
    port = harness.free_port()
    weird, lines = start(TCP % (port, 'ecs_compatibility => v8') + SHOW % ECS)
    send(port, b'PROXY TCP4 192.0.2.7 198.51.100.1 51905 5000\r\na line\n')
    doc, = lines.documents(1, alive=weird)
    assert doc['seen'] == '192.0.2.7 51905 198.51.100.1 5000' and 'host' not in doc, doc
    weird.stop()


def test_syslog():
    """The sender's host is the client's; a datagram has no header."""
    port = harness.free_port()
    weird, lines = start(SYSLOG % port)
    line = b'<13>Nov 23 07:57:05 box app[1]: by tcp'
    send(port, b'PROXY TCP4 192.0.2.7 198.51.100.1 51905 5000\r\n%d %s' % (len(line), line))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.sendto(line.replace(b'tcp', b'udp'), ('127.0.0.1', port))
    docs = {d['message']: d['host'] for d in lines.documents(2, alive=weird)}
    assert docs == {'by tcp': '192.0.2.7', 'by udp': '127.0.0.1'}, docs
    weird.stop()


def test_malformed():
    """Closed, counted, told; no line of it is taken, and the others go on."""
    port = harness.free_port()
    weird, lines = start(TCP % (port, ''))
    weird.expect('is closed: it does not begin with a PROXY header|is closed: its PROXY header|is closed: it ended in the middle')
    bad = (b'just a line\n', b'PROXY TCP4 1.2.3.4\r\nx\n', b'PROXY TCP4 1.2.3.4 1.2.3.4 1 65536\r\nx\n', b'PROXY TCP4 ::1 ::1 1 2\r\nx\n', b'PROXY ' + b'x' * 200,
           b'PROXY UDP4 1.2.3.4 1.2.3.4 1 2\r\nx\n', binary(0x31, 0x11, FOUR), binary(0x21, 0x21, FOUR), binary(0x22, 0x11, FOUR), SIGNATURE + b'\x21\x11\xff\xffx\n',
           b'PROXY TCP4 1.2.3.4 1', b'\x16\x03\x01\x02\x00\x01\x00')
    for i, text in enumerate(bad):
        send(port, text)
        harness.until(lambda: weird.metric('weir_input_connections_total', result='refused') == i + 1, 'refused: %r' % text[:30], alive=weird)
    # A health check: connects, and says nothing.
    send(port)
    send(port, b'PROXY TCP4 192.0.2.7 198.51.100.1 1 2\r\ngood\n')
    assert [d['message'] for d in lines.documents(1, alive=weird)] == ['good']
    assert weird.metric('weir_input_connections_total', result='refused') == len(bad)
    assert weird.metric('weir_input_bad_frames_total') == 0
    weird.stop()
    assert len(lines.wait(1)) == 1


def test_header_that_does_not_come():
    port = harness.free_port()
    weird, lines = start(TCP % (port, 'ssl_handshake_timeout => 300'))
    weird.expect('its PROXY header takes too long')
    with socket.create_connection(('127.0.0.1', port), timeout=harness.SECONDS) as s:
        s.sendall(b'PROXY TCP4 192')
        try:
            assert s.recv(1) == b''
        except ConnectionResetError:
            pass
    weird.line('its PROXY header takes too long')
    weird.stop()


def tls_context():
    certificate('ca', 'authority')
    certificate('server', 'server', 'ca', 'IP:127.0.0.1')
    certificate('client', 'client/O=Example', 'ca')
    c = ssl.create_default_context(cafile=path('ca.pem'))
    c.load_cert_chain(path('client.pem'), path('client.key'))
    return c, ('ssl_enabled => true ssl_certificate => "%s" ssl_key => "%s" ssl_client_authentication => required ssl_certificate_authorities => ["%s"]'
               % (path('server.pem'), path('server.key'), path('ca.pem')))


def test_tls():
    """Before the handshake, as HAProxy sends it, and within, as Logstash reads it."""
    c, options = tls_context()
    port = harness.free_port()
    weird, lines = start(TCP % (port, options) + SHOW % OLD)
    head = b'PROXY TCP4 192.0.2.7 198.51.100.1 51905 5000\r\n'
    for outside, inside in ((head, b''), (b'', head)):
        with socket.create_connection(('127.0.0.1', port), timeout=harness.SECONDS) as raw:
            raw.sendall(outside)
            with c.wrap_socket(raw, server_hostname='127.0.0.1') as s:
                s.sendall(inside + b'secret\n')
                s.unwrap()
    docs = lines.documents(2, alive=weird)
    assert [(d['message'], d['seen'], d['sslsubject']) for d in docs] == [('secret', '192.0.2.7 51905 192.0.2.7 198.51.100.1 5000', 'O=Example,CN=client')] * 2, docs
    weird.stop()


def test_many_clients_of_one_proxy():
    """The limit for one address counts clients, not their proxy."""
    port = harness.free_port()
    weird, lines = start(TCP % (port, ''))
    weird.expect('too many connections from the address')
    held = []
    for i in range(300):
        s = socket.create_connection(('127.0.0.1', port), timeout=harness.SECONDS)
        s.sendall(b'PROXY TCP4 192.0.2.%d 198.51.100.1 %d 5000\r\n%d\n' % (i % 200 + 1, i + 1, i))
        held.append(s)
    assert len({d['host'] for d in lines.documents(300, alive=weird)}) == 200
    for i in range(257):
        s = socket.create_connection(('127.0.0.1', port), timeout=harness.SECONDS)
        s.sendall(b'PROXY TCP4 203.0.113.1 198.51.100.1 %d 5000\r\n' % (i + 1))
        held.append(s)
    weird.line('too many connections from the address')
    assert weird.metric('weir_input_connections_total', result='refused') == 1
    for s in held:
        s.close()
    weird.stop()


HAPROXY = '''
global
    maxconn 100
defaults
    mode tcp
    timeout connect 10s
    timeout client 60s
    timeout server 60s
listen one
    bind 127.0.0.1:%d
    server weir 127.0.0.1:%d send-proxy
listen two
    bind 127.0.0.1:%d
    server weir 127.0.0.1:%d send-proxy-v2 check
listen tls
    bind 127.0.0.1:%d
    server weir 127.0.0.1:%d send-proxy ssl verify required ca-file %s crt %s
'''


def haproxy(conf):
    root = harness.part('haproxy', 'usr/sbin/haproxy')
    with open(path('haproxy.cfg'), 'w', encoding='utf-8') as f:
        f.write(conf)
    libs = [os.path.join(root, 'usr/lib', d) for d in os.listdir(os.path.join(root, 'usr/lib')) if '-linux-' in d]
    return harness.Program('haproxy', [os.path.join(root, 'usr/sbin/haproxy'), '-db', '-f', path('haproxy.cfg')], env={'LD_LIBRARY_PATH': ':'.join(libs)})


def test_haproxy():
    harness.part('haproxy', 'usr/sbin/haproxy')
    _, options = tls_context()
    with open(path('both.pem'), 'w', encoding='ascii') as f:
        for name in ('client.pem', 'client.key'):
            with open(path(name), encoding='ascii') as g:
                f.write(g.read())
    plain, secret, ports = harness.free_port(), harness.free_port(), [harness.free_port() for _ in range(3)]
    weird, lines = start(TCP % (plain, '') + TCP % (secret, options) + SHOW % OLD)
    proxy = haproxy(HAPROXY % (ports[0], plain, ports[1], plain, ports[2], secret, path('ca.pem'), path('both.pem')))
    weird.expect('it does not take the answer')         # who only looks whether HAProxy listens is gone before TLS has begun
    for n, port in enumerate(ports, 1):
        harness.until(lambda: socket.socket().connect_ex(('127.0.0.1', port)) == 0, 'HAProxy listens', alive=proxy)
        with socket.create_connection(('127.0.0.1', port), timeout=harness.SECONDS) as s:
            mine = s.getsockname()[1]
            s.sendall(b'by way of %d\n' % port)
            doc = lines.documents(n, alive=weird)[-1]
            assert doc['message'] == 'by way of %d' % port and doc['seen'] == '127.0.0.1 %d 127.0.0.1 127.0.0.1 %d' % (mine, port), doc
    proxy.stop()
    weird.stop()
    assert len(lines.wait(len(ports))) == len(ports)


harness.main()
