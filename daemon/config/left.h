/*
 * left.h - what an installed Logstash leaves behind on a machine, as far as it matters to whoever follows it.
 *
 * Its release, which decides the names of fields where no setting does; and events in a persistent queue, which nobody but
 * Logstash itself can send. Only reads. One thread, at start and in `weir check`.
 *
 * A persistent queue is a folder of pages. Its file checkpoint.head, 34 bytes, big endian, says how far it is emptied:
 *
 *	0    2       6                   10                    18          26              30    34
 *	| version | page | first page not done | first event not done | first of the page | events | CRC |
 */
#ifndef WEIR_CONFIG_LEFT_H
#define WEIR_CONFIG_LEFT_H

#include "base/arena.h"

/*
 * The release of an installed Logstash, as "8.13.4"; .p NULL where none is found. Looked for in $LS_HOME, in the LS_HOME that
 * startup.options in the settings folder names, and where its packages put it.
 */
struct str left_release(struct arena *a, const char *settings_dir);
/* The number before its first point; 0 where there is none. */
unsigned left_major(struct str release);

enum queue_state {
	QUEUE_NONE,   /* no folder with a checkpoint */
	QUEUE_EMPTY,
	QUEUE_LEFT,   /* there are events in it */
	QUEUE_UNCLEAR, /* there is something that could not be read */
};
/* Of one pipeline's folder of pages; *events is how many are left in the last page, at least. */
enum queue_state left_queue(const char *dir, uint64_t *events);

#endif
