#include "input/tcp_server.h"
#include "base/log.h"
#include "input/listen.h"
#include "input/receipts.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	SWEEP_MS = 1000,
	LINGER_MS = 500,
	LINGER_ANSWERS_MS = 2000,
	ANSWERS_AT_ONCE = 64,
	OUT_MAX = 256 * 1024, /* waiting for a peer that does not read */
};

#define SECOND ((int64_t)1000000000)
#define WAIT_NS (5 * SECOND)
/* Half frames that fill the memory for so long are why nothing is read any more. */
#define HOG_NS (10 * SECOND)

struct conn {
	struct conn *next, **back;
	struct tcp_server *server;
	union {
		uv_handle_t handle;
		uv_stream_t stream;
		uv_tcp_t tcp;
		uv_pipe_t pipe;
	};
	struct stream st;
	struct tls *tls;	 /* NULL: plain text */
	int64_t opened_ns;	 /* monotonic */
	uv_write_t write;
	uv_shutdown_t shutdown;
	struct buf out, writing; /* what waits; what libuv has */
	struct receipts *receipts; /* NULL: nothing is answered */
	int64_t answered_ns;	 /* monotonic; or since when something is under way */
	uint8_t address[16];	 /* of the peer; IPv4 mapped; zero for unix */
	bool closing, write_open, finishing, shut;
};

struct tcp_server {
	struct inlet *inlet;
	enum framer_kind kind;
	struct tcp_limits limits;
	const struct tcp_answers *answers; /* NULL: none are given */
	struct desk *desk;
	char *unix_path;
	struct tls_context *tls; /* NULL: plain text */
	const struct tcp_protocol *protocol;
	void *protocol_arg;
	char *cipher;		 /* with it: what was just read */
	int fd;
	union {
		uv_handle_t handle;
		uv_stream_t stream;
		uv_tcp_t tcp;
		uv_pipe_t pipe;
	};
	uv_timer_t sweep, linger;
	struct conn *conns;
	uint32_t n;
	unsigned open_handles;
	int64_t paused_ns; /* monotonic: since when */
	bool paused, stopping, finished;
	void (*closed)(void *arg);
	void *closed_arg;
};

const struct tcp_limits tcp_default_limits = {
	.connections = 4096,
	.per_address = 256,
	.idle_ns = 600 * (int64_t)1000000000,
	.half_frame_ns = 60 * (int64_t)1000000000,
	.handshake_ns = 10 * (int64_t)1000000000,
	.frame_max = 32 * 1024 * 1024,
};

struct tcp_server *tcp_server_new(struct inlet *in, int fd, enum framer_kind kind, const struct tcp_limits *limits,
				  struct str unix_path)
{
	struct tcp_server *s = xzalloc(sizeof(*s));

	s->inlet = in;
	s->fd = fd;
	s->kind = kind;
	s->limits = *limits;
	if (unix_path.len)
		s->unix_path = xstrdupz(unix_path);
	return s;
}

void tcp_server_tls(struct tcp_server *s, struct tls_context *context)
{
	struct tls_context *former = s->tls;

	s->tls = tls_context_ref(context);
	tls_context_unref(former);
	if (context && !s->cipher)
		s->cipher = xmalloc(INLET_READ);
}

void tcp_server_protocol(struct tcp_server *s, const struct tcp_protocol *p, void *arg)
{
	s->protocol = p;
	s->protocol_arg = arg;
}

void tcp_server_answers(struct tcp_server *s, const struct tcp_answers *answers)
{
	s->answers = answers;
}

static void handle_closed(struct tcp_server *s)
{
	if (--s->open_handles == 0 && s->closed)
		s->closed(s->closed_arg);
}

/* ---- connections ---- */

static void conn_closed(uv_handle_t *h)
{
	struct conn *c = h->data;
	struct tcp_server *s = c->server;

	*c->back = c->next;
	if (c->next)
		c->next->back = c->back;
	s->n--;
	atomic_store_explicit(&s->inlet->count.open, s->n, memory_order_relaxed);
	tls_free(c->tls);
	buf_release(&c->out);
	buf_release(&c->writing);
	free(c);
	handle_closed(s);
}

static void conn_push(struct conn *c);

static void conn_close(struct conn *c)
{
	const char *broken = c->st.broken;

	if (c->closing)
		return;
	if (c->tls) {
		tls_end(c->tls);
		conn_push(c);
		/* Nobody need hear the goodbye. */
		c->st.broken = broken;
	}
	c->closing = true;
	if (c->server->protocol)
		c->server->protocol->closed(&c->st);
	stream_end(&c->st);
	receipts_close(c->receipts);
	c->receipts = NULL;
	uv_close(&c->handle, conn_closed);
}

/* It is said once, here: whoever is told that a stream is broken ends it. */
static void conn_break(struct conn *c)
{
	if (c->closing)
		return;
	log_warn("input", "%s: a connection from %.*s is closed: %s", c->server->inlet->name, STR_ARG(c->st.source->name), c->st.broken);
	/* A handshake that failed had no frames yet to be broken. */
	if (c->tls && !tls_up(c->tls))
		c->st.broken = NULL;
	conn_close(c);
}

/* ---- to the peer ---- */

static void on_written(uv_write_t *w, int status)
{
	struct conn *c = w->data;

	c->write_open = false;
	buf_clear(&c->writing);
	if (!c->closing && status == 0)
		conn_push(c);
}

/* What libuv does not take at once waits in c->out, up to OUT_MAX. */
static void conn_send(struct conn *c, const char *p, size_t n)
{
	uv_buf_t b = uv_buf_init((char *)p, (unsigned)n);
	int sent;

	if (!c->write_open && !c->out.len) {
		sent = uv_try_write(&c->stream, &b, 1);
		if (sent < 0 && sent != UV_EAGAIN) {
			c->st.broken = "it does not take the answer";
			return;
		}
		p += sent > 0 ? sent : 0;
		n -= sent > 0 ? (size_t)sent : 0;
	}
	buf_add(&c->out, p, n);
	if (c->out.over)
		c->st.broken = "it does not take the answers";
}

static void on_shut(uv_shutdown_t *req, int status)
{
	(void)req;
	(void)status;
}

/* Sends what waits: TLS's own words first go into c->out. */
static void conn_push(struct conn *c)
{
	char piece[16 * 1024];
	struct buf swap;
	uv_buf_t b;
	size_t n;

	while (c->tls && !c->out.over && (n = tls_take(c->tls, piece, sizeof(piece))))
		conn_send(c, piece, n);
	if (!c->write_open && !c->out.len && c->finishing && !c->shut && !c->closing) {
		c->shut = true;
		(void)uv_shutdown(&c->shutdown, &c->stream, on_shut);
	}
	if (c->write_open || !c->out.len || c->out.over || c->closing)
		return;
	swap = c->writing;
	c->writing = c->out;
	c->out = swap;
	b = uv_buf_init(c->writing.p, (unsigned)c->writing.len);
	c->write.data = c;
	c->write_open = uv_write(&c->write, &c->stream, &b, 1, on_written) == 0;
	if (!c->write_open)
		c->st.broken = "it does not take the answer";
}

static void conn_say(struct conn *c, const char *p, size_t n)
{
	if (c->tls)
		(void)tls_write(c->tls, p, n);
	else
		conn_send(c, p, n);
	conn_push(c);
}

/*
 * A few bytes: a peer that has taken OUT_MAX of them too few does not read at all. Unbound does not wait for the last word of Frame Streams,
 * FINISH, and is gone when it comes.
 */
static void on_reply(struct stream *st, struct str bytes)
{
	struct conn *c = (struct conn *)((char *)st - offsetof(struct conn, st));

	conn_say(c, bytes.p, bytes.len);
	if (st->framer.kind == FRAMER_FSTRM && st->framer.fstrm.state == FSTRM_STOPPED)
		st->broken = NULL;
}

/* Nothing more will be said. The connection is closed when the peer has closed it: a reset would take the last words back. */
static void conn_finish(struct conn *c)
{
	if (c->finishing || c->closing)
		return;
	c->finishing = true;
	if (c->tls)
		tls_end(c->tls);
	conn_push(c);
}

/* ---- answers ---- */

static void conn_answer(struct conn *c, const struct buf *text)
{
	if (text->len == 0)
		return;
	c->answered_ns = clock_mono(&clock_system);
	conn_say(c, text->p, text->len);
	if (c->st.broken)
		conn_break(c);
}

static void finish(struct tcp_server *s);

/* Something under way may have ended. */
static void on_receipts(void *arg)
{
	struct tcp_server *s = arg;
	struct conn *next;
	bool open = false;

	for (struct conn *c = s->conns; c; c = next) {
		uint64_t number[ANSWERS_AT_ONCE];
		struct buf text;
		size_t n;

		next = c->next;
		if (c->closing || !receipts_open(c->receipts))
			continue;
		buf_init(&text, 0);
		while ((n = receipts_take(c->receipts, number, ANSWERS_AT_ONCE)))
			s->answers->answer(number, n, &text);
		open |= receipts_open(c->receipts) > 0;
		conn_answer(c, &text);
		buf_release(&text);
	}
	if (s->stopping && !open)
		finish(s);
}

void tcp_server_span(struct inlet *in, struct source *source, struct span *sp)
{
	struct conn *c = source->owner;

	/* The mark at the end needs none. */
	if (c->closing)
		return;
	if (!receipts_open(c->receipts))
		c->answered_ns = c->st.last_read_ns;
	sp->ack = receipts_begin(c->receipts);
}

void tcp_server_framed(struct inlet *in, struct source *source, struct span *sp)
{
	struct conn *c = source->owner;

	receipts_set(sp->ack, c->server->answers->receipt(&c->st.framer));
}

/* A second has passed: who waits for long hears that he should. */
static void look_after(struct conn *c, int64_t now)
{
	struct buf text;

	if (!receipts_open(c->receipts) || now - c->answered_ns < WAIT_NS)
		return;
	buf_init(&text, 0);
	c->server->answers->wait(&c->st.framer, &text);
	conn_answer(c, &text);
	buf_release(&text);
}

/* ---- from the peer ---- */

static void on_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *buf)
{
	struct conn *c = h->data;

	(void)suggested;
	if (c->tls)
		*buf = uv_buf_init(c->server->cipher, INLET_READ);
	else
		stream_alloc(&c->st, buf);
}

/* All plain text that is in what was fed. */
static enum tls_result decrypt(struct conn *c)
{
	for (;;) {
		bool was_up = tls_up(c->tls);
		enum tls_result r;
		uv_buf_t room;
		size_t n;

		stream_alloc(&c->st, &room);
		r = tls_read(c->tls, room.base, room.len, &n);
		if (!was_up && tls_up(c->tls)) {
			c->st.source->tls = tls_peer_of(c->tls);
			c->st.last_read_ns = clock_mono(&clock_system);
		}
		stream_read(&c->st, &room, r == TLS_DATA ? (ssize_t)n : 0);
		if (r != TLS_DATA || c->st.broken)
			return r;
	}
}

static void read_tls(struct conn *c, ssize_t n, const uv_buf_t *buf)
{
	bool was_up = tls_up(c->tls);
	enum tls_result r = TLS_MORE;

	if (n > 0) {
		tls_feed(c->tls, buf->base, (size_t)n);
		r = decrypt(c);
	}
	conn_push(c);
	if (r == TLS_FAILED)
		c->st.broken = tls_why(c->tls);
	else if (n < 0 && tls_torn(c->tls))
		c->st.broken = "it was cut off in the middle of a TLS record";
	if (!was_up && (r == TLS_FAILED || n < 0))
		count_add(&c->server->inlet->count.refused, 1);
	if (c->st.broken)
		conn_break(c);
	else if (n < 0 || r == TLS_ENDED)
		conn_close(c);
	else if (c->st.done)
		conn_finish(c);
}

/* The first message of a TLS client (RFC 8446 5.1 and 4): handshake 22, version 3.x, a length, client_hello 1. */
static bool is_client_hello(const char *p, ssize_t n)
{
	return n >= 6 && p[0] == 22 && p[1] == 3 && (unsigned char)p[2] <= 4 && p[5] == 1;
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct conn *c = stream->data;

	if (c->tls) {
		read_tls(c, n, buf);
		return;
	}
	/* In no case a line. */
	if (c->st.offset == 0 && c->st.part.len == 0 && !c->server->unix_path && is_client_hello(buf->base, n)) {
		c->st.broken = "it speaks TLS, and this input does not";
		stream_read(&c->st, buf, 0);
	} else {
		stream_read(&c->st, buf, n);
	}
	if (c->st.broken)
		conn_break(c);
	else if (n < 0)
		conn_close(c);
	else if (c->st.done)
		conn_finish(c);
}

static void peer_address(const struct sockaddr_storage *sa, uint8_t out[16])
{
	memset(out, 0, 16);
	if (sa->ss_family == AF_INET6) {
		memcpy(out, &((const struct sockaddr_in6 *)sa)->sin6_addr, 16);
	} else if (sa->ss_family == AF_INET) {
		out[10] = out[11] = 0xff;
		memcpy(out + 12, &((const struct sockaddr_in *)sa)->sin_addr, 4);
	}
}

static bool address_full(const struct tcp_server *s, const struct conn *c)
{
	uint32_t n = 0;

	if (s->unix_path)
		return false;
	for (const struct conn *o = s->conns; o; o = o->next)
		n += o != c && memcmp(o->address, c->address, sizeof(c->address)) == 0;
	return n >= s->limits.per_address;
}

/* Who it is; the source of its frames. */
static void conn_identify(struct conn *c)
{
	struct tcp_server *s = c->server;
	struct sockaddr_storage sa = {0};
	char name[80];
	size_t n = 0;
	int len = sizeof(sa), on = 1;
	uv_os_fd_t fd;

	if (!s->unix_path) {
		if (uv_tcp_getpeername(&c->tcp, (struct sockaddr *)&sa, &len) == 0)
			n = sockaddr_text((struct sockaddr *)&sa, name, sizeof(name));
		peer_address(&sa, c->address);
		if (uv_fileno(&c->handle, &fd) == 0)
			(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	}
	stream_init(&c->st, s->inlet, inlet_source(s->inlet, s->unix_path ? str_z(s->unix_path) : str_n(name, n)), s->kind,
		    s->limits.frame_max);
	c->st.reply = on_reply;
	if (s->protocol)
		s->protocol->opened(&c->st, s->protocol_arg);
	if (s->unix_path)
		c->st.source->path = str_z(xstrdupz(str_z(s->unix_path)));
	c->st.source->peer = sa;
	c->st.source->owner = c;
	if (s->answers) {
		c->st.source->event_id = s->answers->event_id;
		c->receipts = receipts_new(s->desk);
	}
}

static void on_connection(uv_stream_t *listener, int status)
{
	struct tcp_server *s = listener->data;
	struct conn *c;

	if (status < 0) {
		log_warn("input", "%s: cannot accept a connection: %s", s->inlet->name, uv_strerror(status));
		return;
	}
	c = xzalloc(sizeof(*c));
	c->server = s;
	c->opened_ns = clock_mono(&clock_system);
	buf_init(&c->out, OUT_MAX);
	buf_init(&c->writing, OUT_MAX);
	if (s->unix_path)
		uv_pipe_init(loop_uv(s->inlet->loop), &c->pipe, 0);
	else
		uv_tcp_init(loop_uv(s->inlet->loop), &c->tcp);
	c->handle.data = c;
	c->next = s->conns;
	c->back = &s->conns;
	if (c->next)
		c->next->back = &c->next;
	s->conns = c;
	s->n++;
	s->open_handles++;
	if (uv_accept(listener, &c->stream)) {
		c->closing = true;
		uv_close(&c->handle, conn_closed);
		return;
	}
	conn_identify(c);
	count_add(&s->inlet->count.connections, 1);
	atomic_store_explicit(&s->inlet->count.open, s->n, memory_order_relaxed);
	if (s->n > s->limits.connections || address_full(s, c)) {
		count_add(&s->inlet->count.refused, 1);
		log_warn("input", "%s: too many connections, one from %.*s is refused", s->inlet->name,
			 STR_ARG(c->st.source->name));
		conn_close(c);
		return;
	}
	if (s->tls)
		c->tls = tls_new(s->tls, STR(""), false);
	if (!s->paused)
		uv_read_start(&c->stream, on_alloc, on_read);
}

/* More than half of the memory is half frames: what should make room waits for what nobody reads. */
static bool half_frames_fill_memory(const struct tcp_server *s)
{
	size_t held = 0;

	for (const struct conn *c = s->conns; c; c = c->next)
		held += c->st.counted;
	return s->inlet->budget->max && held > s->inlet->budget->max / 2;
}

static bool is_idle(const struct conn *c, int64_t now)
{
	int64_t last = c->st.last_read_ns;

	if (c->receipts && receipts_open(c->receipts))
		return false;
	if (c->answered_ns > last)
		last = c->answered_ns;
	return now - last > c->server->limits.idle_ns;
}

/* Who has been silent or has kept half a frame for too long goes. */
static void on_sweep(uv_timer_t *t)
{
	struct tcp_server *s = t->data;
	int64_t now = clock_mono(&clock_system), half_frame_ns = s->limits.half_frame_ns;
	bool read = !s->paused;
	struct conn *next;

	for (struct conn *c = s->conns; s->answers && c; c = next) {
		next = c->next;
		if (!c->closing)
			look_after(c, now);
	}
	/* Nobody can be blamed for not being read, unless he is why. */
	if (!read && half_frames_fill_memory(s))
		half_frame_ns = half_frame_ns < HOG_NS ? half_frame_ns : HOG_NS;
	else if (!read)
		return;
	for (struct conn *c = s->conns; c; c = next) {
		int64_t since;

		next = c->next;
		if (c->closing)
			continue;
		since = stream_waits_since(&c->st);
		if (read && c->tls && !tls_up(c->tls) && now - c->opened_ns > s->limits.handshake_ns) {
			count_add(&s->inlet->count.refused, 1);
			c->st.broken = "its TLS handshake takes too long";
			conn_break(c);
			continue;
		}
		if ((since && now - since > half_frame_ns) || (read && is_idle(c, now))) {
			count_add(&s->inlet->count.timed_out, 1);
			conn_close(c);
		}
	}
}

/* ---- the server ---- */

int tcp_server_start(struct tcp_server *s, struct err *err)
{
	uv_loop_t *uv = loop_uv(s->inlet->loop);
	int rc;

	if (s->unix_path) {
		uv_pipe_init(uv, &s->pipe, 0);
		rc = uv_pipe_open(&s->pipe, s->fd);
	} else {
		uv_tcp_init(uv, &s->tcp);
		rc = uv_tcp_open(&s->tcp, s->fd);
	}
	s->handle.data = s;
	uv_timer_init(uv, &s->sweep);
	uv_timer_init(uv, &s->linger);
	s->sweep.data = s->linger.data = s;
	s->open_handles = 3;
	if (rc == 0) {
		s->fd = -1;
		rc = uv_listen(&s->stream, 1024, on_connection);
	}
	if (s->answers) {
		s->desk = desk_new(uv, on_receipts, s);
		s->open_handles++;
	}
	if (rc)
		return err_set(err, "cannot listen: %s", uv_strerror(rc));
	uv_timer_start(&s->sweep, on_sweep, SWEEP_MS, SWEEP_MS);
	return 0;
}

void tcp_server_pause(struct tcp_server *s)
{
	if (!s->paused)
		s->paused_ns = clock_mono(&clock_system);
	s->paused = true;
	for (struct conn *c = s->conns; c; c = c->next)
		if (!c->closing)
			uv_read_stop(&c->stream);
}

/* The time in which nobody was read is nobody's silence. */
static void later(int64_t *ns, int64_t by, int64_t now)
{
	*ns += by < now - *ns ? by : now - *ns;
}

void tcp_server_resume(struct tcp_server *s)
{
	int64_t now = clock_mono(&clock_system), by = now - s->paused_ns;
	struct conn *next;

	if (s->stopping && s->answers)
		return;
	s->paused = false;
	for (struct conn *c = s->conns; c; c = c->next) {
		later(&c->st.last_read_ns, by, now);
		if (c->st.part_since_ns)
			later(&c->st.part_since_ns, by, now);
		if (c->st.busy_since_ns)
			later(&c->st.busy_since_ns, by, now);
	}
	/* What was read already goes first; that may fill the room again. */
	for (struct conn *c = s->conns; c && !s->paused; c = next) {
		next = c->next;
		if (c->closing)
			continue;
		/* A handshake stood still with us. */
		if (c->tls && !tls_up(c->tls))
			c->opened_ns = clock_mono(&clock_system);
		if (stream_go_on(&c->st) && !s->paused)
			uv_read_start(&c->stream, on_alloc, on_read);
		if (c->st.broken)
			conn_break(c);
	}
}

static void on_server_closed(uv_handle_t *h)
{
	handle_closed(h->data);
}

static void on_desk_closed(void *arg)
{
	handle_closed(arg);
}

static void finish(struct tcp_server *s)
{
	struct conn *next;

	if (s->finished)
		return;
	s->finished = true;
	if (s->desk)
		desk_close(s->desk, on_desk_closed, s);
	for (struct conn *c = s->conns; c; c = next) {
		next = c->next;
		conn_close(c);
	}
	uv_close((uv_handle_t *)&s->sweep, on_server_closed);
	uv_close((uv_handle_t *)&s->linger, on_server_closed);
}

static void on_linger(uv_timer_t *t)
{
	finish(t->data);
}

void tcp_server_stop(struct tcp_server *s, void (*closed)(void *arg), void *arg)
{
	s->closed = closed;
	s->closed_arg = arg;
	s->stopping = true;
	uv_close(&s->handle, on_server_closed);
	if (s->answers)
		tcp_server_pause(s);
	if (s->answers && s->conns) {
		uv_timer_start(&s->linger, on_linger, LINGER_ANSWERS_MS, 0);
		on_receipts(s);
	} else if (s->conns)
		uv_timer_start(&s->linger, on_linger, LINGER_MS, 0);
	else
		finish(s);
}

void tcp_server_free(struct tcp_server *s)
{
	if (!s)
		return;
	if (s->fd >= 0)
		close(s->fd);
	if (s->unix_path)
		listen_unlink(s->unix_path);
	free(s->unix_path);
	tls_context_unref(s->tls);
	free(s->cipher);
	free(s);
}

/* ---- inputs that are a server and nothing else ---- */

int tcp_inlet_start(struct inlet *in, struct err *err)
{
	return tcp_server_start(in->io, err);
}

void tcp_inlet_pause(struct inlet *in)
{
	tcp_server_pause(in->io);
}

void tcp_inlet_resume(struct inlet *in)
{
	tcp_server_resume(in->io);
}

static void all_closed(void *arg)
{
	inlet_closed(arg);
}

void tcp_inlet_stop(struct inlet *in)
{
	tcp_server_stop(in->io, all_closed, in);
}

void tcp_inlet_release(struct inlet *in)
{
	tcp_server_free(in->io);
}
