/*
 * postings.h - which events have which keys, in memory: what the store's writer collects until it is a segment, and what its reader
 * makes of the newest events, which have none yet.
 *
 * One thread. Memory grows with what is added; the owner clears it at POSTINGS_EVENTS events or POSTINGS_BYTES bytes.
 */
#ifndef WEIR_OUTPUTS_POSTINGS_H
#define WEIR_OUTPUTS_POSTINGS_H

#include "base/str.h"

enum {
	POSTINGS_EVENTS = 8192,
	POSTINGS_BYTES = 32 * 1024 * 1024,
};

struct postings;

struct postings *postings_new(void);
void postings_free(struct postings **p);
/* Keeps its memory, unless that is much. */
void postings_clear(struct postings *p);
size_t postings_bytes(const struct postings *p);

/* The same pair may come several times. */
void postings_add(struct postings *p, struct str key, int64_t id);

/* ids are sorted, each once, and valid during the call. false ends the walk. */
typedef bool postings_fn(void *arg, struct str key, const int64_t *ids, size_t n);
/* All keys in their order; false if fn ended it. */
bool postings_each(struct postings *p, postings_fn *fn, void *arg);
/* Keys in [low, high), in no order; low alone where high is empty. */
bool postings_range(struct postings *p, struct str low, struct str high, postings_fn *fn, void *arg);

#endif
