/*
 * parse/dns_data.c - what DNS records hold, as text; see dns.h.
 *
 * A type is a row: its name and the layout of its data, a letter for each part:
 *
 *	4  IPv4 address		6  IPv6 address		n  name, lower case
 *	b h w  number of 8, 16, 32 bits	d  32 bits as YYYYMMDDHHMMSS	T  16 bits, a type
 *	s  one <character-string> in quotes	S  one or more of them	t  the same, bare (CAA's tag)
 *	q  the rest in quotes	x  the rest as hex	B  the rest as base64	m  the rest as a bitmap of types
 *	l  8 bits length, bytes as hex, "-" if none	.  the rest is left out: "..."
 */
#include "parse/dns.h"
#include "base/ts.h"

struct row {
	uint16_t type;
	struct str name;
	const char *layout; /* NULL: the generic form */
};

static const struct row rows[] = {
	{1, STR_INIT("A"), "4"},
	{2, STR_INIT("NS"), "n"},
	{5, STR_INIT("CNAME"), "n"},
	{6, STR_INIT("SOA"), "nnwwwww"},
	{10, STR_INIT("NULL"), NULL},
	{11, STR_INIT("WKS"), NULL},
	{12, STR_INIT("PTR"), "n"},
	{13, STR_INIT("HINFO"), "ss"},
	{15, STR_INIT("MX"), "hn"},
	{16, STR_INIT("TXT"), "S"},
	{17, STR_INIT("RP"), "nn"},
	{18, STR_INIT("AFSDB"), "hn"},
	{24, STR_INIT("SIG"), "Tbbwddhn."},
	{25, STR_INIT("KEY"), "hbbB"},
	{28, STR_INIT("AAAA"), "6"},
	{29, STR_INIT("LOC"), NULL},
	{33, STR_INIT("SRV"), "hhhn"},
	{35, STR_INIT("NAPTR"), "hhsssn"},
	{36, STR_INIT("KX"), "hn"},
	{37, STR_INIT("CERT"), "hhbB"},
	{39, STR_INIT("DNAME"), "n"},
	{41, STR_INIT("OPT"), NULL},
	{42, STR_INIT("APL"), NULL},
	{43, STR_INIT("DS"), "hbbx"},
	{44, STR_INIT("SSHFP"), "bbx"},
	{45, STR_INIT("IPSECKEY"), NULL},
	{46, STR_INIT("RRSIG"), "Tbbwddhn."},
	{47, STR_INIT("NSEC"), "nm"},
	{48, STR_INIT("DNSKEY"), "hbbB"},
	{49, STR_INIT("DHCID"), "B"},
	{50, STR_INIT("NSEC3"), "bbhl."},
	{51, STR_INIT("NSEC3PARAM"), "bbhl"},
	{52, STR_INIT("TLSA"), "bbbx"},
	{53, STR_INIT("SMIMEA"), "bbbx"},
	{55, STR_INIT("HIP"), NULL},
	{59, STR_INIT("CDS"), "hbbx"},
	{60, STR_INIT("CDNSKEY"), "hbbB"},
	{61, STR_INIT("OPENPGPKEY"), "B"},
	{62, STR_INIT("CSYNC"), "whm"},
	{63, STR_INIT("ZONEMD"), "wbbx"},
	{64, STR_INIT("SVCB"), NULL},
	{65, STR_INIT("HTTPS"), NULL},
	{99, STR_INIT("SPF"), "S"},
	{249, STR_INIT("TKEY"), NULL},
	{250, STR_INIT("TSIG"), NULL},
	{251, STR_INIT("IXFR"), NULL},
	{252, STR_INIT("AXFR"), NULL},
	{255, STR_INIT("ANY"), NULL},
	{256, STR_INIT("URI"), "hhq"},
	{257, STR_INIT("CAA"), "btq"},
	{32768, STR_INIT("TA"), "hbbx"},
	{32769, STR_INIT("DLV"), "hbbx"},
};

static const struct row *row_of(uint16_t type)
{
	size_t low = 0, high = sizeof(rows) / sizeof(*rows);

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (rows[mid].type == type)
			return &rows[mid];
		if (rows[mid].type < type)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

struct str dns_type_name(struct arena *a, uint16_t type)
{
	const struct row *r = row_of(type);

	return r ? r->name : arena_printf(a, "TYPE%u", type);
}

struct str dns_class_name(struct arena *a, uint16_t class)
{
	switch (class) {
	case 1:
		return STR("IN");
	case 3:
		return STR("CH");
	case 4:
		return STR("HS");
	case 254:
		return STR("NONE");
	case 255:
		return STR("ANY");
	default:
		return arena_printf(a, "CLASS%u", class);
	}
}

struct str dns_rcode_name(struct arena *a, unsigned rcode)
{
	static const struct str names[] = {
		STR_INIT("NOERROR"), STR_INIT("FORMERR"), STR_INIT("SERVFAIL"), STR_INIT("NXDOMAIN"), STR_INIT("NOTIMP"),
		STR_INIT("REFUSED"), STR_INIT("YXDOMAIN"), STR_INIT("YXRRSET"), STR_INIT("NXRRSET"), STR_INIT("NOTAUTH"),
		STR_INIT("NOTZONE"), STR_INIT("DSOTYPENI"), {0}, {0}, {0}, {0}, STR_INIT("BADVERS"), STR_INIT("BADKEY"),
		STR_INIT("BADTIME"), STR_INIT("BADMODE"), STR_INIT("BADNAME"), STR_INIT("BADALG"), STR_INIT("BADTRUNC"),
		STR_INIT("BADCOOKIE"),
	};

	if (rcode < sizeof(names) / sizeof(*names) && names[rcode].p)
		return names[rcode];
	return arena_printf(a, "RCODE%u", rcode);
}

struct str dns_opcode_name(struct arena *a, unsigned opcode)
{
	static const struct str names[] = {STR_INIT("QUERY"), STR_INIT("IQUERY"), STR_INIT("STATUS"), {0}, STR_INIT("NOTIFY"),
					   STR_INIT("UPDATE"), STR_INIT("DSO")};

	if (opcode < sizeof(names) / sizeof(*names) && names[opcode].p)
		return names[opcode];
	return arena_printf(a, "OPCODE%u", opcode);
}

struct str dns_extended_error(unsigned code)
{
	static const struct str names[] = {
		STR_INIT("other"), STR_INIT("unsupported dnskey algorithm"), STR_INIT("unsupported ds digest"), STR_INIT("stale answer"),
		STR_INIT("forged answer"), STR_INIT("dnssec indeterminate"), STR_INIT("dnssec bogus"), STR_INIT("signature expired"),
		STR_INIT("signature not yet valid"), STR_INIT("dnskey missing"), STR_INIT("rrsigs missing"), STR_INIT("no zone key bit set"),
		STR_INIT("nsec missing"), STR_INIT("cached error"), STR_INIT("not ready"), STR_INIT("blocked"), STR_INIT("censored"),
		STR_INIT("filtered"), STR_INIT("prohibited"), STR_INIT("stale nxdomain answer"), STR_INIT("not authoritative"),
		STR_INIT("not supported"), STR_INIT("no reachable authority"), STR_INIT("network error"), STR_INIT("invalid data"),
	};

	return code < sizeof(names) / sizeof(*names) ? names[code] : (struct str){0};
}

size_t dns_ip_text(struct str bytes, char out[IP_TEXT])
{
	struct ip ip;

	if (bytes.len == 4)
		ip = ip_v4(bytes.p);
	else if (bytes.len == sizeof(ip.b))
		memcpy(ip.b, bytes.p, sizeof(ip.b));
	else
		return 0;
	return ip_format(&ip, out);
}

/* ---- the parts of a layout ---- */

static const char hex_digits[] = "0123456789abcdef";

static void put_hex(struct buf *b, struct str s)
{
	char *q = buf_room(b, 2 * s.len);

	if (!q)
		return;
	for (size_t i = 0; i < s.len; i++) {
		*q++ = hex_digits[(uint8_t)s.p[i] >> 4];
		*q++ = hex_digits[(uint8_t)s.p[i] & 15];
	}
	b->len += 2 * s.len;
}

static void put_base64(struct buf *b, struct str s)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const uint8_t *p = (const uint8_t *)s.p;
	size_t n = (s.len + 2) / 3 * 4;
	char *q = buf_room(b, n);

	if (!q)
		return;
	for (size_t i = 0; i < s.len; i += 3) {
		size_t left = s.len - i;
		uint32_t v = (uint32_t)p[i] << 16 | (left > 1 ? (uint32_t)p[i + 1] << 8 : 0) | (left > 2 ? p[i + 2] : 0);

		*q++ = digits[v >> 18];
		*q++ = digits[v >> 12 & 63];
		*q++ = left > 1 ? digits[v >> 6 & 63] : '=';
		*q++ = left > 2 ? digits[v & 63] : '=';
	}
	b->len += n;
}

static void put_quoted(struct buf *b, struct str s, bool quotes)
{
	char *begin = buf_room(b, 4 * s.len + 2), *q = begin;

	if (!q)
		return;
	if (quotes)
		*q++ = '"';
	for (size_t i = 0; i < s.len; i++) {
		uint8_t c = (uint8_t)s.p[i];

		if (c < 0x20 || c > 0x7e) {
			*q++ = '\\';
			*q++ = (char)('0' + c / 100);
			*q++ = (char)('0' + c / 10 % 10);
			*q++ = (char)('0' + c % 10);
			continue;
		}
		if (c == '"' || c == '\\')
			*q++ = '\\';
		*q++ = (char)c;
	}
	if (quotes)
		*q++ = '"';
	b->len += (size_t)(q - begin);
}

static void put_date(struct buf *b, uint32_t s)
{
	struct civil c;

	civil_from_seconds(s, &c);
	buf_printf(b, "%04d%02d%02d%02d%02d%02d", (int)c.year, c.month, c.day, c.hour, c.min, c.sec);
}

static void put_type(struct buf *b, uint16_t type)
{
	const struct row *r = row_of(type);

	if (r)
		buf_str(b, r->name);
	else
		buf_printf(b, "TYPE%u", type);
}

/* RFC 4034 4.1.2: windows of up to 32 bytes of bits. */
static bool put_bitmap(struct buf *b, struct str s)
{
	bool first = true;

	while (s.len) {
		unsigned window, n;

		if (s.len < 2)
			return false;
		window = (uint8_t)s.p[0];
		n = (uint8_t)s.p[1];
		if (n < 1 || n > 32 || n > s.len - 2)
			return false;
		for (unsigned i = 0; i < n * 8; i++) {
			if (!((uint8_t)s.p[2 + i / 8] & 0x80 >> i % 8))
				continue;
			if (!first)
				buf_ch(b, ' ');
			first = false;
			put_type(b, (uint16_t)(window << 8 | i));
		}
		s = str_from(s, 2 + (size_t)n);
	}
	return true;
}

/* A <character-string> at *at within the first `end` bytes. */
static bool take_string(struct str msg, size_t *at, size_t end, struct str *out)
{
	size_t n;

	if (*at >= end)
		return false;
	n = (uint8_t)msg.p[*at];
	if (n > end - *at - 1)
		return false;
	*out = str_sub(msg, *at + 1, n);
	*at += 1 + n;
	return true;
}

/* A number of so many bytes. */
static bool take_number(struct str msg, size_t *at, size_t end, unsigned bytes, uint32_t *v)
{
	if (end - *at < bytes)
		return false;
	*v = 0;
	for (unsigned i = 0; i < bytes; i++)
		*v = *v << 8 | (uint8_t)msg.p[*at + i];
	*at += bytes;
	return true;
}

/* One part; *at never passes end. false: it is not there or not well-formed. */
static bool put_part(char kind, struct str msg, size_t *at, size_t end, struct buf *out)
{
	struct str s, rest = str_sub(msg, *at, end - *at);
	char text[IP_TEXT];
	uint32_t v;
	size_t n;

	switch (kind) {
	case '4':
	case '6':
		n = kind == '4' ? 4 : 16;
		if (rest.len < n)
			return false;
		buf_add(out, text, dns_ip_text(str_sub(rest, 0, n), text));
		*at += n;
		return true;
	case 'n':
		/* Its own labels must lie within the record; only a pointer may lead out of it. */
		return *at < end && !dns_name(msg, *at, out, at) && *at <= end;
	case 'b':
	case 'h':
	case 'w':
		if (!take_number(msg, at, end, kind == 'b' ? 1 : kind == 'h' ? 2 : 4, &v))
			return false;
		buf_u64(out, v);
		return true;
	case 'd':
		if (!take_number(msg, at, end, 4, &v))
			return false;
		put_date(out, v);
		return true;
	case 'T':
		if (!take_number(msg, at, end, 2, &v))
			return false;
		put_type(out, (uint16_t)v);
		return true;
	case 's':
	case 't':
		if (!take_string(msg, at, end, &s))
			return false;
		put_quoted(out, s, kind == 's');
		return true;
	case 'S':
		do {
			if (!take_string(msg, at, end, &s))
				return false;
			put_quoted(out, s, true);
			if (*at < end)
				buf_ch(out, ' ');
		} while (*at < end);
		return true;
	case 'l':
		if (!take_string(msg, at, end, &s))
			return false;
		if (s.len)
			put_hex(out, s);
		else
			buf_ch(out, '-');
		return true;
	default:
		break;
	}
	*at = end;
	switch (kind) {
	case 'q':
		put_quoted(out, rest, true);
		return true;
	case 'x':
		put_hex(out, rest);
		return true;
	case 'B':
		put_base64(out, rest);
		return true;
	case 'm':
		return put_bitmap(out, rest);
	default: /* '.' */
		buf_lit(out, "...");
		return rest.len > 0;
	}
}

static void put_generic(struct buf *out, struct str data)
{
	buf_printf(out, "\\# %zu", data.len);
	if (data.len) {
		buf_ch(out, ' ');
		put_hex(out, data);
	}
}

const char *dns_data(struct str msg, const struct dns_record *r, struct buf *out)
{
	const struct row *row = row_of(r->type);
	struct str data = str_sub(msg, r->data, r->len);
	size_t at = r->data, end = r->data + r->len, before = out->len;
	bool ok = true;

	if (!row || !row->layout) {
		put_generic(out, data);
		return NULL;
	}
	for (const char *k = row->layout; *k && ok; k++) {
		if (k != row->layout)
			buf_ch(out, ' ');
		ok = put_part(*k, msg, &at, end, out);
	}
	if (ok && at == end)
		return NULL;
	if (out->over)
		return NULL; /* it may be good: there was only no room, which the owner of the buffer sees */
	out->len = before;
	put_generic(out, data);
	return "a DNS record whose data does not fit its type";
}
