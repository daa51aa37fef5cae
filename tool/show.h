/*
 * show.h - an event as one line for a person, or as its document.
 *
 *	2026-11-24 03:12:09.123 +01:00  mail  postfix/smtpd[4711]  connect from unknown[10.20.0.100]  [source 10.20.0.100: alice, laptop-7; Berlin, DE]
 */
#ifndef WEIR_TOOL_SHOW_H
#define WEIR_TOOL_SHOW_H

#include "base/buf.h"
#include "base/zone.h"
#include "outputs/store_read.h"

#include <stdio.h>

/* Local time of the zone. Control characters of the event are shown, never sent to the terminal. */
void show_line(FILE *f, const struct store_hit *hit, const struct zone *zone, struct zone_span *span);
/* The document as it was stored, one line of JSON, times in UTC. */
void show_json(FILE *f, const struct store_hit *hit);
/* "2026-11-24 03:12:09.123 +01:00" */
void show_time(struct buf *out, struct ts t, const struct zone *zone, struct zone_span *span);
/* Text with control characters as \xNN and \n. */
void show_text(struct buf *out, struct str text);

#endif
