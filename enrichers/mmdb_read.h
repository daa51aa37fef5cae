/*
 * mmdb_read.h - reads the values of a MaxMind database's data section, whatever its bytes are.
 *
 * The format (version 2): a control byte, three bits of type and five of size, then the value; maps hold keys and values, and
 * any of both may be a pointer to somewhere else in the section.
 *
 *	+--------+--------+---------+
 *	|TTTsssss|(type-7)|(size...)|  value        T = 0: the next byte is the type less 7; s = 29, 30, 31: 1, 2, 3 more bytes of size
 *	+--------+--------+---------+
 *	|001SSvvv|  S + 1 bytes     |               T = 1: a pointer; S = 0, 1, 2 put vvv in front and add 0, 2048, 526336
 *	+--------+--------+---------+
 *
 * libmaxminddb opens the files and walks their trees, but its reading of values trusts them: it recurses as deep as they nest,
 * and a map of pointers to maps of pointers costs it years. Here a record has at most 256 values and 16 levels, nothing recurses, and
 * every offset is checked. Pure; any thread; nothing allocates.
 */
#ifndef WEIR_ENRICHERS_MMDB_READ_H
#define WEIR_ENRICHERS_MMDB_READ_H

#include "base/str.h"

enum { MMDB_VALUES_MAX = 256, MMDB_DEPTH_MAX = 16 };

/* What weir looks for in a record or in the metadata; everything else is stepped over. */
enum mmdb_fact {
	/* Text. */
	FACT_CITY,
	FACT_CONTINENT_CODE,
	FACT_CONTINENT_NAME,
	FACT_COUNTRY_CODE,
	FACT_COUNTRY_NAME,
	FACT_POSTAL_CODE,
	FACT_REGION_CODE,
	FACT_REGION_NAME,
	FACT_TIMEZONE,
	FACT_AS_ORG,
	FACT_DOMAIN,
	FACT_ISP,
	FACT_ORGANIZATION,
	FACT_DATABASE_TYPE,
	/* Floating point. */
	FACT_LATITUDE,
	FACT_LONGITUDE,
	/* Whole numbers and booleans. */
	FACT_AS_NUMBER,
	FACT_ANONYMOUS,
	FACT_ANONYMOUS_VPN,
	FACT_HOSTING_PROVIDER,
	FACT_PUBLIC_PROXY,
	FACT_RESIDENTIAL_PROXY,
	FACT_TOR_EXIT_NODE,
	FACT_NODE_COUNT,
	FACT_RECORD_SIZE,
	FACT_IP_VERSION,
	FACT_BUILD_EPOCH,
	FACTS,
	FACT_TEXTS = FACT_LATITUDE,
	FACT_NONE = FACTS,
};

struct mmdb_facts {
	uint32_t has;		/* 1 << fact */
	bool flat;		/* it had a flat layout's key: "city" is a text there, not a map of names */
	struct str text[FACT_TEXTS]; /* within the section */
	double latitude, longitude;
	uint64_t number[FACTS - FACT_AS_NUMBER];
};

static inline bool facts_have(const struct mmdb_facts *f, enum mmdb_fact which)
{
	return f->has >> which & 1;
}

static inline uint64_t facts_number(const struct mmdb_facts *f, enum mmdb_fact which)
{
	return f->number[which - FACT_AS_NUMBER];
}

/* The record that begins at `at` of the section. NULL, or why it is damaged (a static text); then *f is not to be used. f NULL: only checks. */
const char *mmdb_read_record(struct str section, size_t at, struct mmdb_facts *f);
/* The same facts of a record that mmdb_read_record() has found to be right, in less time: none where it is not. */
void mmdb_read_facts(struct str section, size_t at, struct mmdb_facts *f);
/* The map that a file's metadata is; pointers count from its own beginning. */
const char *mmdb_read_metadata(struct str section, struct mmdb_facts *f);

#endif
