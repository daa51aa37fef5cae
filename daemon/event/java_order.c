#include "event/java_order.h"

#include "base/javahash.h"

struct value value_java_order(struct arena *a, const struct value *v)
{
	struct value out = *v;

	if (v->type == V_LIST) {
		out.list = list_new(a, v->list->n);
		for (uint32_t i = 0; i < v->list->n; i++)
			list_push(a, out.list, value_java_order(a, &v->list->v[i]));
	} else if (v->type == V_MAP) {
		const struct map *m = v->map;
		struct str *key = arena_alloc(a, m->n * sizeof(*key) + 1);
		uint32_t *at = arena_alloc(a, m->n * sizeof(*at) + 1);

		for (uint32_t i = 0; i < m->n; i++)
			key[i] = key_str(&m->e[i].key);
		java_hash_order(key, m->n, at);
		out.map = map_new(a, m->n);
		for (uint32_t i = 0; i < m->n; i++)
			map_push(a, out.map, m->e[at[i]].key, value_java_order(a, &m->e[at[i]].val));
	}
	return out;
}
