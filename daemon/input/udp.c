/*
 * udp.c - `input { udp { port => 5000 } }`: each datagram goes to the codec as it is.
 */
#include "base/log.h"
#include "input/decorate.h"
#include "input/listen.h"
#include "input/udp_server.h"

struct udp {
	struct str host, source_ip_fieldname;
	int64_t port, receive_buffer_bytes;
	enum ecs_mode ecs;
	const struct ref *ref_host, *ref_port;
};

static int udp_open(void *self, struct plugin_ctx *ctx, struct err *err)
{
	struct udp *u = self;

	u->ecs = ctx->ecs;
	if (!u->source_ip_fieldname.p)
		u->source_ip_fieldname = ctx->ecs == ECS_DISABLED ? STR("host") : STR("[host][ip]");
	u->ref_host = ref_compile(ctx->arena, u->source_ip_fieldname, err);
	return u->ref_host ? 0 : -1;
}

static void udp_decorate(void *self, struct event *ev, const struct span *sp)
{
	struct udp *u = self;
	int port;
	struct str ip = decorate_address(ev, &sp->peer, &port);

	if (ip.p)
		decorate_set(ev, u->ref_host, v_str(ip));
}

/* To its last byte, as Logstash's plug-in: a binary codec's datagram may well end in zeros, and a line's end is the codec's business. */
static void on_datagram(void *arg, struct source *source, struct str datagram, const struct sockaddr *from)
{
	struct inlet *in = arg;

	if (datagram.len) {
		inlet_datagram(in, source, datagram, from, 0);
		return;
	}
	count_add(&in->count.datagrams, 1);
	count_add(&in->count.refused, 1);
}

static int udp_io_open(struct inlet *in, const void *self, struct err *err)
{
	const struct udp *u = self;
	int fd = listen_socket(u->host, (int)u->port, SOCK_DGRAM, err);

	if (fd == -1)
		return -1;
	in->port = socket_port(fd);
	log_info("input", "%s: listening on udp port %d", in->name, in->port);
	in->io = udp_server_new(in, fd, u->receive_buffer_bytes);
	udp_server_whole(in->io, on_datagram, in);
	return 0;
}

static int udp_io_start(struct inlet *in, struct err *err)
{
	return udp_server_start(in->io, err);
}

static void udp_io_pause(struct inlet *in)
{
	udp_server_pause(in->io);
}

static void udp_io_resume(struct inlet *in)
{
	udp_server_resume(in->io);
}

static void udp_io_stop(struct inlet *in)
{
	udp_server_stop(in->io, inlet_all_closed, in);
}

static void udp_io_release(struct inlet *in)
{
	udp_server_free(in->io);
}

static const struct input_ops ops = {.own_loop = true, .datagrams = true, .endless = true, .open = udp_io_open, .start = udp_io_start,
				     .pause = udp_io_pause, .resume = udp_io_resume, .stop = udp_io_stop, .release = udp_io_release};

static const struct option options[] = {
	{"port", OPT_INT, offsetof(struct udp, port), .flags = OPT_REQUIRED, .min = 0, .max = 65535, .doc = "port to listen on"},
	{"host", OPT_STRING, offsetof(struct udp, host), .def = "\"0.0.0.0\"", .doc = "address to listen on; 0.0.0.0 and :: mean both families"},
	{"receive_buffer_bytes", OPT_BYTES, offsetof(struct udp, receive_buffer_bytes), .def = "0", .doc = "receive buffer of the socket; 0: as large as allowed"},
	{"source_ip_fieldname", OPT_STRING, offsetof(struct udp, source_ip_fieldname), .doc = "where the sender's address goes (host, or [host][ip])"},
	{"buffer_size", OPT_IGNORED, 0, .doc = "datagrams are taken whole"},
	{"queue_size", OPT_IGNORED, 0, .doc = "the pipeline's queue is bounded by memory.max"},
	{"workers", OPT_IGNORED, 0, .doc = "one thread receives"},
	{0},
};

INPUT(udp, .size = sizeof(struct udp), .options = options, .doc = "datagrams over UDP", .default_codec = "plain",
      .open = udp_open, .decorate = udp_decorate, .input = &ops)
