#include "test.h"

#include "base/clock.h"
#include "event/fields.h"
#include "event/names.h"
#include "event/objects.h"

#include <stdlib.h>

static struct arena arena;

static struct ref *ref(const char *text)
{
	struct err err;

	return ref_compile(&arena, str_z(text), &err);
}

static void test_ref_syntax(void)
{
	static const char *const bad[] = {"[", "[]", "[a", "a]", "[a]b", "[a][]", "[a[b]]", "arr[0]", "[a] "};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		CHECK(!ref(bad[i]));
	CHECK_INT(ref("a.b")->n, 1);
	CHECK_INT(ref("")->n, 1);
	CHECK_INT(ref("[a,b]")->n, 1);
	CHECK_INT(ref("[a][-1]")->part[1].index, -1);
	CHECK(ref("[@metadata][x]")->meta);
	CHECK_INT(ref("@metadata")->n, 0);
	CHECK(ref("[@timestamp]")->timestamp && ref("@timestamp")->timestamp);
}

static void test_tree(void)
{
	struct event ev;
	struct value old;

	event_init(&ev, &arena);
	event_stamp(&ev, (struct ts){5, 0});
	CHECK_INT(event_set(&ev, ref("[a][b][c]"), v_int(7)), EVENT_OK);
	CHECK_INT(event_get(&ev, ref("[a][b][c]"))->i, 7);
	CHECK_INT(event_set(&ev, ref("[a][b][c][d]"), v_int(7)), EVENT_BELOW_SCALAR);
	CHECK_INT(event_set(&ev, ref("@timestamp"), v_int(7)), EVENT_BAD_TIMESTAMP);
	CHECK(event_remove(&ev, ref("[a][b][c]"), &old) && old.i == 7);
	CHECK_INT(event_get(&ev, ref("[a][b]"))->map->n, 0);
	CHECK_INT(event_set(&ev, ref("l"), v_list(list_new(&arena, 0))), EVENT_OK);
	CHECK_INT(event_set(&ev, ref("[l][2]"), v_int(3)), EVENT_OK);
	CHECK_INT(event_get(&ev, ref("l"))->list->n, 3);
	CHECK_INT(event_get(&ev, ref("[l][0]"))->type, V_NULL);
	CHECK_INT(event_get(&ev, ref("[l][-1]"))->i, 3);
	CHECK_INT(event_set(&ev, ref("[l][k]"), v_int(3)), EVENT_LIST_KEY);
	CHECK_INT(event_set(&ev, ref("[l][999999999]"), v_int(3)), EVENT_TOO_BIG);
	CHECK_INT(event_set(&ev, ref("[@metadata][x]"), v_int(1)), EVENT_OK);
	CHECK(!event_get(&ev, ref("x")) && event_get(&ev, ref("[@metadata][x]")));
}

static void test_tags(void)
{
	struct event ev;
	struct list *l = list_new(&arena, 0);

	event_init(&ev, &arena);
	list_push(&arena, l, v_lit("a"));
	CHECK_INT(event_set(&ev, ref("tags"), v_int(5)), EVENT_BAD_TAGS);
	CHECK_INT(event_set(&ev, ref("[tags][0]"), v_lit("x")), EVENT_BAD_TAGS);
	CHECK_INT(event_set(&ev, ref("tags"), v_list(l)), EVENT_OK);
	list_push(&arena, l, v_int(5));
	CHECK_INT(event_set(&ev, ref("tags"), v_list(l)), EVENT_BAD_TAGS);
	event_remove(&ev, ref("tags"), NULL);
	event_tag(&ev, STR("t"));
	event_tag(&ev, STR("t"));
	event_add_tag(&ev, STR("t"));
	CHECK_INT(event_get(&ev, ref("tags"))->list->n, 2);
	event_remove_tag(&ev, STR("t"));
	CHECK_INT(event_get(&ev, ref("tags"))->list->n, 0);
	CHECK_INT(event_set(&ev, ref("[tags][0]"), v_lit("x")), EVENT_BAD_TAGS);
	CHECK_INT(event_set(&ev, ref("tags"), v_lit("s")), EVENT_OK);
	CHECK(event_has_tag(&ev, STR("s")));
	event_tag(&ev, STR("u"));
	CHECK_INT(event_get(&ev, ref("tags"))->list->n, 2);
}

static void test_append(void)
{
	struct event ev;

	event_init(&ev, &arena);
	event_append(&ev, ref("f"), v_lit("a"));
	CHECK_INT(event_get(&ev, ref("f"))->type, V_STRING);
	event_append(&ev, ref("f"), v_lit("b"));
	event_append(&ev, ref("f"), v_lit("c"));
	CHECK_INT(event_get(&ev, ref("f"))->list->n, 3);
	event_set(&ev, ref("[m][k]"), v_int(1));
	event_append(&ev, ref("m"), v_lit("n"));
	CHECK_INT(event_get(&ev, ref("[m][0][1]"))->i, 1);
}

/* More keys than are searched linearly: the index must stay right through removals. */
static void test_large_map(void)
{
	struct map *m = map_new(&arena, 0);

	for (int i = 0; i < 1000; i++)
		map_set(&arena, m, key_make(arena_printf(&arena, "k%d", i)), v_int(i));
	for (int i = 0; i < 1000; i += 3) {
		struct key k = key_make(arena_printf(&arena, "k%d", i));

		CHECK(map_remove(m, &k, NULL));
	}
	for (int i = 0; i < 1000; i++) {
		struct value *v = map_find_str(m, arena_printf(&arena, "k%d", i));

		if (i % 3 ? !v || v->i != i : v != NULL)
			CHECK(!"large map");
	}
	CHECK_INT(m->n, 666);
}

static void test_copy(void)
{
	struct arena other;
	struct event ev, copy;
	char text[] = "hello";

	arena_init(&other, NULL);
	event_init(&ev, &arena);
	event_set(&ev, ref("[a][b]"), v_str(str_z(text)));
	event_copy(&copy, &ev, &other);
	text[0] = 'J';
	CHECK_STR(value_str(event_get(&copy, ref("[a][b]"))), "hello");
	CHECK(!value_equal(event_get(&copy, ref("a")), event_get(&ev, ref("a"))));
	arena_release(&other);
}

/* Whatever became of the root meanwhile: what is found is what a search finds. */
static void test_objects(void)
{
	static const char *const names[] = {"event", "source", "client", "destination", "host", "dns", "process", "weir", "a", "b", "message", "tags of mine"};
	enum { NAMES = sizeof(names) / sizeof(*names), TURNS = 20000 };
	struct event ev;
	unsigned found = 0;

	srand(7);
	event_init(&ev, &arena);
	for (int turn = 0; turn < TURNS; turn++) {
		/* As the program knows it, and as it stands in somebody's data. */
		struct str name = rand() % 2 ? str_z(names[rand() % NAMES]) : arena_dup(&arena, str_z(names[rand() % NAMES]));
		struct key key = rand() % 2 ? key_named(name) : key_make(name);
		int what = rand() % 16;

		if (what < 6) {
			map_set(&arena, &ev.root, key, v_map(map_new(&arena, 4)));
		} else if (what < 8) {
			map_set(&arena, &ev.root, key, v_int(turn));
		} else if (what < 13) {
			map_remove(&ev.root, &key, NULL);
		} else if (what == 13) {
			struct event other;

			event_copy(&other, &ev, &arena);
			map_remove(&other.root, &key, NULL);
			map_set(&arena, &other.root, key, v_map(map_new(&arena, 4)));
			ev.root = other.root;
		} else if (turn % 8 == 0) {
			event_remove(&ev, ref("@metadata"), NULL);
			event_init(&ev, &arena);
		}
		/* Several changes may have left as many names as there were. */
		for (unsigned o = 0; turn % 3 == 0 && o < EVENT_OBJECTS; o++) {
			const struct value *v = map_find_str(&ev.root, str_z(names[o]));
			const struct map *m = event_object(&ev, (enum event_object)o);

			found += m != NULL;
			if (m != (value_is(v, V_MAP) ? v->map : NULL))
				CHECK(!"another object");
		}
	}
	CHECK(found > TURNS);
}

int main(void)
{
	hash_init(NULL);
	fields_init();
	arena_init(&arena, NULL);
	test_ref_syntax();
	test_tree();
	test_tags();
	test_append();
	test_large_map();
	test_copy();
	test_objects();
	arena_release(&arena);
	return test_end();
}
