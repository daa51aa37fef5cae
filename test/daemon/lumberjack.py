#!/usr/bin/env python3
"""lumberjack.py - the output lumberjack: to weir's own inputs, to Elastic's library, and to a server that answers late, in part or not at all."""
import json
import os
import ssl

import harness
from certificates import certificate, path
from lumberjack_wire import Server

OUT = 'output { file { path => "%s" codec => json_lines } }\n'
SEND = 'output { lumberjack { hosts => [%s] port => %d ssl_certificate => "%s" %s } }\n'
LINES = 'input { tcp { host => "127.0.0.1" port => %d } }\n'


def out(name='out.ndjson'):
    return os.path.join(harness.work, name)


def ours():
    """A certificate that signs itself, as logstash-forwarder's guides make one."""
    certificate('server', 'server')


def context():
    ours()
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    c.load_cert_chain(path('server.pem'), path('server.key'))
    return c


def sender(port, options='codec => line { format => "%{message}" }', hosts='"127.0.0.1"', cert='server.pem', **more):
    """weird that sends on what comes in over TCP, and a connection to it."""
    tcp = harness.free_port()
    weird = harness.Weird(LINES % tcp + SEND % (hosts, port, path(cert), options), name='sender', data=out('sender'), **more)
    weird.expect("'output/lumberjack/1': .*; trying again")
    return weird, harness.socket.create_connection(('127.0.0.1', tcp))


def delivered(weird):
    return weird.metric('weir_output_delivered_total')


def to_weird(conf, codec):
    """20,000 events of which each arrives once, in order."""
    ours()
    port, count = harness.free_port(), 20000
    receiver = harness.Weird(conf % (port, path('server.pem'), path('server.key')) + OUT % out())
    weird, s = sender(port, codec)
    s.sendall(b''.join(b'event %d\n' % i for i in range(count)))
    lines = harness.Lines(out())
    d = lines.documents(count, alive=receiver)
    assert [x['message'] for x in d] == ['event %d' % i for i in range(count)]
    harness.until(lambda: delivered(weird) == count, 'all are acknowledged', alive=weird)
    s.close()
    weird.stop()
    receiver.stop()
    return d


def test_to_beats():
    d = to_weird('input { beats { host => "127.0.0.1" port => %d ssl_enabled => true ssl_certificate => "%s" ssl_key => "%s" codec => json } }\n', 'codec => json')
    assert d[0]['tags'] == ['beats_input_codec_json_applied'] and d[0]['host'] == '127.0.0.1', d[0]


def test_to_lumberjack():
    d = to_weird('input { lumberjack { host => "127.0.0.1" port => %d ssl_certificate => "%s" ssl_key => "%s" } }\n', 'codec => plain { format => "%{message}" } flush_size => 100')
    assert set(d[0]) == {'@timestamp', '@version', 'message'}, d[0]


def test_receiver_held_up():
    """The receiver's own output stands still: nothing is acknowledged, nothing is sent twice, and all of it arrives in the end."""
    from faults_sink import Sink
    ours()
    port, sink = harness.free_port(), Sink('503')
    receiver = harness.Weird('input { beats { host => "127.0.0.1" port => %d ssl_enabled => true ssl_certificate => "%s" ssl_key => "%s" } }\n' % (
        port, path('server.pem'), path('server.key')) +
        'output { elasticsearch { hosts => ["http://127.0.0.1:%d"] index => "logs" manage_template => false compression_level => 0 } }\n' % sink.port)
    receiver.expect('.')
    weird, s = sender(port)
    s.sendall(b''.join(b'event %d\n' % i for i in range(2000)))
    harness.until(lambda: receiver.metric('weir_output_requests_total', result='failed') >= 3, 'the receiver has tried', alive=receiver)
    assert delivered(weird) == 0
    sink.schedule('ok')
    harness.until(lambda: delivered(weird) == 2000, 'all are acknowledged', alive=weird)
    assert sink.stored_documents() == 2000 and receiver.metric('weir_input_lines_total') == 2000
    s.close()
    weird.stop()
    receiver.stop()


def test_answers():
    """Late, with words of patience, in part and then cut off: only what was not acknowledged comes again."""
    server = Server(context())
    weird, s = sender(server.port, 'codec => line { format => "%{message}" } flush_size => 10 idle_flush_time => 600')
    s.sendall(b''.join(b'%d\n' % i for i in range(30)))
    server.accept()
    assert server.window() == [b'%d\n' % i for i in range(10)]
    server.ack(0)
    server.ack(0, b'2')
    assert delivered(weird) == 0
    server.ack(10)
    assert server.window() == [b'%d\n' % i for i in range(10, 20)]
    harness.until(lambda: delivered(weird) == 10, 'the first window', alive=weird)
    server.ack(4)
    server.hang_up()
    server.accept()
    assert server.window() == [b'%d\n' % i for i in range(14, 20)]
    server.ack(6)
    assert server.window() == [b'%d\n' % i for i in range(20, 30)]
    server.ack(10)
    harness.until(lambda: delivered(weird) == 30, 'all are acknowledged', alive=weird)
    assert server.quiet(0)
    s.close()
    weird.stop()


def test_wrong_answers():
    """What is no acknowledgement, and one of more than was sent: the window comes again."""
    server = Server(context())
    weird, s = sender(server.port, 'codec => line { format => "%{message}" } idle_flush_time => 0')
    s.sendall(b'one\n')
    for answer in (b'HTTP/1', b'1A\0\0\0\7'):
        server.accept()
        assert server.window() == [b'one\n']
        server.s.sendall(answer)
    server.accept()
    assert server.window() == [b'one\n']
    server.ack(1)
    harness.until(lambda: delivered(weird) == 1, 'it is acknowledged', alive=weird)
    s.close()
    weird.stop()


def test_unsent_at_the_end():
    """What nobody acknowledged goes first at the next start."""
    server = Server(context())
    weird, s = sender(server.port, settings={'shutdown.drain': 1})
    weird.expect('.')
    s.sendall(b'one\ntwo\n')
    server.accept()
    assert server.window() == [b'one\n', b'two\n']
    s.close()
    weird.stop()
    weird, s = sender(server.port)
    server.accept()
    assert server.window() == [b'one\n', b'two\n']
    server.ack(2)
    harness.until(lambda: delivered(weird) == 2, 'they are acknowledged', alive=weird)
    s.close()
    weird.stop()


def test_second_host():
    server = Server(context())
    weird, s = sender(server.port, hosts='"127.0.0.2", "127.0.0.1"')
    s.sendall(b'one\n')
    server.accept()
    assert server.window() == [b'one\n']
    server.ack(1)
    harness.until(lambda: delivered(weird) == 1, 'it is acknowledged', alive=weird)
    s.close()
    weird.stop()


def test_wrong_certificate():
    """Nothing goes to who has another certificate, and the log says why."""
    server = Server(context())
    certificate('other', 'another')
    weird, s = sender(server.port, cert='other.pem')
    weird.expect('.')
    s.sendall(b'secret\n')
    try:
        server.accept()
        server.read(1)
        raise AssertionError('it was sent')
    except (ssl.SSLError, ConnectionError):
        pass
    weird.line('self.signed certificate|certificate verify failed')
    assert delivered(weird) == 0
    s.close()
    weird.signal(harness.signal.SIGKILL)


def test_go_lumber():
    ours()
    root, port = harness.part('lumber', 'lumber'), harness.free_port()
    far = harness.Program('lumber', [os.path.join(root, 'lumber'), 'serve', '127.0.0.1:%d' % port, path('server.pem'), path('server.key')])
    far.line('^listening$')
    weird, s = sender(port, 'codec => line { format => "%{message}" }')
    s.sendall(b''.join(b'event %d\n' % i for i in range(5000)))
    harness.until(lambda: delivered(weird) == 5000, 'all are acknowledged', alive=weird)

    def printed():
        return [json.loads(x)['line'] for x in list(far.lines) if x.startswith('{')]
    harness.until(lambda: len(printed()) >= 5000, 'all are printed', alive=far)
    assert printed() == ['event %d\n' % i for i in range(5000)]
    s.close()
    weird.stop()


def test_missing_options():
    weird = harness.Weird('input { stdin { } }\noutput { lumberjack { hosts => [] port => 1 ssl_certificate => "/nowhere" } lumberjack { port => 1 } }\n', wait=False)
    assert weird.wait() != 0
    weird.line("needs the option 'hosts'")
    weird.line("'hosts' names nobody")


if __name__ == '__main__':
    harness.main()
