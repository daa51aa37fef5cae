/*
 * number.c - see number.h.
 *
 * Printing: most doubles in logs are small integers and short decimals, found by scaling with an exact power of
 * ten; everything else goes through libc's correctly rounded "%e" and is read back until it is the same. Reading:
 * a mantissa below 2^53 with a small power of ten is one exact operation (Clinger), the rest is strtod_l's.
 */
#include "base/number.h"
#include "base/err.h"

#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static const double pow10_exact[] = {1e0,  1e1,	 1e2,  1e3,  1e4,  1e5,	 1e6,  1e7,  1e8,  1e9,	 1e10, 1e11,
				     1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

enum { POW10_MAX = 22 };

/* 0.d1d2d3... * 10^point; d1 is not 0 unless the number is 0. */
struct decimal {
	char digit[20];
	int n, point;
};

static double c_strtod(const char *z, char **end)
{
	/* glibc hands out its static "C" object here: nothing is allocated or freed. */
	return strtod_l(z, end, newlocale(LC_ALL_MASK, "C", (locale_t)0));
}

static void decimal_from_u64(struct decimal *dec, uint64_t v, int scale)
{
	char t[20];
	int n = 0;

	while (v) {
		t[n++] = (char)('0' + v % 10);
		v /= 10;
	}
	dec->point = n - scale;
	dec->n = n;
	for (int i = 0; i < n; i++)
		dec->digit[i] = t[n - 1 - i];
	while (dec->n > 1 && dec->digit[dec->n - 1] == '0')
		dec->n--;
}

/*
 * Up to 15 digits name a double unambiguously, so a scaled integer that divides back to d holds its shortest
 * digits. The division of two exact doubles rounds once, as reading the text would.
 */
static bool decimal_short(struct decimal *dec, double d)
{
	if (d >= 1e15 || d < 1e-5)
		return false;
	for (int k = 0; k <= 8; k++) {
		double m = d * pow10_exact[k];
		uint64_t v;

		if (m >= 1e15)
			return false;
		v = (uint64_t)(m + 0.5);
		/* m is rounded once: the right integer is not further away than that. Spares most divisions. */
		if (fabs(m - (double)v) <= m * 4e-16 && (double)v / pow10_exact[k] == d) {
			decimal_from_u64(dec, v, k);
			return v != 0;
		}
	}
	return false;
}

/* d rounded to n digits; true if that reads back as d. */
static bool decimal_rounded(struct decimal *dec, double d, int n)
{
	char text[48], back[48];
	int e = 0, len = 0;
	bool neg = false;
	const char *p = text;

	snprintf(text, sizeof(text), "%.*e", n - 1, d);
	/* The decimal point is whatever the locale says: take the digits only. */
	dec->n = 0;
	for (; *p && *p != 'e'; p++)
		if (ch_digit(*p))
			dec->digit[dec->n++] = *p;
	if (*p == 'e')
		p++;
	if (*p == '-' || *p == '+')
		neg = *p++ == '-';
	for (; ch_digit(*p); p++)
		e = e * 10 + (*p - '0');
	dec->point = (neg ? -e : e) + 1;
	back[len++] = dec->digit[0];
	back[len++] = '.';
	memcpy(back + len, dec->digit + 1, (size_t)dec->n - 1);
	len += dec->n - 1;
	snprintf(back + len, sizeof(back) - (size_t)len, "e%d", dec->point - 1);
	return c_strtod(back, NULL) == d;
}

/* The shortest digits that read back as d > 0, the nearest of them; Java wants two at least. */
static void decimal_shortest(struct decimal *dec, double d, int min)
{
	int n = 15;

	if (decimal_short(dec, d))
		return;
	/* 15 digits are unambiguous but for the subnormal numbers, whose precision ends earlier. */
	if (d < 2.2250738585072014e-308)
		n = min;
	while (n < 17 && !decimal_rounded(dec, d, n))
		n++;
	if (n == 17)
		decimal_rounded(dec, d, n);
	while (dec->n > 1 && dec->digit[dec->n - 1] == '0')
		dec->n--;
}

/* Digits i.. of dec, zeros beyond. */
static size_t put_digits(char *out, const struct decimal *dec, int from, int to)
{
	for (int i = from; i < to; i++)
		*out++ = i >= 0 && i < dec->n ? dec->digit[i] : '0';
	return (size_t)(to - from);
}

static size_t put_fixed(char *out, const struct decimal *dec)
{
	size_t n = 0;

	if (dec->point <= 0) {
		out[n++] = '0';
		out[n++] = '.';
		return n + put_digits(out + n, dec, dec->point, dec->n);
	}
	n = put_digits(out, dec, 0, dec->point);
	out[n++] = '.';
	return n + put_digits(out + n, dec, dec->point, dec->n > dec->point ? dec->n : dec->point + 1);
}

static size_t put_scientific(char *out, const struct decimal *dec)
{
	size_t n = put_digits(out, dec, 0, 1);

	out[n++] = '.';
	return n + put_digits(out + n, dec, 1, dec->n > 1 ? dec->n : 2);
}

/* NaN, infinities and zero; 0 for the rest, then *neg says the sign. */
static size_t put_special(double d, char *out)
{
	const char *z = NULL;

	if (isnan(d))
		z = "NaN";
	else if (isinf(d))
		z = d < 0 ? "-Infinity" : "Infinity";
	else if (d == 0)
		z = signbit(d) ? "-0.0" : "0.0";
	if (!z)
		return 0;
	memcpy(out, z, strlen(z));
	return strlen(z);
}

size_t java_double_text(double d, char out[NUMBER_TEXT_MAX])
{
	struct decimal dec;
	size_t n = put_special(d, out);
	double abs = fabs(d);

	if (n)
		return n;
	if (d < 0)
		out[n++] = '-';
	decimal_shortest(&dec, abs, 2);
	if (abs >= 1e-3 && abs < 1e7)
		return n + put_fixed(out + n, &dec);
	n += put_scientific(out + n, &dec);
	return n + (size_t)snprintf(out + n, NUMBER_TEXT_MAX - n, "E%d", dec.point - 1);
}

size_t ruby_double_text(double d, char out[NUMBER_TEXT_MAX])
{
	struct decimal dec;
	size_t n = put_special(d, out);

	if (n)
		return n;
	if (d < 0)
		out[n++] = '-';
	decimal_shortest(&dec, fabs(d), 1);
	if (dec.point > -4 && dec.point <= 16)
		return n + put_fixed(out + n, &dec);
	n += put_scientific(out + n, &dec);
	return n + (size_t)snprintf(out + n, NUMBER_TEXT_MAX - n, "e%+03d", dec.point - 1);
}

/* What a scan of digits, fraction and exponent found. */
struct scanned {
	uint64_t mantissa; /* the first 19 digits */
	int64_t exp10;	   /* of the mantissa */
	bool exact;	   /* no digit was left out */
};

static void scan_digit(struct scanned *sc, int *used, char c)
{
	if (*used < 19) {
		sc->mantissa = sc->mantissa * 10 + (uint64_t)(c - '0');
		*used += sc->mantissa != 0;
	} else {
		sc->exp10++;
		sc->exact = sc->exact && c == '0';
	}
}

/* true: *out is the rounded value. */
static bool scanned_fast(const struct scanned *sc, double *out)
{
	if (!sc->exact || sc->mantissa > (uint64_t)1 << 53)
		return false;
	if (sc->mantissa == 0) {
		*out = 0;
		return true;
	}
	if (sc->exp10 < -POW10_MAX || sc->exp10 > POW10_MAX)
		return false;
	*out = sc->exp10 < 0 ? (double)sc->mantissa / pow10_exact[-sc->exp10] :
			       (double)sc->mantissa * pow10_exact[sc->exp10];
	return true;
}

/* By libc, from text in the C locale's form. */
static double slow_double(struct str s)
{
	char small[128], *z = s.len < sizeof(small) ? small : xmalloc(s.len + 1);
	double d;

	memcpy(z, s.p, s.len);
	z[s.len] = 0;
	d = c_strtod(z, NULL);
	if (z != small)
		free(z);
	return d;
}

/* Exponents beyond this only say "zero" or "infinity", however many digits stand before them. */
enum { EXP_CLIP = 100000000 };

/* "e[+-]digits" at *i; false and *i unmoved where that is not there. */
static bool scan_exponent(struct str s, size_t *i, int64_t *exp)
{
	size_t at = *i;
	int64_t e = 0;
	bool neg = false;

	if (at >= s.len || (s.p[at] | 32) != 'e')
		return false;
	at++;
	if (at < s.len && (s.p[at] == '-' || s.p[at] == '+'))
		neg = s.p[at++] == '-';
	if (at >= s.len || !ch_digit(s.p[at]))
		return false;
	for (; at < s.len && ch_digit(s.p[at]); at++)
		if (e < EXP_CLIP)
			e = e * 10 + (s.p[at] - '0');
	*exp = neg ? -e : e;
	*i = at;
	return true;
}

bool number_parse_double(struct str s, double *out)
{
	struct scanned sc = {.exact = true};
	bool neg = s.len && s.p[0] == '-';
	size_t i = neg;
	int64_t e = 0;
	int used = 0;

	if (i >= s.len || !ch_digit(s.p[i]) || (s.p[i] == '0' && i + 1 < s.len && ch_digit(s.p[i + 1])))
		return false;
	for (; i < s.len && ch_digit(s.p[i]); i++)
		scan_digit(&sc, &used, s.p[i]);
	if (i < s.len && s.p[i] == '.') {
		if (++i >= s.len || !ch_digit(s.p[i]))
			return false;
		for (; i < s.len && ch_digit(s.p[i]); i++) {
			scan_digit(&sc, &used, s.p[i]);
			sc.exp10--;
		}
	}
	if (i < s.len && (!scan_exponent(s, &i, &e) || i < s.len))
		return false;
	sc.exp10 += e;
	if (scanned_fast(&sc, out)) {
		if (neg)
			*out = -*out;
		return true;
	}
	*out = slow_double(s);
	return true;
}

static size_t ruby_blanks(struct str s)
{
	size_t i = 0;

	while (i < s.len && (s.p[i] == ' ' || (s.p[i] >= '\t' && s.p[i] <= '\r')))
		i++;
	return i;
}

/* Behind blanks and sign (and to_i's "0d"). */
static size_t ruby_int_start(struct str s, bool *neg)
{
	size_t i = ruby_blanks(s);

	*neg = false;
	if (i < s.len && (s.p[i] == '-' || s.p[i] == '+'))
		*neg = s.p[i++] == '-';
	if (s.len - i > 2 && s.p[i] == '0' && (s.p[i + 1] | 32) == 'd' && ch_digit(s.p[i + 2]))
		i += 2;
	return i;
}

/* The next digit of a run in which single underscores may stand between digits, or -1. */
static int ruby_digit(struct str s, size_t *i, bool first)
{
	size_t at = *i;

	if (!first && at < s.len && s.p[at] == '_')
		at++;
	if (at >= s.len || !ch_digit(s.p[at]))
		return -1;
	*i = at + 1;
	return s.p[at] - '0';
}

bool ruby_to_i(struct str s, int64_t *out)
{
	bool neg;
	size_t i = ruby_int_start(s, &neg);
	int64_t v = 0;

	for (int d, n = 0; (d = ruby_digit(s, &i, n == 0)) >= 0; n = 1) {
		if (__builtin_mul_overflow(v, 10, &v) || __builtin_sub_overflow(v, d, &v))
			return false;
	}
	/* Summed up below zero, where the range is larger by one. */
	if (!neg && __builtin_sub_overflow((int64_t)0, v, &v))
		return false;
	*out = v;
	return true;
}

struct str ruby_to_i_digits(struct arena *a, struct str s)
{
	bool neg;
	size_t i = ruby_int_start(s, &neg), n = 0;
	char *out = arena_bytes(a, s.len - i + 2);

	if (neg)
		out[n++] = '-';
	for (int d, first = 1; (d = ruby_digit(s, &i, first)) >= 0; first = 0)
		if (d || n > neg)
			out[n++] = (char)('0' + d);
	if (n == neg)
		return STR("0");
	return str_n(out, n);
}

double ruby_to_f(struct str s)
{
	struct scanned sc = {.exact = true};
	size_t start = ruby_blanks(s), i = start, n = 0;
	bool neg = false, any = false;
	int used = 0;
	int64_t e = 0;
	double d;
	char small[128], *z;

	if (i < s.len && (s.p[i] == '-' || s.p[i] == '+'))
		neg = s.p[i++] == '-';
	if (s.len - i > 1 && s.p[i] == '0' && (s.p[i + 1] | 32) == 'x')
		return neg ? -0.0 : 0;
	z = s.len - i < 64 ? small : xmalloc(s.len - i + 32);
	for (int c; (c = ruby_digit(s, &i, !any)) >= 0; any = true) {
		scan_digit(&sc, &used, (char)('0' + c));
		z[n++] = (char)('0' + c);
	}
	if (s.len - i > 1 && s.p[i] == '.' && ch_digit(s.p[i + 1])) {
		i++;
		if (!any)
			z[n++] = '0';
		z[n++] = '.';
		for (int c, first = 1; (c = ruby_digit(s, &i, first)) >= 0; first = 0, any = true) {
			scan_digit(&sc, &used, (char)('0' + c));
			sc.exp10--;
			z[n++] = (char)('0' + c);
		}
	}
	if (any && scan_exponent(s, &i, &e))
		n += (size_t)snprintf(z + n, 24, "e%lld", (long long)e);
	z[n] = 0;
	sc.exp10 += e;
	if (!any)
		d = 0;
	else if (!scanned_fast(&sc, &d))
		d = c_strtod(z, NULL);
	if (z != small)
		free(z);
	return neg ? -d : d;
}

struct str i64_text(struct arena *a, int64_t i)
{
	char text[20], *p = text + sizeof(text);
	uint64_t v = i < 0 ? 0 - (uint64_t)i : (uint64_t)i;

	do
		*--p = (char)('0' + v % 10);
	while (v /= 10);
	if (i < 0)
		*--p = '-';
	return arena_dup(a, str_n(p, (size_t)(text + sizeof(text) - p)));
}
