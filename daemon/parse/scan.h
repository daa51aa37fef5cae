/*
 * scan.h - taking a text apart from its front.
 *
 * Each function takes a slice by pointer, moves it behind what it took, and leaves it where it was when the thing is not there;
 * so alternatives can be tried one after the other, and nothing reads beyond the slice. Any thread; nothing allocates.
 *
 *	struct str s = r->text, host, ip;
 *
 *	if (scan_lit(&s, "connect from ") && scan_until(&s, '[', &host) && scan_until(&s, ']', &ip)) ...
 */
#ifndef WEIR_PARSE_SCAN_H
#define WEIR_PARSE_SCAN_H

#include "base/str.h"

/* The literal stands at the front. */
#define scan_lit(s, lit) scan_str((s), STR(lit))

static inline bool scan_str(struct str *s, struct str lit)
{
	if (!str_starts(*s, lit))
		return false;
	*s = str_from(*s, lit.len);
	return true;
}

static inline bool scan_ch(struct str *s, char c)
{
	if (s->len == 0 || s->p[0] != c)
		return false;
	*s = str_from(*s, 1);
	return true;
}

/* The literal in either case. */
bool scan_ilit(struct str *s, const char *lit);
/* Up to c, which is taken too. */
static inline bool scan_until(struct str *s, char c, struct str *out)
{
	return str_cut(s, c, out);
}

/* Up to the literal, which is taken too; scan_until_last: its last place. */
bool scan_until_str(struct str *s, struct str lit, struct str *out);
bool scan_until_last(struct str *s, struct str lit, struct str *out);
/* Up to the next blank or the end, at least one byte; the blank is left. */
bool scan_word(struct str *s, struct str *out);
/* "dnsmasq[1]: ", "dnsmasq: ", as a daemon begins a line on its own output. pid: "" where there is none. */
bool scan_tag(struct str *s, struct str program, struct str *pid);
/* One or more blanks or tabs; scan_blanks: none or more, always true. */
bool scan_space(struct str *s);
bool scan_blanks(struct str *s);
/* Digits, at most `digits` of them; scan_num gives the number. */
bool scan_digits(struct str *s, unsigned digits, struct str *out);
bool scan_num(struct str *s, uint64_t max, uint64_t *out);
/* One or more hexadecimal digits. */
bool scan_hex(struct str *s, struct str *out);
/* "12.5", "12", ".5" as text. */
bool scan_decimal(struct str *s, struct str *out);
/* The longest prefix that is made of hexadecimal digits, '.', ':' and is an address; a "%zone" behind it is taken and left out. */
bool scan_ip(struct str *s, struct str *out);
/* Six octets: "f6:80:5f:1d:d1:95", of one or two digits each. */
bool scan_mac(struct str *s, struct str *out);
/* What stands between the quotes (a backslash takes the next byte along); the quotes are taken. */
bool scan_quoted(struct str *s, char quote, struct str *out);
/* "key=value" up to the next blank, or `key="value with blanks"`; value without its quotes. */
bool scan_pair(struct str *s, struct str *key, struct str *value);

/* The whole slice is an IPv4 or IPv6 address. */
bool str_is_ip(struct str s);
/* Letters, digits, '-', '_', '.' only, and at least one: what a host name may be made of. */
bool str_is_name(struct str s);
/* "0.444385", seconds with up to nine places, as nanoseconds; what stands behind the number is not looked at. */
bool str_seconds_ns(struct str s, int64_t *out);

#endif
