/*
 * hash.h - SipHash-1-3 with a key drawn at start (reliability: no table may be flooded).
 *
 * hash_init() must run before the first hash; tests may give a fixed key.
 */
#ifndef WEIR_BASE_HASH_H
#define WEIR_BASE_HASH_H

#include "str.h"

/* key NULL: from getrandom(2). */
void hash_init(const uint64_t key[2]);
uint64_t hash_bytes(const void *p, size_t n);
/* With a key of the caller's: for what must come out the same after a restart. */
uint64_t hash_keyed(const uint64_t key[2], const void *p, size_t n);

static inline uint32_t hash_str32(struct str s)
{
	return (uint32_t)hash_bytes(s.p, s.len);
}

#endif
