#include "tool/cases.h"

#include "event/json.h"
#include "event/ref.h"
#include "event/yaml_read.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { FILE_MAX_BYTES = 64 * 1024 * 1024, FILES_MAX = 100000, FOLDERS_DEEP = 32 };

static int read_whole(const char *path, struct buf *b, struct err *err)
{
	FILE *f = fopen(path, "re");
	size_t n;

	if (!f)
		return err_sys(err, "cannot open '%s'", path);
	do {
		char *room = buf_room(b, 65536);

		n = room ? fread(room, 1, 65536, f) : 0;
		b->len += n;
	} while (n);
	n = (size_t)ferror(f);
	fclose(f);
	if (b->over)
		return err_set(err, "'%s' is larger than %d bytes", path, FILE_MAX_BYTES);
	return n ? err_set(err, "cannot read '%s'", path) : 0;
}

static int parse(struct arena *a, const char *path, struct str text, struct value *v, struct err *err)
{
	struct err why;

	text = arena_dup(a, text);
	if (!str_ends(str_z(path), STR(".json"))) {
		if (yaml_read(a, text, v, &why) == -1)
			return err_set(err, "%s: %s", path, why.text);
	} else if (json_read(a, &text, NULL, v, &why) == -1) {
		return err_set(err, "%s: %s", path, why.text);
	} else if (text.len) {
		return err_set(err, "%s: something stands behind the end of the object", path);
	}
	return v->type == V_MAP ? 0 : err_set(err, "%s: a test case file holds one object", path);
}

/* What one key holds; a value of another type is an error. */
static int take(const struct map *m, const char *key, enum vtype type, const char *what, const char *path, const struct value **out,
		struct err *err)
{
	const struct value *v = map_find_str(m, str_z(key));

	*out = NULL;
	if (!v || v->type == V_NULL)
		return 0;
	if (v->type != type)
		return err_set(err, "%s: '%s' takes %s", path, key, what);
	*out = v;
	return 0;
}

static int take_text(const struct map *m, const char *key, const char *path, struct str *out, struct err *err)
{
	const struct value *v;

	if (take(m, key, V_STRING, "a text", path, &v, err) == -1)
		return -1;
	if (v)
		*out = value_str(v);
	return 0;
}

static int take_bool(const struct map *m, const char *key, const char *path, bool *out, struct err *err)
{
	const struct value *v;

	if (take(m, key, V_BOOL, "true or false", path, &v, err) == -1)
		return -1;
	*out = v && v->b;
	return 0;
}

static int take_list(const struct map *m, const char *key, enum vtype type, const char *what, const char *path, const struct list **out,
		     struct err *err)
{
	const struct value *v;

	if (take(m, key, V_LIST, what, path, &v, err) == -1)
		return -1;
	for (uint32_t i = 0; v && i < v->list->n; i++)
		if (v->list->v[i].type != type)
			return err_set(err, "%s: '%s' takes %s", path, key, what);
	*out = v ? v->list : NULL;
	return 0;
}

static int take_case(const struct map *m, const char *path, struct test_case *c, struct err *err)
{
	const struct value *fields, *event;

	/* The first releases of the second generation said event. */
	if (take_text(m, "description", path, &c->description, err) || take(m, "fields", V_MAP, "an object", path, &fields, err) ||
	    take(m, "event", V_MAP, "an object", path, &event, err) ||
	    take_list(m, "input", V_STRING, "a list of texts", path, &c->input, err) ||
	    take_list(m, "expected", V_MAP, "a list of objects", path, &c->expected, err))
		return -1;
	c->fields = fields ? fields->map : event ? event->map : NULL;
	return 0;
}

static int take_cases(struct arena *a, const struct map *m, struct test_set *s, struct err *err)
{
	const struct list *cases;

	if (take_list(m, "testcases", V_MAP, "a list of objects", s->path, &cases, err) == -1)
		return -1;
	s->n = cases ? cases->n : 1;
	s->item = arena_zalloc(a, (s->n + 1) * sizeof(*s->item));
	for (size_t i = 0; cases && i < s->n; i++)
		if (take_case(cases->v[i].map, s->path, &s->item[i], err) == -1)
			return -1;
	if (cases)
		return 0;
	/* The oldest form: one case; its fields are the set's. */
	if (take_case(m, s->path, &s->item[0], err) == -1)
		return -1;
	s->item[0].fields = NULL;
	return s->item[0].input || s->item[0].expected ? 0 : err_set(err, "%s: there is no 'testcases'", s->path);
}

int test_set_read(struct arena *a, const char *path, struct test_set *out, struct err *err)
{
	const struct value *fields;
	struct value v = {0};
	struct buf b;
	int rc;

	*out = (struct test_set){.path = path};
	buf_init(&b, FILE_MAX_BYTES);
	rc = read_whole(path, &b, err);
	if (rc == 0)
		rc = parse(a, path, buf_slice(&b), &v, err);
	buf_release(&b);
	if (rc || take_text(v.map, "codec", path, &out->codec, err) || take_text(v.map, "input_plugin", path, &out->input_plugin, err) ||
	    take(v.map, "fields", V_MAP, "an object", path, &fields, err) ||
	    take_list(v.map, "ignore", V_STRING, "a list of fields", path, &out->ignore, err) ||
	    take_bool(v.map, "export_metadata", path, &out->export_metadata, err) ||
	    take_bool(v.map, "export_outputs", path, &out->export_outputs, err))
		return -1;
	out->fields = fields ? fields->map : NULL;
	return take_cases(a, v.map, out, err);
}

/* ---- files ---- */

struct found {
	struct arena *a;
	const char **v;
	size_t n, cap;
};

static void found_add(struct found *f, const char *path)
{
	if (f->n == f->cap) {
		size_t cap = f->cap ? 2 * f->cap : 16;

		f->v = arena_grow(f->a, f->v, f->cap * sizeof(*f->v), cap * sizeof(*f->v));
		f->cap = cap;
	}
	f->v[f->n++] = path;
}

static int search(struct found *f, const char *dir, unsigned depth, struct err *err)
{
	struct dirent *e;
	DIR *d = opendir(dir);
	int rc = 0;

	if (!d)
		return err_sys(err, "cannot open '%s'", dir);
	while (rc == 0 && (e = readdir(d))) {
		struct str name = str_z(e->d_name);
		const char *path = arena_dupz(f->a, arena_printf(f->a, "%s/%s", dir, e->d_name));
		struct stat st;

		if (e->d_name[0] == '.' || stat(path, &st) == -1)
			continue;
		if (S_ISDIR(st.st_mode) && depth < FOLDERS_DEEP)
			rc = search(f, path, depth + 1, err);
		else if (S_ISREG(st.st_mode) && f->n < FILES_MAX &&
			 (str_ends(name, STR(".json")) || str_ends(name, STR(".yml")) || str_ends(name, STR(".yaml"))))
			found_add(f, path);
	}
	closedir(d);
	return rc;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

int test_sets_find(struct arena *a, const char *path, const char ***out, size_t *n, struct err *err)
{
	struct found f = {.a = a};
	struct stat st;

	if (stat(path, &st) == -1)
		return err_sys(err, "cannot find '%s'", path);
	if (!S_ISDIR(st.st_mode))
		found_add(&f, path);
	else if (search(&f, path, 0, err) == -1)
		return -1;
	if (f.n == 0)
		return err_set(err, "no test case files (*.json, *.yml, *.yaml) in '%s'", path);
	qsort(f.v, f.n, sizeof(*f.v), by_name);
	*out = f.v;
	*n = f.n;
	return 0;
}
