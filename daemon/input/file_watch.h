/*
 * file_watch.h - which files a file input reads, and when: patterns, renames, truncation, the order of reading, what happens to read ones.
 *
 *	every stat_interval		each known name is looked at: grown, truncated, another file, gone
 *	every discover_interval of them	the patterns are expanded
 *	while there is something to read	one file after the other, a piece each turn of the loop
 *
 * A file that lost its name is read to its end and for a minute longer: who writes it may not have noticed. All on the inlet's loop, which it has for
 * itself: a slow disk must not hold up sockets. Only watch_free() runs on the main thread, when the loop has let go.
 */
#ifndef WEIR_INPUT_FILE_WATCH_H
#define WEIR_INPUT_FILE_WATCH_H

#include "input/file_tail.h"

enum { WATCH_FILES = 1000000 };

enum file_mode { FILE_TAIL, FILE_READ };
enum file_start { START_BEGINNING, START_END };
enum file_sort { SORT_LAST_MODIFIED, SORT_PATH };
enum file_completed { COMPLETED_DELETE, COMPLETED_LOG, COMPLETED_LOG_AND_DELETE };

/* Texts are the watch's own copies. */
struct watch_config {
	struct str *pattern, *exclude; /* without { } */
	size_t npatterns, nexcludes;
	char *sincedb_path, *seen_path, *completed_log;
	char delimiter[64];
	size_t delimiter_len, max_line;
	enum file_mode mode;
	enum file_start start;
	enum file_sort sort;
	bool descending, exit_after_read, check_archives;
	enum file_completed completed;
	int64_t stat_ns, write_ns, clean_after_ns;
	int64_t close_older_ns, ignore_older_ns; /* 0: never */
	uint64_t discover_every;		 /* stat_intervals */
	uint64_t max_open, turn_bytes;
};

struct watch;

/* Takes the config with all it holds. */
struct watch *watch_new(struct inlet *in, struct watch_config *c);
/* Loop thread. Finds the files; reading begins with the loop's next turn. */
int watch_start(struct watch *w, struct err *err);
void watch_pause(struct watch *w);
void watch_resume(struct watch *w);
/* inlet_closed() follows. */
void watch_stop(struct watch *w);
/* What became settled since is completed and written. */
void watch_free(struct watch *w);
void watch_config_release(struct watch_config *c);

#endif
