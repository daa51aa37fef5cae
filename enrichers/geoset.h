/*
 * geoset.h - the databases that one geoip filter asks, in order.
 *
 * Named by the configuration, or found in folders (geoplaces.h): then each kind comes from one folder, one of weir's own or else that with the
 * newest, and the best kinds come first (cities before countries before networks). Made and made again as a watch (watch.h) wants it: a file that was replaced by a damaged one leaves the former database in use.
 */
#ifndef WEIR_ENRICHERS_GEOSET_H
#define WEIR_ENRICHERS_GEOSET_H

#include "enrichers/geodb.h"

enum { GEOSET_MAX = 16, GEOSET_PATHS = 40 };

struct geoset_conf {
	const char *path[GEOSET_PATHS]; /* files, or folders of *.mmdb */
	unsigned n;
	unsigned own;	    /* the first so many come before all others, whatever their age */
	bool must;	    /* the configuration names them: what cannot be opened refuses the start; else it is passed over */
	bool only;	    /* none but `kind`, or what comes nearest to it: GEO_CITY or GEO_ASN */
	enum geo_kind kind;
	bool looked;	    /* geoset_look() had no objection: what turns out to be damaged later is logged and passed over */
	struct str scratch; /* the data folder, or empty */
};

struct geoset {
	unsigned n;
	struct geodb *db[GEOSET_MAX];
};

/* What can be said of the files at a glance. -1 and err: one that must be there cannot be used. *at_once: geoset_load() would take no time. */
int geoset_look(struct geoset_conf *conf, bool *at_once, struct err *err);
/* conf: a struct geoset_conf; current: a struct geoset or NULL. Any thread. NULL and err only where something must be there. */
void *geoset_load(void *conf, const void *current, struct err *err);
void geoset_free(void *set);

#endif
