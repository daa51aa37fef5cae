/*
 * es_template.c - the index template of weir's own data streams, logs-weir.*-*, made of the rows of fields.def.
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
#include <jansson.h>
#include <stdlib.h>

enum { PRIORITY = 501, TEMPLATE_MAX = 1024 * 1024 };

static const char template_name[] = "weir-logs";
static const char owner[] = "weir";

/* ---- the template's text ---- */

static const char *type_of(enum field_type t, const struct es_server *sv)
{
	bool os = sv->flavour == ES_OPENSEARCH;

	switch (t) {
	case FT_KEYWORD:
		return "\"type\":\"keyword\",\"ignore_above\":1024";
	case FT_TEXT:
		return os || sv->plain ? "\"type\":\"text\"" : "\"type\":\"match_only_text\"";
	case FT_WILDCARD:
		return os || sv->plain ? "\"type\":\"keyword\",\"ignore_above\":8191" : "\"type\":\"wildcard\"";
	case FT_RAW:
		return "\"type\":\"keyword\",\"index\":false,\"doc_values\":false";
	case FT_CONSTANT:
		return os || sv->plain ? "\"type\":\"keyword\"" : "\"type\":\"constant_keyword\"";
	case FT_IP:
		return "\"type\":\"ip\"";
	case FT_LONG:
		return "\"type\":\"long\"";
	case FT_BYTE:
		return "\"type\":\"byte\"";
	case FT_FLOAT:
		return "\"type\":\"float\"";
	case FT_BOOLEAN:
		return "\"type\":\"boolean\"";
	case FT_DATE:
		return "\"type\":\"date\"";
	case FT_GEO_POINT:
		return "\"type\":\"geo_point\"";
	case FT_FLATTENED:
		if (!os)
			return "\"type\":\"flattened\"";
		/* flat_object came with 2.7. */
		if (!sv->plain && sv->known && (sv->major > 2 || (sv->major == 2 && sv->minor >= 7)))
			return "\"type\":\"flat_object\"";
		return "\"type\":\"object\",\"enabled\":false";
	case FT_OBJECT:
		return "\"type\":\"object\"";
	case FT_NESTED:
		return "\"type\":\"nested\"";
	}
	return "\"type\":\"keyword\"";
}

/* By parts: a.b before a-b, so that what belongs together stands together. */
static int by_path(const void *a, const void *b)
{
	const unsigned char *p = (const unsigned char *)fields[*(const int *)a].path;
	const unsigned char *q = (const unsigned char *)fields[*(const int *)b].path;

	while (*p && *p == *q) {
		p++;
		q++;
	}
	return (*p == '.' ? 1 : *p) - (*q == '.' ? 1 : *q);
}

/* Length of the common prefix of two paths in whole parts, counted in parts. */
static unsigned common_parts(struct str a, struct str b)
{
	unsigned n = 0;
	struct str x, y;

	while (str_cut(&a, '.', &x) && str_cut(&b, '.', &y) && str_eq(x, y))
		n++;
	return n;
}

static unsigned count_parents(struct str path)
{
	unsigned n = 0;
	struct str part;

	while (str_cut(&path, '.', &part))
		n++;
	return n;
}

/* The field's last part, and on the way the objects that are not open yet. */
static void open_field(struct buf *out, struct str path, unsigned open, bool first)
{
	struct str part;
	unsigned at = 0;

	if (!first)
		buf_ch(out, ',');
	while (str_cut(&path, '.', &part)) {
		if (at++ < open)
			continue;
		buf_printf(out, "\"%.*s\":{\"properties\":{", STR_ARG(part));
	}
	buf_printf(out, "\"%.*s\":{", STR_ARG(path));
}

static void properties(struct buf *out, const struct es_server *sv)
{
	int order[FIELDS];
	struct str before = STR("");
	unsigned open = 0;

	for (int i = 0; i < FIELDS; i++)
		order[i] = i;
	qsort(order, FIELDS, sizeof(*order), by_path);
	buf_ch(out, '{');
	for (int i = 0; i < FIELDS; i++) {
		const struct field *f = &fields[order[i]];
		struct str path = str_z(f->path), next = i + 1 < FIELDS ? str_z(fields[order[i + 1]].path) : STR("");
		unsigned parents = count_parents(path), keep = common_parts(path, before);

		/* An object that has rows of its own below: its type is said where it is opened, by them. */
		if (next.len > path.len && str_starts(next, path) && next.p[path.len] == '.')
			continue;
		for (; open > keep; open--)
			buf_lit(out, "}}");
		open_field(out, path, open, before.len == 0 || out->p[out->len - 1] == '{');
		buf_str(out, str_z(type_of(f->type, sv)));
		if (order[i] == F_TIMESTAMP)
			buf_lit(out, ",\"ignore_malformed\":false");
		buf_ch(out, '}');
		open = parents;
		before = path;
	}
	for (; open; open--)
		buf_lit(out, "}}");
	buf_ch(out, '}');
}

static void body(struct buf *out, const struct es_server *sv)
{
	buf_printf(out,
		   "\"index_patterns\":[\"logs-weir.*-*\"],\"priority\":%d,\"data_stream\":{},\"template\":{\"settings\":{\"index\":{"
		   "\"codec\":\"best_compression\",\"refresh_interval\":\"5s\",\"mapping\":{\"ignore_malformed\":true,"
		   "\"total_fields\":{\"limit\":2000}}}},\"mappings\":{\"dynamic\":false,\"date_detection\":false,\"properties\":",
		   PRIORITY);
	properties(out, sv);
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

static json_t *parse(struct str s)
{
	json_error_t e;

	return json_loadb(s.p, s.len, JSON_REJECT_DUPLICATES, &e);
}

/* GET / tells who it is; a server that does not say (405, a proxy) is taken for what its headers or the configuration say. */
static int who_is_it(struct es_conf *c, struct es_link *l, struct es_server *sv, const struct send_ctx *ctx, struct es_reply *r,
		     struct err *err)
{
	uint64_t major, minor;
	const json_t *version;
	struct str digits;
	const char *number, *distribution;
	json_t *j;

	if (es_request(l, "GET", "/", (struct str){0}, false, ctx, r, err) == -1)
		return -1;
	*sv = (struct es_server){.flavour = r->is_opensearch ? ES_OPENSEARCH : r->is_elasticsearch ? ES_ELASTICSEARCH : c->flavour};
	j = r->status == 200 ? parse(r->body) : NULL;
	version = json_object_get(j, "version");
	number = json_string_value(json_object_get(version, "number"));
	distribution = json_string_value(json_object_get(version, "distribution"));
	if (distribution && strcmp(distribution, "opensearch") == 0)
		sv->flavour = ES_OPENSEARCH;
	else if (number && !r->is_opensearch)
		sv->flavour = ES_ELASTICSEARCH;
	digits = str_z(number);
	if (str_take_u64(&digits, 4, 9999, &major) && digits.len && *digits.p == '.' && (digits = str_from(digits, 1)).len &&
	    str_take_u64(&digits, 4, 9999, &minor))
		*sv = (struct es_server){true, sv->flavour, (unsigned)major, (unsigned)minor};
	json_decref(j);
	return 0;
}

static enum send_result failed(struct es_link *l, const struct es_reply *r, const char *what, struct send_ctx *ctx)
{
	struct str why = str_sub(es_error_text(l, r->body), 0, 300);

	err_set(&ctx->err, "'%s' answered %ld when asked to %s%s%.*s", r->host, r->status, what, why.len ? ": " : "", STR_ARG(why));
	return es_judge_status(r->status) == SEND_RETRY ? SEND_RETRY : SEND_HOLD;
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
	j = r.status == 200 ? parse(r.body) : NULL;
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
		return r.status == 401 ? failed(l, &r, "install the index template", ctx) : stream_exists(l, stream, ctx);
	}
	return failed(l, &r, "install the index template", ctx);
}

static enum send_result ensure(struct es_conf *c, struct es_link *l, struct str stream, struct send_ctx *ctx)
{
	struct es_reply r = {0};
	struct found f = {0};
	enum send_result result;
	const json_t *one;
	char hash[17];
	struct buf json;
	json_t *j;
	size_t i;

	if (who_is_it(c, l, &c->server, ctx, &r, &ctx->err) == -1)
		return SEND_RETRY;
	if (r.status == 401 || r.status == 403 || es_judge_status(r.status) == SEND_RETRY)
		return failed(l, &r, "say who it is", ctx);
	buf_init(&json, TEMPLATE_MAX);
	es_template_json(&json, &c->server, hash);
	if (es_request(l, "GET", "/_index_template", (struct str){0}, false, ctx, &r, &ctx->err) == -1) {
		buf_release(&json);
		return SEND_RETRY;
	}
	if (es_judge_status(r.status) == SEND_RETRY) {
		buf_release(&json);
		return failed(l, &r, "show its index templates", ctx);
	}
	j = r.status == 200 ? parse(r.body) : NULL;
	json_array_foreach(json_object_get(j, "index_templates"), i, one)
		look_at(one, stream, hash, &f);
	json_decref(j);
	if (f.same) {
		result = SEND_JUDGED;
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
	pthread_mutex_unlock(&c->lock);
}
