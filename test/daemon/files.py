#!/usr/bin/env python3
"""files.py - the file input: rotation, truncation, restarts, the sincedb, mode read. Every line is counted."""
import gzip
import json
import os
import random
import resource
import shutil
import signal
import socket
import time

import harness
from faults_sink import Sink
from inputs import append, messages, out, start

FAST = 'stat_interval => "0.05" sincedb_path => "%s"'


def path(name):
    return os.path.join(harness.work, name)


def conf(pattern, options='', sincedb=None):
    return 'input { file { path => %s %s %s } }\n' % (json.dumps(pattern), FAST % (sincedb or path('sincedb')), options)


BEGIN = 'start_position => "beginning"'


def again(weird, name='again'):
    """The same weird once more."""
    return harness.Weird(weird.conf, name=name, data=weird.data)


def records(file):
    """{path: offset} of a sincedb."""
    with open(file, encoding='utf-8') as f:
        rows = [x.rstrip('\n').split(' ', 5) for x in f]
    assert all(len(r) == 6 and r[4].count('.') == 1 for r in rows), rows
    return {r[5]: int(r[3]) for r in rows}


def mark_offsets(weird, file, want):
    """Waits until the sincedb says what is wanted."""
    harness.until(lambda: os.path.exists(file) and records(file) == want, 'the sincedb says %s' % want, alive=weird)


def java_device(st):
    """MAJOR and MINOR as Logstash's Java library takes them from st_dev."""
    return st.st_dev >> 24 & 0xff, st.st_dev & 0xffffff


# ---- where reading begins ----

def test_new_lines_only():
    """start_position => end: what was there is passed over; a file that comes later is read from its beginning."""
    append(path('a.log'), 'old 1', 'old 2')
    weird, lines = start(conf(path('*.log'), 'discover_interval => 1'))
    append(path('a.log'), 'new')
    lines.wait(1, alive=weird)
    append(path('b.log'), 'b1', 'b2')
    assert messages(lines.wait(3, alive=weird)) == ['new', 'b1', 'b2']
    weird.stop()
    append(path('a.log'), 'while down')
    weird = again(weird)
    assert messages(lines.wait(4, alive=weird))[3] == 'while down'
    weird.stop()


def test_position_at_the_end_survives_a_kill():
    """Nothing was read yet, and then weird is killed: what comes meanwhile is new."""
    append(path('a.log'), 'old')
    weird, lines = start(conf(path('a.log'), 'sincedb_write_interval => 3600'))
    weird.kill()
    append(path('a.log'), 'new')
    weird = again(weird)
    assert messages(lines.wait(1, alive=weird)) == ['new']
    weird.stop()


def test_patterns():
    for name in ('x/a.log', 'x/y/z/b.log', 'x/c.txt', 'x/.hidden.log', 'x/no.log', 'w/d.log'):
        os.makedirs(os.path.dirname(path(name)), exist_ok=True)
        append(path(name), name)
    weird, lines = start(conf([path('x/**/*.{log,lag}'), path('[u-w]/d.lo?')], BEGIN + ' exclude => ["no.*"]'))
    assert sorted(messages(lines.wait(3, alive=weird))) == ['w/d.log', 'x/a.log', 'x/y/z/b.log']
    weird.stop()
    assert len(lines.lines) == 3


def test_fields():
    append(path('a.log'), 'x')
    text = conf(path('a.log'), BEGIN, '/dev/null')
    keep = 'filter { mutate { copy => { "[@metadata][path]" => "mp" "[@metadata][host]" => "mh" } } }\n'
    weird, lines = start(text + keep)
    doc = lines.documents(1, alive=weird)[0]
    host = socket.gethostname()
    assert doc == dict(doc, path=path('a.log'), host=host, message='x', mp=path('a.log'), mh=host) and 'log' not in doc and 'event' not in doc, doc
    weird.stop()
    os.unlink(out())
    weird, lines = start(text + keep, settings={'pipeline.ecs_compatibility': 'v8'}, name='ecs')
    doc = lines.documents(1, alive=weird)[0]
    assert doc['log'] == {'file': {'path': path('a.log')}} and doc['host'] == {'name': host} and doc['event']['original'] == 'x', doc
    assert doc['mp'] == path('a.log') and 'path' not in doc, doc
    weird.stop()


def test_refused():
    for text, what in ((conf('logs/a.log'), "'path' must be absolute, 'logs/a.log' is not"),
                       (conf('/x', 'exit_after_read => true'), "'exit_after_read' needs mode"),
                       (conf('/x', 'mode => "read" file_completed_action => "log"'), "'file_completed_log_path' must name a file"),
                       (conf('/x', 'ignore_older => "soon"'), "'ignore_older' takes a number"),
                       (conf('/x', '', harness.work), 'is a directory'),
                       (conf('/x', '', path('no/such/sincedb')), 'cannot make sincedb_path')):
        weird = harness.Weird(text, wait=False)
        assert weird.wait() != 0 and any(what in x for x in weird.lines), (what, weird.lines)


def test_directory():
    """One line about it, and the other file is read."""
    os.mkdir(path('d'))
    append(path('a.log'), 'x', 'y')
    weird, lines = start(conf([path('d'), path('a.log')], BEGIN))
    weird.expect('cannot read .*/d.: it is a directory')
    lines.wait(2, alive=weird)
    for k in range(3):
        append(path('a.log'), 'z')
        lines.wait(3 + k, alive=weird)
    assert sum('is a directory' in x for x in weird.lines) == 1
    assert weird.metric('weir_input_connections_total', plugin='file', result='refused') == 1
    weird.stop()


def test_unreadable():
    """One line about it; when it may be read, it is read from where it was."""
    if os.geteuid() != 0 or not shutil.which('setpriv'):
        harness.skip('needs root and setpriv, to run weird as somebody who may not read everything')
    append(path('a.log'), 'one')
    data = path('data')
    for d in (harness.work, data):
        os.makedirs(d, exist_ok=True)
        os.chown(d, 65534, 65534)
    prefix = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups']
    # That user cannot answer on the socket of readiness.
    weird, lines = start(conf(path('a.log'), BEGIN), prefix=prefix, wait=False)
    lines.wait(1, alive=weird)
    weird.line('running')
    weird.stop()
    os.chmod(path('a.log'), 0)
    append(path('a.log'), 'two')
    weird = harness.Weird(weird.conf, name='again', data=data, prefix=prefix, wait=False)
    weird.expect('cannot read .*a.log.: Permission denied')
    weird.line('Permission denied')
    os.chmod(path('a.log'), 0o644)
    assert messages(lines.wait(2, alive=weird)) == ['one', 'two']
    weird.stop()
    assert sum('Permission denied' in x for x in weird.lines) == 1


# ---- rotation ----

def test_rotation_while_down():
    """Renamed while nobody looked: the old file's rest, and the new one from its beginning although start_position says end."""
    append(path('a.log'), 'a1')
    weird, lines = start(conf(path('a.log'), 'discover_interval => 1'))
    append(path('a.log'), 'a2')
    lines.wait(1, alive=weird)
    weird.stop()
    append(path('a.log'), 'a3')
    os.rename(path('a.log'), path('a.log.1'))
    append(path('a.log'), 'b1')
    weird = again(weird)
    docs = lines.documents(3, alive=weird)
    assert sorted(d['message'] for d in docs) == ['a2', 'a3', 'b1'] and {d['path'] for d in docs} == {path('a.log')}, docs
    append(path('a.log.1'), 'a4')                       # who writes it has not noticed
    assert messages(lines.wait(4, alive=weird))[3] == 'a4'
    weird.stop()


def test_rotation_within_the_pattern():
    """The old name fits the pattern, too: nothing is read twice, neither now nor after a restart."""
    append(path('a.log'), *['%d' % i for i in range(50)])
    weird, lines = start(conf(path('a.log*'), BEGIN + ' discover_interval => 1'))
    n = 50
    for k in range(4):
        lines.wait(n, alive=weird)
        for i in (3, 2, 1):
            if os.path.exists(path('a.log.%d' % i)):
                os.rename(path('a.log.%d' % i), path('a.log.%d' % (i + 1)))
        os.rename(path('a.log'), path('a.log.1'))
        append(path('a.log.1'), '%d' % n)
        append(path('a.log'), *['%d' % i for i in range(n + 1, n + 50)])
        n += 50
    lines.wait(n, alive=weird)
    weird.stop()
    weird = again(weird)
    append(path('a.log'), '%d' % n)
    got = messages(lines.wait(n + 1, alive=weird))
    assert sorted(map(int, got)) == list(range(n + 1)), len(got)
    weird.stop()


def test_removed_while_read():
    with open(path('a.log'), 'w', encoding='utf-8') as f:
        f.write('one\n')
        f.flush()
        weird, lines = start(conf(path('a.log'), BEGIN + ' discover_interval => 1'))
        lines.wait(1, alive=weird)
        os.unlink(path('a.log'))
        f.write('two\n')
        f.flush()
        lines.wait(2, alive=weird)
        append(path('a.log'), 'three')
        assert messages(lines.wait(3, alive=weird)) == ['one', 'two', 'three']
    weird.stop()


def test_truncated_and_written_over():
    """Truncated, and longer than before when it is looked at again: its first bytes tell."""
    append(path('a.log'), 'first', 'second')
    weird, lines = start(conf(path('a.log'), BEGIN + ' stat_interval => "1"').replace('stat_interval => "0.05"', ''))
    lines.wait(2, alive=weird)
    with open(path('a.log'), 'r+', encoding='utf-8') as f:
        f.truncate(0)
        f.write('other %s\n' % ('x' * 100))
    assert messages(lines.wait(3, alive=weird))[2].startswith('other')
    weird.stop()


def test_another_file_with_the_same_inode():
    append(path('a.log'), 'one', 'two')
    weird, lines = start(conf(path('a.log'), BEGIN))
    lines.wait(2, alive=weird)
    weird.stop()
    inode = os.stat(path('a.log')).st_ino
    os.unlink(path('a.log'))
    append(path('a.log'), 'something', 'quite', 'different')
    if os.stat(path('a.log')).st_ino != inode:
        # This file system gives it to another file later: say that it did.
        for name in ('sincedb', *[os.path.join('data/plugins/inputs/file', x) for x in os.listdir(path('data/plugins/inputs/file'))]):
            with open(path(name), encoding='utf-8') as f:
                text = f.read()
            with open(path(name), 'w', encoding='utf-8') as f:
                f.write(text.replace('%d ' % inode, '%d ' % os.stat(path('a.log')).st_ino, 1))
    weird = again(weird)
    assert messages(lines.wait(5, alive=weird))[2:] == ['something', 'quite', 'different']
    weird.stop()


# ---- lines ----

def test_half_a_line_waits():
    with open(path('a.log'), 'w', encoding='utf-8') as f:
        f.write('one\ntw')
        f.flush()
        weird, lines = start(conf(path('a.log'), BEGIN))
        lines.wait(1, alive=weird)
        f.write('o\nthr')
        f.flush()
        assert messages(lines.wait(2, alive=weird)) == ['one', 'two']
        weird.stop()                                    # half a line is neither given nor passed over
        mark_offsets(None, path('sincedb'), {path('a.log'): 8})
        weird = again(weird)
        f.write('ee\n')
        f.flush()
        assert messages(lines.wait(3, alive=weird)) == ['one', 'two', 'three']
    weird.stop()


def test_delimiter_and_long_line():
    with open(path('a.log'), 'w', encoding='utf-8') as f:
        f.write('one;;' + 'x' * 100000 + ';;two;;three\n3;;')
    weird, lines = start(conf(path('a.log'), BEGIN + ' delimiter => ";;" max_line => 1000'))
    assert messages(lines.wait(4, alive=weird)) == ['one', 'x' * 1000, 'two', 'three\n3']
    assert weird.metric('weir_input_cut_total', plugin='file') == 1
    weird.stop()
    mark_offsets(None, path('sincedb'), {path('a.log'): os.path.getsize(path('a.log'))})


def test_growing_all_the_time():
    """Written by somebody else in pieces of any size, while it is read."""
    weird, lines = start(conf(path('a.log'), 'discover_interval => 1'))
    text = ''.join('%d %s\n' % (i, 'y' * (i * 7919 % 300)) for i in range(20000))
    with open(path('a.log'), 'w', encoding='utf-8') as f:
        k = 0
        while k < len(text):
            n = 1 + k * 31 % 9973
            f.write(text[k:k + n])
            f.flush()
            k += n
    assert messages(lines.wait(20000, alive=weird)) == text.splitlines()
    weird.stop()


# ---- the cursor ----

def test_sincedb_of_logstash():
    """Its lines, old and new ones, are taken over; what weird writes has the same form."""
    for name in ('v1.log', 'v2.log', 'moved.log', 'old.log'):
        append(path(name), 'read', name)
    rows = []
    for name, file, stamp in (('v1.log', None, None), ('v2.log', path('v2.log'), time.time()), ('moved.log', '/elsewhere/x.log', time.time()),
                              ('old.log', path('old.log'), time.time() - 15 * 86400)):
        st = os.stat(path(name))
        rows.append('%d %d %d %d' % (st.st_ino, *java_device(st), 5) + (' %.6f %s' % (stamp, file) if stamp else ''))
    with open(path('sincedb'), 'w', encoding='utf-8') as f:
        f.write('\n'.join(rows) + '\nnonsense here\n')
    weird, lines = start(conf(path('*.log'), BEGIN))
    weird.expect('1 lines of .*sincedb. are no positions')
    # Another path with that inode, and a line that is older than sincedb_clean_after, count as new.
    assert sorted(messages(lines.wait(6, alive=weird))) == ['moved.log', 'old.log', 'read', 'read', 'v1.log', 'v2.log']
    weird.stop()
    assert records(path('sincedb')) == {path(n): os.path.getsize(path(n)) for n in ('v1.log', 'v2.log', 'moved.log', 'old.log')}


def test_one_sincedb_for_two_inputs():
    """What Logstash warns of: each file goes on where it was, and both inputs' lines of a file that both read are kept apart."""
    for name in ('a.log', 'b.log', 'both.log'):
        append(path(name), 'old')
    text = (conf([path('a.log'), path('both.log')], 'type => "A" sincedb_write_interval => "0.05"') +
            conf([path('b.log'), path('both.log')], 'type => "B" sincedb_write_interval => "0.05"'))
    sink = Sink('ok')
    text += 'output { elasticsearch { hosts => ["http://127.0.0.1:%d"] index => "logs" manage_template => false compression_level => 0 } }\n' % sink.port
    weird = harness.Weird(text)
    names, n = ('a.log', 'b.log', 'both.log'), 0
    for k in range(3):
        for name in names:
            append(path(name), 'new %d' % k)
        n += 4
        harness.until(lambda: weird.metric('weir_output_delivered_total') == 4, '4 documents', alive=weird)
        mark_offsets(weird, path('sincedb'), {path(x): os.path.getsize(path(x)) for x in names})
        if k == 1:
            weird.kill()
        else:
            weird.stop()
        assert sink.stored_documents() == n, sink.report()
        if k < 2:
            weird = again(weird)
            weird.line('running')


def test_default_place():
    append(path('a.log'), 'x')
    weird, lines = start('input { file { path => ["%s", "/no/such"] start_position => "beginning" stat_interval => "0.05" } }\n' % path('a.log'))
    lines.wait(1, alive=weird)
    weird.stop()
    import hashlib
    name = '.sincedb_' + hashlib.md5((path('a.log') + ',/no/such').encode()).hexdigest()
    assert records(os.path.join(weird.data, 'plugins/inputs/file', name)) == {path('a.log'): 2}


def test_cursor_waits_for_the_output():
    """What the output has not taken is not done; after a kill it is read again, under the same ids."""
    sink = Sink('ok')
    append(path('a.log'), *['first %d' % i for i in range(100)])
    text = conf(path('a.log'), BEGIN + ' sincedb_write_interval => "0.05"') + (
        'output { elasticsearch { hosts => ["http://127.0.0.1:%d"] index => "logs" manage_template => false compression_level => 0 } }\n' % sink.port)
    weird = harness.Weird(text)
    weird.expect('.')
    mark_offsets(weird, path('sincedb'), {path('a.log'): os.path.getsize(path('a.log'))})
    done = os.path.getsize(path('a.log'))
    sink.schedule('503')
    append(path('a.log'), *['second %d' % i for i in range(100)])
    harness.until(lambda: weird.metric('weir_output_in_flight') == 100, 'the lines are on their way', alive=weird)
    weird.kill()
    assert records(path('sincedb')) == {path('a.log'): done}
    sink.schedule('ok')
    weird = again(weird)
    mark_offsets(weird, path('sincedb'), {path('a.log'): os.path.getsize(path('a.log'))})
    assert sink.stored_documents() == 200
    weird.stop()


def test_same_ids_after_a_kill():
    """Stored, but the cursor was not written: read again, and no document is there twice."""
    sink = Sink('ok')
    append(path('a.log'), *['%d %s' % (i, 'z' * (i % 50)) for i in range(3000)])
    text = conf(path('a.log'), BEGIN + ' sincedb_write_interval => 3600') + (
        'output { elasticsearch { hosts => ["http://127.0.0.1:%d"] index => "logs" manage_template => false compression_level => 0 } }\n' % sink.port)
    weird = harness.Weird(text)
    harness.until(lambda: sink.stored_documents() == 3000, '3000 documents', alive=weird)
    weird.kill()
    os.rename(path('a.log'), path('a.log.1'))           # and as another name
    append(path('a.log'), *['more %d' % i for i in range(1000)])
    append(path('a.log.1'), *['rest %d' % i for i in range(1000)])
    weird = again(weird)
    harness.until(lambda: weird.metric('weir_output_delivered_total') + weird.metric('weir_output_duplicate_total') == 5000, 'all of it again', alive=weird)
    assert sink.stored_documents() == 5000, sink.report()
    weird.stop()


def test_killed_again_and_again():
    """Written and rotated all the time, while weird is killed at any moment: no line is missing, none is stored twice."""
    sink = Sink('ok')
    text = conf(path('a.log*'), BEGIN + ' discover_interval => 1 sincedb_write_interval => "0.1"') + (
        'output { elasticsearch { hosts => ["http://127.0.0.1:%d"] index => "logs" manage_template => false compression_level => 0 } }\n' % sink.port)
    r, n, files = random.Random(4711), 0, 0
    for k in range(6):
        weird = harness.Weird(text, name='weird%d' % k)
        until = n + r.randrange(2000, 6000)
        while n < until:
            count = r.randrange(1, 400)
            append(path('a.log'), *['line %d %s' % (i, 'x' * r.randrange(100)) for i in range(n, n + count)])
            n += count
            if r.random() < 0.1:
                for i in range(files, 0, -1):
                    os.rename(path('a.log.%d' % i), path('a.log.%d' % (i + 1)))
                os.rename(path('a.log'), path('a.log.1'))
                files += 1
            if r.random() < 0.1:                        # let it catch up to somewhere
                want = sink.stored_documents() + 1
                harness.until(lambda: sink.stored_documents() >= min(want, n), 'some more', alive=weird)
        weird.kill()
    weird = harness.Weird(text, name='last')
    harness.until(lambda: sink.stored_documents() >= n, '%d documents' % n, alive=weird)
    harness.until(lambda: weird.metric('weir_output_in_flight') == 0, 'nothing under way', alive=weird)
    weird.stop()
    report = sink.report()
    print('%d lines, %d files, %d read again' % (n, files + 1, report['overwritten_by_id']))
    assert report['stored'] == n, report


def test_reload():
    """With the same options reading just goes on; with other ones, too, from where the old input stopped, although its output is slow."""
    text = conf(path('a.log'), BEGIN + ' add_field => { "n" => "%s" }') + '%s'
    append(path('a.log'), 'one')
    weird, lines = start(text % (1, ''))
    lines.wait(1, alive=weird)
    for n, extra in ((1, 'filter { mutate { add_tag => "t" } }\n'), (2, '')):
        with open(weird.conf, 'w', encoding='utf-8') as f:
            f.write(text % (n, extra) + 'output { file { path => "%s" codec => json_lines } }\n' % out())
        seen = sum('reloaded' in x for x in weird.lines)
        weird.signal(signal.SIGHUP)
        harness.until(lambda: sum('reloaded' in x for x in weird.lines) > seen, 'reloaded', alive=weird)
        append(path('a.log'), 'after %d' % n)
        lines.wait(n + 1, alive=weird)
    docs = lines.documents(3, alive=weird)
    assert [(d['message'], d['n'], d.get('tags')) for d in docs] == [('one', '1', None), ('after 1', '1', ['t']), ('after 2', '2', None)], docs
    weird.stop()


def test_reload_while_the_output_stands_still():
    sink = Sink('503')
    append(path('a.log'), *['%d' % i for i in range(1000)])
    text = conf(path('a.log'), BEGIN + ' add_field => { "n" => "%d" }') + (
        'output { elasticsearch { hosts => ["http://127.0.0.1:%d"] index => "logs" manage_template => false compression_level => 0 } }\n' % sink.port)
    weird = harness.Weird(text % 1)
    weird.expect('.')
    harness.until(lambda: weird.metric('weir_output_in_flight') == 1000, 'the lines are on their way', alive=weird)
    with open(weird.conf, 'w', encoding='utf-8') as f:
        f.write(text % 2)
    weird.signal(signal.SIGHUP)
    weird.line('reloaded')
    append(path('a.log'), *['%d' % i for i in range(1000, 1100)])
    harness.until(lambda: weird.metric('weir_output_in_flight') == 1100, 'the new ones, and none again', alive=weird)
    sink.schedule('ok')
    harness.until(lambda: sink.stored_documents() == 1100, '1100 documents', alive=weird)
    assert weird.metric('weir_output_duplicate_total') == 0
    weird.stop()
    assert records(path('sincedb')) == {path('a.log'): os.path.getsize(path('a.log'))}


def test_lines_as_long_as_memory():
    """Several files with lines of 31 MiB, read by turns, with the memory that is the default."""
    for name in 'abc':
        with open(path(name + '.log'), 'w', encoding='utf-8') as f:
            f.write(name * (31 * 1024 * 1024) + '\nend\n' + name * (31 * 1024 * 1024))
    weird, lines = start(conf(path('*.log'), BEGIN + ' file_chunk_count => 10'))
    got = messages(lines.wait(6, alive=weird))
    assert sorted((x[0], len(x)) for x in got) == [(c, 31 * 1024 * 1024) for c in 'abc'] + [('e', 3)] * 3
    used = cpu_seconds(weird.pid)
    for name in 'abc':                                  # the half lines that wait are not read again and again
        append(path(name + '.log'), '')
    assert sorted(x[0] for x in messages(lines.wait(9, alive=weird))[6:]) == ['a', 'b', 'c']
    print('%.2f s of CPU' % (cpu_seconds(weird.pid) - used))
    weird.stop()


def test_held_back():
    """The output stands still: reading stops, memory stays small, and afterwards everything is there in order."""
    sink = Sink('503')
    with open(path('a.log'), 'w', encoding='utf-8') as f:
        for i in range(150000):
            f.write('%07d %s\n' % (i, 'x' * 400))
    text = conf(path('a.log'), BEGIN) + (
        'output { elasticsearch { hosts => ["http://127.0.0.1:%d"] index => "logs" manage_template => false compression_level => 0 queue_max => 1048576 } }\n' % sink.port)
    weird = harness.Weird(text, settings={'memory.max': '8mb'})
    weird.expect('.')
    harness.until(lambda: weird.metric('weir_input_paused', plugin='file') == 1 or weird.metric('weir_output_bytes') >= 1048576, 'held back', alive=weird)
    before = weird.metric('weir_input_lines_total', plugin='file')
    assert before < 100000, before
    sink.schedule('ok')
    harness.until(lambda: sink.stored_documents() == 150000, '150000 documents', seconds=180, alive=weird)
    weird.stop()


# ---- mode read ----

READ = 'mode => "read" '


def test_held_by_a_filter():
    """Lines that the filter multiline holds are read again after a kill, those that went on are not; a reload lets go of them."""
    hold = 'filter { multiline { pattern => "^ " what => "previous" max_age => 100000 } }\n'
    append(path('a.log'), 'a', ' b')
    weird, lines = start(conf(path('a.log'), BEGIN + ' sincedb_write_interval => 1') + hold)

    def read(count):
        harness.until(lambda: weird.metric('weir_input_lines_total', plugin='file') == count, '%d lines are read' % count, alive=weird)
    read(2)
    append(path('a.log'), 'c')
    assert messages(lines.wait(1, alive=weird)) == ['a\n b']
    mark_offsets(weird, path('sincedb'), {path('a.log'): 5})
    append(path('a.log'), ' d')
    read(4)
    weird.kill()
    weird = again(weird)
    append(path('a.log'), 'e')
    assert messages(lines.wait(2, alive=weird))[1] == 'c\n d'
    with open(weird.conf, 'a', encoding='utf-8') as f:
        f.write('filter { mutate { add_tag => ["second"] } }\n')
    weird.signal(signal.SIGHUP)
    assert messages(lines.wait(3, alive=weird))[2] == 'e'
    mark_offsets(weird, path('sincedb'), {path('a.log'): 12})
    append(path('a.log'), 'f')
    read(4)     # c, d, e and f, by this one
    weird.stop()
    assert messages(lines.wait(4))[3] == 'f' and len(lines.lines) == 4


def test_read_and_remove():
    append(path('a.log'), '1', '2')
    with open(path('b.log'), 'w', encoding='utf-8') as f:
        f.write('3\nlast without end')
    open(path('empty.log'), 'w', encoding='utf-8').close()
    weird, lines = start(conf(path('*.log'), READ))
    assert messages(lines.wait(4, alive=weird)) == ['1', '2', '3', 'last without end']
    harness.until(lambda: not any(x.endswith('.log') for x in os.listdir(harness.work)), 'files removed', alive=weird)
    weird.stop()
    assert records(path('sincedb')) == {}


def test_not_removed_before_it_arrived():
    sink = Sink('503')
    append(path('a.log'), *['%d' % i for i in range(10)])
    text = conf(path('a.log'), READ) + (
        'output { elasticsearch { hosts => ["http://127.0.0.1:%d"] index => "logs" manage_template => false compression_level => 0 } }\n' % sink.port)
    weird = harness.Weird(text)
    weird.expect('.')
    harness.until(lambda: weird.metric('weir_output_in_flight') == 10, 'the lines are on their way', alive=weird)
    assert os.path.exists(path('a.log'))
    sink.schedule('ok')
    harness.until(lambda: not os.path.exists(path('a.log')), 'removed', alive=weird)
    assert sink.stored_documents() == 10
    weird.stop()


def test_read_log_and_exit():
    """In the order of paths, the last first; listed in the log; then weird ends by itself."""
    for name in ('a', 'b', 'c'):
        append(path(name + '.log'), name + '1', name + '2')
    text = conf(path('*.log'), READ + 'file_completed_action => "log" file_completed_log_path => "%s" exit_after_read => true file_sort_by => "path" file_sort_direction => "desc"' % path('done'))
    weird, lines = start(text)
    assert weird.wait() == 0
    assert messages(lines.wait(6)) == ['c1', 'c2', 'b1', 'b2', 'a1', 'a2']
    with open(path('done'), encoding='utf-8') as f:
        assert sorted(f.read().split()) == [path(x + '.log') for x in 'abc']
    append(path('b.log'), 'b3')                         # only what is new is read by the next one
    assert again(weird).wait() == 0
    assert messages(lines.wait(7))[6] == 'b3'


def test_archives():
    with gzip.open(path('a.gz'), 'wt', encoding='utf-8', newline='') as f:
        f.write('one\r\n' + ''.join('%d\n' % i for i in range(50000)) + 'no end')
    with open(path('a.gz'), 'ab') as f:                 # a second member, as logrotate's copies have
        f.write(gzip.compress(b'\nof another member\n'))
    weird, lines = start(conf(path('*.gz'), READ + 'file_completed_action => "log_and_delete" file_completed_log_path => "%s" check_archive_validity => true' % path('done')))
    got = messages(lines.wait(50003, alive=weird))
    assert got == ['one', *['%d' % i for i in range(50000)], 'no end', 'of another member']
    harness.until(lambda: not os.path.exists(path('a.gz')), 'removed', alive=weird)
    weird.stop()


def test_damaged_archives():
    whole = gzip.compress(''.join('%d\n' % i for i in range(20000)).encode())
    for name, data in (('cut.gz', whole[:len(whole) // 2]), ('text.gz', b'this is no archive\n')):
        with open(path(name), 'wb') as f:
            f.write(data)
    weird, lines = start(conf(path('*.gz'), READ))
    weird.expect('cut.gz. on: the archive is damaged or not complete')
    weird.expect('text.gz. on: it is no gzip archive')
    weird.line('not complete')
    weird.line('no gzip archive')
    harness.until(lambda: lines.take() or len(lines.lines) > 1000, 'the lines that can be had', alive=weird)
    weird.stop()
    assert messages(lines.lines) == ['%d' % i for i in range(len(lines.lines))]
    assert os.path.exists(path('cut.gz')) and os.path.exists(path('text.gz'))
    os.unlink(out())
    shutil.rmtree(path('data'))
    os.unlink(path('sincedb'))
    weird, lines = start(conf(path('cut.gz'), READ + 'check_archive_validity => true exit_after_read => true'), name='checked')
    assert weird.wait() == 0 and any('nothing of it was read' in x for x in weird.lines), weird.lines
    assert not os.path.exists(out()) or os.path.getsize(out()) == 0


def test_archive_is_read_on():
    """Stopped in the middle of an archive: no line twice, none missing."""
    sink = Sink('ok')
    with gzip.open(path('a.gz'), 'wt', encoding='utf-8') as f:
        for i in range(200000):
            f.write('%07d %s\n' % (i, 'x' * 100))
    text = conf(path('a.gz'), READ) + (
        'output { elasticsearch { hosts => ["http://127.0.0.1:%d"] index => "logs" manage_template => false compression_level => 0 } }\n' % sink.port)
    weird = harness.Weird(text)
    harness.until(lambda: sink.stored_documents() > 1000, 'some', alive=weird)
    weird.stop(balance=False)
    first = sink.stored_documents()
    assert first < 200000 and records(path('sincedb')) == {path('a.gz'): 0}, first
    weird = again(weird)
    harness.until(lambda: not os.path.exists(path('a.gz')), 'all of it', alive=weird)
    assert sink.stored_documents() == 200000 and weird.metric('weir_output_duplicate_total') == 0
    weird.stop()


# ---- many files ----

def cpu_seconds(pid):
    with open('/proc/%d/stat' % pid, encoding='utf-8') as f:
        fields = f.read().rsplit(')', 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')


def test_a_thousand_files():
    """With room for fewer descriptors than files; every line once; next to no work while nothing happens."""
    os.makedirs(path('logs'))
    for i in range(1000):
        append(path('logs/%d.log' % i), *['%d %d' % (i, k) for k in range(5)])
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (400, hard))
    try:
        weird, lines = start(conf(path('logs/*.log'), BEGIN + ' stat_interval => "1"').replace('stat_interval => "0.05"', ''))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    lines.wait(5000, alive=weird)
    assert weird.metric('weir_input_connections', plugin='file') <= 400
    for i in range(1000):
        append(path('logs/%d.log' % i), '%d 5' % i)
    lines.wait(6000, alive=weird)
    used, since = cpu_seconds(weird.pid), time.monotonic()
    for k in range(4):                                  # four looks at all of them
        append(path('logs/0.log'), '0 %d' % (6 + k))
        lines.wait(6001 + k, alive=weird)
    used, took = cpu_seconds(weird.pid) - used, time.monotonic() - since
    print('%.3f s of CPU in %.1f s' % (used, took))
    if os.environ.get('WEIR_SANITIZED') != '1':
        assert used < 0.1 * took + 0.05, (used, took)
    got = messages(lines.lines)
    assert len(set(got)) == len(got) == 6004
    weird.stop()
    assert len(records(path('sincedb'))) == 1000


def test_ignore_and_close_older():
    append(path('old.log'), 'old')
    os.utime(path('old.log'), (1000000000, 1000000000))
    append(path('young.log'), 'young')
    weird, lines = start(conf(path('*.log'), BEGIN + ' ignore_older => "1 hour" close_older => "0.1"'))
    assert messages(lines.wait(1, alive=weird)) == ['young']
    harness.until(lambda: weird.metric('weir_input_connections', plugin='file') == 0, 'closed', alive=weird)
    os.rename(path('young.log'), path('young.1'))       # renamed while it was closed
    append(path('young.1'), 'young 2')
    append(path('old.log'), 'old 2')
    append(path('young.log'), 'young 3')
    assert sorted(messages(lines.wait(4, alive=weird))) == ['old 2', 'young', 'young 2', 'young 3']
    weird.stop()


if __name__ == '__main__':
    harness.main()
