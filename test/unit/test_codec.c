#include "plugin.h"

static const struct ts now = {1577934245, 0}; /* 2020-01-02T03:04:05Z */

#define NOW "\"@timestamp\":\"2020-01-02T03:04:05.000Z\""

/* Decodes one frame; the events one after another, each in an arena of its own that is gone before the next is made. */
static void decode_as(enum ecs_mode ecs, const char *codec, struct str frame, const char *want)
{
	struct opened o;
	struct decode_ctx ctx = {.clock = &clock_system, .now_ns = now.s * 1000000000};
	struct buf out;
	void *state;

	buf_init(&out, 0);
	if (!opened_plugin(&o, PLUGIN_CODEC, codec, ecs)) {
		CHECK(!want);
		CHECK(o.diag.errors);
		opened_release(&o);
		return;
	}
	state = xzalloc(o.codec->plugin->codec.state_size);
	for (int pass = 0; pass < 2; pass++) {
		/* The frame is a copy of exactly its size, gone when next() has returned 0. */
		char *copy = xmalloc(frame.len);

		if (frame.len)
			memcpy(copy, frame.p, frame.len);
		buf_clear(&out);
		o.codec->plugin->codec.feed(o.codec->self, state, str_n(copy, frame.len), &ctx);
		for (;;) {
			struct arena a;
			struct event ev;
			int more;

			arena_init(&a, NULL);
			event_init(&ev, &a);
			more = o.codec->plugin->codec.next(o.codec->self, state, &ev, &ctx);
			if (more)
				show_event(&out, &ev);
			arena_release(&a);
			if (!more)
				break;
		}
		free(copy);
		CHECK_STR(buf_slice(&out), want ? want : "a refusal");
	}
	if (o.codec->plugin->codec.release)
		o.codec->plugin->codec.release(state);
	free(state);
	buf_release(&out);
	opened_release(&o);
}

static void decode(const char *codec, const char *frame, const char *want)
{
	decode_as(ECS_DISABLED, codec, str_z(frame), want);
}

/* Frames one after another, each gone before the next; |: the end of a frame; then the source ends. */
static void decode_frames_as(enum ecs_mode ecs, const char *codec, const char *frames, const char *want)
{
	struct opened o;
	struct decode_ctx ctx = {.clock = &clock_system, .now_ns = now.s * 1000000000};
	struct str rest = str_z(frames), frame;
	struct buf out;
	void *state;
	bool last = false;

	CHECK(opened_plugin(&o, PLUGIN_CODEC, codec, ecs));
	if (!o.codec) {
		opened_release(&o);
		return;
	}
	buf_init(&out, 0);
	state = xzalloc(o.codec->plugin->codec.state_size);
	while (!last) {
		char *copy;
		struct arena a;
		struct event ev;

		last = !str_cut(&rest, '|', &frame);
		copy = xmalloc(frame.len + 1);
		memcpy(copy, frame.p, frame.len);
		if (!last)
			o.codec->plugin->codec.feed(o.codec->self, state, str_n(copy, frame.len), &ctx);
		else if (o.codec->plugin->codec.flush)
			o.codec->plugin->codec.flush(o.codec->self, state, &ctx);
		arena_init(&a, NULL);
		event_init(&ev, &a);
		while (o.codec->plugin->codec.next(o.codec->self, state, &ev, &ctx)) {
			show_event(&out, &ev);
			arena_clear(&a);
			event_init(&ev, &a);
		}
		arena_release(&a);
		free(copy);
	}
	CHECK_STR(buf_slice(&out), want);
	if (o.codec->plugin->codec.release)
		o.codec->plugin->codec.release(state);
	free(state);
	buf_release(&out);
	opened_release(&o);
}

static void decode_frames(const char *codec, const char *frames, const char *want)
{
	decode_frames_as(ECS_DISABLED, codec, frames, want);
}

static void encode(const char *codec, const char *event, const char *want)
{
	struct opened o;
	struct arena a;
	struct event ev;
	struct value v;
	struct str in = str_z(event);
	struct buf out;
	struct err err;

	arena_init(&a, NULL);
	buf_init(&out, 0);
	CHECK(opened_plugin(&o, PLUGIN_CODEC, codec, ECS_DISABLED));
	CHECK_INT(json_read(&a, &in, NULL, &v, &err), 0);
	event_init(&ev, &a);
	CHECK_INT(event_from_map(&ev, v.map, now), 0);
	CHECK_INT(o.codec->plugin->codec.encode(o.codec->self, &ev, &out, &clock_system, &err), 0);
	CHECK_STR(buf_slice(&out), want);
	buf_release(&out);
	opened_release(&o);
	arena_release(&a);
}

static void test_json(void)
{
	decode("json", "{\"a\":1,\"b\":[1.0]}", "{\"a\":1,\"b\":[1.0]," NOW "}");
	decode("json", "", "");
	decode("json", "  ", "");
	decode("json", "[]", "");
	decode("json", "{}", "{" NOW "}");
	decode("json", "{\"a\":1}{\"b\":2}", "{\"a\":1," NOW "}");
	decode("json", "{\"a\":1},", "{\"a\":1," NOW "}");
	decode("json", "[{\"a\":1}, {\"a\":2}]", "{\"a\":1," NOW "}{\"a\":2," NOW "}");
	decode("json", "5", "{" NOW ",\"message\":\"5\",\"tags\":[\"_jsonparsefailure\"]}");
	decode("json", "{\"a\":", "{" NOW ",\"message\":\"{\\\"a\\\":\",\"tags\":[\"_jsonparsefailure\"]}");
	/* An array with anything but objects in it, or cut off at its end, is one message. */
	decode("json", "[1]", "{" NOW ",\"message\":\"[1]\",\"tags\":[\"_jsonparsefailure\"]}");
	decode("json", "[{},1]", "{" NOW ",\"message\":\"[{},1]\",\"tags\":[\"_jsonparsefailure\"]}");
	decode("json", "[{},{}", "{" NOW ",\"message\":\"[{},{}\",\"tags\":[\"_jsonparsefailure\"]}");
	decode("json", "{\"@metadata\":5}",
	       "{" NOW ",\"message\":\"{\\\"@metadata\\\":5}\",\"tags\":[\"_jsonparsefailure\"]}");
	decode("json", "{\"@metadata\":{\"x\":1}}", "{" NOW ",\"@metadata\":{\"x\":1}}");
	decode("json { target => \"[t][u]\" }", "[{\"a\":1},{\"@timestamp\":\"x\"}]",
	       "{" NOW ",\"t\":{\"u\":{\"a\":1}}}{" NOW ",\"t\":{\"u\":{\"@timestamp\":\"x\"}}}");
	decode_as(ECS_V8, "json", STR("{\"a\":1}"), "{\"a\":1," NOW ",\"event\":{\"original\":\"{\\\"a\\\":1}\"}}");
	decode_as(ECS_V8, "json", STR("{\"event\":{\"original\":\"mine\"}}"), "{\"event\":{\"original\":\"mine\"}," NOW "}");
	decode_as(ECS_V8, "json { ecs_compatibility => disabled }", STR("{\"a\":1}"), "{\"a\":1," NOW "}");
	decode_as(ECS_V8, "json_lines", STR("{\"a\":1}"), "{\"a\":1," NOW "}");
	decode_as(ECS_V8, "json", STR("x"), "{" NOW ",\"message\":\"x\",\"tags\":[\"_jsonparsefailure\"]}");
	decode_as(ECS_DISABLED, "json { charset => \"CP1252\" }", STR("[{\"a\":\"\x80\"},{\"a\":\"\xe9\"}]"),
		  "{\"a\":\"\xe2\x82\xac\"," NOW "}{\"a\":\"\xc3\xa9\"," NOW "}");
	decode("json_lines", "{\"m\":\"\xff\xfe\"}",
	       "{" NOW ",\"message\":\"{\\\\\\\"m\\\\\\\":\\\\\\\"\\\\xFF\\\\xFE\\\\\\\"}\",\"tags\":[\"_jsonparsefailure\"]}");
}

static void test_timestamp_and_tags(void)
{
	decode("json", "{\"@timestamp\":\"2021-12-31T22:00:00.123456789Z\"}",
	       "{\"@timestamp\":\"2021-12-31T22:00:00.123456789Z\"}");
	decode("json", "{\"@timestamp\":null}", "{" NOW "}");
	decode("json", "{\"@timestamp\":5}", "{" NOW ",\"tags\":[\"_timestampparsefailure\"],\"_@timestamp\":5}");
	decode("json", "{\"@timestamp\":\"bad\",\"tags\":\"x\"}",
	       "{" NOW ",\"tags\":[\"x\",\"_timestampparsefailure\"],\"_@timestamp\":\"bad\"}");
	decode("json", "{\"tags\":[]}", "{\"tags\":[]," NOW "}");
	decode("json", "{\"tags\":\"x\"}", "{\"tags\":\"x\"," NOW "}");
	decode("json", "{\"tags\":null}", "{\"tags\":[\"_tagsparsefailure\"],\"_tags\":[null]," NOW "}");
	decode("json", "{\"tags\":[\"a\",1]}", "{\"tags\":[\"_tagsparsefailure\"],\"_tags\":[[\"a\",1]]," NOW "}");
	decode("json", "{\"tags\":{\"k\":1}}", "{\"tags\":[\"_tagsparsefailure\"],\"_tags\":[{\"k\":1}]," NOW "}");
}

static void test_text(void)
{
	decode("plain", "a\nb", "{" NOW ",\"message\":\"a\\nb\"}");
	decode("line", "", "{" NOW ",\"message\":\"\"}");
	decode("line", "x\r", "{" NOW ",\"message\":\"x\\r\"}");
	decode("line", "a\xc3", "{" NOW ",\"message\":\"a\\\\xC3\"}");
	decode("line", "caf\xc3\xa9", "{" NOW ",\"message\":\"caf\xc3\xa9\"}");
	decode_as(ECS_V8, "line", STR("a"), "{" NOW ",\"message\":\"a\",\"event\":{\"original\":\"a\"}}");
	decode_as(ECS_V1, "plain", STR("a"), "{" NOW ",\"message\":\"a\",\"event\":{\"original\":\"a\"}}");
	decode_as(ECS_V8, "line { ecs_compatibility => disabled }", STR("a"), "{" NOW ",\"message\":\"a\"}");
	decode("line { delimiter => \"\" }", "", NULL);
}

static void charset(const char *name, struct str bytes, const char *want)
{
	char codec[100], event[200];

	snprintf(codec, sizeof(codec), "plain { charset => \"%s\" }", name);
	snprintf(event, sizeof(event), "{" NOW ",\"message\":\"%s\"}", want ? want : "");
	decode_as(ECS_DISABLED, codec, bytes, want ? event : NULL);
}

static void test_charset(void)
{
	charset("ISO-8859-1", STR("caf\xe9"), "caf\xc3\xa9");
	charset("ISO8859-15", STR("\xa4"), "\xe2\x82\xac");
	charset("CP1252", STR("\x80 \x93q\x94"), "\xe2\x82\xac \xe2\x80\x9cq\xe2\x80\x9d");
	charset("CP1252", STR("a\x81z"), "a\xef\xbf\xbdz");
	charset("UTF-16LE", STR("a\0\xe9\0"), "a\xc3\xa9");
	charset("UTF-16LE", STR("a\0\0"), "a\xef\xbf\xbd");
	charset("UTF-16BE", STR("\0a\xd8\x3d\0b"), "a\xef\xbf\xbd" "b");
	charset("ASCII-8BIT", STR("\xe9" "a"), "\xef\xbf\xbd" "a");
	charset("US-ASCII", STR("a\xff"), "a\xef\xbf\xbd");
	charset("KOI8-R", STR("\xc1\xc2"), "\xd0\xb0\xd0\xb1");
	charset("Shift_JIS", STR("\x82\xa0\x5c"), "\xe3\x81\x82\\\\");
	charset("GBK", STR("\xc4\xe3"), "\xe4\xbd\xa0");
	charset("GBK", STR("\xc4"), "\xef\xbf\xbd");
	charset("CP850", STR("\x84"), "\xc3\xa4");
	charset("UTF-8", STR("\xef\xbb\xbf" "bom"), "\xef\xbb\xbf" "bom");
	/* The case of a name counts; so does its spelling. */
	charset("latin1", STR(""), NULL);
	charset("iso-8859-1", STR(""), NULL);
	charset("utf-8", STR(""), NULL);
	charset("nope", STR(""), NULL);
	charset("", STR(""), NULL);
}

static void test_write(void)
{
	encode("json", "{\"a\":1,\"@timestamp\":\"2020-01-02T03:04:05.678Z\",\"@metadata\":{\"x\":1}}",
	       "{\"a\":1,\"@timestamp\":\"2020-01-02T03:04:05.678Z\",\"@version\":\"1\"}");
	encode("json_lines", "{\"sp ace\":1,\"@timestamp\":\"2020-01-02\"}",
	       "{\"sp ace\":1,\"@timestamp\":\"2020-01-02T00:00:00.000Z\",\"@version\":\"1\"}\n");
	encode("json_lines { delimiter => \"|\" }", "{\"@timestamp\":\"2020-01-02\"}",
	       "{\"@timestamp\":\"2020-01-02T00:00:00.000Z\",\"@version\":\"1\"}|");
	encode("dots", "{}", ".");
	encode("plain", "{\"@timestamp\":\"2020-01-02T03:04:05.678Z\",\"message\":\"m\"}", "2020-01-02T03:04:05.678Z %{host} m");
	encode("line", "{\"@timestamp\":\"2020-01-02T03:04:05.678Z\",\"message\":\"m\",\"host\":\"h\"}",
	       "2020-01-02T03:04:05.678Z h m\n");
	encode("line { format => \"%{a}-%{nope}\" delimiter => \"|\" }", "{\"a\":1.0}", "1.0-%{nope}|");
}

static void test_rubydebug(void)
{
	encode("rubydebug",
	       "{\"f\":1.5,\"big\":12345678901234567890,\"t\":true,\"z\":null,\"s\":\"\xc3\xa9\\\"\\n\\\\x\",\"l\":[1,\"x\",[2],{\"k\":1}],"
	       "\"h\":{\"b\":{\"c\":[]},\"e\":{}},\"@timestamp\":\"2020-01-02T03:04:05.678Z\",\"empty\":\"\"}",
	       "{\n"
	       "             \"f\" => 1.5,\n"
	       "           \"big\" => 12345678901234567890,\n"
	       "             \"t\" => true,\n"
	       "             \"z\" => nil,\n"
	       "             \"s\" => \"\xc3\xa9\\\"\\n\\\\x\",\n"
	       "             \"l\" => [\n"
	       "        [0] 1,\n"
	       "        [1] \"x\",\n"
	       "        [2] [\n"
	       "            [0] 2\n"
	       "        ],\n"
	       "        [3] {\n"
	       "            \"k\" => 1\n"
	       "        }\n"
	       "    ],\n"
	       "             \"h\" => {\n"
	       "        \"b\" => {\n"
	       "            \"c\" => []\n"
	       "        },\n"
	       "        \"e\" => {}\n"
	       "    },\n"
	       "    \"@timestamp\" => 2020-01-02T03:04:05.678Z,\n"
	       "         \"empty\" => \"\",\n"
	       "      \"@version\" => \"1\"\n"
	       "}\n");
	encode("rubydebug", "{\"u\":\"\xf0\x9f\x98\x80 \\u0001 \\u001b\",\"q\":\"it's #{x} # #1\",\"@timestamp\":\"2020-01-02\"}",
	       "{\n"
	       "             \"u\" => \"\xf0\x9f\x98\x80 \\u0001 \\e\",\n"
	       "             \"q\" => \"it's \\#{x} # #1\",\n"
	       "    \"@timestamp\" => 2020-01-02T00:00:00.000Z,\n"
	       "      \"@version\" => \"1\"\n"
	       "}\n");
	encode("rubydebug { metadata => true }", "{\"@metadata\":{\"x\":\"1\"},\"@timestamp\":\"2020-01-02\"}",
	       "{\n"
	       "    \"@timestamp\" => 2020-01-02T00:00:00.000Z,\n"
	       "     \"@metadata\" => {\n"
	       "        \"x\" => \"1\"\n"
	       "    },\n"
	       "      \"@version\" => \"1\"\n"
	       "}\n");
	encode("rubydebug { metadata => true }", "{\"e\":1e20,\"m\":1e-7,\"\xc3\xa9\xc3\xa9\":[0,1,2,3,4,5,6,7,8,9,10]}",
	       "{\n"
	       "            \"\xc3\xa9\xc3\xa9\" => [\n"
	       "        [ 0] 0,\n        [ 1] 1,\n        [ 2] 2,\n        [ 3] 3,\n        [ 4] 4,\n        [ 5] 5,\n"
	       "        [ 6] 6,\n        [ 7] 7,\n        [ 8] 8,\n        [ 9] 9,\n        [10] 10\n"
	       "    ],\n"
	       "    \"@timestamp\" => 2020-01-02T03:04:05.000Z,\n"
	       "             \"e\" => 1.0e+20,\n"
	       "      \"@version\" => \"1\",\n"
	       "             \"m\" => 1.0e-07\n"
	       "}\n");
}

#define MESSAGE(text) "{" NOW ",\"message\":\"" text "\"}"
#define TAGGED(text, tags) "{" NOW ",\"message\":\"" text "\",\"tags\":[" tags "]}"

static void test_multiline(void)
{
	decode_frames("multiline { pattern => '^\\s' what => 'previous' }", "a| b| c|d|", TAGGED("a\\n b\\n c", "\"multiline\"") MESSAGE("d"));
	decode_frames("multiline { pattern => '^\\s' what => next }", " a| b|c|d| e|",
		      TAGGED(" a\\n b\\nc", "\"multiline\"") MESSAGE("d") MESSAGE(" e"));
	decode_frames("multiline { pattern => '^%{YEAR}' negate => true what => previous multiline_tag => '' }", "2020 a|b|2021 c|",
		      MESSAGE("2020 a\\nb") MESSAGE("2021 c"));
	/* Empty lines count within a frame only; a carriage return stays. */
	decode_frames("multiline { pattern => '^x' negate => true what => previous }", "x||a\n\nb\r\n|", TAGGED("x\\na\\n\\nb\\r", "\"multiline\""));
	decode_frames("multiline { pattern => '^ ' what => previous }", "a\n b\nc\n d|e|", TAGGED("a\\n b", "\"multiline\"") TAGGED("c\\n d", "\"multiline\"") MESSAGE("e"));
	/* The limits are looked at before a line is added (previous), or after (next). */
	decode_frames("multiline { pattern => '^ ' what => previous max_lines => 2 }", "a| b| c| d|",
		      TAGGED("a\\n b\\n c", "\"multiline\",\"multiline_codec_max_lines_reached\"") MESSAGE(" d"));
	decode_frames("multiline { pattern => '^ ' what => next max_bytes => 4 }", " a| bc| d|",
		      TAGGED(" a\\n bc", "\"multiline\",\"multiline_codec_max_bytes_reached\"") MESSAGE(" d"));
	decode_frames_as(ECS_V8, "multiline { pattern => '^ ' what => previous }", "a| b|",
			 "{" NOW ",\"message\":\"a\\n b\",\"tags\":[\"multiline\"],\"event\":{\"original\":\"a\\n b\"}}");
	decode_frames("multiline { pattern => '^\xc3\xa4' what => previous charset => 'ISO-8859-1' }", "a|\xe4|", TAGGED("a\\n\xc3\xa4", "\"multiline\""));
	decode("multiline { pattern => 'x' what => sideways }", "", NULL);
	decode("multiline { pattern => 'x' }", "", NULL);
	decode("multiline { pattern => '%{NOPE}' what => next }", "", NULL);
}

static void test_graphite(void)
{
	decode("graphite", "a.b 1.5 1577934245", "{\"a.b\":1.5," NOW "}");
	decode("graphite", "a x 1577934246\n\n  b\t2  1577934245 more\n",
	       "{\"a\":0.0,\"@timestamp\":\"2020-01-02T03:04:06.000Z\"}{\"b\":2.0," NOW "}");
	decode("graphite", "a 1", "{\"a\":1.0,\"@timestamp\":\"1970-01-01T00:00:00.000Z\"}");
	decode("graphite", "", "");
	encode("graphite { metrics => { 'x.%{h}' => '%{n}' 'y%{no}' => 1 'z' => 'w' } }", "{\"h\":\"web\",\"n\":12}",
	       "x.web 12.0 1577934245\nz 0.0 1577934245\n");
	encode("graphite { fields_are_metrics => true include_metrics => ['a'] exclude_metrics => ['^ab'] metrics_format => 'm.*.v' }",
	       "{\"a\":\"1e20\",\"ab\":2,\"c\":3,\"ca\":\"%{c}\"}", "m.a.v 1.0e+20 1577934245\nm.ca.v 3.0 1577934245\n");
	decode("graphite { include_metrics => ['('] }", "", NULL);
}

static void test_es_bulk(void)
{
	decode_frames("es_bulk", "{\"index\":{\"_id\":\"1\"}}|{\"a\":1}|{\"delete\":{\"_id\":\"2\"}}|{\"create\":{}}\n{\"b\":2}\n|",
		      "{\"a\":1," NOW ",\"@metadata\":{\"_id\":\"1\",\"action\":\"index\"}}"
		      "{" NOW ",\"@metadata\":{\"_id\":\"2\",\"action\":\"delete\"}}"
		      "{\"b\":2," NOW ",\"@metadata\":{\"action\":\"create\"}}");
	/* What cannot be read is left out; an action goes on waiting for its document. */
	decode_frames("es_bulk", "5|{bad|{\"index\":{}}|{\"a\":|{\"c\":3}|", "{\"c\":3," NOW ",\"@metadata\":{\"action\":\"index\"}}");
	decode_frames_as(ECS_V8, "es_bulk { target => doc }", "{\"index\":{}}|{\"a\":1}|",
			 "{" NOW ",\"doc\":{\"a\":1},\"@metadata\":{\"codec\":{\"es_bulk\":{\"action\":\"index\"}}}}");
}

#define CEF_HEAD "\"cefVersion\":\"0\",\"deviceVendor\":\"V\",\"deviceProduct\":\"P\",\"deviceVersion\":\"1\",\"deviceEventClassId\":\"2\",\"name\":\"n\",\"severity\":\"3\""
#define CEF_ECS "\"cef\":{\"version\":\"0\",\"name\":\"n\"},\"observer\":{\"vendor\":\"V\",\"product\":\"P\",\"version\":\"1\"},\"event\":{\"code\":\"2\",\"severity\":\"3\""
#define CEF_BAD(text) TAGGED(text, "\"_cefparsefailure\"")

static void test_cef(void)
{
	static const char *const ecs = "cef { default_timezone => 'Europe/Berlin' }";

	decode("cef", "CEF:0|V|P|1|2|n|3|", "{" NOW "," CEF_HEAD "}");
	decode("cef", "CEF:0|V|P|1|2|n|3|src=1.1.1.1  msg=a = b\\=c\\nd x.y=1 z[0]=w msg=e ",
	       "{" NOW "," CEF_HEAD ",\"sourceAddress\":\"1.1.1.1\",\"message\":\"e\",\"x.y\":\"1\",\"z\":{\"0\":\"w\"}}");
	decode("cef", "Jan 1 h CEF:0|V|P|1|2|n|3|\n",
	       "{" NOW "," CEF_HEAD ",\"syslog\":\"Jan 1 h\"}");
	decode("cef", "\"CEF:0|V|P|1|2|n|3|a=b\"", "{" NOW "," CEF_HEAD ",\"a\":\"b\"}");
	decode("cef { delimiter => '\\r\\n' raw_data_field => '[raw][it]' }", "CEF:0|V|P|1|2|n|3|\r\nno\r\n",
	       "{" NOW ",\"raw\":{\"it\":\"CEF:0|V|P|1|2|n|3|\"}," CEF_HEAD "}" CEF_BAD("no"));
	/* Escapes of the header; with no bar left the last escaped one ends the field. */
	decode("cef", "CEF:0|V\\|w\\\\|P|1|2|n|3|", "{" NOW ",\"cefVersion\":\"0\",\"deviceVendor\":\"V|w\\\\\",\"deviceProduct\":\"P\",\"deviceVersion\":\"1\","
	       "\"deviceEventClassId\":\"2\",\"name\":\"n\",\"severity\":\"3\"}");
	decode("cef", "CEF:0|V|P|1|2|n|3\\|", "{" NOW ",\"cefVersion\":\"0\",\"deviceVendor\":\"V\",\"deviceProduct\":\"P\",\"deviceVersion\":\"1\","
	       "\"deviceEventClassId\":\"2\",\"name\":\"n\",\"severity\":\"3\\\\\"}");
	decode("cef", "CEF:0|V|P|1", CEF_BAD("CEF:0|V|P|1"));
	decode("cef", "CEF:0|V|P|1|2|n|3|keyless a=b", CEF_BAD("CEF:0|V|P|1|2|n|3|keyless a=b"));
	decode("cef", "CEF:0|V|P|1|2|n|3|a=b\nCEF:0|V|P|1|2|n|3|", CEF_BAD("CEF:0|V|P|1|2|n|3|a=b\\nCEF:0|V|P|1|2|n|3|"));
	decode("cef", "\xff", CEF_BAD("\xef\xbf\xbd"));
	decode("cef", "", CEF_BAD(""));
	decode_as(ECS_V8, ecs, STR("CEF:0|V|P|1|2|n|3|rt=1577934245123 start=Jan 02 2020 04:04:05.5 end=x"),
		  CEF_BAD("CEF:0|V|P|1|2|n|3|rt=1577934245123 start=Jan 02 2020 04:04:05.5 end=x"));
	decode_as(ECS_V8, ecs, STR("CEF:0|V|P|1|2|n|3|start=Jan 02 2020 04:04:05.123 end=Jan 02 2020 04:04:05 UTC cn2Label=x dvc=1.2.3.4"),
		  "{" NOW ",\"cef\":{\"version\":\"0\",\"name\":\"n\",\"device_custom_number_2\":{\"label\":\"x\"}},\"observer\":{\"vendor\":\"V\",\"product\":\"P\",\"version\":\"1\","
		  "\"ip\":\"1.2.3.4\"},\"event\":{\"code\":\"2\",\"severity\":\"3\",\"start\":\"2020-01-02T03:04:05.123Z\",\"end\":\"2020-01-02T04:04:05.000Z\"}}");
	decode_as(ECS_V8, "cef { device => host }", STR("CEF:0|V|P|1|2|n|3|dtz=Asia/Tokyo start=Jan 04 00:00:00 art=Jan 05 23:00:00"),
		  "{" NOW "," CEF_ECS ",\"timezone\":\"Asia/Tokyo\",\"start\":\"2020-01-03T15:00:00.000Z\",\"created\":\"2019-01-05T14:00:00.000Z\"}}");
	decode("cef { device => other }", "", NULL);
	decode("cef { default_timezone => 'Mars/Olympus' }", "", NULL);
	encode("cef", "{}", "CEF:0|Elasticsearch|Logstash|1.0|Logstash|Logstash|6|");
	encode("cef { vendor => '%{v}' product => '' severity => '7.0' delimiter => '\\n' fields => ['sourceAddress','n','l','no','@timestamp'] }",
	       "{\"v\":\"a|b\\\\c\\r\\nd\",\"sourceAddress\":\"x=y\\nz\",\"n\":1.5,\"l\":[1,\"=\"],\"@timestamp\":\"2020-01-02T03:04:05.5Z\"}",
	       "CEF:0|a\\|b\\\\c d|Logstash|1.0|Logstash|Logstash|7|sourceAddress=x\\=y\\nz n=1.5 l=[1,\"\\=\"] timestamp=2020-01-02T03:04:05.500Z\n");
	encode("cef { reverse_mapping => true severity => 11 fields => ['sourceAddress','message'] }", "{\"message\":\"m\",\"sourceAddress\":\"s\"}",
	       "CEF:0|Elasticsearch|Logstash|1.0|Logstash|Logstash|6|src=s msg=m");
}

static void test_edn(void)
{
	decode("edn", "{:a 1, \"b\" [1.5 nil true -2N 1e3M] ; c\n #_hidden :c/d {:e \\x :f \\newline} 5 (1 :k)} rest",
	       "{\"a\":1,\"b\":[1.5,null,true,-2,1000.0],\"c/d\":{\"e\":\"x\",\"f\":\"\\n\"},\"5\":[1,\"k\"]," NOW "}");
	decode("edn", "{\"s\" \"q\\\"\\n\\u00e9\"}", "{\"s\":\"q\\\"\\n\xc3\xa9\"," NOW "}");
	decode("edn { target => '[x]' }", "{:a 12345678901234567890}", "{" NOW ",\"x\":{\"a\":12345678901234567890}}");
	decode("edn", "{bad\n", MESSAGE("{bad\\n"));
	decode("edn", "", MESSAGE(""));
	decode("edn", "[1]", MESSAGE("[1]"));
	decode("edn", "{:a]", MESSAGE("{:a]"));
	decode("edn", "{:a #{1}}", MESSAGE("{:a #{1}}"));
	decode("edn", "{\"a\" \"", MESSAGE("{\\\"a\\\" \\\""));
	decode("edn_lines", "{:a 1}\nx\n", "{\"a\":1," NOW "}" MESSAGE("x"));
	encode("edn", "{\"a\":1,\"f\":1.5,\"l\":[null,true,\"q\\\"\"],\"h\":{\"k\":{}},\"@timestamp\":\"2020-01-02T03:04:05Z\"}",
	       "{\"a\" 1M, \"f\" 1.5, \"l\" [nil true \"q\\\"\"], \"h\" {\"k\" {}}, \"@timestamp\" \"2020-01-02T03:04:05.000Z\", \"@version\" \"1\"}");
	encode("edn_lines", "{\"@timestamp\":\"2020-01-02T03:04:05Z\"}", "{\"@timestamp\" \"2020-01-02T03:04:05.000Z\", \"@version\" \"1\"}\n");
}

/* IPFIX: template 256 = a text of any length, octetDeltaCount in 4 bytes, the same of the other direction, flowEndMilliseconds. */
#define IPFIX_HEAD(length) "\x00\x0a" length "\x5e\x0d\x5d\xa5\x00\x00\x00\x01\x00\x00\x00\x07"
#define IPFIX_TEMPLATE "\x00\x02\x00\x1c\x01\x00\x00\x04\x00\x52\xff\xff\x00\x01\x00\x04\x80\x01\x00\x01\x00\x00\x72\x79\x00\x99\x00\x08"
#define IPFIX_DATA "\x01\x00\x00\x17\x03" "eth" "\x00\x00\x02\x00\x05\x00\x00\x01\x6f\x64\x35\xcd\x03" "\x09\x00"

static void test_netflow(void)
{
	decode_as(ECS_DISABLED, "netflow { include_flowset_id => true }", STR(IPFIX_HEAD("\x00\x43") IPFIX_TEMPLATE IPFIX_DATA),
		  "{\"netflow\":{\"version\":10,\"flowset_id\":256,\"interfaceName\":\"eth\",\"octetDeltaCount\":512,\"reverseOctetDeltaCount\":5,"
		  "\"flowEndMilliseconds\":\"2020-01-02T03:04:05.123Z\"}," NOW "}");
	/* Without its template, cut off, of a version that nobody wants, no flow at all: nothing. */
	decode_as(ECS_DISABLED, "netflow", STR(IPFIX_HEAD("\x00\x27") IPFIX_DATA), "");
	decode_as(ECS_DISABLED, "netflow", STR(IPFIX_HEAD("\x00\x43") IPFIX_TEMPLATE "\x01\x00\x00\x17\x03"), "");
	decode_as(ECS_DISABLED, "netflow { versions => [5, 9] }", STR(IPFIX_HEAD("\x00\x43") IPFIX_TEMPLATE IPFIX_DATA), "");
	decode_as(ECS_DISABLED, "netflow", STR("\x00\x05\x00\x01"), "");
	decode_as(ECS_DISABLED, "netflow", STR("x"), "");
	decode("netflow", "", "");
	/* Definitions of one's own are left alone, with a warning: the other fields come all the same. */
	decode_as(ECS_DISABLED, "netflow { ipfix_definitions => '/x' }", STR(IPFIX_HEAD("\x00\x43") IPFIX_TEMPLATE IPFIX_DATA),
		  "{\"netflow\":{\"version\":10,\"interfaceName\":\"eth\",\"octetDeltaCount\":512,\"reverseOctetDeltaCount\":5,"
		  "\"flowEndMilliseconds\":\"2020-01-02T03:04:05.123Z\"}," NOW "}");
}

#define GZIP "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xcb\xcf\x4b\xe5\x2a\x29\xcf\xff\xcf\x55" "\x92\x51\x94\x9a\x0a\x00\x3d\xa8\x58\x7c\x0e\x00\x00\x00"

static void test_gzip_lines(void)
{
	decode_as(ECS_DISABLED, "gzip_lines", STR(GZIP), MESSAGE("one\\n") MESSAGE("two\\\\xFF\\\\n") MESSAGE("three"));
	decode("gzip_lines", "no such file", "");
	decode("gzip_lines", "", "");
	/* Cut off: what came before it counts. */
	decode_as(ECS_DISABLED, "gzip_lines { charset => \"ISO-8859-1\" }", str_n(GZIP, sizeof(GZIP) - 6), MESSAGE("one\\n") MESSAGE("two\xc3\xbf\\n") MESSAGE("three"));
}

static void test_csv(void)
{
	decode("csv", "a,\"b \"\"c\"\"\",,d\n", "{\"column1\":\"a\",\"column2\":\"b \\\"c\\\"\",\"column3\":null,\"column4\":\"d\"," NOW "}");
	decode("csv { columns => ['x','y'] autogenerate_column_names => false skip_empty_columns => true separator => ';' convert => { 'x' => integer } }",
	       "7;;z", "{\"x\":7," NOW "}");
	decode("csv", "a,\"b", TAGGED("a,\\\"b", "\"_csvparsefailure\""));
	decode("csv", "", "");
	decode("csv { target => '[row]' }", "a", "{" NOW ",\"row\":{\"column1\":\"a\"}}");
	decode_frames("csv { autodetect_column_names => true }", "n,m|1,2|3,4,5|", "{\"n\":\"1\",\"m\":\"2\"," NOW "}{\"n\":\"3\",\"m\":\"4\",\"column3\":\"5\"," NOW "}");
	decode("csv { convert => { 'x' => hex } }", "", NULL);
	encode("csv { include_headers => true }", "{\"a,b\":\"x \\\"y\\\"\",\"n\":null,\"e\":\"\",\"@timestamp\":\"2020-01-02\"}",
	       "\"a,b\",n,e,@timestamp,@version\n\"x \"\"y\"\"\",,\"\",2020-01-02T00:00:00.000Z,1\n");
}

int main(void)
{
	hash_init(NULL);
	fields_init();
	test_json();
	test_text();
	test_charset();
	test_timestamp_and_tags();
	test_write();
	test_rubydebug();
	test_multiline();
	test_graphite();
	test_es_bulk();
	test_cef();
	test_edn();
	test_netflow();
	test_gzip_lines();
	test_csv();
	return test_end();
}
