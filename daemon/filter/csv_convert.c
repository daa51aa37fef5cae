#include "filter/csv_convert.h"
#include "base/zone.h"
#include "event/ruby_number.h"

enum csv_convert csv_convert_named(struct str name)
{
	static const char *const names[] = {"", "integer", "float", "date", "date_time", "boolean"};

	for (unsigned i = 1; i < sizeof(names) / sizeof(*names); i++)
		if (str_eqz(name, names[i]))
			return (enum csv_convert)i;
	return CONVERT_NONE;
}

/* "2020-01-02" from the front of *s. */
static bool take_date(struct str *s, struct civil *c)
{
	uint64_t y, m, d;
	static const unsigned char days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

	if (s->len < 10 || s->p[4] != '-' || s->p[7] != '-' || !str_u64(str_sub(*s, 0, 4), 9999, &y) ||
	    !str_u64(str_sub(*s, 5, 2), 12, &m) || !str_u64(str_sub(*s, 8, 2), 31, &d) || m < 1 || d < 1 || d > days[m - 1])
		return false;
	if (m == 2 && d == 29 && (y % 4 || (y % 100 == 0 && y % 400)))
		return false;
	*c = (struct civil){.year = (int64_t)y, .month = (int)m, .day = (int)d};
	*s = str_from(*s, 10);
	return true;
}

/* Midnight here. */
static bool to_date(struct str s, struct ts *out)
{
	struct civil c;
	struct zone_span span = {0};

	if (!take_date(&s, &c) || s.len)
		return false;
	out->ns = 0;
	return zone_to_utc(zone_local(), civil_seconds(&c), &span, &out->s);
}

/* "2020-01-02[T ]03:04[:05[.678]][zone]"; without a zone it is UTC. */
static bool to_date_time(struct str s, struct ts *out)
{
	struct civil c;
	uint64_t v;
	int32_t offset = 0;

	out->ns = 0;
	if (!take_date(&s, &c))
		return false;
	if (s.len) {
		if (s.len < 6 || (s.p[0] != 'T' && s.p[0] != ' ') || s.p[3] != ':' || !str_u64(str_sub(s, 1, 2), 24, &v))
			return false;
		c.hour = (int)v;
		if (!str_u64(str_sub(s, 4, 2), 59, &v))
			return false;
		c.min = (int)v;
		s = str_from(s, 6);
	}
	if (s.len) {
		if (s.len < 3 || s.p[0] != ':' || !str_u64(str_sub(s, 1, 2), 59, &v))
			return false;
		c.sec = (int)v;
		s = str_from(s, 3);
		if (s.len && s.p[0] == '.') {
			uint32_t unit = 100000000;

			if (s.len < 2 || !ch_digit(s.p[1]))
				return false;
			for (s = str_from(s, 1); s.len && ch_digit(s.p[0]); s = str_from(s, 1), unit /= 10)
				out->ns += (uint32_t)(s.p[0] - '0') * unit;
		}
		if (s.len && !str_eq(s, STR("Z")) && !str_eq(s, STR(" UTC")) && (s.len != 6 || !zone_parse_offset(s, &offset)))
			return false;
	}
	if (c.hour == 24 && (c.min || c.sec))
		return false;
	out->s = civil_seconds(&c) - offset;
	return true;
}

bool csv_convert(struct arena *a, enum csv_convert how, struct value *v)
{
	struct str s = value_str(v);
	struct ts t;
	double f;

	if (v->type == V_NULL)
		return how != TO_BOOLEAN;
	switch (how) {
	case CONVERT_NONE:
		break;
	case TO_INTEGER:
		(void)ruby_integer(a, s, v);
		break;
	case TO_FLOAT:
		if (ruby_float(s, &f))
			*v = v_float(f);
		break;
	case TO_DATE:
		if (to_date(s, &t))
			*v = v_time(t);
		break;
	case TO_DATE_TIME:
		if (to_date_time(s, &t))
			*v = v_time(t);
		break;
	case TO_BOOLEAN:
		s = str_trim(s);
		if (str_ieq(s, STR("true")) || str_ieq(s, STR("false")))
			*v = v_bool(s.len == 4);
		break;
	}
	return true;
}
