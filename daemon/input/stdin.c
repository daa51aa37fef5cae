/*
 * stdin.c - `input { stdin {} }`: lines from standard input; at its end the pipeline drains, and weird with it.
 */
#include "input/decorate.h"
#include "input/stream.h"

#include <stdlib.h>
#include <unistd.h>

struct stdin_input {
	int64_t max_line;
	const struct ref *host;
};

/* Regular files cannot be polled: they are read in pieces, a piece each turn. */
struct stdin_io {
	size_t max_line;
	uv_pipe_t pipe;
	uv_idle_t file;
	enum { IO_PIPE, IO_FILE } kind;
	struct stream st;
	bool ended, closing;
};

static int stdin_open(void *self, struct plugin_ctx *ctx, struct err *err)
{
	struct stdin_input *s = self;

	s->host = ref_compile(ctx->arena, ctx->ecs == ECS_DISABLED ? STR("host") : STR("[host][hostname]"), err);
	return s->host ? 0 : -1;
}

static void stdin_decorate(void *self, struct event *ev, const struct span *sp)
{
	decorate_set(ev, ((struct stdin_input *)self)->host, v_str(own_hostname()));
}

static int io_open(struct inlet *in, const void *self, struct err *err)
{
	struct stdin_io *io = xzalloc(sizeof(*io));

	io->max_line = (size_t)((const struct stdin_input *)self)->max_line;
	in->io = io;
	return 0;
}

static void end_of_input(struct inlet *in)
{
	struct stdin_io *io = in->io;

	if (io->ended)
		return;
	io->ended = true;
	stream_end(&io->st);
	inlet_ended(in);
}

static void on_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *buf)
{
	struct inlet *in = h->data;
	struct stdin_io *io = in->io;

	stream_alloc(&io->st, buf);
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *buf)
{
	struct inlet *in = s->data;
	struct stdin_io *io = in->io;

	stream_read(&io->st, buf, n);
	if (n < 0) {
		uv_read_stop(s);
		end_of_input(in);
	}
}

static void on_piece(uv_idle_t *h)
{
	struct inlet *in = h->data;
	struct stdin_io *io = in->io;
	uv_buf_t buf;
	ssize_t n;

	stream_alloc(&io->st, &buf);
	n = read(STDIN_FILENO, buf.base, buf.len);
	stream_read(&io->st, &buf, n);
	if (n <= 0) {
		uv_idle_stop(h);
		end_of_input(in);
	}
}

static void go(struct inlet *in)
{
	struct stdin_io *io = in->io;

	if (io->ended || io->closing)
		return;
	if (io->kind == IO_PIPE)
		uv_read_start((uv_stream_t *)&io->pipe, on_alloc, on_read);
	else
		uv_idle_start(&io->file, on_piece);
}

static int io_start(struct inlet *in, struct err *err)
{
	struct stdin_io *io = in->io;
	uv_loop_t *uv = loop_uv(in->loop);
	uv_handle_type type = uv_guess_handle(STDIN_FILENO);

	stream_init(&io->st, in, inlet_source(in, STR("stdin")), FRAMER_LINE, io->max_line);
	io->st.count_max = STREAM_COUNTED;
	io->kind = type == UV_NAMED_PIPE || type == UV_TCP ? IO_PIPE : IO_FILE;
	if (io->kind == IO_PIPE) {
		int fd = dup(STDIN_FILENO);

		uv_pipe_init(uv, &io->pipe, 0);
		io->pipe.data = in;
		if (fd == -1 || uv_pipe_open(&io->pipe, fd)) {
			if (fd != -1)
				close(fd);
			return err_set(err, "cannot read standard input");
		}
	} else {
		uv_idle_init(uv, &io->file);
		io->file.data = in;
	}
	go(in);
	return 0;
}

static void io_pause(struct inlet *in)
{
	struct stdin_io *io = in->io;

	if (io->kind == IO_PIPE)
		uv_read_stop((uv_stream_t *)&io->pipe);
	else
		uv_idle_stop(&io->file);
}

static void on_closed(uv_handle_t *h)
{
	inlet_closed(h->data);
}

static void io_stop(struct inlet *in)
{
	struct stdin_io *io = in->io;

	io->closing = true;
	if (!io->ended) {
		io->ended = true;
		stream_end(&io->st);
	}
	uv_close(io->kind == IO_PIPE ? (uv_handle_t *)&io->pipe : (uv_handle_t *)&io->file, on_closed);
}

static void io_release(struct inlet *in)
{
	free(in->io);
}

static const struct input_ops ops = {.open = io_open, .start = io_start, .pause = io_pause, .resume = go, .stop = io_stop,
				     .release = io_release};

static const struct option options[] = {
	{"max_line", OPT_BYTES, offsetof(struct stdin_input, max_line), .flags = OPT_WEIR, .def = "33554432", .min = 16, .max = 268435456, .doc = "longest line; the rest of a longer one is left out, counted"},
	{0},
};

INPUT(stdin, .size = sizeof(struct stdin_input), .options = options, .doc = "lines from standard input", .default_codec = "line", .stream = true,
      .open = stdin_open, .decorate = stdin_decorate, .input = &ops)
