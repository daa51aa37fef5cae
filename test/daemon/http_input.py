#!/usr/bin/env python3
"""http_input.py - what comes in over HTTP: events as Logstash makes them, answers, and what is refused; by Python's client, curl and raw sockets."""
import base64
import gzip
import http.client
import json
import os
import re
import socket
import ssl
import subprocess
import zlib

import harness
from certificates import certificate, openssl, path

CONF = 'input { http { host => "127.0.0.1" port => %d %s } }\noutput { file { path => "%s" codec => json_lines } }\n'


def start(options='', **kw):
    port = harness.free_port()
    return harness.Weird(CONF % (port, options, path('out.ndjson')), **kw), harness.Lines(path('out.ndjson')), port


def request(port, body=b'', method='POST', target='/', headers=None, **kw):
    """(status, headers, body)"""
    c = http.client.HTTPConnection('127.0.0.1', port, timeout=harness.SECONDS, **kw)
    c.request(method, target, body, headers or {})
    r = c.getresponse()
    said = r.status, dict(r.getheaders()), r.read()
    c.close()
    return said


def raw(port, *chunks):
    """All that is answered until the server closes, or we have said all and it closes then."""
    with socket.create_connection(('127.0.0.1', port), timeout=harness.SECONDS) as s:
        try:
            for c in chunks:
                s.sendall(c)
            s.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        said = b''
        try:
            while True:
                more = s.recv(65536)
                if not more:
                    return said
                said += more
        except ConnectionResetError:
            return said


def test_bodies():
    """plain for all types but JSON; an array is an event for each element."""
    weird, lines, port = start()
    n = 0

    def post(body, want, **headers):
        nonlocal n
        status, head, said = request(port, body, headers={k.replace('_', '-'): v for k, v in headers.items()})
        assert (status, said, head['Content-Type']) == (200, b'ok', 'text/plain'), (status, head, said)
        n += len(want)
        have = lines.documents(n, alive=weird)[n - len(want):]
        for w, h in zip(want, have):
            assert {k: h.get(k) for k in w} == w, h
            assert h['host'] == '127.0.0.1' and h['headers']['request_method'] == 'POST' and '@timestamp' in h
    post(b'one\ntwo', [{'message': 'one\ntwo'}])
    post(b'{"a":1,"host":"mine"}', [{'a': 1, 'host': '127.0.0.1'}], content_type='application/json')
    post(b'[{"a":1},{"a":2}]', [{'a': 1}, {'a': 2}], content_type='application/json; charset=utf-8')
    post(b'{"a":', [{'message': '{"a":', 'tags': ['_jsonparsefailure']}], content_type='application/json')
    post(b'{"a":1}', [{'message': '{"a":1}'}], content_type='text/json')
    post(gzip.compress(b'hidden' * 10000), [{'message': 'hidden' * 10000}], content_encoding='gzip')
    post(zlib.compress(b'hidden'), [{'message': 'hidden'}], content_encoding='deflate')
    raw_deflate = zlib.compressobj(wbits=-15)
    post(raw_deflate.compress(b'hidden') + raw_deflate.flush(), [{'message': 'hidden'}], content_encoding='deflate')
    post(b'\xff\xfe', [{}])
    post(('%d ' % n).encode() * 1000000, [{'message': '%d ' % n * 1000000}])
    weird.stop()
    assert len(lines.wait(n)) == n


def test_lines():
    weird, lines, port = start('codec => line additional_codecs => { "application/x-ndjson" => "json_lines" }')
    assert request(port, b'\n'.join(b'line %d' % i for i in range(1000)))[0] == 200
    assert [d['message'] for d in lines.documents(1000, alive=weird)] == ['line %d' % i for i in range(1000)]
    assert request(port, b'{"foo":1}\n{"foo":2}', headers={'Content-Type': 'application/x-ndjson'})[0] == 200
    assert [d['foo'] for d in lines.documents(1002, alive=weird)[1000:]] == [1, 2]
    # The end of one request is no part of the next.
    assert request(port, b'half')[0] == request(port, b' and half\n')[0] == 200
    assert [d['message'] for d in lines.documents(1004, alive=weird)[1002:]] == ['half', ' and half']
    weird.stop()


def test_headers():
    weird, lines, port = start()
    request(port, b'x', 'PUT', '/a/b?c=d', {'User-Agent': 'test/1', 'X-My-Header': 'value: 1', 'Content-Type': 'text/plain'})
    have = lines.documents(1, alive=weird)[0]['headers']
    assert have == {'http_accept': None, 'http_host': '127.0.0.1:%d' % port, 'http_user_agent': 'test/1', 'x_my_header': 'value: 1', 'request_method': 'PUT',
                    'request_path': '/a/b?c=d', 'http_version': 'HTTP/1.1', 'content_length': '1', 'content_type': 'text/plain', 'accept_encoding': 'identity'}, have
    weird.stop()


def test_ecs_and_targets():
    weird, lines, port = start('ecs_compatibility => v8')
    request(port, b'x', 'POST', '/a', {'User-Agent': 'test/1', 'Content-Type': 'text/plain'})
    e = lines.documents(1, alive=weird)[0]
    assert 'headers' not in e and e['host'] == {'ip': '127.0.0.1'} and e['http'] == {
        'version': 'HTTP/1.1', 'method': 'POST', 'request': {'body': {'bytes': '1'}, 'mime_type': 'text/plain'}}, e
    assert e['url'] == {'domain': '127.0.0.1', 'port': port, 'path': '/a'} and e['user_agent'] == {'original': 'test/1'}
    weird.stop()
    os.unlink(path('out.ndjson'))
    weird, lines, port = start('remote_host_target_field => "[from][ip]" request_headers_target_field => "[request]" response_code => 202 '
                               'response_headers => { "X-Answer" => "yes" "Content-Type" => "text/x" }', name='again')
    status, head, said = request(port, b'x')
    assert (status, said, head['X-Answer'], head['Content-Type']) == (202, b'ok', 'yes', 'text/x')
    e = lines.documents(1, alive=weird)[0]
    assert e['from'] == {'ip': '127.0.0.1'} and e['request']['request_method'] == 'POST' and 'host' not in e and 'headers' not in e
    weird.stop()


def test_password():
    weird, lines, port = start('user => "u" password => "geheim"')
    status, head, _ = request(port, b'no')
    assert status == 401 and head['WWW-Authenticate'].startswith('Basic realm=')
    for wrong in ('Basic ' + base64.b64encode(b'u:geheix').decode(), 'Basic x', 'Bearer y', ''):
        status, head, _ = request(port, b'no', headers={'Authorization': wrong})
        assert status == 401 and 'WWW-Authenticate' not in head, (wrong, head)
    assert request(port, b'yes', headers={'Authorization': 'Basic ' + base64.b64encode(b'u:geheim').decode()})[0] == 200
    e = lines.documents(1, alive=weird)[0]
    assert e['message'] == 'yes' and 'authorization' not in e['headers']
    # The connection goes on behind a refusal.
    c = http.client.HTTPConnection('127.0.0.1', port, timeout=harness.SECONDS)
    for auth, status in ((None, 401), ('Basic ' + base64.b64encode(b'u:geheim').decode(), 200)) * 2:
        c.request('POST', '/', b'again', {'Authorization': auth} if auth else {})
        r = c.getresponse()
        assert r.status == status
        r.read()
    c.close()
    weird.stop()
    assert len(lines.wait(3)) == 3


def test_connection():
    """Kept alive, pipelined, chunked, in single bytes, HTTP/1.0, and 100-continue."""
    weird, lines, port = start()
    one = b'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n%03d'
    said = raw(port, b''.join(one % i for i in range(600)))
    assert said.count(b'HTTP/1.1 200 OK\r\n') == 600
    assert [d['message'] for d in lines.documents(600, alive=weird)] == ['%03d' % i for i in range(600)]
    chunked = b'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n4;ext=1\r\nWiki\r\nb\r\npedia in it\r\n0\r\nTrailer: x\r\n\r\n'
    said = raw(port, *[(chunked * 2)[i:i + 1] for i in range(len(chunked) * 2)])
    assert said.count(b'200 OK') == 2
    said = raw(port, b'POST / HTTP/1.0\r\nContent-Length: 3\r\n\r\nold')
    assert said.startswith(b'HTTP/1.0 200 OK\r\n') and b'Connection: close' in said
    said = raw(port, b'POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 4\r\n\r\nlastnever')
    assert said.count(b'HTTP/1.1') == 1
    assert [d['message'] for d in lines.documents(604, alive=weird)[600:]] == ['Wikipedia in it'] * 2 + ['old', 'last']
    with socket.create_connection(('127.0.0.1', port), timeout=harness.SECONDS) as s:
        s.sendall(b'POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n')
        assert s.recv(100) == b'HTTP/1.1 100 Continue\r\n\r\n'
        s.sendall(b'after')
        assert s.recv(100).startswith(b'HTTP/1.1 200 OK')
    assert lines.documents(605, alive=weird)[604]['message'] == 'after'
    weird.stop()


def test_refused():
    weird, lines, port = start('max_content_length => 1000')
    head = b'POST / HTTP/1.1\r\nHost: x\r\n'
    cases = [
        (413, head + b'Content-Length: 1001\r\n\r\n' + b'x' * 1001),
        (413, head + b'Content-Length: 99999999999\r\nExpect: 100-continue\r\n\r\n'),
        (413, head + b'Transfer-Encoding: chunked\r\n\r\n' + b'1ff\r\n' + b'x' * 511 + b'\r\n1ff\r\n' + b'x' * 511 + b'\r\n0\r\n\r\n'),
        (413, head + b'Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n' % len(gzip.compress(b'x' * 100000)) + gzip.compress(b'x' * 100000)),
        (400, head + b'Content-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello'),
        (400, head + b'Content-Encoding: gzip\r\nContent-Length: 20\r\n\r\n' + gzip.compress(b'cut off in the middle')[:20]),
        (415, head + b'Content-Encoding: br\r\nContent-Length: 5\r\n\r\nhello'),
        (400, head + b'Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc'),
        (400, head + b'Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'),
        (400, head + b'Host: y\r\n\r\n'), (400, head + b'Content-Length: -1\r\n\r\n'), (400, head + b'Content-Length: +3\r\n\r\nabc'), (400, head + b'Content-Length : 3\r\n\r\nabc'),
        (501, head + b'Transfer-Encoding: gzip, chunked\r\n\r\n'),
        (400, head + b'Transfer-Encoding: chunked\r\n\r\nxyz\r\n'), (400, head + b'Transfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n'),
        (400, b'nonsense\r\n\r\n'), (400, b'POST  HTTP/1.1\r\n\r\n'), (505, b'POST / HTTP/2.0\r\n\r\n'), (400, b'POST / HTTP/1.1\r\n folded: x\r\n\r\n'),
        (400, b'POST / HTTP/1.1\r\nA: b\nB: c\r\n\r\n'), (400, b'POST / HTTP/1.1\r\nA: b\0\r\n\r\n'),
        (431, b'POST / HTTP/1.1\r\nA: ' + b'x' * 20000), (431, b'POST / HTTP/1.1\r\n' + b'A: b\r\n' * 200 + b'\r\n'),
    ]
    for status, bytes_ in cases:
        said = raw(port, bytes_)
        assert said.startswith(b'HTTP/1.1 %d ' % status), (status, bytes_[:100], said[:100])
    # Cut off, or nothing at all: no event.
    raw(port, head + b'Content-Length: 10\r\n\r\nabc')
    raw(port, head)
    raw(port)
    assert request(port, b'x' * 1000)[0] == 200
    assert lines.documents(1, alive=weird)[0]['message'] == 'x' * 1000
    weird.stop()
    assert len(lines.wait(1)) == 1


def test_full():
    """While nothing can be taken requests wait, then are refused with 429; afterwards it goes on, and what was answered 200 is there."""
    server = socket.socket()
    server.bind(('127.0.0.1', 0))
    server.listen()
    port = harness.free_port()
    weird = harness.Weird('input { http { host => "127.0.0.1" port => %d } }\noutput { tcp { host => "127.0.0.1" port => %d codec => json_lines queue_max => 65536 } }\n'
                          % (port, server.getsockname()[1]))
    weird.expect('is not reading|does not acknowledge|trying again|works again')
    taken, status = 0, 200
    body = b'x' * 500000
    while status == 200:
        status, head, said = request(port, body)
        taken += status == 200
        assert taken < 1000
    assert status == 429 and head['Content-Length'] == '0', (status, head)
    s, _ = server.accept()
    s.settimeout(harness.SECONDS)
    n = 0
    while n < taken:
        n += s.recv(1 << 20).count(b'\n')
    harness.until(lambda: request(port, b'again')[0] == 200, 'it takes again', alive=weird)
    while n < taken + 1:
        n += s.recv(1 << 20).count(b'\n')
    weird.stop()
    assert n == taken + 1
    s.close()
    server.close()


def test_tls():
    """With certificates out of files and out of a PKCS#12 keystore; curl as the client."""
    certificate('ca', 'authority')
    certificate('server', 'server', 'ca', 'IP:127.0.0.1')
    certificate('client', 'client', 'ca')
    openssl('pkcs12', '-export', '-in', 'server.pem', '-inkey', 'server.key', '-passout', 'pass:secret', '-out', 'server.p12')
    files = 'ssl_certificate => "%s" ssl_key => "%s"' % (path('server.pem'), path('server.key'))
    for k, (options, old) in enumerate((('ssl_enabled => true ' + files, False), ('ssl_enabled => true ssl_keystore_path => "%s" ssl_keystore_password => "secret"' % path('server.p12'), False),
                                        ('ssl => true keystore => "%s" keystore_password => "secret"' % path('server.p12'), True),
                                        ('ssl => true %s ssl_certificate_authorities => "%s" ssl_verify_mode => force_peer tls_min_version => 1.2' % (files, path('ca.pem')), True))):
        weird, lines, port = start(options, name='weird%d' % k, data=path('data%d' % k))
        weird.expect('is deprecated|peer did not return a certificate')
        cert = ['--cert', path('client.pem'), '--key', path('client.key')] if 'force_peer' in options else []
        for _ in range(2):
            r = subprocess.run(['curl', '-sS', '--cacert', path('ca.pem'), *cert, '-H', 'Content-Type: application/json', '-d', '{"k":%d}' % k, 'https://127.0.0.1:%d/' % port],
                               capture_output=True, text=True, timeout=harness.SECONDS, check=False)
            assert (r.returncode, r.stdout) == (0, 'ok'), r
        assert [d['k'] for d in lines.documents(2 * k + 2, alive=weird)[2 * k:]] == [k, k]
        if cert:
            r = subprocess.run(['curl', '-sS', '--cacert', path('ca.pem'), '-d', 'x', 'https://127.0.0.1:%d/' % port], capture_output=True, text=True, check=False,
                               timeout=harness.SECONDS)
            assert r.returncode != 0
        weird.stop()
    jks = path('old.jks')
    with open(jks, 'wb') as f:
        f.write(b'\xfe\xed\xfe\xed\x00\x00\x00\x02')
    for options, want in (('ssl_keystore_path => "%s"' % jks, "keystore in Java's own format"), ('ssl_keystore_path => "%s" ssl_keystore_type => "jks"' % jks, 'only pkcs12'),
                          ('ssl_keystore_path => "%s" ssl_keystore_password => "wrong"' % path('server.p12'), 'cannot open the keystore')):
        with open(path('bad.conf'), 'w', encoding='utf-8') as f:
            f.write('input { http {\n ssl_enabled => true\n %s } } output { null {} }\n' % options)
        r = subprocess.run([os.environ['WEIRD'], '-t', '-f', path('bad.conf'), '--path.data', path('data')], capture_output=True, text=True, timeout=harness.SECONDS, check=False)
        assert r.returncode and re.search('bad.conf:3:.*' + want, r.stdout + r.stderr), (options, r)


def test_many():
    """Two hundred clients at once, each with a TLS connection that is kept."""
    certificate('ca', 'authority')
    certificate('server', 'server', 'ca', 'IP:127.0.0.1')
    weird, lines, port = start('ssl_enabled => true ssl_certificate => "%s" ssl_key => "%s"' % (path('server.pem'), path('server.key')))
    c = ssl.create_default_context(cafile=path('ca.pem'))
    clients = [http.client.HTTPSConnection('127.0.0.1', port, timeout=harness.SECONDS, context=c) for _ in range(200)]
    for k in range(3):
        for i, x in enumerate(clients):
            x.request('POST', '/', json.dumps({'k': k, 'i': i}), {'Content-Type': 'application/json'})
        for x in clients:
            assert x.getresponse().read() == b'ok'
    have = sorted((d['k'], d['i']) for d in lines.documents(600, alive=weird))
    assert have == [(k, i) for k in range(3) for i in range(200)]
    for x in clients:
        x.close()
    weird.stop()


harness.main()
