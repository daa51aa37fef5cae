#!/usr/bin/env python3
"""outputs_email.py - the email output against aiosmtpd: what arrives, TLS and authentication, and a server that refuses, dies and comes back."""
import email
import email.policy
import os
import socket
import ssl
import stat
import sys
import threading

import harness
from certificates import certificate, path
from outputs import Drive

sys.path.insert(0, os.path.join(harness.PARTS, 'smtp/usr/lib/python3/dist-packages'))
TEXT = 'a line of a log, as long as lines are: connect from unknown[192.0.2.1]'


class Server:
    """answer(server, what, envelope, address) -> an SMTP answer or None for the usual; what: rcpt, data."""

    def __init__(self, answer=None, port=None, **kw):
        from aiosmtpd.controller import Controller
        outer = self
        self.port, self.kw = port or harness.free_port(), kw
        self.answer = answer or (lambda s, what, e, a: None)
        self.lock, self.mails, self.seen = threading.Lock(), [], 0

        class Handler:
            async def handle_RCPT(self, server, session, envelope, address, options):
                said = outer.answer(outer, 'rcpt', envelope, address)
                if said is None:
                    envelope.rcpt_tos.append(address)
                return said or '250 OK'

            async def handle_DATA(self, server, session, envelope):
                with outer.lock:
                    outer.seen += 1
                    said = outer.answer(outer, 'data', envelope, None)
                    if said is None:
                        outer.mails.append((envelope.mail_from, list(envelope.rcpt_tos), email.message_from_bytes(envelope.content, policy=email.policy.default),
                                            bool(session.ssl), session.authenticated))
                return said or '250 OK'

        class Loop(Controller):
            def factory(self):
                from aiosmtpd.smtp import SMTP
                return SMTP(self.handler, hostname='mail.test', **outer.kw)

        self.make = lambda: Loop(Handler(), hostname='127.0.0.1', port=self.port)
        self.start()

    def start(self):
        self.controller = self.make()
        self.controller.start()

    def stop(self):
        self.controller.stop()


def conf(s, more='', subject='n %{n}'):
    return 'email { to => "to@weir.test" address => "127.0.0.1" port => %d subject => "%s" body => "%%{message}" %s }' % (s.port, subject, more)


def finish(drive, server, events, dead=0, twice=False):
    st = drive.stats()
    assert st['routed'] + st['reloaded'] == events and st['left'] == 0 and st['dropped'] == 0 and st['unsent'] == 0, st
    assert st['delivered'] == events - dead and st['dead_letter'] == dead, st
    got = [m['Subject'] for _, _, m, _, _ in server.mails]
    assert len(set(got)) == events - dead and (twice or len(got) == len(set(got))), (len(got), len(set(got)))
    return st


def test_mails():
    harness.part('smtp', 'usr/lib/python3/dist-packages/aiosmtpd')
    s = Server()
    finish(Drive('mails', conf(s, 'from => "Weir <weir@weir.test>" cc => "Müller <a@weir.test>, b@weir.test" bcc => "c@weir.test" replyto => "r@weir.test"'), 60), s, 60)
    ids = set()
    for sender, to, m, tls, _ in s.mails:
        assert sender == 'weir@weir.test' and to == ['to@weir.test', 'a@weir.test', 'b@weir.test', 'c@weir.test'], (sender, to)
        assert m['From'] == 'Weir <weir@weir.test>' and m['To'] == 'to@weir.test' and m['Reply-To'] == 'r@weir.test' and 'c@weir.test' not in str(m), m
        assert [a.display_name for a in m['Cc'].addresses] == ['Müller', ''] and not tls
        assert m.get_content().replace('\r', '') == TEXT + '\n' and m['Date'].datetime.tzinfo, m
        ids.add(m['Message-ID'])
    assert len(ids) == 60


def test_parts():
    """HTML by a template, attachments, texts that are not ASCII or would break a header or a part."""
    harness.part('smtp', 'usr/lib/python3/dist-packages/aiosmtpd')
    template, attached = os.path.join(harness.work, 't.html'), os.path.join(harness.work, 'a b.bin')
    with open(template, 'w', encoding='utf-8') as f:
        f.write('<b>{{message}}</b>{{#nothing}}no{{/nothing}}{{^nothing}}none{{/nothing}}')
    with open(attached, 'wb') as f:
        f.write(bytes(range(256)) * 100)
    s = Server()
    hard = '.\\n..dots\\n--=_weir_mixed\\nContent-Type: x/y\\n\\nü'
    d = Drive('parts', 'email { to => "to@weir.test" address => "127.0.0.1" port => %d subject => "Grüße, and much more than one line of a header takes: %%{n}\r\nBcc: evil@weir.test" '
              'body => "%s" template_file => "%s" attachments => ["%s", "/nonexistent/x"] }' % (s.port, hard, template, attached), 1)
    assert d.stats()['delivered'] == 1
    (_, to, m, _, _), = s.mails
    assert to == ['to@weir.test'] and m['Bcc'] is None, m
    assert m['Subject'].startswith('Grüße, and much') and m['Subject'].endswith('takes: 0  Bcc: evil@weir.test'), m['Subject']
    assert m.get_content_type() == 'multipart/mixed'
    body, first, second = m.iter_parts()
    text, html = body.iter_parts()
    assert text.get_content() == hard.replace('\\n', '\n'), text.get_content()
    assert html.get_content().rstrip() == '<b>%s</b>none' % TEXT, html.get_content()
    assert first.get_filename() == 'a b.bin' and first.get_content() == bytes(range(256)) * 100
    assert second.get_filename() == 'x' and b'could not be read' in second.get_content()
    s = Server()
    d = Drive('html', conf(s, 'htmlbody => "<i>%{n}</i>"'), 1)
    assert d.stats()['delivered'] == 1
    assert [p.get_content_type() for p in s.mails[0][2].iter_parts()] == ['text/plain', 'text/html']
    assert list(s.mails[0][2].iter_parts())[1].get_content().strip() == '<i>0</i>'


def test_refusals():
    harness.part('smtp', 'usr/lib/python3/dist-packages/aiosmtpd')
    # Not now: again.
    s = Server(lambda s, what, e, a: '451 not now' if what == 'data' and s.seen <= 3 else None)
    st = finish(Drive('451', conf(s), 20), s, 20)
    assert s.seen >= 23, (s.seen, st)
    # Never: a dead letter, the others arrive.
    s = Server(lambda s, what, e, a: '550 no such user' if what == 'rcpt' and a.startswith('3@') else None)
    d = Drive('550', 'email { to => "%%{n}@weir.test" address => "127.0.0.1" port => %d subject => "%%{n}" }' % s.port, 20)
    finish(d, s, 20, dead=1)
    x, = d.dead_letters()
    assert x['status'] == 550 and x['index'] == '3@weir.test' and 'Subject: 3' in x['document'], x
    # Of two recipients one is unknown.
    s = Server(lambda s, what, e, a: '550 no such user' if what == 'rcpt' and a.startswith('no@') else None)
    d = Drive('some', conf(s, 'cc => "no@weir.test"'), 5)
    finish(d, s, 5)
    assert all(to == ['to@weir.test'] for _, to, _, _, _ in s.mails) and any('some of its recipients' in x for x in d.lines)
    # The mail itself.
    s = Server(lambda s, what, e, a: '554 spam' if what == 'data' and b'Subject: n 7\r' in e.content else None)
    finish(Drive('554', conf(s), 20), s, 20, dead=1)
    # No address at all.
    s = Server()
    d = Drive('none', 'email { to => "not an address" address => "127.0.0.1" port => %d }' % s.port, 2)
    st = d.stats()
    assert st['dead_letter'] == 2 and not s.mails, st


def test_outages():
    harness.part('smtp', 'usr/lib/python3/dist-packages/aiosmtpd')
    port = harness.free_port()

    class Nobody:
        pass
    Nobody.port = port
    d = Drive('dead', conf(Nobody), 100)
    d.line('trying again')
    gone = threading.Event()

    def answer(s, what, e, a):
        if s.seen == 50:
            gone.set()
    s = Server(answer, port=port)
    assert gone.wait(harness.SECONDS)
    s.stop()
    s.start()
    finish(d, s, 100, twice=True)
    s.stop()
    d = Drive('unsent', conf(Nobody), 10, seconds=1)
    assert d.stats()['unsent'] == 10
    s = Server(port=port)
    finish(Drive('unsent', conf(s), 0), s, 10)


def test_tls_and_login():
    harness.part('smtp', 'usr/lib/python3/dist-packages/aiosmtpd')
    from aiosmtpd.smtp import AuthResult, LoginPassword
    certificate('server', 'weir test', names='IP:127.0.0.1')
    tls = path('server.pem'), path('server.key')
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*tls)

    def authenticator(server, session, envelope, mechanism, data):
        return AuthResult(success=data == LoginPassword(b'weir', b'secret'))
    kw = {'tls_context': context, 'require_starttls': True, 'authenticator': authenticator, 'auth_required': True}
    for how in ('', 'authentication => "login"', 'authentication => "plain"'):
        s = Server(**kw)
        finish(Drive('login' + how[-4:-1], conf(s, 'use_tls => true username => "weir" password => "secret" ssl_certificate_authorities => ["%s"] %s' % (tls[0], how)), 10), s, 10)
        assert all(t and a for _, _, _, t, a in s.mails)
    for name, more in {'wrong': 'use_tls => true username => "weir" password => "sEcret" ssl_verification_mode => none',
                       'stranger': 'use_tls => true username => "weir" password => "secret"',
                       'plain': 'username => "weir" password => "secret"'}.items():
        s = Server(**kw)
        d = Drive(name, conf(s, more), 5, seconds=1)
        st = d.stats()
        assert st['unsent'] == 5 and st['dead_letter'] == 0 and not s.mails, (name, st)
        assert any(' error ' in x or ' warn ' in x for x in d.lines) and not any('sEcret' in x or 'secret' in x for x in d.lines), d.tail()
    # A server without TLS gets nothing.
    s = Server()
    st = Drive('no-tls', conf(s, 'use_tls => true'), 5, seconds=1).stats()
    assert st['unsent'] == 5 and not s.mails, st


def test_stopped_in_the_middle():
    """A mail that is half sent when weird stops does not get its final dot: the server must not take the half for the whole."""
    attached, ended, got = os.path.join(harness.work, 'big'), threading.Event(), []
    with open(attached, 'wb') as f:
        f.write(b'x' * 20000000)
    listener = socket.create_server(('127.0.0.1', 0))

    def serve():
        c, _ = listener.accept()
        f = c.makefile('rb')
        c.sendall(b'220 mail.test\r\n')
        while True:
            word = f.readline()[:4].upper()
            c.sendall(b'354 go on\r\n' if word == b'DATA' else b'250 OK\r\n')
            if word == b'DATA':
                break
        assert ended.wait(harness.SECONDS)
        got.append(f.read())
        c.close()
    server = threading.Thread(target=serve, daemon=True)
    server.start()
    d = Drive('middle', 'email { to => "a@weir.test" address => "127.0.0.1" port => %d attachments => ["%s"] }' % (listener.getsockname()[1], attached), 1, seconds=1)
    st = d.stats()
    ended.set()
    server.join(harness.SECONDS)
    assert st['unsent'] == 1 and st['delivered'] == 0, st
    assert 1000 < len(got[0]) < 20000000 and b'\r\n.\r\n' not in got[0], (len(got[0]), got[0][-100:])


def test_sendmail():
    program, box = os.path.join(harness.work, 'program'), os.path.join(harness.work, 'box')
    with open(program, 'w', encoding='ascii') as f:
        f.write('#!/bin/sh\nfor a; do last=$a; done\n[ "$last" = 3@weir.test ] && exit 67\n[ "$last" = 4@weir.test ] && [ ! -e %s.4 ] && { touch %s.4; exit 75; }\n'
                '{ echo "ARGS $*"; cat; } > %s.$$.tmp && mv %s.$$.tmp %s.$$.mail\n' % (box, box, box, box, box))
    os.chmod(program, stat.S_IRWXU)
    d = Drive('sendmail', 'email { via => sendmail sendmail_path => "%s" to => "%%{n}@weir.test" from => "weir@weir.test" subject => "n %%{n}" body => "%%{message}" }' % program, 10)
    st = d.stats()
    assert st['delivered'] == 9 and st['dead_letter'] == 1, st
    mails = [open(os.path.join(harness.work, x), encoding='ascii').read() for x in os.listdir(harness.work) if x.endswith('.mail')]
    assert len(mails) == 9
    for m in mails:
        args, _, rest = m.partition('\n')
        message = email.message_from_string(rest, policy=email.policy.default)
        n = message['Subject'][2:]
        assert args == 'ARGS -i -f weir@weir.test -- %s@weir.test' % n and message.get_content() == TEXT + '\n' and '\r' not in rest, m
    d = Drive('absent', 'email { via => sendmail sendmail_path => "/nonexistent/sendmail" to => "a@weir.test" }', 2, seconds=1)
    assert d.stats()['unsent'] == 2


if __name__ == '__main__':
    harness.main()
