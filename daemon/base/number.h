/*
 * number.h - numbers as text, the way Java and Ruby print and read them.
 */
#ifndef WEIR_BASE_NUMBER_H
#define WEIR_BASE_NUMBER_H

#include "base/str.h"

enum { NUMBER_TEXT_MAX = 40 };

/* Java's Double.toString: shortest digits that read back, "1.0", "1.0E10", "1.0E-5", "NaN", "Infinity". Returns the length. */
size_t java_double_text(double d, char out[NUMBER_TEXT_MAX]);
/* Ruby's Float#to_s: "1.0", "1.0e+20", "1.0e-07". */
size_t ruby_double_text(double d, char out[NUMBER_TEXT_MAX]);
/* A JSON number's text as a double (correctly rounded); locale-independent. The whole slice. */
bool number_parse_double(struct str s, double *out);
/* Ruby's String#to_i and String#to_f: leading blanks, sign, underscores between digits; 0 where nothing reads.
 * to_i: false when the result does not fit an int64_t: then digits holds the decimal text (in a static-size buffer of the caller). */
bool ruby_to_i(struct str s, int64_t *out);
double ruby_to_f(struct str s);

#endif
