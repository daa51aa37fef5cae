#include "outputs/store_keep.h"

#include "outputs/store_format.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* A day file with its log, or what was set aside of it. */
struct day_part {
	int64_t day;
	unsigned part;
	uint64_t bytes;
};

/* By open(2): what the thread sanitizer knows of the number's former owner, a socket that libuv closed, is forgotten with it. */
static DIR *open_folder(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd == -1 ? NULL : fdopendir(fd);

	if (!d && fd != -1)
		close(fd);
	return d;
}

static int by_age(const void *a, const void *b)
{
	const struct day_part *x = a, *y = b;

	if (x->day != y->day)
		return x->day < y->day ? -1 : 1;
	return x->part < y->part ? -1 : x->part > y->part;
}

static struct day_part *list(DIR *d, size_t *n)
{
	struct day_part *all = NULL;
	struct dirent *e;
	size_t cap = 0;

	*n = 0;
	while ((e = readdir(d))) {
		struct day_part p = {0};
		struct str rest;
		struct stat st;
		size_t i;

		if (!store_name_parse(str_z(e->d_name), &p.day, &p.part, &rest) || fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW))
			continue;
		p.bytes = S_ISREG(st.st_mode) ? (uint64_t)st.st_blocks * 512 : 0;
		for (i = 0; i < *n; i++)
			if (by_age(&all[i], &p) == 0)
				break;
		if (i < *n) {
			all[i].bytes += p.bytes;
			continue;
		}
		if (*n == cap) {
			cap = cap ? cap * 2 : 64;
			all = xrealloc(all, cap * sizeof(*all));
		}
		all[(*n)++] = p;
	}
	if (all)
		qsort(all, *n, sizeof(*all), by_age);
	return all;
}

/* Everything of that day and part: the file, -wal, -shm, .corrupt. */
static int remove_part(DIR *d, const struct day_part *p, struct err *err)
{
	struct dirent *e;
	int r = 0;

	rewinddir(d);
	while ((e = readdir(d))) {
		struct str rest;
		int64_t day;
		unsigned part;

		if (store_name_parse(str_z(e->d_name), &day, &part, &rest) && day == p->day && part == p->part &&
		    unlinkat(dirfd(d), e->d_name, 0) == -1 && errno != ENOENT)
			r = err_sys(err, "cannot remove '%s'", e->d_name);
	}
	return r;
}

int store_keep(const char *dir, const struct store_keep *keep, struct store_kept *out, struct err *err)
{
	DIR *d = open_folder(dir);
	struct day_part *all;
	size_t n;
	int r = 0;

	*out = (struct store_kept){0};
	if (!d)
		return err_sys(err, "cannot read folder '%s'", dir);
	all = list(d, &n);
	for (size_t i = 0; i < n; i++)
		out->bytes += all[i].bytes;
	for (size_t i = 0; i < n; i++) {
		bool old = all[i].day < keep->oldest_day, large = keep->max_bytes && out->bytes > keep->max_bytes;

		if ((!old && !large) || (all[i].day == keep->current_day && all[i].part == keep->current_part))
			continue;
		if (remove_part(d, &all[i], err) == -1) {
			r = -1;
			continue;
		}
		out->bytes -= all[i].bytes;
		out->removed_bytes += all[i].bytes;
		*(old ? &out->removed_old : &out->removed_size) += 1;
	}
	free(all);
	closedir(d);
	return r;
}

int store_last_part(const char *dir, int64_t day)
{
	DIR *d = open_folder(dir);
	struct dirent *e;
	int last = 0;

	if (!d)
		return -1;
	while ((e = readdir(d))) {
		struct str rest;
		int64_t of;
		unsigned part;

		if (store_name_parse(str_z(e->d_name), &of, &part, &rest) && of == day && rest.len == 0 && (int)part > last)
			last = (int)part;
	}
	closedir(d);
	return last;
}
