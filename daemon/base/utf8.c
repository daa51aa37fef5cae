/*
 * utf8.c - see utf8.h. Table 3-7 of the Unicode standard decides what is well-formed.
 */
#include "base/utf8.h"

/* Range of the second byte after a lead byte and the number of bytes; 0 where no sequence begins. */
struct lead {
	unsigned char n, lo, hi;
};

static struct lead lead_of(unsigned char c)
{
	if (c < 0xc2)
		return (struct lead){0, 0, 0};
	if (c < 0xe0)
		return (struct lead){2, 0x80, 0xbf};
	if (c < 0xf0)
		return (struct lead){3, c == 0xe0 ? 0xa0 : 0x80, c == 0xed ? 0x9f : 0xbf};
	if (c < 0xf5)
		return (struct lead){4, c == 0xf0 ? 0x90 : 0x80, c == 0xf4 ? 0x8f : 0xbf};
	return (struct lead){0, 0, 0};
}

/* Bytes of the well-formed sequence at p, or 0; *part: how many bytes of an ill-formed one belong together. */
static size_t sequence(const unsigned char *p, size_t n, size_t *part)
{
	struct lead l;

	*part = 1;
	if (p[0] < 0x80)
		return 1;
	l = lead_of(p[0]);
	if (l.n == 0 || n < 2 || p[1] < l.lo || p[1] > l.hi)
		return 0;
	for (size_t i = 2; i < l.n; i++) {
		*part = i;
		if (i >= n || (p[i] & 0xc0) != 0x80)
			return 0;
	}
	return l.n;
}

size_t utf8_valid_len(struct str s)
{
	const unsigned char *p = (const unsigned char *)s.p;
	size_t i = 0, part;

	while (i < s.len) {
		size_t n;
		uint64_t w;

		while (s.len - i >= 8 && (memcpy(&w, p + i, 8), !(w & 0x8080808080808080)))
			i += 8;
		if (i == s.len)
			break;
		n = sequence(p + i, s.len - i, &part);
		if (n == 0)
			break;
		i += n;
	}
	return i;
}

bool utf8_valid(struct str s)
{
	return utf8_valid_len(s) == s.len;
}

size_t utf8_bad_len(struct str s)
{
	size_t part;

	sequence((const unsigned char *)s.p, s.len, &part);
	return part;
}

struct str utf8_scrub(struct arena *a, struct str s)
{
	size_t good = utf8_valid_len(s), n = 0;
	char *out;

	if (good == s.len)
		return s;
	/* Each bad byte becomes three at most. */
	out = arena_bytes(a, good + (s.len - good) * 3);
	for (;;) {
		if (good)
			memcpy(out + n, s.p, good);
		n += good;
		s = str_from(s, good);
		if (s.len == 0)
			return str_n(out, n);
		memcpy(out + n, "\xef\xbf\xbd", 3);
		n += 3;
		s = str_from(s, utf8_bad_len(s));
		good = utf8_valid_len(s);
	}
}

int32_t utf8_next(struct str *s)
{
	const unsigned char *p = (const unsigned char *)s->p;
	size_t n, part;
	int32_t cp;

	if (s->len == 0)
		return -1;
	n = sequence(p, s->len, &part);
	*s = str_from(*s, n ? n : 1);
	switch (n) {
	case 1:
		return p[0];
	case 2:
		return (p[0] & 0x1f) << 6 | (p[1] & 0x3f);
	case 3:
		return (p[0] & 0x0f) << 12 | (p[1] & 0x3f) << 6 | (p[2] & 0x3f);
	case 4:
		cp = (p[0] & 0x07) << 18 | (p[1] & 0x3f) << 12;
		return cp | (p[2] & 0x3f) << 6 | (p[3] & 0x3f);
	}
	return -1;
}

size_t utf8_put(char out[4], uint32_t cp)
{
	if (cp < 0x80) {
		out[0] = (char)cp;
		return 1;
	}
	if (cp < 0x800) {
		out[0] = (char)(0xc0 | cp >> 6);
		out[1] = (char)(0x80 | (cp & 0x3f));
		return 2;
	}
	if (cp < 0x10000) {
		out[0] = (char)(0xe0 | cp >> 12);
		out[1] = (char)(0x80 | (cp >> 6 & 0x3f));
		out[2] = (char)(0x80 | (cp & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | cp >> 18);
	out[1] = (char)(0x80 | (cp >> 12 & 0x3f));
	out[2] = (char)(0x80 | (cp >> 6 & 0x3f));
	out[3] = (char)(0x80 | (cp & 0x3f));
	return 4;
}
