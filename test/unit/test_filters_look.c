/*
 * Filters that look something up or remember: translate and cidr with files that change, throttle, elapsed, fingerprint, tld, alter, range, prune,
 * de_dot.
 */
#include "filter_run.h"

#include "event/yaml_read.h"
#include "filter/digest.h"

#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#define RUN(filter, event, want) filter_check(filter, ECS_DISABLED, event, want)

static char folder[] = "/tmp/weir-filters-XXXXXX";

static void put_file(const char *name, const char *text)
{
	char path[256], next[256];
	FILE *f;

	/* Put in place at once, as a user's tool does: another inode. */
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	snprintf(next, sizeof(next), "%s/next", folder);
	f = fopen(next, "w");
	CHECK(f != NULL);
	if (!f)
		return;
	fputs(text, f);
	fclose(f);
	CHECK_INT(rename(next, path), 0);
}

static void open_with(struct opened *o, const char *format, const char *file)
{
	char text[512], path[256];

	snprintf(path, sizeof(path), "%s/%s", folder, file);
	snprintf(text, sizeof(text), "%s => \"%s\" }", format, path);
	CHECK(opened_plugin(o, PLUGIN_FILTER, text, ECS_DISABLED));
	if (o->diag.first)
		fprintf(stderr, "%.*s\n", STR_ARG(o->diag.first->text));
}

/* What the filter answers once the file was read again: looked at until it is another answer than `before`. */
static void run_until_changed(struct opened *o, const char *event, const char *before, struct clock *late, struct buf *out)
{
	do {
		buf_clear(out);
		filter_run(o, event, late, out);
		sched_yield();
	} while (str_eqz(buf_slice(out), before));
}

static void test_translate_refresh(void)
{
	static const char before[] = "matched {\"s\":\"a\",\"t\":\"1\"}";
	struct opened o;
	struct clock late;
	struct buf out;

	buf_init(&out, 0);
	put_file("d.yml", "a: '1'\nb: '2'\n");
	open_with(&o, "translate { source => \"s\" target => \"t\" refresh_interval => 10 dictionary_path", "d.yml");
	clock_virtual_init(&late, 0);
	late.mono_now_ns = clock_mono(&clock_system) + 3600ll * 1000000000;
	filter_run(&o, "{\"s\":\"a\"}", &clock_system, &out);
	CHECK_STR(buf_slice(&out), before);
	put_file("d.yml", "a: '11'\n");
	run_until_changed(&o, "{\"s\":\"a\"}", before, &late, &out);
	CHECK_STR(buf_slice(&out), "matched {\"s\":\"a\",\"t\":\"11\"}");
	/* Merged: what the file no longer says stays. */
	buf_clear(&out);
	filter_run(&o, "{\"s\":\"b\"}", &late, &out);
	CHECK_STR(buf_slice(&out), "matched {\"s\":\"b\",\"t\":\"2\"}");
	/* A broken file changes nothing: the next look (which may be under way at the end) fails. */
	put_file("d.yml", "a: [\n");
	clock_advance(&late, 3600ll * 1000000000);
	buf_clear(&out);
	filter_run(&o, "{\"s\":\"a\"}", &late, &out);
	CHECK_STR(buf_slice(&out), "matched {\"s\":\"a\",\"t\":\"11\"}");
	opened_release(&o);
	buf_release(&out);
}

static void test_translate(void)
{
	struct opened o;
	struct buf out;

	buf_init(&out, 0);
	put_file("d.csv", "\xef\xbb\xbf" "a,1\r\nb\r\n,x\n\"c,d\",\"e\"\"\"\n");
	open_with(&o, "translate { source => \"s\" target => \"t\" fallback => \"?%{s}\" dictionary_path", "d.csv");
	filter_run(&o, "{\"s\":\"a\"}", &clock_system, &out);
	filter_run(&o, "{\"s\":\"b\"}", &clock_system, &out);
	filter_run(&o, "{\"s\":[\"c,d\",1]}", &clock_system, &out);
	filter_run(&o, "{\"s\":\"z\"}", &clock_system, &out);
	CHECK_STR(buf_slice(&out), "matched {\"s\":\"a\",\"t\":\"1\"}matched {\"s\":\"b\",\"t\":null}"
				   "matched {\"s\":[\"c,d\",1],\"t\":\"e\\\"\"}matched {\"s\":\"z\",\"t\":\"?z\"}");
	buf_release(&out);
	opened_release(&o);
	RUN("translate { source => \"s\" target => \"t\" exact => false dictionary => [\"a\", \"y\", \"aa\", \"x\"] }",
	    "{\"s\":\"aaab\"}", "matched {\"s\":\"aaab\",\"t\":\"yyyb\"}");
	RUN("translate { source => \"s\" target => \"t\" exact => false dictionary => [\"aa\", \"x\", \"a\", \"y\"] }", "{\"s\":\"aaab\"}",
	    "matched {\"s\":\"aaab\",\"t\":\"xyb\"}");
	RUN("translate { source => \"s\" regex => true dictionary => [\"^[0-9]+$\", \"number\", \".\", \"text\"] }", "{\"s\":\"12\"}",
	    "matched {\"s\":\"12\",\"translation\":\"number\"}");
	RUN("translate { source => \"s\" iterate_on => \"l\" target => \"t\" dictionary => { \"a\" => \"1\" } }",
	    "{\"l\":[{\"s\":\"a\"},{\"s\":\"b\"},5]}", "matched {\"l\":[{\"s\":\"a\",\"t\":\"1\"},{\"s\":\"b\"},5]}");
	RUN("translate { dictionary => { \"a\" => \"1\" } }", "{}", NULL);
	RUN("translate { source => \"s\" dictionary_path => \"/nowhere/d.yml\" }", "{}", NULL);
	filter_check("translate { source => \"s\" dictionary => { \"a\" => \"1\" } }", ECS_V8, "{\"s\":\"a\"}", "matched {\"s\":\"1\"}");
}

static void yaml(const char *text, const char *want)
{
	struct arena a;
	struct value v;
	struct err err;
	struct buf out;

	arena_init(&a, NULL);
	buf_init(&out, 0);
	if (yaml_read(&a, str_z(text), &v, &err) < 0)
		buf_str(&out, str_z(err.text));
	else
		json_write_value(&out, &v);
	CHECK_STR(buf_slice(&out), want);
	buf_release(&out);
	arena_release(&a);
}

static void test_yaml(void)
{
	yaml("", "null");
	yaml("{a: yes, b: Off, c: 010, d: 0x1F, e: 1_000, f: 1:30, g: 1.5, h: 1e3, i: '5', j: ~, k: .5, l: -0b11, m: 08, n: 5.}",
	     "{\"a\":true,\"b\":false,\"c\":8,\"d\":31,\"e\":1000,\"f\":90,\"g\":1.5,\"h\":\"1e3\",\"i\":\"5\",\"j\":null,\"k\":0.5,\"l\":-3,"
	     "\"m\":\"08\",\"n\":5.0}");
	yaml("1: x\ntrue: y\na: {1: z}\n", "{\"a\":{\"1\":\"z\"}}");
	yaml("a: &x {k: 1}\nb: *x\nc: {<<: *x, j: 2}\n", "{\"a\":{\"k\":1},\"b\":{\"k\":1},\"c\":{\"k\":1,\"j\":2}}");
	yaml("a: *x\n", "line 1, column 4: an alias of nothing");
	yaml("a: [\n", "line 2, column 1: did not find expected node content");
	yaml("t: 2020-01-02 03:04:05\nu: 2020-01-02T03:04:05Z", "{\"t\":\"2020-01-02 03:04:05\",\"u\":\"2020-01-02T03:04:05.000Z\"}");
}

/* Nine levels of nine aliases each would be half a billion values. */
static void test_yaml_bomb(void)
{
	struct arena a;
	struct value v;
	struct err err;
	struct buf b;

	arena_init(&a, NULL);
	buf_init(&b, 0);
	buf_lit(&b, "a0: &a0 [1,1,1,1,1,1,1,1,1]\n");
	for (int i = 1; i < 9; i++) {
		buf_printf(&b, "a%d: &a%d [", i, i);
		for (int k = 0; k < 9; k++)
			buf_printf(&b, "%s*a%d", k ? "," : "", i - 1);
		buf_lit(&b, "]\n");
	}
	CHECK_INT(yaml_read(&a, buf_slice(&b), &v, &err), -1);
	CHECK(strstr(err.text, "too many values") != NULL);
	buf_clear(&b);
	for (int i = 0; i < 300; i++)
		buf_ch(&b, '[');
	CHECK_INT(yaml_read(&a, buf_slice(&b), &v, &err), -1);
	CHECK(strstr(err.text, "nested too deep") != NULL);
	buf_release(&b);
	arena_release(&a);
}

static void test_cidr(void)
{
	static const char before[] = "{\"ip\":\"192.168.1.1\"}";
	struct opened o;
	struct clock late;
	struct buf out;

	RUN("cidr { address => [\"%{ip}\"] network => [\"10.0.0.0/255.255.254.0\", \"2001:db8::/32\"] }", "{\"ip\":\"10.0.1.9\"}",
	    "matched {\"ip\":\"10.0.1.9\"}");
	RUN("cidr { address => [\"%{ip}\"] network => [\"2001:db8::/32\"] }", "{\"ip\":\"2001:db8:1::1\"}",
	    "matched {\"ip\":\"2001:db8:1::1\"}");
	RUN("cidr { address => [\"%{ip}\"] network => [\"255.255.255.255/0.0.0.0\"] }", "{\"ip\":\"1.1.1.1\"}", "matched {\"ip\":\"1.1.1.1\"}");
	RUN("cidr { address => [\"%{ip}\"] network => [\"%{net}\"] }", "{\"ip\":\"1.1.1.1\",\"net\":\"9.0.0.0/8, 1.0.0.0/8\"}",
	    "matched {\"ip\":\"1.1.1.1\",\"net\":\"9.0.0.0/8, 1.0.0.0/8\"}");
	RUN("cidr { address => [\"%{ip}\"] network => [\"10.0.0.0/255.0.255.0\"] }", "{\"ip\":\"10.0.0.1\"}", "{\"ip\":\"10.0.0.1\"}");
	buf_init(&out, 0);
	put_file("nets", "10.0.0.0/8\nnonsense\n");
	open_with(&o, "cidr { address => [\"%{ip}\"] refresh_interval => 5 network_path", "nets");
	clock_virtual_init(&late, 0);
	late.mono_now_ns = clock_mono(&clock_system) + 3600ll * 1000000000;
	filter_run(&o, before, &clock_system, &out);
	CHECK_STR(buf_slice(&out), before);
	put_file("nets", "192.168.0.0/16\n");
	run_until_changed(&o, before, before, &late, &out);
	CHECK_STR(buf_slice(&out), "matched {\"ip\":\"192.168.1.1\"}");
	buf_release(&out);
	opened_release(&o);
}

static void test_throttle(void)
{
	struct opened o;
	struct buf out;
	char event[80];
	unsigned matched = 0;

	CHECK(opened_plugin(&o, PLUGIN_FILTER, "throttle { key => \"%{k}\" after_count => 1 before_count => 1 period => 60 max_counters => 100 }",
			    ECS_DISABLED));
	buf_init(&out, 0);
	filter_run(&o, "{\"k\":\"a\",\"@timestamp\":\"2020-01-01T00:00:00Z\"}", &clock_system, &out);
	filter_run(&o, "{\"k\":\"a\",\"@timestamp\":\"2020-01-01T00:00:59Z\"}", &clock_system, &out);
	filter_run(&o, "{\"k\":\"a\",\"@timestamp\":\"2020-01-01T00:01:00Z\"}", &clock_system, &out);
	/* Before the first: a period of its own. */
	filter_run(&o, "{\"k\":\"a\",\"@timestamp\":\"2019-12-31T23:59:59Z\"}", &clock_system, &out);
	CHECK_STR(buf_slice(&out), "{\"k\":\"a\"}matched {\"k\":\"a\"}{\"k\":\"a\"}{\"k\":\"a\"}");
	/* Ten thousand keys at one moment: all are new, and what is remembered stays bounded. */
	for (int i = 0; i < 10000; i++) {
		snprintf(event, sizeof(event), "{\"k\":\"k%d\",\"@timestamp\":\"2020-01-01T00:00:00Z\"}", i);
		buf_clear(&out);
		filter_run(&o, event, &clock_system, &out);
		matched += str_starts(buf_slice(&out), STR("matched"));
	}
	CHECK_INT(matched, 0);
	buf_release(&out);
	opened_release(&o);
}

/* Fifteen hundred tasks begin, one by one they end; the id's kind counts. */
static void test_elapsed(void)
{
	struct opened o;
	struct buf out;
	char event[120];
	unsigned matched = 0;

	CHECK(opened_plugin(&o, PLUGIN_FILTER, "elapsed { start_tag => \"s\" end_tag => \"e\" unique_id_field => \"id\" timeout => 100 }",
			    ECS_DISABLED));
	buf_init(&out, 0);
	for (int i = 0; i < 1500; i++) {
		snprintf(event, sizeof(event), "{\"id\":%d,\"tags\":[\"s\"],\"@timestamp\":\"2020-01-01T00:00:00Z\"}", i);
		filter_run(&o, event, &clock_system, &out);
	}
	for (int i = 1499; i >= 0; i--) {
		snprintf(event, sizeof(event), "{\"id\":%d,\"tags\":[\"e\"],\"@timestamp\":\"2020-01-01T00:00:01.5Z\"}", i);
		buf_clear(&out);
		filter_run(&o, event, &clock_system, &out);
		matched += str_find(buf_slice(&out), STR("\"elapsed_time\":1.5,")) > 0;
	}
	CHECK_INT(matched, 1500);
	filter_run(&o, "{\"id\":1,\"tags\":[\"s\"]}", &clock_system, &out);
	buf_clear(&out);
	filter_run(&o, "{\"id\":\"1\",\"tags\":[\"e\"]}", &clock_system, &out);
	CHECK_STR(buf_slice(&out), "matched {\"id\":\"1\",\"tags\":[\"e\",\"elapsed_end_without_start\"]}");
	buf_release(&out);
	opened_release(&o);
}

/* A start that nobody ended becomes an event when it is old enough, at a flush and not before. */
static void test_elapsed_expired(void)
{
	struct opened o;
	struct buf out;
	struct clock clock;

	clock_virtual_init(&clock, 0);
	CHECK(opened_plugin(&o, PLUGIN_FILTER, "elapsed { start_tag => \"s\" end_tag => \"e\" unique_id_field => \"id\" timeout => 30 }", ECS_DISABLED));
	buf_init(&out, 0);
	filter_run(&o, "{\"id\":7,\"tags\":[\"s\"],\"@timestamp\":\"2020-01-01T00:00:00Z\"}", &clock, &out);
	clock_advance(&clock, 10ll * 1000000000);
	filter_run(&o, "{\"id\":\"x\",\"tags\":[\"s\"],\"@timestamp\":\"2020-01-01T00:00:10Z\"}", &clock, &out);
	filter_run(&o, "{\"id\":\"y\",\"tags\":[\"s\"],\"@timestamp\":\"2020-01-01T00:00:10Z\"}", &clock, &out);
	clock_advance(&clock, 19ll * 1000000000);
	buf_clear(&out);
	filter_flush(&o, false, &clock, &out);
	CHECK_STR(buf_slice(&out), "");
	clock_advance(&clock, 1ll * 1000000000);
	filter_flush(&o, false, &clock, &out);
	CHECK_STR(buf_slice(&out), "{\"tags\":[\"elapsed\",\"elapsed_expired_error\"],\"elapsed_time\":30,\"elapsed_timestamp_start\":"
				   "\"2020-01-01T00:00:00.000Z\",\"id\":7}");
	/* Old enough, but not flushed yet. */
	clock_advance(&clock, 14ll * 1000000000);
	buf_clear(&out);
	filter_run(&o, "{\"id\":\"y\",\"tags\":[\"e\"],\"@timestamp\":\"2020-01-01T00:00:54Z\"}", &clock, &out);
	CHECK(str_find(buf_slice(&out), STR("\"elapsed_time\":44.0")) > 0);
	buf_clear(&out);
	filter_flush(&o, false, &clock, &out);
	CHECK_STR(buf_slice(&out), "{\"tags\":[\"elapsed\",\"elapsed_expired_error\"],\"elapsed_time\":34,\"elapsed_timestamp_start\":"
				   "\"2020-01-01T00:00:10.000Z\",\"id\":\"x\"}");
	buf_clear(&out);
	filter_flush(&o, true, &clock, &out);
	CHECK_STR(buf_slice(&out), "");
	buf_release(&out);
	opened_release(&o);
}

/* Ten events in ten seconds; a report at every second flush, also when no more events come. */
static void test_metrics(void)
{
	struct opened o;
	struct clock clock;
	struct arena a;
	struct event none, child;
	struct step_ctx ctx = {.clock = &clock, .arena = &a};
	struct buf out;
	const struct value *v;
	char event[60];

	CHECK(opened_plugin(&o, PLUGIN_FILTER,
			    "metrics { meter => [\"%{m}\"] split => true timer => { \"t\" => \"%{v}\" } rates => [1] percentiles => [50, 100] "
			    "flush_interval => 10 clear_interval => 20 }", ECS_DISABLED));
	buf_init(&out, 0);
	clock_virtual_init(&clock, 0);
	clock.mono_now_ns = clock_mono(&clock_system);
	CHECK(!o.plugin->filter.flush(o.self, &ctx)); /* nothing was counted */
	for (int i = 1; i <= 10; i++) {
		clock_advance(&clock, 1000000000);
		snprintf(event, sizeof(event), "{\"m\":\"x,y\",\"v\":%d}", i);
		filter_run(&o, event, &clock, &out);
	}
	arena_init(&a, NULL);
	event_init(&none, &a);
	event_init(&child, &a);
	CHECK(o.plugin->filter.flush(o.self, &ctx));
	CHECK_INT(o.plugin->filter.next(o.self, ctx.gen, &none, &child, &ctx), 1);
	CHECK_INT(o.plugin->filter.next(o.self, ctx.gen, &none, &child, &ctx), 0);
	v = map_find_str(event_top(&child, STR("t"))->map, STR("count"));
	CHECK_INT(v->i, 10);
	v = map_find_str(event_top(&child, STR("t"))->map, STR("mean"));
	CHECK(v->f == 5.5);
	v = map_find_str(event_top(&child, STR("t"))->map, STR("p50"));
	CHECK(v->f == 5.5);
	v = map_find_str(event_top(&child, STR("t"))->map, STR("max"));
	CHECK(v->f == 10);
	v = map_find_str(event_top(&child, STR("y"))->map, STR("count"));
	CHECK_INT(v->i, 10);
	v = event_get(&child, ref_compile(&a, STR("[x][rate_1m]"), NULL));
	CHECK(value_is(v, V_FLOAT) && v->f > 0.7 && v->f < 1.3);
	CHECK(!map_find_str(event_top(&child, STR("x"))->map, STR("rate_5m")));
	arena_release(&a);
	/* No event came since; and then the counters begin anew. */
	buf_clear(&out);
	filter_flush(&o, false, &clock, &out);
	CHECK_STR(buf_slice(&out), "");
	filter_flush(&o, false, &clock, &out);
	CHECK(str_find(buf_slice(&out), STR("\"x\":{\"count\":10,")) > 0);
	buf_clear(&out);
	filter_flush(&o, false, &clock, &out);
	filter_flush(&o, true, &clock, &out);
	CHECK_STR(buf_slice(&out), "");
	buf_release(&out);
	opened_release(&o);
	RUN("metrics { rates => [2] }", "{}", NULL);
}

static void test_digest(void)
{
	struct arena a;
	unsigned char b[DIGEST_BYTES_MAX];
	struct str s;

	arena_init(&a, NULL);
	/* RFC 4231, test case 2; RFC 1321; the reference implementation of MurmurHash3. */
	CHECK_STR(digest_hex(&a, b, digest_bytes(DIGEST_SHA256, STR("Jefe"), STR("what do ya want for nothing?"), b)),
		  "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	CHECK_STR(digest_hex(&a, b, digest_bytes(DIGEST_MD5, (struct str){0}, STR("abc"), b)), "900150983cd24fb0d6963f7d28e17f72");
	CHECK_INT(murmur3_32("hello", 5, 0), 0x248bfa47);
	CHECK_INT(murmur3_32("hello, world", 12, 0), 0x149bbb7f);
	murmur3_128("The quick brown fox jumps over the lazy dog", 43, 0, b);
	CHECK_STR(digest_hex(&a, b, 16), "6c1b07bc7bbc4be347939ac4a93c437a");
	CHECK_STR(digest_base64(&a, "\xff\xee", 2), "/+4=");
	CHECK(ip_network_text(&a, STR("10.1.2.3"), 20, &s));
	CHECK_STR(s, "10.1.0.0");
	CHECK(!ip_network_text(&a, STR("10.1.2.3"), 33, &s));
	CHECK(ip_network_text(&a, STR("2001:db8:1::1"), 32, &s));
	CHECK_STR(s, "2001:db8::");
	arena_release(&a);
	RUN("fingerprint { method => \"IPV4_NETWORK\" key => \"x\" }", "{\"message\":\"1.2.3.4\"}",
	    "matched {\"message\":\"1.2.3.4\",\"fingerprint\":\"0.0.0.0\"}");
	RUN("fingerprint { method => \"PUNCTUATION\" }", "{\"message\":5}", "{\"message\":5,\"tags\":[\"_fingerprint_error\"]}");
	RUN("anonymize { fields => [\"a\"] key => \"k\" }", "{\"a\":5}", "{\"a\":5,\"tags\":[\"_anonymize_error\"]}");
}

static void test_rest(void)
{
	RUN("tld { }", "{\"message\":\"a.b.example.co.uk.\"}",
	    "matched {\"message\":\"a.b.example.co.uk.\",\"tld\":{\"tld\":\"co.uk\",\"sld\":\"example\",\"trd\":\"a.b\",\"domain\":\"example.co.uk\","
	    "\"subdomain\":\"a.b.example.co.uk\",\"top_level_domain\":\"co.uk\"}}");
	RUN("i18n { transliterate => [\"a\", \"b\", \"c\"] }", "{\"a\":\"Stra\xc3\x9f" "e \xc3\x86r\xc5\x93 \xe2\x82\xac \xc5\xbe\",\"b\":[\"\xc3\xa9\",1],\"c\":5}",
	    "matched {\"a\":\"Strasse AEroe ? z\",\"b\":[\"e\",1],\"c\":5}");
	RUN("tld { }", "{\"message\":\"a..com\"}", "{\"message\":\"a..com\"}");
	RUN("alter { condrewriteother => [\"a\", \"x\", \"[b][c]\", \"%{a}!\"] }", "{\"a\":\"x\"}", "matched {\"a\":\"x\",\"b\":{\"c\":\"x!\"}}");
	RUN("alter { coalesce => [\"r\", \"%{nope}\", \"50%\"] }", "{}", "matched {\"r\":\"50%\"}");
	RUN("alter { condrewrite => [\"a\", \"b\"] }", "{}", NULL);
	RUN("range { ranges => [\"n\", 1, 2, \"field:f:5\", \"n\", 1, 2, \"field:f:x\"] }", "{\"n\":1.5}", "matched {\"n\":1.5,\"f\":[5,\"x\"]}");
	RUN("range { ranges => [\"n\", 1, 2, \"drop\"] negate => true }", "{\"n\":3}", "dropped {\"n\":3}");
	RUN("range { ranges => [\"n\", \"1\", 2, \"drop\"] }", "{}", NULL);
	RUN("range { ranges => [\"n\", 1, 2, \"tag\"] }", "{}", NULL);
	RUN("prune { whitelist_names => [\"^a\", \"^@\"] whitelist_values => { \"a\" => \"x\" } }", "{\"a\":[\"x\",\"y\",1],\"b\":1}",
	    "matched {\"a\":[\"x\"]}");
	RUN("prune { interpolate => true blacklist_names => [\"%{p}\"] }", "{\"p\":\"(\",\"a\":1}", "{\"p\":\"(\",\"a\":1,\"tags\":[\"_prune_error\"]}");
	RUN("de_dot { recursive => true nested => true }", "{\"x\":{\"a.b\":{\"c.d\":1}}}",
	    "matched {\"x\":{\"a\":{\"b\":{\"c\":{\"d\":1}}}}}");
	RUN("syslog_pri { use_labels => false }", "{\"syslog_pri\":true}", "{\"syslog_pri\":true,\"tags\":[\"_syslogpriparsefailure\"]}");
	RUN("json_encode { source => \"h\" }", "{\"h\":{\"l\":1,\"t\":{\"b\":2,\"a\":1}}}", "matched {\"h\":\"{\\\"t\\\":{\\\"a\\\":1,\\\"b\\\":2},\\\"l\\\":1}\"}");
}

int main(void)
{
	char command[64];

	hash_init(NULL);
	fields_init();
	CHECK(mkdtemp(folder) != NULL);
	test_translate_refresh();
	test_translate();
	test_yaml();
	test_yaml_bomb();
	test_cidr();
	test_throttle();
	test_elapsed();
	test_elapsed_expired();
	test_metrics();
	test_digest();
	test_rest();
	for (size_t i = 0; i < 3; i++) {
		static const char *const files[] = {"d.yml", "d.csv", "nets"};

		snprintf(command, sizeof(command), "%s/%s", folder, files[i]);
		unlink(command);
	}
	rmdir(folder);
	return test_end();
}
