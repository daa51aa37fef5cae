#include "runtime_int.h"

#include "base/log.h"
#include "base/metrics.h"
#include "enrichers/state_db.h"
#include "input/loop.h"
#include "outputs/dead_letter.h"
#include "pipeline/bus.h"

#include <stdlib.h>

/* The page's thread. */
static void refresh(void *arg)
{
	struct runtime *rt = arg;

	series_set(metrics_process, M_MEMORY, atomic_load_explicit(&rt->budget.used, memory_order_relaxed));
	series_set(metrics_process, M_MEMORY_MAX, rt->budget.max);
}

/* d: warnings that were not printed yet point into the texts, which go with it. */
static void free_runtime(struct runtime *rt, struct diag *d)
{
	if (rt->on_page)
		metrics_refresh_remove(rt);
	parts_free(rt, d);
	loop_free(rt->shared.streams);
	bus_free(rt->shared.bus);
	if (rt->shared.letters)
		dead_letter_file_free(&rt->shared.letters);
	state_db_free(rt->state);
	free(rt);
}

static int open_shared(struct runtime *rt, struct err *err)
{
	struct settings *s = &rt->base.pipeline;

	s->clock = &clock_system;
	s->later = true;
	s->bus = rt->shared.bus = bus_new(&rt->budget);
	if (s->data_dir.len) {
		rt->shared.letters = dead_letter_file_new(s->data_dir, 0, &clock_system, err);
		if (!rt->shared.letters)
			return -1;
		s->dead_letters = rt->shared.letters;
		s->state = rt->state = state_db_new(s->data_dir);
	}
	rt->shared.streams = loop_new("weir-io", err);
	return rt->shared.streams ? 0 : -1;
}

static bool any_runs(const struct runtime *rt)
{
	for (const struct part *p = rt->parts; p; p = p->next)
		if (p->running)
			return true;
	return false;
}

struct runtime *runtime_new(const struct runtime_config *c, struct diag *d, struct err *err)
{
	struct runtime *rt = xzalloc(sizeof(*rt));

	rt->config = *c;
	rt->base = *c->settings;
	rt->budget.max = (size_t)c->settings->memory_max;
	rt->shared = (struct running_shared){.budget = &rt->budget, .drain_ns = c->settings->drain_ns, .wake = c->wake, .arg = c->arg};
	arena_init(&rt->texts, NULL);
	if (open_shared(rt, err))
		goto fail;
	if (parts_read_list(rt, d, err))
		goto fail;
	parts_open(rt, d);
	if (!any_runs(rt)) {
		*err = rt->why;
		if (rt->list.n > 1)
			err_set(err, "none of %zu pipelines can be started", rt->list.n);
		goto fail;
	}
	metrics_refresh_add(refresh, rt);
	rt->on_page = true;
	return rt;
fail:
	free_runtime(rt, d);
	return NULL;
}

int runtime_start(struct runtime *rt, struct err *err)
{
	parts_begin(rt, NULL);
	if (any_runs(rt))
		return 0;
	*err = rt->why;
	return -1;
}

int runtime_reload(struct runtime *rt, struct diag *d, struct err *err)
{
	if (parts_read_list(rt, d, err))
		return -1;
	parts_open(rt, d);
	parts_begin(rt, d);
	if (!rt->failed)
		return 0;
	*err = rt->why;
	if (rt->list.n > 1)
		err_set(err, "%u of %zu pipelines", rt->failed, rt->list.n);
	return -1;
}

bool runtime_stale(struct runtime *rt)
{
	const struct part *p = rt->parts;

	if (parts_list_stamp(rt) != rt->list_stamp)
		return true;
	for (size_t i = 0; i < rt->list.n; i++) {
		const struct program_settings *s = &rt->list.entry[i].settings;

		for (p = rt->parts; p && !str_eqz(s->pipeline.pipeline_id, p->id); p = p->next)
			;
		if (!p || p->stamp != loaded_stamp(s))
			return true;
	}
	return false;
}

void runtime_reopen(struct runtime *rt)
{
	for (struct part *p = rt->parts; p; p = p->next)
		if (p->running)
			running_reopen(p->running);
	if (rt->shared.letters)
		dead_letter_file_reopen(rt->shared.letters);
}

bool runtime_turn(struct runtime *rt)
{
	bool live = false, ended = false;

	for (struct part *p = rt->parts; p; p = p->next) {
		enum running_state state = p->running ? running_state(p->running) : RUNNING_PASSIVE;

		live |= state == RUNNING_LIVE;
		ended |= state == RUNNING_ENDED;
		if (state == RUNNING_ENDED && !p->said_ended && rt->list.n > 1)
			log_info("pipeline", "'%s': all its inputs have ended", p->id);
		p->said_ended = state == RUNNING_ENDED;
	}
	return ended && !live;
}

const char *runtime_stuck(struct runtime *rt)
{
	const char *name = NULL, *one;

	/* All are asked, whoever has not answered. */
	for (struct part *p = rt->parts; p; p = p->next) {
		one = p->running ? running_stuck(p->running) : NULL;
		name = one ? one : name;
	}
	return loop_alive(rt->shared.streams) ? name : "streams";
}

bool runtime_stop(struct runtime *rt)
{
	/* Inputs that ended by themselves (standard input) wait for the outputs as long as it takes; a stop from outside does not. */
	bool by_itself = runtime_turn(rt), ok = true;
	int64_t deadline = by_itself ? INT64_MAX : clock_mono(&clock_system) + rt->shared.drain_ns;
	struct part **sorted = parts_in_order(rt, true);

	/* All of them first: one that waits in vain would hold up those who send to it. */
	for (size_t i = 0; sorted[i]; i++)
		running_last(sorted[i]->running);
	for (size_t i = 0; sorted[i]; i++)
		running_stop(sorted[i]->running, !by_itself);
	for (size_t i = 0; sorted[i]; i++)
		ok &= running_finish(sorted[i]->running, deadline);
	free(sorted);
	return ok;
}

void runtime_free(struct runtime *rt)
{
	if (rt)
		free_runtime(rt, NULL);
}
