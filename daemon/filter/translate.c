/*
 * translate.c - the filter `translate`: a value is looked up in a dictionary. Work thread; a dictionary file is read again by a thread
 * of its own (refresh.h).
 */
#include "base/log.h"
#include "event/ruby_text.h"
#include "filter/dictionary.h"
#include "filter/refresh.h"
#include "filter/support.h"

enum behaviour { MERGE, REPLACE };

struct translate {
	struct str source, target, iterate_on;
	const struct map *inline_dictionary;
	struct str path;
	int64_t refresh_s;
	int behaviour;
	bool override, exact, regex;
	const struct tmpl *fallback;
	const struct ref *source_ref, *target_ref, *list_ref;
	bool maps; /* iterate_on names a list of maps */
	enum dictionary_use use;
	struct dictionary *dictionary;
	struct refresh *refresh;
	struct regex_match *match;
};

enum { OPTION_OVERRIDE = 0 }; /* first in the table */

/* The refreshing thread. */
static void *load(void *arg, const void *present, struct err *err)
{
	struct translate *t = arg;

	return dictionary_of_file(t->path, t->use, present, t->behaviour == MERGE, err);
}

static void translate_close(void *self)
{
	struct translate *t = self;

	dictionary_free(refresh_free(t->refresh));
	dictionary_free(t->dictionary);
	regex_match_free(t->match);
}

static const struct ref *whole_ref(struct plugin_ctx *ctx, struct str text, struct err *err)
{
	return text.len ? ref_compile(ctx->arena, text, err) : NULL;
}

static void note_regex(void *arg, struct str key, const struct regex *r)
{
	plugin_regex_note(arg, key, r);
}

static int translate_open(void *self, struct plugin_ctx *ctx, struct err *err)
{
	static const struct map none;
	struct translate *t = self;

	if (t->source.len == 0)
		return err_set(err, "'source' is missing: the field to look up");
	if (t->path.p && t->inline_dictionary)
		return err_set(err, "'dictionary' and 'dictionary_path' cannot be given both");
	if (t->target.len == 0)
		t->target = ctx->ecs == ECS_DISABLED ? STR("translation") : t->source;
	if (!plugin_given(ctx, OPTION_OVERRIDE))
		t->override = str_eq(t->source, t->target);
	t->source_ref = whole_ref(ctx, t->source, err);
	t->target_ref = t->source_ref ? whole_ref(ctx, t->target, err) : NULL;
	if (!t->target_ref)
		return -1;
	if (t->iterate_on.len) {
		t->list_ref = whole_ref(ctx, t->iterate_on, err);
		if (!t->list_ref)
			return -1;
		t->maps = !str_eq(t->iterate_on, t->source);
	}
	if (plugin_file_absent(ctx, t->path))
		t->path = (struct str){0};
	t->use = !t->exact ? DICTIONARY_REPLACE : t->regex ? DICTIONARY_REGEX : DICTIONARY_EXACT;
	if (t->path.p)
		t->dictionary = dictionary_of_file(t->path, t->use, NULL, false, err);
	else
		t->dictionary = dictionary_of_map(t->inline_dictionary ? t->inline_dictionary : &none, t->use, err);
	if (!t->dictionary)
		return -1;
	dictionary_each_regex(t->dictionary, note_regex, ctx);
	if (t->path.p)
		t->refresh = refresh_new("translate", t->refresh_s * 1000000000, ctx->settings->clock, load, t);
	t->match = regex_match_new();
	return 0;
}

/* ---- an event ---- */

struct run {
	struct translate *t;
	struct event *ev;
	const struct clock *clock;
};

enum outcome { NOTHING, SET, RAISED };

static enum outcome set_fallback(struct run *r, const struct ref *ref)
{
	struct str text;

	if (!r->t->fallback)
		return NOTHING;
	if (tmpl_render(r->t->fallback, r->ev, r->ev->arena, r->clock, &text, NULL) || !filter_set(r->ev, ref, v_str(text)))
		return RAISED;
	return SET;
}

static enum outcome look_up(struct run *r, const struct value *v, const struct ref *ref)
{
	struct value found;

	switch (dictionary_find(r->t->dictionary, ruby_to_s(r->ev->arena, v), r->t->match, r->ev->arena, &found)) {
	case DICTIONARY_HIT:
		return filter_set(r->ev, ref, found) ? SET : RAISED;
	case DICTIONARY_UNFIT:
		return RAISED;
	case DICTIONARY_MISS:
		break;
	}
	return set_fallback(r, ref);
}

static enum outcome one_value(struct run *r, const struct value *v)
{
	struct value nothing = v_null();

	if (v->type == V_LIST)
		v = v->list->n ? &v->list->v[0] : &nothing;
	return look_up(r, v, r->t->target_ref);
}

/* A list of what each element became. */
static enum outcome each_value(struct run *r, const struct value *v)
{
	struct arena *a = r->ev->arena;
	struct list one = {1, 1, (struct value *)v}, none = {0}, *out;
	const struct list *in = v->type == V_LIST ? v->list : v->type == V_NULL ? &none : &one;
	struct str fallback = {0};
	bool any = false;

	if (r->t->fallback && tmpl_render(r->t->fallback, r->ev, a, r->clock, &fallback, NULL))
		return RAISED;
	out = list_new(a, in->n);
	for (uint32_t i = 0; i < in->n; i++) {
		struct value found = fallback.p ? v_str(fallback) : v_null();

		if (dictionary_find(r->t->dictionary, ruby_to_s(a, &in->v[i]), r->t->match, a, &found) == DICTIONARY_UNFIT)
			return RAISED;
		any |= filter_truth(&found);
		list_push(a, out, found);
	}
	if (!filter_set(r->ev, r->t->target_ref, v_list(out)))
		return RAISED;
	return any ? SET : NOTHING;
}

static struct str bracketed(struct arena *a, struct str name)
{
	return name.p[0] == '[' && name.p[name.len - 1] == ']' ? name : arena_printf(a, "[%.*s]", STR_ARG(name));
}

/* The source and the target of each map in a list. */
static enum outcome each_map(struct run *r, const struct value *v)
{
	struct arena *a = r->ev->arena;
	struct str list = bracketed(a, r->t->iterate_on), source = bracketed(a, r->t->source), target = bracketed(a, r->t->target);
	uint32_t n = v->type == V_LIST ? v->list->n : 0;
	enum outcome all = NOTHING;

	for (uint32_t i = 0; i < n; i++) {
		const struct ref *from = ref_compile(a, arena_printf(a, "%.*s[%u]%.*s", STR_ARG(list), i, STR_ARG(source)), NULL);
		const struct ref *to = ref_compile(a, arena_printf(a, "%.*s[%u]%.*s", STR_ARG(list), i, STR_ARG(target)), NULL);
		const struct value *inner = from ? event_get(r->ev, from) : NULL;
		enum outcome one;

		if (!to)
			return RAISED;
		one = inner ? look_up(r, inner, to) : set_fallback(r, to);
		if (one == RAISED)
			return RAISED;
		if (one == SET)
			all = SET;
	}
	return all;
}

static void take_refreshed(struct translate *t, const struct clock *clock)
{
	struct dictionary *d = refresh_poll(t->refresh, clock, t->dictionary);

	if (!d)
		return;
	dictionary_free(t->dictionary);
	t->dictionary = d;
}

static enum step translate_run(void *self, struct event *ev, struct step_ctx *ctx)
{
	struct translate *t = self;
	struct run r = {t, ev, ctx->clock};
	const struct value *v = event_get(ev, t->list_ref ? t->list_ref : t->source_ref);
	enum outcome done;

	take_refreshed(t, ctx->clock);
	if (!v)
		return STEP_PASS;
	if (!t->maps && !t->override && event_get(ev, t->target_ref))
		return STEP_PASS;
	done = t->maps ? each_map(&r, v) : t->list_ref ? each_value(&r, v) : one_value(&r, v);
	if (done == RAISED)
		log_warn("filter", "translate: '%.*s' cannot be set to what the dictionary or the fallback says", STR_ARG(t->target));
	return done == SET ? STEP_OK : STEP_PASS;
}

static const char *const behaviours[] = {"merge", "replace", NULL};

#define AT(member) offsetof(struct translate, member)
static const struct option options[] = {
	{"override", OPT_BOOL, AT(override), .doc = "replace a target that is there; by default only where it is the source"},
	{"source", OPT_STRING, AT(source), .doc = "field to look up; of a list its first element"},
	{"target", OPT_STRING, AT(target), .doc = "field that gets what was found; \"translation\", or the source under ECS"},
	{"field", OPT_STRING, AT(source), .flags = OPT_DEPRECATED, .instead = "source", .doc = "older name of source"},
	{"destination", OPT_STRING, AT(target), .flags = OPT_DEPRECATED, .instead = "target", .doc = "older name of target"},
	{"dictionary", OPT_HASH, AT(inline_dictionary), .doc = "words and what they become"},
	{"dictionary_path", OPT_PATH, AT(path), .doc = "file with them: .yml, .yaml, .json or .csv"},
	{"refresh_interval", OPT_INT, AT(refresh_s), .def = "300", .min = -1, .max = 1000000000, .doc = "seconds between two looks at the file; 0: never"},
	{"refresh_behaviour", OPT_ENUM, AT(behaviour), .def = "merge", .choices = behaviours,
	 .doc = "merge: words that the file no longer has stay"},
	{"exact", OPT_BOOL, AT(exact), .def = "true", .doc = "false: each word that occurs in the value is replaced"},
	{"regex", OPT_BOOL, AT(regex), .def = "false", .doc = "words are regular expressions: the first that fits"},
	{"fallback", OPT_TMPL, AT(fallback), .doc = "what the target becomes where nothing was found"},
	{"iterate_on", OPT_STRING, AT(iterate_on), .doc = "list whose elements are looked up (where it is the source), or the source within each"},
	{"yaml_load_strategy", OPT_IGNORED, .doc = "accepted; weir has one way"},
	{"yaml_code_point_limit", OPT_IGNORED, .doc = "accepted; a file may have 256 MiB"},
	{0},
};
#undef AT

FILTER(translate, .size = sizeof(struct translate), .options = options, .doc = "looks a value up in a dictionary", .open = translate_open,
       .close = translate_close, .filter = {.run = translate_run})
