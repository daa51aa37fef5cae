/*
 * metrics.c - what weird counts, and the page /metrics in Prometheus' text format (version 0.0.4):
 *
 *	# HELP weir_pipeline_lines_total lines received
 *	# TYPE weir_pipeline_lines_total counter
 *	weir_pipeline_lines_total{pipeline="main"} 1234
 *
 * The list of series is behind one mutex: it changes when a configuration is loaded, and is read when the page is rendered. Slots are
 * counted without it.
 */
#include "base/metrics.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

enum { LABEL_MAX = 128 };

struct row {
	enum metric slot;
	enum metric_scope scope;
	enum metric_kind kind;
	const char *name, *labels, *line, *text;
};

/* A row without a name begins a scope. */
#define METRIC_SCOPE(s) {.slot = M_FIRST_##s, .scope = SCOPE_##s},
#define METRIC(id, k, n, l, one, more) {.slot = M_##id, .scope = SCOPES, .kind = METRIC_##k, .name = n, .labels = l, .line = one, .text = more},
static const struct row rows[] = {
#include "base/metrics.def"
};
#undef METRIC
#undef METRIC_SCOPE

enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

static const char *const scope_labels[SCOPES] = {
	[SCOPE_PROCESS] = "none", [SCOPE_PIPELINE] = "pipeline", [SCOPE_FILTER] = "pipeline, plugin, id",
	[SCOPE_PATTERN] = "pipeline, id, field, nth, pattern",
	[SCOPE_INPUT] = "pipeline, plugin, id", [SCOPE_UDP] = "pipeline, id, socket", [SCOPE_OUTPUT] = "pipeline, plugin, id",
	[SCOPE_STORE] = "folder",
	[SCOPE_LINK] = "pipeline, id",
	[SCOPE_IDENTITY] = "pipeline, id",
};

/* Upper ends, in nanoseconds; the last bucket has none. */
static const int64_t bound_ns[METRIC_BUCKETS - 1] = {
	1000000, 5000000, 10000000, 50000000, 100000000, 500000000, 1000000000, 5000000000, 10000000000, 30000000000, 60000000000,
};
static const char *const bound_text[METRIC_BUCKETS] = {"0.001", "0.005", "0.01", "0.05", "0.1", "0.5", "1", "5", "10", "30", "60", "+Inf"};

enum { PROCESS_SLOTS = M_FIRST_PIPELINE - M_FIRST_PROCESS };

static _Atomic uint64_t process_slots[PROCESS_SLOTS];
static struct series process = {.scope = SCOPE_PROCESS, .refs = 1, .labels = (char *)"", .first = M_FIRST_PROCESS, .slot = process_slots};
struct series *const metrics_process = &process;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct series *all = &process; /* in the order they were made */
static struct refresher {
	struct refresher *next;
	void (*fn)(void *arg);
	void *arg;
} *refreshers;

/* ---- series ---- */

static void scope_range(enum metric_scope scope, unsigned *first, unsigned *count)
{
	static const unsigned begin[SCOPES + 1] = {M_FIRST_PROCESS, M_FIRST_PIPELINE, M_FIRST_FILTER, M_FIRST_PATTERN, M_FIRST_INPUT, M_FIRST_UDP,
						   M_FIRST_OUTPUT, M_FIRST_STORE, M_FIRST_LINK, M_FIRST_IDENTITY, METRIC_SLOTS};

	*first = begin[scope];
	*count = begin[scope + 1] - begin[scope];
}

static void put_label(struct buf *out, const struct label *l)
{
	struct str v = str_sub(l->value, 0, LABEL_MAX);

	/* Cut between two characters. */
	while (v.len && v.len < l->value.len && ((unsigned char)v.p[v.len] & 0xc0) == 0x80)
		v.len--;

	buf_str(out, str_z(l->name));
	buf_lit(out, "=\"");
	for (size_t i = 0; i < v.len; i++) {
		unsigned char c = (unsigned char)v.p[i];

		if (c == '\n')
			buf_lit(out, "\\n");
		else if (c == '"' || c == '\\')
			buf_printf(out, "\\%c", c);
		else
			buf_ch(out, c < 0x20 || c == 0x7f ? '?' : (char)c);
	}
	buf_ch(out, '"');
}

/* NUL-terminated, of the caller. */
static char *labels_text(const struct label *labels, size_t n)
{
	struct buf b;

	buf_init(&b, 0);
	for (size_t i = 0; i < n; i++) {
		if (i)
			buf_ch(&b, ',');
		put_label(&b, &labels[i]);
	}
	buf_ch(&b, '\0');
	return b.p;
}

static struct series *find(enum metric_scope scope, const char *labels)
{
	for (struct series *s = all; s; s = s->next)
		if (s->scope == scope && strcmp(s->labels, labels) == 0)
			return s;
	return NULL;
}

struct series *series_get(enum metric_scope scope, const struct label *labels, size_t n)
{
	char *text = labels_text(labels, n);
	struct series *s, **end;
	unsigned count;

	pthread_mutex_lock(&lock);
	s = find(scope, text);
	if (s) {
		s->refs++;
		free(text);
	} else {
		s = xzalloc(sizeof(*s));
		s->scope = scope;
		s->refs = 1;
		s->labels = text;
		scope_range(scope, &s->first, &count);
		s->slot = xzalloc(count * sizeof(*s->slot));
		for (end = &all; *end; end = &(*end)->next)
			;
		*end = s;
		series_add_shared(&process, M_SERIES, 1);
	}
	pthread_mutex_unlock(&lock);
	return s;
}

void series_unref(struct series *s)
{
	struct series **at;

	if (!s || s == &process)
		return;
	pthread_mutex_lock(&lock);
	if (--s->refs == 0) {
		for (at = &all; *at != s; at = &(*at)->next)
			;
		*at = s->next;
		free(s->labels);
		free(s->slot);
		free(s);
		series_add_shared(&process, M_SERIES, (uint64_t)-1);
	}
	pthread_mutex_unlock(&lock);
}

void series_observe(struct series *s, enum metric m, int64_t ns)
{
	unsigned i = 0;

	if (ns < 0)
		ns = 0;
	while (i < METRIC_BUCKETS - 1 && ns > bound_ns[i])
		i++;
	series_add_shared(s, m + i, 1);
	series_add_shared(s, m + METRIC_BUCKETS, (uint64_t)ns);
	series_add_shared(s, m + METRIC_BUCKETS + 1, 1);
}

uint64_t metrics_find(enum metric m, const struct label *labels, size_t n)
{
	char *text = labels_text(labels, n);
	uint64_t v = UINT64_MAX;

	pthread_mutex_lock(&lock);
	for (struct series *s = all; s; s = s->next) {
		unsigned first, count;

		scope_range(s->scope, &first, &count);
		if ((unsigned)m >= first && (unsigned)m < first + count && strcmp(s->labels, text) == 0)
			v = series_read(s, m);
	}
	pthread_mutex_unlock(&lock);
	free(text);
	return v;
}

/* ---- refreshing ---- */

void metrics_refresh_add(void (*fn)(void *arg), void *arg)
{
	struct refresher *r = xmalloc(sizeof(*r));

	pthread_mutex_lock(&lock);
	*r = (struct refresher){refreshers, fn, arg};
	refreshers = r;
	pthread_mutex_unlock(&lock);
}

void metrics_refresh_remove(void *arg)
{
	struct refresher **at, *r;

	pthread_mutex_lock(&lock);
	for (at = &refreshers; (r = *at);) {
		if (r->arg != arg) {
			at = &r->next;
			continue;
		}
		*at = r->next;
		free(r);
	}
	pthread_mutex_unlock(&lock);
}

static uint64_t resident_bytes(void)
{
	char text[128];
	struct str s, size;
	uint64_t pages = 0;
	ssize_t n;
	int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);

	if (fd == -1)
		return 0;
	n = read(fd, text, sizeof(text));
	close(fd);
	s = str_n(text, n > 0 ? (size_t)n : 0);
	if (str_cut(&s, ' ', &size) && str_take_u64(&s, 18, UINT64_MAX / 65536, &pages))
		return pages * (uint64_t)sysconf(_SC_PAGESIZE);
	return 0;
}

static uint64_t open_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	uint64_t n = 0;

	if (!d)
		return 0;
	while (readdir(d))
		n++;
	closedir(d);
	return n > 3 ? n - 3 : 0; /* without ".", ".." and the folder itself */
}

void metrics_init(void)
{
	series_set(&process, M_START_TIME, (uint64_t)clock_wall(&clock_system));
	series_set(&process, M_RELOAD_STATE, 1);
}

static void refresh_process(void)
{
	struct rusage ru;

	if (getrusage(RUSAGE_SELF, &ru) == 0)
		series_set(&process, M_CPU_SECONDS,
			   (uint64_t)(ru.ru_utime.tv_sec + ru.ru_stime.tv_sec) * 1000000000 +
				   (uint64_t)(ru.ru_utime.tv_usec + ru.ru_stime.tv_usec) * 1000);
	series_set(&process, M_RESIDENT, resident_bytes());
	series_set(&process, M_OPEN_FDS, open_fds());
	series_set(&process, M_LOG_ERRORS, log_count(LOG_ERROR));
	series_set(&process, M_LOG_WARNINGS, log_count(LOG_WARN) - log_count(LOG_ERROR));
}

/* ---- the page ---- */

static void put_name(struct buf *out, const struct row *r, const char *suffix, const struct series *s, const char *le)
{
	bool first = true;
	const char *part[2] = {s->labels, r->labels};

	buf_str(out, str_z(r->name));
	buf_str(out, str_z(suffix));
	for (int i = 0; i < 2; i++) {
		if (!*part[i])
			continue;
		buf_ch(out, first ? '{' : ',');
		buf_str(out, str_z(part[i]));
		first = false;
	}
	if (le)
		buf_printf(out, "%cle=\"%s\"", first ? '{' : ',', le);
	if (!first || le)
		buf_ch(out, '}');
	buf_ch(out, ' ');
}

static void put_seconds(struct buf *out, uint64_t ns)
{
	buf_printf(out, "%llu.%09llu\n", (unsigned long long)(ns / 1000000000), (unsigned long long)(ns % 1000000000));
}

static void put_histogram(struct buf *out, const struct row *r, const struct series *s)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < METRIC_BUCKETS; i++) {
		sum += series_read(s, r->slot + i);
		put_name(out, r, "_bucket", s, bound_text[i]);
		buf_printf(out, "%llu\n", (unsigned long long)sum);
	}
	put_name(out, r, "_sum", s, NULL);
	put_seconds(out, series_read(s, r->slot + METRIC_BUCKETS));
	put_name(out, r, "_count", s, NULL);
	/* The buckets' sum, not the slot: the page must agree with itself while others count. */
	buf_printf(out, "%llu\n", (unsigned long long)sum);
}

static void put_sample(struct buf *out, const struct row *r, const struct series *s)
{
	if (r->kind == METRIC_HISTOGRAM) {
		put_histogram(out, r, s);
		return;
	}
	put_name(out, r, "", s, NULL);
	if (r->kind == METRIC_COUNTER_SECONDS || r->kind == METRIC_GAUGE_SECONDS) {
		put_seconds(out, series_read(s, r->slot));
		return;
	}
	if (r->kind == METRIC_GAUGE)
		buf_i64(out, (int64_t)series_read(s, r->slot));
	else
		buf_u64(out, series_read(s, r->slot));
	buf_ch(out, '\n');
}

static const char *kind_name(enum metric_kind k)
{
	return k == METRIC_HISTOGRAM ? "histogram" : k == METRIC_COUNTER || k == METRIC_COUNTER_SECONDS ? "counter" : "gauge";
}

static bool in_use(enum metric_scope scope)
{
	for (const struct series *s = all; s; s = s->next)
		if (s->scope == scope)
			return true;
	return false;
}

void metrics_render(struct buf *out)
{
	enum metric_scope scope = SCOPE_PROCESS;
	unsigned end;

	pthread_mutex_lock(&lock);
	refresh_process();
	for (const struct refresher *r = refreshers; r; r = r->next)
		r->fn(r->arg);
	buf_printf(out, "# HELP weir_build_info what runs here\n# TYPE weir_build_info gauge\nweir_build_info{version=\"%s\"} 1\n", WEIR_VERSION);
	for (unsigned i = 0; i < ROWS; i = end) {
		end = i + 1;
		if (!rows[i].name) {
			scope = rows[i].scope;
			continue;
		}
		/* Rows of one name are one family: all their samples stand together. */
		while (end < ROWS && rows[end].name && strcmp(rows[end].name, rows[i].name) == 0)
			end++;
		if (!in_use(scope))
			continue;
		buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", rows[i].name, rows[i].line, rows[i].name, kind_name(rows[i].kind));
		for (const struct series *s = all; s; s = s->next)
			for (unsigned k = i; s->scope == scope && k < end; k++)
				put_sample(out, &rows[k], s);
	}
	pthread_mutex_unlock(&lock);
}

void metrics_describe(struct buf *out)
{
	buf_lit(out, "# What weird counts\n\nGET /metrics on 127.0.0.1 shows it in Prometheus' text format. Made from daemon/base/metrics.def.\n");
	for (unsigned i = 0; i < ROWS; i++) {
		const struct row *r = &rows[i];

		if (!r->name) {
			static const char *const titles[SCOPES] = {"The process", "Each pipeline", "Each filter", "Each pattern of grok", "Each input", "Each UDP socket", "Each output",
									    "The embedded store", "Each filter link"};

			buf_printf(out, "\n## %s\n\nLabels: %s.\n", titles[r->scope], scope_labels[r->scope]);
			continue;
		}
		if (*r->line)
			buf_printf(out, "\n### %s\n%s: %s.", r->name, kind_name(r->kind), r->line);
		if (*r->text)
			buf_printf(out, " %s", r->text);
		if (*r->line)
			buf_ch(out, '\n');
		if (*r->labels)
			buf_printf(out, "- `%s`\n", r->labels);
	}
}
