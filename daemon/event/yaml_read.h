/*
 * yaml_read.h - a YAML document to values, as Ruby's Psych reads it (YAML 1.1: yes is true, 010 is 8, 1:30 is 90).
 *
 * Dates become V_NONE, for an event has no such value; everything else is what an event can hold. A key that is no text is left
 * out of the outermost map (nothing that asks by text finds it in Ruby) and is text further in.
 *
 * Total over any input; depth and the number of values, aliases followed, are bounded.
 */
#ifndef WEIR_EVENT_YAML_READ_H
#define WEIR_EVENT_YAML_READ_H

#include "base/err.h"
#include "event/value.h"

enum { YAML_DEPTH_MAX = 100, YAML_VALUES_MAX = 8 * 1024 * 1024 };

/* The first document; nothing at all is null. Text is copied into a. -1 and err with line and column. */
int yaml_read(struct arena *a, struct str text, struct value *out, struct err *err);

#endif
