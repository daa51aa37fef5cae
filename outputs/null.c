/*
 * null.c - output `null`: takes everything, keeps nothing. Each event counts as delivered.
 */
#include "outputs/output.h"

struct null_output {
	struct queue_options queue;
};

static enum render_result null_render(void *self, const struct event *ev, struct pack *p, struct render_ctx *ctx)
{
	(void)pack_begin(p);
	pack_end(p, 0, 0, 0);
	return RENDER_OK;
}

static enum send_result null_send(void *conn, void *link, struct pack *p, uint32_t from, uint32_t to,
				  struct send_ctx *ctx)
{
	for (; from < to; from++)
		p->item[from].verdict = VERDICT_DELIVERED;
	return SEND_JUDGED;
}

static const struct option options[] = {
	QUEUE_OPTIONS(struct null_output, queue, "1"),
	{0},
};

static const struct output_ops ops = {
	.queue_offset = offsetof(struct null_output, queue),
	.render = null_render,
	.send = null_send,
};

OUTPUT(null, .size = sizeof(struct null_output), .options = options, .output = &ops,
       .doc = "takes every event and keeps none")
