#include "input/proxy_header.h"

#include "base/ip.h"

#include <arpa/inet.h>

static const struct str binary_signature = STR_INIT("\r\n\r\n\0\r\nQUIT\n");
static const struct str text_signature = STR_INIT("PROXY ");

enum { COMMAND_LOCAL = 0x20, COMMAND_PROXY = 0x21, STREAM_IPV4 = 0x11, STREAM_IPV6 = 0x21, IPV4_BYTES = 12, IPV6_BYTES = 36 };

static enum proxy_answer broken(const char **why, const char *text)
{
	*why = text;
	return PROXY_BROKEN;
}

/* Whether in begins with s, or may yet. */
static bool may_start(struct str in, struct str s)
{
	return str_starts(s, str_sub(in, 0, s.len));
}

static struct sockaddr_storage address(int family, const void *ip, uint16_t port)
{
	struct sockaddr_storage sa = {.ss_family = (sa_family_t)family};

	if (family == AF_INET) {
		memcpy(&((struct sockaddr_in *)&sa)->sin_addr, ip, 4);
		((struct sockaddr_in *)&sa)->sin_port = htons(port);
	} else {
		memcpy(&((struct sockaddr_in6 *)&sa)->sin6_addr, ip, 16);
		((struct sockaddr_in6 *)&sa)->sin6_port = htons(port);
	}
	return sa;
}

/* ---- version 1 ---- */

static bool take_ip(struct str *s, int family, struct ip *ip)
{
	struct str word;

	/* IPv4 is written with dots and IPv6 is not without colons. */
	return str_cut(s, ' ', &word) && (str_chr(word, ':') >= 0) == (family == AF_INET6) && ip_parse(word, ip);
}

/* "TCP4 192.0.2.7 198.51.100.1 51905 5000" */
static bool read_text(struct str s, struct proxy_header *h)
{
	int family;
	struct str word;
	struct ip from, to;
	uint64_t from_port, to_port;
	size_t skip;

	if (str_eq(str_sub(s, 0, 7), STR("UNKNOWN")) && (s.len == 7 || s.p[7] == ' ')) {
		*h = (struct proxy_header){0};
		return true;
	}
	if (!str_cut(&s, ' ', &word))
		return false;
	if (str_eq(word, STR("TCP4")))
		family = AF_INET;
	else if (str_eq(word, STR("TCP6")))
		family = AF_INET6;
	else
		return false;
	if (!take_ip(&s, family, &from) || !take_ip(&s, family, &to) || !str_cut(&s, ' ', &word) || !str_u64(word, UINT16_MAX, &from_port) ||
	    !str_u64(s, UINT16_MAX, &to_port))
		return false;
	skip = family == AF_INET ? 12 : 0;
	h->client = address(family, from.b + skip, (uint16_t)from_port);
	h->proxy = address(family, to.b + skip, (uint16_t)to_port);
	return true;
}

static enum proxy_answer text_header(struct str in, struct proxy_header *h, size_t *used, const char **why)
{
	struct str line = str_sub(in, 0, PROXY_TEXT_MAX);
	ptrdiff_t end = str_find(line, STR("\r\n"));

	if (end < 0)
		return in.len < PROXY_TEXT_MAX ? PROXY_MORE : broken(why, "its PROXY header has no end");
	line.len = (size_t)end;
	if (!read_text(str_from(line, text_signature.len), h))
		return broken(why, "its PROXY header is malformed");
	*used = (size_t)end + 2;
	return PROXY_HEADER;
}

/* ---- version 2 ---- */

static uint16_t u16(const unsigned char *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static enum proxy_answer binary_header(struct str in, struct proxy_header *h, size_t *used, const char **why)
{
	const unsigned char *p = (const unsigned char *)in.p, *a = p + PROXY_BINARY_HEAD;
	size_t len, need;

	if (in.len > 12 && p[12] != COMMAND_LOCAL && p[12] != COMMAND_PROXY)
		return broken(why, "its PROXY header has an unknown version or command");
	if (in.len < PROXY_BINARY_HEAD)
		return PROXY_MORE;
	len = u16(p + 14);
	/* What a header for itself says of addresses means nothing, and so does any family that has no IP address. */
	need = p[12] == COMMAND_LOCAL ? 0 : p[13] == STREAM_IPV4 ? IPV4_BYTES : p[13] == STREAM_IPV6 ? IPV6_BYTES : 0;
	if (len < need)
		return broken(why, "its PROXY header is too short for its addresses");
	if (len > PROXY_HEADER_MAX - PROXY_BINARY_HEAD)
		return broken(why, "its PROXY header is too long");
	if (in.len < PROXY_BINARY_HEAD + len)
		return PROXY_MORE;
	*h = (struct proxy_header){0};
	if (need == IPV4_BYTES) {
		h->client = address(AF_INET, a, u16(a + 8));
		h->proxy = address(AF_INET, a + 4, u16(a + 10));
	} else if (need == IPV6_BYTES) {
		h->client = address(AF_INET6, a, u16(a + 32));
		h->proxy = address(AF_INET6, a + 16, u16(a + 34));
	}
	*used = PROXY_BINARY_HEAD + len;
	return PROXY_HEADER;
}

enum proxy_answer proxy_header_read(struct str in, struct proxy_header *h, size_t *used, const char **why)
{
	if (in.len && may_start(in, binary_signature))
		return in.len < binary_signature.len ? PROXY_MORE : binary_header(in, h, used, why);
	if (in.len && may_start(in, text_signature))
		return in.len < text_signature.len ? PROXY_MORE : text_header(in, h, used, why);
	return in.len ? broken(why, "it does not begin with a PROXY header") : PROXY_MORE;
}
