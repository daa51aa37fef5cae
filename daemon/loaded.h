/*
 * loaded.h - a configuration as it was read: its texts and the plan that points into them.
 */
#ifndef WEIR_LOADED_H
#define WEIR_LOADED_H

#include "config/settings.h"
#include "pipeline/plan.h"

struct loaded {
	struct arena text; /* files, AST: positions point into it */
	struct plan *plan;
	uint64_t stamp; /* of the files' names, sizes and times */
};

/* path or text. NULL where d got an error. */
struct loaded *loaded_new(const char *path, const char *text, const struct settings *settings, struct diag *d);
void loaded_free(struct loaded *l);
/* The same where d still has to show what it found: it keeps the texts. */
void loaded_free_shown(struct loaded *l, struct diag *d);
/* The same stamp for what is there now; 0 where it cannot be read. */
uint64_t loaded_stamp(const char *path);

#endif
