/*
 * tls_context.h - what tls.c needs of a context; others read base/tls.h.
 */
#ifndef WEIR_BASE_TLS_CONTEXT_H
#define WEIR_BASE_TLS_CONTEXT_H

#include "base/tls.h"

#include <openssl/ssl.h>

struct tls_context {
	_Atomic unsigned refs;
	enum tls_side side;
	SSL_CTX *ssl;
};

#endif
