/*
 * link_index.c - look-ups by their names alone, whoever asked (see link_int.h).
 *
 * A client's own question is found by name and client. By the whole name only a forwarder's questions are looked for, by what it lies under only a
 * resolver's own. Where nobody tells those (a query log alone), the index would be most of the work; with the first of them it is made
 * up for, from the look-up that was used least recently on.
 */
#include "link_int.h"

enum { ROWS_SEEN = 64 };

uint64_t look_key(uint64_t name_hash, uint64_t client_key)
{
	return key_of(client_key, name_hash);
}

/* Of T_SUFFIX: a whole name on whatever resolver. */
static uint64_t named_key(uint64_t name_hash)
{
	return key_of(name_hash, UINT16_MAX + 1);
}

static void index_as(struct link_state *st, struct look *k, uint64_t key, int64_t now)
{
	struct suffix *x = ltable_add(&st->t[T_SUFFIX], key, 0, now);

	x->look = ltable_ref(k);
}

static void index_suffixes(struct link_state *st, struct look *k, const struct name_hashes *h, struct str name, int64_t now)
{
	for (unsigned i = 0; i < h->n; i++) {
		if (i > 0 && name_is_infra(str_from(name, h->at[i])))
			break;
		index_as(st, k, key_of(h->hash[i], k->host), now);
	}
}

void look_index_names(struct link_state *st, enum name_index how)
{
	enum name_index was = st->names;
	struct look *k;

	if (was >= how)
		return;
	st->names = how;
	for (uint32_t at = st->t[T_LOOK].oldest; (k = ltable_at(&st->t[T_LOOK], at)) != NULL; at = k->row.newer) {
		struct name_hashes h;

		/* One that was too long to be kept is in the index. */
		if (!look_hashes(k, &h))
			continue;
		if (was < INDEX_WHOLE)
			index_as(st, k, named_key(k->name_hash), k->row.used_ns);
		if (how == INDEX_SUFFIXES)
			index_suffixes(st, k, &h, name_kept(&k->name), k->row.used_ns);
	}
}

void look_index_new(struct link_state *st, struct look *k, const struct name_hashes *h, const struct seen *s)
{
	struct name_hashes own;

	index_as(st, k, named_key(k->name_hash), s->now);
	/* What a name too long to be kept lies under is known now or never. */
	if (st->names < INDEX_SUFFIXES && !k->name.cut)
		return;
	if (!h) {
		name_hashes(s->name, &own);
		h = &own;
	}
	index_suffixes(st, k, h, s->name, s->now);
}

/* The next of them that is known still. */
static struct look *known_from(struct link_state *st, struct named *it)
{
	for (; it->at && it->n < ROWS_SEEN; it->n++, it->at = ltable_next(&st->t[T_SUFFIX], it->at)) {
		struct look *k = ltable_get(&st->t[T_LOOK], it->at->look);

		if (k)
			return k;
	}
	return NULL;
}

struct look *look_named(struct link_state *st, uint64_t name_hash, struct named *it)
{
	*it = (struct named){ltable_first(&st->t[T_SUFFIX], named_key(name_hash)), 0};
	return known_from(st, it);
}

struct look *look_named_next(struct link_state *st, struct named *it)
{
	it->n++;
	it->at = ltable_next(&st->t[T_SUFFIX], it->at);
	return known_from(st, it);
}
