#include "pipeline/event_id.h"

#include "base/hash.h"

#include <inttypes.h>
#include <stdio.h>

static const char digit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* Six bits a character, the highest of v's first. */
static inline void put_sixes(char *out, int n, uint64_t v)
{
	while (n-- > 0) {
		out[n] = digit[v & 63];
		v >>= 6;
	}
}

void event_id_make(struct event *ev, int64_t time_ms, const uint8_t who[5], uint64_t which)
{
	/* Twelve bytes, sixteen characters, are the same for all events of a batch, nearly always. */
	static _Thread_local struct {
		uint64_t time, rest;
		char text[16];
	} head;
	uint64_t rest = (uint64_t)who[0] << 40 | (uint64_t)who[1] << 32 | (uint64_t)who[2] << 24 | (uint64_t)who[3] << 16 | (uint64_t)who[4] << 8 |
			(which >> 32 & 0xff);

	if (head.time != (uint64_t)time_ms || head.rest != rest || !head.text[0]) {
		put_sixes(head.text, 8, (uint64_t)time_ms);
		put_sixes(head.text + 8, 8, rest);
		head.time = (uint64_t)time_ms;
		head.rest = rest;
	}
	memcpy(ev->id, head.text, sizeof(head.text));
	put_sixes(ev->id + 16, 6, which << 4 & 0xfffffffff); /* 32 bits and four of padding */
	ev->id_len = 22;
}

void event_id_nth(struct event *ev, char sign, uint32_t nth)
{
	char tail[16];
	int n = snprintf(tail, sizeof(tail), "%c%" PRIu32, sign, nth);

	/* 22 bytes, and at most 11. */
	if (n < 0 || ev->id_len + (size_t)n > sizeof(ev->id))
		return;
	memcpy(ev->id + ev->id_len, tail, (size_t)n);
	ev->id_len = (uint8_t)(ev->id_len + n);
}

void event_id_branch(struct event *ev, struct str way)
{
	enum { TIME = 8, ALL = 22, HALF = (ALL - TIME) / 2 };
	static const uint64_t key[2][2] = {{1, 0}, {2, 0}};
	uint64_t id, both[2];

	if (ev->id_len < TIME)
		return;
	for (int k = 0; k < 2; k++) {
		id = hash_keyed(key[k], ev->id, ev->id_len);
		both[k] = hash_keyed((const uint64_t[2]){key[k][0], id}, way.p, way.len);
	}
	for (int i = 0; i < HALF; i++) {
		ev->id[TIME + i] = digit[both[0] >> 6 * i & 63];
		ev->id[TIME + HALF + i] = digit[both[1] >> 6 * i & 63];
	}
	ev->id_len = ALL;
}
