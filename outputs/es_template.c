/*
 * es_template.c - the index template of weir's own data streams, logs-weir.*-*, made of the rows of fields.def (es_mapping.c).
 *
 * Looked after once, before the first document for such a stream, by one out thread while the others wait. It is installed where it is missing,
 * or where the one that is there is weir's own (its _meta says so) and differs in content; anybody else's template of that name is left
 * alone. Where weir may not install it, any template that would make a data stream will do; where there is none either, nothing is
 * sent: the first document would quietly make an ordinary index.
 */
#include "outputs/es_client.h"

#include "base/log.h"
#include "event/fields.h"

#include <inttypes.h>
#include <stdlib.h>

enum { PRIORITY = 501, TEMPLATE_MAX = 1024 * 1024 };

static const char template_name[] = "weir-logs";
static const char owner[] = "weir";

/* ---- the template's text ---- */

static void body(struct buf *out, const struct es_server *sv)
{
	buf_printf(out,
		   "\"index_patterns\":[\"logs-weir.*-*\"],\"priority\":%d,\"data_stream\":{},\"template\":{\"settings\":{\"index\":{"
		   "\"codec\":\"best_compression\",\"refresh_interval\":\"5s\",\"mapping\":{\"ignore_malformed\":true,"
		   "\"total_fields\":{\"limit\":2000}}}},\"mappings\":{\"dynamic\":false,\"date_detection\":false,\"properties\":",
		   PRIORITY);
	es_mapping_write(out, sv, NULL);
	buf_lit(out, "}}");
}

static uint64_t fnv1a(struct str s)
{
	uint64_t h = 0xcbf29ce484222325;

	for (size_t i = 0; i < s.len; i++)
		h = (h ^ (unsigned char)s.p[i]) * 0x100000001b3;
	return h;
}

void es_template_json(struct buf *out, const struct es_server *server, char hash[17])
{
	struct buf b;

	buf_init(&b, TEMPLATE_MAX);
	body(&b, server);
	snprintf(hash, 17, "%016" PRIx64, fnv1a(buf_slice(&b)));
	buf_ch(out, '{');
	buf_str(out, buf_slice(&b));
	buf_printf(out, ",\"_meta\":{\"managed_by\":\"%s\",\"version\":\"%s\",\"content\":\"%s\"}}", owner, WEIR_VERSION, hash);
	buf_release(&b);
}

/* ---- what is there ---- */

/* One '*' stands for anything, also for nothing; that is all that index patterns know. */
static bool pattern_matches(struct str pattern, struct str name)
{
	size_t p = 0, n = 0, star = SIZE_MAX, from = 0;

	while (n < name.len) {
		if (p < pattern.len && pattern.p[p] == '*') {
			star = p++;
			from = n;
		} else if (p < pattern.len && pattern.p[p] == name.p[n]) {
			p++;
			n++;
		} else if (star != SIZE_MAX) {
			p = star + 1;
			n = ++from;
		} else {
			return false;
		}
	}
	while (p < pattern.len && pattern.p[p] == '*')
		p++;
	return p == pattern.len;
}

struct found {
	bool ours_by_name, ours, same; /* a template of our name; with our mark; with our content */
	bool other;		       /* another one that would make a data stream of it */
};

static void look_at(const json_t *one, struct str stream, const char *hash, struct found *f)
{
	const char *name = json_string_value(json_object_get(one, "name"));
	const json_t *t = json_object_get(one, "index_template"), *meta = json_object_get(t, "_meta");
	const json_t *patterns = json_object_get(t, "index_patterns"), *p;
	const char *by = json_string_value(json_object_get(meta, "managed_by"));
	const char *content = json_string_value(json_object_get(meta, "content"));
	size_t i;

	if (name && strcmp(name, template_name) == 0) {
		f->ours_by_name = true;
		f->ours = by && strcmp(by, owner) == 0;
		f->same = f->ours && content && strcmp(content, hash) == 0;
	}
	if (!json_is_object(json_object_get(t, "data_stream")))
		return;
	json_array_foreach(patterns, i, p) {
		const char *text = json_string_value(p);

		f->other |= text && pattern_matches(str_z(text), stream);
	}
}

/* All templates of the server; hash "" where weir's own is not of interest. Not SEND_JUDGED: ctx->err says why. */
static enum send_result look_around(struct es_link *l, struct str stream, const char *hash, struct found *f, struct es_reply *r,
				    struct send_ctx *ctx)
{
	const json_t *one;
	json_t *j;
	size_t i;

	if (es_request(l, "GET", "/_index_template", (struct str){0}, false, ctx, r, &ctx->err) == -1)
		return SEND_RETRY;
	if (es_judge_status(r->status) == SEND_RETRY)
		return es_failed(l, r, "show its index templates", ctx);
	j = r->status == 200 ? es_json(r->body) : NULL;
	json_array_foreach(json_object_get(j, "index_templates"), i, one)
		look_at(one, stream, hash, f);
	json_decref(j);
	return SEND_JUDGED;
}

enum send_result es_template_makes_stream(struct es_link *l, struct str stream, struct send_ctx *ctx, bool *yes)
{
	struct es_reply r = {0};
	struct found f = {0};
	enum send_result result = look_around(l, stream, "", &f, &r, ctx);

	*yes = f.other || r.status != 200;
	return result;
}

/* May not look, may not install: is the stream itself there? */
static enum send_result stream_exists(struct es_link *l, struct str stream, struct send_ctx *ctx)
{
	struct str path = arena_printf(&l->scratch, "/_data_stream/%.*s", STR_ARG(stream));
	struct es_reply r = {0};
	json_t *j;
	bool there;

	if (es_request(l, "GET", arena_dupz(&l->scratch, path), (struct str){0}, false, ctx, &r, &ctx->err) == -1)
		return SEND_RETRY;
	j = r.status == 200 ? es_json(r.body) : NULL;
	there = json_array_size(json_object_get(j, "data_streams")) > 0;
	json_decref(j);
	if (there)
		return SEND_JUDGED;
	err_set(&ctx->err, "there is no index template for '%.*s' on '%s', and the user may not install one: give it the right "
			   "manage_index_templates, or install the template yourself; events wait", STR_ARG(str_sub(stream, 0, 100)), r.host);
	return SEND_HOLD;
}

static enum send_result install(struct es_conf *c, struct es_link *l, struct str stream, struct buf *json, const struct found *f,
				struct send_ctx *ctx)
{
	static const char path[] = "/_index_template/weir-logs";
	struct es_reply r = {0};
	char hash[17];

	if (es_request(l, "PUT", path, buf_slice(json), false, ctx, &r, &ctx->err) == -1)
		return SEND_RETRY;
	/* A build without the newer field types (match_only_text, wildcard, flat_object ...): the old ones do. */
	if (r.status == 400 && !c->server.plain) {
		c->server.plain = true;
		buf_clear(json);
		es_template_json(json, &c->server, hash);
		if (es_request(l, "PUT", path, buf_slice(json), false, ctx, &r, &ctx->err) == -1)
			return SEND_RETRY;
	}
	if (r.status == 200) {
		log_info("output", "'%s': index template '%s' installed", r.host, template_name);
		return SEND_JUDGED;
	}
	if (r.status == 403 || r.status == 401) {
		if (f->other) {
			log_warn("output", "'%s': no right to install index template '%s'; the one that is there is used", r.host,
				 template_name);
			return SEND_JUDGED;
		}
		return r.status == 401 ? es_failed(l, &r, "install the index template", ctx) : stream_exists(l, stream, ctx);
	}
	return es_failed(l, &r, "install the index template", ctx);
}

static enum send_result ensure(struct es_conf *c, struct es_link *l, struct str stream, struct send_ctx *ctx)
{
	struct es_reply r = {0};
	struct found f = {0};
	enum send_result result;
	char hash[17];
	struct buf json;

	if (es_who_is_it(c, l, ctx, &r) == -1)
		return SEND_RETRY;
	if (r.status == 401 || r.status == 403 || es_judge_status(r.status) == SEND_RETRY)
		return es_failed(l, &r, "say who it is", ctx);
	buf_init(&json, TEMPLATE_MAX);
	es_template_json(&json, &c->server, hash);
	result = look_around(l, stream, hash, &f, &r, ctx);
	if (result != SEND_JUDGED || f.same) {
		/* Nothing to do, or not now. */
	} else if (f.ours_by_name && !f.ours && !f.other) {
		err_set(&ctx->err, "index template '%s' on '%s' is not weir's own and makes no data stream of '%.*s'; events wait",
			template_name, r.host, STR_ARG(str_sub(stream, 0, 100)));
		result = SEND_HOLD;
	} else if (f.ours_by_name && !f.ours) {
		log_warn("output", "'%s': index template '%s' is not weir's own and stays as it is", r.host, template_name);
		result = SEND_JUDGED;
	} else {
		result = install(c, l, stream, &json, &f, ctx);
	}
	buf_release(&json);
	return result;
}

enum send_result es_template_ensure(struct es_conf *c, struct es_link *l, struct str stream, struct send_ctx *ctx)
{
	enum send_result r = SEND_JUDGED;
	bool ready;

	pthread_mutex_lock(&c->lock);
	ready = c->template_ready;
	pthread_mutex_unlock(&c->lock);
	if (ready)
		return SEND_JUDGED;
	pthread_mutex_lock(&c->template_lock);
	pthread_mutex_lock(&c->lock);
	ready = c->template_ready;
	pthread_mutex_unlock(&c->lock);
	if (!ready)
		r = ensure(c, l, stream, ctx);
	pthread_mutex_lock(&c->lock);
	c->template_ready |= r == SEND_JUDGED;
	pthread_mutex_unlock(&c->lock);
	pthread_mutex_unlock(&c->template_lock);
	return r;
}

void es_template_forget(struct es_conf *c)
{
	pthread_mutex_lock(&c->lock);
	c->template_ready = false;
	if (es_setup_wanted(&c->setup))
		c->setup_due_ns = INT64_MIN;
	pthread_mutex_unlock(&c->lock);
}
