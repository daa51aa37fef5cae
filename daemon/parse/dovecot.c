/*
 * dovecot.c - Dovecot 2.2 to 2.4: logins, sessions, passwords, deliveries.
 *
 *	dovecot: imap-login: Disconnected: Connection closed (auth failed, 1 attempts in 2 secs): user=<bob>, method=PLAIN, rip=192.0.2.7, lip=...
 *	dovecot: auth: passwd-file(bob,192.0.2.7,<HnTvT+1gOqq5iW8s>): unknown user
 *	dovecot: auth(bob,192.0.2.7,sasl:plain)<HnTvT+1gOqq5iW8s>: passwd-file: unknown user			2.4
 *	dovecot: imap(bob)<4711><HnTvT+1gOqq5iW8s>: Disconnected: Logged out in=101 out=2030 deleted=0 ...
 *	         process (user) <pid> <session>
 *
 * In a log file of its own the process stands where syslog has the program, with "Info: " behind it; the header's parser takes it for one.
 * A user's name is what the client sent: it ends at the last place where it can end.
 */
#include "parse/format.h"

struct head {
	struct str process, who, pid, session;
};

enum process { PROCESS_NONE, PROCESS_LOGIN, PROCESS_AUTH, PROCESS_SESSION, PROCESS_DELIVERY, PROCESS_OTHER };

static const struct {
	struct str name;
	enum process kind;
	const char *protocol;
} processes[] = {
	{STR_INIT("imap-login"), PROCESS_LOGIN, "imap"},
	{STR_INIT("pop3-login"), PROCESS_LOGIN, "pop3"},
	{STR_INIT("submission-login"), PROCESS_LOGIN, "smtp"},
	{STR_INIT("managesieve-login"), PROCESS_LOGIN, "managesieve"},
	{STR_INIT("auth"), PROCESS_AUTH, NULL},
	{STR_INIT("auth-worker"), PROCESS_AUTH, NULL},
	{STR_INIT("imap"), PROCESS_SESSION, "imap"},
	{STR_INIT("pop3"), PROCESS_SESSION, "pop3"},
	{STR_INIT("managesieve"), PROCESS_SESSION, "managesieve"},
	{STR_INIT("submission"), PROCESS_SESSION, "smtp"},
	{STR_INIT("imap-hibernate"), PROCESS_SESSION, "imap"},
	{STR_INIT("lmtp"), PROCESS_DELIVERY, "lmtp"},
	{STR_INIT("lda"), PROCESS_DELIVERY, NULL},
	{STR_INIT("dovecot-lda"), PROCESS_DELIVERY, NULL},
	{STR_INIT("deliver"), PROCESS_DELIVERY, NULL},
	{STR_INIT("imap-urlauth-login"), PROCESS_LOGIN, "imap"},
	{STR_INIT("sieve-login"), PROCESS_LOGIN, "managesieve"},
	{STR_INIT("master"), PROCESS_OTHER, NULL},
	{STR_INIT("config"), PROCESS_OTHER, NULL},
	{STR_INIT("anvil"), PROCESS_OTHER, NULL},
	{STR_INIT("stats"), PROCESS_OTHER, NULL},
	{STR_INIT("old-stats"), PROCESS_OTHER, NULL},
	{STR_INIT("log"), PROCESS_OTHER, NULL},
	{STR_INIT("indexer"), PROCESS_OTHER, NULL},
	{STR_INIT("indexer-worker"), PROCESS_OTHER, NULL},
	{STR_INIT("dict"), PROCESS_OTHER, NULL},
	{STR_INIT("dict-async"), PROCESS_OTHER, NULL},
	{STR_INIT("doveadm"), PROCESS_OTHER, NULL},
	{STR_INIT("replicator"), PROCESS_OTHER, NULL},
	{STR_INIT("aggregator"), PROCESS_OTHER, NULL},
	{STR_INIT("ssl-params"), PROCESS_OTHER, NULL},
	{STR_INIT("script"), PROCESS_OTHER, NULL},
	{STR_INIT("quota-status"), PROCESS_OTHER, NULL},
	{STR_INIT("director"), PROCESS_OTHER, NULL},
	{STR_INIT("ipc"), PROCESS_OTHER, NULL},
	{STR_INIT("dns-client"), PROCESS_OTHER, NULL},
	{STR_INIT("imap-urlauth"), PROCESS_OTHER, NULL},
	{STR_INIT("imap-urlauth-worker"), PROCESS_OTHER, NULL},
	{STR_INIT("health-check"), PROCESS_OTHER, NULL},
	{STR_INIT("welcome"), PROCESS_OTHER, NULL},
	{STR_INIT("dsync-local"), PROCESS_OTHER, NULL},
	{STR_INIT("dsync-server"), PROCESS_OTHER, NULL},
	{STR_INIT("dsync-remote"), PROCESS_OTHER, NULL},
	{STR_INIT("dovecot"), PROCESS_OTHER, NULL},
};

static int process_of(struct str name)
{
	for (size_t i = 0; i < sizeof(processes) / sizeof(*processes); i++)
		if (str_eq(name, processes[i].name))
			return (int)i;
	return -1;
}

/* "imap(bob)<4711><HnTv>", "auth", "lmtp(4711)"; what follows stays. */
static bool take_head(struct str *s, struct head *h)
{
	struct str t = *s;
	size_t n = 0;

	*h = (struct head){0};
	while (n < t.len && (ch_alnum(t.p[n]) || t.p[n] == '-' || t.p[n] == '_'))
		n++;
	if (n == 0)
		return false;
	h->process = str_sub(t, 0, n);
	t = str_from(t, n);
	if (scan_ch(&t, '(')) {
		size_t i = 0;

		while (i < t.len && (t.p[i] != ')' || (i + 1 < t.len && t.p[i + 1] != '<' && t.p[i + 1] != ':')))
			i++;
		if (i == t.len)
			return false;
		h->who = str_sub(t, 0, i);
		t = str_from(t, i + 1);
	}
	if (scan_ch(&t, '<') && !scan_until(&t, '>', &h->pid))
		return false;
	if (scan_ch(&t, '<') && !scan_until(&t, '>', &h->session))
		return false;
	/* 2.4 has the session alone behind auth. */
	if (h->session.len == 0 && h->pid.len && !ch_digit(h->pid.p[0])) {
		h->session = h->pid;
		h->pid.len = 0;
	}
	*s = t;
	return true;
}

/* "Error: " and alike become log.level. */
static bool take_level(struct record *r, struct str *s)
{
	static const struct {
		struct str word;
		const char *level;
	} levels[] = {{STR_INIT("Info: "), "info"},       {STR_INIT("Error: "), "error"},
		      {STR_INIT("Warning: "), "warning"}, {STR_INIT("Debug: "), "debug"},
		      {STR_INIT("Fatal: "), "fatal"},     {STR_INIT("Panic: "), "panic"}};

	for (size_t i = 0; i < sizeof(levels) / sizeof(*levels); i++)
		if (scan_str(s, levels[i].word)) {
			rec_str(r, F_LOG_LEVEL, str_z(levels[i].level));
			return true;
		}
	return false;
}

/* false: no address, nothing put. */
static bool put_source(struct record *r, struct str ip)
{
	if (!rec_ip(r, F_SOURCE_IP, ip))
		return false;
	rec_str(r, F_SOURCE_ADDRESS, ip);
	return true;
}

static enum format_result daemon_message(struct record *r, struct str s)
{
	struct value level = rec_get(r, F_LOG_LEVEL);
	bool bad = level.type == V_STRING && !str_eq(value_str(&level), STR("info")) &&
		   !str_eq(value_str(&level), STR("debug"));

	if (bad)
		rec_str(r, F_ERROR_MESSAGE, s);
	rec_action(r, "daemon-message", "email", bad ? "error" : "info");
	return FORMAT_MATCH;
}

/* ---- logins ---- */

/* "TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits)" */
static void put_cipher(struct record *r, struct str s)
{
	struct str version, cipher, bits;

	if (!scan_lit(&s, "TLSv") || !scan_word(&s, &version) || !scan_lit(&s, " with cipher ") ||
	    !scan_word(&s, &cipher))
		return;
	rec_str(r, F_TLS_VERSION_PROTOCOL, STR("tls"));
	rec_str(r, F_TLS_VERSION, str_eq(version, STR("1")) ? STR("1.0") : version);
	rec_str(r, F_TLS_CIPHER, cipher);
	if (scan_lit(&s, " (") && scan_until_str(&s, STR(" bits)"), &bits))
		rec_raw(r, "tls_bits", bits);
}

/* One of "method=PLAIN", "rip=192.0.2.7", "TLS", "session=<..>". */
static void login_element(struct record *r, struct str e)
{
	struct str t = e;

	if (e.len > 1 && e.p[e.len - 1] == '>' && scan_lit(&t, "session=<")) {
		rec_raw(r, "session", str_sub(t, 0, t.len - 1));
	} else if (scan_lit(&t, "rip=")) {
		(void)put_source(r, t);
	} else if (scan_lit(&t, "lip=")) {
		if (rec_ip(r, F_DESTINATION_IP, t))
			rec_str(r, F_DESTINATION_ADDRESS, t);
	} else if (scan_lit(&t, "rport=")) {
		rec_num(r, F_SOURCE_PORT, t);
	} else if (scan_lit(&t, "lport=")) {
		rec_num(r, F_DESTINATION_PORT, t);
	} else if (scan_lit(&t, "method=")) {
		rec_raw(r, "auth_method", t);
	} else if (scan_lit(&t, "mpid=")) {
		rec_raw(r, "mpid", t);
	} else if (str_eq(e, STR("TLS"))) {
		rec_bool(r, F_TLS_ESTABLISHED, true);
	} else if (scan_lit(&t, "TLS: ")) {
		rec_bool(r, F_TLS_ESTABLISHED, true);
		rec_str(r, F_ERROR_MESSAGE, t);
	} else if (str_eq(e, STR("TLS handshaking"))) {
		rec_bool(r, F_TLS_ESTABLISHED, false);
	} else if (scan_lit(&t, "TLS handshaking: ")) {
		rec_bool(r, F_TLS_ESTABLISHED, false);
		rec_str(r, F_ERROR_MESSAGE, t);
	} else if (str_starts(e, STR("TLSv"))) {
		put_cipher(r, e);
	} else if (str_eq(e, STR("secured"))) {
		rec_raw(r, "secured", STR("true"));
	}
}

/* Parts what follows "user=<": the name ends at the last ">, method=" or ">, rip=" that the daemon can have written. */
static bool split_user(struct str s, struct str *user, struct str *elements)
{
	struct str rest = s;

	if (scan_until_last(&rest, STR(">, method="), user)) {
		*elements = str_from(s, user->len + 3);
		return true;
	}
	rest = s;
	if (scan_until_last(&rest, STR(">, rip="), user)) {
		*elements = str_from(s, user->len + 3);
		return true;
	}
	if (!scan_until(&rest, '>', user))
		return false;
	*elements = scan_lit(&rest, ", ") ? rest : str_sub(rest, 0, 0);
	return true;
}

/* "(auth failed, 3 attempts in 12 secs)", "(no auth attempts in 0 secs)", 2.4: "... (auth_failed)" behind it. */
static void put_attempts(struct record *r, struct str reason)
{
	struct str head, n, code = reason;
	uint64_t secs;

	if (scan_until_str(&reason, STR("(auth failed, "), &head) ||
	    scan_until_str(&reason, STR("(authorization failed, "), &head)) {
		if (scan_digits(&reason, 9, &n))
			rec_raw(r, "attempts", n);
	}
	if (scan_until_str(&reason, STR(" in "), &head) && scan_num(&reason, 1000000000, &secs) &&
	    scan_lit(&reason, " secs"))
		rec_int(r, F_EVENT_DURATION, (int64_t)secs * 1000000000);
	if (code.len && code.p[code.len - 1] == ')' && scan_until_last(&code, STR("("), &head) &&
	    str_is_name(str_sub(code, 0, code.len - 1)))
		rec_raw(r, "reason_code", str_sub(code, 0, code.len - 1));
}

/*
 * A session that is handed on, or ends:
 *	proxy(bob): started proxying to 192.0.2.14:143
 *	proxy(bob): disconnecting 192.0.2.7 (Disconnected by client, 23s idle, in=303, out=40)
 * The name may hold anything: the words are looked for from the end.
 */
static bool proxied(struct record *r, struct str s, bool *ended)
{
	struct str t = s, head, host, port, in, out;

	if (!str_starts(s, STR("proxy(")))
		return false;
	*ended = false;
	if (scan_until_last(&t, STR("tarted proxying to "), &head)) {
		port = t;
		if (str_chr(t, ' ') < 0 && scan_until_last(&port, STR(":"), &host) && scan_digits(&port, 5, &in) && port.len == 0) {
			rec_raw(r, "proxy_address", host);
			rec_raw(r, "proxy_port", in);
			if (str_is_ip(host))
				rec_related_ip(r, host);
		}
		return true;
	}
	if (!scan_until_last(&t, STR("isconnect"), &head))
		return false;
	*ended = true;
	if (scan_until_last(&t, STR(", in="), &head) && scan_digits(&t, 18, &in) && scan_lit(&t, ", out=") && scan_digits(&t, 18, &out)) {
		rec_num(r, F_SOURCE_BYTES, in);
		rec_num(r, F_DESTINATION_BYTES, out);
	}
	return true;
}

/* 2.2 and login_log_format_elements without "user=<%u>": "Aborted login (no auth attempts): rip=192.0.2.7, lip=..." */
static bool without_user(struct str s, struct str *reason, struct str *elements)
{
	static const struct str first[] = {STR_INIT(": method="), STR_INIT(": rip=")};

	if (str_starts(s, STR("ID sent: ")))
		return false;
	for (size_t i = 0; i < sizeof first / sizeof *first; i++) {
		struct str t = s;

		if (!scan_until_str(&t, first[i], reason))
			continue;
		*elements = str_from(s, reason->len + 2);
		return true;
	}
	return false;
}

static enum format_result login(struct record *r, struct str s)
{
	static const struct str mark = STR_INIT(": user=<");
	struct str all = s, reason, user, elements, e;
	bool good, tried, ended;

	/* What a client says of itself (ID sent: name=...) may hold anything. */
	if (str_starts(s, STR("ID sent: ")) ? !scan_until_last(&s, mark, &reason)
					    : !scan_until_str(&s, mark, &reason)) {
		if (!without_user(all, &reason, &elements))
			return rec_get(r, F_LOG_LEVEL).type == V_NONE ? FORMAT_NO_MATCH : daemon_message(r, all);
	} else if (split_user(s, &user, &elements)) {
		rec_user(r, F_USER_NAME, user);
	} else {
		return FORMAT_NO_MATCH;
	}
	while (elements.len) {
		if (!scan_until_str(&elements, STR(", "), &e)) {
			e = elements;
			elements.len = 0;
		}
		login_element(r, e);
	}
	if (proxied(r, reason, &ended)) {
		rec_action(r, ended ? "mail-logout" : "mail-login", ended ? "session" : "authentication", ended ? "end" : "start");
		if (ended)
			rec_str(r, F_EVENT_REASON, reason);
		else
			rec_outcome(r, "success");
		return FORMAT_MATCH;
	}
	good = str_eq(reason, STR("Login")) || str_eq(reason, STR("Logged in"));
	tried = str_find(reason, STR("no auth attempts")) < 0 && !str_starts(reason, STR("ID sent: ")) &&
		!str_eq(reason, STR("Disconnected"));
	if (!good) {
		rec_str(r, F_EVENT_REASON, reason);
		put_attempts(r, reason);
	}
	if (str_starts(reason, STR("ID sent: ")))
		return daemon_message(r, all);
	rec_action(r, "mail-login", "authentication", good ? "start" : "end");
	if (good || tried)
		rec_outcome(r, good ? "success" : "failure");
	return FORMAT_MATCH;
}

/* ---- passwords ---- */

/* "bob,192.0.2.7,<session>" of a request, from the end; 2.4: "bob,192.0.2.7,sasl:plain". */
static void put_request(struct record *r, struct str who)
{
	struct str user = who, last;
	ptrdiff_t comma;

	for (int i = 0; i < 3; i++) {
		comma = str_rchr(user, ',');
		last = str_from(user, comma < 0 ? 0 : (size_t)comma + 1);
		if (comma < 0)
			break;
		if (last.len > 2 && last.p[0] == '<' && last.p[last.len - 1] == '>')
			rec_raw(r, "session", str_sub(last, 1, last.len - 2));
		else if (scan_lit(&last, "sasl:"))
			rec_raw(r, "auth_method", last);
		else if (!put_source(r, last))
			break;
		user = str_sub(user, 0, (size_t)comma);
	}
	if (!str_eq(user, STR("?")))
		rec_user(r, F_USER_NAME, user);
}

static enum format_result auth_result(struct record *r, struct str db, struct str s)
{
	struct value level = rec_get(r, F_LOG_LEVEL);

	rec_raw(r, "passdb", db);
	rec_str(r, F_EVENT_REASON, s);
	rec_action(r, "mail-auth", "authentication", "info");
	/* Steps on the way are told at debug level only. */
	if (level.type == V_NONE || !str_eq(value_str(&level), STR("debug")))
		rec_outcome(r, "failure");
	return FORMAT_MATCH;
}

/* Made of what addresses are made of. */
static bool like_ip(struct str s)
{
	bool mark = false;

	for (size_t i = 0; i < s.len; i++) {
		if (s.p[i] == '.' || s.p[i] == ':')
			mark = true;
		else if (!ch_xdigit(s.p[i]))
			return false;
	}
	return mark;
}

/* Stands an address or a session at the end of a request, as the daemon writes it? */
static bool request_ends(struct str who)
{
	struct str last = str_from(who, (size_t)(str_rchr(who, ',') + 1));

	return last.len < who.len &&
	       ((last.len > 2 && last.p[0] == '<' && last.p[last.len - 1] == '>') || like_ip(last));
}

/*
 * Behind "NAME(": the "): " in front of which stands an address or a session, else the first one. A user (or, where passwords are logged, a password)
 * may hold such a place as well: *places counts them.
 */
static bool split_request(struct str s, struct str *who, struct str *text, unsigned *places)
{
	struct str first = {0};

	*places = 0;
	for (size_t i = 0; i + 3 <= s.len; i++) {
		const char *close = memchr(s.p + i, ')', s.len - i);

		if (!close)
			break;
		i = (size_t)(close - s.p);
		if (i + 3 > s.len || s.p[i + 1] != ':' || s.p[i + 2] != ' ')
			continue;
		if (request_ends(str_sub(s, 0, i)) && ++*places == 1)
			first = str_sub(s, 0, i);
		else if (!first.p)
			first = str_sub(s, 0, i);
	}
	if (!first.p)
		return false;
	*who = first;
	*text = str_from(s, first.len + 3);
	return true;
}

static bool digits_only(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if (!ch_digit(s.p[i]))
			return false;
	return s.len > 0;
}

/*
 * PAM's own line: pam_unix(dovecot:auth): authentication failure; logname= uid=0 euid=0 tty=dovecot ruser=bob rhost=192.0.2.7  user=bob
 * ruser is the name that was tried.
 */
static bool pam(struct record *r, struct str s)
{
	struct str head, module, host, user;

	if (!str_starts(s, STR("pam_")) || !scan_until_str(&s, STR("(dovecot:"), &module) ||
	    !scan_until_str(&s, STR("): "), &head))
		return false;
	rec_raw(r, "pam_module", module);
	rec_action(r, "mail-auth", "authentication", "info");
	rec_str(r, F_EVENT_REASON, s);
	if (!scan_lit(&s, "authentication failure; "))
		return true;
	rec_str(r, F_EVENT_REASON, STR("authentication failure"));
	rec_outcome(r, "failure");
	if (!scan_until_last(&s, STR(" rhost="), &head))
		return true;
	if (scan_word(&s, &host))
		(void)put_source(r, host);
	if (scan_until_str(&head, STR(" ruser="), &user))
		rec_user(r, F_USER_NAME, head);
	return true;
}

static enum format_result auth(struct record *r, const struct head *h, struct str s)
{
	struct str all, db, who, text, skipped;
	bool request = false;
	unsigned places;
	size_t n = 0;

	/* conn unix:auth-worker (pid=1233,uid=97): auth-worker<1>: sql(bob,192.0.2.7): unknown user */
	if (str_starts(s, STR("conn unix:")) && scan_until_str(&s, STR("): "), &skipped)) {
		if (str_starts(s, STR("auth-worker<")))
			(void)scan_until_str(&s, STR(">: "), &skipped);
		else
			scan_lit(&s, "auth: ");
	}
	/* 2.4: auth-worker(bob@corp.example)<4743>: request [4]: sql: unknown user */
	if (str_starts(s, STR("request [")) && scan_until_str(&s, STR("]: "), &skipped)) {
		(void)take_level(r, &s);
		request = h->who.len && !digits_only(h->who);
	}
	all = s;
	/* 2.4: the request stands in the head; auth-worker(1234) has a pid there, auth(default) its own name. */
	if (request || h->session.len || str_chr(h->who, ',') >= 0) {
		put_request(r, h->who);
		rec_raw(r, "session", h->session);
		db = s;
		if (!scan_until_str(&s, STR(": "), &db) || !str_is_name(db))
			return auth_result(r, STR(""), all);
		return auth_result(r, db, s);
	}
	while (n < s.len && (ch_alnum(s.p[n]) || s.p[n] == '-' || s.p[n] == '_'))
		n++;
	db = str_sub(s, 0, n);
	s = str_from(s, n);
	if (n && scan_ch(&s, '(') && split_request(s, &who, &text, &places)) {
		/* mysql(localhost): Connect failed: of the daemon's own connections, not of a user. */
		if (str_eq(db, STR("mysql")) || str_eq(db, STR("pgsql")) || str_eq(db, STR("sqlite")) ||
		    str_eq(db, STR("cassandra")))
			return daemon_message(r, all);
		/* Two places to end: what stands before and behind is anybody's guess. */
		if (places > 1)
			return auth_result(r, db, STR(""));
		put_request(r, who);
		return auth_result(r, db, text);
	}
	return rec_get(r, F_LOG_LEVEL).type == V_NONE ? FORMAT_NO_MATCH : daemon_message(r, all);
}

/* ---- sessions ---- */

static void raw_pair(struct record *r, struct str k, struct str v)
{
	while (v.len && v.p[v.len - 1] == ',')
		v.len--;
	if (k.len < 40)
		rec_raw_pair(r, k, v);
}

/* "in=101 out=2030 deleted=0", "top=0/0, retr=1/1234, del=0/5, size=12345", "bytes=9/123" */
static void put_counts(struct record *r, struct str s)
{
	struct str k, v, in;

	for (unsigned i = 0; i < 24 && s.len; i++) {
		scan_blanks(&s);
		if (!scan_pair(&s, &k, &v))
			break;
		/* Of formats that are written with commas. */
		while (v.len && v.p[v.len - 1] == ',')
			v.len--;
		if (str_eq(k, STR("in"))) {
			rec_num(r, F_SOURCE_BYTES, v);
		} else if (str_eq(k, STR("out"))) {
			rec_num(r, F_DESTINATION_BYTES, v);
		} else if (str_eq(k, STR("bytes")) && scan_until(&v, '/', &in)) {
			rec_num(r, F_SOURCE_BYTES, in);
			rec_num(r, F_DESTINATION_BYTES, v);
		} else {
			raw_pair(r, k, v);
		}
	}
}

/* Where the counts begin; -1. */
static ptrdiff_t counts_at(struct str s)
{
	static const struct str marks[] = {STR_INIT(" in="), STR_INIT(" top="), STR_INIT(" bytes=")};

	for (size_t i = 0; i < sizeof(marks) / sizeof(*marks); i++) {
		ptrdiff_t at = str_find(s, marks[i]);

		if (at > 0 && (size_t)at + marks[i].len < s.len && ch_digit(s.p[(size_t)at + marks[i].len]))
			return at;
	}
	return -1;
}

/* "<a@b>", "Bob <a@b>", "a@b": the address; false: there is none to be sure of. */
static bool address_of(struct str s, struct str *out)
{
	struct str rest = s, head;

	if (s.len && s.p[s.len - 1] == '>' && scan_until_last(&rest, STR("<"), &head))
		s = str_sub(rest, 0, rest.len - 1);
	if (str_chr(s, '@') <= 0 || str_chr(s, ' ') >= 0 || str_chr(s, '<') >= 0 || str_chr(s, '>') >= 0)
		return false;
	*out = s;
	return true;
}

/* Does something like ", size=" follow within a text that anybody may have written? */
static bool holds_pair(struct str s)
{
	struct str head, key;

	while (scan_until_str(&s, STR(", "), &head)) {
		struct str t = s;

		if (scan_until(&t, '=', &key) && str_is_name(key))
			return true;
	}
	return false;
}

/*
 * "box=INBOX, uid=3, msgid=<1@example.org>, size=812, from=Bob <bob@example.org>, subject=Hello": what mail_log and deliver_log_format write. The first of a
 * key counts: what looks like a second one is in the sender's text. A subject reaches to the end; where more may follow it, it is left out.
 */
static void mail_pairs(struct record *r, struct str s)
{
	struct str e, k, addr, known[16];
	unsigned n = 0;

	while (s.len && n < 16) {
		struct str rest = s;
		bool again = false;

		if (!scan_until_str(&s, STR(", "), &e)) {
			e = s;
			s.len = 0;
		}
		if (!scan_until(&e, '=', &k) || !str_is_name(k) || k.len > 40)
			continue;
		if (str_eq(k, STR("subject"))) {
			e = str_from(rest, k.len + 1);
			if (!holds_pair(e))
				rec_str(r, F_EMAIL_SUBJECT, e);
			return;
		}
		for (unsigned i = 0; i < n; i++)
			again |= str_eq(known[i], k);
		if (again)
			continue;
		known[n++] = k;
		if (str_eq(k, STR("msgid"))) {
			if (e.len > 2 && e.p[0] == '<' && e.p[e.len - 1] == '>')
				e = str_sub(e, 1, e.len - 2);
			rec_str(r, F_EMAIL_MESSAGE_ID, e);
		} else if (str_eq(k, STR("from")) && address_of(e, &addr)) {
			rec_str(r, F_EMAIL_FROM_ADDRESS, addr);
		} else if (str_starts(k, STR("env")) && address_of(e, &addr)) {
			rec_str(r, F_EMAIL_SENDER_ADDRESS, addr);
		} else {
			raw_pair(r, k, e);
		}
	}
}

/*
 * The plug-in mail_log:
 *	expunge: box=INBOX, uid=3, msgid=<1@example.org>, size=812
 *	Mailbox renamed: Archive -> Old
 */
static bool mailbox_event(struct record *r, struct str s)
{
	static const struct str ops[] = {STR_INIT("created"), STR_INIT("deleted"), STR_INIT("renamed"), STR_INIT("subscribed"),
					 STR_INIT("unsubscribed")};
	struct str what, t = s;

	if (scan_lit(&t, "Mailbox ")) {
		for (size_t i = 0; i < sizeof(ops) / sizeof(*ops); i++) {
			struct str box = t;

			if (!scan_str(&box, ops[i]) || !scan_lit(&box, ": "))
				continue;
			rec_raw(r, "operation", ops[i]);
			rec_raw(r, "box", box);
			rec_action(r, "mail-mailbox", "email", "info");
			return true;
		}
	}
	if (!scan_until_str(&s, STR(": box="), &what) || what.len > 80)
		return false;
	rec_raw(r, "operation", what);
	mail_pairs(r, str_n(s.p - 4, s.len + 4)); /* "box=" again */
	rec_action(r, "mail-mailbox", "email", "info");
	return true;
}

/* submission: Successfully relayed message: from=<a@example.org>, size=1200, id=abc, nrcpt=1/1, reply=`250 2.0.0 Ok: queued as 4ABC' */
static bool relayed(struct record *r, struct str s)
{
	struct str pairs, addr;

	if (!scan_lit(&s, "Successfully relayed message: from=<") || !scan_until_str(&s, STR(">, "), &addr))
		return false;
	rec_str(r, F_EMAIL_SENDER_ADDRESS, addr);
	pairs = s;
	/* The server's answer is the last, and may hold anything. */
	if (scan_until_str(&s, STR(", reply=`"), &pairs) && s.len && s.p[s.len - 1] == '\'')
		rec_str(r, F_EVENT_REASON, str_sub(s, 0, s.len - 1));
	mail_pairs(r, pairs);
	rec_action(r, "mail-delivery", "email", "info");
	rec_outcome(r, "success");
	return true;
}

static enum format_result session(struct record *r, struct str s)
{
	ptrdiff_t at;
	struct str reason;

	if (mailbox_event(r, s) || relayed(r, s))
		return FORMAT_MATCH;
	at = counts_at(s);
	if (at < 0 && !str_starts(s, STR("Disconnected")) && !str_starts(s, STR("Logged out")) &&
	    !str_starts(s, STR("Connection closed")))
		return daemon_message(r, s);
	reason = at < 0 ? s : str_sub(s, 0, (size_t)at);
	rec_str(r, F_EVENT_REASON, reason);
	if (at >= 0)
		put_counts(r, str_from(s, (size_t)at));
	rec_action(r, "mail-logout", "session", "end");
	return FORMAT_MATCH;
}

/* ---- delivery ---- */

/* Connect from local; Connect from 192.0.2.7; Disconnect from 192.0.2.7: Logged out (state=READY) */
static bool lmtp_client(struct record *r, struct str s)
{
	struct str who = s;
	bool connect = scan_lit(&s, "Connect from ");

	if (!connect && !scan_lit(&s, "Disconnect from "))
		return false;
	who = s;
	if (scan_until_str(&s, STR(": "), &who))
		rec_str(r, F_EVENT_REASON, s);
	if (!str_eq(who, STR("local")))
		(void)put_source(r, who);
	rec_action(r, connect ? "mail-connect" : "mail-disconnect", "email", connect ? "connection" : "end");
	return true;
}

/*
 * Behind "msgid=": the last of the phrases that tell what became of it; the message-id is the sender's text. A log format of one's own may have a comma before it.
 */
static bool split_fate(struct str s, struct str *msgid, struct str *fate, bool *good)
{
	static const struct {
		struct str phrase;
		bool good;
	} fates[] = {
		{STR_INIT("saved mail to "), true},
		{STR_INIT("stored mail into mailbox "), true},
		{STR_INIT("save failed to "), false},
		{STR_INIT("failed to store into mailbox "), false},
		{STR_INIT("forwarded to "), true},
		{STR_INIT("failed to forward message to "), false},
		{STR_INIT("discarded "), true},
		{STR_INIT("marked message to be discarded "), true},
		{STR_INIT("rejected "), false},
		{STR_INIT("rejecting message "), false},
		{STR_INIT("sent vacation response to "), true},
		{STR_INIT("sent notification "), true},
		{STR_INIT("save cancelled"), false},
		{STR_INIT("discarding "), true},
	};
	struct str rest;

	for (size_t at = s.len; at-- > 0;) {
		if ((s.p[at] != ':' && s.p[at] != ',') || at + 1 == s.len || s.p[at + 1] != ' ')
			continue;
		rest = str_from(s, at + 2);
		for (size_t i = 0; i < sizeof(fates) / sizeof(*fates); i++)
			if (str_starts(rest, fates[i].phrase)) {
				*good = fates[i].good;
				*msgid = str_sub(s, 0, at);
				*fate = rest;
				return true;
			}
	}
	return false;
}

/* Where it went or came from: "'INBOX'", "'INBOX': Quota exceeded", "<other@example.org>", "<sender@example.org> (spam)". */
static void put_fate(struct record *r, struct str s)
{
	struct str t = s, box, addr;
	bool failed = false;

	if (scan_lit(&t, "saved mail to ") || scan_lit(&t, "stored mail into mailbox ") ||
	    (failed = scan_lit(&t, "save failed to ") || scan_lit(&t, "failed to store into mailbox "))) {
		box = t;
		if (failed && scan_until_str(&t, STR(": "), &box))
			rec_str(r, F_ERROR_MESSAGE, t);
		else if (failed)
			return;
		if (box.len > 2 && box.p[0] == '\'' && box.p[box.len - 1] == '\'')
			box = str_sub(box, 1, box.len - 2);
		rec_raw(r, "mailbox", box);
	} else if (scan_lit(&t, "rejected message from <")) {
		if (scan_until(&t, '>', &addr))
			rec_str(r, F_EMAIL_SENDER_ADDRESS, addr);
	} else if (scan_lit(&t, "forwarded to <") || scan_lit(&t, "failed to forward message to <")) {
		if (scan_until(&t, '>', &addr))
			rec_raw(r, "forwarded_to", addr);
		if (scan_lit(&t, ": "))
			rec_str(r, F_ERROR_MESSAGE, t);
	} else if (scan_lit(&t, "sent vacation response to <")) {
		if (scan_until(&t, '>', &addr))
			rec_raw(r, "response_to", addr);
	}
}

/*
 * Before "msgid=": "", "sieve: ", a session ("5GjrDafYTFE7WAAABf1gKA: ", 2.2), or what a log format of one's own has there
 * ("from=bob@example.org, envelope_sender=<bob@example.org>, subject=Hello, ").
 */
static void put_lead(struct record *r, struct str s)
{
	struct str word = s, rest;

	(void)scan_lit(&s, "sieve: ");
	rest = s;
	if (scan_until_str(&rest, STR(": "), &word) && word.len > 8 && str_chr(word, '=') < 0 && str_chr(word, ' ') < 0) {
		rec_raw(r, "session", word);
		s = rest;
	}
	if (s.len > 2 && str_ends(s, STR(", ")))
		mail_pairs(r, str_sub(s, 0, s.len - 2));
}

/*
 * sieve: msgid=<1@example.org>: stored mail into mailbox 'INBOX'
 * from=<bob@example.org>, size=4521, msgid=<1@example.org>: saved mail to INBOX
 * The sender's text may hold a "msgid=" of its own: then neither it nor what stands before it is believed.
 */
static enum format_result delivery(struct record *r, struct str s)
{
	static const struct str mark = STR_INIT("msgid=");
	struct str all = s, msgid, fate, lead, id, t;
	bool good;

	if (lmtp_client(r, s))
		return FORMAT_MATCH;
	if (!scan_until_str(&s, mark, &lead) || !split_fate(s, &msgid, &fate, &good))
		return mailbox_event(r, all) ? FORMAT_MATCH : daemon_message(r, all);
	rec_str(r, F_EVENT_REASON, fate);
	put_fate(r, fate);
	rec_action(r, "mail-delivery", "email", "info");
	rec_outcome(r, good ? "success" : "failure");
	if (str_find(msgid, mark) >= 0)
		return FORMAT_MATCH;
	put_lead(r, lead);
	/* "<1@example.org>: fileinto action", "<1@example.org>, size=4521, delivery_time=12ms": what a log format of one's own puts behind it. */
	t = msgid;
	if (scan_lit(&t, "<") && str_ends(t, STR(" action")) && scan_until_last(&t, STR(">: "), &id)) {
		msgid = id;
	} else if (t = msgid, scan_lit(&t, "<") && !str_ends(t, STR(">")) && scan_until_last(&t, STR(">, "), &id)) {
		msgid = id;
		mail_pairs(r, t);
	} else if (msgid.len > 1 && msgid.p[0] == '<' && msgid.p[msgid.len - 1] == '>') {
		msgid = str_sub(msgid, 1, msgid.len - 2);
	}
	if (!str_eq(msgid, STR("unspecified")))
		rec_str(r, F_EMAIL_MESSAGE_ID, msgid);
	return FORMAT_MATCH;
}

/* ---- the line ---- */

/* master: Dovecot v2.3.19.1 (9b53102964) starting up for imap, pop3 (core dumps disabled) */
static enum format_result other(struct record *r, struct str s)
{
	struct str t = s, version, n, box;

	if (scan_lit(&t, "Dovecot v") && scan_word(&t, &version)) {
		rec_str(r, F_SERVICE_VERSION, version);
	} else if (scan_lit(&t, "Indexed ") && scan_digits(&t, 9, &n) && scan_lit(&t, " messages in ")) {
		/* indexer-worker: Indexed 12 messages in INBOX (UIDs 1..12) */
		rec_raw(r, "messages", n);
		if (scan_until_last(&t, STR(" (UIDs "), &box))
			rec_raw(r, "mailbox", box);
	}
	return daemon_message(r, s);
}

/* The user and the session of a process that serves one; lmtp without a user has its pid there. */
static void put_head(struct record *r, const struct head *h, enum process kind)
{
	struct str who = h->who, first;

	if (kind == PROCESS_AUTH)
		return;
	/* 2.2: "lmtp(4711, bob)" */
	if (scan_until_str(&who, STR(", "), &first))
		rec_raw(r, "session_pid", first);
	if (kind == PROCESS_DELIVERY && digits_only(who))
		rec_raw(r, "session_pid", who);
	/* "doveadm(192.0.2.7)": a client, no user */
	else if (kind != PROCESS_OTHER || !put_source(r, who))
		rec_user(r, F_USER_NAME, who);
	rec_raw(r, "session_pid", h->pid);
	rec_raw(r, "session", h->session);
}

static enum format_result dovecot_parse(struct record *r)
{
	struct str s = r->text, name = r->program;
	struct head h;
	bool own = false;
	int i;

	/* "dovecot: imap-login: ...", or its own log file, where the process is what the header's parser took for a program. */
	if (pam(r, s)) {
		rec_str(r, F_EVENT_PROVIDER, STR("auth"));
		return FORMAT_MATCH;
	}
	if (name.len && !str_starts(name, STR("dovecot"))) {
		if (!take_head(&name, &h) || name.len)
			return FORMAT_NO_MATCH;
		own = true;
	} else if (!take_head(&s, &h) || !scan_lit(&s, ": ")) {
		return FORMAT_NO_MATCH;
	}
	i = process_of(h.process);
	if (i < 0)
		return FORMAT_NO_MATCH;
	rec_str(r, F_EVENT_PROVIDER, h.process);
	if (own)
		rec_str(r, F_PROCESS_NAME, h.process);
	if (processes[i].protocol)
		rec_str(r, F_NETWORK_PROTOCOL, str_z(processes[i].protocol));
	(void)take_level(r, &s);
	put_head(r, &h, processes[i].kind);
	switch (processes[i].kind) {
	case PROCESS_LOGIN:
		return login(r, s);
	case PROCESS_AUTH:
		return auth(r, &h, s);
	case PROCESS_SESSION:
		return session(r, s);
	case PROCESS_DELIVERY:
		return delivery(r, s);
	default:
		return other(r, s);
	}
}

/* A line of its own log file: a process of ours, then a level. */
static bool dovecot_shape(const struct record *r)
{
	static const struct str levels[] = {STR_INIT("Info: "),  STR_INIT("Error: "), STR_INIT("Warning: "),
					    STR_INIT("Debug: "), STR_INIT("Fatal: "), STR_INIT("Panic: ")};
	struct str name = r->program;
	struct head h;

	if (name.len == 0)
		return false;
	if (str_eq(name, STR("auth")) && str_starts(r->text, STR("pam_")))
		return str_find(r->text, STR("(dovecot:")) > 0;
	for (size_t i = 0; i < sizeof(levels) / sizeof(*levels); i++)
		if (str_starts(r->text, levels[i]))
			return take_head(&name, &h) && name.len == 0 && process_of(h.process) >= 0;
	return false;
}

static const char *const programs[] = {"dovecot",    "dovecot/*",        "dovecot-auth",      "imap-login",
				       "pop3-login", "submission-login", "managesieve-login", NULL};

FORMAT(dovecot, .programs = programs, .service = STR_INIT("dovecot"), .dataset = STR_INIT("weir.dovecot"),
       .doc = "Dovecot's logins, sessions and deliveries", .versions = "Dovecot 2.2 to 2.4", .shape = dovecot_shape,
       .parse = dovecot_parse)
