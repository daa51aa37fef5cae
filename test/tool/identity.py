#!/usr/bin/env python3
"""identity.py WEIR WEIRD: from the lines that daemons really write to who had the address: a BIND, an Unbound and a dnsmasq query, before and after
the address changed hands; told by each kind of DHCP and VPN server."""
import json
import subprocess
import sys

weir = sys.argv[1]

BIND = 'Nov 23 %s ns1 named[204]: queries: info: client @0x7fb462c1c098 10.20.0.100#45822 (www.example.org): query: www.example.org IN A + (198.51.100.53)'
UNBOUND = 'Nov 23 %s ns2 unbound: [719:0] query: 10.20.0.100 www.example.org. A IN'
DNSMASQ = 'Nov 23 %s gw dnsmasq[1356]: query[A] www.example.org from 10.20.0.100'
QUERIES = (BIND, UNBOUND, DNSMASQ)
ALICE, BOB = 'f6:80:5f:1d:d1:95', 'ce:60:03:66:34:97'

SERVERS = {
    'isc': ['Nov 23 %%s dhcp dhcpd[33]: DHCPACK on 10.20.0.100 to %s (alice-laptop) via eth0' % ALICE,
            'Nov 23 %%s dhcp dhcpd[33]: DHCPRELEASE of 10.20.0.100 from %s (alice-laptop) via eth0 (found)' % ALICE,
            'Nov 23 %%s dhcp dhcpd[33]: DHCPACK on 10.20.0.100 to %s (bobs-phone) via eth0' % BOB],
    'dnsmasq': ['Nov 23 %%s dhcp dnsmasq-dhcp[298]: DHCPACK(eth0) 10.20.0.100 %s alice-laptop' % ALICE,
                'Nov 23 %%s dhcp dnsmasq-dhcp[298]: DHCPRELEASE(eth0) 10.20.0.100 %s' % ALICE,
                'Nov 23 %%s dhcp dnsmasq-dhcp[298]: DHCPACK(eth0) 10.20.0.100 %s bobs-phone' % BOB],
    'kea': ['Nov 23 %%s dhcp kea-dhcp4: INFO  [kea-dhcp4.leases.140622952837632] DHCP4_LEASE_ALLOC [hwtype=1 %s], cid=[no info], tid=0x9f144b28: '
            'lease 10.20.0.100 has been allocated for 36000 seconds' % ALICE,
            'Nov 23 %%s dhcp kea-dhcp4: INFO  [kea-dhcp4.leases.140622952837632] DHCP4_RELEASE [hwtype=1 %s], cid=[no info], tid=0x344e086d: '
            'address 10.20.0.100 was released properly.' % ALICE,
            'Nov 23 %%s dhcp kea-dhcp4: INFO  [kea-dhcp4.leases.140622952837632] DHCP4_LEASE_ALLOC [hwtype=1 %s], cid=[no info], tid=0x1f144b28: '
            'lease 10.20.0.100 has been allocated for 36000 seconds' % BOB],
}


def stateful(lines):
    p = subprocess.run([weir, 'parse', '--stateful', '--now', '2026-11-23T12:00:00Z'], input='\n'.join(lines) + '\n', capture_output=True, text=True,
                       check=True, env={'TZ': 'UTC'})
    out = [json.loads(x) for x in p.stdout.split('\n')[:-1]]
    assert len(out) == len(lines)
    return [x[0] if isinstance(x, list) else x for x in out]


def mac(text):
    return text.upper().replace(':', '-')


def test_change_of_hands(kind, lines):
    feed = [q % '07:59:00' for q in QUERIES] + [lines[0] % '08:00:00'] + [q % '08:30:00' for q in QUERIES] + [lines[1] % '09:00:00']
    feed += [q % '09:10:00' for q in QUERIES] + [lines[2] % '09:20:00'] + [q % '09:30:00' for q in QUERIES] + [q % '08:45:00' for q in QUERIES]
    events = stateful(feed)
    host = {'kea': (None, None)}.get(kind, ('alice-laptop', 'bobs-phone'))      # Kea names no host at INFO
    for at, want in ((0, None), (4, (host[0], ALICE)), (8, None), (12, (host[1], BOB)), (15, (host[0], ALICE))):
        for e in events[at:at + 3]:
            side = e['source']
            assert e['dns']['question']['name'] == 'www.example.org' and side['ip'] == '10.20.0.100', e
            if want is None:
                assert 'mac' not in side and 'domain' not in side and 'identity' not in e['weir'], (kind, at, e)
                continue
            assert side.get('domain') == want[0] and side['mac'] == mac(want[1]), (kind, at, side)
            assert e['client'].get('domain') == want[0] and e['client']['mac'] == mac(want[1]), (kind, at, e['client'])
            assert e['weir']['identity']['kind'] == 'dhcp' and e['weir']['identity']['confidence'] >= 80, e['weir']
            assert want[0] is None or want[0] in e['related']['hosts'], e['related']


def test_vpn():
    """OpenVPN tells the user, the address and the end in lines of their own."""
    lines = ['Nov 23 08:15:20 vpn openvpn-server[42]: 203.0.113.77:46739 TLS: Username/Password authentication succeeded for username \'alice\' ',
             'Nov 23 08:15:20 vpn openvpn-server[42]: 203.0.113.77:46739 [alice-laptop] Peer Connection Initiated with [AF_INET]203.0.113.77:46739',
             'Nov 23 08:15:20 vpn openvpn-server[42]: alice-laptop/203.0.113.77:46739 MULTI: primary virtual IP for alice-laptop/203.0.113.77:46739: 10.20.0.100',
             BIND % '08:20:00',
             'Nov 23 09:00:00 vpn openvpn-server[42]: alice-laptop/203.0.113.77:46739 SIGTERM[soft,remote-exit] received, client-instance exiting',
             BIND % '09:10:00', UNBOUND % '08:50:00']
    events = stateful(lines)
    for e in (events[3], events[6]):
        assert e['source']['user']['name'] == 'alice' and 'alice' in e['related']['user'] and e['weir']['identity']['kind'] == 'vpn', e
    assert 'user' not in events[5]['source'], events[5]
    lines[0] = "Nov 23 08:15:20 vpn openvpn-server[42]: 203.0.113.77:46739 TLS Auth Error: Auth Username/Password verification failed for peer"
    del lines[2]                                        # a failed login gets no address, though its peer is initiated
    assert all('user' not in e.get('source', {}) for e in stateful(lines)), lines


for name, lines_ in SERVERS.items():
    test_change_of_hands(name, lines_)
    print('ok', name)
test_vpn()
print('ok vpn')
