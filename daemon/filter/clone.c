/*
 * clone.c - the filter `clone`: copies of an event follow it. Work thread.
 *
 * The common options are the copies'. Under ECS a copy is tagged with its name, else that becomes its type.
 */
#include "filter/support.h"

struct clone {
	const struct list *clones;
	bool ecs;
	const struct ref *type;
	struct str *name;
};

static int clone_open(void *self, struct plugin_ctx *ctx, struct err *err)
{
	struct clone *c = self;

	(void)err;
	c->ecs = ctx->ecs != ECS_DISABLED;
	c->type = ref_compile(ctx->arena, STR("type"), NULL);
	c->name = arena_alloc(ctx->arena, c->clones->n * sizeof(*c->name) + 1);
	for (uint32_t i = 0; i < c->clones->n; i++)
		c->name[i] = value_text(ctx->arena, &c->clones->v[i]);
	if (c->clones->n == 0)
		plugin_warn(ctx, "clone: 'clones' is empty: nothing is copied");
	return 0;
}

static enum step clone_run(void *self, struct event *ev, struct step_ctx *ctx)
{
	const struct clone *c = self;

	(void)ev;
	if (c->clones->n == 0)
		return STEP_PASS;
	ctx->gen = arena_zalloc(ctx->arena, sizeof(uint32_t));
	return STEP_FORK;
}

static int clone_next(void *self, void *gen, const struct event *parent, struct event *child, struct step_ctx *ctx)
{
	const struct clone *c = self;
	uint32_t *at = gen;
	struct str name;

	(void)ctx;
	if (*at == c->clones->n)
		return 0;
	name = c->name[(*at)++];
	filter_child(child, parent);
	if (c->ecs)
		event_tag(child, name);
	else
		event_set(child, c->type, v_str(name));
	return 1;
}

static const struct option options[] = {
	{"clones", OPT_LIST, offsetof(struct clone, clones), .flags = OPT_REQUIRED, .doc = "names of the copies: type, or tag under ECS"},
	{0},
};

FILTER(clone, .size = sizeof(struct clone), .options = options, .doc = "copies events", .open = clone_open,
       .filter = {.run = clone_run, .next = clone_next})
