#include "test.h"

#include "event/json.h"
#include "event/ruby_text.h"

static struct arena arena;

static struct value parse(const char *json)
{
	struct str in = str_z(json);
	struct value v = {0};
	struct err err;

	CHECK(json_read(&arena, &in, NULL, &v, &err) == 0);
	return v;
}

static void check(const char *json, const char *to_s)
{
	struct value v = parse(json);

	CHECK_STR(ruby_to_s(&arena, &v), to_s);
}

int main(void)
{
	struct value v = v_time((struct ts){0, 0});

	hash_init(NULL);
	check("null", "");
	check("true", "true");
	check("5", "5");
	check("12345678901234567890", "12345678901234567890");
	check("1e20", "1.0e+20");
	check("\"x\"", "x");
	check("[]", "[]");
	check("{}", "{}");
	check("[1, null, [\"a\"], {\"k\": 1.5}]", "[1, nil, [\"a\"], {\"k\" => 1.5}]");
	CHECK_STR(ruby_to_s(&arena, &v), "1970-01-01T00:00:00.000Z");
	v = parse("{\"k2\": \"v\"}");
	CHECK_STR(option_text(&arena, &v), "[\"k2\", \"v\"]");
	arena_release(&arena);
	return test_end();
}
