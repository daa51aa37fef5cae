"""lab.py - a small site in namespaces: hosts on one cable, each with real daemons in a root of its own. Needs root.

The test program runs itself once more within namespaces for mounts, pids and network (enter()). All that it makes, interfaces, mounts and
processes, is known in there only and ends with its first process, whichever way that ends. The test's own network is the host `weir`.

A host is a network namespace with a cable to the bridge, a name, and a root folder below ROOTS: /usr is what scripts/parts.sh unpacked for
`lab`, read-only and the same for all; /etc, /var and /run are its own. Nothing of the machine's own configuration is seen or changed, and no
packet leaves: there is no route to anywhere.
"""
import os
import subprocess
import sys

import harness

ROOTS = '/mnt'      # within this program's mount namespace only; every Debian has the folder
INSIDE = 'WEIR_LAB_INSIDE'
USERS = {'root': 0, 'bind': 501, 'unbound': 502, 'postfix': 503, 'dovecot': 504, 'dovenull': 505, 'nobody': 65534}
GROUPS = dict(USERS, postdrop=601)

WEIR, RESOLVER, MAIL = '198.51.100.10', '198.51.100.53', '198.51.100.25'
ATTACKERS = ('185.137.111.145', '185.137.111.44')
CLIENT_MAC = 'f6:80:5f:1d:d1:95'


def enter():
    """Goes on within namespaces; comes back without them where there are none, and the tests then skip."""
    if INSIDE in os.environ or os.geteuid() != 0 or not harness.LIVE:
        return
    inside = ['unshare', '--mount', '--net', '--pid', '--fork', '--kill-child', '--mount-proc']
    if subprocess.run([*inside, 'true'], capture_output=True, check=False).returncode:
        return
    os.environ[INSIDE] = '1'
    os.execvp(inside[0], [*inside, sys.executable, *sys.argv])


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, '%s: %s%s' % (' '.join(command), done.stdout, done.stderr)
    return done.stdout


def touch(path):
    with open(path, 'x', encoding='utf-8'):
        pass


class Root:
    """A folder in which the unpacked programs find everything where they expect it."""

    def __init__(self, lab, name):
        self.lab, self.name, self.root = lab, name, '%s/%s' % (ROOTS, name)
        for d in ('usr', 'proc', 'dev', 'etc', 'run', 'tmp', 'root', 'var/tmp', 'var/log', 'var/lib', 'var/cache', 'var/spool'):
            os.makedirs('%s/%s' % (self.root, d))
        os.chmod(self.root + '/tmp', 0o1777)
        os.chmod(self.root + '/run', 0o1777)
        os.symlink('/run', self.root + '/var/run')
        for d in ('bin', 'sbin', 'lib', 'lib64'):
            os.symlink('usr/' + d, '%s/%s' % (self.root, d))
        self.bind(lab.part + '/usr', '/usr')
        run('mount', '-o', 'remount,bind,ro', self.root + '/usr')
        run('mount', '-t', 'proc', 'proc', self.root + '/proc')
        for d in ('null', 'zero', 'random', 'urandom'):
            touch('%s/dev/%s' % (self.root, d))
            self.bind('/dev/' + d, '/dev/' + d)
        self.write('/etc/passwd', ''.join('%s:x:%d:%d::/:/usr/sbin/nologin\n' % (u, n, n) for u, n in USERS.items()))
        self.write('/etc/group', ''.join('%s:x:%d:\n' % g for g in GROUPS.items()))

    def bind(self, path, at):
        run('mount', '--bind', path, self.root + at)

    def write(self, path, text, mode=0o644):
        path = self.root + path
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, 'w', encoding='utf-8') as f:
            f.write(text)
        os.chmod(path, mode)

    def folder(self, path, user, mode=0o755, group=None):
        os.makedirs(self.root + path, exist_ok=True)
        os.chmod(self.root + path, mode)
        os.chown(self.root + path, USERS[user], GROUPS[group or user])


class Host(Root):
    """A machine of the site: `addresses` with their prefix lengths; `mac` where it matters."""

    def __init__(self, lab, name, addresses, mac=None):
        super().__init__(lab, name)
        self.net, self.uts = '%s/net/%s' % (ROOTS, name), '%s/uts/%s' % (ROOTS, name)
        for path in (self.net, self.uts):
            touch(path)
        run('unshare', '--net=' + self.net, '--uts=' + self.uts, 'hostname', name)
        run(*self.lab.switch('ip', 'link', 'add', name, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', self.net))
        run(*self.lab.switch('ip', 'link', 'set', name, 'master', 'bridge', 'up'))
        self.ip('link', 'set', 'lo', 'up')
        if mac:
            self.ip('link', 'set', 'eth0', 'address', mac)
        self.ip('link', 'set', 'eth0', 'up')
        for a in addresses:
            self.address(a)
        self.write('/etc/nsswitch.conf', 'passwd: files\ngroup: files\nhosts: files dns\nservices: files\nprotocols: files\n')
        self.write('/etc/hosts', '127.0.0.1 localhost %s\n' % name)
        self.write('/etc/services', 'domain 53/tcp\ndomain 53/udp\nsmtp 25/tcp\nsyslog 514/udp\n')
        self.write('/etc/protocols', 'ip 0 IP\nicmp 1 ICMP\ntcp 6 TCP\nudp 17 UDP\n')
        self.write('/etc/resolv.conf', 'nameserver %s\n' % RESOLVER)

    def within(self, *command):
        """A command in this host's network, the machine's own files around it."""
        return ['nsenter', '--net=' + self.net, '--uts=' + self.uts, *command]

    def ip(self, *args):
        run(*self.within('ip', *args))

    def address(self, a):
        """All the world is on this cable: no router, every address is asked for by ARP."""
        six = ['-6'] if ':' in a else []
        self.ip(*six, 'address', 'add', a, 'dev', 'eth0', *(['nodad'] if six else []))
        self.ip(*six, 'route', 'replace', 'default', 'dev', 'eth0')

    def start(self, *command):
        """A daemon of this host, in the foreground."""
        return harness.Program('%s@%s' % (os.path.basename(command[0]), self.name), self.within('chroot', self.root, *command),
                               env={'PATH': '/usr/sbin:/usr/bin', 'LC_ALL': 'C', 'TZ': 'UTC'})

    def syslog(self, action):
        """rsyslogd, which hears this host's programs at /dev/log and sends everything on by `action`."""
        self.write('/etc/rsyslog.conf', 'global(workDirectory="/var/tmp" parser.permitSlashInProgramName="on")\nmodule(load="imuxsock")\n%s\n' % action)
        daemon = self.start('/usr/sbin/rsyslogd', '-n', '-i', 'NONE', '-f', '/etc/rsyslog.conf')
        harness.until(lambda: os.path.exists(self.root + '/dev/log'), '/dev/log of %s' % self.name, alive=daemon)


# Who serves what: {view: (addresses, {zone: records})}. One server plays them all, so that a resolver walks from the root down.
SOA = '$TTL %d\n@ SOA %s hostmaster.%s 1 3600 600 86400 %d\n@ NS %s\n'


def zone(server, text='', ttl=86400, negative=3600):
    return SOA % (ttl, server, server, negative, server) + text


NS = ['ns%d.faraisp.ir.' % i for i in range(1, 5)]
NS_ADDRESSES = ['185.137.108.%d' % i for i in range(11, 15)]
AUTHORITY = {
    'root': (['198.41.0.4'], {
        '.': zone('a.root-servers.net.', 'a.root-servers.net. A 198.41.0.4\nnet. NS a.gtld-servers.net.\na.gtld-servers.net. A 192.5.6.30\n'
                                         'ir. NS a.nic.ir.\na.nic.ir. A 193.189.123.2\n'),
        'arpa': zone('a.root-servers.net.', 'in-addr NS a.in-addr-servers\nin-addr-servers NS a.in-addr-servers\n'
                                            'a.in-addr-servers A 199.180.182.53\n'),
        'root-servers.net': zone('a', 'a A 198.41.0.4\n')}),
    'net': (['192.5.6.30'], {
        'net': zone('a.gtld-servers', 'a.gtld-servers A 192.5.6.30\nripe NS pri.authdns.ripe\npri.authdns.ripe A 193.0.9.5\n')}),
    'reverse': (['199.180.182.53'], {
        'in-addr.arpa': zone('a.in-addr-servers.arpa.', '185 NS pri.authdns.ripe.net.\n'),
        'in-addr-servers.arpa': zone('a', 'a A 199.180.182.53\n')}),
    # The delegation that the story is about: its servers are named in a domain elsewhere, so that no address can come with it.
    'registry': (['193.0.9.5'], {
        '185.in-addr.arpa': zone('pri.authdns.ripe.net.', ''.join('111.137 NS %s\n' % n for n in NS)),
        'ripe.net': zone('pri.authdns', 'pri.authdns A 193.0.9.5\n')}),
    'ir': (['193.189.123.2'], {
        'ir': zone('a.nic', 'a.nic A 193.189.123.2\nwww.nic A 193.189.123.80\n' + ''.join('faraisp NS %s\n%s A %s\n' % (n, n, a) for n, a in zip(NS[:2], NS_ADDRESSES)))}),
    'faraisp': (NS_ADDRESSES, {
        'faraisp.ir': zone('ns1', ''.join('@ NS %s\n%s 20 A %s\n' % (n, n, a) for n, a in zip(NS, NS_ADDRESSES)) + 'www A 185.137.108.80\n'),
        '111.137.185.in-addr.arpa': zone('ns1.faraisp.ir.', ''.join('@ NS %s\n' % n for n in NS[1:]), negative=10)}),
}

NAMED = '''
options { directory "/var/cache/bind"; pid-file none; session-keyfile "/run/session.key"; %s };
controls { };
'''
AUTHORITY_OPTIONS = "recursion no; dnssec-validation no; minimal-responses yes; notify no; allow-transfer { none; };"
# The logging is BIND's default: the query log goes to syslog, without a category in the line.
RESOLVER_OPTIONS = '''querylog yes; dnssec-validation no; allow-query { any; };
    dnstap { client; resolver; }; dnstap-output unix "/run/weird/dnstap.sock"; dnstap-identity "resolver";'''

UNBOUND = '''
server:
  interface: %s
  access-control: 0.0.0.0/0 allow
  do-daemonize: no
  username: "unbound"
  chroot: ""
  directory: "/etc/unbound"
  pidfile: ""
  use-syslog: yes
  log-queries: yes
  log-replies: yes
  log-tag-queryreply: yes
  num-threads: 1
  module-config: "iterator"
  root-hints: "/etc/unbound/root.hints"
remote-control:
  control-enable: no
dnstap:
  dnstap-enable: yes
  dnstap-socket-path: "/run/weird/dnstap.sock"
  dnstap-send-identity: yes
  dnstap-identity: "resolver"
  dnstap-send-version: yes
  dnstap-log-client-query-messages: yes
  dnstap-log-client-response-messages: yes
  dnstap-log-resolver-query-messages: yes
  dnstap-log-resolver-response-messages: yes
''' % RESOLVER
HINTS = '. 3600000 NS a.root-servers.net.\na.root-servers.net. 3600000 A 198.41.0.4\n'

POSTFIX_MAIN = '''
compatibility_level = 3.6
myhostname = mail.corp.example
mydestination =
inet_interfaces = all
inet_protocols = ipv4
local_recipient_maps =
alias_maps =
alias_database =
smtputf8_enable = no
smtpd_tls_security_level = none
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = private/auth
smtpd_sasl_security_options = noanonymous
smtpd_relay_restrictions = permit_sasl_authenticated, reject
'''
POSTFIX_MASTER = '''
smtp      inet  n       -       n       -       -       smtpd
cleanup   unix  n       -       n       -       0       cleanup
rewrite   unix  -       -       n       -       -       trivial-rewrite
proxymap  unix  -       -       n       -       -       proxymap
anvil     unix  -       -       n       -       1       anvil
bounce    unix  -       -       n       -       0       bounce
'''
# Dovecot makes somebody who guesses wait longer each time, up to 15 s: without that here, for the sake of the test's own time.
DOVECOT = '''
protocols =
base_dir = /run/dovecot
ssl = no
disable_plaintext_auth = no
auth_mechanisms = plain login
auth_verbose = yes
passdb {
  driver = passwd-file
  args = /etc/dovecot/users
}
userdb {
  driver = static
  args = uid=nobody gid=nobody home=/tmp
}
service anvil {
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
service auth {
  unix_listener /var/spool/postfix/private/auth {
    mode = 0660
    user = postfix
    group = postfix
  }
}
service stats {
  unix_listener stats-writer {
    mode = 0666
  }
}
'''

DHCPD = '''
authoritative;
default-lease-time 600;
max-lease-time 600;
subnet 10.20.0.0 netmask 255.255.255.0 {
  range 10.20.0.100 10.20.0.150;
  option domain-name-servers %s;
}
''' % RESOLVER
DHCLIENT = 'send host-name "alice-laptop";\nrequest subnet-mask, domain-name-servers;\n'
DHCLIENT_SCRIPT = '#!/bin/sh\necho "$reason $new_ip_address" >>/run/dhclient.said\n'

# One guess at a password: the lines of the server are printed, the last one must be the farewell.
GUESS = r'''
import base64, socket, sys, threading
source, target, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
together, said = threading.Barrier(count), []

def guess(i):
    s = socket.socket()
    s.settimeout(60)
    s.bind((source, 0))
    together.wait()
    s.connect((target, 25))
    f, codes = s.makefile('rb'), []
    def answer():
        line = f.readline()
        while line[3:4] == b'-':
            line = f.readline()
        codes.append(line[:3].decode())
    answer()
    for line in (b'EHLO guess.example', b'AUTH LOGIN', base64.b64encode(b'admin%d' % i), base64.b64encode(b'password'), b'QUIT'):
        s.sendall(line + b'\r\n')
        answer()
    s.close()
    said.append(' '.join(codes))

threads = [threading.Thread(target=guess, args=(i,)) for i in range(count)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print('\n'.join(said))
'''
REFUSED = '220 250 334 334 535 221'

# A question as a client's stub resolver asks it; prints the port it came from and the response code.
ASK = r'''
import socket, struct, sys
name, server = sys.argv[1], sys.argv[2]
q = b''.join(bytes([len(x)]) + x for x in name.encode().split(b'.')) + b'\0' + struct.pack('>HH', 1, 1)
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(5)
s.connect((server, 53))
for attempt in range(12):
    s.send(struct.pack('>6H', 4711, 0x100, 1, 0, 0, 0) + q)
    try:
        answer = s.recv(4096)
        break
    except socket.timeout:
        pass
print(s.getsockname()[1], answer[3] & 15)
'''


class Lab:
    """The site. weird is to hear at WEIR:514 and to have its dnstap socket at self.dnstap."""

    def __init__(self):
        if not harness.LIVE:
            harness.skip('./check --live: a site of real daemons is a big download, and needs root')
        if os.geteuid() != 0:
            harness.skip('a network namespace needs root')
        if INSIDE not in os.environ:
            harness.skip('no namespaces for mounts, pids and network can be made here')
        self.part = harness.part('lab', 'ready')
        run('mount', '-t', 'tmpfs', '-o', 'mode=0755', 'lab', ROOTS)
        for d in ('net', 'uts'):
            os.mkdir('%s/%s' % (ROOTS, d))
        touch(ROOTS + '/net/switch')
        run('unshare', '--net=%s/net/switch' % ROOTS, 'true')
        run(*self.switch('ip', 'link', 'add', 'bridge', 'type', 'bridge'))
        run(*self.switch('ip', 'link', 'set', 'bridge', 'up'))
        self.own_cable()
        self.mail = Host(self, 'mail', [MAIL + '/24'])
        self.resolver = Host(self, 'resolver', [RESOLVER + '/24', '2001:db8:100::53/64'])
        self.authority = Host(self, 'authority', [a + '/32' for addresses, _ in AUTHORITY.values() for a in addresses])
        self.attacker = Host(self, 'attacker', [a + '/32' for a in ATTACKERS])
        self.dhcp = Host(self, 'dhcp', ['10.20.0.1/24'])
        self.client = Host(self, 'client', [], CLIENT_MAC)
        self.tools = Root(self, 'tools')
        os.mkdir(self.resolver.root + '/run/weird')
        self.dnstap = self.resolver.root + '/run/weird/dnstap.sock'

    def switch(self, *command):
        return ['nsenter', '--net=%s/net/switch' % ROOTS, *command]

    def own_cable(self):
        """The test itself, and so weird, is a host on the bridge."""
        run('ip', 'link', 'set', 'lo', 'up')
        run('ip', 'link', 'add', 'eth0', 'type', 'veth', 'peer', 'name', 'weir', 'netns', ROOTS + '/net/switch')
        run(*self.switch('ip', 'link', 'set', 'weir', 'master', 'bridge', 'up'))
        run('ip', 'link', 'set', 'eth0', 'up')
        run('ip', 'address', 'add', WEIR + '/24', 'dev', 'eth0')
        run('ip', 'route', 'replace', 'default', 'dev', 'eth0')

    def remove(self):
        """Takes the site away for the next test. Without it the kernel does at the end of the program."""
        for p in reversed(harness.running):
            p.kill()
        run('ip', 'link', 'delete', 'eth0')
        run('umount', '--recursive', '--lazy', ROOTS)

    # ---- the daemons; each is ready when its start_*() is back, or says so in a line that weird must have got ----

    def start_authority(self):
        host, conf = self.authority, NAMED % AUTHORITY_OPTIONS
        for view, (addresses, zones) in AUTHORITY.items():
            conf += 'view "%s" {\n  match-destinations { %s };\n' % (view, ' '.join(a + ';' for a in addresses))
            for name, text in zones.items():
                path = '/etc/bind/%s.%s' % (view, name)
                host.write(path, text)
                conf += '  zone "%s" { type primary; file "%s"; };\n' % (name, path)
            conf += '};\n'
        host.write('/etc/bind/named.conf', conf)
        host.folder('/var/cache/bind', 'bind')
        # -g: what it says goes to its own output, and is no part of what weird hears.
        named = host.start('/usr/sbin/named', '-g', '-n', '1', '-u', 'bind', '-c', '/etc/bind/named.conf')
        named.line(r' running$')
        return named

    def start_bind(self):
        host = self.resolver
        host.write('/etc/bind/root.hints', HINTS)
        host.write('/etc/bind/named.conf', NAMED % RESOLVER_OPTIONS + 'zone "." { type hint; file "/etc/bind/root.hints"; };\n')
        host.folder('/var/cache/bind', 'bind')
        return host.start('/usr/sbin/named', '-f', '-u', 'bind', '-c', '/etc/bind/named.conf')

    def start_unbound(self):
        host = self.resolver
        host.write('/etc/unbound/root.hints', HINTS)
        host.write('/etc/unbound/unbound.conf', UNBOUND)
        return host.start('/usr/sbin/unbound', '-d', '-c', '/etc/unbound/unbound.conf')

    def start_mail(self, main=POSTFIX_MAIN, master=POSTFIX_MASTER):
        host = self.mail
        host.write('/etc/postfix/main.cf', main)
        host.write('/etc/postfix/master.cf', master)
        host.write('/etc/postfix/dynamicmaps.cf', '')
        host.folder('/var/spool/postfix', 'root')
        for d in ('active', 'bounce', 'corrupt', 'defer', 'deferred', 'flush', 'hold', 'incoming', 'private', 'saved', 'trace'):
            host.folder('/var/spool/postfix/' + d, 'postfix', 0o700)
        host.folder('/var/spool/postfix/pid', 'root')
        host.folder('/var/spool/postfix/maildrop', 'postfix', 0o1730, 'postdrop')
        host.folder('/var/spool/postfix/public', 'postfix', 0o2710, 'postdrop')
        host.folder('/var/lib/postfix', 'postfix')
        host.write('/etc/dovecot/dovecot.conf', DOVECOT)
        host.write('/etc/dovecot/users', 'alice:{PLAIN}correct horse\n')
        return (host.start('/usr/sbin/dovecot', '-F', '-c', '/etc/dovecot/dovecot.conf'),
                host.start('/usr/lib/postfix/sbin/master', '-d', '-c', '/etc/postfix'))

    def start_dhcp(self):
        host = self.dhcp
        host.write('/etc/dhcp/dhcpd.conf', DHCPD)
        host.write('/var/lib/dhcp/dhcpd.leases', '')
        return host.start('/usr/sbin/dhcpd', '-f', '-q', '-4', '-cf', '/etc/dhcp/dhcpd.conf', '-lf', '/var/lib/dhcp/dhcpd.leases', '--no-pid', 'eth0')

    def sqlite3(self, database, sql):
        """Lines of the answer that sqlite3's own shell gives, beside the running weird."""
        folder = '/tmp/' + os.path.basename(os.path.dirname(database))
        os.mkdir(self.tools.root + folder)
        self.tools.bind(os.path.dirname(database), folder)
        out = run('chroot', self.tools.root, '/usr/bin/sqlite3', '-readonly', '%s/%s' % (folder, os.path.basename(database)), sql)
        run('umount', self.tools.root + folder)
        os.rmdir(self.tools.root + folder)
        return out.splitlines()

    # ---- what people do ----

    def lease(self):
        """The client asks for an address, takes it, and has it. The address."""
        host = self.client
        host.write('/etc/dhcp/dhclient.conf', DHCLIENT)
        host.write('/etc/dhcp/script', DHCLIENT_SCRIPT, 0o755)
        os.makedirs(host.root + '/var/lib/dhcp')
        said = harness.Lines(host.root + '/run/dhclient.said')
        dhclient = host.start('/usr/sbin/dhclient', '-4', '-d', '-cf', '/etc/dhcp/dhclient.conf', '-lf', '/var/lib/dhcp/dhclient.leases', '--no-pid',
                              '-sf', '/etc/dhcp/script', 'eth0')

        def bound():
            said.take()
            return next((x.split()[1].decode() for x in said.lines if x.startswith(b'BOUND ')), None)
        address = harness.until(bound, 'a lease', alive=dhclient)
        host.address(address + '/24')
        return address

    def guess(self, source, count=1):
        """`count` connections at once from one address, each with one failing login."""
        out = run(*self.attacker.within(sys.executable, '-c', GUESS, source, MAIL, str(count)))
        assert out.split('\n') == [REFUSED] * count + [''], out

    def ask(self, name):
        """The client asks for an address of the name; (its port, the response's code)."""
        port, code = run(*self.client.within(sys.executable, '-c', ASK, name, RESOLVER)).split()
        return int(port), int(code)
