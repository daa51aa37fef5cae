#include "event/ruby_text.h"

#include "event/inspect.h"

static struct str inspected(struct arena *a, const struct value *v)
{
	struct buf out;
	struct str s;

	buf_init(&out, 0);
	ruby_inspect(&out, v);
	s = arena_dup(a, buf_slice(&out));
	buf_release(&out);
	return s;
}

struct str ruby_to_s(struct arena *a, const struct value *v)
{
	switch (v->type) {
	case V_NONE:
	case V_NULL:
		return STR("");
	case V_STRING:
	case V_BIGINT:
		return value_str(v);
	default:
		return inspected(a, v);
	}
}

struct str option_text(struct arena *a, const struct value *v)
{
	struct value pairs;

	if (v->type != V_MAP)
		return ruby_to_s(a, v);
	pairs = v_list(list_new(a, v->map->n * 2));
	for (uint32_t i = 0; i < v->map->n; i++) {
		list_push(a, pairs.list, v_str(key_str(&v->map->e[i].key)));
		list_push(a, pairs.list, v->map->e[i].val);
	}
	return inspected(a, &pairs);
}
