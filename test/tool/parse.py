#!/usr/bin/env python3
"""parse.py WEIR: `weir parse` answers each line of input with exactly one line, in order and at once."""
import json
import os
import subprocess
import sys
import tempfile

weir = sys.argv[1]
NOW = '2026-11-24T00:00:00Z'
LINE = 'Nov 23 07:55:21 mail sshd[3]: Connection from 192.0.2.1 port 5 on 198.51.100.25 port 22\n'


def parse(text, *args):
    p = subprocess.run([weir, 'parse', '--now', NOW, *args], input=text.encode(), capture_output=True, check=False)
    return p.returncode, p.stdout.decode().split('\n')[:-1], p.stderr.decode()


def test_one_answer_a_line():
    lines = [LINE, '<38>1 2026-11-23T07:55:21Z mail sshd 3 - - ' + LINE[30:], '\n', 'nothing known\n', '\xff\x00\n', '{}\n', '<999>x\n']
    status, out, err = parse(''.join(lines))
    assert status == 0 and not err and len(out) == len(lines), (status, err, out)
    events = [json.loads(x) for x in out]
    for e in events[:2]:
        assert e['source'] == {'ip': '192.0.2.1', 'address': '192.0.2.1', 'port': 5} and e['host']['name'] == 'mail', e
        assert e['process'] == {'name': 'sshd', 'pid': 3}
    assert events[0]['@timestamp'] == '2026-11-23T07:55:21.000Z'
    for e, line in zip(events[2:], lines[2:]):
        assert e['tags'] == ['_parsefailure'] and e['weir']['parse']['ok'] is False, e
        assert e['event']['original'] == line[:-1] or line == '\xff\x00\n', e


def test_answers_come_at_once():
    p = subprocess.Popen([weir, 'parse'], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    for i in range(3):
        p.stdin.write(LINE.encode())
        p.stdin.flush()
        assert json.loads(p.stdout.readline())['source']['port'] == 5, i    # would wait for ever, were it not flushed
    p.stdin.close()
    assert p.stdout.read() == b'' and p.wait() == 0


def test_own_configuration():
    with tempfile.TemporaryDirectory() as d:
        path = os.path.join(d, 'f.conf')
        with open(path, 'w', encoding='ascii') as f:
            f.write('input { syslog { port => 1 } } filter { if "x" in [message] { drop {} } '
                    'mutate { add_field => { "from" => "file" } } } output { elasticsearch { hosts => ["nowhere"] } }')
        status, out, _ = parse('a\nx\nb\n', '-f', path)
        assert status == 0 and out[1] == 'null', out
        assert [json.loads(out[i])['from'] for i in (0, 2)] == ['file', 'file']
        with open(path, 'w', encoding='ascii') as f:
            f.write('filter { mutat {} }')
        status, out, err = parse('a\n', '-f', path)
        assert status == 1 and not out and "f.conf:1:10: unknown filter 'mutat', did you mean 'mutate'?" in err, err


def test_files_and_wrong_use():
    with tempfile.NamedTemporaryFile('w', suffix='.log') as f:
        f.write(LINE * 2 + LINE[:-1])
        f.flush()
        status, out, err = parse('', f.name)
        assert status == 0 and len(out) == 3, (out, err)
        status, out, err = parse('', '/nowhere/at.all', f.name)
        assert status == 1 and len(out) == 3 and "cannot open '/nowhere/at.all'" in err
        status, out, err = parse('', '/tmp', f.name)
        assert status == 1 and len(out) == 3 and "cannot read '/tmp': Is a directory" in err
    assert parse('', '--now', 'yesterday')[0] == 2
    assert parse('', '--nonsense')[0] == 2


for name, test in list(globals().items()):
    if name.startswith('test_'):
        test()
        print('ok', name)
