/*
 * json_encode.c - the filter `json_encode`: a field becomes its JSON text. Work thread.
 */
#include "base/javahash.h"
#include "event/json.h"
#include "filter/support.h"

struct json_encode {
	const struct ref *source, *target;
};

/* Keys in the order of a HashMap, as Logstash writes them. Depth is bounded by what an event may hold. */
static struct value ordered(struct arena *a, const struct value *v)
{
	struct value out = *v;

	if (v->type == V_LIST) {
		out.list = list_new(a, v->list->n);
		for (uint32_t i = 0; i < v->list->n; i++)
			list_push(a, out.list, ordered(a, &v->list->v[i]));
	} else if (v->type == V_MAP) {
		const struct map *m = v->map;
		struct str *key = arena_alloc(a, m->n * sizeof(*key) + 1);
		uint32_t *at = arena_alloc(a, m->n * sizeof(*at) + 1);

		for (uint32_t i = 0; i < m->n; i++)
			key[i] = key_str(&m->e[i].key);
		java_hash_order(key, m->n, at);
		out.map = map_new(a, m->n);
		for (uint32_t i = 0; i < m->n; i++)
			map_push(a, out.map, m->e[at[i]].key, ordered(a, &m->e[at[i]].val));
	}
	return out;
}

static enum step json_encode_run(void *self, struct event *ev, struct step_ctx *ctx)
{
	const struct json_encode *j = self;
	const struct value *v = event_get(ev, j->source);
	struct value sorted = v ? ordered(ev->arena, v) : v_null();
	struct buf b;
	struct str text;

	(void)ctx;
	buf_init(&b, 0);
	json_write_value(&b, &sorted);
	text = arena_dup(ev->arena, buf_slice(&b));
	buf_release(&b);
	if (filter_set(ev, j->target ? j->target : j->source, v_str(text)))
		return STEP_OK;
	event_tag(ev, STR("_jsongeneratefailure"));
	return STEP_PASS;
}

static const struct option options[] = {
	{"source", OPT_REF, offsetof(struct json_encode, source), .flags = OPT_REQUIRED, .doc = "field to encode"},
	{"target", OPT_REF, offsetof(struct json_encode, target), .doc = "field that gets the text; by default the same"},
	{0},
};

FILTER(json_encode, .size = sizeof(struct json_encode), .options = options, .doc = "a field as JSON text",
       .filter = {.run = json_encode_run})
