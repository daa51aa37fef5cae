/*
 * Outputs that end on this machine: csv, exec and pipe, and the programs that they start.
 */
#include "output_bench.h"

#include "base/child.h"

#include <poll.h>
#include <signal.h>
#include <unistd.h>

/* ---- csv ---- */

static void check_csv(const char *options, const char *event, const char *row)
{
	struct bench b;
	char conf[512];

	snprintf(conf, sizeof(conf), "csv { path => \"DIR/x\" %s }", options);
	CHECK(bench_init(&b, conf));
	if (b.s) {
		put(&b, event);
		flush(&b);
		CHECK_STR(content(&b, "x"), row);
		CHECK_INT(delivered(&b), 1);
	}
	bench_end(&b);
}

static void test_csv(void)
{
	check_csv("fields => [\"a\", \"b\"]", "{\"a\":1,\"b\":\"x y\"}", "1,x y\n");
	/* Nothing is an empty column, empty text is quoted. */
	check_csv("fields => [\"a\", \"b\", \"c\"]", "{\"b\":\"\",\"c\":null}", ",\"\",\n");
	check_csv("fields => \"[m][k]\"", "{\"m\":{\"k\":1.5}}", "1.5\n");
	check_csv("fields => [\"a\"]", "{\"a\":\"x,\\\"y\\\"\\nz\"}", "\"x,\"\"y\"\"\nz\"\n");
	check_csv("fields => [\"m\", \"l\"]", "{\"m\":{\"k\":[1]},\"l\":[1,\"a\"]}", "\"{\"\"k\"\":[1]}\",\"[1, \"\"a\"\"]\"\n");
	check_csv("fields => [\"t\", \"@timestamp\"]", "{\"t\":true}", "true,2020-02-03T04:05:06.789Z\n");
	check_csv("fields => [\"a\", \"b\"]", "{\"a\":\"=1+1\",\"b\":\"-1\"}", "'=1+1,-1\n");
	check_csv("fields => [\"a\"] spreadsheet_safe => false", "{\"a\":\"=1+1\"}", "=1+1\n");
	check_csv("fields => [\"a\", \"b\"] csv_options => { \"col_sep\" => \";\" \"row_sep\" => \"|\" \"quote_char\" => \"'\" }", "{\"a\":\"x;y\",\"b\":\"it's\"}",
		  "'x;y';'it''s'|");
	check_csv("fields => [\"a\", \"b\"] csv_options => { \"force_quotes\" => true }", "{\"a\":1}", "\"1\",\"\"\n");
	check_csv("fields => [\"a\"] csv_options => { \"quote_empty\" => false }", "{\"a\":\"\"}", "\n");
}

static void test_csv_paths(void)
{
	struct bench b;
	char path[128];

	CHECK(bench_init(&b, "csv { path => \"DIR/%{host}.csv\" fields => [\"n\"] create_if_deleted => false }"));
	put(&b, "{\"host\":\"a\",\"n\":1}");
	put(&b, "{\"host\":\"b\",\"n\":2}");
	put(&b, "{\"host\":\"../c\",\"n\":3}");
	flush(&b);
	CHECK_STR(content(&b, "a.csv"), "1\n");
	CHECK_STR(content(&b, "b.csv"), "2\n");
	CHECK_STR(content(&b, "_filepath_failures"), "3\n");
	snprintf(path, sizeof(path), "%s/a.csv", b.dir);
	CHECK_INT(unlink(path), 0);
	put(&b, "{\"host\":\"a\",\"n\":4}");
	flush(&b);
	CHECK_STR(content(&b, "a.csv"), "(none)");
	CHECK_STR(content(&b, "_filepath_failures"), "3\n4\n");
	CHECK_INT(delivered(&b), 4);
	bench_end(&b);
}

static void test_refused(void)
{
	static const char *const bad[] = {
		"csv { path => \"DIR/x\" }",
		"csv { fields => [\"a\"] }",
		"csv { path => \"DIR/x\" fields => [] }",
		"csv { path => \"DIR/x\" fields => [\"[a\"] }",
		"csv { path => \"DIR/x\" fields => [\"a\"] csv_options => { \"col_sep\" => \"\" } }",
		"csv { path => \"DIR/x\" fields => [\"a\"] csv_options => { \"force_quotes\" => \"perhaps\" } }",
		"exec { }",
		"exec { command => \" \" }",
		"pipe { }",
		"pipe { command => \"\" }",
		"pipe { command => \"cat\" ttl => -2 }",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct bench b;
		bool opened = bench_init(&b, bad[i]);

		CHECK(!opened);
		if (opened)
			fprintf(stderr, "%s was taken\n", bad[i]);
		bench_end(&b);
	}
}

/* ---- programs ---- */

static void test_child(void)
{
	const _Atomic bool stop = false, stopped = true;
	const char *const cat[] = {"/bin/sh", "-c", "cat; echo end; exit 3", NULL};
	const char *const hang[] = {"/bin/sh", "-c", "trap '' TERM; sleep 1000 & wait", NULL};
	const char *const nothing[] = {"/nonexistent/program", NULL};
	const char *const pgrp[] = {"/bin/sh", "-c", "echo ${NOTIFY_SOCKET-unset}; ls /proc/self/fd | tr '\\n' ' '", NULL};
	char *big = xmalloc(1000000);
	struct buf out;
	struct err err;
	int status = 0;

	/* More than a pipe holds, in both directions. */
	memset(big, 'x', 1000000);
	buf_init(&out, 2000000);
	CHECK_INT(child_run(cat, str_n(big, 1000000), &out, 0, &stop, &status, &err), CHILD_DONE);
	CHECK_INT(status, 3);
	CHECK_INT(out.len, 1000004);
	CHECK_STR(str_from(buf_slice(&out), 1000000), "end\n");
	/* What does not fit is read, and forgotten. */
	buf_release(&out);
	buf_init(&out, 1000);
	CHECK_INT(child_run(cat, str_n(big, 1000000), &out, 0, &stop, &status, &err), CHILD_DONE);
	CHECK_INT(status, 3);
	CHECK_INT(out.len, 1000);
	/* No descriptors but the three and ls's own, no word with systemd. */
	setenv("NOTIFY_SOCKET", "/x", 1);
	buf_clear(&out);
	CHECK_INT(child_run(pgrp, (struct str){0}, &out, 0, &stop, &status, &err), CHILD_DONE);
	CHECK_STR(buf_slice(&out), "unset\n0 1 2 3 ");
	unsetenv("NOTIFY_SOCKET");
	CHECK_INT(child_run(nothing, (struct str){0}, NULL, 0, &stop, &status, &err), CHILD_FAILED);
	CHECK(strstr(err.text, "/nonexistent/program"));
	/* Neither it nor what it started heeds SIGTERM for long. */
	CHECK_INT(child_run(hang, (struct str){0}, NULL, CHILD_MUTE, &stopped, &status, &err), CHILD_STOPPED);
	CHECK(status == 128 + SIGTERM || status == 128 + SIGKILL);
	buf_release(&out);
	free(big);
}

static void test_exec(void)
{
	struct bench b;

	CHECK(bench_init(&b, "exec { command => \"echo '%{n}' >> DIR/x; exit %{n}\" quiet => true }"));
	put(&b, "{\"n\":0}");
	put(&b, "{\"n\":7}");
	put(&b, "{\"n\":\"2\\u0000\"}");
	flush(&b);
	CHECK_STR(content(&b, "x"), "0\n7\n");
	CHECK_INT(delivered(&b), 2);
	bench_end(&b);
}

static void test_pipe(void)
{
	struct bench b;

	CHECK(bench_init(&b, "pipe { command => \"cat >> DIR/%{host}\" message_format => \"%{n}\" }"));
	put(&b, "{\"host\":\"a\",\"n\":1}");
	put(&b, "{\"host\":\"b\",\"n\":2}");
	put(&b, "{\"host\":\"a\",\"n\":3}");
	flush(&b);
	CHECK_INT(delivered(&b), 3);
	/* The end of its input lets it write what it has. */
	sender_close(b.s);
	CHECK_INT(sender_drain(b.s, clock_mono(&b.clock) + second), 0);
	sender_free(&b.s);
	CHECK_STR(content(&b, "a"), "1\n3\n");
	CHECK_STR(content(&b, "b"), "2\n");
	bench_end(&b);
}

static size_t lines_of(struct str s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.len; i++)
		n += s.p[i] == '\n';
	return n;
}

/* One that reads a line and goes: each further event finds that nobody reads any more, and starts it anew. */
static void test_pipe_ends(void)
{
	enum { EVENTS = 10 };
	struct bench b;
	struct sender_stats st;

	CHECK(bench_init(&b, "pipe { command => \"read x; exec 0<&-; echo $x >> DIR/x\" }"));
	for (unsigned i = 1; i <= EVENTS; i++) {
		put(&b, "{\"a\":1}");
		for (int tries = 0; tries < 20000 && lines_of(content(&b, "x")) < i; tries++) {
			flush(&b);
			(void)poll(NULL, 0, 1);
		}
		CHECK_INT(lines_of(content(&b, "x")), i);
	}
	sender_stats(b.s, &st);
	CHECK_INT(st.delivered, EVENTS);
	CHECK_INT(st.in_flight, 0);
	CHECK_INT(st.retried, EVENTS - 1);
	CHECK(sender_balanced(&st));
	CHECK(str_starts(content(&b, "x"), STR("{\"a\":1,\"@timestamp\":\"2020-02-03T04:05:06.789Z\"}\n")));
	bench_end(&b);
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	hash_init(NULL);
	test_csv();
	test_csv_paths();
	test_refused();
	test_child();
	test_exec();
	test_pipe();
	test_pipe_ends();
	return test_end();
}
