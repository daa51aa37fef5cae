/*
 * csv_write.h - one column of a row as Ruby's CSV writes it: for the codec and the output csv.
 */
#ifndef WEIR_CODEC_CSV_WRITE_H
#define WEIR_CODEC_CSV_WRITE_H

#include "base/buf.h"

struct csv_style {
	struct str separator, quote;
	bool force_quotes; /* every column is quoted */
	bool quote_empty;  /* empty text is ""; nothing at all stays nothing */
};

/* null: there is no value. */
void csv_write_cell(struct buf *out, const struct csv_style *style, struct str s, bool null);

#endif
