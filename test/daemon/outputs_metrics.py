#!/usr/bin/env python3
"""outputs_metrics.py - the outputs graphite and statsd: against Carbon, and a listener that dies and comes back."""
import os
import pickle
import re
import socket
import struct
import sys
import threading

import harness
from outputs import Drive


class Listener:
    """Takes connections and keeps whole lines."""

    def __init__(self, port=None):
        self.port, self.lines, self.conns, self.lock = port or harness.free_port(), [], [], threading.Lock()
        self.more = threading.Condition(self.lock)
        self.start()

    def start(self):
        self.s = socket.create_server(('127.0.0.1', self.port))
        threading.Thread(target=self.accept, args=(self.s,), daemon=True).start()

    def accept(self, s):
        while True:
            try:
                c, _ = s.accept()
            except OSError:
                return
            with self.lock:
                self.conns.append(c)
            threading.Thread(target=self.read, args=(c,), daemon=True).start()

    def read(self, c):
        rest = b''
        while True:
            try:
                data = c.recv(65536)
            except OSError:
                return
            if not data:
                return
            *lines, rest = (rest + data).split(b'\n')
            with self.more:
                self.lines += lines
                self.more.notify_all()

    def stop(self):
        self.s.shutdown(socket.SHUT_RDWR)
        self.s.close()
        with self.lock:
            conns, self.conns = self.conns, []
        for c in conns:
            # A reset: what lies unread in the kernel is gone, as when a process is killed.
            c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
            c.shutdown(socket.SHUT_RDWR)
            c.close()

    def wait(self, n):
        with self.more:
            assert self.more.wait_for(lambda: len(self.lines) >= n, harness.SECONDS), len(self.lines)


def conf(port, more=''):
    return 'graphite { host => "127.0.0.1" port => %d metrics => { "weir.n%%{n}" => "%%{n}" } %s }' % (port, more)


def names(lines):
    return {x.split(b' ')[0] for x in lines}


def finish(d, events):
    st = d.stats()
    assert st['routed'] + st['reloaded'] == events and st['delivered'] == events and st['left'] == 0 and st['dropped'] == 0 and st['unsent'] == 0, st
    return st


def test_lines():
    s = Listener()
    finish(Drive('lines', conf(s.port), 500), 500)
    s.wait(500)
    assert len(s.lines) == 500 and len(names(s.lines)) == 500
    for x in s.lines:
        m = re.fullmatch(rb'weir\.n(\d+) (\d+)\.0 \d{10}', x)
        assert m and m.group(1) == m.group(2), x


def test_dead_at_start():
    port = harness.free_port()
    d = Drive('dead', conf(port), 500)
    d.line('trying again')
    s = Listener(port)
    finish(d, 500)
    s.wait(500)
    assert len(names(s.lines)) == 500


def test_dies():
    """What its kernel had not acknowledged comes again."""
    s = Listener()
    d = Drive('dies', conf(s.port), 60000)
    s.wait(1000)
    s.stop()
    s.start()
    finish(d, 60000)
    # What the dead listener's kernel had taken and it had not read is gone with it: a receive buffer at most.
    harness.until(lambda: len(names(s.lines)) > 60000 - 8000, 'lines')


def test_unsent():
    port = harness.free_port()
    st = Drive('unsent', conf(port), 10, seconds=1).stats()
    assert st['unsent'] == 10, st
    s = Listener(port)
    finish(Drive('unsent', conf(port), 0), 10)
    s.wait(10)


def test_carbon():
    """The real one: it answers queries of its cache with what it took."""
    home = harness.part('carbon', 'usr/bin/carbon-cache')
    packages = os.path.join(home, 'usr/lib/python3/dist-packages')
    where, line, query = harness.work, harness.free_port(), harness.free_port()
    for name in ('storage', 'conf', 'log'):
        os.makedirs(os.path.join(where, name))
    with open(os.path.join(where, 'conf/carbon.conf'), 'w', encoding='ascii') as f:
        f.write('[cache]\nSTORAGE_DIR = %s/storage/\nCONF_DIR = %s/conf/\nLOG_DIR = %s/log/\nPID_DIR = %s/\nLOCAL_DATA_DIR = %s/storage/\nUSER =\n'
                'LINE_RECEIVER_INTERFACE = 127.0.0.1\nLINE_RECEIVER_PORT = %d\nENABLE_UDP_LISTENER = False\nPICKLE_RECEIVER_INTERFACE = 127.0.0.1\n'
                'PICKLE_RECEIVER_PORT = %d\nCACHE_QUERY_INTERFACE = 127.0.0.1\nCACHE_QUERY_PORT = %d\nMAX_UPDATES_PER_SECOND = 0.001\nMAX_CREATES_PER_MINUTE = 1\n'
                % (where, where, where, where, where, line, harness.free_port(), query))
    with open(os.path.join(where, 'conf/storage-schemas.conf'), 'w', encoding='ascii') as f:
        f.write('[all]\npattern = .*\nretentions = 1s:1d\n')
    carbon = harness.Program('carbon', [sys.executable, os.path.join(home, 'usr/bin/carbon-cache'), '--config=' + os.path.join(where, 'conf/carbon.conf'), '--nodaemon', 'start'],
                             env={'PYTHONPATH': packages, 'GRAPHITE_ROOT': where})

    def connected(port):
        try:
            return socket.create_connection(('127.0.0.1', port), 5)
        except OSError:
            return None
    s = harness.until(lambda: connected(query), 'carbon listens', alive=carbon)
    finish(Drive('carbon', conf(line, 'metrics_format => "site.*.value"'), 50), 50)

    def ask(metric):
        body = pickle.dumps({'type': 'cache-query', 'metric': metric}, protocol=2)
        s.sendall(struct.pack('!I', len(body)) + body)
        data = b''
        while len(data) < 4 or len(data) < 4 + struct.unpack('!I', data[:4])[0]:
            data += s.recv(65536)
        return pickle.loads(data[4:])['datapoints']
    for n in (1, 25, 49):
        points = harness.until(lambda n=n: ask('site.weir.n%d.value' % n), 'metric %d' % n, alive=carbon)
        assert [v for _, v in points] == [float(n)], points
    carbon.stop()


def test_statsd():
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind(('127.0.0.1', 0))
    udp.settimeout(harness.SECONDS)
    d = Drive('statsd', 'statsd { host => "127.0.0.1" port => %d namespace => "weir" sender => "a.b:c" increment => ["lines", "n%%{n}"] decrement => "left" '
              'count => { "bytes" => "%%{n}" } gauge => { "g::x" => "1" } timing => { "t" => 20 } set => { "s" => "%%{n}|x" } }' % udp.getsockname()[1], 20)
    finish(d, 20)
    got = sorted(udp.recv(65536).decode() for _ in range(20))
    assert got == sorted('\n'.join('weir.a_b_c.' + x for x in ('lines:1|c', 'n%d:1|c' % n, 'left:-1|c', 'bytes:%d|c' % n, 't:20|ms', 's:%d_x|s' % n, 'g.x:1|g'))
                         for n in range(20)), got[:2]
    s = Listener()
    finish(Drive('statsd-tcp', 'statsd { host => "127.0.0.1" port => %d protocol => tcp sender => "h" increment => ["a"] }' % s.port, 20), 20)
    s.wait(20)
    assert s.lines == [b'logstash.h.a:1|c'] * 20
    d = Drive('statsd-rate', 'statsd { host => "127.0.0.1" port => %d sender => "h" increment => ["a"] sample_rate => 0.2 }' % udp.getsockname()[1], 1000)
    st = d.stats()
    assert st['delivered'] + st['dropped'] == 1000 and 100 < st['delivered'] < 320, st
    assert udp.recv(65536) == b'logstash.h.a:1|c|@0.2'


if __name__ == '__main__':
    harness.main()
