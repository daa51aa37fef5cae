/*
 * pipeline.h - a plan, its work thread and its queue.
 *
 * The runtime makes it, gives it inputs' queue and outputs' outlets, replaces its plan at a reload and closes it. Functions are called
 * from the main thread unless said otherwise.
 */
#ifndef WEIR_PIPELINE_PIPELINE_H
#define WEIR_PIPELINE_PIPELINE_H

#include "pipeline/exec.h"

enum { PIPELINE_QUEUE = 16 }; /* batches */

struct pipeline_hooks {
	struct dead_letters *dead_letters; /* may be NULL */
	/* Work thread, between two plans or before the first: inputs' instances now stand in `plan`. */
	void (*plan_changed)(void *arg, struct plan *plan);
	void (*ended)(void *arg); /* work thread: everything is out; it is about to end */
	void *arg;
};

struct pipeline;

/* Borrows the plan until pipeline_free() or pipeline_swap(). Every output of it has its outlet by pipeline_start(). */
struct pipeline *pipeline_new(struct plan *plan, const struct pipeline_hooks *hooks);
struct bqueue *pipeline_queue(struct pipeline *p);
int pipeline_start(struct pipeline *p, struct err *err);
/*
 * The work thread ends what is under way and goes on with the new plan; returns when it has. The former plan comes back.
 */
struct plan *pipeline_swap(struct pipeline *p, struct plan *plan);
/* No more batches come; the thread ends when all are out. */
void pipeline_close(struct pipeline *p);
/* Full outlets no longer hold anything back (they must take it to disk). After pipeline_close only. */
void pipeline_force(struct pipeline *p);
/* Waits for the thread, frees everything. Returns what was counted. */
void pipeline_free(struct pipeline *p);

struct plan *pipeline_plan(const struct pipeline *p);
const struct exec_counters *pipeline_counters(const struct pipeline *p);
/* The main thread: is the former question answered? Then it is asked again: the work thread answers between two steps, also while outputs hold it back. */
bool pipeline_alive(struct pipeline *p);
/* Nanoseconds that the work thread was busy so far. Any thread. */
uint64_t pipeline_busy_ns(const struct pipeline *p);

#endif
