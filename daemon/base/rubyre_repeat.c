/*
 * rubyre_repeat.c - quantifiers of Ruby's syntax: * + ? {n,m}, lazy and possessive, and several behind each other.
 */
#include "base/rubyre_int.h"

enum { REPEAT_MAX = 100000, PCRE2_REPEAT_MAX = 65535, INFINITE = -1 };

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

/* Brackets round what was written since a->out: "(?:" or "(?>". */
static void wrap(struct parser *p, struct atom *a, const char head[3])
{
	size_t len = p->out->len - a->out;

	if (!buf_room(p->out, 4))
		return;
	memmove(p->out->p + a->out + 3, p->out->p + a->out, len);
	memcpy(p->out->p + a->out, head, 3);
	p->out->len += 3;
	buf_ch(p->out, ')');
}

static bool is_capture(const struct parser *p, const struct atom *a)
{
	return p->out->len > a->out + 1 && p->out->p[a->out] == '(' && p->out->p[a->out + 1] != '?';
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
			return rubyre_fail(p, "too big number in repeat range");
		if (hi != INFINITE && lo > hi)
			return rubyre_fail(p, "upper is smaller than lower in repeat range");
	} else if (c == '*' || c == '+' || c == '?') {
		p->pos++;
		lo = c == '+';
		hi = c == '?' ? 1 : INFINITE;
	} else {
		return 0;
	}
	if (lo > PCRE2_REPEAT_MAX || hi > PCRE2_REPEAT_MAX)
		inexact(p, "a repetition beyond 65535 times");
	if (again || a->anchor)
		wrap(p, a, "(?:");
	next = peek(p, 0);
	if (c != '{')
		buf_ch(p->out, c);
	else if (hi == INFINITE)
		buf_printf(p->out, "{%ld,}", lo);
	else
		buf_printf(p->out, "{%ld,%ld}", lo, hi);
	/* In Ruby a+ behind an interval repeats it, and {n}? means "or not at all". */
	if (c == '{' && next == '?' && lo == hi) {
		p->pos++;
		wrap(p, a, "(?:");
		buf_ch(p->out, '?');
		lo = 0;
	} else if (next == '?' || (next == '+' && c != '{')) {
		p->pos++;
		/* PCRE2's machine code leaves (x)*+ what a start before this one found. */
		if (next == '+' && is_capture(p, a))
			wrap(p, a, "(?>");
		else
			buf_ch(p->out, next);
	}
	a->literal = false;
	a->must.chars = lo == hi && a->must.chars >= 0 && lo * a->must.chars < PCRE2_REPEAT_MAX ? lo * a->must.chars : -1;
	if (lo == 0)
		a->must.len = 0;
	return 1;
}

int rubyre_repeat(struct parser *p, struct atom *a, struct mode m)
{
	bool again = false;
	int r;

	while (more(p)) {
		if (m.extended && rubyre_skip_extended(p))
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
