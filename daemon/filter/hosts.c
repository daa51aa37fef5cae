#include "filter/hosts.h"

#include <stdio.h>
#include <stdlib.h>

static bool blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* The next word of *s, which moves behind it; empty at the end. */
static struct str word(struct str *s)
{
	size_t from = 0, to;
	struct str w;

	while (from < s->len && blank(s->p[from]))
		from++;
	to = from;
	while (to < s->len && !blank(s->p[to]))
		to++;
	w = str_sub(*s, from, to - from);
	*s = str_from(*s, to);
	return w;
}

/* "192.0.2.7  web.example web # the front" */
static void add_line(struct arena *a, struct str line, struct hosts *h)
{
	ptrdiff_t comment = str_chr(line, '#');
	struct str address, name;
	struct key by_address;

	if (comment >= 0)
		line.len = (size_t)comment;
	address = arena_dup(a, word(&line));
	by_address = key_make(address);
	while ((name = word(&line)).len) {
		name = arena_dup(a, name);
		map_set(a, &h->address, key_make(name), v_str(address));
		if (!map_find(&h->name, &by_address))
			map_set(a, &h->name, by_address, v_str(name));
	}
}

int hosts_read(struct arena *a, struct str path, struct hosts *out, struct err *err)
{
	char *z = arena_dupz(a, path), *line = NULL;
	FILE *f = fopen(z, "re");
	size_t cap = 0, all = 0;
	ssize_t n;
	int rc = 0;

	if (!f)
		return err_sys(err, "cannot open the hosts file '%.*s'", STR_ARG(path));
	map_init(a, &out->address, 16);
	map_init(a, &out->name, 16);
	while (rc == 0 && (n = getline(&line, &cap, f)) != -1) {
		all += (size_t)n;
		if (all > HOSTS_FILE_MAX)
			rc = err_set(err, "the hosts file '%.*s' is larger than 16 MiB", STR_ARG(path));
		else
			add_line(a, str_n(line, (size_t)n), out);
	}
	if (rc == 0 && ferror(f))
		rc = err_sys(err, "cannot read the hosts file '%.*s'", STR_ARG(path));
	free(line);
	fclose(f);
	return rc;
}
