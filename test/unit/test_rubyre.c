/*
 * test_rubyre.c - Ruby's syntax: one row a behaviour. Expectations are what Ruby 3 and Logstash's JRuby answer, and each is asked of
 * both engines where both can: of libonig always, of PCRE2 unless the row says that it runs on libonig.
 */
#include "test.h"

#include "base/hash.h"
#include "base/regex_doubt.h"
#include "base/regex_engine.h"

struct row {
	const char *re, *subject;
	const char *want; /* the whole match; NULL: none */
	const char *one;  /* group 1; NULL: not looked at, "-": took no part */
	unsigned flags;
};

enum {
	M = REGEX_DOTALL,
	I = REGEX_ICASE,
	X = REGEX_EXTENDED,
	ONIG = 256,  /* PCRE2 cannot be told, or refuses it: runs on libonig */
	DOUBT = 512, /* told to PCRE2, but for this text it is libonig that answers */
	PCRE2 = 1024, /* libonig answers otherwise: PCRE2 has to */
};

static const struct row rows[] = {
	/* dot, lines, ends */
	{"a.b", "a\nb", NULL},
	{"a.b", "a\nb", "a\nb", .flags = M},
	{"(?m)a.b", "a\nb", "a\nb"},
	{"(?m:a.b)", "a\nb", "a\nb"},
	{"(?-m:a.b)", "a\nb", NULL, .flags = M},
	{"a.b", "a\xc3\xa9" "b", "a\xc3\xa9" "b"},
	{"^b", "a\nb", "b"},
	{"a$", "a\nb", "a"},
	{"\n^", "a\n", NULL},
	{"\\Ab", "a\nb", NULL},
	{"a\\z", "a\n", NULL},
	{"a\\Z", "a\n", "a"},
	{"a\\Z", "a\n\n", NULL},
	{"\\Ga", "ba", NULL},
	{"^$", "", ""},
	{"[^a]", "\n", "\n"},
	{"a\\r?$", "a\r\nb", "a\r"},
	/* classes of characters */
	{"\\h+", "xyzAF09 ", "AF09"},
	{"\\H+", "AFxyz", "xyz"},
	{"\\w+", "h\xc3\xa9llo", "h"},
	{"\\W+", "a\xc3\xa9 b", "\xc3\xa9 "},
	{"\\d+", "\xd9\xa3" "5", "5"},
	{"\\D+", "5\xd9\xa3x", "\xd9\xa3x"},
	{"\\s+", "a\xc2\xa0" "b", NULL},
	{"\\s+", "a\v\f b", "\v\f "},
	{"\\bl\\w*", "\xc3\xa9l lo", "lo"},
	{"(?a)\\bl\\w*", "\xc3\xa9l lo", "l"},
	{"(?u)\\w+", "h\xc3\xa9llo", "h\xc3\xa9llo"},
	{"[[:alpha:]]+", "-\xc3\xa9" "a1", "\xc3\xa9" "a"},
	{"[[:^alpha:]]+", "a1\xc3\xa9", "1"},
	{"(?a)[[:alpha:]]+", "\xc3\xa9" "a1", "a"},
	{"[[:alnum:]]+", "-\xc3\xa9" "1-", "\xc3\xa9" "1"},
	{"[[:digit:]]+", "\xd9\xa3" "1", "\xd9\xa3" "1"},
	{"[[:punct:]]+", "a$+<=>^`|~.,b", "$+<=>^`|~.,"},
	{"[[:print:]]+", "\x01" "ab \xc3\xa9\t", "ab \xc3\xa9"},
	{"[[:word:]]+", "-\xc3\xa9_1", "\xc3\xa9_1"},
	{"[[:foo:]]+", "of:", "of:"},
	{"\\p{Alpha}+", "1\xc3\xa9", "\xc3\xa9"},
	{"\\p{^L}+", "ab12", "12"},
	{"\\P{L}+", "ab12", "12"},
	{"\\p{Greek}+", "a\xce\xb1\xce\xb2", "\xce\xb1\xce\xb2"},
	{"\\p{Uppercase_Letter}", "aB", "B"},
	{"[^\\p{ASCII}]", "a\xc3\x9f", "\xc3\x9f"},
	{"\\R", "a\r\nb", "\r\n"},
	{"\\X", "e\xcc\x81x", "e\xcc\x81"},
	/* brackets */
	{"[a-z&&[^aeiou]]+", "aebcd", "bcd"},
	{"[\\w&&[^\\d]]+", "12ab3", "ab"},
	{"[^a-z&&[^aeiou]]+", "bcdae", "ae"},
	{"[[:alpha:]&&[^a]]+", "ab\xc3\xa9", "b\xc3\xa9"},
	{"[[:alpha:]&&\\p{Upper}&&[^B]]+", "aBC\xc3\x89", "C\xc3\x89"},
	{"[a[bc]d]+", "xabcd", "abcd"},
	{"[a[^b-z]]+", "zaA", "aA"},
	{"[a[^[:alpha:]x]]+", "ba1", "a1"},
	{"[]a]+", "a]", "a]"},
	{"[^]a]+", "a]b", "b"},
	{"[\\]a]+", "a]b", "a]"},
	{"[-a]+", "a-b", "a-"},
	{"[a-]+", "a-b", "a-"},
	{"[a\\-c]+", "ba-c", "a-c"},
	{"[a-\\d]+", "b-1a", "-1a"},
	{"[a-c-e]+", "d-ce", "-ce"},
	{"[.$^|(]+", "x.$^|(", ".$^|("},
	{"[\\b]", "\b", "\b"},
	{"[\\t\\n]+", "\t\n", "\t\n"},
	{"[^\\x00-\\x7f]+", "a\xc3\xa9", "\xc3\xa9"},
	{"[\\u00e8-\\u00ea]", "\xc3\xa9", "\xc3\xa9"},
	{"[\xe3\x81\x82-\xe3\x82\x93]+", "\xe3\x81\x82\xe3\x81\x84", "\xe3\x81\x82\xe3\x81\x84"},
	{"[a&&b]", "ab", NULL},
	{"[#]", "#", "#", .flags = X},
	{"[ ]", " ", " ", .flags = X},
	/* escapes */
	{"\\x41\\u0042\\u{43 44}", "ABCD", "ABCD"},
	{"\\xc3\\xa9", "\xc3\xa9", "\xc3\xa9"},
	{"\\101", "A", "A"},
	{"\\e\\a\\f\\v", "\x1b\a\f\v", "\x1b\a\f\v"},
	{"\\cA\\C-b", "\x01\x02", "\x01\x02"},
	{"\\/\\-\\_\\%\\<\\i\\Q\\E", "/-_%<iQE", "/-_%<iQE"},
	{"#a b", "#a b", "#a b"},
	/* quantifiers */
	{"a{2,}", "aaa", "aaa"},
	{"a{,2}", "aaa", "aa"},
	{"a{}", "a{}", "a{}"},
	{"a{,}", "a{,}", "a{,}"},
	{"a{x", "a{x", "a{x"},
	{"{a}", "{a}", "{a}"},
	{"a{2}+b", "aaaab", "aaaab"},
	{"a{2}?b", "b", "b"},
	{"(a{1,2})+b", "aaab", "aaab"},
	{"a++b", "aaab", "aaab"},
	{"a*+a", "aaa", NULL},
	{"a?+a", "a", NULL},
	{"(?<z>a)*+b", "aacb", "b", "-"},
	{"(?<z>a)++b", "aab", "aab", "a"},
	{"a+?", "aaa", "a"},
	{"(?:a*)*b", "aab", "aab"},
	{"a**b", "aab", "aab"},
	{"a+{2}b", "aab", "aab"},
	{"^*a", "a", "a"},
	{"\\b+a", "a", "a"},
	{"(?=a)*b", "b", "b"},
	{"(?=(a))*?.", "a", "a", "-"},
	{"(?:x|\\b{2,3})a", "a", "a"},
	{"\\B+a", "a", NULL},
	{"^{0}a", "ba", "a"},
	{"^{2}?b", "ab", "b"},
	{"(?:^|\\b)+?b", "b", "b"},
	{"(?:(?:^)*)+(?:)*b", "ab", "b"},
	{"(^)*?b", "b", "b", "-"},
	{"a #x\n+", "aa", "aa", .flags = X},
	/* groups and options */
	{"a(?i)b|c", "aC", "aC"},
	{"a(?i)b|c", "C", NULL},
	{"(?i:AB)c", "abC", NULL},
	{"(?i:AB)c", "abc", "abc"},
	{"(?i)a(?-i)b", "AB", NULL},
	{"(?i)\xc3\xa4", "\xc3\x84", "\xc3\x84"},
	/* in either case */
	{"(?i)ss", "\xc3\x9f", "\xc3\x9f", .flags = DOUBT},
	{"ss+", "\xc3\x9fs", NULL, .flags = I | DOUBT},
	{"\xc3\x9f", "SS", "SS", .flags = I | ONIG},
	{"first", "\xef\xac\x81rst", "\xef\xac\x81rst", .flags = I | DOUBT},
	{"st", "\xef\xac\x86", "\xef\xac\x86", .flags = I | DOUBT},
	{"st", "STra\xc3\x9f" "e", "ST", .flags = I | DOUBT},
	{"(.)\\1", "s\xc3\x9fSs", "Ss", .flags = I | DOUBT},
	{"^[[:alpha:]]$", "ss", "ss", .flags = I | ONIG},
	{"[\xc3\xa4\xc3\x9f]$", "ss", "ss", .flags = I | ONIG},
	{"[\xc3\xa4\xc3\xb6]", "\xc3\x96", "\xc3\x96", .flags = I},
	{"[^\xc3\x9f]", "s", "s", .flags = I},
	{"[[:upper:]]", "a", "a", .flags = I | ONIG},
	{"[^[:upper:]]", "a", NULL, .flags = I | ONIG},
	{"\\p{Upper}", "a", "a", .flags = I | ONIG},
	{"\\p{Greek}+", "\xce\xb1\xce\x91", "\xce\xb1\xce\x91", .flags = I | ONIG},
	{"\\p{Nd}[[:punct:][:space:]]", "1!", "1!", .flags = I},
	{"\\w", "\xc5\xbf", NULL, .flags = I},
	{"\\W", "\xc5\xbf", "\xc5\xbf", .flags = I},
	{"s", "\xc5\xbf", "\xc5\xbf", .flags = I},
	{"[^a]", "A", NULL, .flags = I},
	{"\\h+", "xAf", "Af", .flags = I},
	{"(?<=ss)x", "ssx", "x", .flags = I},
	/* edges of words */
	{"a\\b", "a\xcc\x81", NULL, .flags = DOUBT},
	{"\\b\xc3\xa9", "e\xcc\x81\xc3\xa9", NULL, .flags = DOUBT},
	{"a\\b", "a\xe2\x81\xb4", "a", .flags = DOUBT},
	{"a\\b", "a\xe2\x80\xbf", NULL, .flags = DOUBT},
	{"a\\B", "a\xe2\x93\x90", "a", .flags = DOUBT},
	{"a\\b", "a\xc2\xb2", NULL},
	{"\\b\\d+\\b", "\xd0\xb6 12 \xe4\xb8\xad", "12"},
	/* the absent operator: exact where what is absent has one length */
	{"(?~abc)", "xxabc", "xxab"},
	{"(?~a)", "bca", "bc"},
	{"(?~\xc3\xa9)", "a\xc3\xa9", "a"},
	{"x(?~ab)b", "xaab", "xaab"},
	{"(?~ab){2}", "abab", "aba"},
	{"((?~ab))\\1", "aaaa", "aaaa", "aa"},
	{"(?~b)", "a\nb", "a\n"},
	{"(?~[ab]\\d|c.)", "xa1", "xa"},
	{"(?~ab)", "xAB", "xA", .flags = I},
	{"(?~ a b )", "xab", "xa", .flags = X},
	{"(?~a{2}(?:bc|de))", "aabcaade", "aab"},
	{"^(?~ab)$", "aab", NULL},
	{"^(?~ab)$", "bba", "bba"},
	{"/\\*(?~\\*/)\\*/", "a /* b */ c */", "/* b */"},
	{"\\((?~\\(|\\)+)\\)", "(a(b)c", "(b)", .flags = ONIG},
	{"(?~(?<x>b))", "ab", "a", "-", .flags = ONIG},
	{"(?~)x", "x", "x", .flags = ONIG},
	/* what PCRE2 lacks or refuses */
	{"\\A(?<a>|.|(?:(?<b>.)\\g<a>\\k<b+0>))\\z", "reviver", "reviver", "reviver", .flags = ONIG},
	{"(?<a>x)\\k<a+0>", "xx", "xx", .flags = ONIG},
	{"(?<a-1>x)\\k<a-1>", "xx", "xx"},
	{"(?<p>\\d)\\g<p>", "12", "12", "2", .flags = ONIG},
	{"(?<p>\\((?<x>a)?\\g<p>?\\))", "((a))", "((a))", .flags = ONIG},
	{"(?=\\Ka)", "a", "", .flags = ONIG},
	{"a{99999}", "aa", NULL, .flags = ONIG},
	{"(?<=a+)b", "aab", "b", .flags = ONIG},
	{"\\p{InBasicLatin}+", "\xc3\xa9" "ab", "ab", .flags = ONIG},
	{"[\\p{In_Cyrillic}&&[^\xd0\xb6]]+", "\xd0\xb6\xd0\xb7", "\xd0\xb7", .flags = ONIG},
	{"\\p{Greek}", "\xcd\x82", NULL},
	{"(?x) a b # c", "ab", "ab"},
	{"(?x: a b ) c", "ab c", "ab c"},
	{"(?#c)a", "a", "a"},
	{"(?>a+)b", "aab", "aab"},
	{"(?>a+)ab", "aab", NULL},
	{"(?<=\\$)\\d+", "a$5", "5"},
	{"(?<!a)b", "abcb", "b"},
	{"(?<=ab|c)d", "cd", "d"},
	{"\\w+(?!,)\\b", "ab, cd", "cd"},
	{"a\\Kb", "ab", "b"},
	/* names, numbers */
	{"(a)(?<n>b)", "ab", "ab", "b"},
	{"(a)(b)", "ab", "ab", "a"},
	{"(?'n'b)", "b", "b", "b"},
	{"(?<[a][b]>x)\\k<[a][b]>", "xx", "xx", "x"},
	{"(?<@a-b.c:d>x)", "x", "x", "x"},
	{"(?<q>[\"'])(.*?)\\k<q>", "a \"b'c\" d", "\"b'c\"", "\""},
	{"(?<c>o)(?<c>n)\\k<c>", "onn", "onn", "o"},
	{"(?<c>ab)(?<c>a)\\k<c>c", "abaabc", NULL},
	{"(?<a>x)?(?<a>z)(?(<a>)b|c)", "zc", "zc", "-"},
	{"(?<a>x)?(?<a>z)(?(<a>)b|c)", "zb", NULL},
	{"(?:(?<c>o)|(?<c>n))\\k<c>", "onn", "nn", "-"},
	{"(a)\\1", "aa", "aa"},
	{"(a)\\k<1>", "aa", "aa"},
	{"(a)(b)\\k<-1>", "abb", "abb"},
	{"(?<p>\\((?:[^()]|\\g<p>)*\\))", "x(a(b)c)y", "(a(b)c)", "(a(b)c)", .flags = ONIG},
	{"(?<a>x)\\g<a>", "xx", "xx", .flags = ONIG},
	{"(x)(?:y)\\g<1>", "xyx", "xyx", .flags = ONIG},
	{"a\\g<0>?b", "aabb", "aabb", .flags = ONIG},
	{"(a)?(?(1)b|c)", "ab", "ab"},
	{"(?<n>a)?(?(<n>)b|c)", "xc", "c"},
	{"()\\1", "", ""},
	{"", "abc", ""},
	{"a||b", "b", ""},
};

static const char *const refused[] = {
	"*a", "a|*", "(*a)", "(", ")", "a)", "(?<a>x", "[a", "[]", "[z-a]", "\\", "(?P<a>x)", "(?<1a>x)", "(?<>x)", "(?<a",
	"(?(<a>)b|c)", "\\k<n>", "\\g<n>", "(?<n>a)\\1", "\\1", "(?z)", "(?~a", "(?<x>\\g<x>)", "\\p{Age=6.0}", "(a)?(?(1)b|c|d)", "\\xff", "\\u12", "\\u{110000}", "\\u{d800}",
	"\\p{Nonsense}", "\\p{", "a{5,2}", "a{100001}", "(?<=a(?:b|cd))x", "(?<n>a)(?<n>b)\\g<n>", "[[:alpha:]", "(?#", "[a&&", "\xff",
	"(?<a)b>x)", "[a-", "[\\", "(?<n>", "(?'n>x)",
};

static struct str group(const struct regex_match *m, const char *subject, unsigned i)
{
	size_t start, end;

	if (!regex_group(m, i, &start, &end))
		return STR("-");
	return str_sub(str_z(subject), start, end - start);
}

static bool as_wanted(const struct row *w, enum found found, const struct regex_match *m)
{
	struct str have = group(m, w->subject, 0);

	if (found != (w->want ? FOUND_YES : FOUND_NO))
		return false;
	return !w->want || (str_eqz(have, w->want) && (!w->one || str_eqz(group(m, w->subject, 1), w->one)));
}

static void show_wrong(const struct row *w, const char *who, int found, const struct regex_match *m)
{
	struct str have = group(m, w->subject, 0), one = group(m, w->subject, 1);

	fprintf(stderr, "/%s/ on '%s', %s: %d '%.*s' '%.*s'\n", w->re, w->subject, who, found, STR_ARG(have), STR_ARG(one));
}

/* The row asked of one engine, whichever the expression would run on. */
static void check_engine(const struct row *w, const struct regex_engine *engine, struct regex_match *m)
{
	struct str subject = str_z(w->subject);
	struct rubyre t;
	struct err err;
	enum found found;
	void *code;

	CHECK(rubyre_translate(&t, str_z(w->re), w->flags & 255, engine->dialect, &err) != RUBYRE_INVALID);
	code = engine->compile(&t, w->flags & 255, &err);
	if (!code)
		fprintf(stderr, "/%s/ as '%.*s': %s\n", w->re, STR_ARG(buf_slice(&t.pattern)), err.text);
	CHECK(code);
	m->matched = 0;
	found = code ? engine->search(code, subject, 0, SIZE_MAX, EFFORT_QUICK, m) : FOUND_FAILED;
	if (!as_wanted(w, found, m))
		show_wrong(w, engine == &regex_onig ? "libonig" : "PCRE2", found, m);
	CHECK(as_wanted(w, found, m));
	if (code)
		engine->free(code);
	rubyre_release(&t);
}

static void check_row(const struct row *w, struct regex_match *m)
{
	struct err err;
	struct regex *r = regex_compile(str_z(w->re), w->flags & 255, &err);
	enum regex_result res;

	if (!r) {
		fprintf(stderr, "/%s/: %s\n", w->re, err.text);
		CHECK(!"compiles");
		return;
	}
	res = regex_exec(r, str_z(w->subject), 0, m);
	if (!as_wanted(w, res == REGEX_YES ? FOUND_YES : FOUND_NO, m))
		show_wrong(w, "regex", res, m);
	CHECK(as_wanted(w, res == REGEX_YES ? FOUND_YES : FOUND_NO, m));
	if ((regex_on_onig(r) != NULL) != !!(w->flags & ONIG))
		fprintf(stderr, "/%s/ %s\n", w->re, regex_on_onig(r) ? regex_on_onig(r) : "runs on PCRE2");
	CHECK((regex_on_onig(r) != NULL) == !!(w->flags & ONIG));
	regex_free(r);
	if (!(w->flags & PCRE2))
		check_engine(w, &regex_onig, m);
	if (!(w->flags & (ONIG | DOUBT)))
		check_engine(w, &regex_pcre2, m);
}

/* Which texts PCRE2 is not asked about. */
static void test_doubts(struct regex_match *m)
{
	static const struct {
		unsigned doubts;
		const char *text;
		bool doubtful;
	} cases[] = {
		{RUBYRE_DOUBT_WORD, "plain text, long enough for some words", false},
		{RUBYRE_DOUBT_WORD, "\xc3\xa9t\xc3\xa9 \xc2\xb2 \xd0\xb6 \xe4\xb8\xad \xf0\x9f\x98\x80", false},
		{RUBYRE_DOUBT_WORD, "a word, e\xcc\x81", true},
		{RUBYRE_DOUBT_WORD, "\xe2\x91\xa0", true},
		{RUBYRE_DOUBT_WORD, "\xe2\x93\x90", true},
		{RUBYRE_DOUBT_WORD, "a\xe2\x80\xbf" "b", true},
		{RUBYRE_DOUBT_WORD, "stra\xc3\x9f" "e", false},
		{RUBYRE_DOUBT_FOLD, "\xc3\xa9t\xc3\xa9, e\xcc\x81", false},
		{RUBYRE_DOUBT_FOLD, "stra\xc3\x9f" "e", true},
		{RUBYRE_DOUBT_FOLD, "a long text that ends in \xef\xac\x86", true},
		{RUBYRE_DOUBT_FOLD | RUBYRE_DOUBT_WORD, "e\xcc\x81", true},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		if (regex_doubtful(cases[i].doubts, str_z(cases[i].text), m) != cases[i].doubtful)
			fprintf(stderr, "case %zu:\n", i);
		CHECK(regex_doubtful(cases[i].doubts, str_z(cases[i].text), m) == cases[i].doubtful);
	}
}

static void check_text(const char *re, const char *want, const char *required)
{
	struct rubyre t;
	struct err err;

	CHECK_INT(rubyre_translate(&t, str_z(re), 0, RUBYRE_PCRE2, &err), RUBYRE_TRANSLATED);
	CHECK_STR(buf_slice(&t.pattern), want);
	CHECK_STR(t.required, required);
	rubyre_release(&t);
}

static void test_texts(void)
{
	check_text("abc", "abc", "abc");
	check_text("ab*c", "ab*c", "a");
	check_text("x(?:abc|d)yz", "x(?:abc|d)yz", "yz");
	check_text("x(?:abc)+y", "x(?:abc)+y", "abc");
	check_text("x(?:abc)*y", "x(?:abc)*y", "x");
	check_text("(?i)abc: 1", "(?i:abc: 1)", ": 1");
	check_text("ab|abc", "ab|abc", "");
	check_text("(?=abc)a", "(?=abc)a", "a");
	check_text("\\[\\d+\\]: x", "\\[[0-9]+\\]: x", "]: x");
	check_text("(?<n>a)(b)", "(a)(?:b)", "a");
	check_text(".\\h", "\\N[0-9A-Fa-f]", "");
}

/* Pieces that occur twice become calls; not where they hold groups or stand under (?i). */
static void test_share(void)
{
#define LONG "abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghij"
	static const struct {
		const char *re, *want;
		bool smaller;
	} cases[] = {
		{"(?<n>x)(?:" LONG ")+(?:" LONG ")", "(x)(?2)+(?2)(?(DEFINE)((?:" LONG ")))", true},
		{"(?:" LONG ")(?:" LONG "x)", "(?:" LONG ")(?:" LONG "x)", false},
		{"(?:[(\\]]" LONG ")|\\((?:[(\\]]" LONG ")", "(?1)|\\((?1)(?(DEFINE)((?:[\\x{28}\\x{5d}]" LONG ")))", true},
		{"(?:(" LONG "))(?:(" LONG "))", "(?:(" LONG "))(?:(" LONG "))", false},
		{"(?i:(?:" LONG ")(?:" LONG "))", "(?i:(?:" LONG ")(?:" LONG "))", false},
		{"(a)(?:\\1" LONG ")(?:\\1" LONG ")", "(a)(?:\\g{1}" LONG ")(?:\\g{1}" LONG ")", false},
	};
#undef LONG

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct rubyre t;
		struct err err;

		CHECK_INT(rubyre_translate(&t, str_z(cases[i].re), 0, RUBYRE_PCRE2, &err), RUBYRE_TRANSLATED);
		CHECK(rubyre_share(&t) == cases[i].smaller);
		CHECK_STR(buf_slice(&t.pattern), cases[i].want);
		rubyre_release(&t);
	}
}

static void test_deep(void)
{
	struct buf b;
	struct err err;
	struct regex *r;

	buf_init(&b, 0);
	for (int i = 0; i < 300; i++)
		buf_ch(&b, '(');
	for (int i = 0; i < 300; i++)
		buf_ch(&b, ')');
	r = regex_compile(buf_slice(&b), 0, &err);
	CHECK(r && regex_groups(r) == 300);
	regex_free(r);
	buf_clear(&b);
	for (int i = 0; i < 100000; i++)
		buf_ch(&b, '(');
	CHECK(regex_compile(buf_slice(&b), 0, &err) == NULL);
	buf_clear(&b);
	for (int i = 0; i < 100000; i++)
		buf_ch(&b, '[');
	CHECK(regex_compile(buf_slice(&b), 0, &err) == NULL);
	buf_release(&b);
}

int main(void)
{
	struct regex_match *m = regex_match_new();
	struct err err;

	hash_init(NULL);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		check_row(&rows[i], m);
	for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
		struct regex *r = regex_compile(str_z(refused[i]), 0, &err);

		if (r)
			fprintf(stderr, "/%s/ is taken\n", refused[i]);
		CHECK(r == NULL);
		CHECK(r || err.text[0]);
		regex_free(r);
	}
	test_doubts(m);
	test_texts();
	test_share();
	test_deep();
	regex_match_free(m);
	return test_end();
}
