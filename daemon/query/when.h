/*
 * when.h - a time as a person writes it: ISO 8601, "15m" ago, "yesterday".
 *
 * Any thread; nothing is kept.
 */
#ifndef WEIR_QUERY_WHEN_H
#define WEIR_QUERY_WHEN_H

#include "base/err.h"
#include "base/ts.h"
#include "base/zone.h"

/*
 * "2026-11-24", "2026-11-24T03:12", "2026-11-24 03:12:09.5", with or without "Z" or "+02:00"; without one it is a time of the zone (NULL:
 * UTC). [*from, *end) is what was written: a day, a minute, a second. A time that a zone left out (the clock was put forward) is read
 * with the offset before.
 */
bool when_iso(struct str s, const struct zone *zone, struct ts *from, struct ts *end);

/* The same, and "now", "today", "yesterday", "90s", "15m", "2h", "3d", "1w" (before now). -1 and err. */
int when_read(struct str s, const struct zone *zone, struct ts now, struct ts *from, struct ts *end, struct err *err);

#endif
