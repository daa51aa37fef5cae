/*
 * link_skew.h - how far the clock of a mail host's log is off the clock of a resolver's, per pair of hosts and service.
 *
 * The distance between a reverse look-up's answer and the line of the connection it was made for is always nearly the same; so the
 * mode of (line - answer) over all pairs of one address is the difference of the clocks, as long as most pairs are right. Where only queries are seen the
 * distances spread to one side, by what resolving took: then the edge counts. Work thread.
 */
#ifndef WEIR_ENRICHERS_LINK_SKEW_H
#define WEIR_ENRICHERS_LINK_SKEW_H

#include "base/str.h"

enum { SKEW_SAMPLES = 256, SKEW_ENOUGH = 8 };

enum {
	SKEW_UNIQUE = 1,   /* the address occurs once in the minute around */
	SKEW_ANSWERED = 2, /* the answer's time is known, not only the query's */
	SKEW_COARSE = 4,   /* a stamp of whole seconds is involved */
};

struct skew {
	float d[SKEW_SAMPLES]; /* seconds */
	uint8_t flag[SKEW_SAMPLES];
	uint16_t n, at;
	uint16_t unseen; /* samples since the last estimate */
	bool before;	 /* the line comes before the look-up (sshd): the edge is the right one */
	/* The estimate. */
	bool known, doubt; /* doubt: two peaks */
	float offset_s;	   /* to be subtracted from the line's time */
	float error_s;
};

/* true: a new estimate was made, and it moved by more than its error: what was matched with the old one may be wrong. */
bool skew_add(struct skew *s, double d, uint8_t flags);

#endif
