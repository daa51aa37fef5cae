"""es_fake.py - an Elasticsearch that keeps templates, policies, aliases and the number of documents of each index, and refuses what a test wants.

It answers as the real servers do where that was tried (test/daemon/outputs_live.py asks them the same). `fault` is asked first: a status to answer
with, or None; `late` may hold an answer back. `asked` holds (method, path without query, body) of all requests in order.
"""
import fnmatch
import http.server
import json
import threading
import time
import urllib.parse

import harness

ABSENT = 'absent'       # fault: as a server that has no such API


class Fake(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, version='8.19.0', port=0, distribution=None, fault=lambda method, path: None):
        self.version, self.distribution, self.fault, self.late = version, distribution, fault, lambda method, path: None
        self.templates, self.policies, self.indices, self.documents = {}, {}, {}, {}
        self.asked, self.headers_seen, self.lock = [], [], threading.Lock()
        super().__init__(('127.0.0.1', port), Answer)
        self.port = self.server_port
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def close(self):
        self.shutdown()
        self.server_close()

    def done(self, method='', start=''):
        """[(method, path)] of what was asked."""
        return [(m, p) for m, p, _ in self.asked if m.startswith(method) and p.startswith(start)]

    def changes(self):
        return self.done('PUT') + self.done('DELETE')

    def handle_error(self, request, client_address):
        pass        # a client that waits no longer

    # ---- what it has ----

    def get(self, path):
        if path == '/':
            version = {'number': self.version}
            if self.distribution:
                version['distribution'] = self.distribution
            return 200, {'version': version}
        if path.startswith('/_index_template') and path.count('/') == 1:
            return 200, {'index_templates': [{'name': n, 'index_template': t} for (a, n), t in self.templates.items() if a == '_index_template']}
        api, _, name = path[1:].partition('/')
        if api in ('_index_template', '_template'):
            return (200, {}) if (api, name) in self.templates else (404, {})
        if api == '_ilm':
            name = name.partition('/')[2]
            return (200, {name: {}}) if name in self.policies else error(404, 'resource_not_found_exception', 'Lifecycle policy not found')
        found = {i: {'aliases': a} for i, a in self.indices.items() if i == api or api in a}
        return (200, found) if found else error(404, 'index_not_found_exception', 'no such index')

    def put(self, path, query, body):
        api, _, name = path[1:].partition('/')
        if api in ('_index_template', '_template'):
            if 'create=true' in query and (api, name) in self.templates:
                return error(400, 'illegal_argument_exception', 'index template [%s] already exists' % name)
            if ('template' in body) != (api == '_index_template'):
                return error(400, 'x_content_parse_exception', 'unknown field')
            self.templates[api, name] = body
        elif api == '_ilm':
            self.policies[name.partition('/')[2]] = body
        else:
            name = path[1:]
            if name.startswith('<'):
                name = name[1:-1].replace('{now/d}', time.strftime('%Y.%m.%d', time.gmtime()))
            if name in self.indices:
                return error(400, 'resource_already_exists_exception', 'index [%s] already exists' % name)
            self.indices[name] = body['aliases']
        return 200, {'acknowledged': True}

    def bulk(self, body):
        items = []
        lines = body.split(b'\n')
        for action in lines[:-1:2]:
            (verb, what), = json.loads(action).items()
            index = what['_index']
            if not self.get('/' + index)[0] == 200:
                self.indices[index] = {}
            self.documents[index] = self.documents.get(index, 0) + 1
            items.append({verb: {'status': 201}})
        return 200, {'errors': False, 'items': items}

    def template_of(self, index):
        """The composable or legacy templates that a new index of that name would get."""
        return [n for (_, n), t in self.templates.items() for p in t['index_patterns'] if fnmatch.fnmatch(index, p)]


def error(status, kind, reason):
    return status, {'error': {'type': kind, 'reason': reason}, 'status': status}


class Answer(harness.Answering):
    def do(self, body):
        path, _, query = self.path.partition('?')
        path = urllib.parse.unquote(path)
        fake = self.server
        bulk = path.endswith('/_bulk')
        parsed = body if bulk else json.loads(body) if body else None
        with fake.lock:
            fake.asked.append((self.command, path, parsed))
            fake.headers_seen.append(dict(self.headers))
        fault = fake.fault(self.command, path)
        with fake.lock:
            if fault == ABSENT:
                answer = 400, {'error': 'no handler found for uri [%s] and method [%s]' % (path, self.command)}
            elif fault:
                answer = error(fault, 'security_exception' if fault in (401, 403) else 'some_exception', 'by the test')
            elif bulk:
                answer = fake.bulk(body)
            else:
                answer = fake.put(path, query, parsed) if self.command == 'PUT' else fake.get(path)
        fake.late(self.command, path)
        return answer[0], json.dumps(answer[1]).encode()
