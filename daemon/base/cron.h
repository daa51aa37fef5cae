/*
 * cron.h - when something is due, as cron and the scheduler of Logstash's plug-ins write it.
 *
 *	[SECOND] MINUTE HOUR DAY MONTH WEEKDAY [ZONE]        or @yearly @monthly @weekly @daily @hourly
 *
 * A field is * or a list of N, A-B, and any of these with /STEP; months and weekdays also by name (jan, mon), Sunday is 0 or 7, the day L is the
 * month's last. Where day and weekday are both given, one of them is enough. A time that the clock leaves out in spring is left out.
 */
#ifndef WEIR_BASE_CRON_H
#define WEIR_BASE_CRON_H

#include "base/err.h"
#include "base/zone.h"

struct cron {
	uint64_t second, minute; /* bit n: n */
	uint32_t hour, day;	 /* day: bit 0 is L */
	uint16_t month;
	uint8_t weekday; /* bit 0: Sunday */
	bool any_day, any_weekday;
	const struct zone *zone;
};

/* Without a zone in the text it is the system's. -1 and err. */
int cron_parse(struct cron *c, struct str text, struct err *err);
/* The first second after `after` (UTC) that it names; -1: there is none within the next 30 years. */
int64_t cron_next(const struct cron *c, int64_t after);

#endif
