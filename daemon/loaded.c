#include "loaded.h"
#include "config/parse.h"
#include "config/secrets.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

static uint64_t mix(uint64_t h, const void *p, size_t n)
{
	uint64_t both[2] = {h, hash_bytes(p, n)};

	return hash_bytes(both, sizeof(both));
}

static uint64_t stamp_file(uint64_t h, const char *path)
{
	struct stat st;

	if (stat(path, &st))
		return h;
	h = mix(h, path, strlen(path));
	h = mix(h, &st.st_size, sizeof(st.st_size));
	h = mix(h, &st.st_ino, sizeof(st.st_ino));
	return mix(h, &st.st_mtim, sizeof(st.st_mtim));
}

uint64_t loaded_file_stamp(const char *path)
{
	char pattern[4200];
	glob_t g = {0};
	uint64_t h = 1;
	struct stat st;
	int n = snprintf(pattern, sizeof(pattern), "%s%s", path, stat(path, &st) == 0 && S_ISDIR(st.st_mode) ? "/*" : "");

	if (n < 0 || (size_t)n >= sizeof(pattern) || glob(pattern, 0, NULL, &g))
		return 0;
	for (size_t i = 0; i < g.gl_pathc; i++)
		h = stamp_file(h, g.gl_pathv[i]);
	globfree(&g);
	return h;
}

uint64_t loaded_stamp(const struct program_settings *s)
{
	const struct settings *p = &s->pipeline;
	uint64_t h = secrets_stamp(p->secrets);
	char *path;

	h = mix(h, p->pipeline_id.p, p->pipeline_id.len);
	h = mix(h, s->config_string.len ? s->config_string.p : "", s->config_string.len);
	h = mix(h, &p->ecs, sizeof(p->ecs));
	h = mix(h, &p->support_escapes, sizeof(p->support_escapes));
	h = mix(h, &p->lenient, sizeof(p->lenient));
	h = mix(h, &s->reloadable, sizeof(s->reloadable));
	if (s->config_path.len) {
		uint64_t files;

		path = xstrdupz(s->config_path);
		files = loaded_file_stamp(path);
		free(path);
		h = mix(h, s->config_path.p, s->config_path.len);
		h = mix(h, &files, sizeof(files));
	}
	return h;
}

/* `word {` stands somewhere in the text: all that Logstash looks for, too. */
static bool has_section(struct str text, struct str word)
{
	ptrdiff_t at;

	while ((at = str_find(text, word)) >= 0) {
		text = str_from(text, (size_t)at + word.len);
		while (text.len && text.p[0] == ' ')
			text = str_from(text, 1);
		if (text.len && text.p[0] == '{')
			return true;
	}
	return false;
}

/* A configuration that is given as text reads standard input and prints to standard output where it does not say otherwise. */
static struct config_file *text_files(struct arena *a, const struct program_settings *s)
{
	static const struct {
		struct str section, name, text;
	} defaults[] = {{STR_INIT("input"), STR_INIT("<default input>"), STR_INIT("input { stdin { type => stdin } }")},
			{STR_INIT("output"), STR_INIT("<default output>"), STR_INIT("output { stdout { codec => rubydebug } }")}};
	struct config_file *first = config_text(a, s->config_name.len ? s->config_name : STR("<command line>"), s->config_string), *last = first;

	for (size_t i = 0; i < sizeof(defaults) / sizeof(*defaults); i++) {
		if (has_section(first->text, defaults[i].section))
			continue;
		last->next = config_text(a, defaults[i].name, defaults[i].text);
		last = last->next;
	}
	return first;
}

struct loaded *loaded_new(const struct program_settings *s, struct diag *d)
{
	struct loaded *l = xzalloc(sizeof(*l));
	struct settings settings = s->pipeline;
	struct config_env env = {.support_escapes = settings.support_escapes, .secrets = settings.secrets};
	struct config_file *files;
	struct ast_config *ast;
	unsigned errors = d->errors;

	arena_init(&l->text, NULL);
	l->reloadable = s->reloadable;
	settings.pipeline_id = arena_dup(&l->text, settings.pipeline_id);
	/* Variables are in the texts once they are read, and may go before the plan. */
	settings.secrets = NULL;
	if (s->config_path.len)
		files = config_read(&l->text, arena_dupz(&l->text, s->config_path), d);
	else
		files = text_files(&l->text, s);
	/* What could be read is compiled even after errors, so that all of them are told at once. */
	ast = files ? config_parse_part(&l->text, files, &env, d) : NULL;
	if (ast)
		l->plan = plan_compile(ast, &settings, d);
	if (l->plan && d->errors == errors)
		return l;
	loaded_free_shown(l, d);
	return NULL;
}

void loaded_free_shown(struct loaded *l, struct diag *d)
{
	if (!l)
		return;
	plan_free(l->plan);
	l->plan = NULL;
	diag_keep(d, &l->text);
	loaded_free(l);
}

void loaded_free(struct loaded *l)
{
	if (!l)
		return;
	plan_free(l->plan);
	arena_release(&l->text);
	free(l);
}
