#!/usr/bin/env bash
# parts.sh PART...: the real programs that tests and benchmarks talk to, unpacked below build/parts; nothing is installed.
#
#   rsyslog, syslog-ng          Debian's packages and the libraries they need (as packages they exclude each other)
#   rsyslog-tls                 the same rsyslog with its two drivers of TLS
#   unbound                     Debian's, which sends dnstap, and fstrm's tools
#   redis                       Debian's server
#   memcached                   Debian's
#   haproxy, nginx              Debian's
#   softflowd                   Debian's exporter of NetFlow and IPFIX
#   smtp                        aiosmtpd, a mail server in Python
#   carbon                      Graphite's carbon-cache, and what it needs of Twisted
#   graypy                      a Python client that speaks GELF
#   lab                         Debian's BIND, Unbound, Postfix, Dovecot, DHCP server and client, rsyslog and sqlite3 with all that they
#                               need, as one /usr to be entered by chroot: these insist on their own paths
#   lumber                      a program of test/servers around Elastic's Lumberjack library for Go; needs Go 1.18
#   pylogbeat                   2.1.0, by pip
#   lumberjack-client           1.0.3, by npm
#   kafka                       3.9.1, by Maven; needs a JDK 17
#   opensearch, elasticsearch   2.19.1 and 8.19.21, by Maven; need a JDK 17
#
# A part that is there is left as it is. One that cannot be had: a line on stderr, exit status 1 at the end; its tests then skip.
set -eu
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
parts=${WEIR_PARTS:-$root/build/parts}
opensearch_version=2.19.1.0
elasticsearch_version=8.19.21
pylogbeat_version=2.1.0
lumberjack_client_version=1.0.3

# unpack NAME PACKAGE...: into $parts/NAME
unpack() {
	local name=$1 work
	shift
	work=$parts/.$name.new
	rm -rf "$work"
	mkdir -p "$work/deb"
	(cd "$work/deb" && apt-get -qq download "$@" </dev/null) >"$work/log" 2>&1 || {
		# An old list of packages names files that are gone: try once with a new one.
		if [ "$(id -u)" -eq 0 ]; then apt-get -qq update </dev/null >>"$work/log" 2>&1 || true; fi
		(cd "$work/deb" && apt-get -qq download "$@" </dev/null) >>"$work/log" 2>&1 || { tail -n 3 "$work/log" >&2; return 1; }
	}
	for p in "$work"/deb/*.deb; do dpkg-deb -x "$p" "$work" || return 1; done
	rm -rf "$work/deb" "${parts:?}/$name"
	mv "$work" "$parts/$name"
}

java_home() {
	local j
	for j in "${JAVA_HOME:-}" /usr/lib/jvm/java-17-openjdk-*; do
		[ -n "$j" ] && [ -x "$j/bin/javac" ] && "$j/bin/javac" -version 2>&1 | grep -q '^javac 17' && { printf '%s' "$j"; return; }
	done
	say "no JDK 17 here" >&2
	return 1
}

part_rsyslog() {
	[ -x "$parts/rsyslog/usr/sbin/rsyslogd" ] ||
		unpack rsyslog rsyslog rsyslog-elasticsearch rsyslog-relp libestr0 libfastjson4 liblognorm5 librelp0
}

part_rsyslog_tls() {
	[ -x "$parts/rsyslog-tls/usr/sbin/rsyslogd" ] ||
		unpack rsyslog-tls rsyslog rsyslog-gnutls rsyslog-openssl libestr0 libfastjson4 liblognorm5 libgnutls30 libp11-kit0 libidn2-0 libunistring2 \
			libtasn1-6 libnettle8 libhogweed6 libgmp10 libffi8
}

part_syslog_ng() {
	[ -x "$parts/syslog-ng/usr/sbin/syslog-ng" ] ||
		unpack syslog-ng syslog-ng-core libivykis0 libnet1 libwrap0 libnsl2 libtirpc3 libpcre3 libglib2.0-0 libjson-c5 libcap2
}

part_unbound() {
	[ -x "$parts/unbound/usr/sbin/unbound" ] ||
		unpack unbound unbound fstrm-bin libfstrm0 libprotobuf-c1 libevent-2.1-7 libnghttp2-14 libpython3.11
}

part_redis() {
	[ -x "$parts/redis/usr/bin/redis-server" ] || unpack redis redis-server redis-tools libatomic1 libjemalloc2 liblzf1
}

part_memcached() {
	[ -x "$parts/memcached/usr/bin/memcached" ] || unpack memcached memcached libevent-2.1-7 libsasl2-2
}

part_haproxy() {
	[ -x "$parts/haproxy/usr/sbin/haproxy" ] || unpack haproxy haproxy liblua5.3-0 libopentracing-c-wrapper0 libopentracing1
}

part_nginx() {
	[ -x "$parts/nginx/usr/sbin/nginx" ] || unpack nginx nginx
}

part_softflowd() {
	[ -x "$parts/softflowd/usr/sbin/softflowd" ] || unpack softflowd softflowd libpcap0.8 libdbus-1-3
}

part_smtp() {
	[ -d "$parts/smtp/usr/lib/python3/dist-packages/aiosmtpd" ] || unpack smtp python3-aiosmtpd python3-attr python3-public python3-typing-extensions
}

part_carbon() {
	[ -x "$parts/carbon/usr/bin/carbon-cache" ] ||
		unpack carbon graphite-carbon python3-twisted python3-cachetools python3-urllib3 python3-whisper python3-attr python3-automat \
			python3-constantly python3-hyperlink python3-idna python3-incremental python3-six python3-typing-extensions python3-zope.interface
}

part_graypy() {
	[ -d "$parts/graypy/usr/lib/python3/dist-packages/graypy" ] || unpack graypy python3-graypy
}

part_lab() {
	local d dir=$parts/lab
	[ -f "$dir/ready" ] && return
	unpack lab bind9 bind9-libs unbound postfix dovecot-core isc-dhcp-server isc-dhcp-client rsyslog sqlite3 dash libc6 libapparmor1 libaudit1 \
		libbz2-1.0 libcap-ng0 libcap2 libcom-err2 libcrypt1 libdb5.3 libestr0 libevent-2.1-7 libexpat1 libexttextcat-2.0-0 libfastjson4 libfstrm0 \
		libgcc-s1 libgcrypt20 libgpg-error0 libgssapi-krb5-2 libicu72 libjemalloc2 libjson-c5 libk5crypto3 libkeyutils1 libkrb5-3 libkrb5support0 \
		liblmdb0 liblua5.4-0 liblz4-1 liblzma5 libmaxminddb0 libnghttp2-14 libnsl2 libpam0g libprotobuf-c1 libpython3.11 libreadline8 libsasl2-2 \
		libsodium23 libsqlite3-0 libssl3 libstdc++6 libstemmer0d libsystemd0 libtinfo6 libtirpc3 libunwind8 libuuid1 libuv1 libxml2 libzstd1 zlib1g || return 1
	# Some packages still have files in /bin, /sbin and /lib: where these folders really are.
	for d in bin sbin lib lib64; do
		[ -d "$dir/$d" ] || continue
		mkdir -p "$dir/usr/$d"
		cp -a "$dir/$d/." "$dir/usr/$d/"
		rm -rf "${dir:?}/$d"
	done
	rm -rf "$dir/usr/share" "$dir/etc" "$dir/var"
	touch "$dir/ready"
}

part_opensearch() {
	local dir=$parts/opensearch java
	[ -f "$dir/ready" ] && return
	java=$(java_home) || return 1
	rm -rf "$dir"
	mkdir -p "$parts"
	cp -r "$root/test/servers/opensearch" "$dir"
	JAVA_HOME=$java mvn -B -q -f "$dir/pom.xml" "-Dopensearch.runner=$opensearch_version" compile </dev/null >"$dir/log" 2>&1 ||
		{ tail -n 5 "$dir/log" >&2; return 1; }
	printf '%s\n' "$java" >"$dir/ready"
}

part_kafka() {
	local dir=$parts/kafka java
	[ -f "$dir/ready" ] && return
	java=$(java_home) || return 1
	rm -rf "$dir"
	mkdir -p "$parts"
	cp -r "$root/test/servers/kafka" "$dir"
	JAVA_HOME=$java mvn -B -q -f "$dir/pom.xml" dependency:build-classpath -Dmdep.includeScope=runtime "-Dmdep.outputFile=$dir/cp.txt" \
		</dev/null >"$dir/log" 2>&1 || { tail -n 5 "$dir/log" >&2; return 1; }
	printf '%s\n' "$java" >"$dir/ready"
}

part_elasticsearch() {
	local dir=$parts/elasticsearch java zip artifact=org.elasticsearch.distribution.integ-test-zip:elasticsearch:$elasticsearch_version:zip
	[ -f "$dir/ready" ] && return
	java=$(java_home) || return 1
	rm -rf "$dir"
	mkdir -p "$dir"
	JAVA_HOME=$java mvn -B -q org.apache.maven.plugins:maven-dependency-plugin:3.8.1:get -Dtransitive=false "-Dartifact=$artifact" \
		</dev/null >"$dir/log" 2>&1 &&
		JAVA_HOME=$java mvn -B -q org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy "-Dartifact=$artifact" \
			"-DoutputDirectory=$dir" </dev/null >>"$dir/log" 2>&1 || { tail -n 5 "$dir/log" >&2; return 1; }
	zip=$(echo "$dir"/*.zip)
	python3 - "$zip" "$dir" <<'PY'
import os, sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as z:
    for i in z.infolist():
        path = z.extract(i, sys.argv[2])
        if i.external_attr >> 16 & 0o111:
            os.chmod(path, 0o755)
PY
	rm -f "$zip"
	mv "$dir"/elasticsearch-* "$dir/home"
	cp "$root/test/servers/elasticsearch/start-zip.sh" "$dir/"
	printf '%s\n' "$java" >"$dir/ready"
}

part_lumber() {
	local dir=$parts/lumber
	[ -x "$dir/lumber" ] && return
	rm -rf "$dir"
	cp -r "$root/test/servers/lumber" "$dir"
	(cd "$dir" && GOTOOLCHAIN=local go build -o lumber.new . </dev/null) >"$dir/log" 2>&1 || { tail -n 3 "$dir/log" >&2; return 1; }
	mv "$dir/lumber.new" "$dir/lumber"
}

part_pylogbeat() {
	local dir=$parts/pylogbeat
	[ -f "$dir/pylogbeat.py" ] && return
	rm -rf "$dir"
	mkdir -p "$dir"
	python3 -m pip -q install --no-deps --no-compile --target "$dir" "pylogbeat==$pylogbeat_version" </dev/null >"$dir/log" 2>&1 ||
		{ tail -n 3 "$dir/log" >&2; return 1; }
}

part_lumberjack_client() {
	local dir=$parts/lumberjack-client
	[ -f "$dir/node_modules/lumberjack-client/index.js" ] && return
	rm -rf "$dir"
	mkdir -p "$dir"
	(cd "$dir" && npm --silent --ignore-scripts --no-audit --no-fund --prefix "$dir" install "lumberjack-client@$lumberjack_client_version" \
		"debug@4.3.4" "pako@1.0.11" "typeforce@1.18.0" </dev/null) >"$dir/log" 2>&1 || { tail -n 3 "$dir/log" >&2; return 1; }
}

mkdir -p "$parts"
status=0
for part in "$@"; do
	"part_${part//-/_}" || { say "'$part' cannot be unpacked here" >&2; status=1; }
done
exit $status
