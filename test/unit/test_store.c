#include "test.h"

#include "base/log.h"
#include "event/json.h"
#include "outputs/postings.h"
#include "outputs/store_format.h"
#include "outputs/store_read.h"
#include "outputs/store_write.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const int64_t day_ms = 86400000, start_ms = 1795478400000; /* 2026-11-24T00:00:00Z */

struct bench {
	char data[64], dir[80];
	struct clock clock;
	struct store_limits limits;
	struct store_writer *w;
	unsigned made;
};

static void bench_open(struct bench *b)
{
	struct err err = {""};

	b->w = store_writer_get(b->dir, &b->limits, &b->clock, &err);
	if (!b->w)
		fprintf(stderr, "%s\n", err.text);
	CHECK(b->w != NULL);
}

static void bench_init(struct bench *b)
{
	*b = (struct bench){.data = "/tmp/weir-test-XXXXXX"};
	CHECK(mkdtemp(b->data) != NULL);
	snprintf(b->dir, sizeof(b->dir), "%s/store", b->data);
	clock_virtual_init(&b->clock, start_ms * 1000000);
	bench_open(b);
}

static void bench_end(struct bench *b)
{
	DIR *d;
	struct dirent *e;

	store_writer_put(&b->w);
	d = opendir(b->dir);
	while (d && (e = readdir(d)))
		if (e->d_name[0] != '.')
			unlinkat(dirfd(d), e->d_name, 0);
	if (d)
		closedir(d);
	CHECK(rmdir(b->dir) == 0 && rmdir(b->data) == 0);
}

/* Names in the folder that end so. */
static unsigned files(const struct bench *b, const char *end)
{
	DIR *d = opendir(b->dir);
	struct dirent *e;
	unsigned n = 0;

	while ((e = readdir(d)))
		n += str_ends(str_z(e->d_name), str_z(end));
	closedir(d);
	return n;
}

/* ---- documents ---- */

enum { BATCH = 500 };

/* Number n, as of ms: who, where and what follow from n. */
static void document(struct buf *b, unsigned n, int64_t ms)
{
	static const char *const word[] = {"accepted", "refused", "deferred", "bounced"};
	char time[TS_TEXT_MAX];

	ts_format(ts_from_ns(ms * 1000000), time);
	buf_printf(b, "{\"@timestamp\":\"%s\",\"n\":%u,\"message\":\"message number%u was %s by unit%u\",\"host\":{\"name\":\"mx%u\"},"
		      "\"source\":{\"ip\":\"10.20.%u.%u\",\"user\":{\"name\":\"user%u\"}},\"related\":{\"ip\":[\"10.20.%u.%u\",\"2001:db8::%x\"]},"
		      "\"dns\":{\"question\":{\"name\":\"h%u.zone%u.example.org\"}},\"weir\":{\"chain\":{\"id\":\"chain-%u\"},\"cause\":{\"chain_id\":[\"chain-%u\"]}},"
		      "\"process\":{\"name\":\"smtpd\",\"pid\":%u}}",
		   time, n, n, word[n % 4], n % 37, n % 3, n / 256 % 4, n % 256, n % 20, n / 256 % 4, n % 256, n % 1000, n % 500, n % 11, n / 6, n / 36,
		   n % 777);
}

/* count events at ms, ms + step ...; in transactions of at most BATCH. */
static enum store_result write_events(struct bench *b, unsigned count, int64_t ms, int64_t step, struct err *err)
{
	enum store_result r = STORE_WRITTEN;
	struct store_doc doc[BATCH];
	size_t off[BATCH + 1];
	char id[BATCH][24];
	struct buf text;

	buf_init(&text, 0);
	while (count && r == STORE_WRITTEN) {
		unsigned n = count < BATCH ? count : BATCH;

		buf_clear(&text);
		for (unsigned i = 0; i < n; i++) {
			off[i] = text.len;
			document(&text, b->made + i, ms + i * step);
			snprintf(id[i], sizeof(id[i]), "AZ%020u", b->made + i);
		}
		off[n] = text.len;
		for (unsigned i = 0; i < n; i++)
			doc[i] = (struct store_doc){str_n(text.p + off[i], off[i + 1] - off[i]), str_n(id[i], 22)};
		r = store_writer_add(b->w, doc, n, clock_wall(&b->clock) / 1000000, err);
		if (r == STORE_WRITTEN) {
			b->made += n;
			count -= n;
			ms += n * step;
		}
	}
	buf_release(&text);
	return r;
}

static void write_ok(struct bench *b, unsigned count, int64_t ms, int64_t step)
{
	struct err err = {""};

	CHECK_INT(write_events(b, count, ms, step, &err), STORE_WRITTEN);
	if (err.text[0])
		fprintf(stderr, "%s\n", err.text);
}

/* ---- searching ---- */

struct found {
	unsigned n;
	int64_t first, last; /* number n of the event, -1: none */
	bool ordered;
};

static int64_t number_of(const struct event *ev)
{
	const struct value *v = event_top(ev, STR("n"));

	return value_is(v, V_INT) ? v->i : -1;
}

/* Of check_queries; else every search opens its own, as a command does. */
static struct store *opened;

static struct found run(const struct bench *b, const struct store_find *f)
{
	struct found r = {0, -1, -1, true};
	struct store_cursor *c;
	struct store_hit hit;
	struct arena a;
	struct err err = {""};
	struct store *s = opened ? opened : store_open(b->data, &err);
	int64_t before = 0;

	CHECK(s != NULL);
	if (!s)
		return r;
	c = store_find(s, f, &err);
	CHECK(c != NULL);
	arena_init(&a, NULL);
	while (c && store_next(c, &a, &hit, &err) == 1) {
		if (r.n++ == 0)
			r.first = number_of(&hit.ev);
		else
			r.ordered &= f->newest_first ? hit.row <= before : hit.row >= before;
		before = hit.row;
		r.last = number_of(&hit.ev);
		if (hit.ev.id_len != 22)
			CHECK(!"the event has its _id");
		arena_clear(&a);
	}
	CHECK(store_complaint(s) == NULL);
	store_cursor_free(&c);
	if (!opened)
		store_close(&s);
	arena_release(&a);
	CHECK(r.ordered);
	return r;
}

static struct found search(const struct bench *b, const char *text, bool newest)
{
	struct store_find f = {.newest_first = newest};
	struct query_error e;
	struct found r;
	struct arena a;

	arena_init(&a, NULL);
	f.query = query_parse(&a, str_z(text), NULL, &e);
	CHECK(f.query != NULL);
	r = run(b, &f);
	arena_release(&a);
	return r;
}

static const char *const queries[] = {
	"", "user:user7", "USER:x OR host:mx1", "host:mx2 user:user3", "ip:10.20.1.17", "ip:10.20.2.0/24", "ip:2001:db8::3e7", "chain:chain-100", "name:h7.zone7.example.org",
	"name:*.zone3.example.org", "number4711", "refused", "\"was refused by unit5\"", "\"refused was\"", "numb*4711", "number47*", "user:(user1 OR user2) deferred",
	"process.pid:5", "NOT host:mx0", "user:user7 NOT refused", "n:[100 TO 120]", "n:>12900", "id:AZ00000000000000004711", "nosuchword", "user:user7 host:mx0 accepted unit3",
	"@timestamp:>=2026-11-24T00:02 @timestamp:<2026-11-24T00:03", "ip:10.0.0.0/8", "10.20.3.9",
};

enum { QUERIES = sizeof(queries) / sizeof(*queries) };

/* The same by looking at every event. */
static void walk(const struct bench *b, struct found r[QUERIES])
{
	struct store_find all = {0};
	struct query *q[QUERIES];
	struct query_error e;
	struct store_hit hit;
	struct err err;
	struct store *s = store_open(b->data, &err);
	struct store_cursor *c = store_find(s, &all, &err);
	struct arena a, keep;

	arena_init(&a, NULL);
	arena_init(&keep, NULL);
	for (int i = 0; i < QUERIES; i++) {
		q[i] = query_parse(&keep, str_z(queries[i]), NULL, &e);
		r[i] = (struct found){0, -1, -1, true};
	}
	while (store_next(c, &a, &hit, &err) == 1) {
		for (int i = 0; i < QUERIES; i++)
			if (query_match(q[i], &hit.ev, &a)) {
				r[i].first = r[i].n++ ? r[i].first : number_of(&hit.ev);
				r[i].last = number_of(&hit.ev);
			}
		arena_clear(&a);
	}
	store_cursor_free(&c);
	store_close(&s);
	arena_release(&a);
	arena_release(&keep);
}

/* Each of them, or each `step`th; every other one also from its end. */
static void check_queries(const struct bench *b, int step)
{
	struct found all[QUERIES];
	struct err err;

	walk(b, all);
	opened = store_open(b->data, &err);
	for (int i = 0; i < QUERIES; i += step) {
		struct found up = search(b, queries[i], false), down = i % 2 ? search(b, queries[i], true) : (struct found){up.n, up.last, up.first, true};

		if (up.n != all[i].n || down.n != all[i].n)
			fprintf(stderr, "%s:\n", queries[i]);
		CHECK_INT(up.n, all[i].n);
		CHECK_INT(down.n, all[i].n);
		CHECK_INT(up.first, all[i].first);
		CHECK_INT(up.last, all[i].last);
		CHECK_INT(down.first, all[i].last);
		CHECK_INT(down.last, all[i].first);
	}
	store_close(&opened);
}

/* ---- written, read, opened again ---- */

static void test_round(void)
{
	struct bench b;
	struct stat st;
	struct store_find since = {.since_ms = start_ms + 5000, .until_ms = start_ms + 6000}, key = {.kind = KEY_USER, .key = STR("User7")};
	char path[128];

	bench_init(&b);
	/* 10 ms apart; some are late. */
	write_ok(&b, 9000, start_ms, 10);
	write_ok(&b, 1000, start_ms + 30000, 7);
	write_ok(&b, 3000, start_ms + 120000, 10);
	CHECK_INT(search(&b, "", false).n, 13000);
	CHECK_INT(search(&b, "number4711", true).first, 4711);
	CHECK_INT(search(&b, "user:user7", true).n, 650);
	check_queries(&b, 1);
	CHECK_INT(run(&b, &since).n, 100);
	CHECK_INT(run(&b, &key).n, 650);
	/* The same after another start, and when everything has its segment. */
	store_writer_put(&b.w);
	bench_open(&b);
	write_ok(&b, 300, start_ms + 500000, 10);
	CHECK_INT(search(&b, "", false).n, 13300);
	store_writer_put(&b.w);
	check_queries(&b, 3);
	snprintf(path, sizeof(path), "%s/2026-11-24.db", b.dir);
	CHECK(stat(path, &st) == 0);
	CHECK_INT(st.st_mode & 0777, 0600);
	CHECK(stat(b.dir, &st) == 0);
	CHECK_INT(st.st_mode & 0777, 0700);
	bench_end(&b);
}

/* Two outputs of one process share the writer; nobody else gets it. */
static void test_shared(void)
{
	struct bench b;
	struct err err;
	struct store_writer *second;
	char path[128];
	int fd;

	bench_init(&b);
	second = store_writer_get(b.dir, &b.limits, &b.clock, &err);
	CHECK(second == b.w);
	write_ok(&b, 10, start_ms, 1);
	store_writer_put(&second);
	write_ok(&b, 10, start_ms, 1);
	CHECK_INT(search(&b, "", false).n, 20);
	/* A lock belongs to the open file: another descriptor is as good as another process. */
	snprintf(path, sizeof(path), "%s/lock", b.dir);
	fd = open(path, O_RDWR | O_CLOEXEC);
	CHECK(fd != -1 && flock(fd, LOCK_EX | LOCK_NB) == -1);
	close(fd);
	bench_end(&b);
}

/* Numbers that were given before the start are not given again. */
static void test_collision(void)
{
	struct bench b;

	bench_init(&b);
	write_ok(&b, 1, start_ms + 2000, 0);
	write_ok(&b, 10, start_ms + 1000, 0);
	store_writer_put(&b.w);
	bench_open(&b);
	write_ok(&b, 30, start_ms + 1000, 0);
	CHECK_INT(search(&b, "", false).n, 41);
	CHECK_INT(search(&b, "host:mx0 OR host:mx1 OR host:mx2", false).n, 41);
	bench_end(&b);
}

/* Odd times are kept, in some order; what is no time is as of receipt. */
static void test_odd_times(void)
{
	static const char *const docs[] = {
		"{\"@timestamp\":\"-0044-03-15T12:00:00.000Z\",\"message\":\"ides\"}", "{\"@timestamp\":\"+12026-01-01T00:00:00.000Z\",\"message\":\"far\"}",
		"{\"message\":\"timeless\"}", "{\"@timestamp\":17,\"message\":\"numeric\"}", "{}", "[\"no object\"]", "no JSON",
	};
	enum { N = sizeof(docs) / sizeof(*docs) };
	struct store_find f = {.newest_first = true};
	struct store_doc doc[N];
	struct store_cursor *c;
	struct store_hit hit;
	struct bench b;
	struct err err;
	struct arena a;
	struct store *s;
	unsigned n = 0;

	bench_init(&b);
	for (int i = 0; i < N; i++)
		doc[i] = (struct store_doc){str_z(docs[i]), {0}};
	CHECK_INT(store_writer_add(b.w, doc, N, start_ms, &err), STORE_WRITTEN);
	s = store_open(b.data, &err);
	c = store_find(s, &f, &err);
	arena_init(&a, NULL);
	while (store_next(c, &a, &hit, &err) == 1) {
		if (n == 0)
			CHECK(str_find(hit.json, STR("far")) >= 0);
		n++;
	}
	/* What is no document cannot be an event; it is said. */
	CHECK_INT(n, N - 2);
	CHECK(hit.time_ms == 0 && str_find(hit.json, STR("ides")) >= 0);
	CHECK(store_complaint(s) != NULL);
	CHECK(store_complaint(s) == NULL);
	store_cursor_free(&c);
	store_close(&s);
	arena_release(&a);
	bench_end(&b);
}

/* ---- a crash ---- */

static void test_crash(void)
{
	struct bench b;
	pid_t child;
	int status;

	bench_init(&b);
	store_writer_put(&b.w);
	child = fork();
	if (child == 0) {
		bench_open(&b);
		write_ok(&b, 8700, start_ms, 10);
		_exit(test_failed ? 1 : 0);
	}
	CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
	b.made = 8700;
	/* Without a writer, then with one that makes up for the keys. */
	check_queries(&b, 5);
	bench_open(&b);
	write_ok(&b, 100, start_ms + 200000, 10);
	CHECK_INT(search(&b, "", false).n, 8800);
	store_writer_put(&b.w);
	check_queries(&b, 5);
	bench_end(&b);
}

/* ---- what goes ---- */

static void test_retention(void)
{
	struct bench b;
	struct store_counts counts;

	bench_init(&b);
	b.limits.retention_days = 2;
	store_writer_put(&b.w);
	bench_open(&b);
	for (int day = 0; day < 6; day++) {
		write_ok(&b, 100, clock_wall(&b.clock) / 1000000, 10);
		CHECK_INT(files(&b, ".db"), day < 3 ? day + 1 : 3);
		clock_advance(&b.clock, day_ms * 1000000);
	}
	store_writer_counts(b.w, &counts);
	CHECK_INT(counts.files_expired, 3);
	CHECK_INT(counts.files_removed, 0);
	CHECK(counts.bytes > 0);
	CHECK_INT(search(&b, "", true).n, 300);
	CHECK_INT(search(&b, "", false).first, 300);
	CHECK_INT(search(&b, "user:user7", false).n, 15);
	/* Files of a day are named by receipt: what is late stands in today's. */
	write_ok(&b, 10, start_ms, 1);
	CHECK_INT(search(&b, "", false).first, 600);
	/* Without an age nothing goes. */
	b.limits.retention_days = 0;
	store_writer_put(&b.w);
	bench_open(&b);
	clock_advance(&b.clock, 1000 * day_ms * 1000000);
	write_ok(&b, 10, clock_wall(&b.clock) / 1000000, 1);
	CHECK_INT(search(&b, "", true).n, 320 - 100 + 0);
	bench_end(&b);
}

/* One day larger than max_size: parts, the oldest goes. */
static void test_size(void)
{
	struct bench b;
	struct store_counts counts;
	struct found all;

	bench_init(&b);
	b.limits.max_bytes = 4 * 1024 * 1024;
	store_writer_put(&b.w);
	bench_open(&b);
	for (int i = 0; i < 25; i++)
		write_ok(&b, 1000, start_ms + i * 10000, 10);
	store_writer_counts(b.w, &counts);
	CHECK(counts.files_removed > 0);
	CHECK_INT(counts.files_expired, 0);
	CHECK(counts.bytes <= b.limits.max_bytes);
	CHECK(files(&b, ".db") >= 3);
	all = search(&b, "", false);
	CHECK_INT(all.last, 24999);
	CHECK(all.n > 5000 && all.n < 25000);
	CHECK_INT(all.first, 25000 - (int)all.n);
	check_queries(&b, 5);
	/* Another start goes on with the last part. */
	store_writer_put(&b.w);
	bench_open(&b);
	write_ok(&b, 10, start_ms + 2000000, 10);
	CHECK_INT(search(&b, "", true).first, 25009);
	bench_end(&b);
}

/* ---- a full disk ---- */

static void limit_files(rlim_t bytes)
{
	struct rlimit r;

	CHECK(getrlimit(RLIMIT_FSIZE, &r) == 0);
	r.rlim_cur = bytes;
	CHECK(setrlimit(RLIMIT_FSIZE, &r) == 0);
}

static void test_full_disk(void)
{
	struct bench b;
	struct err err = {""};
	unsigned before;

	signal(SIGXFSZ, SIG_IGN);
	bench_init(&b);
	write_ok(&b, 5000, start_ms, 10);
	before = b.made;
	/* No file may grow beyond this: the log soon meets it. */
	limit_files(3 * 1024 * 1024);
	while (write_events(&b, 500, start_ms + b.made * 10, 10, &err) == STORE_WRITTEN && b.made < 200000)
		;
	CHECK(b.made > before && b.made < 200000);
	CHECK(str_find(str_z(err.text), STR("cannot write to")) >= 0);
	for (int i = 0; i < 20; i++)
		CHECK_INT(write_events(&b, 500, start_ms + b.made * 10, 10, &err), STORE_AGAIN);
	limit_files(RLIM_INFINITY);
	CHECK_INT(search(&b, "", false).n, b.made);
	write_ok(&b, 500, start_ms + b.made * 10, 10);
	store_writer_put(&b.w);
	CHECK_INT(search(&b, "", false).n, b.made);
	check_queries(&b, 5);
	bench_end(&b);
	signal(SIGXFSZ, SIG_DFL);
}

/* ---- damage ---- */

static void damage(const struct bench *b, const char *name, off_t at, size_t n)
{
	char path[160], junk[4096];
	int fd;

	memset(junk, 0xa5, sizeof(junk));
	snprintf(path, sizeof(path), "%s/%s", b->dir, name);
	fd = open(path, O_WRONLY);
	CHECK(fd != -1 && pwrite(fd, junk, n, at) == (ssize_t)n);
	close(fd);
}

static void test_corrupt(void)
{
	struct bench b;
	struct store_counts counts;
	struct err err = {""};
	struct store *s;

	bench_init(&b);
	write_ok(&b, 1000, start_ms, 10);
	store_writer_put(&b.w);
	damage(&b, "2026-11-24.db", 0, 100);
	/* A reader says so and goes on without. */
	s = store_open(b.data, &err);
	CHECK(s && store_complaint(s));
	store_close(&s);
	bench_open(&b);
	write_ok(&b, 10, start_ms, 10);
	store_writer_counts(b.w, &counts);
	CHECK_INT(counts.files_corrupt, 1);
	CHECK_INT(files(&b, ".db.corrupt"), 1);
	CHECK_INT(search(&b, "", false).n, 10);
	/* Once more on the same day, and with an empty schema's root overwritten. */
	store_writer_put(&b.w);
	damage(&b, "2026-11-24.db", 100, 1000);
	bench_open(&b);
	write_ok(&b, 10, start_ms, 10);
	CHECK_INT(files(&b, ".db.corrupt.1"), 1);
	CHECK_INT(search(&b, "", false).n, 10);
	bench_end(&b);
}

/* ---- what comes in ---- */

static void test_tail(void)
{
	struct bench b;
	struct err err;
	struct store_hit hit;
	struct query_error e;
	struct arena a, keep;
	struct store *s;
	struct query *q;

	bench_init(&b);
	write_ok(&b, 100, start_ms, 10);
	arena_init(&a, NULL);
	arena_init(&keep, NULL);
	s = store_open(b.data, &err);
	CHECK(store_tail_from_now(s, &err) == 0);
	CHECK_INT(store_tail(s, NULL, &a, &hit, &err), 0);
	write_ok(&b, 3, start_ms - 5000, 10); /* in the order of arrival, late ones, too */
	for (int i = 100; i < 103; i++) {
		CHECK_INT(store_tail(s, NULL, &a, &hit, &err), 1);
		CHECK_INT(number_of(&hit.ev), i);
	}
	CHECK_INT(store_tail(s, NULL, &a, &hit, &err), 0);
	/* The next day's file. */
	clock_advance(&b.clock, day_ms * 1000000);
	write_ok(&b, 40, start_ms + day_ms, 10);
	q = query_parse(&keep, STR("user:user7"), NULL, &e);
	CHECK_INT(store_tail(s, q, &a, &hit, &err), 1);
	CHECK_INT(number_of(&hit.ev), 107);
	CHECK_STR(hit.file, "2026-11-25");
	CHECK_INT(store_tail(s, q, &a, &hit, &err), 1);
	CHECK_INT(number_of(&hit.ev), 127);
	CHECK_INT(store_tail(s, q, &a, &hit, &err), 0);
	store_close(&s);
	arena_release(&a);
	arena_release(&keep);
	bench_end(&b);
}

static void test_no_store(void)
{
	struct err err = {""};

	CHECK(store_open("/nonexistent/weir", &err) == NULL);
	CHECK_STR(str_z(err.text), "there is no store in '/nonexistent/weir/store'");
}

/* ---- parts ---- */

static void test_ids(void)
{
	static const int64_t ids[] = {5, 6, 300, 299, INT64_MAX, 0};
	struct buf b;
	struct str blob;
	int64_t id = 0;

	buf_init(&b, 0);
	store_put_ids(&b, ids, 6);
	blob = buf_slice(&b);
	for (int i = 0; i < 6; i++) {
		CHECK(store_take_id(&blob, &id));
		CHECK_INT(id, ids[i]);
	}
	CHECK(!store_take_id(&blob, &id));
	blob = STR("\x80\x80");
	CHECK(!store_take_id(&blob, &id));
	CHECK_INT(blob.len, 0);
	buf_release(&b);
}

static void test_names(void)
{
	char name[STORE_NAME_MAX];
	struct str rest;
	int64_t day;
	unsigned part;

	store_name(start_ms / day_ms, 1, name);
	CHECK_STR(str_z(name), "2026-11-24.db");
	CHECK(store_name_parse(str_z(name), &day, &part, &rest) && day == start_ms / day_ms && part == 1 && rest.len == 0);
	store_name(day, 12, name);
	CHECK_STR(str_z(name), "2026-11-24.12.db");
	CHECK(store_name_parse(STR("2026-11-24.12.db-wal"), &day, &part, &rest) && part == 12);
	CHECK_STR(rest, "-wal");
	CHECK(!store_name_parse(STR("2026-11-24.1.db"), &day, &part, &rest));
	CHECK(!store_name_parse(STR("2026-13-24.db"), &day, &part, &rest));
	CHECK(!store_name_parse(STR("lock"), &day, &part, &rest));
}

struct keys_seen {
	unsigned keys, ids;
	bool ordered;
	char last[32];
};

static bool see(void *arg, struct str key, const int64_t *ids, size_t n)
{
	struct keys_seen *s = arg;

	s->ordered &= s->keys == 0 || str_cmp(str_z(s->last), key) < 0;
	for (size_t i = 1; i < n; i++)
		s->ordered &= ids[i - 1] < ids[i];
	snprintf(s->last, sizeof(s->last), "%.*s", STR_ARG(key));
	s->keys++;
	s->ids += (unsigned)n;
	return true;
}

static void test_postings(void)
{
	struct postings *p = postings_new();

	for (int round = 0; round < 2; round++) {
		struct keys_seen s = {.ordered = true}, one = {.ordered = true}, some = {.ordered = true};
		char key[32];

		for (int i = 9999; i >= 0; i--) {
			snprintf(key, sizeof(key), "key%d", i % 5000);
			postings_add(p, str_z(key), i);
			postings_add(p, str_z(key), i);
		}
		CHECK(postings_each(p, see, &s));
		CHECK_INT(s.keys, 5000);
		CHECK_INT(s.ids, 10000);
		CHECK(s.ordered);
		CHECK(postings_range(p, STR("key77"), STR(""), see, &one));
		CHECK_INT(one.ids, 2);
		CHECK(postings_range(p, STR("key77"), STR("key78"), see, &some));
		CHECK_INT(some.keys, 1 + 10 + 0);
		postings_clear(p);
	}
	postings_free(&p);
}

int main(void)
{
	hash_init(NULL);
	keys_init();
	test_ids();
	test_names();
	test_postings();
	test_no_store();
	test_round();
	test_shared();
	test_collision();
	test_odd_times();
	test_crash();
	test_retention();
	test_size();
	test_full_disk();
	test_corrupt();
	test_tail();
	return test_end();
}
