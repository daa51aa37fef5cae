/*
 * bench_store.c - the embedded store alone: transactions of 1,024 documents of some 5 keys, and what each costs in processor time.
 *
 *	bench_store [EVENTS [CORPUS TRUTH [keep]]]	lines and client addresses as gen_corpus.py and its --truth write them
 *
 * Without a corpus the lines are made up, and there are few of them. Only the time in the store counts, of its own thread; then some searches.
 */
#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "event/json.h"
#include "outputs/store_read.h"
#include "outputs/store_write.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { BATCH = 1024, LINE = 8192, USERS = 300 };

static FILE *corpus, *truth;
static uint64_t random_state = 88172645463325252u;

static void fail(const char *what)
{
	fprintf(stderr, "bench_store: %s\n", what);
	exit(EXIT_FAILURE);
}

static uint64_t next_random(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

static double cpu_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double wall_s(void)
{
	return (double)clock_mono(&clock_system) / 1e9;
}

/* ---- documents ---- */

static void made_up_line(char *line, char *ip)
{
	uint64_t r = next_random();

	snprintf(ip, 64, "%u.%u.%u.%u", (unsigned)(r & 127) + 1, (unsigned)(r >> 8 & 255), (unsigned)(r >> 16 & 31), (unsigned)(r >> 24 & 7));
	snprintf(line, LINE, "<22>Nov  2 08:00:00 mx%u postfix/smtpd[%u]: %llX: client=host%u.example%u.org[%s]", (unsigned)(r >> 32 & 3),
		 (unsigned)(r >> 34 & 4095), (unsigned long long)(r >> 20 & 0xffffffffff), (unsigned)(r >> 40 & 1023), (unsigned)(r >> 50 & 255), ip);
}

static bool next_line(char *line, char *ip)
{
	char *tab;

	if (!corpus) {
		made_up_line(line, ip);
		return true;
	}
	if (!fgets(line, LINE, corpus) || !fgets(ip, 128, truth)) {
		rewind(corpus);
		rewind(truth);
		return false;
	}
	line[strcspn(line, "\n")] = 0;
	ip[strcspn(ip, "\n")] = 0;
	tab = strchr(ip, '\t');
	if (tab)
		memmove(ip, tab + 1, strlen(tab + 1) + 1);
	return true;
}

static void string(struct buf *b, const char *name, struct str value)
{
	buf_printf(b, "\"%s\":", name);
	json_write_string(b, value);
}

/* What the shipped pipeline makes of a line, more or less. */
static void document(struct buf *b, uint64_t n, int64_t ms, const char *line, const char *ip)
{
	struct str all = str_z(line), rest = str_from(all, 20), host = {0}, program = {0}, query = {0};
	char time[TS_TEXT_MAX];
	ptrdiff_t at;

	(void)str_cut(&rest, ' ', &host);
	at = str_find(rest, STR(": "));
	program = str_sub(rest, 0, at > 0 ? (size_t)at : 0);
	rest = at > 0 ? str_from(rest, (size_t)at + 2) : rest;
	at = str_find(rest, STR("query: "));
	if (at >= 0) {
		query = str_from(rest, (size_t)at + 7);
		query = str_sub(query, 0, (size_t)(str_chr(query, ' ') > 0 ? str_chr(query, ' ') : 0));
	}
	ts_format(ts_from_ns(ms * 1000000), time);
	buf_printf(b, "{\"@timestamp\":\"%s\",\"@version\":\"1\",", time);
	string(b, "message", rest);
	buf_lit(b, ",\"event\":{");
	string(b, "original", all);
	buf_lit(b, ",\"dataset\":\"weir.syslog\"},\"host\":{");
	string(b, "name", host);
	buf_lit(b, ",\"hostname\":");
	json_write_string(b, host);
	buf_lit(b, "},\"process\":{");
	string(b, "name", str_sub(program, 0, (size_t)(str_chr(program, '[') > 0 ? str_chr(program, '[') : (ptrdiff_t)program.len)));
	buf_printf(b, ",\"pid\":%u},\"log\":{\"syslog\":{\"priority\":22,\"facility\":{\"code\":2,\"name\":\"mail\"},"
		      "\"severity\":{\"code\":6,\"name\":\"informational\"}},\"source\":{\"address\":\"192.0.2.1\"}},\"service\":{\"type\":\"system\"}",
		   (unsigned)(n % 30000));
	if (ip[0] != '-')
		buf_printf(b, ",\"source\":{\"ip\":\"%s\",\"user\":{\"name\":\"user%u\"}},\"related\":{\"ip\":[\"%s\"],\"user\":[\"user%u\"]}", ip,
			   (unsigned)(next_random() % USERS), ip, (unsigned)(n % USERS));
	if (query.len) {
		buf_lit(b, ",\"dns\":{\"question\":{");
		string(b, "name", query);
		buf_lit(b, "}}");
	}
	buf_printf(b, ",\"weir\":{\"chain\":{\"id\":\"%016llx\"}}}", (unsigned long long)((n / 6) * 0x9e3779b97f4a7c15u));
}

/* ---- writing ---- */

struct part {
	double cpu, wall;
	uint64_t events;
};

static void report(const char *what, const struct part *p)
{
	printf("%-22s %8.0f events/s   %6.1f CPU s a million   %8.0f events a CPU second\n", what, (double)p->events / p->wall,
	       p->cpu / (double)p->events * 1e6, (double)p->events / p->cpu);
	fflush(stdout);
}

static void write_all(const char *dir, uint64_t events)
{
	struct store_limits limits = {0, 0};
	struct err err;
	struct store_writer *w = store_writer_get(dir, &limits, &clock_system, &err);
	struct store_doc doc[BATCH];
	size_t off[BATCH + 1];
	char ids[BATCH][24], line[LINE], ip[128];
	struct part slice = {0}, sum = {0};
	int64_t now = clock_wall(&clock_system) / 1000000;
	struct buf b;

	if (!w)
		fail(err.text);
	buf_init(&b, 0);
	for (uint64_t n = 0; n < events; n += BATCH) {
		double cpu, wall;

		buf_clear(&b);
		for (size_t i = 0; i < BATCH; i++) {
			while (!next_line(line, ip))
				;
			off[i] = b.len;
			document(&b, n + i, now - (int64_t)(events - n - i) / 15, line, ip);
			snprintf(ids[i], sizeof(ids[i]), "AZMV%012llxAAAAAA", (unsigned long long)(n + i));
		}
		off[BATCH] = b.len;
		for (size_t i = 0; i < BATCH; i++)
			doc[i] = (struct store_doc){str_n(b.p + off[i], off[i + 1] - off[i]), str_n(ids[i], 22)};
		cpu = cpu_s();
		wall = wall_s();
		if (store_writer_add(w, doc, BATCH, now, &err) != STORE_WRITTEN)
			fail(err.text);
		slice.cpu += cpu_s() - cpu;
		slice.wall += wall_s() - wall;
		slice.events += BATCH;
		if (slice.events >= 500000 || n + BATCH >= events) {
			char what[40];

			sum.cpu += slice.cpu;
			sum.wall += slice.wall;
			sum.events += slice.events;
			snprintf(what, sizeof(what), "up to %llu", (unsigned long long)(n + BATCH));
			report(what, &slice);
			slice = (struct part){0};
		}
	}
	report("all", &sum);
	store_writer_put(&w);
	buf_release(&b);
}

/* ---- reading ---- */

static void search_for(const char *data, const char *text)
{
	struct query_error e;
	struct store_find f = {.newest_first = true};
	struct store_hit hit;
	struct store_cursor *c;
	struct arena a, scratch;
	struct store *s;
	double begun = wall_s(), first = 0;
	unsigned n = 0;

	arena_init(&a, NULL);
	arena_init(&scratch, NULL);
	f.query = query_parse(&a, str_z(text), NULL, &e);
	s = f.query ? store_open(data, &e.err) : NULL;
	c = s ? store_find(s, &f, &e.err) : NULL;
	if (!c)
		fail(e.err.text);
	while (n < 1000 && store_next(c, &scratch, &hit, &e.err) == 1) {
		n++;
		first = first > 0 ? first : wall_s() - begun;
		arena_clear(&scratch);
	}
	printf("  %-40s %5u found, first after %7.1f ms, all after %7.1f ms\n", text, n, first * 1e3, (wall_s() - begun) * 1e3);
	store_cursor_free(&c);
	store_close(&s);
	arena_release(&a);
	arena_release(&scratch);
}

static void remove_all(const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	uint64_t bytes = 0;
	struct stat st;

	while (d && (e = readdir(d)))
		if (e->d_name[0] != '.' && fstatat(dirfd(d), e->d_name, &st, 0) == 0) {
			bytes += (uint64_t)st.st_size;
			unlinkat(dirfd(d), e->d_name, 0);
		}
	if (d)
		closedir(d);
	rmdir(dir);
	printf("%.0f MB on disk\n", (double)bytes / 1e6);
}

int main(int argc, char **argv)
{
	static const char *const searches[] = {"ip:10.23.17.83", "ip:10.23.0.0/16", "user:user17", "host:mx2", "name:*.silver-north.in", "host:nosuch",
					       "disconnect", "\"Bye Bye\" host:bastion", "user:user17 AND postfix", "process.pid:777", "nosuchword"};
	uint64_t events = 200 * 1024;
	const char *tmp = getenv("TMPDIR");
	char data[PATH_MAX], dir[PATH_MAX + 8];

	if (argc > 1 && !str_u64(str_z(argv[1]), 100000000, &events))
		fail("how many events?");
	if (argc > 3) {
		corpus = fopen(argv[2], "r");
		truth = fopen(argv[3], "r");
		if (!corpus || !truth)
			fail("no corpus");
	}
	hash_init(NULL);
	keys_init();
	snprintf(data, sizeof(data), "%s/weir-bench-XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(data))
		fail("no folder for the store");
	snprintf(dir, sizeof(dir), "%s/store", data);
	write_all(dir, events);
	for (size_t i = 0; i < sizeof(searches) / sizeof(*searches); i++)
		search_for(data, searches[i]);
	if (argc > 4) {
		printf("kept in %s\n", data);
		return EXIT_SUCCESS;
	}
	remove_all(dir);
	rmdir(data);
	return EXIT_SUCCESS;
}
