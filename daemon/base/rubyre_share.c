/*
 * rubyre_share.c - makes a translated expression smaller where PCRE2 finds it too large (64 KiB of its code).
 *
 * Grok's patterns hold the same long pieces again and again (%{IP} ten times in a firewall's line). Pieces "(?:...)" that occur more than
 * once become calls of one definition at the end of the expression: slower than a copy, the same in meaning. Only pieces
 * without groups and references qualify, and only in expressions without "(?i": a call takes the options of its definition.
 *
 * Set-up code: runs when a configuration is compiled, on any thread.
 */
#include "base/arena.h"
#include "base/rubyre.h"

#include <stdlib.h>

enum { PIECE_MIN = 100 };

/* One "(?:...)" of the text. */
struct piece {
	size_t at, len;
	bool plain; /* may become a call */
	unsigned call; /* 0: stays */
};

struct pieces {
	struct piece *v;
	size_t n, cap;
};

static void add(struct pieces *ps, size_t at)
{
	if (ps->n == ps->cap) {
		ps->cap = ps->cap ? ps->cap * 2 : 256;
		ps->v = xrealloc(ps->v, ps->cap * sizeof(*ps->v));
	}
	ps->v[ps->n++] = (struct piece){.at = at, .plain = true};
}

/* Behind a class; the translation writes no bracket inside of one. */
static size_t skip_class(struct str s, size_t at)
{
	while (at < s.len && s.p[at] != ']')
		at += s.p[at] == '\\' ? 2 : 1;
	return at + 1;
}

/* Finds all pieces in the order of their beginnings; `open` is a stack of indices of those not yet closed, SIZE_MAX: another bracket. */
static void find(struct str s, struct pieces *ps)
{
	size_t *open = xmalloc((RUBYRE_DEPTH_MAX * 8 + 8) * sizeof(*open));
	size_t depth = 0;

	for (size_t i = 0; i < s.len;) {
		struct str rest = str_from(s, i);
		bool group = false;

		if (s.p[i] == '\\') {
			if (str_starts(rest, STR("\\g")))
				for (size_t k = 0; k < depth; k++)
					if (open[k] != SIZE_MAX)
						ps->v[open[k]].plain = false;
			i += 2;
			continue;
		}
		if (s.p[i] == '[') {
			i = skip_class(s, i + 1);
			continue;
		}
		if (s.p[i] == ')' && depth) {
			if (open[--depth] != SIZE_MAX)
				ps->v[open[depth]].len = i + 1 - ps->v[open[depth]].at;
		}
		if (s.p[i] != '(') {
			i++;
			continue;
		}
		if (depth == RUBYRE_DEPTH_MAX * 8)
			break;
		/* A capture, a call or a condition: whatever is round it stays. */
		group = !(rest.len > 2 && rest.p[1] == '?' && strchr(":=!<>", rest.p[2]));
		for (size_t k = 0; group && k < depth; k++)
			if (open[k] != SIZE_MAX)
				ps->v[open[k]].plain = false;
		open[depth++] = SIZE_MAX;
		if (str_starts(rest, STR("(?:"))) {
			open[depth - 1] = ps->n;
			add(ps, i);
		}
		i++;
	}
	free(open);
}

static struct str text_of(struct str s, const struct piece *p)
{
	return str_sub(s, p->at, p->len);
}

/* Gives the same number to all equal pieces that occur again; the larger one wins over those inside of it. Returns how many. */
static unsigned number(struct str s, struct pieces *ps, unsigned groups, size_t *first)
{
	unsigned calls = 0;
	size_t end = 0;

	for (size_t i = 0; i < ps->n; i++) {
		struct piece *p = &ps->v[i];
		size_t k;

		if (p->at < end || !p->plain || p->len < PIECE_MIN)
			continue;
		for (k = 0; k < calls; k++)
			if (str_eq(text_of(s, &ps->v[first[k]]), text_of(s, p)))
				break;
		if (k == calls) {
			size_t again = i + 1;

			while (again < ps->n && !(ps->v[again].len == p->len && str_eq(text_of(s, &ps->v[again]), text_of(s, p))))
				again++;
			if (again == ps->n || calls == RUBYRE_GROUPS_MAX)
				continue;
			first[calls++] = i;
		}
		p->call = groups + (unsigned)k + 1;
		end = p->at + p->len;
	}
	return calls;
}

bool rubyre_share(struct rubyre *r)
{
	struct str s = buf_slice(&r->pattern);
	struct pieces ps = {0};
	size_t *first, done = 0;
	unsigned calls;
	struct buf out;

	if (str_find(s, STR("(?i")) >= 0 || str_find(s, STR("(?-i")) >= 0)
		return false;
	find(s, &ps);
	first = xmalloc((RUBYRE_GROUPS_MAX + 1) * sizeof(*first));
	calls = number(s, &ps, r->groups, first);
	buf_init(&out, r->pattern.max);
	for (size_t i = 0; calls && i < ps.n; i++) {
		if (!ps.v[i].call)
			continue;
		buf_str(&out, str_sub(s, done, ps.v[i].at - done));
		buf_printf(&out, "(?%u)", ps.v[i].call);
		done = ps.v[i].at + ps.v[i].len;
	}
	buf_str(&out, str_from(s, done));
	if (calls)
		buf_lit(&out, "(?(DEFINE)");
	for (unsigned i = 0; i < calls; i++) {
		buf_ch(&out, '(');
		buf_str(&out, text_of(s, &ps.v[first[i]]));
		buf_ch(&out, ')');
	}
	if (calls)
		buf_ch(&out, ')');
	free(ps.v);
	free(first);
	buf_release(&r->pattern);
	r->pattern = out;
	return calls > 0 && !out.over;
}
