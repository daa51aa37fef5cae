#include "filter/grok_one.h"
#include "base/log.h"

int grok_one_open(struct grok_one *g, struct str pattern, const struct list *patterns_dir, struct plugin_ctx *ctx, struct err *err)
{
	struct grok_library lib;
	struct grok_compile c = {&lib, true, STR(""), NULL};
	bool files_missing = false;

	/* Without ECS whatever the mode: a pattern only says whether it matches, and old names must go on working. */
	grok_library_init(&lib, ctx->arena, false);
	for (uint32_t i = 0; patterns_dir && i < patterns_dir->n; i++) {
		const struct value *v = &patterns_dir->v[i];
		unsigned files;

		if (v->type != V_STRING)
			return err_set(err, "patterns_dir holds something that is no path");
		if (grok_library_add_path(&lib, ctx->settings->config_dir, value_str(v), STR("*"), &files, err))
			return -1;
		if (!files)
			plugin_warn(ctx, "patterns_dir '%.*s' has no pattern file", STR_ARG(value_str(v)));
		files_missing |= !files;
	}
	if (grok_pattern_compile(&g->compiled, &c, pattern, err)) {
		if (!ctx->settings->elsewhere || !files_missing || !lib.undefined)
			return -1;
		plugin_warn(ctx, "%s, perhaps in files that are not here: without it weird does not start", err->text);
		return 0;
	}
	plugin_regex_note(ctx, pattern, g->compiled.regex);
	g->found = regex_match_new();
	return 0;
}

void grok_one_close(struct grok_one *g)
{
	grok_pattern_release(&g->compiled);
	regex_match_free(g->found);
	g->found = NULL;
}

bool grok_one_matches(struct grok_one *g, struct str text, const char *who)
{
	enum regex_result r = regex_exec_valid(g->compiled.regex, text, 0, g->found);

	if (r == REGEX_LIMIT)
		log_warn("filter", "%s: the pattern took too long on a line and counts as one that does not match", who);
	return r == REGEX_YES;
}
