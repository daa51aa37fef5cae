/*
 * fuzz_query.c - any text as a query. A query that can be read is evaluated over a few events, and whatever matches must lie where the plan
 * says one shall look: an index may lead to too much, never past something.
 */
#include "fuzz.h"

#include "event/json.h"
#include "query/query.h"

static const char *const documents[] = {
	("{\"@timestamp\":\"2026-11-24T03:12:09.500Z\",\"message\":\"unknown[10.20.0.100]: SASL LOGIN failed\",\"host\":{\"name\":\"Mail-1\"},"
	"\"source\":{\"ip\":\"10.20.0.100\",\"user\":{\"name\":\"Alice\"}},\"related\":{\"ip\":[\"2001:db8::7\"],\"user\":[\"bob\"],\"hosts\":[\"laptop\"]},"
	"\"dns\":{\"id\":17,\"question\":{\"name\":\"ns1.faraisp.ir\"},\"answers\":[{\"ttl\":300},{\"ttl\":5}]},\"weir\":{\"chain\":{\"id\":\"AbC\"},"
	"\"cause\":{\"chain_id\":[\"XyZ\",\"q\"]}},\"ok\":true,\"n\":1.5,\"a.b\":{\"c\":[[1,2],{\"d\":null}]}}"),
	"{\"message\":\"\",\"host\":\"\xc3\x84\xc3\xb6-1.\",\"user\":{\"name\":\"*\"},\"tags\":[\"_grokparsefailure\"]}",
	("{\"source\":[{\"ip\":\"10.20.0.100\"}],\"user.name\":\"alice\",\"user\":{\"name\":5},\"message\":[[\"SASL\"],\"LOGIN\"],\"event\":{\"id\":[7,\"AbC\"]},"
	"\"related\":{\"ip\":\"10.1.1.1\",\"user\":[[\"bob\"],{\"name\":\"bob\"}]},\"dns\":{\"question\":[{\"name\":\"ns1.faraisp.ir\"}]},\"host\":[\"mail-1\",17]}"),
	"{}",
};

enum { DOCUMENTS = sizeof(documents) / sizeof(*documents) };

struct key_search {
	struct str low, high;
	bool found;
};

static void look_key(void *arg, enum key_kind kind, struct str key)
{
	struct key_search *s = arg;
	char bytes[KEY_MAX + 1];
	struct str k = str_n(bytes, key.len + 1);

	FUZZ_ASSERT(key.len <= KEY_MAX);
	bytes[0] = (char)kind;
	if (key.len)
		memcpy(bytes + 1, key.p, key.len);
	s->found |= s->high.len ? str_cmp(k, s->low) >= 0 && str_cmp(k, s->high) < 0 : str_eq(k, s->low);
}

static bool planned(const struct key_plan *p, const struct event *ev, struct arena *a)
{
	struct key_search s = {p->low, p->high, false};
	uint32_t hits = 0;

	if (p->op == PLAN_ALL)
		return true;
	if (p->op == PLAN_RANGE) {
		keys_of_event(ev, a, look_key, &s);
		return s.found;
	}
	for (uint32_t i = 0; i < p->n; i++)
		hits += planned(p->sub[i], ev, a);
	return p->op == PLAN_AND ? hits == p->n : hits > 0;
}

static void load(struct event *ev, struct arena *a, int i)
{
	struct str in = str_z(documents[i]);
	struct value v;
	struct ts t;

	event_init(ev, a);
	FUZZ_ASSERT(json_read(a, &in, NULL, &v, NULL) == 0);
	ev->root = *v.map;
	if (i == 0 && ts_parse_iso(STR("2026-11-24T03:12:09.500Z"), &t))
		event_set_top(ev, key_make(STR("@timestamp")), v_time(t));
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static bool ready;
	struct query_error e = {.err = {""}, .column = 0};
	struct query_plan plan;
	struct query *q;
	struct arena a;
	struct err hint;
	uint32_t column;

	if (!ready) {
		hash_init(NULL);
		keys_init();
		ready = true;
	}
	arena_init(&a, NULL);
	q = query_parse(&a, str_n((const char *)p, n), NULL, &e);
	if (!q) {
		FUZZ_ASSERT(e.err.text[0] && e.column >= 1 && e.column <= n + 1);
		arena_release(&a);
		return 0;
	}
	(void)query_hint(q, &hint, &column);
	query_plan(&a, q, &plan);
	for (int i = 0; i < DOCUMENTS; i++) {
		int64_t ms = i == 0 ? 1795489929500 : 0;
		struct event ev;

		load(&ev, &a, i);
		if (query_match(q, &ev, &a)) {
			FUZZ_ASSERT(planned(plan.keys, &ev, &a));
			FUZZ_ASSERT(i || (ms >= plan.since_ms && ms < plan.until_ms));
		}
	}
	arena_release(&a);
	return 0;
}
