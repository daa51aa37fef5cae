#include "base/javahash.h"
#include "base/arena.h"

#include <stdlib.h>

uint32_t java_string_hash(struct str s)
{
	uint32_t h = 0;

	for (size_t i = 0; i < s.len;) {
		unsigned char c = (unsigned char)s.p[i];
		uint32_t cp = c;
		size_t n = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;

		if (n > 1 && i + n <= s.len) {
			cp = c & (0xffu >> (n + 1));
			for (size_t k = 1; k < n; k++)
				cp = cp << 6 | ((unsigned char)s.p[i + k] & 0x3f);
		}
		if (cp >= 0x10000) {
			h = h * 31 + (0xd800 + ((cp - 0x10000) >> 10));
			h = h * 31 + (0xdc00 + ((cp - 0x10000) & 0x3ff));
		} else {
			h = h * 31 + cp;
		}
		i += n;
	}
	return h;
}

struct slot {
	uint32_t bucket, at;
};

static int slot_cmp(const void *a, const void *b)
{
	const struct slot *x = a, *y = b;

	if (x->bucket != y->bucket)
		return x->bucket < y->bucket ? -1 : 1;
	return x->at < y->at ? -1 : x->at > y->at;
}

void java_hash_order(const struct str *keys, size_t n, uint32_t *perm)
{
	struct slot few[64], *slot = n <= 64 ? few : xmalloc(n * sizeof(*slot));
	size_t buckets = 16;

	while (n * 4 > buckets * 3)
		buckets *= 2;
	for (size_t i = 0; i < n; i++) {
		uint32_t h = java_string_hash(keys[i]);

		/* Doubling keeps the relative order inside a bucket, so the last size alone decides. */
		slot[i] = (struct slot){(h ^ h >> 16) & (uint32_t)(buckets - 1), (uint32_t)i};
	}
	qsort(slot, n, sizeof(*slot), slot_cmp);
	for (size_t i = 0; i < n; i++)
		perm[i] = slot[i].at;
	if (slot != few)
		free(slot);
}
