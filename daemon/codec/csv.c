/*
 * csv.c - the codec `csv`: a row of separated values is an event; the other way the event's values are a row. Work thread.
 *
 *	a,"b ""c""",,d   ->   {"column1": "a", "column2": "b \"c\"", "column3": null, "column4": "d"}
 *
 * A stream is cut at line feeds first: a quoted line feed within a row is understood in datagrams only. Where the first row is to
 * name the columns, each source has names of its own.
 */
#include "base/utf8.h"
#include "codec/csv_write.h"
#include "codec/decode.h"
#include "event/from_map.h"
#include "event/ruby_text.h"
#include "filter/csv_convert.h"
#include "filter/csv_parse.h"

enum { HEADER_MAX = 64 * 1024 };

struct csv {
	/* options */
	const struct list *columns;
	struct str separator, quote_char, charset;
	bool include_headers, autogenerate, skip_empty_columns, autodetect;
	const struct map *convert;
	const struct ref *target;
	/* made of them */
	struct decoder d;
	struct csv_format format;
};

struct csv_state {
	struct str frame;
	bool fresh, named;
	struct buf header; /* the first row as it came: at most HEADER_MAX */
};

static bool one_character(struct str s)
{
	return utf8_next(&s) >= 0 && s.len == 0;
}

static int csv_open(void *self, struct plugin_ctx *ctx, struct err *err)
{
	struct csv *c = self;

	for (uint32_t i = 0; c->convert && i < c->convert->n; i++) {
		struct str how = option_text(ctx->arena, &c->convert->e[i].val);

		if (csv_convert_named(how) == CONVERT_NONE)
			return err_set(err, "cannot convert '%.*s' to '%.*s': expected integer, float, date, date_time or boolean",
				       STR_ARG(key_str(&c->convert->e[i].key)), STR_ARG(how));
	}
	if (!c->separator.len)
		return err_set(err, "an empty separator separates nothing");
	if (!one_character(c->quote_char))
		return err_set(err, "quote_char is one character");
	c->format = (struct csv_format){c->separator, c->quote_char};
	return decoder_open(&c->d, ctx, c->charset, false, err);
}

static void csv_close(void *self)
{
	decoder_close(&((struct csv *)self)->d);
}

static void csv_feed(void *self, void *state, struct str frame, const struct decode_ctx *ctx)
{
	struct csv_state *s = state;

	s->frame = frame;
	s->fresh = true;
}

/* The name of column i; .len 0: it has none. */
static struct str column_name(const struct csv *c, struct arena *a, const struct list *names, uint32_t i)
{
	if (names && i < names->n && names->v[i].type != V_NULL)
		return option_text(a, &names->v[i]);
	return c->autogenerate ? arena_printf(a, "column%u", i + 1) : STR("");
}

static bool read_row(const struct csv *c, struct arena *a, const struct list *names, const struct list *row, struct map *m)
{
	for (uint32_t i = 0; i < row->n; i++) {
		struct value v = row->v[i];
		const struct value *how;
		struct str name;

		if (c->skip_empty_columns && (v.type == V_NULL || v.len == 0))
			continue;
		name = column_name(c, a, names, i);
		if (!name.len)
			continue;
		how = c->convert ? map_find_str(c->convert, name) : NULL;
		if (how && !csv_convert(a, csv_convert_named(option_text(a, how)), &v))
			return false;
		map_set(a, m, key_make(name), v);
	}
	return true;
}

static int failure(struct event *ev, struct str text, const struct decode_ctx *ctx)
{
	event_init(ev, ev->arena);
	decode_message(ev, text, ctx);
	event_tag(ev, STR("_csvparsefailure"));
	return 1;
}

static int row_event(const struct csv *c, struct event *ev, const struct list *names, struct str text, const struct decode_ctx *ctx)
{
	struct map *m = map_new(ev->arena, 16);
	struct list *row;

	if (csv_row(ev->arena, &c->format, text, &row) == CSV_BAD || !read_row(c, ev->arena, names, row, m))
		return failure(ev, text, ctx);
	if (!c->target)
		return event_from_map(ev, m, ts_from_ns(ctx->now_ns)) == 0 ? 1 : failure(ev, text, ctx);
	event_stamp(ev, ts_from_ns(ctx->now_ns));
	return event_set(ev, c->target, v_map(m)) == EVENT_OK ? 1 : failure(ev, text, ctx);
}

static int csv_next(void *self, void *state, struct event *ev, const struct decode_ctx *ctx)
{
	struct csv *c = self;
	struct csv_state *s = state;
	struct list *names = (struct list *)c->columns;
	struct str text;

	if (!s->fresh)
		return 0;
	s->fresh = false;
	text = charset_decode(&c->d.charset, ev->arena, s->frame);
	/* A blank line is no row. */
	if (!str_trim(text).len)
		return 0;
	if (c->autodetect && (!c->columns || !c->columns->n)) {
		if (s->named) {
			(void)csv_row(ev->arena, &c->format, arena_dup(ev->arena, buf_slice(&s->header)), &names);
		} else if (csv_row(ev->arena, &c->format, text, &names) == CSV_ROW && text.len <= HEADER_MAX) {
			buf_str(&s->header, text);
			s->named = true;
			return 0;
		} else {
			return failure(ev, text, ctx);
		}
	}
	return row_event(c, ev, names, text, ctx);
}

static void csv_release(void *state)
{
	buf_release(&((struct csv_state *)state)->header);
}

static int csv_encode(void *self, const struct event *ev, struct buf *out, const struct clock *clock, struct err *err)
{
	const struct csv *c = self;
	const struct csv_style style = {.separator = c->separator, .quote = c->quote_char, .quote_empty = true};

	for (int values = !c->include_headers; values < 2; values++) {
		for (uint32_t i = 0; i < ev->root.n; i++) {
			const struct entry *e = &ev->root.e[i];

			if (i)
				buf_str(out, c->separator);
			csv_write_cell(out, &style, values ? ruby_to_s(ev->arena, &e->val) : key_str(&e->key), values && e->val.type == V_NULL);
		}
		buf_ch(out, '\n');
	}
	return 0;
}

#define AT(member) offsetof(struct csv, member)
static const struct option options[] = {
	{"columns", OPT_LIST, AT(columns), .doc = "names of the columns; a further one is columnN"},
	{"separator", OPT_STRING, AT(separator), .def = "\",\"", .doc = "between two columns"},
	{"quote_char", OPT_STRING, AT(quote_char), .def = "'\"'", .doc = "encloses a column"},
	{"autodetect_column_names", OPT_BOOL, AT(autodetect), .def = "false", .doc = "without columns: the first row of a source names them, and is no event"},
	{"autogenerate_column_names", OPT_BOOL, AT(autogenerate), .def = "true", .doc = "columns without a name are columnN, not left out"},
	{"skip_empty_columns", OPT_BOOL, AT(skip_empty_columns), .def = "false", .doc = "leave empty columns out"},
	{"convert", OPT_HASH, AT(convert), .doc = "column => integer, float, date, date_time or boolean"},
	{"target", OPT_REF, AT(target), .doc = "field that gets the columns; without it the event itself"},
	{"include_headers", OPT_BOOL, AT(include_headers), .def = "false", .doc = "write a row of the fields' names before each event"},
	{"charset", OPT_STRING, AT(charset), .def = "\"UTF-8\"", .doc = "encoding of what is read"},
	{0},
};
#undef AT

CODEC(csv, .size = sizeof(struct csv), .options = options, .doc = "rows of separated values",
      .open = csv_open, .close = csv_close,
      .codec = {.framing = FRAME_LINE,
		.several = true,
		.state_size = sizeof(struct csv_state),
		.feed = csv_feed,
		.next = csv_next,
		.release = csv_release,
		.encode = csv_encode})
