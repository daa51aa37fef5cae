#!/usr/bin/env python3
"""setup.py - what the outputs elasticsearch and opensearch make at a server when they start: lifecycle policy, index template, alias.

Against a server of the test's own, which refuses what a test wants; the real ones are asked by outputs_live.py.
"""
import copy
import json
import os
import socket
import sys
import threading
import time

import harness
from es_fake import ABSENT, Fake
from outputs import Drive

EVENTS = 200
POLICY, TEMPLATE, LEGACY = '/_ilm/policy/', '/_index_template/', '/_template/'
FIRST = 'logstash-%s-000001'
number = 0


def today():
    return time.strftime('%Y.%m.%d', time.gmtime())


def drive(fake, more='', plugin='elasticsearch', seconds=60, port=None, hosts=None):
    """One run of an output; its counters. compression is off so that the fake can read."""
    global number
    number += 1
    d = Drive('drive%d' % number, '%s { hosts => %s compression_level => 0 %s }' %
              (plugin, json.dumps(hosts or ['127.0.0.1:%d' % (port or fake.port)]), more), events=EVENTS, seconds=seconds)
    d.fake = fake
    return d


def done(d, delivered=EVENTS):
    st = d.stats()
    assert st['delivered'] == delivered and st['delivered'] + st['unsent'] == EVENTS, (st, d.tail(), d.fake.asked[:10])
    return d


def said(d, text):
    assert any(text in x for x in d.lines), (text, d.tail())


def complaints(d):
    return [x for x in d.lines if ' warn ' in x or ' error ' in x]


def before_bulk(fake):
    """Everything that was asked before the first document."""
    paths = [p for _, p, _ in fake.asked]
    return fake.asked[:paths.index('/_bulk')]


def test_default():
    """Policy, template, alias, and then the documents; the second start only looks."""
    fake = Fake()
    d = done(drive(fake))
    assert [(m, p) for m, p, _ in before_bulk(fake) if m == 'PUT'] == [
        ('PUT', POLICY + 'logstash-policy'), ('PUT', TEMPLATE + 'logstash'), ('PUT', '/<logstash-{now/d}-000001>')], fake.asked
    assert not complaints(d), d.tail()
    assert fake.indices == {FIRST % today(): {'logstash': {'is_write_index': True}}}, fake.indices
    assert fake.documents == {'logstash': EVENTS}, fake.documents
    template = fake.templates['_index_template', 'logstash']
    assert template['index_patterns'] == ['logstash-*'] and fake.template_of(FIRST % today()) == ['logstash']
    assert template['template']['settings']['index.lifecycle.name'] == 'logstash-policy'
    assert template['template']['settings']['index.lifecycle.rollover_alias'] == 'logstash'
    assert fake.policies['logstash-policy']['policy']['phases']['hot']['actions']['rollover']
    kept = copy.deepcopy([fake.templates, fake.policies])
    fake.asked.clear()
    assert not complaints(done(drive(fake)))
    assert not fake.changes() and len(before_bulk(fake)) == 4, fake.asked
    assert [fake.templates, fake.policies] == kept


def test_at_start():
    """Without any event; and it is not begun again by a reload that changes nothing of the output."""
    fake = Fake()
    port = harness.free_port()
    conf = ('input { tcp { host => "127.0.0.1" port => %d } }\nfilter { mutate { add_field => { "a" => "%%s" } } }\n'
            'output { elasticsearch { hosts => ["127.0.0.1:%d"] ilm_enabled => false compression_level => 0 } }\n' % (port, fake.port))
    weird = harness.Weird(conf % '1')
    weird.line("index template 'logstash' installed")
    assert fake.changes() == [('PUT', TEMPLATE + 'logstash')] and '/_bulk' not in [p for _, p, _ in fake.asked]
    n = len(fake.asked)
    with open(weird.conf, 'w', encoding='utf-8') as f:
        f.write(conf % '2')
    weird.signal(1)
    weird.line('configuration reloaded')
    # What comes now comes through the sender of before.
    with socket.create_connection(('127.0.0.1', port), timeout=harness.SECONDS) as s:
        s.sendall(b'a line\n')
    harness.until(lambda: fake.documents, 'the document', alive=weird)
    assert [p for _, p, _ in fake.asked[n:]] == ['/_bulk'], fake.asked[n:]
    weird.stop()


def test_outage_at_start():
    """Nobody listens when it starts: no event is sent before the template is there."""
    port = harness.free_port()
    d = drive(None, 'index => "x"', port=port)
    d.line('trying again')
    d.fake = fake = Fake(port=port)
    done(d)
    assert [(m, p) for m, p, _ in before_bulk(fake) if m == 'PUT'] == [('PUT', TEMPLATE + 'logstash')], fake.asked


def test_passing_faults():
    """429, 503, 500: the documents wait until it is done."""
    for what in ('/', POLICY, TEMPLATE, '/logstash', '/<logstash'):
        for status in (429, 503):
            left = [2]

            def fault(method, path, what=what, status=status, left=left):
                hit = path == what if what == '/' else path.startswith(what)
                left[0] -= hit
                return status if hit and left[0] >= 0 else None

            fake = Fake(fault=fault)
            d = done(drive(fake))
            said(d, 'answered %d' % status)
            assert fake.documents == {'logstash': EVENTS} and len(fake.changes()) >= 3, (what, status, fake.asked)
            fake.close()


def test_timeout():
    """No answer, although it was done: what is there then is not put again."""
    again = threading.Event()

    def late(method, path):
        if method == 'PUT':
            again.wait(harness.SECONDS)

    def fault(method, path):
        if len(fake.done('GET', TEMPLATE)) == 2:
            again.set()

    fake = Fake(fault=fault)
    fake.late = late
    d = done(drive(fake, 'index => "x" timeout => 1'))
    assert again.is_set() and fake.changes() == [('PUT', TEMPLATE + 'logstash')], fake.asked
    said(d, 'trying again')


def refusing(*rules):
    def fault(method, path):
        for m, start, status in rules:
            if method.startswith(m) and path.startswith(start):
                return status
        return None
    return fault


def test_template_refused():
    """Weir's own text is not worth an event; the user's is: without it an index would be made that stays wrong."""
    for rules in ((('', TEMPLATE, 403),), (('PUT', TEMPLATE, 403),), (('PUT', TEMPLATE, 400),), (('', TEMPLATE, ABSENT),)):
        fake = Fake(fault=refusing(*rules))
        d = done(drive(fake, 'index => "x"'))
        said(d, 'it is tried again in 5 minutes')
        assert any("say 'manage_template => false'" in x for x in d.lines) == (rules[0][2] == 403), d.tail()
        assert fake.documents == {'x': EVENTS}
        fake.close()
    own = os.path.join(harness.work, 'own.json')
    with open(own, 'w', encoding='utf-8') as f:
        json.dump({'index_patterns': ['x*'], 'settings': {}}, f)
    for rules in ((('', TEMPLATE, 403),), (('PUT', TEMPLATE, 500),), ()):
        fake = Fake(fault=refusing(*rules))
        d = done(drive(fake, 'index => "x" template => "%s"' % own, seconds=3), delivered=0)
        assert not fake.documents
        if not rules:           # the fake refuses the old form there
            said(d, "needs 'template_api => legacy'")
        fake.close()
    fake = Fake()
    done(drive(fake, 'index => "x" template => "%s" template_api => legacy template_name => "mine"' % own))
    assert fake.templates == {('_template', 'mine'): {'index_patterns': ['x*'], 'settings': {}}}, fake.templates


def test_rights():
    # The credentials are wrong: nothing can go.
    fake = Fake(fault=lambda method, path: 401)
    done(drive(fake, 'index => "x"', seconds=3), delivered=0)
    fake.close()
    # May not say who it is (no right to monitor), may not see policies; all is there.
    fake = Fake(fault=refusing(('GET', '/_ilm', 403)))
    fake.templates['_index_template', 'logstash'] = {'index_patterns': ['logstash-*']}
    fake.indices['logstash-1'] = {'logstash': {}}
    d = done(drive(fake))
    said(d, 'show its ILM policy')
    assert fake.documents == {'logstash': EVENTS} and not fake.changes()
    fake.close()
    # The alias cannot be made: a document would make an index in its place.
    for rules in ((('PUT', '/<', 403),), (('GET', '/logstash', 403),), (('PUT', TEMPLATE, 403),)):
        fake = Fake(fault=refusing(*rules))
        done(drive(fake, seconds=3), delivered=0)
        assert not fake.documents and not fake.indices, (rules, fake.indices)
        fake.close()


def test_no_lifecycle():
    """A server without ILM: as Logstash 7 and its 'auto', the index by date and the template for it."""
    for fake in (Fake(fault=refusing(('', '/_ilm', ABSENT))), Fake(fault=refusing(('', '/_ilm', 410))), Fake('2.19.1', distribution='opensearch')):
        d = done(drive(fake))
        said(d, 'has no index lifecycle management')
        assert fake.documents == {'logstash-%s' % today(): EVENTS}, fake.documents
        assert fake.changes() == [('PUT', TEMPLATE + 'logstash')], fake.asked
        assert 'index.lifecycle.name' not in json.dumps(fake.templates['_index_template', 'logstash'])
        fake.close()
    fake = Fake(fault=refusing(('', '/_ilm', ABSENT)))
    said(done(drive(fake, 'ilm_enabled => true', seconds=3), delivered=0), "say 'ilm_enabled => false'")
    assert not fake.changes() and not fake.documents
    fake.close()
    fake = Fake()
    done(drive(fake, 'ilm_enabled => false'))
    assert fake.documents == {'logstash-%s' % today(): EVENTS} and fake.changes() == [('PUT', TEMPLATE + 'logstash')]
    assert not fake.done('GET', '/_ilm')


def test_lifecycle_options():
    fake = Fake()
    said(done(drive(fake, 'ilm_policy => "mine"', seconds=3), delivered=0), "there is no ILM policy 'mine'")
    assert not fake.changes() and not fake.documents
    fake.close()
    fake = Fake()
    fake.policies['mine'] = {}
    done(drive(fake, 'ilm_policy => "mine" ilm_rollover_alias => "web" ilm_pattern => "000001" index => "ignored"'))
    assert fake.indices == {'web-000001': {'web': {'is_write_index': True}}} and fake.documents == {'web': EVENTS}
    template = fake.templates['_index_template', 'web']
    assert template['index_patterns'] == ['web-*'] and template['template']['settings']['index.lifecycle.name'] == 'mine'
    assert list(fake.policies) == ['mine']
    fake.close()
    fake = Fake()
    done(drive(fake, 'template_name => "t" ilm_rollover_alias => "web" ecs_compatibility => v8'))
    assert list(fake.templates) == [('_index_template', 't')] and fake.documents == {'web': EVENTS}, fake.templates
    fake.close()
    fake = Fake()
    done(drive(fake, 'manage_template => false'))
    assert not fake.templates and fake.documents == {'logstash': EVENTS} and FIRST % today() in fake.indices


def test_alias_is_there():
    # As an alias: left alone. As an index: left alone, too, and said.
    fake = Fake()
    fake.indices['logstash-2020-000007'] = {'logstash': {'is_write_index': True}}
    d = done(drive(fake))
    assert list(fake.indices) == ['logstash-2020-000007'] and not complaints(d)
    fake.close()
    fake = Fake()
    fake.indices['logstash'] = {}
    d = done(drive(fake))
    said(d, "'logstash' is an index and no alias")
    assert list(fake.indices) == ['logstash'] and fake.documents == {'logstash': EVENTS}
    fake.close()
    # Made by another one between question and answer; and in the way without the alias.
    for aliases, delivered in (({'logstash': {}}, EVENTS), ({}, 0)):
        fake = Fake()

        def meanwhile(method, path, fake=fake, aliases=aliases):
            if method == 'PUT' and path.startswith('/<'):
                fake.indices[FIRST % today()] = aliases
        fake.fault = meanwhile
        done(drive(fake, seconds=60 if delivered else 3), delivered=delivered)
        assert fake.documents == ({'logstash': EVENTS} if delivered else {})
        fake.close()


def test_template_is_there():
    mine = {'index_patterns': ['logstash-*'], 'template': {}, 'priority': 7}
    fake = Fake()
    fake.templates['_index_template', 'logstash'] = mine
    d = done(drive(fake, 'index => "x"'))
    assert fake.templates['_index_template', 'logstash'] is mine and not fake.changes() and not complaints(d)
    # Somebody puts it between question and answer.
    fake.templates.clear()

    def meanwhile(method, path):
        if method == 'PUT':
            fake.templates['_index_template', 'logstash'] = mine
    fake.fault = meanwhile
    assert not complaints(done(drive(fake, 'index => "x"')))
    assert fake.templates['_index_template', 'logstash'] is mine
    # With the user's word.
    fake.fault = lambda method, path: None
    done(drive(fake, 'index => "x" template_overwrite => true'))
    assert fake.templates['_index_template', 'logstash']['priority'] == 200
    assert not [1 for m, p, _ in fake.asked if m == 'DELETE']


def test_which_api():
    for version, distribution, plugin, more, api in (
            ('7.17.29', None, 'elasticsearch', '', '_template'),
            ('8.0.0', None, 'elasticsearch', '', '_index_template'),
            ('9.5.3', None, 'elasticsearch', '', '_index_template'),
            ('9.5.3', None, 'elasticsearch', 'template_api => legacy', '_template'),
            ('7.17.29', None, 'elasticsearch', 'template_api => composable', '_index_template'),
            ('2.19.1', 'opensearch', 'elasticsearch', '', '_index_template'),
            ('2.19.1', 'opensearch', 'opensearch', '', '_template'),
            ('3.8.0', 'opensearch', 'opensearch', 'legacy_template => false', '_index_template')):
        for ecs, name in (('disabled', 'logstash'), ('v8', 'ecs-logstash')):
            fake = Fake(version, distribution=distribution)
            done(drive(fake, 'index => "x" ecs_compatibility => %s %s' % (ecs, more), plugin))
            assert list(fake.templates) == [(api, name)], (version, plugin, more, fake.templates)
            assert fake.template_of(name + '-2020.01.01') == [name]
            fake.close()


def test_like_the_documents():
    """Hosts, path, credentials and headers are those of the bulk requests; a host that is down is passed over."""
    fake = Fake()
    d = done(drive(fake, 'index => "x" user => "u" password => "p" custom_headers => { "X-Site" => "s" }',
                   hosts=['127.0.0.1:%d' % harness.free_port(), '127.0.0.1:%d' % fake.port]))
    assert len(fake.asked) >= 4 and all(h.get('Authorization') == 'Basic dTpw' and h.get('X-Site') == 's' for h in fake.headers_seen), fake.headers_seen
    said(d, "index template 'logstash' installed")


def test_data_streams():
    """Made by the server's template, which is not ours; where it would become an ordinary index, that is said."""
    stream = 'ecs_compatibility => v8'
    built_in = {'index_patterns': ['logs-*-*'], 'data_stream': {'hidden': False}, 'template': {}}
    fake = Fake()
    fake.templates['_index_template', 'logs'] = built_in
    d = done(drive(fake, stream))
    assert fake.documents == {'logs-generic-default': EVENTS} and not fake.changes() and not complaints(d)
    said(done(drive(fake, stream + ' data_stream_type => "metrics"')), "no index template of 'http://127.0.0.1:%d' makes a data stream" % fake.port)
    fake.close()
    fake = Fake(fault=refusing(('', TEMPLATE.rstrip('/'), 403)))
    assert not complaints(done(drive(fake, stream)))
    fake.close()
    fake = Fake('7.8.1')
    said(done(drive(fake, stream)), 'older than 7.9')
    fake.close()
    # Another stream of the same events is weir's own, and its template comes before it.
    fake = Fake()
    fake.templates['_index_template', 'logs'] = built_in
    done(drive(fake, stream + ' data_stream_dataset => "weir.test"'))
    assert [(m, p) for m, p, _ in before_bulk(fake) if m == 'PUT'] == [('PUT', TEMPLATE + 'weir-logs')]


if __name__ == '__main__':
    sys.exit(harness.main())
