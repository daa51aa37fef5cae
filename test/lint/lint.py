#!/usr/bin/env python3
"""lint.py CHECK ROOT [COMPILER ARGUMENT...]: rules of CONTRIBUTING.md that a program can check.

includes   includes go one way: base <- event <- config, pipeline <- input, parse, codec, filter, enrichers, outputs <- runtime <- main, tool
headers    every header compiles alone, with the given compiler command
banned     calls that the compiler's poison (daemon/base/banned.h) cannot see; nobody goes round it
length     a function has at most 150 lines; exceptions stand in long-functions.txt
sleeps     no test waits by sleeping
heads      every file says at its top what it is for (a .c beside its .h leaves that to the header)
words      each test/unit/test_WORD.c and test/fuzz/fuzz_WORD.c is in its meson.build, and the other way round

Prints file:line: what is wrong; the exit status is 1 if there was anything.
"""
import concurrent.futures
import os
import re
import subprocess
import sys

LAYERS = {'base': 0, 'event': 1, 'config': 2, 'pipeline': 2, 'query': 2, 'input': 3, 'parse': 3, 'codec': 3, 'filter': 3,
          'enrichers': 3, 'outputs': 3, 'runtime': 4, 'main': 5, 'tool': 5}
CODE = ('daemon', 'enrichers', 'outputs', 'tool')
MAX_LINES = 150
# The instruments that judge any log daemon poll processes that are not ours.
POLLING = ('test/faults/',)


def files(root, tops, *ends):
    for top in tops:
        for folder, subs, names in os.walk(os.path.join(root, top)):
            subs.sort()
            for n in sorted(names):
                if n.endswith(ends):
                    yield os.path.relpath(os.path.join(folder, n), root)


def lines(root, path):
    with open(os.path.join(root, path), encoding='utf-8') as f:
        return f.read().split('\n')


def code_of(text):
    """The text without comments and string contents, line numbers kept."""
    def blank(m):
        return '""' if m.group(0)[0] in '"\'' else re.sub(r'[^\n]', ' ', m.group(0))
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', blank, text, flags=re.S)


def layer(path):
    parts = path.split('/')
    if parts[0] == 'daemon':
        if len(parts) == 2:
            return 'main' if parts[1] == 'main.c' else 'runtime'
        return parts[1]
    return parts[0]


def check_includes(root, _):
    for path in files(root, CODE, '.c', '.h'):
        mine = layer(path)
        for n, line in enumerate(lines(root, path), 1):
            m = re.match(r'\s*#\s*include\s+"([^"]+)"', line)
            if not m:
                continue
            inc = m.group(1)
            for base in (os.path.dirname(path), 'daemon', '.'):
                full = os.path.normpath(os.path.join(base, inc))
                if os.path.exists(os.path.join(root, full)):
                    break
            else:
                if not inc.startswith('generated/') and inc not in GENERATED:
                    yield path, n, "include \"%s\" is not a file of the project" % inc
                continue
            theirs = layer(full)
            if mine not in LAYERS or theirs not in LAYERS:
                yield path, n, "folder '%s' has no place in the order of includes" % (mine if mine not in LAYERS else theirs)
            elif LAYERS[theirs] > LAYERS[mine]:
                yield path, n, "%s must not include %s (\"%s\")" % (mine, theirs, inc)


GENERATED = ()


def check_headers(root, command):
    def one(path):
        p = subprocess.run(command + ['-fsyntax-only', '-I' + root + '/daemon', '-I' + root, '-x', 'c', '-Wno-pragma-once-outside-header',
                                      '-D_GNU_SOURCE', '-std=gnu11', os.path.join(root, path)], capture_output=True, text=True)
        return path, p.stderr.strip().split('\n')[0] if p.returncode else None
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for path, wrong in pool.map(one, list(files(root, CODE, '.h'))):
            if wrong:
                yield path, 1, 'does not compile alone: ' + wrong


BANNED = {
    r'\b(?:strcpy|strcat|strncpy|strncat|stpcpy|sprintf|vsprintf|strtok|atoi|atol|atof|gets|gmtime|localtime|ctime|asctime|sscanf|alloca)\s*\(':
        'a banned function (daemon/base/banned.h)',
    r'\bs?rand\s*\(': 'getrandom(2)',
    r'\b(?:system|popen)\s*\(': 'no shell',
    r'\b(?:gethostbyname|gethostbyaddr|inet_ntoa|inet_addr)\s*\(': 'not for threads, or IPv4 only',
    r'\bassert\s*\(': 'bug_on() instead: always compiled in',
    r'\btime\s*\(\s*(?:NULL|0|&)': 'ask struct clock for the time',
    r'\b__builtin_alloca\b': 'no alloca',
}
# Who may ask the system itself.
CLOCKS = ('daemon/base/clock.c',)


def check_banned(root, _):
    for path in files(root, CODE, '.c', '.h'):
        if path == 'daemon/base/banned.h':
            continue
        for n, line in enumerate(code_of('\n'.join(lines(root, path))).split('\n'), 1):
            for pattern, why in BANNED.items():
                m = re.search(pattern, line)
                if m and not ('clock' in why and path in CLOCKS):
                    yield path, n, "'%s': %s" % (m.group(0).strip(' ('), why)


def functions(text):
    """(name, first line, number of lines) of each function: its braces stand in the first column."""
    head, start, name = '', None, ''
    for n, line in enumerate(text.split('\n'), 1):
        if start is None and line.startswith('{'):
            m = [x for x in re.findall(r'(\w+)\s*\(', head) if x not in ('__attribute__', 'format')]
            if m:
                start, name = n, m[0]
        elif start is not None and line.startswith('}'):
            yield name, start, n - start + 1
            start, head = None, ''
        elif start is None:
            head = line if line and not line[0].isspace() else head + line


def check_length(root, _):
    allowed = {}
    listing = 'test/lint/long-functions.txt'
    for n, line in enumerate(lines(root, listing), 1):
        if line.strip() and not line.startswith('#'):
            where, _, why = line.partition(' ')
            allowed[where] = n
            if not why.strip():
                yield listing, n, "'%s' stands here without a reason" % where
    for path in files(root, CODE + ('test',), '.c', '.h'):
        for name, n, count in functions(code_of('\n'.join(lines(root, path)))):
            where = path + ':' + name
            if count > MAX_LINES:
                if where not in allowed:
                    yield path, n, '%s() has %d lines, at most %d fit' % (name, count, MAX_LINES)
                allowed.pop(where, None)
    for where, n in allowed.items():
        yield listing, n, "'%s' is not too long any more (or is not there)" % where


def check_sleeps(root, _):
    for path in files(root, ('test',), '.c', '.h', '.py', '.sh', 'meson.build'):
        if path == 'test/lint/lint.py' or path.startswith(POLLING):
            continue
        text = '\n'.join(lines(root, path))
        for n, line in enumerate((code_of(text) if path.endswith(('.c', '.h')) else text).split('\n'), 1):
            m = re.search(r'\b(?:u|nano|uv_|time\.|asyncio\.)?sleep\s*\(|^\s*sleep\s+[0-9.$]', line)
            if m:
                yield path, n, "'%s': wait for the event, or move the virtual clock" % m.group(0).strip(' (')


def check_heads(root, _):
    for path in files(root, CODE + ('test', 'bench'), '.c', '.h'):
        text = lines(root, path)
        head = '\n'.join(text[:4])
        name = re.escape(os.path.basename(path))
        if path.endswith('.c') and os.path.exists(os.path.join(root, path[:-1] + 'h')):
            continue        # its header says it
        if path.startswith('test/unit/test_'):
            continue        # tests what its name says
        if path.startswith(('test/', 'bench/')):
            if not head.startswith('/*'):
                yield path, 1, 'a comment at its top says what it is for'
        elif not re.match(r'/\*\n \* (?:\w+/)?%s - \S' % name, head):
            yield path, 1, "begins with '/*', ' * %s - what it is for'" % os.path.basename(path)
    for path in files(root, CODE + ('test', 'bench', 'scripts'), '.py', '.sh'):
        head = '\n'.join(lines(root, path)[:3])
        if not re.search(r'^(?:#!.*\n)?(?:r?"""\S|# \S)', head):
            yield path, 1, 'a docstring or comment at its top says what it is for'


def check_words(root, _):
    for folder, prefix in (('test/unit', 'test_'), ('test/fuzz', 'fuzz_')):
        text = '\n'.join(lines(root, folder + '/meson.build'))
        words = set(re.findall(r"^\s*'(\w+)',", text, re.M))
        have = {n[len(prefix):-2] for n in os.listdir(os.path.join(root, folder)) if n.startswith(prefix) and n.endswith('.c')}
        for w in sorted(have - words):
            yield folder + '/' + prefix + w + '.c', 1, "its word is not in %s/meson.build: it is never run" % folder
        for w in sorted(words - have):
            yield folder + '/meson.build', 1, "no %s%s.c" % (prefix, w)
    for w in os.listdir(os.path.join(root, 'test/fuzz')):
        if w.startswith('fuzz_') and w.endswith('.c') and not os.path.isdir(os.path.join(root, 'test/fuzz/corpus', w[5:-2])):
            yield 'test/fuzz/' + w, 1, 'has no seeds in test/fuzz/corpus/%s' % w[5:-2]


def main():
    if len(sys.argv) < 3 or 'check_' + sys.argv[1] not in globals():
        sys.exit(__doc__)
    wrong = 0
    for path, n, text in globals()['check_' + sys.argv[1]](os.path.abspath(sys.argv[2]), sys.argv[3:]):
        print('%s:%d: %s' % (path, n, text))
        wrong += 1
    sys.exit(1 if wrong else 0)


if __name__ == '__main__':
    main()
