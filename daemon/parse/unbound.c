/*
 * unbound.c - Unbound: queries and replies, what it resolves on their behalf, failures, policies.
 *
 *	[719:0] query: 198.51.100.25 145.111.137.185.in-addr.arpa. PTR IN		through syslog; process and thread
 *	[1795420761] unbound[719:0] info: ...						a file of its own; log-time-ascii: "Nov 23 07:59:21 unbound[719:0] info: ..."
 *
 * With log-tag-queryreply the level of those lines is `query` or `reply`, else `info`. Names are printed with '?' for all but letters, digits, '-', '_'
 * and '*', and end with a full stop; so they hold no blank, and nobody can make one look like another part of the line.
 */
#include "parse/dns_line.h"
#include "parse/message.h"

static enum format_result done(struct record *r, const char *action, const char *type)
{
	rec_action(r, action, "network", type);
	return FORMAT_MATCH;
}

/* ---- the frame ---- */

/* "719:0": the thread is hexadecimal. */
static bool process_thread(struct record *r, struct str s)
{
	struct str pid, thread = s;
	uint64_t p, t;

	if (!str_cut(&thread, ':', &pid) || !str_u64(pid, INT64_MAX, &p) || thread.len > 15 || !str_hex64(thread, &t))
		return false;
	rec_int(r, F_PROCESS_PID, (int64_t)p);
	rec_int(r, F_PROCESS_THREAD_ID, (int64_t)t);
	return true;
}

static bool take_brackets(struct str *s, struct str *out)
{
	struct str t = *s;

	if (!scan_ch(&t, '[') || !scan_until(&t, ']', out) || out->len > 32 || !scan_ch(&t, ' '))
		return false;
	*s = t;
	return true;
}

/* "[1795420761] unbound[719:0] ": seconds since 1970, log-identity, process and thread. */
static bool take_own_head(struct str *s, uint64_t *seconds, struct str *stamp, struct str *who)
{
	struct str t = *s, ident;

	if (!take_brackets(&t, stamp) || !str_u64(*stamp, 99999999999, seconds))
		return false;
	if (!scan_until(&t, '[', &ident) || ident.len == 0 || ident.len > 64 || str_chr(ident, ' ') >= 0 || !scan_until(&t, ']', who) ||
	    !scan_ch(&t, ' '))
		return false;
	*s = t;
	return true;
}

static void take_frame(struct record *r, struct str *s)
{
	struct syslog_stamp st = {.has_year = true, .has_offset = true};
	struct str stamp, who, t = *s;
	uint64_t seconds;

	if (take_own_head(s, &seconds, &stamp, &who)) {
		civil_from_seconds((int64_t)seconds, &st.civil);
		rec_stamp(r, &st, stamp);
		process_thread(r, who);
	} else if (take_brackets(&t, &who) && process_thread(r, who)) {
		*s = t;
	} else {
		process_thread(r, r->pid);
	}
}

enum level { NONE, FATAL, ERROR, WARNING, NOTICE, INFO, DEBUG, QUERY, REPLY, LEVELS };

static const struct str level_words[LEVELS] = {
	[FATAL] = STR_INIT("fatal error"), [ERROR] = STR_INIT("error"), [WARNING] = STR_INIT("warning"), [NOTICE] = STR_INIT("notice"),
	[INFO] = STR_INIT("info"),	   [DEBUG] = STR_INIT("debug"), [QUERY] = STR_INIT("query"),	 [REPLY] = STR_INIT("reply"),
};

static enum level take_level(struct str *s)
{
	/* The most frequent first. */
	static const uint8_t order[] = {QUERY, REPLY, INFO, DEBUG, ERROR, NOTICE, WARNING, FATAL};

	for (size_t i = 0; i < sizeof(order); i++) {
		struct str w = level_words[order[i]];

		if (s->len > w.len + 1 && s->p[w.len] == ':' && s->p[w.len + 1] == ' ' && memcmp(s->p, w.p, w.len) == 0) {
			*s = str_from(*s, w.len + 2);
			return order[i];
		}
	}
	return NONE;
}

/* ---- parts ---- */

/* "145.111.137.185.in-addr.arpa. PTR IN": name, type, class. */
static bool take_question(struct record *r, struct str *s)
{
	struct str t = *s, name, type, class;

	if (!scan_word(&t, &name) || name.p[name.len - 1] != '.' || !scan_ch(&t, ' ') || !scan_word(&t, &type) || !dns_is_type(type) ||
	    !scan_ch(&t, ' ') || !scan_word(&t, &class))
		return false;
	if (!dns_is_class(class))
		return false;
	dns_question(r, name, type, class);
	*s = t;
	return true;
}

/* "198.51.100.25@4711" */
static bool take_asker(struct record *r, struct str *s)
{
	struct str t = *s, ip, port;

	if (!scan_word(&t, &port) || !str_cut(&port, '@', &ip) || !dns_asker(r, ip, port))
		return false;
	*s = t;
	return true;
}

/* "ip4 203.0.113.9 port 4711 (len 16)" */
static bool take_peer(struct str *s, struct str *ip, struct str *port)
{
	struct str t = *s;

	(void)(scan_lit(&t, "ip4 ") || scan_lit(&t, "ip6 "));
	if (!scan_ip(&t, ip))
		return false;
	*port = STR("");
	if (scan_lit(&t, " port "))
		(void)scan_digits(&t, 5, port);
	*s = t;
	return true;
}

/* ---- queries and replies ---- */

/* "udp 198.51.100.53 53": how and where the question came in. */
static void answered_on(struct record *r, struct str s)
{
	struct str word, ip = STR(""), port = STR("");
	uint64_t n;

	while (scan_word(&s, &word)) {
		if (str_is_ip(word))
			ip = word;
		else if (str_u64(word, 65535, &n))
			port = word;
		else if (str_eq(word, STR("udp")) || str_eq(word, STR("tcp")))
			rec_str(r, F_NETWORK_TRANSPORT, word);
		else
			rec_raw(r, "transport", word);
		scan_blanks(&s);
	}
	if (ip.len)
		dns_server(r, ip, port);
}

/*
 * NOERROR 0.042906 0 62: code, time it took, whether from the cache, size; " on udp 198.51.100.53 53" with log-destaddr.
 */
static enum format_result reply_rest(struct record *r, struct str s)
{
	struct str code, took, cached, size;
	int64_t ns;

	if (!scan_word(&s, &code) || !dns_is_type(code))
		return FORMAT_NO_MATCH;
	rec_action(r, "dns-client-response", "network", "protocol");
	rec_str(r, F_DNS_TYPE, STR("answer"));
	rec_str(r, F_DNS_RESPONSE_CODE, dns_rcode(code).len ? dns_rcode(code) : code);
	/* Of a question that could not be read there is the code alone: "- - - FORMERR - - -". */
	if (!scan_ch(&s, ' ') || !scan_word(&s, &took) || took.p[0] == '-')
		return FORMAT_MATCH;
	if (!str_seconds_ns(took, &ns))
		return FORMAT_NO_MATCH;
	rec_int(r, F_EVENT_DURATION, ns);
	rec_float(r, F_WEIR_DNS_LATENCY_MS, (double)ns / 1000000);
	if (scan_ch(&s, ' ') && scan_digits(&s, 1, &cached))
		rec_raw(r, "cached", cached);
	if (scan_ch(&s, ' ') && scan_digits(&s, 9, &size))
		rec_num(r, F_DESTINATION_BYTES, size);
	if (scan_lit(&s, " on "))
		answered_on(r, s);
	return FORMAT_MATCH;
}

/* 198.51.100.25 145.111.137.185.in-addr.arpa. PTR IN; a code behind it makes it a reply. */
static enum format_result client_line(struct record *r, struct str s)
{
	struct str ip;

	if (!scan_word(&s, &ip) || !dns_asker(r, ip, STR("")) || !scan_ch(&s, ' '))
		return FORMAT_NO_MATCH;
	if (scan_lit(&s, "- - - "))
		return reply_rest(r, s);
	if (!take_question(r, &s))
		return FORMAT_NO_MATCH;
	if (s.len) {
		s = str_from(s, 1);
		return reply_rest(r, s);
	}
	rec_str(r, F_DNS_TYPE, STR("query"));
	return done(r, "dns-client-query", "protocol");
}

/* ---- policies ---- */

/* "192.0.2.0/24", "2001:db8::/32" */
static bool is_net(struct str s)
{
	struct str bits = s, ip;
	uint64_t n;

	return str_cut(&bits, '/', &ip) && str_is_ip(ip) && str_u64(bits, 128, &n);
}

/* A rule of names, or of addresses: those are no host. */
static void put_rule(struct record *r, struct str rule)
{
	if (is_net(rule))
		rec_str(r, F_RULE_NAME, rule);
	else
		rec_host(r, F_RULE_NAME, rule);
}

/*
 * example.org. redirect 198.51.100.25@4242 www.example.org. A IN: a local zone with log-local-actions, or of a type with "inform"
 * 192.0.2.0/24 inform 198.51.100.25@4242 www.example.org. A IN: response-ip, of an address in the answer
 */
static enum format_result local_action(struct record *r, struct str s)
{
	struct str zone, type;
	bool name;

	if (!scan_word(&s, &zone) || (!(name = zone.p[zone.len - 1] == '.') && !is_net(zone)) || !scan_ch(&s, ' ') || !scan_word(&s, &type) ||
	    !scan_ch(&s, ' ') || !take_asker(r, &s) || !scan_ch(&s, ' ') || !take_question(r, &s))
		return FORMAT_NO_MATCH;
	put_rule(r, zone);
	if (name)
		rec_host(r, F_WEIR_DNS_ZONE, zone);
	rec_str(r, F_WEIR_DNS_POLICY, type);
	return done(r, "dns-policy", str_find(type, STR("transparent")) >= 0 || str_eq(type, STR("inform")) ? "info" : "denied");
}

/*
 * rpz: applied [urlhaus] *.ads.example. rpz-nxdomain 198.51.100.25@5353 tracker.ads.example. A IN
 * rpz: applied [urlhaus] ads.example. rpz-nxdomain  ads.example. DNSKEY IN		a question of the resolver's own: nobody asked
 */
static enum format_result rpz_applied(struct record *r, struct str s)
{
	struct str list, word, rule = STR(""), trigger = STR("");

	if (scan_ch(&s, '[')) {
		if (!scan_until_str(&s, STR("] "), &list))
			return FORMAT_NO_MATCH;
		rec_str(r, F_RULE_RULESET, list);
	}
	for (int i = 0; i < 4; i++) {
		if (!scan_word(&s, &word) || !scan_ch(&s, ' '))
			return FORMAT_NO_MATCH;
		if (str_starts(word, STR("rpz-"))) {
			rec_str(r, F_WEIR_DNS_POLICY, word);
			break;
		}
		trigger = rule;
		rule = word;
	}
	put_rule(r, rule);
	rec_raw(r, "trigger", trigger);
	if (take_asker(r, &s) || s.len)
		scan_ch(&s, ' ');
	if (!take_question(r, &s) || rec_get(r, F_WEIR_DNS_POLICY).type == V_NONE)
		return FORMAT_NO_MATCH;
	return done(r, "dns-policy", str_eq(word, STR("rpz-passthru")) ? "allowed" : "denied");
}

/* "www.example.com. IN A" or "www.example.com. A IN" */
static void loose_question(struct record *r, struct str *s)
{
	struct str name, a, b, t = *s;

	if (!scan_word(&t, &name) || name.p[name.len - 1] != '.' || !scan_ch(&t, ' ') || !scan_word(&t, &a) || !scan_ch(&t, ' ') || !scan_word(&t, &b))
		return;
	if (dns_is_class(a) && dns_is_type(b))
		dns_question(r, name, b, a);
	else if (dns_is_type(a) && dns_is_class(b))
		dns_question(r, name, a, b);
	else
		return;
	*s = t;
}

/*
 * ratelimit exceeded example.com. 1000 query www.example.com. IN A from 198.51.100.25
 * ip_ratelimit exceeded 198.51.100.25 100 www.example.com. IN A
 */
static enum format_result rate_limit(struct record *r, struct str s)
{
	bool by_ip = scan_lit(&s, "ip_ratelimit exceeded ");
	struct str what, limit, ip, rest;

	if ((!by_ip && !scan_lit(&s, "ratelimit exceeded ")) || !scan_word(&s, &what) || !scan_ch(&s, ' ') || !scan_digits(&s, 9, &limit))
		return FORMAT_NO_MATCH;
	if (by_ip ? !dns_asker(r, what, STR("")) : what.p[what.len - 1] != '.')
		return FORMAT_NO_MATCH;
	if (!by_ip)
		rec_host(r, F_WEIR_DNS_ZONE, what);
	rec_raw(r, "limit", limit);
	(void)scan_lit(&s, "(cookie)");
	scan_blanks(&s);
	scan_lit(&s, "query ");
	loose_question(r, &s);
	rest = s;
	if (!by_ip && scan_lit(&rest, " from ") && scan_word(&rest, &ip))
		dns_asker(r, ip, STR(""));
	rec_str(r, F_WEIR_DNS_POLICY, by_ip ? STR("ip-ratelimit") : STR("ratelimit"));
	return done(r, "dns-policy", "denied");
}

/* ---- failures ---- */

/* The word behind a literal. */
static bool word_behind(struct str s, struct str lit, struct str *out)
{
	struct str head;

	return scan_until_str(&s, lit, &head) && scan_word(&s, out);
}

/*
 * SERVFAIL <7.112.137.185.in-addr.arpa. PTR IN>: all servers for this domain failed, at zone 112.137.185.in-addr.arpa. from 185.137.109.11 got REFUSED
 * validation failure <www.example.com. A IN>: signature expired from 203.0.113.3 for key example.com. while building chain of trust
 */
static enum format_result failure(struct record *r, struct str s)
{
	struct str word, question;

	if (scan_ch(&s, '<')) {
		if (!scan_until_str(&s, STR(">: "), &question) || !take_question(r, &question) || question.len)
			return FORMAT_NO_MATCH;
	} else if (!take_question(r, &s)) {
		return FORMAT_NO_MATCH;
	}
	rec_str(r, F_WEIR_DNS_RCODE_CAUSE, s);
	rec_str(r, F_EVENT_REASON, s);
	rec_outcome(r, "failure");
	if (word_behind(s, STR("at zone "), &word))
		rec_host(r, F_WEIR_DNS_ZONE, word);
	if (word_behind(s, STR(" from "), &word))
		dns_server(r, word, STR(""));
	return done(r, "dns-query-failed", "error");
}

/* ---- the resolver at work (verbosity 2 and more) ---- */

/* reply from <185.in-addr.arpa.> 203.0.113.3#53 */
static enum format_result reply_from(struct record *r, struct str s)
{
	struct str zone, ip, port;

	if (!scan_until_str(&s, STR("> "), &zone) || !dns_scan_peer(&s, &ip, &port))
		return FORMAT_NO_MATCH;
	rec_host(r, F_WEIR_DNS_ZONE, zone);
	dns_server(r, ip, port);
	return done(r, "dns-resolver-response", "protocol");
}

/* query response was REFERRAL */
static enum format_result response_was(struct record *r, struct str s)
{
	rec_raw(r, "response", s);
	rec_str(r, F_DNS_TYPE, STR("answer"));
	if (str_starts(s, STR("NXDOMAIN ")))
		rec_str(r, F_DNS_RESPONSE_CODE, STR("NXDOMAIN"));
	else if (str_eq(s, STR("ANSWER")) || str_eq(s, STR("nodata ANSWER")))
		rec_str(r, F_DNS_RESPONSE_CODE, STR("NOERROR"));
	return done(r, "dns-resolver-response", "protocol");
}

/* The next line of a packet's text; LF and tab may have been escaped on the way ("#012", "#011"). */
static bool packet_line(struct str *s, struct str *line)
{
	size_t n = 0, skip;

	if (s->len == 0)
		return false;
	while (n < s->len && s->p[n] != '\n' && !(s->p[n] == '#' && n + 3 < s->len && memcmp(s->p + n, "#012", 4) == 0))
		n++;
	*line = str_sub(*s, 0, n);
	skip = n == s->len ? n : s->p[n] == '\n' ? n + 1 : n + 4;
	*s = str_from(*s, skip);
	return true;
}

static bool packet_field(struct str *s, struct str *field)
{
	size_t n = 0;

	while (n < s->len && s->p[n] != '\t' && !(s->p[n] == '#' && n + 3 < s->len && memcmp(s->p + n, "#011", 4) == 0))
		n++;
	if (n == 0)
		return false;
	*field = str_sub(*s, 0, n);
	*s = str_from(*s, n == s->len ? n : s->p[n] == '\t' ? n + 1 : n + 4);
	return true;
}

/*
 * incoming scrubbed packet: ;; ->>HEADER<<- opcode: QUERY, rcode: NOERROR, id: 0 .. ;; QUESTION SECTION: .. ;; AUTHORITY SECTION: ..
 * The one line of a log that names the servers of a delegation.
 */
static enum format_result packet(struct record *r, struct str s)
{
	struct str line, code, name, ttl, class, type, data;
	char section = 0;

	while (packet_line(&s, &line)) {
		if (scan_lit(&line, ";; ->>HEADER<<- ")) {
			if (word_behind(line, STR("rcode: "), &code) && code.p[code.len - 1] == ',')
				rec_str(r, F_DNS_RESPONSE_CODE, dns_rcode(str_sub(code, 0, code.len - 1)));
		} else if (scan_lit(&line, ";; ")) {
			section = str_ends(line, STR(" SECTION:")) ? line.p[0] : 0;
		} else if (section == 'Q' && packet_field(&line, &name) && packet_field(&line, &class) && dns_is_class(class) && dns_is_type(line)) {
			dns_question(r, name, line, class);
		} else if (section != 'Q' && packet_field(&line, &name) && packet_field(&line, &ttl) && packet_field(&line, &class) &&
			   dns_is_class(class) && packet_field(&line, &type) && dns_is_type(type) && packet_field(&line, &data)) {
			if (data.len > 1 && data.p[data.len - 1] == '.')
				data.len--;
			if (section == 'A' && str_eq(type, STR("NS"))) {
				rec_push(r, F_WEIR_DNS_AUTHORITY, v_str(data));
				rec_related_host(r, data);
				rec_host(r, F_WEIR_DNS_ZONE, name);
			}
		}
	}
	rec_str(r, F_DNS_TYPE, STR("answer"));
	return done(r, "dns-resolver-response", "protocol");
}

/* refused NOTIFY serial 5 for example.com. from ip4 203.0.113.9 port 4711 (len 16) */
static enum format_result notify(struct record *r, struct str s, bool refused)
{
	struct str serial, zone, ip, port;

	if (scan_lit(&s, "serial ") && scan_digits(&s, 10, &serial) && scan_ch(&s, ' '))
		rec_raw(r, "zone_serial", serial);
	if (!scan_lit(&s, "for ") || !scan_word(&s, &zone) || !scan_lit(&s, " from"))
		return FORMAT_NO_MATCH;
	scan_blanks(&s);
	rec_host(r, F_WEIR_DNS_ZONE, zone);
	if (take_peer(&s, &ip, &port))
		dns_asker(r, ip, port);
	if (refused)
		rec_outcome(r, "failure");
	return done(r, "dns-notify", refused ? "denied" : "info");
}

/* ---- the rest ---- */

/* "ip4 203.0.113.9 port 4711 (len 16)": who it is, asker or asked, the message says. */
static bool put_asker(struct record *r, struct str s)
{
	struct str ip, port;

	return take_peer(&s, &ip, &port) && dns_asker(r, ip, port);
}

static bool put_server(struct record *r, struct str s)
{
	struct str ip, port;

	return take_peer(&s, &ip, &port) && dns_server(r, ip, port);
}

/* Of a handshake: who came, or, where the port is that of DNS over TLS, who was asked. */
static bool put_tls_peer(struct record *r, struct str s)
{
	struct str ip, port;

	if (!take_peer(&s, &ip, &port))
		return false;
	return str_eq(port, STR("853")) ? dns_server(r, ip, port) : dns_asker(r, ip, port);
}

/* Either: "read (in tcp s): Connection reset by peer for 203.0.113.9 port 53 (len 16)". */
static bool put_peer(struct record *r, struct str s)
{
	struct str ip, port;

	if (!take_peer(&s, &ip, &port))
		return false;
	rec_raw(r, "peer", ip);
	rec_raw(r, "peer_port", port);
	rec_related_ip(r, ip);
	return true;
}

/* "203.0.113.3#53" */
static bool put_target(struct record *r, struct str s)
{
	struct str ip, port;

	return dns_scan_peer(&s, &ip, &port) && dns_server(r, ip, port);
}

/* "www.example.com. A IN", ". IN NS" */
static bool put_question(struct record *r, struct str s)
{
	loose_question(r, &s);
	return rec_get(r, F_DNS_QUESTION_TYPE).type != V_NONE && s.len == 0;
}

/* "could not fetch DNSKEY rrset . DNSKEY IN": why, and the question behind it. */
static bool put_why_and_question(struct record *r, struct str s)
{
	struct str head = s, question;

	for (int i = 0; i < 3; i++) {
		ptrdiff_t at = str_rchr(head, ' ');

		if (at <= 0)
			return false;
		head = str_sub(head, 0, (size_t)at);
	}
	question = str_from(s, head.len + 1);
	if (!put_question(r, question))
		return false;
	rec_str(r, F_EVENT_REASON, head);
	return true;
}

/* What the validator came to: "sec_status_bogus". */
static bool put_status(struct record *r, struct str s)
{
	if (!str_eq(s, STR("secure")) && !str_eq(s, STR("insecure")) && !str_eq(s, STR("bogus")) && !str_eq(s, STR("indeterminate")))
		return false;
	rec_str(r, F_WEIR_DNS_DNSSEC, s);
	return true;
}

static bool put_seconds(struct record *r, struct str s)
{
	int64_t ns;

	if (!str_seconds_ns(s, &ns))
		return false;
	rec_int(r, F_EVENT_DURATION, ns);
	return true;
}

static const struct message_place places[] = {
	AS_CALL('A', put_asker), AS_CALL('D', put_server), AS_CALL('P', put_peer), AS_CALL('T', put_target), AS_CALL('Q', put_question),
	AS_CALL('S', put_seconds), AS_CALL('L', put_tls_peer), AS_CALL('X', put_why_and_question), AS_CALL('Y', put_status), AS_STR('V', F_SERVICE_VERSION), AS_STR('B', F_SERVICE_ADDRESS), AS_HOST('Z', F_WEIR_DNS_ZONE), AS_STR('E', F_ERROR_MESSAGE),
	AS_STR('W', F_EVENT_REASON),
	/* of weir.raw */
	AS_RAW('a', "average"), AS_RAW('b', "entries"), AS_RAW('c', "cache_answers"), AS_RAW('d', "detached"), AS_RAW('e', "exceeded"), AS_RAW('h', "thread"),
	AS_RAW('i', "ip_ratelimited"), AS_RAW('j', "jostled"), AS_RAW('k', "command"), AS_RAW('l', "replies_waiting"), AS_RAW('m', "max"),
	AS_RAW('n', "module"), AS_RAW('o', "replies_dropped"), AS_RAW('p', "prefetch"), AS_RAW('q', "queries"), AS_RAW('r', "recursions"),
	AS_RAW('s', "replies_sent"), AS_RAW('t', "timed_out"), AS_RAW('u', "zone_serial"), AS_RAW('w', "response"), AS_RAW('x', "states"),
	AS_RAW('y', "with_reply"), AS_RAW('f', "quartile_1"), AS_RAW('g', "median"), AS_RAW('z', "quartile_3"), AS_RAW('C', "module_state"),
	AS_RAW('F', "message_cache_bytes"), AS_RAW('G', "rrset_cache_bytes"), AS_RAW('H', "infra_cache_bytes"), AS_RAW('I', "key_cache_bytes"),
	AS_RAW('K', "module_event"), {0}};

#define SELF "daemon-message", "process"
#define FETCH "dns-resolver-fetch", "network", "info", NULL

/* What the server says of itself and of its work, at any level. The longer of two that begin alike stands first. */
static const struct message about[] = {
	/* verbosity 1 */
	{"start of service (unbound %V).", SELF, "info", NULL},
	{"service stopped (unbound %V).", SELF, "info", NULL},
	{"Restart of unbound %V.", SELF, "info", NULL},
	{"init module %*: %n", SELF, "info", NULL},
	{"control cmd:  %k", SELF, "info", NULL},
	{"control cmd: %k", SELF, "info", NULL},
	{"server stats for thread %h: %q queries, %c answers from cache, %r recursions, %p prefetch, %i rejected by ip ratelimiting", SELF, "info", NULL},
	{"server stats for thread %h: %q queries, %c answers from cache, %r recursions, %p prefetch%*", SELF, "info", NULL},
	{"server stats for thread %h: requestlist max %m avg %a exceeded %e jostled %j", SELF, "info", NULL},
	{"mesh has %x recursion states (%y with reply, %d detached), %l waiting replies, %s recursion replies sent, %o replies dropped, %j states jostled out", SELF, "info", NULL},
	{"mesh_run: end %x recursion states (%y with reply, %d detached), %l waiting replies, %s recursion replies sent, %o replies dropped, %j states jostled out", SELF, "info", NULL},
	{"average recursion processing time %S sec", SELF, "info", NULL},
	{"query took %S sec", SELF, "info", NULL},
	{"[25%*]=%f median[50%*]=%g [75%*]=%z", SELF, "info", NULL},
	{"cache memory msg=%F rrset=%G infra=%H val=%I subnet=%*", SELF, "info", NULL},
	{"cache memory msg=%F rrset=%G infra=%H val=%I", SELF, "info", NULL},
	{"trust point %Z : %*", SELF, "info", NULL},
	{"generate keytag query %Q", FETCH},
	{"failed to prime trust anchor -- %X", "dns-query-failed", "network", "error", "failure"},
	{"remote address is %D", SELF, "info", NULL},
	{"ssl handshake failed crypto %E", SELF, "error", "failure"},
	{"ssl handshake failed %L", SELF, "error", "failure"},
	{"ssl handshake cert error: %W", SELF, "error", "failure"},
	{"failed connection from %A", SELF, "error", "failure"},
	{"refused query from %A", "dns-query-denied", "network", "denied", "failure"},
	{"sendto failed: %E", SELF, "error", NULL},
	{"auth zone %Z transfer failed, wait", "dns-transfer", "network", "error", "failure"},
	{"auth zone %Z updated to serial %u", "dns-transfer", "network", "info", NULL},
	{"auth_zone %Z updated to serial %u", "dns-transfer", "network", "info", NULL},
	{"tcp connect: %W for %D", SELF, "error", "failure"},
	{"outgoing tcp: connect: %W for %D", SELF, "error", "failure"},
	{"outgoing tcp: socket: %W for %D", SELF, "error", "failure"},
	{"udp connect failed: %W for %D", SELF, "error", "failure"},
	{"tcp sendmsg: %W for %D", SELF, "error", "failure"},
	{"accept failed: %W for %A", SELF, "error", "failure"},
	{"can't bind socket: %W for %B", SELF, "error", "failure"},
	{"connect: %W for %D", SELF, "error", "failure"},
	{"read (in tcp %*): %W for %P", SELF, "error", NULL},
	{"write (in tcp %*): %W for %P", SELF, "error", NULL},
	{"recvfrom %*failed: %W", SELF, "error", NULL},
	{"dnsbl_module: blocklist loaded. length is %b", SELF, "info", NULL}, /* OPNsense's */
	/* verbosity 3 and more: of one question */
	{"priming successful for %Q", FETCH},
	{"priming %Q", FETCH},
	{"processQueryTargets: %Q", FETCH},
	{"sending query: %Q", FETCH},
	{"finishing processing for %Q", FETCH},
	{"resolving (init part %*):  %Q", FETCH},
	{"%n[module %*] operate: extstate:%C event:%K", SELF, "info", NULL},
	{"%* operate: query %Q", FETCH},
	{"%* operate: chased to %Q", FETCH},
	{"validate%*: sec_status_%Y", FETCH},
	{"new target %Q", FETCH},
	{"sending to target: <%Z> %T", FETCH},
	{"query response %w", "dns-resolver-response", "network", "protocol", NULL},
	{0}};

/* "   0.000000    0.000001 1", two times in seconds: a row of the histogram of recursion times. */
static enum format_result histogram_row(struct record *r, struct str s)
{
	struct str from, to;
	int64_t ns;
	uint64_t n;

	scan_blanks(&s);
	if (!scan_word(&s, &from) || !str_seconds_ns(from, &ns))
		return FORMAT_NO_MATCH;
	scan_blanks(&s);
	if (!scan_word(&s, &to) || !str_seconds_ns(to, &ns) || !scan_ch(&s, ' ') || !str_u64(s, INT64_MAX, &n))
		return FORMAT_NO_MATCH;
	rec_raw(r, "from_seconds", from);
	rec_raw(r, "to_seconds", to);
	rec_raw(r, "recursions", s);
	dns_daemon_message(r);
	return FORMAT_MATCH;
}

static enum format_result info_line(struct record *r, struct str s)
{
	struct str t = s;

	switch (s.p[0]) {
	case ' ':
		return histogram_row(r, s);
	case 'r':
		if (scan_lit(&t, "resolving ") && take_question(r, &t))
			return done(r, "dns-resolver-fetch", "info");
		if (scan_lit(&t, "response for ") && take_question(r, &t))
			return done(r, "dns-resolver-response", "protocol");
		if (scan_lit(&t, "reply from <"))
			return reply_from(r, t);
		if (scan_lit(&t, "ratelimit "))
			return rate_limit(r, s);
		if (scan_lit(&t, "rpz: applied "))
			return rpz_applied(r, t);
		if (scan_lit(&t, "refused NOTIFY ") || scan_lit(&t, "received NOTIFY "))
			return notify(r, t, s.p[2] == 'f');
		break;
	case 'R':
		if (scan_lit(&t, "RPZ applied "))
			return rpz_applied(r, t);
		break;
	case 'i':
		if (scan_lit(&t, "ip_ratelimit "))
			return rate_limit(r, s);
		if (scan_lit(&t, "incoming scrubbed packet: "))
			return packet(r, t);
		break;
	case 'q':
		if (scan_lit(&t, "query response was "))
			return response_was(r, t);
		break;
	case 'v':
		if (scan_lit(&t, "validation failure ")) {
			rec_str(r, F_WEIR_DNS_DNSSEC, STR("bogus"));
			return failure(r, t);
		}
		if (scan_lit(&t, "validation success ") && take_question(r, &t)) {
			rec_str(r, F_WEIR_DNS_DNSSEC, STR("secure"));
			rec_outcome(r, "success");
			return done(r, "dns-resolver-fetch", "info");
		}
		break;
	case 'S':
		if (scan_lit(&t, "SERVFAIL ")) {
			rec_str(r, F_DNS_RESPONSE_CODE, STR("SERVFAIL"));
			return failure(r, t);
		}
		break;
	default:
		break;
	}
	return FORMAT_NO_MATCH;
}

static enum format_result unbound_parse(struct record *r)
{
	struct str s = r->text;
	const struct message *m;
	enum format_result result;
	struct record_mark mark;
	enum level level;

	take_frame(r, &s);
	level = take_level(&s);
	if (level == NONE || s.len == 0)
		return FORMAT_NO_MATCH;
	rec_str(r, F_NETWORK_PROTOCOL, STR("dns"));
	if (level == QUERY || level == REPLY)
		return client_line(r, s);
	rec_str(r, F_LOG_LEVEL, level == FATAL ? STR("fatal") : level_words[level]);
	mark = rec_mark(r);
	if (level == INFO && (ch_xdigit(s.p[0]) || s.p[0] == ':') && client_line(r, s) == FORMAT_MATCH)
		return FORMAT_MATCH;
	rec_reset(r, mark);
	if (level == INFO && local_action(r, s) == FORMAT_MATCH)
		return FORMAT_MATCH;
	rec_reset(r, mark);
	result = info_line(r, s);
	if (result == FORMAT_MATCH)
		return result;
	rec_reset(r, mark);
	m = message_list(r, about, s, places);
	if (!m)
		dns_daemon_message(r);
	if (level <= WARNING) {
		rec_str(r, F_ERROR_MESSAGE, s);
		rec_action(r, m ? m->action : "daemon-message", m ? m->category : "process", "error");
	}
	return FORMAT_MATCH;
}

/* "[1795420761] unbound[719:0] info: .." */
static bool unbound_shape(const struct record *r)
{
	struct str s = r->text, stamp, who;
	uint64_t seconds;

	return s.len && s.p[0] == '[' && take_own_head(&s, &seconds, &stamp, &who) && str_chr(who, ':') > 0 && take_level(&s) != NONE;
}

static const char *const programs[] = {"unbound", NULL};

FORMAT(unbound, .programs = programs, .service = STR_INIT("unbound"), .dataset = STR_INIT("weir.dns"), .doc = "Unbound, a resolver", .versions = "Unbound 1.9 to 1.22",
       .shape = unbound_shape, .parse = unbound_parse)
