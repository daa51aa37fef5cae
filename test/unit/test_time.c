/*
 * test_time.c - time zones, Joda-Time and java.time patterns, names of months.
 */
#include "test.h"

#include "base/buf.h"
#include "base/hash.h"
#include "base/javatime.h"
#include "base/joda.h"
#include "base/locale_names.h"
#include "base/log.h"

#include <pthread.h>

static struct arena arena;
static struct buf out;

static struct str iso(struct ts t)
{
	static char text[TS_TEXT_MAX];

	return str_n(text, ts_format(t, text));
}

static struct ts at(const char *text)
{
	struct ts t = {0, 0};

	CHECK(ts_parse_iso(str_z(text), &t));
	return t;
}

/* A text by a pattern, as ISO; "-" where it does not parse, "!" where the pattern is refused. */
static struct str parse(const char *pattern, const char *text, const char *zone, const char *locale)
{
	static struct zone_span span;
	struct err err;
	struct joda_in in = {.zone = zone_find(str_z(zone)), .span = &span, .year = 2026};
	struct joda *j = joda_compile(&arena, str_z(pattern), &err);
	struct ts t;

	CHECK(in.zone != NULL);
	if (!j)
		return STR("!");
	if (locale) {
		in.names = locale_find(str_z(locale));
		CHECK(in.names != NULL);
	}
	return joda_parse(j, str_z(text), &in, &t) ? iso(t) : STR("-");
}

static struct str parse_iso(const char *text, const char *zone)
{
	static struct zone_span span;
	struct joda_in in = {.zone = zone_find(str_z(zone)), .span = &span, .year = 2026};
	struct ts t;

	return joda_parse_iso(str_z(text), &in, &t) ? iso(t) : STR("-");
}

static struct str format(const char *pattern, struct ts t)
{
	struct err err;
	struct joda *j = joda_compile(&arena, str_z(pattern), &err);

	buf_clear(&out);
	if (!j)
		return STR("!");
	joda_format(j, t, &out);
	return buf_slice(&out);
}

static struct str java(const char *pattern, struct ts t)
{
	struct err err;
	struct javatime *j = javatime_compile(&arena, str_z(pattern), &err);

	buf_clear(&out);
	if (!j)
		return STR("!");
	if (javatime_format(j, t, &out, &err) == -1)
		return STR("?");
	return buf_slice(&out);
}

static struct str local(const char *zone, const char *text)
{
	struct zone_span span = {0};
	struct ts t = at(text);

	if (!zone_to_utc(zone_find(str_z(zone)), t.s, &span, &t.s))
		return STR("gap");
	return iso(t);
}

static void test_zone_names(void)
{
	static const char *const bad[] = {"", "utc", "Nope", "Nope/Zone", "../etc/passwd", "Europe/../UTC", "/etc/localtime", "Europe",
					  "Europe/", "Europe//Berlin", "Factory", "posix/Europe/Berlin", "right/UTC", "posixrules",
					  "localtime", "Europe/Berlin ", "tzdata.zi", "+5", "+24:00", "+05:3", "+05:60", "+05300", "05:30"};
	int32_t s;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (zone_find(str_z(bad[i]))) {
			fprintf(stderr, "zone '%s' was found\n", bad[i]);
			test_failed++;
		}
	CHECK(zone_find(STR("UTC")) == zone_utc && zone_find(STR("Z")) == zone_utc && zone_find(STR("+00:00")) == zone_utc);
	CHECK(zone_find(STR("Europe/Berlin")) != NULL);
	CHECK(zone_find(STR("Europe/Berlin")) == zone_find(STR("Europe/Berlin")));
	CHECK(zone_find(STR("America/Argentina/Buenos_Aires")) != NULL && zone_find(STR("Etc/GMT+5")) != NULL);
	CHECK_STR(zone_name(zone_find(STR("-0800"))), "-08:00");
	CHECK(zone_find(STR("-08:00")) == zone_find(STR("-0800")));
	CHECK(zone_parse_offset(STR("+01:02:03"), &s) && s == 3723);
	CHECK(zone_parse_offset(STR("-0130"), &s) && s == -5400);
	CHECK(!zone_fixed(86400) && zone_fixed(-86399));
}

static void test_zone_times(void)
{
	struct zone_span span = {0};

	CHECK_STR(local("Europe/Berlin", "2021-03-28T01:59:59Z"), "2021-03-28T00:59:59.000Z");
	CHECK_STR(local("Europe/Berlin", "2021-03-28T02:00:00Z"), "gap");
	CHECK_STR(local("Europe/Berlin", "2021-03-28T02:59:59Z"), "gap");
	CHECK_STR(local("Europe/Berlin", "2021-03-28T03:00:00Z"), "2021-03-28T01:00:00.000Z");
	/* Twice there: the first is taken. */
	CHECK_STR(local("Europe/Berlin", "2021-10-31T02:00:00Z"), "2021-10-31T00:00:00.000Z");
	CHECK_STR(local("Europe/Berlin", "2021-10-31T02:59:59Z"), "2021-10-31T00:59:59.000Z");
	CHECK_STR(local("Europe/Berlin", "2021-10-31T03:00:00Z"), "2021-10-31T02:00:00.000Z");
	CHECK_STR(local("America/New_York", "2021-03-14T02:30:00Z"), "gap");
	CHECK_STR(local("America/New_York", "2021-11-07T01:30:00Z"), "2021-11-07T05:30:00.000Z");
	CHECK_STR(local("Asia/Kolkata", "2020-07-02T03:04:05Z"), "2020-07-01T21:34:05.000Z");
	CHECK_STR(local("Europe/London", "1970-01-01T00:00:00Z"), "1969-12-31T23:00:00.000Z");
	/* Half an hour of summer, and a day that never was. */
	CHECK_STR(local("Australia/Lord_Howe", "2021-04-04T01:45:00Z"), "2021-04-03T14:45:00.000Z");
	CHECK_STR(local("Australia/Lord_Howe", "2021-10-03T02:15:00Z"), "gap");
	CHECK_STR(local("Pacific/Apia", "2011-12-30T12:00:00Z"), "gap");
	/* Behind the table the footer's rule goes on. */
	CHECK_STR(local("Europe/Berlin", "2999-07-01T12:00:00Z"), "2999-07-01T10:00:00.000Z");
	CHECK_STR(local("Europe/Berlin", "2999-12-01T12:00:00Z"), "2999-12-01T11:00:00.000Z");
	CHECK_STR(local("Australia/Sydney", "2999-01-01T12:00:00Z"), "2999-01-01T01:00:00.000Z");
	/* Before it, local mean time. */
	CHECK_INT(zone_offset(zone_find(STR("Europe/Berlin")), -5000000000, &span), 3208);
	CHECK_STR(span.abbr, "LMT");
	CHECK_INT(zone_offset(zone_find(STR("Europe/Berlin")), at("2021-07-01T00:00:00Z").s, &span), 7200);
	CHECK_STR(span.abbr, "CEST");
	CHECK(span.dst);
	/* The cache never answers for another zone, nor beyond its span. */
	CHECK_INT(zone_offset(zone_find(STR("America/New_York")), at("2021-07-01T00:00:00Z").s, &span), -4 * 3600);
	CHECK_INT(zone_offset(zone_find(STR("America/New_York")), at("2021-12-01T00:00:00Z").s, &span), -5 * 3600);
	/* Absurd instants do not overflow. */
	CHECK_INT(zone_offset(zone_find(STR("Europe/Berlin")), INT64_MAX, &span), 3600);
	CHECK_INT(zone_offset(zone_find(STR("Europe/Berlin")), INT64_MIN, &span), 3208);
}

/* Every local second around a change maps back to itself, or is in the gap, with and without the cache. */
static void test_zone_round_trip(void)
{
	static const char *const names[] = {"Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "Europe/Dublin"};

	for (size_t i = 0; i < 4; i++) {
		const struct zone *z = zone_find(str_z(names[i]));
		struct zone_span cache = {0}, s = {0};
		int64_t end = at("2040-01-01T00:00:00Z").s, t = at("1995-01-01T00:00:00Z").s;

		for (; t < end; t = s.to) {
			zone_span_at(z, t, &s);
			if (s.to >= end)
				break;
			for (int64_t k = s.to - 7200; k <= s.to + 7200; k += 600) {
				int64_t back, cached;
				struct zone_span none = {0};
				int64_t l = k + zone_offset(z, k, &none);
				bool ok;

				none = (struct zone_span){0};
				ok = zone_to_utc(z, l, &none, &back);
				CHECK(ok && back <= k);
				CHECK(zone_to_utc(z, l, &cache, &cached) && cached == back);
			}
		}
	}
}

static void *load_zones(void *arg)
{
	static const char *const names[] = {"Asia/Tokyo", "Africa/Cairo", "America/Lima", "Europe/Oslo", "Nope/Nope", "+01:23", "Asia/Gaza"};
	unsigned *found = arg;

	for (int round = 0; round < 50; round++) {
		for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
			const struct zone *z = zone_find(str_z(names[i]));
			struct zone_span span = {0};

			*found += z != NULL;
			if (z && zone_offset(z, 1614834367, &span) == INT32_MIN)
				return NULL;
		}
	}
	return NULL;
}

static void test_zone_threads(void)
{
	pthread_t t[4];
	unsigned found[4] = {0};

	for (int i = 0; i < 4; i++)
		CHECK(pthread_create(&t[i], NULL, load_zones, &found[i]) == 0);
	for (int i = 0; i < 4; i++) {
		pthread_join(t[i], NULL);
		CHECK_INT(found[i], 50 * 6);
	}
}

/* Without the files UTC and offsets still work; the rest is one error in the log, however often it is asked. */
static void test_zone_files_missing(void)
{
	zone_set_folder("/nonexistent/zoneinfo");
	CHECK(zone_find(STR("Europe/Madrid")) == NULL && zone_find(STR("Europe/Rome")) == NULL);
	CHECK_INT(log_count(LOG_WARN), 1);
	CHECK(zone_find(STR("UTC")) == zone_utc && zone_find(STR("+03:00")) != NULL);
	CHECK(zone_find(STR("Europe/Berlin")) != NULL); /* known already */
}

static void test_zone_decode(void)
{
	char data[128] = "TZif2";
	struct err err = {{0}};

	CHECK(zone_decode(STR("x"), STR(""), &err) == NULL);
	CHECK(zone_decode(STR("x"), STR("TZif"), &err) == NULL);
	CHECK(zone_decode(STR("x"), STR("PK\3\4 and more text than a header needs, surely so"), &err) == NULL);
	CHECK(zone_decode(STR("x"), str_n(data, 44), &err) == NULL);
	data[35] = 100;
	CHECK(zone_decode(STR("x"), str_n(data, 44), &err) == NULL);
}

static void test_format(void)
{
	struct ts t = at("2021-03-04T05:06:07.089Z"), eve = at("2020-12-31T23:59:59.999Z"), new_year = at("2021-01-01T00:00:00Z");

	CHECK_STR(format("YYYY.MM.dd", t), "2021.03.04");
	CHECK_STR(format("yyyy-MM-dd hh:mm:ss a", eve), "2020-12-31 11:59:59 PM");
	CHECK_STR(format("yyyy-MM-dd KK kk HH", new_year), "2021-01-01 00 24 00");
	CHECK_STR(format("xxxx-ww-e", new_year), "2020-53-5");
	CHECK_STR(format("YYYY.ww", new_year), "2021.53");
	CHECK_STR(format("xx", new_year), "20");
	CHECK_STR(format("D", eve), "366");
	CHECK_STR(format("EEEE EEE MMMM MMM M MM", t), "Thursday Thu March Mar 3 03");
	CHECK_STR(format("S SS SSS SSSSSSSSS", t), "0 08 089 089000000");
	CHECK_STR(format("z zzzz Z ZZ ZZZ", t), "UTC Coordinated Universal Time +0000 +00:00 UTC");
	CHECK_STR(format("C G yy y", t), "20 AD 21 2021");
	CHECK_STR(format("'it''s' ''yyyy''", t), "it's '2021'");
	CHECK_STR(format("yyyy'", t), "2021");
	CHECK_STR(format("\xc3\xa9 yyyy", t), "\xc3\xa9 2021");
	CHECK_STR(format("s%", t), "7%");
	CHECK_STR(format("yyyyyyyyyyyy", t), "000000002021");
	CHECK_STR(format("'", t), "!");
	CHECK_STR(format("", t), "!");
	for (const char *c = "bcfgijlnopqrtuvABFIJLNOPQRTUVWX"; *c; c++) {
		char one[2] = {*c, 0};

		CHECK_STR(format(one, t), "!");
	}
	/* Before Christ: year 0 is 1 BC. */
	CHECK_STR(format("yyyy YYYY G", (struct ts){civil_days(0, 6, 1) * 86400, 0}), "0000 0001 BC");
	CHECK_STR(format("yyyy YYYY G C yy", (struct ts){civil_days(-9999, 6, 1) * 86400, 0}), "-9999 10000 BC 99 99");
	CHECK_STR(format("yyyy xxxx", (struct ts){civil_days(99999, 6, 1) * 86400, 0}), "99999 99999");
}

static void test_parse(void)
{
	CHECK_STR(parse("yyyy-MM-dd HH:mm:ss", "2020-01-02 03:04:05", "UTC", NULL), "2020-01-02T03:04:05.000Z");
	CHECK_STR(parse("yyyy-MM-dd HH:mm:ss", "2020-1-2 3:4:5", "UTC", NULL), "2020-01-02T03:04:05.000Z");
	CHECK_STR(parse("yyyy-MM-dd HH:mm:ss", "2020-01-02 03:04:05 ", "UTC", NULL), "-");
	CHECK_STR(parse("yyyy-MM-dd HH:mm:ss", "2020-01-02  03:04:05", "UTC", NULL), "-");
	CHECK_STR(parse("yyyy-MM-dd HH:mm:ss", "2020-01-02 24:00:00", "UTC", NULL), "-");
	CHECK_STR(parse("yyyy-MM-dd HH:mm:ss", "12020-01-02 03:04:05", "UTC", NULL), "+12020-01-02T03:04:05.000Z");
	CHECK_STR(parse("YYYY-MM-dd", "0000-01-02", "UTC", NULL), "-");
	CHECK_STR(parse("yyyy-MM-dd", "0000-01-02", "UTC", NULL), "0000-01-02T00:00:00.000Z");
	CHECK_STR(parse("yyyy-MM-dd", "-9999-01-02", "UTC", NULL), "-9999-01-02T00:00:00.000Z");
	CHECK_STR(parse("yyyy-MM-dd", "99999-12-31", "UTC", NULL), "+99999-12-31T00:00:00.000Z");
	CHECK_STR(parse("yyyy-MM-dd", "2021-02-29", "UTC", NULL), "-");
	CHECK_STR(parse("yyyy-MM-dd", "2000-02-29", "UTC", NULL), "2000-02-29T00:00:00.000Z");
	CHECK_STR(parse("yyyy-MM-dd", "1900-02-29", "UTC", NULL), "-");
	/* Two digits: 1946 to 2045 in 2026. */
	CHECK_STR(parse("yy", "46", "UTC", NULL), "1946-01-01T00:00:00.000Z");
	CHECK_STR(parse("yy", "45", "UTC", NULL), "2045-01-01T00:00:00.000Z");
	CHECK_STR(parse("yy", "2020", "UTC", NULL), "2020-01-01T00:00:00.000Z");
	CHECK_STR(parse("yyMMdd", "200102", "UTC", NULL), "2020-01-02T00:00:00.000Z");
	CHECK_STR(parse("yyyyMMdd", "20200102", "UTC", NULL), "2020-01-02T00:00:00.000Z");
	CHECK_STR(parse("MMM dd HH:mm:ss", "Jan 2 03:04:05", "UTC", NULL), "2026-01-02T03:04:05.000Z");
	CHECK_STR(parse("MMM dd HH:mm:ss", "Jan  2 03:04:05", "UTC", NULL), "-");
	CHECK_STR(parse("MMM dd", "Feb 29", "UTC", NULL), "-");
	CHECK_STR(parse("MMM yyyy", "JANUARY 2020", "UTC", NULL), "2020-01-01T00:00:00.000Z");
	CHECK_STR(parse("MMM yyyy", "jAN 2020", "UTC", NULL), "-");
	CHECK_STR(parse("MMM yyyy", "JAn 2020", "UTC", NULL), "-");
	CHECK_STR(parse("MMM yyyy", "Janu 2020", "UTC", NULL), "-");
	/* A wrong weekday moves the date within its week. */
	CHECK_STR(parse("EEE MMM dd yyyy", "Mon Jan 02 2020", "UTC", NULL), "2019-12-30T00:00:00.000Z");
	CHECK_STR(parse("yyyy-MM-dd e", "2020-01-02 5", "UTC", NULL), "2020-01-03T00:00:00.000Z");
	CHECK_STR(parse("xxxx-'W'ww-e", "2020-W53-7", "UTC", NULL), "2021-01-03T00:00:00.000Z");
	CHECK_STR(parse("xxxx-'W'ww-e", "2021-W53-7", "UTC", NULL), "-");
	CHECK_STR(parse("yyyy-DDD", "2020-366", "UTC", NULL), "2020-12-31T00:00:00.000Z");
	CHECK_STR(parse("yyyy-DDD", "2021-366", "UTC", NULL), "-");
	CHECK_STR(parse("yyyy-MM-dd KK:mm a", "2020-01-02 00:04 pm", "UTC", NULL), "2020-01-02T12:04:00.000Z");
	CHECK_STR(parse("hh a", "12 AM", "UTC", NULL), "1970-01-01T00:00:00.000Z");
	CHECK_STR(parse("yyyy.MM.dd G", "0044.03.15 BC", "UTC", NULL), "0044-03-15T00:00:00.000Z");
	CHECK_STR(parse("YYYY.MM.dd G", "0044.03.15 BCE", "UTC", NULL), "-0043-03-15T00:00:00.000Z");
	CHECK_STR(parse("CC-yy", "20-20", "UTC", NULL), "2020-01-01T00:00:00.000Z");
	CHECK_STR(parse("ss.SSSSSS", "05.123456", "UTC", NULL), "1970-01-01T00:00:05.123Z");
	CHECK_STR(parse("ss.SSS", "05.1234", "UTC", NULL), "-");
	CHECK_STR(parse("HH:mm Z", "03:04 +05", "UTC", NULL), "1969-12-31T22:04:00.000Z");
	CHECK_STR(parse("HH:mm Z", "03:04 -05:30:30.5", "UTC", NULL), "1970-01-01T08:34:30.500Z");
	CHECK_STR(parse("HH:mm Z", "03:04 +1", "UTC", NULL), "-");
	CHECK_STR(parse("HH:mm Z", "03:04 +2400", "UTC", NULL), "-");
	CHECK_STR(parse("yyyy-MM-dd HH z", "2020-07-02 03 EST", "UTC", NULL), "2020-07-02T07:00:00.000Z");
	CHECK_STR(parse("yyyy-MM-dd HH z", "2020-07-02 03 CET", "UTC", NULL), "-");
	CHECK_STR(parse("yyyy-MM-dd HH ZZZ", "2020-07-02 03 Europe/Paris", "UTC", NULL), "2020-07-02T01:00:00.000Z");
	CHECK_STR(parse("yyyy-MM-dd HH ZZZ", "2020-07-02 03 ../../etc/passwd", "UTC", NULL), "-");
	CHECK_STR(parse("yyyy zzzz", "2020 EST", "UTC", NULL), "-");
	CHECK_STR(parse("yyyy ZZZ'T'HH", "2020 Europe/ParisT05", "UTC", NULL), "2020-01-01T04:00:00.000Z");
	CHECK_STR(parse("yyyy ZZZ/HH", "2020 Europe/Paris/05", "UTC", NULL), "2020-01-01T04:00:00.000Z");
	CHECK_STR(parse("'T'HH", "t05", "UTC", NULL), "1970-01-01T05:00:00.000Z");
	CHECK_STR(parse("yyyyMMdd", "2020010", "UTC", NULL), "-");
	CHECK_STR(parse("yyyy-MM-dd HH:mm:ss", "2021-03-28 02:30:00", "Europe/Berlin", NULL), "-");
	CHECK_STR(parse("yyyy", "99999999999999999999", "UTC", NULL), "-");
	CHECK_STR(parse("y", "999999999", "UTC", NULL), "-");
}

static void test_guess(void)
{
	static const struct {
		const char *pattern, *text, *zone;
		struct civil now;
		const char *want;
	} t[] = {
		{"MMM dd HH:mm:ss", "Dec 31 23:59:59", "UTC", {2027, 1, 1, 0, 0, 0}, "2026-12-31T23:59:59.000Z"},
		{"MMM dd HH:mm:ss", "Jan 01 00:00:01", "UTC", {2026, 12, 31, 0, 0, 0}, "2027-01-01T00:00:01.000Z"},
		{"MMM dd HH:mm:ss", "Dec 31 23:59:59", "UTC", {2026, 12, 1, 0, 0, 0}, "2026-12-31T23:59:59.000Z"},
		{"MMM dd HH:mm:ss", "Dec 31 23:59:59", "UTC", {2026, 2, 1, 0, 0, 0}, "2026-12-31T23:59:59.000Z"},
		{"MMM dd HH:mm:ss", "Jul 01 12:00:00", "Europe/Berlin", {2027, 2, 1, 0, 0, 0}, "2027-07-01T10:00:00.000Z"},
		{"HH:mm", "03:04", "UTC", {2026, 6, 1, 0, 0, 0}, "2026-01-01T03:04:00.000Z"},
		{"HH:mm", "03:04", "UTC", {2026, 12, 1, 0, 0, 0}, "2027-01-01T03:04:00.000Z"},
		{"MMM dd HH:mm:ss Z", "Dec 31 23:59:59 -0700", "UTC", {2026, 6, 1, 0, 0, 0}, "2026-01-01T06:59:59.000Z"},
		{"MMM dd HH:mm z", "Jul 01 12:00 EST", "UTC", {2026, 6, 1, 0, 0, 0}, "2026-07-01T12:00:00.000Z"},
		{"MMM dd HH:mm yy", "Jul 01 12:00 19", "UTC", {2026, 6, 1, 0, 0, 0}, "2019-07-01T12:00:00.000Z"},
		{"MMM dd HH:mm", "Mar 29 02:30", "Europe/Berlin", {2026, 6, 1, 0, 0, 0}, "-"},
	};
	struct zone_span span = {0};

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct joda_in in = {.zone = zone_find(str_z(t[i].zone)), .span = &span, .year = 2026};
		struct joda *j = joda_compile(&arena, str_z(t[i].pattern), NULL);
		struct ts ts;

		CHECK_STR(joda_parse_guess(j, str_z(t[i].text), &in, &t[i].now, &ts) ? iso(ts) : STR("-"), t[i].want);
	}
}

static void test_iso(void)
{
	static const char *const t[][2] = {
		{"2020-01-02T03:04:05Z", "2020-01-02T03:04:05.000Z"},
		{"2020-01-02T03:04:05", "2020-01-02T03:04:05.000Z"},
		{"2020-01-02t03:04:05,1234567z", "2020-01-02T03:04:05.123Z"},
		{"2020-01-02T03:04:05.1+02:00", "2020-01-02T01:04:05.100Z"},
		{"2020-01-02T03:04:05+0200", "2020-01-02T01:04:05.000Z"},
		{"2020-01-02T03:04.5", "2020-01-02T03:04:30.000Z"},
		{"2020-01-02T03,25", "2020-01-02T03:15:00.000Z"},
		{"2020-01-02T", "2020-01-02T00:00:00.000Z"},
		{"2020-01-02TZ", "2020-01-02T00:00:00.000Z"},
		{"2020-01-02", "2020-01-02T00:00:00.000Z"},
		{"2020-01", "2020-01-01T00:00:00.000Z"},
		{"2020", "2020-01-01T00:00:00.000Z"},
		{"20200102", "+20200102-01-01T00:00:00.000Z"},
		{"2020-W01-4T00:00:00Z", "2020-01-02T00:00:00.000Z"},
		{"2020-w53", "2020-12-28T00:00:00.000Z"},
		{"2020-002", "2020-01-02T00:00:00.000Z"},
		{"2020-366", "2020-12-31T00:00:00.000Z"},
		{"T03:04:05Z", "1970-01-01T03:04:05.000Z"},
		{"-0001-01-01", "-0001-01-01T00:00:00.000Z"},
		{"0", "0000-01-01T00:00:00.000Z"},
		{"2020-01-02Z", "-"}, {"20200102T030405Z", "-"}, {"2020-01-02T24:00:00", "-"}, {"2020-01-02T23:59:60Z", "-"},
		{"2020-13-01", "-"}, {"03:04:05", "-"}, {"x", "-"}, {"", "-"}, {"T", "-"}, {"2020-", "-"}, {"2020-01-", "-"},
		{"2020-01-02T03:04:05.Z", "-"}, {"2020-01-02T03:04:05GMT", "-"}, {"2020-01-02T03:", "-"}, {"2021-366", "-"},
		{"2021-W53", "-"}, {"2020-W", "-"}, {"1577934245", "-"}, {"2020-01-02 03:04:05", "-"}, {"2020-02-30", "-"},
		{"2020-01-02T03:04:05Z ", "-"}, {"2020-01-02T03:04:05 Z", "-"},
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++)
		CHECK_STR(parse_iso(t[i][0], "UTC"), t[i][1]);
	CHECK_STR(parse_iso("2020-07-02T03:04:05", "Europe/Berlin"), "2020-07-02T01:04:05.000Z");
	CHECK_STR(parse_iso("2020-07-02T03:04:05Z", "Europe/Berlin"), "2020-07-02T03:04:05.000Z");
}

static void test_locales(void)
{
	static const char *const t[][3] = {
		{"de", "2 Mai 2020", "2020-05-02"}, {"de", "2 M\xc3\xa4rz 2020", "2020-03-02"}, {"de", "2 M\xc3\x84RZ 2020", "2020-03-02"},
		{"de", "2 M\xc3\xa4r 2020", "-"}, {"de", "2 Dez 2020", "-"}, {"de", "2 Dez. 2020", "2020-12-02"}, {"de", "2 May 2020", "-"},
		{"de-AT", "2 J\xc3\xa4nner 2020", "2020-01-02"}, {"de-DE", "2 Januar 2020", "2020-01-02"}, {"de_AT", "2 Januar 2020", "-"},
		{"fr", "2 f\xc3\xa9vr. 2020", "2020-02-02"}, {"fr", "2 F\xc3\x89VRIER 2020", "2020-02-02"}, {"es", "2 sept 2020", "2020-09-02"},
		{"it", "2 gen 2020", "2020-01-02"}, {"nl", "2 mrt. 2020", "-"}, {"nl", "2 mrt 2020", "2020-03-02"}, {"pt", "2 mar. 2020", "2020-03-02"},
		{"pl", "2 pa\xc5\xba 2020", "2020-10-02"}, {"sv", "2 maj 2020", "2020-05-02"}, {"da", "2 okt. 2020", "2020-10-02"},
		{"nb", "2 des. 2020", "2020-12-02"}, {"fi", "2 tammikuuta 2020", "2020-01-02"}, {"cs", "2 \xc5\x99\xc3\xadj 2020", "2020-10-02"},
		{"cs", "2 \xc5\x98\xc3\x8dJ 2020", "2020-10-02"}, {"ru", "2 \xd0\xbc\xd0\xb0\xd1\x8f 2020", "2020-05-02"},
		{"ru", "2 \xd0\x9c\xd0\x90\xd0\xaf 2020", "2020-05-02"}, {"ja", "2 12\xe6\x9c\x88 2020", "2020-12-02"},
		{"en-GB", "2 Sept 2020", "2020-09-02"}, {"en-US", "2 Sept 2020", "-"}, {"xx", "2 Jan 2020", "2020-01-02"}, {"xx", "2 January 2020", "-"},
		{"de", "2 M\xc3 2020", "-"}, {"de", "2 ", "-"},
	};
	static const char *const refused[] = {"el", "hu-HU", "5", "", "d", "abcdefghij", "zh_CN"};

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++)
		CHECK_STR(str_sub(parse("d MMM yyyy", t[i][1], "UTC", t[i][0]), 0, 10), t[i][2]);
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		CHECK(locale_find(str_z(refused[i])) == NULL);
	CHECK_STR(parse("h:mm a yyyy", "3:04 \xe5\x8d\x88\xe5\xbe\x8c 2020", "UTC", "ja"), "2020-01-01T15:04:00.000Z");
	CHECK_STR(parse("EEE dd-MM-yyyy", "Mo. 06-01-2020", "UTC", "de"), "2020-01-06T00:00:00.000Z");
	CHECK_STR(parse("EEE dd-MM-yyyy", "Mo 06-01-2020", "UTC", "de"), "-");
	buf_clear(&out);
	joda_format_in(joda_compile(&arena, STR("EEEE, d. MMMM yyyy HH:mm z"), NULL), at("2021-07-04T22:06:07Z"), zone_find(STR("Europe/Berlin")),
		       locale_find(STR("de")), &out);
	CHECK_STR(buf_slice(&out), "Montag, 5. Juli 2021 00:06 CEST");
}

static void test_javatime(void)
{
	struct ts t = at("2021-03-04T05:06:07.089Z"), eve = at("2020-12-31T23:59:59.999Z"), leap_day = at("2024-02-29T12:00:00.123456789Z");
	struct ts far = {civil_days(12020, 7, 5) * 86400, 1000}, bc = {civil_days(-43, 3, 15) * 86400 + 66609, 500000000};

	CHECK_STR(java("yyyy.MM.dd", t), "2021.03.04");
	CHECK_STR(java("YYYY.ww", eve), "2021.01");
	CHECK_STR(java("YYYY.ww", t), "2021.10");
	CHECK_STR(java("EEE EEEE EEEEE MMM MMMM MMMMM", t), "Thu Thursday T Mar March M");
	CHECK_STR(java("x xx xxx X Z ZZZZ O VV z", t), "+00 +0000 +00:00 Z +0000 GMT GMT Z Z");
	CHECK_STR(java("n", leap_day), "123456789");
	CHECK_STR(java("n", at("2021-01-01T00:00:00Z")), "0");
	CHECK_STR(java("e ee c D DDD F W", eve), "5 05 5 366 366 5 5");
	CHECK_STR(java("A N", t), "18367089 18367089000000");
	CHECK_STR(java("S SSSSSSSSS", leap_day), "1 123456789");
	CHECK_STR(java("h:mm a B", leap_day), "12:00 PM noon");
	CHECK_STR(java("Q QQ QQQ QQQQ", t), "1 01 Q1 1st quarter");
	CHECK_STR(java("yyyy yyyyy u", far), "+12020 12020 12020");
	CHECK_STR(java("yyyy uuuu G GGGG GGGGG uu", bc), "0044 -0043 BC Before Christ B 43");
	CHECK_STR(java("g", t), "59277");
	CHECK_STR(java("'it''s' ''[yyyy]", t), "it's '2021");
	CHECK_STR(java("ppH|pppm", t), " 5|  6");
	CHECK_STR(java("pH", eve), "?");
	CHECK_STR(java("", t), "");
	static const char *const bad[] = {"ddd", "HHH", "b", "aa", "'a", "'", "yyyy]", "{", "#", "p", "p'x'", "SSSSSSSSSS", "V", "cc",
					  "OO", "BB", "xxxxxx", "DDDD", "FF", "l", "P", "r", "zzzzz"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK_STR(java(bad[i], t), "!");
}

int main(void)
{
	static const uint64_t key[2] = {1, 2};

	hash_init(key);
	arena_init(&arena, NULL);
	buf_init(&out, 0);
	test_zone_names();
	test_zone_times();
	test_zone_round_trip();
	test_zone_decode();
	test_format();
	test_parse();
	test_guess();
	test_iso();
	test_locales();
	test_javatime();
	test_zone_threads();
	CHECK_INT(log_count(LOG_WARN), 0);
	test_zone_files_missing();
	buf_release(&out);
	arena_release(&arena);
	return test_end();
}
