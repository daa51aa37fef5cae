/*
 * de_dot.c - the filter `de_dot`: no field keeps a dot in its name. Work thread.
 *
 * "a.b" becomes "a_b", or b within a. Without a list of fields all of the outermost level are looked at, with `recursive` also what
 * hashes below them hold.
 */
#include "filter/support.h"

struct de_dot {
	struct str separator;
	bool nested, recursive;
	const struct list *fields;
};

static int de_dot_open(void *self, struct plugin_ctx *ctx, struct err *err)
{
	struct de_dot *d = self;

	(void)ctx;
	if (str_chr(d->separator, '.') >= 0)
		return err_set(err, "'separator' holds a dot itself");
	return 0;
}

static struct str replaced(struct arena *a, struct str s, struct str with)
{
	struct str out, rest = s, part;
	struct buf b;

	buf_init(&b, 0);
	while (str_cut(&rest, '.', &part)) {
		buf_str(&b, part);
		buf_str(&b, with);
	}
	buf_str(&b, rest);
	out = arena_dup(a, buf_slice(&b));
	buf_release(&b);
	return out;
}

static struct str bracketed(struct arena *a, struct str name)
{
	return name.len && name.p[0] == '[' ? name : arena_printf(a, "[%.*s]", STR_ARG(name));
}

/*
 * The field `name` below path (empty: of the event itself). false where Logstash raises an exception: no such name is possible, or a
 * scalar stands in the way.
 */
static bool rename_field(const struct de_dot *d, struct event *ev, struct str path, struct str name)
{
	struct arena *a = ev->arena;
	bool whole = path.len == 0 && !d->nested;
	struct str from = whole ? name : arena_printf(a, "%.*s%.*s", STR_ARG(path), STR_ARG(bracketed(a, name)));
	struct str plain = d->nested ? replaced(a, bracketed(a, name), STR("][")) : replaced(a, name, d->separator);
	struct str to = whole ? plain : arena_printf(a, "%.*s%.*s", STR_ARG(path), STR_ARG(bracketed(a, plain)));
	const struct ref *old = ref_compile(a, from, NULL), *new = ref_compile(a, to, NULL);
	const struct value *v;

	if (!old || !new)
		return false;
	v = event_get(ev, old);
	if (!v)
		return true;
	if (!filter_set(ev, new, *v))
		return false;
	event_remove(ev, old, NULL);
	return true;
}

static bool has_dot(struct str s)
{
	return str_chr(s, '.') >= 0;
}

/* The hash at path, and those in it: deepest first, so that a path stays right while it is used. */
static bool descend(const struct de_dot *d, struct event *ev, struct str path, const struct map *m)
{
	uint32_t n = m->n;
	struct key *key = arena_alloc(ev->arena, n * sizeof(*key) + 1);

	for (uint32_t i = 0; i < n; i++)
		key[i] = m->e[i].key;
	for (uint32_t i = 0; i < n; i++) {
		const struct value *v = map_find(m, &key[i]);
		struct str below = arena_printf(ev->arena, "%.*s[%.*s]", STR_ARG(path), STR_ARG(key_str(&key[i])));

		if (!v)
			continue;
		if (d->recursive && v->type == V_MAP && !descend(d, ev, below, v->map))
			return false;
		if (has_dot(key_str(&key[i])) && !rename_field(d, ev, path, key_str(&key[i])))
			return false;
	}
	return true;
}

static bool run_all(const struct de_dot *d, struct event *ev)
{
	if (!d->fields)
		return descend(d, ev, STR(""), &ev->root);
	for (uint32_t i = 0; i < d->fields->n; i++) {
		struct str name = value_text(ev->arena, &d->fields->v[i]);

		if (d->recursive) {
			const struct ref *ref = ref_compile(ev->arena, name, NULL);
			const struct value *v = ref ? event_get(ev, ref) : NULL;

			if (value_is(v, V_MAP) && !descend(d, ev, bracketed(ev->arena, name), v->map))
				return false;
		}
		if (has_dot(name) && !rename_field(d, ev, STR(""), name))
			return false;
	}
	return true;
}

static enum step de_dot_run(void *self, struct event *ev, struct step_ctx *ctx)
{
	(void)ctx;
	if (run_all(self, ev))
		return STEP_OK;
	event_tag(ev, STR("_de_dot_error"));
	return STEP_PASS;
}

static const struct option options[] = {
	{"separator", OPT_STRING, offsetof(struct de_dot, separator), .def = "\"_\"", .doc = "stands for each dot"},
	{"nested", OPT_BOOL, offsetof(struct de_dot, nested), .def = "false", .doc = "make fields within fields instead"},
	{"recursive", OPT_BOOL, offsetof(struct de_dot, recursive), .def = "false", .doc = "also in hashes within the fields"},
	{"fields", OPT_LIST, offsetof(struct de_dot, fields), .doc = "fields to look at; all by default"},
	{0},
};

FILTER(de_dot, .size = sizeof(struct de_dot), .options = options, .doc = "takes dots out of names", .open = de_dot_open,
       .filter = {.run = de_dot_run})
