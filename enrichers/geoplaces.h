/*
 * geoplaces.h - the folders in which a database of places may lie that no configuration names.
 *
 * weir's own ones come first: what lies there was put there on purpose. Then those of a Logstash that is, or was, on this machine, which
 * gets databases by itself, and those of the system:
 *
 *	DATA/geoip, /var/lib/weird/geoip
 *	PATH.DATA/geoip_database_management/STAMP			later releases of Logstash 8, and 9
 *	PATH.DATA/plugins/filters/geoip/STAMP, or CC			Logstash 7.14 and later
 *	LS_HOME/vendor/bundle/jruby/VERSION/gems/logstash-filter-geoip-VERSION.../vendor
 *	/var/lib/GeoIP, /usr/share/GeoIP, /usr/local/share/GeoIP	geoipupdate
 *	geolite2 beside the program, /usr/share/weir/geolite2		those that Logstash brings (geolite2/get.sh)
 *
 * Of a STAMP and a gem those are listed that are there now; the others whether they are there or not.
 */
#ifndef WEIR_ENRICHERS_GEOPLACES_H
#define WEIR_ENRICHERS_GEOPLACES_H

#include "pipeline/plugin.h"

/* Paths, in a's memory, at most max; how many. brought: with those of 2019, of last resort. *own: the first so many are weir's own. */
unsigned geo_places(struct arena *a, const struct settings *s, bool brought, const char **path, unsigned max, unsigned *own);

#endif
