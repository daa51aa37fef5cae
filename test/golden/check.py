#!/usr/bin/env python3
"""check.py WEIR AREA: the golden cases of one area through `weir eval`, against expected-failures.txt.

Fails on a failure that is not listed, and on a listed case that passes. Cases whose settings Logstash refuses (`register`) are left
out, as with run.py --lenient: weir may accept removed options on purpose.
With --write first: prints the area's lines for the list instead.
"""
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import run as golden  # noqa: E402


def expected(area):
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
    return {k: v for k, v in listed.items() if k.split('/')[0] == area}


def needs(answer):
    """The plug-in that does not exist yet, when weir's answer says so."""
    m = re.search(r"unknown (input|filter|output|codec) '(\w+)'", answer) if isinstance(answer, str) else None
    return 'needs the %s %s' % m.groups() if m else None


def main():
    write = sys.argv[1:2] == ['--write']
    weir, area = sys.argv[1 + write:3 + write]
    golden.TIMEOUT = 60         # a case takes under a millisecond; a sanitizer on a busy machine does not
    with open(os.path.join(HERE, area + '.jsonl'), encoding='utf-8') as f:
        cases = [golden.loads(line) for line in f if line.strip()]
    cases = [c for c in cases if c.get('expect_error') != 'register']
    listed = {} if write else expected(area)
    pipe = golden.Pipe([weir, 'eval'])
    passed, new, fixed, wrong_reason = 0, [], [], []
    for c in cases:
        answer = pipe.ask(c)
        ok, text = golden.verdict(c, answer, False)
        passed += ok
        why = needs(answer)
        if ok and c['id'] in listed:
            fixed.append(c['id'])
        elif not ok and c['id'] not in listed:
            new.append((c, text))
            if write:
                print(c['id'], why or 'NEEDSWORK: ' + text.split('\n')[0][:100])
        elif not ok and listed[c['id']].startswith('needs the ') and not (why or '').startswith('needs the '):
            wrong_reason.append((c, text))
    for name in sorted(set(listed) - {c['id'] for c in cases}):
        new.append(({'id': name, 'why': 'listed, but no such case', 'config': ''}, ''))
    if write:
        return
    for c, text in new[:20]:
        print('%s  (%s)\n      %s\n      %s' % (c['id'], c['why'], c['config'].replace('\n', '\\n')[:300], text))
    for name in fixed:
        print('%s passes now: take it off expected-failures.txt' % name)
    for c, text in wrong_reason:
        print('%s fails, but not for the listed reason: %s\n      %s' % (c['id'], listed[c['id']], text))
    print('%s: %d of %d cases pass, %d fail as listed, %d fail and are not listed, %d pass and are listed' % (
        area, passed, len(cases), len(listed) - len(fixed), len(new), len(fixed)))
    sys.exit(1 if new or fixed or wrong_reason else 0)


if __name__ == '__main__':
    main()
