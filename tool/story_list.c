/*
 * story_list.c - names that ask a list whether an address is on it (see story_int.h; RFC 5782).
 *
 *	145.111.137.185.zen.spamhaus.org	185.137.111.145 in zen.spamhaus.org; of an IPv6 address the 32 digits, backwards
 *	2.0.0.127.zen.spamhaus.org		a test: 127.0.0.2 is in every list, 127.0.0.1 in none (section 5)
 *	bad.example.dbl.spamhaus.org		a domain, in a list of domains
 *
 * Mail servers and spam filters ask so for everybody who connects, and no line says for which connection. That a name looks like it does not make it one:
 * hosts of dial-up providers are named the same way. What is sure is a list of a known operator, or one that a mail server's line names.
 */
#include "tool/story_int.h"

/* Operators whose lists mail servers and spam filters come configured with, or that their manuals name. */
static const struct str operators[] = {
	STR_INIT("abuseat.org"),	STR_INIT("backscatterer.org"),	 STR_INIT("barracudacentral.org"), STR_INIT("blocklist.de"),
	STR_INIT("dnswl.org"),		STR_INIT("dronebl.org"),	 STR_INIT("gbudb.net"),		   STR_INIT("hostkarma.junkemailfilter.com"),
	STR_INIT("ix.dnsbl.manitu.net"), STR_INIT("mailspike.net"),	 STR_INIT("mailspike.org"),	   STR_INIT("msbl.org"),
	STR_INIT("psbl.surriel.com"),	STR_INIT("score.senderscore.com"), STR_INIT("sorbs.net"),	   STR_INIT("spamcop.net"),
	STR_INIT("spameatingmonkey.net"), STR_INIT("spamhaus.org"),	 STR_INIT("spamhaus.net"),	   STR_INIT("spamrats.com"),
	STR_INIT("surbl.org"),		STR_INIT("uceprotect.net"),	 STR_INIT("uribl.com"),		   STR_INIT("uribl.rspamd.com"),
	STR_INIT("bip.virusfree.cz"),	STR_INIT("wpbl.info"),		 STR_INIT("dq.spamhaus.net"),
};

static bool is_below(struct str name, struct str zone)
{
	return name.len > zone.len && name.p[name.len - zone.len - 1] == '.' && str_ieq(str_from(name, name.len - zone.len), zone);
}

struct str story_list_operator(struct str name)
{
	for (size_t i = 0; i < sizeof(operators) / sizeof(*operators); i++)
		if (is_below(name, operators[i]))
			return operators[i];
	return (struct str){0};
}

/* The labels that are the address, backwards; what is left of the name is behind them. */
static bool take_v4(struct str *name, struct ip *ip)
{
	uint8_t b[4];
	struct str label;

	for (int i = 3; i >= 0; i--) {
		uint64_t v;

		if (!str_cut(name, '.', &label) || !str_u64(label, 255, &v))
			return false;
		b[i] = (uint8_t)v;
	}
	*ip = ip_v4(b);
	return true;
}

static bool take_v6(struct str *name, struct ip *ip)
{
	struct str label;

	for (int i = 31; i >= 0; i--) {
		uint64_t v;

		if (!str_cut(name, '.', &label) || label.len != 1 || !str_hex64(label, &v))
			return false;
		ip->b[i / 2] = (uint8_t)(i % 2 ? v : ip->b[i / 2] | v << 4);
	}
	return true;
}

bool story_listed_ip(struct str name, struct ip *ip, struct str *zone)
{
	struct str rest = name;

	if (!take_v6(&rest, ip)) {
		rest = name;
		if (!take_v4(&rest, ip))
			return false;
	}
	*zone = rest;
	return str_chr(rest, '.') > 0 && !str_ends(name, STR(".arpa"));
}

static bool is_test(const struct ip *ip)
{
	static const uint8_t loopback[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

	return memcmp(ip->b, loopback, 12) == 0 && ip->b[12] == 127;
}

/* "blocked using zen.example.org", "listed by domain zen.example.org" */
static bool is_named(struct story *st, struct str zone)
{
	return story_any(st, arena_printf(&st->arena, "rule.ruleset:\"%.*s\" service.type:postfix", STR_ARG(zone)).p);
}

void story_about_list(struct story *st)
{
	struct str whose = story_list_operator(st->subject), zone;
	struct ip ip;

	if (!story_listed_ip(st->subject, &ip, &zone)) {
		st->list_zone = whose;
		st->list_known = whose.len > 0;
		return;
	}
	for (size_t i = 0; i < zone.len; i++)
		if (!ch_alnum(zone.p[i]) && !memchr("-._", zone.p[i], 3))
			return;
	st->list_zone = zone;
	st->list_ip = ip;
	st->list_has_ip = true;
	st->list_known = whose.len > 0 || is_named(st, zone);
	st->list_test = is_test(&ip);
	if (!st->list_test)
		st->listed = story_visitor(st, &ip);
}
