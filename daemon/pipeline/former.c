#include "pipeline/former.h"

static struct ast_expr *make(struct arena *a, enum ast_expr_kind kind, struct pos pos, struct ast_expr *left, struct ast_expr *right)
{
	struct ast_expr *e = arena_zalloc(a, sizeof(*e));

	e->kind = kind;
	e->pos = pos;
	e->a = left;
	e->b = right;
	return e;
}

static struct ast_expr *leaf(struct arena *a, enum ast_expr_kind kind, struct pos pos, struct str text)
{
	struct ast_expr *e = make(a, kind, pos, NULL, NULL);

	e->text = text;
	return e;
}

static struct ast_expr *both(struct arena *a, struct ast_expr *left, struct ast_expr *right)
{
	return left ? make(a, EXPR_AND, left->pos, left, right) : right;
}

/* One text of the option: what it asks of an event. */
static struct ast_expr *asks(struct arena *a, struct str option, const struct ast_value *v)
{
	struct ast_expr *text = leaf(a, EXPR_STRING, v->pos, v->text), *in;

	if (str_eq(option, STR("type")))
		return make(a, EXPR_EQ, v->pos, leaf(a, EXPR_SELECTOR, v->pos, STR("[type]")), text);
	in = make(a, EXPR_IN, v->pos, text, leaf(a, EXPR_SELECTOR, v->pos, STR("[tags]")));
	return str_eq(option, STR("tags")) ? in : make(a, EXPR_NOT, v->pos, in, NULL);
}

static bool has_option(const struct plugin *p, struct str name)
{
	for (const struct option *o = p ? p->options : NULL; o && o->name; o++)
		if (str_eqz(name, o->name))
			return true;
	return false;
}

struct ast_expr *former_condition(struct arena *a, const struct plugin *plugin, const struct ast_plugin *written)
{
	struct ast_expr *all = NULL;

	for (size_t i = 0; i < written->n; i++) {
		struct str name = written->attr[i].name;
		const struct ast_value *v = written->attr[i].value;

		if (!str_eq(name, STR("type")) && !str_eq(name, STR("tags")) && !str_eq(name, STR("exclude_tags")))
			continue;
		if (has_option(plugin, name) || v->kind == AST_HASH || v->kind == AST_PLUGIN)
			continue;
		if (v->kind != AST_ARRAY && v->text.len)
			all = both(a, all, asks(a, name, v));
		for (size_t k = 0; v->kind == AST_ARRAY && k < v->n; k++)
			if (v->item[k]->kind != AST_ARRAY && v->item[k]->kind != AST_HASH && v->item[k]->kind != AST_PLUGIN)
				all = both(a, all, asks(a, name, v->item[k]));
	}
	return all;
}

struct str former_name(enum plugin_kind kind, struct str name)
{
	static const struct {
		enum plugin_kind kind;
		struct str former, now;
	} names[] = {
		{PLUGIN_INPUT, STR_INIT("java_generator"), STR_INIT("generator")},
		{PLUGIN_INPUT, STR_INIT("java_stdin"), STR_INIT("stdin")},
		{PLUGIN_FILTER, STR_INIT("java_uuid"), STR_INIT("uuid")},
		{PLUGIN_OUTPUT, STR_INIT("elasticsearch_http"), STR_INIT("elasticsearch")},
		{PLUGIN_OUTPUT, STR_INIT("java_stdout"), STR_INIT("stdout")},
		{PLUGIN_OUTPUT, STR_INIT("java_sink"), STR_INIT("null")},
		{PLUGIN_OUTPUT, STR_INIT("sink"), STR_INIT("null")},
		{PLUGIN_CODEC, STR_INIT("java_line"), STR_INIT("line")},
		{PLUGIN_CODEC, STR_INIT("java_plain"), STR_INIT("plain")},
		{PLUGIN_CODEC, STR_INIT("jdots"), STR_INIT("dots")},
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (names[i].kind == kind && str_eq(names[i].former, name))
			return names[i].now;
	return (struct str){0};
}

const char *former_codec(const struct ast_plugin *written)
{
	const char *codec = NULL;

	for (size_t i = 0; i < written->n; i++) {
		const struct ast_value *v = written->attr[i].value;

		if (str_eq(written->attr[i].name, STR("codec")))
			return NULL;
		if (str_eq(written->attr[i].name, STR("format")) && (v->kind == AST_STRING || v->kind == AST_BAREWORD))
			codec = str_eq(v->text, STR("json")) || str_eq(v->text, STR("json_event")) ? "json" : codec;
	}
	return codec;
}

const char *former_option(const struct plugin *plugin, struct str name)
{
	static const struct {
		enum plugin_kind kind;
		const char *plugin, *former, *now;
	} names[] = {
		{PLUGIN_FILTER, "mutate", "remove", "remove_field"},
		{PLUGIN_FILTER, "geoip", "lru_cache_size", "cache_size"},
		{PLUGIN_INPUT, "tcp", "data_timeout", ""},
		{PLUGIN_OUTPUT, "elasticsearch", "replication", ""},
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (names[i].kind == plugin->kind && strcmp(names[i].plugin, plugin->name) == 0 && str_eqz(name, names[i].former))
			return names[i].now;
	return NULL;
}
