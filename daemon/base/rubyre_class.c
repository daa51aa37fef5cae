/*
 * rubyre_class.c - bracketed classes of Ruby's syntax, read into sets: [a-z&&[^aeiou]\d[:alpha:]\p{Greek}].
 */
#include "base/rubyre_int.h"

int rubyre_take_property(struct parser *p, bool neg, enum set_mode mode, struct set *s)
{
	ptrdiff_t end = str_chr(str_from(p->src, p->pos), '}');
	struct str name;

	if (peek(p, 0) != '{' || end < 0)
		return rubyre_fail(p, "invalid character property name");
	name = str_sub(p->src, p->pos + 1, (size_t)end - 1);
	if (name.len && name.p[0] == '^') {
		neg = !neg;
		name = str_from(name, 1);
	}
	if (!set_add_property(s, name, neg, mode, p->dialect))
		return rubyre_fail(p, "invalid character property name");
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
		r = rubyre_parse_set(p, m, &inner, &neg);
		if (r == 0)
			set_union(s, &inner, neg);
		set_release(&inner);
		return r;
	}
	if (c != '\\') {
		*code = rubyre_take_code(p);
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
		return rubyre_take_property(p, e == 'P', m.set, s);
	}
	if (e == 'b') {
		p->pos++;
		*code = '\b';
		return 1;
	}
	return rubyre_take_escape(p, code) ? -1 : 1;
}

/* The items up to "&&" or the closing bracket. `at_start`: a first ']' may be a plain character. */
static int parse_items(struct parser *p, struct mode m, struct set *s, bool at_start)
{
	uint32_t lo, hi;

	for (;; at_start = false) {
		int r;

		if (!more(p))
			return rubyre_fail(p, "premature end of char-class");
		if (peek(p, 0) == ']') {
			if (!at_start)
				return 0;
			if (str_chr(str_from(p->src, p->pos + 1), ']') < 0)
				return rubyre_fail(p, "empty char-class");
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
				return rubyre_fail(p, "premature end of char-class");
			r = take_item(p, m, s, &hi);
			if (r < 0)
				return -1;
			if (r == 0) {
				/* `a-\d`: the hyphen stands for itself. */
				set_add(s, '-', '-');
				hi = lo;
			} else if (hi < lo) {
				return rubyre_fail(p, "empty range in char class");
			}
		}
		set_add(s, lo, hi);
	}
}

int rubyre_parse_set(struct parser *p, struct mode m, struct set *s, bool *neg)
{
	bool first = true;
	int r = 0;

	if (++p->depth > RUBYRE_DEPTH_MAX)
		return rubyre_fail(p, "too many nested brackets");
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
