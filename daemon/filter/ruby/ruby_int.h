/*
 * ruby_int.h - what the files of the ruby module share.
 *
 * vm.c       the thread, jobs, signals, the time limit
 * values.c   values to Ruby objects and back; field references
 * event.c    LogStash::Event
 * prelude.rb the rest of what Logstash gives to Ruby: Timestamp, logger, scripts
 * aggregate.rb the filter aggregate
 *
 * Everything here runs on the VM's thread, or on another thread of Ruby's that has its lock, unless said otherwise. Functions that may
 * raise say so; they are called by Ruby or under rb_protect, never from a function of weird's.
 */
#ifndef WEIR_FILTER_RUBY_RUBY_INT_H
#define WEIR_FILTER_RUBY_RUBY_INT_H

/* Ruby's headers name what banned.h refuses, so its guard is set on this module's command line; from here on it holds here, too. */
#ifdef WEIR_BANNED_LATER
#undef WEIR_BASE_BANNED_H
#include "base/banned.h"
#endif

#include "filter/ruby_module.h"

/* As ruby.h has it, so that this header compiles without Ruby. */
typedef unsigned long VALUE;

extern const struct ruby_host *host;
extern const struct clock *host_clock; /* of events */

/* ---- values.c ---- */

void values_init(void);
VALUE values_to_ruby(const struct value *v);
VALUE values_map_to_ruby(const struct map *m);
/* Where within a value a text is: in one of these. */
struct values_place {
	const struct map *map;
	const struct list *list;
	uint32_t at;
};
/* The same, and tells of each text within a list or map: the new String, the place, the value there. */
typedef void values_text_fn(void *arg, VALUE text, struct values_place in, const struct value *v);
VALUE values_to_ruby_watched(const struct value *v, values_text_fn *text, void *arg);
/* In the arena a, sharing nothing with Ruby. Raises TypeError for what an event cannot hold. */
struct value values_from_ruby(struct arena *a, VALUE v);
/* A Ruby string's bytes as UTF-8; borrowed from it or from *keep, which the caller holds on its stack. Raises unless it is a String. */
struct str values_text(VALUE v, VALUE *keep);
/* Lives at least as long as the arena a. Raises where the text is no reference. */
const struct ref *values_ref(struct arena *a, VALUE name);

/* ---- event.c ---- */

void event_class_init(void);
/* Borrows ev until event_object_leave(). May raise (no memory). */
VALUE event_object(struct event *ev);
/* The block is over: what it did to texts it got is written into the event, and the object is cut off from ev. Does not raise. */
void event_object_leave(VALUE obj, bool *cancelled);
/* The event behind an object that may be kept, as a child of its own; NULL where it is cancelled. The object is empty afterwards, but for event_object_copy. Does not raise. */
struct ruby_child *event_object_take(VALUE obj);
/* A new one beside the one that event_object_take gave; for an object that stands in a list twice. */
bool event_object_is(VALUE obj);
/* May raise. */
void event_object_tag(VALUE obj, struct str tag);

#endif
