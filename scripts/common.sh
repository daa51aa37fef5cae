# common.sh - what ./start, ./check and .ci/run share; sourced by bash with `set -eu`, in the project's root.
#
# Nothing here asks a question, starts, stops or replaces a service, or opens a socket.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

say() { printf '%s\n' "$*"; }
fail() { printf '%s\n' "$*" >&2; exit 1; }

# Packages of Debian that are missing here, of those named.
missing_packages() {
	local p
	for p in "$@"; do
		dpkg-query -W -f '${db:Status-Status}\n' "$p" 2>/dev/null | grep -qx installed || printf '%s ' "$p"
	done
}

# COMMAND PACKAGE ...: the packages of those commands that are not there. Go and Node come from elsewhere on many machines, and Debian's packages
# then refuse to be installed beside them.
packages_of() {
	while [ $# -gt 1 ]; do
		command -v "$1" >/dev/null || printf '%s ' "$2"
		shift 2
	done
}

# Installs what is missing of the packages named. Only such as start no service may be named.
install_packages() {
	local want as_root=()
	command -v dpkg-query >/dev/null || { say "not a Debian: taking for granted that these are here: $*"; return 0; }
	want=$(missing_packages "$@")
	[ -n "$want" ] || return 0
	if [ "$(id -u)" -ne 0 ]; then
		command -v sudo >/dev/null && sudo -n true 2>/dev/null ||
			fail "missing packages: ${want% }. Install them as root: apt-get install $want"
		as_root=(sudo -n)
	fi
	say "installing: ${want% }"
	# No restart of services by needrestart, no daemon may be started by a package's script.
	export DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1
	"${as_root[@]}" apt-get -qq update </dev/null
	# shellcheck disable=SC2086
	"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 \
		apt-get -qq install -y --no-install-recommends $want </dev/null >"${TMPDIR:-/tmp}/weir-apt.$$.log" 2>&1 ||
		{ cat "${TMPDIR:-/tmp}/weir-apt.$$.log" >&2; fail "apt-get could not install: $want"; }
	rm -f "${TMPDIR:-/tmp}/weir-apt.$$.log"
}

build_packages=(gcc libc6-dev meson ninja-build pkg-config python3 ruby-dev libc-ares-dev libidn2-dev libuv1-dev libcurl4-openssl-dev libjansson-dev libmaxminddb-dev libmemcached-dev libmicrohttpd-dev libonig-dev libpcre2-dev libpsl-dev librdkafka-dev libsqlite3-dev libssl-dev libxml2-dev libyaml-dev libzstd-dev zlib1g-dev)

# build_in DIR [MESON OPTION...]: sets the folder up once, builds $build_targets (all where it is empty); prints only what went wrong.
build_targets=
build_in() {
	local dir=$1 log
	shift
	log=$dir/build.log
	mkdir -p "$dir"
	if [ ! -f "$dir/build.ninja" ]; then
		meson setup "$dir" "$root" "$@" >"$log" 2>&1 || { tail -n 30 "$log" >&2; fail "meson setup failed; all of it: $log"; }
	fi
	# shellcheck disable=SC2086
	ninja -C "$dir" $build_targets >"$log" 2>&1 || { tail -n 60 "$log" >&2; fail "the build failed; all of it: $log"; }
	! grep -E '^[^ ]+: warning: |: warning: ' "$log" || say "(warnings above)"
}
