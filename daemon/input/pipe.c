/*
 * pipe.c - `input { pipe { command => "tail -F x" } }`: lines of a program that goes on running; one that ends is started again.
 */
#include "base/log.h"
#include "input/command.h"
#include "input/decorate.h"
#include "input/stream.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- work thread ---- */

struct pipe_input {
	struct str command;
	bool restart;
	int64_t restart_interval, max_line;
	const struct ref *host, *line;
};

static int pipe_open(void *self, struct plugin_ctx *ctx, struct err *err)
{
	struct pipe_input *p = self;
	bool legacy = ctx->ecs == ECS_DISABLED;

	if (!str_trim(p->command).len || memchr(p->command.p, 0, p->command.len))
		return err_set(err, "'command' is empty");
	p->host = ref_compile(ctx->arena, legacy ? STR("host") : STR("[host][name]"), err);
	p->line = ref_compile(ctx->arena, legacy ? STR("command") : STR("[process][command_line]"), err);
	return p->host && p->line ? 0 : -1;
}

static void pipe_decorate(void *self, struct event *ev, const struct span *sp)
{
	const struct pipe_input *p = self;

	decorate_set(ev, p->host, v_str(own_hostname()));
	decorate_set(ev, p->line, v_str(p->command));
}

/* ---- loop thread ---- */

struct pipe_io {
	struct command command; /* first */
	char *line;
	bool restart, closing;
	uint64_t restart_ms;
	size_t max_line;
	uv_timer_t timer;
	struct stream st;
};

static bool on_read(struct command *c, int fd)
{
	struct pipe_io *io = (struct pipe_io *)c;
	uv_buf_t buf;
	ssize_t n;
	int e;

	stream_alloc(&io->st, &buf);
	n = read(fd, buf.base, buf.len);
	e = errno;
	stream_read(&io->st, &buf, n);
	return n > 0 || (n == -1 && (e == EAGAIN || e == EINTR));
}

static void run(struct inlet *in);

static void on_timer(uv_timer_t *t)
{
	run(t->data);
}

static void on_closed(uv_handle_t *h)
{
	inlet_closed(h->data);
}

static void again(struct inlet *in)
{
	struct pipe_io *io = in->io;

	if (io->closing)
		uv_close((uv_handle_t *)&io->timer, on_closed);
	else if (io->restart)
		uv_timer_start(&io->timer, on_timer, io->restart_ms, 0);
	else
		inlet_ended(in);
}

static void on_done(struct command *c, int status)
{
	struct pipe_io *io = (struct pipe_io *)c;
	struct inlet *in = c->inlet;

	stream_end(&io->st);
	if (!io->closing && status)
		log_warn("input", "%s: the command ended with status %d", in->name, status);
	again(in);
}

static void run(struct inlet *in)
{
	struct pipe_io *io = in->io;
	struct err err;

	stream_init(&io->st, in, inlet_source(in, STR("pipe")), FRAMER_LINE, io->max_line);
	io->st.framer.chomp = true;
	io->st.count_max = STREAM_COUNTED;
	if (command_start(&io->command, io->line, &err) == 0)
		return;
	log_error("input", "%s: %s", in->name, err.text);
	stream_end(&io->st);
	again(in);
}

static int io_open(struct inlet *in, const void *self, struct err *err)
{
	const struct pipe_input *p = self;
	struct pipe_io *io = xzalloc(sizeof(*io));

	in->io = io;
	io->line = xstrdupz(p->command);
	io->restart = p->restart;
	io->restart_ms = (uint64_t)(p->restart_interval / 1000000);
	io->max_line = (size_t)p->max_line;
	io->command = (struct command){.inlet = in, .read = on_read, .done = on_done};
	return 0;
}

static int io_start(struct inlet *in, struct err *err)
{
	struct pipe_io *io = in->io;

	uv_timer_init(loop_uv(in->loop), &io->timer);
	io->timer.data = in;
	run(in);
	return 0;
}

static void io_pause(struct inlet *in)
{
	command_pause(&((struct pipe_io *)in->io)->command);
}

static void io_resume(struct inlet *in)
{
	command_resume(&((struct pipe_io *)in->io)->command);
}

static void io_stop(struct inlet *in)
{
	struct pipe_io *io = in->io;

	io->closing = true;
	uv_timer_stop(&io->timer);
	if (io->command.running)
		command_stop(&io->command);
	else
		uv_close((uv_handle_t *)&io->timer, on_closed);
}

static void io_release(struct inlet *in)
{
	struct pipe_io *io = in->io;

	free(io->line);
	free(io);
}

static const struct input_ops ops = {.open = io_open, .start = io_start, .pause = io_pause, .resume = io_resume, .stop = io_stop,
				     .release = io_release};

static const struct option options[] = {
	{"command", OPT_STRING, offsetof(struct pipe_input, command), .flags = OPT_REQUIRED, .doc = "line for /bin/sh"},
	{"restart", OPT_BOOL, offsetof(struct pipe_input, restart), .flags = OPT_WEIR, .def = "true", .doc = "false: the input ends with its command"},
	{"restart_interval", OPT_DURATION, offsetof(struct pipe_input, restart_interval), .flags = OPT_WEIR, .def = "10",
	 .doc = "from its end to its next beginning"},
	{"max_line", OPT_BYTES, offsetof(struct pipe_input, max_line), .flags = OPT_WEIR, .def = "33554432", .min = 16, .max = 268435456,
	 .doc = "longest line; the rest of a longer one is left out, counted"},
	{0},
};

INPUT(pipe, .size = sizeof(struct pipe_input), .options = options, .doc = "lines of a program", .default_codec = "plain",
      .open = pipe_open, .decorate = pipe_decorate, .input = &ops)
