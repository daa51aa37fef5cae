/*
 * filter_run.h - one filter over one event, for tests of filters: its answer and the event as JSON, without @timestamp and @version.
 */
#ifndef WEIR_TEST_FILTER_RUN_H
#define WEIR_TEST_FILTER_RUN_H

#include "plugin.h"

/* Appends "matched {...}", "dropped {...}" or "{...}". The event may have an @timestamp of its own. */
static inline void filter_run(struct opened *o, const char *event, const struct clock *clock, struct buf *out)
{
	struct arena a;
	struct event ev;
	struct value v;
	struct str in = str_z(event);
	struct err err;
	struct step_ctx ctx = {.clock = clock, .arena = &a};
	enum step step;

	arena_init(&a, NULL);
	CHECK_INT(json_read(&a, &in, NULL, &v, &err), 0);
	event_init(&ev, &a);
	CHECK_INT(event_from_map(&ev, v.map, ts_from_ns(0)), 0);
	step = o->plugin->filter.run(o->self, &ev, &ctx);
	if (step == STEP_DROP)
		buf_lit(out, "dropped ");
	if (step == STEP_OK)
		buf_lit(out, "matched ");
	map_remove(&ev.root, &(struct key){.p = "@timestamp", .len = 10, .hash = hash_str32(STR("@timestamp"))}, NULL);
	show_event(out, &ev);
	arena_release(&a);
}

/* One flush, as the executor does it; appends the events that it makes, each without @timestamp and @version. */
static inline void filter_flush(struct opened *o, bool final, const struct clock *clock, struct buf *out)
{
	struct arena a;
	struct event none, made;
	struct step_ctx ctx = {.clock = clock, .arena = &a, .final = final};

	arena_init(&a, NULL);
	event_init(&none, &a);
	if (o->plugin->filter.flush(o->self, &ctx))
		for (;;) {
			event_init(&made, &a);
			if (!o->plugin->filter.next(o->self, ctx.gen, &none, &made, &ctx))
				break;
			map_remove(&made.root, &(struct key){.p = "@timestamp", .len = 10, .hash = hash_str32(STR("@timestamp"))}, NULL);
			map_remove(&made.root, &(struct key){.p = "host", .len = 4, .hash = hash_str32(STR("host"))}, NULL);
			show_event(out, &made);
		}
	arena_release(&a);
}

/* want NULL: the configuration is refused. */
static inline void filter_check(const char *filter, enum ecs_mode ecs, const char *event, const char *want)
{
	struct opened o;
	struct buf out;

	buf_init(&out, 0);
	if (!opened_plugin(&o, PLUGIN_FILTER, filter, ecs)) {
		CHECK(!want);
		CHECK(o.diag.errors);
		if (want && o.diag.first)
			fprintf(stderr, "%s: %.*s\n", filter, STR_ARG(o.diag.first->text));
	} else {
		filter_run(&o, event, &clock_system, &out);
		CHECK_STR(buf_slice(&out), want ? want : "a refusal");
	}
	buf_release(&out);
	opened_release(&o);
}

#endif
