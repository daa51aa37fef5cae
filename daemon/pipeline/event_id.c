#include "pipeline/event_id.h"

#include "base/hash.h"

#include <inttypes.h>
#include <stdio.h>

static const char digit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

void event_id_make(struct event *ev, int64_t time_ms, const uint8_t who[5], uint64_t which)
{
	uint8_t raw[18] = {0};
	char *out = ev->id;

	for (int i = 0; i < 6; i++)
		raw[i] = (uint8_t)(time_ms >> (8 * (5 - i)));
	memcpy(raw + 6, who, 5);
	for (int i = 0; i < 5; i++)
		raw[11 + i] = (uint8_t)(which >> (8 * (4 - i)));
	for (int i = 0; i < 18; i += 3) {
		uint32_t v = (uint32_t)raw[i] << 16 | (uint32_t)raw[i + 1] << 8 | raw[i + 2];

		*out++ = digit[v >> 18];
		*out++ = digit[v >> 12 & 63];
		*out++ = digit[v >> 6 & 63];
		*out++ = digit[v & 63];
	}
	ev->id_len = 22; /* 16 bytes: the rest is padding */
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
