/*
 * base64.h - RFC 4648, section 4.
 */
#ifndef WEIR_BASE_BASE64_H
#define WEIR_BASE_BASE64_H

#include "base/arena.h"
#include "base/buf.h"

/* Padded, on one line. */
void base64_write(struct buf *out, struct str s);
/* Also with the digits of section 5 (- and _), and without padding. false: something else stands in it. */
bool base64_read(struct arena *a, struct str s, struct str *out);

#endif
