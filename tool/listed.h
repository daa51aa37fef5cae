/*
 * listed.h - pipelines.yml, as far as a tool needs it: which configurations there are, and under which name.
 */
#ifndef WEIR_TOOL_LISTED_H
#define WEIR_TOOL_LISTED_H

#include "config/parse.h"
#include "event/value.h"

struct listed_pipeline {
	struct str id;
	const char *path;  /* path.config, from `base` on where it is relative; NULL: not given */
	const char *text;  /* config.string */
	const struct map *settings; /* all of the entry, names as written */
};

/*
 * Entries in the order of the file; a file that holds nothing but comments has none. base NULL: the file's own folder. Everything lives
 * in a. -1 and d.
 */
int listed_pipelines(struct arena *a, const char *file, const char *base, struct listed_pipeline **out, size_t *n, struct diag *d);
/* Its texts: the files of its path, or its config.string as one. NULL and d. */
struct config_file *listed_files(struct arena *a, const struct listed_pipeline *p, struct diag *d);

#endif
