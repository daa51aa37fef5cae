/*
 * grok_one.h - a single pattern of grok that only says whether it matches: what tells lines apart that belong together.
 */
#ifndef WEIR_FILTER_GROK_ONE_H
#define WEIR_FILTER_GROK_ONE_H

#include "filter/grok_compile.h"
#include "pipeline/plugin.h"

struct grok_one {
	struct grok_pattern compiled;
	struct regex_match *found;
};

/* patterns_dir: list of paths, or NULL. -1 and err. */
int grok_one_open(struct grok_one *g, struct str pattern, const struct list *patterns_dir, struct plugin_ctx *ctx, struct err *err);
void grok_one_close(struct grok_one *g);
/* A pattern that takes too long does not match; `who` says so in the log. */
bool grok_one_matches(struct grok_one *g, struct str text, const char *who);

#endif
