/*
 * csv.c - output `csv`: some fields of an event as a row, appended to a file as the output file does it.
 *
 *	fields => ["a", "[b][c]"]   ->   1,"two ""words"""
 *
 * A field that is not there is an empty column, a map is JSON, a list what Ruby's to_s makes of it.
 */
#include "codec/csv_write.h"
#include "event/json.h"
#include "event/ruby_text.h"
#include "outputs/file_output.h"

struct csv_output {
	struct file_output f;
	const struct list *fields;
	const struct map *csv_options;
	bool spreadsheet_safe;
	/* made by open() */
	const struct ref **field;
	struct csv_style style;
	struct str row_sep;
};

static bool truth(const struct value *v, bool *out)
{
	if (v->type == V_BOOL)
		*out = v->b;
	else if (v->type == V_STRING && (str_eq(value_str(v), STR("true")) || str_eq(value_str(v), STR("false"))))
		*out = v->len == 4;
	else
		return false;
	return true;
}

/* Those of Ruby's options that say how a row is written. */
static int csv_style_option(struct csv_output *c, struct str name, const struct value *v, struct plugin_ctx *ctx, struct err *err)
{
	struct str text = option_text(ctx->arena, v);

	if (str_eq(name, STR("col_sep")))
		c->style.separator = text;
	else if (str_eq(name, STR("row_sep")))
		c->row_sep = str_eq(text, STR("auto")) ? STR("\n") : text;
	else if (str_eq(name, STR("quote_char")))
		c->style.quote = text;
	else if (str_eq(name, STR("force_quotes")))
		return truth(v, &c->style.force_quotes) ? 0 : err_set(err, "'csv_options': force_quotes is true or false");
	else if (str_eq(name, STR("quote_empty")))
		return truth(v, &c->style.quote_empty) ? 0 : err_set(err, "'csv_options': quote_empty is true or false");
	else
		plugin_warn(ctx, "'csv_options': '%.*s' has no effect", STR_ARG(name));
	return 0;
}

static int csv_open(void *self, struct plugin_ctx *ctx, struct err *err)
{
	struct csv_output *c = self;
	const struct map *m = c->csv_options;

	c->style = (struct csv_style){.separator = STR(","), .quote = STR("\""), .quote_empty = true};
	c->row_sep = STR("\n");
	for (uint32_t i = 0; m && i < m->n; i++)
		if (csv_style_option(c, key_str(&m->e[i].key), &m->e[i].val, ctx, err) == -1)
			return -1;
	if (!c->style.separator.len || !c->style.quote.len)
		return err_set(err, "'csv_options': col_sep and quote_char cannot be empty");
	c->field = arena_zalloc(ctx->arena, (c->fields->n + 1) * sizeof(*c->field));
	for (uint32_t i = 0; i < c->fields->n; i++) {
		c->field[i] = ref_compile(ctx->arena, option_text(ctx->arena, &c->fields->v[i]), err);
		if (!c->field[i])
			return -1;
	}
	if (!c->fields->n)
		return err_set(err, "'fields' is empty");
	return file_output_open(&c->f, err);
}

static void put_value(const struct csv_output *c, struct buf *b, const struct value *v, struct arena *a)
{
	struct buf json;
	struct str s;

	if (value_is(v, V_MAP)) {
		buf_init(&json, PACK_BYTES_MAX);
		json_write_value(&json, v);
		csv_write_cell(b, &c->style, buf_slice(&json), false);
		b->over |= json.over;
		buf_release(&json);
		return;
	}
	s = v ? ruby_to_s(a, v) : STR("");
	/* A spreadsheet would take it for a formula. */
	if (c->spreadsheet_safe && value_is(v, V_STRING) && str_starts(s, STR("=")))
		s = arena_printf(a, "'%.*s", STR_ARG(s));
	csv_write_cell(b, &c->style, s, !v || v->type == V_NULL);
}

static enum render_result csv_render(void *self, const struct event *ev, struct pack *p, struct render_ctx *ctx)
{
	struct csv_output *c = self;
	struct buf *b;
	size_t head;

	if (file_output_begin(&c->f, ev, p, ctx, &b, &head) == -1)
		return RENDER_DEAD;
	for (uint32_t i = 0; i < c->fields->n; i++) {
		if (i)
			buf_str(b, c->style.separator);
		put_value(c, b, event_get(ev, c->field[i]), ctx->scratch);
	}
	buf_str(b, c->row_sep);
	return file_output_end(p, head, ctx);
}

static void *csv_start(const void *self, const struct plugin_ctx *ctx, struct err *err)
{
	return file_output_start(&((const struct csv_output *)self)->f, ctx, err);
}

static const struct option options[] = {
	{"fields", OPT_LIST, offsetof(struct csv_output, fields), .flags = OPT_REQUIRED, .doc = "the columns, each a field"},
	{"csv_options", OPT_HASH, offsetof(struct csv_output, csv_options),
	 .doc = "as Ruby's CSV has them: col_sep, row_sep, quote_char, force_quotes, quote_empty"},
	{"spreadsheet_safe", OPT_BOOL, offsetof(struct csv_output, spreadsheet_safe), .def = "true",
	 .doc = "a text that begins with = gets a ' in front"},
	FILE_OPTIONS(struct csv_output, f),
	QUEUE_OPTIONS(struct csv_output, f.queue, "1"),
	{0},
};

static const struct output_ops ops = {
	.queue_offset = offsetof(struct csv_output, f.queue),
	.ordered = true,
	.render = csv_render,
	.start = csv_start,
	.stop = file_conn_free,
	.send = file_conn_send,
	.reopen = file_conn_reopen,
	.describe = file_output_describe,
};

OUTPUT(csv, .size = sizeof(struct csv_output), .options = options, .open = csv_open, .output = &ops,
       .doc = "appends rows of separated values to files")
