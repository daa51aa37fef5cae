/*
 * lex.h - the text under the parser: place, terminals, and what would have been right at the furthest place reached.
 *
 * The grammar is a parsing expression grammar without tokens (a word means what its place says), so
 * the "lexer" is a cursor over the text. Each terminal that does not match is remembered if it failed at
 * or behind the furthest failure so far: when the whole text is refused, that place is the error, which is also
 * how Logstash finds the line and column it names.
 *
 * Shared by parse.c, expr.c and text.c; nobody else includes it.
 */
#ifndef WEIR_CONFIG_LEX_H
#define WEIR_CONFIG_LEX_H

#include "config/parse.h"

enum {
	PARSE_MAX_DEPTH = 200, /* of nested ifs, brackets, braces */
	EXPECT_MAX = 12,
	HINT_MAX = 160,
};

/* A file inside the concatenated text. */
struct segment {
	const struct config_file *file;
	size_t start;
};

struct lexer {
	struct arena *a;
	struct diag *diag;
	const struct config_env *env;
	struct str text;
	struct str source;	/* what positions count in: text, as the files have it */
	const uint32_t *origin; /* of each byte of text and of its end: where it stands in source; NULL: the same */
	const struct mend *mend; /* mend.h: what was mended in text; NULL: nothing */
	size_t at;
	const struct segment *segment;
	size_t nsegments;
	const size_t *line_start; /* offsets of all lines of source */
	size_t nlines;
	struct { /* the last place computed: most are asked for in order */
		size_t at, line;
		uint32_t col;
	} seen;
	size_t far; /* furthest failure */
	unsigned nexpected;
	const char *expected[EXPECT_MAX];
	size_t open, far_open; /* the bracket or quote that is open here; at far. SIZE_MAX: none */
	struct place {
		size_t section;	     /* where the section begins that is being read; SIZE_MAX: none */
		size_t block;	     /* the '{' in which the statement stands */
		size_t statement;    /* the plug-in or 'if' that is being read, or would begin here; SIZE_MAX: between sections */
		size_t condition;    /* behind an 'if'; SIZE_MAX: none */
		unsigned blocks;     /* open braces of sections and ifs */
	} in, far_in;		     /* here; at far */
	size_t last_string;    /* where the string parsed last began; SIZE_MAX: none */
	char hint[HINT_MAX];   /* what to write instead, if the furthest failure is not behind hint_end */
	size_t hint_at, hint_end;
	unsigned depth;
	bool in_value; /* a plug-in is tried where a value may stand */
	bool left_out; /* this section is read, but not wanted */
	bool stopped; /* an error that ends parsing was reported */
};

void lexer_init(struct lexer *l, struct arena *a, const struct segment *segment, size_t nsegments, struct str text,
		const struct config_env *env, struct diag *d);
/* After lexer_init() with a file's text: what is read is that text, mended (mend.h). */
void lexer_set_mended(struct lexer *l, const struct mend *m);
struct pos lex_pos(struct lexer *l, size_t at);
/* Remembers that `what` would have been right at `at`. What begins with EXPECT_HIDDEN is told only if nothing else is. */
void lex_expect(struct lexer *l, size_t at, const char *what);
#define EXPECT_HIDDEN "\1"
/*
 * Says what is wrong with the word at `at` and what to write instead, for the case that nothing behind it (and
 * the blanks after it) can be read. The first one stays.
 */
void lex_hint(struct lexer *l, size_t at, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* The letters, digits, '_', '-' and '.' at `at`, for such hints. */
struct str lex_word(const struct lexer *l, size_t at);
/* Reports the furthest failure, unless parsing stopped for another reason. */
void lex_report(struct lexer *l);
/* Would `what` have been right at the furthest failure? */
bool lex_expects(const struct lexer *l, const char *what);
/* 'input', 'filter' or 'output', whichever is meant by a word that is none of them, or written otherwise; NULL: none. */
const char *lex_section_meant(struct str word);
/* The word, as far as a name of a section, plug-in or option goes, at `at`; the one that ends before `at`, or before the blanks there. */
struct str lex_name(struct str text, size_t at);
struct str lex_name_before(struct str text, size_t at);
/* A section's name is what stands there, and a '{' behind it. */
bool lex_is_section(struct str text, size_t at);

static inline bool lex_end(const struct lexer *l)
{
	return l->at >= l->text.len;
}

/* The byte at the cursor; 0 at the end (and for a NUL, which no terminal begins with). */
static inline char lex_peek(const struct lexer *l)
{
	return l->at < l->text.len ? l->text.p[l->at] : '\0';
}

/* The terminal lit, moved over; else false and `what` was expected. */
bool lex_lit(struct lexer *l, const char *lit, const char *what);
/* Any blanks and comments. */
void lex_space(struct lexer *l);
/* At least one blank, then any blanks and comments. */
bool lex_blank(struct lexer *l);
/* [A-Za-z_][A-Za-z0-9_]+ */
bool lex_bareword(struct lexer *l, struct str *out);
/* -?[0-9]+(\.[0-9]*)? */
bool lex_number(struct lexer *l, struct str *out);
/* "..." or '...' from the quote on; out is what stands between. */
bool lex_string(struct lexer *l, struct str *out);
/* /.../ likewise. */
bool lex_regex(struct lexer *l, struct str *out);
/* One level deeper; false (and reported) beyond PARSE_MAX_DEPTH. Each true needs a lex_leave. */
bool lex_enter(struct lexer *l);

static inline void lex_leave(struct lexer *l)
{
	l->depth--;
}

/* Room for one more item of `size` bytes behind n: grows at powers of two. */
void *vec_room(struct arena *a, void *items, size_t n, size_t size);

/* ---- text.c: what strings and numbers mean ---- */

enum { EXPAND_PASSES = 2 };

/* Escapes, if they are supported. */
struct str text_unescape(struct lexer *l, struct str raw);
/* ${NAME} and ${NAME:default}, `passes` times over; what is undefined is reported at `at`. */
struct str text_expand(struct lexer *l, struct str s, size_t at, unsigned passes);
/*
 * What an option's string (without escapes) becomes: if a variable was filled in, quotes around the whole go, and "[a, b]"
 * is a list.
 */
void text_expand_option(struct lexer *l, struct ast_value *v, struct str raw, size_t at);
/* A number's value as text: an integer without leading zeros (octal, as Ruby reads them), else as written. Reported where it has none. */
struct str text_number(struct lexer *l, struct str raw, size_t at);

/* ---- expr.c: conditions ---- */

/* NULL: not a condition; the furthest failure says why. */
struct ast_expr *parse_condition(struct lexer *l);

/* ---- parse.c ---- */

/* Any value, as in an option; NULL if there is none. */
struct ast_value *parse_value(struct lexer *l);

#endif
