#include "codec/csv_write.h"

/* The separator, a quote, a line end, or a blank at an end stands in it. */
static bool must_quote(const struct csv_style *style, struct str s)
{
	return str_find(s, style->separator) >= 0 || str_find(s, style->quote) >= 0 || str_chr(s, '\n') >= 0 || str_chr(s, '\r') >= 0 ||
	       str_trim(s).len != s.len;
}

void csv_write_cell(struct buf *out, const struct csv_style *style, struct str s, bool null)
{
	bool quote = style->force_quotes || (!null && (s.len == 0 ? style->quote_empty : must_quote(style, s)));

	if (!quote) {
		buf_str(out, s);
		return;
	}
	buf_str(out, style->quote);
	while (s.len) {
		ptrdiff_t at = str_find(s, style->quote);
		size_t n = at < 0 ? s.len : (size_t)at + style->quote.len;

		buf_str(out, str_sub(s, 0, n));
		if (at >= 0)
			buf_str(out, style->quote);
		s = str_from(s, n);
	}
	buf_str(out, style->quote);
}
