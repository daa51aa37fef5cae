#include "test.h"

#include "event/event.h"
#include "event/field_writer.h"
#include "event/json.h"
#include "event/names.h"

static void test_refs(void)
{
	struct arena a;
	struct event ev;
	struct value *v;

	arena_init(&a, NULL);
	event_init(&ev, &a);
	CHECK_INT(event_set(&ev, field_ref(F_SOURCE_IP), v_lit("192.0.2.1")), 0);
	v = event_top(&ev, STR("source"));
	CHECK(value_is(v, V_MAP));
	if (value_is(v, V_MAP)) {
		struct key k = field_key(F_SOURCE_PORT);

		map_set(&a, v->map, k, v_int(25));
		CHECK_INT(v->map->n, 2);
	}
	v = event_get(&ev, field_ref(F_SOURCE_PORT));
	CHECK(value_is(v, V_INT) && v->i == 25);
	CHECK(field_ref(F_TIMESTAMP)->timestamp);
	CHECK(field_ref(F_TAGS)->tags);
	CHECK_STR(field_ref(F_LOG_SYSLOG_FACILITY_CODE)->text, "[log][syslog][facility][code]");
	arena_release(&a);
}

/* No row twice, and no object that is a leaf elsewhere: the template could not hold both. */
static void test_rows(void)
{
	for (int i = 0; i < FIELDS; i++) {
		struct str a = str_z(fields[i].path);

		CHECK_INT(field_find(a), i);
		CHECK(*fields[i].doc);
		for (int k = 0; k < FIELDS; k++) {
			struct str b = str_z(fields[k].path);
			bool below = b.len > a.len && str_starts(b, a) && b.p[a.len] == '.';

			if (below && fields[i].type != FT_OBJECT)
				CHECK(!"a leaf has fields below it");
		}
	}
	CHECK_INT(field_find(STR("source")), -1);
	CHECK_INT(field_find(STR("source.ipx")), -1);
}

/* ---- the writer does what event_set() does ---- */

enum { ROUNDS = 20000 };

static const enum field_id some[] = {
	F_EVENT_ACTION, F_EVENT_ORIGINAL, F_EVENT_MODULE, F_SOURCE_IP, F_SOURCE_PORT, F_SOURCE_USER_NAME, F_LOG_SYSLOG_FACILITY_CODE,
	F_LOG_SOURCE_ADDRESS, F_PROCESS_NAME, F_PROCESS_PID, F_HOST_NAME, F_WEIR_PARSE_FORMAT, F_WEIR_PARSE_OK, F_MESSAGE, F_DNS_QUESTION_NAME,
};
enum { SOME = sizeof(some) / sizeof(*some) };

static uint32_t random_below(uint32_t n)
{
	static uint64_t state = 88172645463325252;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)(state >> 33) % n;
}

/* A key as a codec makes it: the same name in bytes of its own. */
static struct key foreign(struct arena *a, struct str name)
{
	return key_make(arena_dup(a, name));
}

/* What an input may have left: nothing, a scalar where an object belongs, objects under either kind of key. */
static void leave_something(struct arena *a, struct event *ev)
{
	unsigned n = random_below(6);

	event_init(ev, a);
	for (unsigned i = 0; i < n; i++) {
		const struct ref *r = field_ref(some[random_below(SOME)]);
		struct key k = r->part[0].key;

		switch (random_below(4)) {
		case 0:
			map_set(a, &ev->root, foreign(a, key_str(&k)), v_lit("a scalar"));
			break;
		case 1: {
			struct map *m = map_new(a, 0);

			map_set(a, m, foreign(a, key_str(&r->part[r->n - 1].key)), v_int(random_below(9)));
			map_set(a, &ev->root, foreign(a, key_str(&k)), v_map(m));
			break;
		}
		case 2:
			map_set(a, &ev->root, k, v_map(map_new(a, 0)));
			break;
		default:
			(void)event_set(ev, r, v_int(random_below(9)));
		}
	}
}

/* event_set() refuses to go below a scalar; the writer replaces it. */
static void set_slowly(struct event *ev, enum field_id id, struct value v)
{
	const struct ref *r = field_ref(id);
	struct map *m = &ev->root;

	for (uint16_t i = 0; i + 1 < r->n; i++) {
		struct value *have = map_find(m, &r->part[i].key);

		if (!value_is(have, V_MAP))
			have = map_set(ev->arena, m, r->part[i].key, v_map(map_new(ev->arena, 0)));
		m = have->map;
	}
	map_set(ev->arena, m, r->part[r->n - 1].key, v);
}

static void test_writer(void)
{
	static struct field_writer w;
	struct arena a;

	arena_init(&a, NULL);
	for (int round = 0; round < ROUNDS; round++) {
		struct event one, two;
		struct value copy;

		leave_something(&a, &one);
		event_init(&two, &a);
		copy = v_map(&one.root);
		two.root = *value_copy(&a, &copy, true).map;
		if (round == ROUNDS / 2)
			w.event = UINT32_MAX; /* the count of events begins anew */
		field_writer_begin(&w, &one);
		for (unsigned i = random_below(12); i > 0; i--) {
			enum field_id id = some[random_below(SOME)];
			struct value v = v_int(random_below(100)), *have = field_have(&w, id), *slow;

			slow = event_get(&two, field_ref(id));
			CHECK(have ? slow && value_equal(have, slow) : !slow);
			field_put(&w, id, v);
			set_slowly(&two, id, v);
		}
		CHECK(value_equal(&(struct value){.type = V_MAP, .map = &one.root}, &(struct value){.type = V_MAP, .map = &two.root}));
		arena_clear(&a);
	}
	arena_release(&a);
}

/* ---- names as they are written ---- */

static void check_json(struct key k, const char *want)
{
	struct arena a;
	struct map m;
	struct buf b;

	arena_init(&a, NULL);
	map_init(&a, &m, 4);
	map_push(&a, &m, k, v_int(1));
	buf_init(&b, 0);
	json_write_map(&b, &m);
	CHECK_STR(buf_slice(&b), want);
	buf_release(&b);
	arena_release(&a);
}

static void test_names(void)
{
	struct key whole = field_key(F_EVENT_ORIGINAL), part = whole, long_one = field_key(F_LOG_SYSLOG_STRUCTURED_DATA);

	CHECK(key_is_framed(&whole));
	check_json(whole, "{\"original\":1}");
	check_json(long_one, "{\"structured_data\":1}");
	/* A piece of a known name is a name of its own. */
	part.len = 4;
	CHECK(!key_is_framed(&part));
	check_json(part, "{\"orig\":1}");
	part = key_make(str_from(key_str(&whole), 4));
	CHECK(!key_is_framed(&part));
	check_json(part, "{\"inal\":1}");
	part = key_make(STR("nobody \"knows\" it"));
	CHECK(!key_is_framed(&part));
	check_json(part, "{\"nobody \\\"knows\\\" it\":1}");
	part = (struct key){"", 0, 0};
	CHECK(!key_is_framed(&part));
	CHECK(names_find(STR("original")).p == whole.p);
	for (int i = 0; i < FIELDS; i++)
		for (uint16_t n = 0; n < field_ref((enum field_id)i)->n; n++)
			CHECK(key_is_framed(&field_ref((enum field_id)i)->part[n].key));
}

int main(void)
{
	hash_init(NULL);
	fields_init();
	fields_init();
	test_refs();
	test_rows();
	test_writer();
	test_names();
	return test_end();
}
