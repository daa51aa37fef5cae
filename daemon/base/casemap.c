#include "base/casemap.h"

#include "base/utf8.h"

#include <locale.h>
#include <pthread.h>
#include <wctype.h>

enum { GROW = 3 }; /* a character becomes at most three */

/* Unicode's SpecialCasing.txt without its conditional rows; Greek with iota below is computed. title 0: as upper. */
static const struct special {
	uint16_t cp, upper[3], title[3];
} specials[] = {
	{0x00df, {0x53, 0x53}, {0x53, 0x73}},
	{0x0149, {0x2bc, 0x4e}},
	{0x01f0, {0x4a, 0x30c}},
	{0x0390, {0x399, 0x308, 0x301}},
	{0x03b0, {0x3a5, 0x308, 0x301}},
	{0x0587, {0x535, 0x552}, {0x535, 0x582}},
	{0x1e96, {0x48, 0x331}},
	{0x1e97, {0x54, 0x308}},
	{0x1e98, {0x57, 0x30a}},
	{0x1e99, {0x59, 0x30a}},
	{0x1e9a, {0x41, 0x2be}},
	{0x1f50, {0x3a5, 0x313}},
	{0x1f52, {0x3a5, 0x313, 0x300}},
	{0x1f54, {0x3a5, 0x313, 0x301}},
	{0x1f56, {0x3a5, 0x313, 0x342}},
	{0x1fb2, {0x1fba, 0x399}, {0x1fba, 0x345}},
	{0x1fb3, {0x391, 0x399}, {0x1fbc}},
	{0x1fb4, {0x386, 0x399}, {0x386, 0x345}},
	{0x1fb6, {0x391, 0x342}},
	{0x1fb7, {0x391, 0x342, 0x399}, {0x391, 0x342, 0x345}},
	{0x1fbc, {0x391, 0x399}, {0x1fbc}},
	{0x1fc2, {0x1fca, 0x399}, {0x1fca, 0x345}},
	{0x1fc3, {0x397, 0x399}, {0x1fcc}},
	{0x1fc4, {0x389, 0x399}, {0x389, 0x345}},
	{0x1fc6, {0x397, 0x342}},
	{0x1fc7, {0x397, 0x342, 0x399}, {0x397, 0x342, 0x345}},
	{0x1fcc, {0x397, 0x399}, {0x1fcc}},
	{0x1fd2, {0x399, 0x308, 0x300}},
	{0x1fd3, {0x399, 0x308, 0x301}},
	{0x1fd6, {0x399, 0x342}},
	{0x1fd7, {0x399, 0x308, 0x342}},
	{0x1fe2, {0x3a5, 0x308, 0x300}},
	{0x1fe3, {0x3a5, 0x308, 0x301}},
	{0x1fe4, {0x3a1, 0x313}},
	{0x1fe6, {0x3a5, 0x342}},
	{0x1fe7, {0x3a5, 0x308, 0x342}},
	{0x1ff2, {0x1ffa, 0x399}, {0x1ffa, 0x345}},
	{0x1ff3, {0x3a9, 0x399}, {0x1ffc}},
	{0x1ff4, {0x38f, 0x399}, {0x38f, 0x345}},
	{0x1ff6, {0x3a9, 0x342}},
	{0x1ff7, {0x3a9, 0x342, 0x399}, {0x3a9, 0x342, 0x345}},
	{0x1ffc, {0x3a9, 0x399}, {0x1ffc}},
	{0xfb00, {0x46, 0x46}, {0x46, 0x66}},
	{0xfb01, {0x46, 0x49}, {0x46, 0x69}},
	{0xfb02, {0x46, 0x4c}, {0x46, 0x6c}},
	{0xfb03, {0x46, 0x46, 0x49}, {0x46, 0x66, 0x69}},
	{0xfb04, {0x46, 0x46, 0x4c}, {0x46, 0x66, 0x6c}},
	{0xfb05, {0x53, 0x54}, {0x53, 0x74}},
	{0xfb06, {0x53, 0x54}, {0x53, 0x74}},
	{0xfb13, {0x544, 0x546}, {0x544, 0x576}},
	{0xfb14, {0x544, 0x535}, {0x544, 0x565}},
	{0xfb15, {0x544, 0x53b}, {0x544, 0x56b}},
	{0xfb16, {0x54e, 0x546}, {0x54e, 0x576}},
	{0xfb17, {0x544, 0x53d}, {0x544, 0x56d}},
};

static locale_t unicode;
static wctrans_t to_title;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void load(void)
{
	static const char *const names[] = {"C.UTF-8", "C.utf8", "en_US.UTF-8"};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names) && !unicode; i++)
		unicode = newlocale(LC_CTYPE_MASK, names[i], (locale_t)0);
	if (unicode)
		to_title = wctrans_l("totitle", unicode);
}

/* 1F80..1FAF: eight small, eight capital letters, three times. */
static unsigned iota_below(uint32_t cp, bool title, uint32_t out[GROW])
{
	static const uint16_t base[] = {0x1f08, 0x1f28, 0x1f68};

	if (title) {
		out[0] = cp | 8;
		return 1;
	}
	out[0] = base[(cp - 0x1f80) >> 4] + (cp & 7);
	out[1] = 0x399;
	return 2;
}

static unsigned raise(uint32_t cp, bool title, uint32_t out[GROW])
{
	size_t lo = 0, hi = sizeof(specials) / sizeof(*specials);
	unsigned n = 0;

	if (cp >= 0x1f80 && cp <= 0x1faf)
		return iota_below(cp, title, out);
	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (specials[mid].cp < cp)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo < sizeof(specials) / sizeof(*specials) && specials[lo].cp == cp) {
		const uint16_t *to = title && specials[lo].title[0] ? specials[lo].title : specials[lo].upper;

		while (n < GROW && to[n]) {
			out[n] = to[n];
			n++;
		}
		return n;
	}
	out[0] = cp;
	if (!unicode)
		return 1;
	out[0] = title && to_title ? (uint32_t)towctrans_l((wint_t)cp, to_title, unicode)
				   : (uint32_t)towupper_l((wint_t)cp, unicode);
	return 1;
}

static unsigned lower(uint32_t cp, uint32_t out[GROW])
{
	if (cp == 0x130) {
		out[0] = 'i';
		out[1] = 0x307;
		return 2;
	}
	out[0] = unicode ? (uint32_t)towlower_l((wint_t)cp, unicode) : cp;
	return 1;
}

enum mode { UPPER, LOWER, CAPITALIZE };

static char ascii(char c, enum mode mode)
{
	if (mode == LOWER)
		return ch_lower(c);
	return (unsigned char)(c - 'a') < 26 ? (char)(c - 32) : c;
}

/* The first `plain` bytes are ASCII. */
static struct str map_unicode(struct arena *a, struct str s, size_t plain, enum mode mode)
{
	/* No character's bytes become more than three times as many. */
	size_t max = plain + (s.len - plain) * GROW, n = 0;
	char *out = arena_bytes(a, max);
	struct str rest = s;

	pthread_once(&once, load);
	while (rest.len) {
		const char *from = rest.p;
		uint32_t to[GROW];
		int32_t cp = utf8_next(&rest);
		enum mode m = mode == CAPITALIZE && from != s.p ? LOWER : mode;
		unsigned k;

		if (cp < 0) {
			out[n++] = *from;
			continue;
		}
		if (cp < 128) {
			out[n++] = ascii((char)cp, m);
			continue;
		}
		k = m == LOWER ? lower((uint32_t)cp, to) : raise((uint32_t)cp, m == CAPITALIZE, to);
		for (unsigned i = 0; i < k; i++)
			n += utf8_put(out + n, to[i]);
	}
	/* What was not needed goes back. */
	if (a->p == out + max)
		a->p = out + n;
	return str_n(out, n);
}

static struct str map_case(struct arena *a, struct str s, enum mode mode)
{
	size_t same = 0, i;
	char *out;

	while (same < s.len && !(s.p[same] & 0x80) &&
	       s.p[same] == ascii(s.p[same], mode == CAPITALIZE && same ? LOWER : mode))
		same++;
	if (same == s.len)
		return s;
	for (i = same; i < s.len; i++)
		if (s.p[i] & 0x80)
			return map_unicode(a, s, i, mode);
	out = arena_bytes(a, s.len);
	memcpy(out, s.p, same);
	for (i = same; i < s.len; i++)
		out[i] = ascii(s.p[i], mode == CAPITALIZE && i ? LOWER : mode);
	return str_n(out, s.len);
}

struct str str_upper(struct arena *a, struct str s)
{
	return map_case(a, s, UPPER);
}

struct str str_lower(struct arena *a, struct str s)
{
	return map_case(a, s, LOWER);
}

struct str str_capitalize(struct arena *a, struct str s)
{
	return map_case(a, s, CAPITALIZE);
}
