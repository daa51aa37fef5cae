/*
 * dnstap.c - `input { dnstap { socket => "/run/weir/dnstap.sock" } }`: what DNS servers tell of their messages, as frames of Frame Streams.
 *
 * From a unix socket (BIND, Unbound, Knot), over TCP (dnsdist, PowerDNS) or out of a recording, which is read to its end. Nothing is lost while
 * weird cannot take more: the sender's own queue fills. A connection that breaks the framing is closed, the others do not notice. What is in
 * the frames is read on the work thread: parse/dnstap_decode.h.
 */
#include "base/log.h"
#include "input/decorate.h"
#include "input/listen.h"
#include "input/tcp_server.h"
#include "parse/dnstap_decode.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct dnstap_input {
	struct str socket, file, host, mode;
	int64_t port;
	bool force_unlink;
	int mode_bits;
	struct dnstap_decoder *decoder; /* work thread */
};

/* Of the io half: a server, or a file. */
struct dnstap_io {
	struct tcp_server *server;
	char *path;
	int fd;
	uv_idle_t idle; /* regular files cannot be polled: a piece each turn */
	struct stream st;
	bool ended, closing;
};

enum { CONNECTIONS = 256 };
enum { OPTION_SOCKET, OPTION_FILE, OPTION_PORT };

static int read_mode(struct dnstap_input *d, struct err *err)
{
	int bits = 0;

	for (size_t i = 0; i < d->mode.len; i++) {
		if (d->mode.p[i] < '0' || d->mode.p[i] > '7' || d->mode.len > 4)
			return err_set(err, "mode '%.*s' is not up to four octal digits such as 0660", STR_ARG(d->mode));
		bits = bits * 8 + (d->mode.p[i] - '0');
	}
	d->mode_bits = d->mode.len ? bits & 0777 : -1;
	return 0;
}

static int dnstap_open(void *self, struct plugin_ctx *ctx, struct err *err)
{
	struct dnstap_input *d = self;

	if (plugin_given(ctx, OPTION_SOCKET) + plugin_given(ctx, OPTION_FILE) + plugin_given(ctx, OPTION_PORT) != 1)
		return err_set(err, "one of socket, port and file is needed, and no more than one");
	if (read_mode(d, err))
		return -1;
	d->decoder = dnstap_decoder_new();
	return 0;
}

static void dnstap_close(void *self)
{
	dnstap_decoder_free(((struct dnstap_input *)self)->decoder);
}

static void decode(void *self, struct event *ev, struct str frame, uint32_t flags, const struct span *sp)
{
	struct dnstap_input *d = self;
	struct inlet *in = sp->source->input;
	struct dnstap_from from = {.received_ns = sp->received_ns, .host = own_hostname()};
	unsigned what;

	(void)flags;
	if (sp->source->peer.ss_family) {
		int port;

		/* A server without an identity is known by its address; the source may go before the event does. */
		from.host = decorate_address(ev, &sp->source->peer, &port);
		from.sender = arena_dup(ev->arena, sp->source->name);
	}
	what = dnstap_decode(d->decoder, ev, frame, &from);
	if (what & DNSTAP_MALFORMED)
		count_add(&in->count.malformed, 1);
	if (what & DNSTAP_CUT)
		count_add(&in->count.shortened, 1);
}

/* ---- a recording ---- */

static void on_closed(uv_handle_t *h)
{
	inlet_closed(h->data);
}

/* What the file holds beyond the last whole frame is said and counted. */
static void end_of_file(struct inlet *in)
{
	struct dnstap_io *io = in->io;

	if (io->ended)
		return;
	io->ended = true;
	uv_idle_stop(&io->idle);
	if (io->st.broken)
		log_warn("input", "%s: the rest of '%s' is not read: %s", in->name, io->path, io->st.broken);
	else if (io->st.part.len)
		log_warn("input", "%s: '%s' ends in the middle of a frame", in->name, io->path);
	stream_end(&io->st);
}

static void on_piece(uv_idle_t *h)
{
	struct inlet *in = h->data;
	struct dnstap_io *io = in->io;
	uv_buf_t buf;
	ssize_t n;

	stream_alloc(&io->st, &buf);
	n = read(io->fd, buf.base, buf.len);
	if (n < 0)
		io->st.broken = "it cannot be read any more";
	stream_read(&io->st, &buf, n);
	if (n <= 0 || io->st.broken) {
		end_of_file(in);
		inlet_ended(in);
	}
}

static int open_file(struct inlet *in, struct str path, struct err *err)
{
	struct dnstap_io *io = in->io;
	struct stat st;

	io->path = xstrdupz(path);
	/* A pipe without a writer must not hold up the start. */
	io->fd = open(io->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (io->fd == -1)
		return err_sys(err, "cannot open '%s'", io->path);
	if (fstat(io->fd, &st) == -1)
		return err_sys(err, "cannot stat '%s'", io->path);
	if (!S_ISREG(st.st_mode))
		return err_set(err, "'%s' is not a regular file", io->path);
	return 0;
}

/* ---- both ---- */

static int io_open(struct inlet *in, const void *self, struct err *err)
{
	const struct dnstap_input *d = self;
	struct dnstap_io *io = xzalloc(sizeof(*io));
	struct tcp_limits limits = tcp_default_limits;
	int fd;

	in->io = io;
	io->fd = -1;
	if (d->file.p)
		return open_file(in, d->file, err);
	limits.frame_max = FSTRM_DATA_MAX;
	/* A server opens one connection or one a thread; half a frame of each must fit into memory.max. */
	limits.connections = CONNECTIONS;
	/* Nobody may ask for hours; who is cut off then loses what he wrote before he noticed. */
	limits.idle_ns = INT64_MAX;
	fd = d->socket.p ? listen_unix(d->socket, d->mode_bits, d->force_unlink, err)
			 : listen_socket(d->host, (int)d->port, SOCK_STREAM, err);
	if (fd == -1)
		return -1;
	if (d->socket.p) {
		log_info("input", "%s: listening on '%.*s'", in->name, STR_ARG(d->socket));
	} else {
		in->port = socket_port(fd);
		log_info("input", "%s: listening on tcp port %d", in->name, in->port);
	}
	io->server = tcp_server_new(in, fd, FRAMER_FSTRM, &limits, d->socket);
	return 0;
}

static int io_start(struct inlet *in, struct err *err)
{
	struct dnstap_io *io = in->io;

	if (io->server)
		return tcp_server_start(io->server, err);
	stream_init(&io->st, in, inlet_source(in, str_z(io->path)), FRAMER_FSTRM, FSTRM_DATA_MAX);
	uv_idle_init(loop_uv(in->loop), &io->idle);
	io->idle.data = in;
	uv_idle_start(&io->idle, on_piece);
	return 0;
}

static void io_pause(struct inlet *in)
{
	struct dnstap_io *io = in->io;

	if (io->server)
		tcp_server_pause(io->server);
	else
		uv_idle_stop(&io->idle);
}

static void io_resume(struct inlet *in)
{
	struct dnstap_io *io = in->io;

	if (io->server)
		tcp_server_resume(io->server);
	else if (!io->ended && !io->closing)
		uv_idle_start(&io->idle, on_piece);
}

static void io_stop(struct inlet *in)
{
	struct dnstap_io *io = in->io;

	if (io->server) {
		tcp_server_stop(io->server, inlet_all_closed, in);
		return;
	}
	io->closing = true;
	/* What was stopped has no end: the half frame is only not read yet. */
	if (!io->ended)
		buf_clear(&io->st.part);
	end_of_file(in);
	uv_close((uv_handle_t *)&io->idle, on_closed);
}

static void io_release(struct inlet *in)
{
	struct dnstap_io *io = in->io;

	tcp_server_free(io->server);
	if (io->fd >= 0)
		close(io->fd);
	free(io->path);
	free(io);
}

static const struct input_ops ops = {.open = io_open, .start = io_start, .pause = io_pause, .resume = io_resume, .stop = io_stop,
				     .release = io_release};

static const struct option options[] = {
	[OPTION_SOCKET] = {"socket", OPT_PATH, offsetof(struct dnstap_input, socket), .flags = OPT_WEIR, .doc = "path of a unix socket to listen on"},
	[OPTION_FILE] = {"file", OPT_PATH, offsetof(struct dnstap_input, file), .flags = OPT_WEIR, .doc = "a recording, read to its end; then the input has ended"},
	[OPTION_PORT] = {"port", OPT_INT, offsetof(struct dnstap_input, port), .flags = OPT_WEIR, .min = 0, .max = 65535, .doc = "TCP port to listen on"},
	{"host", OPT_STRING, offsetof(struct dnstap_input, host), .flags = OPT_WEIR, .def = "\"127.0.0.1\"", .doc = "address to listen on with port; 0.0.0.0 and :: mean both families, and everybody can then write"},
	{"mode", OPT_STRING, offsetof(struct dnstap_input, mode), .flags = OPT_WEIR, .def = "\"0660\"", .doc = "who may write to the socket: its file's mode; with 0660 the DNS server's user belongs into weird's group"},
	{"force_unlink", OPT_BOOL, offsetof(struct dnstap_input, force_unlink), .flags = OPT_WEIR, .def = "false", .doc = "take the path away from whoever listens there"},
	{0},
};

INPUT(dnstap, .size = sizeof(struct dnstap_input), .options = options, .doc = "DNS messages from BIND, Unbound, Knot, PowerDNS, dnsdist",
      .default_codec = "plain", .open = dnstap_open, .close = dnstap_close, .decode = decode, .input = &ops)
