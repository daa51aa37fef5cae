/*
 * What filters are told of an event ahead of its turn (filter_ops.ahead): by whom, and that what comes out is the same with and without it.
 */
#include "plan_bed.h"

#include "event/fields.h"

/* The steps' numbers, one after the other: how many of those that follow are told. */
static void check_told(const char *filters, const char *want)
{
	struct bed b;
	struct buf told;

	CHECK(bed_begin(&b, filters));
	buf_init(&told, 0);
	for (uint32_t i = 0; i < b.plan->nsteps; i++)
		if (b.plan->step[i].op == OP_FILTER)
			buf_printf(&told, "%s%u", told.len ? " " : "", b.plan->step[i].ahead);
	CHECK_STR(buf_slice(&told), want);
	buf_release(&told);
	bed_end(&b);
}

static void test_who_is_told(void)
{
	check_told("filter { parse {} site {} identity {} link {} }", "0 2 1 0");
	check_told("filter { site {} identity {} link {} mutate {} }", "2 1 0 0");
	check_told("filter { site {} mutate {} identity {} link {} }", "0 0 1 0");
	/* What may write anywhere, or does more than the filter itself, hides what stands behind it. */
	check_told("filter { site { add_field => { \"a\" => \"b\" } } identity {} }", "0 0");
	check_told("filter { identity { remove_field => \"source\" } link {} }", "0 0");
	/* So does a condition. */
	check_told("filter { site {} if [a] { identity {} link {} } }", "0 1 0");
	check_told("filter { mutate {} }", "0");
}

static const char lines[] =
	"{\"host\":{\"name\":\"dhcp1\"},\"event\":{\"action\":\"dhcp-ack\"},\"client\":{\"ip\":\"10.20.0.100\",\"mac\":\"02-42-0A-14-00-64\"},\"dhcp\":{\"hostname\":\"Alice-Laptop\"},\"@timestamp\":\"2020-01-01T10:00:00Z\"}\n"
	"{\"host\":{\"name\":\"ns\"},\"event\":{\"action\":\"dns-client-query\"},\"client\":{\"ip\":\"10.20.0.100\"},\"source\":{\"ip\":\"10.20.0.100\",\"port\":4000},\"dns\":{\"question\":{\"name\":\"9.113.0.203.in-addr.arpa\",\"type\":\"PTR\"}},\"@timestamp\":\"2020-01-01T10:00:01Z\"}\n"
	"{\"host\":{\"name\":\"mx\"},\"process\":{\"pid\":7},\"event\":{\"action\":\"smtp-connect\",\"provider\":\"postfix/smtpd\"},\"source\":{\"ip\":\"203.0.113.9\"},\"@timestamp\":\"2020-01-01T10:00:02Z\"}\n"
	"{\"host\":{\"name\":\"mx\"},\"process\":{\"pid\":7},\"event\":{\"action\":\"smtp-connect\",\"provider\":\"postfix/smtpd\"},\"source\":{\"ip\":\"10.20.0.100\"},\"@timestamp\":\"2020-01-01T10:00:03Z\"}\n"
	"{\"event\":{\"action\":\"nothing\"},\"source\":{\"ip\":\"no address\"}}\n";

static void outcome(const char *filters, struct buf *out)
{
	struct bed b;

	CHECK(bed_begin(&b, filters));
	CHECK(filtered_stream(&b.filtered, str_z(lines), clock_wall(&clock_), true));
	buf_str(out, buf_slice(&b.out));
	bed_end(&b);
}

static void test_same_outcome(void)
{
	struct buf ahead, alone;

	buf_init(&ahead, 0);
	buf_init(&alone, 0);
	outcome("filter { site { sites => { \"10.20.0.0/16\" => \"Berlin\" } } identity {} link {} }", &ahead);
	outcome("filter { site { sites => { \"10.20.0.0/16\" => \"Berlin\" } } mutate {} identity {} mutate {} link {} }", &alone);
	CHECK(str_find(buf_slice(&ahead), STR("\"domain\":\"alice-laptop\"")) > 0 && str_find(buf_slice(&ahead), STR("\"rule\":\"L1\"")) > 0);
	CHECK(str_eq(buf_slice(&ahead), buf_slice(&alone)));
	buf_release(&ahead);
	buf_release(&alone);
}

int main(void)
{
	hash_init(NULL);
	fields_init();
	clock_virtual_init(&clock_, START_S * 1000000000ll);
	test_who_is_told();
	test_same_outcome();
	return test_end();
}
