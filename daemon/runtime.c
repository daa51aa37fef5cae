#include "runtime.h"

#include "base/metrics.h"
#include "enrichers/state_db.h"
#include "input/loop.h"
#include "outputs/dead_letter.h"
#include "running.h"

#include <stdlib.h>

struct runtime {
	struct runtime_config config;
	struct settings settings; /* what plans are compiled with */
	struct running_shared shared;
	struct budget budget;
	struct state_db *state; /* of enrichers; NULL without a data folder */
	struct running *running;
	bool on_page; /* refresh() is called for /metrics */
};

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
	running_free(rt->running, d);
	loop_free(rt->shared.streams);
	if (rt->shared.letters)
		dead_letter_file_free(&rt->shared.letters);
	state_db_free(rt->state);
	free(rt);
}

struct runtime *runtime_new(const struct runtime_config *c, struct diag *d, struct err *err)
{
	struct runtime *rt = xzalloc(sizeof(*rt));
	struct loaded *l;

	rt->config = *c;
	rt->settings = c->settings->pipeline;
	rt->settings.clock = &clock_system;
	rt->settings.later = true;
	rt->budget.max = (size_t)c->settings->memory_max;
	rt->shared = (struct running_shared){.budget = &rt->budget, .drain_ns = c->settings->drain_ns, .wake = c->wake, .arg = c->arg};
	if (rt->settings.data_dir.len) {
		rt->shared.letters = dead_letter_file_new(rt->settings.data_dir, 0, &clock_system, err);
		if (!rt->shared.letters)
			goto fail;
		rt->settings.dead_letters = rt->shared.letters;
		rt->settings.state = rt->state = state_db_new(rt->settings.data_dir);
	}
	l = loaded_new(c->config_path, c->config_text, &rt->settings, d);
	if (!l) {
		err_set(err, "the configuration has errors");
		goto fail;
	}
	rt->shared.streams = loop_new("weir-io", err);
	if (rt->shared.streams)
		rt->running = running_new(&rt->shared, l, err);
	if (!rt->running) {
		loaded_free_shown(l, d);
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
	return running_start(rt->running, err);
}

int runtime_reload(struct runtime *rt, struct diag *d, struct err *err)
{
	struct loaded *next = loaded_new(rt->config.config_path, rt->config.config_text, &rt->settings, d);

	if (!next) {
		/* The same mistake is not tried again until the files change once more. */
		if (rt->config.config_path)
			running_loaded(rt->running)->stamp = loaded_stamp(rt->config.config_path);
		return err_set(err, "the configuration has errors");
	}
	if (running_prepare(rt->running, next, err)) {
		running_loaded(rt->running)->stamp = next->stamp;
		loaded_free_shown(next, d);
		return -1;
	}
	running_put_in_place(rt->running);
	return running_start_fresh(rt->running, err);
}

bool runtime_stale(struct runtime *rt)
{
	return rt->config.config_path && loaded_stamp(rt->config.config_path) != running_loaded(rt->running)->stamp;
}

void runtime_reopen(struct runtime *rt)
{
	running_reopen(rt->running);
	if (rt->shared.letters)
		dead_letter_file_reopen(rt->shared.letters);
}

bool runtime_turn(struct runtime *rt)
{
	return running_ended(rt->running);
}

const char *runtime_stuck(struct runtime *rt)
{
	const char *name = running_stuck(rt->running);

	/* All are asked, whoever has not answered. */
	return loop_alive(rt->shared.streams) ? name : "streams";
}

bool runtime_stop(struct runtime *rt)
{
	/* Inputs that ended by themselves (standard input) wait for the outputs as long as it takes; a stop from outside does not. */
	bool by_itself = runtime_turn(rt);

	return running_stop(rt->running, by_itself ? INT64_MAX : clock_mono(&clock_system) + rt->shared.drain_ns);
}

void runtime_free(struct runtime *rt)
{
	if (rt)
		free_runtime(rt, NULL);
}

int runtime_explain(const struct runtime_config *c, struct diag *d, struct buf *out)
{
	struct settings settings = c->settings->pipeline;
	struct loaded *l;

	settings.clock = &clock_system;
	l = loaded_new(c->config_path, c->config_text, &settings, d);
	if (!l)
		return -1;
	if (out)
		plan_explain(l->plan, out);
	loaded_free_shown(l, d);
	return 0;
}
