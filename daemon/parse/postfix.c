/*
 * postfix.c - Postfix 3.4 to 3.10: which of its daemons said it, and what they have in common.
 *
 *	postfix/submission/smtpd[548]: 9AA611A804C: client=mx7.example.org[192.0.2.7], sasl_method=PLAIN, sasl_username=bob
 *	        service  daemon        queue id     what happened
 *
 * The last part of the program's name is the daemon. rsyslog may have cut it off at the '/': then the text itself decides, which it nearly always can.
 */
#include "parse/postfix.h"

/* ---- small things ---- */

bool postfix_take_peer(struct str *s, struct postfix_peer *p)
{
	struct str t = *s, name;
	bool colon = false;
	ptrdiff_t end;
	size_t n = 0;

	while (n < t.len && t.p[n] != '[') {
		if (t.p[n] == ' ' || t.p[n] == ',' || t.p[n] == ';' || t.p[n] == ']')
			return false;
		colon |= t.p[n++] == ':';
	}
	name = str_sub(t, 0, n);
	/* "2001:db8::25[2001:db8::25]:25": a next hop that is no name. */
	if (colon && !str_is_ip(name))
		return false;
	t = str_from(t, n + 1);
	end = str_chr(t, ']');
	if (n == s->len || end <= 0)
		return false;
	p->name = name;
	p->addr = str_sub(t, 0, (size_t)end);
	p->port = (struct str){t.p, 0};
	t = str_from(t, (size_t)end + 1);
	if (t.len > 1 && t.p[0] == ':' && ch_digit(t.p[1])) {
		t = str_from(t, 1);
		scan_digits(&t, 5, &p->port);
	}
	*s = t;
	return true;
}

static bool unknown(struct str s)
{
	return s.len == 0 || str_eq(s, STR("unknown"));
}

/* "127.0.0.1[127.0.0.1]" has no name either. */
static bool named(const struct postfix_peer *p)
{
	return !unknown(p->name) && !str_eq(p->name, p->addr);
}

void postfix_said_by(struct record *r, const char *daemon)
{
	rec_str(r, F_EVENT_PROVIDER, str_z(daemon));
	rec_str(r, F_NETWORK_PROTOCOL, STR("smtp"));
}

void postfix_put_source(struct record *r, const struct postfix_peer *p)
{
	if (named(p))
		rec_host(r, F_SOURCE_DOMAIN, p->name);
	if (!unknown(p->addr)) {
		if (rec_ip(r, F_SOURCE_IP, p->addr))
			rec_str(r, F_NETWORK_TRANSPORT, STR("tcp"));
		rec_str(r, F_SOURCE_ADDRESS, p->addr);
	}
	if (p->port.len)
		rec_num(r, F_SOURCE_PORT, p->port);
}

void postfix_put_destination(struct record *r, const struct postfix_peer *p)
{
	if (named(p))
		rec_host(r, F_DESTINATION_DOMAIN, p->name);
	if (!unknown(p->addr)) {
		if (rec_ip(r, F_DESTINATION_IP, p->addr))
			rec_str(r, F_NETWORK_TRANSPORT, STR("tcp"));
		rec_str(r, F_DESTINATION_ADDRESS, p->addr);
	}
	if (p->port.len)
		rec_num(r, F_DESTINATION_PORT, p->port);
}

bool postfix_source(struct record *r, struct str *s)
{
	struct postfix_peer p;

	if (!postfix_take_peer(s, &p))
		return false;
	postfix_put_source(r, &p);
	return true;
}

bool postfix_destination(struct record *r, struct str *s)
{
	struct postfix_peer p;

	if (!postfix_take_peer(s, &p))
		return false;
	postfix_put_destination(r, &p);
	return true;
}

bool postfix_take_angle(struct str *s, struct str *out)
{
	bool quoted = false;

	if (s->len < 2 || s->p[0] != '<')
		return false;
	for (size_t i = 1; i < s->len; i++) {
		char c = s->p[i];

		if (c == '\\' && quoted) {
			i++;
		} else if (c == '"') {
			quoted = !quoted;
		} else if (c == '>' && !quoted) {
			*out = str_sub(*s, 1, i - 1);
			*s = str_from(*s, i + 1);
			return true;
		}
	}
	return false;
}

/* What an id is made of; 0: nothing that could be in one. */
enum { ID_DIGIT = 1, ID_UPPER = 2, ID_LOWER = 4 };

static uint8_t id_class(char c)
{
	if (ch_digit(c))
		return ID_DIGIT;
	if (!ch_alpha(c))
		return 0;
	return c & 32 ? ID_LOWER : ID_UPPER;
}

/*
 * A short one is upper-case hexadecimal: microseconds (5) and the inode number. A long one is of both cases: seconds and microseconds (10), a 'z', the inode
 * number. Ids of relays that speak like Postfix are let pass; words ("warning: ") have no digit.
 */
bool postfix_take_queue_id(struct str *s, struct str *id)
{
	uint8_t has = 0, k;
	size_t n = 0;

	while (n < s->len && n < 32 && s->p[n] != ':') {
		k = id_class(s->p[n]);
		if (!k)
			return false;
		has |= k;
		n++;
	}
	if (n + 2 > s->len || s->p[n] != ':' || s->p[n + 1] != ' ' || !(has & ID_DIGIT))
		return false;
	if (has & ID_LOWER ? n < 8 || !(has & ID_UPPER) : n < 6)
		return false;
	*id = str_sub(*s, 0, n);
	*s = str_from(*s, n + 2);
	return true;
}

static bool is_dsn(struct str w)
{
	return w.len >= 5 && w.len <= 9 && (w.p[0] == '2' || w.p[0] == '4' || w.p[0] == '5') && w.p[1] == '.' &&
	       ch_digit(w.p[2]) && ch_digit(w.p[w.len - 1]) && str_chr(str_from(w, 3), '.') >= 0;
}

void postfix_take_reply(struct record *r, struct str *s)
{
	struct str t = *s, w;

	if (t.len > 3 && ch_digit(t.p[0]) && ch_digit(t.p[1]) && ch_digit(t.p[2]) && (t.p[3] == ' ' || t.p[3] == '-')) {
		rec_str(r, F_ERROR_CODE, str_sub(t, 0, 3));
		t = str_from(t, 4);
		*s = t;
	}
	if (scan_word(&t, &w) && is_dsn(w)) {
		rec_str(r, F_POSTFIX_DSN, w);
		scan_blanks(&t);
		*s = t;
	}
}

/* ---- who ---- */

static const struct {
	struct str name;
	enum postfix_daemon d;
} daemons[] = {
	{STR_INIT("smtpd"), POSTFIX_SMTPD},
	{STR_INIT("qmgr"), POSTFIX_QMGR},
	{STR_INIT("cleanup"), POSTFIX_CLEANUP},
	{STR_INIT("smtp"), POSTFIX_SMTP},
	{STR_INIT("local"), POSTFIX_FULL},
	{STR_INIT("postscreen"), POSTFIX_POSTSCREEN},
	{STR_INIT("dnsblog"), POSTFIX_FULL},
	{STR_INIT("lmtp"), POSTFIX_LMTP},
	{STR_INIT("pipe"), POSTFIX_FULL},
	{STR_INIT("virtual"), POSTFIX_FULL},
	{STR_INIT("bounce"), POSTFIX_FULL},
	{STR_INIT("defer"), POSTFIX_FULL},
	{STR_INIT("trace"), POSTFIX_FULL},
	{STR_INIT("pickup"), POSTFIX_FULL},
	{STR_INIT("anvil"), POSTFIX_FULL},
	{STR_INIT("scache"), POSTFIX_FULL},
	{STR_INIT("error"), POSTFIX_FULL},
	{STR_INIT("retry"), POSTFIX_FULL},
	{STR_INIT("discard"), POSTFIX_FULL},
	{STR_INIT("oqmgr"), POSTFIX_QMGR},
	{STR_INIT("nqmgr"), POSTFIX_QMGR},
	{STR_INIT("relay"), POSTFIX_SMTP},
	{STR_INIT("smtps"), POSTFIX_SMTPD},
	{STR_INIT("submission"), POSTFIX_SMTPD},
	{STR_INIT("tlsproxy"), POSTFIX_OTHER},
	{STR_INIT("trivial-rewrite"), POSTFIX_OTHER},
	{STR_INIT("rewrite"), POSTFIX_OTHER},
	{STR_INIT("verify"), POSTFIX_OTHER},
	{STR_INIT("master"), POSTFIX_OTHER},
	{STR_INIT("proxymap"), POSTFIX_OTHER},
	{STR_INIT("proxywrite"), POSTFIX_OTHER},
	{STR_INIT("postfix-script"), POSTFIX_OTHER},
	{STR_INIT("postsuper"), POSTFIX_OTHER},
	{STR_INIT("postdrop"), POSTFIX_OTHER},
	{STR_INIT("sendmail"), POSTFIX_OTHER},
	{STR_INIT("flush"), POSTFIX_OTHER},
	{STR_INIT("showq"), POSTFIX_OTHER},
	{STR_INIT("tlsmgr"), POSTFIX_OTHER},
	{STR_INIT("spawn"), POSTFIX_OTHER},
	{STR_INIT("postlogd"), POSTFIX_OTHER},
	{STR_INIT("postqueue"), POSTFIX_OTHER},
	{STR_INIT("postmap"), POSTFIX_OTHER},
	{STR_INIT("postalias"), POSTFIX_OTHER},
	{STR_INIT("postconf"), POSTFIX_OTHER},
	{STR_INIT("postmulti"), POSTFIX_OTHER},
	{STR_INIT("postcat"), POSTFIX_OTHER},
	{STR_INIT("postkick"), POSTFIX_OTHER},
	{STR_INIT("postlock"), POSTFIX_OTHER},
	{STR_INIT("postlog"), POSTFIX_OTHER},
	{STR_INIT("qmqpd"), POSTFIX_OTHER},
	{STR_INIT("postfix"), POSTFIX_OTHER},
	{STR_INIT("postmulti-script"), POSTFIX_OTHER},
	{STR_INIT("postfix-tls-script"), POSTFIX_OTHER},
	{STR_INIT("posttls-finger"), POSTFIX_OTHER},
	{STR_INIT("nbdb_reindexd"), POSTFIX_OTHER},
};

static enum postfix_daemon daemon_of(struct str program)
{
	ptrdiff_t at = str_rchr(program, '/');
	struct str last = at < 0 ? program : str_from(program, (size_t)at + 1);

	if (at < 0)
		return POSTFIX_ANY;
	for (size_t i = 0; i < sizeof(daemons) / sizeof(*daemons); i++)
		if (str_eq(last, daemons[i].name))
			return daemons[i].d;
	return POSTFIX_NONE;
}

/* ---- lines of many daemons ---- */

static enum format_result daemon_message(struct record *r)
{
	rec_action(r, "daemon-message", "email", "info");
	return FORMAT_MATCH;
}

/* "retained=0 dropped=2 entries", "hits=0 miss=2 success=0%": each pair under its name. */
static void raw_pairs(struct record *r, struct str s)
{
	struct str k, v;

	for (; s.len; scan_blanks(&s)) {
		if (scan_pair(&s, &k, &v)) {
			while (v.len && (v.p[v.len - 1] == ',' || v.p[v.len - 1] == '%'))
				v.len--;
			if (k.len < 40)
				rec_raw_pair(r, k, v);
		} else if (!scan_word(&s, &v)) {
			break;
		}
	}
}

/* statistics: max connection rate 1/60s for (smtp:192.0.2.7) at Nov 23 07:59:44 */
static enum format_result statistics(struct record *r, struct str s)
{
	struct str kind, value, who, service;

	rec_action(r, "mail-statistics", "email", "info");
	if (scan_lit(&s, "max ")) {
		struct str all = s;

		if (scan_lit(&s, "simultaneous ")) {
			raw_pairs(r, s);
			return FORMAT_MATCH;
		}
		if (!scan_until_str(&s, STR(" for ("), &kind)) {
			if (!scan_until_str(&all, STR(" at "), &kind))
				return FORMAT_NO_MATCH;
			rec_raw(r, "at", all);
		} else if (scan_until(&s, ')', &who)) {
			struct str whole = who;

			/* smtp:192.0.2.7, submission:2001:db8::7, 127.0.0.1:2525:192.0.2.7 */
			if (scan_until(&who, ':', &service)) {
				if (str_is_ip(service))
					(void)scan_until(&who, ':', &service);
				rec_raw(r, "service", str_sub(whole, 0, whole.len - who.len - 1));
			}
			if (!unknown(who)) {
				rec_ip(r, F_SOURCE_IP, who);
				rec_str(r, F_SOURCE_ADDRESS, who);
			}
			if (scan_lit(&s, " at "))
				rec_raw(r, "at", s);
		}
		if (scan_until_last(&kind, STR(" "), &value)) {
			rec_raw(r, "statistic", value);
			rec_raw(r, "value", kind);
		}
		return FORMAT_MATCH;
	}
	/* statistics: start interval Nov 23 07:55:21; statistics: domain lookup hits=0 miss=2 success=0% */
	if (scan_lit(&s, "start interval "))
		rec_raw(r, "interval_start", s);
	else if (scan_lit(&s, "domain lookup "))
		rec_raw(r, "statistic", STR("domain lookup"));
	else if (scan_lit(&s, "address lookup "))
		rec_raw(r, "statistic", STR("address lookup"));
	else
		return FORMAT_NO_MATCH;
	raw_pairs(r, s);
	return FORMAT_MATCH;
}

/* addr 185.137.111.145 listed by domain zen.dnsbl-lab.org as 127.0.0.4 */
static enum format_result dnsblog(struct record *r, struct str s)
{
	struct str ip, zone;

	if (!scan_until_str(&s, STR(" listed by domain "), &ip) || !rec_ip(r, F_SOURCE_IP, ip) || !scan_word(&s, &zone))
		return FORMAT_NO_MATCH;
	rec_str(r, F_SOURCE_ADDRESS, ip);
	rec_str(r, F_RULE_RULESET, zone);
	if (scan_lit(&s, " as "))
		rec_raw(r, "dnsbl_answer", s);
	rec_action(r, "dnsbl-listed", "email", "info");
	rec_str(r, F_EVENT_PROVIDER, STR("dnsblog"));
	return FORMAT_MATCH;
}

/*
 * A server beside the mail's way that did not do:
 *	connect to Milter service inet:127.0.0.1:8891: Connection refused
 *	connect to 127.0.0.1:10023: Connection refused
 *	problem talking to server 127.0.0.1:10023: Connection timed out
 *	milter inet:localhost:11332: can't read SMFIC_CONNECT reply packet header: Success
 */
static bool helper_server(struct record *r, struct str s)
{
	struct str where, host, port;

	if (!scan_lit(&s, "connect to Milter service ") && !scan_lit(&s, "problem talking to server ") &&
	    !scan_lit(&s, "milter ") && !scan_lit(&s, "connect to "))
		return false;
	if (!scan_until_str(&s, STR(": "), &where) || str_chr(where, ' ') >= 0)
		return false;
	rec_str(r, F_EVENT_REASON, s);
	rec_str(r, F_DESTINATION_ADDRESS, where);
	scan_lit(&where, "inet:");
	port = where;
	if (scan_until_last(&port, STR(":"), &host) && port.len && port.len <= 5 && ch_digit(port.p[0])) {
		if (!rec_ip(r, F_DESTINATION_IP, host))
			rec_host(r, F_DESTINATION_DOMAIN, host);
		rec_num(r, F_DESTINATION_PORT, port);
	}
	return true;
}

/* "... Name service error for name=mx.example.org type=AAAA: Host not found, try again": what was looked up. */
void postfix_put_lookup(struct record *r, struct str s)
{
	struct str head, name, type;

	if (!scan_until_str(&s, STR("Name service error for name="), &head) || !scan_until_str(&s, STR(" type="), &name) ||
	    !scan_until(&s, ':', &type) || !str_is_name(name) || !str_is_name(type))
		return;
	rec_name(r, F_DNS_QUESTION_NAME, name);
	rec_str(r, F_DNS_QUESTION_TYPE, type);
}

/* master: process /usr/lib/postfix/sbin/smtpd pid 4711 exit status 1; process ... pid 4711 killed by signal 11 */
static bool child_gone(struct record *r, struct str s)
{
	struct str program, pid, how;

	if (!scan_lit(&s, "process ") || !scan_until_str(&s, STR(" pid "), &program) || !scan_digits(&s, 10, &pid))
		return false;
	how = s;
	if (scan_lit(&s, " exit status "))
		rec_raw(r, "exit_status", s);
	else if (scan_lit(&s, " killed by signal "))
		rec_raw(r, "signal", s);
	else
		return false;
	rec_raw(r, "child", program);
	rec_raw(r, "child_pid", pid);
	rec_str(r, F_EVENT_REASON, str_from(how, 1));
	return true;
}

/*
 * What a daemon of the system itself complains of.
 *	warning: dnsblog_query: lookup error for DNS query 145.111.137.185.bl.example.org: Host or domain name not found
 *	warning: 145.111.137.185.bl.example.org: RBL lookup error: Host or domain name not found
 */
static enum format_result complaint(struct record *r, struct str s)
{
	struct str t = s, name, next_hop;

	rec_str(r, F_ERROR_MESSAGE, s);
	if (scan_lit(&t, "TLS library problem: ")) {
		/* error:14094410:SSL routines:ssl3_read_bytes:... */
		if (scan_lit(&t, "error:") && scan_hex(&t, &name))
			rec_str(r, F_ERROR_CODE, name);
		rec_action(r, "smtp-tls", "email", "error");
		rec_outcome(r, "failure");
		return FORMAT_MATCH;
	}
	if (scan_lit(&t, "dnsblog_query: lookup error for DNS query ")) {
		if (scan_until(&t, ':', &name))
			rec_name(r, F_DNS_QUESTION_NAME, name);
	} else if (scan_lit(&t, "TLS policy lookup for ")) {
		/* example.org/mx.example.org: client TLS configuration problem */
		if (scan_until(&t, '/', &next_hop) && scan_until_str(&t, STR(": "), &name) && str_is_name(name)) {
			rec_raw(r, "next_hop", next_hop);
			rec_name(r, F_DESTINATION_DOMAIN, name);
			rec_str(r, F_EVENT_REASON, t);
		}
	} else if (scan_until(&t, ':', &name) && scan_lit(&t, " RBL lookup error: ") && str_is_name(name)) {
		rec_name(r, F_DNS_QUESTION_NAME, name);
		rec_str(r, F_EVENT_REASON, t);
	} else if (!child_gone(r, s)) {
		(void)helper_server(r, s);
	}
	postfix_put_lookup(r, s);
	rec_action(r, "daemon-message", "email", "error");
	return FORMAT_MATCH;
}

/* Behind "warning: ", "error: ", "fatal: ", "panic: ". */
static enum format_result level(struct record *r, enum postfix_daemon d, const char *word, struct str s)
{
	struct str id;

	rec_str(r, F_LOG_LEVEL, str_z(word));
	/* warning: 9AA611A804C: queue file size limit exceeded */
	if (postfix_take_queue_id(&s, &id)) {
		rec_str(r, F_POSTFIX_QUEUE_ID, id);
		rec_str(r, F_EMAIL_LOCAL_ID, id);
	} else if (d == POSTFIX_SMTPD || d == POSTFIX_ANY || d == POSTFIX_POSTSCREEN) {
		struct record_mark m = rec_mark(r);

		if (postfix_smtpd_warning(r, s) == FORMAT_MATCH)
			return FORMAT_MATCH;
		rec_reset(r, m);
	} else if (d == POSTFIX_SMTP || d == POSTFIX_LMTP) {
		struct record_mark m = rec_mark(r);

		if (postfix_smtp_line(r, s) == FORMAT_MATCH)
			return FORMAT_MATCH;
		rec_reset(r, m);
	}
	return complaint(r, s);
}

/*
 * tlsproxy: CONNECT from [192.0.2.7]:53211; DISCONNECT [192.0.2.7]:53211; TLS handshake failed for service=smtpd peer=[192.0.2.7]:53211
 * It serves smtpd and smtp alike: a peer at port 25 is a server that was connected to.
 */
static bool tlsproxy(struct record *r, struct str s)
{
	struct postfix_peer p;
	struct str service;

	if (scan_lit(&s, "CONNECT from ") && postfix_source(r, &s)) {
		rec_action(r, "smtp-connect", "email", "connection");
	} else if (scan_lit(&s, "CONNECT to ") && postfix_destination(r, &s)) {
		rec_action(r, "smtp-connect", "email", "connection");
	} else if (scan_lit(&s, "DISCONNECT ") && postfix_take_peer(&s, &p)) {
		if (str_eq(p.port, STR("25")))
			postfix_put_destination(r, &p);
		else
			postfix_put_source(r, &p);
		rec_action(r, "smtp-disconnect", "email", "end");
	} else if (scan_lit(&s, "TLS handshake failed for service=") && scan_until_str(&s, STR(" peer="), &service) &&
		   postfix_source(r, &s)) {
		rec_raw(r, "service", service);
		rec_action(r, "smtp-tls", "email", "error");
		rec_outcome(r, "failure");
	} else {
		return false;
	}
	return true;
}

/* Lines that nobody's parser is for; false: not even that. */
static bool common(struct record *r, struct str s)
{
	struct str head, version, n;

	/* table hash:/etc/postfix/access(0,lock|fold_fix) has changed -- restarting */
	if (scan_lit(&s, "table ")) {
		if (!scan_until_str(&s, STR(" has changed -- "), &head))
			return false;
		rec_raw(r, "table", head);
		return true;
	}
	/* cache btree:/var/lib/postfix/postscreen_cache full cleanup: retained=0 dropped=0 entries */
	if (scan_lit(&s, "cache ")) {
		if (!scan_until_str(&s, STR(" full cleanup: "), &head))
			return false;
		rec_raw(r, "table", head);
		raw_pairs(r, s);
		return true;
	}
	/* daemon started -- version 3.7.11, configuration /etc/postfix */
	if (scan_lit(&s, "daemon started -- version ") || scan_lit(&s, "reload -- version ")) {
		if (scan_until(&s, ',', &version))
			rec_str(r, F_SERVICE_VERSION, version);
		if (scan_lit(&s, " configuration "))
			rec_raw(r, "configuration", s);
		return true;
	}
	/* terminating on signal 15; Deleted: 12 messages; the Postfix mail system is running: PID: 95072 */
	if (scan_lit(&s, "terminating on signal ")) {
		rec_raw(r, "signal", s);
		return true;
	}
	if (scan_lit(&s, "the Postfix mail system is running: PID: ")) {
		rec_raw(r, "master_pid", s);
		return true;
	}
	version = s;
	if (scan_until_str(&version, STR(": "), &head) && scan_digits(&version, 9, &n) &&
	    (str_eq(version, STR(" message")) || str_eq(version, STR(" messages")))) {
		rec_raw(r, "operation", head);
		rec_raw(r, "messages", n);
		return true;
	}
	return scan_lit(&s, "Postfix is using backwards-compatible default settings") ||
	       scan_lit(&s, "Postfix is running with backwards-compatible default settings") ||
	       scan_lit(&s, "See http") || scan_lit(&s, "To disable backwards compatibility use ") ||
	       scan_lit(&s, "initializing the ") || scan_lit(&s, "close database ") ||
	       scan_lit(&s, "starting the Postfix mail system") ||
	       scan_lit(&s, "stopping the Postfix mail system") || scan_lit(&s, "refreshing the Postfix mail system") ||
	       scan_lit(&s, "using backwards-compatible default setting ");
}

/* ---- the line ---- */

/* smtp_header_checks: "replace: header Received: from a by b: Received: from c" has neither client nor addresses. */
static bool client_check(struct record *r, struct str s)
{
	struct str action;

	if (!scan_until_str(&s, STR(": "), &action) || !str_is_name(action) || !scan_lit(&s, "header "))
		return false;
	rec_str(r, F_POSTFIX_ACTION, action);
	rec_raw(r, "part", STR("header"));
	rec_raw(r, "header", s);
	rec_action(r, "mail-cleanup", "email", "info");
	return true;
}

static enum format_result queue_line(struct record *r, enum postfix_daemon d, struct str s)
{
	struct record_mark m = rec_mark(r);
	enum format_result got = FORMAT_NO_MATCH;
	struct str t = s, word = {0};

	if (d != POSTFIX_SMTPD && d != POSTFIX_POSTSCREEN)
		got = postfix_delivery_queue(r, d, s);
	if (got != FORMAT_MATCH &&
	    (d == POSTFIX_SMTPD || d == POSTFIX_POSTSCREEN || d == POSTFIX_CLEANUP || d == POSTFIX_ANY)) {
		rec_reset(r, m);
		got = postfix_smtpd_queue(r, s);
	}
	if (got == FORMAT_MATCH || d == POSTFIX_ANY)
		return got;
	/* 9AA611A804C: placed on hold. But "from=..." or "reject: ..." that did not read is no such message. */
	rec_reset(r, m);
	(void)scan_word(&t, &word);
	if ((d == POSTFIX_SMTP || d == POSTFIX_LMTP) && (client_check(r, s) || postfix_delivery_note(r, s)))
		return FORMAT_MATCH;
	if (word.len == 0 || str_chr(word, '=') >= 0 || word.p[word.len - 1] == ':')
		return FORMAT_NO_MATCH;
	rec_str(r, F_EVENT_REASON, s);
	return daemon_message(r);
}

static enum format_result by_daemon(struct record *r, enum postfix_daemon d, struct str s)
{
	struct record_mark m = rec_mark(r);
	enum format_result got = FORMAT_NO_MATCH;

	if (str_starts(s, STR("addr ")))
		return dnsblog(r, str_from(s, 5));
	if (str_starts(s, STR("statistics: ")))
		return statistics(r, str_from(s, 12));
	switch (d) {
	case POSTFIX_SMTPD:
		got = postfix_smtpd_line(r, s);
		break;
	case POSTFIX_POSTSCREEN:
		got = postfix_postscreen_line(r, s);
		break;
	case POSTFIX_SMTP:
	case POSTFIX_LMTP:
		got = postfix_smtp_line(r, s);
		break;
	case POSTFIX_ANY:
		got = postfix_smtpd_line(r, s);
		if (got != FORMAT_MATCH) {
			rec_reset(r, m);
			got = postfix_postscreen_line(r, s);
		}
		if (got != FORMAT_MATCH) {
			rec_reset(r, m);
			got = postfix_smtp_line(r, s);
		}
		break;
	default:
		break;
	}
	if (got == FORMAT_MATCH)
		return got;
	rec_reset(r, m);
	if (postfix_tls_line(r, s) == FORMAT_MATCH)
		return FORMAT_MATCH;
	rec_reset(r, m);
	if (d == POSTFIX_OTHER && tlsproxy(r, s))
		return FORMAT_MATCH;
	rec_reset(r, m);
	return common(r, s) || d == POSTFIX_OTHER ? daemon_message(r) : FORMAT_NO_MATCH;
}

static void put_protocol(struct record *r, enum postfix_daemon d)
{
	if (d == POSTFIX_SMTPD || d == POSTFIX_POSTSCREEN || d == POSTFIX_SMTP)
		rec_str(r, F_NETWORK_PROTOCOL, STR("smtp"));
	else if (d == POSTFIX_LMTP)
		rec_str(r, F_NETWORK_PROTOCOL, STR("lmtp"));
}

static enum format_result postfix_parse(struct record *r)
{
	enum postfix_daemon d = daemon_of(r->program);
	struct str s = r->text, id;

	/* Another program under Postfix's name, or a line without a header: only what nobody else writes. */
	if (d == POSTFIX_NONE || r->program.len == 0)
		d = POSTFIX_ANY;
	/* message repeated 2 times: [ warning: unknown[192.0.2.7]: SASL LOGIN authentication failed: authentication failure] */
	rec_repeat(r, &s);
	put_protocol(r, d);
	if (postfix_take_queue_id(&s, &id)) {
		rec_str(r, F_POSTFIX_QUEUE_ID, id);
		rec_str(r, F_EMAIL_LOCAL_ID, id);
		return queue_line(r, d, s);
	}
	if (s.len < 4)
		return FORMAT_NO_MATCH;
	switch (s.p[0]) {
	case 'N':
		if (!scan_lit(&s, "NOQUEUE: "))
			break;
		rec_bool(r, F_POSTFIX_NOQUEUE, true);
		return postfix_smtpd_queue(r, s);
	case 'w':
		if (scan_lit(&s, "warning: "))
			return level(r, d, "warning", s);
		break;
	case 'e':
		if (scan_lit(&s, "error: "))
			return level(r, d, "error", s);
		break;
	case 'f':
		if (scan_lit(&s, "fatal: "))
			return level(r, d, "fatal", s);
		break;
	case 'p':
		if (scan_lit(&s, "panic: "))
			return level(r, d, "panic", s);
		break;
	default:
		break;
	}
	return by_daemon(r, d, s);
}

/*
 * A program with a daemon's name behind another instance's name ("mx-out/smtpd"), or no program at all and a text that is nobody else's.
 */
static bool postfix_shape(const struct record *r)
{
	struct str s = r->text, id;

	if (r->program.len)
		return str_chr(r->program, '/') > 0 && daemon_of(r->program) > POSTFIX_ANY;
	if (s.len < 16)
		return false;
	if (postfix_take_queue_id(&s, &id))
		return str_starts(s, STR("client=")) || str_starts(s, STR("message-id=")) ||
		       str_starts(s, STR("from=<")) || str_starts(s, STR("to=<")) || str_eq(s, STR("removed")) ||
		       str_starts(s, STR("uid=")) || str_starts(s, STR("reject: ")) || str_starts(s, STR("milter-")) ||
		       str_starts(s, STR("sender non-delivery"));
	if (scan_lit(&s, "warning: "))
		return str_find(s, STR("]: SASL ")) > 0;
	return scan_lit(&s, "NOQUEUE: ") || scan_lit(&s, "connect from ") || scan_lit(&s, "disconnect from ") ||
	       scan_lit(&s, "lost connection after ");
}

static const char *const programs[] = {"postfix", "postfix/*", "postfix-*", NULL};

FORMAT(postfix, .programs = programs, .service = STR_INIT("postfix"), .dataset = STR_INIT("weir.postfix"), .doc = "Postfix's daemons",
       .versions = "Postfix 3.4 to 3.10", .shape = postfix_shape, .parse = postfix_parse)
