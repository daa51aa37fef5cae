/*
 * settings_yaml.c - logstash.yml and weir.yml to dotted names and values.
 *
 * libyaml gives events; nested maps become dotted names on the way, so nothing is built. Aliases and
 * tags have no use in these files and are refused.
 */
#include "config/parse.h"
#include "config/settings.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <yaml.h>

enum { DEPTH_MAX = 16, NAME_MAX_BYTES = 200, FILE_MAX_BYTES = 1024 * 1024 };

struct reader {
	yaml_parser_t parser;
	struct program_settings *settings;
	const struct config_file *file;
	struct diag *diag;
	struct buf name;	       /* of where the parser is: "api.http" */
	size_t name_len[DEPTH_MAX + 1]; /* of each open map */
	unsigned depth;
};

static struct pos mark_pos(const struct reader *r, const yaml_mark_t *m)
{
	return (struct pos){r->file, (uint32_t)m->line + 1, (uint32_t)m->column + 1};
}

static int next(struct reader *r, yaml_event_t *ev)
{
	const char *what;

	if (yaml_parser_parse(&r->parser, ev))
		return 0;
	what = r->parser.problem ? r->parser.problem : "out of memory";
	diag_error(r->diag, mark_pos(r, &r->parser.problem_mark), "not YAML: %s", what);
	return -1;
}

/* Passes over a list: none of the settings that weird has takes one. Its text is "[]" where it is empty, else "[...]". */
static int skip_list(struct reader *r, struct str *value)
{
	unsigned depth = 1;
	yaml_event_t ev;

	*value = STR("[]");
	while (depth) {
		if (next(r, &ev) == -1)
			return -1;
		if (ev.type == YAML_SEQUENCE_START_EVENT || ev.type == YAML_MAPPING_START_EVENT)
			depth++;
		else if (ev.type == YAML_SEQUENCE_END_EVENT || ev.type == YAML_MAPPING_END_EVENT)
			depth--;
		if (depth)
			*value = STR("[...]");
		yaml_event_delete(&ev);
	}
	return 0;
}

/* `path.logs:` without a value is the same as no such line. */
static bool is_null(const yaml_event_t *ev)
{
	struct str s = str_n((const char *)ev->data.scalar.value, ev->data.scalar.length);

	return ev->data.scalar.plain_implicit && (s.len == 0 || str_eqz(s, "~") || str_eqz(s, "null"));
}

static int set_scalar(struct reader *r, const yaml_event_t *ev)
{
	struct str value = str_n((const char *)ev->data.scalar.value, ev->data.scalar.length);
	struct config_env env = {.secrets = r->settings->pipeline.secrets};
	struct pos pos = mark_pos(r, &ev->start_mark);

	if (is_null(ev))
		return 0;
	if (config_expand(r->settings->arena, &value, &env, pos, r->diag) == -1)
		return -1;
	return settings_set(r->settings, buf_slice(&r->name), value, pos, r->diag);
}

static int refused(struct reader *r, const yaml_event_t *ev, const char *text)
{
	diag_error(r->diag, mark_pos(r, &ev->start_mark), "%s", text);
	return -1;
}

/* The name of the pair that begins at ev goes behind what is open. */
static int take_key(struct reader *r, const yaml_event_t *ev)
{
	struct str key = str_n((const char *)ev->data.scalar.value, ev->data.scalar.length);

	r->name.len = r->name_len[r->depth];
	if (r->name.len + key.len + 1 > NAME_MAX_BYTES)
		return refused(r, ev, "the name of this setting is too long");
	if (r->name.len)
		buf_ch(&r->name, '.');
	buf_str(&r->name, key);
	return 0;
}

/* One event inside the document; *key says whether a name is next. Wrong values do not end the reading. */
static int take(struct reader *r, const yaml_event_t *ev, bool *key)
{
	struct str list;

	switch (ev->type) {
	case YAML_SCALAR_EVENT:
		if (!*key)
			set_scalar(r, ev);
		else if (take_key(r, ev) == -1)
			return -1;
		*key = !*key;
		return 0;
	case YAML_MAPPING_START_EVENT:
		if (*key)
			return refused(r, ev, "expected the name of a setting");
		if (r->depth == DEPTH_MAX)
			return refused(r, ev, "nested too deep");
		r->name_len[++r->depth] = r->name.len;
		*key = true;
		return 0;
	case YAML_MAPPING_END_EVENT:
		r->depth--;
		*key = true;
		return 0;
	case YAML_SEQUENCE_START_EVENT:
		if (*key)
			return refused(r, ev, "expected the name of a setting");
		if (skip_list(r, &list) == -1)
			return -1;
		settings_set(r->settings, buf_slice(&r->name), list, mark_pos(r, &ev->start_mark), r->diag);
		*key = true;
		return 0;
	case YAML_ALIAS_EVENT:
		return refused(r, ev, "aliases have no place here");
	default:
		return 0;
	}
}

static int document(struct reader *r)
{
	bool key = false, begun = false;
	yaml_event_t ev;
	int rc = 0;

	do {
		if (next(r, &ev) == -1)
			return -1;
		if (ev.type == YAML_STREAM_END_EVENT) {
			yaml_event_delete(&ev);
			return 0;
		}
		/* The outermost map opens nothing: its names stand alone. An empty file is a null. */
		if (ev.type == YAML_MAPPING_START_EVENT && !begun)
			begun = key = true;
		else if (ev.type == YAML_MAPPING_END_EVENT && r->depth == 0)
			key = begun = false;
		else if (!begun && ev.type == YAML_SCALAR_EVENT && is_null(&ev))
			key = false;
		else if (!begun && (ev.type == YAML_SCALAR_EVENT || ev.type == YAML_SEQUENCE_START_EVENT))
			rc = refused(r, &ev, "expected 'name: value'");
		else
			rc = take(r, &ev, &key);
		yaml_event_delete(&ev);
	} while (rc == 0);
	return rc;
}

int settings_read_text(struct program_settings *s, struct str name, struct str text, struct diag *d)
{
	struct config_file *f = arena_zalloc(s->arena, sizeof(*f));
	struct reader r = {.settings = s, .diag = d, .file = f};
	unsigned errors = d->errors;

	f->name = arena_dup(s->arena, name);
	f->text = arena_dup(s->arena, text);
	if (!yaml_parser_initialize(&r.parser)) {
		diag_error(d, (struct pos){0}, "out of memory");
		return -1;
	}
	buf_init(&r.name, 2 * NAME_MAX_BYTES);
	yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&r.parser, (const unsigned char *)f->text.p, f->text.len);
	(void)document(&r);
	yaml_parser_delete(&r.parser);
	buf_release(&r.name);
	return d->errors == errors ? 0 : -1;
}

/* 1: read; 0: there is none; -1 and d. */
static int read_one(struct program_settings *s, const char *path, struct diag *d)
{
	struct buf b;
	size_t n;
	FILE *f = fopen(path, "re");
	int rc = -1;

	if (!f && errno == ENOENT)
		return 0;
	if (!f) {
		struct err err;

		err_sys(&err, "cannot open '%s'", path);
		diag_error(d, (struct pos){0}, "%s", err.text);
		return -1;
	}
	buf_init(&b, FILE_MAX_BYTES);
	do {
		char *room = buf_room(&b, 4096);

		n = room ? fread(room, 1, 4096, f) : 0;
		b.len += n;
	} while (n);
	if (b.over)
		diag_error(d, (struct pos){0}, "'%s' is larger than %d bytes", path, FILE_MAX_BYTES);
	else if (ferror(f))
		diag_error(d, (struct pos){0}, "cannot read '%s'", path);
	else
		rc = settings_read_text(s, str_z(path), buf_slice(&b), d) == 0 ? 1 : -1;
	buf_release(&b);
	fclose(f);
	return rc;
}

int settings_read(struct program_settings *s, const char *dir, struct diag *d)
{
	static const char *const names[] = {"logstash.yml", "weir.yml"};
	int rc = settings_secrets(s, dir, d);

	/* Each variable that is missing for want of them would be told as well. */
	if (rc)
		return rc;
	for (size_t i = 0; i < 2; i++) {
		struct str path = arena_printf(s->arena, "%s/%s", dir, names[i]);

		if (read_one(s, arena_dupz(s->arena, path), d) == -1)
			rc = -1;
	}
	return rc;
}
