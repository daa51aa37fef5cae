/*
 * store_keep.h - which day files of the store stay: by age, and by size of all of them together.
 *
 * Whole files go, the oldest day first, with their logs and what was set aside of that day. The file that is written to never goes: a day
 * that is large by itself is written in parts (store.c), so that there is something older to remove.
 */
#ifndef WEIR_OUTPUTS_STORE_KEEP_H
#define WEIR_OUTPUTS_STORE_KEEP_H

#include "base/err.h"

struct store_keep {
	int64_t oldest_day; /* days since 1970: what is older goes; INT64_MIN: nothing */
	uint64_t max_bytes; /* of everything; 0: no limit */
	int64_t current_day;
	unsigned current_part; /* 0: none */
};

struct store_kept {
	uint64_t bytes; /* what is left */
	uint64_t removed_bytes;
	unsigned removed_old, removed_size; /* day files */
};

/* -1 and err: the folder cannot be read, or a file not removed; the others are done all the same. */
int store_keep(const char *dir, const struct store_keep *keep, struct store_kept *out, struct err *err);

/* The highest part of a day in the folder; 0: there is none. -1: the folder cannot be read. */
int store_last_part(const char *dir, int64_t day);

#endif
