/*
 * named_client.c - BIND: what became of a client's request, where it is no line of the query log.
 *
 *	client @0x7fb462c1c098 198.51.100.25#52525 (7.112.137.185.in-addr.arpa): query failed (SERVFAIL) for 7.112.137.185.in-addr.arpa/IN/PTR at query.c:7177
 */
#include "parse/named.h"

static enum format_result done(struct record *r, const char *action, const char *type)
{
	rec_action(r, action, "network", type);
	return FORMAT_MATCH;
}

static enum format_result refused(struct record *r, const char *action, struct str why)
{
	rec_outcome(r, "failure");
	rec_str(r, F_EVENT_REASON, why);
	return done(r, action, "denied");
}

static bool quoted(struct str *s, struct str *out)
{
	struct str t = *s;

	if (!scan_ch(&t, '\'') || !named_rest_of_quote(&t, out))
		return false;
	*s = t;
	return true;
}

static void question_of(struct record *r, struct str text)
{
	struct str name, type, class;

	if (dns_split(text, &name, &type, &class))
		dns_question(r, name, type, class);
	else
		dns_question(r, text, STR(""), STR(""));
}

/* (SERVFAIL) for 7.112.137.185.in-addr.arpa/IN/PTR at query.c:7177 */
static enum format_result query_failed(struct record *r, struct str s)
{
	struct str cause, what, name, class, type, file, line;
	ptrdiff_t at;

	if (!scan_until_str(&s, STR(")"), &cause))
		return FORMAT_NO_MATCH;
	if (scan_lit(&s, " for ") && scan_word(&s, &what)) {
		/* Name, class, type: the other order than elsewhere. */
		at = str_rchr(what, '/');
		if (at > 0 && dns_is_type(type = str_from(what, (size_t)at + 1))) {
			what.len = (size_t)at;
			at = str_rchr(what, '/');
			if (at > 0 && dns_is_class(class = str_from(what, (size_t)at + 1))) {
				name = str_sub(what, 0, (size_t)at);
				dns_question(r, name, type, class);
			}
		}
	}
	if (scan_lit(&s, " at ") && scan_word(&s, &what) && (at = str_rchr(what, ':')) > 0) {
		file = str_sub(what, 0, (size_t)at);
		line = str_from(what, (size_t)at + 1);
		if (rec_num(r, F_LOG_ORIGIN_FILE_LINE, line))
			rec_str(r, F_LOG_ORIGIN_FILE_NAME, file);
	}
	rec_str(r, F_DNS_RESPONSE_CODE, dns_rcode(cause));
	rec_str(r, F_WEIR_DNS_RCODE_CAUSE, cause);
	rec_str(r, F_EVENT_REASON, cause);
	rec_outcome(r, "failure");
	return done(r, "dns-query-failed", "error");
}

/* query (cache) 'example.com/A/IN' denied (allow-query-cache did not match); for debugging: query 'example.com/A/IN' approved */
static enum format_result query_denied(struct record *r, struct str s)
{
	struct str what, why = STR("");

	if (!scan_lit(&s, "query "))
		return FORMAT_NO_MATCH;
	if (scan_lit(&s, "(cache) "))
		rec_raw(r, "cache", STR("1"));
	if (!quoted(&s, &what))
		return FORMAT_NO_MATCH;
	if (str_eq(s, STR(" approved"))) {
		question_of(r, what);
		rec_str(r, F_EVENT_REASON, STR("approved"));
		rec_outcome(r, "success");
		return done(r, "daemon-message", "info");
	}
	if (!scan_lit(&s, " denied"))
		return FORMAT_NO_MATCH;
	question_of(r, what);
	if (scan_lit(&s, " (") && scan_until(&s, ')', &why) && dns_rcode(why).len)
		rec_str(r, F_DNS_RESPONSE_CODE, dns_rcode(why));
	return refused(r, "dns-query-denied", why);
}

/* rpz QNAME NXDOMAIN rewrite bad.example/A/IN via bad.example.rpz.local (CNAME to: walled.example) */
static enum format_result rpz(struct record *r, struct str s)
{
	bool disabled = scan_lit(&s, "disabled ");
	struct str trigger, policy, what, via, to;

	if (!scan_lit(&s, "rpz ") || !scan_word(&s, &trigger) || !scan_ch(&s, ' ') || !scan_word(&s, &policy) || !scan_lit(&s, " rewrite ") ||
	    !scan_word(&s, &what) || !scan_lit(&s, " via ") || !scan_word(&s, &via))
		return FORMAT_NO_MATCH;
	question_of(r, what);
	rec_str(r, F_WEIR_DNS_POLICY, policy);
	rec_str(r, F_RULE_NAME, via);
	rec_raw(r, "trigger", trigger);
	if (scan_lit(&s, " (CNAME to: ") && scan_until(&s, ')', &to))
		rec_raw(r, "rewritten_to", to);
	if (disabled)
		rec_raw(r, "disabled", STR("1"));
	if (str_eq(policy, STR("NXDOMAIN")))
		rec_str(r, F_DNS_RESPONSE_CODE, policy);
	return done(r, "dns-policy", disabled ? "info" : str_eq(policy, STR("PASSTHRU")) ? "allowed" : "denied");
}

/* "NXDOMAIN ", "SERVFAIL error ", "shutting down error ", "referral ", "": of what kind the answers are; a kind that is a code is theirs. */
static bool limited_kind(struct record *r, struct str kind)
{
	struct str code;

	if (kind.len && kind.p[kind.len - 1] != ' ')
		return false;
	code = str_sub(kind, 0, kind.len ? kind.len - 1 : 0);
	if (str_ends(code, STR(" error")))
		code.len -= 6;
	rec_str(r, F_DNS_RESPONSE_CODE, dns_rcode(code));
	return true;
}

/*
 * rate limit drop NXDOMAIN response to 192.0.2.0/24 for example.com IN A  (00000000)
 * would stop limiting error responses to 192.0.2.0/24
 */
enum format_result named_rate_limit(struct record *r, struct str s)
{
	struct str name, class, type, net, verb, kind, start = s;

	scan_ch(&s, '*');
	scan_lit(&s, "would ");
	if (!(scan_lit(&s, "rate limit ") && (scan_lit(&s, "drop ") || scan_lit(&s, "slip ") || true)) && !scan_lit(&s, "stop limiting ") &&
	    !scan_lit(&s, "limit "))
		return FORMAT_NO_MATCH;
	verb = str_sub(start, 0, (size_t)(s.p - start.p) - 1);
	if (!scan_until_str(&s, STR("response"), &kind))
		return FORMAT_NO_MATCH;
	(void)scan_ch(&s, 's');
	if (!scan_lit(&s, " to ") || !scan_word(&s, &net) || !limited_kind(r, kind))
		return FORMAT_NO_MATCH;
	rec_raw(r, "network", net);
	if (scan_lit(&s, " for ") && scan_word(&s, &name)) {
		class = type = STR("");
		if (scan_ch(&s, ' ') && scan_word(&s, &class) && dns_is_class(class)) {
			if (!scan_ch(&s, ' ') || !scan_word(&s, &type) || !dns_is_type(type))
				type = STR("");
		} else {
			class = STR("");
		}
		dns_question(r, name, type, class);
	}
	rec_str(r, F_WEIR_DNS_POLICY, STR("rate-limit"));
	rec_str(r, F_EVENT_REASON, verb);
	return done(r, "dns-policy", str_find(verb, STR("stop ")) >= 0 ? "info" : "denied");
}

/* ---- updates ---- */

/* adding an RR at 'host.example.com' A 192.0.2.7; deleting rrset at 'host.example.com' AAAA */
static void changed(struct record *r, struct str s)
{
	static const char *const verbs[] = {
		"adding an RR at ", "deleting an RR at ", "deleting rrset at ", "delete all rrsets from name ", "attempt to add ",
	};
	struct str name, type = STR("");

	for (size_t i = 0; i < sizeof(verbs) / sizeof(*verbs); i++) {
		struct str verb = str_z(verbs[i]);

		if (!scan_str(&s, verb))
			continue;
		rec_str(r, F_EVENT_REASON, i < 4 ? str_sub(verb, 0, verb.len - (i == 3 ? 11 : 4)) : STR("attempt to add"));
		if (!quoted(&s, &name) && !(i == 1 && scan_word(&s, &name)))
			return;
		if (scan_ch(&s, ' ') && scan_word(&s, &type) && dns_is_type(type)) {
			dns_question(r, name, type, STR(""));
			if (scan_space(&s))
				rec_raw(r, "rdata", s);
		} else {
			dns_question(r, name, STR(""), STR(""));
		}
		return;
	}
	rec_str(r, F_EVENT_REASON, s);
}

/* "(NOTAUTH)" at the end, "(SERVFAIL)". */
static void code_at_end(struct record *r, struct str s)
{
	ptrdiff_t at = str_rchr(s, '(');

	if (at < 0 || !str_ends(s, STR(")")))
		return;
	rec_str(r, F_DNS_RESPONSE_CODE, dns_rcode(str_sub(s, (size_t)at + 1, s.len - (size_t)at - 2)));
}

/*
 * "update failed: example.com: not authoritative for update zone (NOTAUTH)", "update unsuccessful: host.example.com/A: 'RRset exists' prerequisite not
 * satisfied (NXRRSET)": what it was about. s: behind "update failed: ", and then behind its name.
 */
static void update_subject(struct record *r, struct str *s, bool zone)
{
	struct str t = *s, word, name, type, class;

	if (!scan_word(&t, &word) || word.len < 2 || word.p[word.len - 1] != ':' || word.p[0] == '\'' || !scan_ch(&t, ' '))
		return;
	word.len--;
	if (dns_split(word, &name, &type, &class))
		dns_question(r, name, type, class);
	else if (zone)
		rec_host(r, F_WEIR_DNS_ZONE, word);
	else
		dns_question(r, word, STR(""), STR(""));
	*s = t;
}

/*
 * updating zone 'example.com/IN': adding an RR at 'host.example.com' A 192.0.2.7
 * update 'example.com/IN' denied
 * update failed: not authoritative for update zone (NOTAUTH)
 * signer "ddns-key" approved
 */
static enum format_result update(struct record *r, struct str s)
{
	struct str zone;

	if (scan_lit(&s, "updating zone ") && quoted(&s, &zone) && scan_lit(&s, ": ")) {
		named_zone(r, zone);
		bool named = scan_lit(&s, "update failed: ") || scan_lit(&s, "update rejected: ") || scan_lit(&s, "update unsuccessful: ");

		if (named || str_find(s, STR(" failed: ")) >= 0) {
			if (named)
				update_subject(r, &s, false);
			rec_outcome(r, "failure");
			code_at_end(r, s);
			rec_str(r, F_EVENT_REASON, s);
		} else {
			changed(r, s);
		}
		return done(r, "dns-update", "info");
	}
	if (scan_lit(&s, "forwarding update for zone ") && quoted(&s, &zone)) {
		named_zone(r, zone);
		return done(r, "dns-update", "info");
	}
	if (scan_lit(&s, "update failed: ") || scan_lit(&s, "update rejected: ")) {
		update_subject(r, &s, true);
		code_at_end(r, s);
		return refused(r, "dns-update", s);
	}
	if (scan_lit(&s, "update unsuccessful: ")) {
		update_subject(r, &s, false);
		code_at_end(r, s);
		return refused(r, "dns-update", s);
	}
	if (scan_lit(&s, "update forwarding ") || scan_lit(&s, "update ")) {
		struct str why = STR("denied");

		if (!quoted(&s, &zone))
			return FORMAT_NO_MATCH;
		named_zone(r, zone);
		if (scan_lit(&s, " denied due to "))
			why = s;
		else if (scan_lit(&s, " approved"))
			return rec_outcome(r, "success"), done(r, "dns-update", "allowed");
		else if (!scan_lit(&s, " denied"))
			return FORMAT_NO_MATCH;
		return refused(r, "dns-update", why);
	}
	if (scan_lit(&s, "signer ") && scan_quoted(&s, '"', &zone) && scan_ch(&s, ' ')) {
		rec_raw(r, "signer", zone);
		if (str_eq(s, STR("denied")))
			return refused(r, "dns-update", s);
		rec_outcome(r, "success");
		return done(r, "dns-update", "allowed");
	}
	return FORMAT_NO_MATCH;
}

/* ---- transfers, notifies ---- */

/*
 * transfer of 'example.com/IN': AXFR started: TSIG xfer (serial 2026112301)
 * zone transfer 'example.com/AXFR/IN' denied
 * bad zone transfer request: 'example.com/IN': non-authoritative zone (NOTAUTH)
 */
static enum format_result transfer(struct record *r, struct str s)
{
	struct str zone, name, type, class;

	if (scan_lit(&s, "transfer of ") && quoted(&s, &zone)) {
		named_zone(r, zone);
		scan_lit(&s, ": ");
		named_transfer(r, s);
		return done(r, "dns-transfer", "info");
	}
	if (scan_lit(&s, "zone transfer ") && quoted(&s, &zone)) {
		if (dns_split(zone, &name, &type, &class)) {
			rec_host(r, F_WEIR_DNS_ZONE, name);
			dns_question(r, name, type, class);
		} else {
			named_zone(r, zone);
		}
		if (!scan_lit(&s, " denied"))
			return FORMAT_NO_MATCH;
		return refused(r, "dns-transfer", STR("denied"));
	}
	if (scan_lit(&s, "bad zone transfer request: ")) {
		if (quoted(&s, &zone) && named_zone(r, zone))
			scan_lit(&s, ": ");
		code_at_end(r, s);
		return refused(r, "dns-transfer", s);
	}
	return FORMAT_NO_MATCH;
}

/* received notify for zone 'example.com': TSIG 'notify-key': not authoritative */
static enum format_result notify(struct record *r, struct str s)
{
	struct str zone, key;

	if (!scan_lit(&s, "received notify for zone ") || !quoted(&s, &zone))
		return FORMAT_NO_MATCH;
	if (!named_zone(r, zone))
		rec_host(r, F_WEIR_DNS_ZONE, zone);
	if (scan_lit(&s, ": TSIG ") && quoted(&s, &key))
		rec_raw(r, "key", key);
	if (scan_lit(&s, ": ")) {
		rec_str(r, F_EVENT_REASON, s);
		rec_outcome(r, "failure");
	}
	return done(r, "dns-notify", "info");
}

/* request has invalid signature: TSIG ddns-key: tsig verify failure (BADKEY) */
static enum format_result signature(struct record *r, struct str s)
{
	struct str key;

	if (scan_lit(&s, "valid signature: ")) {
		rec_raw(r, "signer", s);
		dns_daemon_message(r);
		return FORMAT_MATCH;
	}
	if (!scan_lit(&s, "invalid signature: "))
		return FORMAT_NO_MATCH;
	if (scan_lit(&s, "TSIG ") && scan_until_str(&s, STR(": "), &key)) {
		ptrdiff_t at = str_find(key, STR(" ("));

		rec_raw(r, "signer", at > 0 ? str_sub(key, 0, (size_t)at) : key);
	}
	code_at_end(r, s);
	return refused(r, "dns-query-denied", s);
}

/* What befell a request, in so many words; the rest of the line says why. */
static enum format_result other(struct record *r, struct str s)
{
	static const struct {
		const char *lead;
		const char *action;
	} leads[] = {
		{"no more recursive clients ", "dns-query-denied"}, {"recursive-clients soft limit exceeded ", "dns-query-denied"},
		{"error sending response: ", "dns-query-failed"},   {"message parsing failed: ", "dns-query-failed"},
		{"request failed: ", "dns-query-failed"},	    {"send failed: ", "dns-query-failed"},
		{"dropped request: ", "dns-query-denied"},	    {"recursion denied", "dns-query-denied"},
	};
	struct str rest = s, what;

	for (size_t i = 0; i < sizeof(leads) / sizeof(*leads); i++)
		if (scan_str(&rest, str_z(leads[i].lead))) {
			/* Where the lead is but the circumstance of a limit, it is the reason. */
			bool whole = strcmp(leads[i].action, "dns-query-denied") == 0;

			rec_outcome(r, "failure");
			rec_str(r, F_EVENT_REASON, whole ? s : rest);
			if (!whole) {
				rec_str(r, F_WEIR_DNS_RCODE_CAUSE, rest);
				rec_str(r, F_DNS_RESPONSE_CODE, dns_rcode(rest));
			}
			return done(r, leads[i].action, whole ? "denied" : "error");
		}
	if (scan_lit(&rest, "check-names failure ") || scan_lit(&rest, "servfail cache hit ")) {
		if (scan_word(&rest, &what))
			question_of(r, what);
		rec_outcome(r, "failure");
		rec_str(r, F_EVENT_REASON, str_sub(s, 0, (size_t)(what.p - s.p) - 1));
		return done(r, "dns-query-failed", "error");
	}
	if (scan_lit(&rest, "RFC 1918 response from Internet for ")) {
		dns_question(r, rest, STR("PTR"), STR(""));
		rec_str(r, F_EVENT_REASON, STR("RFC 1918 response from Internet"));
		return done(r, "daemon-message", "info");
	}
	if (scan_lit(&rest, "rewriting query name ") && quoted(&rest, &what)) {
		/* Infoblox: "rewriting query name 'test.com' to 'query123.test.com', type A" */
		struct str to, type = STR("");

		if (scan_lit(&rest, " to '") && scan_until(&rest, '\'', &to))
			rec_raw(r, "rewritten_to", to);
		if (scan_lit(&rest, ", type ") && !scan_word(&rest, &type))
			type = STR("");
		dns_question(r, what, dns_is_type(type) ? type : STR(""), STR(""));
		rec_str(r, F_WEIR_DNS_POLICY, STR("rewrite"));
		return done(r, "dns-policy", "info");
	}
	if (str_ends(s, STR(" denied"))) {
		/* "AXFR request denied", "IXFR request denied: ..", "notify denied". */
		return refused(r, str_find(s, STR("XFR")) >= 0 ? "dns-transfer" : "dns-query-denied", STR("denied"));
	}
	rec_str(r, F_EVENT_REASON, s);
	return done(r, "daemon-message", "info");
}

enum format_result named_client_line(struct record *r, struct str s)
{
	struct str t = s;
	enum format_result result = FORMAT_NO_MATCH;

	if (s.len == 0)
		return FORMAT_NO_MATCH;
	switch (s.p[0]) {
	case 'q':
		if (scan_lit(&t, "query failed ("))
			result = query_failed(r, t);
		else if (str_starts(s, STR("query ")))
			result = query_denied(r, s);
		break;
	case 'd':
		if (str_starts(s, STR("disabled rpz ")))
			result = rpz(r, s);
		break;
	case 'r':
		if (str_starts(s, STR("rpz ")))
			result = rpz(r, s);
		else if (str_starts(s, STR("rate limit ")))
			result = named_rate_limit(r, s);
		else if (str_starts(s, STR("received notify ")))
			result = notify(r, s);
		else if (scan_lit(&t, "request has "))
			result = signature(r, t);
		break;
	case 'w':
	case 'l':
	case '*':
		result = named_rate_limit(r, s);
		break;
	case 's':
		result = str_starts(s, STR("stop ")) ? named_rate_limit(r, s) : update(r, s);
		break;
	case 'u':
	case 'f':
		result = update(r, s);
		break;
	case 't':
	case 'z':
	case 'b':
		result = transfer(r, s);
		break;
	default:
		break;
	}
	return result == FORMAT_MATCH ? result : other(r, s);
}
