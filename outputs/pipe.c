/*
 * pipe.c - output `pipe`: events, a line each, to the standard input of a program that goes on running.
 *
 * An item is command, line: the command stands in front (head) where it depends on the event. Each command has a program of its own, started with its first
 * event, ended by the end of its input when nothing came for ttl. One that ended by itself is started anew; what it had not read is lost
 * with it, as it is in every pipe. One out thread.
 */
#include "base/child.h"
#include "base/log.h"
#include "event/json.h"
#include "outputs/output.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

enum { PROGRAMS_MAX = 64, COMMAND_MAX = 128 * 1024, LEAVE_MS = 5000, LOOK_MS = 100 };

/* ---- render half ---- */

struct pipe_output {
	struct queue_options queue;
	const struct tmpl *command, *message_format;
	int64_t ttl;
	bool fixed;
};

static int pipe_open(void *self, struct plugin_ctx *ctx, struct err *err)
{
	struct pipe_output *o = self;

	if (!str_trim(tmpl_text(o->command)).len)
		return err_set(err, "'command' is empty");
	o->fixed = tmpl_is_const(o->command);
	if (!o->fixed)
		plugin_warn(ctx, "'command' holds fields of events, and the shell reads them: let only values through that cannot do harm");
	return 0;
}

static enum render_result pipe_render(void *self, const struct event *ev, struct pack *p, struct render_ctx *ctx)
{
	const struct pipe_output *o = self;
	struct buf *b = pack_begin(p);
	struct str text;
	size_t head;

	if (!o->fixed) {
		if (tmpl_render(o->command, ev, ctx->scratch, ctx->clock, &text, &ctx->err) == -1)
			return RENDER_DEAD;
		if (memchr(text.p, 0, text.len) || text.len >= COMMAND_MAX || !text.len) {
			err_set(&ctx->err, "the command is empty, longer than %d bytes, or holds a NUL", COMMAND_MAX);
			return RENDER_DEAD;
		}
		buf_str(b, text);
	}
	head = b->len - p->begun;
	if (o->message_format) {
		if (tmpl_render(o->message_format, ev, ctx->scratch, ctx->clock, &text, &ctx->err) == -1)
			return RENDER_DEAD;
		buf_str(b, text);
	} else {
		json_write_event(b, ev);
	}
	/* As Ruby's puts. */
	if (b->over || b->p[b->len - 1] != '\n' || b->len - p->begun == head)
		buf_ch(b, '\n');
	if (b->over) {
		err_set(&ctx->err, "larger than %d bytes", PACK_BYTES_MAX);
		return RENDER_DEAD;
	}
	pack_end(p, head, 0, o->message_format ? 0 : ITEM_JSON);
	return RENDER_OK;
}

/* ---- send half ---- */

struct program {
	char *command;
	struct child child;
	int64_t used_ns;
	size_t rest; /* bytes of the next item that it has got already */
};

struct pipe_conn {
	char *command; /* where it is fixed */
	int64_t ttl_ns;
	struct program program[PROGRAMS_MAX], leaving[PROGRAMS_MAX];
	unsigned n, n_leaving;
};

static void *pipe_start(const void *self, const struct plugin_ctx *ctx, struct err *err)
{
	const struct pipe_output *o = self;
	struct pipe_conn *c = xzalloc(sizeof(*c));

	if (o->fixed)
		c->command = xstrdupz(tmpl_text(o->command));
	c->ttl_ns = o->ttl * 1000000000;
	return c;
}

static void program_free(struct program *pr)
{
	free(pr->command);
	*pr = (struct program){0};
}

static void close_input(struct child *c)
{
	if (c->in != -1)
		close(c->in);
	c->in = -1;
}

/* Those whose input has ended, and who have ended as well. */
static void reap_leaving(struct pipe_conn *c)
{
	for (unsigned i = c->n_leaving; i-- > 0;) {
		if (!child_ended(&c->leaving[i].child))
			continue;
		(void)child_reap(&c->leaving[i].child);
		program_free(&c->leaving[i]);
		c->leaving[i] = c->leaving[--c->n_leaving];
	}
}

/* No more for this one: it may take its time with what it has. */
static void let_go(struct pipe_conn *c, unsigned i)
{
	struct program pr = c->program[i];

	close_input(&pr.child);
	c->program[i] = c->program[--c->n];
	reap_leaving(c);
	if (c->n_leaving == PROGRAMS_MAX) {
		(void)child_end(&c->leaving[0].child, CHILD_GRACE_MS);
		program_free(&c->leaving[0]);
		c->leaving[0] = c->leaving[--c->n_leaving];
	}
	c->leaving[c->n_leaving++] = pr;
}

static void let_stale_go(struct pipe_conn *c, int64_t now)
{
	for (unsigned i = c->n; i-- > 0 && c->ttl_ns > 0;)
		if (now - c->program[i].used_ns > c->ttl_ns && !c->program[i].rest)
			let_go(c, i);
	reap_leaving(c);
}

static void pipe_stop(void *conn)
{
	struct pipe_conn *c = conn;

	while (c->n)
		let_go(c, 0);
	for (unsigned i = 0; i < c->n_leaving; i++) {
		struct child *child = &c->leaving[i].child;

		if (child_wait(child, LEAVE_MS)) {
			(void)child_reap(child);
		} else {
			log_warn("output", "'pipe': a program does not end with its input, it is ended");
			(void)child_end(child, CHILD_GRACE_MS);
		}
		program_free(&c->leaving[i]);
	}
	free(c->command);
	free(c);
}

static struct program *program_for(struct pipe_conn *c, struct str command, int64_t now, struct err *err)
{
	struct program *pr;
	unsigned oldest = 0;

	for (unsigned i = 0; i < c->n; i++)
		if (str_eqz(command, c->program[i].command)) {
			c->program[i].used_ns = now;
			return &c->program[i];
		}
	if (c->n == PROGRAMS_MAX) {
		for (unsigned i = 1; i < c->n; i++)
			if (c->program[i].used_ns < c->program[oldest].used_ns)
				oldest = i;
		let_go(c, oldest);
	}
	pr = &c->program[c->n];
	*pr = (struct program){.command = xstrdupz(command), .used_ns = now};
	if (child_shell(&pr->child, pr->command, CHILD_IN, err) == -1) {
		program_free(pr);
		return NULL;
	}
	c->n++;
	return pr;
}

static void it_ended(struct pipe_conn *c, struct program *pr, struct err *err)
{
	int status;

	/* It closed its input: if it goes on all the same, nobody can reach it any more. */
	if (!child_wait(&pr->child, LOOK_MS))
		status = child_end(&pr->child, CHILD_GRACE_MS);
	else
		status = child_reap(&pr->child);
	err_set(err, "the program does not read any more, it ended with status %d", status);
	program_free(pr);
	*pr = c->program[--c->n];
}

enum written { WRITTEN, NOT_READ, ENDED };

static enum written write_item(struct program *pr, struct str s, const struct send_ctx *ctx)
{
	s = str_from(s, pr->rest);
	while (s.len) {
		struct pollfd p = {.fd = pr->child.in, .events = POLLOUT};
		ssize_t n = write(pr->child.in, s.p, s.len);

		if (n > 0) {
			s = str_from(s, (size_t)n);
			pr->rest += (size_t)n;
		} else if (n == -1 && errno == EAGAIN) {
			if (atomic_load(ctx->stop))
				return NOT_READ;
			(void)poll(&p, 1, LOOK_MS);
		} else if (n == -1 && errno != EINTR) {
			return ENDED;
		}
	}
	pr->rest = 0;
	return WRITTEN;
}

static struct str command_of(const struct pipe_conn *c, const struct pack *p, const struct pack_item *it)
{
	return it->head ? str_n(p->bytes.p + it->off, it->head) : str_z(c->command);
}

static enum send_result pipe_send(void *conn, void *link, struct pack *p, uint32_t from, uint32_t to, struct send_ctx *ctx)
{
	struct pipe_conn *c = conn;
	int64_t now = clock_mono(ctx->clock);

	let_stale_go(c, now);
	for (; from < to; from++) {
		const struct pack_item *it = &p->item[from];
		struct program *pr = program_for(c, command_of(c, p, it), now, &ctx->err);
		enum written w = pr ? write_item(pr, item_document(p, it), ctx) : NOT_READ;

		if (w == ENDED)
			it_ended(c, pr, &ctx->err);
		else if (w == NOT_READ && pr)
			err_set(&ctx->err, "the program does not read");
		if (w != WRITTEN)
			break;
		p->item[from].verdict = VERDICT_DELIVERED;
	}
	for (; from < to; from++)
		p->item[from].verdict = VERDICT_RETRY;
	return SEND_JUDGED;
}

static void pipe_describe(const struct pack *p, const struct pack_item *it, struct str *index, struct str *id)
{
	*index = str_n(p->bytes.p + it->off, it->head);
}

static const struct option options[] = {
	{"command", OPT_TMPL, offsetof(struct pipe_output, command), .flags = OPT_REQUIRED, .doc = "line for /bin/sh; %{...} stands in it as it is"},
	{"message_format", OPT_TMPL, offsetof(struct pipe_output, message_format), .doc = "the line; without it the event as JSON"},
	{"ttl", OPT_INT, offsetof(struct pipe_output, ttl), .def = "10", .min = -1, .max = 86400, .doc = "seconds after which a program that got nothing is let go; 0, -1: never"},
	QUEUE_OPTIONS(struct pipe_output, queue, "1"),
	{0},
};

static const struct output_ops ops = {
	.queue_offset = offsetof(struct pipe_output, queue),
	.pack_bytes = 256 * 1024,
	.ordered = true,
	.render = pipe_render,
	.start = pipe_start,
	.stop = pipe_stop,
	.send = pipe_send,
	.describe = pipe_describe,
};

OUTPUT(pipe, .size = sizeof(struct pipe_output), .options = options, .open = pipe_open, .output = &ops,
       .doc = "writes events to the standard input of a program")
