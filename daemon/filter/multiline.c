/*
 * multiline.c - the filter `multiline`: events whose lines belong together become one. Work thread.
 *
 *	multiline { pattern => "^\s" what => "previous" }
 *
 * The codec of that name does it where lines are read; this one is for configurations that have it behind the inputs. Streams are kept apart by
 * stream_identity. The fields of all events of one are merged as Logstash merges them: what differs becomes a list, but for the lines, which are
 * joined, and the time, which is the first one's.
 *
 * An event that is held ends here for the counters, and what goes on in the end is created here. But the ack of its first line stays open, and so
 * does everything behind it at the source: what has not gone on is read again after a crash. What is held goes on after max_age without a line
 * (Logstash: counted from the first line's own time), when it has grown to its limit, before a reload and at the end.
 */
#include "base/log.h"
#include "filter/grok_one.h"
#include "filter/support.h"
#include "pipeline/ack.h"

#include <stdlib.h>

enum what { WHAT_PREVIOUS, WHAT_NEXT };

enum {
	STREAMS_MAX = 10000,
	BUCKETS = 4096,
	LINES_MAX = 5000,
	BYTES_MAX = 10 * 1024 * 1024, /* of lines; both: then what is held goes on, and something new begins */
};

/* What is held of one stream. */
struct held {
	struct held *next;	    /* in its bucket */
	struct held *older, *newer; /* by when they began */
	struct arena arena;	    /* of ev, lines and key */
	struct event ev;
	struct list *lines;
	size_t bytes;
	int64_t last_ns; /* monotonic: when its last line came */
	struct key key;
};

struct multiline {
	struct str pattern;
	int what;
	bool negate, allow_duplicates, periodic_flush;
	const struct tmpl *stream_identity;
	const struct list *patterns_dir;
	const struct ref *source;
	double max_age;
	/* made by open() */
	struct grok_one line;
	struct held *oldest, *newest;
	struct held *bucket[BUCKETS];
	uint32_t n;
};

/* What next() makes: one that is given, or all that are due. */
struct given {
	struct held *one;
	int64_t now_ns;
	bool flush, final;
};

static const char multiline_tag[] = "multiline";

static int multiline_open(void *self, struct plugin_ctx *ctx, struct err *err)
{
	struct multiline *m = self;

	if (!(m->max_age >= 0 && m->max_age < 1e9))
		return err_set(err, "'max_age' is a number of seconds");
	return grok_one_open(&m->line, m->pattern, m->patterns_dir, ctx, err);
}

/* ---- what is held ---- */

static void held_unlink(struct multiline *m, struct held *h)
{
	struct held **at = &m->bucket[h->key.hash % BUCKETS];

	while (*at != h)
		at = &(*at)->next;
	*at = h->next;
	*(h->older ? &h->older->newer : &m->oldest) = h->newer;
	*(h->newer ? &h->newer->older : &m->newest) = h->older;
	m->n--;
}

static void held_free(struct held *h)
{
	ack_unref(h->ev.ack);
	arena_release(&h->arena);
	free(h);
}

static void multiline_close(void *self)
{
	struct multiline *m = self;

	while (m->oldest) {
		struct held *h = m->oldest;

		held_unlink(m, h);
		held_free(h);
	}
	grok_one_close(&m->line);
}

static struct held *held_find(const struct multiline *m, const struct key *key)
{
	for (struct held *h = m->bucket[key->hash % BUCKETS]; h; h = h->next)
		if (key_eq(&h->key, key))
			return h;
	return NULL;
}

/* The lines of an event: its source field, which may be a list already. */
static void add_lines(const struct multiline *m, struct held *h, const struct event *ev)
{
	const struct value *v = event_get(ev, m->source);
	struct list one = {.n = 1, .v = (struct value *)v};
	const struct list *l = value_is(v, V_LIST) ? v->list : v ? &one : NULL;

	for (uint32_t i = 0; l && i < l->n; i++) {
		struct value line = v_str(arena_dup(&h->arena, value_text(ev->arena, &l->v[i])));
		bool there = false;

		for (uint32_t k = 0; !m->allow_duplicates && k < h->lines->n && !there; k++)
			there = value_equal(&h->lines->v[k], &line);
		if (there)
			continue;
		list_push(&h->arena, h->lines, line);
		h->bytes += line.len;
	}
}

static void hold(struct multiline *m, struct event *ev, struct str stream, int64_t now_ns)
{
	struct held *h = xzalloc(sizeof(*h));

	arena_init(&h->arena, NULL);
	event_copy(&h->ev, ev, &h->arena);
	ack_ref(h->ev.ack);
	h->lines = list_new(&h->arena, 8);
	h->key = key_make(arena_dup(&h->arena, stream));
	h->last_ns = now_ns;
	add_lines(m, h, ev);
	h->next = m->bucket[h->key.hash % BUCKETS];
	m->bucket[h->key.hash % BUCKETS] = h;
	h->older = m->newest;
	*(m->newest ? &m->newest->newer : &m->oldest) = h;
	m->newest = h;
	m->n++;
}

/* ---- two events become one, as LogStash::Util.hash_merge does it ---- */

static bool in_list(const struct list *l, const struct value *v)
{
	for (uint32_t i = 0; i < l->n; i++)
		if (value_equal(&l->v[i], v))
			return true;
	return false;
}

/* A list without what is in it twice. */
static void add_new(struct arena *a, struct list *to, const struct value *v)
{
	for (uint32_t i = 0; v->type == V_LIST && i < v->list->n; i++)
		if (!in_list(to, &v->list->v[i]))
			list_push(a, to, value_copy(a, &v->list->v[i], true));
	if (v->type != V_LIST && !in_list(to, v))
		list_push(a, to, value_copy(a, v, true));
}

/* skip: a key that is left alone, or NULL. */
static void merge_map(struct arena *a, struct map *to, const struct map *from, const struct key *skip);

static void merge_value(struct arena *a, struct value *to, const struct value *from)
{
	struct list *both;

	if (to->type == V_MAP && from->type == V_MAP) {
		merge_map(a, to->map, from->map, NULL);
		return;
	}
	if (to->type == V_LIST) {
		add_new(a, to->list, from);
		return;
	}
	if (from->type != V_LIST && value_equal(to, from))
		return;
	both = list_new(a, 4);
	add_new(a, both, to);
	add_new(a, both, from);
	*to = v_list(both);
}

static void merge_map(struct arena *a, struct map *to, const struct map *from, const struct key *skip)
{
	for (uint32_t i = 0; i < from->n; i++) {
		struct value *have = map_find(to, &from->e[i].key);

		if (skip && key_eq(skip, &from->e[i].key))
			continue;
		if (have)
			merge_value(a, have, &from->e[i].val);
		else
			map_set(a, to, key_make(arena_dup(a, key_str(&from->e[i].key))), value_copy(a, &from->e[i].val, true));
	}
}

static void append(struct multiline *m, struct held *h, const struct event *ev, int64_t now_ns)
{
	struct value *time = event_top(&h->ev, STR("@timestamp")), first = time ? *time : v_null();

	add_lines(m, h, ev);
	/* The lines themselves are kept beside it. */
	merge_map(&h->arena, &h->ev.root, &ev->root, m->source->n == 1 ? &m->source->part[0].key : NULL);
	if (first.type == V_TIME)
		event_set_top(&h->ev, key_make(STR("@timestamp")), first);
	h->last_ns = now_ns;
}

/* The event as it goes on, in the arena of `out`; the ack goes with it. */
static void give(struct multiline *m, struct held *h, struct event *out)
{
	struct arena *arena = out->arena;
	struct buf text;

	buf_init(&text, 0);
	for (uint32_t i = 0; i < h->lines->n; i++) {
		if (i)
			buf_ch(&text, '\n');
		buf_str(&text, value_str(&h->lines->v[i]));
	}
	event_copy(out, &h->ev, arena);
	if (h->lines->n)
		(void)filter_set(out, m->source, v_str(arena_dup(arena, buf_slice(&text))));
	buf_release(&text);
	h->ev.ack = NULL;
	held_free(h);
}

/* ---- the filter ---- */

static enum step give_instead(struct multiline *m, struct held *h, struct step_ctx *ctx)
{
	struct given *g = arena_zalloc(ctx->arena, sizeof(*g));

	held_unlink(m, h);
	g->one = h;
	ctx->gen = g;
	return STEP_MORE;
}

/* The line has its place in what is held; where that is full by now it goes on. */
static enum step grown(struct multiline *m, struct held *h, struct step_ctx *ctx)
{
	return h->lines->n >= LINES_MAX || h->bytes >= BYTES_MAX ? give_instead(m, h, ctx) : STEP_DROP;
}

/* Too many streams: the one that began first goes on. */
static enum step crowded(struct multiline *m, struct step_ctx *ctx)
{
	if (m->n <= STREAMS_MAX)
		return STEP_DROP;
	log_warn("filter", "multiline: there are more than %d streams: the one that began first is not waited for", (int)STREAMS_MAX);
	return give_instead(m, m->oldest, ctx);
}

static bool matches(struct multiline *m, const struct event *ev)
{
	const struct value *v = event_get(ev, m->source);

	if (value_is(v, V_LIST))
		v = v->list->n ? &v->list->v[0] : NULL;
	return (v && grok_one_matches(&m->line, value_text(ev->arena, v), "multiline")) != m->negate;
}

static enum step multiline_run(void *self, struct event *ev, struct step_ctx *ctx)
{
	struct multiline *m = self;
	int64_t now_ns = clock_mono(ctx->clock);
	bool match = matches(m, ev);
	struct held *h;
	struct str stream;
	struct key key;

	if (tmpl_render(m->stream_identity, ev, ev->arena, ctx->clock, &stream, NULL))
		stream = STR("");
	key = key_make(stream);
	h = held_find(m, &key);
	if (match)
		event_tag(ev, str_z(multiline_tag));
	if (match || (m->what == WHAT_NEXT && h)) {
		if (!h) {
			hold(m, ev, stream, now_ns);
			return crowded(m, ctx);
		}
		append(m, h, ev, now_ns);
		return match ? grown(m, h, ctx) : give_instead(m, h, ctx);
	}
	if (m->what == WHAT_NEXT)
		return STEP_PASS;
	/* It begins something new; what was held before is complete. */
	hold(m, ev, stream, now_ns);
	return h ? give_instead(m, h, ctx) : crowded(m, ctx);
}

static bool due(const struct multiline *m, const struct held *h, const struct given *g)
{
	return g->final || (double)(g->now_ns - h->last_ns) / 1e9 >= m->max_age;
}

static struct held *next_due(struct multiline *m, const struct given *g)
{
	for (struct held *h = m->oldest; h; h = h->newer)
		if (due(m, h, g))
			return h;
	return NULL;
}

static bool multiline_flush(void *self, struct step_ctx *ctx)
{
	struct multiline *m = self;
	struct given *g = arena_zalloc(ctx->arena, sizeof(*g));

	*g = (struct given){.flush = true, .final = ctx->final, .now_ns = clock_mono(ctx->clock)};
	ctx->gen = g;
	return (ctx->final || m->periodic_flush) && next_due(m, g);
}

static int multiline_next(void *self, void *gen, const struct event *parent, struct event *child, struct step_ctx *ctx)
{
	struct multiline *m = self;
	struct given *g = gen;
	struct held *h = g->one;

	(void)parent;
	(void)ctx;
	if (g->flush) {
		h = next_due(m, g);
		if (h)
			held_unlink(m, h);
	}
	g->one = NULL;
	if (!h)
		return 0;
	give(m, h, child);
	return 2;
}

static const char *const whats[] = {"previous", "next", NULL};

#define AT(member) offsetof(struct multiline, member)
static const struct option options[] = {
	{"pattern", OPT_STRING, AT(pattern), .flags = OPT_REQUIRED, .doc = "pattern of grok that a line matches or not"},
	{"what", OPT_ENUM, AT(what), .flags = OPT_REQUIRED, .choices = whats, .doc = "a line that matches belongs to the one before it, or behind it"},
	{"negate", OPT_BOOL, AT(negate), .def = "false", .doc = "a line that does not match does"},
	{"source", OPT_REF, AT(source), .def = "message", .doc = "field of the line"},
	{"allow_duplicates", OPT_BOOL, AT(allow_duplicates), .def = "true", .doc = "false: a line that is there already is left out"},
	{"stream_identity", OPT_TMPL, AT(stream_identity), .def = "\"%{host}.%{path}.%{type}\"", .doc = "lines of one such text may belong together"},
	{"patterns_dir", OPT_LIST, AT(patterns_dir), .doc = "files and folders with more patterns"},
	{"max_age", OPT_FLOAT, AT(max_age), .def = "5", .doc = "seconds without a line after which what is held goes on, looked at every 5 seconds"},
	{"periodic_flush", OPT_BOOL, AT(periodic_flush), .def = "true", .doc = "false: what is held waits for the next line, or the end"},
	{0},
};
#undef AT

FILTER(multiline, .size = sizeof(struct multiline), .options = options, .stateful = true, .holds = true,
       .doc = "joins events whose lines belong together; the codec multiline does it where lines are read", .open = multiline_open, .close = multiline_close,
       .filter = {.run = multiline_run, .flush = multiline_flush, .next = multiline_next})
