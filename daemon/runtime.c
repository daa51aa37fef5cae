#include "runtime_int.h"
#include "base/log.h"
#include "outputs/dead_letter.h"

#include <pthread.h>
#include <stdlib.h>

/* ---- hooks: other threads tell the main one ---- */

static void wake(struct runtime *rt)
{
	rt->config.wake(rt->config.arg);
}

static void on_inlet_ended(void *arg, struct inlet *in)
{
	struct runtime *rt = arg;

	pthread_mutex_lock(&rt->lock);
	for (struct run_input *ri = rt->inputs; ri; ri = ri->next)
		if (ri->in == in)
			ri->ended = true;
	rt->some_ended = true;
	pthread_mutex_unlock(&rt->lock);
	wake(rt);
}

static void on_inlet_closed(void *arg, struct inlet *in)
{
	struct runtime *rt = arg;

	(void)in;
	pthread_mutex_lock(&rt->lock);
	rt->closed++;
	pthread_cond_broadcast(&rt->changed);
	pthread_mutex_unlock(&rt->lock);
}

static void on_pipeline_ended(void *arg)
{
	struct runtime *rt = arg;

	pthread_mutex_lock(&rt->lock);
	rt->pipeline_ended = true;
	pthread_cond_broadcast(&rt->changed);
	pthread_mutex_unlock(&rt->lock);
	wake(rt);
}

/* Work thread, between two plans: inputs and outputs that stay now work with the new plan's instances. */
static void on_plan_changed(void *arg, struct plan *plan)
{
	struct runtime *rt = arg;

	(void)plan;
	for (struct run_input *ri = rt->inputs; ri; ri = ri->next)
		if (ri->keep)
			ri->in->instance = ri->instance;
	for (struct run_output *ro = rt->outputs; ro; ro = ro->next)
		if (ro->keep && !ro->fresh)
			sender_adopt(ro->sender, ro->instance->self, ro->instance->codec);
}

/* The queue was full and has room again. Work thread; the list of inputs changes only while that thread stands still or by the main thread under the lock. */
static void on_room(void *arg)
{
	struct runtime *rt = arg;

	pthread_mutex_lock(&rt->lock);
	if (rt->streams)
		loop_wake(rt->streams);
	for (struct run_input *ri = rt->inputs; ri; ri = ri->next)
		if (ri->own_loop)
			loop_wake(ri->own_loop);
	pthread_mutex_unlock(&rt->lock);
}

/* ---- outputs ---- */

static void output_free(struct run_output *ro)
{
	series_unref(ro->series);
	free(ro->key);
	free(ro->name);
	free(ro->shelf_key);
	free(ro);
}

static struct run_output *output_find(struct runtime *rt, const struct plan_plugin *pp)
{
	for (struct run_output *ro = rt->outputs; ro; ro = ro->next)
		if (!ro->keep && str_eqz(pp->key, ro->key))
			return ro;
	return NULL;
}

static struct shelf *open_shelf(struct runtime *rt, const char *key, struct err *err)
{
	if (!rt->settings.data_dir.len)
		return NULL;
	return unsent_shelf_new(rt->settings.data_dir, str_z(key), err);
}

static bool shelf_in_use(struct runtime *rt, const char *key)
{
	for (struct run_output *ro = rt->outputs; ro; ro = ro->next)
		if (strcmp(ro->shelf_key, key) == 0)
			return true;
	return false;
}

static int output_open(struct runtime *rt, struct plan_plugin *pp, struct err *err)
{
	struct plugin_ctx ctx = {.settings = &rt->settings, .ecs = pp->ecs, .id = pp->id, .pos = pp->pos};
	struct sender_config c = {.plugin = pp->plugin, .self = pp->self, .codec = pp->codec, .ctx = &ctx};
	struct run_output *ro = output_find(rt, pp);
	struct arena scratch;

	if (ro) {
		ro->keep = true;
		ro->instance = pp;
		pp->outlet = sender_outlet(ro->sender);
		return 0;
	}
	arena_init(&scratch, NULL);
	ctx.arena = &scratch;
	ro = xzalloc(sizeof(*ro));
	ro->key = xstrdupz(pp->key);
	ro->name = xstrdupz(str_z(pp->plugin->name));
	ro->shelf_key = xstrdupz(sender_key(&scratch, rt->settings.pipeline_id, str_z(pp->plugin->name), pp->options.id, pp->ordinal));
	/* A changed output of the same name still has the file; the new one takes over what is in its queue. */
	if (!shelf_in_use(rt, ro->shelf_key)) {
		c.shelf = open_shelf(rt, ro->shelf_key, err);
		if (!c.shelf && rt->settings.data_dir.len)
			goto fail;
	}
	ro->sender = sender_new(&c, err);
	if (!ro->sender) {
		err_prefix(err, "%s: ", ro->name);
		goto fail;
	}
	ro->keep = ro->fresh = true;
	ro->instance = pp;
	pp->outlet = sender_outlet(ro->sender);
	stats_open_output(rt, ro, pp->id);
	pthread_mutex_lock(&rt->lock);
	ro->next = rt->outputs;
	rt->outputs = ro;
	pthread_mutex_unlock(&rt->lock);
	arena_release(&scratch);
	return 0;
fail:
	arena_release(&scratch);
	output_free(ro);
	return -1;
}

/* Who renders /metrics walks the list under the lock. */
static void output_unlink(struct runtime *rt, struct run_output *ro)
{
	struct run_output **at = &rt->outputs;

	pthread_mutex_lock(&rt->lock);
	while (*at != ro)
		at = &(*at)->next;
	*at = ro->next;
	pthread_mutex_unlock(&rt->lock);
}

static bool output_end(struct runtime *rt, struct run_output *ro, int64_t deadline_ns)
{
	bool ok;

	sender_close(ro->sender);
	(void)sender_drain(ro->sender, deadline_ns);
	ok = stats_output_balanced(ro);
	output_unlink(rt, ro);
	sender_free(&ro->sender);
	output_free(ro);
	return ok;
}

/* ---- inputs ---- */

static struct run_input *input_find(struct runtime *rt, const struct plan_plugin *pp, const struct run_input *besides)
{
	for (struct run_input *ri = rt->inputs; ri; ri = ri->next)
		if (ri != besides && !ri->keep && str_eqz(pp->key, ri->in->key))
			return ri;
	return NULL;
}

static int input_open_half(struct runtime *rt, struct plan_plugin *pp, struct inlet *partner, struct inlet **out, struct err *err)
{
	struct inlet_hooks hooks = {.ended = on_inlet_ended, .closed = on_inlet_closed, .arg = rt};
	struct run_input *ri = xzalloc(sizeof(*ri));

	ri->in = inlet_new(pp, partner, pipeline_queue(rt->pipeline), &rt->budget, &hooks, err);
	if (!ri->in) {
		free(ri);
		err_prefix(err, "%s: ", pp->plugin->name);
		return -1;
	}
	ri->keep = ri->fresh = true;
	ri->instance = pp;
	stats_open_input(rt, ri);
	pthread_mutex_lock(&rt->lock);
	ri->next = rt->inputs;
	rt->inputs = ri;
	pthread_mutex_unlock(&rt->lock);
	*out = ri->in;
	return 0;
}

/* An input is one inlet, or two where it listens in two ways (syslog). */
static int input_open(struct runtime *rt, struct plan_plugin *pp, struct err *err)
{
	struct run_input *have = input_find(rt, pp, NULL);
	struct inlet *first = NULL, *second;

	if (have) {
		for (; have; have = input_find(rt, pp, NULL)) {
			have->keep = true;
			have->instance = pp;
			if (!have->in->partner && !have->in->ops->companion)
				break;
		}
		return 0;
	}
	if (input_open_half(rt, pp, NULL, &first, err))
		return -1;
	return first->ops->companion ? input_open_half(rt, pp, first, &second, err) : 0;
}

static int input_start(struct runtime *rt, struct run_input *ri, struct err *err)
{
	struct loop *loop = rt->streams;

	if (ri->in->ops->own_loop) {
		loop = loop_new(ri->in->name, err);
		if (!loop)
			return -1;
		pthread_mutex_lock(&rt->lock);
		ri->own_loop = loop;
		pthread_mutex_unlock(&rt->lock);
	}
	ri->fresh = false;
	if (inlet_start(ri->in, loop, err))
		return err_prefix(err, "%s: ", ri->in->name);
	return 0;
}

static void input_free(struct runtime *rt, struct run_input *ri)
{
	pthread_mutex_lock(&rt->lock);
	for (struct run_input **at = &rt->inputs; *at; at = &(*at)->next)
		if (*at == ri) {
			*at = ri->next;
			break;
		}
	pthread_mutex_unlock(&rt->lock);
	loop_free(ri->own_loop);
	series_unref(ri->series);
	series_unref(ri->udp);
	inlet_free(ri->in);
	free(ri);
}

/* Stops every input that is not kept and waits until it is closed: its last batches are in the queue then. */
static void inputs_stop(struct runtime *rt)
{
	unsigned n = 0;

	pthread_mutex_lock(&rt->lock);
	rt->closed = 0;
	pthread_mutex_unlock(&rt->lock);
	for (struct run_input *ri = rt->inputs; ri; ri = ri->next)
		if (!ri->keep && ri->in->started) {
			inlet_stop(ri->in);
			n++;
		}
	pthread_mutex_lock(&rt->lock);
	while (rt->closed < n)
		pthread_cond_wait(&rt->changed, &rt->lock);
	pthread_mutex_unlock(&rt->lock);
}

static void inputs_free_unkept(struct runtime *rt)
{
	struct run_input *next;

	for (struct run_input *ri = rt->inputs; ri; ri = next) {
		next = ri->next;
		if (!ri->keep)
			input_free(rt, ri);
	}
}

static void forget_keep(struct runtime *rt)
{
	for (struct run_input *ri = rt->inputs; ri; ri = ri->next)
		ri->keep = false;
	for (struct run_output *ro = rt->outputs; ro; ro = ro->next)
		ro->keep = false;
}

/* ---- life ---- */

static int open_parts(struct runtime *rt, struct plan *plan, struct err *err)
{
	for (uint32_t i = 0; i < plan->noutputs; i++)
		if (output_open(rt, plan->output[i], err))
			return -1;
	for (uint32_t i = 0; i < plan->ninputs; i++)
		if (input_open(rt, plan->input[i], err))
			return -1;
	return 0;
}

/* Undoes open_parts: what was opened for a plan that is not to be. */
static void close_fresh(struct runtime *rt)
{
	struct run_input *ri, *next_in;
	struct run_output *ro, *next_out;

	for (ri = rt->inputs; ri; ri = next_in) {
		next_in = ri->next;
		if (ri->fresh)
			input_free(rt, ri);
	}
	for (ro = rt->outputs; ro; ro = next_out) {
		next_out = ro->next;
		if (ro->fresh)
			(void)output_end(rt, ro, 0);
	}
}

/* d: warnings that were not printed yet point into the texts, which go with it. */
static void free_runtime(struct runtime *rt, struct diag *d)
{
	stats_close(rt);
	close_fresh(rt);
	/* Before the inlets: batches that were never decoded hold their sources. */
	pipeline_free(rt->pipeline);
	if (d)
		loaded_free_shown(rt->loaded, d);
	else
		loaded_free(rt->loaded);
	while (rt->inputs)
		input_free(rt, rt->inputs);
	loop_free(rt->streams);
	if (rt->letters)
		dead_letter_file_free(&rt->letters);
	state_db_free(rt->state);
	pthread_cond_destroy(&rt->changed);
	pthread_mutex_destroy(&rt->lock);
	free(rt);
}

struct runtime *runtime_new(const struct runtime_config *c, struct diag *d, struct err *err)
{
	struct runtime *rt = xzalloc(sizeof(*rt));
	struct pipeline_hooks hooks = {.plan_changed = on_plan_changed, .ended = on_pipeline_ended, .arg = rt};

	rt->config = *c;
	rt->settings = c->settings->pipeline;
	rt->settings.clock = &clock_system;
	rt->settings.later = true;
	rt->budget.max = (size_t)c->settings->memory_max;
	pthread_mutex_init(&rt->lock, NULL);
	pthread_cond_init(&rt->changed, NULL);
	if (rt->settings.data_dir.len) {
		rt->letters = dead_letter_file_new(rt->settings.data_dir, 0, &clock_system, err);
		if (!rt->letters)
			goto fail;
		rt->settings.dead_letters = hooks.dead_letters = rt->letters;
		rt->settings.state = rt->state = state_db_new(rt->settings.data_dir);
	}
	rt->loaded = loaded_new(c->config_path, c->config_text, &rt->settings, d);
	if (!rt->loaded) {
		err_set(err, "the configuration has errors");
		goto fail;
	}
	rt->pipeline = pipeline_new(rt->loaded->plan, &hooks);
	bqueue_on_room(pipeline_queue(rt->pipeline), on_room, rt);
	rt->streams = loop_new("weir-io", err);
	if (!rt->streams || open_parts(rt, rt->loaded->plan, err))
		goto fail;
	stats_open(rt);
	return rt;
fail:
	free_runtime(rt, d);
	return NULL;
}

static int start_fresh(struct runtime *rt, struct err *err)
{
	for (struct run_output *ro = rt->outputs; ro; ro = ro->next)
		ro->fresh = false;
	for (struct run_input *ri = rt->inputs; ri; ri = ri->next)
		if (ri->fresh && input_start(rt, ri, err))
			return -1;
	forget_keep(rt);
	return 0;
}

int runtime_start(struct runtime *rt, struct err *err)
{
	if (pipeline_start(rt->pipeline, err))
		return -1;
	return start_fresh(rt, err);
}

/* A new output of a plug-in that had one before: it goes on with what the old one had not settled. */
static struct run_output *heir_of(struct runtime *rt, const struct run_output *old)
{
	for (struct run_output *ro = rt->outputs; ro; ro = ro->next)
		if (ro->keep && ro->fresh && strcmp(ro->name, old->name) == 0 && strcmp(ro->shelf_key, old->shelf_key) == 0)
			return ro;
	return NULL;
}

static void retire_outputs(struct runtime *rt)
{
	struct run_output *ro, *next, *heir;
	int64_t deadline = clock_mono(&clock_system) + rt->config.settings->drain_ns;

	for (ro = rt->outputs; ro; ro = next) {
		next = ro->next;
		if (ro->keep)
			continue;
		sender_close(ro->sender);
		heir = heir_of(rt, ro);
		if (heir)
			sender_inherit(heir->sender, ro->sender);
		(void)output_end(rt, ro, heir ? 0 : deadline);
	}
}

int runtime_reload(struct runtime *rt, struct diag *d, struct err *err)
{
	struct loaded *next = loaded_new(rt->config.config_path, rt->config.config_text, &rt->settings, d);
	struct loaded *former = rt->loaded;

	if (!next) {
		/* The same mistake is not tried again until the files change once more. */
		if (rt->config.config_path)
			rt->loaded->stamp = loaded_stamp(rt->config.config_path);
		return err_set(err, "the configuration has errors");
	}
	forget_keep(rt);
	if (open_parts(rt, next->plan, err)) {
		close_fresh(rt);
		forget_keep(rt);
		rt->loaded->stamp = next->stamp;
		loaded_free_shown(next, d);
		return -1;
	}
	inputs_stop(rt);
	former->plan = pipeline_swap(rt->pipeline, next->plan);
	inputs_free_unkept(rt);
	retire_outputs(rt);
	loaded_free(former);
	rt->loaded = next;
	return start_fresh(rt, err);
}

bool runtime_stale(struct runtime *rt)
{
	return rt->config.config_path && loaded_stamp(rt->config.config_path) != rt->loaded->stamp;
}

void runtime_reopen(struct runtime *rt)
{
	for (struct run_output *ro = rt->outputs; ro; ro = ro->next)
		sender_reopen(ro->sender);
	if (rt->letters)
		dead_letter_file_reopen(rt->letters);
}

bool runtime_turn(struct runtime *rt)
{
	bool all = true;

	pthread_mutex_lock(&rt->lock);
	for (struct run_input *ri = rt->inputs; ri; ri = ri->next)
		all &= ri->ended;
	all &= rt->some_ended;
	pthread_mutex_unlock(&rt->lock);
	return all;
}

const char *runtime_stuck(struct runtime *rt)
{
	const char *name = NULL;

	/* All are asked, whoever has not answered. The list changes on this thread only. */
	if (!pipeline_alive(rt->pipeline))
		name = "the pipeline";
	if (!loop_alive(rt->streams))
		name = "streams";
	for (struct run_input *ri = rt->inputs; ri; ri = ri->next)
		if (ri->own_loop && !ri->in->ops->disk && !loop_alive(ri->own_loop))
			name = ri->in->name;
	return name;
}

static void wait_pipeline(struct runtime *rt)
{
	pthread_mutex_lock(&rt->lock);
	while (!rt->pipeline_ended)
		pthread_cond_wait(&rt->changed, &rt->lock);
	pthread_mutex_unlock(&rt->lock);
}

bool runtime_stop(struct runtime *rt)
{
	/* Inputs that ended by themselves (standard input) wait for the outputs as long as it takes; a stop from outside does not. */
	bool by_itself = runtime_turn(rt), ok = true;
	int64_t deadline = by_itself ? INT64_MAX : clock_mono(&clock_system) + rt->config.settings->drain_ns;

	forget_keep(rt);
	inputs_stop(rt);
	pipeline_close(rt->pipeline);
	if (!by_itself)
		pipeline_force(rt->pipeline);
	wait_pipeline(rt);
	while (rt->outputs)
		ok &= output_end(rt, rt->outputs, deadline);
	ok &= stats_balanced(rt);
	inputs_free_unkept(rt);
	return ok;
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
	settings.elsewhere = true;
	l = loaded_new(c->config_path, c->config_text, &settings, d);
	if (!l)
		return -1;
	if (out)
		plan_explain(l->plan, out);
	loaded_free_shown(l, d);
	return 0;
}
