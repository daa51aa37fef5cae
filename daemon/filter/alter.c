/*
 * alter.c - the filter `alter`: rewrites fields that hold an expected text, or takes the first text that is there. Work thread.
 */
#include "filter/support.h"

struct rewrite {
	const struct ref *field, *other; /* other: what is rewritten; NULL: the field itself */
	const struct tmpl *expected, *text;
};

struct alter {
	const struct list *condrewrite, *condrewriteother, *coalesce;
	struct rewrite *rewrite;
	uint32_t n;
	const struct ref *into;
	const struct tmpl **choice; /* of coalesce, from 1 on */
};

static int add_rewrites(struct alter *al, struct plugin_ctx *ctx, const struct list *l, uint32_t width, const char *name, struct err *err)
{
	struct arena *a = ctx->arena;
	const struct tmpl **t = filter_tmpls(a, l);

	if (l && l->n % width)
		return err_set(err, "'%s' takes %u texts each time: %u are no multiple of it", name, width, l->n);
	for (uint32_t i = 0; l && i < l->n; i += width) {
		struct rewrite *r = &al->rewrite[al->n++];

		*r = (struct rewrite){.expected = t[i + 1], .text = t[i + width - 1]};
		r->field = ref_compile(a, tmpl_text(t[i]), err);
		if (!r->field)
			return -1;
		if (width == 4) {
			r->other = ref_compile(a, tmpl_text(t[i + 2]), err);
			if (!r->other)
				return -1;
		}
	}
	return 0;
}

static int alter_open(void *self, struct plugin_ctx *ctx, struct err *err)
{
	struct alter *al = self;
	uint32_t n = (al->condrewrite ? al->condrewrite->n / 3 : 0) + (al->condrewriteother ? al->condrewriteother->n / 4 : 0);

	al->rewrite = arena_alloc(ctx->arena, n * sizeof(*al->rewrite) + 1);
	if (add_rewrites(al, ctx, al->condrewrite, 3, "condrewrite", err) ||
	    add_rewrites(al, ctx, al->condrewriteother, 4, "condrewriteother", err))
		return -1;
	if (!al->coalesce)
		return 0;
	if (al->coalesce->n < 2)
		return err_set(err, "'coalesce' takes a field and at least one text");
	al->choice = filter_tmpls(ctx->arena, al->coalesce);
	al->into = ref_compile(ctx->arena, tmpl_text(al->choice[0]), err);
	return al->into ? 0 : -1;
}

struct run {
	struct event *ev;
	const struct clock *clock;
	bool failed;
};

static bool set_text(struct run *r, const struct ref *ref, const struct tmpl *t)
{
	struct str s;

	if (tmpl_render(t, r->ev, r->ev->arena, r->clock, &s, NULL) || !filter_set(r->ev, ref, v_str(s)))
		r->failed = true;
	return !r->failed;
}

static bool is_expected(struct run *r, const struct value *v, const struct tmpl *t)
{
	struct str s;

	if (tmpl_render(t, r->ev, r->ev->arena, r->clock, &s, NULL)) {
		r->failed = true;
		return false;
	}
	return value_is(v, V_STRING) && str_eq(value_str(v), s);
}

/* Every element of a list that is expected. */
static void rewrite_list(struct run *r, const struct rewrite *w, const struct value *v)
{
	struct list *out = list_new(r->ev->arena, v->list->n);
	struct str s;

	for (uint32_t i = 0; i < v->list->n && !r->failed; i++) {
		struct value e = v->list->v[i];

		if (!is_expected(r, &v->list->v[i], w->expected)) {
			list_push(r->ev->arena, out, e);
		} else if (w->other) {
			set_text(r, w->other, w->text);
		} else if (tmpl_render(w->text, r->ev, r->ev->arena, r->clock, &s, NULL)) {
			r->failed = true;
		} else {
			list_push(r->ev->arena, out, v_str(s));
		}
	}
	if (!w->other && !r->failed)
		r->failed = !filter_set(r->ev, w->field, v_list(out));
}

/* Text that still has a %{field} in it names something that is not there. */
static bool unresolved(struct str s)
{
	ptrdiff_t at = str_find(s, STR("%{"));

	return at >= 0 && str_chr(str_from(s, (size_t)at), '}') > 2;
}

static void coalesce(struct alter *al, struct run *r)
{
	for (uint32_t i = 1; i < al->coalesce->n; i++) {
		struct str s;

		if (tmpl_render(al->choice[i], r->ev, r->ev->arena, r->clock, &s, NULL)) {
			r->failed = true;
			return;
		}
		if (str_eq(s, STR("nil")) || unresolved(s))
			continue;
		r->failed = !filter_set(r->ev, al->into, v_str(s));
		return;
	}
}

static enum step alter_run(void *self, struct event *ev, struct step_ctx *ctx)
{
	struct alter *al = self;
	struct run r = {.ev = ev, .clock = ctx->clock};

	for (uint32_t i = 0; i < al->n && !r.failed; i++) {
		const struct rewrite *w = &al->rewrite[i];
		const struct value *v = event_get(ev, w->field);

		if (value_is(v, V_LIST))
			rewrite_list(&r, w, v);
		else if (is_expected(&r, v, w->expected))
			set_text(&r, w->other ? w->other : w->field, w->text);
	}
	if (al->coalesce && !r.failed)
		coalesce(al, &r);
	if (!r.failed)
		return STEP_OK;
	event_tag(ev, STR("_alter_error"));
	return STEP_PASS;
}

static const struct option options[] = {
	{"condrewrite", OPT_LIST, offsetof(struct alter, condrewrite), .doc = "field, expected text, new text; and so on"},
	{"condrewriteother", OPT_LIST, offsetof(struct alter, condrewriteother),
	 .doc = "field, expected text, field to change, new text; and so on"},
	{"coalesce", OPT_LIST, offsetof(struct alter, coalesce), .doc = "field, then texts: the first whose fields are there is taken"},
	{0},
};

FILTER(alter, .size = sizeof(struct alter), .options = options, .doc = "rewrites fields that hold an expected text", .open = alter_open,
       .filter = {.run = alter_run})
