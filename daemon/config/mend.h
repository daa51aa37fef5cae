/*
 * mend.h - a file with syntax errors, mended one after the other, so that all of them can be told at once.
 *
 * The text is parsed; where that fails, the failure is told, a copy of the text is changed at that place, and the copy is parsed, from the
 * beginning. What was meant is guessed: nothing that was mended is ever run, it only shows the way to the next mistake. So a
 * guess may be wrong, but then what comes of it must not be told: one error too few is better than one that nobody made.
 *
 *	judge	is this failure a mistake of its own?
 *	change	by the smallest of three means that gets over it:
 *		a few bytes ("=" for "=>", a comma, a brace), by what the parser had expected there;
 *		the plug-in is left out, if its braces are balanced and what follows looks like the next one;
 *		all up to the next line that begins a section is left out.
 */
#ifndef WEIR_CONFIG_MEND_H
#define WEIR_CONFIG_MEND_H

#include "config/lex.h"

enum {
	MEND_TEXT_MAX = 256 * 1024, /* of a longer file only the first error is told */
	MEND_CHANGES_MAX = 200,	    /* in one file; then the rest is left out */
};

enum mend_means { MEND_BYTES, MEND_STATEMENT, MEND_SECTION };

/* On the caller's stack; the text is read by the lexer between two changes. */
struct mend {
	struct str source;
	char *text; /* n bytes */
	uint32_t *origin; /* n + 1: where each byte stands in source; of one that was put in: the byte before it */
	size_t n, cap;
	size_t touched[MEND_CHANGES_MAX]; /* bytes of source: what holds one of them says something else than was meant */
	unsigned ntouched, changes;
	enum mend_means means; /* of the next change */
	size_t reach;	       /* in source: a failure up to here comes of the change before */
	bool closing;	       /* that change put a bracket in */
	bool string;	       /* a quote was put in: the next one that seems to be missing comes of that */
	bool shaken;	       /* braces were put in or left out: what looks unbalanced later may come of that */
};

/* text: borrowed. */
void mend_init(struct mend *m, struct str text);
void mend_release(struct mend *m);
/* The lexer's furthest failure is to be told. */
bool mend_judge(struct mend *m, const struct lexer *l);
/* Changes the text at the furthest failure. l is of no use afterwards. false: no change is left to be made. */
bool mend_change(struct mend *m, const struct lexer *l);
/* A change was made between two places of the mended text that alters the meaning of what stands there. */
bool mend_touched(const struct mend *m, size_t start, size_t end);

#endif
