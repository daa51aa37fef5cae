#!/usr/bin/env python3
"""lookups_live.py - the filter elasticsearch asks a real OpenSearch and a real Elasticsearch.

    lookups_live.py opensearch|elasticsearch [TEST...]         only with ./check --live
"""
import os
import sys

import harness
import servers
from lookups import Asking

word = sys.argv.pop(1)


def test_elasticsearch():
    server = (servers.OpenSearch if word == 'opensearch' else servers.Elasticsearch)()
    for i, (op, at) in enumerate([('a', '2020-01-01T00:00:00Z'), ('a', '2020-01-02T00:00:00Z'), ('b', '2020-01-03T00:00:00Z')]):
        server.request('PUT', '/ops-1/_doc/id%d' % i, {'@timestamp': at, 'op': op, 'n': i, 'who': {'name': 'user%d' % i}})
    server.request('POST', '/ops-1/_refresh')
    template = os.path.join(harness.work, 'template.json')
    with open(template, 'w', encoding='utf-8') as f:
        f.write('{"size": 0, "query": {"term": {"op.keyword": "%{op}"}}, "aggs": {"most": {"max": {"field": "n"}}}}')
    a = Asking('''
        if [k] == "template" { elasticsearch { hosts => ["%(h)s"] index => "ops-*" query_template => "%(t)s" aggregation_fields => { "most" => "most" }
                                               add_tag => ["found"] } }
        else { elasticsearch { hosts => ["%(h)s"] index => "ops-%%{i}" query => "op:%%{op}" fields => { "@timestamp" => "started" "[who][name]" => "[user][name]" }
                               docinfo_fields => { "_id" => "id" "_index" => "index" } add_tag => ["found"] } }
        mutate { rename => { "[@metadata][total_hits]" => "total" } }''' % {'h': '127.0.0.1:%d' % server.port, 't': template})
    a.weird.expect('elasticsearch: the answer is (404|400)')
    got = a.ask({'op': 'a', 'i': 1}, {'op': 'b', 'i': 1}, {'op': 'c', 'i': 1}, {'op': 'a', 'i': 2}, {'op': 'a AND (', 'i': 1}, {'op': 'a', 'k': 'template'})
    # The newest one.
    assert got[0] == {'op': 'a', 'i': 1, 'started': '2020-01-02T00:00:00Z', 'user': {'name': 'user1'}, 'id': 'id1', 'index': 'ops-1', 'total': 2,
                      'tags': ['found']}, got[0]
    assert got[1]['id'] == 'id2' and got[1]['total'] == 1, got[1]
    assert got[2] == {'op': 'c', 'i': 1, 'total': 0}, got[2]
    assert got[3] == {'op': 'a', 'i': 2, 'tags': ['_elasticsearch_lookup_failure']}, got[3]       # no such index
    assert got[4] == {'op': 'a AND (', 'i': 1, 'tags': ['_elasticsearch_lookup_failure']}, got[4]
    assert got[5] == {'op': 'a', 'k': 'template', 'most': {'value': 1.0}, 'total': 2, 'tags': ['found']}, got[5]
    # In the midst of it the server goes, and weird goes on.
    server.kill()
    a.weird.expect('elasticsearch: ')
    gone = a.ask(*[{'op': 'a', 'i': 1} for _ in range(300)])
    assert all(d['tags'] == ['_elasticsearch_lookup_failure'] for d in gone)
    a.stop()


if __name__ == '__main__':
    harness.main()
