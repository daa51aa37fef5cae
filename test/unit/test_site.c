/*
 * test_site.c - the filter site: the table against a plain search, its file and every mistake in it, what an event gets, what is
 * replaced while it runs.
 */
#include "enrich.h"

#include "base/log.h"
#include "enrichers/sites.h"

/* ---- the table ---- */

static struct sites *table_of(const char *csv, struct err *err)
{
	struct sites *t = sites_new();

	if (sites_read(t, "f.csv", str_z(csv), err) == 0 && sites_ready(t, "f.csv", err) == 0)
		return t;
	sites_free(t);
	return NULL;
}

static void refused(const char *csv, const char *why)
{
	struct err err;
	struct sites *t = table_of(csv, &err);

	CHECK(!t);
	if (!t)
		CHECK_STR(str_z(err.text), why);
	sites_free(t);
}

static const struct site *find(const struct sites *t, const char *address)
{
	struct ip ip;

	if (!ip_parse(str_z(address), &ip))
		abort();
	return sites_find(t, &ip);
}

static void test_csv(void)
{
	struct err err;
	struct sites *t = table_of("\xef\xbb\xbf# offices\r\n\r\nname, network ,lon,lat,country,ID\r\n"
				   "\"Berlin, \"\"Mitte\"\"\" , 10.20.0.0/16 ,13.405,52.52,DE,ber\r\n"
				   "  # a comment\n"
				   "Lab,10.20.99.0/24,,,,\n"
				   ",2001:db8:20::/48,-0.5,-90,Atlantis,ber6\n"
				   ",10.20.99.7,1,1,FR,one", &err);
	const struct site *s;

	CHECK(t != NULL);
	if (!t) {
		fprintf(stderr, "%s\n", err.text);
		return;
	}
	CHECK_INT(sites_count(t), 4);
	s = find(t, "10.20.1.1");
	CHECK(s && s->line == 4 && s->placed && s->lat == 52.52 && s->lon == 13.405);
	CHECK_STR(s->name, "Berlin, \"Mitte\"");
	CHECK_STR(s->id, "ber");
	CHECK_STR(s->network, "10.20.0.0/16");
	CHECK_STR(s->country, "Germany");
	CHECK_STR(s->country_code, "DE");
	s = find(t, "::ffff:10.20.99.1");
	CHECK(s && s->line == 6 && !s->placed);
	CHECK_STR(s->id, "Lab");
	CHECK_INT(s->country.len, 0);
	s = find(t, "10.20.99.7");
	CHECK(s && s->line == 8);
	CHECK_STR(s->network, "10.20.99.7/32");
	CHECK_STR(s->name, "one");
	s = find(t, "2001:db8:20:ffff::");
	CHECK(s && s->line == 7 && s->lat == -90 && s->country_code.len == 0);
	CHECK_STR(s->country, "Atlantis");
	CHECK(!find(t, "10.21.0.0") && !find(t, "10.19.255.255") && !find(t, "2001:db8:21::") && !find(t, "::"));
	sites_free(t);
	sites_free(NULL);
}

static void test_mistakes(void)
{
	char *text = xmalloc(8000);

	refused("", "f.csv: there is no header row such as network,id,name");
	refused("# nothing\n\n", "f.csv: there is no header row such as network,id,name");
	refused("\nnetwork,id,nmae\n", "f.csv:2: unknown column 'nmae', did you mean 'name'; known are network, id, name, city, country, lat and lon");
	refused("network,id,id\n", "f.csv:1: column 'id' stands there twice");
	refused("id,name\n", "f.csv:1: the header row names no column 'network'");
	refused("network,city\n", "f.csv:1: the header row names neither a column 'id' nor 'name'");
	refused("network,id,lat\n", "f.csv:1: the header row names only one of 'lat' and 'lon'");
	refused("network,id\n10.0.0.0/8\n", "f.csv:2: 1 fields where the header row has 2");
	refused("network,id\n10.0.0.0/8,a,b\n", "f.csv:2: 3 fields where the header row has 2");
	refused("network,id\n10.0.0.0/8,a\n\n10.0.0.0/33,b\n", "f.csv:4: '10.0.0.0/33' is no network such as 10.20.0.0/16 or 2001:db8::/32");
	refused("network,id\n10.1.0.0/8,a\n", "f.csv:2: network '10.1.0.0/8' has bits set behind its prefix");
	refused("network,id\n10.0.0.0/8,\n", "f.csv:2: network '10.0.0.0/8' has neither an id nor a name");
	refused("network,id\n10.0.0.0/8,a\n11.0.0.0/8,b\n::ffff:10.0.0.0/104,c\n", "f.csv:4: network '10.0.0.0/8' stands in line 2 already");
	refused("network,id,lat,lon\n10.0.0.0/8,a,91,0\n", "f.csv:2: 'lat' is a number from -90 to 90, not '91'");
	refused("network,id,lat,lon\n10.0.0.0/8,a,0,-180.1\n", "f.csv:2: 'lon' is a number from -180 to 180, not '-180.1'");
	refused("network,id,lat,lon\n10.0.0.0/8,a,\"52,5\",0\n", "f.csv:2: 'lat' is a number from -90 to 90, not '52,5'");
	refused("network,id,lat,lon\n10.0.0.0/8,a,1e999,0\n", "f.csv:2: 'lat' is a number from -90 to 90, not '1e999'");
	refused("network,id,lat,lon\n10.0.0.0/8,a,,0\n", "f.csv:2: only one of 'lat' and 'lon' has a value");
	refused("network,id\n10.0.0.0/8,\"a\n", "f.csv:2: a quoted field does not end on its line");
	refused("network,id\n10.0.0.0/8,\"a\"b\n", "f.csv:2: text behind the quotes of field 2");
	refused("network,id\n10.0.0.0/8,\xff\n", "f.csv:2: the line is no UTF-8");
	memset(text, 'x', 7999);
	text[7999] = '\0';
	refused(text, "f.csv:1: the line has more than 4096 bytes");
	memset(text, ',', 1000);
	text[1000] = '\0';
	refused(text, "f.csv:1: more than 256 fields");
	free(text);
}

/* Random nested networks, every address: the same as looking at each of them. */
static void test_longest(void)
{
	enum { NETS = 400 };
	static struct ip_net net[NETS];
	struct sites *t = sites_new();
	uint64_t seed = 4711;
	struct err err;
	unsigned n = 0, found = 0;

	while (n < NETS) {
		struct site row = {.parent = UINT32_MAX, .line = n + 1, .name = STR_INIT("x")};
		struct ip_net one;
		char text[IP_NET_TEXT];
		bool twice = false;

		seed = seed * 6364136223846793005u + 1442695040888963407u;
		/* Few bits that differ, so that they lie in one another; both families. */
		one.ip = seed >> 63 ? ip_of(0x20010db8ull << 32 | (seed >> 40 & 0xff), (seed >> 20 & 0x7) << 61)
				    : ip_of(0, 0xffff0a000000 | (seed >> 40 & 0xffff));
		one.bits = (uint8_t)(seed >> 63 ? 58 + (seed >> 10) % 10 : 115 + (seed >> 10) % 14);
		one.ip = ip_mask(&one.ip, one.bits);
		for (unsigned i = 0; i < n; i++)
			twice |= ip_eq(&net[i].ip, &one.ip) && net[i].bits == one.bits;
		if (twice)
			continue;
		net[n++] = one;
		ip_net_format(&one, text);
		CHECK_INT(sites_add(t, &row, str_z(text), &err), 0);
	}
	CHECK_INT(sites_ready(t, "f", &err), 0);
	for (unsigned i = 0; i < 200000; i++) {
		const struct ip_net *best = NULL;
		const struct site *s;
		struct ip ip;

		seed = seed * 6364136223846793005u + 1442695040888963407u;
		ip = seed >> 63 ? ip_of(0x20010db8ull << 32 | (seed >> 40 & 0x1ff), (seed >> 20 & 0xf) << 60)
				: ip_of(0, 0xffff0a000000 | (seed >> 40 & 0x1ffff));
		for (unsigned k = 0; k < NETS; k++)
			if (ip_net_has(&net[k], &ip) && (!best || net[k].bits > best->bits))
				best = &net[k];
		s = sites_find(t, &ip);
		found += s != NULL;
		if (!!s != !!best || (s && (!ip_eq(&s->net.ip, &best->ip) || s->net.bits != best->bits)))
			CHECK(!"the longest network");
	}
	CHECK(found > 20000 && found < 180000);
	sites_free(t);
}

/* ---- the filter ---- */

static void must_be(const char *filter, const char *event, const char *want)
{
	struct opened o;

	if (enrich_open(&o, filter, ECS_DISABLED, NULL))
		CHECK_STR(enrich(&o, event), want);
	else
		CHECK(!"opened");
	opened_release(&o);
}

static void filter_refused(const char *filter, const char *why)
{
	struct opened o;

	CHECK(!enrich_open(&o, filter, ECS_DISABLED, NULL));
	CHECK(o.diag.first && str_find(o.diag.first->text, str_z(why)) >= 0);
	if (o.diag.first && str_find(o.diag.first->text, str_z(why)) < 0)
		fprintf(stderr, "%.*s\n", STR_ARG(o.diag.first->text));
	opened_release(&o);
}

static void test_filter(void)
{
	write_file(in_folder("sites.csv"), STR("network,id,name,city,country,lat,lon\n"
					       "10.20.0.0/16,ber,Berlin office,Berlin,DE,52.52,13.405\n"
					       "10.20.99.0/24,lab,Laboratory,,,,\n"
					       "8.8.8.0/24,dc,Data centre,Kassel,DE,51.3,9.5\n"
					       "fd00:1::/32,ber,Berlin office,Berlin,DE,52.52,13.405\n"));
	must_be("site { networks => \"%s/sites.csv\" }", "{\"source\":{\"ip\":\"10.20.1.5\"},\"destination\":{\"ip\":\"10.20.99.1\",\"geo\":{\"x\":1}}}",
		"matched {\"source\":{\"ip\":\"10.20.1.5\",\"geo\":{\"name\":\"Berlin office\",\"city_name\":\"Berlin\",\"country_name\":\"Germany\","
		"\"country_iso_code\":\"DE\",\"location\":{\"lat\":52.52,\"lon\":13.405}}},\"destination\":{\"ip\":\"10.20.99.1\","
		"\"geo\":{\"x\":1,\"name\":\"Laboratory\"}},\"weir\":{\"site\":{\"id\":\"ber\",\"name\":\"Berlin office\",\"network\":\"10.20.0.0/16\"}}}");
	/* The first side that is known; a public address keeps the place that geoip gave it. */
	must_be("site { networks => \"%s/sites.csv\" }", "{\"source\":{\"ip\":\"9.9.9.9\"},\"client\":{\"ip\":\"8.8.8.8\"},\"destination\":{\"ip\":\"fd00:1::5\"}}",
		"matched {\"source\":{\"ip\":\"9.9.9.9\"},\"client\":{\"ip\":\"8.8.8.8\"},\"destination\":{\"ip\":\"fd00:1::5\",\"geo\":{\"name\":\"Berlin office\","
		"\"city_name\":\"Berlin\",\"country_name\":\"Germany\",\"country_iso_code\":\"DE\",\"location\":{\"lat\":52.52,\"lon\":13.405}}},"
		"\"weir\":{\"site\":{\"id\":\"dc\",\"name\":\"Data centre\",\"network\":\"8.8.8.0/24\"}}}");
	must_be("site { sites => { \"10.20.0.0/16\" => \"Berlin\" \"10.20.99.0/24\" => \"Lab\" } }", "{\"client\":{\"ip\":\"10.20.99.8\"}}",
		"matched {\"client\":{\"ip\":\"10.20.99.8\",\"geo\":{\"name\":\"Lab\"}},"
		"\"weir\":{\"site\":{\"id\":\"Lab\",\"name\":\"Lab\",\"network\":\"10.20.99.0/24\"}}}");
	must_be("site { networks => \"%s/sites.csv\" sites => { \"10.30.0.0/16\" => \"Rome\" } }", "{\"source\":{\"ip\":\"10.30.0.1\"},\"weir\":{\"a\":1}}",
		"matched {\"source\":{\"ip\":\"10.30.0.1\",\"geo\":{\"name\":\"Rome\"}},"
		"\"weir\":{\"a\":1,\"site\":{\"id\":\"Rome\",\"name\":\"Rome\",\"network\":\"10.30.0.0/16\"}}}");
	must_be("site { networks => \"%s/sites.csv\" }", "{\"source\":{\"ip\":[\"10.20.0.1\"]},\"client\":\"10.20.0.1\",\"destination\":{\"ip\":\"x\"}}",
		"{\"source\":{\"ip\":[\"10.20.0.1\"]},\"client\":\"10.20.0.1\",\"destination\":{\"ip\":\"x\"}}");
	must_be("site { networks => \"%s/sites.csv\" }", "{\"source\":{\"ip\":\"10.20.99.1\",\"geo\":\"here\"},\"weir\":5}",
		"matched {\"source\":{\"ip\":\"10.20.99.1\",\"geo\":\"here\"},\"weir\":5}");
	must_be("site { }", "{\"source\":{\"ip\":\"10.20.1.5\"}}", "{\"source\":{\"ip\":\"10.20.1.5\"}}");

	filter_refused("site { networks => \"%s/none.csv\" }", "none.csv': No such file");
	filter_refused("site { networks => \"%s\" }", "not a regular file");
	filter_refused("site { sites => { \"10.20.0.0\" => 5 \"10.20.0.1/16\" => \"Berlin\" } }", "'sites': network '10.20.0.1/16' has bits set");
	filter_refused("site { sites => { \"Berlin\" => \"10.20.0.0/16\" } }", "'sites': 'Berlin' is no network");
	filter_refused("site { sites => { \"10.20.0.0/16\" => [\"Berlin\"] } }", "'sites' takes networks and names");
	filter_refused("site { networks => \"%s/sites.csv\" sites => { \"8.8.8.0/24\" => \"Rome\" } }", "'8.8.8.0/24' is there twice");
	write_file(in_folder("bad.csv"), STR("network,id\n10.0.0.0/8,a\n10.0.0.0/8,b\n"));
	filter_refused("site { networks => \"%s/bad.csv\" }", "/bad.csv:3: network '10.0.0.0/8' stands in line 2 already");
}

#define ROME "matched {\"source\":{\"ip\":\"10.1.1.1\",\"geo\":{\"name\":\"Rome\"}},\"weir\":{\"site\":{\"id\":\"r\",\"name\":\"Rome\",\"network\":\"10.0.0.0/8\"}}}"
#define OSLO "matched {\"source\":{\"ip\":\"10.1.1.1\",\"geo\":{\"name\":\"Oslo\"}},\"weir\":{\"site\":{\"id\":\"o\",\"name\":\"Oslo\",\"network\":\"10.1.0.0/16\"}}}"

static void test_replaced(void)
{
	static const char event[] = "{\"source\":{\"ip\":\"10.1.1.1\"}}";
	struct opened o;
	unsigned errors;

	write_file(in_folder("live.csv"), STR("network,id,name\n10.0.0.0/8,r,Rome\n"));
	CHECK(enrich_open(&o, "site { networks => \"%s/live.csv\" }", ECS_DISABLED, NULL));
	CHECK_STR(enrich(&o, event), ROME);
	write_file(in_folder("live.csv"), STR("network,id,name\n10.0.0.0/8,r,Rome\n10.1.0.0/16,o,Oslo\n"));
	CHECK(enrich_until(&o, event, OSLO));
	errors = log_count(LOG_ERROR);
	write_file(in_folder("live.csv"), STR("network,id,name\n10.0.0.0/8,r,Rome\n10.1.0.0/64,o,Oslo\n"));
	clock_advance(&enrich_now, INT64_C(5000000000));
	while (log_count(LOG_ERROR) == errors)
		CHECK_STR(enrich(&o, event), OSLO);
	write_file(in_folder("live.csv"), STR("network,id,name\n10.0.0.0/8,r,Rome\n"));
	CHECK(enrich_until(&o, event, ROME));
	opened_release(&o);

	/* By itself: sites.csv in the data folder, there or not; while there is none, events pass. */
	unlink(in_folder("sites.csv"));
	CHECK(enrich_open(&o, "site { }", ECS_DISABLED, enrich_folder));
	CHECK_STR(enrich(&o, event), event);
	write_file(in_folder("sites.csv"), STR("network,id,name\n10.0.0.0/8,r,Rome\n"));
	CHECK(enrich_until(&o, event, ROME));
	unlink(in_folder("sites.csv"));
	CHECK(enrich_until(&o, event, event));
	opened_release(&o);
}

int main(void)
{
	enrich_begin();
	test_csv();
	test_mistakes();
	test_longest();
	test_filter();
	test_replaced();
	return enrich_end();
}
