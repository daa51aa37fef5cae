#include "query/when.h"


static int64_t to_utc(const struct zone *zone, int64_t local)
{
	struct zone_span span = {0};
	int64_t utc;

	if (!zone)
		return local;
	return zone_to_utc(zone, local, &span, &utc) ? utc : local - zone_offset(zone, local, &span);
}

static struct ts plus_ns(struct ts t, int64_t ns)
{
	ns += t.ns;
	return (struct ts){t.s + ns / 1000000000, (uint32_t)(ns % 1000000000)};
}

bool when_iso(struct str s, const struct zone *zone, struct ts *from, struct ts *end)
{
	char copy[TS_TEXT_MAX];
	ptrdiff_t t, dot;
	bool has_zone;
	struct str time;
	struct ts local;
	int64_t unit_ns = 1000000000, tenth = 100000000;

	if (s.len >= sizeof(copy) || s.len < 10)
		return false;
	memcpy(copy, s.p, s.len);
	/* Years before 0 or beyond 9999 have their sign in front: no blank is searched there. */
	if (s.len > 10 && copy[10] == ' ')
		copy[10] = 'T';
	s = str_n(copy, s.len);
	t = str_chr(s, 'T');
	if (t < 0)
		t = str_chr(s, 't');
	time = t < 0 ? STR("") : str_from(s, (size_t)t + 1);
	has_zone = str_chr(time, 'Z') >= 0 || str_chr(time, 'z') >= 0 || str_chr(time, '+') >= 0 || str_chr(time, '-') >= 0;
	if (!ts_parse_iso(s, &local))
		return false;
	if (t < 0) {
		from->s = to_utc(zone, local.s);
		from->ns = 0;
		*end = (struct ts){to_utc(zone, local.s + 86400), 0};
		return true;
	}
	*from = local;
	if (!has_zone)
		from->s = to_utc(zone, local.s);
	dot = str_chr(time, '.');
	if (dot >= 0) {
		for (size_t i = (size_t)dot + 1; i < time.len && ch_digit(time.p[i]) && tenth; i++, tenth /= 10)
			unit_ns = tenth;
	} else if (time.len == 5 || (time.len > 5 && time.p[5] != ':')) {
		unit_ns = 60000000000;
	}
	*end = plus_ns(*from, unit_ns);
	return true;
}

static int64_t midnight(const struct zone *zone, struct ts now, int days)
{
	struct zone_span span = {0};
	int64_t local = now.s + (zone ? zone_offset(zone, now.s, &span) : 0);
	int64_t day = local >= 0 ? local / 86400 : -((86399 - local) / 86400);

	return to_utc(zone, (day + days) * 86400);
}

int when_read(struct str s, const struct zone *zone, struct ts now, struct ts *from, struct ts *end, struct err *err)
{
	static const struct {
		char letter;
		int64_t seconds;
	} units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {'w', 7 * 86400}};
	struct str rest = s;
	uint64_t n;

	if (str_eq(s, STR("now"))) {
		*from = *end = now;
		return 0;
	}
	if (str_eq(s, STR("today")) || str_eq(s, STR("yesterday"))) {
		int back = s.p[0] == 'y' ? -1 : 0;

		*from = (struct ts){midnight(zone, now, back), 0};
		*end = (struct ts){midnight(zone, now, back + 1), 0};
		return 0;
	}
	if (str_take_u64(&rest, 9, 1000000000, &n) && rest.len == 1)
		for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++)
			if (rest.p[0] == units[i].letter) {
				*from = *end = (struct ts){now.s - (int64_t)n * units[i].seconds, now.ns};
				return 0;
			}
	if (when_iso(s, zone, from, end))
		return 0;
	return err_set(err, "'%.*s' is no time: 2026-11-24, 2026-11-24T03:12, 15m, 2h, yesterday", STR_ARG(str_sub(s, 0, 40)));
}
