/*
 * useragent.c - the filter `useragent`: what a browser says of itself becomes fields. Work thread.
 *
 * The patterns are uap-core's, which are no part of weir: the option `regexes` names the file, else it is looked for in the data folder, beside
 * the program and in /usr/share/weir. What was parsed is remembered, as few browsers make most of the lines: a table of four places for
 * each hash, of which the one that was not asked for longest goes.
 */
#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "filter/support.h"
#include "filter/ua_parser.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	WAYS = 4,
	CACHE_MAX = 16384, /* entries, whatever the option says: some 10 MB */
};

struct known {
	uint64_t hash;
	uint64_t used;
	struct str text; /* heap, with what ua points to behind it; .p NULL: empty */
	struct ua ua;
};

struct useragent {
	struct str source_name, target_name, regexes, prefix;
	int64_t cache_size;
	const struct ref *source, *target;
	bool ecs;
	struct ua_parser *parser;
	struct known *known;
	size_t sets; /* a power of two */
	uint64_t clock;
};

/* ---- where the patterns are ---- */

/* A file that could not be had at the build is empty. */
static bool readable(struct str path)
{
	char *z = xstrdupz(path);
	struct stat st;
	bool yes = stat(z, &st) == 0 && st.st_size > 0 && access(z, R_OK) == 0;

	free(z);
	return yes;
}

static int find_regexes(struct useragent *u, struct plugin_ctx *ctx, struct err *err)
{
	struct arena *a = ctx->arena;
	struct str places[3];

	if (u->regexes.p)
		return 0;
	places[0] = ctx->settings->data_dir.len ? arena_printf(a, "%.*s/uap-core/regexes.yaml", STR_ARG(ctx->settings->data_dir)) : STR("");
	places[1] = file_beside_program(a, "uap-core/regexes.yaml");
	places[2] = STR("/usr/share/weir/uap-core/regexes.yaml");
	for (size_t i = 0; i < 3; i++)
		if (places[i].len && readable(places[i])) {
			u->regexes = places[i];
			return 0;
		}
	return err_set(err,
		       "there are no patterns of browsers: get the package uap-core ('npm pack uap-core@0.12.0') and name its "
		       "regexes.yaml with the option 'regexes', or put it at '%.*s'",
		       STR_ARG(places[0].len ? places[0] : places[2]));
}

static int useragent_open(void *self, struct plugin_ctx *ctx, struct err *err)
{
	struct useragent *u = self;
	size_t want;

	u->ecs = ctx->ecs != ECS_DISABLED;
	if (!u->target_name.p && u->ecs)
		u->target_name = STR("[user_agent]");
	u->source = ref_compile(ctx->arena, u->source_name, err);
	if (!u->source)
		return -1;
	if (u->target_name.p) {
		u->target = ref_compile(ctx->arena, u->target_name, err);
		if (!u->target)
			return -1;
	}
	if (plugin_file_absent(ctx, u->regexes))
		return 0;
	if (find_regexes(u, ctx, err)) {
		if (!ctx->settings->elsewhere)
			return -1;
		plugin_warn(ctx, "%s; without them weird does not start", err->text);
		return 0;
	}
	u->parser = ua_parser_load(u->regexes, err);
	if (!u->parser)
		return -1;
	want = (size_t)(u->cache_size < CACHE_MAX ? u->cache_size : CACHE_MAX) / WAYS;
	for (u->sets = 1; u->sets < want;)
		u->sets *= 2;
	u->known = xzalloc(u->sets * WAYS * sizeof(*u->known));
	return 0;
}

static void useragent_close(void *self)
{
	struct useragent *u = self;

	ua_parser_free(u->parser);
	for (size_t i = 0; u->known && i < u->sets * WAYS; i++)
		free((void *)u->known[i].text.p);
	free(u->known);
}

/* ---- what was parsed before ---- */

static size_t versions_len(const struct ua_version *v)
{
	size_t n = v->family.len;

	for (int i = 0; i < 4; i++)
		n += v->part[i].len;
	return n;
}

static struct str keep(char **at, struct str s)
{
	char *p = *at;

	if (!s.p)
		return s;
	if (s.len)
		memcpy(p, s.p, s.len);
	*at += s.len;
	return str_n(p, s.len);
}

static void keep_versions(char **at, struct ua_version *v)
{
	v->family = keep(at, v->family);
	for (int i = 0; i < 4; i++)
		v->part[i] = keep(at, v->part[i]);
}

static void fill(struct known *k, uint64_t hash, struct str text, const struct ua *ua)
{
	char *p = xmalloc(text.len + versions_len(&ua->browser) + versions_len(&ua->os) + ua->device.len + 1);

	free((void *)k->text.p);
	*k = (struct known){.hash = hash, .ua = *ua};
	k->text = keep(&p, text);
	keep_versions(&p, &k->ua.browser);
	keep_versions(&p, &k->ua.os);
	k->ua.device = keep(&p, k->ua.device);
}

static const struct ua *look(struct useragent *u, struct arena *a, struct str text)
{
	uint64_t hash = hash_bytes(text.p, text.len);
	struct known *set = &u->known[(hash & (u->sets - 1)) * WAYS], *oldest = set;
	struct ua *once;

	for (int i = 0; i < WAYS; i++) {
		struct known *k = &set[i];

		if (k->text.p && k->hash == hash && str_eq(k->text, text)) {
			k->used = ++u->clock;
			return &k->ua;
		}
		if (k->used < oldest->used)
			oldest = k;
	}
	once = arena_alloc(a, sizeof(*once));
	ua_parse(u->parser, a, text, once);
	if (text.len > UA_TEXT_MAX)
		return once;
	fill(oldest, hash, text, once);
	oldest->used = ++u->clock;
	return &oldest->ua;
}

/* ---- fields ---- */

/* "91.0.4472.124": the parts up to the first that is missing; .p NULL without any. */
static struct str dotted(struct arena *a, const struct ua_version *v)
{
	struct str out = {0};
	struct buf b;

	if (!v->part[0].p)
		return out;
	buf_init(&b, 0);
	for (int i = 0; i < 4 && v->part[i].p; i++) {
		if (i)
			buf_ch(&b, '.');
		buf_str(&b, v->part[i]);
	}
	out = arena_dup(a, buf_slice(&b));
	buf_release(&b);
	return out;
}

/* "Windows 10" */
static struct str full_name(struct arena *a, struct str family, struct str version)
{
	return version.p ? arena_printf(a, "%.*s %.*s", STR_ARG(family), STR_ARG(version)) : arena_dup(a, family);
}

struct writer {
	struct event *ev;
	const struct useragent *u;
	bool failed;
};

static void put(struct writer *w, const char *name, struct str s)
{
	struct arena *a = w->ev->arena;
	struct str key = arena_printf(a, "%.*s%s", STR_ARG(w->u->prefix), name);

	if (!s.p)
		return;
	s = arena_dup(a, s); /* what is remembered may go before the event does */
	if (!w->u->target)
		event_set_top(w->ev, key_make(key), v_str(s));
	else if (!filter_set(w->ev, ref_child(a, w->u->target, key), v_str(s)))
		w->failed = true;
}

static void put_legacy(struct writer *w, const struct ua *ua)
{
	struct arena *a = w->ev->arena;
	struct str version = dotted(a, &ua->browser), os_version = dotted(a, &ua->os);

	put(w, "name", ua->browser.family);
	put(w, "version", version);
	put(w, "major", ua->browser.part[0]);
	put(w, "minor", ua->browser.part[1]);
	put(w, "patch", ua->browser.part[2]);
	put(w, "os", ua->os.family);
	put(w, "os_name", ua->os.family);
	put(w, "os_version", os_version);
	put(w, "os_full", full_name(a, ua->os.family, os_version));
	put(w, "os_major", ua->os.part[0]);
	put(w, "os_minor", ua->os.part[1]);
	put(w, "os_patch", ua->os.part[2]);
	put(w, "device", ua->device);
}

static void put_ref(struct writer *w, struct str base, const char *rest, struct str s)
{
	struct arena *a = w->ev->arena;
	const struct ref *ref = ref_compile(a, arena_printf(a, "%.*s%s", STR_ARG(base), rest), NULL);

	if (s.p && (!ref || !filter_set(w->ev, ref, v_str(arena_dup(a, s)))))
		w->failed = true;
}

static void put_ecs(struct writer *w, const struct ua *ua)
{
	static const char *const parts[] = {"[major]", "[minor]", "[patch]"};
	struct arena *a = w->ev->arena;
	struct str base = w->u->target_name, os_version = dotted(a, &ua->os);

	if (base.p[0] != '[')
		base = arena_printf(a, "[%.*s]", STR_ARG(base));
	put_ref(w, base, "[name]", ua->browser.family);
	put_ref(w, base, "[version]", dotted(a, &ua->browser));
	put_ref(w, base, "[os][name]", ua->os.family);
	put_ref(w, base, "[os][version]", os_version);
	put_ref(w, base, "[os][full]", full_name(a, ua->os.family, os_version));
	put_ref(w, base, "[device][name]", ua->device);
	for (int i = 0; i < 3; i++) {
		put_ref(w, STR("[@metadata][filter][user_agent][version]"), parts[i], ua->browser.part[i]);
		put_ref(w, STR("[@metadata][filter][user_agent][os][version]"), parts[i], ua->os.part[i]);
	}
}

static enum step useragent_run(void *self, struct event *ev, struct step_ctx *ctx)
{
	struct useragent *u = self;
	struct writer w = {.ev = ev, .u = u};
	const struct value *v = event_get(ev, u->source);
	const struct ua *ua;

	if (value_is(v, V_LIST))
		v = v->list->n ? &v->list->v[0] : NULL;
	if (!v || v->type == V_NULL || (v->type == V_STRING && v->len == 0))
		return STEP_PASS;
	if (v->type != V_STRING) {
		event_tag(ev, STR("_useragent_error"));
		return filter_stops_at(ctx, ev, u->source, v);
	}
	ua = look(u, ev->arena, value_str(v));
	if (u->target_name.p && str_eq(u->target_name, u->source_name))
		event_remove(ev, u->source, NULL);
	if (u->ecs)
		put_ecs(&w, ua);
	else
		put_legacy(&w, ua);
	if (!w.failed)
		return STEP_OK;
	log_warn("filter", "useragent: the target cannot be set");
	event_tag(ev, STR("_useragent_error"));
	return STEP_PASS;
}

#define AT(member) offsetof(struct useragent, member)
static const struct option options[] = {
	{"source", OPT_STRING, AT(source_name), .flags = OPT_REQUIRED, .doc = "field with the text; of a list its first element"},
	{"target", OPT_STRING, AT(target_name), .doc = "field that gets the parts; the event itself, or [user_agent] under ECS"},
	{"regexes", OPT_PATH, AT(regexes), .doc = "uap-core's regexes.yaml; by default DATA/uap-core/regexes.yaml"},
	{"prefix", OPT_STRING, AT(prefix), .def = "\"\"", .doc = "put before each name (not under ECS)"},
	{"lru_cache_size", OPT_INT, AT(cache_size), .def = "100000", .min = 1, .max = 1000000000,
	 .doc = "how many texts are remembered, at most 16384"},
	{0},
};
#undef AT

FILTER(useragent, .size = sizeof(struct useragent), .options = options, .doc = "browser, system and device out of a user agent's text",
       .open = useragent_open, .close = useragent_close, .filter = {.run = useragent_run})
