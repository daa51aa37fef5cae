/*
 * Events from one pipeline to another inside the process: the outlet of the output `pipeline`, the bus, the input. Runs under the thread
 * sanitizer, too.
 */
#include "base/hash.h"
#include "base/log.h"
#include "event/fields.h"
#include "outputs/output.h"
#include "outputs/sender.h"
#include "pipeline/bus.h"
#include "plugin.h"

#include <pthread.h>

/* ---- a listener that keeps what comes ---- */

struct ear {
	struct bus_listener listener;
	struct source source;
	uint64_t events; /* by whoever pushes */
};

static void ear_came(struct bus_listener *l, uint32_t events)
{
	((struct ear *)l)->events += events;
}

static void ear_init(struct ear *e, size_t queue)
{
	*e = (struct ear){.listener = {.queue = bqueue_new(queue), .source = &e->source, .came = ear_came}};
	atomic_init(&e->source.refs, 1);
}

/* The next batch, and how many events are in it. */
static struct batch *ear_hear(struct ear *e)
{
	struct batch *b = bqueue_pop(e->listener.queue, 0);

	for (uint32_t i = 0; b && i < b->nspans; i++)
		CHECK(b->span[i].source == &e->source && b->span[i].n == 1);
	return b;
}

static void ear_release(struct ear *e)
{
	bqueue_free(e->listener.queue);
	CHECK_INT(e->source.refs, 1);
}

/* ---- an outlet, and events for it ---- */

struct mouth {
	struct opened plugin;
	const struct direct_ops *ops;
	struct outlet *outlet;
	struct waiter waiter;
	_Atomic unsigned woken;
};

static void mouth_wake(struct waiter *w)
{
	atomic_fetch_add(&((struct mouth *)((char *)w - offsetof(struct mouth, waiter)))->woken, 1);
}

static struct bus *bus;

static void mouth_open(struct mouth *m, const char *text, struct dead_letters *letters)
{
	struct settings s = {.clock = &clock_system, .pipeline_id = STR_INIT("main"), .bus = bus, .dead_letters = letters};
	struct err err;

	*m = (struct mouth){.waiter.wake = mouth_wake};
	CHECK(opened_plugin_by(&m->plugin, PLUGIN_OUTPUT, text, &s));
	m->ops = m->plugin.plugin->output->direct;
	m->plugin.ctx.id = STR("out");
	m->outlet = m->ops->open(m->plugin.self, &m->plugin.ctx, &err);
	m->outlet->waiter = &m->waiter;
}

static struct sender_stats mouth_stats(struct mouth *m)
{
	struct sender_stats st;

	m->ops->stats(m->outlet, &st);
	CHECK(sender_balanced(&st));
	return st;
}

static void mouth_close(struct mouth *m)
{
	struct sender_stats st;

	m->ops->end(m->outlet);
	st = mouth_stats(m);
	CHECK_INT(st.in_flight, 0);
	CHECK_INT(st.bytes, 0);
	m->ops->free(m->outlet);
	opened_release(&m->plugin);
}

static unsigned acked;

static void on_acked(struct ack *a)
{
	acked++;
	free(a);
}

static bool routed; /* another output had it before */

static enum outlet_answer say(struct mouth *m, int64_t n)
{
	struct ack *ack = xzalloc(sizeof(*ack));
	enum outlet_answer answer;
	struct event ev;
	struct arena a;

	arena_init(&a, NULL);
	event_init(&ev, &a);
	event_stamp(&ev, (struct ts){1000, 0});
	event_set_top(&ev, key_make(STR("n")), v_int(n));
	map_set(&a, &ev.meta, key_make(STR("m")), v_str(STR("kept")));
	memcpy(ev.id, "abcdefghijklmnopqrstuv", 22);
	ev.id_len = 22;
	ev.received_ns = 77;
	ev.routed = routed;
	ack_init(ack, on_acked);
	ev.ack = ack;
	answer = m->outlet->put(m->outlet, &ev);
	/* The copies live on without it. */
	arena_release(&a);
	ack_unref(ack);
	return answer;
}

static void test_copies(void)
{
	struct mouth m;
	struct ear a, b;
	struct batch *got;
	struct event ev;
	struct arena arena;
	struct buf text;
	const struct plugin *input = plugin_find(PLUGIN_INPUT, STR("pipeline"));

	acked = 0;
	ear_init(&a, 4);
	ear_init(&b, 4);
	CHECK(bus_listen(bus, STR("a"), &a.listener));
	CHECK(!bus_listen(bus, STR("a"), &b.listener));
	CHECK(bus_listen(bus, STR("b"), &b.listener));
	mouth_open(&m, "pipeline { send_to => ['a', 'b', 'a'] }", NULL);
	CHECK_INT(say(&m, 1), OUTLET_TAKEN);
	CHECK(!ear_hear(&a));
	CHECK_INT(mouth_stats(&m).in_flight, 2);
	m.outlet->idle(m.outlet);
	CHECK_INT(mouth_stats(&m).delivered, 2);
	got = ear_hear(&a);
	CHECK(got != NULL);
	CHECK_INT(got->span[0].received_ns, 77);
	CHECK_INT(a.events, 1);

	/* As the executor gives it to the input. */
	arena_init(&arena, NULL);
	event_init(&ev, &arena);
	input->decode(NULL, &ev, str_n(got->frame[0].p, got->frame[0].len), 0, &got->span[0]);
	CHECK(ev.arena == &arena && ev.ack == NULL && !ev.routed);
	CHECK_STR(str_n(ev.id, ev.id_len), "abcdefghijklmnopqrstuv");
	event_set_top(&ev, key_make(STR("more")), v_int(2));
	buf_init(&text, 0);
	show_event(&text, &ev);
	CHECK_STR(buf_slice(&text), "{\"@timestamp\":\"1970-01-01T00:16:40.000Z\",\"n\":1,\"more\":2,\"@metadata\":{\"m\":\"kept\"}}");
	buf_release(&text);
	arena_release(&arena);
	/* The source hears of it when the last copy has ended. */
	batch_free(got);
	CHECK_INT(acked, 0);
	got = ear_hear(&b);
	memcpy(&ev, got->frame[0].p, sizeof(ev));
	/* A second way: another id, the same at every run. */
	CHECK_STR(str_n(ev.id, ev.id_len), "abcdefghqvgTjHiF-XvYYy");
	batch_free(got);
	CHECK_INT(acked, 1);

	routed = true;
	CHECK_INT(say(&m, 2), OUTLET_TAKEN);
	routed = false;
	m.outlet->idle(m.outlet);
	got = ear_hear(&a);
	memcpy(&ev, got->frame[0].p, sizeof(ev));
	CHECK(ev.id_len == 22 && memcmp(ev.id, "abcdefgh", 8) == 0);
	CHECK(memcmp(ev.id, "abcdefghijklmnopqrstuv", 22) != 0 && memcmp(ev.id, "abcdefghqvgTjHiF-XvYYy", 22) != 0);
	batch_free(got);
	batch_free(ear_hear(&b));
	mouth_close(&m);
	bus_unlisten(bus, &a.listener);
	bus_unlisten(bus, &b.listener);
	ear_release(&a);
	ear_release(&b);
}

static void test_full(void)
{
	struct mouth m;
	struct ear a;
	struct batch *got;
	unsigned said = 0, heard = 0;

	acked = 0;
	ear_init(&a, 2);
	CHECK(bus_listen(bus, STR("a"), &a.listener));
	mouth_open(&m, "pipeline { send_to => 'a' }", NULL);
	/* Two batches in the queue, and one that waits. */
	while (said < 10000 && say(&m, said) == OUTLET_TAKEN)
		said++;
	CHECK_INT(said, 3 * BATCH_FRAMES);
	CHECK_INT(acked, 1); /* the one that was not taken */
	CHECK_INT(mouth_stats(&m).in_flight, BATCH_FRAMES);
	/* While a plan is replaced it takes all the same. */
	m.outlet->force = true;
	for (int i = 0; i < 2 * BATCH_FRAMES; i++)
		CHECK_INT(say(&m, said++), OUTLET_TAKEN);
	m.outlet->force = false;
	while ((got = ear_hear(&a))) {
		for (uint32_t i = 0; i < got->nframes; i++) {
			struct event ev;

			memcpy(&ev, got->frame[i].p, sizeof(ev));
			CHECK_INT(event_top(&ev, STR("n"))->i, heard++);
		}
		batch_free(got);
		bus_room(bus, a.listener.queue);
		m.outlet->idle(m.outlet);
	}
	CHECK(m.woken > 0);
	CHECK_INT(heard, said);
	CHECK_INT(acked, said + 1);
	mouth_close(&m);
	bus_unlisten(bus, &a.listener);
	ear_release(&a);
}

/* ---- nobody listens ---- */

struct letters {
	struct dead_letters base;
	unsigned n;
	bool broken;
};

static bool letters_put(struct dead_letters *d, const struct letter *l)
{
	struct letters *k = (struct letters *)d;

	CHECK_STR(l->reason, "no pipeline listens on the address 'a'");
	k->n++;
	return !k->broken;
}

static void test_nobody(void)
{
	struct letters letters = {.base.put = letters_put};
	struct mouth m;
	struct ear a;
	unsigned said = 0;

	acked = 0;
	mouth_open(&m, "pipeline { send_to => 'a' }", &letters.base);
	while (said < 10000 && say(&m, said) == OUTLET_TAKEN)
		said++;
	CHECK_INT(said, BATCH_FRAMES);
	CHECK(mouth_stats(&m).failing);
	/* Somebody comes. */
	ear_init(&a, 2);
	m.woken = 0;
	CHECK(bus_listen(bus, STR("a"), &a.listener));
	CHECK_INT(m.woken, 1);
	CHECK_INT(say(&m, said++), OUTLET_TAKEN);
	CHECK(!mouth_stats(&m).failing);
	CHECK_INT(a.events, BATCH_FRAMES);
	bus_unlisten(bus, &a.listener);
	/* And goes, and it is the end: a letter. */
	letters.broken = true;
	m.ops->last(m.outlet);
	m.outlet->idle(m.outlet);
	CHECK_INT(letters.n, 1);
	CHECK_INT(mouth_stats(&m).dropped[DROP_NO_LETTER], 1);
	letters.broken = false;
	CHECK_INT(say(&m, said++), OUTLET_TAKEN);
	m.ops->end(m.outlet);
	CHECK_INT(mouth_stats(&m).dead_letter, 1);
	mouth_close(&m);
	ear_release(&a);
	CHECK_INT(acked, said + 1);

	acked = 0;
	mouth_open(&m, "pipeline { send_to => 'a' ensure_delivery => false }", &letters.base);
	for (int i = 0; i < 2 * BATCH_FRAMES; i++)
		CHECK_INT(say(&m, i), OUTLET_TAKEN);
	m.outlet->idle(m.outlet);
	CHECK_INT(mouth_stats(&m).dropped[DROP_NOBODY], 2 * BATCH_FRAMES);
	CHECK_INT(acked, 2 * BATCH_FRAMES);
	mouth_close(&m);
	CHECK_INT(letters.n, 2);
}

/* A reload changes where an output sends to: what waited goes with it. */
static void test_heir(void)
{
	struct mouth old, next;
	struct ear b;
	struct batch *got;

	acked = 0;
	mouth_open(&old, "pipeline { send_to => ['typo'] }", NULL);
	for (int i = 0; i < 10; i++)
		CHECK_INT(say(&old, i), OUTLET_TAKEN);
	mouth_open(&next, "pipeline { send_to => ['b'] }", NULL);
	next.ops->inherit(next.outlet, old.outlet);
	CHECK_INT(mouth_stats(&old).unsent, 10);
	mouth_close(&old);
	CHECK_INT(mouth_stats(&next).reloaded, 10);
	CHECK_INT(say(&next, 10), OUTLET_FULL);
	ear_init(&b, 4);
	CHECK(bus_listen(bus, STR("b"), &b.listener));
	CHECK_INT(say(&next, 10), OUTLET_TAKEN);
	CHECK_INT(b.events, 10);
	next.outlet->idle(next.outlet);
	CHECK_INT(b.events, 11);
	got = ear_hear(&b);
	CHECK_INT(got->nframes, 10);
	batch_free(got);
	batch_free(ear_hear(&b));
	CHECK_INT(acked, 12);
	mouth_close(&next);
	bus_unlisten(bus, &b.listener);
	ear_release(&b);
}

/* ---- two threads send, one listener comes and goes ---- */

enum { SENT = 3000 };

struct thread {
	pthread_t thread;
	struct mouth m;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool woken;
};

static _Atomic unsigned ended;

static void thread_acked(struct ack *a)
{
	atomic_fetch_add(&ended, 1);
	free(a);
}

static void thread_wake(struct waiter *w)
{
	struct thread *t = (struct thread *)((char *)w - offsetof(struct thread, m.waiter));

	pthread_mutex_lock(&t->lock);
	t->woken = true;
	pthread_cond_signal(&t->changed);
	pthread_mutex_unlock(&t->lock);
}

static void *thread_main(void *arg)
{
	struct thread *t = arg;
	struct arena a;

	arena_init(&a, NULL);
	for (int i = 0; i < SENT; i++) {
		struct ack *ack = xzalloc(sizeof(*ack));
		struct event ev;

		event_init(&ev, &a);
		event_stamp(&ev, (struct ts){i, 0});
		ack_init(ack, thread_acked);
		ev.ack = ack;
		while (t->m.outlet->put(t->m.outlet, &ev) == OUTLET_FULL) {
			pthread_mutex_lock(&t->lock);
			while (!t->woken)
				pthread_cond_wait(&t->changed, &t->lock);
			t->woken = false;
			pthread_mutex_unlock(&t->lock);
		}
		ack_unref(ack);
		arena_clear(&a);
		if (i % 100 == 99)
			t->m.outlet->idle(t->m.outlet);
	}
	arena_release(&a);
	return NULL;
}

static void hear_all(struct ear *e, unsigned *heard)
{
	struct batch *b;

	while ((b = ear_hear(e))) {
		*heard += b->nframes;
		batch_free(b);
		bus_room(bus, e->listener.queue);
	}
}

static void test_threads(void)
{
	struct thread t[2];
	struct ear e[2];
	unsigned heard = 0, turn = 0;

	for (int i = 0; i < 2; i++) {
		ear_init(&e[i], 3);
		mouth_open(&t[i].m, "pipeline { send_to => 'a' }", NULL);
		t[i].m.waiter.wake = thread_wake;
		pthread_mutex_init(&t[i].lock, NULL);
		pthread_cond_init(&t[i].changed, NULL);
		t[i].woken = false;
		pthread_create(&t[i].thread, NULL, thread_main, &t[i]);
	}
	/* The address moves between two queues all the time. What a thread holds at its end comes with the close. */
	while (heard < 2 * (SENT - SENT % BATCH_FRAMES - BATCH_FRAMES)) {
		struct ear *now = &e[turn++ % 2];

		CHECK(bus_listen(bus, STR("a"), &now->listener));
		for (int i = 0; i < 50; i++) {
			hear_all(now, &heard);
			sched_yield();
		}
		bus_unlisten(bus, &now->listener);
		hear_all(now, &heard);
	}
	CHECK(bus_listen(bus, STR("a"), &e[0].listener));
	for (int i = 0; i < 2; i++) {
		void *none;

		while (pthread_tryjoin_np(t[i].thread, &none)) {
			hear_all(&e[0], &heard);
			sched_yield();
		}
		mouth_close(&t[i].m);
		pthread_cond_destroy(&t[i].changed);
		pthread_mutex_destroy(&t[i].lock);
	}
	hear_all(&e[0], &heard);
	bus_unlisten(bus, &e[0].listener);
	CHECK_INT(heard, 2 * SENT);
	CHECK_INT(ended, 2 * SENT);
	ear_release(&e[0]);
	ear_release(&e[1]);
}

int main(void)
{
	struct budget budget = {0};

	hash_init(NULL);
	fields_init();
	log_threshold = LOG_FATAL;
	bus = bus_new(&budget);
	test_copies();
	test_full();
	test_nobody();
	test_heir();
	test_threads();
	CHECK_INT(budget.used, 0);
	bus_free(bus);
	return test_end();
}
