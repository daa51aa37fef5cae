"""certificates.py - certificates for tests, made by the openssl command in the folder of the running test."""
import os
import subprocess

import harness


def openssl(*args):
    subprocess.run(['openssl', *args], cwd=harness.work, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def path(name):
    return os.path.join(harness.work, name)


def certificate(name, subject, ca=None, names=''):
    """name.pem and name.key, signed by ca (or by itself, as an authority)."""
    openssl('req', '-new', '-newkey', 'rsa:2048', '-nodes', '-keyout', name + '.key', '-out', name + '.csr', '-subj', '/CN=' + subject)
    with open(path(name + '.ext'), 'w', encoding='ascii') as f:
        f.write('basicConstraints=critical,CA:%s\n%s' % ('FALSE' if ca else 'TRUE', 'subjectAltName=%s\n' % names if names else ''))
    signer = ['-CA', ca + '.pem', '-CAkey', ca + '.key', '-CAcreateserial'] if ca else ['-signkey', name + '.key']
    openssl('x509', '-req', '-in', name + '.csr', *signer, '-days', '2', '-extfile', name + '.ext', '-out', name + '.pem')


def chain(name, *parts):
    """name: the certificates of `parts` one behind the other."""
    with open(path(name), 'w', encoding='ascii') as f:
        for part in parts:
            with open(path(part + '.pem'), encoding='ascii') as g:
                f.write(g.read())


def fingerprint(name):
    out = subprocess.run(['openssl', 'x509', '-in', name + '.pem', '-noout', '-fingerprint', '-sha256'], cwd=harness.work, check=True,
                         capture_output=True, text=True).stdout
    return out.strip().split('=')[1]
