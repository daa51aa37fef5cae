/*
 * utf8.h - valid UTF-8 and what to do with bytes that are not.
 *
 * Any thread; only utf8_scrub allocates.
 */
#ifndef WEIR_BASE_UTF8_H
#define WEIR_BASE_UTF8_H

#include "base/arena.h"

/* Well-formed per RFC 3629 (no surrogates, no overlongs). Fast over ASCII. */
bool utf8_valid(struct str s);
/* Length of the longest well-formed prefix. */
size_t utf8_valid_len(struct str s);
/* s itself if valid, else a copy in which each bad byte is U+FFFD (as Java's decoder counts: one per maximal ill-formed subpart). */
struct str utf8_scrub(struct arena *a, struct str s);
/* At an ill-formed place: how many bytes one U+FFFD stands for (at least 1; s is not empty). */
size_t utf8_bad_len(struct str s);
/* Next code point of valid text; *s moves. -1 at the end or on a bad byte (moves one byte). */
int32_t utf8_next(struct str *s);
/* Writes 1..4 bytes, returns how many. cp must be a scalar value. */
size_t utf8_put(char out[4], uint32_t cp);

#endif
