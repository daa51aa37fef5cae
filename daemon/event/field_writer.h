/*
 * field_writer.h - many known fields into one event, without walking each path from the root.
 *
 *	field_writer_begin(&w, ev);
 *	field_put(&w, F_SOURCE_IP, v_str(ip));
 *	field_put(&w, F_SOURCE_PORT, v_int(25));	its map is known by now
 *
 * Every object that rows of fields.def have in common (source, source.geo, dns.question ...) is a node. The writer remembers where a node's map is in the present
 * event. While it is in use nothing else may remove or replace maps of the event.
 * Work thread; about 4 KB, to be kept from event to event.
 */
#ifndef WEIR_EVENT_FIELD_WRITER_H
#define WEIR_EVENT_FIELD_WRITER_H

#include "event/event.h"
#include "event/fields.h"

enum { FIELD_NODES = 192 };

struct field_writer {
	struct event *ev;
	uint32_t event; /* which one it is: what was remembered of former ones does not count */
	struct {
		uint32_t event;
		struct map *map;
	} node[FIELD_NODES];
};

/* Zeroed at first. */
void field_writer_begin(struct field_writer *w, struct event *ev);
/* Sets or replaces; a scalar that stands where an object belongs gives way to it. Borrows v. */
void field_put(struct field_writer *w, enum field_id id, struct value v);
/* What is there, or NULL. */
struct value *field_have(struct field_writer *w, enum field_id id);

/* By fields_init(). */
void field_nodes_init(void);

#endif
