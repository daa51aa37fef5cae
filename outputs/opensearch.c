/*
 * opensearch.c - output `opensearch`: the options as Logstash's plug-in for OpenSearch has them (es.h says where the work is done).
 */
#include "outputs/es_table.h"

static int opensearch_open(void *self, struct plugin_ctx *ctx, struct err *err)
{
	struct es *es = self;
	const struct value *v;

	es->flavour = ES_OPENSEARCH;
	es->template_api = es->legacy_template ? ES_API_LEGACY : ES_API_COMPOSABLE;
	if (es->auth_type) {
		v = map_find_str(es->auth_type, STR("type"));
		if (!value_is(v, V_STRING) || !str_eq(value_str(v), STR("basic")))
			return err_set(err, "'auth_type' knows only type \"basic\"");
		v = map_find_str(es->auth_type, STR("user"));
		if (value_is(v, V_STRING))
			es->user = value_str(v);
		v = map_find_str(es->auth_type, STR("password"));
		if (value_is(v, V_STRING))
			es->password = value_str(v);
	}
	return es_open(es, ctx, err);
}

static const struct option options[] = {
	ES_ROWS_WHERE,
	{"auth_type", OPT_HASH, ES_AT(auth_type), .doc = "{ type => \"basic\" user => ... password => ... }"},
	ES_ROWS_WHAT,
	ES_ROWS_STREAM,
	ES_ROWS_AFTER,
	{"template_api", OPT_IGNORED},
	{"ilm_enabled", OPT_IGNORED},
	{"ilm_pattern", OPT_IGNORED},
	{"ilm_policy", OPT_IGNORED},
	{"legacy_template", OPT_BOOL, ES_AT(legacy_template), .def = "true", .doc = "templates of the old form (_template); false: composable ones"},
	{"ssl_enabled", OPT_BOOL, ES_AT(ssl_enabled), .flags = OPT_WEIR, .doc = "speak TLS; also by https:// in hosts"},
	{"ssl_certificate_authorities", OPT_LIST, ES_AT(ca_files), .flags = OPT_WEIR,
	 .doc = "PEM files of authorities to trust instead of the system's"},
	{"ca_trusted_fingerprint", OPT_ANY, ES_AT(fingerprint), .flags = OPT_WEIR,
	 .doc = "SHA-256 of an authority in the server's chain to trust"},
	{"tls_certificate", OPT_PATH, ES_AT(certificate), .doc = "PEM certificate to show"},
	{"tls_key", OPT_PATH, ES_AT(key), .doc = "its key"},
	ES_ROWS_TLS,
	ES_ROWS_HTTP,
	ES_ROWS_OBSOLETE,
	QUEUE_OPTIONS(struct es, queue, "2"),
	{0},
};

OUTPUT(opensearch, .size = sizeof(struct es), .options = options, .open = opensearch_open, .close = es_close, .output = &es_ops,
       .doc = "sends events to OpenSearch (or Elasticsearch), each with a verdict of its own")
