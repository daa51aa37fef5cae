/*
 * metrics_http.h - GET /metrics by libmicrohttpd.
 *
 * One thread of the library's own; the page is rendered on it. Started and stopped by main. Whatever else is asked
 * is refused, also by a web page that had its name point here (the Host header must be this machine's).
 */
#ifndef WEIR_METRICS_HTTP_H
#define WEIR_METRICS_HTTP_H

#include "base/err.h"

struct metrics_http;

struct metrics_http_config {
	struct str host;		/* "127.0.0.1", "::1", "localhost", "0.0.0.0"; never a name that must be looked up */
	uint16_t port_first, port_last; /* the first that is free; 0 = any */
};

/* NULL and err ("cannot listen on 127.0.0.1:9600: Address already in use"). */
struct metrics_http *metrics_http_start(const struct metrics_http_config *c, struct err *err);
uint16_t metrics_http_port(const struct metrics_http *h);
/* Ends the thread and every connection. NULL is fine. */
void metrics_http_stop(struct metrics_http *h);

/* The Host header names this machine: a loopback name, or what the page is bound to (any address if bound to all). */
bool metrics_host_allowed(struct str header, struct str bound);

#endif
