/*
 * running.h - one pipeline that runs: its plan, its inputs and outputs, what a reload changes of it and its end.
 *
 *	io threads    socket, file -> framer -> batch                 one loop for streams, one per file input and UDP socket
 *	                 | queue of batches                           (full: streams stop reading, UDP drops and counts)
 *	work thread   decode -> steps of the plan -> rendered into each output's open pack
 *	                 | one queue of packs per output              (full: the pipeline parks, or when_full says what goes)
 *	out threads   send -> verdict per event -> done | retry | dead letter | at the end: to disk
 *	                 | acknowledgement
 *	io threads    the source's cursor moves on
 *
 * Everything here runs on the main thread. What all pipelines of the daemon have in common is the runtime's (runtime.h) and borrowed.
 */
#ifndef WEIR_RUNNING_H
#define WEIR_RUNNING_H

#include "loaded.h"

struct bus;
struct loop;
struct running;

/* What the pipelines of one daemon share; outlives them. */
struct running_shared {
	struct budget *budget;
	struct loop *streams;
	struct bus *bus;
	struct dead_letters *letters; /* NULL without a data folder */
	int64_t drain_ns;	      /* how long outputs that go may take */
	/* Any thread: some input has ended, or a work thread. */
	void (*wake)(void *arg);
	void *arg;
};

/* Opens listeners and outputs for l, which is taken. NULL: err says why, and l stays the caller's. */
struct running *running_new(const struct running_shared *shared, struct loaded *l, struct err *err);
/* The work thread begins, and what was opened is read. -1: it has ended again, and is only to be freed. */
int running_start(struct running *r, struct err *err);

/*
 * A reload is three steps. prepare opens what next has and the present plan has not: -1 undoes that, and next stays the caller's.
 * put_in_place stops the inputs that are gone, swaps the plans and lets go of the outputs that are gone, which have until the deadline to send what
 * nobody inherits. start_fresh reads what is new.
 * Instead of the latter two cancel: next is the caller's again.
 */
int running_prepare(struct running *r, struct loaded *next, struct err *err);
void running_cancel(struct running *r);
void running_put_in_place(struct running *r, int64_t deadline_ns);
int running_start_fresh(struct running *r, struct err *err);

/* What it runs. */
struct loaded *running_loaded(const struct running *r);
/* SIGHUP: outputs open their files anew. */
void running_reopen(struct running *r);

enum running_state {
	RUNNING_LIVE,	 /* something may come from outside */
	RUNNING_PASSIVE, /* it has only what other pipelines send */
	RUNNING_ENDED,	 /* its own inputs have ended by themselves */
};

enum running_state running_state(struct running *r);
/* As runtime_stuck. */
const char *running_stuck(struct running *r);

/* Inputs stop and are closed; what they had is in the queue. stop does it, too. */
void running_quit_inputs(struct running *r);
/* weird ends: what waits for a pipeline that is not there waits no longer. stop does it, too. */
void running_last(struct running *r);
/*
 * The end in two steps, so that pipelines that send to each other can stop in the order of flow. stop: inputs stop, everything under way
 * goes into outputs, other pipelines included. force: also beyond the bounds of full outputs; else they hold it back as ever.
 */
void running_stop(struct running *r, bool force);
/* Outputs have until the deadline (monotonic; INT64_MAX: as long as it takes), what is left goes to disk. Returns false if the books do not balance. */
bool running_finish(struct running *r, int64_t deadline_ns);
/* d: NULL, or where warnings that were not printed yet still point into the configuration's texts. */
void running_free(struct running *r, struct diag *d);

#endif
