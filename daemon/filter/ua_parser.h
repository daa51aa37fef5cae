/*
 * ua_parser.h - what a browser says of itself, read by the patterns of uap-core's regexes.yaml.
 *
 * Each of three lists is tried in order until one fits: browser, operating system, device. Immutable once loaded, but for the match
 * object inside: one thread.
 */
#ifndef WEIR_FILTER_UA_PARSER_H
#define WEIR_FILTER_UA_PARSER_H

#include "base/arena.h"
#include "base/err.h"

enum { UA_TEXT_MAX = 2048 }; /* what lies behind is not looked at */

/* .p NULL: it does not say. */
struct ua_version {
	struct str family, part[4];
};

struct ua {
	struct ua_version browser, os; /* family "Other" where no pattern fits */
	struct str device;
};

struct ua_parser;

/* NULL and err: the file cannot be read, is no such YAML, or holds a pattern that is none. */
struct ua_parser *ua_parser_load(struct str path, struct err *err);
void ua_parser_free(struct ua_parser *p);
/* Text lives in a, in s or in p. */
void ua_parse(struct ua_parser *p, struct arena *a, struct str s, struct ua *out);

#endif
