/*
 * The executor with plug-ins made for it: order over a waiting step, parking at a full outlet, children, conservation.
 */
#include "test.h"

#include "pipeline/exec.h"

/* ---- a codec: a frame is an event with a number ---- */

struct one_state {
	int64_t n;
	bool have;
};

static void one_feed(void *self, void *state, struct str frame, const struct decode_ctx *ctx)
{
	struct one_state *s = state;

	s->have = str_i64(frame, &s->n);
}

static int one_next(void *self, void *state, struct event *ev, const struct decode_ctx *ctx)
{
	struct one_state *s = state;

	if (!s->have)
		return 0;
	s->have = false;
	event_stamp(ev, ts_from_ns(ctx->now_ns));
	event_set_top(ev, key_make(STR("n")), v_int(s->n));
	return 1;
}

static const struct plugin codec_one = {
	.kind = PLUGIN_CODEC, .name = "one", .codec = {.state_size = sizeof(struct one_state), .feed = one_feed, .next = one_next}};

/* A codec that holds: numbers are added up; a multiple of four completes the sum, and so do five seconds without one. */
struct sum_state {
	int64_t sum, last_ns;
	unsigned n, took;
	bool complete;
};

static void sum_feed(void *self, void *state, struct str frame, const struct decode_ctx *ctx)
{
	struct sum_state *s = state;
	int64_t n;

	CHECK(str_i64(frame, &n));
	s->sum += n;
	s->n++;
	s->last_ns = clock_mono(ctx->clock);
	s->complete = n % 4 == 0;
}

static int sum_next(void *self, void *state, struct event *ev, const struct decode_ctx *ctx)
{
	struct sum_state *s = state;

	s->took = 0;
	if (!s->complete)
		return 0;
	event_stamp(ev, ts_from_ns(ctx->now_ns));
	event_set_top(ev, key_make(STR("n")), v_int(s->sum));
	*s = (struct sum_state){.took = s->n};
	return 1;
}

static void sum_flush(void *self, void *state, const struct decode_ctx *ctx)
{
	((struct sum_state *)state)->complete = true;
}

static unsigned sum_took(const void *state)
{
	return ((const struct sum_state *)state)->took;
}

static int64_t sum_due(const void *self, const void *state)
{
	const struct sum_state *s = state;

	return s->n ? s->last_ns + 5000000000 : 0;
}

static const struct plugin codec_sum = {
	.kind = PLUGIN_CODEC, .name = "sum",
	.codec = {.state_size = sizeof(struct sum_state), .feed = sum_feed, .next = sum_next, .flush = sum_flush, .took = sum_took, .due = sum_due}};

/* ---- filters ---- */

/* Stateful: notes the order in which it sees events. */
struct order {
	int64_t seen[1024];
	unsigned n;
};

static int64_t number(const struct event *ev)
{
	const struct value *v = event_top(ev, STR("n"));

	return v ? v->i : -1;
}

static enum step order_run(void *self, struct event *ev, struct step_ctx *ctx)
{
	struct order *o = self;

	o->seen[o->n++] = number(ev);
	return STEP_OK;
}

static const struct plugin filter_order = {.kind = PLUGIN_FILTER, .name = "order", .filter = {.run = order_run}};

/* Waits: even numbers have a question, odd ones not. The test answers when it likes. */
struct asker {
	struct wait *open[16];
	unsigned n, released;
};

static enum step asker_ask(void *self, struct event *ev, struct wait *w, unsigned *slot, struct step_ctx *ctx)
{
	*slot = (unsigned)number(ev);
	return number(ev) % 2 == 0 ? STEP_WAIT : STEP_PASS;
}

static void asker_start(void *self, struct wait *w)
{
	struct asker *a = self;

	a->open[a->n++] = w;
}

static enum step asker_finish(void *self, struct event *ev, struct wait *w, unsigned slot, struct step_ctx *ctx)
{
	CHECK_INT(slot, number(ev));
	if (slot == 4)
		return STEP_DROP;
	event_tag(ev, STR("answered"));
	return STEP_OK;
}

static void asker_release(void *self, struct wait *w)
{
	((struct asker *)self)->released++;
}

static const struct plugin filter_asker = {
	.kind = PLUGIN_FILTER, .name = "asker",
	.filter = {.ask = asker_ask, .start = asker_start, .finish = asker_finish, .wait_release = asker_release}};

/* Number n becomes n children n*100+1 .. n*100+n; with fork the event itself goes first. */
struct more {
	bool fork;
};

static enum step more_run(void *self, struct event *ev, struct step_ctx *ctx)
{
	int64_t *left = arena_zalloc(ctx->arena, sizeof(*left));

	ctx->gen = left;
	return ((struct more *)self)->fork ? STEP_FORK : STEP_MORE;
}

static int more_next(void *self, void *gen, const struct event *parent, struct event *child, struct step_ctx *ctx)
{
	int64_t *made = gen;

	if (*made == number(parent))
		return 0;
	event_stamp(child, (struct ts){0});
	event_set_top(child, key_make(STR("n")), v_int(number(parent) * 100 + ++*made));
	return 1;
}

static const struct plugin filter_more = {
	.kind = PLUGIN_FILTER, .name = "more", .filter = {.run = more_run, .next = more_next}};

/* Waits, and the answer makes n children of number n: 1 goes on itself without success, 2 with, 3 ends. */
static enum step maker_ask(void *self, struct event *ev, struct wait *w, unsigned *slot, struct step_ctx *ctx)
{
	return STEP_WAIT;
}

static enum step maker_finish(void *self, struct event *ev, struct wait *w, unsigned slot, struct step_ctx *ctx)
{
	static const enum step answers[] = {STEP_OK, STEP_FORK, STEP_OK_FORK, STEP_MORE};

	ctx->gen = arena_zalloc(ctx->arena, sizeof(int64_t));
	return answers[number(ev)];
}

/* Every second child takes no common options. */
static int maker_next(void *self, void *gen, const struct event *parent, struct event *child, struct step_ctx *ctx)
{
	return more_next(self, gen, parent, child, ctx) ? number(child) % 2 ? 1 : 2 : 0;
}

static const struct plugin filter_maker = {
	.kind = PLUGIN_FILTER, .name = "maker",
	.filter = {.ask = maker_ask, .start = asker_start, .finish = maker_finish, .next = maker_next, .wait_release = asker_release}};

/* Notes who has the tag "ok". */
static enum step tagged_run(void *self, struct event *ev, struct step_ctx *ctx)
{
	struct order *o = self;

	if (event_has_tag(ev, STR("ok")))
		o->seen[o->n++] = number(ev);
	return STEP_OK;
}

static const struct plugin filter_tagged = {.kind = PLUGIN_FILTER, .name = "tagged", .filter = {.run = tagged_run}};

/* Makes an event for each that it counted since, and at the end one with number 0. */
struct ticker {
	int64_t base, counted;
	unsigned flushes, finals;
};

struct ticked {
	int64_t left;
	bool final;
};

static enum step ticker_run(void *self, struct event *ev, struct step_ctx *ctx)
{
	((struct ticker *)self)->counted++;
	return STEP_PASS;
}

static bool ticker_flush(void *self, struct step_ctx *ctx)
{
	struct ticker *t = self;
	struct ticked *made = arena_zalloc(ctx->arena, sizeof(*made));

	t->flushes++;
	t->finals += ctx->final;
	*made = (struct ticked){t->counted, ctx->final};
	ctx->gen = made;
	t->counted = 0;
	return made->left || made->final;
}

static int ticker_next(void *self, void *gen, const struct event *parent, struct event *child, struct step_ctx *ctx)
{
	struct ticker *t = self;
	struct ticked *made = gen;

	CHECK_INT(parent->root.n, 0);
	if (!made->left && !made->final)
		return 0;
	event_stamp(child, (struct ts){0});
	event_set_top(child, key_make(STR("n")), v_int(made->left ? t->base + made->left : 0));
	if (made->left)
		made->left--;
	else
		made->final = false;
	return 1;
}

static const struct plugin filter_ticker = {
	.kind = PLUGIN_FILTER, .name = "ticker", .filter = {.run = ticker_run, .flush = ticker_flush, .next = ticker_next}};

/* The same as a waiting step: the test answers its flush, too. */
struct waiting_ticker {
	struct asker asker; /* first */
	unsigned flush_asks;
	bool nothing;
};

static bool waiting_flush_ask(void *self, struct wait *w, bool final)
{
	struct waiting_ticker *t = self;

	t->flush_asks++;
	w->data = t;
	return !t->nothing;
}

static bool waiting_flush(void *self, struct step_ctx *ctx)
{
	CHECK(ctx->wait && ctx->wait->data == self);
	ctx->gen = arena_zalloc(ctx->arena, sizeof(struct ticked));
	((struct ticked *)ctx->gen)->left = 2;
	return true;
}

static int waiting_next(void *self, void *gen, const struct event *parent, struct event *child, struct step_ctx *ctx)
{
	struct ticked *made = gen;

	if (!made->left)
		return 0;
	event_stamp(child, (struct ts){0});
	event_set_top(child, key_make(STR("n")), v_int(900 + made->left--));
	return 1;
}

static const struct plugin filter_waiting_ticker = {
	.kind = PLUGIN_FILTER, .name = "waiting",
	.filter = {.ask = asker_ask, .start = asker_start, .finish = asker_finish, .wait_release = asker_release, .flush = waiting_flush,
		   .flush_ask = waiting_flush_ask, .next = waiting_next}};

/* ---- an outlet with room for so many ---- */

struct sink {
	struct outlet outlet;
	int64_t seen[1024];
	unsigned n, room;
	struct ack *held[1024];
};

static enum outlet_answer sink_put(struct outlet *o, const struct event *ev)
{
	struct sink *s = (struct sink *)o;

	if (s->n == s->room)
		return OUTLET_FULL;
	s->held[s->n] = ev->ack;
	ack_ref(ev->ack);
	s->seen[s->n++] = number(ev);
	return OUTLET_TAKEN;
}

/* ---- a plan by hand ---- */

enum { STEPS = 8 };

struct bed {
	struct plan plan;
	struct plan_step step[STEPS];
	uint32_t wait[STEPS];
	struct plan_plugin pp[STEPS], input, *instance;
	struct codec codec;
	struct source source;
	struct sink sink;
	struct exec *exec;
	unsigned acked;
};

static struct bed *bed_of_ack;

struct test_ack {
	struct ack ack;
};

static void acked(struct ack *a)
{
	bed_of_ack->acked++;
	free(a);
}

static void bed_step(struct bed *b, const struct plugin *p, void *self)
{
	uint32_t at = b->plan.nsteps++;

	b->pp[at] = (struct plan_plugin){.plugin = p, .self = self};
	b->step[at] = (struct plan_step){.op = OP_FILTER, .plugin = &b->pp[at]};
	if (p->filter.ask)
		b->wait[b->plan.nwait++] = at;
}

static void free_source(struct source *s)
{
	if (s->free_decoder)
		s->free_decoder(s);
}

static void bed_ready_at(struct bed *b, unsigned room, const struct clock *clock)
{
	uint32_t at = b->plan.nsteps;
	static const struct plugin input = {.name = "test"}, output = {.name = "sink"};

	b->plan.settings.clock = clock;
	b->plan.step = b->step;
	b->plan.wait = b->wait;
	b->sink.outlet.put = sink_put;
	b->sink.room = room;
	b->pp[at] = (struct plan_plugin){.plugin = &output, .outlet = &b->sink.outlet};
	b->step[at] = (struct plan_step){.op = OP_OUTPUT, .plugin = &b->pp[at]};
	b->step[at + 1] = (struct plan_step){.op = OP_END};
	b->plan.nsteps = at + 2;
	b->codec = (struct codec){.plugin = &codec_one};
	b->input = (struct plan_plugin){.plugin = &input, .codec = &b->codec};
	b->instance = &b->input;
	b->source = (struct source){.refs = 1, .instance = &b->instance, .free = free_source};
	b->exec = exec_new(&b->plan, NULL);
	bed_of_ack = b;
}

static void bed_ready(struct bed *b, unsigned room)
{
	bed_ready_at(b, room, &clock_system);
}

static void bed_feed(struct bed *b, int64_t from, int64_t to)
{
	struct batch *batch = batch_new(NULL);
	struct test_ack *ack = malloc(sizeof(*ack));

	ack_init(&ack->ack, acked);
	batch->nspans = 1;
	batch->span[0] = (struct span){.source = &b->source, .ack = &ack->ack};
	source_ref(&b->source);
	for (int64_t i = from; i <= to; i++) {
		struct str text = arena_printf(&batch->arena, "%" PRId64, i);

		batch->frame[batch->nframes++] = (struct frame){.p = text.p, .len = (uint32_t)text.len};
	}
	batch->span[0].n = batch->nframes;
	exec_feed(b->exec, batch);
}

/* n times the same number. */
static void bed_feed_same(struct bed *b, int64_t number_, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		bed_feed(b, number_, number_);
}

static void bed_end(struct bed *b)
{
	const struct exec_counters *c = exec_counters(b->exec);

	CHECK_INT(c->lines + c->created_decode + c->created_filter,
		  c->merged + c->ended_drop + c->ended_decode + c->ended_condition + c->ended_lost + c->ended_replaced + c->unrouted +
			  c->routed);
	exec_free(b->exec);
	source_unref(&b->source);
	for (unsigned i = 0; i < b->sink.n; i++)
		ack_unref(b->sink.held[i]);
}

/* ---- tests ---- */

static void check_rising(const int64_t *v, unsigned n, int64_t from)
{
	for (unsigned i = 0; i < n; i++)
		if (v[i] != from + (int64_t)i) {
			CHECK_INT(v[i], from + (int64_t)i);
			return;
		}
	CHECK(true);
}

static void test_parking(void)
{
	static struct bed b;
	static struct order o;

	bed_step(&b, &filter_order, &o);
	bed_ready(&b, 3);
	bed_feed(&b, 1, 10);
	CHECK_INT(exec_pump(b.exec), EXEC_PARKED);
	CHECK_INT(b.sink.n, 3);
	CHECK_INT(o.n, 4); /* the fourth stands at the outlet; the fifth was not touched */
	CHECK_INT(exec_pump(b.exec), EXEC_PARKED);
	CHECK_INT(o.n, 4);
	b.sink.room = 100;
	CHECK_INT(exec_pump(b.exec), EXEC_IDLE);
	check_rising(b.sink.seen, b.sink.n, 1);
	CHECK_INT(b.sink.n, 10);
	CHECK_INT(b.acked, 0); /* the sink still holds them */
	bed_end(&b);
	CHECK_INT(b.acked, 1);
}

static void answer(struct asker *a, unsigned i)
{
	a->open[i]->done(a->open[i]);
}

static void test_order_over_waiting(void)
{
	static struct bed b;
	static struct order first, second, third;
	static struct asker a;

	bed_step(&b, &filter_order, &first);
	bed_step(&b, &filter_asker, &a);
	bed_step(&b, &filter_order, &second);
	bed_step(&b, &filter_order, &third);
	bed_ready(&b, 1000);
	bed_feed(&b, 1, 9);
	CHECK_INT(exec_pump(b.exec), EXEC_WAITING);
	bed_feed(&b, 10, 19);
	CHECK_INT(exec_pump(b.exec), EXEC_WAITING);
	/* The step before has seen everything, those behind nothing. */
	CHECK_INT(first.n, 19);
	CHECK_INT(second.n, 0);
	CHECK_INT(a.n, 2);
	/* The younger answer comes first: it must not overtake. */
	answer(&a, 1);
	CHECK_INT(exec_pump(b.exec), EXEC_WAITING);
	CHECK_INT(second.n, 0);
	answer(&a, 0);
	CHECK_INT(exec_pump(b.exec), EXEC_IDLE);
	check_rising(first.seen, first.n, 1);
	CHECK_INT(second.n, 18); /* number 4 was dropped by the answer */
	CHECK_INT(third.n, 18);
	CHECK_INT(memcmp(second.seen, third.seen, sizeof(second.seen)), 0);
	CHECK_INT(memcmp(second.seen, b.sink.seen, 18 * sizeof(int64_t)), 0);
	check_rising(second.seen + 3, 15, 5);
	CHECK_INT(a.released, 2);
	bed_end(&b);
	CHECK_INT(b.acked, 2);
}

/* More waits than may be under way: decoding stops, nothing is lost, order holds. */
static void test_crowded(void)
{
	static struct bed b;
	static struct order last;
	static struct asker a;

	bed_step(&b, &filter_asker, &a);
	bed_step(&b, &filter_order, &last);
	bed_ready(&b, 1000);
	for (int i = 0; i < 12; i++) {
		bed_feed(&b, i * 10 + 10, i * 10 + 19);
		CHECK_INT(exec_pump(b.exec), EXEC_WAITING);
	}
	CHECK_INT(a.n, EXEC_UNITS);
	CHECK(exec_backlog(b.exec) >= 12 - EXEC_UNITS - 1);
	/* What piled up meanwhile shares units. */
	for (unsigned i = 0; i < a.n; i++) {
		answer(&a, i);
		exec_pump(b.exec);
	}
	CHECK_INT(exec_pump(b.exec), EXEC_IDLE);
	CHECK_INT(last.n, 120);
	check_rising(last.seen, last.n, 10);
	bed_end(&b);
}

static void test_two_waits(void)
{
	static struct bed b;
	static struct order mid, last;
	static struct asker a, a2;

	bed_step(&b, &filter_asker, &a);
	bed_step(&b, &filter_order, &mid);
	bed_step(&b, &filter_asker, &a2);
	bed_step(&b, &filter_order, &last);
	bed_ready(&b, 1000);
	bed_feed(&b, 10, 19);
	exec_pump(b.exec);
	bed_feed(&b, 20, 29);
	exec_pump(b.exec);
	answer(&a, 0);
	exec_pump(b.exec);
	CHECK_INT(mid.n, 10);
	answer(&a, 1);
	exec_pump(b.exec);
	CHECK_INT(mid.n, 20);
	CHECK_INT(a2.n, 2);
	answer(&a2, 1);
	exec_pump(b.exec);
	CHECK_INT(last.n, 0);
	answer(&a2, 0);
	CHECK_INT(exec_pump(b.exec), EXEC_IDLE);
	CHECK_INT(last.n, 20);
	check_rising(last.seen, last.n, 10);
	bed_end(&b);
}

static void test_children(void)
{
	static struct bed b;
	static struct more more = {false};
	static struct order after;

	bed_step(&b, &filter_more, &more);
	bed_step(&b, &filter_order, &after);
	bed_ready(&b, 2);
	bed_feed(&b, 0, 3);
	CHECK_INT(exec_pump(b.exec), EXEC_PARKED);
	/* A child is in the outlet before the next is made. */
	CHECK_INT(after.n, 3);
	b.sink.room = 100;
	CHECK_INT(exec_pump(b.exec), EXEC_IDLE);
	CHECK_INT(b.sink.n, 6);
	CHECK_INT(b.sink.seen[0], 101);
	CHECK_INT(b.sink.seen[5], 303);
	bed_end(&b);
	CHECK_INT(b.acked, 1);
}

static void test_fork_before_wait(void)
{
	static struct bed b;
	static struct more more = {true};
	static struct asker a;

	bed_step(&b, &filter_more, &more);
	bed_step(&b, &filter_asker, &a);
	bed_ready(&b, 1000);
	bed_feed(&b, 2, 3);
	CHECK_INT(exec_pump(b.exec), EXEC_WAITING);
	answer(&a, 0);
	CHECK_INT(exec_pump(b.exec), EXEC_IDLE);
	CHECK_INT(b.sink.n, 7);
	CHECK_INT(b.sink.seen[0], 2);
	CHECK_INT(b.sink.seen[1], 201);
	CHECK_INT(b.sink.seen[3], 3);
	CHECK_INT(b.sink.seen[6], 303);
	bed_end(&b);
}

/* Children of a waiting step follow their event; who gets the common options is the step's to say. */
static void test_children_after_wait(void)
{
	static const int64_t all[] = {0, 1, 101, 2, 201, 202, 301, 302, 303}, with[] = {0, 101, 2, 201, 301, 303};
	static struct bed b;
	static struct asker a;
	static struct order tagged;
	struct arena arena;
	struct common_options options = {0};
	struct list *tags;

	arena_init(&arena, NULL);
	tags = list_new(&arena, 1);
	list_push(&arena, tags, v_lit("ok"));
	options.add_tag = tags;
	bed_step(&b, &filter_maker, &a);
	b.pp[0].common = common_compile(&arena, &options);
	bed_step(&b, &filter_tagged, &tagged);
	bed_ready(&b, 1000);
	bed_feed(&b, 0, 3);
	CHECK_INT(exec_pump(b.exec), EXEC_WAITING);
	answer(&a, 0);
	CHECK_INT(exec_pump(b.exec), EXEC_IDLE);
	CHECK_INT(b.sink.n, sizeof(all) / sizeof(*all));
	CHECK_INT(memcmp(b.sink.seen, all, sizeof(all)), 0);
	CHECK_INT(tagged.n, sizeof(with) / sizeof(*with));
	CHECK_INT(memcmp(tagged.seen, with, sizeof(with)), 0);
	bed_end(&b);
	arena_release(&arena);
}

/* More children than a unit holds, in front of a waiting step. */
static void test_many_children_before_wait(void)
{
	static struct bed b;
	static struct more more = {false};
	static struct asker a;

	bed_step(&b, &filter_more, &more);
	bed_step(&b, &filter_asker, &a);
	bed_ready(&b, 1000);
	bed_feed(&b, 700, 700);
	CHECK_INT(exec_pump(b.exec), EXEC_WAITING);
	CHECK_INT(a.n, 3);
	for (unsigned i = 0; i < 3; i++)
		answer(&a, i);
	CHECK_INT(exec_pump(b.exec), EXEC_IDLE);
	CHECK_INT(b.sink.n, 700);
	check_rising(b.sink.seen, b.sink.n, 70001);
	bed_end(&b);
}

static void test_holding_codec(void)
{
	static struct bed b;
	struct clock clock;
	const struct exec_counters *c;

	clock_virtual_init(&clock, 1000);
	bed_ready(&b, 100);
	b.plan.settings.clock = &clock;
	b.codec.plugin = &codec_sum;
	c = exec_counters(b.exec);
	bed_feed(&b, 1, 3);
	CHECK_INT(exec_pump(b.exec), EXEC_IDLE);
	CHECK_INT(b.sink.n, 0);
	CHECK_INT(b.acked, 0); /* nothing of it has ended */
	CHECK_INT(c->lines, 3);
	CHECK_INT(c->merged + c->ended_decode, 0);
	CHECK_INT(exec_due(b.exec), clock_mono(&clock) + 5000000000);
	bed_feed(&b, 4, 6);
	CHECK_INT(exec_pump(b.exec), EXEC_IDLE);
	CHECK_INT(b.sink.n, 1);
	CHECK_INT(b.sink.seen[0], 10);
	CHECK_INT(c->merged, 3);
	ack_unref(b.sink.held[0]);
	b.sink.held[0] = NULL;
	CHECK_INT(b.acked, 1); /* the first batch: its event is done; the second still holds 5 and 6 */
	exec_tick(b.exec, clock_mono(&clock));
	CHECK_INT(exec_pump(b.exec), EXEC_IDLE);
	CHECK_INT(b.sink.n, 1);
	clock_advance(&clock, 5000000000);
	exec_tick(b.exec, clock_mono(&clock));
	/* It is asked once; and a line that comes before the answer would put it off. */
	CHECK_INT(exec_due(b.exec), INT64_MAX);
	CHECK_INT(exec_pump(b.exec), EXEC_IDLE);
	CHECK_INT(b.sink.n, 2);
	CHECK_INT(b.sink.seen[1], 11);
	CHECK_INT(exec_due(b.exec), INT64_MAX);
	CHECK(!exec_flush(b.exec));
	bed_feed(&b, 7, 7);
	CHECK_INT(exec_pump(b.exec), EXEC_IDLE);
	clock_advance(&clock, 5000000000);
	exec_tick(b.exec, clock_mono(&clock));
	clock_advance(&clock, -5000000000);
	CHECK_INT(exec_pump(b.exec), EXEC_IDLE);
	CHECK_INT(b.sink.n, 2); /* too early after all */
	CHECK(exec_flush(b.exec));
	CHECK_INT(exec_pump(b.exec), EXEC_IDLE);
	CHECK_INT(b.sink.seen[2], 7);
	CHECK_INT(c->merged, 4);
	bed_end(&b);
	CHECK_INT(b.acked, 3);
}

/* All answers come at once, while the decoder holds an event that needs the next unit: the last full one is gone by then. */
static void test_crowded_and_all_answered(void)
{
	static struct bed b;
	static struct asker a;
	enum { UNITS = EXEC_UNITS + 1 };

	bed_step(&b, &filter_asker, &a);
	bed_ready(&b, 0);
	bed_feed_same(&b, 4, UNITS * EXEC_UNIT_EVENTS); /* number 4 is dropped by the answer */
	CHECK_INT(exec_pump(b.exec), EXEC_WAITING);
	CHECK_INT(a.n, EXEC_UNITS);
	for (unsigned i = 0; i < EXEC_UNITS; i++)
		answer(&a, i);
	CHECK_INT(exec_pump(b.exec), EXEC_WAITING);
	CHECK_INT(a.n, UNITS);
	answer(&a, EXEC_UNITS);
	CHECK_INT(exec_pump(b.exec), EXEC_IDLE);
	CHECK_INT(a.released, UNITS);
	CHECK_INT(exec_counters(b.exec)->ended_drop, UNITS * EXEC_UNIT_EVENTS);
	bed_end(&b);
}

static void tick(struct bed *b, struct clock *clock, int64_t seconds)
{
	clock_advance(clock, seconds * 1000000000);
	exec_tick(b->exec, clock_mono(clock));
}

/* Filters make events though none comes; they go on behind the filter, and each is counted. */
static void test_flush(void)
{
	static struct bed b;
	static struct ticker first = {.base = 100}, second = {.base = 200};
	struct clock clock;

	clock_virtual_init(&clock, 1000);
	bed_step(&b, &filter_ticker, &first);
	bed_step(&b, &filter_ticker, &second);
	bed_ready_at(&b, 3, &clock);
	CHECK_INT(exec_due(b.exec), clock_mono(&clock) + FILTER_FLUSH_S * 1000000000ll);
	bed_feed(&b, 1, 2);
	CHECK_INT(exec_pump(b.exec), EXEC_IDLE);
	tick(&b, &clock, FILTER_FLUSH_S - 1);
	CHECK_INT(exec_pump(b.exec), EXEC_IDLE);
	CHECK_INT(first.flushes, 0);
	tick(&b, &clock, 1);
	/* The outlet is full in the midst of it. */
	CHECK_INT(exec_pump(b.exec), EXEC_PARKED);
	CHECK_INT(b.sink.seen[2], 102);
	b.sink.room = 100;
	CHECK_INT(exec_pump(b.exec), EXEC_IDLE);
	/* What the first made was an event to the second, which was flushed after it. */
	CHECK_INT(b.sink.n, 2 + 2 + 4);
	CHECK_INT(b.sink.seen[3], 101);
	CHECK_INT(b.sink.seen[4], 204);
	CHECK_INT(exec_counters(b.exec)->created_filter, 6);
	CHECK_INT(exec_counters(b.exec)->ended_replaced, 0);
	/* What nobody had time for is not made up for. */
	tick(&b, &clock, 3 * FILTER_FLUSH_S + 1);
	CHECK_INT(exec_due(b.exec), clock_mono(&clock) + (FILTER_FLUSH_S - 1) * 1000000000ll);
	CHECK_INT(exec_pump(b.exec), EXEC_IDLE);
	CHECK_INT(first.flushes, 2);
	CHECK(!exec_flush(b.exec));
	for (int i = 0; exec_finish(b.exec); i++) {
		CHECK(i < 2);
		CHECK_INT(exec_pump(b.exec), EXEC_IDLE);
	}
	CHECK_INT(first.finals, 1);
	CHECK_INT(second.finals, 1);
	CHECK_INT(b.sink.n, 8 + 1 + 2);
	CHECK_INT(b.sink.seen[9], 201);
	bed_end(&b);
}

/* Behind a waiting step, and at it: what a flush makes overtakes nothing. */
static void test_flush_and_waiting(void)
{
	static struct bed b;
	static struct ticker before = {.base = 100}, behind = {.base = 200};
	static struct waiting_ticker w;
	struct clock clock;

	clock_virtual_init(&clock, 1000);
	bed_step(&b, &filter_ticker, &before);
	bed_step(&b, &filter_waiting_ticker, &w);
	bed_step(&b, &filter_ticker, &behind);
	bed_ready_at(&b, 100, &clock);
	bed_feed(&b, 10, 11);
	CHECK_INT(exec_pump(b.exec), EXEC_WAITING);
	tick(&b, &clock, FILTER_FLUSH_S);
	CHECK_INT(exec_pump(b.exec), EXEC_WAITING);
	CHECK_INT(w.flush_asks, 1);
	CHECK_INT(behind.flushes, 0); /* older events are not there yet */
	CHECK_INT(w.asker.n, 3);
	/* The flush is answered first, and still comes after the events. */
	answer(&w.asker, 1);
	CHECK_INT(exec_pump(b.exec), EXEC_WAITING);
	CHECK_INT(b.sink.n, 0);
	answer(&w.asker, 0);
	answer(&w.asker, 2);
	CHECK_INT(exec_pump(b.exec), EXEC_IDLE);
	CHECK_INT(b.sink.seen[0], 10);
	CHECK_INT(b.sink.seen[1], 11);
	CHECK_INT(b.sink.seen[2], 902);
	CHECK_INT(b.sink.seen[3], 901);
	/* Then the filter behind it, with what it had counted: the events and the flush. */
	CHECK_INT(b.sink.seen[4], 204);
	CHECK_INT(b.sink.seen[7], 201);
	CHECK_INT(b.sink.seen[8], 102);
	CHECK_INT(b.sink.n, 10);
	w.nothing = true;
	tick(&b, &clock, FILTER_FLUSH_S);
	CHECK_INT(exec_pump(b.exec), EXEC_IDLE);
	CHECK_INT(w.flush_asks, 2);
	bed_end(&b);
}

int main(void)
{
	hash_init(NULL);
	test_flush();
	test_flush_and_waiting();
	test_holding_codec();
	test_parking();
	test_order_over_waiting();
	test_crowded();
	test_crowded_and_all_answered();
	test_two_waits();
	test_children();
	test_fork_before_wait();
	test_children_after_wait();
	test_many_children_before_wait();
	return test_end();
}
