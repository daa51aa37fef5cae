#include "event/ref.h"

#include "event/names.h"

static struct ref_part part_make(struct arena *a, struct str text)
{
	struct str name = names_find(text);
	struct ref_part p = {.key = key_make(name.p == text.p ? arena_dup(a, text) : name)};

	p.is_index = str_i64(text, &p.index);
	return p;
}

/* Number of bracketed parts, or 0 where the text is malformed. */
static size_t count_parts(struct str s)
{
	size_t n = 0;

	while (s.len) {
		size_t i = 1;

		if (s.p[0] != '[')
			return 0;
		while (i < s.len && s.p[i] != '[' && s.p[i] != ']')
			i++;
		if (i == 1 || i == s.len || s.p[i] != ']')
			return 0;
		s = str_from(s, i + 1);
		n++;
	}
	return n;
}

struct ref *ref_compile(struct arena *a, struct str text, struct err *err)
{
	struct ref *r = arena_zalloc(a, sizeof(*r));
	struct ref_part *part;
	size_t n = 1, i = 0;
	struct str rest = text;

	r->text = arena_dup(a, text);
	if (str_chr(text, '[') >= 0 || str_chr(text, ']') >= 0)
		n = count_parts(text);
	if (n == 0 || n > UINT16_MAX) {
		err_set(err, "invalid field reference '%.*s'", (int)(text.len < 200 ? text.len : 200), text.p);
		return NULL;
	}
	part = arena_alloc(a, n * sizeof(*part));
	if (text.len == 0 || text.p[0] != '[') {
		part[0] = part_make(a, text);
	} else {
		for (; i < n; i++) {
			size_t end = (size_t)str_chr(rest, ']');

			part[i] = part_make(a, str_sub(rest, 1, end - 1));
			rest = str_from(rest, end + 1);
		}
	}
	r->meta = str_eq(key_str(&part[0].key), STR("@metadata"));
	r->timestamp = n == 1 && str_eq(key_str(&part[0].key), STR("@timestamp"));
	r->tags = str_eq(key_str(&part[0].key), STR("tags"));
	r->part = part + r->meta;
	r->n = (uint16_t)(n - r->meta);
	return r;
}

struct ref *ref_child(struct arena *a, const struct ref *parent, struct str key)
{
	struct ref *r = arena_zalloc(a, sizeof(*r));
	struct ref_part *part = arena_alloc(a, (parent->n + 1u) * sizeof(*part));

	if (parent->n)
		memcpy(part, parent->part, parent->n * sizeof(*part));
	part[parent->n] = part_make(a, key);
	r->meta = parent->meta;
	r->part = part;
	r->n = (uint16_t)(parent->n + 1);
	r->text = arena_printf(a, "%.*s[%.*s]", STR_ARG(parent->text), STR_ARG(key));
	return r;
}
