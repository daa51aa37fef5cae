/*
 * graphite.c - output `graphite`: numbers of events as Carbon's plaintext protocol has them.
 *
 *	NAME SP VALUE SP SECONDS LF
 *
 * An item is the lines of one event. The same metric at the same second overwrites itself there, so what may have arrived is sent again.
 */
#include "base/number.h"
#include "base/regex.h"
#include "event/ruby_text.h"
#include "outputs/net_link.h"

enum { DEPTH_MAX = 100 };

struct metric {
	const struct tmpl *name, *value;
};

struct graphite {
	struct queue_options queue;
	struct str host, separator;
	int64_t port;
	const struct map *metrics;
	bool fields_are_metrics;
	const struct list *include, *exclude;
	const struct tmpl *format;
	const struct ref *timestamp;
	/* made by open() */
	struct metric *metric;
	struct regex **included, **excluded;
	struct regex_match *match;
};

/* ---- options ---- */

static struct regex **compile_all(const struct list *l, struct plugin_ctx *ctx, const char *option, struct err *err)
{
	struct regex **r = arena_zalloc(ctx->arena, ((l ? l->n : 0) + 1) * sizeof(*r));

	for (uint32_t i = 0; l && i < l->n; i++) {
		r[i] = plugin_regex(ctx, option_text(ctx->arena, &l->v[i]), 0, err);
		if (!r[i]) {
			err_prefix(err, "'%s': ", option);
			for (uint32_t k = 0; k < i; k++)
				regex_free(r[k]);
			return NULL;
		}
	}
	return r;
}

static void free_all(struct regex **r)
{
	for (; r && *r; r++)
		regex_free(*r);
}

static void graphite_close(void *self)
{
	struct graphite *g = self;

	free_all(g->included);
	free_all(g->excluded);
	regex_match_free(g->match);
}

static int graphite_open(void *self, struct plugin_ctx *ctx, struct err *err)
{
	struct graphite *g = self;
	uint32_t n = g->metrics ? g->metrics->n : 0;

	if (g->fields_are_metrics && n)
		return err_set(err, "only one of 'metrics' and 'fields_are_metrics' can be used");
	if (!g->fields_are_metrics && !n)
		plugin_warn(ctx, "neither 'metrics' nor 'fields_are_metrics': nothing is ever sent");
	if (str_chr(tmpl_text(g->format), '*') < 0) {
		plugin_warn(ctx, "'metrics_format' holds no *: the metric's name stands for itself");
		g->format = tmpl_compile(ctx->arena, STR("*"));
	}
	g->metric = arena_zalloc(ctx->arena, (n + 1) * sizeof(*g->metric));
	for (uint32_t i = 0; i < n; i++)
		g->metric[i] = (struct metric){tmpl_compile(ctx->arena, key_str(&g->metrics->e[i].key)),
					       tmpl_compile(ctx->arena, option_text(ctx->arena, &g->metrics->e[i].val))};
	g->included = compile_all(g->include, ctx, "include_metrics", err);
	if (!g->included)
		return -1;
	g->excluded = compile_all(g->exclude, ctx, "exclude_metrics", err);
	if (!g->excluded) {
		free_all(g->included);
		return -1;
	}
	g->match = regex_match_new();
	return 0;
}

/* ---- an event ---- */

struct lines {
	struct graphite *g;
	const struct event *ev;
	struct buf *b;
	struct render_ctx *ctx;
	int64_t seconds;
	struct str format; /* rendered for this event */
};

static bool any_matches(struct regex **r, struct regex_match *m, struct str name)
{
	for (; *r; r++)
		if (regex_exec(*r, name, 0, m) == REGEX_YES)
			return true;
	return false;
}

/* none_is_all: with an empty list of includes. */
static bool wanted(const struct graphite *g, struct str name, bool none_is_all)
{
	return ((none_is_all && !*g->included) || any_matches(g->included, g->match, name)) && !any_matches(g->excluded, g->match, name);
}

/* What would end the name or the line cannot stand in it. */
static void put_word(struct buf *b, struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		buf_ch(b, (unsigned char)s.p[i] <= 0x20 || s.p[i] == 0x7f ? '_' : s.p[i]);
}

static void put_line(struct lines *l, struct str name, struct str value)
{
	for (size_t i = 0; i < l->format.len; i++) {
		if (l->format.p[i] == '*')
			put_word(l->b, name);
		else
			put_word(l->b, str_sub(l->format, i, 1));
	}
	buf_ch(l->b, ' ');
	put_word(l->b, value.len ? value : STR("0"));
	buf_ch(l->b, ' ');
	buf_i64(l->b, l->seconds);
	buf_ch(l->b, '\n');
}

static void put_number(struct lines *l, struct str name, struct str text)
{
	char number[NUMBER_TEXT_MAX];
	size_t n = ruby_double_text(ruby_to_f(text), number);

	put_line(l, name, str_n(number, n));
}

/* A map within the event: a.b.c for what is in it, lists left out. */
static void put_map(struct lines *l, struct str name, const struct map *m, unsigned depth)
{
	for (uint32_t i = 0; i < m->n && depth < DEPTH_MAX; i++) {
		const struct value *v = &m->e[i].val;
		struct str k = key_str(&m->e[i].key), full;

		full = arena_printf(l->ctx->scratch, "%.*s%.*s%.*s", STR_ARG(name), STR_ARG(l->g->separator), STR_ARG(k));
		if (v->type == V_MAP)
			put_map(l, full, v->map, depth + 1);
		else if (v->type != V_LIST)
			put_line(l, full, ruby_to_s(l->ctx->scratch, v));
	}
}

static int fields(struct lines *l)
{
	const struct map *m = &l->ev->root;

	for (uint32_t i = 0; i < m->n; i++) {
		struct str name = key_str(&m->e[i].key), text;
		const struct value *v = &m->e[i].val;

		if (str_eq(name, STR("@timestamp")) || str_eq(name, STR("@version")) || !wanted(l->g, name, true))
			continue;
		if (v->type == V_MAP) {
			put_map(l, name, v->map, 0);
			continue;
		}
		/* A text of the event is a template of its own, as in Logstash. */
		text = ruby_to_s(l->ctx->scratch, v);
		if (v->type == V_STRING && str_find(text, STR("%{")) >= 0 &&
		    tmpl_render(tmpl_compile(l->ctx->scratch, text), l->ev, l->ctx->scratch, l->ctx->clock, &text, &l->ctx->err) == -1)
			return -1;
		put_number(l, name, text);
	}
	return 0;
}

static const struct value *field_of(struct lines *l, struct str name)
{
	const struct ref *r = ref_compile(l->ctx->scratch, name, NULL);

	return r ? event_get(l->ev, r) : NULL;
}

static int configured(struct lines *l)
{
	const struct graphite *g = l->g;

	for (uint32_t i = 0; g->metrics && i < g->metrics->n; i++) {
		struct str name, text;
		const struct value *v;

		if (tmpl_render(g->metric[i].name, l->ev, l->ctx->scratch, l->ctx->clock, &name, &l->ctx->err) == -1 ||
		    tmpl_render(g->metric[i].value, l->ev, l->ctx->scratch, l->ctx->clock, &text, &l->ctx->err) == -1)
			return -1;
		if (!wanted(g, name, false))
			continue;
		v = field_of(l, name);
		if (value_is(v, V_MAP))
			put_map(l, name, v->map, 0);
		else
			put_number(l, name, text);
	}
	return 0;
}

static int64_t seconds_of(const struct graphite *g, const struct event *ev, struct arena *a)
{
	const struct value *v = event_get(ev, g->timestamp);
	int64_t n = 0;

	if (!v)
		return 0;
	if (v->type == V_TIME || v->type == V_INT)
		return v->i;
	if (v->type == V_FLOAT)
		return v->f > -9e18 && v->f < 9e18 ? (int64_t)v->f : 0;
	return ruby_to_i(ruby_to_s(a, v), &n) ? n : 0;
}

static enum render_result graphite_render(void *self, const struct event *ev, struct pack *p, struct render_ctx *ctx)
{
	struct graphite *g = self;
	struct lines l = {.g = g, .ev = ev, .b = pack_begin(p), .ctx = ctx, .seconds = seconds_of(g, ev, ctx->scratch)};

	if (tmpl_render(g->format, ev, ctx->scratch, ctx->clock, &l.format, &ctx->err) == -1 ||
	    (g->fields_are_metrics ? fields(&l) : configured(&l)) == -1)
		return RENDER_DEAD;
	if (l.b->len == p->begun && !l.b->over)
		return RENDER_SKIP;
	if (l.b->over) {
		err_set(&ctx->err, "larger than %d bytes", PACK_BYTES_MAX);
		return RENDER_DEAD;
	}
	pack_end(p, 0, 0, 0);
	return RENDER_OK;
}

/* ---- send ---- */

static void *graphite_start(const void *self, const struct plugin_ctx *ctx, struct err *err)
{
	const struct graphite *g = self;

	return net_conn_new(g->host, (int)g->port, false, NULL);
}

#define AT(m) offsetof(struct graphite, m)

static const struct option options[] = {
	{"host", OPT_STRING, AT(host), .def = "\"localhost\"", .doc = "where Carbon listens"},
	{"port", OPT_INT, AT(port), .def = "2003", .min = 1, .max = 65535, .doc = "its port for the plaintext protocol"},
	{"metrics", OPT_HASH, AT(metrics), .doc = "name => value; both may hold %{...}"},
	{"fields_are_metrics", OPT_BOOL, AT(fields_are_metrics), .def = "false", .doc = "each field of the event is one"},
	{"include_metrics", OPT_LIST, AT(include), .def = "[\".*\"]", .doc = "only names that one of these expressions matches"},
	{"exclude_metrics", OPT_LIST, AT(exclude), .def = "[\"%\\{[^}]+\\}\"]", .doc = "no names that one of these matches; by default those with a field that is not there"},
	{"metrics_format", OPT_TMPL, AT(format), .def = "\"*\"", .doc = "the name as it is sent; * is the metric's"},
	{"nested_object_separator", OPT_STRING, AT(separator), .def = "\".\"", .doc = "between the names of maps and what is in them"},
	{"timestamp_field", OPT_REF, AT(timestamp), .def = "\"@timestamp\"", .doc = "field with the time"},
	{"reconnect_interval", OPT_IGNORED, 0, .doc = "tries follow one another by the usual back-off"},
	{"resend_on_failure", OPT_IGNORED, 0, .doc = "always: what may be lost is sent again"},
	{"debug", OPT_IGNORED},
	QUEUE_OPTIONS(struct graphite, queue, "1"),
	{0},
};

static const struct output_ops ops = {
	.queue_offset = AT(queue),
	.pack_bytes = NET_PACK_BYTES,
	.ordered = true,
	.render = graphite_render,
	.start = graphite_start,
	.stop = net_conn_free,
	.link_open = net_link_open,
	.link_close = net_link_close,
	.send = net_send_stream,
};

OUTPUT(graphite, .size = sizeof(struct graphite), .options = options, .open = graphite_open, .close = graphite_close, .output = &ops,
       .doc = "sends numbers to Graphite")
