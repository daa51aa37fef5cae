#include "base/ip.h"

/* The dotted quad; strict, so that 010.1.1.1 is not read as octal here and as decimal there. */
static bool parse_v4(struct str s, uint8_t out[4])
{
	const char *p = s.p, *end = s.p + s.len;

	for (int i = 0; i < 4; i++) {
		const char *first = p;
		unsigned v = 0;

		while (p < end && p - first < 3 && ch_digit(*p))
			v = v * 10 + (unsigned)(*p++ - '0');
		if (p == first || v > 255 || (p - first > 1 && *first == '0'))
			return false;
		out[i] = (uint8_t)v;
		if (i < 3 && (p == end || *p++ != '.'))
			return false;
	}
	return p == end;
}

/* One group of up to four hexadecimal digits at the front of *s. */
static bool take_group(struct str *s, uint16_t *out)
{
	unsigned v = 0;
	size_t n = 0;

	while (n < s->len && n < 4 && ch_xdigit(s->p[n])) {
		char c = s->p[n++];

		v = v << 4 | (unsigned)(ch_digit(c) ? c - '0' : (c | 32) - 'a' + 10);
	}
	*s = str_n(s->p + n, s->len - n);
	*out = (uint16_t)v;
	return n > 0;
}

static bool parse_v6(struct str s, struct ip *out)
{
	enum { NO_GAP = 99 };
	uint8_t b[16] = {0};
	unsigned at = 0, gap = NO_GAP; /* bytes; gap: where "::" stands */

	if (str_starts(s, STR("::"))) {
		gap = 0;
		s = str_from(s, 2);
	}
	while (s.len) {
		struct str rest = s;
		uint16_t v;

		if (!take_group(&rest, &v))
			return false;
		if (rest.len && rest.p[0] == '.') {
			if (at > 12 || !parse_v4(s, b + at))
				return false;
			at += 4;
			break;
		}
		if (at > 14)
			return false;
		b[at++] = (uint8_t)(v >> 8);
		b[at++] = (uint8_t)v;
		s = rest;
		if (s.len == 0)
			break;
		if (s.p[0] != ':' || s.len == 1)
			return false;
		s = str_from(s, 1);
		if (s.p[0] == ':') {
			if (gap != NO_GAP)
				return false;
			gap = at;
			s = str_from(s, 1);
		}
	}
	/* "::" stands for one group of zeros at least (RFC 4291 2.2). */
	if (gap == NO_GAP ? at != 16 : at > 14)
		return false;
	if (gap < at)
		memmove(b + 16 - (at - gap), b + gap, at - gap);
	if (at < 16)
		memset(b + gap, 0, 16 - at);
	memcpy(out->b, b, 16);
	return true;
}

bool ip_parse(struct str s, struct ip *out)
{
	uint8_t four[4];

	if (s.len > 45)
		return false;
	if (parse_v4(s, four)) {
		*out = ip_v4(four);
		return true;
	}
	return memchr(s.len ? s.p : "", ':', s.len) && parse_v6(s, out);
}

bool ip_net_parse(struct str s, struct ip_net *out, bool *host)
{
	struct str head = s, bits = {0};
	bool has_bits = str_cut(&s, '/', &head);
	struct ip_net net;
	uint64_t n;
	bool dotted;

	if (host)
		*host = false;
	if (has_bits)
		bits = s;
	if (!ip_parse(head, &net.ip))
		return false;
	/* ::ffff:10.0.0.0/104 counts as it is written, from bit 0. */
	dotted = str_chr(head, ':') < 0;
	n = dotted ? 32 : 128;
	if (has_bits && (bits.len > 3 || (bits.len > 1 && bits.p[0] == '0') || !str_u64(bits, n, &n)))
		return false;
	net.bits = (uint8_t)(dotted ? n + IP_V4_BITS : n);
	if (!ip_net_has(&net, &net.ip)) {
		if (host)
			*host = true;
		return false;
	}
	*out = net;
	return true;
}

static size_t put_dec(char *out, unsigned v)
{
	size_t n = 0;

	if (v >= 100)
		out[n++] = (char)('0' + v / 100);
	if (v >= 10)
		out[n++] = (char)('0' + v / 10 % 10);
	out[n++] = (char)('0' + v % 10);
	return n;
}

static size_t put_v4(char *out, const uint8_t b[4])
{
	size_t n = 0;

	for (int i = 0; i < 4; i++) {
		if (i)
			out[n++] = '.';
		n += put_dec(out + n, b[i]);
	}
	out[n] = '\0';
	return n;
}

static size_t put_group(char *out, const uint8_t b[2])
{
	static const char digits[] = "0123456789abcdef";
	unsigned v = (unsigned)b[0] << 8 | b[1];
	size_t n = 0;

	for (int shift = 12; shift >= 0; shift -= 4)
		if (v >> shift || shift == 0)
			out[n++] = digits[v >> shift & 15];
	return n;
}

size_t ip_format_groups(const struct ip *ip, char out[IP_TEXT])
{
	size_t n = 0;

	if (ip_is_v4(ip))
		return put_v4(out, ip->b + 12);
	for (int i = 0; i < 8; i++) {
		if (i)
			out[n++] = ':';
		n += put_group(out + n, ip->b + 2 * i);
	}
	out[n] = '\0';
	return n;
}

size_t ip_format(const struct ip *ip, char out[IP_TEXT])
{
	int best = 8, best_len = 1; /* RFC 5952 4.2.2: a single group of zeros is not shortened */
	size_t n = 0;

	if (ip_is_v4(ip))
		return put_v4(out, ip->b + 12);
	for (int i = 0; i < 8;) {
		int len = 0;

		while (i + len < 8 && ip->b[2 * (i + len)] == 0 && ip->b[2 * (i + len) + 1] == 0)
			len++;
		if (len > best_len) {
			best = i;
			best_len = len;
		}
		i += len + 1;
	}
	for (int i = 0; i < 8; i++) {
		if (i == best) {
			out[n++] = ':';
			out[n++] = ':';
			i += best_len - 1;
			continue;
		}
		if (i && i != best + best_len)
			out[n++] = ':';
		n += put_group(out + n, ip->b + 2 * i);
	}
	out[n] = '\0';
	return n;
}

size_t ip_net_format(const struct ip_net *net, char out[IP_NET_TEXT])
{
	/* With fewer bits than 96 the ffff of a mapped address would not be left. */
	bool v4 = ip_is_v4(&net->ip);
	size_t n = ip_format(&net->ip, out);

	out[n++] = '/';
	n += put_dec(out + n, v4 ? net->bits - IP_V4_BITS : net->bits);
	out[n] = '\0';
	return n;
}

static enum ip_scope scope_v4(uint32_t a)
{
	static const struct {
		uint32_t net, mask;
		enum ip_scope scope;
	} rows[] = {
		{0x0a000000, 0xff000000, IP_PRIVATE},
		{0xac100000, 0xfff00000, IP_PRIVATE},
		{0xc0a80000, 0xffff0000, IP_PRIVATE},
		{0x7f000000, 0xff000000, IP_LOOPBACK},
		{0x64400000, 0xffc00000, IP_SHARED},
		{0xa9fe0000, 0xffff0000, IP_LINK_LOCAL},
		{0x00000000, 0xff000000, IP_UNSPECIFIED},
		{0xe0000000, 0xf0000000, IP_MULTICAST},
		{0xf0000000, 0xf0000000, IP_RESERVED},
		{0xc0000000, 0xffffff00, IP_RESERVED}, /* RFC 6890 */
		{0xc0000200, 0xffffff00, IP_RESERVED}, /* RFC 5737 */
		{0xc6336400, 0xffffff00, IP_RESERVED},
		{0xcb007100, 0xffffff00, IP_RESERVED},
		{0xc6120000, 0xfffe0000, IP_RESERVED}, /* RFC 2544 */
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if ((a & rows[i].mask) == rows[i].net)
			return rows[i].scope;
	return IP_GLOBAL;
}

enum ip_scope ip_scope(const struct ip *ip)
{
	uint64_t high = ip_high(ip), low = ip_low(ip);

	if (high == 0 && low >> 32 == 0xffff)
		return scope_v4((uint32_t)low);
	if (high == 0 && low <= 1)
		return low ? IP_LOOPBACK : IP_UNSPECIFIED;
	if (high >> 57 == 0xfc >> 1 || high >> 54 == 0xfec0 >> 6)
		return IP_PRIVATE;
	if (high >> 54 == 0xfe80 >> 6)
		return IP_LINK_LOCAL;
	if (high >> 56 == 0xff)
		return IP_MULTICAST;
	/* RFC 6052: the IPv4 address behind a translator is what counts. */
	if (high == 0x0064ff9b00000000 && low >> 32 == 0)
		return scope_v4((uint32_t)low);
	if (high >> 32 == 0x20010db8 || high >> 44 == 0x3fff0 || high == 0x0100000000000000 || high >> 36 == 0x2001002 ||
	    (high == 0 && low >> 32 == 0) || high >> 16 == 0x0064ff9b0001)
		return IP_RESERVED; /* RFC 3849, 9637, 6666, 7343, 4291 section 2.5.5.1, 8215 */
	return IP_GLOBAL;
}
