/*
 * runtime_parts.c - which pipelines there are: the list is read, what is new or changed in it is opened, put in place and started, what is gone
 * is stopped. A pipeline that cannot be leaves the others alone. Main thread.
 */
#include "runtime_int.h"

#include "base/log.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

uint64_t parts_list_stamp(const struct runtime *rt)
{
	uint64_t stamps[2] = {0};

	if (rt->config.pipelines_path)
		stamps[0] = loaded_file_stamp(rt->config.pipelines_path);
	if (rt->config.secrets_path)
		stamps[1] = loaded_file_stamp(rt->config.secrets_path);
	return hash_bytes(stamps, sizeof(stamps));
}

/* What root started and another user goes on with may be out of reach by now: then the variables are those of the start. */
static int read_secrets(const char *path, struct program_settings *base, struct diag *d)
{
	if (access(path, R_OK) && errno == EACCES) {
		log_warn("pipeline", "'%s' cannot be read any more: its variables stay as they were at the start", path);
		return 0;
	}
	return settings_secrets(base, path, d);
}

int parts_read_list(struct runtime *rt, struct diag *d, struct err *err)
{
	struct program_settings base = rt->base;
	struct pipeline_list list;
	struct arena texts;

	arena_init(&texts, NULL);
	base.arena = &texts;
	rt->list_stamp = parts_list_stamp(rt);
	if (rt->config.secrets_path && read_secrets(rt->config.secrets_path, &base, d)) {
		err_set(err, "the secrets cannot be used");
		goto fail;
	}
	if (pipelines_all(&list, &base, rt->config.pipelines_path, d)) {
		err_set(err, rt->config.pipelines_path ? "the list of pipelines has errors" : "there are two configurations");
		goto fail;
	}
	arena_release(&rt->texts);
	rt->texts = texts;
	rt->list = list;
	for (size_t i = 0; i < list.n; i++)
		list.entry[i].settings.arena = &rt->texts;
	return 0;
fail:
	diag_keep(d, &texts);
	return -1;
}

static struct part *part_find(struct runtime *rt, struct str id)
{
	struct part **at = &rt->parts, *p;

	for (; *at; at = &(*at)->next)
		if (str_eqz(id, (*at)->id))
			return *at;
	p = *at = xzalloc(sizeof(*p));
	p->id = xstrdupz(id);
	return p;
}

static void part_free(struct part *p, struct diag *d)
{
	if (!p)
		return;
	running_free(p->running, d);
	free(p->id);
	free(p);
}

void parts_free(struct runtime *rt, struct diag *d)
{
	struct part *next;

	for (struct part *p = rt->parts; p; p = next) {
		next = p->next;
		part_free(p, d);
	}
	rt->parts = NULL;
	arena_release(&rt->texts);
}

static void failed(struct runtime *rt, struct part *p, const struct err *why)
{
	p->failed = true;
	rt->failed++;
	rt->why = *why;
	/* A single one is main's to tell. */
	if (rt->list.n > 1)
		log_error("pipeline", "'%s': %s: %s", p->id, p->running ? "not reloaded, its former configuration goes on" : "not started",
			  why->text);
}

/* ---- compiling and opening ---- */

static bool may_change(const struct part *p, const struct program_settings *s)
{
	return !p->running || (running_loaded(p->running)->reloadable && s->reloadable);
}

/* d: of a configuration that cannot be read nothing but its problems is left. */
static void open_part(struct runtime *rt, struct part *p, const struct program_settings *s, struct diag *d)
{
	struct loaded *l;
	struct err err;

	p->failed = false;
	if (!may_change(p, s)) {
		err_set(&err, "it is not to be reloaded (pipeline.reloadable)");
		failed(rt, p, &err);
		return;
	}
	l = loaded_new(s, d);
	if (!l) {
		err_set(&err, "the configuration has errors");
		failed(rt, p, &err);
		return;
	}
	if (p->running && running_prepare(p->running, l, &err) == 0) {
		p->wanted = l;
		return;
	}
	if (!p->running) {
		p->running = running_new(&rt->shared, l, &err);
		p->fresh = p->running != NULL;
		if (p->fresh)
			return;
	}
	loaded_free_shown(l, d);
	failed(rt, p, &err);
}

static bool is_ready(const struct part *p)
{
	return p->fresh || p->wanted;
}

/* What was opened is not to be. */
static void withdraw(struct part *p, struct diag *d)
{
	if (p->fresh) {
		running_free(p->running, d);
		p->running = NULL;
		p->fresh = false;
		return;
	}
	running_cancel(p->running);
	loaded_free_shown(p->wanted, d);
	p->wanted = NULL;
}

static const struct plan *plan_of(const struct part *p)
{
	return p->wanted ? p->wanted->plan : running_loaded(p->running)->plan;
}

/* Addresses and loops, over all that will run. true: one that goes on as it was now stands in the way of others, perhaps. */
static bool admit(struct runtime *rt, struct diag *d)
{
	struct flow flow;
	struct pos pos;
	struct err err;
	bool again = false;

	flow_init(&flow);
	for (struct part *p = rt->parts; p; p = p->next)
		if (p->listed && p->running && !is_ready(p))
			/* They ran together before. */
			bug_on(flow_add(&flow, plan_of(p), &pos, &err));
	for (struct part *p = rt->parts; p && !again; p = p->next) {
		if (!is_ready(p) || flow_add(&flow, plan_of(p), &pos, &err) == 0)
			continue;
		diag_error(d, pos, "%s", err.text);
		again = p->wanted != NULL;
		withdraw(p, d);
		failed(rt, p, &err);
	}
	flow_release(&flow);
	return again;
}

void parts_open(struct runtime *rt, struct diag *d)
{
	struct part **part = xzalloc(rt->list.n * sizeof(struct part *) + 1);
	bool *changed = xzalloc(rt->list.n + 1), any = false;

	rt->failed = 0;
	for (struct part *p = rt->parts; p; p = p->next)
		p->listed = false;
	for (size_t i = 0; i < rt->list.n; i++) {
		const struct program_settings *s = &rt->list.entry[i].settings;
		uint64_t stamp = loaded_stamp(s);

		part[i] = part_find(rt, s->pipeline.pipeline_id);
		part[i]->listed = true;
		changed[i] = stamp != part[i]->stamp;
		part[i]->stamp = stamp;
		any |= changed[i];
	}
	for (struct part *p = rt->parts; p; p = p->next)
		any |= !p->listed;
	for (size_t i = 0; i < rt->list.n; i++) {
		const struct program_settings *s = &rt->list.entry[i].settings;

		/* What stood in the way of one that failed may have changed. */
		if (changed[i] || part[i]->failed || (!any && may_change(part[i], s)))
			open_part(rt, part[i], s, d);
	}
	free(part);
	free(changed);
	while (admit(rt, d))
		;
}

/* ---- order ---- */

struct part **parts_in_order(struct runtime *rt, bool listed)
{
	struct part **all, **sorted;
	struct flow flow;
	size_t n = 0, *order;

	for (struct part *p = rt->parts; p; p = p->next)
		n++;
	all = xzalloc((n + 1) * sizeof(struct part *));
	sorted = xzalloc((n + 1) * sizeof(struct part *));
	order = xzalloc((n + 1) * sizeof(*order));
	flow_init(&flow);
	for (struct part *p = rt->parts; p; p = p->next) {
		struct pos pos;
		struct err err;

		if (!p->running || p->listed != listed)
			continue;
		all[flow.n] = p;
		/* They were admitted together. */
		bug_on(flow_add(&flow, running_loaded(p->running)->plan, &pos, &err));
	}
	flow_order(&flow, order);
	for (size_t i = 0; i < flow.n; i++)
		sorted[i] = all[order[i]];
	flow_release(&flow);
	free(order);
	free(all);
	return sorted;
}

/* ---- putting in place ---- */

/* Who receives is there before who sends. */
static void start_ready(struct runtime *rt, struct diag *d)
{
	struct part **sorted = parts_in_order(rt, true);
	size_t n = 0;

	while (sorted[n])
		n++;
	while (n--) {
		struct part *p = sorted[n];
		struct err err;

		if (!p->fresh && !p->wanted)
			continue;
		if (p->fresh ? running_start(p->running, &err) : running_start_fresh(p->running, &err)) {
			if (p->fresh) {
				running_free(p->running, d);
				p->running = NULL;
			}
			failed(rt, p, &err);
		} else if (rt->config.pipelines_path) {
			log_info("pipeline", "'%s': %s", p->id, p->fresh ? "started" : "reloaded");
		}
		p->fresh = false;
		p->wanted = NULL;
	}
	free(sorted);
}

/* In the order of flow, so that what one still has reaches the others. */
static void stop_unlisted(struct runtime *rt, int64_t deadline_ns)
{
	struct part **gone = parts_in_order(rt, false);

	for (size_t i = 0; gone[i]; i++)
		running_stop(gone[i]->running, true);
	for (size_t i = 0; gone[i]; i++) {
		(void)running_finish(gone[i]->running, deadline_ns);
		log_info("pipeline", "'%s': removed", gone[i]->id);
	}
	free(gone);
	for (struct part **at = &rt->parts, *p; (p = *at);) {
		if (p->listed) {
			at = &p->next;
			continue;
		}
		*at = p->next;
		part_free(p, NULL);
	}
}

void parts_begin(struct runtime *rt, struct diag *d)
{
	/* For all outputs that are gone together: so long the main thread stands still at most. */
	int64_t deadline = clock_mono(&clock_system) + rt->shared.drain_ns;

	/* Their addresses are free for others before those begin. */
	for (struct part *p = rt->parts; p; p = p->next)
		if (p->running && !p->listed)
			running_quit_inputs(p->running);
	for (struct part *p = rt->parts; p; p = p->next)
		if (p->wanted)
			running_put_in_place(p->running, deadline);
	start_ready(rt, d);
	stop_unlisted(rt, deadline);
}
