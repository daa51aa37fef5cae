#!/usr/bin/env python3
"""damaged.py WEIR WEIRD: a store of which some pages are overwritten. What can be read is shown, the damaged file is named, and the exit status says that
something is missing: for search, why and who."""
import json
import os
import sqlite3
import struct
import subprocess
import sys
import tempfile

weir, weird = sys.argv[1:3]
os.environ['TZ'] = 'UTC'
EVENTS = 1200
OLD, NEW = '2026-11-20', '2026-11-21'


def event(day, i):
    """A second of a client's queries; every tenth one is for the same name."""
    name = 'odd.example' if i % 10 == 0 else 'n%d.example' % i
    return {'@timestamp': '%sT08:%02d:%02d.%03dZ' % (day, i // 60000, i // 1000 % 60, i % 1000), 'host': {'name': 'resolver'}, 'message': 'query %s %d' % (day, i),
            'event': {'action': 'dns-client-query', 'id': '%s-%d' % (day, i)}, 'dns': {'question': {'name': name, 'type': 'A'}},
            'source': {'ip': '10.20.0.9', 'port': 1024 + i}, 'related': {'ip': ['10.20.0.9']}, 'weir': {'parse': {'format': 'named', 'ok': True}}}


def fill(data, day):
    """One day file of that name."""
    with tempfile.NamedTemporaryFile('w', suffix='.conf') as f:
        f.write('input { stdin { codec => json } } output { store { retention_days => 0 } }')
        f.flush()
        p = subprocess.run([weird, '-f', f.name, '--path.data', data, '--api.enabled', 'false'], capture_output=True, text=True, check=False,
                           input=''.join(json.dumps(event(day, i)) + '\n' for i in range(EVENTS)))
    assert p.returncode == 0, p.stderr
    store = data + '/store'
    for name in os.listdir(store):
        if name.endswith('.db') and name[:-3] not in (OLD, NEW):
            os.rename('%s/%s' % (store, name), '%s/%s.db' % (store, day))
    assert os.path.exists('%s/%s.db' % (store, day)), os.listdir(store)


class File:
    """A day file as pages."""

    def __init__(self, path):
        self.path = path
        db = sqlite3.connect(path)
        assert db.execute('PRAGMA wal_checkpoint(TRUNCATE)').fetchone()
        self.size = db.execute('PRAGMA page_size').fetchone()[0]
        self.root = dict(db.execute("SELECT name, rootpage FROM sqlite_master WHERE type = 'table'"))
        db.close()
        with open(path, 'rb') as f:
            self.bytes = bytearray(f.read())

    def page(self, no):
        return self.bytes[(no - 1) * self.size:no * self.size]

    def leaves(self, no):
        """Leaf pages of a tree, in order."""
        p = self.page(no)
        if p[0] in (10, 13):
            return [no]
        assert p[0] in (2, 5), p[0]
        cells = struct.unpack('>%dH' % struct.unpack('>H', p[3:5])[0], p[12:12 + 2 * struct.unpack('>H', p[3:5])[0]])
        children = [struct.unpack('>I', p[c:c + 4])[0] for c in cells] + [struct.unpack('>I', p[8:12])[0]]
        return [x for c in children for x in self.leaves(c)]

    def overwrite(self, *pages):
        """The pages are junk; the rest is as it was."""
        junk = bytearray(self.bytes)
        for no in pages:
            junk[(no - 1) * self.size:no * self.size] = b'\xa5' * self.size
        with open(self.path, 'wb') as f:
            f.write(junk)


def run(data, *args):
    p = subprocess.run([weir, args[0], '--path.data', data, *args[1:]], capture_output=True, text=True, check=False, timeout=60)
    return p.returncode, p.stdout, p.stderr


def numbers(data, *args):
    """Which events of the damaged day a search shows, and what else it says."""
    status, out, err = run(data, 'search', '--json', '-n', '0', *args)
    have = [json.loads(x)['event']['id'] for x in out.splitlines()]
    assert len(have) == len(set(have)), 'an event was shown twice'
    new = [int(x.rsplit('-', 1)[1]) for x in have if x.startswith(NEW)]
    return status, new, sum(x.startswith(OLD) for x in have), err


def check(f, data, pages, least, what):
    f.overwrite(*pages)
    damaged = "'%s/store/%s.db' is damaged" % (data, NEW)
    for order in ((), ('--oldest',)):
        for query, every in (('', 1), ('name:odd.example', 10), ('NOT name:odd.example', 1)):
            status, new, old, err = numbers(data, *order, query)
            of = {'': EVENTS, 'name:odd.example': EVENTS // 10, 'NOT name:odd.example': EVENTS - EVENTS // 10}[query]
            assert old == of, (what, query, old)
            assert least * of <= len(new) <= of, (what, order, query, len(new), of, err)
            assert new == sorted(new, reverse=not order), (what, order)
            # A search that did not need the damaged page is whole, and may not have met it.
            assert err.count(damaged) == 1 and err.count('part of it is missing') == 1 if err else least == 1 and len(new) == of, (what, order, query, err)
            assert status == (1 if err else 0), (what, order, query, status)
            assert all(n % every == 0 for n in new), (what, query)
    status, out, err = run(data, 'why', 'odd.example')
    assert status == 1 and damaged in err if err else least == 1 and status == 0, (what, status, err)
    count = int(out.split(' was asked for ')[1].split(' times')[0])
    assert EVENTS // 10 * (1 + least) <= count <= 2 * EVENTS // 10, (what, out.split('\n')[0])


def search_and_why(d):
    data = d + '/data'
    fill(data, OLD)
    fill(data, NEW)
    f = File('%s/store/%s.db' % (data, NEW))
    events, postings = f.leaves(f.root['event']), f.leaves(f.root['posting'])
    assert len(events) > 24 and len(postings) > 3, (len(events), len(postings))
    status, new, old, err = numbers(data, '')
    assert (status, len(new), old, err) == (0, EVENTS, EVENTS, ''), (status, len(new), old, err)
    rows = 1 / len(events)
    check(f, data, [events[len(events) // 2]], 1 - 2 * rows, 'a page in the middle')
    check(f, data, [events[0]], 1 - 2 * rows, 'the first page')
    check(f, data, [events[-1]], 1 - 2 * rows, 'the last page')
    check(f, data, events[10:14] + events[20:21], 1 - 7 * rows, 'pages here and there')
    check(f, data, events[:1] + events[-1:], 1 - 4 * rows, 'the first and the last page')
    # Keys, and lists of events: without them each event is looked at, and none is missing.
    for what in ('posting', 'segment', 'batch'):
        for page in sorted({f.leaves(f.root[what])[0], f.leaves(f.root[what])[-1], f.root[what]}):
            check(f, data, [page], 1, what)
    check(f, data, [f.leaves(f.root['posting'])[0], events[7]], 1 - 2 * rows, 'keys and events')
    assert f.page(f.root['event'])[0] == 5
    check(f, data, [f.root['event']], 0, 'the root of the events')
    # Of a file that was cut off SQLite reads nothing.
    with open(f.path, 'wb') as out:
        out.write(f.bytes[:len(f.bytes) // 2 // f.size * f.size])
    status, new, old, err = numbers(data, '')
    assert (status, new, old) == (1, [], EVENTS) and 'nothing of it can be read' in err, (status, len(new), old, err)
    # Nor of one whose first page is gone; the other one is shown whole, and both are named where both are damaged.
    f.overwrite(1)
    status, new, old, err = numbers(data, '')
    assert (status, new, old) == (1, [], EVENTS), (status, len(new), old)
    assert err.startswith("weir search: '%s/store/%s.db' is damaged (" % (data, NEW)) and err.endswith('): nothing of it can be read\n'), err
    g = File('%s/store/%s.db' % (data, OLD))
    g.overwrite(g.leaves(g.root['event'])[3])
    status, new, old, err = numbers(data, '')
    assert status == 1 and 0 < old < EVENTS and sorted(OLD in x for x in err.splitlines()) == [False, True], err


ALICE = 'F6-80-5F-1D-D1-95'
CONF = 'input { stdin { codec => json } } filter { identity {} } output { stdout { codec => dots } }'


def who(d):
    """Leases in state.db."""
    data = d + '/who'
    with tempfile.NamedTemporaryFile('w', suffix='.conf') as f:
        f.write(CONF)
        f.flush()
        leases = [{'@timestamp': '2026-11-23T08:10:02Z', 'event': {'action': 'dhcp-ack'}, 'host': {'name': 'dhcp'}, 'client': {'ip': '10.20.%d.%d' % divmod(i, 256), 'mac': ALICE},
                   'dhcp': {'hostname': 'laptop', 'lease': {'duration': 7200}}} for i in range(600)]
        p = subprocess.run([weird, '-f', f.name, '--path.data', data, '--api.enabled', 'false'], capture_output=True, text=True, check=False,
                           input=''.join(json.dumps(x) + '\n' for x in leases))
        assert p.returncode == 0, p.stderr
    status, out, err = run(data, 'who', '--json', ALICE)
    whole = len(out.splitlines())
    assert (status, whole, err) == (0, 600, ''), (status, whole, err)
    f = File(data + '/state.db')
    leaves = f.leaves(f.root['state'])
    assert len(leaves) > 8, leaves
    for pages in (leaves[0:1], leaves[4:5], leaves[-1:]):
        f.overwrite(*pages)
        status, out, err = run(data, 'who', '--json', ALICE)
        ips = [json.loads(x)['ip'] for x in out.splitlines()]
        assert status == 1 and whole * (1 - 3 / len(leaves)) < len(ips) < whole and len(set(ips)) == len(ips), (pages, status, len(ips))
        assert "state.db' is damaged (" in err and 'part of it is missing' in err, err
    f.overwrite(1)
    status, out, err = run(data, 'who', ALICE)
    assert status == 1 and not out and "state.db' is damaged (" in err, err


def main():
    with tempfile.TemporaryDirectory() as d:
        search_and_why(d)
        who(d)
    print('ok')


main()
