/*
 * sshd.c - OpenSSH's server: who came, how they tried, how it ended.
 *
 * The address is written as "1.2.3.4 port 5" nearly everywhere; a name stands there where UseDNS found one. From 9.8 on the session part logs
 * as sshd-session, from 10.0 the authentication part as sshd-auth.
 */
#include "parse/format.h"

/* "185.137.111.44 port 51905", a name in place of the address; the rest stays in *s. */
static bool take_peer(struct record *r, struct str *s)
{
	struct str t = *s, who, port;

	if (!scan_word(&t, &who) || !scan_lit(&t, " port ") || !scan_digits(&t, 5, &port))
		return false;
	if (!rec_ip(r, F_SOURCE_IP, who))
		rec_host(r, F_SOURCE_DOMAIN, who);
	rec_str(r, F_SOURCE_ADDRESS, who);
	rec_num(r, F_SOURCE_PORT, port);
	*s = t;
	return true;
}

/* "[preauth]" at the end: before anybody was logged in. */
static bool cut_preauth(struct str *s)
{
	static const struct str mark = STR_INIT(" [preauth]");

	if (!str_ends(*s, mark))
		return false;
	s->len -= mark.len;
	return true;
}

/* Connection from 185.137.111.44 port 51905 on 198.51.100.25 port 22 rdomain "" */
static enum format_result connection_from(struct record *r, struct str s)
{
	struct str ip, port;

	if (!take_peer(r, &s))
		return FORMAT_NO_MATCH;
	if (scan_lit(&s, " on ") && scan_word(&s, &ip) && scan_lit(&s, " port ") && scan_digits(&s, 5, &port)) {
		rec_ip(r, F_DESTINATION_IP, ip);
		rec_num(r, F_DESTINATION_PORT, port);
	}
	rec_action(r, "ssh-connect", "network", "connection");
	return FORMAT_MATCH;
}

static enum format_result sshd_parse(struct record *r)
{
	struct str s = r->text;

	cut_preauth(&s);
	rec_str(r, F_NETWORK_PROTOCOL, STR("ssh"));
	if (scan_lit(&s, "Connection from "))
		return connection_from(r, s);
	return FORMAT_NO_MATCH;
}

static const char *const programs[] = {"sshd", "sshd-session", "sshd-auth", NULL};

FORMAT(sshd, .programs = programs, .service = "sshd", .dataset = "weir.sshd", .doc = "OpenSSH's server", .versions = "OpenSSH 8.4 to 10.0",
       .parse = sshd_parse)
