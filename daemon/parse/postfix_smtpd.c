/*
 * postfix_smtpd.c - what smtpd and cleanup say of clients: connections, logins, verdicts. Work thread.
 *
 *	NOQUEUE: reject: RCPT from unknown[192.0.2.7]: 550 5.1.1 <a@b>: text; from=<c@d> to=<a@b> proto=ESMTP helo=<h>
 *	         action  stage     peer                code dsn reason        tail
 *
 * HELO may be any text and stands last; the reason may quote it as well. So the tail is the first "; from=<" behind the reason's own
 * address from which everything to the end reads as a tail.
 */
#include "parse/postfix.h"

struct tail {
	struct str from, to, proto, helo, sasl;
};

/* A field of the tail behind its name; ',' of postscreen is taken along. */
static bool tail_angle(struct str *s, struct str *out)
{
	if (!postfix_take_angle(s, out))
		return false;
	scan_ch(s, ',');
	return true;
}

/* "from=<a> to=<b> proto=ESMTP helo=<c> sasl_username=<d>", each of them may be missing; *rest is what follows helo: ": text" of header checks. */
static bool read_tail(struct str s, struct tail *t, struct str *rest)
{
	struct str helo, sasl;
	size_t n = 0;

	*t = (struct tail){0};
	*rest = str_sub(s, s.len, 0);
	if (scan_lit(&s, "from=") && !tail_angle(&s, &t->from))
		return false;
	scan_ch(&s, ' ');
	if (scan_lit(&s, "to=") && !tail_angle(&s, &t->to))
		return false;
	scan_ch(&s, ' ');
	if (scan_lit(&s, "proto=")) {
		while (n < s.len && (ch_alnum(s.p[n])))
			n++;
		t->proto = str_sub(s, 0, n);
		s = str_from(s, n);
		if (n == 0)
			return false;
		scan_ch(&s, ',');
	}
	scan_ch(&s, ' ');
	if (scan_lit(&s, "helo=<")) {
		if (s.len == 0 || s.p[s.len - 1] != '>') {
			/* A header check's own text follows. */
			if (!scan_until_str(&s, STR(">: "), &t->helo))
				return false;
			*rest = s;
			return true;
		}
		helo = str_sub(s, 0, s.len - 1);
		sasl = helo;
		if (scan_until_last(&sasl, STR("> sasl_username=<"), &helo))
			t->sasl = sasl;
		t->helo = helo;
		return true;
	}
	if (scan_lit(&s, "sasl_username=<")) {
		t->sasl = s.len && s.p[s.len - 1] == '>' ? str_sub(s, 0, s.len - 1) : str_sub(s, 0, 0);
		return t->sasl.len > 0;
	}
	if (scan_lit(&s, ": ")) {
		*rest = s;
		return true;
	}
	return s.len == 0;
}

static void put_helo(struct record *r, struct str helo)
{
	rec_str(r, F_POSTFIX_CLIENT_HELO, helo);
	/* "User" and "ylmf-pc" are no hosts of anybody's. */
	if (helo.len < 256 && str_chr(helo, '.') > 0 && str_is_name(helo) && !str_is_ip(helo)) {
		char *low = arena_bytes(r->arena, helo.len);

		for (size_t i = 0; i < helo.len; i++)
			low[i] = ch_lower(helo.p[i]);
		rec_related_host(r, str_n(low, helo.len));
	}
}

static void put_sasl_user(struct record *r, struct str user)
{
	rec_str(r, F_POSTFIX_SASL_USER, user);
	rec_user(r, F_USER_NAME, user);
}

static void put_tail(struct record *r, const struct tail *t)
{
	rec_str(r, F_EMAIL_SENDER_ADDRESS, t->from);
	rec_str(r, F_EMAIL_TO_ADDRESS, t->to);
	rec_raw(r, "proto", t->proto);
	put_helo(r, t->helo);
	if (t->sasl.len)
		put_sasl_user(r, t->sasl);
}

static bool tail_begins(struct str s)
{
	return str_starts(s, STR("from=<")) || str_starts(s, STR("to=<")) || str_starts(s, STR("proto=")) ||
	       str_starts(s, STR("helo=<")) || str_starts(s, STR("sasl_username=<"));
}

/*
 * Parts "reason; tail". A reason that begins with "<HELO>: Helo command rejected" holds the HELO twice: then the tail must end with the same.
 */
static bool split_tail(struct str s, struct str *reason, struct tail *t)
{
	struct str first, rest, from = s, helo_line;
	size_t skip = 0;
	bool quotes_helo = str_find(s, STR(">: Helo command rejected: ")) > 0;

	if (!quotes_helo && postfix_take_angle(&from, &first))
		skip = s.len - from.len;
	for (size_t i = skip; i + 7 < s.len; i++) {
		const char *semi = memchr(s.p + i, ';', s.len - i);

		if (!semi)
			break;
		i = (size_t)(semi - s.p);
		if (i + 2 >= s.len || s.p[i + 1] != ' ' || !tail_begins(str_from(s, i + 2)) ||
		    !read_tail(str_from(s, i + 2), t, &rest) || rest.len)
			continue;
		if (quotes_helo && t->helo.len) {
			helo_line = s;
			if (!scan_ch(&helo_line, '<') || !scan_str(&helo_line, t->helo) || !scan_lit(&helo_line, ">: "))
				continue;
		}
		*reason = str_sub(s, 0, i);
		return true;
	}
	return false;
}

/* "... blocked using zen.example.org; https://..." */
static void put_list(struct record *r, struct str reason)
{
	ptrdiff_t at = str_find(reason, STR("] blocked using "));
	struct str list;
	size_t n = 0;

	if (at < 0)
		return;
	list = str_from(reason, (size_t)at + 16);
	while (n < list.len && (ch_alnum(list.p[n]) || list.p[n] == '.' || list.p[n] == '-' || list.p[n] == '_'))
		n++;
	while (n && list.p[n - 1] == '.')
		n--;
	rec_str(r, F_RULE_RULESET, str_sub(list, 0, n));
}

/* ---- verdicts ---- */

void postfix_put_verdict(struct record *r, struct str action, bool content)
{
	struct str milter = action;
	bool refused =
		str_eq(action, STR("reject")) || str_ends(action, STR("-reject")) || str_eq(action, STR("abort"));

	rec_str(r, F_POSTFIX_ACTION, action);
	if (scan_lit(&milter, "milter-"))
		rec_str(r, F_POSTFIX_MILTER_ACTION, str_starts(milter, STR("header-")) ? str_from(milter, 7) : milter);
	if (refused) {
		rec_action(r, "smtp-reject", "email", "denied");
		rec_outcome(r, "failure");
	} else {
		rec_action(r, content ? "mail-cleanup" : "smtp-policy", "email", "info");
	}
}

/* "Subject: text": what may become a field does. */
static void put_header(struct record *r, struct str s)
{
	struct str name, value = s;

	if (!scan_until(&value, ':', &name))
		return;
	scan_blanks(&value);
	if (str_ieq(name, STR("Subject")))
		rec_str(r, F_EMAIL_SUBJECT, value);
	else if (str_ieq(name, STR("X-Mailer")) || str_ieq(name, STR("User-Agent")))
		rec_str(r, F_EMAIL_X_MAILER, value);
	rec_raw(r, "header", s);
}

/*
 * warning: header Subject: hello from mx7.example.org[192.0.2.7]; from=<a@b> to=<c@d> proto=ESMTP helo=<h>: text of the table
 *
 * The header is the sender's text and may look like all that follows it. Where more than one place does, none is believed.
 */
static enum format_result content_check(struct record *r, struct str part, struct str s)
{
	struct str rest, found_rest = {0}, head = {0};
	struct tail t, found = {0};
	struct postfix_peer peer, found_peer = {0};
	unsigned n = 0;

	for (size_t i = 0; i + 2 < s.len; i++) {
		const char *semi = memchr(s.p + i, ';', s.len - i);
		struct str before, p;
		ptrdiff_t blank;

		if (!semi)
			break;
		i = (size_t)(semi - s.p);
		before = str_sub(s, 0, i);
		blank = str_rchr(before, ' ');
		if (blank < 5 || !str_ends(str_sub(before, 0, (size_t)blank), STR(" from")))
			continue;
		p = str_from(before, (size_t)blank + 1);
		peer = (struct postfix_peer){0};
		if (!str_eq(p, STR("local")) && (!postfix_take_peer(&p, &peer) || p.len))
			continue;
		if (i + 2 < s.len && (s.p[i + 1] != ' ' || !read_tail(str_from(s, i + 2), &t, &rest)))
			continue;
		n++;
		head = str_sub(s, 0, (size_t)blank - 5);
		found = t;
		found_peer = peer;
		found_rest = rest;
	}
	rec_raw(r, "part", part);
	if (n != 1)
		return n ? FORMAT_MATCH : FORMAT_NO_MATCH;
	if (str_eq(part, STR("header")))
		put_header(r, head);
	else
		rec_raw_pair(r, part, head);
	if (found_peer.addr.len)
		postfix_put_source(r, &found_peer);
	put_tail(r, &found);
	postfix_take_reply(r, &found_rest);
	rec_str(r, F_EVENT_REASON, found_rest);
	return FORMAT_MATCH;
}

/* Of the answer of a filter that the proxy spoke to. */
static void put_queued_as(struct record *r, struct str reason)
{
	struct str id;

	if (scan_until_last(&reason, STR("queued as "), &id) && scan_word(&reason, &id))
		rec_str(r, F_POSTFIX_QUEUED_AS, id);
}

/* Behind "reject: " and alike. RCPT from unknown[192.0.2.7]: 550 5.1.1 ...; END-OF-MESSAGE from ...: 5.7.1 ... */
static enum format_result verdict(struct record *r, struct str action, struct str s)
{
	struct str stage, reason;
	struct tail t = {0};

	postfix_put_verdict(r, action,
			    str_starts(s, STR("header ")) || str_starts(s, STR("body ")) ||
				    str_starts(s, STR("mime-error ")) ||
				    (str_starts(action, STR("milter-")) && str_starts(s, STR("END-OF-MESSAGE "))));
	rec_str(r, F_NETWORK_PROTOCOL, STR("smtp"));
	if (scan_lit(&s, "header "))
		return content_check(r, STR("header"), s);
	if (scan_lit(&s, "body "))
		return content_check(r, STR("body"), s);
	if (scan_lit(&s, "mime-error "))
		return content_check(r, STR("mime-error"), s);
	if (!scan_until_str(&s, STR(" from "), &stage) || stage.len > 24)
		return FORMAT_NO_MATCH;
	for (size_t i = 0; i < stage.len; i++)
		if (!ch_alnum(stage.p[i]) && stage.p[i] != '-' && stage.p[i] != ' ' && stage.p[i] != '_')
			return FORMAT_NO_MATCH;
	if (!postfix_source(r, &s) || !scan_lit(&s, ": "))
		return FORMAT_NO_MATCH;
	rec_str(r, F_POSTFIX_STAGE, stage);
	postfix_take_reply(r, &s);
	if (!split_tail(s, &reason, &t)) {
		reason = s;
		if (reason.len && reason.p[reason.len - 1] == ';')
			reason.len--;
	}
	rec_str(r, F_EVENT_REASON, reason);
	if (str_ends(action, STR("-accept")))
		rec_outcome(r, "success");
	put_list(r, reason);
	put_tail(r, &t);
	if (str_starts(action, STR("proxy-")))
		put_queued_as(r, reason);
	return FORMAT_MATCH;
}

/* client=mx7.example.org[192.0.2.7]:1234, orig_queue_id=Q, orig_client=X, sasl_method=PLAIN, sasl_username=bob, sasl_sender=a@b */
static enum format_result accepted(struct record *r, struct str s)
{
	struct str v;
	struct postfix_peer p;
	bool login = false;

	if (!postfix_source(r, &s))
		return FORMAT_NO_MATCH;
	if (scan_lit(&s, ", orig_queue_id=")) {
		v = str_sub(s, 0, (size_t)(str_chr(s, ',') < 0 ? (ptrdiff_t)s.len : str_chr(s, ',')));
		rec_raw(r, "orig_queue_id", v);
		s = str_from(s, v.len);
	}
	if (scan_lit(&s, ", orig_client=")) {
		v = s;
		if (!postfix_take_peer(&s, &p))
			return FORMAT_NO_MATCH;
		rec_raw(r, "orig_client", str_sub(v, 0, v.len - s.len));
		if (str_is_ip(p.addr))
			rec_related_ip(r, p.addr);
		if (p.name.len && !str_eq(p.name, STR("unknown")))
			rec_related_host(r, p.name);
	}
	if (scan_lit(&s, ", sasl_method=")) {
		v = str_sub(s, 0, (size_t)(str_chr(s, ',') < 0 ? (ptrdiff_t)s.len : str_chr(s, ',')));
		rec_str(r, F_POSTFIX_SASL_METHOD, v);
		s = str_from(s, v.len);
		login = true;
	}
	if (scan_lit(&s, ", sasl_username=")) {
		v = s;
		if (scan_until_last(&s, STR(", sasl_sender="), &v))
			rec_raw(r, "sasl_sender", s);
		put_sasl_user(r, v);
		login = true;
	} else if (scan_lit(&s, ", sasl_sender=")) {
		rec_raw(r, "sasl_sender", s);
	} else if (s.len) {
		return FORMAT_NO_MATCH;
	}
	rec_action(r, "mail-accepted", "email", "info");
	if (login)
		rec_outcome(r, "success");
	postfix_said_by(r, "smtpd");
	return FORMAT_MATCH;
}

enum format_result postfix_smtpd_queue(struct record *r, struct str s)
{
	struct str word;
	size_t n = 0;

	if (scan_lit(&s, "client="))
		return accepted(r, s);
	/* cleanup: replace: header Subject: ...; smtpd: reject: RCPT from ... */
	while (n < s.len && n < 32 && (ch_alpha(s.p[n]) || s.p[n] == '-' || s.p[n] == '_'))
		n++;
	if (n < 2 || n + 2 >= s.len || s.p[n] != ':' || s.p[n + 1] != ' ')
		return FORMAT_NO_MATCH;
	word = str_sub(s, 0, n);
	return verdict(r, word, str_from(s, n + 2));
}

/* ---- smtpd without a queue id ---- */

/* connect from mx7.example.org[192.0.2.7] */
static enum format_result connected(struct record *r, struct str s)
{
	if (!postfix_source(r, &s) || s.len)
		return FORMAT_NO_MATCH;
	rec_action(r, "smtp-connect", "email", "connection");
	postfix_said_by(r, "smtpd");
	return FORMAT_MATCH;
}

/* disconnect from unknown[192.0.2.7] ehlo=1 auth=0/1 quit=1 commands=2/3 */
static enum format_result disconnected(struct record *r, struct str s)
{
	struct map *counts = NULL;
	struct str k, v;

	if (!postfix_source(r, &s))
		return FORMAT_NO_MATCH;
	for (unsigned i = 0; i < 24 && scan_ch(&s, ' '); i++) {
		if (!scan_pair(&s, &k, &v) || v.len == 0 || !ch_digit(v.p[0]))
			return FORMAT_NO_MATCH;
		if (!counts)
			counts = map_new(r->arena, 8);
		map_set(r->arena, counts, key_make(k), v_str(v));
	}
	if (s.len)
		return FORMAT_NO_MATCH;
	if (counts)
		rec_value(r, F_POSTFIX_COMMAND_COUNTS, v_map(counts));
	rec_action(r, "smtp-disconnect", "email", "end");
	postfix_said_by(r, "smtpd");
	return FORMAT_MATCH;
}

/*
 * Behind "lost connection after " and alike: "DATA (1432 bytes) from unknown[192.0.2.7]"; of pipelining ": EHLO x\r\n" follows.
 */
static bool stage_and_peer(struct record *r, struct str *s)
{
	struct str stage, bytes;

	if (!scan_until_str(s, STR(" from "), &stage) || stage.len > 64)
		return false;
	bytes = stage;
	if (scan_until_str(&bytes, STR(" ("), &stage) && str_ends(bytes, STR(" bytes)")))
		rec_raw(r, "bytes", str_sub(bytes, 0, bytes.len - 7));
	rec_str(r, F_POSTFIX_STAGE, stage);
	return postfix_source(r, s);
}

static enum format_result ended(struct record *r, struct str s, const char *action, const char *reason)
{
	if (!stage_and_peer(r, &s) || (s.len && !scan_ch(&s, ':')))
		return FORMAT_NO_MATCH;
	scan_blanks(&s);
	rec_str(r, F_EVENT_REASON, str_z(reason));
	rec_raw(r, "text", s);
	rec_action(r, action, "email", strcmp(action, "smtp-warning") == 0 ? "info" : "end");
	postfix_said_by(r, "smtpd");
	return FORMAT_MATCH;
}

/* proxy-accept: END-OF-MESSAGE: 250 2.0.0 Ok: queued as 3F2A1B004C; from=<a@b> to=<c@d> proto=ESMTP helo=<h> */
static enum format_result proxied(struct record *r, struct str action, struct str s)
{
	struct str stage, reason;
	struct tail t = {0};

	if (!scan_until_str(&s, STR(": "), &stage) || stage.len > 24)
		return FORMAT_NO_MATCH;
	postfix_put_verdict(r, action, false);
	if (str_ends(action, STR("-accept")))
		rec_outcome(r, "success");
	rec_str(r, F_POSTFIX_STAGE, stage);
	postfix_take_reply(r, &s);
	if (!split_tail(s, &reason, &t))
		return FORMAT_NO_MATCH;
	rec_str(r, F_EVENT_REASON, reason);
	put_tail(r, &t);
	put_queued_as(r, reason);
	postfix_said_by(r, "smtpd");
	return FORMAT_MATCH;
}

enum format_result postfix_smtpd_line(struct record *r, struct str s)
{
	switch (s.p[0]) {
	case 'c':
		if (scan_lit(&s, "connect from "))
			return connected(r, s);
		break;
	case 'd':
		if (scan_lit(&s, "disconnect from "))
			return disconnected(r, s);
		break;
	case 'l':
		if (scan_lit(&s, "lost connection after "))
			return ended(r, s, "smtp-lost-connection", "lost connection");
		break;
	case 't':
		if (scan_lit(&s, "timeout after "))
			return ended(r, s, "smtp-timeout", "timeout");
		if (scan_lit(&s, "too many errors after "))
			return ended(r, s, "smtp-warning", "too many errors");
		break;
	case 'i':
		if (scan_lit(&s, "improper command pipelining after "))
			return ended(r, s, "smtp-warning", "improper command pipelining");
		break;
	case 'p':
		if (scan_lit(&s, "proxy-accept: "))
			return proxied(r, STR("proxy-accept"), s);
		if (scan_lit(&s, "proxy-reject: "))
			return proxied(r, STR("proxy-reject"), s);
		break;
	case 'b':
		/* Postfix 3.9: bare <LF> received after DATA (27 bytes) from unknown[192.0.2.7] */
		if (scan_lit(&s, "bare <LF> received after "))
			return ended(r, s, "smtp-warning", "bare <LF> received");
		break;
	default:
		break;
	}
	return FORMAT_NO_MATCH;
}

/* ---- warnings ---- */

/* Behind "hostname ": other.example.org does not resolve to address 192.0.2.7: Name or service not known */
static enum format_result hostname(struct record *r, struct str s)
{
	struct str name, ip;

	if (!scan_word(&s, &name) || !scan_lit(&s, " does not resolve to address ") || !scan_ip(&s, &ip) ||
	    !rec_ip(r, F_SOURCE_IP, ip))
		return FORMAT_NO_MATCH;
	rec_str(r, F_SOURCE_ADDRESS, ip);
	rec_host(r, F_SOURCE_DOMAIN, name);
	if (scan_lit(&s, ": "))
		rec_str(r, F_EVENT_REASON, s);
	rec_action(r, "smtp-hostname-mismatch", "email", "info");
	postfix_said_by(r, "smtpd");
	return FORMAT_MATCH;
}

/* Behind "unknown[192.0.2.7]: SASL ": LOGIN authentication failed: (reason unavailable), sasl_username=admin0 */
static enum format_result sasl(struct record *r, struct str s)
{
	struct str method, reason;

	if (!scan_word(&s, &method) || !scan_lit(&s, " authentication "))
		return FORMAT_NO_MATCH;
	rec_str(r, F_POSTFIX_SASL_METHOD, method);
	rec_action(r, "smtp-auth", "authentication", "info");
	rec_outcome(r, "failure");
	postfix_said_by(r, "smtpd");
	if (scan_lit(&s, "aborted")) {
		rec_str(r, F_EVENT_REASON, STR("aborted"));
		return FORMAT_MATCH;
	}
	if (!scan_lit(&s, "failed"))
		return FORMAT_NO_MATCH;
	/* The reason may be empty, and the header's parser takes a blank at the end away. */
	if (!scan_lit(&s, ": "))
		return s.len && !str_eq(s, STR(":")) ? FORMAT_NO_MATCH : FORMAT_MATCH;
	reason = s;
	/* What the client named itself may hold anything, so the first place counts. "(unavailable)" is Postfix's word for no name. */
	if (scan_until_str(&s, STR(", sasl_username="), &reason) && !str_eq(s, STR("(unavailable)")))
		put_sasl_user(r, s);
	rec_str(r, F_EVENT_REASON, reason);
	return FORMAT_MATCH;
}

static enum format_result client_warning(struct record *r, struct str reason)
{
	rec_str(r, F_EVENT_REASON, reason);
	rec_action(r, "smtp-warning", "email", "info");
	return FORMAT_MATCH;
}

/* Connection rate limit exceeded: 11 from unknown[192.0.2.7] for service smtp */
static enum format_result limit(struct record *r, struct str s)
{
	struct str what, count;

	if (!scan_until_str(&s, STR(" limit exceeded: "), &what) || !scan_digits(&s, 10, &count) ||
	    !scan_lit(&s, " from ") || !postfix_source(r, &s))
		return FORMAT_NO_MATCH;
	rec_raw(r, "count", count);
	if (scan_lit(&s, " for service "))
		rec_raw(r, "service", s);
	return client_warning(r, str_n(what.p, what.len + sizeof(" limit exceeded") - 1));
}

/* Illegal address syntax from unknown[192.0.2.7] in MAIL command: <x> */
static enum format_result illegal_address(struct record *r, struct str s)
{
	struct str stage;

	if (!postfix_source(r, &s) || !scan_lit(&s, " in ") || !scan_word(&s, &stage) || !scan_lit(&s, " command: "))
		return FORMAT_NO_MATCH;
	rec_str(r, F_POSTFIX_STAGE, stage);
	rec_raw(r, "text", s);
	return client_warning(r, STR("Illegal address syntax"));
}

/* non-SMTP command from unknown[192.0.2.7]: GET / HTTP/1.1 */
static enum format_result non_smtp(struct record *r, struct str s)
{
	if (!postfix_source(r, &s) || !scan_lit(&s, ": "))
		return FORMAT_NO_MATCH;
	rec_raw(r, "text", s);
	return client_warning(r, STR("non-SMTP command"));
}

/* 192.0.2.7: hostname x.example.org verification failed: Name or service not known; 192.0.2.7: address not listed for hostname x.example.org */
static enum format_result old_hostname(struct record *r, struct str s)
{
	struct str ip, name;

	if (!scan_ip(&s, &ip) || !scan_lit(&s, ": "))
		return FORMAT_NO_MATCH;
	if (scan_lit(&s, "hostname ")) {
		if (!scan_word(&s, &name) || !scan_lit(&s, " verification failed: "))
			return FORMAT_NO_MATCH;
		rec_str(r, F_EVENT_REASON, s);
	} else if (!scan_lit(&s, "address not listed for hostname ") || !scan_word(&s, &name)) {
		return FORMAT_NO_MATCH;
	}
	rec_ip(r, F_SOURCE_IP, ip);
	rec_str(r, F_SOURCE_ADDRESS, ip);
	rec_host(r, F_SOURCE_DOMAIN, name);
	rec_action(r, "smtp-hostname-mismatch", "email", "info");
	return FORMAT_MATCH;
}

/* "dnsblog reply timeout 10s for zen.example.org" */
static enum format_result dnsblog_timeout(struct record *r, struct str s)
{
	struct str seconds;

	if (!scan_until_str(&s, STR("s for "), &seconds))
		return FORMAT_NO_MATCH;
	rec_raw(r, "seconds", seconds);
	rec_str(r, F_RULE_RULESET, s);
	rec_str(r, F_ERROR_MESSAGE, STR("dnsblog reply timeout"));
	rec_action(r, "daemon-message", "email", "error");
	return FORMAT_MATCH;
}

enum format_result postfix_smtpd_warning(struct record *r, struct str s)
{
	struct str t = s;

	switch (s.len ? s.p[0] : 0) {
	case 'h':
		if (scan_lit(&t, "hostname "))
			return hostname(r, t);
		break;
	case 'I':
		if (scan_lit(&t, "Illegal address syntax from "))
			return illegal_address(r, t);
		break;
	case 'n':
		if (scan_lit(&t, "non-SMTP command from "))
			return non_smtp(r, t);
		break;
	case 'd':
		if (scan_lit(&t, "dnsblog reply timeout "))
			return dnsblog_timeout(r, t);
		break;
	case 'C':
	case 'M':
	case 'R':
	case 'N':
	case 'A':
		if (limit(r, t) == FORMAT_MATCH)
			return FORMAT_MATCH;
		break;
	case 'S':
		/*
		 * SASL authentication failure: Password verification failed
		 *
		 * What Cyrus SASL has to say beside an attempt, through its log callback; of each attempt that fails smtpd itself tells with the client's name. So
		 * this is no failure of its own (and "problem", of the configuration, may come without any).
		 */
		if (scan_lit(&t, "SASL authentication failure: ") || scan_lit(&t, "SASL authentication problem: ")) {
			rec_str(r, F_EVENT_REASON, t);
			rec_action(r, "smtp-warning", "authentication", "info");
			return FORMAT_MATCH;
		}
		break;
	default:
		break;
	}
	if (ch_xdigit(s.len ? s.p[0] : 0) && old_hostname(r, s) == FORMAT_MATCH)
		return FORMAT_MATCH;
	t = s;
	/* unknown[192.0.2.7]: SASL LOGIN authentication failed: ... */
	if (!postfix_source(r, &t))
		return FORMAT_NO_MATCH;
	/* unknown[192.0.2.7] sent message header instead of SMTP command: From: x */
	if (scan_lit(&t, " sent ")) {
		s = t;
		if (scan_until_str(&t, STR(": "), &s))
			rec_raw(r, "text", t);
		return client_warning(r, s);
	}
	if (!scan_lit(&t, ": "))
		return FORMAT_NO_MATCH;
	if (scan_lit(&t, "SASL "))
		return sasl(r, t);
	return client_warning(r, t);
}
