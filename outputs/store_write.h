/*
 * store_write.h - the store of a data folder as its writer sees it: which day file is open, what goes, what is set aside.
 *
 * One per folder and process: outputs that name the same folder (two in one configuration, the old and the new one during a reload)
 * share it under its lock. Calls may block on the disk for as long as it takes: out threads.
 */
#ifndef WEIR_OUTPUTS_STORE_WRITE_H
#define WEIR_OUTPUTS_STORE_WRITE_H

#include "base/clock.h"
#include "outputs/store_file.h"

struct store_writer;

struct store_limits {
	int64_t retention_days; /* 0: no limit */
	uint64_t max_bytes;
};

struct store_counts {
	uint64_t files_expired; /* by age */
	uint64_t files_removed; /* by size */
	uint64_t files_corrupt;
	uint64_t bytes;		/* on disk, as of the last look */
};

/* Makes DIR (0700) where it is missing, takes its lock, removes what is beyond the limits: the first caller's, until somebody sets others. NULL and err. */
struct store_writer *store_writer_get(const char *dir, const struct store_limits *limits, const struct clock *clock, struct err *err);
/* The last one closes the day file; every event is searchable by its keys then. */
void store_writer_put(struct store_writer **w);

/*
 * All of them into the day file of `received_ms`, or none. STORE_AGAIN and err. A file that turns out to be damaged is set aside, logged once,
 * and a new one taken.
 */
enum store_result store_writer_add(struct store_writer *w, const struct store_doc *doc, size_t n, int64_t received_ms, struct err *err);
/* From now on. A reload that is refused in the end must not have removed anything: whoever writes says so, not whoever opens. */
void store_writer_limit(struct store_writer *w, const struct store_limits *limits);
void store_writer_counts(struct store_writer *w, struct store_counts *out);

#endif
