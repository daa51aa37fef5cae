/*
 * elasticsearch.c - output `elasticsearch`: the options as Logstash's plug-in has them (es.h says where the work is done).
 */
#include "outputs/es_table.h"

static int elasticsearch_open(void *self, struct plugin_ctx *ctx, struct err *err)
{
	struct es *es = self;

	es->flavour = ES_ELASTICSEARCH;
	return es_open(es, ctx, err);
}

static const struct option options[] = {
	ES_ROWS_WHERE,
	{"cloud_id", OPT_STRING, ES_AT(cloud_id), .doc = "Elastic Cloud's id of the deployment, instead of hosts"},
	{"cloud_auth", OPT_PASSWORD, ES_AT(cloud_auth), .doc = "user:password for cloud_id"},
	{"api_key", OPT_PASSWORD, ES_AT(api_key), .doc = "id:key, or its base64 form; over TLS only"},
	ES_ROWS_WHAT,
	ES_ROWS_STREAM,
	ES_ROWS_AFTER,
	{"template_api", OPT_ENUM, ES_AT(template_api), .def = "auto", .choices = es_template_api_choices,
	 .doc = "auto: composable for Elasticsearch 8 and later and for OpenSearch, else legacy"},
	{"ilm_enabled", OPT_ENUM, ES_AT(ilm_enabled), .def = "auto", .choices = es_lifecycle_choices,
	 .doc = "index lifecycle: auto where the server has it, and no index or an alias of one's own is named; true: events wait for a server that has it"},
	{"ilm_pattern", OPT_STRING, ES_AT(ilm_pattern), .def = "\"{now/d}-000001\"", .doc = "what follows the alias in the name of its first index"},
	{"ilm_policy", OPT_STRING, ES_AT(ilm_policy), .def = "logstash-policy", .doc = "lifecycle policy; the default one is made where it is missing"},
	{"ssl_enabled", OPT_BOOL, ES_AT(ssl_enabled), .doc = "speak TLS; also by https:// in hosts"},
	{"ssl_certificate_authorities", OPT_LIST, ES_AT(ca_files), .doc = "PEM files of authorities to trust instead of the system's"},
	{"ca_trusted_fingerprint", OPT_ANY, ES_AT(fingerprint), .doc = "SHA-256 of an authority in the server's chain to trust"},
	{"ssl_certificate", OPT_PATH, ES_AT(certificate), .doc = "PEM certificate to show"},
	{"ssl_key", OPT_PATH, ES_AT(key), .doc = "its key"},
	{"ssl_keystore_path", OPT_PATH, ES_AT(keystore), .doc = "PKCS#12 file with certificate and key"},
	{"ssl_keystore_password", OPT_PASSWORD, ES_AT(keystore_password), .doc = "its password"},
	{"ssl_keystore_type", OPT_STRING, ES_AT(keystore_type), .doc = "pkcs12"},
	{"ssl_truststore_path", OPT_PATH, ES_AT(truststore), .doc = "refused: export it as PEM"},
	{"ssl_truststore_password", OPT_IGNORED},
	{"ssl_truststore_type", OPT_IGNORED},
	ES_ROWS_TLS,
	ES_ROWS_HTTP,
	ES_ROWS_OBSOLETE,
	QUEUE_OPTIONS(struct es, queue, "2"),
	{0},
};

OUTPUT(elasticsearch, .size = sizeof(struct es), .options = options, .open = elasticsearch_open, .close = es_close,
       .output = &es_ops, .doc = "sends events to Elasticsearch (or OpenSearch), each with a verdict of its own")
