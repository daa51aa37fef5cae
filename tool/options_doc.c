/*
 * options_doc.c - docs/options.md: every plug-in that is compiled in, its options, their types and defaults.
 *
 * A program of the build, not of the product. Written from the same tables that read a configuration, so it cannot
 * tell anything else; a test compares its output with the file in docs/. A plug-in without a line of doc is an error.
 */
#include "pipeline/options.h"

static const char *const kinds[] = {
	[PLUGIN_INPUT] = "input", [PLUGIN_FILTER] = "filter", [PLUGIN_OUTPUT] = "output", [PLUGIN_CODEC] = "codec"};

static const char *type_name(enum opt_type type)
{
	switch (type) {
	case OPT_STRING:
		return "string";
	case OPT_PASSWORD:
		return "password";
	case OPT_PATH:
		return "path";
	case OPT_TMPL:
		return "string with %{...}";
	case OPT_REF:
		return "field";
	case OPT_INT:
		return "integer";
	case OPT_FLOAT:
		return "number";
	case OPT_BOOL:
		return "boolean";
	case OPT_ENUM:
		return "one of";
	case OPT_BYTES:
		return "bytes";
	case OPT_DURATION:
		return "duration";
	case OPT_LIST:
		return "list";
	case OPT_HASH:
		return "hash";
	case OPT_CODEC:
		return "codec";
	case OPT_ANY:
		return "any value";
	case OPT_OBSOLETE:
	case OPT_IGNORED:
		break;
	}
	return "";
}

/* Text of a table's cell: a bar would end it. */
static void cell(const char *s)
{
	for (; s && *s; s++) {
		if (*s == '|')
			putchar('\\');
		putchar(*s);
	}
}

static void row(const struct option *o)
{
	printf("| `%s` | %s", o->name, type_name(o->type));
	for (const char *const *c = o->type == OPT_ENUM ? o->choices : NULL; c && *c; c++) {
		printf(c == o->choices ? " `" : ", `");
		cell(*c);
		putchar('`');
	}
	printf(" | ");
	if (o->flags & OPT_REQUIRED) {
		printf("required");
	} else if (o->def && *o->def) {
		putchar('`');
		cell(o->def);
		putchar('`');
	}
	printf(" | ");
	cell(o->doc);
	if (o->flags & OPT_WEIR)
		printf("%s*weir's own*", o->doc ? "; " : "");
	if (o->flags & OPT_DEPRECATED)
		printf("%sdeprecated%s%s%s", o->doc ? "; " : "", o->instead ? ": `" : "", o->instead ? o->instead : "",
		       o->instead ? "`" : "");
	printf(" |\n");
}

/* Options that are accepted and do nothing, in one line each kind of them. */
static void accepted(const struct plugin *p, enum opt_type type, const char *head)
{
	const char *sep = head;

	for (const struct option *o = p->options; o && o->name; o++) {
		if (o->type != type)
			continue;
		printf("%s`%s`", sep, o->name);
		if (o->instead)
			printf(" (%s)", o->instead);
		sep = ", ";
	}
	if (sep != head)
		printf(".\n");
}

static int section(const struct plugin *p)
{
	bool any = false;

	if (!p->doc || !*p->doc) {
		fprintf(stderr, "%s %s has no doc\n", kinds[p->kind], p->name);
		return -1;
	}
	printf("\n### %s %s\n\n%s\n", kinds[p->kind], p->name, p->doc);
	for (const struct option *o = p->options; o && o->name; o++) {
		if (o->type == OPT_OBSOLETE || o->type == OPT_IGNORED)
			continue;
		if (!any)
			printf("\n| option | type | default | what it does |\n|---|---|---|---|\n");
		any = true;
		row(o);
	}
	accepted(p, OPT_OBSOLETE, "\nAccepted with a warning: ");
	accepted(p, OPT_IGNORED, "\nAccepted, without a meaning here: ");
	return 0;
}

/* What all of a kind take is told once. */
static void common(enum plugin_kind kind)
{
	const struct option *o;

	printf("\nEvery %s takes these, unless its own table says otherwise:\n\n"
	       "| option | type | default | what it does |\n|---|---|---|---|\n",
	       kinds[kind]);
	for (size_t i = 0; (o = options_common(kind, i)); i++)
		row(o);
}

int main(void)
{
	static const enum plugin_kind order[] = {PLUGIN_INPUT, PLUGIN_CODEC, PLUGIN_FILTER, PLUGIN_OUTPUT};
	int status = 0;

	printf("# Options of every plug-in\n\n"
	       "Written by `tool/options_doc.c` from the tables that read a configuration; do not edit. After a change of a table:\n"
	       "`ninja -C build && build/tool/options_doc > docs/options.md`.\n");
	for (size_t k = 0; k < sizeof(order) / sizeof(*order); k++) {
		printf("\n## %ss\n", kinds[order[k]]);
		common(order[k]);
		for (const struct plugin *const *p = plugin_all(order[k]); *p; p++)
			status |= section(*p);
	}
	return status ? 1 : 0;
}
