#!/usr/bin/env python3
"""nginx.py - a real nginx before the input http, as a reverse proxy that keeps connections, passes chunks and compressed bodies on; and the output http
towards it, while the far end behind it goes and comes back. Counted to the last event."""
import glob
import gzip
import http.client
import json
import os
import signal
import socket
import threading

import harness
from certificates import certificate, path

CONF = '''
daemon off;
worker_processes 1;
error_log stderr warn;
pid %(work)s/nginx.pid;
events { worker_connections 512; }
http {
    client_body_temp_path %(work)s/body;
    proxy_temp_path %(work)s/proxy;
    fastcgi_temp_path %(work)s/fastcgi;
    uwsgi_temp_path %(work)s/uwsgi;
    scgi_temp_path %(work)s/scgi;
    client_max_body_size 100m;
    access_log off;
    upstream weir {
        server 127.0.0.1:%(upstream)d;
        keepalive 8;
    }
    server {
        listen 127.0.0.1:%(port)d;
        %(more)s
        location / {
            proxy_pass %(scheme)s://weir;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header X-Forwarded-For $remote_addr;
            %(proxy)s
        }
        location /unbuffered {
            proxy_pass %(scheme)s://weir;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header X-Forwarded-For $remote_addr;
            proxy_request_buffering off;
            %(proxy)s
        }
    }
}
'''
HTTP_IN = 'input { http { host => "127.0.0.1" port => %d %s } }\noutput { file { path => "%s" codec => json_lines } }\n'


def nginx(upstream, more='', scheme='http', proxy='', listen=''):
    """(the program, its port), ready."""
    root = harness.part('nginx', 'usr/sbin/nginx')
    port = harness.free_port()
    conf = CONF % {'work': harness.work, 'upstream': upstream, 'port': port, 'more': more, 'scheme': scheme, 'proxy': proxy}
    if listen:
        conf = conf.replace('listen 127.0.0.1:%d;' % port, 'listen 127.0.0.1:%d %s;' % (port, listen))
    if os.geteuid() == 0:
        conf = 'user root;\n' + conf        # its worker must get at the test's folder
    with open(path('nginx.conf'), 'w', encoding='utf-8') as f:
        f.write(conf)
    libs = ':'.join(glob.glob(root + '/usr/lib/*-linux-*'))
    p = harness.Program('nginx', [root + '/usr/sbin/nginx', '-e', 'stderr', '-p', harness.work, '-c', path('nginx.conf')], env={'LD_LIBRARY_PATH': libs} if libs else {})
    harness.until(lambda: os.path.exists(path('nginx.pid')), 'nginx runs', alive=p)
    return p, port


def receiver(options='', name='weird', port=None):
    port = port or harness.free_port()
    out = path(name + '.ndjson')
    return harness.Weird(HTTP_IN % (port, options, out), name=name, data=path(name + '.data')), harness.Lines(out), port


def chunks(*parts):
    yield from parts


def test_before_the_input():
    """Kept connections, bodies with a length and in chunks, buffered by nginx or not, compressed or not, one of 20 MB."""
    weird, lines, port = receiver()
    proxy, front = nginx(port)
    n = 0
    for target in ('/a', '/unbuffered/b'):
        c = http.client.HTTPConnection('127.0.0.1', front, timeout=harness.SECONDS)
        for i in range(50):
            text = 'number %d of %s' % (i, target)
            kind = i % 4
            if kind == 0:
                c.request('POST', target, text)
            elif kind == 1:
                c.request('POST', target, chunks(text[:3].encode(), text[3:].encode()), {'Transfer-Encoding': 'chunked'}, encode_chunked=True)
            elif kind == 2:
                c.request('POST', target, gzip.compress(text.encode()), {'Content-Encoding': 'gzip'})
            else:
                c.request('PUT', target, json.dumps({'message': text}), {'Content-Type': 'application/json'})
            r = c.getresponse()
            assert r.status == 200 and r.read() == b'ok', (target, i, r.status)
            n += 1
            doc = lines.documents(n, alive=weird)[-1]
            head = doc['headers']
            assert doc['message'] == text and head['x_forwarded_for'] == '127.0.0.1' and head['request_path'] == target, doc
        c.close()
    # nginx keeps its connections: a hundred requests did not need a hundred.
    assert weird.metric('weir_input_connections_total', result='accepted') <= 10
    big = b'x' * (20 << 20)
    c = http.client.HTTPConnection('127.0.0.1', front, timeout=harness.SECONDS)
    c.request('POST', '/unbuffered/big', big)
    assert c.getresponse().status == 200
    c.close()
    assert len(lines.documents(n + 1, alive=weird)[-1]['message']) == len(big)
    proxy.stop()
    weird.stop()


def test_tls_both_ways():
    """nginx speaks TLS to its clients and to weird, and shows weird its certificate."""
    certificate('ca', 'authority')
    certificate('server', 'server', 'ca', 'IP:127.0.0.1,DNS:weir')
    certificate('client', 'nginx', 'ca')
    weird, lines, port = receiver('ssl_enabled => true ssl_certificate => "%s" ssl_key => "%s" ssl_client_authentication => required ssl_certificate_authorities => ["%s"]'
                                  % (path('server.pem'), path('server.key'), path('ca.pem')))
    pair = '%s_certificate %s; %s_certificate_key %s;'
    proxy, front = nginx(port, more=pair % ('ssl', path('server.pem'), 'ssl', path('server.key')), scheme='https', listen='ssl',
                         proxy=pair % ('proxy_ssl', path('client.pem'), 'proxy_ssl', path('client.key')) + ' proxy_ssl_verify on; proxy_ssl_trusted_certificate %s; proxy_ssl_name weir;' % path('ca.pem'))
    sender = harness.Weird('input { generator { count => 500 } }\noutput { http { url => "https://127.0.0.1:%d/x" http_method => "post" format => "json" '
                           'ssl_certificate_authorities => ["%s"] } }\n' % (front, path('ca.pem')), name='sender', data=path('sender.data'))
    assert sorted(d['sequence'] for d in lines.documents(500, alive=weird)) == list(range(500))
    assert sender.wait() == 0 and not sender.complaints(), sender.complaints()
    proxy.stop()
    weird.stop()


def test_output_while_the_far_end_is_away():
    """nginx answers 502 while nobody is behind it, and is itself reloaded: each event arrives."""
    come, far = harness.free_port(), harness.free_port()
    proxy, front = nginx(far)
    sender = harness.Weird('input { tcp { host => "127.0.0.1" port => %d } }\noutput { http { url => "http://127.0.0.1:%d/x" http_method => "post" format => "json" '
                           'automatic_retries => 1 http_compression => true } }\n' % (come, front), name='sender', data=path('sender.data'))
    sender.expect('502|Bad Gateway|trying again|events wait')

    def feed(first, count):
        with socket.create_connection(('127.0.0.1', come)) as s:
            s.sendall(b''.join(b'%d\n' % i for i in range(first, first + count)))
    feed(0, 200)
    harness.until(lambda: sender.metric('weir_output_retried_total') > 0, 'it is tried again', alive=sender)
    weird, lines, _ = receiver(port=far)
    lines.wait(200, alive=weird)
    proxy.signal(signal.SIGHUP)
    done = threading.Thread(target=feed, args=(200, 2000))
    done.start()
    lines.wait(2200, alive=weird)
    done.join(harness.SECONDS)
    have = sorted(int(d['message']) for d in lines.documents(2200, alive=weird))
    assert sorted(set(have)) == list(range(2200)), len(have)
    harness.until(lambda: sender.metric('weir_output_delivered_total') == 2200, 'all are delivered', alive=sender)
    sender.stop()
    proxy.stop()
    weird.stop()
    assert len(lines.wait(2200)) - 2200 <= 50, 'more twice than can have been under way'


harness.main()
