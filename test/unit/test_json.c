#include "test.h"

#include "event/json.h"

static struct arena arena;

/* Reads text and writes it again; NULL where it must not read. rest: what stays behind it. */
static void check_rest(struct str text, const char *want, const char *rest)
{
	struct arena_mark mark = arena_mark(&arena);
	struct value v;
	struct err err = {0};
	struct str in = text;
	struct buf out;

	buf_init(&out, 0);
	if (json_read(&arena, &in, NULL, &v, &err) < 0) {
		CHECK(err.text[0]);
		if (want) {
			fprintf(stderr, "  %s\n", err.text);
			CHECK_STR(text, want);
		}
	} else {
		json_write_value(&out, &v);
		CHECK_STR(buf_slice(&out), want ? want : "an error");
		CHECK_STR(in, rest);
	}
	buf_release(&out);
	arena_reset(&arena, mark);
}

static void check(const char *text, const char *want)
{
	check_rest(str_z(text), want, "");
}

static void test_values(void)
{
	check("null", "null");
	check(" true ", "true");
	check("false", "false");
	check("[]", "[]");
	check("{}", "{}");
	check("[[],{}]", "[[],{}]");
	check("{\"a\":{\"b\":[1,2.50,null,true]}}", "{\"a\":{\"b\":[1,2.5,null,true]}}");
	check(" { \"a\" : [ 1 , 2 ] , \"b\" : { } } \r\n", "{\"a\":[1,2],\"b\":{}}");
	check("\xef\xbb\xbf{\"a\":1}", "{\"a\":1}");
	check("{\"\":1}", "{\"\":1}");
	check("{\"a.b\":1,\"[c][d]\":2}", "{\"a.b\":1,\"[c][d]\":2}");
	check_rest(STR("{\"a\":1} {\"b\":2}"), "{\"a\":1}", "{\"b\":2}");
	check_rest(STR("5 x"), "5", "x");
}

static void test_malformed(void)
{
	static const char *const bad[] = {
		"", " ", "{", "}", "[", "]", "[1", "[1,", "[1,]", "[,1]", "[1 2]", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{,}",
		"{\"a\":1", "{\"a\" 1}", "{a:1}", "{'a':1}", "{1:2}", "{\"a\":1]", "[1}", "\"", "\"a", "\"a\\", "\"a\\\"",
		"\"\\x\"", "\"\\u12\"", "\"\\u12g4\"", "\"\t\"", "\"\n\"", "nul", "nulll", "truex", "True", "NaN", "[NaN]",
		"Infinity", "-", "+1", ".5", "5.", "1.e3", "1e", "01", "-01", "00", "0x10", "1.2.3", "--1", "// c\n1", "/**/1",
		"[1,2", "{\"a\":{\"b\":1}", ":", ",",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		check(bad[i], NULL);
}

static void test_error_place(void)
{
	struct str in = STR("{\"a\": x}");
	struct value v;
	struct err err;

	CHECK_INT(json_read(&arena, &in, NULL, &v, &err), -1);
	CHECK_STR(str_z(err.text), "unexpected character 'x' at byte 6");
	in = STR("[\"\x01\"]");
	CHECK_INT(json_read(&arena, &in, NULL, &v, &err), -1);
	CHECK_STR(str_z(err.text), "unexpected byte 0x01 at byte 2");
	in = STR("[1,");
	CHECK_INT(json_read(&arena, &in, NULL, &v, &err), -1);
	CHECK_STR(str_z(err.text), "unexpected end at byte 3");
}

static void test_numbers(void)
{
	check("[0,-0,1,-1,9223372036854775807,-9223372036854775808]",
	      "[0,0,1,-1,9223372036854775807,-9223372036854775808]");
	check("9223372036854775808", "9223372036854775808");
	check("-12345678901234567890123", "-12345678901234567890123");
	check("[1,1.0,-0.0,0.1,1e3,1E-2,1e20,1E+2]", "[1,1.0,-0.0,0.1,1000.0,0.01,1.0E20,100.0]");
	check("[100000000.0,0.0001,123456789.123]", "[1.0E8,1.0E-4,1.23456789123E8]");
	check("[1e400,-1e400]", "[\"Infinity\",\"-Infinity\"]");
	check("[10,99,100,12345,1000000]", "[10,99,100,12345,1000000]");
}

static void test_strings(void)
{
	check("\"\"", "\"\"");
	check("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\\"\\\\/\\b\\f\\n\\r\\t\"");
	check("\"\\u00e9\\u20ac\\ud83d\\ude00\"", "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"");
	check("\"\\u00E9x\"", "\"\xc3\xa9x\"");
	/* Half a pair, alone, before text, before another escape. */
	check("\"\\ud83d\"", "\"\xef\xbf\xbd\"");
	check("\"\\ud83dx\\ude00\"", "\"\xef\xbf\xbdx\xef\xbf\xbd\"");
	check("\"\\ud83d\\n\"", "\"\xef\xbf\xbd\\n\"");
	check("\"\\ud83d\\ud83d\\ude00\"", "\"\xef\xbf\xbd\xf0\x9f\x98\x80\"");
	check("\"\\u0000\\u001b\\u007f\\u0085\\u2028\\u2029\\u009f\\u00a0\"",
	      "\"\\u0000\\u001B\\u007F\\u0085\\u2028\\u2029\\u009F\xc2\xa0\"");
	check("\"a\xff\xc3z\"", "\"a\xef\xbf\xbd\xef\xbf\xbdz\"");
	check("\"a\\n\xff\"", "\"a\\n\xef\xbf\xbd\"");
	check("{\"k\xff\":1}", "{\"k\xef\xbf\xbd\":1}");
	check("{\"k\\\"\\u0041\":1}", "{\"k\\\"A\":1}");
}

/* Each special byte at each place of strings around the steps of the scanners. */
static void test_string_steps(void)
{
	static const struct {
		const char *raw, *json;
	} kind[] = {{"\"", "\\\""}, {"\\", "\\\\"}, {"\n", "\\n"}, {"\x7f", "\\u007F"}, {"\xc3\xa9", "\xc3\xa9"},
		    {"\xff", "\xef\xbf\xbd"}, {"\x01", "\\u0001"}};
	struct buf out;

	buf_init(&out, 0);
	for (size_t k = 0; k < sizeof(kind) / sizeof(*kind); k++) {
		for (size_t len = 0; len < 70; len++) {
			for (size_t at = 0; at <= len; at++) {
				char raw[160], json[180];
				size_t r = 0, j = 0;
				struct str in;
				struct value v;
				struct err err;

				json[j++] = '"';
				for (size_t i = 0; i <= len; i++) {
					if (i == at) {
						memcpy(raw + r, kind[k].raw, strlen(kind[k].raw));
						r += strlen(kind[k].raw);
						memcpy(json + j, kind[k].json, strlen(kind[k].json));
						j += strlen(kind[k].json);
					} else {
						raw[r++] = json[j++] = (char)('a' + i % 26);
					}
				}
				json[j++] = '"';
				buf_clear(&out);
				json_write_string(&out, str_n(raw, r));
				if (!str_eq(buf_slice(&out), str_n(json, j)))
					CHECK_STR(buf_slice(&out), "the escaped text");
				in = str_n(json, j);
				if (json_read(&arena, &in, NULL, &v, &err) < 0)
					CHECK_STR(str_z(err.text), "no error");
				else if (kind[k].raw[0] != '\xff' && !str_eq(value_str(&v), str_n(raw, r)))
					CHECK(!"reads back");
				in = str_n(json, j - 1);
				if (json_read(&arena, &in, NULL, &v, &err) == 0)
					CHECK(!"unended string");
			}
		}
	}
	buf_release(&out);
}

static void test_no_copy(void)
{
	struct str text = STR("{\"key\":\"value\"}"), in = text;
	struct value v, *got;

	CHECK_INT(json_read(&arena, &in, NULL, &v, NULL), 0);
	got = map_find_str(v.map, STR("key"));
	CHECK(got && got->s == text.p + 8);
}

static void test_duplicates(void)
{
	struct buf b;

	check("{\"a\":1,\"a\":2}", "{\"a\":2}");
	check("{\"a\":1,\"b\":0,\"a\":{\"c\":3,\"c\":4},\"b\":5}", "{\"a\":{\"c\":4},\"b\":5}");
	/* Beyond what is searched linearly, too. */
	buf_init(&b, 0);
	for (int n = 1; n < 200; n += 13) {
		struct str in;
		struct value v;

		buf_clear(&b);
		buf_ch(&b, '{');
		for (int i = 0; i < 2 * n; i++)
			buf_printf(&b, "%s\"k%d\":%d", i ? "," : "", i % n, i);
		buf_ch(&b, '}');
		in = buf_slice(&b);
		CHECK_INT(json_read(&arena, &in, NULL, &v, NULL), 0);
		CHECK_INT(v.map->n, n);
		for (int i = 0; i < n; i++) {
			struct value *got = map_find_str(v.map, arena_printf(&arena, "k%d", i));

			if (!got || got->i != n + i || !str_eq(key_str(&v.map->e[i].key), arena_printf(&arena, "k%d", i)))
				CHECK(!"the last one at the first one's place");
		}
		/* A map of the reader's goes on growing. */
		for (int i = 0; i < 100; i++)
			map_set(&arena, v.map, key_make(arena_printf(&arena, "n%d", i)), v_int(i));
		CHECK_INT(v.map->n, n + 100);
		CHECK(value_is(map_find_str(v.map, STR("n99")), V_INT));
	}
	buf_release(&b);
}

static void test_limits(void)
{
	struct json_limits lim = {.depth = 3, .keys = 2};
	struct str in = STR("[[[1]]]");
	struct value v;
	struct err err;
	char deep[4002], digits[1102];

	CHECK_INT(json_read(&arena, &in, &lim, &v, &err), 0);
	in = STR("[[[[1]]]]");
	CHECK_INT(json_read(&arena, &in, &lim, &v, &err), -1);
	in = STR("[{\"a\":1},{\"b\":1}]");
	CHECK_INT(json_read(&arena, &in, &lim, &v, &err), 0);
	in = STR("[{\"a\":1},{\"b\":{\"c\":2}}]");
	CHECK_INT(json_read(&arena, &in, &lim, &v, &err), -1);
	CHECK_STR(str_z(err.text), "more than 2 keys");
	memset(deep, '[', 2000);
	memset(deep + 2000, ']', 2000);
	in = str_n(deep + 1000, 2000);
	CHECK_INT(json_read(&arena, &in, NULL, &v, &err), 0);
	in = str_n(deep + 999, 2002);
	CHECK_INT(json_read(&arena, &in, NULL, &v, &err), -1);
	memset(digits, '7', sizeof(digits));
	in = str_n(digits, 1000);
	CHECK_INT(json_read(&arena, &in, NULL, &v, &err), 0);
	CHECK_INT(v.len, 1000);
	in = str_n(digits, 1001);
	CHECK_INT(json_read(&arena, &in, NULL, &v, &err), -1);
	digits[5] = '.';
	in = str_n(digits, 1001);
	CHECK_INT(json_read(&arena, &in, NULL, &v, &err), -1);
}

/* More slots than fit the C stack: the heap takes over, in maps and lists, on success and on error. */
static void test_large(void)
{
	struct buf b;
	struct str in;
	struct value v;

	buf_init(&b, 0);
	buf_lit(&b, "{\"l\":[");
	for (int i = 0; i < 5000; i++)
		buf_printf(&b, "%s{\"n\":%d}", i ? "," : "", i);
	buf_lit(&b, "],\"z\":1}");
	in = buf_slice(&b);
	CHECK_INT(json_read(&arena, &in, NULL, &v, NULL), 0);
	CHECK_INT(v.map->e[0].val.list->n, 5000);
	CHECK_INT(map_find_str(v.map->e[0].val.list->v[4999].map, STR("n"))->i, 4999);
	in = str_sub(buf_slice(&b), 0, b.len - 1);
	CHECK_INT(json_read(&arena, &in, NULL, &v, NULL), -1);
	buf_release(&b);
}

static void test_array(void)
{
	struct json_array it;
	struct value v;
	struct err err;

	CHECK(!json_array_open(&it, STR("{}")));
	CHECK(!json_array_open(&it, STR(" ")));
	CHECK(json_array_open(&it, STR(" [ ] tail")));
	CHECK_INT(json_array_next(&it, &arena, NULL, &v, &err), 0);
	CHECK_INT(json_array_next(&it, &arena, NULL, &v, &err), 0);
	CHECK_STR(it.in, "tail");
	CHECK(json_array_open(&it, STR("[1, {\"a\":2} ,[3]]")));
	CHECK_INT(json_array_next(&it, &arena, NULL, &v, &err), 1);
	CHECK_INT(v.i, 1);
	CHECK_INT(json_array_next(&it, &arena, NULL, &v, &err), 1);
	CHECK_INT(v.type, V_MAP);
	CHECK_INT(json_array_next(&it, &arena, NULL, &v, &err), 1);
	CHECK_INT(v.type, V_LIST);
	CHECK_INT(json_array_next(&it, &arena, NULL, &v, &err), 0);
	CHECK(json_array_open(&it, STR("[1 2]")));
	CHECK_INT(json_array_next(&it, &arena, NULL, &v, &err), 1);
	CHECK_INT(json_array_next(&it, &arena, NULL, &v, &err), -1);
	CHECK(json_array_open(&it, STR("[1,]")));
	CHECK_INT(json_array_next(&it, &arena, NULL, &v, &err), 1);
	CHECK_INT(json_array_next(&it, &arena, NULL, &v, &err), -1);
	CHECK(json_array_open(&it, STR("[1")));
	CHECK_INT(json_array_next(&it, &arena, NULL, &v, &err), 1);
	CHECK_INT(json_array_next(&it, &arena, NULL, &v, &err), -1);
	CHECK(json_array_open(&it, STR("[,1]")));
	CHECK_INT(json_array_next(&it, &arena, NULL, &v, &err), -1);
}

static void test_write(void)
{
	struct event ev;
	struct buf b;
	struct value v = v_time((struct ts){1606187394, 5000000});

	event_init(&ev, &arena);
	event_stamp(&ev, (struct ts){1577934245, 678000000});
	map_set(&arena, &ev.root, key_make(STR("x\"")), v_lit("a\nb"));
	map_set(&arena, &ev.meta, key_make(STR("hidden")), v_int(1));
	buf_init(&b, 0);
	json_write_event(&b, &ev);
	CHECK_STR(buf_slice(&b), "{\"@timestamp\":\"2020-01-02T03:04:05.678Z\",\"@version\":\"1\",\"x\\\"\":\"a\\nb\"}");
	buf_clear(&b);
	json_write_value(&b, &v);
	CHECK_STR(buf_slice(&b), "\"2020-11-24T03:09:54.005Z\"");
	buf_release(&b);
	/* A bounded buffer says so and keeps what it had. */
	buf_init(&b, 8);
	json_write_string(&b, STR("0123456789"));
	CHECK(b.over);
	CHECK_INT(b.len, 0);
	buf_release(&b);
}

int main(void)
{
	hash_init(NULL);
	arena_init(&arena, NULL);
	test_values();
	test_malformed();
	test_error_place();
	test_numbers();
	test_strings();
	test_string_steps();
	test_no_copy();
	test_duplicates();
	test_limits();
	test_large();
	test_array();
	test_write();
	arena_release(&arena);
	return test_end();
}
