/*
 * grok_patterns.c - see grok_patterns.h. Set-up code; runs where the configuration is compiled.
 */
#include "filter/grok_patterns.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

void grok_library_init(struct grok_library *lib, struct arena *arena, bool ecs)
{
	lib->arena = arena;
	lib->own = map_new(arena, 0);
	lib->ecs = ecs;
	lib->undefined = false;
}

void grok_library_add(struct grok_library *lib, struct str name, struct str expr)
{
	map_set(lib->arena, lib->own, key_make(arena_dup(lib->arena, name)), v_str(arena_dup(lib->arena, expr)));
}

static bool blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static void add_line(struct grok_library *lib, struct str line)
{
	size_t n = 0, from;

	while (n < line.len && blank(line.p[n]))
		n++;
	if (n == line.len || line.p[n] == '#')
		return;
	/* A line that begins with a blank has an empty name, which nobody can ask for. */
	for (n = 0; n < line.len && !blank(line.p[n]); n++)
		;
	for (from = n; from < line.len && blank(line.p[from]); from++)
		;
	grok_library_add(lib, str_sub(line, 0, n), str_from(line, from));
}

void grok_library_add_text(struct grok_library *lib, struct str text)
{
	struct str line;

	while (str_cut(&text, '\n', &line)) {
		if (line.len && line.p[line.len - 1] == '\r')
			line.len--;
		add_line(lib, line);
	}
	add_line(lib, text);
}

static int add_file(struct grok_library *lib, const char *path, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	size_t n = 0;
	char *text;

	if (fd == -1)
		return err_sys(err, "cannot open the pattern file '%s'", path);
	if (fstat(fd, &st) == -1 || st.st_size > GROK_FILE_MAX) {
		close(fd);
		return err_set(err, "the pattern file '%s' is larger than %d bytes", path, GROK_FILE_MAX);
	}
	text = xmalloc((size_t)st.st_size);
	while (n < (size_t)st.st_size) {
		ssize_t r = read(fd, text + n, (size_t)st.st_size - n);

		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0)
			break;
		n += (size_t)r;
	}
	close(fd);
	grok_library_add_text(lib, str_n(text, n));
	free(text);
	return 0;
}

int grok_library_add_path(struct grok_library *lib, struct str base, struct str path, struct str pattern, unsigned *files,
			  struct err *err)
{
	bool relative = base.len && path.len && path.p[0] != '/';
	struct str full = relative ? arena_printf(lib->arena, "%.*s/%.*s", STR_ARG(base), STR_ARG(path)) : path;
	struct stat st;
	glob_t found;
	int result = 0;

	if (stat(arena_dupz(lib->arena, full), &st) == 0 && S_ISDIR(st.st_mode))
		full = arena_printf(lib->arena, "%.*s/%.*s", STR_ARG(full), STR_ARG(pattern));
	*files = 0;
	if (glob(arena_dupz(lib->arena, full), 0, NULL, &found))
		return 0;
	for (size_t i = 0; i < found.gl_pathc && result == 0; i++) {
		if (stat(found.gl_pathv[i], &st) == -1 || !S_ISREG(st.st_mode))
			continue;
		result = add_file(lib, found.gl_pathv[i], err);
		++*files;
	}
	globfree(&found);
	return result;
}

static int compare(const void *name, const void *row)
{
	return str_cmp(*(const struct str *)name, str_z(((const struct grok_builtin *)row)->name));
}

bool grok_library_find(const struct grok_library *lib, struct str name, struct str *expr)
{
	const struct value *v = map_find_str(lib->own, name);
	const struct grok_builtin *row;

	if (v) {
		*expr = value_str(v);
		return true;
	}
	row = bsearch(&name, lib->ecs ? grok_ecs_v1 : grok_legacy, lib->ecs ? grok_ecs_v1_count : grok_legacy_count,
		      sizeof(*row), compare);
	if (row)
		*expr = str_z(row->expr);
	return row != NULL;
}
