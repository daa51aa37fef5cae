/*
 * bus.h - virtual addresses inside the process: where outputs `pipeline` hand events to the input `pipeline` of another pipeline.
 *
 *	work thread A   output pipeline: copies into a batch of its own -> bus_push -> the queue of pipeline B
 *	work thread B   input pipeline: the batch's frames are events already
 *
 * An address has at most one listener, and any number of lines that send to it, whether somebody listens or not. A batch gets its
 * source (and with it its input) when it is pushed, so that an address may move from one pipeline to another while events wait.
 *
 * One lock, taken once a batch. Under it wake() runs, and queues are pushed to; the bus calls nothing that could call it.
 */
#ifndef WEIR_PIPELINE_BUS_H
#define WEIR_PIPELINE_BUS_H

#include "pipeline/batch.h"

struct bus;
struct bus_address;

struct bus *bus_new(struct budget *budget);
/* Nobody listens or sends any more. NULL is fine. */
void bus_free(struct bus *bus);
/* What batches are made of. */
struct budget *bus_budget(struct bus *bus);

/* ---- who receives ---- */

struct bus_listener {
	struct bqueue *queue;
	struct source *source; /* of the spans; borrowed */
	/* Any thread, under the bus's lock: so many have come. */
	void (*came)(struct bus_listener *l, uint32_t events);
	struct bus_address *at; /* the bus's own */
};

/* From now on batches come. false: another listens there. */
bool bus_listen(struct bus *bus, struct str address, struct bus_listener *l);
/* When it returns nothing more comes. */
void bus_unlisten(struct bus *bus, struct bus_listener *l);
/* The queue was full and has room again: who sends to it is woken. */
void bus_room(struct bus *bus, const struct bqueue *queue);

/* ---- who sends ---- */

struct bus_line {
	/* Any thread, under the bus's lock: there is room again, or somebody listens now. */
	void (*wake)(struct bus_line *l);
	struct bus_address *at; /* the bus's own, as the next ones */
	struct bus_line *next;
};

enum bus_answer {
	BUS_TAKEN,
	BUS_FULL,   /* wake follows; the batch stays the caller's */
	BUS_NOBODY, /* nobody listens; the same */
};

void bus_attach(struct bus *bus, struct str address, struct bus_line *l);
/* When it returns wake() does not run any more. */
void bus_detach(struct bus *bus, struct bus_line *l);
/* force: beyond the queue's bound, for batches that can wait nowhere else. */
enum bus_answer bus_push(struct bus *bus, struct bus_line *l, struct batch *b, bool force);
bool bus_has_listener(struct bus *bus, struct bus_line *l);

#endif
