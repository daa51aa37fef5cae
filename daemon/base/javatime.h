/*
 * javatime.h - date patterns in the letters of java.time, for `%{{yyyy-MM-dd}}`. Printing only, in UTC and English (US).
 *
 *	G era | u year, y year of era, Y week-based year | Q q quarter | M L month | w W week | D day of year | d day
 *	E e c weekday | F week of the month's days | a B half of the day | h K H k m s | S fraction, A N n of the day | g day number
 *	V v z O X x Z zone | 'text' '' | [ ] optional (always printed) | p pads the next one
 */
#ifndef WEIR_BASE_JAVATIME_H
#define WEIR_BASE_JAVATIME_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/ts.h"

struct javatime;

/* NULL and err where java.time refuses the pattern. Lives in the arena; the pattern is copied. */
struct javatime *javatime_compile(struct arena *a, struct str pattern, struct err *err);
/* Appends t. -1 and err where java.time raises an exception while printing; out is as before then. */
int javatime_format(const struct javatime *j, struct ts t, struct buf *out, struct err *err);

#endif
