/*
 * http.c - the filter `http`: each event asks a web service, and what that answers becomes fields. A waiting step; work thread but for http_ask.h's.
 *
 * What was answered without a success (2xx), or not at all, tags the event. A body of the type application/json becomes values, any other a text
 * without blanks at its ends; headers are kept by their names in small letters.
 */
#include "base/log.h"
#include "base/url.h"
#include "event/json.h"
#include "filter/http_tls.h"
#include "filter/support.h"

enum body_format { BODY_TEXT, BODY_JSON };

struct http {
	const struct tmpl *url;
	int verb, body_format;
	const struct map *headers, *query;
	struct value body, proxy;
	const struct ref *target_body, *target_headers;
	const struct list *failure_tags, *json_tags;
	struct str user, password;
	double connect_timeout, socket_timeout, request_timeout;
	int64_t retries;
	bool retry_any, follow, cookies, keepalive, ssl_enabled;
	struct http_tls tls;
	/* made by open() */
	struct http_peer *peer;
	bool own_type; /* one of the headers is Content-Type */
};

static const char *const verbs[] = {"GET", "HEAD", "PATCH", "DELETE", "POST", "PUT", NULL};

/* ---- opening ---- */

static struct str text_in(const struct map *m, const char *name, struct arena *a)
{
	const struct value *v = map_find_str(m, str_z(name));

	return v && v->type != V_NULL ? value_text(a, v) : STR("");
}

/* "http://proxy:3128", { url => ... user => ... password => ... }, { host => ... port => ... scheme => ... user => ... password => ... } */
static const char *proxy_of(const struct value *v, struct arena *a)
{
	struct buf b;
	struct str url, user;
	const char *out;

	if (v->type != V_MAP) {
		struct str s = v->type == V_NONE ? STR("") : value_text(a, v);

		return s.len ? arena_dupz(a, s) : NULL;
	}
	buf_init(&b, 0);
	url = text_in(v->map, "url", a);
	user = text_in(v->map, "user", a);
	if (!url.len) {
		struct str scheme = text_in(v->map, "scheme", a), port = text_in(v->map, "port", a);

		url = arena_printf(a, "%.*s://%.*s%s%.*s", scheme.len ? (int)scheme.len : 4, scheme.len ? scheme.p : "http", STR_ARG(text_in(v->map, "host", a)),
				   port.len ? ":" : "", STR_ARG(port));
	}
	if (user.len) {
		ptrdiff_t at = str_find(url, STR("://"));
		size_t behind = at < 0 ? 0 : (size_t)at + 3;

		buf_str(&b, str_sub(url, 0, behind));
		url_percent(&b, user);
		buf_ch(&b, ':');
		url_percent(&b, text_in(v->map, "password", a));
		buf_ch(&b, '@');
		url = str_from(url, behind);
	}
	buf_str(&b, url);
	out = arena_dupz(a, buf_slice(&b));
	buf_release(&b);
	return out;
}

static int open_targets(struct http *h, struct plugin_ctx *ctx, struct err *err)
{
	bool ecs = ctx->ecs != ECS_DISABLED;

	if (!h->target_body)
		h->target_body = ref_compile(ctx->arena, ecs ? STR("[http][response][body][content]") : STR("[body]"), err);
	if (!h->target_headers)
		h->target_headers = ref_compile(ctx->arena, ecs ? STR("[@metadata][filter][http][response][headers]") : STR("[headers]"), err);
	return h->target_body && h->target_headers ? 0 : -1;
}

static bool seconds_ok(double s)
{
	return s > 0 && s < 1e6;
}

static int http_open(void *self, struct plugin_ctx *ctx, struct err *err)
{
	struct http *h = self;
	struct http_setup s = {.follow = h->follow, .cookies = h->cookies, .keepalive = h->keepalive, .retries = (unsigned)h->retries, .retry_any = h->retry_any};

	if (h->body_format == BODY_TEXT && (h->body.type == V_MAP || h->body.type == V_LIST))
		return err_set(err, "'body' is a hash or a list: that needs body_format => \"json\"");
	if (!seconds_ok(h->connect_timeout) || !seconds_ok(h->socket_timeout) || !seconds_ok(h->request_timeout))
		return err_set(err, "'connect_timeout', 'socket_timeout' and 'request_timeout' are numbers of seconds above 0");
	if (open_targets(h, ctx, err))
		return -1;
	for (uint32_t i = 0; h->headers && i < h->headers->n; i++)
		h->own_type |= str_ieq(key_str(&h->headers->e[i].key), STR("content-type"));
	s.connect_ns = (int64_t)(h->connect_timeout * 1e9);
	s.idle_ns = (int64_t)(h->socket_timeout * 1e9);
	s.total_ns = (int64_t)(h->request_timeout * 1e9);
	if (h->user.len) {
		s.user = arena_dupz(ctx->arena, h->user);
		s.password = arena_dupz(ctx->arena, h->password);
	}
	s.proxy = proxy_of(&h->proxy, ctx->arena);
	if (http_tls_setup(&h->tls, ctx->arena, &s, err))
		return -1;
	h->peer = http_peer_open(&s, err);
	return h->peer ? 0 : -1;
}

static void http_close(void *self)
{
	struct http *h = self;

	http_peer_close(h->peer);
}

/* ---- a request ---- */

/* As the event fills it in; -1 where Logstash raises an exception. */
static int render(struct str text, const struct event *ev, const struct clock *clock, struct str *out)
{
	return tmpl_render(tmpl_compile(ev->arena, text), ev, ev->arena, clock, out, NULL);
}

/* Texts within lists and hashes, names too. */
static int fill_in(const struct value *v, const struct event *ev, const struct clock *clock, struct value *out)
{
	struct str s;

	*out = *v;
	if (v->type == V_STRING) {
		if (render(value_str(v), ev, clock, &s))
			return -1;
		*out = v_str(s);
	} else if (v->type == V_LIST) {
		*out = v_list(list_new(ev->arena, v->list->n));
		for (uint32_t i = 0; i < v->list->n; i++) {
			struct value one;

			if (fill_in(&v->list->v[i], ev, clock, &one))
				return -1;
			list_push(ev->arena, out->list, one);
		}
	} else if (v->type == V_MAP) {
		*out = v_map(map_new(ev->arena, v->map->n));
		for (uint32_t i = 0; i < v->map->n; i++) {
			struct value one;

			if (render(key_str(&v->map->e[i].key), ev, clock, &s) || fill_in(&v->map->e[i].val, ev, clock, &one))
				return -1;
			map_set(ev->arena, out->map, key_make(s), one);
		}
	}
	return 0;
}

static int make_headers(struct http *h, const struct event *ev, struct arena *a, const struct clock *clock, struct http_request *r)
{
	uint32_t n = h->headers ? h->headers->n : 0;
	const char **out = arena_zalloc(a, (n + 2) * sizeof(*out));
	uint32_t at = 0;

	for (uint32_t i = 0; i < n; i++) {
		struct value value;
		struct str name, text;

		if (render(key_str(&h->headers->e[i].key), ev, clock, &name) || fill_in(&h->headers->e[i].val, ev, clock, &value))
			return -1;
		text = value_text(ev->arena, &value);
		if (name.len == 0 || str_chr(name, ':') >= 0 || url_has_control(name) || url_has_control(text))
			return -1;
		/* curl: a header without a value ends in ';'. */
		out[at++] = arena_dupz(a, arena_printf(a, text.len ? "%.*s: %.*s" : "%.*s;%.*s", STR_ARG(name), STR_ARG(text)));
	}
	if (!h->own_type)
		out[at++] = h->body_format == BODY_JSON ? "content-type: application/json" : "content-type: text/plain";
	r->header = out;
	return 0;
}

static void add_parameter(struct buf *b, struct str name, const struct value *v, struct arena *a)
{
	buf_ch(b, str_chr(buf_slice(b), '?') < 0 ? '?' : '&');
	url_percent(b, name);
	buf_ch(b, '=');
	url_percent(b, value_text(a, v));
}

static int make_url(struct http *h, const struct event *ev, struct arena *a, const struct clock *clock, struct http_request *r)
{
	struct str url;
	struct buf b;
	int rc = -1;

	if (tmpl_render(h->url, ev, ev->arena, clock, &url, NULL) || url_has_control(url))
		return -1;
	buf_init(&b, 0);
	buf_str(&b, url);
	for (uint32_t i = 0; h->query && i < h->query->n; i++) {
		struct value v;
		struct str name;

		if (render(key_str(&h->query->e[i].key), ev, clock, &name) || fill_in(&h->query->e[i].val, ev, clock, &v))
			goto out;
		if (v.type != V_LIST)
			add_parameter(&b, name, &v, ev->arena);
		for (uint32_t k = 0; v.type == V_LIST && k < v.list->n; k++)
			add_parameter(&b, name, &v.list->v[k], ev->arena);
	}
	r->path = arena_dupz(a, buf_slice(&b));
	rc = 0;
out:
	buf_release(&b);
	return rc;
}

static int make_body(struct http *h, const struct event *ev, struct arena *a, const struct clock *clock, struct http_request *r)
{
	struct value v;
	struct buf b;

	if (h->body.type == V_NONE || h->body.type == V_NULL) {
		/* A length of 0 is said where a body is the rule. */
		if (h->verb >= 2 && h->verb != 3)
			r->body = STR("");
		return 0;
	}
	if (fill_in(&h->body, ev, clock, &v))
		return -1;
	buf_init(&b, 0);
	if (v.type == V_LIST || v.type == V_MAP)
		json_write_value(&b, &v);
	else
		buf_str(&b, value_text(ev->arena, &v));
	r->body = arena_dup(a, buf_slice(&b));
	buf_release(&b);
	return 0;
}

static enum step http_filter_ask(void *self, struct event *ev, struct wait *w, unsigned *slot, struct step_ctx *ctx)
{
	struct http *h = self;
	struct arena *a = http_unit_arena(w);
	struct http_request r = {0}, *asked;

	if (make_url(h, ev, a, ctx->clock, &r) || make_headers(h, ev, a, ctx->clock, &r) || make_body(h, ev, a, ctx->clock, &r)) {
		log_warn("filter", "http: the event makes no request: a part of it cannot stand in a URL or header");
		return filter_failed(ev, h->failure_tags);
	}
	asked = http_unit_add(w, slot);
	asked->method = verbs[h->verb];
	asked->path = r.path;
	asked->header = r.header;
	asked->body = r.body;
	return STEP_WAIT;
}

static void http_filter_start(void *self, struct wait *w)
{
	struct http *h = self;

	http_unit_start(h->peer, w);
}

/* ---- the answer ---- */

/* "Name: value" lines; one that comes again makes a list. */
static struct map *read_headers(struct arena *a, struct str lines)
{
	struct map *m = map_new(a, 16);
	struct str line, name;

	while (str_cut(&lines, '\n', &line)) {
		struct value *have, v;
		char *small;

		if (!str_cut(&line, ':', &name))
			continue;
		name = arena_dup(a, str_trim(name));
		small = (char *)(uintptr_t)name.p;
		for (size_t i = 0; i < name.len; i++)
			small[i] = ch_lower(small[i]);
		v = v_str(arena_dup(a, str_trim(line)));
		have = map_find_str(m, name);
		if (!have) {
			map_push(a, m, key_make(name), v);
		} else if (have->type == V_LIST) {
			list_push(a, have->list, v);
		} else {
			struct list *l = list_new(a, 2);

			list_push(a, l, *have);
			list_push(a, l, v);
			*have = v_list(l);
		}
	}
	return m;
}

static bool is_json(const struct map *headers)
{
	const struct value *v = map_find_str(headers, STR("content-type"));
	struct str type = value_is(v, V_STRING) ? value_str(v) : STR(""), head;

	return str_eq(str_cut(&type, ';', &head) ? head : type, STR("application/json"));
}

/* Ruby's strip: blanks, and NUL at the end. */
static struct str strip(struct str s)
{
	while (s.len && (s.p[s.len - 1] == 0 || s.p[s.len - 1] == ' ' || (s.p[s.len - 1] >= '\t' && s.p[s.len - 1] <= '\r')))
		s.len--;
	while (s.len && (s.p[0] == 0 || s.p[0] == ' ' || (s.p[0] >= '\t' && s.p[0] <= '\r')))
		s = str_from(s, 1);
	return s;
}

/* false: it says that it is JSON, and is not. */
static bool read_body(struct arena *a, struct str body, bool json, struct value *out)
{
	struct err err;

	body = arena_dup(a, body);
	if (!json) {
		*out = v_str(strip(body));
		return true;
	}
	*out = v_null();
	if (body.len == 0)
		return true;
	return json_read(a, &body, NULL, out, &err) == 0 && str_trim(body).len == 0;
}

static enum step http_finish(void *self, struct event *ev, struct wait *w, unsigned slot, struct step_ctx *ctx)
{
	struct http *h = self;
	const struct http_request *r = http_unit_at(w, slot);
	struct map *headers;
	struct value body;
	bool json;

	if (r->status < 200 || r->status > 299) {
		if (r->status)
			log_warn("filter", "http: the answer is %ld", r->status);
		else
			log_warn("filter", "http: %s", r->error);
		return filter_failed(ev, h->failure_tags);
	}
	headers = read_headers(ev->arena, buf_slice(&r->headers));
	json = is_json(headers);
	(void)filter_set(ev, h->target_headers, v_map(headers));
	if (strcmp(r->method, "HEAD") == 0)
		return STEP_OK;
	if (read_body(ev->arena, buf_slice(&r->answer), json, &body)) {
		(void)filter_set(ev, h->target_body, body);
	} else {
		log_warn("filter", "http: an answer of the type application/json is none");
		filter_failed(ev, h->json_tags);
	}
	return STEP_OK;
}

static void http_wait_release(void *self, struct wait *w)
{
	struct http *h = self;

	http_unit_release(h->peer, w);
}

static const char *const formats[] = {"text", "json", NULL};

#define AT(member) offsetof(struct http, member)
static const struct option options[] = {
	{"url", OPT_TMPL, AT(url), .flags = OPT_REQUIRED, .doc = "where to ask; may hold %{field}"},
	{"verb", OPT_ENUM, AT(verb), .def = "\"GET\"", .choices = verbs, .doc = "how"},
	{"headers", OPT_HASH, AT(headers), .doc = "headers of the request; names and values may hold %{field}"},
	{"query", OPT_HASH, AT(query), .doc = "parameters behind the URL; likewise"},
	{"body", OPT_ANY, AT(body), .doc = "what is sent: a text, or with body_format json a hash or list; likewise"},
	{"body_format", OPT_ENUM, AT(body_format), .def = "text", .choices = formats, .doc = "`json`: a hash or list is sent as JSON"},
	{"target_body", OPT_REF, AT(target_body), .doc = "field for the answer; default [body], with ECS [http][response][body][content]"},
	{"target_headers", OPT_REF, AT(target_headers), .doc = "field for its headers; default [headers], with ECS [@metadata][filter][http][response][headers]"},
	{"tag_on_request_failure", OPT_LIST, AT(failure_tags), .def = "[\"_httprequestfailure\"]", .doc = "tags where there is no answer, or none of the kind 2xx"},
	{"tag_on_json_failure", OPT_LIST, AT(json_tags), .def = "[\"_jsonparsefailure\"]", .doc = "tags where the answer is broken JSON"},
	{"user", OPT_STRING, AT(user), .doc = "user (Basic)"},
	{"password", OPT_PASSWORD, AT(password), .doc = "and password"},
	{"connect_timeout", OPT_FLOAT, AT(connect_timeout), .def = "10", .doc = "seconds for a connection"},
	{"socket_timeout", OPT_FLOAT, AT(socket_timeout), .def = "10", .doc = "seconds without a byte after which a request is given up"},
	{"request_timeout", OPT_FLOAT, AT(request_timeout), .def = "60", .doc = "seconds for all of a request"},
	{"automatic_retries", OPT_INT, AT(retries), .def = "1", .min = 0, .max = 100, .doc = "how often a request is sent again when its connection broke"},
	{"retry_non_idempotent", OPT_BOOL, AT(retry_any), .def = "false", .doc = "POST and PATCH, too"},
	{"follow_redirects", OPT_BOOL, AT(follow), .def = "true", .doc = "go where an answer points to"},
	{"cookies", OPT_BOOL, AT(cookies), .def = "true", .doc = "send cookies back that answers brought"},
	{"keepalive", OPT_BOOL, AT(keepalive), .def = "true", .doc = "use connections again"},
	{"proxy", OPT_ANY, AT(proxy), .doc = "HTTP proxy: a URL, or a hash of `url` or `host`, `port`, `scheme`, and `user`, `password`; the environment's is not used"},
	{"pool_max", OPT_IGNORED},
	{"pool_max_per_route", OPT_IGNORED},
	{"validate_after_inactivity", OPT_IGNORED},
	{"ssl_enabled", OPT_BOOL, AT(ssl_enabled), .def = "true", .doc = "means nothing: the URL says it"},
	{"client_cert", OPT_PATH, AT(tls.certificate), .flags = OPT_DEPRECATED, .instead = "ssl_certificate"},
	{"client_key", OPT_PATH, AT(tls.key), .flags = OPT_DEPRECATED, .instead = "ssl_key"},
	HTTP_TLS_OPTIONS(struct http, tls, "cacert"),
	{0},
};
#undef AT

FILTER(http, .size = sizeof(struct http), .options = options, .doc = "asks a web service about each event", .open = http_open, .close = http_close,
       .filter = {.ask = http_filter_ask, .start = http_filter_start, .finish = http_finish, .wait_release = http_wait_release})
