/*
 * running_inputs.c - the inputs of a pipeline that runs: opened, kept over a reload, stopped. Main thread, but for the hooks.
 */
#include "running_int.h"

#include "input/listen.h"

#include <stdlib.h>

/* ---- hooks: loops' threads tell the main one ---- */

static void on_inlet_ended(void *arg, struct inlet *in)
{
	struct running *r = arg;

	pthread_mutex_lock(&r->lock);
	for (struct run_input *ri = r->inputs; ri; ri = ri->next)
		if (ri->in == in)
			ri->ended = true;
	pthread_mutex_unlock(&r->lock);
	r->shared->wake(r->shared->arg);
}

static void on_inlet_closed(void *arg, struct inlet *in)
{
	struct running *r = arg;

	(void)in;
	pthread_mutex_lock(&r->lock);
	r->closed++;
	pthread_cond_broadcast(&r->changed);
	pthread_mutex_unlock(&r->lock);
}

void run_inputs_adopt(struct running *r)
{
	for (struct run_input *ri = r->inputs; ri; ri = ri->next)
		if (ri->keep)
			ri->in->instance = ri->instance;
}

/* The list of inputs changes only while the work thread stands still or by the main thread under the lock. */
void run_inputs_room(struct running *r)
{
	loop_wake(r->shared->streams);
	pthread_mutex_lock(&r->lock);
	for (struct run_input *ri = r->inputs; ri; ri = ri->next)
		if (ri->own_loop)
			loop_wake(ri->own_loop);
	pthread_mutex_unlock(&r->lock);
}

/* ---- opening ---- */

static struct run_input *input_find(struct running *r, const struct plan_plugin *pp)
{
	for (struct run_input *ri = r->inputs; ri; ri = ri->next)
		if (!ri->keep && str_eqz(pp->key, ri->in->key))
			return ri;
	return NULL;
}

static int open_half(struct running *r, struct plan_plugin *pp, struct inlet *partner, struct inlet **out, struct err *err)
{
	struct inlet_hooks hooks = {.ended = on_inlet_ended, .closed = on_inlet_closed, .arg = r};
	struct run_input *ri = xzalloc(sizeof(*ri));

	listen_as(ri);
	ri->in = inlet_new(pp, partner, pipeline_queue(r->pipeline), r->shared->budget, &hooks, err);
	listen_as(NULL);
	if (!ri->in) {
		listen_forget(ri);
		free(ri);
		err_prefix(err, "%s: ", pp->plugin->name);
		return -1;
	}
	ri->keep = ri->fresh = true;
	ri->instance = pp;
	stats_open_input(r, ri);
	pthread_mutex_lock(&r->lock);
	ri->next = r->inputs;
	r->inputs = ri;
	pthread_mutex_unlock(&r->lock);
	*out = ri->in;
	return 0;
}

/* An input is one inlet, or two where it listens in two ways (syslog). */
bool run_input_keep(struct running *r, struct plan_plugin *pp)
{
	struct run_input *have = input_find(r, pp);
	bool found = have != NULL;

	for (; have; have = input_find(r, pp)) {
		have->keep = true;
		have->instance = pp;
		if (!have->in->partner && !have->in->ops->companion)
			break;
	}
	return found;
}

void run_inputs_leave(struct running *r, bool leave)
{
	for (struct run_input *ri = r->inputs; ri; ri = ri->next)
		if (!ri->fresh)
			listen_leaves(ri, leave && !ri->keep);
}

int run_input_open(struct running *r, struct plan_plugin *pp, struct err *err)
{
	struct inlet *first = NULL, *second;

	if (open_half(r, pp, NULL, &first, err))
		return -1;
	return first->ops->companion ? open_half(r, pp, first, &second, err) : 0;
}

int run_input_start(struct running *r, struct run_input *ri, struct err *err)
{
	struct loop *loop = r->shared->streams;

	if (ri->in->ops->own_loop) {
		loop = loop_new(ri->in->name, err);
		if (!loop)
			return -1;
		pthread_mutex_lock(&r->lock);
		ri->own_loop = loop;
		pthread_mutex_unlock(&r->lock);
	}
	ri->fresh = false;
	if (inlet_start(ri->in, loop, err))
		return err_prefix(err, "%s: ", ri->in->name);
	return 0;
}

/* ---- the end ---- */

void run_input_free(struct running *r, struct run_input *ri)
{
	pthread_mutex_lock(&r->lock);
	for (struct run_input **at = &r->inputs; *at; at = &(*at)->next)
		if (*at == ri) {
			*at = ri->next;
			break;
		}
	pthread_mutex_unlock(&r->lock);
	loop_free(ri->own_loop);
	series_unref(ri->series);
	series_unref(ri->udp);
	inlet_free(ri->in);
	listen_forget(ri);
	free(ri);
}

void run_inputs_stop(struct running *r)
{
	unsigned n = 0;

	pthread_mutex_lock(&r->lock);
	r->closed = 0;
	pthread_mutex_unlock(&r->lock);
	for (struct run_input *ri = r->inputs; ri; ri = ri->next)
		if (!ri->keep && ri->in->started) {
			inlet_stop(ri->in);
			n++;
		}
	pthread_mutex_lock(&r->lock);
	while (r->closed < n)
		pthread_cond_wait(&r->changed, &r->lock);
	pthread_mutex_unlock(&r->lock);
	for (struct run_input *ri = r->inputs; ri; ri = ri->next)
		if (!ri->keep)
			ri->in->started = false;
}

void run_inputs_free_unkept(struct running *r)
{
	struct run_input *next;

	for (struct run_input *ri = r->inputs; ri; ri = next) {
		next = ri->next;
		if (!ri->keep)
			run_input_free(r, ri);
	}
}

void run_inputs_renew(struct running *r)
{
	for (struct run_input *ri = r->inputs; ri; ri = ri->next)
		if (!ri->fresh)
			inlet_renew(ri->in, ri->instance->self);
}
