/*
 * sender.c - the work thread's side of an output, and the life cycle of a sender.
 *
 * The open pack belongs to the work thread. idle() parks it: from then on an out thread may take it, until the next put() takes
 * it back. So an event costs no lock, a batch costs two.
 */
#include "outputs/sender_int.h"

#include "base/log.h"

#include <inttypes.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>
#include <zlib.h>

enum {
	PACK_BYTES = 5 * 1024 * 1024,
	PACK_BYTES_MIN = 64 * 1024,
	PACK_ITEMS = 2000,
	SPARE_BYTES_MAX = 8 * 1024 * 1024,
};

static const int64_t second = 1000000000;

const char *const when_full_choices[] = {"block", "drop_newest", "drop_oldest", NULL};

/* ---- under lock ---- */

void sender_recycle(struct sender *s, struct pack *p)
{
	if (s->n_spare >= SENDER_SPARE || p->bytes.cap > SPARE_BYTES_MAX) {
		pack_free(&p);
		return;
	}
	pack_clear(p);
	p->next = s->spare;
	s->spare = p;
	s->n_spare++;
}

void sender_enqueue(struct sender *s, struct pack *p)
{
	struct pack **at = s->queue_tail;

	if (s->queue && p->seq < s->next_seq - 1) {
		at = &s->queue;
		while (*at && (*at)->seq < p->seq)
			at = &(*at)->next;
	}
	p->next = *at;
	*at = p;
	if (!p->next)
		s->queue_tail = &p->next;
}

bool sender_room(struct sender *s)
{
	size_t held = atomic_load_explicit(&s->held, memory_order_relaxed);

	/* A little less than the bound, so that put() and the threads do not take turns event by event. */
	if (!s->blocked || held > s->max - s->max / 8)
		return false;
	s->blocked = false;
	return true;
}

/* What was rendered since the last time becomes visible in the counters. */
static void publish(struct sender *s)
{
	s->st.routed += s->uncounted;
	s->live += s->uncounted;
	s->uncounted = 0;
}

/* ---- the open pack ---- */

static void unpark(struct sender *s)
{
	if (!s->is_parked)
		return;
	pthread_mutex_lock(&s->lock);
	s->open = s->parked;
	s->parked = NULL;
	atomic_fetch_sub_explicit(&s->held, s->parked_bytes, memory_order_relaxed);
	s->parked_bytes = 0;
	pthread_mutex_unlock(&s->lock);
	s->is_parked = false;
}

static void open_pack(struct sender *s)
{
	pthread_mutex_lock(&s->lock);
	s->open = s->spare;
	if (s->open) {
		s->spare = s->open->next;
		s->n_spare--;
		s->open->next = NULL;
	}
	pthread_mutex_unlock(&s->lock);
	if (!s->open)
		s->open = pack_new();
}

/* The open pack goes into the queue. */
static void push_open(struct sender *s)
{
	struct pack *p = s->open;

	s->open = NULL;
	if (!p)
		return;
	pthread_mutex_lock(&s->lock);
	publish(s);
	if (p->first == p->n) {
		sender_recycle(s, p);
		pthread_mutex_unlock(&s->lock);
		return;
	}
	/* It will wait: give back what it grew beyond its need. */
	if (s->queue || s->streak)
		pack_shrink(p);
	p->seq = s->next_seq++;
	sender_enqueue(s, p);
	atomic_fetch_add_explicit(&s->held, p->live_bytes, memory_order_relaxed);
	sender_kick(s, true);
	pthread_mutex_unlock(&s->lock);
}

static void sender_idle(struct outlet *o)
{
	struct sender *s = (struct sender *)o;
	struct pack *p = s->open;

	if (!p)
		return;
	if (p->first == p->n)
		return;
	s->open = NULL;
	s->is_parked = true;
	pthread_mutex_lock(&s->lock);
	publish(s);
	s->parked = p;
	s->parked_ns = clock_mono(s->clock);
	s->parked_bytes = p->live_bytes;
	atomic_fetch_add_explicit(&s->held, p->live_bytes, memory_order_relaxed);
	if (!p->announced || s->wanted) {
		p->announced = true;
		s->wanted = false;
		sender_kick(s, false);
	}
	pthread_mutex_unlock(&s->lock);
}

/* ---- when it is full ---- */

static struct pack **oldest(struct sender *s)
{
	struct pack **best = NULL;

	for (struct pack **at = &s->delayed; *at; at = &(*at)->next)
		if (!best || (*at)->seq < (*best)->seq)
			best = at;
	if (s->queue && (!best || s->queue->seq < (*best)->seq))
		best = &s->queue;
	/* Half of its first event may be out already. */
	if (best && s->ops->ordered && (*best)->tries)
		best = (*best)->next ? &(*best)->next : NULL;
	return best;
}

/* Drops the oldest event that no thread is sending. false: there is none. */
static bool drop_oldest(struct sender *s)
{
	struct pack **at, *p;
	struct pack_item *it;
	struct ack *ack;
	bool shelf_empty;

	pthread_mutex_lock(&s->lock);
	publish(s);
	at = oldest(s);
	p = at ? *at : s->open;
	if (!p || p->first == p->n) {
		pthread_mutex_unlock(&s->lock);
		return false;
	}
	it = &p->item[p->first++];
	ack = it->ack;
	it->ack = NULL;
	it->verdict = VERDICT_DROPPED;
	p->live_bytes -= item_cost(it);
	s->live--;
	s->stored_left -= (it->flags & ITEM_STORED) != 0;
	shelf_empty = it->flags & ITEM_STORED && s->stored_left == 0;
	s->st.dropped[DROP_QUEUE_FULL]++;
	if (at) {
		atomic_fetch_sub_explicit(&s->held, item_cost(it), memory_order_relaxed);
		if (p->first == p->n) {
			*at = p->next;
			if (!s->queue)
				s->queue_tail = &s->queue;
			else if (s->queue_tail == &p->next)
				s->queue_tail = at;
			sender_recycle(s, p);
		}
	}
	pthread_mutex_unlock(&s->lock);
	log_warn("output", "'%s': queue full, the oldest events are dropped", s->id);
	ack_unref(ack);
	if (shelf_empty && s->shelf)
		s->shelf->settled(s->shelf);
	return true;
}

static size_t held_now(const struct sender *s)
{
	return atomic_load_explicit(&s->held, memory_order_relaxed) + (s->open ? s->open->live_bytes : 0);
}

static void count_ended(struct sender *s, uint64_t *counter)
{
	pthread_mutex_lock(&s->lock);
	s->st.routed++;
	++*counter;
	pthread_mutex_unlock(&s->lock);
}

/* The bound is reached: true where the event may be rendered all the same. */
static bool full(struct sender *s, enum outlet_answer *answer)
{
	if (s->when_full == WHEN_FULL_DROP_OLDEST) {
		while (held_now(s) >= s->max && drop_oldest(s))
			;
		if (held_now(s) < s->max)
			return true;
	}
	if (s->when_full != WHEN_FULL_BLOCK) {
		count_ended(s, &s->st.dropped[DROP_QUEUE_FULL]);
		log_warn("output", "'%s': queue full, events are dropped", s->id);
		*answer = OUTLET_TAKEN;
		return false;
	}
	push_open(s);
	pthread_mutex_lock(&s->lock);
	s->blocked = true;
	if (sender_room(s)) { /* a thread made room in between */
		pthread_mutex_unlock(&s->lock);
		return true;
	}
	pthread_mutex_unlock(&s->lock);
	*answer = OUTLET_FULL;
	return false;
}

/* ---- an event ---- */

static void render_failed(struct sender *s, const struct event *ev, struct render_ctx *rc, enum render_result r)
{
	if (r == RENDER_SKIP) {
		count_ended(s, &s->st.dropped[DROP_IGNORED]);
		return;
	}
	log_warn("output", "'%s': an event cannot be rendered: %.64s", s->id, rc->err.text);
	if (dead_letter_event(s->letters, ev, str_z(rc->err.text), str_z(s->id)))
		count_ended(s, &s->st.dead_letter);
	else
		count_ended(s, &s->st.dropped[DROP_RENDER]);
}

static enum outlet_answer sender_put(struct outlet *o, const struct event *ev)
{
	struct sender *s = (struct sender *)o;
	enum outlet_answer answer;
	enum render_result r;
	struct pack *p;
	struct pack_item *it;

	unpark(s);
	if (held_now(s) >= s->max && !(o->force && s->when_full == WHEN_FULL_BLOCK) && !full(s, &answer))
		return answer;
	if (!s->open)
		open_pack(s);
	p = s->open;
	s->rc.err.text[0] = 0;
	r = s->ops->render(s->self, ev, p, &s->rc);
	if (s->scratch.head)
		arena_clear(&s->scratch);
	if (r != RENDER_OK) {
		pack_cancel(p);
		render_failed(s, ev, &s->rc, r);
		return OUTLET_TAKEN;
	}
	it = &p->item[p->n - 1];
	it->ack = ev->ack;
	ack_ref(ev->ack);
	s->uncounted++;
	if (p->n >= s->pack_items || p->bytes.len >= s->pack_bytes)
		push_open(s);
	return OUTLET_TAKEN;
}

/* ---- life cycle ---- */

static void take_from_shelf(struct sender *s)
{
	struct pack *p;

	while (s->shelf && (p = s->shelf->take(s->shelf))) {
		p->seq = s->next_seq++;
		s->live += p->n;
		s->stored_left += p->n;
		s->st.reloaded += p->n;
		atomic_fetch_add_explicit(&s->held, p->live_bytes, memory_order_relaxed);
		sender_enqueue(s, p);
	}
	if (s->st.reloaded) {
		log_info("output", "'%s': %" PRIu64 " events of the last run are sent first", s->id, s->st.reloaded);
		sender_kick(s, true);
	}
}

struct sender *sender_new(const struct sender_config *c, struct err *err)
{
	const struct output_ops *ops = c->plugin->output;
	const struct queue_options *q = (const void *)((const char *)c->self + ops->queue_offset);
	const struct settings *set = c->ctx->settings;
	pthread_condattr_t attr;
	struct sender *s;
	void *conn = NULL;

	if (ops->start && !(conn = ops->start(c->self, c->ctx, err))) {
		if (c->shelf)
			c->shelf->free(c->shelf);
		return NULL;
	}
	s = xzalloc(sizeof(*s));
	s->outlet.put = sender_put;
	s->outlet.idle = sender_idle;
	s->plugin = c->plugin;
	s->ops = ops;
	s->clock = set->clock ? set->clock : &clock_system;
	s->letters = set->dead_letters;
	s->shelf = c->shelf;
	s->conn = conn;
	s->id = xstrdupz(c->ctx->id.len ? c->ctx->id : str_z(c->plugin->name));
	s->max = q->max > 0 ? (size_t)q->max : 16 * 1024 * 1024;
	s->pack_bytes = ops->pack_bytes ? ops->pack_bytes : PACK_BYTES;
	if (s->pack_bytes > s->max / 4)
		s->pack_bytes = s->max / 4 > PACK_BYTES_MIN ? s->max / 4 : PACK_BYTES_MIN;
	s->pack_items = q->items ? q->items : ops->pack_items ? ops->pack_items : PACK_ITEMS;
	s->linger_ns = q->linger_ns ? q->linger_ns : ops->linger_ns;
	s->when_full = (enum when_full)q->when_full;
	s->workers = q->workers < 1 || ops->ordered ? 1 : q->workers > SENDER_WORKERS_MAX ? SENDER_WORKERS_MAX : (unsigned)q->workers;
	s->no_threads = c->no_threads;
	s->queue_tail = &s->queue;
	s->last_small_ns = INT64_MIN / 2;
	arena_init(&s->scratch, NULL);
	s->rc = (struct render_ctx){.clock = s->clock, .scratch = &s->scratch};
	sender_adopt(s, c->self, c->codec);
	if (getrandom(&s->random, sizeof(s->random), 0) != sizeof(s->random) || !s->random)
		s->random = 88172645463325252u;
	pthread_mutex_init(&s->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&s->more, &attr);
	pthread_cond_init(&s->settled, &attr);
	pthread_condattr_destroy(&attr);
	pthread_mutex_lock(&s->lock);
	s->begun = !ops->begin;
	take_from_shelf(s);
	if (!s->begun && !s->n_threads)
		sender_kick(s, false);
	pthread_mutex_unlock(&s->lock);
	return s;
}

struct outlet *sender_outlet(struct sender *s)
{
	return &s->outlet;
}

enum render_result render_by_codec(const struct event *ev, struct buf *b, struct render_ctx *ctx)
{
	const struct codec *c = ctx->codec;

	if (c->plugin->codec.encode(c->self, ev, b, ctx->clock, &ctx->err) < 0)
		return RENDER_DEAD;
	if (!b->over)
		return RENDER_OK;
	err_set(&ctx->err, "larger than %d bytes", PACK_BYTES_MAX);
	return RENDER_DEAD;
}

/* Whatever somebody had to repair may be repaired. */
static void try_now(struct sender *s)
{
	pthread_mutex_lock(&s->lock);
	s->not_before_ns = 0;
	for (struct pack *p = s->delayed; p; p = p->next)
		p->not_before_ns = 0;
	pthread_cond_broadcast(&s->more);
	pthread_mutex_unlock(&s->lock);
}

void sender_adopt(struct sender *s, void *self, const struct codec *codec)
{
	if (s->self && s->ops->renew) {
		s->ops->renew(s->conn, self);
		try_now(s);
	}
	s->self = self;
	s->rc.codec = codec;
}

void sender_reopen(struct sender *s)
{
	if (s->ops->reopen)
		s->ops->reopen(s->conn);
}

void sender_close(struct sender *s)
{
	unpark(s);
	push_open(s);
	pthread_mutex_lock(&s->lock);
	s->closing = true;
	s->closing_failures = 0;
	pthread_mutex_unlock(&s->lock);
	try_now(s);
}

static void stop_threads(struct sender *s)
{
	atomic_store(&s->stop, true);
	if (s->ops->wake)
		s->ops->wake(s->conn);
	pthread_mutex_lock(&s->lock);
	pthread_cond_broadcast(&s->more);
	pthread_mutex_unlock(&s->lock);
	for (unsigned i = 0; i < s->n_threads; i++)
		pthread_join(s->worker[i].thread, NULL);
	s->n_threads = 0;
	if (s->no_threads && s->worker[0].linked && s->ops->link_close)
		s->ops->link_close(s->worker[0].link);
	s->worker[0].linked = false;
}

/* All packs that are left, oldest first; the array is the caller's. */
static struct pack **collect(struct sender *s, size_t *n)
{
	struct pack **all, *p;
	uint64_t items = 0;

	while ((p = s->delayed)) {
		s->delayed = p->next;
		sender_enqueue(s, p);
	}
	*n = 0;
	for (p = s->queue; p; p = p->next)
		++*n;
	all = xmalloc((*n ? *n : 1) * sizeof(*all));
	*n = 0;
	for (p = s->queue; p; p = p->next) {
		all[(*n)++] = p;
		items += p->n - p->first;
	}
	s->queue = NULL;
	s->queue_tail = &s->queue;
	/* What is there is what was counted: an event that vanished would show here. */
	bug_on(items != s->live || s->open || s->parked || s->busy);
	return all;
}

static void store_rest(struct sender *s)
{
	size_t n;
	struct pack **all = collect(s, &n);
	int64_t stored = -1;
	struct err err = {"no place to keep them"};

	if (s->live && s->shelf)
		stored = s->shelf->store(s->shelf, all, n, &err);
	if (stored < 0 && s->live)
		log_error("output", "'%s': %" PRIu64 " unsent events are lost: %s", s->id, s->live, err.text);
	else if (s->live)
		log_warn("output", "'%s': %" PRIu64 " unsent events are kept on disk and sent first at the next start",
			 s->id, s->live);
	for (size_t i = 0; i < n; i++) {
		for (uint32_t k = all[i]->first; k < all[i]->n; k++) {
			if (stored < 0)
				s->st.dropped[DROP_NO_DISK]++;
			else
				s->st.unsent++;
			s->live--;
			ack_unref(all[i]->item[k].ack);
			all[i]->item[k].ack = NULL;
		}
		pack_free(&all[i]);
	}
	free(all);
	atomic_store_explicit(&s->held, 0, memory_order_relaxed);
}

uint64_t sender_drain(struct sender *s, int64_t deadline_ns)
{
	uint64_t left;
	int64_t due;

	if (s->no_threads)
		while (clock_mono(s->clock) <= deadline_ns && !s->give_up && sender_step(s, &due))
			;
	pthread_mutex_lock(&s->lock);
	while (!s->no_threads && s->live && !s->give_up) {
		int64_t by = deadline_ns - clock_mono(s->clock);
		struct timespec at;

		if (by <= 0)
			break;
		/* The deadline may be as good as never. */
		if (by > 3600 * second)
			by = 3600 * second;
		clock_gettime(CLOCK_MONOTONIC, &at);
		by += at.tv_nsec + (int64_t)at.tv_sec * second;
		at = (struct timespec){by / second, by % second};
		pthread_cond_timedwait(&s->settled, &s->lock, &at);
	}
	pthread_mutex_unlock(&s->lock);
	stop_threads(s);
	left = s->live;
	store_rest(s);
	return left;
}

void sender_inherit(struct sender *s, struct sender *from)
{
	struct pack **all;
	size_t n;

	bug_on(s->plugin != from->plugin);
	stop_threads(from);
	all = collect(from, &n);
	pthread_mutex_lock(&s->lock);
	for (size_t i = 0; i < n; i++) {
		uint32_t items = all[i]->n - all[i]->first;

		all[i]->seq = s->next_seq++;
		s->live += items;
		s->st.reloaded += items;
		from->st.unsent += items;
		from->live -= items;
		atomic_fetch_add_explicit(&s->held, all[i]->live_bytes, memory_order_relaxed);
		sender_enqueue(s, all[i]);
	}
	s->stored_left += from->stored_left;
	/* The file is the output's, whoever sends what it holds. */
	if (!s->shelf) {
		s->shelf = from->shelf;
		from->shelf = NULL;
	}
	if (n)
		sender_kick(s, true);
	pthread_mutex_unlock(&s->lock);
	free(all);
}

void sender_free(struct sender **sp)
{
	struct sender *s = *sp;

	if (!s)
		return;
	bug_on(s->n_threads || s->live || !sender_balanced(&s->st));
	while (s->spare) {
		struct pack *p = s->spare;

		s->spare = p->next;
		pack_free(&p);
	}
	if (s->ops->stop && s->conn)
		s->ops->stop(s->conn);
	if (s->shelf)
		s->shelf->free(s->shelf);
	arena_release(&s->scratch);
	pthread_cond_destroy(&s->more);
	pthread_cond_destroy(&s->settled);
	pthread_mutex_destroy(&s->lock);
	free(s->id);
	free(s);
	*sp = NULL;
}

void sender_set_series(struct sender *s, struct series *series)
{
	atomic_store(&s->series, series);
}

void sender_stats(struct sender *s, struct sender_stats *out)
{
	pthread_mutex_lock(&s->lock);
	*out = s->st;
	out->in_flight = s->live;
	out->bytes = atomic_load_explicit(&s->held, memory_order_relaxed);
	pthread_mutex_unlock(&s->lock);
}

bool sender_balanced(const struct sender_stats *st)
{
	uint64_t ended = st->delivered + st->duplicate + st->dead_letter + st->unsent + st->in_flight;

	for (int i = 0; i < DROP_REASONS; i++)
		ended += st->dropped[i];
	return st->routed + st->reloaded == ended;
}

struct str sender_key(struct arena *a, struct str pipeline_id, struct str plugin, struct str id, unsigned ordinal)
{
	struct str raw = id.len ? arena_printf(a, "%.*s-%.*s-%.*s", STR_ARG(pipeline_id), STR_ARG(plugin), STR_ARG(id))
				: arena_printf(a, "%.*s-%.*s-%u", STR_ARG(pipeline_id), STR_ARG(plugin), ordinal);
	size_t n = raw.len < 120 ? raw.len : 120;
	char *p = arena_bytes(a, n);
	unsigned crc;

	for (size_t i = 0; i < n; i++) {
		char c = ch_lower(raw.p[i]);

		p[i] = ch_alnum(c) || c == '-' ? c : '_';
	}
	if (str_eq(pipeline_id, STR("main")))
		return str_n(p, n);
	/* "a.b" and "a_b" are two pipelines, and "a" may have a plug-in with the id that makes it look like "a-file". */
	crc = (unsigned)crc32(crc32(0, NULL, 0), (const unsigned char *)pipeline_id.p, (uInt)pipeline_id.len);
	return arena_printf(a, "%.*s-%08x", (int)n, p, crc);
}
