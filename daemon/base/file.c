/*
 * file.c - see file.h.
 */
#include "base/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct str file_beside_program(struct arena *a, const char *name)
{
	char path[4096];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path));
	ptrdiff_t slash = n > 0 ? str_rchr(str_n(path, (size_t)n), '/') : -1;

	return slash < 0 ? STR("") : arena_printf(a, "%.*s/%s", (int)slash, path, name);
}

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
