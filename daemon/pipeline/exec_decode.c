/*
 * exec_decode.c - frames of batches to events, one at a time, and the decoders that hold frames back (see exec_int.h).
 */
#include "exec_int.h"
#include "base/log.h"

#include <stdlib.h>

struct decoder {
	const struct plugin *plugin;
	struct codec *codec; /* of the present plan; may be gone when the source is */
	void *state;
	/* While it holds frames back: a place in the executor's list, which keeps the source, and where the event began. */
	struct exec *exec; /* NULL: it holds none */
	struct decoder *next, **at;
	struct source *source;
	struct ack *ack; /* of the first frame: a source never counts as done what lies behind one that is not */
	struct sockaddr_storage peer;
	int64_t received_ns;
	char id[sizeof(((struct event *)NULL)->id)];
	uint8_t id_len;
	bool asked; /* a batch that flushes it is under way */
};

/* Decoder d holds frames from the present one on. */
static void hold(struct exec *x, struct decoder *d, const struct span *sp)
{
	struct event first = {0};

	if (sp->source->event_id)
		sp->source->event_id(sp->source, x->batch, sp, x->frame, x->made, &first);
	memcpy(d->id, first.id, sizeof(d->id));
	d->id_len = first.id_len;
	d->ack = sp->ack;
	ack_ref(d->ack);
	d->peer = sp->peer;
	d->received_ns = sp->received_ns;
	d->source = sp->source;
	source_ref(d->source);
	d->exec = x;
	d->next = x->holding;
	d->at = &x->holding;
	if (d->next)
		d->next->at = &d->next;
	x->holding = d;
}

/* May free d with its source, where nobody else has it. */
static void unhold(struct decoder *d)
{
	struct source *s = d->source;

	*d->at = d->next;
	if (d->next)
		d->next->at = d->at;
	ack_unref(d->ack);
	d->ack = NULL;
	d->exec = NULL;
	d->source = NULL;
	source_unref(s);
}

static int64_t decoder_due(const struct decoder *d)
{
	return d->plugin->codec.due(d->codec->self, d->state);
}

int64_t decoders_due(const struct exec *x)
{
	int64_t due = INT64_MAX;

	for (const struct decoder *d = x->holding; d; d = d->next) {
		int64_t at = d->asked ? INT64_MAX : decoder_due(d);

		due = at < due ? at : due;
	}
	return due;
}

void decoders_release(struct exec *x)
{
	while (x->holding)
		unhold(x->holding);
}

bool decoders_flush(struct exec *x, int64_t now_ns, uint32_t flags)
{
	struct batch *b = NULL;
	bool any = false;

	for (struct decoder *d = x->holding; d; d = d->next) {
		if (d->asked || (flags == SPAN_IDLE && decoder_due(d) > now_ns))
			continue;
		if (!b)
			b = batch_new(NULL);
		d->asked = any = true;
		source_ref(d->source);
		b->span[b->nspans++] = (struct span){.source = d->source, .peer = d->peer, .flags = flags,
						     .received_ns = clock_wall(x->plan->settings.clock)};
		if (b->nspans == BATCH_FRAMES) {
			exec_feed(x, b);
			b = NULL;
		}
	}
	if (b)
		exec_feed(x, b);
	return any;
}

static bool flush_wanted(const struct exec *x, const struct decoder *d, const struct span *sp)
{
	if (!d->codec->plugin->codec.flush)
		return false;
	if (sp->flags & SPAN_CLOSE)
		return true;
	/* A line may have come since the batch was made. */
	return sp->flags & SPAN_IDLE && d->exec && decoder_due(d) <= clock_mono(x->plan->settings.clock);
}

static void free_decoder(struct source *s)
{
	struct decoder *d = s->decoder;

	if (!d)
		return;
	if (d->exec)
		unhold(d);
	if (d->plugin->codec.release)
		d->plugin->codec.release(d->state);
	free(d->state);
	free(d);
	s->decoder = NULL;
}

static struct decoder *source_decoder(struct source *s, struct plan_plugin *in)
{
	struct decoder *d = s->decoder;
	struct codec *codec = in->plugin->codec_of ? in->plugin->codec_of(in->self, s) : NULL;

	if (!codec)
		codec = in->codec;
	if (d && d->plugin == codec->plugin) {
		/* After a reload it is the new plan's codec; what the old one had begun stays. */
		d->codec = codec;
		return d;
	}
	free_decoder(s);
	d = xzalloc(sizeof(*d));
	d->plugin = codec->plugin;
	d->codec = codec;
	d->state = xzalloc(codec->plugin->codec.state_size);
	s->decoder = d;
	s->free_decoder = free_decoder;
	return d;
}

static bool decodes_itself(const struct plan_plugin *in)
{
	return in->plugin->decode && (in->plugin->events || !in->options.codec);
}

/* The event ends with the present frame, and is counted as what that became. */
static void from_frame(struct exec *x, const struct span *sp, struct event *ev)
{
	ev->ack = sp->ack;
	ack_ref(ev->ack);
	ev->received_ns = sp->received_ns;
	if (sp->source->event_id)
		sp->source->event_id(sp->source, x->batch, sp, x->frame, x->made, ev);
	x->made++;
}

/* It begins with the first frame that d held: it is that frame's, wherever it ends. *sp becomes what the input makes fields of. */
static void from_held(struct decoder *d, struct span *sp, struct event *ev)
{
	ev->ack = d->ack;
	ack_ref(ev->ack);
	ev->received_ns = d->received_ns;
	memcpy(ev->id, d->id, sizeof(ev->id));
	ev->id_len = d->id_len;
	sp->peer = d->peer;
	sp->received_ns = d->received_ns;
	unhold(d);
}

static __attribute__((noinline)) void input_common(struct exec *x, struct plan_plugin *in, struct event *ev)
{
	struct err err;

	if (common_run(in->common, ev, x->plan->settings.clock, &err))
		log_warn("pipeline", "input %s: %s", in->plugin->name, err.text);
}

/* d: NULL where the input reads frames by itself. */
static void event_received(struct exec *x, struct plan_plugin *in, struct decoder *d, const struct span *span, struct event *ev)
{
	struct span sp = *span;

	if (d && d->plugin->codec.took) {
		unsigned took = d->plugin->codec.took(d->state);

		if (took == 0)
			bump(&x->count->created_decode);
		else
			count_add(&x->count->merged, took - 1);
	} else if (x->made) {
		bump(&x->count->created_decode);
	}
	if (d && d->exec)
		from_held(d, &sp, ev);
	else
		from_frame(x, span, ev);
	if (in->plugin->decorate && !decodes_itself(in))
		in->plugin->decorate(in->self, ev, &sp);
	if (in->common)
		input_common(x, in, ev);
	if (in->plugin->decorated)
		in->plugin->decorated(in->self, ev, &sp);
	bump(&in->out);
}

/* The decoder has given all events of the present frame. */
static void frame_ended(struct exec *x, struct decoder *d, const struct span *sp)
{
	const struct codec_ops *ops = &d->plugin->codec;

	if (ops->took)
		count_add(&x->count->ended_decode, ops->took(d->state));
	else if (!x->made)
		bump(&x->count->ended_decode);
	if (ops->due && !d->exec && ops->due(d->codec->self, d->state))
		hold(x, d, sp);
	x->frame++;
}

/* A frame of an input that reads it by itself: always one event. */
static void push_direct(struct exec *x, struct plan_plugin *in, const struct span *sp, const struct frame *fr)
{
	struct task *t;

	arena_clear(&x->arena);
	t = push_task(&x->decoder);
	event_init(&t->ev, &x->arena);
	in->plugin->decode(in->self, &t->ev, str_n(fr->p, fr->len), fr->flags, sp);
	event_received(x, in, NULL, sp, &t->ev);
	x->frame++;
}

static void batch_done(struct exec *x)
{
	struct batch *b = x->batch;

	x->batch = b->next;
	if (!x->batch)
		x->last = &x->batch;
	x->nbatches--;
	x->span = x->frame = 0;
	batch_free(b);
}

bool push_decoded(struct exec *x)
{
	while (x->batch) {
		struct batch *b = x->batch;
		struct span *sp = &b->span[x->span];
		struct plan_plugin *in;
		struct decoder *d;
		struct decode_ctx ctx = {.clock = x->plan->settings.clock};
		const struct codec_ops *ops;

		if (x->span == b->nspans) {
			batch_done(x);
			continue;
		}
		in = *sp->source->instance;
		d = source_decoder(sp->source, in);
		ops = &d->codec->plugin->codec;
		ctx.now_ns = sp->received_ns;
		ctx.ecs = in->ecs;
		ctx.peer = &sp->peer;
		if (x->decoding) {
			struct task *t;

			arena_clear(&x->arena);
			t = push_task(&x->decoder);
			event_init(&t->ev, &x->arena);
			if (ops->next(d->codec->self, d->state, &t->ev, &ctx)) {
				event_received(x, in, d, sp, &t->ev);
				return true;
			}
			x->decoder.depth--;
			x->decoding = false;
			if (x->frame < sp->first + sp->n)
				frame_ended(x, d, sp);
			else /* That was the flush. */
				sp->flags &= ~(uint32_t)(SPAN_CLOSE | SPAN_IDLE);
			continue;
		}
		x->made = 0;
		if (x->frame < sp->first)
			x->frame = sp->first;
		if (x->frame < sp->first + sp->n) {
			const struct frame *fr = &b->frame[x->frame];

			bump(&x->count->lines);
			bump(&in->in);
			if (decodes_itself(in)) {
				push_direct(x, in, sp, fr);
				return true;
			}
			ctx.flags = fr->flags;
			ops->feed(d->codec->self, d->state, str_n(fr->p, fr->len), &ctx);
			x->decoding = true;
			continue;
		}
		if (flush_wanted(x, d, sp)) {
			ops->flush(d->codec->self, d->state, &ctx);
			x->made = 1; /* whatever comes was not a frame of its own */
			x->decoding = true;
			continue;
		}
		if (sp->n == 0)
			d->asked = false;
		ack_unref(sp->ack);
		sp->ack = NULL;
		x->span++;
	}
	return false;
}
