/*
 * link_id.h - ids of chains: a letter and 13 characters, made of the event that opened the chain and of nothing else.
 *
 * The key is fixed, so a chain has the same id after a restart; the document that carries it is written already. Any thread.
 */
#ifndef WEIR_ENRICHERS_LINK_ID_H
#define WEIR_ENRICHERS_LINK_ID_H

#include "base/str.h"

enum { CHAIN_ID = 14 };

struct chain_id {
	char text[CHAIN_ID + 1]; /* "C" or "Z" and base32; "" is none */
};

/* What the opening event said, put together piece by piece. */
struct identity {
	size_t n;
	uint8_t byte[320];
};

void identity_add(struct identity *x, const void *p, size_t n); /* cut at the end of x; the pieces' lengths count */
static inline void identity_str(struct identity *x, struct str s)
{
	identity_add(x, s.p, s.len);
}
static inline void identity_int(struct identity *x, int64_t v)
{
	identity_add(x, &v, sizeof(v));
}

struct chain_id chain_id_make(char kind, const struct identity *x);

static inline bool chain_id_eq(const struct chain_id *a, const struct chain_id *b)
{
	return memcmp(a->text, b->text, sizeof(a->text)) == 0;
}

static inline struct str chain_id_str(const struct chain_id *c)
{
	return (struct str){c->text, c->text[0] ? CHAIN_ID : 0};
}

#endif
