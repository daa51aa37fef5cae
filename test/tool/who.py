#!/usr/bin/env python3
"""who.py WEIR WEIRD: `weir who` over what identity remembers, also while weird runs and after it was killed."""
import json
import os
import subprocess
import sys
import tempfile

weir, weird = sys.argv[1:3]
os.environ['TZ'] = 'UTC'
ALICE, BOB = 'F6-80-5F-1D-D1-95', 'CE-60-03-66-34-97'


def dhcp(when, action, ip, mac, name, **more):
    return {'@timestamp': '2026-11-23T%sZ' % when, 'event': {'action': 'dhcp-' + action}, 'host': {'name': 'dhcp'},
            'client': {'ip': ip, 'mac': mac}, 'dhcp': dict({'hostname': name}, **more)}


LINES = [dhcp('08:10:02', 'ack', '10.20.0.100', ALICE, 'Alice-Laptop', lease={'duration': 7200}),
         dhcp('09:00:00', 'release', '10.20.0.100', ALICE, 'Alice-Laptop'),
         dhcp('09:05:00', 'ack', '10.20.0.100', BOB, 'bobs-phone'),
         {'@timestamp': '2026-11-23T10:00:00Z', 'event': {'action': 'vpn-assign'}, 'source': {'ip': '203.0.113.77', 'port': 4},
          'host': {'name': 'vpn'}, 'client': {'ip': '10.8.0.2'}, 'user': {'name': 'alice'}}]


def who(data, *args):
    p = subprocess.run([weir, 'who', '--path.data', data, *args], capture_output=True, text=True, check=False)
    return p.returncode, p.stdout, p.stderr


def main():
    with tempfile.TemporaryDirectory() as d:
        data = os.path.join(d, 'data')
        assert who(data, '10.20.0.100')[0] == 1 and 'state.db' in who(data, '10.20.0.100')[2]
        conf = 'input { stdin { codec => json } } filter { identity { static => { "10.20.0.9" => "printer" } } } output { stdout { codec => dots } }'
        path = os.path.join(d, 'weird.conf')
        with open(path, 'w', encoding='ascii') as f:
            f.write(conf)
        p = subprocess.Popen([weird, '-f', path, '--path.data', data, '--api.enabled', 'false'], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE)
        p.stdin.write(''.join(json.dumps(x) + '\n' for x in LINES).encode())
        p.stdin.flush()
        assert p.stdout.read(len(LINES)) == b'.' * len(LINES)
        while '10.8.0.2' not in who(data, 'alice')[1]:      # at most a second behind
            assert p.poll() is None
        p.kill()                                            # what is on disk outlives a kill
        p.wait()

        status, out, err = who(data, '--at', '2026-11-23T08:30', '10.20.0.100')
        assert status == 0 and not err, err
        assert out == ('10.20.0.100 was Alice-Laptop (%s) at 2026-11-23 08:30:00.000 +00:00, by DHCP since 2026-11-23 08:10:02.000 +00:00 '
                       'until 2026-11-23 09:00:00.000 +00:00\n' % ALICE), out
        status, out, err = who(data, '--at', '2026-11-23T09:02', '10.20.0.100')
        assert status == 1 and not out and 'nobody is known to have had 10.20.0.100 then' in err, err
        rows = [json.loads(x) for x in who(data, '--json', '10.20.0.100')[1].split('\n')[:-1]]
        assert [(r['host'], r['since'], r['until'], r['assumed']) for r in rows] == [
            ('Alice-Laptop', '2026-11-23T08:10:02.000Z', '2026-11-23T09:00:00.000Z', False),
            ('bobs-phone', '2026-11-23T09:05:00.000Z', '2026-11-24T09:05:00.000Z', True)], rows
        for mac in ('ce:60:03:66:34:97', 'CE-60-03-66-34-97', 'ce60.0366.3497'):
            rows = [json.loads(x) for x in who(data, '--json', mac)[1].split('\n')[:-1]]
            assert [(r['ip'], r['mac']) for r in rows] == [('10.20.0.100', BOB)], (mac, rows)
        assert [json.loads(x)['ip'] for x in who(data, '--json', 'ALICE')[1].split('\n')[:-1]] == ['10.8.0.2']
        assert who(data, '10.20.0.9')[1].startswith('10.20.0.9 is printer, as the configuration says')
        assert who(data, 'nobody-at-all')[0] == 1 and who(data)[0] == 2
    print('ok')


main()
