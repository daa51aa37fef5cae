/*
 * http.h - what the files of the http output share.
 *
 *	http.c          options, what they mean together
 *	http_render.c   work thread: URL, headers and body of an event
 *	http_send.c     out thread: a request for each event, or one for a pack (json_batch), and what became of it
 *
 * An item is head, body. The head stands there only where URL or headers depend on the event:
 *
 *	URL LF  NAME: VALUE LF  NAME: VALUE LF ...
 */
#ifndef WEIR_OUTPUTS_HTTP_H
#define WEIR_OUTPUTS_HTTP_H

#include "outputs/curl_link.h"

enum http_format { HTTP_JSON, HTTP_JSON_BATCH, HTTP_FORM, HTTP_MESSAGE };

struct http_header {
	struct str name;
	const struct tmpl *value;
};

/* A value of the option mapping: a template, or a list or map of such. */
struct http_node {
	enum vtype type; /* V_STRING, V_LIST, V_MAP */
	const struct tmpl *text;
	struct key *key; /* V_MAP */
	struct http_node *child;
	uint32_t n;
};

/* The instance. */
struct http_output {
	struct queue_options queue;
	const struct tmpl *url, *message;
	int method, format;
	const struct map *headers, *mapping;
	struct str content_type;
	const struct list *retryable_codes, *ignorable_codes;
	bool retry_failed, retry_non_idempotent, http_compression, follow_redirects, keepalive, cookies;
	int64_t automatic_retries, connect_timeout, socket_timeout, request_timeout, pool_max;
	struct str user, password;
	struct value proxy;
	const struct list *ca_files, *protocols;
	struct str cacert, certificate, key, key_passphrase, client_cert, client_key;
	struct str keystore, keystore_password, keystore_old, keystore_password_old, truststore, truststore_old;
	int verification;
	bool validation_old;

	/* made by open() */
	struct http_header *header;
	size_t n_headers;
	bool fixed; /* neither URL nor headers depend on the event */
	struct http_node *map;
};

extern const char *const http_methods[];

enum render_result http_render(void *self, const struct event *ev, struct pack *p, struct render_ctx *ctx);
/* Bytes that cannot stand in a URL as %XX; what is encoded already stays. */
void http_url_write(struct buf *out, struct str url);
/* A header's value on one line. */
void http_header_write(struct buf *out, struct str name, struct str value);

void *http_start(const void *self, const struct plugin_ctx *ctx, struct err *err);
void http_stop(void *conn);
void *http_link_open(void *conn);
void http_link_close(void *link);
void http_wake(void *conn);
enum send_result http_send(void *conn, void *link, struct pack *p, uint32_t from, uint32_t to, struct send_ctx *ctx);
void http_describe(const struct pack *p, const struct pack_item *it, struct str *index, struct str *id);

#endif
