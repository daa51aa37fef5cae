/*
 * file.c - see file.h.
 */
#include "base/file.h"
#include "base/arena.h"

#include <stdio.h>
#include <stdlib.h>

int file_append(struct buf *b, struct str path, struct err *err)
{
	char *z = xstrdupz(path), *room;
	FILE *f = fopen(z, "re");
	size_t n;

	if (!f) {
		err_sys(err, "cannot read '%s'", z);
		free(z);
		return -1;
	}
	do {
		room = buf_room(b, 8192);
		n = room ? fread(room, 1, 8192, f) : 0;
		b->len += n;
	} while (n);
	n = ferror(f) || b->over;
	fclose(f);
	if (n)
		err_set(err, "cannot read '%s'", z);
	free(z);
	return n ? -1 : 0;
}
