/*
 * javatime.c - printing by java.time's date patterns.
 *
 * A compiled pattern is immutable: any thread may print by it. Weeks are those of the United States, as Logstash in an English
 * environment has them: they begin on Sunday, and the week of 1 January is the first.
 */
#include "base/javatime.h"

#include "base/locale_names.h"

enum { PATTERN_MAX = 512, WIDTH_MAX = 19 };

enum kind {
	J_LITERAL,
	J_PAD, /* the next op is filled up with blanks in front */
	J_NUMBER,
	J_YEAR, /* with a + where it has more digits than 4 or more letters ask for */
	J_YEAR2,
	J_FRACTION,
	J_NAME,
	J_TEXT, /* the same for every time: what UTC is called */
};

struct op {
	uint8_t kind;
	char letter;
	uint16_t n; /* letters; pad width */
	struct str text;
};

struct javatime {
	uint16_t ops;
	struct op op[];
};

/* ---- compiling ---- */

/* What UTC is called under a zone letter; false where there is no such number of letters. */
static bool zone_text(char letter, size_t n, struct str *out)
{
	static const struct str x[5] = {STR_INIT("+00"), STR_INIT("+0000"), STR_INIT("+00:00"), STR_INIT("+0000"), STR_INIT("+00:00")};

	*out = STR("Z");
	switch (letter) {
	case 'V': return n == 2;
	case 'v': return n == 1 || n == 4;
	case 'z': return n <= 4;
	case 'X': return n <= 5;
	case 'x':
		if (n <= 5)
			*out = x[n - 1];
		return n <= 5;
	case 'O': *out = STR("GMT"); return n == 1 || n == 4;
	default: /* Z */
		*out = n == 5 ? STR("Z") : n == 4 ? STR("GMT") : STR("+0000");
		return n <= 5;
	}
}

/* 1: an op, 0: too many letters or a number of them that means nothing, -1: no such letter. */
static int letter_op(char letter, size_t n, struct op *op)
{
	op->kind = J_NUMBER;
	switch (letter) {
	case 'G':
		op->kind = J_NAME;
		return n <= 5;
	case 'u': case 'y': case 'Y':
		op->kind = n == 2 ? J_YEAR2 : J_YEAR;
		return n <= WIDTH_MAX;
	case 'E':
		op->kind = J_NAME;
		return n <= 5;
	case 'M': case 'L': case 'Q': case 'q': case 'e':
		op->kind = n > 2 ? J_NAME : J_NUMBER;
		return n <= 5;
	case 'c':
		op->kind = n > 2 ? J_NAME : J_NUMBER;
		return n <= 5 && n != 2;
	case 'B':
		op->kind = J_NAME;
		return n == 1 || n == 4 || n == 5;
	case 'a':
		op->kind = J_NAME;
		return n == 1;
	case 'D':
		return n <= 3;
	case 'd': case 'h': case 'H': case 'k': case 'K': case 'm': case 's': case 'w':
		return n <= 2;
	case 'F': case 'W':
		return n == 1;
	case 'A': case 'N': case 'n': case 'g':
		return n <= WIDTH_MAX;
	case 'S':
		op->kind = J_FRACTION;
		return n <= 9;
	case 'V': case 'v': case 'z': case 'O': case 'X': case 'x': case 'Z':
		op->kind = J_TEXT;
		return zone_text(letter, n, &op->text);
	default:
		return -1;
	}
}

static struct op *add(struct javatime *j, enum kind kind, struct str text)
{
	j->op[j->ops] = (struct op){.kind = (uint8_t)kind, .text = text};
	return &j->op[j->ops++];
}

/* 'text' or '': s is behind the first quote. */
static int quoted(struct javatime *j, struct arena *a, struct str *s, struct err *err)
{
	char *text = arena_bytes(a, s->len + 1);
	size_t n = 0;

	if (s->len && s->p[0] == '\'') {
		*s = str_from(*s, 1);
		add(j, J_LITERAL, STR("'"));
		return 0;
	}
	for (;;) {
		if (s->len == 0)
			return err_set(err, "the date pattern ends inside a quoted text");
		if (s->p[0] != '\'') {
			text[n++] = s->p[0];
		} else if (s->len > 1 && s->p[1] == '\'') {
			text[n++] = '\'';
			*s = str_from(*s, 1);
		} else {
			break;
		}
		*s = str_from(*s, 1);
	}
	*s = str_from(*s, 1);
	add(j, J_LITERAL, str_n(text, n));
	return 0;
}

/* A run of one letter; "ppp" is followed by the run that it pads. */
static int letters(struct javatime *j, struct str *s, struct err *err)
{
	for (;;) {
		char letter = s->p[0];
		size_t n = 0;
		struct op op = {.letter = letter};
		int known;

		while (n < s->len && s->p[n] == letter)
			n++;
		*s = str_from(*s, n);
		if (letter == 'p') {
			if (s->len == 0 || !ch_alpha(s->p[0]))
				return err_set(err, "the pad letter 'p' needs another letter behind it");
			add(j, J_PAD, STR(""))->n = (uint16_t)n;
			continue;
		}
		known = letter_op(letter, n, &op);
		if (known < 0)
			return err_set(err, "unknown pattern letter '%c'", letter);
		if (known == 0)
			return err_set(err, "wrong number of pattern letters '%c'", letter);
		op.n = (uint16_t)n;
		j->op[j->ops++] = op;
		return 0;
	}
}

struct javatime *javatime_compile(struct arena *a, struct str pattern, struct err *err)
{
	struct javatime *j;
	struct str s;
	unsigned open = 0;

	if (pattern.len > PATTERN_MAX) {
		err_set(err, "the date pattern is longer than %d bytes", PATTERN_MAX);
		return NULL;
	}
	j = arena_zalloc(a, sizeof(*j) + (pattern.len + 1) * sizeof(j->op[0]));
	s = arena_dup(a, pattern);
	while (s.len) {
		char c = s.p[0];

		if (ch_alpha(c)) {
			if (letters(j, &s, err))
				return NULL;
			continue;
		}
		s = str_from(s, 1);
		if (c == '\'') {
			if (quoted(j, a, &s, err))
				return NULL;
		} else if (c == '[') {
			open++;
		} else if (c == ']') {
			if (open-- == 0) {
				err_set(err, "']' without '[' in the date pattern");
				return NULL;
			}
		} else if (c == '{' || c == '}' || c == '#') {
			err_set(err, "the date pattern holds the reserved character '%c'", c);
			return NULL;
		} else {
			add(j, J_LITERAL, str_n(s.p - 1, 1));
		}
	}
	return j;
}

/* ---- printing ---- */

struct shown {
	struct civil c;
	int64_t days;
	uint32_t ns;
};

static int64_t ns_of_day(const struct shown *s)
{
	return ((s->c.hour * 60LL + s->c.min) * 60 + s->c.sec) * 1000000000 + s->ns;
}

/* The Saturday that ends the week: the year it lies in owns the week. */
static struct civil saturday(const struct shown *s)
{
	struct civil c;

	civil_from_seconds((s->days + 6 - civil_weekday(s->days) % 7) * 86400, &c);
	return c;
}

static int64_t number(const struct shown *s, char letter)
{
	const struct civil *c = &s->c;
	struct civil sat;

	switch (letter) {
	case 'u': return c->year;
	case 'y': return c->year > 0 ? c->year : 1 - c->year;
	case 'Y': return saturday(s).year;
	case 'M': case 'L': return c->month;
	case 'Q': case 'q': return (c->month - 1) / 3 + 1;
	case 'w':
		sat = saturday(s);
		return (civil_days(sat.year, sat.month, sat.day) - civil_days(sat.year, 1, 1)) / 7 + 1;
	case 'W': /* the first, maybe short, week of the month is 1 */
		return (c->day - 1 + civil_weekday(s->days - c->day + 1) % 7) / 7 + 1;
	case 'F': return (c->day - 1) / 7 + 1;
	case 'D': return s->days - civil_days(c->year, 1, 1) + 1;
	case 'd': return c->day;
	case 'e': case 'c': return civil_weekday(s->days) % 7 + 1;
	case 'h': return c->hour % 12 ? c->hour % 12 : 12;
	case 'K': return c->hour % 12;
	case 'k': return c->hour ? c->hour : 24;
	case 'H': return c->hour;
	case 'm': return c->min;
	case 's': return c->sec;
	case 'A': return ns_of_day(s) / 1000000;
	case 'N': return ns_of_day(s);
	case 'n': return s->ns;
	default: return s->days + 40587; /* g: the modified Julian day */
	}
}

/* sign: what stands before a number that is not negative, or 0. */
static void put_number(struct buf *out, int64_t v, unsigned min, char sign)
{
	char text[20], *p = text + sizeof(text);
	uint64_t u = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;

	do
		*--p = (char)('0' + u % 10);
	while (u /= 10);
	if (v < 0)
		buf_ch(out, '-');
	else if (sign)
		buf_ch(out, sign);
	for (size_t n = (size_t)(text + sizeof(text) - p); n < min; n++)
		buf_ch(out, '0');
	buf_add(out, p, (size_t)(text + sizeof(text) - p));
}

static bool has_more_digits(int64_t v, unsigned n)
{
	for (; n && v; n--)
		v /= 10;
	return v != 0;
}

static const char *half_of_day(const struct shown *s, unsigned n)
{
	int h = s->c.hour;

	if (h % 12 == 0 && s->c.min == 0) {
		if (n == 5)
			return h ? "n" : "mi";
		return h ? "noon" : "midnight";
	}
	return h < 12 ? "in the morning" : h < 18 ? "in the afternoon" : h < 21 ? "in the evening" : "at night";
}

static struct str name(const struct shown *s, const struct op *op)
{
	static const char *const quarters[4] = {"1st quarter", "2nd quarter", "3rd quarter", "4th quarter"};
	static const char *const quarter_short[4] = {"Q1", "Q2", "Q3", "Q4"};
	const struct locale_names *l = &locale_english;
	unsigned form = op->n >= 4 ? NAMES_LONG : NAMES_SHORT;
	const char *text;
	int64_t v;

	switch (op->letter) {
	case 'G':
		text = l->eras[s->c.year > 0];
		if (op->n >= 4)
			text = s->c.year > 0 ? "Anno Domini" : "Before Christ";
		break;
	case 'M': case 'L':
		text = l->months[form][s->c.month - 1];
		break;
	case 'Q': case 'q':
		v = number(s, 'Q');
		if (op->n == 5)
			return str_n(&"1234"[v - 1], 1);
		text = op->n == 4 ? quarters[v - 1] : quarter_short[v - 1];
		break;
	case 'a':
		text = l->halves[s->c.hour / 12];
		break;
	case 'B':
		return str_z(half_of_day(s, op->n));
	default: /* E e c */
		text = l->weekdays[form][civil_weekday(s->days) - 1];
		break;
	}
	return op->n == 5 ? str_n(text, 1) : str_z(text);
}

static void put(const struct shown *s, const struct op *op, struct buf *out)
{
	int64_t v;
	uint32_t ns = s->ns;

	switch (op->kind) {
	case J_LITERAL:
	case J_TEXT:
		buf_str(out, op->text);
		break;
	case J_NUMBER:
		put_number(out, number(s, op->letter), op->n, 0);
		break;
	case J_YEAR:
		v = number(s, op->letter);
		put_number(out, v, op->n, op->n >= 4 && has_more_digits(v, op->n) ? '+' : 0);
		break;
	case J_YEAR2:
		v = number(s, op->letter);
		put_number(out, (v < 0 ? -v : v) % 100, 2, 0);
		break;
	case J_FRACTION:
		for (unsigned n = 9; n > op->n; n--)
			ns /= 10;
		put_number(out, ns, op->n, 0);
		break;
	default:
		buf_str(out, name(s, op));
		break;
	}
}

/* Characters, not bytes: every name here is ASCII but for what the pattern's own text holds, which is never padded. */
static bool pad(struct buf *out, size_t from, size_t width)
{
	size_t n = out->len - from;

	if (n > width)
		return false;
	if (n < width && buf_room(out, width - n)) {
		memmove(out->p + from + (width - n), out->p + from, n);
		memset(out->p + from, ' ', width - n);
		out->len += width - n;
	}
	return true;
}

int javatime_format(const struct javatime *j, struct ts t, struct buf *out, struct err *err)
{
	struct shown s = {.ns = t.ns};
	size_t begin = out->len, from = 0, width = 0;

	civil_from_seconds(t.s, &s.c);
	s.days = civil_days(s.c.year, s.c.month, s.c.day);
	for (unsigned i = 0; i < j->ops; i++) {
		const struct op *op = &j->op[i];

		if (op->kind == J_PAD) {
			width = op->n;
			from = out->len;
			continue;
		}
		put(&s, op, out);
		if (width && !out->over && !pad(out, from, width)) {
			out->len = begin;
			return err_set(err, "the date does not fit the pad width %zu", width);
		}
		width = 0;
	}
	return 0;
}
