/*
 * curl_tls.h - whom a connection of libcurl's trusts and what it shows: from options to a handle.
 *
 * Made once by an output's start() (main thread), read by its out threads.
 */
#ifndef WEIR_OUTPUTS_CURL_TLS_H
#define WEIR_OUTPUTS_CURL_TLS_H

#include "base/arena.h"
#include "base/err.h"
#include "event/value.h"

#include <curl/curl.h>

/* As configured; texts and lists are borrowed during curl_tls_init() only. */
struct curl_tls_options {
	const struct list *ca_files; /* PEM files; NULL: none */
	struct str ca_file;	     /* one more, by an older option */
	struct str certificate, key, key_passphrase;
	struct str keystore, keystore_password; /* PKCS#12, in the place of certificate and key */
	const struct list *protocols;		/* TLSv1.2, TLSv1.3; NULL: both */
	const struct value *fingerprint;	/* SHA-256 of an authority, or a list of them; NULL: none */
	bool verify;
};

struct curl_tls {
	bool verify;
	struct str ca; /* PEM, all files together; .len 0: the system's */
	const char *cert, *key, *key_pass, *cert_type;
	unsigned char (*fingerprint)[32];
	size_t n_fingerprints;
	long versions; /* for CURLOPT_SSLVERSION */
};

/* Copies into a, which must live as long as *t. -1 and err: a file that cannot be read, a value that means nothing. */
int curl_tls_init(struct curl_tls *t, struct arena *a, const struct curl_tls_options *o, struct err *err);
/* t is borrowed by the handle. */
void curl_tls_apply(const struct curl_tls *t, CURL *easy);

#endif
