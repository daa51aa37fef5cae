/*
 * aggregate.c - the filter `aggregate`: what belongs to one task is gathered over its events, by Ruby (daemon/filter/ruby/aggregate.rb).
 *
 * This half is the options. Tasks live in the module, on Ruby's thread, shared by all aggregate filters of a plan; a reload hands them over where
 * one of these filters stands in the new plan, too. A waiting step, and a flush that waits, too: events are made of tasks that are over.
 */
#include "filter/ruby_link.h"

struct aggregate {
	struct ruby_link link; /* first */
	struct str task_id, code, map_action, maps_path, timeout_code, task_id_field, timestamp_field;
	bool end_of_task, push_on_timeout, push_previous;
	double timeout, inactivity_timeout;
	const struct list *timeout_tags;
};

enum { OPTION_TIMEOUT, OPTION_INACTIVITY }; /* first in the table */

static void put(struct arena *a, struct map *m, const char *name, struct value v)
{
	map_push(a, m, key_make(str_z(name)), v);
}

static struct value text_or_nil(struct str s)
{
	return s.p ? v_str(s) : v_null();
}

static struct value seconds(double s)
{
	return s == (double)(int64_t)s ? v_int((int64_t)s) : v_float(s);
}

/* What aggregate.rb finds as @task_id and so on. */
static const struct map *options_of(const struct aggregate *g, const struct plugin_ctx *ctx)
{
	struct arena *a = ctx->arena;
	struct map *m = map_new(a, 16);

	put(a, m, "task_id", v_str(g->task_id));
	put(a, m, "map_action", v_str(g->map_action));
	put(a, m, "end_of_task", v_bool(g->end_of_task));
	put(a, m, "aggregate_maps_path", text_or_nil(g->maps_path));
	put(a, m, "timeout", plugin_given(ctx, OPTION_TIMEOUT) ? seconds(g->timeout) : v_null());
	put(a, m, "inactivity_timeout", plugin_given(ctx, OPTION_INACTIVITY) ? seconds(g->inactivity_timeout) : v_null());
	put(a, m, "push_map_as_event_on_timeout", v_bool(g->push_on_timeout));
	put(a, m, "push_previous_map_as_event", v_bool(g->push_previous));
	put(a, m, "timeout_timestamp_field", text_or_nil(g->timestamp_field));
	put(a, m, "timeout_task_id_field", text_or_nil(g->task_id_field));
	put(a, m, "timeout_tags", v_list(g->timeout_tags ? (struct list *)g->timeout_tags : list_new(a, 1)));
	return m;
}

static int aggregate_open(void *self, struct plugin_ctx *ctx, struct err *err)
{
	static const char *const texts[] = {"code", "timeout_code", NULL};
	struct aggregate *g = self;
	struct ruby_setup setup = {.kind = RUBY_AGGREGATE, .code = g->code, .init = g->timeout_code, .id = ctx->id, .plan = ctx->arena, .tag = STR("_aggregateexception")};

	if (!(g->timeout >= 0 && g->timeout < 1e12 && g->inactivity_timeout >= 0 && g->inactivity_timeout < 1e12))
		return err_set(err, "'timeout' and 'inactivity_timeout' are numbers of seconds");
	setup.params = options_of(g, ctx);
	ruby_link_place(ctx, STR("code"), &setup.code_file, &setup.code_line);
	ruby_link_place(ctx, STR("timeout_code"), &setup.init_file, &setup.init_line);
	return ruby_link_open(&g->link, &setup, ctx, texts, err);
}

static void aggregate_adopt(void *self, void *former)
{
	struct ruby_link *l = self, *old = former;

	l->module->take(l->instance, old->instance);
}

#define AT(member) offsetof(struct aggregate, member)
static const struct option options[] = {
	{"timeout", OPT_FLOAT, AT(timeout), .doc = "seconds after which a task is over though nothing ended it; default: the shortest of the other aggregate "
						   "filters, else 1800"},
	{"inactivity_timeout", OPT_FLOAT, AT(inactivity_timeout), .doc = "the same, behind its last event; default: `timeout`"},
	{"task_id", OPT_STRING, AT(task_id), .flags = OPT_REQUIRED, .doc = "text with %{field} that says which task an event belongs to"},
	{"code", OPT_STRING, AT(code), .flags = OPT_REQUIRED, .doc = "Ruby that is run for each event; it finds `event`, the task's `map` (a hash) and `map_meta`"},
	{"map_action", OPT_STRING, AT(map_action), .def = "create_or_update", .doc = "`create`: only events that begin a task, `update`: only those of a task that is there"},
	{"end_of_task", OPT_BOOL, AT(end_of_task), .def = "false", .doc = "the event ends its task"},
	{"aggregate_maps_path", OPT_PATH, AT(maps_path), .doc = "file where tasks are kept from the end of weird to its next start"},
	{"timeout_code", OPT_STRING, AT(timeout_code), .doc = "Ruby that is run for each event made of a task; it finds `event`"},
	{"push_map_as_event_on_timeout", OPT_BOOL, AT(push_on_timeout), .def = "false", .doc = "a task that is over becomes an event of its own"},
	{"push_previous_map_as_event", OPT_BOOL, AT(push_previous), .def = "false", .doc = "so does the task before, when a new one begins, and the last one at the end"},
	{"timeout_timestamp_field", OPT_STRING, AT(timestamp_field), .doc = "field with a time: ages of tasks go by it and not by the clock"},
	{"timeout_task_id_field", OPT_STRING, AT(task_id_field), .doc = "field of an event made of a task that gets the task's id"},
	{"timeout_tags", OPT_LIST, AT(timeout_tags), .doc = "tags of events made of tasks"},
	{0},
};
#undef AT

FILTER(aggregate, .size = sizeof(struct aggregate), .options = options, .stateful = true,
       .doc = "gathers over the events of a task, in Ruby (CRuby 3.1)", .open = aggregate_open, .close = ruby_link_close,
       .filter = {.ask = ruby_link_ask, .start = ruby_link_start, .finish = ruby_link_finish, .next = ruby_link_next, .wait_release = ruby_link_wait_release,
		  .flush_ask = ruby_link_flush_ask, .flush = ruby_link_flush, .adopt = aggregate_adopt})
