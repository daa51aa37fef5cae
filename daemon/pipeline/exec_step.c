/*
 * exec_step.c - one event through the steps of the plan (see exec_int.h).
 */
#include "exec_int.h"
#include "base/log.h"

#include <stdio.h>

static void condition_failed(struct exec *x, const struct plan_step *s, const struct event *ev, const struct err *err)
{
	char place[300];
	int n = s->pos.file ? snprintf(place, sizeof(place), "%.*s:%u:%u", (int)(s->pos.file->name.len < 200 ? s->pos.file->name.len : 200), s->pos.file->name.p, s->pos.line, s->pos.col) : 0;

	log_warn("pipeline", "%.*s: condition cannot be evaluated (%s): the event goes to the dead letter", n, place, err->text);
	if (dead_letter_event(x->hooks.dead_letters, ev, str_z(err->text), str_n(place, (size_t)n)))
		bump(&x->count->ended_condition);
	else
		bump(&x->count->ended_lost);
}

/* The common options after a success; what Logstash would raise there is tagged. */
static __attribute__((noinline)) void filter_common(struct exec *x, struct plan_plugin *pp, struct event *ev)
{
	struct err err;

	if (!common_run(pp->common, ev, x->plan->settings.clock, &err))
		return;
	bump(&x->count->filter_errors);
	if (pp->plugin->filter.raised)
		pp->plugin->filter.raised(pp->self, ev);
	else
		event_tag(ev, arena_printf(ev->arena, "_%s_error", pp->plugin->name));
	log_warn("pipeline", "filter %s: %s", pp->plugin->name, err.text);
}

/* Few filters have any: where there are none, no room is made for an error, which would be cleared for each event. */
void filter_succeeded(struct exec *x, struct plan_plugin *pp, struct event *ev)
{
	if (pp->common)
		filter_common(x, pp, ev);
}

void filter_stops(struct exec *x, const struct plan_plugin *pp, struct str why)
{
	bump(&x->count->filter_errors);
	if (x->hooks.stops)
		x->hooks.stops(x->hooks.arg, pp, why);
}

enum run after_filter(struct exec *x, struct task *t, struct plan_plugin *pp, enum step answer, const struct step_ctx *ctx)
{
	switch (answer) {
	case STEP_OK:
		filter_succeeded(x, pp, &t->ev);
		t->pc++;
		return RUN_STOPPED;
	case STEP_STOPS:
		filter_stops(x, pp, ctx->why);
		t->pc++;
		return RUN_STOPPED;
	case STEP_PASS:
	case STEP_WAIT:
		t->pc++;
		return RUN_STOPPED;
	case STEP_DROP:
		bump(&x->count->ended_drop);
		event_end(&t->ev);
		return RUN_ENDED;
	case STEP_MORE:
	case STEP_FORK:
	case STEP_OK_FORK:
		if (answer == STEP_OK_FORK)
			filter_succeeded(x, pp, &t->ev);
		t->generating = true;
		t->fork = answer != STEP_MORE;
		t->gen = ctx->gen;
		return RUN_CHILDREN;
	}
	bug_on(true);
}

/* A condition: true where the event goes on, at *pc. */
static __attribute__((noinline)) bool branch(struct exec *x, const struct plan_step *s, struct event *ev, uint32_t *pc)
{
	struct err err;

	switch (cond_eval(s->cond, ev, &err)) {
	case COND_TRUE:
		++*pc;
		return true;
	case COND_FALSE:
		*pc = s->target;
		return true;
	case COND_ERROR:
		break;
	}
	condition_failed(x, s, ev, &err);
	event_end(ev);
	return false;
}

/* What two readings of the clock take is in between, and not the filter's. */
static __attribute__((noinline)) enum step run_timed(struct exec *x, struct plan_plugin *pp, struct event *ev, struct step_ctx *ctx)
{
	int64_t before = clock_mono(&clock_system), begun = clock_mono(&clock_system), ns;
	enum step answer = pp->plugin->filter.run(pp->self, ev, ctx);

	ns = clock_mono(&clock_system) - begun - (begun - before);
	if (ns > 0)
		count_add(&pp->busy_ns, (uint64_t)ns * TIMED_EVERY);
	x->until_timed = count_until_timed(&x->dice);
	return answer;
}

static inline enum step run_filter(struct exec *x, struct plan_plugin *pp, struct event *ev, struct step_ctx *ctx)
{
	if (__builtin_expect(--x->until_timed == 0, 0))
		return run_timed(x, pp, ev, ctx);
	return pp->plugin->filter.run(pp->self, ev, ctx);
}

/* Steps that look things up begin to fetch them. */
static __attribute__((noinline)) void tell_ahead(const struct plan_step *s, struct event *ev)
{
	for (uint32_t i = 1; i <= s->ahead; i++) {
		const struct plan_plugin *pp = s[i].plugin;

		if (pp->plugin->filter.ahead)
			pp->plugin->filter.ahead(pp->self, ev);
	}
}

enum run run_task(struct exec *x, struct task *t, uint32_t stop)
{
	const struct plan *p = x->plan;
	struct step_ctx ctx = {.arena = t->ev.arena, .clock = p->settings.clock};

	while (t->pc < stop) {
		const struct plan_step *s = &p->step[t->pc];
		enum step answer;
		enum run r;

		switch (s->op) {
		case OP_FILTER:
			bump(&s->plugin->in);
			if (s->ahead)
				tell_ahead(s, &t->ev);
			ctx.gen = NULL;
			answer = run_filter(x, s->plugin, &t->ev, &ctx);
			r = after_filter(x, t, s->plugin, answer, &ctx);
			if (r != RUN_STOPPED)
				return r;
			bump(&s->plugin->out);
			break;
		case OP_IF:
			if (!branch(x, s, &t->ev, &t->pc))
				return RUN_ENDED;
			break;
		case OP_JUMP:
			t->pc = s->target;
			break;
		case OP_OUTPUT:
			if (s->plugin->outlet->put(s->plugin->outlet, &t->ev) == OUTLET_FULL)
				return RUN_PARKED;
			bump(&s->plugin->in);
			t->ev.routed = true;
			t->pc++;
			break;
		case OP_END:
			bump(t->ev.routed ? &x->count->routed : &x->count->unrouted);
			event_end(&t->ev);
			return RUN_ENDED;
		}
	}
	return RUN_STOPPED;
}
