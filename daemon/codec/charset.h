/*
 * charset.h - the option `charset` of codecs: bytes of a named encoding to UTF-8.
 *
 * Names are Ruby's, and as there the case of letters counts: "ISO-8859-1" is one, "iso-8859-1" is not. Text that
 * claims to be UTF-8 and is not becomes what Ruby's inspect shows ("caf\xE9"), as in Logstash: nothing is lost. In other
 * encodings what cannot be read becomes U+FFFD.
 *
 * Work thread: a conversion keeps state.
 */
#ifndef WEIR_CODEC_CHARSET_H
#define WEIR_CODEC_CHARSET_H

#include "base/arena.h"
#include "base/err.h"

struct charset {
	enum { CHARSET_UTF8, CHARSET_ASCII, CHARSET_ICONV } kind;
	void *cd;      /* iconv_t */
	unsigned unit; /* bytes of the smallest character */
};

/* -1 and err for a name that Logstash refuses or that this machine's iconv does not know. */
int charset_open(struct charset *c, struct str name, struct err *err);
void charset_close(struct charset *c);
/* UTF-8 text: `in` itself where it may stay as it is, else in a. */
struct str charset_decode(struct charset *c, struct arena *a, struct str in);

#endif
