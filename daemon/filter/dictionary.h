/*
 * dictionary.h - what translate looks words up in: of the configuration's text, or of a YAML, JSON or CSV file.
 *
 * A dictionary is made once and then only read, by any thread. A file that is read again becomes a new one.
 */
#ifndef WEIR_FILTER_DICTIONARY_H
#define WEIR_FILTER_DICTIONARY_H

#include "base/err.h"
#include "base/regex.h"
#include "event/value.h"

enum { DICTIONARY_FILE_MAX = 256 * 1024 * 1024 }; /* bytes */

enum dictionary_use {
	DICTIONARY_EXACT,   /* the whole word */
	DICTIONARY_REGEX,   /* keys are patterns; the first that is found in the word */
	DICTIONARY_REPLACE, /* every key that occurs in the word is replaced */
};

struct dictionary;

/* Borrows m, keys and values. NULL and err where a pattern is none. */
struct dictionary *dictionary_of_map(const struct map *m, enum dictionary_use use, struct err *err);
/*
 * By the end of its name: .yml, .yaml, .json or .csv. With `former` and merge, what the file does not say is as in the former
 * one. NULL and err; NULL and no err where `former` is given and the file is the very one it was made of.
 */
struct dictionary *dictionary_of_file(struct str path, enum dictionary_use use, const struct dictionary *former, bool merge,
				      struct err *err);
void dictionary_free(struct dictionary *d);
/* DICTIONARY_REGEX: calls fn for each expression. */
void dictionary_each_regex(const struct dictionary *d, void (*fn)(void *arg, struct str key, const struct regex *r), void *arg);

enum dictionary_answer {
	DICTIONARY_MISS,
	DICTIONARY_HIT,
	DICTIONARY_UNFIT, /* what stands there is nothing that an event can hold (a date) */
};

/* *out is a copy in a. */
enum dictionary_answer dictionary_find(const struct dictionary *d, struct str word, struct regex_match *match, struct arena *a,
				       struct value *out);

/* The entries of a CSV text, line by line: key and value. For tests, too. -1 and err. */
int dictionary_csv(struct arena *a, struct str text, struct map *out, struct err *err);

#endif
