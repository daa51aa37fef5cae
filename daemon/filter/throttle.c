/*
 * throttle.c - the filter `throttle`: succeeds on events that come too seldom or too often. Work thread.
 *
 * Events are counted by key and by period of their own time; a period begins with the key's first event. Periods older than max_age are
 * forgotten, and so are keys that were silent for as long. When there are more than max_counters periods max_age goes down step by step, as in
 * Logstash; what then still does not fit is forgotten in order of age and counted in the log.
 */
#include "base/hash.h"
#include "base/log.h"
#include "base/number.h"
#include "filter/support.h"

#include <stdlib.h>

enum {
	SWEEP_S = 5,   /* between two looks at all keys */
	MIN_PERCENT = 5, STEP_PERCENT = 5, GROW_PERCENT = 80, /* of max_age, and of max_counters */
	SLOTS_MAX = 4096, /* periods of one key */
};

struct slot {
	int64_t begin;
	uint64_t count;
};

struct entry_key {
	struct entry_key *next; /* in its bucket */
	int64_t created, latest;
	uint32_t n, cap;
	struct slot *slot;
	uint32_t len;
	uint64_t hash;
	char key[];
};

struct table {
	struct entry_key **bucket;
	size_t size, keys; /* size is a power of two */
	uint64_t counters;
	int64_t max_age, sweep_ns;
};

struct throttle {
	const struct tmpl *key, *period;
	int64_t before_count, after_count, max_age, max_counters;
	struct table table;
};

static int throttle_open(void *self, struct plugin_ctx *ctx, struct err *err)
{
	struct throttle *t = self;

	(void)err;
	t->table.size = 64;
	t->table.bucket = xzalloc(t->table.size * sizeof(struct entry_key *));
	t->table.max_age = t->max_age;
	t->table.sweep_ns = clock_mono(ctx->settings->clock);
	return 0;
}

static void entry_free(struct table *t, struct entry_key *e)
{
	t->counters -= e->n;
	t->keys--;
	free(e->slot);
	free(e);
}

static void table_clear(struct table *t)
{
	for (size_t i = 0; i < t->size; i++)
		while (t->bucket[i]) {
			struct entry_key *e = t->bucket[i];

			t->bucket[i] = e->next;
			entry_free(t, e);
		}
	free(t->bucket);
	*t = (struct table){0};
}

static void throttle_close(void *self)
{
	struct throttle *t = self;

	table_clear(&t->table);
}

static void throttle_adopt(void *self, void *former)
{
	struct throttle *t = self, *f = former;
	int64_t max_age = t->table.max_age;

	table_clear(&t->table);
	t->table = f->table;
	t->table.max_age = max_age;
	f->table = (struct table){0};
}

static void table_grow(struct table *t)
{
	size_t size = t->size * 2;
	struct entry_key **bucket = xzalloc(size * sizeof(struct entry_key *));

	for (size_t i = 0; i < t->size; i++)
		while (t->bucket[i]) {
			struct entry_key *e = t->bucket[i];

			t->bucket[i] = e->next;
			e->next = bucket[e->hash & (size - 1)];
			bucket[e->hash & (size - 1)] = e;
		}
	free(t->bucket);
	t->bucket = bucket;
	t->size = size;
}

static struct entry_key *table_get(struct table *t, struct str key, int64_t epoch)
{
	uint64_t hash = hash_bytes(key.p, key.len);
	struct entry_key *e;

	for (e = t->bucket[hash & (t->size - 1)]; e; e = e->next)
		if (e->hash == hash && str_eq(str_n(e->key, e->len), key))
			return e;
	if (t->keys >= t->size)
		table_grow(t);
	e = xzalloc(sizeof(*e) + key.len);
	e->created = e->latest = epoch;
	e->hash = hash;
	e->len = (uint32_t)key.len;
	if (key.len)
		memcpy(e->key, key.p, key.len);
	e->next = t->bucket[hash & (t->size - 1)];
	t->bucket[hash & (t->size - 1)] = e;
	t->keys++;
	return e;
}

/* Forgets the slot of the smallest time where there are too many of one key. */
static void make_room(struct table *t, struct entry_key *e)
{
	uint32_t oldest = 0;

	if (e->n < SLOTS_MAX)
		return;
	for (uint32_t i = 1; i < e->n; i++)
		if (e->slot[i].begin < e->slot[oldest].begin)
			oldest = i;
	e->slot[oldest] = e->slot[--e->n];
	t->counters--;
}

/* One more in the period that begins at `begin`. */
static uint64_t count(struct table *t, struct entry_key *e, int64_t begin)
{
	for (uint32_t i = e->n; i-- > 0;)
		if (e->slot[i].begin == begin)
			return ++e->slot[i].count;
	make_room(t, e);
	if (e->n == e->cap) {
		e->cap = e->cap ? e->cap * 2 : 2;
		e->slot = xrealloc(e->slot, e->cap * sizeof(*e->slot));
	}
	e->slot[e->n++] = (struct slot){begin, 1};
	t->counters++;
	return 1;
}

static void expire_slots(struct table *t, struct entry_key *e)
{
	int64_t latest = 0;

	if (e->n < 2)
		return;
	for (uint32_t i = 0; i < e->n; i++)
		if (e->slot[i].begin > latest)
			latest = e->slot[i].begin;
	for (uint32_t i = 0; i < e->n;)
		if (e->slot[i].begin < latest - t->max_age) {
			e->slot[i] = e->slot[--e->n];
			t->counters--;
		} else {
			i++;
		}
}

/* Keys whose last event is older than `age` before the youngest of all. */
static void expire_keys(struct table *t, int64_t age)
{
	int64_t latest = INT64_MIN;

	for (size_t i = 0; i < t->size; i++)
		for (struct entry_key *e = t->bucket[i]; e; e = e->next)
			if (e->latest > latest)
				latest = e->latest;
	for (size_t i = 0; i < t->size; i++)
		for (struct entry_key **at = &t->bucket[i]; *at;) {
			struct entry_key *e = *at;

			if (latest - e->latest <= age) {
				at = &e->next;
				continue;
			}
			*at = e->next;
			entry_free(t, e);
		}
}

static void adjust_age(struct throttle *t)
{
	struct table *b = &t->table;
	uint64_t max = (uint64_t)t->max_counters;

	if (t->max_counters < 0)
		return;
	if (b->counters > max && b->max_age > t->max_age * MIN_PERCENT / 100) {
		b->max_age -= t->max_age * STEP_PERCENT / 100;
		log_warn("filter", "throttle: more than %lld counters: max_age goes down to %lld s", (long long)t->max_counters,
			 (long long)b->max_age);
	} else if (b->max_age < t->max_age && b->counters < max * GROW_PERCENT / 100) {
		b->max_age += t->max_age * STEP_PERCENT / 100;
		if (b->max_age > t->max_age)
			b->max_age = t->max_age;
	}
}

static void sweep(struct throttle *t, const struct clock *clock)
{
	struct table *b = &t->table;
	int64_t now = clock_mono(clock);
	size_t before = b->keys;
	/* More than twice the bound is never held, whatever the events' times are. */
	bool full = t->max_counters >= 0 && b->counters > 2 * (uint64_t)t->max_counters + 16;

	if (now - b->sweep_ns < SWEEP_S * 1000000000ll && !full)
		return;
	b->sweep_ns = now;
	expire_keys(b, b->max_age);
	adjust_age(t);
	for (int64_t age = b->max_age / 2; full && b->counters > (uint64_t)t->max_counters; age /= 2) {
		expire_keys(b, age);
		if (age == 0)
			break;
	}
	if (full && b->counters > (uint64_t)t->max_counters)
		expire_keys(b, -1);
	if (full)
		log_warn("filter", "throttle: too many counters: %zu keys are forgotten", before - b->keys);
}

static enum step throttle_run(void *self, struct event *ev, struct step_ctx *ctx)
{
	struct throttle *t = self;
	struct str key, text;
	struct entry_key *e;
	struct ts time;
	int64_t period;
	uint64_t n;

	if (tmpl_render(t->key, ev, ev->arena, ctx->clock, &key, NULL) || tmpl_render(t->period, ev, ev->arena, ctx->clock, &text, NULL) ||
	    !event_timestamp(ev, &time)) {
		event_tag(ev, STR("_throttle_error"));
		return STEP_PASS;
	}
	if (!ruby_to_i(text, &period) || period <= 0)
		period = 60;
	sweep(t, ctx->clock);
	e = table_get(&t->table, key, time.s);
	if (time.s > e->latest)
		e->latest = time.s;
	/* Ruby's modulo: a period begins before the event, also where that is older than the key's first. */
	n = count(&t->table, e, time.s - (((time.s - e->created) % period) + period) % period);
	expire_slots(&t->table, e);
	if ((t->before_count != -1 && (int64_t)n < t->before_count) || (t->after_count != -1 && (int64_t)n > t->after_count))
		return STEP_OK;
	return STEP_PASS;
}

#define AT(member) offsetof(struct throttle, member)
static const struct option options[] = {
	{"key", OPT_TMPL, AT(key), .flags = OPT_REQUIRED, .doc = "events with the same key count together: \"%{host}%{message}\""},
	{"before_count", OPT_INT, AT(before_count), .def = "-1", .doc = "succeed on fewer events of a period; -1: never"},
	{"after_count", OPT_INT, AT(after_count), .def = "-1", .doc = "succeed on the events after so many of a period; -1: never"},
	{"period", OPT_TMPL, AT(period), .def = "\"60\"", .doc = "seconds of a period"},
	{"max_age", OPT_INT, AT(max_age), .def = "3600", .min = 0, .max = 1000000000, .doc = "seconds after which a period is forgotten"},
	{"max_counters", OPT_INT, AT(max_counters), .def = "100000", .min = -1, .max = 100000000,
	 .doc = "periods of all keys that are remembered; -1: any number"},
	{0},
};
#undef AT

FILTER(throttle, .size = sizeof(struct throttle), .options = options, .stateful = true, .doc = "succeeds on events that come too often or too seldom",
       .open = throttle_open, .close = throttle_close, .filter = {.run = throttle_run, .adopt = throttle_adopt})
