/*
 * errand.h - what a waiting filter has one thread do for it: errands go there, answers come back as the done() of their wait.
 *
 *	work thread    errands_give() ................................... errands_settle()
 *	its thread     errands_fd() is readable, errands_take() ... errands_answered()
 *
 * An errand is embedded in what the filter keeps of one wait (wait.data). From give to answered it is the thread's.
 */
#ifndef WEIR_FILTER_ERRAND_H
#define WEIR_FILTER_ERRAND_H

#include "pipeline/plugin.h"

struct errand {
	struct errand *next;
	struct wait *wait;
	bool settled; /* under the lock: done() has returned */
};

struct errands;

/* run() is called once, on a thread of that name (at most 15 bytes); it returns when errands_over() says so. NULL and err. */
struct errands *errands_new(const char *thread, void (*run)(struct errands *e, void *arg), void *arg, struct err *err);
/* Ends the thread and waits for it; all errands are settled. NULL is allowed. */
void errands_free(struct errands *e);

/* ---- work thread ---- */

void errands_give(struct errands *e, struct errand *x, struct wait *w);
/* After done(): returns when the thread has nothing more to do with it. */
void errands_settle(struct errands *e, struct errand *x);

/* ---- its own thread ---- */

/* For poll: readable where there is a new errand, or the end. */
int errands_fd(const struct errands *e);
/* The oldest that was not taken; NULL: none, and the fd is no longer readable. */
struct errand *errands_take(struct errands *e);
bool errands_over(struct errands *e);
/* Calls done(). The errand may be gone when this returns. */
void errands_answered(struct errands *e, struct errand *x);

#endif
