#!/usr/bin/env python3
"""Measure one or more peers end to end: send -> peer -> essink, all on 127.0.0.1.

  measure.py PEER[:LEVEL] [PEER[:LEVEL] ...] [options]

Several peers take turns run by run, so a drift of the machine hits all alike.
A peer is a folder NAME with an executable run.sh, in peers/ here or in one of the folders of $BENCH_PEERS (colon separated):
    run.sh LEVEL PROTO      exec the daemon in the foreground
    run.sh --version        print one line
with in its environment: IN_PORT (listen on 127.0.0.1, TCP or UDP by PROTO),
ES_PORT (the sink), WORK (an empty private folder), MMDB (a GeoLite2 City
style database, or empty), FRAMING (lf or octet), FORMAT (rfc3164 or rfc5424).
Each run appends one JSON line to the file given with --results.

What is measured:
  events_per_s  documents accepted by the sink / (last document - first byte sent)
  lost          sent - accepted (TCP: after the sink saw no progress for --idle s)
  cpu_s_per_m   user+sys of the peer's processes from first byte to last document,
                a million documents
  peak_rss_mb   VmHWM when the run ends;  start_s: spawn to listening socket
  other_cpu     share of the machine's CPU time that went to neither peer, sender
                nor sink (other programs, kernel threads): high = a noisy run
"""
import argparse
import http.client
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
PEERS = [d for d in os.environ.get("BENCH_PEERS", "").split(":") if d] + [os.path.join(HERE, "peers")]


def peer_script(peer):
    """The run.sh of a peer: folders in BENCH_PEERS (colon separated) come before the kit's own peers/."""
    for d in PEERS:
        p = os.path.abspath(os.path.join(d, peer, "run.sh"))
        if os.access(p, os.X_OK):
            return p
    sys.exit("no executable %s/run.sh in %s" % (peer, ", ".join(PEERS)))

HZ = os.sysconf("SC_CLK_TCK")


def tree(pid):
    """pid and all its descendants."""
    out, todo = [], [pid]
    while todo:
        p = todo.pop()
        out.append(p)
        try:
            for t in os.listdir("/proc/%d/task" % p):
                with open("/proc/%d/task/%s/children" % (p, t)) as f:
                    todo += [int(x) for x in f.read().split()]
        except OSError:
            pass
    return out


def cpu(pid):
    s = 0
    for p in tree(pid):
        try:
            with open("/proc/%d/stat" % p) as f:
                a = f.read().rsplit(")", 1)[1].split()
            s += int(a[11]) + int(a[12])
        except OSError:
            pass
    return s / HZ


def wait_calm(pid, limit=60):
    """A peer may read a database behind its start: until half a second passes without work."""
    end = time.monotonic() + limit
    while time.monotonic() < end:
        before = cpu(pid)
        time.sleep(0.5)
        if cpu(pid) - before < 0.02:
            return


def mem(pid, key):
    s = 0
    for p in tree(pid):
        try:
            with open("/proc/%d/status" % p) as f:
                for line in f:
                    if line.startswith(key + ":"):
                        s += int(line.split()[1])
        except OSError:
            pass
    return s / 1024


def threads(pid):
    try:
        return len(os.listdir("/proc/%d/task" % pid))
    except OSError:
        return 0


def machine():
    with open("/proc/stat") as f:
        a = [int(x) for x in f.readline().split()[1:]]
    return (sum(a[:3]) + sum(a[5:8])) / HZ, a[7] / HZ    # busy with irq and steal, steal


def listening(port, proto):
    want = ":%04X" % port
    for fam in ("", "6"):
        try:
            with open("/proc/net/%s%s" % (proto, fam)) as f:
                for line in f:
                    a = line.split()
                    if len(a) > 3 and a[1].endswith(want) and a[3] == ("0A" if proto == "tcp" else "07"):
                        return True
        except OSError:
            pass
    return False


def free_port():
    s = socket.socket()
    s.bind(("127.0.0.1", 0))
    p = s.getsockname()[1]
    s.close()
    return p


def stats(port, query=""):
    c = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    c.request("GET", "/_stats_null" + query)
    d = json.loads(c.getresponse().read())
    c.close()
    return d


def udp_drops(port):
    n = 0
    with open("/proc/net/udp") as f:
        for line in f:
            a = line.split()
            if a[1].endswith(":%04X" % port):
                n += int(a[-1])
    return n


def stop(proc, timeout=15):
    t = time.monotonic()
    if proc.poll() is None:
        proc.send_signal(signal.SIGTERM)
        try:
            proc.wait(timeout)
        except subprocess.TimeoutExpired:
            proc.kill()
            proc.wait()
            return -1
    return time.monotonic() - t


def run(peer, level, a, corpus):
    work = tempfile.mkdtemp(prefix="bench-%s-" % peer, dir=a.tmp)
    es, inp = free_port(), free_port()
    while inp == es:
        inp = free_port()
    env = dict(os.environ, ES_PORT=str(es), IN_PORT=str(inp), WORK=work, MMDB=a.mmdb or "", FRAMING=a.framing,
               FORMAT=a.format)
    sink_cmd = [os.path.join(a.bin, "essink"), "-p", str(es)]
    for k in a.key:
        sink_cmd += ["-k", k]
    if a.dump:
        sink_cmd += ["-o", a.dump]
    if a.sink:
        sink_cmd += a.sink.split()
    sink = subprocess.Popen(sink_cmd, stdout=subprocess.PIPE)
    log = open(os.path.join(work, "peer.log"), "wb")
    proc = None
    r = {"peer": peer, "level": level, "proto": a.proto, "conns": a.conns, "rate": a.rate, "framing": a.framing,
         "format": a.format, "time": int(time.time())}
    if a.label:
        r["label"] = a.label
    try:
        while not listening(es, "tcp"):
            time.sleep(0.005)
        t0 = time.monotonic()
        proc = subprocess.Popen([peer_script(peer), level, a.proto], env=env, cwd=work,
                                stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        while not listening(inp, a.proto):
            if proc.poll() is not None or time.monotonic() - t0 > 30:
                with open(log.name, errors="replace") as f:
                    sys.exit("%s did not start:\n%s" % (peer, f.read()[-3000:]))
            time.sleep(0.001)
        r["start_s"] = round(time.monotonic() - t0, 3)
        time.sleep(a.settle)
        wait_calm(proc.pid)
        r["idle_rss_mb"] = round(mem(proc.pid, "VmRSS"), 1)
        r["idle_anon_mb"] = round(mem(proc.pid, "RssAnon"), 1)
        r["idle_threads"] = threads(proc.pid)
        c0 = cpu(proc.pid)
        time.sleep(a.idle_time)
        if a.idle_time:
            r["idle_cpu_pct"] = round((cpu(proc.pid) - c0) / a.idle_time * 100, 2)
        if a.n == 0:
            r["stop_s"] = round(stop(proc), 3)
            return r
        c0, (m0, st0) = cpu(proc.pid), machine()
        w0 = time.monotonic()
        send = subprocess.Popen([os.path.join(a.bin, "send"), "-F", corpus, "-p", str(inp), "-n", str(a.n), "-c", str(a.conns),
                                 "-t", a.proto, "-f", a.framing, "-r", str(a.rate), "-T", str(a.limit)],
                                stdout=subprocess.PIPE)
        last, seen, ended, c1, m1 = time.monotonic(), -1, 0, c0, m0
        rss = 0
        while True:
            time.sleep(0.1)
            s = stats(es)
            now = time.monotonic()
            if s["docs"] != seen:
                seen, last = s["docs"], now
                c1, (m1, st1), w1 = cpu(proc.pid), machine(), now
                rss = mem(proc.pid, "VmHWM")
            if send.poll() is not None and not ended:
                ended = now
                o = json.loads(send.stdout.read())
            if ended and (seen >= o["sent"] or now - max(last, ended) > a.idle):
                break
            if proc.poll() is not None:
                r["died"] = proc.returncode
                break
            if now - w0 > a.limit + 30:
                r["timeout"] = True
                break
        if send.poll() is None:
            send.kill()
        if not ended:
            o = {"sent": 0, "seconds": 0, "start_ns": s["first_ns"], "cpu_s": 0, "per_s": 0, "bytes": 0}
        if a.proto == "udp":
            r["kernel_drops"] = udp_drops(inp)
        r["threads"] = threads(proc.pid)
        r["stop_s"] = round(stop(proc), 3)
        s = stats(es, "?timeline=1" if a.timeline else "")
        dur = (s["last_ns"] - o["start_ns"]) / 1e9 if s["docs"] else 0
        pc = c1 - c0
        r.update(sent=o["sent"], docs=seen, docs_final=s["docs"], lost=o["sent"] - s["docs"], seconds=round(dur, 3),
                 events_per_s=round(seen / dur) if dur > 0 else 0,
                 cpu_s=round(pc, 2), cpu_s_per_m=round(pc / seen * 1e6, 3) if seen > 0 else None,
                 peak_rss_mb=round(max(rss, 0), 1), send_s=o["seconds"], sender_cpu_s=o["cpu_s"], sink_cpu_s=s["cpu_s"],
                 bytes_per_doc=round(s["body_bytes"] / s["docs_seen"]) if s["docs_seen"] else 0,
                 docs_per_bulk=s["docs_per_bulk"], connections=s["connections"], malformed=s["malformed"],
                 gzip=s["gzip_requests"])
        for k in ("seq_missing_below_max", "seq_dup", "seq_distinct", "bad_json"):
            if k in s and (k != "bad_json" or "-j" in (a.sink or "")):
                r[k] = s[k]
        if s["keys"]:
            r["keys"] = {k: round(v / s["docs"], 4) for k, v in s["keys"].items()} if s["docs"] else {}
        if s["docs"]:
            busy, span = m1 - m0, (w1 - w0) * os.cpu_count()
            r["other_cpu"] = round(max(0, busy - pc - o["cpu_s"] - s["cpu_s"]) / span, 3)
            r["steal"] = round((st1 - st0) / span, 3)
        if a.timeline:
            r["slots"] = s["slots"]
        return r
    finally:
        if proc:
            stop(proc)
        stop(sink)
        log.close()
        if a.keep:
            print("kept", work, file=sys.stderr)
        else:
            shutil.rmtree(work, ignore_errors=True)


def corpus_for(a):
    os.makedirs(a.tmp, exist_ok=True)
    p = os.path.join(a.tmp, "corpus-%s-%d-%d%s.log" % (a.format, a.lines, a.seed, "-seq" if a.seq else ""))
    if not os.path.exists(p):
        subprocess.check_call([sys.executable, os.path.join(HERE, "gen_corpus.py"), "-n", str(a.lines), "-s", str(a.seed),
                               "-f", a.format, "-o", p + ".new"] + (["--seq"] if a.seq else []))
        os.rename(p + ".new", p)
    return p


def summary(rows):
    keys = ("events_per_s", "cpu_s_per_m", "peak_rss_mb", "lost", "idle_rss_mb", "idle_anon_mb", "start_s", "other_cpu")
    groups = {}
    for r in rows:
        groups.setdefault((r["peer"], r["level"]), []).append(r)
    for (p, l), g in groups.items():
        print("\n%s %s  (%d runs, min / median / max)" % (p, l, len(g)))
        for k in keys:
            v = [r[k] for r in g if r.get(k) is not None]
            if v:
                f = "%.0f" if k in ("events_per_s", "lost") else "%.3f"
                print("  %-13s" % k, " / ".join(f % x for x in (min(v), statistics.median(v), max(v))))


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("peers", nargs="+")
    ap.add_argument("-n", type=int, default=1000000, help="events a run; 0: start-up and idle figures only")
    ap.add_argument("-r", "--runs", type=int, default=3)
    ap.add_argument("--rate", type=float, default=0, help="events/s, 0 = as fast as it goes")
    ap.add_argument("--proto", choices=("tcp", "udp"), default="tcp")
    ap.add_argument("--conns", type=int, default=4)
    ap.add_argument("--framing", choices=("lf", "octet"), default="lf")
    ap.add_argument("--format", choices=("rfc3164", "rfc5424"), default="rfc3164")
    ap.add_argument("--lines", type=int, default=200000, help="distinct lines of the corpus")
    ap.add_argument("--seed", type=int, default=1)
    ap.add_argument("--seq", action="store_true", help="numbered corpus of n lines; exact loss and duplicates")
    ap.add_argument("--mmdb", default=os.environ.get("MMDB"))
    ap.add_argument("--bin", default=os.environ.get("BENCH_BIN", os.path.join(HERE, "bin")))
    ap.add_argument("--tmp", default=os.environ.get("BENCH_TMP", os.path.join(HERE, "work")))
    ap.add_argument("--results", help="default: results.jsonl in --tmp")
    ap.add_argument("--idle", type=float, default=5, help="give up after this long with no new document")
    ap.add_argument("--settle", type=float, default=0.5)
    ap.add_argument("--idle-time", type=float, default=0, help="measure idle CPU for this long first")
    ap.add_argument("--limit", type=float, default=180)
    ap.add_argument("--key", action="append", default=[], help="count documents that hold this text")
    ap.add_argument("--sink", help="further options of essink, one string")
    ap.add_argument("--dump", help="write the received bodies here")
    ap.add_argument("--label")
    ap.add_argument("--max-other", type=float, default=0.12,
                    help="repeat a run during which other programs took more than this share of the CPU")
    ap.add_argument("--retries", type=int, default=4, help="of a noisy run; the last one counts, marked noisy")
    ap.add_argument("--timeline", action="store_true")
    ap.add_argument("--keep", action="store_true", help="keep the peer's work folder")
    a = ap.parse_args()
    if a.seq:
        a.lines, a.sink = a.n, (a.sink or "") + " -q"
    corpus = corpus_for(a)
    a.results = os.path.abspath(a.results or os.path.join(a.tmp, "results.jsonl"))
    os.makedirs(os.path.dirname(a.results), exist_ok=True)
    rows = []
    for i in range(a.runs):
        for p in a.peers:
            name, _, level = p.partition(":")
            for again in range(a.retries + 1):
                r = run(name, level or "L0", a, corpus)
                r["run"] = i
                noisy = r.get("other_cpu", 0) > a.max_other
                if noisy:
                    r["noisy"] = True
                with open(a.results, "a") as f:
                    f.write(json.dumps(r) + "\n")
                print(json.dumps({k: v for k, v in r.items() if k != "slots"}), flush=True)
                if not noisy or again == a.retries:
                    break
                time.sleep(3)
            rows.append(r)
    summary(rows)


if __name__ == "__main__":
    try:
        main()
    except FileNotFoundError as e:
        sys.exit("cannot start or read '%s': %s" % (e.filename, e.strerror))
