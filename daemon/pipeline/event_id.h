/*
 * event_id.h - the identity of an event, given once at receipt: base64url of 16 bytes.
 *
 *	6 bytes  time in ms (lookups by _id stay in the newest segments)
 *	5 bytes  nonce of the live source, or hash of what can be read again (a file)
 *	5 bytes  counter, or offset; big endian, so that the ids of one file rise
 *
 * Children of an event are ID.1, ID.2 ... A copy that goes a way of its own has the time and a hash of the original's id and the way.
 */
#ifndef WEIR_PIPELINE_EVENT_ID_H
#define WEIR_PIPELINE_EVENT_ID_H

#include "event/event.h"

void event_id_make(struct event *ev, int64_t time_ms, const uint8_t who[5], uint64_t which);
/* Behind it: a sign and a number, for further events that came of the same frame. */
void event_id_nth(struct event *ev, char sign, uint32_t nth);
/* ev is a copy: its id becomes another one, the same for the same event and way at every run. Nothing happens to an event without an id. */
void event_id_branch(struct event *ev, struct str way);

#endif
