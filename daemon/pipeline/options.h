/*
 * options.h - what the AST says of one plug-in, put into its instance by its table of options.
 */
#ifndef WEIR_PIPELINE_OPTIONS_H
#define WEIR_PIPELINE_OPTIONS_H

#include "base/javahash.h" /* hash options iterate in this order */
#include "pipeline/plugin.h"

/* Options that every plug-in of a kind has. What was not written is NULL / zero. */
struct common_options {
	struct str id;
	bool has_ecs;
	enum ecs_mode ecs;		/* ecs_compatibility */
	const struct map *add_field;	/* filters, inputs; HashMap order; values strings or lists of strings */
	const struct list *remove_field; /* filters; strings */
	const struct list *add_tag, *remove_tag;
	const struct list *tags;	/* inputs */
	struct str type;		/* inputs */
	struct codec *codec;		/* inputs, outputs; NULL: the plug-in's default */
	bool periodic_flush;
	bool disable_metric;		/* enable_metric => false */
};

/*
 * Fills self (zeroed, p->size bytes) and *common. Every problem goes to ctx->diag with its place: unknown option with the nearest name,
 * missing required option, wrong type or enum, repeated scalar. Returns -1 if there was an error. Does not call
 * p->open. Sets ctx->ecs, ctx->given, and ctx->id where the option id is written (else it stays the caller's, or
 * becomes "filter/grok" if that set none).
 */
int options_bind(const struct plugin *p, const struct ast_plugin *ap, void *self, struct common_options *common,
		 struct plugin_ctx *ctx);
/* The i-th option that every plug-in of a kind has; NULL behind the last. Their offsets are into struct common_options. */
const struct option *options_common(enum plugin_kind kind, size_t i);
/* Whether the option of that name was written; false for one that the plug-in does not have. */
bool option_given(const struct plugin_ctx *ctx, const char *name);
/* For open(): the err that it returns is about what was written for that option; where none was, about the plug-in. */
void option_blame(struct plugin_ctx *ctx, const char *name);
/* Binds and opens a codec by its AST; NULL and ctx->diag on errors. Codecs named alone (codec => json) come as barewords. */
struct codec *codec_bind(const struct ast_value *v, struct plugin_ctx *ctx);
/* The same from a plug-in's default codec name. */
struct codec *codec_default(const char *name, struct plugin_ctx *ctx);
/* Whether it can do what an input or an output wants of it: read, or write. If not, false and d at pos. */
bool codec_fits(const struct codec *c, enum plugin_kind user, struct pos pos, struct diag *d);
/*
 * What a stream input makes of its codec, as Logstash's do: json_lines for json and line for plain, of whose options only
 * charset goes along; any other as it is. Closes what it replaces.
 */
struct codec *codec_streaming(struct codec *c, struct plugin_ctx *ctx);
#endif
