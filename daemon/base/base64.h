/*
 * base64.h - RFC 4648, section 4.
 */
#ifndef WEIR_BASE_BASE64_H
#define WEIR_BASE_BASE64_H

#include "base/arena.h"
#include "base/buf.h"

/* Bytes of n encoded. */
#define BASE64_LEN(n) (((n) + 2) / 3 * 4)

/* Padded, on one line; out has BASE64_LEN(s.len) bytes, which is what comes back. */
size_t base64_encode(char *out, struct str s);
void base64_write(struct buf *out, struct str s);
/* Also with the digits of section 5 (- and _), and without padding. false: something else stands in it. */
bool base64_read(struct arena *a, struct str s, struct str *out);

#endif
