/*
 * grok_patterns.h - what %{NAME} stands for: the standard patterns (two sets, compiled in from the text files under
 * filter/patterns/) and those of the user, which win.
 *
 * A library belongs to one grok filter and is used while its configuration is compiled.
 */
#ifndef WEIR_FILTER_GROK_PATTERNS_H
#define WEIR_FILTER_GROK_PATTERNS_H

#include "base/err.h"
#include "event/value.h"

/* One line of a pattern file; the tables are generated, sorted by name and end with a NULL. */
struct grok_builtin {
	const char *name, *expr;
};

extern const struct grok_builtin grok_legacy[], grok_ecs_v1[];
extern const size_t grok_legacy_count, grok_ecs_v1_count;

struct grok_library {
	struct arena *arena;
	struct map *own; /* name -> expression; the user's */
	bool ecs;
	bool undefined; /* an expression named a pattern that is not there */
};

enum { GROK_FILE_MAX = 4 * 1024 * 1024 };

void grok_library_init(struct grok_library *lib, struct arena *arena, bool ecs);
/* Copies both. A later definition of a name wins. */
void grok_library_add(struct grok_library *lib, struct str name, struct str expr);
/* The lines "NAME expression" of a text; blank ones and those that begin with # are passed over. */
void grok_library_add_text(struct grok_library *lib, struct str text);
/*
 * A directory (its files that match glob, in order of their names), a file, or a pattern of paths; relative to base. *files
 * counts what was read: none is no error. -1: a file cannot be read.
 */
int grok_library_add_path(struct grok_library *lib, struct str base, struct str path, struct str glob, unsigned *files,
			  struct err *err);
/* false: no such name. */
bool grok_library_find(const struct grok_library *lib, struct str name, struct str *expr);

#endif
