#!/usr/bin/env bash
# demo.sh [--keep] [--story FOLDER] [--part F] [--seconds S]: plays a recorded story into weird and asks why it happened.
#
# weird runs on loopback with the shipped conf.d, on ports of its own and with a data folder of its own ($WEIR_DEMO_DATA, else ./data-demo),
# made anew each time. Ends with the answer of `weir why`; --keep leaves weird running until Ctrl-C. Called by ./start --demo, on a built tree.
set -eu
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
cd "$root"

keep= story=demo part=1 seconds=8 name=ns1.faraisp.ir build=${WEIR_BUILD:-build}
while [ $# -gt 0 ]; do
	case $1 in
	--keep) keep=1 ;;
	--story) story=$2; shift ;;
	--part) part=$2; shift ;;
	--seconds) seconds=$2; shift ;;
	--why) name=$2; shift ;;
	*) fail "usage: ./start --demo [--keep]" ;;
	esac
	shift
done

data=${WEIR_DEMO_DATA:-$root/data-demo}
if [ -e "$data" ] && [ ! -e "$data/.demo" ]; then fail "'$data' is no folder of the demo: remove it, or set WEIR_DEMO_DATA"; fi
rm -rf "$data"
mkdir -p -m 0700 "$data"
: >"$data/.demo"
read -r port api < <(python3 -c 'import socket
a, b = socket.socket(), socket.socket()
a.bind(("127.0.0.1", 0)); b.bind(("127.0.0.1", 0))
print(a.getsockname()[1], b.getsockname()[1])')

weird= tap=
finish() {
	[ -z "$tap" ] || kill "$tap" 2>/dev/null || true
	[ -z "$weird" ] || { kill "$weird" 2>/dev/null && wait "$weird" 2>/dev/null; } || true
}
trap finish EXIT
trap 'exit 130' INT TERM

# The events are as old as the recording: nothing is forgotten for its age here.
WEIR_DATA=$data WEIR_DNSTAP=$data/dnstap.sock WEIR_PORT=$port WEIR_API_PORT=$api WEIR_RETENTION_DAYS=0 \
	"$build/weird" -f conf.d --path.settings . --path.data "$data" 2>"$data/weird.log" &
weird=$!
until [ -S "$data/dnstap.sock" ] && grep -q ' running, version' "$data/weird.log"; do
	kill -0 "$weird" 2>/dev/null || { cat "$data/weird.log" >&2; fail "weird did not start"; }
	sleep 0.05
done

say "weird runs; a mail server's, a resolver's and a password guesser's two minutes are played into it:"
say
until [ -d "$data/store" ]; do sleep 0.05; done
"$build/weir" tap --path.data "$data" 'NOT event.action:dns-resolver-response' &
tap=$!
scripts/play.py --syslog "$port" --dnstap "$data/dnstap.sock" --seconds "$seconds" --part "$part" "$story" >"$data/sent" || fail "the story could not be played"
# Everything sent has been stored when weird has counted it all.
want=$(awk '{print $2 + $7}' "$data/sent")
until [ "$(python3 - "$api" <<'PY'
import sys, urllib.request
text = urllib.request.urlopen('http://127.0.0.1:%s/metrics' % sys.argv[1]).read().decode()
print(sum(int(float(x.split()[-1])) for x in text.split('\n') if x.startswith('weir_pipeline_lines_total')))
PY
)" -ge "$want" ]; do sleep 0.1; done
sleep 1
kill "$tap" 2>/dev/null || true
wait "$tap" 2>/dev/null || true
tap=
say
cat "$data/sent"
say
say "\$ weir why $name"
say
"$build/weir" why --path.data "$data" "$name"
if [ -n "$keep" ]; then
	cat <<TEXT

weird goes on until Ctrl-C. Ask more:

  $build/weir why --path.data $data 185.137.111.145
  $build/weir search --path.data $data 'event.outcome:failure'
  logger -n 127.0.0.1 -P $port -T --rfc3164 "hello weir"
TEXT
	wait "$weird" || true
	weird=
fi
