/*
 * grep.c - the filter `grep` of Logstash before 2: events that match pass, others end. Work thread.
 *
 *	grep { match => ["message", "^audit"] }                  is today    if [message] !~ /^audit/ { drop { } }
 *	grep { match => {...} drop => false add_tag => ["x"] }   is today    if ... { mutate { add_tag => ["x"] } }
 *
 * A field matches when all its expressions do, the event when one field does. With negate an expression counts that does not match,
 * and a field that is not there.
 */
#include "base/regex.h"
#include "filter/support.h"

struct grep_field {
	const struct ref *ref;
	struct regex **re;
	uint32_t n;
};

struct grep {
	const struct map *match;
	bool negate, drop, ignore_case;
	struct grep_field *field;
	uint32_t n;
	struct regex_match *found;
};

static int add_expression(struct grep *g, struct plugin_ctx *ctx, struct grep_field *f, const struct value *v, struct err *err)
{
	struct regex *re = plugin_regex(ctx, value_text(ctx->arena, v), g->ignore_case ? REGEX_ICASE : 0, err);

	if (!re)
		return err_prefix(err, "'match': ");
	f->re[f->n++] = re;
	return 0;
}

static void grep_close(void *self)
{
	struct grep *g = self;

	for (uint32_t i = 0; i < g->n; i++)
		for (uint32_t k = 0; k < g->field[i].n; k++)
			regex_free(g->field[i].re[k]);
	g->n = 0;
	regex_match_free(g->found);
	g->found = NULL;
}

static int grep_open(void *self, struct plugin_ctx *ctx, struct err *err)
{
	struct grep *g = self;
	struct arena *a = ctx->arena;

	plugin_warn(ctx, "the filter 'grep' is no longer there in Logstash: set a condition around a drop filter");
	g->field = arena_zalloc(a, (g->match ? g->match->n : 0) * sizeof(*g->field) + 1);
	g->found = regex_match_new();
	for (uint32_t i = 0; g->match && i < g->match->n; i++) {
		const struct entry *e = &g->match->e[i];
		struct grep_field *f = &g->field[g->n];
		uint32_t n = e->val.type == V_LIST ? e->val.list->n : 1;

		f->ref = ref_compile(a, key_str(&e->key), err);
		if (!f->ref)
			goto fail;
		f->re = arena_alloc(a, n * sizeof(struct regex *) + 1);
		g->n++;
		for (uint32_t k = 0; k < n; k++)
			if (add_expression(g, ctx, f, e->val.type == V_LIST ? &e->val.list->v[k] : &e->val, err))
				goto fail;
	}
	return 0;
fail:
	grep_close(g);
	return -1;
}

/* One of the field's values has to match, or with negate not to. */
static bool any_value(const struct grep *g, const struct regex *re, const struct value *v, struct arena *a)
{
	uint32_t n = v->type == V_LIST ? v->list->n : 1;

	for (uint32_t i = 0; i < n; i++) {
		const struct value *one = v->type == V_LIST ? &v->list->v[i] : v;

		if ((regex_exec(re, value_text(a, one), 0, g->found) == REGEX_YES) != g->negate)
			return true;
	}
	return false;
}

static bool field_matches(const struct grep *g, const struct grep_field *f, const struct event *ev)
{
	const struct value *v = event_get(ev, f->ref);

	if (!v || v->type == V_NULL)
		return g->negate;
	for (uint32_t i = 0; i < f->n; i++)
		if (!any_value(g, f->re[i], v, ev->arena))
			return false;
	return true;
}

static enum step grep_run(void *self, struct event *ev, struct step_ctx *ctx)
{
	const struct grep *g = self;

	(void)ctx;
	for (uint32_t i = 0; i < g->n; i++)
		if (field_matches(g, &g->field[i], ev))
			return STEP_OK;
	return g->drop ? STEP_DROP : STEP_PASS;
}

#define AT(member) offsetof(struct grep, member)
static const struct option options[] = {
	{"match", OPT_HASH, AT(match), .doc = "field => expression, or a list of them that must all match"},
	{"negate", OPT_BOOL, AT(negate), .def = "false", .doc = "what does not match is meant"},
	{"drop", OPT_BOOL, AT(drop), .def = "true", .doc = "other events end; false: they pass without the common options"},
	{"ignore_case", OPT_BOOL, AT(ignore_case), .def = "false", .doc = "upper and lower case are the same"},
	{0},
};
#undef AT

FILTER(grep, .size = sizeof(struct grep), .options = options, .doc = "lets events pass that match: Logstash's filter of old", .open = grep_open,
       .close = grep_close, .filter = {.run = grep_run})
