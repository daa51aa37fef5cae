#include "test.h"

#include "base/utf8.h"

static struct arena arena;

static void test_valid(void)
{
	CHECK(utf8_valid(STR("")));
	CHECK(utf8_valid(STR("plain text of more than eight bytes")));
	CHECK(utf8_valid(STR("\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf\xf0\x90\x80\x80\xf4\x8f\xbf\xbf")));
	CHECK(utf8_valid(STR("12345678\xc3\xa9")));
	CHECK(!utf8_valid(STR("12345678\xc3")));
	CHECK(!utf8_valid(STR("\x80")));
	CHECK(!utf8_valid(STR("\xc0\x80")));		/* overlong */
	CHECK(!utf8_valid(STR("\xe0\x9f\xbf")));	/* overlong */
	CHECK(!utf8_valid(STR("\xed\xa0\x80")));	/* a surrogate */
	CHECK(!utf8_valid(STR("\xf0\x8f\xbf\xbf")));	/* overlong */
	CHECK(!utf8_valid(STR("\xf4\x90\x80\x80")));	/* above U+10FFFF */
	CHECK(!utf8_valid(STR("\xff")));
	CHECK_INT(utf8_valid_len(STR("ab\xc3\xa9\xff")), 4);
}

static void test_scrub(void)
{
	struct str same = STR("caf\xc3\xa9");

	CHECK(utf8_scrub(&arena, same).p == same.p);
	CHECK_STR(utf8_scrub(&arena, STR("a\xff\xfe" "b")), "a\xef\xbf\xbd\xef\xbf\xbd" "b");
	/* Three bytes of a four-byte sequence belong together; of a surrogate each byte is bad alone. */
	CHECK_STR(utf8_scrub(&arena, STR("\xf0\x9f\x98x")), "\xef\xbf\xbdx");
	CHECK_STR(utf8_scrub(&arena, STR("\xed\xa0\x80")), "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
	CHECK_STR(utf8_scrub(&arena, STR("end\xe2\x82")), "end\xef\xbf\xbd");
}

static void test_code_points(void)
{
	struct str s = STR("a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\xff");
	char out[4];

	CHECK_INT(utf8_next(&s), 'a');
	CHECK_INT(utf8_next(&s), 0xe9);
	CHECK_INT(utf8_next(&s), 0x20ac);
	CHECK_INT(utf8_next(&s), 0x1f600);
	CHECK_INT(utf8_next(&s), -1);
	CHECK_INT(s.len, 0);
	CHECK_INT(utf8_next(&s), -1);
	for (uint32_t cp = 0; cp < 0x110000; cp += cp < 0x900 ? 1 : 61) {
		if (cp >= 0xd800 && cp < 0xe000)
			continue;
		s = str_n(out, utf8_put(out, cp));
		if (!utf8_valid(s) || utf8_next(&s) != (int32_t)cp || s.len)
			CHECK(!"code point survives");
	}
}

int main(void)
{
	arena_init(&arena, NULL);
	test_valid();
	test_scrub();
	test_code_points();
	arena_release(&arena);
	return test_end();
}
