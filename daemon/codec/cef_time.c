#include "codec/cef_time.h"

enum { DAY = 86400 };

static bool millis(struct str s, struct ts *out)
{
	uint64_t ms, frac = 0, unit = 100000;

	if (!s.len || s.p[0] < '1' || s.p[0] > '9' || !str_take_u64(&s, 15, 999999999999999, &ms))
		return false;
	if (s.len) {
		if (s.p[0] != '.' || s.len < 2)
			return false;
		for (s = str_from(s, 1); s.len; s = str_from(s, 1), unit /= 10) {
			if (!ch_digit(s.p[0]))
				return false;
			frac += (uint64_t)(s.p[0] - '0') * unit;
		}
	}
	*out = (struct ts){(int64_t)(ms / 1000), (uint32_t)(ms % 1000 * 1000000 + frac)};
	return true;
}

/* As Java's formatter: names as the language writes them, letter for letter. */
static bool take_month(struct str *s, const struct locale_names *names, int *month)
{
	size_t best = 0;

	for (int i = 0; i < 12; i++) {
		struct str name = str_z(names->months[NAMES_SHORT][i]);

		if (name.len > best && str_starts(*s, name)) {
			best = name.len;
			*month = i + 1;
		}
	}
	*s = str_from(*s, best);
	return best > 0;
}

static bool take(struct str *s, char before, unsigned digits, uint64_t max, int *out)
{
	uint64_t v;

	if (s->len < digits + 1 || s->p[0] != before || !str_u64(str_sub(*s, 1, digits), max, &v))
		return false;
	*out = (int)v;
	*s = str_from(*s, digits + 1);
	return true;
}

static bool take_fraction(struct str *s, uint32_t *ns)
{
	size_t n = 1;
	uint64_t v;

	*ns = 0;
	if (!s->len || s->p[0] != '.')
		return true;
	while (n < s->len && ch_digit(s->p[n]))
		n++;
	if ((n != 4 && n != 7 && n != 10) || !str_u64(str_sub(*s, 1, n - 1), 999999999, &v))
		return false;
	*ns = (uint32_t)(n == 4 ? v * 1000000 : n == 7 ? v * 1000 : v);
	*s = str_from(*s, n);
	return true;
}

/* Names that people write and zoneinfo does not have, or only as an offset. */
static const struct zone *named_zone(struct str name)
{
	static const struct {
		const char *name, *zone;
	} known[] = {
		{"EST", "America/New_York"}, {"EDT", "America/New_York"}, {"CST", "America/Chicago"}, {"CDT", "America/Chicago"},
		{"MST", "America/Denver"},   {"MDT", "America/Denver"},	  {"PST", "America/Los_Angeles"}, {"PDT", "America/Los_Angeles"},
		{"CEST", "Europe/Paris"},    {"EEST", "Europe/Bucharest"}, {"BST", "Europe/London"},	{"JST", "Asia/Tokyo"},
		{"IST", "Asia/Kolkata"},     {"MSK", "Europe/Moscow"},
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (str_eqz(name, known[i].name))
			return zone_find(str_z(known[i].zone));
	return zone_find(name);
}

static int month_days(int64_t year, int month)
{
	return (int)(civil_days(month == 12 ? year + 1 : year, month == 12 ? 1 : month + 1, 1) - civil_days(year, month, 1));
}

/* Where clocks were put forward over the time, it is as if they had not been; a day too many is the month's last. */
static int64_t in_zone(struct civil c, const struct zone *zone)
{
	struct zone_span span = {0};
	int64_t local, utc;

	if (c.day > month_days(c.year, c.month))
		c.day = month_days(c.year, c.month);
	local = civil_seconds(&c);
	if (zone_to_utc(zone, local, &span, &utc))
		return utc;
	return zone_to_utc(zone, local - DAY, &span, &utc) ? utc + DAY : local;
}

static int64_t guess_year(struct civil c, const struct zone *zone, int64_t now_s)
{
	struct zone_span span = {0};
	struct civil now;
	int64_t at;

	civil_from_seconds(now_s + zone_offset(zone, now_s, &span), &now);
	c.year = now.year;
	at = in_zone(c, zone);
	if (at > now_s + 2 * DAY) {
		c.year--;
	} else if (now.month == 12) {
		c.year++;
		if (in_zone(c, zone) > now_s + 2 * DAY)
			c.year--;
	}
	return in_zone(c, zone);
}

bool cef_time(struct str text, const struct locale_names *names, const struct zone *zone, int64_t now_s, struct ts *out)
{
	struct civil c = {0};
	struct str s = text;
	int year = -1;

	if (millis(text, out))
		return true;
	if (!take_month(&s, names, &c.month) || !take(&s, ' ', 2, 31, &c.day) || c.day < 1)
		return false;
	if (s.len > 5 && s.p[5] == ' ' && !take(&s, ' ', 4, 9999, &year))
		return false;
	if (!take(&s, ' ', 2, 23, &c.hour) || !take(&s, ':', 2, 59, &c.min) || !take(&s, ':', 2, 59, &c.sec) || !take_fraction(&s, &out->ns))
		return false;
	if (s.len) {
		if (s.p[0] != ' ')
			return false;
		zone = named_zone(str_from(s, 1));
		if (!zone)
			return false;
	}
	/* Without a year there is February 29, but no 30th. */
	if (year < 0 && c.day > month_days(2000, c.month))
		return false;
	c.year = year;
	out->s = year < 0 ? guess_year(c, zone, now_s) : in_zone(c, zone);
	return true;
}
