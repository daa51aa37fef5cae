/*
 * heartbeat.c - `input { heartbeat { interval => 60 } }`: an event now and then, so that somebody can notice when it stays away.
 *
 * A frame is the event's number, 1, 2, 3 ...; what it becomes is the work thread's business.
 */
#include "base/log.h"
#include "input/decorate.h"
#include "input/input.h"

#include <stdio.h>
#include <stdlib.h>

enum sequence { SEQUENCE_NONE, SEQUENCE_EPOCH, SEQUENCE_NUMBER };

struct heartbeat {
	struct str message, sequence;
	int64_t interval, count;
	enum sequence kind;	/* made by open() */
	bool show_message;
	const struct ref *host, *clock;
};

static enum sequence sequence_of(struct str s)
{
	return str_eq(s, STR("epoch")) ? SEQUENCE_EPOCH : str_eq(s, STR("sequence")) ? SEQUENCE_NUMBER : SEQUENCE_NONE;
}

static int heartbeat_open(void *self, struct plugin_ctx *ctx, struct err *err)
{
	struct heartbeat *h = self;
	bool old = sequence_of(h->message) != SEQUENCE_NONE;

	if (h->interval < 1000000)
		return err_set(err, "'interval' is a millisecond at least");
	if (h->sequence.len && sequence_of(h->sequence) == SEQUENCE_NONE && !str_eq(h->sequence, STR("none")))
		return err_set(err, "'sequence' is none, epoch or sequence, not '%.*s'", STR_ARG(str_sub(h->sequence, 0, 64)));
	if (old && !h->sequence.len)
		plugin_warn(ctx, "'message => \"%.*s\"' is said by the option 'sequence' today", STR_ARG(h->message));
	h->kind = sequence_of(h->sequence.len || ctx->ecs != ECS_DISABLED ? h->sequence : h->message);
	h->show_message = !old || h->kind == SEQUENCE_NONE;
	h->host = ref_compile(ctx->arena, ctx->ecs == ECS_DISABLED ? STR("host") : STR("[host][name]"), err);
	h->clock = ref_compile(ctx->arena, ctx->ecs == ECS_DISABLED ? STR("clock") : STR("[event][sequence]"), err);
	return h->host && h->clock ? 0 : -1;
}

static void heartbeat_decode(void *self, struct event *ev, struct str frame, uint32_t flags, const struct span *sp)
{
	struct heartbeat *h = self;
	int64_t n = 0;

	event_stamp(ev, ts_from_ns(sp->received_ns));
	if (h->show_message)
		event_set_top(ev, key_make(STR("message")), v_str(h->message));
	(void)event_set(ev, h->host, v_str(own_hostname()));
	if (h->kind == SEQUENCE_EPOCH)
		n = sp->received_ns / 1000000000;
	else
		(void)str_i64(frame, &n);
	if (h->kind != SEQUENCE_NONE)
		(void)event_set(ev, h->clock, v_int(n));
}

/* With a codec, which gets the number. */
static void heartbeat_decorate(void *self, struct event *ev, const struct span *sp)
{
	decorate_set(ev, ((struct heartbeat *)self)->host, v_str(own_hostname()));
}

/* ---- loop thread ---- */

struct heartbeat_io {
	struct source *source;
	uv_timer_t timer;
	uint64_t interval_ms, sent, count; /* count 0: without end */
	bool due, ended;
};

static int io_open(struct inlet *in, const void *self, struct err *err)
{
	const struct heartbeat *h = self;
	struct heartbeat_io *io = xzalloc(sizeof(*io));

	in->io = io;
	io->interval_ms = (uint64_t)(h->interval / 1000000);
	io->count = h->count > 0 ? (uint64_t)h->count : 0;
	return 0;
}

static void end(struct inlet *in)
{
	struct heartbeat_io *io = in->io;

	if (io->ended)
		return;
	io->ended = true;
	uv_timer_stop(&io->timer);
	inlet_split(in);
	inlet_mark(in, io->source, SPAN_CLOSE);
	source_unref(io->source);
	io->source = NULL;
}

static void beat(struct inlet *in)
{
	struct heartbeat_io *io = in->io;
	char text[24];
	int n;

	io->due = in->paused && !io->ended;
	if (io->due || io->ended)
		return;
	n = snprintf(text, sizeof(text), "%llu", (unsigned long long)++io->sent);
	/* Each has a time of its own. */
	inlet_split(in);
	inlet_frame(in, io->source, str_n(text, (size_t)n), 0, true, NULL);
	if (io->count && io->sent == io->count) {
		end(in);
		inlet_ended(in);
	}
}

static void on_timer(uv_timer_t *t)
{
	beat(t->data);
}

static int io_start(struct inlet *in, struct err *err)
{
	struct heartbeat_io *io = in->io;

	io->source = inlet_source(in, STR("heartbeat"));
	uv_timer_init(loop_uv(in->loop), &io->timer);
	io->timer.data = in;
	uv_timer_start(&io->timer, on_timer, 0, io->interval_ms);
	return 0;
}

/* Beats are not made up for: while nothing is taken there is one, and it comes late. */
static void io_pause(struct inlet *in)
{
}

static void io_resume(struct inlet *in)
{
	if (((struct heartbeat_io *)in->io)->due)
		beat(in);
}

static void on_closed(uv_handle_t *h)
{
	inlet_closed(h->data);
}

static void io_stop(struct inlet *in)
{
	end(in);
	uv_close((uv_handle_t *)&((struct heartbeat_io *)in->io)->timer, on_closed);
}

static void io_release(struct inlet *in)
{
	free(in->io);
}

static const struct input_ops ops = {.open = io_open, .start = io_start, .pause = io_pause, .resume = io_resume, .stop = io_stop,
				     .release = io_release};

static const struct option options[] = {
	{"interval", OPT_DURATION, offsetof(struct heartbeat, interval), .def = "60", .doc = "between two events"},
	{"message", OPT_STRING, offsetof(struct heartbeat, message), .def = "\"ok\"", .doc = "their text; epoch or sequence mean what the option sequence means"},
	{"sequence", OPT_STRING, offsetof(struct heartbeat, sequence),
	 .doc = "epoch: seconds since 1970, sequence: 1, 2, 3 ... in clock (or [event][sequence]); none"},
	{"count", OPT_INT, offsetof(struct heartbeat, count), .def = "-1", .doc = "how many; 0 or less: without end"},
	{"threads", OPT_IGNORED, 0, .doc = "one thread is enough"},
	{0},
};

INPUT(heartbeat, .size = sizeof(struct heartbeat), .options = options, .doc = "an event now and then", .default_codec = "plain",
      .open = heartbeat_open, .decode = heartbeat_decode, .decorate = heartbeat_decorate, .input = &ops)
