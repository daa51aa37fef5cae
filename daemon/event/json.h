/*
 * json.h - JSON text to values and back.
 *
 * In: an own reader straight into the arena: big integers keep their digits, 1 and 1.0 stay apart, strings without
 * escapes are slices of the input (which must therefore live as long as the event). Iterative, with
 * limits. Out: Jackson's form as Logstash prints it (floats as Java's Double.toString, times as ISO 8601).
 */
#ifndef WEIR_EVENT_JSON_H
#define WEIR_EVENT_JSON_H

#include "base/buf.h"
#include "base/err.h"
#include "event/event.h"

enum { JSON_MAX_DEPTH = 1000 };

struct json_limits {
	unsigned depth; /* 0 = JSON_MAX_DEPTH */
	size_t keys;	/* in all maps together; 0 = no limit */
};

/*
 * Reads one value from the front of *in and moves *in behind it (and the blanks after it). -1 and err ("unexpected
 * character 'x' at byte 17"); duplicate keys: the last wins, at the first one's place.
 */
int json_read(struct arena *a, struct str *in, const struct json_limits *lim, struct value *out, struct err *err);

/*
 * Element by element over a top-level array, for arrays too large to hold as values. json_array_open expects blanks and '['. json_array_next:
 * 1 = *out is the next element, 0 = the array ended (in is behind ']'), -1 = error.
 */
struct json_array {
	struct str in;
	bool first, done;
};
bool json_array_open(struct json_array *it, struct str in);
int json_array_next(struct json_array *it, struct arena *a, const struct json_limits *lim, struct value *out, struct err *err);

/*
 * Appends all or, where the buffer's limit does not allow it (found up to 100 bytes early), nothing. Text that is no valid UTF-8 is scrubbed; control characters, DEL, C1, U+2028/9 and U+0085 are escaped.
 */
void json_write_value(struct buf *out, const struct value *v);
void json_write_string(struct buf *out, struct str s);
void json_write_map(struct buf *out, const struct map *m);
/* The event without @metadata. */
void json_write_event(struct buf *out, const struct event *ev);

#endif
