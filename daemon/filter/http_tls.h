/*
 * http_tls.h - the options about TLS that filters over HTTP have in common, with the names of Logstash's plug-ins.
 */
#ifndef WEIR_FILTER_HTTP_TLS_H
#define WEIR_FILTER_HTTP_TLS_H

#include "filter/http_ask.h"

struct http_tls {
	const struct list *authorities, *protocols;
	struct str ca_old, certificate, key, keystore, keystore_password, truststore, fingerprint;
	int verification;
};

extern const char *const http_tls_verification[];

/* Rows of a table of options: `member` is the struct http_tls in `type`; ca: the former name of the file of authorities. */
#define HTTP_TLS_OPTIONS(type, member, ca)                                                                                                      \
	{"ssl_certificate_authorities", OPT_LIST, offsetof(type, member.authorities), .doc = "PEM files of authorities to trust instead of the system's"}, \
	{ca, OPT_PATH, offsetof(type, member.ca_old), .flags = OPT_DEPRECATED, .instead = "ssl_certificate_authorities"},                      \
	{"ssl_certificate", OPT_PATH, offsetof(type, member.certificate), .doc = "PEM certificate to show"},                                   \
	{"ssl_key", OPT_PATH, offsetof(type, member.key), .doc = "its key"},                                                                  \
	{"ssl_keystore_path", OPT_PATH, offsetof(type, member.keystore), .doc = "PKCS#12 file with certificate and key"},                      \
	{"keystore", OPT_PATH, offsetof(type, member.keystore), .flags = OPT_DEPRECATED, .instead = "ssl_keystore_path"},                      \
	{"ssl_keystore_password", OPT_PASSWORD, offsetof(type, member.keystore_password), .doc = "its password"},                              \
	{"keystore_password", OPT_PASSWORD, offsetof(type, member.keystore_password), .flags = OPT_DEPRECATED, .instead = "ssl_keystore_password"}, \
	{"ssl_keystore_type", OPT_IGNORED},                                                                                                   \
	{"keystore_type", OPT_IGNORED},                                                                                                       \
	{"ssl_truststore_path", OPT_PATH, offsetof(type, member.truststore), .doc = "refused: export it as PEM for ssl_certificate_authorities"}, \
	{"truststore", OPT_PATH, offsetof(type, member.truststore), .flags = OPT_DEPRECATED, .instead = "ssl_certificate_authorities"},        \
	{"ssl_truststore_password", OPT_IGNORED},                                                                                             \
	{"truststore_password", OPT_IGNORED},                                                                                                 \
	{"ssl_truststore_type", OPT_IGNORED},                                                                                                 \
	{"truststore_type", OPT_IGNORED},                                                                                                     \
	{"ssl_supported_protocols", OPT_LIST, offsetof(type, member.protocols), .doc = "TLSv1.2, TLSv1.3; default both"},                      \
	{"ssl_cipher_suites", OPT_IGNORED},                                                                                                   \
	{"ssl_verification_mode", OPT_ENUM, offsetof(type, member.verification), .def = "full", .choices = http_tls_verification,              \
	 .doc = "none: anybody may answer"}

/* Into the setup; texts and files are copied into the arena. -1 and err. */
int http_tls_setup(const struct http_tls *t, struct arena *a, struct http_setup *s, struct err *err);

#endif
