/*
 * prune.c - the filter `prune`: fields go or stay by their names or values. Work thread.
 *
 * Only fields of the outermost level are looked at. With interpolate the patterns hold %{field}: each is compiled when its text changes.
 */
#include "base/log.h"
#include "base/regex.h"
#include "filter/support.h"

#include <stdlib.h>

struct pattern {
	struct str key;		/* of values: the field */
	const struct tmpl *key_tmpl, *tmpl;
	struct regex *regex;
	struct str text; /* heap; interpolate: what regex was made of */
};

struct patterns {
	uint32_t n;
	struct pattern *p;
};

struct prune {
	bool interpolate;
	const struct list *whitelist_names, *blacklist_names;
	const struct map *whitelist_values, *blacklist_values;
	struct patterns keep_names, drop_names, keep_values, drop_values;
	struct regex_match *match;
};

static int compile(struct prune *pr, struct plugin_ctx *ctx, struct pattern *p, struct str text, struct err *err)
{
	if (pr->interpolate) {
		p->tmpl = tmpl_compile(ctx->arena, text);
		return 0;
	}
	p->regex = plugin_regex(ctx, text, 0, err);
	return p->regex ? 0 : err_prefix(err, "'%.*s': ", STR_ARG(text));
}

static int compile_names(struct prune *pr, struct plugin_ctx *ctx, const struct list *l, struct patterns *out, struct err *err)
{
	out->p = arena_zalloc(ctx->arena, (l ? l->n : 0) * sizeof(*out->p) + 1);
	for (uint32_t i = 0; l && i < l->n; i++)
		if (compile(pr, ctx, &out->p[out->n++], value_text(ctx->arena, &l->v[i]), err))
			return -1;
	return 0;
}

static int compile_values(struct prune *pr, struct plugin_ctx *ctx, const struct map *m, struct patterns *out, struct err *err)
{
	struct arena *a = ctx->arena;

	out->p = arena_zalloc(a, (m ? m->n : 0) * sizeof(*out->p) + 1);
	for (uint32_t i = 0; m && i < m->n; i++) {
		struct pattern *p = &out->p[out->n++];

		p->key = key_str(&m->e[i].key);
		p->key_tmpl = tmpl_compile(a, p->key);
		if (compile(pr, ctx, p, value_text(a, &m->e[i].val), err))
			return -1;
	}
	return 0;
}

static void release(struct patterns *l)
{
	for (uint32_t i = 0; i < l->n; i++) {
		regex_free(l->p[i].regex);
		free((void *)l->p[i].text.p);
	}
}

static void prune_close(void *self)
{
	struct prune *pr = self;

	release(&pr->keep_names);
	release(&pr->drop_names);
	release(&pr->keep_values);
	release(&pr->drop_values);
	regex_match_free(pr->match);
}

static int prune_open(void *self, struct plugin_ctx *ctx, struct err *err)
{
	struct prune *pr = self;

	pr->match = regex_match_new();
	if (compile_names(pr, ctx, pr->whitelist_names, &pr->keep_names, err) || compile_names(pr, ctx, pr->blacklist_names, &pr->drop_names, err) ||
	    compile_values(pr, ctx, pr->whitelist_values, &pr->keep_values, err) ||
	    compile_values(pr, ctx, pr->blacklist_values, &pr->drop_values, err)) {
		prune_close(pr);
		return -1;
	}
	return 0;
}

/* ---- an event ---- */

struct run {
	struct prune *pr;
	struct event *ev;
	const struct clock *clock;
};

/* The patterns as this event makes them. */
static int prepare(struct run *r, struct patterns *l)
{
	for (uint32_t i = 0; r->pr->interpolate && i < l->n; i++) {
		struct pattern *p = &l->p[i];
		struct str text;

		if (p->key_tmpl && tmpl_render(p->key_tmpl, r->ev, r->ev->arena, r->clock, &p->key, NULL))
			return -1;
		if (tmpl_render(p->tmpl, r->ev, r->ev->arena, r->clock, &text, NULL))
			return -1;
		if (p->regex && str_eq(text, p->text))
			continue;
		regex_free(p->regex);
		free((void *)p->text.p);
		p->text = str_n(xstrdupz(text), text.len);
		p->regex = regex_compile(text, 0, NULL);
		if (!p->regex)
			return -1;
	}
	return 0;
}

static bool fits(struct run *r, const struct pattern *p, struct str s)
{
	return regex_exec(p->regex, s, 0, r->pr->match) == REGEX_YES;
}

static bool fits_any(struct run *r, const struct patterns *l, struct str s)
{
	for (uint32_t i = 0; i < l->n; i++)
		if (fits(r, &l->p[i], s))
			return true;
	return false;
}

/* Marks what goes by its name. */
static void judge_names(struct run *r, bool *gone)
{
	const struct map *m = &r->ev->root;

	for (uint32_t i = 0; i < m->n; i++) {
		struct str name = key_str(&m->e[i].key);

		gone[i] = (r->pr->keep_names.n && !fits_any(r, &r->pr->keep_names, name)) ||
			  (r->pr->drop_names.n && fits_any(r, &r->pr->drop_names, name));
	}
}

/* Elements of a list go one by one; the field with the last. What is no text never fits. */
static void judge_value(struct run *r, const struct pattern *p, bool keep, struct value *v, bool *gone)
{
	struct list *left;

	if (v->type != V_LIST) {
		bool fit = v->type == V_STRING && fits(r, p, value_str(v));

		if (filter_truth(v) && (v->type == V_STRING || !keep))
			*gone |= keep != fit;
		return;
	}
	left = list_new(r->ev->arena, v->list->n);
	for (uint32_t i = 0; i < v->list->n; i++) {
		const struct value *e = &v->list->v[i];

		if (keep == (e->type == V_STRING && fits(r, p, value_str(e))))
			list_push(r->ev->arena, left, *e);
	}
	if (left->n == 0 && v->list->n)
		*gone = true;
	else
		*v = v_list(left);
}

static void judge_values(struct run *r, const struct patterns *l, bool keep, bool *gone)
{
	struct map *m = &r->ev->root;

	for (uint32_t i = 0; i < l->n; i++) {
		struct value *v = map_find_str(m, l->p[i].key);

		if (v)
			judge_value(r, &l->p[i], keep, v, &gone[(struct entry *)((char *)v - offsetof(struct entry, val)) - m->e]);
	}
}

static enum step prune_run(void *self, struct event *ev, struct step_ctx *ctx)
{
	struct prune *pr = self;
	struct run r = {pr, ev, ctx->clock};
	uint32_t n = ev->root.n;
	bool *gone = arena_zalloc(ev->arena, n + 1);
	struct key *key = arena_alloc(ev->arena, n * sizeof(*key) + 1);

	if (prepare(&r, &pr->keep_names) || prepare(&r, &pr->drop_names) || prepare(&r, &pr->keep_values) || prepare(&r, &pr->drop_values)) {
		log_warn("filter", "prune: a pattern of an event is no regular expression");
		event_tag(ev, STR("_prune_error"));
		return STEP_PASS;
	}
	judge_names(&r, gone);
	judge_values(&r, &pr->keep_values, true, gone);
	judge_values(&r, &pr->drop_values, false, gone);
	for (uint32_t i = 0; i < n; i++)
		key[i] = ev->root.e[i].key;
	for (uint32_t i = 0; i < n; i++)
		if (gone[i])
			map_remove(&ev->root, &key[i], NULL);
	return STEP_OK;
}

#define AT(member) offsetof(struct prune, member)
static const struct option options[] = {
	{"interpolate", OPT_BOOL, AT(interpolate), .def = "false", .doc = "names and patterns hold %{field}"},
	{"whitelist_names", OPT_LIST, AT(whitelist_names), .doc = "only fields whose name fits one of these patterns stay"},
	{"blacklist_names", OPT_LIST, AT(blacklist_names), .def = "[\"%\\{[^}]+\\}\"]", .doc = "fields whose name fits one of these patterns go"},
	{"whitelist_values", OPT_HASH, AT(whitelist_values), .doc = "field => pattern: it stays only where its value fits"},
	{"blacklist_values", OPT_HASH, AT(blacklist_values), .doc = "field => pattern: it goes where its value fits"},
	{0},
};
#undef AT

FILTER(prune, .size = sizeof(struct prune), .options = options, .doc = "removes fields by patterns of names and values", .open = prune_open,
       .close = prune_close, .filter = {.run = prune_run})
