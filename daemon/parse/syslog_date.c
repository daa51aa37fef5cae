/*
 * syslog_date.c - the dates that stand in syslog headers, and the moment they mean.
 *
 *	Oct 11 22:14:15[.123]			RFC 3164; one or two digits of a day, any run of blanks
 *	Oct 11 2026 22:14:15			Cisco ASA, Huawei
 *	Oct 11 22:14:15 2026			Aruba, ctime
 *	2026 Oct 11 22:14:15			Cisco NX-OS
 *	Thu Oct 11 22:14:15 [2026]		with the day of the week, which is not looked at
 *	2026-10-11T22:14:15[.123][Z|+02:00]	ISO 8601; also with a blank or '/'
 */
#include "parse/syslog.h"

struct cur {
	const char *p, *end;
};

static bool at(const struct cur *c, char ch)
{
	return c->p < c->end && *c->p == ch;
}

static bool skip(struct cur *c, char ch)
{
	if (!at(c, ch))
		return false;
	c->p++;
	return true;
}

static bool blank(const struct cur *c)
{
	return c->p < c->end && (*c->p == ' ' || *c->p == '\t');
}

static bool skip_blanks(struct cur *c)
{
	if (!blank(c))
		return false;
	while (blank(c))
		c->p++;
	return true;
}

/* min to max digits and no more. */
static bool number(struct cur *c, int min, int max, int *out)
{
	const char *p = c->p;
	int v = 0, n = 0;

	while (p < c->end && ch_digit(*p) && n < max) {
		v = v * 10 + (*p++ - '0');
		n++;
	}
	if (n < min || (p < c->end && ch_digit(*p)))
		return false;
	c->p = p;
	*out = v;
	return true;
}

/*
 * The name of a month, short or whole, in any case, English or German (what Logstash's MONTH takes). 1..12 or 0.
 */
static int month(struct cur *c)
{
	static const char key[] = "janfebmaraprmayjunjulaugsepoctnovdec";
	static const struct {
		const char *name;
		int month;
	} others[] = {
		{"mai", 5},	  {"okt", 10},	   {"dez", 12},	     {"mrz", 3},      {"m\xc3\xa4r", 3}, {"m\xc3\xa4rz", 3},
		{"january", 1},	  {"february", 2}, {"march", 3},     {"april", 4},    {"june", 6},	 {"july", 7},
		{"august", 8},	  {"september", 9}, {"october", 10}, {"november", 11}, {"december", 12}, {"januar", 1},
		{"februar", 2},	  {"juni", 6},	   {"juli", 7},	     {"oktober", 10}, {"dezember", 12},
	};
	char m[10];
	size_t n = 0;

	while (n < sizeof(m) && c->p + n < c->end && (ch_alpha(c->p[n]) || (c->p[n] & 0x80))) {
		m[n] = ch_lower(c->p[n]);
		n++;
	}
	if (n < 3 || n == sizeof(m))
		return 0;
	if (n == 3)
		for (int i = 0; i < 12; i++)
			if (m[0] == key[i * 3] && m[1] == key[i * 3 + 1] && m[2] == key[i * 3 + 2]) {
				c->p += 3;
				return i + 1;
			}
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
		if (strlen(others[i].name) == n && memcmp(others[i].name, m, n) == 0) {
			c->p += n;
			return others[i].month;
		}
	return 0;
}

static bool weekday(struct cur *c)
{
	static const char names[] = "MonTueWedThuFriSatSun";
	struct cur t = *c;

	if (c->end - c->p < 4)
		return false;
	for (int i = 0; i < 7; i++)
		if (memcmp(c->p, names + i * 3, 3) == 0) {
			t.p += 3;
			skip(&t, ',');
			if (!skip_blanks(&t))
				return false;
			*c = t;
			return true;
		}
	return false;
}

/* hh:mm:ss and a fraction of any length, of which nine digits count. */
static bool time_of_day(struct cur *c, struct syslog_stamp *s)
{
	if (!number(c, 1, 2, &s->civil.hour) || !skip(c, ':') || !number(c, 2, 2, &s->civil.min) || !skip(c, ':') ||
	    !number(c, 2, 2, &s->civil.sec))
		return false;
	if ((at(c, '.') || at(c, ',')) && c->end - c->p > 1 && ch_digit(c->p[1])) {
		unsigned n = 0;

		for (c->p++; c->p < c->end && ch_digit(*c->p); c->p++)
			if (n < 9) {
				s->ns = s->ns * 10 + (uint32_t)(*c->p - '0');
				n++;
			}
		for (; n < 9; n++)
			s->ns *= 10;
	}
	return true;
}

static int days_of(int64_t year, int m)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

	return days[m - 1] + (m == 2 && year % 4 == 0 && (year % 100 != 0 || year % 400 == 0));
}

/* Without a year Feb 29 may exist. Second 60 is a leap second. */
static enum syslog_date exists(const struct syslog_stamp *s)
{
	const struct civil *c = &s->civil;

	if (c->month < 1 || c->month > 12 || c->day < 1 || c->day > days_of(s->has_year ? c->year : 2000, c->month))
		return SYSLOG_DATE_ABSURD;
	if (c->hour > 23 || c->min > 59 || c->sec > 60 || (s->has_offset && (s->offset > 86399 || s->offset < -86399)))
		return SYSLOG_DATE_ABSURD;
	return SYSLOG_DATE_OK;
}

static bool offset_digits(struct cur *c, int32_t *out)
{
	struct cur t = *c;
	int h, m = 0;
	bool west = at(c, '-');

	if (!skip(&t, '+') && !skip(&t, '-'))
		return false;
	if (t.end - t.p >= 4 && ch_digit(t.p[2])) {
		/* +hhmm */
		if (!number(&t, 4, 4, &h))
			return false;
		m = h % 100;
		h /= 100;
	} else {
		if (!number(&t, 2, 2, &h))
			return false;
		if (skip(&t, ':') && !number(&t, 2, 2, &m))
			return false;
	}
	/* Hours that no zone has are kept: exists() calls the date absurd. */
	*out = (h * 3600 + (m > 59 ? 86400 : m * 60)) * (west ? -1 : 1);
	*c = t;
	return true;
}

static bool iso(struct cur *c, struct syslog_stamp *s)
{
	struct cur t = *c;
	char sep;
	int year;

	if (t.end - t.p < 19 || !number(&t, 4, 4, &year))
		return false;
	sep = *t.p;
	if ((sep != '-' && sep != '/') || (t.p++, !number(&t, 1, 2, &s->civil.month)) || !skip(&t, sep) ||
	    !number(&t, 1, 2, &s->civil.day))
		return false;
	if (!skip(&t, 'T') && !skip(&t, 't') && !skip(&t, ' '))
		return false;
	if (!time_of_day(&t, s))
		return false;
	s->civil.year = year;
	s->has_year = true;
	if (skip(&t, 'Z') || skip(&t, 'z'))
		s->has_offset = true;
	else
		s->has_offset = offset_digits(&t, &s->offset);
	*c = t;
	return true;
}

static bool year4(struct cur *c, struct syslog_stamp *s)
{
	struct cur t = *c;
	int year;

	if (!number(&t, 4, 4, &year) || year < 1970 || !blank(&t))
		return false;
	s->civil.year = year;
	s->has_year = true;
	*c = t;
	return true;
}

static bool bsd(struct cur *c, struct syslog_stamp *s)
{
	struct cur t = *c;

	weekday(&t);
	if (year4(&t, s))
		skip_blanks(&t);
	s->civil.month = month(&t);
	if (!s->civil.month || !skip_blanks(&t) || !number(&t, 1, 2, &s->civil.day) || !skip_blanks(&t))
		return false;
	if (!s->has_year && year4(&t, s))
		skip_blanks(&t);
	if (!time_of_day(&t, s))
		return false;
	*c = t;
	/* "22:14:15 2026 host": only before a blank, and only what can be a year. */
	if (!s->has_year && skip_blanks(&t)) {
		struct syslog_stamp dated = *s;

		if (year4(&t, &dated) && dated.civil.year < 3000) {
			*s = dated;
			*c = t;
		}
	}
	return true;
}

static inline int two_digits(const char *p)
{
	unsigned a = (unsigned char)(p[0] - '0'), b = (unsigned char)(p[1] - '0');

	return a < 10 && b < 10 ? (int)(a * 10 + b) : -1;
}

/*
 * What nearly all lines have, to the byte: "Oct 11 22:14:15 " or "Oct  1 22:14:15 " and no digit behind it (a year). Everything else
 * takes the long way.
 */
static bool usual(const char *p, size_t len, struct syslog_stamp *s)
{
	static const char key[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	struct civil *c = &s->civil;

	if (len < 17 || p[3] != ' ' || p[6] != ' ' || p[9] != ':' || p[12] != ':' || p[15] != ' ' || ch_digit(p[16]) || p[16] == ' ')
		return false;
	c->day = p[4] == ' ' && ch_digit(p[5]) ? p[5] - '0' : two_digits(p + 4);
	c->hour = two_digits(p + 7);
	c->min = two_digits(p + 10);
	c->sec = two_digits(p + 13);
	if (c->day < 0 || c->hour < 0 || c->min < 0 || c->sec < 0)
		return false;
	for (int i = 0; i < 12; i++)
		if (memcmp(p, key + i * 3, 3) == 0) {
			c->month = i + 1;
			return true;
		}
	return false;
}

enum syslog_date syslog_take_date(struct str *s, struct syslog_stamp *out, struct str *text, bool *is_iso)
{
	struct syslog_stamp st = {0};
	struct cur c = {s->p, s->p + s->len};

	if (s->len < 14)
		return SYSLOG_DATE_NONE;
	if (usual(s->p, s->len, &st)) {
		*is_iso = false;
		*text = str_n(s->p, 15);
		*s = str_from(*s, 15);
		*out = st;
		return exists(&st);
	}
	st = (struct syslog_stamp){0};
	*is_iso = ch_digit(s->p[0]) && iso(&c, &st);
	if (!*is_iso) {
		st = (struct syslog_stamp){0};
		if (!bsd(&c, &st))
			return SYSLOG_DATE_NONE;
	}
	/* A date ends at a blank, at Cisco's colon or with the line: "Oct 11 22:14:15h1" holds none. */
	if (c.p < c.end && !blank(&c) && *c.p != ':')
		return SYSLOG_DATE_NONE;
	*text = str_n(s->p, (size_t)(c.p - s->p));
	*s = str_n(c.p, (size_t)(c.end - c.p));
	*out = st;
	return exists(&st);
}

enum syslog_date syslog_iso_date(struct str s, struct syslog_stamp *out)
{
	struct syslog_stamp st = {0};
	struct cur c = {s.p, s.p + s.len};

	if (!iso(&c, &st) || c.p != c.end)
		return SYSLOG_DATE_NONE;
	*out = st;
	return exists(&st);
}

bool syslog_zone_offset(struct str s, int32_t *offset)
{
	/* Names that mean one zone only (CST, IST, BST do not). */
	static const struct {
		char name[5];
		int16_t minutes;
	} zones[] = {
		{"UTC", 0},	{"GMT", 0},	{"Z", 0},	{"WET", 0},	{"WEST", 60},	{"CET", 60},	{"CEST", 120},
		{"MEZ", 60},	{"MESZ", 120},	{"EET", 120},	{"EEST", 180},	{"MSK", 180},	{"EST", -300},	{"EDT", -240},
		{"CDT", -300},	{"MDT", -360},	{"PST", -480},	{"PDT", -420},	{"JST", 540},	{"AEST", 600},	{"AEDT", 660},
	};
	struct cur c = {s.p, s.p + s.len};

	for (size_t i = 0; i < sizeof(zones) / sizeof(*zones); i++) {
		size_t n = strnlen(zones[i].name, sizeof(zones[i].name));

		if (s.len == n && memcmp(s.p, zones[i].name, n) == 0) {
			*offset = zones[i].minutes * 60;
			return true;
		}
	}
	return offset_digits(&c, offset) && c.p == c.end && *offset > -86400 && *offset < 86400;
}

static int64_t in_year(const struct syslog_stamp *s, int64_t year, const struct zone *zone, struct zone_span *span)
{
	struct civil c = s->civil;
	int64_t local, utc;

	c.year = year;
	local = civil_seconds(&c);
	if (s->has_offset)
		return local - s->offset;
	/* An hour that the clock jumped over is read as if it had not yet. */
	if (!zone_to_utc(zone, local, span, &utc))
		utc = local - zone_offset(zone, local - 86400, span);
	return utc;
}

bool syslog_time(const struct syslog_stamp *s, const struct zone *zone, struct zone_span *span, int64_t received_ns,
		 struct ts *out)
{
	static const int64_t ahead = 31 * 86400;
	struct ts now = ts_from_ns(received_ns);
	struct civil c;

	if (s->has_year) {
		*out = (struct ts){in_year(s, s->civil.year, zone, span), s->ns};
		return true;
	}
	civil_from_seconds(now.s, &c);
	/* Eight years back, as 1900 and 2100 are no leap years: "Feb 29" of an old file. */
	for (int64_t year = c.year + (c.month == 12); year >= c.year - 8; year--) {
		int64_t t;

		if (s->civil.day > days_of(year, s->civil.month))
			continue;
		t = in_year(s, year, zone, span);
		if (t <= now.s + ahead) {
			*out = (struct ts){t, s->ns};
			return true;
		}
	}
	return false;
}
