"""senders.py - a real rsyslog and a real syslog-ng that forward what they are told, unpacked below build/parts.

Both take messages from a datagram socket of their own in the test's folder (as /dev/log is one) and send them on to weird, and write out what
they hold when they are asked to stop. rsyslog tells by sd_notify when it is ready, syslog-ng (which does so under systemd only) by that socket.
"""
import glob
import os
import socket

import harness


class Sender(harness.Program):
    """log(): one message as a program of this machine would log it, blocking while the daemon is behind."""

    def begin(self, name, command, path, env, notifies=True):
        ready = harness.Ready(name)
        super().__init__(name, command, env=dict(env, **ready.env))
        if notifies:
            ready.wait(self)
        else:
            harness.until(lambda: os.path.exists(path), 'its socket', alive=self)
        self.s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        harness.until(lambda: self.s.connect_ex(path) == 0, 'its socket', alive=self)

    def log(self, text):
        self.s.send(text.encode() if isinstance(text, str) else text)

    def stop(self, seconds=harness.SECONDS):
        self.s.close()
        return super().stop(seconds)


class Rsyslog(Sender):
    templates = {'3164': 'RSYSLOG_TraditionalForwardFormat', '3164-iso': 'RSYSLOG_ForwardFormat', '5424': 'RSYSLOG_SyslogProtocol23Format'}

    def __init__(self, port, proto='udp', framing='traditional', template='5424', action='', extra='', part='rsyslog'):
        """`action`: further parameters of the forwarding action, as the README shows them; part: below build/parts."""
        root = harness.part(part, 'usr/sbin/rsyslogd')
        modules = glob.glob(root + '/usr/lib/*/rsyslog')[0]
        path = os.path.join(harness.work, 'rsyslog.log')
        spool = os.path.join(harness.work, 'rsyslog.spool')
        os.makedirs(spool)
        conf = os.path.join(harness.work, 'rsyslog.conf')
        with open(conf, 'w', encoding='utf-8') as f:
            f.write('global(workDirectory="%s" maxMessageSize="64k" parser.permitSlashInProgramName="on" net.enableDNS="off"\n'
                    '       parser.escapeControlCharactersOnReceive="off" localHostname="sender.example")\n'
                    'module(load="imuxsock" sysSock.use="off")\n'
                    'input(type="imuxsock" socket="%s" useSysTimeStamp="off" ignoreTimestamp="off" usePIDFromSystem="off" rateLimit.interval="0")\n'
                    '%s\n'
                    'action(type="omfwd" target="127.0.0.1" port="%d" protocol="%s" %s template="%s" %s)\n' % (
                        spool, path, extra, port, proto, 'TCP_Framing="%s"' % framing if proto == 'tcp' else '',
                        self.templates[template], action))
        self.begin('rsyslogd', [root + '/usr/sbin/rsyslogd', '-n', '-f', conf, '-i', os.path.join(harness.work, 'rsyslogd.pid'), '-M', modules],
                   path, {'LD_LIBRARY_PATH': ':'.join(glob.glob(root + '/usr/lib/*-linux-*') + glob.glob(root + '/lib/*-linux-*'))})


class SyslogNg(Sender):
    def __init__(self, port, proto='udp', framing='traditional', template='5424'):
        root = harness.part('syslog-ng', 'usr/sbin/syslog-ng')
        libs = glob.glob(root + '/usr/lib/*-linux-*') + glob.glob(root + '/lib/*-linux-*') + [root + '/usr/lib/syslog-ng']
        modules = glob.glob(root + '/usr/lib/syslog-ng/*')[0]
        path = os.path.join(harness.work, 'syslog-ng.log')
        conf = os.path.join(harness.work, 'syslog-ng.conf')
        if framing == 'octet-counted':          # syslog-ng counts octets for RFC 5424 only
            assert template == '5424'
            driver = 'syslog("127.0.0.1" transport("tcp") port(%d))' % port
        else:
            driver = 'network("127.0.0.1" transport("%s") port(%d)%s)' % (proto, port, ' flags(syslog-protocol)' if template == '5424' else '')
        with open(conf, 'w', encoding='utf-8') as f:
            f.write('@version: 3.38\n'
                    'options { stats-freq(0); log-msg-size(65536); keep-hostname(no); use-dns(no); chain-hostnames(no); time-reopen(1);\n'
                    '          flush-lines(1); };\n'
                    'source in { unix-dgram("%s" so-rcvbuf(1048576)); };\n'
                    'destination out { %s; };\n'
                    'log { source(in); destination(out); flags(flow-control); };\n' % (path, driver))
        self.begin('syslog-ng', [root + '/usr/sbin/syslog-ng', '-F', '--no-caps', '-f', conf, '-R', harness.work + '/ng.persist',
                                 '-p', harness.work + '/ng.pid', '-c', harness.work + '/ng.ctl', '--module-path', modules],
                   path, {'LD_LIBRARY_PATH': ':'.join(libs + [modules])}, notifies=False)
