/*
 * test_mutate.c - the mutate filter alone: one configuration, one event in, what comes out. The golden cases hold
 * many more; here is what they lack, and what must be refused.
 */
#include "base/hash.h"
#include "base/regex.h"
#include "config/parse.h"
#include "event/json.h"
#include "pipeline/options.h"

#include "test.h"

static struct clock now;
static struct settings settings;

/* The opened instance, or NULL. */
static void *open_mutate(struct arena *a, const char *config)
{
	const struct plugin *p = plugin_find(PLUGIN_FILTER, STR("mutate"));
	struct diag diag;
	struct common_options common = {0};
	struct plugin_ctx ctx = {.arena = a, .settings = &settings, .diag = &diag};
	struct ast_plugin *ast;
	void *self = arena_zalloc(a, p->size);
	struct err err;

	diag_init(&diag);
	ast = config_parse_plugin(a, str_z(config), NULL, &diag);
	if (!ast || options_bind(p, ast, self, &common, &ctx) || p->open(self, &ctx, &err))
		self = NULL;
	diag_release(&diag);
	return self;
}

static void refused(const char *config)
{
	struct arena a;

	arena_init(&a, NULL);
	CHECK(!open_mutate(&a, config));
	arena_release(&a);
}

static void check(const char *config, const char *in, const char *want)
{
	const struct plugin *p = plugin_find(PLUGIN_FILTER, STR("mutate"));
	struct arena a;
	struct event ev;
	struct step_ctx ctx = {.clock = &now};
	struct str text = str_z(in);
	struct value v = {0};
	struct buf out;
	struct err err;
	void *self;

	arena_init(&a, NULL);
	buf_init(&out, 0);
	event_init(&ev, &a);
	ctx.arena = &a;
	self = open_mutate(&a, config);
	CHECK(self != NULL);
	CHECK(json_read(&a, &text, NULL, &v, &err) == 0 && v.type == V_MAP);
	if (self && v.type == V_MAP) {
		ev.root = *v.map;
		p->filter.run(self, &ev, &ctx);
		json_write_event(&out, &ev);
		CHECK_STR(buf_slice(&out), want);
		p->close(self);
	}
	buf_release(&out);
	arena_release(&a);
}

static void test_convert(void)
{
	check("mutate { convert => { \"v\" => \"integer\" } }", "{\"v\":\"1e3\"}", "{\"v\":1000}");
	check("mutate { convert => { \"v\" => \"integer\" } }", "{\"v\":\"-0x10\"}", "{\"v\":-16}");
	check("mutate { convert => { \"v\" => \"integer\" } }", "{\"v\":\"99999999999999999999.5\"}", "{\"v\":99999999999999999999}");
	check("mutate { convert => { \"v\" => \"integer\" } }", "{\"v\":\"9223372036854775807\"}", "{\"v\":9223372036854775807}");
	check("mutate { convert => { \"v\" => \"integer\" } }", "{\"v\":1e20}", "{\"v\":100000000000000000000}");
	check("mutate { convert => { \"v\" => \"integer\" } }", "{\"v\":\"12e-1\"}", "{\"v\":1}");
	check("mutate { convert => { \"v\" => \"integer\" } }", "{\"v\":\"1_000\"}", "{\"v\":1000}");
	check("mutate { convert => { \"v\" => \"integer\" } }", "{\"v\":\"1__0\"}", "{\"v\":\"1__0\",\"tags\":[\"_mutate_error\"]}");
	check("mutate { convert => { \"v\" => \"integer\" } }", "{\"v\":\"1e999999999\"}",
	      "{\"v\":\"1e999999999\",\"tags\":[\"_mutate_error\"]}");
	check("mutate { convert => { \"v\" => \"integer\" } }", "{\"v\":\"-\"}", "{\"v\":\"-\",\"tags\":[\"_mutate_error\"]}");
	check("mutate { convert => { \"v\" => \"float\" } }", "{\"v\":\"5.\"}", "{\"v\":\"5.\",\"tags\":[\"_mutate_error\"]}");
	check("mutate { convert => { \"v\" => \"float\" } }", "{\"v\":\"-.5\"}", "{\"v\":-0.5}");
	check("mutate { convert => { \"v\" => \"float\" } }", "{\"v\":\"1_0.5\"}", "{\"v\":10.5}");
	check("mutate { convert => { \"v\" => \"float_eu\" } }", "{\"v\":\"1.234,5\"}", "{\"v\":1234.5}");
	check("mutate { convert => { \"v\" => \"boolean\" } }", "{\"v\":[\"Y\",\"x\\nno\",\"1x0\",null]}",
	      "{\"v\":[true,false,true,null]}");
	check("mutate { convert => { \"v\" => \"string\" } }", "{\"v\":[1e20,null,{\"k\":[1]}]}",
	      "{\"v\":[\"1.0e+20\",null,\"{\\\"k\\\" => [1]}\"]}");
	refused("mutate { convert => { \"v\" => \"int\" } }");
	refused("mutate { convert => { \"v\" => 5 } }");
}

static void test_values(void)
{
	check("mutate { rename => { \"a\" => \"[x][y]\" } }", "{\"a\":1,\"x\":\"s\"}", "{\"x\":\"s\",\"tags\":[\"_mutate_error\"]}");
	check("mutate { rename => { \"a\" => \"%{n}\" } }", "{\"a\":1,\"n\":\"[q\"}",
	      "{\"a\":1,\"n\":\"[q\",\"tags\":[\"_mutate_error\"]}");
	check("mutate { merge => { \"d\" => [\"s\", \"t\"] } }", "{\"d\":\"1\",\"s\":\"2\",\"t\":\"3\"}",
	      "{\"d\":[\"1\",\"3\"],\"s\":\"2\",\"t\":\"3\"}");
	check("mutate { merge => { \"d\" => [\"s\", \"t\"] } }", "{\"d\":{\"k\":1},\"s\":{\"l\":2},\"t\":{\"k\":3}}",
	      "{\"d\":{\"k\":3,\"l\":2},\"s\":{\"l\":2},\"t\":{\"k\":3}}");
	check("mutate { copy => { \"a\" => \"b\" } replace => { \"[a][k]\" => \"x\" } }", "{\"a\":{\"k\":1}}",
	      "{\"a\":{\"k\":\"x\"},\"b\":{\"k\":\"x\"}}");
	check("mutate { replace => { \"a\" => [\"x\", 5] } }", "{}", "{\"a\":\"[\\\"x\\\", 5]\"}");
	check("mutate { replace => { \"a\" => \"1\" \"[x\" => \"2\" } tag_on_failure => \"_bad\" }", "{}",
	      "{\"a\":\"1\",\"tags\":[\"_bad\"]}");
	check("mutate { coerce => { \"a\" => \"%{b}\" } update => { \"c\" => \"new\" } }", "{\"a\":null,\"b\":\"q\"}",
	      "{\"a\":\"q\",\"b\":\"q\"}");
}

static void test_text(void)
{
	check("mutate { gsub => [\"a\", \"%{p}\", \"-\"] }", "{\"a\":\"xyx\",\"p\":\"x\"}", "{\"a\":\"-y-\",\"p\":\"x\"}");
	check("mutate { gsub => [\"a\", \"%{p}\", \"-\"] }", "{\"a\":\"xyx\",\"p\":\"(\"}",
	      "{\"a\":\"xyx\",\"p\":\"(\",\"tags\":[\"_mutate_error\"]}");
	check("mutate { split => { \"a\" => \"\" } }", "{\"a\":\"a\xc3\xa4\"}", "{\"a\":[\"a\",\"\xc3\xa4\"]}");
	check("mutate { split => { \"a\" => \" \" } }", "{\"a\":\"  x \\t y \"}", "{\"a\":[\"x\",\"y\"]}");
	check("mutate { join => { \"a\" => \"-\" } }", "{\"a\":[1,null,[2,[\"x\"]],true,1.5]}", "{\"a\":\"1--2-x-true-1.5\"}");
	check("mutate { join => { \"a\" => 1 } }", "{\"a\":[1,2]}", "{\"a\":[1,2],\"tags\":[\"_mutate_error\"]}");
	check("mutate { strip => [\"a\"] }", "{\"a\":[\" x \",null]}", "{\"a\":[\" x \",null],\"tags\":[\"_mutate_error\"]}");
	check("mutate { strip => [5] }", "{\"a\":\" x\"}", "{\"a\":\" x\",\"tags\":[\"_mutate_error\"]}");
	check("mutate { capitalize => [\"a\"] uppercase => [\"b\"] }", "{\"a\":\"eLSE\",\"b\":[\"x\",5]}",
	      "{\"a\":\"Else\",\"b\":[\"X\",5]}");
	refused("mutate { gsub => [\"a\", \"b\"] }");
	refused("mutate { gsub => [\"a\", \"(\", \"b\"] }");
	refused("mutate { gsub => [\"a\", 5, \"b\"] }");
	refused("mutate { nonsense => 1 }");
	refused("mutate { rename => [\"a\", \"b\", \"c\"] }");
}

int main(void)
{
	hash_init(NULL);
	clock_virtual_init(&now, 0);
	settings.clock = &now;
	test_convert();
	test_values();
	test_text();
	return test_end();
}
