#!/usr/bin/env python3
"""kafka.py - a real Kafka, read as a member of a group and written to: nothing is lost, whoever is killed."""
import json
import os
import shutil

import brokers
import harness
from brokers import elements, numbers, out, send
from faults_sink import Sink

COUNT = 10000
FILE = 'output { file { path => "%s" codec => json_lines } }\n'
INPUT = ('input { kafka { bootstrap_servers => "127.0.0.1:%d" topics => ["logs"] group_id => "weir" auto_offset_reset => "earliest" codec => json '
         'auto_commit_interval_ms => 200 session_timeout_ms => 6000 heartbeat_interval_ms => 500 %s } }\n')
OUTPUT = 'output { kafka { bootstrap_servers => "127.0.0.1:%d" topic_id => "%s" codec => json %s } }\n'
TCP = 'input { tcp { host => "127.0.0.1" port => %d codec => json_lines } }\n'
GONE = r'kafka: .*(trying again|cannot commit|leaves its group)'       # librdkafka's words about a broker that is gone


def all_of(lines, count, weird):
    """Waits until each number was there at least once."""
    seen, k = set(), 0

    def complete():
        nonlocal k
        lines.take()
        seen.update(json.loads(x)['n'] for x in lines.lines[k:])
        k = len(lines.lines)
        return len(seen) >= count
    harness.until(complete, 'all of them', alive=weird)
    assert seen == set(range(count))


def test_input():
    """Each message once; offsets are committed to the end when weird has stopped, and the next weird reads only what is new."""
    kafka, lines = brokers.Kafka(), harness.Lines(out())
    kafka.put('logs', elements(0, COUNT))
    conf = INPUT % (kafka.port, 'consumer_threads => 2 type => "k"') + FILE % out()
    weird = harness.Weird(conf)
    documents = lines.documents(COUNT, alive=weird)
    assert sorted(x['n'] for x in documents) == list(range(COUNT))
    assert documents[0]['type'] == 'k'
    weird.stop()
    assert kafka.left('weir', 'logs') == []
    kafka.put('logs', elements(COUNT, COUNT + 5))
    weird = harness.Weird(conf, name='again')
    lines.wait(COUNT + 5, alive=weird)
    weird.stop()
    assert numbers(lines.wait(COUNT + 5)) == list(range(COUNT + 5))


def test_metadata():
    kafka, lines = brokers.Kafka(), harness.Lines(out())
    kafka.put('logs', ['k1|{"n":0}'], '-K', '|', '-p', '2', '-H', 'origin=here', '-H', 'umlaut=\u00fc')
    kafka.put('other.a', ['{"n":1}'], '-p', '0')
    conf = (INPUT % (kafka.port, 'decorate_events => extended')).replace('topics => ["logs"]', r'topics_pattern => "(?:logs|other\.\w)"')
    weird = harness.Weird(conf + 'filter { mutate { copy => { "[@metadata][kafka]" => "kafka" } } }\n' + FILE % out())
    have = {x['n']: x['kafka'] for x in lines.documents(2, alive=weird)}
    stamp = have[0].pop('timestamp')
    assert abs(stamp - have[1].pop('timestamp')) < 600000 and stamp > 1600000000000
    assert have[0] == {'topic': 'logs', 'consumer_group': 'weir', 'partition': 2, 'offset': 0, 'key': 'k1', 'headers': {'origin': 'here', 'umlaut': '\u00fc'}}, have
    assert have[1] == {'topic': 'other.a', 'consumer_group': 'weir', 'partition': 0, 'offset': 0, 'key': None}, have
    weird.stop()


def test_weird_killed():
    """In the middle of 10,000 messages, twice: nothing is lost, and what comes twice has the same id."""
    kafka, lines, sink = brokers.Kafka(), harness.Lines(out()), Sink('ok')
    kafka.put('logs', elements(0, COUNT))
    # Where nothing is committed before the kill, the next one certainly begins with what has arrived already.
    conf = INPUT.replace('interval_ms => 200', 'interval_ms => 600000') % (kafka.port, '') + 'filter { if [n] { mutate { add_field => { "part" => "x" } } sleep { time => 0.0005 } } }\n' + FILE % out()
    conf += 'output { elasticsearch { hosts => ["http://127.0.0.1:%d"] index => "logs" manage_template => false } }\n' % sink.port
    for k in range(2):
        weird = harness.Weird(conf, name='killed%d' % k)
        lines.wait(len(lines.lines) + 500, alive=weird)
        harness.until(lambda: sum(weird.metric('weir_output_%s_total' % x, plugin='elasticsearch') for x in ('delivered', 'duplicate')) > 0, 'something stored', alive=weird)
        weird.kill()
    weird = harness.Weird(conf, name='last')
    all_of(lines, COUNT, weird)
    weird.stop()
    report = sink.report()
    assert len(lines.lines) > COUNT, 'nothing was under way when it was killed'
    assert report['stored'] == COUNT and report['overwritten_by_id'] > 0 and report['with_id'] == COUNT + report['overwritten_by_id'], report
    assert kafka.left('weir', 'logs') == []


STANDS_STILL = ('output { elasticsearch { hosts => ["http://127.0.0.1:%d"] index => "logs" manage_template => false compression_level => 0 '
                'queue_max => 65536 } }\n')


def read_into(kafka, sink, name, options=''):
    weird = harness.Weird(INPUT % (kafka.port, options) + STANDS_STILL % sink.port, name=name)
    weird.expect('output')
    harness.until(lambda: weird.metric('weir_pipeline_queue_batches') == 16, 'a full queue', alive=weird)
    assert weird.metric('weir_input_lines_total') < COUNT * 3 // 4
    return weird


def test_stop_in_the_middle():
    """While messages are fetched and under way: the next weird begins exactly where the first one ended."""
    kafka, lines = brokers.Kafka(), harness.Lines(out())
    kafka.put('logs', elements(0, COUNT))
    conf = INPUT % (kafka.port, '') + 'filter { sleep { time => 0.0003 } }\n' + FILE % out()
    weird = harness.Weird(conf, name='stopped')
    lines.wait(200, alive=weird)
    weird.stop(balance=False)
    lines.take()
    assert len(lines.lines) < COUNT, 'it was over before the stop'
    weird = harness.Weird(conf, name='last')
    lines.wait(COUNT, alive=weird)
    weird.stop()
    lines.take()
    assert numbers(lines.lines) == list(range(COUNT))


def test_a_pause_is_no_absence():
    """While the output stands still fetching stops, and the group keeps its member for longer than max_poll_interval_ms."""
    kafka, sink = brokers.Kafka(), Sink('503@15;ok')
    kafka.put('logs', [json.dumps({'n': i, 'message': 'x' * 1000}) for i in range(COUNT)])
    weird = read_into(kafka, sink, 'weird', 'max_poll_interval_ms => 6000')
    harness.until(lambda: weird.metric('weir_output_delivered_total') >= COUNT, 'all of them', alive=weird)
    weird.stop()
    assert sink.stored_documents() == COUNT and sink.report()['overwritten_by_id'] == 0
    said = '\n'.join(weird.lines)
    assert ' gives ' not in said[:said.index('SIGTERM')], 'the partitions went away'
    assert kafka.left('weir', 'logs') == []


def test_nothing_is_committed_before_it_has_arrived():
    kafka, sink = brokers.Kafka(), Sink('503')
    kafka.put('logs', [json.dumps({'n': i, 'message': 'x' * 1000}) for i in range(COUNT)])
    weird = read_into(kafka, sink, 'weird')
    weird.kill()
    assert len(kafka.left('weir', 'logs')) == COUNT


def test_rebalance():
    """A second weird joins in the middle, the first one leaves: nothing is lost."""
    for strategy in ('', 'partition_assignment_strategy => cooperative_sticky'):
        kafka, lines = brokers.Kafka(), harness.Lines(out())
        conf = INPUT % (kafka.port, strategy) + FILE % out()
        first = harness.Weird(conf, name='first')
        kafka.put('logs', elements(0, COUNT // 2))
        lines.wait(COUNT // 4, alive=first)
        second = harness.Weird(conf.replace('out.ndjson', 'out2.ndjson'), name='second', data=os.path.join(harness.work, 'data2'))
        more = harness.Lines(out().replace('out.', 'out2.'))
        second.line('reads [12] more partitions')
        sent = COUNT // 2
        # A producer fills one partition for a while: it may be the first one's.
        while not more.lines:
            assert sent < 50 * COUNT, 'nothing for the second'
            kafka.put('logs', elements(sent, sent + COUNT // 8))
            sent += COUNT // 8
            lines.take()
            more.take()
        first.stop()
        harness.until(lambda: lines.take() or more.take() or len(set(numbers(lines.lines + more.lines))) == sent, 'all of them', alive=second)
        second.stop()
        kafka.kill()
        shutil.rmtree(os.path.join(harness.work, 'kafka'))
        os.unlink(out())
        os.unlink(out().replace('out.', 'out2.'))


def test_broker_goes_and_comes_back():
    """Both ways at once: events go into a topic that the same weird reads."""
    kafka, port, lines = brokers.Kafka(), harness.free_port(), harness.Lines(out())
    reader = harness.Weird(INPUT % (kafka.port, '') + FILE % out(), name='reader')
    writer = harness.Weird(TCP % port + OUTPUT % (kafka.port, 'logs', 'acks => "all" request_timeout_ms => 3000'), name='writer', data=os.path.join(harness.work, 'data-w'))
    for w in (reader, writer):
        w.expect(GONE)
        w.expect('output')
    send(port, elements(0, COUNT // 2))
    lines.wait(COUNT // 4, alive=reader)
    kafka.stop()
    send(port, elements(COUNT // 2, COUNT))
    writer.line('trying again')
    again = brokers.Kafka(port=kafka.port)
    all_of(lines, COUNT, reader)
    harness.until(lambda: writer.metric('weir_output_delivered_total') == COUNT, 'all delivered', alive=writer)
    writer.stop()
    reader.stop()
    assert sorted(set(numbers(again.get('logs')))) == list(range(COUNT))


def test_stop_while_the_broker_is_gone():
    """It ends all the same; what the output had not sent is on disk and goes out the next time."""
    kafka, port, lines = brokers.Kafka(), harness.free_port(), harness.Lines(out())
    kafka.put('in', elements(0, 10))
    conf = (INPUT % (kafka.port, '')).replace('"logs"', '"in"') + 'output { if [n] < 10 { file { path => "%s" codec => json_lines } } }\n' % out()
    conf += TCP % port + 'output { if [n] >= 10 { kafka { bootstrap_servers => "127.0.0.1:%d" topic_id => "logs" codec => json } } }\n' % kafka.port
    weird = harness.Weird(conf, settings={'shutdown.drain': '2s'})
    weird.expect(GONE)
    weird.expect('output')
    lines.wait(10, alive=weird)
    kafka.kill()
    send(port, elements(10, 1010))
    harness.until(lambda: weird.metric('weir_output_routed_total', plugin='kafka') == 1000, 'they are on their way', alive=weird)
    weird.stop(60)
    again = brokers.Kafka(port=kafka.port)
    weird = harness.Weird(conf, name='again')
    weird.expect(GONE)
    harness.until(lambda: weird.metric('weir_output_delivered_total', plugin='kafka') == 1000, 'what was kept', alive=weird)
    weird.stop()
    assert sorted(set(numbers(again.get('logs')))) == list(range(10, 1010))
    assert set(numbers(lines.lines)) == set(range(10))


def test_output():
    kafka, port = brokers.Kafka(), harness.free_port()
    options = 'message_key => "%{part}" message_headers => { "kind" => "k-%{part}" } compression_type => zstd workers => 2'
    weird = harness.Weird(TCP % port + OUTPUT % (kafka.port, 'logs-%{part}', options))
    send(port, [json.dumps({'n': i, 'part': 'p%d' % (i % 2)}) for i in range(COUNT)])
    harness.until(lambda: weird.metric('weir_output_delivered_total') == COUNT, 'all delivered', alive=weird)
    weird.stop()
    rows = [x.split('|', 3) for x in kafka.get('logs-p1', '%p|%k|%h|%s\n')]
    assert numbers(x[3] for x in rows) == list(range(1, COUNT, 2))
    assert {tuple(x[1:3]) for x in rows} == {('p1', 'kind=k-p1')}
    assert len({x[0] for x in rows}) == 1, 'one key, several partitions'


def test_output_of_a_killed_weird():
    """From a file into a topic; weird is killed in the middle."""
    kafka, path = brokers.Kafka(), os.path.join(harness.work, 'in.log')
    conf = 'input { file { path => "%s" start_position => "beginning" codec => json sincedb_write_interval => "0.1" } }\n' % path
    conf += 'filter { sleep { time => 0.0003 } }\n' + OUTPUT % (kafka.port, 'logs', '')
    with open(path, 'w', encoding='utf-8') as f:
        f.writelines(x + '\n' for x in elements(0, COUNT))
    weird = harness.Weird(conf)
    harness.until(lambda: weird.metric('weir_output_delivered_total') > 500, 'some', alive=weird)
    weird.kill()
    weird = harness.Weird(conf, name='again')
    harness.until(lambda: len(set(numbers(kafka.get('logs')))) == COUNT, 'all of them', alive=weird)
    weird.stop()
    assert sorted(set(numbers(kafka.get('logs')))) == list(range(COUNT))


def test_records_that_cannot_be():
    """A record that is too large, and a name that can be no topic, are dead letters; the others go on."""
    kafka, port = brokers.Kafka(), harness.free_port()
    weird = harness.Weird(TCP % port + OUTPUT % (kafka.port, '%{topic}', 'max_request_size => 5000'))
    weird.expect('dead letter|can be no topic|Message size too large')
    send(port, [json.dumps({'n': i, 'topic': 'no topic' if i == 3 else 'logs', 'message': 'x' * (9000 if i == 5 else 10)}) for i in range(20)])
    harness.until(lambda: weird.metric('weir_output_delivered_total') == 18, 'the others', alive=weird)
    harness.until(lambda: weird.metric('weir_output_dead_letter_total') + weird.metric('weir_output_dropped_total') == 2, 'two dead letters', alive=weird)
    weird.stop()
    assert numbers(kafka.get('logs')) == [i for i in range(20) if i not in (3, 5)]


def test_tls_and_password():
    """SASL_SSL both ways; authorities as PEM and as PKCS#12; a wrong password is said."""
    tls = brokers.certificates(harness.work)
    kafka, port, lines = brokers.Kafka(tls=tls), harness.free_port(), harness.Lines(out())
    store = os.path.join(harness.work, 'trust.p12')
    keytool = os.path.join(os.path.dirname(kafka.java), 'keytool')
    brokers.subprocess.run([keytool, '-importcert', '-noprompt', '-alias', 'ca', '-file', tls[0], '-keystore', store, '-storetype', 'PKCS12', '-storepass', 'changeit'],
                           check=True, capture_output=True)
    secure = ('security_protocol => "SASL_SSL" sasl_mechanism => "PLAIN" sasl_jaas_config => \'org.apache.kafka.common.security.plain.PlainLoginModule required '
              'username="alice" password="se\\"cret";\' ')
    reader = harness.Weird(INPUT % (kafka.tls_port, secure + 'ssl_truststore_location => "%s"' % tls[0]) + FILE % out(), name='reader')
    writer = harness.Weird(TCP % port + OUTPUT % (kafka.tls_port, 'logs', secure + 'ssl_truststore_location => "%s" ssl_truststore_password => "changeit"' % store),
                           name='writer', data=os.path.join(harness.work, 'data-w'))
    send(port, elements(0, 1000))
    lines.wait(1000, alive=reader)
    writer.stop()
    reader.stop()
    wrong = harness.Weird(INPUT % (kafka.tls_port, secure.replace('se\\"', 'xx') + 'ssl_truststore_location => "%s"' % tls[0]) + FILE % out(), name='wrong')
    wrong.expect('kafka:')
    wrong.line('(?i)authentication')
    wrong.stop()


def test_reload():
    """Another group: the old member has committed and left, the new one begins anew."""
    kafka, lines = brokers.Kafka(), harness.Lines(out())
    kafka.put('logs', elements(0, 100))
    conf = INPUT % (kafka.port, '') + FILE % out()
    weird = harness.Weird(conf)
    lines.wait(100, alive=weird)
    with open(weird.conf, 'w', encoding='utf-8') as f:
        f.write(conf.replace('group_id => "weir"', 'group_id => "second"'))
    weird.signal(1)
    lines.wait(200, alive=weird)
    weird.stop()
    assert kafka.left('weir', 'logs') == []
    assert numbers(lines.lines) == sorted(list(range(100)) * 2)


def check(conf, env=None):
    path = os.path.join(harness.work, 'check.conf')
    with open(path, 'w', encoding='utf-8') as f:
        f.write(conf)
    return brokers.subprocess.run([os.environ['WEIR'], 'check', path], capture_output=True, text=True, check=False, env=dict(os.environ, **(env or {})))


def test_options():
    """What cannot be is refused, with what to do instead."""
    jks, pem = os.path.join(harness.work, 'trust.jks'), os.path.join(harness.work, 'own.pem')
    with open(jks, 'wb') as f:
        f.write(b'\xfe\xed\xfe\xed\0\0\0\2')
    with open(pem, 'w', encoding='ascii') as f:
        f.write('nothing')
    sasl = 'security_protocol => "SASL_PLAINTEXT" '
    for options, says in (
            ('security_protocol => "TLS"', "'security_protocol' takes PLAINTEXT, SSL"),
            (sasl + 'sasl_mechanism => "PLAIN"', "'sasl_mechanism' PLAIN needs username"),
            (sasl + 'sasl_mechanism => "OAUTHBEARER"', "needs 'sasl_oauthbearer_token_endpoint_url'"),
            (sasl + 'jaas_path => "/x"', "put what stands in the file into 'sasl_jaas_config'"),
            (sasl + 'kerberos_config => "/x"', 'KRB5_CONFIG'),
            ('security_protocol => "SSL" ssl_truststore_location => "%s"' % jks, 'is a Java key store (JKS): make it PKCS#12 with keytool'),
            ('security_protocol => "SSL" ssl_truststore_location => "%s"' % pem, 'is neither PEM nor a PKCS#12 file'),
            ('security_protocol => "SSL" ssl_keystore_location => "/not/there"', "cannot read 'ssl_keystore_location' '/not/there': No such file"),
            ('librdkafka => { "no.such" => "1" }', 'librdkafka: No such configuration property: "no.such"')):
        for conf in ('input { kafka { %s } }' % options, 'output { kafka { topic_id => "a" %s } }' % options):
            r = check(conf)
            assert r.returncode == 1 and says in r.stdout + r.stderr, (conf, r)
    for conf, says in (('input { kafka { topics => [] } }', "'topics' names none"), ('input { kafka { topics => ["^a"] } }', "a pattern is 'topics_pattern'"),
                       ('input { kafka { auto_offset_reset => "first" } }', "'auto_offset_reset' takes earliest, latest or none"),
                       ('input { kafka { partition_assignment_strategy => "best" } }', "takes range, round_robin or cooperative_sticky"),
                       ('input { kafka { value_deserializer_class => "x.KafkaAvroDeserializer" } }', "'value_deserializer_class' is a class of Java"),
                       ('input { kafka { schema_registry_url => "http://a" } }', 'Avro by a registry cannot be read'),
                       ('input { kafka { session_timeout_ms => 400000 } }', '`max.poll.interval.ms`must be >= `session.timeout.ms`'),
                       ('input { kafka { security_protocol => "SSL" ssl_keystore_location => "%s" } }' % pem, 'ssl.keystore.location'),
                       ('output { kafka { } }', "'topic_id'"), ('output { kafka { topic_id => "a" acks => "2" } }', "'acks' takes 0, 1 or all"),
                       ('output { kafka { topic_id => "a" compression_type => "rar" } }', 'librdkafka: Invalid value "rar"')):
        r = check(conf)
        assert r.returncode == 1 and says in r.stdout + r.stderr, (conf, r)
    good = ('input { kafka { partition_assignment_strategy => "org.apache.kafka.clients.consumer.RoundRobinAssignor" enable_auto_commit => "false" '
            'max_poll_records => "100" consumer_threads => 4 security_protocol => "SASL_SSL" sasl_mechanism => "SCRAM-SHA-512" '
            'sasl_jaas_config => "org.apache.kafka.common.security.scram.ScramLoginModule required username=\'a\' password=b;" '
            'librdkafka => { "statistics.interval.ms" => "0" } } }')
    r = check(good)
    assert r.returncode == 0 and 'warning' not in r.stdout + r.stderr, r
    for conf, says in (('input { kafka { partition_assignment_strategy => sticky } }', "has no 'sticky' strategy"),
                       ('input { kafka { decorate_events => true } }', 'takes none, basic or extended'),
                       ('output { kafka { topic_id => "a" retries => 3 } }', 'become dead letters')):
        r = check(conf)
        assert r.returncode == 0 and says in r.stdout + r.stderr, (conf, r)


def test_without_the_module():
    for conf in ('input { kafka { } }', 'output { kafka { topic_id => "a" } }'):
        r = check(conf, {'WEIR_MODULE_DIR': '/nowhere'})
        assert r.returncode == 1 and 'Kafka is not here: install the package weir-kafka, which brings librdkafka1' in r.stdout + r.stderr, r


if not os.path.exists(os.path.join(os.path.dirname(os.environ['WEIRD']), 'weir_kafka.so')):
    print('this build has no Kafka: install librdkafka-dev and configure anew')
    raise SystemExit(77)
harness.main()
