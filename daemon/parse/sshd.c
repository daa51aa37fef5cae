/*
 * sshd.c - OpenSSH's server, 7.4 to 10: who came, how they tried, how it ended.
 *
 *	Failed password for invalid user oracle from 192.0.2.7 port 37795 ssh2
 *	Connection closed by authenticating user root 192.0.2.7 port 51905 [preauth]
 *	Accepted publickey for alice from 192.0.2.7 port 51905 ssh2: ED25519 SHA256:...
 *
 * From 9.8 on the session part logs as sshd-session, from 10.0 the authentication part as sshd-auth. A user's name is the client's text and may hold
 * blanks, " from " and " port ": lines are read from their end. Where the end is the client's text too (a certificate's id), a line with more than one
 * place that looks like an address keeps what is certain and gives neither.
 */
#include "parse/sshd.h"

#include "parse/message.h"

/* An address, or the name that UseDNS found; "UNKNOWN" is neither. */
void sshd_put_source(struct record *r, struct str who)
{
	if (str_eq(who, STR("UNKNOWN")))
		return;
	if (!rec_ip(r, F_SOURCE_IP, who))
		rec_host(r, F_SOURCE_DOMAIN, who);
	else
		rec_str(r, F_NETWORK_TRANSPORT, STR("tcp"));
	rec_str(r, F_SOURCE_ADDRESS, who);
}

/* "185.137.111.44 port 51905": nothing is put yet. */
static bool scan_peer(struct str *s, struct str *who, struct str *port)
{
	struct str t = *s;

	if (!scan_word(&t, who) || !scan_lit(&t, " port ") || !scan_digits(&t, 5, port))
		return false;
	*s = t;
	return true;
}

static bool take_peer(struct record *r, struct str *s)
{
	struct str who, port;

	if (!scan_peer(s, &who, &port))
		return false;
	sshd_put_source(r, who);
	if (!str_eq(port, STR("65535")) || !str_eq(who, STR("UNKNOWN")))
		rec_num(r, F_SOURCE_PORT, port);
	return true;
}

/* "invalid user oracle": what stands before the name. */
void sshd_put_user(struct record *r, struct str s)
{
	if (scan_lit(&s, "invalid user ") || scan_lit(&s, "illegal user "))
		rec_str(r, F_EVENT_REASON, STR("invalid user"));
	else if (!scan_lit(&s, "authenticating user "))
		scan_lit(&s, "user ");
	rec_user(r, F_USER_NAME, s);
}

enum format_result sshd_end(struct record *r, const char *action, const char *category, const char *type)
{
	rec_action(r, action, category, type);
	return FORMAT_MATCH;
}

enum format_result sshd_daemon_message(struct record *r)
{
	return sshd_end(r, "daemon-message", "process", "info");
}

static enum format_result disconnected(struct record *r)
{
	return sshd_end(r, "ssh-disconnect", "network", "end");
}

/* ---- the end of a connection ---- */

/*
 * "[invalid user oracle ]192.0.2.7 port 37795[: why]". The name may hold such a place itself: the last one counts; but where a reason follows,
 * which may quote what the client sent, only a single one does.
 */
static bool user_and_peer(struct record *r, struct str s, struct str *why)
{
	static const struct str mark = STR_INIT(" port ");
	struct str before = {0}, who = {0}, port = {0};
	unsigned places = 0;

	*why = str_sub(s, s.len, 0);
	for (size_t i = 0; i + mark.len < s.len; i++) {
		const char *blank = memchr(s.p + i, ' ', s.len - i);
		struct str rest, head, p;
		ptrdiff_t at;

		if (!blank)
			break;
		i = (size_t)(blank - s.p);
		rest = str_from(s, i);
		if (!scan_str(&rest, mark) || !scan_digits(&rest, 5, &p) || (rest.len && !str_starts(rest, STR(": "))))
			continue;
		head = str_sub(s, 0, i);
		at = str_rchr(head, ' ');
		head = str_from(head, (size_t)(at + 1));
		if (!str_is_ip(head) && !str_eq(head, STR("UNKNOWN")) && at >= 0)
			continue;
		places++;
		before = str_sub(s, 0, at < 0 ? 0 : (size_t)at);
		who = head;
		port = p;
		*why = rest.len ? str_from(rest, 2) : rest;
	}
	if (!places)
		return false;
	if (places > 1 && why->len) {
		why->len = 0;
		return true;
	}
	if (before.len)
		sshd_put_user(r, before);
	sshd_put_source(r, who);
	if (!str_eq(who, STR("UNKNOWN")))
		rec_num(r, F_SOURCE_PORT, port);
	return true;
}

static enum format_result closed(struct record *r, struct str s, const char *how)
{
	struct str why, who;

	if (!user_and_peer(r, s, &why)) {
		/* 6.x: no port */
		if (!scan_ip(&s, &who) || (s.len && !scan_lit(&s, ": ")))
			return FORMAT_NO_MATCH;
		sshd_put_source(r, who);
		why = s;
	}
	/* "invalid user" is the better reason. */
	if (why.len)
		rec_str(r, F_EVENT_REASON, why);
	else if (rec_get(r, F_EVENT_REASON).type == V_NONE)
		rec_str(r, F_EVENT_REASON, str_z(how));
	return disconnected(r);
}

/* Received disconnect from 192.0.2.7 port 37795:11: Bye Bye */
static enum format_result received_disconnect(struct record *r, struct str s)
{
	struct str who, port, code;

	if (scan_peer(&s, &who, &port)) {
		rec_num(r, F_SOURCE_PORT, port);
		if (!scan_lit(&s, ":"))
			return FORMAT_NO_MATCH;
	} else if (!scan_ip(&s, &who) || !scan_lit(&s, ": ")) {
		return FORMAT_NO_MATCH;
	}
	sshd_put_source(r, who);
	scan_blanks(&s);
	if (!scan_digits(&s, 10, &code) || !scan_lit(&s, ":"))
		return FORMAT_NO_MATCH;
	rec_raw(r, "disconnect_code", code);
	scan_blanks(&s);
	rec_str(r, F_EVENT_REASON, s);
	return disconnected(r);
}

/* "Connection from 192.0.2.7 port 37795: invalid format", "Connection from authenticating user root 192.0.2.7 port 5: why" behind "banner exchange: " and alike */
static enum format_result problem_of(struct record *r, struct str s)
{
	struct str why;

	if ((!scan_lit(&s, "Connection from ") && !scan_lit(&s, "Connection to ")) || !user_and_peer(r, s, &why))
		return FORMAT_NO_MATCH;
	rec_str(r, F_EVENT_REASON, why);
	rec_outcome(r, "failure");
	return disconnected(r);
}

/* 192.0.2.7 port 37795: no matching key exchange method found. Their offer: diffie-hellman-group1-sha1 */
static enum format_result no_negotiation(struct record *r, struct str s)
{
	struct str why, who;

	if (!take_peer(r, &s)) {
		/* 6.x: no port */
		if (!scan_ip(&s, &who))
			return FORMAT_NO_MATCH;
		sshd_put_source(r, who);
	}
	if (!scan_lit(&s, ": "))
		return FORMAT_NO_MATCH;
	why = s;
	if (scan_until_str(&s, STR(". Their offer: "), &why))
		rec_raw(r, "offer", s);
	rec_str(r, F_EVENT_REASON, why);
	rec_outcome(r, "failure");
	return disconnected(r);
}

/* Timeout before authentication for 192.0.2.7 port 37795; 10.0: ... for connection from 192.0.2.7 to 198.51.100.25, pid = 1152348 */
static enum format_result grace_over(struct record *r, struct str s)
{
	struct str who, to;

	if (scan_lit(&s, "connection from ")) {
		if (!scan_word(&s, &who))
			return FORMAT_NO_MATCH;
		sshd_put_source(r, who);
		if (scan_lit(&s, " to ") && scan_ip(&s, &to))
			rec_ip(r, F_DESTINATION_IP, to);
		if (scan_lit(&s, ", pid = "))
			rec_raw(r, "session_pid", s);
	} else if (!take_peer(r, &s)) {
		if (!scan_ip(&s, &who) || s.len)
			return FORMAT_NO_MATCH;
		sshd_put_source(r, who);
	}
	rec_str(r, F_EVENT_REASON, STR("Timeout before authentication"));
	rec_outcome(r, "failure");
	return disconnected(r);
}

/* Bad protocol version identification 'GET / HTTP/1.1' from 192.0.2.7 port 37795 */
static enum format_result bad_version(struct record *r, struct str s)
{
	struct str version;

	if (!scan_ch(&s, '\'') || !scan_until_last(&s, STR("' from "), &version) || !take_peer(r, &s))
		return FORMAT_NO_MATCH;
	rec_raw(r, "version", version);
	rec_str(r, F_EVENT_REASON, STR("Bad protocol version identification"));
	rec_outcome(r, "failure");
	return disconnected(r);
}

static enum format_result peer_only(struct record *r, struct str s, const char *reason, bool failure)
{
	if (!take_peer(r, &s))
		return FORMAT_NO_MATCH;
	rec_str(r, F_EVENT_REASON, str_z(reason));
	if (failure)
		rec_outcome(r, "failure");
	return disconnected(r);
}

/* #10 from [192.0.2.7]:46482 on [198.51.100.25]:22 past MaxStartups; 9.8: ... on [..]:22 penalty: failed authentication */
static enum format_result dropped(struct record *r, struct str s)
{
	struct str n, ip, port;

	if (!scan_ch(&s, '#') || !scan_digits(&s, 9, &n) || !scan_lit(&s, " from [") ||
	    !scan_until_str(&s, STR("]:"), &ip) || !scan_digits(&s, 5, &port))
		return FORMAT_NO_MATCH;
	rec_raw(r, "startups", n);
	sshd_put_source(r, ip);
	rec_num(r, F_SOURCE_PORT, port);
	if (scan_lit(&s, " on [") && scan_until_str(&s, STR("]:"), &ip) && scan_digits(&s, 5, &port)) {
		rec_ip(r, F_DESTINATION_IP, ip);
		rec_num(r, F_DESTINATION_PORT, port);
	}
	scan_blanks(&s);
	rec_str(r, F_EVENT_REASON, s);
	rec_outcome(r, "failure");
	return sshd_end(r, "ssh-connect", "network", "denied");
}

/* 185.137.111.44 port 51905 on 198.51.100.25 port 22 rdomain "" */
static enum format_result connection_from(struct record *r, struct str s)
{
	struct str ip, port;

	if (!take_peer(r, &s))
		return FORMAT_NO_MATCH;
	if (scan_lit(&s, " on ") && scan_word(&s, &ip) && scan_lit(&s, " port ") && scan_digits(&s, 5, &port)) {
		rec_ip(r, F_DESTINATION_IP, ip);
		rec_num(r, F_DESTINATION_PORT, port);
		if (scan_lit(&s, " rdomain \"") && s.len > 1)
			rec_raw(r, "rdomain", str_sub(s, 0, s.len - 1));
	}
	return sshd_end(r, "ssh-connect", "network", "connection");
}

/* ---- logins ---- */

/*
 * "ED25519 SHA256:abc", "ED25519-CERT SHA256:abc ID alice (serial 7) CA RSA SHA256:def"; before 7.2 or so a certificate has no fingerprint:
 * "RSA-CERT ID alice (serial 7) CA RSA SHA256:def". The id may be in quotes.
 */
static void put_key(struct record *r, struct str s)
{
	struct str type, print, id;

	if (!scan_word(&s, &type) || !scan_ch(&s, ' '))
		return;
	if (!str_starts(s, STR("ID "))) {
		if (!scan_word(&s, &print))
			return;
		if (print.p[print.len - 1] == ',')
			print.len--;
		rec_raw(r, "key_fingerprint", print);
		scan_blanks(&s);
	}
	rec_raw(r, "key_type", type);
	if (!scan_lit(&s, "ID ") || !scan_until_last(&s, STR(" (serial "), &id))
		return;
	if (id.len > 1 && id.p[0] == '"' && id.p[id.len - 1] == '"')
		id = str_sub(id, 1, id.len - 2);
	rec_raw(r, "certificate_id", id);
	if (!scan_until(&s, ')', &print))
		return;
	rec_raw(r, "certificate_serial", print);
	if (scan_lit(&s, " CA ") && scan_word(&s, &type) && scan_ch(&s, ' ') && scan_word(&s, &print)) {
		rec_raw(r, "ca_key_type", type);
		rec_raw(r, "ca_key_fingerprint", print);
	}
}

/* What stands behind "ssh2: ": a key, with hostbased ", client user "dan", client host "c.example.org"" behind it; gssapi: a principal. */
static void put_proof(struct record *r, struct str s)
{
	struct str key = s, user;

	if (s.len && str_chr(s, ' ') < 0 && str_chr(s, '@') > 0) {
		rec_raw(r, "principal", s);
		return;
	}
	if (scan_until_str(&s, STR(", client user \""), &key) && scan_until_last(&s, STR("\", client host \""), &user) && s.len && s.p[s.len - 1] == '"') {
		rec_raw(r, "client_user", user);
		rec_raw(r, "client_host", str_sub(s, 0, s.len - 1));
	}
	put_key(r, key);
}

/*
 * Behind "Failed password for ": "[invalid user ]oracle from 192.0.2.7 port 37795 ssh2[: key]". Without a key behind it the last place counts; with one,
 * what the key says of itself may look like a place: then there must be no other. false: it does not read so.
 */
static bool user_from_peer(struct record *r, struct str s)
{
	static const struct str mark = STR_INIT(" from ");
	struct str rest, user = {0}, who = {0}, port = {0}, key = {0}, w, p;
	unsigned places = 0, keys = 0;

	for (size_t i = 0; i + mark.len < s.len; i++) {
		const char *blank = memchr(s.p + i, ' ', s.len - i);

		if (!blank)
			break;
		i = (size_t)(blank - s.p);
		rest = str_from(s, i);
		if (!scan_str(&rest, mark) || !scan_peer(&rest, &w, &p))
			continue;
		if (rest.len && !scan_lit(&rest, " ssh2") && !scan_lit(&rest, " ssh1"))
			continue;
		if (rest.len && (!scan_lit(&rest, ": ") || keys++))
			continue;
		places++;
		user = str_sub(s, 0, i);
		who = w;
		port = p;
		key = rest;
	}
	if (!places)
		return false;
	if (keys > 1 || (keys && places > 1))
		return true;
	sshd_put_user(r, user);
	sshd_put_source(r, who);
	rec_num(r, F_SOURCE_PORT, port);
	put_proof(r, key);
	return true;
}

static enum format_result login(struct record *r, struct str s, const char *outcome, bool partial)
{
	struct str method, sub;

	if (!scan_until_str(&s, STR(" for "), &method) || method.len > 64)
		return FORMAT_NO_MATCH;
	/* keyboard-interactive/pam */
	sub = method;
	if (scan_until(&sub, '/', &method))
		rec_raw(r, "auth_submethod", sub);
	rec_raw(r, "auth_method", method);
	if (!user_from_peer(r, s))
		return FORMAT_NO_MATCH;
	if (partial)
		rec_raw(r, "partial", STR("true"));
	if (outcome)
		rec_outcome(r, outcome);
	return sshd_end(r, "ssh-login", "authentication", outcome && strcmp(outcome, "success") == 0 ? "start" : "info");
}

/* oracle from 192.0.2.7 port 37795; 7.4 and before: without the port; the name may be empty */
static enum format_result invalid_user(struct record *r, struct str s)
{
	struct str user, who, port;

	if (scan_lit(&s, "from "))
		user = str_sub(s, 0, 0);
	else if (!scan_until_last(&s, STR(" from "), &user))
		return FORMAT_NO_MATCH;
	if (scan_peer(&s, &who, &port)) {
		rec_num(r, F_SOURCE_PORT, port);
	} else if (!scan_word(&s, &who)) {
		return FORMAT_NO_MATCH;
	}
	if (s.len)
		return FORMAT_NO_MATCH;
	sshd_put_source(r, who);
	rec_user(r, F_USER_NAME, user);
	rec_str(r, F_EVENT_REASON, STR("invalid user"));
	rec_outcome(r, "failure");
	return sshd_end(r, "ssh-invalid-user", "authentication", "info");
}

/* "User bob password has expired (password aged)", "Account bob has expired" */
static enum format_result expired(struct record *r, struct str user, struct str why)
{
	rec_user(r, F_USER_NAME, user);
	rec_str(r, F_EVENT_REASON, why);
	rec_outcome(r, "failure");
	return sshd_end(r, "ssh-login", "authentication", "denied");
}

/* Behind "User ": root from 192.0.2.7 not allowed because not listed in AllowUsers; bob not allowed because account is locked */
static enum format_result not_allowed(struct record *r, struct str s)
{
	static const struct str mark = STR_INIT(" not allowed because ");
	struct str all = s, lead, user;

	if (scan_lit(&s, "child is on pid ")) {
		rec_raw(r, "session_pid", s);
		return sshd_end(r, "ssh-session", "session", "info");
	}
	if (!scan_until_last(&s, mark, &lead))
		return scan_until_last(&s, STR(" password has expired"), &lead)
			       ? expired(r, lead, str_from(all, lead.len + 1))
			       : FORMAT_NO_MATCH;
	rec_str(r, F_EVENT_REASON, str_from(all, lead.len + 1));
	if (scan_until_last(&lead, STR(" from "), &user)) {
		sshd_put_source(r, lead);
		rec_user(r, F_USER_NAME, user);
	} else {
		rec_user(r, F_USER_NAME, lead);
	}
	rec_outcome(r, "failure");
	return sshd_end(r, "ssh-login", "authentication", "denied");
}

static enum format_result too_many(struct record *r, struct str s)
{
	if (!user_from_peer(r, s))
		return FORMAT_NO_MATCH;
	rec_str(r, F_EVENT_REASON, STR("maximum authentication attempts exceeded"));
	rec_outcome(r, "failure");
	return sshd_end(r, "ssh-login", "authentication", "info");
}

/* What sshd says of itself; an error, unless it is for debugging. */
static enum format_result told(struct record *r, struct str s)
{
	struct value level = rec_get(r, F_LOG_LEVEL);

	if (level.type != V_STRING || !str_eq(value_str(&level), STR("debug")))
		rec_str(r, F_ERROR_MESSAGE, s);
	return sshd_daemon_message(r);
}

/* ---- sessions ---- */

/* shell on pts/0 for alice from 192.0.2.7 port 37795 id 0; subsystem 'sftp' for alice from ...; command for alice from ... */
static enum format_result starting(struct record *r, struct str s)
{
	struct str what, user, tty, id, rest;

	if (!scan_until_last(&s, STR(" from "), &what) || !take_peer(r, &s))
		return FORMAT_NO_MATCH;
	if (scan_lit(&s, " id ") && scan_digits(&s, 9, &id))
		rec_raw(r, "session_id", id);
	rest = what;
	if (scan_until_last(&rest, STR(" for "), &what))
		rec_user(r, F_USER_NAME, rest);
	user = what;
	if (scan_until_str(&user, STR(" on "), &tty)) {
		rec_raw(r, "tty", user);
		what = tty;
	}
	rec_raw(r, "session_type", what);
	return sshd_end(r, "ssh-session", "session", "start");
}

/* user alice from 192.0.2.7 port 37795 id 0 */
static enum format_result close_session(struct record *r, struct str s)
{
	struct str user, id;

	if (!scan_until_last(&s, STR(" from "), &user) || !take_peer(r, &s))
		return FORMAT_NO_MATCH;
	rec_user(r, F_USER_NAME, user);
	if (scan_lit(&s, " id ") && scan_digits(&s, 9, &id))
		rec_raw(r, "session_id", id);
	return sshd_end(r, "ssh-session", "session", "end");
}

/* subsystem request for sftp by user alice; ... failed, subsystem not found */
static enum format_result subsystem(struct record *r, struct str s)
{
	static const struct str failed = STR_INIT(" failed, subsystem not found");
	struct str name;

	/* 7.4 and before say no user. */
	if (!scan_until_str(&s, STR(" by user "), &name)) {
		if (!str_is_name(s))
			return FORMAT_NO_MATCH;
		rec_raw(r, "subsystem", s);
		return sshd_end(r, "ssh-session", "session", "info");
	}
	if (str_ends(s, failed)) {
		s.len -= failed.len;
		rec_outcome(r, "failure");
		rec_str(r, F_EVENT_REASON, STR("subsystem not found"));
	}
	rec_raw(r, "subsystem", name);
	rec_user(r, F_USER_NAME, s);
	return sshd_end(r, "ssh-session", "session", "info");
}

/* Transferred: sent 3080, received 2632 bytes */
static enum format_result transferred(struct record *r, struct str s)
{
	struct str out, in;

	if (!scan_digits(&s, 18, &out) || !scan_lit(&s, ", received ") || !scan_digits(&s, 18, &in))
		return FORMAT_NO_MATCH;
	rec_num(r, F_DESTINATION_BYTES, out);
	rec_num(r, F_SOURCE_BYTES, in);
	return sshd_end(r, "ssh-session", "session", "info");
}

/*
 * What a session may not forward:
 *	Received request from 192.0.2.7 port 37795 to connect to host 198.51.100.9 port 80, but the request was denied.
 *	refused local port forward: originator 127.0.0.1 port 40000, target 198.51.100.9 port 80
 *	connect_to web.corp.example port 80: failed.
 */
static enum format_result forward(struct record *r, struct str s, bool from)
{
	struct str name, port, why;

	if (from) {
		if (!take_peer(r, &s) || (!scan_lit(&s, " to connect to host ") && !scan_lit(&s, ", target ")))
			return FORMAT_NO_MATCH;
	}
	if (!scan_peer(&s, &name, &port))
		return FORMAT_NO_MATCH;
	if (!rec_ip(r, F_DESTINATION_IP, name))
		rec_host(r, F_DESTINATION_DOMAIN, name);
	rec_str(r, F_DESTINATION_ADDRESS, name);
	rec_num(r, F_DESTINATION_PORT, port);
	why = s;
	if (scan_lit(&why, ": ") || scan_lit(&why, ", but the request was "))
		rec_str(r, F_EVENT_REASON, why);
	rec_outcome(r, "failure");
	return sshd_end(r, "ssh-session", "session", "info");
}

/* internal-sftp: "session opened for local user alice from [192.0.2.7]" */
static enum format_result sftp_session(struct record *r, struct str s, bool opened)
{
	struct str user;

	if (!scan_until_last(&s, STR(" from ["), &user) || s.len < 2 || s.p[s.len - 1] != ']')
		return FORMAT_NO_MATCH;
	rec_user(r, F_USER_NAME, user);
	sshd_put_source(r, str_sub(s, 0, s.len - 1));
	rec_raw(r, "subsystem", STR("sftp"));
	if (opened)
		rec_outcome(r, "success");
	return sshd_end(r, "ssh-session", "session", opened ? "start" : "end");
}

/* "packet_write_wait: Connection to 192.0.2.7 port 37795: Broken pipe", "ssh_packet_get_string: string is too large" */
static enum format_result of_packets(struct record *r, struct str s)
{
	struct record_mark m = rec_mark(r);
	struct str rest = s, function;

	if (scan_until_str(&rest, STR(": "), &function) && problem_of(r, rest) == FORMAT_MATCH)
		return FORMAT_MATCH;
	rec_reset(r, m);
	return told(r, s);
}

/* Something came that nobody can read; who it was is said by other lines. */
static enum format_result broken(struct record *r, struct str why)
{
	rec_str(r, F_EVENT_REASON, why);
	rec_outcome(r, "failure");
	return disconnected(r);
}

/* ---- names ---- */

/* 192.0.2.7 maps to host.example.org, but this does not map back to the address. */
static enum format_result maps_to(struct record *r, struct str s)
{
	struct str ip, name;

	if (!scan_ip(&s, &ip) || !scan_lit(&s, " maps to ") ||
	    !scan_until_str(&s, STR(", but this does not map back"), &name))
		return FORMAT_NO_MATCH;
	sshd_put_source(r, ip);
	rec_host(r, F_SOURCE_DOMAIN, name);
	rec_str(r, F_EVENT_REASON, STR("does not map back to the address"));
	return sshd_end(r, "ssh-hostname-mismatch", "network", "info");
}

/* nosuch.example.org [192.0.2.7] failed.; 7.4: ... failed - POSSIBLE BREAK-IN ATTEMPT! */
static enum format_result reverse_mapping(struct record *r, struct str s)
{
	struct str name, ip;

	if (!scan_until_str(&s, STR(" ["), &name) || !scan_until_str(&s, STR("] failed"), &ip) ||
	    !rec_ip(r, F_SOURCE_IP, ip))
		return FORMAT_NO_MATCH;
	rec_str(r, F_SOURCE_ADDRESS, ip);
	rec_host(r, F_SOURCE_DOMAIN, name);
	rec_str(r, F_EVENT_REASON, STR("reverse mapping checking failed"));
	return sshd_end(r, "ssh-hostname-mismatch", "network", "info");
}

/* "192.0.2.9" is set up for 192.0.2.7, ignoring: an address as a name */
static enum format_result nasty(struct record *r, struct str s)
{
	struct str name, ip;

	if (!scan_until_last(&s, STR("\" is set up for "), &name) || !scan_ip(&s, &ip))
		return FORMAT_NO_MATCH;
	sshd_put_source(r, ip);
	rec_raw(r, "ptr", name);
	rec_str(r, F_EVENT_REASON, STR("Nasty PTR record"));
	return sshd_end(r, "ssh-hostname-mismatch", "network", "info");
}

/* tcp wrapper: host.example.org (192.0.2.7) */
static enum format_result refused(struct record *r, struct str s)
{
	struct str name, ip;

	if (scan_until_str(&s, STR(" ("), &name) && scan_until(&s, ')', &ip) && str_is_ip(ip)) {
		sshd_put_source(r, ip);
		if (!str_is_ip(name) && !str_eq(name, STR("unknown")) && str_is_name(name))
			rec_host(r, F_SOURCE_DOMAIN, name);
	} else if (str_is_ip(s)) {
		sshd_put_source(r, s);
	} else {
		return FORMAT_NO_MATCH;
	}
	rec_str(r, F_EVENT_REASON, STR("refused connect"));
	rec_outcome(r, "failure");
	return sshd_end(r, "ssh-connect", "network", "denied");
}

/* ---- the daemon ---- */

/* 0.0.0.0 port 22. */
static enum format_result listening(struct record *r, struct str s)
{
	struct str ip, port;

	if (!scan_word(&s, &ip) || !scan_lit(&s, " port ") || !scan_digits(&s, 5, &port))
		return FORMAT_NO_MATCH;
	rec_str(r, F_SERVICE_ADDRESS, str_n(ip.p, (size_t)(port.p + port.len - ip.p)));
	return sshd_daemon_message(r);
}

/* srclimit_penalise: ipv4: new 192.0.2.7/32 deferred penalty of 10 seconds for penalty: connections without attempting authentication */
static enum format_result penalty(struct record *r, struct str s)
{
	struct str word, ip, seconds, t = s;

	for (int i = 0; i < 8 && scan_word(&t, &word); i++) {
		ip = word;
		if (scan_until(&word, '/', &ip) && str_is_ip(ip)) {
			sshd_put_source(r, ip);
			break;
		}
		scan_blanks(&t);
	}
	t = s;
	/* 10.3 has "15.76 seconds". */
	if (scan_until_str(&t, STR(" penalty of "), &word) && scan_decimal(&t, &seconds))
		rec_raw(r, "seconds", seconds);
	if (scan_until_str(&t, STR(" for penalty: "), &word))
		rec_str(r, F_EVENT_REASON, t);
	return sshd_end(r, "ssh-penalty", "network", "denied");
}

/* exited MaxStartups throttling after 00:01:02, 5 connections dropped */
static enum format_result throttling(struct record *r, struct str s)
{
	struct str span, n;

	if (scan_until_str(&s, STR(", "), &span) && scan_digits(&s, 9, &n)) {
		rec_raw(r, "throttled", span);
		rec_raw(r, "dropped", n);
	}
	return sshd_daemon_message(r);
}

/* A key or a home folder that sshd would not use: the login goes on another way. */
static enum format_result refused_key(struct record *r, struct str reason)
{
	struct str file = reason;

	rec_str(r, F_EVENT_REASON, reason);
	rec_outcome(r, "failure");
	if (scan_lit(&file, "bad ownership or modes for file ") || scan_lit(&file, "bad ownership or modes for directory "))
		rec_str(r, F_FILE_PATH, file);
	return sshd_end(r, "ssh-login", "authentication", "info");
}

/* ED25519 SHA256:abc found at /home/alice/.ssh/authorized_keys:3 */
static enum format_result accepted_key(struct record *r, struct str s)
{
	struct str key = s, file;

	if (scan_until_str(&s, STR(" found at "), &key) && scan_until_last(&s, STR(":"), &file)) {
		rec_str(r, F_FILE_PATH, file);
		rec_raw(r, "file_line", s);
	}
	put_key(r, key);
	return sshd_end(r, "ssh-login", "authentication", "info");
}

/* ID "alice@corp.example" (serial 42) signed by ED25519 CA SHA256:abc via /etc/ssh/ca.pub */
static enum format_result accepted_certificate(struct record *r, struct str s)
{
	struct str id, serial, type, print;

	if (!scan_lit(&s, "ID \"") || !scan_until_last(&s, STR("\" (serial "), &id) || !scan_until_str(&s, STR(") signed by "), &serial))
		return FORMAT_NO_MATCH;
	rec_raw(r, "certificate_id", id);
	rec_raw(r, "certificate_serial", serial);
	if (scan_until_str(&s, STR(" CA "), &type) && scan_word(&s, &print)) {
		rec_raw(r, "ca_key_type", type);
		rec_raw(r, "ca_key_fingerprint", print);
	}
	if (scan_lit(&s, " via "))
		rec_str(r, F_FILE_PATH, s);
	return sshd_end(r, "ssh-login", "authentication", "info");
}

/* Lines by their first letter; each function has what follows the words that were compared. */
static enum format_result upper_to_l(struct record *r, struct str s)
{
	struct str all = s;

	switch (s.p[0]) {
	case 'A':
		if (scan_lit(&s, "Accepted key "))
			return accepted_key(r, s);
		if (scan_lit(&s, "Accepted certificate "))
			return accepted_certificate(r, s);
		if (scan_lit(&s, "Accepted "))
			return login(r, s, "success", false);
		if (scan_lit(&s, "Address "))
			return maps_to(r, s);
		if (scan_lit(&s, "Access denied for user ")) {
			static const struct str tail = STR_INIT(" by PAM account configuration");

			if (!str_ends(s, tail))
				return FORMAT_NO_MATCH;
			rec_user(r, F_USER_NAME, str_sub(s, 0, s.len - tail.len));
			rec_str(r, F_EVENT_REASON, STR("by PAM account configuration"));
			rec_outcome(r, "failure");
			return sshd_end(r, "ssh-login", "authentication", "denied");
		}
		/* Authorized to alice, krb5 principal alice@CORP.EXAMPLE (krb5_kuserok) */
		if (scan_lit(&s, "Authorized to ")) {
			struct str user, principal;

			if (!scan_until_str(&s, STR(", krb5 principal "), &user) || !scan_word(&s, &principal))
				return FORMAT_NO_MATCH;
			rec_user(r, F_USER_NAME, user);
			rec_raw(r, "principal", principal);
			rec_outcome(r, "success");
			return sshd_end(r, "ssh-login", "authentication", "info");
		}
		if (scan_lit(&s, "Authentication refused: "))
			return refused_key(r, s);
		if (scan_lit(&s, "Account ") && str_ends(s, STR(" has expired")))
			return expired(r, str_sub(s, 0, s.len - 12), STR("has expired"));
		if (scan_lit(&s, "Attempt to write login records "))
			return told(r, all);
		break;
	case 'B':
		if (scan_lit(&s, "Bad protocol version identification "))
			return bad_version(r, s);
		if (scan_lit(&s, "Bad packet length ") || scan_lit(&s, "Bad remote protocol version identification: "))
			return broken(r, all);
		break;
	case 'C':
		if (scan_lit(&s, "Connection from "))
			return connection_from(r, s);
		if (scan_lit(&s, "Connection closed by remote host"))
			return told(r, all);
		if (scan_lit(&s, "Connection closed by "))
			return closed(r, s, "Connection closed");
		if (scan_lit(&s, "Connection reset by "))
			return closed(r, s, "Connection reset");
		if (scan_lit(&s, "Closing connection to "))
			return peer_only(r, s, "Closing connection", false);
		if (scan_lit(&s, "Close session: user "))
			return close_session(r, s);
		if (scan_lit(&s, "Could not write ident string to "))
			return peer_only(r, s, "could not write ident string", true);
		if (scan_lit(&s, "Certificate invalid: "))
			return refused_key(r, all);
		if (scan_lit(&s, "Corrupted MAC on input"))
			return broken(r, all);
		break;
	case 'D':
		if (scan_lit(&s, "Disconnected from "))
			return closed(r, s, "Disconnected");
		if (scan_lit(&s, "Disconnecting "))
			return closed(r, s, "Disconnecting");
		if (scan_lit(&s, "Disconnecting: ")) {
			struct str why = s;

			if (scan_lit(&s, "Too many authentication failures for ")) {
				why.len -= s.len + 5;
				if (!user_from_peer(r, s))
					sshd_put_user(r, s);
			}
			rec_str(r, F_EVENT_REASON, why);
			return disconnected(r);
		}
		if (scan_lit(&s, "Did not receive identification string from ")) {
			if (peer_only(r, s, "Did not receive identification string", true) == FORMAT_MATCH)
				return FORMAT_MATCH;
			/* 7.4 and before */
			sshd_put_source(r, s);
			return str_is_ip(s) ? disconnected(r) : FORMAT_NO_MATCH;
		}
		break;
	case 'F':
		/* Before 7.9: Found matching RSA key: SHA256:... */
		if (scan_lit(&s, "Found matching ")) {
			struct str type;

			if (!scan_until_str(&s, STR(" key: "), &type))
				return FORMAT_NO_MATCH;
			rec_raw(r, "key_type", type);
			rec_raw(r, "key_fingerprint", s);
			return sshd_end(r, "ssh-login", "authentication", "info");
		}
		if (scan_lit(&s, "Failed "))
			return login(r, s, "failure", false);
		break;
	case 'I':
		if (scan_lit(&s, "Invalid user "))
			return invalid_user(r, s);
		break;
	case 'E':
		if (scan_lit(&s, "Exiting on signal "))
			return sshd_daemon_message(r);
		break;
	default:
		break;
	}
	return FORMAT_NO_MATCH;
}

static enum format_result upper_from_m(struct record *r, struct str s)
{
	struct str all = s;

	switch (s.p[0]) {
	case 'M':
		if (scan_lit(&s, "Missing privilege separation directory: "))
			return told(r, all);
		break;
	case 'N':
		/* Nasty PTR record "192.0.2.9" is set up for 192.0.2.7, ignoring */
		if (scan_lit(&s, "Nasty PTR record \""))
			return nasty(r, s);
		break;
	case 'P':
		if (scan_lit(&s, "Postponed "))
			return login(r, s, NULL, false);
		if (scan_lit(&s, "Partial "))
			return login(r, s, NULL, true);
		if (scan_lit(&s, "Protocol major versions differ for "))
			return no_negotiation(r, s);
		if (scan_lit(&s, "PAM"))
			return sshd_pam(r, s);
		break;
	case 'R':
		if (scan_lit(&s, "Received disconnect from "))
			return received_disconnect(r, s);
		if (scan_lit(&s, "Received signal ") || scan_lit(&s, "Received SIGHUP")) {
			struct str signal;

			if (scan_digits(&s, 3, &signal))
				rec_raw(r, "signal", signal);
			return sshd_daemon_message(r);
		}
		if (scan_lit(&s, "ROOT LOGIN REFUSED FROM ")) {
			if (!take_peer(r, &s))
				sshd_put_source(r, s);
			rec_user(r, F_USER_NAME, STR("root"));
			rec_str(r, F_EVENT_REASON, STR("ROOT LOGIN REFUSED"));
			rec_outcome(r, "failure");
			return sshd_end(r, "ssh-login", "authentication", "denied");
		}
		if (scan_lit(&s, "Read error from remote host "))
			return closed(r, s, "Read error");
		if (scan_lit(&s, "Received request from "))
			return forward(r, s, true);
		if (scan_lit(&s, "Read from socket failed: ")) {
			rec_str(r, F_EVENT_REASON, s);
			return disconnected(r);
		}
		break;
	case 'S':
		if (scan_lit(&s, "Server listening on "))
			return listening(r, s);
		if (scan_lit(&s, "Starting session: "))
			return starting(r, s);
		if (scan_lit(&s, "Set /proc/self/oom_score_adj "))
			return sshd_daemon_message(r);
		break;
	case 'T':
		if (scan_lit(&s, "Timeout before authentication for "))
			return grace_over(r, s);
		if (scan_lit(&s, "Timeout, client not responding from ") ||
		    scan_lit(&s, "Timeout, client not responding"))
			return s.len && !str_eq(s, STR(".")) ? closed(r, s, "client not responding") : broken(r, all);
		if (scan_lit(&s, "Transferred: sent "))
			return transferred(r, s);
		break;
	case 'U':
		if (scan_lit(&s, "User "))
			return not_allowed(r, s);
		if (scan_lit(&s, "Unable to negotiate with "))
			return no_negotiation(r, s);
		break;
	case 'W':
		if (scan_lit(&s, "Write failed: "))
			return broken(r, all);
		break;
	case '/':
		/* /etc/ssh/sshd_config line 12: Deprecated option UsePrivilegeSeparation */
		if (str_find(s, STR(" line ")) > 0)
			return told(r, all);
		break;
	default:
		break;
	}
	return FORMAT_NO_MATCH;
}

static enum format_result lower(struct record *r, struct str s)
{
	struct str all = s;

	switch (s.p[0]) {
	case 'b':
		if (scan_lit(&s, "banner exchange: "))
			return problem_of(r, s);
		if (scan_lit(&s, "beginning MaxStartups throttling")) {
			rec_str(r, F_EVENT_REASON, all);
			return sshd_daemon_message(r);
		}
		break;
	case 'c':
		if (scan_lit(&s, "connect_to "))
			return forward(r, s, false);
		break;
	case 'd':
		if (scan_lit(&s, "drop connection "))
			return dropped(r, s);
		break;
	case 'e':
		if (scan_lit(&s, "exited MaxStartups throttling after "))
			return throttling(r, s);
		break;
	case 'i':
		/* 7.4: input_userauth_request: invalid user oracle */
		if (scan_lit(&s, "input_userauth_request: invalid user ")) {
			rec_user(r, F_USER_NAME, s);
			rec_str(r, F_EVENT_REASON, STR("invalid user"));
			rec_outcome(r, "failure");
			return sshd_end(r, "ssh-invalid-user", "authentication", "info");
		}
		if (scan_lit(&s, "in MaxStartups throttling for "))
			return throttling(r, s);
		break;
	case 'k':
		/* kex_exchange_identification: read: Connection reset by peer: who it was is said by the next line */
		if (scan_lit(&s, "kex_exchange_identification: ") || scan_lit(&s, "kex_protocol_error: ")) {
			rec_str(r, F_EVENT_REASON, s);
			rec_outcome(r, "failure");
			return disconnected(r);
		}
		break;
	case 'l':
		if (scan_lit(&s, "lastlog_"))
			return told(r, all);
		break;
	case 'm':
		if (scan_lit(&s, "matched key found: file ")) {
			struct str file;

			if (!scan_until_str(&s, STR(", line "), &file) || !scan_until(&s, ' ', &file))
				return FORMAT_NO_MATCH;
			put_key(r, s);
			return sshd_end(r, "ssh-login", "authentication", "info");
		}
		if (scan_lit(&s, "mm_"))
			return told(r, all);
		if (scan_lit(&s, "maximum authentication attempts exceeded for "))
			return too_many(r, s);
		break;
	case 'p':
		if (scan_lit(&s, "probed from "))
			return peer_only(r, s, "probed", true);
		if (str_starts(s, STR("packet_")))
			return of_packets(r, s);
		if (str_starts(s, STR("padding error")))
			return broken(r, s);
		return str_starts(s, STR("pam_")) ? sshd_pam_module(r, s) : FORMAT_NO_MATCH;
	case 'r':
		if (scan_lit(&s, "reverse mapping checking getaddrinfo for "))
			return reverse_mapping(r, s);
		if (scan_lit(&s, "refused connect from "))
			return refused(r, s);
		if (scan_lit(&s, "rexec line "))
			return told(r, all);
		if (scan_lit(&s, "refused local port forward: originator "))
			return forward(r, s, true);
		break;
	case 's':
		if (scan_lit(&s, "ssh_dispatch_run_fatal: "))
			return problem_of(r, s);
		if (scan_lit(&s, "subsystem request for "))
			return subsystem(r, s);
		if (scan_lit(&s, "srclimit_penalise: "))
			return penalty(r, s);
		if (scan_lit(&s, "scanned from "))
			return peer_only(r, s, "scanned", true);
		if (str_starts(s, STR("ssh_packet_")))
			return of_packets(r, s);
		if (scan_lit(&s, "session opened for local user "))
			return sftp_session(r, s, true);
		if (scan_lit(&s, "session closed for local user "))
			return sftp_session(r, s, false);
		break;
	case 'u':
		if (scan_lit(&s, "userauth_pubkey: ") || scan_lit(&s, "userauth_hostbased"))
			return refused_key(r, all);
		break;
	default:
		break;
	}
	return FORMAT_NO_MATCH;
}

static bool put_user(struct record *r, struct str s)
{
	sshd_put_user(r, s);
	return s.len > 0;
}

static bool put_address(struct record *r, struct str s)
{
	sshd_put_source(r, s);
	return str_is_ip(s);
}

/* Of a command that sshd ran. */
static bool put_status(struct record *r, struct str s)
{
	rec_raw(r, "status", s);
	rec_str(r, F_EVENT_REASON, STR("failed"));
	return true;
}

static const struct message_place places[] = {
	AS_CALL('U', put_user), AS_CALL('S', put_address), AS_CALL('N', put_status), AS_STR('W', F_EVENT_REASON),
	AS_STR('F', F_FILE_PATH), AS_STR('C', F_PROCESS_COMMAND_LINE), {0}};

#define SELF "daemon-message", "process", "error", NULL
#define KEYS "ssh-login", "authentication", "info", NULL

/* Seldom ones, tried when nothing else fits. */
static const struct message seldom[] = {
	{"Authentication tried for %U %W (host=%*, ip=%S, required=%*).", "ssh-login", "authentication", "denied", "failure"},
	{"Authentication tried for %U %W (host=%*, ip=%S).", "ssh-login", "authentication", "denied", "failure"},
	{"AuthorizedKeysCommand %C failed, status %N", KEYS},
	{"AuthorizedKeysCommand %C exited on signal %N", KEYS},
	{"Could not stat AuthorizedKeysCommand \"%C\": %W", KEYS},
	{"Unsafe AuthorizedKeysCommand \"%C\": %W", KEYS},
	{"AuthorizedPrincipalsCommand %C failed, status %N", KEYS},
	{"AuthorizedPrincipalsCommand %C exited on signal %N", KEYS},
	{"Changed root directory to \"%F\"", "ssh-session", "session", "info", NULL},
	{"Unable to load host key \"%F\": %W", SELF},
	{"Unable to load host key: %F", SELF},
	{"Could not load host key: %F", SELF},
	{"Permissions %* for '%F' %W.", SELF},
	{"Bind to port %* on %* failed: %W.", SELF},
	{0}};

/* "error: ", "fatal: ", "debug1: " */
static bool take_level(struct record *r, struct str *s)
{
	if (scan_lit(s, "error: "))
		rec_str(r, F_LOG_LEVEL, STR("error"));
	else if (scan_lit(s, "fatal: "))
		rec_str(r, F_LOG_LEVEL, STR("fatal"));
	else if (scan_lit(s, "debug1: ") || scan_lit(s, "debug2: ") || scan_lit(s, "debug3: "))
		rec_str(r, F_LOG_LEVEL, STR("debug"));
	else
		return false;
	return true;
}

static enum format_result sshd_parse(struct record *r)
{
	static const struct str preauth = STR_INIT(" [preauth]"), postauth = STR_INIT(" [postauth]");
	struct str s = r->text;
	struct record_mark m;
	enum format_result got;
	bool level;

	/* message repeated 2 times: [ Failed password for root from 192.0.2.7 port 22 ssh2] */
	rec_repeat(r, &s);
	/* Before anybody was logged in. */
	if (str_ends(s, preauth)) {
		s.len -= preauth.len;
		rec_raw(r, "preauth", STR("true"));
	} else if (str_ends(s, postauth)) {
		s.len -= postauth.len;
	}
	rec_str(r, F_NETWORK_PROTOCOL, STR("ssh"));
	if (str_chr(r->program, '(') > 0)
		return sshd_pam_program(r, s);
	level = take_level(r, &s);
	if (s.len == 0)
		return FORMAT_NO_MATCH;
	m = rec_mark(r);
	got = s.p[0] >= 'a' ? lower(r, s) : s.p[0] >= 'M' ? upper_from_m(r, s) : upper_to_l(r, s);
	if (got == FORMAT_MATCH)
		return got;
	rec_reset(r, m);
	if (sshd_sftp(r, s) == FORMAT_MATCH)
		return FORMAT_MATCH;
	if (message_list(r, seldom, s, places)) {
		if (level)
			rec_str(r, F_ERROR_MESSAGE, s);
		return FORMAT_MATCH;
	}
	/* An error of sshd's own. */
	return level ? told(r, s) : FORMAT_NO_MATCH;
}

/* A login as sshd words it: "Failed password for root from 192.0.2.1 port 4000 ssh2". */
static bool sshd_shape(const struct record *r)
{
	if (str_starts(r->text, STR("Failed ")) || str_starts(r->text, STR("Accepted ")))
		return str_find(r->text, STR(" for ")) > 0 && str_find(r->text, STR(" ssh2")) > 0;
	return str_starts(r->text, STR("Invalid user ")) && str_find(r->text, STR(" port ")) > 0;
}

static const char *const programs[] = {"sshd", "sshd-session", "sshd-auth", "sshd(pam_*", "internal-sftp", "sftp-server", NULL};

FORMAT(sshd, .programs = programs, .service = STR_INIT("sshd"), .dataset = STR_INIT("weir.sshd"), .doc = "OpenSSH's server",
       .versions = "OpenSSH 7.4 to 10.0", .shape = sshd_shape, .parse = sshd_parse)
