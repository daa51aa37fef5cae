/*
 * Schedules as cron has them.
 */
#include "test.h"

#include "base/cron.h"
#include "base/ts.h"

/* The next times after `after`, as many as `want` holds (blanks between them). */
static void check_next(const char *schedule, const char *after, const char *want)
{
	char have[400] = "", text[TS_TEXT_MAX];
	size_t used = 0, n = 1;
	struct cron c;
	struct err err;
	struct ts ts;
	int64_t at;

	for (const char *p = want; *p; p++)
		n += *p == ' ';
	if (cron_parse(&c, str_z(schedule), &err) == -1) {
		CHECK_STR(str_z(err.text), want);
		return;
	}
	CHECK(ts_parse_iso(str_z(after), &ts));
	at = ts.s;
	for (size_t i = 0; i < n; i++) {
		at = cron_next(&c, at);
		if (at != -1)
			text[ts_format((struct ts){.s = at}, text)] = 0;
		/* Without ".000Z". */
		used += (size_t)snprintf(have + used, sizeof(have) - used, "%s%.*s", i ? " " : "", 19, at == -1 ? "never" : text);
		if (at == -1)
			break;
	}
	CHECK_STR(str_z(have), want);
}

int main(void)
{
	check_next("* * * * * UTC", "2026-11-26T15:01:30Z", "2026-11-26T15:02:00 2026-11-26T15:03:00");
	check_next("*/20 * * * * UTC", "2026-11-26T15:00:00Z", "2026-11-26T15:20:00 2026-11-26T15:40:00 2026-11-26T16:00:00");
	check_next("5,10-11 3 * * * UTC", "2026-12-31T03:10:00Z", "2026-12-31T03:11:00 2027-01-01T03:05:00");
	check_next("*/30 0 12 * * * UTC", "2026-11-26T15:00:00Z", "2026-11-27T12:00:00 2026-11-27T12:00:30 2026-11-28T12:00:00");
	check_next("0 0 31 * * UTC", "2026-01-31T00:00:00Z", "2026-03-31T00:00:00 2026-05-31T00:00:00");
	check_next("0 0 L feb * UTC", "2027-01-01T00:00:00Z", "2027-02-28T00:00:00 2028-02-29T00:00:00");
	check_next("0 0 * * mon-tue UTC", "2026-11-26T00:00:00Z", "2026-11-30T00:00:00 2026-12-01T00:00:00 2026-12-07T00:00:00");
	check_next("0 0 * * 7 UTC", "2026-11-26T00:00:00Z", "2026-11-29T00:00:00");
	check_next("0 0 * * fri-mon UTC", "2026-11-26T00:00:00Z", "2026-11-27T00:00:00 2026-11-28T00:00:00 2026-11-29T00:00:00 2026-11-30T00:00:00 2026-12-04T00:00:00");
	check_next("0 0 * * 5-7 UTC", "2026-11-29T00:00:00Z", "2026-12-04T00:00:00");
	/* A day of the month or one of the week. */
	check_next("0 0 1 * sun UTC", "2026-11-26T00:00:00Z", "2026-11-29T00:00:00 2026-12-01T00:00:00 2026-12-06T00:00:00");
	check_next("0 22-1 * * * UTC", "2026-11-26T01:00:00Z", "2026-11-26T22:00:00 2026-11-26T23:00:00 2026-11-27T00:00:00 2026-11-27T01:00:00");
	check_next("@daily UTC", "2026-11-26T01:00:00Z", "'@daily UTC' is no schedule of five or six fields");
	check_next("0 0 30 2 * UTC", "2026-11-26T00:00:00Z", "never");
	/* In spring the hour is not there, in autumn it counts once. */
	check_next("30 2 * * * Europe/Berlin", "2026-03-28T12:00:00Z", "2026-03-30T00:30:00");
	check_next("30 2 * * * Europe/Berlin", "2026-10-24T12:00:00Z", "2026-10-25T00:30:00 2026-10-26T01:30:00");
	check_next("", "2026-11-26T00:00:00Z", "'' is no schedule of five or six fields");
	check_next("* * * *", "2026-11-26T00:00:00Z", "'* * * *' is no schedule of five or six fields");
	check_next("60 * * * *", "2026-11-26T00:00:00Z", "'60' says no minutes");
	check_next("*/0 * * * *", "2026-11-26T00:00:00Z", "'*/0' says no minutes");
	check_next("* 24 * * *", "2026-11-26T00:00:00Z", "'24' says no hours");
	check_next("* * 0 * *", "2026-11-26T00:00:00Z", "'0' says no days of a month");
	check_next("* * * jam *", "2026-11-26T00:00:00Z", "'jam' says no months");
	check_next("* * * * 1,,2", "2026-11-26T00:00:00Z", "'1,,2' says no days of a week");
	check_next("1- * * * *", "2026-11-26T00:00:00Z", "'1-' says no minutes");
	return test_end();
}
