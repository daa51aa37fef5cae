/*
 * file.c - output `file`: events by their codec (json_lines), appended to a file whose path may depend on the event.
 */
#include "outputs/file_output.h"

struct file_plugin {
	struct file_output f;
};

static int file_open_plugin(void *self, struct plugin_ctx *ctx, struct err *err)
{
	return file_output_open(self, err);
}

static void *file_start(const void *self, const struct plugin_ctx *ctx, struct err *err)
{
	return file_output_start(self, ctx, err);
}

static enum render_result file_render(void *self, const struct event *ev, struct pack *p, struct render_ctx *ctx)
{
	struct buf *b;
	size_t head;

	if (file_output_begin(self, ev, p, ctx, &b, &head) == -1 || render_by_codec(ev, b, ctx) != RENDER_OK)
		return RENDER_DEAD;
	return file_output_end(p, head, ctx);
}

static const struct option options[] = {
	FILE_OPTIONS(struct file_plugin, f),
	{"message_format", OPT_OBSOLETE, .instead = "codec => line { format => ... }", .doc = "as codec line's format"},
	QUEUE_OPTIONS(struct file_plugin, f.queue, "1"),
	{0},
};

static const struct output_ops ops = {
	.queue_offset = offsetof(struct file_plugin, f.queue),
	.ordered = true,
	.render = file_render,
	.start = file_start,
	.stop = file_conn_free,
	.send = file_conn_send,
	.reopen = file_conn_reopen,
	.describe = file_output_describe,
};

OUTPUT(file, .size = sizeof(struct file_plugin), .options = options, .open = file_open_plugin, .output = &ops,
       .default_codec = "json_lines", .doc = "appends events to files")
