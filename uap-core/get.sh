#!/usr/bin/env bash
# get.sh FILE: gets the patterns of the filter useragent (ua-parser's uap-core, Apache-2.0) as FILE, with npm, in the version that
# Logstash has. Where that is not possible FILE is left empty and the build goes on: the filter then says what it lacks.
set -u
file=$1 package=uap-core@0.12.0
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
: >"$file"
if ! command -v npm >/dev/null; then
	echo "uap-core: there is no npm: the filter useragent will want the option 'regexes'"
elif (cd "$work" && timeout 60 npm pack --silent "$package" </dev/null >name 2>log && tar xzf "$(tail -n 1 name)"); then
	cp "$work/package/regexes.yaml" "$file"
else
	echo "uap-core: $package cannot be had now: the filter useragent will want the option 'regexes' (later: uap-core/get.sh $file)"
fi
exit 0
