/*
 * running_outputs.c - the outputs of a pipeline that runs: opened, kept over a reload, succeeded, ended. Main thread.
 */
#include "running_int.h"

#include "input/listen.h"

#include <stdlib.h>

static void output_free(struct run_output *ro)
{
	listen_forget(ro);
	series_unref(ro->series);
	free(ro->key);
	free(ro->name);
	free(ro->shelf_key);
	free(ro);
}

static struct run_output *output_find(struct running *r, const struct plan_plugin *pp)
{
	for (struct run_output *ro = r->outputs; ro; ro = ro->next)
		if (!ro->keep && str_eqz(pp->key, ro->key))
			return ro;
	return NULL;
}

static bool shelf_in_use(struct running *r, const char *key)
{
	for (struct run_output *ro = r->outputs; ro; ro = ro->next)
		if (strcmp(ro->shelf_key, key) == 0)
			return true;
	return false;
}

/* A changed output of the same name still has the file; the new one takes over what is in its queue. */
static int open_shelf(struct running *r, const char *key, struct shelf **out, struct err *err)
{
	if (!r->settings->data_dir.len || shelf_in_use(r, key))
		return 0;
	*out = unsent_shelf_new(r->settings->data_dir, str_z(key), err);
	return *out ? 0 : -1;
}

static int open_sender(struct running *r, struct run_output *ro, struct plan_plugin *pp, const struct plugin_ctx *ctx, struct err *err)
{
	struct sender_config c = {.plugin = pp->plugin, .self = pp->self, .codec = pp->codec, .ctx = ctx};

	if (open_shelf(r, ro->shelf_key, &c.shelf, err))
		return -1;
	ro->sender = sender_new(&c, err);
	if (!ro->sender)
		return err_prefix(err, "%s: ", ro->name);
	ro->outlet = sender_outlet(ro->sender);
	return 0;
}

static int open_outlet(struct running *r, struct run_output *ro, struct plan_plugin *pp, struct err *err)
{
	struct plugin_ctx ctx = {.settings = r->settings, .ecs = pp->ecs, .id = pp->id, .pos = pp->pos};
	struct arena scratch;
	int rc = 0;

	arena_init(&scratch, NULL);
	ctx.arena = &scratch;
	ro->shelf_key = xstrdupz(sender_key(&scratch, r->settings->pipeline_id, str_z(pp->plugin->name), pp->options.id, pp->ordinal));
	ro->direct = pp->plugin->output->direct;
	if (!ro->direct) {
		rc = open_sender(r, ro, pp, &ctx, err);
	} else {
		ro->outlet = ro->direct->open(pp->self, &ctx, err);
		if (!ro->outlet)
			rc = err_prefix(err, "%s: ", ro->name);
	}
	arena_release(&scratch);
	return rc;
}

bool run_output_keep(struct running *r, struct plan_plugin *pp)
{
	struct run_output *ro = output_find(r, pp);

	if (!ro)
		return false;
	ro->keep = true;
	ro->instance = pp;
	pp->outlet = ro->outlet;
	return true;
}

void run_outputs_leave(struct running *r, bool leave)
{
	for (struct run_output *ro = r->outputs; ro; ro = ro->next)
		if (!ro->fresh)
			listen_leaves(ro, leave && !ro->keep);
}

int run_output_open(struct running *r, struct plan_plugin *pp, struct err *err)
{
	struct run_output *ro = xzalloc(sizeof(*ro));
	int rc;

	ro->key = xstrdupz(pp->key);
	ro->name = xstrdupz(str_z(pp->plugin->name));
	listen_as(ro);
	rc = open_outlet(r, ro, pp, err);
	listen_as(NULL);
	if (rc) {
		output_free(ro);
		return -1;
	}
	ro->keep = ro->fresh = true;
	ro->instance = pp;
	pp->outlet = ro->outlet;
	stats_open_output(r, ro, pp->id);
	pthread_mutex_lock(&r->lock);
	ro->next = r->outputs;
	r->outputs = ro;
	pthread_mutex_unlock(&r->lock);
	return 0;
}

void run_outputs_adopt(struct running *r)
{
	for (struct run_output *ro = r->outputs; ro; ro = ro->next)
		if (ro->keep && !ro->fresh && ro->sender)
			sender_adopt(ro->sender, ro->instance->self, ro->instance->codec);
}

void run_outputs_last(struct running *r)
{
	for (struct run_output *ro = r->outputs; ro; ro = ro->next)
		if (ro->direct)
			ro->direct->last(ro->outlet);
}

void run_outputs_reopen(struct running *r)
{
	for (struct run_output *ro = r->outputs; ro; ro = ro->next)
		if (ro->sender)
			sender_reopen(ro->sender);
}

void run_output_stats(const struct run_output *ro, struct sender_stats *st)
{
	if (ro->direct)
		ro->direct->stats(ro->outlet, st);
	else
		sender_stats(ro->sender, st);
}

/* Who renders /metrics walks the list under the lock. */
static void output_unlink(struct running *r, struct run_output *ro)
{
	struct run_output **at = &r->outputs;

	pthread_mutex_lock(&r->lock);
	while (*at != ro)
		at = &(*at)->next;
	*at = ro->next;
	pthread_mutex_unlock(&r->lock);
}

bool run_output_end(struct running *r, struct run_output *ro, int64_t deadline_ns)
{
	bool ok;

	if (ro->direct) {
		ro->direct->end(ro->outlet);
	} else {
		sender_close(ro->sender);
		(void)sender_drain(ro->sender, deadline_ns);
	}
	ok = stats_output_balanced(ro);
	output_unlink(r, ro);
	if (ro->direct)
		ro->direct->free(ro->outlet);
	else
		sender_free(&ro->sender);
	output_free(ro);
	return ok;
}

bool run_outputs_end_direct(struct running *r)
{
	struct run_output *next;
	bool ok = true;

	for (struct run_output *ro = r->outputs; ro; ro = next) {
		next = ro->next;
		if (ro->direct)
			ok &= run_output_end(r, ro, 0);
	}
	return ok;
}

/* A new output of a plug-in that had one before: it goes on with what the old one had not settled. */
static struct run_output *heir_of(struct running *r, const struct run_output *old)
{
	for (struct run_output *ro = r->outputs; ro; ro = ro->next)
		if (ro->keep && ro->fresh && strcmp(ro->name, old->name) == 0 && strcmp(ro->shelf_key, old->shelf_key) == 0)
			return ro;
	return NULL;
}

void run_outputs_retire(struct running *r, int64_t deadline_ns)
{
	struct run_output *ro, *next, *heir;

	for (ro = r->outputs; ro; ro = next) {
		next = ro->next;
		if (ro->keep)
			continue;
		heir = heir_of(r, ro);
		if (ro->sender)
			sender_close(ro->sender);
		if (heir && ro->direct)
			ro->direct->inherit(heir->outlet, ro->outlet);
		else if (heir)
			sender_inherit(heir->sender, ro->sender);
		(void)run_output_end(r, ro, heir ? 0 : deadline_ns);
	}
}
