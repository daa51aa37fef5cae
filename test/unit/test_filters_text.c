#include "plugin.h"

/* Runs one filter over one event and shows the event, without @timestamp and @version. */
static void run(const char *filter, const char *event, const char *want)
{
	struct opened o;
	struct arena a;
	struct event ev;
	struct value v;
	struct str in = str_z(event);
	struct buf out;
	struct err err;
	struct step_ctx ctx = {.clock = &clock_system};
	enum step step;

	arena_init(&a, NULL);
	buf_init(&out, 0);
	if (!opened_plugin(&o, PLUGIN_FILTER, filter, ECS_DISABLED)) {
		CHECK(!want);
		CHECK(o.diag.errors);
	} else {
		CHECK_INT(json_read(&a, &in, NULL, &v, &err), 0);
		event_init(&ev, &a);
		CHECK_INT(event_from_map(&ev, v.map, ts_from_ns(0)), 0);
		ctx.arena = &a;
		step = o.plugin->filter.run(o.self, &ev, &ctx);
		if (step == STEP_DROP)
			buf_lit(&out, "dropped ");
		if (step == STEP_OK)
			buf_lit(&out, "matched ");
		map_remove(&ev.root, &(struct key){.p = "@timestamp", .len = 10, .hash = hash_str32(STR("@timestamp"))}, NULL);
		show_event(&out, &ev);
		CHECK_STR(buf_slice(&out), want ? want : "a refusal");
	}
	buf_release(&out);
	opened_release(&o);
	arena_release(&a);
}

static void test_kv(void)
{
	run("kv { }", "{\"message\":\"a=1 b='x y' c=[z] d=\\\"\\\"\"}",
	    "matched {\"message\":\"a=1 b='x y' c=[z] d=\\\"\\\"\",\"a\":\"1\",\"b\":\"x y\",\"c\":\"z\"}");
	run("kv { }", "{\"message\":\"no pairs\"}", "{\"message\":\"no pairs\"}");
	run("kv { }", "{\"message\":5}", "{\"message\":5}");
	run("kv { }", "{\"message\":[\"a=1\",5]}", "{\"message\":[\"a=1\",5],\"tags\":[\"_kv_filter_error\"]}");
	run("kv { }", "{\"message\":\"a=1 a=2\",\"a\":\"0\"}", "matched {\"message\":\"a=1 a=2\",\"a\":[\"1\",\"2\"]}");
	run("kv { }", "{\"message\":\"z=1 @timestamp=2020\"}",
	    "{\"message\":\"z=1 @timestamp=2020\",\"z\":\"1\",\"tags\":[\"_kv_filter_error\"]}");
	run("kv { }", "{\"message\":\"[a][b]=1\"}", "matched {\"message\":\"[a][b]=1\",\"a\":{\"b\":\"1\"}}");
	run("kv { target => \"t\" prefix => \"%{p}_\" }", "{\"message\":\"a=1\",\"p\":\"q\"}",
	    "matched {\"message\":\"a=1\",\"p\":\"q\",\"t\":{\"q_a\":\"1\"}}");
	run("kv { trim => \"<>\" trimkey => \"-\" source => \"s\" }", "{\"s\":\"-a-=<<1>>\"}", "matched {\"s\":\"-a-=<<1>>\",\"a\":\"1\"}");
	run("kv { field_split => \"&?\" transform_key => \"uppercase\" allow_duplicate_values => false }",
	    "{\"message\":\"?a=1&a=1&b=2\"}", "matched {\"message\":\"?a=1&a=1&b=2\",\"A\":\"1\",\"B\":\"2\"}");
	run("kv { recursive => true }", "{\"message\":\"a='b=1 c=2'\"}",
	    "matched {\"message\":\"a='b=1 c=2'\",\"a\":{\"b\":\"1\",\"c\":\"2\"}}");
	run("kv { default_keys => { \"a\" => \"d\" \"e\" => \"f\" } }", "{\"message\":\"a=1\"}",
	    "matched {\"message\":\"a=1\",\"a\":\"1\",\"e\":\"f\"}");
	run("kv { field_split => \"[\" }", "{}", NULL);
	run("kv { field_split => \"^\" }", "{}", NULL);
	run("kv { field_split => \"\" }", "{}", NULL);
	run("kv { value_split => \"\" }", "{}", NULL);
	run("kv { trim_value => \"\" }", "{}", NULL);
	run("kv { field_split_pattern => \"(\" }", "{}", NULL);
	run("kv { transform_key => \"nope\" }", "{}", NULL);
}

/* A value of 300 KB is one value, in quotes or without, and 300 KB without any pair are none. */
static void test_kv_long(void)
{
	static const char *const around[][3] = {{"a=", "", "1"}, {"a=\"", "\" b=2", "2"}, {"", "", "0"}};

	for (size_t i = 0; i < 3; i++) {
		struct opened o;
		struct arena a;
		struct event ev;
		struct step_ctx ctx = {.clock = &clock_system, .arena = &a};
		char *text = xmalloc(300100);
		struct str s = {text, 0};
		const struct value *v;

		arena_init(&a, NULL);
		memcpy(text, around[i][0], strlen(around[i][0]));
		s.len = strlen(around[i][0]);
		memset(text + s.len, 'x', 300000);
		s.len += 300000;
		memcpy(text + s.len, around[i][1], strlen(around[i][1]));
		s.len += strlen(around[i][1]);
		CHECK(opened_plugin(&o, PLUGIN_FILTER, "kv { target => \"t\" }", ECS_DISABLED));
		event_init(&ev, &a);
		event_set_top(&ev, key_make(STR("message")), v_str(s));
		CHECK_INT(o.plugin->filter.run(o.self, &ev, &ctx), i == 2 ? STEP_PASS : STEP_OK);
		v = event_top(&ev, STR("t"));
		CHECK_INT(v ? v->map->n : 0, around[i][2][0] - '0');
		v = v ? map_find_str(v->map, STR("a")) : NULL;
		CHECK_INT(v ? v->len : 300000, 300000);
		CHECK(!event_top(&ev, STR("tags")));
		opened_release(&o);
		arena_release(&a);
		free(text);
	}
}

/* Nesting without end is no way to the end of the stack. */
static void test_kv_deep(void)
{
	struct buf b;

	buf_init(&b, 0);
	buf_lit(&b, "{\"message\":\"");
	for (int i = 0; i < 2000; i++)
		buf_lit(&b, "a=");
	buf_lit(&b, "\"}");
	buf_ch(&b, 0);
	{
		struct opened o;
		struct arena a;
		struct event ev;
		struct value v;
		struct str in = str_sub(buf_slice(&b), 0, b.len - 1);
		struct step_ctx ctx = {.clock = &clock_system};

		arena_init(&a, NULL);
		CHECK(opened_plugin(&o, PLUGIN_FILTER, "kv { recursive => true }", ECS_DISABLED));
		CHECK_INT(json_read(&a, &in, NULL, &v, NULL), 0);
		event_init(&ev, &a);
		event_from_map(&ev, v.map, ts_from_ns(0));
		ctx.arena = &a;
		CHECK_INT(o.plugin->filter.run(o.self, &ev, &ctx), STEP_OK);
		opened_release(&o);
		arena_release(&a);
	}
	buf_release(&b);
}

static void test_json(void)
{
	run("json { source => \"m\" }", "{\"m\":\"{\\\"a\\\":1,\\\"[x][y]\\\":2}\"}",
	    "matched {\"m\":\"{\\\"a\\\":1,\\\"[x][y]\\\":2}\",\"a\":1,\"x\":{\"y\":2}}");
	run("json { source => \"m\" }", "{\"m\":\"{\\\"a\\\":1} x\"}", "{\"m\":\"{\\\"a\\\":1} x\",\"tags\":[\"_jsonparsefailure\"]}");
	run("json { source => \"m\" }", "{\"m\":\"{\\\"a\\\":1}{\\\"b\\\":2}\"}", "matched {\"m\":\"{\\\"a\\\":1}{\\\"b\\\":2}\",\"b\":2}");
	run("json { source => \"m\" }", "{\"m\":\"[1]\"}", "{\"m\":\"[1]\",\"tags\":[\"_jsonparsefailure\"]}");
	run("json { source => \"m\" target => \"t\" }", "{\"m\":\"[1]\"}", "matched {\"m\":\"[1]\",\"t\":[1]}");
	run("json { source => \"m\" target => \"t\" }", "{\"m\":\" \"}", "matched {\"m\":\" \",\"t\":null}");
	run("json { source => \"m\" target => \"@timestamp\" }", "{\"m\":\"{}\"}", "{\"m\":\"{}\",\"tags\":[\"_jsonparsefailure\"]}");
	run("json { source => \"m\" target => \"tags\" }", "{\"m\":\"{}\"}", "{\"m\":\"{}\",\"tags\":[\"_jsonparsefailure\"]}");
	run("json { source => \"m\" }", "{\"m\":\"{\\\"@timestamp\\\":5}\"}",
	    "matched {\"m\":\"{\\\"@timestamp\\\":5}\",\"tags\":[\"_timestampparsefailure\"],\"_@timestamp\":\"5\"}");
	run("json { source => \"m\" }", "{\"m\":null}", "{\"m\":null}");
	run("json { source => \"m\" }", "{}", "{}");
	run("json { source => \"m\" }", "{\"m\":5}", "{\"m\":5,\"tags\":[\"_jsonparsefailure\"]}");
	run("json { source => \"m\" skip_on_invalid_json => true }", "{\"m\":\"x\"}", "{\"m\":\"x\"}");
	run("json { source => \"m\" tag_on_failure => [\"f\",\"g\"] }", "{\"m\":\"x\"}", "{\"m\":\"x\",\"tags\":[\"f\",\"g\"]}");
	run("json { }", "{}", NULL);
	/* Logstash finds out at the event, and catches it; with a target at the start. */
	run("json { source => \"m[0]\" tag_on_failure => [\"f\"] }", "{\"m\":[\"{}\"]}", "{\"m\":[\"{}\"],\"tags\":[\"f\"]}");
	run("json { source => \"m\" target => \"m[0]\" }", "{}", NULL);
	run("kv { source => \"m[0]\" }", "{\"m\":[\"a=1\"]}", "{\"m\":[\"a=1\"],\"tags\":[\"_kv_filter_error\"]}");
}

static void test_drop(void)
{
	run("drop { }", "{\"a\":1}", "dropped {\"a\":1}");
	run("drop { percentage => 0 }", "{\"a\":1}", "{\"a\":1}");
	run("drop { percentage => 101 }", "{}", NULL);
}

int main(void)
{
	hash_init(NULL);
	fields_init();
	test_kv();
	test_kv_long();
	test_kv_deep();
	test_json();
	test_drop();
	return test_end();
}
