/*
 * The queue of batches: order over threads, a bound, waking. Runs under the thread sanitizer, too.
 */
#include "test.h"

#include "pipeline/batch.h"

#include <pthread.h>

enum { BATCHES = 2000, PRODUCERS = 3 };

static _Atomic bool room;

static void on_room(void *arg)
{
	atomic_store((_Atomic bool *)arg, true);
}

struct producer {
	struct bqueue *q;
	uint32_t id;
};

static void *produce(void *arg)
{
	struct producer *p = arg;

	for (uint32_t i = 0; i < BATCHES; i++) {
		struct batch *b = batch_new(NULL);

		b->bytes = (size_t)p->id << 32 | i;
		while (!bqueue_push(p->q, b))
			sched_yield();
	}
	return NULL;
}

static void test_threads(void)
{
	struct bqueue *q = bqueue_new(4);
	pthread_t thread[PRODUCERS];
	struct producer p[PRODUCERS];
	uint32_t next[PRODUCERS] = {0}, n = 0;
	bool order = true;

	for (uint32_t i = 0; i < PRODUCERS; i++) {
		p[i] = (struct producer){q, i};
		CHECK_INT(pthread_create(&thread[i], NULL, produce, &p[i]), 0);
	}
	while (n < PRODUCERS * BATCHES) {
		struct batch *b = bqueue_pop(q, -1);

		if (!b)
			continue;
		order &= (uint32_t)b->bytes == next[b->bytes >> 32]++;
		batch_free(b);
		n++;
	}
	CHECK(order);
	for (uint32_t i = 0; i < PRODUCERS; i++)
		pthread_join(thread[i], NULL);
	bqueue_free(q);
}

static void test_bound(void)
{
	struct bqueue *q = bqueue_new(2);
	struct batch *b[3];

	bqueue_on_room(q, on_room, &room);
	for (int i = 0; i < 3; i++)
		b[i] = batch_new(NULL);
	CHECK(bqueue_push(q, b[0]));
	CHECK(bqueue_push(q, b[1]));
	CHECK(!bqueue_push(q, b[2]));
	CHECK(!room);
	CHECK(bqueue_pop(q, 0) == b[0]);
	CHECK(room);
	CHECK(bqueue_push(q, b[2]));
	bqueue_close(q);
	CHECK(bqueue_pop(q, -1) == b[1]);
	CHECK(bqueue_pop(q, -1) == b[2]);
	CHECK(bqueue_pop(q, -1) == NULL);
	CHECK(!bqueue_push(q, b[0]));
	for (int i = 0; i < 3; i++)
		batch_free(b[i]);
	bqueue_free(q);
}

static void *poke(void *arg)
{
	bqueue_poke(arg);
	return NULL;
}

static void test_poke(void)
{
	struct bqueue *q = bqueue_new(2);
	pthread_t t;

	bqueue_poke(q);
	CHECK(bqueue_pop(q, -1) == NULL); /* a poke before the pop counts */
	pthread_create(&t, NULL, poke, q);
	CHECK(bqueue_pop(q, -1) == NULL);
	pthread_join(t, NULL);
	bqueue_free(q);
}

int main(void)
{
	test_threads();
	test_bound();
	test_poke();
	return test_end();
}
