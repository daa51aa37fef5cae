/*
 * multiline.c - the codec `multiline`: lines that belong together become one event.
 *
 *	multiline { pattern => "^\s" what => "previous" }
 *
 *	2020 start          |
 *	 at one             |  one event: "2020 start\n at one"
 *	2021 next              is held until the next line tells whether it goes on
 *
 * The state of a source holds the lines of the event that is not complete. It ends with the line that shows it (see what and
 * negate), at max_lines or max_bytes, after auto_flush_interval without a line, and with the source. As in Logstash the two limits
 * are looked at between lines: what is held is at most max_bytes and one line of the input's limit.
 *
 * Each line that is held keeps its frame's ack open (pipeline/exec.c): what has not become an event is read again after a crash.
 * Work thread.
 */
#include "codec/decode.h"
#include "codec/lines.h"
#include "filter/grok_one.h"

enum what { WHAT_PREVIOUS, WHAT_NEXT };

enum { HELD_MAX = 1024 * 1024 * 1024 }; /* whatever max_bytes says */

struct multiline {
	/* options */
	struct str pattern, charset, multiline_tag;
	int what;
	bool negate;
	const struct list *patterns_dir;
	int64_t max_lines, max_bytes;
	double auto_flush_interval; /* seconds */
	/* made of them */
	struct decoder d;
	struct grok_one line;
	int64_t idle_ns; /* 0: never */
};

struct multiline_state {
	bool ready;
	struct arena arena;   /* the frame, where it had to be converted */
	struct str rest;      /* of the frame: lines that were not looked at */
	struct str line;
	bool have_line, belongs;
	bool first;	      /* the next line is the first of its frame */
	bool blank;	      /* the frame had no line at all */
	bool flushing;
	struct buf text;      /* the lines held, joined by line feeds */
	int64_t lines;
	size_t bytes;	      /* of the lines, without the line feeds */
	unsigned frames, took; /* frames that began among the lines held; that went into the last event */
	int64_t began_ns, last_ns; /* receipt of the first line; of the last, monotonic */
};

static int multiline_open(void *self, struct plugin_ctx *ctx, struct err *err)
{
	struct multiline *m = self;

	if (decoder_open(&m->d, ctx, m->charset, true, err))
		return -1;
	if (grok_one_open(&m->line, m->pattern, m->patterns_dir, ctx, err)) {
		decoder_close(&m->d);
		return -1;
	}
	if (m->max_bytes > HELD_MAX) {
		plugin_warn(ctx, "multiline: max_bytes is 1 GiB at most");
		m->max_bytes = HELD_MAX;
	}
	if (m->auto_flush_interval > 0)
		m->idle_ns = m->auto_flush_interval < 1e9 ? (int64_t)(m->auto_flush_interval * 1e9) : INT64_MAX / 4;
	return 0;
}

static void multiline_close(void *self)
{
	struct multiline *m = self;

	grok_one_close(&m->line);
	decoder_close(&m->d);
}

static void multiline_feed(void *self, void *state, struct str frame, const struct decode_ctx *ctx)
{
	struct multiline_state *s = state;

	(void)ctx;
	if (!s->ready)
		arena_init(&s->arena, NULL);
	s->ready = true;
	arena_clear(&s->arena);
	s->rest = charset_decode(&((struct multiline *)self)->d.charset, &s->arena, frame);
	lines_chomp(&s->rest);
	s->first = true;
	s->blank = s->rest.len == 0;
}

static void multiline_flush(void *self, void *state, const struct decode_ctx *ctx)
{
	(void)self;
	(void)ctx;
	((struct multiline_state *)state)->flushing = true;
}

static bool over_bytes(const struct multiline *m, const struct multiline_state *s)
{
	return s->bytes >= (size_t)(m->max_bytes > 0 ? m->max_bytes : 0);
}

static bool over_lines(const struct multiline *m, const struct multiline_state *s)
{
	return s->lines > m->max_lines;
}

static bool belongs(struct multiline *m, struct str line)
{
	return grok_one_matches(&m->line, line, "multiline") != m->negate;
}

static void hold_line(struct multiline_state *s, const struct decode_ctx *ctx)
{
	if (s->lines++ == 0)
		s->began_ns = ctx->now_ns;
	else
		buf_ch(&s->text, '\n');
	buf_str(&s->text, s->line);
	s->bytes += s->line.len;
	s->frames += s->first;
	s->first = false;
	s->have_line = false;
	s->last_ns = clock_mono(ctx->clock);
}

/* What is held becomes the event. */
static int give(struct multiline *m, struct multiline_state *s, struct event *ev)
{
	struct decode_ctx at = {.now_ns = s->began_ns};

	decode_message(ev, arena_dup(ev->arena, buf_slice(&s->text)), &at);
	if (s->lines > 1 && m->multiline_tag.len)
		event_tag(ev, m->multiline_tag);
	if (over_bytes(m, s))
		event_tag(ev, STR("multiline_codec_max_bytes_reached"));
	if (over_lines(m, s))
		event_tag(ev, STR("multiline_codec_max_lines_reached"));
	decode_keep_original(&m->d, ev, value_str(event_top(ev, STR("message"))));
	s->took = s->frames;
	s->frames = 0;
	s->lines = 0;
	s->bytes = 0;
	if (s->text.cap > 64 * 1024)
		buf_release(&s->text);
	else
		buf_clear(&s->text);
	return 1;
}

static int multiline_next(void *self, void *state, struct event *ev, const struct decode_ctx *ctx)
{
	struct multiline *m = self;
	struct multiline_state *s = state;

	s->took = 0;
	if (s->flushing) {
		s->flushing = false;
		if (s->lines)
			return give(m, s, ev);
	}
	while (s->have_line || lines_next(&s->rest, &s->line)) {
		if (!s->have_line)
			s->belongs = belongs(m, s->line);
		s->have_line = true;
		if (m->what == WHAT_PREVIOUS && s->lines && (!s->belongs || over_lines(m, s) || over_bytes(m, s)))
			return give(m, s, ev);
		hold_line(s, ctx);
		if (m->what == WHAT_NEXT && (!s->belongs || over_lines(m, s) || over_bytes(m, s)))
			return give(m, s, ev);
	}
	s->took = s->blank;
	s->blank = false;
	return 0;
}

static unsigned multiline_took(const void *state)
{
	return ((const struct multiline_state *)state)->took;
}

static int64_t multiline_due(const void *self, const void *state)
{
	const struct multiline *m = self;
	const struct multiline_state *s = state;

	return !s->lines ? 0 : m->idle_ns ? s->last_ns + m->idle_ns : INT64_MAX;
}

static void multiline_release(void *state)
{
	struct multiline_state *s = state;

	buf_release(&s->text);
	if (s->ready)
		arena_release(&s->arena);
}

static const char *const whats[] = {"previous", "next", NULL};

#define AT(member) offsetof(struct multiline, member)
static const struct option options[] = {
	{"pattern", OPT_STRING, AT(pattern), .flags = OPT_REQUIRED, .doc = "expression (with %{NAME} as in grok) that tells which lines belong to others"},
	{"what", OPT_ENUM, AT(what), .flags = OPT_REQUIRED, .choices = whats, .doc = "a line that matches belongs to the previous or the next one"},
	{"negate", OPT_BOOL, AT(negate), .def = "false", .doc = "a line that does not match belongs to the other"},
	{"patterns_dir", OPT_LIST, AT(patterns_dir), .doc = "directories or files with lines NAME EXPRESSION"},
	{"max_lines", OPT_INT, AT(max_lines), .def = "500", .doc = "an event ends once it has more lines"},
	{"max_bytes", OPT_BYTES, AT(max_bytes), .def = "\"10 MiB\"", .doc = "an event ends once it has so many bytes"},
	{"multiline_tag", OPT_STRING, AT(multiline_tag), .def = "\"multiline\"", .doc = "tag of events of several lines; empty: none"},
	{"auto_flush_interval", OPT_FLOAT, AT(auto_flush_interval), .doc = "seconds without a line after which an event ends; without it there is no such end"},
	{"charset", OPT_STRING, AT(charset), .def = "\"UTF-8\"", .doc = "encoding of what is read"},
	{0},
};
#undef AT

CODEC(multiline, .size = sizeof(struct multiline), .options = options, .doc = "lines that belong together become one event",
      .open = multiline_open, .close = multiline_close,
      .codec = {.framing = FRAME_LINE,
		.several = true,
		.state_size = sizeof(struct multiline_state),
		.feed = multiline_feed,
		.next = multiline_next,
		.flush = multiline_flush,
		.took = multiline_took,
		.due = multiline_due,
		.release = multiline_release})
