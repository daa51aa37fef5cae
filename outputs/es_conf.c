/*
 * es_conf.c - the send half's copy of the options: URLs, headers, secrets, certificates. Main thread, once per sender.
 */
#include "outputs/es_client.h"

#include "base/base64.h"
#include "base/pem.h"
#include "base/url.h"
#include "outputs/api_key.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
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
	if (!base64_decode(&c->arena, label, &text) || !str_cut(&text, '$', &host))
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

static int build_authorities(struct es_conf *c, const struct es *es, struct err *err)
{
	struct buf b;
	int r = 0;

	buf_init(&b, PEM_BYTES_MAX);
	for (uint32_t i = 0; es->ca_files && i < es->ca_files->n && r == 0; i++)
		r = pem_append(&b, value_str(&es->ca_files->v[i]), err);
	if (es->ca_old.len && r == 0)
		r = pem_append(&b, es->ca_old, err);
	if (r == 0 && b.len)
		r = pem_check(&b, err);
	if (r == 0)
		c->ca = arena_dup(&c->arena, buf_slice(&b));
	buf_release(&b);
	return r;
}

static int parse_fingerprint(struct str s, unsigned char out[32], struct err *err)
{
	char hex[64];
	size_t n = 0;
	uint64_t v;

	for (size_t i = 0; i < s.len; i++) {
		if (s.p[i] == ':')
			continue;
		if (n == sizeof(hex) || !ch_xdigit(s.p[i])) {
			n = 0;
			break;
		}
		hex[n++] = s.p[i];
	}
	if (n != sizeof(hex))
		return err_set(err, "'ca_trusted_fingerprint' is 64 hexadecimal digits");
	for (size_t i = 0; i < 32; i++) {
		str_hex64(str_n(hex + 2 * i, 2), &v);
		out[i] = (unsigned char)v;
	}
	return 0;
}

static int build_fingerprints(struct es_conf *c, const struct es *es, struct err *err)
{
	const struct value *v = &es->fingerprint;
	size_t n = v->type == V_LIST ? v->list->n : v->type == V_STRING;

	c->fingerprint = arena_zalloc(&c->arena, (n ? n : 1) * sizeof(*c->fingerprint));
	for (size_t i = 0; i < n; i++) {
		const struct value *one = v->type == V_LIST ? &v->list->v[i] : v;

		if (!value_is(one, V_STRING) || parse_fingerprint(value_str(one), c->fingerprint[i], err) == -1)
			return err->text[0] ? -1 : err_set(err, "'ca_trusted_fingerprint' takes texts");
	}
	c->n_fingerprints = n;
	return 0;
}

static int check_readable(const char *path, struct err *err)
{
	FILE *f = path ? fopen(path, "re") : NULL;

	if (path && !f)
		return err_sys(err, "cannot read '%s'", path);
	if (f)
		fclose(f);
	return 0;
}

static const char *optional(struct es_conf *c, struct str s)
{
	return s.len ? arena_dupz(&c->arena, s) : NULL;
}

static int build_tls(struct es_conf *c, const struct es *es, struct err *err)
{
	const struct list *l = es->protocols;
	bool v12 = !l || l->n == 0, v13 = v12;

	for (uint32_t i = 0; l && i < l->n; i++) {
		v12 |= str_eq(value_str(&l->v[i]), STR("TLSv1.2"));
		v13 |= str_eq(value_str(&l->v[i]), STR("TLSv1.3"));
	}
	if (!v12 && !v13)
		return err_set(err, "'ssl_supported_protocols' takes TLSv1.2 and TLSv1.3");
	c->tls_min = v12 ? CURL_SSLVERSION_TLSv1_2 : CURL_SSLVERSION_TLSv1_3;
	c->tls_max = v13 ? CURL_SSLVERSION_MAX_DEFAULT : CURL_SSLVERSION_MAX_TLSv1_2;
	c->verify = es->verification == 0 && es->verification_old;
	c->cert = optional(c, es->keystore.len ? es->keystore : es->certificate);
	c->cert_type = es->keystore.len ? "P12" : "PEM";
	c->key = optional(c, es->key);
	c->key_pass = optional(c, es->keystore.len ? es->keystore_password : es->key_passphrase);
	if (build_authorities(c, es, err) == -1 || build_fingerprints(c, es, err) == -1)
		return -1;
	return check_readable(c->cert, err) == -1 ? -1 : check_readable(c->key, err);
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
	pthread_mutex_init(&c->lock, NULL);
	pthread_mutex_init(&c->template_lock, NULL);
	c->flavour = es->flavour;
	c->compression_level = (int)es->compression_level;
	c->timeout_s = (long)es->timeout;
	c->resurrect_s = (long)es->resurrect_delay;
	c->manage_template = es->manage_template;
	c->proxy = optional(c, es->proxy);
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
	pthread_mutex_destroy(&c->lock);
	pthread_mutex_destroy(&c->template_lock);
	free(c);
}
