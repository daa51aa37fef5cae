/*
 * mutate.c - the mutate filter: its options, Logstash's fixed order of operations, and those that move whole values (coerce, rename,
 * update, replace, merge, copy). Conversions and operations on text stand in mutate_convert.c and mutate_text.c.
 *
 * Runs on the work thread. The items live in the plan's arena, but for compiled patterns (heap, freed by close).
 */
#include "filter/mutate.h"

#include "base/log.h"
#include "event/ruby_text.h"

#include <stdarg.h>

struct mutate {
	const struct map *coerce, *rename, *update, *replace, *convert, *split, *join, *merge, *copy;
	const struct list *gsub, *uppercase, *capitalize, *lowercase, *strip;
	struct str tag_on_failure;
	struct mutate_item *item;
	size_t n;
	struct regex_match *match;
};

int mutate_fail(struct mutate_run *r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(r->err.text, sizeof(r->err.text), fmt, ap);
	va_end(ap);
	return -1;
}

const struct ref *mutate_ref(const struct mutate_field *f, struct mutate_run *r)
{
	const struct ref *ref = NULL;
	struct str name;

	if (f->ref)
		return f->ref;
	if (!f->tmpl) {
		mutate_fail(r, "invalid field reference '%.*s'", STR_ARG(f->text));
		return NULL;
	}
	if (!tmpl_render(f->tmpl, r->ev, r->ctx->arena, r->ctx->clock, &name, &r->err))
		ref = ref_compile(r->ctx->arena, name, NULL);
	/* The name came out of the event: it is not shown. */
	if (!ref)
		mutate_fail(r, "'%.*s' gives no field reference", STR_ARG(f->text));
	return ref;
}

int mutate_set(struct mutate_run *r, const struct ref *ref, struct value v)
{
	switch (event_set(r->ev, ref, v)) {
	case EVENT_OK:
	case EVENT_LIST_KEY: /* Logstash looks away, too */
		return 0;
	case EVENT_BAD_TIMESTAMP:
		return mutate_fail(r, "@timestamp takes only a time");
	case EVENT_BAD_TAGS:
		return mutate_fail(r, "tags takes only strings");
	case EVENT_TOO_BIG:
		return mutate_fail(r, "'%.*s' lies too far out", STR_ARG(ref->text));
	default:
		return mutate_fail(r, "'%.*s' lies below a scalar", STR_ARG(ref->text));
	}
}

/* ---- operations on whole values ---- */

static int set_text(struct mutate_item *it, struct mutate_run *r, const struct ref *ref)
{
	struct str text;

	if (tmpl_render(it->text, r->ev, r->ctx->arena, r->ctx->clock, &text, &r->err))
		return -1;
	return mutate_set(r, ref, v_str(text));
}

static int run_coerce(struct mutate_item *it, struct mutate_run *r)
{
	const struct ref *ref = mutate_ref(&it->field, r);

	if (!ref)
		return -1;
	return value_is(event_get(r->ev, ref), V_NULL) ? set_text(it, r, ref) : 0;
}

static int run_update(struct mutate_item *it, struct mutate_run *r)
{
	const struct ref *ref = mutate_ref(&it->field, r);

	if (!ref)
		return -1;
	return event_get(r->ev, ref) ? set_text(it, r, ref) : 0;
}

static int run_replace(struct mutate_item *it, struct mutate_run *r)
{
	const struct ref *ref = mutate_ref(&it->field, r);

	return ref ? set_text(it, r, ref) : -1;
}

/* The value is gone even where the new place refuses it: so in Logstash. */
static int run_rename(struct mutate_item *it, struct mutate_run *r)
{
	const struct ref *from = mutate_ref(&it->field, r), *to;
	struct value v;

	if (!from)
		return -1;
	to = mutate_ref(&it->other, r);
	if (!to)
		return -1;
	return event_remove(r->ev, from, &v) ? mutate_set(r, to, v) : 0;
}

static int run_copy(struct mutate_item *it, struct mutate_run *r)
{
	const struct ref *from = mutate_ref(&it->field, r), *to;
	const struct value *v;

	if (!from)
		return -1;
	v = event_get(r->ev, from);
	if (!v || v->type == V_NULL)
		return 0;
	to = mutate_ref(&it->other, r);
	return to ? mutate_set(r, to, value_copy(r->ctx->arena, v, false)) : -1;
}

/* Ruby's Array(v) behind l: null gives nothing, a list its elements. */
static void append_all(struct arena *a, struct list *l, const struct value *v)
{
	struct value copy;

	if (!v || v->type == V_NULL)
		return;
	copy = value_copy(a, v, false);
	if (copy.type != V_LIST) {
		list_push(a, l, copy);
		return;
	}
	for (uint32_t i = 0; i < copy.list->n; i++)
		list_push(a, l, copy.list->v[i]);
}

/*
 * Each source is merged into what the destination was at first; so of several sources only the last one's elements stay beside a single
 * value. Lists and hashes are changed in place by Ruby, and gather them all.
 */
static int run_merge(struct mutate_item *it, struct mutate_run *r)
{
	struct arena *a = r->ctx->arena;
	const struct ref *ref = mutate_ref(&it->field, r);
	struct value first = {.type = V_NULL}, *have;

	if (!ref)
		return -1;
	have = event_get(r->ev, ref);
	if (have)
		first = value_copy(a, have, false);
	for (size_t i = 0; i < it->others_n; i++) {
		const struct ref *from = mutate_ref(&it->others[i], r);
		const struct value *v = from ? event_get(r->ev, from) : NULL;
		struct value merged = first;

		if (!from)
			return -1;
		if ((first.type == V_MAP) != value_is(v, V_MAP)) {
			log_warn("filter", "mutate: cannot merge a hash and something else ('%.*s' into '%.*s')",
				 STR_ARG(from->text), STR_ARG(ref->text));
			continue;
		}
		if (first.type == V_MAP) {
			struct value copy = value_copy(a, v, false);

			for (uint32_t k = 0; k < copy.map->n; k++)
				map_set(a, first.map, copy.map->e[k].key, copy.map->e[k].val);
		} else if (first.type == V_LIST) {
			append_all(a, first.list, v);
		} else {
			merged = v_list(list_new(a, 2));
			append_all(a, merged.list, &first);
			append_all(a, merged.list, v);
		}
		/* What is stored must not change with what the next source adds. */
		if (mutate_set(r, ref, value_copy(a, &merged, false)))
			return -1;
	}
	return 0;
}

/* ---- set-up: options to items ---- */

struct builder {
	struct mutate *m;
	struct plugin_ctx *ctx;
	size_t cap;
};

static struct mutate_item *item_new(struct builder *b, int (*run)(struct mutate_item *, struct mutate_run *))
{
	struct mutate *m = b->m;

	if (m->n == b->cap) {
		size_t cap = b->cap ? b->cap * 2 : 8;

		m->item = arena_grow(b->ctx->arena, m->item, m->n * sizeof(*m->item), cap * sizeof(*m->item));
		b->cap = cap;
	}
	m->item[m->n] = (struct mutate_item){.run = run};
	return &m->item[m->n++];
}

/* Malformed references are no error yet: Logstash finds them when an event comes. */
static struct mutate_field field_of(struct plugin_ctx *ctx, struct str text, bool render)
{
	struct mutate_field f = {.text = text};

	if (render) {
		f.tmpl = tmpl_compile(ctx->arena, text);
		if (!tmpl_is_const(f.tmpl))
			return f;
		f.tmpl = NULL;
	}
	f.ref = ref_compile(ctx->arena, text, NULL);
	return f;
}

/* A name that is no string cannot be looked up: an exception for each event. */
static struct mutate_field field_of_value(struct plugin_ctx *ctx, const struct value *v)
{
	if (v->type == V_STRING)
		return field_of(ctx, value_str(v), false);
	return (struct mutate_field){.text = option_text(ctx->arena, v)};
}

static const struct tmpl *text_of(struct plugin_ctx *ctx, const struct value *v)
{
	return tmpl_compile(ctx->arena, option_text(ctx->arena, v));
}

typedef int build_fn(struct builder *b, struct mutate_item *it, const struct value *v, struct err *err);

static int build_text(struct builder *b, struct mutate_item *it, const struct value *v, struct err *err)
{
	(void)err;
	it->text = text_of(b->ctx, v);
	return 0;
}

static int build_rename(struct builder *b, struct mutate_item *it, const struct value *v, struct err *err)
{
	(void)err;
	it->field = field_of(b->ctx, it->field.text, true);
	it->other = field_of(b->ctx, option_text(b->ctx->arena, v), true);
	return 0;
}

static int build_copy(struct builder *b, struct mutate_item *it, const struct value *v, struct err *err)
{
	(void)err;
	it->other = field_of_value(b->ctx, v);
	return 0;
}

static int build_convert(struct builder *b, struct mutate_item *it, const struct value *v, struct err *err)
{
	struct str type = option_text(b->ctx->arena, v);

	if (v->type == V_STRING && mutate_type_parse(type, &it->type))
		return 0;
	return err_set(err, "cannot convert '%.*s' to '%.*s': expected integer, float, string, boolean, integer_eu or float_eu",
		       STR_ARG(it->field.text), STR_ARG(type));
}

static int build_separator(struct builder *b, struct mutate_item *it, const struct value *v, struct err *err)
{
	(void)b;
	(void)err;
	it->sep_ok = v->type == V_STRING;
	if (it->sep_ok)
		it->sep = value_str(v);
	return 0;
}

static int build_merge(struct builder *b, struct mutate_item *it, const struct value *v, struct err *err)
{
	size_t n = v->type == V_LIST ? v->list->n : 1;
	struct mutate_field *f = arena_alloc(b->ctx->arena, (n ? n : 1) * sizeof(*f));

	(void)err;
	for (size_t i = 0; i < n; i++)
		f[i] = field_of_value(b->ctx, v->type == V_LIST ? &v->list->v[i] : v);
	it->others = f;
	it->others_n = n;
	return 0;
}

static int build_gsub(struct builder *b, const struct list *l, struct err *err)
{
	for (uint32_t i = 0; i < l->n; i += 3) {
		const struct value *v = &l->v[i];
		struct mutate_item *it;

		if (l->n - i < 3)
			return err_set(err, "gsub takes a field, a pattern and a replacement each time: %u items are no multiple of 3",
				       l->n);
		if (v[1].type != V_STRING)
			return err_set(err, "the pattern of gsub on '%.*s' is no string",
				       STR_ARG(option_text(b->ctx->arena, &v[0])));
		it = item_new(b, mutate_gsub);
		it->field = field_of_value(b->ctx, &v[0]);
		it->text = text_of(b->ctx, &v[2]);
		if (str_find(value_str(&v[1]), STR("%{")) >= 0) {
			it->needle = tmpl_compile(b->ctx->arena, value_str(&v[1]));
			continue;
		}
		it->regex = plugin_regex(b->ctx, value_str(&v[1]), 0, err);
		if (!it->regex)
			return err_prefix(err, "gsub on '%.*s': ", STR_ARG(it->field.text));
	}
	return 0;
}

/* Logstash's order, whatever the file says. */
static const struct operation {
	const char *name;
	size_t offset;
	int (*run)(struct mutate_item *it, struct mutate_run *r);
	build_fn *build; /* of a hash: key and value; NULL: the option is a list of fields */
} operations[] = {
	{"coerce", offsetof(struct mutate, coerce), run_coerce, build_text},
	{"rename", offsetof(struct mutate, rename), run_rename, build_rename},
	{"update", offsetof(struct mutate, update), run_update, build_text},
	{"replace", offsetof(struct mutate, replace), run_replace, build_text},
	{"convert", offsetof(struct mutate, convert), mutate_convert, build_convert},
	{"gsub", offsetof(struct mutate, gsub), mutate_gsub, NULL},
	{"uppercase", offsetof(struct mutate, uppercase), mutate_uppercase, NULL},
	{"capitalize", offsetof(struct mutate, capitalize), mutate_capitalize, NULL},
	{"lowercase", offsetof(struct mutate, lowercase), mutate_lowercase, NULL},
	{"strip", offsetof(struct mutate, strip), mutate_strip, NULL},
	{"split", offsetof(struct mutate, split), mutate_split, build_separator},
	{"join", offsetof(struct mutate, join), mutate_join, build_separator},
	{"merge", offsetof(struct mutate, merge), run_merge, build_merge},
	{"copy", offsetof(struct mutate, copy), run_copy, build_copy},
};

static int build_operation(struct builder *b, const struct operation *op, struct err *err)
{
	const void *given = *(const void *const *)((const char *)b->m + op->offset);
	const struct map *map = given;
	const struct list *list = given;

	if (!given)
		return 0;
	if (op->run == mutate_gsub)
		return build_gsub(b, list, err);
	for (uint32_t i = 0; op->build && i < map->n; i++) {
		struct mutate_item *it = item_new(b, op->run);

		it->field = field_of(b->ctx, key_str(&map->e[i].key), false);
		if (op->build(b, it, &map->e[i].val, err))
			return -1;
	}
	for (uint32_t i = 0; !op->build && i < list->n; i++)
		item_new(b, op->run)->field = field_of_value(b->ctx, &list->v[i]);
	return 0;
}

static void mutate_close(void *self)
{
	struct mutate *m = self;

	for (size_t i = 0; i < m->n; i++) {
		regex_free(m->item[i].regex);
		free((void *)m->item[i].needle_text.p);
	}
	m->n = 0;
	regex_match_free(m->match);
	m->match = NULL;
}

static int mutate_open(void *self, struct plugin_ctx *ctx, struct err *err)
{
	struct mutate *m = self;
	struct builder b = {.m = m, .ctx = ctx};

	m->match = regex_match_new();
	for (size_t i = 0; i < sizeof(operations) / sizeof(*operations); i++)
		if (build_operation(&b, &operations[i], err)) {
			mutate_close(self);
			return -1;
		}
	return 0;
}

static enum step mutate_run(void *self, struct event *ev, struct step_ctx *ctx)
{
	struct mutate *m = self;
	struct mutate_run r = {.ev = ev, .ctx = ctx, .match = m->match};

	for (size_t i = 0; i < m->n; i++)
		if (m->item[i].run(&m->item[i], &r)) {
			log_warn("filter", "mutate: %s", r.err.text);
			event_tag(ev, m->tag_on_failure);
			return STEP_PASS;
		}
	return STEP_OK;
}

static void mutate_raised(void *self, struct event *ev)
{
	const struct mutate *m = self;

	event_tag(ev, m->tag_on_failure);
}

#define MUTATE(name, type, text, ...) {#name, type, offsetof(struct mutate, name), .doc = text, __VA_ARGS__}

static const struct option options[] = {
	MUTATE(coerce, OPT_HASH, "values for fields that are null"),
	MUTATE(rename, OPT_HASH, "fields and their new names", .flags = OPT_FIELDS_IN_TURN),
	MUTATE(update, OPT_HASH, "new values for fields that are there", .flags = OPT_TEXTS_IN_TURN),
	MUTATE(replace, OPT_HASH, "new values for fields, there or not", .flags = OPT_TEXTS_IN_TURN),
	MUTATE(convert, OPT_HASH, "fields and their types: integer, float, string, boolean, integer_eu, float_eu"),
	MUTATE(gsub, OPT_LIST, "field, pattern, replacement, and so on by threes"),
	MUTATE(uppercase, OPT_LIST, "fields to write in capitals"),
	MUTATE(capitalize, OPT_LIST, "fields to write with a capital and small letters"),
	MUTATE(lowercase, OPT_LIST, "fields to write in small letters"),
	MUTATE(strip, OPT_LIST, "fields to free of blanks at both ends"),
	MUTATE(split, OPT_HASH, "fields to cut into lists, and their separators"),
	MUTATE(join, OPT_HASH, "lists to join into text, and their separators"),
	MUTATE(merge, OPT_HASH, "fields that take up others", .flags = OPT_FIELDS_IN_TURN),
	MUTATE(copy, OPT_HASH, "fields and where they are copied to", .flags = OPT_FIELDS_IN_TURN),
	{"tag_on_failure", OPT_STRING, offsetof(struct mutate, tag_on_failure), .def = "_mutate_error",
	 .doc = "tag of events on which an operation failed"},
	{0},
};

FILTER(mutate, .size = sizeof(struct mutate), .options = options, .doc = "changes fields: rename, convert, replace and more",
       .open = mutate_open, .close = mutate_close, .filter = {.run = mutate_run, .raised = mutate_raised})
