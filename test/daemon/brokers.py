"""brokers.py - a real Redis and a real Kafka on loopback, with a fresh folder each, and small clients."""
import glob
import os
import socket
import subprocess

import harness


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
