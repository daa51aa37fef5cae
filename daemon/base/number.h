/*
 * number.h - numbers as text, the way Java and Ruby print and read them. The process's locale changes nothing.
 */
#ifndef WEIR_BASE_NUMBER_H
#define WEIR_BASE_NUMBER_H

#include "base/arena.h"
#include "base/str.h"

enum { NUMBER_TEXT_MAX = 40 };

/* Decimal digits, '-' in front where negative. */
struct str i64_text(struct arena *a, int64_t i);
/* Java's Double.toString: shortest digits that read back, "1.0", "1.0E10", "1.0E-5", "NaN", "Infinity". Returns the length. */
size_t java_double_text(double d, char out[NUMBER_TEXT_MAX]);
/* Ruby's Float#to_s: "1.0", "1.0e+20", "1.0e-07". */
size_t ruby_double_text(double d, char out[NUMBER_TEXT_MAX]);

/* A JSON number's text as a double (correctly rounded; too large is an infinity). The whole slice or false. */
bool number_parse_double(struct str s, double *out);

/*
 * Ruby's String#to_i and String#to_f: leading blanks, sign, underscores between digits, whatever follows is ignored;
 * 0 where nothing reads. to_i: false when the result does not fit an int64_t; ruby_to_i_digits then gives it.
 */
bool ruby_to_i(struct str s, int64_t *out);
double ruby_to_f(struct str s);
/* String#to_i as canonical decimal text ("-12345678901234567890"), for a big integer. Lives in a. */
struct str ruby_to_i_digits(struct arena *a, struct str s);

#endif
