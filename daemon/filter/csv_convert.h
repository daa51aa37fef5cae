/*
 * csv_convert.h - what the option `convert` of the filter and the codec csv makes of a column. What does not read stays text.
 */
#ifndef WEIR_FILTER_CSV_CONVERT_H
#define WEIR_FILTER_CSV_CONVERT_H

#include "event/value.h"

enum csv_convert { CONVERT_NONE, TO_INTEGER, TO_FLOAT, TO_DATE, TO_DATE_TIME, TO_BOOLEAN };

/* "integer", "float", "date", "date_time", "boolean"; anything else is CONVERT_NONE. */
enum csv_convert csv_convert_named(struct str name);
/* false where Logstash raises an exception: a truth value of nothing. */
bool csv_convert(struct arena *a, enum csv_convert how, struct value *v);

#endif
