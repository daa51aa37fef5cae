#include "base/str.h"


bool str_ieq(struct str a, struct str b)
{
	if (a.len != b.len)
		return false;
	for (size_t i = 0; i < a.len; i++)
		if (ch_lower(a.p[i]) != ch_lower(b.p[i]))
			return false;
	return true;
}

int str_cmp(struct str a, struct str b)
{
	size_t n = a.len < b.len ? a.len : b.len;
	int d = n ? memcmp(a.p, b.p, n) : 0;

	if (d)
		return d;
	return a.len == b.len ? 0 : a.len < b.len ? -1 : 1;
}

ptrdiff_t str_rchr(struct str s, char c)
{
	const char *q = s.len ? memrchr(s.p, c, s.len) : NULL;

	return q ? q - s.p : -1;
}

ptrdiff_t str_find(struct str hay, struct str needle)
{
	const char *q;

	if (needle.len == 0)
		return 0;
	if (hay.len < needle.len)
		return -1;
	q = memmem(hay.p, hay.len, needle.p, needle.len);
	return q ? q - hay.p : -1;
}

static bool ch_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct str str_trim(struct str s)
{
	while (s.len && ch_blank(s.p[0]))
		s = str_from(s, 1);
	while (s.len && ch_blank(s.p[s.len - 1]))
		s.len--;
	return s;
}

bool str_cut(struct str *s, char c, struct str *head)
{
	ptrdiff_t at = str_chr(*s, c);

	if (at < 0)
		return false;
	*head = str_sub(*s, 0, (size_t)at);
	*s = str_from(*s, (size_t)at + 1);
	return true;
}

bool str_u64(struct str s, uint64_t max, uint64_t *out)
{
	uint64_t v = 0;

	if (s.len == 0)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		if (!ch_digit(s.p[i]))
			return false;
		if (__builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(s.p[i] - '0'), &v) || v > max)
			return false;
	}
	*out = v;
	return true;
}

bool str_i64(struct str s, int64_t *out)
{
	uint64_t v;
	bool neg = s.len && s.p[0] == '-';

	if (!str_u64(neg ? str_from(s, 1) : s, (uint64_t)INT64_MAX + neg, &v))
		return false;
	*out = neg ? (int64_t)(0 - v) : (int64_t)v;
	return true;
}

bool str_take_u64(struct str *s, unsigned max_digits, uint64_t max, uint64_t *out)
{
	size_t n = 0;

	while (n < s->len && n < max_digits && ch_digit(s->p[n]))
		n++;
	if (!str_u64(str_sub(*s, 0, n), max, out))
		return false;
	*s = str_from(*s, n);
	return true;
}

bool str_hex64(struct str s, uint64_t *out)
{
	uint64_t v = 0;

	if (s.len == 0 || s.len > 16)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		if (!ch_xdigit(s.p[i]))
			return false;
		v = v << 4 | (uint64_t)(ch_digit(s.p[i]) ? s.p[i] - '0' : (s.p[i] | 32) - 'a' + 10);
	}
	*out = v;
	return true;
}
