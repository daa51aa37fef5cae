#!/usr/bin/env python3
"""current.py FILE PROGRAM [ARGUMENT...]: what the program prints is what the file holds."""
import difflib
import subprocess
import sys

p = subprocess.run(sys.argv[2:], capture_output=True, text=True)
with open(sys.argv[1], encoding='utf-8') as f:
    have = f.read()
if p.returncode:
    sys.exit('%s ended with %d: %s' % (sys.argv[2], p.returncode, p.stderr.strip()))
if p.stdout != have:
    sys.stdout.writelines(list(difflib.unified_diff(have.splitlines(True), p.stdout.splitlines(True), sys.argv[1], 'as it would be'))[:60])
    sys.exit('%s is not current: %s > %s' % (sys.argv[1], ' '.join(sys.argv[2:]), sys.argv[1]))
