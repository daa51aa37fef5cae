#include "test.h"

#include "base/arena.h"
#include "input/framer.h"
#include "pipeline/batch.h"

static void put32(struct buf *b, uint32_t v)
{
	const char p[4] = {(char)(v >> 24), (char)(v >> 16), (char)(v >> 8), (char)v};

	buf_add(b, p, 4);
}

static void put_head(struct buf *b, const char *kind, uint32_t n)
{
	buf_str(b, str_z(kind));
	put32(b, n);
}

static void put_json(struct buf *b, uint32_t sequence, struct str text)
{
	put_head(b, "2J", sequence);
	put32(b, (uint32_t)text.len);
	buf_str(b, text);
}

static void put_text(struct buf *b, struct str s)
{
	put32(b, (uint32_t)s.len);
	buf_str(b, s);
}

/* cut: bytes left out at the end of the stream; more: bytes behind it. */
static void put_packed(struct buf *b, struct str plain, size_t cut, size_t more)
{
	uLongf n = compressBound((uLong)plain.len);
	Bytef *p = xzalloc(n + more);

	CHECK(compress(p, &n, (const Bytef *)plain.p, (uLong)plain.len) == Z_OK);
	put_head(b, "2C", (uint32_t)(n - cut + more));
	buf_add(b, p, n - cut + more);
	free(p);
}

enum { MAX = 100, WINDOW = 1000 };

/*
 * Everything that comes out of a stream given in pieces of `step` bytes, as one text: (sequence contents), with < for the first and > for
 * the last of a window, !what is wrong, and +n for what is left.
 */
static void run(const struct buf *in, size_t step, struct buf *out)
{
	struct framer f = {.kind = FRAMER_LUMBERJACK};
	struct str all = buf_slice(in), frame, key, value;
	size_t from = 0, end = 0, used;
	uint32_t flags;

	lumberjack_init(&f.lumberjack, MAX, WINDOW);
	while (end < all.len) {
		end = all.len - end < step ? all.len : end + step;
		for (;;) {
			enum framer_answer a = framer_next(&f, str_sub(all, from, end - from), &frame, &used, &flags);

			from += used;
			CHECK(from <= end);
			if (a == FRAMER_FRAME) {
				buf_printf(out, "%s(%u ", f.lumberjack.opens ? "<" : "", f.lumberjack.sequence);
				if (!(flags & FRAME_PAIRS))
					buf_str(out, frame);
				else
					while (lumberjack_pair(&frame, &key, &value))
						buf_printf(out, "%.*s=%.*s,", STR_ARG(key), STR_ARG(value));
				buf_printf(out, ")%s", f.lumberjack.completes ? ">" : "");
			} else if (a == FRAMER_BROKEN) {
				buf_printf(out, "!%s", framer_error(&f));
				/* Broken for good, and nothing is held any more. */
				CHECK(framer_next(&f, STR("2W\0\0\0\1"), &frame, &used, &flags) == FRAMER_BROKEN && used == 0);
				CHECK_INT(lumberjack_memory(&f.lumberjack), 0);
				lumberjack_release(&f.lumberjack);
				return;
			} else if (a == FRAMER_MORE && used == 0) {
				break;
			}
		}
	}
	if (from < all.len)
		buf_printf(out, "+%zu", all.len - from);
	if (lumberjack_inside(&f.lumberjack))
		buf_lit(out, "+inside");
	/* Half a frame is none. */
	CHECK(!framer_end(&f, str_from(all, from), &frame, &flags));
	lumberjack_release(&f.lumberjack);
}

static void check(struct buf *in, const char *want)
{
	static const size_t steps[] = {1, 3, 7, 1000000};
	struct buf out;

	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
		buf_init(&out, 0);
		run(in, steps[i], &out);
		CHECK_STR(buf_slice(&out), want);
		buf_release(&out);
	}
	buf_clear(in);
}

static void test_frames(void)
{
	struct buf in;

	buf_init(&in, 0);
	put_head(&in, "2W", 2);
	put_json(&in, 1, STR("{\"a\":1}"));
	put_json(&in, 2, STR("{}"));
	put_head(&in, "2W", 1);
	put_json(&in, 7, STR("x"));
	check(&in, "<(1 {\"a\":1})(2 {})><(7 x)>");

	put_head(&in, "1W", 1);
	put_head(&in, "1D", 5);
	put32(&in, 2);
	put_text(&in, STR("line"));
	put_text(&in, STR("hello"));
	put_text(&in, STR("file"));
	put_text(&in, STR(""));
	check(&in, "<(5 line=hello,file=,)>");

	/* A window without anything, and one that is replaced before its first frame. */
	put_head(&in, "2W", 0);
	put_head(&in, "1W", 5);
	put_head(&in, "2W", 1);
	put_json(&in, 1, STR("x"));
	check(&in, "<(1 x)>");

	/* What ends in the middle. */
	put_head(&in, "2W", 2);
	put_json(&in, 1, STR("0123456789"));
	in.len -= 4;
	check(&in, "+16");
	buf_release(&in);
}

static void test_packed(void)
{
	struct buf in, plain, want, out;

	buf_init(&in, 0);
	buf_init(&plain, 0);
	put_head(&in, "2W", 300);
	for (uint32_t i = 1; i < 300; i++)
		put_json(&plain, i, STR("{\"message\":\"the same again and again and again\"}"));
	/* Together with one that is not compressed. */
	put_packed(&in, buf_slice(&plain), 0, 0);
	put_json(&in, 300, STR("last"));
	buf_init(&want, 0);
	for (uint32_t i = 1; i < 300; i++)
		buf_printf(&want, "%s(%u {\"message\":\"the same again and again and again\"})", i == 1 ? "<" : "", i);
	buf_lit(&want, "(300 last)>");
	for (size_t step = 1; step < 4000; step = step * 5 + 1) {
		buf_init(&out, 0);
		run(&in, step, &out);
		CHECK(str_eq(buf_slice(&out), buf_slice(&want)));
		buf_release(&out);
	}
	buf_release(&want);
	buf_clear(&in);
	/* Nothing in it: what an empty list is sent as. */
	put_head(&in, "2W", 0);
	put_packed(&in, STR(""), 0, 0);
	check(&in, "");

	buf_clear(&plain);
	put_json(&plain, 1, STR("x"));
	put_head(&in, "2W", 1);
	put_packed(&in, buf_slice(&plain), 0, 3);
	check(&in, "<(1 x)>!bytes behind the end of a compressed frame's contents");
	put_head(&in, "2W", 1);
	put_packed(&in, buf_slice(&plain), 3, 0);
	check(&in, "<(1 x)>!a compressed frame whose contents are cut off");
	put_head(&in, "2W", 1);
	put_packed(&in, str_sub(buf_slice(&plain), 0, plain.len - 1), 0, 0);
	check(&in, "!a compressed frame that ends in the middle of a frame");
	put_head(&in, "2W", 1);
	put_head(&in, "2C", 4);
	buf_lit(&in, "\xff\xff\xff\xff");
	check(&in, "!a compressed frame that cannot be inflated");
	put_head(&in, "2C", 0);
	check(&in, "!a compressed frame without contents");

	/* In each other. */
	buf_clear(&plain);
	put_packed(&plain, STR("2J"), 0, 0);
	put_head(&in, "2W", 1);
	put_packed(&in, buf_slice(&plain), 0, 0);
	check(&in, "!a compressed frame inside of a compressed frame");
	buf_clear(&plain);
	put_head(&plain, "2W", 1);
	put_packed(&in, buf_slice(&plain), 0, 0);
	check(&in, "!a window inside of a compressed frame");

	/* Still open. */
	buf_clear(&plain);
	put_json(&plain, 1, STR("x"));
	put_head(&in, "2W", 1);
	put_packed(&in, buf_slice(&plain), 0, 0);
	in.len -= 2;
	check(&in, "<(1 x)>+inside");
	buf_release(&in);
	buf_release(&plain);
}

static void test_refused(void)
{
	struct buf in;
	char big[MAX + 1];

	memset(big, 'x', sizeof(big));
	buf_init(&in, 0);
	buf_lit(&in, "3W\0\0\0\1");
	check(&in, "!neither version 1 nor 2 of Lumberjack");
	buf_lit(&in, "GET / HTTP/1.1\r\n\r\n");
	check(&in, "!neither version 1 nor 2 of Lumberjack");
	put_head(&in, "2Z", 1);
	check(&in, "!a frame of unknown type");
	put_head(&in, "2A", 1);
	check(&in, "!an acknowledgement from a sender");
	put_head(&in, "2W", WINDOW + 1);
	check(&in, "!a window larger than the limit");
	put_head(&in, "2W", UINT32_MAX);
	check(&in, "!a window larger than the limit");
	put_json(&in, 1, STR("x"));
	check(&in, "!a frame outside of a window");
	put_head(&in, "2W", 1);
	put_json(&in, 1, STR("x"));
	put_json(&in, 2, STR("y"));
	check(&in, "<(1 x)>!a frame outside of a window");
	put_head(&in, "2W", 2);
	put_json(&in, 1, str_n(big, MAX));
	in.len = in.len - MAX;
	check(&in, "+10");
	/* Refused by what it claims, before it comes. */
	put_head(&in, "2W", 1);
	put_head(&in, "2J", 1);
	put32(&in, MAX + 1);
	check(&in, "!a frame longer than the limit");
	put_head(&in, "2W", 1);
	put_json(&in, 1, STR(""));
	check(&in, "!a frame without contents");
	put_head(&in, "1W", 1);
	put_head(&in, "1D", 1);
	put32(&in, LUMBERJACK_PAIRS_MAX + 1);
	check(&in, "!more pairs than the limit");
	put_head(&in, "1W", 1);
	put_head(&in, "1D", 1);
	put32(&in, 1);
	put32(&in, UINT32_MAX);
	check(&in, "!a frame longer than the limit");
	put_head(&in, "1W", 1);
	put_head(&in, "1D", 1);
	put32(&in, 1);
	put_text(&in, str_n(big, 60));
	put_text(&in, str_n(big, 60));
	check(&in, "!a frame longer than the limit");
	/* Who speaks version 1 would wait for the first window's answer for ever. */
	put_head(&in, "1W", 2);
	put_head(&in, "1D", 1);
	put32(&in, 1);
	put_text(&in, STR("k"));
	put_text(&in, STR("v"));
	put_head(&in, "1W", 2);
	check(&in, "<(1 k=v,)!a window before the former one is complete");
	buf_release(&in);
}

/* Far more than its frames may hold comes out of few bytes, and none of it is kept. */
static void test_bomb(void)
{
	static char zeros[8 * 1024 * 1024];
	struct lumberjack l;
	struct buf in, plain;
	struct str rest, frame;
	size_t used, most = 0;
	bool held;
	enum lumberjack_answer a;

	buf_init(&in, 0);
	buf_init(&plain, 0);
	put_head(&plain, "2J", 1);
	put32(&plain, sizeof(zeros));
	buf_add(&plain, zeros, sizeof(zeros));
	put_head(&in, "2W", 1);
	put_packed(&in, buf_slice(&plain), 0, 0);
	lumberjack_init(&l, 1024 * 1024, WINDOW);
	rest = buf_slice(&in);
	do {
		a = lumberjack_next(&l, rest, &frame, &used, &held);
		rest = str_from(rest, used);
		most = lumberjack_memory(&l) > most ? lumberjack_memory(&l) : most;
	} while (a == LUMBERJACK_AGAIN || (a == LUMBERJACK_MORE && used));
	CHECK(a == LUMBERJACK_ERROR);
	CHECK_STR(str_z(l.error), "a frame longer than the limit");
	CHECK(most < 300 * 1024);
	lumberjack_release(&l);
	buf_release(&in);
	buf_release(&plain);
}

static void said(const struct lumberjack *l, size_t n, const char *want)
{
	uint64_t r[8] = {0};
	struct buf out, text;

	for (size_t i = 0; i < n; i++)
		r[i] = l[i].version ? lumberjack_receipt(&l[i]) : 0;
	buf_init(&out, 0);
	buf_init(&text, 0);
	lumberjack_answer(r, n, &out);
	for (size_t i = 0; i + 6 <= out.len; i += 6) {
		const uint8_t *p = (const uint8_t *)out.p + i;

		buf_printf(&text, "%c%c%u ", p[0], p[1], (unsigned)p[2] << 24 | (unsigned)p[3] << 16 | (unsigned)p[4] << 8 | p[5]);
	}
	CHECK_INT(out.len % 6, 0);
	CHECK_STR(buf_slice(&text), want);
	buf_release(&out);
	buf_release(&text);
}

static void test_answers(void)
{
	struct lumberjack two[] = {{.version = '2', .sequence = 3}, {.version = '2', .sequence = 5, .completes = true}, {.version = '2', .sequence = 1},
				   {.version = '2', .sequence = 4}, {0}};
	struct lumberjack one[] = {{.version = '1', .sequence = 3}, {.version = '1', .sequence = UINT32_MAX, .completes = true}, {.version = '1', .sequence = 1}};
	struct buf out;

	said(two, 0, "");
	/* Of a part of a window the newest; of each window the end. */
	said(two, 1, "2A3 ");
	said(two, 2, "2A5 ");
	said(two, 4, "2A5 2A4 ");
	said(two, 5, "2A5 2A4 ");
	/* Version 1 hears of whole windows only, and of no waiting. */
	said(one, 1, "");
	said(one, 3, "1A4294967295 ");
	buf_init(&out, 0);
	lumberjack_wait(&one[0], &out);
	CHECK_INT(out.len, 0);
	lumberjack_wait(&two[0], &out);
	CHECK(str_eq(buf_slice(&out), STR("2A\0\0\0\0")));
	buf_release(&out);
}

int main(void)
{
	test_frames();
	test_packed();
	test_refused();
	test_bomb();
	test_answers();
	return test_end();
}
