#include "filter/refresh.h"

#include "base/arena.h"
#include "base/log.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

struct refresh {
	const char *what; /* "translate": for the log */
	int64_t interval_ns, due_ns;
	void *(*load)(void *arg, const void *present, struct err *err);
	void *arg;
	const void *present;
	pthread_t thread;
	bool running; /* the work thread's */
	_Atomic bool done;
	void *made;
	struct err err;
};

struct refresh *refresh_new(const char *what, int64_t interval_ns, const struct clock *clock,
			    void *(*load)(void *arg, const void *present, struct err *err), void *arg)
{
	struct refresh *r;

	if (interval_ns <= 0)
		return NULL;
	r = xzalloc(sizeof(*r));
	*r = (struct refresh){.what = what, .interval_ns = interval_ns, .due_ns = clock_mono(clock) + interval_ns, .load = load, .arg = arg};
	return r;
}

static void *work(void *arg)
{
	struct refresh *r = arg;

	r->err.text[0] = 0;
	r->made = r->load(r->arg, r->present, &r->err);
	/* Release: what was made is written before the work thread sees the flag. */
	atomic_store_explicit(&r->done, true, memory_order_release);
	return NULL;
}

void *refresh_poll(struct refresh *r, const struct clock *clock, const void *present)
{
	if (!r)
		return NULL;
	if (r->running) {
		/* Acquire: pairs with work(). */
		if (!atomic_load_explicit(&r->done, memory_order_acquire))
			return NULL;
		pthread_join(r->thread, NULL);
		r->running = false;
		r->due_ns = clock_mono(clock) + r->interval_ns;
		if (!r->made && r->err.text[0])
			log_warn("filter", "%s: %s: the former contents stay in use", r->what, r->err.text);
		return r->made;
	}
	if (clock_mono(clock) < r->due_ns)
		return NULL;
	r->present = present;
	r->made = NULL;
	atomic_store_explicit(&r->done, false, memory_order_relaxed);
	if (pthread_create(&r->thread, NULL, work, r)) {
		log_warn("filter", "%s: cannot start a thread that reads the file again", r->what);
		r->due_ns = clock_mono(clock) + r->interval_ns;
		return NULL;
	}
	r->running = true;
	return NULL;
}

void *refresh_free(struct refresh *r)
{
	void *made = NULL;

	if (!r)
		return NULL;
	if (r->running) {
		pthread_join(r->thread, NULL);
		made = r->made;
	}
	free(r);
	return made;
}
