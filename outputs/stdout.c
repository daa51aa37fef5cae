/*
 * stdout.c - output `stdout`: each event's text by its codec (rubydebug) to the daemon's standard output.
 *
 * The out thread writes; to a pipe or terminal never more than the kernel surely takes, so that a reader who does not read can be
 * given up at the end. A reader who went away ends the output: what comes then is dropped, counted.
 */
#include "outputs/output.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct stdout_output {
	struct queue_options queue;
};

static enum render_result stdout_render(void *self, const struct event *ev, struct pack *p, struct render_ctx *ctx)
{
	if (render_by_codec(ev, pack_begin(p), ctx) != RENDER_OK)
		return RENDER_DEAD;
	pack_end(p, 0, 0, 0);
	return RENDER_OK;
}

struct stdout_conn {
	bool regular;
	size_t rest; /* bytes of the next item that are out already */
};

static void *stdout_start(const void *self, const struct plugin_ctx *ctx, struct err *err)
{
	struct stdout_conn *c = xzalloc(sizeof(*c));
	struct stat st;

	c->regular = fstat(STDOUT_FILENO, &st) == 0 && S_ISREG(st.st_mode);
	return c;
}

static void stdout_stop(void *conn)
{
	free(conn);
}

/* Bytes written, or -1; 0: stop was set. */
static ssize_t write_some(struct stdout_conn *c, struct str s, const struct send_ctx *ctx)
{
	for (;;) {
		struct pollfd pfd = {.fd = STDOUT_FILENO, .events = POLLOUT};
		ssize_t n;

		if (!c->regular) {
			int r = poll(&pfd, 1, 200);

			if (r == 0 || (r == -1 && errno == EINTR)) {
				if (atomic_load(ctx->stop))
					return 0;
				continue;
			}
			if (s.len > PIPE_BUF)
				s.len = PIPE_BUF;
		}
		n = write(STDOUT_FILENO, s.p, s.len);
		if (n > 0)
			return n;
		if (n == -1 && errno != EINTR && errno != EAGAIN)
			return -1;
	}
}

static enum send_result stdout_send(void *conn, void *link, struct pack *p, uint32_t from, uint32_t to,
				    struct send_ctx *ctx)
{
	struct stdout_conn *c = conn;
	struct str s = str_from(pack_range(p, from, to), c->rest);

	while (s.len) {
		ssize_t n = write_some(c, s, ctx);

		if (n > 0) {
			s = str_from(s, (size_t)n);
			continue;
		}
		if (n == -1 && errno != EPIPE && errno != EBADF && errno != EIO) {
			err_sys(&ctx->err, "cannot write to stdout");
		} else if (n == -1) {
			for (; from < to; from++)
				pack_note(p, from, VERDICT_DROPPED, 0, DROP_CLOSED, STR("stdout is closed"));
			return SEND_JUDGED;
		} else {
			err_set(&ctx->err, "stdout is not read");
		}
		break;
	}
	c->rest = 0;
	for (; from < to; from++) {
		const struct pack_item *it = &p->item[from];
		size_t end = it->off + it->len;

		/* s begins at the first byte that is not out. */
		if (s.len && p->bytes.p + end > s.p) {
			c->rest = (size_t)(s.p - (p->bytes.p + it->off));
			for (; from < to; from++)
				p->item[from].verdict = VERDICT_RETRY;
			return SEND_JUDGED;
		}
		p->item[from].verdict = VERDICT_DELIVERED;
	}
	return SEND_JUDGED;
}

static const struct option options[] = {
	{"debug", OPT_OBSOLETE, .instead = "codec => rubydebug, which is the default", .doc = "accepted"},
	{"debug_format", OPT_OBSOLETE, .instead = "codec => rubydebug, which is the default", .doc = "accepted"},
	{"message", OPT_OBSOLETE, .instead = "codec => line { format => ... }", .doc = "accepted"},
	QUEUE_OPTIONS(struct stdout_output, queue, "1"),
	{0},
};

static const struct output_ops ops = {
	.queue_offset = offsetof(struct stdout_output, queue),
	.pack_bytes = 256 * 1024,
	.ordered = true,
	.render = stdout_render,
	.start = stdout_start,
	.stop = stdout_stop,
	.send = stdout_send,
};

OUTPUT(stdout, .size = sizeof(struct stdout_output), .options = options, .output = &ops,
       .default_codec = "rubydebug", .doc = "prints events to the standard output")
