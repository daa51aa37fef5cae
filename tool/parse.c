/*
 * parse.c - `weir parse`: what would weird make of these lines?
 *
 * Lines from files or standard input go through the filter section of the shipped conf.d, or of -f. Each line of input is answered by
 * exactly one line of output, in order and at once: the event, null if it was dropped, a list if it became several. A line may have a PRI, an RFC
 * 5424 header, or only a log file's "Mmm dd hh:mm:ss host prog[pid]:". Filters that remember are left out unless --stateful says otherwise. One thread.
 */
#include "base/log.h"
#include "config/parse.h"
#include "config/places.h"
#include "config/settings.h"
#include "event/fields.h"
#include "event/json.h"
#include "tool/filtered.h"
#include "tool/tool.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* conf.d as it is shipped: its files concatenated (generated). */
extern const char shipped_conf[];

struct options {
	const char *config, *settings_dir;
	bool stateful;
	struct clock clock; /* virtual where --now stands */
	bool fixed;
	char **file;
	int nfiles;
};

/* What one line became. */
struct answer {
	struct outlet outlet;
	struct buf text;
	unsigned n;
};

static enum outlet_answer collect(struct outlet *o, const struct event *ev)
{
	struct answer *a = (struct answer *)o;

	if (a->n++)
		buf_ch(&a->text, ',');
	json_write_event(&a->text, ev);
	return OUTLET_TAKEN;
}

static int usage(void)
{
	fprintf(stderr, "usage: weir parse [-f CONFIG] [--path.settings FOLDER] [--stateful] [--now TIME] [FILE...]\n");
	return 2;
}

static int take_now(struct options *o, const char *text)
{
	struct ts t;

	if (!ts_parse_iso(str_z(text), &t) || t.s < -9000000000 || t.s > 9000000000) {
		fprintf(stderr, "weir parse: --now takes a time such as 2026-11-23T08:00:00Z, not '%s'\n", text);
		return -1;
	}
	clock_virtual_init(&o->clock, t.s * 1000000000 + t.ns);
	o->fixed = true;
	return 0;
}

static int take_options(struct options *o, int argc, char **argv)
{
	int i = 1;

	for (; i < argc && argv[i][0] == '-' && argv[i][1]; i++) {
		struct str a = str_z(argv[i]);
		const char *value = i + 1 < argc ? argv[i + 1] : NULL;

		if (str_eq(a, STR("--stateful"))) {
			o->stateful = true;
			continue;
		}
		if (str_eq(a, STR("--"))) {
			i++;
			break;
		}
		if (!value)
			return usage();
		if (str_eq(a, STR("-f")))
			o->config = value;
		else if (str_eq(a, STR("--path.settings")))
			o->settings_dir = value;
		else if (!str_eq(a, STR("--now")))
			return usage();
		else if (take_now(o, value))
			return 2;
		i++;
	}
	o->file = argv + i;
	o->nfiles = argc - i;
	return 0;
}

/* The settings that belong to the configuration: beside -f as weird reads them; the shipped conf.d is written for v8. */
static int read_settings(const struct options *o, struct program_settings *s, struct arena *a, struct diag *d)
{
	const char *dir = o->settings_dir ? o->settings_dir : place_settings(a, o->config);

	settings_init(s, a);
	if (o->settings_dir)
		settings_look(s, dir, d);
	if (dir && settings_read(s, dir, d))
		return -1;
	if (!o->config && !o->settings_dir)
		s->pipeline.ecs = ECS_V8;
	s->pipeline.clock = o->fixed ? &o->clock : &clock_system;
	s->pipeline.pipeline_id = STR("main");
	s->pipeline.config_dir = STR(".");
	s->pipeline.stateless = !o->stateful;
	return 0;
}

static struct plan *compile(const struct options *o, struct program_settings *s, struct arena *a, struct diag *d)
{
	struct config_env env = {.support_escapes = s->pipeline.support_escapes, .secrets = s->pipeline.secrets, .filters_only = true};
	struct config_file shipped = {.name = STR_INIT("conf.d"), .text = str_z(shipped_conf)};
	struct config_file *files = o->config ? config_read(a, o->config, d) : arena_alloc(a, sizeof(shipped));
	struct ast_config *ast;

	if (!o->config)
		*files = shipped;
	ast = files ? config_parse(a, files, &env, d) : NULL;
	return ast ? filtered_compile(ast, &s->pipeline, d) : NULL;
}

/* false: standard output is gone. */
static bool answer_line(struct filtered *f, struct answer *a, struct str line, int64_t now)
{
	struct buf *b = &a->text;

	buf_clear(b);
	a->n = 0;
	buf_ch(b, '[');
	if (!filtered_frame(f, line, now))
		fprintf(stderr, "weir parse: the configuration waits for something that only weird has\n");
	if (a->n == 0) {
		buf_clear(b);
		buf_lit(b, "null");
	} else if (a->n > 1) {
		buf_ch(b, ']');
	}
	buf_ch(b, '\n');
	/* A single event stands without its bracket. */
	b->p[0] = a->n == 1 ? ' ' : b->p[0];
	if (a->n == 1)
		return fwrite(b->p + 1, 1, b->len - 1, stdout) == b->len - 1 && fflush(stdout) == 0;
	return fwrite(b->p, 1, b->len, stdout) == b->len && fflush(stdout) == 0;
}

static bool answer_file(struct filtered *f, struct answer *a, FILE *in, const struct clock *clock)
{
	char *line = NULL;
	size_t cap = 0;
	ssize_t n;
	bool ok = true;

	while (ok && (n = getline(&line, &cap, in)) > 0) {
		if (line[n - 1] == '\n')
			n--;
		if (n && line[n - 1] == '\r')
			n--;
		ok = answer_line(f, a, str_n(line, (size_t)n), clock_wall(clock));
	}
	free(line);
	return ok;
}

static bool answer_all(const struct options *o, struct filtered *f, struct answer *a, const struct clock *clock)
{
	bool all = true;

	if (o->nfiles == 0)
		return answer_file(f, a, stdin, clock), true;
	for (int i = 0; i < o->nfiles; i++) {
		bool dash = strcmp(o->file[i], "-") == 0;
		FILE *in = dash ? stdin : fopen(o->file[i], "re");

		if (!in) {
			fprintf(stderr, "weir parse: cannot open '%s': %s\n", o->file[i], strerror(errno));
			all = false;
			continue;
		}
		if (!answer_file(f, a, in, clock))
			i = o->nfiles;
		if (ferror(in)) {
			fprintf(stderr, "weir parse: cannot read '%s': %s\n", o->file[i], strerror(errno));
			all = false;
		}
		if (!dash)
			fclose(in);
	}
	return all;
}

static int run(const struct options *o, struct arena *arena, struct diag *d)
{
	struct answer a = {.outlet.put = collect};
	struct program_settings settings;
	struct ast_value plain = {.kind = AST_PLUGIN};
	struct plugin_ctx ctx = {.arena = arena, .settings = &settings.pipeline, .diag = d};
	struct codec *codec = NULL;
	struct plan *plan = NULL;
	struct filtered f;
	bool ok = false;

	if (read_settings(o, &settings, arena, d) == 0)
		plan = compile(o, &settings, arena, d);
	ctx.ecs = settings.pipeline.ecs;
	plain.plugin = plan ? config_parse_plugin(arena, STR("plain"), &(struct config_env){0}, d) : NULL;
	if (plain.plugin)
		codec = codec_bind(&plain, &ctx);
	if (codec) {
		buf_init(&a.text, 0);
		filtered_init(&f, plan, codec, &a.outlet);
		ok = answer_all(o, &f, &a, settings.pipeline.clock);
		filtered_release(&f);
		buf_release(&a.text);
	}
	if (codec && codec->plugin->close)
		codec->plugin->close(codec->self);
	if (d->first) {
		struct buf text;

		buf_init(&text, 0);
		diag_print(d, &text);
		fwrite(text.p, 1, text.len, stderr);
		buf_release(&text);
	}
	plan_free(plan);
	return ok ? 0 : 1;
}

int tool_parse(int argc, char **argv)
{
	struct options o = {0};
	struct arena arena;
	struct diag diag;
	int status = take_options(&o, argc, argv);

	if (status)
		return status;
	/* One line for each line and nothing else: that no database is there is no news here. */
	log_threshold = LOG_WARN;
	arena_init(&arena, NULL);
	diag_init(&diag);
	status = run(&o, &arena, &diag);
	diag_release(&diag);
	arena_release(&arena);
	return status;
}
