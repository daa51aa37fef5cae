/*
 * joda_prog.h - the compiled form of a Joda-Time pattern; only joda.c and joda_parse.c include it.
 *
 * Joda reads a text into a list of (field, value), sorts it from the coarsest to the finest and sets one after the
 * other on 1970-01-01. The order depends on the pattern alone, so it is found when the pattern is compiled: each
 * field has its slot in the sorted list.
 */
#ifndef WEIR_BASE_JODA_PROG_H
#define WEIR_BASE_JODA_PROG_H

#include "base/joda.h"

enum { JODA_SLOTS = 24, JODA_PATTERN_MAX = 512 };

enum joda_kind {
	JODA_LITERAL,
	JODA_NUMBER,
	JODA_YEAR2, /* "yy" */
	JODA_FRACTION,
	JODA_TEXT,
	JODA_ZONE_SHORT,
	JODA_ZONE_LONG,
	JODA_OFFSET,
	JODA_ZONE_ID,
};

/* Coarsest first; rank[] in joda.c says which are equal. */
enum joda_field {
	F_ERA, F_CENTURY, F_YEAR, F_YEAR_OF_ERA, F_WEEKYEAR,
	F_MONTH, F_WEEK, F_DAY_OF_YEAR,
	F_DAY, F_WEEKDAY,
	F_HALFDAY, F_HOUR, F_CLOCK_HOUR, F_HALF_HOUR, F_CLOCK_HALF_HOUR,
	F_MINUTE, F_SECOND, F_MILLI,
	F_COUNT,
};

struct joda_op {
	uint8_t kind, field;
	uint8_t slot;	 /* of what it reads */
	bool is_signed;	 /* JODA_NUMBER: may begin with + or - */
	bool wide;	 /* JODA_YEAR2: more digits are taken as they are; JODA_TEXT: print the long form; JODA_OFFSET: with a colon */
	uint16_t min, max; /* digits */
	struct str literal;
};

struct joda {
	struct str pattern;
	uint16_t ops, slots;
	uint8_t field[JODA_SLOTS];   /* by slot */
	int8_t slot_of[F_COUNT];     /* -1: none. Only valid where plain */
	bool plain;	 /* only year, month, day, hour, minute, second, fraction, each once at most */
	bool add_year;	 /* slot 0 is the year of now: the text has none */
	bool has_year, has_zone; /* the letters y or Y, and Z, occur, be it quoted: what the date filter asks */
	struct joda_op op[];
};

#endif
