/*
 * store_file.h - writing one day file of the store (its form: store_format.h).
 *
 * A transaction per call of add(): when it returns STORE_WRITTEN the events are in the file's write-ahead log, seen by every reader, and
 * survive a crash of weird (a power cut may take the last seconds). Keys are collected in memory and written as a segment for every
 * POSTINGS_EVENTS events and at close; what a crash left without keys gets them when the file is opened again.
 *
 * One thread at a time.
 */
#ifndef WEIR_OUTPUTS_STORE_FILE_H
#define WEIR_OUTPUTS_STORE_FILE_H

#include "base/err.h"
#include "outputs/store_doc.h"

struct store_file;

enum store_result {
	STORE_WRITTEN,
	STORE_AGAIN,   /* no space, no permission, busy: nothing was written, try again */
	STORE_CORRUPT, /* the file cannot be used any more */
};

struct store_doc {
	struct str json;
	struct str id; /* _id; may be empty */
};

/*
 * Opens or makes the file (mode 0600). packer is borrowed for as long as the file is open: its dictionary goes on from day to day.
 * STORE_WRITTEN and *out, or why not.
 */
enum store_result store_file_open(const char *path, struct doc_packer *packer, struct store_file **out, struct err *err);
/* All of them, or none. */
enum store_result store_file_add(struct store_file *f, const struct store_doc *doc, size_t n, int64_t received_ms, struct err *err);
/* What is collected becomes a segment now. */
enum store_result store_file_index(struct store_file *f, struct err *err);
/* Of the file and its log. */
uint64_t store_file_bytes(const struct store_file *f);
/*
 * Writes the last segment and moves the log into the file. ended: nobody will write to it any more, so that it can be read from a
 * folder where nothing can be written. err: the last segment could not be written (the next open makes it). NULL is fine.
 */
void store_file_close(struct store_file **f, bool ended, struct err *err);

#endif
