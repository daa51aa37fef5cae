/*
 * extractnumbers.c - the filter `extractnumbers`: the numbers among a text's words become int1, int2 ... float1 ... Work thread.
 */
#include "event/ruby_number.h"
#include "filter/support.h"

struct extractnumbers {
	const struct ref *source;
};

static bool blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r') || c == 0;
}

static struct str take_word(struct str *s)
{
	struct str word;
	size_t n = 0;

	while (s->len && blank(s->p[0]))
		*s = str_from(*s, 1);
	while (n < s->len && !blank(s->p[n]))
		n++;
	word = str_sub(*s, 0, n);
	*s = str_from(*s, n);
	return word;
}

static enum step extractnumbers_run(void *self, struct event *ev, struct step_ctx *ctx)
{
	const struct extractnumbers *x = self;
	const struct value *v = event_get(ev, x->source);
	struct arena *a = ev->arena;
	unsigned ints = 0, floats = 0;
	struct str rest, word;

	(void)ctx;
	if (value_is(v, V_LIST))
		v = v->list->n ? &v->list->v[0] : NULL;
	if (!value_is(v, V_STRING))
		return STEP_PASS;
	rest = value_str(v);
	for (word = take_word(&rest); word.len; word = take_word(&rest)) {
		struct value number;
		double f;

		if (ruby_integer(a, word, &number)) {
			event_set_top(ev, key_make(arena_printf(a, "int%u", ++ints)), number);
		} else if (ruby_float(word, &f)) {
			event_set_top(ev, key_make(arena_printf(a, "float%u", ++floats)), v_float(f));
		}
	}
	/* Its common options never run: so in Logstash. */
	return STEP_PASS;
}

static const struct option options[] = {
	{"source", OPT_REF, offsetof(struct extractnumbers, source), .def = "message", .doc = "field with the text"},
	{0},
};

FILTER(extractnumbers, .size = sizeof(struct extractnumbers), .options = options, .doc = "numbers in a text become fields",
       .filter = {.run = extractnumbers_run})
