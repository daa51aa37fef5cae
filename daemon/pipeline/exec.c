#include "pipeline/exec.h"
#include "base/count.h"
#include "base/log.h"
#include "pipeline/event_id.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

/* One level of a feeder's stack: an event under way, or a parent whose children are being made. */
struct task {
	struct event ev;
	uint32_t pc;
	bool generating; /* ev is a parent; its filter stands at pc */
	bool fork;	 /* the parent itself goes on: its copy comes first */
	bool copied;	 /* that has happened: it is not replaced by its children */
	void *gen;
	struct arena_mark mark; /* where this task's memory begins */
};

struct unit;

/* Where events of one stage come from: the decoder, or a unit that waited. */
struct feeder {
	struct task *task;
	uint32_t depth, cap;
	struct arena *arena;
	struct unit *out; /* being filled with what stopped at the next waiting step; not started yet */
};

struct stopped {
	struct event ev;
	uint32_t pc;
	unsigned slot;
	bool asked;
};

struct unit {
	struct unit *next;
	struct exec *exec;
	struct arena arena;
	struct feeder feeder; /* towards the stage after */
	uint32_t stage;	      /* its events stopped at plan->wait[stage] */
	uint32_t n, at;
	struct stopped *ev;
	struct wait wait;
	bool started;
	_Atomic bool answered;
	struct flusher *flusher; /* not events wait here but a flush; NULL again when it is under way */
};

/* A filter that is flushed from time to time. */
struct flusher {
	uint32_t pc, stage; /* stage: of the events that meet it */
	bool wanted, final;
	bool ended; /* it had its last flush */
};


struct exec {
	struct plan *plan;
	struct exec_hooks hooks;
	struct exec_counters *count, own;
	struct unit *unit; /* oldest first */
	unsigned nunits;
	uint64_t moves; /* units started and ended so far */
	struct batch *batch, **last;
	unsigned nbatches;
	uint32_t span, frame;
	uint32_t made; /* events that the present frame became so far */
	bool decoding;
	struct arena arena;
	struct feeder decoder;
	struct decoder *holding; /* decoders that hold frames back */
	struct flusher *flusher;
	uint32_t nflushers;
	int64_t flush_ns;	      /* when all are due */
	uint64_t dice;
	uint32_t until_timed; /* filters' runs until the time of one is taken */
	uint8_t nonce[5];	      /* ids of events that flushes make */
	uint64_t nflushes;
};

static const int64_t flush_every_ns = FILTER_FLUSH_S * INT64_C(1000000000);

enum run { RUN_ENDED, RUN_STOPPED, RUN_PARKED, RUN_CHILDREN };

static void bump(_Atomic uint64_t *c)
{
	count_add(c, 1);
}

static void unhold(struct decoder *d);

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
	while (x->holding)
		unhold(x->holding);
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

/* ---- one event ---- */

static void event_end(struct event *ev)
{
	ack_unref(ev->ack);
	ev->ack = NULL;
}

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
	event_tag(ev, arena_printf(ev->arena, "_%s_error", pp->plugin->name));
	log_warn("pipeline", "filter %s: %s", pp->plugin->name, err.text);
}

/* Few filters have any: where there are none, no room is made for an error, which would be cleared for each event. */
static inline void filter_succeeded(struct exec *x, struct plan_plugin *pp, struct event *ev)
{
	if (pp->common)
		filter_common(x, pp, ev);
}

/* What a filter's answer means for the task. RUN_STOPPED stands for "go on". */
static enum run after_filter(struct exec *x, struct task *t, struct plan_plugin *pp, enum step answer, void *gen)
{
	switch (answer) {
	case STEP_OK:
		filter_succeeded(x, pp, &t->ev);
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
		t->gen = gen;
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

/* Runs the event until it ends, must wait, must stop before step `stop`, or has children. */
static enum run run_task(struct exec *x, struct task *t, uint32_t stop)
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
			r = after_filter(x, t, s->plugin, answer, ctx.gen);
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

static struct task *push_task(struct feeder *f)
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
	switch (after_filter(x, t, pp, answer, ctx.gen)) {
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

/* ---- decoding ---- */

struct decoder {
	const struct plugin *plugin;
	struct codec *codec; /* of the present plan; may be gone when the source is */
	void *state;
	/* While it holds frames back: a place in the executor's list, which keeps the source, and where the event began. */
	struct exec *exec; /* NULL: it holds none */
	struct decoder *next, **at;
	struct source *source;
	struct ack *ack; /* of the first frame: a source never counts as done what lies behind one that is not */
	struct sockaddr_storage peer;
	int64_t received_ns;
	char id[sizeof(((struct event *)NULL)->id)];
	uint8_t id_len;
	bool asked; /* a batch that flushes it is under way */
};

/* Decoder d holds frames from the present one on. */
static void hold(struct exec *x, struct decoder *d, const struct span *sp)
{
	struct event first = {0};

	if (sp->source->event_id)
		sp->source->event_id(sp->source, x->batch, sp, x->frame, x->made, &first);
	memcpy(d->id, first.id, sizeof(d->id));
	d->id_len = first.id_len;
	d->ack = sp->ack;
	ack_ref(d->ack);
	d->peer = sp->peer;
	d->received_ns = sp->received_ns;
	d->source = sp->source;
	source_ref(d->source);
	d->exec = x;
	d->next = x->holding;
	d->at = &x->holding;
	if (d->next)
		d->next->at = &d->next;
	x->holding = d;
}

/* May free d with its source, where nobody else has it. */
static void unhold(struct decoder *d)
{
	struct source *s = d->source;

	*d->at = d->next;
	if (d->next)
		d->next->at = d->at;
	ack_unref(d->ack);
	d->ack = NULL;
	d->exec = NULL;
	d->source = NULL;
	source_unref(s);
}

static int64_t decoder_due(const struct decoder *d)
{
	return d->plugin->codec.due(d->codec->self, d->state);
}

int64_t exec_due(const struct exec *x)
{
	int64_t due = x->nflushers ? x->flush_ns : INT64_MAX;

	for (const struct decoder *d = x->holding; d; d = d->next) {
		int64_t at = d->asked ? INT64_MAX : decoder_due(d);

		due = at < due ? at : due;
	}
	return due;
}

/* A batch without frames whose spans flush the decoders that are due. */
static bool feed_flush(struct exec *x, int64_t now_ns, uint32_t flags)
{
	struct batch *b = NULL;
	bool any = false;

	for (struct decoder *d = x->holding; d; d = d->next) {
		if (d->asked || (flags == SPAN_IDLE && decoder_due(d) > now_ns))
			continue;
		if (!b)
			b = batch_new(NULL);
		d->asked = any = true;
		source_ref(d->source);
		b->span[b->nspans++] = (struct span){.source = d->source, .peer = d->peer, .flags = flags,
						     .received_ns = clock_wall(x->plan->settings.clock)};
		if (b->nspans == BATCH_FRAMES) {
			exec_feed(x, b);
			b = NULL;
		}
	}
	if (b)
		exec_feed(x, b);
	return any;
}

void exec_tick(struct exec *x, int64_t mono_ns)
{
	(void)feed_flush(x, mono_ns, SPAN_IDLE);
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
	return feed_flush(x, 0, SPAN_CLOSE) || flush_last(x, false);
}

bool exec_finish(struct exec *x)
{
	return feed_flush(x, 0, SPAN_CLOSE) || flush_last(x, true);
}

static bool flush_wanted(const struct exec *x, const struct decoder *d, const struct span *sp)
{
	if (!d->codec->plugin->codec.flush)
		return false;
	if (sp->flags & SPAN_CLOSE)
		return true;
	/* A line may have come since the batch was made. */
	return sp->flags & SPAN_IDLE && d->exec && decoder_due(d) <= clock_mono(x->plan->settings.clock);
}

static void free_decoder(struct source *s)
{
	struct decoder *d = s->decoder;

	if (!d)
		return;
	if (d->exec)
		unhold(d);
	if (d->plugin->codec.release)
		d->plugin->codec.release(d->state);
	free(d->state);
	free(d);
	s->decoder = NULL;
}

static struct decoder *source_decoder(struct source *s, struct plan_plugin *in)
{
	struct decoder *d = s->decoder;
	struct codec *codec = in->plugin->codec_of ? in->plugin->codec_of(in->self, s) : NULL;

	if (!codec)
		codec = in->codec;
	if (d && d->plugin == codec->plugin) {
		/* After a reload it is the new plan's codec; what the old one had begun stays. */
		d->codec = codec;
		return d;
	}
	free_decoder(s);
	d = xzalloc(sizeof(*d));
	d->plugin = codec->plugin;
	d->codec = codec;
	d->state = xzalloc(codec->plugin->codec.state_size);
	s->decoder = d;
	s->free_decoder = free_decoder;
	return d;
}

static bool decodes_itself(const struct plan_plugin *in)
{
	return in->plugin->decode && (in->plugin->events || !in->options.codec);
}

/* The event ends with the present frame, and is counted as what that became. */
static void from_frame(struct exec *x, const struct span *sp, struct event *ev)
{
	ev->ack = sp->ack;
	ack_ref(ev->ack);
	ev->received_ns = sp->received_ns;
	if (sp->source->event_id)
		sp->source->event_id(sp->source, x->batch, sp, x->frame, x->made, ev);
	x->made++;
}

/* It begins with the first frame that d held: it is that frame's, wherever it ends. *sp becomes what the input makes fields of. */
static void from_held(struct decoder *d, struct span *sp, struct event *ev)
{
	ev->ack = d->ack;
	ack_ref(ev->ack);
	ev->received_ns = d->received_ns;
	memcpy(ev->id, d->id, sizeof(ev->id));
	ev->id_len = d->id_len;
	sp->peer = d->peer;
	sp->received_ns = d->received_ns;
	unhold(d);
}

static __attribute__((noinline)) void input_common(struct exec *x, struct plan_plugin *in, struct event *ev)
{
	struct err err;

	if (common_run(in->common, ev, x->plan->settings.clock, &err))
		log_warn("pipeline", "input %s: %s", in->plugin->name, err.text);
}

/* d: NULL where the input reads frames by itself. */
static void event_received(struct exec *x, struct plan_plugin *in, struct decoder *d, const struct span *span, struct event *ev)
{
	struct span sp = *span;

	if (d && d->plugin->codec.took) {
		unsigned took = d->plugin->codec.took(d->state);

		if (took == 0)
			bump(&x->count->created_decode);
		else
			count_add(&x->count->merged, took - 1);
	} else if (x->made) {
		bump(&x->count->created_decode);
	}
	if (d && d->exec)
		from_held(d, &sp, ev);
	else
		from_frame(x, span, ev);
	if (in->plugin->decorate && !decodes_itself(in))
		in->plugin->decorate(in->self, ev, &sp);
	if (in->common)
		input_common(x, in, ev);
	if (in->plugin->decorated)
		in->plugin->decorated(in->self, ev, &sp);
	bump(&in->out);
}

/* The decoder has given all events of the present frame. */
static void frame_ended(struct exec *x, struct decoder *d, const struct span *sp)
{
	const struct codec_ops *ops = &d->plugin->codec;

	if (ops->took)
		count_add(&x->count->ended_decode, ops->took(d->state));
	else if (!x->made)
		bump(&x->count->ended_decode);
	if (ops->due && !d->exec && ops->due(d->codec->self, d->state))
		hold(x, d, sp);
	x->frame++;
}

/* A frame of an input that reads it by itself: always one event. */
static void push_direct(struct exec *x, struct plan_plugin *in, const struct span *sp, const struct frame *fr)
{
	struct task *t;

	arena_clear(&x->arena);
	t = push_task(&x->decoder);
	event_init(&t->ev, &x->arena);
	in->plugin->decode(in->self, &t->ev, str_n(fr->p, fr->len), fr->flags, sp);
	event_received(x, in, NULL, sp, &t->ev);
	x->frame++;
}

static void batch_done(struct exec *x)
{
	struct batch *b = x->batch;

	x->batch = b->next;
	if (!x->batch)
		x->last = &x->batch;
	x->nbatches--;
	x->span = x->frame = 0;
	batch_free(b);
}

/* Next event from the batches; false when there is none left. */
static bool push_decoded(struct exec *x)
{
	while (x->batch) {
		struct batch *b = x->batch;
		struct span *sp = &b->span[x->span];
		struct plan_plugin *in;
		struct decoder *d;
		struct decode_ctx ctx = {.clock = x->plan->settings.clock};
		const struct codec_ops *ops;

		if (x->span == b->nspans) {
			batch_done(x);
			continue;
		}
		in = *sp->source->instance;
		d = source_decoder(sp->source, in);
		ops = &d->codec->plugin->codec;
		ctx.now_ns = sp->received_ns;
		ctx.ecs = in->ecs;
		ctx.peer = &sp->peer;
		if (x->decoding) {
			struct task *t;

			arena_clear(&x->arena);
			t = push_task(&x->decoder);
			event_init(&t->ev, &x->arena);
			if (ops->next(d->codec->self, d->state, &t->ev, &ctx)) {
				event_received(x, in, d, sp, &t->ev);
				return true;
			}
			x->decoder.depth--;
			x->decoding = false;
			if (x->frame < sp->first + sp->n)
				frame_ended(x, d, sp);
			else /* That was the flush. */
				sp->flags &= ~(uint32_t)(SPAN_CLOSE | SPAN_IDLE);
			continue;
		}
		x->made = 0;
		if (x->frame < sp->first)
			x->frame = sp->first;
		if (x->frame < sp->first + sp->n) {
			const struct frame *fr = &b->frame[x->frame];

			bump(&x->count->lines);
			bump(&in->in);
			if (decodes_itself(in)) {
				push_direct(x, in, sp, fr);
				return true;
			}
			ctx.flags = fr->flags;
			ops->feed(d->codec->self, d->state, str_n(fr->p, fr->len), &ctx);
			x->decoding = true;
			continue;
		}
		if (flush_wanted(x, d, sp)) {
			ops->flush(d->codec->self, d->state, &ctx);
			x->made = 1; /* whatever comes was not a frame of its own */
			x->decoding = true;
			continue;
		}
		if (sp->n == 0)
			d->asked = false;
		ack_unref(sp->ack);
		sp->ack = NULL;
		x->span++;
	}
	return false;
}

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

/* ---- the whole ---- */

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
