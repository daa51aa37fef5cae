/*
 * sites.h - which office a network belongs to: a table of networks, read from a file or from the configuration.
 *
 * The file is CSV with a header row that names the columns in any order; `network` and one of `id` and `name` are needed:
 *
 *	# offices of example.com
 *	network,id,name,city,country,lat,lon
 *	10.20.0.0/16,ber,Berlin,Berlin,DE,52.52,13.405
 *	10.20.99.0/24,ber-lab,"Berlin, laboratory",Berlin,DE,,
 *	2001:db8:20::/48,ber,Berlin,Berlin,DE,52.52,13.405
 *
 * Blank lines and lines that begin with # are left out; a field with commas stands in double quotes, a double quote in it
 * is written twice. Networks may lie within one another, the longest counts; none may stand there twice. Any mistake is
 * an error that names file and line. At most 65,536 networks and 16 MiB.
 *
 * Immutable once made; any thread may look up.
 */
#ifndef WEIR_ENRICHERS_SITES_H
#define WEIR_ENRICHERS_SITES_H

#include "base/arena.h"
#include "base/err.h"
#include "base/ip.h"

enum { SITES_MAX = 65536, SITES_BYTES_MAX = 16 << 20 };

struct site {
	struct ip_net net;
	uint32_t parent; /* the next wider network that has this one; UINT32_MAX: none */
	uint32_t line;
	struct str network, id, name, city; /* city may be empty, as may country and the code; network as weir prints it */
	struct str country, country_code;
	bool placed;
	double lat, lon;
};

struct sites;

struct sites *sites_new(void);
void sites_free(struct sites *t);
/* One row; texts are copied. country: a name or two letters. -1 and err ("'10.1.2.3/8' has bits set behind the prefix"). */
int sites_add(struct sites *t, struct site *row, struct str network, struct err *err);
/* All rows of a CSV text; file names it in errors. */
int sites_read(struct sites *t, const char *file, struct str text, struct err *err);
/* Reads the file. */
int sites_read_file(struct sites *t, const char *file, struct err *err);
/* After the last row: sorts; -1 and err where a network is there twice. */
int sites_ready(struct sites *t, const char *file, struct err *err);
size_t sites_count(const struct sites *t);
/* By their order after sites_ready(): by address, wider ones first. */
const struct site *sites_at(const struct sites *t, size_t i);

/* The row with the longest network that has ip, or NULL. */
const struct site *sites_find(const struct sites *t, const struct ip *ip);

#endif
