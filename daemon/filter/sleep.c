/*
 * sleep.c - the filter `sleep`: events are held up, to limit a rate or to replay at a pace.
 *
 * A waiting step: what sleeps is the unit of events (executor), never the work thread. The times of a unit's events add up, and units follow one
 * another. One thread of its own watches the clock; it begins with the first event that sleeps.
 */
#include "base/number.h"
#include "filter/support.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

enum { SLEEP_MAX_S = 24 * 3600 }; /* of one event */

/* A unit of events; the queue is in order of time. */
struct nap {
	struct nap *next;
	struct wait *wait;
	int64_t total_ns, due_ns; /* of CLOCK_MONOTONIC */
};

struct sleep {
	const struct tmpl *time;
	int64_t every;
	bool replay;
	int64_t count;
	double last_s; /* replay: of the event before; NAN: none */
	int64_t due_ns; /* of the unit before */

	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct nap *first, **last; /* under the lock */
	bool end;
	pthread_t thread;
	bool running; /* the work thread's */
};

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ll + t.tv_nsec;
}

static int sleep_open(void *self, struct plugin_ctx *ctx, struct err *err)
{
	struct sleep *s = self;
	pthread_condattr_t attr;

	if (!s->time && !s->replay)
		return err_set(err, "'time' is missing: the seconds to sleep");
	if (!s->time)
		s->time = tmpl_compile(ctx->arena, STR("1"));
	s->last_s = NAN;
	s->last = &s->first;
	pthread_mutex_init(&s->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&s->changed, &attr);
	pthread_condattr_destroy(&attr);
	return 0;
}

static void sleep_close(void *self)
{
	struct sleep *s = self;

	pthread_mutex_lock(&s->lock);
	s->end = true;
	pthread_cond_signal(&s->changed);
	pthread_mutex_unlock(&s->lock);
	if (s->running)
		pthread_join(s->thread, NULL);
	pthread_cond_destroy(&s->changed);
	pthread_mutex_destroy(&s->lock);
}

/* ---- the thread that watches the clock ---- */

static void *watch(void *arg)
{
	struct sleep *s = arg;

	pthread_mutex_lock(&s->lock);
	for (;;) {
		struct nap *n = s->first;
		struct timespec until;

		if (!n) {
			if (s->end)
				break;
			pthread_cond_wait(&s->changed, &s->lock);
			continue;
		}
		if (now_ns() < n->due_ns) {
			until.tv_sec = n->due_ns / 1000000000;
			until.tv_nsec = n->due_ns % 1000000000;
			(void)pthread_cond_timedwait(&s->changed, &s->lock, &until);
			continue;
		}
		s->first = n->next;
		if (!s->first)
			s->last = &s->first;
		pthread_mutex_unlock(&s->lock);
		n->wait->done(n->wait);
		pthread_mutex_lock(&s->lock);
	}
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

/* ---- events ---- */

/* Seconds, 0 where this event does not sleep. */
static double seconds(struct sleep *s, struct event *ev, struct step_ctx *ctx)
{
	struct str text;
	double time, delay;
	struct ts t;

	if (tmpl_render(s->time, ev, ev->arena, ctx->clock, &text, NULL))
		return 0;
	time = ruby_to_f(text);
	s->count++;
	if (!s->replay) {
		if (s->count < s->every)
			return 0;
		s->count = 0;
		return time;
	}
	if (!event_timestamp(ev, &t))
		return 0;
	delay = ((double)t.s + t.ns / 1e9) - s->last_s;
	s->last_s = (double)t.s + t.ns / 1e9;
	return isnan(delay) || time == 0 ? 0 : delay / time;
}

static enum step sleep_ask(void *self, struct event *ev, struct wait *w, unsigned *slot, struct step_ctx *ctx)
{
	double time = seconds(self, ev, ctx);
	struct nap *n = w->data;

	(void)slot;
	if (!(time > 0))
		return STEP_OK;
	if (!n)
		w->data = n = xzalloc(sizeof(*n));
	n->total_ns += (int64_t)((time < SLEEP_MAX_S ? time : SLEEP_MAX_S) * 1e9);
	return STEP_WAIT;
}

static void sleep_start(void *self, struct wait *w)
{
	struct sleep *s = self;
	struct nap *n = w->data;
	int64_t now = now_ns();

	n->wait = w;
	n->due_ns = s->due_ns = (s->due_ns > now ? s->due_ns : now) + n->total_ns;
	pthread_mutex_lock(&s->lock);
	*s->last = n;
	s->last = &n->next;
	pthread_cond_signal(&s->changed);
	pthread_mutex_unlock(&s->lock);
	if (s->running)
		return;
	bug_on(pthread_create(&s->thread, NULL, watch, s));
	s->running = true;
}

static enum step sleep_finish(void *self, struct event *ev, struct wait *w, unsigned slot, struct step_ctx *ctx)
{
	(void)self;
	(void)ev;
	(void)w;
	(void)slot;
	(void)ctx;
	return STEP_OK;
}

static void sleep_release(void *self, struct wait *w)
{
	(void)self;
	free(w->data);
	w->data = NULL;
}

static const struct option options[] = {
	{"time", OPT_TMPL, offsetof(struct sleep, time), .doc = "seconds, also with parts; with replay: how many times faster"},
	{"every", OPT_INT, offsetof(struct sleep, every), .def = "1", .doc = "only each so many events"},
	{"replay", OPT_BOOL, offsetof(struct sleep, replay), .def = "false", .doc = "sleep as long as lies between the events' times"},
	{0},
};

FILTER(sleep, .size = sizeof(struct sleep), .options = options, .doc = "holds events up", .open = sleep_open, .close = sleep_close,
       .filter = {.ask = sleep_ask, .start = sleep_start, .finish = sleep_finish, .wait_release = sleep_release})
