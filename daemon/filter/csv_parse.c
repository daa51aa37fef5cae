#include "filter/csv_parse.h"

struct reader {
	struct arena *arena;
	const struct csv_format *f;
	struct str rest;
	struct str row_end;
};

/* What ends a row: the first of CR LF, CR, LF. */
static struct str row_end_of(struct str text)
{
	for (size_t i = 0; i < text.len; i++) {
		if (text.p[i] == '\n')
			return STR("\n");
		if (text.p[i] == '\r')
			return i + 1 < text.len && text.p[i + 1] == '\n' ? STR("\r\n") : STR("\r");
	}
	return STR("\n");
}

static bool at_quote(const struct reader *r)
{
	return r->f->quote.len && str_starts(r->rest, r->f->quote);
}

/* Behind the opening quote. Doubled quotes are one. */
static bool quoted(struct reader *r, struct value *out)
{
	struct str quote = r->f->quote, from = r->rest;
	size_t n = 0, doubled = 0;
	char *p;

	for (;; n++) {
		struct str here = str_from(from, n);

		if (here.len == 0)
			return false;
		if (!str_starts(here, quote))
			continue;
		if (!str_starts(str_from(here, quote.len), quote))
			break;
		doubled++;
		n += 2 * quote.len - 1;
	}
	r->rest = str_from(from, n + quote.len);
	*out = v_str(str_sub(from, 0, n));
	if (!doubled)
		return true;
	p = arena_bytes(r->arena, n);
	*out = v_str(str_n(p, n - doubled * quote.len));
	for (size_t i = 0; i < n;) {
		if (str_starts(str_from(from, i), quote)) {
			memcpy(p, quote.p, quote.len);
			p += quote.len;
			i += 2 * quote.len;
		} else {
			*p++ = from.p[i++];
		}
	}
	return true;
}

static void bare(struct reader *r, struct value *out)
{
	struct str from = r->rest;
	size_t n = 0;

	while (r->rest.len && r->rest.p[0] != '\r' && r->rest.p[0] != '\n' && !at_quote(r) && !str_starts(r->rest, r->f->separator)) {
		r->rest = str_from(r->rest, 1);
		n++;
	}
	*out = n ? v_str(str_sub(from, 0, n)) : v_null();
}

enum csv_result csv_row(struct arena *a, const struct csv_format *f, struct str text, struct list **row)
{
	struct reader r = {.arena = a, .f = f, .rest = text, .row_end = row_end_of(text)};

	*row = list_new(a, 8);
	if (text.len == 0)
		return CSV_NOTHING;
	if (str_starts(text, r.row_end))
		return CSV_ROW;
	for (;;) {
		struct value v;

		if (at_quote(&r)) {
			r.rest = str_from(r.rest, f->quote.len);
			if (!quoted(&r, &v))
				return CSV_BAD;
		} else {
			bare(&r, &v);
		}
		list_push(a, *row, v);
		if (r.rest.len == 0 || str_starts(r.rest, r.row_end))
			return CSV_ROW;
		if (!str_starts(r.rest, f->separator))
			return CSV_BAD;
		r.rest = str_from(r.rest, f->separator.len);
	}
}
