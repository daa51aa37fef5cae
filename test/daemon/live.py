#!/usr/bin/env python3
"""live.py - the main job with real daemons: somebody guesses passwords over SMTP, and weird says which DNS queries came of it.

The site is lab.py's. Postfix and Dovecot are the mail server; BIND, then Unbound, the resolver, which tells by its query log through syslog
and by dnstap; the names are served from the root down by another BIND. What weird says is compared with what the test did, and what is in
its store with what came in, counted apart from it.
"""
import json
import os
import subprocess
import sys

import harness
import lab

CONF = '''
input {
  syslog { host => "%(weir)s" port => 514 }
  dnstap { socket => "%(dnstap)s" mode => "0666" }
}
filter {
  parse { }
  identity { }
  link { %(link)s }
}
output {
  store { }
  file { path => "%(out)s" codec => json_lines }
}
'''
# What Debian's rsyslog does by default with `*.* @host` (dates of RFC 3164, UDP), and what the docs advise.
BY_DEFAULT = '*.* @%s' % lab.WEIR
ADVISED = ('action(type="omfwd" target="%s" port="514" protocol="tcp" TCP_Framing="octet-counted" template="RSYSLOG_SyslogProtocol23Format"'
           ' action.resumeRetryCount="-1")' % lab.WEIR)
ONE, TWENTY = lab.ATTACKERS
NAMES = ['ns%d.faraisp.ir' % i for i in range(1, 5)]
CUT = '111.137.185.in-addr.arpa'


def reverse(ip):
    return '.'.join(reversed(ip.split('.'))) + '.in-addr.arpa'


def at(document, path):
    """The value there, or None."""
    for k in path.split('.'):
        document = document.get(k) if isinstance(document, dict) else None
    return document


def chosen(documents, **want):
    """Those that have these values; __ in a key is a dot."""
    return [d for d in documents if all(at(d, k.replace('__', '.')) == v for k, v in want.items())]


def weir(*args):
    """What the tool says; it must find something."""
    done = subprocess.run([os.environ['WEIR'], args[0], '--path.data', os.path.join(harness.work, 'data'), *args[1:]], capture_output=True, text=True,
                          timeout=harness.SECONDS, check=False)
    assert done.returncode == 0 or 'is in no event of the store' in done.stdout + done.stderr or 'nothing found' in done.stderr, (args, done)
    return done.stdout


def why(what):
    return json.loads(weir('why', '--json', what))


def failures_behind(name):
    w = why(name)
    return sum(a['auth_failures'] for a in w['addresses']) if w['finding'] == 'chase' else 0


def stored():
    return [json.loads(x) for x in weir('search', '--json', '--oldest', '-n', '0').splitlines()]


class Chains:
    """Which chain an event belongs to in the end: what it said itself, corrected by the link events in their order."""

    def __init__(self, documents):
        self.own, self.same, self.members, self.known, self.verdict = {}, set(), {}, {}, {}
        for d in documents:
            if at(d, 'event.kind') != 'enrichment':
                self.own[self.key(d)] = at(d, 'weir.chain.id')
                self.verdict[self.key(d)] = self.told(d)
                if at(d, 'weir.cause.chain_id'):
                    self.members.setdefault(at(d, 'weir.chain.id'), set()).update(at(d, 'weir.cause.chain_id'))
        for d in sorted((d for d in documents if at(d, 'event.kind') == 'enrichment'), key=lambda d: at(d, 'event.sequence')):
            self.correct(d, at(d, 'event.action'), at(d, 'weir.chain.id'), at(d, 'weir.cause.chain_id') or [])

    @staticmethod
    def key(d):
        return d['@timestamp'], d['message'], at(d, 'host.name')

    @staticmethod
    def told(d):
        return at(d, 'weir.chain.kind'), at(d, 'weir.cause.rule'), at(d, 'weir.cause.confidence')

    def found(self, event_id):
        if event_id not in self.known:
            self.known[event_id] = [self.key(json.loads(x)) for x in weir('search', '--json', 'id:%s NOT event.kind:enrichment' % event_id).splitlines()]
        assert len(self.known[event_id]) == 1, 'a link event names %s, which is %d events' % (event_id, len(self.known[event_id]))
        return self.known[event_id][0]

    def correct(self, d, action, chain, causes):
        events = at(d, 'weir.link.event_id') or []
        for k in map(self.found, events):
            if action == 'link':
                self.own[k], self.verdict[k] = chain, self.told(d)
            elif self.own[k] == chain:
                self.own[k] = None
        for c in causes if not events else []:
            if action == 'same-chain':
                self.same.add(frozenset((chain, c)))
            elif action == 'link':
                self.members.setdefault(chain, set()).add(c)
            else:
                self.same.discard(frozenset((chain, c)))
                self.members.get(chain, set()).discard(c)

    def one(self, chain):
        """The smallest id of those that are the same."""
        seen, todo = set(), [chain]
        while todo:
            c = todo.pop()
            if c not in seen:
                seen.add(c)
                todo += [x for pair in self.same if c in pair for x in pair]
        return min(seen)

    def of(self, d):
        own = self.own[self.key(d)]
        return own and self.one(own)

    def causes(self, d):
        """Of a cut's event: the connections' chains."""
        own = self.own[self.key(d)]
        return {self.one(c) for c in self.members.get(own, ())}


class Story:
    """The site with one resolver, and weird; `link` are the filter's options."""

    def __init__(self, resolver, link=''):
        self.site, self.resolver = lab.Lab(), resolver
        out = os.path.join(harness.work, 'out.ndjson')
        self.lines, self.documents = harness.Lines(out), []
        self.weird = harness.Weird(CONF % {'weir': lab.WEIR, 'dnstap': self.site.dnstap, 'link': link, 'out': out},
                                   settings={'pipeline.ecs_compatibility': 'v8'})
        self.site.start_authority()
        self.site.mail.syslog(ADVISED)
        self.site.resolver.syslog(ADVISED)
        self.site.dhcp.syslog(BY_DEFAULT)
        self.server = self.site.start_bind() if resolver == 'bind' else self.site.start_unbound()
        self.site.start_dhcp()
        self.site.start_mail()
        # Each says by the way that is tested here that it is ready.
        for host, text in (('resolver', 'running' if resolver == 'bind' else 'start of service'), ('dhcp', 'Server starting service'),
                           ('mail', 'daemon started'), ('mail', 'Dovecot v')):
            self.wait('%s of %s' % (text, host), lambda d, h=host, t=text: at(d, 'host.name') == h and t in d['message'])

    def take(self):
        self.lines.take()
        self.documents += [json.loads(x) for x in self.lines.lines[len(self.documents):]]
        return self.documents

    def wait(self, what, condition, count=1):
        def enough():
            return sum(1 for d in self.take() if condition(d)) >= count
        harness.until(enough, what, alive=self.weird)

    def guess(self, source, count):
        """Until the lines of their connections and the answers to their look-ups are there."""
        self.site.guess(source, count)
        self.wait('%d ends of connections from %s' % (count, source), lambda d: at(d, 'event.action') == 'smtp-disconnect' and at(d, 'source.ip') == source, count)
        self.wait('%d answers about %s' % (count, source), lambda d: at(d, 'event.action') == 'dns-client-response' and at(d, 'event.module') == 'dnstap' and
                  at(d, 'dns.question.name') == reverse(source), count)

    def chased(self):
        """A name server that the resolver looked for: the first; Unbound need not ask for all."""
        names = NAMES[:1] if self.resolver == 'bind' else NAMES
        self.wait('the resolver looks for %s' % names, lambda d: at(d, 'event.action') == 'dns-resolver-query' and at(d, 'dns.question.name') in names)
        return min(at(d, 'dns.question.name') for d in self.documents if at(d, 'event.action') == 'dns-resolver-query' and at(d, 'dns.question.name') in names)

    def finish(self):
        """The resolver ends, so that nothing of it is on its way any more."""
        assert self.server.stop() == 0
        last = 'exiting' if self.resolver == 'bind' else 'service stopped'
        self.wait('the last line of the resolver', lambda d: at(d, 'host.name') == 'resolver' and last in d['message'])
        harness.until(lambda: self.weird.metric('weir_input_connections', plugin='dnstap') == 0, 'the end of dnstap', alive=self.weird)
        self.weird.balance()
        assert self.weird.metric('weir_link_events_dropped_total') == 0, 'link had more to tell than it could'
        documents = []

        def all_of_them():
            documents[:] = stored()
            return len(documents) == len(self.take())
        try:
            harness.until(all_of_them, 'everything is in the store', alive=self.weird)
        except AssertionError as e:
            raise AssertionError('%s: %d in the store, %d in the file' % (e, len(documents), len(self.documents))) from None
        return documents


def asked(d):
    return at(d, 'source.port'), at(d, 'dns.id')


def check_connection(chains, documents, source, count, confidence):
    """Each connection is a chain of its own: its lines, its look-up as the query log and dnstap tell of it. The chains."""
    mail = [d for d in chosen(documents, source__ip=source) if at(d, 'service.type') == 'postfix']
    connects = chosen(mail, event__action='smtp-connect')
    assert len(connects) == count, [d['message'] for d in connects]
    mine = {chains.of(d): d for d in connects}
    assert len(mine) == count and None not in mine, 'connections of %s share chains: %s' % (source, [chains.of(d) for d in connects])
    for action in ('smtp-auth', 'smtp-disconnect'):
        assert sorted(map(chains.of, chosen(mail, event__action=action))) == sorted(mine), action
    # Dovecot's own lines have neither pid nor port: of connections at once it can only be said that they are one of them.
    dovecot = chosen(documents, event__action='mail-auth', source__ip=source)
    assert len(dovecot) == count and {chains.of(d) for d in dovecot} <= set(mine), [chains.of(d) for d in dovecot]
    looks = chosen(documents, event__action='dns-client-query', event__module='dnstap', dns__question__name=reverse(source))
    assert len({asked(d) for d in looks}) == len(looks) == count, '%d look-ups of %s: %s' % (len(looks), source, sorted(d['message'] for d in looks))
    assert all(at(d, 'source.ip') == lab.MAIL and at(d, 'weir.dns.class') == 'rdns.ptr' for d in looks)
    assert sorted(map(chains.of, looks)) == sorted(mine), 'look-ups of %s: %s\nconnections: %s' % (source, sorted(map(str, map(chains.of, looks))), sorted(mine))
    if count == 1:      # of many at once what was said first may have been less sure
        kind, rule, sure = max(chains.verdict[chains.key(d)] for d in connects + looks if chains.verdict[chains.key(d)][1] == 'L1')
        assert kind == 'connection' and sure >= confidence, (kind, rule, sure)
    by_question = {asked(d): chains.of(d) for d in looks}
    answers = chosen(documents, event__action='dns-client-response', event__module='dnstap', dns__question__name=reverse(source))
    assert {asked(d): chains.of(d) for d in answers} == by_question, (sorted((asked(d), chains.of(d)) for d in answers), sorted(by_question.items()))
    assert all(at(d, 'dns.response_code') == 'NXDOMAIN' for d in answers)
    logged = [d for d in chosen(documents, event__action='dns-client-query', dns__question__name=reverse(source)) if at(d, 'event.module') != 'dnstap']
    assert len(logged) == count, [d['message'] for d in logged]
    if at(logged[0], 'source.port') is not None:        # Unbound's log has none
        assert sorted((at(d, 'source.port'), chains.of(d)) for d in logged) == sorted((port, c) for (port, _), c in by_question.items())
    else:
        assert sorted(map(chains.of, logged)) == sorted(mine)
    return set(mine)


def check_chase(chains, documents, mine):
    """Every query of the resolver for the delegation's servers, or their domain, is of one chain, the cut's, caused by connections alone."""
    chase = [d for d in documents if at(d, 'event.action') == 'dns-resolver-query' and at(d, 'dns.question.name') in [*NAMES, 'faraisp.ir']]
    cuts = {chains.of(d) for d in chase}
    assert chase and len(cuts) == 1 and None not in cuts and not cuts & mine, [(d['message'], chains.of(d)) for d in chase]
    for d in chase:
        kind, rule, confidence = chains.verdict[chains.key(d)]
        assert (kind, rule) == ('cut', 'L8') and confidence >= 80, (d, kind, rule, confidence)
        assert chains.causes(d) and chains.causes(d) <= mine, (d['message'], chains.causes(d))
    return chase


def story(resolver, order, confidence, link=''):
    s = Story(resolver, link)
    try:
        # Somebody has a lease; the questions of that address are theirs.
        address = s.site.lease()
        s.wait('the lease', lambda d: at(d, 'event.action') == 'dhcp-ack' and at(d, 'client.ip') == address)
        port, code = s.site.ask('www.nic.ir')
        assert code == 0
        s.wait('the question in the log and in dnstap', lambda d: at(d, 'event.action') == 'dns-client-query' and at(d, 'dns.question.name') == 'www.nic.ir', 2)
        for d in chosen(s.documents, event__action='dns-client-query', dns__question__name='www.nic.ir'):
            assert at(d, 'source.ip') == address and at(d, 'source.domain') == 'alice-laptop', d
            assert at(d, 'source.mac') == lab.CLIENT_MAC.upper().replace(':', '-') and at(d, 'weir.identity.kind') == 'dhcp', d
            assert at(d, 'source.port') in (port, None) and at(d, 'weir.chain.id') is None and 'tags' not in d, d
        assert 'alice-laptop' in weir('who', address)

        # The guesser, while weird is asked.
        done = 0
        for source, count in order:
            s.guess(source, count)
            done += count
            name = s.chased()
            harness.until(lambda n=done, x=name: failures_behind(x) == n, '%d failures behind %s' % (done, name), alive=s.weird)
        documents = s.finish()
        assert not [d for d in documents if 'tags' in d and 'rsyslogd' not in d['message']], [d for d in documents if 'tags' in d]
        chains = Chains(documents)
        mine = set()
        for source, count in order:
            mine |= check_connection(chains, documents, source, count, confidence)
        assert len(mine) == done
        chase = check_chase(chains, documents, mine)
        names = {at(d, 'dns.question.name') for d in chase}
        assert not [d for d in documents if at(d, 'event.action') == 'dns-client-query' and at(d, 'dns.question.name') in NAMES]
        assert name in names
        if resolver == 'bind':
            kinds = {(at(d, 'dns.question.name'), at(d, 'dns.question.type')) for d in chase}
            assert kinds == {(n, t) for n in NAMES for t in ('A', 'AAAA')}, kinds

        # The sentence, and its counts against what was done and what is in the store.
        w = why(name)
        print(w['sentence'])
        asked = len(chosen(chase, dns__question__name=name))
        assert (w['finding'], w['cut'], w['client_queries'], w['resolver_queries'], w['chase_queries']) == ('chase', CUT, 0, asked, len(chase)), w
        assert w['names'] == {n: len(chosen(chase, dns__question__name=n)) for n in names}, w
        have = {a['ip']: a for a in w['addresses']}
        assert {ip: (a['reverse'], a['lookups'], a['connections'], a['auth_failures'], a['auth_successes'], a['messages'], a['failures'])
                for ip, a in have.items()} == {ip: (reverse(ip), n, n, n, 0, 0, {'SASL LOGIN': n}) for ip, n in order}, w
        for text in (name, ONE, TWENTY, reverse(ONE), reverse(TWENTY), CUT, 'connected to postfix/smtpd on mail %d times' % done, '%d SASL LOGIN failures' % done):
            assert text in w['sentence'], (text, w['sentence'])

        # SQLite's own shell, beside weird; at midnight there are two files.
        rows = [s.site.sqlite3('%s/store/%s' % (s.weird.data, f), "PRAGMA integrity_check; SELECT count(*) FROM log; SELECT count(*) FROM log WHERE "
                               "host = 'mail' AND program = 'postfix/smtpd' AND message LIKE '%]: SASL LOGIN authentication failed: %'")
                for f in os.listdir(s.weird.data + '/store') if f.endswith('.db')]
        assert all(r[0] == 'ok' for r in rows), rows
        assert [sum(int(r[i]) for r in rows) for i in (1, 2)] == [len(documents), done], rows
        s.weird.stop()
    finally:
        s.site.remove()


def test_bind():
    """One connection on a cold cache, then twenty at once. As shipped, nobody has said which address is the mail server's."""
    story('bind', [(ONE, 1), (TWENTY, 20)], 60)


def test_unbound():
    """Twenty at once on a cold cache, then one; the mail server's address is configured. On a busy machine the twenty's delays make two peaks of the
    clocks' histogram, and 60 is what is left of the confidence then."""
    story('unbound', [(TWENTY, 20), (ONE, 1)], 60, 'hosts => { "mail" => ["%s"] }' % lab.MAIL)


lab.enter()
harness.main()
