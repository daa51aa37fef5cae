#!/usr/bin/env python3
"""outage.py - an output that stands still for long: nothing is lost, memory stays bounded."""
import json
import os
import socket

import harness
from faults_sink import Sink

CONF = '''
input { %s }
output { elasticsearch { hosts => ["http://127.0.0.1:%d"] index => "logs" manage_template => false compression_level => 0 } }
'''


def rss(program):
    with open('/proc/%d/status' % program.pid, encoding='ascii') as f:
        return int([x for x in f if x.startswith('VmRSS:')][0].split()[1]) << 10


SLOW_BUILD = os.environ.get('WEIR_SANITIZED') == '1'    # its shadow memory says nothing about RSS


def test_trickle_of_two_minutes():
    """100 events/s while the sink answers 503 for 120 s: nothing dropped, RSS at most 16 MiB more."""
    if not harness.LIVE:
        harness.skip('./check --live: it takes two minutes')
    from faults import sender
    sink = Sink('ok@2;503@120;ok')
    port, journal = harness.free_port(), os.path.join(harness.work, 'sent.json')
    weird = harness.Weird(CONF % ('syslog { host => "127.0.0.1" port => %d }' % port, sink.port))
    weird.expect('.')
    before = rss(weird)
    s = sender(port, journal, '--rate', '100', '--max-seconds', '200', per_stream=12500, streams=1)
    assert s.wait(200) == 0
    most = rss(weird)
    harness.until(lambda: sink.stored() >= 12500, 'all of them', seconds=60, alive=weird)
    weird.stop()
    report = sink.report()
    assert sink.stored() == 12500 and not any(report['bad'].values()), report['bad']
    print('RSS %.1f -> %.1f MiB' % (before / 2**20, most / 2**20))
    assert SLOW_BUILD or most - before <= 16 << 20, 'RSS grew from %d to %d' % (before, most)


def array(port, sink_schedule):
    """A JSON array of 100,000 objects, 30 MB, in one line over TCP."""
    count = 100000
    sink = Sink(sink_schedule)
    weird = harness.Weird(CONF % ('tcp { host => "127.0.0.1" port => %d codec => json_lines }' % port, sink.port))
    weird.expect('.')
    data = json.dumps([{'n': i, 'message': 'x' * 290} for i in range(count)]).encode()
    assert len(data) > 28 << 20
    with socket.create_connection(('127.0.0.1', port)) as s:
        s.sendall(data + b'\n')
    harness.until(lambda: sink.stored_documents() >= count, '100,000 documents', seconds=180, alive=weird)
    most = rss(weird)
    weird.stop()
    assert sink.stored_documents() == count
    print('RSS %.1f MiB' % (most / 2**20))
    assert SLOW_BUILD or most <= (64 + 32 + 32) << 20, most        # memory.max, the line itself, the outputs' buffers


def test_array_of_100000_objects():
    array(harness.free_port(), 'ok')


def test_array_while_the_sink_stands_still():
    array(harness.free_port(), 'okx3;503@10;ok')


def test_other_output_goes_on():
    """While one output stands still, the other goes on until the first one's bound is full; then both wait, and nothing is lost."""
    port, count = harness.free_port(), 20000
    sink, path = Sink('503'), os.path.join(harness.work, 'out.ndjson')
    weird = harness.Weird(('input { syslog { host => "127.0.0.1" port => %d } }\n'
                           'output { elasticsearch { hosts => ["http://127.0.0.1:%d"] index => "logs" manage_template => false queue_max => 1048576 }\n'
                           'file { path => "%s" codec => json_lines } }\n') % (port, sink.port, path))
    weird.expect('.')
    lines = harness.Lines(path)
    s = socket.create_connection(('127.0.0.1', port))
    s.setblocking(False)
    data = b''.join(b'<13>1 - h app - - - %d %s\n' % (i, b'x' * 500) for i in range(count))
    sent = 0

    def push():
        nonlocal sent
        try:
            while sent < len(data):
                sent += s.send(data[sent:sent + 65536])
        except BlockingIOError:
            pass
        return sent == len(data)
    push()
    assert len(lines.wait(500, alive=weird)) >= 500             # the file goes on although the sink refuses
    assert not push() or len(data) < 4 << 20, 'it read everything although nothing could be sent'
    sink.schedule('ok')
    harness.until(push, 'the sender may go on', alive=weird)
    s.close()
    assert len(lines.wait(count, alive=weird)) == count
    harness.until(lambda: sink.stored_documents() >= count, 'all documents', alive=weird)
    weird.stop()
    assert sink.stored_documents() == count


if __name__ == '__main__':
    harness.main()
