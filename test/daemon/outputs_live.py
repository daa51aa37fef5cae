#!/usr/bin/env python3
"""outputs_live.py - the elasticsearch and opensearch outputs against real servers: the template, data streams, what they refuse.

    outputs_live.py opensearch|elasticsearch [TEST...]         only with ./check --live
"""
import http.server
import json
import os
import sys
import threading
import time
import urllib.error
import urllib.request

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


class WithLifecycle(http.server.ThreadingHTTPServer):
    """The real server with a stand-in for what the published parts lack: it keeps ILM's policies, and takes its settings out of templates."""
    daemon_threads = True

    def __init__(self, sv):
        self.sv, self.policies, self.asked = sv, {}, []
        super().__init__(('127.0.0.1', 0), Forward)
        self.port = self.server_port
        self.settings = None
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Forward(harness.Answering):
    protocol_version = 'HTTP/1.1'

    def policy(self, body):
        name = self.path.rpartition('/')[2]
        if self.command == 'PUT':
            self.server.policies[name] = json.loads(body)
        return (200, b'{}') if name in self.server.policies else (404, b'{"error":{"type":"resource_not_found_exception"}}')

    def forward(self, body):
        if self.command == 'PUT' and 'template/' in self.path:
            template = json.loads(body)
            settings = template.get('template', template)['settings']
            self.server.settings = {k: settings.pop(k) for k in list(settings) if k.startswith('index.lifecycle')}
            body = json.dumps(template).encode()
        r = urllib.request.Request('http://127.0.0.1:%d%s' % (self.server.sv.port, self.path), body or None,
                                   {'Content-Type': self.headers.get('Content-Type', 'application/json')}, method=self.command)
        try:
            with urllib.request.urlopen(r, timeout=harness.SECONDS) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as e:
            return e.code, e.read()

    def do(self, body):
        self.server.asked.append((self.command, self.path))
        return self.policy(body) if self.path.startswith('/_ilm/') else self.forward(body)


def mapped(sv, index, document):
    """The properties that an index of that name gets, with a document in it."""
    sv.request('PUT', '/%s/_doc/1' % index, document)
    return sv.request('GET', '/%s/_mapping' % index)[1][index]['mappings']['properties']


def below(properties, path):
    names = path.split('.')
    for n in names[:-1]:
        properties = properties[n]['properties']
    return properties[names[-1]]['type']


def run(sv, name, plugin, more, events=20, port=None):
    d = Drive(name, '%s { hosts => "127.0.0.1:%d" compression_level => 0 %s }' % (plugin, port or sv.port, more), events)
    st = d.stats()
    assert st['delivered'] + st['duplicate'] == events, (st, d.tail())
    return d


def check_contents(sv, api, plugin, more):
    """Both templates are taken by the server, and types are as they should be."""
    n = api.strip('_')
    for ecs, name in (('disabled', 'logstash'), ('v8', 'ecs-logstash')):
        d = run(sv, '%s-%s-%s' % (plugin, n, ecs), plugin, 'index => "other" ecs_compatibility => %s %s' % (ecs, more))
        assert any("index template '%s' installed" % name in x for x in d.lines), d.tail()
        there = sv.request('GET', '/%s/%s' % (api, name))[1]
        assert not [x for x in run(sv, 'again-%s-%s-%s' % (plugin, n, ecs), plugin, 'index => "other" ecs_compatibility => %s %s' % (ecs, more)).lines
                    if 'installed' in x or ' warn ' in x]
        assert sv.request('GET', '/%s/%s' % (api, name))[1] == there
    document = {'@timestamp': '2026-01-02T03:04:05.678Z', '@version': '1', 'message': 'a text of words', 'kind': 'a b', 'n': 7,
                'geoip': {'ip': '192.0.2.1', 'location': {'lat': 1.5, 'lon': 2.5}, 'latitude': 1.5}}
    p = mapped(sv, 'logstash-%s-%s' % (plugin, n), document)
    types = {k: below(p, k) for k in ('@timestamp', '@version', 'message', 'kind', 'n', 'geoip.ip', 'geoip.location', 'geoip.latitude')}
    assert types == {'@timestamp': 'date', '@version': 'keyword', 'message': 'text', 'kind': 'text', 'n': 'long', 'geoip.ip': 'ip',
                     'geoip.location': 'geo_point', 'geoip.latitude': 'half_float'}, types
    assert p['message']['fields'] == p['kind']['fields'] == {'keyword': {'type': 'keyword', 'ignore_above': 256}}, p
    place = {'geo': {'location': {'lat': 1.5, 'lon': 2.5}}}
    document = {'@timestamp': '2026-01-02T03:04:05.678Z', '@version': '1', 'message': 'words', 'source': {'ip': '192.0.2.1', **place}, 'observer': place,
                'event': {'original': 'x', 'duration': 7}, 'labels': {'a': '2026-01-01'}, 'data_stream': {'dataset': 'x'}, **place}
    p = mapped(sv, 'ecs-logstash-%s-%s' % (plugin, n), document)
    types = {k: below(p, k) for k in ('@timestamp', 'message', 'source.ip', 'source.geo.location', 'observer.geo.location', 'geo.location', 'event.duration',
                                      'labels.a', 'data_stream.dataset')}
    assert types == {'@timestamp': 'date', 'message': 'text', 'source.ip': 'ip', 'source.geo.location': 'geo_point', 'observer.geo.location': 'geo_point',
                     'geo.location': 'geo_point', 'event.duration': 'long', 'labels.a': 'keyword', 'data_stream.dataset': 'keyword'}, types
    for name in ('logstash', 'ecs-logstash'):
        sv.request('DELETE', '/%s/%s' % (api, name))


def check_lifecycle(sv):
    """The policy, the alias and its first index; a rollover; and a second start that changes nothing."""
    proxy = WithLifecycle(sv)
    today = time.strftime('%Y.%m.%d', time.gmtime())
    run(sv, 'alias', 'elasticsearch', 'ilm_rollover_alias => "web"', port=proxy.port)
    assert proxy.settings == {'index.lifecycle.name': 'logstash-policy', 'index.lifecycle.rollover_alias': 'web'}, proxy.settings
    assert list(proxy.policies) == ['logstash-policy']
    assert sv.request('GET', '/_alias/web')[1] == {'web-%s-000001' % today: {'aliases': {'web': {'is_write_index': True}}}}
    assert sv.request('GET', '/_index_template/web')[1]['index_templates'][0]['index_template']['index_patterns'] == ['web-*']
    p = sv.request('GET', '/web-%s-000001/_mapping' % today)[1]['web-%s-000001' % today]['mappings']['properties']
    assert p['message']['fields']['keyword']['ignore_above'] == 256, p
    assert sv.request('POST', '/web/_rollover')[1]['new_index'] == 'web-%s-000002' % today
    proxy.asked.clear()
    run(sv, 'rolled', 'elasticsearch', 'ilm_rollover_alias => "web"', 30, port=proxy.port)
    assert sv.count('web-%s-000001' % today) == 20 and sv.count('web-%s-000002' % today) == 30 and sv.count('web') == 50
    assert not [x for x in proxy.asked if x[0] == 'PUT'], proxy.asked
    proxy.shutdown()


def test_setup():
    """What the start makes, as the real server takes it."""
    sv = server()
    mine = {'index_patterns': ['logstash-mine-*'], 'priority': 5, 'template': {'settings': {'number_of_replicas': 0}}}
    # Without ILM, which neither has: the template, and the index by date.
    d = run(sv, 'plain', 'elasticsearch', '')
    assert any('has no index lifecycle management' in x for x in d.lines), d.tail()
    assert sv.count('logstash-%s' % time.strftime('%Y.%m.%d', time.gmtime())) == 20
    sv.request('DELETE', '/_index_template/logstash')
    # The user's own of that name stays.
    sv.request('PUT', '/_index_template/logstash', mine)
    before = sv.request('GET', '/_index_template/logstash')[1]
    run(sv, 'mine', 'elasticsearch', 'ilm_enabled => false')
    assert sv.request('GET', '/_index_template/logstash')[1] == before
    status, answer = sv.request('PUT', '/_index_template/logstash?create=true', mine, ok=None)
    assert status == 400 and 'already exists' in json.dumps(answer), answer         # what es_setup.c relies on
    run(sv, 'overwrite', 'elasticsearch', 'ilm_enabled => false template_overwrite => true')
    assert sv.request('GET', '/_index_template/logstash')[1]['index_templates'][0]['index_template']['priority'] == 200
    sv.request('DELETE', '/_index_template/logstash')
    check_contents(sv, '_index_template', 'elasticsearch', '')
    check_contents(sv, '_template', 'elasticsearch', 'template_api => legacy')
    check_contents(sv, '_template', 'opensearch', '')
    check_contents(sv, '_index_template', 'opensearch', 'legacy_template => false')
    if word == 'elasticsearch':
        check_lifecycle(sv)
    # A stand-in for Elasticsearch's own template of that name, which the published parts lack.
    d = run(sv, 'no-stream', word, 'data_stream => true ecs_compatibility => v8 data_stream_namespace => "none"')
    assert any('no index template' in x for x in d.lines), d.tail()
    sv.request('PUT', '/_index_template/logs', {'index_patterns': ['logs-*-*'], 'priority': 100, 'data_stream': {}})
    auto = '' if word == 'elasticsearch' else 'data_stream => true'
    d = run(sv, 'stream', word, 'ecs_compatibility => v8 %s' % auto)
    assert not any(' warn ' in x for x in d.lines), d.tail()
    assert all(x['_index'].startswith('.ds-logs-generic-default-') for x in sv.documents('logs-generic-default'))
    assert sv.count('logs-generic-default') == 20


if __name__ == '__main__':
    sys.exit(harness.main())
