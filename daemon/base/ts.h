/*
 * ts.h - an event's own time: any year from -9999 to +99999, nanoseconds, UTC.
 *
 * Arithmetic on times from outside is checked by the callers here; printing is Java's
 * Instant/ISO_INSTANT as Logstash shows it: milliseconds at least, up to nine digits where the value
 * has them in groups of three, years beyond 9999 with a sign.
 */
#ifndef WEIR_BASE_TS_H
#define WEIR_BASE_TS_H

#include "str.h"

struct ts {
	int64_t s;    /* seconds since 1970-01-01T00:00:00Z */
	uint32_t ns;  /* 0 .. 999,999,999 */
};

/* A date on the proleptic Gregorian calendar. */
struct civil {
	int64_t year;
	int month, day;		/* 1.., 1.. */
	int hour, min, sec;
};

enum { TS_TEXT_MAX = 40 };

static inline struct ts ts_from_ns(int64_t ns)
{
	int64_t s = ns / 1000000000, r = ns % 1000000000;

	if (r < 0) {
		r += 1000000000;
		s--;
	}
	return (struct ts){s, (uint32_t)r};
}

static inline int ts_cmp(struct ts a, struct ts b)
{
	if (a.s != b.s)
		return a.s < b.s ? -1 : 1;
	return a.ns == b.ns ? 0 : a.ns < b.ns ? -1 : 1;
}

/* Days since 1970-01-01 of a date; any year. Month 1..12 is required, day may overflow. */
int64_t civil_days(int64_t year, int month, int day);
/* Seconds since the epoch of a civil time taken as UTC. */
int64_t civil_seconds(const struct civil *c);
void civil_from_seconds(int64_t s, struct civil *out);
/* 1 = Monday .. 7 = Sunday. */
int civil_weekday(int64_t days);

/* Writes "2026-11-24T03:09:54.000Z" and the like, returns the length (< TS_TEXT_MAX). */
size_t ts_format(struct ts t, char out[TS_TEXT_MAX]);
/*
 * Reads the ISO 8601 / RFC 3339 form that Logstash accepts for @timestamp in JSON
 * ("2020-01-01", "...T03:04:05Z", "+02:00", up to 9 fraction digits); the whole slice or false. As in Java, February 30
 * is the month's last day and 24:00 the next midnight.
 */
bool ts_parse_iso(struct str s, struct ts *out);

#endif
