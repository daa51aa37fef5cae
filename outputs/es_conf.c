/*
 * es_conf.c - the send half's copy of the options: URLs, headers, secrets, certificates. Main thread, once per sender.
 */
#include "outputs/es_client.h"

#include "base/base64.h"
#include "base/url.h"
#include "outputs/api_key.h"

#include <stdlib.h>

#define FILTER_PATH "filter_path=errors,items.*.status,items.*.error,items.*.failure_store"

/* ---- hosts ---- */

static void add_host(struct es_conf *c, const struct es *es, const struct url *u, uint64_t port)
{
	struct es_host *h = &c->host[c->n_hosts++];
	bool bare6 = u->host.p[0] != '[' && str_chr(u->host, ':') >= 0;
	struct str path = u->path.len ? u->path : es->path, base;

	while (str_ends(path, STR("/")))
		path.len--;
	base = arena_printf(&c->arena, "%s://%s%.*s%s:%u", c->tls ? "https" : "http", bare6 ? "[" : "", STR_ARG(u->host),
			    bare6 ? "]" : "", (unsigned)port);
	h->name = arena_dupz(&c->arena, base);
	h->base = arena_dupz(&c->arena, arena_printf(&c->arena, "%.*s%s%.*s", STR_ARG(base),
						     path.len && path.p[0] != '/' ? "/" : "", STR_ARG(path)));
}

/* "name:base64(host$elasticsearch$kibana)" */
static int cloud_url(struct es_conf *c, struct str id, struct url *u, struct err *err)
{
	struct str label, text, host, part;
	ptrdiff_t at = str_rchr(id, ':');

	label = at < 0 ? id : str_from(id, (size_t)at + 1);
	if (!base64_read(&c->arena, label, &text) || !str_cut(&text, '$', &host))
		return err_set(err, "'cloud_id' is not one of Elastic Cloud's");
	if (!str_cut(&text, '$', &part))
		part = text;
	if (url_parse(host, u, err) == -1)
		return err_set(err, "'cloud_id' is not one of Elastic Cloud's");
	u->host = arena_printf(&c->arena, "%.*s.%.*s", STR_ARG(part), STR_ARG(u->host));
	u->https = u->has_scheme = true;
	if (!u->port)
		u->port = 443;
	return 0;
}

static int build_hosts(struct es_conf *c, const struct es *es, struct err *err)
{
	static const struct value local = {.type = V_STRING, .len = 9, .s = "127.0.0.1"};
	const struct list *list = es->hosts ? es->hosts : es->host_old;
	const struct value *v = list && list->n ? list->v : &local;
	size_t n = list && list->n ? list->n : 1;
	bool http = str_eq(es->protocol_old, STR("http")) && es->port_old.len;
	struct url *u = arena_zalloc(&c->arena, n * sizeof(*u));
	uint64_t old_port = 9200;
	bool any_https = false, any_http = false;

	if (es->cloud_id.len) {
		n = 1;
		if (cloud_url(c, es->cloud_id, &u[0], err) == -1)
			return -1;
	}
	if (!es->hosts && es->port_old.len && (http || !es->protocol_old.len) && !str_u64(es->port_old, 65535, &old_port))
		return err_set(err, "'port' is a number here, not '%.*s'", STR_ARG(es->port_old));
	for (size_t i = 0; i < n; i++) {
		if (!es->cloud_id.len && (v[i].type != V_STRING || url_parse(value_str(&v[i]), &u[i], err) == -1))
			return err->text[0] ? -1 : err_set(err, "'hosts' takes texts");
		any_https |= u[i].https;
		any_http |= u[i].has_scheme && !u[i].https;
	}
	c->tls = any_https || es->ssl_enabled || es->ssl_old || str_eq(es->protocol_old, STR("https"));
	if (c->tls && any_http)
		return err_set(err, "'hosts' says http:// where another option or host says TLS");
	c->host = arena_zalloc(&c->arena, n * sizeof(*c->host));
	for (size_t i = 0; i < n; i++) {
		add_host(c, es, &u[i], u[i].port ? u[i].port : old_port);
		if (u[i].user.len && !c->userpwd && !es->user.len)
			c->userpwd = arena_dupz(&c->arena, arena_printf(&c->arena, "%.*s:%.*s", STR_ARG(url_decode(&c->arena, u[i].user)),
									STR_ARG(url_decode(&c->arena, u[i].password))));
	}
	return 0;
}

/* ---- who we are ---- */

static int build_headers(struct es_conf *c, const struct es *es, struct err *err)
{
	const struct map *m = es->custom_headers;
	size_t n = 0, max = (m ? m->n : 0) + 2;
	struct buf b;

	c->header = arena_zalloc(&c->arena, (max + 1) * sizeof(*c->header));
	buf_init(&b, 65536);
	if (es->api_key.len) {
		if (api_key_header(&c->arena, es->api_key, c->tls, &b, err) == -1) {
			buf_release(&b);
			return -1;
		}
		c->header[n++] = arena_dupz(&c->arena, buf_slice(&b));
	}
	for (uint32_t i = 0; m && i < m->n; i++) {
		const struct value *v = &m->e[i].val;
		struct str k = key_str(&m->e[i].key);

		buf_clear(&b);
		buf_str(&b, k);
		buf_lit(&b, ": ");
		if (v->type == V_STRING)
			buf_str(&b, value_str(v));
		if (v->type != V_STRING || url_has_control(buf_slice(&b)) || str_chr(k, ':') >= 0) {
			buf_release(&b);
			return err_set(err, "'custom_headers' takes names and texts without line ends");
		}
		c->header[n++] = arena_dupz(&c->arena, buf_slice(&b));
	}
	buf_release(&b);
	if (es->user.len)
		c->userpwd = arena_dupz(&c->arena, arena_printf(&c->arena, "%.*s:%.*s", STR_ARG(es->user), STR_ARG(es->password)));
	if (es->cloud_auth.len)
		c->userpwd = arena_dupz(&c->arena, es->cloud_auth);
	return 0;
}

static void build_bulk_path(struct es_conf *c, const struct es *es)
{
	const struct map *m = es->parameters;
	struct buf b;

	buf_init(&b, 65536);
	if (es->bulk_path.len && es->bulk_path.p[0] != '/')
		buf_ch(&b, '/');
	buf_str(&b, es->bulk_path.len ? es->bulk_path : STR("/_bulk"));
	buf_ch(&b, str_chr(buf_slice(&b), '?') >= 0 ? '&' : '?');
	buf_lit(&b, FILTER_PATH);
	for (uint32_t i = 0; m && i < m->n; i++) {
		const struct value *v = &m->e[i].val;

		/* Without our own the answers could not be matched to the documents. */
		if (str_eq(key_str(&m->e[i].key), STR("filter_path")) || v->type != V_STRING)
			continue;
		buf_ch(&b, '&');
		url_percent(&b, key_str(&m->e[i].key));
		buf_ch(&b, '=');
		url_percent(&b, value_str(v));
	}
	c->bulk_path = arena_dupz(&c->arena, buf_slice(&b));
	buf_release(&b);
}

/* ---- TLS ---- */

static int build_tls(struct es_conf *c, const struct es *es, struct err *err)
{
	struct curl_tls_options o = {
		.ca_files = es->ca_files,
		.ca_file = es->ca_old,
		.certificate = es->certificate,
		.key = es->key,
		.key_passphrase = es->key_passphrase,
		.keystore = es->keystore,
		.keystore_password = es->keystore_password,
		.protocols = es->protocols,
		.fingerprint = &es->fingerprint,
		.verify = es->verification == 0 && es->verification_old,
	};

	return curl_tls_init(&c->trust, &c->arena, &o, err);
}

/* ---- the rest ---- */

static int build_policy(struct es_conf *c, const struct es *es, struct err *err)
{
	size_t n = es->dead_codes ? es->dead_codes->n : 0, m = es->drop_types ? es->drop_types->n : 0;
	int *codes = arena_zalloc(&c->arena, (n + 1) * sizeof(*codes));
	struct str *types = arena_zalloc(&c->arena, (m + 1) * sizeof(*types));

	for (size_t i = 0; i < n; i++) {
		const struct value *v = &es->dead_codes->v[i];
		uint64_t code = v->type == V_INT && v->i > 0 ? (uint64_t)v->i : 0;

		if (v->type == V_STRING && !str_u64(value_str(v), 999, &code))
			code = 0;
		if (code < 300 || code > 599)
			return err_set(err, "'dlq_custom_codes' takes status codes from 300 to 599");
		codes[i] = (int)code;
	}
	for (size_t i = 0; i < m; i++)
		types[i] = arena_dup(&c->arena, value_str(&es->drop_types->v[i]));
	c->policy = (struct es_policy){codes, n, types, m};
	return 0;
}

void *es_start(const void *self, const struct plugin_ctx *ctx, struct err *err)
{
	const struct es *es = self;
	struct es_conf *c = xzalloc(sizeof(*c));

	err->text[0] = 0;
	arena_init(&c->arena, NULL);
	curl_links_init(&c->links);
	pthread_mutex_init(&c->lock, NULL);
	pthread_mutex_init(&c->template_lock, NULL);
	c->flavour = es->flavour;
	c->compression_level = (int)es->compression_level;
	c->timeout_s = (long)es->timeout;
	c->resurrect_s = (long)es->resurrect_delay;
	c->manage_template = es->manage_template;
	es_setup_copy(&c->setup, &es->setup, &c->arena);
	c->setup_due_ns = es_setup_wanted(&c->setup) ? INT64_MIN : INT64_MAX;
	c->proxy = es->proxy.len ? arena_dupz(&c->arena, es->proxy) : NULL;
	if (build_hosts(c, es, err) == -1 || build_headers(c, es, err) == -1 || build_tls(c, es, err) == -1 ||
	    build_policy(c, es, err) == -1) {
		es_stop(c);
		return NULL;
	}
	build_bulk_path(c, es);
	return c;
}

void es_stop(void *conn)
{
	struct es_conf *c = conn;

	arena_release(&c->arena);
	curl_links_release(&c->links);
	pthread_mutex_destroy(&c->lock);
	pthread_mutex_destroy(&c->template_lock);
	free(c);
}
