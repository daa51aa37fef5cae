/*
 * es_bulk.c - the codec `es_bulk`: the body of a request to Elasticsearch's _bulk. It only reads. Work thread.
 *
 *	{"index": {"_index": "i", "_id": "1"}}    an action: it goes to [@metadata], with its name in [@metadata][action]
 *	{"a": 1}                                  the document: the event
 *	{"delete": {"_id": "2"}}                  has none: an event without fields
 *
 * An action waits in the source's state for its document, in whichever frame that comes.
 */
#include "base/log.h"
#include "codec/decode.h"
#include "codec/lines.h"
#include "event/from_map.h"

enum { ACTION_MAX = 64 * 1024 };

struct es_bulk {
	const struct ref *target;
	const struct ref *metadata; /* NULL: [@metadata] itself */
};

struct es_bulk_state {
	struct lines lines;
	bool have_action;
	struct buf action; /* as JSON: it outlives its frame */
};

static int es_bulk_open(void *self, struct plugin_ctx *ctx, struct err *err)
{
	struct es_bulk *b = self;

	if (ctx->ecs == ECS_DISABLED)
		return 0;
	b->metadata = ref_compile(ctx->arena, STR("[@metadata][codec][es_bulk]"), err);
	return b->metadata ? 0 : -1;
}

static void es_bulk_feed(void *self, void *state, struct str frame, const struct decode_ctx *ctx)
{
	lines_feed(&((struct es_bulk_state *)state)->lines, frame);
}

/* false: no action. */
static bool keep_action(struct es_bulk_state *s, struct arena *a, struct map *line)
{
	struct value *v = line->n ? &line->e[0].val : NULL;

	if (!value_is(v, V_MAP))
		return false;
	map_set(a, v->map, key_make(STR("action")), v_str(key_str(&line->e[0].key)));
	buf_clear(&s->action);
	s->action.max = ACTION_MAX;
	json_write_map(&s->action, v->map);
	return !s->action.over && s->action.len;
}

static int make_event(struct es_bulk *b, struct es_bulk_state *s, struct event *ev, struct map *document, const struct decode_ctx *ctx)
{
	struct ts now = ts_from_ns(ctx->now_ns);
	struct str text = arena_dup(ev->arena, buf_slice(&s->action));
	struct value meta;

	s->have_action = false;
	if (b->target && document) {
		event_stamp(ev, now);
		if (event_set(ev, b->target, v_map(document)) != EVENT_OK)
			return -1;
	} else if (event_from_map(ev, document ? document : map_new(ev->arena, 4), now) < 0) {
		return -1;
	}
	if (json_read(ev->arena, &text, NULL, &meta, NULL) < 0)
		return -1;
	if (b->metadata)
		return event_set(ev, b->metadata, meta) == EVENT_OK ? 0 : -1;
	ev->meta = *meta.map;
	return 0;
}

static int es_bulk_next(void *self, void *state, struct event *ev, const struct decode_ctx *ctx)
{
	struct es_bulk_state *s = state;
	struct charset utf8 = {.kind = CHARSET_UTF8, .unit = 1};
	struct str line;

	while (lines_take(&s->lines, &line)) {
		struct value v;
		bool gone;

		line = charset_decode(&utf8, ev->arena, line);
		if (!str_trim(line).len)
			continue;
		if (json_read(ev->arena, &line, NULL, &v, NULL) < 0 || line.len || v.type != V_MAP) {
			log_warn("codec", "es_bulk: a line is no JSON object and is left out");
			continue;
		}
		if (s->have_action) {
			if (make_event(self, s, ev, v.map, ctx) == 0)
				return 1;
			log_warn("codec", "es_bulk: a document cannot become an event and is left out");
			continue;
		}
		gone = v.map->n && str_eq(key_str(&v.map->e[0].key), STR("delete"));
		s->have_action = keep_action(s, ev->arena, v.map);
		if (!s->have_action)
			log_warn("codec", "es_bulk: a line is no action and is left out");
		else if (gone && make_event(self, s, ev, NULL, ctx) == 0)
			return 1;
	}
	return 0;
}

static void es_bulk_release(void *state)
{
	buf_release(&((struct es_bulk_state *)state)->action);
}

static const struct option options[] = {
	{"target", OPT_REF, offsetof(struct es_bulk, target), .doc = "field that gets the document; without it the event itself"},
	{0},
};

CODEC(es_bulk, .size = sizeof(struct es_bulk), .options = options, .doc = "requests of Elasticsearch's _bulk: actions and documents",
      .open = es_bulk_open,
      .codec = {.framing = FRAME_LINE,
		.state_size = sizeof(struct es_bulk_state),
		.feed = es_bulk_feed,
		.next = es_bulk_next,
		.release = es_bulk_release})
