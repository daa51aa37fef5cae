/*
 * regex_note.c - expressions of the configuration that run on libonig are named, each at its place: `weir check` and the start show it.
 */
#include "pipeline/plugin.h"

enum { SHOWN = 80 };

static bool find(const struct ast_value *v, struct str text, struct pos *pos);

static bool find_in(const struct ast_plugin *p, struct str text, struct pos *pos)
{
	for (size_t i = 0; i < p->n; i++)
		if (find(p->attr[i].value, text, pos))
			return true;
	return false;
}

static bool find(const struct ast_value *v, struct str text, struct pos *pos)
{
	size_t n = v->kind == AST_HASH ? 2 * v->n : v->kind == AST_ARRAY ? v->n : 0;

	if (v->kind == AST_PLUGIN)
		return find_in(v->plugin, text, pos);
	for (size_t i = 0; i < n; i++)
		if (find(v->item[i], text, pos))
			return true;
	if (v->kind == AST_ARRAY || v->kind == AST_HASH || !str_eq(v->text, text))
		return false;
	*pos = v->pos;
	return true;
}

void regex_note(struct diag *d, struct pos pos, struct str text, const struct regex *r)
{
	const char *why = r ? regex_on_onig(r) : NULL;
	struct str shown = str_sub(text, 0, SHOWN);

	if (!why)
		return;
	while (shown.len && shown.len < text.len && ((unsigned char)text.p[shown.len] & 0xc0) == 0x80)
		shown.len--;
	diag_note(d, pos, "'%.*s%s' runs on libonig, which is slower than PCRE2: %s", STR_ARG(shown), text.len > shown.len ? "..." : "", why);
}

void plugin_regex_note(struct plugin_ctx *ctx, struct str text, const struct regex *r)
{
	struct pos pos = ctx->pos;

	/* A text that stands nowhere as it is was made of several: then the plug-in's place has to do. */
	if (r && regex_on_onig(r) && ctx->written)
		(void)find_in(ctx->written, text, &pos);
	regex_note(ctx->diag, pos, text, r);
}

struct regex *plugin_regex(struct plugin_ctx *ctx, struct str text, unsigned flags, struct err *err)
{
	struct regex *r = regex_compile(text, flags, err);

	plugin_regex_note(ctx, text, r);
	return r;
}
