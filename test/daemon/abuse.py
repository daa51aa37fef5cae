#!/usr/bin/env python3
"""abuse.py - hostile input (test/faults/hostile.py): after each case the daemon lives, a good message comes through, nothing is lost, forged or
raw. Under the sanitizers' build this is also the search for what they see.

    abuse.py GROUP[,GROUP...]
"""
import os
import sys

import harness
from certificates import certificate, path

GROUPS = sys.argv.pop(1)

CONF = '''
input {
  syslog { host => "127.0.0.1" port => %d }
  dnstap { host => "127.0.0.1" port => %d }
  syslog { host => "127.0.0.1" port => %d ssl_enabled => true ssl_certificate => "%s" ssl_key => "%s" }
  beats { host => "127.0.0.1" port => %d }
}
output { file { path => "%s" codec => json_lines } }
'''


def hostile(*more):
    port, dnstap, tls, beats, out = harness.free_port(), harness.free_port(), harness.free_port(), harness.free_port(), path('out.ndjson')
    certificate('server', 'server')
    open(out, 'w', encoding='utf-8').close()
    weird = harness.Weird(CONF % (port, dnstap, tls, path('server.pem'), path('server.key'), beats, out))
    weird.expect('.')
    result = os.path.join(harness.work, 'hostile.json')
    run = harness.Program('hostile', [sys.executable, os.path.join(harness.FAULTS, 'hostile.py'), 'run', '--observe', 'file:' + out, '--json',
                                      '--tcp', str(port), '--udp', str(port), '--dnstap', str(dnstap), '--tls', str(tls), '--beats', str(beats), '--pid', str(weird.pid), '--group', GROUPS,
                                      '--settle', '30', '--canary-seconds', '30', '--out', result, *more])
    status = run.wait(540)
    print('\n'.join(run.lines))
    assert not weird.ended(), 'weird ended with %s' % weird.status
    weird.stop()
    assert status == 0, 'not every case is ok'


def test_hostile():
    hostile()


def test_hostile_udp():
    if GROUPS.split(',')[0] in ('rfc3164', 'rfc5424', 'pri', 'encoding'):
        hostile('--prefer-udp')


harness.main()
