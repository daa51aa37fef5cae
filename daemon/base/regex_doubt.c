#include "base/regex_doubt.h"

#include "base/rubyre_set.h"
#include "base/utf8.h"

#include <pthread.h>

enum {
	WORD_LEAD = 0xcc, /* first bytes of U+0300 and what is beyond */
	FOLD_LEAD = 0xc3, /* of U+00C0 and beyond; the sharp s is U+00DF */
};

static uint64_t word_at(const char *p)
{
	uint64_t w;

	memcpy(&w, p, sizeof(w));
	return w;
}

/* Nearly every text is, and this runs for nearly every search. */
static bool is_ascii(struct str s)
{
	uint64_t bits = 0;
	size_t i = 0;

	for (; i + 32 <= s.len; i += 32)
		bits |= word_at(s.p + i) | word_at(s.p + i + 8) | word_at(s.p + i + 16) | word_at(s.p + i + 24);
	for (; i + 8 <= s.len; i += 8)
		bits |= word_at(s.p + i);
	for (; i < s.len; i++)
		bits |= (unsigned char)s.p[i];
	return !(bits & UINT64_C(0x8080808080808080));
}

/* Is there a byte of at least `least`? */
static bool has_lead(struct str s, unsigned char least)
{
	for (size_t i = 0; i < s.len; i++)
		if ((unsigned char)s.p[i] >= least)
			return true;
	return false;
}

static void *word_finder;

static void make_word_finder(void)
{
	struct rubyre t = {0};
	struct err err;

	buf_init(&t.pattern, 0);
	buf_lit(&t.pattern, "(?![\\x{0}-\\x{2ff}])[\\p{M}\\p{Pc}\\p{No}\\x{24b6}-\\x{24e9}\\x{1f130}-\\x{1f149}\\x{1f150}-\\x{1f169}\\x{1f170}-\\x{1f189}]");
	word_finder = regex_pcre2.compile(&t, 0, &err);
	bug_on(!word_finder);
	buf_release(&t.pattern);
}

static bool has_odd_word(struct str s, struct regex_match *m)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	(void)pthread_once(&once, make_word_finder);
	/* A text that is too long for a quick look counts as one that has them. */
	return regex_pcre2.search(word_finder, s, 0, SIZE_MAX, EFFORT_QUICK, m) != FOUND_NO;
}

static bool has_many_letters(struct str s)
{
	while (s.len) {
		int32_t c = utf8_next(&s);

		if (c >= 0x80 && set_many_letters((uint32_t)c, (uint32_t)c))
			return true;
	}
	return false;
}

bool regex_doubtful(unsigned doubts, struct str s, struct regex_match *m)
{
	if (is_ascii(s) || !has_lead(s, doubts & RUBYRE_DOUBT_FOLD ? FOLD_LEAD : WORD_LEAD))
		return false;
	return (doubts & RUBYRE_DOUBT_WORD && has_odd_word(s, m)) || (doubts & RUBYRE_DOUBT_FOLD && has_many_letters(s));
}
