#include "input/http_server.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

enum {
	PATIENCE_MS = 5000, /* how long requests wait for a full pipeline before they are refused */
	INFLATE_STEP = 64 * 1024,
};

struct http_server {
	struct inlet *inlet;
	struct tcp_server *tcp;
	struct http_server_config c;
	uv_timer_t patience;
	bool refusing; /* 429 */
	unsigned open; /* timer and stream server */
	void (*closed)(void *arg);
	void *closed_arg;
};

/* A connection. */
struct http_conn {
	struct http_server *server;
	struct stream *st;
	enum { AT_HEAD, AT_BODY, AT_DRAIN } at;
	size_t seen;		  /* of the head */
	struct http_request *req; /* whose body is being read */
	bool thrown_away;	  /* its body is: the answer was given */
	uint64_t left;
	struct http_chunks chunks;
	struct buf body;
	size_t counted; /* of it, against the budget */
};

struct str http_mime_type(struct str content_type)
{
	ptrdiff_t semi = str_chr(content_type, ';');

	return str_trim(semi < 0 ? content_type : str_sub(content_type, 0, (size_t)semi));
}

/* ---- answers ---- */

static const char *reason(int status)
{
	switch (status) {
	case 200:
		return "OK";
	case 201:
		return "Created";
	case 202:
		return "Accepted";
	case 204:
		return "No Content";
	case 400:
		return "Bad Request";
	case 401:
		return "Unauthorized";
	case 413:
		return "Content Too Large";
	case 415:
		return "Unsupported Media Type";
	case 429:
		return "Too Many Requests";
	case 431:
		return "Request Header Fields Too Large";
	case 501:
		return "Not Implemented";
	default:
		return "HTTP Version Not Supported";
	}
}

/* close: nothing more is read of the connection. h NULL: no request was understood. */
static void answer(struct http_conn *c, const struct http_head *h, int status, bool close)
{
	bool good = status < 300, body = good && status != 204;
	struct buf b;

	buf_init(&b, 0);
	buf_printf(&b, "HTTP/1.%u %d %s\r\n", h ? h->minor : 1, status, reason(status));
	if (good)
		buf_str(&b, str_z(c->server->c.headers));
	if (status == 401 && !h->authorization.p)
		buf_lit(&b, "WWW-Authenticate: Basic realm=\"weir\"\r\n");
	if (status != 204)
		buf_printf(&b, "Content-Length: %d\r\n", body ? 2 : 0);
	if (close)
		buf_lit(&b, "Connection: close\r\n");
	else if (h && !h->minor)
		buf_lit(&b, "Connection: keep-alive\r\n");
	buf_lit(&b, "\r\n");
	if (body && !str_eq(h->method, STR("HEAD")))
		buf_lit(&b, "ok");
	c->st->reply(c->st, buf_slice(&b));
	buf_release(&b);
	if (close) {
		c->at = AT_DRAIN;
		c->st->done = true;
	}
}

/* ---- a body becomes frames ---- */

static const struct http_framing *framing_of(const struct http_server *s, struct str content_type)
{
	struct str type = http_mime_type(content_type);

	for (size_t i = 1; i < s->c.n_framings; i++)
		if (str_ieq(type, str_z(s->c.framing[i].type)))
			return &s->c.framing[i];
	return &s->c.framing[0];
}

/* The bytes lie outside of batches. */
static size_t put_lines(struct http_conn *c, struct source *src, const struct http_framing *how, struct str body, struct str *rest)
{
	struct framer f = {.kind = FRAMER_LINE, .delimiter = str_n(how->delimiter, how->delimiter_len), .max = c->server->c.body_max};
	struct str frame;
	size_t n = 0, used;
	uint32_t flags;

	for (;;) {
		enum framer_answer a = framer_next(&f, body, &frame, &used, &flags);

		if (a == FRAMER_FRAME) {
			inlet_frame(c->st->inlet, src, frame, flags, true, rest);
			n++;
		}
		body = str_from(body, used);
		if (a != FRAMER_FRAME)
			break;
	}
	if (framer_end(&f, body, &frame, &flags)) {
		/* A last line without an end is a line. */
		inlet_frame(c->st->inlet, src, frame, flags & ~(uint32_t)FRAME_UNENDED, true, rest);
		n++;
	}
	return n;
}

/* copy: the body lies outside of batches. Takes c->req. How many frames. */
static size_t deliver(struct http_conn *c, struct str body, bool copy, struct str *rest)
{
	const struct http_framing *how = framing_of(c->server, c->req->head.content_type);
	struct source *src = inlet_source(c->st->inlet, c->st->source->name);
	char *outside = NULL;
	size_t n = 1;

	src->peer = c->st->source->peer;
	src->extra = c->req;
	c->req = NULL;
	if (how->framing == FRAME_CHUNK) {
		inlet_frame(c->st->inlet, src, body, 0, copy, rest);
	} else {
		/* A batch that fills goes with its memory. */
		if (!copy && body.len) {
			outside = xmalloc(body.len);
			memcpy(outside, body.p, body.len);
			body.p = outside;
		}
		n = put_lines(c, src, how, body, rest);
		free(outside);
	}
	inlet_close_source(c->st->inlet, src, rest);
	return n;
}

enum inflated { INFLATED, INFLATE_BROKEN, INFLATE_TOO_LONG };

/* gzip, or deflate in either of its forms. */
static enum inflated inflate_body(struct str in, size_t max, struct buf *out)
{
	/* 15 + 32: zlib's header or gzip's; -15: none, as some send "deflate". */
	bool raw = in.len >= 2 && (unsigned char)in.p[0] != 0x1f && ((in.p[0] & 0x0f) != 8 || (((unsigned char)in.p[0] << 8) | (unsigned char)in.p[1]) % 31);
	z_stream z = {.next_in = (Bytef *)(uintptr_t)in.p, .avail_in = (uInt)in.len};
	int rc = Z_OK;

	if (inflateInit2(&z, raw ? -15 : 15 + 32) != Z_OK)
		return INFLATE_BROKEN;
	buf_init(out, max + 1);
	while (rc == Z_OK) {
		size_t step = max + 1 - out->len < INFLATE_STEP ? max + 1 - out->len : INFLATE_STEP;
		char *room = step ? buf_room(out, step) : NULL;

		if (!room)
			break;
		z.next_out = (Bytef *)room;
		z.avail_out = (uInt)step;
		rc = inflate(&z, Z_NO_FLUSH);
		out->len += step - z.avail_out;
		if (rc == Z_BUF_ERROR || (rc == Z_OK && !z.avail_in && z.avail_out))
			rc = Z_DATA_ERROR;
	}
	inflateEnd(&z);
	return out->len > max ? INFLATE_TOO_LONG : rc == Z_STREAM_END ? INFLATED : INFLATE_BROKEN;
}

static void forget_body(struct http_conn *c)
{
	buf_release(&c->body);
	buf_init(&c->body, c->server->c.body_max);
	/* Relaxed: a gauge. */
	atomic_fetch_sub_explicit(&c->st->inlet->budget->used, c->counted, memory_order_relaxed);
	c->counted = 0;
}

/* The request is whole. How many frames it became. */
static size_t finish(struct http_conn *c, struct str body, bool copy, struct str *rest)
{
	struct http_head h = c->req->head;
	struct http_request *req = c->req;
	bool close = !h.keep_alive;
	enum inflated r = INFLATED;
	struct buf plain = {0};
	size_t n = 0;

	c->at = AT_HEAD;
	c->st->busy_since_ns = 0;
	if (c->thrown_away) {
		c->req = NULL;
		free(req);
		forget_body(c);
		return 0;
	}
	if (h.content_encoding.len) {
		r = inflate_body(body, c->server->c.body_max, &plain);
		body = buf_slice(&plain);
		copy = true;
	}
	/* The answer first: the head's text goes with the request. */
	answer(c, &h, r == INFLATED ? c->server->c.status : r == INFLATE_BROKEN ? 400 : 413, close);
	if (r == INFLATED) {
		n = deliver(c, body, copy, rest);
	} else {
		c->req = NULL;
		free(req);
	}
	buf_release(&plain);
	forget_body(c);
	return n;
}

/* ---- reading ---- */

static bool is_allowed(const struct http_server *s, const struct http_head *h)
{
	return !s->c.token || (h->authorization.len == strlen(s->c.token) && CRYPTO_memcmp(h->authorization.p, s->c.token, h->authorization.len) == 0);
}

static bool is_known_encoding(struct str e)
{
	return !e.len || str_ieq(e, STR("gzip")) || str_ieq(e, STR("x-gzip")) || str_ieq(e, STR("deflate")) || str_ieq(e, STR("identity"));
}

/* Before the body: 0, or the status that refuses it. */
static int judge(const struct http_server *s, struct http_head *h)
{
	if (!is_allowed(s, h))
		return 401;
	if (h->body == HTTP_LENGTH && h->length > s->c.body_max)
		return 413;
	if (!is_known_encoding(h->content_encoding))
		return 415;
	if (str_ieq(h->content_encoding, STR("identity")))
		h->content_encoding = STR("");
	return s->refusing ? 429 : 0;
}

/* A head of that length is there. false: nothing more is read. */
static bool take_head(struct http_conn *c, struct str head)
{
	struct http_request *req = xzalloc(sizeof(*req) + head.len);
	int status;

	memcpy(req + 1, head.p, head.len);
	req->text = str_n((char *)(req + 1), head.len);
	c->seen = 0;
	status = http_head_parse(req->text, &req->head);
	if (status) {
		answer(c, NULL, status, true);
		free(req);
		return false;
	}
	c->req = req;
	c->at = AT_BODY;
	c->left = req->head.length;
	c->chunks = (struct http_chunks){0};
	status = judge(c->server, &req->head);
	c->thrown_away = status != 0;
	if (status) {
		/* A client that waits for leave to send does not, and one that sends too much is not listened to. */
		bool close = !req->head.keep_alive || status == 413 || (req->head.expects_continue && req->head.body != HTTP_NO_BODY);

		answer(c, &req->head, status, close);
		if (c->at == AT_DRAIN) {
			c->req = NULL;
			free(req);
			return false;
		}
	} else if (req->head.expects_continue && req->head.body != HTTP_NO_BODY && req->head.minor) {
		c->st->reply(c->st, STR("HTTP/1.1 100 Continue\r\n\r\n"));
	}
	return true;
}

/* A piece of a body that is not whole yet. 0, or the status that refuses it. */
static int keep_piece(struct http_conn *c, struct str piece)
{
	if (c->thrown_away)
		return 0;
	/* Reading goes on then, so that somebody is told; memory must not. */
	if (c->server->refusing && inlet_full(c->st->inlet))
		return 429;
	buf_str(&c->body, piece);
	/* Relaxed: a gauge. */
	atomic_fetch_add_explicit(&c->st->inlet->budget->used, c->body.cap - c->counted, memory_order_relaxed);
	c->counted = c->body.cap;
	return c->body.over ? 413 : 0;
}

static void refuse_rest(struct http_conn *c, int status)
{
	struct http_request *req = c->req;

	if (!c->thrown_away)
		answer(c, &req->head, status, true);
	c->at = AT_DRAIN;
	c->st->done = true;
	c->req = NULL;
	free(req);
	forget_body(c);
}

/* false: more is needed. */
static bool read_length(struct http_conn *c, struct str *in, bool copy, size_t *n)
{
	struct str body = str_sub(*in, 0, c->left < in->len ? (size_t)c->left : in->len);

	*in = str_from(*in, body.len);
	c->left -= body.len;
	if (c->left || c->body.len) {
		int status = keep_piece(c, body);

		if (status)
			refuse_rest(c, status);
		if (c->left || c->at != AT_BODY)
			return false;
		body = buf_slice(&c->body);
		copy = true;
	}
	*n += finish(c, body, copy, in);
	return true;
}

static bool read_chunks(struct http_conn *c, struct str *in, size_t *n)
{
	for (;;) {
		struct str data;
		size_t used;
		enum http_chunk r = http_chunk_next(&c->chunks, *in, &data, &used);
		int status = 400;

		*in = str_from(*in, used);
		if (r == HTTP_CHUNK_MORE)
			return false;
		if (r == HTTP_CHUNK_END) {
			*n += finish(c, buf_slice(&c->body), true, in);
			return true;
		}
		if (r == HTTP_CHUNK_DATA)
			status = keep_piece(c, data);
		if (status) {
			refuse_rest(c, status);
			return false;
		}
	}
}

/* false: more is needed. */
static bool read_head(struct http_conn *c, struct str *in)
{
	size_t len;

	/* An empty line behind a body is forgiven (RFC 9112 2.2). */
	while (c->seen == 0 && in->len >= 2 && in->p[0] == '\r' && in->p[1] == '\n')
		*in = str_from(*in, 2);
	len = http_head_length(*in, &c->seen);
	if (len > HTTP_HEAD_MAX || (!len && in->len > HTTP_HEAD_MAX)) {
		answer(c, NULL, 431, true);
		return false;
	}
	if (!len) {
		if (!in->len)
			c->st->busy_since_ns = 0;
		else if (!c->st->busy_since_ns)
			c->st->busy_since_ns = c->st->last_read_ns;
		return false;
	}
	(void)take_head(c, str_sub(*in, 0, len));
	*in = str_from(*in, len);
	return c->at != AT_DRAIN;
}

static size_t cut(struct stream *st, struct str *in, bool copy)
{
	struct http_conn *c = st->state;
	bool more = true;
	size_t n = 0;

	while (more && c->at != AT_DRAIN && !st->broken) {
		if (c->at == AT_HEAD)
			more = read_head(c, in);
		else if (c->req->head.body == HTTP_CHUNKED)
			more = read_chunks(c, in, &n);
		else
			more = read_length(c, in, copy, &n);
	}
	/* A body may take as long as something comes; a head, or a goodbye, only so long. */
	if (c->at == AT_BODY)
		st->busy_since_ns = st->last_read_ns;
	if (c->at == AT_DRAIN || st->broken) {
		*in = (struct str){0};
		if (!st->busy_since_ns)
			st->busy_since_ns = st->last_read_ns;
	}
	return n;
}

/* ---- connections ---- */

static void opened(struct stream *st, void *arg)
{
	struct http_conn *c = xzalloc(sizeof(*c));

	c->server = arg;
	c->st = st;
	buf_init(&c->body, c->server->c.body_max);
	st->cut = cut;
	st->state = c;
}

static void conn_closed(struct stream *st)
{
	struct http_conn *c = st->state;

	/* Refused and gone: nothing was cut off. */
	if (c->at == AT_DRAIN)
		st->busy_since_ns = 0;
	forget_body(c);
	free(c->req);
	free(c);
	st->state = NULL;
}

static const struct tcp_protocol protocol = {.opened = opened, .closed = conn_closed};

/* ---- the server ---- */

struct http_server *http_server_new(struct inlet *in, int fd, const struct tcp_limits *limits, const struct http_server_config *c)
{
	struct http_server *s = xzalloc(sizeof(*s));

	s->inlet = in;
	s->c = *c;
	s->tcp = tcp_server_new(in, fd, FRAMER_LINE, limits, (struct str){0});
	tcp_server_protocol(s->tcp, &protocol, s);
	return s;
}

struct tcp_server *http_server_tcp(struct http_server *s)
{
	return s->tcp;
}

int http_server_start(struct http_server *s, struct err *err)
{
	uv_timer_init(loop_uv(s->inlet->loop), &s->patience);
	s->patience.data = s;
	return tcp_server_start(s->tcp, err);
}

static void on_patience(uv_timer_t *t)
{
	struct http_server *s = t->data;

	s->refusing = true;
	tcp_server_resume(s->tcp);
}

void http_server_pause(struct http_server *s)
{
	tcp_server_pause(s->tcp);
	uv_timer_start(&s->patience, on_patience, PATIENCE_MS, 0);
}

void http_server_resume(struct http_server *s)
{
	uv_timer_stop(&s->patience);
	s->refusing = false;
	tcp_server_resume(s->tcp);
}

static void one_closed(struct http_server *s)
{
	if (--s->open == 0)
		s->closed(s->closed_arg);
}

static void on_timer_closed(uv_handle_t *h)
{
	one_closed(h->data);
}

static void on_tcp_closed(void *arg)
{
	one_closed(arg);
}

void http_server_stop(struct http_server *s, void (*closed)(void *arg), void *arg)
{
	s->closed = closed;
	s->closed_arg = arg;
	s->open = 2;
	uv_timer_stop(&s->patience);
	uv_close((uv_handle_t *)&s->patience, on_timer_closed);
	tcp_server_stop(s->tcp, on_tcp_closed, s);
}

void http_server_free(struct http_server *s)
{
	if (!s)
		return;
	tcp_server_free(s->tcp);
	for (size_t i = 0; i < s->c.n_framings; i++)
		free(s->c.framing[i].type);
	free(s->c.framing);
	free(s->c.headers);
	free(s->c.token);
	free(s);
}
