/*
 * es_mapping.c - the rows of fields.def as "properties" of a mapping, in the types that a server has. Pure.
 */
#include "outputs/es.h"

#include "event/fields.h"

#include <stdlib.h>

static const char *type_of(enum field_type t, const struct es_server *sv)
{
	bool os = sv->flavour == ES_OPENSEARCH;

	switch (t) {
	case FT_KEYWORD:
		return "\"type\":\"keyword\",\"ignore_above\":1024";
	case FT_TEXT:
		return os || sv->plain ? "\"type\":\"text\"" : "\"type\":\"match_only_text\"";
	case FT_WILDCARD:
		return os || sv->plain ? "\"type\":\"keyword\",\"ignore_above\":8191" : "\"type\":\"wildcard\"";
	case FT_RAW:
		return "\"type\":\"keyword\",\"index\":false,\"doc_values\":false";
	case FT_CONSTANT:
		return os || sv->plain ? "\"type\":\"keyword\"" : "\"type\":\"constant_keyword\"";
	case FT_IP:
		return "\"type\":\"ip\"";
	case FT_LONG:
		return "\"type\":\"long\"";
	case FT_BYTE:
		return "\"type\":\"byte\"";
	case FT_FLOAT:
		return "\"type\":\"float\"";
	case FT_BOOLEAN:
		return "\"type\":\"boolean\"";
	case FT_DATE:
		return "\"type\":\"date\"";
	case FT_GEO_POINT:
		return "\"type\":\"geo_point\"";
	case FT_FLATTENED:
		if (!os)
			return "\"type\":\"flattened\"";
		/* flat_object came with 2.7. */
		if (!sv->plain && sv->known && (sv->major > 2 || (sv->major == 2 && sv->minor >= 7)))
			return "\"type\":\"flat_object\"";
		return "\"type\":\"object\",\"enabled\":false";
	case FT_OBJECT:
		return "\"type\":\"object\"";
	case FT_NESTED:
		return "\"type\":\"nested\"";
	}
	return "\"type\":\"keyword\"";
}

/* Length of the common prefix of two paths in whole parts, counted in parts. */
static unsigned common_parts(struct str a, struct str b)
{
	unsigned n = 0;
	struct str x, y;

	while (str_cut(&a, '.', &x) && str_cut(&b, '.', &y) && str_eq(x, y))
		n++;
	return n;
}

static unsigned count_parents(struct str path)
{
	unsigned n = 0;
	struct str part;

	while (str_cut(&path, '.', &part))
		n++;
	return n;
}

/* The field's last part, and on the way the objects that are not open yet. */
static void open_field(struct buf *out, struct str path, unsigned open, bool first)
{
	struct str part;
	unsigned at = 0;

	if (!first)
		buf_ch(out, ',');
	while (str_cut(&path, '.', &part)) {
		if (at++ < open)
			continue;
		buf_printf(out, "\"%.*s\":{\"properties\":{", STR_ARG(part));
	}
	buf_printf(out, "\"%.*s\":{", STR_ARG(path));
}

void es_mapping_write(struct buf *out, const struct es_server *sv, bool (*keep)(const struct field *f))
{
	int order[FIELDS];
	struct str before = STR("");
	unsigned open = 0;
	int n = 0;

	for (int i = 0; i < FIELDS; i++)
		if (!keep || keep(&fields[i]))
			order[n++] = i;
	qsort(order, (size_t)n, sizeof(*order), fields_by_path);
	buf_ch(out, '{');
	for (int i = 0; i < n; i++) {
		const struct field *f = &fields[order[i]];
		struct str path = str_z(f->path), next = i + 1 < n ? str_z(fields[order[i + 1]].path) : STR("");
		unsigned parents = count_parents(path), common = common_parts(path, before);

		/* An object that has rows of its own below: its type is said where it is opened, by them. */
		if (next.len > path.len && str_starts(next, path) && next.p[path.len] == '.')
			continue;
		for (; open > common; open--)
			buf_lit(out, "}}");
		open_field(out, path, open, before.len == 0 || out->p[out->len - 1] == '{');
		buf_str(out, str_z(type_of(f->type, sv)));
		if (order[i] == F_TIMESTAMP)
			buf_lit(out, ",\"ignore_malformed\":false");
		buf_ch(out, '}');
		open = parents;
		before = path;
	}
	for (; open; open--)
		buf_lit(out, "}}");
	buf_ch(out, '}');
}
