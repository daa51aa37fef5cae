#include "codec/decode.h"
#include "event/from_map.h"

enum { ROOM_FIELDS = 16 }; /* of an event that begins with its message only */

int decoder_open(struct decoder *d, struct plugin_ctx *ctx, struct str charset, bool original, struct err *err)
{
	if (charset_open(&d->charset, charset, err) < 0)
		return -1;
	if (original && ctx->ecs != ECS_DISABLED)
		d->original = ref_compile(ctx->arena, STR("[event][original]"), err);
	return 0;
}

void decoder_close(struct decoder *d)
{
	charset_close(&d->charset);
}

void decode_feed(struct decode_state *s, struct str frame)
{
	s->frame = frame;
	s->stage = DECODE_FRESH;
}

void decode_release(struct decode_state *s)
{
	buf_release(&s->text);
}

void decode_message(struct event *ev, struct str text, const struct decode_ctx *ctx)
{
	map_init(ev->arena, &ev->root, ROOM_FIELDS);
	event_stamp(ev, ts_from_ns(ctx->now_ns));
	event_set_top(ev, key_make(STR("message")), v_str(text));
}

void decode_keep_original(const struct decoder *d, struct event *ev, struct str text)
{
	if (d->original && !event_get(ev, d->original))
		(void)event_set(ev, d->original, v_str(text));
}

int decode_text(struct decoder *d, struct decode_state *s, struct event *ev, const struct decode_ctx *ctx)
{
	struct str text;

	if (s->stage == DECODE_EMPTY)
		return 0;
	s->stage = DECODE_EMPTY;
	text = charset_decode(&d->charset, ev->arena, s->frame);
	decode_message(ev, text, ctx);
	decode_keep_original(d, ev, text);
	return 1;
}

static int not_json(struct event *ev, struct str text, const struct decode_ctx *ctx)
{
	decode_message(ev, text, ctx);
	event_tag(ev, STR("_jsonparsefailure"));
	return 1;
}

/* -1: this is no event. */
static int document_event(struct decoder *d, struct event *ev, struct map *m, const struct decode_ctx *ctx)
{
	struct ts now = ts_from_ns(ctx->now_ns);

	if (!d->target)
		return event_from_map(ev, m, now);
	event_stamp(ev, now);
	return event_set(ev, d->target, v_map(m)) == EVENT_OK ? 0 : -1;
}

/* Elements of an array that is nothing but objects, or -1: then the whole text is one message, as in Logstash. */
static int64_t count_objects(struct arena *a, struct str text)
{
	struct json_array it;
	struct value v;
	int64_t n = 0;
	int rc;

	if (!json_array_open(&it, text))
		return -1;
	for (;; n++) {
		struct arena_mark mark = arena_mark(a);
		bool object;

		rc = json_array_next(&it, a, NULL, &v, NULL);
		object = rc == 1 && v.type == V_MAP;
		if (object) {
			const struct value *meta = map_find_str(v.map, STR("@metadata"));

			object = !meta || meta->type == V_MAP;
		}
		arena_reset(a, mark);
		if (rc == 0)
			return n;
		if (!object)
			return -1;
	}
}

/* The next element of an array. */
static int array_event(struct decoder *d, struct decode_state *s, struct event *ev, const struct decode_ctx *ctx)
{
	struct arena_mark mark = arena_mark(ev->arena);
	struct str from = s->array.in, text;
	struct value v;

	if (json_array_next(&s->array, ev->arena, NULL, &v, NULL) != 1) {
		s->stage = DECODE_EMPTY;
		return 0;
	}
	if (s->converted) {
		/* The converted text is this state's: the event gets a copy of its own part. */
		struct json_array one = {.first = true};

		text = str_n(from.p, (size_t)(s->array.in.p - from.p));
		arena_reset(ev->arena, mark);
		one.in = arena_dup(ev->arena, text);
		if (one.in.len && one.in.p[0] == ',')
			one.in = str_from(one.in, 1);
		if (json_array_next(&one, ev->arena, NULL, &v, NULL) != 1) {
			s->stage = DECODE_EMPTY;
			return 0;
		}
	}
	/* count_objects() has seen that all are objects; only a target that cannot be set is left to fail. */
	if (document_event(d, ev, v.map, ctx) < 0)
		return not_json(ev, arena_dup(ev->arena, str_n(from.p, (size_t)(s->array.in.p - from.p))), ctx);
	return 1;
}

static bool blank(struct str s)
{
	return str_trim(s).len == 0;
}

static int first_document(struct decoder *d, struct decode_state *s, struct event *ev, const struct decode_ctx *ctx)
{
	struct str text = charset_decode(&d->charset, ev->arena, s->frame), rest = text;
	struct json_array it;
	struct value v;
	int64_t n;

	s->stage = DECODE_EMPTY;
	if (blank(text))
		return 0;
	if (!json_array_open(&it, text)) {
		/* What follows a complete document is left out, as in Logstash. */
		if (json_read(ev->arena, &rest, NULL, &v, NULL) < 0 || v.type != V_MAP ||
		    document_event(d, ev, v.map, ctx) < 0)
			return not_json(ev, text, ctx);
		decode_keep_original(d, ev, text);
		return 1;
	}
	n = count_objects(ev->arena, text);
	if (n < 0)
		return not_json(ev, text, ctx);
	s->converted = text.p != s->frame.p;
	if (s->converted) {
		buf_clear(&s->text);
		buf_str(&s->text, text);
		json_array_open(&it, buf_slice(&s->text));
	}
	s->array = it;
	s->stage = DECODE_ARRAY;
	if (array_event(d, s, ev, ctx) == 0)
		return 0;
	if (n == 1)
		decode_keep_original(d, ev, text);
	return 1;
}

int decode_json(struct decoder *d, struct decode_state *s, struct event *ev, const struct decode_ctx *ctx)
{
	switch (s->stage) {
	case DECODE_FRESH:
		return first_document(d, s, ev, ctx);
	case DECODE_ARRAY:
		return array_event(d, s, ev, ctx);
	case DECODE_EMPTY:
		break;
	}
	return 0;
}
