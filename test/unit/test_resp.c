/*
 * Redis' protocol: replies that come whole, in pieces, and that are none.
 */
#include "test.h"

#include "input/resp.h"

static const char mixed[] = "*4\r\n+OK\r\n:-42\r\n$5\r\nhe\r\nl\r\n*2\r\n$-1\r\n-ERR no\r\n";

static void test_values(void)
{
	struct resp_scan scan = {0};
	struct arena a;
	struct resp r;
	size_t len = 0;

	arena_init(&a, NULL);
	CHECK_INT(resp_whole(&scan, str_z(mixed), &len), 1);
	CHECK_INT(len, sizeof(mixed) - 1);
	CHECK_INT(resp_read(&a, str_z(mixed), &r), 0);
	CHECK_INT(r.type, RESP_LIST);
	CHECK_INT(r.n, 4);
	CHECK_STR(r.v[0].text, "OK");
	CHECK_INT(r.v[1].number, -42);
	CHECK_STR(r.v[2].text, "he\r\nl");
	CHECK_INT(r.v[3].v[0].type, RESP_NULL);
	CHECK_INT(r.v[3].v[1].type, RESP_ERROR);
	CHECK_STR(r.v[3].v[1].text, "ERR no");
	arena_release(&a);
}

/* Byte by byte, with another reply behind it: whole exactly at its end, and no sooner. */
static void test_pieces(void)
{
	struct resp_scan scan = {0};
	size_t len = 0;

	for (size_t n = 0; n < sizeof(mixed) - 1; n++)
		CHECK_INT(resp_whole(&scan, str_n(mixed, n), &len), 0);
	CHECK_INT(resp_whole(&scan, str_n(mixed, sizeof(mixed) - 1), &len), 1);
	CHECK_INT(len, sizeof(mixed) - 1);
	/* It began anew. */
	CHECK_INT(resp_whole(&scan, STR("+A\r\n+B\r\n"), &len), 1);
	CHECK_INT(len, 4);
}

static void test_garbage(void)
{
	static const char *const bad[] = {"HTTP/1.1 400\r\n", "+no carriage return\n", "$-2\r\n", "$x\r\n", "$3\r\nabcd\r\n", "*-5\r\n", ":4x\r\n", "$99999999999\r\n", "\r\n"};
	struct resp_scan deep_scan = {0};
	struct arena a;
	struct resp r;
	struct buf deep;
	size_t len;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct resp_scan scan = {0};

		CHECK_INT(resp_whole(&scan, str_z(bad[i]), &len), -1);
	}
	arena_init(&a, NULL);
	buf_init(&deep, 0);
	for (int i = 0; i < 100; i++)
		buf_lit(&deep, "*1\r\n");
	buf_lit(&deep, ":1\r\n");
	CHECK_INT(resp_whole(&deep_scan, buf_slice(&deep), &len), 1);
	CHECK_INT(resp_read(&a, buf_slice(&deep), &r), -1);
	buf_release(&deep);
	arena_release(&a);
}

static void test_commands(void)
{
	struct buf b;

	buf_init(&b, 0);
	resp_command(&b, 2);
	resp_word(&b, STR("GET"));
	resp_word(&b, STR(""));
	CHECK_STR(buf_slice(&b), "*2\r\n$3\r\nGET\r\n$0\r\n\r\n");
	buf_release(&b);
}

int main(void)
{
	test_values();
	test_pieces();
	test_garbage();
	test_commands();
	return test_end();
}
