/*
 * truncate.c - the filter `truncate`: long texts are cut to a number of bytes, never within a character. Work thread.
 *
 * Texts of a list and of hashes within hashes are cut, too; what a list holds below that is not.
 */
#include "filter/support.h"

struct truncate {
	const struct list *fields;
	int64_t length_bytes;
	const struct ref **ref;
};

static int truncate_open(void *self, struct plugin_ctx *ctx, struct err *err)
{
	struct truncate *t = self;

	t->ref = filter_refs(ctx->arena, t->fields, err);
	return t->ref ? 0 : -1;
}

static void cut(struct value *v, size_t max)
{
	size_t n = max;

	if (v->type != V_STRING || v->len <= max)
		return;
	while (n && ((unsigned char)v->s[n] & 0xc0) == 0x80)
		n--;
	v->len = (uint32_t)n;
}

static void truncate_value(struct value *v, size_t max)
{
	cut(v, max);
	for (uint32_t i = 0; v->type == V_LIST && i < v->list->n; i++)
		cut(&v->list->v[i], max);
	for (uint32_t i = 0; v->type == V_MAP && i < v->map->n; i++)
		truncate_value(&v->map->e[i].val, max);
}

static enum step truncate_run(void *self, struct event *ev, struct step_ctx *ctx)
{
	const struct truncate *t = self;
	size_t max = (size_t)t->length_bytes;

	(void)ctx;
	for (uint32_t i = 0; t->fields && i < t->fields->n; i++) {
		struct value *v = event_get(ev, t->ref[i]);

		if (v)
			truncate_value(v, max);
	}
	for (uint32_t i = 0; !t->fields && i < ev->root.n; i++)
		truncate_value(&ev->root.e[i].val, max);
	/* Its common options never run: so in Logstash. */
	return STEP_PASS;
}

static const struct option options[] = {
	{"fields", OPT_LIST, offsetof(struct truncate, fields), .doc = "fields to cut; all of them by default"},
	{"length_bytes", OPT_INT, offsetof(struct truncate, length_bytes), .flags = OPT_REQUIRED, .min = 0, .max = UINT32_MAX,
	 .doc = "longer texts are cut to so many bytes"},
	{0},
};

FILTER(truncate, .size = sizeof(struct truncate), .options = options, .doc = "cuts long texts", .open = truncate_open,
       .filter = {.run = truncate_run})
