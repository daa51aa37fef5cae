/*
 * sincedb_text.h - the two line formats in which positions in files are kept. Pure.
 *
 * Logstash's sincedb, which weird takes over and goes on writing (the first four words are all that very old ones hold):
 *
 *	INODE MAJOR MINOR OFFSET SECONDS.MICROSECONDS PATH
 *
 * MAJOR and MINOR are not the device's own: Logstash's Java library takes them from st_dev as bits 24-31 and 0-23. They are written
 * so, and believed either way.
 *
 * What weird knows beyond that stands in a file of its own, so that the first one keeps its format:
 *
 *	INODE MAJOR MINOR SEEN_MS WHO HEAD_LENGTH HEAD_HASH PLAIN_OFFSET CHANGED_MS
 *
 * SEEN_MS and WHO (10 hexadecimal digits) make the ids of its lines (pipeline/event_id.h); HEAD_* tell the file from another one that got its
 * inode; PLAIN_OFFSET is where in the uncompressed text of an archive reading goes on.
 */
#ifndef WEIR_INPUT_SINCEDB_TEXT_H
#define WEIR_INPUT_SINCEDB_TEXT_H

#include "base/buf.h"

#include <sys/types.h>

struct file_key {
	uint64_t inode, major, minor;
};

struct sincedb_line {
	struct file_key key;
	uint64_t offset;
	int64_t changed_ns; /* wall clock; -1: the line has none */
	struct str path;    /* .len 0: the line has none */
};

struct seen_line {
	struct file_key key;
	int64_t seen_ms, changed_ms;
	uint8_t who[5];
	uint32_t head_len;
	uint64_t head_hash;
	uint64_t plain;
};

/* As Logstash would write it. */
struct file_key file_key(dev_t dev, ino_t ino);
/* The key is of that file, in Logstash's way of counting or the device's own. */
bool file_key_is(const struct file_key *k, dev_t dev, ino_t ino);

/* One line without its end. false: it is none. */
bool sincedb_line_read(struct str text, struct sincedb_line *out);
void sincedb_line_write(struct buf *out, const struct sincedb_line *l);
bool seen_line_read(struct str text, struct seen_line *out);
void seen_line_write(struct buf *out, const struct seen_line *l);

/* FNV-1a: the same in every run, unlike base/hash.h. */
uint64_t head_hash(struct str head);

#endif
