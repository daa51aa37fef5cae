/*
 * refresh.h - a file that is read again now and then beside the work thread, which must not wait for a disk.
 *
 * The work thread asks refresh_poll() for each event: it costs a look at the clock. When the interval is over a thread of its own loads the
 * file into a new object, and a later poll hands that over. What cannot be loaded is logged, and the former object stays.
 */
#ifndef WEIR_FILTER_REFRESH_H
#define WEIR_FILTER_REFRESH_H

#include "base/clock.h"
#include "base/err.h"

struct refresh;

/*
 * load: makes an object of the file's present contents, on the other thread; `present` is what the work thread has, which nobody changes
 * meanwhile. NULL and err; NULL without a text in err where nothing changed. interval_ns <= 0: never. NULL then.
 */
struct refresh *refresh_new(const char *what, int64_t interval_ns, const struct clock *clock,
			    void *(*load)(void *arg, const void *present, struct err *err), void *arg);
/* A new object, which the caller puts in the place of `present`, or NULL. */
void *refresh_poll(struct refresh *r, const struct clock *clock, const void *present);
/* Waits for a load under way, and returns what it made: the caller frees it. */
void *refresh_free(struct refresh *r);

#endif
