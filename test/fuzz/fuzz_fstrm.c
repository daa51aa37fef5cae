/*
 * fuzz_fstrm.c - any bytes as Frame Streams: frames, answers and the error are the same however the stream was cut into reads, no frame
 * is longer than the limit, nothing comes after an error, and no more is ever kept than one frame.
 *
 * The first byte chooses the limit, the next seeds the places of the cuts, the rest is the stream.
 */
#include "fuzz.h"

#include "base/arena.h"
#include "base/buf.h"
#include "input/fstrm.h"

#include <string.h>

struct cutter {
	struct fstrm f;
	struct buf left;
	struct buf said; /* frames, answers, the error */
	uint32_t seed;
};

/* One read: bytes behind what was left over, in an allocation of exactly that size. false: broken. */
static bool feed(struct cutter *c, struct str bytes)
{
	struct str in, out;
	size_t used, len;
	enum fstrm_answer a;
	char *copy;

	buf_str(&c->left, bytes);
	len = c->left.len;
	copy = xmalloc(len ? len : 1);
	if (len)
		memcpy(copy, c->left.p, len);
	in = str_n(copy, len);
	for (;;) {
		a = fstrm_next(&c->f, in, &out, &used);
		FUZZ_ASSERT(used <= in.len);
		if (a == FSTRM_ERROR)
			break;
		if (a == FSTRM_MORE && used == 0)
			break;
		FUZZ_ASSERT(used > 0);
		if (a == FSTRM_FRAME) {
			FUZZ_ASSERT(out.len > 0 && out.len <= c->f.max && c->f.state == FSTRM_OPEN);
			buf_printf(&c->said, "%zu|", out.len);
			buf_str(&c->said, out);
		} else if (a == FSTRM_REPLY) {
			FUZZ_ASSERT(out.p == c->f.reply && out.len <= FSTRM_REPLY_MAX && c->f.both_ways);
			buf_printf(&c->said, "reply %d|", out.p[11]);
		}
		in = str_from(in, used);
	}
	FUZZ_ASSERT(a == FSTRM_ERROR || in.len < 8 + (c->f.max > FSTRM_CONTROL_MAX ? c->f.max : FSTRM_CONTROL_MAX));
	buf_clear(&c->left);
	buf_str(&c->left, in);
	free(copy);
	if (a != FSTRM_ERROR)
		return true;
	FUZZ_ASSERT(c->f.error && c->f.state == FSTRM_BROKEN);
	buf_printf(&c->said, "error %s", c->f.error);
	return false;
}

static void run(struct cutter *c, size_t max, struct str stream, bool whole, uint32_t seed)
{
	fstrm_init(&c->f, "protobuf:dnstap.Dnstap", max);
	buf_init(&c->left, 0);
	buf_init(&c->said, 0);
	c->seed = seed;
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
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static const size_t limits[] = {1, 60, 600, FSTRM_DATA_MAX};
	struct cutter a, b;
	struct str stream;
	size_t max;

	if (n < 2 || n > 20000)
		return 0;
	max = limits[p[0] & 3];
	stream = str_n((const char *)p + 2, n - 2);
	run(&a, max, stream, true, 0);
	run(&b, max, stream, false, p[1]);
	FUZZ_ASSERT(str_eq(buf_slice(&a.said), buf_slice(&b.said)));
	buf_release(&a.left);
	buf_release(&a.said);
	buf_release(&b.left);
	buf_release(&b.said);
	return 0;
}
