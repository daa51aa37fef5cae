#!/usr/bin/env python3
"""demo.py WEIR WEIRD: the demo as a user starts it; half of it; and the same story with another address and other name servers.

Every number of the sentence is counted here from the files that are played.
"""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, 'scripts'))
sys.dont_write_bytecode = True
import play  # noqa: E402

weir, weird = (os.path.abspath(x) for x in sys.argv[1:3])
STORY = os.path.join(ROOT, 'demo')


def demo(data, name, *args):
    env = dict(os.environ, WEIR_DEMO_DATA=data, WEIR_BUILD=os.path.dirname(weird), TZ='UTC')
    p = subprocess.run([os.path.join(ROOT, 'scripts/demo.sh'), '--seconds', '1', '--why', name, *args], env=env, capture_output=True, text=True,
                       check=False)
    assert p.returncode == 0, p.stdout[-2000:] + p.stderr[-2000:]
    return p.stdout


def why(data, name):
    p = subprocess.run([weir, 'why', '--json', '--path.data', data, name], capture_output=True, text=True, check=False)
    return p.returncode, json.loads(p.stdout) if p.stdout else None


def played(folder, part):
    """(lines, frames) that --part plays."""
    story = [(t, x) for n in sorted(os.listdir(folder)) if n.endswith('.log') for t, x in play.syslog_lines(os.path.join(folder, n))]
    frames = [(t, x) for n in sorted(os.listdir(folder)) if n.endswith('.fstrm') for t, x in play.frames(os.path.join(folder, n))]
    first, last = min(t for t, _ in story + frames), max(t for t, _ in story + frames)
    return ([x for t, x in story if t - first <= (last - first) * part], [x for t, x in frames if t - first <= (last - first) * part])


def seconds(n):
    """The part of the story that its first n seconds are."""
    times = [t for x in os.listdir(STORY) if x.endswith('.log') for t, _ in play.syslog_lines(os.path.join(STORY, x))]
    times += [t for x in os.listdir(STORY) if x.endswith('.fstrm') for t, _ in play.frames(os.path.join(STORY, x))]
    return n / (max(times) - min(times))


def wire(name):
    return b''.join(bytes([len(x)]) + x.encode() for x in name.split('.'))


def check(data, folder, part, domain, addresses):
    name = 'ns1.' + domain
    out = demo(data, name, '--story', folder, '--part', str(part))
    lines, frames = played(folder, part)
    status, answer = why(data, name)
    assert status == 0 and answer['finding'] == 'chase', answer
    # What was played: the resolver's own questions for the name (its frames name the server asked; a question to the resolver has type 5).
    kinds = {i: play.fields(play.fields(x)[14])[1] for i, x in enumerate(frames)}
    asked = sum(wire(name) in x and kinds[i] == 3 for i, x in enumerate(frames))
    chased = sum(wire(domain) in x and kinds[i] == 3 and bool(re.search(br'\x03ns[1-4]' + re.escape(wire(domain)), x)) for i, x in enumerate(frames))
    assert answer['resolver_queries'] == asked and answer['client_queries'] == 0, (answer['resolver_queries'], asked)
    assert answer['chase_queries'] == chased, (answer['chase_queries'], chased)
    assert answer['cut'] == '.'.join(addresses[0].split('.')[2::-1]) + '.in-addr.arpa', answer['cut']
    seen = {a['ip']: a for a in answer['addresses']}
    assert set(seen) == {a for a in addresses if any(a in x for x in lines)}, (set(seen), addresses)
    sentence = answer['sentence']
    assert '\n' not in sentence and sentence + '\n' in out, sentence
    connections = failures = 0
    for a in seen:
        connected = sum('smtpd' in x and ' connect from unknown[%s]' % a in x for x in lines)
        failed = sum('unknown[%s]: SASL LOGIN authentication failed' % a in x for x in lines)
        assert seen[a]['connections'] == connected and seen[a]['failures'].get('SASL LOGIN', 0) == failed, (seen[a], connected, failed)
        assert a in sentence and '.'.join(reversed(a.split('.'))) + '.in-addr.arpa' in sentence, sentence
        connections += connected
        failures += failed
    assert '%d SASL LOGIN failure' % failures in sentence and 'ns[1-4].' + domain in sentence, sentence
    assert 'once' in sentence if connections == 1 else 'twice' in sentence if connections == 2 else '%d times' % connections in sentence, sentence
    return failures


def main():
    with tempfile.TemporaryDirectory() as d:
        whole = check(d + '/whole', STORY, 1, 'faraisp.ir', ['185.137.111.145', '185.137.111.44'])
        half = check(d + '/half', STORY, 0.5, 'faraisp.ir', ['185.137.111.145', '185.137.111.44'])
        first = check(d + '/first', STORY, seconds(12), 'faraisp.ir', ['185.137.111.145', '185.137.111.44'])
        assert whole >= half > first > 0, (whole, half, first)

        # The same events about another address and other name servers; names keep their length, for frames say how long they are.
        other = d + '/other'
        os.makedirs(other)
        texts = {'185.137.111.': '194.126.133.', '145.111.137.185': '145.133.126.194', '44.111.137.185': '44.133.126.194', 'faraisp': 'weather'}
        octets = {wire('111.137.185'): wire('133.126.194'), wire('faraisp'): wire('weather')}
        for n in os.listdir(STORY):
            with open(os.path.join(STORY, n), 'rb') as f:
                data = f.read()
            for a, b in (octets if n.endswith('.fstrm') else {k.encode(): v.encode() for k, v in texts.items()}).items():
                data = data.replace(a, b)
            with open(os.path.join(other, n), 'wb') as f:
                f.write(data)
        shutil.copy(os.path.join(STORY, 'README.md'), other)
        check(d + '/data', other, 1, 'weather.ir', ['194.126.133.145', '194.126.133.44'])
        status, answer = why(d + '/data', 'ns1.faraisp.ir')
        assert status == 1 and answer['finding'] == 'nothing', answer
    print('ok')


main()
