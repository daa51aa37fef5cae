/*
 * ip.h - an address of either family as 16 bytes, and prefixes of it.
 *
 * IPv4 is kept mapped (::ffff:a.b.c.d), so that one comparison, one hash and one table do for both families: a line that says
 * ::ffff:10.0.0.1 and one that says 10.0.0.1 mean the same host. Prefix lengths inside weir always count from bit 0 of the 16
 * bytes: 10.0.0.0/8 is 104.
 *
 * Any thread; nothing allocates.
 */
#ifndef WEIR_BASE_IP_H
#define WEIR_BASE_IP_H

#include "base/str.h"

struct ip {
	uint8_t b[16]; /* network order */
};

struct ip_net {
	struct ip ip;  /* behind `bits` all zero */
	uint8_t bits; /* 0..128; of IPv4 96 + n */
};

enum {
	IP_TEXT = 48,	   /* enough for any ip_format() with its NUL */
	IP_NET_TEXT = 52,  /* and for any ip_net_format() */
	IP_V4_BITS = 96,   /* what stands before a mapped IPv4 address */
};

/* What an address can mean outside of its host, link or site. */
enum ip_scope {
	IP_GLOBAL,
	IP_PRIVATE,	/* RFC 1918, RFC 4193 (fc00::/7), fec0::/10 */
	IP_SHARED,	/* 100.64.0.0/10, carrier grade NAT */
	IP_LINK_LOCAL,	/* 169.254.0.0/16, fe80::/10 */
	IP_LOOPBACK,	/* 127.0.0.0/8, ::1 */
	IP_UNSPECIFIED, /* 0.0.0.0/8, :: */
	IP_MULTICAST,	/* 224.0.0.0/4, ff00::/8 */
	IP_RESERVED,	/* documentation, benchmarks, protocol blocks, 240.0.0.0/4 with the broadcast address, discard-only */
};

/*
 * The whole slice as an address: four decimal parts without leading zeros, or RFC 4291 text with or without an IPv4 tail. No blanks,
 * brackets, zone, port or short forms ("10.1"). On false *out is untouched.
 */
bool ip_parse(struct str s, struct ip *out);
/*
 * ADDRESS/BITS; without "/BITS" the address alone. Bits behind the prefix must be zero ("10.1.2.3/8" is false: somebody
 * meant something else), which *host tells apart from text that is no prefix at all; host may be NULL.
 */
bool ip_net_parse(struct str s, struct ip_net *out, bool *host);

/* RFC 5952, IPv4 as dotted quad; NUL-terminated, returns the length. */
size_t ip_format(const struct ip *ip, char out[IP_TEXT]);
/* The same, but IPv6 as eight groups without "::", as Java prints it. */
size_t ip_format_groups(const struct ip *ip, char out[IP_TEXT]);
/* With /BITS as a reader expects it (10.0.0.0/8). */
size_t ip_net_format(const struct ip_net *net, char out[IP_NET_TEXT]);

enum ip_scope ip_scope(const struct ip *ip);

/* The two halves in network order, as numbers: for comparing, shifting, hashing. */
static inline uint64_t ip_high(const struct ip *ip)
{
	uint64_t v;

	memcpy(&v, ip->b, 8);
	return __builtin_bswap64(v);
}

static inline uint64_t ip_low(const struct ip *ip)
{
	uint64_t v;

	memcpy(&v, ip->b + 8, 8);
	return __builtin_bswap64(v);
}

static inline struct ip ip_of(uint64_t high, uint64_t low)
{
	struct ip ip;

	high = __builtin_bswap64(high);
	low = __builtin_bswap64(low);
	memcpy(ip.b, &high, 8);
	memcpy(ip.b + 8, &low, 8);
	return ip;
}

/* From the four bytes of a wire format. */
static inline struct ip ip_v4(const void *four)
{
	struct ip ip = {.b = {[10] = 0xff, [11] = 0xff}};

	memcpy(ip.b + 12, four, 4);
	return ip;
}

static inline bool ip_is_v4(const struct ip *ip)
{
	return ip_high(ip) == 0 && ip_low(ip) >> 32 == 0xffff;
}

static inline bool ip_eq(const struct ip *a, const struct ip *b)
{
	return memcmp(a->b, b->b, 16) == 0;
}

/* Order of the bytes: IPv4 lies together, before every routed IPv6 address. */
static inline int ip_cmp(const struct ip *a, const struct ip *b)
{
	return memcmp(a->b, b->b, 16);
}

/* An address that means something within a site only: private, shared, link-local, loopback. */
static inline bool ip_is_private(const struct ip *ip)
{
	enum ip_scope s = ip_scope(ip);

	return s >= IP_PRIVATE && s <= IP_LOOPBACK;
}

/* Everything behind the first `bits` (0..128) set to zero. */
static inline struct ip ip_mask(const struct ip *ip, unsigned bits)
{
	uint64_t high = bits >= 64 ? ip_high(ip) : bits == 0 ? 0 : ip_high(ip) & ~(UINT64_MAX >> bits);
	uint64_t low = bits >= 128 ? ip_low(ip) : bits <= 64 ? 0 : ip_low(ip) & ~(UINT64_MAX >> (bits - 64));

	return ip_of(high, low);
}

static inline bool ip_net_has(const struct ip_net *net, const struct ip *ip)
{
	struct ip m = ip_mask(ip, net->bits);

	return ip_eq(&m, &net->ip);
}

#endif
