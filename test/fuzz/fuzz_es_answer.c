/*
 * fuzz_es_answer.c - any bytes as a bulk answer. What the scanner takes for an answer is JSON with that many items, and it
 * is told of every item that is not plainly good. First byte: how many documents were sent.
 */
#include "fuzz.h"

#include "event/json.h"
#include "outputs/es_verdict.h"

struct told {
	bool of[256];
	int status[256];
	int64_t last;
};

static void each(void *arg, uint32_t i, const struct es_item *it)
{
	struct told *t = arg;
	struct es_judgement v = es_judge(it, ITEM_OWN_ID, &(struct es_policy){0});

	FUZZ_ASSERT((int64_t)i > t->last && i < 256);
	FUZZ_ASSERT(v.verdict > VERDICT_NONE && v.verdict <= VERDICT_DROPPED);
	t->last = i;
	t->of[i] = true;
	t->status[i] = it->status;
}

static void compare(struct str body, uint32_t n, const struct told *t)
{
	const struct value *items, *errors;
	struct arena a;
	struct value v;
	struct err err;

	arena_init(&a, NULL);
	FUZZ_ASSERT(json_read(&a, &body, NULL, &v, &err) == 0 && body.len == 0 && v.type == V_MAP);
	items = map_find_str(v.map, STR("items"));
	errors = map_find_str(v.map, STR("errors"));
	FUZZ_ASSERT(value_is(errors, V_BOOL) && value_is(items, V_LIST) && items->list->n == n);
	for (uint32_t i = 0; i < n; i++) {
		const struct value *item = &items->list->v[i], *status;

		FUZZ_ASSERT(item->type == V_MAP && item->map->n == 1 && item->map->e[0].val.type == V_MAP);
		status = map_find_str(item->map->e[0].val.map, STR("status"));
		FUZZ_ASSERT(value_is(status, V_INT));
		FUZZ_ASSERT(t->of[i] ? status->i == t->status[i] : status->i == 200 || status->i == 201);
	}
	arena_release(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct told t = {.last = -1};
	char *copy;

	if (n == 0)
		return 0;
	copy = xmalloc(n - 1);
	memcpy(copy, p + 1, n - 1);
	if (es_answer_scan(str_n(copy, n - 1), p[0], each, &t))
		compare(str_n(copy, n - 1), p[0], &t);
	free(copy);
	return 0;
}
