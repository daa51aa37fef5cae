#!/usr/bin/env python3
"""Lines of test/parse/*.test as seeds of fuzz_formats: format_seeds.py FOLDER STAMP FILE...

One file a line, named by what is in it, so that a run adds what is new and takes nothing away that is the same.
"""
import hashlib
import os
import sys

folder, stamp, files = sys.argv[1], sys.argv[2], sys.argv[3:]
os.makedirs(folder, exist_ok=True)
want = {}
for name in files:
    with open(name, "rb") as f:
        for line in f:
            if line.startswith(b"< "):
                text = line[2:].rstrip(b"\n")
                want[hashlib.sha256(text).hexdigest()[:16]] = text
for have in os.listdir(folder):
    if have not in want:
        os.unlink(os.path.join(folder, have))
for name, text in want.items():
    with open(os.path.join(folder, name), "wb") as f:
        f.write(text)
with open(stamp, "w") as f:
    f.write("%d\n" % len(want))
