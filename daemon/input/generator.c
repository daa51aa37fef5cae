/*
 * generator.c - `input { generator { count => 3 } }`: lines out of nothing, for tests and measurements.
 *
 * A span is one round over the lines; its cursor is the round's number, which becomes [sequence].
 */
#include "input/decorate.h"
#include "input/input.h"

#include <stdio.h>
#include <stdlib.h>

enum { FRAMES_A_TURN = 1024 };

struct generator {
	struct str message;
	const struct list *lines;
	int64_t count;
	const struct ref *host, *sequence;
};

struct generator_io {
	struct source *source;
	struct str *line; /* copies */
	uint32_t nlines, next;
	uint64_t round, rounds; /* rounds 0: for ever */
	uv_idle_t idle;
	bool ended;
};

static int generator_open(void *self, struct plugin_ctx *ctx, struct err *err)
{
	struct generator *g = self;

	g->host = ref_compile(ctx->arena, ctx->ecs == ECS_DISABLED ? STR("host") : STR("[host][name]"), err);
	g->sequence = ref_compile(ctx->arena, ctx->ecs == ECS_DISABLED ? STR("sequence") : STR("[event][sequence]"), err);
	if (!g->host || !g->sequence)
		return -1;
	for (uint32_t i = 0; g->lines && i < g->lines->n; i++)
		if (g->lines->v[i].type != V_STRING)
			return err_set(err, "'lines' takes a list of texts");
	return 0;
}

static void generator_decorate(void *self, struct event *ev, const struct span *sp)
{
	const struct generator *g = self;

	decorate_set(ev, g->host, v_str(own_hostname()));
	(void)event_set(ev, g->sequence, v_int((int64_t)sp->cursor));
}

/* message => "stdin": one line of standard input, as Logstash has it. */
static int line_of_stdin(struct str *out, struct err *err)
{
	char *p = NULL;
	size_t cap = 0;
	ssize_t n = getline(&p, &cap, stdin);

	if (n <= 0) {
		free(p);
		return err_set(err, "message 'stdin': there is no line on standard input");
	}
	*out = str_n(p, (size_t)n);
	return 0;
}

static int io_open(struct inlet *in, const void *self, struct err *err)
{
	const struct generator *g = self;
	struct generator_io *io = xzalloc(sizeof(*io));

	in->io = io;
	io->rounds = g->count > 0 ? (uint64_t)g->count : 0;
	io->nlines = g->lines ? g->lines->n : 1;
	io->line = xzalloc(sizeof(*io->line) * (io->nlines ? io->nlines : 1));
	if (!g->lines && str_eq(g->message, STR("stdin")))
		return line_of_stdin(&io->line[0], err);
	for (uint32_t i = 0; i < io->nlines; i++) {
		struct str text = g->lines ? value_str(&g->lines->v[i]) : g->message;

		io->line[i] = str_n(xstrdupz(text), text.len);
	}
	return 0;
}

static void end(struct inlet *in)
{
	struct generator_io *io = in->io;

	if (io->ended)
		return;
	io->ended = true;
	uv_idle_stop(&io->idle);
	inlet_split(in);
	inlet_mark(in, io->source, SPAN_CLOSE);
	source_unref(io->source);
	io->source = NULL;
}

static void on_turn(uv_idle_t *h)
{
	struct inlet *in = h->data;
	struct generator_io *io = in->io;

	for (int i = 0; i < FRAMES_A_TURN && !in->paused; i++) {
		if ((io->rounds && io->round == io->rounds) || !io->nlines) {
			end(in);
			inlet_ended(in);
			return;
		}
		if (io->next == 0)
			inlet_split(in);
		inlet_frame(in, io->source, io->line[io->next], 0, true, NULL);
		if (++io->next == io->nlines) {
			io->next = 0;
			io->round++;
		}
	}
}

static void io_span(struct inlet *in, struct source *s, struct span *sp)
{
	(void)s;
	sp->cursor = ((struct generator_io *)in->io)->round;
}

static int io_start(struct inlet *in, struct err *err)
{
	struct generator_io *io = in->io;

	(void)err;
	io->source = inlet_source(in, STR("generator"));
	uv_idle_init(loop_uv(in->loop), &io->idle);
	io->idle.data = in;
	uv_idle_start(&io->idle, on_turn);
	return 0;
}

static void io_pause(struct inlet *in)
{
	uv_idle_stop(&((struct generator_io *)in->io)->idle);
}

static void io_resume(struct inlet *in)
{
	struct generator_io *io = in->io;

	if (!io->ended)
		uv_idle_start(&io->idle, on_turn);
}

static void on_closed(uv_handle_t *h)
{
	inlet_closed(h->data);
}

static void io_stop(struct inlet *in)
{
	end(in);
	uv_close((uv_handle_t *)&((struct generator_io *)in->io)->idle, on_closed);
}

static void io_release(struct inlet *in)
{
	struct generator_io *io = in->io;

	for (uint32_t i = 0; i < io->nlines; i++)
		free((char *)io->line[i].p);
	free(io->line);
	free(io);
}

static const struct input_ops ops = {.open = io_open, .start = io_start, .pause = io_pause, .resume = io_resume, .stop = io_stop,
				     .span = io_span, .release = io_release};

static const struct option options[] = {
	{"message", OPT_STRING, offsetof(struct generator, message), .def = "\"Hello world!\"", .doc = "the line; stdin: one that is read from standard input"},
	{"lines", OPT_LIST, offsetof(struct generator, lines), .doc = "the lines of each round, instead of message"},
	{"count", OPT_INT, offsetof(struct generator, count), .def = "0", .doc = "rounds; 0: without end"},
	{"threads", OPT_IGNORED, 0, .doc = "one thread generates"},
	{0},
};

INPUT(generator, .size = sizeof(struct generator), .options = options, .doc = "lines out of nothing, for tests", .default_codec = "plain",
      .open = generator_open, .decorate = generator_decorate, .input = &ops)
