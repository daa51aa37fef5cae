/*
 * sender_run.c - the out threads: which pack is next, sending it, and what its verdicts mean.
 *
 * A request that fails as a whole says something about the far end, so all threads wait and one tries; an item that fails alone says
 * something about itself, so only it waits. Time is the sender's clock's, never the system's.
 */
#include "outputs/sender_int.h"

#include "base/log.h"
#include "base/metrics.h"

#include <inttypes.h>
#include <time.h>

static const int64_t second = 1000000000;
static const int64_t quiet_ns = 50000000; /* after which a burst is over */

enum {
	BACKOFF_MAX_S = 30,
	REFUSALS_MAX = 24, /* whole refusals in a row without any success: about two descents to a single document of 2,000 */
	CLOSING_FAILURES = 3,
	IDLE_TRIM_S = 5,
	LIMIT_AGE_S = 600,
};

static uint64_t next_random(struct sender *s)
{
	s->random ^= s->random << 13;
	s->random ^= s->random >> 7;
	s->random ^= s->random << 17;
	return s->random;
}

/* Full jitter: anything between nothing and 1 s, 2 s, 4 s ... 30 s. */
static int64_t backoff(struct sender *s, unsigned tries)
{
	int64_t max = s->ops->backoff_max_s ? s->ops->backoff_max_s : BACKOFF_MAX_S;
	int64_t cap = tries > 5 ? max : (int64_t)1 << (tries ? tries - 1 : 0);

	if (cap > max)
		cap = max;
	if (s->closing)
		cap = 1;
	return (int64_t)(next_random(s) % (uint64_t)(cap * second));
}

/* ---- which pack is next ---- */

static void delayed_insert(struct sender *s, struct pack *p)
{
	struct pack **at = &s->delayed;

	while (*at && (*at)->not_before_ns <= p->not_before_ns)
		at = &(*at)->next;
	p->next = *at;
	*at = p;
}

/* What waits for its next try joins another that does, as long as they make one request together. */
static bool delayed_join(struct sender *s, struct pack *p)
{
	for (struct pack *d = s->delayed; d; d = d->next)
		if (d->n - d->first + p->n <= s->pack_items && d->bytes.len + p->bytes.len <= s->pack_bytes &&
		    pack_move(d, p))
			return true;
	return false;
}

/*
 * A part-filled pack waits for more until linger_ns after the one before it. The end of a burst need not: once full packs have gone out
 * and nothing was added for a while, what is left goes, too, and requests stay large on the whole.
 */
static int64_t parked_due(const struct sender *s)
{
	int64_t at = s->last_small_ns + s->linger_ns, quiet = s->parked_ns + quiet_ns;

	return s->burst && quiet < at ? quiet : at;
}

static struct pack *take_parked(struct sender *s, int64_t now)
{
	struct pack *p = s->parked;

	s->parked = NULL;
	s->parked_bytes = 0;
	s->wanted = false;
	s->last_small_ns = now;
	s->burst = false;
	p->seq = s->next_seq++;
	return p;
}

/* Under lock. NULL: nothing is due before *due. */
static struct pack *next_pack(struct sender *s, int64_t *due)
{
	int64_t now = clock_mono(s->clock);
	struct pack *p;

	*due = INT64_MAX;
	if (atomic_load_explicit(&s->stop, memory_order_relaxed))
		return NULL;
	if (s->streak && s->busy)
		return NULL;
	if (now < s->not_before_ns) {
		*due = s->not_before_ns;
		return NULL;
	}
	p = s->delayed;
	if (p && p->not_before_ns <= now) {
		s->delayed = p->next;
		return p;
	}
	if (p)
		*due = p->not_before_ns;
	p = s->queue;
	if (p) {
		s->queue = p->next;
		if (!s->queue)
			s->queue_tail = &s->queue;
		s->burst = true;
		return p;
	}
	if (s->parked) {
		int64_t at = s->closing ? now : parked_due(s);

		if (now >= at)
			return take_parked(s, now);
		if (at < *due)
			*due = at;
	} else {
		/* The work thread may be filling it at this moment: it hands it over when it parks it. */
		s->wanted = true;
	}
	return NULL;
}

/* ---- sending one pack ---- */

static uint32_t range_end(const struct pack *p, uint32_t from, size_t limit, uint32_t span)
{
	uint32_t to = from + 1;

	while (to < p->n && to - from < span) {
		const struct pack_item *it = &p->item[to];

		if (limit && it->off + it->len - p->item[from].off > limit)
			break;
		to++;
	}
	return to;
}

static uint64_t count_accepted(const struct pack *p, uint32_t from, uint32_t to)
{
	uint64_t n = 0;

	for (; from < to; from++)
		n += p->item[from].verdict == VERDICT_DELIVERED || p->item[from].verdict == VERDICT_DUPLICATE;
	return n;
}

static void mark_maybe_sent(struct pack *p, uint32_t from, uint32_t to)
{
	for (; from < to; from++)
		p->item[from].flags |= ITEM_MAYBE_SENT;
}

/* Learnt from a 413: later packs are cut before they are sent. */
static void learn_limit(struct sender *s, size_t limit)
{
	pthread_mutex_lock(&s->lock);
	if (!s->limit || limit < s->limit)
		s->limit = limit;
	s->limit_since_ns = clock_mono(s->clock);
	pthread_mutex_unlock(&s->lock);
}

/* Under lock. What was too large once may fit later: another proxy, another setting. */
static size_t current_limit(struct sender *s)
{
	int64_t now = clock_mono(s->clock);

	if (s->limit && now - s->limit_since_ns > LIMIT_AGE_S * second) {
		s->limit = s->limit > s->pack_bytes ? 0 : s->limit * 2;
		s->limit_since_ns = now;
	}
	return s->limit ? s->limit : s->ops->request_max;
}

static enum send_result timed_send(struct sender *s, struct worker *w, struct pack *p, uint32_t from, uint32_t to,
				   struct send_ctx *ctx)
{
	int64_t begun = clock_mono(s->clock);
	enum send_result r = s->ops->send(s->conn, w->link, p, from, to, ctx);
	struct series *series = atomic_load(&s->series);

	if (series)
		series_observe(series, M_OUT_DURATION, clock_mono(s->clock) - begun);
	return r;
}

static void open_link(struct sender *s, struct worker *w)
{
	if (!s->ops->link_open || w->linked)
		return;
	w->link = s->ops->link_open(s->conn);
	w->linked = true;
}

/*
 * Sends a pack in as many requests as it takes: one, unless the far end says "too large" (smaller ranges) or "bad request" (bisected
 * down to the document that it cannot take).
 */
static void process(struct sender *s, struct worker *w, struct pack *p)
{
	struct send_ctx ctx = {.clock = s->clock, .stop = &s->stop};
	enum send_result outcome = SEND_JUDGED;
	uint32_t from = p->first, span = UINT32_MAX;
	unsigned refusals = 0;
	uint64_t mark, requests = 0, failed = 0;
	size_t limit;

	open_link(s, w);
	pthread_mutex_lock(&s->lock);
	mark = p->accepted_mark ? p->accepted_mark : s->accepted + 1;
	limit = current_limit(s);
	pthread_mutex_unlock(&s->lock);

	while (from < p->n) {
		uint32_t to = range_end(p, from, limit, span);
		size_t size = pack_range(p, from, to).len;

		ctx.maybe_sent = false;
		outcome = timed_send(s, w, p, from, to, &ctx);
		requests++;
		if (outcome == SEND_JUDGED) {
			uint64_t n = count_accepted(p, from, to);

			if (n) {
				refusals = 0;
				pthread_mutex_lock(&s->lock);
				s->accepted += n;
				pthread_mutex_unlock(&s->lock);
			}
			from = to;
			span = span > UINT32_MAX / 2 ? UINT32_MAX : span * 2;
			continue;
		}
		failed++;
		if (outcome == SEND_TOO_BIG && to - from > 1) {
			limit = size / 2;
			learn_limit(s, limit);
		} else if (outcome == SEND_TOO_BIG) {
			pack_note(p, from, VERDICT_DEAD, 413, 0, STR("larger than the far end takes"));
			from = to;
		} else if (outcome == SEND_REFUSED) {
			if (to - from == 1)
				pack_note(p, from, VERDICT_SUSPECT, 400, 0, str_z(ctx.err.text));
			span = to - from > 1 ? (to - from) / 2 : 1;
			from = to - from > 1 ? from : to;
			if (++refusals >= REFUSALS_MAX)
				break;
		} else {
			if (ctx.maybe_sent)
				mark_maybe_sent(p, from, to);
			break;
		}
		outcome = SEND_JUDGED;
	}
	if (s->ops->settle)
		s->ops->settle(s->conn, w->link);
	pthread_mutex_lock(&s->lock);
	s->st.requests += requests;
	s->st.failed_requests += failed;
	pthread_mutex_unlock(&s->lock);
	sender_settle(s, p, outcome, &ctx, mark);
}

/* ---- verdicts ---- */

struct tally {
	uint64_t delivered, duplicate, dead, dropped[DROP_REASONS], stored;
	uint32_t retry, hold, suspect, none, letters;
	size_t freed;
	struct str first_reason;
};

static bool put_letter(struct sender *s, const struct pack *p, const struct pack_item *it, const struct pack_note *note)
{
	struct letter l = {
		.reason = note ? note_text(p, note) : STR("refused"),
		.status = note ? note->status : 0,
		.origin = str_z(s->id),
		.document = item_document(p, it),
		.json = it->flags & ITEM_JSON,
	};

	if (s->ops->describe)
		s->ops->describe(p, it, &l.index, &l.id);
	return s->letters && s->letters->put(s->letters, &l);
}

static void judge_item(struct sender *s, struct pack *p, uint32_t i, bool suspects_die, struct tally *t)
{
	struct pack_item *it = &p->item[i];
	const struct pack_note *note = NULL;

	if (it->verdict == VERDICT_SUSPECT && suspects_die)
		it->verdict = VERDICT_DEAD;
	if (it->verdict == VERDICT_DEAD || it->verdict == VERDICT_DROPPED)
		note = pack_note_of(p, i);
	switch ((enum verdict)it->verdict) {
	case VERDICT_DELIVERED:
		t->delivered++;
		break;
	case VERDICT_DUPLICATE:
		t->duplicate++;
		break;
	case VERDICT_DEAD:
		if (!t->first_reason.p && note)
			t->first_reason = note_text(p, note);
		if (put_letter(s, p, it, note)) {
			t->dead++;
			t->letters++;
		} else {
			t->dropped[DROP_NO_LETTER]++;
		}
		break;
	case VERDICT_DROPPED:
		t->dropped[note ? note->drop : DROP_IGNORED]++;
		break;
	case VERDICT_RETRY:
		t->retry++;
		return;
	case VERDICT_HOLD:
		t->hold++;
		return;
	case VERDICT_SUSPECT:
		t->suspect++;
		return;
	case VERDICT_NONE:
		t->none++;
		return;
	}
	t->stored += (it->flags & ITEM_STORED) != 0;
}

/* Under lock: when the rest of p is tried again, and whether the far end as a whole is in trouble. */
static void schedule(struct sender *s, struct pack *p, enum send_result outcome, const struct tally *t, bool accepted)
{
	int64_t now = clock_mono(s->clock);
	bool progress = accepted || t->delivered || t->duplicate || t->dead || t->dropped[DROP_IGNORED] || t->dropped[DROP_CLOSED] ||
			t->dropped[DROP_NOBODY];
	bool whole = outcome != SEND_JUDGED || (!progress && p->n);

	if (!whole) {
		s->streak = 0;
		s->not_before_ns = 0;
	} else {
		if (!s->streak++)
			s->failing_since_ns = now;
		s->not_before_ns = now + backoff(s, s->streak);
		/* One refused pack may be the pack's own fault, several in a row hardly. */
		if (!s->closing && (outcome == SEND_HOLD || (outcome == SEND_REFUSED && s->streak > 2) ||
				    (outcome == SEND_JUDGED && t->hold && !t->retry && !t->suspect)))
			s->not_before_ns = now + BACKOFF_MAX_S * second;
		if (s->closing && ++s->closing_failures >= CLOSING_FAILURES)
			s->give_up = true;
	}
	if (p->n == 0) {
		sender_recycle(s, p);
		return;
	}
	s->st.retried += p->n;
	p->tries++;
	if (s->ops->ordered && !s->not_before_ns)
		s->not_before_ns = now + backoff(s, p->tries);
	if (s->ops->ordered || outcome == SEND_RETRY || outcome == SEND_HOLD) {
		sender_enqueue(s, p);
		return;
	}
	if (t->retry || t->none)
		p->not_before_ns = now + backoff(s, p->tries);
	else
		p->not_before_ns = now + (s->closing ? 1 : BACKOFF_MAX_S) * second;
	if (outcome == SEND_REFUSED && !s->closing)
		p->not_before_ns = now + BACKOFF_MAX_S * second;
	if (delayed_join(s, p))
		sender_recycle(s, p);
	else
		delayed_insert(s, p);
}

/*
 * A server that was down comes back with a certificate that nobody believes: an outage has a line for each of its reasons, whatever numbers
 * stand in them, but not for each try. Under lock.
 */
static bool is_news(struct sender *s, const char *reason)
{
	uint32_t h = 2166136261u;

	for (const char *p = reason; *p; p++)
		if (!ch_digit(*p))
			h = (h ^ (uint8_t)*p) * 16777619u;
	for (unsigned i = 0; i < s->ntold; i++)
		if (s->told[i] == h)
			return false;
	if (s->ntold == REASONS_TOLD)
		return false;
	s->told[s->ntold++] = h;
	return true;
}

static void report(struct sender *s, enum send_result outcome, const struct send_ctx *ctx, const struct tally *t,
		   unsigned streak, bool news, uint64_t waiting)
{
	bool again = ctx->err.text[0] && (t->retry || t->hold || t->suspect || t->none);

	if (t->dead || t->dropped[DROP_NO_LETTER]) {
		ptrdiff_t colon = str_chr(t->first_reason, ':');
		struct str kind = colon >= 0 ? str_sub(t->first_reason, 0, (size_t)colon) : t->first_reason;

		log_warn("output", "'%s': %" PRIu64 " events refused for good, kept as dead letters (%.*s)", s->id,
			 t->dead + t->dropped[DROP_NO_LETTER], STR_ARG(str_sub(kind, 0, 64)));
	}
	if (t->dropped[DROP_NO_LETTER])
		log_error("output", "'%s': %" PRIu64 " dead letters could not be written: dropped", s->id,
			  t->dropped[DROP_NO_LETTER]);
	if (outcome == SEND_HOLD || outcome == SEND_REFUSED || (outcome == SEND_JUDGED && t->hold))
		log_error("output", "'%s': %s; %" PRIu64 " events wait, tried again every 30 s", s->id,
			  ctx->err.text[0] ? ctx->err.text : "the far end refuses some events", waiting);
	else if (again && (streak <= 1 || news))
		log_warn("output", "'%s': %s; trying again, %" PRIu64 " events wait", s->id, ctx->err.text, waiting);
	else if (again)
		log_debug("output", "'%s': %s (try %u)", s->id, ctx->err.text, streak);
}

void sender_settle(struct sender *s, struct pack *p, enum send_result outcome, struct send_ctx *ctx, uint64_t mark)
{
	struct tally t = {0};
	uint32_t before = p->n - p->first;
	size_t cost = p->live_bytes;
	uint64_t accepted, waiting;
	unsigned streak, was_streak;
	int64_t was_failing;
	char reason[72];
	bool wake, shelf_empty, news;
	struct waiter *waiter;

	pthread_mutex_lock(&s->lock);
	accepted = s->accepted;
	was_streak = s->streak;
	was_failing = s->failing_since_ns;
	pthread_mutex_unlock(&s->lock);
	for (uint32_t i = p->first; i < p->n; i++)
		judge_item(s, p, i, accepted + 1 > mark, &t);
	if (t.letters && s->letters->sync)
		s->letters->sync(s->letters);
	/* Only now: an ack says that the event has ended, and where. */
	for (uint32_t i = p->first; i < p->n; i++)
		if (verdict_final(p->item[i].verdict)) {
			ack_unref(p->item[i].ack);
			p->item[i].ack = NULL;
		}
	/* The reason's bytes go with the notes. */
	t.first_reason = str_sub(t.first_reason, 0, sizeof(reason));
	if (t.first_reason.len)
		memcpy(reason, t.first_reason.p, t.first_reason.len);
	t.first_reason.p = t.first_reason.p ? reason : NULL;
	p->accepted_mark = t.suspect ? mark : 0;
	pack_compact(p);

	pthread_mutex_lock(&s->lock);
	s->st.delivered += t.delivered;
	s->st.duplicate += t.duplicate;
	s->st.dead_letter += t.dead;
	s->st.quarantined += ctx->quarantined;
	for (int i = 0; i < DROP_REASONS; i++)
		s->st.dropped[i] += t.dropped[i];
	s->live -= before - p->n;
	s->stored_left -= t.stored;
	shelf_empty = t.stored && s->stored_left == 0;
	waiting = s->live;
	atomic_fetch_sub_explicit(&s->held, cost - p->live_bytes, memory_order_relaxed);
	schedule(s, p, outcome, &t, accepted + 1 > mark);
	streak = s->streak;
	if (!streak)
		s->ntold = 0;
	news = streak && is_news(s, ctx->err.text);
	s->st.failing = streak > 0;
	wake = sender_room(s);
	pthread_cond_broadcast(&s->settled);
	if (was_streak && !streak)
		pthread_cond_broadcast(&s->more);
	pthread_mutex_unlock(&s->lock);

	waiter = wake ? atomic_load(&s->outlet.waiter) : NULL;
	if (waiter)
		waiter->wake(waiter);
	if (shelf_empty && s->shelf)
		s->shelf->settled(s->shelf);
	if (was_streak && !streak)
		log_info("output", "'%s': works again after %" PRId64 " s", s->id,
			 (clock_mono(s->clock) - was_failing) / second);
	report(s, outcome, ctx, &t, streak, news, waiting);
}

/* ---- threads ---- */

/* Under lock; comes back with it. */
static void wait_until(struct sender *s, int64_t due)
{
	bool trim = due == INT64_MAX && s->n_spare;
	struct timespec at;
	int64_t by;

	s->waiting++;
	if (due == INT64_MAX && !trim) {
		pthread_cond_wait(&s->more, &s->lock);
		s->waiting--;
		return;
	}
	by = trim ? IDLE_TRIM_S * second : due - clock_mono(s->clock);
	clock_gettime(CLOCK_MONOTONIC, &at);
	by += at.tv_nsec + (int64_t)at.tv_sec * second;
	at = (struct timespec){by / second, by % second};
	/* Long quiet: the memory of the last burst goes back. */
	if (pthread_cond_timedwait(&s->more, &s->lock, &at) && trim)
		while (s->spare) {
			struct pack *p = s->spare;

			s->spare = p->next;
			s->n_spare--;
			pack_free(&p);
		}
	s->waiting--;
}

/*
 * Under lock; comes back with it. While there is nothing to send, the far end is prepared: true if it was tried. *due becomes the time of the next
 * try, where that is earlier. A send() that comes first makes sure by itself.
 */
static bool begin(struct sender *s, struct worker *w, int64_t *due)
{
	struct send_ctx ctx = {.clock = s->clock, .stop = &s->stop};
	enum send_result r;
	unsigned tries;

	if (s->begun || s->closing)
		return false;
	if (clock_mono(s->clock) < s->begin_at_ns) {
		*due = *due < s->begin_at_ns ? *due : s->begin_at_ns;
		return false;
	}
	s->begun = true;
	tries = ++s->begin_tries;
	pthread_mutex_unlock(&s->lock);
	open_link(s, w);
	r = s->ops->begin(s->conn, w->link, &ctx);
	if (r != SEND_JUDGED && !atomic_load_explicit(&s->stop, memory_order_relaxed)) {
		if (r == SEND_HOLD)
			log_error("output", "'%s': %s; tried again every 30 s", s->id, ctx.err.text);
		else if (tries == 1)
			log_warn("output", "'%s': %s; trying again", s->id, ctx.err.text);
	}
	pthread_mutex_lock(&s->lock);
	s->begun = r == SEND_JUDGED;
	s->begin_at_ns = clock_mono(s->clock) + (r == SEND_HOLD ? BACKOFF_MAX_S * second : backoff(s, tries));
	return true;
}

bool sender_step(struct sender *s, int64_t *due_ns)
{
	struct pack *p;
	bool begun = false;

	pthread_mutex_lock(&s->lock);
	p = next_pack(s, due_ns);
	if (p)
		s->busy++;
	else
		begun = begin(s, &s->worker[0], due_ns);
	pthread_mutex_unlock(&s->lock);
	if (!p)
		return begun;
	process(s, &s->worker[0], p);
	pthread_mutex_lock(&s->lock);
	s->busy--;
	pthread_mutex_unlock(&s->lock);
	return true;
}

static void *out_thread(void *arg)
{
	struct worker *w = arg;
	struct sender *s = w->sender;
	int64_t due;

	pthread_setname_np(pthread_self(), "weir-out");
	pthread_mutex_lock(&s->lock);
	while (!atomic_load_explicit(&s->stop, memory_order_relaxed)) {
		struct pack *p = next_pack(s, &due);

		if (!p) {
			if (!begin(s, w, &due))
				wait_until(s, due);
			continue;
		}
		s->busy++;
		pthread_mutex_unlock(&s->lock);
		process(s, w, p);
		pthread_mutex_lock(&s->lock);
		s->busy--;
		/* Those that waited for this probe look again. */
		if (s->waiting)
			pthread_cond_broadcast(&s->more);
	}
	pthread_mutex_unlock(&s->lock);
	if (w->linked && s->ops->link_close)
		s->ops->link_close(w->link);
	w->linked = false;
	return NULL;
}

void sender_kick(struct sender *s, bool more)
{
	struct worker *w = &s->worker[s->n_threads];
	pthread_attr_t attr;

	if (s->no_threads)
		return;
	if (s->n_threads && (s->waiting || !more || s->n_threads == s->workers)) {
		pthread_cond_signal(&s->more);
		return;
	}
	w->sender = s;
	pthread_attr_init(&attr);
	/* TLS and name look-ups are the deepest things below; the default of 8 MiB only looks bad in tools. */
	pthread_attr_setstacksize(&attr, 512 * 1024);
	if (pthread_create(&w->thread, &attr, out_thread, w) == 0)
		s->n_threads++;
	else if (s->n_threads == 0)
		log_error("output", "'%s': cannot start its thread", s->id);
	pthread_attr_destroy(&attr);
}
