#include "test.h"

#include "base/buf.h"
#include "input/framer.h"

#define TYPE "protobuf:dnstap.Dnstap"

static void put32(struct buf *b, uint32_t v)
{
	const char p[4] = {(char)(v >> 24), (char)(v >> 16), (char)(v >> 8), (char)v};

	buf_add(b, p, 4);
}

/* A control frame with n content types. */
static void put_control(struct buf *b, uint32_t type, unsigned n, const char *content)
{
	put32(b, 0);
	put32(b, (uint32_t)(4 + n * (8 + strlen(content))));
	put32(b, type);
	while (n--) {
		put32(b, 1);
		put32(b, (uint32_t)strlen(content));
		buf_str(b, str_z(content));
	}
}

static void put_data(struct buf *b, struct str s)
{
	put32(b, (uint32_t)s.len);
	buf_str(b, s);
}

enum { ACCEPT = 1, START, STOP, READY, FINISH };

/*
 * Everything that comes out of a stream given in pieces of `step` bytes, as one text: [data], <a reply's type>, !what is wrong, and
 * +n for what is left.
 */
static void run(const struct buf *in, size_t step, size_t max, struct buf *out)
{
	struct framer f = {.kind = FRAMER_FSTRM};
	struct str all = buf_slice(in), frame;
	size_t from = 0, end = 0, used;
	uint32_t flags;

	fstrm_init(&f.fstrm, TYPE, max);
	while (end < all.len) {
		end = all.len - end < step ? all.len : end + step;
		for (;;) {
			enum framer_answer a = framer_next(&f, str_sub(all, from, end - from), &frame, &used, &flags);

			from += used;
			if (a == FRAMER_FRAME) {
				buf_printf(out, "[%.*s]", STR_ARG(frame));
			} else if (a == FRAMER_REPLY) {
				CHECK(frame.len >= 12 && frame.p[3] == 0 && (size_t)frame.p[7] == frame.len - 8);
				buf_printf(out, "<%d%s>", frame.p[11], str_ends(frame, STR(TYPE)) ? " typed" : "");
			} else if (a == FRAMER_BROKEN) {
				buf_printf(out, "!%s", f.fstrm.error);
				/* Broken for good. */
				CHECK(framer_next(&f, STR("\0\0\0\1x"), &frame, &used, &flags) == FRAMER_BROKEN && used == 0);
				return;
			} else if (used == 0) {
				break;
			}
		}
	}
	if (from < all.len)
		buf_printf(out, "+%zu", all.len - from);
	/* Half a frame is none. */
	CHECK(!framer_end(&f, str_from(all, from), &frame, &flags));
}

static void check(struct buf *in, const char *want)
{
	static const size_t steps[] = {1, 3, 7, 1000000};
	struct buf out;

	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
		buf_init(&out, 0);
		run(in, steps[i], 10, &out);
		CHECK_STR(buf_slice(&out), want);
		buf_release(&out);
	}
	buf_clear(in);
}

static void test_both_ways(void)
{
	struct buf in;

	buf_init(&in, 0);
	put_control(&in, READY, 1, TYPE);
	put_control(&in, START, 1, TYPE);
	put_data(&in, STR("one"));
	put_data(&in, STR("0123456789"));
	put_control(&in, STOP, 0, "");
	check(&in, "<1 typed>[one][0123456789]<5>");

	/* Several types offered, ours among them; and none at all, which matches. */
	put_control(&in, READY, 3, TYPE);
	put_control(&in, START, 0, "");
	check(&in, "<1 typed>");
	put_control(&in, READY, 0, "");
	put_control(&in, START, 0, "");
	put_data(&in, STR("x"));
	check(&in, "<1>[x]");
	buf_release(&in);
}

static void test_one_way(void)
{
	struct buf in;

	buf_init(&in, 0);
	put_control(&in, START, 1, TYPE);
	put_data(&in, STR("one"));
	put_control(&in, STOP, 0, "");
	check(&in, "[one]");
	put_control(&in, START, 1, TYPE);
	put_data(&in, STR("one"));
	put_data(&in, STR("two"));
	in.len -= 2;
	check(&in, "[one]+5");
	buf_release(&in);
}

static void test_refused(void)
{
	struct buf in;

	buf_init(&in, 0);
	put_data(&in, STR("abc"));
	check(&in, "!data before START");
	put_control(&in, READY, 1, TYPE);
	put_data(&in, STR("abc"));
	check(&in, "<1 typed>!data before START");
	put_control(&in, READY, 1, "protobuf:evil");
	check(&in, "!another content type is offered");
	put_control(&in, START, 1, "protobuf:dnstap.Dnsta");
	check(&in, "!another content type");
	put_control(&in, START, 2, TYPE);
	check(&in, "!START with several content types");
	put_control(&in, START, 1, TYPE);
	put_control(&in, START, 1, TYPE);
	check(&in, "!START where none belongs");
	put_control(&in, START, 1, TYPE);
	put_control(&in, READY, 1, TYPE);
	check(&in, "!READY where none belongs");
	put_control(&in, STOP, 0, "");
	check(&in, "!STOP where none belongs");
	put_control(&in, FINISH, 0, "");
	check(&in, "!a control frame that only a reader sends");
	put_control(&in, ACCEPT, 1, TYPE);
	check(&in, "!a control frame that only a reader sends");
	put_control(&in, 6, 0, "");
	check(&in, "!a control frame of unknown type");
	put_control(&in, START, 1, TYPE);
	put_control(&in, STOP, 0, "");
	put_data(&in, STR("x"));
	check(&in, "!data behind STOP");
	buf_release(&in);
}

static void test_limits(void)
{
	char type[FSTRM_TYPE_MAX + 2];
	struct buf in;

	buf_init(&in, 0);
	/* Lengths that are never waited for. */
	put_control(&in, START, 1, TYPE);
	put32(&in, 11);
	check(&in, "!a data frame longer than the limit");
	put_control(&in, START, 1, TYPE);
	put32(&in, UINT32_MAX);
	check(&in, "!a data frame longer than the limit");
	put32(&in, 0);
	put32(&in, 513);
	check(&in, "!a control frame of more than 512 bytes");
	put32(&in, 0);
	put32(&in, 3);
	check(&in, "!a control frame without a type");
	put32(&in, 0);
	put32(&in, 512);
	check(&in, "+8");
	/* Fields that lie. */
	put32(&in, 0);
	put32(&in, 13);
	put32(&in, READY);
	put32(&in, 1);
	put32(&in, 5000);
	buf_ch(&in, 'x');
	check(&in, "!a control field is longer than its frame");
	put32(&in, 0);
	put32(&in, 8);
	put32(&in, READY);
	put32(&in, 1);
	check(&in, "!a control field is cut off");
	put32(&in, 0);
	put32(&in, 12);
	put32(&in, READY);
	put32(&in, 2);
	put32(&in, 0);
	check(&in, "!a control field of unknown type");
	memset(type, 'a', sizeof(type));
	type[sizeof(type) - 1] = 0;
	put_control(&in, START, 1, type);
	check(&in, "!a content type of more than 256 bytes");
	type[sizeof(type) - 2] = 0;
	put_control(&in, START, 1, type);
	check(&in, "!another content type");
	buf_release(&in);
}

int main(void)
{
	test_both_ways();
	test_one_way();
	test_refused();
	test_limits();
	return test_end();
}
