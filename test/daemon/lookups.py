#!/usr/bin/env python3
"""lookups.py - filters that ask somebody: real servers and their answers, how much is asked at once, servers that are gone, reloads."""
import hashlib
import json
import os
import re
import signal
import socket
import ssl
import struct
import threading
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import harness
from outputs import certificate

IN = 'input { tcp { host => "127.0.0.1" port => %d codec => json_lines } }\n'
OUT = 'output { file { path => "%s" codec => json_lines } }\n'


class Asking:
    """weird with a filter section; events go in as JSON and come out as JSON, in order."""

    def __init__(self, filters, **kw):
        self.port = harness.free_port()
        self.path = os.path.join(harness.work, 'out.ndjson')
        self.weird = harness.Weird(self.text(filters), **kw)
        self.lines, self.sent = harness.Lines(self.path), 0

    def text(self, filters):
        return IN % self.port + 'filter { %s }\n' % filters + OUT % self.path

    def send(self, *events):
        with socket.create_connection(('127.0.0.1', self.port)) as s:
            s.sendall(b''.join(json.dumps(e).encode() + b'\n' for e in events))
        self.sent += len(events)

    def ask(self, *events):
        """What became of these events."""
        before = self.sent
        self.send(*events)
        got = self.lines.documents(self.sent, alive=self.weird)[before:]
        return [{k: v for k, v in d.items() if k not in ('@timestamp', '@version', 'host', 'port')} for d in got]

    def reload(self, filters):
        def told():
            return sum(1 for x in self.weird.lines if re.search(r'\breloaded', x))
        before = told()
        with open(self.weird.conf, 'w', encoding='utf-8') as f:
            f.write(self.text(filters))
        self.weird.signal(signal.SIGHUP)
        harness.until(lambda: told() > before, 'reloaded', alive=self.weird)

    def stop(self):
        self.weird.stop()


# ---- dns ----

A, PTR, AAAA = 1, 12, 28


def labels(name):
    return b''.join(bytes([len(x)]) + x.encode() for x in name.split('.') if x) + b'\0'


class NameServer:
    """Answers from a table {(name, type): data}; NXDOMAIN for names that are not in it. Counts what it is asked, and how much of that at once."""

    def __init__(self, table, hold=0, mute=False):
        self.s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.s.bind(('127.0.0.1', 0))
        self.port = self.s.getsockname()[1]
        self.table, self.hold, self.mute = table, hold, mute
        self.asked, self.waiting = [], []
        self.most = 0
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            packet, client = self.s.recvfrom(4096)
            at, parts = 12, []
            while packet[at]:
                parts.append(packet[at + 1:at + 1 + packet[at]].decode().lower())
                at += 1 + packet[at]
            kind = struct.unpack_from('>H', packet, at + 1)[0]
            self.asked.append(('.'.join(parts), kind))
            if self.mute:
                continue
            self.waiting.append((packet[:2], packet[12:at + 5], client, ('.'.join(parts), kind)))
            self.most = max(self.most, len(self.waiting))
            if len(self.waiting) >= self.hold:
                self.hold = 0
                for w in self.waiting:
                    self.answer(*w)
                self.waiting = []

    def answer(self, number, question, client, asked):
        data = self.table.get(asked)
        known = any(name == asked[0] for name, _ in self.table)
        record = b''
        if data:
            record = b'\xc0\x0c' + struct.pack('>HHIH', asked[1], 1, 60, len(data)) + data
        self.s.sendto(number + struct.pack('>5H', 0x8180 | (0 if known else 3), 1, 1 if data else 0, 0, 0) + question + record, client)


def test_dns_asks_a_batch_at_once():
    """Each of a batch's questions goes out before the first is answered, identical ones once."""
    count = 100
    server = NameServer({('h%d.example' % i, A): bytes([192, 0, 2, i]) for i in range(count)}, hold=count)
    a = Asking('dns { resolve => ["h"] action => "replace" nameserver => "127.0.0.1:%d" timeout => 100 }' % server.port)
    got = a.ask(*[{'h': 'h%d.example' % (i % count)} for i in range(2 * count)])
    assert [d['h'] for d in got] == ['192.0.2.%d' % (i % count) for i in range(2 * count)], got
    assert server.most == count, server.most
    # A read that ended in the midst of the events makes two units, which may ask for the same.
    assert len(set(server.asked)) == count and len(server.asked) <= 2 * count, len(server.asked)
    a.stop()


UNBOUND = '''
server:
  interface: 127.0.0.1@%(port)d
  do-daemonize: no
  do-ip6: no
  username: ""
  chroot: ""
  directory: "%(work)s"
  pidfile: "%(work)s/unbound.pid"
  use-syslog: no
  logfile: ""
  num-threads: 1
  module-config: "iterator"
  local-zone: "example." static
  local-data: "www.example. 300 IN A 192.0.2.80"
  local-data: "www.example. 300 IN AAAA 2001:db8::80"
  local-data: "six.example. 300 IN AAAA 2001:db8:0:1::6"
  local-data: "xn--mller-kva.example. 300 IN A 192.0.2.81"
  local-data: "host.in.example. 300 IN A 192.0.2.82"
  local-data: "text.example. 300 IN TXT here"
  local-zone: "2.0.192.in-addr.arpa." static
  local-data-ptr: "192.0.2.80 www.example"
  local-data-ptr: "192.0.2.81 xn--mller-kva.example"
  local-zone: "8.b.d.0.1.0.0.2.ip6.arpa." static
  local-data-ptr: "2001:db8::80 www6.example"
remote-control:
  control-enable: no
'''


def unbound():
    root = harness.part('unbound', 'usr/sbin/unbound')
    port, conf = harness.free_port(), os.path.join(harness.work, 'unbound.conf')
    with open(conf, 'w', encoding='utf-8') as f:
        f.write(UNBOUND % {'port': port, 'work': harness.work})
    p = harness.Program('unbound', [root + '/usr/sbin/unbound', '-d', '-c', conf],
                        env={'LD_LIBRARY_PATH': os.path.join(root, 'usr/lib/x86_64-linux-gnu'), 'LD_PRELOAD': '', 'ASAN_OPTIONS': ''})
    p.line('start of service')
    return p, port


def test_dns_of_unbound():
    server, port = unbound()
    a = Asking('dns { resolve => ["h"] nameserver => { address => "127.0.0.1:%d" search => ["in.example"] } add_tag => ["h"] timeout => 60 }\n'
               'dns { reverse => ["ip"] action => "replace" nameserver => "127.0.0.1:%d" add_tag => ["ip"] timeout => 60 }\n'
               'dns { resolve => ["both"] reverse => ["both"] action => "replace" nameserver => "127.0.0.1:%d" add_tag => ["both"] timeout => 60 }'
               % (port, port, port))
    a.weird.expect('missing field')
    cases = [
        ({'h': 'www.example'}, {'h': ['www.example', '192.0.2.80'], 'tags': ['h', 'ip', 'both']}),
        ({'h': ['www.example']}, {'h': ['www.example', '192.0.2.80'], 'tags': ['h', 'ip', 'both']}),
        ({'h': 'six.example'}, {'h': ['six.example', '2001:db8:0:1::6'], 'tags': ['h', 'ip', 'both']}),
        ({'h': 'host'}, {'h': ['host', '192.0.2.82'], 'tags': ['h', 'ip', 'both']}),
        ({'h': 'm\u00fcller.example'}, {'h': ['m\u00fcller.example', '192.0.2.81'], 'tags': ['h', 'ip', 'both']}),
        ({'h': '198.51.100.9'}, {'h': ['198.51.100.9', '198.51.100.9'], 'tags': ['h', 'ip', 'both']}),
        ({'h': 'none.example'}, {'h': 'none.example', 'tags': ['ip', 'both']}),
        ({'h': 'text.example'}, {'h': 'text.example', 'tags': ['ip', 'both']}),
        ({'h': ['a', 'b']}, {'h': ['a', 'b'], 'tags': ['ip', 'both']}),
        ({'h': 5}, {'h': 5, 'tags': ['ip', 'both']}),
        ({'ip': '192.0.2.80'}, {'ip': 'www.example', 'tags': ['h', 'ip', 'both']}),
        ({'ip': ['192.0.2.80']}, {'ip': ['www.example'], 'tags': ['h', 'ip', 'both']}),
        ({'ip': '2001:db8::80'}, {'ip': 'www6.example', 'tags': ['h', 'ip', 'both']}),
        ({'ip': '192.0.2.81'}, {'ip': 'm\u00fcller.example', 'tags': ['h', 'ip', 'both']}),
        ({'ip': '192.0.2.99'}, {'ip': '192.0.2.99', 'tags': ['h', 'both']}),
        ({'ip': 'www.example'}, {'ip': 'www.example', 'tags': ['h', 'both']}),
        ({'both': 'www.example'}, {'both': 'www.example', 'tags': ['h', 'ip', 'both']}),
        ({'both': '192.0.2.80'}, {'both': 'www.example', 'tags': ['h', 'ip', 'both']}),
        ({'both': 'host.in.example'}, {'both': '192.0.2.82', 'tags': ['h', 'ip']}),
    ]
    got = a.ask(*[x for x, _ in cases])
    for (sent, want), have in zip(cases, got):
        assert have == want, (sent, have, want)
    a.stop()
    assert server.stop() == 0


def test_dns_server_is_gone():
    """Nobody answers: the event goes on when its time is over, tagged; what is known to fail is not asked again, nor tagged, as in Logstash."""
    server = NameServer({}, mute=True)
    options = ('dns { resolve => ["h"] nameserver => ["127.0.0.1:%d"] timeout => 0.05 max_retries => %d %s add_tag => ["ok"] }')
    a = Asking(options % (server.port, 1, 'failed_cache_size => 10 failed_cache_ttl => 10000'))
    got = a.ask(*[{'h': 'a.example'}, {'h': 'a.example'}, {'h': 'b.example'}])
    assert got == [{'h': 'a.example', 'tags': ['_dnstimeout']}, {'h': 'a.example'}, {'h': 'b.example', 'tags': ['_dnstimeout']}], got
    once = len(server.asked)
    assert sorted(server.asked) == [('a.example', A)] * 2 + [('b.example', A)] * 2, server.asked
    assert a.ask({'h': 'b.example'}) == [{'h': 'b.example'}]
    a.reload(options % (server.port, 1, 'failed_cache_size => 10 failed_cache_ttl => 10000') + ' mutate { add_field => { "second" => "1" } }')
    assert a.ask({'h': 'b.example'}) == [{'h': 'b.example', 'second': '1'}]
    assert len(server.asked) == once, server.asked
    # Another setup does not take the cache over.
    a.reload(options % (server.port, 0, 'tag_on_timeout => ["late", "dns"]'))
    assert a.ask({'h': 'b.example'}) == [{'h': 'b.example', 'tags': ['late', 'dns']}]
    assert len(server.asked) > once
    # A port that nobody has.
    a.reload(options % (1, 2, ''))
    assert a.ask({'h': 'c.example'}) == [{'h': 'c.example', 'tags': ['_dnstimeout']}]
    a.stop()


def test_dns_caches():
    server = NameServer({('www.example', A): bytes([192, 0, 2, 1])})
    filters = 'dns { id => "x" resolve => ["h"] action => "replace" nameserver => "127.0.0.1:%d" timeout => 100 hit_cache_size => 2 hit_cache_ttl => 10000 %s }'
    a = Asking(filters % (server.port, ''))
    for _ in range(3):
        assert a.ask({'h': 'www.example'}, {'h': 'no.example'}) == [{'h': '192.0.2.1'}, {'h': 'no.example'}]
    assert server.asked.count(('www.example', A)) == 1 and server.asked.count(('no.example', A)) == 3, server.asked
    a.reload(filters % (server.port, 'add_tag => ["t"]'))
    assert a.ask({'h': 'www.example'}) == [{'h': '192.0.2.1', 'tags': ['t']}]
    assert server.asked.count(('www.example', A)) == 1
    a.stop()


def test_dns_stops_while_asking():
    """The end does not wait for longer than the questions do, and loses nothing."""
    server = NameServer({}, mute=True)
    a = Asking('dns { resolve => ["h"] nameserver => "127.0.0.1:%d" timeout => 0.5 max_retries => 0 }' % server.port)
    a.send(*[{'h': 'h%d.example' % i} for i in range(300)])
    harness.until(lambda: server.asked, 'a question', alive=a.weird)
    a.weird.stop(balance=False)
    docs = harness.Lines(a.path).documents(300)
    assert all(d['tags'] == ['_dnstimeout'] for d in docs)
    assert [d['h'] for d in docs] == ['h%d.example' % i for i in range(300)]


# ---- over HTTP ----

class Web(ThreadingHTTPServer):
    """Answers what `answer` (status, headers, body of a request) says; holds all answers until `hold` requests are there at once."""
    daemon_threads = True
    request_queue_size = 256

    def __init__(self, answer, hold=0):
        self.answer, self.hold, self.open, self.most = answer, hold, 0, 0
        self.all_there = threading.Condition()
        self.asked, self.shown = [], []
        super().__init__(('127.0.0.1', 0), self.Handler)
        self.port = self.server_address[1]
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, request, client_address):
        pass            # a client that went away

    class Handler(BaseHTTPRequestHandler):
        protocol_version = 'HTTP/1.1'

        def serve(self):
            web = self.server
            body = self.rfile.read(int(self.headers.get('Content-Length') or 0))
            with web.all_there:
                web.shown.append(getattr(self.connection, 'getpeercert', dict)())
                web.asked.append((self.command, self.path, dict(self.headers), body))
                web.open += 1
                web.most = max(web.most, web.open)
                if web.open >= web.hold:
                    web.hold = 0
                    web.all_there.notify_all()
                while web.hold:
                    web.all_there.wait()
                web.open -= 1
            status, headers, text = web.answer(self.command, self.path, self.headers, body)
            self.send_response(status)
            for k, v in headers:
                self.send_header(k, v)
            self.send_header('Content-Length', str(len(text)))
            self.end_headers()
            if self.command != 'HEAD':
                self.wfile.write(text)

        do_GET = do_POST = do_PUT = do_HEAD = do_DELETE = do_PATCH = serve

        def log_message(self, *args):
            pass


JSON = [('Content-Type', 'application/json; charset=utf-8')]


def without_headers(documents):
    for d in documents:
        d.pop('headers', None)
    return documents


def test_http_asks_a_batch_at_once():
    count = 20          # weird has 25 connections for a host
    web = Web(lambda verb, path, headers, body: (200, JSON, json.dumps({'path': path}).encode()), hold=count)
    a = Asking('http { url => "http://127.0.0.1:%d/%%{n}" request_timeout => 100 socket_timeout => 100 }' % web.port)
    got = a.ask(*[{'n': i} for i in range(count)])
    assert [d['body'] for d in got] == [{'path': '/%d' % i} for i in range(count)], got
    assert web.most == count, web.most
    # Many more than may be open at once, in order.
    got = a.ask(*[{'n': i} for i in range(600)])
    assert [d['body']['path'] for d in got] == ['/%d' % i for i in range(600)]
    assert web.most <= 25, web.most
    a.stop()


def test_http_requests_and_answers():
    def answer(verb, path, headers, body):
        if path.startswith('/echo'):
            return 200, JSON, json.dumps({'verb': verb, 'path': path, 'type': headers['content-type'], 'x': headers['x-name'], 'auth': headers['authorization'],
                                          'cookie': headers['cookie'], 'body': body.decode()}).encode()
        return {
            '/text': (200, [('Content-Type', 'text/plain'), ('X-Two', 'a'), ('X-Two', 'b')], b' hello \n'),
            '/empty': (200, JSON, b''),
            '/broken': (200, JSON, b'{"a":'),
            '/go': (302, [('Location', '/text')], b'elsewhere'),
            '/cookie': (200, [('Set-Cookie', 'taste=sweet')], b''),
            '/no': (404, JSON, b'{}'),
        }[path]
    web = Web(answer)
    at = 'http://127.0.0.1:%d' % web.port
    a = Asking('''
        if [k] == "body" { http { url => "%(at)s/echo" verb => "POST" body => { "a" => "%%{v}" "l" => ["x", "%%{v}"] "n" => 1 } body_format => "json" add_tag => ["ok"] } }
        else if [k] == "text" { http { url => "%(at)s/echo" verb => "PUT" body => "v=%%{v}" headers => { "X-Name" => "n %%{v}" } user => "u" password => "p" } }
        else if [k] == "query" { http { url => "%(at)s/echo?a=1" query => { "q" => "%%{v}" } target_body => "[r][b]" target_headers => "[@metadata][h]" } }
        else if [k] == "head" { http { url => "%(at)s/echo" verb => "HEAD" target_headers => "[h]" } }
        else { http { url => "%(at)s%%{v}" add_tag => ["ok"] } }''' % {'at': at})
    a.weird.expect('http: (the answer is 404|an answer of the type|the event makes no request)')
    cases = [
        ({'k': 'body', 'v': 'w"'}, {'body': {'verb': 'POST', 'path': '/echo', 'type': 'application/json', 'x': None, 'auth': None, 'cookie': None,
                                             'body': '{"a":"w\\"","l":["x","w\\""],"n":1}'}, 'tags': ['ok']}),
        ({'k': 'text', 'v': 'w'}, {'body': {'verb': 'PUT', 'path': '/echo', 'type': 'text/plain', 'x': 'n w', 'auth': 'Basic dTpw', 'cookie': None, 'body': 'v=w'}}),
        ({'k': 'query', 'v': 'a b&c'}, {'r': {'b': {'verb': 'GET', 'path': '/echo?a=1&q=a%20b%26c', 'type': 'text/plain', 'x': None, 'auth': None, 'cookie': None,
                                                    'body': ''}}}),
        ({'v': '/text'}, {'body': 'hello', 'tags': ['ok']}),
        ({'v': '/empty'}, {'body': None, 'tags': ['ok']}),
        ({'v': '/broken'}, {'tags': ['_jsonparsefailure', 'ok']}),
        ({'v': '/go'}, {'body': 'hello', 'tags': ['ok']}),
        ({'v': '/no'}, {'tags': ['_httprequestfailure']}),
        ({'v': '/new\nline'}, {'tags': ['_httprequestfailure']}),
    ]
    got = a.ask(*[x for x, _ in cases])
    assert got[3]['headers']['x-two'] == ['a', 'b'] and got[3]['headers']['content-type'] == 'text/plain', got[3]
    for (sent, want), have in zip(cases, without_headers(got)):
        assert have == dict(sent, **want), (sent, have, want)
    head = a.ask({'k': 'head', 'v': ''})[0]
    assert head['h']['content-type'].startswith('application/json') and 'body' not in head, head
    # Cookies go back; each filter has its own.
    a.ask({'v': '/cookie'})
    assert a.ask({'v': '/echo'})[0]['body']['cookie'] == 'taste=sweet'
    assert a.ask({'k': 'query', 'v': ''})[0]['r']['b']['cookie'] is None
    a.stop()


def test_http_server_is_gone():
    """A port that nobody has, and a server that accepts and says nothing: a batch waits for the time-out once, not once for each event."""
    silent = socket.create_server(('127.0.0.1', 0), backlog=512)
    a = Asking('if [k] == "silent" { http { url => "http://127.0.0.1:%d/" request_timeout => 1 } } else { http { url => "http://127.0.0.1:1/" } }'
               % silent.getsockname()[1])
    a.weird.expect('http: ')
    got = a.ask(*[{'n': i} for i in range(300)])
    assert [d['n'] for d in got] == list(range(300)) and all(d['tags'] == ['_httprequestfailure'] for d in got)
    # Not all at once: what waits behind the first learns from them. Connections that were made say how many were tried.
    got = a.ask(*[{'k': 'silent', 'n': i} for i in range(200)])
    assert [d['n'] for d in got] == list(range(200)) and all(d['tags'] == ['_httprequestfailure'] for d in got)
    silent.setblocking(False)
    made = 0
    while True:
        try:
            silent.accept()[0].close()
            made += 1
        except BlockingIOError:
            break
    assert 0 < made <= 100, made
    a.stop()


def test_elasticsearch():
    """Its fields, and what it says of the search; lookups_live.py asks real ones."""
    def answer(verb, path, headers, body):
        if 'error' in path:
            return 400, JSON, b'{"error":{}}'
        if 'shards' in path:
            return 200, JSON, b'{"_shards":{"failures":[{}]},"hits":{"total":1,"hits":[]}}'
        if 'none' in path:
            return 200, JSON, b'{"_shards":{},"hits":{"total":{"value":0},"hits":[]}}'
        hits = [{'_id': 'i%d' % i, '_index': 'x', '_source': {'a': {'b': i}, 'c': 'v%d' % i}} for i in range(2 if 'two' in path else 1)]
        return 200, JSON, json.dumps({'_shards': {'total': 1}, 'hits': {'total': {'value': 7, 'relation': 'eq'}, 'hits': hits},
                                      'aggregations': {'sum': {'value': 3.5}}}).encode()
    web = Web(answer)
    template = os.path.join(harness.work, 'template.json')
    with open(template, 'w', encoding='utf-8') as f:
        f.write('{"query":{"term":{"q":"%{q}"}}}\n')
    common = 'hosts => ["127.0.0.1:1", "127.0.0.1:%d"] add_tag => ["found"]' % web.port
    a = Asking('''
        if [k] == "template" { elasticsearch { %s query_template => "%s" index => "" aggregation_fields => { "sum" => "[agg]" } } }
        else { elasticsearch { %s index => "idx-%%{k},other" query => "q:%%{q}" fields => { "[a][b]" => "[found][b]" "c" => "c" "gone" => "gone" }
                               docinfo_fields => { "_id" => "id" } result_size => 2 user => "u" password => "p" } }
        mutate { rename => { "[@metadata][total_hits]" => "total" } }''' % (common, template, common))
    a.weird.expect('elasticsearch: ')
    got = a.ask({'k': 'one', 'q': 'x y'}, {'k': 'two', 'q': 'z'}, {'k': 'none', 'q': 'z'}, {'k': 'error', 'q': 'z'}, {'k': 'shards', 'q': 'z'},
                {'k': 'template', 'q': 'w'}, {'k': 'template', 'q': 'w"'}, {'k': 'two', 'q': 'z'})
    assert got[0] == {'k': 'one', 'q': 'x y', 'found': {'b': 0}, 'c': 'v0', 'gone': None, 'id': 'i0', 'total': 7, 'tags': ['found']}, got[0]
    assert got[1] == {'k': 'two', 'q': 'z', 'found': {'b': [0, 1]}, 'c': ['v0', 'v1'], 'gone': [None, None], 'id': ['i0', 'i1'], 'total': 7,
                      'tags': ['found']}, got[1]
    assert got[2] == {'k': 'none', 'q': 'z', 'total': 0}, got[2]
    assert got[3] == {'k': 'error', 'q': 'z', 'tags': ['_elasticsearch_lookup_failure']}, got[3]
    assert got[4] == {'k': 'shards', 'q': 'z', 'tags': ['_elasticsearch_lookup_failure']}, got[4]
    assert got[5] == {'k': 'template', 'q': 'w', 'agg': {'value': 3.5}, 'total': 7, 'tags': ['found']}, got[5]
    assert got[6] == {'k': 'template', 'q': 'w"', 'tags': ['_elasticsearch_lookup_failure']}, got[6]
    assert got[7] == got[1]
    asked = [(verb, path, headers.get('Authorization'), body) for verb, path, headers, body in web.asked]
    assert ('GET', '/idx-one,other/_search?q=q%3Ax%20y&size=2&sort=%40timestamp%3Adesc', 'Basic dTpw', b'') in asked, asked
    assert ('POST', '/_search', None, b'{"query":{"term":{"q":"w"}}}\n') in asked, asked
    a.stop()


def test_elasticsearch_is_gone():
    a = Asking('elasticsearch { hosts => ["127.0.0.1:1", "http://127.0.0.1:2"] query => "x" tag_on_failure => ["late", "no"] timeout => 5 }')
    a.weird.expect('elasticsearch: ')
    got = a.ask(*[{'n': i} for i in range(500)])
    assert [d['n'] for d in got] == list(range(500)) and all(d['tags'] == ['late', 'no'] for d in got)
    a.stop()


def test_https():
    """Authorities, names and certificates of clients, for both filters that ask over HTTP."""
    certificate('ca', 'authority')
    certificate('other', 'another authority')
    certificate('server', 'server', 'ca', 'IP:127.0.0.1')
    certificate('client', 'client', 'ca')
    web = Web(lambda verb, path, headers, body: (200, JSON, b'{"_shards":{},"hits":{"total":1,"hits":[{"_source":{}}]}}'))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(harness.work + '/server.pem', harness.work + '/server.key')
    context.load_verify_locations(harness.work + '/ca.pem')
    context.verify_mode = ssl.CERT_OPTIONAL
    # The handshake is made by the thread that serves.
    web.socket = context.wrap_socket(web.socket, server_side=True, do_handshake_on_connect=False)
    at, here = '127.0.0.1:%d' % web.port, harness.work
    a = Asking('''
        if [k] == "good" { http { url => "https://%(at)s/" ssl_certificate_authorities => ["%(here)s/other.pem", "%(here)s/ca.pem"] add_tag => ["ok"] } }
        else if [k] == "other" { http { url => "https://%(at)s/" ssl_certificate_authorities => "%(here)s/other.pem" add_tag => ["ok"] } }
        else if [k] == "none" { http { url => "https://%(at)s/" ssl_verification_mode => none add_tag => ["ok"] } }
        else if [k] == "client" { http { url => "https://%(at)s/" cacert => "%(here)s/ca.pem" ssl_certificate => "%(here)s/client.pem" ssl_key => "%(here)s/client.key" add_tag => ["ok"] } }
        else if [k] == "es" { elasticsearch { hosts => ["%(at)s"] ssl => true ca_file => "%(here)s/ca.pem" query => "x" api_key => "id:key" add_tag => ["ok"] } }
        else { elasticsearch { hosts => ["https://%(at)s"] query => "x" add_tag => ["ok"] } }''' % {'at': at, 'here': here})
    a.weird.expect('http: .*certificate|elasticsearch: .*certificate|deprecated|cacert|ca_file|ssl')
    want = {'good': ['ok'], 'other': ['_httprequestfailure'], 'none': ['ok'], 'client': ['ok'], 'es': ['ok'], 'system': ['_elasticsearch_lookup_failure']}
    got = a.ask(*[{'k': k} for k in want])
    assert {d['k']: d['tags'] for d in got} == want, got
    assert [c['subject'] for c in web.shown if c] == [((('commonName', 'client'),),)], web.shown
    assert any(headers.get('Authorization') == 'ApiKey aWQ6a2V5' for _, _, headers, _ in web.asked)
    a.stop()


# ---- memcached ----

def memcached():
    root = harness.part('memcached', 'usr/bin/memcached')
    port = harness.free_port()
    command = [root + '/usr/bin/memcached', '-l', '127.0.0.1', '-p', str(port), '-U', '0', '-t', '1', '-v']
    if os.geteuid() == 0:
        command += ['-u', 'root']
    p = harness.Program('memcached', command, env={'LD_LIBRARY_PATH': os.path.join(root, 'usr/lib/x86_64-linux-gnu'), 'ASAN_OPTIONS': ''})
    p.port = port

    def there():
        try:
            socket.create_connection(('127.0.0.1', port)).close()
            return True
        except ConnectionRefusedError:
            return False
    harness.until(there, 'memcached listens', alive=p)
    return p


def text_protocol(port, *lines):
    """What memcached answers to these lines of its text protocol, up to END or STORED."""
    with socket.create_connection(('127.0.0.1', port)) as s:
        s.sendall(b''.join(lines))
        got = b''
        while not got.endswith((b'END\r\n', b'STORED\r\n')):
            got += s.recv(65536)
        return got


def test_memcached():
    server = memcached()
    a = Asking('''
        if [k] == "set" { memcached { hosts => ["127.0.0.1:%(p)d"] namespace => "ns" set => { "v" => "key-%%{n}" "[gone]" => "other" } add_tag => ["set"] ttl => 1000 } }
        else if [k] == "both" { memcached { hosts => ["127.0.0.1:%(p)d"] set => { "v" => "both" } get => { "both" => "got" } } }
        else { memcached { hosts => ["127.0.0.1:%(p)d"] namespace => "ns" get => { "key-%%{n}" => "got" "none" => "none" } add_tag => ["got"] } }''' % {'p': server.port})
    values = ['text', 'm\u00fcller', 7, -3, 1234567, -1234567, 2 ** 40, -2 ** 40, 1.5, True, ['a', 1, None, {'b': ['a', 2.5]}], {'k': 'v', 'l': {'m': 'v'}}, 'x' * 100000]
    assert a.ask({'n': 0}) == [{'n': 0}]
    got = a.ask(*[e for i, v in enumerate(values) for e in ({'k': 'set', 'n': i, 'v': v}, {'n': i})])
    for i, v in enumerate(values):
        stored, after = got[2 * i:2 * i + 2]
        assert stored == {'k': 'set', 'n': i, 'v': v, 'tags': ['set']}, stored
        assert after == {'n': i, 'got': v, 'tags': ['got']} and type(after['got']) is type(v), after
    # One filter that reads and stores: event by event, in the order of the batch.
    got = a.ask(*[dict({'k': 'both'}, **({'v': i} if i % 3 == 0 else {})) for i in range(30)])
    assert [d['got'] for d in got] == [i // 3 * 3 for i in range(30)], got
    # As Logstash stores it: Marshal, flag 1.
    assert text_protocol(server.port, b'get ns:key-0\r\n') == b'VALUE ns:key-0 1 14\r\n\x04\x08I"\x09text\x06:\x06ET\r\nEND\r\n'
    long = 'x' * 300
    assert a.ask({'k': 'set', 'n': long, 'v': 'l'}, {'n': long})[1]['got'] == 'l'
    # Too large for the server, and no text that can be a key.
    failed = a.ask({'k': 'set', 'n': 'big', 'v': 'x' * 2000000}, {'k': 'set', 'n': 'nul\0', 'v': 1}, {'n': 0})
    assert [d.get('tags') for d in failed] == [['_memcached_failure'], ['_memcached_failure'], ['got']], [d.get('tags') for d in failed]
    # Nothing to store: no success.
    assert a.ask({'k': 'set', 'n': 1}) == [{'k': 'set', 'n': 1}]
    a.stop()
    assert server.stop() == 0


def test_memcached_of_others():
    """Values that other clients wrote: as they are, in Ruby's form, deflated."""
    server = memcached()
    marshal = b'\x04\x08[\x08I"\x06a\x06:\x06ET:\x08symi\x06'
    for key, flags, value in (('raw', 0, b'plain text'), ('ruby', 1, marshal), ('packed', 3, zlib.compress(marshal)), ('object', 1, b'\x04\x08o:\x08Foo\x00'),
                              ('short', 1, b'\x04\x08[\x0a')):
        text_protocol(server.port, b'set %s %d 0 %d\r\n%s\r\n' % (key.encode(), flags, len(value), value))
    a = Asking('memcached { hosts => ["127.0.0.1:%d"] get => { "%%{n}" => "got" } tag_on_failure => "bad" }' % server.port)
    a.weird.expect("memcached: .*Ruby's form")
    got = a.ask(*[{'n': n} for n in ('raw', 'ruby', 'packed', 'object', 'short')])
    assert got[0]['got'] == 'plain text' and got[1]['got'] == ['a', 'sym', 1] and got[2]['got'] == ['a', 'sym', 1], got
    assert got[3] == {'n': 'object', 'tags': ['bad']} and got[4] == {'n': 'short', 'tags': ['bad']}, got
    a.stop()
    assert server.stop() == 0


def test_memcached_several_and_gone():
    """Keys are spread over two servers as Dalli spreads them; when one goes the other takes over; when both are gone events are tagged, and go on."""
    servers = [memcached(), memcached()]
    a = Asking('if [k] == "set" { memcached { hosts => ["127.0.0.1:%(a)d", "127.0.0.1:%(b)d"] set => { "n" => "k%%{n}" } } }'
               'else { memcached { hosts => ["127.0.0.1:%(a)d", "127.0.0.1:%(b)d"] get => { "k%%{n}" => "got" } add_tag => ["got"] } }'
               % {'a': servers[0].port, 'b': servers[1].port})
    a.weird.expect('memcached: ')
    a.ask(*[{'k': 'set', 'n': i} for i in range(200)])
    ring = sorted((int(hashlib.sha1(b'127.0.0.1:%d:%d' % (s.port, i)).hexdigest()[:8], 16), n) for n, s in enumerate(servers) for i in range(160))
    for i in range(200):
        key = b'k%d' % i
        below = [n for at, n in ring if at <= zlib.crc32(key)]
        owner = below[-1] if below else ring[-1][1]
        assert text_protocol(servers[owner].port, b'get %s\r\n' % key).startswith(b'VALUE'), key
        assert text_protocol(servers[1 - owner].port, b'get %s\r\n' % key) == b'END\r\n', key
    assert all(d['got'] == d['n'] for d in a.ask(*[{'n': i} for i in range(200)]))
    servers[0].kill()
    # What the dead one had is not there; what is stored now is.
    a.ask(*[{'k': 'set', 'n': i} for i in range(200)])
    got = a.ask(*[{'n': i} for i in range(200)])
    assert all(d.get('got') == d['n'] for d in got), [d for d in got if 'got' not in d][:3]
    servers[1].kill()
    got = a.ask(*[{'n': i} for i in range(200)])
    assert [d['n'] for d in got] == list(range(200)) and all(d['tags'] == ['_memcached_failure'] for d in got)
    a.stop()


def test_memcached_cache():
    """Remembered answers are not asked for again, also over a reload."""
    server = memcached()
    text_protocol(server.port, b'set a 0 0 3\r\none\r\n')
    filters = 'memcached { id => "m" hosts => ["127.0.0.1:%d"] get => { "%%{n}" => "got" } lru_cache_ttl => 10000 %s }'
    a = Asking(filters % (server.port, ''))
    assert a.ask({'n': 'a'}, {'n': 'b'}) == [{'n': 'a', 'got': 'one'}, {'n': 'b'}]
    text_protocol(server.port, b'set a 0 0 3\r\ntwo\r\n')
    text_protocol(server.port, b'set b 0 0 3\r\ntwo\r\n')
    assert a.ask({'n': 'a'}, {'n': 'b'}) == [{'n': 'a', 'got': 'one'}, {'n': 'b'}]
    a.reload(filters % (server.port, 'add_tag => ["t"]'))
    assert a.ask({'n': 'a'}, {'n': 'b'}) == [{'n': 'a', 'got': 'one', 'tags': ['t']}, {'n': 'b'}]
    a.stop()
    assert server.stop() == 0


if __name__ == '__main__':
    harness.main()
