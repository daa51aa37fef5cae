/*
 * former.h - what configurations of an old Logstash say otherwise than today: names of plug-ins, and the conditions that filters and outputs
 * had as options before release 5, type, tags and exclude_tags.
 *
 *	grok { type => "syslog" tags => ["mail"] exclude_tags => ["done"] ... }
 *
 * is what is written today as
 *
 *	if [type] == "syslog" and "mail" in [tags] and !("done" in [tags]) { grok { ... } }
 */
#ifndef WEIR_PIPELINE_FORMER_H
#define WEIR_PIPELINE_FORMER_H

#include "config/ast.h"
#include "pipeline/plugin.h"

/*
 * That condition, in a; NULL where nothing of the kind is written, or the plug-in (NULL: one without options) has options of its own by
 * these names.
 */
struct ast_expr *former_condition(struct arena *a, const struct plugin *plugin, const struct ast_plugin *written);

/* The present name of a plug-in whose former one is written; .p NULL: it has none. */
struct str former_name(enum plugin_kind kind, struct str name);
/*
 * The present name of an option whose former one is written; "" : it means nothing here; NULL: it has none. The plug-in's table or the common
 * options have it.
 */
const char *former_option(const struct plugin *plugin, struct str name);
/* An input's option `format` of before 1.2: the codec that took its place, NULL: none is meant. */
const char *former_codec(const struct ast_plugin *written);

#endif
