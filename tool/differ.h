/*
 * differ.h - in which fields an event is another than expected: one line each.
 *
 *	[http][status]: expected 200, got "200"
 *	[tags]: expected ["a"], got nothing
 *	[pid]: not expected, got 31993
 *
 * Numbers are compared by value (1 is 1.0), as the JSON of a test case file cannot tell them apart.
 */
#ifndef WEIR_TOOL_DIFFER_H
#define WEIR_TOOL_DIFFER_H

#include "base/buf.h"
#include "event/value.h"

/* Appends a line for each difference, with `indent` before it. How many there are. */
unsigned differ(struct buf *out, const char *indent, const struct map *expected, const struct map *got);

#endif
