/*
 * metrics.c - the filter `metrics`: counts events and measures values, and tells of it in events of its own. Work thread.
 *
 * A report is made every flush_interval, as soon as anything was counted, whether events come or not, and a last one at the end where that
 * would have been due. The common options are the report's. Rates are moving averages over 1, 5 and 15 minutes of steps of 5 seconds; percentiles come from a sample of
 * 1028 values of each timer, drawn evenly over all since the last clear.
 */
#include "base/hash.h"
#include "base/log.h"
#include "base/number.h"
#include "filter/support.h"

#include <math.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	SERIES_MAX = 4096, /* names of one filter, searched one by one: further ones are not counted */
	SAMPLE = 1028,
	STEP_S = 5,
	RATES = 3,
};

static const int rate_minutes[RATES] = {1, 5, 15};

struct series_of {
	char *name;
	size_t len;
	uint32_t hash;
	uint64_t count;
	uint64_t uncounted; /* since the last step */
	double rate[RATES];
	bool stepped;
	/* of a timer */
	double min, max, mean, m2;
	double *sample; /* NULL: a meter */
};

struct metrics {
	const struct list *meter;
	const struct map *timer;
	int64_t ignore_older_than, flush_interval, clear_interval;
	const struct list *rates, *percentiles;
	bool split;
	struct str split_separator;
	const struct tmpl **meter_name, **timer_name, **timer_value;
	bool with_rate[RATES];
	struct series_of *series;
	uint32_t n, cap;
	int64_t step_ns;
	int64_t flushed_s, cleared_s; /* since then; by calls of flush, as Logstash counts */
	uint64_t draw; /* xorshift64: a sample, nothing that anybody may not foresee */
	bool full;
};

static int metrics_open(void *self, struct plugin_ctx *ctx, struct err *err)
{
	struct metrics *m = self;
	struct arena *a = ctx->arena;
	uint32_t n = m->timer ? m->timer->n : 0;

	for (uint32_t i = 0; m->rates && i < m->rates->n; i++) {
		const struct value *v = &m->rates->v[i];
		int at = 0;

		while (at < RATES && !(v->type == V_INT && v->i == rate_minutes[at]))
			at++;
		if (at == RATES)
			return err_set(err, "'rates' are 1, 5 and 15 (minutes)");
		m->with_rate[at] = true;
	}
	if (m->split && m->split_separator.len == 0)
		return err_set(err, "'split_seperator' is empty");
	m->meter_name = filter_tmpls(a, m->meter);
	m->timer_name = arena_alloc(a, n * sizeof(struct tmpl *) + 1);
	m->timer_value = arena_alloc(a, n * sizeof(struct tmpl *) + 1);
	for (uint32_t i = 0; i < n; i++) {
		m->timer_name[i] = tmpl_compile(a, key_str(&m->timer->e[i].key));
		m->timer_value[i] = tmpl_compile(a, value_text(a, &m->timer->e[i].val));
	}
	m->step_ns = clock_mono(ctx->settings->clock);
	m->draw = (uint64_t)clock_wall(ctx->settings->clock) | 1;
	return 0;
}

static void clear(struct metrics *m)
{
	for (uint32_t i = 0; i < m->n; i++) {
		free(m->series[i].name);
		free(m->series[i].sample);
	}
	m->n = 0;
	m->full = false;
}

static void metrics_close(void *self)
{
	struct metrics *m = self;

	clear(m);
	free(m->series);
}

/* ---- counting ---- */

static struct series_of *series_named(struct metrics *m, struct str name, bool timer)
{
	uint32_t hash = hash_str32(name);
	struct series_of *s;

	for (uint32_t i = 0; i < m->n; i++)
		if (m->series[i].hash == hash && str_eq(str_n(m->series[i].name, m->series[i].len), name) && (m->series[i].sample != NULL) == timer)
			return &m->series[i];
	if (m->n == SERIES_MAX) {
		if (!m->full)
			log_warn("filter", "metrics: there are %d names already: others are not counted", (int)SERIES_MAX);
		m->full = true;
		return NULL;
	}
	if (m->n == m->cap) {
		m->cap = m->cap ? m->cap * 2 : 8;
		m->series = xrealloc(m->series, m->cap * sizeof(*m->series));
	}
	s = &m->series[m->n++];
	*s = (struct series_of){.name = xstrdupz(name), .len = name.len, .hash = hash};
	if (timer)
		s->sample = xmalloc(SAMPLE * sizeof(*s->sample));
	return s;
}

static void mark(struct series_of *s)
{
	s->count++;
	s->uncounted++;
}

static void measure(struct metrics *m, struct series_of *s, double v)
{
	double delta = v - s->mean;

	s->min = s->count && s->min < v ? s->min : v;
	s->max = s->count && s->max > v ? s->max : v;
	mark(s);
	s->mean += delta / (double)s->count;
	s->m2 += delta * (v - s->mean);
	m->draw ^= m->draw << 13;
	m->draw ^= m->draw >> 7;
	m->draw ^= m->draw << 17;
	if (s->count <= SAMPLE)
		s->sample[s->count - 1] = v;
	else if (m->draw % s->count < SAMPLE)
		s->sample[m->draw % s->count] = v;
}

/* One more of each name that the text holds. */
static void count_text(struct metrics *m, struct str text)
{
	struct series_of *s;

	while (m->split) {
		ptrdiff_t at = str_find(text, m->split_separator);

		s = series_named(m, at < 0 ? text : str_sub(text, 0, (size_t)at), false);
		if (s)
			mark(s);
		if (at < 0)
			return;
		text = str_from(text, (size_t)at + m->split_separator.len);
	}
	s = series_named(m, text, false);
	if (s)
		mark(s);
}

static void count_event(struct metrics *m, struct event *ev, const struct clock *clock)
{
	struct str name, text;

	for (uint32_t i = 0; m->meter && i < m->meter->n; i++)
		if (tmpl_render(m->meter_name[i], ev, ev->arena, clock, &text, NULL) == 0)
			count_text(m, text);
	for (uint32_t i = 0; m->timer && i < m->timer->n; i++) {
		struct series_of *s;

		if (tmpl_render(m->timer_name[i], ev, ev->arena, clock, &name, NULL) ||
		    tmpl_render(m->timer_value[i], ev, ev->arena, clock, &text, NULL))
			continue;
		s = series_named(m, name, true);
		if (s)
			measure(m, s, ruby_to_f(text));
	}
}

/* The averages move on by the steps that are over; in the first of them was all that was counted. */
static void step(struct metrics *m, int64_t now)
{
	int64_t steps = (now - m->step_ns) / (STEP_S * 1000000000ll);

	if (steps <= 0)
		return;
	m->step_ns += steps * STEP_S * 1000000000ll;
	for (uint32_t i = 0; i < m->n; i++) {
		struct series_of *s = &m->series[i];
		double now_rate = (double)s->uncounted / STEP_S;

		for (int r = 0; r < RATES; r++) {
			double keep = exp(-(double)STEP_S / 60 / rate_minutes[r]);

			s->rate[r] = s->stepped ? s->rate[r] * keep + now_rate * (1 - keep) : now_rate;
			if (steps > 1)
				s->rate[r] *= pow(keep, (double)(steps - 1));
		}
		s->stepped = true;
		s->uncounted = 0;
	}
}

/* ---- the report ---- */

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* Between the two values of the sorted sample where it lies. */
static double percentile(const double *v, size_t n, double p)
{
	double at = p / 100 * (double)(n + 1);
	size_t below;

	if (n == 0)
		return 0;
	if (at < 1)
		return v[0];
	if (at >= (double)n)
		return v[n - 1];
	below = (size_t)at;
	return v[below - 1] + (at - floor(at)) * (v[below] - v[below - 1]);
}

static void put(struct event *ev, struct map *m, const char *name, struct value v)
{
	map_set(ev->arena, m, key_make(str_z(name)), v);
}

static void report_timer(const struct metrics *m, const struct series_of *s, struct event *ev, struct map *out)
{
	size_t n = s->count < SAMPLE ? s->count : SAMPLE;
	double *sorted = arena_alloc(ev->arena, SAMPLE * sizeof(*sorted));

	put(ev, out, "min", v_float(s->min));
	put(ev, out, "max", v_float(s->max));
	put(ev, out, "stddev", v_float(s->count > 1 ? sqrt(s->m2 / (double)(s->count - 1)) : 0));
	put(ev, out, "mean", v_float(s->mean));
	memcpy(sorted, s->sample, n * sizeof(*sorted));
	qsort(sorted, n, sizeof(*sorted), by_value);
	for (uint32_t i = 0; m->percentiles && i < m->percentiles->n; i++) {
		const struct value *p = &m->percentiles->v[i];
		struct str text = value_text(ev->arena, p);

		map_set(ev->arena, out, key_make(arena_printf(ev->arena, "p%.*s", STR_ARG(text))),
			v_float(percentile(sorted, n, ruby_to_f(text))));
	}
}

static void report(const struct metrics *m, struct event *ev)
{
	static const char *const names[RATES] = {"rate_1m", "rate_5m", "rate_15m"};
	char host[256] = "";

	(void)gethostname(host, sizeof(host) - 1);
	event_set_top(ev, key_make(STR("message")), v_str(arena_dup(ev->arena, str_z(host))));
	for (uint32_t i = 0; i < m->n; i++) {
		const struct series_of *s = &m->series[i];
		struct str name = arena_dup(ev->arena, str_n(s->name, s->len));
		struct map *out = map_new(ev->arena, 16);

		put(ev, out, "count", v_int((int64_t)s->count));
		for (int r = 0; r < RATES; r++)
			if (m->with_rate[r])
				put(ev, out, names[r], v_float(s->rate[r]));
		if (s->sample)
			report_timer(m, s, ev, out);
		event_set_top(ev, key_make(name), v_map(out));
	}
}

static enum step metrics_run(void *self, struct event *ev, struct step_ctx *ctx)
{
	struct metrics *m = self;
	struct ts t;

	step(m, clock_mono(ctx->clock));
	if (m->ignore_older_than > 0 && event_timestamp(ev, &t) &&
	    ts_cmp(t, ts_from_ns(clock_wall(ctx->clock) - m->ignore_older_than * 1000000000)) < 0)
		return STEP_PASS;
	count_event(m, ev, ctx->clock);
	return STEP_PASS;
}

static bool metrics_flush(void *self, struct step_ctx *ctx)
{
	struct metrics *m = self;

	m->flushed_s += FILTER_FLUSH_S;
	m->cleared_s += FILTER_FLUSH_S;
	if (m->flushed_s < m->flush_interval || m->n == 0)
		return false;
	m->flushed_s = 0;
	ctx->gen = arena_zalloc(ctx->arena, sizeof(bool));
	return true;
}

static int metrics_next(void *self, void *gen, const struct event *parent, struct event *child, struct step_ctx *ctx)
{
	struct metrics *m = self;
	bool *done = gen;

	(void)parent;
	if (*done)
		return 0;
	*done = true;
	step(m, clock_mono(ctx->clock));
	event_stamp(child, ts_from_ns(clock_wall(ctx->clock)));
	report(m, child);
	if (m->clear_interval > 0 && m->cleared_s >= m->clear_interval) {
		clear(m);
		m->cleared_s = 0;
	}
	return 1;
}

#define AT(member) offsetof(struct metrics, member)
static const struct option options[] = {
	{"meter", OPT_LIST, AT(meter), .doc = "names of what is counted: \"http_%{status}\""},
	{"timer", OPT_HASH, AT(timer), .doc = "name => value that is measured"},
	{"ignore_older_than", OPT_INT, AT(ignore_older_than), .def = "0", .min = 0, .max = 1000000000,
	 .doc = "seconds: older events do not count; 0: all do"},
	{"flush_interval", OPT_INT, AT(flush_interval), .def = "5", .min = 0, .max = 1000000000, .doc = "seconds between two reports, in steps of 5"},
	{"clear_interval", OPT_INT, AT(clear_interval), .def = "-1", .min = -1, .max = 1000000000,
	 .doc = "seconds after which all begins anew; -1: never"},
	{"rates", OPT_LIST, AT(rates), .def = "[1, 5, 15]", .doc = "minutes of the moving averages"},
	{"percentiles", OPT_LIST, AT(percentiles), .def = "[1, 5, 10, 90, 95, 99, 100]", .doc = "percentiles of timers"},
	{"split", OPT_BOOL, AT(split), .def = "false", .doc = "the text of a meter holds several names"},
	{"split_seperator", OPT_STRING, AT(split_separator), .def = "\",\"", .doc = "between them"},
	{0},
};
#undef AT

FILTER(metrics, .size = sizeof(struct metrics), .options = options, .stateful = true, .doc = "counts events, and reports as an event",
       .open = metrics_open, .close = metrics_close, .filter = {.run = metrics_run, .flush = metrics_flush, .next = metrics_next})
