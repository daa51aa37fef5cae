/*
 * ruby_number.h - text as Ruby's Integer(), Float() and BigDecimal() read it: the whole of it or nothing.
 */
#ifndef WEIR_EVENT_RUBY_NUMBER_H
#define WEIR_EVENT_RUBY_NUMBER_H

#include "event/value.h"

/* Kernel#Integer: blanks around, a sign, 0x 0b 0o 0d or a leading zero for the base, single underscores between digits. */
bool ruby_integer(struct arena *a, struct str s, struct value *out);
/* Kernel#Float: blanks around, decimal or hexadecimal; a point needs digits behind it. */
bool ruby_float(struct str s, double *out);

/* ---- the pieces of it ---- */

/* Decimal text in parts: digits before and behind the point (underscores may stand in them), exponent. */
struct ruby_decimal {
	bool neg;
	struct str whole, frac;
	int64_t exp;
	bool point, has_exp;
};

bool ruby_decimal(struct str s, struct ruby_decimal *d);
/* Float() of decimal text without blanks around it. */
bool ruby_decimal_float(struct str s, double *out);
/* "0x1F", "-0X1.8p1": *digits begins behind the x. */
bool ruby_hex_prefix(struct str s, bool *neg, struct str *digits);
bool ruby_hex_float(struct str digits, bool neg, double *out);
/* Decimal digits as an int where it fits, else as a bigint; leading zeros go. */
struct value ruby_int_value(struct arena *a, struct str digits, bool neg);

#endif
