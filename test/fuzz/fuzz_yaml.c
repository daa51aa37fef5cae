/*
 * fuzz_yaml.c - any bytes as a YAML document, as dictionaries and lists of patterns are read. What is read can be written as JSON.
 */
#include "fuzz.h"

#include "base/hash.h"
#include "event/json.h"
#include "event/yaml_read.h"

/* Dates are no values that an event can hold: where one is, nothing is written. */
static bool has_none(const struct value *v)
{
	if (v->type == V_LIST)
		for (uint32_t i = 0; i < v->list->n; i++)
			if (has_none(&v->list->v[i]))
				return true;
	if (v->type == V_MAP)
		for (uint32_t i = 0; i < v->map->n; i++)
			if (has_none(&v->map->e[i].val))
				return true;
	return v->type == V_NONE;
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct arena a;
	struct value v;
	struct buf out;
	struct err err;

	hash_init(NULL);
	arena_init(&a, NULL);
	if (yaml_read(&a, str_n((const char *)p, n), &v, &err) < 0) {
		FUZZ_ASSERT(err.text[0]);
	} else if (!has_none(&v)) {
		buf_init(&out, 64 * 1024 * 1024);
		json_write_value(&out, &v);
		FUZZ_ASSERT(out.len || out.over);
		buf_release(&out);
	}
	arena_release(&a);
	return 0;
}
