/*
 * logstash_doc.c - docs/logstash-plugins.md: which of Logstash's plug-ins and of their options weir has, and how.
 *
 * A program of the build, not of the product. What weir has comes from the tables that read a configuration; what Logstash has is listed in
 * pipeline/bundled.c.
 */
#include "pipeline/bundled.h"
#include "pipeline/former.h"
#include "pipeline/plugin.h"

#include <stdio.h>
#include <string.h>

enum state { WORKS, FORMER, OBSOLETE, IGNORED, OWN, STATES };

static enum state state_of(const struct option *o)
{
	return o->type == OPT_OBSOLETE ? OBSOLETE : o->type == OPT_IGNORED ? IGNORED : o->flags & OPT_WEIR ? OWN : o->flags & OPT_DEPRECATED ? FORMER : WORKS;
}

static void options_of(const struct plugin *p, enum state state)
{
	const char *sep = "";

	for (const struct option *o = p->options; o && o->name; o++) {
		if (state_of(o) != state)
			continue;
		printf("%s`%s`", sep, o->name);
		/* A name, not advice. */
		if (state == FORMER && o->instead && !strchr(o->instead, ' '))
			printf(" (`%s`)", o->instead);
		sep = ", ";
	}
}

static void row(enum plugin_kind kind, const char *name)
{
	const struct plugin *p = plugin_find(kind, str_z(name));
	struct str now = former_name(kind, str_z(name));

	printf("| `%s` | ", name);
	if (!p && now.p && plugin_find(kind, now)) {
		printf("read as `%.*s` | | | |\n", STR_ARG(now));
		return;
	}
	if (!p && kind == PLUGIN_FILTER && strcmp(name, "multiline") == 0) {
		printf("read as the codec `multiline` of the inputs | | | |\n");
		return;
	}
	if (!p) {
		printf("**no** | | | |\n");
		return;
	}
	printf("yes | ");
	options_of(p, WORKS);
	printf(" | ");
	options_of(p, FORMER);
	printf(" | ");
	options_of(p, OBSOLETE);
	options_of(p, IGNORED);
	printf(" |\n");
}

static void section(const char *title, enum plugin_kind kind)
{
	const char *const *names = bundled_all(kind);
	const char *sep = "\nweir's own: ";

	printf("\n## %s\n\n| plug-in | there | options that work | former names that work, with a warning | accepted, without effect |\n|---|---|---|---|---|\n",
	       title);
	for (size_t i = 0; names[i]; i++)
		row(kind, names[i]);
	for (const struct plugin *const *p = plugin_all(kind); *p; p++)
		if (!bundled_has(kind, str_z((*p)->name))) {
			printf("%s`%s`", sep, (*p)->name);
			sep = ", ";
		}
	if (*sep == ',')
		printf(".\n");
}

int main(void)
{
	printf("# Logstash's plug-ins, and what weir has of them\n\n"
	       "Written by `tool/logstash_doc.c` from the tables that read a configuration; do not edit. After a change of one:\n"
	       "`ninja -C build && build/tool/logstash_doc > docs/logstash-plugins.md`. What each option does: [options.md](options.md). How to move: "
	       "[from-logstash.md](from-logstash.md).\n\n"
	       "The options that every plug-in of a kind has (`add_field`, `tags`, `id`, `codec` ...) are not repeated here: weir has all of them. An option that "
	       "stands nowhere is an error with its place; `weir check` tells all of them at once. A filter that is not there can be passed over "
	       "(`config.lenient`), an input or output cannot.\n");
	section("Inputs", PLUGIN_INPUT);
	section("Filters", PLUGIN_FILTER);
	section("Outputs", PLUGIN_OUTPUT);
	section("Codecs", PLUGIN_CODEC);
	return 0;
}
