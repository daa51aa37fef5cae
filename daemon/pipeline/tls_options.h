/*
 * tls_options.h - the options of TLS, as Logstash's plug-ins spell them now and have spelt them, and the context that comes of them.
 *
 * A plug-in embeds struct tls_options in its instance, takes the rows that its Logstash counterpart knows into its table, and calls
 * tls_options_open() in its open(): files are read then, so what is wrong with them is said with the place of the option before anything
 * listens, and a reload reads them anew. Old spellings share the place of the new ones. f: flags of the rows, OPT_WEIR where Logstash has none.
 */
#ifndef WEIR_PIPELINE_TLS_OPTIONS_H
#define WEIR_PIPELINE_TLS_OPTIONS_H

#include "base/tls.h"
#include "pipeline/plugin.h"

struct tls_options {
	bool enabled;
	struct str certificate, key, key_passphrase;
	const struct list *chain, *authorities;
	struct str authority_old;
	const struct list *protocols, *suites;
	double min_old, max_old;
	struct str keystore, keystore_password, keystore_type;
	struct str truststore, truststore_password, truststore_type;
	struct str revoked;
	bool revoked_all;
	int peer;	      /* enum tls_peer_check: servers */
	bool verify_old;      /* where ssl_verify was written: instead of the next or the last one */
	int verification;     /* enum tls_verification: clients */
	int64_t handshake_ms; /* servers */

	struct tls_context *context; /* by tls_options_open(); NULL: TLS is not enabled */
	bool check_name;	     /* clients: the server's certificate must bear its name */
};

enum tls_verification { TLS_VERIFY_FULL, TLS_VERIFY_CERTIFICATE, TLS_VERIFY_NONE };

extern const char *const tls_peer_words[];     /* none, optional, required */
extern const char *const tls_peer_old_words[]; /* none, peer, force_peer */
extern const char *const tls_verification_words[];

/* Either side. */
#define TLS_OPTIONS(S, m, f)                                                                                                                 \
	{"ssl_enabled", OPT_BOOL, offsetof(S, m.enabled), .flags = (f), .def = "false", .doc = "TLS 1.2 or 1.3; without it the other ssl_ options mean nothing"}, \
	TLS_FILE_OPTIONS(S, m, f)

/* The same where something else says whether there is TLS. */
#define TLS_FILE_OPTIONS(S, m, f)                                                                                                            \
	{"ssl_certificate", OPT_PATH, offsetof(S, m.certificate), .flags = (f), .doc = "PEM file of our certificate, its chain behind it; read anew at each reload"}, \
	{"ssl_key", OPT_PATH, offsetof(S, m.key), .flags = (f), .doc = "PEM file of its key"},                                               \
	{"ssl_key_passphrase", OPT_PASSWORD, offsetof(S, m.key_passphrase), .flags = (f), .doc = "what the key is encrypted with"},          \
	{"ssl_certificate_authorities", OPT_LIST, offsetof(S, m.authorities), .flags = (f), .doc = "PEM files, or folders with hashed names: whose certificates are accepted; default: the system's authorities"}, \
	{"ssl_supported_protocols", OPT_LIST, offsetof(S, m.protocols), .flags = (f), .doc = "TLSv1.2, TLSv1.3; default: both"},             \
	{"ssl_cipher_suites", OPT_LIST, offsetof(S, m.suites), .flags = (f), .doc = "names as IANA or OpenSSL list them, best first; default: OpenSSL's"}

/* Who listens. auth: the default, quoted. */
#define TLS_SERVER_OPTIONS(S, m, f, auth)                                                                                                    \
	{"ssl_client_authentication", OPT_ENUM, offsetof(S, m.peer), .flags = (f), .def = auth, .choices = tls_peer_words, .doc = "whether clients must show a certificate of one of the authorities"}, \
	{"ssl_handshake_timeout", OPT_INT, offsetof(S, m.handshake_ms), .flags = (f), .def = "10000", .min = 1, .max = 3600000, .doc = "milliseconds that a handshake may take"}

/* Who connects. */
#define TLS_CLIENT_OPTIONS(S, m, f)                                                                                                          \
	{"ssl_verification_mode", OPT_ENUM, offsetof(S, m.verification), .flags = (f), .def = "full", .choices = tls_verification_words, .doc = "what the server's certificate must be: full: of an authority and of this name; certificate: of an authority; none: anything"}

#define TLS_CHAIN_OPTIONS(S, m, f)                                                                                                           \
	{"ssl_extra_chain_certs", OPT_LIST, offsetof(S, m.chain), .flags = (f), .doc = "PEM files of certificates that are sent behind our own"}

#define TLS_KEYSTORE_OPTIONS(S, m, f)                                                                                                        \
	{"ssl_keystore_path", OPT_PATH, offsetof(S, m.keystore), .flags = (f), .doc = "PKCS#12 file of certificate and key (JKS is refused)"}, \
	{"ssl_keystore_password", OPT_PASSWORD, offsetof(S, m.keystore_password), .flags = (f), .doc = "its password"},                      \
	{"ssl_keystore_type", OPT_STRING, offsetof(S, m.keystore_type), .flags = (f), .doc = "only pkcs12"},                                 \
	{"ssl_truststore_path", OPT_PATH, offsetof(S, m.truststore), .flags = (f), .doc = "PKCS#12 file of the authorities whose certificates are accepted (JKS is refused)"}, \
	{"ssl_truststore_password", OPT_PASSWORD, offsetof(S, m.truststore_password), .flags = (f), .doc = "its password"},                  \
	{"ssl_truststore_type", OPT_STRING, offsetof(S, m.truststore_type), .flags = (f), .doc = "only pkcs12"}

/* Older configurations of tcp. For servers ssl_verify is whether clients must have a certificate. */
#define TLS_OLD_OPTIONS(S, m, instead_of_verify)                                                                                             \
	{"ssl_enable", OPT_BOOL, offsetof(S, m.enabled), .flags = OPT_DEPRECATED, .instead = "ssl_enabled", .doc = "older name of ssl_enabled"}, \
	TLS_OLD_FILE_OPTIONS(S, m, instead_of_verify)

#define TLS_OLD_FILE_OPTIONS(S, m, instead_of_verify)                                                                                        \
	{"ssl_cert", OPT_PATH, offsetof(S, m.certificate), .flags = OPT_DEPRECATED, .instead = "ssl_certificate", .doc = "older name of ssl_certificate"}, \
	{"ssl_cacert", OPT_PATH, offsetof(S, m.authority_old), .flags = OPT_DEPRECATED, .instead = "ssl_certificate_authorities", .doc = "older name of ssl_certificate_authorities: one file or folder"}, \
	{"ssl_verify", OPT_BOOL, offsetof(S, m.verify_old), .flags = OPT_DEPRECATED, .instead = instead_of_verify, .doc = "whether the other side's certificate is looked at"}

/* Older configurations of beats and http. */
#define TLS_OLDER_SERVER_OPTIONS(S, m)                                                                                                       \
	{"ssl", OPT_BOOL, offsetof(S, m.enabled), .flags = OPT_DEPRECATED, .instead = "ssl_enabled", .doc = "older name of ssl_enabled"},    \
	{"ssl_verify_mode", OPT_ENUM, offsetof(S, m.peer), .flags = OPT_DEPRECATED, .choices = tls_peer_old_words, .instead = "ssl_client_authentication", .doc = "older name of ssl_client_authentication"}, \
	{"cipher_suites", OPT_LIST, offsetof(S, m.suites), .flags = OPT_DEPRECATED, .instead = "ssl_cipher_suites", .doc = "older name of ssl_cipher_suites"}, \
	{"tls_min_version", OPT_FLOAT, offsetof(S, m.min_old), .flags = OPT_DEPRECATED, .instead = "ssl_supported_protocols", .doc = "1.2 or 1.3; less means 1.2"}, \
	{"tls_max_version", OPT_FLOAT, offsetof(S, m.max_old), .flags = OPT_DEPRECATED, .instead = "ssl_supported_protocols", .doc = "1.2 or 1.3"}

/*
 * After the options. -1 and err, ctx->pos at the option that it is about. enabled may have been set by the caller (a protocol that means
 * TLS). Options that mean nothing without TLS are named in a warning.
 */
int tls_options_open(struct tls_options *o, enum tls_side side, struct plugin_ctx *ctx, struct err *err);
void tls_options_close(struct tls_options *o);

#endif
