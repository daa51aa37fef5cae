/*
 * test_regex.c - matching and gsub: groups, names, bounds on hostile input. What Ruby's syntax means is test_rubyre.c's.
 */
#include "test.h"

#include "base/regex.h"

static struct regex_match *m;

static struct regex *re(const char *source, unsigned flags)
{
	struct err err;
	struct regex *r = regex_compile(str_z(source), flags, &err);

	if (!r)
		fprintf(stderr, "/%s/: %s\n", source, err.text);
	return r;
}

static void check_gsub(const char *source, const char *subject, const char *with, const char *want)
{
	struct arena a;
	struct regex *r = re(source, 0);
	struct str out;

	arena_init(&a, NULL);
	CHECK_INT(regex_gsub(r, m, &a, str_z(subject), str_z(with), &out), 0);
	CHECK_STR(out, want);
	arena_release(&a);
	regex_free(r);
}

static void test_gsub(void)
{
	check_gsub("o", "foo boo", "0", "f00 b00");
	check_gsub("(?<x>\\d+)", "a12b3", "<\\k<x>>", "a<12>b<3>");
	check_gsub("\\d+", "a12b3", "[\\0]", "a[12]b[3]");
	check_gsub("b", "abc", "\\\\0", "a\\0c");
	check_gsub("b", "abc", "\\`", "aac");
	check_gsub("b", "abc", "\\'", "acc");
	check_gsub("b", "abc", "\\&\\&", "abbc");
	check_gsub("$", "l1\nl2\n", "<", "l1<\nl2<\n<");
	check_gsub("\\A", "l1\nl2", "> ", "> l1\nl2");
	check_gsub("\\z", "l1\n", "<", "l1\n<");
	check_gsub("\\Z", "l1\n", "<", "l1<\n<");
	check_gsub("a*", "baac", "x", "xbxxcx");
	check_gsub("", "abc", "-", "-a-b-c-");
	check_gsub("", "\xc3\xa9\xe2\x82\xac", "-", "-\xc3\xa9-\xe2\x82\xac-");
	check_gsub("", "", "-", "-");
	check_gsub("(a)|(b)", "abc", "<\\1\\2>", "<a><b>c");
	check_gsub("b", "abc", "\\n\\", "a\\n\\c");
	check_gsub("b", "abc", "\\k<y", "a\\k<yc");
	check_gsub("b", "abc", "\\k<y>\\7", "ac");
	check_gsub("(\\d{3})(?=\\d)", "123456789", "\\1.", "123.456.789");
	check_gsub("x", "abc", "y", "abc");
	check_gsub("x", "", "y", "");
	check_gsub("abc", "abc", "", "");
	check_gsub("^.{2}", "\xf0\x9f\x98\x80\xf0\x9f\x98\x80x", "", "x");
	check_gsub("a\\Kb", "abab", "-", "a-a-");
}

static void test_names(void)
{
	struct regex *r = re("(?<[a][b]>x)(y)(?<c>z)?(?<c>w)", 0);
	size_t start, end;

	CHECK_INT(regex_groups(r), 3);
	CHECK_STR(regex_group_name(r, 1), "[a][b]");
	CHECK_STR(regex_group_name(r, 2), "c");
	CHECK_STR(regex_group_name(r, 3), "c");
	CHECK(regex_group_name(r, 0).p == NULL);
	CHECK(regex_group_name(r, 4).p == NULL);
	CHECK_INT(regex_exec(r, STR("-xyw"), 0, m), REGEX_YES);
	CHECK(regex_group(m, 0, &start, &end) && start == 1 && end == 4);
	CHECK(regex_group(m, 1, &start, &end) && start == 1 && end == 2);
	CHECK(!regex_group(m, 2, &start, &end));
	CHECK(regex_group(m, 3, &start, &end) && start == 3);
	CHECK(!regex_group(m, 4, &start, &end));
	CHECK_INT(regex_exec(r, STR("-xyv"), 0, m), REGEX_NO);
	CHECK(!regex_group(m, 0, &start, &end));
	regex_free(r);
	r = re("(a)(b)", 0);
	CHECK_INT(regex_groups(r), 2);
	CHECK(regex_group_name(r, 1).p == NULL);
	regex_free(r);
	regex_free(NULL);
	regex_match_free(NULL);
}

static void test_offsets(void)
{
	struct regex *r = re("^a", 0);
	size_t start, end;

	CHECK_INT(regex_exec(r, STR("aa"), 1, m), REGEX_NO);
	CHECK_INT(regex_exec(r, STR("b\na"), 1, m), REGEX_YES);
	CHECK(regex_group(m, 0, &start, &end) && start == 2);
	CHECK_INT(regex_exec(r, STR("a"), 2, m), REGEX_NO);
	CHECK_INT(regex_exec(r, STR("\xff" "a"), 0, m), REGEX_NO);
	CHECK_INT(regex_exec(r, (struct str){NULL, 0}, 0, m), REGEX_NO);
	regex_free(r);
	r = re("", 0);
	/* In the middle of a character there is no place to begin. */
	CHECK_INT(regex_exec(r, STR("\xc3\xa9"), 1, m), REGEX_NO);
	CHECK_INT(regex_exec(r, STR("\xc3\xa9"), 2, m), REGEX_YES);
	regex_free(r);
}

/* Each of these runs for years in a matcher without limits. */
static void test_limits(void)
{
	static const char *const hostile[] = {"^(a+)+$", "(a|aa)+$", "(?:a*)*b", "^(?:.*a){20}$", "(\\w+\\s?)+:",
					       "(?<=x*)^(a|aa)+[bc]", "(?~x+)(a|aa)+[bc]", "(?<x>a|aa)\\g<x>+[bc]"};
	char text[4096];
	struct arena a;
	struct str s = {text, 64}, out;

	memset(text, 'a', sizeof(text));
	text[63] = '!';
	for (size_t i = 0; i < sizeof(hostile) / sizeof(*hostile); i++) {
		struct regex *r = re(hostile[i], REGEX_DOTALL);
		enum regex_result res = regex_exec(r, s, 0, m);

		CHECK(res == REGEX_LIMIT || res == REGEX_NO);
		regex_free(r);
	}
	/* What turns back more often than libonig may, and memory for it. */
	{
		struct regex *r = re("(?<=x*)(a|b|aa)+[cd]", 0);
		struct str big = {malloc(300000), 300000};

		CHECK(regex_on_onig(r));
		memset((char *)big.p, 'a', big.len);
		CHECK_INT(regex_exec(r, big, 0, m), REGEX_LIMIT);
		((char *)big.p)[1000] = 'c';
		CHECK_INT(regex_exec(r, str_sub(big, 0, 2000), 0, m), REGEX_YES);
		/* Too long for a quick search: start by start. */
		CHECK_INT(regex_exec(r, big, 0, m), REGEX_YES);
		CHECK_INT(regex_exec(r, big, 600, m), REGEX_YES);
		free((char *)big.p);
		regex_free(r);
	}
	/* A long subject makes (a|b)* go deeper than the JIT's stack: the interpreter takes over and finds it. */
	{
		struct regex *r = re("^(?:a|b)*c", 0);
		size_t start, end;
		char *big = malloc(200001);

		memset(big, 'a', 200000);
		big[200000] = 'c';
		CHECK_INT(regex_exec(r, str_n(big, 200001), 0, m), REGEX_YES);
		CHECK(regex_group(m, 0, &start, &end) && end == 200001);
		free(big);
		regex_free(r);
	}
	/* Too slow for the first search, yet there is time: the second one finds it. */
	{
		struct regex *r = re("(a+)+b", 0);
		size_t start, end;

		CHECK_INT(regex_exec(r, STR("aaaaaaaaaaaaaaaaaaaa! aab"), 0, m), REGEX_YES);
		CHECK(regex_group(m, 0, &start, &end) && start == 22 && end == 25);
		regex_free(r);
		r = re("(?<=x*)(a+)+b", 0);
		CHECK_INT(regex_exec(r, STR("\xc3\xa9 aaaaaaaaaaaaaaaaaaaa! aab"), 0, m), REGEX_YES);
		CHECK(regex_group(m, 0, &start, &end) && start == 25 && end == 28);
		regex_free(r);
		r = re("\\G(?:(a+)+b|c)", 0);
		CHECK_INT(regex_exec(r, STR("aaaaaaaaaaaaaaaaaaaa! aab"), 0, m), REGEX_NO);
		regex_free(r);
	}
	arena_init(&a, NULL);
	{
		struct regex *r = re("^(a+)+$", 0);

		CHECK_INT(regex_gsub(r, m, &a, s, STR("x"), &out), -1);
		CHECK(out.p == s.p && out.len == s.len);
		regex_free(r);
	}
	arena_release(&a);
}

int main(void)
{
	m = regex_match_new();
	test_gsub();
	test_names();
	test_offsets();
	test_limits();
	regex_match_free(m);
	return test_end();
}
