/*
 * regex.h - Ruby's regular expressions, on PCRE2 and libonig.
 *
 * The source is in Ruby's (Onigmo's) syntax and meaning: `^` `$` match at every line, `(?m)` means dot matches newline,
 * `\h` is a hexadecimal digit, `\w` `\d` `\s` are ASCII while `\b` and [[:alpha:]] are Unicode, a name may
 * repeat, names may be anything (`(?<[a][b]>...)`), `\g<n>` calls a group, `&&` intersects in brackets. regex_compile
 * translates that (base/rubyre.c) for PCRE2 with JIT; what PCRE2 cannot be told exactly runs on libonig, some ten times slower. Callers need not
 * care. Matching is bounded on either, on subjects of valid UTF-8 (anything else is scrubbed by the caller before).
 *
 * A compiled regex may be used by several threads at once; one match object belongs to one thread.
 */
#ifndef WEIR_BASE_REGEX_H
#define WEIR_BASE_REGEX_H

#include "base/arena.h"
#include "base/err.h"

struct regex;

enum {
	REGEX_DOTALL = 1, /* Ruby's /m: as grok compiles */
	REGEX_ICASE = 2,
	REGEX_EXTENDED = 4, /* Ruby's /x */
};

/* NULL and err with the place in the source. Freed by regex_free (NULL is fine). */
struct regex *regex_compile(struct str source, unsigned flags, struct err *err);
void regex_free(struct regex *r);

/* Groups in the order of their opening brackets, 1..n; 0 is the whole match. */
unsigned regex_groups(const struct regex *r);
/* The name of group i as written in the source; .p NULL where it has none. */
struct str regex_group_name(const struct regex *r, unsigned i);

/*
 * Opens libonig, if it is there, though no expression needs it yet: before a library that has functions of the same names (libruby), since what is opened
 * later would take those for its own.
 */
void regex_open_library(void);

/* NULL: it runs on PCRE2. Else why it runs on libonig: "the absent operator". */
const char *regex_on_onig(const struct regex *r);

struct regex_match; /* room for the groups of any regex; grows */
struct regex_match *regex_match_new(void);
void regex_match_free(struct regex_match *m);
/* How long one search may take before it answers REGEX_LIMIT, where that is less than the built-in bound (250 ms). */
void regex_match_budget(struct regex_match *m, int64_t ns);

enum regex_result { REGEX_NO = 0, REGEX_YES = 1, REGEX_LIMIT = -1 /* match limit or time reached */ };

/* A text that every match contains; empty where none is known. */
struct str regex_required(const struct regex *r);

/* Searches subject from byte offset `from` on. A subject that is not valid UTF-8 never matches. */
enum regex_result regex_exec(const struct regex *r, struct str subject, size_t from, struct regex_match *m);
/* The same for a subject that is known to be valid UTF-8. */
enum regex_result regex_exec_valid(const struct regex *r, struct str subject, size_t from, struct regex_match *m);
/* Of the last successful match: false where the group took no part. */
bool regex_group(const struct regex_match *m, unsigned i, size_t *start, size_t *end);

/*
 * gsub: every match replaced; in `with`: \1..\9, \0, \k<name>, \\ as in Ruby. Result in a (subject itself
 * where nothing matched). -1: limit reached.
 */
int regex_gsub(const struct regex *r, struct regex_match *m, struct arena *a, struct str subject, struct str with, struct str *out);

#endif
