/*
 * fuzz_lumberjack.c - any bytes as Lumberjack: frames and the error are the same however the stream was cut into reads, no frame is longer than
 * the limit, no window has more frames than it announced, what is held is bounded, and pairs lie within their frame.
 *
 * The first byte chooses the limits and whether the stream is compressed before it is read (as the contents of one C frame in a
 * window), the next seeds the places of the cuts, the rest is the stream.
 */
#include "fuzz.h"

#include "base/arena.h"
#include "input/lumberjack_frames.h"

#include <string.h>

struct cutter {
	struct lumberjack l;
	struct buf left;
	struct buf said; /* frames, the error */
	uint32_t seed, in_window;
};

static void one_frame(struct cutter *c, struct str out)
{
	struct str key, value, rest = out;
	const struct lumberjack *l = &c->l;

	FUZZ_ASSERT(out.len > 0 && out.len <= l->max);
	c->in_window = l->opens ? 1 : c->in_window + 1;
	FUZZ_ASSERT(c->in_window <= l->window_max && l->completes == (l->left == 0));
	FUZZ_ASSERT(lumberjack_receipt(l) != 0);
	buf_printf(&c->said, "%c %u%s%s %zu|", l->version, l->sequence, l->opens ? " opens" : "", l->completes ? " completes" : "", out.len);
	buf_str(&c->said, out);
	while (l->pairs && lumberjack_pair(&rest, &key, &value)) {
		FUZZ_ASSERT(key.p >= out.p && key.p + key.len <= out.p + out.len);
		FUZZ_ASSERT(value.p >= out.p && value.p + value.len <= out.p + out.len);
		buf_printf(&c->said, "%zu %zu|", key.len, value.len);
	}
}

/* One read: bytes behind what was left over, in an allocation of exactly that size. false: broken. */
static bool feed(struct cutter *c, struct str bytes)
{
	struct str in, out;
	enum lumberjack_answer a;
	size_t used, len;
	bool held;
	char *copy;

	buf_str(&c->left, bytes);
	len = c->left.len;
	copy = xmalloc(len ? len : 1);
	if (len)
		memcpy(copy, c->left.p, len);
	in = str_n(copy, len);
	for (;;) {
		a = lumberjack_next(&c->l, in, &out, &used, &held);
		FUZZ_ASSERT(used <= in.len);
		FUZZ_ASSERT(lumberjack_memory(&c->l) <= 4 * (c->l.max + 4 * LUMBERJACK_PIECE));
		if (a == LUMBERJACK_ERROR || (a == LUMBERJACK_MORE && used == 0))
			break;
		if (a == LUMBERJACK_FRAME)
			one_frame(c, out);
		in = str_from(in, used);
	}
	/* Contents, and what is there of the next length, which says whether it is too much. */
	FUZZ_ASSERT(a == LUMBERJACK_ERROR || in.len < LUMBERJACK_HEAD + c->l.max + 4);
	buf_clear(&c->left);
	buf_str(&c->left, in);
	free(copy);
	if (a != LUMBERJACK_ERROR)
		return true;
	FUZZ_ASSERT(c->l.error && lumberjack_memory(&c->l) == 0);
	buf_printf(&c->said, "error %s", c->l.error);
	return false;
}

static void run(struct cutter *c, size_t max, uint32_t window_max, struct str stream, bool whole, uint32_t seed)
{
	*c = (struct cutter){.seed = seed};
	lumberjack_init(&c->l, max, window_max);
	buf_init(&c->left, 0);
	buf_init(&c->said, 0);
	while (stream.len) {
		size_t n = stream.len;

		if (!whole) {
			c->seed = c->seed * 1664525 + 1013904223;
			n = 1 + (c->seed >> 16) % 37;
			n = n < stream.len ? n : stream.len;
		}
		if (!feed(c, str_sub(stream, 0, n)))
			break;
		stream = str_from(stream, n);
	}
	lumberjack_release(&c->l);
}

/* A window, and the stream as the contents of a compressed frame. */
static void pack(struct buf *out, struct str s)
{
	uLongf n = compressBound((uLong)s.len);
	char *room;

	buf_lit(out, "2W\0\0\0\xff" "2C");
	room = buf_room(out, n + 4);
	FUZZ_ASSERT(compress((Bytef *)room + 4, &n, (const Bytef *)s.p, (uLong)s.len) == Z_OK);
	for (int i = 0; i < 4; i++)
		room[i] = (char)(n >> (24 - 8 * i));
	out->len += 4 + n;
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static const size_t limits[] = {1, 60, 600, 100000};
	struct cutter a, b;
	struct str stream;
	struct buf packed;

	if (n < 2 || n > 20000)
		return 0;
	stream = str_n((const char *)p + 2, n - 2);
	buf_init(&packed, 0);
	if (p[0] & 4) {
		pack(&packed, stream);
		stream = buf_slice(&packed);
	}
	run(&a, limits[p[0] & 3], p[0] & 8 ? 255 : 100000, stream, true, 0);
	run(&b, limits[p[0] & 3], p[0] & 8 ? 255 : 100000, stream, false, p[1]);
	FUZZ_ASSERT(str_eq(buf_slice(&a.said), buf_slice(&b.said)));
	buf_release(&a.left);
	buf_release(&a.said);
	buf_release(&b.left);
	buf_release(&b.said);
	buf_release(&packed);
	return 0;
}
