"""lumberjack_wire.py - Lumberjack frames, and a client that speaks them by hand: what a library would not send."""
import json
import select
import socket
import struct
import zlib

import harness


def numbers(*n):
    return struct.pack('>%dI' % len(n), *n)


def window(n, version=b'2'):
    return version + b'W' + numbers(n)


def frame(sequence, document):
    if not isinstance(document, bytes):
        document = json.dumps(document).encode()
    return b'2J' + numbers(sequence, len(document)) + document


def pairs(sequence, fields):
    out = b'1D' + numbers(sequence, len(fields))
    for kv in fields.items():
        for text in kv:
            out += numbers(len(text.encode())) + text.encode()
    return out


def packed(frames, version=b'2'):
    z = zlib.compress(frames)
    return version + b'C' + numbers(len(z)) + z


class Client:
    """One connection; acks are read frame by frame."""

    def __init__(self, port, context=None):
        self.s = socket.create_connection(('127.0.0.1', port), harness.SECONDS)
        self.s.settimeout(harness.SECONDS)
        if context:
            self.s = context.wrap_socket(self.s, server_hostname='localhost')
        self.rest = b''

    def send(self, *parts):
        self.s.sendall(b''.join(parts))

    def events(self, documents, compress=False, first=1):
        frames = b''.join(frame(first + i, d) for i, d in enumerate(documents))
        self.send(window(len(documents)), packed(frames) if compress else frames)

    def quiet(self, seconds):
        """Nothing comes for so long."""
        return not self.rest and not select.select([self.s], [], [], seconds)[0]

    def ack(self):
        """(version, sequence) of the next one; None at the end of the connection."""
        while len(self.rest) < 6:
            try:
                more = self.s.recv(4096)
            except ConnectionResetError:
                more = b''
            if not more:
                assert not self.rest, self.rest
                return None
            self.rest += more
        assert self.rest[1:2] == b'A', self.rest
        version, sequence = self.rest[:1], struct.unpack('>I', self.rest[2:6])[0]
        self.rest = self.rest[6:]
        return version, sequence

    def acked(self, sequence):
        """Reads until that one is acknowledged; everything that was said on the way is no more than it."""
        while True:
            a = self.ack()
            assert a is not None and a[1] <= sequence, a
            if a[1] == sequence:
                return

    def close(self):
        self.s.close()


class Server:
    """Version 1 from the other end: accepts, reads a window at a time, and answers only when it is told to."""

    def __init__(self, context):
        self.context = context
        self.listener = socket.create_server(('127.0.0.1', 0))
        self.listener.settimeout(harness.SECONDS)
        self.port = self.listener.getsockname()[1]
        self.s = None

    def accept(self):
        plain, _ = self.listener.accept()
        plain.settimeout(harness.SECONDS)
        self.s = self.context.wrap_socket(plain, server_side=True)

    def read(self, n):
        out = b''
        while len(out) < n:
            more = self.s.recv(n - len(out))
            assert more, 'the connection ended in the middle of a frame'
            out += more
        return out

    def window(self):
        """The lines of the next one, which comes as one compressed frame."""
        kind, n = struct.unpack('>2sI', self.read(6))
        assert kind == b'1W', kind
        kind, size = struct.unpack('>2sI', self.read(6))
        assert kind == b'1C', kind
        data, at, lines = zlib.decompress(self.read(size)), 0, []
        for i in range(n):
            kind, sequence, count, key, name, size = struct.unpack_from('>2sIII4sI', data, at)
            assert (kind, sequence, count, key, name) == (b'1D', i + 1, 1, 4, b'line'), (kind, sequence, count, key, name)
            lines.append(data[at + 22:at + 22 + size])
            at += 22 + size
        assert at == len(data)
        return lines

    def ack(self, sequence, version=b'1'):
        self.s.sendall(version + b'A' + numbers(sequence))

    def hang_up(self):
        self.s.close()

    def quiet(self, seconds):
        """Nothing more comes for so long, and nobody else connects."""
        return not select.select([self.s, self.listener], [], [], seconds)[0]
