/*
 * es_server.c - which server answers, and what it says where it will not do something. Out threads.
 */
#include "outputs/es_client.h"

#include <jansson.h>

json_t *es_json(struct str body)
{
	json_error_t e;

	return json_loadb(body.p, body.len, JSON_REJECT_DUPLICATES, &e);
}

/* A server that does not say who it is (405, a proxy) is taken for what its headers or the configuration say. */
int es_who_is_it(struct es_conf *c, struct es_link *l, struct send_ctx *ctx, struct es_reply *r)
{
	struct es_server *sv = &c->server;
	uint64_t major, minor;
	const json_t *version;
	struct str digits;
	const char *number, *distribution;
	json_t *j;

	if (es_request(l, "GET", "/", (struct str){0}, false, ctx, r, &ctx->err) == -1)
		return -1;
	*sv = (struct es_server){.flavour = r->is_opensearch ? ES_OPENSEARCH : r->is_elasticsearch ? ES_ELASTICSEARCH : c->flavour};
	j = r->status == 200 ? es_json(r->body) : NULL;
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
	sv->host = r->host;
	json_decref(j);
	return 0;
}

enum send_result es_failed(struct es_link *l, const struct es_reply *r, const char *what, struct send_ctx *ctx)
{
	struct str why = str_sub(es_error_text(l, r->body), 0, 300);

	err_set(&ctx->err, "'%s' answered %ld when asked to %s%s%.*s", r->host, r->status, what, why.len ? ": " : "", STR_ARG(why));
	return es_judge_status(r->status) == SEND_RETRY ? SEND_RETRY : SEND_HOLD;
}
