/*
 * fields_doc.c - docs/fields.md: every field that weir itself writes, its type and what it says.
 *
 * A program of the build, not of the product. Written from fields.def, of which the index template is made as well; a test
 * compares its output with the file in docs/. A field without a line of doc is an error.
 */
#include "event/fields.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* As Elasticsearch 7.17 and later have it in the template of the output; where a licence or OpenSearch lacks a type, see the text below. */
static const char *type_name(enum field_type t)
{
	switch (t) {
	case FT_KEYWORD:
		return "keyword";
	case FT_TEXT:
		return "match_only_text";
	case FT_WILDCARD:
		return "wildcard";
	case FT_RAW:
		return "keyword, not indexed";
	case FT_CONSTANT:
		return "constant_keyword";
	case FT_IP:
		return "ip";
	case FT_LONG:
		return "long";
	case FT_BYTE:
		return "byte";
	case FT_FLOAT:
		return "float";
	case FT_BOOLEAN:
		return "boolean";
	case FT_DATE:
		return "date";
	case FT_GEO_POINT:
		return "geo_point";
	case FT_FLATTENED:
		return "flattened";
	case FT_OBJECT:
		return "object";
	case FT_NESTED:
		return "nested";
	}
	return "";
}

/* By parts: a.b before a-b and a_b, so that what belongs together stands together. */

/* "source" of "source.ip"; a name without parts belongs to no group. */
static struct str group_of(const char *path)
{
	struct str rest = str_z(path), first;

	return str_cut(&rest, '.', &first) ? first : STR("");
}

/* Text of a table's cell: a bar would end it. */
static void cell(const char *s)
{
	for (; *s; s++) {
		if (*s == '|')
			putchar('\\');
		putchar(*s);
	}
}

static int group(const int *order, struct str name)
{
	int status = 0;

	printf("\n## %.*s\n\n| field | type | what it says |\n|---|---|---|\n", STR_ARG(name.len ? name : STR("at the top")));
	for (int i = 0; i < FIELDS; i++) {
		const struct field *f = &fields[order[i]];

		if (!str_eq(group_of(f->path), name))
			continue;
		if (!f->doc || !*f->doc) {
			fprintf(stderr, "%s has no doc\n", f->path);
			status = -1;
			continue;
		}
		printf("| `%s` | %s | ", f->path, type_name(f->type));
		cell(f->doc);
		printf(" |\n");
	}
	return status;
}

int main(void)
{
	int order[FIELDS], status = 0;

	for (int i = 0; i < FIELDS; i++)
		order[i] = i;
	qsort(order, FIELDS, sizeof(*order), fields_by_path);
	printf("# Every field that weir writes\n\n"
	       "Written by `tool/fields_doc.c` from `daemon/event/fields.def`; do not edit. After a change of a row:\n"
	       "`ninja -C build && build/tool/fields_doc > docs/fields.md`. What values they take: [events.md](events.md).\n\n"
	       "The type is what the output's template says to Elasticsearch. Where the server has no such type (OpenSearch, a distribution\n"
	       "without its licensed parts), `match_only_text` is `text`, `wildcard` and `constant_keyword` are `keyword`, and `flattened` is\n"
	       "`flat_object` (OpenSearch 2.7) or an object that is not indexed. A `keyword` longer than 1,024 characters (`wildcard`: 8,191 where\n"
	       "it is a keyword) is kept and not indexed. Fields of the user's own are added as they come; these %d are known beforehand.\n",
	       (int)FIELDS);
	status |= group(order, STR(""));
	for (int i = 0; i < FIELDS; i++) {
		struct str name = group_of(fields[order[i]].path);

		if (name.len && (i == 0 || !str_eq(name, group_of(fields[order[i - 1]].path))))
			status |= group(order, name);
	}
	return status ? EXIT_FAILURE : EXIT_SUCCESS;
}
