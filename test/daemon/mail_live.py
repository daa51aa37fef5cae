#!/usr/bin/env python3
"""mail_live.py - the email output towards a real Postfix with Dovecot's authentication, in the namespaces of lab.py: what lies in the mailbox is what was
sent, over STARTTLS, with a password; who has none is refused, and the refused mails are dead letters."""
import email
import email.policy
import json
import os
import shutil
import socket

import harness
import lab
from certificates import certificate, path

MAIN = lab.POSTFIX_MAIN.replace('smtpd_tls_security_level = none', '''smtpd_tls_security_level = may
smtpd_tls_auth_only = yes
smtpd_tls_cert_file = /etc/postfix/server.pem
smtpd_tls_key_file = /etc/postfix/server.key
smtpd_peername_lookup = no
disable_dns_lookups = yes
virtual_mailbox_domains = corp.example
virtual_mailbox_maps = static:inbox/
virtual_mailbox_base = /var/mail
virtual_uid_maps = static:65534
virtual_gid_maps = static:65534
virtual_minimum_uid = 100''')
MASTER = lab.POSTFIX_MASTER + '''qmgr      unix  n       -       n       300     1       qmgr
virtual   unix  -       n       n       -       -       virtual
defer     unix  -       -       n       -       0       bounce
trace     unix  -       -       n       -       0       bounce
error     unix  -       -       n       -       -       error
retry     unix  -       -       n       -       -       error
tlsmgr    unix  -       -       n       1000?   1       tlsmgr
'''
CONF = '''
input { generator { count => %d message => "Grüße: a line, and one that begins with a dot\\n.\\n..and ends" } }
output { email { to => "alice@corp.example" from => "weir@corp.example" address => "%s" port => 25 subject => "number %%{sequence}" body => "%%{message}"
  use_tls => true ssl_certificate_authorities => ["%s"] %s } }
'''


class Site:
    def __enter__(self):
        self.lab = lab.Lab()
        host = self.lab.mail
        certificate('ca', 'authority')
        certificate('server', 'server', 'ca', 'IP:' + lab.MAIL)
        os.makedirs(host.root + '/etc/postfix', exist_ok=True)
        for name in ('server.pem', 'server.key'):
            shutil.copy(path(name), host.root + '/etc/postfix/' + name)
        host.folder('/var/mail', 'nobody')
        self.box = host.root + '/var/mail/inbox/new'
        host.syslog('*.* /var/log/all')
        dovecot, postfix = self.lab.start_mail(MAIN, MASTER)
        self.log = harness.Lines(host.root + '/var/log/all')
        harness.until(lambda: os.path.exists(host.root + '/var/spool/postfix/private/auth'), "Dovecot's socket", alive=dovecot)
        harness.until(self.greets, 'Postfix answers', alive=postfix)
        return self

    def greets(self):
        with socket.socket() as s:
            s.settimeout(10)
            return s.connect_ex((lab.MAIL, 25)) == 0 and s.recv(100).startswith(b'220')

    def mails(self):
        names = os.listdir(self.box) if os.path.isdir(self.box) else []
        return [email.message_from_bytes(open(os.path.join(self.box, n), 'rb').read(), policy=email.policy.default) for n in names]

    def __exit__(self, *what):
        if what[0]:
            self.log.take()
            print(b'\n'.join(self.log.lines[-20:]).decode('utf-8', 'replace'))
        self.lab.remove()


def test_postfix():
    with Site() as site:
        count = 50
        weird = harness.Weird(CONF % (count, lab.MAIL, path('ca.pem'), 'authentication => plain username => "alice" password => "correct horse"'))
        assert weird.wait() == 0 and not weird.complaints(), weird.tail()
        harness.until(lambda: len(site.mails()) == count, 'all are in the mailbox')
        for m in site.mails():
            assert m['From'] == 'weir@corp.example' and m['To'] == 'alice@corp.example' and ' ESMTPSA ' in m['Received'], m
            assert m.get_content().replace('\r', '').rstrip('\n') == 'Grüße: a line, and one that begins with a dot\n.\n..and ends', m.get_content()
        assert sorted(m['Subject'] for m in site.mails()) == sorted('number %d' % i for i in range(count))


def test_refused():
    """Without a password it is no relay: each mail is refused for good, none is lost."""
    with Site() as site:
        weird = harness.Weird(CONF % (3, lab.MAIL, path('ca.pem'), ''))
        weird.expect('refused for good')
        assert weird.wait() == 0 and not weird.complaints(), weird.tail()
        letters = harness.Lines(os.path.join(weird.data, 'dead-letter.ndjson')).documents(3)
        assert len(letters) == 3 and all('554' in json.dumps(x) or '530' in json.dumps(x) for x in letters), letters
        assert site.mails() == []


lab.enter()
harness.main()
