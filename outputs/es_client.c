/*
 * es_client.c - HTTP to a list of servers, by libcurl. One link per out thread; a link has one request in flight.
 *
 * Servers are taken in turn. One that cannot be reached is left alone for resurrect_delay, longer each time, and the others get the
 * request at once; where none is well the one that has rested longest is tried, and the sender's backoff does the rest.
 * Redirects are never followed. A wait is ended by es_wake() when weird stops.
 */
#include "outputs/es_client.h"

#include "base/log.h"
#include "event/json.h"

#include <stdlib.h>

enum {
	CONNECT_TIMEOUT_S = 5,
	ANSWER_MAX = 64 * 1024 * 1024,
	DEAD_MAX_S = 60,
};

static const int64_t second = 1000000000;

/* ---- a link ---- */

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

static void set_http(struct es_link *l)
{
	const struct es_conf *c = l->conf;
	CURL *e = l->curl.easy;

	curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_TIMEOUT_S);
	curl_easy_setopt(e, CURLOPT_TIMEOUT, c->timeout_s);
	curl_easy_setopt(e, CURLOPT_USERAGENT, "weir/" WEIR_VERSION);
	curl_easy_setopt(e, CURLOPT_UPLOAD_BUFFERSIZE, 256L * 1024);
	curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, take_header);
	curl_easy_setopt(e, CURLOPT_HEADERDATA, l);
	if (c->userpwd) {
		curl_easy_setopt(e, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
		curl_easy_setopt(e, CURLOPT_USERPWD, c->userpwd);
	}
}

void *es_link_open(void *conn)
{
	struct es_conf *c = conn;
	struct es_link *l = xzalloc(sizeof(*l));

	l->conf = c;
	arena_init(&l->scratch, NULL);
	curl_link_init(&l->curl, &c->links, ANSWER_MAX, c->proxy);
	l->bulk_headers = headers(c, "Content-Type: application/x-ndjson", c->compression_level > 0);
	l->json_headers = headers(c, "Content-Type: application/json", false);
	set_http(l);
	if (c->tls)
		curl_tls_apply(&c->trust, l->curl.easy);
	return l;
}

void es_link_close(void *link)
{
	struct es_link *l = link;

	curl_link_release(&l->curl);
	curl_slist_free_all(l->bulk_headers);
	curl_slist_free_all(l->json_headers);
	arena_release(&l->scratch);
	free(l);
}

void es_wake(void *conn)
{
	curl_links_wake(&((struct es_conf *)conn)->links);
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

static int try_host(struct es_link *l, struct es_host *h, const char *method, const char *path, struct str body, bool bulk,
		    const struct send_ctx *ctx, struct es_reply *out, struct err *err)
{
	CURL *e = l->curl.easy;
	CURLcode r;
	int n = snprintf(l->url, sizeof(l->url), "%s%s", h->base, path);

	if (n < 0 || (size_t)n >= sizeof(l->url))
		return err_set(err, "the URL is too long");
	l->reply = (struct es_reply){.host = h->name};
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
	r = curl_link_perform(&l->curl, ctx);
	if (r == CURLE_OK)
		curl_easy_getinfo(e, CURLINFO_RESPONSE_CODE, &l->reply.status);
	*out = l->reply;
	out->body = buf_slice(&l->curl.answer);
	if (r == CURLE_OK && out->status)
		return 0;
	out->status = 0;
	out->maybe_sent = !curl_surely_not_sent(r);
	return err_set(err, "'%s': %s", h->name, curl_link_error(&l->curl, r));
}

int es_request(struct es_link *l, const char *method, const char *path, struct str body, bool bulk,
	       const struct send_ctx *ctx, struct es_reply *out, struct err *err)
{
	struct es_conf *c = l->conf;
	bool maybe_sent = false;

	if (bulk && c->compression_level > 0 && !curl_link_compress(&l->curl, c->compression_level, body, &body))
		return err_set(err, "cannot compress the request");
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
	curl_link_trim(&l->curl);
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
