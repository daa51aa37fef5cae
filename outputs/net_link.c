#include "outputs/net_link.h"

#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

static const int64_t ms = 1000000;

enum {
	CONNECT_S = 10,	    /* each address, and the TLS handshake */
	LOOK_MS = 100,	    /* how often `stop` is looked at */
	SILENCE_MS = 300000, /* TCP_USER_TIMEOUT: a far end that acknowledges nothing for so long is gone */
	KEEP_IDLE_S = 60,   /* SO_KEEPALIVE: whoever owes an answer is asked whether he is there */
	KEEP_AGAIN_S = 15,
	RESOLVE_S = 60,	    /* datagrams: how long an address is used before it is asked for again */
	SETTLE_MS = 1000,
	RECORD = 16 * 1024, /* plain text of a TLS record */
};

struct net_conn {
	char *host;
	int port;
	bool datagrams;
	char name[280]; /* for messages */
	pthread_mutex_t lock;
	struct tls_context *tls; /* under lock */
	bool check_name;
};

struct net_link {
	struct net_conn *conn;
	int fd; /* -1: not connected */
	struct tls *tls;
	struct sockaddr_storage to; /* datagrams */
	socklen_t to_len;
	int64_t resolved_ns;
};

/* ---- life ---- */

void *net_conn_new(struct str host, int port, bool datagrams, const struct tls_options *tls)
{
	struct net_conn *c = xzalloc(sizeof(*c));

	c->host = xstrdupz(host);
	c->port = port;
	c->datagrams = datagrams;
	snprintf(c->name, sizeof(c->name), str_chr(host, ':') >= 0 ? "[%.*s]:%d" : "%.*s:%d", STR_ARG(str_sub(host, 0, 255)), port);
	pthread_mutex_init(&c->lock, NULL);
	if (tls)
		net_conn_renew(c, tls);
	return c;
}

void net_conn_renew(void *conn, const struct tls_options *tls)
{
	struct net_conn *c = conn;
	struct tls_context *former;

	pthread_mutex_lock(&c->lock);
	former = c->tls;
	c->tls = tls_context_ref(tls->context);
	c->check_name = tls->check_name;
	pthread_mutex_unlock(&c->lock);
	tls_context_unref(former);
}

void net_conn_free(void *conn)
{
	struct net_conn *c = conn;

	if (!c)
		return;
	tls_context_unref(c->tls);
	pthread_mutex_destroy(&c->lock);
	free(c->host);
	free(c);
}

bool net_is_stream(const void *conn)
{
	return !((const struct net_conn *)conn)->datagrams;
}

void *net_link_open(void *conn)
{
	struct net_link *l = xzalloc(sizeof(*l));

	l->conn = conn;
	l->fd = -1;
	return l;
}

static void hang_up(struct net_link *l)
{
	if (l->fd >= 0)
		close(l->fd);
	l->fd = -1;
	tls_free(l->tls);
	l->tls = NULL;
}

/* ---- waiting ---- */

/* What of events is there; 0: `until` (monotonic) has passed, or stop was set. POLLERR and POLLHUP count as whatever was waited for. */
static short wait_for(const struct net_link *l, short events, int64_t until, const struct send_ctx *ctx)
{
	for (;;) {
		struct pollfd p = {.fd = l->fd, .events = events};
		int64_t left = (until - clock_mono(&clock_system)) / ms;
		int r;

		if (atomic_load(ctx->stop) || left < 0)
			return 0;
		r = poll(&p, 1, (int)(left < LOOK_MS ? left + 1 : LOOK_MS));
		if (r > 0)
			return p.revents;
		if (r == -1 && errno != EINTR)
			return POLLERR;
	}
}

static bool stopped(const struct send_ctx *ctx)
{
	return atomic_load(ctx->stop);
}

/* ---- bytes ---- */

/* All of it into the kernel. -1 and err: the connection is over. */
static int put_all(struct net_link *l, const char *p, size_t n, const struct send_ctx *ctx, struct err *err)
{
	while (n) {
		ssize_t done = send(l->fd, p, n, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (done > 0) {
			p += done;
			n -= (size_t)done;
		} else if (done == -1 && errno != EAGAIN && errno != EINTR) {
			return err_sys(err, "'%s' takes no more", l->conn->name);
		} else if (!wait_for(l, POLLOUT, INT64_MAX, ctx)) {
			return err_set(err, "'%s' is not reading", l->conn->name);
		}
	}
	return 0;
}

/* TLS's own words that wait. */
static int put_waiting(struct net_link *l, const struct send_ctx *ctx, struct err *err)
{
	char piece[RECORD + 1024];
	size_t n;

	while ((n = tls_take(l->tls, piece, sizeof(piece))))
		if (put_all(l, piece, n, ctx, err) == -1)
			return -1;
	return 0;
}

enum peek { PEEK_QUIET, PEEK_ENDED, PEEK_FAILED };

/* What the far end has said since: nothing that matters, or that it ends. err for both of these. */
static enum peek peek(struct net_link *l, struct err *err)
{
	char in[4096], plain[4096];
	enum tls_result r = TLS_MORE;
	ssize_t n;
	size_t got;

	while ((n = recv(l->fd, in, sizeof(in), MSG_DONTWAIT)) > 0) {
		if (!l->tls)
			continue;
		tls_feed(l->tls, in, (size_t)n);
		while ((r = tls_read(l->tls, plain, sizeof(plain), &got)) == TLS_DATA)
			;
		if (r == TLS_FAILED) {
			err_set(err, "'%s': %s", l->conn->name, tls_why(l->tls));
			return PEEK_FAILED;
		}
		if (r == TLS_ENDED)
			break;
	}
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return PEEK_QUIET;
	if (n == -1)
		err_sys(err, "'%s'", l->conn->name);
	else
		err_set(err, "'%s' has closed the connection", l->conn->name);
	return PEEK_ENDED;
}

void net_link_close(void *link)
{
	struct net_link *l = link;
	static const _Atomic bool at_once = true;
	struct send_ctx ctx = {.stop = &at_once};
	struct err err;

	if (!l)
		return;
	if (l->fd >= 0 && l->tls) {
		tls_end(l->tls);
		(void)put_waiting(l, &ctx, &err);
	}
	hang_up(l);
	free(l);
}

/* ---- connecting ---- */

static int resolve(const struct net_conn *c, int type, struct addrinfo **list, struct err *err)
{
	struct addrinfo hints = {.ai_socktype = type, .ai_flags = AI_NUMERICSERV | AI_ADDRCONFIG};
	char service[8];
	int rc;

	snprintf(service, sizeof(service), "%d", c->port & 0xffff);
	rc = getaddrinfo(c->host, service, &hints, list);
	if (rc) {
		/* A machine without a network has its own address all the same. */
		hints.ai_flags = AI_NUMERICSERV;
		rc = getaddrinfo(c->host, service, &hints, list);
	}
	return rc ? err_set(err, "'%s': %s", c->name, gai_strerror(rc)) : 0;
}

void net_watch_peer(int fd)
{
	int on = 1, silence = SILENCE_MS, quiet = KEEP_IDLE_S, again = KEEP_AGAIN_S;

	(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &quiet, sizeof(quiet));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &again, sizeof(again));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &silence, sizeof(silence));
}

static int connect_one(struct net_link *l, const struct addrinfo *a, const struct send_ctx *ctx, struct err *err)
{
	int why = 0;
	socklen_t len = sizeof(why);

	l->fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (l->fd == -1)
		return err_sys(err, "'%s'", l->conn->name);
	net_watch_peer(l->fd);
	if (connect(l->fd, a->ai_addr, a->ai_addrlen) == -1 && errno != EINPROGRESS) {
		err_sys(err, "cannot connect to '%s'", l->conn->name);
	} else if (!wait_for(l, POLLOUT, clock_mono(&clock_system) + CONNECT_S * 1000 * ms, ctx)) {
		err_set(err, "cannot connect to '%s': no answer", l->conn->name);
	} else if (getsockopt(l->fd, SOL_SOCKET, SO_ERROR, &why, &len) == -1 || why) {
		errno = why;
		err_sys(err, "cannot connect to '%s'", l->conn->name);
	} else {
		return 0;
	}
	hang_up(l);
	return -1;
}

/*
 * With TLS 1.3 a client is done before the server has looked at its certificate: what is sent then would be acknowledged and thrown away. A server
 * that accepts it usually says something (a ticket), one that does not says so.
 */
static enum peek settle(struct net_link *l, const struct send_ctx *ctx, struct err *err)
{
	if (!tls_one_sided(l->tls) || !wait_for(l, POLLIN, clock_mono(&clock_system) + SETTLE_MS * ms, ctx))
		return PEEK_QUIET;
	return peek(l, err);
}

/* SEND_HOLD: somebody must repair a certificate. */
static enum send_result shake_hands(struct net_link *l, const struct send_ctx *ctx, struct err *err)
{
	int64_t until = clock_mono(&clock_system) + CONNECT_S * 1000 * ms;
	struct net_conn *c = l->conn;
	enum peek said;
	bool up;

	pthread_mutex_lock(&c->lock);
	l->tls = c->tls ? tls_new(c->tls, str_z(c->host), c->check_name) : NULL;
	pthread_mutex_unlock(&c->lock);
	if (!l->tls)
		return SEND_JUDGED;
	tls_begin(l->tls);
	for (;;) {
		if (put_waiting(l, ctx, err) == -1)
			return SEND_RETRY;
		up = tls_up(l->tls);
		if (!up && !wait_for(l, POLLIN, until, ctx)) {
			err_set(err, "'%s': the TLS handshake takes too long", c->name);
			return SEND_RETRY;
		}
		said = up ? settle(l, ctx, err) : peek(l, err);
		if (up && said == PEEK_QUIET)
			return SEND_JUDGED;
		if (said == PEEK_FAILED) {
			struct err ignored;

			(void)put_waiting(l, ctx, &ignored);
			return SEND_HOLD;
		}
		if (said == PEEK_ENDED)
			return SEND_RETRY;
	}
}

static enum send_result call(struct net_link *l, const struct send_ctx *ctx, struct err *err)
{
	struct addrinfo *list;
	enum send_result r = SEND_RETRY;

	if (resolve(l->conn, SOCK_STREAM, &list, err) == -1)
		return SEND_RETRY;
	for (const struct addrinfo *a = list; a && r == SEND_RETRY && !stopped(ctx); a = a->ai_next) {
		if (connect_one(l, a, ctx, err) == -1)
			continue;
		r = shake_hands(l, ctx, err);
		if (r != SEND_JUDGED)
			hang_up(l);
	}
	freeaddrinfo(list);
	return r;
}

/* ---- streams ---- */

static int put_range(struct net_link *l, struct str s, const struct send_ctx *ctx, struct err *err)
{
	if (!l->tls)
		return put_all(l, s.p, s.len, ctx, err);
	while (s.len) {
		size_t n = s.len < RECORD ? s.len : RECORD;

		if (!tls_write(l->tls, s.p, n))
			return err_set(err, "'%s': %s", l->conn->name, tls_why(l->tls));
		if (put_waiting(l, ctx, err) == -1)
			return -1;
		s = str_from(s, n);
	}
	return 0;
}

bool net_is_over(int fd)
{
	struct tcp_info info = {0};
	socklen_t len = sizeof(info);

	return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) == -1 || info.tcpi_state == TCP_CLOSE;
}

/* Until the far end's kernel has acknowledged everything. It does so within a round trip, or 40 ms if it is lazy. */
static int confirm(struct net_link *l, const struct send_ctx *ctx, struct err *err)
{
	int64_t step = ms / 4;
	int left;

	for (;;) {
		enum peek said = peek(l, err);

		if (said == PEEK_FAILED)
			return -1;
		if (ioctl(l->fd, SIOCOUTQ, &left) == -1)
			return err_sys(err, "'%s'", l->conn->name);
		/* In this order: all of it may have been acknowledged before the reset. */
		if (net_is_over(l->fd))
			return said == PEEK_QUIET ? err_set(err, "'%s' has broken the connection", l->conn->name) : -1;
		if (left == 0)
			return 0;
		if (stopped(ctx))
			return err_set(err, "'%s' does not acknowledge", l->conn->name);
		nanosleep(&(struct timespec){.tv_nsec = step}, NULL);
		step = step < 8 * ms ? step * 2 : step;
	}
}

enum send_result net_call(void *link, struct send_ctx *ctx)
{
	struct net_link *l = link;
	struct err why;

	/* Whoever has closed in the meantime would still take one more write. */
	if (l->fd >= 0 && peek(l, &why) != PEEK_QUIET) {
		log_debug("output", "%s", why.text);
		hang_up(l);
	}
	return l->fd < 0 ? call(l, ctx, &ctx->err) : SEND_JUDGED;
}

enum send_result net_send_stream(void *conn, void *link, struct pack *p, uint32_t from, uint32_t to, struct send_ctx *ctx)
{
	struct net_link *l = link;
	enum send_result r = net_call(l, ctx);

	if (r != SEND_JUDGED)
		return r;
	if (put_range(l, pack_range(p, from, to), ctx, &ctx->err) == -1 || confirm(l, ctx, &ctx->err) == -1) {
		hang_up(l);
		ctx->maybe_sent = true;
		return SEND_RETRY;
	}
	for (; from < to; from++)
		p->item[from].verdict = VERDICT_DELIVERED;
	return SEND_JUDGED;
}

/* ---- questions and answers ---- */

int net_put(void *link, struct str bytes, struct send_ctx *ctx)
{
	return put_range(link, bytes, ctx, &ctx->err);
}

/* What is there of an answer: 0: nothing yet. */
static ssize_t get_some(struct net_link *l, char *out, size_t n, struct err *err)
{
	char in[4096];
	size_t got;
	ssize_t r;

	if (l->tls) {
		enum tls_result t = tls_read(l->tls, out, n, &got);

		if (t == TLS_DATA)
			return (ssize_t)got;
		if (t == TLS_FAILED)
			return err_set(err, "'%s': %s", l->conn->name, tls_why(l->tls));
		if (t == TLS_ENDED)
			return err_set(err, "'%s' has closed the connection", l->conn->name);
	}
	r = l->tls ? recv(l->fd, in, sizeof(in), MSG_DONTWAIT) : recv(l->fd, out, n, MSG_DONTWAIT);
	if (r == 0)
		return err_set(err, "'%s' has closed the connection", l->conn->name);
	if (r == -1)
		return errno == EAGAIN || errno == EINTR ? 0 : err_sys(err, "'%s'", l->conn->name);
	if (!l->tls)
		return r;
	tls_feed(l->tls, in, (size_t)r);
	return get_some(l, out, n, err);
}

ssize_t net_get(void *link, char *out, size_t n, struct send_ctx *ctx)
{
	struct net_link *l = link;
	ssize_t r;

	while ((r = get_some(l, out, n, &ctx->err)) == 0) {
		/* A new key of TLS's may be to be acknowledged. */
		if (l->tls && put_waiting(l, ctx, &ctx->err) == -1)
			return -1;
		if (!wait_for(l, POLLIN, INT64_MAX, ctx))
			return err_set(&ctx->err, "'%s' has not answered yet", l->conn->name);
	}
	return r;
}

void net_hang_up(void *link)
{
	hang_up(link);
}

/* ---- datagrams ---- */

/* A socket of the address's family; the address is asked for again now and then, and after a failure. */
static int aim(struct net_link *l, struct err *err)
{
	int64_t now = clock_mono(&clock_system);
	struct addrinfo *list;
	int fd;

	if (l->fd >= 0 && now - l->resolved_ns < RESOLVE_S * 1000 * ms)
		return 0;
	if (resolve(l->conn, SOCK_DGRAM, &list, err) == -1)
		return -1;
	if (l->fd >= 0 && list->ai_family == l->to.ss_family) {
		fd = l->fd;
	} else {
		hang_up(l);
		fd = socket(list->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	}
	memcpy(&l->to, list->ai_addr, list->ai_addrlen);
	l->to_len = list->ai_addrlen;
	l->resolved_ns = now;
	freeaddrinfo(list);
	if (fd == -1)
		return err_sys(err, "'%s'", l->conn->name);
	l->fd = fd;
	return 0;
}

static void aim_at_port(struct net_link *l, struct str digits)
{
	uint64_t port = 0;

	(void)str_u64(digits, UINT16_MAX, &port); /* rendered by us */
	if (l->to.ss_family == AF_INET6)
		((struct sockaddr_in6 *)&l->to)->sin6_port = htons((uint16_t)port);
	else
		((struct sockaddr_in *)&l->to)->sin_port = htons((uint16_t)port);
}

enum send_result net_send_datagrams(void *conn, void *link, struct pack *p, uint32_t from, uint32_t to, struct send_ctx *ctx)
{
	struct net_link *l = link;
	uint32_t begin = from;

	if (aim(l, &ctx->err) == -1)
		return SEND_RETRY;
	while (from < to) {
		const struct pack_item *it = &p->item[from];
		struct str d = item_document(p, it);

		if (it->head)
			aim_at_port(l, str_n(p->bytes.p + it->off, it->head));
		if (sendto(l->fd, d.p, d.len, MSG_NOSIGNAL, (struct sockaddr *)&l->to, l->to_len) >= 0) {
			p->item[from++].verdict = VERDICT_DELIVERED;
		} else if (errno == EMSGSIZE) {
			pack_note(p, from++, VERDICT_DEAD, 0, 0, STR("larger than a datagram"));
		} else if (errno == EINTR || errno == ECONNREFUSED) {
			/* The answer to an earlier one, which nobody waits for. */
			if (stopped(ctx))
				break;
		} else {
			err_sys(&ctx->err, "cannot send to '%s'", l->conn->name);
			l->resolved_ns = INT64_MIN / 2;
			break;
		}
	}
	if (from == begin && from < to) {
		if (stopped(ctx))
			err_set(&ctx->err, "'%s': stopped", l->conn->name);
		return SEND_RETRY;
	}
	for (; from < to; from++)
		p->item[from].verdict = VERDICT_RETRY;
	return SEND_JUDGED;
}
