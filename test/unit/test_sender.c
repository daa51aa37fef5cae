/*
 * The sender with a scripted far end: verdicts, retries, backoff on a virtual clock, bounds, the law of conservation, what is kept
 * on disk; and once with real threads (for the thread sanitizer).
 */
#include "test.h"

#include "outputs/dead_letter.h"
#include "outputs/sender.h"
#include "outputs/sender_int.h"

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

static const int64_t second = 1000000000;

/* ---- a far end that does what the test says ---- */

struct far {
	/* Verdict for document number n at its k-th try. */
	enum verdict (*judge)(unsigned n, unsigned try);
	/* Of a request with items n..; SEND_JUDGED: ask judge. */
	enum send_result (*whole)(const unsigned *n, unsigned count, size_t bytes);
	unsigned requests;
	unsigned seen[100000];  /* times a document was sent */
	unsigned order[200000], n_order;
	unsigned largest;
	pthread_mutex_t lock;
};

static struct far far = {.lock = PTHREAD_MUTEX_INITIALIZER};

struct test_output {
	struct queue_options queue;
};

static unsigned next_number;
static bool render_fails;

static enum render_result test_render(void *self, const struct event *ev, struct pack *p, struct render_ctx *ctx)
{
	struct buf *b = pack_begin(p);

	if (render_fails) {
		buf_lit(b, "half of it");
		err_set(&ctx->err, "cannot be rendered");
		return RENDER_DEAD;
	}
	buf_printf(b, "H:{\"n\":%u}\n", next_number++);
	pack_end(p, 2, 1, ITEM_JSON);
	return RENDER_OK;
}

static unsigned number_of(const struct pack *p, uint32_t i)
{
	struct str d = item_document(p, &p->item[i]);
	uint64_t n = 0;

	d = str_sub(d, 5, d.len - 6);
	CHECK(str_u64(d, 99999, &n));
	return (unsigned)n;
}

static enum send_result test_send(void *conn, void *link, struct pack *p, uint32_t from, uint32_t to,
				  struct send_ctx *ctx)
{
	unsigned n[4096], count = 0;
	enum send_result r = SEND_JUDGED;

	pthread_mutex_lock(&far.lock);
	far.requests++;
	for (uint32_t i = from; i < to && count < 4096; i++)
		n[count++] = number_of(p, i);
	far.largest = count > far.largest ? count : far.largest;
	if (far.whole)
		r = far.whole(n, count, pack_range(p, from, to).len);
	for (uint32_t i = from; i < to && r == SEND_JUDGED; i++) {
		unsigned k = n[i - from];
		enum verdict v = far.judge ? far.judge(k, far.seen[k]) : VERDICT_DELIVERED;

		far.order[far.n_order++] = k;
		far.seen[k]++;
		if (v == VERDICT_DEAD)
			pack_note(p, i, v, 400, 0, STR("document_parsing_exception: no \"long\""));
		else
			p->item[i].verdict = (uint8_t)v;
	}
	if (r != SEND_JUDGED)
		err_set(&ctx->err, "scripted failure");
	pthread_mutex_unlock(&far.lock);
	return r;
}

static enum send_result (*test_begin)(void *conn, void *link, struct send_ctx *ctx);
static struct output_ops ops;
static struct plugin plugin = {.kind = PLUGIN_OUTPUT, .name = "scripted", .output = &ops};

/* ---- the bench around it ---- */

struct bench {
	struct clock clock;
	struct settings settings;
	struct plugin_ctx ctx;
	struct test_output self;
	struct sender *s;
	struct outlet *o;
	struct arena arena;
	char dir[64];
	unsigned acks_open, wakes;
	struct waiter waiter;
};

static struct bench *now_under_test;

struct test_ack {
	struct ack ack;
	struct bench *b;
};

static void test_ack_done(struct ack *a)
{
	struct test_ack *t = (struct test_ack *)a;

	__atomic_sub_fetch(&t->b->acks_open, 1, __ATOMIC_RELAXED);
	free(t);
}

static void woken(struct waiter *w)
{
	__atomic_add_fetch(&now_under_test->wakes, 1, __ATOMIC_RELAXED);
}

static void remove_dir(struct bench *b)
{
	char cmd[128];

	snprintf(cmd, sizeof(cmd), "rm -rf '%s'", b->dir);
	CHECK_INT(system(cmd), 0);
}

static void bench_start(struct bench *b, bool threads)
{
	struct err err;
	struct sender_config c = {.plugin = &plugin, .self = &b->self, .ctx = &b->ctx, .no_threads = !threads};

	c.shelf = unsent_shelf_new(str_z(b->dir), STR("test"), &err);
	CHECK(c.shelf);
	b->s = sender_new(&c, &err);
	CHECK(b->s);
	b->o = sender_outlet(b->s);
	b->waiter.wake = woken;
	b->o->waiter = &b->waiter;
}

static void bench_init(struct bench *b, int64_t max, enum when_full when, bool threads)
{
	struct err err;

	*b = (struct bench){.dir = "/tmp/weir-test-XXXXXX"};
	CHECK(mkdtemp(b->dir));
	clock_virtual_init(&b->clock, 1700000000 * second);
	memset(&far.requests, 0, offsetof(struct far, lock) - offsetof(struct far, requests));
	far.judge = NULL;
	far.whole = NULL;
	next_number = 0;
	render_fails = false;
	ops = (struct output_ops){.queue_offset = offsetof(struct test_output, queue), .render = test_render, .begin = test_begin, .send = test_send};
	b->self.queue = (struct queue_options){max, when, 2};
	b->settings.clock = threads ? &clock_system : &b->clock;
	b->settings.dead_letters = dead_letter_file_new(str_z(b->dir), 0, &b->clock, &err);
	CHECK(b->settings.dead_letters);
	b->ctx.settings = &b->settings;
	b->ctx.id = STR("out");
	arena_init(&b->arena, NULL);
	now_under_test = b;
	bench_start(b, threads);
}

static enum outlet_answer put(struct bench *b)
{
	struct test_ack *t = xmalloc(sizeof(*t));
	struct event ev;
	enum outlet_answer r;

	ack_init(&t->ack, test_ack_done);
	t->b = b;
	__atomic_add_fetch(&b->acks_open, 1, __ATOMIC_RELAXED);
	event_init(&ev, &b->arena);
	ev.ack = &t->ack;
	r = b->o->put(b->o, &ev);
	ack_unref(&t->ack);
	arena_clear(&b->arena);
	return r;
}

static void put_n(struct bench *b, unsigned n)
{
	while (n--)
		CHECK_INT(put(b), OUTLET_TAKEN);
}

/* Runs on the virtual clock until nothing is due before `until`. */
static void run_until(struct bench *b, int64_t until)
{
	int64_t due;

	for (;;) {
		while (sender_step(b->s, &due))
			;
		if (due > until)
			break;
		clock_advance(&b->clock, due - b->clock.mono_now_ns);
	}
	if (until != INT64_MAX && until > b->clock.mono_now_ns)
		clock_advance(&b->clock, until - b->clock.mono_now_ns);
}

static struct sender_stats stats(struct bench *b)
{
	struct sender_stats st;

	sender_stats(b->s, &st);
	CHECK(sender_balanced(&st));
	return st;
}

static void bench_end(struct bench *b)
{
	sender_close(b->s);
	sender_drain(b->s, clock_mono(b->settings.clock) + 10 * second);
	stats(b);
	sender_free(&b->s);
	CHECK_INT(b->acks_open, 0);
	dead_letter_file_free(&b->settings.dead_letters);
	arena_release(&b->arena);
	remove_dir(b);
}

static unsigned count_lines_with(struct bench *b, const char *name, const char *needle)
{
	char path[128], line[4096];
	unsigned n = 0;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", b->dir, name);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f))
		n += strstr(line, needle) != NULL;
	if (f)
		fclose(f);
	return n;
}

/* ---- the ordinary way ---- */

static void test_plain(void)
{
	struct bench b;
	int64_t due;

	bench_init(&b, 16 << 20, WHEN_FULL_BLOCK, false);
	put_n(&b, 5000);
	CHECK(sender_step(b.s, &due)); /* two full packs, one open */
	CHECK(sender_step(b.s, &due));
	CHECK(!sender_step(b.s, &due));
	CHECK_INT(far.n_order, 4000);
	b.o->idle(b.o);
	CHECK(sender_step(b.s, &due));
	CHECK_INT(stats(&b).delivered, 5000);
	CHECK_INT(far.requests, 3);
	for (unsigned i = 0; i < 5000; i++)
		if (far.order[i] != i)
			CHECK(!"order");
	CHECK_INT(b.acks_open, 0);
	bench_end(&b);
}

static void test_linger(void)
{
	struct bench b;
	int64_t due, start;

	bench_init(&b, 16 << 20, WHEN_FULL_BLOCK, false);
	b.s->linger_ns = second;
	start = b.clock.mono_now_ns;
	put_n(&b, 1);
	b.o->idle(b.o);
	CHECK(sender_step(b.s, &due)); /* after a long quiet: at once */
	put_n(&b, 1);
	b.o->idle(b.o);
	CHECK(!sender_step(b.s, &due));
	CHECK_INT(due, start + second);
	put_n(&b, 7); /* taken back, filled, parked again */
	b.o->idle(b.o);
	clock_advance(&b.clock, second);
	CHECK(sender_step(b.s, &due));
	CHECK_INT(far.largest, 8);
	CHECK_INT(stats(&b).delivered, 9);
	bench_end(&b);
}

/* The rest of a burst goes soon after its last event; what trickles in afterwards waits as ever. */
static void test_end_of_burst(void)
{
	struct bench b;
	int64_t due, now;

	bench_init(&b, 16 << 20, WHEN_FULL_BLOCK, false);
	b.s->linger_ns = second;
	put_n(&b, 1);
	b.o->idle(b.o);
	CHECK(sender_step(b.s, &due));
	put_n(&b, 2001);
	b.o->idle(b.o);
	CHECK(sender_step(b.s, &due));
	CHECK(!sender_step(b.s, &due));
	now = b.clock.mono_now_ns;
	CHECK(due > now && due <= now + second / 10);
	clock_advance(&b.clock, second / 1000);
	put_n(&b, 1); /* it is not over yet */
	b.o->idle(b.o);
	clock_advance(&b.clock, due - b.clock.mono_now_ns);
	CHECK(!sender_step(b.s, &due));
	CHECK_INT(due - b.clock.mono_now_ns, second / 1000);
	clock_advance(&b.clock, second / 1000);
	CHECK(sender_step(b.s, &due));
	CHECK_INT(stats(&b).delivered, 2003);
	now = b.clock.mono_now_ns;
	put_n(&b, 1);
	b.o->idle(b.o);
	CHECK(!sender_step(b.s, &due));
	CHECK_INT(due, now + second);
	bench_end(&b);
}

/* ---- what fails ---- */

static enum verdict some_fail(unsigned n, unsigned try)
{
	if (n % 10 == 3)
		return VERDICT_DEAD;
	if (n % 10 == 4)
		return VERDICT_DUPLICATE;
	if (n % 10 == 5 && try < 3)
		return VERDICT_RETRY;
	return VERDICT_DELIVERED;
}

static void test_partial(void)
{
	struct bench b;
	struct sender_stats st;

	bench_init(&b, 16 << 20, WHEN_FULL_BLOCK, false);
	far.judge = some_fail;
	put_n(&b, 6000);
	b.o->idle(b.o);
	run_until(&b, b.clock.mono_now_ns + 200 * second);
	st = stats(&b);
	CHECK_INT(st.dead_letter, 600);
	CHECK_INT(st.duplicate, 600);
	CHECK_INT(st.delivered, 4800);
	CHECK_INT(st.in_flight, 0);
	for (unsigned i = 0; i < 6000; i++)
		if (far.seen[i] != (i % 10 == 5 ? 4 : 1))
			CHECK(!"only what failed is sent again");
	/* What waits joins: not every pack tries on its own. */
	CHECK(far.requests <= 3 + 9);
	CHECK_INT(count_lines_with(&b, "dead-letter.ndjson", "\"status\":400"), 600);
	CHECK_INT(count_lines_with(&b, "dead-letter.ndjson", "\"document\":{\"n\":13}}"), 1);
	bench_end(&b);
}

static int64_t far_down_until;
static struct bench *far_bench;
static enum send_result down(const unsigned *n, unsigned count, size_t bytes)
{
	return far_bench->clock.mono_now_ns < far_down_until ? SEND_RETRY : SEND_JUDGED;
}

/* An hour of refusals: everything arrives, once, with few requests. */
static void test_outage(void)
{
	struct bench b;
	struct sender_stats st;
	int64_t start;

	bench_init(&b, 16 << 20, WHEN_FULL_BLOCK, false);
	b.s->linger_ns = second;
	far.whole = down;
	far_bench = &b;
	start = b.clock.mono_now_ns;
	far_down_until = start + 3600 * second;
	for (unsigned i = 0; i < 3700; i++) {
		put_n(&b, 10);
		b.o->idle(b.o);
		run_until(&b, start + (i + 1) * second);
		stats(&b);
	}
	run_until(&b, b.clock.mono_now_ns + 40 * second);
	st = stats(&b);
	CHECK_INT(st.delivered, 37000);
	CHECK_INT(st.in_flight, 0);
	CHECK(st.failed_requests < 400);
	CHECK(st.failed_requests > 100);
	CHECK(!st.failing);
	bench_end(&b);
}

static enum send_result hold(const unsigned *n, unsigned count, size_t bytes)
{
	return far_bench->clock.mono_now_ns < far_down_until ? SEND_HOLD : SEND_JUDGED;
}

static void test_hold(void)
{
	struct bench b;

	bench_init(&b, 16 << 20, WHEN_FULL_BLOCK, false);
	far.whole = hold;
	far_bench = &b;
	far_down_until = b.clock.mono_now_ns + 100 * second;
	put_n(&b, 5000);
	b.o->idle(b.o);
	run_until(&b, far_down_until - 1);
	CHECK_INT(far.requests, 4); /* at 0, 30, 60, 90 s */
	run_until(&b, far_down_until + 30 * second);
	CHECK_INT(stats(&b).delivered, 5000);
	bench_end(&b);
}

static enum send_result small_only(const unsigned *n, unsigned count, size_t bytes)
{
	return bytes > 1000 ? SEND_TOO_BIG : SEND_JUDGED;
}

static void test_too_big(void)
{
	struct bench b;
	struct sender_stats st;

	bench_init(&b, 16 << 20, WHEN_FULL_BLOCK, false);
	far.whole = small_only;
	put_n(&b, 4000);
	run_until(&b, b.clock.mono_now_ns);
	st = stats(&b);
	CHECK_INT(st.delivered, 4000);
	CHECK(st.failed_requests <= 2 * 11);
	/* After some time it is asked again, and when it takes more the limit goes. */
	far.whole = NULL;
	for (int i = 0; i < 20; i++) {
		clock_advance(&b.clock, 601 * second);
		far.largest = 0;
		put_n(&b, 2000);
		run_until(&b, b.clock.mono_now_ns);
	}
	CHECK_INT(far.largest, 2000);
	bench_end(&b);
}

static enum send_result nothing_fits(const unsigned *n, unsigned count, size_t bytes)
{
	return SEND_TOO_BIG;
}

static void test_single_too_big(void)
{
	struct bench b;

	bench_init(&b, 16 << 20, WHEN_FULL_BLOCK, false);
	far.whole = nothing_fits;
	put_n(&b, 3);
	b.o->idle(b.o);
	run_until(&b, b.clock.mono_now_ns);
	CHECK_INT(stats(&b).dead_letter, 3);
	CHECK_INT(count_lines_with(&b, "dead-letter.ndjson", "\"status\":413"), 3);
	bench_end(&b);
}

static enum send_result poison_7(const unsigned *n, unsigned count, size_t bytes)
{
	for (unsigned i = 0; i < count; i++)
		if (n[i] == 7 || n[i] == 1999 || n[i] == 1000)
			return SEND_REFUSED;
	return SEND_JUDGED;
}

static void test_bisect(void)
{
	struct bench b;
	struct sender_stats st;

	bench_init(&b, 16 << 20, WHEN_FULL_BLOCK, false);
	far.whole = poison_7;
	put_n(&b, 2000);
	run_until(&b, b.clock.mono_now_ns);
	st = stats(&b);
	CHECK_INT(st.delivered, 1997);
	CHECK_INT(st.dead_letter, 3);
	CHECK(st.requests < 120);
	for (unsigned i = 0; i < 2000; i++)
		if (far.seen[i] != (i != 7 && i != 1000 && i != 1999))
			CHECK(!"each once");
	bench_end(&b);
}

static bool refuse_all;
static enum send_result refuse(const unsigned *n, unsigned count, size_t bytes)
{
	return refuse_all ? SEND_REFUSED : poison_7(n, count, bytes);
}

/* Where everything is refused it is the server: nothing dies, and the server is not hammered. */
static void test_all_refused(void)
{
	struct bench b;
	struct sender_stats st;
	int64_t start;

	bench_init(&b, 16 << 20, WHEN_FULL_BLOCK, false);
	far.whole = refuse;
	refuse_all = true;
	start = b.clock.mono_now_ns;
	put_n(&b, 10000);
	run_until(&b, start + 300 * second);
	st = stats(&b);
	CHECK_INT(st.dead_letter, 0);
	CHECK_INT(st.in_flight, 10000);
	CHECK(far.requests <= 2 * 300);
	refuse_all = false;
	run_until(&b, start + 400 * second);
	st = stats(&b);
	CHECK_INT(st.delivered, 9997);
	CHECK_INT(st.dead_letter, 3);
	bench_end(&b);
}

/* A single poisoned event alone in its request waits until another was accepted, and then dies. */
static void test_lone_poison(void)
{
	struct bench b;
	int64_t due;

	bench_init(&b, 16 << 20, WHEN_FULL_BLOCK, false);
	far.whole = poison_7;
	next_number = 7;
	put_n(&b, 1);
	b.o->idle(b.o);
	CHECK(sender_step(b.s, &due));
	CHECK_INT(stats(&b).dead_letter, 0);
	run_until(&b, b.clock.mono_now_ns + 100 * second);
	CHECK_INT(stats(&b).dead_letter, 0);
	next_number = 20;
	put_n(&b, 1);
	b.o->idle(b.o);
	run_until(&b, b.clock.mono_now_ns + 70 * second);
	CHECK_INT(stats(&b).delivered, 1);
	CHECK_INT(stats(&b).dead_letter, 1);
	bench_end(&b);
}

/* ---- bounds ---- */

static void test_block(void)
{
	struct bench b;
	struct sender_stats st;
	unsigned n = 0;

	bench_init(&b, 1 << 20, WHEN_FULL_BLOCK, false);
	far.whole = down;
	far_bench = &b;
	far_down_until = INT64_MAX;
	while (put(&b) == OUTLET_TAKEN)
		n++;
	st = stats(&b);
	CHECK_INT(st.in_flight, n);
	CHECK(st.bytes >= 1 << 20 && st.bytes < (1 << 20) + 100);
	CHECK_INT(put(&b), OUTLET_FULL);
	CHECK_INT(b.acks_open, n);
	run_until(&b, b.clock.mono_now_ns + 100 * second);
	CHECK_INT(b.wakes, 0);
	far_down_until = 0;
	run_until(&b, b.clock.mono_now_ns + 40 * second);
	CHECK_INT(b.wakes, 1);
	CHECK_INT(put(&b), OUTLET_TAKEN);
	CHECK_INT(stats(&b).delivered, n);
	bench_end(&b);
}

static void test_drop(enum when_full when)
{
	struct bench b;
	struct sender_stats st;
	unsigned first = 0;

	bench_init(&b, 1 << 20, when, false);
	far.whole = down;
	far_bench = &b;
	far_down_until = INT64_MAX;
	put_n(&b, 60000);
	st = stats(&b);
	CHECK(st.dropped[DROP_QUEUE_FULL] > 20000);
	CHECK(st.bytes <= (1 << 20) + 100);
	far_down_until = 0;
	b.o->idle(b.o);
	run_until(&b, b.clock.mono_now_ns + 40 * second);
	st = stats(&b);
	CHECK_INT(st.in_flight, 0);
	CHECK_INT(st.delivered + st.dropped[DROP_QUEUE_FULL], 60000);
	for (unsigned i = 0; i < far.n_order; i++)
		first = i == 0 || far.order[i] < first ? far.order[i] : first;
	if (when == WHEN_FULL_DROP_OLDEST)
		CHECK_INT(first, st.dropped[DROP_QUEUE_FULL]);
	else
		CHECK_INT(first, 0);
	CHECK_INT(b.acks_open, 0);
	bench_end(&b);
}

static void test_render_fails(void)
{
	struct bench b;

	bench_init(&b, 1 << 20, WHEN_FULL_BLOCK, false);
	put_n(&b, 1);
	render_fails = true;
	put_n(&b, 2);
	render_fails = false;
	put_n(&b, 1);
	b.o->idle(b.o);
	run_until(&b, b.clock.mono_now_ns);
	CHECK_INT(stats(&b).delivered, 2);
	CHECK_INT(stats(&b).dead_letter, 2);
	bench_end(&b);
}

/* ---- the end, and the next start ---- */

static void corrupt(struct bench *b)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/unsent/test.ndjson", b->dir);
	fd = open(path, O_WRONLY);
	CHECK(fd != -1 && pwrite(fd, "#", 1, 40) == 1);
	close(fd);
}

static void test_unsent(bool damaged)
{
	struct bench b;
	struct sender_stats st;

	bench_init(&b, 16 << 20, WHEN_FULL_BLOCK, false);
	far.whole = down;
	far_bench = &b;
	far_down_until = INT64_MAX;
	put_n(&b, 5000);
	run_until(&b, b.clock.mono_now_ns + 60 * second);
	sender_close(b.s);
	CHECK_INT(sender_drain(b.s, b.clock.mono_now_ns + 10 * second), 5000);
	st = stats(&b);
	CHECK_INT(st.unsent, 5000);
	sender_free(&b.s);
	CHECK_INT(b.acks_open, 0);
	if (damaged)
		corrupt(&b);

	far_down_until = 0;
	bench_start(&b, false);
	put_n(&b, 10);
	b.o->idle(b.o);
	CHECK_INT(count_lines_with(&b, "unsent/test.ndjson", "weir-unsent"), 1);
	run_until(&b, b.clock.mono_now_ns + 40 * second);
	st = stats(&b);
	CHECK_INT(st.reloaded, 5000 - damaged);
	CHECK_INT(st.delivered, 5010 - damaged);
	CHECK_INT(far.order[0], damaged ? 1 : 0);
	CHECK_INT(far.order[5009 - damaged], 5009);
	CHECK_INT(count_lines_with(&b, "unsent/test.ndjson", "weir-unsent"), 0);
	CHECK_INT(count_lines_with(&b, "unsent/test.bad", "weir-unsent"), damaged);
	bench_end(&b);
}

/* The folder is gone: what cannot be stored is counted as dropped. */
static void test_unsent_refused(void)
{
	struct bench b;
	struct sender_stats st;

	bench_init(&b, 16 << 20, WHEN_FULL_BLOCK, false);
	far.whole = down;
	far_bench = &b;
	far_down_until = INT64_MAX;
	put_n(&b, 10);
	remove_dir(&b);
	sender_close(b.s);
	CHECK_INT(sender_drain(b.s, b.clock.mono_now_ns + 10 * second), 10);
	st = stats(&b);
	CHECK_INT(st.dropped[DROP_NO_DISK], 10);
	sender_free(&b.s);
	CHECK_INT(b.acks_open, 0);
	dead_letter_file_free(&b.settings.dead_letters);
	arena_release(&b.arena);
}

static void test_inherit(void)
{
	struct bench b;
	struct sender *old;
	struct err err;
	struct sender_config c;

	bench_init(&b, 16 << 20, WHEN_FULL_BLOCK, false);
	far.whole = down;
	far_bench = &b;
	far_down_until = INT64_MAX;
	put_n(&b, 3000);
	run_until(&b, b.clock.mono_now_ns + 20 * second);
	old = b.s;
	c = (struct sender_config){.plugin = &plugin, .self = &b.self, .ctx = &b.ctx, .no_threads = true};
	sender_close(old);
	b.s = sender_new(&c, &err);
	b.o = sender_outlet(b.s);
	sender_inherit(b.s, old);
	CHECK(b.s->shelf && !old->shelf);
	sender_free(&old);
	far_down_until = 0;
	put_n(&b, 1);
	b.o->idle(b.o);
	run_until(&b, b.clock.mono_now_ns + 40 * second);
	CHECK_INT(stats(&b).delivered, 3001);
	bench_end(&b);
}

/* ---- what is prepared before the first event ---- */

static int64_t begun_at[8];
static unsigned begins;
static struct clock *begin_clock;

static enum send_result scripted_begin(void *conn, void *link, struct send_ctx *ctx)
{
	static const enum send_result script[] = {SEND_RETRY, SEND_RETRY, SEND_HOLD, SEND_JUDGED};

	err_set(&ctx->err, "scripted");
	if (begins == 0)
		begin_clock = (struct clock *)ctx->clock;
	begun_at[begins] = begin_clock->mono_now_ns;
	return script[begins++];
}

static void test_prepared(void)
{
	struct bench b;
	int64_t due;

	/* Without any event, again after the backoff, 30 s where somebody must repair something, and never after it is done. */
	begins = 0;
	test_begin = scripted_begin;
	bench_init(&b, 16 << 20, WHEN_FULL_BLOCK, false);
	run_until(&b, b.clock.mono_now_ns + 600 * second);
	CHECK_INT(begins, 4);
	CHECK(begun_at[1] - begun_at[0] < second && begun_at[2] - begun_at[1] < 2 * second);
	CHECK_INT(begun_at[3] - begun_at[2], 30 * second);
	/* Events do not wait for it: send() makes sure by itself. */
	put_n(&b, 3);
	b.o->idle(b.o);
	run_until(&b, b.clock.mono_now_ns + 5 * second);
	CHECK_INT(stats(&b).delivered, 3);
	CHECK_INT(begins, 4);
	bench_end(&b);

	begins = 0;
	bench_init(&b, 16 << 20, WHEN_FULL_BLOCK, false);
	put_n(&b, 3);
	b.o->idle(b.o);
	CHECK(sender_step(b.s, &due));
	CHECK_INT(begins, 0);
	CHECK_INT(stats(&b).delivered, 3);
	/* The end does not wait for it either. */
	sender_close(b.s);
	CHECK(!sender_step(b.s, &due));
	CHECK_INT(begins, 0);
	bench_end(&b);
	test_begin = NULL;
}

static _Atomic unsigned threaded_begins;

static enum send_result threaded_begin(void *conn, void *link, struct send_ctx *ctx)
{
	return atomic_fetch_add(&threaded_begins, 1) == 0 ? SEND_RETRY : SEND_JUDGED;
}

/* ---- threads ---- */

/* A thread begins with it although there is no event. */
static void test_prepared_by_thread(void)
{
	struct bench b;

	test_begin = threaded_begin;
	bench_init(&b, 16 << 20, WHEN_FULL_BLOCK, true);
	while (atomic_load(&threaded_begins) < 2)
		sched_yield();
	bench_end(&b);
	test_begin = NULL;
	CHECK_INT(atomic_load(&threaded_begins), 2);
}

static enum verdict flaky(unsigned n, unsigned try)
{
	return n % 100 == 3 ? VERDICT_DEAD : n % 7 == 0 && try == 0 ? VERDICT_RETRY : VERDICT_DELIVERED;
}

static void test_threads(void)
{
	struct bench b;
	struct sender_stats st;

	bench_init(&b, 512 * 1024, WHEN_FULL_BLOCK, true);
	b.s->linger_ns = second / 100;
	far.judge = flaky;
	for (unsigned i = 0; i < 30000; i++) {
		while (put(&b) == OUTLET_FULL)
			sched_yield();
		if (i % 256 == 0)
			b.o->idle(b.o);
	}
	sender_close(b.s);
	CHECK_INT(sender_drain(b.s, clock_mono(&clock_system) + 60 * second), 0);
	st = stats(&b);
	CHECK_INT(st.dead_letter, 300);
	CHECK_INT(st.delivered, 29700);
	sender_free(&b.s);
	CHECK_INT(b.acks_open, 0);
	dead_letter_file_free(&b.settings.dead_letters);
	arena_release(&b.arena);
	remove_dir(&b);
}

static void test_dead_letter_bound(void)
{
	struct bench b;
	struct err err;
	struct dead_letter_stats st;
	struct letter l = {.reason = STR("why\n"), .status = 400, .document = STR("raw \"bytes\"\001")};
	struct dead_letters *d;

	b = (struct bench){.dir = "/tmp/weir-test-XXXXXX"};
	CHECK(mkdtemp(b.dir));
	d = dead_letter_file_new(str_z(b.dir), 8192, &clock_system, &err);
	for (int i = 0; i < 1000; i++)
		CHECK(d->put(d, &l));
	dead_letter_file_stats(d, &st);
	CHECK_INT(st.written, 1000);
	CHECK(st.forgotten > 800 && st.forgotten < 1000);
	CHECK(st.bytes <= 8192);
	CHECK(count_lines_with(&b, "dead-letter.ndjson", "\"document\":\"raw \\\"bytes\\\"\\u0001\"}") > 0);
	dead_letter_file_free(&d);
	d = dead_letter_file_new(str_z(b.dir), 8192, &clock_system, &err);
	dead_letter_file_stats(d, &st);
	CHECK(st.bytes > 2048);
	dead_letter_file_free(&d);
	remove_dir(&b);
}

/* Names of files: what pipeline main has stays as it was, and two pipelines never share one. */
static void test_key(void)
{
	struct arena a;
	struct str none = {0}, dot, line, upper, inner, outer;

	arena_init(&a, NULL);
	CHECK_STR(sender_key(&a, STR("main"), STR("file"), none, 2), "main-file-2");
	CHECK_STR(sender_key(&a, STR("main"), STR("file"), STR("A b"), 2), "main-file-a_b");
	dot = sender_key(&a, STR("a.b"), STR("file"), none, 1);
	line = sender_key(&a, STR("a_b"), STR("file"), none, 1);
	upper = sender_key(&a, STR("A_b"), STR("file"), none, 1);
	CHECK_STR(dot, "a_b-file-1-1eef715d");
	CHECK(!str_eq(dot, line) && !str_eq(line, upper) && !str_eq(dot, upper));
	inner = sender_key(&a, STR("a"), STR("file"), STR("file-1"), 1);
	outer = sender_key(&a, STR("a-file"), STR("file"), none, 1);
	CHECK(str_starts(inner, STR("a-file-file-1-")) && str_starts(outer, STR("a-file-file-1-")) && !str_eq(inner, outer));
	arena_release(&a);
}

int main(void)
{
	hash_init(NULL);
	test_key();
	test_plain();
	test_linger();
	test_end_of_burst();
	test_partial();
	test_outage();
	test_hold();
	test_too_big();
	test_single_too_big();
	test_bisect();
	test_all_refused();
	test_lone_poison();
	test_block();
	test_drop(WHEN_FULL_DROP_NEWEST);
	test_drop(WHEN_FULL_DROP_OLDEST);
	test_render_fails();
	test_unsent(false);
	test_unsent(true);
	test_unsent_refused();
	test_inherit();
	test_prepared();
	test_prepared_by_thread();
	test_threads();
	test_dead_letter_bound();
	return test_end();
}
