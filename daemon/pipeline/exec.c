#include "exec_int.h"
#include "pipeline/event_id.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

static const int64_t flush_every_ns = FILTER_FLUSH_S * INT64_C(1000000000);

static void find_flushers(struct exec *x)
{
	const struct plan *p = x->plan;
	uint32_t stage = 0;

	x->flusher = xmalloc(p->nsteps * sizeof(*x->flusher) + 1);
	for (uint32_t pc = 0; pc < p->nsteps; pc++) {
		if (p->step[pc].op == OP_FILTER && p->step[pc].plugin->plugin->filter.flush)
			x->flusher[x->nflushers++] = (struct flusher){.pc = pc, .stage = stage};
		if (stage < p->nwait && p->wait[stage] == pc)
			stage++;
	}
	if (!x->nflushers)
		return;
	x->flush_ns = clock_mono(p->settings.clock) + flush_every_ns;
	bug_on(getrandom(x->nonce, sizeof(x->nonce), 0) != (ssize_t)sizeof(x->nonce));
}

struct exec *exec_new(struct plan *plan, const struct exec_hooks *hooks)
{
	struct exec *x = xzalloc(sizeof(*x));

	x->plan = plan;
	x->count = hooks && hooks->counters ? hooks->counters : &x->own;
	if (hooks)
		x->hooks = *hooks;
	x->last = &x->batch;
	arena_init(&x->arena, NULL);
	x->decoder.arena = &x->arena;
	x->until_timed = TIMED_EVERY;
	find_flushers(x);
	return x;
}

void exec_free(struct exec *x)
{
	if (!x)
		return;
	bug_on(x->unit || x->batch || x->decoder.depth);
	decoders_release(x);
	free(x->decoder.task);
	free(x->flusher);
	arena_release(&x->arena);
	free(x);
}

const struct exec_counters *exec_counters(const struct exec *x)
{
	return x->count;
}

unsigned exec_backlog(const struct exec *x)
{
	return x->nbatches;
}

void exec_feed(struct exec *x, struct batch *b)
{
	b->next = NULL;
	*x->last = b;
	x->last = &b->next;
	x->nbatches++;
}

/* ---- units ---- */

static uint32_t stage_stop(const struct exec *x, uint32_t stage)
{
	return stage < x->plan->nwait ? x->plan->wait[stage] : UINT32_MAX;
}

/* A new unit for events that stop at `stage`, right before `before` in order of age (NULL: the youngest). */
static struct unit *unit_new(struct exec *x, uint32_t stage, const struct unit *before)
{
	struct unit *u = xzalloc(sizeof(*u)), **at = &x->unit;

	u->exec = x;
	u->stage = stage;
	u->ev = xmalloc(EXEC_UNIT_EVENTS * sizeof(*u->ev));
	arena_init(&u->arena, NULL);
	u->feeder.arena = &u->arena;
	while (*at && *at != before)
		at = &(*at)->next;
	u->next = *at;
	*at = u;
	x->nunits++;
	return u;
}

static void unit_free(struct exec *x, struct unit *u)
{
	struct unit **at = &x->unit;
	const struct filter_ops *ops = &x->plan->step[x->plan->wait[u->stage]].plugin->plugin->filter;

	while (*at != u)
		at = &(*at)->next;
	*at = u->next;
	x->nunits--;
	x->moves++;
	if (ops->wait_release && u->wait.done)
		ops->wait_release(x->plan->step[x->plan->wait[u->stage]].plugin->self, &u->wait);
	arena_release(&u->arena);
	free(u->feeder.task);
	free(u->ev);
	free(u);
}

/* Any thread. The unit may be freed by the work thread as soon as answered is seen, so wake comes from a copy. */
static void unit_answered(struct wait *w)
{
	struct unit *u = (struct unit *)((char *)w - offsetof(struct unit, wait));
	void (*wake)(void *) = u->exec->hooks.wake;
	void *arg = u->exec->hooks.arg;

	/* Release: the answers are written before the work thread reads the flag. */
	atomic_store_explicit(&u->answered, true, memory_order_release);
	if (wake)
		wake(arg);
}

/* All of its events are there: ask their questions together. */
static void unit_start(struct exec *x, struct unit *u)
{
	struct plan_plugin *pp = x->plan->step[x->plan->wait[u->stage]].plugin;
	uint32_t wait_pc = x->plan->wait[u->stage];
	struct step_ctx ctx = {.arena = &u->arena, .clock = x->plan->settings.clock};
	bool any = false;

	x->moves++;
	u->started = true;
	u->wait.done = unit_answered;
	for (uint32_t i = 0; i < u->n; i++) {
		struct stopped *s = &u->ev[i];
		enum step answer;

		if (s->pc != wait_pc)
			continue;
		bump(&pp->in);
		answer = pp->plugin->filter.ask(pp->self, &s->ev, &u->wait, &s->slot, &ctx);
		bug_on(answer != STEP_OK && answer != STEP_PASS && answer != STEP_WAIT);
		s->asked = answer == STEP_WAIT;
		any |= s->asked;
		if (answer == STEP_OK)
			filter_succeeded(x, pp, &s->ev);
		if (!s->asked) {
			s->pc++;
			bump(&pp->out);
		}
	}
	if (any)
		pp->plugin->filter.start(pp->self, &u->wait);
	else
		atomic_store_explicit(&u->answered, true, memory_order_relaxed);
}

/* The event waits: it moves, memory and all, into the unit. */
static void unit_add(struct exec *x, struct unit *u, struct task *t)
{
	struct stopped *s = &u->ev[u->n++];

	*s = (struct stopped){.pc = t->pc};
	event_copy(&s->ev, &t->ev, &u->arena);
	t->ev.ack = NULL;
	if (u->n == EXEC_UNIT_EVENTS)
		unit_start(x, u);
}

/* ---- feeders ---- */

struct task *push_task(struct feeder *f)
{
	if (f->depth == f->cap) {
		f->cap = f->cap ? f->cap * 2 : 2;
		f->task = xrealloc(f->task, f->cap * sizeof(*f->task));
	}
	f->task[f->depth] = (struct task){.mark = arena_mark(f->arena)};
	return &f->task[f->depth++];
}

static void pop_task(struct feeder *f)
{
	struct task *t = &f->task[--f->depth];

	event_end(&t->ev);
	if (f->depth)
		arena_reset(f->arena, t->mark);
}

/* The next child of the parent on top; false when there are no more. */
static bool push_child(struct exec *x, struct feeder *f)
{
	struct task *parent = &f->task[f->depth - 1], *child;
	struct plan_plugin *pp = x->plan->step[parent->pc].plugin;
	struct step_ctx ctx = {.arena = f->arena, .clock = x->plan->settings.clock};
	uint32_t nth;
	int filled;

	child = push_task(f);
	parent = child - 1;
	if (parent->fork) {
		/* The event itself goes first; its children are made from what it is now. */
		parent->fork = false;
		parent->copied = true;
		event_copy(&child->ev, &parent->ev, f->arena);
		child->ev.ack = parent->ev.ack;
		ack_ref(child->ev.ack);
		child->pc = parent->pc + 1;
		bump(&pp->out);
		return true;
	}
	event_init(&child->ev, f->arena);
	child->ev.received_ns = parent->ev.received_ns;
	filled = pp->plugin->filter.next(pp->self, parent->gen, &parent->ev, &child->ev, &ctx);
	if (!filled) {
		f->depth--;
		if (!parent->copied)
			bump(&x->count->ended_replaced);
		return false;
	}
	bump(&x->count->created_filter);
	bump(&pp->out);
	if (!child->ev.ack) {
		child->ev.ack = parent->ev.ack;
		ack_ref(child->ev.ack);
	}
	nth = ++parent->ev.children;
	if (parent->ev.id_len && !child->ev.id_len) {
		char tail[12];
		int n = snprintf(tail, sizeof(tail), ".%u", nth);

		if (n > 0 && parent->ev.id_len + (size_t)n <= sizeof(child->ev.id)) {
			memcpy(child->ev.id, parent->ev.id, parent->ev.id_len);
			memcpy(child->ev.id + parent->ev.id_len, tail, (size_t)n);
			child->ev.id_len = (uint8_t)(parent->ev.id_len + n);
		}
	}
	child->pc = parent->pc + 1;
	if (filled == 1)
		filter_succeeded(x, pp, &child->ev);
	return true;
}

enum feed {
	FEED_EMPTY,  /* the stack is empty: give it the next event */
	FEED_PARKED,
	FEED_CROWDED, /* what stops here needs a unit, and EXEC_UNITS wait already */
};

/* Works the stack off. `after`: the unit that feeds (its output goes right before it), NULL for the decoder. */
static enum feed work_stack(struct exec *x, struct feeder *f, uint32_t stage, const struct unit *after)
{
	uint32_t stop = stage_stop(x, stage);

	while (f->depth) {
		struct task *t = &f->task[f->depth - 1];

		if (stop != UINT32_MAX && !f->out) {
			if (x->nunits >= EXEC_UNITS + (after != NULL))
				return FEED_CROWDED;
			f->out = unit_new(x, stage, after);
		}
		if (t->generating) {
			if (!push_child(x, f))
				pop_task(f);
			continue;
		}
		switch (run_task(x, t, stop)) {
		case RUN_ENDED:
			pop_task(f);
			break;
		case RUN_STOPPED:
			unit_add(x, f->out, t);
			/* A unit that was started may be gone before this feeder goes on. */
			if (f->out->started)
				f->out = NULL;
			pop_task(f);
			break;
		case RUN_PARKED:
			return FEED_PARKED;
		case RUN_CHILDREN:
			break;
		}
	}
	return FEED_EMPTY;
}

/* A flush has something: a task whose parent is no event makes the filter's events. Counted is only what it makes. */
static void push_flush(struct exec *x, struct feeder *f, struct flusher *fl, struct wait *w)
{
	struct plan_plugin *pp = x->plan->step[fl->pc].plugin;
	struct step_ctx ctx = {.arena = f->arena, .clock = x->plan->settings.clock, .final = fl->final, .wait = w};
	struct task *t = push_task(f);
	int64_t now_ns = clock_wall(ctx.clock);

	event_init(&t->ev, f->arena);
	if (!pp->plugin->filter.flush(pp->self, &ctx)) {
		pop_task(f);
		return;
	}
	t->ev.received_ns = now_ns;
	event_id_make(&t->ev, now_ns / 1000000, x->nonce, x->nflushes++);
	t->pc = fl->pc;
	t->gen = ctx.gen;
	t->generating = t->copied = true;
}

/* No more events come from this feeder for now: what it gathered is asked. */
static void feeder_close(struct exec *x, struct feeder *f)
{
	struct unit *u = f->out;

	f->out = NULL;
	if (u)
		unit_start(x, u);
}

/* An event of a unit whose answers are there goes on. */
static void push_stopped(struct exec *x, struct unit *u)
{
	struct stopped *s = &u->ev[u->at++];
	struct plan_plugin *pp = x->plan->step[x->plan->wait[u->stage]].plugin;
	struct step_ctx ctx = {.arena = &u->arena, .clock = x->plan->settings.clock};
	struct task *t = push_task(&u->feeder);
	enum step answer;

	t->ev = s->ev;
	t->pc = s->pc;
	s->ev.ack = NULL;
	if (!s->asked)
		return;
	answer = pp->plugin->filter.finish(pp->self, &t->ev, &u->wait, s->slot, &ctx);
	switch (after_filter(x, t, pp, answer, &ctx)) {
	case RUN_ENDED:
		pop_task(&u->feeder);
		break;
	case RUN_STOPPED:
		bump(&pp->out);
		break;
	default:
		break;
	}
}

static enum feed run_unit(struct exec *x, struct unit *u)
{
	for (;;) {
		enum feed r = work_stack(x, &u->feeder, u->stage + 1, u);

		if (r != FEED_EMPTY)
			return r;
		if (u->flusher) {
			push_flush(x, &u->feeder, u->flusher, u->wait.done ? &u->wait : NULL);
			u->flusher = NULL;
			continue;
		}
		if (u->at == u->n)
			break;
		push_stopped(x, u);
	}
	feeder_close(x, &u->feeder);
	return FEED_EMPTY;
}

/* ---- time goes by ---- */

static bool flusher_waits(const struct exec *x, const struct flusher *fl)
{
	return fl->stage < x->plan->nwait && x->plan->wait[fl->stage] == fl->pc;
}

/* Filters behind a waiting step, and such steps themselves, are flushed in units of their own, so that what they make stays in order. */
static void start_flushes(struct exec *x)
{
	for (uint32_t i = 0; i < x->nflushers; i++) {
		struct flusher *fl = &x->flusher[i];
		struct plan_plugin *pp = x->plan->step[fl->pc].plugin;
		bool waits = flusher_waits(x, fl);
		struct unit *u;

		if (!fl->wanted || (fl->stage == 0 && !waits) || x->nunits >= EXEC_UNITS)
			continue;
		fl->wanted = false;
		u = unit_new(x, waits ? fl->stage : fl->stage - 1, NULL);
		u->flusher = fl;
		u->started = true;
		x->moves++;
		if (!waits) {
			atomic_store_explicit(&u->answered, true, memory_order_relaxed);
			continue;
		}
		u->wait.done = unit_answered;
		if (pp->plugin->filter.flush_ask(pp->self, &u->wait, fl->final))
			pp->plugin->filter.start(pp->self, &u->wait);
		else
			unit_free(x, u);
	}
}

/* Those before any waiting step, between two events of the decoder. */
static bool push_decoder_flush(struct exec *x)
{
	for (uint32_t i = 0; i < x->nflushers; i++) {
		struct flusher *fl = &x->flusher[i];

		if (!fl->wanted || fl->stage != 0 || flusher_waits(x, fl))
			continue;
		fl->wanted = false;
		arena_clear(&x->arena);
		push_flush(x, &x->decoder, fl, NULL);
		return true;
	}
	return false;
}

int64_t exec_due(const struct exec *x)
{
	int64_t due = x->nflushers ? x->flush_ns : INT64_MAX, decoders = decoders_due(x);

	return decoders < due ? decoders : due;
}

void exec_tick(struct exec *x, int64_t mono_ns)
{
	(void)decoders_flush(x, mono_ns, SPAN_IDLE);
	if (!x->nflushers || mono_ns < x->flush_ns)
		return;
	/* Where nobody had time for it, it is not made up for. */
	x->flush_ns += flush_every_ns * (1 + (mono_ns - x->flush_ns) / flush_every_ns);
	for (uint32_t i = 0; i < x->nflushers; i++)
		x->flusher[i].wanted = true;
}

/* The next one that was not flushed for the last time. false: there is none. */
static bool flush_last(struct exec *x, bool all)
{
	for (uint32_t i = 0; i < x->nflushers; i++) {
		struct flusher *fl = &x->flusher[i];

		if (fl->ended || (!all && !x->plan->step[fl->pc].plugin->plugin->holds))
			continue;
		fl->wanted = fl->final = fl->ended = true;
		return true;
	}
	return false;
}

bool exec_flush(struct exec *x)
{
	return decoders_flush(x, 0, SPAN_CLOSE) || flush_last(x, false);
}

bool exec_finish(struct exec *x)
{
	return decoders_flush(x, 0, SPAN_CLOSE) || flush_last(x, true);
}

/* ---- the whole ---- */

static enum feed run_decoder(struct exec *x)
{
	for (;;) {
		enum feed r = work_stack(x, &x->decoder, 0, NULL);

		if (r != FEED_EMPTY)
			return r;
		if (!push_decoder_flush(x) && !push_decoded(x))
			break;
	}
	feeder_close(x, &x->decoder);
	return FEED_EMPTY;
}

/* A unit may go on when its answers are there and no older one is still at its stage. */
static struct unit *next_runnable(struct exec *x, const struct unit *after)
{
	const struct unit *older = NULL;
	bool seen = after == NULL;

	for (struct unit *u = x->unit; u; older = u, u = u->next) {
		/* Acquire: pairs with unit_answered. */
		bool ready = u->started && atomic_load_explicit(&u->answered, memory_order_acquire);

		if (seen && ready && (!older || older->stage > u->stage))
			return u;
		if (u == after)
			seen = true;
	}
	return NULL;
}

/* Every unit that may go on does, as far as it can. false: parked. */
static bool run_units(struct exec *x)
{
	struct unit *u = next_runnable(x, NULL);

	while (u) {
		switch (run_unit(x, u)) {
		case FEED_PARKED:
			return false;
		case FEED_CROWDED:
			u = next_runnable(x, u);
			break;
		case FEED_EMPTY:
			/* Others may go on now: look again from the oldest. */
			unit_free(x, u);
			u = next_runnable(x, NULL);
			break;
		}
	}
	return true;
}

enum exec_state exec_pump(struct exec *x)
{
	uint64_t before;

	do {
		before = x->moves;
		start_flushes(x);
		if (!run_units(x) || run_decoder(x) == FEED_PARKED)
			return EXEC_PARKED;
	} while (x->moves != before && next_runnable(x, NULL));
	return x->unit || x->batch || x->decoder.depth ? EXEC_WAITING : EXEC_IDLE;
}
