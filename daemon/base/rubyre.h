/*
 * rubyre.h - Ruby's regular expressions (Onigmo's and joni's syntax) rewritten for PCRE2.
 *
 * The result means in PCRE2, compiled with RUBYRE_PCRE2_OPTIONS, what the source means in Ruby. Names never reach PCRE2:
 * groups are numbered as Ruby numbers them (plain brackets do not count once one group has a name) and
 * the names stand in a table, as written. regex.c is the only caller; tests look at the text.
 *
 * What has no counterpart is an error, never a guess: the absent operator (?~..), back references with a recursion
 * level, blocks as properties. One known difference: after a call \g<n> PCRE2 gives group n its former text back.
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

struct rubyre {
	struct buf pattern;   /* for PCRE2 */
	unsigned groups;
	struct str *name;     /* [1 .. groups]; .p NULL: none. The bytes are the source's. */
	struct buf literals;  /* private: pool of literal pieces */
	struct str required;  /* a piece of text that every match contains; may be empty */
	bool from_start;      /* \G occurs: where a search begins matters */
};

/* flags as in regex.h. source must outlive *out. On failure *out holds nothing. */
int rubyre_translate(struct rubyre *out, struct str source, unsigned flags, struct err *err);
/* Writes pieces that occur again once and calls them: smaller, slower. false: there was nothing to gain. rubyre_share.c */
bool rubyre_share(struct rubyre *r);
void rubyre_release(struct rubyre *r);

#endif
