/*
 * range.c - the filter `range`: a number, or the length of a text, within bounds does something. Work thread.
 */
#include "base/log.h"
#include "base/number.h"
#include "base/utf8.h"
#include "event/ruby_number.h"
#include "event/ruby_text.h"
#include "filter/support.h"

enum action { DROP, TAG, FIELD };

struct rule {
	const struct ref *field;
	double min, max;
	enum action action;
	const struct tmpl *name; /* tag or field */
	const struct tmpl *text;
	struct value number; /* the field's value where it is no text; V_NONE */
};

struct range {
	const struct list *ranges;
	bool negate;
	struct rule *rule;
	uint32_t n;
};

static bool number_of(const struct value *v, double *out)
{
	if (v->type != V_INT && v->type != V_FLOAT)
		return false;
	*out = v->type == V_INT ? (double)v->i : v->f;
	return true;
}

/* "5" and "5.0", but not "05". */
static struct value plain_number(struct arena *a, struct str s)
{
	struct value v;
	char text[NUMBER_TEXT_MAX];
	double f;

	if (ruby_integer(a, s, &v) && str_eq(ruby_to_s(a, &v), s))
		return v;
	if (ruby_float(s, &f) && str_eq(str_n(text, ruby_double_text(f, text)), s))
		return v_float(f);
	return (struct value){.type = V_NONE};
}

static int read_action(struct arena *a, struct str s, struct rule *r, struct err *err)
{
	struct str all = s, word, rest;

	if (!str_cut(&s, ':', &word)) {
		word = s;
		s = STR("");
	}
	if (str_eq(word, STR("drop")) && s.len == 0) {
		r->action = DROP;
		return 0;
	}
	if (str_eq(word, STR("tag")) && s.len && str_chr(s, ':') < 0) {
		r->action = TAG;
		r->name = tmpl_compile(a, s);
		return 0;
	}
	rest = s;
	if (str_eq(word, STR("field")) && str_cut(&rest, ':', &word) && word.len && rest.len && str_chr(rest, ':') < 0) {
		r->action = FIELD;
		r->name = tmpl_compile(a, word);
		r->text = tmpl_compile(a, rest);
		r->number = plain_number(a, rest);
		return 0;
	}
	return err_set(err, "an action is drop, tag:NAME or field:NAME:VALUE, not '%.*s'", STR_ARG(all));
}

/* All rules of one field together, as they first come: so in Logstash. */
static void gather(struct rule *rule, uint32_t n)
{
	for (uint32_t i = 1; i < n; i++) {
		struct rule r = rule[i];
		uint32_t at = i;

		for (uint32_t k = i; k-- > 0;)
			if (str_eq(rule[k].field->text, r.field->text)) {
				at = k + 1;
				break;
			}
		memmove(&rule[at + 1], &rule[at], (i - at) * sizeof(r));
		rule[at] = r;
	}
}

static int range_open(void *self, struct plugin_ctx *ctx, struct err *err)
{
	struct range *g = self;
	uint32_t n = g->ranges ? g->ranges->n : 0;

	if (n % 4)
		return err_set(err, "'ranges' takes a field, a least and a greatest number and an action each time: %u items are no multiple of 4", n);
	g->rule = arena_zalloc(ctx->arena, n / 4 * sizeof(*g->rule) + 1);
	for (uint32_t i = 0; i < n; i += 4) {
		const struct value *v = &g->ranges->v[i];
		struct rule *r = &g->rule[g->n++];

		if (v[0].type != V_STRING || v[3].type != V_STRING)
			return err_set(err, "'ranges': field and action are texts");
		if (!number_of(&v[1], &r->min) || !number_of(&v[2], &r->max))
			return err_set(err, "'ranges': the bounds of '%.*s' are no numbers", STR_ARG(value_str(&v[0])));
		r->field = ref_compile(ctx->arena, value_str(&v[0]), err);
		if (!r->field || read_action(ctx->arena, value_str(&v[3]), r, err))
			return -1;
	}
	gather(g->rule, g->n);
	return 0;
}

static double characters(struct str s)
{
	size_t n = 0;

	for (; s.len; n++)
		utf8_next(&s);
	return (double)n;
}

static bool matches(const struct range *g, const struct rule *r, const struct value *v)
{
	double x = 0;
	bool in = false;

	if (v->type == V_STRING)
		x = characters(value_str(v));
	if (v->type == V_STRING || number_of(v, &x))
		in = x >= r->min && x <= r->max;
	else
		log_warn("filter", "range: '%.*s' is neither a number nor a text", STR_ARG(r->field->text));
	return in != g->negate;
}

static bool add_field(struct event *ev, const struct rule *r, struct str name, struct str text)
{
	const struct ref *ref = ref_compile(ev->arena, name, NULL);
	int rc;

	if (!ref)
		return false;
	if (!filter_truth(event_get(ev, ref)))
		return filter_set(ev, ref, r->number.type == V_NONE ? v_str(text) : r->number);
	rc = event_append(ev, ref, v_str(text));
	return rc == EVENT_OK || rc == EVENT_LIST_KEY;
}

static bool act(struct event *ev, const struct rule *r, const struct clock *clock)
{
	struct str name, text;

	if (tmpl_render(r->name, ev, ev->arena, clock, &name, NULL))
		return false;
	if (r->action == TAG) {
		event_tag(ev, name);
		return true;
	}
	return tmpl_render(r->text, ev, ev->arena, clock, &text, NULL) == 0 && add_field(ev, r, name, text);
}

static enum step range_run(void *self, struct event *ev, struct step_ctx *ctx)
{
	const struct range *g = self;

	for (uint32_t i = 0; i < g->n; i++) {
		const struct rule *r = &g->rule[i];
		const struct value *v = event_get(ev, r->field);

		if (!v || !matches(g, r, v))
			continue;
		if (r->action == DROP)
			return STEP_DROP;
		if (!act(ev, r, ctx->clock)) {
			event_tag(ev, STR("_range_error"));
			return STEP_PASS;
		}
	}
	return STEP_OK;
}

static const struct option options[] = {
	{"ranges", OPT_LIST, offsetof(struct range, ranges), .doc = "field, least, greatest, action (drop, tag:NAME, field:NAME:VALUE); and so on"},
	{"negate", OPT_BOOL, offsetof(struct range, negate), .def = "false", .doc = "act on what lies outside"},
	{0},
};

FILTER(range, .size = sizeof(struct range), .options = options, .doc = "acts on numbers and lengths within bounds", .open = range_open,
       .filter = {.run = range_run})
