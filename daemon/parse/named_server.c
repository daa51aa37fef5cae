/*
 * named_server.c - BIND: what the server says of zones, transfers, other servers and itself.
 *
 * Through syslog these lines have no category; so each is known by how it begins, or by " resolving '" in it. What comes with a category of named's is
 * taken in any case: it is a message of the daemon.
 */
#include "parse/named.h"

#include "parse/message.h"

static enum format_result done(struct record *r, const char *action, const char *type)
{
	rec_action(r, action, "network", type);
	return FORMAT_MATCH;
}

static void failed(struct record *r, struct str why)
{
	rec_str(r, F_EVENT_REASON, why);
	rec_outcome(r, "failure");
}

bool named_zone(struct record *r, struct str s)
{
	struct str zone, class, view;

	if (!dns_split_zone(s, &zone, &class, &view))
		return false;
	rec_host(r, F_WEIR_DNS_ZONE, zone);
	rec_str(r, F_WEIR_DNS_VIEW, view);
	return true;
}

/* ---- transfers ---- */

/* "(serial 2026112301)", "(serial 5 -> 6)", "serial 5": the number behind the last one. */
static void zone_serial(struct record *r, struct str s)
{
	struct str head, digits;

	if (!scan_until_last(&s, STR("serial "), &head))
		return;
	if (str_find(s, STR(" -> ")) >= 0)
		scan_until_str(&s, STR(" -> "), &head);
	if (scan_digits(&s, 10, &digits))
		rec_raw(r, "zone_serial", digits);
}

/* "1 messages, 5 records, 123 bytes, 0.001 secs (123000 bytes/sec) (serial 5)" */
static void counts(struct record *r, struct str s)
{
	struct str n;
	int64_t ns;

	if (scan_digits(&s, 19, &n) && scan_lit(&s, " messages, "))
		rec_raw(r, "messages", n);
	if (scan_digits(&s, 19, &n) && scan_lit(&s, " records, "))
		rec_raw(r, "records", n);
	if (scan_digits(&s, 19, &n) && scan_lit(&s, " bytes, "))
		rec_num(r, F_NETWORK_BYTES, n);
	if (scan_decimal(&s, &n) && scan_lit(&s, " secs") && str_seconds_ns(n, &ns))
		rec_int(r, F_EVENT_DURATION, ns);
}

void named_transfer(struct record *r, struct str s)
{
	struct str ip, port, kind, rest = s;

	if (scan_lit(&rest, "connected using ") && dns_scan_peer(&rest, &ip, &port)) {
		if (rec_ip(r, F_SOURCE_IP, ip)) {
			rec_str(r, F_SOURCE_ADDRESS, ip);
			rec_num(r, F_SOURCE_PORT, port);
		}
		rec_str(r, F_NETWORK_TRANSPORT, STR("tcp"));
		if (scan_lit(&rest, " TSIG "))
			rec_raw(r, "key", rest);
	} else if (scan_lit(&rest, "Transfer status: ")) {
		rec_outcome(r, str_eq(rest, STR("success")) || str_eq(rest, STR("up to date")) ? "success" : "failure");
		rec_str(r, F_EVENT_REASON, rest);
		rec_str(r, F_DNS_RESPONSE_CODE, dns_rcode(rest));
	} else if (scan_lit(&rest, "Transfer completed: ")) {
		rec_outcome(r, "success");
		counts(r, rest);
	} else if (scan_until_str(&rest, STR(" ended"), &kind)) {
		rec_raw(r, "kind", kind);
		rec_outcome(r, "success");
		if (scan_lit(&rest, ": "))
			counts(r, rest);
	} else if (scan_until_str(&rest, STR(" started"), &kind)) {
		struct str key;

		rec_raw(r, "kind", kind);
		if (scan_lit(&rest, ": TSIG ") && scan_word(&rest, &key))
			rec_raw(r, "key", key);
	} else if (scan_lit(&rest, "failed ") || scan_lit(&rest, "error")) {
		struct str before;

		if (scan_until_last(&rest, STR(": "), &before))
			rec_str(r, F_DNS_RESPONSE_CODE, dns_rcode(rest));
		failed(r, s);
	} else if (scan_lit(&rest, "send: ") || scan_lit(&rest, "sending zone data: ")) {
		failed(r, s);
	} else {
		rec_str(r, F_EVENT_REASON, s);
	}
	zone_serial(r, s);
}

/* transfer of 'example.com/IN' from 203.0.113.3#53: Transfer completed: 1 messages, 5 records, 123 bytes, 0.001 secs (123000 bytes/sec) (serial 5) */
static enum format_result transfer_from(struct record *r, struct str s)
{
	struct str zone, ip, port;

	if (!scan_until_str(&s, STR("' from "), &zone) || !dns_scan_peer(&s, &ip, &port))
		return FORMAT_NO_MATCH;
	if (!named_zone(r, zone))
		rec_host(r, F_WEIR_DNS_ZONE, zone);
	dns_server(r, ip, port);
	scan_lit(&s, ": ");
	named_transfer(r, s);
	return done(r, "dns-transfer", "info");
}

/* ---- zones ---- */

/* The first "IP#PORT" behind one of the words. */
static bool peer_behind(struct str s, struct str word, struct str *ip, struct str *port)
{
	struct str head;

	while (scan_until_str(&s, word, &head))
		if (dns_scan_peer(&s, ip, port))
			return true;
	return false;
}

static enum format_result zone_notify(struct record *r, struct str s)
{
	struct str ip, port, rest = s;

	if (scan_lit(&rest, "refused notify from ")) {
		struct str why = str_sub(s, 0, s.len), head;

		if (scan_until_str(&rest, STR(": "), &head) && dns_scan_peer(&rest, &ip, &port)) {
			dns_asker(r, ip, port);
			why = str_sub(s, 0, (size_t)(head.p + head.len - s.p));
		}
		failed(r, why);
	} else if (scan_lit(&rest, "notify from ") && dns_scan_peer(&rest, &ip, &port)) {
		dns_asker(r, ip, port);
		if (scan_lit(&rest, ": ") && !str_starts(rest, STR("serial")))
			rec_str(r, F_EVENT_REASON, rest);
	} else if (scan_lit(&rest, "notify response from ") && dns_scan_peer(&rest, &ip, &port)) {
		dns_server(r, ip, port);
		if (scan_lit(&rest, ": ")) {
			rec_str(r, F_DNS_RESPONSE_CODE, dns_rcode(rest));
			rec_str(r, F_EVENT_REASON, rest);
		}
	} else if ((scan_lit(&rest, "notify to ") || scan_lit(&rest, "sending notify to ")) && dns_scan_peer(&rest, &ip, &port)) {
		dns_server(r, ip, port);
		if (scan_lit(&rest, ": ") || scan_space(&rest)) {
			if (str_starts(rest, STR("failed")) || str_starts(rest, STR("retries")))
				failed(r, rest);
			else
				rec_str(r, F_EVENT_REASON, rest);
		}
	}
	zone_serial(r, s);
	return done(r, "dns-notify", "info");
}

/* refresh: unexpected rcode (REFUSED) from primary 203.0.113.3#53 (source 0.0.0.0#0) */
static enum format_result zone_refresh(struct record *r, struct str s)
{
	struct str ip, port, code, head;

	if (peer_behind(s, STR("primary "), &ip, &port) || peer_behind(s, STR("master "), &ip, &port))
		dns_server(r, ip, port);
	if (scan_until_str(&s, STR("rcode ("), &head) && scan_until(&s, ')', &code))
		rec_str(r, F_DNS_RESPONSE_CODE, dns_rcode(code));
	return done(r, "dns-transfer", "error");
}

/* zone example.com/IN/internal (signed): loaded serial 2026112301 (DNSSEC signed) */
static enum format_result zone_line(struct record *r, struct str s)
{
	struct str zone, rest;

	if (!scan_word(&s, &zone))
		return FORMAT_NO_MATCH;
	if (!scan_lit(&s, " (signed):") && !scan_lit(&s, " (unsigned):")) {
		if (zone.len < 2 || zone.p[zone.len - 1] != ':')
			return FORMAT_NO_MATCH;
		zone.len--;
	}
	if (!named_zone(r, zone))
		return FORMAT_NO_MATCH;
	scan_blanks(&s);
	if (str_starts(s, STR("notify ")) || str_starts(s, STR("refused notify")) || str_starts(s, STR("sending notif")))
		return zone_notify(r, s);
	rest = s;
	if (scan_lit(&rest, "refresh: ")) {
		failed(r, rest);
		return zone_refresh(r, rest);
	}
	zone_serial(r, s);
	if (str_starts(s, STR("Transfer started")) || str_starts(s, STR("transferred serial ")) || str_starts(s, STR("zone transfer finished: "))) {
		if (str_starts(s, STR("transferred ")))
			rec_outcome(r, "success");
		return done(r, "dns-transfer", "info");
	}
	if (str_find(s, STR(" received from ")) > 0 && scan_lit(&rest, "serial number (")) {
		struct str ip, port, serial, head, own = rest;

		if (scan_digits(&own, 10, &serial))
			rec_raw(r, "zone_serial", serial);
		if (scan_until_last(&own, STR(" ours ("), &head) && scan_digits(&own, 10, &serial))
			rec_raw(r, "own_serial", serial);
		if (peer_behind(rest, STR("primary "), &ip, &port) || peer_behind(rest, STR("master "), &ip, &port))
			dns_server(r, ip, port);
		failed(r, s);
		return done(r, "dns-transfer", "info");
	}
	if (scan_lit(&rest, "next key event: "))
		rec_raw(r, "next_key_event", rest);
	if (scan_lit(&rest, "loading from master file ") || scan_lit(&rest, "loading from primary file ")) {
		struct str path;

		if (scan_until_last(&rest, STR(" failed: "), &path))
			rec_str(r, F_FILE_PATH, path);
	}
	/* "NS 'ns1.example.com' has no address records (A or AAAA)", "has 0 SOA records" */
	if (str_find(s, STR(" has no ")) >= 0 || str_starts(s, STR("has no ")) || str_starts(s, STR("has 0 ")) ||
	    str_find(s, STR("failed")) >= 0 || str_starts(s, STR("not loaded")) || str_starts(s, STR("expired")) || str_find(s, STR("error")) >= 0)
		failed(r, s);
	dns_daemon_message(r);
	return FORMAT_MATCH;
}

/* ---- the resolver ---- */

bool named_rest_of_quote(struct str *s, struct str *out)
{
	struct str t = *s, word;
	size_t n;

	if (!scan_word(&t, &word))
		return false;
	n = word.len;
	while (n && word.p[n - 1] != '\'')
		n--;
	if (n < 2)
		return false;
	*out = str_sub(word, 0, n - 1);
	*s = str_from(*s, n);
	return true;
}

static bool question_of(struct record *r, struct str text)
{
	struct str name, type, class;

	if (!dns_split(text, &name, &type, &class))
		return false;
	dns_question(r, name, type, class);
	return true;
}

/*
 * REFUSED unexpected RCODE resolving '7.112.137.185.in-addr.arpa/PTR/IN': 185.137.109.12#53
 * error (network unreachable) resolving 'ns1.example.com/AAAA/IN': 2001:db8::1#53	(BIND 9.9)
 * loop detected resolving 'ns1.faraisp.ir/A'
 * success resolving 'www.example.com/A' (in 'example.com'?) after reducing the advertised EDNS UDP packet size to 512 octets
 * lame server resolving 'www.example.com' (in 'example.com'?): 203.0.113.3#53
 * skipping nameserver 'ns1.example.com' because it is a CNAME, while resolving 'www.example.com/A'
 */
static enum format_result resolving(struct record *r, struct str why, struct str s)
{
	struct str what, in, ip, port, code;
	bool success;

	if (!named_rest_of_quote(&s, &what))
		return FORMAT_NO_MATCH;
	if (!question_of(r, what))
		dns_question(r, what, STR(""), STR(""));
	if (scan_lit(&s, " (in '") && scan_until_str(&s, STR("'?)"), &in))
		rec_host(r, F_WEIR_DNS_ZONE, in);
	if (str_ends(why, STR(" while")))
		why.len -= 6;
	code = why;
	if (scan_lit(&code, "skipping nameserver '") && named_rest_of_quote(&code, &in)) {
		rec_raw(r, "nameserver", in);
		rec_related_host(r, in);
	}
	if (why.len && why.p[why.len - 1] == ',')
		why.len--;
	success = str_eq(why, STR("success"));
	if (scan_lit(&s, ": ") && dns_scan_peer(&s, &ip, &port) && dns_server(r, ip, port)) {
		struct str inner = why;

		if (scan_lit(&inner, "error (") && str_ends(inner, STR(")")))
			why = str_sub(inner, 0, inner.len - 1);
		inner = why;
		/* "REFUSED unexpected RCODE", before 9.10 "unexpected RCODE (REFUSED)" */
		if (scan_word(&inner, &code) && str_eq(code, STR("unexpected")) && scan_lit(&inner, " RCODE ")) {
			code = inner;
			if (scan_ch(&inner, '(') && str_ends(inner, STR(")")))
				code = str_sub(inner, 0, inner.len - 1);
		}
		rec_str(r, F_DNS_RESPONSE_CODE, dns_rcode(code));
		rec_str(r, F_WEIR_DNS_RCODE_CAUSE, why);
		failed(r, why);
		return done(r, "dns-lame-server", "error");
	}
	if (success) {
		rec_outcome(r, "success");
		if (scan_lit(&s, " after "))
			rec_str(r, F_EVENT_REASON, s);
		return done(r, "dns-resolver-fetch", "info");
	}
	rec_str(r, F_EVENT_REASON, why);
	/* Of a loop, or one server that is passed over, the line does not say what became of the fetch. */
	if (!str_eq(why, STR("loop detected")) && !str_starts(why, STR("skipping nameserver ")))
		rec_outcome(r, "failure");
	return done(r, "dns-resolver-fetch", "info");
}

/* DNS format error from 203.0.113.1#53 resolving example.com/A for client 198.51.100.25#4711: server sent FORMERR */
static enum format_result format_error(struct record *r, struct str s)
{
	struct str ip, port, what, who;

	if (!dns_scan_peer(&s, &ip, &port) || !scan_lit(&s, " resolving ") || !scan_word(&s, &what))
		return FORMAT_NO_MATCH;
	dns_server(r, ip, port);
	question_of(r, what);
	if (scan_lit(&s, " for ")) {
		scan_lit(&s, "client ");
		if (dns_scan_peer(&s, &ip, &port))
			dns_asker(r, ip, port);
		else
			(void)scan_until(&s, '>', &who);
	}
	scan_lit(&s, ": ");
	rec_str(r, F_WEIR_DNS_RCODE_CAUSE, s);
	failed(r, s);
	return done(r, "dns-lame-server", "error");
}

/* fctx 0x7fb462c4a000(145.111.137.185.in-addr.arpa/PTR): createfind for 198.51.100.25#45822 - success */
static enum format_result fetch_context(struct record *r, struct str s)
{
	struct str pointer, what, ip, port;

	if (!scan_hex(&s, &pointer) || !scan_ch(&s, '('))
		return FORMAT_NO_MATCH;
	if (!scan_until_str(&s, STR("): "), &what) || !question_of(r, what))
		return FORMAT_NO_MATCH;
	rec_raw(r, "fetch", pointer);
	if (scan_lit(&s, "createfind for ") && dns_scan_peer(&s, &ip, &port)) {
		dns_asker(r, ip, port);
		if (scan_lit(&s, " - "))
			rec_str(r, F_EVENT_REASON, s);
	} else {
		rec_str(r, F_EVENT_REASON, s);
	}
	return done(r, "dns-resolver-fetch", "info");
}

/* fetch completed[ at resolver.c:4983] for www.example.com/A in 0.036552: timed out/success [domain:example.com,referral:2,..] */
static enum format_result fetch_completed(struct record *r, struct str s)
{
	struct str where, what, took, cause, zone, line;
	int64_t ns;

	where = str_sub(s, 0, 0);
	if ((scan_lit(&s, "at ") && (!scan_word(&s, &where) || !scan_ch(&s, ' '))) || !scan_lit(&s, "for ") || !scan_word(&s, &what) || !scan_lit(&s, " in ") || !scan_decimal(&s, &took) ||
	    !scan_lit(&s, ": ") || !scan_until_str(&s, STR(" ["), &cause))
		return FORMAT_NO_MATCH;
	question_of(r, what);
	if (str_seconds_ns(took, &ns))
		rec_int(r, F_EVENT_DURATION, ns);
	if (scan_until(&where, ':', &what)) {
		rec_str(r, F_LOG_ORIGIN_FILE_NAME, what);
		line = where;
		rec_num(r, F_LOG_ORIGIN_FILE_LINE, line);
	}
	if (scan_lit(&s, "domain:") && scan_until(&s, ',', &zone))
		rec_host(r, F_WEIR_DNS_ZONE, zone);
	rec_str(r, F_EVENT_REASON, cause);
	rec_outcome(r, str_starts(cause, STR("success/")) ? "success" : "failure");
	if (!str_starts(cause, STR("success/")) && scan_until(&cause, '/', &what))
		rec_str(r, F_WEIR_DNS_RCODE_CAUSE, what);
	return done(r, "dns-resolver-fetch", "info");
}

/* validating example.com/A: no valid signature found */
static enum format_result validating(struct record *r, struct str s)
{
	static const char *const bad[] = {"no valid signature", "bad cache hit", "got insecure response", "verify failed", "must be secure", "no valid", "unable to find a DNSKEY",
					  "insecurity proof failed", "must-be-secure"};
	struct str what;

	if (scan_lit(&s, "@0x")) {
		if (!scan_hex(&s, &what) || !scan_lit(&s, ": "))
			return FORMAT_NO_MATCH;
	}
	if (!scan_word(&s, &what) || what.len < 2)
		return FORMAT_NO_MATCH;
	if (what.p[what.len - 1] == ':')
		what.len--;
	else if (scan_ch(&s, ' ')) {
		/* 9.9: "validating @0x7f..: example.com A: no valid signature found" */
		struct str type, name = what;

		if (!scan_until_str(&s, STR(":"), &type) || !dns_is_type(type))
			return FORMAT_NO_MATCH;
		dns_question(r, name, type, STR(""));
		what = STR("");
	}
	if (what.len && !question_of(r, what))
		return FORMAT_NO_MATCH;
	scan_blanks(&s);
	rec_str(r, F_EVENT_REASON, s);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		if (str_starts(s, str_z(bad[i]))) {
			rec_str(r, F_WEIR_DNS_RCODE_CAUSE, s);
			rec_outcome(r, "failure");
			return done(r, "dns-query-failed", "error");
		}
	return done(r, "daemon-message", "info");
}

/* ---- the server itself ---- */

/*
 * /etc/bind/named.conf.options:12: unknown option 'foo'
 * db.example.com:12: host_1.example.com: bad owner name (check-names)
 * dns_rdata_fromtext: db.example.com:3: near 'foo': extra input text
 */
static bool config_line(struct record *r, struct str s)
{
	struct str path, line;

	(void)(scan_lit(&s, "dns_rdata_fromtext: ") || scan_lit(&s, "dns_master_load: "));
	if (!scan_until(&s, ':', &path) || !scan_digits(&s, 7, &line) || !scan_lit(&s, ": "))
		return false;
	for (size_t i = 0; i < path.len; i++)
		if (!ch_alnum(path.p[i]) && path.p[i] != '/' && path.p[i] != '.' && path.p[i] != '-' && path.p[i] != '_')
			return false;
	if (path.len == 0)
		return false;
	rec_str(r, F_FILE_PATH, path);
	rec_raw(r, "line", line);
	rec_str(r, F_EVENT_REASON, s);
	rec_action(r, "daemon-message", "configuration", "info");
	return true;
}

/* enforced delegation-only for 'com' (x.com/A/IN) from 203.0.113.3#53; answer address 10.0.0.1 denied for x.com/A/IN */
static enum format_result deny_answer(struct record *r, struct str s)
{
	struct str word, what;

	if (scan_lit(&s, "answer address ") && scan_word(&s, &word) && scan_lit(&s, " denied for ") && scan_word(&s, &what)) {
		question_of(r, what);
		dns_answer(r, STR(""), STR(""), word);
		rec_str(r, F_WEIR_DNS_POLICY, STR("deny-answer-addresses"));
		return done(r, "dns-policy", "denied");
	}
	if ((scan_lit(&s, "CNAME target ") || scan_lit(&s, "DNAME target ")) && scan_word(&s, &word) && scan_lit(&s, " denied for ") &&
	    scan_word(&s, &what)) {
		question_of(r, what);
		dns_answer(r, STR(""), STR(""), word);
		rec_str(r, F_WEIR_DNS_POLICY, STR("deny-answer-aliases"));
		return done(r, "dns-policy", "denied");
	}
	return FORMAT_NO_MATCH;
}

/*
 * missing expected cookie from 203.0.113.3#53; bad cookie from 203.0.113.3#53
 * too many simultaneous fetches for example.com (allowed 200 spilled 1)
 * enforced delegation-only for 'com' (www.example.com/A/IN) from 203.0.113.3#53
 */
static enum format_result of_servers(struct record *r, struct str s)
{
	struct str ip, port, word, what, rest = s;

	if (scan_lit(&rest, "missing expected cookie from ") || scan_lit(&rest, "bad cookie from ")) {
		struct str why = str_sub(s, 0, s.len - rest.len - 6);

		if (!dns_scan_peer(&rest, &ip, &port) || !dns_server(r, ip, port))
			return FORMAT_NO_MATCH;
		rec_str(r, F_WEIR_DNS_RCODE_CAUSE, why);
		failed(r, why);
		return done(r, "dns-lame-server", "error");
	}
	if (scan_lit(&rest, "too many simultaneous fetches for ") && scan_word(&rest, &word)) {
		rec_host(r, F_WEIR_DNS_ZONE, word);
		rec_str(r, F_WEIR_DNS_POLICY, STR("fetches-per-zone"));
		failed(r, s);
		return done(r, "dns-policy", "denied");
	}
	if (scan_lit(&rest, "enforced delegation-only for '") && named_rest_of_quote(&rest, &word) && scan_lit(&rest, " (") &&
	    scan_until_str(&rest, STR(") from "), &what)) {
		rec_host(r, F_WEIR_DNS_ZONE, word);
		question_of(r, what);
		if (dns_scan_peer(&rest, &ip, &port))
			dns_server(r, ip, port);
		rec_str(r, F_WEIR_DNS_POLICY, STR("delegation-only"));
		return done(r, "dns-policy", "denied");
	}
	return FORMAT_NO_MATCH;
}

/*
 * How the lines begin that named says of itself without a category. Sorted by nothing but their kind; a line comes here last and seldom.
 */
static const char *const starts[] = {
	"starting BIND ", "running on ", "built with ", "running as: ", "compiled by ", "compiled with ", "linked to ", "------", "BIND 9 is maintained by ",
	"Inc. (ISC), a non-profit ", "corporation.  Support and training ", "available at https://www.isc.org/", "found ", "using ", "DNSSEC algorithms: ",
	"DS algorithms: ", "HMAC algorithms: ", "TKEY mode ", "the initial working directory is ", "the working directory is ", "loading configuration from ",
	"reading built-in trust anchors from file ", "looking for GeoIP", "GEOIP", "initializing GeoIP", "opened GeoIP", "listening on ",
	"no longer listening on ", "no IPv", "IPv6 ", "IPv4 ", "additionally listening on ", "generating session key ", "sizing zone task pool ", "none:",
	"set up managed keys zone ", "opening dnstap destination ", "closing dnstap", "configuring command channel ", "command channel listening on ",
	"automatic empty zone: ", "managed-keys-zone", "all zones loaded", "running", "exiting", "shutting down", "stopping command channel ",
	"shut down hung fetch ", "dispatch 0x", "dispatch socket ", "TCP client quota reached", "no more recursive clients", "no more TCP clients", "socket: ",
	"accepting TCP connection failed",
	"received control channel command ", "received SIGHUP signal ", "reloading configuration ", "reloading zones ", "reloading configuration succeeded",
	"any newly configured zones ", "scheduled loading new zones", "debug level is now ", "now using logging configuration from config file", "freezing ", "thawing ",
	"flushing cache", "flushed cache", "sizing ", "resolver priming query complete", "checkhints: ", "clients-per-query ", "success accepting ", "max open files ",
	"adjusted limit on open files ", "the limit on open files ", "couldn't ", "could not ", "unable to ", "Unable to ", "failed to ", "loading from ", "dumping ",
	"rotating ", "dumpstats complete", "Accepting TCP connection failed", "trust-anchor-telemetry ", "too many simultaneous fetches ", "too many open ", "fetch counters for ", "missing expected cookie from ",
	"query logging is now ", "response logging is now ", "rndc ", "secure-", "sending notifies ", "isc_", "dns_", "catz: ", "rpz: ", "keymgr: ", "DNSKEY ",
	"Fetching ", "Key ", "Removing ", "dumptrace", "got insecure response", "ignoring ", "exceeded max queries ", "exclusive task mode",
	"adb: ", "adb reached ", "ssu_", "tsig key ", "GSS", "gss", "TLS ", "HTTP ", "loading ", "no source of entropy found", "accepting control connections",
	"exiting (due to ", "ENGINE", "BIND ", "the key ", "update-", "DNS64", "dnssec-", "option ", "working directory ", "invalid command from ", "(re)loading policy zone ", "unrelated ", "Name ", "not using config file logging statement ",
};

/*
 * 9.16 and later, the name alone in front:
 *	www.example.com resolver failure, stale answer used (timed out)
 *	www.example.com client timeout, stale answer unavailable (timed out)
 *	www.example.com query within stale refresh time, stale answer used (success)
 */
static enum format_result stale(struct record *r, struct str s)
{
	struct str name, why, cause, used;

	if (!scan_word(&s, &name) || !str_is_name(name) || !scan_ch(&s, ' '))
		return FORMAT_NO_MATCH;
	if (!scan_until_str(&s, STR(", stale answer "), &cause) ||
	    (!str_eq(cause, STR("resolver failure")) && !str_eq(cause, STR("client timeout")) &&
	     !str_eq(cause, STR("query within stale refresh time"))) ||
	    !scan_word(&s, &used) || !scan_lit(&s, " (") || !scan_until(&s, ')', &why))
		return FORMAT_NO_MATCH;
	dns_question(r, name, STR(""), STR(""));
	rec_str(r, F_EVENT_REASON, cause);
	rec_str(r, F_WEIR_DNS_RCODE_CAUSE, why);
	rec_raw(r, "stale_answer", used);
	rec_outcome(r, "failure");
	return done(r, "dns-query-failed", "error");
}

/* Which of the above a program may print, and no sentence: any line of a headed `named` that begins so. */
static bool known_start(struct str s)
{
	for (size_t i = 0; i < sizeof(starts) / sizeof(*starts); i++)
		if (s.p[0] == starts[i][0] && str_starts(s, str_z(starts[i])))
			return true;
	return false;
}

static bool put_question(struct record *r, struct str s)
{
	return question_of(r, s);
}

static bool put_address(struct record *r, struct str s)
{
	struct str ip, port;

	if (str_is_ip(s)) {
		rec_raw(r, "address", s);
		rec_related_ip(r, s);
		return true;
	}
	if (!dns_scan_peer(&s, &ip, &port) || s.len)
		return false;
	rec_raw(r, "address", ip);
	rec_raw(r, "port", port);
	rec_related_ip(r, ip);
	return true;
}

static bool put_zone(struct record *r, struct str s)
{
	return named_zone(r, s);
}

static const struct message_place places[] = {
	AS_CALL('Y', put_zone), AS_CALL('Q', put_question), AS_CALL('A', put_address), AS_HOST('Z', F_WEIR_DNS_ZONE), AS_STR('V', F_WEIR_DNS_VIEW),
	AS_STR('W', F_EVENT_REASON), AS_STR('F', F_FILE_PATH), AS_STR('S', F_SERVICE_VERSION), AS_STR('I', F_OBSERVER_INGRESS_INTERFACE_NAME),
	AS_RAW('c', "command"), AS_RAW('k', "key_tag"), AS_RAW('l', "algorithm"), AS_RAW('r', "key_role"), AS_RAW('p', "cpus"),
	AS_RAW('t', "threads"), {0}};

#define SELF "daemon-message", "process", "info", NULL

/* What some lines of the server's own hold. */
static const struct message about[] = {
	{"starting BIND %S (%*", SELF},
	{"starting BIND %S <%*", SELF},
	{"starting BIND %S", SELF},
	{"received control channel command '%c'", SELF},
	{"listening on IPv4 interface %I, %A", SELF},
	{"listening on IPv6 interface %I, %A", SELF},
	{"command channel listening on %A", SELF},
	{"no longer listening on %A", SELF},
	{"automatic empty zone: view %V: %Z", SELF},
	{"automatic empty zone: %Z", SELF},
	{"freezing zone '%Y': %W", SELF},
	{"thawing zone '%Y': %W", SELF},
	{"found %p CPUs, using %t worker threads", SELF},
	{"found %p CPU, using %t worker thread", SELF},
	{"rpz: %Z: %W", SELF},
	{"catz: %Z: %W", SELF},
	{"shut down hung fetch while resolving %*(%Q)", SELF},
	{"shut down hung fetch while resolving '%Q'", SELF},
	{"checkhints: view %V: %Q (%A) %W", SELF},
	{"checkhints: %Q (%A) %W", SELF},
	{"managed-keys-zone: Key %k for zone %Z %W", SELF},
	{"managed-keys-zone/%V: Key %k for zone %Z %W", SELF},
	{"keymgr: DNSKEY %Z/%l/%k (%r) %W", SELF},
	{"DNSKEY %Z/%l/%k (%r) %W", SELF},
	{"Fetching %Z/%l/%k (%r) %W", SELF},
	{"TCP client quota reached: %W", SELF},
	{"Accepting TCP connection failed: %W", SELF},
	{"accepting TCP connection failed: %W", SELF},
	{"isc_log_open '%F' failed: %W", SELF},
	{0}};

static void self_fields(struct record *r, struct str s)
{
	struct value logger = rec_get(r, F_LOG_LOGGER);
	struct str zone;

	if (message_list(r, about, s, places))
		return;
	/* "rpz: rpz.local: reload start": without a category the first word is taken for one. */
	if (logger.type == V_STRING && (str_eq(value_str(&logger), STR("rpz")) || str_eq(value_str(&logger), STR("catz"))) &&
	    scan_until_str(&s, STR(": "), &zone) && str_is_name(zone)) {
		rec_host(r, F_WEIR_DNS_ZONE, zone);
		rec_str(r, F_EVENT_REASON, s);
	}
}

/* trust-anchor-telemetry '_ta-4f66/IN' from 192.0.2.7 */
static enum format_result telemetry(struct record *r, struct str s)
{
	struct str what, ip;

	if (!scan_until_str(&s, STR("' from "), &what) || !scan_ip(&s, &ip))
		return FORMAT_NO_MATCH;
	dns_asker(r, ip, STR(""));
	if (what.len > 3 && str_ends(what, STR("/IN")))
		dns_question(r, str_sub(what, 0, what.len - 3), STR(""), STR("IN"));
	return done(r, "daemon-message", "info");
}

enum format_result named_server_line(struct record *r, struct str s, bool known)
{
	struct record_mark mark;
	struct str t = s, why, view;
	enum format_result result = FORMAT_NO_MATCH;

	scan_blanks(&t);
	/* In front of validator's and hints' lines. */
	if (scan_lit(&t, "view ") && scan_until_str(&t, STR(": "), &view))
		rec_str(r, F_WEIR_DNS_VIEW, view);
	scan_blanks(&t);
	mark = rec_mark(r);
	s = t;
	if (s.len == 0)
		return FORMAT_NO_MATCH;
	if (scan_lit(&t, "0x") && scan_hex(&t, &why) && scan_lit(&t, ": "))
		s = t;
	t = s;
	/* (www.example.com): query failed (timed out) for www.example.com/IN/A at query.c:7851: nobody's, the server had asked for itself */
	if (t.p[0] == '(' && scan_until_str(&t, STR("): query failed ("), &why))
		return named_client_line(r, str_from(s, why.len + 3));
	if (scan_lit(&t, "fetch: ")) {
		if (question_of(r, t))
			return done(r, "dns-resolver-fetch", "info");
	} else if (scan_lit(&t, "zone ")) {
		result = zone_line(r, t);
	} else if (scan_lit(&t, "transfer of '")) {
		result = transfer_from(r, t);
	} else if (scan_lit(&t, "fctx 0x")) {
		result = fetch_context(r, t);
	} else if (scan_lit(&t, "fetch completed ")) {
		result = fetch_completed(r, t);
	} else if (scan_lit(&t, "validating ")) {
		result = validating(r, t);
	} else if (scan_lit(&t, "DNS format error from ")) {
		result = format_error(r, t);
	} else if (scan_lit(&t, "trust-anchor-telemetry '")) {
		result = telemetry(r, t);
	} else if (scan_until_str(&t, STR(" resolving '"), &why)) {
		result = resolving(r, why, t);
	} else if (s.p[0] == 'l' || s.p[0] == 's' || s.p[0] == 'w' || s.p[0] == '*') {
		/* Without a client: "limit NXDOMAIN responses to 192.0.2.0/24 for example.com IN  (00000000)". */
		if (str_find(s, STR("limit")) >= 0 && str_find(s, STR("responses to ")) > 0)
			result = named_rate_limit(r, s);
	} else {
		result = deny_answer(r, s);
	}
	if (result == FORMAT_NO_MATCH && (s.p[0] == 'm' || s.p[0] == 'b' || s.p[0] == 't' || s.p[0] == 'e'))
		result = of_servers(r, s);
	if (result == FORMAT_NO_MATCH && str_find(s, STR(" stale answer ")) > 0) {
		rec_reset(r, mark);
		result = stale(r, s);
	}
	if (result == FORMAT_MATCH)
		return result;
	rec_reset(r, mark);
	if (config_line(r, s))
		return FORMAT_MATCH;
	if (!known && !known_start(s))
		return FORMAT_NO_MATCH;
	self_fields(r, s);
	dns_daemon_message(r);
	return FORMAT_MATCH;
}
