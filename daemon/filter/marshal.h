/*
 * marshal.h - values as Ruby's Marshal writes them, version 4.8: what Logstash's filter memcached stores.
 *
 *	04 08  then one value:
 *	0 T F		nil, true, false
 *	i N		an integer of 31 bits; N: one byte, or how many bytes (1..4, negative: -1..-4) and these, the lowest first
 *	l S N bytes	a larger one: sign, number of 16-bit words, these
 *	f N text	a float
 *	" N bytes	a string of bytes; I " ... 1 :E T  one in UTF-8
 *	[ N ...  { N ...	list, hash
 *	: N text ; N	a symbol, and one that was there before
 *	@ N		an object that was there before
 *
 * Objects of classes are refused. Pure; any thread.
 */
#ifndef WEIR_FILTER_MARSHAL_H
#define WEIR_FILTER_MARSHAL_H

#include "base/buf.h"
#include "base/err.h"
#include "event/value.h"

enum { MARSHAL_DEPTH = 100 };

/* A time becomes its text, an integer of more than 64 bits, too. */
void marshal_write(struct buf *out, const struct value *v);
/* All of `in`, copied into the arena. Symbols become texts. -1 and err. */
int marshal_read(struct arena *a, struct str in, struct value *out, struct err *err);

#endif
