/*
 * udp.c - output `udp`: a datagram for each event, by its codec. Whether anybody gets it cannot be known.
 *
 * The port may depend on the event: it stands in front of the item then, as digits.
 */
#include "outputs/net_link.h"

struct udp_output {
	struct queue_options queue;
	struct str host;
	const struct tmpl *port;
	uint64_t fixed; /* port, where it does not depend on the event; else 0 */
};

static bool read_port(struct str s, uint64_t *port)
{
	return str_u64(s, UINT16_MAX, port) && *port > 0;
}

static int udp_open(void *self, struct plugin_ctx *ctx, struct err *err)
{
	struct udp_output *u = self;
	struct str text = tmpl_text(u->port);

	if (!tmpl_is_const(u->port) || read_port(text, &u->fixed))
		return 0;
	option_blame(ctx, "port");
	return err_set(err, "'port' is a number from 1 to 65535, not '%.*s'", STR_ARG(text));
}

static enum render_result udp_render(void *self, const struct event *ev, struct pack *p, struct render_ctx *ctx)
{
	struct udp_output *u = self;
	struct buf *b = pack_begin(p);
	struct str text;
	uint64_t port;
	size_t head = 0;

	if (!u->fixed) {
		if (tmpl_render(u->port, ev, ctx->scratch, ctx->clock, &text, &ctx->err) == -1)
			return RENDER_DEAD;
		if (!read_port(text, &port)) {
			err_set(&ctx->err, "no port: '%.*s'", STR_ARG(str_sub(text, 0, 64)));
			return RENDER_DEAD;
		}
		buf_u64(b, port);
		head = b->len - p->begun;
	}
	if (render_by_codec(ev, b, ctx) != RENDER_OK)
		return RENDER_DEAD;
	pack_end(p, head, 0, 0);
	return RENDER_OK;
}

static void *udp_start(const void *self, const struct plugin_ctx *ctx, struct err *err)
{
	const struct udp_output *u = self;

	return net_conn_new(u->host, (int)u->fixed, true, NULL);
}

static const struct option options[] = {
	{"host", OPT_STRING, offsetof(struct udp_output, host), .flags = OPT_REQUIRED, .doc = "name or address to send to; a name is asked for once a minute"},
	{"port", OPT_TMPL, offsetof(struct udp_output, port), .flags = OPT_REQUIRED, .doc = "port to send to; may hold %{...}"},
	{"retry_count", OPT_IGNORED, .doc = "what cannot be sent is tried again until it can"},
	{"retry_backoff_ms", OPT_IGNORED, .doc = "weird waits 1 to 30 seconds, longer with each try"},
	QUEUE_OPTIONS(struct udp_output, queue, "1"),
	{0},
};

static const struct output_ops ops = {
	.queue_offset = offsetof(struct udp_output, queue),
	.pack_bytes = NET_PACK_BYTES,
	.ordered = true,
	.render = udp_render,
	.start = udp_start,
	.stop = net_conn_free,
	.link_open = net_link_open,
	.link_close = net_link_close,
	.send = net_send_datagrams,
};

OUTPUT(udp, .size = sizeof(struct udp_output), .options = options, .open = udp_open, .output = &ops, .default_codec = "json",
       .doc = "sends a datagram for each event")
