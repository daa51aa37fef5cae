/*
 * loaded.h - a pipeline's configuration as it was read: its texts and the plan that points into them.
 */
#ifndef WEIR_LOADED_H
#define WEIR_LOADED_H

#include "config/settings.h"
#include "pipeline/plan.h"

struct loaded {
	struct arena text; /* files, AST: positions point into it */
	struct plan *plan;
	bool reloadable;
};

/*
 * Reads what config_path or config_string of s names and compiles it with s->pipeline, whose texts but for pipeline_id and secrets outlive it.
 * Where the config_string has no input, or no output, these are standard input and standard output. NULL where d got an error.
 */
struct loaded *loaded_new(const struct program_settings *s, struct diag *d);
void loaded_free(struct loaded *l);
/* The same where d still has to show what it found: it keeps the texts. */
void loaded_free_shown(struct loaded *l, struct diag *d);
/* A number that changes with what the plan is made of: the settings, the secrets, and the files' names, sizes and times. */
uint64_t loaded_stamp(const struct program_settings *s);
/* The files' part of it; 0 where they cannot be read. */
uint64_t loaded_file_stamp(const char *path);

#endif
