/*
 * lumberjack.c - output `lumberjack`: events by their codec to Logstash's inputs beats and lumberjack, or weir's, over TLS.
 *
 * Lumberjack, version 1 (input/lumberjack_frames.h draws it), as Logstash's plug-in speaks it: a pack is a window, its frames are compressed
 * together, each is one pair, "line" and the codec's text. Events are delivered when they are acknowledged, however long that takes: to send
 * them again because the far end is held up would only double them. A far end that is gone is found out by TCP. Work thread: rendering; one
 * out thread: the rest.
 */
#include "outputs/net_link.h"

#include <stdlib.h>
#include <zlib.h>

enum { PACK_BYTES = 1024 * 1024, ACK = 6, PAIR_HEAD = 10 + 4 + 4 + 4 };

struct lumberjack_output {
	struct queue_options queue;
	const struct list *hosts;
	int64_t port, flush_size;
	struct str certificate;
	double idle_flush_time;
	struct tls_options tls;
};

struct lumberjack_conn {
	unsigned n;
	void *host[]; /* net_conn_new() */
};

struct lumberjack_link {
	struct lumberjack_conn *conn;
	unsigned at; /* the host that is spoken to, or was last */
	struct buf frames, out;
	void *host[]; /* net_link_open() */
};

/* ---- at the start ---- */

/* Whose certificate the far end must have: that very one, or one of that authority. Its name does not matter, as in Logstash. */
static int open_tls(struct lumberjack_output *l, struct plugin_ctx *ctx, struct err *err)
{
	struct tls_context *c = tls_context_new(TLS_CLIENT);

	tls_context_peer(c, TLS_PEER_REQUIRED);
	if (tls_context_authority(c, l->certificate, err) == 0) {
		l->tls.context = c;
		return 0;
	}
	tls_context_unref(c);
	option_blame(ctx, "ssl_certificate");
	return err_prefix(err, "'ssl_certificate': ");
}

static int lumberjack_open(void *self, struct plugin_ctx *ctx, struct err *err)
{
	struct lumberjack_output *l = self;

	if (!l->hosts->n)
		return err_set(err, "'hosts' names nobody");
	for (uint32_t i = 0; i < l->hosts->n; i++)
		if (l->hosts->v[i].type != V_STRING || !l->hosts->v[i].len)
			return err_set(err, "'hosts' takes names and addresses");
	l->queue.linger_ns = (int64_t)(l->idle_flush_time * 1e9);
	l->queue.items = (uint32_t)l->flush_size;
	return plugin_file_absent(ctx, l->certificate) ? 0 : open_tls(l, ctx, err);
}

static void lumberjack_close(void *self)
{
	tls_options_close(&((struct lumberjack_output *)self)->tls);
}

static enum render_result lumberjack_render(void *self, const struct event *ev, struct pack *p, struct render_ctx *ctx)
{
	if (render_by_codec(ev, pack_begin(p), ctx) != RENDER_OK)
		return RENDER_DEAD;
	pack_end(p, 0, 0, 0);
	return RENDER_OK;
}

static void *lumberjack_start(const void *self, const struct plugin_ctx *ctx, struct err *err)
{
	const struct lumberjack_output *l = self;
	struct lumberjack_conn *c = xzalloc(sizeof(*c) + l->hosts->n * sizeof(*c->host));

	for (; c->n < l->hosts->n; c->n++)
		c->host[c->n] = net_conn_new(value_str(&l->hosts->v[c->n]), (int)l->port, false, &l->tls);
	return c;
}

static void lumberjack_renew(void *conn, const void *self)
{
	struct lumberjack_conn *c = conn;

	for (unsigned i = 0; i < c->n; i++)
		net_conn_renew(c->host[i], &((const struct lumberjack_output *)self)->tls);
}

static void lumberjack_stop(void *conn)
{
	struct lumberjack_conn *c = conn;

	for (unsigned i = 0; i < c->n; i++)
		net_conn_free(c->host[i]);
	free(c);
}

static void *link_open(void *conn)
{
	struct lumberjack_conn *c = conn;
	struct lumberjack_link *l = xzalloc(sizeof(*l) + c->n * sizeof(*l->host));

	l->conn = c;
	buf_init(&l->frames, 0);
	buf_init(&l->out, 0);
	for (unsigned i = 0; i < c->n; i++)
		l->host[i] = net_link_open(c->host[i]);
	return l;
}

static void link_close(void *link)
{
	struct lumberjack_link *l = link;

	for (unsigned i = 0; i < l->conn->n; i++)
		net_link_close(l->host[i]);
	buf_release(&l->frames);
	buf_release(&l->out);
	free(l);
}

/* ---- a window ---- */

static void put32(struct buf *b, uint32_t v)
{
	const char p[4] = {(char)(v >> 24), (char)(v >> 16), (char)(v >> 8), (char)v};

	buf_add(b, p, sizeof(p));
}

/* Numbers begin at 1 in each window: there are servers that acknowledge how many it were. */
static int build(struct lumberjack_link *l, const struct pack *p, uint32_t from, uint32_t to, struct err *err)
{
	uLongf packed;
	char *room;

	buf_clear(&l->frames);
	for (uint32_t i = from; i < to; i++) {
		struct str text = item_document(p, &p->item[i]);

		buf_lit(&l->frames, "1D");
		put32(&l->frames, i - from + 1);
		put32(&l->frames, 1);
		put32(&l->frames, 4);
		buf_lit(&l->frames, "line");
		put32(&l->frames, (uint32_t)text.len);
		buf_str(&l->frames, text);
	}
	packed = compressBound(l->frames.len);
	buf_clear(&l->out);
	buf_lit(&l->out, "1W");
	put32(&l->out, to - from);
	buf_lit(&l->out, "1C");
	room = buf_room(&l->out, packed + 4);
	if (compress((Bytef *)room + 4, &packed, (const Bytef *)l->frames.p, l->frames.len) != Z_OK)
		return err_set(err, "zlib has no memory");
	put32(&l->out, (uint32_t)packed);
	l->out.len += packed;
	return 0;
}

/* Any of the hosts, beginning with the one that was spoken to last. */
static enum send_result call(struct lumberjack_link *l, struct send_ctx *ctx)
{
	enum send_result r = SEND_RETRY;

	for (unsigned tried = 0; tried < l->conn->n && !atomic_load(ctx->stop); tried++) {
		r = net_call(l->host[l->at], ctx);
		if (r == SEND_JUDGED)
			break;
		l->at = (l->at + 1) % l->conn->n;
	}
	return r;
}

/*
 * Waits until all n frames are acknowledged, or -1 and ctx->err; *done are in either case. Words that name none of them (0: have
 * patience) say only that the far end lives.
 */
static int wait_acks(struct lumberjack_link *l, uint32_t n, uint32_t *done, struct send_ctx *ctx)
{
	char in[ACK];
	size_t have = 0;

	while (*done < n) {
		ssize_t got = net_get(l->host[l->at], in + have, ACK - have, ctx);
		uint32_t acked;

		if (got < 0)
			return -1;
		have += (size_t)got;
		if (have < ACK)
			continue;
		have = 0;
		if ((in[0] != '1' && in[0] != '2') || in[1] != 'A')
			return err_set(&ctx->err, "the far end answers with something that is no acknowledgement");
		acked = (uint32_t)(uint8_t)in[2] << 24 | (uint32_t)(uint8_t)in[3] << 16 | (uint32_t)(uint8_t)in[4] << 8 | (uint8_t)in[5];
		if (acked > n)
			return err_set(&ctx->err, "the far end acknowledges more than it was sent");
		if (acked > *done)
			*done = acked;
	}
	return 0;
}

static enum send_result lumberjack_send(void *conn, void *link, struct pack *p, uint32_t from, uint32_t to, struct send_ctx *ctx)
{
	struct lumberjack_link *l = link;
	enum send_result r = call(l, ctx);
	uint32_t done = 0, n = to - from;

	if (r != SEND_JUDGED)
		return r;
	if (build(l, p, from, to, &ctx->err) == -1)
		return SEND_RETRY;
	if (net_put(l->host[l->at], buf_slice(&l->out), ctx) == -1 || wait_acks(l, n, &done, ctx) == -1) {
		net_hang_up(l->host[l->at]);
		l->at = (l->at + 1) % l->conn->n;
		ctx->maybe_sent = true;
	}
	if (!done)
		return SEND_RETRY;
	for (uint32_t i = 0; i < n; i++)
		p->item[from + i].verdict = i < done ? VERDICT_DELIVERED : VERDICT_RETRY;
	return SEND_JUDGED;
}

static const struct option options[] = {
	{"hosts", OPT_LIST, offsetof(struct lumberjack_output, hosts), .flags = OPT_REQUIRED, .doc = "names or addresses; one is spoken to, the next when that one fails"},
	{"port", OPT_INT, offsetof(struct lumberjack_output, port), .flags = OPT_REQUIRED, .min = 1, .max = 65535, .doc = "port to connect to"},
	{"ssl_certificate", OPT_PATH, offsetof(struct lumberjack_output, certificate), .flags = OPT_REQUIRED, .doc = "PEM file: the far end's certificate, or its authority's"},
	{"flush_size", OPT_INT, offsetof(struct lumberjack_output, flush_size), .def = "1024", .min = 1, .max = 1000000, .doc = "events of a window at most"},
	{"window_size", OPT_INT, offsetof(struct lumberjack_output, flush_size), .flags = OPT_DEPRECATED, .min = 1, .max = 1000000, .instead = "flush_size", .doc = "older name of flush_size"},
	{"idle_flush_time", OPT_FLOAT, offsetof(struct lumberjack_output, idle_flush_time), .def = "1", .doc = "seconds that fewer events may wait for more"},
	QUEUE_OPTIONS(struct lumberjack_output, queue, "1"),
	{0},
};

static const struct output_ops ops = {
	.queue_offset = offsetof(struct lumberjack_output, queue),
	.pack_bytes = PACK_BYTES,
	.ordered = true,
	.render = lumberjack_render,
	.start = lumberjack_start,
	.stop = lumberjack_stop,
	.renew = lumberjack_renew,
	.link_open = link_open,
	.link_close = link_close,
	.send = lumberjack_send,
};

OUTPUT(lumberjack, .size = sizeof(struct lumberjack_output), .options = options, .open = lumberjack_open, .close = lumberjack_close, .output = &ops,
       .default_codec = "plain", .doc = "sends events to the inputs beats and lumberjack, of Logstash or weir, over TLS")
