/*
 * inspect.h - values as Ruby's inspect shows them (the form of Ruby 3.4: {"k" => 1, "l" => [nil, "x\n"]}).
 */
#ifndef WEIR_EVENT_INSPECT_H
#define WEIR_EVENT_INSPECT_H

#include "base/buf.h"
#include "event/value.h"

/* The text between the quotes of String#inspect; bytes that are no UTF-8 appear as \xHH. */
void ruby_inspect_text(struct buf *out, struct str s);
/* The same with the quotes. */
void ruby_inspect_string(struct buf *out, struct str s);
/* nil, true, 1, 1.0e+20, "text", [..], {..}; a time as its ISO text. */
void ruby_inspect(struct buf *out, const struct value *v);

#endif
