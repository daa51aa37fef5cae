/*
 * tcp.c - output `tcp`: events by their codec, over a connection that weird opens or, in mode server, over all that others open; with TLS or
 * without.
 *
 * What arrives is what the codec writes: `json`, the default as in Logstash, puts nothing between two events; json_lines does.
 */
#include "outputs/net_link.h"
#include "outputs/net_serve.h"

#include <stdlib.h>

struct tcp_output {
	struct queue_options queue;
	struct str host;
	int mode; /* enum mode */
	int64_t port;
	struct tls_options tls;
};

enum mode { MODE_CLIENT, MODE_SERVER };
static const char *const modes[] = {"client", "server", NULL};

static int tcp_open(void *self, struct plugin_ctx *ctx, struct err *err)
{
	struct tcp_output *t = self;

	if (t->mode == MODE_SERVER)
		return tls_options_open(&t->tls, TLS_SERVER, ctx, err);
	if (t->port == 0) {
		option_blame(ctx, "port");
		return err_set(err, "mode client needs the port to connect to");
	}
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

/* ---- send half: one of the two ---- */

struct tcp_conn {
	struct net_conn *call;
	struct net_serve *serve;
};

static void tcp_stop(void *conn)
{
	struct tcp_conn *c = conn;

	net_conn_free(c->call);
	net_serve_free(c->serve);
	free(c);
}

static void *tcp_start(const void *self, const struct plugin_ctx *ctx, struct err *err)
{
	const struct tcp_output *t = self;
	struct tcp_conn *c = xzalloc(sizeof(*c));

	if (t->mode == MODE_CLIENT)
		c->call = net_conn_new(t->host, (int)t->port, false, &t->tls);
	else
		c->serve = net_serve_new(ctx->id, t->host, (int)t->port, &t->tls, err);
	if (c->call || c->serve)
		return c;
	tcp_stop(c);
	return NULL;
}

static void tcp_renew(void *conn, const void *self)
{
	const struct tcp_output *t = self;
	struct tcp_conn *c = conn;

	if (c->call)
		net_conn_renew(c->call, &t->tls);
	else
		net_serve_renew(c->serve, &t->tls);
}

static void *tcp_link_open(void *conn)
{
	struct tcp_conn *c = conn;

	return c->call ? net_link_open(c->call) : NULL;
}

static enum send_result tcp_send(void *conn, void *link, struct pack *p, uint32_t from, uint32_t to, struct send_ctx *ctx)
{
	struct tcp_conn *c = conn;

	return c->call ? net_send_stream(c->call, link, p, from, to, ctx) : net_serve_send(c->serve, p, from, to, ctx);
}

static const struct option options[] = {
	{"host", OPT_STRING, offsetof(struct tcp_output, host), .flags = OPT_REQUIRED, .doc = "name or address to connect to; mode server: address to listen on, 0.0.0.0 and :: mean both families"},
	{"port", OPT_INT, offsetof(struct tcp_output, port), .flags = OPT_REQUIRED, .min = 0, .max = 65535, .doc = "port to connect to, or to listen on"},
	{"mode", OPT_ENUM, offsetof(struct tcp_output, mode), .def = "client", .choices = modes, .doc = "client: connects; server: listens, and whoever is connected gets every event. While nobody is they are dropped, counted"},
	{"reconnect_interval", OPT_IGNORED, .doc = "weird waits 1 to 30 seconds, longer with each try"},
	{"message_format", OPT_OBSOLETE, .instead = "codec => line { format => ... }", .doc = "as codec line's format"},
	TLS_OPTIONS(struct tcp_output, tls, 0),
	TLS_CLIENT_OPTIONS(struct tcp_output, tls, 0),
	TLS_SERVER_OPTIONS(struct tcp_output, tls, 0, "none"),
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
	.stop = tcp_stop,
	.link_open = tcp_link_open,
	.link_close = net_link_close,
	.send = tcp_send,
	.renew = tcp_renew,
};

OUTPUT(tcp, .size = sizeof(struct tcp_output), .options = options, .open = tcp_open, .close = tcp_close, .output = &ops,
       .default_codec = "json", .doc = "sends events over a TCP connection, or to all who connect")
