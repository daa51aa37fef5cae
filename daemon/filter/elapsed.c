/*
 * elapsed.c - the filter `elapsed`: the time between two events that belong together. Work thread.
 *
 * The start event of a task is remembered by its id until its end event comes or `timeout` is over, which is looked at every few seconds. Of
 * a start that nobody ended an event is made then, tagged elapsed_expired_error.
 */
#include "base/hash.h"
#include "base/log.h"
#include "event/names.h"
#include "filter/support.h"

#include <stdlib.h>
#include <unistd.h>

enum { TASKS_MAX = 1000000 }; /* the oldest goes */

struct task {
	struct task *next;	    /* in its bucket */
	struct task *older, *newer; /* all, by when they came */
	int64_t came_ns;
	struct ts start;
	struct value value; /* the id as the event has it; its text is in `id` */
	uint64_t hash;
	size_t len;
	char id[]; /* as id_text() has it */
};

struct tasks {
	struct task **bucket, *oldest, *newest;
	size_t size, n; /* size is a power of two */
};

struct elapsed {
	struct str start_tag, end_tag;
	const struct ref *id_ref;
	int64_t timeout;
	bool new_event_on_match;
	int keep; /* which start event of several */
	struct tasks tasks;
	struct key time, start;
};

enum keep { KEEP_FIRST, KEEP_LAST };

/* What STEP_FORK makes of a match, or a flush of tasks that are over. */
struct made {
	struct value id, time, start;
	bool expired, done;
};

static int elapsed_open(void *self, struct plugin_ctx *ctx, struct err *err)
{
	struct elapsed *e = self;

	(void)ctx;
	(void)err;
	e->tasks.size = 64;
	e->tasks.bucket = xzalloc(e->tasks.size * sizeof(struct task *));
	e->time = key_named(STR("elapsed_time"));
	e->start = key_named(STR("elapsed_timestamp_start"));
	return 0;
}

/* ---- tasks ---- */

static void tasks_remove(struct tasks *t, struct task *k)
{
	struct task **at = &t->bucket[k->hash & (t->size - 1)];

	while (*at != k)
		at = &(*at)->next;
	*at = k->next;
	*(k->older ? &k->older->newer : &t->oldest) = k->newer;
	*(k->newer ? &k->newer->older : &t->newest) = k->older;
	t->n--;
	free(k);
}

static void tasks_clear(struct tasks *t)
{
	while (t->oldest)
		tasks_remove(t, t->oldest);
	free(t->bucket);
	*t = (struct tasks){0};
}

static struct task *tasks_find(const struct tasks *t, struct str id)
{
	uint64_t hash = hash_bytes(id.p, id.len);

	for (struct task *k = t->bucket[hash & (t->size - 1)]; k; k = k->next)
		if (k->hash == hash && str_eq(str_n(k->id, k->len), id))
			return k;
	return NULL;
}

static void tasks_grow(struct tasks *t)
{
	t->size *= 2;
	free(t->bucket);
	t->bucket = xzalloc(t->size * sizeof(struct task *));
	for (struct task *k = t->oldest; k; k = k->newer) {
		struct task **at = &t->bucket[k->hash & (t->size - 1)];

		k->next = *at;
		*at = k;
	}
}

/* The id in memory of the task's: a list or map as its text. */
static struct value task_value(const struct task *k, const struct value *v)
{
	struct str text = str_n(k->id + 2, k->len - 2);

	switch (v->type) {
	case V_STRING:
	case V_LIST:
	case V_MAP:
		return v_str(text);
	case V_BIGINT: {
		struct value big = v_str(text);

		big.type = V_BIGINT;
		return big;
	}
	default:
		return *v;
	}
}

static void tasks_add(struct tasks *t, struct str id, const struct value *value, struct ts start, int64_t now_ns)
{
	struct task *k = xzalloc(sizeof(*k) + id.len), **at;

	if (t->n == TASKS_MAX) {
		log_warn("filter", "elapsed: a million tasks have no end: the oldest is forgotten");
		tasks_remove(t, t->oldest);
	}
	if (t->n >= t->size)
		tasks_grow(t);
	k->hash = hash_bytes(id.p, id.len);
	k->len = id.len;
	if (id.len)
		memcpy(k->id, id.p, id.len);
	k->value = task_value(k, value);
	k->start = start;
	k->came_ns = now_ns;
	at = &t->bucket[k->hash & (t->size - 1)];
	k->next = *at;
	*at = k;
	k->older = t->newest;
	*(t->newest ? &t->newest->newer : &t->oldest) = k;
	t->newest = k;
	t->n++;
}

static void elapsed_close(void *self)
{
	struct elapsed *e = self;

	tasks_clear(&e->tasks);
}

static void elapsed_adopt(void *self, void *former)
{
	struct elapsed *e = self, *f = former;

	tasks_clear(&e->tasks);
	e->tasks = f->tasks;
	f->tasks = (struct tasks){0};
}

/* ---- events ---- */

static bool add_info(const struct elapsed *e, struct event *ev, struct value time, struct value id, struct value start)
{
	event_set_top(ev, e->time, time);
	event_set_top(ev, e->start, start);
	return filter_set(ev, e->id_ref, id);
}

static void tag(struct event *ev, struct str what)
{
	event_tag(ev, STR("elapsed"));
	event_tag(ev, what);
}

/* 5 and "5" are two ids: the type is one digit. */
static struct str id_text(struct arena *a, const struct value *v)
{
	return arena_printf(a, "%u %.*s", v->type, STR_ARG(value_text(a, v)));
}

static enum step ended(struct elapsed *e, struct event *ev, struct step_ctx *ctx, const struct value *id, struct str text, struct ts now)
{
	struct task *k = tasks_find(&e->tasks, text);
	struct made m = {.id = *id};

	if (!k) {
		event_tag(ev, STR("elapsed_end_without_start"));
		return STEP_OK;
	}
	m.time = v_float((double)(now.s - k->start.s) + ((double)now.ns - (double)k->start.ns) / 1e9);
	m.start = v_time(k->start);
	tasks_remove(&e->tasks, k);
	if (!e->new_event_on_match) {
		tag(ev, STR("elapsed_match"));
		add_info(e, ev, m.time, m.id, m.start);
		return STEP_OK;
	}
	ctx->gen = arena_alloc(ctx->arena, sizeof(m));
	memcpy(ctx->gen, &m, sizeof(m));
	return STEP_FORK;
}

static enum step elapsed_run(void *self, struct event *ev, struct step_ctx *ctx)
{
	struct elapsed *e = self;
	const struct value *id = event_get(ev, e->id_ref);
	int64_t now_ns = clock_mono(ctx->clock);
	struct str text;
	struct ts now;

	if (!id || id->type == V_NULL || !event_timestamp(ev, &now))
		return STEP_PASS;
	text = id_text(ev->arena, id);
	if (event_has_tag(ev, e->start_tag)) {
		struct task *k = tasks_find(&e->tasks, text);

		if (k && e->keep == KEEP_FIRST)
			return STEP_OK;
		if (k)
			tasks_remove(&e->tasks, k);
		tasks_add(&e->tasks, text, id, now, now_ns);
		return STEP_OK;
	}
	if (event_has_tag(ev, e->end_tag))
		return ended(e, ev, ctx, id, text, now);
	return STEP_PASS;
}

/* In whole seconds, as Logstash counts it. */
static int64_t age_s(const struct task *k, int64_t now_ns)
{
	return (now_ns - k->came_ns) / 1000000000;
}

static bool any_expired(const struct elapsed *e, int64_t now_ns)
{
	return e->tasks.oldest && age_s(e->tasks.oldest, now_ns) >= e->timeout;
}

static bool elapsed_flush(void *self, struct step_ctx *ctx)
{
	const struct elapsed *e = self;
	struct made *m;

	if (!any_expired(e, clock_mono(ctx->clock)))
		return false;
	m = arena_zalloc(ctx->arena, sizeof(*m));
	m->expired = true;
	ctx->gen = m;
	return true;
}

static void new_event(const struct elapsed *e, struct event *child, const struct made *m, struct str what, const struct clock *clock)
{
	char host[256];

	event_stamp(child, ts_from_ns(clock_wall(clock)));
	tag(child, what);
	if (gethostname(host, sizeof(host)) == 0) {
		host[sizeof(host) - 1] = 0;
		event_set_top(child, key_make(STR("host")), v_str(arena_dup(child->arena, str_z(host))));
	}
	add_info(e, child, m->time, value_copy(child->arena, &m->id, true), m->start);
}

/* The one event of a match, beside the end event; or one for each task that is over. */
static int elapsed_next(void *self, void *gen, const struct event *parent, struct event *child, struct step_ctx *ctx)
{
	struct elapsed *e = self;
	struct made *m = gen;
	struct task *k = e->tasks.oldest;
	int64_t now_ns = clock_mono(ctx->clock);

	(void)parent;
	if (!m->expired) {
		if (m->done)
			return 0;
		m->done = true;
		new_event(e, child, m, STR("elapsed_match"), ctx->clock);
		return 1;
	}
	if (!any_expired(e, now_ns))
		return 0;
	m->id = k->value;
	m->time = v_int(age_s(k, now_ns));
	m->start = v_time(k->start);
	new_event(e, child, m, STR("elapsed_expired_error"), ctx->clock);
	tasks_remove(&e->tasks, k);
	return 1;
}

static const char *const keeps[] = {"first", "last", NULL};

#define AT(member) offsetof(struct elapsed, member)
static const struct option options[] = {
	{"start_tag", OPT_STRING, AT(start_tag), .flags = OPT_REQUIRED, .doc = "tag of events that begin a task"},
	{"end_tag", OPT_STRING, AT(end_tag), .flags = OPT_REQUIRED, .doc = "tag of events that end one"},
	{"unique_id_field", OPT_REF, AT(id_ref), .flags = OPT_REQUIRED, .doc = "field that says which task it is"},
	{"timeout", OPT_INT, AT(timeout), .def = "1800", .min = 0, .max = 1000000000, .doc = "seconds after which a start without an end becomes an event of its own, tagged elapsed_expired_error"},
	{"new_event_on_match", OPT_BOOL, AT(new_event_on_match), .def = "false", .doc = "a new event for the time, beside the end event"},
	{"keep_start_event", OPT_ENUM, AT(keep), .def = "first", .choices = keeps, .doc = "which of several starts of a task counts"},
	{0},
};
#undef AT

FILTER(elapsed, .size = sizeof(struct elapsed), .options = options, .stateful = true, .doc = "the time between two events of a task",
       .open = elapsed_open, .close = elapsed_close, .filter = {.run = elapsed_run, .flush = elapsed_flush, .next = elapsed_next, .adopt = elapsed_adopt})
