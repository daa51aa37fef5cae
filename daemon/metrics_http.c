/*
 * metrics_http.c - GET /metrics by libmicrohttpd.
 *
 * Bounds: 8 KiB for a request's line and headers, 8 KiB of a body that nobody asked for, 16 connections, 10 s of silence.
 * The library's thread calls answer(); it shares nothing with the other threads but the metrics.
 */
#include "metrics_http.h"

#include "base/arena.h"
#include "base/log.h"
#include "base/metrics.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	REQUEST_MAX = 8 * 1024,
	CONNECTIONS_MAX = 16,
	SILENCE_SECONDS = 10,
	PAGE_MAX = 16 * 1024 * 1024,
};

struct metrics_http {
	struct MHD_Daemon *mhd;
	char *host;
	uint16_t port;
};

/* One request between the library's calls. */
struct request {
	size_t body; /* bytes that came and were thrown away */
};

/* ---- who may ask ---- */

static bool is_address(struct str s)
{
	char text[INET6_ADDRSTRLEN];
	struct in6_addr any;

	if (s.len == 0 || s.len >= sizeof(text))
		return false;
	memcpy(text, s.p, s.len);
	text[s.len] = '\0';
	return inet_pton(AF_INET, text, &any) == 1 || inet_pton(AF_INET6, text, &any) == 1;
}

bool metrics_host_allowed(struct str header, struct str bound)
{
	struct str host = header, port = STR("");
	bool v6 = header.len && header.p[0] == '[';

	if (v6) {
		ptrdiff_t end = str_chr(header, ']');

		if (end < 0)
			return false;
		host = str_sub(header, 1, (size_t)end - 1);
		port = str_from(header, (size_t)end + 1);
	} else {
		ptrdiff_t colon = str_chr(header, ':');

		if (colon >= 0) {
			host = str_sub(header, 0, (size_t)colon);
			port = str_from(header, (size_t)colon);
		}
	}
	if (port.len) {
		uint64_t n;

		if (port.p[0] != ':' || !str_u64(str_from(port, 1), UINT16_MAX, &n))
			return false;
	}
	if (!v6 && str_ieq(host, STR("localhost")))
		return true;
	/* What is no address can be made to point anywhere. */
	if (!is_address(host))
		return false;
	if (str_eq(host, STR("127.0.0.1")) || str_eq(host, STR("::1")) || str_ieq(host, bound))
		return true;
	return str_eq(bound, STR("0.0.0.0")) || str_eq(bound, STR("::"));
}

struct hosts {
	unsigned n;
	const char *value;
};

static enum MHD_Result count_host(void *arg, enum MHD_ValueKind kind, const char *key, const char *value)
{
	struct hosts *h = arg;

	if (str_ieq(str_z(key), STR("Host"))) {
		h->n++;
		h->value = value;
	}
	return MHD_YES;
}

/* ---- answering ---- */

/* Takes the body, which was malloc'ed. */
static enum MHD_Result respond(struct MHD_Connection *c, unsigned status, char *body, size_t len, const char *type)
{
	struct MHD_Response *r = MHD_create_response_from_buffer(len, body, MHD_RESPMEM_MUST_FREE);
	enum MHD_Result result;

	if (!r) {
		free(body);
		return MHD_NO;
	}
	MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	MHD_add_response_header(r, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	MHD_add_response_header(r, "Content-Security-Policy", "default-src 'none'");
	MHD_add_response_header(r, "X-Content-Type-Options", "nosniff");
	if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
		MHD_add_response_header(r, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
	result = MHD_queue_response(c, status, r);
	MHD_destroy_response(r);
	return result;
}

static enum MHD_Result refuse(struct MHD_Connection *c, unsigned status, const char *text)
{
	series_add_shared(metrics_process, M_HTTP_REFUSED, 1);
	return respond(c, status, xstrdupz(str_z(text)), strlen(text), "text/plain; charset=utf-8");
}

static enum MHD_Result page(struct MHD_Connection *c)
{
	struct buf b;

	buf_init(&b, PAGE_MAX);
	metrics_render(&b);
	if (b.over) {
		buf_release(&b);
		return refuse(c, MHD_HTTP_INTERNAL_SERVER_ERROR, "the page is too large\n");
	}
	series_add_shared(metrics_process, M_HTTP_OK, 1);
	return respond(c, MHD_HTTP_OK, b.p, b.len, "text/plain; version=0.0.4; charset=utf-8");
}

static enum MHD_Result answer(void *arg, struct MHD_Connection *c, const char *url, const char *method, const char *version, const char *body,
			      size_t *body_len, void **state)
{
	const struct metrics_http *h = arg;
	struct request *r = *state;
	struct hosts hosts = {0};

	if (!r) {
		r = *state = xzalloc(sizeof(*r));
		/* A bad method is answered before its body is read; else the library calls again. */
		if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
			return refuse(c, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET and HEAD\n");
		return MHD_YES;
	}
	if (*body_len) {
		r->body += *body_len;
		*body_len = 0;
		return r->body > REQUEST_MAX ? MHD_NO : MHD_YES;
	}
	MHD_get_connection_values(c, MHD_HEADER_KIND, count_host, &hosts);
	if (hosts.n != 1 || !hosts.value || !metrics_host_allowed(str_z(hosts.value), str_z(h->host)))
		return refuse(c, MHD_HTTP_FORBIDDEN, "this host name is not mine\n");
	if (strcmp(url, "/metrics") != 0)
		return refuse(c, MHD_HTTP_NOT_FOUND, "there is only /metrics\n");
	return page(c);
}

static void completed(void *arg, struct MHD_Connection *c, void **state, enum MHD_RequestTerminationCode code)
{
	free(*state);
	*state = NULL;
}

static void log_mhd(void *arg, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));
static void log_mhd(void *arg, const char *fmt, va_list ap)
{
	char text[256];

	vsnprintf(text, sizeof(text), fmt, ap);
	log_debug("metrics", "%s", text);
}

/* ---- starting ---- */

static int try_listen(const char *host, uint16_t port, int *out, uint16_t *bound, struct err *err)
{
	struct sockaddr_storage ss = {0};
	struct sockaddr_in *in = (struct sockaddr_in *)&ss;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&ss;
	socklen_t len = sizeof(*in);
	int fd, one = 1;

	if (inet_pton(AF_INET, host, &in->sin_addr) == 1) {
		in->sin_family = AF_INET;
		in->sin_port = htons(port);
	} else if (inet_pton(AF_INET6, host, &in6->sin6_addr) == 1) {
		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons(port);
		len = sizeof(*in6);
	} else {
		return err_set(err, "cannot listen on '%s': not an address", host);
	}
	fd = socket(ss.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd == -1)
		return err_sys(err, "cannot open a socket for /metrics");
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) == -1 || bind(fd, (struct sockaddr *)&ss, len) == -1 ||
	    listen(fd, CONNECTIONS_MAX) == -1) {
		err_sys(err, "cannot listen on %s:%u", host, port);
		goto fail;
	}
	len = sizeof(ss);
	if (getsockname(fd, (struct sockaddr *)&ss, &len) == -1) {
		err_sys(err, "cannot name the socket of /metrics");
		goto fail;
	}
	*bound = ntohs(ss.ss_family == AF_INET ? in->sin_port : in6->sin6_port);
	*out = fd;
	return 0;
fail:
	close(fd);
	return -1;
}

struct metrics_http *metrics_http_start(const struct metrics_http_config *c, struct err *err)
{
	struct metrics_http *h = xzalloc(sizeof(*h));
	sigset_t every, old;
	int fd = -1;

	h->host = xstrdupz(str_ieq(c->host, STR("localhost")) ? STR("127.0.0.1") : c->host);
	for (unsigned port = c->port_first; fd == -1 && (port == c->port_first || port <= c->port_last); port++)
		if (try_listen(h->host, (uint16_t)port, &fd, &h->port, err) == -1 && errno != EADDRINUSE)
			break;
	if (fd == -1)
		goto fail;
	/* The library's thread inherits the mask: signals are main's. */
	sigfillset(&every);
	pthread_sigmask(SIG_SETMASK, &every, &old);
	h->mhd = MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL | MHD_USE_ERROR_LOG | MHD_USE_ITC, 0, NULL, NULL, answer, h,
				  MHD_OPTION_EXTERNAL_LOGGER, log_mhd, NULL, MHD_OPTION_LISTEN_SOCKET, fd,
				  MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)REQUEST_MAX, MHD_OPTION_CONNECTION_LIMIT,
				  (unsigned)CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)SILENCE_SECONDS,
				  MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_NOTIFY_COMPLETED, completed, NULL, MHD_OPTION_END);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (!h->mhd) {
		err_set(err, "cannot start the page /metrics");
		close(fd);
		goto fail;
	}
	return h;
fail:
	free(h->host);
	free(h);
	return NULL;
}

uint16_t metrics_http_port(const struct metrics_http *h)
{
	return h->port;
}

void metrics_http_stop(struct metrics_http *h)
{
	if (!h)
		return;
	MHD_stop_daemon(h->mhd);
	free(h->host);
	free(h);
}
