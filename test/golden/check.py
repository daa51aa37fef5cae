#!/usr/bin/env python3
"""check.py WEIR AREA: the golden cases of one area through `weir eval`, against expected-failures.txt.

Fails on a failure that is not listed, and on a listed case that passes. A line `filter:NAME why` stands for every case that weir refuses because it
does not have that plug-in; each such line must still be needed. Cases that need a module which was not built (ruby without ruby-dev) are left out;
where that is all of them the exit status is 77. Cases whose settings Logstash refuses (`register`) are left
out, as with run.py --lenient: weir may accept removed options on purpose.
With --write first: prints the area's lines for the list instead.
"""
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import run as golden  # noqa: E402


def expected():
    listed = {}
    with open(os.path.join(HERE, 'expected-failures.txt'), encoding='utf-8') as f:
        for n, line in enumerate(f, 1):
            name, _, why = line.strip().partition(' ')
            if not name or name.startswith('#'):
                continue
            if not why.strip():
                sys.exit('expected-failures.txt:%d: %s has no reason' % (n, name))
            if name in listed:
                sys.exit('expected-failures.txt:%d: %s stands there twice' % (n, name))
            listed[name] = why.strip()
    return listed


def needs(answer):
    """'filter:NAME' of the plug-in that does not exist, when weir's answer says so."""
    m = re.search(r"unknown (input|filter|output|codec) '(\w+)'", answer) if isinstance(answer, str) else None
    return '%s:%s' % m.groups() if m else None


def plugins(pipe):
    """The listed plug-ins that weir does have after all."""
    have = set()
    for name in expected():
        kind, colon, word = name.partition(':')
        if colon:
            text = 'input { stdin { codec => %s } }' % word if kind == 'codec' else '%s { %s { } }' % (kind, word)
            answer = pipe.ask({'id': name, 'config': text, 'bare': True, 'events': []})
            if needs(answer) != name:
                have.add(name)
    return have


def main():
    write = sys.argv[1:2] == ['--write']
    weir, area = sys.argv[1 + write:3 + write]
    golden.TIMEOUT = 60         # a case takes under a millisecond; a sanitizer on a busy machine does not
    with open(os.path.join(HERE, area + '.jsonl'), encoding='utf-8') as f:
        cases = [golden.loads(line) for line in f if line.strip()]
    cases = [c for c in cases if c.get('expect_error') != 'register']
    everything = {} if write else expected()
    listed = {k: v for k, v in everything.items() if k.split('/')[0] == area}
    pipe = golden.Pipe([weir, 'eval'])
    passed, lacking, absent, new, fixed = 0, 0, 0, [], []
    for c in cases:
        answer = pipe.ask(c)
        if isinstance(answer, str) and 'there are no patterns of browsers' in answer:
            print('the patterns of uap-core are not there: npm could not get them when this was built')
            sys.exit(77)
        if isinstance(answer, str) and 'is not here: install the package' in answer:
            absent += 1
            listed.pop(c['id'], None)
            continue
        ok, text = golden.verdict(c, answer, False)
        passed += ok
        if ok and c['id'] in listed:
            fixed.append(c['id'] + ' passes now')
        elif not ok and needs(answer) in everything:
            lacking += 1
        elif not ok and c['id'] not in listed:
            new.append((c, text))
            if write:
                print(needs(answer) or c['id'], 'NEEDSWORK: ' + text.split('\n')[0][:100])
    if write:
        return
    if absent == len(cases):
        print('all cases need a module that this build does not have: install ruby-dev and configure anew')
        sys.exit(77)
    fixed += [name + ' is no case' for name in sorted(set(listed) - {c['id'] for c in cases})]
    have = plugins(pipe)
    fixed += [name + ' exists now' for name in everything if ':' in name and name in have]
    for c, text in new[:20]:
        print('%s  (%s)\n      %s\n      %s' % (c['id'], c['why'], c['config'].replace('\n', '\\n')[:300], text))
    for name in fixed:
        print('%s: take it off expected-failures.txt' % name)
    print('%s: %d of %d cases pass, %d need a plug-in that is listed as lacking, %d a module that was not built, %d fail as listed, %d fail and are not listed, %d are listed for nothing' % (
        area, passed, len(cases), lacking, absent, len(cases) - passed - lacking - absent - len(new), len(new), len(fixed)))
    sys.exit(1 if new or fixed else 0)


if __name__ == '__main__':
    main()
