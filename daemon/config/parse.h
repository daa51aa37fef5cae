/*
 * parse.h - text of configuration files to an AST.
 */
#ifndef WEIR_CONFIG_PARSE_H
#define WEIR_CONFIG_PARSE_H

#include "config/ast.h"
#include "config/diag.h"

struct config_env {
	/* ${NAME}: value into *out; false if there is none (then ${NAME:default} or an error). NULL: secrets, then getenv. */
	bool (*lookup)(void *arg, struct str name, struct str *out);
	void *arg;
	const struct secrets *secrets; /* config/secrets.h; NULL: none */
	bool support_escapes;
	bool filters_only; /* inputs and outputs are left out later: in them a ${NAME} that is not defined stays as it is */
};

/*
 * Parses the concatenation of the files (in list order). All problems go to d, several syntax errors of one file
 * included. NULL if there was any error. Everything, texts included, is borrowed from a.
 */
struct ast_config *config_parse(struct arena *a, const struct config_file *files, const struct config_env *env,
				struct diag *d);
/*
 * The same, but with what could be read although there were errors: so that those of the options in the other files are
 * told, too. NULL where nothing could be. Not to be run: look at d->errors.
 */
struct ast_config *config_parse_part(struct arena *a, const struct config_file *files, const struct config_env *env,
				     struct diag *d);
/*
 * Reads what -f names: a file, a folder (all its files in byte order; names beginning with '.' left out; those ending in '~' too), or a
 * glob. NULL and d where nothing can be read.
 */
struct config_file *config_read(struct arena *a, const char *path, struct diag *d);
/* A text as a list of one file, by copies of both. */
struct config_file *config_text(struct arena *a, struct str name, struct str text);
/* ${NAME} and ${NAME:default} in *s: settings. env NULL: the environment. -1 and d (at pos) for one that is not defined. */
int config_expand(struct arena *a, struct str *s, const struct config_env *env, struct pos pos, struct diag *d);
/* One value as text, e.g. `{ "a" => "b" }`: defaults in tables of options. NULL and d on errors. */
struct ast_value *config_parse_value(struct arena *a, struct str text, struct diag *d);
/* One codec as text, e.g. `json_lines { ecs_compatibility => disabled }` (weir eval). NULL and d on errors. */
struct ast_plugin *config_parse_plugin(struct arena *a, struct str text, const struct config_env *env, struct diag *d);

#endif
