#include "running_int.h"
#include "pipeline/bus.h"

#include <stdio.h>
#include <stdlib.h>

static void on_pipeline_ended(void *arg)
{
	struct running *r = arg;

	pthread_mutex_lock(&r->lock);
	r->pipeline_ended = true;
	pthread_cond_broadcast(&r->changed);
	pthread_mutex_unlock(&r->lock);
	r->shared->wake(r->shared->arg);
}

/* Work thread, between two plans: inputs and outputs that stay now work with the new plan's instances. */
static void on_plan_changed(void *arg, struct plan *plan)
{
	run_inputs_adopt(arg);
	run_outputs_adopt(arg);
	stats_filters(arg, plan);
}

/* Work thread. */
static void on_room(void *arg)
{
	struct running *r = arg;

	run_inputs_room(r);
	bus_room(r->shared->bus, pipeline_queue(r->pipeline));
}

static void forget_keep(struct running *r)
{
	for (struct run_input *ri = r->inputs; ri; ri = ri->next)
		ri->keep = false;
	for (struct run_output *ro = r->outputs; ro; ro = ro->next)
		ro->keep = false;
}

/* Who stays is known before the first is opened: the others' ports are free to take. */
static int open_inputs(struct running *r, struct plan *plan, struct err *err)
{
	bool *kept = xzalloc(plan->ninputs + 1);
	int rc = 0;

	for (uint32_t i = 0; i < plan->ninputs; i++)
		kept[i] = run_input_keep(r, plan->input[i]);
	run_inputs_leave(r, true);
	for (uint32_t i = 0; i < plan->ninputs && rc == 0; i++)
		if (!kept[i])
			rc = run_input_open(r, plan->input[i], err);
	if (rc)
		run_inputs_leave(r, false);
	free(kept);
	return rc;
}

static int open_outputs(struct running *r, struct plan *plan, struct err *err)
{
	bool *kept = xzalloc(plan->noutputs + 1);
	int rc = 0;

	for (uint32_t i = 0; i < plan->noutputs; i++)
		kept[i] = run_output_keep(r, plan->output[i]);
	run_outputs_leave(r, true);
	for (uint32_t i = 0; i < plan->noutputs && rc == 0; i++)
		if (!kept[i])
			rc = run_output_open(r, plan->output[i], err);
	if (rc)
		run_outputs_leave(r, false);
	free(kept);
	return rc;
}

static int open_parts(struct running *r, struct plan *plan, struct err *err)
{
	r->settings = &plan->settings;
	return open_outputs(r, plan, err) ? -1 : open_inputs(r, plan, err);
}

/* Undoes open_parts: what was opened for a plan that is not to be. */
static void close_fresh(struct running *r)
{
	struct run_input *ri, *next_in;
	struct run_output *ro, *next_out;

	for (ri = r->inputs; ri; ri = next_in) {
		next_in = ri->next;
		if (ri->fresh)
			run_input_free(r, ri);
	}
	for (ro = r->outputs; ro; ro = next_out) {
		next_out = ro->next;
		if (ro->fresh)
			(void)run_output_end(r, ro, 0);
	}
}

void running_free(struct running *r, struct diag *d)
{
	if (!r)
		return;
	stats_close(r);
	close_fresh(r);
	/* Before the inlets: batches that were never decoded hold their sources. */
	pipeline_free(r->pipeline);
	if (d)
		loaded_free_shown(r->loaded, d);
	else
		loaded_free(r->loaded);
	while (r->inputs)
		run_input_free(r, r->inputs);
	pthread_cond_destroy(&r->changed);
	pthread_mutex_destroy(&r->lock);
	free(r->id);
	free(r);
}

struct running *running_new(const struct running_shared *shared, struct loaded *l, struct err *err)
{
	struct running *r = xzalloc(sizeof(*r));
	struct pipeline_hooks hooks = {.dead_letters = shared->letters, .plan_changed = on_plan_changed, .ended = on_pipeline_ended, .arg = r};

	r->shared = shared;
	r->loaded = l;
	r->id = xstrdupz(l->plan->settings.pipeline_id);
	(void)snprintf(r->name, sizeof(r->name), "the pipeline '%s'", r->id);
	pthread_mutex_init(&r->lock, NULL);
	pthread_cond_init(&r->changed, NULL);
	r->pipeline = pipeline_new(l->plan, &hooks);
	bqueue_on_room(pipeline_queue(r->pipeline), on_room, r);
	if (open_parts(r, l->plan, err)) {
		close_fresh(r);
		r->loaded = NULL;
		running_free(r, NULL);
		return NULL;
	}
	stats_open(r);
	return r;
}

int running_start_fresh(struct running *r, struct err *err)
{
	for (struct run_output *ro = r->outputs; ro; ro = ro->next)
		ro->fresh = false;
	for (struct run_input *ri = r->inputs; ri; ri = ri->next)
		if (ri->fresh && run_input_start(r, ri, err))
			return -1;
	forget_keep(r);
	return 0;
}

int running_prepare(struct running *r, struct loaded *next, struct err *err)
{
	forget_keep(r);
	if (open_parts(r, next->plan, err)) {
		running_cancel(r);
		return -1;
	}
	r->next = next;
	return 0;
}

void running_cancel(struct running *r)
{
	close_fresh(r);
	forget_keep(r);
	run_inputs_leave(r, false);
	run_outputs_leave(r, false);
	r->next = NULL;
}

void running_put_in_place(struct running *r, int64_t deadline_ns)
{
	struct loaded *former = r->loaded;

	run_inputs_stop(r);
	former->plan = pipeline_swap(r->pipeline, r->next->plan);
	run_inputs_free_unkept(r);
	run_inputs_renew(r);
	run_outputs_retire(r, deadline_ns);
	loaded_free(former);
	r->loaded = r->next;
	r->next = NULL;
}

struct loaded *running_loaded(const struct running *r)
{
	return r->loaded;
}

void running_reopen(struct running *r)
{
	run_outputs_reopen(r);
}

enum running_state running_state(struct running *r)
{
	enum running_state state = RUNNING_PASSIVE;

	pthread_mutex_lock(&r->lock);
	for (struct run_input *ri = r->inputs; ri && state != RUNNING_LIVE; ri = ri->next)
		if (!ri->in->plugin->events)
			state = ri->ended ? RUNNING_ENDED : RUNNING_LIVE;
	pthread_mutex_unlock(&r->lock);
	return state;
}

const char *running_stuck(struct running *r)
{
	const char *name = NULL;

	/* All are asked, whoever has not answered. The list changes on this thread only. */
	if (!pipeline_alive(r->pipeline))
		name = r->name;
	for (struct run_input *ri = r->inputs; ri; ri = ri->next)
		if (ri->own_loop && !ri->in->ops->disk && !loop_alive(ri->own_loop))
			name = ri->in->name;
	return name;
}

static void wait_pipeline(struct running *r)
{
	pthread_mutex_lock(&r->lock);
	while (!r->pipeline_ended)
		pthread_cond_wait(&r->changed, &r->lock);
	pthread_mutex_unlock(&r->lock);
}

void running_quit_inputs(struct running *r)
{
	forget_keep(r);
	run_inputs_stop(r);
}

void running_last(struct running *r)
{
	run_outputs_last(r);
}

void running_stop(struct running *r, bool force)
{
	run_outputs_last(r);
	running_quit_inputs(r);
	pipeline_close(r->pipeline);
	if (force)
		pipeline_force(r->pipeline);
	wait_pipeline(r);
	r->direct_ok = run_outputs_end_direct(r);
}

bool running_finish(struct running *r, int64_t deadline_ns)
{
	bool ok = r->direct_ok;

	while (r->outputs)
		ok &= run_output_end(r, r->outputs, deadline_ns);
	ok &= stats_balanced(r);
	run_inputs_free_unkept(r);
	return ok;
}

int running_start(struct running *r, struct err *err)
{
	if (pipeline_start(r->pipeline, err))
		return -1;
	if (running_start_fresh(r, err) == 0)
		return 0;
	running_stop(r, true);
	(void)running_finish(r, 0);
	return -1;
}
