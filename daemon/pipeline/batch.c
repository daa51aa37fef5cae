#include "pipeline/batch.h"

#include "base/clock.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

void source_unref(struct source *s)
{
	/* Release and acquire: who frees it sees all that was done with it. */
	if (s && atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) == 1)
		s->free(s);
}

struct batch *batch_new(struct budget *budget)
{
	struct batch *b = xmalloc(sizeof(*b));

	arena_init(&b->arena, budget);
	b->next = NULL;
	b->nframes = b->nspans = 0;
	b->bytes = 0;
	return b;
}

void batch_free(struct batch *b)
{
	if (!b)
		return;
	for (uint32_t i = 0; i < b->nspans; i++) {
		ack_unref(b->span[i].ack);
		source_unref(b->span[i].source);
	}
	arena_release(&b->arena);
	free(b);
}

/* ---- the queue ---- */

struct bqueue {
	pthread_mutex_t lock;
	pthread_cond_t come;
	struct batch *first, **last;
	size_t n, max;
	bool closed, poked, was_full;
	_Atomic bool hungry;
	void (*on_room)(void *arg);
	void *room_arg;
};

struct bqueue *bqueue_new(size_t max)
{
	struct bqueue *q = xzalloc(sizeof(*q));
	pthread_condattr_t attr;

	pthread_mutex_init(&q->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&q->come, &attr);
	pthread_condattr_destroy(&attr);
	q->last = &q->first;
	q->max = max;
	return q;
}

void bqueue_free(struct bqueue *q)
{
	if (!q)
		return;
	while (q->first) {
		struct batch *b = q->first;

		q->first = b->next;
		batch_free(b);
	}
	pthread_cond_destroy(&q->come);
	pthread_mutex_destroy(&q->lock);
	free(q);
}

static bool push(struct bqueue *q, struct batch *b, size_t max)
{
	bool ok;

	pthread_mutex_lock(&q->lock);
	ok = !q->closed && q->n < max;
	if (ok) {
		b->next = NULL;
		*q->last = b;
		q->last = &b->next;
		q->n++;
		pthread_cond_signal(&q->come);
	} else {
		q->was_full = true;
	}
	pthread_mutex_unlock(&q->lock);
	return ok;
}

bool bqueue_push(struct bqueue *q, struct batch *b)
{
	return push(q, b, q->max);
}

bool bqueue_push_last(struct bqueue *q, struct batch *b)
{
	return push(q, b, SIZE_MAX);
}

size_t bqueue_count(struct bqueue *q)
{
	size_t n;

	pthread_mutex_lock(&q->lock);
	n = q->n;
	pthread_mutex_unlock(&q->lock);
	return n;
}

bool bqueue_hungry(const struct bqueue *q)
{
	/* Relaxed: a hint; a stale answer costs one event's wait until the batch is full or the loop turns. */
	return atomic_load_explicit(&q->hungry, memory_order_relaxed);
}

/* With the lock held. */
static void wait_come(struct bqueue *q, int64_t timeout_ns)
{
	struct timespec until;
	int64_t end;

	if (timeout_ns < 0) {
		pthread_cond_wait(&q->come, &q->lock);
		return;
	}
	end = clock_mono(&clock_system) + timeout_ns;
	until.tv_sec = end / 1000000000;
	until.tv_nsec = end % 1000000000;
	if (pthread_cond_timedwait(&q->come, &q->lock, &until) == ETIMEDOUT)
		q->poked = true;
}

struct batch *bqueue_pop(struct bqueue *q, int64_t timeout_ns)
{
	struct batch *b;
	bool room;

	pthread_mutex_lock(&q->lock);
	while (!q->first && !q->closed && !q->poked && timeout_ns != 0) {
		atomic_store_explicit(&q->hungry, true, memory_order_relaxed);
		wait_come(q, timeout_ns);
	}
	atomic_store_explicit(&q->hungry, false, memory_order_relaxed);
	if (timeout_ns != 0)
		q->poked = false;
	b = q->first;
	if (b) {
		q->first = b->next;
		if (!q->first)
			q->last = &q->first;
		q->n--;
	}
	room = q->was_full && q->n <= q->max / 2;
	if (room)
		q->was_full = false;
	pthread_mutex_unlock(&q->lock);
	if (room && q->on_room)
		q->on_room(q->room_arg);
	return b;
}

void bqueue_poke(struct bqueue *q)
{
	pthread_mutex_lock(&q->lock);
	q->poked = true;
	pthread_cond_signal(&q->come);
	pthread_mutex_unlock(&q->lock);
}

void bqueue_close(struct bqueue *q)
{
	pthread_mutex_lock(&q->lock);
	q->closed = true;
	pthread_cond_broadcast(&q->come);
	pthread_mutex_unlock(&q->lock);
}

void bqueue_on_room(struct bqueue *q, void (*fn)(void *arg), void *arg)
{
	q->on_room = fn;
	q->room_arg = arg;
}
