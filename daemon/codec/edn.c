/*
 * edn.c - the codecs `edn` (a map of Clojure's data notation for each read) and `edn_lines` (one for each line), in and out.
 *
 *	{:a 1 :b "x"}   ->   {"a": 1, "b": "x"}
 *
 * What is no map becomes a message, without a tag, as in Logstash. Work thread.
 */
#include "base/number.h"
#include "base/utf8.h"
#include "codec/decode.h"
#include "codec/edn_read.h"
#include "codec/lines.h"
#include "event/from_map.h"
#include "event/inspect.h"

struct edn {
	const struct ref *target;
};

struct edn_state {
	struct lines lines;
};

static void edn_feed(void *self, void *state, struct str frame, const struct decode_ctx *ctx)
{
	((struct edn_state *)state)->lines = (struct lines){frame, true};
}

static void edn_lines_feed(void *self, void *state, struct str frame, const struct decode_ctx *ctx)
{
	lines_feed(&((struct edn_state *)state)->lines, frame);
}

static bool document(const struct edn *e, struct event *ev, struct str text, const struct decode_ctx *ctx)
{
	struct value v;

	if (!edn_read(ev->arena, text, &v) || v.type != V_MAP)
		return false;
	if (!e->target)
		return event_from_map(ev, v.map, ts_from_ns(ctx->now_ns)) == 0;
	event_stamp(ev, ts_from_ns(ctx->now_ns));
	return event_set(ev, e->target, v) == EVENT_OK;
}

static int decode_one(const struct edn *e, struct event *ev, struct str text, const struct decode_ctx *ctx)
{
	struct charset utf8 = {.kind = CHARSET_UTF8, .unit = 1};

	text = charset_decode(&utf8, ev->arena, text);
	if (document(e, ev, text, ctx))
		return 1;
	event_init(ev, ev->arena);
	decode_message(ev, text, ctx);
	return 1;
}

static int edn_next(void *self, void *state, struct event *ev, const struct decode_ctx *ctx)
{
	struct lines *l = &((struct edn_state *)state)->lines;

	if (!l->more)
		return 0;
	l->more = false;
	return decode_one(self, ev, l->rest, ctx);
}

static int edn_lines_next(void *self, void *state, struct event *ev, const struct decode_ctx *ctx)
{
	struct str line;

	return lines_take(&((struct edn_state *)state)->lines, &line) ? decode_one(self, ev, line, ctx) : 0;
}

static void put_map(struct buf *out, const struct map *m);

static void put_value(struct buf *out, const struct value *v)
{
	char number[NUMBER_TEXT_MAX], time[TS_TEXT_MAX];

	switch ((enum vtype)v->type) {
	case V_INT:
		/* M: as Logstash writes every integer. */
		buf_i64(out, v->i);
		buf_ch(out, 'M');
		break;
	case V_BIGINT:
		buf_str(out, value_str(v));
		buf_ch(out, 'M');
		break;
	case V_FLOAT:
		buf_add(out, number, ruby_double_text(v->f, number));
		break;
	case V_TIME:
		buf_ch(out, '"');
		buf_add(out, time, ts_format(value_ts(v), time));
		buf_ch(out, '"');
		break;
	case V_LIST:
		buf_ch(out, '[');
		for (uint32_t i = 0; i < v->list->n; i++) {
			if (i)
				buf_ch(out, ' ');
			put_value(out, &v->list->v[i]);
		}
		buf_ch(out, ']');
		break;
	case V_MAP:
		put_map(out, v->map);
		break;
	default: /* nil, true, "text" are the same in Ruby */
		ruby_inspect(out, v);
		break;
	}
}

static void put_map(struct buf *out, const struct map *m)
{
	buf_ch(out, '{');
	for (uint32_t i = 0; i < m->n; i++) {
		if (i)
			buf_lit(out, ", ");
		ruby_inspect_string(out, key_str(&m->e[i].key));
		buf_ch(out, ' ');
		put_value(out, &m->e[i].val);
	}
	buf_ch(out, '}');
}

static int edn_encode(void *self, const struct event *ev, struct buf *out, const struct clock *clock, struct err *err)
{
	put_map(out, &ev->root);
	return 0;
}

static int edn_lines_encode(void *self, const struct event *ev, struct buf *out, const struct clock *clock, struct err *err)
{
	put_map(out, &ev->root);
	buf_ch(out, '\n');
	return 0;
}

static const struct option options[] = {
	{"target", OPT_REF, offsetof(struct edn, target), .doc = "field that gets the map; without it the event itself"},
	{0},
};

CODEC(edn, .size = sizeof(struct edn), .options = options, .doc = "maps of EDN, Clojure's data notation",
      .codec = {.framing = FRAME_CHUNK,
		.state_size = sizeof(struct edn_state),
		.feed = edn_feed,
		.next = edn_next,
		.encode = edn_encode})

CODEC(edn_lines, .size = sizeof(struct edn), .options = options, .doc = "a map of EDN on each line",
      .codec = {.framing = FRAME_LINE,
		.state_size = sizeof(struct edn_state),
		.feed = edn_lines_feed,
		.next = edn_lines_next,
		.encode = edn_lines_encode})
