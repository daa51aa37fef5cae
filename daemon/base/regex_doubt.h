/*
 * regex_doubt.h - texts in which an expression for PCRE2 means something else than in Ruby.
 *
 * RUBYRE_DOUBT_WORD: \b. For Ruby an accent that is a character of its own (U+0301) belongs to a word, as do U+203F and letters in circles;
 * a digit in a circle or raised (U+2074) does not. For PCRE2 it is the other way round. All of them are from U+0300 on: what is written in ASCII or
 * with the letters of Western Europe is looked at for some instructions a line, no more.
 * RUBYRE_DOUBT_FOLD: (?i) with "ss", "st", "ff", "fi", "fl" or with letters beyond ASCII, and a text with one of the 104 letters that are several
 * in the other case: a sharp s, ligatures.
 */
#ifndef WEIR_BASE_REGEX_DOUBT_H
#define WEIR_BASE_REGEX_DOUBT_H

#include "base/regex_engine.h"

/* doubts: of the expression. s: valid UTF-8. What m holds of a former match is lost. */
bool regex_doubtful(unsigned doubts, struct str s, struct regex_match *m);

#endif
