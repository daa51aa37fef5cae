#!/usr/bin/env python3
"""dnstap.py - dnstap over a unix socket, TCP and out of recordings: handshakes, counts, what is refused, and back-pressure."""
import glob
import json
import os
import select
import socket
import stat
import struct

import harness
from faults_sink import Sink

RECORDINGS = os.path.join(harness.ROOT, 'test/dnstap')
TYPE = b'protobuf:dnstap.Dnstap'
ACCEPT, START, STOP, READY, FINISH = 1, 2, 3, 4, 5
OUT = 'output { file { path => "%s" codec => json_lines } }\n'


def out():
    return os.path.join(harness.work, 'out.ndjson')


def start(conf):
    """A first event opens the output's file before a connection's descriptor is free again: libuv closes and weird opens by system calls that
    the thread sanitizer does not see, so that it takes two things of one number for one."""
    weird, lines = harness.Weird('input { generator { count => 1 } }\n' + conf + OUT % out()), harness.Lines(out())
    lines.wait(1, alive=weird)
    lines.lines.clear()
    return weird, lines


def control(kind, content=TYPE):
    body = struct.pack('>I', kind) + (struct.pack('>II', 1, len(content)) + content if content is not None else b'')
    return struct.pack('>II', 0, len(body)) + body


def data(frame):
    return struct.pack('>I', len(frame)) + frame


def recorded(name):
    """The data frames of a recording."""
    with open(os.path.join(RECORDINGS, name + '.fstrm'), 'rb') as f:
        raw = f.read()
    frames, at = [], 0
    while at + 4 <= len(raw):
        n, = struct.unpack_from('>I', raw, at)
        if n == 0:
            at += 8 + struct.unpack_from('>I', raw, at + 4)[0]
            continue
        if at + 4 + n <= len(raw):
            frames.append(raw[at + 4:at + 4 + n])
        at += 4 + n
    return frames


def read_control(s):
    """The type of the control frame that comes, or None at the end."""
    raw = b''
    while len(raw) < 8 or len(raw) < 8 + struct.unpack_from('>I', raw, 4)[0]:
        more = s.recv(1 if len(raw) < 8 else 8 + struct.unpack_from('>I', raw, 4)[0] - len(raw))
        if not more:
            return None
        raw += more
    assert raw[:4] == b'\0\0\0\0', raw
    return struct.unpack_from('>I', raw, 8)[0]


def connect(where):
    s = socket.socket(socket.AF_UNIX) if isinstance(where, str) else socket.socket()
    s.settimeout(harness.SECONDS)
    s.connect(where if isinstance(where, str) else ('127.0.0.1', where))
    return s


def opened(where):
    s = connect(where)
    s.sendall(control(READY))
    assert read_control(s) == ACCEPT
    s.sendall(control(START))
    return s


def finish(s):
    s.sendall(control(STOP, None))
    assert read_control(s) == FINISH
    s.close()


def closed(s):
    """The other side closes without another word."""
    try:
        return s.recv(1) == b''
    except ConnectionResetError:
        return True


def ids(documents):
    return [(d['event']['action'], d['dns']['id'], d['dns']['question']['name']) for d in documents]


def expected(name):
    """The same of a recording, as weird reads it from the file."""
    path = os.path.join(harness.work, name + '.expected')
    weird = harness.Weird('input { dnstap { file => "%s.fstrm" } }\n' % os.path.join(RECORDINGS, name) + OUT % path, wait=False, name=name,
                          data=os.path.join(harness.work, name))
    assert weird.wait() == 0
    with open(path, encoding='utf-8') as f:
        return ids(json.loads(x) for x in f)


def sock():
    return os.path.join(harness.work, 'dnstap.sock')


def test_socket_both_ways():
    """Handshake, 130 frames in odd pieces, the end; the socket's mode; the file goes with weird."""
    weird, lines = start('input { dnstap { socket => "%s" mode => "0620" } }\n' % sock())
    assert stat.S_IMODE(os.stat(sock()).st_mode) == 0o620
    s = opened(sock())
    raw = b''.join(data(f) for f in recorded('bind'))
    at = 0
    while at < len(raw):
        n = 1 + at * 7919 % 1571
        s.sendall(raw[at:at + n])
        at += n
    finish(s)
    documents = lines.documents(130, alive=weird)
    assert documents[0]['message'] == 'client query 198.51.100.25#45822 145.111.137.185.in-addr.arpa IN PTR id 54815', documents[0]
    assert all(d['host']['name'] == 'resolver' and d['weir']['parse']['ok'] for d in documents)
    assert 'original' not in documents[0]['event'] and 'log' not in documents[0]
    weird.stop()
    assert not os.path.exists(sock())


def test_other_ways_to_begin_and_end():
    weird, lines = start('input { dnstap { socket => "%s" } }\n' % sock())
    frame = recorded('kresd')[0]
    with connect(sock()) as s:
        s.sendall(control(START) + data(frame) + control(STOP, None))
        s.shutdown(socket.SHUT_WR)
        assert closed(s)
    with connect(sock()) as s:
        s.sendall(control(READY, None))
        assert read_control(s) == ACCEPT
        s.sendall(control(START, None) + data(frame))
    # Unbound says STOP and is gone without waiting for FINISH: no reason for a word.
    s = opened(sock())
    s.sendall(data(frame) + control(STOP, None))
    s.close()
    assert ids(lines.documents(3, alive=weird)) == [('dns-client-query', '51404', '145.111.137.185.in-addr.arpa')] * 3
    harness.until(lambda: weird.metric('weir_input_connections', plugin='dnstap') == 0, 'all connections gone', alive=weird)
    weird.stop()


def test_tcp():
    """A sender without an identity is known by its address."""
    port = harness.free_port()
    weird, lines = start('input { dnstap { port => %d } }\n' % port)
    s = opened(port)
    mine = '127.0.0.1:%d' % s.getsockname()[1]
    s.sendall(data(recorded('pdns')[0]) + data(b'\x72\x04\x08\x05\x10\x01\x78\x01'))
    finish(s)
    named, unnamed = lines.documents(2, alive=weird)
    assert named['host']['name'] == 'resolver' and unnamed['host']['name'] == '127.0.0.1', (named, unnamed)
    assert named['log']['source']['address'] == unnamed['log']['source']['address'] == mine
    weird.stop()


def test_many_connections():
    """Frames of 40 connections, interleaved: each comes out 40 times."""
    weird, lines = start('input { dnstap { socket => "%s" } }\n' % sock())
    frames = recorded('unbound')
    conns = [opened(sock()) for _ in range(40)]
    for f in frames:
        for s in conns:
            s.sendall(data(f))
    for s in conns:
        finish(s)
    got = ids(lines.documents(40 * len(frames), alive=weird))
    once = [tuple(x) for x in expected('unbound')]
    assert {x: got.count(x) for x in set(got)} == {x: 40 * once.count(x) for x in set(once)}
    weird.balance()
    assert weird.metric('weir_input_lines_total', plugin='dnstap') == 40 * len(frames)
    weird.stop()


def test_refused_and_the_others_go_on():
    """What breaks the framing is closed and counted; a connection beside it does not notice."""
    weird, lines = start('input { dnstap { socket => "%s" } }\n' % sock())
    weird.expect('a connection from .* is closed: ')
    good, frame = opened(sock()), recorded('bind')[0]
    bad = [data(b'abc'), control(READY, b'protobuf:evil'), control(FINISH, None), control(START) + struct.pack('>I', 128 * 1024 + 1),
           control(START) + data(frame) + control(START), struct.pack('>II', 0, 513)]
    for raw in bad:
        with connect(sock()) as s:
            s.sendall(raw)
            assert closed(s), raw
        good.sendall(data(frame))
    # One that ends in the middle of a frame: what was whole counts, the rest is counted.
    with opened(sock()) as s:
        s.sendall(data(frame) + data(frame)[:-1])
        s.shutdown(socket.SHUT_WR)
        assert closed(s)
    good.sendall(data(frame))
    finish(good)
    assert len(lines.wait(len(bad) + 3, alive=weird)) == len(bad) + 3
    assert weird.metric('weir_input_bad_frames_total', plugin='dnstap') == len(bad) + 1
    for reason in ('data before START', 'another content type is offered', 'only a reader sends', 'longer than the limit', 'START where none', '512 bytes'):
        weird.line('a connection from .*%s is closed: .*%s' % (os.path.basename(sock()), reason))
    weird.stop()


def test_largest_frame():
    """128 KiB are taken, in pieces; nearly all of it is an unknown field."""
    weird, lines = start('input { dnstap { socket => "%s" } }\n' % sock())
    frame = recorded('bind')[0]
    room = 128 * 1024 - len(frame) - 4
    big = frame + b'\x1a' + bytes([room & 127 | 128, room >> 7 & 127 | 128, room >> 14]) + b'x' * room
    assert len(big) == 128 * 1024
    s = opened(sock())
    for _ in range(20):
        s.sendall(data(big) + data(frame))
    finish(s)
    got = ids(lines.documents(40, alive=weird))
    assert len(set(got)) == 1 and len(got) == 40
    weird.stop()


def test_parse_leaves_it_alone():
    """The filter for lines stands behind every input of the shipped configuration; a frame is no line, its message was made of its fields."""
    conf = 'input { dnstap { socket => "%s" } }\n'
    weird, lines = start(conf % sock() + 'filter { parse { } }\n')
    s = opened(sock())
    s.sendall(data(recorded('bind')[0]) + data(b'\xff' * 20))
    finish(s)
    good, bad = lines.documents(2, alive=weird)
    assert 'tags' not in good and good['weir']['parse'] == {'format': 'dnstap', 'ok': True} and good['event']['module'] == 'dnstap', good
    assert bad['tags'] == ['_dnstapparsefailure'] and bad['weir']['parse']['ok'] is False, bad
    weird.stop()


def test_malformed_is_kept_and_counted():
    weird, lines = start('input { dnstap { socket => "%s" } }\n' % sock())
    s = opened(sock())
    s.sendall(data(b'\xff' * 20) + data(b'\x72\x05\x08\x05\x52\x01\x00\x78\x01'))
    finish(s)
    documents = lines.documents(2, alive=weird)
    assert all('_dnstapparsefailure' in d['tags'] and d['weir']['parse']['ok'] is False and d['weir']['parse']['error'] for d in documents), documents
    assert documents[1]['event']['action'] == 'dns-client-query'
    harness.until(lambda: weird.metric('weir_input_malformed_total', plugin='dnstap') == 2, 'two malformed frames', alive=weird)
    weird.stop()


def libraries(root):
    return {'LD_LIBRARY_PATH': ':'.join(glob.glob(root + '/usr/lib/*-linux-*') + glob.glob(root + '/lib/*-linux-*'))}


def test_reference_writer():
    """fstrm's own tool replays a recording over the socket and over TCP."""
    root = harness.part('unbound', 'usr/bin/fstrm_replay')
    port = harness.free_port()
    weird, lines = start('input { dnstap { socket => "%s" } dnstap { port => %d } }\n' % (sock(), port))
    for n, to in enumerate((['-u', sock()], ['-a', '127.0.0.1', '-p', str(port)]), 1):
        replay = harness.Program('fstrm_replay', [root + '/usr/bin/fstrm_replay', '-t', TYPE.decode(), '-r', os.path.join(RECORDINGS, 'bind.fstrm'), *to],
                                 env=libraries(root))
        assert replay.wait() == 0, replay.lines
        lines.wait(130 * n, alive=weird)
    got = ids(lines.documents(260, alive=weird))
    assert got[:130] == got[130:]
    weird.stop()


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
  identity: "ns.example"
  num-threads: 1
  module-config: "iterator"
  local-zone: "example." static
  local-data: "www.Example. 300 IN A 192.0.2.80"
  local-data: "www.example. 300 IN AAAA 2001:db8::80"
  local-data: 'txt.example. 60 IN TXT "a \\"quoted\\" text"'
remote-control:
  control-enable: no
dnstap:
  dnstap-enable: yes
  dnstap-bidirectional: yes
  dnstap-socket-path: "%(sock)s"
  dnstap-send-identity: yes
  dnstap-identity: "ns.example"
  dnstap-send-version: yes
  dnstap-version: "unbound test"
  dnstap-log-client-query-messages: yes
  dnstap-log-client-response-messages: yes
'''


def ask(port, number, name, kind):
    question = b''.join(bytes([len(x)]) + x for x in name.encode().split(b'.')) + b'\0' + struct.pack('>HH', kind, 1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(harness.SECONDS)
        s.connect(('127.0.0.1', port))
        s.send(struct.pack('>6H', number, 0x100, 1, 0, 0, 0) + question)
        assert struct.unpack_from('>H', s.recv(4096))[0] == number
        return s.getsockname()[1]


def test_unbound():
    """A real server tells of what it was asked and what it answered."""
    root = harness.part('unbound', 'usr/sbin/unbound')
    weird, lines = start('input { dnstap { socket => "%s" } }\n' % sock())
    port, conf = harness.free_port(), os.path.join(harness.work, 'unbound.conf')
    with open(conf, 'w', encoding='utf-8') as f:
        f.write(UNBOUND % {'port': port, 'work': harness.work, 'sock': sock()})
    unbound = harness.Program('unbound', [root + '/usr/sbin/unbound', '-d', '-c', conf], env=libraries(root))
    unbound.line('start of service')
    asked = [(i, name, kind, ask(port, i, name, kind)) for i, (name, kind) in enumerate(
        [('wWw.example', 1), ('www.example', 28), ('txt.example', 16), ('none.example', 1)], 1000)]
    harness.until(lambda: lines.take() or len(lines.lines) >= 8, 'queries and answers', alive=weird)
    documents = [json.loads(x) for x in lines.lines]
    for number, name, kind, client in asked:
        query, answer = [d for d in documents if d['dns']['id'] == str(number)]
        assert query['event']['action'] == 'dns-client-query' and answer['event']['action'] == 'dns-client-response', (query, answer)
        for d in (query, answer):
            assert d['dns']['question']['name'] == name.lower() and d['host']['name'] == 'ns.example', d
            assert d['source'] == {'ip': '127.0.0.1', 'port': client} and d['destination']['port'] == port, d
            assert d['event']['provider'] == 'unbound' and d['service']['version'] == 'unbound test', d
            assert d['weir']['parse']['ok'] and 'tags' not in d, d
    answers = {d['dns']['id']: d for d in documents if d['dns']['type'] == 'answer'}
    assert answers['1000']['dns']['resolved_ip'] == ['192.0.2.80'] and answers['1001']['dns']['resolved_ip'] == ['2001:db8::80'], answers
    assert answers['1002']['dns']['answers'][0]['data'] == '"a \\"quoted\\" text"', answers['1002']
    assert answers['1003']['dns']['response_code'] == 'NXDOMAIN' and 'answers' not in answers['1003']['dns'], answers['1003']
    assert unbound.stop() == 0
    weird.stop()


def test_recording_is_read_to_its_end():
    """Every frame of every recording, then weird ends by itself with status 0."""
    for name, count in (('bind', 130), ('pdns', 60), ('unbound', 110), ('kresd', 32)):
        weird = harness.Weird('input { dnstap { file => "%s" } }\n' % os.path.join(RECORDINGS, name + '.fstrm') + OUT % out(), name=name, wait=False,
                              data=os.path.join(harness.work, name))
        if name == 'kresd':     # it was copied while it was being written
            weird.expect('ends in the middle of a frame')
        assert weird.wait() == 0
        assert not weird.complaints(), weird.complaints()
        with open(out(), encoding='utf-8') as f:
            documents = [json.loads(x) for x in f]
        os.unlink(out())
        assert len(documents) == count and all(d['weir']['parse']['ok'] for d in documents), (name, len(documents))


def test_broken_recording():
    """What stands before the break is kept; one line says where it ended, and the end is no failure of weird's."""
    path = os.path.join(harness.work, 'broken.fstrm')
    frame = recorded('bind')[0]
    with open(path, 'wb') as f:
        f.write(control(START) + data(frame) * 3 + struct.pack('>I', 1 << 30) + b'x' * 100)
    weird = harness.Weird('input { dnstap { file => "%s" } }\n' % path + OUT % out(), wait=False)
    weird.expect("the rest of '.*broken.fstrm' is not read: a data frame longer than the limit")
    assert weird.wait() == 0
    assert not weird.complaints()
    assert len(harness.Lines(out()).wait(3)) == 3


def test_configuration():
    """Clear refusals, and a socket that a crash left behind gives way."""
    for conf, want in (('', 'one of socket, port and file is needed'),
                       ('socket => "/tmp/a" port => 1', 'one of socket, port and file is needed'),
                       ('socket => "%s" mode => "rw"' % sock(), "mode 'rw' is not up to four octal digits"),
                       ('file => "%s/none.fstrm"' % harness.work, "cannot open '.*none.fstrm': No such file"),
                       ('file => "%s"' % harness.work, 'is not a regular file')):
        weird = harness.Weird('input { dnstap { %s } }\n' % conf + OUT % out(), wait=False)
        weird.line(want)
        assert weird.wait() != 0
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(sock())
    first, lines = start('input { dnstap { socket => "%s" } }\n' % sock())
    second = harness.Weird('input { dnstap { socket => "%s" } }\n' % sock() + OUT % out(), wait=False, name='second',
                           data=os.path.join(harness.work, 'second'))
    second.line('the path is in use')
    assert second.wait() != 0
    s = opened(sock())
    s.sendall(data(recorded('bind')[0]))
    finish(s)
    lines.wait(1, alive=first)
    first.stop()


def test_back_pressure():
    """An output that stands still holds up the sender, memory stays within its bound; when it goes on every frame comes out."""
    sink = Sink('503')
    weird = harness.Weird('input { dnstap { socket => "%s" } }\n'
                          'output { elasticsearch { hosts => ["http://127.0.0.1:%d"] index => "dns" manage_template => false } }\n' % (sock(), sink.port),
                          settings={'memory.max': '4mb'})
    weird.expect('.')
    s = opened(sock())
    frames = recorded('bind')
    once, sent, rest = b''.join(data(f) for f in frames), 0, b''
    s.setblocking(False)
    while select.select([], [s], [], 3)[1]:             # until nothing went for three seconds
        if not rest:
            rest, sent = once, sent + len(frames)
        rest = rest[s.send(rest):]
        assert sent < 1000000, 'nothing holds the sender up'
    held = weird.metric('weir_memory_bytes')
    print('%d frames, %d bytes of events when the sender was held up' % (sent, held))
    assert weird.metric('weir_input_lines_total', plugin='dnstap') < sent and held < 8 << 20, held
    sink.schedule('ok')
    s.settimeout(harness.SECONDS)
    s.sendall(rest)
    finish(s)
    harness.until(lambda: sink.stored_documents() >= sent, 'every frame comes out', alive=weird)
    weird.stop()
    assert sink.stored_documents() == sent
    assert weird.line("pipeline: 'main': %d lines in, %d events to outputs" % (sent, sent))


harness.main()
