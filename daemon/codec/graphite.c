/*
 * graphite.c - the codec `graphite`: lines "NAME VALUE SECONDS" in and out.
 *
 *	servers.web1.load 1.5 1577934245   <->   {"servers.web1.load": 1.5, "@timestamp": "2020-01-02T03:04:05.000Z"}
 *
 * Work thread.
 */
#include "base/log.h"
#include "base/number.h"
#include "base/regex.h"
#include "base/utf8.h"
#include "codec/decode.h"
#include "codec/lines.h"
#include "event/from_map.h"
#include "event/ruby_text.h"

struct metric {
	const struct tmpl *name, *value;
};

struct names {
	struct regex **re;
	size_t n;
};

struct graphite {
	/* options */
	const struct map *metrics;
	bool fields_are_metrics;
	const struct list *include_metrics, *exclude_metrics;
	struct str metrics_format;
	/* made of them */
	struct metric *metric;
	struct names include, exclude;
	struct regex_match *found;
};

struct graphite_state {
	struct lines lines;
};

/* ---- opening ---- */

static int compile_names(struct names *out, struct plugin_ctx *ctx, const struct list *l, struct err *err)
{
	out->re = arena_zalloc(ctx->arena, (l ? l->n : 0) * sizeof(*out->re) + 1);
	for (uint32_t i = 0; l && i < l->n; i++) {
		out->re[i] = plugin_regex(ctx, option_text(ctx->arena, &l->v[i]), 0, err);
		if (!out->re[i])
			return -1;
		out->n++;
	}
	return 0;
}

static void release_names(struct names *n)
{
	for (size_t i = 0; i < n->n; i++)
		regex_free(n->re[i]);
	n->n = 0;
}

static void graphite_close(void *self)
{
	struct graphite *g = self;

	release_names(&g->include);
	release_names(&g->exclude);
	regex_match_free(g->found);
	g->found = NULL;
}

static int graphite_open(void *self, struct plugin_ctx *ctx, struct err *err)
{
	struct graphite *g = self;

	if (compile_names(&g->include, ctx, g->include_metrics, err) || compile_names(&g->exclude, ctx, g->exclude_metrics, err)) {
		graphite_close(g);
		return -1;
	}
	g->found = regex_match_new();
	g->metric = arena_zalloc(ctx->arena, (g->metrics ? g->metrics->n : 0) * sizeof(*g->metric) + 1);
	for (uint32_t i = 0; g->metrics && i < g->metrics->n; i++) {
		const struct entry *e = &g->metrics->e[i];

		g->metric[i].name = tmpl_compile(ctx->arena, key_str(&e->key));
		g->metric[i].value = tmpl_compile(ctx->arena, option_text(ctx->arena, &e->val));
	}
	return 0;
}

/* ---- reading ---- */

static void graphite_feed(void *self, void *state, struct str frame, const struct decode_ctx *ctx)
{
	lines_feed(&((struct graphite_state *)state)->lines, frame);
}

/* As Ruby's split(" ") cuts: white space of any length, none at the ends. */
static struct str take_word(struct str *s)
{
	struct str w;
	size_t n = 0;

	while (s->len && (s->p[0] == ' ' || (s->p[0] >= '\t' && s->p[0] <= '\r') || s->p[0] == 0))
		*s = str_from(*s, 1);
	while (n < s->len && s->p[n] != ' ' && !(s->p[n] >= '\t' && s->p[n] <= '\r'))
		n++;
	w = str_sub(*s, 0, n);
	*s = str_from(*s, n);
	return w;
}

static int graphite_next(void *self, void *state, struct event *ev, const struct decode_ctx *ctx)
{
	struct graphite_state *s = state;
	struct charset utf8 = {.kind = CHARSET_UTF8, .unit = 1};
	struct str line, name, value;
	int64_t seconds;

	while (lines_take(&s->lines, &line)) {
		struct map *m;

		line = charset_decode(&utf8, ev->arena, line);
		name = take_word(&line);
		value = take_word(&line);
		/* A blank line is no metric. */
		if (!name.len)
			continue;
		if (!ruby_to_i(take_word(&line), &seconds) || seconds < INT32_MIN * 4LL || seconds > UINT32_MAX * 64LL)
			seconds = ctx->now_ns / 1000000000;
		m = map_new(ev->arena, 4);
		map_set(ev->arena, m, key_make(name), v_float(ruby_to_f(value)));
		map_set(ev->arena, m, key_make(STR("@timestamp")), v_null());
		if (event_from_map(ev, m, (struct ts){seconds, 0}) == 0)
			return 1;
	}
	return 0;
}

/* ---- writing ---- */

static bool any_matches(struct graphite *g, const struct names *names, struct str text)
{
	for (size_t i = 0; i < names->n; i++)
		if (regex_exec(names->re[i], text, 0, g->found) == REGEX_YES)
			return true;
	return false;
}

/* The name stands for each * of the format. */
static void put_metric(const struct graphite *g, struct buf *out, struct str name, double value, int64_t seconds)
{
	char number[NUMBER_TEXT_MAX];

	for (size_t i = 0; i < g->metrics_format.len; i++) {
		if (g->metrics_format.p[i] == '*')
			buf_str(out, name);
		else
			buf_ch(out, g->metrics_format.p[i]);
	}
	buf_ch(out, ' ');
	buf_add(out, number, ruby_double_text(value, number));
	buf_ch(out, ' ');
	buf_i64(out, seconds);
	buf_ch(out, '\n');
}

static int put_fields(struct graphite *g, const struct event *ev, struct buf *out, const struct clock *clock, int64_t seconds,
		      struct err *err)
{
	for (uint32_t i = 0; i < ev->root.n; i++) {
		const struct entry *e = &ev->root.e[i];
		struct str name = key_str(&e->key), text;
		struct tmpl *t;

		if (str_eq(name, STR("@timestamp")) || str_eq(name, STR("@version")))
			continue;
		if (g->include.n && !any_matches(g, &g->include, name))
			continue;
		if (any_matches(g, &g->exclude, name))
			continue;
		/* The value itself may name other fields. */
		t = tmpl_compile(ev->arena, ruby_to_s(ev->arena, &e->val));
		if (tmpl_render(t, ev, ev->arena, clock, &text, err) < 0)
			return -1;
		put_metric(g, out, name, ruby_to_f(text), seconds);
	}
	return 0;
}

static int put_metrics(struct graphite *g, const struct event *ev, struct buf *out, const struct clock *clock, int64_t seconds,
		       struct err *err)
{
	for (uint32_t i = 0; g->metrics && i < g->metrics->n; i++) {
		struct str name, value;

		if (tmpl_render(g->metric[i].name, ev, ev->arena, clock, &name, err) < 0)
			return -1;
		if (!any_matches(g, &g->include, name) || any_matches(g, &g->exclude, name))
			continue;
		if (tmpl_render(g->metric[i].value, ev, ev->arena, clock, &value, err) < 0)
			return -1;
		put_metric(g, out, name, ruby_to_f(value), seconds);
	}
	return 0;
}

static int graphite_encode(void *self, const struct event *ev, struct buf *out, const struct clock *clock, struct err *err)
{
	struct graphite *g = self;
	struct ts t = {0};
	size_t before = out->len;
	int rc;

	if (!event_timestamp(ev, &t))
		return err_set(err, "a metric needs a @timestamp");
	if (g->fields_are_metrics)
		rc = put_fields(g, ev, out, clock, t.s, err);
	else
		rc = put_metrics(g, ev, out, clock, t.s, err);
	if (rc < 0) {
		out->len = before;
		return -1;
	}
	return out->len == before;
}

#define AT(member) offsetof(struct graphite, member)
static const struct option options[] = {
	{"metrics", OPT_HASH, AT(metrics), .doc = "name => value of each metric that is written; both may hold %{field}"},
	{"fields_are_metrics", OPT_BOOL, AT(fields_are_metrics), .def = "false", .doc = "write the event's fields as metrics"},
	{"include_metrics", OPT_LIST, AT(include_metrics), .def = "[\".*\"]", .doc = "expressions: a metric's name matches one of them"},
	{"exclude_metrics", OPT_LIST, AT(exclude_metrics), .def = "[\"%{[^}]+}\"]", .doc = "expressions: a metric's name matches none of them"},
	{"metrics_format", OPT_STRING, AT(metrics_format), .def = "\"*\"", .doc = "what is written for a name, which replaces each *"},
	{0},
};
#undef AT

CODEC(graphite, .size = sizeof(struct graphite), .options = options, .doc = "Graphite's lines: name, value, time",
      .open = graphite_open, .close = graphite_close,
      .codec = {.framing = FRAME_LINE,
		.state_size = sizeof(struct graphite_state),
		.feed = graphite_feed,
		.next = graphite_next,
		.encode = graphite_encode})
