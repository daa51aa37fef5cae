/*
 * policyd_spf.c - postfix-policyd-spf-python (pypolicyd-spf) and postfix-policyd-spf-perl: what a sender's SPF record said of a client. One look-up of names more that a mail caused.
 *
 *	Pass; identity=mailfrom; client-ip=192.0.2.7; helo=mx.example.org; envelope-from=bob@example.org; receiver=corp.example
 *	prepend Received-SPF: Pass (mailfrom) identity=mailfrom; client-ip=...
 *	prepend Authentication-Results: mail.corp.example; spf=pass (sender SPF authorized) smtp.mailfrom=example.org (client-ip=192.0.2.7; helo=...)
 *	prepend X-Comment: SPF check N/A for local connections - client-ip=127.0.0.1; helo=localhost; envelope-from=a@corp.example; receiver=b
 *	Policy action=PREPEND Received-SPF: pass (..) receiver=corp.example; identity=mailfrom; envelope-from="a@b"; helo=h; client-ip=192.0.2.7	(Perl)
 *	spfcheck: pyspf result: "['Pass', 'sender SPF authorized', 'mailfrom']"
 *
 * HELO and the sender's address are the client's text: a pair ends at the name of the next, and each is looked for behind the one before it.
 */
#include "base/url.h"
#include "parse/format.h"

static const struct {
	const char *word, *outcome;
} results[] = {
	{"Pass", "success"}, {"Fail", "failure"},   {"Softfail", NULL},  {"Neutral", NULL},
	{"None", NULL},      {"Permerror", NULL}, {"Temperror", NULL}, {"Hardfail", "failure"},
};

static enum format_result daemon_message(struct record *r)
{
	rec_action(r, "daemon-message", "email", "info");
	return FORMAT_MATCH;
}

static bool put_result(struct record *r, struct str word)
{
	for (size_t i = 0; i < sizeof(results) / sizeof(*results); i++)
		if (str_ieq(word, str_z(results[i].word))) {
			rec_raw(r, "spf_result", word);
			if (results[i].outcome)
				rec_outcome(r, results[i].outcome);
			return true;
		}
	return false;
}

/* Whom the mail is for, or the server's name, or "<UNKNOWN>": as it is set. */
static void put_receiver(struct record *r, struct str s)
{
	rec_raw(r, "receiver", s);
	if (str_chr(s, '@') > 0 && str_chr(s, ' ') < 0)
		rec_str(r, F_EMAIL_TO_ADDRESS, s);
}

/* "client-ip=192.0.2.7; helo=h; envelope-from=a@b; receiver=c" */
static bool client_pairs(struct record *r, struct str s)
{
	struct str ip, helo, from;

	if (!scan_lit(&s, "client-ip=") || !scan_until_str(&s, STR("; helo="), &ip) ||
	    !scan_until_str(&s, STR("; envelope-from="), &helo) || !scan_until_last(&s, STR("; receiver="), &from))
		return false;
	if (!rec_ip(r, F_SOURCE_IP, ip))
		return false;
	rec_str(r, F_SOURCE_ADDRESS, ip);
	rec_str(r, F_POSTFIX_CLIENT_HELO, helo);
	if (!str_eq(from, STR("<>")))
		rec_str(r, F_EMAIL_SENDER_ADDRESS, from);
	put_receiver(r, str_trim(s));
	return true;
}

/* "identity=mailfrom; client-ip=..." */
static bool pairs(struct record *r, struct str s)
{
	struct str identity;

	if (!scan_lit(&s, "identity=") || !scan_until_str(&s, STR("; "), &identity) || !client_pairs(r, s))
		return false;
	rec_raw(r, "identity", identity);
	return true;
}

/* mail.corp.example; spf=pass (sender SPF authorized) smtp.mailfrom=example.org (client-ip=...) */
static bool results_header(struct record *r, struct str s)
{
	struct str server, word, why, identity, domain;

	if (!scan_until_str(&s, STR("; spf="), &server) || !scan_word(&s, &word) || !put_result(r, word) ||
	    !scan_lit(&s, " (") || !scan_until_str(&s, STR(") smtp."), &why) || !scan_until(&s, '=', &identity))
		return false;
	rec_str(r, F_EVENT_REASON, why);
	rec_raw(r, "identity", identity);
	rec_raw(r, "authserv_id", server);
	domain = s;
	if (scan_until_str(&s, STR(" ("), &domain) &&
	    (s.len == 0 || s.p[s.len - 1] != ')' || !client_pairs(r, str_sub(s, 0, s.len - 1))))
		return false;
	rec_raw(r, "domain", domain);
	return true;
}

/* "SPF skipped for whitelisted relay - client-ip=...", "SPF not applicable to localhost connection - skipped check" */
static bool comment(struct record *r, struct str s)
{
	struct str why;

	if (!scan_until_str(&s, STR(" - "), &why))
		return false;
	if (!str_starts(s, STR("client-ip=")))
		why = str_n(why.p, (size_t)(s.p + s.len - why.p));
	else if (!client_pairs(r, s))
		return false;
	rec_str(r, F_EVENT_REASON, str_trim(why));
	return true;
}

/* "..openspf.net/Why?s=mfrom;id=bob%40example.org;ip=192.0.2.7;r=corp.example": the sender may hold ";ip=", too. */
static void put_why(struct record *r, struct str s)
{
	struct str id, part, scope;

	if (!scan_until_str(&s, STR("Why?s="), &part) || !scan_until(&s, ';', &scope) || !scan_lit(&s, "id=") ||
	    !scan_until_last(&s, STR(";ip="), &id) || !scan_until(&s, ';', &part) || !rec_ip(r, F_SOURCE_IP, part))
		return;
	rec_str(r, F_SOURCE_ADDRESS, part);
	id = url_decode(r->arena, id);
	if (str_eq(scope, STR("helo")))
		rec_str(r, F_POSTFIX_CLIENT_HELO, id);
	else if (str_chr(id, '@') > 0)
		rec_str(r, F_EMAIL_SENDER_ADDRESS, id);
}

/* 550 5.7.23 Message rejected due to: SPF fail - not authorized. Please see http://www.openspf.net/Why?s=mfrom;id=bob@example.org;ip=192.0.2.7;r=corp.example */
static bool refusal(struct record *r, struct str s)
{
	struct str code, dsn, rest;

	if (!scan_digits(&s, 3, &code) || code.len != 3 || !scan_lit(&s, " ") || !scan_word(&s, &dsn) ||
	    !scan_lit(&s, " "))
		return false;
	rec_str(r, F_ERROR_CODE, code);
	rec_str(r, F_POSTFIX_DSN, dsn);
	rec_str(r, F_EVENT_REASON, s);
	rec_outcome(r, "failure");
	rest = s;
	if (scan_lit(&rest, "Message rejected due to: SPF ") && scan_word(&rest, &code))
		(void)put_result(r, code);
	put_why(r, s);
	return true;
}

/* pass (sender-lab.com: 192.0.2.7 is authorized to use ..) receiver=r; identity=mailfrom; envelope-from="a@b"; helo=h; client-ip=192.0.2.7 */
static bool perl_header(struct record *r, struct str s)
{
	struct str word, why, receiver, identity, from, helo;

	if (!scan_word(&s, &word) || !put_result(r, word) || !scan_lit(&s, " (") || !scan_until_last(&s, STR(") receiver="), &why) ||
	    !scan_until_str(&s, STR("; identity="), &receiver) || !scan_until_str(&s, STR("; envelope-from="), &identity) ||
	    !scan_until_last(&s, STR("; helo="), &from) || !scan_until_last(&s, STR("; client-ip="), &helo) || !rec_ip(r, F_SOURCE_IP, s))
		return false;
	rec_str(r, F_SOURCE_ADDRESS, s);
	rec_str(r, F_EVENT_REASON, why);
	rec_raw(r, "identity", identity);
	put_receiver(r, receiver);
	rec_str(r, F_POSTFIX_CLIENT_HELO, helo);
	if (from.len > 1 && from.p[0] == '"' && from.p[from.len - 1] == '"')
		from = str_sub(from, 1, from.len - 2);
	if (!str_eq(from, STR("<>")))
		rec_str(r, F_EMAIL_SENDER_ADDRESS, from);
	return true;
}

/*
 * "SPF none (No applicable sender policy available): Envelope-from: bob@example.org", "..: HELO/EHLO (Null Sender): mx.example.org". From 2.010 on
 * ", IP Address: 192.0.2.7, Recipient: carol@corp.example" is behind it.
 */
static bool perl_result(struct record *r, struct str s)
{
	struct str word, why, who, ip;
	bool helo = false;

	if (!scan_lit(&s, "SPF ") || !scan_word(&s, &word) || !put_result(r, word) || !scan_lit(&s, " ("))
		return false;
	if (!scan_until_last(&s, STR("): Envelope-from: "), &why)) {
		helo = true;
		if (!scan_until_last(&s, STR("): HELO/EHLO: "), &why) && !scan_until_last(&s, STR("): HELO/EHLO (Null Sender): "), &why))
			return false;
	}
	if (!scan_until_last(&s, STR(", IP Address: "), &who)) {
		who = s;
		s = STR("");
	} else if (!scan_until_str(&s, STR(", Recipient: "), &ip) || !rec_ip(r, F_SOURCE_IP, ip)) {
		return false;
	} else {
		rec_str(r, F_SOURCE_ADDRESS, ip);
		put_receiver(r, s);
	}
	rec_raw(r, "identity", helo ? STR("helo") : STR("mailfrom"));
	if (helo)
		rec_str(r, F_POSTFIX_CLIENT_HELO, who);
	else if (who.len && !str_eq(who, STR("<>")))
		rec_str(r, F_EMAIL_SENDER_ADDRESS, who);
	rec_str(r, F_EVENT_REASON, why);
	return true;
}

/* Behind "Policy action=". */
static enum format_result perl_action(struct record *r, struct str s)
{
	struct str all = s, word;

	if (scan_lit(&s, "PREPEND Received-SPF: "))
		return perl_header(r, s) ? FORMAT_MATCH : FORMAT_NO_MATCH;
	if (scan_lit(&s, "PREPEND X-Comment: "))
		return comment(r, s) ? FORMAT_MATCH : FORMAT_NO_MATCH;
	if (scan_digits(&s, 3, &word) && word.len == 3 && scan_lit(&s, " ")) {
		rec_str(r, F_ERROR_CODE, word);
		rec_str(r, F_EVENT_REASON, s);
		rec_outcome(r, "failure");
		/* It refuses for nothing else. */
		if (str_starts(s, STR("Please see ")) && str_find(s, STR("/Why?s=")) > 0)
			rec_raw(r, "spf_result", STR("fail"));
		put_why(r, s);
		return FORMAT_MATCH;
	}
	if (!scan_word(&all, &word) || !str_is_name(word))
		return FORMAT_NO_MATCH;
	rec_raw(r, "policy_action", word);
	scan_blanks(&all);
	rec_str(r, F_EVENT_REASON, all);
	return FORMAT_MATCH;
}

static enum format_result policyd_spf_parse(struct record *r)
{
	struct str s = r->text, word, why;

	rec_action(r, "mail-spf", "email", "info");
	if (scan_lit(&s, "spfcheck: pyspf result: \"['")) {
		if (!scan_until_str(&s, STR("', '"), &word) || !put_result(r, word) ||
		    !scan_until_str(&s, STR("', '"), &why) || !scan_until_str(&s, STR("']"), &word))
			return FORMAT_NO_MATCH;
		rec_str(r, F_EVENT_REASON, why);
		rec_raw(r, "identity", word);
		return FORMAT_MATCH;
	}
	/* ": prepend ..." stands behind an empty queue id. */
	scan_lit(&s, ": ");
	scan_lit(&s, "Action: ");
	if (scan_lit(&s, "Policy action="))
		return perl_action(r, s);
	if (scan_lit(&s, "handler "))
		return daemon_message(r);
	if (refusal(r, s))
		return FORMAT_MATCH;
	if (str_starts(s, STR("SPF ")))
		return perl_result(r, s) ? FORMAT_MATCH : FORMAT_NO_MATCH;
	if (scan_lit(&s, "X-Comment: "))
		return comment(r, s) ? FORMAT_MATCH : FORMAT_NO_MATCH;
	if (scan_lit(&s, "prepend")) {
		scan_lit(&s, ": Text:");
		if (scan_lit(&s, " Authentication-Results: "))
			return results_header(r, s) ? FORMAT_MATCH : FORMAT_NO_MATCH;
		if (scan_lit(&s, " X-Comment: "))
			return comment(r, s) ? FORMAT_MATCH : FORMAT_NO_MATCH;
		if (!scan_lit(&s, " Received-SPF: ") || !scan_word(&s, &word) || !put_result(r, word) ||
		    !scan_lit(&s, " ("))
			return FORMAT_NO_MATCH;
		if (!scan_until_str(&s, STR(") "), &why))
			return FORMAT_NO_MATCH;
		if (!str_eq(why, STR("mailfrom")))
			rec_str(r, F_EVENT_REASON, why);
		/* "...; receiver=<UNKNOWN>  Reject action: 550 5.7.23" */
		if (scan_until_last(&s, STR("  Reject action: "), &why))
			s = why;
		return pairs(r, s) ? FORMAT_MATCH : FORMAT_NO_MATCH;
	}
	if (scan_lit(&s, "ERROR: ")) {
		rec_str(r, F_LOG_LEVEL, STR("error"));
		rec_str(r, F_ERROR_MESSAGE, s);
		rec_action(r, "daemon-message", "email", "error");
		return FORMAT_MATCH;
	}
	if (str_eq(s, STR("Starting")) || scan_lit(&s, "Config: ") || scan_lit(&s, "Read line: ") ||
	    scan_lit(&s, "Found the end of entry") || scan_lit(&s, "Traceback (most recent call last)"))
		return daemon_message(r);
	if (!scan_until_str(&s, STR("; "), &word) || !put_result(r, word) || !pairs(r, s))
		return FORMAT_NO_MATCH;
	return FORMAT_MATCH;
}

static const char *const programs[] = {"policyd-spf", "postfix/policyd-spf", "postfix-policyd-spf",
				       "policyd-spf-python", "policy-spf", "postfix/policy-spf", NULL};

FORMAT(policyd_spf, .programs = programs, .service = STR_INIT("policyd-spf"), .dataset = STR_INIT("weir.postfix"),
       .doc = "Postfix's SPF policy service", .versions = "postfix-policyd-spf-python 2.9 to 3.1, postfix-policyd-spf-perl 2.011",
       .parse = policyd_spf_parse)
