/*
 * watch.h - something read from files, kept as one immutable object, and read again when the files were replaced.
 *
 * The owner (a filter on its work thread) asks watch_turn() with each event; that looks at the clock once per batch of input and at the files
 * at most every few seconds. What changed is loaded by a thread of its own, for a database of 60 MB takes longer than a
 * pipeline may stand still, and taken over between two events. What cannot be loaded is logged with its reason, once for each state of the
 * files, and the former object stays.
 *
 * Owned by one thread; `load` runs on another, beside it.
 */
#ifndef WEIR_ENRICHERS_WATCH_H
#define WEIR_ENRICHERS_WATCH_H

#include "base/clock.h"
#include "base/err.h"

enum { WATCH_PATHS = 40 };

struct watch_conf {
	const char *group;	/* of log lines */
	const char *path[WATCH_PATHS]; /* files and folders that are looked at; borrowed as long as the watch lives */
	unsigned n;
	const char *suffix;	/* of a folder: these files in it are looked at, too (at most 64); may be NULL */
	/*
	 * Makes the object, or NULL and err. current: the one in use, NULL at first; it stays as it is while load runs. Any thread.
	 */
	void *(*load)(void *arg, const void *current, struct err *err);
	void (*unload)(void *object);
	void *arg;
};

struct watch {
	struct watch_conf conf;
	void *object; /* NULL: not yet, after watch_begin() */
	/* Private. */
	struct watch_job *job;
	int64_t received_ns, next_ns;
	uint64_t seen;
};

/* Loads on the caller's thread. -1 and err: nothing is held. */
int watch_init(struct watch *w, const struct watch_conf *conf, struct err *err);
/* Loads on a thread of its own: until watch_look() says otherwise w->object is NULL. */
void watch_begin(struct watch *w, const struct watch_conf *conf);
/* Waits for a load that is under way. A zeroed watch is fine. */
void watch_release(struct watch *w);
/* true: w->object is another one now, and the former is being unloaded by another thread. */
bool watch_look(struct watch *w, const struct clock *clock);

/* For each event, before w->object is used. */
static inline bool watch_turn(struct watch *w, const struct clock *clock, int64_t received_ns)
{
	if (received_ns == w->received_ns)
		return false;
	w->received_ns = received_ns;
	return watch_look(w, clock);
}

#endif
