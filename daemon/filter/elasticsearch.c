/*
 * elasticsearch.c - the filter `elasticsearch`: each event searches in Elasticsearch or OpenSearch, and what is found becomes fields. A waiting
 * step; work thread but for http_ask.h's. Equal searches of a unit are asked once.
 *
 *	GET  /INDEX/_search?q=QUERY&size=1&sort=@timestamp:desc
 *	POST /INDEX/_search with the text of query_template
 *
 * Hosts are asked in turn: the next one where one cannot be reached, and those behind begin with that.
 */
#include "base/log.h"
#include "base/url.h"
#include "event/json.h"
#include "filter/http_tls.h"
#include "filter/support.h"
#include "outputs/api_key.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { TEMPLATE_MAX = 1024 * 1024, STATUSES_MAX = 64 };

/* What is taken out of an answer: fields => { "[a][b]" => "[c]" } */
struct pick {
	struct str *part; /* "a", "b" */
	unsigned n;
	const struct ref *to;
};

struct picks {
	struct pick *v;
	unsigned n;
};

struct elasticsearch {
	const struct list *hosts, *retry_status, *tags;
	const struct tmpl *index, *query;
	struct str template_path, sort, user, password, api_key, cloud_id, cloud_auth, proxy, target, fingerprint;
	const struct map *fields, *docinfo_fields, *aggregation_fields, *custom_headers;
	bool enable_sort, ssl_enabled, ssl_old;
	int64_t result_size, retries;
	double timeout;
	int query_type;
	struct http_tls tls;
	/* made by open() */
	const struct tmpl *template;
	struct picks from_source, from_hit, from_aggregations;
	const struct ref *total_hits;
	const char **header;
	struct http_peer *peer;
};

/* ---- opening ---- */

static int read_template(struct elasticsearch *e, struct arena *a, struct err *err)
{
	const char *z = arena_dupz(a, e->template_path);
	FILE *f = fopen(z, "re");
	char *text = arena_bytes(a, TEMPLATE_MAX + 1);
	size_t n;

	if (!f)
		return err_sys(err, "cannot read the query template '%s'", z);
	n = fread(text, 1, TEMPLATE_MAX + 1, f);
	if (ferror(f)) {
		fclose(f);
		return err_sys(err, "cannot read the query template '%s'", z);
	}
	fclose(f);
	if (n == 0 || n > TEMPLATE_MAX)
		return err_set(err, "the query template '%s' is %s", z, n ? "larger than 1 MiB" : "empty");
	e->template = tmpl_compile(a, str_n(text, n));
	return 0;
}

/* "[a][b]" is a in b, anything else a name. */
static void split_path(struct arena *a, struct str path, struct pick *p)
{
	struct str one;

	p->part = arena_alloc(a, (path.len / 2 + 1) * sizeof(*p->part));
	if (path.len < 2 || path.p[0] != '[' || path.p[path.len - 1] != ']') {
		p->part[p->n++] = path;
		return;
	}
	path = str_sub(path, 1, path.len - 2);
	for (;;) {
		ptrdiff_t at = str_find(path, STR("]["));

		one = at < 0 ? path : str_sub(path, 0, (size_t)at);
		p->part[p->n++] = one;
		if (at < 0)
			return;
		path = str_from(path, (size_t)at + 2);
	}
}

/* Where a value goes: below `target` where there is one. */
static const struct ref *target_ref(const struct elasticsearch *e, struct arena *a, struct str to, struct err *err)
{
	bool brackets = to.len && to.p[0] == '[';

	if (!e->target.len)
		return ref_compile(a, to, err);
	return ref_compile(a, arena_printf(a, e->target.p[0] == '[' ? "%.*s%s%.*s%s" : "[%.*s]%s%.*s%s", STR_ARG(e->target), brackets ? "" : "[", STR_ARG(to),
					   brackets ? "" : "]"), err);
}

static int open_picks(const struct elasticsearch *e, struct arena *a, const struct map *m, bool paths, struct picks *out, struct err *err)
{
	uint32_t n = m ? m->n : 0;

	out->v = arena_zalloc(a, n * sizeof(*out->v) + 1);
	for (uint32_t i = 0; i < n; i++) {
		struct pick *p = &out->v[out->n++];

		if (paths) {
			split_path(a, key_str(&m->e[i].key), p);
		} else {
			p->part = arena_alloc(a, sizeof(*p->part));
			p->part[p->n++] = key_str(&m->e[i].key);
		}
		p->to = target_ref(e, a, value_text(a, &m->e[i].val), err);
		if (!p->to)
			return -1;
	}
	return 0;
}

static int open_hosts(struct elasticsearch *e, struct arena *a, struct http_setup *s, bool *tls, struct err *err)
{
	static const struct value local = {.type = V_STRING, .len = 14, .s = "localhost:9200"};
	uint32_t n = e->hosts && e->hosts->n ? e->hosts->n : 1;
	const struct value *v = e->hosts && e->hosts->n ? e->hosts->v : &local;
	struct url *u = arena_zalloc(a, n * sizeof(*u));
	const char **base = arena_alloc(a, n * sizeof(*base));

	*tls = e->ssl_enabled || e->ssl_old;
	for (uint32_t i = 0; i < n; i++) {
		if (url_parse(value_text(a, &v[i]), &u[i], err))
			return -1;
		*tls |= u[i].https;
	}
	for (uint32_t i = 0; i < n; i++) {
		bool bare6 = u[i].host.p[0] != '[' && str_chr(u[i].host, ':') >= 0;

		if (*tls && u[i].has_scheme && !u[i].https)
			return err_set(err, "'hosts' says http:// where another option or host says TLS");
		base[i] = arena_dupz(a, arena_printf(a, "%s://%s%.*s%s:%u%.*s", *tls ? "https" : "http", bare6 ? "[" : "", STR_ARG(u[i].host), bare6 ? "]" : "",
						     u[i].port ? (unsigned)u[i].port : 9200u, STR_ARG(u[i].path)));
		if (u[i].user.len && !e->user.len) {
			e->user = url_decode(a, u[i].user);
			e->password = url_decode(a, u[i].password);
		}
	}
	s->base = base;
	s->nbases = n;
	return 0;
}

static int open_headers(struct elasticsearch *e, struct arena *a, bool tls, struct err *err)
{
	uint32_t n = e->custom_headers ? e->custom_headers->n : 0, at = 0;
	struct buf b;

	e->header = arena_zalloc(a, (n + 3) * sizeof(*e->header));
	e->header[at++] = "content-type: application/json";
	if (e->api_key.len) {
		int rc;

		buf_init(&b, 65536);
		rc = api_key_header(a, e->api_key, tls, &b, err);
		if (rc == 0)
			e->header[at++] = arena_dupz(a, buf_slice(&b));
		buf_release(&b);
		if (rc)
			return -1;
	}
	for (uint32_t i = 0; i < n; i++) {
		struct str h = arena_printf(a, "%.*s: %.*s", STR_ARG(key_str(&e->custom_headers->e[i].key)), STR_ARG(value_text(a, &e->custom_headers->e[i].val)));

		if (url_has_control(h))
			return err_set(err, "'custom_headers' takes names and texts without line ends");
		e->header[at++] = arena_dupz(a, h);
	}
	return 0;
}

static int open_status(const struct elasticsearch *e, struct arena *a, struct http_setup *s, struct err *err)
{
	uint32_t n = e->retry_status ? e->retry_status->n : 0;
	int *out = arena_zalloc(a, (n + 1) * sizeof(*out));

	for (uint32_t i = 0; i < n; i++) {
		uint64_t code;

		if (!str_u64(value_text(a, &e->retry_status->v[i]), 599, &code) || code < 300)
			return err_set(err, "'retry_on_status' takes status codes from 300 to 599");
		out[i] = (int)code;
	}
	s->retry_status = out;
	return 0;
}

static int check_options(const struct elasticsearch *e, struct err *err)
{
	if (!e->query == !e->template_path.len)
		return err_set(err, "takes 'query' or 'query_template', one of them");
	if (e->cloud_id.len || e->cloud_auth.len)
		return err_set(err, "'cloud_id' and 'cloud_auth' are not for this filter: name the hosts in 'hosts', and 'user' and 'password' or 'api_key'");
	if (e->fingerprint.len)
		return err_set(err, "'ca_trusted_fingerprint' is not for this filter: name the authority's file in 'ssl_certificate_authorities'");
	if (e->user.len && e->api_key.len)
		return err_set(err, "'user' and 'api_key' cannot be given both");
	if (!(e->timeout > 0 && e->timeout < 1e6))
		return err_set(err, "'timeout' is a number of seconds above 0");
	return 0;
}

static int elasticsearch_open(void *self, struct plugin_ctx *ctx, struct err *err)
{
	struct elasticsearch *e = self;
	struct arena *a = ctx->arena;
	struct http_setup s = {.keepalive = true, .retries = (unsigned)e->retries, .retry_any = true, .retry_connect = true};
	bool tls, here = e->template_path.len && !plugin_file_absent(ctx, e->template_path);

	if (check_options(e, err) || (here && read_template(e, a, err)) || open_hosts(e, a, &s, &tls, err) || open_headers(e, a, tls, err) ||
	    open_status(e, a, &s, err) || open_picks(e, a, e->fields, true, &e->from_source, err) || open_picks(e, a, e->docinfo_fields, true, &e->from_hit, err) ||
	    open_picks(e, a, e->aggregation_fields, false, &e->from_aggregations, err) || http_tls_setup(&e->tls, a, &s, err))
		return -1;
	e->total_hits = ref_compile(a, STR("[@metadata][total_hits]"), err);
	if (e->user.len) {
		s.user = arena_dupz(a, e->user);
		s.password = arena_dupz(a, e->password);
	}
	s.proxy = e->proxy.len ? arena_dupz(a, e->proxy) : NULL;
	s.total_ns = s.idle_ns = s.connect_ns = (int64_t)(e->timeout * 1e9);
	if (s.connect_ns > 10 * INT64_C(1000000000))
		s.connect_ns = 10 * INT64_C(1000000000);
	e->peer = http_peer_open(&s, err);
	return e->peer ? 0 : -1;
}

static void elasticsearch_close(void *self)
{
	struct elasticsearch *e = self;

	http_peer_close(e->peer);
}

/* ---- the search ---- */

/* The path, and behind a line feed the body where there is one. -1: Logstash would raise an exception. */
static int make_search(const struct elasticsearch *e, const struct event *ev, const struct clock *clock, struct buf *b)
{
	struct str index, text, rest;
	struct value v;
	struct err err;

	if (tmpl_render(e->index, ev, ev->arena, clock, &index, NULL))
		return -1;
	buf_ch(b, '/');
	url_percent(b, index);
	buf_str(b, index.len ? STR("/_search") : STR("_search"));
	if (e->template) {
		if (tmpl_render(e->template, ev, ev->arena, clock, &text, NULL))
			return -1;
		rest = text;
		if (json_read(ev->arena, &rest, NULL, &v, &err) || str_trim(rest).len)
			return -1;
		buf_ch(b, '\n');
		buf_str(b, text);
		return 0;
	}
	if (tmpl_render(e->query, ev, ev->arena, clock, &text, NULL))
		return -1;
	buf_lit(b, "?q=");
	url_percent(b, text);
	buf_printf(b, "&size=%" PRId64, e->result_size);
	if (e->enable_sort) {
		buf_lit(b, "&sort=");
		url_percent(b, e->sort);
	}
	return 0;
}

static enum step elasticsearch_ask(void *self, struct event *ev, struct wait *w, unsigned *slot, struct step_ctx *ctx)
{
	struct elasticsearch *e = self;
	struct http_request *r;
	struct str path, body;
	struct buf b;
	int have;

	buf_init(&b, 0);
	if (make_search(e, ev, ctx->clock, &b)) {
		buf_release(&b);
		log_warn("filter", "elasticsearch: the event makes no search: the template is no JSON with it, or names no field");
		return filter_failed(ev, e->tags);
	}
	have = http_unit_find(w, buf_slice(&b));
	if (have >= 0) {
		*slot = (unsigned)have;
		buf_release(&b);
		return STEP_WAIT;
	}
	r = http_unit_add(w, slot);
	http_unit_note(w, buf_slice(&b), *slot);
	body = arena_dup(http_unit_arena(w), buf_slice(&b));
	buf_release(&b);
	if (e->template && str_cut(&body, '\n', &path)) {
		r->method = "POST";
		r->body = body;
	} else {
		path = body;
	}
	r->path = arena_dupz(http_unit_arena(w), path);
	r->header = e->header;
	return STEP_WAIT;
}

static void elasticsearch_start(void *self, struct wait *w)
{
	struct elasticsearch *e = self;

	http_unit_start(e->peer, w);
}

/* ---- the answer ---- */

static const struct value *member(const struct value *v, const char *name)
{
	return value_is(v, V_MAP) ? map_find_str(v->map, str_z(name)) : NULL;
}

/* null where the path leads nowhere, as in Logstash. */
static struct value picked(struct arena *a, const struct value *v, const struct pick *p)
{
	for (unsigned i = 0; i < p->n && v; i++)
		v = value_is(v, V_MAP) ? map_find_str(v->map, p->part[i]) : NULL;
	return v ? value_copy(a, v, false) : v_null();
}

/* One hit: its value; several: a list. */
static bool put_picks(const struct picks *picks, struct event *ev, const struct list *hits, const char *below)
{
	for (unsigned i = 0; i < picks->n; i++) {
		struct list *all = list_new(ev->arena, hits->n);

		for (uint32_t k = 0; k < hits->n; k++)
			list_push(ev->arena, all, picked(ev->arena, below ? member(&hits->v[k], below) : &hits->v[k], &picks->v[i]));
		if (!filter_set(ev, picks->v[i].to, all->n == 1 ? all->v[0] : v_list(all)))
			return false;
	}
	return true;
}

/* STEP_OK where something was found; false: the answer is none, or a field cannot be set. */
static bool use_answer(const struct elasticsearch *e, struct event *ev, const struct value *answer, enum step *step)
{
	const struct value *shards = member(answer, "_shards"), *hits = member(answer, "hits"), *total = member(hits, "total"), *list = member(hits, "hits"),
			   *aggregations = member(answer, "aggregations");

	if (!value_is(shards, V_MAP) || member(shards, "failures") || !value_is(hits, V_MAP))
		return false;
	if (value_is(total, V_MAP))
		total = member(total, "value");
	if (!filter_set(ev, e->total_hits, total ? *total : v_null()))
		return false;
	*step = STEP_PASS;
	if (value_is(list, V_LIST) && list->list->n) {
		*step = STEP_OK;
		if (!put_picks(&e->from_source, ev, list->list, "_source") || !put_picks(&e->from_hit, ev, list->list, NULL))
			return false;
	}
	if (value_is(aggregations, V_MAP) && aggregations->map->n) {
		*step = STEP_OK;
		for (unsigned i = 0; i < e->from_aggregations.n; i++)
			if (!filter_set(ev, e->from_aggregations.v[i].to, picked(ev->arena, aggregations, &e->from_aggregations.v[i])))
				return false;
	}
	return true;
}

static enum step elasticsearch_finish(void *self, struct event *ev, struct wait *w, unsigned slot, struct step_ctx *ctx)
{
	struct elasticsearch *e = self;
	const struct http_request *r = http_unit_at(w, slot);
	struct value answer;
	struct err err;
	struct str text;
	enum step step = STEP_PASS;

	if (r->status < 200 || r->status > 299) {
		if (r->status)
			log_warn("filter", "elasticsearch: the answer is %ld", r->status);
		else
			log_warn("filter", "elasticsearch: %s", r->error);
		return filter_failed(ev, e->tags);
	}
	text = arena_dup(ev->arena, buf_slice(&r->answer));
	if (json_read(ev->arena, &text, NULL, &answer, &err) == 0 && use_answer(e, ev, &answer, &step))
		return step;
	log_warn("filter", "elasticsearch: the answer is no result of a search, or its fields cannot be set");
	return filter_failed(ev, e->tags);
}

static void elasticsearch_wait_release(void *self, struct wait *w)
{
	struct elasticsearch *e = self;

	http_unit_release(e->peer, w);
}

static const char *const query_types[] = {"dsl", NULL};

#define AT(member) offsetof(struct elasticsearch, member)
static const struct option options[] = {
	{"hosts", OPT_LIST, AT(hosts), .doc = "hosts or URLs; default localhost:9200"},
	{"index", OPT_TMPL, AT(index), .def = "\"\"", .doc = "indices to search, with commas between; empty: all"},
	{"query", OPT_TMPL, AT(query), .doc = "query string with %{field}"},
	{"query_template", OPT_PATH, AT(template_path), .doc = "file with a whole search in JSON, with %{field}; instead of query, result_size and sort"},
	{"query_type", OPT_ENUM, AT(query_type), .def = "dsl", .choices = query_types, .doc = "kind of query"},
	{"sort", OPT_STRING, AT(sort), .def = "\"@timestamp:desc\"", .doc = "fields and directions, with commas between"},
	{"enable_sort", OPT_BOOL, AT(enable_sort), .def = "true", .doc = "false: `sort` is not sent"},
	{"result_size", OPT_INT, AT(result_size), .def = "1", .min = 0, .max = 10000, .doc = "hits; of several the fields become lists"},
	{"fields", OPT_HASH, AT(fields), .doc = "field of the document found => field of the event"},
	{"docinfo_fields", OPT_HASH, AT(docinfo_fields), .doc = "of what stands beside the document (_id, _index): likewise"},
	{"aggregation_fields", OPT_HASH, AT(aggregation_fields), .doc = "name of an aggregation => field of the event"},
	{"target", OPT_STRING, AT(target), .doc = "field below which all of them go"},
	{"tag_on_failure", OPT_LIST, AT(tags), .def = "[\"_elasticsearch_lookup_failure\"]", .doc = "tags where the search did not work"},
	{"retry_on_failure", OPT_INT, AT(retries), .def = "0", .min = 0, .max = 100, .doc = "how often a search that did not work is asked again"},
	{"retry_on_status", OPT_LIST, AT(retry_status), .doc = "answers that count as such, beside connections that fail"},
	{"timeout", OPT_FLOAT, AT(timeout), .flags = OPT_WEIR, .def = "60", .doc = "seconds that a search may take; for a connection at most 10 of them"},
	{"user", OPT_STRING, AT(user), .doc = "user (Basic)"},
	{"password", OPT_PASSWORD, AT(password), .doc = "and password"},
	{"api_key", OPT_PASSWORD, AT(api_key), .doc = "id:key, or its base64 form; over TLS only"},
	{"cloud_id", OPT_STRING, AT(cloud_id), .doc = "refused: name the hosts"},
	{"cloud_auth", OPT_PASSWORD, AT(cloud_auth), .doc = "refused: give user and password"},
	{"custom_headers", OPT_HASH, AT(custom_headers), .doc = "further headers of each request"},
	{"proxy", OPT_STRING, AT(proxy), .doc = "HTTP proxy; the environment's is not used"},
	{"ssl_enabled", OPT_BOOL, AT(ssl_enabled), .def = "false", .doc = "speak TLS; also by https:// in hosts"},
	{"ssl", OPT_BOOL, AT(ssl_old), .flags = OPT_DEPRECATED, .def = "false", .instead = "ssl_enabled"},
	{"ca_trusted_fingerprint", OPT_STRING, AT(fingerprint), .doc = "refused: name the authority's file in ssl_certificate_authorities"},
	HTTP_TLS_OPTIONS(struct elasticsearch, tls, "ca_file"),
	{0},
};
#undef AT

FILTER(elasticsearch, .size = sizeof(struct elasticsearch), .options = options, .doc = "searches in Elasticsearch or OpenSearch for each event",
       .open = elasticsearch_open, .close = elasticsearch_close,
       .filter = {.ask = elasticsearch_ask, .start = elasticsearch_start, .finish = elasticsearch_finish, .wait_release = elasticsearch_wait_release})
