/*
 * check.c - `weir check PATH...`: reads, parses and compiles a configuration as the daemon would, without starting anything.
 *
 * PATH is what -f takes, or a settings folder as /etc/logstash is one: then its settings say what is checked, pipelines.yml included.
 * Files that a plug-in names (databases, dictionaries, certificates) are looked for on this machine.
 */
#include "config/parse.h"
#include "config/places.h"
#include "config/settings.h"
#include "pipeline/plan.h"
#include "tool/listed.h"
#include "tool/tool.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { REASONS = 12, REASON_BYTES = 160 };

struct check {
	const char *settings_dir, *ecs;
	bool lenient;
};

/* One path under way. */
struct checked {
	const struct check *options;
	struct arena arena;
	struct program_settings settings;
	struct buf out;
	bool ok;
};

static bool exists(struct arena *a, const char *dir, const char *name)
{
	return access(arena_dupz(a, arena_printf(a, "%s/%s", dir, name)), F_OK) == 0;
}

static bool is_folder(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* ---- what came of it ---- */

/* Each reason once, with how often it stands there. */
static void put_reasons(struct buf *out, const struct diag *d)
{
	unsigned shown = 0, left = 0;

	for (const struct diag_item *it = d->first; it; it = it->next) {
		unsigned n = 0;
		bool before = false;

		if (it->level != DIAG_ERROR)
			continue;
		for (const struct diag_item *k = d->first; k; k = k->next) {
			bool same = k->level == DIAG_ERROR && str_eq(k->text, it->text);

			before |= same && n == 0 && k != it;
			n += same;
		}
		if (before)
			continue;
		if (shown == REASONS) {
			left++;
			continue;
		}
		buf_printf(out, "%s%.*s%s", shown++ ? "; " : " because ", (int)(it->text.len < REASON_BYTES ? it->text.len : REASON_BYTES), it->text.p,
			   it->text.len > REASON_BYTES ? "..." : "");
		if (n > 1)
			buf_printf(out, " (%u times)", n);
	}
	if (left)
		buf_printf(out, "; and %u other reasons", left);
}

static void tell(struct checked *c, const char *name, const struct diag *d, bool ok)
{
	struct buf *out = &c->out;

	diag_print(d, out);
	if (!ok) {
		buf_printf(out, "%s: will not run: %u error%s", name, d->errors, d->errors == 1 ? "" : "s");
		put_reasons(out, d);
		buf_ch(out, '\n');
	} else if (d->warnings) {
		buf_printf(out, "%s: runs, with %u warning%s\n", name, d->warnings, d->warnings == 1 ? "" : "s");
	} else {
		buf_printf(out, "%s: runs fully\n", name);
	}
	c->ok &= ok;
}

/* ---- one configuration ---- */

/* d holds what the settings were told already, and goes on. */
static void check_files(struct checked *c, const char *name, const struct config_file *files, const struct settings *s, struct diag *d)
{
	struct config_env env = {.support_escapes = s->support_escapes, .secrets = s->secrets};
	struct ast_config *ast = files ? config_parse_part(&c->arena, files, &env, d) : NULL;
	struct plan *plan = ast ? plan_compile(ast, s, d) : NULL;

	tell(c, name, d, plan && d->errors == 0);
	plan_free(plan);
}

static void check_path(struct checked *c, const char *name, const char *path, struct diag *d)
{
	check_files(c, name, config_read(&c->arena, path, d), &c->settings.pipeline, d);
}

/* Settings of its own go over the file's. */
static void pipeline_settings(struct program_settings *s, const struct listed_pipeline *p, struct diag *d)
{
	for (uint32_t i = 0; i < p->settings->n; i++) {
		const struct entry *e = &p->settings->e[i];
		struct str v = e->val.type == V_STRING ? value_str(&e->val) : e->val.type == V_BOOL ? e->val.b ? STR("true") : STR("false") : STR("");

		if (v.len && settings_known(key_str(&e->key)))
			(void)settings_set(s, key_str(&e->key), v, (struct pos){0}, d);
	}
}

static void check_pipelines(struct checked *c, const char *file, struct diag *d)
{
	struct listed_pipeline *entry;
	size_t n;

	if (listed_pipelines(&c->arena, file, NULL, &entry, &n, d) == -1 || n == 0) {
		if (!d->errors)
			diag_error(d, (struct pos){0}, "%s: there is no pipeline in it", file);
		tell(c, file, d, false);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		struct program_settings own = c->settings;
		const char *name = arena_dupz(&c->arena, arena_printf(&c->arena, "pipeline %.*s", STR_ARG(entry[i].id)));
		struct diag mine;

		diag_init(&mine);
		pipeline_settings(&own, &entry[i], &mine);
		check_files(c, name, listed_files(&c->arena, &entry[i], &mine), &own.pipeline, &mine);
		diag_release(&mine);
	}
}

/* ---- where the settings are ---- */

static void read_settings(struct checked *c, const char *dir, struct diag *d)
{
	struct pos nowhere = {0};

	settings_init(&c->settings, &c->arena);
	if (dir)
		(void)settings_read(&c->settings, dir, d);
	if (c->options->ecs)
		(void)settings_set(&c->settings, STR("pipeline.ecs_compatibility"), str_z(c->options->ecs), nowhere, d);
	c->settings.pipeline.lenient |= c->options->lenient;
	settings_notes(&c->settings, dir, d);
	c->settings.pipeline.clock = &clock_system;
	c->settings.pipeline.elsewhere = true;
	c->settings.pipeline.pipeline_id = STR("main");
	c->settings.pipeline.config_dir = STR(".");
}

/* A folder that was copied from elsewhere: its settings speak of where it lay. */
static const char *config_beside(struct checked *c, const char *dir, const char *path, struct diag *d)
{
	struct diag probe;
	bool there;

	diag_init(&probe);
	there = config_read(&c->arena, path, &probe) != NULL;
	diag_release(&probe);
	if (there || !exists(&c->arena, dir, "conf.d"))
		return path;
	diag_note(d, (struct pos){0}, "there is nothing at '%s': %s/conf.d is checked instead", path, dir);
	return arena_dupz(&c->arena, arena_printf(&c->arena, "%s/conf.d", dir));
}

static void check_folder(struct checked *c, const char *dir, struct diag *d)
{
	struct program_settings *s = &c->settings;
	const char *pipelines = arena_dupz(&c->arena, arena_printf(&c->arena, "%s/pipelines.yml", dir)), *path;
	struct config_file *text;

	if (s->config_string.len) {
		text = arena_zalloc(&c->arena, sizeof(*text));
		text->name = STR("config.string");
		text->text = s->config_string;
		check_files(c, dir, text, &s->pipeline, d);
		return;
	}
	if (!s->config_path.len && access(pipelines, F_OK) == 0) {
		diag_print(d, &c->out);
		c->ok &= d->errors == 0;
		diag_release(d);
		check_pipelines(c, pipelines, d);
		return;
	}
	if (s->config_path.len)
		path = config_beside(c, dir, arena_dupz(&c->arena, s->config_path), d);
	else
		path = arena_dupz(&c->arena, arena_printf(&c->arena, exists(&c->arena, dir, "conf.d") ? "%s/conf.d" : "%s/*.conf", dir));
	check_path(c, dir, path, d);
}

static bool is_settings_folder(struct arena *a, const char *path)
{
	return is_folder(path) && (exists(a, path, "logstash.yml") || exists(a, path, "weir.yml") || exists(a, path, "pipelines.yml"));
}

static bool check_one(const struct check *options, const char *path)
{
	struct checked c = {.options = options, .ok = true};
	const char *dir = options->settings_dir;
	struct diag diag;
	bool folder;

	arena_init(&c.arena, NULL);
	diag_init(&diag);
	buf_init(&c.out, 0);
	folder = is_settings_folder(&c.arena, path);
	if (!dir)
		dir = folder ? path : place_settings(&c.arena, path);
	read_settings(&c, dir, &diag);
	if (folder)
		check_folder(&c, path, &diag);
	else
		check_path(&c, path, path, &diag);
	fwrite(c.out.p ? c.out.p : "", 1, c.out.len, stdout);
	buf_release(&c.out);
	diag_release(&diag);
	arena_release(&c.arena);
	return c.ok;
}

static int usage(void)
{
	fprintf(stderr, "usage: weir check [--path.settings DIR] [--pipeline.ecs_compatibility MODE] [--lenient] PATH...\n");
	return 2;
}

int tool_check(int argc, char **argv)
{
	struct check options = {0};
	bool ok = true;
	int i = 1;

	for (; i < argc && argv[i][0] == '-' && argv[i][1]; i++) {
		const char **place = strcmp(argv[i], "--path.settings") == 0 ? &options.settings_dir
				     : strcmp(argv[i], "--pipeline.ecs_compatibility") == 0 ? &options.ecs : NULL;

		if (strcmp(argv[i], "--lenient") == 0 || strcmp(argv[i], "--config.lenient") == 0)
			options.lenient = true;
		else if (!place || i + 1 == argc)
			return usage();
		else
			*place = argv[++i];
	}
	if (i == argc)
		return usage();
	for (; i < argc; i++)
		ok &= check_one(&options, argv[i]);
	return ok ? 0 : 1;
}
