/*
 * test.c - `weir test`: the test case files of Logstash Filter Verifier (cases.h), run in this process.
 *
 *	weir test TESTS CONFIG...                                    as logstash-filter-verifier standalone
 *	weir test --testcase-dir TESTS --logstash-config CONFIG      as logstash-filter-verifier daemon run
 *	weir test --testcase-dir TESTS --pipeline pipelines.yml
 *
 * A set that names an input_plugin is of the second generation: its input goes through that input's codec, tags and fields, and an event
 * counts once for each output that takes it. Else the input is lines (or what `codec` says), outputs are left out, and what reaches
 * the end of the filters counts. Each file begins with filters that remember nothing. Nothing is sent, nothing listens; one thread.
 */
#include "config/parse.h"
#include "config/pipelines.h"
#include "event/json.h"
#include "pipeline/options.h"
#include "tool/cases.h"
#include "tool/differ.h"
#include "tool/filtered.h"
#include "tool/mock.h"
#include "tool/option.h"
#include "tool/tool.h"

#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>

enum { SHOWN_INPUT = 200 };

/* One configuration: what CONFIG names, or a pipeline of the list. */
struct target {
	const struct config_file *files;
	const struct settings *settings;
};

struct run {
	struct arena arena; /* files, options, test sets */
	struct program_settings settings;
	struct clock clock;
	const char *settings_dir, *mock, *pipelines, *pipelines_base, *now;
	const char **config;
	size_t nconfigs;
	const char **set;
	size_t nsets;
	struct target *target; /* what tests can be for */
	size_t ntargets;
	bool verbose;
	unsigned cases, failed;
	struct buf out;
};

/* What came out of one case. */
struct got {
	struct outlet outlet;
	struct set_run *set;
	struct str output; /* id; .p NULL: the end of the filters */
};

/* One set under way. */
struct set_run {
	const struct test_set *set;
	const struct test_case *now;
	struct arena arena; /* of what came out of the present case */
	struct list *events;
	struct list *outputs; /* of each: the output's id, or null */
	uint32_t first;	      /* of what the present event gave */
	struct got *got;
};

static int usage(void)
{
	fprintf(stderr, "usage: weir test [options] TESTS CONFIG...\n"
			"       weir test [options] --testcase-dir TESTS --logstash-config CONFIG | --pipeline FILE\n"
			"  --plugin-mock FILE                plug-ins to replace or to leave out\n"
			"  --pipeline-base DIR               where relative paths of --pipeline begin (its own folder)\n"
			"  --path.settings DIR               folder of weir.yml or logstash.yml\n"
			"  --pipeline.ecs_compatibility MODE disabled (default), v1 or v8\n"
			"  --now TIME                        what filters take for the present\n"
			"  -v, --verbose                     a line for each case that passed, too\n");
	return 2;
}

/* ---- one event ---- */

static void set_fields(struct event *ev, const struct map *fields)
{
	for (uint32_t i = 0; fields && i < fields->n; i++) {
		const struct entry *e = &fields->e[i];
		struct value v = value_copy(ev->arena, &e->val, false);
		struct ref *r = ref_compile(ev->arena, key_str(&e->key), NULL);

		if (str_eq(key_str(&e->key), STR("@metadata")) && v.type == V_MAP)
			for (uint32_t k = 0; k < v.map->n; k++)
				map_set(ev->arena, &ev->meta, v.map->e[k].key, v.map->e[k].val);
		else if (r)
			(void)event_set(ev, r, v);
	}
}

/* {"[log][path]": ..} is meant as a field of a field there. */
static void unfold(struct event *ev)
{
	for (uint32_t i = 0; i < ev->root.n; i++) {
		struct str name = key_str(&ev->root.e[i].key);
		struct value v = ev->root.e[i].val;
		struct key key = ev->root.e[i].key;
		struct ref *r;

		if (!str_starts(name, STR("[")) || !str_ends(name, STR("]")))
			continue;
		r = ref_compile(ev->arena, name, NULL);
		if (!r || !map_remove(&ev->root, &key, NULL))
			continue;
		(void)event_set(ev, r, v);
		i--;
	}
}

/* The same for what is expected. */
static const struct map *unfolded(struct arena *a, const struct map *m)
{
	struct value v = {.type = V_MAP, .map = (struct map *)m};
	struct event ev;

	event_init(&ev, a);
	ev.root = *value_copy(a, &v, false).map;
	unfold(&ev);
	v.map = &ev.root;
	return value_copy(a, &v, false).map;
}

static void decorate(void *self, struct event *ev, const struct span *span)
{
	const struct set_run *r = self;

	(void)span;
	unfold(ev);
	if (!r->now->input) {
		struct key message = key_make(STR("message"));

		map_remove(&ev->root, &message, NULL);
	}
	set_fields(ev, r->set->fields);
	set_fields(ev, r->now->fields);
}

static const struct plugin test_input = {.kind = PLUGIN_INPUT, .name = "test", .decorate = decorate};

static void remove_ignored(struct event *ev, const struct test_set *set)
{
	struct key version = key_make(STR("@version"));

	map_remove(&ev->root, &version, NULL);
	for (uint32_t i = 0; set->ignore && i < set->ignore->n; i++) {
		struct ref *r = ref_compile(ev->arena, value_str(&set->ignore->v[i]), NULL);

		if (r)
			event_remove(ev, r, NULL);
	}
}

/* As JSON shows it: times are texts, an empty [tags] of the second generation is none. */
static struct map *as_shown(struct set_run *r, struct event *ev)
{
	struct key tags = key_make(STR("tags"));
	struct value v = {0}, *list;
	struct buf json;
	struct str text;
	struct err err;

	list = map_find(&ev->root, &tags);
	if (r->set->input_plugin.p && value_is(list, V_LIST) && list->list->n == 0)
		map_remove(&ev->root, &tags, NULL);
	buf_init(&json, 0);
	json_write_event(&json, ev);
	text = arena_dup(&r->arena, buf_slice(&json));
	buf_clear(&json);
	bug_on(json_read(&r->arena, &text, NULL, &v, &err) == -1);
	if (r->set->export_metadata && ev->meta.n) {
		struct value meta = {0};

		json_write_map(&json, &ev->meta);
		text = arena_dup(&r->arena, buf_slice(&json));
		bug_on(json_read(&r->arena, &text, NULL, &meta, &err) == -1);
		map_set(&r->arena, v.map, key_make(STR("@metadata")), meta);
	}
	buf_release(&json);
	return v.map;
}

/* As the Verifier shows them: event by event, and those of one event by the names of its outputs. */
static void put_in_order(struct set_run *r, struct str output, bool routed, struct map *m)
{
	uint32_t at = r->events->n;

	if (!routed)
		r->first = at;
	list_push(&r->arena, r->events, v_map(m));
	list_push(&r->arena, r->outputs, v_str(output));
	for (; at > r->first && str_cmp(value_str(&r->outputs->v[at - 1]), output) > 0; at--) {
		r->events->v[at] = r->events->v[at - 1];
		r->outputs->v[at] = r->outputs->v[at - 1];
	}
	r->events->v[at] = v_map(m);
	r->outputs->v[at] = v_str(output);
}

static enum outlet_answer collect(struct outlet *o, const struct event *ev)
{
	const struct got *g = (const struct got *)o;
	struct set_run *r = g->set;
	struct event copy;
	struct map *m;

	event_copy(&copy, ev, &r->arena);
	remove_ignored(&copy, r->set);
	m = as_shown(r, &copy);
	if (r->set->export_outputs && g->output.p)
		map_set(&r->arena, m, key_make(STR("__lfv_out_passed")), v_str(g->output));
	put_in_order(r, g->output, ev->routed, m);
	return OUTLET_TAKEN;
}

/* ---- one case ---- */

/* JSON may stand there in several lines, as YAML's folded texts have it: it is meant as one. */
static void put_input(struct buf *out, const struct codec *codec, struct str text)
{
	struct value v = {0};
	struct arena a;
	struct err err;
	struct str rest = text;

	arena_init(&a, NULL);
	if (str_starts(str_z(codec->plugin->name), STR("json")) && json_read(&a, &rest, NULL, &v, &err) == 0 && !rest.len)
		json_write_value(out, &v);
	else
		buf_str(out, text);
	arena_release(&a);
	if (!out->len || out->p[out->len - 1] != '\n')
		buf_ch(out, '\n');
}

static bool feed(struct filtered *f, const struct test_case *c)
{
	static const struct value empty = {.type = V_STRING, .s = ""};
	const struct codec *codec = f->input.codec;
	bool whole = codec->framing == FRAME_CHUNK || codec->plugin->codec.several, ok = true;
	int64_t now = clock_wall(f->plan->settings.clock);
	struct buf bytes;

	buf_init(&bytes, 0);
	for (uint32_t i = 0; ok && i < (c->input ? c->input->n : 1); i++) {
		put_input(&bytes, codec, value_str(c->input ? &c->input->v[i] : &empty));
		if (!whole)
			continue;
		ok = filtered_frame(f, str_sub(buf_slice(&bytes), 0, bytes.len - 1), now);
		buf_clear(&bytes);
	}
	ok = ok && filtered_stream(f, buf_slice(&bytes), now, true);
	buf_release(&bytes);
	return ok;
}

static struct str case_name(struct arena *a, const struct test_set *set, size_t i)
{
	struct str d = set->item[i].description;

	return arena_printf(a, "%s, case %zu%s%.*s%s", set->path, i + 1, d.len ? " (" : "", STR_ARG(d), d.len ? ")" : "");
}

static void show_input(struct buf *out, const struct test_case *c)
{
	for (uint32_t i = 0; c->input && i < c->input->n; i++) {
		struct str s = value_str(&c->input->v[i]);

		buf_lit(out, "  input    ");
		json_write_string(out, str_sub(s, 0, s.len < SHOWN_INPUT ? s.len : SHOWN_INPUT));
		buf_str(out, s.len > SHOWN_INPUT ? STR(" ...\n") : STR("\n"));
	}
}

static void judge(struct run *run, struct set_run *r, size_t at)
{
	const struct test_case *c = &r->set->item[at];
	uint32_t want = c->expected ? c->expected->n : 0, have = r->events->n, both = want < have ? want : have;
	struct buf lines;
	unsigned bad = want != have;

	buf_init(&lines, 0);
	if (bad)
		buf_printf(&lines, "  expected %u event%s, got %u\n", want, want == 1 ? "" : "s", have);
	for (uint32_t i = 0; i < both; i++) {
		struct str head = arena_printf(&r->arena, "  event %u: ", i + 1);

		bad += differ(&lines, arena_dupz(&r->arena, head), unfolded(&r->arena, c->expected->v[i].map), r->events->v[i].map);
	}
	for (uint32_t i = both; i < want || i < have; i++) {
		buf_printf(&lines, "  event %u: %s ", i + 1, i < want ? "missing:" : "not expected:");
		json_write_value(&lines, i < want ? &c->expected->v[i] : &r->events->v[i]);
		buf_ch(&lines, '\n');
	}
	run->cases++;
	run->failed += bad != 0;
	if (bad || run->verbose)
		buf_printf(&run->out, "%s %.*s\n", bad ? "FAIL" : "ok  ", STR_ARG(case_name(&r->arena, r->set, at)));
	if (bad)
		show_input(&run->out, c);
	buf_str(&run->out, buf_slice(&lines));
	buf_release(&lines);
}

/* ---- one set ---- */

static void print_diag(struct diag *d)
{
	struct buf b;

	buf_init(&b, 0);
	diag_print(d, &b);
	fwrite(b.p ? b.p : "", 1, b.len, stderr);
	buf_release(&b);
}

static struct plan_plugin *input_named(const struct plan *p, struct str id)
{
	for (uint32_t i = 0; i < p->ninputs; i++)
		if (str_eq(p->input[i]->id, id))
			return p->input[i];
	return NULL;
}

static struct codec *codec_of(struct arena *a, const struct settings *s, struct str text, struct diag *d)
{
	struct plugin_ctx ctx = {.arena = a, .settings = s, .ecs = s->ecs, .diag = d};
	struct config_env env = {.support_escapes = s->support_escapes, .secrets = s->secrets};
	struct ast_value v = {.kind = AST_PLUGIN};
	struct codec *c;

	v.plugin = config_parse_plugin(a, text, &env, d);
	if (!v.plugin)
		return NULL;
	v.pos = v.plugin->pos;
	c = codec_bind(&v, &ctx);
	return c && codec_fits(c, PLUGIN_INPUT, v.pos, d) ? codec_streaming(c, &ctx) : NULL;
}

static bool run_cases(struct run *run, struct set_run *r, struct plan *plan, struct codec *codec, const struct plan_plugin *input)
{
	struct outlet *end = input && plan->noutputs ? NULL : &r->got[0].outlet;
	struct filtered f;
	bool ok = true;

	for (uint32_t i = 0; i < plan->noutputs + 1; i++)
		r->got[i] = (struct got){.outlet.put = collect, .set = r};
	for (uint32_t i = 0; i < plan->noutputs; i++) {
		r->got[i + 1].output = plan->output[i]->id;
		plan->output[i]->outlet = &r->got[i + 1].outlet;
	}
	filtered_init(&f, plan, codec, end);
	if (input)
		f.input = *input;
	f.input.plugin = &test_input;
	f.input.self = r;
	f.input.codec = codec;
	for (size_t i = 0; ok && i < r->set->n; i++) {
		arena_clear(&r->arena);
		r->events = list_new(&r->arena, 4);
		r->outputs = list_new(&r->arena, 4);
		r->now = &r->set->item[i];
		ok = feed(&f, r->now);
		if (ok)
			judge(run, r, i);
	}
	filtered_release(&f);
	return ok;
}

/* The second generation compiles inputs and outputs, too; nothing of them is started. */
static struct plan *compile(struct run *run, const struct target *t, const struct test_set *set, struct arena *a, struct diag *d)
{
	const struct settings *s = t->settings;
	struct config_env env = {.support_escapes = s->support_escapes, .secrets = s->secrets, .filters_only = !set->input_plugin.p};
	struct ast_config *ast = config_parse(a, t->files, &env, d);

	if (!ast || (run->mock && mock_apply(a, run->mock, ast, &env, d) == -1))
		return NULL;
	return set->input_plugin.p ? plan_compile(ast, s, d) : filtered_compile(ast, s, d);
}

static int run_set_on(struct run *run, const struct target *t, const struct test_set *set)
{
	struct set_run r = {.set = set};
	struct plan_plugin *input = NULL;
	struct codec *codec = NULL;
	struct plan *plan;
	struct arena a;
	struct diag d;
	int rc = 2;

	arena_init(&a, NULL);
	arena_init(&r.arena, NULL);
	diag_init(&d);
	plan = compile(run, t, set, &a, &d);
	if (plan && set->input_plugin.p) {
		input = input_named(plan, set->input_plugin);
		/* Where an input would take lines by itself a test gives its texts whole. */
		codec = input && input->options.codec ? input->codec : codec_of(&a, t->settings, STR("plain"), &d);
		if (input && !input->options.codec && codec && codec->framing == FRAME_LINE)
			codec->framing = FRAME_CHUNK;
	} else if (plan) {
		codec = codec_of(&a, t->settings, set->codec.p ? set->codec : STR("line"), &d);
	}
	if (plan && set->input_plugin.p && !input) {
		rc = 1; /* perhaps another pipeline's */
	} else if (plan && codec) {
		r.got = xzalloc((plan->noutputs + 1) * sizeof(*r.got));
		rc = run_cases(run, &r, plan, codec, input) ? 0 : 2;
		if (rc)
			fprintf(stderr, "%s: the configuration waits for something that a test does not have\n", set->path);
		free(r.got);
	}
	if (codec && !(input && codec == input->codec) && codec->plugin->close)
		codec->plugin->close(codec->self);
	print_diag(&d);
	plan_free(plan);
	diag_release(&d);
	arena_release(&r.arena);
	arena_release(&a);
	return rc;
}

static int run_set(struct run *run, const char *path)
{
	struct test_set set;
	struct arena a;
	struct err err;
	int rc = 1;

	arena_init(&a, NULL);
	if (test_set_read(&a, path, &set, &err) == -1) {
		fprintf(stderr, "weir test: %s\n", err.text);
		rc = 2;
	}
	for (size_t i = 0; rc == 1 && i < run->ntargets; i++)
		rc = run_set_on(run, &run->target[i], &set);
	if (rc == 1) {
		fprintf(stderr, "weir test: %s: no input has the id '%.*s'\n", path, STR_ARG(set.input_plugin));
		rc = 2;
	}
	arena_release(&a);
	return rc;
}

/* ---- what to run ---- */

static int take_now(struct run *run)
{
	struct ts t;

	run->settings.pipeline.clock = &clock_system;
	if (!run->now)
		return 0;
	if (!ts_parse_iso(str_z(run->now), &t) || t.s < -9000000000 || t.s > 9000000000) {
		fprintf(stderr, "weir test: --now takes a time such as 2026-11-23T08:00:00Z, not '%s'\n", run->now);
		return -1;
	}
	clock_virtual_init(&run->clock, t.s * 1000000000 + t.ns);
	run->settings.pipeline.clock = &run->clock;
	return 0;
}

static struct config_file *read_configs(struct run *run, const char **path, size_t n, struct diag *d)
{
	struct config_file *first = NULL, **last = &first;

	for (size_t i = 0; i < n; i++) {
		*last = config_read(&run->arena, path[i], d);
		while (*last)
			last = &(*last)->next;
	}
	return d->errors ? NULL : first;
}

static struct config_file *read_entry(struct run *run, const struct program_settings *s, struct diag *d)
{
	const char *path;

	if (!s->config_path.len)
		return config_text(&run->arena, s->config_name, s->config_string);
	path = arena_dupz(&run->arena, s->config_path);
	if (path[0] != '/')
		path = arena_dupz(&run->arena, arena_printf(&run->arena, "%s/%s", run->pipelines_base, path));
	return config_read(&run->arena, path, d);
}

static void read_list(struct run *run, struct diag *d)
{
	struct pipeline_list list;

	/* As in the Verifier; weird itself takes what is relative from where it runs. */
	if (!run->pipelines_base)
		run->pipelines_base = dirname(arena_dupz(&run->arena, str_z(run->pipelines)));
	if (pipelines_all(&list, &run->settings, run->pipelines, d))
		return;
	run->target = arena_zalloc(&run->arena, list.n * sizeof(*run->target));
	for (size_t i = 0; i < list.n; i++) {
		const struct program_settings *s = &list.entry[i].settings;

		run->target[run->ntargets++] = (struct target){read_entry(run, s, d), &s->pipeline};
	}
}

static int read_targets(struct run *run)
{
	struct diag d;
	int rc;

	diag_init(&d);
	if (run->pipelines) {
		read_list(run, &d);
	} else {
		run->target = arena_zalloc(&run->arena, sizeof(*run->target));
		run->target[run->ntargets++] = (struct target){read_configs(run, run->config, run->nconfigs, &d), &run->settings.pipeline};
	}
	print_diag(&d);
	rc = d.errors ? -1 : 0;
	diag_release(&d);
	return rc;
}

static int read_settings(struct run *run, const char *ecs)
{
	struct pos nowhere = {0};
	struct diag d;
	int rc;

	diag_init(&d);
	if (run->settings_dir) {
		settings_look(&run->settings, run->settings_dir, &d);
		(void)settings_read(&run->settings, run->settings_dir, &d);
	}
	if (ecs)
		(void)settings_set(&run->settings, STR("pipeline.ecs_compatibility"), str_z(ecs), nowhere, &d);
	run->settings.pipeline.pipeline_id = STR("main");
	run->settings.pipeline.config_dir = STR(".");
	/* Tests read and write nothing that a daemon keeps. */
	run->settings.pipeline.data_dir = (struct str){0};
	print_diag(&d);
	rc = d.errors ? -1 : take_now(run);
	diag_release(&d);
	return rc;
}

static int find_sets(struct run *run, const char *path)
{
	const char **found, **all;
	struct err err;
	size_t n;

	if (test_sets_find(&run->arena, path, &found, &n, &err) == -1) {
		fprintf(stderr, "weir test: %s\n", err.text);
		return -1;
	}
	all = arena_alloc(&run->arena, (run->nsets + n) * sizeof(*all));
	if (run->nsets)
		memcpy(all, run->set, run->nsets * sizeof(*all));
	memcpy(all + run->nsets, found, n * sizeof(*all));
	run->set = all;
	run->nsets += n;
	return 0;
}

static int take_options(struct run *run, int argc, char **argv, const char **ecs)
{
	const char *tests = NULL, *config = NULL;
	struct {
		const char *name, **place;
	} known[] = {{"--testcase-dir", &tests}, {"-t", &tests}, {"--logstash-config", &config}, {"-f", &config},
		     {"--pipeline", &run->pipelines}, {"-p", &run->pipelines}, {"--pipeline-base", &run->pipelines_base},
		     {"--plugin-mock", &run->mock}, {"--path.settings", &run->settings_dir}, {"--pipeline.ecs_compatibility", ecs},
		     {"--now", &run->now}};

	run->config = arena_alloc(&run->arena, ((size_t)argc + 1) * sizeof(*run->config));
	for (int i = 1; i < argc; i++) {
		int taken = 0;

		for (size_t k = 0; k < sizeof(known) / sizeof(*known) && !taken; k++)
			taken = option_take(known[k].name, known[k].place, &i, argc, argv);
		if (taken == 1)
			continue;
		if (strcmp(argv[i], "-v") == 0 || strcmp(argv[i], "--verbose") == 0)
			run->verbose = true;
		/* Ids are given to all plug-ins as it is. */
		else if (taken == -1 || (argv[i][0] == '-' && strcmp(argv[i], "--add-missing-id") != 0))
			return usage();
		else if (argv[i][0] != '-' && !tests)
			tests = argv[i];
		else if (argv[i][0] != '-')
			run->config[run->nconfigs++] = argv[i];
	}
	if (config)
		run->config[run->nconfigs++] = config;
	if (!tests || (run->nconfigs == 0) == !run->pipelines)
		return usage();
	return find_sets(run, tests) == -1 ? 2 : 0;
}

int tool_test(int argc, char **argv)
{
	struct run run = {0};
	const char *ecs = NULL;
	int64_t begin = clock_mono(&clock_system);
	int rc;

	/* Logstash Filter Verifier's assumption: times without a zone are UTC. */
	setenv("TZ", "UTC", 1);
	arena_init(&run.arena, NULL);
	buf_init(&run.out, 0);
	settings_init(&run.settings, &run.arena);
	rc = take_options(&run, argc, argv, &ecs);
	if (rc == 0 && (read_settings(&run, ecs) == -1 || read_targets(&run) == -1))
		rc = 2;
	for (size_t i = 0; rc == 0 && i < run.nsets; i++) {
		rc = run_set(&run, run.set[i]);
		fwrite(run.out.p ? run.out.p : "", 1, run.out.len, stdout);
		buf_clear(&run.out);
	}
	if (rc == 0)
		printf("%u of %u cases passed, in %lld ms\n", run.cases - run.failed, run.cases,
		       (long long)((clock_mono(&clock_system) - begin) / 1000000));
	buf_release(&run.out);
	arena_release(&run.arena);
	return rc ? rc : run.failed ? 1 : 0;
}
