/*
 * store.c - output `store`: events into the embedded store of the data folder, which `weir search`, `weir tap`, `weir why` and `weir who` read.
 *
 * An item is RECEIVED (eight bytes, ms since 1970), ID_LEN (one byte), ID, then the document. Render half on the work thread; its own one out
 * thread writes (store_write.c), a transaction per pack. By default it never holds back another output: what does not fit in its queue while the
 * disk is full or slow is dropped, oldest first, counted.
 */
#include "event/json.h"
#include "outputs/output.h"
#include "outputs/store_write.h"

#include <limits.h>
#include <stdlib.h>

struct store_output {
	struct queue_options queue;
	int64_t retention_days, max_size;
};

enum { HEAD_MIN = 9 };

static enum render_result store_render(void *self, const struct event *ev, struct pack *p, struct render_ctx *ctx)
{
	struct buf *b = pack_begin(p);
	int64_t ms = (ev->received_ns ? ev->received_ns : clock_wall(ctx->clock)) / 1000000;
	size_t head;

	(void)self;
	buf_add(b, &ms, sizeof(ms));
	buf_ch(b, (char)ev->id_len);
	buf_add(b, ev->id, ev->id_len);
	head = b->len - p->begun;
	json_write_event(b, ev);
	if (b->over) {
		err_set(&ctx->err, "larger than %d bytes", PACK_BYTES_MAX);
		return RENDER_DEAD;
	}
	pack_end(p, head, 0, ITEM_JSON | ITEM_OWN_ID);
	return RENDER_OK;
}

/* ---- send half ---- */

struct store_conn {
	struct store_writer *writer;
	struct store_limits limits;
	struct store_doc *doc;
	uint32_t cap;
};

static int64_t received_of(const struct pack *p, uint32_t i)
{
	int64_t ms = 0;

	if (p->item[i].head >= HEAD_MIN)
		memcpy(&ms, p->bytes.p + p->item[i].off, sizeof(ms));
	return ms;
}

static struct str id_of(const struct pack *p, const struct pack_item *it)
{
	const char *head = p->bytes.p + it->off;
	size_t n = it->head >= HEAD_MIN ? (unsigned char)head[HEAD_MIN - 1] : 0;

	return n && n <= it->head - HEAD_MIN ? str_n(head + HEAD_MIN, n) : STR("");
}

static enum send_result store_send(void *conn, void *link, struct pack *p, uint32_t from, uint32_t to, struct send_ctx *ctx)
{
	struct store_conn *c = conn;
	const int64_t day_ms = 86400000;
	const uint32_t begin = from;

	if (c->cap < to - from) {
		c->cap = to - from;
		c->doc = xrealloc(c->doc, c->cap * sizeof(*c->doc));
	}
	store_writer_limit(c->writer, &c->limits);
	while (from < to) {
		int64_t ms = received_of(p, from);
		uint32_t n = 0;

		for (; from + n < to && received_of(p, from + n) / day_ms == ms / day_ms; n++)
			c->doc[n] = (struct store_doc){item_document(p, &p->item[from + n]), id_of(p, &p->item[from + n])};
		if (store_writer_add(c->writer, c->doc, n, ms, &ctx->err) != STORE_WRITTEN)
			break;
		for (; n; n--)
			p->item[from++].verdict = VERDICT_DELIVERED;
	}
	if (from < to && from == begin)
		return SEND_RETRY;
	for (; from < to; from++)
		p->item[from].verdict = VERDICT_RETRY;
	return SEND_JUDGED;
}

static void *store_start(const void *self, const struct plugin_ctx *ctx, struct err *err)
{
	const struct store_output *s = self;
	struct store_conn *c;
	char dir[PATH_MAX];
	int n;

	if (!ctx->settings->data_dir.len) {
		err_set(err, "needs a data folder: --path.data DIR");
		return NULL;
	}
	n = snprintf(dir, sizeof(dir), "%.*s/store", STR_ARG(ctx->settings->data_dir));
	if (n < 0 || (size_t)n >= sizeof(dir)) {
		err_set(err, "the path of the data folder is too long");
		return NULL;
	}
	c = xzalloc(sizeof(*c));
	c->limits = (struct store_limits){s->retention_days, (uint64_t)s->max_size};
	c->writer = store_writer_get(dir, &c->limits, ctx->settings->clock ? ctx->settings->clock : &clock_system, err);
	if (c->writer)
		return c;
	free(c);
	return NULL;
}

static void store_stop(void *conn)
{
	struct store_conn *c = conn;

	store_writer_put(&c->writer);
	free(c->doc);
	free(c);
}

static void store_describe(const struct pack *p, const struct pack_item *it, struct str *index, struct str *id)
{
	*index = STR("store");
	*id = id_of(p, it);
}

static const struct option options[] = {
	{"retention_days", OPT_INT, offsetof(struct store_output, retention_days), .flags = OPT_WEIR, .def = "30", .min = 0, .max = 36500,
	 .doc = "day files older than this are removed; 0: never"},
	{"max_size", OPT_BYTES, offsetof(struct store_output, max_size), .flags = OPT_WEIR, .def = "5368709120",
	 .doc = "of all day files together; the oldest are removed; 0: no limit"},
	{"queue_max", OPT_BYTES, offsetof(struct store_output, queue.max), .flags = OPT_WEIR, .def = "16777216",
	 .doc = "bytes of rendered events that may wait for this output"},
	{"when_full", OPT_ENUM, offsetof(struct store_output, queue.when_full), .flags = OPT_WEIR, .def = "drop_oldest",
	 .choices = when_full_choices, .doc = "what happens beyond queue_max"},
	{0},
};

static const struct output_ops ops = {
	.queue_offset = offsetof(struct store_output, queue),
	.pack_bytes = 2 * 1024 * 1024,
	.pack_items = 1024,
	/* What a reader sees is at most so old, and its own interval. */
	.linger_ns = 200000000,
	.backoff_max_s = 4,
	.render = store_render,
	.start = store_start,
	.stop = store_stop,
	.send = store_send,
	.describe = store_describe,
};

OUTPUT(store, .size = sizeof(struct store_output), .options = options, .output = &ops,
       .doc = "the embedded store: searched by `weir search`, `weir tap`, `weir why` and `weir who`")
