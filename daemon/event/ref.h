/*
 * ref.h - a field reference, compiled once: `[a][b]`, `a`, `[l][0]`, `[@metadata][x]`.
 *
 * Logstash's strict syntax: text without brackets is one key (the empty one, too), dots and all; else every part stands in
 * its own brackets. `[a,b]` is the key "a,b". What is malformed is an error, never a guess.
 * A part that reads as a decimal integer indexes a list (negative: from the end) and is a plain key in a map.
 *
 * A ref is immutable and lives in the plan's arena (or is static): any thread may read it.
 */
#ifndef WEIR_EVENT_REF_H
#define WEIR_EVENT_REF_H

#include "base/err.h"
#include "event/value.h"

struct ref_part {
	struct key key;
	int64_t index;
	bool is_index;
};

struct ref {
	uint16_t n;	/* of parts, behind @metadata */
	bool meta;	/* below [@metadata] */
	bool timestamp; /* exactly [@timestamp] */
	bool tags;	/* [tags], or below it */
	const struct ref_part *part;
	struct str text; /* as written */
};

/* Copies text into the arena. NULL and err ("invalid field reference '[a'") where it is malformed. */
struct ref *ref_compile(struct arena *a, struct str text, struct err *err);
/* ref + one more key, taken literally. */
struct ref *ref_child(struct arena *a, const struct ref *parent, struct str key);

#endif
