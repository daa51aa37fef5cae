#include "test.h"

#include "base/number.h"

#include <float.h>
#include <locale.h>
#include <math.h>

static struct arena arena;

static void java(double d, const char *want)
{
	char text[NUMBER_TEXT_MAX];

	CHECK_STR(str_n(text, java_double_text(d, text)), want);
}

static void ruby(double d, const char *want)
{
	char text[NUMBER_TEXT_MAX];

	CHECK_STR(str_n(text, ruby_double_text(d, text)), want);
}

static void test_java(void)
{
	java(0, "0.0");
	java(-0.0, "-0.0");
	java(1, "1.0");
	java(1.5, "1.5");
	java(-5.25, "-5.25");
	java(100, "100.0");
	java(0.001, "0.001");
	java(0.00099, "9.9E-4");
	java(1e-5, "1.0E-5");
	java(1.1e-05, "1.1E-5");
	java(9999999, "9999999.0");
	java(1e7, "1.0E7");
	java(123456789.123, "1.23456789123E8");
	java(1e8, "1.0E8");
	java(16777217, "1.6777217E7");
	java(1e20, "1.0E20");
	java(2e23, "2.0E23");
	java(0.1 + 0.2, "0.30000000000000004");
	java(1.0 / 3, "0.3333333333333333");
	java(100.0 / 3, "33.333333333333336");
	java(1.7976931348623157e308, "1.7976931348623157E308");
	/* One digit would do, but Java shows the nearest of two. */
	java(4.9e-324, "4.9E-324");
	java(2.2250738585072014e-308, "2.2250738585072014E-308");
	java(9007199254740993.0, "9.007199254740992E15");
	java(NAN, "NaN");
	java(INFINITY, "Infinity");
	java(-INFINITY, "-Infinity");
}

static void test_ruby(void)
{
	ruby(1, "1.0");
	ruby(-0.0, "-0.0");
	ruby(1e15, "1000000000000000.0");
	ruby(1e16, "1.0e+16");
	ruby(1e20, "1.0e+20");
	ruby(1e-4, "0.0001");
	ruby(1e-7, "1.0e-07");
	ruby(1.25e-5, "1.25e-05");
	ruby(5e-324, "5.0e-324");
	ruby(123456789.125, "123456789.125");
	ruby(1e100, "1.0e+100");
}

/* What is printed reads back, and nothing shorter does. */
static void test_round_trip(void)
{
	uint64_t state = 88172645463325252u;

	for (int i = 0; i < 20000; i++) {
		char text[NUMBER_TEXT_MAX], z[48];
		double d, back;
		struct str s;

		state ^= state << 13;
		state ^= state >> 7;
		state ^= state << 17;
		memcpy(&d, &state, sizeof(d));
		if (i & 1)
			d = (double)(int64_t)(state >> 34) / (double)(1 + (state & 1023));
		if (!isfinite(d))
			continue;
		s = str_n(text, java_double_text(d, text));
		memcpy(z, s.p, s.len);
		z[s.len] = 0;
		if (strtod(z, NULL) != d || !number_parse_double(s, &back) || back != d)
			CHECK_STR(s, "what reads back");
	}
}

static void parse(const char *text, double want)
{
	double d = 77;

	CHECK(number_parse_double(str_z(text), &d));
	CHECK(d == want);
}

static void test_parse(void)
{
	double d;
	static const char *const bad[] = {"", "-", ".5", "5.", "01", "+1", "1e", "1e+", "1x", "0x10", " 1", "1 ",
					  "NaN", "1.2.3", "-e1", "1_0"};

	parse("0", 0);
	parse("-1.5", -1.5);
	parse("1e3", 1000);
	parse("1E-2", 0.01);
	parse("9007199254740993", 9007199254740992.0);
	parse("9007199254740993.00000000000000000000000000000000001", 9007199254740994.0);
	parse("0.1", 0.1);
	parse("123456789012345678901234567890", 123456789012345678901234567890.0);
	parse("1e400", INFINITY);
	parse("-1e400", -INFINITY);
	parse("1e-400", 0);
	parse("0e999999999999999999999", 0);
	parse("1e99999999999999999999999", INFINITY);
	parse("2.2250738585072011e-308", 2.2250738585072011e-308);
	parse("5e-324", 5e-324);
	parse("179769313486231580793e289", INFINITY);
	parse("1797693134862315807e290", 1797693134862315807e290);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		CHECK(!number_parse_double(str_z(bad[i]), &d));
}

static void to_i(const char *text, int64_t want)
{
	int64_t i = 77;

	CHECK(ruby_to_i(str_z(text), &i));
	CHECK_INT(i, want);
	CHECK_STR(arena_printf(&arena, "%lld", (long long)want), arena_dupz(&arena, ruby_to_i_digits(&arena, str_z(text))));
}

static void test_to_i(void)
{
	int64_t i;

	to_i("12", 12);
	to_i("12.9", 12);
	to_i("abc", 0);
	to_i("", 0);
	to_i("0x1F", 0);
	to_i("1_000", 1000);
	to_i("1__000", 1);
	to_i("_1", 0);
	to_i(" \t\n-7x", -7);
	to_i("- 7", 0);
	to_i("+7", 7);
	to_i("007", 7);
	to_i("0d12", 12);
	to_i("0d", 0);
	to_i("1e3", 1);
	to_i("9223372036854775807", INT64_MAX);
	to_i("-9223372036854775808", INT64_MIN);
	to_i("-0", 0);
	CHECK(!ruby_to_i(STR("9223372036854775808"), &i));
	CHECK(!ruby_to_i(STR("-9223372036854775809"), &i));
	CHECK_STR(ruby_to_i_digits(&arena, STR(" 00123_456_789_012_345_678_901 x")), "123456789012345678901");
	CHECK_STR(ruby_to_i_digits(&arena, STR("-98765432109876543210.5")), "-98765432109876543210");
}

static void to_f(const char *text, double want)
{
	double d = ruby_to_f(str_z(text));

	CHECK(d == want);
}

static void test_to_f(void)
{
	char longer[300];

	to_f("1.5", 1.5);
	to_f(".5", 0.5);
	to_f("-.5", -0.5);
	to_f("1.", 1);
	to_f("1e3", 1000);
	to_f("1e", 1);
	to_f("1.e3", 1);
	to_f("1_000.2_5", 1000.25);
	to_f("  7 ", 7);
	to_f("abc", 0);
	to_f("", 0);
	to_f("0x1A", 0);
	to_f("1,234.5", 1);
	to_f("1.5.6", 1.5);
	to_f("1e400", INFINITY);
	to_f("12345678901234567890.5", 12345678901234567890.5);
	memset(longer, '9', sizeof(longer));
	CHECK(ruby_to_f(str_n(longer, sizeof(longer))) > 9e299);
}

int main(void)
{
	/* A locale with a decimal comma, where the machine has one, must change nothing. */
	if (!setlocale(LC_ALL, "de_DE.UTF-8"))
		setlocale(LC_ALL, "");
	arena_init(&arena, NULL);
	test_java();
	test_ruby();
	setlocale(LC_ALL, "C");
	test_round_trip();
	test_parse();
	test_to_i();
	test_to_f();
	arena_release(&arena);
	return test_end();
}
