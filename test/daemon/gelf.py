#!/usr/bin/env python3
"""gelf.py - the input gelf: graypy as a sender, chunks that are late, doubled or missing, bombs."""
import gzip
import json
import logging
import os
import socket
import sys
import zlib

import harness

sys.path.insert(0, os.path.join(harness.PARTS, 'graypy/usr/lib/python3/dist-packages'))


def start(more='', **kw):
    port, path = harness.free_port(), os.path.join(harness.work, 'out')
    w = harness.Weird('input { gelf { host => "127.0.0.1" port => %d use_tcp => true %s } } output { file { path => "%s" } }' % (port, more, path), **kw)
    return w, port, harness.Lines(path)


def udp():
    return socket.socket(socket.AF_INET, socket.SOCK_DGRAM)


def chunks(data, ident, size):
    parts = [data[i:i + size] for i in range(0, len(data), size)]
    return [b'\x1e\x0f' + ident + bytes([i, len(parts)]) + p for i, p in enumerate(parts)]


def message(text, **more):
    return json.dumps(dict({'version': '1.1', 'host': 'h', 'short_message': text}, **more)).encode()


def test_graypy():
    harness.part('graypy', 'usr/lib/python3/dist-packages/graypy')
    import graypy
    w, port, out = start()
    handlers = [graypy.GELFUDPHandler('127.0.0.1', port, gelf_chunker=graypy.handler.GELFWarningChunker(100), localname='me'), graypy.GELFUDPHandler('127.0.0.1', port, compress=False, localname='me'),
                graypy.GELFTCPHandler('127.0.0.1', port, localname='me')]
    n = 0
    for h in handlers:
        log = logging.Logger('weir')
        log.addHandler(h)
        for i in range(50):
            log.warning('line %d %s', i, os.urandom(200).hex(), extra={'number': i, 'by': type(h).__name__})
        h.close()
        n += 50
    docs = out.documents(n, alive=w)
    assert len(docs) == n
    for d in docs:
        assert d['message'].startswith('line %d ' % d['number']) and d['host'] == 'me' and d['source_host'] == '127.0.0.1' and d['level'] == 4, d
        assert 'short_message' not in d and 'timestamp' not in d and '_number' not in d and 'tags' not in d, d
    assert sorted(d['number'] for d in docs) == sorted(list(range(50)) * 3)
    w.balance()
    assert w.metric('weir_udp_joined_total') > 0 and w.metric('weir_udp_refused_total') == 0
    w.stop()


def test_forms():
    w, port, out = start('remap => false strip_leading_underscore => false')
    s = udp()
    s.sendto(message('plain', _a=1, timestamp=1385053862.3072), ('127.0.0.1', port))
    s.sendto(gzip.compress(message('gzip', full_message='long')), ('127.0.0.1', port))
    s.sendto(zlib.compress(message('zlib')), ('127.0.0.1', port))
    docs = {d['short_message']: d for d in out.documents(3, alive=w)}
    assert docs['plain']['_a'] == 1 and docs['plain']['@timestamp'] == '2013-11-21T17:11:02.307200Z', docs['plain']
    assert docs['gzip']['full_message'] == 'long' and 'message' not in docs['gzip'] and 'zlib' in docs
    w.stop()


def test_tcp():
    w, port, out = start()
    with socket.create_connection(('127.0.0.1', port)) as c:
        c.sendall(message('one', full_message='one\ntwo') + b'\0' + message('same', full_message='same') + b'\0' + b'no json\0' + b'[1]\0' + message('end'))
    docs = out.documents(5, alive=w)
    assert docs[0]['message'] == 'one\ntwo' and docs[0]['short_message'] == 'one', docs[0]
    assert docs[1]['message'] == 'same' and 'short_message' not in docs[1], docs[1]
    assert [d['message'] for d in docs[2:]] == ['no json', '[1]', 'end'] and docs[2]['tags'] == docs[3]['tags'] == ['_jsonparsefailure'], docs
    assert all(d['source_host'] == '127.0.0.1' for d in docs)
    w.stop()


def test_chunks():
    """Out of order, doubled, of two messages at once, with one missing, and what is none at all: every datagram is in one counter."""
    w, port, out = start()
    w.expect('did not come in time')
    s, to = udp(), ('127.0.0.1', port)
    a, b = chunks(zlib.compress(message('a' * 300)), b'AAAAAAAA', 10), chunks(message('b' * 1000), b'BBBBBBBB', 50)
    for x in list(reversed(a))[:-1] + b[:-1] + [b[0]] + [a[0]] + [b[-1]]:
        s.sendto(x, to)
    docs = out.documents(2, alive=w)
    assert {d['message'] for d in docs} == {'a' * 300, 'b' * 1000}
    bad = [b'\x1e\x0f', b'\x1e\x0fCCCCCCCC\0', b'\x1e\x0fCCCCCCCC\x05\x05x', b'\x1e\x0fCCCCCCCC\0\x81x', b'\x1e\x0fCCCCCCCC\0\0x', b'\x1e\x0fCCCCCCCC\0\x01']
    for x in bad + chunks(message('c' * 100), b'DDDDDDDD', 40)[:-1] + [b'']:
        s.sendto(x, to)
    s.sendto(message('last'), to)
    out.wait(3, alive=w)
    # Five seconds later those whose last chunk never came are given up.
    harness.until(lambda: w.metric('weir_udp_refused_total', reason='chunk') == len(bad) + 1 + 3, 'chunks are given up', alive=w)
    assert w.metric('weir_udp_joined_total') == len(a) - 1 + len(b) - 1 and w.metric('weir_udp_refused_total', reason='empty') == 1
    w.stop()
    assert len(out.documents(3)) == 3


def test_bombs():
    """What grows without measure is cut off, what is damaged is told; nothing is held for it."""
    w, port, out = start()
    s, to = udp(), ('127.0.0.1', port)
    bomb = zlib.compress(b'{"short_message":"' + b'x' * 50000000 + b'"}')
    assert len(bomb) < 65000
    s.sendto(bomb, to)
    s.sendto(gzip.compress(message('cut'))[:-12], to)
    s.sendto(b'\x1f\x8b' + b'\0' * 20, to)
    s.sendto(zlib.compress(message('y' * 100000)), to)
    docs = out.documents(4, alive=w)
    assert [d.get('tags') for d in docs] == [['_gelfparsefailure']] * 3 + [None] and len(docs[3]['message']) == 100000, docs[:3]
    assert 'grows too much' in docs[0]['message'] and 'end is missing' in docs[1]['message'] and 'damaged' in docs[2]['message'], docs[:3]
    w.stop()


def test_only_udp_or_tcp():
    port = harness.free_port()
    w = harness.Weird('input { gelf { host => "127.0.0.1" port => %d } } output { null {} }' % port)
    try:
        socket.create_connection(('127.0.0.1', port), 5)
        raise AssertionError('tcp is open')
    except ConnectionRefusedError:
        pass
    w.stop()
    path = os.path.join(harness.work, 'out')
    w = harness.Weird('input { gelf { host => "127.0.0.1" port_tcp => %d use_udp => false use_tcp => true } } output { file { path => "%s" } }' % (port, path), name='tcp')
    with socket.create_connection(('127.0.0.1', port)) as c:
        c.sendall(message('x') + b'\0')
    assert harness.Lines(path).documents(1, alive=w)[0]['message'] == 'x'
    w.stop()


if __name__ == '__main__':
    harness.main()
