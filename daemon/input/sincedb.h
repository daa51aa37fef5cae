/*
 * sincedb.h - which file was read how far: the cursor of the file input.
 *
 * A record is one file from its first line on: renamed it stays the same, truncated it becomes another. Lines that were handed to the pipeline stand in its window
 * until all that became of them has ended (pipeline/ack.h); what is written to disk is the finished prefix, never ahead of it.
 *
 * The owner is an inlet, on its loop's thread. Acks may outlive it (a reload that takes the input away while an output is slow): the object then
 * stays until the last of them, and an input that opens the same path meanwhile gets this very object, so that it goes on where the other one
 * stopped reading. That needs the one list of such objects in this file; it and all windows are under one lock, taken once a span.
 *
 * Inputs that name the same sincedb at the same time have an object each and write what all of them know. (In Logstash each overwrites the others'.)
 */
#ifndef WEIR_INPUT_SINCEDB_H
#define WEIR_INPUT_SINCEDB_H

#include "input/sincedb_text.h"
#include "pipeline/ack.h"

enum { HEAD_BYTES = 256 };

struct sincedb;
struct mark;

struct record {
	struct record *next; /* in the table */
	struct sincedb *db;
	uint32_t refs;	     /* lock */
	bool gone;	     /* no longer in the table */
	struct file_key key;
	char *path;	      /* where it was last; NULL: not known */
	uint64_t read, done;  /* handed over up to here; ended up to here. An archive: in its plain text */
	uint64_t whole;	      /* an archive that was read to its end: its size, else 0 */
	bool archive;
	bool placed;	      /* there was a position in the sincedb, or reading has begun */
	int64_t changed_ns;
	/* Of weird's own file. */
	int64_t seen_ms;
	uint8_t who[5];
	bool committed;	      /* seen_ms and who are on disk */
	uint32_t head_len;
	uint64_t head_hash;
	struct mark *first, **last; /* spans under way, in the file's order; lock */
	void *user;	      /* the owner's: who reads the file now */
};

struct sincedb_config {
	const char *path;      /* the sincedb; a device (/dev/null) is neither read nor written */
	const char *seen_path; /* weird's own file; NULL: none, then ids are not kept over a crash */
	const char *name;      /* of the inlet, for messages */
	int64_t clean_after_ns;
};

/* Reads what is there; what cannot be read or is no such line is a warning. An orphan of the same path is taken over. Never NULL. */
struct sincedb *sincedb_open(const struct sincedb_config *c);
/* The owner leaves: writes, and goes away as soon as the last span has ended. */
void sincedb_close(struct sincedb **db);

struct record *sincedb_find(struct sincedb *db, dev_t dev, ino_t ino);
/* When it was opened it knew a file at that path. */
bool sincedb_knew(const struct sincedb *db, const char *path);
/* A new file, not placed yet; a record that has its key goes out of the table. */
struct record *sincedb_add(struct sincedb *db, dev_t dev, ino_t ino, const char *path);
/* The file was removed, and all of it has ended. */
void sincedb_remove(struct record *r);
/* All records; fn may add and remove others but the one it is called for. */
void sincedb_each(struct sincedb *db, void (*fn)(void *arg, struct record *r), void *arg);
/* Writes what changed since the last time. */
void sincedb_write(struct sincedb *db);
/* The same, if there is a file whose ids would not survive a crash: before its first line leaves the input. */
void sincedb_commit(struct sincedb *db);

/* Two inputs that read the same file under the same sincedb: their events must not have the same ids. */
uint8_t sincedb_ordinal(const struct sincedb *db);

void record_ref(struct record *r);
void record_unref(struct record *r);
/* Reading begins there. */
void record_place(struct record *r, uint64_t offset);
/* Who reads it; NULL: nobody any more. */
void record_use(struct record *r, void *user);
void record_set_archive(struct record *r);
void record_rename(struct record *r, const char *path);
void record_head(struct record *r, struct str head);
/* A span begins at that place; give the ack to it. */
struct ack *record_span(struct record *r, uint64_t start);
/* Everything before that place was handed over. */
void record_read(struct record *r, uint64_t offset);
/* An archive has been read to its end; size is the file's. */
void record_whole(struct record *r, uint64_t size);
/* Where reading goes on. */
uint64_t record_position(struct record *r);
/* All that was read has ended. */
bool record_settled(struct record *r);

#endif
