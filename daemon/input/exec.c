/*
 * exec.c - `input { exec { command => "uptime" interval => 60 } }`: what a command prints, now and then; each run is a frame.
 *
 * A run's exit status and duration travel as its span's cursor: DURATION in microseconds << 9 | STATUS + 1 (0: unknown).
 */
#include "base/cron.h"
#include "base/log.h"
#include "input/command.h"
#include "input/decorate.h"
#include "input/framer.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

enum { STATUS_BITS = 9, READ_BYTES = 32 * 1024, CLOCK_LOOK_S = 60, KEEP_BYTES = 64 * 1024 };

/* ---- work thread ---- */

struct exec {
	struct str command, schedule;
	int64_t interval, max_output;
	struct cron cron; /* made by open() */
	bool legacy;
	const struct ref *host, *line, *status, *elapsed;
};

static int exec_open(void *self, struct plugin_ctx *ctx, struct err *err)
{
	struct exec *e = self;
	bool legacy = ctx->ecs == ECS_DISABLED;

	if (!str_trim(e->command).len || memchr(e->command.p, 0, e->command.len))
		return err_set(err, "'command' is empty");
	if ((e->interval != 0) == (e->schedule.len != 0))
		return err_set(err, "either 'interval' or 'schedule' is needed");
	if (e->interval < 0 || (e->interval && e->interval < 1000000))
		return err_set(err, "'interval' is a millisecond at least");
	if (e->schedule.len && cron_parse(&e->cron, e->schedule, err) == -1)
		return err_prefix(err, "'schedule': ");
	e->legacy = legacy;
	e->host = ref_compile(ctx->arena, legacy ? STR("host") : STR("[host][name]"), err);
	e->line = ref_compile(ctx->arena, legacy ? STR("command") : STR("[process][command_line]"), err);
	e->status = ref_compile(ctx->arena, legacy ? STR("[@metadata][exit_status]") : STR("[process][exit_code]"), err);
	e->elapsed = ref_compile(ctx->arena, legacy ? STR("[@metadata][duration]") : STR("[@metadata][input][exec][process][elapsed_time]"), err);
	return e->host && e->line && e->status && e->elapsed ? 0 : -1;
}

static void exec_decorate(void *self, struct event *ev, const struct span *sp)
{
	const struct exec *e = self;
	int64_t status = (int64_t)(sp->cursor & ((1u << STATUS_BITS) - 1)) - 1, us = (int64_t)(sp->cursor >> STATUS_BITS);

	decorate_set(ev, e->host, v_str(own_hostname()));
	decorate_set(ev, e->line, v_str(e->command));
	decorate_set(ev, e->status, status >= 0 ? v_int(status) : v_null());
	/* Logstash's plug-in calls the second one nanoseconds, and gives microseconds. */
	(void)event_set(ev, e->elapsed, e->legacy ? v_float((double)us / 1e6) : v_int(us));
}

/* ---- loop thread ---- */

struct exec_io {
	struct command command; /* first */
	char *line;
	int64_t interval_ns; /* 0: by cron */
	struct cron cron;
	size_t max;
	bool by_line; /* the codec takes lines, and not all of it at once */
	uv_timer_t timer;
	struct buf out;
	bool cut;
	int64_t begun_ns; /* monotonic */
	uint64_t cursor;  /* of the frame that is handed over */
	bool waiting;	  /* a run is due, or its output is, and nothing is taken at the moment */
	int status;
	bool finished;	  /* of the run whose output waits */
	bool closing;
};

static bool on_read(struct command *c, int fd)
{
	struct exec_io *io = (struct exec_io *)c;
	char piece[READ_BYTES];
	ssize_t n;

	n = read(fd, piece, sizeof(piece));
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return true;
	if (n <= 0)
		return false;
	/* Read on all the same, so that it does not stand still. */
	if (io->out.len + (size_t)n > io->max) {
		n = (ssize_t)(io->max - io->out.len);
		io->cut = true;
	}
	buf_add(&io->out, piece, (size_t)n);
	return true;
}

static void on_timer(uv_timer_t *t);

static void wait_for_next(struct inlet *in)
{
	struct exec_io *io = in->io;
	int64_t wait_ms, wall = clock_wall(&clock_system) / 1000000;

	if (io->closing)
		return;
	if (io->interval_ns) {
		wait_ms = (io->begun_ns + io->interval_ns - clock_mono(&clock_system) + 999999) / 1000000;
		if (wait_ms < 0)
			log_warn("input", "%s: the command ran longer than its interval", in->name);
	} else {
		int64_t next = cron_next(&io->cron, wall / 1000);

		/* The wall clock may be set: it is looked at again and again. */
		wait_ms = next < 0 || next * 1000 - wall > CLOCK_LOOK_S * 1000 ? CLOCK_LOOK_S * 1000 : next * 1000 - wall;
	}
	uv_timer_start(&io->timer, on_timer, wait_ms > 0 ? (uint64_t)wait_ms : 0, 0);
}

static void run(struct inlet *in)
{
	struct exec_io *io = in->io;
	struct err err;

	io->begun_ns = clock_mono(&clock_system);
	io->cut = false;
	buf_clear(&io->out);
	if (command_start(&io->command, io->line, &err) == 0)
		return;
	log_error("input", "%s: %s", in->name, err.text);
	wait_for_next(in);
}

/* Due by the clock: cron's second has come, and not only the end of the longest wait. */
static bool is_due(struct exec_io *io)
{
	int64_t now = clock_wall(&clock_system) / 1000000000;

	return io->interval_ns || cron_next(&io->cron, now - 1) == now;
}

static void on_timer(uv_timer_t *t)
{
	struct inlet *in = t->data;
	struct exec_io *io = in->io;

	if (!is_due(io)) {
		wait_for_next(in);
		return;
	}
	io->waiting = in->paused;
	if (!io->waiting)
		run(in);
}

/* For a codec that takes lines. */
static void lines(struct inlet *in, struct source *s)
{
	struct exec_io *io = in->io;
	struct framer f = {.kind = FRAMER_LINE, .delimiter = str_n(in->delimiter, in->delimiter_len), .max = io->max};
	struct str rest = buf_slice(&io->out), frame;
	uint32_t flags;
	size_t used;

	for (;;) {
		enum framer_answer a;

		flags = 0;
		a = framer_next(&f, rest, &frame, &used, &flags);
		rest = str_from(rest, used);
		if (a == FRAMER_FRAME)
			inlet_frame(in, s, frame, flags, true, NULL);
		else if (!used)
			break;
	}
	flags = 0;
	if (framer_end(&f, rest, &frame, &flags))
		inlet_frame(in, s, frame, flags | (io->cut ? FRAME_CUT : 0), true, NULL);
}

/* A run's output, whole or in lines as the codec wants it, is of a source of its own: what a codec holds goes with it. */
static void hand_over(struct inlet *in)
{
	struct exec_io *io = in->io;
	struct source *s = inlet_source(in, STR("exec"));
	int64_t us = (clock_mono(&clock_system) - io->begun_ns) / 1000;

	io->cursor = (uint64_t)us << STATUS_BITS | (uint64_t)(io->status >= 0 && io->status < (1 << STATUS_BITS) - 1 ? io->status + 1 : 0);
	inlet_split(in);
	if (io->by_line)
		lines(in, s);
	else
		inlet_frame(in, s, buf_slice(&io->out), io->cut ? FRAME_CUT : 0, true, NULL);
	inlet_mark(in, s, SPAN_CLOSE);
	source_unref(s);
	buf_clear(&io->out);
	if (io->out.cap > KEEP_BYTES)
		buf_release(&io->out);
}

static void on_closed(uv_handle_t *h)
{
	inlet_closed(h->data);
}

static void on_done(struct command *c, int status)
{
	struct exec_io *io = (struct exec_io *)c;
	struct inlet *in = c->inlet;

	io->status = status;
	if (io->closing) {
		/* Ended in the middle: what it had said, if anything. */
		if (io->out.len)
			hand_over(in);
		uv_close((uv_handle_t *)&io->timer, on_closed);
		return;
	}
	io->finished = io->waiting = in->paused;
	if (io->waiting)
		return;
	hand_over(in);
	wait_for_next(in);
}

static int io_open(struct inlet *in, const void *self, struct err *err)
{
	const struct exec *e = self;
	struct exec_io *io = xzalloc(sizeof(*io));

	in->io = io;
	io->line = xstrdupz(e->command);
	io->interval_ns = e->interval;
	io->cron = e->cron;
	io->max = (size_t)e->max_output;
	io->by_line = in->framing == FRAME_LINE && !in->instance->codec->plugin->codec.several;
	buf_init(&io->out, 0);
	io->command = (struct command){.inlet = in, .read = on_read, .done = on_done};
	return 0;
}

static int io_start(struct inlet *in, struct err *err)
{
	struct exec_io *io = in->io;

	uv_timer_init(loop_uv(in->loop), &io->timer);
	io->timer.data = in;
	if (io->interval_ns)
		uv_timer_start(&io->timer, on_timer, 0, 0);
	else
		wait_for_next(in);
	return 0;
}

/* The command under way goes on: its output is bounded. */
static void io_pause(struct inlet *in)
{
}

static void io_resume(struct inlet *in)
{
	struct exec_io *io = in->io;

	if (!io->waiting || io->closing)
		return;
	io->waiting = false;
	if (!io->finished) {
		run(in);
		return;
	}
	io->finished = false;
	hand_over(in);
	wait_for_next(in);
}

static void io_stop(struct inlet *in)
{
	struct exec_io *io = in->io;

	io->closing = true;
	uv_timer_stop(&io->timer);
	if (io->command.running) {
		command_stop(&io->command);
		return;
	}
	if (io->finished)
		hand_over(in);
	uv_close((uv_handle_t *)&io->timer, on_closed);
}

static void io_span(struct inlet *in, struct source *s, struct span *sp)
{
	sp->cursor = ((struct exec_io *)in->io)->cursor;
}

static void io_release(struct inlet *in)
{
	struct exec_io *io = in->io;

	buf_release(&io->out);
	free(io->line);
	free(io);
}

static const struct input_ops ops = {.endless = true, .open = io_open, .start = io_start, .pause = io_pause, .resume = io_resume,
				     .stop = io_stop, .span = io_span, .release = io_release};

static const struct option options[] = {
	{"command", OPT_STRING, offsetof(struct exec, command), .flags = OPT_REQUIRED, .doc = "line for /bin/sh"},
	{"interval", OPT_DURATION, offsetof(struct exec, interval), .def = "0", .doc = "from the beginning of a run to that of the next"},
	{"schedule", OPT_STRING, offsetof(struct exec, schedule), .doc = "or as cron has it: five fields, or six with seconds in front; a zone behind them"},
	{"max_output", OPT_BYTES, offsetof(struct exec, max_output), .flags = OPT_WEIR, .def = "33554432", .min = 16, .max = 268435456,
	 .doc = "longest output of a run; the rest of a longer one is left out, counted"},
	{0},
};

INPUT(exec, .size = sizeof(struct exec), .options = options, .doc = "what a command prints, now and then", .default_codec = "plain",
      .open = exec_open, .decorate = exec_decorate, .input = &ops)
