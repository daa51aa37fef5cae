/*
 * http_server.h - HTTP requests on the connections of a stream server: each one a source of its own whose frames are its body. Loop thread.
 *
 * What is answered: the configured status when the body is in a batch (in memory: nothing more is promised), 401, 400 (no HTTP, a body that
 * cannot be decompressed), 413, 415, 431, 501, 505, and 429 while the pipeline has taken nothing for some seconds. Bounds: HTTP_HEAD_MAX, the largest
 * body before and after decompression, and those of the stream server; a body that is not whole counts against memory.max.
 */
#ifndef WEIR_INPUT_HTTP_SERVER_H
#define WEIR_INPUT_HTTP_SERVER_H

#include "input/http_parse.h"
#include "input/tcp_server.h"

/* source.extra of a request. */
struct http_request {
	struct http_head head; /* parsed from text */
	struct str text;
};

/* How bodies of a type are cut. The first row is for all others; type "". */
struct http_framing {
	char *type; /* "application/json" */
	enum framing framing;
	char delimiter[32];
	size_t delimiter_len;
};

struct http_server_config {
	size_t body_max;
	int status;		   /* 200, 201, 202, 204 */
	char *headers;		   /* "Name: value\r\n..." of the answers */
	char *token;		   /* "Basic ..." that a request must bear; NULL: none */
	struct http_framing *framing;
	size_t n_framings;
};

struct http_server;

/* Takes the listening descriptor and what *c holds. */
struct http_server *http_server_new(struct inlet *in, int fd, const struct tcp_limits *limits, const struct http_server_config *c);
struct tcp_server *http_server_tcp(struct http_server *s);
int http_server_start(struct http_server *s, struct err *err);
/* The pipeline is full: requests wait, and after some seconds are answered 429. */
void http_server_pause(struct http_server *s);
void http_server_resume(struct http_server *s);
void http_server_stop(struct http_server *s, void (*closed)(void *arg), void *arg);
void http_server_free(struct http_server *s);

/* "text/plain; charset=utf-8" -> "text/plain" */
struct str http_mime_type(struct str content_type);

#endif
