/*
 * http_send.c - the send half of the http output: one request for each event, or one for a pack with json_batch.
 *
 * Success is 2xx and what ignorable_codes names. What retryable_codes names, and a request without an answer, is sent again, without end;
 * anything else is a dead letter. Credentials that are refused, and a fixed URL that the server does not know, are a matter for somebody to
 * repair: the events wait. Where the server asks for patience (429, 502, 503, 504) or cannot be reached the rest of the pack waits, too.
 */
#include "outputs/http.h"

#include <stdlib.h>

enum { ANSWER_KEPT = 64 * 1024, REDIRECTS_MAX = 5, REASON_MAX = 300 };

struct http_conn {
	struct arena arena; /* all texts */
	struct curl_links links;
	struct curl_tls trust;
	const char *url;	/* where it is fixed; else NULL */
	const char **header;	/* "Name: value", NULL-terminated; where they are fixed */
	const char *method;	/* POST */
	const char *userpwd, *proxy, *proxy_userpwd;
	bool batch, head_only, compress, retry_failed, follow, keepalive, cookies;
	unsigned tries; /* at once */
	long connect_ms, socket_s, request_ms;
	int *retryable, *ignorable;
	size_t n_retryable, n_ignorable;
};

struct http_link {
	struct curl_link curl;
	struct http_conn *conn;
	struct curl_slist *headers; /* the fixed ones */
	struct buf body, text;
};

/* ---- start ---- */

static int codes(struct http_conn *c, const struct list *l, int **out, size_t *n, const char *option, struct err *err)
{
	*out = arena_zalloc(&c->arena, ((l ? l->n : 0) + 1) * sizeof(**out));
	for (uint32_t i = 0; l && i < l->n; i++) {
		const struct value *v = &l->v[i];
		uint64_t code = v->type == V_INT && v->i > 0 ? (uint64_t)v->i : 0;

		if (v->type == V_STRING && !str_u64(value_str(v), 999, &code))
			code = 0;
		if (code < 100 || code > 999)
			return err_set(err, "'%s' takes status codes", option);
		(*out)[(*n)++] = (int)code;
	}
	return 0;
}

static const char *member(struct http_conn *c, const struct map *m, struct str name)
{
	const struct value *v = map_find_str(m, name);

	if (value_is(v, V_INT))
		return arena_dupz(&c->arena, arena_printf(&c->arena, "%lld", (long long)v->i));
	return value_is(v, V_STRING) && v->len ? arena_dupz(&c->arena, value_str(v)) : NULL;
}

static int build_proxy(struct http_conn *c, const struct value *v, struct err *err)
{
	const char *host, *port, *scheme, *user, *password;

	if (v->type == V_NONE || (v->type == V_STRING && !v->len))
		return 0;
	if (v->type == V_STRING) {
		c->proxy = arena_dupz(&c->arena, value_str(v));
		return 0;
	}
	if (v->type != V_MAP)
		return err_set(err, "'proxy' is a URL, or { host => ... port => ... }");
	c->proxy = member(c, v->map, STR("url"));
	host = member(c, v->map, STR("host"));
	port = member(c, v->map, STR("port"));
	scheme = member(c, v->map, STR("scheme"));
	if (!c->proxy && !host)
		return err_set(err, "'proxy' needs 'url' or 'host'");
	if (!c->proxy)
		c->proxy = arena_dupz(&c->arena, arena_printf(&c->arena, "%s://%s%s%s", scheme ? scheme : "http", host, port ? ":" : "", port ? port : ""));
	user = member(c, v->map, STR("user"));
	password = member(c, v->map, STR("password"));
	if (user)
		c->proxy_userpwd = arena_dupz(&c->arena, arena_printf(&c->arena, "%s:%s", user, password ? password : ""));
	return 0;
}

static void build_fixed(struct http_conn *c, const struct http_output *h)
{
	struct buf b;

	buf_init(&b, 0);
	http_url_write(&b, tmpl_text(h->url));
	c->url = arena_dupz(&c->arena, buf_slice(&b));
	c->header = arena_zalloc(&c->arena, (h->n_headers + 1) * sizeof(*c->header));
	for (size_t i = 0; i < h->n_headers; i++) {
		buf_clear(&b);
		http_header_write(&b, h->header[i].name, tmpl_text(h->header[i].value));
		c->header[i] = arena_dupz(&c->arena, buf_slice(&b));
	}
	buf_release(&b);
}

static int build_tls(struct http_conn *c, const struct http_output *h, struct err *err)
{
	struct curl_tls_options o = {
		.ca_files = h->ca_files,
		.ca_file = h->cacert,
		.certificate = h->certificate,
		.key = h->key,
		.key_passphrase = h->key_passphrase,
		.keystore = h->keystore,
		.keystore_password = h->keystore_password,
		.protocols = h->protocols,
		.verify = h->verification == 0 && h->validation_old,
	};

	return curl_tls_init(&c->trust, &c->arena, &o, err);
}

static const char *upper(struct arena *a, const char *word)
{
	char *p = arena_dupz(a, str_z(word));

	for (char *q = p; *q; q++)
		*q = (char)(*q & ~32);
	return p;
}

static long milliseconds(int64_t ns)
{
	return (long)((ns + 999999) / 1000000);
}

void *http_start(const void *self, const struct plugin_ctx *ctx, struct err *err)
{
	const struct http_output *h = self;
	struct http_conn *c = xzalloc(sizeof(*c));
	bool idempotent = strcmp(http_methods[h->method], "post") != 0 && strcmp(http_methods[h->method], "patch") != 0;

	arena_init(&c->arena, NULL);
	curl_links_init(&c->links);
	c->method = upper(&c->arena, http_methods[h->method]);
	c->head_only = strcmp(c->method, "HEAD") == 0;
	c->batch = h->format == HTTP_JSON_BATCH;
	c->compress = h->http_compression;
	c->retry_failed = h->retry_failed;
	c->follow = h->follow_redirects;
	c->keepalive = h->keepalive;
	c->cookies = h->cookies;
	c->tries = 1 + (idempotent || h->retry_non_idempotent ? (unsigned)h->automatic_retries : 0);
	c->connect_ms = milliseconds(h->connect_timeout);
	c->request_ms = milliseconds(h->request_timeout);
	c->socket_s = (long)((h->socket_timeout + 999999999) / 1000000000);
	if (h->user.len)
		c->userpwd = arena_dupz(&c->arena, arena_printf(&c->arena, "%.*s:%.*s", STR_ARG(h->user), STR_ARG(h->password)));
	if (build_proxy(c, &h->proxy, err) == -1 || build_tls(c, h, err) == -1 ||
	    codes(c, h->retryable_codes, &c->retryable, &c->n_retryable, "retryable_codes", err) == -1 ||
	    codes(c, h->ignorable_codes, &c->ignorable, &c->n_ignorable, "ignorable_codes", err) == -1) {
		http_stop(c);
		return NULL;
	}
	if (h->fixed)
		build_fixed(c, h);
	return c;
}

void http_stop(void *conn)
{
	struct http_conn *c = conn;

	curl_links_release(&c->links);
	arena_release(&c->arena);
	free(c);
}

/* ---- a link ---- */

static struct curl_slist *own_headers(const struct http_conn *c)
{
	/* A 100-continue would cost a round trip per request. */
	struct curl_slist *h = curl_slist_append(NULL, "Expect:");

	return c->compress ? curl_slist_append(h, "Content-Encoding: gzip") : h;
}

static void set_http(struct http_link *l)
{
	const struct http_conn *c = l->conn;
	CURL *e = l->curl.easy;

	curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(e, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(e, CURLOPT_USERAGENT, "weir/" WEIR_VERSION);
	curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, c->connect_ms);
	curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, c->request_ms);
	if (c->socket_s) {
		curl_easy_setopt(e, CURLOPT_LOW_SPEED_LIMIT, 1L);
		curl_easy_setopt(e, CURLOPT_LOW_SPEED_TIME, c->socket_s);
	}
	/* The body goes along: a POST that becomes a GET would lose the event. */
	curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, (long)c->follow);
	curl_easy_setopt(e, CURLOPT_POSTREDIR, (long)CURL_REDIR_POST_ALL);
	curl_easy_setopt(e, CURLOPT_MAXREDIRS, (long)REDIRECTS_MAX);
	curl_easy_setopt(e, CURLOPT_FORBID_REUSE, (long)!c->keepalive);
	if (c->cookies)
		curl_easy_setopt(e, CURLOPT_COOKIEFILE, "");
	if (c->userpwd) {
		curl_easy_setopt(e, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
		curl_easy_setopt(e, CURLOPT_USERPWD, c->userpwd);
	}
	if (c->proxy_userpwd)
		curl_easy_setopt(e, CURLOPT_PROXYUSERPWD, c->proxy_userpwd);
}

void *http_link_open(void *conn)
{
	struct http_conn *c = conn;
	struct http_link *l = xzalloc(sizeof(*l));

	l->conn = c;
	buf_init(&l->body, 2 * (size_t)PACK_BYTES_MAX);
	buf_init(&l->text, 0);
	curl_link_init(&l->curl, &c->links, ANSWER_KEPT, c->proxy);
	l->curl.cut_answer = true;
	l->headers = own_headers(c);
	for (const char **h = c->header; h && *h; h++)
		l->headers = curl_slist_append(l->headers, *h);
	set_http(l);
	curl_tls_apply(&c->trust, l->curl.easy);
	return l;
}

void http_link_close(void *link)
{
	struct http_link *l = link;

	curl_link_release(&l->curl);
	curl_slist_free_all(l->headers);
	buf_release(&l->body);
	buf_release(&l->text);
	free(l);
}

void http_wake(void *conn)
{
	curl_links_wake(&((struct http_conn *)conn)->links);
}

/* ---- a request ---- */

/* The next line of an item's head, NUL-terminated in the link's text. */
static const char *head_line(struct http_link *l, struct str *head)
{
	struct str line;

	if (!str_cut(head, '\n', &line))
		return NULL;
	buf_clear(&l->text);
	buf_str(&l->text, line);
	buf_ch(&l->text, 0);
	return l->text.p;
}

/* The URL without user and password, and its scheme where it has these; without its query: for messages and dead letters. */
static struct str plain_url(struct str url)
{
	ptrdiff_t at = str_chr(url, '?'), scheme, slash, user;
	struct str rest;

	url = at < 0 ? url : str_sub(url, 0, (size_t)at);
	scheme = str_find(url, STR("://"));
	rest = str_from(url, scheme < 0 ? 0 : (size_t)scheme + 3);
	slash = str_chr(rest, '/');
	user = str_rchr(str_sub(rest, 0, slash < 0 ? rest.len : (size_t)slash), '@');
	return user < 0 ? url : str_from(rest, (size_t)user + 1);
}

/* 0: an answer, its status in *status. */
static CURLcode request(struct http_link *l, struct str head, struct str body, struct send_ctx *ctx, long *status)
{
	const struct http_conn *c = l->conn;
	struct curl_slist *headers = l->headers;
	CURL *e = l->curl.easy;
	CURLcode r = CURLE_OK;
	const char *line;

	if (head.len) {
		line = head_line(l, &head);
		curl_easy_setopt(e, CURLOPT_URL, line ? line : "");
		headers = own_headers(c);
		while ((line = head_line(l, &head)))
			headers = curl_slist_append(headers, line);
	} else {
		curl_easy_setopt(e, CURLOPT_URL, c->url ? c->url : "");
	}
	curl_easy_setopt(e, CURLOPT_HTTPHEADER, headers);
	if (c->head_only) {
		curl_easy_setopt(e, CURLOPT_NOBODY, 1L);
	} else {
		curl_easy_setopt(e, CURLOPT_POST, 1L);
		curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.len);
		curl_easy_setopt(e, CURLOPT_POSTFIELDS, body.p);
		curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, c->method);
	}
	for (unsigned i = 0; i < c->tries; i++) {
		*status = 0;
		r = curl_link_perform(&l->curl, ctx);
		if (r == CURLE_OK)
			curl_easy_getinfo(e, CURLINFO_RESPONSE_CODE, status);
		if (*status || atomic_load_explicit(ctx->stop, memory_order_relaxed))
			break;
	}
	ctx->maybe_sent |= *status == 0 && !curl_surely_not_sent(r);
	if (headers != l->headers) {
		curl_easy_setopt(e, CURLOPT_HTTPHEADER, NULL);
		curl_slist_free_all(headers);
	}
	return r;
}

static bool listed(const int *list, size_t n, long code)
{
	for (size_t i = 0; i < n; i++)
		if (list[i] == code)
			return true;
	return false;
}

enum fate { FATE_GOOD, FATE_AGAIN, FATE_HOLD, FATE_DEAD };

static enum fate judge(const struct http_conn *c, long status)
{
	if ((status >= 200 && status < 300) || listed(c->ignorable, c->n_ignorable, status))
		return FATE_GOOD;
	if (!c->retry_failed)
		return FATE_DEAD;
	if (listed(c->retryable, c->n_retryable, status))
		return FATE_AGAIN;
	if (status == 401 || status == 407 || (c->url && (status == 403 || status == 404 || status == 405)))
		return FATE_HOLD;
	return FATE_DEAD;
}

/* What an answer that is no success says of itself, on one line. */
static void explain(struct http_link *l, struct str url, long status, struct err *err)
{
	struct str said = str_trim(str_sub(buf_slice(&l->curl.answer), 0, REASON_MAX));
	struct str name = str_sub(plain_url(url), 0, 100);
	char line[REASON_MAX + 1];

	for (size_t i = 0; i < said.len; i++)
		line[i] = (unsigned char)said.p[i] < 0x20 || said.p[i] == 0x7f ? ' ' : said.p[i];
	err_set(err, "'%.*s' answered %ld%s%.*s", STR_ARG(name), status, said.len ? ": " : "", (int)said.len, line);
}

static struct str url_of(const struct http_conn *c, struct str head)
{
	struct str url;

	return str_cut(&head, '\n', &url) ? url : str_z(c->url);
}

static void explain_failure(struct http_link *l, struct str url, CURLcode r, struct err *err)
{
	err_set(err, "'%.*s': %s", STR_ARG(str_sub(plain_url(url), 0, 100)), curl_link_error(&l->curl, r));
}

/* ---- one request for each event ---- */

static bool impossible_url(CURLcode r)
{
	return r == CURLE_URL_MALFORMAT || r == CURLE_UNSUPPORTED_PROTOCOL;
}

/* A verdict for one item. true: what comes behind it has to wait, too. */
static bool send_item(struct http_link *l, struct pack *p, uint32_t i, struct send_ctx *ctx)
{
	const struct http_conn *c = l->conn;
	struct pack_item *it = &p->item[i];
	struct str head = str_n(p->bytes.p + it->off, it->head), body = item_document(p, it);
	enum fate fate;
	bool broken;
	long status;
	CURLcode r;

	if (c->compress && !curl_link_compress(&l->curl, 6, body, &body)) {
		pack_note(p, i, VERDICT_DEAD, 0, 0, STR("cannot be compressed"));
		return false;
	}
	r = request(l, head, body, ctx, &status);
	broken = status == 0;
	if (broken) {
		explain_failure(l, url_of(c, head), r, &ctx->err);
		fate = impossible_url(r) && head.len ? FATE_DEAD : c->retry_failed ? FATE_AGAIN : FATE_DEAD;
		/* Stopped in the middle is no failure. */
		if (atomic_load_explicit(ctx->stop, memory_order_relaxed))
			fate = FATE_AGAIN;
	} else {
		fate = judge(c, status);
		if (fate != FATE_GOOD)
			explain(l, url_of(c, head), status, &ctx->err);
	}
	switch (fate) {
	case FATE_GOOD:
		it->verdict = VERDICT_DELIVERED;
		return false;
	case FATE_AGAIN:
		it->verdict = VERDICT_RETRY;
		/* Where the event chooses the host, one that is down must not stop the others. */
		return (broken && !head.len) || status == 429 || status == 502 || status == 503 || status == 504;
	case FATE_HOLD:
		it->verdict = VERDICT_HOLD;
		return status == 401 || status == 407;
	default:
		pack_note(p, i, VERDICT_DEAD, (int)status, 0, str_z(ctx->err.text));
		return false;
	}
}

static enum send_result send_each(struct http_link *l, struct pack *p, uint32_t from, uint32_t to, struct send_ctx *ctx)
{
	uint32_t i = from;
	uint8_t rest = VERDICT_RETRY;

	while (i < to) {
		if (atomic_load_explicit(ctx->stop, memory_order_relaxed))
			break;
		if (send_item(l, p, i++, ctx)) {
			rest = p->item[i - 1].verdict;
			break;
		}
	}
	for (; i < to; i++)
		p->item[i].verdict = rest;
	return SEND_JUDGED;
}

/* ---- one for all ---- */

static enum send_result send_batch(struct http_link *l, struct pack *p, uint32_t from, uint32_t to, struct send_ctx *ctx)
{
	const struct http_conn *c = l->conn;
	struct str none = STR(""), body;
	enum send_result result = SEND_JUDGED;
	long status;
	CURLcode r;

	buf_clear(&l->body);
	for (uint32_t i = from; i < to; i++) {
		buf_ch(&l->body, i == from ? '[' : ',');
		buf_str(&l->body, item_document(p, &p->item[i]));
	}
	buf_ch(&l->body, ']');
	if (l->body.over)
		return SEND_TOO_BIG;
	body = buf_slice(&l->body);
	if (c->compress && !curl_link_compress(&l->curl, 6, body, &body))
		return err_set(&ctx->err, "cannot compress the request"), SEND_TOO_BIG;
	r = request(l, none, body, ctx, &status);
	if (status == 0) {
		explain_failure(l, str_z(c->url), r, &ctx->err);
		result = SEND_RETRY;
	} else if (judge(c, status) != FATE_GOOD) {
		explain(l, str_z(c->url), status, &ctx->err);
		result = judge(c, status) == FATE_AGAIN ? SEND_RETRY : judge(c, status) == FATE_HOLD ? SEND_HOLD : status == 413 ? SEND_TOO_BIG : SEND_REFUSED;
	}
	/* One try only: whatever went wrong, it is over with these. */
	if (result != SEND_JUDGED && !c->retry_failed && !atomic_load_explicit(ctx->stop, memory_order_relaxed)) {
		for (uint32_t i = from; i < to; i++)
			pack_note(p, i, VERDICT_DEAD, (int)status, 0, str_z(ctx->err.text));
		return SEND_JUDGED;
	}
	for (uint32_t i = from; i < to && result == SEND_JUDGED; i++)
		p->item[i].verdict = VERDICT_DELIVERED;
	return result;
}

enum send_result http_send(void *conn, void *link, struct pack *p, uint32_t from, uint32_t to, struct send_ctx *ctx)
{
	const struct http_conn *c = conn;
	struct http_link *l = link;
	enum send_result r;

	ctx->err.text[0] = 0;
	r = c->batch ? send_batch(l, p, from, to, ctx) : send_each(l, p, from, to, ctx);
	curl_link_trim(&l->curl);
	if (l->body.cap > 4 * 1024 * 1024)
		buf_release(&l->body);
	return r;
}

void http_describe(const struct pack *p, const struct pack_item *it, struct str *index, struct str *id)
{
	struct str head = str_n(p->bytes.p + it->off, it->head), url;

	*index = str_cut(&head, '\n', &url) ? plain_url(url) : STR("");
}
