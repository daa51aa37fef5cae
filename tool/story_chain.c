/*
 * story_chain.c - chains, and events that changed theirs (see story_int.h).
 */
#include "tool/story_int.h"

#include <stdlib.h>

struct chain *chains_get(struct chains *c, struct str id)
{
	for (unsigned i = 0; i < c->n; i++)
		if (str_eq(c->chain[i].id, id))
			return &c->chain[i];
	if (c->n == STORY_CHAINS || !id.len)
		return NULL;
	c->chain[c->n] = (struct chain){.id = keep(c->st, id), .cut = id.p[0] == 'Z', .one = &c->chain[c->n]};
	return &c->chain[c->n++];
}

static void bond(struct chains *c, struct str a, struct str b, bool same, bool on, int64_t sequence)
{
	struct chain *x = chains_get(c, a), *y = chains_get(c, b);

	if (!x || !y)
		return;
	for (size_t i = 0; i < c->nbonds; i++) {
		struct bond *o = &c->bond[i];

		if (o->same != same || !((str_eq(o->a, a) && str_eq(o->b, b)) || (same && str_eq(o->a, b) && str_eq(o->b, a))))
			continue;
		o->told += on ? 1 : -1;
		if (same) {
			o->on = o->told > 0;
		} else if (sequence >= o->sequence) {
			o->sequence = sequence;
			o->on = on;
		}
		return;
	}
	if (c->nbonds == c->cap) {
		c->cap = c->cap ? 2 * c->cap : 256;
		c->bond = xrealloc(c->bond, c->cap * sizeof(*c->bond));
	}
	c->bond[c->nbonds++] = (struct bond){x->id, y->id, sequence, on ? 1 : -1, same, on};
}

/* ---- events that changed their chain ---- */

static int64_t sequence_of(const struct event *ev)
{
	const struct value *v = event_get(ev, field_ref(F_EVENT_SEQUENCE));

	return value_is(v, V_INT) ? v->i : INT64_MIN;
}

int64_t moves_confidence(const struct event *ev)
{
	const struct value *v = event_get(ev, field_ref(F_WEIR_CAUSE_CONFIDENCE));

	return value_is(v, V_INT) ? v->i : -1;
}

static bool take_moves(struct story *st, const struct store_hit *hit, void *arg)
{
	const struct event *ev = &hit->ev;
	struct moves *m = arg;
	struct str id, chain = text(ev, F_WEIR_CHAIN_ID), rule = text(ev, F_WEIR_CAUSE_RULE);
	bool on = is(ev, F_EVENT_ACTION, "link");

	if (!is(ev, F_EVENT_MODULE, "link") || (!on && !is(ev, F_EVENT_ACTION, "unlink")) || !nth_text(ev, F_WEIR_LINK_EVENT_ID, 0, &id))
		return true;
	chain = keep(st, chain);
	rule = keep(st, rule);
	for (uint32_t i = 0; nth_text(ev, F_WEIR_LINK_EVENT_ID, i, &id); i++) {
		if (m->n == m->cap) {
			m->cap = m->cap ? 2 * m->cap : 64;
			m->m = xrealloc(m->m, m->cap * sizeof(*m->m));
		}
		m->m[m->n++] = (struct move){keep(st, id), chain, sequence_of(ev), on, moves_confidence(ev), rule};
	}
	return true;
}

static int by_event(const void *a, const void *b)
{
	const struct move *x = a, *y = b;
	int d = str_cmp(x->event, y->event);

	return d ? d : x->sequence != y->sequence ? (x->sequence < y->sequence ? -1 : 1) : 0;
}

/* What was said last of each event of the chain. */
void moves_of_chain(struct story *st, struct moves *m, struct str chain)
{
	size_t n = 0;

	*m = (struct moves){.st = st};
	story_each(st, KEY_CHAIN, chain, take_moves, m);
	for (size_t i = 0; i < m->n; i++) /* link events that name it as a cause are of other chains */
		if (str_eq(m->m[i].chain, chain))
			m->m[n++] = m->m[i];
	m->n = n;
	if (n > 1)
		qsort(m->m, n, sizeof(*m->m), by_event);
	n = 0;
	for (size_t i = 0; i < m->n; i++)
		if (i + 1 == m->n || !str_eq(m->m[i].event, m->m[i + 1].event))
			m->m[n++] = m->m[i];
	m->n = n;
}

const struct move *move_find(const struct moves *m, const struct event *ev)
{
	struct move want = {.event = str_n(ev->id, ev->id_len)};
	size_t lo = 0, hi = m->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (str_cmp(m->m[mid].event, want.event) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < m->n && str_eq(m->m[lo].event, want.event) ? &m->m[lo] : NULL;
}

/* Where an event ended up: the chain it says itself, or what link events said of it since. */
void moves_settle(struct story *st, struct str event, struct move *m)
{
	struct moves all = {.st = st};

	story_each(st, KEY_ID, event, take_moves, &all);
	if (all.n > 1)
		qsort(all.m, all.n, sizeof(*all.m), by_event);
	for (size_t i = 0; i < all.n; i++) {
		if (!str_eq(all.m[i].event, event))
			continue;
		if (all.m[i].on)
			*m = all.m[i];
		else if (str_eq(all.m[i].chain, m->chain))
			m->chain = (struct str){0};
	}
	free(all.m);
}

/* What one event says of chains. It is met under each chain that it names; what is counted is so under its own. */
static void read_bonds(struct chains *c, const struct event *ev)
{
	struct str id = text(ev, F_WEIR_CHAIN_ID), other;
	bool link = is(ev, F_EVENT_MODULE, "link"), unlink = link && is(ev, F_EVENT_ACTION, "unlink");
	bool same = link && (is(ev, F_EVENT_ACTION, "same-chain") || (unlink && id.len && id.p[0] != 'Z'));
	int64_t sequence = link ? sequence_of(ev) : INT64_MIN;

	if (!id.len || (link && event_get(ev, field_ref(F_WEIR_LINK_EVENT_ID))))
		return;
	(void)chains_get(c, id);
	for (uint32_t i = 0; nth_text(ev, F_WEIR_CAUSE_CHAIN_ID, i, &other); i++)
		if (!same || str_eq(id, c->at))
			bond(c, id, other, same, !unlink, sequence);
}

static bool take_bond(struct story *st, const struct store_hit *hit, void *arg)
{
	struct chains *c = arg;
	struct chain *own = str_eq(text(&hit->ev, F_WEIR_CHAIN_ID), c->at) ? chains_get(c, c->at) : NULL;

	(void)st;
	if (own && story_of_a_service(&hit->ev))
		own->met = true;
	read_bonds(c, &hit->ev);
	return true;
}

struct chain *chain_root(struct chain *c)
{
	while (c->one != c)
		c = c->one = c->one->one;
	return c;
}

/* From the chains that are there to all that hang together with them, and which of them are one. */
void chains_follow(struct chains *c)
{
	for (unsigned i = 0; i < c->n; i++)
		if (!c->chain[i].read) {
			c->chain[i].read = true;
			c->at = c->chain[i].id;
			story_each(c->st, KEY_CHAIN, c->chain[i].id, take_bond, c);
		}
	for (size_t i = 0; i < c->nbonds; i++)
		if (c->bond[i].same && c->bond[i].on) {
			struct chain *a = chain_root(chains_get(c, c->bond[i].a)), *b = chain_root(chains_get(c, c->bond[i].b));

			a->one = b;
		}
}

void chains_spread_met(struct chains *c)
{
	for (unsigned i = 0; i < c->n; i++)
		if (c->chain[i].met)
			chain_root(&c->chain[i])->met = true;
	for (size_t i = 0; i < c->nbonds; i++)
		if (!c->bond[i].same && c->bond[i].on && chain_root(chains_get(c, c->bond[i].b))->met)
			chain_root(chains_get(c, c->bond[i].a))->met = true;
	for (unsigned i = 0; i < c->n; i++)
		c->chain[i].met = chain_root(&c->chain[i])->met;
}

void chains_free(struct chains *c)
{
	if (c)
		free(c->bond);
	free(c);
}

/* Membership only holds from what is a cause to what it caused. */
bool chains_cause(struct chains *c, const struct chain *cut, const struct chain *member)
{
	for (size_t i = 0; i < c->nbonds; i++) {
		const struct bond *b = &c->bond[i];

		if (!b->same && b->on && chain_root(chains_get(c, b->a)) == chain_root((struct chain *)cut) &&
		    chain_root(chains_get(c, b->b)) == chain_root((struct chain *)member))
			return true;
	}
	return false;
}
