#!/usr/bin/env python3
"""faults.py - what a real server will not do on command: a fake Elasticsearch (test/faults/seqsink.py) that refuses, hangs up, lies and stalls.

Numbered messages go in over TCP while the sink misbehaves; afterwards each number must have been stored exactly once. One request at a time,
so that their order can be asserted too; outputs.py has two in flight.
"""
import json
import os
import sys

import harness
from faults_sink import Sink

CONF = '''
input { syslog { host => "127.0.0.1" port => %d } }
output { elasticsearch { hosts => ["http://127.0.0.1:%d"] index => "logs" manage_template => false compression_level => 0 workers => 1 %s } }
'''
PER_STREAM, STREAMS = 4000, 2


def sender(port, journal, *more, per_stream=PER_STREAM, streams=STREAMS):
    return harness.Program('seqsend', [sys.executable, os.path.join(harness.FAULTS, 'seqsend.py'), '--proto', 'tcp-lf', '--port', str(port),
                                       '--count', str(per_stream), '--streams', str(streams), '--run', 'r', '--journal', journal, *more])


def run(schedule, twice=0, options='', expect_lost=0, rate=4000):
    """Sends while the schedule runs; `twice`: how many may arrive twice although ids are sent (a sink that keeps no ids would count them)."""
    sink = Sink(schedule)
    port, journal = harness.free_port(), os.path.join(harness.work, 'sent.json')
    weird = harness.Weird(CONF % (port, sink.port, options))
    weird.expect('.')           # it complains about the sink, and should
    s = sender(port, journal, '--rate', str(rate))
    assert s.wait(120) == 0, 'the sender was held back for too long'
    total = PER_STREAM * STREAMS
    harness.until(lambda: sink.stored() >= total - expect_lost, '%d stored documents' % total, seconds=120, alive=weird)
    weird.stop()
    report = sink.report()
    sys.path.insert(0, harness.FAULTS)
    import seqmark
    with open(journal, encoding='utf-8') as f:
        result = seqmark.compare(json.load(f), report['seen'])
    assert result['sent'] == total and result['missing'] == expect_lost, result
    assert result['duplicates'] <= twice and result['unknown'] == 0, result
    assert not any(report['bad'].values()), report['bad']
    assert sum(report['out_of_order'].values()) == 0 or 'partial' in schedule or twice, report['out_of_order']
    return weird, report


def test_429():
    run('ok@0.5;429@3;ok')


def test_503():
    run('ok@0.5;503@3;ok')


def test_500():
    run('ok@0.5;500x3;ok')


def test_401():
    run('ok@0.5;401@2;ok')


def test_partial429():
    run('ok@0.5;partial429=0.3@3;ok')


def test_partial503():
    run('ok@0.5;partial503=0.3@3;ok')


def test_413():
    run('ok@0.5;413=40000@3;ok')


def test_reset():
    run('ok@0.5;reset@2;ok')


def test_reset_after_storing():
    run('ok@0.5;resetafterx3;ok')


def test_html():
    run('ok@0.5;html200x3;ok')


def test_broken_json():
    run('ok@0.5;badjsonx3;ok')


def test_empty_json():
    run('ok@0.5;emptyjsonx3;ok')


def test_short_answer():
    run('ok@0.5;shortlenx3;ok')


def test_redirect():
    run('ok@0.5;redirectx3;ok')


def test_refused_connections():
    run('ok@0.5;refuse@3;ok')


def test_slow():
    run('ok@0.5;slow=1x3;ok')


def test_drip():
    run('ok@0.5;drip=1x3;ok')


def test_partial400():
    """Documents that are refused for good are in the dead-letter file; every other one is stored."""
    sink = Sink('partial400=0.05')
    port, journal = harness.free_port(), os.path.join(harness.work, 'sent.json')
    weird = harness.Weird(CONF % (port, sink.port, ''))
    weird.expect('.')
    assert sender(port, journal).wait(120) == 0
    total = PER_STREAM * STREAMS
    dead = os.path.join(weird.data, 'dead-letter.ndjson')

    def letters():
        if not os.path.exists(dead):
            return []
        with open(dead, encoding='utf-8') as f:
            return [json.loads(x) for x in f.read().split('\n')[:-1]]
    harness.until(lambda: sink.stored() + len(letters()) >= total, 'all stored or refused', alive=weird)
    weird.stop()
    stored, refused = sink.stored(), letters()
    assert stored + len(refused) == total and 0 < len(refused) < total / 5, (stored, len(refused))
    assert all(x['status'] == 400 and x['reason'] for x in refused), refused[0]


if __name__ == "__main__":
    harness.main()
