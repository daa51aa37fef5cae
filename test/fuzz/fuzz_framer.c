/*
 * fuzz_framer.c - any bytes as a stream: the frames are the same however the stream was cut into reads, every frame respects the limit, and
 * each call either moves on or asks for more.
 *
 * The first byte chooses framing and limit, the next seeds the places of the cuts, the rest is the stream.
 */
#include "fuzz.h"

#include "base/buf.h"
#include "base/hash.h"
#include "input/framer.h"
#include "pipeline/batch.h"

struct cutter {
	struct framer f;
	struct buf left;	/* what the owner of a framer keeps: not yet done with */
	struct buf frames;	/* each frame, its flags and its length */
	uint32_t seed;
};

static void note(struct cutter *c, struct str frame, uint32_t flags)
{
	FUZZ_ASSERT(frame.len <= c->f.max);
	FUZZ_ASSERT((flags & ~(uint32_t)(FRAME_CUT | FRAME_BAD | FRAME_UNENDED)) == 0);
	buf_str(&c->frames, frame);
	buf_printf(&c->frames, "|%u %zu\n", flags, frame.len);
}

/* One read: bytes behind what was left over, in an allocation of exactly that size. */
static void feed(struct cutter *c, struct str bytes)
{
	struct str in, frame, all;
	size_t used;
	uint32_t flags;
	char *copy;

	buf_str(&c->left, bytes);
	all = buf_slice(&c->left);
	copy = xmalloc(all.len ? all.len : 1);
	if (all.len)
		memcpy(copy, all.p, all.len);
	in = str_n(copy, all.len);
	for (;;) {
		enum framer_answer a;

		used = 0;
		flags = 0;
		a = framer_next(&c->f, in, &frame, &used, &flags);
		FUZZ_ASSERT(used <= in.len);
		if (a == FRAMER_FRAME) {
			FUZZ_ASSERT(used > 0);
			note(c, frame, flags);
		}
		in = str_from(in, used);
		if (a == FRAMER_MORE && used == 0)
			break;
	}
	/* No more than one frame and its count is ever kept. */
	FUZZ_ASSERT(in.len <= c->f.max + OCTET_DIGITS + 64);
	buf_clear(&c->left);
	buf_str(&c->left, in);
	free(copy);
}

static void run(struct cutter *c, const struct framer *f, struct str stream, bool whole, uint32_t seed)
{
	struct str frame, last;
	uint32_t flags = 0;

	c->f = *f;
	c->seed = seed;
	buf_init(&c->left, 0);
	buf_init(&c->frames, 0);
	while (stream.len) {
		size_t n = stream.len;

		if (!whole) {
			c->seed = c->seed * 1664525 + 1013904223;
			n = 1 + (c->seed >> 16) % 37;
			n = n < stream.len ? n : stream.len;
		}
		feed(c, str_sub(stream, 0, n));
		stream = str_from(stream, n);
	}
	last = buf_slice(&c->left);
	if (framer_end(&c->f, last, &frame, &flags))
		note(c, frame, flags);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static const size_t limits[] = {1, 7, 40, 300};
	struct framer f = {0};
	struct cutter a, b;
	struct str stream;

	if (n < 2 || n > 20000)
		return 0;
	f.kind = p[0] & 1 ? FRAMER_SYSLOG : FRAMER_LINE;
	f.delimiter = p[0] & 2 ? STR("\r\n") : STR("\n");
	f.max = limits[p[0] >> 2 & 3];
	stream = str_n((const char *)p + 2, n - 2);
	run(&a, &f, stream, true, 0);
	run(&b, &f, stream, false, p[1]);
	FUZZ_ASSERT(str_eq(buf_slice(&a.frames), buf_slice(&b.frames)));
	buf_release(&a.left);
	buf_release(&a.frames);
	buf_release(&b.left);
	buf_release(&b.frames);
	return 0;
}
