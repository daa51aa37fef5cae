#include "link_id.h"
#include "base/hash.h"

void identity_add(struct identity *x, const void *p, size_t n)
{
	size_t room = sizeof(x->byte) - x->n;
	uint8_t len = (uint8_t)n;

	if (room == 0)
		return;
	x->byte[x->n++] = len;
	room--;
	if (n > room)
		n = room;
	if (n)
		memcpy(x->byte + x->n, p, n);
	x->n += n;
}

struct chain_id chain_id_make(char kind, const struct identity *x)
{
	/* Any two numbers; never to be changed. */
	static const uint64_t key[2] = {UINT64_C(0x7765697220636861), UINT64_C(0x696e206964207631)};
	static const char digit[] = "0123456789abcdefghjkmnpqrstvwxyz";
	uint64_t h = hash_keyed(key, x->byte, x->n);
	struct chain_id id = {.text = {kind}};

	for (int i = CHAIN_ID - 1; i > 0; i--, h >>= 5)
		id.text[i] = digit[h & 31];
	return id;
}
