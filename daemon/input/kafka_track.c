#include "input/kafka_track.h"

#include "base/arena.h"
#include "base/err.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

struct window;

struct mark {
	struct ack ack; /* first: mark_done() casts */
	struct window *window;
	struct mark *next;
	int64_t offset;
	bool ended;
};

struct window {
	struct window *next; /* of the track's */
	struct kafka_track *track;
	struct mark *first, **last;
	size_t marks;
	bool closed;	/* no longer in the track's list */
	int32_t partition;
	char *topic;
};

struct kafka_track {
	pthread_mutex_t lock; /* of everything */
	pthread_cond_t done;
	kafka_store_fn *store;
	void *arg;
	struct window *windows;
	size_t open;  /* marks of windows that are not closed */
	size_t marks; /* all */
	bool ended;
};

struct kafka_track *kafka_track_new(kafka_store_fn *store, void *arg)
{
	struct kafka_track *t = xzalloc(sizeof(*t));
	pthread_condattr_t attr;

	pthread_mutex_init(&t->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&t->done, &attr);
	pthread_condattr_destroy(&attr);
	t->store = store;
	t->arg = arg;
	return t;
}

static void free_track(struct kafka_track *t)
{
	pthread_mutex_destroy(&t->lock);
	pthread_cond_destroy(&t->done);
	free(t);
}

static void free_window(struct window *w)
{
	free(w->topic);
	free(w);
}

/* Finished marks at the front go. */
static void settle(struct window *w)
{
	struct kafka_track *t = w->track;
	int64_t next = -1;

	while (w->first && w->first->ended) {
		struct mark *m = w->first;

		w->first = m->next;
		if (!w->first)
			w->last = &w->first;
		next = m->offset + 1;
		free(m);
		w->marks--;
		t->marks--;
		t->open -= !w->closed;
	}
	if (next >= 0 && !w->closed)
		t->store(t->arg, w->topic, w->partition, next);
	if (t->open == 0)
		pthread_cond_broadcast(&t->done);
}

static void close_window(struct window *w)
{
	w->closed = true;
	w->track->open -= w->marks;
	if (w->track->open == 0)
		pthread_cond_broadcast(&w->track->done);
	if (w->marks == 0)
		free_window(w);
}

static void mark_done(struct ack *a)
{
	struct mark *m = (struct mark *)a;
	struct window *w = m->window;
	struct kafka_track *t = w->track;
	bool last;

	pthread_mutex_lock(&t->lock);
	m->ended = true;
	settle(w);
	if (w->closed && w->marks == 0)
		free_window(w);
	last = t->ended && t->marks == 0;
	pthread_mutex_unlock(&t->lock);
	if (last)
		free_track(t);
}

/* Messages come in runs of one partition: it is moved to the front. */
static struct window **find(struct kafka_track *t, struct str topic, int32_t partition)
{
	struct window **at = &t->windows;

	while (*at && ((*at)->partition != partition || !str_eqz(topic, (*at)->topic)))
		at = &(*at)->next;
	return at;
}

struct ack *kafka_track_message(struct kafka_track *t, struct str topic, int32_t partition, int64_t offset)
{
	struct mark *m = xzalloc(sizeof(*m));
	struct window **at, *w;

	ack_init(&m->ack, mark_done);
	m->offset = offset;
	pthread_mutex_lock(&t->lock);
	at = find(t, topic, partition);
	w = *at;
	if (w) {
		*at = w->next;
	} else {
		w = xzalloc(sizeof(*w));
		w->track = t;
		w->partition = partition;
		w->topic = xstrdupz(topic);
		w->last = &w->first;
	}
	w->next = t->windows;
	t->windows = w;
	m->window = w;
	*w->last = m;
	w->last = &m->next;
	w->marks++;
	t->marks++;
	t->open++;
	pthread_mutex_unlock(&t->lock);
	return &m->ack;
}

void kafka_track_revoke(struct kafka_track *t, const char *topic, int32_t partition)
{
	struct window **at, *w;

	pthread_mutex_lock(&t->lock);
	at = find(t, str_z(topic), partition);
	w = *at;
	if (w) {
		*at = w->next;
		close_window(w);
	}
	pthread_mutex_unlock(&t->lock);
}

size_t kafka_track_open(struct kafka_track *t)
{
	size_t n;

	pthread_mutex_lock(&t->lock);
	n = t->open;
	pthread_mutex_unlock(&t->lock);
	return n;
}

bool kafka_track_wait(struct kafka_track *t, int64_t timeout_ns)
{
	struct timespec until;
	int rc = 0;
	bool none;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += timeout_ns % 1000000000;
	until.tv_sec += timeout_ns / 1000000000 + until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	pthread_mutex_lock(&t->lock);
	while (t->open && rc == 0)
		rc = pthread_cond_timedwait(&t->done, &t->lock, &until);
	none = t->open == 0;
	pthread_mutex_unlock(&t->lock);
	return none;
}

void kafka_track_end(struct kafka_track *t)
{
	bool none;

	pthread_mutex_lock(&t->lock);
	while (t->windows) {
		struct window *w = t->windows;

		t->windows = w->next;
		close_window(w);
	}
	t->ended = true;
	none = t->marks == 0;
	pthread_mutex_unlock(&t->lock);
	if (none)
		free_track(t);
}
