/*
 * check.c - `weir check PATH...`, `weir check --path.settings DIR`: reads, parses and compiles a configuration as the daemon would, without starting
 * anything.
 *
 * PATH is what -f takes, or a settings folder as /etc/logstash is one: then its settings say what is checked, all pipelines of pipelines.yml included.
 * Files that a plug-in names (databases, dictionaries, certificates) are looked for on this machine.
 */
#include "config/parse.h"
#include "config/pipelines.h"
#include "config/places.h"
#include "examine.h"
#include "tool/option.h"
#include "tool/tool.h"

#include <libgen.h>
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

/* ---- what is checked ---- */

/* The only pipeline, called by what was named on the command line. */
struct named {
	struct checked *c;
	const char *name;
};

static void tell_only(void *arg, struct str id, const struct plan *plan, const struct diag *d)
{
	struct named *n = arg;

	(void)id;
	tell(n->c, n->name, d, plan != NULL);
}

/* d holds what the settings were told already, and goes on. */
static void check_only(struct checked *c, const char *name, struct diag *d)
{
	struct named n = {c, name};
	struct pipeline_list list;

	if (pipelines_all(&list, &c->settings, NULL, d)) {
		tell(c, name, d, false);
		return;
	}
	(void)examine_pipelines(&list, d, tell_only, &n);
}

static void tell_one(void *arg, struct str id, const struct plan *plan, const struct diag *d)
{
	struct checked *c = arg;

	tell(c, arena_dupz(&c->arena, arena_printf(&c->arena, "pipeline %.*s", STR_ARG(id))), d, plan != NULL);
}

/* Nothing lies where a configuration is said to be. */
static bool is_nowhere(struct arena *a, struct str path)
{
	struct diag probe;
	bool there;

	diag_init(&probe);
	there = config_read(a, arena_dupz(a, path), &probe) != NULL;
	diag_release(&probe);
	return !there;
}

/* The folder that a path speaks of is not on this machine. */
static bool is_elsewhere(struct arena *a, struct str path)
{
	return !is_folder(arena_dupz(a, path)) && !is_folder(dirname(arena_dupz(a, path)));
}

static void check_list(struct checked *c, const char *dir, const char *file, struct diag *d)
{
	struct pipeline_list list;

	if (pipelines_all(&list, &c->settings, file, d)) {
		tell(c, file, d, false);
		return;
	}
	/* weird takes a relative path from where it is started, which is elsewhere. */
	for (size_t i = 0; i < list.n; i++) {
		struct str *path = &list.entry[i].settings.config_path;

		struct str other = arena_printf(&c->arena, "%s/%.*s", dir, STR_ARG(*path));

		if (!path->len || path->p[0] == '/' || !is_nowhere(&c->arena, *path) || is_nowhere(&c->arena, other))
			continue;
		diag_note(d, (struct pos){0}, "there is nothing at '%.*s': %.*s is checked instead", STR_ARG(*path), STR_ARG(other));
		*path = other;
	}
	diag_print(d, &c->out);
	c->ok &= d->errors == 0;
	c->ok &= examine_pipelines(&list, NULL, tell_one, c) == 0;
}

/* What a start would run; but a folder that was copied from elsewhere has settings that speak of where it lay. */
static void check_folder(struct checked *c, const char *dir, struct diag *d)
{
	struct program_settings *s = &c->settings;
	const char *list = pipelines_path(&c->arena, dir);
	struct str beside = arena_printf(&c->arena, exists(&c->arena, dir, "conf.d") ? "%s/conf.d" : "%s/*.conf", dir);

	if (!settings_name_pipeline(s) && access(list, F_OK) == 0) {
		check_list(c, dir, list, d);
		return;
	}
	if (!settings_name_pipeline(s)) {
		s->config_path = beside;
		if (!is_nowhere(&c->arena, beside))
			diag_note(d, (struct pos){0}, "neither path.config nor a pipelines.yml says what to run: %.*s is checked, and runs with -f",
				  STR_ARG(beside));
	} else if (s->config_path.len && is_elsewhere(&c->arena, s->config_path) && !is_nowhere(&c->arena, beside)) {
		diag_warn(d, (struct pos){0}, "'%.*s' is not on this machine, so a start finds nothing: %.*s is checked in its place", STR_ARG(s->config_path),
			  STR_ARG(beside));
		s->config_path = beside;
	}
	check_only(c, dir, d);
}

static void check_path(struct checked *c, const char *path, struct diag *d)
{
	c->settings.config_path = str_z(path);
	c->settings.config_string = (struct str){0};
	check_only(c, path, d);
}

/* ---- where the settings are ---- */

static void read_settings(struct checked *c, const char *dir, struct diag *d)
{
	struct pos nowhere = {0};

	settings_init(&c->settings, &c->arena);
	if (c->options->settings_dir)
		settings_look(&c->settings, dir, d);
	if (dir)
		(void)settings_read(&c->settings, dir, d);
	if (c->options->ecs)
		(void)settings_set(&c->settings, STR("pipeline.ecs_compatibility"), str_z(c->options->ecs), nowhere, d);
	c->settings.pipeline.lenient |= c->options->lenient;
	settings_notes(&c->settings, dir, d);
	if (!c->settings.pipeline.data_dir.len)
		c->settings.pipeline.data_dir = place_data(&c->arena);
	if (!c->settings.pipeline.pipeline_id.len)
		c->settings.pipeline.pipeline_id = STR("main");
	c->settings.pipeline.config_dir = STR(".");
}

static bool is_settings_folder(struct arena *a, const char *path)
{
	return is_folder(path) && (exists(a, path, "logstash.yml") || exists(a, path, "weir.yml") || exists(a, path, "pipelines.yml"));
}

/* path NULL: what the folder of settings names. */
static bool check_one(const struct check *options, const char *path)
{
	struct checked c = {.options = options, .ok = true};
	const char *dir = options->settings_dir;
	struct diag diag;
	bool folder;

	arena_init(&c.arena, NULL);
	diag_init(&diag);
	buf_init(&c.out, 0);
	folder = !path || is_settings_folder(&c.arena, path);
	if (!path)
		path = dir;
	else if (!dir)
		dir = folder ? path : place_settings(&c.arena, path);
	read_settings(&c, dir, &diag);
	if (folder)
		check_folder(&c, path, &diag);
	else
		check_path(&c, path, &diag);
	fwrite(c.out.p ? c.out.p : "", 1, c.out.len, stdout);
	buf_release(&c.out);
	diag_release(&diag);
	arena_release(&c.arena);
	return c.ok;
}

static int usage(void)
{
	fprintf(stderr, "usage: weir check [--path.settings DIR] [--pipeline.ecs_compatibility MODE] [--lenient] PATH...\n"
			"       weir check --path.settings DIR\n");
	return 2;
}

int tool_check(int argc, char **argv)
{
	struct check options = {0};
	bool ok = true;
	int i = 1;

	for (; i < argc && argv[i][0] == '-' && argv[i][1]; i++) {
		int taken = option_take("--path.settings", &options.settings_dir, &i, argc, argv);

		if (!taken)
			taken = option_take("--pipeline.ecs_compatibility", &options.ecs, &i, argc, argv);
		if (!taken && (strcmp(argv[i], "--lenient") == 0 || strcmp(argv[i], "--config.lenient") == 0))
			options.lenient = true;
		else if (taken != 1)
			return usage();
	}
	if (i == argc && !options.settings_dir)
		return usage();
	if (i == argc)
		ok = check_one(&options, NULL);
	for (; i < argc; i++)
		ok &= check_one(&options, argv[i]);
	return ok ? 0 : 1;
}
