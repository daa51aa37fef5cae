/*
 * inlet.c - what every input does alike: sources, the open batch, frames into it, its way to the pipeline's queue (see input.h).
 */
#include "input/input.h"
#include "pipeline/event_id.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

struct inlet_source {
	struct source source;
	char name[];
};

/* ---- identity of events: design.md's live sources, a nonce and a counter ---- */

void inlet_event_id(struct source *s, const struct batch *b, const struct span *span, uint32_t frame, uint32_t nth, struct event *ev)
{
	struct inlet *in = s->input;

	(void)b;
	(void)frame;
	(void)nth;
	event_id_make(ev, span->received_ns / 1000000, in->nonce, in->made++);
}

/* ---- batches ---- */

static size_t memory_limit(const struct inlet *in)
{
	/* An eighth stays for what the work thread makes. */
	return in->budget->max - in->budget->max / 8;
}

static bool memory_full(const struct inlet *in)
{
	return in->budget->max && atomic_load_explicit(&in->budget->used, memory_order_relaxed) > memory_limit(in);
}

bool inlet_full(const struct inlet *in)
{
	return in->overflow != NULL || memory_full(in);
}

static struct batch *open_batch(struct inlet *in)
{
	if (!in->open)
		in->open = batch_new(in->budget);
	return in->open;
}

static void set_paused(struct inlet *in, bool paused)
{
	in->paused = paused;
	/* Relaxed: a gauge. */
	atomic_store_explicit(&in->count.paused, paused, memory_order_relaxed);
}

void inlet_hold(struct inlet *in)
{
	if (in->paused || !in->ops->pause)
		return;
	set_paused(in, true);
	count_add(&in->count.pauses, 1);
	in->ops->pause(in);
	/* Memory is given back without a sign; the queue says so itself, but it may have done so just now. */
	loop_poll_room(in->loop);
}

/* What cannot be paused loses here, counted: the far end of a datagram waits for nobody. */
static void drop_batch(struct inlet *in, struct batch *b)
{
	count_add(&in->count.dropped, b->nframes);
	batch_free(b);
}

static void push_open(struct inlet *in)
{
	struct batch *b = in->open;

	if (!b || !b->nspans)
		return;
	in->open = NULL;
	if (!in->overflow && bqueue_push(in->queue, b))
		return;
	if (!in->ops->pause) {
		drop_batch(in, b);
		return;
	}
	/* At most what one read held can pile up: reading stops now. */
	b->next = NULL;
	if (in->overflow) {
		struct batch *last = in->overflow;

		while (last->next)
			last = last->next;
		last->next = b;
	} else {
		in->overflow = b;
	}
	inlet_hold(in);
}

/* Queue or memory may have room again. */
static void on_room(struct loop_member *m)
{
	struct inlet *in = (struct inlet *)((char *)m - offsetof(struct inlet, member));

	while (in->overflow) {
		struct batch *b = in->overflow, *next = b->next;

		if (!bqueue_push(in->queue, b))
			break;
		in->overflow = next;
	}
	if (!in->paused)
		return;
	if (inlet_full(in)) {
		loop_poll_room(in->loop);
		return;
	}
	set_paused(in, false);
	in->ops->resume(in);
}

void inlet_flush(struct inlet *in)
{
	/* While the work thread is busy the batch goes on filling; small ones exist only when it waits. */
	if (in->open && in->open->nspans && (bqueue_hungry(in->queue) || in->stopping))
		push_open(in);
}

static void on_turn(struct loop_member *m)
{
	struct inlet *in = (struct inlet *)((char *)m - offsetof(struct inlet, member));

	inlet_flush(in);
	/* It was not hungry, but may become so while the loop sleeps. */
	if (in->open && in->open->nspans)
		loop_poll_room(in->loop);
	if (!in->paused && memory_full(in))
		inlet_hold(in);
}

char *inlet_room(struct inlet *in, size_t n)
{
	return arena_bytes(&open_batch(in)->arena, n);
}

void inlet_unroom(struct inlet *in, char *from)
{
	struct arena *a = &in->open->arena;

	/* Only the newest piece can shrink; anything else stays until the batch goes. */
	if (from <= a->p && a->head && a->end - from >= 0 && (size_t)(a->end - from) <= a->bytes)
		a->p = from;
}

static struct span *span_for(struct inlet *in, struct source *s, const struct sockaddr *from)
{
	struct batch *b = open_batch(in);
	struct span *sp = b->nspans ? &b->span[b->nspans - 1] : NULL;

	if (sp && sp->source == s && !from && !in->split && !(sp->flags & SPAN_CLOSE))
		return sp;
	in->split = false;
	sp = &b->span[b->nspans++];
	memset(sp, 0, sizeof(*sp));
	sp->source = s;
	source_ref(s);
	sp->received_ns = clock_wall(&clock_system);
	sp->first = b->nframes;
	if (in->ops->span)
		in->ops->span(in, s, sp);
	return sp;
}

static bool batch_is_full(const struct batch *b)
{
	return b->nframes == BATCH_FRAMES || b->nspans == BATCH_FRAMES || b->bytes >= BATCH_BYTES;
}

/* The full batch goes; *rest lies in its arena and moves on. */
static void turn_over(struct inlet *in, struct str *rest)
{
	struct batch *next = batch_new(in->budget);

	if (rest && rest->len)
		*rest = arena_dup(&next->arena, *rest);
	push_open(in);
	bug_on(in->open);
	in->open = next;
}

void inlet_frame(struct inlet *in, struct source *s, struct str frame, uint32_t flags, bool copy, struct str *rest)
{
	struct batch *b = open_batch(in);
	struct span *sp = span_for(in, s, NULL);

	if (copy)
		frame = arena_dup(&b->arena, frame);
	b->frame[b->nframes++] = (struct frame){frame.p, (uint32_t)frame.len, flags};
	b->bytes += frame.len;
	sp->n++;
	count_add(&in->count.frames, 1);
	count_add(&in->count.bytes, frame.len);
	if (flags & FRAME_CUT)
		count_add(&in->count.cut, 1);
	if (flags & FRAME_BAD)
		count_add(&in->count.bad_framing, 1);
	if (in->ops->framed)
		in->ops->framed(in, s, sp);
	if (batch_is_full(b))
		turn_over(in, rest);
}

void inlet_datagram(struct inlet *in, struct source *s, struct str frame, const struct sockaddr *from, uint32_t flags)
{
	struct batch *b = open_batch(in);
	struct span *sp = span_for(in, s, from);

	if (from)
		memcpy(&sp->peer, from, from->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6)
					: from->sa_family == AF_INET ? sizeof(struct sockaddr_in)
								     : sizeof(sa_family_t));
	frame = arena_dup(&b->arena, frame);
	b->frame[b->nframes++] = (struct frame){frame.p, (uint32_t)frame.len, flags};
	b->bytes += frame.len;
	sp->n++;
	count_add(&in->count.frames, 1);
	count_add(&in->count.bytes, frame.len);
	count_add(&in->count.datagrams, 1);
	if (batch_is_full(b))
		push_open(in);
}

void inlet_mark(struct inlet *in, struct source *s, uint32_t flags)
{
	span_for(in, s, NULL)->flags |= flags;
	if (batch_is_full(in->open))
		push_open(in);
}

void inlet_close_source(struct inlet *in, struct source *s, struct str *rest)
{
	span_for(in, s, NULL)->flags |= SPAN_CLOSE;
	if (batch_is_full(in->open))
		turn_over(in, rest);
	source_unref(s);
}

/* ---- sources ---- */

static void free_source(struct source *s)
{
	if (s->free_decoder)
		s->free_decoder(s);
	free((char *)s->path.p);
	free(s->tls);
	free(s->extra);
	free(s);
}

struct source *inlet_source(struct inlet *in, struct str name)
{
	struct inlet_source *s = xzalloc(sizeof(*s) + name.len + 1);

	if (name.len)
		memcpy(s->name, name.p, name.len);
	s->source.name = str_n(s->name, name.len);
	s->source.input = in;
	s->source.instance = &in->instance;
	s->source.event_id = inlet_event_id;
	s->source.free = free_source;
	atomic_init(&s->source.refs, 1);
	return &s->source;
}

/* ---- life ---- */

struct inlet *inlet_new(struct plan_plugin *pp, struct inlet *partner, struct bqueue *queue, struct budget *budget,
			const struct inlet_hooks *hooks, struct err *err)
{
	struct inlet *in = xzalloc(sizeof(*in));

	in->plugin = pp->plugin;
	in->ops = partner ? partner->ops->companion : pp->plugin->input;
	in->partner = partner;
	in->instance = pp;
	in->name = xstrdupz(pp->id);
	in->key = xstrdupz(pp->key);
	in->queue = queue;
	in->budget = budget;
	in->hooks = *hooks;
	in->member.turn = on_turn;
	in->member.room = on_room;
	if (pp->codec) {
		in->framing = pp->codec->framing;
		in->delimiter_len = pp->codec->delimiter.len < sizeof(in->delimiter) ? pp->codec->delimiter.len : 0;
		if (in->delimiter_len)
			memcpy(in->delimiter, pp->codec->delimiter.p, in->delimiter_len);
	}
	if (!in->delimiter_len) {
		in->delimiter[0] = '\n';
		in->delimiter_len = 1;
	}
	bug_on(getrandom(in->nonce, sizeof(in->nonce), 0) != sizeof(in->nonce));
	if (in->ops->open(in, pp->self, err)) {
		inlet_free(in);
		return NULL;
	}
	return in;
}

struct start {
	struct inlet *in;
	struct err *err;
	int rc;
};

struct renewal {
	struct inlet *in;
	const void *self;
};

static void start_on_loop(void *arg)
{
	struct start *s = arg;

	loop_join(s->in->loop, &s->in->member);
	s->rc = s->in->ops->start(s->in, s->err);
	/* Handles that it has opened are closed by stop(), as any. Until then nothing is asked of it. */
	s->in->started = true;
	if (s->rc)
		loop_leave(&s->in->member);
}

int inlet_start(struct inlet *in, struct loop *loop, struct err *err)
{
	struct start s = {in, err, 0};

	in->loop = loop;
	loop_call(loop, start_on_loop, &s);
	return s.rc;
}

static void stop_on_loop(void *arg)
{
	struct inlet *in = arg;

	in->stopping = true;
	in->ops->stop(in);
}

void inlet_stop(struct inlet *in)
{
	loop_call(in->loop, stop_on_loop, in);
}

static void renew_on_loop(void *arg)
{
	const struct renewal *r = arg;

	r->in->ops->renew(r->in, r->self);
}

void inlet_renew(struct inlet *in, const void *self)
{
	struct renewal r = {in, self};

	if (in->ops->renew && in->started)
		loop_call(in->loop, renew_on_loop, &r);
}

void inlet_ended(struct inlet *in)
{
	push_open(in);
	if (in->hooks.ended)
		in->hooks.ended(in->hooks.arg, in);
}

void inlet_closed(struct inlet *in)
{
	push_open(in);
	/* Its sockets are gone, so nothing can grow any more: what found the queue full goes in all the same. */
	while (in->overflow) {
		struct batch *b = in->overflow;

		in->overflow = b->next;
		if (!bqueue_push_last(in->queue, b))
			drop_batch(in, b);
	}
	loop_leave(&in->member);
	if (in->hooks.closed)
		in->hooks.closed(in->hooks.arg, in);
}

void inlet_all_closed(void *arg)
{
	inlet_closed(arg);
}

void inlet_free(struct inlet *in)
{
	if (!in)
		return;
	if (in->io && in->ops->release)
		in->ops->release(in);
	batch_free(in->open);
	while (in->overflow) {
		struct batch *b = in->overflow;

		in->overflow = b->next;
		batch_free(b);
	}
	free(in->name);
	free(in->key);
	free(in);
}
