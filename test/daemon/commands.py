#!/usr/bin/env python3
"""commands.py - inputs that need no sender: heartbeat, exec and pipe; and the outputs exec and pipe within the daemon, also beside a ruby filter."""
import os
import signal

import harness

OUT = ' output { file { path => "%s" } }'


def start(conf, more='', **kw):
    path = os.path.join(harness.work, 'out')
    return harness.Weird('input { %s } %s' % (conf, more) + OUT % path, **kw), harness.Lines(path)


def alive(pid):
    try:
        with open('/proc/%d/stat' % pid, encoding='ascii') as f:
            return f.read().rsplit(')', 1)[1].split()[0] != 'Z'
    except FileNotFoundError:
        return False


def test_heartbeat():
    w, out = start('heartbeat { interval => 0.02 type => "b" } heartbeat { interval => 0.02 message => "sequence" count => 3 type => "s" } '
                   'heartbeat { interval => 0.02 sequence => "epoch" message => "x" type => "e" ecs_compatibility => v8 }')
    w.expect('is said by the option')
    docs = out.documents(40, alive=w)
    kind = lambda t: [d for d in docs if d['type'] == t]
    assert all(d['message'] == 'ok' and 'clock' not in d and d['host'] == os.uname().nodename for d in kind('b')) and kind('b'), docs[:3]
    assert [d['clock'] for d in kind('s')] == [1, 2, 3] and not any('message' in d for d in kind('s')), kind('s')
    assert all(abs(d['event']['sequence'] - harness.time.time()) < 300 and d['message'] == 'x' and d['host']['name'] for d in kind('e')) and kind('e')
    w.stop()


def test_heartbeat_ends():
    """weird drains and ends with its last input."""
    w, out = start('heartbeat { interval => 0.01 count => 5 }', wait=False)
    assert w.wait() == 0
    assert len(out.documents(5)) == 5


def test_exec():
    w, out = start('exec { command => "printf \'a\\nb\'; exit 3" interval => 0.05 type => "p" } '
                   'exec { command => "echo one; echo two" interval => 0.05 codec => line type => "l" ecs_compatibility => v8 } '
                   'exec { command => "date +%s" schedule => "* * * * * *" type => "c" }', 'filter { mutate { add_field => { "status" => "%{[@metadata][exit_status]}" "took" => "%{[@metadata][duration]}" } } }')
    w.expect('longer than its interval')
    docs = harness.until(lambda: (lambda d: d if sum(x['type'] == 'c' for x in d) >= 2 and len(d) >= 20 else None)(out.documents(0)), 'events', alive=w)
    kind = lambda t: [d for d in docs if d['type'] == t]
    for d in kind('p'):
        assert d['message'] == 'a\nb' and d['command'].startswith('printf') and d['status'] == '3' and 0 < float(d['took']) < 60 and d['host'], d
    assert {d['message'] for d in kind('l')} == {'one', 'two'}, kind('l')[:4]
    for d in kind('l'):
        assert d['process'] == {'command_line': 'echo one; echo two', 'exit_code': 0} and d['host']['name'], d
    seconds = [int(d['message']) for d in kind('c')]
    assert len(set(seconds)) == len(seconds), seconds
    w.stop()


def test_exec_never_ends():
    """A command that does not end is ended at the stop, with all that it has started, though nobody heeds SIGTERM."""
    pids = os.path.join(harness.work, 'pids')
    w, out = start('exec { command => "trap : TERM; echo said; (trap : TERM; while :; do sleep 1; done) & echo $! >> %s; echo $$ >> %s; while :; do sleep 1; done" interval => 1 }' % (pids, pids))
    lines = harness.Lines(pids)
    mine = [int(x) for x in lines.wait(2)]
    assert all(alive(p) for p in mine)
    w.stop()
    assert not any(alive(p) for p in mine)
    docs = out.documents(1)
    assert len(docs) == 1 and docs[0]['message'] == 'said\n', docs


def test_exec_background():
    """What a command leaves in the background does not hold its event up, and is left alone."""
    pids = os.path.join(harness.work, 'pids')
    w, out = start('exec { command => "sleep 1000 & echo $! > %s; echo x" interval => 3600 }' % pids)
    assert out.documents(1, alive=w)[0]['message'] == 'x\n'
    w.stop()
    pid = int(open(pids, encoding='ascii').read())
    assert alive(pid)
    os.kill(pid, signal.SIGKILL)


def test_pipe():
    w, out = start('pipe { command => "echo one; printf \'two\\r\\nthree\'" restart_interval => 0.05 type => "r" } '
                   'pipe { command => "seq 1 20000" restart => false type => "q" ecs_compatibility => v8 }')
    harness.until(lambda: sum(d['type'] == 'q' for d in out.documents(0)) == 20000 and sum(d['type'] == 'r' for d in out.documents(0)) >= 9, 'lines', alive=w)
    docs = out.documents(0)
    assert [d['message'] for d in docs if d['type'] == 'q'] == [str(i) for i in range(1, 20001)]
    assert all(d['process']['command_line'] == 'seq 1 20000' and d['host']['name'] for d in docs if d['type'] == 'q')
    again = [d['message'] for d in docs if d['type'] == 'r']
    assert again[:9] == ['one', 'two', 'three'] * 3, again[:9]
    w.stop()


def test_pipe_stops():
    """What it says when it is asked to end is read."""
    pids = os.path.join(harness.work, 'pids')
    w, out = start('pipe { command => "trap \'echo bye; exit 0\' TERM; echo $$ > %s; echo up; while :; do sleep 0.1; done" }' % pids)
    out.wait(1, alive=w)
    w.stop()
    assert [d['message'] for d in out.documents(2)] == ['up', 'bye']
    assert not alive(int(open(pids, encoding='ascii').read()))


def test_reload():
    """An input that is left as it is goes on, one that is changed or gone ends its command."""
    pids, path = os.path.join(harness.work, 'pids'), os.path.join(harness.work, 'out')
    long = 'pipe { command => "echo $$ >> %s; echo %%s; while :; do sleep 1; done" }' % pids

    def conf(*texts):
        return 'input { %s } output { file { path => "%s" } }\n' % (' '.join(long % t for t in texts), path)
    w = harness.Weird(conf('stays', 'changes'))
    out, lines = harness.Lines(path), harness.Lines(pids)
    out.wait(2, alive=w)
    first = {int(x) for x in lines.wait(2)}
    with open(w.conf, 'w', encoding='utf-8') as f:
        f.write(conf('stays', 'changed'))
    w.signal(signal.SIGHUP)
    assert [d['message'] for d in out.documents(3, alive=w)][2] == 'changed'
    third = int(lines.wait(3)[2])
    harness.until(lambda: sum(map(alive, first)) == 1, 'the former command has ended', alive=w)
    assert alive(third) and len(lines.lines) == 3
    w.stop()
    assert not any(map(alive, first | {third}))


def test_outputs():
    """exec and pipe as outputs: what they got is what was sent, the counters add up, nothing is left behind."""
    ran, piped = os.path.join(harness.work, 'ran'), os.path.join(harness.work, 'piped')
    w = harness.Weird('input { generator { count => 200 } } output { exec { command => "echo %%{sequence} >> %s" quiet => true } '
                      'pipe { command => "cat >> %s" message_format => "%%{sequence}" } }' % (ran, piped))
    w.expect('let only values through')
    w.wait()
    assert w.status == 0 and not w.complaints(), w.complaints()
    for path in (ran, piped):
        with open(path, encoding='ascii') as f:
            assert [int(x) for x in f] == list(range(200)), path


def test_output_never_ends():
    """A command of the output exec that does not end is ended at the stop; its event is on disk, and it runs again with the next start."""
    pids, flag, ran = (os.path.join(harness.work, x) for x in ('pids', 'flag', 'ran'))
    command = 'if [ -e %s ]; then echo again >> %s; else touch %s; echo $$ > %s; sleep 1000; fi' % (flag, ran, flag, pids)
    conf = ('input { heartbeat { interval => 3600 } } output { exec { command => "%s" } }') % command
    w = harness.Weird(conf, settings={'shutdown.drain': '1s'})
    w.expect('unsent events are kept')
    w.expect('under way')
    pid = int(harness.Lines(pids).wait(1, alive=w)[0])
    w.stop()
    assert not alive(pid)
    w = harness.Weird(conf, name='next', data=w.data)
    # The one of the last run, and this one's.
    assert harness.Lines(ran).wait(2, alive=w) == [b'again'] * 2
    w.stop()


if __name__ == '__main__':
    harness.main()
