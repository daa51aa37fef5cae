/*
 * geodb.h - one MaxMind database (.mmdb), opened read-only, verified once, immutable until it is closed.
 *
 * weir never maps the file itself: a `cp` or `wget -O` over a mapped file cuts it off, and the next look-up would end the process with
 * SIGBUS. It maps a copy that nobody else can name: an unlinked file in the data folder, so that its pages are the page cache's and
 * come back to the system under pressure (shared with the original where the file system can), or memory where there is
 * no data folder. So neither truncation nor writing in place reaches a database in use; a file is taken over as a whole or not at all.
 *
 * At load the metadata, the whole search tree and each record that it leads to are read once (mmdb_read.h); what is damaged is
 * refused with the reason. The same file opened twice, by two filters or by a reload, is one geodb: they are counted, under
 * a lock that only opening and closing take. Looking up is for any number of threads.
 */
#ifndef WEIR_ENRICHERS_GEODB_H
#define WEIR_ENRICHERS_GEODB_H

#include "base/err.h"
#include "base/ip.h"
#include "enrichers/mmdb_read.h"

/* What a database is about, by its type's name ("GeoLite2-City", "city ipv4"). */
enum geo_kind { GEO_CITY, GEO_COUNTRY, GEO_DOMAIN, GEO_ASN, GEO_ISP, GEO_ENTERPRISE, GEO_ANONYMOUS_IP, GEO_OTHER };

struct geodb;

/* scratch: the data folder, or empty. NULL and err ("'/x/City.mmdb' is damaged: ..."). */
struct geodb *geodb_open(const char *path, struct str scratch, struct err *err);
/* What a database says of itself. */
struct geodb_about {
	enum geo_kind kind;
	uint64_t built;	 /* seconds since 1970; 0: it does not say */
	char text[96];	 /* "GeoLite2-City of 2026-06-05" */
};

/*
 * Is it a database, as far as its size and its metadata say? -1 and err. *at_once: opening it takes no time that anybody would notice, because it
 * is small or open already.
 */
int geodb_look(const char *path, struct geodb_about *about, bool *at_once, struct err *err);
struct geodb *geodb_ref(struct geodb *db);
void geodb_unref(struct geodb *db);

const char *geodb_path(const struct geodb *db);
enum geo_kind geodb_kind(const struct geodb *db);
/* 4 or 6: a file of family 6 may hold IPv4, too. */
unsigned geodb_family(const struct geodb *db);
/* "GeoLite2-City of 2026-06-05", for log lines. */
struct str geodb_describe(const struct geodb *db);

/* Where ip's record begins, and the length of the prefix that has it (of an IPv4 address 0..32). false: none. */
bool geodb_find(const struct geodb *db, const struct ip *ip, uint32_t *record, unsigned *bits);
/* Texts in *f live as long as db. */
void geodb_read(const struct geodb *db, uint32_t record, struct mmdb_facts *f);

#endif
