/*
 * split.c - the filter `split`: an event becomes one for each part of a field. Work thread.
 *
 * The parts are lines of a text (or what another terminator divides) or the elements of a list; empty ones are left out. A child is made when
 * the one before has left the pipeline, so a list of any length costs no more memory than itself.
 */
#include "filter/support.h"

struct split {
	const struct ref *field, *target;
	struct str terminator;
};

struct parts {
	const struct list *list; /* NULL: of the text */
	uint32_t at;
	struct str rest;
	bool done;
};

static int split_open(void *self, struct plugin_ctx *ctx, struct err *err)
{
	struct split *s = self;

	(void)ctx;
	if (!s->terminator.p)
		s->terminator = STR("\n");
	if (s->terminator.len == 0)
		return err_set(err, "'terminator' is empty");
	if (!s->target)
		s->target = s->field;
	return 0;
}

static enum step split_run(void *self, struct event *ev, struct step_ctx *ctx)
{
	const struct split *s = self;
	struct value *v = event_get(ev, s->field);
	struct parts *p;

	if (!v || (v->type != V_STRING && v->type != V_LIST)) {
		event_tag(ev, STR("_split_type_failure"));
		return STEP_PASS;
	}
	if (v->type == V_STRING && v->len && str_find(value_str(v), s->terminator) < 0)
		return STEP_PASS;
	p = arena_zalloc(ctx->arena, sizeof(*p));
	if (v->type == V_LIST)
		p->list = v->list;
	else
		p->rest = value_str(v);
	/* Children get a part in the place of the whole: they need no copy of that. */
	if (s->target == s->field && v->type == V_LIST && !s->field->tags)
		*v = v_null();
	ctx->gen = p;
	return STEP_MORE;
}

/* The next part that is not empty. */
static bool next_part(struct parts *p, struct str terminator, struct value *out)
{
	while (p->list) {
		if (p->at == p->list->n)
			return false;
		*out = p->list->v[p->at++];
		switch (out->type) {
		case V_NULL:
			continue;
		case V_STRING:
			if (out->len)
				return true;
			continue;
		case V_LIST:
			if (out->list->n)
				return true;
			continue;
		case V_MAP:
			if (out->map->n)
				return true;
			continue;
		default:
			return true;
		}
	}
	while (!p->done) {
		ptrdiff_t at = str_find(p->rest, terminator);
		struct str part = at < 0 ? p->rest : str_sub(p->rest, 0, (size_t)at);

		p->done = at < 0;
		p->rest = at < 0 ? STR("") : str_from(p->rest, (size_t)at + terminator.len);
		if (part.len) {
			*out = v_str(part);
			return true;
		}
	}
	return false;
}

static int split_next(void *self, void *gen, const struct event *parent, struct event *child, struct step_ctx *ctx)
{
	const struct split *s = self;
	struct value v;

	(void)ctx;
	if (!next_part(gen, s->terminator, &v))
		return 0;
	filter_child(child, parent);
	if (!filter_set(child, s->target, value_copy(child->arena, &v, false)))
		event_tag(child, STR("_split_type_failure"));
	return 1;
}

static const struct option options[] = {
	{"field", OPT_REF, offsetof(struct split, field), .def = "message", .doc = "field to split: a text or a list"},
	{"terminator", OPT_STRING, offsetof(struct split, terminator), .doc = "what divides the text; a line end by default"},
	{"target", OPT_REF, offsetof(struct split, target), .doc = "field that gets the part; by default the same"},
	{0},
};

FILTER(split, .size = sizeof(struct split), .options = options, .doc = "one event for each part of a field", .open = split_open,
       .filter = {.run = split_run, .next = split_next})
