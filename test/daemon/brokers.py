"""brokers.py - a real Redis and a real Kafka on loopback, with a fresh folder each, and small clients."""
import glob
import json
import os
import socket
import subprocess

import harness


def out():
    return os.path.join(harness.work, 'out.ndjson')


def elements(first, behind):
    return [json.dumps({'n': i, 'message': 'event %d' % i}) for i in range(first, behind)]


def numbers(texts):
    return sorted(json.loads(x)['n'] for x in texts)


def send(port, texts):
    with socket.create_connection(('127.0.0.1', port)) as s:
        s.sendall(''.join(x + '\n' for x in texts).encode())


def certificates(folder):
    """An authority and a certificate for 127.0.0.1 and localhost of its own: paths of ca, cert, key."""
    ca, ca_key, cert, key, request, names = [os.path.join(folder, x) for x in ('ca.pem', 'ca.key', 'cert.pem', 'cert.key', 'cert.csr', 'names')]
    with open(names, 'w', encoding='ascii') as f:
        f.write('subjectAltName=DNS:localhost,IP:127.0.0.1\n')
    for command in (['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=ca', '-days', '2', '-keyout', ca_key, '-out', ca],
                    ['req', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=localhost', '-keyout', key, '-out', request],
                    ['x509', '-req', '-in', request, '-CA', ca, '-CAkey', ca_key, '-CAcreateserial', '-days', '2', '-extfile', names, '-out', cert]):
        subprocess.run(['openssl', *command], check=True, capture_output=True)
    return ca, cert, key


class Redis(harness.Program):
    """redis-server with its data kept on disk, so that it can be killed and started again with the same port."""

    def __init__(self, *options, port=None, tls=False):
        home = harness.part('redis', 'usr/bin/redis-server')
        self.port = port or harness.free_port()
        folder = os.path.join(harness.work, 'redis')
        os.makedirs(folder, exist_ok=True)
        listen = ['--port', '0', '--tls-port'] if tls else ['--port']
        super().__init__('redis', [home + '/usr/bin/redis-server', '--bind', '127.0.0.1', *listen, str(self.port), '--dir', folder, '--save', '',
                                   '--appendonly', 'yes', '--appendfsync', 'always', *options],
                         env={'LD_LIBRARY_PATH': ':'.join(glob.glob(home + '/usr/lib/*-linux-gnu*'))})
        self.line('Ready to accept connections')

    def client(self):
        return Client(self.port)


class Client:
    """Commands to Redis, and their answers."""

    def __init__(self, port):
        self.s = socket.create_connection(('127.0.0.1', port), timeout=harness.SECONDS)
        self.f = self.s.makefile('rb')

    def send(self, *words):
        data = [w if isinstance(w, bytes) else str(w).encode() for w in words]
        self.s.sendall(b'*%d\r\n' % len(data) + b''.join(b'$%d\r\n%s\r\n' % (len(w), w) for w in data))

    def answer(self):
        line = self.f.readline()
        assert line.endswith(b'\r\n'), line
        kind, rest = line[:1], line[1:-2]
        if kind == b'*':
            return None if rest == b'-1' else [self.answer() for _ in range(int(rest))]
        if kind == b'$':
            return None if rest == b'-1' else self.f.read(int(rest) + 2)[:-2]
        assert kind != b'-', rest
        return int(rest) if kind == b':' else rest

    def __call__(self, *words):
        self.send(*words)
        return self.answer()

    def push(self, key, elements, at_once=500):
        for i in range(0, len(elements), at_once):
            self('RPUSH', key, *elements[i:i + at_once])


class Kafka(harness.Program):
    """A broker that is its own controller; topics are made when they are first named, with three partitions. `tls`: certificates() for a second
    listener with TLS and passwords, alice's being secret."""

    def __init__(self, port=None, tls=None):
        if not harness.LIVE:
            harness.skip('./check --live: a real Kafka is a big download')
        home = harness.part('kafka', 'ready')
        with open(home + '/ready', encoding='utf-8') as f:
            self.java = f.read().strip() + '/bin/java'
        with open(home + '/cp.txt', encoding='utf-8') as f:
            self.classpath = f.read().strip()
        self.port, self.folder = port or harness.free_port(), os.path.join(harness.work, 'kafka')
        if not os.path.exists(self.folder):
            os.mkdir(self.folder)
            self.configure(tls)
        super().__init__('kafka', [self.java, '-Xms128m', '-Xmx384m', '-XX:+UseSerialGC', '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn',
                                   '-Dorg.slf4j.simpleLogger.log.kafka.server.KafkaRaftServer=info', '-cp', self.classpath, 'kafka.Kafka', self.properties()])
        self.line('Kafka Server started')

    def properties(self):
        return os.path.join(self.folder, 'server.properties')

    def configure(self, tls):
        controller, self.tls_port = harness.free_port(), harness.free_port()
        listeners = ['PLAINTEXT://127.0.0.1:%d' % self.port, 'CONTROLLER://127.0.0.1:%d' % controller]
        lines = []
        if tls:
            ca, cert, key = tls
            listeners.insert(0, 'SASL_SSL://127.0.0.1:%d' % self.tls_port)
            store = os.path.join(self.folder, 'broker.pem')
            with open(store, 'w', encoding='ascii') as f:
                for part in (key, cert):
                    with open(part, encoding='ascii') as g:
                        f.write(g.read())
            lines += ['ssl.keystore.type=PEM', 'ssl.keystore.location=' + store, 'ssl.truststore.type=PEM', 'ssl.truststore.location=' + ca,
                      'sasl.enabled.mechanisms=PLAIN',
                      'listener.name.sasl_ssl.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required '
                      'username="admin" password="admin" user_alice="se\\\\"cret";']
        with open(self.properties(), 'w', encoding='ascii') as f:
            f.write('\n'.join(lines + [
                'process.roles=broker,controller', 'node.id=1', 'controller.quorum.voters=1@127.0.0.1:%d' % controller,
                'controller.listener.names=CONTROLLER', 'listeners=' + ','.join(listeners), 'advertised.listeners=' + ','.join(x for x in listeners if 'CONTROLLER' not in x),
                'listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SASL_SSL:SASL_SSL', 'log.dirs=' + os.path.join(self.folder, 'logs'),
                'num.partitions=3', 'offsets.topic.num.partitions=3', 'offsets.topic.replication.factor=1', 'transaction.state.log.replication.factor=1',
                'transaction.state.log.min.isr=1', 'group.initial.rebalance.delay.ms=0']) + '\n')
        out = subprocess.run([self.java, '-Dorg.slf4j.simpleLogger.defaultLogLevel=error', '-cp', self.classpath, 'kafka.tools.StorageTool', 'format', '-t',
                              'AAAAAAAAAAAAAAAAAAAAAQ', '-c', self.properties()], capture_output=True, text=True, check=False)
        assert out.returncode == 0, out.stdout + out.stderr

    def kcat(self, *args, text=None):
        out = subprocess.run(['kcat', '-b', '127.0.0.1:%d' % self.port, *args], input=text, capture_output=True, text=True, check=False,
                             timeout=harness.SECONDS)
        assert out.returncode == 0, out.stderr
        return out.stdout

    def put(self, topic, texts, *args):
        self.kcat('-P', '-t', topic, *args, text=''.join(x + '\n' for x in texts))

    def get(self, topic, form='%s\n'):
        """All records there are now, a line each."""
        return self.kcat('-C', '-t', topic, '-o', 'beginning', '-e', '-q', '-f', form).splitlines()

    def left(self, group, topic):
        """What the next member of the group would get: all that is not committed. It commits nothing itself."""
        return self.kcat('-G', group, '-e', '-q', '-X', 'auto.offset.reset=earliest', '-X', 'enable.auto.commit=false', topic).splitlines()
