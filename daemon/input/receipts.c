#include "input/receipts.h"
#include "base/arena.h"
#include "base/err.h"

#include <pthread.h>
#include <stdlib.h>

struct receipt {
	struct ack ack; /* first */
	struct receipts *of;
	struct receipt *next;
	uint64_t number;
	bool ended; /* lock */
};

struct receipts {
	struct desk *desk;
	struct receipt *first, **last; /* lock */
	size_t open;		       /* loop thread */
	bool gone;		       /* lock: the connection is */
};

struct desk {
	pthread_mutex_t lock;
	size_t refs; /* lock: its owner, and each struct receipts */
	bool closed; /* lock */
	uv_async_t *async;
	void (*ready)(void *arg);
	void *arg;
	void (*on_closed)(void *arg);
	void *closed_arg;
};

static void on_async(uv_async_t *a)
{
	struct desk *d = a->data;

	d->ready(d->arg);
}

struct desk *desk_new(uv_loop_t *loop, void (*ready)(void *arg), void *arg)
{
	struct desk *d = xzalloc(sizeof(*d));

	pthread_mutex_init(&d->lock, NULL);
	d->refs = 1;
	d->ready = ready;
	d->arg = arg;
	d->async = xzalloc(sizeof(*d->async));
	bug_on(uv_async_init(loop, d->async, on_async) != 0);
	d->async->data = d;
	return d;
}

/* With the lock, which goes. */
static void unlock_and_leave(struct desk *d)
{
	bool last = --d->refs == 0;

	pthread_mutex_unlock(&d->lock);
	if (!last)
		return;
	pthread_mutex_destroy(&d->lock);
	free(d);
}

static void on_async_closed(uv_handle_t *h)
{
	struct desk *d = h->data;
	void (*closed)(void *arg) = d->on_closed;
	void *arg = d->closed_arg;

	free(h);
	pthread_mutex_lock(&d->lock);
	unlock_and_leave(d);
	closed(arg);
}

void desk_close(struct desk *d, void (*closed)(void *arg), void *arg)
{
	d->on_closed = closed;
	d->closed_arg = arg;
	/* From here on nobody sends to the handle. */
	pthread_mutex_lock(&d->lock);
	d->closed = true;
	pthread_mutex_unlock(&d->lock);
	uv_close((uv_handle_t *)d->async, on_async_closed);
}

struct receipts *receipts_new(struct desk *d)
{
	struct receipts *r = xzalloc(sizeof(*r));

	r->desk = d;
	r->last = &r->first;
	pthread_mutex_lock(&d->lock);
	d->refs++;
	pthread_mutex_unlock(&d->lock);
	return r;
}

/* With the lock, which goes: the connection is gone; with its last receipt so is the list. */
static void drop_ended(struct receipts *r)
{
	struct desk *d = r->desk;

	while (r->first && r->first->ended) {
		struct receipt *t = r->first;

		r->first = t->next;
		free(t);
	}
	if (r->first) {
		pthread_mutex_unlock(&d->lock);
		return;
	}
	free(r);
	unlock_and_leave(d);
}

void receipts_close(struct receipts *r)
{
	if (!r)
		return;
	pthread_mutex_lock(&r->desk->lock);
	r->gone = true;
	drop_ended(r);
}

/* Any thread. */
static void receipt_done(struct ack *a)
{
	struct receipt *t = (struct receipt *)a;
	struct receipts *r = t->of;
	struct desk *d = r->desk;

	pthread_mutex_lock(&d->lock);
	t->ended = true;
	if (r->gone) {
		drop_ended(r);
		return;
	}
	/* Under the lock: desk_close() cannot be through before. */
	if (t == r->first && !d->closed)
		(void)uv_async_send(d->async);
	pthread_mutex_unlock(&d->lock);
}

struct ack *receipts_begin(struct receipts *r)
{
	struct receipt *t = xzalloc(sizeof(*t));

	ack_init(&t->ack, receipt_done);
	t->of = r;
	r->open++;
	pthread_mutex_lock(&r->desk->lock);
	*r->last = t;
	r->last = &t->next;
	pthread_mutex_unlock(&r->desk->lock);
	return &t->ack;
}

void receipts_set(struct ack *receipt, uint64_t number)
{
	((struct receipt *)receipt)->number = number;
}

size_t receipts_take(struct receipts *r, uint64_t *numbers, size_t max)
{
	size_t n = 0;

	pthread_mutex_lock(&r->desk->lock);
	while (n < max && r->first && r->first->ended) {
		struct receipt *t = r->first;

		numbers[n++] = t->number;
		r->first = t->next;
		if (!r->first)
			r->last = &r->first;
		free(t);
	}
	pthread_mutex_unlock(&r->desk->lock);
	r->open -= n;
	return n;
}

size_t receipts_open(const struct receipts *r)
{
	return r->open;
}
