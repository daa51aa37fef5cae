/*
 * sshd_pam.c - what PAM says through sshd, and what sshd says of PAM. Work thread.
 *
 *	pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=192.0.2.7  user=root
 *	module   service phase
 *	PAM: Authentication failure for illegal user bob from 192.0.2.7
 */
#include "parse/sshd.h"

#include "parse/message.h"

/* "logname= uid=0 euid=0 tty=ssh ruser= rhost=192.0.2.7  user=root" */
static void pam_subject(struct record *r, struct str s)
{
	struct str head, host;

	if (!scan_until_last(&s, STR(" rhost="), &head))
		return;
	if (scan_word(&s, &host))
		sshd_put_source(r, host);
	scan_blanks(&s);
	if (scan_lit(&s, "user="))
		rec_user(r, F_USER_NAME, s);
}

/* session opened for user alice(uid=1000) by (uid=0); session closed for user alice */
static enum format_result pam_session(struct record *r, struct str s, bool opened)
{
	struct str user, uid;

	user = s;
	if (scan_until_str(&s, STR("(uid="), &user)) {
		/* Before 8.5 or so: "alice by (uid=0)". */
		if (str_ends(user, STR(" by ")))
			user.len -= 4;
		else if (scan_until(&s, ')', &uid))
			rec_str(r, F_USER_ID, uid);
	}
	rec_user(r, F_USER_NAME, user);
	if (opened)
		rec_outcome(r, "success");
	return sshd_end(r, "ssh-session", "session", opened ? "start" : "end");
}

static bool put_peer(struct record *r, struct str v)
{
	sshd_put_source(r, v);
	return true;
}

static bool put_name(struct record *r, struct str v)
{
	rec_user(r, F_USER_NAME, v);
	return v.len > 0;
}

/* What the letters in the patterns stand for. */
static const struct message_place places[] = {
	AS_CALL('S', put_peer),
	AS_CALL('U', put_name),
	AS_STR('u', F_USER_ID),
	AS_RAW('t', "tally"),
	{0}};

#define DENIED "ssh-login", "authentication", "info", "failure"
#define PASSED "ssh-login", "authentication", "info", "success"

/* Of many modules, each its own words; the whole of them is the reason. */
static const struct message verdicts[] = {
	{"check pass; user unknown", DENIED},
	{"requirement \"%*\" not met by user \"%U\"", DENIED},		 /* pam_succeed_if */
	{"password failed for user (%U)", DENIED},
	{"account %U has expired (%*)", DENIED},			 /* pam_unix */
	{"expired password for user %U (%*)", DENIED},			 /* pam_unix */
	{"received for user %U: %*", DENIED},				 /* pam_sss */
	{"Access denied for user %U: %*", DENIED},			 /* pam_sss */
	{"Consecutive login failures for user %U account %*", DENIED}, /* pam_faillock */
	{"user %U (%u) tally %t, deny %*", DENIED},			 /* pam_tally2 */
	{"access denied for user `%U' from `%S'", DENIED},		 /* pam_access */
	{"Refused user %U for service %*", DENIED},			 /* pam_listfile */
	{"user '%U' denied access%*", DENIED},				 /* pam_winbind */
	{"user '%U' granted access", PASSED},				 /* pam_winbind */
	{"user %U authenticated as %*", PASSED},			 /* pam_krb5 */
	{"Accepted google_authenticator for %U", PASSED},
	{"Invalid verification code for %U", DENIED},
	{0}};

/* pam_unix(sshd:auth): ...; module and phase are kept. */
enum format_result sshd_pam_module(struct record *r, struct str s)
{
	struct str module, service, phase, t;

	if (!scan_until(&s, '(', &module) || !scan_until_str(&s, STR("): "), &service) ||
	    !scan_until(&service, ':', &phase))
		return FORMAT_NO_MATCH;
	phase = service;
	rec_raw(r, "pam_module", module);
	t = s;
	if (scan_lit(&t, "session opened for user "))
		return pam_session(r, t, true);
	if (scan_lit(&t, "session closed for user "))
		return pam_session(r, t, false);
	if (scan_lit(&t, "authentication failure; ")) {
		pam_subject(r, t);
		rec_str(r, F_EVENT_REASON, STR("authentication failure"));
		rec_outcome(r, "failure");
		return sshd_end(r, "ssh-login", "authentication", "info");
	}
	if (scan_lit(&t, "authentication success; ")) {
		pam_subject(r, t);
		rec_outcome(r, "success");
		return sshd_end(r, "ssh-login", "authentication", "info");
	}
	rec_str(r, F_EVENT_REASON, s);
	if (str_eq(phase, STR("auth")) || str_eq(phase, STR("account"))) {
		if (message_list(r, verdicts, s, places))
			return FORMAT_MATCH;
		return sshd_end(r, "ssh-login", "authentication", "info");
	}
	if (!str_eq(phase, STR("session")))
		return sshd_daemon_message(r);
	if (str_starts(s, STR("Failed to create session: "))) /* pam_systemd */
		rec_outcome(r, "failure");
	return sshd_end(r, "ssh-session", "session", "info");
}

/* sshd(pam_google_authenticator)[711]: Accepted google_authenticator for alice */
enum format_result sshd_pam_program(struct record *r, struct str s)
{
	struct str module = r->program, head;

	if (!str_cut(&module, '(', &head) || module.len < 2 || module.p[module.len - 1] != ')')
		return FORMAT_NO_MATCH;
	rec_raw(r, "pam_module", str_sub(module, 0, module.len - 1));
	rec_str(r, F_EVENT_REASON, s);
	return message_list(r, verdicts, s, places) ? FORMAT_MATCH : FORMAT_NO_MATCH;
}

/* Behind "PAM": " 2 more authentication failures; logname= ...", ": Authentication failure for illegal user bob from 192.0.2.7" */
enum format_result sshd_pam(struct record *r, struct str s)
{
	struct str n, t, why, user;

	if (scan_lit(&s, " service(sshd) ignoring max retries; ")) {
		rec_str(r, F_EVENT_REASON, STR("ignoring max retries"));
		rec_raw(r, "retries", s);
		return sshd_end(r, "ssh-login", "authentication", "info");
	}
	t = s;
	if (scan_lit(&t, " ") && scan_digits(&t, 9, &n) &&
	    (scan_lit(&t, " more authentication failures; ") || scan_lit(&t, " more authentication failure; "))) {
		rec_raw(r, "failures", n);
		pam_subject(r, t);
		rec_str(r, F_EVENT_REASON, STR("more authentication failures"));
		rec_outcome(r, "failure");
		return sshd_end(r, "ssh-login", "authentication", "info");
	}
	/* "PAM unable to dlopen(pam_x.so): ..." */
	if (!scan_lit(&s, ": ")) {
		if (!str_starts(s, STR(" ")))
			return FORMAT_NO_MATCH;
		rec_str(r, F_ERROR_MESSAGE, s);
		return sshd_daemon_message(r);
	}
	/* "... from 192.0.2.7 via 198.51.100.25": PAM of macOS */
	t = s;
	if (scan_until_last(&t, STR(" via "), &n) && str_is_ip(t))
		s = n;
	t = s;
	/* The name may hold " from "; what PAM says first does not hold " for ". */
	if (scan_until_str(&t, STR(" for "), &why) && scan_until_last(&t, STR(" from "), &user) &&
	    str_chr(t, ' ') < 0) {
		sshd_put_user(r, user);
		sshd_put_source(r, t);
		rec_str(r, F_EVENT_REASON, why);
		rec_outcome(r, "failure");
		return sshd_end(r, "ssh-login", "authentication", "info");
	}
	rec_str(r, F_ERROR_MESSAGE, s);
	return sshd_daemon_message(r);
}
