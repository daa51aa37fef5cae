/*
 * tcp_conn.c - one connection of a stream server: who it is, what comes and what goes, in plain text or by TLS, behind a proxy's header or not.
 */
#include "input/tcp_server_int.h"

#include "base/log.h"
#include "input/listen.h"
#include "input/proxy_header.h"

#include <netinet/in.h>
#include <stdlib.h>

enum {
	OUT_MAX = 256 * 1024, /* waiting for a peer that does not read */
	TLS_HANDSHAKE = 22,   /* the first byte that a TLS client sends */
};

/* ---- its end ---- */

static void conn_closed(uv_handle_t *h)
{
	struct conn *c = h->data;
	struct tcp_server *s = c->server;

	*c->back = c->next;
	if (c->next)
		c->next->back = c->back;
	s->n--;
	atomic_store_explicit(&s->inlet->count.open, s->n, memory_order_relaxed);
	if (s->dial)
		tcp_dial_again(s->dial, c->st.offset > 0);
	tls_free(c->tls);
	buf_release(&c->out);
	buf_release(&c->writing);
	buf_release(&c->head);
	free(c);
	tcp_server_handle_closed(s);
}

static void conn_push(struct conn *c);

void conn_close(struct conn *c)
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

void conn_break(struct conn *c)
{
	if (c->closing)
		return;
	log_warn("input", "%s: a connection from %.*s is closed: %s", c->server->inlet->name, STR_ARG(c->st.source->name), c->st.broken);
	/* A handshake or a header that failed had no frames yet to be broken. */
	if (c->heading || (c->tls && !tls_up(c->tls)))
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

void conn_say(struct conn *c, const char *p, size_t n)
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

/* ---- who it is ---- */

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

	if (s->unix_path || s->dial)
		return false;
	for (const struct conn *o = s->conns; o; o = o->next)
		n += o != c && memcmp(o->address, c->address, sizeof(c->address)) == 0;
	return n >= s->limits.per_address;
}

/* The source of its frames. sa: ss_family 0 of unix sockets. */
static struct source *new_source(struct conn *c, const struct sockaddr_storage *sa)
{
	struct tcp_server *s = c->server;
	char name[80];
	size_t n = s->unix_path ? 0 : sockaddr_text((const struct sockaddr *)sa, name, sizeof(name));
	struct source *source = inlet_source(s->inlet, s->unix_path ? str_z(s->unix_path) : str_n(name, n));

	if (s->unix_path)
		source->path = str_z(xstrdupz(str_z(s->unix_path)));
	source->peer = *sa;
	source->owner = c;
	if (s->answers)
		source->event_id = s->answers->event_id;
	return source;
}

static void conn_identify(struct conn *c)
{
	struct tcp_server *s = c->server;
	struct sockaddr_storage sa = {0};
	int len = sizeof(sa), on = 1;
	uv_os_fd_t fd;

	if (!s->unix_path) {
		(void)uv_tcp_getpeername(&c->tcp, (struct sockaddr *)&sa, &len);
		peer_address(&sa, c->address);
		if (uv_fileno(&c->handle, &fd) == 0)
			(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	}
	stream_init(&c->st, s->inlet, new_source(c, &sa), s->kind, s->limits.frame_max);
	c->st.reply = on_reply;
	if (s->protocol)
		s->protocol->opened(&c->st, s->protocol_arg);
	if (s->answers)
		c->receipts = receipts_new(s->desk);
}

/* A proxy has said whose connection it is. false: there are too many of him. */
static bool conn_hand_on(struct conn *c, const struct proxy_header *h)
{
	struct source *former = c->st.source, *source;

	peer_address(&h->client, c->address);
	if (address_full(c->server, c))
		return false;
	source = new_source(c, &h->client);
	source->tls = former->tls;
	former->tls = NULL;
	source->extra = xmalloc(sizeof(*h));
	memcpy(source->extra, h, sizeof(*h));
	c->st.source = source;
	source_unref(former);
	return true;
}

/* ---- from the peer ---- */

void conn_on_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *buf)
{
	struct conn *c = h->data;

	(void)suggested;
	if (c->tls || c->heading)
		*buf = uv_buf_init(c->server->scratch, INLET_READ);
	else
		stream_alloc(&c->st, buf);
}

void conn_refuse(struct conn *c, const char *why)
{
	count_add(&c->server->inlet->count.refused, 1);
	c->st.broken = why;
}

/* A piece of a proxy's header. true: it is whole; *rest is what came behind it, in c->head. */
static bool take_head(struct conn *c, const char *p, size_t n, struct str *rest)
{
	struct proxy_header h;
	const char *why;
	size_t used;

	buf_add(&c->head, p, n);
	switch (proxy_header_read(buf_slice(&c->head), &h, &used, &why)) {
	case PROXY_MORE:
		return false;
	case PROXY_BROKEN:
		conn_refuse(c, why);
		return false;
	case PROXY_HEADER:
		break;
	}
	if (h.client.ss_family && !conn_hand_on(c, &h)) {
		conn_refuse(c, "too many connections from the address that its PROXY header names");
		return false;
	}
	c->heading = false;
	*rest = str_from(buf_slice(&c->head), used);
	return true;
}

/* What was not read into a batch goes there. */
static uv_buf_t into_batch(struct conn *c, struct str bytes)
{
	uv_buf_t room;

	stream_alloc(&c->st, &room);
	bug_on(bytes.len > room.len);
	if (bytes.len)
		memcpy(room.base, bytes.p, bytes.len);
	return room;
}

/* A header that stands within TLS. */
static void read_inner_head(struct conn *c, const char *p, size_t n)
{
	struct str rest;
	uv_buf_t room;

	if (!take_head(c, p, n, &rest))
		return;
	room = into_batch(c, rest);
	stream_read(&c->st, &room, (ssize_t)rest.len);
	buf_release(&c->head);
}

static enum tls_result decrypt_some(struct conn *c)
{
	bool was_up = tls_up(c->tls), heading = c->heading;
	char piece[4096];
	uv_buf_t room = uv_buf_init(piece, sizeof(piece));
	enum tls_result r;
	size_t n;

	if (!heading)
		stream_alloc(&c->st, &room);
	r = tls_read(c->tls, room.base, room.len, &n);
	if (!was_up && tls_up(c->tls)) {
		c->st.source->tls = tls_peer_of(c->tls);
		c->st.last_read_ns = clock_mono(&clock_system);
	}
	if (!heading)
		stream_read(&c->st, &room, r == TLS_DATA ? (ssize_t)n : 0);
	else if (r == TLS_DATA)
		read_inner_head(c, piece, n);
	return r;
}

/* All plain text that is in what was fed. */
static enum tls_result decrypt(struct conn *c)
{
	enum tls_result r;

	do
		r = decrypt_some(c);
	while (r == TLS_DATA && !c->st.broken);
	return r;
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
	return n >= 6 && p[0] == TLS_HANDSHAKE && p[1] == 3 && (unsigned char)p[2] <= 4 && p[5] == 1;
}

static void read_plain(struct conn *c, ssize_t n, const uv_buf_t *buf)
{
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

static void read_head(struct conn *c, ssize_t n, const uv_buf_t *buf)
{
	struct str rest;
	uv_buf_t room;

	/* Who only looks whether somebody listens says nothing. */
	if (n < 0 && !c->head.len)
		conn_close(c);
	else if (n < 0)
		conn_refuse(c, "it ended in the middle of its PROXY header");
	else if (n > 0 && take_head(c, buf->base, (size_t)n, &rest)) {
		room = c->tls ? uv_buf_init((char *)rest.p, (unsigned)rest.len) : into_batch(c, rest);
		if (c->tls && rest.len)
			read_tls(c, (ssize_t)rest.len, &room);
		else if (!c->tls)
			read_plain(c, (ssize_t)rest.len, &room);
		buf_release(&c->head);
	}
	if (c->st.broken)
		conn_break(c);
}

void conn_on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct conn *c = stream->data;

	/* HAProxy's header comes before TLS, as it says, but Logstash reads one that comes within. */
	if (c->heading && c->tls && !c->head.len && n > 0 && buf->base[0] == TLS_HANDSHAKE)
		c->inner = true;
	if (c->heading && !c->inner)
		read_head(c, n, buf);
	else if (c->tls)
		read_tls(c, n, buf);
	else
		read_plain(c, n, buf);
}

/* ---- connections that begin ---- */

struct conn *conn_new(struct tcp_server *s)
{
	struct conn *c = xzalloc(sizeof(*c));

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
	return c;
}

/* There is a socket behind it now. */
void conn_begin(struct conn *c)
{
	struct tcp_server *s = c->server;

	conn_identify(c);
	c->heading = s->proxied;
	count_add(&s->inlet->count.connections, 1);
	atomic_store_explicit(&s->inlet->count.open, s->n, memory_order_relaxed);
	/* Behind a proxy nobody has an address before the header. */
	if (s->n > s->limits.connections || (!s->proxied && address_full(s, c))) {
		count_add(&s->inlet->count.refused, 1);
		log_warn("input", "%s: too many connections, one from %.*s is refused", s->inlet->name,
			 STR_ARG(c->st.source->name));
		conn_close(c);
		return;
	}
	if (s->tls)
		c->tls = tls_new(s->tls, s->dial ? tcp_dial_host(s->dial) : STR(""), s->check_name);
	if (c->tls && s->dial) {
		tls_begin(c->tls);
		conn_push(c);
	}
	if (!s->paused)
		uv_read_start(&c->stream, conn_on_alloc, conn_on_read);
}

/* Before it was anybody's. */
void conn_give_up(struct conn *c)
{
	c->closing = true;
	uv_close(&c->handle, conn_closed);
}
