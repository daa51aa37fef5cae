/*
 * rubyre_set.c - see rubyre_set.h. Set-up code: runs when a configuration is compiled, on any thread.
 */
#include "base/rubyre_set.h"

#include "base/arena.h"
#include "base/utf8.h"

#include <stdlib.h>

enum { CODE_MAX = 0x10ffff };

void set_init(struct set *s)
{
	memset(s, 0, sizeof(*s));
	buf_init(&s->props, 0);
	buf_init(&s->alts, 0);
}

void set_release(struct set *s)
{
	free(s->range);
	buf_release(&s->props);
	buf_release(&s->alts);
	s->range = NULL;
	s->n = s->cap = 0;
}

void set_add(struct set *s, uint32_t lo, uint32_t hi)
{
	if (s->n == s->cap) {
		s->cap = s->cap ? s->cap * 2 : 8;
		s->range = xrealloc(s->range, s->cap * sizeof(*s->range));
	}
	s->range[s->n++] = (struct set_range){lo, hi};
}

static int range_cmp(const void *x, const void *y)
{
	const struct set_range *a = x, *b = y;

	return a->lo < b->lo ? -1 : a->lo > b->lo;
}

/* Sorted, and no two ranges touch. */
static void set_normalise(struct set *s)
{
	size_t n = 0;

	if (s->n < 2)
		return;
	qsort(s->range, s->n, sizeof(*s->range), range_cmp);
	for (size_t i = 1; i < s->n; i++) {
		if (s->range[i].lo <= s->range[n].hi + 1) {
			if (s->range[i].hi > s->range[n].hi)
				s->range[n].hi = s->range[i].hi;
		} else {
			s->range[++n] = s->range[i];
		}
	}
	s->n = n + 1;
}

static void set_complement(struct set *s)
{
	uint32_t next = 0;
	size_t n;
	struct set_range *old;

	set_normalise(s);
	n = s->n;
	old = s->range;
	s->range = NULL;
	s->n = s->cap = 0;
	for (size_t i = 0; i < n; i++) {
		if (old[i].lo > next)
			set_add(s, next, old[i].lo - 1);
		next = old[i].hi + 1;
	}
	if (next <= CODE_MAX)
		set_add(s, next, CODE_MAX);
	free(old);
}

static bool set_pure(const struct set *s)
{
	return s->props.len == 0 && s->alts.len == 0;
}

void set_union(struct set *s, struct set *other, bool neg)
{
	s->cased |= other->cased || (neg && !set_pure(other));
	if (neg && set_pure(other)) {
		set_complement(other);
		neg = false;
	}
	if (neg) {
		buf_ch(&s->alts, '|');
		set_write(other, true, &s->alts);
		return;
	}
	for (size_t i = 0; i < other->n; i++)
		set_add(s, other->range[i].lo, other->range[i].hi);
	buf_str(&s->props, buf_slice(&other->props));
	buf_str(&s->alts, buf_slice(&other->alts));
}

void set_intersect(struct set *s, struct set *other)
{
	struct set out;

	set_init(&out);
	out.cased = s->cased || other->cased;
	if (set_pure(s) && set_pure(other)) {
		set_normalise(s);
		set_normalise(other);
		for (size_t i = 0, k = 0; i < s->n && k < other->n;) {
			uint32_t lo = s->range[i].lo > other->range[k].lo ? s->range[i].lo : other->range[k].lo;
			uint32_t hi = s->range[i].hi < other->range[k].hi ? s->range[i].hi : other->range[k].hi;

			if (lo <= hi)
				set_add(&out, lo, hi);
			if (s->range[i].hi < other->range[k].hi)
				i++;
			else
				k++;
		}
	} else {
		buf_lit(&out.alts, "|(?=");
		set_write(s, false, &out.alts);
		buf_lit(&out.alts, ")");
		set_write(other, false, &out.alts);
	}
	set_release(s);
	*s = out;
}

/* ---- as text ---- */

static void write_code(struct buf *out, uint32_t c)
{
	if (c < 0x80 && ch_alnum((char)c))
		buf_ch(out, (char)c);
	else
		buf_printf(out, "\\x{%x}", c);
}

static void write_class(struct set *s, bool neg, struct buf *out)
{
	buf_str(out, neg ? STR("[^") : STR("["));
	for (size_t i = 0; i < s->n; i++) {
		write_code(out, s->range[i].lo);
		if (s->range[i].hi == s->range[i].lo)
			continue;
		if (s->range[i].hi > s->range[i].lo + 1)
			buf_ch(out, '-');
		write_code(out, s->range[i].hi);
	}
	buf_str(out, buf_slice(&s->props));
	buf_ch(out, ']');
}

void set_write(struct set *s, bool neg, struct buf *out)
{
	bool plain = s->n || s->props.len;

	set_normalise(s);
	if (!s->alts.len) {
		if (plain)
			write_class(s, neg, out);
		else
			buf_str(out, neg ? STR(".") : STR("(?!)"));
		return;
	}
	buf_str(out, neg ? STR("(?:(?!") : STR("(?:"));
	if (plain)
		write_class(s, false, out);
	/* The list of alternatives begins with its bar. */
	buf_str(out, str_from(buf_slice(&s->alts), plain ? 0 : 1));
	buf_str(out, neg ? STR(").)") : STR(")"));
}
