/*
 * hosts.h - files like /etc/hosts, read once; hosts(5). As Ruby's resolver reads them: in one file the last line of a name counts, and the
 * first of an address; a name is found as it is written, an address, too.
 */
#ifndef WEIR_FILTER_HOSTS_H
#define WEIR_FILTER_HOSTS_H

#include "base/err.h"
#include "event/value.h"

enum { HOSTS_FILE_MAX = 16 * 1024 * 1024 };

/* One file: its maps are from text to text. */
struct hosts {
	struct map address, name; /* by name, by address */
};

/* Texts are copied into the arena. -1 and err. */
int hosts_read(struct arena *a, struct str path, struct hosts *out, struct err *err);

#endif
