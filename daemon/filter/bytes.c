/*
 * bytes.c - the filter `bytes`: "1.5 MB" becomes 1572864. Work thread.
 */
#include "base/number.h"
#include "filter/support.h"

enum method { BINARY, METRIC };

struct bytes {
	const struct ref *source, *target;
	int method;
	struct str decimal;
	const struct list *tag_on_failure;
};

static int bytes_open(void *self, struct plugin_ctx *ctx, struct err *err)
{
	struct bytes *b = self;

	(void)ctx;
	if (b->decimal.len != 1)
		return err_set(err, "'decimal_separator' is one character");
	return 0;
}

static bool is_group(char c)
{
	return c == ' ' || c == ',' || c == '.';
}

/* "1,024.5" -> "1024.5" at the front of *s; what divides groups of digits goes. */
static struct str take_number(const struct bytes *b, struct arena *a, struct str *s)
{
	char *p = arena_bytes(a, s->len + 1);
	size_t n = 0;

	while (s->len && (ch_digit(s->p[0]) || is_group(s->p[0]) || s->p[0] == b->decimal.p[0])) {
		if (ch_digit(s->p[0]))
			p[n++] = s->p[0];
		else if (s->p[0] == b->decimal.p[0])
			p[n++] = '.';
		*s = str_from(*s, 1);
	}
	return str_n(p, n);
}

static bool convert(const struct bytes *b, struct arena *a, struct str s, struct value *out)
{
	static const char prefixes[] = "kmgtpe";
	struct str number;
	double v;

	s = str_trim(s);
	number = take_number(b, a, &s);
	if (number.len == 0)
		return false;
	v = ruby_to_f(number);
	if (s.len && s.p[0] && strchr(prefixes, s.p[0] | 32)) {
		for (const char *p = strchr(prefixes, s.p[0] | 32); p >= prefixes; p--)
			v *= b->method == BINARY ? 1024 : 1000;
		s = str_from(s, 1);
	}
	if (s.len && (s.p[0] | 32) == 'b')
		s = str_from(s, 1);
	if (s.len || v >= 9.2e18)
		return false;
	*out = v_int((int64_t)v);
	return true;
}

static enum step bytes_run(void *self, struct event *ev, struct step_ctx *ctx)
{
	const struct bytes *b = self;
	const struct value *v = event_get(ev, b->source);
	struct value out;

	(void)ctx;
	if (value_is(v, V_STRING) && convert(b, ev->arena, value_str(v), &out) && filter_set(ev, b->target, out))
		return STEP_OK;
	return filter_failed(ev, b->tag_on_failure);
}

static const char *const methods[] = {"binary", "metric", NULL};

static const struct option options[] = {
	{"source", OPT_REF, offsetof(struct bytes, source), .def = "message", .doc = "field with the text"},
	{"target", OPT_REF, offsetof(struct bytes, target), .flags = OPT_REQUIRED, .doc = "field that gets the number of bytes"},
	{"conversion_method", OPT_ENUM, offsetof(struct bytes, method), .def = "binary", .choices = methods,
	 .doc = "binary: a kilobyte has 1024 bytes; metric: 1000"},
	{"decimal_separator", OPT_STRING, offsetof(struct bytes, decimal), .def = "\".\"", .doc = "between units and their parts"},
	{"tag_on_failure", OPT_LIST, offsetof(struct bytes, tag_on_failure), .def = "[\"_bytesparsefailure\"]",
	 .doc = "tags for what is no size"},
	{0},
};

FILTER(bytes, .size = sizeof(struct bytes), .options = options, .doc = "sizes as people write them become numbers", .open = bytes_open,
       .filter = {.run = bytes_run})
