/*
 * rubyre.h - Ruby's regular expressions (Onigmo's and joni's syntax) rewritten for an engine.
 *
 * The result means in PCRE2, compiled with RUBYRE_PCRE2_OPTIONS, or in libonig, compiled as regex_onig.c does, what the source means in Ruby.
 * Names never reach the engine: groups are numbered as Ruby numbers them (plain brackets do not count once one group has a name) and
 * the names stand in a table, as written. regex.c is the only caller; tests look at the text.
 *
 * What PCRE2 cannot be told exactly is said, never guessed: RUBYRE_INEXACT. What it can be told exactly for most texts only is a doubt:
 * regex_doubt.h says for which texts. What Ruby has and neither engine is an error: \p{Age=6.0}.
 */
#ifndef WEIR_BASE_RUBYRE_H
#define WEIR_BASE_RUBYRE_H

#include "base/buf.h"
#include "base/err.h"

#define RUBYRE_PCRE2_OPTIONS \
	(PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE | PCRE2_DOTALL | PCRE2_NEVER_BACKSLASH_C |                            \
	 PCRE2_USE_OFFSET_LIMIT)

enum {
	RUBYRE_SOURCE_MAX = 1024 * 1024, /* bytes of one expression */
	RUBYRE_DEPTH_MAX = 400,		 /* nested brackets */
	RUBYRE_GROUPS_MAX = 2000,
};

enum rubyre_dialect { RUBYRE_PCRE2, RUBYRE_ONIG };

enum rubyre_result { RUBYRE_TRANSLATED, RUBYRE_INEXACT, RUBYRE_INVALID = -1 };

/* Where PCRE2 and Ruby differ in some texts: */
enum {
	RUBYRE_DOUBT_WORD = 1, /* \b beside accents and signs */
	RUBYRE_DOUBT_FOLD = 2, /* (?i) and letters that are several in the other case */
};

struct rubyre {
	struct buf pattern;   /* for the engine */
	unsigned groups;
	struct str *name;     /* [1 .. groups]; .p NULL: none. The bytes are the source's. */
	struct buf literals;  /* private: pool of literal pieces */
	struct str required;  /* a piece of text that every match contains; may be empty */
	bool from_start;      /* \G occurs: where a search begins matters */
	unsigned doubts;
	const char *inexact;  /* RUBYRE_INEXACT: what PCRE2 has no words for, "the absent operator" */
};

/* flags as in regex.h. source must outlive *out. RUBYRE_INVALID: err says where, and *out holds nothing. */
enum rubyre_result rubyre_translate(struct rubyre *out, struct str source, unsigned flags, enum rubyre_dialect dialect, struct err *err);
/* Writes pieces that occur again once and calls them: smaller, slower. PCRE2 only. false: there was nothing to gain. rubyre_share.c */
bool rubyre_share(struct rubyre *r);
void rubyre_release(struct rubyre *r);

#endif
