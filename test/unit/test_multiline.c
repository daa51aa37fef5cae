/*
 * The filter multiline within a plan: what belongs together, what is merged, what time and a reload do.
 */
#include "plan_bed.h"

static void test_previous(void)
{
	struct bed b;

	CHECK(bed_begin(&b, "filter { multiline { pattern => \"^\\s\" what => \"previous\" stream_identity => \"%{s}\" add_tag => [\"never\"] } mutate { add_field => { \"behind\" => \"1\" } } }"));
	check(&b, "{\"message\":\"a\",\"s\":1}\n{\"message\":\" b\",\"s\":1}\n{\"message\":\"x\",\"s\":2}\n{\"message\":\" b\",\"s\":1}\n", false, "");
	check(&b, "{\"message\":\"c\",\"s\":1}\n", false, "{\"message\":\"a\\n b\\n b\",\"s\":1,\"tags\":[\"multiline\"],\"behind\":\"1\"}");
	/* The streams that are open go on with the end, in the order in which they began. */
	check(&b, "", true, "{\"message\":\"x\",\"s\":2,\"behind\":\"1\"}\n{\"message\":\"c\",\"s\":1,\"behind\":\"1\"}");
	bed_end(&b);
}

static void test_next(void)
{
	struct bed b;

	CHECK(bed_begin(&b, "filter { multiline { pattern => \"\\\\$\" what => \"next\" } }"));
	check(&b, "{\"message\":\"alone\"}\n{\"message\":\"a\\\\\"}\n", false, "{\"message\":\"alone\"}");
	check(&b, "{\"message\":\"b\\\\\"}\n{\"message\":\"c\"}\n{\"message\":\"d\"}\n", false,
	      "{\"message\":\"a\\\\\\nb\\\\\\nc\",\"tags\":[\"multiline\"]}\n{\"message\":\"d\"}");
	check(&b, "", true, "");
	bed_end(&b);
}

/* What differs becomes a list, hashes are merged, the time is the first one's. */
static void test_merge(void)
{
	struct bed b;

	CHECK(bed_begin(&b, "filter { multiline { pattern => \"^%{YEAR}\" negate => true what => \"previous\" allow_duplicates => false source => \"line\" } "
			    "mutate { add_field => { \"t\" => \"%{+YYYY}\" } } }"));
	check(&b,
	      "{\"line\":\"2020 a\",\"@timestamp\":\"2020-01-01T00:00:00Z\",\"h\":{\"x\":1},\"n\":1,\"l\":[1,2],\"tags\":[\"q\"]}\n"
	      "{\"line\":\"b\",\"@timestamp\":\"2021-01-01T00:00:00Z\",\"h\":{\"x\":1,\"y\":2},\"n\":2,\"l\":[2,3],\"only\":true}\n"
	      "{\"line\":\"b\",\"@timestamp\":\"2021-01-01T00:00:00Z\",\"n\":2}\n",
	      false, "");
	check(&b, "", true,
	      "{\"line\":\"2020 a\\nb\",\"h\":{\"x\":1,\"y\":2},\"n\":[1,2],\"l\":[1,2,3],\"tags\":[\"q\",\"multiline\"],\"only\":true,\"t\":\"2020\"}");
	bed_end(&b);
}

static void test_time(void)
{
	struct bed b;

	CHECK(bed_begin(&b, "filter { multiline { pattern => \"^ \" what => \"previous\" max_age => 8 } }"));
	check(&b, "{\"message\":\"a\"}\n", false, "");
	wait_s(&b, 5);
	check(&b, "{\"message\":\" b\"}\n", false, "");
	wait_s(&b, 5);
	check(&b, "", false, "");
	wait_s(&b, 5);
	check(&b, "", false, "{\"message\":\"a\\n b\",\"tags\":[\"multiline\"]}");
	/* Before a reload what is held goes on, and only once. */
	check(&b, "{\"message\":\"c\"}\n", false, "");
	CHECK(exec_flush(b.filtered.exec));
	check(&b, "", false, "{\"message\":\"c\"}");
	CHECK(!exec_flush(b.filtered.exec));
	bed_end(&b);
}

static void test_limits(void)
{
	struct bed b;
	struct buf lines;

	buf_init(&lines, 0);
	CHECK(bed_begin(&b, "filter { multiline { pattern => \"^ \" what => \"previous\" } }"));
	buf_lit(&lines, "{\"message\":\"a\"}\n");
	for (int i = 0; i < 5200; i++)
		buf_printf(&lines, "{\"message\":\" %d\",\"n\":%d}\n", i, i % 3);
	CHECK(filtered_stream(&b.filtered, buf_slice(&lines), clock_wall(&clock_), false));
	CHECK(str_starts(buf_slice(&b.out), STR("{\"message\":\"a\\n 0\\n 1\\n")));
	CHECK(str_find(buf_slice(&b.out), STR("\\n 4998\",\"n\":[0,1,2],\"tags\":[\"multiline\"]}")) > 0);
	buf_clear(&b.out);
	CHECK(filtered_stream(&b.filtered, STR(""), clock_wall(&clock_), true));
	CHECK(str_starts(buf_slice(&b.out), STR("{\"message\":\" 4999\\n 5000\\n")));
	bed_end(&b);
	buf_release(&lines);
}

int main(void)
{
	hash_init(NULL);
	clock_virtual_init(&clock_, START_S * 1000000000ll);
	test_previous();
	test_next();
	test_merge();
	test_time();
	test_limits();
	return test_end();
}
