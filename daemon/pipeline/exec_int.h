/*
 * exec_int.h - what the files of the executor share: where events are.
 *
 *	exec.c		units and feeders: which event is next, what waits, what time brings
 *	exec_step.c	one event through the steps of the plan
 *	exec_decode.c	frames of batches to events
 */
#ifndef WEIR_PIPELINE_EXEC_INT_H
#define WEIR_PIPELINE_EXEC_INT_H

#include "base/count.h"
#include "pipeline/exec.h"

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

enum run { RUN_ENDED, RUN_STOPPED, RUN_PARKED, RUN_CHILDREN };

static inline void bump(_Atomic uint64_t *c)
{
	count_add(c, 1);
}

static inline void event_end(struct event *ev)
{
	ack_unref(ev->ack);
	ev->ack = NULL;
}

/* exec_step.c */
/* Runs the event until it ends, must wait, must stop before step `stop`, or has children. */
enum run run_task(struct exec *x, struct task *t, uint32_t stop);
/* What a filter's answer means for the task; ctx as the filter left it. RUN_STOPPED stands for "go on". */
enum run after_filter(struct exec *x, struct task *t, struct plan_plugin *pp, enum step answer, const struct step_ctx *ctx);
/* Logstash's pipeline ends at this event: counted, and told where somebody asks. */
void filter_stops(struct exec *x, const struct plan_plugin *pp, struct str why);
/* The common options after a success; what Logstash would raise there is tagged. */
void filter_succeeded(struct exec *x, struct plan_plugin *pp, struct event *ev);

/* exec.c */
struct task *push_task(struct feeder *f);

/* exec_decode.c */
/* Next event from the batches, on the decoder's stack; false when there is none left. */
bool push_decoded(struct exec *x);
/* When the first decoder that holds frames back has waited long enough; INT64_MAX: none. */
int64_t decoders_due(const struct exec *x);
/* Feeds a batch without frames whose spans flush the decoders that are due; with SPAN_CLOSE all that hold any. false: there are none. */
bool decoders_flush(struct exec *x, int64_t now_ns, uint32_t flags);
/* What they hold is let go. */
void decoders_release(struct exec *x);

#endif
