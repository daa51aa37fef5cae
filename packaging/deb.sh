#!/usr/bin/env bash
# deb.sh BUILD OUT - Debian packages of what a build folder would install: weir, and weir-NAME for each module weir_NAME.so that was built, so that
# weir alone pulls no library of a module.
#
#   meson setup build/deb --prefix=/usr --sysconfdir=/etc --buildtype=release && ninja -C build/deb && packaging/deb.sh build/deb build/deb/packages
#
# Needs dpkg-dev; installs nothing. Each package's dependencies are those of the libraries that its files are linked with.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
build=$(cd "$1" && pwd)
mkdir -p "$2"
out=$(cd "$2" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

version=$(meson introspect "$build" --projectinfo | sed 's/.*"version": *"\([^"]*\)".*/\1/')
mkdir -p "$work/debian"
cp "$root/packaging/deb/control" "$work/debian/"
printf 'weir (%s) unstable; urgency=medium\n\n  * Built from the source.\n\n -- weir'"'"'s maintainers <root@localhost>  %s\n' \
	"$version" "$(date -R -u -d "@${SOURCE_DATE_EPOCH:-$(git -C "$root" log -1 --format=%ct 2>/dev/null || date +%s)}")" >"$work/debian/changelog"
meson install -C "$build" --no-rebuild --quiet --strip --destdir "$work/weir" >"$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }

packages=(weir)
while IFS= read -r so; do
	name=weir-$(basename "$so" .so | sed 's/^weir_//')
	grep -qx "Package: $name" "$work/debian/control" || { printf 'packaging/deb/control has no %s for %s\n' "$name" "$so" >&2; exit 1; }
	mkdir -p "$work/$name/$(dirname "$so")"
	mv "$work/weir/$so" "$work/$name/$so"
	packages+=("$name")
done < <(cd "$work/weir" && find . -name 'weir_*.so' -printf '%P\n')
find "$work/weir" -type d -empty -delete

for p in "${packages[@]}"; do
	tree=$work/$p
	doc=$tree/usr/share/doc/$p
	mkdir -p "$tree/DEBIAN" "$doc"
	cp "$root/LICENSE" "$doc/copyright"
	gzip -9nc "$work/debian/changelog" >"$doc/changelog.gz"
	find "$tree" -path '*/man/man[0-9]/*.[0-9]' -exec gzip -9n {} +
	if [ "$p" = weir ]; then
		install -m 755 "$root/packaging/deb/postinst" "$root/packaging/deb/prerm" "$tree/DEBIAN/"
		# An administrator's, from the first change on.
		(cd "$tree" && find . -path ./DEBIAN -prune -o -path '*/etc/*' -type f -printf '/%P\n') >"$tree/DEBIAN/conffiles"
	fi
	(cd "$work" && find "$p" -path "$p/DEBIAN" -prune -o -type f -exec sh -c 'head -c4 "$1" | grep -q ELF' sh {} \; -print0 |
		xargs -0 dpkg-shlibdeps --ignore-missing-info -O >"$work/$p.substvars" 2>>"$work/log") || { tail -n 5 "$work/log" >&2; exit 1; }
	(cd "$work" && dpkg-gencontrol -p"$p" -P"$tree" -cdebian/control -ldebian/changelog -fdebian/files -T"$p.substvars" 2>>"$work/log")
	dpkg-deb --root-owner-group --build "$tree" "$out" >>"$work/log" 2>&1 || { tail -n 5 "$work/log" >&2; exit 1; }
done
