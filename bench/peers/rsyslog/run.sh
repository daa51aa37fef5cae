#!/bin/sh
# rsyslog: LEVEL L0 | L1n (fields) | L1 (fields and geo, if mmdblookup is there), PROTO tcp|udp.  Settings by environment:
#   RSYSLOGD      the binary (default: the one unpacked by scripts/parts.sh, else rsyslogd)
#   RS_WORKERS    queue workers (2)      RS_BATCH  dequeue batch = documents a bulk (512)
#   RS_QUEUE      queue size (200000)    RS_MMDBLOOKUP  path of mmdblookup.so, if there is one
set -eu
here=$(cd "$(dirname "$0")" && pwd)
bin=${RSYSLOGD:-rsyslogd} modules=
parts=${WEIR_PARTS:-$here/../../../build/parts}/rsyslog
if [ -z "${RSYSLOGD:-}" ] && [ -x "$parts/usr/sbin/rsyslogd" ]; then
	bin=$parts/usr/sbin/rsyslogd
	modules=$(echo "$parts"/usr/lib/*/rsyslog)
	LD_LIBRARY_PATH=$(dirname "$modules")
	export LD_LIBRARY_PATH
fi
[ "$1" = --version ] && { "$bin" -v | head -1; exit; }
geo='#'
if [ "$1" = L1 ] && { [ -z "${RS_MMDBLOOKUP:-}" ] || [ -z "${MMDB:-}" ]; }; then
	echo "rsyslog at L1 needs RS_MMDBLOOKUP (a module that Debian does not package) and MMDB; L1n needs neither" >&2
	exit 2
fi
[ "$1" = L1 ] && [ -n "${RS_MMDBLOOKUP:-}" ] && [ -n "${MMDB:-}" ] && geo=
sed -e "s|@IN_PORT@|$IN_PORT|g; s|@ES_PORT@|$ES_PORT|g; s|@WORK@|$WORK|g; s|@HERE@|$here|g" \
    -e "s|@WORKERS@|${RS_WORKERS:-2}|g; s|@BATCH@|${RS_BATCH:-512}|g; s|@QUEUE@|${RS_QUEUE:-200000}|g" \
    -e "s|@RULESET@|${1%n}|g; s|@MMDB@|${MMDB:-}|g; s|@MMDBLOOKUP@|${RS_MMDBLOOKUP:-}|g; s|^@GEO@|$geo|" \
    "$here/$2.conf" "$here/common.conf" > "$WORK/rsyslog.conf"
exec "$bin" -n -f "$WORK/rsyslog.conf" -i "$WORK/rsyslogd.pid" ${modules:+-M "$modules"}
