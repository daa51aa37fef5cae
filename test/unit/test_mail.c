/*
 * Mail: headers, addresses and parts (mail_message), and templates (mustache).
 */
#include "test.h"

#include "event/json.h"
#include "outputs/mail_message.h"
#include "outputs/mustache.h"

/* ---- messages ---- */

static void check_addresses(const char *list, const char *want)
{
	struct str s = str_z(list), a;
	struct buf b;
	int r;

	buf_init(&b, 0);
	while ((r = mail_next_address(&s, &a)) == 1) {
		buf_str(&b, a);
		buf_ch(&b, '|');
	}
	if (r == -1)
		buf_lit(&b, "bad");
	CHECK_STR(buf_slice(&b), want);
	buf_release(&b);
}

static void test_addresses(void)
{
	check_addresses("a@b.c", "a@b.c|");
	check_addresses(" a@b.c , d@e.f;root", "a@b.c|d@e.f|root|");
	check_addresses("A, B <a@b.c>", "A|a@b.c|");
	check_addresses("\"A, \\\"B\\\" <x\" <a@b.c>, c@d", "a@b.c|c@d|");
	check_addresses("<a@b.c>,, ", "a@b.c|");
	check_addresses("", "");
	check_addresses(",", "");
	check_addresses("a b", "bad");
	check_addresses("a@b.c>\n", "bad");
	check_addresses("x@", "bad");
	check_addresses("@x", "bad");
	check_addresses("a@b.c <a@b.c", "bad");
}

static void check_header(const char *text, const char *want)
{
	struct buf b;

	buf_init(&b, 0);
	mail_header(&b, "S", str_z(text));
	CHECK_STR(buf_slice(&b), want);
	buf_release(&b);
}

static void test_headers(void)
{
	struct buf b;

	check_header("plain text", "S: plain text\r\n");
	check_header("", "S: \r\n");
	check_header("ü", "S: =?UTF-8?B?w7w=?=\r\n");
	/* Nothing ends the header. */
	check_header("a\r\nBcc: x", "S: =?UTF-8?B?YSAgQmNjOiB4?=\r\n");
	check_header("=?UTF-8?Q?x?=", "S: =?UTF-8?B?PT9VVEYtOD9RP3g/PQ==?=\r\n");
	/* A character is never cut: 44 bytes and one of two. */
	check_header("12345678901234567890123456789012345678901234\xc3\xbcx",
		     "S: =?UTF-8?B?MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDEyMzQ=?=\r\n =?UTF-8?B?w7x4?=\r\n");
	buf_init(&b, 0);
	mail_date(&b, (struct ts){.s = 1700000000});
	CHECK_STR(buf_slice(&b), "Date: Tue, 14 Nov 2023 22:13:20 +0000\r\n");
	buf_clear(&b);
	mail_address_header(&b, "To", STR("a@b, \xc3\xbc <c@d>, N <e@f>, bad one"));
	CHECK_STR(buf_slice(&b), "To: a@b,\r\n =?UTF-8?B?w7w=?= <c@d>,\r\n N <e@f>\r\n");
	buf_clear(&b);
	mail_address_header(&b, "Cc", STR(""));
	CHECK_STR(buf_slice(&b), "");
	buf_release(&b);
}

static void test_body(void)
{
	struct buf b;

	buf_init(&b, 0);
	mail_body(&b, STR("a\nb\r\nc\rd"), (struct str){0}, false);
	CHECK_STR(buf_slice(&b), "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=UTF-8\r\nContent-Transfer-Encoding: 7bit\r\n\r\na\r\nb\r\nc\r\nd\r\n");
	/* Whoever writes a boundary into a log line does not end the part. */
	buf_clear(&b);
	mail_body(&b, STR("--=_weir_mixed\n"), STR("<p>"), true);
	mail_attachment(&b, STR("a\"\r\nb"), STR("x"));
	mail_end(&b);
	CHECK_INT(str_find(buf_slice(&b), STR("\r\n--=_weir_mixed\n")), -1);
	CHECK(str_find(buf_slice(&b), STR("filename=\"a___b\"\r\n\r\neA==\r\n--=_weir_mixed--\r\n")) > 0);
	CHECK(str_find(buf_slice(&b), STR("\r\n--=_weir_alternative\r\nContent-Type: text/html; charset=UTF-8\r\nContent-Transfer-Encoding: 7bit\r\n\r\n<p>\r\n--=_weir_alternative--\r\n")) > 0);
	buf_release(&b);
}

/* ---- templates ---- */

static void check_mustache(const char *template, const char *json, const char *want)
{
	struct arena a;
	struct str in = str_z(json);
	struct mustache *m;
	struct value v;
	struct err err = {""};
	struct buf b;

	arena_init(&a, NULL);
	buf_init(&b, 1 << 20);
	m = mustache_compile(&a, str_z(template), &err);
	if (!m) {
		CHECK_STR(str_z(err.text), want);
	} else if (json_read(&a, &in, NULL, &v, &err) == 0) {
		mustache_render(m, v.map, &a, &b);
		CHECK_STR(buf_slice(&b), want);
	} else {
		CHECK(!"the event is JSON");
	}
	buf_release(&b);
	arena_release(&a);
}

static void test_mustache(void)
{
	check_mustache("", "{}", "");
	check_mustache("a {{x}} b", "{\"x\":1}", "a 1 b");
	check_mustache("{{ x }}{{y}}", "{\"x\":\"<&>\\\"'\"}", "&lt;&amp;&gt;&quot;&#39;");
	check_mustache("{{{x}}}{{& x }}", "{\"x\":\"<\"}", "<<");
	check_mustache("{{a.b.c}}|{{a.x}}|{{d.e}}", "{\"a\":{\"b\":{\"c\":2.5}},\"d.e\":\"whole\"}", "2.5||whole");
	check_mustache("{{#l}}({{.}}){{/l}}{{^l}}none{{/l}}", "{\"l\":[1,\"b\"]}", "(1)(b)");
	check_mustache("{{#l}}x{{/l}}{{^l}}none{{/l}}", "{\"l\":[]}", "none");
	check_mustache("{{#l}}x{{/l}}{{^l}}none{{/l}}", "{\"l\":false}", "none");
	check_mustache("{{#l}}x{{/l}}{{^l}}none{{/l}}", "{\"l\":0}", "x");
	check_mustache("{{#m}}{{k}}{{o}}{{/m}}", "{\"m\":{\"k\":1},\"o\":2,\"k\":3}", "12");
	check_mustache("{{#l}}{{#m}}{{n}},{{/m}}{{/l}}", "{\"l\":[{\"m\":{\"n\":1}},{\"m\":{\"n\":2}}]}", "1,2,");
	check_mustache("a{{! not this }}b", "{}", "ab");
	check_mustache("a\n  {{#x}}  \nb\n{{/x}}\nc\n", "{\"x\":true}", "a\nb\nc\n");
	check_mustache("{{#x}}\r\nb\r\n{{/x}}", "{\"x\":true}", "b\r\n");
	check_mustache("a {{#x}}\nb{{/x}}", "{\"x\":true}", "a \nb");
	check_mustache("{{x", "{}", "line 1: a tag has no end");
	check_mustache("\n{{/x}}", "{}", "line 2: {{/x}} ends no section");
	check_mustache("{{#x}}{{#y}}{{/x}}", "{}", "line 1: {{/x}} ends no section");
	check_mustache("{{#x}}", "{}", "section {{#x}} has no end");
	check_mustache("{{> x}}", "{}", "line 1: partials and other delimiters are not supported");
	check_mustache("{{=<% %>=}}", "{}", "line 1: partials and other delimiters are not supported");
}

int main(void)
{
	hash_init(NULL);
	test_addresses();
	test_headers();
	test_body();
	test_mustache();
	return test_end();
}
