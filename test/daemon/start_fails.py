#!/usr/bin/env python3
"""start_fails.py - inputs that open and then cannot start (fail_start.c makes libuv refuse): weird ends with one clear line, or the others go on; at
the end nothing hangs."""
import os
import signal
import subprocess

import harness

OUT = 'output { file { path => "%s" codec => json_lines } }\n'
PRELOAD = os.environ['FAIL_START_LIB']


def out(name='out.ndjson'):
    return os.path.join(harness.work, name)


def env(kinds):
    # The sanitizer's library wants to be the first one, which it need not be for this.
    options = os.environ.get('ASAN_OPTIONS', '')
    return {'LD_PRELOAD': PRELOAD, 'FAIL_START': kinds, 'ASAN_OPTIONS': (options + ':' if options else '') + 'verify_asan_link_order=0'}


def inputs():
    return {'udp': 'udp { host => "127.0.0.1" port => %d }' % harness.free_port(), 'tcp': 'tcp { host => "127.0.0.1" port => %d }' % harness.free_port(),
            'udp tcp': 'syslog { host => "127.0.0.1" port => %d }' % harness.free_port(), 'udp ': 'gelf { host => "127.0.0.1" port => %d }' % harness.free_port(),
            ' tcp': 'beats { host => "127.0.0.1" port => %d }' % harness.free_port(), 'tcp ': 'http { host => "127.0.0.1" port => %d }' % harness.free_port(),
            ' tcp ': 'unix { path => "%s" }' % out('in.sock')}


def test_the_only_pipeline():
    """One clear line, exit status 1; what other inputs of it have begun ends with it."""
    for kinds, text in inputs().items():
        weird = harness.Weird('input { generator { message => "x" count => 100 } %s }\n' % text + OUT % out(), env=env(kinds), wait=False)
        assert weird.wait() == 1, weird.tail()
        assert any('cannot listen: no buffer space' in x or 'cannot read datagrams: no buffer space' in x for x in weird.lines), weird.tail()


def test_standard_input():
    weird = [os.environ['WEIRD'], '-e', 'input { stdin { } } output { null { } }', '--path.data', out('data'), '--api.enabled', 'false']
    p = subprocess.run(weird, input=b'x\n', capture_output=True, timeout=harness.SECONDS, env=dict(os.environ, **env('pipe')), check=False)
    assert p.returncode == 1 and b'cannot read standard input' in p.stderr + p.stdout, p


def test_one_of_two():
    """The other pipeline goes on."""
    port = harness.free_port()
    good = {'pipeline.id': 'good', 'config.string': 'input { generator { count => 1 message => "here" } heartbeat { interval => 3600 } }\n' + OUT % out()}
    bad = {'pipeline.id': 'bad', 'config.string': 'input { udp { host => "127.0.0.1" port => %d } }\n' % port + OUT % out('bad.ndjson')}
    weird, lines = harness.Weird(None, pipelines=[good, bad], env=env('udp')), harness.Lines(out())
    weird.expect("'bad': not started: ")
    lines.wait(2, alive=weird)
    weird.line("'bad': not started: .*cannot read datagrams")
    weird.stop()


def test_new_input_of_a_reload():
    """What has run goes on; the reload says what is wrong; the end does not hang."""
    ports = harness.free_port(), harness.free_port()
    first = 'input { http { host => "127.0.0.1" port => %d } }\n' % harness.free_port()
    weird, lines = harness.Weird('input { generator { count => 1 message => "one" } heartbeat { interval => 3600 } }\n' + OUT % out(), env=env('udp tcp')), harness.Lines(out())
    weird.expect('not reloaded|cannot read datagrams|cannot listen')
    lines.wait(2, alive=weird)
    for text in ('udp { host => "127.0.0.1" port => %d }' % ports[0], 'tcp { host => "127.0.0.1" port => %d }' % ports[1], first[8:-3]):
        with open(weird.conf, 'w', encoding='utf-8') as f:
            f.write('input { generator { count => 1 message => "one" } heartbeat { interval => 3600 } %s }\n' % text + OUT % out())
        before = len([x for x in weird.lines if 'no buffer space' in x])
        weird.signal(signal.SIGHUP)
        harness.until(lambda: len([x for x in weird.lines if 'no buffer space' in x]) > before, 'the reload fails', alive=weird)
    weird.stop()


harness.main()
