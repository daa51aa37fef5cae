/*
 * site.c - the filter `site`: which office an address belongs to. Work thread.
 *
 * The event gets weir.site.* of the first of source, client and destination that lies in a known network. Each of them that has a private
 * address, of which no database of the world knows anything, gets the office's place as its own: SIDE.geo.*. Texts in events are
 * borrowed from the table; a new table takes its place only at the beginning of a later event (see geoip.c).
 */
#include "base/log.h"
#include "enrichers/sites.h"
#include "enrichers/watch.h"
#include "event/fields.h"
#include "event/names.h"
#include "event/objects.h"
#include "pipeline/plugin.h"

#include <stdlib.h>
#include <unistd.h>

struct site_filter {
	struct str networks;
	const struct map *sites;

	/* What load() reads, on any thread. */
	const char *path[2]; /* the first that is there counts */
	unsigned npaths;
	bool must;
	struct watch watch;
	struct key ip, geo, name, city, country, code, location, lat, lon, weir, site, id, network;
};

/* ---- set-up ---- */

static int add_inline(const struct site_filter *f, struct sites *t, struct err *err)
{
	for (uint32_t i = 0; f->sites && i < f->sites->n; i++) {
		const struct entry *e = &f->sites->e[i];
		struct site row = {.parent = UINT32_MAX};

		if (e->val.type != V_STRING)
			return err_set(err, "'sites' takes networks and names: sites => { \"10.20.0.0/16\" => \"Berlin\" }");
		row.name = value_str(&e->val);
		if (sites_add(t, &row, key_str(&e->key), err) == -1)
			return err_prefix(err, "'sites': ");
	}
	return 0;
}

static void *load(void *arg, const void *current, struct err *err)
{
	const struct site_filter *f = arg;
	struct sites *t = sites_new();
	const char *file = NULL;

	for (unsigned i = 0; i < f->npaths && !file; i++)
		if (f->must || access(f->path[i], F_OK) == 0)
			file = f->path[i];
	if (add_inline(f, t, err) == -1 || (file && sites_read_file(t, file, err) == -1) || sites_ready(t, file ? file : "sites", err) == -1) {
		sites_free(t);
		return NULL;
	}
	if (file)
		log_info("site", "'%s': %zu networks", file, sites_count(t));
	return t;
}

static void unload(void *t)
{
	sites_free(t);
}

/* sites.csv in the data folder, or beside the file that names the filter. */
static void default_paths(struct site_filter *f, struct plugin_ctx *ctx)
{
	struct str data = ctx->settings->data_dir, conf = ctx->pos.file ? ctx->pos.file->name : STR("");
	ptrdiff_t slash = str_rchr(conf, '/');

	if (data.len)
		f->path[f->npaths++] = arena_printf(ctx->arena, "%.*s/sites.csv%c", STR_ARG(data), 0).p;
	if (slash >= 0)
		f->path[f->npaths++] = arena_printf(ctx->arena, "%.*s/sites.csv%c", (int)slash, conf.p, 0).p;
}

static int site_open(void *self, struct plugin_ctx *ctx, struct err *err)
{
	struct site_filter *f = self;
	struct watch_conf w = {.group = "site", .load = load, .unload = unload, .arg = f};

	f->must = f->networks.p && !plugin_file_absent(ctx, f->networks);
	if (f->networks.p)
		f->path[f->npaths++] = arena_dupz(ctx->arena, f->networks);
	else if (!f->sites)
		default_paths(f, ctx);
	w.n = f->npaths;
	memcpy(w.path, f->path, sizeof(f->path));
	f->ip = key_named(STR("ip"));
	f->geo = key_named(STR("geo"));
	f->name = key_named(STR("name"));
	f->city = key_named(STR("city_name"));
	f->country = key_named(STR("country_name"));
	f->code = key_named(STR("country_iso_code"));
	f->location = key_named(STR("location"));
	f->lat = key_named(STR("lat"));
	f->lon = key_named(STR("lon"));
	f->weir = key_named(STR("weir"));
	f->site = key_named(STR("site"));
	f->id = key_named(STR("id"));
	f->network = key_named(STR("network"));
	return watch_init(&f->watch, &w, err);
}

static void site_close(void *self)
{
	struct site_filter *f = self;

	watch_release(&f->watch);
}

/* ---- an event ---- */

/* The map under a key, made where it is missing; NULL where something else stands there. */
static struct map *map_below(struct arena *a, struct map *m, struct key k)
{
	struct value *v = map_find(m, &k);

	if (!v)
		v = map_push(a, m, k, v_map(map_new(a, 4)));
	return v->type == V_MAP ? v->map : NULL;
}

/* The place of a private address. */
static void put_place(const struct site_filter *f, struct arena *a, struct map *side, const struct site *s)
{
	struct map *geo = map_below(a, side, f->geo), *at;

	if (!geo)
		return;
	map_set(a, geo, f->name, v_str(s->name));
	if (s->city.len)
		map_set(a, geo, f->city, v_str(s->city));
	if (s->country.len)
		map_set(a, geo, f->country, v_str(s->country));
	if (s->country_code.len)
		map_set(a, geo, f->code, v_str(s->country_code));
	if (!s->placed)
		return;
	at = map_new(a, 4);
	map_push(a, at, f->lat, v_float(s->lat));
	map_push(a, at, f->lon, v_float(s->lon));
	map_set(a, geo, f->location, v_map(at));
}

static void put_site(const struct site_filter *f, struct event *ev, const struct site *s)
{
	struct map *weir = map_below(ev->arena, &ev->root, f->weir), *site = weir ? map_below(ev->arena, weir, f->site) : NULL;

	if (!site)
		return;
	map_set(ev->arena, site, f->id, v_str(s->id));
	map_set(ev->arena, site, f->name, v_str(s->name));
	map_set(ev->arena, site, f->network, v_str(s->network));
}

static enum step site_run(void *self, struct event *ev, struct step_ctx *ctx)
{
	struct site_filter *f = self;
	const struct sites *t;
	bool known = false;

	watch_turn(&f->watch, ctx->clock, ev->received_ns);
	t = f->watch.object;
	if (sites_count(t) == 0)
		return STEP_PASS;
	for (unsigned i = 0; i < EVENT_SIDES; i++) {
		struct map *side = event_object(ev, event_sides[i]);
		const struct value *v;
		const struct site *s;
		struct ip ip;

		if (!side)
			continue;
		v = map_find(side, &f->ip);
		if (!value_is(v, V_STRING) || !event_ip(ev, value_str(v), &ip))
			continue;
		s = sites_find(t, &ip);
		if (!s)
			continue;
		if (ip_is_private(&ip))
			put_place(f, ev->arena, side, s);
		if (!known)
			put_site(f, ev, s);
		known = true;
	}
	return known ? STEP_OK : STEP_PASS;
}

static bool site_adds(const void *self)
{
	return true;
}

static const struct option options[] = {
	{"networks", OPT_PATH, offsetof(struct site_filter, networks),
	 .doc = "a CSV file with the columns network,id,name,city,country,lat,lon; default: sites.csv in the data folder or beside the configuration"},
	{"sites", OPT_HASH, offsetof(struct site_filter, sites), .doc = "networks and their offices' names: { \"10.20.0.0/16\" => \"Berlin\" }"},
	{0},
};

FILTER(site, .size = sizeof(struct site_filter), .options = options, .doc = "the office that an address belongs to, by its network",
       .open = site_open, .close = site_close, .filter = {.run = site_run, .adds = site_adds})
