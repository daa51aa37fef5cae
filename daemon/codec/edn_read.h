/*
 * edn_read.h - text in EDN, Clojure's data notation, as values.
 *
 *	{:a 1, "b" [1.5 nil true \x], c/d #{1 2}} ; comment
 *
 * Keywords, symbols' names as keys, characters: text. Pure; total over any input.
 */
#ifndef WEIR_CODEC_EDN_READ_H
#define WEIR_CODEC_EDN_READ_H

#include "event/value.h"

enum { EDN_MAX_DEPTH = 200 };

/* The first value of text; what follows it does not matter. false: there is none, or it has no counterpart in an event (a set, a symbol, a tag). */
bool edn_read(struct arena *a, struct str text, struct value *out);

#endif
