/*
 * locale_names.h - names of months, weekdays, halves of the day and eras in some languages.
 */
#ifndef WEIR_BASE_LOCALE_NAMES_H
#define WEIR_BASE_LOCALE_NAMES_H

#include "base/str.h"

enum { NAMES_SHORT, NAMES_LONG };

struct locale_names {
	const char *tag;	      /* "de", "pt-PT" */
	const char *months[2][12];    /* as they stand in a date */
	const char *weekdays[2][7];   /* Monday first */
	const char *halves[2];
	const char *eras[2];
};

extern const struct locale_names locale_english;

/*
 * By a language tag: "de", "de-AT", "en_US". A tag that is well-formed but no language of the table's source means English,
 * as in Java; NULL for a malformed one and for a language that has names of its own which weir does not know.
 */
const struct locale_names *locale_find(struct str tag);

/* Which of n names stands at the front of s, the longest first, written as in the table, all lower or all upper case: its index and length, or -1. */
int locale_match(const char *const *names[2], int n, struct str s, size_t *len);

#endif
