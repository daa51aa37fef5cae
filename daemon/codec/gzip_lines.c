/*
 * gzip_lines.c - the codec `gzip_lines`: each read is a gzip file, each of its lines a message. It only reads.
 *
 * The line feed stays in the message, as in Logstash. Lines are given while they are decompressed: what is held is one line, of
 * at most LINE_MAX_BYTES and a chunk; a longer one is given in pieces. After the first broken byte nothing more comes of a read. Work thread.
 */
#include "base/log.h"
#include "codec/decode.h"

#include <zlib.h>

enum { LINE_MAX_BYTES = 1024 * 1024, CHUNK = 16 * 1024 };

struct gzip_lines {
	struct decoder d;
	struct str charset;
};

struct gzip_lines_state {
	bool open; /* z is in use */
	bool ended;
	z_stream z;
	char chunk[CHUNK];
	struct str out; /* of the chunk: what was not looked at */
	struct buf line;
};

static int gzip_lines_open(void *self, struct plugin_ctx *ctx, struct err *err)
{
	struct gzip_lines *g = self;

	return decoder_open(&g->d, ctx, g->charset, false, err);
}

static void gzip_lines_close(void *self)
{
	decoder_close(&((struct gzip_lines *)self)->d);
}

static void gzip_lines_feed(void *self, void *state, struct str frame, const struct decode_ctx *ctx)
{
	struct gzip_lines_state *s = state;

	buf_clear(&s->line);
	s->out = (struct str){0};
	s->ended = false;
	/* 16: gzip's header and no other. */
	if (s->open ? inflateReset(&s->z) != Z_OK : inflateInit2(&s->z, 16 + MAX_WBITS) != Z_OK) {
		s->ended = true;
		return;
	}
	s->open = true;
	s->z.next_in = (Bytef *)(uintptr_t)frame.p;
	s->z.avail_in = (uInt)frame.len;
}

/* The next decompressed bytes into out; false: there are none. */
static bool inflate_more(struct gzip_lines_state *s)
{
	int rc;

	if (s->ended)
		return false;
	s->z.next_out = (Bytef *)s->chunk;
	s->z.avail_out = CHUNK;
	rc = inflate(&s->z, Z_NO_FLUSH);
	s->out = str_n(s->chunk, CHUNK - s->z.avail_out);
	s->ended = rc != Z_OK;
	if (rc != Z_OK && rc != Z_STREAM_END)
		log_warn("codec", "gzip_lines: a read is no gzip file, or is broken or cut off: what follows is left out");
	return s->out.len > 0 || !s->ended;
}

static int gzip_lines_next(void *self, void *state, struct event *ev, const struct decode_ctx *ctx)
{
	struct gzip_lines *g = self;
	struct gzip_lines_state *s = state;

	for (;;) {
		ptrdiff_t end = str_chr(s->out, '\n');
		size_t n = end < 0 ? s->out.len : (size_t)end + 1;
		bool whole;

		buf_add(&s->line, s->out.p, n);
		s->out = str_from(s->out, n);
		whole = end >= 0 || s->line.len >= LINE_MAX_BYTES;
		if (!whole && inflate_more(s))
			continue;
		if (!s->line.len)
			return 0;
		decode_message(ev, charset_decode(&g->d.charset, ev->arena, arena_dup(ev->arena, buf_slice(&s->line))), ctx);
		buf_clear(&s->line);
		return 1;
	}
}

static void gzip_lines_release(void *state)
{
	struct gzip_lines_state *s = state;

	if (s->open)
		inflateEnd(&s->z);
	buf_release(&s->line);
}

static const struct option options[] = {
	{"charset", OPT_STRING, offsetof(struct gzip_lines, charset), .def = "\"UTF-8\"", .doc = "encoding of what is read"},
	{0},
};

CODEC(gzip_lines, .size = sizeof(struct gzip_lines), .options = options, .doc = "gzip files whose lines are messages",
      .open = gzip_lines_open, .close = gzip_lines_close,
      .codec = {.framing = FRAME_CHUNK,
		.state_size = sizeof(struct gzip_lines_state),
		.feed = gzip_lines_feed,
		.next = gzip_lines_next,
		.release = gzip_lines_release})
