/*
 * tcp.c - `input { tcp { port => 5000 } }`: lines (or what the codec wants) over TCP connections.
 */
#include "base/log.h"
#include "input/decorate.h"
#include "input/listen.h"
#include "input/tcp_server.h"
#include "pipeline/tls_options.h"

struct tcp {
	struct str host, mode;
	int64_t port, max_line;
	struct tls_options tls;
	enum ecs_mode ecs;
	const struct ref *ref_host, *ref_port, *ref_ip, *ref_meta_ip, *ref_meta_port, *ref_subject;
};

static int tcp_open(void *self, struct plugin_ctx *ctx, struct err *err)
{
	struct tcp *t = self;

	t->ecs = ctx->ecs;
	if (str_eq(t->mode, STR("client")))
		return err_set(err, "mode 'client' is not supported: weird listens");
	t->ref_host = ref_compile(ctx->arena, STR("host"), NULL);
	t->ref_port = ref_compile(ctx->arena, STR("port"), NULL);
	t->ref_ip = ref_compile(ctx->arena, STR("[@metadata][ip_address]"), NULL);
	t->ref_meta_ip = ref_compile(ctx->arena, STR("[@metadata][input][tcp][source][ip]"), NULL);
	t->ref_meta_port = ref_compile(ctx->arena, STR("[@metadata][input][tcp][source][port]"), NULL);
	t->ref_subject = ref_compile(ctx->arena, t->ecs == ECS_DISABLED ? STR("sslsubject") : STR("[@metadata][input][tcp][tls][client][subject]"), NULL);
	return tls_options_open(&t->tls, TLS_SERVER, ctx, err);
}

static void tcp_close(void *self)
{
	tls_options_close(&((struct tcp *)self)->tls);
}

static void tcp_decorate(void *self, struct event *ev, const struct span *sp)
{
	struct tcp *t = self;
	int port = 0;
	struct str ip = decorate_address(ev, &sp->source->peer, &port);

	if (!ip.p)
		return;
	if (t->ecs == ECS_DISABLED) {
		/* Logstash may look the name up; weird never asks DNS about a sender. */
		decorate_set(ev, t->ref_host, v_str(ip));
		decorate_set(ev, t->ref_port, v_int(port));
		decorate_set(ev, t->ref_ip, v_str(ip));
	} else {
		decorate_set(ev, t->ref_meta_ip, v_str(ip));
		decorate_set(ev, t->ref_meta_port, v_int(port));
	}
	/* The event may outlive the connection. */
	if (sp->source->tls && sp->source->tls->verified)
		decorate_set(ev, t->ref_subject, v_str(arena_dup(ev->arena, sp->source->tls->subject)));
}

static int tcp_io_open(struct inlet *in, const void *self, struct err *err)
{
	const struct tcp *t = self;
	struct tcp_limits limits = tcp_default_limits;
	int fd = listen_socket(t->host, (int)t->port, SOCK_STREAM, err);

	if (fd == -1)
		return -1;
	limits.frame_max = (size_t)t->max_line;
	in->port = socket_port(fd);
	limits.handshake_ns = t->tls.handshake_ms * 1000000;
	log_info("input", "%s: listening on tcp port %d%s", in->name, in->port, t->tls.context ? ", TLS" : "");
	in->io = tcp_server_new(in, fd, FRAMER_LINE, &limits, (struct str){0});
	tcp_server_tls(in->io, t->tls.context);
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
	{"port", OPT_INT, offsetof(struct tcp, port), .flags = OPT_REQUIRED, .min = 0, .max = 65535, .doc = "port to listen on"},
	{"host", OPT_STRING, offsetof(struct tcp, host), .def = "\"0.0.0.0\"", .doc = "address to listen on; 0.0.0.0 and :: mean both families"},
	{"mode", OPT_STRING, offsetof(struct tcp, mode), .def = "\"server\"", .doc = "only server"},
	{"max_line", OPT_BYTES, offsetof(struct tcp, max_line), .flags = OPT_WEIR, .def = "33554432", .min = 16, .max = 268435456, .doc = "longest line; the rest of a longer one is left out, counted"},
	TLS_OPTIONS(struct tcp, tls, 0),
	TLS_SERVER_OPTIONS(struct tcp, tls, 0, "required"),
	TLS_CLIENT_OPTIONS(struct tcp, tls, 0),
	TLS_CHAIN_OPTIONS(struct tcp, tls, 0),
	TLS_OLD_OPTIONS(struct tcp, tls, "ssl_client_authentication"),
	{"dns_reverse_lookup_enabled", OPT_IGNORED, 0, .doc = "weird never looks a sender up in DNS"},
	{"tcp_keep_alive", OPT_IGNORED, 0, .doc = "always on"},
	{"proxy_protocol", OPT_IGNORED, 0, .doc = "not done"},
	{0},
};

INPUT(tcp, .size = sizeof(struct tcp), .options = options, .doc = "lines over TCP", .default_codec = "line", .stream = true, .open = tcp_open,
      .close = tcp_close, .decorate = tcp_decorate, .input = &ops)
