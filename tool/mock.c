#include "tool/mock.h"

#include "event/yaml_read.h"

#include <stdio.h>

enum { FILE_MAX_BYTES = 1024 * 1024 };

struct mock {
	struct arena *a;
	const struct config_env *env;
	struct diag *diag;
	const char *path;
	struct str id, text;
	bool used;
};

static bool has_id(const struct ast_plugin *p, struct str id)
{
	for (size_t i = 0; i < p->n; i++)
		if (str_eq(p->attr[i].name, STR("id")) && p->attr[i].value->kind != AST_ARRAY && p->attr[i].value->kind != AST_HASH &&
		    str_eq(p->attr[i].value->text, id))
			return true;
	return false;
}

/* What stands in its place; an empty block: nothing. */
static struct ast_block replacement(struct mock *m, enum ast_section section)
{
	static const char *const names[] = {"input", "filter", "output"};
	struct config_file *f = arena_zalloc(m->a, sizeof(*f));
	struct ast_config *ast;

	f->name = arena_printf(m->a, "%s, mock of '%.*s'", m->path, STR_ARG(m->id));
	f->text = arena_printf(m->a, "%s {\n%.*s\n}", names[section], STR_ARG(m->text));
	ast = config_parse(m->a, f, m->env, m->diag);
	return ast ? ast->section[section] : (struct ast_block){0};
}

static void apply(struct mock *m, enum ast_section section, struct ast_block *b)
{
	for (size_t i = 0; i < b->n; i++) {
		struct ast_stmt *s = &b->stmt[i], *stmt;
		struct ast_block in;

		for (size_t k = 0; s->kind == STMT_IF && k < s->n; k++)
			apply(m, section, s->branch[k].body);
		if (s->kind == STMT_IF || !has_id(s->plugin, m->id))
			continue;
		m->used = true;
		in = replacement(m, section);
		stmt = arena_alloc(m->a, (b->n + in.n) * sizeof(*stmt));
		memcpy(stmt, b->stmt, i * sizeof(*stmt));
		if (in.n)
			memcpy(stmt + i, in.stmt, in.n * sizeof(*stmt));
		memcpy(stmt + i + in.n, b->stmt + i + 1, (b->n - i - 1) * sizeof(*stmt));
		b->stmt = stmt;
		b->n += in.n - 1;
		i += in.n - 1;
	}
}

static int read_file(const char *path, struct buf *b, struct err *err)
{
	FILE *f = fopen(path, "re");
	char *room;

	if (!f)
		return err_sys(err, "cannot open '%s'", path);
	room = buf_room(b, FILE_MAX_BYTES);
	b->len = room ? fread(room, 1, FILE_MAX_BYTES, f) : 0;
	fclose(f);
	return 0;
}

static int refused(struct diag *d, const char *path, const char *text)
{
	diag_error(d, (struct pos){0}, "%s: %s", path, text);
	return -1;
}

int mock_apply(struct arena *a, const char *path, struct ast_config *ast, const struct config_env *env, struct diag *d)
{
	struct mock m = {.a = a, .env = env, .diag = d, .path = path};
	unsigned errors = d->errors;
	struct value v = {0};
	struct err err = {""};
	struct buf b;
	int rc;

	buf_init(&b, FILE_MAX_BYTES);
	rc = read_file(path, &b, &err);
	if (rc == 0)
		rc = yaml_read(a, arena_dup(a, buf_slice(&b)), &v, &err);
	buf_release(&b);
	if (rc)
		return refused(d, path, err.text);
	if (v.type != V_LIST)
		return refused(d, path, "a mock file holds a list of 'id' and 'mock'");
	for (uint32_t i = 0; i < v.list->n; i++) {
		const struct value *one = &v.list->v[i], *id, *text;

		id = one->type == V_MAP ? map_find_str(one->map, STR("id")) : NULL;
		text = one->type == V_MAP ? map_find_str(one->map, STR("mock")) : NULL;
		if (!value_is(id, V_STRING) || (text && text->type != V_STRING && text->type != V_NULL))
			return refused(d, path, "each entry has an 'id' and, unless the plug-in is to be left out, a text 'mock'");
		m.id = value_str(id);
		m.text = value_is(text, V_STRING) ? value_str(text) : STR("");
		m.used = false;
		for (int section = SECTION_INPUT; section <= SECTION_OUTPUT; section++)
			apply(&m, (enum ast_section)section, &ast->section[section]);
		if (!m.used)
			diag_warn(d, (struct pos){0}, "%s: no plug-in has the id '%.*s'", path, STR_ARG(m.id));
	}
	return d->errors == errors ? 0 : -1;
}
