/*
 * json.c - the filter `json`: text in a field becomes fields. Work thread.
 *
 * Without a target each key of the document is set as a reference to a field ("[x][y]" nests), which is not what the codec does.
 * Several documents behind one another: the last counts; anything else behind a document is a failure.
 */
#include "event/from_map.h"
#include "event/json.h"
#include "event/ruby_text.h"
#include "filter/support.h"

struct json {
	const struct ref *source, *target;
	const struct list *tag_on_failure;
	bool skip_on_invalid_json;
};

static enum step fail(const struct json *j, struct event *ev)
{
	return filter_failed(ev, j->tag_on_failure);
}

static void json_raised(void *self, struct event *ev)
{
	fail(self, ev);
}

/* All of text; nothing but blanks is null. */
static int read_all(struct arena *a, struct str text, struct value *out)
{
	*out = v_null();
	text = str_trim(text);
	while (text.len)
		if (json_read(a, &text, NULL, out, NULL) < 0)
			return -1;
	return 0;
}

/* What the document says of [@timestamp] is taken out of it; the other fields are set first, as in Logstash. */
static int merge(struct event *ev, struct map *doc, const struct clock *clock)
{
	struct key key = key_make(STR("@timestamp"));
	struct value claimed = v_null();
	struct ts t;

	map_remove(doc, &key, &claimed);
	if (event_set_all(ev, doc) < 0)
		return -1;
	if (claimed.type == V_NULL || (claimed.type == V_BOOL && !claimed.b))
		return 0;
	if (claimed.type == V_STRING && ts_parse_iso(value_str(&claimed), &t)) {
		event_set_top(ev, key, v_time(t));
		return 0;
	}
	event_set_top(ev, key, v_time(ts_from_ns(clock_wall(clock))));
	event_tag(ev, STR("_timestampparsefailure"));
	event_set_top(ev, key_make(STR("_@timestamp")), v_str(ruby_to_s(ev->arena, &claimed)));
	return 0;
}

static enum step json_run(void *self, struct event *ev, struct step_ctx *ctx)
{
	const struct json *j = self;
	const struct value *source = j->source ? event_get(ev, j->source) : NULL;
	struct value doc;

	if (!j->source)
		return fail(j, ev);
	if (!source || source->type == V_NULL || (source->type == V_BOOL && !source->b))
		return STEP_PASS;
	if (source->type != V_STRING || read_all(ev->arena, value_str(source), &doc) < 0)
		return j->skip_on_invalid_json ? STEP_PASS : fail(j, ev);
	if (j->target)
		return event_set(ev, j->target, doc) == EVENT_OK ? STEP_OK : fail(j, ev);
	if (doc.type != V_MAP || merge(ev, doc.map, ctx->clock) < 0)
		return fail(j, ev);
	return STEP_OK;
}

static const struct option options[] = {
	{"source", OPT_REF, offsetof(struct json, source), .flags = OPT_REQUIRED | OPT_LATE, .doc = "field that holds the text"},
	{"target", OPT_REF, offsetof(struct json, target), .doc = "field that gets the document; without it the event itself"},
	{"tag_on_failure", OPT_LIST, offsetof(struct json, tag_on_failure), .def = "[\"_jsonparsefailure\"]",
	 .doc = "tags for what is no JSON"},
	{"skip_on_invalid_json", OPT_BOOL, offsetof(struct json, skip_on_invalid_json), .def = "false",
	 .doc = "leave text that is no JSON alone, without a tag"},
	{0},
};

FILTER(json, .size = sizeof(struct json), .options = options, .doc = "JSON text in a field becomes fields",
       .filter = {.run = json_run, .raised = json_raised})
