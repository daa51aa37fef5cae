/*
 * mmdb_make.h - writes small MaxMind databases, so that tests need no data of anybody.
 *
 *	struct mmdb_make m;
 *
 *	make_init(&m, 6, 28);
 *	at = make_map(&m, 1);                             the record {"country_code": "DE"}
 *	make_text(&m, "country_code"), make_text(&m, "DE");
 *	make_net(&m, "10.0.0.0/8", at);
 *	make_file(&m, "GeoLite2-City", path);             or make_bytes() for the bytes alone
 *
 * In a file of family 6 IPv4 lies below ::/96, as everybody's readers expect. A later network wins over an earlier wider one.
 */
#ifndef WEIR_TEST_MMDB_MAKE_H
#define WEIR_TEST_MMDB_MAKE_H

#include "base/buf.h"
#include "base/ip.h"

#include <stdio.h>
#include <stdlib.h>

enum { MAKE_NODES = 32768, MAKE_EMPTY = -1 };

struct mmdb_make {
	unsigned family, record_size, nodes;
	int64_t child[MAKE_NODES][2]; /* a node, MAKE_EMPTY, or -2 - offset of a record */
	uint32_t built; /* 0: the first of January 2026 */
	struct buf data, out;
};

static inline void make_init(struct mmdb_make *m, unsigned family, unsigned record_size)
{
	memset(m, 0, sizeof(*m));
	m->family = family;
	m->record_size = record_size;
	m->nodes = 1;
	m->child[0][0] = m->child[0][1] = MAKE_EMPTY;
	buf_init(&m->data, 0);
	buf_init(&m->out, 0);
}

static inline void make_release(struct mmdb_make *m)
{
	buf_release(&m->data);
	buf_release(&m->out);
}

/* ---- values: each returns where it begins ---- */

static inline size_t put_head(struct buf *b, unsigned type, size_t size)
{
	size_t at = b->len;
	unsigned first = size < 29 ? (unsigned)size : size < 285 ? 29 : 30;

	buf_ch(b, (char)((type > 7 ? 0 : type) << 5 | first));
	if (type > 7)
		buf_ch(b, (char)(type - 7));
	if (first == 30) {
		buf_ch(b, (char)((size - 285) >> 8));
		buf_ch(b, (char)(size - 285));
	} else if (first == 29) {
		buf_ch(b, (char)(size - 29));
	}
	return at;
}

static inline size_t put_big_endian(struct buf *b, uint64_t v, unsigned bytes)
{
	while (bytes--)
		buf_ch(b, (char)(v >> 8 * bytes));
	return b->len;
}

static inline size_t put_text(struct buf *b, const char *z)
{
	size_t at = put_head(b, 2, strlen(z));

	buf_str(b, str_z(z));
	return at;
}

static inline size_t put_number(struct buf *b, unsigned type, uint64_t v)
{
	unsigned bytes = 0;
	size_t at;

	while (bytes < 8 && v >> 8 * bytes)
		bytes++;
	at = put_head(b, type, bytes);
	put_big_endian(b, v, bytes);
	return at;
}

static inline size_t make_map(struct mmdb_make *m, size_t pairs)
{
	return put_head(&m->data, 7, pairs);
}

static inline size_t make_list(struct mmdb_make *m, size_t n)
{
	return put_head(&m->data, 11, n);
}

static inline size_t make_text(struct mmdb_make *m, const char *z)
{
	return put_text(&m->data, z);
}

static inline size_t make_u32(struct mmdb_make *m, uint32_t v)
{
	return put_number(&m->data, 6, v);
}

static inline size_t make_bool(struct mmdb_make *m, bool v)
{
	return put_head(&m->data, 14, v);
}

static inline size_t make_double(struct mmdb_make *m, double v)
{
	size_t at = put_head(&m->data, 3, 8);
	uint64_t bits;

	memcpy(&bits, &v, 8);
	put_big_endian(&m->data, bits, 8);
	return at;
}

static inline size_t make_float(struct mmdb_make *m, float v)
{
	size_t at = put_head(&m->data, 15, 4);
	uint32_t bits;

	memcpy(&bits, &v, 4);
	put_big_endian(&m->data, bits, 4);
	return at;
}

/* In the widest form. */
static inline size_t make_pointer(struct mmdb_make *m, size_t to)
{
	size_t at = m->data.len;

	buf_ch(&m->data, 0x38);
	put_big_endian(&m->data, to, 4);
	return at;
}

/* "key": {"names": {"de": "-", "en": name}}, with the pair in front where given ("iso_code": "GB"). */
static inline void make_named(struct mmdb_make *m, const char *key, const char *code_key, const char *code, const char *name)
{
	if (key)
		make_text(m, key);
	make_map(m, (code != NULL) + (name != NULL));
	if (code) {
		make_text(m, code_key);
		make_text(m, code);
	}
	if (name) {
		make_text(m, "names");
		make_map(m, 2);
		make_text(m, "de");
		make_text(m, "-");
		make_text(m, "en");
		make_text(m, name);
	}
}

/* ---- the tree ---- */

static inline void make_net(struct mmdb_make *m, const char *net, size_t record)
{
	struct ip_net n;
	unsigned at = 0, bit = 0, end;
	bool v4;

	if (!ip_net_parse(str_z(net), &n, NULL))
		abort();
	v4 = ip_is_v4(&n.ip);
	if (v4) {
		memset(n.ip.b, 0, 12); /* ::/96 */
		bit = m->family == 4 ? 96 : 0;
	}
	for (end = n.bits; bit < end; bit++) {
		unsigned side = n.ip.b[bit / 8] >> (7 - bit % 8) & 1;
		int64_t *c = &m->child[at][side];

		if (bit + 1 == end) {
			*c = -2 - (int64_t)record;
			return;
		}
		if (*c < 0) {
			if (m->nodes == MAKE_NODES)
				abort();
			m->child[m->nodes][0] = m->child[m->nodes][1] = *c;
			*c = m->nodes++;
		}
		at = (unsigned)*c;
	}
}

static inline uint64_t record_of(const struct mmdb_make *m, int64_t child)
{
	return child >= 0 ? (uint64_t)child : child == MAKE_EMPTY ? m->nodes : (uint64_t)(-2 - child) + 16 + m->nodes;
}

static inline struct str make_bytes(struct mmdb_make *m, const char *type)
{
	struct buf *b = &m->out;

	buf_clear(b);
	for (unsigned i = 0; i < m->nodes; i++) {
		uint64_t left = record_of(m, m->child[i][0]), right = record_of(m, m->child[i][1]);

		if (m->record_size == 28) {
			put_big_endian(b, left & 0xffffff, 3);
			buf_ch(b, (char)(left >> 24 << 4 | right >> 24));
			put_big_endian(b, right & 0xffffff, 3);
		} else {
			put_big_endian(b, left, m->record_size / 8);
			put_big_endian(b, right, m->record_size / 8);
		}
	}
	buf_add(b, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16);
	buf_str(b, buf_slice(&m->data));
	buf_lit(b, "\xab\xcd\xefMaxMind.com");
	put_head(b, 7, 9);
	put_text(b, "binary_format_major_version"), put_number(b, 5, 2);
	put_text(b, "binary_format_minor_version"), put_number(b, 5, 0);
	put_text(b, "build_epoch"), put_number(b, 9, m->built ? m->built : 1767225600);
	put_text(b, "database_type"), put_text(b, type);
	put_text(b, "description"), put_head(b, 7, 1), put_text(b, "en"), put_text(b, "for tests");
	put_text(b, "ip_version"), put_number(b, 5, m->family);
	put_text(b, "languages"), put_head(b, 11, 1), put_text(b, "en");
	put_text(b, "node_count"), put_number(b, 6, m->nodes);
	put_text(b, "record_size"), put_number(b, 5, m->record_size);
	return buf_slice(b);
}

/* See enrich.h. */
static inline void write_file(const char *path, struct str bytes);

static inline void make_file(struct mmdb_make *m, const char *type, const char *path)
{
	write_file(path, make_bytes(m, type));
}

/* ---- whole databases ---- */

/* MaxMind's layout: London in 81.2.69.0/24 and 2001:480::/32 (family 6), a country alone in 2.125.0.0/16. */
static inline void make_city(struct mmdb_make *m, unsigned family, unsigned record_size, const char *city)
{
	size_t record, england;

	make_init(m, family, record_size);
	england = m->data.len;
	make_named(m, NULL, "iso_code", "ENG", "England");
	record = make_map(m, 6);
	make_named(m, "city", "x", NULL, city);
	make_named(m, "continent", "code", "EU", "Europe");
	make_named(m, "country", "iso_code", "GB", "United Kingdom");
	make_text(m, "location");
	make_map(m, 3);
	make_text(m, "latitude"), make_double(m, 51.5142);
	make_text(m, "longitude"), make_double(m, -0.0931);
	make_text(m, "time_zone"), make_text(m, "Europe/London");
	make_text(m, "postal");
	make_map(m, 1);
	make_text(m, "code"), make_text(m, "EC1");
	make_text(m, "subdivisions");
	make_list(m, 2);
	make_named(m, NULL, "iso_code", "UKM", "Great Britain");
	make_pointer(m, england);
	make_net(m, "81.2.69.0/24", record);
	if (family == 6)
		make_net(m, "2001:480::/32", record);
	record = make_map(m, 2);
	make_named(m, "continent", "code", "EU", "Europe");
	make_named(m, "country", "iso_code", "FR", "France");
	make_net(m, "2.125.0.0/16", record);
}

static inline void make_asn(struct mmdb_make *m)
{
	size_t record;

	make_init(m, 4, 24);
	record = make_map(m, 2);
	make_text(m, "autonomous_system_number"), make_u32(m, 20712);
	make_text(m, "autonomous_system_organization"), make_text(m, "Example Net Ltd");
	make_net(m, "81.2.0.0/16", record);
	record = make_map(m, 1);
	make_text(m, "autonomous_system_number"), make_u32(m, 4200000000u);
	make_net(m, "1.0.0.0/24", record);
}

/* The flat layout, empty texts and floats as it has them. */
static inline void make_flat_city(struct mmdb_make *m, unsigned family, const char *net)
{
	size_t record;

	make_init(m, family, 28);
	record = make_map(m, 8);
	make_text(m, "city"), make_text(m, "Mountain View");
	make_text(m, "country_code"), make_text(m, "US");
	make_text(m, "latitude"), make_float(m, 37.422001f);
	make_text(m, "longitude"), make_float(m, -122.084999f);
	make_text(m, "postcode"), make_text(m, "");
	make_text(m, "state1"), make_text(m, "California");
	make_text(m, "state2"), make_text(m, "");
	make_text(m, "timezone"), make_text(m, "");
	make_net(m, net, record);
}

#endif
