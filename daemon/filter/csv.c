/*
 * csv.c - the filter `csv`: a row in a field becomes fields. Work thread.
 *
 * Remembers the header where it is to find the names of the columns by itself; those live as long as the plan.
 */
#include "base/log.h"
#include "base/utf8.h"
#include "filter/csv_convert.h"
#include "filter/csv_parse.h"
#include "filter/support.h"

struct column {
	struct str name; /* .p NULL: an empty cell of a header that was found */
	const struct ref *ref; /* NULL: the name is no reference */
	enum csv_convert convert;
};

struct csv {
	const struct ref *source;
	const struct list *columns;
	struct str separator, quote_char, target;
	const struct map *convert;
	bool autogenerate, skip_empty_columns, skip_empty_rows, skip_header, autodetect;
	struct arena *arena; /* the plan's */
	struct csv_format format;
	bool format_ok; /* else each row is a failure, as in Logstash */
	struct column *column;
	uint32_t n;
	bool lost; /* the header was to be found in an empty text: nothing works any more, as in Logstash */
};

/* ---- columns ---- */

static enum csv_convert convert_of(const struct csv *c, struct str name)
{
	const struct value *v = c->convert ? map_find_str(c->convert, name) : NULL;

	return value_is(v, V_STRING) ? csv_convert_named(value_str(v)) : CONVERT_NONE;
}

static void column_make(const struct csv *c, struct arena *a, struct str name, struct column *out)
{
	bool bracketed = name.len && name.p[0] == '[' && name.p[name.len - 1] == ']';
	struct str text = arena_printf(a, bracketed ? "%.*s%.*s" : "%.*s[%.*s]", STR_ARG(c->target), STR_ARG(name));

	*out = (struct column){.name = arena_dup(a, name), .convert = convert_of(c, name)};
	/* "[]" and the like: found out when a row comes. */
	out->ref = ref_compile(a, text, NULL);
}

static void use_columns(struct csv *c, const struct list *names)
{
	c->n = names->n;
	c->column = arena_zalloc(c->arena, names->n * sizeof(*c->column) + 1);
	for (uint32_t i = 0; i < names->n; i++)
		if (names->v[i].type != V_NULL)
			column_make(c, c->arena, value_text(c->arena, &names->v[i]), &c->column[i]);
}

static bool is_header(const struct csv *c, const struct list *row)
{
	if (row->n != c->n)
		return false;
	for (uint32_t i = 0; i < row->n; i++)
		if (row->v[i].type == V_NULL ? c->column[i].name.p != NULL
					     : !c->column[i].name.p || !str_eq(c->column[i].name, value_str(&row->v[i])))
			return false;
	return true;
}

static bool one_character(struct str s)
{
	return utf8_next(&s) >= 0 && s.len == 0;
}

static int csv_open(void *self, struct plugin_ctx *ctx, struct err *err)
{
	struct csv *c = self;

	c->arena = ctx->arena;
	for (uint32_t i = 0; c->convert && i < c->convert->n; i++) {
		const struct entry *e = &c->convert->e[i];

		if (convert_of(c, key_str(&e->key)) == CONVERT_NONE)
			return err_set(err, "cannot convert '%.*s' to '%.*s': expected integer, float, date, date_time or boolean",
				       STR_ARG(key_str(&e->key)), STR_ARG(value_text(ctx->arena, &e->val)));
	}
	if (c->target.len && c->target.p[0] != '[')
		c->target = arena_printf(ctx->arena, "[%.*s]", STR_ARG(c->target));
	if (c->columns)
		use_columns(c, c->columns);
	c->format.separator = c->separator;
	c->format.quote = c->quote_char;
	c->format_ok = c->separator.len != 0;
	if (!c->format_ok)
		plugin_warn(ctx, "csv: without a separator every row is a failure");
	if (str_eq(c->quote_char, STR("\\x00")) || (c->quote_char.len == 1 && c->quote_char.p[0] == 0)) {
		c->format.quote = STR("");
	} else if (!one_character(c->quote_char)) {
		plugin_warn(ctx, "csv: quote_char is one character, or \\x00 for none: every row will be a failure");
		c->format_ok = false;
	}
	return 0;
}

/* ---- an event ---- */

static enum step fail(struct event *ev)
{
	event_tag(ev, STR("_csvparsefailure"));
	return STEP_PASS;
}

static bool set_columns(struct csv *c, struct event *ev, const struct list *row)
{
	struct column generated;

	for (uint32_t i = 0; i < row->n; i++) {
		const struct column *col = i < c->n && c->column[i].name.p ? &c->column[i] : NULL;
		struct value v = row->v[i];

		if (c->skip_empty_columns && (v.type == V_NULL || v.len == 0))
			continue;
		if (!col) {
			if (!c->autogenerate)
				continue;
			column_make(c, ev->arena, arena_printf(ev->arena, "column%u", i + 1), &generated);
			col = &generated;
		}
		if (!csv_convert(ev->arena, col->convert, &v) || !col->ref || !filter_set(ev, col->ref, v))
			return false;
	}
	return true;
}

static enum step csv_run(void *self, struct event *ev, struct step_ctx *ctx)
{
	struct csv *c = self;
	const struct value *source = event_get(ev, c->source);
	enum csv_result result;
	struct list *row;

	(void)ctx;
	if (!filter_truth(source))
		return STEP_PASS;
	if (source->type != V_STRING || !c->format_ok)
		return fail(ev);
	result = csv_row(ev->arena, &c->format, value_str(source), &row);
	if (result == CSV_BAD || c->lost)
		return fail(ev);
	if (c->autodetect && c->n == 0) {
		if (result == CSV_NOTHING) {
			c->lost = true;
			log_warn("filter", "csv: the row that should name the columns is empty: no row is read from now on");
		} else {
			use_columns(c, row);
		}
		return STEP_DROP;
	}
	if (c->skip_header && c->n && result == CSV_ROW && is_header(c, row))
		return STEP_DROP;
	if (c->skip_empty_rows && row->n == 0) {
		event_tag(ev, STR("_csvskippedemptyfield"));
		return STEP_PASS;
	}
	if (result == CSV_NOTHING || !set_columns(c, ev, row))
		return fail(ev);
	return STEP_OK;
}

#define AT(member) offsetof(struct csv, member)
static const struct option options[] = {
	{"source", OPT_REF, AT(source), .def = "message", .doc = "field that holds the row"},
	{"columns", OPT_LIST, AT(columns), .doc = "names of the columns; a further one is columnN"},
	{"separator", OPT_STRING, AT(separator), .def = "\",\"", .doc = "between two columns"},
	{"quote_char", OPT_STRING, AT(quote_char), .def = "'\"'", .doc = "encloses a column; \\x00: nothing does"},
	{"target", OPT_STRING, AT(target), .doc = "field that gets the columns; without it the event itself"},
	{"autogenerate_column_names", OPT_BOOL, AT(autogenerate), .def = "true", .doc = "columns without a name are columnN, not left out"},
	{"skip_empty_columns", OPT_BOOL, AT(skip_empty_columns), .def = "false", .doc = "leave empty columns out"},
	{"skip_empty_rows", OPT_BOOL, AT(skip_empty_rows), .def = "false", .doc = "tag empty rows _csvskippedemptyfield"},
	{"skip_header", OPT_BOOL, AT(skip_header), .def = "false", .doc = "end events whose row is the names of the columns"},
	{"autodetect_column_names", OPT_BOOL, AT(autodetect), .def = "false",
	 .doc = "without columns: the first row names them, and ends there"},
	{"convert", OPT_HASH, AT(convert), .doc = "column => integer, float, date, date_time or boolean"},
	{0},
};
#undef AT

FILTER(csv, .size = sizeof(struct csv), .options = options, .doc = "a row of separated values becomes fields", .open = csv_open,
       .filter = {.run = csv_run})
