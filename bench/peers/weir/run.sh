#!/bin/sh
# weir: LEVEL L0 (header, JSON, bulk), PROTO tcp|udp.  Settings by environment:
#   WEIRD   the binary (default: build/weird beside bench/)
set -eu
here=$(cd "$(dirname "$0")" && pwd)
bin=${WEIRD:-$here/../../../build/weird}
[ "$1" = --version ] && { "$bin" --version | head -1; exit; }
[ "$1" = L0 ] || { echo "weir has the level L0 only: later ones need parsers of messages" >&2; exit 2; }
sed -e "s|@IN_PORT@|$IN_PORT|g; s|@ES_PORT@|$ES_PORT|g" "$here/$1.conf" > "$WORK/weir.conf"
cat > "$WORK/weir.yml" <<YML
pipeline.ecs_compatibility: v8
api.enabled: false
YML
exec "$bin" -f "$WORK/weir.conf" --path.settings "$WORK" --path.data "$WORK/data"
