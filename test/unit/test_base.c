#include "test.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/ts.h"

static void test_str(void)
{
	uint64_t u = 7;
	int64_t i = 7;
	struct str s = STR("a,b"), head;

	CHECK(str_cut(&s, ',', &head));
	CHECK_STR(head, "a");
	CHECK_STR(s, "b");
	CHECK(!str_cut(&s, ',', &head));
	CHECK(str_u64(STR("191"), 191, &u) && u == 191);
	CHECK(!str_u64(STR("192"), 191, &u) && u == 191);
	CHECK(!str_u64(STR("99999999999999999999"), UINT64_MAX, &u));
	CHECK(str_i64(STR("-9223372036854775808"), &i) && i == INT64_MIN);
	CHECK(!str_i64(STR("9223372036854775808"), &i));
	CHECK_INT(str_find(STR("abcabc"), STR("ca")), 2);
	CHECK_STR(str_trim(STR(" \tx y\r\n")), "x y");
	CHECK(str_cmp(STR("10"), STR("3")) < 0);
}

static void test_arena(void)
{
	struct budget budget = {0};
	struct arena a;
	struct arena_mark m;
	char *p;

	arena_init(&a, &budget);
	CHECK_STR(arena_printf(&a, "%d-%s", 5, "x"), "5-x");
	m = arena_mark(&a);
	for (int i = 0; i < 100000; i++)
		memset(arena_alloc(&a, 100), i, 100);
	CHECK(budget.used > 10000000);
	arena_reset(&a, m);
	CHECK(budget.used <= 8192);
	p = arena_alloc(&a, 8);
	CHECK(arena_grow(&a, p, 8, 16) == p);
	arena_release(&a);
	CHECK_INT(budget.used, 0);
}

static void check_time(const char *in, const char *out)
{
	struct ts t;
	char text[TS_TEXT_MAX];

	if (!ts_parse_iso(str_z(in), &t)) {
		CHECK(!out);
		return;
	}
	CHECK_STR(str_n(text, ts_format(t, text)), out);
}

static void test_ts(void)
{
	check_time("2026-11-24T03:09:54Z", "2026-11-24T03:09:54.000Z");
	check_time("2020-01-01", "2020-01-01T00:00:00.000Z");
	check_time("2020-02-30", "2020-02-29T00:00:00.000Z");
	check_time("2020-02-32", NULL);
	check_time("2020-13-01", NULL);
	check_time("2020-01-02T24:00:00Z", "2020-01-03T00:00:00.000Z");
	check_time("2020-01-02T24:00:01Z", NULL);
	check_time("2020-01-02T03:04Z", "2020-01-02T03:04:00.000Z");
	check_time("2020-01-02T03Z", NULL);
	check_time("2020-01-02t03:04:05z", "2020-01-02T03:04:05.000Z");
	check_time("2020-01-02T03:04:05+02", "2020-01-02T01:04:05.000Z");
	check_time("2020-01-02T03:04:05,1Z", NULL);
	check_time("2020-01-02T03:04:05.1234567891Z", NULL);
	check_time("-0001-01-02T03:04:05Z", "-0001-01-02T03:04:05.000Z");
	check_time("12020-01-02T03:04:05Z", NULL);
	check_time("+12020-01-02", "+12020-01-02T00:00:00.000Z");
	check_time("2020", NULL);
	check_time("2019-12-31T22:00:00.123456789Z", "2019-12-31T22:00:00.123456789Z");
	check_time("2020-01-01T00:30:00.5+02:00", "2019-12-31T22:30:00.500Z");
	check_time("2020-01-01 00:00:00", NULL);
	check_time("", NULL);
	for (int64_t d = -800000; d < 3000000; d += 97) {
		struct civil c;

		civil_from_seconds(d * 86400 + 5, &c);
		if (civil_days(c.year, c.month, c.day) != d || c.sec != 5)
			CHECK(!"civil round trip");
	}
	CHECK_INT(civil_weekday(civil_days(2026, 11, 24)), 2);
}

static void test_buf(void)
{
	struct buf b;

	buf_init(&b, 10);
	buf_lit(&b, "12345678");
	CHECK(!b.over);
	buf_lit(&b, "90123");
	CHECK(b.over);
	CHECK_STR(buf_slice(&b), "12345678");
	buf_release(&b);
	buf_init(&b, 0);
	buf_i64(&b, INT64_MIN);
	CHECK_STR(buf_slice(&b), "-9223372036854775808");
	buf_release(&b);
}

int main(void)
{
	test_str();
	test_arena();
	test_ts();
	test_buf();
	return test_end();
}
