/*
 * ttl_cache.h - answers that are remembered for a while: at most so many, the one not asked for longest goes first.
 *
 * Texts by text. Time is the caller's, monotonic ns. One thread.
 */
#ifndef WEIR_FILTER_TTL_CACHE_H
#define WEIR_FILTER_TTL_CACHE_H

#include "base/str.h"

struct ttl_cache;

/* max > 0 */
struct ttl_cache *ttl_cache_new(size_t max, int64_t ttl_ns);
void ttl_cache_free(struct ttl_cache *c);
/* *value holds until the next change; it may be NULL. */
bool ttl_cache_get(struct ttl_cache *c, struct str key, int64_t now_ns, struct str *value);
/* Copies both. What is there under this key is replaced, and its time begins anew. */
void ttl_cache_put(struct ttl_cache *c, struct str key, struct str value, int64_t now_ns);

#endif
