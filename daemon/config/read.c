/*
 * read.c - the files that -f names, or a text in their place.
 *
 * One thread, at start and reload. A folder is not searched below its first level. A pipeline's files are
 * read at once; a file that changes meanwhile is read as it is at that moment.
 */
#include "config/parse.h"

#include "base/err.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_MAX = 16 * 1024 * 1024, FILES_MAX = 10000 };

struct names {
	char **v;
	size_t n, cap;
};

static void names_add(struct names *names, char *name)
{
	if (names->n == names->cap) {
		names->cap = names->cap ? 2 * names->cap : 16;
		names->v = xrealloc(names->v, names->cap * sizeof(*names->v));
	}
	names->v[names->n++] = name;
}

static void names_release(struct names *names)
{
	for (size_t i = 0; i < names->n; i++)
		free(names->v[i]);
	free(names->v);
}

static int name_cmp(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int read_file(struct arena *a, const char *path, struct config_file *f, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), result = -1;
	size_t len = 0, cap = 0;
	char *text = NULL;
	ssize_t n;

	if (fd == -1)
		return err_sys(err, "cannot open '%s'", path);
	do {
		if (len + 1 > cap) {
			cap = cap ? 2 * cap : 16384;
			text = xrealloc(text, cap);
		}
		n = read(fd, text + len, cap - len);
		if (n < 0 && errno != EINTR) {
			err_sys(err, "cannot read '%s'", path);
			goto out;
		}
		len += n > 0 ? (size_t)n : 0;
		if (len > FILE_MAX) {
			err_set(err, "'%s' is larger than %d MiB", path, FILE_MAX / 1024 / 1024);
			goto out;
		}
	} while (n != 0);
	f->name = arena_dup(a, str_z(path));
	f->text = arena_dup(a, str_n(text, len));
	result = 0;
out:
	free(text);
	close(fd);
	return result;
}

/* The files of a folder that are meant: no hidden ones, no editor's backups, nothing but files. */
static int folder_names(const char *path, struct names *names, struct err *err)
{
	size_t len = strlen(path);
	struct dirent *e;
	DIR *dir = opendir(path);

	if (!dir)
		return err_sys(err, "cannot open '%s'", path);
	while ((e = readdir(dir))) {
		size_t n = strlen(e->d_name);
		struct stat st;
		char *full;

		if (e->d_name[0] == '.' || e->d_name[n - 1] == '~')
			continue;
		full = xmalloc(len + n + 2);
		memcpy(full, path, len);
		full[len] = '/';
		memcpy(full + len + (len && path[len - 1] == '/' ? 0 : 1), e->d_name, n + 1);
		if (stat(full, &st) == 0 && S_ISREG(st.st_mode) && names->n < FILES_MAX)
			names_add(names, full);
		else
			free(full);
	}
	closedir(dir);
	return 0;
}

static int glob_names(const char *path, struct names *names, struct err *err)
{
	glob_t g;
	int rc = glob(path, GLOB_NOSORT | GLOB_BRACE, NULL, &g);

	if (rc && rc != GLOB_NOMATCH)
		return err_set(err, "cannot search for '%s'", path);
	for (size_t i = 0; rc == 0 && i < g.gl_pathc; i++) {
		struct str name = str_z(g.gl_pathv[i]);
		struct stat st;

		if (!str_ends(name, STR("~")) && stat(g.gl_pathv[i], &st) == 0 && S_ISREG(st.st_mode) && names->n < FILES_MAX)
			names_add(names, xstrdupz(name));
	}
	if (rc == 0)
		globfree(&g);
	return 0;
}

struct config_file *config_text(struct arena *a, struct str name, struct str text)
{
	struct config_file *f = arena_zalloc(a, sizeof(*f));

	f->name = arena_dup(a, name);
	f->text = arena_dup(a, text);
	return f;
}

struct config_file *config_read(struct arena *a, const char *path, struct diag *d)
{
	struct config_file *first = NULL, **last = &first;
	struct names names = {0};
	unsigned errors = d->errors;
	struct stat st;
	struct err err;
	int rc = 0;

	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		rc = folder_names(path, &names, &err);
	else if (stat(path, &st) == 0 || !strpbrk(path, "*?[{"))
		names_add(&names, xstrdupz(str_z(path))); /* reading it says why it cannot be read */
	else
		rc = glob_names(path, &names, &err);
	if (rc == -1)
		diag_error(d, (struct pos){0}, "%s", err.text);
	else if (names.n == 0)
		diag_error(d, (struct pos){0}, "no configuration found at '%s'", path);
	if (names.n)
		qsort(names.v, names.n, sizeof(*names.v), name_cmp);
	for (size_t i = 0; i < names.n; i++) {
		struct config_file *f = arena_zalloc(a, sizeof(*f));

		if (read_file(a, names.v[i], f, &err) == -1) {
			diag_error(d, (struct pos){0}, "%s", err.text);
			continue;
		}
		*last = f;
		last = &f->next;
	}
	names_release(&names);
	return d->errors == errors ? first : NULL;
}
