#include "flow.h"

#include "input/pipeline.h"
#include "outputs/pipeline.h"

#include <stdlib.h>

void flow_init(struct flow *f)
{
	*f = (struct flow){0};
}

void flow_release(struct flow *f)
{
	free(f->plan);
	flow_init(f);
}

/* The input of a plan that listens on the address, but for `besides`. */
static const struct plan_plugin *listener(const struct plan *p, struct str address, const struct plan_plugin *besides)
{
	for (uint32_t i = 0; i < p->ninputs; i++) {
		struct str mine = pipeline_input_address(p->input[i]);

		if (p->input[i] != besides && mine.p && str_eq(mine, address))
			return p->input[i];
	}
	return NULL;
}

static bool sends_to(const struct plan_plugin *output, const struct plan *to)
{
	const struct list *l = pipeline_output_addresses(output);

	for (uint32_t i = 0; l && i < l->n; i++)
		if (listener(to, value_str(&l->v[i]), NULL))
			return true;
	return false;
}

/* The output of `from` that sends to `to`, or NULL. */
static const struct plan_plugin *edge(const struct plan *from, const struct plan *to)
{
	for (uint32_t i = 0; i < from->noutputs; i++)
		if (sends_to(from->output[i], to))
			return from->output[i];
	return NULL;
}

static int check_addresses(const struct flow *f, const struct plan *plan, struct pos *pos, struct err *err)
{
	for (uint32_t i = 0; i < plan->ninputs; i++) {
		struct str address = pipeline_input_address(plan->input[i]);

		if (!address.p)
			continue;
		*pos = plan->input[i]->pos;
		if (listener(plan, address, plan->input[i]))
			return err_set(err, "two inputs listen on the address '%.*s'", STR_ARG(address));
		for (size_t k = 0; k < f->n; k++)
			if (listener(f->plan[k], address, NULL))
				return err_set(err, "pipeline '%.*s' listens on the address '%.*s' already",
					       STR_ARG(f->plan[k]->settings.pipeline_id), STR_ARG(address));
	}
	return 0;
}

/* ---- loops ---- */

struct walk {
	const struct flow *f;
	const struct plan *target;
	bool *seen; /* plans that do not lead to the target, or are being looked at */
	struct buf path;
};

/* Does `from` lead to the target? Then the path is in w->path, " -> a -> b". */
static bool leads(struct walk *w, const struct plan *from)
{
	if (edge(from, w->target)) {
		buf_printf(&w->path, " -> %.*s", STR_ARG(from->settings.pipeline_id));
		return true;
	}
	for (size_t i = 0; i < w->f->n; i++) {
		size_t before = w->path.len;

		if (w->seen[i] || !edge(from, w->f->plan[i]))
			continue;
		w->seen[i] = true;
		buf_printf(&w->path, " -> %.*s", STR_ARG(from->settings.pipeline_id));
		if (leads(w, w->f->plan[i]))
			return true;
		w->path.len = before;
	}
	return false;
}

/* The output of plan that begins a way back to it. */
static const struct plan_plugin *first_of_loop(struct walk *w)
{
	const struct plan *plan = w->target;

	for (uint32_t i = 0; i < plan->noutputs; i++) {
		if (sends_to(plan->output[i], plan))
			return plan->output[i];
		for (size_t k = 0; k < w->f->n; k++)
			if (sends_to(plan->output[i], w->f->plan[k]) && leads(w, w->f->plan[k]))
				return plan->output[i];
	}
	return NULL;
}

static int check_loop(const struct flow *f, const struct plan *plan, struct pos *pos, struct err *err)
{
	struct walk w = {.f = f, .target = plan, .seen = xzalloc(f->n + 1)};
	const struct plan_plugin *output;

	buf_init(&w.path, 300);
	output = first_of_loop(&w);
	if (output) {
		*pos = output->pos;
		err_set(err, "events would come back: %.*s%.*s -> %.*s", STR_ARG(plan->settings.pipeline_id), STR_ARG(buf_slice(&w.path)),
			STR_ARG(plan->settings.pipeline_id));
	}
	buf_release(&w.path);
	free(w.seen);
	return output ? -1 : 0;
}

int flow_add(struct flow *f, const struct plan *plan, struct pos *pos, struct err *err)
{
	if (check_addresses(f, plan, pos, err) || check_loop(f, plan, pos, err))
		return -1;
	f->plan = xrealloc(f->plan, (f->n + 1) * sizeof(*f->plan));
	f->plan[f->n++] = plan;
	return 0;
}

/* Is there one that still has to come before plan i? */
static bool must_wait(const struct flow *f, size_t i, const bool *placed)
{
	for (size_t k = 0; k < f->n; k++)
		if (k != i && !placed[k] && edge(f->plan[k], f->plan[i]))
			return true;
	return false;
}

void flow_order(const struct flow *f, size_t *order)
{
	bool *placed = xzalloc(f->n + 1);
	size_t n = 0;

	/* There is no loop: each round finds one. */
	while (n < f->n) {
		size_t before = n;

		for (size_t i = 0; i < f->n; i++)
			if (!placed[i] && !must_wait(f, i, placed)) {
				placed[i] = true;
				order[n++] = i;
			}
		bug_on(n == before);
	}
	free(placed);
}
