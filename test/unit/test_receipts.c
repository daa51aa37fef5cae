#include "test.h"

#include "input/receipts.h"

#include <pthread.h>
#include <stdatomic.h>

enum { SPANS = 2000, LETTING_GO = 4 };

struct world {
	uv_loop_t loop;
	struct desk *desk;
	struct receipts *r;
	uint64_t got[SPANS];
	size_t n;
	bool closed;
};

static void take(struct world *w)
{
	size_t n;

	while ((n = receipts_take(w->r, w->got + w->n, w->n + 7 < SPANS ? 7 : SPANS - w->n)))
		w->n += n;
}

static void on_ready(void *arg)
{
	struct world *w = arg;

	if (w->r)
		take(w);
}

static void on_closed(void *arg)
{
	((struct world *)arg)->closed = true;
}

static void open_world(struct world *w)
{
	*w = (struct world){0};
	CHECK(uv_loop_init(&w->loop) == 0);
	w->desk = desk_new(&w->loop, on_ready, w);
	w->r = receipts_new(w->desk);
}

static void close_world(struct world *w)
{
	receipts_close(w->r);
	w->r = NULL;
	if (w->desk)
		desk_close(w->desk, on_closed, w);
	uv_run(&w->loop, UV_RUN_DEFAULT);
	CHECK(w->closed);
	CHECK(uv_loop_close(&w->loop) == 0);
}

/* What ended behind something that is under way is not told before that has ended, too. */
static void test_order(void)
{
	struct world w;
	struct ack *a[4];

	open_world(&w);
	for (int i = 0; i < 4; i++) {
		a[i] = receipts_begin(w.r);
		receipts_set(a[i], (uint64_t)i + 1);
	}
	ack_unref(a[1]);
	ack_unref(a[2]);
	take(&w);
	CHECK_INT(w.n, 0);
	CHECK_INT(receipts_open(w.r), 4);
	ack_ref(a[0]);
	ack_unref(a[0]);
	take(&w);
	CHECK_INT(w.n, 0);
	ack_unref(a[0]);
	uv_run(&w.loop, UV_RUN_NOWAIT);
	CHECK_INT(w.n, 3);
	CHECK(w.got[0] == 1 && w.got[1] == 2 && w.got[2] == 3);
	CHECK_INT(receipts_open(w.r), 1);
	ack_unref(a[3]);
	take(&w);
	CHECK(w.n == 4 && w.got[3] == 4);
	close_world(&w);
}

/* Connection, desk and loop go first. */
static void test_late(void)
{
	struct world w;
	struct ack *a, *b;

	open_world(&w);
	a = receipts_begin(w.r);
	b = receipts_begin(w.r);
	ack_unref(b);
	close_world(&w);
	ack_unref(a);
	receipts_close(NULL);
}

struct share {
	struct ack **from;
	pthread_t thread;
};

static void *let_go(void *arg)
{
	struct share *s = arg;

	for (size_t i = 0; i < SPANS; i++)
		ack_unref(s->from[i]);
	return NULL;
}

/* Several threads let go of the same spans: each number comes once, in its place, and the loop is woken for the last one. */
static void test_threads(void)
{
	static struct ack *a[SPANS];
	struct share share[LETTING_GO];
	struct world w;
	size_t wrong = 0;

	open_world(&w);
	for (size_t i = 0; i < SPANS; i++) {
		a[i] = receipts_begin(w.r);
		receipts_set(a[i], i + 1);
		for (int k = 1; k < LETTING_GO; k++)
			ack_ref(a[i]);
	}
	for (int k = 0; k < LETTING_GO; k++) {
		share[k].from = a;
		CHECK(pthread_create(&share[k].thread, NULL, let_go, &share[k]) == 0);
	}
	while (w.n < SPANS)
		uv_run(&w.loop, UV_RUN_ONCE);
	for (int k = 0; k < LETTING_GO; k++)
		pthread_join(share[k].thread, NULL);
	for (size_t i = 0; i < SPANS; i++)
		wrong += w.got[i] != i + 1;
	CHECK_INT(wrong, 0);
	CHECK_INT(receipts_open(w.r), 0);
	close_world(&w);
}

int main(void)
{
	test_order();
	test_late();
	test_threads();
	return test_end();
}
