#!/usr/bin/env python3
"""beats.py - Lumberjack as Beats and logstash-forwarder speak it: real client libraries, events, acknowledgements, refusals, and what is never lost."""
import json
import os
import signal
import socket
import ssl
import sys

import harness
from certificates import certificate, path
from faults_sink import Sink
from lumberjack_wire import Client, frame, numbers, packed, pairs, window

OUT = 'output { file { path => "%s" codec => json_lines } }\n'
SINK = 'output { elasticsearch { hosts => ["http://127.0.0.1:%d"] index => "logs" manage_template => false compression_level => 0 } }\n'
SHOW = 'filter { mutate { copy => { "[@metadata]" => "meta" } } }\n'


def out():
    return os.path.join(harness.work, 'out.ndjson')


def beats(options='', port=None):
    port = port or harness.free_port()
    return port, 'input { beats { host => "127.0.0.1" port => %d %s } }\n' % (port, options)


def start(options='', rest=SHOW, **more):
    port, conf = beats(options)
    return port, harness.Weird(conf + rest + OUT % out(), **more), harness.Lines(out())


def filebeat(message, **more):
    return dict({'@timestamp': '2026-01-02T03:04:05.678Z', '@metadata': {'beat': 'filebeat', 'type': '_doc', 'version': '8.1.0'}, 'message': message,
                 'host': {'name': 'web1'}, 'agent': {'type': 'filebeat'}, 'tags': ['from-the-beat']}, **more)


V8 = {'pipeline.ecs_compatibility': 'v8'}


def one(document, options='', rest=SHOW, **more):
    """What becomes of one document."""
    port, weird, lines = start(options, rest, **more)
    c = Client(port)
    c.events([document])
    c.acked(1)
    event = lines.documents(1, alive=weird)[0]
    c.close()
    weird.stop()
    return event


# ---- events ----

def test_event():
    e = one(filebeat('hello'))
    assert e['@timestamp'] == '2026-01-02T03:04:05.678Z' and e['message'] == 'hello' and e['host'] == {'name': 'web1'}, e
    assert e['tags'] == ['from-the-beat', 'beats_input_codec_plain_applied'], e
    assert e['meta'] == {'beat': 'filebeat', 'type': '_doc', 'version': '8.1.0', 'ip_address': '127.0.0.1'}, e
    assert e['@version'] == '1' and 'event' not in e, e


def test_event_ecs():
    e = one(filebeat('hello', event={'dataset': 'x'}), 'tags => ["mine"]', settings=V8)
    assert e['event'] == {'original': 'hello', 'dataset': 'x'}, e
    assert e['meta']['input'] == {'beats': {'host': {'ip': '127.0.0.1'}}} and 'ip_address' not in e['meta'], e
    assert e['tags'] == ['from-the-beat', 'mine', 'beats_input_codec_plain_applied'], e


def test_event_enrich():
    e = one(filebeat('hello'), 'enrich => none', settings=V8)
    assert 'event' not in e and e['tags'] == ['from-the-beat'] and 'input' not in e['meta'], e


def test_event_enrich_source():
    e = one(filebeat('hello'), 'enrich => [source_metadata]')
    assert e['tags'] == ['from-the-beat'] and e['meta']['ip_address'] == '127.0.0.1', e


def test_event_without_message():
    e = one({'@timestamp': '2026-01-02T03:04:05Z', '@metadata': {'beat': 'metricbeat'}, 'system': {'load': {'1': 0.5}}})
    assert e['@timestamp'] == '2026-01-02T03:04:05.000Z' and e['system'] == {'load': {'1': 0.5}} and e['tags'] == ['beats_input_raw_event'], e


def test_event_old_beat():
    e = one({'message': 5, 'beat': {'hostname': 'old', 'name': 'old'}, 'type': 'log'}, 'add_hostname => true type => "other"')
    assert e['message'] == '5' and e['host'] == 'old' and e['type'] == 'log', e


def test_event_codec():
    """The codec reads the message, the fields of the Beat go over what it made, and a document of several events has them in each."""
    e = one(filebeat('{"a":1,"host":{"ip":"192.0.2.1"},"@timestamp":"2020-01-01T00:00:00Z"}'), 'codec => json')
    assert e['a'] == 1 and e['host'] == {'ip': '192.0.2.1', 'name': 'web1'} and e['@timestamp'] == '2026-01-02T03:04:05.678Z', e
    assert 'message' not in e and e['tags'] == ['from-the-beat', 'beats_input_codec_json_applied'], e


def test_event_codec_several():
    port, weird, lines = start('codec => json')
    c = Client(port)
    c.events([filebeat('[{"a":1},{"a":2},{"a":3}]')])
    c.acked(1)
    documents = lines.documents(3, alive=weird)
    assert [d['a'] for d in documents] == [1, 2, 3] and all(d['host'] == {'name': 'web1'} and d['meta']['beat'] == 'filebeat' for d in documents), documents
    weird.stop()


def test_event_that_is_none():
    """What is no JSON object is kept, tagged and counted; the connection goes on."""
    port, weird, lines = start()
    c = Client(port)
    c.events([b'{"message":', b'[1]', b'{"@metadata":5}', filebeat('good')])
    c.acked(4)
    d = lines.documents(4, alive=weird)
    assert [x['message'] for x in d] == ['{"message":', '[1]', '{"@metadata":5}', 'good'], d
    assert all(x['tags'] == ['_jsonparsefailure'] for x in d[:3]), d
    assert weird.metric('weir_input_malformed_total') == 3
    weird.stop()


def test_version_1():
    """logstash-forwarder: pairs; one answer for a window, and no word before."""
    port, weird, lines = start()
    c = Client(port)
    c.send(window(2, b'1'), packed(pairs(7, {'line': 'hello', 'file': '/var/log/x', 'host': 'web1', 'offset': '12'}) + pairs(8, {'k': 'v'}), b'1'))
    assert c.ack() == (b'1', 8)
    d = lines.documents(2, alive=weird)
    assert d[0]['message'] == 'hello' and d[0]['file'] == '/var/log/x' and d[0]['host'] == 'web1' and d[0]['offset'] == '12', d
    assert d[0]['tags'] == ['beats_input_codec_plain_applied'] and d[1]['k'] == 'v' and d[1]['tags'] == ['beats_input_raw_event'], d
    weird.stop()


def test_multiline_is_refused():
    port, conf = beats('codec => multiline { pattern => "^ " what => previous }')
    weird = harness.Weird(conf + OUT % out(), wait=False)
    assert weird.wait() != 0
    weird.line('multiline.* let the Beat join them')


# ---- acknowledgement ----

def test_windows_in_flight():
    """Ten windows at once, each answered with its own numbers, in their order."""
    port, weird, lines = start(rest='')
    c = Client(port)
    for k in range(10):
        c.events([filebeat('%d.%d' % (k, i)) for i in range(300)], compress=k % 2, first=k * 1000 + 1)
    for k in range(10):
        c.acked(k * 1000 + 300)
    d = lines.documents(3000, alive=weird)
    assert [x['message'] for x in d] == ['%d.%d' % (k, i) for k in range(10) for i in range(300)]
    assert c.quiet(0)
    weird.stop()


def test_dead_output():
    """No acknowledgement while an output refuses, a word every five seconds, and all of them when it takes again."""
    port, conf = beats()
    sink = Sink('503')
    weird = harness.Weird(conf + SINK % sink.port)
    weird.expect('.')
    c = Client(port)
    c.events([filebeat('a%d' % i) for i in range(1000)])
    for _ in range(2):
        assert c.ack() == (b'2', 0)
    assert sink.stored_documents() == 0
    sink.schedule('ok')
    c.acked(1000)
    assert sink.stored_documents() == 1000
    weird.stop()
    assert sink.stored_documents() == 1000


def test_one_of_two_outputs_dead():
    port, conf = beats()
    sink = Sink('503')
    weird = harness.Weird(conf + OUT % out() + SINK % sink.port)
    weird.expect('.')
    lines, c = harness.Lines(out()), Client(port)
    c.events([filebeat('a')])
    assert len(lines.wait(1, alive=weird)) == 1
    assert c.ack() == (b'2', 0)
    sink.schedule('ok')
    c.acked(1)
    weird.stop()


def test_back_pressure():
    """While nothing can leave, a sender that goes on is not read any more; all of it arrives in the end."""
    port, conf = beats()
    sink = Sink('503')
    weird = harness.Weird(conf + SINK.replace('compression', 'queue_max => 1048576 compression') % sink.port, settings={'memory.max': '8 MiB'})
    weird.expect('.')
    c, count, per = Client(port), 40, 500
    data = b''.join(window(per) + b''.join(frame(i + 1, filebeat('x' * 2000)) for i in range(per)) for _ in range(count))
    c.s.setblocking(False)
    sent = 0

    def push():
        nonlocal sent
        try:
            while sent < len(data):
                sent += c.s.send(data[sent:sent + 65536])
        except BlockingIOError:
            pass
        return sent == len(data)
    harness.until(lambda: push() or weird.metric('weir_memory_bytes') > 7 << 20 or weird.metric('weir_pipeline_queue_batches') >= 16,
                  'it is full', alive=weird)
    assert not push(), 'it read everything although nothing could be sent'
    sink.schedule('ok')
    harness.until(push, 'the sender may go on', alive=weird)
    c.s.setblocking(True)
    for _ in range(count):
        a = c.ack()
        while a[1] != per:
            a = c.ack()
    weird.stop()
    assert sink.stored_documents() == count * per


def seqsend(port, journal, *more):
    return harness.Program('seqsend', [sys.executable, os.path.join(harness.FAULTS, 'seqsend.py'), '--proto', 'beats', '--port', str(port),
                                       '--run', 'r', '--journal', journal, *more])


def test_killed_in_the_middle():
    """kill -9 while windows are under way, and a new start: what was acknowledged is there, and everything arrives."""
    port, conf = beats()
    weird = harness.Weird(conf + OUT % out())
    journal = os.path.join(harness.work, 'sent.json')
    s = seqsend(port, journal, '--count', '20000', '--streams', '2', '--batch', '200', '--max-seconds', '200')
    lines = harness.Lines(out())
    assert len(lines.wait(4000, alive=weird)) >= 4000
    weird.signal(signal.SIGKILL)
    weird.wait()
    with open(out(), 'rb+') as f:
        # A line that was cut off in the middle is followed by others.
        data = f.read()
        f.truncate(data.rfind(b'\n') + 1)
    assert data.count(b'\n') < 40000, 'it was not in the middle'
    again = harness.Weird(conf + OUT % out(), name='again', data=weird.data)
    assert s.wait(200) == 0, s.tail()
    again.stop()
    with open(out(), encoding='utf-8') as f:
        got = [json.loads(x) for x in f]
    numbers_seen = {(d['host']['name'], d['log']['offset']) for d in got}
    assert len(numbers_seen) == 40000, len(numbers_seen)
    print('%d events, %d twice' % (len(got), len(got) - 40000))


def test_same_event_again():
    """A line that is sent again over another connection has the same id, one at another place in the file has not."""
    port, conf = beats()
    sink = Sink('ok')
    weird = harness.Weird(conf + SINK % sink.port)
    for offset, text in ((0, 'a'), (0, 'a'), (2, 'a'), (0, 'b')):
        c = Client(port)
        c.events([filebeat(text, log={'offset': offset, 'file': {'path': '/var/log/x'}}, agent={'id': 'f00'}), filebeat('no file')])
        c.acked(2)
        c.close()
    assert sink.stored_documents() == 3 + 4, sink.report()
    weird.stop()


def again_and_again(change):
    """Numbered events by two streams while weird is told to change; all arrive."""
    port, conf = beats()
    weird = harness.Weird(conf + OUT % out())
    journal, lines = os.path.join(harness.work, 'sent.json'), harness.Lines(out())
    s = seqsend(port, journal, '--count', '10000', '--streams', '2', '--batch', '100', '--max-seconds', '200')
    assert len(lines.wait(2000, alive=weird)) >= 2000
    weird = change(weird, conf)
    assert s.wait(200) == 0, s.tail()
    weird.stop()
    with open(out(), encoding='utf-8') as f:
        got = [json.loads(x) for x in f]
    seen = {(d['host']['name'], d['log']['offset']) for d in got}
    assert len(seen) == 20000, len(seen)
    return len(got) - 20000


def reload(weird, conf):
    with open(weird.conf, 'w', encoding='utf-8') as f:
        f.write(conf + OUT % out())
    weird.signal(signal.SIGHUP)
    weird.line('configuration reloaded')
    return weird


def test_reload_of_something_else():
    """The connections stay, and nothing comes twice."""
    assert again_and_again(lambda weird, conf: reload(weird, conf + 'filter { mutate { add_field => { "x" => "y" } } }\n')) == 0


def test_stop_and_start():
    """What is under way is acknowledged before the connections go."""
    def change(weird, conf):
        weird.stop()
        return harness.Weird(conf + OUT % out(), name='again', data=weird.data)
    assert again_and_again(change) <= 200


# ---- refused ----

def refused(what, data, options=''):
    """The connection is closed with a reason and counted; another one works."""
    port, weird, lines = start(options, rest='')
    weird.expect('a connection from .* is closed: ' + what)
    c = Client(port)
    c.send(data)
    assert c.ack() is None
    weird.line('a connection from 127.0.0.1:[0-9]+ is closed: ' + what)
    harness.until(lambda: weird.metric('weir_input_bad_frames_total') == 1, 'it is counted', alive=weird)
    good = Client(port)
    good.events([filebeat('good')])
    good.acked(1)
    assert lines.documents(1, alive=weird)[-1]['message'] == 'good'
    good.close()
    weird.stop()


def test_refused_window():
    refused('a window larger than the limit', window(0xffffffff) + frame(1, filebeat('x')))


def test_refused_length():
    refused('a frame longer than the limit', window(1) + b'2J' + numbers(1, 0xffffffff) + b'{}')


def test_refused_version():
    refused('neither version 1 nor 2', b'GET / HTTP/1.1\r\n\r\n')


def test_refused_bomb():
    """A frame of 64 MiB of blanks in 64 KiB."""
    refused('a frame longer than the limit', window(1) + packed(b'2J' + numbers(1, 64 << 20) + b' ' * (64 << 20)))


def test_refused_bomb_within_the_limit():
    refused('a frame longer than the limit', window(1) + packed(frame(1, b' ' * 2000)), 'max_frame => 1024')


def test_bomb_of_many_frames():
    """200,000 events in a few hundred KiB: each is one, memory stays bounded, and a sender is not kept from his turn for ever."""
    port, conf = beats()
    weird = harness.Weird(conf + 'filter { drop { } }\n' + OUT % out(), settings={'memory.max': '8 MiB'})
    c, n = Client(port), 200000
    c.send(window(n), packed(b''.join(frame(i + 1, {'n': 'x' * 100}) for i in range(n))))
    c.acked(n)
    assert weird.metric('weir_pipeline_ended_total', by='drop') == n
    weird.stop()


def test_half_frames():
    """Ends in the middle of each kind of frame: nothing comes of the rest, and the connection is gone."""
    port, weird, lines = start(rest='')
    whole = window(2) + frame(1, filebeat('first')) + packed(frame(2, filebeat('second')))
    cuts = [1, 3, 8, 20, len(whole) - 30, len(whole) - 1]
    for cut in cuts:
        c = Client(port)
        c.send(whole[:cut])
        c.s.shutdown(socket.SHUT_WR)
        while c.ack():
            pass
        c.close()
    c = Client(port)
    c.send(whole)
    c.acked(2)
    first = sum(cut >= len(window(2) + frame(1, filebeat('first'))) for cut in cuts) + 1
    d = [x['message'] for x in lines.documents(first + 1, alive=weird)]
    assert d.count('first') == first and d.count('second') >= 1, d
    harness.until(lambda: weird.metric('weir_input_connections') == 1, 'the others are gone', alive=weird)
    weird.stop()


def test_half_frames_that_fill_the_memory():
    """Who sends halves of long events until nothing is read any more is given up after ten seconds; others go on."""
    port, conf = beats()
    weird = harness.Weird(conf + OUT % out(), settings={'memory.max': '8 MiB'})
    hogs = [Client(port) for _ in range(4)]
    for h in hogs:
        h.s.setblocking(False)
        data = window(1) + b'2J' + numbers(1, 8 << 20) + b' ' * (4 << 20)
        try:
            while data:
                data = data[h.s.send(data):]
        except BlockingIOError:
            pass
    harness.until(lambda: weird.metric('weir_memory_bytes') > 7 << 20, 'the memory is full', alive=weird)
    c = Client(port)
    c.events([filebeat('good')])
    c.acked(1)
    assert weird.metric('weir_input_connections') < 5
    weird.stop()


def test_byte_by_byte():
    port, weird, lines = start(rest='')
    c = Client(port)
    c.s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for b in window(2) + packed(frame(1, filebeat('first'))) + frame(2, filebeat('second')):
        c.send(bytes([b]))
    c.acked(2)
    assert [x['message'] for x in lines.documents(2, alive=weird)] == ['first', 'second']
    weird.stop()


def test_idle():
    port, weird, _ = start('client_inactivity_timeout => 1', rest='')
    c = Client(port)
    assert c.ack() is None
    weird.stop()


def test_too_many_connections():
    port, weird, lines = start('max_connections => 2', rest='')
    weird.expect('too many connections')
    a, b = Client(port), Client(port)
    harness.until(lambda: weird.metric('weir_input_connections') == 2, 'both are there', alive=weird)
    c = Client(port)
    assert c.ack() is None
    for i, x in enumerate((a, b)):
        x.events([filebeat(str(i))])
        x.acked(1)
    assert len(lines.wait(2, alive=weird)) == 2
    weird.stop()


# ---- TLS ----

def ours():
    """An authority, the server's certificate and the client's, and the server's options."""
    certificate('ca', 'authority')
    certificate('server', 'server', 'ca', 'IP:127.0.0.1,DNS:localhost')
    certificate('client', 'web1/O=Example', 'ca')
    return 'ssl_certificate => "%s" ssl_key => "%s" ' % (path('server.pem'), path('server.key'))


CLIENTS = 'ssl_certificate_authorities => ["%s"] '


def context(with_certificate=True):
    c = ssl.create_default_context(cafile=path('ca.pem'))
    if with_certificate:
        c.load_cert_chain(path('client.pem'), path('client.key'))
    return c


def refused_by_tls(port):
    """Under TLS 1.3 a server refuses a client's certificate after the client's last step: it shows when the client reads."""
    try:
        return Client(port, context(False)).ack() is None
    except OSError:
        return True


def with_client_certificate(options):
    port, weird, lines = start(ours() + CLIENTS % path('ca.pem') + options)
    weird.expect('a connection from .* is closed: ')
    weird.expect("option '.*' of the input 'beats' is deprecated")
    assert refused_by_tls(port)
    c = Client(port, context())
    c.events([filebeat('m%d' % i) for i in range(3000)], compress=True)
    c.acked(3000)
    d = lines.documents(3000, alive=weird)
    assert [x['message'] for x in d] == ['m%d' % i for i in range(3000)]
    c.close()
    weird.stop()
    return d[0]['meta']


def test_tls_client_certificate():
    meta = with_client_certificate('ssl_enabled => true ssl_client_authentication => required enrich => all')
    assert meta['tls_peer']['status'] == 'verified' and meta['tls_peer']['protocol'] == 'TLSv1.3', meta
    assert meta['tls_peer']['subject'] == 'O=Example,CN=web1' and meta['tls_peer']['cipher_suite'].startswith('TLS_'), meta


def test_tls_older_spelling():
    meta = with_client_certificate('ssl => true ssl_verify_mode => force_peer tls_min_version => 1.2 tls_max_version => 1.2')
    assert 'tls_peer' not in meta, meta


def test_tls_authorities_alone():
    """Older Logstash: who names authorities wants certificates."""
    with_client_certificate('ssl => true')


def test_tls_dead_output():
    """The word that keeps a sender waiting, and the answers, inside of TLS."""
    port, conf = beats(ours() + 'ssl_enabled => true')
    sink = Sink('503')
    weird = harness.Weird(conf + SINK % sink.port)
    weird.expect('.')
    c = Client(port, context(False))
    c.events([filebeat('a')])
    assert c.ack() == (b'2', 0)
    sink.schedule('ok')
    c.acked(1)
    weird.stop()


def test_lumberjack_input():
    """The older input: TLS always, fields as they come, nothing else."""
    port = harness.free_port()
    weird = harness.Weird('input { lumberjack { host => "127.0.0.1" port => %d %s type => "lsf" } }\n' % (port, ours()) + SHOW + OUT % out())
    lines, c = harness.Lines(out()), Client(port, context(False))
    c.send(window(2, b'1'), packed(pairs(1, {'line': 'hello', 'file': '/var/log/x', 'host': 'web1', 'offset': '12', 'message': 'mine'}) + pairs(2, {'k': 'v'}), b'1'))
    assert c.ack() == (b'1', 2)
    d = lines.documents(2, alive=weird)
    del d[0]['@timestamp'], d[1]['@timestamp']
    assert d[0] == {'@version': '1', 'message': 'mine', 'file': '/var/log/x', 'host': 'web1', 'offset': '12', 'type': 'lsf', 'meta': {}}, d
    assert d[1] == {'@version': '1', 'k': 'v', 'type': 'lsf', 'meta': {}}, d
    weird.stop()


# ---- real clients ----

def lumber(*args):
    return harness.Program('lumber', [os.path.join(harness.part('lumber', 'lumber'), 'lumber'), *args])


def go_lumber(level):
    port, conf = beats()
    count, window_size = 100000, 2048
    harness.part('lumber', 'lumber')
    weird = harness.Weird(conf + OUT % out())
    client = lumber('send', '127.0.0.1:%d' % port, str(count), str(window_size), str(level), '4')
    assert client.wait(600) == 0, client.tail()
    assert client.lines[-1] == 'done' and sum(int(x.split()[1]) for x in client.lines[:-1]) == count
    weird.stop()
    with open(out(), encoding='utf-8') as f:
        got = [json.loads(x) for x in f]
    assert [d['log']['offset'] for d in got] == list(range(count))
    assert got[-1]['message'] == 'event %d of a Beat' % (count - 1) and got[0]['@timestamp'] == '2026-01-02T03:04:05.678Z', got[-1]


def test_go_lumber():
    go_lumber(0)


def test_go_lumber_compressed():
    go_lumber(3)


def test_go_lumber_tls():
    port, weird, lines = start(ours() + CLIENTS % path('ca.pem') + 'ssl_enabled => true ssl_client_authentication => required', rest='')
    client = lumber('send', 'localhost:%d' % port, '10000', '1000', '3', '2', path('ca.pem'), path('client.pem'), path('client.key'))
    assert client.wait() == 0 and client.lines[-1] == 'done', client.tail()
    assert len(lines.wait(10000, alive=weird)) == 10000
    weird.stop()


def test_pylogbeat():
    sys.path.insert(0, harness.part('pylogbeat', 'pylogbeat.py'))
    import pylogbeat
    port, weird, lines = start(rest='')
    with pylogbeat.PyLogBeatClient('127.0.0.1', port, timeout=harness.SECONDS) as client:
        client.send([])
        for k in range(5):
            client.send([filebeat('%d.%d' % (k, i)) for i in range(1000)])
    d = lines.documents(5000, alive=weird)
    assert [x['message'] for x in d] == ['%d.%d' % (k, i) for k in range(5) for i in range(1000)]
    weird.stop()


def test_lumberjack_client():
    """Node's, which reads no acknowledgements."""
    folder = harness.part('lumberjack-client', 'node_modules/lumberjack-client/index.js')
    port, weird, lines = start(rest='')
    script = os.path.join(harness.work, 'client.js')
    with open(script, 'w', encoding='ascii') as f:
        f.write('const Client = require(%s)\nconst c = new Client({host: "127.0.0.1", port: %d})\n'
                'for (let i = 0; i < 500; i++) c.log({message: "m" + i, "@metadata": {beat: "node"}})\n' % (
                    json.dumps(os.path.join(folder, 'node_modules/lumberjack-client')), port))
    harness.Program('node', ['node', script])
    d = lines.documents(500, alive=weird)
    assert [x['message'] for x in d] == ['m%d' % i for i in range(500)], d[-1]
    weird.stop()


if __name__ == '__main__':
    harness.main()
