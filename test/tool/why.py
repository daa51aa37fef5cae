#!/usr/bin/env python3
"""why.py WEIR WEIRD: what `weir why` says where the answer is another than the demo's: a client's own query, no cause, nothing at all, ids, addresses."""
import json
import os
import subprocess
import sys
import tempfile

weir, weird = sys.argv[1:3]
os.environ['TZ'] = 'UTC'


def query(second, client, name, kind='A', action='dns-client-query', **more):
    e = {'@timestamp': '2026-11-23T08:00:%02dZ' % second, 'event': {'action': action}, 'host': {'name': 'resolver'},
         'dns': {'type': 'query', 'question': {'name': name, 'type': kind}}, 'weir': {'parse': {'format': 'named', 'ok': True}}}
    if client:
        e.update(source={'ip': client, 'port': 40000 + second}, client={'ip': client}, related={'ip': [client]})
    return dict(e, **more)


def smtp(second, action, ip, **more):
    return dict({'@timestamp': '2026-11-23T08:00:%02dZ' % second, 'event': dict({'action': action, 'provider': 'smtpd'}, **more.pop('event', {})),
                 'host': {'name': 'mail'}, 'process': {'name': 'postfix/smtpd', 'pid': 7}, 'service': {'type': 'postfix'},
                 'source': {'ip': ip}, 'related': {'ip': [ip]}}, **more)


def ssh(second, action, ip, pid, outcome=None, **more):
    return dict({'@timestamp': '2026-11-23T08:01:%02dZ' % second, 'event': dict({'action': action, 'provider': 'sshd'}, **({'outcome': outcome} if outcome else {})),
                 'host': {'name': 'shell'}, 'process': {'name': 'sshd', 'pid': pid}, 'service': {'type': 'sshd'}, 'source': {'ip': ip},
                 'related': {'ip': [ip]}}, **more)


# One of the logins goes on ("Postponed publickey"): it has no outcome.
SSH = [ssh(1, 'ssh-connect', '192.0.2.50', 70), ssh(2, 'ssh-login', '192.0.2.50', 70), ssh(3, 'ssh-login', '192.0.2.50', 70, 'failure'),
       ssh(4, 'ssh-disconnect', '192.0.2.50', 70),
       # At LogLevel INFO no line tells of the opening: a process is a connection.
       ssh(11, 'ssh-invalid-user', '192.0.2.51', 71, 'failure'), ssh(12, 'ssh-login', '192.0.2.51', 71, 'failure'), ssh(13, 'ssh-disconnect', '192.0.2.51', 71),
       # PAM tells of the same attempts, sshd's own lines count; one of them stands for two.
       ssh(14, 'ssh-login', '192.0.2.51', 72, 'failure', weir={'raw': {'pam_module': 'pam_unix'}}),
       ssh(14, 'ssh-login', '192.0.2.51', 72, 'failure', weir={'raw': {'auth_method': 'password'}, 'repeat': {'count': 2}}),
       ssh(15, 'ssh-login', '192.0.2.51', 72, 'success', weir={'raw': {'pam_module': 'pam_sss'}}),
       ssh(15, 'ssh-login', '192.0.2.51', 72, 'success', weir={'raw': {'auth_method': 'password'}}), ssh(16, 'ssh-disconnect', '192.0.2.51', 72),
       ssh(17, 'ssh-disconnect', '192.0.2.51', 73), ssh(18, 'ssh-connect', '192.0.2.51', 74), ssh(19, 'ssh-disconnect', '192.0.2.51', 74),
       # Both servers: postscreen's connections count where smtpd has none, whatever sshd says.
       smtp(21, 'smtp-connect', '192.0.2.52', event={'provider': 'postscreen'}), ssh(22, 'ssh-disconnect', '192.0.2.52', 75)]

EVENTS = [query(1, '10.20.0.100', 'odd.example', event={'action': 'dns-client-query', 'id': 'the-odd-one'}),
          query(2, '10.20.0.100', 'odd.example'),
          query(3, None, 'lonely.example', action='dns-resolver-query'),
          query(10, '198.51.100.25', '1.2.0.192.in-addr.arpa', 'PTR'),
          smtp(11, 'smtp-connect', '192.0.2.1'),
          smtp(12, 'smtp-auth', '192.0.2.1', event={'outcome': 'failure'}, postfix={'sasl': {'method': 'LOGIN'}}),
          smtp(13, 'smtp-disconnect', '192.0.2.1'),
          # As BIND's dnstap tells it, by several threads: the chase comes before the delegation that says why, and is linked by events of its own.
          query(30, '198.51.100.25', '5.113.0.203.in-addr.arpa', 'PTR'),
          query(32, None, 'ns1.late.example', action='dns-resolver-query'),
          query(32, None, 'ns2.late.example', action='dns-resolver-query'),
          query(31, None, '113.0.203.in-addr.arpa', 'NS', action='dns-resolver-response', weir={'dns': {
              'authority': ['ns1.late.example', 'ns2.late.example'],
              'authorities': [{'name': '113.0.203.in-addr.arpa', 'type': 'NS', 'ttl': 3600, 'data': 'ns%d.late.example' % i} for i in (1, 2)]}}),
          query(33, None, 'ns2.late.example', action='dns-resolver-query'),
          smtp(34, 'smtp-connect', '203.0.113.5'),
          smtp(35, 'smtp-auth', '203.0.113.5', event={'outcome': 'failure'}, postfix={'sasl': {'method': 'LOGIN'}})]


def asked(second, told_by, name, port, kind='A', who=None, client='10.20.0.9'):
    """A query as a log tells of it, and who had the address."""
    e = query(second, client, name, kind, weir={'parse': {'format': told_by, 'ok': True}})
    e['source']['port'] = port
    if who:
        e['source'].update(user={'name': who}, domain=who + '-laptop')
        e['weir']['identity'] = {'kind': 'dhcp', 'confidence': 90}
    return e


# Two logs tell of each query: of one for A, of one for AAAA from the same socket, and of a later one.
TWO_LOGS = [asked(s, log, 'told.example', port, kind) for s, port, kind in ((1, 5001, 'A'), (2, 5001, 'AAAA'), (3, 5002, 'A')) for log in ('named', 'dnstap')]
# An address that changed hands, and one that nobody is known of.
HANDS = [asked(s, 'named', 'hands.example', 6000 + s, who=who) for s, who in ((1, 'alice'), (2, 'alice'), (3, 'bob'), (4, 'alice'))]
HANDS += [asked(5, 'named', 'hands.example', 6005, client='10.20.0.10')]


def bond(sequence, action):
    """A link event about the pair of chains of twice()."""
    return {'@timestamp': '2026-11-23T08:00:40Z', 'message': action, 'host': {'name': 'resolver'},
            'event': {'action': action, 'kind': 'enrichment', 'module': 'link', 'dataset': 'weir.link', 'sequence': sequence},
            'weir': {'chain': {'id': 'CAAAAAAAAAAAAA', 'kind': 'connection'}, 'cause': {'chain_id': ['CBBBBBBBBBBBBB']}}}


def twice(*actions):
    """A connection and a look-up, each with a chain of its own (so of different addresses), and what was said of the two."""
    of = lambda e, chain: dict(e, weir={'chain': {'id': chain, 'kind': 'connection'}})
    return [of(query(10, '198.51.100.25', '1.2.0.192.in-addr.arpa', 'PTR'), 'CBBBBBBBBBBBBB'), of(smtp(11, 'smtp-connect', '192.0.2.77'), 'CAAAAAAAAAAAAA'),
            of(smtp(13, 'smtp-disconnect', '192.0.2.77'), 'CAAAAAAAAAAAAA')] + [bond(i + 1, a) for i, a in enumerate(actions)]


def run(data, events=None, link='link {}'):
    with tempfile.NamedTemporaryFile('w', suffix='.conf') as f:
        f.write('input { stdin { codec => json } } filter { %s } output { store { retention_days => 0 } }' % link)
        f.flush()
        p = subprocess.run([weird, '-f', f.name, '--path.data', data, '--api.enabled', 'false'], capture_output=True, text=True, check=False,
                           input=''.join(json.dumps(x) + '\n' for x in events or EVENTS))
    assert p.returncode == 0, p.stderr


def why(data, *args):
    p = subprocess.run([weir, 'why', '--path.data', data, *args], capture_output=True, text=True, check=False)
    return p.returncode, p.stdout, p.stderr


def first(data, *args):
    return why(data, *args)[1].split('\n')[0]


def main():
    with tempfile.TemporaryDirectory() as d:
        data = d + '/data'
        status, out, err = why(data, 'x.example')
        assert status == 1 and not out and 'store' in err, err
        run(data)
        want = 'odd.example was asked for twice by 10.20.0.100, and nothing in the store says why.'
        for subject in ('odd.example', 'ODD.Example.', 'the-odd-one'):
            assert first(data, subject) == want, first(data, subject)
        status, out, _ = why(data, 'lonely.example')
        assert status == 0 and out.startswith('lonely.example was asked for once by the resolver itself, and nothing in the store says why.\n'), out
        status, out, _ = why(data, 'never.example')
        assert status == 1 and out.startswith('never.example is in no event of the store.\n'), out
        # What is there is not asked for; what would tell more is named with its setting.
        assert 'dnstap' not in out and 'querylog' not in out, out
        status, out, _ = why(data, '--since', '2026-11-24', '--until', '2026-11-25', 'never.example')
        assert status == 1 and 'dnstap { client; resolver; };' in out and 'querylog yes;' in out and 'rsyslog' in out, out
        # That there is nothing of that time is no reason to have more logs.
        status, out, _ = why(data, '--since', '2026-11-24', 'odd.example')
        assert (status, out) == (1, 'odd.example is in the store, but not in that period.\n'), out
        status, out, err = why(data, '--since', '2026-11-25', '--until', '2026-11-24', 'odd.example')
        assert (status, out, err) == (2, '', 'weir why: --since is not before --until: there is nothing between them\n'), (status, err)
        status, out, err = why(data, '192.0.2.0/24')
        assert (status, out, err) == (2, '', 'weir why: one address, not a network; its events: weir search ip:192.0.2.0/24\n'), (status, err)
        want = '192.0.2.1 connected to postfix/smtpd on mail once, with 1 SASL LOGIN failure: somebody is guessing passwords'
        assert first(data, '192.0.2.1') == want + '; 198.51.100.25 looked up its name (1.2.0.192.in-addr.arpa) once.', first(data, '192.0.2.1')
        answer = json.loads(why(data, '--json', '1.2.0.192.in-addr.arpa')[1])
        assert answer['finding'] == 'look-up' and answer['addresses'][0]['connections'] == 1, answer
        assert answer['sentence'] == '1.2.0.192.in-addr.arpa was asked for once by 198.51.100.25 because %s.' % want, answer['sentence']
        chain = [e for e in answer['evidence'] if e['event']['action'] == 'smtp-connect'][0]['weir']['chain']['id']
        assert first(data, chain) == first(data, '192.0.2.1'), first(data, chain)
        for name, count in (('ns1.late.example', 1), ('ns2.late.example', 2)):
            late = json.loads(why(data, '--json', name)[1])
            assert (late['finding'], late['cut'], late['confidence'], late['rule']) == ('chase', '113.0.203.in-addr.arpa', 95, 'L8'), late
            assert (late['resolver_queries'], late['chase_queries'], late['names']) == (count, 3, {'ns1.late.example': 1, 'ns2.late.example': 2}), late
            assert [(a['ip'], a['connections'], a['auth_failures']) for a in late['addresses']] == [('203.0.113.5', 1, 1)], late
        assert ', for which the resolver made 3 queries for ns[1-2].late.example.' in first(data, '203.0.113.5'), first(data, '203.0.113.5')
        status, out, err = why(data, 'odd.example', 'extra')
        assert (status, out, err) == (2, '', 'weir why: one NAME|IP|ID, not 2 words\n'), (status, out, err)
        for query, column in (('@timestamp:>=foo', 1), ('a OR (b NOT @timestamp:[2026-11-24 TO foo])', 13), ('@timestamp:foo', 1)):
            p = subprocess.run([weir, 'search', '--path.data', data, query], capture_output=True, text=True, check=False)
            assert p.returncode == 2 and p.stderr.startswith("query:1:%d: 'foo' is no time" % column), (query, p.stderr)
        for query in ('@timestamp:*', '@timestamp:[* TO 2026-11-25]', '@timestamp:>=2026-11-23T07:00'):
            p = subprocess.run([weir, 'search', '--path.data', data, query], capture_output=True, text=True, check=False)
            assert p.returncode == 0 and p.stdout, (query, p.stderr)
        # What is in the store only where why does not look, or at other times.
        for subject, events, search in (('10.20.0.100', 2, '10.20.0.100'), ('mail', 5, 'host:mail'), ('MAIL', 5, 'host:MAIL'), ('no where', 0, '')):
            status, out, _ = why(data, subject)
            want = '%s is in the store (%d events), but in nothing that why follows; see: weir search %s.' % (subject.lower(), events, search)
            want = want if events else '%s is in no event of the store.' % subject
            assert (status, out.split('\n')[0]) == (0 if events else 1, want), out
            if events:
                p = subprocess.run([weir, 'search', '--path.data', data, '-n', '0', search], capture_output=True, text=True, check=True)
                assert p.stdout.count('\n') == events, p.stdout
        for subject in ('odd.example', '192.0.2.1', 'mail'):
            status, out, _ = why(data, '--since', '2026-11-24', subject)
            assert status == 1 and out.startswith(subject + ' is in the store, but not in that period.\n'), out
        assert json.loads(why(data, '--json', '10.20.0.100')[1])['finding'] == 'elsewhere'
        # Who looked up names is not told of as if his own had been.
        want = '198.51.100.25 is in the store (2 events), but in nothing that why follows; see: weir search 198.51.100.25.'
        assert first(data, '198.51.100.25') == want, first(data, '198.51.100.25')
        assert why(data)[0] == 2
        run(d + '/ssh', SSH)
        want = '192.0.2.50 connected to sshd on shell once, with 1 ssh failure: somebody is guessing passwords.'
        assert first(d + '/ssh', '192.0.2.50') == want, first(d + '/ssh', '192.0.2.50')
        want = '192.0.2.51 connected to sshd on shell 4 times, with 3 ssh failures, 1 successful login.'
        assert first(d + '/ssh', '192.0.2.51') == want, first(d + '/ssh', '192.0.2.51')
        want = '192.0.2.52 connected to postfix/postscreen on mail and sshd on shell twice.'
        assert first(d + '/ssh', '192.0.2.52') == want, first(d + '/ssh', '192.0.2.52')
        run(d + '/asked', TWO_LOGS + HANDS)
        want = 'told.example was asked for 3 times by 10.20.0.9, and nothing in the store says why.'
        assert first(d + '/asked', 'told.example') == want, first(d + '/asked', 'told.example')
        askers = json.loads(why(d + '/asked', '--json', 'hands.example')[1])['askers']
        assert [(a['ip'], a.get('who'), a['queries']) for a in askers] == [
            ('10.20.0.9', 'alice, alice-laptop', 3), ('10.20.0.9', 'bob, bob-laptop', 1), ('10.20.0.10', None, 1)], askers
        # A server's look-up of which two logs tell is one, and caused as a whole.
        run(d + '/both', [asked(10, log, '1.2.0.192.in-addr.arpa', 7000, 'PTR', client='198.51.100.25') for log in ('named', 'dnstap')] + EVENTS[4:7])
        answer = json.loads(why(d + '/both', '--json', '1.2.0.192.in-addr.arpa')[1])
        assert (answer['finding'], [(a['queries'], a['caused']) for a in answer['askers']], answer['addresses'][0]['lookups']) == ('look-up', [(1, 1)], 1), answer
        # Two of one chain were joined twice, through other events of theirs: taken back once, they are one still.
        for i, (actions, joined) in enumerate(((('same-chain',), 1), (('same-chain', 'same-chain', 'unlink'), 1), (('same-chain', 'unlink'), 0),
                                               (('same-chain', 'unlink', 'same-chain'), 1), (('unlink', 'same-chain', 'same-chain', 'unlink'), 0))):
            run('%s/%d' % (d, i), twice(*actions), '')
            answer = json.loads(why('%s/%d' % (d, i), '--json', 'CBBBBBBBBBBBBB')[1])
            assert [a['ip'] for a in answer['addresses']] == ['192.0.2.1', '192.0.2.77'][:1 + joined], (actions, answer)
    print('ok')


main()
