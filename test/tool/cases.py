#!/usr/bin/env python3
"""cases.py WEIR WEIRD: `weir test` with test case files of both generations of Logstash Filter Verifier."""
import json
import os
import subprocess
import sys
import tempfile

weir = sys.argv[1]
FILTER = '''filter {
  if [type] == "syslog" {
    grok { match => ["message", "%{SYSLOGTIMESTAMP:timestamp} %{SYSLOGHOST:host} %{WORD:program}(?:\\[%{INT:pid:int}\\])?: %{GREEDYDATA:message}"]
           overwrite => ["message"] }
    date { match => ["timestamp", "MMM  d HH:mm:ss"] remove_field => "timestamp" }
  }
  if [message] == "drop" { drop { } }
}
'''
PIPELINE = '''input {
  stdin { id => "in" tags => ["first"] }
  tcp { id => "lines" port => 1 type => "x" codec => multiline { pattern => "^ " what => previous } }
}
filter {
  translate { id => "look" source => "message" target => "t" dictionary_path => "/nonexistent.yml" }
  mutate { add_field => { "[@metadata][k]" => "v" } }
}
output {
  stdout { id => "so" }
  if "multi" in [message] { file { id => "fi" path => "/nonexistent/x" } }
}
'''
MOCK = '- id: look\n  mock: |\n    mutate { replace => { "t" => "mocked" } }\n'
GOOD = {'host': 'front', 'message': 'hello', 'pid': 3, 'program': 'prog', 'type': 'syslog', '@timestamp': '2026-10-06T20:55:29.000Z'}

folder = None


def put(name, content):
    path = os.path.join(folder, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, 'w', encoding='utf-8') as f:
        f.write(content if isinstance(content, str) else json.dumps(content))
    return path


def test(*args):
    p = subprocess.run([weir, 'test', '--now', '2026-11-24T00:00:00Z', *args], capture_output=True, check=False)
    return p.returncode, p.stdout.decode(), p.stderr.decode()


def test_first_generation():
    conf = put('conf/f.conf', FILTER)
    put('t/a.json', {'fields': {'type': 'syslog', '[log][file]': 'x'}, 'ignore': ['[log][file]'],
                     'testcases': [{'input': ['Oct  6 20:55:29 front prog[3]: hello'], 'expected': [dict(GOOD, **{'log': {}})]},
                                   {'input': ['drop'], 'expected': []}]})
    status, out, err = test(os.path.join(folder, 't'), conf)
    assert status == 0 and out.startswith('2 of 2 cases passed, in ') and not err, (status, out, err)
    # The oldest form, in YAML, in a folder below; JSON in several lines, with a field of a field.
    put('t/ref.json', {'fields': {'a': {'b': 1}}, 'ignore': ['@timestamp'],
                       'testcases': [{'input': ['x'], 'expected': [{'message': 'x', '[a][b]': 1}]}]})
    put('t/codec.json', {'codec': 'multiline { pattern => "^ " what => previous charset => "ISO-8859-1" }', 'ignore': ['@timestamp'],
                         'testcases': [{'input': ['a', ' b', 'c'], 'expected': [{'message': 'a\n b', 'tags': ['multiline']}, {'message': 'c'}]}]})
    put('t/deep/old.yml', 'codec: json_lines\nignore: ["@timestamp"]\ninput:\n  - >\n    {\n      "message": "m",\n      "[a][b]": 1\n    }\n'
                          'expected:\n  - message: m\n    a: {b: 1.0}\n')
    status, out, err = test('-v', os.path.join(folder, 't'), conf)
    assert status == 0 and [x[:4] for x in out.splitlines()[:-1]] == ['ok  '] * 5, (out, err)


def test_differences():
    conf = put('conf/f.conf', FILTER)
    path = put('a.json', {'fields': {'type': 'syslog'}, 'testcases': [
        {'description': 'what differs', 'input': ['Oct  6 20:55:29 front prog: hello'], 'expected': [dict(GOOD, host='back')]},
        {'input': ['a', 'drop'], 'expected': [{'message': 'a', 'type': 'syslog', 'tags': ['_grokparsefailure']}, {'message': 'drop'}]}]})
    status, out, _ = test(path, conf)
    lines = out.splitlines()
    assert status == 1 and lines[0].endswith('a.json, case 1 (what differs)') and lines[0].startswith('FAIL '), out
    assert lines[1] == '  input    "Oct  6 20:55:29 front prog: hello"', out
    assert '  event 1: [host]: expected "back", got "front"' in lines and '  event 1: [pid]: expected 3, got nothing' in lines, out
    assert '  expected 2 events, got 1' in lines and '  event 2: missing: {"message":"drop"}' in lines, out
    assert any(x.startswith('  event 1: [@timestamp]: not expected, got "') for x in lines), out
    assert lines[-1].startswith('0 of 2 cases passed'), out


def test_second_generation():
    conf, mock = put('conf/p.conf', PIPELINE), put('mock.yml', MOCK)
    seen = {'tags': ['first'], 'n': 2, 't': 'mocked', '@metadata': {'k': 'v'}}
    put('t/a.json', {'ignore': ['@timestamp'], 'input_plugin': 'in', 'export_outputs': True, 'export_metadata': True, 'fields': {'n': 1},
                     'testcases': [{'input': ['one', 'multi\nline'], 'fields': {'n': 2},
                                    'expected': [dict(seen, message='one', __lfv_out_passed='so'),
                                                 dict(seen, message='multi\nline', __lfv_out_passed='fi'),
                                                 dict(seen, message='multi\nline', __lfv_out_passed='so')]},
                                   {'event': {'n': 3}, 'expected': [dict(seen, n=3, __lfv_out_passed='so')]}]})
    put('t/b.yaml', 'input_plugin: lines\nignore: ["@timestamp"]\ntestcases:\n  - input: ["foo\\n  bar\\nother"]\n    expected:\n'
                    '      - {message: "foo\\n  bar", tags: [multiline], type: x, t: mocked}\n      - {message: other, type: x, t: mocked}\n')
    tests = os.path.join(folder, 't')
    status, out, err = test('--testcase-dir', tests, '--logstash-config', conf, '--plugin-mock', mock, '--add-missing-id')
    assert status == 0 and out.startswith('3 of 3') and not err, (out, err)
    # By pipelines.yml, which says where it is relative to itself; the input decides which one is meant.
    pipelines = put('pipelines.yml', '- pipeline.id: other\n  config.string: "input { stdin { id => other } }"\n'
                                     '- pipeline.id: main\n  path.config: "conf/p.conf"\n')
    status, out, err = test('--testcase-dir=' + tests, '--pipeline=' + pipelines, '--plugin-mock=' + mock)
    assert status == 0 and out.startswith('3 of 3'), (out, err)
    # Each with settings of its own.
    put('pipelines.yml', '- pipeline.id: ecs\n  pipeline.ecs_compatibility: v8\n  config.string: "input { stdin { id => in } } filter { translate { source => message dictionary => [one, two] } }"\n')
    put('v8/a.json', {'input_plugin': 'in', 'ignore': ['@timestamp'], 'testcases': [{'input': ['one'], 'expected': [{'message': 'two', 'event': {'original': 'one'}}]}]})
    status, out, err = test('--testcase-dir', os.path.join(folder, 'v8'), '--pipeline', pipelines)
    assert status == 0 and out.startswith('1 of 1'), (out, err)
    put('t/c.json', {'input_plugin': 'nobody', 'testcases': []})
    status, out, err = test('--testcase-dir', tests, '--logstash-config', conf, '--plugin-mock', mock)
    assert status == 2 and "c.json: no input has the id 'nobody'" in err, err


def test_refusals():
    conf = put('conf/f.conf', FILTER)
    good = put('good.json', {'testcases': []})
    for content, said in (('{', 'bad.json: '), ('[]', 'holds one object'), ({'testcases': [1]}, "'testcases' takes a list of objects"),
                          ({'testcases': [{'input': [1]}]}, "'input' takes a list of texts"), ({}, "there is no 'testcases'"),
                          ('{"testcases": []} x', 'behind the end')):
        status, out, err = test(put('bad.json', content), conf)
        assert status == 2 and said in err and not out, (content, out, err)
    broken = put('conf/broken.conf', 'filter { mutat { } }')
    status, _, err = test(good, broken)
    assert status == 2 and "broken.conf:1:10: unknown filter 'mutat'" in err, err
    for args in ((), (good,), ('--no-such', good, conf), (os.path.join(folder, 'none'), conf), (os.path.join(folder, 'conf'), conf)):
        status, out, err = test(*args)
        assert status == 2 and err and not out, (args, err)
    status, _, err = test(good, conf, '--plugin-mock', put('m.yml', '- mock: x\n'))
    assert status == 2 and "each entry has an 'id'" in err, err


def main():
    global folder
    failed = 0
    for name, fn in sorted(globals().items()):
        if not name.startswith('test_'):
            continue
        with tempfile.TemporaryDirectory() as folder:
            try:
                fn()
            except Exception as e:
                failed += 1
                print('%s: %r' % (name, e))
    sys.exit(1 if failed else 0)


main()
