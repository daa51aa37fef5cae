#!/usr/bin/env python3
"""outputs.py - the elasticsearch output against a server that misbehaves, without the daemon around it.

For each fault: every event ends in exactly one counter, the sink holds exactly what was not refused for good, each document once,
and every ack was released. The same faults behind the whole daemon are in faults.py and outage.py.
"""
import http.server
import json
import os
import sys
import threading

import harness
from certificates import certificate, chain, fingerprint
from faults_sink import Sink

EVENTS = 5000


class Drive(harness.Program):
    """output_drive with one output's configuration; stats() waits for its end."""

    def __init__(self, name, conf, events=EVENTS, seconds=120, data=None):
        self.data = data or os.path.join(harness.work, name)
        os.makedirs(self.data, mode=0o700, exist_ok=True)
        super().__init__(name, [os.environ['OUTPUT_DRIVE'], conf, self.data, str(events), str(seconds)])

    def stats(self):
        status = self.wait(240)
        assert status == 0, '%s ended with %s:\n%s' % (self.name, status, self.tail())
        return json.loads(self.lines[-1])

    def dead_letters(self):
        try:
            with open(os.path.join(self.data, 'dead-letter.ndjson'), encoding='utf-8') as f:
                return [json.loads(x) for x in f]
        except FileNotFoundError:
            return []


def conf(sink, more=''):
    return ('elasticsearch { hosts => "127.0.0.1:%d" index => "weir-test" action => "create" %s }' % (sink.port, more))


def run_one(name, schedule, more, check, problems):
    try:
        sink = Sink(schedule, 'sink-' + name)
        drive = Drive('drive-' + name, conf(sink, more))
        st = drive.stats()
        report = sink.report()
        letters = drive.dead_letters()
        assert st['routed'] == EVENTS and st['left'] == 0, st
        assert st['delivered'] + st['duplicate'] + st['dead_letter'] == EVENTS, st
        assert st['dropped'] == 0 and st['unsent'] == 0, st
        assert st['acks'] == EVENTS, st
        assert report['stored'] == EVENTS - st['dead_letter'], (st, report['stored'], report['http'])
        assert report['overwritten_by_id'] == 0 and not any(report['bad'].values()), report
        assert len(letters) == st['dead_letter'], (len(letters), st)
        check(st, report, letters)
    except Exception as e:  # whatever it is, it is no success
        problems.append('%s: %s: %s' % (name, type(e).__name__, e))


def together(scenarios):
    """All at once: most of the time they wait."""
    problems = []
    threads = [threading.Thread(target=run_one, args=(n, *s, problems)) for n, s in scenarios.items()]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not problems, '\n'.join(problems)


def clean(st, report, letters):
    """Nothing refused, nothing there before."""
    assert st['dead_letter'] == 0 and st['duplicate'] == 0, st


def none_dead(st, report, letters):
    assert st['dead_letter'] == 0 and st['failed_requests'] > 0, st


def retried(st, report, letters):
    clean(st, report, letters)
    assert st['failed_requests'] > 0, st


def doubtful(st, report, letters):
    """Answers were lost after the documents had been stored: their ids tell."""
    assert st['dead_letter'] == 0 and st['duplicate'] > 0 and st['failed_requests'] > 0, st


def some_dead(st, report, letters):
    assert 0 < st['dead_letter'] < EVENTS, st
    for x in letters:
        assert x['status'] == 400 and x['reason'].startswith('document_parsing_exception'), x
        assert x['index'] == 'weir-test' and x['document']['n'] >= 0 and x['id'] == 'ID%012d' % x['document']['n'], x


def few_requests(st, report, letters):
    retried(st, report, letters)
    assert st['failed_requests'] <= 40, st


def test_whole_requests():
    together({
        'ok': ('ok', '', clean),
        '429': ('429@3;ok', '', retried),
        '503': ('503@3;ok', '', retried),
        '502': ('502@2;ok', 'compression_level => 0', retried),
        'html200': ('html200@2;ok', '', retried),
        'emptyjson': ('emptyjson@2;ok', '', retried),
        'badjson': ('badjson@2;ok', '', retried),
        'redirect': ('redirect@2;ok', '', retried),
        'reset': ('reset@2;ok', '', retried),
        'refuse': ('refuse@2;ok', '', none_dead),       # connections are reset, some perhaps between storing and answering
    })


def test_partial():
    together({
        'partial429': ('partial429=0.3@4;ok', '', clean),
        'partial503': ('partial503=0.9@4;ok', '', clean),
        'partial400': ('partial400=0.1', '', some_dead),
        '413': ('413=20000', 'compression_level => 0', few_requests),
        '413-small': ('413=1000', 'compression_level => 0', retried),
    })


def test_lost_answers():
    together({
        'resetafter': ('resetafterx2;ok', '', doubtful),
        'hang': ('hang=4x1;ok', 'timeout => 2', doubtful),
        'shortlen': ('shortlenx2;ok', '', doubtful),
        'timeout': ('timeout=4x1;ok', 'timeout => 2', retried),
        'slow': ('slow=1x2;ok', '', clean),
        'drip': ('drip=1x2;ok', '', clean),
    })


def test_somebody_must_repair_it():
    """Retried every 30 s, as an error; nothing is lost."""
    together({
        '401': ('401@2;ok', '', retried),
        '403': ('403@2;ok', '', retried),
        '404': ('404@2;ok', '', retried),
        '400': ('400@2;ok', '', retried),
    })


def test_down_at_the_end():
    """What cannot be sent is kept, and sent first by the next run, each document once."""
    sink = Sink('resetafterx1;503', 'sink')
    first = Drive('first', conf(sink), seconds=3)
    st = first.stats()
    assert st['routed'] == EVENTS and st['unsent'] + st['delivered'] + st['duplicate'] == EVENTS and st['unsent'] > 0, st
    assert st['acks'] == EVENTS, st
    sink.schedule('ok')
    second = Drive('second', conf(sink), events=0, data=first.data)
    again = second.stats()
    assert again['reloaded'] == st['unsent'] and again['left'] == 0, again
    assert again['duplicate'] > 0, again        # of the request whose answer was lost
    assert sink.report()['stored'] == EVENTS
    assert not os.listdir(os.path.join(first.data, 'unsent'))


def test_other_host_takes_over():
    sink = Sink('ok', 'sink')
    dead = harness.free_port()
    drive = Drive('drive', 'elasticsearch { hosts => ["127.0.0.1:%d", "http://127.0.0.1:%d/"] index => "weir-test" action => create }' %
                  (dead, sink.port))
    st = drive.stats()
    assert st['delivered'] == EVENTS and st['failed_requests'] == 0, st


def test_template_first():
    """A stream of weir's own: the template comes before the first document (the sink accepts it)."""
    sink = Sink('ok', 'sink')
    drive = Drive('drive', 'elasticsearch { hosts => "127.0.0.1:%d" data_stream => true data_stream_dataset => "weir.test" }' % sink.port)
    st = drive.stats()
    assert st['delivered'] == EVENTS, st
    assert any("index template 'weir-logs' installed" in x for x in drive.lines), drive.tail()
    assert list(sink.report()['index_names']) == ['logs-weir.test-default']


def test_tls():
    """Who is believed, and who is not."""
    certificate('ca', 'authority')
    certificate('other', 'another authority')
    certificate('server', 'server', 'ca', 'IP:127.0.0.1,DNS:localhost')
    certificate('stranger', 'server', 'ca', 'DNS:elsewhere.example')
    for name in ('server', 'stranger'):         # as servers send them: their own, then the authority's
        chain(name + '.chain', name, 'ca')
    ports = {}
    for n in ('server', 'stranger'):
        ports[n] = harness.free_port()
        harness.Program('sink-' + n, [sys.executable, os.path.join(harness.FAULTS, 'seqsink.py'), 'serve', '--port', str(ports[n]),
                                       '--tls-cert', n + '.chain', '--tls-key', n + '.key'])
    ca = 'ssl_certificate_authorities => "%s/%s.pem"' % (harness.work, '%s')
    print_of = 'ca_trusted_fingerprint => "%s"'
    cases = [
        ('authority', 'server', ca % 'ca', True),
        ('old-name', 'server', 'cacert => "%s/ca.pem"' % harness.work, True),
        ('system', 'server', '', False),
        ('wrong-authority', 'server', ca % 'other', False),
        ('wrong-name', 'stranger', ca % 'ca', False),
        ('none', 'stranger', 'ssl_verification_mode => none', True),
        ('fingerprint', 'server', print_of % fingerprint('ca'), True),
        ('fingerprint-of-server', 'server', print_of % fingerprint('server'), True),
        ('wrong-fingerprint', 'server', print_of % fingerprint('other'), False),
        ('fingerprint-wrong-name', 'stranger', print_of % fingerprint('ca'), False),
        ('api-key', 'server', ca % 'ca' + ' api_key => "id:key"', True),
    ]
    drives = []
    for name, sink, more, _ in cases:
        # Connections may be refused until the sink listens: that is tried again.
        drives.append(Drive(name, 'elasticsearch { hosts => "https://127.0.0.1:%d" index => "weir-test" action => create %s }' % (ports[sink], more),
                            events=10, seconds=6))
    for (name, sink, more, good), drive in zip(cases, drives):
        st = drive.stats()
        assert (st['delivered'] + st['duplicate'] == 10) == good, (name, st, drive.lines)
        assert good or (st['unsent'] == 10 and any('SSL' in x or 'certificate' in x for x in drive.lines)), (name, st, drive.lines)


def test_another_reason():
    """A server that was down comes back with a certificate that nobody believes: the log says so, once."""
    certificate('known', 'authority')
    certificate('new', 'server')
    port = harness.free_port()
    drive = Drive('reasons', 'elasticsearch { hosts => "https://127.0.0.1:%d" index => "weir-test" action => create ssl_certificate_authorities => "%s/known.pem" }' %
                  (port, harness.work), events=10, seconds=60)
    drive.line(r"Failed to connect.*; trying again, 10 events wait")
    harness.Program('sink-new', [sys.executable, os.path.join(harness.FAULTS, 'seqsink.py'), 'serve', '--port', str(port),
                                 '--tls-cert', 'new.pem', '--tls-key', 'new.key'])
    drive.line(r"SSL certificate problem.*; trying again, 10 events wait")
    drive.kill()


class Guarded(http.server.ThreadingHTTPServer):
    """A server on which the user may write documents and little else: answers[(method, path)] = (status, object)."""

    def __init__(self, answers):
        self.answers, self.documents, self.asked = answers, 0, []
        super().__init__(('127.0.0.1', 0), Answer)
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Answer(harness.Answering):
    def do(self, body):
        path = self.path.split('?')[0]
        self.server.asked.append((self.command, path))
        if path == '/_bulk':
            n = body.count(b'\n') // 2
            self.server.documents += n
            status, answer = 200, {'errors': False, 'items': [{'create': {'status': 201}}] * n}
        else:
            status, answer = self.server.answers.get((self.command, path), (403, {'error': {'type': 'security_exception', 'reason': 'no'}}))
        return status, json.dumps(answer).encode()


GET, PUT = ('GET', '/_index_template'), ('PUT', '/_index_template/weir-logs')
ROOT = {('GET', '/'): (200, {'version': {'number': '8.19.0'}})}
BUILT_IN = {'index_templates': [{'name': 'logs', 'index_template': {'index_patterns': ['logs-*-*'], 'data_stream': {}}}]}
PLAIN = {'index_templates': [{'name': 'logs', 'index_template': {'index_patterns': ['logs-*-*']}},
                             {'name': 'x', 'index_template': {'index_patterns': ['logs-weir.other-*'], 'data_stream': {}}}]}
STREAM = {'data_streams': [{'name': 'logs-weir.test-default'}]}


def guarded(answers, more='', seconds=60):
    server = Guarded({**ROOT, **answers})
    drive = Drive('drive', 'elasticsearch { hosts => "127.0.0.1:%d" compression_level => 0 data_stream => true data_stream_dataset => "weir.test" %s }' %
                  (server.server_port, more), events=100, seconds=seconds)
    st = drive.stats()
    server.shutdown()
    drive.kill()
    harness.running.remove(drive)
    return st, drive, server


def test_template_rights():
    stream = ('GET', '/_data_stream/logs-weir.test-default')
    # No right to install, but what is there makes data streams: it is sent.
    st, drive, server = guarded({GET: (200, BUILT_IN)})
    assert st['delivered'] == 100 and PUT in server.asked, (st, server.asked)
    # May not even look, but the stream exists.
    st, drive, server = guarded({stream: (200, STREAM)})
    assert st['delivered'] == 100, st
    # Neither: it says so, and holds.
    for kept, answers in ((100, {GET: (200, PLAIN)}), (200, {})):
        st, drive, server = guarded(answers, seconds=2)
        assert st['delivered'] == 0 and st['unsent'] == kept and server.documents == 0, st
        assert any('the user may not install one' in x for x in drive.lines), drive.lines
    # The next start finds what is kept; this time nobody asks about templates.
    st, drive, server = guarded({}, 'manage_template => false')
    assert st['delivered'] == 300 and server.asked[0][0] == 'POST', (st, server.asked)


if __name__ == '__main__':
    sys.exit(harness.main())
