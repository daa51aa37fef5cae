#!/usr/bin/env python3
"""outputs_live.py - the elasticsearch and opensearch outputs against real servers: the template, data streams, what they refuse.

    outputs_live.py opensearch|elasticsearch [TEST...]         only with ./check --live
"""
import os
import sys

import harness
import servers
from outputs import Drive

EVENTS = 3000
word = sys.argv.pop(1)


def server():
    return servers.OpenSearch() if word == 'opensearch' else servers.Elasticsearch()


def conf(sv, more):
    return '%s { hosts => "127.0.0.1:%d" %s }' % (word, sv.port, more)


STREAM = 'data_stream => true data_stream_dataset => "weir.test"'


def same_laws(st, delivered=0, duplicate=0, dead=0):
    want = {'delivered': delivered, 'duplicate': duplicate, 'dead_letter': dead, 'dropped': 0, 'unsent': 0}
    assert {k: st[k] for k in want} == want, st


def test_stream_and_refusals():
    """One server for all of it: they take long to start."""
    sv = server()

    # The template is installed, the documents make a data stream, and sent again they are duplicates.
    same_laws(Drive('first', conf(sv, STREAM), EVENTS).stats(), delivered=EVENTS)
    assert sv.count('logs-weir.test-default') == EVENTS
    doc = sv.documents('logs-weir.test-default')[0]
    assert doc['_source']['data_stream'] == {'type': 'logs', 'dataset': 'weir.test', 'namespace': 'default'}, doc
    assert doc['_id'] == 'ID%012d' % doc['_source']['n'], doc
    assert doc['_index'].startswith('.ds-logs-weir.test-default-'), doc     # a stream's, not an ordinary index of that name
    again = Drive('again', conf(sv, STREAM), EVENTS)
    same_laws(again.stats(), duplicate=EVENTS)
    if word == 'opensearch':    # the test's Elasticsearch lacks field types, so the better template is tried again at each start
        assert not any('installed' in x for x in again.lines), again.tail()
    assert sv.count('logs-weir.test-default') == EVENTS

    # An older one of weir's own is replaced, somebody else's is not.
    name = '/_index_template/weir-logs'
    template = sv.request('GET', name)[1]['index_templates'][0]['index_template']
    template['_meta']['content'] = 'older'
    sv.request('PUT', name, template)
    newer = Drive('newer', conf(sv, STREAM), 1)
    same_laws(newer.stats(), duplicate=1)
    assert any('installed' in x for x in newer.lines), newer.tail()
    template['_meta'] = {'managed_by': 'somebody'}
    sv.request('PUT', name, template)
    other = Drive('other', conf(sv, STREAM), 1)
    same_laws(other.stats(), duplicate=1)
    assert any("is not weir's own" in x for x in other.lines), other.tail()
    assert sv.request('GET', name)[1]['index_templates'][0]['index_template']['_meta'] == {'managed_by': 'somebody'}

    # Documents that do not fit the mapping: these and only these are dead letters.
    sv.request('PUT', '/narrow', {'mappings': {'properties': {'n': {'type': 'byte'}}}})
    narrow = Drive('narrow', conf(sv, 'index => "narrow"'), EVENTS)
    same_laws(narrow.stats(), delivered=128, dead=EVENTS - 128)
    assert sorted(x['document']['n'] for x in narrow.dead_letters()) == list(range(128, EVENTS))
    assert all(x['status'] == 400 and 'parsing_exception' in x['reason'] for x in narrow.dead_letters())
    assert sv.count('narrow') == 128

    # Refused one by one, for a pipeline that does not exist.
    poison = Drive('poison', conf(sv, 'index => "plain" routing => "%{n}" pipeline => "%{[none]}"'), 10)
    st = poison.stats()
    assert st['dead_letter'] == 10, (st, poison.tail())

    # A blocked index: nothing is lost, and all of it arrives when the block goes.
    sv.request('PUT', '/blocked', {'settings': {'index.blocks.read_only_allow_delete': True}})
    blocked = Drive('blocked', conf(sv, 'index => "blocked"'), EVENTS)
    blocked.line('cluster_block_exception')
    sv.request('PUT', '/blocked/_settings', {'index.blocks.read_only_allow_delete': None})
    same_laws(blocked.stats(), delivered=EVENTS)
    assert sv.count('blocked') == EVENTS


def test_small_requests():
    """413 of a real server: halved until it fits."""
    big = 'http.max_content_length=64kb'
    sv = servers.OpenSearch(big) if word == 'opensearch' else servers.Elasticsearch(big)
    st = Drive('drive', conf(sv, 'index => "plain" compression_level => 0'), EVENTS).stats()
    same_laws(st, delivered=EVENTS)
    assert 0 < st['failed_requests'] < 30, st
    assert sv.count('plain') == EVENTS


if __name__ == '__main__':
    sys.exit(harness.main())
