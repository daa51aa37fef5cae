/*
 * pipelines.h - pipelines.yml: which pipelines there are, each with settings of its own over those of the whole program.
 *
 *	- pipeline.id: mail
 *	  path.config: /etc/weir/mail.d
 *	- pipeline.id: dns
 *	  pipeline.ecs_compatibility: v8
 *	  config.string: "input { ... } output { ... }"
 *
 * Names may be nested and values hold ${NAME:default}, as in weir.yml. Unknown names, and settings that only the whole program has, are warnings. An
 * entry without a configuration or with two, and an id that stands twice, are errors. One thread.
 */
#ifndef WEIR_CONFIG_PIPELINES_H
#define WEIR_CONFIG_PIPELINES_H

#include "config/settings.h"

struct pipeline_entry {
	struct program_settings settings;
	struct pos pos;
};

struct pipeline_list {
	struct pipeline_entry *entry; /* in base's arena */
	size_t n;
};

/*
 * base: what an entry does not say; its config_path and config_string are not looked at. Texts are put into its arena. 1: read, at least one
 * entry; 0: there is no such file, or nothing in it; -1 and d.
 */
int pipelines_read(struct pipeline_list *l, const struct program_settings *base, const char *path, struct diag *d);
/* The same for a text; 0 where nothing is in it. */
int pipelines_read_text(struct pipeline_list *l, const struct program_settings *base, struct str name, struct str text, struct diag *d);

/* Where the list is: pipelines.yml in the folder of settings, which may be missing. */
const char *pipelines_path(struct arena *a, const char *dir);
/* The pipelines of the program: those of the file, or with path NULL the one that base itself names. -1 and d; a file without any is an error. */
int pipelines_all(struct pipeline_list *l, const struct program_settings *base, const char *path, struct diag *d);

#endif
