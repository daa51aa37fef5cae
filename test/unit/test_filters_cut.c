/*
 * Filters that cut a text into fields: csv, dissect, xml, bytes, urldecode, truncate. What a real Logstash answers stands in test/golden;
 * here are the corners of the readers.
 */
#include "filter_run.h"

#include "filter/csv_parse.h"
#include "filter/dissect_map.h"

#define RUN(filter, event, want) filter_check(filter, ECS_DISABLED, event, want)

/* The row as "a|<null>|b", or "bad", "nothing". */
static void row(struct str text, struct csv_format f, const char *want)
{
	struct arena a;
	struct list *l;
	struct buf out;

	arena_init(&a, NULL);
	buf_init(&out, 0);
	switch (csv_row(&a, &f, text, &l)) {
	case CSV_BAD:
		buf_lit(&out, "bad");
		break;
	case CSV_NOTHING:
		buf_lit(&out, "nothing");
		break;
	case CSV_ROW:
		for (uint32_t i = 0; i < l->n; i++) {
			if (i)
				buf_ch(&out, '|');
			buf_str(&out, l->v[i].type == V_NULL ? STR("<null>") : value_str(&l->v[i]));
		}
	}
	CHECK_STR(buf_slice(&out), want);
	buf_release(&out);
	arena_release(&a);
}

static void test_csv_rows(void)
{
	static const struct csv_format usual = {STR_INIT(","), STR_INIT("\"")}, bare = {STR_INIT("::"), STR_INIT("")};

	row(STR("a,b"), usual, "a|b");
	row(STR(""), usual, "nothing");
	row(STR("\n"), usual, "");
	row(STR(","), usual, "<null>|<null>");
	row(STR("\"\",x"), usual, "|x");
	row(STR("\"a\"\"b\"\"\",\"\"\"\""), usual, "a\"b\"|\"");
	row(STR("\"a\nb\",c\nd"), usual, "a\nb|c");
	row(STR("a,b\r\nc"), usual, "a|b");
	row(STR("a\rb,c"), usual, "a");
	/* The first line end is within quotes and is CR LF: a bare LF later ends nothing. */
	row(STR("\"a\r\nb\",c\nd"), usual, "bad");
	row(STR("\"a"), usual, "bad");
	row(STR("\"a\"x"), usual, "bad");
	row(STR("a\"b"), usual, "bad");
	row(STR(" \"a\""), usual, "bad");
	row(STR("a\"b::c:d:::e"), bare, "a\"b|c:d|:e");
	row(STR("::"), bare, "<null>|<null>");
}

static void test_csv(void)
{
	RUN("csv { columns => [a, b] convert => { a => integer b => float } target => \"[t][u]\" }", "{\"message\":\"0x1f,1_0.5\"}",
	    NULL);
	RUN("csv { columns => [\"a\", \"b\"] convert => { \"a\" => integer \"b\" => float } target => \"[t][u]\" }",
	    "{\"message\":\"0x1f,1_0.5\"}", "matched {\"message\":\"0x1f,1_0.5\",\"t\":{\"u\":{\"a\":31,\"b\":10.5}}}");
	RUN("csv { columns => [\"a\"] convert => { \"a\" => integer } }", "{\"message\":\"08\"}",
	    "matched {\"message\":\"08\",\"a\":\"08\"}");
	RUN("csv { columns => [\"a\"] convert => { \"a\" => integer } }", "{\"message\":\"123456789012345678901\"}",
	    "matched {\"message\":\"123456789012345678901\",\"a\":123456789012345678901}");
	RUN("csv { columns => [\"a\"] convert => { \"a\" => date_time } }", "{\"message\":\"2024-02-29 01:02:03.5+01:00\"}",
	    "matched {\"message\":\"2024-02-29 01:02:03.5+01:00\",\"a\":\"2024-02-29T00:02:03.500Z\"}");
	RUN("csv { columns => [\"a\"] convert => { \"a\" => date_time } }", "{\"message\":\"2023-02-29\"}",
	    "matched {\"message\":\"2023-02-29\",\"a\":\"2023-02-29\"}");
	RUN("csv { quote_char => \"ab\" }", "{\"message\":\"a\"}", "{\"message\":\"a\",\"tags\":[\"_csvparsefailure\"]}");
	RUN("csv { convert => { \"a\" => \"nope\" } }", "{}", NULL);
}

/* The header comes once; the names then hold. */
static void test_csv_header(void)
{
	struct opened o;
	struct buf out;

	buf_init(&out, 0);
	CHECK(opened_plugin(&o, PLUGIN_FILTER, "csv { autodetect_column_names => true skip_header => true }", ECS_DISABLED));
	filter_run(&o, "{\"message\":\"x,,z\"}", &clock_system, &out);
	filter_run(&o, "{\"message\":\"1,2,3\"}", &clock_system, &out);
	filter_run(&o, "{\"message\":\"x,,z\"}", &clock_system, &out);
	CHECK_STR(buf_slice(&out), "dropped {\"message\":\"x,,z\"}matched {\"message\":\"1,2,3\",\"x\":\"1\",\"column2\":\"2\",\"z\":\"3\"}"
				   "dropped {\"message\":\"x,,z\"}");
	buf_release(&out);
	opened_release(&o);
}

static void test_dissect(void)
{
	struct arena a;
	struct dissect_map m;
	struct err err;
	struct str part[3];

	arena_init(&a, NULL);
	CHECK_INT(dissect_compile(&a, STR("<%{a->} %{b}!"), &m, &err), 0);
	CHECK_INT(m.n, 2);
	CHECK(dissect_cut(&m, STR("<x   y!rest"), part));
	CHECK_STR(part[0], "x");
	CHECK_STR(part[1], "y");
	CHECK(!dissect_cut(&m, STR("<x y"), part));
	CHECK(!dissect_cut(&m, STR("x y!"), part));
	CHECK(!dissect_cut(&m, STR(""), part));
	CHECK_INT(dissect_compile(&a, STR(""), &m, &err), -1);
	CHECK_INT(dissect_compile(&a, STR("%{+}"), &m, &err), -1);
	CHECK_INT(dissect_compile(&a, STR("%{&+a}"), &m, &err), -1);
	CHECK_INT(dissect_compile(&a, STR("%{open"), &m, &err), 0);
	CHECK_INT(m.n, 0);
	arena_release(&a);
	RUN("dissect { mapping => { \"message\" => \"%{?k}=%{&k}\" } }", "{\"message\":\"a=b\"}", "matched {\"message\":\"a=b\",\"a\":\"b\"}");
	RUN("dissect { mapping => { \"message\" => \"%{+a/2}-%{+a/1}\" } }", "{\"message\":\"x-y\"}",
	    "matched {\"message\":\"x-y\",\"a\":\"y x\"}");
	RUN("dissect { mapping => { \"message\" => \"%{[m][x]} %{b}\" } }", "{\"message\":\"1 2\",\"m\":5}",
	    "{\"message\":\"1 2\",\"m\":5,\"tags\":[\"_dissectfailure\"]}");
	RUN("dissect { convert_datatype => { \"a\" => \"float\" \"b\" => \"int\" } }", "{\"a\":\"5.\",\"b\":\"-2.9\"}",
	    "matched {\"a\":5.0,\"b\":-2}");
	RUN("dissect { convert_datatype => { \"a\" => \"int\" } }", "{\"a\":\"1_0\"}",
	    "matched {\"a\":\"1_0\",\"tags\":[\"_dataconversionuncoercible_a_int\"]}");
}

static void test_xml(void)
{
	RUN("xml { source => \"message\" target => \"x\" }", "{\"message\":\"<a>&lt;x>t<b k='v'/></a>\"}",
	    "matched {\"message\":\"<a>&lt;x>t<b k='v'/></a>\",\"x\":{\"b\":[{\"k\":\"v\"}],\"content\":\"&lt;x&gt;t\"}}");
	/* Nothing is loaded, and nobody's entity is blown up. */
	RUN("xml { source => \"message\" target => \"x\" }", "{\"message\":\"<!DOCTYPE a [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><a>&e;</a>\"}",
	    "matched {\"message\":\"<!DOCTYPE a [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><a>&e;</a>\",\"x\":\"&e;\"}");
	RUN("xml { source => \"message\" target => \"x\" }", "{\"message\":\"<q:a/>\"}",
	    "{\"message\":\"<q:a/>\",\"tags\":[\"_xmlparsefailure\"]}");
	RUN("xml { source => \"message\" store_xml => false xpath => { \"//b\" => \"b\" } }", "{\"message\":\"<a><b>1</b>\",\"b\":\"old\"}",
	    "matched {\"message\":\"<a><b>1</b>\",\"b\":\"old<b>1</b>\"}");
	RUN("xml { source => \"message\" store_xml => false parse_options => \"strict\" xpath => { \"//b\" => \"b\" } }",
	    "{\"message\":\"<a><b>1</b>\"}", "{\"message\":\"<a><b>1</b>\",\"tags\":[\"_xmlparsefailure\"]}");
	RUN("xml { source => \"message\" }", "{}", NULL);
}

static void test_small(void)
{
	RUN("bytes { target => \"n\" }", "{\"message\":\"1,024.5 kB\"}", "matched {\"message\":\"1,024.5 kB\",\"n\":1049088}");
	RUN("bytes { target => \"n\" conversion_method => \"metric\" }", "{\"message\":\"2M\"}", "matched {\"message\":\"2M\",\"n\":2000000}");
	RUN("bytes { target => \"n\" }", "{\"message\":\"9000000000000 pb\"}",
	    "{\"message\":\"9000000000000 pb\",\"tags\":[\"_bytesparsefailure\"]}");
	RUN("urldecode { all_fields => true }", "{\"a\":\"%41%\",\"b\":{\"c\":[\"%42\"]}}", "matched {\"a\":\"A%\",\"b\":{\"c\":[\"B\"]}}");
	RUN("truncate { length_bytes => 4 fields => [\"a\"] }", "{\"a\":[\"\xe2\x82\xac\xe2\x82\xac\",12345],\"b\":\"12345\"}",
	    "{\"a\":[\"\xe2\x82\xac\",12345],\"b\":\"12345\"}");
	RUN("truncate { length_bytes => 0 }", "{\"a\":{\"b\":\"\xc3\xa9\"}}", "{\"a\":{\"b\":\"\"}}");
	RUN("extractnumbers { }", "{\"message\":\"0b11 1_000 -2.5e1 x 9z 0x1p4\"}",
	    "{\"message\":\"0b11 1_000 -2.5e1 x 9z 0x1p4\",\"int1\":3,\"int2\":1000,\"float1\":-25.0,\"float2\":16.0}");
}

int main(void)
{
	hash_init(NULL);
	fields_init();
	test_csv_rows();
	test_csv();
	test_csv_header();
	test_dissect();
	test_xml();
	test_small();
	return test_end();
}
