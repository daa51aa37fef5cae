/*
 * exec.h - runs batches through a plan, event by event, and can stop anywhere.
 *
 * Owned by one work thread. An event's position is an index into the plan; what is under way lives in stacks of tasks, never on
 * the C stack, so a full outlet parks the pipeline and the next exec_pump() goes on with the same step.
 *
 * Without waiting steps every event is decoded, run to the end and forgotten before the next is touched. With
 * them the plan is cut into stages: all events of a unit (up to 256) run up to the waiting step, their questions are asked
 * together, and they go on in order when the answers are there. Up to EXEC_UNITS units wait; no event overtakes another.
 *
 * Filters that make events as time goes by (filter_ops.flush) do so between two events; such events stand in the order of all others.
 */
#ifndef WEIR_PIPELINE_EXEC_H
#define WEIR_PIPELINE_EXEC_H

#include "pipeline/batch.h"
#include "pipeline/dead_letter.h"
#include "pipeline/plan.h"

enum { EXEC_UNITS = 8, EXEC_UNIT_EVENTS = 256 };

/* Law 1: lines + created = merged + ended + unrouted + routed + in flight. Written by the work thread only; read by anyone. */
struct exec_counters {
	_Atomic uint64_t lines;		  /* frames received */
	_Atomic uint64_t created_decode;  /* events beyond the first that a frame became */
	_Atomic uint64_t created_filter;  /* children, and what filters made as time went by */
	_Atomic uint64_t merged;	  /* frames that a decoder joined to another's event */
	_Atomic uint64_t ended_drop;	  /* by a filter */
	_Atomic uint64_t ended_decode;	  /* frames that became no event */
	_Atomic uint64_t ended_condition; /* a condition could not be evaluated: dead letter */
	_Atomic uint64_t ended_lost;	  /* the same, but the dead letter could not be written */
	_Atomic uint64_t ended_replaced;  /* parents that children took the place of */
	_Atomic uint64_t unrouted;	  /* no output took them */
	_Atomic uint64_t routed;	  /* at least one did */
	_Atomic uint64_t filter_errors;	  /* exceptions: tagged, gone on */
};

struct exec_hooks {
	struct dead_letters *dead_letters; /* for events whose condition could not be evaluated; may be NULL */
	struct exec_counters *counters; /* go on counting there; NULL: its own */
	/* Work thread: pp met an event that ends Logstash's pipeline (STEP_STOPS); why is borrowed for the call. NULL: nobody asks. */
	void (*stops)(void *arg, const struct plan_plugin *pp, struct str why);
	/* Wakes the work thread (any thread): an answer arrived. May be NULL if the plan has no waiting steps. */
	void (*wake)(void *arg);
	void *arg;
};

enum exec_state {
	EXEC_IDLE,    /* everything given has ended: feed more */
	EXEC_PARKED,  /* an outlet is full: pump again when it wakes the pipeline */
	EXEC_WAITING, /* answers are outstanding: pump again when hooks.wake was called */
};

struct exec;

struct exec *exec_new(struct plan *plan, const struct exec_hooks *hooks);
/* Only when idle. */
void exec_free(struct exec *x);
/* Takes the batch; it is decoded when exec_pump gets to it. */
void exec_feed(struct exec *x, struct batch *b);
enum exec_state exec_pump(struct exec *x);
/*
 * Monotonic time at which exec_tick() has something to do: a decoder waited long enough for what would complete its event, or filters are to
 * be flushed. INT64_MAX: never.
 */
int64_t exec_due(const struct exec *x);
/* Feeds a batch that ends the events of all decoders that are due; filters that are due are flushed by the next pump. */
void exec_tick(struct exec *x, int64_t mono_ns);
/*
 * All decoders that hold frames back end their events, due or not, and then filters that hold events back: before the plan or the pipeline goes.
 * Pump between the calls, until it is false.
 */
bool exec_flush(struct exec *x);
/*
 * The same when the pipeline ends: for all filters, one each call in the order of the plan, so that each has seen what those before it still had.
 */
bool exec_finish(struct exec *x);
/* Batches taken and not yet wholly decoded: the caller feeds no more than a few. */
unsigned exec_backlog(const struct exec *x);
const struct exec_counters *exec_counters(const struct exec *x);

#endif
