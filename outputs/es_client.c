/*
 * es_client.c - HTTP to a list of servers, by libcurl. One link per out thread; a link has one request in flight.
 *
 * Servers are taken in turn. One that cannot be reached is left alone for resurrect_delay, longer each time, and the others get the
 * request at once; where none is well the one that has rested longest is tried, and the sender's backoff does the rest.
 * Connections are kept alive and renewed every five minutes, so that a name that moved is looked up again. Redirects are never
 * followed. A wait is ended by es_wake() when weird stops.
 */
#include "outputs/es_client.h"

#include "base/log.h"
#include "event/json.h"

#include <openssl/sha.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <stdlib.h>
#include <zlib.h>

enum {
	CONNECT_TIMEOUT_S = 5,
	CONNECTION_AGE_S = 300,
	CONNECTION_IDLE_S = 60,
	ANSWER_MAX = 64 * 1024 * 1024,
	KEEP_BYTES = 1024 * 1024,
	DEAD_MAX_S = 60,
};

static const int64_t second = 1000000000;

/* ---- TLS: trust by an authority's fingerprint ---- */

static X509 *trusted_in(const struct es_conf *c, STACK_OF(X509) *chain)
{
	for (int i = 0; i < sk_X509_num(chain); i++) {
		X509 *x = sk_X509_value(chain, i);
		unsigned char digest[32];
		unsigned n = sizeof(digest);

		if (!X509_digest(x, EVP_sha256(), digest, &n))
			continue;
		for (size_t k = 0; k < c->n_fingerprints; k++)
			if (memcmp(digest, c->fingerprint[k], sizeof(digest)) == 0)
				return x;
	}
	return NULL;
}

/* The certificate with the fingerprint becomes the only root; everything else is verified as always. */
static int verify_chain(X509_STORE_CTX *ctx, void *arg)
{
	const struct es_conf *c = arg;
	X509 *root = trusted_in(c, X509_STORE_CTX_get0_untrusted(ctx));
	STACK_OF(X509) *roots;
	int r;

	if (!root) {
		X509_STORE_CTX_set_error(ctx, X509_V_ERR_CERT_UNTRUSTED);
		return 0;
	}
	roots = sk_X509_new_null();
	if (!roots || !sk_X509_push(roots, root)) {
		sk_X509_free(roots);
		return 0;
	}
	X509_STORE_CTX_set0_trusted_stack(ctx, roots);
	X509_STORE_CTX_set_flags(ctx, X509_V_FLAG_PARTIAL_CHAIN);
	r = X509_verify_cert(ctx);
	sk_X509_free(roots);
	return r;
}

static CURLcode configure_ssl(CURL *easy, void *ssl_ctx, void *arg)
{
	SSL_CTX_set_cert_verify_callback(ssl_ctx, verify_chain, arg);
	return CURLE_OK;
}

/* ---- a link ---- */

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;

static void curl_begin(void)
{
	curl_global_init(CURL_GLOBAL_DEFAULT);
}

static size_t take_answer(char *p, size_t size, size_t n, void *arg)
{
	struct es_link *l = arg;

	buf_add(&l->answer, p, size * n);
	return l->answer.over ? 0 : size * n;
}

static size_t take_header(char *p, size_t size, size_t n, void *arg)
{
	struct es_link *l = arg;
	struct str name, rest = str_n(p, size * n);

	if (str_cut(&rest, ':', &name)) {
		if (str_ieq(name, STR("x-elastic-product")))
			l->reply.is_elasticsearch = true;
		else if (str_ieq(name, STR("x-opensearch-version")))
			l->reply.is_opensearch = true;
	}
	return size * n;
}

static struct curl_slist *headers(const struct es_conf *c, const char *type, bool gzip)
{
	struct curl_slist *h = curl_slist_append(NULL, type);

	/* A 100-continue would cost a round trip per bulk. */
	h = curl_slist_append(h, "Expect:");
	if (gzip)
		h = curl_slist_append(h, "Content-Encoding: gzip");
	for (const char **p = c->header; *p; p++)
		h = curl_slist_append(h, *p);
	return h;
}

static void set_tls(CURL *e, struct es_conf *c)
{
	curl_easy_setopt(e, CURLOPT_SSLVERSION, c->tls_min | c->tls_max);
	curl_easy_setopt(e, CURLOPT_SSL_VERIFYPEER, (long)c->verify);
	curl_easy_setopt(e, CURLOPT_SSL_VERIFYHOST, c->verify ? 2L : 0L);
	if (c->ca.len) {
		struct curl_blob blob = {(void *)(uintptr_t)c->ca.p, c->ca.len, CURL_BLOB_NOCOPY};

		curl_easy_setopt(e, CURLOPT_CAINFO_BLOB, &blob);
		curl_easy_setopt(e, CURLOPT_CAPATH, NULL);
	}
	if (c->cert) {
		curl_easy_setopt(e, CURLOPT_SSLCERT, c->cert);
		curl_easy_setopt(e, CURLOPT_SSLCERTTYPE, c->cert_type);
	}
	if (c->key)
		curl_easy_setopt(e, CURLOPT_SSLKEY, c->key);
	if (c->key_pass)
		curl_easy_setopt(e, CURLOPT_KEYPASSWD, c->key_pass);
	if (c->n_fingerprints) {
		curl_easy_setopt(e, CURLOPT_SSL_CTX_FUNCTION, configure_ssl);
		curl_easy_setopt(e, CURLOPT_SSL_CTX_DATA, c);
	}
}

static void set_common(CURL *e, struct es_link *l)
{
	struct es_conf *c = l->conf;

	curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(e, CURLOPT_ERRORBUFFER, l->error);
	curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_TIMEOUT_S);
	curl_easy_setopt(e, CURLOPT_TIMEOUT, c->timeout_s);
	curl_easy_setopt(e, CURLOPT_MAXLIFETIME_CONN, (long)CONNECTION_AGE_S);
	curl_easy_setopt(e, CURLOPT_MAXAGE_CONN, (long)CONNECTION_IDLE_S);
	curl_easy_setopt(e, CURLOPT_TCP_NODELAY, 1L);
	curl_easy_setopt(e, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(e, CURLOPT_USERAGENT, "weir/" WEIR_VERSION);
	curl_easy_setopt(e, CURLOPT_UPLOAD_BUFFERSIZE, 256L * 1024);
	curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, take_answer);
	curl_easy_setopt(e, CURLOPT_WRITEDATA, l);
	curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, take_header);
	curl_easy_setopt(e, CURLOPT_HEADERDATA, l);
	/* Set, even if empty: the environment's proxy is not meant for a log daemon. */
	curl_easy_setopt(e, CURLOPT_PROXY, c->proxy ? c->proxy : "");
	if (c->userpwd) {
		curl_easy_setopt(e, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
		curl_easy_setopt(e, CURLOPT_USERPWD, c->userpwd);
	}
}

void *es_link_open(void *conn)
{
	struct es_conf *c = conn;
	struct es_link *l = xzalloc(sizeof(*l));

	pthread_once(&curl_once, curl_begin);
	l->conf = c;
	buf_init(&l->answer, ANSWER_MAX);
	buf_init(&l->packed, 0);
	arena_init(&l->scratch, NULL);
	l->easy = curl_easy_init();
	l->multi = curl_multi_init();
	bug_on(!l->easy || !l->multi);
	l->bulk_headers = headers(c, "Content-Type: application/x-ndjson", c->compression_level > 0);
	l->json_headers = headers(c, "Content-Type: application/json", false);
	set_common(l->easy, l);
	if (c->tls)
		set_tls(l->easy, c);
	pthread_mutex_lock(&c->lock);
	l->next = c->links;
	c->links = l;
	pthread_mutex_unlock(&c->lock);
	return l;
}

void es_link_close(void *link)
{
	struct es_link *l = link, **at;

	pthread_mutex_lock(&l->conf->lock);
	for (at = &l->conf->links; *at != l; at = &(*at)->next)
		;
	*at = l->next;
	pthread_mutex_unlock(&l->conf->lock);
	curl_easy_cleanup(l->easy);
	curl_multi_cleanup(l->multi);
	curl_slist_free_all(l->bulk_headers);
	curl_slist_free_all(l->json_headers);
	if (l->deflate)
		deflateEnd(l->deflate);
	free(l->deflate);
	buf_release(&l->answer);
	buf_release(&l->packed);
	arena_release(&l->scratch);
	free(l);
}

void es_wake(void *conn)
{
	struct es_conf *c = conn;

	pthread_mutex_lock(&c->lock);
	for (struct es_link *l = c->links; l; l = l->next)
		curl_multi_wakeup(l->multi);
	pthread_mutex_unlock(&c->lock);
}

/* ---- which server ---- */

static struct es_host *pick_host(struct es_conf *c, int64_t now)
{
	struct es_host *best = NULL;

	pthread_mutex_lock(&c->lock);
	for (size_t i = 0; i < c->n_hosts; i++) {
		struct es_host *h = &c->host[(c->next_host + i) % c->n_hosts];

		if (h->dead_until_ns <= now) {
			best = h;
			break;
		}
		if (!best || h->dead_until_ns < best->dead_until_ns)
			best = h;
	}
	c->next_host = (unsigned)((size_t)(best - c->host) + 1) % (unsigned)c->n_hosts;
	pthread_mutex_unlock(&c->lock);
	return best;
}

static void host_alive(struct es_conf *c, struct es_host *h)
{
	bool was_dead;

	pthread_mutex_lock(&c->lock);
	was_dead = h->failures > 0;
	h->failures = 0;
	h->dead_until_ns = 0;
	pthread_mutex_unlock(&c->lock);
	if (was_dead && c->n_hosts > 1)
		log_info("output", "'%s' answers again", h->name);
}

static void host_dead(struct es_conf *c, struct es_host *h, int64_t now)
{
	int64_t rest;
	bool first;

	pthread_mutex_lock(&c->lock);
	first = h->failures++ == 0;
	rest = c->resurrect_s << (h->failures < 5 ? h->failures - 1 : 4);
	h->dead_until_ns = now + (rest < DEAD_MAX_S ? rest : DEAD_MAX_S) * second;
	pthread_mutex_unlock(&c->lock);
	if (first && c->n_hosts > 1)
		log_warn("output", "'%s' cannot be reached, the others take its share", h->name);
}

/* ---- a request ---- */

static bool compress_body(struct es_link *l, struct str body)
{
	z_stream *z = l->deflate;
	size_t bound;
	char *room;

	if (!z) {
		z = l->deflate = xzalloc(sizeof(*z));
		if (deflateInit2(z, l->conf->compression_level, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
			free(z);
			l->deflate = NULL;
			return false;
		}
	} else {
		deflateReset(z);
	}
	bound = deflateBound(z, body.len);
	buf_clear(&l->packed);
	room = body.len < UINT32_MAX && bound < UINT32_MAX ? buf_room(&l->packed, bound) : NULL;
	if (!room)
		return false;
	z->next_in = (unsigned char *)(uintptr_t)body.p;
	z->avail_in = (uInt)body.len;
	z->next_out = (unsigned char *)room;
	z->avail_out = (uInt)bound;
	if (deflate(z, Z_FINISH) != Z_STREAM_END)
		return false;
	l->packed.len = z->total_out;
	return true;
}

static CURLcode perform(struct es_link *l, const struct send_ctx *ctx)
{
	CURLcode result = CURLE_ABORTED_BY_CALLBACK;
	CURLMsg *msg;
	int running = 1, left;

	if (curl_multi_add_handle(l->multi, l->easy) != CURLM_OK)
		return CURLE_FAILED_INIT;
	while (running && !atomic_load_explicit(ctx->stop, memory_order_relaxed)) {
		if (curl_multi_perform(l->multi, &running) != CURLM_OK)
			break;
		if (running)
			curl_multi_poll(l->multi, NULL, 0, 1000, NULL);
	}
	while ((msg = curl_multi_info_read(l->multi, &left)))
		if (msg->msg == CURLMSG_DONE)
			result = msg->data.result;
	curl_multi_remove_handle(l->multi, l->easy);
	return result;
}

/* After which failures nothing of the request can have arrived. */
static bool surely_not_sent(CURLcode r)
{
	switch (r) {
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_RESOLVE_PROXY:
	case CURLE_COULDNT_CONNECT:
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_FAILED_INIT:
	case CURLE_URL_MALFORMAT:
		return true;
	default:
		return false;
	}
}

static int try_host(struct es_link *l, struct es_host *h, const char *method, const char *path, struct str body, bool bulk,
		    const struct send_ctx *ctx, struct es_reply *out, struct err *err)
{
	CURL *e = l->easy;
	CURLcode r;
	int n = snprintf(l->url, sizeof(l->url), "%s%s", h->base, path);

	if (n < 0 || (size_t)n >= sizeof(l->url))
		return err_set(err, "the URL is too long");
	buf_clear(&l->answer);
	l->reply = (struct es_reply){.host = h->name};
	l->error[0] = 0;
	curl_easy_setopt(e, CURLOPT_URL, l->url);
	curl_easy_setopt(e, CURLOPT_HTTPHEADER, bulk ? l->bulk_headers : l->json_headers);
	if (body.p) {
		curl_easy_setopt(e, CURLOPT_POST, 1L);
		curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.len);
		curl_easy_setopt(e, CURLOPT_POSTFIELDS, body.p);
	} else {
		curl_easy_setopt(e, CURLOPT_HTTPGET, 1L);
	}
	curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, method);
	r = perform(l, ctx);
	if (r == CURLE_OK)
		curl_easy_getinfo(e, CURLINFO_RESPONSE_CODE, &l->reply.status);
	*out = l->reply;
	out->body = buf_slice(&l->answer);
	if (r == CURLE_OK && out->status)
		return 0;
	out->status = 0;
	out->maybe_sent = !surely_not_sent(r);
	return err_set(err, "'%s': %s", h->name, l->error[0] ? l->error : curl_easy_strerror(r));
}

int es_request(struct es_link *l, const char *method, const char *path, struct str body, bool bulk,
	       const struct send_ctx *ctx, struct es_reply *out, struct err *err)
{
	struct es_conf *c = l->conf;
	bool maybe_sent = false;

	if (l->answer.cap > KEEP_BYTES)
		buf_release(&l->answer);
	if (bulk && c->compression_level > 0) {
		if (!compress_body(l, body))
			return err_set(err, "cannot compress the request");
		body = buf_slice(&l->packed);
	}
	for (size_t tries = 0; tries < c->n_hosts; tries++) {
		int64_t now = clock_mono(ctx->clock);
		struct es_host *h = pick_host(c, now);

		if (try_host(l, h, method, path, body, bulk, ctx, out, err) == 0) {
			host_alive(c, h);
			out->maybe_sent = maybe_sent;
			break;
		}
		maybe_sent |= out->maybe_sent;
		host_dead(c, h, clock_mono(ctx->clock));
		/* What may have arrived there is not sent to another one at once: the sender's backoff gives it time to be found. */
		if (maybe_sent || atomic_load_explicit(ctx->stop, memory_order_relaxed))
			break;
	}
	if (l->packed.cap > 2 * KEEP_BYTES)
		buf_release(&l->packed);
	out->maybe_sent = maybe_sent;
	return out->status ? 0 : -1;
}

/* ---- errors ---- */

struct str es_error_text(struct es_link *l, struct str body)
{
	struct json_limits lim = {.depth = 32, .keys = 2000};
	struct value v, *e, *type, *reason;
	struct err err;

	if (body.len > 65536 || json_read(&l->scratch, &body, &lim, &v, &err) == -1 || v.type != V_MAP)
		return STR("");
	e = map_find_str(v.map, STR("error"));
	if (value_is(e, V_STRING))
		return value_str(e);
	if (!value_is(e, V_MAP))
		return STR("");
	type = map_find_str(e->map, STR("type"));
	reason = map_find_str(e->map, STR("reason"));
	return arena_printf(&l->scratch, "%.*s%s%.*s", value_is(type, V_STRING) ? (int)type->len : 0,
			    value_is(type, V_STRING) ? type->s : "", value_is(type, V_STRING) && value_is(reason, V_STRING) ? ": " : "",
			    value_is(reason, V_STRING) ? (int)reason->len : 0, value_is(reason, V_STRING) ? reason->s : "");
}
