/*
 * json_encode.c - the filter `json_encode`: a field becomes its JSON text, keys in the order of a HashMap, as Logstash writes them. Work thread.
 */
#include "event/java_order.h"
#include "event/json.h"
#include "filter/support.h"

struct json_encode {
	const struct ref *source, *target;
};

static enum step json_encode_run(void *self, struct event *ev, struct step_ctx *ctx)
{
	const struct json_encode *j = self;
	const struct value *v = event_get(ev, j->source);
	struct value sorted = v ? value_java_order(ev->arena, v) : v_null();
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
