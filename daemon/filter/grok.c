/*
 * grok.c - the filter grok: named pieces of a text become fields.
 *
 *	grok { match => { "message" => ["%{SYSLOGLINE}", "%{IP:client} %{WORD:method}"] } }
 *
 * The expressions are compiled when the pipeline starts (grok_compile.c, grok_patterns.c); a line then runs through those whose required
 * text it contains, until one matches. Captured text is not copied: it points into the value that was matched.
 * Runs on the pipeline's work thread; the heap holds compiled expressions only, freed by close.
 *
 * Of each pattern it counts tries, matches and time. Time is taken of one try in 64 on average, at distances that no rhythm of the lines can
 * meet, and scaled up; reading the clock for each would cost as much as a quick pattern.
 *
 * As in Logstash: fields are tried in the order of a Java HashMap; with break_on_match => false the last pattern of
 * a field decides whether the field has matched; an exception while a capture is stored ends that field without a match.
 */
#include "filter/grok_compile.h"

#include "base/count.h"
#include "base/log.h"
#include "base/number.h"
#include "base/utf8.h"
#include "event/ruby_text.h"
#include "pipeline/plugin.h"

struct grok_field {
	struct str name;
	const struct ref *ref; /* NULL: no valid reference, never matches */
	struct grok_pattern *pattern;
	size_t n;
};

struct grok {
	/* options */
	const struct map *match;
	const struct list *patterns_dir, *overwrite, *tag_on_failure, *old_pattern;
	const struct map *pattern_definitions;
	struct str patterns_files_glob, target, tag_on_timeout;
	bool break_on_match, named_captures_only, keep_empty_captures;
	int64_t timeout_millis;
	int timeout_scope;
	/* compiled */
	struct grok_field *field;
	size_t fields;
	struct regex_match *found;
	uint64_t dice;	     /* when time is taken */
	bool files_missing; /* a patterns_dir without files, where the configuration is only looked at */
};

enum outcome { NO_MATCH, MATCH, TIMEOUT, EXCEPTION };

/* ---- counting ---- */

static void grok_patterns(const void *self, pattern_fn *fn, void *arg)
{
	const struct grok *g = self;

	for (size_t i = 0; i < g->fields; i++)
		for (size_t k = 0; k < g->field[i].n; k++)
			fn(arg, g->field[i].name, g->field[i].pattern[k].source, &g->field[i].pattern[k].tally);
}

static void adopt_tally(struct pattern_tally *t, const struct pattern_tally *former)
{
	count_add(&t->tries, former->tries);
	count_add(&t->hits, former->hits);
	count_add(&t->limits, former->limits);
	count_add(&t->ns, former->ns);
}

/* The same pattern for the same field, in the same place: it goes on counting. */
static void grok_adopt(void *self, void *former)
{
	const struct grok *f = former;
	struct grok *g = self;

	for (size_t i = 0; i < g->fields && i < f->fields; i++) {
		if (!str_eq(g->field[i].name, f->field[i].name))
			continue;
		for (size_t k = 0; k < g->field[i].n && k < f->field[i].n; k++)
			if (str_eq(g->field[i].pattern[k].source, f->field[i].pattern[k].source))
				adopt_tally(&g->field[i].pattern[k].tally, &f->field[i].pattern[k].tally);
	}
}

/* ---- opening ---- */

static int load_patterns(struct grok *g, struct plugin_ctx *ctx, struct grok_library *lib, struct err *err)
{
	for (uint32_t i = 0; g->patterns_dir && i < g->patterns_dir->n; i++) {
		const struct value *v = &g->patterns_dir->v[i];
		unsigned files;

		if (v->type != V_STRING)
			return err_set(err, "patterns_dir holds something that is no path");
		if (grok_library_add_path(lib, ctx->settings->config_dir, value_str(v), g->patterns_files_glob, &files, err))
			return -1;
		if (!files)
			plugin_warn(ctx, "patterns_dir '%.*s' has no pattern file", STR_ARG(value_str(v)));
		g->files_missing |= !files && ctx->settings->elsewhere;
	}
	for (uint32_t i = 0; g->pattern_definitions && i < g->pattern_definitions->n; i++) {
		const struct entry *e = &g->pattern_definitions->e[i];

		grok_library_add(lib, key_str(&e->key), option_text(ctx->arena, &e->val));
	}
	return 0;
}

/* Appends the patterns in v (one or a list) to the field's. */
static int add_patterns(struct grok_field *f, const struct grok_compile *c, const struct value *v, struct plugin_ctx *ctx, struct err *err)
{
	uint32_t n = v->type == V_LIST ? v->list->n : 1;
	struct arena *a = c->lib->arena;

	f->pattern = arena_grow(a, f->pattern, f->n * sizeof(*f->pattern), (f->n + n) * sizeof(*f->pattern));
	for (uint32_t i = 0; i < n; i++) {
		const struct value *one = v->type == V_LIST ? &v->list->v[i] : v;

		if (grok_pattern_compile(&f->pattern[f->n], c, option_text(a, one), err))
			return -1;
		plugin_regex_note(ctx, f->pattern[f->n].source, f->pattern[f->n].regex);
		f->n++;
	}
	return 0;
}

static struct grok_field *field_of(struct grok *g, struct arena *a, struct str name)
{
	struct grok_field *f;

	for (size_t i = 0; i < g->fields; i++)
		if (str_eq(g->field[i].name, name))
			return &g->field[i];
	f = &g->field[g->fields++];
	*f = (struct grok_field){.name = arena_dup(a, name), .ref = ref_compile(a, name, NULL)};
	return f;
}

static void grok_close(void *self)
{
	struct grok *g = self;

	for (size_t i = 0; i < g->fields; i++)
		for (size_t k = 0; k < g->field[i].n; k++)
			grok_pattern_release(&g->field[i].pattern[k]);
	regex_match_free(g->found);
	g->found = NULL;
	g->fields = 0;
}

static int open_patterns(struct grok *g, struct grok_library *lib, struct plugin_ctx *ctx, struct err *err)
{
	struct grok_compile c = {lib, g->named_captures_only, g->target.p ? g->target : STR(""), g->overwrite};
	struct value old;

	grok_library_init(lib, ctx->arena, ctx->ecs != ECS_DISABLED);
	if (load_patterns(g, ctx, lib, err))
		return -1;
	g->field = arena_zalloc(ctx->arena, ((g->match ? g->match->n : 0) + 1) * sizeof(*g->field));
	for (uint32_t i = 0; g->match && i < g->match->n; i++) {
		const struct entry *e = &g->match->e[i];

		if (add_patterns(field_of(g, ctx->arena, key_str(&e->key)), &c, &e->val, ctx, err))
			return -1;
	}
	if (!g->old_pattern)
		return 0;
	old = v_list((struct list *)g->old_pattern);
	return add_patterns(field_of(g, ctx->arena, STR("message")), &c, &old, ctx, err);
}

static int grok_open(void *self, struct plugin_ctx *ctx, struct err *err)
{
	struct grok *g = self;
	struct grok_library lib;

	if (g->target.len && !ref_compile(ctx->arena, g->target, err))
		return -1;
	if (open_patterns(g, &lib, ctx, err)) {
		grok_close(g);
		if (!g->files_missing || !lib.undefined)
			return -1;
		plugin_warn(ctx, "%s, perhaps in files that are not here: without it weird does not start", err->text);
		return 0;
	}
	g->found = regex_match_new();
	/* The first try makes machine code: never timed. */
	for (size_t i = 0; i < g->fields; i++)
		for (size_t k = 0; k < g->field[i].n; k++)
			g->field[i].pattern[k].until = 1 + count_until_timed(&g->dice);
	if (g->timeout_millis > 0 && g->timeout_millis < 1000)
		regex_match_budget(g->found, g->timeout_millis * 1000000);
	return 0;
}

/* ---- storing ---- */

static struct value typed(struct arena *a, enum grok_type type, struct str text)
{
	int64_t i;

	switch (type) {
	case GROK_INT:
		if (ruby_to_i(text, &i))
			return v_int(i);
		text = ruby_to_i_digits(a, text);
		return (struct value){.type = V_BIGINT, .len = (uint32_t)text.len, .s = text.p};
	case GROK_FLOAT:
		return v_float(ruby_to_f(text));
	default:
		return v_str(text);
	}
}

/* false: Logstash raises an exception here. */
static bool store(struct event *ev, const struct grok_capture *c, struct value v)
{
	struct value *old;
	int r;

	if (!c->ref)
		return false;
	old = c->overwrite ? NULL : event_get(ev, c->ref);
	if (value_is(old, V_LIST)) {
		/* The list may be shared with nobody, but `tags` is looked after by the event. */
		struct value list = value_copy(ev->arena, old, false);

		list_push(ev->arena, list.list, v);
		r = event_set(ev, c->ref, list);
	} else if (value_is(old, V_STRING)) {
		struct list *l = list_new(ev->arena, 2);

		list_push(ev->arena, l, *old);
		list_push(ev->arena, l, v);
		r = event_set(ev, c->ref, v_list(l));
	} else if (!old || old->type == V_NULL) {
		r = event_set(ev, c->ref, v);
	} else {
		return true; /* a number, a time or a map stays as it is */
	}
	return r == EVENT_OK || r == EVENT_LIST_KEY;
}

static bool store_captures(const struct grok *g, struct event *ev, const struct grok_pattern *p, struct str text)
{
	for (size_t i = 0; i < p->captures; i++) {
		const struct grok_capture *c = &p->capture[i];
		size_t start, end;
		struct value v = v_null();

		if (regex_group(g->found, c->group, &start, &end))
			v = typed(ev->arena, c->type, str_sub(text, start, end - start));
		if (!g->keep_empty_captures && (v.type == V_NULL || (v.type == V_STRING && v.len == 0)))
			continue;
		if (!store(ev, c, v))
			return false;
	}
	return true;
}

/* ---- matching ---- */

/* What two readings of the clock take is in between, and not the pattern's. */
static __attribute__((noinline)) enum regex_result try_timed(struct grok *g, struct grok_pattern *p, struct str text, const struct clock *clock)
{
	int64_t before = clock_mono(clock), begun = clock_mono(clock), ns;
	enum regex_result r = regex_exec_valid(p->regex, text, 0, g->found);

	ns = clock_mono(clock) - begun - (begun - before);
	if (ns > 0)
		count_add(&p->tally.ns, (uint64_t)ns * TIMED_EVERY);
	p->until = count_until_timed(&g->dice);
	return r;
}

static inline enum regex_result try_pattern(struct grok *g, struct grok_pattern *p, struct str text, const struct clock *clock)
{
	count_add(&p->tally.tries, 1);
	if (__builtin_expect(--p->until == 0, 0))
		return try_timed(g, p, text, clock);
	return regex_exec_valid(p->regex, text, 0, g->found);
}

static enum outcome match_text(struct grok *g, struct grok_field *f, struct event *ev, struct str text, const struct clock *clock)
{
	enum outcome out = NO_MATCH;

	text = utf8_scrub(ev->arena, text);
	for (size_t i = 0; i < f->n; i++) {
		struct grok_pattern *p = &f->pattern[i];
		enum regex_result r = try_pattern(g, p, text, clock);

		if (r == REGEX_LIMIT) {
			count_add(&p->tally.limits, 1);
			log_warn("grok", "a pattern for '%.*s' took too long and was given up", STR_ARG(f->name));
			return TIMEOUT;
		}
		out = r == REGEX_YES ? MATCH : NO_MATCH;
		if (out == NO_MATCH)
			continue;
		count_add(&p->tally.hits, 1);
		if (!store_captures(g, ev, p, text))
			return EXCEPTION;
		if (g->break_on_match)
			break;
	}
	return out;
}

static enum outcome match_field(struct grok *g, struct grok_field *f, struct event *ev, const struct clock *clock)
{
	const struct value *v = f->ref ? event_get(ev, f->ref) : NULL;
	enum outcome out, all = NO_MATCH;
	struct value list;

	if (!f->ref)
		return EXCEPTION;
	if (!v)
		return match_text(g, f, ev, STR(""), clock);
	if (v->type != V_LIST)
		return match_text(g, f, ev, ruby_to_s(ev->arena, v), clock);
	/* Captures may go into the very list that is being read: its elements at the start count. */
	list = value_copy(ev->arena, v, false);
	for (uint32_t i = 0; i < list.list->n; i++) {
		out = match_text(g, f, ev, ruby_to_s(ev->arena, &list.list->v[i]), clock);
		if (out == TIMEOUT || out == EXCEPTION)
			return out;
		if (out == MATCH)
			all = MATCH;
	}
	return all;
}

static enum step grok_run(void *self, struct event *ev, struct step_ctx *ctx)
{
	struct grok *g = self;
	bool matched = false;

	for (size_t i = 0; i < g->fields; i++) {
		enum outcome out = match_field(g, &g->field[i], ev, ctx->clock);

		if (out == TIMEOUT) {
			if (g->tag_on_timeout.len)
				event_tag(ev, g->tag_on_timeout);
			return STEP_PASS;
		}
		if (out != MATCH)
			continue;
		matched = true;
		if (g->break_on_match)
			break;
	}
	if (matched)
		return STEP_OK;
	for (uint32_t i = 0; g->tag_on_failure && i < g->tag_on_failure->n; i++)
		if (g->tag_on_failure->v[i].type == V_STRING)
			event_tag(ev, value_str(&g->tag_on_failure->v[i]));
	return STEP_PASS;
}

static const char *const scopes[] = {"pattern", "event", NULL};

static const struct option options[] = {
	{"match", OPT_HASH, offsetof(struct grok, match), .doc = "field => pattern or list of patterns; the first that matches counts"},
	{"pattern_definitions", OPT_HASH, offsetof(struct grok, pattern_definitions), .doc = "name => expression, for %{name}"},
	{"patterns_dir", OPT_LIST, offsetof(struct grok, patterns_dir), .doc = "directories or files with lines NAME EXPRESSION"},
	{"patterns_files_glob", OPT_STRING, offsetof(struct grok, patterns_files_glob), .def = "\"*\"",
	 .doc = "which files of a directory are read"},
	{"break_on_match", OPT_BOOL, offsetof(struct grok, break_on_match), .def = "true",
	 .doc = "stop at the first pattern that matches; false: all are tried, and the last one of a field decides"},
	{"named_captures_only", OPT_BOOL, offsetof(struct grok, named_captures_only), .def = "true",
	 .doc = "false: %{WORD} without a name fills a field WORD"},
	{"keep_empty_captures", OPT_BOOL, offsetof(struct grok, keep_empty_captures), .def = "false",
	 .doc = "also store captures that are empty, and null for those that took no part"},
	{"overwrite", OPT_LIST, offsetof(struct grok, overwrite), .doc = "fields whose value is replaced instead of extended"},
	{"target", OPT_STRING, offsetof(struct grok, target), .doc = "field below which the captures are stored"},
	{"tag_on_failure", OPT_LIST, offsetof(struct grok, tag_on_failure), .def = "[\"_grokparsefailure\"]",
	 .doc = "tags where no pattern matches"},
	{"tag_on_timeout", OPT_STRING, offsetof(struct grok, tag_on_timeout), .def = "\"_groktimeout\"",
	 .doc = "tag where matching was given up"},
	{"timeout_millis", OPT_INT, offsetof(struct grok, timeout_millis), .def = "30000",
	 .doc = "time for one pattern on one text; more than 250 ms are never given"},
	{"timeout_scope", OPT_ENUM, offsetof(struct grok, timeout_scope), .def = "\"pattern\"", .choices = scopes,
	 .doc = "means nothing to weir: each pattern has its own limit"},
	{"pattern", OPT_LIST, offsetof(struct grok, old_pattern), .flags = OPT_DEPRECATED, .instead = "match",
	 .doc = "patterns for the field message"},
	{"singles", OPT_IGNORED, .doc = "single values are never lists"},
	{"drop_if_match", OPT_OBSOLETE, .instead = "a drop filter", .doc = "no longer there"},
	{0},
};

FILTER(grok, .size = sizeof(struct grok), .options = options, .doc = "turns text into fields by patterns with names",
       .open = grok_open, .close = grok_close, .filter = {.run = grok_run, .adopt = grok_adopt, .patterns = grok_patterns})
