/*
 * regex_engine.h - what regex.c asks of an engine. There are two: PCRE2 (regex_pcre2.c), which runs nearly everything, and libonig (regex_onig.c)
 * for what PCRE2 cannot be told exactly. Nobody else includes this.
 */
#ifndef WEIR_BASE_REGEX_ENGINE_H
#define WEIR_BASE_REGEX_ENGINE_H

#include "base/regex.h"
#include "base/rubyre.h"

/* LIMIT: the effort is used up. FAILED: the engine gave up for a reason of its own (memory, depth). */
enum found { FOUND_NO, FOUND_YES, FOUND_LIMIT, FOUND_FAILED };

/* QUICK: what nearly every search needs, for all its starts together. THOROUGH: as much as one start may take. */
enum effort { EFFORT_QUICK, EFFORT_THOROUGH };

/* Room for what a search finds. An engine's part of it is made at its first search. */
struct regex_match {
	const size_t *at; /* of the last match: start and end of each group; SIZE_MAX: took no part. The engine's */
	uint32_t matched; /* groups that may be set, with group 0; 0: there was no match */
	int64_t budget_ns;
	struct pcre2_room *pcre2;
	struct onig_room *onig;
};

struct regex_engine {
	enum rubyre_dialect dialect;
	/* flags as in regex.h. NULL and err. Any thread. */
	void *(*compile)(struct rubyre *t, unsigned flags, struct err *err);
	void (*free)(void *code);
	/* A search with starts from `from` to `last` (SIZE_MAX: to the end), both at characters; s is valid UTF-8. */
	enum found (*search)(void *code, struct str s, size_t from, size_t last, enum effort effort, struct regex_match *m);
	/* A thorough search is over and found nothing: memory that it took goes back. May be NULL. */
	void (*give_back)(struct regex_match *m);
};

extern const struct regex_engine regex_pcre2, regex_onig;

void pcre2_room_free(struct pcre2_room *room);
void onig_room_free(struct onig_room *room);

#endif
