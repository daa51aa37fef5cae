/*
 * dissect.c - the filter `dissect`: text is cut at the literal parts of a mapping. Work thread.
 *
 * All of a mapping's fields are set or none. Each mapping counts for itself: one that does not fit tags the event, the others stay.
 */
#include "base/log.h"
#include "event/ruby_number.h"
#include "event/ruby_text.h"
#include "filter/dissect_map.h"
#include "filter/support.h"

#include <math.h>

struct target {
	const struct ref *source;
	struct dissect_map map;
};

struct conversion {
	struct str name;
	const struct ref *ref;
	bool to_int;
};

struct dissect {
	const struct map *mapping, *convert_datatype;
	const struct list *tag_on_failure;
	struct target *target;
	struct conversion *conversion;
	uint32_t nt, nc;
};

static int dissect_open(void *self, struct plugin_ctx *ctx, struct err *err)
{
	struct dissect *d = self;

	d->nt = d->mapping ? d->mapping->n : 0;
	d->target = arena_zalloc(ctx->arena, d->nt * sizeof(*d->target) + 1);
	for (uint32_t i = 0; i < d->nt; i++) {
		const struct entry *e = &d->mapping->e[i];
		struct target *t = &d->target[i];

		t->source = ref_compile(ctx->arena, key_str(&e->key), err);
		if (!t->source)
			return -1;
		if (e->val.type != V_STRING)
			return err_set(err, "the mapping of '%.*s' is no text", STR_ARG(key_str(&e->key)));
		if (dissect_compile(ctx->arena, value_str(&e->val), &t->map, err))
			return err_prefix(err, "mapping of '%.*s': ", STR_ARG(key_str(&e->key)));
		if (t->map.n == 0)
			plugin_warn(ctx, "dissect: the mapping of '%.*s' has no field %%{...}: nothing fits it", STR_ARG(key_str(&e->key)));
	}
	d->nc = d->convert_datatype ? d->convert_datatype->n : 0;
	d->conversion = arena_zalloc(ctx->arena, d->nc * sizeof(*d->conversion) + 1);
	for (uint32_t i = 0; i < d->nc; i++) {
		const struct entry *e = &d->convert_datatype->e[i];
		struct conversion *c = &d->conversion[i];
		struct str type = option_text(ctx->arena, &e->val);

		c->name = key_str(&e->key);
		c->to_int = str_ieq(type, STR("int"));
		if (!c->to_int && !str_ieq(type, STR("float")))
			return err_set(err, "cannot convert '%.*s' to '%.*s': expected int or float", STR_ARG(c->name), STR_ARG(type));
		c->ref = ref_compile(ctx->arena, c->name, err);
		if (!c->ref)
			return -1;
	}
	return 0;
}

/* ---- saving ---- */

static bool save(struct event *ev, const struct ref *ref, struct str s)
{
	return ref && filter_set(ev, ref, v_str(s));
}

static bool save_appended(struct event *ev, const struct dissect_field *f, struct str s)
{
	struct value *have = f->ref ? event_get(ev, f->ref) : NULL;
	struct str join = f->before.p ? f->before : STR(" ");

	if (have)
		s = arena_printf(ev->arena, "%.*s%.*s%.*s", STR_ARG(value_text(ev->arena, have)), STR_ARG(join), STR_ARG(s));
	return save(ev, f->ref, s);
}

/* Its name is the value of the event's field, else of the mapping's. */
static bool save_indirect(struct event *ev, const struct dissect_map *m, uint32_t at, const struct str *part)
{
	const struct dissect_field *f = &m->field[at];
	struct value *have = f->ref ? event_get(ev, f->ref) : NULL;
	struct str name = STR("");

	if (have)
		name = have->type == V_NULL ? STR("null") : value_text(ev->arena, have);
	for (uint32_t i = 0; !have && i < m->n; i++)
		if (i != at && str_eq(m->field[i].name, f->name)) {
			name = part[i];
			break;
		}
	if (name.len == 0)
		return true;
	return save(ev, ref_compile(ev->arena, name, NULL), part[at]);
}

static bool save_all(struct event *ev, const struct dissect_map *m, const struct str *part)
{
	for (uint32_t i = 0; i < m->n; i++) {
		uint32_t at = m->order[i];
		const struct dissect_field *f = &m->field[at];
		bool ok = true;

		switch (f->kind) {
		case DISSECT_SKIP:
			break;
		case DISSECT_NORMAL:
			ok = save(ev, f->ref, part[at]);
			break;
		case DISSECT_APPEND:
			ok = save_appended(ev, f, part[at]);
			break;
		case DISSECT_INDIRECT:
			ok = save_indirect(ev, m, at, part);
			break;
		}
		if (!ok)
			return false;
	}
	return true;
}

/* ---- conversions ---- */

/* As Java's BigDecimal reads and prints: a whole number stays one, also as a float. */
static bool convert(struct arena *a, const struct value *v, bool to_int, struct value *out)
{
	struct ruby_decimal d;
	struct str s;
	double f;

	if (v->type == V_INT || (v->type == V_FLOAT && !to_int)) {
		*out = *v;
		return true;
	}
	if (v->type == V_FLOAT && isfinite(v->f) && fabs(v->f) < 9e18) {
		*out = v_int((int64_t)v->f);
		return true;
	}
	if (v->type != V_STRING && v->type != V_BIGINT)
		return false;
	s = value_str(v);
	if (str_chr(s, '_') >= 0 || !ruby_decimal(s, &d))
		return false;
	if (!d.point && !d.has_exp) {
		*out = ruby_int_value(a, d.whole, d.neg);
		return true;
	}
	/* Ruby's Float() would want digits behind the point. */
	if (d.point && d.frac.len == 0)
		s = arena_printf(a, "%s%.*s.0e%lld", d.neg ? "-" : "", STR_ARG(d.whole), (long long)d.exp);
	if (!ruby_decimal_float(s, &f))
		return false;
	if (!to_int) {
		*out = v_float(f);
		return true;
	}
	if (!isfinite(f) || fabs(f) >= 9e18)
		return false;
	*out = v_int((int64_t)f);
	return true;
}

static void run_conversions(struct dissect *d, struct event *ev)
{
	for (uint32_t i = 0; i < d->nc; i++) {
		const struct conversion *c = &d->conversion[i];
		const struct value *v = event_get(ev, c->ref);
		struct value out;
		bool none = !v || v->type == V_NULL;

		if (!none && convert(ev->arena, v, c->to_int, &out) && filter_set(ev, c->ref, out))
			continue;
		event_tag(ev, arena_printf(ev->arena, "_dataconversion%s_%.*s_%s", none ? "nullvalue" : "uncoercible", STR_ARG(c->name),
					   c->to_int ? "int" : "float"));
	}
}

static enum step dissect_run(void *self, struct event *ev, struct step_ctx *ctx)
{
	struct dissect *d = self;
	bool failed = false;

	(void)ctx;
	for (uint32_t i = 0; i < d->nt; i++) {
		const struct target *t = &d->target[i];
		const struct value *v = event_get(ev, t->source);
		struct str *part;

		if (!v) {
			log_debug("filter", "dissect: an event has no field '%.*s'", STR_ARG(t->source->text));
			continue;
		}
		part = arena_alloc(ev->arena, t->map.n * sizeof(*part) + 1);
		if (!dissect_cut(&t->map, ruby_to_s(ev->arena, v), part) || !save_all(ev, &t->map, part)) {
			failed = true;
			filter_failed(ev, d->tag_on_failure);
		}
	}
	run_conversions(d, ev);
	return failed ? STEP_PASS : STEP_OK;
}

static const struct option options[] = {
	{"mapping", OPT_HASH, offsetof(struct dissect, mapping), .doc = "field => how its text is cut: \"%{a} %{b}: %{rest}\""},
	{"convert_datatype", OPT_HASH, offsetof(struct dissect, convert_datatype), .doc = "field => int or float"},
	{"tag_on_failure", OPT_LIST, offsetof(struct dissect, tag_on_failure), .def = "[\"_dissectfailure\"]",
	 .doc = "tags where a mapping does not fit"},
	{0},
};

FILTER(dissect, .size = sizeof(struct dissect), .options = options, .doc = "text cut at fixed parts becomes fields", .open = dissect_open,
       .filter = {.run = dissect_run})
