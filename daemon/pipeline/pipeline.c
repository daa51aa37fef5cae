#include "pipeline/pipeline.h"

#include <pthread.h>
#include <stdlib.h>

enum { BACKLOG = 2 }; /* batches taken from the queue before the first is decoded */

struct pipeline {
	struct waiter waiter; /* of all outlets: first, so that it can be cast back */
	struct pipeline_hooks hooks;
	struct bqueue *queue;
	struct exec *exec;
	struct exec_counters count; /* over all plans */
	struct plan *plan;
	pthread_t thread;
	bool started;
	_Atomic uint64_t busy_ns;
	_Atomic bool asked; /* by pipeline_alive, and no answer yet */

	pthread_mutex_t lock;
	pthread_cond_t changed; /* woken, swapped */
	bool woken, forced, closed;
	struct plan *next, *former;
};

/* Any thread: something changed that the work thread may be waiting for. */
static void wake(struct pipeline *p)
{
	pthread_mutex_lock(&p->lock);
	p->woken = true;
	pthread_cond_broadcast(&p->changed);
	pthread_mutex_unlock(&p->lock);
	bqueue_poke(p->queue);
}

static void wake_waiter(struct waiter *w)
{
	wake((struct pipeline *)w);
}

static void wake_exec(void *arg)
{
	wake(arg);
}

static void use_plan(struct pipeline *p, struct plan *plan)
{
	struct exec_hooks hooks = {.dead_letters = p->hooks.dead_letters, .counters = &p->count, .wake = wake_exec, .arg = p};
	struct exec *old = p->exec;

	p->plan = plan;
	for (uint32_t i = 0; i < plan->noutputs; i++) {
		plan->output[i]->outlet->waiter = &p->waiter;
		plan->output[i]->outlet->force = false;
	}
	p->exec = exec_new(plan, &hooks);
	if (p->hooks.plan_changed)
		p->hooks.plan_changed(p->hooks.arg, plan);
	exec_free(old);
}

static void force_outlets(struct plan *plan)
{
	for (uint32_t i = 0; i < plan->noutputs; i++)
		plan->output[i]->outlet->force = true;
}

/* Sleeps until somebody wakes the pipeline. */
static void wait_woken(struct pipeline *p)
{
	pthread_mutex_lock(&p->lock);
	while (!p->woken)
		pthread_cond_wait(&p->changed, &p->lock);
	p->woken = false;
	pthread_mutex_unlock(&p->lock);
}

static void swap_plan(struct pipeline *p, struct plan *next)
{
	struct plan *former = p->plan;

	/* What is in the queue now may come from inputs that only the former plan knows: it ends under that one. */
	size_t queued = bqueue_count(p->queue);

	force_outlets(former);
	for (; queued; queued--) {
		struct batch *b = bqueue_pop(p->queue, 0);

		if (b)
			exec_feed(p->exec, b);
	}
	/* Events that lines to come would have completed end here: the next plan may not know their input. */
	do {
		while (exec_pump(p->exec) != EXEC_IDLE)
			wait_woken(p);
	} while (exec_flush(p->exec));
	plan_adopt(next, former);
	use_plan(p, next);
	pthread_mutex_lock(&p->lock);
	p->next = NULL;
	p->former = former;
	pthread_cond_broadcast(&p->changed);
	pthread_mutex_unlock(&p->lock);
}

/* What the main thread asked for meanwhile. */
static void obey(struct pipeline *p)
{
	struct plan *next;
	bool forced;

	/* Relaxed: it says only that the thread turns. */
	atomic_store_explicit(&p->asked, false, memory_order_relaxed);
	pthread_mutex_lock(&p->lock);
	next = p->next;
	forced = p->forced;
	p->woken = false;
	pthread_mutex_unlock(&p->lock);
	if (forced)
		force_outlets(p->plan);
	if (next)
		swap_plan(p, next);
}

static void outlets_idle(struct pipeline *p)
{
	for (uint32_t i = 0; i < p->plan->noutputs; i++) {
		struct outlet *o = p->plan->output[i]->outlet;

		if (o->idle)
			o->idle(o);
	}
}

static bool closed(struct pipeline *p)
{
	bool c;

	pthread_mutex_lock(&p->lock);
	c = p->closed;
	pthread_mutex_unlock(&p->lock);
	return c;
}

/* Until a decoder has waited long enough, or filters are to be flushed: for bqueue_pop. */
static int64_t time_left(struct pipeline *p)
{
	int64_t due = exec_due(p->exec), now;

	if (due == INT64_MAX)
		return -1;
	now = clock_mono(p->plan->settings.clock);
	return due > now ? due - now : 0;
}

/* Takes batches until there is enough to do. false: the queue is closed and empty, and nothing is under way. */
static bool take(struct pipeline *p, enum exec_state state)
{
	bool shut = closed(p); /* looked at before the queue: what was pushed before the close is then seen */
	struct batch *b;

	/* Once a batch, also while there is always more to do: an output that gets few events must not wait for a quiet moment. */
	outlets_idle(p);
	b = bqueue_pop(p->queue, 0);
	if (!b) {
		if (shut && state == EXEC_IDLE)
			return exec_finish(p->exec);
		if (shut) {
			/* Nothing comes any more: only answers are awaited. */
			wait_woken(p);
			return true;
		}
		b = bqueue_pop(p->queue, time_left(p));
	}
	if (b)
		exec_feed(p->exec, b);
	exec_tick(p->exec, clock_mono(p->plan->settings.clock));
	return true;
}

static void *work(void *arg)
{
	struct pipeline *p = arg;
	int64_t since = clock_mono(&clock_system);

	for (;;) {
		enum exec_state state;

		obey(p);
		state = exec_pump(p->exec);
		/* Relaxed: one writer, a gauge. */
		atomic_fetch_add_explicit(&p->busy_ns, (uint64_t)(clock_mono(&clock_system) - since), memory_order_relaxed);
		if (state == EXEC_PARKED || exec_backlog(p->exec) >= BACKLOG) {
			outlets_idle(p);
			wait_woken(p);
		} else if (!take(p, state)) {
			break;
		}
		since = clock_mono(&clock_system);
	}
	outlets_idle(p);
	if (p->hooks.ended)
		p->hooks.ended(p->hooks.arg);
	return NULL;
}

struct pipeline *pipeline_new(struct plan *plan, const struct pipeline_hooks *hooks)
{
	struct pipeline *p = xzalloc(sizeof(*p));

	p->waiter.wake = wake_waiter;
	if (hooks)
		p->hooks = *hooks;
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->changed, NULL);
	p->queue = bqueue_new(PIPELINE_QUEUE);
	p->plan = plan;
	return p;
}

struct bqueue *pipeline_queue(struct pipeline *p)
{
	return p->queue;
}

int pipeline_start(struct pipeline *p, struct err *err)
{
	int rc;

	use_plan(p, p->plan);
	rc = pthread_create(&p->thread, NULL, work, p);
	if (rc)
		return err_set(err, "cannot start the work thread of pipeline '%.*s'", STR_ARG(p->plan->settings.pipeline_id));
	(void)pthread_setname_np(p->thread, "weir-work");
	p->started = true;
	return 0;
}

struct plan *pipeline_swap(struct pipeline *p, struct plan *plan)
{
	struct plan *former;

	pthread_mutex_lock(&p->lock);
	bug_on(p->next || p->former);
	p->next = plan;
	pthread_mutex_unlock(&p->lock);
	wake(p);
	pthread_mutex_lock(&p->lock);
	while (!p->former)
		pthread_cond_wait(&p->changed, &p->lock);
	former = p->former;
	p->former = NULL;
	pthread_mutex_unlock(&p->lock);
	return former;
}

bool pipeline_alive(struct pipeline *p)
{
	if (atomic_load_explicit(&p->asked, memory_order_relaxed))
		return false;
	atomic_store_explicit(&p->asked, true, memory_order_relaxed);
	wake(p);
	return true;
}

void pipeline_close(struct pipeline *p)
{
	bqueue_close(p->queue);
	pthread_mutex_lock(&p->lock);
	p->closed = true;
	pthread_mutex_unlock(&p->lock);
	wake(p);
}

void pipeline_force(struct pipeline *p)
{
	pthread_mutex_lock(&p->lock);
	p->forced = true;
	pthread_mutex_unlock(&p->lock);
	wake(p);
}

void pipeline_free(struct pipeline *p)
{
	if (!p)
		return;
	if (p->started)
		pthread_join(p->thread, NULL);
	exec_free(p->exec);
	bqueue_free(p->queue);
	pthread_cond_destroy(&p->changed);
	pthread_mutex_destroy(&p->lock);
	free(p);
}

struct plan *pipeline_plan(const struct pipeline *p)
{
	return p->plan;
}

const struct exec_counters *pipeline_counters(const struct pipeline *p)
{
	return &p->count;
}

uint64_t pipeline_busy_ns(const struct pipeline *p)
{
	return atomic_load_explicit(&p->busy_ns, memory_order_relaxed);
}
