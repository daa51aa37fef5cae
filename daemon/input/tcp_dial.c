#include "input/tcp_dial.h"

#include "base/arena.h"
#include "base/log.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	WAIT_MIN_MS = 1000,
	WAIT_MAX_MS = 30000,
	CONNECT_MS = 10000, /* each address */
	KEEP_IDLE_S = 60,   /* who only reads learns of a dead far end by asking */
	KEEP_AGAIN_S = 15,
};

struct tcp_dial {
	const char *owner;
	char *host;
	int port;
	char name[280];
	void (*connected)(void *arg, int fd);
	void *arg;
	uv_loop_t *uv;
	uv_timer_t timer; /* of the wait, or of a connection that is being made */
	uv_getaddrinfo_t lookup;
	uv_poll_t poll;
	struct addrinfo *list, *at; /* at: whose turn it is */
	int fd;			    /* being connected; -1: none */
	int why;		    /* errno of it; 0: it is connected */
	uint64_t wait_ms;
	bool looking, polling, failing, stopping;
	void (*closed)(void *arg);
	void *closed_arg;
	unsigned open_handles;
};

struct tcp_dial *tcp_dial_new(const char *owner, struct str host, int port, void (*connected)(void *arg, int fd), void *arg)
{
	struct tcp_dial *d = xzalloc(sizeof(*d));

	d->owner = owner;
	d->host = xstrdupz(host);
	d->port = port;
	(void)snprintf(d->name, sizeof(d->name), str_chr(host, ':') >= 0 ? "[%.*s]:%d" : "%.*s:%d", STR_ARG(str_sub(host, 0, 255)), port);
	d->connected = connected;
	d->arg = arg;
	d->fd = -1;
	d->wait_ms = WAIT_MIN_MS;
	return d;
}

const char *tcp_dial_name(const struct tcp_dial *d)
{
	return d->name;
}

struct str tcp_dial_host(const struct tcp_dial *d)
{
	return str_z(d->host);
}

void tcp_dial_free(struct tcp_dial *d)
{
	if (!d)
		return;
	if (d->list)
		uv_freeaddrinfo(d->list);
	free(d->host);
	free(d);
}

/* ---- waiting ---- */

static void look_up(struct tcp_dial *d);
static void end_attempt(struct tcp_dial *d, int why);

static void on_timer(uv_timer_t *t)
{
	struct tcp_dial *d = t->data;

	if (d->polling)
		end_attempt(d, ETIMEDOUT);
	else
		look_up(d);
}

static void wait_a_little(struct tcp_dial *d)
{
	uv_timer_start(&d->timer, on_timer, d->wait_ms, 0);
	d->wait_ms = d->wait_ms * 2 < WAIT_MAX_MS ? d->wait_ms * 2 : WAIT_MAX_MS;
}

static void failed(struct tcp_dial *d, const char *why)
{
	if (d->failing)
		log_debug("input", "%s: cannot connect to '%s': %s", d->owner, d->name, why);
	else
		log_warn("input", "%s: cannot connect to '%s': %s; trying again", d->owner, d->name, why);
	d->failing = true;
	wait_a_little(d);
}

void tcp_dial_again(struct tcp_dial *d, bool brought)
{
	if (d->stopping)
		return;
	if (brought)
		d->wait_ms = WAIT_MIN_MS;
	wait_a_little(d);
}

/* ---- the end ---- */

static void handle_closed(struct tcp_dial *d)
{
	if (--d->open_handles == 0 && d->stopping)
		d->closed(d->closed_arg);
}

static void on_timer_closed(uv_handle_t *h)
{
	handle_closed(h->data);
}

/* ---- one address ---- */

static void try_next(struct tcp_dial *d);

/* Only now may somebody else watch the descriptor. */
static void on_poll_closed(uv_handle_t *h)
{
	struct tcp_dial *d = h->data;
	int fd = d->fd;

	d->fd = -1;
	d->polling = false;
	if (d->stopping || d->why) {
		close(fd);
		if (!d->stopping) {
			d->at = d->at->ai_next;
			try_next(d);
		}
	} else {
		log_info("input", "%s: connected to '%s'", d->owner, d->name);
		d->failing = false;
		d->connected(d->arg, fd);
	}
	handle_closed(d);
}

static void end_attempt(struct tcp_dial *d, int why)
{
	if (uv_is_closing((uv_handle_t *)&d->poll))
		return;
	d->why = why;
	uv_timer_stop(&d->timer);
	uv_close((uv_handle_t *)&d->poll, on_poll_closed);
}

static void on_writable(uv_poll_t *p, int status, int events)
{
	struct tcp_dial *d = p->data;
	int why = 0;
	socklen_t len = sizeof(why);

	/* libuv tells of any error as of a bad descriptor: the socket knows better. */
	if (getsockopt(d->fd, SOL_SOCKET, SO_ERROR, &why, &len) == -1)
		why = errno;
	else if (status < 0 && !why)
		why = -status;
	end_attempt(d, why);
}

/* A socket that is on its way there; -1 and errno. */
static int begin(const struct addrinfo *a)
{
	int fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), on = 1, quiet = KEEP_IDLE_S, again = KEEP_AGAIN_S, why;

	if (fd == -1)
		return -1;
	(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &quiet, sizeof(quiet));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &again, sizeof(again));
	if (connect(fd, a->ai_addr, a->ai_addrlen) == 0 || errno == EINPROGRESS)
		return fd;
	why = errno;
	close(fd);
	errno = why;
	return -1;
}

static void try_next(struct tcp_dial *d)
{
	for (; d->at; d->at = d->at->ai_next) {
		d->fd = begin(d->at);
		if (d->fd != -1)
			break;
		d->why = errno;
	}
	if (!d->at) {
		failed(d, uv_strerror(uv_translate_sys_error(d->why)));
		return;
	}
	bug_on(uv_poll_init_socket(d->uv, &d->poll, d->fd));
	d->poll.data = d;
	d->polling = true;
	d->open_handles++;
	uv_poll_start(&d->poll, UV_WRITABLE, on_writable);
	uv_timer_start(&d->timer, on_timer, CONNECT_MS, 0);
}

/* ---- its addresses ---- */

static void on_addresses(uv_getaddrinfo_t *req, int status, struct addrinfo *list)
{
	struct tcp_dial *d = req->data;

	d->looking = false;
	if (d->stopping) {
		uv_freeaddrinfo(list);
	} else if (status) {
		failed(d, uv_strerror(status));
	} else {
		if (d->list)
			uv_freeaddrinfo(d->list);
		d->list = d->at = list;
		try_next(d);
	}
	handle_closed(d);
}

static void look_up(struct tcp_dial *d)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
	char service[8];
	int rc;

	(void)snprintf(service, sizeof(service), "%d", d->port & 0xffff);
	d->lookup.data = d;
	rc = uv_getaddrinfo(d->uv, &d->lookup, on_addresses, d->host, service, &hints);
	if (rc) {
		failed(d, uv_strerror(rc));
		return;
	}
	d->looking = true;
	d->open_handles++;
}

void tcp_dial_start(struct tcp_dial *d, uv_loop_t *uv)
{
	d->uv = uv;
	uv_timer_init(uv, &d->timer);
	d->timer.data = d;
	d->open_handles = 1;
	look_up(d);
}

void tcp_dial_stop(struct tcp_dial *d, void (*closed)(void *arg), void *arg)
{
	d->stopping = true;
	d->closed = closed;
	d->closed_arg = arg;
	if (d->looking)
		(void)uv_cancel((uv_req_t *)&d->lookup);
	if (d->polling && !uv_is_closing((uv_handle_t *)&d->poll))
		uv_close((uv_handle_t *)&d->poll, on_poll_closed);
	uv_close((uv_handle_t *)&d->timer, on_timer_closed);
}
