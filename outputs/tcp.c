/*
 * tcp.c - output `tcp`: events by their codec, over a connection that weird opens, with TLS or without.
 *
 * What arrives is what the codec writes: `json`, the default as in Logstash, puts nothing between two events; json_lines does.
 */
#include "outputs/net_link.h"

struct tcp_output {
	struct queue_options queue;
	struct str host, mode;
	int64_t port;
	struct tls_options tls;
};

static int tcp_open(void *self, struct plugin_ctx *ctx, struct err *err)
{
	struct tcp_output *t = self;

	if (!str_eq(t->mode, STR("client")))
		return err_set(err, "only mode 'client' is there: weird connects. Let the others listen, or write to a file");
	/* Logstash's older plug-in looked at the server's certificate only where it was told to. */
	if (option_given(ctx, "ssl_enable") && !option_given(ctx, "ssl_verify") && !option_given(ctx, "ssl_verification_mode")) {
		t->tls.verification = TLS_VERIFY_NONE;
		plugin_warn(ctx, "anybody's certificate is accepted, as Logstash does with ssl_enable: 'ssl_enabled => true' looks at it");
	}
	return tls_options_open(&t->tls, TLS_CLIENT, ctx, err);
}

static void tcp_close(void *self)
{
	tls_options_close(&((struct tcp_output *)self)->tls);
}

static enum render_result tcp_render(void *self, const struct event *ev, struct pack *p, struct render_ctx *ctx)
{
	if (render_by_codec(ev, pack_begin(p), ctx) != RENDER_OK)
		return RENDER_DEAD;
	pack_end(p, 0, 0, 0);
	return RENDER_OK;
}

static void *tcp_start(const void *self, const struct plugin_ctx *ctx, struct err *err)
{
	const struct tcp_output *t = self;

	return net_conn_new(t->host, (int)t->port, false, &t->tls);
}

static void tcp_renew(void *conn, const void *self)
{
	net_conn_renew(conn, &((const struct tcp_output *)self)->tls);
}

static const struct option options[] = {
	{"host", OPT_STRING, offsetof(struct tcp_output, host), .flags = OPT_REQUIRED, .doc = "name or address to connect to"},
	{"port", OPT_INT, offsetof(struct tcp_output, port), .flags = OPT_REQUIRED, .min = 1, .max = 65535, .doc = "port to connect to"},
	{"mode", OPT_STRING, offsetof(struct tcp_output, mode), .def = "\"client\"", .doc = "only client"},
	{"reconnect_interval", OPT_IGNORED, .doc = "weird waits 1 to 30 seconds, longer with each try"},
	{"message_format", OPT_OBSOLETE, .instead = "codec => line { format => ... }", .doc = "as codec line's format"},
	TLS_OPTIONS(struct tcp_output, tls, 0),
	TLS_CLIENT_OPTIONS(struct tcp_output, tls, 0),
	TLS_OLD_OPTIONS(struct tcp_output, tls, "ssl_verification_mode"),
	QUEUE_OPTIONS(struct tcp_output, queue, "1"),
	{0},
};

static const struct output_ops ops = {
	.queue_offset = offsetof(struct tcp_output, queue),
	.pack_bytes = NET_PACK_BYTES,
	.ordered = true,
	.render = tcp_render,
	.start = tcp_start,
	.stop = net_conn_free,
	.link_open = net_link_open,
	.link_close = net_link_close,
	.send = net_send_stream,
	.renew = tcp_renew,
};

OUTPUT(tcp, .size = sizeof(struct tcp_output), .options = options, .open = tcp_open, .close = tcp_close, .output = &ops,
       .default_codec = "json", .doc = "sends events over a TCP connection")
