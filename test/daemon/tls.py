#!/usr/bin/env python3
"""tls.py - what comes in over TLS, counted to the last line: by Python's client, openssl s_client and a real rsyslog; and who is refused."""
import os
import re
import signal
import socket
import ssl
import struct
import subprocess

import harness
import senders
from certificates import certificate, chain, openssl, path

FILE_OUT = 'output { file { path => "%s" codec => json_lines } }\n'
OURS = 'ssl_certificate => "%s" ssl_key => "%s"'
TCP = 'input { tcp { host => "127.0.0.1" port => %d ssl_enabled => true %s } }\n'
SYSLOG = 'input { syslog { host => "127.0.0.1" port => %d ssl_enabled => true %s } }\n'


def out():
    return path('out.ndjson')


def start(conf, **kw):
    return harness.Weird(conf + FILE_OUT % out(), **kw), harness.Lines(out())


def ours():
    """An authority, the server's certificate, and its options."""
    certificate('ca', 'authority')
    certificate('server', 'server', 'ca', 'IP:127.0.0.1,DNS:localhost')
    return OURS % (path('server.pem'), path('server.key'))


def clients(more=''):
    """The same with certificates of clients: one of the authority, one of another."""
    options = ours()
    certificate('client', 'client/O=Example', 'ca')
    certificate('other', 'another authority')
    certificate('stranger', 'stranger', 'other')
    return options + ' ssl_certificate_authorities => ["%s"] %s' % (path('ca.pem'), more)


def context(cert=None, ca='ca', version=None):
    c = ssl.create_default_context(cafile=path(ca + '.pem'))
    if cert:
        c.load_cert_chain(path(cert + '.pem'), path(cert + '.key'))
    if version:
        c.minimum_version = c.maximum_version = version
    return c


def connect(port, **kw):
    return context(**kw).wrap_socket(socket.create_connection(('127.0.0.1', port), timeout=harness.SECONDS), server_hostname='127.0.0.1')


def send(port, *chunks, **kw):
    """As a well-behaved client does it, with a goodbye."""
    with connect(port, **kw) as s:
        for c in chunks:
            s.sendall(c)
        s.unwrap()


def refused(port, **kw):
    """A server of TLS 1.3 refuses a client's certificate after the client's last step: it shows when the client reads."""
    try:
        with connect(port, **kw) as s:
            s.sendall(b'never\n')
            while s.recv(100):
                pass
    except OSError:
        return True
    return False


def closed(s):
    """The peer closes: what it said before."""
    said = b''
    try:
        while True:
            more = s.recv(4096)
            if not more:
                return said
            said += more
    except ConnectionResetError:
        return said


def messages(documents):
    return [d['message'] for d in documents]


def test_lines():
    """Both versions, in records of any size; every line once, in order."""
    port = harness.free_port()
    weird, lines = start(TCP % (port, ours() + ' ssl_client_authentication => none'))
    want = []
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        texts = ['%s line %d %s' % (version.name, i, 'x' * (i * 7919 % 3000)) for i in range(3000)]
        data = ('\n'.join(texts) + '\n').encode()
        chunks, k = [], 0
        while k < len(data):
            n = 1 + k * 31 % 40000
            chunks.append(data[k:k + n])
            k += n
        send(port, *chunks, version=version)
        want += texts
        have = messages(lines.documents(len(want), alive=weird))
        assert have == want
    assert 'sslsubject' not in lines.documents(1)[0]
    weird.stop()


def test_openssl():
    port = harness.free_port()
    weird, lines = start(TCP % (port, ours() + ' ssl_client_authentication => none'))
    text = ''.join('by s_client %d\n' % i for i in range(1000))
    r = subprocess.run(['openssl', 's_client', '-connect', '127.0.0.1:%d' % port, '-CAfile', path('ca.pem'), '-verify_return_error', '-quiet', '-no_ign_eof'],
                       input=text, capture_output=True, text=True, timeout=harness.SECONDS, check=False)
    assert r.returncode == 0, r.stderr
    assert messages(lines.documents(1000, alive=weird)) == text.split('\n')[:-1]
    weird.stop()


def test_clients():
    """Who must show a certificate, who may, and whose is looked at."""
    ports = [harness.free_port() for _ in range(4)]
    options = clients()
    words = ('ssl_client_authentication => required', 'ssl_client_authentication => optional', 'ssl_client_authentication => none', '')
    weird, lines = start(''.join(TCP % (p, options + ' add_field => { "port_of" => "%d" } %s' % (p, w)) for p, w in zip(ports, words)))
    required, optional, none, default = ports
    weird.expect('the peer\'s certificate is not accepted|peer did not return a certificate')
    n = 0
    for port, cert, good in ((required, 'client', True), (required, None, False), (required, 'stranger', False),
                             (optional, 'client', True), (optional, None, True), (optional, 'stranger', False),
                             (none, 'client', True), (none, None, True), (none, 'stranger', True),
                             (default, 'client', True), (default, None, False), (default, 'stranger', False)):
        if not good:
            assert refused(port, cert=cert), (port, cert)
            continue
        send(port, b'%d by %s\n' % (port, str(cert).encode()), cert=cert)
        n += 1
        event = lines.documents(n, alive=weird)[-1]
        assert event['message'] == '%d by %s' % (port, cert), event
        # A certificate that was not asked for is not one that was verified.
        assert event.get('sslsubject') == ('O=Example,CN=client' if cert == 'client' and port != none else None), event
    harness.until(lambda: weird.metric('weir_input_connections_total', result='refused') == 5, 'five are counted', alive=weird)
    weird.stop()
    assert len(lines.wait(n)) == n


def test_subject_in_ecs():
    port = harness.free_port()
    certs = clients()
    weird, lines = start(TCP % (port, certs + ' ecs_compatibility => v8') +
                         'filter { mutate { add_field => { "who" => "%{[@metadata][input][tcp][tls][client][subject]}" } } }\n')
    send(port, b'who am I\n', cert='client')
    assert lines.documents(1, alive=weird)[0]['who'] == 'O=Example,CN=client'
    weird.stop()


def test_plain_text_where_tls_is_spoken():
    port = harness.free_port()
    weird, lines = start(TCP % (port, ours() + ' ssl_client_authentication => none'))
    weird.expect('it does not speak TLS')
    for text in (b'<13>just a line of plain text that is long enough\n', b'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n', b'\x00' * 100):
        with socket.create_connection(('127.0.0.1', port), timeout=harness.SECONDS) as s:
            s.sendall(text)
            assert b'HTTP' not in closed(s)
    weird.line('it does not speak TLS')
    send(port, b'the others go on\n')
    assert messages(lines.documents(1, alive=weird)) == ['the others go on']
    weird.stop()
    assert len(lines.wait(1)) == 1


def test_tls_where_plain_text_is_spoken():
    certificate('ca', 'authority')
    ports = harness.free_port(), harness.free_port()
    weird, lines = start('input { tcp { host => "127.0.0.1" port => %d } syslog { host => "127.0.0.1" port => %d } }\n' % ports)
    weird.expect('it speaks TLS, and this input does not')
    for port in ports:
        assert refused(port)
        with socket.create_connection(('127.0.0.1', port)) as s:
            s.sendall(b'<13>1 - h app - - - plain\n')
    assert len(lines.wait(2, alive=weird)) == 2
    weird.stop()
    assert len(lines.wait(2)) == 2


def test_handshake_that_does_not_end():
    port = harness.free_port()
    weird, lines = start(TCP % (port, ours() + ' ssl_client_authentication => none ssl_handshake_timeout => 300'))
    weird.expect('its TLS handshake takes too long')
    silent = socket.create_connection(('127.0.0.1', port), timeout=harness.SECONDS)
    half = socket.create_connection(('127.0.0.1', port), timeout=harness.SECONDS)
    half.sendall(b'\x16\x03\x01\x02\x00\x01\x00')
    with connect(port) as good:
        closed(silent)
        closed(half)
        good.sendall(b'in time\n')
        assert messages(lines.documents(1, alive=weird)) == ['in time']
    silent.close()
    half.close()
    harness.until(lambda: weird.metric('weir_input_connections_total', result='refused') == 2, 'two are counted', alive=weird)
    weird.stop()


def test_many_connections():
    port = harness.free_port()
    weird, lines = start(TCP % (port, ours() + ' ssl_client_authentication => none'))
    c = context()
    n = 200
    open_ones = [c.wrap_socket(socket.create_connection(('127.0.0.1', port), timeout=harness.SECONDS), server_hostname='127.0.0.1') for _ in range(n)]
    for k in range(3):
        for i, s in enumerate(open_ones):
            s.sendall(b'%d of %d\n' % (k, i))
    have = messages(lines.documents(3 * n, alive=weird))
    for i in range(n):
        assert [m for m in have if m.endswith(' of %d' % i)] == ['%d of %d' % (k, i) for k in range(3)]
    assert weird.metric('weir_input_connections') == n
    for s in open_ones:
        s.close()
    harness.until(lambda: weird.metric('weir_input_connections') == 0, 'all are closed', alive=weird)
    weird.stop()


def raw_after_handshake(port):
    """(socket, what the client would have sent next): a record that the test may cut."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    o = context().wrap_bio(incoming, outgoing, server_hostname='127.0.0.1')
    s = socket.create_connection(('127.0.0.1', port), timeout=harness.SECONDS)
    while True:
        try:
            o.do_handshake()
        except ssl.SSLWantReadError:
            s.sendall(outgoing.read())
            incoming.write(s.recv(65536))
            continue
        s.sendall(outgoing.read())
        return s, o, outgoing


def test_cut_off():
    """A connection that ends within a record, without a goodbye, or by a reset: what came whole is there, and only that."""
    port = harness.free_port()
    weird, lines = start(TCP % (port, ours() + ' ssl_client_authentication => none'))
    weird.expect('it was cut off in the middle of a TLS record')
    s, o, outgoing = raw_after_handshake(port)
    o.write(b'whole\n')
    whole = outgoing.read()
    o.write(b'never whole\n')
    s.sendall(whole + outgoing.read()[:-3])
    s.close()
    assert messages(lines.documents(1, alive=weird)) == ['whole']
    weird.line('it was cut off in the middle of a TLS record')

    s, o, outgoing = raw_after_handshake(port)
    o.write(b'no goodbye\nno line feed')
    s.sendall(outgoing.read())
    s.close()
    assert messages(lines.documents(3, alive=weird))[1:] == ['no goodbye', 'no line feed']

    s, o, outgoing = raw_after_handshake(port)
    o.write(b'before the reset\n')
    s.sendall(outgoing.read())
    assert messages(lines.documents(4, alive=weird))[3:] == ['before the reset']
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
    s.close()

    # A record that was changed on its way is no line.
    weird.expect('TLS: decryption failed or bad record mac')
    s, o, outgoing = raw_after_handshake(port)
    o.write(b'changed\n')
    record = bytearray(outgoing.read())
    record[-1] ^= 1
    s.sendall(record)
    closed(s)
    s.close()
    send(port, b'last\n')
    assert messages(lines.documents(5, alive=weird))[4:] == ['last']
    weird.stop()
    assert len(lines.wait(5)) == 5


def serial(port, ca):
    with connect(port, ca=ca) as s:
        return s.getpeercert()['serialNumber']


def test_renewed_certificate():
    """A reload takes the new certificate; who is connected stays so. One that cannot be read changes nothing."""
    port = harness.free_port()
    weird, lines = start(TCP % (port, ours() + ' ssl_client_authentication => none'))
    first = connect(port)
    first.sendall(b'before\n')
    assert messages(lines.documents(1, alive=weird)) == ['before']
    old = serial(port, 'ca')

    with open(path('server.pem'), encoding='ascii') as f:
        good = f.read()
    with open(path('server.pem'), 'w', encoding='ascii') as f:
        f.write('nothing\n')
    weird.expect('cannot use the certificate in|not reloaded')
    weird.signal(signal.SIGHUP)
    weird.line('not reloaded')
    assert serial(port, 'ca') == old
    with open(path('server.pem'), 'w', encoding='ascii') as f:
        f.write(good)

    certificate('server', 'server', 'ca', 'IP:127.0.0.1')
    weird.signal(signal.SIGHUP)
    weird.line('configuration reloaded')
    assert serial(port, 'ca') != old
    first.sendall(b'after\n')
    assert messages(lines.documents(2, alive=weird)) == ['before', 'after']
    first.close()
    weird.stop()


def check(conf, how='-t'):
    """What weird says of it with this flag, and whether it is content."""
    with open(path('bad.conf'), 'w', encoding='utf-8') as f:
        f.write(conf)
    r = subprocess.run([os.environ['WEIRD'], how, '-f', path('bad.conf'), '--path.data', path('data')], capture_output=True, text=True,
                       timeout=harness.SECONDS, check=False)
    return r.returncode == 0, r.stdout + r.stderr


def test_errors_have_a_place():
    """Each mistake is told with the line and column of its option."""
    ours()
    certificate('other', 'other', 'ca')
    openssl('pkey', '-in', 'server.key', '-aes128', '-passout', 'pass:secret', '-out', 'locked.key')
    chain('full.chain', 'server', 'ca')
    d = {'d': harness.work}
    pair = '  ssl_certificate => "%(d)s/server.pem"\n  ssl_key => "%(d)s/server.key"\n'
    cases = [
        ('  ssl_enabled => true\n', r':2:\d+: .*needs a certificate'),
        ('  ssl_enabled => true\n  ssl_certificate => "%(d)s/server.pem"\n', r':3:\d+: .*needs its key'),
        ('  ssl_enabled => true\n  ssl_key => "%(d)s/server.key"\n', r':3:\d+: .*needs its certificate'),
        ('  ssl_enabled => true\n  ssl_certificate => "%(d)s/server.key"\n  ssl_key => "%(d)s/server.key"\n', r':3:\d+: .*there is none in it'),
        ('  ssl_enabled => true\n  ssl_certificate => "%(d)s/server.pem"\n  ssl_key => "%(d)s/other.key"\n', r':4:\d+: .*is not that of the certificate'),
        ('  ssl_enabled => true\n  ssl_certificate => "%(d)s/server.pem"\n  ssl_key => "%(d)s/locked.key"\n', r':4:\d+: .*it has a passphrase'),
        ('  ssl_enabled => true\n  ssl_certificate => "%(d)s/server.pem"\n  ssl_key => "%(d)s/locked.key"\n  ssl_key_passphrase => "wrong"\n', r":4:\d+: .*cannot use the key in"),
        (pair + '  ssl_enabled => true\n  ssl_certificate_authorities => ["%(d)s/server.key"]\n', r':5:\d+: .*cannot use the certificates in'),
        (pair + '  ssl_enabled => true\n  ssl_client_authentication => required\n', r':5:\d+: .*need authorities'),
        (pair + '  ssl_enabled => true\n  ssl_verification_mode => full\n', r':5:\d+: .*for those who connect'),
        (pair + '  ssl_enabled => true\n  ssl_supported_protocols => ["TLSv1.1"]\n', r':5:\d+: .*neither TLSv1.2 nor TLSv1.3'),
        (pair + '  ssl_enabled => true\n  ssl_supported_protocols => ["TLSv9"]\n', r":5:\d+: .*not 'TLSv9'"),
        (pair + '  ssl_enabled => true\n  ssl_cipher_suites => ["TLS_NO_SUCH"]\n', r":5:\d+: .*no cipher suite 'TLS_NO_SUCH'"),
        (pair + '  ssl_enabled => true\n  ssl_supported_protocols => ["TLSv1.3"]\n  ssl_cipher_suites => ["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"]\n',
         r':6:\d+: .*belongs to the TLS versions'),
        (pair + '  ssl_enabled => true\n  ssl_extra_chain_certs => ["%(d)s/server.key"]\n', r':5:\d+: .*there is none in it'),
    ]
    for options, want in cases:
        good, said = check('input { tcp { port => 1\n' + options % d + '} }\noutput { null {} }\n')
        assert not good and re.search('bad.conf' + want, said), (options, want, said)
    # A file may be another machine's until weird is to start.
    missing = ('input { tcp { port => 1\n  ssl_enabled => true\n  ssl_certificate => "%(d)s/none.pem"\n  ssl_key => "%(d)s/server.key"\n} }\n' % d
               + 'output { null {} }\n')
    good, said = check(missing)
    assert good and "none.pem' is not here: without it weird does not start" in said, said
    good, said = check(missing, '--api.enabled=false')
    assert not good and re.search(r"bad.conf:3:\d+: .*cannot read '.*none.pem': No such file", said), said
    good, said = check('input { syslog { port => 1\n' + pair % d + '  ssl_enabled => true\n  ssl_certificate_authorities => "%(d)s/ca.pem"\n} }\noutput { null {} }\n' % d)
    assert not good and re.search(r'bad.conf:5:\d+: .*mean nothing without', said), said
    for options in (pair + '  ssl_client_authentication => none\n  ssl_enabled => true\n  ssl_extra_chain_certs => "%(d)s/ca.pem"\n',
                    '  ssl_enable => true\n  ssl_verify => false\n  ssl_cert => "%(d)s/full.chain"\n  ssl_key => "%(d)s/server.key"\n',
                    '  ssl_enable => true\n  ssl_verify => true\n  ssl_cacert => "%(d)s/ca.pem"\n  ssl_cert => "%(d)s/full.chain"\n  ssl_key => "%(d)s/locked.key"\n'
                    '  ssl_key_passphrase => "secret"\n  ssl_cipher_suites => ["TLS_AES_256_GCM_SHA384", "ECDHE-RSA-AES256-GCM-SHA384"]\n'):
        good, said = check('input { tcp { port => 1\n' + options % d + '} }\noutput { null {} }\n')
        assert good, (options, said)


def test_versions_and_suites():
    port = harness.free_port()
    weird, lines = start(TCP % (port, ours() + ' ssl_client_authentication => none ssl_cipher_suites => ["TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"]'))
    weird.expect('TLS: ')
    with connect(port) as s:
        assert s.version() == 'TLSv1.2' and s.cipher()[0] == 'ECDHE-RSA-AES256-GCM-SHA384', s.cipher()
    assert refused(port, version=ssl.TLSVersion.TLSv1_3)
    send(port, b'agreed\n')
    assert messages(lines.documents(1, alive=weird)) == ['agreed']
    weird.stop()


def test_syslog_octets():
    """RFC 5425: counted frames over TLS; the port takes no datagrams then."""
    port = harness.free_port()
    weird, lines = start(SYSLOG % (port, clients('ssl_client_authentication => required')) +
                         'filter { mutate { add_field => { "who" => "%{[@metadata][tls_peer][subject]}" } } }\n')
    frames = b''
    for i in range(500):
        raw = b'<13>1 2026-01-02T03:04:05Z h app - - - frame %d\nsecond line' % i
        frames += b'%d %s' % (len(raw), raw)
    send(port, frames[:1000], frames[1000:1001], frames[1001:], cert='client')
    have = lines.documents(500, alive=weird)
    assert messages(have) == ['frame %d\nsecond line' % i for i in range(500)]
    assert all(d['who'] == 'O=Example,CN=client' for d in have)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.connect(('127.0.0.1', port))
        s.send(b'<13>1 - h app - - - a datagram')
        try:
            s.recv(10)
            raise AssertionError('somebody answers datagrams')
        except ConnectionRefusedError:
            pass
    weird.stop()
    assert len(lines.wait(500)) == 500


def rsyslog(driver, name):
    port = harness.free_port()
    weird, lines = start(SYSLOG % (port, clients('ssl_client_authentication => required')))
    extra = ('global(DefaultNetstreamDriverCAFile="%s" DefaultNetstreamDriverCertFile="%s" DefaultNetstreamDriverKeyFile="%s")'
             % (path('ca.pem'), path('client.pem'), path('client.key')))
    action = ('StreamDriver="%s" StreamDriverMode="1" StreamDriverAuthMode="x509/name" StreamDriverPermittedPeers="%s" '
              'queue.type="LinkedList" action.resumeRetryCount="-1"' % (driver, name))
    sender = senders.Rsyslog(port, 'tcp', 'octet-counted', '5424', action, extra, part='rsyslog-tls')
    for i in range(500):
        sender.log('<13>Nov 23 07:57:05 app[1]: over TLS %d' % i)
    have = [m.strip() for m in messages(lines.documents(500, alive=weird))]
    assert have == ['over TLS %d' % i for i in range(500)], have[:3]
    sender.stop()
    weird.stop()
    assert len(lines.wait(500)) == 500


def test_rsyslog_gtls():
    rsyslog('gtls', 'server')


def test_rsyslog_ossl():
    rsyslog('ossl', '/CN=server')     # this driver compares the whole subject


harness.main()
