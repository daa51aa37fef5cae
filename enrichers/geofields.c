#include "enrichers/geofields.h"

#include "base/utf8.h"
#include "config/diag.h"
#include "enrichers/countries.h"
#include "event/names.h"

#define BIT(id) (1u << GF_##id)

static const struct row {
	const char *constant, *legacy, *ecs;
	enum geo_part part;
} rows[] = {
#define GEO_PART_PLACE GEO_PLACE
#define GEO_PART_NETWORK GEO_NET
#define GEO(id, name, ecs, part) [GF_##id] = {#id, name, ecs, GEO_PART_##part},
	GEO_FIELDS(GEO)
#undef GEO
};

int geo_field_find(struct str name, const char **near)
{
	const char *words[GF_FIELDS];
	char upper[40];
	size_t n = name.len < sizeof(upper) ? name.len : sizeof(upper);

	for (int i = 0; i < GF_FIELDS; i++) {
		if (str_ieq(name, str_z(rows[i].constant)))
			return i;
		words[i] = rows[i].constant;
	}
	for (size_t i = 0; i < n; i++)
		upper[i] = ch_alpha(name.p[i]) ? (char)(name.p[i] & ~32) : name.p[i];
	*near = nearest_word(str_n(upper, n), words, GF_FIELDS);
	return -1;
}

void geo_names_init(struct geo_names *n, enum geo_style style)
{
	n->style = style;
	n->lat = key_named(STR("lat"));
	n->lon = key_named(STR("lon"));
	for (int f = 0; f < GF_FIELDS; f++) {
		struct str path = str_z(style == GEO_LEGACY ? rows[f].legacy : rows[f].ecs), head;

		n->field[f].n = 0;
		while (str_cut(&path, '.', &head))
			n->field[f].key[n->field[f].n++] = key_make(head);
		if (path.len)
			n->field[f].key[n->field[f].n++] = key_make(path);
	}
}

enum {
	PLACE = BIT(CITY_NAME) | BIT(CONTINENT_CODE) | BIT(COUNTRY_NAME) | BIT(COUNTRY_CODE2) | BIT(POSTAL_CODE) | BIT(REGION_NAME) |
		BIT(REGION_ISO_CODE) | BIT(TIMEZONE) | BIT(LOCATION),
	AS = BIT(AUTONOMOUS_SYSTEM_NUMBER) | BIT(AUTONOMOUS_SYSTEM_ORGANIZATION),
	TRAITS = BIT(HOSTING_PROVIDER) | BIT(TOR_EXIT_NODE) | BIT(ANONYMOUS_VPN) | BIT(ANONYMOUS) | BIT(PUBLIC_PROXY) | BIT(RESIDENTIAL_PROXY),
	ENTERPRISE = BIT(IP) | BIT(COUNTRY_CODE2) | BIT(COUNTRY_NAME) | BIT(CONTINENT_NAME) | BIT(REGION_ISO_CODE) | BIT(REGION_NAME) |
		     BIT(CITY_NAME) | BIT(LOCATION),
	CITY = PLACE | BIT(IP) | BIT(COUNTRY_CODE3) | BIT(DMA_CODE) | BIT(LATITUDE) | BIT(LONGITUDE),
	COUNTRY = BIT(IP) | BIT(COUNTRY_CODE2) | BIT(COUNTRY_NAME) | BIT(CONTINENT_NAME),
	ISP = BIT(IP) | AS | BIT(ISP) | BIT(ORGANIZATION),
};

/* Logstash's choices: what a kind gives where nothing is said, and what it can give. */
static const struct {
	uint32_t usual, possible;
} choices[] = {
	[GEO_CITY] = {CITY, CITY | BIT(CONTINENT_NAME) | BIT(REGION_CODE)},
	[GEO_COUNTRY] = {COUNTRY, COUNTRY},
	[GEO_DOMAIN] = {BIT(DOMAIN), BIT(DOMAIN)},
	[GEO_ASN] = {BIT(IP) | AS, BIT(IP) | AS | BIT(NETWORK)},
	[GEO_ISP] = {ISP, ISP},
	[GEO_ENTERPRISE] = {ENTERPRISE, ENTERPRISE | BIT(TIMEZONE) | AS | BIT(NETWORK) | TRAITS},
	[GEO_ANONYMOUS_IP] = {TRAITS, TRAITS | BIT(IP)},
	/* Logstash fails with such a database; here it gives what it has. */
	[GEO_OTHER] = {PLACE | AS | BIT(IP), UINT32_MAX},
};

uint32_t geo_fields_of(enum geo_kind kind, enum geo_style style, uint32_t wanted)
{
	uint32_t usual = choices[kind].usual;

	if (style == GEO_WEIR)
		return PLACE | AS;
	if (wanted)
		return wanted & choices[kind].possible;
	if (kind == GEO_CITY && style == GEO_LEGACY)
		usual = (usual & ~(uint32_t)BIT(REGION_ISO_CODE)) | BIT(REGION_CODE);
	return usual;
}

bool geo_put(struct arena *a, struct map *m, const struct geo_names *names, enum geo_field f, struct value v)
{
	unsigned last = names->field[f].n - 1u;

	for (unsigned i = 0; i < last; i++) {
		struct key k = names->field[f].key[i];
		struct value *below = map_find(m, &k);

		if (!below)
			below = map_push(a, m, k, v_map(map_new(a, 8)));
		if (below->type != V_MAP)
			return false;
		m = below->map;
	}
	map_set(a, m, names->field[f].key[last], v);
	return true;
}

/* A map that is being made of facts. */
struct making {
	struct arena *a, *texts;
	const struct mmdb_facts *f;
	const struct geo_names *names;
	uint32_t fields;
	struct map **part;
};

static void put(struct making *m, enum geo_field field, struct value v)
{
	struct map **part = &m->part[rows[field].part];

	if (!(m->fields >> field & 1) || !m->names->field[field].n)
		return;
	if (!*part)
		*part = map_new(m->a, 12);
	geo_put(m->a, *part, m->names, field, v);
}

static void put_str(struct making *m, enum geo_field field, struct str s)
{
	/* What is not said has no bytes, not even none. */
	if (s.p && m->fields >> field & 1)
		put(m, field, v_str(arena_dup(m->texts, utf8_scrub(m->a, s))));
}

static struct str text_of(const struct mmdb_facts *f, enum mmdb_fact fact)
{
	return facts_have(f, fact) ? f->text[fact] : (struct str){0};
}

static void put_place(struct making *m, const struct country *known)
{
	const struct mmdb_facts *f = m->f;
	struct str code = text_of(f, FACT_COUNTRY_CODE), region = text_of(f, FACT_REGION_CODE);
	struct str country = text_of(f, FACT_COUNTRY_NAME), continent = text_of(f, FACT_CONTINENT_CODE);
	bool lat = facts_have(f, FACT_LATITUDE), lon = facts_have(f, FACT_LONGITUDE);

	put_str(m, GF_CITY_NAME, text_of(f, FACT_CITY));
	put_str(m, GF_COUNTRY_NAME, !country.p && known ? str_z(known->name) : country);
	put_str(m, GF_CONTINENT_CODE, !continent.p && known ? str_n(known->continent, 2) : continent);
	put_str(m, GF_CONTINENT_NAME, text_of(f, FACT_CONTINENT_NAME));
	put_str(m, GF_COUNTRY_CODE2, code);
	/* Two letters here as well: Logstash's databases have no third one. */
	put_str(m, GF_COUNTRY_CODE3, code);
	put_str(m, GF_POSTAL_CODE, text_of(f, FACT_POSTAL_CODE));
	put_str(m, GF_REGION_NAME, text_of(f, FACT_REGION_NAME));
	put_str(m, GF_REGION_CODE, region);
	if (code.p && region.p)
		put_str(m, GF_REGION_ISO_CODE, arena_printf(m->a, "%.*s-%.*s", STR_ARG(code), STR_ARG(region)));
	put_str(m, GF_TIMEZONE, text_of(f, FACT_TIMEZONE));
	if (lat && lon && m->fields & BIT(LOCATION)) {
		struct map *location = map_new(m->a, 4);

		map_push(m->a, location, m->names->lat, v_float(f->latitude));
		map_push(m->a, location, m->names->lon, v_float(f->longitude));
		put(m, GF_LOCATION, v_map(location));
	}
	if (lat)
		put(m, GF_LATITUDE, v_float(f->latitude));
	if (lon)
		put(m, GF_LONGITUDE, v_float(f->longitude));
}

static void put_network(struct making *m, enum geo_kind kind)
{
	static const struct {
		enum geo_field field;
		enum mmdb_fact fact;
	} traits[] = {
		{GF_HOSTING_PROVIDER, FACT_HOSTING_PROVIDER}, {GF_TOR_EXIT_NODE, FACT_TOR_EXIT_NODE},
		{GF_ANONYMOUS_VPN, FACT_ANONYMOUS_VPN},       {GF_ANONYMOUS, FACT_ANONYMOUS},
		{GF_PUBLIC_PROXY, FACT_PUBLIC_PROXY},	       {GF_RESIDENTIAL_PROXY, FACT_RESIDENTIAL_PROXY},
	};
	const struct mmdb_facts *f = m->f;

	if (facts_have(f, FACT_AS_NUMBER))
		put(m, GF_AUTONOMOUS_SYSTEM_NUMBER, v_int((int64_t)(facts_number(f, FACT_AS_NUMBER) & INT64_MAX)));
	put_str(m, GF_AUTONOMOUS_SYSTEM_ORGANIZATION, text_of(f, FACT_AS_ORG));
	put_str(m, GF_DOMAIN, text_of(f, FACT_DOMAIN));
	put_str(m, GF_ISP, text_of(f, FACT_ISP));
	put_str(m, GF_ORGANIZATION, text_of(f, FACT_ORGANIZATION));
	/* Where a database has traits, those it does not mention are false. */
	for (size_t i = 0; i < sizeof(traits) / sizeof(*traits); i++)
		if (kind == GEO_ENTERPRISE || kind == GEO_ANONYMOUS_IP || facts_have(f, traits[i].fact))
			put(m, traits[i].field, v_bool(facts_have(f, traits[i].fact) && facts_number(f, traits[i].fact)));
}

void geo_parts(struct arena *a, struct arena *texts, const struct mmdb_facts *f, enum geo_kind kind, const struct geo_names *names,
	       uint32_t fields, struct map *part[GEO_PARTS])
{
	struct making m = {.a = a, .texts = texts, .f = f, .names = names, .fields = fields, .part = part};
	bool fill = (f->flat || names->style == GEO_WEIR) && facts_have(f, FACT_COUNTRY_CODE);

	part[GEO_PLACE] = part[GEO_NET] = NULL;
	/* Logstash takes a city's record without a place on the map for none at all. */
	if (kind == GEO_CITY && names->style != GEO_WEIR && !facts_have(f, FACT_LATITUDE) && !facts_have(f, FACT_LONGITUDE))
		return;
	put_place(&m, fill ? country_find(f->text[FACT_COUNTRY_CODE]) : NULL);
	put_network(&m, kind);
}
