#include "link_table.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/pages.h"

#include <stdlib.h>

enum { LINE = 64 /* of the cache */, ROWS_MIN = 16, NET_SHARE = 16, NET_SEARCH = 256 /* rows looked at for one of the same network */ };

/* Keys come hashed, but not all bits of each are equally good. */
static inline uint64_t mix(uint64_t h)
{
	h ^= h >> 32;
	h *= UINT64_C(0x9e3779b97f4a7c15);
	return h ^ h >> 29;
}

void ltable_init(struct ltable *t, size_t stride, uint32_t cap, int64_t life_ns, bool per_net)
{
	uint32_t buckets = 16;

	if (cap < ROWS_MIN)
		cap = ROWS_MIN;
	while (buckets < cap)
		buckets *= 2;
	*t = (struct ltable){.stride = (stride + 7) & ~(size_t)7, .cap = cap, .mask = buckets - 1, .life_ns = life_ns, .fresh = 1};
	/* calloc: the kernel gives pages when they are touched, so an idle table costs nothing. */
	t->row = calloc(cap, t->stride);
	t->bucket = calloc(buckets, sizeof(*t->bucket));
	t->ghost = calloc(buckets / 2, 1);
	if (per_net)
		t->nets = calloc(buckets, sizeof(*t->nets));
	t->grown_at = (uint32_t)(PAGES_WORTH / t->stride) + 1;
	bug_on(!t->row || !t->bucket || !t->ghost || (per_net && !t->nets));
}

void ltable_release(struct ltable *t)
{
	free(t->row);
	free(t->bucket);
	free(t->nets);
	free(t->ghost);
	*t = (struct ltable){0};
}

void ltable_hint(const struct ltable *t, uint64_t key)
{
	__builtin_prefetch(&t->bucket[mix(key) & t->mask], 1);
}

void ltable_hint_row(const struct ltable *t, uint64_t key)
{
	const char *r = ltable_at(t, t->bucket[mix(key) & t->mask]);

	/* Of a row the head is looked at, and what its owner asks first. */
	if (r) {
		__builtin_prefetch(r, 1);
		__builtin_prefetch(r + LINE, 1);
		__builtin_prefetch(r + 2 * LINE, 1);
	}
}

/* A full table's next row to go: where its key is named, and what the next new one is written over. */
static void hint_oldest(const struct ltable *t)
{
	const struct lrow *r = ltable_at(t, t->oldest);

	ltable_hint(t, r->key);
	for (size_t at = LINE; at < t->stride; at += LINE)
		__builtin_prefetch((const char *)r + at, 1);
	if (r->before)
		__builtin_prefetch(ltable_at(t, r->before), 1);
}

void *ltable_first(const struct ltable *t, uint64_t key)
{
	uint32_t at = t->bucket[mix(key) & t->mask];

	while (at) {
		struct lrow *r = ltable_at(t, at);

		if (r->key == key)
			return r;
		at = r->chain;
	}
	return NULL;
}

void *ltable_next(const struct ltable *t, const void *row)
{
	return ltable_at(t, ((const struct lrow *)row)->after);
}

/* Where the bucket names the row, which is the newest of its key. */
static uint32_t *named_at(struct ltable *t, const struct lrow *r)
{
	uint32_t *at = &t->bucket[mix(r->key) & t->mask];

	while (*at != r->self)
		at = &((struct lrow *)ltable_at(t, *at))->chain;
	return at;
}

/* However many rows a key has, none is looked for among them. */
static void unkey(struct ltable *t, struct lrow *r)
{
	struct lrow *after = ltable_at(t, r->after), *before = ltable_at(t, r->before);

	if (after)
		after->before = r->before;
	if (before) {
		before->after = r->after;
		return;
	}
	if (after)
		after->chain = r->chain;
	*named_at(t, r) = after ? r->after : r->chain;
}

static void put_key(struct ltable *t, struct lrow *r)
{
	struct lrow *was = ltable_first(t, r->key);
	uint32_t *at;

	if (!was) {
		at = &t->bucket[mix(r->key) & t->mask];
		r->chain = *at;
		*at = r->self;
		return;
	}
	*named_at(t, was) = r->self;
	r->chain = was->chain;
	r->after = was->self;
	was->before = r->self;
}

static void unlist(struct ltable *t, struct lrow *r)
{
	struct lrow *older = ltable_at(t, r->older), *newer = ltable_at(t, r->newer);

	if (older)
		older->newer = r->newer;
	else
		t->oldest = r->newer;
	if (newer)
		newer->older = r->older;
	else
		t->newest = r->older;
}

static void list_newest(struct ltable *t, struct lrow *r)
{
	struct lrow *was = ltable_at(t, t->newest);

	r->older = t->newest;
	r->newer = 0;
	t->newest = r->self;
	if (was)
		was->newer = r->self;
	else
		t->oldest = r->self;
}

void ltable_use(struct ltable *t, void *row, int64_t now_ns)
{
	struct lrow *r = row;

	r->used_ns = now_ns;
	if (t->newest == r->self)
		return;
	unlist(t, r);
	list_newest(t, r);
}

static uint32_t *net_count(const struct ltable *t, uint32_t net)
{
	return &t->nets[mix(net) & t->mask];
}

void ltable_drop(struct ltable *t, void *row)
{
	struct lrow *r = row;

	if (t->drop)
		t->drop(t->arg, row);
	unkey(t, r);
	unlist(t, r);
	if (t->nets)
		--*net_count(t, r->net);
	r->gen = 0;
	r->chain = t->free;
	t->free = r->self;
	t->n--;
}

static void ghost_note(struct ltable *t, uint64_t key)
{
	uint64_t h = mix(key ^ UINT64_C(0xa5a5a5a5));
	uint32_t slot = h & t->mask, tag = (uint32_t)(h >> 40) % 15 + 1;
	uint8_t *b = &t->ghost[slot / 2];

	*b = slot & 1 ? (uint8_t)((*b & 15) | tag << 4) : (uint8_t)((*b & 240) | tag);
}

bool ltable_evicted(const struct ltable *t, uint64_t key)
{
	uint64_t h = mix(key ^ UINT64_C(0xa5a5a5a5));
	uint32_t slot = h & t->mask, tag = (uint32_t)(h >> 40) % 15 + 1;
	uint8_t b = t->ghost[slot / 2];

	return (slot & 1 ? b >> 4 : b & 15) == (int)tag;
}

static void evict(struct ltable *t, struct lrow *r)
{
	ghost_note(t, r->key);
	t->evicted++;
	ltable_drop(t, r);
}

/* One network has its share: its own oldest row goes, or at least somebody's old one. */
static void bound_net(struct ltable *t, uint32_t net)
{
	uint32_t at = t->oldest;

	if (*net_count(t, net) < t->cap / NET_SHARE)
		return;
	t->capped++;
	for (int i = 0; at && i < NET_SEARCH; i++) {
		struct lrow *r = ltable_at(t, at);

		if (r->net == net) {
			evict(t, r);
			return;
		}
		at = r->newer;
	}
	evict(t, ltable_at(t, t->oldest));
}

static void grown(struct ltable *t)
{
	uint32_t buckets = t->mask + 1;

	pages_large(t->row, t->cap * t->stride);
	pages_large(t->bucket, buckets * sizeof(*t->bucket));
	if (t->nets)
		pages_large(t->nets, buckets * sizeof(*t->nets));
}

void *ltable_add(struct ltable *t, uint64_t key, uint32_t net, int64_t now_ns)
{
	struct lrow *r;
	uint32_t self;

	/* Two at a time: a table that has filled up empties again while rows still come. */
	for (int i = 0; i < 2 && t->life_ns && t->oldest; i++) {
		r = ltable_at(t, t->oldest);
		if (now_ns - r->used_ns <= t->life_ns)
			break;
		t->expired++;
		ltable_drop(t, r);
	}
	if (t->nets)
		bound_net(t, net);
	if (t->n == t->cap)
		evict(t, ltable_at(t, t->oldest));
	self = t->free ? t->free : t->fresh++;
	if (self == t->grown_at)
		grown(t);
	r = ltable_at(t, self);
	if (t->free)
		t->free = r->chain;
	memset(r, 0, t->stride);
	if (++t->gen == 0)
		t->gen = 1;
	*r = (struct lrow){.key = key, .used_ns = now_ns, .self = self, .gen = t->gen, .net = net};
	put_key(t, r);
	t->n++;
	if (t->nets)
		++*net_count(t, net);
	list_newest(t, r);
	if (t->n == t->cap)
		hint_oldest(t);
	return r;
}
