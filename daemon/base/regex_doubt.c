#include "base/regex_doubt.h"

#include "base/rubyre_set.h"
#include "base/utf8.h"

#include <pthread.h>

enum {
	WORD_LEAD = 0xcc, /* first bytes of U+0300 and what is beyond */
	FOLD_LEAD = 0xc3, /* of U+00C0 and beyond; the sharp s is U+00DF */
};

/* Is there a byte of at least `least`, which is beyond ASCII? */
static bool has_lead(struct str s, unsigned char least)
{
	size_t i = 0;

	for (; i + 8 <= s.len; i += 8) {
		uint64_t w;

		memcpy(&w, s.p + i, 8);
		if (!(w & UINT64_C(0x8080808080808080)))
			continue;
		for (size_t k = i; k < i + 8; k++)
			if ((unsigned char)s.p[k] >= least)
				return true;
	}
	for (; i < s.len; i++)
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
	if (!has_lead(s, doubts & RUBYRE_DOUBT_FOLD ? FOLD_LEAD : WORD_LEAD))
		return false;
	return (doubts & RUBYRE_DOUBT_WORD && has_odd_word(s, m)) || (doubts & RUBYRE_DOUBT_FOLD && has_many_letters(s));
}
