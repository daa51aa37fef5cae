/*
 * joda.c - compiling Joda-Time patterns, and printing by them. Reading is in joda_parse.c.
 *
 * A program is made when a configuration is read and immutable then; printing runs on any thread.
 */
#include "base/joda.h"

#include "base/joda_prog.h"
#include "base/locale_names.h"

/* Fields of the same rank keep the order of the pattern. */
static const uint8_t rank[F_COUNT] = {
	[F_ERA] = 0, [F_CENTURY] = 1, [F_YEAR] = 2, [F_YEAR_OF_ERA] = 2, [F_WEEKYEAR] = 2, [F_MONTH] = 3, [F_WEEK] = 4,
	[F_DAY_OF_YEAR] = 5, [F_DAY] = 6, [F_WEEKDAY] = 7, [F_HALFDAY] = 8, [F_HOUR] = 9, [F_CLOCK_HOUR] = 9,
	[F_HALF_HOUR] = 10, [F_CLOCK_HALF_HOUR] = 10, [F_MINUTE] = 11, [F_SECOND] = 12, [F_MILLI] = 13,
};

/* ---- compiling ---- */

/*
 * The next token of *s: a run of one letter, or text up to the next letter (quotes taken out, written to `text`, which has room for all of *s).
 * .len 0 with *letter 0 is text that was only quotes.
 */
static struct str token(struct str *s, char *text, char *letter)
{
	bool quoted = false;
	size_t n = 0, i = 0;
	struct str t;

	if (ch_alpha(s->p[0])) {
		while (i < s->len && s->p[i] == s->p[0])
			i++;
		*letter = s->p[0];
		t = str_sub(*s, 0, i);
		*s = str_from(*s, i);
		return t;
	}
	for (; i < s->len; i++) {
		char c = s->p[i];

		if (c == '\'') {
			if (i + 1 < s->len && s->p[i + 1] == '\'')
				text[n++] = s->p[i++];
			else
				quoted = !quoted;
		} else if (!quoted && ch_alpha(c)) {
			break;
		} else {
			text[n++] = c;
		}
	}
	*letter = 0;
	*s = str_from(*s, i);
	return str_n(text, n);
}

/* The rest of the pattern begins with digits: a year in front of it must not take them. */
static bool digits_follow(struct str s)
{
	size_t n = 0;

	if (s.len == 0)
		return false;
	if (s.p[0] != 'M')
		return strchr("cCxyYdhHmsSeDFwWkK", s.p[0]) != NULL;
	while (n < s.len && s.p[n] == 'M')
		n++;
	return n <= 2;
}

static struct joda_op number(enum joda_field f, size_t min, size_t max, bool is_signed)
{
	return (struct joda_op){.kind = JODA_NUMBER, .field = (uint8_t)f, .min = (uint16_t)min,
				.max = (uint16_t)(max < min ? min : max), .is_signed = is_signed};
}

static struct joda_op named(enum joda_field f, bool full)
{
	return (struct joda_op){.kind = JODA_TEXT, .field = (uint8_t)f, .wide = full};
}

static struct joda_op year(char letter, size_t n, struct str rest)
{
	enum joda_field f = letter == 'x' ? F_WEEKYEAR : letter == 'y' || n == 2 ? F_YEAR : F_YEAR_OF_ERA;

	if (n == 2)
		return (struct joda_op){.kind = JODA_YEAR2, .field = (uint8_t)f, .min = 2, .wide = !digits_follow(rest)};
	return number(f, n, digits_follow(rest) ? n : 9, f != F_YEAR_OF_ERA);
}

static bool letter_op(char letter, size_t n, struct str rest, struct joda_op *op)
{
	switch (letter) {
	case 'G': *op = named(F_ERA, true); break;
	case 'C': *op = number(F_CENTURY, n, n, true); break;
	case 'x':
	case 'y':
	case 'Y': *op = year(letter, n, rest); break;
	case 'M': *op = n > 2 ? named(F_MONTH, n > 3) : number(F_MONTH, n, 2, false); break;
	case 'w': *op = number(F_WEEK, n, 2, false); break;
	case 'D': *op = number(F_DAY_OF_YEAR, n, 3, false); break;
	case 'd': *op = number(F_DAY, n, 2, false); break;
	case 'e': *op = number(F_WEEKDAY, n, 1, false); break;
	case 'E': *op = named(F_WEEKDAY, n > 3); break;
	case 'a': *op = named(F_HALFDAY, true); break;
	case 'K': *op = number(F_HALF_HOUR, n, 2, false); break;
	case 'h': *op = number(F_CLOCK_HALF_HOUR, n, 2, false); break;
	case 'H': *op = number(F_HOUR, n, 2, false); break;
	case 'k': *op = number(F_CLOCK_HOUR, n, 2, false); break;
	case 'm': *op = number(F_MINUTE, n, 2, false); break;
	case 's': *op = number(F_SECOND, n, 2, false); break;
	case 'S': *op = (struct joda_op){.kind = JODA_FRACTION, .field = F_MILLI, .min = (uint16_t)n, .max = (uint16_t)n}; break;
	case 'z': *op = (struct joda_op){.kind = n > 3 ? JODA_ZONE_LONG : JODA_ZONE_SHORT}; break;
	case 'Z': *op = (struct joda_op){.kind = n > 2 ? JODA_ZONE_ID : JODA_OFFSET, .wide = n == 2}; break;
	default: return false;
	}
	return true;
}

static bool has_slot(const struct joda_op *op)
{
	return op->kind == JODA_NUMBER || op->kind == JODA_YEAR2 || op->kind == JODA_FRACTION || op->kind == JODA_TEXT;
}

/* Gives every field its place in the sorted list. */
static void sort_slots(struct joda *j)
{
	uint8_t order[JODA_SLOTS]; /* index of the op */
	unsigned n = 0, base;
	bool seen[F_COUNT] = {false};

	for (unsigned i = 0; i < j->ops; i++) {
		unsigned k;

		if (!has_slot(&j->op[i]))
			continue;
		for (k = n; k > 0 && rank[j->op[order[k - 1]].field] > rank[j->op[i].field]; k--)
			order[k] = order[k - 1];
		order[k] = (uint8_t)i;
		n++;
	}
	/* A month or day without a year is read in the present year, which is not the same for 29 February. */
	j->add_year = n > 0 && j->op[order[0]].field >= F_MONTH && j->op[order[0]].field <= F_WEEKDAY;
	base = j->add_year;
	if (base)
		j->field[0] = F_YEAR;
	j->slots = (uint16_t)(n + base);
	j->plain = true;
	memset(j->slot_of, -1, sizeof(j->slot_of));
	if (base) {
		j->slot_of[F_YEAR] = 0;
		seen[F_YEAR] = true;
	}
	for (unsigned k = 0; k < n; k++) {
		enum joda_field f = j->op[order[k]].field;

		j->op[order[k]].slot = (uint8_t)(k + base);
		j->field[k + base] = (uint8_t)f;
		j->slot_of[f] = (int8_t)(k + base);
		if (seen[f] || (f != F_YEAR && f != F_MONTH && f != F_DAY && f != F_HOUR && f != F_MINUTE && f != F_SECOND && f != F_MILLI))
			j->plain = false;
		seen[f] = true;
	}
}

struct joda *joda_compile(struct arena *a, struct str pattern, struct err *err)
{
	struct joda *j;
	struct str s;
	char *text, letter;
	unsigned fields = 1; /* the year that may be added */

	if (pattern.len == 0 || pattern.len > JODA_PATTERN_MAX) {
		err_set(err, pattern.len ? "the date pattern is longer than %d bytes" : "the date pattern is empty", JODA_PATTERN_MAX);
		return NULL;
	}
	j = arena_zalloc(a, sizeof(*j) + pattern.len * sizeof(j->op[0]));
	j->pattern = s = arena_dup(a, pattern);
	j->has_year = memchr(s.p, 'y', s.len) || memchr(s.p, 'Y', s.len);
	j->has_zone = memchr(s.p, 'Z', s.len) != NULL;
	text = arena_bytes(a, s.len);
	while (s.len) {
		struct str t = token(&s, text, &letter);
		struct joda_op op = {.kind = JODA_LITERAL, .literal = t};

		if (letter && !letter_op(letter, t.len, s, &op)) {
			err_set(err, "illegal pattern component '%.*s'", STR_ARG(t));
			return NULL;
		}
		if (!letter) {
			text += t.len;
			if (t.len == 0)
				continue;
		}
		if (has_slot(&op) && ++fields > JODA_SLOTS) {
			err_set(err, "the date pattern has more than %d fields", JODA_SLOTS - 1);
			return NULL;
		}
		j->op[j->ops++] = op;
	}
	if (j->ops == 0) {
		err_set(err, "the date pattern '%.*s' says nothing", STR_ARG(pattern));
		return NULL;
	}
	sort_slots(j);
	return j;
}

bool joda_has_year(const struct joda *j)
{
	return j->has_year;
}

/* ---- printing ---- */

/* Everything that an op may ask, worked out once. */
struct shown {
	struct civil c;
	int64_t days;
	int ms;
	int32_t offset;
	struct str abbr;
};

static void week_of(int64_t days, int64_t *weekyear, int *week)
{
	/* The Thursday of the same week lies in the year that the week belongs to. */
	int64_t thursday = days - civil_weekday(days) + 4;
	struct civil c;

	civil_from_seconds(thursday * 86400, &c);
	*weekyear = c.year;
	*week = (int)((thursday - civil_days(c.year, 1, 1)) / 7 + 1);
}

static int64_t field_value(const struct shown *s, enum joda_field f)
{
	int64_t weekyear;
	int week, hour = s->c.hour;

	switch (f) {
	case F_ERA: return s->c.year > 0;
	case F_CENTURY: return (s->c.year < 0 ? -s->c.year : s->c.year) / 100;
	case F_YEAR: return s->c.year;
	case F_YEAR_OF_ERA: return s->c.year > 0 ? s->c.year : 1 - s->c.year;
	case F_WEEKYEAR: week_of(s->days, &weekyear, &week); return weekyear;
	case F_MONTH: return s->c.month;
	case F_WEEK: week_of(s->days, &weekyear, &week); return week;
	case F_DAY_OF_YEAR: return s->days - civil_days(s->c.year, 1, 1) + 1;
	case F_DAY: return s->c.day;
	case F_WEEKDAY: return civil_weekday(s->days);
	case F_HALFDAY: return hour / 12;
	case F_HOUR: return hour;
	case F_CLOCK_HOUR: return hour ? hour : 24;
	case F_HALF_HOUR: return hour % 12;
	case F_CLOCK_HALF_HOUR: return hour % 12 ? hour % 12 : 12;
	case F_MINUTE: return s->c.min;
	case F_SECOND: return s->c.sec;
	default: return s->ms;
	}
}

static void put_number(struct buf *out, int64_t v, unsigned min)
{
	char text[20], *p = text + sizeof(text);
	uint64_t u = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;

	do
		*--p = (char)('0' + u % 10);
	while (u /= 10);
	if (v < 0)
		buf_ch(out, '-');
	for (size_t n = (size_t)(text + sizeof(text) - p); n < min; n++)
		buf_ch(out, '0');
	buf_add(out, p, (size_t)(text + sizeof(text) - p));
}

static void put_fraction(struct buf *out, int ms, unsigned digits)
{
	char text[3] = {(char)('0' + ms / 100), (char)('0' + ms / 10 % 10), (char)('0' + ms % 10)};

	for (unsigned i = 0; i < digits; i++)
		buf_ch(out, i < 3 ? text[i] : '0');
}

static void put_offset(struct buf *out, int32_t offset, bool colon)
{
	unsigned v = (unsigned)(offset < 0 ? -offset : offset);

	buf_ch(out, offset < 0 ? '-' : '+');
	put_number(out, v / 3600, 2);
	if (colon)
		buf_ch(out, ':');
	put_number(out, v / 60 % 60, 2);
}

static void put_name(struct buf *out, const struct locale_names *l, const struct joda_op *op, int64_t v)
{
	unsigned form = op->wide ? NAMES_LONG : NAMES_SHORT;
	const char *name;

	switch (op->field) {
	case F_ERA: name = l->eras[v]; break;
	case F_MONTH: name = l->months[form][v - 1]; break;
	case F_WEEKDAY: name = l->weekdays[form][v - 1]; break;
	default: name = l->halves[v]; break;
	}
	buf_str(out, str_z(name));
}

void joda_format_in(const struct joda *j, struct ts t, const struct zone *z, const struct locale_names *names, struct buf *out)
{
	struct shown s = {.ms = (int)(t.ns / 1000000)};
	const struct locale_names *l = names ? names : &locale_english;
	int64_t local = t.s;

	if (z != zone_utc) {
		struct zone_span span = {0};

		s.offset = zone_offset(z, t.s, &span);
		s.abbr = span.abbr;
		if (__builtin_add_overflow(local, s.offset, &local))
			local = t.s;
	}
	civil_from_seconds(local, &s.c);
	s.days = civil_days(s.c.year, s.c.month, s.c.day);
	for (unsigned i = 0; i < j->ops; i++) {
		const struct joda_op *op = &j->op[i];
		int64_t v;

		switch (op->kind) {
		case JODA_LITERAL: buf_str(out, op->literal); break;
		case JODA_NUMBER: put_number(out, field_value(&s, op->field), op->min); break;
		case JODA_YEAR2:
			v = field_value(&s, op->field);
			put_number(out, (v < 0 ? -v : v) % 100, 2);
			break;
		case JODA_FRACTION: put_fraction(out, s.ms, op->min); break;
		case JODA_TEXT: put_name(out, l, op, field_value(&s, op->field)); break;
		case JODA_ZONE_SHORT: buf_str(out, z == zone_utc ? STR("UTC") : s.abbr); break;
		case JODA_ZONE_LONG: buf_str(out, z == zone_utc ? STR("Coordinated Universal Time") : zone_name(z)); break;
		case JODA_OFFSET: put_offset(out, s.offset, op->wide); break;
		case JODA_ZONE_ID: buf_str(out, zone_name(z)); break;
		default: break;
		}
	}
}

void joda_format(const struct joda *j, struct ts t, struct buf *out)
{
	joda_format_in(j, t, zone_utc, NULL, out);
}
