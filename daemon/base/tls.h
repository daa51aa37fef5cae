/*
 * tls.h - TLS 1.2 and 1.3 by OpenSSL: contexts (certificate, authorities, versions), and a connection over memory, without a socket.
 *
 *	bytes from the socket -> tls_feed() -> tls_read()  -> plain text
 *	bytes to the socket   <- tls_take() <- tls_write() <- plain text
 *
 * A context is made once and shared by its connections, on any thread; a connection belongs to one thread. Sessions are never resumed and
 * no tickets are sent: a ticket that meets a socket which its sender has closed already is answered by a reset, and what the sender had
 * written before would be lost with it.
 */
#ifndef WEIR_BASE_TLS_H
#define WEIR_BASE_TLS_H

#include "base/err.h"

struct tls;
struct tls_context;

enum tls_side { TLS_SERVER, TLS_CLIENT };

/* Whether the other side must show a certificate. A client's peer, the server, always has one: TLS_PEER_OPTIONAL is TLS_PEER_REQUIRED. */
enum tls_peer_check { TLS_PEER_NONE, TLS_PEER_OPTIONAL, TLS_PEER_REQUIRED };

enum tls_version { TLS_VERSION_1_2 = 1, TLS_VERSION_1_3 = 2 }; /* bits */

/* ---- contexts: -1 and err where a file cannot be used; the context is of no use then ---- */

/* No certificate, no authorities, TLS 1.2 and later. */
struct tls_context *tls_context_new(enum tls_side side);
struct tls_context *tls_context_ref(struct tls_context *c);
void tls_context_unref(struct tls_context *c);
/* PEM: the certificate and perhaps its chain; .p NULL of passphrase: the key has none. */
int tls_context_certificate(struct tls_context *c, struct str path, struct err *err);
int tls_context_key(struct tls_context *c, struct str path, struct str passphrase, struct err *err);
/* PEM: certificates that are sent behind that one. */
int tls_context_chain(struct tls_context *c, struct str path, struct err *err);
/* PKCS#12: certificate, key and chain. */
int tls_context_keystore(struct tls_context *c, struct str path, struct str password, struct err *err);
/* PEM file, or a folder of files named by their hash (openssl rehash): who is believed. */
int tls_context_authority(struct tls_context *c, struct str path, struct err *err);
int tls_context_truststore(struct tls_context *c, struct str path, struct str password, struct err *err);
/* The system's authorities. */
void tls_context_system_authorities(struct tls_context *c);
/* PEM: revoked certificates of the authorities; all: of the whole chain, else of the last certificate only. */
int tls_context_revoked(struct tls_context *c, struct str path, bool all, struct err *err);
void tls_context_peer(struct tls_context *c, enum tls_peer_check check);
void tls_context_versions(struct tls_context *c, unsigned versions);
/*
 * Names as IANA lists them (TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256) or OpenSSL (ECDHE-RSA-AES128-GCM-SHA256), best first. With none of a
 * version that version is off. On failure *bad is the one that is not known.
 */
int tls_context_suites(struct tls_context *c, const struct str *names, size_t n, size_t *bad, struct err *err);

/* ---- a connection ---- */

enum tls_result {
	TLS_DATA,   /* *n bytes of plain text */
	TLS_MORE,   /* nothing until more is fed */
	TLS_ENDED,  /* the peer said that it has no more to say */
	TLS_FAILED, /* tls_why() says why; what tls_take() gives still goes to the peer */
};

/* Of a peer that was told apart by its certificate; one block, to be freed with free(). */
struct tls_peer {
	struct str subject;  /* RFC 2253: "CN=web1,O=Example"; empty: it showed none */
	struct str protocol; /* "TLSv1.3" */
	struct str cipher;   /* as IANA names it: "TLS_AES_256_GCM_SHA384" */
	bool verified;
};

/* name: of the server, for clients: asked for (SNI, not for addresses) and, with `check_name`, what its certificate must hold. */
struct tls *tls_new(struct tls_context *c, struct str name, bool check_name);
void tls_free(struct tls *t);
/* What the socket gave; at most some tens of KiB at a time, all of which is to be read (TLS_MORE) before the next. */
void tls_feed(struct tls *t, const void *p, size_t n);
enum tls_result tls_read(struct tls *t, char *out, size_t size, size_t *n);
/* Clients: takes the first step; the answer is read by tls_read(). */
void tls_begin(struct tls *t);
/* false: it has failed, or the handshake is not over. */
bool tls_write(struct tls *t, const void *p, size_t n);
/* What is to be sent: copies up to size bytes out; 0: nothing. */
size_t tls_take(struct tls *t, char *out, size_t size);
size_t tls_waiting(const struct tls *t);
/* The handshake is over. */
bool tls_up(const struct tls *t);
/* It is over for us, but a server may still refuse our certificate: clients with TLS 1.3. */
bool tls_one_sided(const struct tls *t);
/* Bytes were fed that are no whole record: a connection that ends now was cut off. */
bool tls_torn(const struct tls *t);
/* Says goodbye: tls_take() gives it. */
void tls_end(struct tls *t);
const char *tls_why(const struct tls *t);
/* After the handshake. */
struct tls_peer *tls_peer_of(const struct tls *t);

#endif
