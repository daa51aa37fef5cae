/*
 * es_setup.c - the server is made ready for Logstash's indices: lifecycle policy, index template, alias (es_setup.h). Out threads.
 *
 * Begun with the output, by one thread; a request that has events waits for it. What is there stays as it is, and a template of the same
 * name is never replaced unless the configuration says so: the server itself is asked to refuse that (create=true). While no answer
 * comes it is tried again, with the backoff that requests have. What the server refuses is logged as an error; then
 *
 *	the alias, a policy that should be there, the user's own template    events wait until somebody repairs it: an index that is made
 *	                                                                     without them stays wrong
 *	the default template, the default policy                             events go on, and it is tried again after a while
 */
#include "outputs/es_client.h"

#include "base/log.h"
#include "base/url.h"
#include "event/json.h"

#include <jansson.h>

enum { AGAIN_S = 300 };

static const int64_t second = 1000000000;

struct setting_up {
	struct es_conf *c;
	struct es_link *l;
	const struct es_setup *s;
	struct send_ctx *ctx;
	bool lifecycle; /* the server has it, too */
	bool refused;	/* something that events need not wait for */
};

/* ---- asking ---- */

static int ask(struct setting_up *u, const char *method, struct str path, struct str body, struct es_reply *r)
{
	return es_request(u->l, method, arena_dupz(&u->l->scratch, path), body, false, u->ctx, r, &u->ctx->err);
}

static struct str quoted_path(struct setting_up *u, const char *before, struct str name, const char *query)
{
	struct buf b;
	struct str path;

	buf_init(&b, 8192);
	buf_str(&b, str_z(before));
	url_percent(&b, name);
	buf_str(&b, str_z(query));
	path = arena_dup(&u->l->scratch, buf_slice(&b));
	buf_release(&b);
	return path;
}

/* The server does not do it. A fault that passes, or wrong credentials: as es_failed() says, in *result. true: it is refused; ctx->err says what. */
static bool refuses(struct setting_up *u, const struct es_reply *r, const char *what, enum send_result *result)
{
	*result = es_failed(u->l, r, what, u->ctx);
	return *result != SEND_RETRY && r->status != 401;
}

/* Events need not wait for it. */
static enum send_result go_on(struct setting_up *u)
{
	log_error("output", "%s; it is tried again in %d minutes", u->ctx->err.text, AGAIN_S / 60);
	u->refused = true;
	u->ctx->err.text[0] = 0;
	return SEND_JUDGED;
}

/* ---- the policy ---- */

/* "no handler found", gone (serverless), or (Elasticsearch 7) the path taken for a document of an index: there is no lifecycle at all. */
static bool no_such_feature(struct setting_up *u, const struct es_reply *r)
{
	return r->status == 400 || r->status == 405 || r->status == 410 ||
	       (r->status == 404 && str_starts(es_error_text(u->l, r->body), STR("index_not_found_exception")));
}

static enum send_result without_lifecycle(struct setting_up *u, const char *host)
{
	const struct es_setup *s = u->s;

	if (s->demanded) {
		err_set(&u->ctx->err, "'%s' has no index lifecycle management: say 'ilm_enabled => false'; events wait", host);
		return SEND_HOLD;
	}
	u->lifecycle = false;
	log_warn("output", "'%s' has no index lifecycle management: the alias '%.*s' is not made, events go to the index by date", host,
		 STR_ARG(s->alias));
	return SEND_JUDGED;
}

static enum send_result ensure_policy(struct setting_up *u)
{
	struct str path = quoted_path(u, "/_ilm/policy/", u->s->policy, "");
	struct es_reply r = {0};
	enum send_result result;

	if (u->c->server.flavour == ES_OPENSEARCH)
		return without_lifecycle(u, u->c->server.host);
	if (ask(u, "GET", path, (struct str){0}, &r) == -1)
		return SEND_RETRY;
	if (r.status == 200)
		return SEND_JUDGED;
	if (no_such_feature(u, &r))
		return without_lifecycle(u, r.host);
	if (r.status != 404)
		return refuses(u, &r, "show its ILM policy", &result) ? go_on(u) : result;
	if (!u->s->default_policy) {
		err_set(&u->ctx->err, "there is no ILM policy '%.*s' on '%s'; events wait", STR_ARG(u->s->policy), r.host);
		return SEND_HOLD;
	}
	if (ask(u, "PUT", path, es_default_policy(), &r) == -1)
		return SEND_RETRY;
	if (r.status != 200)
		return refuses(u, &r, "make the ILM policy", &result) ? go_on(u) : result;
	log_info("output", "'%s': ILM policy '%.*s' installed", r.host, STR_ARG(u->s->policy));
	return SEND_JUDGED;
}

/* ---- the template ---- */

static bool composable(const struct setting_up *u)
{
	const struct es_server *sv = &u->c->server;

	if (u->s->api != ES_API_AUTO)
		return u->s->api == ES_API_COMPOSABLE;
	return sv->flavour == ES_OPENSEARCH || !sv->known || sv->major >= 8;
}

static struct str template_name(const struct setting_up *u)
{
	return u->lifecycle && !u->s->named ? u->s->alias : u->s->name;
}

/* Adds what somebody can do about it. */
static void advise(struct setting_up *u, const char *what)
{
	struct err why = u->ctx->err;

	err_set(&u->ctx->err, "%.400s (%s)", why.text, what);
}

static enum send_result template_refused(struct setting_up *u, const struct es_reply *r, const char *what)
{
	enum send_result result;

	if (!refuses(u, r, what, &result))
		return result;
	if (u->s->text.p && r->status == 400 && u->s->api == ES_API_AUTO && composable(u))
		advise(u, "a template of the old form needs 'template_api => legacy'");
	else if (r->status == 403)
		advise(u, "that takes the right manage_index_templates; else say 'manage_template => false'");
	return u->s->text.p ? SEND_HOLD : go_on(u);
}

/* 1: there is one; 0: there is none; -1: *result. */
static int find_template(struct setting_up *u, struct str path, enum send_result *result)
{
	struct es_reply r = {0};

	if (ask(u, "GET", path, (struct str){0}, &r) == -1) {
		*result = SEND_RETRY;
		return -1;
	}
	if (r.status == 200 || r.status == 404)
		return r.status == 200;
	*result = template_refused(u, &r, "show an index template");
	return -1;
}

static enum send_result put_template(struct setting_up *u, struct str name, struct str path)
{
	enum send_result result = SEND_RETRY;
	struct es_reply r = {0};
	struct buf json;
	int rc;

	buf_init(&json, 0);
	rc = es_setup_template(&json, u->s, &u->c->server, composable(u), u->lifecycle, &u->ctx->err);
	if (rc == -1)
		result = SEND_HOLD;
	else
		rc = ask(u, "PUT", u->s->overwrite ? path : arena_printf(&u->l->scratch, "%.*s?create=true", STR_ARG(path)), buf_slice(&json), &r);
	buf_release(&json);
	if (rc == -1)
		return result;
	if (r.status == 200) {
		log_info("output", "'%s': index template '%.*s' installed (%s)", r.host, STR_ARG(name), composable(u) ? "composable" : "legacy");
		return SEND_JUDGED;
	}
	/* Somebody else was quicker. */
	if (r.status == 400 && !u->s->overwrite && str_find(es_error_text(u->l, r.body), STR("already exists")) >= 0)
		return SEND_JUDGED;
	return template_refused(u, &r, "install the index template");
}

static enum send_result ensure_template(struct setting_up *u)
{
	struct str name = template_name(u);
	struct str path = quoted_path(u, composable(u) ? "/_index_template/" : "/_template/", name, "");
	enum send_result result;
	int there = 0;

	if (!u->s->overwrite)
		there = find_template(u, path, &result);
	if (there == -1)
		return result;
	if (there) {
		log_debug("output", "index template '%.*s' is there and stays as it is", STR_ARG(name));
		return SEND_JUDGED;
	}
	return put_template(u, name, path);
}

/* ---- the alias ---- */

/* 1: the name is there, as an alias or whatever it is; 0: it is not; -1: *result. */
static int find_alias(struct setting_up *u, enum send_result *result)
{
	char name[300];
	struct es_reply r = {0};
	json_t *j;

	if (ask(u, "GET", quoted_path(u, "/", u->s->alias, "?filter_path=*.aliases"), (struct str){0}, &r) == -1) {
		*result = SEND_RETRY;
		return -1;
	}
	if (r.status != 200 && r.status != 404) {
		if (refuses(u, &r, "show the alias", result))
			*result = SEND_HOLD;
		return -1;
	}
	j = r.status == 200 ? es_json(r.body) : NULL;
	snprintf(name, sizeof(name), "%.*s", STR_ARG(u->s->alias));
	if (json_object_get(j, name))
		log_warn("output", "'%s': '%s' is an index and no alias: it stays as it is, and nothing rolls it over", r.host, name);
	json_decref(j);
	return r.status == 200;
}

static enum send_result make_alias(struct setting_up *u)
{
	struct arena *a = &u->l->scratch;
	struct str first = arena_printf(a, "<%.*s-%.*s>", STR_ARG(u->s->alias), STR_ARG(u->s->pattern));
	struct str body = arena_printf(a, "{\"aliases\":{\"%.*s\":{\"is_write_index\":true}}}", STR_ARG(u->s->alias));
	enum send_result result = SEND_HOLD;
	struct es_reply r = {0};

	if (ask(u, "PUT", quoted_path(u, "/", first, ""), body, &r) == -1)
		return SEND_RETRY;
	if (r.status == 200) {
		log_info("output", "'%s': alias '%.*s' made, with its first index", r.host, STR_ARG(u->s->alias));
		return SEND_JUDGED;
	}
	if (!refuses(u, &r, "make the alias and its first index", &result))
		return result;
	/* Made by somebody else in the meantime? */
	if (r.status == 400) {
		struct err why = u->ctx->err;
		int there = find_alias(u, &result);

		if (there)
			return there == 1 ? SEND_JUDGED : result;
		u->ctx->err = why;
	}
	return SEND_HOLD;
}

static enum send_result ensure_alias(struct setting_up *u)
{
	enum send_result result = SEND_JUDGED;
	int there = find_alias(u, &result);

	if (there == -1)
		return result;
	if (there)
		return SEND_JUDGED;
	if (u->refused && u->s->manage) {
		err_set(&u->ctx->err, "the alias '%.*s' is not made while policy or template cannot be: its first index would stay without them; events wait",
			STR_ARG(u->s->alias));
		return SEND_HOLD;
	}
	return make_alias(u);
}

/* ---- data streams: the server's own template makes them ---- */

static enum send_result look_at_stream(struct setting_up *u)
{
	const struct es_server *sv = &u->c->server;
	struct str stream = u->s->stream;
	enum send_result result;
	bool makes;

	if (sv->known && sv->flavour == ES_ELASTICSEARCH && (sv->major < 7 || (sv->major == 7 && sv->minor < 9))) {
		log_error("output", "'%s' is older than 7.9 and has no data streams: '%.*s' becomes an ordinary index", sv->host, STR_ARG(stream));
		return SEND_JUDGED;
	}
	result = es_template_makes_stream(u->l, stream, u->ctx, &makes);
	if (result == SEND_JUDGED && !makes)
		log_warn("output", "no index template of '%s' makes a data stream of '%.*s': where it does not exist it becomes an ordinary index", sv->host,
			 STR_ARG(stream));
	return result;
}

/* ---- all of it ---- */

static enum send_result set_up(struct setting_up *u)
{
	enum send_result result;
	struct es_reply r = {0};

	if (es_who_is_it(u->c, u->l, u->ctx, &r) == -1)
		return SEND_RETRY;
	if (r.status == 401 || es_judge_status(r.status) == SEND_RETRY)
		return es_failed(u->l, &r, "say who it is", u->ctx);
	if (u->s->stream.len)
		return look_at_stream(u);
	u->lifecycle = u->s->lifecycle;
	if (u->lifecycle && (result = ensure_policy(u)) != SEND_JUDGED)
		return result;
	if (u->s->manage && (result = ensure_template(u)) != SEND_JUDGED)
		return result;
	return u->lifecycle ? ensure_alias(u) : SEND_JUDGED;
}

/* Under c->lock. */
static bool is_due(const struct es_conf *c, const struct send_ctx *ctx)
{
	return c->setup_due_ns != INT64_MAX && clock_mono(ctx->clock) >= c->setup_due_ns;
}

static bool due(struct es_conf *c, const struct send_ctx *ctx, struct str *alias)
{
	bool yes;

	pthread_mutex_lock(&c->lock);
	yes = is_due(c, ctx);
	*alias = c->to_alias ? c->setup.alias : (struct str){0};
	pthread_mutex_unlock(&c->lock);
	return yes;
}

enum send_result es_setup_ensure(struct es_conf *c, struct es_link *l, struct send_ctx *ctx, struct str *alias)
{
	struct setting_up u = {.c = c, .l = l, .s = &c->setup, .ctx = ctx};
	enum send_result result = SEND_JUDGED;

	if (!due(c, ctx, alias))
		return SEND_JUDGED;
	pthread_mutex_lock(&c->template_lock);
	if (due(c, ctx, alias)) {
		result = set_up(&u);
		pthread_mutex_lock(&c->lock);
		if (result == SEND_JUDGED) {
			c->setup_due_ns = u.refused ? clock_mono(ctx->clock) + AGAIN_S * second : INT64_MAX;
			c->to_alias = u.lifecycle;
			*alias = u.lifecycle ? c->setup.alias : (struct str){0};
		}
		pthread_mutex_unlock(&c->lock);
	}
	pthread_mutex_unlock(&c->template_lock);
	return result;
}
