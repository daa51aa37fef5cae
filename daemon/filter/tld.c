/*
 * tld.c - the filter `tld`: the registrable domain of a host name, by the public suffix list (libpsl, which takes the system's copy where
 * that is newer than its own). Work thread.
 *
 *	www.example.co.uk   tld co.uk, sld example, trd www, domain example.co.uk, subdomain www.example.co.uk
 *
 * Private suffixes count. A name whose end the list does not have is left alone.
 */
#include "base/casemap.h"
#include "filter/support.h"

#include <libpsl.h>

struct tld {
	const struct ref *source, *target;
	psl_ctx_t *psl;
};

static int tld_open(void *self, struct plugin_ctx *ctx, struct err *err)
{
	struct tld *t = self;

	(void)ctx;
	t->psl = psl_latest(NULL);
	return t->psl ? 0 : err_set(err, "there is no public suffix list: install the package publicsuffix");
}

static void tld_close(void *self)
{
	struct tld *t = self;

	psl_free(t->psl);
}

/* The longest end of the name that is a suffix of the list; NULL: none. */
static const char *suffix_of(const struct tld *t, const char *name)
{
	for (const char *p = name; p; p = strchr(p, '.') ? strchr(p, '.') + 1 : NULL)
		if (psl_is_public_suffix2(t->psl, p, PSL_TYPE_ANY | PSL_TYPE_NO_STAR_RULE))
			return p;
	return NULL;
}

static void put(struct event *ev, struct map *m, struct str key, struct value v)
{
	map_set(ev->arena, m, key_make(key), v);
}

static enum step tld_run(void *self, struct event *ev, struct step_ctx *ctx)
{
	const struct tld *t = self;
	const struct value *v = event_get(ev, t->source);
	struct value *have;
	struct map *m;
	struct str name, domain, sld;
	const char *suffix, *label;
	char *z;

	(void)ctx;
	if (!value_is(v, V_STRING))
		return STEP_PASS;
	name = str_trim(value_str(v));
	if (name.len && name.p[name.len - 1] == '.')
		name.len--;
	name = str_lower(ev->arena, name);
	if (name.len == 0 || name.len > 1000 || name.p[0] == '.' || str_find(name, STR("..")) >= 0 || str_chr(name, 0) >= 0)
		return STEP_PASS;
	z = arena_dupz(ev->arena, name);
	suffix = suffix_of(t, z);
	if (!suffix || suffix == z)
		return STEP_PASS;
	for (label = suffix - 1; label > z && label[-1] != '.'; label--)
		;
	domain = str_z(label);
	sld = str_n(label, (size_t)(suffix - 1 - label));
	have = event_get(ev, t->target);
	m = value_is(have, V_MAP) ? have->map : map_new(ev->arena, 8);
	put(ev, m, STR("tld"), v_str(str_z(suffix)));
	put(ev, m, STR("sld"), v_str(sld));
	put(ev, m, STR("trd"), label == z ? v_null() : v_str(str_n(z, (size_t)(label - 1 - z))));
	put(ev, m, STR("domain"), v_str(domain));
	put(ev, m, STR("subdomain"), label == z ? v_null() : v_str(str_z(z)));
	put(ev, m, STR("top_level_domain"), v_str(str_z(suffix)));
	if (filter_set(ev, t->target, v_map(m)))
		return STEP_OK;
	event_tag(ev, STR("_tld_error"));
	return STEP_PASS;
}

static const struct option options[] = {
	{"source", OPT_REF, offsetof(struct tld, source), .def = "message", .doc = "field with the host name"},
	{"target", OPT_REF, offsetof(struct tld, target), .def = "tld", .doc = "field that gets the parts"},
	{0},
};

FILTER(tld, .size = sizeof(struct tld), .options = options, .doc = "parts of a host name by the public suffix list", .open = tld_open,
       .close = tld_close, .filter = {.run = tld_run})
