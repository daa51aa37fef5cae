#include "test.h"

#include "event/event.h"
#include "event/fields.h"

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

int main(void)
{
	hash_init(NULL);
	fields_init();
	fields_init();
	test_refs();
	test_rows();
	return test_end();
}
