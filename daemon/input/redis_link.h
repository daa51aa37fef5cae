/*
 * redis_link.h - a connection to Redis over TCP, TLS or a unix socket, for the input and the output.
 *
 * It never waits, but for the name server: its owner polls redis_link_fd() for redis_link_events() and lets it turn. Login and choice of the database
 * are part of the connecting; commands may be put in before that is over. Owned by one thread; the server's description is shared.
 */
#ifndef WEIR_INPUT_REDIS_LINK_H
#define WEIR_INPUT_REDIS_LINK_H

#include "base/err.h"
#include "event/value.h"
#include "input/resp.h"

/* ---- what both plug-ins have as options ---- */

struct redis_options {
	struct str path, username, password;
	int64_t port, db, timeout;
	bool ssl, ssl_enabled;
	struct str ssl_certificate, ssl_key, ssl_key_passphrase;
	const struct list *ssl_certificate_authorities, *ssl_cipher_suites, *ssl_supported_protocols;
	int ssl_verification_mode;
};

extern const char *const redis_verification_modes[];

/* Rows of an option table: S has the struct redis_options as member. */
#define REDIS_OPTIONS(S, m)                                                                                                                    \
	{"path", OPT_PATH, offsetof(S, m.path), .doc = "unix socket of the server, instead of host and port"},                               \
	{"port", OPT_INT, offsetof(S, m.port), .def = "6379", .min = 1, .max = 65535, .doc = "where host names none"},                        \
	{"db", OPT_INT, offsetof(S, m.db), .def = "0", .min = 0, .max = 1000000, .doc = "number of the database"},                            \
	{"username", OPT_STRING, offsetof(S, m.username), .flags = OPT_WEIR, .doc = "name to log in with (Redis 6)"},                         \
	{"password", OPT_PASSWORD, offsetof(S, m.password), .doc = "to log in with"},                                                         \
	{"timeout", OPT_INT, offsetof(S, m.timeout), .def = "5", .min = 1, .max = 3600, .doc = "seconds that connecting may take, and an answer"}, \
	{"ssl_enabled", OPT_BOOL, offsetof(S, m.ssl_enabled), .def = "false", .doc = "TLS"},                                                  \
	{"ssl", OPT_BOOL, offsetof(S, m.ssl), .flags = OPT_DEPRECATED, .instead = "ssl_enabled", .doc = "TLS"},                               \
	{"ssl_certificate_authorities", OPT_LIST, offsetof(S, m.ssl_certificate_authorities), .doc = "PEM files of authorities; else the system's"}, \
	{"ssl_certificate", OPT_PATH, offsetof(S, m.ssl_certificate), .doc = "PEM file of our own certificate"},                              \
	{"ssl_key", OPT_PATH, offsetof(S, m.ssl_key), .doc = "PEM file of its key"},                                                          \
	{"ssl_key_passphrase", OPT_PASSWORD, offsetof(S, m.ssl_key_passphrase), .doc = "of an encrypted key"},                                \
	{"ssl_verification_mode", OPT_ENUM, offsetof(S, m.ssl_verification_mode), .choices = redis_verification_modes, .def = "full",         \
	 .doc = "full: the server's certificate and name are checked; none: anybody may answer"},                                             \
	{"ssl_cipher_suites", OPT_LIST, offsetof(S, m.ssl_cipher_suites), .doc = "OpenSSL's or Java's names"},                                \
	{"ssl_supported_protocols", OPT_LIST, offsetof(S, m.ssl_supported_protocols), .doc = "TLSv1.2, TLSv1.3"}

/* ---- servers ---- */

struct redis_server;

/* host: "name", "name:port", "[::1]:port". A copy of all it needs; NULL and err where files cannot be read or options contradict each other. */
struct redis_server *redis_server_new(const struct redis_options *o, struct str host, struct err *err);
void redis_server_free(struct redis_server *s);
/* "redis.example:6379", for messages. */
const char *redis_server_name(const struct redis_server *s);
int64_t redis_server_timeout_ns(const struct redis_server *s);

/* ---- connections ---- */

struct redis_link;

/* Begins to connect; of a name with several addresses to the one behind that which failed last. NULL and err: not possible at all. */
struct redis_link *redis_link_new(struct redis_server *s, struct err *err);
void redis_link_free(struct redis_link *l);
int redis_link_fd(const struct redis_link *l);
/* POLLIN, POLLOUT. */
short redis_link_events(const struct redis_link *l);
/* Does what can be done: connects, writes, reads. -1 and err: it is broken or refused, and of no more use. */
int redis_link_turn(struct redis_link *l, struct err *err);
/* Connected and logged in. */
bool redis_link_ready(const struct redis_link *l);
/* Everything that was put in is out. */
bool redis_link_flushed(const struct redis_link *l);
/* Where commands are put in (resp_command). */
struct buf *redis_link_out(struct redis_link *l);
/* 1: the next reply; it lives in the arena, its texts until the next turn or redis_link_reply. 0: none yet. -1 and err: what came is no reply. */
int redis_link_reply(struct redis_link *l, struct arena *a, struct resp *out, struct err *err);
/* Replies that turn() would read are left where they are until false is set: the reader is full. */
void redis_link_hold(struct redis_link *l, bool hold);

#endif
