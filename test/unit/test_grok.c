/*
 * test_grok.c - the grok filter: expansion of patterns, what is captured and how it is stored. How the standard patterns match
 * is mostly the golden cases' business; here are their structure and some near-misses.
 */
#include "plugin.h"

#include "base/hash.h"
#include "filter/grok_compile.h"

#include <sys/stat.h>
#include <unistd.h>

/* Runs one grok filter over one event; both as JSON. */
static void check(const char *config, const char *in, const char *want)
{
	struct opened o;
	struct event ev;
	struct arena a;
	struct buf out;
	struct value v;
	struct str text = str_z(in);
	struct step_ctx ctx;
	struct err err;

	if (!opened_plugin(&o, PLUGIN_FILTER, config, ECS_DISABLED)) {
		fprintf(stderr, "%s: %s\n", config, o.diag.first ? o.diag.first->text.p : "?");
		CHECK(!"opens");
		opened_release(&o);
		return;
	}
	arena_init(&a, NULL);
	buf_init(&out, 0);
	ctx = (struct step_ctx){.arena = &a, .clock = &clock_system};
	event_init(&ev, &a);
	CHECK_INT(json_read(&a, &text, NULL, &v, &err), 0);
	for (uint32_t i = 0; i < v.map->n; i++)
		map_set(&a, &ev.root, v.map->e[i].key, v.map->e[i].val);
	o.plugin->filter.run(o.self, &ev, &ctx);
	show_event(&out, &ev);
	if (!str_eqz(buf_slice(&out), want))
		fprintf(stderr, "%s:\n", config);
	CHECK_STR(buf_slice(&out), want);
	buf_release(&out);
	arena_release(&a);
	opened_release(&o);
}

static void refuse(const char *config)
{
	struct opened o;

	if (opened_plugin(&o, PLUGIN_FILTER, config, ECS_DISABLED)) {
		fprintf(stderr, "%s\n", config);
		CHECK(!"is refused");
	} else {
		CHECK(o.diag.errors > 0);
	}
	opened_release(&o);
}

static void test_store(void)
{
	check("grok { match => { 'message' => '%{WORD:a} %{INT:[b][c]:int} %{NUMBER:d:float}' } }", "{\"message\":\"x 5 1.5\"}",
	      "{\"message\":\"x 5 1.5\",\"a\":\"x\",\"b\":{\"c\":5},\"d\":1.5}");
	check("grok { match => { 'message' => '%{WORD:a} %{WORD:a}' } }", "{\"message\":\"x y\",\"a\":\"z\"}",
	      "{\"message\":\"x y\",\"a\":[\"z\",\"x\",\"y\"]}");
	check("grok { match => { 'message' => '%{WORD:a}' } }", "{\"message\":\"x\",\"a\":5}", "{\"message\":\"x\",\"a\":5}");
	check("grok { match => { 'message' => '%{WORD:a} %{WORD:a}' } overwrite => 'a' }", "{\"message\":\"x y\",\"a\":\"z\"}",
	      "{\"message\":\"x y\",\"a\":\"y\"}");
	check("grok { match => { 'message' => '%{WORD:a}(?<b>\\d*)(?<c>!)?' } keep_empty_captures => true }", "{\"message\":\"x\"}",
	      "{\"message\":\"x\",\"a\":\"x\",\"b\":\"\",\"c\":null}");
	check("grok { match => { 'message' => '%{INT:n:int}' } }", "{\"message\":\"12345678901234567890\"}",
	      "{\"message\":\"12345678901234567890\",\"n\":12345678901234567890}");
	check("grok { match => { 'message' => '%{WORD:a}' } target => '[t][u]' }", "{\"message\":\"x\"}",
	      "{\"message\":\"x\",\"t\":{\"u\":{\"a\":\"x\"}}}");
	check("grok { match => { 'message' => '%{WORD:[a][b]}' } }", "{\"message\":\"x\",\"a\":\"z\"}",
	      "{\"message\":\"x\",\"a\":\"z\",\"tags\":[\"_grokparsefailure\"]}");
	check("grok { match => { 'message' => '%{WORD:[a}' } }", "{\"message\":\"x\"}",
	      "{\"message\":\"x\",\"tags\":[\"_grokparsefailure\"]}");
	/* Of one name only the first place is converted: Logstash's quirk, on which typed fields of alternatives depend. */
	check("grok { match => { 'message' => '(?:a%{INT:n:int}|b%{INT:n:int})' } }", "{\"message\":\"b5\"}",
	      "{\"message\":\"b5\",\"n\":\"5\"}");
	check("grok { match => { 'message' => '%{WORD:tags}' } }", "{\"message\":\"x\",\"tags\":[\"t\"]}",
	      "{\"message\":\"x\",\"tags\":[\"t\",\"x\"]}");
}

static void test_names(void)
{
	check("grok { match => { 'message' => '(?<[a][b]>x)(?<c.d>y)(?<n:int>5)' } }", "{\"message\":\"xy5\"}",
	      "{\"message\":\"xy5\",\"a\":{\"b\":\"x\"},\"c.d\":\"y\",\"int\":\"5\"}");
	check("grok { match => { 'message' => '%{INT::int}' } }", "{\"message\":\"5\"}", "{\"message\":\"5\",\"\":5}");
	check("grok { match => { 'message' => '%{INT:a:}%{WORD:}' } }", "{\"message\":\"5x\"}", "{\"message\":\"5x\",\"tags\":[\"_grokparsefailure\"]}");
	check("grok { match => { 'message' => '%{INT:a:} %{WORD:}' } }", "{\"message\":\"5 x\"}", "{\"message\":\"5 x\",\"a\":\"5\"}");
	check("grok { match => { 'message' => '%{WORD:a b}' } }", "{\"message\":\"x\"}", "{\"message\":\"x\",\"a\":\"x\"}");
	check("grok { match => { 'message' => '%{WORD' } }", "{\"message\":\"%{WORD\"}", "{\"message\":\"%{WORD\"}");
	check("grok { match => { 'message' => '%{A:x=a+}%{A:y}' } }", "{\"message\":\"aab\"}", "{\"message\":\"aab\",\"x\":\"a\",\"y\":\"a\"}");
	check("grok { match => { 'message' => '%{WORD} %{INT:n}' } named_captures_only => false }", "{\"message\":\"x 5\"}",
	      "{\"message\":\"x 5\",\"WORD\":\"x\",\"n\":\"5\"}");
	refuse("grok { match => { 'message' => '%{NOPE:a}' } }");
	refuse("grok { match => { 'message' => '(?<a>x' } }");
	refuse("grok { match => { 'message' => '(?P<a>x)' } }");
	refuse("grok { match => { 'message' => '%{LOOP}' } pattern_definitions => { 'LOOP' => 'x%{LOOP}' } }");
	refuse("grok { match => { 'message' => '%{LOOP}' } pattern_definitions => { 'LOOP' => '%{LOOP}%{LOOP}' } }");
}

static void test_order(void)
{
	check("grok { match => { 'message' => ['%{INT:i}', '%{WORD:w}'] } }", "{\"message\":\"5\"}", "{\"message\":\"5\",\"i\":\"5\"}");
	check("grok { match => { 'message' => ['%{INT:i}', '%{WORD:w}'] } break_on_match => false }", "{\"message\":\"5\"}",
	      "{\"message\":\"5\",\"i\":\"5\",\"w\":\"5\"}");
	/* The last pattern decides for its field. */
	check("grok { match => { 'message' => ['%{WORD:w}', '%{INT:i}'] } break_on_match => false }", "{\"message\":\"x\"}",
	      "{\"message\":\"x\",\"w\":\"x\",\"tags\":[\"_grokparsefailure\"]}");
	/* HashMap order: `other` comes first. */
	check("grok { match => { 'message' => '%{WORD:w}' 'other' => '%{INT:i}' } }", "{\"message\":\"x\",\"other\":\"5\"}",
	      "{\"message\":\"x\",\"other\":\"5\",\"i\":\"5\"}");
	check("grok { match => { 'message' => '%{INT:i}' } tag_on_failure => ['a', 'b'] }", "{\"message\":\"x\"}",
	      "{\"message\":\"x\",\"tags\":[\"a\",\"b\"]}");
	check("grok { match => { 'message' => '%{INT:i}' } tag_on_failure => [] }", "{\"message\":\"x\"}", "{\"message\":\"x\"}");
	check("grok { match => { 'message' => '(?<a>^$)?z*' } }", "{}", "{}");
	check("grok { }", "{\"message\":\"x\"}", "{\"message\":\"x\",\"tags\":[\"_grokparsefailure\"]}");
	check("grok { match => { 'message' => '^(a+)+$' } timeout_millis => 20 }", "{\"message\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!\"}",
	      "{\"message\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!\",\"tags\":[\"_groktimeout\"]}");
}

static void test_sources(void)
{
	check("grok { match => { 'message' => '(?<a>[a-z0-9.]+)' } }", "{\"message\":[\"1\",\"x\",null,[\"y\"]]}",
	      "{\"message\":[\"1\",\"x\",null,[\"y\"]],\"a\":[\"1\",\"x\",\"y\"]}");
	check("grok { match => { 'message' => '(?<a>[a-z0-9.]+)' } }", "{\"message\":1.5}", "{\"message\":1.5,\"a\":\"1.5\"}");
	check("grok { match => { 'message' => '(?<a>[a-z0-9.]+)' } }", "{\"message\":true}", "{\"message\":true,\"a\":\"true\"}");
	check("grok { match => { '[a][b]' => '%{WORD:w}' } }", "{\"a\":{\"b\":\"x\"}}", "{\"a\":{\"b\":\"x\"},\"w\":\"x\"}");
	/* The list that is read is the one that grows. */
	check("grok { match => { 'l' => '%{WORD:l}' } }", "{\"l\":[\"a\",\"b\"]}", "{\"l\":[\"a\",\"b\",\"a\",\"b\"]}");
	check("grok { match => { 'message' => 'x%{GREEDYDATA:g}' } }", "{\"message\":\"xa\\nb\\u00e9\"}",
	      "{\"message\":\"xa\\nb\xc3\xa9\",\"g\":\"a\\nb\xc3\xa9\"}");
}

static void write_file(const char *dir, const char *name, const char *text)
{
	char path[200];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	CHECK(f != NULL);
	if (f) {
		fputs(text, f);
		fclose(f);
	}
}

static void test_files(void)
{
	char dir[] = "/tmp/test_grok.XXXXXX", config[400];

	CHECK(mkdtemp(dir) != NULL);
	write_file(dir, "a", "# comment\n\nMYP a+\r\n  HIDDEN x\nEMPTY\nWORD [xyz]+");
	write_file(dir, "b.pat", "MYP b+\n");
	snprintf(config, sizeof(config), "grok { patterns_dir => '%s' match => { 'message' => '%%{MYP:x}%%{EMPTY}' } }", dir);
	check(config, "{\"message\":\"aabb\"}", "{\"message\":\"aabb\",\"x\":\"bb\"}");
	snprintf(config, sizeof(config), "grok { patterns_dir => ['%s'] patterns_files_glob => 'a' match => { 'message' => '%%{MYP:x}' } }", dir);
	check(config, "{\"message\":\"aabb\"}", "{\"message\":\"aabb\",\"x\":\"aa\"}");
	/* A user's WORD replaces ours. */
	snprintf(config, sizeof(config), "grok { patterns_dir => ['%s/a'] match => { 'message' => '%%{WORD:x}' } }", dir);
	check(config, "{\"message\":\"abcz\"}", "{\"message\":\"abcz\",\"x\":\"z\"}");
	snprintf(config, sizeof(config),
		 "grok { patterns_dir => '%s' pattern_definitions => { 'MYP' => 'c' } match => { 'message' => '%%{MYP:x}' } }", dir);
	check(config, "{\"message\":\"abc\"}", "{\"message\":\"abc\",\"x\":\"c\"}");
	snprintf(config, sizeof(config), "grok { patterns_dir => '%s' match => { 'message' => '%%{HIDDEN:x}' } }", dir);
	refuse(config);
	check("grok { patterns_dir => '/nonexistent' match => { 'message' => '%{WORD:x}' } }", "{\"message\":\"a\"}",
	      "{\"message\":\"a\",\"x\":\"a\"}");
	snprintf(config, sizeof(config), "%s/a", dir);
	unlink(config);
	snprintf(config, sizeof(config), "%s/b.pat", dir);
	unlink(config);
	rmdir(dir);
}

/* Every pattern of both sets compiles, alone and without named_captures_only. */
static void test_sets(void)
{
	struct arena a;

	arena_init(&a, NULL);
	for (int mode = 0; mode < 4; mode++) {
		struct grok_library lib;
		struct grok_compile c = {&lib, mode & 2, STR(""), NULL};
		const struct grok_builtin *t = mode & 1 ? grok_ecs_v1 : grok_legacy;
		size_t n = mode & 1 ? grok_ecs_v1_count : grok_legacy_count;

		grok_library_init(&lib, &a, mode & 1);
		for (size_t i = 0; i < n; i++) {
			struct grok_pattern p;
			struct err err;
			struct str use = arena_printf(&a, "%%{%s}", t[i].name);

			CHECK(i == 0 || strcmp(t[i - 1].name, t[i].name) < 0);
			if (grok_pattern_compile(&p, &c, use, &err)) {
				fprintf(stderr, "%s: %s\n", t[i].name, err.text);
				CHECK(!"compiles");
			}
			grok_pattern_release(&p);
		}
	}
	arena_release(&a);
}

static void whole(const char *pattern, const char *text, bool matches)
{
	char config[200], in[400], want[500];

	snprintf(config, sizeof(config), "grok { match => { 'm' => '\\A%%{%s}\\z' } }", pattern);
	snprintf(in, sizeof(in), "{\"m\":\"%s\"}", text);
	snprintf(want, sizeof(want), matches ? "{\"m\":\"%s\"}" : "{\"m\":\"%s\",\"tags\":[\"_grokparsefailure\"]}", text);
	check(config, in, want);
}

static void test_addresses(void)
{
	static const char *const good[] = {
		"::", "::1", "1::", "1::2", "2001:db8::1", "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7::", "::2:3:4:5:6:7:8", "1:2:3:4::6:7:8",
		"::ffff:1.2.3.4", "::1.2.3.4", "1:2:3:4:5:6:1.2.3.4", "1::3:4:5:6:1.2.3.4", "64:ff9b::192.0.2.33", "fe80::1%eth0",
		"1:2:3:4:5::1.2.3.4",
	};
	static const char *const bad[] = {
		"", ":", ":::", "1", "1:2", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1::2::3", "12345::", "g::", "1:2:3:4:5:6:7:1.2.3.4",
		"::1.2.3", "::1.2.3.256", "1:2:3:4:5:6::1.2.3.4", ":1.2.3.4", "1.2.3.4",
	};

	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		whole("IPV6", good[i], true);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		whole("IPV6", bad[i], false);
	whole("IPV4", "255.255.255.255", true);
	whole("IPV4", "001.02.3.4", true);
	whole("IPV4", "256.1.1.1", false);
	whole("IPV4", "1.1.1", false);
	whole("MAC", "00-1a-2b-3c-4d-5e", true);
	whole("MAC", "00:1a-2b:3c:4d:5e", false);
	whole("MONTH", "M\xc3\xa4rz", true);
	whole("MONTH", "Map", false);
	whole("TIMESTAMP_ISO8601", "2020-02-30 1:02", true);
	whole("TIMESTAMP_ISO8601", "2020-13-01 1:02", false);
	whole("QS", "'a\\\\'b'", true);
	whole("HOSTNAME", "a-b.c1.", true);
	whole("HOSTNAME", "-a", false);
}

/* PCRE2 takes 64 KiB of its own code; twenty addresses do not fit unless they share theirs. */
static void test_large(void)
{
	struct buf config, text, want;

	buf_init(&config, 0);
	buf_init(&text, 0);
	buf_init(&want, 0);
	buf_lit(&config, "grok { match => { 'm' => '");
	for (int i = 0; i < 40; i++) {
		buf_printf(&config, "%%{IP:a%d} ", i);
		buf_printf(&text, i & 1 ? "10.0.0.%d " : "2001:db8::%d ", i);
		buf_printf(&want, i & 1 ? ",\"a%d\":\"10.0.0.%d\"" : ",\"a%d\":\"2001:db8::%d\"", i, i);
	}
	buf_lit(&config, "' } }");
	buf_ch(&config, '\0');
	{
		char *in = xmalloc(2 * text.len + 50), *out = xmalloc(2 * text.len + want.len + 50);

		snprintf(in, text.len + 50, "{\"m\":\"%.*s\"}", (int)text.len, text.p);
		snprintf(out, text.len + want.len + 50, "{\"m\":\"%.*s\"%.*s}", (int)text.len, text.p, (int)want.len, want.p);
		check(config.p, in, out);
		free(in);
		free(out);
	}
	buf_release(&config);
	buf_release(&text);
	buf_release(&want);
}

static void count(void *arg, struct str field, struct str pattern, const struct pattern_tally *t)
{
	struct buf *b = arg;

	buf_printf(b, "%.*s %.*s %" PRIu64 "/%" PRIu64 " %" PRIu64 "\n", STR_ARG(field), STR_ARG(pattern), t->hits, t->tries, t->limits);
}

static void counted(struct buf *b, const struct opened *o)
{
	buf_clear(b);
	o->plugin->filter.patterns(o->self, count, b);
}

/* Runs the filter n times over one text in the field m. */
static void run_text(const struct opened *o, const struct clock *clock, struct str text, int n)
{
	struct arena a;

	arena_init(&a, NULL);
	for (int i = 0; i < n; i++) {
		struct step_ctx ctx = {.arena = &a, .clock = clock};
		struct event ev;

		event_init(&ev, &a);
		event_set_top(&ev, key_make(STR("m")), v_str(text));
		o->plugin->filter.run(o->self, &ev, &ctx);
	}
	arena_release(&a);
}

static void test_counters(void)
{
	struct opened o, next;
	struct buf b;

	CHECK(opened_plugin(&o, PLUGIN_FILTER, "grok { match => { 'm' => ['%{INT:i}', '%{WORD:w}'] } }", ECS_DISABLED));
	buf_init(&b, 0);
	run_text(&o, &clock_system, STR("5"), 1);
	run_text(&o, &clock_system, STR("x"), 2);
	counted(&b, &o);
	CHECK_STR(buf_slice(&b), "m %{INT:i} 1/3 0\nm %{WORD:w} 2/2 0\n");
	/* After a reload what stayed in its place goes on counting. */
	CHECK(opened_plugin(&next, PLUGIN_FILTER, "grok { match => { 'm' => ['%{INT:i}', '%{NOTSPACE:w}'] } }", ECS_DISABLED));
	next.plugin->filter.adopt(next.self, o.self);
	run_text(&next, &clock_system, STR("x"), 1);
	counted(&b, &next);
	CHECK_STR(buf_slice(&b), "m %{INT:i} 1/4 0\nm %{NOTSPACE:w} 1/1 0\n");
	buf_release(&b);
	opened_release(&next);
	opened_release(&o);
}

/* Each reading is a microsecond after the one before: a search that reads none itself takes one. */
struct ticking {
	struct clock clock;
	int64_t now_ns;
	unsigned readings;
};

static int64_t tick(const struct clock *c)
{
	struct ticking *t = (struct ticking *)(uintptr_t)c;

	t->readings++;
	return t->now_ns += 1000 + (t->readings % 3 == 0 ? 2000 : 0);
}

static void add_ns(void *arg, struct str field, struct str pattern, const struct pattern_tally *t)
{
	uint64_t *ns = arg;

	(void)field, (void)pattern;
	*ns += t->ns;
}

/* Three readings a sample, of which the third comes 3 us after the second: 2 us more than readings take. One try in 64 is timed. */
static void test_time(void)
{
	struct ticking t = {.clock = {.mono_ns = tick}};
	struct opened o;
	uint64_t ns = 0;

	CHECK(opened_plugin(&o, PLUGIN_FILTER, "grok { match => { 'm' => '%{WORD:w}' } }", ECS_DISABLED));
	run_text(&o, &t.clock, STR("word"), 64 * 1000);
	CHECK(t.readings % 3 == 0);
	CHECK(t.readings / 3 > 900 && t.readings / 3 < 1100);
	o.plugin->filter.patterns(o.self, add_ns, &ns);
	CHECK_INT(ns, t.readings / 3 * 64 * 2000);
	opened_release(&o);
}

/* What PCRE2 cannot be told runs on libonig; nothing else is different. */
static void test_libonig(void)
{
	check("grok { match => { 'm' => '/\\*%{DATA:text}(?~\\*+/)\\*/' } }", "{\"m\":\"a /* b * c */ */\"}", "{\"m\":\"a /* b * c */ */\"}");
	check("grok { match => { 'm' => '(?<[a][b]>\\d)\\g<[a][b]>-%{INT:n:int}' } }", "{\"m\":\"12-7\"}",
	      "{\"m\":\"12-7\",\"a\":{\"b\":\"2\"},\"n\":7}");
	check("grok { match => { 'm' => '(?i)(?<c>stra\xc3\x9f" "e) %{INT:n}|(?<c>weg)' } }", "{\"m\":\"STRASSE 5\"}",
	      "{\"m\":\"STRASSE 5\",\"c\":\"STRASSE\",\"n\":\"5\"}");
	check("grok { match => { 'm' => '(?<=a+)(?<x>.)' } }", "{\"m\":\"aab\"}", "{\"m\":\"aab\",\"x\":\"a\"}");
	refuse("grok { match => { 'm' => '(?<x>\\g<x>)' } }");
	refuse("grok { match => { 'm' => '\\p{Age=6.0}' } }");
}

/* An expression that turns back for ever ends at its limit, on either engine. */
static void test_limits(void)
{
	static const char *const patterns[] = {"^(?:a|aa)+(?<x>b)?(?:a|aa)+$", "(?<=x*)^(?<x>a|aa)+[bc]"};
	struct opened o;
	struct arena a;
	struct buf b;
	char text[4000];

	memset(text, 'a', sizeof(text));
	memcpy(text + sizeof(text) - 2, "!b", 2);
	arena_init(&a, NULL);
	buf_init(&b, 0);
	for (size_t i = 0; i < 2; i++) {
		struct str config = arena_printf(&a, "grok { match => { 'm' => '%s' } }", patterns[i]);
		struct step_ctx ctx = {.arena = &a, .clock = &clock_system};
		struct event ev;

		CHECK(opened_plugin(&o, PLUGIN_FILTER, arena_dupz(&a, config), ECS_DISABLED));
		event_init(&ev, &a);
		event_set_top(&ev, key_make(STR("m")), v_str(str_n(text, sizeof(text))));
		CHECK_INT(o.plugin->filter.run(o.self, &ev, &ctx), STEP_PASS);
		CHECK(event_has_tag(&ev, STR("_groktimeout")));
		counted(&b, &o);
		CHECK(str_ends(buf_slice(&b), STR(" 0/1 1\n")));
		opened_release(&o);
	}
	buf_release(&b);
	arena_release(&a);
}

int main(void)
{
	hash_init(NULL);
	test_store();
	test_names();
	test_order();
	test_sources();
	test_files();
	test_sets();
	test_addresses();
	test_large();
	test_counters();
	test_time();
	test_libonig();
	test_limits();
	return test_end();
}
