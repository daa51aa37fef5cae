/*
 * test_date.c - the filter date: formats, zones, years that are guessed, targets and failures.
 */
#include "plugin.h"

#include "base/hash.h"

static struct buf out;
static struct clock clk;

/* One event through the filter; its JSON without @timestamp unless `stamp`. */
static struct str run(struct opened *o, const char *json, bool stamp)
{
	struct arena a;
	struct event ev;
	struct value v;
	struct err err;
	struct str in = str_z(json);
	struct step_ctx ctx = {.clock = &clk};
	enum step step;

	arena_init(&a, NULL);
	ctx.arena = &a;
	event_init(&ev, &a);
	event_stamp(&ev, (struct ts){0, 0});
	CHECK(json_read(&a, &in, NULL, &v, &err) == 0 && v.type == V_MAP);
	for (uint32_t i = 0; i < v.map->n; i++)
		event_set_top(&ev, v.map->e[i].key, v.map->e[i].val);
	step = o->plugin->filter.run(o->self, &ev, &ctx);
	if (!stamp)
		map_remove(&ev.root, &(struct key){.p = "@timestamp", .len = 10, .hash = hash_str32(STR("@timestamp"))}, NULL);
	buf_clear(&out);
	buf_lit(&out, "");
	buf_str(&out, step == STEP_OK ? STR("+") : STR("-"));
	show_event(&out, &ev);
	arena_release(&a);
	return buf_slice(&out);
}

static bool open_at(struct opened *o, const char *config, const char *now)
{
	struct ts t;
	struct err err;

	if (!opened_plugin(o, PLUGIN_FILTER, config, ECS_DISABLED))
		return false;
	CHECK(ts_parse_iso(str_z(now), &t));
	clock_virtual_init(&clk, t.s * 1000000000);
	o->settings.clock = &clk;
	return o->plugin->open(o->self, &o->ctx, &err) == 0;
}

static void check(const char *config, const char *json, const char *want)
{
	struct opened o;

	CHECK(open_at(&o, config, "2026-06-15T12:00:00Z"));
	CHECK_STR(run(&o, json, false), want);
	opened_release(&o);
}

#define FAIL(json) "-{" json ",\"tags\":[\"_dateparsefailure\"]}"

static void test_formats(void)
{
#define ISO "date { match => [\"t\",\"ISO8601\"] target => \"d\" timezone => \"UTC\" }"
	check(ISO, "{\"t\":\"2020-01-02T03:04:05+02:00\"}", "+{\"t\":\"2020-01-02T03:04:05+02:00\",\"d\":\"2020-01-02T01:04:05.000Z\"}");
	check(ISO, "{\"t\":\"2020-01-02 03:04:05.5-07\"}", "+{\"t\":\"2020-01-02 03:04:05.5-07\",\"d\":\"2020-01-02T10:04:05.500Z\"}");
	check(ISO, "{\"t\":\"2020-01-02 03:04:05,123\"}", "+{\"t\":\"2020-01-02 03:04:05,123\",\"d\":\"2020-01-02T03:04:05.123Z\"}");
	check(ISO, "{\"t\":\"2020-01-02 03:04:05\"}", FAIL("\"t\":\"2020-01-02 03:04:05\""));
	check(ISO, "{\"t\":\"2020-01-02 03:04:05Z\"}", FAIL("\"t\":\"2020-01-02 03:04:05Z\""));
	check(ISO, "{\"t\":\"\"}", FAIL("\"t\":\"\""));
	check(ISO, "{\"t\":null}", "-{\"t\":null}");
	check(ISO, "{\"x\":1}", "-{\"x\":1}");
	check(ISO, "{\"t\":1.5}", FAIL("\"t\":1.5"));
	check(ISO, "{\"t\":[]}", FAIL("\"t\":[]"));
#define UNIX "date { match => [\"t\",\"UNIX\"] target => \"d\" }"
	check(UNIX, "{\"t\":\"1577934245.123456\"}", "+{\"t\":\"1577934245.123456\",\"d\":\"2020-01-02T03:04:05.123Z\"}");
	check(UNIX, "{\"t\":1577934245.9999}", "+{\"t\":1.5779342459999E9,\"d\":\"2020-01-02T03:04:05.999Z\"}");
	check(UNIX, "{\"t\":-1}", "+{\"t\":-1,\"d\":\"1969-12-31T23:59:59.000Z\"}");
	check(UNIX, "{\"t\":\"+5\"}", "+{\"t\":\"+5\",\"d\":\"1970-01-01T00:00:05.000Z\"}");
	check(UNIX, "{\"t\":2147483648}", FAIL("\"t\":2147483648"));
	check(UNIX, "{\"t\":\"1e9\"}", FAIL("\"t\":\"1e9\""));
	check(UNIX, "{\"t\":\" 5\"}", FAIL("\"t\":\" 5\""));
	check(UNIX, "{\"t\":\"5.\"}", FAIL("\"t\":\"5.\""));
	check(UNIX, "{\"t\":\".5\"}", FAIL("\"t\":\".5\""));
	check(UNIX, "{\"t\":\"-9223372036854775808\"}", FAIL("\"t\":\"-9223372036854775808\""));
	check(UNIX, "{\"t\":true}", FAIL("\"t\":true"));
	check(UNIX, "{\"t\":[1577934245]}", FAIL("\"t\":[1577934245]"));
#define UNIX_MS "date { match => [\"t\",\"UNIX_MS\"] target => \"d\" }"
	check(UNIX_MS, "{\"t\":\"-1\"}", "+{\"t\":\"-1\",\"d\":\"1969-12-31T23:59:59.999Z\"}");
	check(UNIX_MS, "{\"t\":99999999999}", "+{\"t\":99999999999,\"d\":\"1973-03-03T09:46:39.999Z\"}");
	check(UNIX_MS, "{\"t\":0.001}", "+{\"t\":0.001,\"d\":\"1970-01-01T00:00:00.000Z\"}");
	check(UNIX_MS, "{\"t\":\"1.5\"}", FAIL("\"t\":\"1.5\""));
	check(UNIX_MS, "{\"t\":99999999999999999999}", FAIL("\"t\":99999999999999999999"));
#define TAI "date { match => [\"t\",\"TAI64N\"] target => \"d\" }"
	check(TAI, "{\"t\":\"@4000000052f88ea32489532c\"}", "+{\"t\":\"@4000000052f88ea32489532c\",\"d\":\"2014-02-10T08:32:25.612Z\"}");
	check(TAI, "{\"t\":\"4000000050d506482dbdf024\"}", "+{\"t\":\"4000000050d506482dbdf024\",\"d\":\"2012-12-22T01:00:46.767Z\"}");
	check(TAI, "{\"t\":\"@4000\"}", FAIL("\"t\":\"@4000\""));
	check(TAI, "{\"t\":\"@400000005zd506482dbdf024\"}", FAIL("\"t\":\"@400000005zd506482dbdf024\""));
	check(TAI, "{\"t\":123}", FAIL("\"t\":123"));
	check("date { match => [\"t\",\"yyyy\",\"UNIX\",\"yyyy-MM\"] target => \"d\" timezone => \"UTC\" }", "{\"t\":\"2020-03\"}",
	      "+{\"t\":\"2020-03\",\"d\":\"2020-03-01T00:00:00.000Z\"}");
}

static void test_zones(void)
{
#define TZ "date { match => [\"t\",\"yyyy-MM-dd HH:mm\",\"UNIX\"] timezone => \"%{tz}\" target => \"d\" }"
	check(TZ, "{\"t\":\"2020-01-02 03:04\",\"tz\":\"Europe/Berlin\"}",
	      "+{\"t\":\"2020-01-02 03:04\",\"tz\":\"Europe/Berlin\",\"d\":\"2020-01-02T02:04:00.000Z\"}");
	check(TZ, "{\"t\":\"2020-01-02 03:04\",\"tz\":\"+02:00\"}", "+{\"t\":\"2020-01-02 03:04\",\"tz\":\"+02:00\",\"d\":\"2020-01-02T01:04:00.000Z\"}");
	check(TZ, "{\"t\":\"2020-01-02 03:04\",\"tz\":\"../x\"}", FAIL("\"t\":\"2020-01-02 03:04\",\"tz\":\"../x\""));
	check(TZ, "{\"t\":\"2020-01-02 03:04\",\"tz\":\"\"}", FAIL("\"t\":\"2020-01-02 03:04\",\"tz\":\"\""));
	check(TZ, "{\"t\":\"2020-01-02 03:04\"}", FAIL("\"t\":\"2020-01-02 03:04\""));
	check(TZ, "{\"t\":5}", "+{\"t\":5,\"d\":\"1970-01-01T00:00:05.000Z\"}");
#define BERLIN "date { match => [\"t\",\"yyyy-MM-dd HH:mm\"] timezone => \"Europe/Berlin\" target => \"d\" }"
	check(BERLIN, "{\"t\":\"2021-03-28 02:30\"}", FAIL("\"t\":\"2021-03-28 02:30\""));
	check(BERLIN, "{\"t\":\"2021-10-31 02:30\"}", "+{\"t\":\"2021-10-31 02:30\",\"d\":\"2021-10-31T00:30:00.000Z\"}");
	check("date { match => [\"t\",\"dd MMM yyyy HH:mm\"] timezone => \"%{tz}\" locale => \"de\" target => \"d\" }",
	      "{\"t\":\"02 Mai 2020 03:04\",\"tz\":\"UTC\"}", "+{\"t\":\"02 Mai 2020 03:04\",\"tz\":\"UTC\",\"d\":\"2020-05-02T03:04:00.000Z\"}");
}

/* The same zone instance over many events in no order: the kept span must never answer for another time. */
static void test_zone_cache(void)
{
	struct opened o;

	CHECK(open_at(&o, "date { match => [\"t\",\"yyyy-MM-dd HH:mm\"] timezone => \"Europe/Berlin\" target => \"t\" }", "2026-06-15T12:00:00Z"));
	CHECK_STR(run(&o, "{\"t\":\"2020-07-01 12:00\"}", false), "+{\"t\":\"2020-07-01T10:00:00.000Z\"}");
	CHECK_STR(run(&o, "{\"t\":\"2020-12-01 12:00\"}", false), "+{\"t\":\"2020-12-01T11:00:00.000Z\"}");
	CHECK_STR(run(&o, "{\"t\":\"1900-12-01 12:00\"}", false), "+{\"t\":\"1900-12-01T11:00:00.000Z\"}");
	CHECK_STR(run(&o, "{\"t\":\"3000-07-01 12:00\"}", false), "+{\"t\":\"3000-07-01T10:00:00.000Z\"}");
	CHECK_STR(run(&o, "{\"t\":\"2020-10-25 02:30\"}", false), "+{\"t\":\"2020-10-25T00:30:00.000Z\"}");
	CHECK_STR(run(&o, "{\"t\":\"2020-03-29 02:30\"}", false), "-{\"t\":\"2020-03-29 02:30\",\"tags\":[\"_dateparsefailure\"]}");
	opened_release(&o);
}

static void test_years(void)
{
	struct opened o;
	struct ts t;

	CHECK(open_at(&o, "date { match => [\"t\",\"MMM dd HH:mm:ss\"] timezone => \"UTC\" target => \"t\" }", "2026-12-31T23:59:58Z"));
	CHECK_STR(run(&o, "{\"t\":\"Dec 31 23:59:58\"}", false), "+{\"t\":\"2026-12-31T23:59:58.000Z\"}");
	CHECK_STR(run(&o, "{\"t\":\"Jan 01 00:00:00\"}", false), "+{\"t\":\"2027-01-01T00:00:00.000Z\"}");
	CHECK_STR(run(&o, "{\"t\":\"Jun 01 00:00:00\"}", false), "+{\"t\":\"2026-06-01T00:00:00.000Z\"}");
	clock_advance(&clk, 3 * 1000000000LL);
	CHECK_STR(run(&o, "{\"t\":\"Dec 31 23:59:58\"}", false), "+{\"t\":\"2026-12-31T23:59:58.000Z\"}");
	CHECK_STR(run(&o, "{\"t\":\"Jan 01 00:00:00\"}", false), "+{\"t\":\"2027-01-01T00:00:00.000Z\"}");
	CHECK_STR(run(&o, "{\"t\":\"Jun 01 00:00:00\"}", false), "+{\"t\":\"2027-06-01T00:00:00.000Z\"}");
	/* Whether 29 February exists is decided by the year of the start, also two years later. */
	CHECK(ts_parse_iso(STR("2028-06-01T00:00:00Z"), &t));
	clock_virtual_init(&clk, t.s * 1000000000);
	CHECK_STR(run(&o, "{\"t\":\"Feb 29 00:00:00\"}", false), "-{\"t\":\"Feb 29 00:00:00\",\"tags\":[\"_dateparsefailure\"]}");
	opened_release(&o);
	CHECK(open_at(&o, "date { match => [\"t\",\"MMM dd HH:mm:ss\"] timezone => \"UTC\" target => \"t\" }", "2028-02-01T00:00:00Z"));
	CHECK_STR(run(&o, "{\"t\":\"Feb 29 00:00:00\"}", false), "+{\"t\":\"2028-02-29T00:00:00.000Z\"}");
	opened_release(&o);
}

static void test_targets(void)
{
	struct opened o;

	CHECK(open_at(&o, "date { match => [\"t\",\"ISO8601\"] }", "2026-06-15T12:00:00Z"));
	CHECK_STR(run(&o, "{\"t\":\"2020-01-02T03:04:05Z\"}", true), "+{\"@timestamp\":\"2020-01-02T03:04:05.000Z\",\"t\":\"2020-01-02T03:04:05Z\"}");
	opened_release(&o);
	check("date { match => [\"[a][b]\",\"ISO8601\"] target => \"[c][d]\" }", "{\"a\":{\"b\":\"2020\"}}",
	      "+{\"a\":{\"b\":\"2020\"},\"c\":{\"d\":\"2020-01-01T00:00:00.000Z\"}}");
	check("date { match => [\"t\",\"ISO8601\"] target => \"%{n}\" }", "{\"t\":\"2020\"}", "+{\"t\":\"2020\",\"%{n}\":\"2020-01-01T00:00:00.000Z\"}");
	/* A target that cannot be set is a failure here, where Logstash would stop. */
	check("date { match => [\"t\",\"ISO8601\"] target => \"[t][x]\" }", "{\"t\":\"2020\"}", FAIL("\"t\":\"2020\""));
	check("date { match => [\"t\",\"yyyy\"] tag_on_failure => [\"a\",\"b\"] }", "{\"t\":\"x\"}", "-{\"t\":\"x\",\"tags\":[\"a\",\"b\"]}");
	check("date { match => [\"t\",\"yyyy\"] tag_on_failure => [] }", "{\"t\":\"x\"}", "-{\"t\":\"x\"}");
}

static void test_refused(void)
{
	static const char *const bad[] = {
		"date { }", "date { match => [] }", "date { match => \"t\" }", "date { match => [\"t\",\"nope\"] }", "date { match => [\"t\",\"unix\"] }",
		"date { match => [\"t\",[\"ISO8601\"]] }", "date { match => [\"t\",\"A\"] }", "date { match => [\"[t\",\"ISO8601\"] }",
		"date { match => [\"t\",\"ISO8601\"] match => [\"t\",\"UNIX\"] }", "date { match => [\"t\",\"ISO8601\"] timezone => \"utc\" }",
		"date { match => [\"t\",\"ISO8601\"] timezone => \"\" }", "date { match => [\"t\",\"ISO8601\"] locale => \"5\" }",
		"date { match => [\"t\",\"ISO8601\"] locale => \"el\" }", "date { match => [\"t\",\"ISO8601\"] precision => \"ns\" }",
		"date { match => [\"t\",\"\"] }",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct opened o;

		if (opened_plugin(&o, PLUGIN_FILTER, bad[i], ECS_DISABLED)) {
			fprintf(stderr, "accepted: %s\n", bad[i]);
			test_failed++;
		}
		CHECK(o.diag.errors > 0);
		opened_release(&o);
	}
}

int main(void)
{
	static const uint64_t key[2] = {1, 2};

	setenv("TZ", "UTC", 1);
	hash_init(key);
	buf_init(&out, 0);
	test_formats();
	test_zones();
	test_zone_cache();
	test_years();
	test_targets();
	test_refused();
	buf_release(&out);
	return test_end();
}
