"""servers.py - a real OpenSearch and a real Elasticsearch on loopback, unpacked below build/parts, with a fresh data folder.

Each answers when the constructor returns. Only with ./check --live: they are big downloads.
"""
import json
import os
import shutil
import signal
import tempfile
import urllib.error
import urllib.request

import harness


class Server(harness.Program):
    def request(self, method, path, body=None, ok=(200, 201)):
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        r = urllib.request.Request('http://127.0.0.1:%d%s' % (self.port, path), data, {'Content-Type': 'application/json'}, method=method)
        try:
            with urllib.request.urlopen(r, timeout=harness.SECONDS) as answer:
                status, text = answer.status, answer.read()
        except urllib.error.HTTPError as e:
            status, text = e.code, e.read()
        assert ok is None or status in ok, '%s %s: %d %s' % (method, path, status, text[:400])
        return status, json.loads(text) if text else None

    def documents(self, index):
        """All documents of an index or stream, refreshed first."""
        self.request('POST', '/%s/_refresh' % index)
        out, answer = [], self.request('POST', '/%s/_search?scroll=1m' % index, {'size': 5000, 'sort': ['_doc']})[1]
        while answer['hits']['hits']:
            out += answer['hits']['hits']
            answer = self.request('POST', '/_search/scroll', {'scroll': '1m', 'scroll_id': answer['_scroll_id']})[1]
        self.request('DELETE', '/_search/scroll', {'scroll_id': answer['_scroll_id']})
        return out

    def count(self, index):
        status, answer = self.request('POST', '/%s/_refresh' % index, ok=None)
        if status == 404:
            return 0
        return self.request('GET', '/%s/_count' % index)[1]['count']


class OpenSearch(Server):
    def __init__(self, *settings):
        if not harness.LIVE:
            harness.skip('./check --live: a real OpenSearch is a big download')
        home = harness.part('opensearch', 'ready')
        with open(home + '/ready', encoding='utf-8') as f:
            java = f.read().strip()
        super().__init__('opensearch', [java + '/bin/java', '-Xms256m', '-Xmx512m', '-XX:+UseSerialGC', '-cp',
                                        '%s/target/classes:%s/target/lib/*' % (home, home), 'OsNode', '0',
                                        os.path.join(harness.work, 'opensearch'), *settings])
        self.port = int(self.line(r'^ready (\d+)$', 300).group(1))


class Elasticsearch(Server):
    def __init__(self, *settings):
        if not harness.LIVE:
            harness.skip('./check --live: a real Elasticsearch is a big download')
        home = harness.part('elasticsearch', 'ready')
        with open(home + '/ready', encoding='utf-8') as f:
            java = f.read().strip()
        # It refuses to run as root, so it is the user nobody, who must be able to read it.
        self.copy = None
        if os.geteuid() == 0 and not reachable(home):
            self.copy = tempfile.mkdtemp(prefix='weir-es-')
            os.chmod(self.copy, 0o755)
            shutil.copytree(home + '/home', self.copy + '/home', symlinks=True)
            home = self.copy
        where = os.path.join(harness.work, 'elasticsearch')
        os.makedirs(where, exist_ok=True)     # the same data folder after a kill
        start = os.path.join(harness.ROOT, 'test/servers/elasticsearch/start-zip.sh')
        super().__init__('elasticsearch', [start, home + '/home', java, '0', where, 'xpack.security.autoconfiguration.enabled=false', *settings],
                         env={'ES_JAVA_OPTS': '-Xms512m -Xmx512m'})
        self.port = int(self.line(r'AbstractHttpServerTransport.*publish_address \{127\.0\.0\.1:(\d+)\}', 300).group(1))
        self.line(r'\] started', 120)

    def signal(self, number):
        """What was started is a launcher: killed alone, it leaves a server behind that ends in peace. SIGKILL goes to both."""
        if number == signal.SIGKILL:
            os.killpg(self.pid, number)
        else:
            super().signal(number)

    def kill(self):
        super().kill()
        if self.copy:
            shutil.rmtree(self.copy, ignore_errors=True)


def reachable(path):
    """Can the user nobody get there?"""
    path = os.path.realpath(path)
    while path != '/':
        if not os.stat(path).st_mode & 0o001:
            return False
        path = os.path.dirname(path)
    return True
