#!/usr/bin/env python3
"""lookups.py - filters that ask somebody: real servers and their answers, how much is asked at once, servers that are gone, reloads."""
import json
import os
import re
import signal
import socket
import struct
import threading

import harness

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


if __name__ == '__main__':
    harness.main()
