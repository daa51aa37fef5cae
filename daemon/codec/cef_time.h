/*
 * cef_time.h - the times of CEF: milliseconds since 1970, or "Jan 02 2020 03:04:05.678 UTC" with or without the year, the fraction
 * (3, 6 or 9 digits) and the zone.
 *
 * Pure but for the zones' files.
 */
#ifndef WEIR_CODEC_CEF_TIME_H
#define WEIR_CODEC_CEF_TIME_H

#include "base/locale_names.h"
#include "base/ts.h"
#include "base/zone.h"

/* The whole text or false. A time without a year lies at most two days ahead of now_s, else in the past year. */
bool cef_time(struct str text, const struct locale_names *names, const struct zone *zone, int64_t now_s, struct ts *out);

#endif
