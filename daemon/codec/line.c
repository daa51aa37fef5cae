/*
 * line.c - the codec `line`: a message for each line; the other way a text of the event and the delimiter. Work thread.
 *
 * A carriage return before the line feed belongs to the message, as in Logstash.
 */
#include "codec/decode.h"

struct line {
	struct decoder d;
	struct str charset, delimiter;
	const struct tmpl *format;
};

static int line_open(void *self, struct plugin_ctx *ctx, struct err *err)
{
	struct line *l = self;

	if (l->delimiter.len == 0)
		return err_set(err, "an empty delimiter ends no line");
	return decoder_open(&l->d, ctx, l->charset, true, err);
}

static void line_close(void *self)
{
	decoder_close(&((struct line *)self)->d);
}

static struct str line_delimiter(const void *self)
{
	return ((const struct line *)self)->delimiter;
}

static void line_feed(void *self, void *state, struct str frame, const struct decode_ctx *ctx)
{
	decode_feed(state, frame);
}

static int line_next(void *self, void *state, struct event *ev, const struct decode_ctx *ctx)
{
	return decode_text(&((struct line *)self)->d, state, ev, ctx);
}

static int line_encode(void *self, const struct event *ev, struct buf *out, const struct clock *clock, struct err *err)
{
	struct line *l = self;
	struct str text;

	if (tmpl_render(l->format, ev, ev->arena, clock, &text, err) < 0)
		return -1;
	buf_str(out, text);
	buf_str(out, l->delimiter);
	return 0;
}

static const struct option options[] = {
	{"charset", OPT_STRING, offsetof(struct line, charset), .def = "\"UTF-8\"", .doc = "encoding of what is read"},
	{"delimiter", OPT_STRING, offsetof(struct line, delimiter), .def = "\"\n\"", .doc = "what ends a line"},
	{"format", OPT_TMPL, offsetof(struct line, format), .def = "\"%{@timestamp} %{host} %{message}\"",
	 .doc = "text of an event that is written"},
	{0},
};

CODEC(line, .size = sizeof(struct line), .options = options, .doc = "lines of text, each a message",
      .open = line_open, .close = line_close,
      .codec = {.framing = FRAME_LINE,
		.delimiter = line_delimiter,
		.state_size = sizeof(struct decode_state),
		.feed = line_feed,
		.next = line_next,
		.encode = line_encode})
