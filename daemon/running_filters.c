/*
 * running_filters.c - what is counted of filters and of their expressions, on the page /metrics.
 *
 * A table of the plan that runs: each filter, the tally of each expression, and the series that they are copied into. It is made anew when the plan changes, on the
 * work thread (the first time on the main thread), and copied by whichever thread renders the page, under running.lock. The former plan is freed only
 * after its table is gone.
 */
#include "base/arena.h"
#include "base/count.h"
#include "running_int.h"

#include <stdio.h>
#include <stdlib.h>

enum { SERIES_MAX = 1000 }; /* of one pipeline; each takes four lines of the page */

/* Several rows that follow each other may have one series: their sum. */
struct row {
	const struct pattern_tally *tally;
	struct series *series;
};

struct filter_row {
	const struct plan_plugin *filter;
	struct series *series;
};

struct filter_table {
	struct filter_row *filter;
	size_t nfilters;
	struct row *row;
	size_t n, cap, series;
};

/* While the table is made. */
struct making {
	struct filter_table *table;
	const char *pipeline;
	struct str filter; /* id */
	unsigned nth;
	struct series *others; /* of this filter */
};

static struct series *series_of(struct making *k, struct str field, const char *nth, struct str pattern)
{
	struct label l[5] = {{"pipeline", str_z(k->pipeline)}, {"id", k->filter}, {"field", field}, {"nth", str_z(nth)}, {"pattern", pattern}};

	k->table->series++;
	return series_get(SCOPE_PATTERN, l, 5);
}

static void add_row(void *arg, struct str field, struct str pattern, const struct pattern_tally *tally)
{
	struct making *k = arg;
	struct filter_table *t = k->table;
	struct series *s = k->others;
	char nth[16];

	(void)snprintf(nth, sizeof(nth), "%u", ++k->nth);
	if (!s && t->series < SERIES_MAX)
		s = series_of(k, field, nth, pattern);
	else if (!s)
		s = k->others = series_of(k, STR(""), "others", STR(""));
	if (t->n == t->cap) {
		t->cap = t->cap ? 2 * t->cap : 32;
		t->row = xrealloc(t->row, t->cap * sizeof(*t->row));
	}
	t->row[t->n++] = (struct row){tally, s};
}

static struct series *filter_series(const struct running *r, const struct plan_plugin *pp)
{
	struct label l[3] = {{"pipeline", str_z(r->id)}, {"plugin", str_z(pp->plugin->name)}, {"id", pp->id}};

	return series_get(SCOPE_FILTER, l, 3);
}

static struct filter_table *table_of(const struct running *r, const struct plan *plan)
{
	struct filter_table *t = xzalloc(sizeof(*t));

	t->filter = xmalloc(plan->nfilters * sizeof(*t->filter) + 1);
	for (uint32_t i = 0; i < plan->nfilters; i++) {
		const struct plan_plugin *pp = plan->filter[i];
		struct making k = {.table = t, .pipeline = r->id, .filter = pp->id};

		t->filter[t->nfilters++] = (struct filter_row){pp, filter_series(r, pp)};
		if (pp->plugin->filter.patterns)
			pp->plugin->filter.patterns(pp->self, add_row, &k);
	}
	return t;
}

static void table_free(struct filter_table *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->n; i++)
		if (i == 0 || t->row[i].series != t->row[i - 1].series)
			series_unref(t->row[i].series);
	for (size_t i = 0; i < t->nfilters; i++)
		series_unref(t->filter[i].series);
	free(t->filter);
	free(t->row);
	free(t);
}

void stats_filters(struct running *r, const struct plan *plan)
{
	/* Series are got and given back without the lock: the page takes it while it holds theirs. */
	struct filter_table *t = plan ? table_of(r, plan) : NULL, *former;

	pthread_mutex_lock(&r->lock);
	former = r->filters;
	r->filters = t;
	pthread_mutex_unlock(&r->lock);
	table_free(former);
}

void stats_copy_filters(const struct filter_table *t)
{
	for (size_t i = 0; t && i < t->nfilters; i++) {
		const struct plan_plugin *pp = t->filter[i].filter;
		struct series *s = t->filter[i].series;

		series_set(s, M_FILTER_IN, count_read(&pp->in));
		series_set(s, M_FILTER_OUT, count_read(&pp->out));
		series_set(s, M_FILTER_BUSY, count_read(&pp->busy_ns));
	}
	for (size_t i = 0, k; t && i < t->n; i = k) {
		uint64_t tries = 0, hits = 0, limits = 0, ns = 0;
		struct series *s = t->row[i].series;

		for (k = i; k < t->n && t->row[k].series == s; k++) {
			tries += count_read(&t->row[k].tally->tries);
			hits += count_read(&t->row[k].tally->hits);
			limits += count_read(&t->row[k].tally->limits);
			ns += count_read(&t->row[k].tally->ns);
		}
		series_set(s, M_PATTERN_TRIES, tries);
		series_set(s, M_PATTERN_HITS, hits);
		series_set(s, M_PATTERN_LIMITS, limits);
		series_set(s, M_PATTERN_SECONDS, ns);
	}
}
