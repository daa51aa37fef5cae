/*
 * outlet.h - where a plan's events leave it: what the executor knows of an output.
 *
 * Implemented by outputs/sender.c (rendered into a bounded queue), by `weir eval` (collected) and by tests.
 * Called on the work thread only.
 */
#ifndef WEIR_PIPELINE_OUTLET_H
#define WEIR_PIPELINE_OUTLET_H

#include "event/event.h"

enum outlet_answer {
	OUTLET_TAKEN, /* rendered, or dropped by its own policy and counted: the event may die now */
	OUTLET_FULL,  /* when_full => block: the pipeline parks; wake() of the outlet's waiter is called when there is room */
};

struct waiter {
	void (*wake)(struct waiter *w); /* any thread; cheap; may come too often, never too seldom */
};

struct outlet {
	enum outlet_answer (*put)(struct outlet *o, const struct event *ev);
	/*
	 * What is rendered so far may go: called at the end of each batch and before the work thread sleeps (cheap: once a
	 * batch, not once an event). Without it the last events of a burst would wait for the next one. May be NULL.
	 */
	void (*idle)(struct outlet *o);
	struct waiter *_Atomic waiter; /* set by the pipeline that uses it; read by whoever made room */
	/* Work thread: put() must not answer OUTLET_FULL any more: the plan is being replaced, or weird stops and what does
	 * not get out goes to disk. */
	bool force;
};

#endif
