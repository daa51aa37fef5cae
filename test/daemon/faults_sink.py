"""faults_sink.py - the fake Elasticsearch of test/faults as a program of a test."""
import json
import os
import sys
import urllib.request

import harness


class Sink(harness.Program):
    def __init__(self, schedule, name='sink', *more):
        self.port = harness.free_port()
        super().__init__(name, [sys.executable, os.path.join(harness.FAULTS, 'seqsink.py'), 'serve', '--port', str(self.port), '--schedule', schedule, *more])
        harness.until(lambda: self.answers(), 'the sink', alive=self)

    def answers(self):
        try:
            return self.report() is not None
        except OSError:
            return False

    def report(self):
        with urllib.request.urlopen('http://127.0.0.1:%d/__report' % self.port, timeout=harness.SECONDS) as r:
            return json.loads(r.read())

    def schedule(self, text):
        urllib.request.urlopen(urllib.request.Request('http://127.0.0.1:%d/__schedule' % self.port, text.encode(), method='POST'), timeout=30).close()

    def stored_documents(self):
        """How many documents it took, whatever is in them."""
        try:
            return self.report()['stored']
        except OSError:
            return -1

    def stored(self):
        """How many different numbers of seqsend it has seen."""
        try:
            return sum(b - a + 1 for ranges in self.report()['seen'].values() for a, b, _ in ranges)
        except OSError:         # it may be refusing these, too
            return 0
