#include "event/ruby_number.h"

#include "base/number.h"

#include <math.h>

/* Digits with single underscores between them. */
static struct str take_digits(struct str *s)
{
	size_t n = 0;
	struct str d;

	while (n < s->len && (ch_digit(s->p[n]) || (s->p[n] == '_' && n && ch_digit(s->p[n - 1]) && n + 1 < s->len &&
						     ch_digit(s->p[n + 1]))))
		n++;
	d = str_sub(*s, 0, n);
	*s = str_from(*s, n);
	return d;
}

bool ruby_decimal(struct str s, struct ruby_decimal *d)
{
	*d = (struct ruby_decimal){0};
	if (s.len && (s.p[0] == '+' || s.p[0] == '-')) {
		d->neg = s.p[0] == '-';
		s = str_from(s, 1);
	}
	d->whole = take_digits(&s);
	if (s.len && s.p[0] == '.') {
		s = str_from(s, 1);
		d->point = true;
		d->frac = take_digits(&s);
	}
	if (d->whole.len == 0 && d->frac.len == 0)
		return false;
	if (s.len && (s.p[0] | 32) == 'e') {
		bool neg = s.len > 1 && s.p[1] == '-';
		struct str digits;

		s = str_from(s, s.len > 1 && (s.p[1] == '-' || s.p[1] == '+') ? 2 : 1);
		digits = take_digits(&s);
		if (digits.len == 0)
			return false;
		for (size_t i = 0; i < digits.len && d->exp < 1000000; i++)
			if (digits.p[i] != '_')
				d->exp = d->exp * 10 + (digits.p[i] - '0');
		if (neg)
			d->exp = -d->exp;
		d->has_exp = true;
	}
	return s.len == 0;
}

struct value ruby_int_value(struct arena *a, struct str digits, bool neg)
{
	char *p;
	int64_t i;
	struct str text;

	while (digits.len > 1 && digits.p[0] == '0')
		digits = str_from(digits, 1);
	p = arena_bytes(a, digits.len + 1);
	p[0] = '-';
	memcpy(p + 1, digits.p, digits.len);
	text = neg && !str_eq(digits, STR("0")) ? str_n(p, digits.len + 1) : str_n(p + 1, digits.len);
	if (str_i64(text, &i))
		return v_int(i);
	return (struct value){.type = V_BIGINT, .len = (uint32_t)text.len, .s = text.p};
}

bool ruby_decimal_float(struct str s, double *out)
{
	struct ruby_decimal d;

	if (!ruby_decimal(s, &d) || (d.point && d.frac.len == 0))
		return false;
	*out = ruby_to_f(s);
	return true;
}

bool ruby_hex_prefix(struct str s, bool *neg, struct str *digits)
{
	size_t sign = s.len && (s.p[0] == '+' || s.p[0] == '-');

	if (s.len < sign + 2 || s.p[sign] != '0' || (s.p[sign + 1] | 32) != 'x')
		return false;
	*neg = s.p[0] == '-';
	*digits = str_from(s, sign + 2);
	return true;
}

static int hex_digit(char c)
{
	return ch_digit(c) ? c - '0' : (c | 32) - 'a' + 10;
}

bool ruby_hex_float(struct str s, bool neg, double *out)
{
	double v = 0;
	size_t digits = 0, i = 0;
	int scale = 0;
	int64_t e = 0;

	for (; i < s.len && ch_xdigit(s.p[i]); i++, digits++)
		v = v * 16 + hex_digit(s.p[i]);
	if (i < s.len && s.p[i] == '.' && digits) {
		size_t from = ++i;

		for (; i < s.len && ch_xdigit(s.p[i]); i++)
			if (scale > -1000) {
				v = v * 16 + hex_digit(s.p[i]);
				scale -= 4;
			}
		if (i == from)
			return false;
	}
	if (digits == 0)
		return false;
	if (i < s.len && (s.p[i] | 32) == 'p') {
		struct str rest = str_from(s, i + 1);

		if (rest.len && rest.p[0] == '+')
			rest = str_from(rest, 1);
		if (!str_i64(rest, &e) || e > 5000 || e < -5000)
			return false;
		i = s.len;
	}
	if (i < s.len)
		return false;
	v = ldexp(v, scale + (int)e);
	*out = neg ? -v : v;
	return true;
}

/* What Ruby's strip leaves out. */
static struct str stripped(struct str s)
{
	while (s.len && (s.p[0] == ' ' || (s.p[0] >= '\t' && s.p[0] <= '\r')))
		s = str_from(s, 1);
	while (s.len && (s.p[s.len - 1] == ' ' || (s.p[s.len - 1] >= '\t' && s.p[s.len - 1] <= '\r')))
		s.len--;
	return s;
}

bool ruby_float(struct str s, double *out)
{
	struct str digits;
	bool neg;

	s = stripped(s);
	if (ruby_hex_prefix(s, &neg, &digits))
		return ruby_hex_float(digits, neg, out);
	return ruby_decimal_float(s, out);
}

/* "0x", "0b", "0o", "0d" or a zero alone at the front of *s: which base it means. *s moves behind it. */
static unsigned take_base(struct str *s)
{
	static const struct {
		char c;
		unsigned base;
	} letters[] = {{'x', 16}, {'b', 2}, {'o', 8}, {'d', 10}};

	if (s->len < 2 || s->p[0] != '0')
		return 10;
	for (size_t i = 0; i < sizeof(letters) / sizeof(*letters); i++)
		if ((s->p[1] | 32) == letters[i].c) {
			*s = str_from(*s, 2);
			return letters[i].base;
		}
	*s = str_from(*s, 1);
	if (s->p[0] == '_')
		*s = str_from(*s, 1);
	return 8;
}

bool ruby_integer(struct arena *a, struct str s, struct value *out)
{
	bool neg = false;
	unsigned base;
	uint64_t v = 0;
	char *plain;
	size_t n = 0;

	s = stripped(s);
	if (s.len && (s.p[0] == '+' || s.p[0] == '-')) {
		neg = s.p[0] == '-';
		s = str_from(s, 1);
	}
	base = take_base(&s);
	plain = arena_bytes(a, s.len + 1);
	for (size_t i = 0; i < s.len; i++) {
		unsigned digit = ch_digit(s.p[i]) ? (unsigned)(s.p[i] - '0') : ch_xdigit(s.p[i]) ? (unsigned)((s.p[i] | 32) - 'a' + 10) : 99;

		if (s.p[i] == '_' && i && i + 1 < s.len && s.p[i - 1] != '_')
			continue;
		if (digit >= base)
			return false;
		plain[n++] = s.p[i];
		/* Beyond 64 bits only decimal numbers are kept exactly. */
		if (base != 10 && v > (UINT64_MAX - digit) / base)
			return false;
		v = v * base + digit;
	}
	if (n == 0)
		return false;
	*out = ruby_int_value(a, base == 10 ? str_n(plain, n) : arena_printf(a, "%llu", (unsigned long long)v), neg);
	return true;
}
