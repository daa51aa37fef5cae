/*
 * countries.h - a country's name and continent by its two letters. Any thread.
 */
#ifndef WEIR_ENRICHERS_COUNTRIES_H
#define WEIR_ENRICHERS_COUNTRIES_H

#include "base/str.h"

struct country {
	char code[3], continent[3];
	const char *name; /* short, English */
};

/* NULL where no country has that code; upper case only. */
const struct country *country_find(struct str code);

#endif
