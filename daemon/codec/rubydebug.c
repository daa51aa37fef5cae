/*
 * rubydebug.c - the codec `rubydebug`: an event as Ruby's awesome_print shows it, to the letter. It only writes.
 *
 *	{
 *	       "message" => "m",
 *	    "@timestamp" => 2020-01-02T03:04:05.678Z,
 *	          "list" => [
 *	        [0] 1,
 *	        [1] {}
 *	    ]
 *	}
 */
#include "base/utf8.h"
#include "event/inspect.h"
#include "event/java_order.h"
#include "event/names.h"
#include "pipeline/plugin.h"

struct rubydebug {
	bool metadata;
};

enum { INDENT = 4 };

static void pad(struct buf *out, size_t n)
{
	char *q = buf_room(out, n);

	if (!q)
		return;
	memset(q, ' ', n);
	out->len += n;
}

static size_t code_points(struct str s)
{
	size_t n = 0;

	for (; s.len; n++)
		utf8_next(&s);
	return n;
}

/* How wide a key is shown. The text itself stays in *shown. */
static size_t key_width(struct buf *shown, const struct key *k)
{
	buf_clear(shown);
	ruby_inspect_string(shown, key_str(k));
	return code_points(buf_slice(shown));
}

static void show_value(struct buf *out, const struct value *v, size_t depth);

static void show_entry(struct buf *out, struct buf *shown, const struct entry *e, size_t width, size_t depth)
{
	size_t n = key_width(shown, &e->key);

	pad(out, width > n ? width - n : 0);
	buf_str(out, buf_slice(shown));
	buf_lit(out, " => ");
	show_value(out, &e->val, depth);
}

/* Keys end in one column; the longest stands at the indentation. */
static void show_map(struct buf *out, const struct map *m, size_t depth)
{
	size_t width = 0, n = m->n;
	struct buf shown;

	if (n == 0) {
		buf_lit(out, "{}");
		return;
	}
	buf_init(&shown, 0);
	for (size_t i = 0; i < n; i++) {
		size_t w = key_width(&shown, &m->e[i].key);

		width = w > width ? w : width;
	}
	buf_lit(out, "{\n");
	for (size_t i = 0; i < n; i++) {
		show_entry(out, &shown, &m->e[i], width + INDENT * (depth + 1), depth + 1);
		buf_str(out, i + 1 < n ? STR(",\n") : STR("\n"));
	}
	pad(out, INDENT * depth);
	buf_ch(out, '}');
	buf_release(&shown);
}

static void show_list(struct buf *out, const struct list *l, size_t depth)
{
	int width = 1;

	if (l->n == 0) {
		buf_lit(out, "[]");
		return;
	}
	for (uint32_t last = l->n - 1; last >= 10; last /= 10)
		width++;
	buf_lit(out, "[\n");
	for (uint32_t i = 0; i < l->n; i++) {
		pad(out, INDENT * (depth + 1));
		buf_printf(out, "[%*u] ", width, i);
		show_value(out, &l->v[i], depth + 1);
		buf_str(out, i + 1 < l->n ? STR(",\n") : STR("\n"));
	}
	pad(out, INDENT * depth);
	buf_ch(out, ']');
}

static void show_value(struct buf *out, const struct value *v, size_t depth)
{
	if (v->type == V_MAP)
		show_map(out, v->map, depth);
	else if (v->type == V_LIST)
		show_list(out, v->list, depth);
	else
		ruby_inspect(out, v);
}

/* For this Logstash copies the event, into HashMaps. */
static void show_whole(struct buf *out, const struct event *ev)
{
	struct map *m = map_new(ev->arena, ev->root.n + 1);
	struct value whole = v_map(m);

	for (uint32_t i = 0; i < ev->root.n; i++)
		map_push(ev->arena, m, ev->root.e[i].key, ev->root.e[i].val);
	if (ev->meta.n)
		map_set(ev->arena, m, key_named(STR("@metadata")), v_map((struct map *)&ev->meta));
	whole = value_java_order(ev->arena, &whole);
	show_map(out, whole.map, 0);
}

static int rubydebug_encode(void *self, const struct event *ev, struct buf *out, const struct clock *clock,
			    struct err *err)
{
	const struct rubydebug *r = self;

	if (r->metadata)
		show_whole(out, ev);
	else
		show_map(out, &ev->root, 0);
	buf_ch(out, '\n');
	return 0;
}

static const struct option options[] = {
	{"metadata", OPT_BOOL, offsetof(struct rubydebug, metadata), .def = "false", .doc = "show [@metadata], too"},
	{0},
};

CODEC(rubydebug, .size = sizeof(struct rubydebug), .options = options, .doc = "events for people, as Logstash prints them",
      .codec = {.encode = rubydebug_encode})
