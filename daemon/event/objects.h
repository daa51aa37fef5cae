/*
 * objects.h - the objects at an event's root that enrichers read: source, event, host ...
 *
 * Several filters in a row ask each event for the same objects. One pass over the root's names finds all of them; as long as the root has
 * the same names in the same places, no filter looks for them again. What stands in them is never remembered.
 */
#ifndef WEIR_EVENT_OBJECTS_H
#define WEIR_EVENT_OBJECTS_H

#include "event/event.h"

/* The two ends of what an event is about, and who is the client of them, in the order in which enrichers look at them. */
enum { EVENT_SIDES = 3 };
extern const enum event_object event_sides[EVENT_SIDES];

/* By fields_init(), once their hashes can be made. */
void event_objects_init(void);
/* Of an event whose root has changed. */
void event_find_objects(struct event *ev);

/* NULL: nothing stands under that name, or no object. Holds until the root's next change. */
static inline struct map *event_object(struct event *ev, enum event_object o)
{
	struct event_objects *x = &ev->objects;
	struct value *v;

	if (x->e != ev->root.e || x->n != ev->root.n || x->removed != ev->root.removed)
		event_find_objects(ev);
	if (!x->at[o])
		return NULL;
	v = &ev->root.e[x->at[o] - 1].val;
	return value_is(v, V_MAP) ? v->map : NULL;
}

#endif
