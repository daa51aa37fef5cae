/*
 * ruby_text.h - values as Ruby's to_s gives them: inspect.h's forms, but a string is itself and nil is nothing.
 */
#ifndef WEIR_EVENT_RUBY_TEXT_H
#define WEIR_EVENT_RUBY_TEXT_H

#include "event/value.h"

/* Lives in a, or where the value's text lives. */
struct str ruby_to_s(struct arena *a, const struct value *v);

/*
 * What Logstash's sprintf makes of an option's value that is no string: numbers and lists in their text form, a hash as the
 * list of its pairs.
 */
struct str option_text(struct arena *a, const struct value *v);

#endif
