/*
 * fields.h - the fields that weir itself writes, each one row of fields.def.
 *
 *	event_set(ev, field_ref(F_SOURCE_IP), v_str(ip));
 *
 * A writer of several leaves of one object may hold on to its map and use field_key(), the last part of the path.
 * Keys carry a keyed hash, so fields_init() runs once, after hash_init() and before any thread; from then on the
 * table is read by every thread.
 */
#ifndef WEIR_EVENT_FIELDS_H
#define WEIR_EVENT_FIELDS_H

#include "event/ref.h"

enum field_id {
#define FIELD(id, path, type, doc) F_##id,
#include "event/fields.def"
#undef FIELD
	FIELDS
};

/* How a store shall index it. */
enum field_type {
	FT_KEYWORD,   /* exact text, cut off at 1,024 for the index only */
	FT_TEXT,      /* words */
	FT_WILDCARD,  /* long exact text */
	FT_RAW,	      /* kept, not indexed */
	FT_CONSTANT,  /* the same in all documents of a stream */
	FT_IP,
	FT_LONG,
	FT_BYTE,
	FT_FLOAT,
	FT_BOOLEAN,
	FT_DATE,
	FT_GEO_POINT,
	FT_FLATTENED, /* an object of which only leaves are indexed, as keywords */
	FT_OBJECT,    /* its leaves have rows of their own */
	FT_NESTED,
};

struct field {
	const char *path; /* dotted */
	enum field_type type;
	const char *doc;
};

/* Rows in the order of enum field_id. */
extern const struct field fields[FIELDS];
extern const struct ref *field_refs[FIELDS];

/* Idempotent; not thread-safe. */
void fields_init(void);

static inline const struct ref *field_ref(enum field_id id)
{
	return field_refs[id];
}

/* The path's last part: `ip` of source.ip. */
static inline struct key field_key(enum field_id id)
{
	const struct ref *r = field_refs[id];

	return r->part[r->n - 1].key;
}

/* By the dotted path; -1 where there is no such row. Linear: for set-up, not for events. */
int field_find(struct str path);
/* For qsort() of rows' numbers (int), by the parts of their paths: a.b before a-b, so that what belongs together stands together. */
int fields_by_path(const void *a, const void *b);

#endif
