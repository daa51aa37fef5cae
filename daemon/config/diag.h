/*
 * diag.h - everything that is wrong with a configuration, gathered, then shown at once.
 *
 *   conf.d/20-parse.conf:14:9: unknown option 'prot', did you mean 'port'?
 *      14 |         prot => 514
 *         |         ^
 */
#ifndef WEIR_CONFIG_DIAG_H
#define WEIR_CONFIG_DIAG_H

#include "base/arena.h"
#include "base/buf.h"
#include "config/ast.h"

/* A note is no problem: what a reader of a migrated folder wants to know once. */
enum diag_level { DIAG_ERROR, DIAG_WARNING, DIAG_NOTE };

struct diag_item {
	enum diag_level level;
	struct pos pos; /* pos.file NULL: no place */
	struct str text;
	struct diag_item *next;
};

struct diag_kept;

struct diag {
	struct arena arena;
	struct diag_kept *kept; /* what positions point into, where nobody else holds it any more: diag_keep */
	struct diag_item *first, **last;
	unsigned errors, warnings, notes;
};

void diag_init(struct diag *d);
void diag_release(struct diag *d);
/* Takes the arena that the files of a refused configuration lie in, so that its problems can still be shown. */
void diag_keep(struct diag *d, struct arena *files);
void diag_add(struct diag *d, enum diag_level level, struct pos pos, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
#define diag_error(d, pos, ...) diag_add((d), DIAG_ERROR, (pos), __VA_ARGS__)
#define diag_warn(d, pos, ...) diag_add((d), DIAG_WARNING, (pos), __VA_ARGS__)
#define diag_note(d, pos, ...) diag_add((d), DIAG_NOTE, (pos), __VA_ARGS__)
/* All items in order of place, with the source line and a caret. */
void diag_print(const struct diag *d, struct buf *out);
/*
 * The nearest of n words by edit distance, for "did you mean"; NULL where none is near. Words may
 * be NULL-terminated instead (n = SIZE_MAX).
 */
const char *nearest_word(struct str word, const char *const *words, size_t n);

#endif
