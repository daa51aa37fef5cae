/*
 * geofields.h - which fields a look-up writes, and under which names.
 *
 * Logstash's filter knows its fields by the names of its option `fields`, writes them flat (ecs_compatibility disabled) or as ECS
 * has them, and gives each kind of database its own choice; weir's own form writes the rows of fields.def. What a record
 * says is made into two maps, one about the place and one about the network, so that two databases can complete each
 * other: the first that knows the place gives all of the place.
 */
#ifndef WEIR_ENRICHERS_GEOFIELDS_H
#define WEIR_ENRICHERS_GEOFIELDS_H

#include "enrichers/geodb.h"
#include "event/value.h"

/* GEO(id, "name in fields and without ECS", "ECS path below the target; empty: none", part) */
#define GEO_FIELDS(GEO)                                                            \
	GEO(AUTONOMOUS_SYSTEM_NUMBER, "asn", "as.number", NETWORK)                 \
	GEO(AUTONOMOUS_SYSTEM_ORGANIZATION, "as_org", "as.organization.name", NETWORK) \
	GEO(CITY_NAME, "city_name", "geo.city_name", PLACE)                        \
	GEO(COUNTRY_NAME, "country_name", "geo.country_name", PLACE)               \
	GEO(CONTINENT_CODE, "continent_code", "geo.continent_code", PLACE)         \
	GEO(CONTINENT_NAME, "continent_name", "geo.continent_name", PLACE)         \
	GEO(COUNTRY_CODE2, "country_code2", "geo.country_iso_code", PLACE)         \
	GEO(COUNTRY_CODE3, "country_code3", "", PLACE)                             \
	GEO(DOMAIN, "domain", "domain", NETWORK)                                   \
	GEO(IP, "ip", "ip", NETWORK)                                               \
	GEO(ISP, "isp", "mmdb.isp", NETWORK)                                       \
	GEO(POSTAL_CODE, "postal_code", "geo.postal_code", PLACE)                  \
	GEO(DMA_CODE, "dma_code", "", PLACE)                                       \
	GEO(REGION_NAME, "region_name", "geo.region_name", PLACE)                  \
	GEO(REGION_CODE, "region_code", "geo.region_code", PLACE)                  \
	GEO(REGION_ISO_CODE, "region_iso_code", "geo.region_iso_code", PLACE)      \
	GEO(TIMEZONE, "timezone", "geo.timezone", PLACE)                           \
	GEO(LOCATION, "location", "geo.location", PLACE)                           \
	GEO(LATITUDE, "latitude", "geo.location.lat", PLACE)                       \
	GEO(LONGITUDE, "longitude", "geo.location.lon", PLACE)                     \
	GEO(ORGANIZATION, "organization", "mmdb.organization", NETWORK)            \
	GEO(NETWORK, "network", "ip_traits.network", NETWORK)                      \
	GEO(HOSTING_PROVIDER, "hosting_provider", "ip_traits.hosting_provider", NETWORK) \
	GEO(TOR_EXIT_NODE, "tor_exit_node", "ip_traits.tor_exit_node", NETWORK)    \
	GEO(ANONYMOUS_VPN, "anonymous_vpn", "ip_traits.anonymous_vpn", NETWORK)    \
	GEO(ANONYMOUS, "anonymous", "ip_traits.anonymous", NETWORK)                \
	GEO(PUBLIC_PROXY, "public_proxy", "ip_traits.public_proxy", NETWORK)       \
	GEO(RESIDENTIAL_PROXY, "residential_proxy", "ip_traits.residential_proxy", NETWORK)

enum geo_field {
#define GEO(id, name, ecs, part) GF_##id,
	GEO_FIELDS(GEO)
#undef GEO
	GF_FIELDS
};

enum geo_part { GEO_PLACE, GEO_NET, GEO_PARTS };

enum geo_style {
	GEO_LEGACY, /* geoip.country_code2 */
	GEO_ECS,    /* source.geo.country_iso_code, as Logstash chooses them */
	GEO_WEIR,   /* the same names, weir's own choice */
};

/* By the constant's name in either case ("COUNTRY_NAME", "country_name"); -1: no such field, *near a similar one or NULL. */
int geo_field_find(struct str name, const char **near);

/* The fields (1 << id) that a database of this kind gives: `wanted` of it, or with 0 its default ones. */
uint32_t geo_fields_of(enum geo_kind kind, enum geo_style style, uint32_t wanted);

/* Where each field goes below the target, its keys hashed once. */
struct geo_names {
	enum geo_style style;
	struct {
		struct key key[3];
		uint8_t n; /* 0: nowhere */
	} field[GF_FIELDS];
	struct key lat, lon;
};

void geo_names_init(struct geo_names *n, enum geo_style style);

/*
 * What the facts say of the fields, as maps to be put below the target, made in `a`; NULL where nothing is said of that part. IP and
 * NETWORK belong to the address and are the caller's to add. Texts are copied into `texts`, which may be `a`.
 */
void geo_parts(struct arena *a, struct arena *texts, const struct mmdb_facts *f, enum geo_kind kind, const struct geo_names *names,
	       uint32_t fields, struct map *part[GEO_PARTS]);
/* Sets one field below the target, making maps on the way; false where a scalar stands in the way. */
bool geo_put(struct arena *a, struct map *m, const struct geo_names *names, enum geo_field f, struct value v);

#endif
