/*
 * Ruby's form of values: what CRuby writes is read, what is written CRuby reads (the texts here are Marshal.dump's), and broken ones are refused.
 */
#include "test.h"

#include "base/hash.h"
#include "event/json.h"
#include "filter/marshal.h"

static struct arena a;

static void check_read(const char *bytes, size_t n, const char *json)
{
	struct value v;
	struct err err = {0};
	struct buf out;

	if (marshal_read(&a, str_n(bytes, n), &v, &err)) {
		CHECK_STR(str_z(err.text), json);
		return;
	}
	buf_init(&out, 0);
	json_write_value(&out, &v);
	CHECK_STR(buf_slice(&out), json);
	buf_release(&out);
}

#define READ(bytes, json) check_read("\x04\x08" bytes, sizeof("\x04\x08" bytes) - 1, json)

/* And back: the same bytes. */
static void check_both(const char *json, const char *bytes, size_t n)
{
	struct str in = str_z(json);
	struct value v;
	struct err err;
	struct buf out;

	CHECK_INT(json_read(&a, &in, NULL, &v, &err), 0);
	buf_init(&out, 0);
	marshal_write(&out, &v);
	CHECK_INT(out.len, n);
	CHECK(out.len == n && memcmp(out.p, bytes, n) == 0);
	buf_release(&out);
	check_read(bytes, n, json);
}

#define BOTH(json, bytes) check_both(json, "\x04\x08" bytes, sizeof("\x04\x08" bytes) - 1)

static void test_integers(void)
{
	BOTH("0", "i\0");
	BOTH("1", "i\x06");
	BOTH("122", "i\x7f");
	BOTH("123", "i\x01\x7b");
	BOTH("255", "i\x01\xff");
	BOTH("256", "i\x02\x00\x01");
	BOTH("300", "i\x02\x2c\x01");
	BOTH("65536", "i\x03\x00\x00\x01");
	BOTH("-1", "i\xfa");
	BOTH("-123", "i\x80");
	BOTH("-124", "i\xff\x84");
	BOTH("-129", "i\xff\x7f");
	BOTH("-256", "i\xff\x00");
	BOTH("-257", "i\xfe\xff\xfe");
	BOTH("-300", "i\xfe\xd4\xfe");
	BOTH("-65537", "i\xfd\xff\xff\xfe");
	BOTH("1073741823", "i\x04\xff\xff\xff\x3f");
	BOTH("1073741824", "l+\x07\x00\x00\x00\x40");
	BOTH("-1073741824", "i\xfc\x00\x00\x00\xc0");
	BOTH("-1073741825", "l-\x07\x01\x00\x00\x40");
	BOTH("9223372036854775807", "l+\x09\xff\xff\xff\xff\xff\xff\xff\x7f");
	READ("l+\x09\xff\xff\xff\xff\xff\xff\xff\xff", "18446744073709551615");
}

static void test_others(void)
{
	BOTH("null", "0");
	BOTH("true", "T");
	BOTH("false", "F");
	BOTH("1.5", "f\x08" "1.5");
	BOTH("\"a\"", "I\"\x06" "a\x06:\x06" "ET");
	BOTH("[\"a\",\"b\"]", "[\x07I\"\x06" "a\x06:\x06" "ETI\"\x06" "b\x06;\0T");
	BOTH("{\"k\":[1]}", "{\x06I\"\x06k\x06:\x06" "ET[\x06i\x06");
	READ("\"\x06" "a", "\"a\"");
	READ(":\x06" "a", "\"a\"");
	READ("[\x07:\x06" "a;\0", "[\"a\",\"a\"]");
	/* The list is object 0, its text object 1. */
	READ("[\x07I\"\x06x\x06:\x06" "ET@\x06", "[\"x\",\"x\"]");
	READ("[\x08" "f\x08" "2.5[\x06" "0@\x06", "[2.5,[null],2.5]");
	READ("}\x06i\x06i\x07i\x08", "{\"1\":2}");
}

static void test_refused(void)
{
	char deep[400];

	READ("", "an end too early in Ruby's form of a value");
	READ("i", "an end too early in Ruby's form of a value");
	READ("i\x04\x01", "an end too early in Ruby's form of a value");
	READ("\"\x0a" "abc", "a length that cannot be in Ruby's form of a value");
	READ("[\x0a", "a length that cannot be in Ruby's form of a value");
	READ("[\xfa", "a length that cannot be in Ruby's form of a value");
	READ("@\x06", "a reference that leads nowhere in Ruby's form of a value");
	READ(";\0", "a reference that leads nowhere in Ruby's form of a value");
	READ("o:\x08" "Foo\0", "an object of a class in Ruby's form of a value");
	READ("TT", "something behind the end in Ruby's form of a value");
	check_read("\x04\x09T", 3, "no version 4.8 in Ruby's form of a value");
	memset(deep, '[', sizeof(deep));
	deep[0] = 4;
	deep[1] = 8;
	for (size_t i = 3; i < sizeof(deep); i += 2)
		deep[i] = 6;
	check_read(deep, sizeof(deep), "too deep a nesting in Ruby's form of a value");
}

/* Each list holds the one before it twice: what a few bytes would make of memory is bounded. */
static void test_bomb(void)
{
	struct buf b;

	buf_init(&b, 0);
	buf_lit(&b, "\x04\x08[\x23"); /* 30 elements */
	buf_lit(&b, "[\0");
	for (int i = 1; i < 30; i++) {
		char at = (char)(i + 5);

		buf_lit(&b, "[\x07@");
		buf_ch(&b, at);
		buf_lit(&b, "@");
		buf_ch(&b, at);
	}
	check_read(b.p, b.len, "too many references in Ruby's form of a value");
	buf_release(&b);
}

int main(void)
{
	hash_init(NULL);
	arena_init(&a, NULL);
	test_integers();
	test_others();
	test_refused();
	test_bomb();
	arena_release(&a);
	return test_end();
}
