/*
 * field_writer.h - many known fields into one event, without walking each path from the root.
 *
 *	field_writer_begin(&w, ev);
 *	field_put(&w, F_SOURCE_IP, v_str(ip));
 *	field_put(&w, F_SOURCE_PORT, v_int(25));	its map is known by now
 *
 * Every object that rows of fields.def have in common (source, source.geo, dns.question ...) is a node. The writer knows where each node's map is in the present
 * event, and what it held before: the rest was put by the writer. So from begin() on nobody else may add to, replace or remove
 * objects of the event; who must calls begin() again afterwards. Tags and scalars at the event's root are nobody's business.
 * Work thread; about 5 KB, to be kept from event to event.
 */
#ifndef WEIR_EVENT_FIELD_WRITER_H
#define WEIR_EVENT_FIELD_WRITER_H

#include "event/event.h"
#include "event/fields.h"

enum { FIELD_NODES = 192 };

struct field_writer {
	struct event *ev;
	uint32_t event; /* which one it is: what was remembered of former ones does not count */
	bool surveyed;	/* each object at the root that is there has its map below */
	struct {
		uint32_t event;
		uint32_t former; /* of the map's entries: so many were there before, under names whose bytes are known; or FORMER_UNKNOWN */
		struct map *map;
	} node[FIELD_NODES];
	uint32_t put[FIELDS]; /* the event in which the field was put last */
};

/* Zeroed at first. */
void field_writer_begin(struct field_writer *w, struct event *ev);
/* Sets or replaces; a scalar that stands where an object belongs gives way to it. Borrows v. */
void field_put(struct field_writer *w, enum field_id id, struct value v);
/* What is there, or NULL. */
struct value *field_have(struct field_writer *w, enum field_id id);
/* What is there where it is a string, else an empty one. */
struct str field_text(struct field_writer *w, enum field_id id);

/* By fields_init(). */
void field_nodes_init(void);

#endif
