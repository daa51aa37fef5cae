/*
 * url.h - http(s) URLs as people write them in options for hosts.
 *
 * Nearly everything may be left out: "h", "h:9200", "//h", "[::1]:9200", "https://u:p@h:9243/prefix". Any thread.
 */
#ifndef WEIR_BASE_URL_H
#define WEIR_BASE_URL_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

/* Slices of the text. */
struct url {
	struct str user, password, host, path; /* path: without a slash at its end; user and password as written (url_decode) */
	bool https, has_scheme;
	uint64_t port; /* 0: none */
};

/* -1 and err, which never holds a password. */
int url_parse(struct str in, struct url *u, struct err *err);
/* "%41" becomes "A". */
struct str url_decode(struct arena *a, struct str s);
/* All but letters, digits and -._~,* as %XX. */
void url_percent(struct buf *out, struct str s);
/* Would break a request's line or header. */
bool url_has_control(struct str s);

#endif
