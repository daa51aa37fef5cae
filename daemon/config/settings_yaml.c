/*
 * settings_yaml.c - logstash.yml, weir.yml and pipelines.yml to dotted names and values.
 *
 * libyaml gives events; nested maps become dotted names on the way, so nothing is built. Aliases and
 * tags have no use in these files and are refused.
 */
#include "config/settings_yaml.h"

#include "config/parse.h"
#include "config/secrets.h"
#include "config/settings.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <yaml.h>

enum { DEPTH_MAX = 16, NAME_MAX_BYTES = 200, FILE_MAX_BYTES = 1024 * 1024 };

struct reader {
	yaml_parser_t parser;
	const struct yaml_target *target;
	const struct config_file *file;
	struct diag *diag;
	struct buf name;	       /* of where the parser is: "api.http" */
	size_t name_len[DEPTH_MAX + 1]; /* of each open map */
	unsigned depth;
	bool in_list; /* between the items of the outermost list */
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
	struct config_env env = {.secrets = r->target->secrets};
	struct pos pos = mark_pos(r, &ev->start_mark);

	if (is_null(ev))
		return 0;
	if (config_expand(r->target->arena, &value, &env, pos, r->diag) == -1)
		return -1;
	return r->target->set(r->target->arg, buf_slice(&r->name), value, pos, r->diag);
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
		r->target->set(r->target->arg, buf_slice(&r->name), list, mark_pos(r, &ev->start_mark), r->diag);
		*key = true;
		return 0;
	case YAML_ALIAS_EVENT:
		return refused(r, ev, "aliases have no place here");
	default:
		return 0;
	}
}

/* One event outside of the maps that hold settings. *in: such a map begins. */
static int outermost(struct reader *r, const yaml_event_t *ev, bool *in)
{
	bool list = r->target->item != NULL;

	switch (ev->type) {
	case YAML_MAPPING_START_EVENT:
		if (list && !r->in_list)
			return refused(r, ev, "expected a list: '- name: value'");
		if (list)
			r->target->item(r->target->arg, mark_pos(r, &ev->start_mark));
		*in = true;
		return 0;
	case YAML_SEQUENCE_START_EVENT:
		if (!list || r->in_list)
			return refused(r, ev, "expected 'name: value'");
		r->in_list = true;
		return 0;
	case YAML_SEQUENCE_END_EVENT:
		r->in_list = false;
		return 0;
	case YAML_SCALAR_EVENT:
		/* An empty file is a null. */
		if (is_null(ev) && !r->in_list)
			return 0;
		return refused(r, ev, list && !r->in_list ? "expected a list: '- name: value'" : "expected 'name: value'");
	case YAML_ALIAS_EVENT:
		return refused(r, ev, "aliases have no place here");
	default:
		return 0;
	}
}

static int document(struct reader *r)
{
	bool key = false, in = false;
	yaml_event_t ev;
	int rc = 0;

	do {
		if (next(r, &ev) == -1)
			return -1;
		if (ev.type == YAML_STREAM_END_EVENT) {
			yaml_event_delete(&ev);
			return 0;
		}
		/* The map of settings opens nothing: its names stand alone. */
		if (!in) {
			rc = outermost(r, &ev, &in);
			key = in;
			r->name.len = 0;
		} else if (ev.type == YAML_MAPPING_END_EVENT && r->depth == 0) {
			in = false;
		} else {
			rc = take(r, &ev, &key);
		}
		yaml_event_delete(&ev);
	} while (rc == 0);
	return rc;
}

int yaml_target_text(const struct yaml_target *target, struct str name, struct str text, struct diag *d)
{
	const struct config_file *f = config_text(target->arena, name, text);
	struct reader r = {.target = target, .diag = d, .file = f};
	unsigned errors = d->errors;

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

int yaml_target_file(const struct yaml_target *target, const char *path, struct diag *d)
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
		rc = yaml_target_text(target, str_z(path), buf_slice(&b), d) == 0 ? 1 : -1;
	buf_release(&b);
	fclose(f);
	return rc;
}

/* ---- logstash.yml, weir.yml ---- */

static int set(void *arg, struct str name, struct str value, struct pos pos, struct diag *d)
{
	return settings_set(arg, name, value, pos, d);
}

int settings_read_text(struct program_settings *s, struct str name, struct str text, struct diag *d)
{
	struct yaml_target target = {.set = set, .arg = s, .arena = s->arena, .secrets = s->pipeline.secrets};

	return yaml_target_text(&target, name, text, d);
}

int settings_read(struct program_settings *s, const char *dir, struct diag *d)
{
	static const char *const names[] = {"logstash.yml", "weir.yml"};
	struct yaml_target target = {.set = set, .arg = s, .arena = s->arena};
	int rc = settings_secrets(s, secrets_path(s->arena, dir), d);

	/* Each variable that is missing for want of them would be told as well. */
	if (rc)
		return rc;
	target.secrets = s->pipeline.secrets;
	for (size_t i = 0; i < 2; i++) {
		struct str path = arena_printf(s->arena, "%s/%s", dir, names[i]);

		if (yaml_target_file(&target, arena_dupz(s->arena, path), d) == -1)
			rc = -1;
	}
	return rc;
}
