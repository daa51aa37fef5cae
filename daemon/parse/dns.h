/*
 * parse/dns.h - a DNS message on the wire (RFC 1035 4.1): its header, its records, names and what records hold, as text.
 *
 *	header	id, flags, four counts: 12 bytes
 *	question	name, type, class
 *	record	name, type, class, ttl:32, length:16, data
 *	name	length 1..63, label ... 0		or, at any label: 11, offset:14, where the rest of the name stands
 *
 * A pointer must lead strictly backward, behind the header, and at most DNS_HOPS_MAX are followed, so every name ends. Names are lower case
 * without the final dot (the root is "."); within a label every byte but printable ASCII, and the dot and the backslash themselves, is
 * \DDD: a dot in the text always separates labels. Counts of the header are only believed as far as there are bytes.
 *
 * Pure; any thread. Text is appended to a struct buf, whose maximum is the caller's.
 */
#ifndef WEIR_PARSE_DNS_H
#define WEIR_PARSE_DNS_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/ip.h"

enum {
	DNS_HEADER = 12,
	DNS_HOPS_MAX = 128,
	DNS_NAME_MAX = 255,	  /* bytes on the wire */
	DNS_NAME_TEXT = 4 * DNS_NAME_MAX,
};

enum dns_section { DNS_QUESTION, DNS_ANSWER, DNS_AUTHORITY, DNS_ADDITIONAL, DNS_SECTIONS };

enum dns_type {
	DNS_A = 1,
	DNS_NS = 2,
	DNS_CNAME = 5,
	DNS_SOA = 6,
	DNS_AAAA = 28,
	DNS_OPT = 41,
};

/* Of the header's second word. */
enum {
	DNS_QR = 0x8000,
	DNS_AA = 0x0400,
	DNS_TC = 0x0200,
	DNS_RD = 0x0100,
	DNS_RA = 0x0080,
	DNS_AD = 0x0020,
	DNS_CD = 0x0010,
};

struct dns_reader {
	struct str msg;
	uint16_t id, flags;
	uint16_t count[DNS_SECTIONS];
	size_t at;
	unsigned section;
	uint32_t done; /* records of this section */
	const char *error; /* a literal */
};

struct dns_record {
	enum dns_section section;
	size_t name; /* where its owner stands */
	uint16_t type, class;
	uint32_t ttl; /* 0 in questions, as data and len */
	size_t data;
	uint16_t len;
};

/* The header. false: too short (r->error). */
bool dns_open(struct dns_reader *r, struct str msg);
/* The next question or record, sections in order. false: the end, or r->error. What follows the last one is not looked at. */
bool dns_next(struct dns_reader *r, struct dns_record *out);

/*
 * Appends the name that begins at `at`. *end: behind it (a pointer ends it, too). NULL, or what is wrong (then nothing was
 * appended); "no room" where the buffer is full.
 */
const char *dns_name(struct str msg, size_t at, struct buf *out, size_t *end);
/* Where a name consists of nothing but a pointer: to where; else 0. */
size_t dns_name_pointer(struct str msg, size_t at);

/*
 * Appends what the record holds in presentation form; an RRSIG without its signature, an NSEC3 without its hash, both ending in "...". A type that
 * is not known, HTTPS and SVCB: RFC 3597's form, \# LENGTH HEX. NULL, or what is wrong: then the latter form was appended.
 */
const char *dns_data(struct str msg, const struct dns_record *r, struct buf *out);

/* "AAAA"; of unknown numbers "TYPE65280", "CLASS3999", "RCODE3000", "OPCODE7" in the arena. */
struct str dns_type_name(struct arena *a, uint16_t type);
struct str dns_class_name(struct arena *a, uint16_t class);
struct str dns_rcode_name(struct arena *a, unsigned rcode);
struct str dns_opcode_name(struct arena *a, unsigned opcode);
/* What an extended error (RFC 8914) means, or .p NULL. */
struct str dns_extended_error(unsigned code);

/* 4 or 16 bytes as text (RFC 5952; mapped IPv4 as IPv4); returns the length, 0 for any other number of bytes. */
size_t dns_ip_text(struct str bytes, char out[IP_TEXT]);

static inline uint16_t dns_get16(struct str msg, size_t at)
{
	return (uint16_t)((uint8_t)msg.p[at] << 8 | (uint8_t)msg.p[at + 1]);
}

static inline uint32_t dns_get32(struct str msg, size_t at)
{
	return (uint32_t)dns_get16(msg, at) << 16 | dns_get16(msg, at + 2);
}

#endif
