/*
 * rubyre.c - see rubyre.h. A recursive descent over the source that writes the engine's form as it goes; it runs
 * twice, because what plain brackets and \1 mean depends on names that may come later. This file is the grammar: branches, groups
 * and atoms. rubyre_int.h says what the others are.
 *
 * Set-up code: runs when a configuration is compiled, on any thread, and keeps nothing.
 */
#include "base/rubyre_int.h"

#include "base/arena.h"
#include "base/regex.h"
#include "base/utf8.h"

#include <stdlib.h>

static int parse_alternatives(struct parser *p, struct mode m, struct piece *must);
static int parse_branch(struct parser *p, struct mode m, struct piece *must);

int rubyre_fail(struct parser *p, const char *what)
{
	size_t from = p->pos > 30 ? p->pos - 30 : 0;

	while (from < p->pos && (p->src.p[from] & 0xc0) == 0x80)
		from++;
	return err_set(p->err, "%s near '%.*s' (byte %zu of the expression)", what,
		       STR_ARG(str_sub(p->src, from, p->pos - from)), p->pos);
}

uint32_t rubyre_take_code(struct parser *p)
{
	struct str rest = str_from(p->src, p->pos);
	int32_t c = utf8_next(&rest);

	p->pos = p->src.len - rest.len;
	return c < 0 ? 0xfffd : (uint32_t)c;
}

/* ---- groups ---- */

/* "imx-imx" behind "(?"; p then at ':' or ')'. */
static int take_options(struct parser *p, struct mode *m)
{
	bool on = true;

	for (; more(p); p->pos++) {
		switch (peek(p, 0)) {
		case '-':
			on = false;
			break;
		case 'i':
			m->icase = on;
			break;
		case 'm':
			m->dotall = on;
			break;
		case 'x':
			m->extended = on;
			break;
		case 'a':
		case 'd':
		case 'u':
			if (!on)
				return rubyre_fail(p, "undefined group option");
			m->set = peek(p, 0) == 'a' ? SET_ASCII : peek(p, 0) == 'd' ? SET_DEFAULT : SET_UNICODE;
			break;
		case ':':
		case ')':
			return 0;
		default:
			return rubyre_fail(p, "undefined group option");
		}
	}
	return rubyre_fail(p, "end pattern in group");
}

static int close_group(struct parser *p)
{
	if (peek(p, 0) != ')')
		return rubyre_fail(p, "end pattern with unmatched parenthesis");
	p->pos++;
	buf_lit(p->out, ")");
	return 0;
}

static int parse_options(struct parser *p, struct mode m, struct atom *a)
{
	bool icase = m.icase, alone;

	if (take_options(p, &m))
		return -1;
	alone = peek(p, 0) == ')';
	p->pos++;
	if (m.icase != icase)
		buf_str(p->out, m.icase ? STR("(?i:") : STR("(?-i:"));
	else
		buf_lit(p->out, "(?:");
	if (parse_alternatives(p, m, &a->must))
		return -1;
	if (!alone)
		return close_group(p);
	/* "a(?i)b|c" is "a(?i:b|c)" in Ruby: the rest of the enclosing group, whose bracket stays for its owner. */
	buf_lit(p->out, ")");
	return 0;
}

static int parse_capture(struct parser *p, struct mode m, struct str name, struct atom *a)
{
	unsigned i = name.p ? ++p->named : ++p->plain;
	bool captures = name.p || (!p->first && !p->total_named);

	if (i > RUBYRE_GROUPS_MAX)
		return rubyre_fail(p, "too many groups");
	if (name.p)
		rubyre_name_put(p, i, name);
	buf_str(p->out, captures ? STR("(") : STR("(?:"));
	if (parse_alternatives(p, m, &a->must))
		return -1;
	/* What is written twice must not hold a group. */
	if (captures || p->first)
		a->must.chars = -1;
	return close_group(p);
}

static int parse_condition(struct parser *p, struct mode m)
{
	struct piece none;
	unsigned group;

	if (rubyre_parse_test(p, &group))
		return -1;
	buf_printf(p->out, "(?(%u)", group ? group : 1);
	if (parse_branch(p, m, &none))
		return -1;
	if (peek(p, 0) == '|') {
		p->pos++;
		buf_ch(p->out, '|');
		if (parse_branch(p, m, &none))
			return -1;
	}
	return peek(p, 0) == '|' ? rubyre_fail(p, "invalid conditional pattern") : close_group(p);
}

/* Behind "(?~". */
static int parse_absent(struct parser *p, struct mode m)
{
	size_t at = p->out->len;
	struct piece text;

	if (parse_alternatives(p, m, &text))
		return -1;
	if (peek(p, 0) != ')')
		return rubyre_fail(p, "end pattern with unmatched parenthesis");
	p->pos++;
	rubyre_write_absent(p, at, text.chars > 0 ? (size_t)text.chars : 0);
	return 0;
}

/* p behind "(". */
static int parse_group(struct parser *p, struct mode m, struct atom *a)
{
	static const struct {
		struct str head;
		bool look;
	} heads[] = {
		{STR_INIT("?:"), false}, {STR_INIT("?>"), false}, {STR_INIT("?="), true},
		{STR_INIT("?!"), true}, {STR_INIT("?<="), true}, {STR_INIT("?<!"), true},
	};
	struct str name = {NULL, 0};

	if (peek(p, 0) != '?')
		return parse_capture(p, m, name, a);
	if (peek(p, 1) == '#') {
		for (; more(p) && peek(p, 0) != ')'; p->pos++)
			if (peek(p, 0) == '\\')
				p->pos++;
		if (!more(p))
			return rubyre_fail(p, "end pattern in group");
		p->pos++;
		a->empty = true;
		return 0;
	}
	for (size_t i = 0; i < sizeof(heads) / sizeof(*heads); i++) {
		if (!ahead(p, heads[i].head))
			continue;
		p->pos += heads[i].head.len;
		buf_lit(p->out, "(");
		buf_str(p->out, heads[i].head);
		p->looks += heads[i].look;
		if (parse_alternatives(p, m, &a->must))
			return -1;
		p->looks -= heads[i].look;
		if (heads[i].look)
			a->must = (struct piece){.chars = -1};
		a->anchor = heads[i].look;
		return close_group(p);
	}
	p->pos++;
	if (peek(p, 0) == '<' || peek(p, 0) == '\'') {
		char end = peek(p, 0) == '<' ? '>' : '\'';

		p->pos++;
		if (rubyre_take_name(p, end, &name))
			return -1;
		if (ch_digit(name.p[0]) || name.p[0] == '-')
			return rubyre_fail(p, "invalid group name");
		return parse_capture(p, m, name, a);
	}
	if (peek(p, 0) == '(') {
		p->pos++;
		return parse_condition(p, m);
	}
	if (peek(p, 0) == '~') {
		p->pos++;
		return parse_absent(p, m);
	}
	return parse_options(p, m, a);
}

/* ---- atoms ---- */

static void pool_add(struct parser *p, struct atom *a, uint32_t c, struct mode m)
{
	char bytes[4];

	/* Letters that match in either case say nothing for sure. */
	if (m.icase && (c >= 0x80 || ch_alpha((char)c)))
		return;
	a->literal = true;
	a->must.off = p->pool->len;
	a->must.len = utf8_put(bytes, c);
	buf_add(p->pool, bytes, a->must.len);
}

static int literal(struct parser *p, uint32_t c, struct mode m, struct atom *a)
{
	a->must.chars = 1;
	rubyre_write_literal(p, c, m);
	pool_add(p, a, c, m);
	return 0;
}

static int write_one_set(struct parser *p, struct set *s, bool neg, struct mode m, struct atom *a, int r)
{
	a->must.chars = 1;
	if (r == 0)
		rubyre_write_set(p, s, neg, m);
	set_release(s);
	return r;
}

/* \1 .. : a back reference, or an octal number where there are not so many groups. p at the digit. */
static int parse_number(struct parser *p, struct mode m, struct atom *a)
{
	struct str rest = str_from(p->src, p->pos);
	uint32_t code;
	uint64_t n;

	if (!str_take_u64(&rest, 4, 9999, &n) || (n > 9 && n > (p->first ? 0 : p->total)) || n > 9999) {
		if (peek(p, 0) > '7')
			return literal(p, rubyre_take_code(p), m, a);
		return rubyre_take_escape(p, &code) ? -1 : literal(p, code, m, a);
	}
	p->pos = p->src.len - rest.len;
	return rubyre_number_ref(p, m, n);
}

/* \u{61 62}: p behind the brace. */
static int parse_codes(struct parser *p, struct mode m, struct atom *a)
{
	unsigned digits, n = 0;

	for (;; n++) {
		uint32_t c;

		while (peek(p, 0) == ' ' || peek(p, 0) == '\t')
			p->pos++;
		if (peek(p, 0) == '}' && n)
			break;
		c = rubyre_take_hex(p, 6, &digits);
		if (!digits)
			return rubyre_fail(p, "invalid Unicode escape");
		if (rubyre_check_code(p, c))
			return -1;
		rubyre_write_literal(p, c, m);
	}
	p->pos++;
	return 0;
}

/* A letter behind a backslash that is the same in both engines, or nearly so. */
static void parse_sign(struct parser *p, char c, struct mode m, struct atom *a)
{
	a->anchor = !strchr("RX", c);
	p->from_start |= c == 'G';
	if (c == 'K' && p->looks)
		inexact(p, "\\K within a look-around");
	if (c == 'b' || c == 'B')
		rubyre_write_boundary(p, c, m);
	else
		buf_printf(p->out, "\\%c", c);
}

/* p behind the backslash. */
static int parse_escape(struct parser *p, struct mode m, struct atom *a)
{
	char c = peek(p, 0);
	struct set s;
	uint32_t code;

	if (!more(p))
		return rubyre_fail(p, "too short escape sequence");
	if (c && strchr("dwshDWSH", c)) {
		p->pos++;
		rubyre_write_escape(p, c, m);
		a->must.chars = 1;
		return 0;
	}
	if ((c == 'p' || c == 'P') && peek(p, 1) == '{') {
		p->pos++;
		set_init(&s);
		return write_one_set(p, &s, false, m, a, rubyre_take_property(p, c == 'P', m.set, &s));
	}
	if (c && strchr("AZzGbBKRX", c)) {
		p->pos++;
		parse_sign(p, c, m, a);
		return 0;
	}
	if ((c == 'k' || c == 'g') && (peek(p, 1) == '<' || peek(p, 1) == '\'')) {
		char end = peek(p, 1) == '<' ? '>' : '\'';

		p->pos += 2;
		return c == 'k' ? rubyre_parse_backref(p, m, end) : rubyre_parse_call(p, end);
	}
	if (c >= '1' && c <= '9')
		return parse_number(p, m, a);
	if (c == 'u' && peek(p, 1) == '{') {
		p->pos += 2;
		return parse_codes(p, m, a);
	}
	return rubyre_take_escape(p, &code) ? -1 : literal(p, code, m, a);
}

/* ---- the grammar's top ---- */

bool rubyre_skip_extended(struct parser *p)
{
	char c = peek(p, 0);

	if (c && strchr(" \t\r\n\f\v", c)) {
		p->pos++;
		return true;
	}
	if (c != '#')
		return false;
	while (more(p) && peek(p, 0) != '\n')
		p->pos++;
	return true;
}

static int parse_atom(struct parser *p, struct mode m, struct atom *a)
{
	char c = peek(p, 0);
	struct set s;
	bool neg = false;
	int r;

	switch (c) {
	case '(':
		p->pos++;
		if (++p->depth > RUBYRE_DEPTH_MAX)
			return rubyre_fail(p, "too many nested brackets");
		r = parse_group(p, m, a);
		p->depth--;
		return r;
	case '[':
		set_init(&s);
		r = rubyre_parse_set(p, m, &s, &neg);
		return write_one_set(p, &s, neg, m, a, r);
	case '\\':
		p->pos++;
		return parse_escape(p, m, a);
	case '.':
		p->pos++;
		rubyre_write_dot(p, m);
		a->must.chars = 1;
		return 0;
	case '^':
	case '$':
		p->pos++;
		buf_ch(p->out, c);
		a->anchor = true;
		return 0;
	case '*':
	case '+':
	case '?':
		return rubyre_fail(p, "target of repeat operator is not specified");
	default:
		return literal(p, rubyre_take_code(p), m, a);
	}
}

static void longer(struct piece *best, struct piece with)
{
	if (with.len > best->len)
		*best = with;
}

static int parse_branch(struct parser *p, struct mode m, struct piece *must)
{
	struct piece run = {0};
	long chars = 0;

	*must = run;
	while (more(p) && peek(p, 0) != '|' && peek(p, 0) != ')') {
		struct atom a = {.out = p->out->len, .must.chars = -1};

		if (m.extended && rubyre_skip_extended(p))
			continue;
		if (parse_atom(p, m, &a))
			return -1;
		if (a.empty)
			continue;
		if (a.anchor)
			rubyre_write_nothing(p);
		if (rubyre_repeat(p, &a, m))
			return -1;
		chars = chars < 0 || a.must.chars < 0 ? -1 : chars + a.must.chars;
		if (a.literal && run.len && run.off + run.len == a.must.off) {
			run.len += a.must.len;
		} else {
			longer(must, run);
			run = a.must;
		}
		if (!a.literal) {
			longer(must, run);
			run.len = 0;
		}
	}
	longer(must, run);
	must->chars = chars;
	return 0;
}

static int parse_alternatives(struct parser *p, struct mode m, struct piece *must)
{
	struct piece one;

	if (parse_branch(p, m, must))
		return -1;
	while (peek(p, 0) == '|') {
		p->pos++;
		buf_ch(p->out, '|');
		if (parse_branch(p, m, &one))
			return -1;
		must->len = 0;
		if (one.chars != must->chars)
			must->chars = -1;
	}
	return 0;
}

static int parse_all(struct parser *p, struct mode m, struct piece *must)
{
	if (parse_alternatives(p, m, must))
		return -1;
	if (more(p))
		return rubyre_fail(p, "unmatched close parenthesis");
	if (p->out->over)
		return rubyre_fail(p, "the expression is too large");
	return 0;
}

/* The second pass knows what the first one met. */
static void begin_again(struct parser *p)
{
	p->total_named = p->named;
	p->total = p->named ? p->named : p->plain;
	p->first = false;
	p->pos = p->named = p->plain = p->last_end = 0;
	p->doubts = 0;
	p->inexact = NULL;
	buf_clear(p->out);
	buf_clear(p->pool);
}

enum rubyre_result rubyre_translate(struct rubyre *out, struct str source, unsigned flags, enum rubyre_dialect dialect, struct err *err)
{
	struct mode m = {.icase = flags & REGEX_ICASE, .dotall = flags & REGEX_DOTALL,
			 .extended = flags & REGEX_EXTENDED, .set = SET_DEFAULT};
	struct parser p = {.src = source, .dialect = dialect, .out = &out->pattern, .pool = &out->literals, .err = err, .first = true};
	struct piece must;

	memset(out, 0, sizeof(*out));
	buf_init(&out->pattern, 8 * (size_t)RUBYRE_SOURCE_MAX);
	buf_init(&out->literals, 0);
	if (source.len > RUBYRE_SOURCE_MAX)
		return err_set(err, "an expression of %zu bytes is too long (at most %d)", source.len, RUBYRE_SOURCE_MAX);
	if (!utf8_valid(source))
		return err_set(err, "invalid UTF-8 in the expression");
	if (parse_all(&p, m, &must))
		goto failed;
	begin_again(&p);
	if (parse_all(&p, m, &must))
		goto failed;
	out->groups = p.total;
	out->name = p.name ? p.name : xzalloc((p.total + 1) * sizeof(*out->name));
	out->from_start = p.from_start;
	out->required = must.len ? str_n(out->literals.p + must.off, must.len) : STR("");
	out->doubts = p.doubts;
	out->inexact = dialect == RUBYRE_PCRE2 ? p.inexact : NULL;
	return out->inexact ? RUBYRE_INEXACT : RUBYRE_TRANSLATED;
failed:
	out->name = p.name;
	rubyre_release(out);
	return RUBYRE_INVALID;
}

void rubyre_release(struct rubyre *r)
{
	buf_release(&r->pattern);
	buf_release(&r->literals);
	free(r->name);
	memset(r, 0, sizeof(*r));
}
