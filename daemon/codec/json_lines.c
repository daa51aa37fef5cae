/*
 * json_lines.c - the codec `json_lines`: a JSON document on each line, in and out. Work thread.
 */
#include "codec/decode.h"

struct json_lines {
	struct decoder d;
	struct str charset, delimiter;
	const struct ref *target;
};

static int json_lines_open(void *self, struct plugin_ctx *ctx, struct err *err)
{
	struct json_lines *j = self;

	if (j->delimiter.len == 0)
		return err_set(err, "an empty delimiter ends no line");
	j->d.target = j->target;
	return decoder_open(&j->d, ctx, j->charset, false, err);
}

static void json_lines_close(void *self)
{
	decoder_close(&((struct json_lines *)self)->d);
}

static struct str json_lines_delimiter(const void *self)
{
	return ((const struct json_lines *)self)->delimiter;
}

static void json_lines_feed(void *self, void *state, struct str frame, const struct decode_ctx *ctx)
{
	decode_feed(state, frame);
}

static int json_lines_next(void *self, void *state, struct event *ev, const struct decode_ctx *ctx)
{
	return decode_json(&((struct json_lines *)self)->d, state, ev, ctx);
}

static void json_lines_release(void *state)
{
	decode_release(state);
}

static int json_lines_encode(void *self, const struct event *ev, struct buf *out, const struct clock *clock,
			     struct err *err)
{
	json_write_event(out, ev);
	buf_str(out, ((struct json_lines *)self)->delimiter);
	return 0;
}

static const struct option options[] = {
	{"charset", OPT_STRING, offsetof(struct json_lines, charset), .def = "\"UTF-8\"", .doc = "encoding of what is read"},
	{"delimiter", OPT_STRING, offsetof(struct json_lines, delimiter), .def = "\"\n\"", .doc = "what ends a line"},
	{"target", OPT_REF, offsetof(struct json_lines, target),
	 .doc = "field that gets the document; without it the event itself"},
	{"decode_size_limit_bytes", OPT_IGNORED, .doc = "the inputs' own limit on a line counts"},
	{0},
};

CODEC(json_lines, .size = sizeof(struct json_lines), .options = options, .doc = "a JSON document on each line",
      .open = json_lines_open, .close = json_lines_close,
      .codec = {.framing = FRAME_LINE,
		.delimiter = json_lines_delimiter,
		.state_size = sizeof(struct decode_state),
		.feed = json_lines_feed,
		.next = json_lines_next,
		.release = json_lines_release,
		.encode = json_lines_encode})
