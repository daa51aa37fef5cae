/*
 * es_table.h - rows of options that elasticsearch and opensearch have in common. Included by the two tables only.
 */
#ifndef WEIR_OUTPUTS_ES_TABLE_H
#define WEIR_OUTPUTS_ES_TABLE_H

#include "outputs/es.h"

static const char *const es_version_type_choices[] = {"", "internal", "external", "external_gt", "external_gte", "force", NULL};
static const char *const es_script_type_choices[] = {"inline", "indexed", "file", NULL};
static const char *const es_verification_choices[] = {"full", "none", NULL};
static const char *const es_template_api_choices[] = {"auto", "legacy", "composable", NULL};
static const char *const es_lifecycle_choices[] = {"auto", "true", "false", NULL};

#define ES_AT(member) offsetof(struct es, member)

#define ES_ROWS_WHERE                                                                                                \
	{"hosts", OPT_LIST, ES_AT(hosts), .doc = "servers: host, host:port or URL; default 127.0.0.1:9200"},         \
	{"host", OPT_LIST, ES_AT(host_old), .flags = OPT_DEPRECATED, .instead = "hosts"},                            \
	{"port", OPT_STRING, ES_AT(port_old), .flags = OPT_DEPRECATED, .instead = "hosts"},                          \
	{"protocol", OPT_STRING, ES_AT(protocol_old), .flags = OPT_DEPRECATED, .instead = "hosts"},                  \
	{"path", OPT_STRING, ES_AT(path), .doc = "prefix of every request's path (behind a proxy)"},                 \
	{"bulk_path", OPT_STRING, ES_AT(bulk_path), .doc = "path of bulk requests"},                                 \
	{"parameters", OPT_HASH, ES_AT(parameters), .doc = "query parameters added to bulk requests"},               \
	{"custom_headers", OPT_HASH, ES_AT(custom_headers), .doc = "headers added to every request"},                \
	{"proxy", OPT_STRING, ES_AT(proxy), .doc = "HTTP proxy; the environment's is not used"},                     \
	{"user", OPT_STRING, ES_AT(user), .doc = "user (Basic)"},                                                    \
	{"password", OPT_PASSWORD, ES_AT(password), .doc = "password (Basic)"}

#define ES_ROWS_TLS                                                                                                  \
	{"ssl_verification_mode", OPT_ENUM, ES_AT(verification), .def = "full", .choices = es_verification_choices,  \
	 .doc = "full: the server's certificate is verified; none: anybody is believed"},                            \
	{"ssl_certificate_verification", OPT_BOOL, ES_AT(verification_old), .flags = OPT_DEPRECATED, .def = "true",  \
	 .instead = "ssl_verification_mode"},                                                                        \
	{"ssl", OPT_BOOL, ES_AT(ssl_old), .flags = OPT_DEPRECATED, .instead = "ssl_enabled"},                        \
	{"cacert", OPT_PATH, ES_AT(ca_old), .flags = OPT_DEPRECATED, .instead = "ssl_certificate_authorities"},      \
	{"ssl_supported_protocols", OPT_LIST, ES_AT(protocols), .doc = "TLSv1.2, TLSv1.3; default both"},            \
	{"ssl_cipher_suites", OPT_IGNORED}

#define ES_ROWS_HTTP                                                                                                 \
	{"compression_level", OPT_INT, ES_AT(compression_level), .def = "1", .min = 0, .max = 9,                    \
	 .doc = "gzip of requests: 0 none, 1 fast ... 9 small"},                                                     \
	{"http_compression", OPT_BOOL, ES_AT(http_compression), .flags = OPT_DEPRECATED, .instead = "compression_level"}, \
	{"timeout", OPT_INT, ES_AT(timeout), .def = "90", .min = 1, .max = 3600,                                     \
	 .doc = "seconds for a whole request (to connect: 5)"},                                                      \
	{"resurrect_delay", OPT_INT, ES_AT(resurrect_delay), .def = "5", .min = 1, .max = 3600,                      \
	 .doc = "seconds after which a server that could not be reached is tried again"},                            \
	{"pool_max", OPT_IGNORED}, {"pool_max_per_route", OPT_IGNORED}, {"validate_after_inactivity", OPT_IGNORED},  \
	{"sniffing", OPT_IGNORED}, {"sniffing_delay", OPT_IGNORED}, {"sniffing_path", OPT_IGNORED},                  \
	{"healthcheck_path", OPT_IGNORED}, {"retry_initial_interval", OPT_IGNORED},                                  \
	{"retry_max_interval", OPT_IGNORED}, {"silence_errors_in_log", OPT_IGNORED},                                 \
	{"failure_type_logging_whitelist", OPT_IGNORED}, {"default_server_major_version", OPT_IGNORED},              \
	{"distribution_checker", OPT_IGNORED}

#define ES_ROWS_WHAT                                                                                                 \
	{"index", OPT_TMPL, ES_AT(index), .doc = "index; default the alias of ilm_rollover_alias, without ILM logstash-%{+yyyy.MM.dd}, with ECS a data stream"}, \
	{"action", OPT_TMPL, ES_AT(action), .doc = "index, create, update or delete"},                               \
	{"document_id", OPT_TMPL, ES_AT(document_id), .doc = "_id; default weir's own, so that nothing arrives twice"}, \
	{"routing", OPT_TMPL, ES_AT(routing), .doc = "routing"},                                                     \
	{"pipeline", OPT_TMPL, ES_AT(pipeline), .doc = "ingest pipeline; none where it renders to nothing"},         \
	{"version", OPT_TMPL, ES_AT(version), .doc = "version of the document"},                                     \
	{"version_type", OPT_ENUM, ES_AT(version_type), .def = "\"\"", .choices = es_version_type_choices,            \
	 .doc = "who counts versions"},                                                                              \
	{"upsert", OPT_TMPL, ES_AT(upsert), .doc = "document to make where an update finds none, as JSON"},          \
	{"doc_as_upsert", OPT_BOOL, ES_AT(doc_as_upsert), .def = "false", .doc = "an update that finds none makes the event's document"}, \
	{"script", OPT_STRING, ES_AT(script), .doc = "script of an update"},                                         \
	{"script_type", OPT_ENUM, ES_AT(script_type), .def = "inline", .choices = es_script_type_choices, .doc = "inline text, or a stored script's id"}, \
	{"script_lang", OPT_STRING, ES_AT(script_lang), .def = "painless", .doc = "language of the script"},          \
	{"script_var_name", OPT_STRING, ES_AT(script_var_name), .def = "event", .doc = "name of the event in the script"}, \
	{"scripted_upsert", OPT_BOOL, ES_AT(scripted_upsert), .def = "false", .doc = "the script makes the document"}, \
	{"retry_on_conflict", OPT_INT, ES_AT(retry_on_conflict), .def = "1", .min = 0, .max = 1000, .doc = "tries of an update within the server"}

#define ES_ROWS_STREAM                                                                                               \
	{"data_stream", OPT_STRING, ES_AT(data_stream), .def = "auto", .doc = "true, false, or auto: with ECS and no option that speaks of an index"}, \
	{"data_stream_type", OPT_STRING, ES_AT(ds_type), .def = "logs", .doc = "first part of the stream's name"},     \
	{"data_stream_dataset", OPT_STRING, ES_AT(ds_dataset), .def = "generic", .doc = "second part"},               \
	{"data_stream_namespace", OPT_STRING, ES_AT(ds_namespace), .def = "default", .doc = "third part"},            \
	{"data_stream_auto_routing", OPT_BOOL, ES_AT(auto_routing), .def = "true", .doc = "the event's own data_stream.* decides"}, \
	{"data_stream_sync_fields", OPT_BOOL, ES_AT(sync_fields), .def = "true", .doc = "data_stream.* in the document says where it went"}

#define ES_ROWS_AFTER                                                                                                \
	{"manage_template", OPT_BOOL, ES_AT(manage_template), .def = "true",                                         \
	 .doc = "make the index template, if the server has none of that name; of data streams only weir's own"},    \
	{"template", OPT_PATH, ES_AT(template_file), .doc = "JSON file with a template of one's own"},               \
	{"template_name", OPT_STRING, ES_AT(template_name), .doc = "its name; default the alias where there is one, else logstash, with ECS ecs-logstash"}, \
	{"template_overwrite", OPT_BOOL, ES_AT(template_overwrite), .def = "false", .doc = "also over a template that is there"}, \
	{"ilm_rollover_alias", OPT_STRING, ES_AT(ilm_alias), .doc = "alias to write to; default logstash, with ECS ecs-logstash"}, \
	{"dlq_custom_codes", OPT_LIST, ES_AT(dead_codes), .doc = "further status codes of items that are dead letters"}, \
	{"dlq_on_failed_indexname_interpolation", OPT_BOOL, ES_AT(dead_on_unresolved_index), .def = "true",          \
	 .doc = "an index name with an unresolved field makes a dead letter"},                                       \
	{"drop_error_types", OPT_LIST, ES_AT(drop_types), .doc = "types of errors for which items are dropped"}

#define ES_ROWS_OBSOLETE                                                                                             \
	{"document_type", OPT_OBSOLETE}, {"index_type", OPT_OBSOLETE}, {"flush_size", OPT_OBSOLETE},                  \
	{"idle_flush_time", OPT_OBSOLETE}, {"max_retries", OPT_OBSOLETE}, {"max_inflight_requests", OPT_OBSOLETE},    \
	{"cluster", OPT_OBSOLETE, .instead = "hosts"}, {"embedded", OPT_OBSOLETE}, {"embedded_http_port", OPT_OBSOLETE}, \
	{"parent", OPT_OBSOLETE, .instead = "fields of type join are not written"},                                  \
	{"join_field", OPT_OBSOLETE, .instead = "fields of type join are not written"},                              \
	{"bind_host", OPT_OBSOLETE}, {"bind_port", OPT_OBSOLETE}, {"node_name", OPT_OBSOLETE},                        \
	{"truststore", OPT_PATH, ES_AT(truststore), .flags = OPT_DEPRECATED, .instead = "ssl_certificate_authorities"}, \
	{"truststore_password", OPT_IGNORED},                                                                        \
	{"keystore", OPT_PATH, ES_AT(keystore), .flags = OPT_DEPRECATED, .instead = "ssl_keystore_path"},            \
	{"keystore_password", OPT_PASSWORD, ES_AT(keystore_password), .flags = OPT_DEPRECATED, .instead = "ssl_keystore_password"}

static const struct output_ops es_ops = {
	.queue_offset = offsetof(struct es, queue),
	.linger_ns = 1000000000,
	.request_max = 20 * 1024 * 1024,
	.render = es_render,
	.start = es_start,
	.stop = es_stop,
	.link_open = es_link_open,
	.link_close = es_link_close,
	.begin = es_begin,
	.send = es_send,
	.wake = es_wake,
	.describe = es_describe,
};

#endif
