#include "outputs/postings.h"

#include "base/arena.h"
#include "base/hash.h"

#include <stdlib.h>

enum { SLOTS_MIN = 4096, KEEP_BYTES = 8 * 1024 * 1024, NONE = UINT32_MAX };

struct entry_key {
	uint32_t off, len; /* in bytes */
	uint32_t hash;
	uint32_t last; /* its newest pair */
	uint32_t n;
};

struct pair {
	int64_t id;
	uint32_t before; /* of the same key; NONE */
};

struct postings {
	char *bytes;
	size_t len, cap;
	struct entry_key *key;
	uint32_t n, key_cap;
	struct pair *pair;
	uint32_t npairs, pair_cap;
	uint32_t *slot; /* key + 1; 0: free */
	uint32_t slots;
	int64_t *ids; /* of one key, for the callbacks */
	size_t ids_cap;
};

struct postings *postings_new(void)
{
	struct postings *p = xzalloc(sizeof(*p));

	p->slots = SLOTS_MIN;
	p->slot = xzalloc(p->slots * sizeof(*p->slot));
	return p;
}

static void release(struct postings *p)
{
	free(p->bytes);
	free(p->key);
	free(p->pair);
	free(p->slot);
	free(p->ids);
}

void postings_free(struct postings **pp)
{
	if (!*pp)
		return;
	release(*pp);
	free(*pp);
	*pp = NULL;
}

size_t postings_bytes(const struct postings *p)
{
	return p->cap + p->key_cap * sizeof(*p->key) + p->pair_cap * sizeof(*p->pair) + p->slots * sizeof(*p->slot);
}

void postings_clear(struct postings *p)
{
	if (postings_bytes(p) > KEEP_BYTES) {
		release(p);
		*p = (struct postings){.slots = SLOTS_MIN};
		p->slot = xmalloc(p->slots * sizeof(*p->slot));
	}
	memset(p->slot, 0, p->slots * sizeof(*p->slot));
	p->len = p->n = p->npairs = 0;
}

/* ---- adding ---- */

static struct str key_of(const struct postings *p, const struct entry_key *k)
{
	return str_n(p->bytes + k->off, k->len);
}

static void more_slots(struct postings *p)
{
	free(p->slot);
	p->slots *= 2;
	p->slot = xzalloc(p->slots * sizeof(*p->slot));
	for (uint32_t i = 0; i < p->n; i++) {
		uint32_t at = p->key[i].hash & (p->slots - 1);

		while (p->slot[at])
			at = (at + 1) & (p->slots - 1);
		p->slot[at] = i + 1;
	}
}

static struct entry_key *add_key(struct postings *p, struct str key, uint32_t hash)
{
	struct entry_key *k;

	if (p->n == p->key_cap) {
		p->key_cap = p->key_cap ? p->key_cap * 2 : 1024;
		p->key = xrealloc(p->key, p->key_cap * sizeof(*p->key));
	}
	if (p->cap - p->len < key.len) {
		p->cap = p->cap * 2 + key.len + 16384;
		p->bytes = xrealloc(p->bytes, p->cap);
	}
	k = &p->key[p->n++];
	*k = (struct entry_key){.off = (uint32_t)p->len, .len = (uint32_t)key.len, .hash = hash, .last = NONE};
	if (key.len)
		memcpy(p->bytes + p->len, key.p, key.len);
	p->len += key.len;
	return k;
}

static struct entry_key *find_key(struct postings *p, struct str key)
{
	uint32_t hash = hash_str32(key), at;
	struct entry_key *k;

	if (p->n >= p->slots / 2)
		more_slots(p);
	for (at = hash & (p->slots - 1); p->slot[at]; at = (at + 1) & (p->slots - 1)) {
		k = &p->key[p->slot[at] - 1];
		if (k->hash == hash && str_eq(key_of(p, k), key))
			return k;
	}
	k = add_key(p, key, hash);
	p->slot[at] = p->n;
	return k;
}

void postings_add(struct postings *p, struct str key, int64_t id)
{
	struct entry_key *k = find_key(p, key);

	if (k->last != NONE && p->pair[k->last].id == id)
		return;
	if (p->npairs == p->pair_cap) {
		p->pair_cap = p->pair_cap ? p->pair_cap * 2 : 4096;
		p->pair = xrealloc(p->pair, p->pair_cap * sizeof(*p->pair));
	}
	p->pair[p->npairs] = (struct pair){id, k->last};
	k->last = p->npairs++;
	k->n++;
}

/* ---- walking ---- */

static int by_id(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

static size_t ids_of(struct postings *p, const struct entry_key *k)
{
	bool sorted = true;
	uint32_t at = k->last;
	size_t n = 0;

	if (p->ids_cap < k->n) {
		p->ids_cap = k->n;
		p->ids = xrealloc(p->ids, p->ids_cap * sizeof(*p->ids));
	}
	for (size_t i = k->n; i-- > 0; at = p->pair[at].before) {
		p->ids[i] = p->pair[at].id;
		sorted &= i + 1 == k->n || p->ids[i] < p->ids[i + 1];
	}
	if (sorted)
		return k->n;
	qsort(p->ids, k->n, sizeof(*p->ids), by_id);
	for (size_t i = 0; i < k->n; i++)
		if (i == 0 || p->ids[i] != p->ids[n - 1])
			p->ids[n++] = p->ids[i];
	return n;
}

/* A key by its first eight bytes, so that most comparisons need no other. */
struct sort_key {
	uint64_t head;
	uint32_t key;
};

static int by_key(const void *a, const void *b, void *arg)
{
	const struct sort_key *x = a, *y = b;
	const struct postings *p = arg;

	if (x->head != y->head)
		return x->head < y->head ? -1 : 1;
	return str_cmp(key_of(p, &p->key[x->key]), key_of(p, &p->key[y->key]));
}

static uint64_t head_of(struct str s)
{
	uint64_t h = 0;

	memcpy(&h, s.p, s.len < 8 ? s.len : 8);
	return __builtin_bswap64(h);
}

bool postings_each(struct postings *p, postings_fn *fn, void *arg)
{
	struct sort_key *order = xmalloc((p->n ? p->n : 1) * sizeof(*order));
	bool all = true;

	for (uint32_t i = 0; i < p->n; i++)
		order[i] = (struct sort_key){head_of(key_of(p, &p->key[i])), i};
	qsort_r(order, p->n, sizeof(*order), by_key, p);
	for (uint32_t i = 0; all && i < p->n; i++) {
		const struct entry_key *k = &p->key[order[i].key];
		size_t n = ids_of(p, k);

		all = fn(arg, key_of(p, k), p->ids, n);
	}
	free(order);
	return all;
}

bool postings_range(struct postings *p, struct str low, struct str high, postings_fn *fn, void *arg)
{
	for (uint32_t i = 0; i < p->n; i++) {
		struct str k = key_of(p, &p->key[i]);
		size_t n;

		if (high.len == 0 ? !str_eq(k, low) : str_cmp(k, low) < 0 || str_cmp(k, high) >= 0)
			continue;
		n = ids_of(p, &p->key[i]);
		if (!fn(arg, k, p->ids, n))
			return false;
	}
	return true;
}
