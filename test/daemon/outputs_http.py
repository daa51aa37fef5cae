#!/usr/bin/env python3
"""outputs_http.py - the http output against a server that takes, refuses, dies and comes back.

Each test counts: what the server accepted, what became a dead letter and what lies on disk is what was sent, each event once (twice only where an
answer was lost).
"""
import gzip
import http.server
import json
import socket
import ssl
import threading
import urllib.parse

import harness
from certificates import certificate, path
from outputs import Drive

EVENTS = 400


class Server:
    """answer(server, request) -> status, or None: the connection is closed without an answer. Accepted requests are kept."""

    def __init__(self, answer=None, port=None, tls=None):
        self.port = port or harness.free_port()
        self.answer, self.tls = answer or (lambda s, r: 200), tls
        self.lock, self.seen, self.accepted, self.conns = threading.Lock(), 0, [], []
        self.start()

    def start(self):
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = 'HTTP/1.1'

            def setup(self):
                super().setup()
                with outer.lock:
                    outer.conns.append(self.connection)

            def any(self):
                body = self.rfile.read(int(self.headers.get('Content-Length') or 0))
                if self.headers.get('Content-Encoding') == 'gzip':
                    body = gzip.decompress(body)
                request = {'method': self.command, 'path': self.path, 'headers': dict(self.headers), 'body': body}
                with outer.lock:
                    outer.seen += 1
                    status = outer.answer(outer, request)
                    location = None
                    if isinstance(status, tuple):
                        status, location = status
                    if status is not None and 200 <= status < 300:
                        outer.accepted.append(request)
                if status is None:
                    self.close_connection = True
                    return
                text = b'said %d\n' % status
                self.send_response(status)
                if location:
                    self.send_header('Location', location)
                self.send_header('Content-Length', str(len(text)))
                self.end_headers()
                if self.command != 'HEAD':
                    self.wfile.write(text)

            do_GET = do_PUT = do_POST = do_PATCH = do_DELETE = do_HEAD = any

            def log_message(self, *args):
                pass

        class Quiet(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 64

            def handle_error(self, request, client_address):
                pass

        self.server = Quiet(('127.0.0.1', self.port), Handler)
        if self.tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*self.tls)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()

    def stop(self):
        """As if the process had been killed: connections end."""
        self.server.shutdown()
        self.server.server_close()
        with self.lock:
            conns, self.conns = self.conns, []
        for c in conns:
            try:
                c.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def numbers(self):
        """The events' numbers, of all accepted bodies."""
        out = []
        with self.lock:
            for r in self.accepted:
                body = json.loads(r['body'])
                out += [x['n'] for x in (body if isinstance(body, list) else [body])]
        return out


def conf(server, more='', url='', scheme='http'):
    return 'http { url => "%s://127.0.0.1:%d/in%s" http_method => post %s }' % (scheme, server.port, url, more)


def number(request):
    return json.loads(request['body'])['n']


def finish(drive, server, events=EVENTS, dead=0, twice=False):
    """All is accounted for; returns the counters."""
    st = drive.stats()
    assert st['routed'] + st['reloaded'] == events and st['left'] == 0, st
    assert st['delivered'] == events - dead and st['dead_letter'] == dead and st['dropped'] == 0 and st['unsent'] == 0, st
    got = server.numbers()
    assert len(set(got)) == events - dead, (len(set(got)), st)
    assert twice or len(got) == len(set(got)), (len(got), len(set(got)))
    assert len(drive.dead_letters()) == dead, drive.dead_letters()[:3]
    return st


def test_events():
    s = Server()
    d = Drive('plain', conf(s, 'headers => { "X-A" => "b" } keepalive => true'), EVENTS)
    st = finish(d, s)
    assert st['acks'] == EVENTS and st['failed_requests'] == 0, st
    for r in s.accepted:
        assert r['method'] == 'POST' and r['path'] == '/in' and r['headers']['X-A'] == 'b', r
        assert r['headers']['Content-Type'] == 'application/json' and '@timestamp' in json.loads(r['body']), r


def test_again():
    """500, 429 and connections that end without an answer."""
    runs = []
    for status in (500, 502, 429, None):
        s = Server(lambda s, r, status=status: status if s.seen <= 3 else 200)
        runs.append((Drive('again-%s' % status, conf(s), EVENTS), s, status is None))
    for d, s, twice in runs:
        st = finish(d, s, twice=twice)
        assert s.seen > EVENTS, st


def test_refused():
    """400 is the event's own: a dead letter, and nothing waits for it. 500 for an event alone does not stop the others either."""
    s = Server(lambda s, r: 400 if number(r) % 10 == 3 else 200)
    d = Drive('refused', conf(s), EVENTS)
    finish(d, s, dead=EVENTS // 10)
    for x in d.dead_letters():
        assert x['status'] == 400 and x['document']['n'] % 10 == 3 and 'said 400' in x['reason'], x


def test_codes():
    s = Server(lambda s, r: 418)
    d = Drive('ignorable', conf(s, 'ignorable_codes => [418]'), 20)
    st = d.stats()
    assert st['delivered'] == 20 and s.seen == 20, st
    s = Server(lambda s, r: 500 if number(r) < 5 else 200)
    d = Drive('once', conf(s, 'retry_failed => false'), 20)
    finish(d, s, 20, dead=5)
    s = Server(lambda s, r: 418 if s.seen <= 3 else 200)
    finish(Drive('retryable', conf(s, 'retryable_codes => [418]'), 20), s, 20)


def test_batch():
    s = Server()
    finish(Drive('batch', conf(s, 'format => json_batch'), EVENTS), s)
    assert s.seen < EVENTS / 2 and all(len(json.loads(r['body'])) <= 125 for r in s.accepted)
    # One event that the server cannot take: found by halving, and only it is dead.
    s = Server(lambda s, r: 400 if any(x['n'] == 77 for x in json.loads(r['body'])) else 200)
    d = Drive('batch400', conf(s, 'format => json_batch'), EVENTS)
    finish(d, s, dead=1)
    assert d.dead_letters()[0]['document']['n'] == 77
    s = Server(lambda s, r: 413 if len(r['body']) > 2000 else 200)
    finish(Drive('batch413', conf(s, 'format => json_batch'), EVENTS), s)
    s = Server(lambda s, r: 503 if s.seen <= 3 else 200)
    finish(Drive('batch503', conf(s, 'format => json_batch http_compression => true'), EVENTS), s)


def test_dead_at_start():
    port = harness.free_port()

    class Nobody:
        pass
    Nobody.port = port
    d = Drive('dead', conf(Nobody), EVENTS)
    d.line('trying again')
    s = Server(port=port)
    finish(d, s)


def test_dies():
    """It goes away in the middle and comes back; what was accepted without an answer being read may come twice, nothing is lost."""
    gone = threading.Event()

    def answer(s, r):
        if s.seen == 150:
            gone.set()
        return 200
    s = Server(answer)
    d = Drive('dies', conf(s), 3000)
    assert gone.wait(harness.SECONDS)
    s.stop()
    d.line('trying again')
    s.start()
    finish(d, s, 3000, twice=True)


def test_unsent():
    """Nobody there until the end: all is on disk, and the next run delivers it."""
    port = harness.free_port()

    class Nobody:
        pass
    Nobody.port = port
    d = Drive('unsent', conf(Nobody), 50, seconds=1)
    st = d.stats()
    assert st['unsent'] == 50 and st['left'] == 50 and st['delivered'] == 0, st
    s = Server(port=port)
    d = Drive('unsent', conf(s), 0)
    finish(d, s, 50)


def test_from_the_event():
    """URL, headers, mapping, form and message."""
    s = Server()
    d = Drive('event', conf(s, 'headers => { "X-N" => "%{n}" "X-M" => "%{message}" } mapping => { "n" => "%{n}" "l" => ["%{n}", "x"] "m" => { "t" => "%{message}" } }',
                            '/%{n}?q=%{message}'), 3)
    assert d.stats()['delivered'] == 3
    text = 'a line of a log, as long as lines are: connect from unknown[192.0.2.1]'
    for r in s.accepted:
        n = r['path'].split('?')[0].rsplit('/', 1)[1]
        assert urllib.parse.unquote(r['path'].split('?q=')[1]) == text, r
        assert r['headers']['X-N'] == n and r['headers']['X-M'] == text, r
        assert json.loads(r['body']) == {'n': n, 'l': [n, 'x'], 'm': {'t': text}}, r
    s = Server()
    d = Drive('form', conf(s, 'format => form mapping => { "n" => "%{n}" "m" => "%{message}" }'), 3)
    assert d.stats()['delivered'] == 3
    for r in s.accepted:
        assert r['headers']['Content-Type'] == 'application/x-www-form-urlencoded', r
        assert urllib.parse.parse_qs(r['body'].decode())['m'] == [text], r
    s = Server()
    d = Drive('message', 'http { url => "http://127.0.0.1:%d" http_method => put format => message message => "n is %%{n}" content_type => "text/x" }' % s.port, 3)
    assert d.stats()['delivered'] == 3
    assert sorted(r['body'] for r in s.accepted) == [b'n is 0', b'n is 1', b'n is 2'] and all(r['method'] == 'PUT' for r in s.accepted)
    # A host that the event names wrongly is that event's matter.
    s = Server()
    d = Drive('host', 'http { url => "%%{n}://127.0.0.1:%d" http_method => post }' % s.port, 2)
    st = d.stats()
    assert st['dead_letter'] == 2 and s.seen == 0, st


def test_who():
    s = Server(lambda s, r: 200 if r['headers'].get('Authorization') == 'Basic dTpw' else 401)
    finish(Drive('basic', conf(s, 'user => "u" password => "p"'), 20), s, 20)
    d = Drive('wrong', conf(s, 'user => "u" password => "q"'), 20, seconds=1)
    st = d.stats()
    assert st['unsent'] == 20 and st['dead_letter'] == 0 and st['failed_requests'] + st['requests'] <= 12, st
    assert any('401' in x and ' error ' in x for x in d.lines), d.tail()
    assert not any('u:q' in x or 'dTpx' in x for x in d.lines)


def test_proxy_and_redirect():
    s = Server()
    finish(Drive('proxy', 'http { url => "http://weir.invalid/x" http_method => post proxy => "http://127.0.0.1:%d" }' % s.port, 20), s, 20)
    assert all(r['path'] == 'http://weir.invalid/x' for r in s.accepted)
    s = Server(lambda s, r: 200 if r['path'] == '/there' else (302, '/there'))
    finish(Drive('redirect', conf(s), 20), s, 20)
    assert all(r['method'] == 'POST' for r in s.accepted)
    s = Server(lambda s, r: (302, '/there'))
    d = Drive('stay', conf(s, 'follow_redirects => false'), 20)
    assert d.stats()['dead_letter'] == 20 and s.seen == 20


def test_methods():
    for method in ('head', 'get', 'delete', 'patch', 'put'):
        s = Server()
        d = Drive(method, 'http { url => "http://127.0.0.1:%d/%%{n}" http_method => %s }' % (s.port, method), 5)
        st = d.stats()
        assert st['delivered'] == 5 and len(s.accepted) == 5 and all(r['method'] == method.upper() for r in s.accepted), (st, s.accepted)
        assert sorted(r['path'] for r in s.accepted) == ['/%d' % n for n in range(5)]
        assert all(r['body'] == b'' if method == 'head' else '/%d' % number(r) == r['path'] for r in s.accepted), s.accepted


def test_tls():
    certificate('server', 'weir test', names='IP:127.0.0.1')
    tls = path('server.pem'), path('server.key')
    s = Server(tls=tls)
    finish(Drive('tls', conf(s, 'cacert => "%s"' % tls[0], scheme='https'), 20), s, 20)
    s = Server(tls=tls)
    finish(Drive('tls-list', conf(s, 'ssl_certificate_authorities => ["%s"] ssl_supported_protocols => ["TLSv1.3"]' % tls[0], scheme='https'), 20), s, 20)
    s = Server(tls=tls)
    finish(Drive('tls-none', conf(s, 'ssl_verification_mode => none', scheme='https'), 20), s, 20)
    s = Server(tls=tls)
    d = Drive('tls-unknown', conf(s, scheme='https'), 20, seconds=1)
    st = d.stats()
    assert st['unsent'] == 20 and s.seen == 0, st


if __name__ == '__main__':
    harness.main()
