/*
 * json.c - the codec `json`: a JSON document for each read; an array is an event for each element. Work thread.
 *
 * Stream inputs cut at line feeds before this codec sees anything, as Logstash's do (it puts json_lines in its place).
 */
#include "codec/decode.h"

struct json {
	struct decoder d;
	struct str charset;
	const struct ref *target;
};

static int json_open(void *self, struct plugin_ctx *ctx, struct err *err)
{
	struct json *j = self;

	j->d.target = j->target;
	return decoder_open(&j->d, ctx, j->charset, true, err);
}

static void json_close(void *self)
{
	decoder_close(&((struct json *)self)->d);
}

static void json_feed(void *self, void *state, struct str frame, const struct decode_ctx *ctx)
{
	decode_feed(state, frame);
}

static int json_next(void *self, void *state, struct event *ev, const struct decode_ctx *ctx)
{
	return decode_json(&((struct json *)self)->d, state, ev, ctx);
}

static void json_release(void *state)
{
	decode_release(state);
}

static int json_encode(void *self, const struct event *ev, struct buf *out, const struct clock *clock, struct err *err)
{
	json_write_event(out, ev);
	return 0;
}

static const struct option options[] = {
	{"charset", OPT_STRING, offsetof(struct json, charset), .def = "\"UTF-8\"", .doc = "encoding of what is read"},
	{"target", OPT_REF, offsetof(struct json, target), .doc = "field that gets the document; without it the event itself"},
	{0},
};

CODEC(json, .size = sizeof(struct json), .options = options, .doc = "JSON documents; an array is an event for each element",
      .open = json_open, .close = json_close,
      .codec = {.framing = FRAME_CHUNK,
		.on_stream = "json_lines",
		.state_size = sizeof(struct decode_state),
		.feed = json_feed,
		.next = json_next,
		.release = json_release,
		.encode = json_encode})
