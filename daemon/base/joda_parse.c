/*
 * joda_parse.c - reading text by Joda-Time patterns, and its ISO 8601.
 *
 * Two steps as in Joda: the text is matched and gives a value for each field; then the fields are set, from the coarsest to the finest, on
 * 1970-01-01T00:00, twice (the second time a wrong weekday moves the date instead of failing). Patterns made
 * only of year, month, day and time of day, which is nearly all of them, take the short way with the same result.
 *
 * Nothing is allocated; any thread.
 */
#include "base/joda.h"

#include "base/joda_prog.h"
#include "base/locale_names.h"

#include <limits.h>

enum { MS_PER_DAY = 86400000 };

static const int64_t year_min = -292275054, year_max = 292278993; /* Joda's */

/* What one text says. */
struct reading {
	struct str s; /* what is left */
	int32_t value[JODA_SLOTS];
	bool has_offset;
	int32_t offset_ms;
	const struct zone *zone; /* named by the text; NULL */
};

/* A local time on its way: the calendar day and the time of day. */
struct local {
	int64_t days;
	int32_t ms;
};

/* ---- matching ---- */

static unsigned digits_at(struct str s, unsigned max)
{
	unsigned n = 0;

	while (n < max && n < s.len && ch_digit(s.p[n]))
		n++;
	return n;
}

/* n digits, at most 19 of them, that must fit an int as Java has it. */
static bool to_int(struct str digits, bool negative, int32_t *out)
{
	int64_t v = 0;

	for (size_t i = 0; i < digits.len; i++) {
		v = v * 10 + (digits.p[i] - '0');
		if (v > (int64_t)INT32_MAX + 1)
			return false;
	}
	v = negative ? -v : v;
	if (v > INT32_MAX)
		return false;
	*out = (int32_t)v;
	return true;
}

/* Up to max digits; a sign does not count among them. */
static bool take_number(struct str *s, unsigned max, bool is_signed, int32_t *out)
{
	struct str t = *s;
	bool negative = false;
	unsigned n;

	if (is_signed && t.len > 1 && max > 1 && (t.p[0] == '-' || t.p[0] == '+')) {
		negative = t.p[0] == '-';
		t = str_from(t, 1);
	}
	n = digits_at(t, max);
	if (n == 0)
		return false;
	if (n <= 4) { /* the usual case, without a loop over checks */
		int32_t v = 0;

		for (unsigned i = 0; i < n; i++)
			v = v * 10 + (t.p[i] - '0');
		*out = negative ? -v : v;
	} else if (!to_int(str_sub(t, 0, n), negative, out)) {
		return false;
	}
	*s = str_from(t, n);
	return true;
}

/* "yy": two digits in the hundred years around 30 years ago; with `wide` any other number of digits, or a sign, is the year itself. */
static bool take_year2(struct str *s, bool wide, int64_t now_year, int32_t *out)
{
	int64_t low = now_year - 30 - 50, t, year;

	if (wide) {
		unsigned sign = s->len && (s->p[0] == '-' || s->p[0] == '+');
		unsigned n = digits_at(str_from(*s, sign), UINT_MAX);

		if (sign || n != 2) {
			struct str digits = str_sub(*s, sign, n);

			if (n == 0 || n > 19 || !to_int(digits, sign && s->p[0] == '-', out))
				return false;
			*s = str_from(*s, sign + n);
			return true;
		}
	}
	if (digits_at(*s, 2) != 2)
		return false;
	year = (s->p[0] - '0') * 10 + (s->p[1] - '0');
	t = low >= 0 ? low % 100 : 99 + (low + 1) % 100;
	*out = (int32_t)(year + low + (year < t ? 100 : 0) - t);
	*s = str_from(*s, 2);
	return true;
}

/* A fraction of `unit` milliseconds, cut to whole ones. */
static bool take_fraction(struct str *s, unsigned max, int32_t unit, int32_t *out)
{
	int64_t value = 0, weight = (int64_t)unit * 10;
	unsigned n = digits_at(*s, max);

	if (n == 0)
		return false;
	for (unsigned i = 0; i < n; i++) {
		weight /= 10;
		value += (s->p[i] - '0') * weight;
	}
	*out = (int32_t)(value / 10);
	*s = str_from(*s, n);
	return true;
}

static bool two(struct str *s, int max, int *out)
{
	if (digits_at(*s, 2) < 2)
		return false;
	*out = (s->p[0] - '0') * 10 + (s->p[1] - '0');
	if (*out > max)
		return false;
	*s = str_from(*s, 2);
	return true;
}

/* "Z", "+02", "+0200", "+02:00", "+02:00:01.5"; what cannot belong to it is left. */
static bool take_offset(struct str *s, int32_t *ms)
{
	static const int32_t unit[3] = {3600000, 60000, 1000};
	struct str t = *s;
	bool colons = false;
	int sign, v;

	if (t.len && (t.p[0] | 32) == 'z') {
		*s = str_from(t, 1);
		*ms = 0;
		return true;
	}
	if (t.len < 3 || (t.p[0] != '+' && t.p[0] != '-'))
		return false;
	sign = t.p[0] == '-' ? -1 : 1;
	t = str_from(t, 1);
	if (!two(&t, 23, &v))
		return false;
	*ms = v * unit[0];
	for (int i = 1; i < 3; i++) {
		if (t.len == 0)
			goto done;
		if (i == 1)
			colons = t.p[0] == ':';
		if (colons && t.p[0] != ':')
			goto done;
		if (colons)
			t = str_from(t, 1);
		else if (!ch_digit(t.p[0]))
			goto done;
		if (!two(&t, 59, &v))
			return false;
		*ms += v * unit[i];
	}
	if (t.len && (colons ? t.p[0] == '.' || t.p[0] == ',' : ch_digit(t.p[0]))) {
		if (colons)
			t = str_from(t, 1);
		if (!take_fraction(&t, 3, 1000, &v))
			return false;
		*ms += v;
	}
done:
	*ms *= sign;
	*s = t;
	return true;
}

/* "EST" and its like, as Joda reads them: each stands for a place with its summer time. */
static bool take_zone_short(struct str *s, const struct zone **zone)
{
	static const struct {
		struct str abbr, name;
	} table[] = {
		{STR_INIT("UTC"), STR_INIT("UTC")}, {STR_INIT("UT"), STR_INIT("UTC")}, {STR_INIT("GMT"), STR_INIT("UTC")},
		{STR_INIT("EST"), STR_INIT("America/New_York")}, {STR_INIT("EDT"), STR_INIT("America/New_York")},
		{STR_INIT("CST"), STR_INIT("America/Chicago")}, {STR_INIT("CDT"), STR_INIT("America/Chicago")},
		{STR_INIT("MST"), STR_INIT("America/Denver")}, {STR_INIT("MDT"), STR_INIT("America/Denver")},
		{STR_INIT("PST"), STR_INIT("America/Los_Angeles")}, {STR_INIT("PDT"), STR_INIT("America/Los_Angeles")},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (str_starts(*s, table[i].abbr)) {
			*zone = zone_find(table[i].name);
			*s = str_from(*s, table[i].abbr.len);
			return *zone != NULL;
		}
	}
	return false;
}

/* "Europe/Berlin": the longest name that is a zone. (Joda also refuses "UTC 02/Jan", taking it for a folder "UTC 02": not done here.) */
static bool take_zone_id(struct str *s, const struct zone **zone)
{
	size_t n = 0;

	while (n < s->len && n < 64 && (ch_alnum(s->p[n]) || memchr("_+-/", s->p[n], 4)))
		n++;
	if (n < 2 || !ch_alpha(s->p[0]))
		return false;
	for (; n >= 2; n--) {
		*zone = zone_find(str_sub(*s, 0, n));
		if (*zone) {
			*s = str_from(*s, n);
			return true;
		}
	}
	return false;
}

/* "Jan", "Mon" and the like without a look at the whole table: only where nothing of a longer name can follow. */
static int english_short(struct str s, const char *const *names, int n)
{
	bool upper_tail;

	if (s.len < 3 || (s.len > 3 && ch_alpha(s.p[3])) || !ch_alpha(s.p[0]) || !ch_alpha(s.p[1]) || !ch_alpha(s.p[2]))
		return -1;
	/* Jan, jan and JAN, but neither jAN nor JAn. */
	upper_tail = !(s.p[1] & 32);
	if (upper_tail != !(s.p[2] & 32) || (upper_tail && (s.p[0] & 32)))
		return -1;
	for (int i = 0; i < n; i++)
		if ((names[i][0] | 32) == (s.p[0] | 32) && names[i][1] == (s.p[1] | 32) && names[i][2] == (s.p[2] | 32))
			return i;
	return -1;
}

static bool take_name(struct str *s, const struct joda_op *op, const struct locale_names *l, int32_t *out)
{
	const char *const *names[2];
	static const char *const english_eras[2] = {"BCE", "CE"};
	size_t len;
	int i, n;

	switch (op->field) {
	case F_MONTH:
	case F_WEEKDAY:
		n = op->field == F_MONTH ? 12 : 7;
		names[0] = n == 12 ? l->months[NAMES_SHORT] : l->weekdays[NAMES_SHORT];
		names[1] = n == 12 ? l->months[NAMES_LONG] : l->weekdays[NAMES_LONG];
		len = 3;
		i = l == &locale_english ? english_short(*s, names[0], n) : -1;
		if (i < 0)
			i = locale_match(names, n, *s, &len);
		*out = i + 1;
		break;
	default:
		names[0] = op->field == F_ERA ? l->eras : l->halves;
		names[1] = op->field == F_ERA && str_starts(str_z(l->tag), STR("en")) ? english_eras : names[0];
		i = locale_match(names, 2, *s, &len);
		*out = i;
		break;
	}
	*s = str_from(*s, len);
	return i >= 0;
}

static bool take_literal(struct str *s, struct str literal)
{
	if (s->len < literal.len)
		return false;
	if (memcmp(s->p, literal.p, literal.len) != 0 && !str_ieq(str_sub(*s, 0, literal.len), literal))
		return false;
	*s = str_from(*s, literal.len);
	return true;
}

static bool match(const struct joda *j, const struct joda_in *in, struct reading *r)
{
	const struct locale_names *l = in->names ? in->names : &locale_english;

	if (j->add_year)
		r->value[0] = (int32_t)in->year;
	for (unsigned i = 0; i < j->ops; i++) {
		const struct joda_op *op = &j->op[i];
		int32_t *v = &r->value[op->slot];
		bool ok;

		switch (op->kind) {
		case JODA_LITERAL: ok = take_literal(&r->s, op->literal); break;
		case JODA_NUMBER: ok = take_number(&r->s, op->max, op->is_signed, v); break;
		case JODA_YEAR2: ok = take_year2(&r->s, op->wide, in->year, v); break;
		case JODA_FRACTION: ok = take_fraction(&r->s, op->max, 1000, v); break;
		case JODA_TEXT: ok = take_name(&r->s, op, l, v); break;
		case JODA_ZONE_LONG: ok = false; break; /* can only be printed */
		case JODA_ZONE_SHORT: ok = take_zone_short(&r->s, &r->zone); break;
		case JODA_ZONE_ID: ok = take_zone_id(&r->s, &r->zone); break;
		default: ok = r->has_offset = take_offset(&r->s, &r->offset_ms); break;
		}
		if (!ok)
			return false;
	}
	return r->s.len == 0;
}

/* ---- setting the fields ---- */

static bool leap(int64_t year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int month_days(int64_t year, int month)
{
	static const int8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

	return days[month - 1] + (month == 2 && leap(year));
}

static struct civil date(int64_t days)
{
	struct civil c;

	civil_from_seconds(days * 86400, &c);
	return c;
}

static int weeks_in(int64_t weekyear)
{
	/* A year that begins on Thursday, or a leap one that begins on Wednesday, has 53. */
	int first = civil_weekday(civil_days(weekyear, 1, 1));

	return first == 4 || (first == 3 && leap(weekyear)) ? 53 : 52;
}

static int64_t week_one(int64_t weekyear)
{
	int64_t fourth = civil_days(weekyear, 1, 4);

	return fourth - civil_weekday(fourth) + 1;
}

static int64_t weekyear_of(int64_t days)
{
	return date(days - civil_weekday(days) + 4).year;
}

/* Another year; the day of the year stays, counted around 29 February. */
static int64_t set_year(int64_t days, int64_t year)
{
	int64_t from = date(days).year;
	int64_t doy = days - civil_days(from, 1, 1) + 1;

	if (doy > 59)
		doy += leap(year) - leap(from);
	return civil_days(year, 1, 1) + doy - 1;
}

/* Weeks and weekday stay where they can. */
static int64_t set_weekyear(int64_t days, int64_t weekyear)
{
	int64_t from = weekyear_of(days), week = (days - week_one(from)) / 7;

	if (week >= weeks_in(weekyear))
		week = weeks_in(weekyear) - 1;
	return week_one(weekyear) + week * 7 + civil_weekday(days) - 1;
}

/* Takes unit-sized steps within the day; span is how many there are. */
static bool set_clock(struct local *t, int32_t v, int32_t unit, int32_t span)
{
	if (v < 0 || v >= span)
		return false;
	t->ms += (v - t->ms / unit % span) * unit;
	return true;
}

static bool set_date_field(struct local *t, enum joda_field f, int32_t v)
{
	struct civil c;
	int64_t year;

	switch (f) {
	case F_ERA:
		c = date(t->days);
		if (v != (c.year > 0))
			t->days = set_year(t->days, -c.year);
		return true;
	case F_CENTURY:
		if (v < 0 || v > year_max / 100)
			return false;
		year = date(t->days).year;
		year = (year < 0 ? -1 : 1) * ((int64_t)v * 100 + (year < 0 ? -year : year) % 100);
		t->days = set_year(t->days, year);
		return true;
	case F_YEAR:
	case F_WEEKYEAR:
		if (v < year_min || v > year_max)
			return false;
		t->days = f == F_YEAR ? set_year(t->days, v) : set_weekyear(t->days, v);
		return true;
	case F_YEAR_OF_ERA:
		if (v < 1 || v > year_max)
			return false;
		t->days = set_year(t->days, date(t->days).year > 0 ? v : 1 - v);
		return true;
	case F_MONTH:
		if (v < 1 || v > 12)
			return false;
		c = date(t->days);
		if (c.day > month_days(c.year, v))
			c.day = month_days(c.year, v);
		t->days = civil_days(c.year, v, c.day);
		return true;
	case F_WEEK:
		year = weekyear_of(t->days);
		if (v < 1 || v > (v > 52 ? weeks_in(year) : 52))
			return false;
		t->days += (v - 1 - (t->days - week_one(year)) / 7) * 7;
		return true;
	case F_DAY_OF_YEAR:
		year = date(t->days).year;
		if (v < 1 || v > 365 + leap(year))
			return false;
		t->days = civil_days(year, 1, 1) + v - 1;
		return true;
	case F_DAY:
		c = date(t->days);
		if (v < 1 || v > month_days(c.year, c.month))
			return false;
		t->days += v - c.day;
		return true;
	default: /* F_WEEKDAY */
		if (v < 1 || v > 7)
			return false;
		t->days += v - civil_weekday(t->days);
		return true;
	}
}

static bool set_field(struct local *t, enum joda_field f, int32_t v)
{
	switch (f) {
	case F_HALFDAY: return set_clock(t, v, 43200000, 2);
	case F_HOUR: return set_clock(t, v, 3600000, 24);
	case F_CLOCK_HOUR: return v != 0 && set_clock(t, v == 24 ? 0 : v, 3600000, 24);
	case F_HALF_HOUR: return set_clock(t, v, 3600000, 12);
	case F_CLOCK_HALF_HOUR: return v != 0 && set_clock(t, v == 12 ? 0 : v, 3600000, 12);
	case F_MINUTE: return set_clock(t, v, 60000, 60);
	case F_SECOND: return set_clock(t, v, 1000, 60);
	case F_MILLI: return set_clock(t, v, 1, 1000);
	default: return set_date_field(t, f, v);
	}
}

/* Forgets everything finer than the field. */
static void floor_field(struct local *t, enum joda_field f)
{
	static const int32_t unit[F_COUNT] = {
		[F_HALFDAY] = 43200000, [F_HOUR] = 3600000, [F_CLOCK_HOUR] = 3600000, [F_HALF_HOUR] = 3600000,
		[F_CLOCK_HALF_HOUR] = 3600000, [F_MINUTE] = 60000, [F_SECOND] = 1000, [F_MILLI] = 1,
	};
	struct civil c;

	if (f >= F_HALFDAY) {
		t->ms -= t->ms % unit[f];
		return;
	}
	t->ms = 0;
	switch (f) {
	case F_ERA:
		/* Before Christ there is no first instant; whatever is set next starts from Joda's smallest year. */
		t->days = civil_days(date(t->days).year > 0 ? 1 : year_min, 1, 1);
		break;
	case F_CENTURY:
		c = date(t->days);
		t->days = civil_days(c.year < 0 ? c.year : c.year - c.year % 100, 1, 1);
		break;
	case F_YEAR:
	case F_YEAR_OF_ERA:
		t->days = civil_days(date(t->days).year, 1, 1);
		break;
	case F_WEEKYEAR:
		t->days = week_one(weekyear_of(t->days));
		break;
	case F_MONTH:
		t->days -= date(t->days).day - 1;
		break;
	case F_WEEK:
		t->days -= civil_weekday(t->days) - 1;
		break;
	default:
		break;
	}
}

static bool set_all(const struct joda *j, const struct reading *r, struct local *t)
{
	*t = (struct local){0, 0};
	for (unsigned i = 0; i < j->slots; i++) {
		if (!set_field(t, j->field[i], r->value[i]))
			return false;
		floor_field(t, j->field[i]);
	}
	for (unsigned i = 0; i < j->slots; i++)
		if (!set_field(t, j->field[i], r->value[i]))
			return false;
	if (j->slots)
		floor_field(t, j->field[j->slots - 1]);
	return true;
}

static bool make(int64_t year, int month, int day, int hour, int min, int sec, int ms, struct local *t)
{
	if (year < year_min || year > year_max || month < 1 || month > 12 || day < 1 || day > month_days(year, month) ||
	    (unsigned)hour > 23 || (unsigned)min > 59 || (unsigned)sec > 59)
		return false;
	t->days = civil_days(year, month, day);
	t->ms = ((hour * 60 + min) * 60 + sec) * 1000 + ms;
	return true;
}

static int32_t slot_or(const struct joda *j, const struct reading *r, enum joda_field f, int32_t otherwise)
{
	return j->slot_of[f] >= 0 ? r->value[j->slot_of[f]] : otherwise;
}

static bool to_local(const struct joda *j, const struct reading *r, struct local *t)
{
	if (!j->plain)
		return set_all(j, r, t);
	return make(slot_or(j, r, F_YEAR, 1970), slot_or(j, r, F_MONTH, 1), slot_or(j, r, F_DAY, 1), slot_or(j, r, F_HOUR, 0),
		    slot_or(j, r, F_MINUTE, 0), slot_or(j, r, F_SECOND, 0), slot_or(j, r, F_MILLI, 0), t);
}

/* ---- local time to an instant ---- */

static bool zoned(const struct local *t, const struct zone *zone, struct zone_span *span, struct ts *out)
{
	out->ns = (uint32_t)(t->ms % 1000) * 1000000;
	return zone_to_utc(zone, t->days * 86400 + t->ms / 1000, span, &out->s);
}

static bool instant(const struct reading *r, const struct local *t, const struct joda_in *in, struct ts *out)
{
	struct zone_span other = {0};

	if (r->has_offset) { /* stronger than a zone's name, in whichever order they stand */
		int64_t ms = (int64_t)t->ms - r->offset_ms, days = t->days;

		/* An offset is less than a day. */
		if (ms < 0) {
			ms += MS_PER_DAY;
			days--;
		}
		out->s = days * 86400 + ms / 1000;
		out->ns = (uint32_t)(ms % 1000) * 1000000;
		return true;
	}
	if (r->zone && r->zone != in->zone)
		return zoned(t, r->zone, &other, out);
	return zoned(t, in->zone, in->span, out);
}

bool joda_parse(const struct joda *j, struct str text, const struct joda_in *in, struct ts *out)
{
	struct reading r;
	struct local t;

	r.s = text;
	r.has_offset = false;
	r.zone = NULL;
	return match(j, in, &r) && to_local(j, &r, &t) && instant(&r, &t, in, out);
}

/* t with another year; a time that the clocks skip in it moves forward. */
static bool with_year(struct ts t, int64_t year, const struct joda_in *in, struct ts *out)
{
	int32_t offset = zone_offset(in->zone, t.s, in->span);
	int64_t s = t.s + offset, days = s / 86400;
	struct zone_span other = {0};

	days -= s % 86400 < 0;
	if (date(days).year == year) {
		*out = t;
		return true;
	}
	s += (set_year(days, year) - days) * 86400;
	out->ns = t.ns;
	if (zone_offset(in->zone, s - offset, &other) == offset)
		out->s = s - offset;
	else if (!zone_to_utc(in->zone, s, &other, &out->s))
		out->s = s - zone_offset(in->zone, s - 86400, &other);
	return true;
}

bool joda_parse_guess(const struct joda *j, struct str text, const struct joda_in *in, const struct civil *now, struct ts *out)
{
	struct reading r;
	struct local t;
	struct ts parsed;
	struct civil c;
	int64_t year = now->year;

	if (j->has_year)
		return joda_parse(j, text, in, out);
	r.s = text;
	r.has_offset = false;
	r.zone = NULL;
	if (!match(j, in, &r) || !to_local(j, &r, &t))
		return false;
	/* A zone is only heeded where the pattern has a Z: what the letter z reads is thrown away here, as there. */
	if (!j->has_zone ? !zoned(&t, in->zone, in->span, &parsed) : !instant(&r, &t, in, &parsed))
		return false;
	civil_from_seconds(parsed.s + zone_offset(in->zone, parsed.s, in->span), &c);
	if (c.month == 12 && now->month == 1)
		year--;
	else if (c.month == 1 && now->month == 12)
		year++;
	return with_year(parsed, year, in, out);
}

/* ---- ISO 8601 ---- */

static bool take_ch(struct str *s, char c)
{
	if (s->len == 0 || ch_lower(s->p[0]) != c)
		return false;
	*s = str_from(*s, 1);
	return true;
}

/* A sign and up to nine digits. */
static bool iso_year(struct str *s, int32_t *year)
{
	return take_number(s, 9, true, year);
}

/* "2020", "2020-01", "2020-01-02", "2020-002", "2020-W01-4": whichever takes most of the text. */
static bool iso_date(struct str *s, struct local *t)
{
	struct str rest = *s, ordinal, plain;
	int32_t year, month = 1, day = 1, n;

	if (!iso_year(&rest, &year) || year < year_min || year > year_max)
		return false;
	plain = ordinal = rest;
	if (take_ch(&rest, '-')) {
		if (take_ch(&rest, 'w')) {
			int32_t week, weekday = 1;

			if (!take_number(&rest, 2, false, &week))
				return false;
			*s = rest;
			if (take_ch(&rest, '-') && take_number(&rest, 1, false, &weekday))
				*s = rest;
			if (week < 1 || week > weeks_in(year) || weekday < 1 || weekday > 7)
				return false;
			t->days = week_one(year) + (week - 1) * 7 + weekday - 1;
			return true;
		}
		ordinal = plain = rest;
		if (!take_number(&plain, 2, false, &month))
			return false;
		rest = plain;
		if (take_ch(&rest, '-') && take_number(&rest, 2, false, &day))
			plain = rest;
		if (take_number(&ordinal, 3, false, &n) && ordinal.p > plain.p) {
			if (n < 1 || n > 365 + leap(year))
				return false;
			t->days = civil_days(year, 1, 1) + n - 1;
			*s = ordinal;
			return true;
		}
	}
	*s = plain;
	if (month < 1 || month > 12 || day < 1 || day > month_days(year, month))
		return false;
	t->days = civil_days(year, month, day);
	return true;
}

/* "03", "03:04", "03:04:05", the last part with a fraction ("03,5" is half past). 0: no digit at all, so not a time. */
static int iso_time(struct str *s, struct local *t)
{
	static const int32_t unit[3] = {3600000, 60000, 1000}, max[3] = {23, 59, 59};
	struct str rest = *s;
	int32_t v, ms = 0;

	for (int i = 0; i < 3; i++) {
		if (i && !take_ch(&rest, ':'))
			break;
		if (!take_number(&rest, 2, false, &v)) {
			if (i == 0)
				return 0;
			break; /* the colon is left, and nobody takes it */
		}
		if (v > max[i])
			return -1;
		ms += v * unit[i];
		*s = rest;
		if (take_ch(&rest, '.') || take_ch(&rest, ',')) {
			if (take_fraction(&rest, 9, unit[i], &v)) {
				ms += v;
				*s = rest;
			}
			break;
		}
	}
	t->ms = ms;
	return 1;
}

bool joda_parse_iso(struct str text, const struct joda_in *in, struct ts *out)
{
	struct reading r = {.s = text};
	struct local t = {0, 0};
	bool clock = take_ch(&r.s, 't'); /* "T03:04" alone is on 1970-01-01 */

	if (clock) {
		if (iso_time(&r.s, &t) != 1)
			return false;
	} else {
		if (!iso_date(&r.s, &t))
			return false;
		clock = take_ch(&r.s, 't');
		if (clock && iso_time(&r.s, &t) < 0)
			return false;
	}
	if (clock && r.s.len && !(r.has_offset = take_offset(&r.s, &r.offset_ms)))
		return false;
	return r.s.len == 0 && instant(&r, &t, in, out);
}
