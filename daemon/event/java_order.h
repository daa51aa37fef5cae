/*
 * java_order.h - values as they come out of Logstash where it copies an event's maps into Java's HashMap.
 */
#ifndef WEIR_EVENT_JAVA_ORDER_H
#define WEIR_EVENT_JAVA_ORDER_H

#include "event/value.h"

/* v with all maps in it in the order of a HashMap: new maps and lists in a, texts borrowed. Depth is bounded by what an event may hold. */
struct value value_java_order(struct arena *a, const struct value *v);

#endif
