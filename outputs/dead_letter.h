/*
 * dead_letter.h - DATA/dead-letter.ndjson: what nobody would take, one JSON object a line.
 *
 *	{"time":"...","reason":"...","status":400,"index":"...","id":"...","origin":"...","document":{...}}
 *
 * The newest lines are in dead-letter.ndjson; full segments are dead-letter.000001.ndjson and so on. All together take no more
 * than max_bytes: then the oldest segment goes, its lines counted. `jq . dead-letter*.ndjson` reads them all.
 */
#ifndef WEIR_OUTPUTS_DEAD_LETTER_H
#define WEIR_OUTPUTS_DEAD_LETTER_H

#include "base/clock.h"
#include "base/err.h"
#include "pipeline/dead_letter.h"

enum { DEAD_LETTER_MAX = 64 * 1024 * 1024 };

struct dead_letter_stats {
	uint64_t written, failed, forgotten; /* forgotten: lines that went with the oldest segment */
	uint64_t bytes;			     /* on disk */
};

/* max_bytes 0: 64 MiB. NULL and err where the folder cannot be read. The file is made with the first letter. */
struct dead_letters *dead_letter_file_new(struct str data_dir, size_t max_bytes, const struct clock *clock,
					  struct err *err);
void dead_letter_file_stats(struct dead_letters *d, struct dead_letter_stats *out);
/* SIGHUP: the file may have been moved away. */
void dead_letter_file_reopen(struct dead_letters *d);
void dead_letter_file_free(struct dead_letters **d);

#endif
