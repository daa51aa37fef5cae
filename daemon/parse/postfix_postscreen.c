/*
 * postfix_postscreen.c - what postscreen says of clients before they reach smtpd. Work thread.
 *
 *	CONNECT from [192.0.2.7]:46281 to [198.51.100.25]:25
 *	PREGREET 14 after 0.08 from [192.0.2.7]:46281: EHLO x\r\n
 *	test        seconds         peer               what was sent
 *
 * Clients have no names here, and a port always.
 */
#include "parse/postfix.h"

static void put_seconds(struct record *r, struct str s)
{
	struct str rest = s, whole, frac = {0};
	uint64_t n, ns = 0;

	if (!scan_digits(&rest, 9, &whole) || !str_u64(whole, 1000000000, &n))
		return;
	if (scan_ch(&rest, '.') && scan_digits(&rest, 9, &frac) && str_u64(frac, 999999999, &ns))
		for (size_t i = frac.len; i < 9; i++)
			ns *= 10;
	if (rest.len == 0)
		rec_int(r, F_EVENT_DURATION, (int64_t)(n * 1000000000 + ns));
}

/* CONNECT from [192.0.2.7]:46281 to [198.51.100.25]:26 */
static enum format_result screen_connect(struct record *r, struct str s)
{
	if (!postfix_source(r, &s) || !scan_lit(&s, " to ") || !postfix_destination(r, &s))
		return FORMAT_NO_MATCH;
	rec_action(r, "smtp-connect", "email", "connection");
	postfix_said_by(r, "postscreen");
	return FORMAT_MATCH;
}

static enum format_result screen(struct record *r, struct str s, const char *action, const char *type,
				 struct str reason)
{
	if (!postfix_source(r, &s))
		return FORMAT_NO_MATCH;
	rec_str(r, F_EVENT_REASON, reason);
	rec_action(r, action, "email", type);
	postfix_said_by(r, "postscreen");
	return FORMAT_MATCH;
}

/*
 * HANGUP after 0.5 from [192.0.2.7]:46281 in tests after SMTP handshake; PREGREET 11 after 0.08 from [192.0.2.7]:46281: EHLO x\r\n
 */
static enum format_result screen_timed(struct record *r, struct str s, bool hangup)
{
	struct str bytes, seconds;

	if (!hangup) {
		if (!scan_digits(&s, 9, &bytes) || !scan_lit(&s, " "))
			return FORMAT_NO_MATCH;
		rec_raw(r, "bytes", bytes);
	}
	if (!scan_lit(&s, "after ") || !scan_until_str(&s, STR(" from "), &seconds) || !postfix_source(r, &s))
		return FORMAT_NO_MATCH;
	put_seconds(r, seconds);
	if (hangup) {
		if (scan_lit(&s, " in "))
			rec_str(r, F_POSTFIX_STAGE, s);
		rec_str(r, F_EVENT_REASON, STR("HANGUP"));
		rec_action(r, "smtp-lost-connection", "email", "end");
	} else {
		if (scan_lit(&s, ": "))
			rec_raw(r, "text", s);
		rec_str(r, F_EVENT_REASON, STR("PREGREET"));
		rec_action(r, "postscreen-test", "email", "info");
	}
	postfix_said_by(r, "postscreen");
	return FORMAT_MATCH;
}

/* COMMAND PIPELINING from [192.0.2.7]:46281 after EHLO: QUIT\r\n; BARE NEWLINE from [192.0.2.7]:46281 after CONNECT */
static enum format_result screen_test(struct record *r, struct str s, struct str name)
{
	struct str stage;

	if (!postfix_source(r, &s))
		return FORMAT_NO_MATCH;
	if (scan_lit(&s, " after ")) {
		stage = s;
		if (scan_until(&s, ':', &stage)) {
			scan_blanks(&s);
			rec_raw(r, "text", s);
		}
		rec_str(r, F_POSTFIX_STAGE, stage);
	}
	rec_str(r, F_EVENT_REASON, name);
	rec_action(r, "postscreen-test", "email", "info");
	postfix_said_by(r, "postscreen");
	return FORMAT_MATCH;
}

static enum format_result screen_pass(struct record *r, struct str s)
{
	struct str kind;

	if (!scan_word(&s, &kind) || !scan_lit(&s, " "))
		return FORMAT_NO_MATCH;
	return screen(r, s, "postscreen-pass", "allowed", kind);
}

static bool screen_tests(struct record *r, struct str s, enum format_result *got)
{
	static const struct str names[] = {
		STR_INIT("COMMAND PIPELINING"),
		STR_INIT("COMMAND TIME LIMIT"),
		STR_INIT("COMMAND LENGTH LIMIT"),
		STR_INIT("COMMAND COUNT LIMIT"),
		STR_INIT("BARE NEWLINE"),
		STR_INIT("NON-SMTP COMMAND"),
		STR_INIT("DATA without valid RCPT"),
		STR_INIT("BDAT without valid RCPT"),
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		struct str t = s;

		if (scan_str(&t, names[i]) && scan_lit(&t, " from ")) {
			*got = screen_test(r, t, names[i]);
			return true;
		}
	}
	return false;
}

enum format_result postfix_postscreen_line(struct record *r, struct str s)
{
	static const struct str pass[] = {STR_INIT("WHITELISTED "), STR_INIT("ALLOWLISTED ")};
	static const struct str tests[] = {STR_INIT("BLACKLISTED "),    STR_INIT("DENYLISTED "),
					   STR_INIT("WHITELIST VETO "), STR_INIT("ALLOWLIST VETO "),
					   STR_INIT("DROP "),           STR_INIT("ENFORCE "),
					   STR_INIT("UNPASS "),         STR_INIT("UNFAIL ")};
	enum format_result got;
	struct str rank, word;

	switch (s.p[0]) {
	case 'C':
		if (scan_lit(&s, "CONNECT from "))
			return screen_connect(r, s);
		break;
	case 'D':
		if (scan_lit(&s, "DISCONNECT "))
			return screen(r, s, "smtp-disconnect", "end", STR(""));
		/* DNSBL rank 5 for [192.0.2.7]:46281 */
		if (scan_lit(&s, "DNSBL rank ") && scan_word(&s, &rank) && scan_lit(&s, " for ")) {
			rec_raw(r, "rank", rank);
			return screen(r, s, "dnsbl-rank", "info", STR(""));
		}
		break;
	case 'P':
		if (scan_lit(&s, "PASS "))
			return screen_pass(r, s);
		if (scan_lit(&s, "PREGREET "))
			return screen_timed(r, s, false);
		break;
	case 'H':
		if (scan_lit(&s, "HANGUP "))
			return screen_timed(r, s, true);
		break;
	case 'S':
		if (scan_lit(&s, "SKIP ") && scan_word(&s, &word) && scan_lit(&s, " "))
			return screen(r, s, "postscreen-test", "info", STR("SKIP"));
		break;
	case 'r':
		/* reject: connect from [192.0.2.7]:46281: all screening ports busy */
		if (scan_lit(&s, "reject: connect from ") && postfix_source(r, &s) && scan_lit(&s, ": ")) {
			postfix_put_verdict(r, STR("reject"), false);
			rec_str(r, F_POSTFIX_STAGE, STR("CONNECT"));
			rec_str(r, F_EVENT_REASON, s);
			rec_bool(r, F_POSTFIX_NOQUEUE, true);
			return FORMAT_MATCH;
		}
		break;
	case 'e':
	case 'l':
		/* entering STRESS mode with 70 connections */
		if (scan_lit(&s, "entering STRESS mode with ") || scan_lit(&s, "leaving STRESS mode with ")) {
			if (scan_digits(&s, 10, &word))
				rec_raw(r, "connections", word);
			rec_action(r, "daemon-message", "email", "info");
			return FORMAT_MATCH;
		}
		break;
	default:
		break;
	}
	for (size_t i = 0; i < sizeof(pass) / sizeof(*pass); i++)
		if (scan_str(&s, pass[i]))
			return screen(r, s, "postscreen-pass", "allowed", str_sub(pass[i], 0, pass[i].len - 1));
	for (size_t i = 0; i < sizeof(tests) / sizeof(*tests); i++)
		if (scan_str(&s, tests[i]))
			return screen(r, s, "postscreen-test", "info", str_sub(tests[i], 0, tests[i].len - 1));
	if (screen_tests(r, s, &got))
		return got;
	return FORMAT_NO_MATCH;
}
