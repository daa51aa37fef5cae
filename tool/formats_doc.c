/*
 * formats_doc.c - docs/formats.md: every log format that is compiled in, whose lines it reads and how it is recognised.
 *
 * A program of the build, not of the product. Written from the registry of formats; a test compares its output with the
 * file in docs/. A format that does not say what it is, of which versions, or into which dataset it goes, is an error.
 */
#include "parse/format.h"

#include <stdio.h>
#include <stdlib.h>

static bool empty(const char *s)
{
	return !s || !*s;
}

/* Text of a table's cell: a bar would end it. */
static void cell(const char *s)
{
	for (; *s; s++) {
		if (*s == '|')
			putchar('\\');
		putchar(*s);
	}
	printf(" | ");
}

static int row(const struct format *f)
{
	if (empty(f->doc) || empty(f->versions) || f->dataset.len == 0) {
		fprintf(stderr, "format %.*s lacks its %s\n", STR_ARG(f->name),
			empty(f->doc) ? "doc" : empty(f->versions) ? "versions" : "dataset");
		return -1;
	}
	printf("| `%.*s` | ", STR_ARG(f->name));
	cell(f->doc);
	cell(f->versions);
	for (const char *const *p = f->programs; p && *p; p++)
		printf("%s`%s`", p == f->programs ? "" : ", ", *p);
	printf(" | %s | `%.*s` |\n", f->shape ? "yes" : "", STR_ARG(f->dataset));
	return 0;
}

int main(void)
{
	int status = 0;

	printf("# Log formats\n\n"
	       "Written by `tool/formats_doc.c` from the formats that are compiled in; do not edit. After a change of one:\n"
	       "`ninja -C build && build/tool/formats_doc > docs/formats.md`. What the lines become: [events.md](events.md). How to write one: "
	       "[CONTRIBUTING.md](../CONTRIBUTING.md#add-a-log-format-in-ten-minutes).\n\n"
	       "The filter `parse` finds the format by the program in the line's header; a `*` stands for anything. A format that is also known\n"
	       "by shape is found in lines whose program is unknown, or that have no header: a log file that the daemon writes itself.\n\n"
	       "| format | what it reads | versions whose lines were read | programs | by shape | dataset |\n|---|---|---|---|---|---|\n");
	for (const struct format *const *f = formats_all; *f; f++)
		status |= row(*f);
	return status ? EXIT_FAILURE : EXIT_SUCCESS;
}
