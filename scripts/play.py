#!/usr/bin/env python3
"""play.py --syslog PORT --dnstap SOCKET [--seconds S] [--part F] FOLDER: plays a recorded story into weird, through its own sockets.

FOLDER holds *.log (syslog lines, or BIND's query log, which is sent as syslog of the host `resolver`) and *.fstrm (dnstap). Everything is sent in
the order of the recorded times, spread over S seconds (default 8); the events keep the times of the recording. --part F stops after that part of it
(0.5: the first half of the time). The last line says how much was sent.
"""
import argparse
import datetime
import os
import re
import socket
import struct
import sys
import time

CONTENT_TYPE = b'protobuf:dnstap.Dnstap'
ACCEPT, START, STOP, READY, FINISH = 1, 2, 3, 4, 5


def when(text):
    return datetime.datetime.fromisoformat(text.replace('Z', '+00:00')).timestamp()


def syslog_lines(path):
    """(time, line) of each line that is no note."""
    with open(path, encoding='utf-8') as f:
        for line in f:
            line = line.rstrip('\n')
            m = re.match(r'<\d+>1 (\S+) ', line)
            if m:
                yield when(m.group(1)), line
                continue
            m = re.match(r'(\d{4}-\d\d-\d\dT\S+Z) (.*)', line)
            if m:
                yield when(m.group(1)), '<30>1 %s resolver named 204 - - %s' % m.groups()


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at


def fields(data):
    """The fields of a protobuf message: number -> value (the last one of its number)."""
    out, at = {}, 0
    while at < len(data):
        key, at = varint(data, at)
        kind = key & 7
        if kind == 0:
            value, at = varint(data, at)
        elif kind == 1:
            value, at = struct.unpack_from('<Q', data, at)[0], at + 8
        elif kind == 2:
            n, at = varint(data, at)
            value, at = data[at:at + n], at + n
        else:
            value, at = struct.unpack_from('<I', data, at)[0], at + 4
        out[key >> 3] = value
    return out


def frame_time(frame):
    message = fields(fields(frame).get(14, b''))
    if 12 in message:                                   # response_time_sec, _nsec
        return message[12] + message.get(13, 0) / 1e9
    return message.get(8, 0) + message.get(9, 0) / 1e9  # query_time_sec, _nsec


def frames(path):
    with open(path, 'rb') as f:
        data = f.read()
    at = 0
    while at + 4 <= len(data):
        n, at = struct.unpack_from('>I', data, at)[0], at + 4
        if n == 0:                                      # a control frame
            at += 4 + struct.unpack_from('>I', data, at)[0]
            continue
        if at + n > len(data):
            break
        yield frame_time(data[at:at + n]), data[at:at + n]
        at += n


def control(kind, typed=True):
    body = struct.pack('>I', kind) + (struct.pack('>II', 1, len(CONTENT_TYPE)) + CONTENT_TYPE if typed else b'')
    return struct.pack('>II', 0, len(body)) + body


def read_control(s):
    def exactly(n):
        data = b''
        while len(data) < n:
            more = s.recv(n - len(data))
            if not more:
                sys.exit('play.py: weird closed the dnstap connection')
            data += more
        return data
    escape, n = struct.unpack('>II', exactly(8))
    body = exactly(n)
    return struct.unpack_from('>I', body)[0] if escape == 0 else None


class Dnstap:
    """A Frame Streams writer, both directions."""
    def __init__(self, path):
        self.s = socket.socket(socket.AF_UNIX)
        self.s.connect(path)
        self.s.sendall(control(READY))
        if read_control(self.s) != ACCEPT:
            sys.exit('play.py: weird does not take dnstap there')
        self.s.sendall(control(START))

    def send(self, frame):
        self.s.sendall(struct.pack('>I', len(frame)) + frame)

    def end(self):
        self.s.sendall(control(STOP, False))
        read_control(self.s)
        self.s.close()


def main():
    p = argparse.ArgumentParser(description=__doc__.split('\n', 1)[0])
    p.add_argument('--syslog', type=int, required=True)
    p.add_argument('--dnstap', required=True)
    p.add_argument('--seconds', type=float, default=8)
    p.add_argument('--part', type=float, default=1)
    p.add_argument('folder')
    a = p.parse_args()
    story = []
    for name in sorted(os.listdir(a.folder)):
        path = os.path.join(a.folder, name)
        if name.endswith('.log'):
            story += [(t, 'line', x) for t, x in syslog_lines(path)]
        elif name.endswith('.fstrm'):
            story += [(t, 'frame', x) for t, x in frames(path)]
    story.sort(key=lambda x: x[0])
    if not story:
        sys.exit("play.py: there is no story in '%s'" % a.folder)
    first, last = story[0][0], story[-1][0]
    story = [x for x in story if x[0] - first <= (last - first) * a.part]
    # Quiet stretches are cut short: what is played at equal distances is seen best.
    pause = a.seconds / len(story)
    lines, tap, sent = socket.create_connection(('127.0.0.1', a.syslog)), Dnstap(a.dnstap), {'line': 0, 'frame': 0}
    for _, kind, what in story:
        if kind == 'line':
            data = what.encode()
            lines.sendall(b'%d %s' % (len(data), data))
        else:
            tap.send(what)
        sent[kind] += 1
        time.sleep(pause)
    lines.close()
    tap.end()
    print('sent %d lines of syslog and %d frames of dnstap' % (sent['line'], sent['frame']))


if __name__ == '__main__':
    main()
