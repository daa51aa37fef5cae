#include "base/hash.h"
#include "base/err.h"

#include <sys/random.h>

static uint64_t hash_key[2];
uint64_t hash_pair_key[4];

void hash_init(const uint64_t key[2])
{
	if (key)
		memcpy(hash_key, key, sizeof(hash_key));
	else
		bug_on(getrandom(hash_key, sizeof(hash_key), 0) != sizeof(hash_key));
	for (uint64_t i = 0; i < 4; i++)
		hash_pair_key[i] = hash_bytes(&i, sizeof(i));
}

#define ROTL(x, n) ((x) << (n) | (x) >> (64 - (n)))
#define ROUND                                                                                      \
	do {                                                                                       \
		v0 += v1, v1 = ROTL(v1, 13), v1 ^= v0, v0 = ROTL(v0, 32);                          \
		v2 += v3, v3 = ROTL(v3, 16), v3 ^= v2;                                             \
		v0 += v3, v3 = ROTL(v3, 21), v3 ^= v0;                                             \
		v2 += v1, v1 = ROTL(v1, 17), v1 ^= v2, v2 = ROTL(v2, 32);                          \
	} while (0)

/* n < 8 bytes as a little-endian number, in at most two loads. */
static inline uint64_t last_bytes(const unsigned char *p, size_t n)
{
	uint32_t a, b;

	if (n >= 4) {
		memcpy(&a, p, 4);
		memcpy(&b, p + n - 4, 4);
		return a | (uint64_t)b << (8 * (n - 4));
	}
	if (n == 0)
		return 0;
	return p[0] | (uint32_t)p[n / 2] << (8 * (n / 2)) | (uint32_t)p[n - 1] << (8 * (n - 1));
}

static inline uint64_t siphash(const uint64_t key[2], const void *data, size_t n)
{
	uint64_t v0 = key[0] ^ 0x736f6d6570736575, v1 = key[1] ^ 0x646f72616e646f6d;
	uint64_t v2 = key[0] ^ 0x6c7967656e657261, v3 = key[1] ^ 0x7465646279746573;
	uint64_t tail = (uint64_t)n << 56, m;
	const unsigned char *p = data;

	for (; n >= 8; p += 8, n -= 8) {
		memcpy(&m, p, 8);
		v3 ^= m;
		ROUND;
		v0 ^= m;
	}
	tail |= last_bytes(p, n);
	v3 ^= tail;
	ROUND;
	v0 ^= tail;
	v2 ^= 0xff;
	ROUND;
	ROUND;
	ROUND;
	return v0 ^ v1 ^ v2 ^ v3;
}

uint64_t hash_bytes(const void *p, size_t n)
{
	return siphash(hash_key, p, n);
}

uint64_t hash_keyed(const uint64_t key[2], const void *p, size_t n)
{
	return siphash(key, p, n);
}
