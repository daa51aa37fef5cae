/*
 * rubyre_int.h - what the files of the translation share: the parser's state. rubyre.c is the grammar, rubyre_repeat.c its quantifiers; rubyre_escape.c reads what
 * stands for one character, rubyre_class.c bracketed classes, rubyre_refs.c names and references; rubyre_write.c is the
 * spelling, in which PCRE2 and libonig differ. One thread, while an expression is compiled.
 */
#ifndef WEIR_BASE_RUBYRE_INT_H
#define WEIR_BASE_RUBYRE_INT_H

#include "base/rubyre.h"
#include "base/rubyre_set.h"

struct mode {
	bool icase, dotall, extended;
	enum set_mode set;
};

/* What is known of a part of the expression: a text that it contains, in the pool of literals, and its length in characters. */
struct piece {
	size_t off, len;
	long chars; /* -1: not known, or there are look-arounds or groups in it */
};

struct parser {
	struct str src;
	size_t pos;
	enum rubyre_dialect dialect;
	struct buf *out, *pool;
	struct err *err;
	struct str *name;	      /* of the first pass, in the order of brackets; [1..] */
	unsigned named, plain, total; /* brackets met so far in this pass; total: of the first pass */
	unsigned total_named;
	unsigned depth;
	unsigned looks;		      /* look-arounds that are open here */
	uint32_t last;		      /* the letter that was written last, and where it ends */
	size_t last_end;
	unsigned doubts;
	const char *inexact;
	bool first;
	bool from_start;
};

/* What an atom was, for the branch it stands in. */
struct atom {
	size_t out;	   /* where its text begins */
	struct piece must; /* what it contains for sure */
	bool literal;	   /* it is `must` and nothing else */
	bool empty;	   /* wrote nothing that a quantifier could repeat: a comment, an option */
	bool anchor;	   /* has no width */
};

/* ---- the text under the parser ---- */

int rubyre_fail(struct parser *p, const char *what);
uint32_t rubyre_take_code(struct parser *p);

static inline bool more(const struct parser *p)
{
	return p->pos < p->src.len;
}

/* The byte n places ahead; NUL at the end, which no caller looks for. */
static inline char peek(const struct parser *p, size_t n)
{
	return p->src.len - p->pos > n ? p->src.p[p->pos + n] : '\0';
}

static inline bool ahead(const struct parser *p, struct str s)
{
	return str_starts(str_from(p->src, p->pos), s);
}

/* PCRE2 has no words for this; the first reason is kept. */
static inline void inexact(struct parser *p, const char *why)
{
	if (!p->inexact)
		p->inexact = why;
}

/* Blanks and comments under (?x), at p. */
bool rubyre_skip_extended(struct parser *p);

/* ---- rubyre_repeat.c ---- */

/* All quantifiers at p, of what was written since a->out. */
int rubyre_repeat(struct parser *p, struct atom *a, struct mode m);

/* ---- rubyre_escape.c: p stands behind what its comment names ---- */

/* Up to max hexadecimal digits. */
uint32_t rubyre_take_hex(struct parser *p, unsigned max, unsigned *digits);
int rubyre_check_code(struct parser *p, uint32_t c);
/*
 * Behind the backslash: an escape that means one character: \n, \x41, \u00e9, \cA, octal, and any other character for itself. Digits that
 * may be a back reference are the caller's.
 */
int rubyre_take_escape(struct parser *p, uint32_t *code);

/* ---- rubyre_class.c ---- */

/* At '['. */
int rubyre_parse_set(struct parser *p, struct mode m, struct set *s, bool *neg);
/* Behind "\p" or "\P". */
int rubyre_take_property(struct parser *p, bool neg, enum set_mode mode, struct set *s);

/* ---- rubyre_refs.c ---- */

/* A name up to `end`; p then behind it. */
int rubyre_take_name(struct parser *p, char end, struct str *name);
/* Group i is called so. */
void rubyre_name_put(struct parser *p, unsigned i, struct str name);
/* \1 of a number that the caller read. */
int rubyre_number_ref(struct parser *p, struct mode m, uint64_t n);
/* \k<name>, \k<-1>, \k<name+1>, and \g<name>, \g<1>, \g<0>: behind the opening bracket. */
int rubyre_parse_backref(struct parser *p, struct mode m, char end);
int rubyre_parse_call(struct parser *p, char end);
/* Behind "(?(": the group of a condition, up to its bracket. */
int rubyre_parse_test(struct parser *p, unsigned *group);

/* ---- rubyre_write.c ---- */

void rubyre_write_literal(struct parser *p, uint32_t c, struct mode m);
void rubyre_write_set(struct parser *p, struct set *s, bool neg, struct mode m);
/* \w and the like, which (?i) does not change as it changes a class in brackets. */
void rubyre_write_escape(struct parser *p, char letter, struct mode m);
/* \b and \B. */
void rubyre_write_boundary(struct parser *p, char letter, struct mode m);
void rubyre_write_dot(struct parser *p, struct mode m);
/* Behind what has no width. */
void rubyre_write_nothing(struct parser *p);
void rubyre_write_backref(struct parser *p, unsigned group, struct str level);
void rubyre_write_call(struct parser *p, unsigned group);
/* Text without X, as long as possible. X stands at `at` to the end of what is written; chars: its length, 0: not known. */
void rubyre_write_absent(struct parser *p, size_t at, size_t chars);

#endif
