/*
 * sshd_pam.c - what PAM says through sshd, and what sshd says of PAM. Work thread.
 *
 *	pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=192.0.2.7  user=root
 *	module   service phase
 *	PAM: Authentication failure for illegal user bob from 192.0.2.7
 */
#include "parse/sshd.h"

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
		if (str_starts(s, STR("check pass; ")))
			rec_outcome(r, "failure");
		/* pam_succeed_if(sshd:auth): requirement "uid >= 1000" not met by user "root" */
		if (scan_until_str(&t, STR(" not met by user \""), &service) && t.len && t.p[t.len - 1] == '"') {
			rec_user(r, F_USER_NAME, str_sub(t, 0, t.len - 1));
			rec_outcome(r, "failure");
		}
		return sshd_end(r, "ssh-login", "authentication", "info");
	}
	return str_eq(phase, STR("session")) ? sshd_end(r, "ssh-session", "session", "info") : sshd_daemon_message(r);
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
