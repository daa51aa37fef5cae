#!/usr/bin/env python3
"""summary.py BUILD-FOLDER...: one summary of the test logs that Meson left there.

Names each test that failed (with the end of what it printed) and each that was skipped (with its reason: its last line).
The last line is `N passed, N failed, N skipped`; the exit status is 1 when a test failed or none ran.
"""
import json
import os
import sys

GOOD, SKIP = ('OK', 'EXPECTEDFAIL'), ('SKIP',)


def results(folder):
    path = os.path.join(folder, 'meson-logs/testlog.json')
    if not os.path.exists(path):
        yield {'name': folder + ': no test ran', 'result': 'ERROR', 'duration': 0}
        return
    with open(path, encoding='utf-8') as f:
        for line in f:
            if line.strip():
                yield json.loads(line)


def output(r):
    return ((r.get('stdout') or '') + (r.get('stderr') or '')).strip('\n')


def main():
    passed, failed, skipped, slow = 0, [], [], []
    for folder in sys.argv[1:]:
        for r in results(folder):
            name = '%s (%s)' % (r['name'].split(' / ')[-1], os.path.basename(folder))
            slow.append((r.get('duration', 0), name))
            if r['result'] in GOOD:
                passed += 1
            elif r['result'] in SKIP:
                skipped.append((name, r))
            else:
                failed.append((name, r))
    for name, r in failed:
        print('\nFAILED %s: %s after %.1f s\n%s' % (name, r['result'].lower(), r.get('duration', 0),
                                                '\n'.join('    ' + x for x in output(r).split('\n')[-40:])))
    if skipped:
        print('\nskipped:')
        for name, r in skipped:
            print('  %-32s %s' % (name, (output(r) or 'no reason given').split('\n')[-1]))
    print('\nslowest: ' + ', '.join('%s %.0f s' % (n, d) for d, n in sorted(slow, reverse=True)[:5]))
    print('%d passed, %d failed, %d skipped' % (passed, len(failed), len(skipped)))
    sys.exit(1 if failed or not passed else 0)


if __name__ == '__main__':
    main()
