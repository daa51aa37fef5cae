/*
 * plain.c - the codec `plain`: what was read is one message; the other way a text of the event. Work thread.
 */
#include "codec/decode.h"

struct plain {
	struct decoder d;
	struct str charset;
	const struct tmpl *format;
};

static int plain_open(void *self, struct plugin_ctx *ctx, struct err *err)
{
	struct plain *p = self;

	return decoder_open(&p->d, ctx, p->charset, true, err);
}

static void plain_close(void *self)
{
	decoder_close(&((struct plain *)self)->d);
}

static void plain_feed(void *self, void *state, struct str frame, const struct decode_ctx *ctx)
{
	decode_feed(state, frame);
}

static int plain_next(void *self, void *state, struct event *ev, const struct decode_ctx *ctx)
{
	return decode_text(&((struct plain *)self)->d, state, ev, ctx);
}

static int plain_encode(void *self, const struct event *ev, struct buf *out, const struct clock *clock, struct err *err)
{
	struct plain *p = self;
	struct str text;

	if (tmpl_render(p->format, ev, ev->arena, clock, &text, err) < 0)
		return -1;
	buf_str(out, text);
	return 0;
}

static const struct option options[] = {
	{"charset", OPT_STRING, offsetof(struct plain, charset), .def = "\"UTF-8\"", .doc = "encoding of what is read"},
	{"format", OPT_TMPL, offsetof(struct plain, format), .def = "\"%{@timestamp} %{host} %{message}\"",
	 .doc = "text of an event that is written"},
	{0},
};

CODEC(plain, .size = sizeof(struct plain), .options = options, .doc = "text as it comes: each read or line is one message",
      .open = plain_open, .close = plain_close,
      .codec = {.framing = FRAME_CHUNK,
		.on_stream = "line",
		.state_size = sizeof(struct decode_state),
		.feed = plain_feed,
		.next = plain_next,
		.encode = plain_encode})
