/*
 * store_format.h - what a day file of the store looks like; the writer (store_file.c) and the reader (store_read.c) share it.
 *
 *	DATA/store/2026-11-26.db       events received on that day (UTC); a large day goes on in 2026-11-26.2.db ...
 *	          ...db.corrupt        set aside, never read
 *
 *	event       one row each. id: 42 bits milliseconds of @timestamp (0 to the year 2109), 21 bits of a counter that goes round: the order of the table is the
 *		    order of time. The columns are for people; doc is the document: one byte DICTIONARY, then JSON compressed with it
 *		    (0: plain text; 255: compressed without one)
 *	batch       one row for each transaction: which events it brought, in the order of arrival where one cares (weir tap)
 *	segment     a run of batches whose keys are in posting, and their events' ids; what comes behind the last one has no keys yet
 *	posting     (segment, key) -> which events of the segment, counted from 0: a segment's rows are written once, in order, at the end of the table. Nothing is ever inserted in the middle
 *		    of a large tree, so that the millionth event costs what the first did; a search asks each segment
 *	dictionary  of doc
 *
 * Numbers in a blob: the first one, then differences, in little-endian base 128; where one is smaller than the one before the difference goes round.
 */
#ifndef WEIR_OUTPUTS_STORE_FORMAT_H
#define WEIR_OUTPUTS_STORE_FORMAT_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/ts.h"
#include "event/event.h"

#include <sqlite3.h>

enum {
	STORE_APPLICATION_ID = 0x77656972, /* "weir" */
	STORE_VERSION = 1,
	STORE_SEQ_BITS = 21,
	STORE_DOC_PLAIN = 0,
	STORE_DOC_NO_DICTIONARY = 255,
	STORE_DICTIONARIES_MAX = 254,
	STORE_DICTIONARY_BYTES = 64 * 1024,
	STORE_NAME_MAX = 32,
};

extern const char store_schema[];

static inline int64_t store_id(int64_t ms, uint32_t seq)
{
	int64_t max = ((int64_t)1 << 42) - 1;

	ms = ms < 0 ? 0 : ms > max ? max : ms;
	return ms << STORE_SEQ_BITS | (seq & ((1u << STORE_SEQ_BITS) - 1));
}

static inline int64_t store_id_ms(int64_t id)
{
	return id >> STORE_SEQ_BITS;
}

/* 0 where it is beyond what a number can hold. */
int64_t store_ms_of(struct ts t);

void store_put_ids(struct buf *b, const int64_t *ids, size_t n);
/* The next one of *blob; *last is the one before (0 at first). false: the end, or no such number. */
bool store_take_id(struct str *blob, int64_t *last);

/*
 * The document's text as an event: [@timestamp] a time again. Everything lives in a; json must live as long. -1 and err: it is no object.
 */
int store_event(struct event *ev, struct arena *a, struct str json, struct err *err);

/* "2026-11-24.db", "2026-11-24.2.db" (and what stands behind, in *rest): the day as days since 1970, and the part, from 1. */
bool store_name_parse(struct str name, int64_t *day, unsigned *part, struct str *rest);
size_t store_name(int64_t day, unsigned part, char out[STORE_NAME_MAX]);

#endif
