#!/usr/bin/env python3
"""asked.py WEIR WEIRD: `weir why` claims no more than the store holds: questions that a resolver passed on, look-ups in block lists, reverse look-ups
that nothing is linked to, logs of answers alone; and it counts a failed login once. Recorded logs, and events of the same vocabulary where there is no recording."""
import json
import os
import subprocess
import sys
import tempfile

weir, weird = sys.argv[1:3]
os.environ['TZ'] = 'UTC'
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
LINK = 'link { hosts => { "mail" => ["198.51.100.25"] } }'
PARSE = 'if [logged] { mutate { remove_field => ["host"] } mutate { rename => { "logged" => "[host][name]" } } parse {} }'


def recorded(name, host):
    """Log lines, of a host that they do not name themselves."""
    with open('%s/parse/recorded/%s' % (ROOT, name), encoding='utf-8') as f:
        return [{'message': x.rstrip('\n'), 'logged': host} for x in f if not x.startswith('# ')]


def events(name):
    with open('%s/replay/recorded/%s' % (ROOT, name), encoding='utf-8') as f:
        return [json.loads(x) for x in f if not x.startswith('# ')]


def dns(ms, client, name, kind='A', action='client-query', server=None, host='resolver', told_by='named', port=None):
    e = {'@timestamp': '2026-11-23T08:00:%02d.%03dZ' % divmod(ms, 1000), 'host': {'name': host}, 'event': {'action': 'dns-' + action},
         'dns': {'question': {'name': name, 'type': kind}}, 'weir': {'parse': {'format': told_by, 'ok': True}}, 'source': {}}
    if client:
        e['source'] = dict({'ip': client}, **({'port': port} if port else {}))
        e['related'] = {'ip': [client]}
    if server:
        e['destination'] = {'ip': server}
    return e


def smtp(ms, action, ip, provider='smtpd', **more):
    return dict({'@timestamp': '2026-11-23T08:00:%02d.%03dZ' % divmod(ms, 1000), 'event': {'action': action, 'provider': provider},
                 'host': {'name': 'mail'}, 'process': {'name': 'postfix/' + provider, 'pid': 7}, 'service': {'type': 'postfix'},
                 'source': {'ip': ip}, 'related': {'ip': [ip]}}, **more)


class Store:
    """What weird makes of the events."""

    def __init__(self, lines, link=LINK):
        self.folder = tempfile.TemporaryDirectory()
        self.data = self.folder.name + '/data'
        conf = self.folder.name + '/weird.conf'
        with open(conf, 'w', encoding='ascii') as f:
            f.write('input { stdin { codec => json } } filter { %s %s } output { store { retention_days => 0 } }' % (PARSE, link))
        p = subprocess.run([weird, '-f', conf, '--path.data', self.data, '--api.enabled', 'false'], capture_output=True, text=True, check=False,
                           input=''.join(json.dumps(x) + '\n' for x in lines))
        assert p.returncode == 0, p.stderr

    def why(self, *args):
        p = subprocess.run([weir, 'why', '--path.data', self.data, *args], capture_output=True, text=True, check=False)
        assert p.returncode == 0, (args, p.stdout, p.stderr)
        return p.stdout

    def says(self, name, want):
        have = self.why(name).split('\n')[0]
        assert have == want, '%s\n%s' % (have, want)

    def askers(self, name):
        answer = json.loads(self.why('--json', name))
        return answer['finding'], [(a['ip'], a['queries'], a['caused'], a['copies'], a['resolver']) for a in answer['askers']]


def forwarder():
    """dnsmasq in front of BIND, both logs: a question is one, however often it is passed on."""
    front, back, mail = recorded('dnsmasq-dns.log', 'front'), recorded('dnsmasq-upstream-bind-querylog.log', 'back'), events('dnsmasq-mail.jsonl')
    name = '145.111.137.185.in-addr.arpa'
    want = name + ' was asked for 5 times by 198.51.100.25 because 185.137.111.145 connected to smtpd on mail 5 times; 198.51.100.54 passed it on 3 times.'
    for lines in (front + back + mail, mail + back + front):
        s = Store(lines)
        s.says(name, want)
        s.says('185.137.111.145', '185.137.111.145 connected to smtpd on mail 5 times; 198.51.100.25 looked up its name (%s) 5 times.' % name)
        s.says('mail.corp.example', 'mail.corp.example was asked for once by 198.51.100.53, and nothing in the store says why; 198.51.100.54 passed it on once.')
        assert s.askers(name) == ('look-up', [('198.51.100.54', 0, 0, 3, False), ('198.51.100.25', 5, 5, 0, False)]), s.askers(name)
    # The upstream's log alone: no client is known, and nothing says what the connections have to do with it.
    s = Store(back + mail)
    s.says(name, name + ' was asked for 3 times by 198.51.100.54: the reverse look-up of 185.137.111.145; nothing in the store says what for, '
           'but 185.137.111.145 connected to smtpd on mail 5 times.')
    assert 'made because of' not in s.why(name) and 'in a cache' not in s.why(name), s.why(name)
    assert s.askers(name) == ('reverse', [('198.51.100.54', 3, 0, 0, False)]), s.askers(name)


def passed_on():
    """Resolvers whose query logs name the server that was asked: who asks as a server is passing on, or asks for clients that are not known."""
    client, front, back = '10.20.0.9', '198.51.100.53', '198.51.100.54'
    s = Store([dns(1000, client, 'a.example', server=front, port=4001), dns(1005, front, 'a.example', server=back, host='back', port=4002),
               dns(2000, front, 'b.example', server=back, host='back', port=4003),
               dns(3000, client, 'c.example', server=front, port=4004), dns(20000, front, 'c.example', server=back, host='back', port=4005),
               # The same name at the same time from another client is his own question.
               dns(4000, client, 'd.example', server=front, port=4006), dns(4003, '10.20.0.10', 'd.example', server=front, port=4007),
               # The resolver's host asks itself.
               dns(5000, front, 'e.example', server=front, port=4008),
               # dnstap of the front: what it asks the back is what the back's log tells of.
               dns(6000, client, 'f.example', server=front, port=4009, told_by='dnstap'),
               dns(6001, None, 'f.example', server=back, action='forwarder-query', told_by='dnstap'),
               dns(6002, front, 'f.example', server=back, host='back', port=4010)])
    s.says('a.example', 'a.example was asked for once by 10.20.0.9, and nothing in the store says why; 198.51.100.53 passed it on once.')
    s.says('b.example', 'b.example was asked for once by 198.51.100.53 (a resolver), and for whom is not in the store.')
    assert 'its own query log' in s.why('b.example') and 'its own query log' not in s.why('a.example')
    s.says('c.example', 'c.example was asked for twice by 10.20.0.9 and 198.51.100.53 (a resolver), and nothing in the store says why.')
    s.says('d.example', 'd.example was asked for twice by 10.20.0.9 and 10.20.0.10, and nothing in the store says why.')
    assert s.askers('e.example') == ('direct', [(front, 1, 0, 0, True)]), s.askers('e.example')
    s.says('f.example', 'f.example was asked for once by 10.20.0.9, and nothing in the store says why; 198.51.100.53 passed it on once.')


def answers():
    """Unbound's log-replies without log-queries: an answer stands for its question, but no answer for a second one."""
    s = Store([dns(1000, '10.20.0.9', 'a.example', action='client-response', told_by='unbound'),
               dns(2000, '10.20.0.9', 'b.example', told_by='unbound'), dns(2030, '10.20.0.9', 'b.example', action='client-response', told_by='unbound'),
               dns(3000, None, 'c.example', action='resolver-response', told_by='dnstap'),
               dns(4000, None, 'd.example', action='forwarder-query', told_by='dnsmasq')])
    for name in ('a.example', 'b.example'):
        s.says(name, name + ' was asked for once by 10.20.0.9, and nothing in the store says why.')
    for name in ('c.example', 'd.example'):
        s.says(name, name + ' is in the store, but in no question: who asked for it is not known.')
        assert 'Some of the lines' in s.why(name), s.why(name)


def lists():
    """Postscreen, Rspamd and SpamAssassin: what is asked of a block list is no reverse look-up, and no line links it to a connection."""
    screen = recorded('postfix-postscreen-pass.log', 'mail')
    s = Store(recorded('bind-querylog-services.log', 'resolver') + screen)
    name = '7.114.137.185.bl.second-lab.net'
    connected = '185.137.114.7 connected to postfix/smtpd on mail twice, with 2 messages taken'
    s.says(name, name + ' was asked for once by 198.51.100.25: its name holds 185.137.114.7, as look-ups in block lists do, but nothing says that bl.second-lab.net is '
           'one; nothing in the store says what for, but %s.' % connected)
    s.says('1.0.0.127.bl.blocklist.de', '1.0.0.127.bl.blocklist.de was asked for once by 198.51.100.25: a test whether the block list bl.blocklist.de works '
           '(127.0.0.1 is nobody who connected).')
    s.says('FhQ_pX0m.dbl.spamhaus.org', 'fhq_px0m.dbl.spamhaus.org was asked for once by 198.51.100.25: a look-up in a list of spamhaus.org, and nothing in the store says why.')
    # That postscreen's helper names a list makes it one.
    listed = {'message': '<22>1 2026-11-23T08:23:58.900000+00:00 mail postfix/dnsblog 3014 - -  addr 185.137.114.7 listed by domain bl.second-lab.net as 127.0.0.2', 'logged': 'mail'}
    s = Store(recorded('bind-querylog-services.log', 'resolver') + screen + [listed])
    s.says(name, name + ' was asked for once by 198.51.100.25: a block-list look-up of 185.137.114.7 in bl.second-lab.net; postfix/dnsblog on mail says that it is '
           'listed there; nothing in the store says what for, but %s.' % connected)
    answer = json.loads(s.why('--json', name))
    assert (answer['finding'], answer['list'], [(a['ip'], a['connections']) for a in answer['addresses']]) == ('list', 'bl.second-lab.net', [('185.137.114.7', 2)]), answer
    s = Store(recorded('bind-querylog-spamfilters.log', 'resolver'))
    s.says('7.114.137.185.list.dnswl.org', '7.114.137.185.list.dnswl.org was asked for twice by 198.51.100.25: an allow-list look-up of 185.137.114.7 in list.dnswl.org; '
           'no connection of it is in the store.')
    six = '8.b.d.0.1.0.0.2'
    six = '1.0.0.0.' + '0.' * 20 + six
    s = Store([dns(1000, '198.51.100.25', six + '.zen.spamhaus.org', port=4001), dns(2000, '198.51.100.25', '145.111.137.185.zen.spamhaus.org', port=4002),
               dns(3000, '198.51.100.25', '256.1.1.1.zen.spamhaus.org', port=4003), dns(4000, '198.51.100.25', '2.1.168.192.dyn.isp.example', port=4004),
               smtp(1900, 'smtp-connect', '185.137.111.145', 'postscreen'), dns(5000, '198.51.100.25', '1.168.192.zen.spamhaus.org', port=4005)])
    s.says(six + '.zen.spamhaus.org', six + '.zen.spamhaus.org was asked for once by 198.51.100.25: a block-list look-up of 2001:db8::1 in zen.spamhaus.org; '
           'no connection of it is in the store.')
    s.says('145.111.137.185.zen.spamhaus.org', '145.111.137.185.zen.spamhaus.org was asked for once by 198.51.100.25: a block-list look-up of 185.137.111.145 in '
           'zen.spamhaus.org; nothing in the store says what for, but 185.137.111.145 connected to postfix/postscreen on mail once.')
    for name in ('256.1.1.1.zen.spamhaus.org', '1.168.192.zen.spamhaus.org'):
        s.says(name, name + ' was asked for once by 198.51.100.25: a look-up in a list of spamhaus.org, and nothing in the store says why.')
    s.says('2.1.168.192.dyn.isp.example', '2.1.168.192.dyn.isp.example was asked for once by 198.51.100.25: its name holds 192.168.1.2, as look-ups in block lists do, '
           'but nothing says that dyn.isp.example is one; no connection of it is in the store.')
    # Linked, it has a cause.
    chain = {'weir': {'chain': {'id': 'CAAAAAAAAAAAAA', 'kind': 'connection'}}}
    s = Store([dict(dns(2000, '198.51.100.25', '145.111.137.185.zen.spamhaus.org', port=4002), **chain), dict(smtp(1900, 'smtp-connect', '185.137.111.145'), **chain)], '')
    s.says('145.111.137.185.zen.spamhaus.org', '145.111.137.185.zen.spamhaus.org was asked for once by 198.51.100.25 (a block-list look-up of 185.137.111.145 in '
           'zen.spamhaus.org) because 185.137.111.145 connected to postfix/smtpd on mail once.')


def attempts():
    """Each failed login of a mail client is one, whatever Cyrus SASL and Dovecot say beside it, and however rsyslog shortens it."""
    head = '<20>1 2026-11-23T08:30:%02d.%06d+00:00 mail %s - - - %s'
    failed = 'warning: unknown[192.0.2.7]: SASL %s authentication failed: authentication failure'
    said = [('postfix/smtpd', 'connect from unknown[192.0.2.7]'),
            ('postfix/smtpd', 'warning: SASL authentication failure: Password verification failed'), ('postfix/smtpd', failed % 'PLAIN'),
            ('postfix/smtpd', 'warning: SASL authentication problem: unable to open Berkeley db /etc/sasldb2: No such file or directory'),
            ('postfix/smtpd', failed % 'LOGIN'), ('postfix/smtpd', 'message repeated 2 times: [ %s]' % (failed % 'LOGIN')),
            ('dovecot', 'auth: passwd-file(bob,192.0.2.7): unknown user'),
            ('postfix/smtpd', 'lost connection after AUTH from unknown[192.0.2.7]'),
            ('postfix/smtpd', 'disconnect from unknown[192.0.2.7] ehlo=1 auth=0/4 commands=1/5')]
    s = Store([{'message': head % (i, i, program, text), 'logged': 'mail'} for i, (program, text) in enumerate(said)])
    s.says('192.0.2.7', '192.0.2.7 connected to postfix/smtpd on mail once, with 3 SASL LOGIN failures, 1 SASL PLAIN failure: somebody is guessing passwords.')
    p = subprocess.run([weir, 'search', '--json', '--path.data', s.data, 'event.action:smtp-auth'], capture_output=True, text=True, check=True)
    assert sum(json.loads(x)['weir'].get('repeat', {}).get('count', 1) for x in p.stdout.splitlines()) == 4, p.stdout


def guessed():
    """A guesser who then hands in mail had guessed one; the sentence says as whom."""
    head = '<20>1 2026-11-23T08:30:%02d.000000+00:00 mail postfix/smtpd - - - %s'
    said = ['connect from unknown[192.0.2.7]', 'warning: unknown[192.0.2.7]: SASL LOGIN authentication failed: authentication failure',
            '9AA611A804C: client=unknown[192.0.2.7], sasl_method=LOGIN, sasl_username=bob', '9AA611A804D: client=unknown[192.0.2.7], sasl_method=LOGIN, sasl_username=bob',
            'disconnect from unknown[192.0.2.7] ehlo=1 auth=1/2 mail=2 rcpt=2 data=2 quit=1 commands=9/10']
    s = Store([{'message': head % line, 'logged': 'mail'} for line in enumerate(said)])
    s.says('192.0.2.7', '192.0.2.7 connected to postfix/smtpd on mail once, with 1 SASL LOGIN failure, 2 messages taken (2 after a login as bob).')
    visitor = json.loads(s.why('--json', '192.0.2.7'))['addresses'][0]
    assert visitor['messages_after_login'] == 2 and visitor['logins'] == {'bob': 2}, visitor


def on_the_way():
    """A zone that the resolver asked for on its way to the name of an address: the link says so, without a delegation."""
    chain = {'id': 'CAAAAAAAAAAAAA', 'kind': 'connection'}
    linked = lambda e, **cause: dict(e, weir=dict(e.get('weir', {}), chain=chain, **({'cause': cause} if cause else {})))
    zone, name = '111.137.185.in-addr.arpa', '145.111.137.185.in-addr.arpa'
    s = Store([linked(dns(1000, '198.51.100.25', name, 'PTR', port=4001)), linked(smtp(1900, 'smtp-connect', '185.137.111.145')),
               linked(dns(1010, None, zone, 'NS', 'resolver-query', '203.0.113.1', told_by='dnstap'), rule='L6', confidence=97)], '')
    s.says(zone, zone + ' was asked for once by the resolver itself (resolver), by no client, because mail (198.51.100.25) looked up the name of 185.137.111.145 '
           '(%s); 185.137.111.145 connected to postfix/smtpd on mail once.' % name)
    assert 'queries of the resolver for %s  [97 %%, rule L6]\n    made for\n  PTR %s' % (zone, name) in s.why(zone), s.why(zone)


def main():
    on_the_way()
    attempts()
    guessed()
    forwarder()
    passed_on()
    answers()
    lists()
    print('ok')


main()
