/*
 * store_salvage.h - which events a damaged day file may still hold.
 *
 * Their numbers stand in three trees (event, batch, segment; store_format.h), so that a page of one that cannot be read hides none that is sound. Each number
 * is then looked up by itself: those in the damaged page fail, their neighbours do not. One thread.
 */
#ifndef WEIR_OUTPUTS_STORE_SALVAGE_H
#define WEIR_OUTPUTS_STORE_SALVAGE_H

#include "outputs/store_day.h"

/* Every number that can be found, sorted, each once; what `out` held is overwritten. Some name events that cannot be read, or that never were. */
void store_salvage(sqlite3 *db, struct id_set *out);

#endif
