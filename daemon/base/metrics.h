/*
 * metrics.h - what weird counts, and the page /metrics in Prometheus' text format.
 *
 * All names with their explanations are in metrics.def. A series is one part of the configuration (a pipeline, an input, a filter, an
 * output, a UDP socket) with its labels and one slot for each metric of its scope; M_* is the slot. The scope PROCESS
 * has one series, which always exists.
 *
 *	struct series *s = series_get(SCOPE_FILTER, labels, 3);   when a plan is loaded
 *	series_add(s, M_FILTER_IN, 1);                            by the thread that owns the slot
 *	series_unref(s);                                          with the plan
 *
 * Whoever has counters of its own instead registers a function that copies them into its series before the page
 * is rendered: metrics_refresh_add().
 *
 * Slots are relaxed atomics: a number by itself, which orders nothing. Getting, giving back and rendering lock; counting does not.
 */
#ifndef WEIR_BASE_METRICS_H
#define WEIR_BASE_METRICS_H

#include "base/buf.h"

#include <stdatomic.h>

enum metric_kind {
	METRIC_COUNTER,		/* only grows */
	METRIC_COUNTER_SECONDS, /* the same; the slot is nanoseconds, the page shows seconds */
	METRIC_GAUGE,
	METRIC_GAUGE_SECONDS,
	METRIC_HISTOGRAM, /* of durations: METRIC_BUCKETS slots, their sum in nanoseconds, their count */
};

enum { METRIC_BUCKETS = 12, METRIC_HISTOGRAM_SLOTS = METRIC_BUCKETS + 2 };

enum metric_scope { SCOPE_PROCESS, SCOPE_PIPELINE, SCOPE_FILTER, SCOPE_PATTERN, SCOPE_INPUT, SCOPE_UDP, SCOPE_OUTPUT, SCOPE_STORE, SCOPE_LINK, SCOPE_IDENTITY, SCOPES };

/* M_LINES and so on: a metric's first slot, counted through all scopes; a histogram takes several. */
enum metric {
#define METRIC_SCOPE(scope) M_FIRST_##scope, M_BEFORE_##scope = M_FIRST_##scope - 1,
#define METRIC(id, kind, name, labels, line, text)                                                                             \
	M_##id, M_LAST_##id = M_##id + (METRIC_##kind == METRIC_HISTOGRAM ? METRIC_HISTOGRAM_SLOTS - 1 : 0),
#include "base/metrics.def"
#undef METRIC
#undef METRIC_SCOPE
	METRIC_SLOTS,
};

struct label {
	const char *name;
	struct str value; /* cut at 128 bytes, escaped */
};

struct series {
	struct series *next;
	enum metric_scope scope;
	unsigned refs;
	char *labels;		     /* pipeline="main",id="x" */
	unsigned first;		     /* the scope's first slot */
	_Atomic uint64_t *slot;	     /* of the scope's metrics */
};

/* The one of SCOPE_PROCESS. */
extern struct series *const metrics_process;

/* Finds or makes it: the same scope and labels give the same one, with what it has counted (a reload goes on counting). */
struct series *series_get(enum metric_scope scope, const struct label *labels, size_t n);
/* NULL is fine. The last one takes it off the page. */
void series_unref(struct series *s);

/* By the one thread that owns the slot. */
static inline void series_add(struct series *s, enum metric m, uint64_t n)
{
	_Atomic uint64_t *p = &s->slot[m - s->first];

	/* Relaxed, and no read-modify-write: nobody else writes here. */
	atomic_store_explicit(p, atomic_load_explicit(p, memory_order_relaxed) + n, memory_order_relaxed);
}

/* By any of several threads. */
static inline void series_add_shared(struct series *s, enum metric m, uint64_t n)
{
	/* Relaxed: only the sum matters. */
	atomic_fetch_add_explicit(&s->slot[m - s->first], n, memory_order_relaxed);
}

/* Gauges (negative values as their two's complement), and counters that are counted elsewhere. */
static inline void series_set(struct series *s, enum metric m, uint64_t v)
{
	/* Relaxed: as above. */
	atomic_store_explicit(&s->slot[m - s->first], v, memory_order_relaxed);
}

static inline uint64_t series_read(const struct series *s, enum metric m)
{
	/* Relaxed: the reader wants a recent value, not an order. */
	return atomic_load_explicit(&s->slot[m - s->first], memory_order_relaxed);
}

/* One duration into a histogram. Any thread. */
void series_observe(struct series *s, enum metric m, int64_t ns);

/* fn runs before each page, under the lock: it may only copy numbers into series it holds. arg is what removes it again; after that it does not run. */
void metrics_refresh_add(void (*fn)(void *arg), void *arg);
void metrics_refresh_remove(void *arg);

/* Once, when the process begins. */
void metrics_init(void);
/* The page. Any thread. */
void metrics_render(struct buf *out);
/* docs/metrics.md: each metric with its long text. */
void metrics_describe(struct buf *out);

/* For tests: label values must match as a whole; UINT64_MAX where there is no such series. */
uint64_t metrics_find(enum metric m, const struct label *labels, size_t n);

#endif
