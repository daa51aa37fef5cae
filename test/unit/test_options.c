/*
 * test_options.c - options of plug-ins: types, defaults, merging of repeated ones, and what is said about wrong ones.
 */
#include "base/hash.h"
#include "config/parse.h"
#include "event/inspect.h"
#include "pipeline/options.h"

#include "test.h"

static const char *const modes[] = {"slow", "fast", "never", NULL};

struct probe {
	struct str text, secret, path, texted;
	const struct tmpl *tmpl;
	const struct ref *ref;
	int64_t count, bytes, time;
	double share;
	bool on, yes;
	int mode, deflt;
	const struct list *list, *dlist;
	const struct map *hash, *dhash;
	struct value any;
};

#define AT(m) offsetof(struct probe, m)
static const struct option options[] = {
	{"text", OPT_STRING, AT(text), .flags = OPT_REQUIRED},
	{"secret", OPT_PASSWORD, AT(secret)},
	{"path", OPT_PATH, AT(path)},
	{"texted", OPT_STRING, AT(texted), .def = "as it stands"},
	{"tmpl", OPT_TMPL, AT(tmpl)},
	{"ref", OPT_REF, AT(ref), .def = "\"[a][b]\""},
	{"count", OPT_INT, AT(count), .def = "-7", .min = -10, .max = 100},
	{"size", OPT_BYTES, AT(bytes), .def = "64 KiB"},
	{"time", OPT_DURATION, AT(time), .def = "10s"},
	{"share", OPT_FLOAT, AT(share)},
	{"on", OPT_BOOL, AT(on)},
	{"yes", OPT_BOOL, AT(yes), .def = "true"},
	{"mode", OPT_ENUM, AT(mode), .choices = modes},
	{"default_mode", OPT_ENUM, AT(deflt), .choices = modes, .def = "never"},
	{"list", OPT_LIST, AT(list)},
	{"default_list", OPT_LIST, AT(dlist), .def = "[\"x\", 5]"},
	{"hash", OPT_HASH, AT(hash)},
	{"default_hash", OPT_HASH, AT(dhash), .def = "{ \"k\" => [1, 2] }"},
	{"any", OPT_ANY, AT(any)},
	{"gone", OPT_OBSOLETE, .instead = "text"},
	{"old", OPT_STRING, AT(path), .flags = OPT_DEPRECATED, .instead = "path"},
	{"silent", OPT_IGNORED},
	{0},
};
#undef AT

static const struct plugin filter = {.kind = PLUGIN_FILTER, .name = "probe", .size = sizeof(struct probe), .options = options};
static const struct plugin input = {.kind = PLUGIN_INPUT, .name = "probe", .size = sizeof(struct probe), .options = options};
static const struct plugin bare = {.kind = PLUGIN_FILTER, .name = "bare", .no_common = true};

static struct arena arena;
static struct diag diag;
static struct settings settings;
static struct probe probe;
static struct common_options common;
static struct plugin_ctx ctx;

static int bind(const struct plugin *p, const char *written)
{
	struct config_env env = {0};
	struct str text = STR("");
	struct ast_plugin *ap;

	diag_release(&diag);
	arena_clear(&arena);
	text = arena_printf(&arena, "%s { %s }", p->name, written);
	ap = config_parse_plugin(&arena, text, &env, &diag);
	CHECK(ap != NULL);
	if (!ap)
		return -1;
	memset(&probe, 0, sizeof(probe));
	ctx = (struct plugin_ctx){.arena = &arena, .settings = &settings, .diag = &diag};
	return options_bind(p, ap, &probe, &common, &ctx);
}

static struct str problems(void)
{
	static struct buf b;

	buf_clear(&b);
	for (const struct diag_item *it = diag.first; it; it = it->next)
		buf_printf(&b, "%s%u: %s%.*s", b.len ? "\n" : "", it->pos.col, it->level == DIAG_WARNING ? "warning: " : "",
			   STR_ARG(it->text));
	return buf_slice(&b);
}

/* `text => t1` goes before: it is required. What is written begins at column 20. */
static void refused(const char *written, const char *want)
{
	CHECK_INT(bind(&filter, arena_dupz(&arena, arena_printf(&arena, "text => t1 %s", written))), -1);
	CHECK_STR(problems(), want);
}

static bool accepted(const char *written)
{
	static char text[512];
	int rc;

	snprintf(text, sizeof(text), "text => \"t\" %s", written);
	rc = bind(&filter, text);
	CHECK_STR(problems(), "");
	return rc == 0;
}

static void test_defaults(void)
{
	CHECK(accepted(""));
	CHECK_STR(probe.text, "t");
	CHECK(probe.secret.p == NULL);
	CHECK_STR(probe.texted, "as it stands");
	CHECK(probe.tmpl == NULL);
	CHECK(probe.ref && probe.ref->n == 2);
	CHECK_INT(probe.count, -7);
	CHECK_INT(probe.bytes, 65536);
	CHECK_INT(probe.time, 10000000000);
	CHECK(!probe.on && probe.yes);
	CHECK_INT(probe.mode, 0);
	CHECK_INT(probe.deflt, 2);
	CHECK(probe.list == NULL && probe.hash == NULL);
	CHECK_INT(probe.dlist->n, 2);
	CHECK_INT(probe.dlist->v[1].i, 5);
	CHECK_INT(probe.dhash->e[0].val.list->n, 2);
	CHECK_INT(probe.any.type, V_NONE);
	CHECK(plugin_given(&ctx, 0) && !plugin_given(&ctx, 1) && !plugin_given(&ctx, 40));
	CHECK_STR(ctx.id, "filter/probe");
	CHECK(common.add_field == NULL && common.add_tag == NULL && !common.has_ecs);
}

static void test_scalars(void)
{
	CHECK(accepted("secret => abc path => [\"/x\"] texted => 1.50 tmpl => \"%{x}\" ref => 5 count => \"5\" share => 2"));
	CHECK_STR(probe.path, "/x");
	CHECK_STR(probe.texted, "1.5");
	CHECK_STR(tmpl_text(probe.tmpl), "%{x}");
	CHECK_STR(probe.ref->text, "5");
	CHECK_INT(probe.count, 5);
	CHECK(probe.share == 2.0);
	CHECK(accepted("count => 5.0 share => \"0.25\" on => \"true\" yes => false mode => fast"));
	CHECK_INT(probe.count, 5);
	CHECK(probe.share == 0.25);
	CHECK(probe.on && !probe.yes);
	CHECK_INT(probe.mode, 1);
	/* Two of the same are one, as in Logstash. */
	CHECK(accepted("texted => aa texted => \"aa\""));
	CHECK(accepted("any => 12345678901234567890"));
	CHECK_INT(probe.any.type, V_BIGINT);
	CHECK(accepted("any => [ 1, { aa => 1.5 } ]"));
	CHECK_INT(probe.any.type, V_LIST);
	CHECK(probe.any.list->v[1].map->e[0].val.f == 1.5);
}

static void test_units(void)
{
	static const struct {
		const char *text;
		long long bytes, time;
	} cases[] = {
		{"4096", 4096, 4096000000000}, {"10mb", 10000000, -1},	{"64 KiB", 65536, -1}, {"1.5 GiB", 1610612736, -1},
		{"1k", 1000, -1},	       {"7 b", 7, -1},		{"10s", -1, 10000000000}, {"250ms", -1, 250000000},
		{"1.5 m", 1500000, 90000000000}, {"2h", -1, 7200000000000}, {"1d", -1, 86400000000000}, {"0.5us", -1, 500},
		{"", -1, -1},		       {"-1", -1, -1},		{"1.", -1, -1},	       {"s", -1, -1},
		{"10 q", -1, -1},	       {"99999999999999 G", -1, -1}, {"9e9", -1, -1},  {"10000w", -1, 6048000000000000000},
		{"100000000w", -1, -1},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char text[128];
		int rc;

		snprintf(text, sizeof(text), "text => t1 size => \"%s\"", cases[i].text);
		rc = bind(&filter, text);
		CHECK_INT(rc == 0 ? probe.bytes : -1, cases[i].bytes);
		snprintf(text, sizeof(text), "text => t1 time => \"%s\"", cases[i].text);
		rc = bind(&filter, text);
		CHECK_INT(rc == 0 ? probe.time : -1, cases[i].time);
	}
}

static struct str shown(struct value v)
{
	static struct buf b;

	buf_clear(&b);
	ruby_inspect(&b, &v);
	return buf_slice(&b);
}

static void test_collections(void)
{
	CHECK(accepted("list => aa hash => [ \"k\", 1, \"l\", 2, \"k\", 3 ]"));
	CHECK_INT(probe.list->n, 1);
	CHECK_INT(probe.hash->n, 2);
	CHECK_INT(probe.hash->e[0].val.list->n, 2);
	CHECK(accepted("list => { \"a\" => \"b\" } hash => { }"));
	CHECK_INT(probe.list->v[0].list->n, 2);
	CHECK(probe.hash && probe.hash->n == 0);
	/* String.hashCode of one letter is its code: "message" (index 12 of 16) comes behind "other" (0). */
	CHECK(accepted("hash => { \"message\" => 1 \"other\" => 2 }"));
	CHECK_STR(key_str(&probe.hash->e[0].key), "other");
	CHECK(accepted("hash => { \"b\" => { \"d\" => 1 \"c\" => 2 } \"a\" => 1 }"));
	CHECK_STR(key_str(&probe.hash->e[0].key), "a");
	CHECK_STR(key_str(&probe.hash->e[1].val.map->e[0].key), "c");
	CHECK(accepted("hash => [ \"message\", 1, \"other\", 2 ]"));
	CHECK_STR(key_str(&probe.hash->e[0].key), "message");
}

static void test_repeated(void)
{
	CHECK(accepted("list => [\"a\"] list => \"b\" list => [\"a\"]"));
	CHECK_INT(probe.list->n, 3);
	CHECK(accepted("list => \"a\" list => \"b\" list => [\"c\"]"));
	CHECK_INT(probe.list->n, 3);
	CHECK(accepted("hash => { \"a\" => \"1\" } hash => { \"b\" => 2 \"a\" => \"3\" }"));
	CHECK_STR(shown(v_map((struct map *)(uintptr_t)probe.hash)), "{\"a\" => [\"1\", \"3\"], \"b\" => 2}");
	CHECK(accepted("hash => { \"a\" => [1, 2] } hash => { \"a\" => [2] } hash => { \"a\" => 2 }"));
	CHECK_STR(shown(v_map((struct map *)(uintptr_t)probe.hash)), "{\"a\" => [1, 2, 2]}");
	CHECK(accepted("hash => { \"a\" => { \"x\" => 1 } } hash => { \"a\" => { \"x\" => 1 \"y\" => [3] } }"));
	CHECK_STR(shown(v_map((struct map *)(uintptr_t)probe.hash)), "{\"a\" => {\"x\" => 1, \"y\" => [3]}}");
	refused("texted => aa texted => bb",
		"30: option 'texted' of the filter 'probe' takes one string, not the list [aa, bb]");
	refused("on => true on => false", "26: option 'on' of the filter 'probe' takes true or false, not the list [true, false]");
	refused("hash => { } hash => \"x\"",
		"32: option 'hash' of the filter 'probe' is written twice, once as a hash and once not (first in line 1)");
}

static void test_refused(void)
{
	CHECK_INT(bind(&filter, ""), -1);
	CHECK_STR(problems(), "1: the filter 'probe' needs the option 'text'");
	refused("txet => 1", "20: unknown option 'txet' of the filter 'probe', did you mean 'text'?");
	refused("add_tags => 1", "20: unknown option 'add_tags' of the filter 'probe', did you mean 'add_tag'?");
	refused("codec => 1", "20: unknown option 'codec' of the filter 'probe', did you mean 'mode'?");
	CHECK_INT(bind(&filter, "text => t1 tags => 1"), 0);
	CHECK_STR(problems(), "20: warning: option 'tags' of the filter 'probe' is deprecated: set 'if ... in [tags]' around it");
	refused("count => abc", "29: option 'count' of the filter 'probe' takes a whole number, not abc");
	refused("count => \"007\"", "29: option 'count' of the filter 'probe' takes a whole number, not \"007\"");
	refused("count => 1.5", "29: option 'count' of the filter 'probe' takes a whole number, not 1.5");
	refused("count => 101", "29: option 'count' of the filter 'probe' takes a number from -10 to 100, not 101");
	refused("count => [1, 2]", "29: option 'count' of the filter 'probe' takes one number, not the list [1, 2]");
	refused("share => \"x\"", "29: option 'share' of the filter 'probe' takes a number, not \"x\"");
	refused("on => 1", "26: option 'on' of the filter 'probe' takes true or false, not 1");
	refused("mode => fist", "28: option 'mode' of the filter 'probe' takes slow, fast or never, not fist, did you mean 'fast'?");
	refused("ref => \"[a\"", "27: option 'ref' of the filter 'probe' takes a field: invalid field reference '[a'");
	refused("hash => \"a\"", "28: option 'hash' of the filter 'probe' takes a hash, { \"key\" => \"value\" }, not \"a\"");
	refused("hash => [\"a\"]",
		"28: option 'hash' of the filter 'probe' takes a hash: a list in its place needs an even number of items, not 1");
	refused("list => [ grok { } ]", "28: option 'list' of the filter 'probe' takes no plug-in");
	refused("size => big", "28: option 'size' of the filter 'probe' takes a size such as 4096 or \"64 KiB\", not big");
	refused("secret => [\"hidden\", \"too\"]",
		"30: option 'secret' of the filter 'probe' takes one string");
	refused("secret => { hidden => 1 }", "30: option 'secret' of the filter 'probe' takes one string");
	refused("secret => [ [\"hidden\"] ]", "30: option 'secret' of the filter 'probe' takes one string");
	/* All at once. */
	refused("count => abc on => 1 nix => 2",
		"29: option 'count' of the filter 'probe' takes a whole number, not abc\n"
		"39: option 'on' of the filter 'probe' takes true or false, not 1\n"
		"41: unknown option 'nix' of the filter 'probe'");
}

static void test_warned(void)
{
	CHECK_INT(bind(&filter, "text => t1 gone => 5 silent => { }"), 0);
	CHECK_STR(problems(), "20: warning: option 'gone' of the filter 'probe' is no longer used, use 'text'");
	CHECK_INT(bind(&filter, "text => t1 old => \"/p\""), 0);
	CHECK_STR(problems(), "20: warning: option 'old' of the filter 'probe' is deprecated, use 'path'");
	CHECK_STR(probe.path, "/p");
}

static void test_common(void)
{
	CHECK(accepted("id => i1 add_field => { \"n\" => 5 \"h\" => { \"k\" => \"v\" } \"l\" => [\"x\", 2] } add_tag => [1, \"t\"] "
		       "remove_field => \"a\" remove_tag => [\"b\"] periodic_flush => true enable_metric => false "
		       "ecs_compatibility => v8"));
	CHECK_STR(ctx.id, "i1");
	CHECK_INT(ctx.ecs, ECS_V8);
	CHECK_STR(shown(v_map((struct map *)(uintptr_t)common.add_field)),
		  "{\"h\" => [\"[\\\"k\\\", \\\"v\\\"]\"], \"l\" => [\"x\", \"2\"], \"n\" => \"5\"}");
	CHECK_STR(shown(v_list((struct list *)(uintptr_t)common.add_tag)), "[\"1\", \"t\"]");
	CHECK_INT(common.remove_field->n, 1);
	CHECK_INT(common.remove_tag->n, 1);
	CHECK(common.periodic_flush && common.disable_metric);
	settings.ecs = ECS_V1;
	CHECK(accepted(""));
	CHECK_INT(ctx.ecs, ECS_V1);
	settings.ecs = ECS_DISABLED;
	CHECK_INT(bind(&input, "text => t1 type => syslog tags => \"a\" add_field => [\"k\", \"v\"]"), 0);
	CHECK_STR(common.type, "syslog");
	CHECK_INT(common.tags->n, 1);
	CHECK_INT(common.add_field->n, 1);
	CHECK_INT(bind(&input, "text => t1 add_tag => \"a\""), -1);
	CHECK_INT(bind(&bare, "id => x1"), -1);
	CHECK_INT(bind(&bare, ""), 0);
}

static void test_codecs(void)
{
	CHECK_INT(bind(&input, "text => t1 codec => no_such"), -1);
	CHECK_STR(problems(), "29: unknown codec 'no_such'");
	CHECK_INT(bind(&input, "text => t1 codec => { }"), -1);
	CHECK_STR(problems(), "29: expected a codec such as json or line { ... }, not { }");
	CHECK_INT(bind(&input, "text => t1 codec => json_lines { nonsense => 1 }"), -1);
	CHECK_STR(problems(), "42: unknown option 'nonsense' of the codec 'json_lines'");
	CHECK_INT(bind(&input, "text => t1 codec => \"json_lines\""), 0);
	CHECK(common.codec && strcmp(common.codec->plugin->name, "json_lines") == 0);
	CHECK_STR(problems(), "");
	CHECK(codec_default("json", &ctx) != NULL);
}

int main(void)
{
	hash_init(NULL);
	arena_init(&arena, NULL);
	diag_init(&diag);
	test_defaults();
	test_scalars();
	test_units();
	test_collections();
	test_repeated();
	test_refused();
	test_warned();
	test_common();
	test_codecs();
	diag_release(&diag);
	arena_release(&arena);
	return test_end();
}
