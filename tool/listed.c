#include "tool/listed.h"

#include "event/yaml_read.h"

#include <libgen.h>
#include <stdio.h>

enum { FILE_MAX_BYTES = 1024 * 1024 };

static struct str text_of(const struct map *m, const char *key)
{
	const struct value *v = map_find_str(m, str_z(key));

	return value_is(v, V_STRING) ? value_str(v) : (struct str){0};
}

static int read_yaml(struct arena *a, const char *file, struct value *v, struct err *err)
{
	FILE *f = fopen(file, "re");
	struct buf b;
	char *room;
	int rc;

	if (!f)
		return err_sys(err, "cannot open");
	buf_init(&b, FILE_MAX_BYTES);
	room = buf_room(&b, FILE_MAX_BYTES);
	b.len = room ? fread(room, 1, FILE_MAX_BYTES, f) : 0;
	fclose(f);
	rc = yaml_read(a, arena_dup(a, buf_slice(&b)), v, err);
	buf_release(&b);
	return rc;
}

static int take_entry(struct arena *a, const char *base, const struct value *v, struct listed_pipeline *p, struct err *err)
{
	struct str path, text;

	if (v->type != V_MAP)
		return err_set(err, "each entry is a list of settings");
	path = text_of(v->map, "path.config");
	text = text_of(v->map, "config.string");
	*p = (struct listed_pipeline){.id = text_of(v->map, "pipeline.id"), .settings = v->map};
	if (!path.len && !text.len)
		return err_set(err, "the pipeline '%.*s' has neither 'path.config' nor 'config.string'", STR_ARG(p->id));
	if (text.len)
		p->text = arena_dupz(a, text);
	else if (path.p[0] == '/')
		p->path = arena_dupz(a, path);
	else
		p->path = arena_dupz(a, arena_printf(a, "%s/%.*s", base, STR_ARG(path)));
	return 0;
}

int listed_pipelines(struct arena *a, const char *file, const char *base, struct listed_pipeline **out, size_t *n, struct diag *d)
{
	struct value v = {0};
	struct err err = {""};
	int rc = read_yaml(a, file, &v, &err);

	*n = 0;
	if (!base)
		base = dirname(arena_dupz(a, str_z(file)));
	if (rc == 0 && v.type != V_LIST && v.type != V_NULL)
		rc = err_set(&err, "a list of pipelines was expected");
	*out = arena_zalloc(a, (v.type == V_LIST ? v.list->n + 1 : 1) * sizeof(**out));
	for (uint32_t i = 0; rc == 0 && v.type == V_LIST && i < v.list->n; i++) {
		rc = take_entry(a, base, &v.list->v[i], &(*out)[*n], &err);
		*n += rc == 0;
	}
	if (rc)
		diag_error(d, (struct pos){0}, "%s: %s", file, err.text);
	return rc;
}

struct config_file *listed_files(struct arena *a, const struct listed_pipeline *p, struct diag *d)
{
	struct config_file *f;

	if (p->path)
		return config_read(a, p->path, d);
	f = arena_zalloc(a, sizeof(*f));
	f->name = arena_printf(a, "config.string of %.*s", STR_ARG(p->id));
	f->text = str_z(p->text);
	return f;
}
