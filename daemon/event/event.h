/*
 * event.h - one event: a tree of values, and `@metadata` beside it.
 *
 * Everything an event holds lives in its arena (`ev->arena`) or longer; what a plug-in stores into it must
 * too: arena_dup() what does not. `@timestamp` is always a V_TIME while it is there.
 */
#ifndef WEIR_EVENT_EVENT_H
#define WEIR_EVENT_EVENT_H

#include "base/ip.h"
#include "event/ref.h"
#include "event/value.h"

struct ack;

enum event_object {
	OBJECT_EVENT,
	OBJECT_SOURCE,
	OBJECT_CLIENT,
	OBJECT_DESTINATION,
	OBJECT_HOST,
	OBJECT_DNS,
	OBJECT_PROCESS,
	OBJECT_WEIR,
	EVENT_OBJECTS
};

struct event {
	struct arena *arena;
	struct map root; /* @timestamp, @version, message, ... */
	struct map meta; /* @metadata */
	struct ack *ack; /* who waits for this event's end; may be NULL (eval, tests) */
	char id[32];	 /* "_id" towards Elasticsearch; design.md, identity of an event */
	uint8_t id_len;
	bool routed;	   /* at least one output has it */
	uint32_t children; /* made of it so far: they are ID.1, ID.2 ... */
	int64_t received_ns; /* wall clock at receipt */
	/* event_ip()'s, by the text's place. */
	struct event_ip {
		const char *p;
		uint32_t len;
		bool ok;
		struct ip ip;
	} ip[4];
	uint8_t ips;
	/* objects.h: where they stood in a root of that many names. */
	struct event_objects {
		const struct entry *e;
		uint32_t n, removed;
		uint16_t at[EVENT_OBJECTS]; /* their places + 1; 0: not there */
	} objects;
};

enum event_err {
	EVENT_OK = 0,
	EVENT_BELOW_SCALAR = -1, /* a part of the path holds a scalar */
	EVENT_BAD_TIMESTAMP = -2, /* @timestamp takes only a time */
	EVENT_BAD_TAGS = -3,	  /* any path below [tags] */
	EVENT_LIST_KEY = -4,	  /* a name where a list stands: ignored, as in Logstash */
	EVENT_TOO_BIG = -5,	  /* an absurd list index, or the limits on keys and depth */
};

/* An event with no field at all. */
void event_init(struct event *ev, struct arena *arena);
/* @timestamp and @version "1", as every new event has. */
void event_stamp(struct event *ev, struct ts now);

/* NULL where the path leads nowhere. The pointer holds until the next change of the event. */
struct value *event_get(const struct event *ev, const struct ref *r);
/* Creates the maps on the way; `[l][3]` on a shorter list pads with null. Borrows v. */
int event_set(struct event *ev, const struct ref *r, struct value v);
/* Takes the value out; parents stay, even empty. false if it was not there. */
bool event_remove(struct event *ev, const struct ref *r, struct value *old);

/*
 * ip_parse() of a text that the event holds, remembered: several filters ask for the same addresses. Borrows text, whose bytes must
 * stay as they are while the event lives.
 */
bool event_ip(struct event *ev, struct str text, struct ip *out);

/* By the literal top-level key. */
struct value *event_top(const struct event *ev, struct str key);
void event_set_top(struct event *ev, struct key key, struct value v);

/*
 * [tags] += tag. event_tag leaves a tag that is there alone (failure tags, event.tag);
 * event_add_tag appends always (the option add_tag). A `tags` that is a string becomes a list.
 * tag's bytes are borrowed.
 */
void event_tag(struct event *ev, struct str tag);
void event_add_tag(struct event *ev, struct str tag);
void event_remove_tag(struct event *ev, struct str tag);
bool event_has_tag(const struct event *ev, struct str tag);

/* The option add_field on one field: absent -> set; else becomes or extends a list. */
int event_append(struct event *ev, const struct ref *r, struct value v);

/* A deep copy into dst's arena (dst is initialised here). Text is shared if the arenas are the same. */
void event_copy(struct event *dst, const struct event *src, struct arena *arena);

/* [@timestamp], or false. */
bool event_timestamp(const struct event *ev, struct ts *out);

#endif
