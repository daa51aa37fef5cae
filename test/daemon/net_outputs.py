#!/usr/bin/env python3
"""net_outputs.py - what the outputs tcp, udp and syslog send, counted to the last event: to servers that go, come, do not read or cannot be
believed, and to a real rsyslog."""
import glob
import json
import re
import signal
import socket
import ssl
import struct
import threading

import harness
from certificates import certificate, openssl, path

LINES = 'input { tcp { host => "127.0.0.1" port => %d codec => json } }\n'


class Server:
    """Takes connections (over TLS with a context) and keeps what each one brought. die_after: bytes after which the first one is reset."""

    def __init__(self, port=None, context=None, die_after=None, reads=True, buffer=0):
        self.context, self.die_after, self.reads = context, die_after, reads
        self.l = socket.socket()
        self.l.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if buffer:      # what the kernel holds for us at most
            self.l.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        self.buffer = self.l.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
        self.port = port or harness.free_port()
        self.l.bind(('127.0.0.1', self.port))
        self.l.listen()
        self.parts, self.open, self.peers, self.failed = [], [], [], 0
        self.more = threading.Condition()
        self.t = threading.Thread(target=self.run, daemon=True)
        self.t.start()

    def run(self):
        while True:
            try:
                s, _ = self.l.accept()
            except OSError:
                return
            self.open.append(s)
            if self.reads:
                threading.Thread(target=self.serve, args=(s,), daemon=True).start()

    def serve(self, s):
        if self.context:
            try:
                s = self.context.wrap_socket(s, server_side=True)
                self.open.append(s)
                self.peers.append(s.getpeercert())
            except OSError:
                with self.more:
                    self.failed += 1
                    self.more.notify_all()
                return
        with self.more:
            n = len(self.parts)
            self.parts.append(b'')
        while True:
            try:
                data = s.recv(65536)
            except OSError:
                return
            with self.more:
                self.parts[n] += data
                self.more.notify_all()
            if not data:
                s.close()
                return
            if self.die_after is not None and len(self.parts[n]) >= self.die_after:
                self.die_after = None
                s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
                s.close()
                return

    def wait(self, condition, what):
        with self.more:
            if not self.more.wait_for(lambda: condition(self.parts), harness.SECONDS):
                raise AssertionError('%s: %r' % (what, [p[-200:] for p in self.parts]))
            return list(self.parts)

    def lines(self, count):
        return b''.join(self.wait(lambda parts: sum(p.count(b'\n') for p in parts) >= count, '%d lines' % count)).split(b'\n')[:-1]

    def close(self):
        self.l.shutdown(socket.SHUT_RDWR)
        self.l.close()
        for s in self.open:
            s.close()


def sequence(lines):
    """The numbers of whole JSON lines."""
    out = []
    for x in lines:
        try:
            out.append(json.loads(x)['sequence'])
        except ValueError:
            pass
    return out


def generate(count, output, **kw):
    return harness.Weird('input { generator { count => %d } }\noutput { %s }\n' % (count, output), **kw)


def ends(weird):
    """All inputs have ended: weird drains and goes by itself."""
    assert weird.wait() == 0, weird.tail()
    bad = weird.complaints()
    assert not bad, bad


def test_tcp():
    """Every event once, in order."""
    server = Server()
    weird = generate(20000, 'tcp { host => "127.0.0.1" port => %d codec => json_lines }' % server.port)
    assert sequence(server.lines(20000)) == list(range(20000))
    ends(weird)
    assert server.lines(20000)[-1:] and len(server.parts) == 1
    server.close()


def test_tcp_default_codec():
    """json, as in Logstash: nothing stands between two documents."""
    server = Server()
    weird = generate(3, 'tcp { host => "127.0.0.1" port => %d }' % server.port)
    data = server.wait(lambda parts: parts and parts[0].count(b'}') >= 3, 'three documents')[0]
    ends(weird)
    assert len(re.findall(rb'\}\{', data)) == 2 and b'\n' not in data, data
    server.close()


def test_tcp_reset():
    """The server resets the connection in the middle: what its kernel had not acknowledged is sent again, in order. What the kernel had taken and the
    program not yet read is lost: a plain stream cannot tell."""
    for die_after in (1, 100000, 1000000):
        server = Server(die_after=die_after, buffer=16384)
        weird = generate(20000, 'tcp { host => "127.0.0.1" port => %d codec => json_lines }' % server.port)
        weird.expect('trying again')
        parts = server.wait(lambda parts: len(parts) > 1 and sequence(parts[-1].split(b'\n')[:-1])[-1:] == [19999], 'the last event')
        ends(weird)
        first, rest = sequence(parts[0].split(b'\n')[:-1]), sequence(b''.join(parts[1:]).split(b'\n')[:-1])
        # What the first connection brought whole, and the second from somewhere at or before its end.
        assert first == list(range(len(first)))
        assert rest == list(range(rest[0], 20000)), rest[:3]
        line = min(len(x) for x in parts[-1].split(b'\n')[:-1])
        assert (rest[0] - len(first) - 1) * line <= server.buffer, (len(first), rest[:3], server.buffer)
        server.close()


def test_tcp_comes_late():
    """Nobody listens yet: the events wait."""
    port = harness.free_port()
    weird = generate(100, 'tcp { host => "127.0.0.1" port => %d codec => json_lines }' % port, wait=False)
    weird.expect('cannot connect to')
    weird.line('cannot connect to .*Connection refused')
    server = Server(port)
    assert sequence(server.lines(100)) == list(range(100))
    ends(weird)
    server.close()


def test_tcp_unsent():
    """The end comes first: what is unsent is on disk, and sent first by the next start."""
    port, source = harness.free_port(), harness.free_port()
    conf = LINES % source + 'output { tcp { id => "far" host => "127.0.0.1" port => %d codec => json_lines } }\n' % port
    weird = harness.Weird(conf, settings={'shutdown.drain': '1s'})
    weird.expect('cannot connect to|unsent events are kept on disk|works again')
    with socket.create_connection(('127.0.0.1', source)) as s:
        s.sendall(b''.join(b'{"sequence":%d}\n' % i for i in range(500)))
    harness.until(lambda: weird.metric('weir_output_in_flight', id='far') == 500, 'all wait', alive=weird)
    weird.stop()
    server = Server(port)
    again = harness.Weird(conf, name='again')
    with socket.create_connection(('127.0.0.1', source)) as s:
        s.sendall(b'{"sequence":500}\n')
    assert sequence(server.lines(501)) == list(range(501))
    again.stop()
    server.close()


def test_tcp_server_that_does_not_read():
    """The queue is bounded; what when_full says goes, is counted, and weird still ends."""
    server, source = Server(reads=False, buffer=4096), harness.free_port()
    weird = harness.Weird(LINES % source + 'output { tcp { host => "127.0.0.1" port => %d codec => json_lines queue_max => 1048576 when_full => drop_newest } }\n' % server.port,
                          settings={'shutdown.drain': '1s'})
    weird.expect('unsent events are kept on disk|queue full|does not acknowledge|is not reading')
    with socket.create_connection(('127.0.0.1', source)) as s:
        for i in range(200):
            s.sendall(b''.join(b'{"sequence":%d,"x":"%s"}\n' % (k, b'x' * 200) for k in range(i * 100, i * 100 + 100)))
    harness.until(lambda: weird.metric('weir_output_dropped_total', reason='full') > 0 and weird.metric('weir_pipeline_lines_total') == 20000,
                  'some are dropped', alive=weird)
    weird.stop()
    server.close()


def server_context(cert='server', client_ca=None):
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    c.load_cert_chain(path(cert + '.pem'), path(cert + '.key'))
    if client_ca:
        c.load_verify_locations(path(client_ca + '.pem'))
        c.verify_mode = ssl.CERT_REQUIRED
    return c


def authority():
    certificate('ca', 'authority')
    certificate('server', 'server', 'ca', 'IP:127.0.0.1,DNS:localhost')
    certificate('client', 'weir', 'ca')


def test_tls():
    """Whom we believe, and who believes us; what is refused is tried again, and nothing of it is lost."""
    authority()
    certificate('other', 'another')
    certificate('elsewhere', 'elsewhere', 'ca', 'DNS:elsewhere.example')
    tls = 'tcp { host => "127.0.0.1" port => %%d codec => json_lines %s }'
    ca = 'ssl_enabled => true ssl_certificate_authorities => "%s" ' % path('ca.pem')
    ours = 'ssl_certificate => "%s" ssl_key => "%s" ' % (path('client.pem'), path('client.key'))
    good = [('server', None, ca), ('server', 'ca', ca + ours), ('elsewhere', None, ca + 'ssl_verification_mode => certificate'),
            ('elsewhere', None, 'ssl_enabled => true ssl_verification_mode => none'),
            ('server', None, 'ssl_enable => true ssl_verify => true ssl_cacert => "%s"' % path('ca.pem')),
            ('elsewhere', None, 'ssl_enable => true')]
    for cert, client_ca, options in good:
        server = Server(context=server_context(cert, client_ca))
        weird = generate(2000, tls % options % server.port)
        weird.expect('is deprecated|anybody\'s certificate is accepted')
        assert sequence(server.lines(2000)) == list(range(2000)), options
        ends(weird)
        assert not client_ca or server.peers[0]['subject'] == ((('commonName', 'weir'),),)
        server.close()
    bad = [('elsewhere', None, ca, 'certificate is not accepted'), ('server', None, 'ssl_enabled => true', 'certificate is not accepted'),
           ('server', None, 'ssl_enabled => true ssl_certificate_authorities => "%s"' % path('other.pem'), 'certificate is not accepted'),
           ('server', 'other', ca + ours, 'TLS: ')]
    for cert, client_ca, options, why in bad:
        server = Server(context=server_context(cert, client_ca))
        source = harness.free_port()
        weird = harness.Weird(LINES % source + 'output { %s }\n' % (tls % options % server.port), settings={'shutdown.drain': '1s'}, data=path('data-' + str(source)))
        weird.expect('%s|unsent events are kept on disk' % why)
        with socket.create_connection(('127.0.0.1', source)) as s:
            s.sendall(b'{"sequence":1}\n')
        weird.line(why)
        assert weird.metric('weir_output_delivered_total') == 0
        weird.stop()
        assert b''.join(server.parts) == b''
        server.close()


def test_tls_to_plain_text():
    server, source = Server(), harness.free_port()
    weird = harness.Weird(LINES % source + 'output { tcp { host => "127.0.0.1" port => %d ssl_enabled => true } }\n' % server.port,
                          settings={'shutdown.drain': '1s'})
    weird.expect('handshake takes too long|has closed the connection|unsent|trying again')
    with socket.create_connection(('127.0.0.1', source)) as s:
        s.sendall(b'{"sequence":1}\n')
    server.wait(lambda parts: parts and parts[0][:1] == b'\x16', 'a handshake')
    weird.stop()
    server.close()


def test_tls_reset():
    authority()
    server = Server(context=server_context(), die_after=200000, buffer=16384)
    weird = generate(20000, 'tcp { host => "127.0.0.1" port => %d codec => json_lines ssl_enabled => true ssl_certificate_authorities => "%s" }' % (server.port, path('ca.pem')))
    weird.expect('trying again')
    parts = server.wait(lambda parts: len(parts) > 1 and sequence(parts[-1].split(b'\n')[:-1])[-1:] == [19999], 'the last event')
    ends(weird)
    first, rest = sequence(parts[0].split(b'\n')[:-1]), sequence(b''.join(parts[1:]).split(b'\n')[:-1])
    line = min(len(x) for x in parts[-1].split(b'\n')[:-1])
    assert first == list(range(len(first))) and rest == list(range(rest[0], 20000))
    assert (rest[0] - len(first) - 1) * line <= server.buffer + 65536      # what Python's read had decrypted, too
    server.close()


def test_renewed_client_certificate():
    """A reload takes it for the next connection; the queue and what waits in it stay."""
    authority()
    certificate('other', 'another')
    certificate('client', 'weir', 'other')      # not yet the right one
    server, source = Server(context=server_context('server', 'ca')), harness.free_port()
    weird = harness.Weird(LINES % source + 'output { tcp { host => "127.0.0.1" port => %d codec => json_lines ssl_enabled => true ssl_certificate_authorities => "%s" '
                          'ssl_certificate => "%s" ssl_key => "%s" ssl_supported_protocols => "TLSv1.2" } }\n' % (server.port, path('ca.pem'), path('client.pem'), path('client.key')))
    weird.expect('TLS: |works again')
    with socket.create_connection(('127.0.0.1', source)) as s:
        s.sendall(b'{"sequence":1}\n')
    weird.line('TLS: ')
    certificate('client', 'weir', 'ca')
    weird.signal(signal.SIGHUP)
    weird.line('configuration reloaded')
    assert sequence(server.lines(1)) == [1]
    weird.stop()
    server.close()


def datagrams(s, count):
    s.settimeout(harness.SECONDS)
    return [s.recv(65536) for _ in range(count)]


def test_udp():
    """One datagram an event, to the port that the event says; what is too large is a dead letter."""
    a, b = socket.socket(socket.AF_INET, socket.SOCK_DGRAM), socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for s in (a, b):
        s.bind(('127.0.0.1', 0))
    source = harness.free_port()
    weird = harness.Weird(LINES % source + 'output { udp { host => "127.0.0.1" port => "%%{port_of}" codec => line { format => "%%{text}" } }\n'
                          'udp { host => "localhost" port => %d } }\n' % a.getsockname()[1])
    weird.expect('refused for good')
    docs = [{'port_of': a.getsockname()[1], 'text': 'for a'}, {'port_of': str(b.getsockname()[1]), 'text': 'for b'},
            {'port_of': 'nowhere', 'text': 'for nobody'}, {'port_of': b.getsockname()[1], 'text': 'x' * 70000},
            {'port_of': b.getsockname()[1], 'text': 'last'}]
    with socket.create_connection(('127.0.0.1', source)) as s:
        s.sendall(b''.join(json.dumps(d).encode() + b'\n' for d in docs))
    assert datagrams(b, 2) == [b'for b\n', b'last\n']
    have = datagrams(a, 5)
    assert [x for x in have if not x.startswith(b'{')] == [b'for a\n']
    assert [json.loads(x)['text'] for x in have if x.startswith(b'{')] == ['for a', 'for b', 'for nobody', 'last']
    weird.expect('cannot be rendered')
    harness.until(lambda: weird.metric('weir_output_dead_letter_total') == 3, 'three dead letters', alive=weird)
    weird.stop()


EVENTS = [
    {'message': 'plain', 'host': 'h1', '@timestamp': '2026-02-03T04:05:06.789Z', 'p': '7', 'f': 'local0', 's': 'error', 'syslog_pri': 33},
    {'message': 'two\r\nlines\nand blanks \n\n', 'host': 'h2', '@timestamp': '2026-11-23T14:05:06Z', 'p': 'x', 'f': 'nonsense', 's': 'nonsense', 'syslog_pri': '192'},
    {'message': 'forged', 'host': 'h\n<0>forged', '@timestamp': '2026-11-23T14:05:06Z', 'p': '\x07', 'f': 'ftp', 's': 'debug', 'syslog_pri': 'none'},
]


def syslog_out(options, framing=b'\n', events=EVENTS, context=None):
    server, source = Server(context=context), harness.free_port()
    weird = harness.Weird(LINES % source + 'output { syslog { host => "127.0.0.1" port => %d %s } }\n' % (server.port, options))
    weird.expect('its number in RFC 5424|anybody\'s certificate|is deprecated')
    with socket.create_connection(('127.0.0.1', source)) as s:
        s.sendall(b''.join(json.dumps(d).encode() + b'\n' for d in events))
    data = server.wait(lambda parts: parts and len(frames(parts[0], framing)) == len(events), 'all frames')[0]
    weird.stop()
    server.close()
    return frames(data, framing)


def frames(data, framing):
    if framing == b'\n':
        return data.decode().split('\n')[:-1]
    out = []
    while data:
        n, _, rest = data.partition(b' ')
        if len(rest) < int(n or 0) or not n:
            break
        out.append(rest[:int(n)].decode())
        data = rest[int(n):]
    return out


def test_syslog_3164():
    assert syslog_out('protocol => tcp procid => "%{p}" facility => "%{f}" severity => "%{s}" appname => "app"') == [
        '<131>Feb 03 04:05:06 h1 app[7]: plain',
        '<13>Nov 23 14:05:06 h2 app[x]: two\\nlines\\nand blanks',
        '<95>Nov 23 14:05:06 h?<0>forged app[?]: forged']


def test_syslog_5424():
    assert syslog_out('protocol => tcp rfc => rfc5424 use_labels => false msgid => "%{s}" structured_data => "[x@1 p=\\"%{p}\\"]"'.replace('\\"', "'")) == [
        "<33>1 2026-02-03T04:05:06.789+00:00 h1 LOGSTASH - error [x@1 p='7'] plain",
        "<13>1 2026-11-23T14:05:06.000+00:00 h2 LOGSTASH - nonsense [x@1 p='x'] two\\nlines\\nand blanks",
        "<13>1 2026-11-23T14:05:06.000+00:00 h?<0>forged LOGSTASH - debug [x@1 p='?'] forged"]


def test_syslog_codec_and_octets():
    assert syslog_out('protocol => tcp rfc => rfc5424 framing => octet_counting codec => plain { format => "%{s} of %{host}" }', b' ', EVENTS[:2]) == [
        '<13>1 2026-02-03T04:05:06.789+00:00 h1 LOGSTASH - - - error of h1', '<13>1 2026-11-23T14:05:06.000+00:00 h2 LOGSTASH - - - nonsense of h2']
    assert syslog_out('protocol => tcp message => "only %{s}" codec => plain', events=EVENTS[:1]) == ['<13>Feb 03 04:05:06 h1 LOGSTASH[-]: only error']


def test_syslog_udp():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(('127.0.0.1', 0))
        source = harness.free_port()
        weird = harness.Weird(LINES % source + 'output { syslog { host => "127.0.0.1" port => %d facility => local7 severity => alert } }\n' % s.getsockname()[1])
        weird.expect("'local7' is sent as facility 23.*Logstash sends 21")
        weird.line("'local7' is sent as facility 23.*Logstash sends 21")
        with socket.create_connection(('127.0.0.1', source)) as c:
            c.sendall(json.dumps(EVENTS[0]).encode() + b'\n')
        assert datagrams(s, 1) == [b'<185>Feb 03 04:05:06 h1 LOGSTASH[-]: plain']
        weird.stop()


def test_syslog_tls():
    """RFC 5425 from weird to weird, both with certificates; and a certificate that was revoked."""
    authority()
    port, source, n = harness.free_port(), harness.free_port(), 3000
    lines = harness.Lines(path('out.ndjson'))
    receiver = harness.Weird('input { syslog { host => "127.0.0.1" port => %d ssl_enabled => true ssl_certificate => "%s" ssl_key => "%s" ssl_certificate_authorities => "%s" '
                             'ssl_client_authentication => required } }\noutput { file { path => "%s" codec => json_lines } }\n' % (
                                 port, path('server.pem'), path('server.key'), path('ca.pem'), path('out.ndjson')), name='receiver', data=path('data-receiver'))
    weird = harness.Weird(LINES % source + 'output { syslog { host => "127.0.0.1" port => %d protocol => "ssl-tcp" rfc => rfc5424 framing => octet_counting ssl_cert => "%s" ssl_key => "%s" '
                          'ssl_cacert => "%s" ssl_verify => true appname => "app" } }\n' % (port, path('client.pem'), path('client.key'), path('ca.pem')))
    weird.expect('is deprecated')
    with socket.create_connection(('127.0.0.1', source)) as s:
        s.sendall(b''.join(b'{"message":"number %d","host":"h"}\n' % i for i in range(n)))
    assert [d['message'] for d in lines.documents(n, alive=receiver)] == ['number %d' % i for i in range(n)]
    weird.stop()
    receiver.stop()

    with open(path('ca.cnf'), 'w', encoding='ascii') as f:
        f.write('[ca]\ndefault_ca=x\n[x]\ndatabase=index.txt\ncertificate=ca.pem\nprivate_key=ca.key\ndefault_md=sha256\ndefault_crl_days=2\n')
    with open(path('index.txt'), 'w', encoding='ascii'):
        pass
    openssl('ca', '-config', 'ca.cnf', '-revoke', 'server.pem')
    openssl('ca', '-config', 'ca.cnf', '-gencrl', '-out', 'crl.pem')
    server = Server(context=server_context())
    weird = harness.Weird(LINES % source + 'output { syslog { host => "127.0.0.1" port => %d protocol => "ssl-tcp" ssl_certificate_authorities => "%s" ssl_verify => true ssl_crl_path => "%s" } }\n'
                          % (server.port, path('ca.pem'), path('crl.pem')), settings={'shutdown.drain': '1s'}, name='revoked', data=path('data-revoked'))
    weird.expect('is deprecated|certificate revoked|unsent')
    with socket.create_connection(('127.0.0.1', source)) as s:
        s.sendall(b'{"message":"never","host":"h"}\n')
    weird.line('certificate revoked')
    weird.stop()
    server.close()


def rsyslog(input_of, options, n=2000):
    """A real rsyslog receives what weird's output sends."""
    root = harness.part('rsyslog-tls', 'usr/sbin/rsyslogd')
    port, source, out = harness.free_port(), harness.free_port(), path('rsyslog.out')
    lines = harness.Lines(out)
    with open(path('rsyslog.conf'), 'w', encoding='utf-8') as f:
        f.write('global(workDirectory="%s" DefaultNetstreamDriverCAFile="%s" DefaultNetstreamDriverCertFile="%s" DefaultNetstreamDriverKeyFile="%s")\n'
                '%s\ntemplate(name="t" type="string" string="%%PRI%%|%%timereported:::date-rfc3339%%|%%hostname%%|%%app-name%%|%%procid%%|%%msg%%\\n")\n'
                'if $app-name == "app" then action(type="omfile" file="%s" template="t")\n'
                % (harness.work, path('ca.pem'), path('server.pem'), path('server.key'), input_of % port, out))
    libs = ':'.join(glob.glob(root + '/usr/lib/*-linux-*'))
    receiver = harness.Program('rsyslogd', [root + '/usr/sbin/rsyslogd', '-n', '-f', path('rsyslog.conf'), '-i', path('rsyslogd.pid'), '-M',
                                            glob.glob(root + '/usr/lib/*/rsyslog')[0]], env={'LD_LIBRARY_PATH': libs, 'TZ': 'UTC'})
    weird = harness.Weird(LINES % source + 'output { syslog { host => "127.0.0.1" port => %d facility => mail severity => error appname => app procid => "%%{n}" %s } }\n' % (port, options))
    weird.expect('cannot connect|is deprecated|works again')
    with socket.create_connection(('127.0.0.1', source)) as s:
        s.sendall(b''.join(b'{"message":"number %d","host":"sender","n":%d,"@timestamp":"2026-11-23T07:57:05Z"}\n' % (i, i) for i in range(n)))
    have = [x.decode() for x in lines.wait(n, alive=receiver)]
    weird.stop()
    receiver.stop()
    assert len(have) == n
    for i, x in enumerate(have):
        pri, stamp, host, app, procid, msg = x.split('|')
        assert (pri, host, app, procid, msg.strip()) == ('19', 'sender', 'app', str(i), 'number %d' % i), x
        assert re.match('2026-11-23T07:57:05(.000)?(Z|[+]00:00)$', stamp) or 'rfc5424' not in options, x


IMTCP = 'module(load="imtcp")\ninput(type="imtcp" port="%d")'
IMTCP_TLS = ('module(load="imtcp" StreamDriver.Name="gtls" StreamDriver.Mode="1" StreamDriver.AuthMode="x509/name" PermittedPeer=["weir"])\n'
             'input(type="imtcp" port="%d")')


def test_rsyslog_tcp_lines():
    authority()
    rsyslog(IMTCP, 'protocol => tcp')


def test_rsyslog_tcp_octets():
    authority()
    rsyslog(IMTCP, 'protocol => tcp rfc => rfc5424 framing => octet_counting')


def test_rsyslog_tls():
    authority()
    rsyslog(IMTCP_TLS, 'protocol => "ssl-tcp" rfc => rfc5424 framing => octet_counting ssl_certificate_authorities => "%s" ssl_certificate => "%s" ssl_key => "%s" '
            'ssl_verification_mode => full' % (path('ca.pem'), path('client.pem'), path('client.key')))


harness.main()
