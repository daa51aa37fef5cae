/*
 * The filter aggregate within a plan, under a clock that the test moves: timeouts, events made of tasks, errors, reloads, the file of tasks.
 */
#include "plan_bed.h"

#include <unistd.h>

static void test_timeout(void)
{
	struct bed b;

	CHECK(bed_begin(&b, "filter { aggregate { task_id => \"%{id}\" code => \"map['n'] ||= 0; map['n'] += 1\" timeout => 12 push_map_as_event_on_timeout => true\n"
			    "timeout_task_id_field => \"[task][id]\" timeout_tags => [\"over\", \"%{n}\"] timeout_code => \"event.set('ten', event.get('n') * 10)\" add_tag => [\"in\"] }\n"
			    "mutate { add_field => { \"behind\" => \"1\" } } }"));
	check(&b, "{\"id\":\"a\"}\n{\"id\":\"b\"}\n{\"id\":\"a\"}\n", false,
	      "{\"id\":\"a\",\"tags\":[\"in\"],\"behind\":\"1\"}\n{\"id\":\"b\",\"tags\":[\"in\"],\"behind\":\"1\"}\n{\"id\":\"a\",\"tags\":[\"in\"],\"behind\":\"1\"}");
	/* Looked at after 5 seconds, and then again as soon as more than half of 12 are over. */
	wait_s(&b, 10);
	check(&b, "", false, "");
	wait_s(&b, 5);
	check(&b, "", false,
	      "{\"n\":2,\"task\":{\"id\":\"a\"},\"tags\":[\"over\",\"2\"],\"ten\":20,\"behind\":\"1\"}\n"
	      "{\"n\":1,\"task\":{\"id\":\"b\"},\"tags\":[\"over\",\"1\"],\"ten\":10,\"behind\":\"1\"}");
	wait_s(&b, 30);
	check(&b, "", false, "");
	/* A task is not older for being asked for; the end tells only what is over. */
	check(&b, "{\"id\":\"c\"}\n", false, "{\"id\":\"c\",\"tags\":[\"in\"],\"behind\":\"1\"}");
	check(&b, "", true, "");
	CHECK_INT(exec_counters(b.filtered.exec)->created_filter, 2);
	bed_end(&b);
}

static void test_inactivity(void)
{
	struct bed b;

	CHECK(bed_begin(&b, "filter { aggregate { task_id => \"%{id}\" code => \"map['n'] = event.get('n')\" timeout => 100 inactivity_timeout => 8 "
			    "push_map_as_event_on_timeout => true } }"));
	check(&b, "{\"id\":1,\"n\":1}\n", false, "{\"id\":1,\"n\":1}");
	wait_s(&b, 5);
	check(&b, "{\"id\":1,\"n\":2}\n", false, "{\"id\":1,\"n\":2}");
	wait_s(&b, 5);
	check(&b, "", false, "");
	wait_s(&b, 5);
	check(&b, "", false, "{\"n\":2}");
	bed_end(&b);
}

static void test_own_timeouts(void)
{
	struct bed b;

	/* A task says itself how long it may last. */
	CHECK(bed_begin(&b, "filter { aggregate { task_id => \"%{id}\" code => \"map['id'] = map_meta.task_id; map_meta.timeout = event.get('t')\" "
			    "push_map_as_event_on_timeout => true } }"));
	check(&b, "{\"id\":\"x\",\"t\":0}\n{\"id\":\"y\",\"t\":7}\n", false, "{\"id\":\"x\",\"t\":0}\n{\"id\":\"x\"}\n{\"id\":\"y\",\"t\":7}");
	wait_s(&b, 5);
	check(&b, "", false, "");
	wait_s(&b, 5);
	check(&b, "", false, "{\"id\":\"y\"}");
	bed_end(&b);
}

static void test_event_times(void)
{
	struct bed b;

	CHECK(bed_begin(&b, "filter { aggregate { task_id => \"%{id}\" code => \"map['n'] ||= []; map['n'] << event.get('n')\" timeout => 60 "
			    "push_map_as_event_on_timeout => true timeout_timestamp_field => \"@timestamp\" } }"));
	check(&b,
	      "{\"id\":1,\"n\":1,\"@timestamp\":\"2020-01-01T00:00:00Z\"}\n{\"id\":1,\"n\":2,\"@timestamp\":\"2020-01-01T00:01:00Z\"}\n"
	      "{\"id\":1,\"n\":3,\"@timestamp\":\"2020-01-01T00:01:00.5Z\"}\n",
	      false, "{\"id\":1,\"n\":1}\n{\"id\":1,\"n\":2}\n{\"id\":1,\"n\":3}\n{\"n\":[1,2]}");
	/* Its age here is what it has been here. */
	wait_s(&b, 60);
	check(&b, "", false, "");
	wait_s(&b, 35);
	check(&b, "", false, "{\"n\":[3]}");
	bed_end(&b);
}

static void test_errors(void)
{
	struct bed b;

	CHECK(bed_begin(&b, "filter { aggregate { task_id => \"%{id}\" code => \"raise 'no' if event.get('n') == 1; map['o'] = Object.new if event.get('n') == 2\" "
			    "timeout_code => \"event.nonsense\" push_map_as_event_on_timeout => true timeout => 1 add_tag => [\"fine\"] } }"));
	check(&b, "{\"id\":1,\"n\":1}\n{\"id\":2,\"n\":3}\n{\"n\":1}\n", false,
	      "{\"id\":1,\"n\":1,\"tags\":[\"_aggregateexception\"]}\n{\"id\":2,\"n\":3,\"tags\":[\"fine\"]}\n{\"n\":1}");
	wait_s(&b, 5);
	check(&b, "", false, "{\"tags\":[\"_aggregateexception\"]}\n{\"tags\":[\"_aggregateexception\"]}");
	/* What no event can hold comes as text. */
	check(&b, "{\"id\":3,\"n\":2}\n", false, "{\"id\":3,\"n\":2,\"tags\":[\"fine\"]}");
	CHECK(filtered_stream(&b.filtered, STR(""), 0, false));
	clock_advance(&clock_, 5000000000);
	exec_tick(b.filtered.exec, clock_mono(&clock_));
	CHECK(filtered_stream(&b.filtered, STR(""), 0, false));
	CHECK(str_find(buf_slice(&b.out), STR("#<Object")) > 0);
	CHECK(str_find(buf_slice(&b.out), STR("_aggregateexception")) > 0);
	bed_end(&b);
}

static void refused(const char *filters, unsigned line, unsigned col, const char *why)
{
	struct bed b;

	CHECK(!bed_begin(&b, filters));
	if (b.diag.first) {
		CHECK_STR(b.diag.first->text, why);
		CHECK_INT(b.diag.first->pos.line, line);
		CHECK_INT(b.diag.first->pos.col, col);
	}
	bed_end(&b);
}

static void test_refused(void)
{
	refused("filter { aggregate { task_id => \"id\" code => \"\" } }", 1, 10, "aggregate: 'task_id' must hold a part like %{field}");
	refused("filter { aggregate { task_id => \"%{id}\" code => \"\" timeout => 5 }\n aggregate { task_id => \"%{id}\" code => \"\" timeout_tags => [\"x\"] } }", 2, 2,
		"aggregate: two filters with the task_id '%{id}' have options about timeouts: give them all in one of the two");
	refused("filter { aggregate { task_id => \"%{id}\" code => \"\" timeout => 5 inactivity_timeout => 6 } }", 1, 10,
		"aggregate: 'inactivity_timeout' must be lower than 'timeout'");
	refused("filter { aggregate { task_id => \"%{id}\" code => \"\" timeout => \"x\" } }", 1, 63, "option 'timeout' of the filter 'aggregate' takes a number, not \"x\"");
}

/* The tasks go on in the next plan; those of a task_id that it does not have are forgotten. */
static void test_reload(void)
{
	static const char first[] = "filter { aggregate { id => \"sum\" task_id => \"%{id}\" code => \"map['n'] = map['n'].to_i + 1; event.set('n', map['n'])\" } }";
	static const char second[] = "filter { aggregate { id => \"sum\" task_id => \"%{id}\" code => \"map['n'] = map['n'].to_i + 100; event.set('n', map['n'])\" } }";
	struct bed a, b;

	CHECK(bed_begin(&a, first));
	check(&a, "{\"id\":1}\n{\"id\":1}\n", false, "{\"id\":1,\"n\":1}\n{\"id\":1,\"n\":2}");
	CHECK(bed_begin(&b, second));
	plan_adopt(b.plan, a.plan);
	bed_end(&a);
	check(&b, "{\"id\":1}\n{\"id\":2}\n", false, "{\"id\":1,\"n\":102}\n{\"id\":2,\"n\":100}");
	bed_end(&b);
	/* Two plans that are not one after the other have nothing in common. */
	CHECK(bed_begin(&a, first));
	CHECK(bed_begin(&b, first));
	check(&a, "{\"id\":1}\n", false, "{\"id\":1,\"n\":1}");
	check(&b, "{\"id\":1}\n", false, "{\"id\":1,\"n\":1}");
	bed_end(&a);
	bed_end(&b);
}

static void test_file(void)
{
	char dir[] = "/tmp/weir-test-aggregate-XXXXXX", path[64], filters[400];
	struct bed b;

	CHECK(mkdtemp(dir) != NULL);
	snprintf(path, sizeof(path), "%s/maps", dir);
	snprintf(filters, sizeof(filters),
		 "filter { aggregate { task_id => \"%%{id}\" code => \"map['n'] = map['n'].to_i + 1; event.set('n', map['n'])\" aggregate_maps_path => \"%s\" } }", path);
	CHECK(bed_begin(&b, filters));
	check(&b, "{\"id\":1}\n{\"id\":2}\n", false, "{\"id\":1,\"n\":1}\n{\"id\":2,\"n\":1}");
	CHECK(access(path, F_OK) == -1);
	bed_end(&b);
	CHECK_INT(access(path, F_OK), 0);
	/* A look at the configuration takes nothing away. */
	CHECK(bed_begin(&b, filters));
	bed_end(&b);
	CHECK_INT(access(path, F_OK), 0);
	CHECK(bed_begin(&b, filters));
	check(&b, "{\"id\":1}\n", false, "{\"id\":1,\"n\":2}");
	CHECK(access(path, F_OK) == -1);
	bed_end(&b);
	CHECK_INT(unlink(path), 0);
	CHECK_INT(rmdir(dir), 0);
}

int main(void)
{
	struct bed b;

	hash_init(NULL);
	clock_virtual_init(&clock_, START_S * 1000000000ll);
	if (!bed_begin(&b, "filter { ruby { code => \"\" } }")) {
		fprintf(stderr, "%.*s\n", b.diag.first ? (int)b.diag.first->text.len : 0, b.diag.first ? b.diag.first->text.p : "");
		bed_end(&b);
		return 77;
	}
	bed_end(&b);
	test_timeout();
	test_inactivity();
	test_own_timeouts();
	test_event_times();
	test_errors();
	test_refused();
	test_reload();
	test_file();
	return test_end();
}
