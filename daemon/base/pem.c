#include "base/pem.h"
#include "base/arena.h"

#include <stdio.h>
#include <stdlib.h>

int pem_append(struct buf *b, struct str path, struct err *err)
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
	else
		buf_ch(b, '\n');
	free(z);
	return n ? -1 : 0;
}

int pem_check(const struct buf *b, struct err *err)
{
	if (str_find(buf_slice(b), STR("BEGIN CERTIFICATE")) >= 0 || str_find(buf_slice(b), STR("BEGIN TRUSTED CERTIFICATE")) >= 0)
		return 0;
	return err_set(err, "no certificate in the files of 'ssl_certificate_authorities' (PEM is needed)");
}
