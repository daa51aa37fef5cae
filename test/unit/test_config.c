/*
 * test_config.c - the configuration language: what is read, what is refused and where, how problems are shown.
 *
 * Texts of errors are compared whole where they are the feature (a user reads them); elsewhere their place is.
 */
#include "base/hash.h"
#include "config/parse.h"

#include "test.h"

#include <sys/stat.h>
#include <unistd.h>

static struct arena arena;
static struct diag diag;
static bool escapes;

static bool lookup(void *arg, struct str name, struct str *out)
{
	if (str_eqz(name, "HOST"))
		*out = STR("db1");
	else if (str_eqz(name, "EMPTY"))
		*out = STR("");
	else if (str_eqz(name, "LIST"))
		*out = STR("['a', \"b c\",d]");
	else if (str_eqz(name, "NESTED"))
		*out = STR("<${HOST}>");
	else if (str_eqz(name, "ESC"))
		*out = STR("a\\tb");
	else
		return false;
	return true;
}

static bool filters_only;

static struct ast_config *parse_files(const char *const *texts, size_t n)
{
	static const char *const names[] = {"1.conf", "2.conf", "3.conf"};
	struct config_env env = {.lookup = lookup, .support_escapes = escapes, .filters_only = filters_only};
	struct config_file *first = NULL, **last = &first;

	diag_release(&diag);
	arena_clear(&arena);
	for (size_t i = 0; i < n; i++) {
		struct config_file *f = arena_zalloc(&arena, sizeof(*f));

		f->name = str_z(names[i]);
		f->text = arena_dup(&arena, str_z(texts[i]));
		*last = f;
		last = &f->next;
	}
	return config_parse(&arena, first, &env, &diag);
}

static struct ast_config *parse(const char *text)
{
	return parse_files(&text, 1);
}

/* The problems as shown, without source lines. */
static struct str problems(void)
{
	static struct buf b;

	buf_clear(&b);
	for (const struct diag_item *it = diag.first; it; it = it->next)
		buf_printf(&b, "%s%.*s:%u:%u: %s%.*s", b.len ? "\n" : "", STR_ARG(it->pos.file ? it->pos.file->name : STR("-")),
			   it->pos.line, it->pos.col, it->level == DIAG_WARNING ? "warning: " : "", STR_ARG(it->text));
	return buf_slice(&b);
}

#define REFUSED(text, want)                                                                        \
	do {                                                                                       \
		CHECK(parse(text) == NULL);                                                        \
		CHECK_STR(problems(), want);                                                       \
	} while (0)

#define ACCEPTED(text)                                                                             \
	do {                                                                                       \
		CHECK(parse(text) != NULL);                                                        \
		CHECK_STR(problems(), "");                                                         \
	} while (0)

/* The value of the first filter's option. */
static const struct ast_value *value_of(const char *text)
{
	static struct buf b;
	struct ast_config *c;

	buf_clear(&b);
	buf_printf(&b, "filter { x { oo => %s } }", text);
	buf_ch(&b, '\0');
	c = parse(b.p);
	CHECK_STR(problems(), "");
	return c ? c->section[SECTION_FILTER].stmt[0].plugin->attr[0].value : NULL;
}

static void check_text(const char *written, const char *want)
{
	const struct ast_value *v = value_of(written);

	CHECK(v != NULL);
	if (v)
		CHECK_STR(v->text, want);
}

static void test_values(void)
{
	const struct ast_value *v;

	check_text("word_1", "word_1");
	check_text("\"a'b\"", "a'b");
	check_text("'a\"b'", "a\"b");
	check_text("\"a\\\"b\"", "a\\\"b");
	check_text("\"a\\nb\"", "a\\nb");
	check_text("\"two\nlines # no comment\"", "two\nlines # no comment");
	check_text("-12", "-12");
	check_text("1.50", "1.50");
	check_text("007", "7");
	check_text("0", "0");
	v = value_of("[ 1, \"a\" , bb,[ ], { cc => [ 2 ] } ]");
	CHECK_INT(v->kind, AST_ARRAY);
	CHECK_INT(v->n, 5);
	CHECK_INT(v->item[3]->n, 0);
	CHECK_INT(v->item[4]->kind, AST_HASH);
	CHECK_STR(v->item[4]->item[0]->text, "cc");
	v = value_of("{ \"a\" => 1 # first\n # second\n 'b' => { } }");
	CHECK_INT(v->n, 2);
	CHECK_INT(v->pos.col, 20);
	CHECK_STR(v->item[2]->text, "b");
	v = value_of("line { format => \"%{x}\" }");
	CHECK_INT(v->kind, AST_PLUGIN);
	CHECK_STR(v->plugin->name, "line");
	CHECK_STR(v->plugin->attr[0].value->text, "%{x}");
	/* Two words that differ in their quotes alone are two keys. */
	ACCEPTED("filter { x { h => { \"a\" => 1 'a' => 2 } } }");
	REFUSED("filter { x { h => { \"a\" => 1\n \"a\" => 2 } } }", "1.conf:2:2: the key \"a\" stands twice in this hash");
	REFUSED("filter { x { h => { 5 => 1 } } }", "1.conf:1:21: a number cannot be a key: put it in quotes");
	REFUSED("filter { x { h => 08 } }", "1.conf:1:19: '08' is no number: with a leading zero it would be octal");
	REFUSED("filter { x { h => 5. } }", "1.conf:1:19: '5.' is no number: a digit must follow the point");
}

static void test_escapes(void)
{
	escapes = true;
	check_text("\"a\\n\\t\\r\\\"\\\\b\"", "a\n\t\r\"\\b");
	check_text("'it\\'s \\/ \\x'", "it's \\/ \\x");
	CHECK_INT(value_of("\"\\0\"")->text.len, 1);
	check_text("\"${ESC}\"", "a\\tb");
	escapes = false;
}

static void check_list(const char *written, size_t n, const char *first, const char *second)
{
	const struct ast_value *v = value_of(written);

	CHECK(v && v->kind == AST_ARRAY);
	CHECK_INT(v->n, n);
	if (n > 0)
		CHECK_STR(v->item[0]->text, first);
	if (n > 1)
		CHECK_STR(v->item[1]->text, second);
}

static void test_variables(void)
{
	struct ast_config *c;

	check_text("\"${HOST}\"", "db1");
	check_text("\"x${HOST}y${EMPTY}z\"", "xdb1yz");
	check_text("\"${NONE:dd}\"", "dd");
	check_text("\"${NONE:}\"", "");
	check_text("\"${NONE:x:y}\"", "x:y");
	check_text("\"${HOST:dd}\"", "db1");
	/* Options are expanded twice. */
	check_text("\"${NONE:${HOST}}\"", "db1");
	check_text("\"${NESTED}\"", "<db1>");
	/* A variable may be a list, and quoted. */
	check_list("\"${LIST}\"", 3, "a", "b c");
	check_list("\"[ x ,${HOST},,]\"", 2, "x", "db1");
	check_list("\"[${EMPTY}]\"", 0, NULL, NULL);
	check_list("\"[${HOST}]\"", 1, "db1", NULL);
	check_text("\"[a][${HOST}]\"", "[a][db1]");
	check_text("\"[a]\"", "[a]");
	check_text("\"'${HOST}'\"", "db1");
	/* Not a variable: */
	check_text("\"$HOST ${} ${1A} ${HOST ${HO-ST}\"", "$HOST ${} ${1A} ${HOST ${HO-ST}");
	c = parse("filter { x { h => { \"${HOST}\" => \"${HOST}\" } } }");
	CHECK_STR(c->section[SECTION_FILTER].stmt[0].plugin->attr[0].value->item[0]->text, "${HOST}");
	CHECK_STR(c->section[SECTION_FILTER].stmt[0].plugin->attr[0].value->item[1]->text, "db1");
	c = parse("filter { if \"${HOST}\" == [a] or [a] =~ \"${HOST}\" or [a] =~ /${HOST}/ { } }");
	CHECK(c != NULL);
	REFUSED("filter { x { h => [ \"${HOST}\",\n \"${NONE}\" ] } }",
		"1.conf:2:2: the variable 'NONE' is not in the environment, and ${NONE} gives no default (as ${NONE:default} would)");
	REFUSED("filter { x { h => ${HOST} } }", "1.conf:1:19: expected a value, not '$' (a ${VARIABLE} stands inside quotes)");
	/* What is left out may lack variables; what is not may not. */
	filters_only = true;
	c = parse("input { x { h => \"<${NONE}${HOST}>\" } } output { if [a] == \"${NONE}\" { x { h => [ \"${NONE}\" ] } } }");
	CHECK(c && c->section[SECTION_OUTPUT].n == 1);
	CHECK_STR(c->section[SECTION_INPUT].stmt[0].plugin->attr[0].value->text, "<${NONE}db1>");
	REFUSED("output { x { h => \"${NONE}\" } } filter { x { h => \"${NONE}\" } }",
		"1.conf:1:51: the variable 'NONE' is not in the environment, and ${NONE} gives no default (as ${NONE:default} would)");
	filters_only = false;
	REFUSED("output { x { h => \"${NONE}\" } }",
		"1.conf:1:19: the variable 'NONE' is not in the environment, and ${NONE} gives no default (as ${NONE:default} would)");
}

/* A condition as text, fully bracketed. */
static void show(struct buf *b, const struct ast_expr *e)
{
	static const char *const ops[] = {
		[EXPR_OR] = "or", [EXPR_AND] = "and", [EXPR_XOR] = "xor", [EXPR_NAND] = "nand", [EXPR_EQ] = "==",
		[EXPR_NE] = "!=", [EXPR_LT] = "<",    [EXPR_GT] = ">",	   [EXPR_LE] = "<=",	 [EXPR_GE] = ">=",
		[EXPR_IN] = "in", [EXPR_NOT_IN] = "not in", [EXPR_MATCH] = "=~", [EXPR_NOT_MATCH] = "!~",
	};

	switch (e->kind) {
	case EXPR_NOT:
	case EXPR_TRUTH:
		buf_str(b, e->kind == EXPR_NOT ? STR("!") : STR("?"));
		show(b, e->a);
		break;
	case EXPR_SELECTOR:
	case EXPR_NUMBER:
		buf_str(b, e->text);
		break;
	case EXPR_STRING:
		buf_printf(b, "\"%.*s\"", STR_ARG(e->text));
		break;
	case EXPR_REGEX:
		buf_printf(b, "/%.*s/", STR_ARG(e->text));
		break;
	case EXPR_ARRAY:
		buf_ch(b, '[');
		for (size_t i = 0; i < e->n; i++) {
			buf_str(b, i ? STR(",") : STR(""));
			show(b, e->item[i]);
		}
		buf_ch(b, ']');
		break;
	default:
		buf_ch(b, '(');
		show(b, e->a);
		buf_printf(b, " %s ", ops[e->kind]);
		show(b, e->b);
		buf_ch(b, ')');
	}
}

static void check_condition(const char *written, const char *want)
{
	static struct buf b;
	struct ast_config *c;

	buf_clear(&b);
	buf_printf(&b, "filter { if %s { } }", written);
	buf_ch(&b, '\0');
	c = parse(b.p);
	if (!c) {
		CHECK_STR(problems(), want);
		return;
	}
	buf_clear(&b);
	show(&b, c->section[SECTION_FILTER].stmt[0].branch[0].cond);
	CHECK_STR(buf_slice(&b), want);
}

static void test_conditions(void)
{
	check_condition("[a]", "?[a]");
	check_condition("![a][b]", "!?[a][b]");
	check_condition("!([a])", "!?[a]");
	check_condition("[a]==1", "([a] == 1)");
	check_condition("[a] == 007", "([a] == 7)");
	check_condition("1 <= [a]", "(1 <= [a])");
	check_condition("\"x\" in [tags]", "(\"x\" in [tags])");
	check_condition("[a]in[b]", "([a] in [b])");
	check_condition("\"x\" not in [tags]", "(\"x\" not in [tags])");
	check_condition("\"x\" not  # here\n in [tags]", "(\"x\" not in [tags])");
	check_condition("[a] in [\"x\", 'y', 5, zz]", "([a] in [\"x\",\"y\",5,\"zz\"])");
	check_condition("[a] in [\"x\"]", "([a] in [\"x\"])");
	CHECK_STR(problems(), "1.conf:1:20: warning: with one element this is the field named \"x\", as in Logstash: no list; "
			      "write '==' or a second element");
	check_condition("[a] =~ /x\\/y#/", "([a] =~ /x\\/y#/)");
	check_condition("[a] !~ \"${HOST}\"", "([a] !~ \"${HOST}\")");
	check_condition("\"${HOST}\" == [a]", "(\"db1\" == [a])");
	check_condition("[]", "?[]");
	check_condition("[a] == [\"x\", \"y\"]", "([a] == \"x\")");
	check_condition("ff([a])", "?[a]");
	check_condition("[a] and [b] or [c]", "((?[a] and ?[b]) or ?[c])");
	check_condition("[a] or [b] and [c]", "(?[a] or (?[b] and ?[c]))");
	check_condition("[a]and[b]", "(?[a] and ?[b])");
	check_condition("([a] or [b]) and [c]", "((?[a] or ?[b]) and ?[c])");
	check_condition("[a] xor [b]", "(?[a] xor ?[b])");
	check_condition("([a] nand [b]) and [c]", "((?[a] nand ?[b]) and ?[c])");
	check_condition("[a] or [b] or [c] or [d]", "((?[a] or ?[b]) or (?[c] or ?[d]))");
	/* Logstash's shunting yard pops one operator only. */
	check_condition("[a] and [b] and [c] or [d]", "(?[a] and ((?[b] and ?[c]) or ?[d]))");
	CHECK_INT(diag.warnings, 1);
	check_condition("[a] or [b] and [c] or [d]", "(?[a] or ((?[b] and ?[c]) or ?[d]))");
	CHECK_INT(diag.warnings, 0);
	check_condition("[a] xor [b] or [c]", "1.conf:1:17: 'xor' stands between two operands alone: set parentheses");
	check_condition("[a] == 12345678901234567890",
			"1.conf:1:20: '12345678901234567890' is too large for a number in a condition");
	check_condition("[a[b]]", "1.conf:1:15: expected ']', not '['");
	check_condition("[a] == true", "1.conf:1:25: there is no true here: compare with \"true\" in quotes, or test the field alone");
	check_condition("not [a]", "1.conf:1:17: there is no 'not' but in 'not in': write '!( ... )'");
	check_condition("[a] = 1", "1.conf:1:17: expected an operator, 'and', 'or' or '{', not '=' (write '==')");
	check_condition("[a] =~ [b]", "1.conf:1:20: expected a /regular expression/ or string, not '['");
	check_condition("5 =~ /5/", "1.conf:1:13: only a field or string can be matched by a regular expression");
	check_condition("gg()", "1.conf:1:13: there are no functions in conditions");
	check_condition("[ä] == \"€\" ]", "1.conf:1:24: expected 'and', 'or' or '{', not ']'");
}

static void test_structure(void)
{
	struct ast_config *c;
	const struct ast_stmt *st;

	ACCEPTED("");
	ACCEPTED("# only\n# comments");
	ACCEPTED("\r\nfilter{drop{}drop{}}input{}# tail");
	c = parse("filter { if [a] { x { } } else if [b] { } elseif [c] { y { } z { } } else { w { } } }\nfilter { v { } }");
	CHECK(c != NULL);
	CHECK_INT(c->section[SECTION_FILTER].n, 2);
	st = &c->section[SECTION_FILTER].stmt[0];
	CHECK_INT(st->kind, STMT_IF);
	CHECK_INT(st->n, 4);
	CHECK(st->branch[3].cond == NULL);
	CHECK_INT(st->branch[2].body->n, 2);
	CHECK_STR(c->section[SECTION_FILTER].stmt[1].plugin->name, "v");
	CHECK_INT(c->section[SECTION_FILTER].stmt[1].pos.line, 2);
	CHECK_INT(c->section[SECTION_FILTER].stmt[1].pos.col, 10);
	/* Words mean what their place says. */
	c = parse("filter { if { } }");
	CHECK_STR(c->section[SECTION_FILTER].stmt[0].plugin->name, "if");
	c = parse("filter { x { \"a b\" => 1 if => 2 } }");
	CHECK_STR(c->section[SECTION_FILTER].stmt[0].plugin->attr[0].name, "a b");
	CHECK_INT(c->section[SECTION_FILTER].stmt[0].plugin->n, 2);
	REFUSED("filter { \"drop\" { } }", "1.conf:1:10: the name of a plug-in stands without quotes");
	REFUSED("filter { x { id => q1 } if [a] { y { id => \"q1\" } } }", "1.conf:1:44: the id 'q1' is already taken, at 1.conf:1:20");
}

static void test_errors(void)
{
	REFUSED("Filter { }", "1.conf:1:1: expected 'input', 'filter' or 'output', not 'Filter' (in lower case)");
	REFUSED("filter { } }", "1.conf:1:12: expected 'input', 'filter' or 'output', not '}' (this '}' closes nothing)");
	REFUSED("filter {\n  x { a => 1, b => 2 }\n}\n",
		"1.conf:2:13: expected a blank or '}', not ',' (options and hash entries are separated by blanks, without commas)");
	REFUSED("filter {\n  if [a] {\n    x { }\n\n}\n",
		"1.conf:6:1: expected 'else', a plug-in, 'if' or '}', not the end of the text: the '{' at 1:8 is not closed");
	REFUSED("filter {\n  x { a => \"b }\n}\n", "1.conf:2:12: this string is never closed: the text ends at 4:1");
	REFUSED("filter { x { a => [ \"\\\", \"x\" ] } }",
		"1.conf:1:27: expected ',' or ']', not 'x' (a backslash before a quote keeps the string open, so no string can end "
		"in a backslash)");
	REFUSED("filter { x { a => \"\n\" y { } } b => \"\" } }", "1.conf:2:5: expected '=>', not '{' (the string before it began in line 1: is a quote missing there?)");
	REFUSED("filter {\n  x { a => 1\n  y { } }",
		"1.conf:3:5: expected '=>', not '{' ('y' stands inside the '{' of 2:5: is a '}' missing before it?)");
	REFUSED("filter { x { a => [\"b\" \"c\"] } }", "1.conf:1:24: expected ',' or ']', not '\"'");
	REFUSED("filter { x { a => 10.1.2.3 } }", "1.conf:1:23: the value '10.1.2.3' must be in quotes");
	REFUSED("filter { x { a => 0x1f } }", "1.conf:1:24: the value '0x1f' must be in quotes");
	REFUSED("filter { x { hh => { a.b => 1 } } }", "1.conf:1:23: the key 'a.b' must be in quotes");
	REFUSED("filter { if [a] { } elsif [b] { } }", "1.conf:1:27: expected '{', not '[' (write 'else if')");
	REFUSED("\xef\xbb\xbf" "filter { }", "1.conf:1:1: the file begins with a byte order mark: save it as UTF-8 without one");
	REFUSED("# ok\nfilter { # Stra\xdf" "e\n}", "1.conf:2:16: the byte 0xdf is not UTF-8: the file seems to be in another encoding");
}

/* Several independent mistakes of one file: each is told, and nothing that comes of another. */
static void test_several(void)
{
	struct config_env env = {.lookup = lookup};
	struct config_file file = {STR("m.conf"), STR("filter {\n"
						       "  if [a] = 1 {\n"
						       "    mutate { add_tag => [ \"a\", ] }\n"
						       "  }\n"
						       "  grok { match { \"message\" => \"x\" } }\n"
						       "  drop { }\n"
						       "  ruby { code => 5 ]\n"
						       "}\n"
						       "output {\n"
						       "  file { path => /tmp/x }\n"
						       "  stdout { }\n"
						       "}\n"), NULL};
	struct ast_config *c;

	REFUSED("input {\n  beats { port = 5044 }\n}\nfilter {\n  // mine\n  mutate { add_field => { \"a\" => \"1\", \"b\" => \"2\" } }\n}\noutpt {\n  stdout { }\n}\n",
		"1.conf:2:16: expected '=>', not '=' (write '=>')\n"
		"1.conf:5:3: expected a plug-in, 'if' or '}', not '/' (comments begin with '#')\n"
		"1.conf:6:37: expected a blank or '}', not ',' (options and hash entries are separated by blanks, without commas)\n"
		"1.conf:8:1: expected 'input', 'filter' or 'output', not 'outpt' (did you mean 'output'?)");
	REFUSED("input {\n  tcp { port => 1\n  udp { port => 2 }\n}\noutput {\n  if [a] && [b] {\n    stdout { codec json }\n  }\n}\nfilter {\n}\n}\n",
		"1.conf:3:7: expected '=>', not '{' ('udp' stands inside the '{' of 2:7: is a '}' missing before it?)\n"
		"1.conf:6:10: expected an operator, 'and', 'or' or '{', not '&' (write 'and')\n"
		"1.conf:7:20: expected '=>', not 'json'");
	REFUSED("filter {\n  mutate { add_tag => [\"a\"] }\noutput {\n  stdout { }\n}\n",
		"1.conf:4:10: expected '=>', not '{' ('output' stands inside the '{' of 1:8: is a '}' missing before it?)");
	REFUSED("filter { grok { match { \"a\" => \"b\" } } }", "1.conf:1:23: expected '=>', not '{' (is '=>' missing before the '{'?)");
	/* What is sound is there, without what stands around the mistakes. */
	diag_release(&diag);
	c = config_parse_part(&arena, &file, &env, &diag);
	CHECK_STR(problems(), "m.conf:2:10: expected an operator, 'and', 'or' or '{', not '=' (write '==')\n"
			      "m.conf:3:32: expected a value, not ']'\n"
			      "m.conf:5:16: expected '=>', not '{' (is '=>' missing before the '{'?)\n"
			      "m.conf:7:20: expected an option or '}', not ']'\n"
			      "m.conf:10:18: expected a value, not '/'");
	CHECK(c && c->section[SECTION_FILTER].n == 2 && c->section[SECTION_OUTPUT].n == 1);
	if (c && c->section[SECTION_FILTER].n == 2) {
		CHECK_STR(c->section[SECTION_FILTER].stmt[0].plugin->name, "mutate");
		CHECK_STR(c->section[SECTION_FILTER].stmt[1].plugin->name, "drop");
	}
}

static const char sound[] =
	"# a beat, a file\n"
	"input {\n"
	"  beats { port => 5044 }\n"
	"  file {\n"
	"    path => [ \"/var/log/a.log\", \"/var/log/b.log\" ]\n"
	"    codec => multiline {\n"
	"      pattern => \"^ \"\n"
	"      what => previous\n"
	"    }\n"
	"    type => \"app\" # its own\n"
	"  }\n"
	"}\n"
	"\n"
	"filter {\n"
	"  if [type] == \"app\" and [a][b] !~ /x{2}\"/ {\n"
	"    grok {\n"
	"      match => { \"message\" => \"%{WORD:w} %{IP:ip}\" }\n"
	"      add_field => {\n"
	"        \"c\" => \"1\"\n"
	"        \"d\" => \"2\"\n"
	"      }\n"
	"    }\n"
	"  } else if \"x\" in [tags] {\n"
	"    drop { }\n"
	"  } else {\n"
	"    mutate {\n"
	"      rename => { \"a\" => \"b\" }\n"
	"      add_tag => [ 't', 'u' ]\n"
	"    }\n"
	"  }\n"
	"  date { match => [ \"t\", \"ISO8601\" ] }\n"
	"}\n"
	"\n"
	"output {\n"
	"  if [w] {\n"
	"    elasticsearch {\n"
	"      hosts => [\"http://a:9200\"]\n"
	"      index => \"i-%{+YYYY}\"\n"
	"    }\n"
	"  }\n"
	"  stdout { codec => rubydebug }\n"
	"}\n";

/* The sound text with `with` in the place of `len` bytes at `at`. */
static const char *spoiled(struct buf *b, size_t at, size_t len, const char *with)
{
	buf_clear(b);
	buf_add(b, sound, at);
	buf_str(b, str_z(with));
	buf_str(b, str_z(sound + at + len));
	buf_ch(b, '\0');
	return b->p;
}

static const struct {
	const char *is, *becomes;
} slips[] = {{"{", ""}, {"}", ""}, {"[", ""}, {"]", ""}, {"=>", ""}, {"=>", "="}, {"=>", ":"}, {"=>", "=> =>"}, {"\"", ""}, {"'", ""},
	     {"\" ", "\", "}, {", ", " "}, {"}\n", "},\n"}, {"\n", "\n// it's\n"}, {"\n", ";\n"}, {"{", "{ {"}, {"}", "} }"},
	     {"input", "inpt"}, {"filter {", "Filter {"}, {"output", "outputs"}, {"==", "="}, {" and", " &&"}, {"else if", "elsif"},
	     {"if ", ""}, {"if ", "if if "}, {"\n", "\nwhat is this\n"}, {"[", "[["}, {"]", "]]"}, {"=> \"", "=> "}, {"drop { }", "drop"}};

/* One mistake, wherever it is made, is one error and never two: what comes of it is not told. Nor does it often hide a second one at the end. */
static void test_no_phantoms(void)
{
	static const char last[] = "stdout { codec => rubydebug }";
	size_t second = (size_t)(strstr(sound, last) - sound) + strlen("stdout { codec ");
	unsigned both = 0, alone = 0;
	struct buf b;

	ACCEPTED(sound);
	buf_init(&b, 0);
	for (size_t i = 0; i < sizeof(slips) / sizeof(*slips); i++) {
		struct str is = str_z(slips[i].is);

		for (size_t at = 0; at + is.len < sizeof(sound); at++) {
			if (!str_starts(str_z(sound + at), is) || parse(spoiled(&b, at, is.len, slips[i].becomes)))
				continue;
			CHECK_INT(diag.errors, 1);
			if (diag.errors != 1)
				printf("'%s' for '%s' at %zu:\n%.*s\n%s\n", slips[i].becomes, slips[i].is, at, STR_ARG(problems()), b.p);
			if (at + is.len >= second - strlen("stdout { codec "))
				continue;
			b.p[second + strlen(slips[i].becomes) - is.len + 1] = ' ';
			CHECK(parse(b.p) == NULL);
			CHECK(diag.errors == 1 || diag.errors == 2);
			both += diag.errors == 2;
			alone += diag.errors == 1;
		}
	}
	CHECK(both > 9 * alone);
	buf_release(&b);
}

static void test_files(void)
{
	static const char *const broken[] = {"filter { x { a = 1 } }", "filter { y { } }\n", "input {\n  z { b => } }"};
	static const char *const spanning[] = {"filter { x { } # no end", "y { } }"};
	struct ast_config *c;

	CHECK(parse_files(broken, 3) == NULL);
	CHECK_STR(problems(), "1.conf:1:16: expected '=>', not '=' (write '=>')\n"
			      "3.conf:2:12: expected a value, not '}'");
	/* For checking, what is sound is there. */
	{
		struct config_env env = {.lookup = lookup};
		struct config_file second = {STR("2"), STR("filter { y { } }"), NULL}, first = {STR("1"), STR("filter {"), &second};

		diag_release(&diag);
		c = config_parse_part(&arena, &first, &env, &diag);
		CHECK_INT(diag.errors, 1);
		CHECK(c && c->section[SECTION_FILTER].n == 1);
	}
	c = parse_files(spanning, 2);
	CHECK_STR(problems(), "");
	CHECK(c != NULL);
	if (c) {
		CHECK_INT(c->section[SECTION_FILTER].n, 2);
		CHECK_STR(c->section[SECTION_FILTER].stmt[1].pos.file->name, "2.conf");
		CHECK_INT(c->section[SECTION_FILTER].stmt[1].pos.line, 1);
		CHECK_INT(c->section[SECTION_FILTER].stmt[1].pos.col, 1);
	}
}

static void test_depth(void)
{
	struct buf b;

	buf_init(&b, 0);
	buf_lit(&b, "filter { ");
	for (int i = 0; i < 150; i++)
		buf_lit(&b, "if [a] { ");
	for (int i = 0; i < 150; i++)
		buf_lit(&b, "} ");
	buf_lit(&b, "}");
	buf_ch(&b, '\0');
	ACCEPTED(b.p);
	buf_clear(&b);
	buf_lit(&b, "filter { if ");
	for (int i = 0; i < 100000; i++)
		buf_lit(&b, "(");
	buf_ch(&b, '\0');
	REFUSED(b.p, "1.conf:1:212: nested deeper than 200 levels");
	buf_clear(&b);
	buf_lit(&b, "filter { x { aa => ");
	for (int i = 0; i < 100000; i++)
		buf_lit(&b, "[");
	buf_ch(&b, '\0');
	CHECK(parse(b.p) == NULL);
	CHECK_INT(diag.errors, 1);
	/* A long condition is no deep one. */
	buf_clear(&b);
	buf_lit(&b, "filter { if [a]");
	for (int i = 0; i < 20000; i++)
		buf_lit(&b, " or [b]");
	buf_lit(&b, " { } }");
	buf_ch(&b, '\0');
	ACCEPTED(b.p);
	buf_release(&b);
}

static void test_plugin_alone(void)
{
	struct config_env env = {.lookup = lookup};
	struct ast_plugin *p;

	diag_release(&diag);
	arena_clear(&arena);
	p = config_parse_plugin(&arena, STR(" json_lines { ecs_compatibility => disabled } # x"), &env, &diag);
	CHECK(p && p->n == 1);
	p = config_parse_plugin(&arena, STR("plain"), &env, &diag);
	CHECK(p && p->n == 0);
	CHECK_INT(diag.errors, 0);
	CHECK(config_parse_plugin(&arena, STR("json { } x"), &env, &diag) == NULL);
	CHECK(config_parse_plugin(&arena, STR(""), &env, &diag) == NULL);
	CHECK(config_parse_plugin(&arena, STR("json { a => }"), &env, &diag) == NULL);
	CHECK_INT(diag.errors, 3);
}

static void test_shown(void)
{
	struct config_file *f, *g;
	struct buf b;

	diag_release(&diag);
	arena_clear(&arena);
	g = arena_zalloc(&arena, sizeof(*g));
	f = arena_zalloc(&arena, sizeof(*f));
	*g = (struct config_file){STR("b.conf"), STR("x"), NULL};
	*f = (struct config_file){STR("a.conf"), STR("one\r\n\tt\xc3\xa4 two\r\n"), g};
	diag_error(&diag, ((struct pos){g, 1, 1}), "third");
	diag_warn(&diag, ((struct pos){f, 2, 5}), "second");
	diag_error(&diag, ((struct pos){f, 1, 1}), "first");
	diag_error(&diag, ((struct pos){0}), "no place");
	buf_init(&b, 0);
	diag_print(&diag, &b);
	CHECK_STR(buf_slice(&b), "no place\n"
				 "a.conf:1:1: first\n     1 | one\n       | ^\n"
				 "a.conf:2:5: warning: second\n     2 |  t\xc3\xa4 two\n       |     ^\n"
				 "b.conf:1:1: third\n     1 | x\n       | ^\n");
	buf_release(&b);
	CHECK_INT(diag.errors, 3);
	CHECK_INT(diag.warnings, 1);
}

static void test_nearest(void)
{
	static const char *const words[] = {"port", "host", "codec", "add_field", "remove_field", NULL};

	CHECK(nearest_word(STR("prot"), words, SIZE_MAX) == words[0]);
	CHECK(nearest_word(STR("add_fields"), words, 5) == words[3]);
	CHECK(nearest_word(STR("removefield"), words, 5) == words[4]);
	CHECK(nearest_word(STR("Codec"), words, 5) == words[2]);
	CHECK(nearest_word(STR("interval"), words, 5) == NULL);
	CHECK(nearest_word(STR("pest"), words, 5) == NULL);
	CHECK(nearest_word(STR(""), words, 5) == NULL);
	CHECK(nearest_word(STR("x"), words, 5) == NULL);
}

static void put_file(const char *dir, const char *name, const char *text)
{
	char path[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	CHECK(f != NULL);
	if (f) {
		fputs(text, f);
		fclose(f);
	}
}

static void test_read(void)
{
	static const char *const names[] = {"20.conf", "10.conf", "Z", ".hidden", "old~"};
	char dir[] = "/tmp/weir-config-XXXXXX", path[512];
	struct config_file *f;

	CHECK(mkdtemp(dir) != NULL);
	for (size_t i = 0; i < 5; i++)
		put_file(dir, names[i], names[i]);
	snprintf(path, sizeof(path), "%s/sub", dir);
	CHECK(mkdir(path, 0700) == 0);
	diag_release(&diag);
	arena_clear(&arena);
	f = config_read(&arena, dir, &diag);
	CHECK(f && f->next && f->next->next && !f->next->next->next);
	if (f && f->next && f->next->next) {
		CHECK_STR(f->text, "10.conf");
		CHECK_STR(f->next->text, "20.conf");
		CHECK_STR(f->next->next->text, "Z");
	}
	snprintf(path, sizeof(path), "%s/*.conf", dir);
	f = config_read(&arena, path, &diag);
	CHECK(f && f->next && !f->next->next);
	snprintf(path, sizeof(path), "%s/20.conf", dir);
	f = config_read(&arena, path, &diag);
	CHECK(f && !f->next);
	CHECK_INT(diag.errors, 0);
	snprintf(path, sizeof(path), "%s/none*", dir);
	CHECK(config_read(&arena, path, &diag) == NULL);
	CHECK_INT(diag.errors, 1);
	for (size_t i = 0; i < 5; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		unlink(path);
	}
	snprintf(path, sizeof(path), "%s/sub", dir);
	rmdir(path);
	CHECK(config_read(&arena, dir, &diag) == NULL);
	rmdir(dir);
}

int main(void)
{
	hash_init(NULL);
	arena_init(&arena, NULL);
	diag_init(&diag);
	test_values();
	test_escapes();
	test_variables();
	test_conditions();
	test_structure();
	test_errors();
	test_several();
	test_no_phantoms();
	test_files();
	test_depth();
	test_plugin_alone();
	test_shown();
	test_nearest();
	test_read();
	diag_release(&diag);
	arena_release(&arena);
	return test_end();
}
