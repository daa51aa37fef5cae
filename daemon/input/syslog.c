/*
 * syslog.c - `input { syslog { port => 514 } }`: UDP and TCP on one port, RFC 3164 and RFC 5424, LF and octet counting.
 *
 * The io half is a TCP server and, as its companion on a loop of its own, a UDP server; the work half is syslog_decode. With TLS (RFC 5425:
 * octet counting over TLS, usually port 6514) the companion is empty: who asks for TLS does not want the same port open to anybody's datagrams.
 */
#include "base/log.h"
#include "base/utf8.h"
#include "input/decorate.h"
#include "input/listen.h"
#include "parse/syslog_decode.h"
#include "input/tcp_server.h"
#include "input/udp_server.h"
#include "pipeline/tls_options.h"

struct syslog {
	struct syslog_options o;
	struct str host;
	bool proxied;
	int64_t port, receive_buffer_bytes;
	struct tls_options tls;
	const struct ref *ref_subject;
};

static int syslog_open(void *self, struct plugin_ctx *ctx, struct err *err)
{
	struct syslog *s = self;

	s->ref_subject = ref_compile(ctx->arena, STR("[@metadata][tls_peer][subject]"), NULL);
	if (syslog_decode_open(&s->o, ctx, err) == -1)
		return -1;
	if (tls_options_open(&s->tls, TLS_SERVER, ctx, err) == 0)
		return 0;
	syslog_decode_close(&s->o);
	return -1;
}

static void syslog_close(void *self)
{
	struct syslog *s = self;

	syslog_decode_close(&s->o);
	tls_options_close(&s->tls);
}

/* Who sent it, as its certificate says: host is only what the line says. */
static void set_subject(const struct syslog *s, struct event *ev, const struct span *sp)
{
	/* The event may outlive the connection. */
	if (sp->source->tls && sp->source->tls->verified)
		decorate_set(ev, s->ref_subject, v_str(arena_dup(ev->arena, sp->source->tls->subject)));
}

static const struct sockaddr_storage *peer_of(const struct span *sp)
{
	return sp->peer.ss_family ? &sp->peer : &sp->source->peer;
}

static void decode(void *self, struct event *ev, struct str frame, uint32_t flags, const struct span *sp)
{
	struct syslog *s = self;

	if (!utf8_valid(frame))
		frame = utf8_scrub(ev->arena, frame);
	(void)syslog_decode(&s->o, ev, frame, peer_of(sp), sp->received_ns);
	if (flags & FRAME_CUT)
		event_tag(ev, STR("_message_truncated"));
	if (flags & FRAME_BAD)
		event_tag(ev, STR("_framing_error"));
	set_subject(s, ev, sp);
}

static void decorate(void *self, struct event *ev, const struct span *sp)
{
	(void)syslog_decode_event(&((struct syslog *)self)->o, ev, peer_of(sp), sp->received_ns);
	set_subject(self, ev, sp);
}

/* ---- TCP ---- */

static int tcp_open(struct inlet *in, const void *self, struct err *err)
{
	const struct syslog *s = self;
	struct tcp_limits limits = tcp_default_limits;
	int fd = listen_socket(s->host, (int)s->port, SOCK_STREAM, err);

	if (fd == -1)
		return -1;
	in->port = socket_port(fd);
	limits.frame_max = SYSLOG_FRAME_MAX;
	limits.handshake_ns = s->tls.handshake_ms * 1000000;
	in->io = tcp_server_new(in, fd, FRAMER_SYSLOG, &limits, (struct str){0});
	tcp_server_tls(in->io, s->tls.context);
	if (s->proxied)
		tcp_server_proxied(in->io);
	if (s->tls.context)
		log_info("input", "%s: listening on tcp port %d, TLS", in->name, in->port);
	return 0;
}

/* A certificate may have been renewed: for the connections to come. */
static void tcp_renew(struct inlet *in, const void *self)
{
	tcp_server_tls(in->io, ((const struct syslog *)self)->tls.context);
}

/* ---- UDP ---- */

static int udp_open(struct inlet *in, const void *self, struct err *err)
{
	const struct syslog *s = self;
	int fd;

	if (s->tls.context)
		return 0;
	/* Port 0: the one that TCP got. */
	fd = listen_socket(s->host, in->partner->port, SOCK_DGRAM, err);
	if (fd == -1)
		return -1;
	in->port = socket_port(fd);
	log_info("input", "%s: listening on port %d, udp and tcp", in->name, in->port);
	in->io = udp_server_new(in, fd, s->receive_buffer_bytes);
	return 0;
}

static int udp_start(struct inlet *in, struct err *err)
{
	return in->io ? udp_server_start(in->io, err) : 0;
}

static void udp_pause(struct inlet *in)
{
	if (in->io)
		udp_server_pause(in->io);
}

static void udp_resume(struct inlet *in)
{
	if (in->io)
		udp_server_resume(in->io);
}

static void udp_stop(struct inlet *in)
{
	if (in->io)
		udp_server_stop(in->io, inlet_all_closed, in);
	else
		inlet_closed(in);
}

static void udp_release(struct inlet *in)
{
	udp_server_free(in->io);
}

static const struct input_ops udp_ops = {.own_loop = true, .datagrams = true, .endless = true, .open = udp_open, .start = udp_start,
					 .pause = udp_pause, .resume = udp_resume, .stop = udp_stop, .release = udp_release};

static const struct input_ops ops = {.companion = &udp_ops, .endless = true, .open = tcp_open, .start = tcp_inlet_start, .renew = tcp_renew,
				     .pause = tcp_inlet_pause, .resume = tcp_inlet_resume, .stop = tcp_inlet_stop, .release = tcp_inlet_release};

static const struct option options[] = {
	{"port", OPT_INT, offsetof(struct syslog, port), .def = "514", .min = 0, .max = 65535, .doc = "UDP and TCP port to listen on"},
	{"host", OPT_STRING, offsetof(struct syslog, host), .def = "\"0.0.0.0\"", .doc = "address to listen on; 0.0.0.0 and :: mean both families"},
	{"receive_buffer_bytes", OPT_BYTES, offsetof(struct syslog, receive_buffer_bytes), .flags = OPT_WEIR, .def = "0", .doc = "receive buffer of the UDP socket; 0: as large as allowed"},
	{"proxy_protocol", OPT_BOOL, offsetof(struct syslog, proxied), .def = "false", .doc = "each TCP connection begins with a header of HAProxy's PROXY protocol, version 1 or 2: whose connection it is. One without is closed"},
	TLS_OPTIONS(struct syslog, tls, OPT_WEIR),
	TLS_SERVER_OPTIONS(struct syslog, tls, OPT_WEIR, "none"),
	TLS_CHAIN_OPTIONS(struct syslog, tls, OPT_WEIR),
	SYSLOG_OPTIONS(struct syslog, o),
	{0},
};

INPUT(syslog, .size = sizeof(struct syslog), .options = options, .doc = "syslog over UDP and TCP on one port",
      .default_codec = "plain", .open = syslog_open, .close = syslog_close, .decode = decode, .decorate = decorate, .input = &ops)
