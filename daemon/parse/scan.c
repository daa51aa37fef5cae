#include "parse/scan.h"
#include "base/ip.h"

bool scan_ilit(struct str *s, const char *lit)
{
	struct str l = str_z(lit);

	if (s->len < l.len || !str_ieq(str_sub(*s, 0, l.len), l))
		return false;
	*s = str_from(*s, l.len);
	return true;
}

bool scan_until_str(struct str *s, struct str lit, struct str *out)
{
	ptrdiff_t at = str_find(*s, lit);

	if (at < 0)
		return false;
	*out = str_sub(*s, 0, (size_t)at);
	*s = str_from(*s, (size_t)at + lit.len);
	return true;
}

bool scan_until_last(struct str *s, struct str lit, struct str *out)
{
	size_t end = lit.len && s->len >= lit.len ? s->len - lit.len + 1 : 0;
	const char *q;

	while (end && (q = memrchr(s->p, lit.p[0], end))) {
		end = (size_t)(q - s->p);
		if (memcmp(q, lit.p, lit.len) != 0)
			continue;
		*out = str_sub(*s, 0, end);
		*s = str_from(*s, end + lit.len);
		return true;
	}
	return false;
}

/* Takes n bytes. */
static bool take(struct str *s, size_t n, struct str *out)
{
	if (n == 0)
		return false;
	*out = str_sub(*s, 0, n);
	*s = str_from(*s, n);
	return true;
}

static inline bool blank(char c)
{
	return c == ' ' || c == '\t';
}

bool scan_word(struct str *s, struct str *out)
{
	size_t n = 0;

	while (n < s->len && !blank(s->p[n]))
		n++;
	return take(s, n, out);
}

bool scan_blanks(struct str *s)
{
	size_t n = 0;

	while (n < s->len && blank(s->p[n]))
		n++;
	*s = str_from(*s, n);
	return true;
}

bool scan_tag(struct str *s, struct str program, struct str *pid)
{
	struct str t = *s;

	*pid = STR("");
	if (!scan_str(&t, program) || (scan_ch(&t, '[') && (!scan_digits(&t, 10, pid) || !scan_ch(&t, ']'))) || !scan_lit(&t, ": "))
		return false;
	*s = t;
	return true;
}

bool scan_space(struct str *s)
{
	return s->len && blank(s->p[0]) && scan_blanks(s);
}

bool scan_digits(struct str *s, unsigned digits, struct str *out)
{
	size_t n = 0;

	while (n < s->len && n < digits && ch_digit(s->p[n]))
		n++;
	return take(s, n, out);
}

bool scan_num(struct str *s, uint64_t max, uint64_t *out)
{
	return str_take_u64(s, 19, max, out);
}

bool scan_hex(struct str *s, struct str *out)
{
	size_t n = 0;

	while (n < s->len && ch_xdigit(s->p[n]))
		n++;
	return take(s, n, out);
}

bool scan_decimal(struct str *s, struct str *out)
{
	size_t n = 0, digits = 0;
	bool dot = false;

	for (; n < s->len; n++) {
		if (ch_digit(s->p[n]))
			digits++;
		else if (s->p[n] == '.' && !dot)
			dot = true;
		else
			break;
	}
	/* "12." at a sentence's end is a number and a full stop. */
	if (n && s->p[n - 1] == '.')
		n--;
	return digits && take(s, n, out);
}

bool scan_ip(struct str *s, struct str *out)
{
	size_t n = 0;

	while (n < s->len && n < IP_TEXT && (ch_xdigit(s->p[n]) || s->p[n] == '.' || s->p[n] == ':'))
		n++;
	/* The longest of those bytes that is an address: a colon or full stop may follow it. */
	for (; n >= 2; n--) {
		struct str ip = str_sub(*s, 0, n);

		if (!str_is_ip(ip))
			continue;
		*out = ip;
		*s = str_from(*s, n);
		if (s->len > 1 && s->p[0] == '%' && ch_alnum(s->p[1]))
			for (*s = str_from(*s, 1); s->len && (ch_alnum(s->p[0]) || s->p[0] == '.' || s->p[0] == '-'); )
				*s = str_from(*s, 1);
		return true;
	}
	return false;
}

bool scan_mac(struct str *s, struct str *out)
{
	size_t at = 0;

	for (int i = 0; i < 6; i++) {
		size_t n = 0;

		if (i && (at >= s->len || s->p[at++] != ':'))
			return false;
		while (n < 2 && at < s->len && ch_xdigit(s->p[at])) {
			at++;
			n++;
		}
		if (n == 0)
			return false;
	}
	if (at < s->len && (ch_xdigit(s->p[at]) || s->p[at] == ':'))
		return false;
	return take(s, at, out);
}

bool scan_quoted(struct str *s, char quote, struct str *out)
{
	if (s->len < 2 || s->p[0] != quote)
		return false;
	for (size_t i = 1; i < s->len; i++) {
		if (s->p[i] == '\\' && i + 1 < s->len) {
			i++;
		} else if (s->p[i] == quote) {
			*out = str_sub(*s, 1, i - 1);
			*s = str_from(*s, i + 1);
			return true;
		}
	}
	return false;
}

bool scan_pair(struct str *s, struct str *key, struct str *value)
{
	struct str t = *s;
	size_t n = 0;

	while (n < t.len && (ch_alnum(t.p[n]) || t.p[n] == '_' || t.p[n] == '-' || t.p[n] == '.'))
		n++;
	if (n == 0 || n == t.len || t.p[n] != '=')
		return false;
	*key = str_sub(t, 0, n);
	t = str_from(t, n + 1);
	if (!scan_quoted(&t, '"', value) && !scan_word(&t, value))
		*value = str_sub(t, 0, 0);
	*s = t;
	return true;
}

bool str_is_ip(struct str s)
{
	struct ip ip;

	return ip_parse(s, &ip);
}

bool str_is_name(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if (!ch_alnum(s.p[i]) && s.p[i] != '-' && s.p[i] != '_' && s.p[i] != '.')
			return false;
	return s.len > 0;
}

bool str_seconds_ns(struct str s, int64_t *out)
{
	struct str part;
	uint64_t sec, n = 0;

	if (!str_take_u64(&s, 9, 999999999, &sec))
		return false;
	if (scan_ch(&s, '.') && scan_digits(&s, 9, &part)) {
		(void)str_u64(part, 999999999, &n);
		for (size_t i = part.len; i < 9; i++)
			n *= 10;
	}
	*out = (int64_t)(sec * 1000000000 + n);
	return true;
}
