#!/usr/bin/env python3
"""documents.py - weird writes into a real OpenSearch and a real Elasticsearch; every document is compared with what was sent.

    documents.py opensearch|elasticsearch
"""
import os
import signal
import socket
import sys

import harness
import servers

SERVER = sys.argv.pop(1)
COUNT = 5000

OWN = '''
input { syslog { host => "127.0.0.1" port => %(port)d } }
output { %(plugin)s { hosts => ["http://127.0.0.1:%(es)d"] data_stream => true data_stream_dataset => "weir.syslog" compression_level => 0 } }
'''
INDEX = '''
input { syslog { host => "127.0.0.1" port => %(port)d } }
output { %(plugin)s { hosts => ["http://127.0.0.1:%(es)d"] index => "%(index)s" manage_template => false } }
'''


def start(*settings):
    return (servers.OpenSearch if SERVER == 'opensearch' else servers.Elasticsearch)(*settings)


def weird_for(server, conf, **kw):
    port = harness.free_port()
    w = harness.Weird(conf % dict({'port': port, 'plugin': SERVER, 'es': server.port}, **kw), settings={'pipeline.ecs_compatibility': 'v8'})
    w.port = port
    return w


def messages(first, count):
    return ['<%d>1 2025-%02d-%02dT%02d:%02d:%02d.%06dZ host%d app %d ID%d - n\u00b0 %d "quoted" \\ back' % (
        16 * 8 + i % 8, 1 + i % 12, 1 + i % 28, i % 24, i % 60, i % 60, i, i % 7, i, i, i) for i in range(first, first + count)]


def send(port, lines):
    with socket.create_connection(('127.0.0.1', port)) as s:
        s.sendall(''.join(x + '\n' for x in lines).encode())


def check(hits, count, first=0):
    """One by one: each message once, its fields as they were sent, its own _id."""
    assert len(hits) == count, '%d documents of %d messages' % (len(hits), count)
    assert len({h['_id'] for h in hits}) == count
    by_message = {h['_source']['message']: h['_source'] for h in hits}
    for i, line in enumerate(messages(first, count), first):
        doc = by_message[line.split(' - ', 1)[1]]
        want = line.split(' ')
        assert doc['@timestamp'] in (want[1], want[1].replace('000Z', 'Z')), (doc['@timestamp'], want[1])
        assert doc['host']['hostname'] == want[2] and doc['process'] == {'name': 'app', 'pid': i}, doc
        assert doc['log']['syslog']['severity']['code'] == i % 8 and doc['log']['syslog']['facility']['code'] == 16, doc


def test_own_stream():
    server = start()
    weird = weird_for(server, OWN)
    send(weird.port, messages(0, COUNT))
    stream = 'logs-weir.syslog-default'
    harness.until(lambda: server.count(stream) >= COUNT, 'documents', alive=weird)
    check(server.documents(stream), COUNT)
    template = server.request('GET', '/_index_template/*weir*')[1]['index_templates']
    assert len(template) == 1 and 'logs-weir.*-*' in template[0]['index_template']['index_patterns'], template
    assert 'data_stream' in template[0]['index_template'], template
    mapping = list(server.request('GET', '/%s/_mapping' % stream)[1].values())[0]['mappings']['properties']
    assert mapping['@timestamp']['type'] == 'date' and mapping['host']['properties']['ip']['type'] == 'ip', mapping
    weird.stop()
    check(server.documents(stream), COUNT)
    server.stop()


def test_named_index():
    server = start()
    weird = weird_for(server, INDEX, index='plain-%{+YYYY}')
    send(weird.port, messages(0, COUNT))
    harness.until(lambda: server.count('plain-2025') >= COUNT, 'documents', alive=weird)
    check(server.documents('plain-2025'), COUNT)
    weird.stop()
    server.stop()


def test_server_killed():
    """kill -9 while documents arrive, then the same data folder and port again: nothing lost, nothing twice."""
    server = start()
    # OpenSearch's index durability is per request: what it answered is there after the kill.
    weird = weird_for(server, INDEX, index='killed')
    weird.expect('.')
    send(weird.port, messages(0, COUNT))
    harness.until(lambda: server.count('killed') > 0, 'the first document', alive=weird)
    server.signal(signal.SIGKILL)
    server.wait()
    send(weird.port, messages(COUNT, COUNT))
    again = start('http.port=%d' % server.port) if SERVER == 'opensearch' else servers.Elasticsearch('http.port=%d' % server.port)
    assert again.port == server.port
    harness.until(lambda: again.count('killed') >= 2 * COUNT, 'the rest', seconds=120, alive=weird)
    check(again.documents('killed'), 2 * COUNT)
    weird.stop()
    again.stop()


def test_refused_documents():
    """What the server refuses for good lies in the dead-letter file, with its reason; the others are there."""
    server = start()
    server.request('PUT', '/strict', {'mappings': {'properties': {'process': {'properties': {'pid': {'type': 'byte'}}}}}})
    weird = weird_for(server, INDEX, index='strict')
    weird.expect('.')
    send(weird.port, messages(0, 300))
    harness.until(lambda: server.count('strict') >= 128, 'the good documents', alive=weird)
    lines = harness.Lines(os.path.join(weird.data, 'dead-letter.ndjson')).documents(300 - 128, alive=weird)
    check(server.documents('strict'), 128)
    assert len(lines) == 300 - 128 and all(x['status'] == 400 and x['reason'] and x['index'] == 'strict' for x in lines), lines[0]
    assert sorted(x['document']['process']['pid'] for x in lines) == list(range(128, 300))
    weird.stop()
    server.stop()


def test_write_block():
    """The flood stage: items are refused until somebody makes room; none is given up."""
    server = start()
    server.request('PUT', '/full', {'settings': {'index.blocks.read_only_allow_delete': True}})
    weird = weird_for(server, INDEX, index='full')
    weird.expect('.')
    send(weird.port, messages(0, 500))
    harness.until(lambda: any(' warn ' in x or ' error ' in x for x in weird.lines), 'a word about it', alive=weird)
    server.request('PUT', '/full/_settings', {'index.blocks.read_only_allow_delete': None})
    harness.until(lambda: server.count('full') >= 500, 'documents', alive=weird)
    check(server.documents('full'), 500)
    weird.stop()
    server.stop()


harness.main()
