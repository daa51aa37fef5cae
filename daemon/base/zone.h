/*
 * zone.h - time zones out of the system's zoneinfo files.
 *
 * A zone is read once (TZif versions 1 to 4, RFC 9636, with the POSIX rule of the footer for years behind the
 * table), then never changes and never goes away: any thread may use it without a lock. UTC and fixed offsets
 * need no file.
 *
 * A name may come out of a log line: it is checked before it becomes a path, what does not exist is remembered
 * in a table of fixed size, and the number of zones kept is bounded.
 */
#ifndef WEIR_BASE_ZONE_H
#define WEIR_BASE_ZONE_H

#include "base/err.h"
#include "base/str.h"

struct zone;

/* A stretch of time with one offset: [from, to) in seconds UTC. Callers keep the last one as a cache. */
struct zone_span {
	const struct zone *zone; /* NULL: empty */
	int64_t from, to;
	int32_t offset; /* seconds east of UTC */
	bool dst;
	struct str abbr; /* "CEST", "-03" */
};

extern const struct zone *const zone_utc;

/*
 * "Europe/Berlin", "UTC", "GMT", "UT", "Z", "EST", "+05:30", "-0800", "+02", "UTC+3"; the case matters. NULL where there is
 * no such zone. A zoneinfo folder that is missing altogether is logged once.
 */
const struct zone *zone_find(struct str name);
/* The system's own: $TZ, else /etc/localtime, else UTC. Never NULL. */
const struct zone *zone_local(void);
/* -86399..86399 seconds. NULL beyond that, or when too many zones are in use. */
const struct zone *zone_fixed(int32_t seconds_east);

/* "Europe/Berlin", "UTC", "+05:30". */
struct str zone_name(const struct zone *z);

/* The span around an instant. */
void zone_span_at(const struct zone *z, int64_t utc_s, struct zone_span *span);
/* The offset at an instant; span is a cache (zeroed at first), filled and read. */
int32_t zone_offset(const struct zone *z, int64_t utc_s, struct zone_span *span);
/*
 * Local seconds (a civil time taken as UTC) to UTC. Where the clock was put back the earlier instant is taken;
 * false where it was put forward over that time. span is a cache as above.
 */
bool zone_to_utc(const struct zone *z, int64_t local_s, struct zone_span *span, int64_t *utc_s);

/* "+05:30", "-0800", "+02", "+01:02:03" as seconds; the whole slice. */
bool zone_parse_offset(struct str s, int32_t *seconds);

/* Where the files are, for tests; before the first zone_find. The text is borrowed. */
void zone_set_folder(const char *path);
/* The contents of a TZif file as a zone of its own, for tests and fuzzing; freed by zone_free. NULL and err if it is malformed. */
struct zone *zone_decode(struct str name, struct str data, struct err *err);
void zone_free(struct zone *z);

#endif
