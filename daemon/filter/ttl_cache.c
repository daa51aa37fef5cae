#include "filter/ttl_cache.h"
#include "base/arena.h"
#include "base/hash.h"

#include <stdlib.h>

struct row {
	struct row *next;	   /* in its bucket */
	struct row *older, *newer; /* by when they were asked for */
	int64_t until_ns;
	uint64_t hash;
	size_t key_len, len;
	char text[]; /* key, value */
};

struct ttl_cache {
	struct row **bucket, *oldest, *newest;
	size_t size, n, max; /* size is a power of two */
	int64_t ttl_ns;
};

struct ttl_cache *ttl_cache_new(size_t max, int64_t ttl_ns)
{
	struct ttl_cache *c = xzalloc(sizeof(*c));

	c->max = max;
	c->ttl_ns = ttl_ns;
	c->size = 64;
	c->bucket = xzalloc(c->size * sizeof(struct row *));
	return c;
}

static void unlink_order(struct ttl_cache *c, struct row *r)
{
	*(r->older ? &r->older->newer : &c->oldest) = r->newer;
	*(r->newer ? &r->newer->older : &c->newest) = r->older;
}

static void link_newest(struct ttl_cache *c, struct row *r)
{
	r->older = c->newest;
	r->newer = NULL;
	*(c->newest ? &c->newest->newer : &c->oldest) = r;
	c->newest = r;
}

static void row_free(struct ttl_cache *c, struct row *r)
{
	struct row **at = &c->bucket[r->hash & (c->size - 1)];

	while (*at != r)
		at = &(*at)->next;
	*at = r->next;
	unlink_order(c, r);
	c->n--;
	free(r);
}

void ttl_cache_free(struct ttl_cache *c)
{
	if (!c)
		return;
	while (c->oldest)
		row_free(c, c->oldest);
	free(c->bucket);
	free(c);
}

static struct row *find(const struct ttl_cache *c, struct str key, uint64_t hash)
{
	for (struct row *r = c->bucket[hash & (c->size - 1)]; r; r = r->next)
		if (r->hash == hash && str_eq(str_n(r->text, r->key_len), key))
			return r;
	return NULL;
}

bool ttl_cache_get(struct ttl_cache *c, struct str key, int64_t now_ns, struct str *value)
{
	struct row *r = find(c, key, hash_bytes(key.p, key.len));

	if (r && now_ns >= r->until_ns) {
		row_free(c, r);
		r = NULL;
	}
	if (!r)
		return false;
	unlink_order(c, r);
	link_newest(c, r);
	if (value)
		*value = str_n(r->text + r->key_len, r->len);
	return true;
}

static void grow(struct ttl_cache *c)
{
	free(c->bucket);
	c->size *= 2;
	c->bucket = xzalloc(c->size * sizeof(struct row *));
	for (struct row *r = c->oldest; r; r = r->newer) {
		struct row **at = &c->bucket[r->hash & (c->size - 1)];

		r->next = *at;
		*at = r;
	}
}

void ttl_cache_put(struct ttl_cache *c, struct str key, struct str value, int64_t now_ns)
{
	uint64_t hash = hash_bytes(key.p, key.len);
	struct row *r = find(c, key, hash), **at;

	if (r)
		row_free(c, r);
	if (c->n == c->max)
		row_free(c, c->oldest);
	if (c->n >= c->size)
		grow(c);
	r = xmalloc(sizeof(*r) + key.len + value.len);
	*r = (struct row){.hash = hash, .until_ns = now_ns + c->ttl_ns, .key_len = key.len, .len = value.len};
	if (key.len)
		memcpy(r->text, key.p, key.len);
	if (value.len)
		memcpy(r->text + key.len, value.p, value.len);
	at = &c->bucket[hash & (c->size - 1)];
	r->next = *at;
	*at = r;
	link_newest(c, r);
	c->n++;
}
