/*
 * kafka_options.h - options that the input and the output kafka share, and what becomes of them: librdkafka's settings.
 *
 * Logstash's options are those of Kafka's client in Java; librdkafka has most of them under the same or another name. What it has not, and what
 * Java alone can use, is said with what to do instead.
 */
#ifndef WEIR_INPUT_KAFKA_OPTIONS_H
#define WEIR_INPUT_KAFKA_OPTIONS_H

#include "input/kafka_module.h"
#include "pipeline/plugin.h"

struct kafka_options {
	struct str bootstrap_servers, client_id, security_protocol, sasl_mechanism, sasl_jaas_config, sasl_kerberos_service_name;
	struct str sasl_oauthbearer_token_endpoint_url;
	struct str ssl_truststore_location, ssl_truststore_password, ssl_truststore_type;
	struct str ssl_keystore_location, ssl_keystore_password, ssl_keystore_type, ssl_key_password, ssl_endpoint_identification_algorithm;
	struct str jaas_path, kerberos_config, callback;
	int64_t connections_max_idle_ms, metadata_max_age_ms, receive_buffer_bytes, send_buffer_bytes, reconnect_backoff_ms, request_timeout_ms;
	const struct map *settings;
};

#define KAFKA_OPTIONS(S, m)                                                                                                                              \
	{"bootstrap_servers", OPT_STRING, offsetof(S, m.bootstrap_servers), .def = "\"localhost:9092\"", .doc = "HOST:PORT,... of some brokers of the cluster"}, \
	{"client_id", OPT_STRING, offsetof(S, m.client_id), .def = "\"logstash\"", .doc = "what brokers call us in their logs and quotas"},                   \
	{"security_protocol", OPT_STRING, offsetof(S, m.security_protocol), .def = "PLAINTEXT", .doc = "PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL"},        \
	{"sasl_mechanism", OPT_STRING, offsetof(S, m.sasl_mechanism), .def = "GSSAPI", .doc = "PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER or GSSAPI (Kerberos)"}, \
	{"sasl_jaas_config", OPT_PASSWORD, offsetof(S, m.sasl_jaas_config), .doc = "username=\"...\" and password=\"...\" are taken out of it; of Kerberos keyTab and principal"}, \
	{"sasl_kerberos_service_name", OPT_STRING, offsetof(S, m.sasl_kerberos_service_name), .doc = "the brokers' principal"},                              \
	{"sasl_oauthbearer_token_endpoint_url", OPT_STRING, offsetof(S, m.sasl_oauthbearer_token_endpoint_url), .doc = "where tokens are given out; clientId, clientSecret and scope stand in sasl_jaas_config"}, \
	{"ssl_truststore_location", OPT_PATH, offsetof(S, m.ssl_truststore_location), .doc = "authorities: a PEM file, or PKCS#12 with its password; else the system's"}, \
	{"ssl_truststore_password", OPT_PASSWORD, offsetof(S, m.ssl_truststore_password), .doc = "of a PKCS#12 file"},                                     \
	{"ssl_truststore_type", OPT_STRING, offsetof(S, m.ssl_truststore_type), .doc = "PEM or PKCS12; the file says so itself"},                           \
	{"ssl_keystore_location", OPT_PATH, offsetof(S, m.ssl_keystore_location), .doc = "our key and certificate: PKCS#12, or a PEM file with both"},       \
	{"ssl_keystore_password", OPT_PASSWORD, offsetof(S, m.ssl_keystore_password), .doc = "of a PKCS#12 file"},                                         \
	{"ssl_keystore_type", OPT_STRING, offsetof(S, m.ssl_keystore_type), .doc = "PEM or PKCS12; the file says so itself"},                               \
	{"ssl_key_password", OPT_PASSWORD, offsetof(S, m.ssl_key_password), .doc = "of an encrypted key"},                                                  \
	{"ssl_endpoint_identification_algorithm", OPT_STRING, offsetof(S, m.ssl_endpoint_identification_algorithm), .def = "https", .doc = "empty: the brokers' names are not checked"}, \
	{"connections_max_idle_ms", OPT_INT, offsetof(S, m.connections_max_idle_ms), .def = "540000", .min = 0, .max = INT32_MAX, .doc = "idle connections are closed"}, \
	{"metadata_max_age_ms", OPT_INT, offsetof(S, m.metadata_max_age_ms), .def = "300000", .min = 1, .max = 86400000, .doc = "how often the cluster is asked for its topics"}, \
	{"receive_buffer_bytes", OPT_INT, offsetof(S, m.receive_buffer_bytes), .def = "0", .min = -1, .max = 100000000, .doc = "of a socket; 0 or -1: the system's"}, \
	{"send_buffer_bytes", OPT_INT, offsetof(S, m.send_buffer_bytes), .def = "0", .min = -1, .max = 100000000, .doc = "of a socket; 0 or -1: the system's"}, \
	{"reconnect_backoff_ms", OPT_INT, offsetof(S, m.reconnect_backoff_ms), .def = "50", .min = 0, .max = 3600000, .doc = "first pause before a new connection; it grows"}, \
	{"request_timeout_ms", OPT_INT, offsetof(S, m.request_timeout_ms), .def = "40000", .min = 10, .max = 300000, .doc = "how long an answer may take"},  \
	{"librdkafka", OPT_HASH, offsetof(S, m.settings), .flags = OPT_WEIR, .doc = "settings of librdkafka by their own names, over everything else"},      \
	{"jaas_path", OPT_PATH, offsetof(S, m.jaas_path), .doc = "refused: sasl_jaas_config takes its place"},                                               \
	{"kerberos_config", OPT_PATH, offsetof(S, m.kerberos_config), .doc = "refused: the environment variable KRB5_CONFIG takes its place"},               \
	{"sasl_client_callback_handler_class", OPT_STRING, offsetof(S, m.callback), .doc = "refused: classes of Java"},                                      \
	{"sasl_login_callback_handler_class", OPT_IGNORED, 0, .doc = "a class of Java: sasl_oauthbearer_token_endpoint_url does without"},                   \
	{"client_dns_lookup", OPT_IGNORED, 0, .doc = "all addresses of a name are tried"},                                                                   \
	{"retry_backoff_ms", OPT_IGNORED, 0, .doc = "tries are further and further apart"}

/* Settings as they gather; everything in the arena. */
struct kafka_settings {
	struct arena *arena;
	struct kafka_setting *s;
	size_t n, cap;
};

void kafka_set(struct kafka_settings *k, const char *name, struct str value);
void kafka_set_int(struct kafka_settings *k, const char *name, int64_t value);
/* What the shared options become. -1 and err: not possible here, and what to do instead. */
int kafka_settings_of(struct kafka_settings *k, const struct kafka_options *o, struct err *err);
/* The option librdkafka: last, so that it wins. */
int kafka_settings_own(struct kafka_settings *k, const struct kafka_options *o, struct err *err);
/* A copy on the heap that outlives the plan: one allocation. */
struct kafka_setting *kafka_settings_copy(const struct kafka_settings *k);

/* The module, opened; NULL and err. */
const struct kafka_module *kafka_module(struct err *err);

#endif
