#include "base/ts.h"

#include <stdio.h>

static const int64_t seconds_per_day = 86400;

int64_t civil_days(int64_t y, int m, int d)
{
	int64_t era, yoe, doy;

	y -= m <= 2;
	era = (y >= 0 ? y : y - 399) / 400;
	yoe = y - era * 400;
	doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
	return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

int64_t civil_seconds(const struct civil *c)
{
	return civil_days(c->year, c->month, c->day) * seconds_per_day + c->hour * 3600 + c->min * 60 + c->sec;
}

void civil_from_seconds(int64_t s, struct civil *out)
{
	int64_t days = s / seconds_per_day, rest = s % seconds_per_day, era, doe, yoe, doy, mp;

	if (rest < 0) {
		rest += seconds_per_day;
		days--;
	}
	days += 719468;
	era = (days >= 0 ? days : days - 146096) / 146097;
	doe = days - era * 146097;
	yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	mp = (5 * doy + 2) / 153;
	out->day = (int)(doy - (153 * mp + 2) / 5 + 1);
	out->month = (int)(mp < 10 ? mp + 3 : mp - 9);
	out->year = yoe + era * 400 + (out->month <= 2);
	out->hour = (int)(rest / 3600);
	out->min = (int)(rest / 60 % 60);
	out->sec = (int)(rest % 60);
}

int civil_weekday(int64_t days)
{
	int64_t w = (days + 3) % 7;

	return (int)(w < 0 ? w + 7 : w) + 1;
}

static char *put_digits(char *p, unsigned v, int n)
{
	for (int i = n - 1; i >= 0; i--) {
		p[i] = (char)('0' + v % 10);
		v /= 10;
	}
	return p + n;
}

/* "2026-06-01T03:12:44" */
static size_t format_second(int64_t s, char *out)
{
	struct civil c;
	char *p = out;

	civil_from_seconds(s, &c);
	if (c.year >= 0 && c.year <= 9999)
		p = put_digits(p, (unsigned)c.year, 4);
	else
		p += snprintf(p, 16, "%c%04lld", c.year < 0 ? '-' : '+', (long long)(c.year < 0 ? -c.year : c.year));
	*p++ = '-';
	p = put_digits(p, (unsigned)c.month, 2);
	*p++ = '-';
	p = put_digits(p, (unsigned)c.day, 2);
	*p++ = 'T';
	p = put_digits(p, (unsigned)c.hour, 2);
	*p++ = ':';
	p = put_digits(p, (unsigned)c.min, 2);
	*p++ = ':';
	p = put_digits(p, (unsigned)c.sec, 2);
	return (size_t)(p - out);
}

size_t ts_format(struct ts t, char out[TS_TEXT_MAX])
{
	/* Lines come in order of time, many in a second. */
	static _Thread_local struct {
		int64_t s;
		size_t len; /* 0: nothing yet */
		char text[TS_TEXT_MAX];
	} last;
	char *p = out;

	if (last.len == 0 || last.s != t.s) {
		last.len = format_second(t.s, last.text);
		last.s = t.s;
	}
	memcpy(out, last.text, TS_TEXT_MAX);
	p += last.len;
	*p++ = '.';
	if (t.ns % 1000000 == 0)
		p = put_digits(p, t.ns / 1000000, 3);
	else if (t.ns % 1000 == 0)
		p = put_digits(p, t.ns / 1000, 6);
	else
		p = put_digits(p, t.ns, 9);
	*p++ = 'Z';
	return (size_t)(p - out);
}

/* Exactly that many digits, at most nine. */
static bool take_int(struct str *s, unsigned digits, unsigned max, int *out)
{
	unsigned v = 0;

	if (s->len < digits)
		return false;
	for (unsigned i = 0; i < digits; i++) {
		if (!ch_digit(s->p[i]))
			return false;
		v = v * 10 + (unsigned)(s->p[i] - '0');
	}
	if (v > max)
		return false;
	s->p += digits;
	s->len -= digits;
	*out = (int)v;
	return true;
}

static bool take_ch(struct str *s, char c)
{
	if (s->len == 0 || s->p[0] != c)
		return false;
	*s = str_from(*s, 1);
	return true;
}

static int month_days(int64_t year, int month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return days[month - 1] + (month == 2 && leap);
}

/* "Z", "+02", "+0200", "+02:00" */
static bool take_offset(struct str *s, int *seconds)
{
	int h, m = 0, sign;

	if (take_ch(s, 'Z') || take_ch(s, 'z')) {
		*seconds = 0;
		return true;
	}
	if (s->len == 0 || (s->p[0] != '+' && s->p[0] != '-'))
		return false;
	sign = s->p[0] == '-' ? -1 : 1;
	*s = str_from(*s, 1);
	if (!take_int(s, 2, 23, &h))
		return false;
	if (take_ch(s, ':') || s->len)
		if (!take_int(s, 2, 59, &m))
			return false;
	*seconds = sign * (h * 3600 + m * 60);
	return true;
}

/* "2020", "-0001", "+12020": more than four digits want a sign. */
static bool take_year(struct str *s, int64_t *out)
{
	bool neg = take_ch(s, '-'), plus = !neg && take_ch(s, '+');
	uint64_t year;
	unsigned digits = 0;

	while (digits < s->len && ch_digit(s->p[digits]))
		digits++;
	if (digits < 4 || digits > (neg || plus ? 9 : 4) || (plus && digits == 4))
		return false;
	if (!str_take_u64(s, digits, 999999999, &year))
		return false;
	*out = neg ? -(int64_t)year : (int64_t)year;
	return true;
}

/* "03:04", "03:04:05.678"; 24:00 is the next day's midnight. */
static bool take_time(struct str *s, struct civil *c, uint32_t *ns)
{
	unsigned n = 0;

	if (!take_int(s, 2, 24, &c->hour) || !take_ch(s, ':') || !take_int(s, 2, 59, &c->min))
		return false;
	if (take_ch(s, ':')) {
		if (!take_int(s, 2, 59, &c->sec))
			return false;
		if (take_ch(s, '.')) {
			for (; s->len && ch_digit(s->p[0]) && n < 9; n++, *s = str_from(*s, 1))
				*ns = *ns * 10 + (uint32_t)(s->p[0] - '0');
			if (n == 0)
				return false;
			for (; n < 9; n++)
				*ns *= 10;
		}
	}
	return c->hour < 24 || (c->min == 0 && c->sec == 0 && *ns == 0);
}

bool ts_parse_iso(struct str s, struct ts *out)
{
	struct civil c = {.month = 1, .day = 1};
	int offset = 0, days;
	uint32_t ns = 0;

	if (!take_year(&s, &c.year))
		return false;
	if (!take_ch(&s, '-') || !take_int(&s, 2, 12, &c.month) || c.month < 1)
		return false;
	if (!take_ch(&s, '-') || !take_int(&s, 2, 31, &c.day) || c.day < 1)
		return false;
	/* Java resolves a day that a month lacks to the month's last. */
	days = month_days(c.year, c.month);
	if (c.day > days)
		c.day = days;
	if (take_ch(&s, 'T') || take_ch(&s, 't')) {
		if (!take_time(&s, &c, &ns))
			return false;
		if (s.len && !take_offset(&s, &offset))
			return false;
	}
	if (s.len)
		return false;
	*out = (struct ts){civil_seconds(&c) - offset, ns};
	return true;
}
