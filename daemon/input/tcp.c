/*
 * tcp.c - `input { tcp { port => 5000 } }`: lines (or what the codec wants) over TCP connections that others open, or, in mode client, over one
 * that weird opens.
 */
#include "base/log.h"
#include "input/decorate.h"
#include "input/listen.h"
#include "input/proxy_header.h"
#include "input/tcp_server.h"
#include "pipeline/options.h"
#include "pipeline/tls_options.h"

struct tcp {
	struct str host;
	int mode; /* enum mode */
	bool proxied;
	int64_t port, max_line;
	struct tls_options tls;
	enum ecs_mode ecs;
	const struct ref *ref_host, *ref_port, *ref_ip, *ref_subject, *ref_proxy_ip, *ref_proxy_port;
};

enum mode { MODE_SERVER, MODE_CLIENT };
static const char *const modes[] = {"server", "client", NULL};

#define META "[@metadata][input][tcp]"

static int tcp_open(void *self, struct plugin_ctx *ctx, struct err *err)
{
	struct tcp *t = self;

	bool old = ctx->ecs == ECS_DISABLED;

	t->ecs = ctx->ecs;
	if (t->mode == MODE_CLIENT && t->port == 0) {
		option_blame(ctx, "port");
		return err_set(err, "mode client needs the port to connect to");
	}
	t->ref_host = ref_compile(ctx->arena, STR("host"), NULL);
	t->ref_port = ref_compile(ctx->arena, old ? STR("port") : STR(META "[source][port]"), NULL);
	t->ref_ip = ref_compile(ctx->arena, old ? STR("[@metadata][ip_address]") : STR(META "[source][ip]"), NULL);
	t->ref_proxy_ip = ref_compile(ctx->arena, old ? STR("proxy_host") : STR(META "[proxy][ip]"), NULL);
	t->ref_proxy_port = ref_compile(ctx->arena, old ? STR("proxy_port") : STR(META "[proxy][port]"), NULL);
	t->ref_subject = ref_compile(ctx->arena, old ? STR("sslsubject") : STR(META "[tls][client][subject]"), NULL);
	return tls_options_open(&t->tls, t->mode == MODE_CLIENT ? TLS_CLIENT : TLS_SERVER, ctx, err);
}

static void tcp_close(void *self)
{
	tls_options_close(&((struct tcp *)self)->tls);
}

/* Logstash cuts the header at its blanks and leaves ports the text that they are there. */
static struct value port_value(struct event *ev, int port, bool text)
{
	return text ? v_str(arena_printf(ev->arena, "%d", port)) : v_int(port);
}

static void tcp_decorate(void *self, struct event *ev, const struct span *sp)
{
	struct tcp *t = self;
	const struct proxy_header *h = sp->source->extra;
	int port = 0;
	struct str ip = decorate_address(ev, &sp->source->peer, &port), proxy;

	if (!ip.p)
		return;
	/* Logstash may look the name up; weird never asks DNS about a sender. */
	if (t->ecs == ECS_DISABLED)
		decorate_set(ev, t->ref_host, v_str(ip));
	decorate_set(ev, t->ref_ip, v_str(ip));
	decorate_set(ev, t->ref_port, port_value(ev, port, h != NULL));
	if (h) {
		proxy = decorate_address(ev, &h->proxy, &port);
		decorate_set(ev, t->ref_proxy_ip, v_str(proxy));
		decorate_set(ev, t->ref_proxy_port, port_value(ev, port, true));
	}
	/* The event may outlive the connection. */
	if (sp->source->tls && sp->source->tls->verified)
		decorate_set(ev, t->ref_subject, v_str(arena_dup(ev->arena, sp->source->tls->subject)));
}

static int listen_there(struct inlet *in, const struct tcp *t, const struct tcp_limits *limits, struct err *err)
{
	int fd = listen_socket(t->host, (int)t->port, SOCK_STREAM, err);

	if (fd == -1)
		return -1;
	in->port = socket_port(fd);
	log_info("input", "%s: listening on tcp port %d%s", in->name, in->port, t->tls.context ? ", TLS" : "");
	in->io = tcp_server_new(in, fd, FRAMER_LINE, limits, (struct str){0});
	return 0;
}

static void call_there(struct inlet *in, const struct tcp *t, struct tcp_limits *limits)
{
	/* Whom one calls may have nothing to say for days. */
	limits->idle_ns = limits->half_frame_ns = INT64_MAX;
	in->io = tcp_server_new(in, -1, FRAMER_LINE, limits, (struct str){0});
	tcp_server_call(in->io, t->host, (int)t->port, t->tls.check_name);
}

static int tcp_io_open(struct inlet *in, const void *self, struct err *err)
{
	const struct tcp *t = self;
	struct tcp_limits limits = tcp_default_limits;

	limits.frame_max = (size_t)t->max_line;
	limits.handshake_ns = t->tls.handshake_ms * 1000000;
	if (t->mode == MODE_CLIENT)
		call_there(in, t, &limits);
	else if (listen_there(in, t, &limits, err) == -1)
		return -1;
	tcp_server_tls(in->io, t->tls.context);
	if (t->proxied)
		tcp_server_proxied(in->io);
	return 0;
}

/* A certificate may have been renewed: for the connections to come. */
static void tcp_io_renew(struct inlet *in, const void *self)
{
	tcp_server_tls(in->io, ((const struct tcp *)self)->tls.context);
}

static const struct input_ops ops = {.endless = true, .open = tcp_io_open, .start = tcp_inlet_start, .renew = tcp_io_renew,
				     .pause = tcp_inlet_pause, .resume = tcp_inlet_resume, .stop = tcp_inlet_stop, .release = tcp_inlet_release};

static const struct option options[] = {
	{"port", OPT_INT, offsetof(struct tcp, port), .flags = OPT_REQUIRED, .min = 0, .max = 65535, .doc = "port to listen on, or to connect to"},
	{"host", OPT_STRING, offsetof(struct tcp, host), .def = "\"0.0.0.0\"", .doc = "address to listen on; 0.0.0.0 and :: mean both families. Mode client: name or address to connect to"},
	{"mode", OPT_ENUM, offsetof(struct tcp, mode), .def = "server", .choices = modes, .doc = "server: listens; client: connects, and again 1 to 30 seconds after the connection has ended"},
	{"max_line", OPT_BYTES, offsetof(struct tcp, max_line), .flags = OPT_WEIR, .def = "33554432", .min = 16, .max = 268435456, .doc = "longest line; the rest of a longer one is left out, counted"},
	TLS_OPTIONS(struct tcp, tls, 0),
	TLS_SERVER_OPTIONS(struct tcp, tls, 0, "required"),
	TLS_CLIENT_OPTIONS(struct tcp, tls, 0),
	TLS_CHAIN_OPTIONS(struct tcp, tls, 0),
	TLS_OLD_OPTIONS(struct tcp, tls, "ssl_client_authentication"),
	{"dns_reverse_lookup_enabled", OPT_IGNORED, 0, .doc = "weird never looks a sender up in DNS"},
	{"tcp_keep_alive", OPT_IGNORED, 0, .doc = "always on"},
	{"proxy_protocol", OPT_BOOL, offsetof(struct tcp, proxied), .def = "false", .doc = "each connection begins with a header of HAProxy's PROXY protocol, version 1 or 2: whose connection it is. One without is closed"},
	{0},
};

INPUT(tcp, .size = sizeof(struct tcp), .options = options, .doc = "lines over TCP", .default_codec = "line", .stream = true, .open = tcp_open,
      .close = tcp_close, .decorate = tcp_decorate, .input = &ops)
