#include "tool/differ.h"

#include "event/json.h"

struct differ {
	struct buf *out;
	const char *indent;
	struct buf path;
	unsigned n;
};

static bool number_of(const struct value *v, double *out)
{
	*out = v->type == V_INT ? (double)v->i : v->f;
	return v->type == V_INT || v->type == V_FLOAT;
}

static bool same_map(const struct map *a, const struct map *b);

static bool same(const struct value *a, const struct value *b)
{
	double x, y;

	if (number_of(a, &x) && number_of(b, &y))
		return a->type == V_INT && b->type == V_INT ? a->i == b->i : x == y;
	if (a->type != b->type)
		return false;
	if (a->type == V_MAP)
		return same_map(a->map, b->map);
	if (a->type != V_LIST)
		return value_equal(a, b);
	if (a->list->n != b->list->n)
		return false;
	for (uint32_t i = 0; i < a->list->n; i++)
		if (!same(&a->list->v[i], &b->list->v[i]))
			return false;
	return true;
}

static bool same_map(const struct map *a, const struct map *b)
{
	if (a->n != b->n)
		return false;
	for (uint32_t i = 0; i < a->n; i++) {
		const struct value *v = map_find(b, &a->e[i].key);

		if (!v || !same(&a->e[i].val, v))
			return false;
	}
	return true;
}

static void tell(struct differ *d, const struct key *key, const struct value *expected, const struct value *got)
{
	buf_printf(d->out, "%s%.*s[%.*s]: ", d->indent, STR_ARG(buf_slice(&d->path)), STR_ARG(key_str(key)));
	if (expected) {
		buf_lit(d->out, "expected ");
		json_write_value(d->out, expected);
	} else {
		buf_lit(d->out, "not expected");
	}
	buf_lit(d->out, ", got ");
	if (got)
		json_write_value(d->out, got);
	else
		buf_lit(d->out, "nothing");
	buf_ch(d->out, '\n');
	d->n++;
}

static void compare(struct differ *d, const struct map *expected, const struct map *got)
{
	for (uint32_t i = 0; i < expected->n; i++) {
		const struct entry *e = &expected->e[i];
		const struct value *v = map_find(got, &e->key);
		size_t len = d->path.len;

		if (!v || v->type != V_MAP || e->val.type != V_MAP) {
			if (!v || !same(&e->val, v))
				tell(d, &e->key, &e->val, v);
			continue;
		}
		buf_printf(&d->path, "[%.*s]", STR_ARG(key_str(&e->key)));
		compare(d, e->val.map, v->map);
		d->path.len = len;
	}
	for (uint32_t i = 0; i < got->n; i++)
		if (!map_find(expected, &got->e[i].key))
			tell(d, &got->e[i].key, NULL, &got->e[i].val);
}

unsigned differ(struct buf *out, const char *indent, const struct map *expected, const struct map *got)
{
	struct differ d = {.out = out, .indent = indent};

	buf_init(&d.path, 4096);
	compare(&d, expected, got);
	buf_release(&d.path);
	return d.n;
}
