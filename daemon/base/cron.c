#include "base/cron.h"

#include "base/ts.h"

enum { FIELDS_MAX = 7, YEARS_MAX = 30 };

static const char *const months[] = {"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec", NULL};
static const char *const weekdays[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat", NULL};

/* ---- parse ---- */

struct field {
	const char *what;
	unsigned min, max;
	const char *const *names; /* of min, min + 1 ... */
};

static bool number(struct str s, const struct field *f, unsigned *out)
{
	uint64_t n;

	for (unsigned i = 0; f->names && f->names[i]; i++)
		if (str_ieq(s, str_z(f->names[i]))) {
			*out = f->min + i;
			return true;
		}
	if (!str_u64(s, f->max, &n) || n < f->min)
		return false;
	*out = (unsigned)n;
	return true;
}

/* "5", "1-5", "*", each perhaps with "/2". */
static bool part(struct str s, const struct field *f, uint64_t *bits)
{
	struct str range = s, step_text = s, from;
	unsigned a = f->min, b = f->max;
	uint64_t step = 1;
	bool stepped = str_cut(&step_text, '/', &range);

	if (stepped && (!str_u64(step_text, 1000, &step) || step == 0))
		return false;
	if (!str_eq(range, STR("*"))) {
		struct str to = range;

		if (str_cut(&to, '-', &from)) {
			if (!number(from, f, &a) || !number(to, f, &b))
				return false;
		} else if (!number(range, f, &a)) {
			return false;
		} else if (!stepped) {
			b = a;
		}
	}
	/* 22-2 goes round, without the second name of Sunday. */
	if (a > b) {
		unsigned span = (f->max == 7 ? 7 : f->max - f->min + 1);

		for (unsigned i = a; i <= b + span; i += (unsigned)step)
			*bits |= UINT64_C(1) << (f->min + (i - f->min) % span);
		return true;
	}
	for (unsigned i = a; i <= b; i += (unsigned)step)
		*bits |= UINT64_C(1) << i;
	return true;
}

static int field(struct str s, const struct field *f, uint64_t *bits, struct err *err)
{
	struct str all = s, one;
	bool more = true;

	*bits = 0;
	while (more) {
		more = str_cut(&s, ',', &one);
		if (!more)
			one = s;
		if (f->max == 31 && str_eq(one, STR("L")))
			*bits |= 1;
		else if (!part(one, f, bits))
			return err_set(err, "'%.*s' says no %s", STR_ARG(str_sub(all, 0, 64)), f->what);
	}
	return 0;
}

static struct str word(struct str name)
{
	static const struct {
		const char *name, *text;
	} words[] = {{"@yearly", "0 0 1 1 *"}, {"@annually", "0 0 1 1 *"}, {"@monthly", "0 0 1 * *"}, {"@weekly", "0 0 * * 0"},
		     {"@daily", "0 0 * * *"},  {"@midnight", "0 0 * * *"}, {"@hourly", "0 * * * *"}};

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (str_eqz(name, words[i].name))
			return str_z(words[i].text);
	return name;
}

static unsigned split(struct str s, struct str *out)
{
	unsigned n = 0;

	while ((s = str_trim(s)).len) {
		size_t len = 0;

		while (len < s.len && s.p[len] != ' ' && s.p[len] != '\t')
			len++;
		if (n == FIELDS_MAX)
			return FIELDS_MAX + 1;
		out[n++] = str_sub(s, 0, len);
		s = str_from(s, len);
	}
	return n;
}

static int all_fields(struct cron *c, const struct str *s, bool seconds, struct err *err)
{
	static const struct field fields[] = {{"seconds", 0, 59, NULL}, {"minutes", 0, 59, NULL}, {"hours", 0, 23, NULL}, {"days of a month", 1, 31, NULL},
					      {"months", 1, 12, months}, {"days of a week", 0, 7, weekdays}};
	uint64_t bits[6] = {1};

	for (unsigned i = !seconds; i < 6; i++)
		if (field(*s++, &fields[i], &bits[i], err) == -1)
			return -1;
	c->any_day = str_starts(s[-3], STR("*"));
	c->any_weekday = str_starts(s[-1], STR("*"));
	c->second = bits[0];
	c->minute = bits[1];
	c->hour = (uint32_t)bits[2];
	c->day = (uint32_t)bits[3];
	c->month = (uint16_t)bits[4];
	c->weekday = (uint8_t)((bits[5] & 0x7f) | (bits[5] >> 7 & 1));
	return 0;
}

int cron_parse(struct cron *c, struct str text, struct err *err)
{
	struct str f[FIELDS_MAX];
	unsigned n = split(word(str_trim(text)), f);
	const struct zone *zone = n >= 6 && n <= FIELDS_MAX ? zone_find(f[n - 1]) : NULL;

	*c = (struct cron){.zone = zone ? zone : zone_local()};
	n -= zone != NULL;
	if (n != 5 && n != 6)
		return err_set(err, "'%.*s' is no schedule of five or six fields", STR_ARG(str_sub(text, 0, 100)));
	return all_fields(c, f, n == 6, err);
}

/* ---- next ---- */

static int month_days(int64_t year, int month)
{
	return (int)(civil_days(month == 12 ? year + 1 : year, month == 12 ? 1 : month + 1, 1) - civil_days(year, month, 1));
}

static bool day_matches(const struct cron *c, int64_t year, int month, int day)
{
	int weekday = civil_weekday(civil_days(year, month, day)) % 7;
	bool by_day = c->day >> day & 1 || (c->day & 1 && day == month_days(year, month)), by_weekday = c->weekday >> weekday & 1;

	if (!(c->month >> month & 1))
		return false;
	if (c->any_day || c->any_weekday)
		return by_day && by_weekday;
	return by_day || by_weekday;
}

/* The first on that day which is after `after`; -1: none. */
static int64_t within(const struct cron *c, int64_t midnight, int64_t after)
{
	struct zone_span span = {0};
	int64_t utc;

	for (int h = 0; h < 24; h++) {
		if (!(c->hour >> h & 1))
			continue;
		for (int m = 0; m < 60; m++) {
			if (!(c->minute >> m & 1))
				continue;
			for (int s = 0; s < 60; s++)
				if (c->second >> s & 1 && zone_to_utc(c->zone, midnight + h * 3600 + m * 60 + s, &span, &utc) && utc > after)
					return utc;
		}
	}
	return -1;
}

int64_t cron_next(const struct cron *c, int64_t after)
{
	struct zone_span span = {0};
	int64_t local = after + zone_offset(c->zone, after, &span), found;
	struct civil now;

	civil_from_seconds(local, &now);
	/* From a day before: a zone may have been put back over midnight. */
	for (int64_t days = civil_days(now.year, now.month, now.day) - 1, end = days + YEARS_MAX * 366; days < end; days++) {
		struct civil day;

		civil_from_seconds(days * 86400, &day);
		if (!day_matches(c, day.year, day.month, day.day))
			continue;
		found = within(c, days * 86400, after);
		if (found != -1)
			return found;
	}
	return -1;
}
