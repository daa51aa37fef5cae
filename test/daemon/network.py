#!/usr/bin/env python3
"""network.py - two hosts and a cable: network namespaces of this test's own, joined by a veth pair. Needs root."""
import os
import subprocess
import sys
import uuid

import harness

CONF = '''
input { syslog { port => 514 } }
output { file { path => "%s" codec => json_lines } }
'''


class Hosts:
    """`weir` (10.9.8.1, fd09::1) hears, `sender` (10.9.8.2, 10.9.8.3, fd09::2) sends."""

    def __init__(self):
        if os.geteuid() != 0:
            harness.skip('a network namespace needs root')
        tag = uuid.uuid4().hex[:6]
        self.weir, self.sender, self.made = 'weir-' + tag, 'sender-' + tag, []
        for name in (self.weir, self.sender):
            if subprocess.run(['ip', 'netns', 'add', name], capture_output=True, check=False).returncode:
                self.remove()
                harness.skip('no network namespace can be made here')
            self.made.append(name)
        self.ip('link', 'add', 'cable', 'netns', self.weir, 'type', 'veth', 'peer', 'name', 'cable', 'netns', self.sender)
        for name, addresses in ((self.weir, ('10.9.8.1/24', 'fd09::1/64')), (self.sender, ('10.9.8.2/24', '10.9.8.3/24', 'fd09::2/64'))):
            self.ip('-n', name, 'link', 'set', 'lo', 'up')
            for a in addresses:
                self.ip('-n', name, 'address', 'add', a, 'dev', 'cable', *(['nodad'] if ':' in a else []))
            self.ip('-n', name, 'link', 'set', 'cable', 'up')

    def ip(self, *args):
        subprocess.run(['ip', *args], check=True)

    def send(self, program):
        """Runs Python text on the sending host."""
        subprocess.run(['ip', 'netns', 'exec', self.sender, sys.executable, '-c', 'import socket\n' + program], check=True, timeout=harness.SECONDS)

    def remove(self):
        for name in self.made:
            subprocess.run(['ip', 'netns', 'delete', name], check=False)


UDP = '''
s = socket.socket(socket.%s, socket.SOCK_DGRAM)
%s
s.sendto(b"<13>1 - h app - - - %s", ("%s", 514))
'''
TCP = '''
s = socket.create_connection(("%s", 514), source_address=("%s", 0))
s.sendall(b"<13>1 - h app - - - %s\\n")
s.close()
'''


def test_both_families_and_who_sent_it():
    hosts = Hosts()
    try:
        path = os.path.join(harness.work, 'out.ndjson')
        lines = harness.Lines(path)
        weird = harness.Weird(CONF % path, prefix=['ip', 'netns', 'exec', hosts.weir])
        steps = (('udp four', '10.9.8.2', UDP % ('AF_INET', '', 'udp four', '10.9.8.1')),
                 ('udp third', '10.9.8.3', UDP % ('AF_INET', 's.bind(("10.9.8.3", 0))', 'udp third', '10.9.8.1')),
                 ('udp six', 'fd09::2', UDP % ('AF_INET6', '', 'udp six', 'fd09::1')),
                 ('tcp four', '10.9.8.3', TCP % ('10.9.8.1', '10.9.8.3', 'tcp four')),
                 ('tcp six', 'fd09::2', TCP % ('fd09::1', 'fd09::2', 'tcp six')))
        for n, (text, host, program) in enumerate(steps, 1):
            hosts.send(program)
            doc = lines.documents(n, alive=weird)[-1]
            assert (doc['message'], doc['host']) == (text, host), doc
        # The cable is pulled while a connection is open; the next sender is heard all the same.
        holder = harness.Program('holder', ['ip', 'netns', 'exec', hosts.sender, sys.executable, '-c',
                                            'import socket\ns = socket.create_connection(("10.9.8.1", 514))\ns.sendall(b"<13>1 - h app - - - half")\n'
                                            'print("connected", flush=True)\ns.recv(1)'])
        holder.line('connected')
        hosts.ip('-n', hosts.weir, 'link', 'set', 'cable', 'down')
        hosts.ip('-n', hosts.weir, 'link', 'set', 'cable', 'up')
        hosts.ip('-n', hosts.weir, 'address', 'replace', 'fd09::1/64', 'dev', 'cable', 'nodad')
        hosts.send(TCP % ('10.9.8.1', '10.9.8.2', 'after'))
        assert any(d['message'] == 'after' for d in lines.documents(6, alive=weird))
        weird.stop(balance=False)       # /metrics is on the other host's loopback
    finally:
        for p in reversed(harness.running):
            p.kill()
        hosts.remove()


harness.main()
