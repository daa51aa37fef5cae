/*
 * What outputs make of an event, byte by byte: http, graphite, statsd. Nothing is sent.
 */
#include "plugin.h"

#include "outputs/http.h"
#include "outputs/output.h"

static void check_render(const char *conf, const char *json, const char *want)
{
	struct opened o;
	struct render_ctx ctx = {.clock = &clock_system};
	struct pack *p = pack_new();
	struct arena scratch;
	struct event ev;
	struct str in = str_z(json);
	struct value v;
	struct err err;
	struct ts ts;
	enum render_result r;

	arena_init(&scratch, NULL);
	ctx.scratch = &scratch;
	CHECK(opened_plugin(&o, PLUGIN_OUTPUT, conf, ECS_DISABLED));
	event_init(&ev, &scratch);
	CHECK(json_read(&scratch, &in, NULL, &v, &err) == 0 && v.type == V_MAP);
	ev.root = *v.map;
	if (ts_parse_iso(STR("2020-02-03T04:05:06.789Z"), &ts) && !map_find_str(&ev.root, STR("@timestamp")))
		map_push(&scratch, &ev.root, key_make(STR("@timestamp")), v_time(ts));
	if (o.plugin) {
		r = o.plugin->output->render(o.self, &ev, p, &ctx);
		if (r == RENDER_OK)
			CHECK_STR(pack_range(p, 0, 1), want);
		else
			CHECK_STR(r == RENDER_SKIP ? STR("skip") : STR("dead"), want);
	}
	opened_release(&o);
	pack_free(&p);
	arena_release(&scratch);
}

#define T " 1580702706\n"

static void test_graphite(void)
{
	check_render("graphite { metrics => { \"a.%{host}\" => \"%{n}\" } }", "{\"host\":\"h\",\"n\":\"1.5x\"}", "a.h 1.5" T);
	/* What is not there is left out by the default of exclude_metrics; a value that is no number is 0. */
	check_render("graphite { metrics => { \"a.%{none}\" => \"1\" \"b\" => \"%{none}\" } }", "{}", "b 0.0" T);
	check_render("graphite { metrics => { \"a\" => 1 } metrics_format => \"x.%{host}.*.y\" }", "{\"host\":\"h\"}", "x.h.a.y 1.0" T);
	/* Nothing of the event ends the line. */
	check_render("graphite { metrics => { \"%{a}\" => \"1\" } }", "{\"a\":\"x 1 2\\ny\"}", "x_1_2_y 1.0" T);
	check_render("graphite { fields_are_metrics => true }", "{\"a\":1,\"m\":{\"k\":2.5,\"l\":[1],\"d\":{\"e\":3}},\"s\":\"7\",\"@version\":\"1\"}",
		     "a 1.0" T "m.k 2.5" T "m.d.e 3" T "s 7.0" T);
	check_render("graphite { fields_are_metrics => true include_metrics => [\"^m\"] exclude_metrics => [\"x\"] nested_object_separator => \"/\" }",
		     "{\"a\":1,\"m\":{\"k\":2},\"mx\":1}", "m/k 2" T);
	check_render("graphite { metrics => { \"m\" => \"1\" } timestamp_field => \"t\" }", "{\"m\":{\"k\":2},\"t\":\"12\"}", "m.k 2 12\n");
	check_render("graphite { metrics => { \"m\" => \"1\" } include_metrics => [\"z\"] }", "{}", "skip");
}

static void test_statsd(void)
{
	check_render("statsd { increment => [\"%{a}::b\"] }", "{\"host\":\"h.x\",\"a\":\"c:d|e@f\\n\"}", "logstash.h_x.c_d_e_f_.b:1|c\n");
	check_render("statsd { namespace => \"\" count => { \"n\" => \"%{v}\" } sender => \"s\" }", "{\"v\":5}", "s.n:5|c\n");
	check_render("statsd { gauge => { \"n\" => \"1|c\\n\" } sender => \"s\" }", "{}", "logstash.s.n:1_c\\n|g\n");
	check_render("statsd { }", "{}", "skip");
}

#define U "http { url => \"http://h/x\" http_method => post "

static void test_http(void)
{
	check_render(U "}", "{\"a\":1}", "{\"a\":1,\"@timestamp\":\"2020-02-03T04:05:06.789Z\"}");
	check_render(U "mapping => { \"k\" => \"%{a}\" \"l\" => [\"x\", 1] } }", "{\"a\":1}", "{\"k\":\"1\",\"l\":[\"x\",\"1\"]}");
	check_render(U "format => form mapping => { \"k\" => \"a b&ü%{a}\" } }", "{\"a\":\"=\"}", "k=a+b%26%C3%BC%3D");
	check_render(U "format => form }", "{\"a\":1,\"@timestamp\":null}", "a=1&%40timestamp=");
	check_render(U "format => message message => \"x %{a}\" }", "{\"a\":1}", "x 1");
	check_render("http { url => \"http://h/%{a}?q=%{b}&c=%20\" http_method => put format => message message => \"\" headers => { \"X-A\" => \"%{a}\" } }",
		     "{\"a\":\"x y\\r\\nz\",\"b\":\"\xc3\xbc\"}", "http://h/x%20y%0D%0Az?q=%C3%BC&c=%20\nX-A: x y  z\nContent-Type: text/plain\n");
}

static void test_refused(void)
{
	static const char *const bad[] = {
		"http { url => \"http://x\" }",
		"http { http_method => post }",
		"http { url => \"http://x\" http_method => fetch }",
		"http { url => \"http://x\" http_method => post format => message }",
		"http { url => \"http://x/%{a}\" http_method => post format => json_batch }",
		"http { url => \"http://x\" http_method => post headers => { \"a:b\" => \"c\" } }",
		"http { url => \"http://x\" http_method => post client_cert => \"/x\" }",
		"http { url => \"http://x\" http_method => post truststore => \"/x.jks\" }",
		"http { url => \"http://x\" http_method => post user => \"u\" }",
		"graphite { metrics => { \"a\" => 1 } fields_are_metrics => true }",
		"graphite { include_metrics => [\"(\"] }",
		"graphite { exclude_metrics => [\"a\", \"(\"] }",
		"statsd { sample_rate => 0 }",
		"statsd { sample_rate => 1.5 }",
		"email { }",
		"email { to => \" \" }",
		"email { to => \"a@b\" via => pigeon }",
		"email { to => \"a@b\" password => \"x\" }",
		"email { to => \"a@b\" template_file => \"/nonexistent\" }",
		"email { to => \"a@b\" authentication => \"ntlm\" }",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct opened o;
		bool opened = opened_plugin(&o, PLUGIN_OUTPUT, bad[i], ECS_DISABLED);

		CHECK(!opened);
		if (opened)
			fprintf(stderr, "%s was taken\n", bad[i]);
		opened_release(&o);
	}
}

int main(void)
{
	hash_init(NULL);
	fields_init();
	test_graphite();
	test_statsd();
	test_http();
	test_refused();
	return test_end();
}
