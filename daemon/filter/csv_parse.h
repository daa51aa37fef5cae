/*
 * csv_parse.h - one row of comma separated values, by the rules of Ruby's CSV (3.3, nothing liberal).
 *
 *	a, b ,,"c ""d"", e"        ->  "a"  " b "  null  `c "d", e`
 *
 * Pure: bytes in, values out, total over any input.
 */
#ifndef WEIR_FILTER_CSV_PARSE_H
#define WEIR_FILTER_CSV_PARSE_H

#include "event/value.h"

struct csv_format {
	struct str separator; /* not empty */
	struct str quote;     /* one character, or empty: nothing quotes */
};

enum csv_result {
	CSV_ROW,
	CSV_NOTHING, /* the text is empty */
	CSV_BAD,     /* a quote where none may be, or one that is not closed; a bare line end of another kind */
};

/*
 * The first row of text; strings (which point into text where they can) and nulls for empty columns. Rows end with
 * whichever line end comes first in the text, even within quotes.
 */
enum csv_result csv_row(struct arena *a, const struct csv_format *f, struct str text, struct list **row);

#endif
