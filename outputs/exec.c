/*
 * exec.c - output `exec`: a command of the shell for each event.
 *
 * An item is the command. It counts as delivered once it has run, however it ended: what it has done cannot be known. One that is under way
 * when weird stops is ended, and is run again by the next start.
 *
 * Fields stand in the command as they are, and the shell reads them: whoever can write a log line can then run commands, unless the
 * configuration only lets harmless values through.
 */
#include "base/child.h"
#include "base/log.h"
#include "outputs/output.h"

#include <stdlib.h>

enum { PRINTED_KEPT = 4096, COMMAND_MAX = 128 * 1024 /* the kernel's limit of one argument */ };

struct exec_output {
	struct queue_options queue;
	const struct tmpl *command;
	bool quiet;
};

static int exec_open(void *self, struct plugin_ctx *ctx, struct err *err)
{
	const struct exec_output *e = self;

	if (!str_trim(tmpl_text(e->command)).len)
		return err_set(err, "'command' is empty");
	if (!tmpl_is_const(e->command))
		plugin_warn(ctx, "'command' holds fields of events, and the shell reads them: let only values through that cannot do harm");
	return 0;
}

static enum render_result exec_render(void *self, const struct event *ev, struct pack *p, struct render_ctx *ctx)
{
	const struct exec_output *e = self;
	struct buf *b = pack_begin(p);
	struct str command;

	if (tmpl_render(e->command, ev, ctx->scratch, ctx->clock, &command, &ctx->err) == -1)
		return RENDER_DEAD;
	if (memchr(command.p, 0, command.len) || command.len >= COMMAND_MAX) {
		err_set(&ctx->err, "the command is longer than %d bytes, or holds a NUL", COMMAND_MAX);
		return RENDER_DEAD;
	}
	buf_str(b, command);
	if (b->over) {
		err_set(&ctx->err, "larger than %d bytes", PACK_BYTES_MAX);
		return RENDER_DEAD;
	}
	pack_end(p, 0, 0, 0);
	return RENDER_OK;
}

struct exec_conn {
	bool quiet;
};

static void *exec_start(const void *self, const struct plugin_ctx *ctx, struct err *err)
{
	struct exec_conn *c = xzalloc(sizeof(*c));

	c->quiet = ((const struct exec_output *)self)->quiet;
	return c;
}

static void exec_stop(void *conn)
{
	free(conn);
}

static void say_what_it_printed(struct buf *out)
{
	struct str text = str_sub(str_trim(buf_slice(out)), 0, 64);
	char line[65];

	if (!text.len)
		return;
	for (size_t i = 0; i < text.len; i++)
		line[i] = (unsigned char)text.p[i] < 0x20 || text.p[i] == 0x7f ? ' ' : text.p[i];
	log_info("output", "'exec': %.*s", (int)text.len, line);
}

static enum send_result exec_send(void *conn, void *link, struct pack *p, uint32_t from, uint32_t to, struct send_ctx *ctx)
{
	const struct exec_conn *c = conn;
	enum child_result r = CHILD_DONE;
	struct buf out;

	buf_init(&out, PRINTED_KEPT);
	for (; from < to && r == CHILD_DONE && !atomic_load(ctx->stop); from++) {
		char *command = xstrdupz(item_document(p, &p->item[from]));
		const char *const argv[] = {"/bin/sh", "-c", command, NULL};
		int status = 0;

		buf_clear(&out);
		r = child_run(argv, (struct str){0}, c->quiet ? NULL : &out, CHILD_MUTE, ctx->stop, &status, &ctx->err);
		p->item[from].verdict = r == CHILD_DONE ? VERDICT_DELIVERED : VERDICT_RETRY;
		if (r == CHILD_DONE && status)
			log_warn("output", "'exec': a command ended with status %d", status);
		if (r == CHILD_STOPPED)
			err_set(&ctx->err, "a command was under way");
		if (r == CHILD_DONE)
			say_what_it_printed(&out);
		free(command);
	}
	for (; from < to; from++)
		p->item[from].verdict = VERDICT_RETRY;
	buf_release(&out);
	return SEND_JUDGED;
}

static const struct option options[] = {
	{"command", OPT_TMPL, offsetof(struct exec_output, command), .flags = OPT_REQUIRED, .doc = "line for /bin/sh; %{...} stands in it as it is"},
	{"quiet", OPT_BOOL, offsetof(struct exec_output, quiet), .def = "false", .doc = "what it prints is not logged"},
	QUEUE_OPTIONS(struct exec_output, queue, "1"),
	{0},
};

static const struct output_ops ops = {
	.queue_offset = offsetof(struct exec_output, queue),
	.pack_items = 100,
	.ordered = true,
	.render = exec_render,
	.start = exec_start,
	.stop = exec_stop,
	.send = exec_send,
};

OUTPUT(exec, .size = sizeof(struct exec_output), .options = options, .open = exec_open, .output = &ops,
       .doc = "runs a command for each event")
