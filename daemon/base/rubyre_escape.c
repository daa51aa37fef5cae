/*
 * rubyre_escape.c - escapes of Ruby's syntax that stand for one character, in brackets and outside of them.
 */
#include "base/rubyre_int.h"

#include "base/utf8.h"

uint32_t rubyre_take_hex(struct parser *p, unsigned max, unsigned *digits)
{
	uint32_t v = 0;

	for (*digits = 0; *digits < max && more(p) && ch_xdigit(peek(p, 0)); ++*digits) {
		char c = ch_lower(peek(p, 0));

		v = v * 16 + (uint32_t)(ch_digit(c) ? c - '0' : c - 'a' + 10);
		p->pos++;
	}
	return v;
}

int rubyre_check_code(struct parser *p, uint32_t c)
{
	if (c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return rubyre_fail(p, "no such character");
	return 0;
}

/* \xHH from 0x80 on is one byte of UTF-8: its neighbours must complete it. p stands behind the first. */
static int take_bytes(struct parser *p, uint32_t first, uint32_t *code)
{
	char bytes[4] = {(char)first};
	size_t want = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2, n = 1;
	unsigned digits;
	struct str s;

	while (n < want && ahead(p, STR("\\x"))) {
		p->pos += 2;
		bytes[n++] = (char)rubyre_take_hex(p, 2, &digits);
	}
	s = str_n(bytes, n);
	if (!utf8_valid(s))
		return rubyre_fail(p, "invalid multibyte escape");
	*code = (uint32_t)utf8_next(&s);
	return 0;
}

/* \u{..}: one code; several are possible outside of brackets and are read by the caller. */
static int take_u(struct parser *p, uint32_t *code)
{
	unsigned digits;

	if (peek(p, 0) == '{') {
		p->pos++;
		*code = rubyre_take_hex(p, 6, &digits);
		if (!digits || peek(p, 0) != '}')
			return rubyre_fail(p, "invalid Unicode escape");
		p->pos++;
	} else {
		*code = rubyre_take_hex(p, 4, &digits);
		if (digits != 4)
			return rubyre_fail(p, "invalid Unicode escape");
	}
	return rubyre_check_code(p, *code);
}

static int take_control(struct parser *p, uint32_t *code)
{
	if (!more(p))
		return rubyre_fail(p, "too short control sequence");
	*code = rubyre_take_code(p);
	*code = *code == '?' ? 0x7f : *code & 0x1f;
	return 0;
}

int rubyre_take_escape(struct parser *p, uint32_t *code)
{
	static const char letters[] = "tnrfveab", codes[] = "\t\n\r\f\v\x1b\a\b";
	const char *at;
	unsigned digits;
	char c = peek(p, 0);

	if (!more(p))
		return rubyre_fail(p, "too short escape sequence");
	at = c && c != 'b' ? strchr(letters, c) : NULL;
	if (at) {
		p->pos++;
		*code = (uint32_t)codes[at - letters];
		return 0;
	}
	if (c >= '0' && c <= '7') {
		*code = 0;
		for (int i = 0; i < 3 && peek(p, 0) >= '0' && peek(p, 0) <= '7'; i++)
			*code = *code * 8 + (uint32_t)(p->src.p[p->pos++] - '0');
		return *code < 0x80 ? 0 : rubyre_fail(p, "invalid multibyte escape");
	}
	if (c == 'x') {
		p->pos++;
		if (peek(p, 0) == '{')
			return take_u(p, code);
		*code = rubyre_take_hex(p, 2, &digits);
		if (!digits)
			return rubyre_fail(p, "invalid hex escape");
		return *code < 0x80 ? 0 : take_bytes(p, *code, code);
	}
	if (c == 'u') {
		p->pos++;
		return take_u(p, code);
	}
	if (c == 'c' || (c == 'C' && peek(p, 1) == '-')) {
		p->pos += c == 'c' ? 1 : 2;
		return take_control(p, code);
	}
	if (c == 'M' && peek(p, 1) == '-')
		return rubyre_fail(p, "meta characters are not supported");
	*code = rubyre_take_code(p);
	return 0;
}
