/*
 * running_patterns.c - what filters count of their expressions, on the page /metrics.
 *
 * A table of the plan that runs: the tally of each expression and the series that it is copied into. It is made anew when the plan changes, on the
 * work thread (the first time on the main thread), and copied by whichever thread renders the page, under running.lock. The former plan is freed only
 * after its table is gone.
 */
#include "base/arena.h"
#include "running_int.h"

#include <stdio.h>
#include <stdlib.h>

enum { SERIES_MAX = 1000 }; /* of one pipeline; each takes four lines of the page */

/* Several rows that follow each other may have one series: their sum. */
struct row {
	const struct pattern_tally *tally;
	struct series *series;
};

struct pattern_table {
	struct row *row;
	size_t n, cap, series;
};

/* While the table is made. */
struct making {
	struct pattern_table *table;
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
	struct pattern_table *t = k->table;
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

static struct pattern_table *table_of(const struct running *r, const struct plan *plan)
{
	struct pattern_table *t = xzalloc(sizeof(*t));

	for (uint32_t i = 0; i < plan->nfilters; i++) {
		const struct plan_plugin *pp = plan->filter[i];
		struct making k = {.table = t, .pipeline = r->id, .filter = pp->id};

		if (pp->plugin->filter.patterns)
			pp->plugin->filter.patterns(pp->self, add_row, &k);
	}
	return t;
}

static void table_free(struct pattern_table *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->n; i++)
		if (i == 0 || t->row[i].series != t->row[i - 1].series)
			series_unref(t->row[i].series);
	free(t->row);
	free(t);
}

void stats_patterns(struct running *r, const struct plan *plan)
{
	/* Series are got and given back without the lock: the page takes it while it holds theirs. */
	struct pattern_table *t = plan ? table_of(r, plan) : NULL, *former;

	pthread_mutex_lock(&r->lock);
	former = r->patterns;
	r->patterns = t;
	pthread_mutex_unlock(&r->lock);
	table_free(former);
}

static uint64_t read_count(const _Atomic uint64_t *c)
{
	/* Relaxed: a number by itself. */
	return atomic_load_explicit(c, memory_order_relaxed);
}

void stats_copy_patterns(const struct pattern_table *t)
{
	for (size_t i = 0, k; t && i < t->n; i = k) {
		uint64_t tries = 0, hits = 0, limits = 0, ns = 0;
		struct series *s = t->row[i].series;

		for (k = i; k < t->n && t->row[k].series == s; k++) {
			tries += read_count(&t->row[k].tally->tries);
			hits += read_count(&t->row[k].tally->hits);
			limits += read_count(&t->row[k].tally->limits);
			ns += read_count(&t->row[k].tally->ns);
		}
		series_set(s, M_PATTERN_TRIES, tries);
		series_set(s, M_PATTERN_HITS, hits);
		series_set(s, M_PATTERN_LIMITS, limits);
		series_set(s, M_PATTERN_SECONDS, ns);
	}
}
