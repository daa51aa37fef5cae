/*
 * tcp.c - `input { tcp { port => 5000 } }`: lines (or what the codec wants) over TCP connections.
 */
#include "base/log.h"
#include "input/decorate.h"
#include "input/listen.h"
#include "input/tcp_server.h"

struct tcp {
	struct str host, mode;
	int64_t port, max_line;
	bool ssl_enable, ssl_enabled;
	enum ecs_mode ecs;
	const struct ref *ref_host, *ref_port, *ref_ip, *ref_meta_ip, *ref_meta_port;
};

static int tcp_open(void *self, struct plugin_ctx *ctx, struct err *err)
{
	struct tcp *t = self;

	t->ecs = ctx->ecs;
	if (t->ssl_enable || t->ssl_enabled)
		return err_set(err, "TLS is not there yet: plain text for now, on loopback, a LAN or through a tunnel");
	if (str_eq(t->mode, STR("client")))
		return err_set(err, "mode 'client' is not supported: weird listens");
	t->ref_host = ref_compile(ctx->arena, STR("host"), NULL);
	t->ref_port = ref_compile(ctx->arena, STR("port"), NULL);
	t->ref_ip = ref_compile(ctx->arena, STR("[@metadata][ip_address]"), NULL);
	t->ref_meta_ip = ref_compile(ctx->arena, STR("[@metadata][input][tcp][source][ip]"), NULL);
	t->ref_meta_port = ref_compile(ctx->arena, STR("[@metadata][input][tcp][source][port]"), NULL);
	return 0;
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
	log_info("input", "%s: listening on tcp port %d", in->name, in->port);
	in->io = tcp_server_new(in, fd, FRAMER_LINE, &limits, (struct str){0});
	return 0;
}

static int tcp_io_start(struct inlet *in, struct err *err)
{
	return tcp_server_start(in->io, err);
}

static void tcp_io_pause(struct inlet *in)
{
	tcp_server_pause(in->io);
}

static void tcp_io_resume(struct inlet *in)
{
	tcp_server_resume(in->io);
}

static void all_closed(void *arg)
{
	inlet_closed(arg);
}

static void tcp_io_stop(struct inlet *in)
{
	tcp_server_stop(in->io, all_closed, in);
}

static void tcp_io_release(struct inlet *in)
{
	tcp_server_free(in->io);
}

static const struct input_ops ops = {.endless = true, .open = tcp_io_open, .start = tcp_io_start, .pause = tcp_io_pause,
				     .resume = tcp_io_resume, .stop = tcp_io_stop, .release = tcp_io_release};

#define SSL(n) {n, OPT_IGNORED, 0, .doc = "TLS is not there yet"}

static const struct option options[] = {
	{"port", OPT_INT, offsetof(struct tcp, port), .flags = OPT_REQUIRED, .min = 0, .max = 65535, .doc = "port to listen on"},
	{"host", OPT_STRING, offsetof(struct tcp, host), .def = "\"0.0.0.0\"", .doc = "address to listen on; 0.0.0.0 and :: mean both families"},
	{"mode", OPT_STRING, offsetof(struct tcp, mode), .def = "\"server\"", .doc = "only server"},
	{"max_line", OPT_BYTES, offsetof(struct tcp, max_line), .flags = OPT_WEIR, .def = "33554432", .min = 16, .max = 268435456, .doc = "longest line; the rest of a longer one is left out, counted"},
	{"ssl_enable", OPT_BOOL, offsetof(struct tcp, ssl_enable), .def = "false", .doc = "TLS: refused until it is there"},
	{"ssl_enabled", OPT_BOOL, offsetof(struct tcp, ssl_enabled), .def = "false", .doc = "TLS: refused until it is there"},
	SSL("ssl_certificate"), SSL("ssl_cert"), SSL("ssl_key"), SSL("ssl_key_passphrase"), SSL("ssl_certificate_authorities"),
	SSL("ssl_extra_chain_certs"), SSL("ssl_verify"), SSL("ssl_client_authentication"), SSL("ssl_verification_mode"),
	SSL("ssl_cipher_suites"), SSL("ssl_supported_protocols"),
	{"dns_reverse_lookup_enabled", OPT_IGNORED, 0, .doc = "weird never looks a sender up in DNS"},
	{"tcp_keep_alive", OPT_IGNORED, 0, .doc = "always on"},
	{"proxy_protocol", OPT_IGNORED, 0, .doc = "not done"},
	{0},
};

INPUT(tcp, .size = sizeof(struct tcp), .options = options, .doc = "lines over TCP", .default_codec = "line", .stream = true, .open = tcp_open,
      .decorate = tcp_decorate, .input = &ops)
