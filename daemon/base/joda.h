/*
 * joda.h - date patterns in Joda-Time's letters, for `%{+YYYY.MM.dd}` and the date filter.
 *
 *	G era | C century | Y year of era, y year, x week year | M month, MMM Jan, MMMM January | w week | D day of year
 *	d day | e weekday 1..7, E Mon, EEEE Monday | a AM/PM | K 0-11, h 1-12 | H 0-23, k 1-24 | m s S
 *	z zone's name | Z +0100, ZZ +01:00, ZZZ Europe/Berlin | 'text' | '' a quote
 *
 * A pattern is compiled once to a flat program that any thread may run; running it allocates nothing.
 */
#ifndef WEIR_BASE_JODA_H
#define WEIR_BASE_JODA_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/ts.h"
#include "base/zone.h"

struct joda;
struct locale_names; /* base/locale_names.h */

/* NULL and err ("illegal pattern component 'b'"). Lives in the arena; the pattern is copied. */
struct joda *joda_compile(struct arena *a, struct str pattern, struct err *err);
/* Appends t in UTC, in English. */
void joda_format(const struct joda *j, struct ts t, struct buf *out);
/* Appends t as the clocks of a zone show it, in a language; names NULL = English. */
void joda_format_in(const struct joda *j, struct ts t, const struct zone *z, const struct locale_names *names,
		    struct buf *out);

/* What reading a text needs beside the pattern. */
struct joda_in {
	const struct zone *zone;	  /* where the text names none */
	struct zone_span *span;		  /* cache of that zone; zeroed at first */
	const struct locale_names *names; /* NULL: English */
	int64_t year;			  /* now: for texts without a year, and for years of two digits */
};

/* The whole slice; milliseconds are the finest. false: does not match, is no date, or names a time that the zone's clocks skipped. */
bool joda_parse(const struct joda *j, struct str text, const struct joda_in *in, struct ts *out);
/* The pattern has a letter y or Y, be it in a quoted text: joda_parse_guess then guesses nothing and does not look at `now`. */
bool joda_has_year(const struct joda *j);
/*
 * The same for the date filter: where the pattern has no year letter it is guessed from `now`: this year, but last year for
 * a December seen in January, next year for a January seen in December.
 */
bool joda_parse_guess(const struct joda *j, struct str text, const struct joda_in *in, const struct civil *now,
		      struct ts *out);
/*
 * What the date filter calls ISO8601, without its fallbacks: "2020-01-02T03:04:05,123+01:00", "2020-W01-4", "2020-002", "2020-01",
 * "T03:04Z", each part but the first optional.
 */
bool joda_parse_iso(struct str text, const struct joda_in *in, struct ts *out);

#endif
