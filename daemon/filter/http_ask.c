#include "filter/http_ask.h"
#include "event/value.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	REDIRECTS_MAX = 50,
	CONNECTION_AGE_S = 300, /* so that a name that moved is looked up again */
	POLL_MS = 1000,
};

/* The one thread, while there are peers. */
static struct {
	pthread_mutex_t lock;
	unsigned peers;
	struct errands *errands;
} pool = {.lock = PTHREAD_MUTEX_INITIALIZER};

struct http_peer {
	struct http_setup setup;
	struct errands *errands;
	/* The thread's. */
	unsigned base; /* the one that answered last */
	CURLSH *cookies;
};

/* What the thread has under way. */
struct turn {
	struct errands *errands;
	CURLM *multi;
	struct http_request *first, **last; /* waiting, in order */
	unsigned active;
};

/* The questions of one wait. */
struct http_unit {
	struct errand errand; /* first: so that it can be cast back */
	struct arena arena;
	struct http_request **ask;
	unsigned n, cap;
	struct map *index; /* text -> slot; NULL: nothing was noted */
	struct http_peer *peer;
	bool started;
	unsigned left; /* the thread's */
};

/* ---- one request, the thread ---- */

static size_t take_answer(char *p, size_t size, size_t n, void *arg)
{
	struct http_request *r = arg;

	buf_add(&r->answer, p, size * n);
	return r->answer.over ? 0 : size * n;
}

/* "HTTP/1.1 200 OK", "Content-Type: text/html", "" */
static size_t take_header(char *p, size_t size, size_t n, void *arg)
{
	struct http_request *r = arg;
	struct str line = str_trim(str_n(p, size * n));

	if (str_starts(line, STR("HTTP/"))) {
		/* Only what the last hop says counts. */
		buf_clear(&r->headers);
		buf_clear(&r->answer);
	} else if (line.len) {
		buf_str(&r->headers, line);
		buf_ch(&r->headers, '\n');
	}
	return r->headers.over ? 0 : size * n;
}

static long ms(int64_t ns)
{
	return ns < 1000000 ? 1 : (long)(ns / 1000000);
}

static void set_tls(CURL *e, const struct http_setup *s)
{
	long low = s->tls12 ? CURL_SSLVERSION_TLSv1_2 : CURL_SSLVERSION_TLSv1_3, high = s->tls13 ? CURL_SSLVERSION_MAX_DEFAULT : CURL_SSLVERSION_MAX_TLSv1_2;

	curl_easy_setopt(e, CURLOPT_SSLVERSION, low | high);
	curl_easy_setopt(e, CURLOPT_SSL_VERIFYPEER, s->verify ? 1L : 0L);
	curl_easy_setopt(e, CURLOPT_SSL_VERIFYHOST, s->verify ? 2L : 0L);
	if (s->authorities.len) {
		struct curl_blob blob = {(void *)(uintptr_t)s->authorities.p, s->authorities.len, CURL_BLOB_NOCOPY};

		curl_easy_setopt(e, CURLOPT_CAINFO_BLOB, &blob);
		curl_easy_setopt(e, CURLOPT_CAPATH, NULL);
	}
	if (s->certificate) {
		curl_easy_setopt(e, CURLOPT_SSLCERT, s->certificate);
		curl_easy_setopt(e, CURLOPT_SSLCERTTYPE, s->certificate_type);
	}
	if (s->key)
		curl_easy_setopt(e, CURLOPT_SSLKEY, s->key);
	if (s->key_password)
		curl_easy_setopt(e, CURLOPT_KEYPASSWD, s->key_password);
}

static void set_peer(CURL *e, const struct http_peer *p)
{
	const struct http_setup *s = &p->setup;

	curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(e, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, s->follow ? 1L : 0L);
	curl_easy_setopt(e, CURLOPT_MAXREDIRS, (long)REDIRECTS_MAX);
	curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, ms(s->connect_ns));
	curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, ms(s->total_ns));
	curl_easy_setopt(e, CURLOPT_LOW_SPEED_LIMIT, 1L);
	curl_easy_setopt(e, CURLOPT_LOW_SPEED_TIME, (ms(s->idle_ns) + 999) / 1000);
	curl_easy_setopt(e, CURLOPT_MAXLIFETIME_CONN, (long)CONNECTION_AGE_S);
	curl_easy_setopt(e, CURLOPT_FORBID_REUSE, s->keepalive ? 0L : 1L);
	curl_easy_setopt(e, CURLOPT_TCP_NODELAY, 1L);
	curl_easy_setopt(e, CURLOPT_USERAGENT, "weir/" WEIR_VERSION);
	curl_easy_setopt(e, CURLOPT_ACCEPT_ENCODING, "");
	curl_easy_setopt(e, CURLOPT_PROXY, s->proxy ? s->proxy : "");
	if (s->user) {
		curl_easy_setopt(e, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
		curl_easy_setopt(e, CURLOPT_USERNAME, s->user);
		curl_easy_setopt(e, CURLOPT_PASSWORD, s->password ? s->password : "");
	}
	if (p->cookies) {
		curl_easy_setopt(e, CURLOPT_SHARE, p->cookies);
		curl_easy_setopt(e, CURLOPT_COOKIEFILE, "");
	}
	set_tls(e, s);
}

static void set_request(CURL *e, struct http_request *r)
{
	struct curl_slist *list = curl_slist_append(NULL, "Expect:"); /* a 100-continue would cost a round trip */

	for (const char *const *h = r->header; h && *h; h++)
		list = curl_slist_append(list, *h);
	r->list = list;
	curl_easy_setopt(e, CURLOPT_HTTPHEADER, list);
	curl_easy_setopt(e, CURLOPT_ERRORBUFFER, r->error);
	curl_easy_setopt(e, CURLOPT_PRIVATE, r);
	curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, take_answer);
	curl_easy_setopt(e, CURLOPT_WRITEDATA, r);
	curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, take_header);
	curl_easy_setopt(e, CURLOPT_HEADERDATA, r);
	if (r->body.p) {
		curl_easy_setopt(e, CURLOPT_POST, 1L);
		curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->body.len);
		curl_easy_setopt(e, CURLOPT_POSTFIELDS, r->body.p);
	} else if (strcmp(r->method, "HEAD") == 0) {
		curl_easy_setopt(e, CURLOPT_NOBODY, 1L);
	}
	curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, r->method);
}

static const char *base_of(const struct http_request *r)
{
	const struct http_peer *p = r->unit->peer;

	return p->setup.nbases ? p->setup.base[p->base] : "";
}

/* CURLE_OK: it is under way. */
static CURLcode start(struct turn *t, struct http_request *r)
{
	const char *base = base_of(r);
	size_t n = strlen(base) + strlen(r->path) + 1;
	char *url = xmalloc(n);
	CURL *e = curl_easy_init();
	CURLcode rc;

	bug_on(!e);
	snprintf(url, n, "%s%s", base, r->path);
	buf_clear(&r->headers);
	buf_clear(&r->answer);
	r->error[0] = 0;
	r->status = 0;
	r->base = r->unit->peer->base;
	r->easy = e;
	set_peer(e, r->unit->peer);
	set_request(e, r);
	rc = curl_easy_setopt(e, CURLOPT_URL, url);
	free(url);
	if (rc == CURLE_OK && curl_multi_add_handle(t->multi, e) != CURLM_OK)
		rc = CURLE_FAILED_INIT;
	if (rc == CURLE_OK)
		t->active++;
	return rc;
}

static void clean(struct http_request *r)
{
	curl_easy_cleanup(r->easy);
	curl_slist_free_all(r->list);
	r->easy = r->list = NULL;
}

static void settled(struct turn *t, struct http_request *r)
{
	if (--r->unit->left == 0)
		errands_answered(t->errands, &r->unit->errand);
}

static void enqueue(struct turn *t, struct http_request *r)
{
	r->next = NULL;
	*t->last = r;
	t->last = &r->next;
}

/* Scheme, name and port: all up to the path. */
static struct str origin(const struct http_request *r)
{
	struct str url = str_z(base_of(r)[0] ? base_of(r) : r->path);
	ptrdiff_t at = str_find(url, STR("://")), slash;

	slash = at < 0 ? -1 : str_chr(str_from(url, (size_t)at + 3), '/');
	return slash < 0 ? url : str_sub(url, 0, (size_t)(at + 3 + slash));
}

/* Those who wait for the same far end learn now that it does not answer. */
static void fail_waiting(struct turn *t, const struct http_request *r)
{
	struct http_request **at = &t->first, *failed = NULL;
	struct str where = origin(r);

	while (*at) {
		struct http_request *x = *at;

		if (x->unit->peer != r->unit->peer || !str_eq(origin(x), where)) {
			at = &x->next;
			continue;
		}
		*at = x->next;
		x->next = failed;
		failed = x;
		x->status = 0;
		memcpy(x->error, r->error, sizeof(x->error));
	}
	t->last = at;
	while (failed) {
		struct http_request *x = failed;

		failed = x->next;
		settled(t, x);
	}
}

/* The far end is not there, or does not answer. */
static bool unreachable(CURLcode rc)
{
	return rc == CURLE_COULDNT_RESOLVE_HOST || rc == CURLE_COULDNT_RESOLVE_PROXY || rc == CURLE_COULDNT_CONNECT || rc == CURLE_OPERATION_TIMEDOUT;
}

/* A connection that broke, mostly one that was kept too long. */
static bool broken(CURLcode rc)
{
	return rc == CURLE_GOT_NOTHING || rc == CURLE_SEND_ERROR || rc == CURLE_RECV_ERROR || rc == CURLE_PARTIAL_FILE;
}

static bool harmless(const char *method)
{
	return strcmp(method, "POST") != 0 && strcmp(method, "PATCH") != 0;
}

/* Asks once more, perhaps another of the hosts? */
static bool again(struct http_request *r, CURLcode rc)
{
	struct http_peer *p = r->unit->peer;
	const struct http_setup *s = &p->setup;
	const int *status = rc == CURLE_OK ? s->retry_status : NULL;
	bool wanted = false;

	if (unreachable(rc) && r->hops + 1 < s->nbases) {
		/* Each host once; those behind begin with the next one. */
		r->hops++;
		if (p->base == r->base)
			p->base = (p->base + 1) % s->nbases;
		return true;
	}
	for (; status && *status; status++)
		wanted |= *status == r->status;
	if (broken(rc))
		wanted = s->retry_any || harmless(r->method);
	if (unreachable(rc))
		wanted = s->retry_connect;
	if (!wanted || r->tries >= s->retries)
		return false;
	r->tries++;
	r->hops = 0;
	return true;
}

static void ended(struct turn *t, struct http_request *r, CURLcode rc)
{
	if (rc == CURLE_OK)
		curl_easy_getinfo(r->easy, CURLINFO_RESPONSE_CODE, &r->status);
	else if (r->answer.over || r->headers.over)
		snprintf(r->error, sizeof(r->error), "the answer is larger than %d MiB", HTTP_ANSWER_MAX >> 20);
	else if (!r->error[0])
		snprintf(r->error, sizeof(r->error), "%s", curl_easy_strerror(rc));
	clean(r);
	if (again(r, rc)) {
		enqueue(t, r);
		return;
	}
	if (unreachable(rc))
		fail_waiting(t, r);
	settled(t, r);
}

/* ---- the thread ---- */

static void take_errands(struct turn *t)
{
	struct errand *x;

	while ((x = errands_take(t->errands))) {
		struct http_unit *u = (struct http_unit *)x;

		u->left = u->n;
		for (unsigned i = 0; i < u->n; i++)
			enqueue(t, u->ask[i]);
	}
}

static void start_waiting(struct turn *t)
{
	while (t->first && t->active < HTTP_ACTIVE) {
		struct http_request *r = t->first;
		CURLcode rc;

		t->first = r->next;
		if (!t->first)
			t->last = &t->first;
		rc = start(t, r);
		if (rc != CURLE_OK)
			ended(t, r, rc);
	}
}

static void take_answers(struct turn *t)
{
	CURLMsg *m;
	int left;

	while ((m = curl_multi_info_read(t->multi, &left))) {
		struct http_request *r;
		CURLcode rc = m->data.result;

		if (m->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&r);
		curl_multi_remove_handle(t->multi, m->easy_handle);
		t->active--;
		ended(t, r, rc);
	}
}

static void run(struct errands *e, void *arg)
{
	struct turn t = {.errands = e, .multi = curl_multi_init()};
	struct curl_waitfd wake = {.fd = errands_fd(e), .events = CURL_WAIT_POLLIN};
	int running;

	(void)arg;
	bug_on(!t.multi);
	t.last = &t.first;
	curl_multi_setopt(t.multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long)HTTP_ACTIVE_HOST);
	for (;;) {
		take_errands(&t);
		start_waiting(&t);
		if (errands_over(e) && !t.active)
			break;
		curl_multi_perform(t.multi, &running);
		take_answers(&t);
		if (!t.first || t.active == HTTP_ACTIVE)
			curl_multi_poll(t.multi, &wake, 1, POLL_MS, NULL);
	}
	curl_multi_cleanup(t.multi);
}

/* ---- peers, main thread ---- */

static void init_library(void)
{
	curl_global_init(CURL_GLOBAL_DEFAULT);
}

struct http_peer *http_peer_open(const struct http_setup *setup, struct err *err)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct http_peer *p;

	pthread_once(&once, init_library);
	pthread_mutex_lock(&pool.lock);
	if (!pool.errands)
		pool.errands = errands_new("weir-http", run, NULL, err);
	pool.peers += pool.errands != NULL;
	pthread_mutex_unlock(&pool.lock);
	if (!pool.errands)
		return NULL;
	p = xzalloc(sizeof(*p));
	p->setup = *setup;
	p->errands = pool.errands;
	if (setup->cookies) {
		p->cookies = curl_share_init();
		bug_on(!p->cookies);
		curl_share_setopt(p->cookies, CURLSHOPT_SHARE, CURL_LOCK_DATA_COOKIE);
	}
	return p;
}

void http_peer_close(struct http_peer *p)
{
	struct errands *last = NULL;

	if (!p)
		return;
	pthread_mutex_lock(&pool.lock);
	if (--pool.peers == 0) {
		last = pool.errands;
		pool.errands = NULL;
	}
	pthread_mutex_unlock(&pool.lock);
	errands_free(last);
	curl_share_cleanup(p->cookies);
	free(p);
}

/* ---- units, work thread ---- */

static struct http_unit *unit_of(struct wait *w)
{
	struct http_unit *u = w->data;

	if (!u) {
		u = xzalloc(sizeof(*u));
		arena_init(&u->arena, NULL);
		w->data = u;
	}
	return u;
}

struct http_request *http_unit_add(struct wait *w, unsigned *slot)
{
	struct http_unit *u = unit_of(w);
	struct http_request *r = arena_alloc(&u->arena, sizeof(*r));

	*r = (struct http_request){.method = "GET", .unit = u};
	buf_init(&r->headers, HTTP_HEADERS_MAX);
	buf_init(&r->answer, HTTP_ANSWER_MAX);
	if (u->n == u->cap) {
		unsigned cap = u->cap ? u->cap * 2 : 16;

		u->ask = arena_grow(&u->arena, u->ask, u->cap * sizeof(*u->ask), cap * sizeof(*u->ask));
		u->cap = cap;
	}
	*slot = u->n;
	u->ask[u->n++] = r;
	return r;
}

struct http_request *http_unit_at(const struct wait *w, unsigned slot)
{
	const struct http_unit *u = w->data;

	return u->ask[slot];
}

int http_unit_find(const struct wait *w, struct str text)
{
	const struct http_unit *u = w->data;
	const struct value *v = u && u->index ? map_find_str(u->index, text) : NULL;

	return v ? (int)v->i : -1;
}

void http_unit_note(struct wait *w, struct str text, unsigned slot)
{
	struct http_unit *u = unit_of(w);

	if (!u->index)
		u->index = map_new(&u->arena, 16);
	map_push(&u->arena, u->index, key_make(arena_dup(&u->arena, text)), v_int(slot));
}

struct arena *http_unit_arena(struct wait *w)
{
	return &unit_of(w)->arena;
}

void http_unit_start(struct http_peer *p, struct wait *w)
{
	struct http_unit *u = w->data;

	u->peer = p;
	u->started = true;
	errands_give(p->errands, &u->errand, w);
}

void http_unit_release(struct http_peer *p, struct wait *w)
{
	struct http_unit *u = w->data;

	if (!u)
		return;
	if (u->started)
		errands_settle(p->errands, &u->errand);
	for (unsigned i = 0; i < u->n; i++) {
		buf_release(&u->ask[i]->headers);
		buf_release(&u->ask[i]->answer);
	}
	arena_release(&u->arena);
	free(u);
	w->data = NULL;
}
