#!/usr/bin/env python3
"""packaging.py install|unit|man|deb: what is installed works where it lies, and the man pages tell of what is there.

install   `meson install` into a folder of its own: every part is at its place, the installed weird takes the installed configuration,
          and a second installation leaves a changed configuration alone
unit      systemd's own tools judge the installed unit and the user
deb       the Debian packages: weir alone depends on no library of a module, and says of each module's plug-ins which package to install; with
          that package they are there
man       each command of weir and each flag of weird is in its page; no warnings from the formatter

A check whose tool is not installed is left out; if that leaves none, the exit status is 77.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile

env = os.environ
dest = tempfile.mkdtemp(prefix='weir-install-')


def run(*command, status=0, **kw):
    p = subprocess.run(command, capture_output=True, text=True, check=False, **kw)
    if status is not None and p.returncode != status:
        sys.exit('%s ended with %d:\n%s%s' % (' '.join(command), p.returncode, p.stdout, p.stderr))
    return p.stdout + p.stderr


def at(*parts):
    """Where an installed path lies."""
    return dest + os.path.join(*parts)


def install():
    meson = shutil.which('meson')
    if not meson:
        print('meson is not on the path')
        sys.exit(77)
    run(meson, 'install', '-C', env['MESON_BUILD'], '--no-rebuild', '--destdir', dest)


def read(path):
    with open(path, encoding='utf-8') as f:
        return f.read()


def test_install():
    install()
    here = [at(env['BIN_DIR'], 'weird'), at(env['BIN_DIR'], 'weir'), at(env['CONF_DIR'], 'weir.yml'),
            at(env['UNIT_DIR'], 'weird.service'), at(env['SYSUSERS_DIR'], 'weird.conf'), at(env['MAN_DIR'], 'man8/weird.8'),
            at(env['MAN_DIR'], 'man1/weir.1'), at(env['DOC_DIR'], 'README.md'), at(env['DOC_DIR'], 'LICENSE')]
    here += [at(env['CONF_DIR'], 'conf.d', n) for n in os.listdir(env['MESON_SOURCE'] + '/conf.d')]
    here += [at(env['DOC_DIR'], 'docs', n) for n in os.listdir(env['MESON_SOURCE'] + '/docs')]
    missing = [p for p in here if not os.path.isfile(p)]
    assert not missing, 'not installed: %s' % missing
    # Nothing else comes along: no library, no generator of the build.
    assert sorted(os.listdir(at(env['BIN_DIR']))) == ['weir', 'weird']

    # As an administrator would try it, without a variable that the build has set.
    clean = {k: v for k, v in env.items() if not k.startswith('WEIR')}
    text = run(at(env['BIN_DIR'], 'weird'), '-t', '-f', at(env['CONF_DIR'], 'conf.d'), env=clean, cwd='/')
    assert 'Configuration OK' in text.splitlines(), text
    run(at(env['BIN_DIR'], 'weir'), 'check', at(env['CONF_DIR'], 'conf.d'), env=clean, cwd='/')
    # weir.yml beside it is what makes the names ECS's: found without being named.
    plan = run(at(env['BIN_DIR'], 'weird'), '--explain', '-f', at(env['CONF_DIR'], 'conf.d'), env=clean, cwd='/')
    assert 'parse' in plan, plan

    # What an administrator changed stays, what they took out does not come back.
    gone = at(env['CONF_DIR'], 'conf.d/50-filter.conf')
    own = at(env['CONF_DIR'], 'conf.d/10-input.conf')
    os.unlink(gone)
    for path in (own, at(env['CONF_DIR'], 'weir.yml')):
        with open(path, 'w', encoding='utf-8') as f:
            f.write('# mine\n')
    install()
    assert not os.path.exists(gone)
    assert read(own) == read(at(env['CONF_DIR'], 'weir.yml')) == '# mine\n'
    assert os.path.isfile(at(env['DOC_DIR'], 'examples/50-filter.conf'))


def test_unit():
    install()
    unit = at(env['UNIT_DIR'], 'weird.service')
    text = read(unit)
    start = re.search(r'^ExecStart=(.*)$', text, re.M).group(1).split()
    assert start == [env['BIN_DIR'] + '/weird', '-f', env['CONF_DIR'] + '/conf.d', '--path.settings', env['CONF_DIR'], '--path.data', '/var/lib/weird'], start
    user = re.search(r'^User=(.*)$', text, re.M).group(1)
    sysusers = re.search(r'^u (\S+) - "[^"]*" (\S+)$', read(at(env['SYSUSERS_DIR'], 'weird.conf')), re.M)
    assert sysusers.groups() == (user, '/var/lib/' + re.search(r'^StateDirectory=(.*)$', text, re.M).group(1)), sysusers.groups()
    # The daemon that root starts by hand takes the same folder.
    assert '/var/lib/weird' in read(env['MESON_SOURCE'] + '/daemon/config/places.c')

    left = []
    if shutil.which('systemd-sysusers'):
        os.makedirs(at('/etc'), exist_ok=True)
        run('systemd-sysusers', '--root=' + dest, at(env['SYSUSERS_DIR'], 'weird.conf'))
        row = [x.split(':') for x in read(at('/etc/passwd')).splitlines() if x.startswith(user + ':')][0]
        assert row[5] == '/var/lib/weird' and row[6].endswith('nologin') and int(row[2]) < 1000, row
    else:
        left.append('systemd-sysusers')
    if shutil.which('systemd-analyze'):
        judge(unit)
    else:
        left.append('systemd-analyze')
    if len(left) == 2:
        print('not installed: ' + ', '.join(left))
        sys.exit(77)


def judge(unit):
    # Looked at with the programs where they are now: verify wants to find what it is to start.
    copy = os.path.join(dest, 'weird.service')
    with open(copy, 'w', encoding='utf-8') as f:
        f.write(read(unit).replace(env['BIN_DIR'] + '/weird', at(env['BIN_DIR'], 'weird')))
    said = run('systemd-analyze', 'verify', '--man=no', copy, status=None)
    assert 'weird.service' not in said, said
    # Exposure, times ten: the limit that a change must not exceed.
    print(run('systemd-analyze', 'security', '--offline=true', '--threshold=15', copy).strip().splitlines()[-1])


# What needs each module, and what the package must bring. One that was not built has no package.
MODULES = {
    'ruby': ('filter { ruby { code => "event.set(\'a\', 1)" } }', 'libruby'),
    'kafka': ('input { kafka { topics => ["a"] } }', 'librdkafka1'),
    'dns': ('filter { dns { resolve => ["host"] action => "replace" } }', 'libc-ares2'),
    'memcached': ('filter { memcached { get => { "a" => "b" } } }', 'libmemcached11'),
}


def field(deb, name):
    return run('dpkg-deb', '-f', deb, name).strip()


def dependencies(deb):
    """The names, without versions."""
    return {re.split(r'[ (:]', d.strip())[0] for d in re.split(r'[,|]', field(deb, 'Depends'))}


def test_deb():
    for tool in ('dpkg-deb', 'dpkg-shlibdeps', 'dpkg-gencontrol', 'meson'):
        if not shutil.which(tool):
            print(tool + ' is not installed')
            sys.exit(77)
    folder = dest + '/packages'
    # Small matters less than soon here.
    run(env['MESON_SOURCE'] + '/packaging/deb.sh', env['MESON_BUILD'], folder, env=dict(env, DPKG_DEB_COMPRESSOR_TYPE='gzip', DPKG_DEB_COMPRESSOR_LEVEL='1'))
    debs = {field(os.path.join(folder, n), 'Package'): os.path.join(folder, n) for n in os.listdir(folder)}
    built = {m.group(1) for m in (re.fullmatch(r'weir_(\w+)\.so', n) for n in os.listdir(env['MESON_BUILD'])) if m}
    assert built <= set(MODULES), 'a module without a test: %s' % built
    assert set(debs) == {'weir'} | {'weir-' + m for m in built}, debs

    version = field(debs['weir'], 'Version')
    alone = dependencies(debs['weir'])
    assert 'libc6' in alone and 'libuv1' in alone, alone
    for m in built:
        library = MODULES[m][1]
        assert not [d for d in alone if d.startswith(library)], alone
        assert field(debs['weir-' + m], 'Depends').startswith('weir (= %s)' % version)
        assert [d for d in dependencies(debs['weir-' + m]) if d.startswith(library)], (m, dependencies(debs['weir-' + m]))
    files = run('dpkg-deb', '-c', debs['weir'])
    assert 'weir_' not in files and env['BIN_DIR'] + '/weird' in files and 'weird.8.gz' in files, files[-2000:]
    conf = run('dpkg-deb', '-I', debs['weir'], 'conffiles').split()
    assert env['CONF_DIR'] + '/weir.yml' in conf and len(conf) > 1, conf

    # weir alone, and then with each module.
    tree = dest + '/tree'
    run('dpkg-deb', '-x', debs['weir'], tree)
    modules = os.path.join(tree + env['MODULE_DIR'])
    os.makedirs(modules, exist_ok=True)
    clean = {k: v for k, v in env.items() if not k.startswith('WEIR')}

    def judge_it(conf):
        p = subprocess.run([tree + env['BIN_DIR'] + '/weird', '-t', '-e', conf, '--path.data', dest + '/data'], capture_output=True, text=True, check=False,
                           env=dict(clean, WEIR_MODULE_DIR=modules, ASAN_OPTIONS='detect_leaks=0:use_sigaltstack=0'))     # as with Ruby anywhere
        return p.returncode, p.stdout + p.stderr
    for m in built:
        conf, library = MODULES[m]
        status, said = judge_it(conf)
        match = re.search(r'install the package (\S+), which brings (\S+?)[;\s]', said)
        assert status == 1 and match and match.group(1) == 'weir-' + m, said
        assert match.group(2) in dependencies(debs['weir-' + m]), (match.group(2), dependencies(debs['weir-' + m]))
        run('dpkg-deb', '-x', debs['weir-' + m], tree)
        status, said = judge_it(conf)
        assert status == 0, said


def test_man():
    root = env['MESON_SOURCE'] + '/packaging/'
    for page, program, words in (('weird.8', 'WEIRD', r'--([a-z][\w.]+)'), ('weir.1', 'WEIR', r'^  weir (\w+)')):
        usage = run(env[program], '--help')
        # In mdoc(7) a long flag is the flag "-name".
        want = {('-' + w if program == 'WEIRD' else w) for w in re.findall(words, usage, re.M)} - {'-name.of.setting'}
        assert len(want) >= 3, usage
        told = set(re.findall(r'[\w.-]+', read(root + page)))
        assert want <= told, '%s does not tell of %s' % (page, sorted(want - told))
    tools = [t for t in (['mandoc', '-Tlint', '-Wwarning'], ['man', '--warnings=w', '-l', '-Tutf8']) if shutil.which(t[0])]
    for tool in tools[:1]:
        for page in ('weird.8', 'weir.1'):
            p = subprocess.run([*tool, root + page], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False, env=dict(env, LC_ALL='C.UTF-8'))
            assert p.returncode == 0 and not p.stderr and (tool[0] == 'man' or not p.stdout), p.stdout[:2000] + p.stderr
    if not tools:
        print('neither mandoc nor man is installed')
        sys.exit(77)


try:
    globals()['test_' + sys.argv[1]]()
finally:
    shutil.rmtree(dest, ignore_errors=True)
