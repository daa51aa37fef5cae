/*
 * http.c - output `http`: the options as Logstash's plug-in has them, and those that older configurations still use (http.h says where
 * the work is done).
 */
#include "outputs/http.h"

#include "event/ruby_text.h"

const char *const http_methods[] = {"put", "post", "patch", "delete", "get", "head", NULL};

static const char *const formats[] = {"json", "json_batch", "form", "message", NULL};
static const char *const content_types[] = {"application/json", "application/json", "application/x-www-form-urlencoded", "text/plain"};
static const char *const verifications[] = {"full", "none", NULL};

enum { MAPPING_DEPTH = 100 };

static bool header_name_ok(struct str s)
{
	if (s.len == 0)
		return false;
	for (size_t i = 0; i < s.len; i++)
		if ((unsigned char)s.p[i] <= 0x20 || s.p[i] == 0x7f || s.p[i] == ':')
			return false;
	return true;
}

static int compile_headers(struct http_output *h, struct plugin_ctx *ctx, struct err *err)
{
	const struct map *m = h->headers;

	h->header = arena_zalloc(ctx->arena, ((m ? m->n : 0) + 1) * sizeof(*h->header));
	for (uint32_t i = 0; m && i < m->n; i++) {
		struct str name = key_str(&m->e[i].key);

		if (!header_name_ok(name))
			return err_set(err, "'headers': '%.*s' is no name of a header", STR_ARG(str_sub(name, 0, 100)));
		/* content_type stands above it, as in Logstash. */
		if (str_ieq(name, STR("content-type")))
			continue;
		h->header[h->n_headers++] = (struct http_header){name, tmpl_compile(ctx->arena, option_text(ctx->arena, &m->e[i].val))};
	}
	h->header[h->n_headers++] = (struct http_header){STR("Content-Type"), tmpl_compile(ctx->arena, h->content_type)};
	h->fixed = tmpl_is_const(h->url);
	for (size_t i = 0; i < h->n_headers; i++)
		h->fixed &= tmpl_is_const(h->header[i].value);
	return 0;
}

static int compile_mapping(struct http_node *n, const struct value *v, struct arena *a, unsigned depth, struct err *err)
{
	if (depth > MAPPING_DEPTH)
		return err_set(err, "'mapping' is nested too deeply");
	n->type = v->type == V_MAP || v->type == V_LIST ? (enum vtype)v->type : V_STRING;
	if (n->type == V_STRING) {
		n->text = tmpl_compile(a, option_text(a, v));
		return 0;
	}
	n->n = v->type == V_MAP ? v->map->n : v->list->n;
	n->child = arena_zalloc(a, (n->n + 1) * sizeof(*n->child));
	n->key = arena_zalloc(a, (n->n + 1) * sizeof(*n->key));
	for (uint32_t i = 0; i < n->n; i++) {
		if (v->type == V_MAP)
			n->key[i] = v->map->e[i].key;
		if (compile_mapping(&n->child[i], v->type == V_MAP ? &v->map->e[i].val : &v->list->v[i], a, depth + 1, err) == -1)
			return -1;
	}
	return 0;
}

static int check_tls(struct http_output *h, struct err *err)
{
	if (!h->certificate.len)
		h->certificate = h->client_cert;
	if (!h->key.len)
		h->key = h->client_key;
	if (!h->keystore.len) {
		h->keystore = h->keystore_old;
		h->keystore_password = h->keystore_password_old;
	}
	if (h->truststore.len || h->truststore_old.len)
		return err_set(err, "a Java truststore cannot be read: export its certificates as PEM and name them in 'ssl_certificate_authorities'");
	if (h->keystore.len && !str_ends(h->keystore, STR(".p12")) && !str_ends(h->keystore, STR(".pfx")))
		return err_set(err, "only PKCS#12 keystores (.p12, .pfx) can be read: export it as PEM and name 'ssl_certificate' and 'ssl_key'");
	if ((h->certificate.len > 0) != (h->key.len > 0))
		return err_set(err, "'ssl_certificate' and 'ssl_key' go together");
	return 0;
}

static int http_open(void *self, struct plugin_ctx *ctx, struct err *err)
{
	struct http_output *h = self;

	if (!tmpl_text(h->url).len)
		return err_set(err, "'url' is empty");
	if (h->format == HTTP_MESSAGE && !h->message)
		return err_set(err, "'format => message' needs 'message'");
	if (h->format == HTTP_MESSAGE && h->mapping)
		plugin_warn(ctx, "'mapping' has no effect with 'format => message'");
	if (!h->content_type.len)
		h->content_type = str_z(content_types[h->format]);
	if ((h->user.len > 0) != (h->password.len > 0))
		return err_set(err, "'user' and 'password' go together");
	if (compile_headers(h, ctx, err) == -1 || check_tls(h, err) == -1)
		return -1;
	if (h->format == HTTP_JSON_BATCH && !h->fixed)
		return err_set(err, "'url' and 'headers' cannot depend on the event with 'format => json_batch': one request is for many");
	if (h->mapping && h->format != HTTP_MESSAGE) {
		struct value v = v_map((struct map *)(uintptr_t)h->mapping);

		h->map = arena_zalloc(ctx->arena, sizeof(*h->map));
		if (compile_mapping(h->map, &v, ctx->arena, 0, err) == -1)
			return -1;
	}
	/* Logstash's bound of requests under way; here each takes a thread. */
	if (h->pool_max > 0 && h->pool_max < h->queue.workers)
		h->queue.workers = h->pool_max;
	return 0;
}

#define AT(m) offsetof(struct http_output, m)

static const struct option options[] = {
	{"url", OPT_TMPL, AT(url), .flags = OPT_REQUIRED, .doc = "where to; may hold %{...}"},
	{"http_method", OPT_ENUM, AT(method), .flags = OPT_REQUIRED, .choices = http_methods, .doc = "put, post, patch, delete, get or head"},
	{"format", OPT_ENUM, AT(format), .def = "json", .choices = formats,
	 .doc = "json: an event a request; json_batch: a list of events a request; form; message"},
	{"message", OPT_TMPL, AT(message), .doc = "the body with format message"},
	{"mapping", OPT_HASH, AT(mapping), .doc = "what is sent instead of the whole event; values may hold %{...}"},
	{"headers", OPT_HASH, AT(headers), .doc = "headers; values may hold %{...}"},
	{"content_type", OPT_STRING, AT(content_type), .doc = "header Content-Type; by the format where it is not given"},
	{"retry_failed", OPT_BOOL, AT(retry_failed), .def = "true", .doc = "false: what cannot be sent at once is a dead letter"},
	{"retryable_codes", OPT_LIST, AT(retryable_codes), .def = "[429, 500, 502, 503, 504]", .doc = "answers after which an event is sent again"},
	{"ignorable_codes", OPT_LIST, AT(ignorable_codes), .doc = "answers beside 2xx that are successes"},
	{"automatic_retries", OPT_INT, AT(automatic_retries), .def = "1", .min = 0, .max = 100,
	 .doc = "how often a request that failed on its way is repeated at once"},
	{"retry_non_idempotent", OPT_BOOL, AT(retry_non_idempotent), .def = "false", .doc = "automatic_retries for post and patch, too"},
	{"http_compression", OPT_BOOL, AT(http_compression), .def = "false", .doc = "gzip for the body"},
	{"follow_redirects", OPT_BOOL, AT(follow_redirects), .def = "true", .doc = "the same request goes to where a 3xx points"},
	{"user", OPT_STRING, AT(user), .doc = "for basic authentication"},
	{"password", OPT_PASSWORD, AT(password), .doc = "its password"},
	{"cookies", OPT_BOOL, AT(cookies), .def = "true", .doc = "cookies are kept from answer to request"},
	{"keepalive", OPT_BOOL, AT(keepalive), .def = "true", .doc = "connections are used again"},
	{"connect_timeout", OPT_DURATION, AT(connect_timeout), .def = "10", .doc = "longest wait for a connection"},
	{"socket_timeout", OPT_DURATION, AT(socket_timeout), .def = "10", .doc = "longest wait without a byte"},
	{"request_timeout", OPT_DURATION, AT(request_timeout), .def = "60", .doc = "longest request"},
	{"pool_max", OPT_INT, AT(pool_max), .def = "50", .min = 1, .max = 100000, .doc = "requests in flight at most, where workers allows more"},
	{"pool_max_per_route", OPT_IGNORED},
	{"validate_after_inactivity", OPT_IGNORED},
	{"proxy", OPT_ANY, AT(proxy), .doc = "http://host:port, or { host => port => scheme => user => password => }, or { url => }"},
	{"ssl_certificate_authorities", OPT_LIST, AT(ca_files), .doc = "PEM files of authorities to trust instead of the system's"},
	{"ssl_certificate", OPT_PATH, AT(certificate), .doc = "PEM certificate to show"},
	{"ssl_key", OPT_PATH, AT(key), .doc = "its key"},
	{"ssl_key_passphrase", OPT_PASSWORD, AT(key_passphrase), .flags = OPT_WEIR, .doc = "the key's passphrase"},
	{"ssl_keystore_path", OPT_PATH, AT(keystore), .doc = "PKCS#12 file with certificate and key"},
	{"ssl_keystore_password", OPT_PASSWORD, AT(keystore_password), .doc = "its password"},
	{"ssl_keystore_type", OPT_IGNORED},
	{"ssl_truststore_path", OPT_PATH, AT(truststore), .doc = "refused: export it as PEM"},
	{"ssl_truststore_password", OPT_IGNORED},
	{"ssl_truststore_type", OPT_IGNORED},
	{"ssl_verification_mode", OPT_ENUM, AT(verification), .def = "full", .choices = verifications, .doc = "none: any server is believed"},
	{"ssl_supported_protocols", OPT_LIST, AT(protocols), .doc = "TLSv1.2, TLSv1.3"},
	{"ssl_cipher_suites", OPT_IGNORED},
	{"ssl_enabled", OPT_IGNORED, 0, .doc = "https:// in url says it"},
	{"cacert", OPT_PATH, AT(cacert), .flags = OPT_DEPRECATED, .instead = "ssl_certificate_authorities", .doc = "PEM file of authorities"},
	{"client_cert", OPT_PATH, AT(client_cert), .flags = OPT_DEPRECATED, .instead = "ssl_certificate", .doc = "PEM certificate to show"},
	{"client_key", OPT_PATH, AT(client_key), .flags = OPT_DEPRECATED, .instead = "ssl_key", .doc = "its key"},
	{"keystore", OPT_PATH, AT(keystore_old), .flags = OPT_DEPRECATED, .instead = "ssl_keystore_path", .doc = "PKCS#12 file"},
	{"keystore_password", OPT_PASSWORD, AT(keystore_password_old), .flags = OPT_DEPRECATED, .instead = "ssl_keystore_password", .doc = "its password"},
	{"keystore_type", OPT_OBSOLETE, .instead = "ssl_keystore_path with a .p12 file"},
	{"truststore", OPT_PATH, AT(truststore_old), .flags = OPT_DEPRECATED, .instead = "ssl_certificate_authorities", .doc = "refused: export it as PEM"},
	{"truststore_password", OPT_OBSOLETE, .instead = "ssl_certificate_authorities"},
	{"truststore_type", OPT_OBSOLETE, .instead = "ssl_certificate_authorities"},
	{"ssl_certificate_validation", OPT_BOOL, AT(validation_old), .flags = OPT_DEPRECATED, .def = "true", .instead = "ssl_verification_mode",
	 .doc = "false: any server is believed"},
	{"verify_ssl", OPT_OBSOLETE, .instead = "ssl_verification_mode"},
	QUEUE_OPTIONS(struct http_output, queue, "8"),
	{0},
};

/* A pack is what one thread works off, and with json_batch a request: as many as Logstash's batches hold. */
static const struct output_ops ops = {
	.queue_offset = AT(queue),
	.pack_items = 125,
	.render = http_render,
	.start = http_start,
	.stop = http_stop,
	.link_open = http_link_open,
	.link_close = http_link_close,
	.send = http_send,
	.wake = http_wake,
	.describe = http_describe,
};

OUTPUT(http, .size = sizeof(struct http_output), .options = options, .open = http_open, .output = &ops,
       .doc = "sends events to an HTTP server, each with a verdict of its own")
