/*
 * sincedb_disk.h - a file of positions as a whole: read at once, written at once. Any thread.
 */
#ifndef WEIR_INPUT_SINCEDB_DISK_H
#define WEIR_INPUT_SINCEDB_DISK_H

#include "base/str.h"

enum { SINCEDB_BYTES = 256 * 1024 * 1024 };

/*
 * Beside it, synced, then in its place: a crash leaves the old one or the new one. Mode and owner stay those of the old one. The number keeps those
 * apart that write the same file at the same time. -1 and errno.
 */
int positions_replace(const char *path, unsigned number, struct str text);
/* In place: where the folder is closed to us but the file is not, better than not at all. -1 and errno. */
int positions_overwrite(const char *path, struct str text);
/* All of it, to be freed; NULL where there is none, or none that can be read: then a warning, for which name is the input's. */
char *positions_read(const char *name, const char *path, size_t *len);

#endif
