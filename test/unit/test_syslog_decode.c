/*
 * test_syslog_decode.c - a raw line to the fields of Logstash's syslog input, and weir's beyond them.
 */
#include "base/hash.h"
#include "event/json.h"
#include "parse/syslog_decode.h"

#include "test.h"

#include <arpa/inet.h>

static struct arena plan_arena;
static struct diag diag;
static struct clock now;
static struct settings settings;
static const int64_t received = INT64_C(1795489200) * 1000000000; /* 2026-11-24T03:00:00Z */

static struct syslog_options *opened(struct syslog_options o, enum ecs_mode ecs)
{
	struct syslog_options *copy = arena_alloc(&plan_arena, sizeof(*copy));
	struct plugin_ctx ctx = {.arena = &plan_arena, .settings = &settings, .ecs = ecs, .diag = &diag};
	struct err err = {0};

	*copy = o;
	if (syslog_decode_open(copy, &ctx, &err)) {
		fprintf(stderr, "%s\n", err.text);
		return NULL;
	}
	return copy;
}

static struct sockaddr_storage peer4(void)
{
	struct sockaddr_storage ss = {0};
	struct sockaddr_in *in = (void *)&ss;

	in->sin_family = AF_INET;
	in->sin_port = htons(514);
	inet_pton(AF_INET, "192.0.2.7", &in->sin_addr);
	return ss;
}

static void check(struct syslog_options *o, const char *line, int rc, const char *want)
{
	struct sockaddr_storage ss = peer4();
	struct arena a;
	struct event ev;
	struct buf out;

	CHECK(o != NULL);
	if (!o)
		return;
	arena_init(&a, NULL);
	buf_init(&out, 0);
	event_init(&ev, &a);
	CHECK_INT(syslog_decode(o, &ev, str_z(line), &ss, received), rc);
	json_write_event(&out, &ev);
	CHECK_STR(buf_slice(&out), want);
	buf_release(&out);
	arena_release(&a);
}

static void check_value(struct syslog_options *o, const char *json, int rc, const char *want)
{
	struct arena a;
	struct event ev;
	struct buf out;
	struct str in = str_z(json);
	struct value v = {0};
	struct err err;

	arena_init(&a, NULL);
	buf_init(&out, 0);
	event_init(&ev, &a);
	CHECK(json_read(&a, &in, NULL, &v, &err) == 0 && v.type == V_MAP);
	ev.root = *v.map;
	CHECK_INT(syslog_decode_event(o, &ev, NULL, received), rc);
	json_write_event(&out, &ev);
	CHECK_STR(buf_slice(&out), want);
	buf_release(&out);
	arena_release(&a);
}

static void test_legacy(void)
{
	struct syslog_options *o = opened((struct syslog_options){.use_labels = true, .timezone = STR("UTC")}, ECS_DISABLED);

	check(o, "<34>Oct 11 22:14:15 mymachine su[77]: 'su root' failed\n", 0,
	      "{\"message\":\"'su root' failed\",\"@timestamp\":\"2026-10-11T22:14:15.000Z\",\"@version\":\"1\",\"host\":\"192.0.2.7\","
	      "\"priority\":34,\"timestamp\":\"Oct 11 22:14:15\",\"logsource\":\"mymachine\",\"program\":\"su\",\"pid\":\"77\","
	      "\"severity\":2,\"facility\":4,\"facility_label\":\"security/authorization\",\"severity_label\":\"Critical\"}");
	check(o, "<30>2023-01-02T03:04:05.678Z host1 prog: x", 0,
	      "{\"message\":\"x\",\"@timestamp\":\"2023-01-02T03:04:05.678Z\",\"@version\":\"1\",\"host\":\"192.0.2.7\",\"priority\":30,"
	      "\"timestamp\":\"2023-01-02T03:04:05.678Z\",\"timestamp8601\":\"2023-01-02T03:04:05.678Z\",\"logsource\":\"host1\","
	      "\"program\":\"prog\",\"severity\":6,\"facility\":3,\"facility_label\":\"system\",\"severity_label\":\"Informational\"}");
	check(o, "not syslog", 1,
	      "{\"message\":\"not syslog\",\"@timestamp\":\"2026-11-24T03:00:00.000Z\",\"@version\":\"1\",\"host\":\"192.0.2.7\","
	      "\"priority\":0,\"severity\":0,\"facility\":0,\"facility_label\":\"kernel\",\"severity_label\":\"Emergency\","
	      "\"tags\":[\"_grokparsefailure_sysloginput\"]}");
	check(o, "<999>Oct 11 22:14:15 h a: x", 1,
	      "{\"message\":\"<999>Oct 11 22:14:15 h a: x\",\"@timestamp\":\"2026-11-24T03:00:00.000Z\",\"@version\":\"1\","
	      "\"host\":\"192.0.2.7\",\"priority\":0,\"severity\":0,\"facility\":0,\"facility_label\":\"kernel\","
	      "\"severity_label\":\"Emergency\",\"tags\":[\"_grokparsefailure_sysloginput\"]}");
	check(o, "<189>date=2024-03-01 devname=x", 1,
	      "{\"message\":\"<189>date=2024-03-01 devname=x\",\"@timestamp\":\"2026-11-24T03:00:00.000Z\",\"@version\":\"1\","
	      "\"host\":\"192.0.2.7\",\"priority\":189,\"severity\":5,\"facility\":23,\"facility_label\":\"local7\","
	      "\"severity_label\":\"Notice\",\"tags\":[\"_grokparsefailure_sysloginput\"]}");
	check(o, "<13>1 2026-11-24T02:00:00Z h1 app 7 ID1 [a@1 x=\"1\"] hello", 0,
	      "{\"message\":\"hello\",\"@timestamp\":\"2026-11-24T02:00:00.000Z\",\"@version\":\"1\",\"host\":\"192.0.2.7\",\"priority\":13,"
	      "\"timestamp\":\"2026-11-24T02:00:00Z\",\"logsource\":\"h1\",\"program\":\"app\",\"pid\":\"7\",\"severity\":5,\"facility\":1,"
	      "\"facility_label\":\"user-level\",\"severity_label\":\"Notice\",\"syslog5424_ver\":\"1\",\"syslog5424_msgid\":\"ID1\","
	      "\"syslog5424_sd\":\"[a@1 x=\\\"1\\\"]\"}");
	check(o, "<13>Feb 30 22:14:15 h a: x", 0,
	      "{\"message\":\"x\",\"@timestamp\":\"2026-11-24T03:00:00.000Z\",\"@version\":\"1\",\"host\":\"192.0.2.7\",\"priority\":13,"
	      "\"timestamp\":\"Feb 30 22:14:15\",\"logsource\":\"h\",\"program\":\"a\",\"severity\":5,\"facility\":1,"
	      "\"facility_label\":\"user-level\",\"severity_label\":\"Notice\",\"tags\":[\"_dateparsefailure\"]}");
}

static void test_trust(void)
{
	struct syslog_options *o = opened((struct syslog_options){.timezone = STR("UTC")}, ECS_DISABLED);

	/* 24 hours ahead are believed, one second more is not. */
	check(o, "<13>2026-11-25T03:00:00Z h a: x", 0,
	      "{\"message\":\"x\",\"@timestamp\":\"2026-11-25T03:00:00.000Z\",\"@version\":\"1\",\"host\":\"192.0.2.7\",\"priority\":13,"
	      "\"timestamp\":\"2026-11-25T03:00:00Z\",\"timestamp8601\":\"2026-11-25T03:00:00Z\",\"logsource\":\"h\",\"program\":\"a\","
	      "\"severity\":5,\"facility\":1}");
	check(o, "<13>2026-11-25T03:00:01Z h a: x", 0,
	      "{\"message\":\"x\",\"@timestamp\":\"2026-11-24T03:00:00.000Z\",\"@version\":\"1\",\"host\":\"192.0.2.7\",\"priority\":13,"
	      "\"timestamp\":\"2026-11-25T03:00:01Z\",\"timestamp8601\":\"2026-11-25T03:00:01Z\",\"logsource\":\"h\",\"program\":\"a\","
	      "\"severity\":5,\"facility\":1,\"weir\":{\"parse\":{\"claimed_time\":\"2026-11-25T03:00:01.000Z\"}},"
	      "\"tags\":[\"_time_not_trusted\"]}");
	/* Behind is never replaced. */
	check(o, "<13>1999-11-25T03:00:01Z h a: x", 0,
	      "{\"message\":\"x\",\"@timestamp\":\"1999-11-25T03:00:01.000Z\",\"@version\":\"1\",\"host\":\"192.0.2.7\",\"priority\":13,"
	      "\"timestamp\":\"1999-11-25T03:00:01Z\",\"timestamp8601\":\"1999-11-25T03:00:01Z\",\"logsource\":\"h\",\"program\":\"a\","
	      "\"severity\":5,\"facility\":1}");
}

static void test_ecs(void)
{
	struct syslog_options *o = opened((struct syslog_options){.use_labels = true, .timezone = STR("-05:00")}, ECS_V8);

	check(o, "<34>Oct 11 22:14:15 mymachine su[77]: 'su root' failed\n", 0,
	      "{\"message\":\"'su root' failed\",\"event\":{\"original\":\"<34>Oct 11 22:14:15 mymachine su[77]: 'su root' failed\\n\"},"
	      "\"@timestamp\":\"2026-10-12T03:14:15.000Z\",\"@version\":\"1\",\"service\":{\"type\":\"system\"},"
	      "\"log\":{\"syslog\":{\"priority\":34,\"severity\":{\"code\":2,\"name\":\"Critical\"},"
	      "\"facility\":{\"code\":4,\"name\":\"security/authorization\"}},\"source\":{\"address\":\"192.0.2.7:514\"}},"
	      "\"host\":{\"hostname\":\"mymachine\",\"ip\":\"192.0.2.7\",\"name\":\"mymachine\"},"
	      "\"process\":{\"name\":\"su\",\"pid\":77}}");
	check(o, "<13>1 - localhost app x.1 - [a@1 ip=\"1\" ip=\"2\" q=\"\\\"\"][a@1 z=\"3\"][b] hello", 0,
	      "{\"message\":\"hello\",\"event\":{\"original\":\"<13>1 - localhost app x.1 - [a@1 ip=\\\"1\\\" ip=\\\"2\\\" "
	      "q=\\\"\\\\\\\"\\\"][a@1 z=\\\"3\\\"][b] hello\"},\"@timestamp\":\"2026-11-24T03:00:00.000Z\",\"@version\":\"1\","
	      "\"service\":{\"type\":\"system\"},\"log\":{\"syslog\":{\"priority\":13,\"severity\":{\"code\":5,\"name\":\"Notice\"},"
	      "\"facility\":{\"code\":1,\"name\":\"user-level\"},\"version\":\"1\",\"hostname\":\"localhost\",\"appname\":\"app\","
	      "\"procid\":\"x.1\",\"structured_data\":{\"a@1\":{\"ip\":[\"1\",\"2\"],\"q\":\"\\\"\",\"z\":\"3\"},\"b\":{}}},"
	      "\"source\":{\"address\":\"192.0.2.7:514\"}},"
	      "\"host\":{\"hostname\":\"localhost\",\"ip\":\"192.0.2.7\",\"name\":\"192.0.2.7\"},\"process\":{\"name\":\"app\"}}");
	check(o, "<189>123: *Mar  1 18:46:11.123 UTC: %SYS-5-CONFIG_I: Configured", 0,
	      "{\"message\":\"Configured\",\"event\":{\"original\":\"<189>123: *Mar  1 18:46:11.123 UTC: %SYS-5-CONFIG_I: Configured\","
	      "\"sequence\":123},\"@timestamp\":\"2026-03-01T18:46:11.123Z\",\"@version\":\"1\",\"service\":{\"type\":\"system\"},"
	      "\"log\":{\"syslog\":{\"priority\":189,\"severity\":{\"code\":5,\"name\":\"Notice\"},"
	      "\"facility\":{\"code\":23,\"name\":\"local7\"}},\"source\":{\"address\":\"192.0.2.7:514\"}},"
	      "\"host\":{\"ip\":\"192.0.2.7\",\"name\":\"192.0.2.7\"},\"process\":{\"name\":\"%SYS-5-CONFIG_I\"}}");
	check(o, "<13>2026-11-25T03:00:01Z h last message repeated 3 times", 0,
	      "{\"message\":\"last message repeated 3 times\",\"event\":{\"original\":"
	      "\"<13>2026-11-25T03:00:01Z h last message repeated 3 times\"},\"@timestamp\":\"2026-11-24T03:00:00.000Z\","
	      "\"@version\":\"1\",\"service\":{\"type\":\"system\"},"
	      "\"log\":{\"syslog\":{\"priority\":13,\"severity\":{\"code\":5,\"name\":\"Notice\"},"
	      "\"facility\":{\"code\":1,\"name\":\"user-level\"}},\"source\":{\"address\":\"192.0.2.7:514\"}},"
	      "\"host\":{\"hostname\":\"h\",\"ip\":\"192.0.2.7\",\"name\":\"h\"},"
	      "\"weir\":{\"repeat\":{\"count\":3},\"parse\":{\"claimed_time\":\"2026-11-25T03:00:01.000Z\"}},"
	      "\"tags\":[\"_time_not_trusted\"]}");
	check(o, "<189>date=2024-03-01", 1,
	      "{\"message\":\"date=2024-03-01\",\"event\":{\"original\":\"<189>date=2024-03-01\"},"
	      "\"@timestamp\":\"2026-11-24T03:00:00.000Z\",\"@version\":\"1\",\"service\":{\"type\":\"system\"},"
	      "\"log\":{\"syslog\":{\"priority\":189,\"severity\":{\"code\":5,\"name\":\"Notice\"},"
	      "\"facility\":{\"code\":23,\"name\":\"local7\"}},\"source\":{\"address\":\"192.0.2.7:514\"}},"
	      "\"host\":{\"ip\":\"192.0.2.7\",\"name\":\"192.0.2.7\"},\"tags\":[\"_grokparsefailure_sysloginput\"]}");
}

static void test_options(void)
{
	struct list *labels = list_new(&plan_arena, 2);
	struct syslog_options *o;

	list_push(&plan_arena, labels, v_lit("zero"));
	list_push(&plan_arena, labels, v_lit("one"));
	o = opened((struct syslog_options){.use_labels = true, .facility_labels = labels, .severity_labels = labels,
					   .syslog_field = STR("[in][line]"), .timezone = STR("UTC")}, ECS_DISABLED);
	check_value(o, "{\"in\":{\"line\":\"<9>Nov 24 02:00:00 h a: x\"},\"k\":1}", 0,
		    "{\"in\":{\"line\":\"x\"},\"k\":1,\"@timestamp\":\"2026-11-24T02:00:00.000Z\",\"priority\":9,"
		    "\"timestamp\":\"Nov 24 02:00:00\",\"logsource\":\"h\",\"program\":\"a\",\"severity\":1,\"facility\":1,"
		    "\"facility_label\":\"one\",\"severity_label\":\"one\"}");
	check_value(o, "{\"message\":\"<13>Nov 24 02:00:00 h a: x\"}", 1,
		    "{\"message\":\"<13>Nov 24 02:00:00 h a: x\",\"@timestamp\":\"2026-11-24T03:00:00.000Z\",\"priority\":0,\"severity\":0,"
		    "\"facility\":0,\"facility_label\":\"zero\",\"severity_label\":\"zero\",\"tags\":[\"_grokparsefailure_sysloginput\"]}");
	check_value(o, "{\"in\":{\"line\":\"<14>Nov 24 02:00:00 h a: x\"},\"priority\":\"p\"}", 0,
		    "{\"in\":{\"line\":\"x\"},\"priority\":14,\"@timestamp\":\"2026-11-24T02:00:00.000Z\","
		    "\"timestamp\":\"Nov 24 02:00:00\",\"logsource\":\"h\",\"program\":\"a\",\"severity\":6,\"facility\":1,"
		    "\"facility_label\":\"one\"}");
	CHECK(!opened((struct syslog_options){.timezone = STR("Mars/Olympus")}, ECS_DISABLED));
	CHECK(!opened((struct syslog_options){.syslog_field = STR("[a")}, ECS_DISABLED));
}

static void test_grok(void)
{
	struct syslog_options *o;

	if (!plugin_find(PLUGIN_FILTER, STR("grok")))
		return;
	o = opened((struct syslog_options){.use_labels = true, .timezone = STR("UTC"),
					   .grok_pattern = STR("<%{POSINT:priority}>%{SYSLOGTIMESTAMP:timestamp} atypical "
							       "%{GREEDYDATA:message}")}, ECS_DISABLED);
	check(o, "<164>Oct 26 15:19:25 atypical This part", 0,
	      "{\"@timestamp\":\"2026-10-26T15:19:25.000Z\",\"@version\":\"1\",\"message\":\"This part\",\"priority\":164,"
	      "\"timestamp\":\"Oct 26 15:19:25\",\"host\":\"192.0.2.7\",\"severity\":4,\"facility\":20,\"facility_label\":\"local4\","
	      "\"severity_label\":\"Warning\"}");
	check(o, "<164>Oct 26 15:19:25 h typical", 1,
	      "{\"@timestamp\":\"2026-11-24T03:00:00.000Z\",\"@version\":\"1\",\"message\":\"<164>Oct 26 15:19:25 h typical\","
	      "\"tags\":[\"_grokparsefailure_sysloginput\"],\"host\":\"192.0.2.7\",\"priority\":0,\"severity\":0,\"facility\":0,"
	      "\"facility_label\":\"kernel\",\"severity_label\":\"Emergency\"}");
	syslog_decode_close(o);
	CHECK(!opened((struct syslog_options){.grok_pattern = STR("%{NOSUCHPATTERN:x}")}, ECS_DISABLED));
}

static struct str time_of(struct syslog_options *o, const char *sender, struct arena *a)
{
	struct sockaddr_storage ss = {.ss_family = AF_INET};
	struct value *v;
	struct event ev;
	char text[TS_TEXT_MAX];

	inet_pton(AF_INET, sender, &((struct sockaddr_in *)&ss)->sin_addr);
	event_init(&ev, a);
	(void)syslog_decode(o, &ev, STR("<13>Nov 23 12:00:00 h app: x"), &ss, received);
	v = event_top(&ev, STR("@timestamp"));
	return arena_dup(a, str_n(text, ts_format(value_ts(v), text)));
}

static void test_zones_by_sender(void)
{
	struct arena a;
	struct map *m;
	struct syslog_options *o;

	arena_init(&a, NULL);
	m = map_new(&a, 4);
	map_set(&a, m, key_make(STR("10.0.0.0/8")), v_lit("Asia/Tehran"));
	map_set(&a, m, key_make(STR("10.1.0.0/16")), v_lit("+02:00"));
	o = opened((struct syslog_options){.use_labels = true, .timezone = STR("UTC"), .timezones = m}, ECS_DISABLED);
	CHECK_STR(time_of(o, "192.0.2.7", &a), "2026-11-23T12:00:00.000Z");
	CHECK_STR(time_of(o, "10.2.3.4", &a), "2026-11-23T08:30:00.000Z");
	CHECK_STR(time_of(o, "10.1.3.4", &a), "2026-11-23T10:00:00.000Z"); /* the longest network */
	CHECK_STR(time_of(o, "192.0.2.7", &a), "2026-11-23T12:00:00.000Z");
	syslog_decode_close(o);
	map_set(&a, m, key_make(STR("10.1.0.1/16")), v_lit("UTC"));
	CHECK(!opened((struct syslog_options){.timezones = m}, ECS_DISABLED));
	m = map_new(&a, 4);
	map_set(&a, m, key_make(STR("::/0")), v_lit("Nowhere/AtAll"));
	CHECK(!opened((struct syslog_options){.timezones = m}, ECS_DISABLED));
	arena_release(&a);
}

int main(void)
{
	hash_init(NULL);
	clock_virtual_init(&now, received);
	settings.clock = &now;
	arena_init(&plan_arena, NULL);
	diag_init(&diag);
	test_legacy();
	test_trust();
	test_ecs();
	test_options();
	test_zones_by_sender();
	test_grok();
	diag_release(&diag);
	arena_release(&plan_arena);
	return test_end();
}
