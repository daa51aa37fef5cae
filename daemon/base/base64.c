#include "base/base64.h"

size_t base64_encode(char *out, struct str s)
{
	static const char digit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	char *q = out;

	for (size_t i = 0; i < s.len; i += 3) {
		unsigned char c[3] = {0};
		size_t n = s.len - i < 3 ? s.len - i : 3;

		memcpy(c, s.p + i, n);
		*q++ = digit[c[0] >> 2];
		*q++ = digit[(c[0] & 3) << 4 | c[1] >> 4];
		*q++ = n > 1 ? digit[(c[1] & 15) << 2 | c[2] >> 6] : '=';
		*q++ = n > 2 ? digit[c[2] & 63] : '=';
	}
	return (size_t)(q - out);
}

void base64_write(struct buf *out, struct str s)
{
	char *room = buf_room(out, BASE64_LEN(s.len));

	if (room)
		out->len += base64_encode(room, s);
}

static int base64_digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (ch_digit(c))
		return c - '0' + 52;
	return c == '+' || c == '-' ? 62 : c == '/' || c == '_' ? 63 : -1;
}

bool base64_read(struct arena *a, struct str s, struct str *out)
{
	char *p = arena_bytes(a, s.len + 1);
	unsigned bits = 0, have = 0;
	size_t n = 0;

	while (s.len && s.p[s.len - 1] == '=')
		s.len--;
	for (size_t i = 0; i < s.len; i++) {
		int d = base64_digit(s.p[i]);

		if (d < 0)
			return false;
		bits = bits << 6 | (unsigned)d;
		have += 6;
		if (have >= 8) {
			have -= 8;
			p[n++] = (char)(bits >> have);
		}
	}
	*out = str_n(p, n);
	return true;
}
