/*
 * test_metrics.c - series, the page in Prometheus' format, its own consistency.
 */
#include "test.h"

#include "base/metrics.h"

#include <pthread.h>

static bool has(const struct buf *b, const char *line)
{
	return str_find(buf_slice(b), str_z(line)) >= 0;
}

static void test_series(void)
{
	struct label l[] = {{"pipeline", STR("main")}, {"plugin", STR("grok")}, {"id", STR("a\"b\\c\nd")}};
	struct series *a = series_get(SCOPE_FILTER, l, 3), *b = series_get(SCOPE_FILTER, l, 3), *c;

	CHECK(a == b);
	CHECK_STR(str_z(a->labels), "pipeline=\"main\",plugin=\"grok\",id=\"a\\\"b\\\\c\\nd\"");
	series_add(a, M_FILTER_IN, 2);
	series_add_shared(b, M_FILTER_IN, 3);
	CHECK_INT(series_read(a, M_FILTER_IN), 5);
	CHECK_INT(metrics_find(M_FILTER_IN, l, 3), 5);
	CHECK(metrics_find(M_FILTER_IN, l, 2) == UINT64_MAX);
	/* The same labels in another scope are another thing. */
	c = series_get(SCOPE_OUTPUT, l, 3);
	CHECK(c != a);
	CHECK_INT(metrics_find(M_OUT_ROUTED, l, 3), 0);
	series_unref(a);
	CHECK_INT(metrics_find(M_FILTER_IN, l, 3), 5);
	series_unref(b);
	CHECK(metrics_find(M_FILTER_IN, l, 3) == UINT64_MAX);
	series_unref(c);
	series_unref(NULL);
	CHECK_INT(series_read(metrics_process, M_SERIES), 0);
}

static void copy(void *arg)
{
	series_set(arg, M_LINES, 42);
	series_set(arg, M_IN_FLIGHT, (uint64_t)-1);
	series_set(arg, M_BUSY, 1500000000);
}

static void test_page(void)
{
	struct label l[] = {{"pipeline", STR("p1")}, {"plugin", STR("null")}, {"id", STR("o")}};
	struct series *p = series_get(SCOPE_PIPELINE, l, 1), *o = series_get(SCOPE_OUTPUT, l, 3);
	struct buf b;

	buf_init(&b, 0);
	metrics_refresh_add(copy, p);
	series_add(p, M_ENDED_DROP, 7);
	series_observe(o, M_OUT_DURATION, 0);
	series_observe(o, M_OUT_DURATION, 1000000);
	series_observe(o, M_OUT_DURATION, 1000001);
	series_observe(o, M_OUT_DURATION, INT64_MAX / 2);
	series_observe(o, M_OUT_DURATION, -5);
	metrics_init();
	metrics_render(&b);
	CHECK(has(&b, "# HELP weir_pipeline_lines_total lines received\n# TYPE weir_pipeline_lines_total counter\n"
		      "weir_pipeline_lines_total{pipeline=\"p1\"} 42\n"));
	CHECK(has(&b, "\nweir_pipeline_in_flight{pipeline=\"p1\"} -1\n"));
	CHECK(has(&b, "\nweir_pipeline_busy_seconds_total{pipeline=\"p1\"} 1.500000000\n"));
	CHECK(has(&b, "\nweir_pipeline_ended_total{pipeline=\"p1\",by=\"drop\"} 7\nweir_pipeline_ended_total{pipeline=\"p1\",by=\"decode\"} 0\n"));
	CHECK(has(&b, "# TYPE weir_output_request_seconds histogram\n"
		      "weir_output_request_seconds_bucket{pipeline=\"p1\",plugin=\"null\",id=\"o\",le=\"0.001\"} 3\n"
		      "weir_output_request_seconds_bucket{pipeline=\"p1\",plugin=\"null\",id=\"o\",le=\"0.005\"} 4\n"));
	CHECK(has(&b, ",le=\"60\"} 4\nweir_output_request_seconds_bucket{pipeline=\"p1\",plugin=\"null\",id=\"o\",le=\"+Inf\"} 5\n"));
	CHECK(has(&b, "weir_output_request_seconds_count{pipeline=\"p1\",plugin=\"null\",id=\"o\"} 5\n"));
	CHECK(has(&b, "\nweir_last_reload_ok 1\n") && has(&b, "\nweir_reloads_total{result=\"ok\"} 0\n"));
	CHECK(has(&b, "\nweir_metrics_series 2\n"));
	/* Nothing of a scope without a series, so no family without a sample. */
	CHECK(!has(&b, "weir_udp"));
	metrics_refresh_remove(p);
	series_set(p, M_LINES, 1);
	buf_clear(&b);
	metrics_render(&b);
	CHECK(has(&b, "weir_pipeline_lines_total{pipeline=\"p1\"} 1\n"));
	series_unref(p);
	series_unref(o);
	buf_release(&b);
}

/* Each family once, its HELP and TYPE before its samples, every line in one of three shapes. */
static void test_grammar(void)
{
	static const enum metric_scope scopes[] = {SCOPE_PIPELINE, SCOPE_PATTERN, SCOPE_INPUT, SCOPE_UDP, SCOPE_OUTPUT};
	struct label l = {"pipeline", STR("main")};
	struct series *held[10];
	struct buf b;
	struct str s, line, family = STR("");
	unsigned samples = 0;

	for (int i = 0; i < 10; i++) {
		l.value = i & 1 ? STR("main") : STR("other");
		held[i] = series_get(scopes[i / 2], &l, 1);
	}
	buf_init(&b, 0);
	metrics_render(&b);
	s = buf_slice(&b);
	while (str_cut(&s, '\n', &line)) {
		struct str name;

		if (str_starts(line, STR("# HELP "))) {
			char once[128];
			ptrdiff_t at;

			line = str_from(line, 7);
			CHECK(str_cut(&line, ' ', &family) && line.len > 0);
			snprintf(once, sizeof(once), "# HELP %.*s ", STR_ARG(family));
			at = str_find(buf_slice(&b), str_z(once));
			CHECK(at >= 0 && str_find(str_from(buf_slice(&b), (size_t)at + 1), str_z(once)) < 0);
			continue;
		}
		if (line.p[0] == '#')
			continue;
		samples++;
		name = str_sub(line, 0, family.len);
		CHECK(str_eq(name, family));
		CHECK(line.len > family.len && memchr("{ _", line.p[family.len], 3) != NULL);
		CHECK(line.len > 0 && ch_digit(line.p[line.len - 1]));
	}
	CHECK(s.len == 0 && samples > 100);
	buf_clear(&b);
	metrics_describe(&b);
	CHECK(has(&b, "### weir_udp_kernel_drops_total\ncounter: datagrams that the kernel dropped. Its receive buffer"));
	for (int i = 0; i < 10; i++)
		series_unref(held[i]);
	buf_release(&b);
}

static void *add(void *arg)
{
	for (int i = 0; i < 20000; i++)
		series_add_shared(arg, M_OUT_RETRIED, 1);
	return NULL;
}

static void test_threads(void)
{
	struct label l = {"id", STR("x")};
	struct series *s = series_get(SCOPE_OUTPUT, &l, 1);
	pthread_t t[4];
	struct buf b;

	buf_init(&b, 0);
	for (int i = 0; i < 4; i++)
		CHECK(pthread_create(&t[i], NULL, add, s) == 0);
	metrics_render(&b);
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	CHECK_INT(series_read(s, M_OUT_RETRIED), 80000);
	series_unref(s);
	buf_release(&b);
}

int main(void)
{
	test_series();
	test_page();
	test_grammar();
	test_threads();
	return test_end();
}
