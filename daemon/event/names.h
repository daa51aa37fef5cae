/*
 * names.h - the names that weir itself knows, side by side as JSON has them in front of a value: `"name":`.
 *
 * Every part of a path in fields.def, and Logstash's own names, are in one block of bytes. A key whose bytes lie in it is written by
 * copying, without a look at each character (json_write.c), and two keys of one name are the same pointer. Whoever makes keys at
 * set-up (references, the syslog decoder) takes the bytes from here; keys out of log data never enter it.
 *
 * Filled once by fields_init(), read by every thread.
 */
#ifndef WEIR_EVENT_NAMES_H
#define WEIR_EVENT_NAMES_H

#include "event/value.h"

enum {
	NAMES_BYTES = 16384,
	NAMES_PAD = 32, /* bytes behind the last name, so that 32 may be copied at once */
};

extern char names_block[NAMES_BYTES + NAMES_PAD];

/* By fields_init(): s becomes known. Names with characters that JSON escapes are passed over. */
void names_add(struct str s);
/* The same text out of the block, or s where it is not known. */
struct str names_find(struct str s);

/* A key for a name of the program's or of the configuration's; borrows s where it is not known. */
static inline struct key key_named(struct str s)
{
	return key_make(names_find(s));
}

/* The key stands in the block, with its quotes and the colon around it. */
static inline bool key_is_framed(const struct key *k)
{
	size_t at = (uintptr_t)k->p - (uintptr_t)names_block;

	/* A slice of a known name points here, too, but has no quote at both ends. */
	return at - 1 < NAMES_BYTES - 1 && k->p[-1] == '"' && k->p[k->len] == '"';
}

#endif
