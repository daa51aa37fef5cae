#include "filter/dissect_map.h"

/* "a/2" */
static void take_ordinal(struct dissect_field *f)
{
	ptrdiff_t slash = str_rchr(f->name, '/');
	uint64_t n;

	if (slash > 0 && str_u64(str_from(f->name, (size_t)slash + 1), 100000, &n)) {
		f->ordinal = (unsigned)n;
		f->name = str_sub(f->name, 0, (size_t)slash);
	}
}

static int read_field(struct arena *a, struct str text, struct dissect_field *f, struct err *err)
{
	struct str name = text;

	*f = (struct dissect_field){.kind = DISSECT_NORMAL};
	if (str_ends(name, STR("->"))) {
		f->padding = true;
		name.len -= 2;
	}
	if (name.len == 0 || name.p[0] == '?') {
		f->kind = DISSECT_SKIP;
		f->name = str_from(name, 1);
		return 0;
	}
	if (str_starts(name, STR("+&")) || str_starts(name, STR("&+")))
		return err_set(err, "field '%%{%.*s}' cannot be appended and indirect", STR_ARG(text));
	if (name.p[0] == '+' || name.p[0] == '&') {
		f->kind = name.p[0] == '+' ? DISSECT_APPEND : DISSECT_INDIRECT;
		name = str_from(name, 1);
		if (name.len == 0)
			return err_set(err, "field '%%{%.*s}' has no name", STR_ARG(text));
	}
	f->name = name;
	if (f->kind == DISSECT_APPEND)
		take_ordinal(f);
	f->ref = ref_compile(a, f->name, NULL);
	return 0;
}

static unsigned rank(const struct dissect_field *f)
{
	switch (f->kind) {
	case DISSECT_APPEND:
		return 1 + f->ordinal;
	case DISSECT_INDIRECT:
		return UINT32_MAX;
	default:
		return 0;
	}
}

/* Stable: fields of one rank are saved as they stand. */
static void make_order(struct arena *a, struct dissect_map *m)
{
	m->order = arena_alloc(a, m->n * sizeof(*m->order) + 1);
	for (uint32_t i = 0; i < m->n; i++) {
		uint32_t at = i;

		for (; at && rank(&m->field[m->order[at - 1]]) > rank(&m->field[i]); at--)
			m->order[at] = m->order[at - 1];
		m->order[at] = i;
	}
}

/* The next "TEXT%{NAME}" at the front of *s. */
static bool next_field(struct str *s, struct str *text, struct str *name)
{
	ptrdiff_t at = str_find(*s, STR("%{")), end;

	if (at < 0)
		return false;
	end = str_chr(str_from(*s, (size_t)at), '}');
	if (end < 0)
		return false;
	*text = str_sub(*s, 0, (size_t)at);
	*name = str_sub(*s, (size_t)at + 2, (size_t)end - 2);
	*s = str_from(*s, (size_t)at + (size_t)end + 1);
	return true;
}

int dissect_compile(struct arena *a, struct str mapping, struct dissect_map *out, struct err *err)
{
	struct str rest = arena_dup(a, mapping), text, name;
	uint32_t cap = 0;

	*out = (struct dissect_map){0};
	if (mapping.len == 0)
		return err_set(err, "the mapping is empty");
	while (next_field(&rest, &text, &name)) {
		struct dissect_field *f;

		if (out->n == cap) {
			uint32_t more = cap ? cap * 2 : 8;

			out->field = arena_grow(a, out->field, cap * sizeof(*f), more * sizeof(*f));
			cap = more;
		}
		f = &out->field[out->n];
		if (read_field(a, name, f, err))
			return -1;
		if (out->n) {
			f->before = text;
			f[-1].after = text;
		} else {
			out->prefix = text;
		}
		out->n++;
	}
	if (out->n && rest.len)
		out->field[out->n - 1].after = rest;
	make_order(a, out);
	return 0;
}

bool dissect_cut(const struct dissect_map *m, struct str text, struct str *out)
{
	if (m->n == 0 || text.len == 0 || !str_starts(text, m->prefix))
		return false;
	text = str_from(text, m->prefix.len);
	for (uint32_t i = 0; i < m->n; i++) {
		const struct dissect_field *f = &m->field[i];
		ptrdiff_t end;

		if (!f->after.p) {
			out[i] = text;
			return true;
		}
		/* Fields with nothing between them cannot be told apart. */
		end = f->after.len ? str_find(text, f->after) : -1;
		if (end < 0)
			return false;
		out[i] = str_sub(text, 0, (size_t)end);
		text = str_from(text, (size_t)end + f->after.len);
		while (f->padding && str_starts(text, f->after))
			text = str_from(text, f->after.len);
	}
	return true;
}
