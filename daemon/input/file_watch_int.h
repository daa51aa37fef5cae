/*
 * file_watch_int.h - shared by file_watch.c (names, life), file_find.c (which file a name is) and file_turn.c (reading).
 */
#ifndef WEIR_INPUT_FILE_WATCH_INT_H
#define WEIR_INPUT_FILE_WATCH_INT_H

#include "input/file_watch.h"

/* A name that a pattern gave. */
struct watched {
	struct watched *chain; /* of the table */
	struct tail *tail;   /* the file it is; NULL: none, or one that is read under another name */
	int complained;	     /* the errno that was logged; 0: none */
	int64_t gone_ns;     /* monotonic: since when there is no such file; 0: there is one */
	bool literal;	     /* written so, not found by a pattern */
	char path[];
};

struct watch {
	struct watch_config c;
	struct tail_config tail;
	struct inlet *inlet;
	struct sincedb *db;
	uv_timer_t timer;
	uv_idle_t work;
	unsigned handles;
	struct watched **entry, **table; /* in the order of reading; by path */
	size_t nentries, entries_cap, table_size;
	struct tail *detached;	       /* oldest first */
	struct tail *due, **due_last, *current;
	uint64_t ticks, open;
	size_t hand; /* in entry[]: who is closed next where there are too many */
	int64_t written_ns;
	bool started, told_full, told_folder, ended;
};

/* ---- file_watch.c ---- */

/* A pattern fits it, and it is not excluded. */
bool is_wanted(const struct watch *w, const char *path);

/* ---- file_find.c ---- */

/* Which file the name is now; initial: when the input begins, where start_position counts. */
void watched_look(struct watch *w, struct watched *e, bool initial);
/* The name's file goes on without it. */
void watched_detach(struct watch *w, struct watched *e);
/* Files that were renamed while nobody was looking. */
void find_renamed(struct watch *w);
/* A file without a name, by its inode, in the folder of the name it had. false: it is not there. path: PATH_MAX bytes. */
bool find_inode(const char *was, const struct file_key *k, char *path);
void complain(struct watch *w, struct watched *e, int error, const char *what);

/* ---- file_turn.c ---- */

/* Has it something to read? Then it waits for its turn. */
void turn_offer(struct watch *w, struct tail *t);
/* Reading goes on, unless the pipeline is full. */
void turn_go(struct watch *w);
void tail_shut(struct watch *w, struct tail *t);
/* Mode read: what was read and has ended is completed. */
void turn_settle(struct watch *w);

#endif
