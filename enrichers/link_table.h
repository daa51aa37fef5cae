/*
 * link_table.h - a table of fixed capacity: rows by a 64-bit key, least recently used first out.
 *
 * What links remember must never grow with what comes in. A row is a struct that begins with struct lrow; several rows may have the same key.
 * A full table evicts its oldest row; one network (the caller's word for it: a /24, a /48) holds at most a sixteenth of a table, so that a flood from one
 * place displaces only itself. A filter of four bits a row remembers the keys of evicted rows: the reader of a missing row then knows that it may have been there.
 *
 * Rows are referred to by index and generation; a reference to a row that is gone gives NULL. Work thread; memory is touched as rows are used.
 */
#ifndef WEIR_ENRICHERS_LINK_TABLE_H
#define WEIR_ENRICHERS_LINK_TABLE_H

#include "base/str.h"

struct lref {
	uint32_t at, gen; /* at 0: none */
};

struct lrow {
	uint64_t key;
	int64_t used_ns; /* by the clock of receipt */
	uint32_t self, gen; /* gen 0: free */
	uint32_t chain;	    /* of its bucket: the newest rows of each key; or of free rows */
	uint32_t after, before; /* of the same key: the next older and newer one */
	uint32_t older, newer;
	uint32_t net;
};

struct ltable {
	size_t stride;
	uint32_t cap, n, fresh; /* fresh: rows that were never used begin here */
	uint32_t free, oldest, newest;
	uint32_t mask;
	uint32_t gen;
	uint32_t grown_at; /* the row with which the table is worth large pages */
	int64_t life_ns; /* unused for so long: forgotten, which is no eviction; 0: kept */
	uint8_t *row;
	uint32_t *bucket;
	uint32_t *nets; /* NULL: no bound per network; else how many rows of each, by hash */
	uint8_t *ghost;
	void (*drop)(void *arg, void *row); /* before a row goes, for whatever reason but ltable_release() */
	void *arg;
	uint64_t evicted, expired, capped;
};

/* cap rows (at least 16) of `stride` bytes. Exits with a message where there is no memory for it. */
void ltable_init(struct ltable *t, size_t stride, uint32_t cap, int64_t life_ns, bool per_net);
void ltable_release(struct ltable *t);

/* The newest row with that key, the next older one; NULL. Other keys never come. */
void *ltable_first(const struct ltable *t, uint64_t key);
void *ltable_next(const struct ltable *t, const void *row);
/*
 * A new zeroed row, behind its struct lrow; makes room if need be. Never NULL. `net` counts where per_net.
 * Other rows may go: hold no pointers across this, only references.
 */
void *ltable_add(struct ltable *t, uint64_t key, uint32_t net, int64_t now_ns);
void ltable_use(struct ltable *t, void *row, int64_t now_ns);
void ltable_drop(struct ltable *t, void *row);
/* Was a row of that key evicted, probably? */
bool ltable_evicted(const struct ltable *t, uint64_t key);

/*
 * What a key leads to is far away in memory. Who will soon ask for several keys says so: first for all of them ltable_hint(), so that their
 * buckets come while other things are done, then ltable_hint_row() for the rows behind these. Neither changes anything.
 */
void ltable_hint(const struct ltable *t, uint64_t key);
void ltable_hint_row(const struct ltable *t, uint64_t key);

static inline void *ltable_at(const struct ltable *t, uint32_t at)
{
	return at ? t->row + (size_t)(at - 1) * t->stride : NULL;
}

static inline void *ltable_get(const struct ltable *t, struct lref r)
{
	struct lrow *row = ltable_at(t, r.at);

	return row && row->gen == r.gen ? row : NULL;
}

static inline struct lref ltable_ref(const void *row)
{
	const struct lrow *r = row;

	return r ? (struct lref){r->self, r->gen} : (struct lref){0};
}

static inline bool lref_eq(struct lref a, struct lref b)
{
	return a.at == b.at && a.gen == b.gen;
}

#endif
