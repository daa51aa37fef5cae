#!/usr/bin/env python3
"""redis.py - lists and channels of a real Redis, read and written: nothing is lost that Redis can keep."""
import json
import os

import brokers
import harness
from brokers import elements, numbers, out, send

COUNT = 10000
FILE = 'output { file { path => "%s" codec => json_lines } }\n'
INPUT = 'input { redis { host => "127.0.0.1" port => %d key => "logs" %s } }\n'
OUTPUT = 'output { redis { host => ["127.0.0.1:%d"] key => "logs" %s } }\n'
TCP = 'input { tcp { host => "127.0.0.1" port => %d codec => json_lines } }\n'


def stored(client, key='logs'):
    return client('LRANGE', key, 0, -1)


def test_list():
    """Each element becomes an event, once, whoever of the two connections gets it."""
    redis, lines = brokers.Redis(), harness.Lines(out())
    redis.client().push('logs', elements(0, COUNT))
    weird = harness.Weird(INPUT % (redis.port, 'data_type => "list" threads => 2 type => "r"') + FILE % out())
    documents = lines.documents(COUNT, alive=weird)
    assert sorted(x['n'] for x in documents) == list(range(COUNT))
    assert documents[0]['type'] == 'r' and '@metadata' not in documents[0]
    # Into the waiting BLPOP.
    redis.client().push('logs', elements(COUNT, COUNT + 10), 1)
    lines.wait(COUNT + 10, alive=weird)
    weird.stop()
    assert numbers(lines.wait(COUNT + 10)) == list(range(COUNT + 10))
    assert redis.client()('LLEN', 'logs') == 0


def test_list_one_by_one():
    redis, lines = brokers.Redis(), harness.Lines(out())
    weird = harness.Weird(INPUT % (redis.port, 'data_type => "list" batch_count => 1 codec => plain') + FILE % out())
    redis.client().push('logs', ['text %d' % i for i in range(100)])
    assert [x['message'] for x in lines.documents(100, alive=weird)] == ['text %d' % i for i in range(100)]
    weird.stop()


def test_stop_in_the_middle():
    """What is out of the list has gone through when weird has stopped."""
    redis, lines = brokers.Redis(), harness.Lines(out())
    redis.client().push('logs', elements(0, COUNT))
    weird = harness.Weird(INPUT % (redis.port, 'data_type => "list" batch_count => 10') + FILE % out())
    lines.wait(200, alive=weird)
    weird.stop(balance=False)
    lines.take()
    left = stored(redis.client())
    assert left, 'it was over before the stop: nothing is tested'
    assert sorted(numbers(lines.lines) + numbers(left)) == list(range(COUNT))


def test_full_pipeline_leaves_the_list_alone():
    """While the output stands still (the server has no memory for what is added), elements stay in the list."""
    redis = brokers.Redis()
    client = redis.client()
    client.push('logs', [json.dumps({'n': i, 'message': 'x' * 1000}) for i in range(COUNT)])
    client('CONFIG', 'SET', 'maxmemory', 1)
    conf = INPUT % (redis.port, 'data_type => "list"')
    weird = harness.Weird(conf + 'output { redis { port => %d data_type => "list" key => "copy" queue_max => 65536 } }\n' % redis.port)
    weird.expect('OOM')
    harness.until(lambda: weird.metric('weir_pipeline_queue_batches') == 16, 'a full queue', alive=weird)
    assert client('LLEN', 'logs') > COUNT // 4 and client('LLEN', 'copy') == 0
    client('CONFIG', 'SET', 'maxmemory', 0)
    harness.until(lambda: client('LLEN', 'copy') == COUNT, 'all of them', alive=weird)
    weird.stop()
    assert numbers(stored(client, 'copy')) == list(range(COUNT))


def test_server_goes_and_comes_back():
    redis, lines = brokers.Redis(), harness.Lines(out())
    weird = harness.Weird(INPUT % (redis.port, 'data_type => "list"') + FILE % out())
    weird.expect('tried again every second')
    redis.client().push('logs', elements(0, 100))
    lines.wait(100, alive=weird)
    redis.stop()
    weird.line('tried again every second')
    again = brokers.Redis(port=redis.port)
    again.client().push('logs', elements(100, 200))
    lines.wait(200, alive=weird)
    weird.stop()
    assert numbers(lines.lines) == list(range(200))


def subscribers(client, command, *args):
    answer = client('PUBSUB', command, *args)
    return answer[-1] if isinstance(answer, list) else answer


def test_channels():
    redis, lines = brokers.Redis(), harness.Lines(out())
    client = redis.client()
    conf = INPUT % (redis.port, 'data_type => "channel" threads => 3')
    conf += 'input { redis { host => "127.0.0.1" port => %d key => "app.*" data_type => "pattern_channel" } }\n' % redis.port
    conf += 'filter { mutate { add_field => { "channel" => "%{[@metadata][redis_channel]}" } } }\n'
    weird = harness.Weird(conf + FILE % out())
    harness.until(lambda: subscribers(client, 'NUMSUB', 'logs') == 1 and subscribers(client, 'NUMPAT') == 1, 'subscriptions', alive=weird)
    for i in range(300):
        client('PUBLISH', 'app.%d' % (i % 100), json.dumps({'n': i}))
    client('PUBLISH', 'logs', json.dumps({'n': 300}))
    have = {x['n']: x['channel'] for x in lines.documents(301, alive=weird)}
    want = {i: 'app.%d' % (i % 100) for i in range(300)}
    want[300] = 'logs'
    assert have == want
    weird.stop()
    assert len(lines.lines) == 301


def test_renamed_commands():
    redis, lines = brokers.Redis('--rename-command', 'LPOP', 'Take', '--rename-command', 'BLPOP', 'Pop'), harness.Lines(out())
    weird = harness.Weird(INPUT % (redis.port, 'data_type => "list" command_map => { "lpop" => "Take" "blpop" => "Pop" }') + FILE % out())
    redis.client().push('logs', elements(0, 10))
    lines.wait(10, alive=weird)
    weird.stop()


def test_wrong_key():
    """A key that is no list: said once, tried again."""
    redis, lines = brokers.Redis(), harness.Lines(out())
    client = redis.client()
    client('SET', 'logs', 'x')
    weird = harness.Weird(INPUT % (redis.port, 'data_type => "list"') + FILE % out())
    weird.expect('refuses: WRONGTYPE')
    weird.line('refuses: WRONGTYPE')
    client('DEL', 'logs')
    client.push('logs', elements(0, 5))
    lines.wait(5, alive=weird)
    weird.stop()


def test_tls_and_password():
    ca, cert, key = brokers.certificates(harness.work)
    redis = brokers.Redis('--tls-cert-file', cert, '--tls-key-file', key, '--tls-ca-cert-file', ca, '--tls-auth-clients', 'yes', '--requirepass', 'secret',
                          tls=True)
    options = ('data_type => "list" password => "secret" db => 3 ssl_enabled => true ssl_certificate_authorities => ["%s"] ssl_certificate => "%s" '
               'ssl_key => "%s"' % (ca, cert, key))
    port, lines = harness.free_port(), harness.Lines(out())
    writer = harness.Weird(TCP % port + OUTPUT % (redis.port, options), name='writer', data=os.path.join(harness.work, 'data-w'))
    reader = harness.Weird(INPUT % (redis.port, options) + FILE % out(), name='reader')
    send(port, elements(0, COUNT))
    lines.wait(COUNT, alive=reader)
    assert numbers(lines.lines) == list(range(COUNT))
    writer.stop()
    reader.stop()
    # Neither a wrong password nor an unknown authority is taken for good.
    for wrong, says in ((options.replace('secret', 'other'), 'refuses: (WRONGPASS|ERR)'), (options.replace('ssl_certificate_authorities => ["%s"]' % ca, ''),
                                                                                         'the certificate of .* is not good')):
        weird = harness.Weird(INPUT % (redis.port, wrong) + FILE % out(), name='wrong')
        weird.expect(says)
        weird.line(says)
        weird.stop()


def test_output():
    for options in ('', 'batch => true batch_events => 7', 'workers => 3 batch => true'):
        redis, port = brokers.Redis(), harness.free_port()
        weird = harness.Weird(TCP % port + OUTPUT % (redis.port, 'data_type => "list" ' + options))
        send(port, elements(0, COUNT))
        client = redis.client()
        harness.until(lambda: client('LLEN', 'logs') == COUNT, 'all of them', alive=weird)
        weird.stop()
        have = stored(client)
        assert numbers(have) == list(range(COUNT))
        if 'workers' not in options:
            assert [json.loads(x)['n'] for x in have] == list(range(COUNT)), 'out of order'
        client('FLUSHALL')
        redis.stop()


def test_output_channel_and_keys():
    redis, port = brokers.Redis(), harness.free_port()
    listener, client = redis.client(), redis.client()
    listener('SUBSCRIBE', 'logs')
    conf = TCP % port + 'output { redis { host => "127.0.0.1" port => %d data_type => "channel" key => "logs" codec => line { format => "%%{n}" } }\n' % redis.port
    conf += 'redis { host => "127.0.0.1" port => %d data_type => "list" key => "part-%%{part}" batch => true } }\n' % redis.port
    weird = harness.Weird(conf)
    send(port, [json.dumps({'n': i, 'part': i % 3}) for i in range(300)])
    assert [int(listener.answer()[2]) for _ in range(300)] == list(range(300))
    harness.until(lambda: sum(client('LLEN', 'part-%d' % k) for k in range(3)) == 300, 'three lists', alive=weird)
    assert [json.loads(x)['n'] for x in stored(client, 'part-1')] == list(range(1, 300, 3))
    weird.stop()


def test_output_while_the_server_is_gone():
    """Killed and started again: whatever was not answered is sent again."""
    redis, port = brokers.Redis(), harness.free_port()
    weird = harness.Weird(TCP % port + OUTPUT % (redis.port, 'data_type => "list" batch => true'))
    weird.expect('output')
    send(port, elements(0, COUNT // 2))
    client = redis.client()
    harness.until(lambda: client('LLEN', 'logs') > 100, 'some', alive=weird)
    redis.kill()
    send(port, elements(COUNT // 2, COUNT))
    harness.until(lambda: weird.metric('weir_output_requests_total', result='failed') > 0, 'a failure', alive=weird)
    client = brokers.Redis(port=redis.port).client()
    harness.until(lambda: weird.metric('weir_output_delivered_total') == COUNT, 'all of them', alive=weird)
    weird.stop()
    assert sorted(set(numbers(stored(client)))) == list(range(COUNT))


def test_weird_killed():
    """A file is read into a list; weird is killed in the middle and started again."""
    redis, path = brokers.Redis(), os.path.join(harness.work, 'in.log')
    conf = 'input { file { path => "%s" start_position => "beginning" codec => json sincedb_write_interval => "0.1" } }\n' % path
    conf += OUTPUT % (redis.port, 'data_type => "list"')
    with open(path, 'w', encoding='utf-8') as f:
        f.writelines(x + '\n' for x in elements(0, COUNT))
    client = redis.client()
    weird = harness.Weird(conf)
    harness.until(lambda: client('LLEN', 'logs') > 500, 'some', alive=weird)
    weird.kill()
    weird = harness.Weird(conf, name='again')
    harness.until(lambda: len(set(numbers(stored(client)))) == COUNT, 'all of them', alive=weird)
    weird.stop()
    assert sorted(set(numbers(stored(client)))) == list(range(COUNT))


def test_congestion():
    redis, port = brokers.Redis(), harness.free_port()
    client = redis.client()
    client.push('logs', ['x'] * 20)
    weird = harness.Weird(TCP % port + OUTPUT % (redis.port, 'data_type => "list" congestion_threshold => 10'))
    weird.expect('congestion_threshold')
    send(port, elements(0, 5))
    weird.line('more than .congestion_threshold')
    assert client('LLEN', 'logs') == 20
    client('LTRIM', 'logs', 15, -1)
    harness.until(lambda: client('LLEN', 'logs') == 10, 'the rest', alive=weird)
    weird.stop()


def test_refused_for_good():
    """A key of another type: the dead letter has the event, others go on."""
    redis, port = brokers.Redis(), harness.free_port()
    client = redis.client()
    client('SET', 'part-1', 'x')
    weird = harness.Weird(TCP % port + 'output { redis { port => %d data_type => "list" key => "part-%%{part}" } }\n' % redis.port)
    weird.expect('dead letter|WRONGTYPE')
    send(port, [json.dumps({'n': i, 'part': i % 2}) for i in range(20)])
    harness.until(lambda: client('LLEN', 'part-0') == 10, 'the good ones', alive=weird)
    harness.until(lambda: weird.metric('weir_output_dead_letter_total') + weird.metric('weir_output_dropped_total') == 10, 'the others', alive=weird)
    weird.stop()


harness.main()
