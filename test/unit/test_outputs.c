/*
 * Outputs as a configuration makes them: option tables, codecs, rendering and sending of file, null and stdout.
 */
#include "output_bench.h"

#include "outputs/file_write.h"
#include "outputs/stamped.h"

#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- file ---- */

static void test_file_fixed(void)
{
	struct bench b;
	char from[128], to[128];

	CHECK(bench_init(&b, "file { path => \"DIR/a/b/out.log\" codec => line { format => \"%{message}\" } }"));
	put(&b, "{\"message\":\"one\"}");
	put(&b, "{\"message\":\"two\"}");
	flush(&b);
	CHECK_STR(content(&b, "a/b/out.log"), "one\ntwo\n");
	/* logrotate: rename, and go on in a new file. */
	snprintf(from, sizeof(from), "%s/a/b/out.log", b.dir);
	snprintf(to, sizeof(to), "%s/a/b/out.log.1", b.dir);
	CHECK_INT(rename(from, to), 0);
	put(&b, "{\"message\":\"three\"}");
	flush(&b);
	CHECK_STR(content(&b, "a/b/out.log"), "three\n");
	CHECK_STR(content(&b, "a/b/out.log.1"), "one\ntwo\n");
	sender_reopen(b.s);
	put(&b, "{\"message\":\"four\"}");
	flush(&b);
	CHECK_STR(content(&b, "a/b/out.log"), "three\nfour\n");
	CHECK_INT(delivered(&b), 4);
	bench_end(&b);
}

static void test_file_json(void)
{
	struct bench b;

	CHECK(bench_init(&b, "file { path => \"DIR/x\" }"));
	put(&b, "{\"n\":1,\"m\":{\"k\":[1.0,null]}}");
	flush(&b);
	CHECK_STR(content(&b, "x"), "{\"n\":1,\"m\":{\"k\":[1.0,null]},\"@timestamp\":\"2020-02-03T04:05:06.789Z\"}\n");
	bench_end(&b);
}

/* The event chooses a name below the folder, and nothing else. */
static void test_file_beneath(void)
{
	struct bench b;
	char link[128];

	CHECK(bench_init(&b, "file { path => \"DIR/logs/%{host}/%{+YYYY.MM.dd}.log\" codec => line { format => \"%{host}\" } }"));
	snprintf(link, sizeof(link), "%s/logs/link", b.dir);
	put(&b, "{\"host\":\"h1\"}");
	put(&b, "{\"host\":\"../../h2\"}");
	put(&b, "{\"host\":\"/h3//x/\"}");
	put(&b, "{\"host\":\"..\"}");
	put(&b, "{\"host\":\"h1\"}");
	flush(&b);
	CHECK_STR(content(&b, "logs/h1/2020.02.03.log"), "h1\nh1\n");
	CHECK_STR(content(&b, "logs/h3/x/2020.02.03.log"), "/h3//x/\n");
	CHECK_STR(content(&b, "logs/_filepath_failures"), "../../h2\n..\n");
	/* A link inside the folder that points out of it is not followed. */
	CHECK_INT(symlink(b.dir, link), 0);
	put(&b, "{\"host\":\"link\"}");
	flush(&b);
	CHECK_STR(content(&b, "2020.02.03.log"), "(none)");
	/* A name that is a file cannot be a folder as well. */
	put(&b, "{\"host\":\"h1/2020.02.03.log\"}");
	flush(&b);
	CHECK_STR(content(&b, "logs/_filepath_failures"), "../../h2\n..\nlink\nh1/2020.02.03.log\n");
	CHECK_INT(delivered(&b), 7);
	bench_end(&b);
}

static void test_file_gzip(void)
{
	struct bench b;

	CHECK(bench_init(&b, "file { path => \"DIR/x.gz\" gzip => true codec => line { format => \"%{message}\" } }"));
	put(&b, "{\"message\":\"one\"}");
	flush(&b);
	put(&b, "{\"message\":\"two\"}");
	flush(&b);
	CHECK_STR(content(&b, "x.gz"), "one\ntwo\n");
	bench_end(&b);
}

static void test_file_overwrite(void)
{
	struct bench b;

	CHECK(bench_init(&b, "file { path => \"DIR/x\" write_behavior => overwrite codec => line { format => \"%{message}\" } }"));
	put(&b, "{\"message\":\"a longer one\"}");
	put(&b, "{\"message\":\"two\"}");
	flush(&b);
	CHECK_STR(content(&b, "x"), "two\n");
	bench_end(&b);
}

static void test_file_modes(void)
{
	struct bench b;
	char path[128];
	struct stat st;

	CHECK(bench_init(&b, "file { path => \"DIR/d/x\" dir_mode => 0750 file_mode => 0640 }"));
	put(&b, "{}");
	flush(&b);
	snprintf(path, sizeof(path), "%s/d", b.dir);
	CHECK(stat(path, &st) == 0 && (st.st_mode & 0777) == 0750);
	snprintf(path, sizeof(path), "%s/d/x", b.dir);
	CHECK(stat(path, &st) == 0 && (st.st_mode & 0777) == 0640);
	bench_end(&b);
}

static void test_file_refused(void)
{
	static const char *const bad[] = {
		"file { }",
		"file { path => \"\" }",
		"file { path => \"%{host}/x\" }",
		"file { path => \"DIR/\" }",
		"file { path => \"DIR/x\" dir_mode => 99999 }",
		"file { path => \"DIR/x\" when_full => perhaps }",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct bench b;

		CHECK(!bench_init(&b, bad[i]));
		bench_end(&b);
	}
}

static void test_path_clean(void)
{
	char out[4096];
	size_t len;

	CHECK(file_path_clean(STR("//a///b/"), out, &len));
	CHECK_STR(str_n(out, len), "a/b");
	CHECK(file_path_clean(STR("..a/b..c"), out, &len));
	CHECK(!file_path_clean(STR(""), out, &len));
	CHECK(!file_path_clean(STR("/"), out, &len));
	CHECK(!file_path_clean(STR("a/../b"), out, &len));
	CHECK(!file_path_clean(STR("a/."), out, &len));
	CHECK(!file_path_clean(STR("a\0b"), out, &len));
}

/* ---- stdout, null ---- */

static void test_stdout(void)
{
	struct bench b;
	int keep = dup(STDOUT_FILENO), p[2];
	char got[512] = "";

	CHECK_INT(pipe(p), 0);
	CHECK(dup2(p[1], STDOUT_FILENO) != -1);
	CHECK(bench_init(&b, "stdout { }"));
	put(&b, "{\"a\":1}");
	flush(&b);
	CHECK(read(p[0], got, sizeof(got) - 1) > 0);
	CHECK_STR(str_z(got), "{\n             \"a\" => 1,\n    \"@timestamp\" => 2020-02-03T04:05:06.789Z\n}\n");
	/* The reader goes away: nothing waits for it. */
	close(p[0]);
	put(&b, "{\"a\":2}");
	flush(&b);
	CHECK_INT(delivered(&b), 1);
	bench_end(&b);
	dup2(keep, STDOUT_FILENO);
	close(keep);
	close(p[1]);
}

static void test_null(void)
{
	struct bench b;

	CHECK(bench_init(&b, "null { }"));
	for (int i = 0; i < 5000; i++)
		put(&b, "{}");
	flush(&b);
	CHECK_INT(delivered(&b), 5000);
	bench_end(&b);
}

/* ---- templates ---- */

static void check_stamp(struct stamped *s, const char *when, const char *want, bool want_fresh)
{
	struct arena a;
	struct event ev;
	struct str out;
	struct ts ts;
	struct err err;
	bool fresh;

	arena_init(&a, NULL);
	event_init(&ev, &a);
	CHECK(ts_parse_iso(str_z(when), &ts));
	event_set_top(&ev, key_make(STR("@timestamp")), v_time(ts));
	CHECK_INT(stamped_render(s, &ev, &a, &clock_system, &out, &fresh, &err), 0);
	CHECK_STR(out, want);
	CHECK_INT(fresh, want_fresh);
	arena_release(&a);
}

static void test_stamped(void)
{
	struct arena a;
	struct stamped s;

	arena_init(&a, NULL);
	stamped_init(&s, tmpl_compile(&a, STR("logstash-%{+yyyy.MM.dd}")));
	CHECK_INT(s.unit, 86400);
	check_stamp(&s, "2020-01-01T00:00:00Z", "logstash-2020.01.01", true);
	check_stamp(&s, "2020-01-01T23:59:59.999Z", "logstash-2020.01.01", false);
	check_stamp(&s, "2019-12-31T23:59:59.999Z", "logstash-2019.12.31", true);
	check_stamp(&s, "1969-12-31T23:59:59.999Z", "logstash-1969.12.31", true);
	check_stamp(&s, "1970-01-01T00:00:00Z", "logstash-1970.01.01", true);
	stamped_init(&s, tmpl_compile(&a, STR("x-%{+YYYY.MM.dd.HH}")));
	CHECK_INT(s.unit, 3600);
	stamped_init(&s, tmpl_compile(&a, STR("x-%{+HH:mm}")));
	CHECK_INT(s.unit, 0);
	stamped_init(&s, tmpl_compile(&a, STR("x-%{+YYYY}-%{host}")));
	CHECK_INT(s.unit, 0);
	stamped_init(&s, tmpl_compile(&a, STR("x")));
	CHECK_INT(s.unit, INT64_MAX);
	check_stamp(&s, "2020-01-01T00:00:00Z", "x", true);
	check_stamp(&s, "2021-01-01T00:00:00Z", "x", false);
	arena_release(&a);
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	hash_init(NULL);
	umask(022);
	test_file_fixed();
	test_file_json();
	test_file_beneath();
	test_file_gzip();
	test_file_overwrite();
	test_file_modes();
	test_file_refused();
	test_path_clean();
	test_stdout();
	test_null();
	test_stamped();
	return test_end();
}
