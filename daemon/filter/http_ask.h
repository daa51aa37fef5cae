/*
 * http_ask.h - filters that ask over HTTP: one thread for all of them, many requests at once (libcurl's multi interface, HTTP/1.1).
 *
 * A filter has a peer: how it asks (TLS, who we are, times, redirects) and, where it names hosts, whom. All requests of a wait are one unit. At
 * most HTTP_ACTIVE run at once, the others wait in order. Where a far end cannot be reached or does not answer in time, the requests for it that
 * wait meanwhile end with the same error: a dead server costs a unit its time-out once, and not for each event.
 */
#ifndef WEIR_FILTER_HTTP_ASK_H
#define WEIR_FILTER_HTTP_ASK_H

#include "base/buf.h"
#include "filter/errand.h"

enum {
	HTTP_ACTIVE = 50,		  /* requests at once, all filters together */
	HTTP_ACTIVE_HOST = 25,		  /* connections to one host */
	HTTP_ANSWER_MAX = 8 * 1024 * 1024, /* bytes of one answer's body */
	HTTP_HEADERS_MAX = 256 * 1024,
};

/* Borrowed as long as the peer is open. */
struct http_setup {
	const char *const *base; /* "https://h:9200", in turn while one cannot be reached; NULL: requests hold the whole URL */
	unsigned nbases;
	const char *user, *password; /* Basic; NULL: none */
	const char *proxy;	     /* NULL: none; the environment's is not used */
	struct str authorities;	     /* PEM; .len 0: the system's */
	const char *certificate, *certificate_type, *key, *key_password; /* NULL: none */
	bool verify, tls12, tls13;
	bool follow, cookies, keepalive;
	int64_t connect_ns, idle_ns, total_ns; /* for a connection; without a byte; for all of it */
	unsigned retries;	     /* after a connection that broke */
	bool retry_any;		     /* also of verbs that change something */
	const int *retry_status;     /* answers that are asked for again, 0-terminated; NULL: none */
	bool retry_connect;	     /* and after one that could not be made */
};

struct http_request {
	const char *method, *path;    /* path: behind the base, or the whole URL; NUL-terminated */
	const char *const *header;    /* "name: value", NULL-terminated; NULL: none */
	struct str body;	      /* .p NULL: none */
	/* The answer. */
	long status;		      /* 0: none, error says why */
	struct buf headers, answer;   /* headers: "name: value\n" of the last hop */
	char error[256];
	/* The thread's. */
	struct http_request *next;
	struct http_unit *unit;
	void *easy, *list; /* CURL, curl_slist */
	unsigned base, tries, hops;
};

struct http_peer;

/* NULL and err. */
struct http_peer *http_peer_open(const struct http_setup *setup, struct err *err);
/* Nothing is asked any more. NULL is allowed. */
void http_peer_close(struct http_peer *p);
/* ---- all requests of one wait: work thread ---- */

/* One more, to be filled in; what it points to lives in http_unit_arena(). *slot says which it is. */
struct http_request *http_unit_add(struct wait *w, unsigned *slot);
struct http_request *http_unit_at(const struct wait *w, unsigned slot);
/* Of what is there already, by whatever the filter calls equal: the slot that was noted under this text, or -1. */
int http_unit_find(const struct wait *w, struct str text);
void http_unit_note(struct wait *w, struct str text, unsigned slot);
/* Lives as long as the wait. */
struct arena *http_unit_arena(struct wait *w);
void http_unit_start(struct http_peer *p, struct wait *w);
void http_unit_release(struct http_peer *p, struct wait *w);

#endif
