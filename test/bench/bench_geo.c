/*
 * bench_geo.c - what geoip and site cost an event: an address asked again, a record asked again, a record for the first time.
 *
 * bench_geo [EVENTS [DATABASE [CASE]]]: nanoseconds per event, the event's own making taken off. Without a database (or with an empty name) it
 * writes one with 8,000 records. For instructions run one case under callgrind with a small count.
 */
#include "../unit/enrich.h"
#include "../unit/mmdb_make.h"

#include "base/log.h"

static struct mmdb_make m;
static struct arena arena;

static void make_event(struct event *ev, uint32_t address)
{
	uint8_t four[4] = {(uint8_t)(address >> 24), (uint8_t)(address >> 16), (uint8_t)(address >> 8), (uint8_t)address};
	struct ip ip = ip_v4(four);
	char *text = arena_bytes(&arena, IP_TEXT);

	event_init(ev, &arena);
	event_set(ev, field_ref(F_SOURCE_IP), v_str(str_n(text, ip_format(&ip, text))));
	event_set(ev, field_ref(F_SOURCE_PORT), v_int(4711));
}

/* One of `spread` addresses in turn, each in a record of its own where step says so. */
static double turn(struct opened *o, long n, uint32_t spread, uint32_t step, bool run)
{
	struct step_ctx ctx = {.clock = &clock_system, .arena = &arena};
	int64_t from = clock_mono(&clock_system);
	uint32_t at = 0;
	long found = 0;

	for (long i = 0; i < n; i++) {
		struct event ev;

		arena_clear(&arena);
		at = (at * 1664525u + 1013904223u);
		make_event(&ev, 0x0b000000 + (at >> 8) % spread * step);
		/* 256 events a batch. */
		ev.received_ns = i / 256;
		if (run)
			found += o->plugin->filter.run(o->self, &ev, &ctx) == STEP_OK;
	}
	if (run && !found)
		printf("(nothing was found)\n");
	return (double)(clock_mono(&clock_system) - from) / (double)n;
}

static void measure(const char *what, const char *filter, enum ecs_mode ecs, long n, uint32_t spread, uint32_t step)
{
	struct opened o;
	double empty, full;

	if (!enrich_open(&o, filter, ecs, NULL)) {
		fprintf(stderr, "%.*s\n", STR_ARG(o.diag.first->text));
		exit(EXIT_FAILURE);
	}
	(void)turn(&o, n < 20000 ? 0 : 20000, spread, step, true);
	empty = turn(&o, n, spread, step, false);
	full = turn(&o, n, spread, step, true);
	printf("%-58s %6.1f ns\n", what, full - empty);
	opened_release(&o);
}

static void write_own(void)
{
	make_init(&m, 4, 28);
	for (unsigned i = 0; i < 8000; i++) {
		char net[32], text[32];
		size_t record = make_map(&m, 8);

		snprintf(text, sizeof(text), "City %u", i);
		make_text(&m, "city"), make_text(&m, text);
		make_text(&m, "country_code"), make_text(&m, "DE");
		make_text(&m, "latitude"), make_float(&m, 52.0f + (float)i / 8000);
		make_text(&m, "longitude"), make_float(&m, 13.405f);
		make_text(&m, "postcode"), make_text(&m, "10115");
		make_text(&m, "state1"), make_text(&m, "Berlin");
		make_text(&m, "state2"), make_text(&m, "");
		make_text(&m, "timezone"), make_text(&m, "Europe/Berlin");
		snprintf(net, sizeof(net), "11.%u.%u.0/24", i / 256, i % 256);
		make_net(&m, net, record);
	}
	make_file(&m, "city ipv4", in_folder("geo.mmdb"));
	make_release(&m);
}

static void write_sites(void)
{
	struct buf b;

	buf_init(&b, 0);
	buf_lit(&b, "network,id,name,city,lat,lon\n11.0.0.0/8,all,All,,,\n");
	for (unsigned i = 0; i < 1000; i++)
		buf_printf(&b, "11.%u.%u.0/24,s%u,Office %u,Berlin,52.5,13.4\n", i / 256, i % 256, i, i);
	write_file(in_folder("sites.csv"), buf_slice(&b));
	buf_release(&b);
}

static const struct {
	const char *what, *filter;
	enum ecs_mode ecs;
	uint32_t spread, step;
} cases[] = {
	{"geoip, one address", "geoip { database => \"$\" }", ECS_V8, 1, 256},
	{"geoip, 200 addresses of 200 networks", "geoip { database => \"$\" }", ECS_V8, 200, 256},
	{"geoip, 500,000 addresses of 2,000 networks", "geoip { database => \"$\" }", ECS_V8, 500000, 1},
	{"geoip, 2,000,000 addresses of 8,000 networks", "geoip { database => \"$\" }", ECS_V8, 2000000, 1},
	{"geoip of Logstash, 200 addresses of 200 networks", "geoip { source => \"[source][ip]\" database => \"$\" }", ECS_DISABLED, 200, 256},
	{"geoip of Logstash, 500,000 addresses of 2,000 networks", "geoip { source => \"[source][ip]\" database => \"$\" }", ECS_DISABLED,
	 500000, 1},
	{"site, 1,001 networks, 250,000 addresses", "site { networks => \"%s/sites.csv\" }", ECS_V8, 250000, 1},
};

enum { CASES = sizeof(cases) / sizeof(*cases) };

int main(int argc, char **argv)
{
	long n = argc > 1 ? strtol(argv[1], NULL, 10) : 1000000, only = argc > 3 ? strtol(argv[3], NULL, 10) : -1;
	const char *db = argc > 2 && *argv[2] ? argv[2] : "%s/geo.mmdb";

	log_threshold = LOG_ERROR;
	enrich_begin();
	arena_init(&arena, NULL);
	write_own();
	write_sites();
	for (long i = 0; i < CASES; i++) {
		struct str filter = str_z(cases[i].filter), head = filter;
		char text[512];

		if (only >= 0 && i != only)
			continue;
		if (str_cut(&filter, '$', &head))
			snprintf(text, sizeof(text), "%.*s%s%.*s", STR_ARG(head), db, STR_ARG(filter));
		else
			snprintf(text, sizeof(text), "%.*s", STR_ARG(head));
		measure(cases[i].what, text, cases[i].ecs, n, cases[i].spread, cases[i].step);
	}
	arena_release(&arena);
	(void)enrich_end();
	return EXIT_SUCCESS;
}
