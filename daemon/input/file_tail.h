/*
 * file_tail.h - one file that is read: its descriptor, the stream of its lines, its place in the sincedb.
 *
 * It is a file, not a name: renamed it goes on, truncated it begins again under another record. Which files there are, and when each is read, is
 * file_watch.c's business. Loop thread of the inlet.
 */
#ifndef WEIR_INPUT_FILE_TAIL_H
#define WEIR_INPUT_FILE_TAIL_H

#include "input/sincedb.h"
#include "input/stream.h"

#include <sys/stat.h>
#include <zlib.h>

struct watched; /* file_watch.h */

/* The same for all files of an input. */
struct tail_config {
	struct inlet *inlet;
	struct sincedb *db;
	struct str delimiter;
	size_t max_line;
};

enum tail_state {
	TAIL_READING,
	TAIL_IGNORED, /* too old when it was found (ignore_older): until it changes */
	TAIL_READ,    /* mode read: to its end; not all lines have ended */
	TAIL_DONE,    /* mode read: completed, or given up */
};

struct tail {
	const struct tail_config *config;
	struct tail *next_detached, *next_due;
	struct watched *entry;   /* the name it is found under; NULL: renamed or removed */
	struct record *rec;
	enum tail_state state;
	bool due, archive;
	bool checking;	       /* an archive: once to its end before a line is given */
	dev_t dev;
	ino_t ino;
	char *path;	       /* what events say */
	int fd;
	gzFile gz;
	struct stream st;      /* st.source NULL: not begun */
	uint64_t from;	       /* where it will begin */
	uint64_t ahead;	       /* an archive: bytes to pass over until there */
	uint64_t size;	       /* when it was last looked at */
	uint64_t stuck;	       /* its size when a long half line was let go: until it grows there is nothing to read; 0: no such */
	uint64_t limit, left;  /* of its present turn: up to where, how many bytes at most */
	int64_t mtime_ns, data_ns, detached_ns; /* the last two monotonic */
	char head[HEAD_BYTES];
	size_t head_len;
};

/* Takes a reference to the record and becomes its user. Nothing is opened. */
struct tail *tail_new(const struct tail_config *c, struct record *r, const char *path, const struct stat *st);
/* Its half line is not given: it is not read yet. */
void tail_free(struct tail *t);

/* The open file at path, if it is still this one. -1 and errno (ESTALE: it is another one). An archive: -1 and EINVAL if it is none. */
int tail_open(struct tail *t, const char *path);
/* Lets the descriptor and the half line go; reading goes on at the same line later. */
void tail_close(struct tail *t);
/* The beginning of the open file is still what it was; false: it was written anew. */
bool tail_same(struct tail *t);
/* The beginning of a file at path is that of the record; true, too, where it cannot be read. */
bool tail_is_record(const char *path, const struct record *r);
/* Next byte to read. */
uint64_t tail_position(const struct tail *t);
/* At most max bytes: as many as came (of an archive perhaps only to pass over), 0 at the end, -1 and errno. */
ssize_t tail_read(struct tail *t, uint64_t max);
/* Nothing more to read for now. A long half line is not held in memory: it is read again when there is more. */
void tail_rest(struct tail *t);
/* A long half line is open: another file would have to wait in memory for it. */
bool tail_in_long_line(const struct tail *t);
/* What is left is a line; the source ends. */
void tail_end(struct tail *t);
/* It was truncated: from the beginning, as a new file. */
void tail_restart(struct tail *t);

/* Where the present span begins, for inlet's span(). */
void tail_span(struct source *s, struct span *sp);

#endif
