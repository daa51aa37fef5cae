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

struct loop;
struct running;

/* What the pipelines of one daemon share; outlives them. */
struct running_shared {
	struct budget *budget;
	struct loop *streams;
	struct dead_letters *letters; /* NULL without a data folder */
	int64_t drain_ns;	      /* for outputs that a reload takes away */
	/* Any thread: some input has ended, or a work thread. */
	void (*wake)(void *arg);
	void *arg;
};

/* Opens listeners and outputs for l, which is taken. NULL: err says why, and l stays the caller's. */
struct running *running_new(const struct running_shared *shared, struct loaded *l, struct err *err);
/* The work thread begins, and what was opened is read. */
int running_start(struct running *r, struct err *err);

/*
 * A reload is three steps. prepare opens what next has and the present plan has not: -1 undoes that, and next stays the caller's.
 * put_in_place stops the inputs that are gone, swaps the plans and lets go of the outputs that are gone. start reads what is new.
 */
int running_prepare(struct running *r, struct loaded *next, struct err *err);
void running_put_in_place(struct running *r);
int running_start_fresh(struct running *r, struct err *err);

/* What it runs. */
struct loaded *running_loaded(const struct running *r);
/* SIGHUP: outputs open their files anew. */
void running_reopen(struct running *r);
/* All inputs have ended by themselves. */
bool running_ended(struct running *r);
/* As runtime_stuck. */
const char *running_stuck(struct running *r);
/*
 * Inputs stop, everything under way ends, outputs have until the deadline (monotonic), what is left goes to disk. INT64_MAX: as long as it
 * takes, and full outputs hold the pipeline back as ever. Returns false if the books do not balance.
 */
bool running_stop(struct running *r, int64_t deadline_ns);
/* d: NULL, or where warnings that were not printed yet still point into the configuration's texts. */
void running_free(struct running *r, struct diag *d);

#endif
