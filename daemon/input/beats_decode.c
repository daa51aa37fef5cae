#include "input/beats_decode.h"
#include "base/utf8.h"
#include "codec/decode.h"
#include "event/from_map.h"
#include "event/ruby_text.h"
#include "input/lumberjack_frames.h"
#include "pipeline/batch.h"

#include <stdlib.h>

/* What a frame holds, apart. */
struct document {
	struct map *fields; /* without those below; NULL: it is no object */
	struct str line;    /* .p NULL: none */
	struct map *meta;   /* NULL: none */
	struct value time;  /* @timestamp; V_NONE: none */
};

struct beats_state {
	struct str frame;
	uint32_t flags;
	bool begun; /* an event has come of it */
	bool ended;
	struct document doc;
	struct arena arena; /* of doc and of what the inner codec was given: good until the next frame */
	const struct plugin *plugin; /* whose state that is */
	void *inner;
};

/* ---- a frame ---- */

static struct map *read_pairs(struct arena *a, struct str in)
{
	struct map *m = map_new(a, 8);
	struct str key, value;

	while (lumberjack_pair(&in, &key, &value))
		map_set(a, m, key_make(utf8_scrub(a, key)), v_str(utf8_scrub(a, value)));
	return m;
}

static struct map *read_fields(struct arena *a, struct str frame, uint32_t flags)
{
	struct value v;

	if (flags & FRAME_PAIRS)
		return read_pairs(a, frame);
	return json_read(a, &frame, NULL, &v, NULL) == 0 && v.type == V_MAP ? v.map : NULL;
}

static bool take(struct map *m, struct str name, struct value *out)
{
	struct key k = key_make(name);

	return map_remove(m, &k, out);
}

/* A field that is null is no line, and stays. */
static bool take_line(struct arena *a, struct map *m, struct str name, struct str *line)
{
	const struct value *v = map_find_str(m, name);
	struct value old;

	if (!v || v->type == V_NULL)
		return false;
	*line = ruby_to_s(a, v);
	return take(m, name, &old);
}

static void read_document(struct arena *a, const struct beats_decoder *d, struct str frame, uint32_t flags, struct document *doc)
{
	struct value meta = {.type = V_NONE};
	struct map *m = read_fields(a, frame, flags);

	*doc = (struct document){.time.type = V_NONE};
	if (!m)
		return;
	if (take(m, STR("@metadata"), &meta) && meta.type != V_NULL) {
		if (meta.type != V_MAP)
			return;
		doc->meta = meta.map;
	}
	doc->fields = m;
	if ((!d->line_only && take_line(a, m, STR("message"), &doc->line)) || take_line(a, m, STR("line"), &doc->line))
		(void)take(m, STR("@timestamp"), &doc->time);
}

/* ---- events ---- */

static int broken(const struct beats_state *s, struct event *ev, const struct decode_ctx *ctx)
{
	decode_message(ev, utf8_scrub(ev->arena, s->frame), ctx);
	event_tag(ev, STR("_jsonparsefailure"));
	return 1;
}

/* Without a line the fields are the event. */
static int fields_event(struct event *ev, struct document *doc, const struct decode_ctx *ctx)
{
	if (doc->meta)
		ev->meta = *doc->meta;
	return event_from_map(ev, doc->fields, ts_from_ns(ctx->now_ns)) == 0;
}

/* What came along with the line goes over what the codec made of it. */
static void add_fields(struct event *ev, const struct document *doc)
{
	struct ts t;

	if (doc->time.type == V_STRING && ts_parse_iso(value_str(&doc->time), &t))
		event_set_top(ev, key_make(STR("@timestamp")), v_time(t));
	if (doc->meta && !ev->meta.n)
		ev->meta = *doc->meta;
	else if (doc->meta)
		for (uint32_t i = 0; i < doc->meta->n; i++)
			map_set(ev->arena, &ev->meta, doc->meta->e[i].key, doc->meta->e[i].val);
	event_merge_all(ev, doc->fields);
}

static void beats_feed(void *self, void *state, struct str frame, const struct decode_ctx *ctx)
{
	struct beats_decoder *d = self;
	struct beats_state *s = state;
	const struct plugin *p = d->inner->plugin;

	if (!s->plugin)
		arena_init(&s->arena, NULL);
	if (s->plugin != p) {
		if (s->plugin && s->plugin->codec.release)
			s->plugin->codec.release(s->inner);
		free(s->inner);
		s->plugin = p;
		s->inner = xzalloc(p->codec.state_size ? p->codec.state_size : 1);
	}
	arena_clear(&s->arena);
	s->frame = frame;
	s->flags = ctx->flags;
	s->begun = s->ended = false;
	read_document(&s->arena, d, frame, s->flags, &s->doc);
	if (s->doc.line.p)
		p->codec.feed(d->inner->self, s->inner, s->doc.line, ctx);
}

static int beats_next(void *self, void *state, struct event *ev, const struct decode_ctx *ctx)
{
	struct beats_decoder *d = self;
	struct beats_state *s = state;

	if (s->ended)
		return 0;
	if (!s->doc.fields || !s->doc.line.p) {
		s->ended = true;
		d->last = s->doc.fields ? BEATS_FIELDS : BEATS_BROKEN;
		return s->doc.fields ? fields_event(ev, &s->doc, ctx) : broken(s, ev, ctx);
	}
	d->last = BEATS_LINE;
	if (!s->plugin->codec.next(d->inner->self, s->inner, ev, ctx)) {
		s->ended = true;
		return 0;
	}
	if (s->begun) {
		/* The first event has had the fields, and filters may have changed them. */
		struct document again;

		read_document(ev->arena, d, s->frame, s->flags, &again);
		add_fields(ev, &again);
	} else {
		add_fields(ev, &s->doc);
	}
	s->begun = true;
	return 1;
}

static void beats_release(void *state)
{
	struct beats_state *s = state;

	if (!s->plugin)
		return;
	if (s->plugin->codec.release)
		s->plugin->codec.release(s->inner);
	free(s->inner);
	arena_release(&s->arena);
}

static void beats_close(void *self)
{
	struct beats_decoder *d = self;

	if (d->inner->plugin->close)
		d->inner->plugin->close(d->inner->self);
}

/* In no list of codecs: it only ever stands around another one. */
static const struct plugin around = {
	.kind = PLUGIN_CODEC,
	.name = "beats",
	.close = beats_close,
	.codec = {.framing = FRAME_CHUNK, .state_size = sizeof(struct beats_state), .feed = beats_feed, .next = beats_next, .release = beats_release},
};

struct codec *beats_codec(struct arena *arena, struct beats_decoder *d, struct codec *inner)
{
	struct codec *c = arena_zalloc(arena, sizeof(*c));

	d->inner = inner;
	*c = (struct codec){.plugin = &around, .self = d, .framing = FRAME_CHUNK, .inner = inner};
	return c;
}
