#!/bin/sh
# weir: LEVEL L0 (header, JSON, bulk), L1n (fields of known daemons), L1 (and places), L1full (and identity, link); PROTO tcp|udp.
#   MMDB    the database for L1 and L1full
#   WEIRD   the binary (default: build/weird beside bench/)
set -eu
here=$(cd "$(dirname "$0")" && pwd)
bin=${WEIRD:-$here/../../../build/weird}
[ "$1" = --version ] && { "$bin" --version | head -1; exit; }
[ -f "$here/$1.conf" ] || { echo "weir has no level '$1'" >&2; exit 2; }
sed -e "s|@IN_PORT@|$IN_PORT|g; s|@ES_PORT@|$ES_PORT|g; s|@MMDB@|${MMDB:-}|g" "$here/$1.conf" > "$WORK/weir.conf"
cat > "$WORK/weir.yml" <<YML
pipeline.ecs_compatibility: v8
api.enabled: false
YML
exec "$bin" -f "$WORK/weir.conf" --path.settings "$WORK" --path.data "$WORK/data"
