#include "input/tcp_server_int.h"

#include "base/log.h"
#include "input/listen.h"

#include <stdlib.h>
#include <unistd.h>

enum {
	SWEEP_MS = 1000,
	LINGER_MS = 500,
	LINGER_ANSWERS_MS = 2000,
	ANSWERS_AT_ONCE = 64,
};

#define SECOND ((int64_t)1000000000)
#define WAIT_NS (5 * SECOND)
/* Half frames that fill the memory for so long are why nothing is read any more. */
#define HOG_NS (10 * SECOND)

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
	if (context && !s->scratch)
		s->scratch = xmalloc(INLET_READ);
}

void tcp_server_proxied(struct tcp_server *s)
{
	s->proxied = true;
	if (!s->scratch)
		s->scratch = xmalloc(INLET_READ);
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

void tcp_server_handle_closed(struct tcp_server *s)
{
	if (--s->open_handles == 0 && s->closed)
		s->closed(s->closed_arg);
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

/* ---- connections ---- */

static void on_connection(uv_stream_t *listener, int status)
{
	struct tcp_server *s = listener->data;
	struct conn *c;

	if (status < 0) {
		log_warn("input", "%s: cannot accept a connection: %s", s->inlet->name, uv_strerror(status));
		return;
	}
	c = conn_new(s);
	if (uv_accept(listener, &c->stream))
		conn_give_up(c);
	else
		conn_begin(c);
}

/* By tcp_dial. */
static void on_connected(void *arg, int fd)
{
	struct tcp_server *s = arg;
	struct conn *c = conn_new(s);

	if (uv_tcp_open(&c->tcp, fd) == 0) {
		conn_begin(c);
		return;
	}
	close(fd);
	conn_give_up(c);
}

void tcp_server_call(struct tcp_server *s, struct str host, int port, bool check_name)
{
	s->dial = tcp_dial_new(s->inlet->name, host, port, on_connected, s);
	s->check_name = check_name;
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
		if (read && (c->heading || (c->tls && !tls_up(c->tls))) && now - c->opened_ns > s->limits.handshake_ns) {
			conn_refuse(c, c->tls && !tls_up(c->tls) && (c->inner || !c->heading) ? "its TLS handshake takes too long" : "its PROXY header takes too long");
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

static int begin_listening(struct tcp_server *s)
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
	if (rc)
		return rc;
	s->fd = -1;
	return uv_listen(&s->stream, 1024, on_connection);
}

int tcp_server_start(struct tcp_server *s, struct err *err)
{
	uv_loop_t *uv = loop_uv(s->inlet->loop);
	int rc = 0;

	uv_timer_init(uv, &s->sweep);
	uv_timer_init(uv, &s->linger);
	s->sweep.data = s->linger.data = s;
	/* With the listener, or who connects in its place. */
	s->open_handles = 3;
	if (s->dial)
		tcp_dial_start(s->dial, uv);
	else
		rc = begin_listening(s);
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
		if (c->heading || (c->tls && !tls_up(c->tls)))
			c->opened_ns = clock_mono(&clock_system);
		if (stream_go_on(&c->st) && !s->paused)
			uv_read_start(&c->stream, conn_on_alloc, conn_on_read);
		if (c->st.broken)
			conn_break(c);
	}
}

static void on_server_closed(uv_handle_t *h)
{
	tcp_server_handle_closed(h->data);
}

static void on_part_closed(void *arg)
{
	tcp_server_handle_closed(arg);
}

static void finish(struct tcp_server *s)
{
	struct conn *next;

	if (s->finished)
		return;
	s->finished = true;
	if (s->desk)
		desk_close(s->desk, on_part_closed, s);
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
	if (s->dial)
		tcp_dial_stop(s->dial, on_part_closed, s);
	else
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
	tcp_dial_free(s->dial);
	free(s->scratch);
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

void tcp_inlet_stop(struct inlet *in)
{
	tcp_server_stop(in->io, inlet_all_closed, in);
}

void tcp_inlet_release(struct inlet *in)
{
	tcp_server_free(in->io);
}
