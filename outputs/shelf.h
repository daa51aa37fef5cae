/*
 * shelf.h - where a sender's packs wait on disk: the seam between the sender and whatever stores them.
 *
 * Today there is one kind, unsent.c: written once when weird stops, read at the next start. A disk spool that also takes packs
 * while the far end is down implements the same four calls. Called with no lock held, by one thread at a time.
 */
#ifndef WEIR_OUTPUTS_SHELF_H
#define WEIR_OUTPUTS_SHELF_H

#include "base/err.h"
#include "outputs/pack.h"

struct shelf {
	/*
	 * Stores the items of all n packs that are not settled, durably when it returns. Returns how many it stored (all), or -1 and err (none): the
	 * caller counts them as dropped.
	 */
	int64_t (*store)(struct shelf *sh, struct pack *const *packs, size_t n, struct err *err);
	/* The next pack from the disk, oldest first; NULL when there is none. Its items carry ITEM_STORED. */
	struct pack *(*take)(struct shelf *sh);
	/* Every item that take() gave out has a final verdict or was stored again: they may be forgotten. */
	void (*settled)(struct shelf *sh);
	void (*free)(struct shelf *sh);
};

/* A file DIR/unsent/KEY.ndjson (framing: see unsent.c). NULL and err where the folder cannot be made. */
struct shelf *unsent_shelf_new(struct str data_dir, struct str key, struct err *err);

#endif
