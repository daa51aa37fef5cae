#include "pipeline/common.h"

/* A field name: compiled where it holds no %{}, else rendered and compiled for each event. */
struct name {
	const struct ref *ref;
	const struct tmpl *tmpl;
};

struct add {
	struct name name;
	size_t n;
	const struct tmpl **value; /* a list adds one after the other */
};

struct common_actions {
	struct str type;
	struct add *add;
	struct name *remove;
	const struct tmpl **tag, **untag;
	size_t nadd, nremove, ntag, nuntag;
};

static struct key key_type;

static struct name name_compile(struct arena *a, struct str text)
{
	struct name n = {.tmpl = tmpl_compile(a, text)};
	struct err err;

	if (tmpl_is_const(n.tmpl))
		n.ref = ref_compile(a, text, &err); /* NULL: the error comes when it runs */
	return n;
}

static const struct ref *name_ref(const struct name *n, struct event *ev, const struct clock *clock, struct err *err)
{
	struct str text;

	if (n->ref)
		return n->ref;
	if (tmpl_render(n->tmpl, ev, ev->arena, clock, &text, err))
		return NULL;
	return ref_compile(ev->arena, text, err);
}

static struct str text_of(struct arena *a, const struct value *v)
{
	return v->type == V_STRING ? value_str(v) : value_text(a, v);
}

static const struct tmpl **compile_list(struct arena *a, const struct list *l, size_t *n)
{
	const struct tmpl **t = arena_alloc(a, l->n * sizeof(struct tmpl *) + 1);

	for (uint32_t i = 0; i < l->n; i++)
		t[i] = tmpl_compile(a, text_of(a, &l->v[i]));
	*n = l->n;
	return t;
}

static void compile_add(struct arena *a, struct common_actions *c, const struct map *m)
{
	c->add = arena_zalloc(a, m->n * sizeof(*c->add) + 1);
	c->nadd = m->n;
	for (uint32_t i = 0; i < m->n; i++) {
		const struct value *v = &m->e[i].val;
		struct list one = {1, 1, (struct value *)v};

		c->add[i].name = name_compile(a, key_str(&m->e[i].key));
		c->add[i].value = compile_list(a, v->type == V_LIST ? v->list : &one, &c->add[i].n);
	}
}

struct common_actions *common_compile(struct arena *a, const struct common_options *o)
{
	struct common_actions *c;

	if (!o->add_field && !o->remove_field && !o->add_tag && !o->remove_tag)
		return NULL;
	c = arena_zalloc(a, sizeof(*c));
	if (o->add_field)
		compile_add(a, c, o->add_field);
	if (o->remove_field) {
		c->remove = arena_zalloc(a, o->remove_field->n * sizeof(*c->remove) + 1);
		for (uint32_t i = 0; i < o->remove_field->n; i++)
			c->remove[c->nremove++] = name_compile(a, text_of(a, &o->remove_field->v[i]));
	}
	if (o->add_tag)
		c->tag = compile_list(a, o->add_tag, &c->ntag);
	if (o->remove_tag)
		c->untag = compile_list(a, o->remove_tag, &c->nuntag);
	return c;
}

struct common_actions *common_compile_input(struct arena *a, const struct common_options *o)
{
	struct common_actions *c;

	if (!o->add_field && !o->tags && !o->type.p)
		return NULL;
	c = arena_zalloc(a, sizeof(*c));
	c->type = o->type;
	if (o->add_field)
		compile_add(a, c, o->add_field);
	if (o->tags)
		c->tag = compile_list(a, o->tags, &c->ntag);
	return c;
}

static int run_add(const struct add *add, struct event *ev, const struct clock *clock, struct err *err)
{
	const struct ref *ref = name_ref(&add->name, ev, clock, err);
	struct str text;

	if (!ref)
		return -1;
	for (size_t i = 0; i < add->n; i++) {
		struct value *have, v;
		int rc;

		if (tmpl_render(add->value[i], ev, ev->arena, clock, &text, err))
			return -1;
		have = event_get(ev, ref);
		if (value_is(have, V_NULL)) {
			/* Null counts as an element that is not there: ["text"]. */
			v = v_list(list_new(ev->arena, 1));
			list_push(ev->arena, v.list, v_str(text));
			rc = event_set(ev, ref, v);
		} else {
			rc = event_append(ev, ref, v_str(text));
		}
		if (rc && rc != EVENT_LIST_KEY)
			return err_set(err, "cannot set '%.*s'", STR_ARG(ref->text));
	}
	return 0;
}

int common_run(const struct common_actions *c, struct event *ev, const struct clock *clock, struct err *err)
{
	struct str text;

	if (!c)
		return 0;
	if (c->type.p) {
		struct str name = STR("type");

		if (!event_top(ev, name))
			event_set_top(ev, *key_known(&key_type, name), v_str(c->type));
	}
	for (size_t i = 0; i < c->nadd; i++)
		if (run_add(&c->add[i], ev, clock, err))
			return -1;
	for (size_t i = 0; i < c->nremove; i++) {
		const struct ref *ref = name_ref(&c->remove[i], ev, clock, err);

		if (!ref)
			return -1;
		event_remove(ev, ref, NULL);
	}
	for (size_t i = 0; i < c->ntag; i++) {
		if (tmpl_render(c->tag[i], ev, ev->arena, clock, &text, err))
			return -1;
		event_add_tag(ev, text);
	}
	for (size_t i = 0; i < c->nuntag; i++) {
		if (tmpl_render(c->untag[i], ev, ev->arena, clock, &text, err))
			return -1;
		event_remove_tag(ev, text);
	}
	return 0;
}
