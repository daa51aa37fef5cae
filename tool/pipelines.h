/*
 * pipelines.h - pipelines.yml, as far as a tool needs it: which configurations there are, and under which name.
 */
#ifndef WEIR_TOOL_PIPELINES_H
#define WEIR_TOOL_PIPELINES_H

#include "config/parse.h"
#include "event/value.h"

struct pipeline_entry {
	struct str id;
	const char *path;  /* path.config, from `base` on where it is relative; NULL: not given */
	const char *text;  /* config.string */
	const struct map *settings; /* all of the entry, names as written */
};

/*
 * Entries in the order of the file; a file that holds nothing but comments has none. base NULL: the file's own folder. Everything lives
 * in a. -1 and d.
 */
int pipelines_read(struct arena *a, const char *file, const char *base, struct pipeline_entry **out, size_t *n, struct diag *d);
/* Its texts: the files of its path, or its config.string as one. NULL and d. */
struct config_file *pipeline_files(struct arena *a, const struct pipeline_entry *p, struct diag *d);

#endif
