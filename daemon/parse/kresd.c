/*
 * kresd.c - Knot Resolver: what it plans, asks and gets, request by request.
 *
 *	[plan  ][00000.00] plan 'mail.corp.example.' type 'A' uid [51404.00]
 *	[resolv][51404.02]   => id: '16834' querying: 'a.tld-servers.net.'@'203.0.113.2#00053' zone cut: 'net.' qname: 'ripe-lab.net.' qtype: 'NS' proto: 'udp'
 *	 group   uid
 *	[51404.02][resl]   => ...			before 5.4: the other way round, groups of four letters
 *
 * A uid is the id of the client's message and a number within it, so every line says for whose question it was written (weir.raw.uid); `plan` says which
 * part of the request it is for (weir.raw.parent_uid). The client itself is in no line. Names are printed as they went out, in mixed case.
 */
#include "parse/dns_line.h"

static enum format_result done(struct record *r, const char *action, const char *type)
{
	rec_action(r, action, "network", type);
	return FORMAT_MATCH;
}

/* "51404.02" */
static bool is_uid(struct str s)
{
	struct str id, sub;

	return scan_digits(&s, 5, &id) && scan_ch(&s, '.') && scan_digits(&s, 6, &sub) && s.len == 0;
}

/* "plan  ", "resl": small letters and blanks behind them. */
static bool is_group(struct str *s)
{
	size_t n = 0;

	*s = str_trim(*s);
	while (n < s->len && (unsigned char)(s->p[n] - 'a') < 26)
		n++;
	return n >= 2 && n <= 8 && n == s->len;
}

/* *uid is empty where the line belongs to no request. */
static bool take_head(struct str *s, struct str *group, struct str *uid)
{
	struct str t = *s, first, second;

	*uid = STR("");
	if (!scan_ch(&t, '[') || !scan_until(&t, ']', &first))
		return false;
	second = t;
	if (is_uid(first)) {
		*uid = first;
		if (!scan_ch(&t, '[') || !scan_until(&t, ']', group) || !is_group(group))
			return false;
	} else {
		*group = first;
		if (!is_group(group))
			return false;
		if (scan_ch(&second, '[') && scan_until(&second, ']', &first) && is_uid(first)) {
			*uid = first;
			t = second;
		}
	}
	*s = t;
	return scan_blanks(s);
}

/* 'mail.corp.example.' */
static bool take_quoted(struct str *s, struct str *out)
{
	return scan_ch(s, '\'') && scan_until(s, '\'', out);
}

/* "05265" is the id 5265. */
static void put_id(struct record *r, struct str s)
{
	while (s.len > 1 && s.p[0] == '0')
		s = str_from(s, 1);
	rec_str(r, F_DNS_ID, s);
}

static void put_question(struct record *r, struct str name, struct str type)
{
	dns_question(r, name, dns_is_type(type) ? type : STR(""), STR("IN"));
}

/* plan 'mail.corp.example.' type 'A' uid [51404.00] */
static enum format_result planned(struct record *r, struct str s, struct str parent)
{
	struct str name, type, uid, id;

	if (!take_quoted(&s, &name) || !scan_lit(&s, " type ") || !take_quoted(&s, &type) || !scan_lit(&s, " uid [") || !scan_until(&s, ']', &uid) || !is_uid(uid))
		return FORMAT_NO_MATCH;
	put_question(r, name, type);
	rec_raw(r, "uid", uid);
	/* The request itself: nothing is above it, and its id is that of the client's message. */
	if (str_starts(parent, STR("00000.")) && scan_until(&uid, '.', &id))
		put_id(r, id);
	else
		rec_raw(r, "parent_uid", parent);
	return done(r, "dns-resolver-fetch", "info");
}

/* 'mail.corp.example.' type 'A' new uid was assigned .01, parent uid .00 */
static enum format_result assigned(struct record *r, struct str s, struct str of)
{
	struct str name, type, sub, parent, request;

	if (!take_quoted(&s, &name) || !scan_lit(&s, " type ") || !take_quoted(&s, &type) || !scan_lit(&s, " new uid was assigned .") || !scan_digits(&s, 6, &sub))
		return FORMAT_NO_MATCH;
	put_question(r, name, type);
	if (scan_until(&of, '.', &request)) {
		rec_raw(r, "uid", arena_printf(r->arena, "%.*s.%.*s", (int)request.len, request.p, (int)sub.len, sub.p));
		if (scan_lit(&s, ", parent uid .") && scan_digits(&s, 6, &parent))
			rec_raw(r, "parent_uid", arena_printf(r->arena, "%.*s.%.*s", (int)request.len, request.p, (int)parent.len, parent.p));
	}
	return done(r, "dns-resolver-fetch", "info");
}

/* "'a.tld-servers.net.'@'203.0.113.2#00053'", before 5.3 "'203.0.113.2#00053'" */
static bool take_server(struct record *r, struct str *s)
{
	struct str name = STR(""), where, ip, port;

	if (!take_quoted(s, &where))
		return false;
	if (scan_ch(s, '@')) {
		name = where;
		if (!take_quoted(s, &where))
			return false;
	}
	port = where;
	if (!str_cut(&port, '#', &ip) || !dns_server(r, ip, port))
		return false;
	if (name.len)
		rec_host(r, F_DESTINATION_DOMAIN, name);
	return true;
}

/* => id: '16834' querying: 'a.tld-servers.net.'@'203.0.113.2#00053' zone cut: 'net.' qname: 'ripe-lab.net.' qtype: 'NS' proto: 'udp' */
static enum format_result asked(struct record *r, struct str s)
{
	struct str id, zone, name, type, proto, head;

	if (!take_quoted(&s, &id) || !scan_lit(&s, " querying: ") || !take_server(r, &s) || !scan_until_str(&s, STR(" zone cut: "), &head) || !take_quoted(&s, &zone) ||
	    !scan_until_str(&s, STR("qname: "), &head) || !take_quoted(&s, &name) || !scan_lit(&s, " qtype: ") || !take_quoted(&s, &type))
		return FORMAT_NO_MATCH;
	put_id(r, id);
	put_question(r, name, type);
	rec_host(r, F_WEIR_DNS_ZONE, zone);
	rec_str(r, F_DNS_TYPE, STR("query"));
	if (scan_lit(&s, " proto: ") && take_quoted(&s, &proto)) {
		rec_str(r, F_NETWORK_TRANSPORT, str_eq(proto, STR("udp")) ? STR("udp") : STR("tcp"));
		if (str_eq(proto, STR("tls")))
			rec_bool(r, F_TLS_ESTABLISHED, true);
	}
	return done(r, "dns-resolver-query", "protocol");
}

/* <= rcode: NXDOMAIN; <= referral response, follow */
static enum format_result answered(struct record *r, struct str s)
{
	struct str rcode;

	rec_str(r, F_DNS_TYPE, STR("answer"));
	if (scan_lit(&s, "rcode: ") && scan_word(&s, &rcode)) {
		if (!dns_rcode(rcode).len)
			return FORMAT_NO_MATCH;
		rec_str(r, F_DNS_RESPONSE_CODE, dns_rcode(rcode));
	} else {
		rec_raw(r, "response", s);
	}
	return done(r, "dns-resolver-response", "protocol");
}

/* What is told of the request as a whole. */
static void self_fields(struct record *r, struct str s)
{
	struct str state, queries;

	if (scan_lit(&s, "finished in state: ") && scan_digits(&s, 9, &state)) {
		rec_raw(r, "state", state);
		if (scan_lit(&s, ", queries: ") && scan_digits(&s, 9, &queries))
			rec_raw(r, "queries", queries);
	} else if (str_starts(s, STR("AD: request classified as SECURE"))) {
		rec_str(r, F_WEIR_DNS_DNSSEC, STR("secure"));
	} else if (str_starts(s, STR("AD: request NOT classified as SECURE"))) {
		rec_str(r, F_WEIR_DNS_DNSSEC, STR("insecure"));
	} else if (scan_lit(&s, "=> too many failures in a row")) {
		rec_str(r, F_EVENT_REASON, STR("too many failures in a row"));
		rec_outcome(r, "failure");
	}
}

static enum format_result kresd_parse(struct record *r)
{
	struct str s = r->text, group, uid;
	struct record_mark mark;
	enum format_result got = FORMAT_NO_MATCH;

	if (!take_head(&s, &group, &uid) || s.len == 0)
		return FORMAT_NO_MATCH;
	rec_str(r, F_NETWORK_PROTOCOL, STR("dns"));
	rec_str(r, F_LOG_LOGGER, group);
	rec_raw(r, "uid", uid);
	mark = rec_mark(r);
	if (uid.len) {
		struct str t = s;

		if (scan_lit(&t, "plan "))
			got = planned(r, t, uid);
		else if (t.p[0] == '\'')
			got = assigned(r, t, uid);
		else if (scan_lit(&t, "=> id: "))
			got = asked(r, t);
		else if (scan_lit(&t, "<= "))
			got = answered(r, t);
		if (got == FORMAT_MATCH)
			return got;
		rec_reset(r, mark);
	}
	self_fields(r, s);
	return done(r, "daemon-message", "info");
}

static const char *const programs[] = {"kresd", "kresd@*", "kresd-*", "kresd1", "kresd2", "knot-resolver", NULL};

FORMAT(kresd, .programs = programs, .service = STR_INIT("knot-resolver"), .dataset = STR_INIT("weir.dns"), .doc = "Knot Resolver", .versions = "Knot Resolver 5.3 to 6.0",
       .parse = kresd_parse)
