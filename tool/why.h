/*
 * why.h - what `weir why` found (why.c), for its words (why_words.c).
 */
#ifndef WEIR_TOOL_WHY_H
#define WEIR_TOOL_WHY_H

#include "base/buf.h"
#include "tool/ask.h"
#include "tool/story.h"

/* What the sentence is about. */
enum finding { NOTHING, ELSEWHERE, NO_CAUSE, CHASE, LOOKUP, DIRECT, ADDRESS, REVERSE, LIST };

/* Of all visitors together; the tallies with the largest first. */
struct sums {
	uint64_t connections, lookups, auth_failed, auth_ok, rejected, messages, after_login;
	struct tallies services, failures, logins;
};

struct sums why_sums(const struct story *st);
/* Queries of clients that no chain holds. */
uint64_t why_direct(const struct story *st);

/* why_words.c. The sentence, with its full stop. */
void why_sentence(struct buf *b, struct story *st, enum finding f);
/* To standard output: the sentence, the chain, some lines of the store, and which sources would tell more. */
void why_text(const struct ask *a, struct story *st, enum finding f);

#endif
