#include "input/loop.h"
#include "base/arena.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { ROOM_POLL_MS = 5 };

struct call {
	struct call *next;
	void (*fn)(void *arg);
	void *arg;
	bool done;
};

struct loop {
	uv_loop_t uv;
	uv_async_t async;
	uv_prepare_t prepare;
	uv_timer_t room_timer;
	uv_thread_t thread;
	struct loop_member *members;
	_Atomic bool room;
	_Atomic bool asked; /* by loop_alive, and no turn since */

	pthread_mutex_t lock;
	pthread_cond_t done;
	struct call *calls, **last;
};

static void run_calls(struct loop *l)
{
	for (;;) {
		struct call *c;

		pthread_mutex_lock(&l->lock);
		c = l->calls;
		if (c) {
			l->calls = c->next;
			if (!l->calls)
				l->last = &l->calls;
		}
		pthread_mutex_unlock(&l->lock);
		if (!c)
			return;
		c->fn(c->arg);
		pthread_mutex_lock(&l->lock);
		c->done = true; /* from here on it may be gone */
		pthread_cond_broadcast(&l->done);
		pthread_mutex_unlock(&l->lock);
	}
}

static void tell_room(struct loop *l)
{
	struct loop_member *next;

	for (struct loop_member *m = l->members; m; m = next) {
		next = m->next;
		if (m->room)
			m->room(m);
	}
}

static void on_async(uv_async_t *a)
{
	struct loop *l = a->data;

	/* Relaxed: it says only that the thread turns. */
	atomic_store_explicit(&l->asked, false, memory_order_relaxed);
	run_calls(l);
	/* Acquire: pairs with loop_wake. */
	if (atomic_exchange_explicit(&l->room, false, memory_order_acquire))
		tell_room(l);
}

static void on_prepare(uv_prepare_t *p)
{
	struct loop *l = p->data;
	struct loop_member *next;

	for (struct loop_member *m = l->members; m; m = next) {
		next = m->next;
		if (m->turn)
			m->turn(m);
	}
}

static void on_room_timer(uv_timer_t *t)
{
	tell_room(t->data);
}

static void run(void *arg)
{
	struct loop *l = arg;

	uv_run(&l->uv, UV_RUN_DEFAULT);
}

struct loop *loop_new(const char *name, struct err *err)
{
	struct loop *l = xzalloc(sizeof(*l));
	int rc = uv_loop_init(&l->uv);
	char short_name[16];

	if (rc) {
		err_set(err, "cannot make an event loop: %s", uv_strerror(rc));
		free(l);
		return NULL;
	}
	uv_async_init(&l->uv, &l->async, on_async);
	uv_prepare_init(&l->uv, &l->prepare);
	uv_timer_init(&l->uv, &l->room_timer);
	l->async.data = l->prepare.data = l->room_timer.data = l;
	uv_prepare_start(&l->prepare, on_prepare);
	uv_unref((uv_handle_t *)&l->prepare);
	l->last = &l->calls;
	pthread_mutex_init(&l->lock, NULL);
	pthread_cond_init(&l->done, NULL);
	rc = uv_thread_create(&l->thread, run, l);
	if (rc) {
		err_set(err, "cannot start an io thread: %s", uv_strerror(rc));
		uv_close((uv_handle_t *)&l->async, NULL);
		uv_close((uv_handle_t *)&l->prepare, NULL);
		uv_close((uv_handle_t *)&l->room_timer, NULL);
		uv_run(&l->uv, UV_RUN_DEFAULT);
		uv_loop_close(&l->uv);
		free(l);
		return NULL;
	}
	/* As top and a debugger show it; longer ones are refused. */
	snprintf(short_name, sizeof(short_name), "%s", name);
	(void)pthread_setname_np(l->thread, short_name);
	return l;
}

static void close_own(void *arg)
{
	struct loop *l = arg;

	uv_close((uv_handle_t *)&l->async, NULL);
	uv_close((uv_handle_t *)&l->prepare, NULL);
	uv_close((uv_handle_t *)&l->room_timer, NULL);
}

void loop_free(struct loop *l)
{
	if (!l)
		return;
	loop_call(l, close_own, l);
	uv_thread_join(&l->thread);
	bug_on(uv_loop_close(&l->uv) != 0);
	pthread_cond_destroy(&l->done);
	pthread_mutex_destroy(&l->lock);
	free(l);
}

uv_loop_t *loop_uv(struct loop *l)
{
	return &l->uv;
}

void loop_call(struct loop *l, void (*fn)(void *arg), void *arg)
{
	struct call c = {.fn = fn, .arg = arg};

	pthread_mutex_lock(&l->lock);
	*l->last = &c;
	l->last = &c.next;
	uv_async_send(&l->async);
	while (!c.done)
		pthread_cond_wait(&l->done, &l->lock);
	pthread_mutex_unlock(&l->lock);
}

void loop_wake(struct loop *l)
{
	/* Release: the room that was made is seen by who is told. */
	if (!atomic_exchange_explicit(&l->room, true, memory_order_release))
		uv_async_send(&l->async);
}

bool loop_alive(struct loop *l)
{
	if (atomic_load_explicit(&l->asked, memory_order_relaxed))
		return false;
	atomic_store_explicit(&l->asked, true, memory_order_relaxed);
	uv_async_send(&l->async);
	return true;
}

void loop_join(struct loop *l, struct loop_member *m)
{
	m->next = l->members;
	m->back = &l->members;
	if (m->next)
		m->next->back = &m->next;
	l->members = m;
}

void loop_leave(struct loop_member *m)
{
	if (!m->back)
		return;
	*m->back = m->next;
	if (m->next)
		m->next->back = m->back;
	m->back = NULL;
}

void loop_poll_room(struct loop *l)
{
	if (!uv_is_active((uv_handle_t *)&l->room_timer))
		uv_timer_start(&l->room_timer, on_room_timer, ROOM_POLL_MS, 0);
}
