/*
 * rubyre.c - see rubyre.h. A recursive descent over the source that writes PCRE2's form as it goes; it runs
 * twice, because what plain brackets and \1 mean depends on names that may come later.
 *
 * Set-up code: runs when a configuration is compiled, on any thread, and keeps nothing.
 */
#include "base/rubyre.h"

#include "base/arena.h"
#include "base/regex.h"
#include "base/rubyre_set.h"
#include "base/utf8.h"

#include <stdlib.h>

enum { REPEAT_MAX = 65535, INFINITE = -1 };

struct mode {
	bool icase, dotall, extended;
	enum set_mode set;
};

/* A piece of the pool of literals. */
struct piece {
	size_t off, len;
};

struct parser {
	struct str src;
	size_t pos;
	struct buf *out, *pool;
	struct err *err;
	struct str *name;	    /* of the first pass, in the order of brackets; [1..] */
	unsigned named, plain, total; /* brackets met so far in this pass; total: of the first pass */
	unsigned total_named;
	unsigned depth;
	bool first;
	bool from_start;
};

/* What an atom was, for the branch it stands in. */
struct atom {
	size_t out;	    /* where its text begins */
	struct piece must;  /* what it contains for sure */
	bool literal;	    /* it is `must` and nothing else */
	bool empty;	    /* wrote nothing that a quantifier could repeat: a comment, an option */
	bool anchor;	    /* zero width: PCRE2 repeats it only in brackets */
};

static int parse_alternatives(struct parser *p, struct mode m, struct piece *must);

static int fail(struct parser *p, const char *what)
{
	size_t from = p->pos > 30 ? p->pos - 30 : 0;

	while (from < p->pos && (p->src.p[from] & 0xc0) == 0x80)
		from++;
	return err_set(p->err, "%s near '%.*s' (byte %zu of the expression)", what,
		       STR_ARG(str_sub(p->src, from, p->pos - from)), p->pos);
}

static bool more(const struct parser *p)
{
	return p->pos < p->src.len;
}

/* The byte n places ahead; NUL at the end, which no caller looks for. */
static char peek(const struct parser *p, size_t n)
{
	return p->src.len - p->pos > n ? p->src.p[p->pos + n] : '\0';
}

static bool ahead(const struct parser *p, struct str s)
{
	return str_starts(str_from(p->src, p->pos), s);
}

static uint32_t take_code(struct parser *p)
{
	struct str rest = str_from(p->src, p->pos);
	int32_t c = utf8_next(&rest);

	p->pos = p->src.len - rest.len;
	return c < 0 ? 0xfffd : (uint32_t)c;
}

static void write_literal(struct parser *p, uint32_t c)
{
	char bytes[4];

	if (c < 0x20 || c == 0x7f) {
		buf_printf(p->out, "\\x{%x}", c);
		return;
	}
	if (c < 0x80 && !ch_alnum((char)c) && !strchr(" !\"%&',/:;<=>@_`~", (int)c))
		buf_ch(p->out, '\\');
	buf_add(p->out, bytes, utf8_put(bytes, c));
}

/* ---- escapes that stand for one character, in and outside of brackets ---- */

static uint32_t take_hex(struct parser *p, unsigned max, unsigned *digits)
{
	uint32_t v = 0;

	for (*digits = 0; *digits < max && more(p) && ch_xdigit(peek(p, 0)); ++*digits) {
		char c = ch_lower(peek(p, 0));

		v = v * 16 + (uint32_t)(ch_digit(c) ? c - '0' : c - 'a' + 10);
		p->pos++;
	}
	return v;
}

static int check_code(struct parser *p, uint32_t c)
{
	if (c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return fail(p, "no such character");
	return 0;
}

/* \xHH from 0x80 on is one byte of UTF-8: its neighbours must complete it. p stands behind the first. */
static int take_bytes(struct parser *p, uint32_t first, uint32_t *code)
{
	char bytes[4] = {(char)first};
	size_t want = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2, n = 1;
	unsigned digits;
	struct str s;

	while (n < want && ahead(p, STR("\\x"))) {
		p->pos += 2;
		bytes[n++] = (char)take_hex(p, 2, &digits);
	}
	s = str_n(bytes, n);
	if (!utf8_valid(s))
		return fail(p, "invalid multibyte escape");
	*code = (uint32_t)utf8_next(&s);
	return 0;
}

/* \u{..}: one code; several are possible outside of brackets and are read by the caller. */
static int take_u(struct parser *p, uint32_t *code)
{
	unsigned digits;

	if (peek(p, 0) == '{') {
		p->pos++;
		*code = take_hex(p, 6, &digits);
		if (!digits || peek(p, 0) != '}')
			return fail(p, "invalid Unicode escape");
		p->pos++;
	} else {
		*code = take_hex(p, 4, &digits);
		if (digits != 4)
			return fail(p, "invalid Unicode escape");
	}
	return check_code(p, *code);
}

static int take_control(struct parser *p, uint32_t *code)
{
	if (!more(p))
		return fail(p, "too short control sequence");
	*code = take_code(p);
	*code = *code == '?' ? 0x7f : *code & 0x1f;
	return 0;
}

/*
 * p stands behind the backslash. Reads an escape that means one character: \n, \x41, \u00e9, \cA, octal, and any other
 * character for itself. digits that may be a back reference are the caller's.
 */
static int take_escape(struct parser *p, uint32_t *code)
{
	static const char letters[] = "tnrfveab", codes[] = "\t\n\r\f\v\x1b\a\b";
	const char *at;
	unsigned digits;
	char c = peek(p, 0);

	if (!more(p))
		return fail(p, "too short escape sequence");
	at = c && c != 'b' ? strchr(letters, c) : NULL;
	if (at) {
		p->pos++;
		*code = (uint32_t)codes[at - letters];
		return 0;
	}
	if (c >= '0' && c <= '7') {
		*code = 0;
		for (int i = 0; i < 3 && peek(p, 0) >= '0' && peek(p, 0) <= '7'; i++)
			*code = *code * 8 + (uint32_t)(p->src.p[p->pos++] - '0');
		return *code < 0x80 ? 0 : fail(p, "invalid multibyte escape");
	}
	if (c == 'x') {
		p->pos++;
		if (peek(p, 0) == '{')
			return take_u(p, code);
		*code = take_hex(p, 2, &digits);
		if (!digits)
			return fail(p, "invalid hex escape");
		return *code < 0x80 ? 0 : take_bytes(p, *code, code);
	}
	if (c == 'u') {
		p->pos++;
		return take_u(p, code);
	}
	if (c == 'c' || (c == 'C' && peek(p, 1) == '-')) {
		p->pos += c == 'c' ? 1 : 2;
		return take_control(p, code);
	}
	if (c == 'M' && peek(p, 1) == '-')
		return fail(p, "meta characters are not supported");
	*code = take_code(p);
	return 0;
}

/* ---- brackets ---- */

static int parse_set(struct parser *p, struct mode m, struct set *s, bool *neg);

/* p stands behind "\p" or "\P". */
static int take_property(struct parser *p, bool neg, enum set_mode mode, struct set *s)
{
	ptrdiff_t end = str_chr(str_from(p->src, p->pos), '}');
	struct str name;

	if (peek(p, 0) != '{' || end < 0)
		return fail(p, "invalid character property name");
	name = str_sub(p->src, p->pos + 1, (size_t)end - 1);
	if (name.len && name.p[0] == '^') {
		neg = !neg;
		name = str_from(name, 1);
	}
	if (!set_add_property(s, name, neg, mode))
		return fail(p, "invalid character property name");
	p->pos += (size_t)end + 1;
	return 0;
}

/* [:name:] with p at the bracket; 0 where it is none. */
static int take_posix(struct parser *p, enum set_mode mode, struct set *s)
{
	struct str rest = str_from(p->src, p->pos + 2);
	ptrdiff_t end = str_find(rest, STR(":]"));
	bool neg = rest.len && rest.p[0] == '^';

	if (end < 0 || end > 20)
		return 0;
	if (!set_add_posix(s, str_sub(rest, neg, (size_t)end - neg), neg, mode))
		return 0;
	p->pos += 2 + (size_t)end + 2;
	return 1;
}

/*
 * One item of a class: 1 = a character in *code, 0 = a class that went into s, -1 = error. ']' and "&&" are the
 * caller's.
 */
static int take_item(struct parser *p, struct mode m, struct set *s, uint32_t *code)
{
	char c = peek(p, 0), e;

	if (c == '[') {
		struct set inner;
		bool neg;
		int r;

		if (peek(p, 1) == ':' && take_posix(p, m.set, s))
			return 0;
		set_init(&inner);
		r = parse_set(p, m, &inner, &neg);
		if (r == 0)
			set_union(s, &inner, neg);
		set_release(&inner);
		return r;
	}
	if (c != '\\') {
		*code = take_code(p);
		return 1;
	}
	p->pos++;
	e = peek(p, 0);
	if (e && strchr("dwshDWSH", e)) {
		p->pos++;
		set_add_escape(s, ch_lower(e), e < 'a', m.set);
		return 0;
	}
	if ((e == 'p' || e == 'P') && peek(p, 1) == '{') {
		p->pos++;
		return take_property(p, e == 'P', m.set, s);
	}
	if (e == 'b') {
		p->pos++;
		*code = '\b';
		return 1;
	}
	return take_escape(p, code) ? -1 : 1;
}

/* The items up to "&&" or the closing bracket. `at_start`: a first ']' may be a plain character. */
static int parse_items(struct parser *p, struct mode m, struct set *s, bool at_start)
{
	uint32_t lo, hi;

	for (;; at_start = false) {
		int r;

		if (!more(p))
			return fail(p, "premature end of char-class");
		if (peek(p, 0) == ']') {
			if (!at_start)
				return 0;
			if (str_chr(str_from(p->src, p->pos + 1), ']') < 0)
				return fail(p, "empty char-class");
		}
		if (ahead(p, STR("&&")))
			return 0;
		r = take_item(p, m, s, &lo);
		if (r < 0)
			return -1;
		if (r == 0)
			continue;
		hi = lo;
		if (peek(p, 0) == '-' && peek(p, 1) != ']' && !(peek(p, 1) == '&' && peek(p, 2) == '&')) {
			p->pos++;
			if (!more(p))
				return fail(p, "premature end of char-class");
			r = take_item(p, m, s, &hi);
			if (r < 0)
				return -1;
			if (r == 0) {
				/* `a-\d`: the hyphen stands for itself. */
				set_add(s, '-', '-');
				hi = lo;
			} else if (hi < lo) {
				return fail(p, "empty range in char class");
			}
		}
		set_add(s, lo, hi);
	}
}

/* p at '['. */
static int parse_set(struct parser *p, struct mode m, struct set *s, bool *neg)
{
	bool first = true;
	int r = 0;

	if (++p->depth > RUBYRE_DEPTH_MAX)
		return fail(p, "too many nested brackets");
	p->pos++;
	*neg = peek(p, 0) == '^';
	p->pos += *neg;
	for (;;) {
		struct set part;

		set_init(&part);
		r = parse_items(p, m, &part, first);
		if (r == 0) {
			if (first)
				set_union(s, &part, false);
			else
				set_intersect(s, &part);
		}
		set_release(&part);
		first = false;
		if (r || !ahead(p, STR("&&")))
			break;
		p->pos += 2;
	}
	if (r == 0)
		p->pos++;
	p->depth--;
	return r;
}

/* ---- groups and references ---- */

/* A name up to `end`; p behind it. */
static int take_name(struct parser *p, char end, struct str *name)
{
	struct str rest = str_from(p->src, p->pos);
	ptrdiff_t n = str_chr(rest, end);

	if (n < 0)
		return fail(p, "invalid group name");
	*name = str_sub(rest, 0, (size_t)n);
	if (n == 0)
		return fail(p, "group name is empty");
	if (str_chr(*name, ')') >= 0)
		return fail(p, "invalid group name");
	p->pos += (size_t)n + 1;
	return 0;
}

static void name_put(struct parser *p, unsigned i, struct str name)
{
	if (!p->first)
		return;
	if ((i & (i - 1)) == 0)
		p->name = xrealloc(p->name, 2 * (size_t)i * sizeof(*p->name));
	p->name[i] = name;
}

/*
 * A reference by number as written between < and >: 3, -1 (counted back from here), +1. 0 where it is not a number, else
 * 1 and the group; an absurd one gives group 0 as "no such".
 */
static int number_of(struct parser *p, struct str text, unsigned here, bool *whole, unsigned *group)
{
	char sign = text.len ? text.p[0] : 0;
	uint64_t v;

	if (!str_u64(str_from(text, sign == '-' || sign == '+'), RUBYRE_GROUPS_MAX, &v))
		return 0;
	*whole = !v && sign != '-' && sign != '+';
	*group = (unsigned)v;
	if (sign == '-')
		*group = v <= here ? here + 1 - (unsigned)v : 0;
	else if (sign == '+')
		*group = here + (unsigned)v;
	return 1;
}

/* \k<name>: of several groups with the name the last one that took part counts. p behind the opening bracket. */
static int parse_backref(struct parser *p, char end)
{
	struct str name;
	unsigned group, found = 0;
	bool whole;

	if (take_name(p, end, &name))
		return -1;
	if (p->first)
		return 0;
	if (number_of(p, name, p->plain, &whole, &group)) {
		if (p->total_named)
			return fail(p, "numbered backref/call is not allowed (use name)");
		if (group == 0 || group > p->total)
			return fail(p, "invalid backref number/name");
		buf_printf(p->out, "\\g{%u}", group);
		return 0;
	}
	buf_lit(p->out, "(?:");
	for (unsigned i = p->total_named; i; i--)
		if (str_eq(p->name[i], name))
			buf_printf(p->out, found++ ? "|\\g{%u}" : "\\g{%u}", i);
	buf_lit(p->out, ")");
	return found ? 0 : fail(p, "undefined name reference");
}

/* \g<name>, \g<1>, \g<0>. */
static int parse_call(struct parser *p, char end)
{
	struct str name;
	unsigned group, found = 0;
	bool whole = false;

	if (take_name(p, end, &name))
		return -1;
	if (p->first)
		return 0;
	if (number_of(p, name, p->plain, &whole, &group)) {
		if (p->total_named && !whole)
			return fail(p, "numbered backref/call is not allowed (use name)");
		if (!whole && (group == 0 || group > p->total))
			return fail(p, "undefined group reference");
		buf_printf(p->out, "(?%u)", whole ? 0 : group);
		return 0;
	}
	for (unsigned i = p->total_named; i; i--)
		if (str_eq(p->name[i], name) && !found++)
			buf_printf(p->out, "(?%u)", i);
	if (found > 1)
		return fail(p, "multiplex definition name call");
	return found ? 0 : fail(p, "undefined name call");
}

/* (?(1)yes|no), (?(<name>)yes|no): p behind "(?(". */
static int parse_condition(struct parser *p, struct mode m)
{
	struct piece none;
	struct str name;
	char open = peek(p, 0);
	unsigned group = 0;
	bool whole;

	if (open == '<' || open == '\'') {
		p->pos++;
		if (take_name(p, open == '<' ? '>' : '\'', &name))
			return -1;
		if (peek(p, 0) != ')')
			return fail(p, "invalid conditional pattern");
		p->pos++;
	} else if (take_name(p, ')', &name)) {
		return -1;
	}
	if (!p->first && !number_of(p, name, p->plain, &whole, &group))
		for (unsigned i = p->total_named; i && !group; i--)
			if (str_eq(p->name[i], name))
				group = i;
	if (!p->first && (group == 0 || group > p->total))
		return fail(p, "invalid backref number/name");
	buf_printf(p->out, "(?(%u)", group ? group : 1);
	if (parse_alternatives(p, m, &none))
		return -1;
	if (peek(p, 0) != ')')
		return fail(p, "end pattern with unmatched parenthesis");
	p->pos++;
	buf_lit(p->out, ")");
	return 0;
}

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
				return fail(p, "undefined group option");
			m->set = peek(p, 0) == 'a' ? SET_ASCII : peek(p, 0) == 'd' ? SET_DEFAULT : SET_UNICODE;
			break;
		case ':':
		case ')':
			return 0;
		default:
			return fail(p, "undefined group option");
		}
	}
	return fail(p, "end pattern in group");
}

static int close_group(struct parser *p)
{
	if (peek(p, 0) != ')')
		return fail(p, "end pattern with unmatched parenthesis");
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

	if (i > RUBYRE_GROUPS_MAX)
		return fail(p, "too many groups");
	if (name.p)
		name_put(p, i, name);
	if (name.p || (!p->first && !p->total_named))
		buf_lit(p->out, "(");
	else
		buf_lit(p->out, "(?:");
	return parse_alternatives(p, m, &a->must) ? -1 : close_group(p);
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
			return fail(p, "end pattern in group");
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
		if (parse_alternatives(p, m, &a->must))
			return -1;
		if (heads[i].look)
			a->must.len = 0;
		return close_group(p);
	}
	p->pos++;
	if (peek(p, 0) == '<' || peek(p, 0) == '\'') {
		char end = peek(p, 0) == '<' ? '>' : '\'';

		p->pos++;
		if (take_name(p, end, &name))
			return -1;
		if (ch_digit(name.p[0]) || name.p[0] == '-')
			return fail(p, "invalid group name");
		return parse_capture(p, m, name, a);
	}
	if (peek(p, 0) == '(') {
		p->pos++;
		return parse_condition(p, m);
	}
	if (peek(p, 0) == '~')
		return fail(p, "the absent operator is not supported");
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

/*
 * In either case, Ruby lets a sharp s match "ss" and the other way round; PCRE2 folds character by character.
 * p stands behind c.
 */
static bool sharp_s(struct parser *p, uint32_t c, struct mode m)
{
	if (!m.icase)
		return false;
	if (c == 0xdf || c == 0x1e9e) {
		buf_lit(p->out, "(?:[\\x{df}\\x{1e9e}]|ss)");
		return true;
	}
	if ((c | 32) != 's' || (peek(p, 0) | 32) != 's' || (peek(p, 1) && strchr("*+?{", peek(p, 1))))
		return false;
	p->pos++;
	buf_lit(p->out, "(?:ss|[\\x{df}\\x{1e9e}])");
	return true;
}

static int literal(struct parser *p, uint32_t c, struct mode m, struct atom *a)
{
	if (sharp_s(p, c, m))
		return 0;
	write_literal(p, c);
	pool_add(p, a, c, m);
	return 0;
}

static int write_one_set(struct parser *p, struct set *s, bool neg, int r)
{
	if (r == 0)
		set_write(s, neg, p->out);
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
			return literal(p, take_code(p), m, a);
		return take_escape(p, &code) ? -1 : literal(p, code, m, a);
	}
	p->pos = p->src.len - rest.len;
	if (p->first)
		return 0;
	if (p->total_named)
		return fail(p, "numbered backref/call is not allowed (use name)");
	if (n > p->total)
		return fail(p, "invalid backref number/name");
	buf_printf(p->out, "\\g{%u}", (unsigned)n);
	return 0;
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
		c = take_hex(p, 6, &digits);
		if (!digits)
			return fail(p, "invalid Unicode escape");
		if (check_code(p, c))
			return -1;
		write_literal(p, c);
	}
	p->pos++;
	return 0;
}

/* p behind the backslash. */
static int parse_escape(struct parser *p, struct mode m, struct atom *a)
{
	char c = peek(p, 0);
	struct set s;
	uint32_t code;

	if (!more(p))
		return fail(p, "too short escape sequence");
	if (c && strchr("dwshDWSH", c)) {
		p->pos++;
		set_init(&s);
		set_add_escape(&s, ch_lower(c), false, m.set);
		return write_one_set(p, &s, c < 'a', 0);
	}
	if ((c == 'p' || c == 'P') && peek(p, 1) == '{') {
		p->pos++;
		set_init(&s);
		return write_one_set(p, &s, false, take_property(p, c == 'P', m.set, &s));
	}
	if (c && strchr("AZzGbBKRX", c)) {
		p->pos++;
		a->anchor = !strchr("RX", c);
		p->from_start |= c == 'G';
		if ((c == 'b' || c == 'B') && m.set == SET_ASCII)
			buf_str(p->out, c == 'b' ? STR("(?:(?<![0-9A-Za-z_])(?=[0-9A-Za-z_])|(?<=[0-9A-Za-z_])(?![0-9A-Za-z_]))")
						 : STR("(?:(?<![0-9A-Za-z_])(?![0-9A-Za-z_])|(?<=[0-9A-Za-z_])(?=[0-9A-Za-z_]))"));
		else
			buf_printf(p->out, "\\%c", c);
		return 0;
	}
	if ((c == 'k' || c == 'g') && (peek(p, 1) == '<' || peek(p, 1) == '\'')) {
		char end = peek(p, 1) == '<' ? '>' : '\'';

		p->pos += 2;
		return c == 'k' ? parse_backref(p, end) : parse_call(p, end);
	}
	if (c >= '1' && c <= '9')
		return parse_number(p, m, a);
	if (c == 'u' && peek(p, 1) == '{') {
		p->pos += 2;
		return parse_codes(p, m, a);
	}
	return take_escape(p, &code) ? -1 : literal(p, code, m, a);
}

/* ---- quantifiers ---- */

/* {n} {n,} {,m} {n,m} at p; false where the brace is a plain character. */
static bool take_interval(struct parser *p, long *lo, long *hi)
{
	struct str rest = str_from(p->src, p->pos + 1);
	uint64_t n = 0, m = 0;
	bool has_n = str_take_u64(&rest, 9, UINT64_MAX, &n), has_m = false, comma = false;

	if (rest.len && rest.p[0] == ',') {
		comma = true;
		rest = str_from(rest, 1);
		has_m = str_take_u64(&rest, 9, UINT64_MAX, &m);
	}
	if (!rest.len || rest.p[0] != '}' || (!has_n && !has_m))
		return false;
	*lo = (long)n;
	*hi = !comma ? (long)n : has_m ? (long)m : INFINITE;
	p->pos = p->src.len - rest.len + 1;
	return true;
}

/* Brackets round what was written since a->out. */
static void wrap(struct parser *p, struct atom *a)
{
	size_t len = p->out->len - a->out;

	if (!buf_room(p->out, 4))
		return;
	memmove(p->out->p + a->out + 3, p->out->p + a->out, len);
	memcpy(p->out->p + a->out, "(?:", 3);
	p->out->len += 3;
	buf_ch(p->out, ')');
}

/* One quantifier at p. 1: written, 0: there is none. */
static int quantifier(struct parser *p, struct atom *a, bool again)
{
	char c = peek(p, 0), next;
	long lo, hi;

	if (c == '{') {
		if (!take_interval(p, &lo, &hi))
			return 0;
		if (lo > REPEAT_MAX || hi > REPEAT_MAX)
			return fail(p, "too big number in repeat range");
		if (hi != INFINITE && lo > hi)
			return fail(p, "upper is smaller than lower in repeat range");
	} else if (c == '*' || c == '+' || c == '?') {
		p->pos++;
		lo = c == '+';
		hi = c == '?' ? 1 : INFINITE;
	} else {
		return 0;
	}
	if (again || a->anchor)
		wrap(p, a);
	if (c != '{')
		buf_ch(p->out, c);
	else if (hi == INFINITE)
		buf_printf(p->out, "{%ld,}", lo);
	else
		buf_printf(p->out, "{%ld,%ld}", lo, hi);
	next = peek(p, 0);
	/* In Ruby a+ behind an interval repeats it, and {n}? means "or not at all". */
	if (c == '{' && next == '?' && lo == hi) {
		p->pos++;
		wrap(p, a);
		buf_ch(p->out, '?');
		lo = 0;
	} else if (next == '?' || (next == '+' && c != '{')) {
		p->pos++;
		buf_ch(p->out, next);
	}
	a->literal = false;
	if (lo == 0)
		a->must.len = 0;
	return 1;
}

/* Blanks and comments under (?x). */
static bool skip_extended(struct parser *p)
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

static int quantifiers(struct parser *p, struct atom *a, struct mode m)
{
	bool again = false;
	int r;

	while (more(p)) {
		if (m.extended && skip_extended(p))
			continue;
		r = quantifier(p, a, again);
		if (r < 0)
			return -1;
		if (r == 0)
			return 0;
		again = true;
	}
	return 0;
}

/* ---- the grammar's top ---- */

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
			return fail(p, "too many nested brackets");
		r = parse_group(p, m, a);
		p->depth--;
		return r;
	case '[':
		set_init(&s);
		r = parse_set(p, m, &s, &neg);
		return write_one_set(p, &s, neg, r);
	case '\\':
		p->pos++;
		return parse_escape(p, m, a);
	case '.':
		p->pos++;
		buf_str(p->out, m.dotall ? STR(".") : STR("\\N"));
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
		return fail(p, "target of repeat operator is not specified");
	default:
		return literal(p, take_code(p), m, a);
	}
}

static void longer(struct piece *best, struct piece with)
{
	if (with.len > best->len)
		*best = with;
}

static int parse_branch(struct parser *p, struct mode m, struct piece *must)
{
	struct piece run = {0, 0};

	must->len = 0;
	while (more(p) && peek(p, 0) != '|' && peek(p, 0) != ')') {
		struct atom a = {.out = p->out->len};

		if (m.extended && skip_extended(p))
			continue;
		if (parse_atom(p, m, &a))
			return -1;
		if (a.empty)
			continue;
		if (quantifiers(p, &a, m))
			return -1;
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
	}
	return 0;
}

static int parse_all(struct parser *p, struct mode m, struct piece *must)
{
	if (parse_alternatives(p, m, must))
		return -1;
	if (more(p))
		return fail(p, "unmatched close parenthesis");
	if (p->out->over)
		return fail(p, "the expression is too large");
	return 0;
}

int rubyre_translate(struct rubyre *out, struct str source, unsigned flags, struct err *err)
{
	struct mode m = {.icase = flags & REGEX_ICASE, .dotall = flags & REGEX_DOTALL,
			 .extended = flags & REGEX_EXTENDED, .set = SET_DEFAULT};
	struct parser p = {.src = source, .out = &out->pattern, .pool = &out->literals, .err = err, .first = true};
	struct piece must = {0, 0};

	memset(out, 0, sizeof(*out));
	buf_init(&out->pattern, 8 * (size_t)RUBYRE_SOURCE_MAX);
	buf_init(&out->literals, 0);
	if (source.len > RUBYRE_SOURCE_MAX)
		return err_set(err, "an expression of %zu bytes is too long (at most %d)", source.len, RUBYRE_SOURCE_MAX);
	if (!utf8_valid(source))
		return err_set(err, "invalid UTF-8 in the expression");
	if (parse_all(&p, m, &must))
		goto failed;
	p.total_named = p.named;
	p.total = p.named ? p.named : p.plain;
	p.first = false;
	p.pos = p.named = p.plain = 0;
	buf_clear(p.out);
	buf_clear(p.pool);
	if (parse_all(&p, m, &must))
		goto failed;
	out->groups = p.total;
	out->name = p.name ? p.name : xzalloc((p.total + 1) * sizeof(*out->name));
	out->from_start = p.from_start;
	out->required = must.len ? str_n(out->literals.p + must.off, must.len) : STR("");
	return 0;
failed:
	out->name = p.name;
	rubyre_release(out);
	return -1;
}

void rubyre_release(struct rubyre *r)
{
	buf_release(&r->pattern);
	buf_release(&r->literals);
	free(r->name);
	memset(r, 0, sizeof(*r));
}
