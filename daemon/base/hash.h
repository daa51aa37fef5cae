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

extern uint64_t hash_pair_key[4];

/*
 * 16 bytes, an address: NH (RFC 4418, 5.2), whose collisions nobody finds who does not know the key, and a second round so that all bits are
 * good. A tenth of what SipHash takes; the same only within a process.
 */
static inline uint64_t hash_16(const void *p)
{
	unsigned __int128 product;
	uint64_t w[2];

	memcpy(w, p, sizeof(w));
	product = (unsigned __int128)(w[0] + hash_pair_key[0]) * (w[1] + hash_pair_key[1]);
	product = (unsigned __int128)((uint64_t)product + hash_pair_key[2]) * ((uint64_t)(product >> 64) + hash_pair_key[3]);
	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline uint32_t hash_str32(struct str s)
{
	return (uint32_t)hash_bytes(s.p, s.len);
}

#endif
