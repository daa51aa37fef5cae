"""harness.py - what the tests that run programs share: processes, ports, waiting, weird itself.

A test is a file with functions test_*() and `harness.main()` at its end; each function runs in a fresh folder, and
whatever it started has ended (by its pid) when the next one begins. It fails by an assertion. Everything is on loopback.

Waiting is for something: a line of a program (Program.line), readiness (Weird), lines of a file (Lines), or a condition
(until) that is asked again at short intervals, never a plain delay.
"""
import ctypes
import http.server
import json
import os
import random
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
FAULTS = os.path.join(ROOT, 'test/faults')
PARTS = os.environ.get('WEIR_PARTS', os.path.join(ROOT, 'build/parts'))
LIVE = os.environ.get('WEIR_LIVE') == '1'
CI = bool(os.environ.get('CI'))
SECONDS = 120           # any single wait; a sanitizer on a busy machine is slow

work = None             # the folder of the running test
running = []            # what the running test started


class Skip(Exception):
    pass


def skip(reason):
    """This test cannot run here. In CI as root there is no such excuse for a namespace."""
    raise Skip(reason)


def part(name, file):
    """The path of an unpacked program, or the test is skipped."""
    path = os.path.join(PARTS, name, file)
    if not os.path.exists(path):
        skip("%s is not below %s: scripts/parts.sh %s could not unpack it" % (name, PARTS, name))
    return os.path.join(PARTS, name)


PORTS_TAKEN = []   # sockets whose abstract names tell every other test of this network that the port is spoken for


def free_port():
    """A port that is free for TCP and UDP, below the range the kernel itself draws from, and that no test beside this one is given while this process lives."""
    for _ in range(200):
        port = random.randrange(12000, 32000)
        taken = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            taken.bind('\0weir-test-port-%d' % port)
        except OSError:
            taken.close()
            continue
        PORTS_TAKEN.append(taken)
        try:
            for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                with socket.socket(socket.AF_INET, kind) as s:
                    s.bind(('127.0.0.1', port))
            return port
        except OSError:
            pass
    raise AssertionError('no free port')


def until(condition, what, seconds=SECONDS, alive=None):
    """Waits until condition() is true and returns what it said. `alive`: a Program that must not end meanwhile."""
    end = time.monotonic() + seconds
    while True:
        answer = condition()
        if answer:
            return answer
        if alive is not None and alive.ended():
            raise AssertionError('%s ended (%s) before %s' % (alive.name, alive.status, what))
        if time.monotonic() > end:
            raise AssertionError('%s: not within %g s' % (what, seconds))
        select.select([alive.pidfd] if alive else [], [], [], 0.02)


class Program:
    """A child process with its output kept line by line. Ended by its pid, at the latest when the test ends."""

    def __init__(self, name, command, env=None, cwd=None):
        self.name, self.lines, self.status = name, [], None
        self.more = threading.Condition()
        self.p = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                  env=dict(os.environ, **(env or {})), cwd=cwd or work, start_new_session=True)
        self.pid, self.pidfd = self.p.pid, os.pidfd_open(self.p.pid)
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()
        running.append(self)

    def read(self):
        for raw in self.p.stdout:
            with self.more:
                self.lines.append(raw.decode('utf-8', 'replace').rstrip('\n'))
                self.more.notify_all()
        with self.more:
            self.reader = None
            self.more.notify_all()

    def line(self, pattern, seconds=SECONDS):
        """Waits for a line that matches; returns the match."""
        end, k = time.monotonic() + seconds, 0
        with self.more:
            while True:
                while k < len(self.lines):
                    m = re.search(pattern, self.lines[k])
                    if m:
                        return m
                    k += 1
                left = end - time.monotonic()
                if left <= 0 or self.reader is None:
                    raise AssertionError('%s never said %r' % (self.name, pattern))
                self.more.wait(left)

    def ended(self):
        if self.status is None and self.p.poll() is not None:
            self.status = self.p.returncode
        return self.status is not None

    def wait(self, seconds=SECONDS):
        """Waits for the end; the exit status."""
        try:
            self.status = self.p.wait(seconds)
        except subprocess.TimeoutExpired:
            print(stacks(self.pid))
            raise AssertionError('%s does not end' % self.name) from None
        reader = self.reader
        if reader:
            reader.join(5)
        return self.status

    def signal(self, number):
        signal.pidfd_send_signal(self.pidfd, number)

    def stop(self, seconds=SECONDS):
        if not self.ended():
            self.signal(signal.SIGTERM)
        return self.wait(seconds)

    def kill(self):
        if not self.ended():
            self.signal(signal.SIGKILL)
            self.p.wait()
            self.status = self.p.returncode

    def tail(self, n=25):
        return '\n'.join('    %s| %s' % (self.name, x[:400]) for x in self.lines[-n:])


def stacks(pid):
    """What each thread of a program that hangs is doing, where a debugger is installed."""
    try:
        return subprocess.run(['gdb', '-p', str(pid), '-batch', '-ex', 'thread apply all bt 14'], capture_output=True, text=True,
                              check=False, timeout=60).stdout
    except (OSError, subprocess.TimeoutExpired) as e:
        return 'no stacks: %s' % e


class Ready:
    """The other end of sd_notify: one datagram READY=1."""

    def __init__(self, name):
        self.path = os.path.join(work, name + '.notify')
        if os.path.exists(self.path):
            os.unlink(self.path)
        self.s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        self.s.bind(self.path)
        self.env = {'NOTIFY_SOCKET': self.path}

    def wait(self, program, seconds=SECONDS):
        end = time.monotonic() + seconds
        while True:
            r, _, _ = select.select([self.s, program.pidfd], [], [], max(0, end - time.monotonic()))
            if self.s in r:
                if b'READY=1' in self.s.recv(4096).split(b'\n'):
                    return
            elif r:
                program.wait()
                raise AssertionError('%s ended (%s) before it was ready' % (program.name, program.status))
            elif time.monotonic() > end:
                raise AssertionError('%s is not ready after %g s' % (program.name, seconds))


class Weird(Program):
    """weird under a configuration, ready. `conf` is text, or a folder or file that is used as it is; None: `pipelines`, a list of maps, or what is in
    settings_dir says what to run."""

    def __init__(self, conf, data=None, settings=None, args=(), env=None, wait=True, name='weird', settings_dir=None, prefix=(), pipelines=None):
        self.data = data or os.path.join(work, 'data')
        os.makedirs(self.data, mode=0o700, exist_ok=True)
        self.expected = []
        self.api = free_port()
        if conf and ('\n' in conf or '{' in conf):
            path = os.path.join(work, name + '.conf')
            with open(path, 'w', encoding='utf-8') as f:
                f.write(conf)
            conf = path
        self.conf = conf
        folder = settings_dir or os.path.join(work, name + '.settings')
        os.makedirs(folder, exist_ok=True)
        if not settings_dir:
            self.write_settings(folder, settings or {})
        self.pipelines_file = os.path.join(folder, 'pipelines.yml')
        if pipelines:
            self.write_pipelines(pipelines)
        ready = Ready(name)
        what = ['-f', conf] if conf else []
        super().__init__(name, [*prefix, os.environ['WEIRD'], *what, '--path.settings', folder, '--path.data', self.data, *args],
                         env=dict(ready.env, **(env or {})))
        self.ready = ready
        if wait:
            ready.wait(self)

    def write_settings(self, folder, settings):
        with open(os.path.join(folder, 'weir.yml'), 'w', encoding='utf-8') as f:
            for k, v in dict({'api.http.port': self.api}, **settings).items():
                f.write('%s: %s\n' % (k, json.dumps(v)))

    def write_pipelines(self, pipelines):
        """Takes the place of the old file at once."""
        with open(self.pipelines_file + '.new', 'w', encoding='utf-8') as f:
            for p in pipelines:
                f.write('- %s\n' % json.dumps(p))      # JSON is YAML
        os.rename(self.pipelines_file + '.new', self.pipelines_file)

    def expect(self, pattern):
        """Announces a warning or error that the log will hold; any other fails the test."""
        self.expected.append(re.compile(pattern))

    def complaints(self):
        return [x for x in self.lines if re.search(r'^\S+ (?:warn|error|fatal) ', x) and not any(e.search(x) for e in self.expected)]

    def metrics(self):
        """{'name{labels}': value} of /metrics."""
        with urllib.request.urlopen('http://127.0.0.1:%d/metrics' % self.api, timeout=SECONDS) as r:
            text = r.read().decode()
        out = {}
        for line in text.split('\n'):
            if line and not line.startswith('#'):
                name, _, value = line.rpartition(' ')
                out[name] = float(value)
        return out

    def rows(self):
        """[(name, {label: value}, number)] of /metrics."""
        out = []
        for k, v in self.metrics().items():
            m = re.fullmatch(r'(\w+)(?:\{(.*)\})?', k)
            out.append((m.group(1), dict(re.findall(r'(\w+)="((?:\\.|[^"\\])*)"', m.group(2) or '')), v))
        return out

    def metric(self, name, **labels):
        """The sum of all rows of that name which carry these labels."""
        return sum(v for n, have, v in self.rows() if n == name and all(have.get(a) == b for a, b in labels.items()))

    def imbalance(self):
        """What the laws of conservation say of the counters: a text for each that does not hold now."""
        sums = {}
        for name, labels, v in self.rows():
            for scope, keys in (('pipeline', ('pipeline',)), ('output', ('pipeline', 'plugin', 'id')), ('udp', ('pipeline', 'id', 'socket'))):
                if name.startswith('weir_%s_' % scope):
                    part = sums.setdefault((scope, tuple(labels.get(k) for k in keys)), {})
                    what = name[len('weir_%s_' % scope):].removesuffix('_total')
                    part[what] = part.get(what, 0) + v
        wrong = []
        for (scope, key), c in sums.items():
            left, right = {'pipeline': (('lines', 'created'), ('merged', 'ended', 'unrouted', 'routed', 'in_flight')),
                           'output': (('routed', 'reloaded'), ('delivered', 'duplicate', 'dead_letter', 'dropped', 'unsent', 'in_flight')),
                           'udp': (('datagrams',), ('lines', 'joined', 'refused'))}[scope]
            if sum(c.get(x, 0) for x in left) != sum(c.get(x, 0) for x in right):
                wrong.append('%s %s: %s' % (scope, key, {x: c.get(x, 0) for x in left + right}))
        assert any(scope == 'pipeline' for scope, _ in sums), 'no counters of a pipeline at /metrics'
        return wrong

    def balance(self):
        """The counters add up, as soon as nothing is on its way between two of them."""
        last = []

        def holds():
            last[:] = self.imbalance()
            return not last
        try:
            until(holds, 'the counters add up', 20, alive=self)
        except AssertionError as e:
            raise AssertionError('%s: %s' % (e, last)) from None

    def stop(self, seconds=SECONDS, balance=True):
        if balance:
            self.balance()
        status = super().stop(seconds)
        assert status == 0, 'weird ended with %s' % status
        bad = self.complaints()
        assert not bad, 'not expected in the log:\n' + '\n'.join(bad[:20])
        return status


class Lines:
    """The complete lines of a file that grows, told by inotify when there is more."""
    libc = ctypes.CDLL(None, use_errno=True)

    def __init__(self, path):
        self.path, self.rest, self.lines, self.f = path, b'', [], None
        self.fd = self.libc.inotify_init1(os.O_CLOEXEC | os.O_NONBLOCK)
        self.libc.inotify_add_watch(self.fd, os.path.dirname(path).encode(), 0x2 | 0x80 | 0x100)   # MODIFY, MOVED_TO, CREATE

    def take(self):
        if self.f is None:
            try:
                self.f = open(self.path, 'rb')
            except FileNotFoundError:
                return
        parts = (self.rest + self.f.read()).split(b'\n')
        self.rest = parts.pop()
        self.lines += parts

    def wait(self, count, seconds=SECONDS, alive=None):
        """Waits until there are that many lines and returns all of them."""
        end = time.monotonic() + seconds
        while True:
            self.take()
            if len(self.lines) >= count:
                return self.lines
            left = end - time.monotonic()
            if left <= 0 or (alive and alive.ended()):
                raise AssertionError('%d of %d lines in %s after %g s' % (len(self.lines), count, self.path, seconds))
            select.select([self.fd] + ([alive.pidfd] if alive else []), [], [], left)
            try:
                os.read(self.fd, 65536)
            except BlockingIOError:
                pass

    def documents(self, count, **kw):
        return [json.loads(x) for x in self.wait(count, **kw)]

    def __del__(self):
        os.close(self.fd)


class Answering(http.server.BaseHTTPRequestHandler):
    """A server's answers: do(body) says status and bytes."""
    protocol_version = 'HTTP/1.1'

    def answer(self):
        status, data = self.do(self.rfile.read(int(self.headers.get('Content-Length', 0))))
        self.send_response(status)
        self.send_header('Content-Length', str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_PUT = do_POST = answer

    def log_message(self, *a):
        pass


def main():
    """Runs the test_*() functions of the calling file, or those named on the command line."""
    global work
    tests = {k: v for k, v in sys.modules['__main__'].__dict__.items() if k.startswith('test_')}
    wanted = sys.argv[1:] or list(tests)
    failed, skipped = 0, []
    for name in wanted:
        work = tempfile.mkdtemp(prefix='weir-', dir=os.environ.get('TMPDIR', '/tmp'))
        os.chmod(work, 0o755)
        began = time.monotonic()
        try:
            tests[name]()
            print('ok   %s (%.1f s)' % (name, time.monotonic() - began), flush=True)
        except Skip as e:
            if CI and os.geteuid() == 0 and 'namespace' in str(e):
                failed += 1
                print('FAIL %s: %s' % (name, e), flush=True)
            else:
                skipped.append(str(e))
                print('skip %s: %s' % (name, e), flush=True)
        except BaseException as e:
            failed += 1
            print('FAIL %s (%.1f s)' % (name, time.monotonic() - began))
            traceback.print_exc(file=sys.stdout)
            for p in running:
                print(p.tail(), flush=True)
            if isinstance(e, KeyboardInterrupt):
                raise
        finally:
            for p in reversed(running):
                p.kill()
            running.clear()
            shutil.rmtree(work, ignore_errors=True)
    if failed:
        sys.exit(1)
    if skipped and len(skipped) == len(wanted):
        print(skipped[0])
        sys.exit(77)
