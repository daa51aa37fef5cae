/*
 * gelf.c - `input { gelf {} }`: Graylog's format, over UDP (also in chunks) and TCP.
 *
 *	{"version":"1.1","host":"h","short_message":"...","full_message":"...","timestamp":1385053862.3072,"level":1,"_user_id":9001}
 *
 * A datagram is such a document, as it is or as gzip or zlib; chunks are put together on the loop's thread (gelf_chunks.h). Over TCP documents
 * end in NUL. Decompressing and reading JSON is the work thread's; what cannot be read becomes an event that says so.
 */
#include "base/log.h"
#include "base/utf8.h"
#include "event/from_map.h"
#include "event/json.h"
#include "input/decorate.h"
#include "input/gelf_chunks.h"
#include "input/listen.h"
#include "input/tcp_server.h"
#include "input/udp_server.h"

#include <math.h>
#include <stdlib.h>
#include <zlib.h>

enum {
	DOCUMENT_MAX = 10 * 1024 * 1024, /* decompressed */
	RATIO_MAX = 200,		 /* of what is larger than RATIO_FREE */
	RATIO_FREE = 256 * 1024,
	WAITING_MAX = 32 * 1024 * 1024,
	PIECE = 16 * 1024,
};

struct gelf {
	struct str host;
	int64_t port, port_tcp, port_udp, receive_buffer_bytes;
	bool use_tcp, use_udp, remap, strip_leading_underscore;
};

static int gelf_open(void *self, struct plugin_ctx *ctx, struct err *err)
{
	struct gelf *g = self;

	if (!g->use_tcp && !g->use_udp)
		return err_set(err, "'use_tcp' and 'use_udp' are both false: there is nothing to listen on");
	if (g->port_tcp < 0)
		g->port_tcp = g->port;
	if (g->port_udp < 0)
		g->port_udp = g->port;
	return 0;
}

/* ---- work thread: a document ---- */

static bool is_compressed(struct str s)
{
	unsigned char a = s.len > 1 ? (unsigned char)s.p[0] : 0, b = s.len > 1 ? (unsigned char)s.p[1] : 0;

	return (a == 0x1f && b == 0x8b) || ((a & 0x0f) == 8 && (a >> 4) <= 7 && (a << 8 | b) % 31 == 0);
}

/* Into the event's arena. NULL, or why not. */
static const char *decompress(struct arena *a, struct str s, struct str *out)
{
	z_stream z = {.next_in = (unsigned char *)(uintptr_t)s.p, .avail_in = (uInt)s.len};
	struct buf b;
	const char *why = NULL;
	int rc = Z_OK;

	/* 32: gzip or zlib, as the header says. */
	if (inflateInit2(&z, 32 + MAX_WBITS) != Z_OK)
		return "no memory";
	buf_init(&b, DOCUMENT_MAX);
	while (rc == Z_OK && !why) {
		char *room = buf_room(&b, PIECE);

		if (!room || (b.len > RATIO_FREE && b.len / RATIO_MAX > s.len)) {
			why = "it grows too much";
			break;
		}
		z.next_out = (unsigned char *)room;
		z.avail_out = PIECE;
		rc = inflate(&z, Z_NO_FLUSH);
		b.len += PIECE - z.avail_out;
		if (rc != Z_OK && rc != Z_STREAM_END)
			why = z.avail_in || rc != Z_BUF_ERROR ? "it is damaged" : "its end is missing";
	}
	inflateEnd(&z);
	if (!why)
		*out = arena_dup(a, buf_slice(&b));
	buf_release(&b);
	return why;
}

static void failed(struct event *ev, struct str message, const char *tag, int64_t received_ns)
{
	event_init(ev, ev->arena);
	event_stamp(ev, ts_from_ns(received_ns));
	event_set_top(ev, key_make(STR("message")), v_str(message));
	event_tag(ev, str_z(tag));
}

/* [timestamp], seconds since 1970 as a number, is the event's time, to the microsecond. */
static void take_timestamp(struct event *ev)
{
	struct key key = key_make(STR("timestamp"));
	const struct value *v = map_find(&ev->root, &key);
	struct ts ts = {0};

	if (value_is(v, V_INT) && v->i > -100000000000 && v->i < 100000000000) {
		ts.s = v->i;
	} else if (value_is(v, V_FLOAT) && v->f > -1e11 && v->f < 1e11) {
		double whole = floor(v->f);

		ts.s = (int64_t)whole;
		ts.ns = (uint32_t)((v->f - whole) * 1e6 + 0.5) * 1000;
		if (ts.ns >= 1000000000) {
			ts.ns -= 1000000000;
			ts.s++;
		}
	} else {
		return;
	}
	event_set_top(ev, key_make(STR("@timestamp")), v_time(ts));
	(void)map_remove(&ev->root, &key, NULL);
}

static struct value *text_at(struct event *ev, struct str name)
{
	struct value *v = event_top(ev, name);

	return value_is(v, V_STRING) && v->len ? v : NULL;
}

static void drop_top(struct event *ev, struct str name)
{
	struct key key = key_make(name);

	(void)map_remove(&ev->root, &key, NULL);
}

static void remap(struct event *ev)
{
	struct value *full = text_at(ev, STR("full_message")), *brief = text_at(ev, STR("short_message")), message;

	if (full) {
		message = *full;
		if (brief && str_eq(value_str(brief), value_str(&message)))
			drop_top(ev, STR("short_message"));
		drop_top(ev, STR("full_message"));
	} else if (brief) {
		message = *brief;
		drop_top(ev, STR("short_message"));
	} else {
		return;
	}
	event_set_top(ev, key_make(STR("message")), message);
}

/* _name becomes name, but for what events keep for themselves. */
static void strip(struct event *ev)
{
	for (uint32_t i = 0; i < ev->root.n;) {
		struct key old = ev->root.e[i].key;
		struct str name = str_from(key_str(&old), 1);
		struct value v;

		if (!str_starts(key_str(&old), STR("_")) || !name.len || str_starts(name, STR("@")) || str_starts(name, STR("_")) ||
		    (str_eq(name, STR("tags")) && ev->root.e[i].val.type != V_STRING && ev->root.e[i].val.type != V_LIST)) {
			i++;
			continue;
		}
		/* It goes to the end: what moved into its place is looked at next. */
		(void)map_remove(&ev->root, &old, &v);
		event_set_top(ev, key_make(name), v);
	}
}

static void gelf_decode(void *self, struct event *ev, struct str frame, uint32_t flags, const struct span *sp)
{
	const struct gelf *g = self;
	const struct sockaddr_storage *peer = sp->peer.ss_family ? &sp->peer : &sp->source->peer;
	struct str text = frame, rest, ip;
	const char *why = is_compressed(frame) ? decompress(ev->arena, frame, &text) : NULL;
	struct value v;
	struct err err;
	int port;

	if (!why && !utf8_valid(text))
		text = utf8_scrub(ev->arena, text);
	rest = text;
	if (why)
		failed(ev, arena_printf(ev->arena, "a compressed message of GELF cannot be read: %s", why), "_gelfparsefailure", sp->received_ns);
	else if (json_read(ev->arena, &rest, NULL, &v, &err) == -1 || rest.len || v.type != V_MAP ||
		 event_from_map(ev, v.map, ts_from_ns(sp->received_ns)) == -1)
		failed(ev, text, "_jsonparsefailure", sp->received_ns);
	if (flags & FRAME_CUT)
		event_tag(ev, STR("_message_truncated"));
	ip = decorate_address(ev, peer, &port);
	if (ip.p)
		event_set_top(ev, key_make(STR("source_host")), v_str(ip));
	take_timestamp(ev);
	if (g->remap)
		remap(ev);
	if (g->strip_leading_underscore)
		strip(ev);
}

/* ---- TCP ---- */

static int tcp_open(struct inlet *in, const void *self, struct err *err)
{
	const struct gelf *g = self;
	struct tcp_limits limits = tcp_default_limits;
	int fd;

	if (!g->use_tcp)
		return 0;
	fd = listen_socket(g->host, (int)g->port_tcp, SOCK_STREAM, err);
	if (fd == -1)
		return -1;
	in->port = socket_port(fd);
	in->delimiter[0] = 0;
	in->delimiter_len = 1;
	limits.frame_max = DOCUMENT_MAX;
	log_info("input", "%s: listening on tcp port %d", in->name, in->port);
	in->io = tcp_server_new(in, fd, FRAMER_LINE, &limits, (struct str){0});
	return 0;
}

static int tcp_start(struct inlet *in, struct err *err)
{
	return in->io ? tcp_server_start(in->io, err) : 0;
}

static void tcp_pause(struct inlet *in)
{
	if (in->io)
		tcp_server_pause(in->io);
}

static void tcp_resume(struct inlet *in)
{
	if (in->io)
		tcp_server_resume(in->io);
}

static void tcp_stop(struct inlet *in)
{
	if (in->io)
		tcp_server_stop(in->io, inlet_all_closed, in);
	else
		inlet_closed(in);
}

static void tcp_release(struct inlet *in)
{
	tcp_server_free(in->io);
}

/* ---- UDP ---- */

enum { SWEEP_MS = 1000 };

struct gelf_udp {
	struct udp_server *server;
	struct gelf_chunks *chunks;
	uv_timer_t sweep;
};

static void lose(struct inlet *in, unsigned chunks)
{
	if (!chunks)
		return;
	count_add(&in->count.bad_chunks, chunks);
	log_warn("input", "%s: %u chunks of messages whose others did not come in time are lost", in->name, chunks);
}

static void on_datagram(void *arg, struct source *source, struct str d, const struct sockaddr *from)
{
	struct inlet *in = arg;
	struct gelf_udp *u = in->io;
	unsigned n = 0, lost;
	struct str whole;

	if (!gelf_is_chunk(d) && d.len) {
		inlet_datagram(in, source, d, from, 0);
		return;
	}
	if (!d.len) {
		count_add(&in->count.datagrams, 1);
		count_add(&in->count.refused, 1);
		return;
	}
	switch (gelf_chunks_add(u->chunks, d, from, clock_mono(&clock_system), &whole, &n, &lost)) {
	case GELF_HELD:
		count_add(&in->count.datagrams, 1);
		break;
	case GELF_REFUSED:
		count_add(&in->count.datagrams, 1);
		count_add(&in->count.bad_chunks, 1);
		break;
	case GELF_WHOLE:
		inlet_datagram(in, source, whole, from, 0);
		count_add(&in->count.joined, n - 1);
		break;
	}
	lose(in, lost);
}

static void on_sweep(uv_timer_t *t)
{
	struct inlet *in = t->data;

	lose(in, gelf_chunks_expire(((struct gelf_udp *)in->io)->chunks, clock_mono(&clock_system)));
}

static int udp_open(struct inlet *in, const void *self, struct err *err)
{
	const struct gelf *g = self;
	struct gelf_udp *u;
	int fd;

	if (!g->use_udp)
		return 0;
	/* Port 0 for both: the one that TCP got. */
	fd = listen_socket(g->host, g->port_udp == 0 && g->port_tcp == 0 ? in->partner->port : (int)g->port_udp, SOCK_DGRAM, err);
	if (fd == -1)
		return -1;
	in->port = socket_port(fd);
	log_info("input", "%s: listening on udp port %d", in->name, in->port);
	u = xzalloc(sizeof(*u));
	u->server = udp_server_new(in, fd, g->receive_buffer_bytes);
	u->chunks = gelf_chunks_new(WAITING_MAX);
	udp_server_whole(u->server, on_datagram, in);
	in->io = u;
	return 0;
}

static int udp_start(struct inlet *in, struct err *err)
{
	struct gelf_udp *u = in->io;

	if (!u)
		return 0;
	uv_timer_init(loop_uv(in->loop), &u->sweep);
	u->sweep.data = in;
	uv_timer_start(&u->sweep, on_sweep, SWEEP_MS, SWEEP_MS);
	return udp_server_start(u->server, err);
}

static void udp_pause(struct inlet *in)
{
	if (in->io)
		udp_server_pause(((struct gelf_udp *)in->io)->server);
}

static void udp_resume(struct inlet *in)
{
	if (in->io)
		udp_server_resume(((struct gelf_udp *)in->io)->server);
}

static void on_swept(uv_handle_t *h)
{
	inlet_closed(h->data);
}

static void udp_closed(void *arg)
{
	struct inlet *in = arg;
	struct gelf_udp *u = in->io;

	lose(in, gelf_chunks_expire(u->chunks, INT64_MAX));
	uv_close((uv_handle_t *)&u->sweep, on_swept);
}

static void udp_stop(struct inlet *in)
{
	if (in->io)
		udp_server_stop(((struct gelf_udp *)in->io)->server, udp_closed, in);
	else
		inlet_closed(in);
}

static void udp_release(struct inlet *in)
{
	struct gelf_udp *u = in->io;

	udp_server_free(u->server);
	gelf_chunks_free(u->chunks);
	free(u);
}

static const struct input_ops udp_ops = {.own_loop = true, .datagrams = true, .endless = true, .open = udp_open, .start = udp_start,
					 .pause = udp_pause, .resume = udp_resume, .stop = udp_stop, .release = udp_release};

static const struct input_ops ops = {.companion = &udp_ops, .endless = true, .open = tcp_open, .start = tcp_start,
				     .pause = tcp_pause, .resume = tcp_resume, .stop = tcp_stop, .release = tcp_release};

static const struct option options[] = {
	{"host", OPT_STRING, offsetof(struct gelf, host), .def = "\"0.0.0.0\"", .doc = "address to listen on; 0.0.0.0 and :: mean both families"},
	{"port", OPT_INT, offsetof(struct gelf, port), .def = "12201", .min = 0, .max = 65535, .doc = "port to listen on"},
	{"port_tcp", OPT_INT, offsetof(struct gelf, port_tcp), .def = "-1", .min = -1, .max = 65535, .doc = "another one for TCP"},
	{"port_udp", OPT_INT, offsetof(struct gelf, port_udp), .def = "-1", .min = -1, .max = 65535, .doc = "another one for UDP"},
	{"use_tcp", OPT_BOOL, offsetof(struct gelf, use_tcp), .def = "false", .doc = "listen on TCP"},
	{"use_udp", OPT_BOOL, offsetof(struct gelf, use_udp), .def = "true", .doc = "listen on UDP"},
	{"remap", OPT_BOOL, offsetof(struct gelf, remap), .def = "true", .doc = "full_message, or short_message, becomes message"},
	{"strip_leading_underscore", OPT_BOOL, offsetof(struct gelf, strip_leading_underscore), .def = "true", .doc = "_name becomes name"},
	{"receive_buffer_bytes", OPT_BYTES, offsetof(struct gelf, receive_buffer_bytes), .flags = OPT_WEIR, .def = "0",
	 .doc = "receive buffer of the UDP socket; 0: as large as allowed"},
	{"codec", OPT_IGNORED, 0, .doc = "the format is GELF"},
	{0},
};

INPUT(gelf, .size = sizeof(struct gelf), .options = options, .doc = "Graylog's format over UDP and TCP", .default_codec = "plain",
      .open = gelf_open, .decode = gelf_decode, .input = &ops)
