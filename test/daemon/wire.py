#!/usr/bin/env python3
"""wire.py - a real rsyslog and a real syslog-ng send to weird, over UDP, TCP and with octet counting, in RFC 3164 and 5424; weird writes a
file, and every document is compared with what was logged."""
import datetime
import os
import zoneinfo

import harness
import senders

ZONE = 'Europe/Berlin'
COUNT = 300
WINDOW = 50             # messages under way at once: Debian's UDP buffer holds some 270

CONF = '''
input { syslog { host => "127.0.0.1" port => %d %s } }
output { file { path => "%s" codec => json_lines } }
'''

TEXTS = ('plain text', 'w\u00f6rld \u65e5\u672c\u8a9e \U0001f600', 'quotes " and \\ and \\n', '[brackets] {braces} <13> %%{field}', 'a: b: c',
         '7 starts with a count', '<34>Oct 11 22:14:15 nested su: header', '2026-01-02T03:04:05Z a date first', 'tab\there', 'x' * 6000,
         'trailing spaces', '- - - nil nil', '[x@1 a="b"] looks like structured data', 'ends in colon:', "apostrophe's", '\u00e9' * 700)
PROGRAMS = (('app', '7'), ('postfix/smtpd', '3150'), ('sshd', '65535'), ('CRON', '1'), ('kernel', None), ('systemd-logind', '42'), ('dhcpd', None))


def logged():
    """(text for the sender's socket, what the document must hold) of each message."""
    # Not the present: rsyslog puts its own microseconds to a stamp of this very second.
    now = datetime.datetime.now(zoneinfo.ZoneInfo(ZONE)).replace(microsecond=0) - datetime.timedelta(seconds=100)
    out = []
    for i in range(COUNT):
        program, pid = PROGRAMS[i % len(PROGRAMS)]
        facility, severity = 1 + i % 23, i % 8
        when = now - datetime.timedelta(seconds=i * 977)
        text = '%s #%d' % (TEXTS[i % len(TEXTS)], i)
        line = '<%d>%s %s%s: %s' % (facility * 8 + severity, when.strftime('%b %e %H:%M:%S'), program, '[%s]' % pid if pid else '', text)
        out.append((line, {'message': text, 'program': program, 'pid': pid, 'facility': facility, 'severity': severity,
                           'priority': facility * 8 + severity, 'at': when}))
    return out


def exchange(sender_class, proto, framing, template, options=''):
    os.environ['TZ'] = ZONE
    port, path = harness.free_port(), os.path.join(harness.work, 'out.ndjson')
    lines = harness.Lines(path)
    weird = harness.Weird(CONF % (port, options, path))
    sender = sender_class(port, proto, framing, template)
    sent = logged()
    for k in range(0, COUNT, WINDOW):
        for line, _ in sent[k:k + WINDOW]:
            sender.log(line)
        documents = lines.documents(k + len(sent[k:k + WINDOW]), alive=weird)
    compare(sent, documents, template)
    sender.stop()
    weird.stop()
    assert len(lines.wait(COUNT)) == COUNT, 'more documents than messages'


def compare(sent, documents, template):
    host = None
    for (line, want), have in zip(sent, documents):
        for key in ('message', 'program', 'pid', 'facility', 'severity', 'priority'):
            value = have.get(key)
            if key == 'message' and template == '5424':
                value = value.removeprefix(' ')         # rsyslog's %msg% begins with the blank behind the colon
            if key == 'pid' and template == '5424' and value == '-':
                value = None
            assert value == want[key], '%s is %r, not %r\nsent  %r\nhave  %r' % (key, value, want[key], line[:200], have)
        at = datetime.datetime.fromisoformat(have['@timestamp'].replace('Z', '+00:00'))
        assert at == want['at'], '@timestamp is %s, not %s\nsent  %r' % (have['@timestamp'], want['at'], line[:200])
        assert have['@version'] == '1' and 'tags' not in have, have
        host = host or have['logsource']
        assert have['logsource'] == host and host, have


def cases(sender_class):
    for proto, framing in (('udp', 'traditional'), ('tcp', 'traditional'), ('tcp', 'octet-counted')):
        for template in ('3164', '5424'):
            if sender_class is senders.SyslogNg and framing == 'octet-counted' and template == '3164':
                continue        # it cannot
            name = '%s_%s_%s' % (proto, framing.split('-')[0], template)
            yield name, lambda p=proto, f=framing, t=template: exchange(sender_class, p, f, t)


for word, class_ in (('rsyslog', senders.Rsyslog), ('syslog_ng', senders.SyslogNg)):
    for case, run in cases(class_):
        globals()['test_%s_%s' % (word, case)] = run
test_rsyslog_tcp_iso = lambda: exchange(senders.Rsyslog, 'tcp', 'traditional', '3164-iso')      # noqa: E731

harness.main()
