/*
 * from_map.h - an event made of a document, as every decoder of structured data makes them.
 */
#ifndef WEIR_EVENT_FROM_MAP_H
#define WEIR_EVENT_FROM_MAP_H

#include "event/event.h"

/*
 * Takes over m (in ev's arena) as the fields of ev, which event_init() made. [@metadata] becomes the event's own;
 * @version is "1" unless given. @timestamp: ISO text is read, missing or null is now; anything else is now, too, the original
 * in [_@timestamp] and the tag _timestampparsefailure. tags that are no text and no list of texts go to [_tags], with
 * _tagsparsefailure. -1, and ev untouched: [@metadata] is no object.
 */
int event_from_map(struct event *ev, struct map *m, struct ts now);

/*
 * Sets each entry of m as a field; a key is the text of a reference ("[a][b]" is b in a), as where a filter found it in
 * data. -1 at the first that cannot be set (malformed, below a scalar, [@timestamp]); those before it stay.
 */
int event_set_all(struct event *ev, const struct map *m);

/*
 * The same over an event that a codec has made already: where both have a map the entries of m's go into the event's, one level deep. What cannot be set
 * as a reference is set under the literal name. Borrows m's values.
 */
void event_merge_all(struct event *ev, const struct map *m);

#endif
