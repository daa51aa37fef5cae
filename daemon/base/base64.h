/*
 * base64.h - RFC 4648, with padding; reading takes the alphabet for URLs, too. Any thread.
 */
#ifndef WEIR_BASE_BASE64_H
#define WEIR_BASE_BASE64_H

#include "base/arena.h"
#include "base/buf.h"

void base64_encode(struct buf *out, struct str s);
/* Padding may be missing. false: other letters. */
bool base64_decode(struct arena *a, struct str s, struct str *out);

#endif
