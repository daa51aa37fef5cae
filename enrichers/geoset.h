/*
 * geoset.h - the databases that one geoip filter asks, in order.
 *
 * Named by the configuration, or found in the usual folders: then the best come first (cities before countries before networks). Made and
 * made again as a watch (watch.h) wants it: a file that was replaced by a damaged one leaves the former database in use.
 */
#ifndef WEIR_ENRICHERS_GEOSET_H
#define WEIR_ENRICHERS_GEOSET_H

#include "enrichers/geodb.h"

enum { GEOSET_MAX = 16 };

struct geoset_conf {
	const char *path[GEOSET_MAX]; /* files, or folders of *.mmdb */
	unsigned n;
	unsigned last;	    /* from this one on they are folders for the case that nothing was found in those before; 0: none are */
	bool must;	    /* the configuration names them: what cannot be opened refuses the start; else it is passed over */
	bool only;	    /* none but `kind` (and GEO_ISP with GEO_ASN) is taken from folders */
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
