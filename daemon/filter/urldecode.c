/*
 * urldecode.c - the filter `urldecode`: %41 becomes A. Work thread.
 *
 * A percent sign without two hexadecimal digits stays, and so does a plus sign. The bytes then are text in the given charset.
 */
#include "codec/charset.h"
#include "filter/support.h"

struct urldecode {
	const struct ref *field;
	bool all_fields;
	struct str charset_name;
	struct charset charset;
	const struct list *tag_on_failure;
};

static int urldecode_open(void *self, struct plugin_ctx *ctx, struct err *err)
{
	struct urldecode *u = self;

	(void)ctx;
	return charset_open(&u->charset, u->charset_name, err);
}

static void urldecode_close(void *self)
{
	struct urldecode *u = self;

	charset_close(&u->charset);
}

static int hex(char c)
{
	return ch_digit(c) ? c - '0' : (c | 32) - 'a' + 10;
}

static struct str decoded(struct urldecode *u, struct arena *a, struct str s)
{
	if (str_chr(s, '%') >= 0) {
		char *p = arena_bytes(a, s.len);
		size_t n = 0;

		for (size_t i = 0; i < s.len; i++) {
			if (s.p[i] == '%' && i + 2 < s.len && ch_xdigit(s.p[i + 1]) && ch_xdigit(s.p[i + 2])) {
				p[n++] = (char)(hex(s.p[i + 1]) << 4 | hex(s.p[i + 2]));
				i += 2;
			} else {
				p[n++] = s.p[i];
			}
		}
		s = str_n(p, n);
	}
	return charset_decode(&u->charset, a, s);
}

/* In place: texts, and those in lists and hashes. */
static void decode(struct urldecode *u, struct arena *a, struct value *v)
{
	switch (v->type) {
	case V_STRING:
		*v = v_str(decoded(u, a, value_str(v)));
		break;
	case V_LIST:
		for (uint32_t i = 0; i < v->list->n; i++)
			decode(u, a, &v->list->v[i]);
		break;
	case V_MAP:
		for (uint32_t i = 0; i < v->map->n; i++)
			decode(u, a, &v->map->e[i].val);
		break;
	default:
		break;
	}
}

static enum step urldecode_run(void *self, struct event *ev, struct step_ctx *ctx)
{
	struct urldecode *u = self;
	struct value *v;

	(void)ctx;
	if (u->all_fields) {
		for (uint32_t i = 0; i < ev->root.n; i++)
			decode(u, ev->arena, &ev->root.e[i].val);
		return STEP_OK;
	}
	v = event_get(ev, u->field);
	if (v)
		decode(u, ev->arena, v);
	else if (!filter_set(ev, u->field, v_null())) /* Logstash sets what is not there to null */
		filter_failed(ev, u->tag_on_failure);
	return STEP_OK;
}

static const struct option options[] = {
	{"field", OPT_REF, offsetof(struct urldecode, field), .def = "message", .doc = "field to decode"},
	{"all_fields", OPT_BOOL, offsetof(struct urldecode, all_fields), .def = "false", .doc = "decode every field"},
	{"charset", OPT_STRING, offsetof(struct urldecode, charset_name), .def = "\"UTF-8\"", .doc = "encoding of the decoded bytes"},
	{"tag_on_failure", OPT_LIST, offsetof(struct urldecode, tag_on_failure), .def = "[\"_urldecodefailure\"]",
	 .doc = "tags where the field cannot be set"},
	{0},
};

FILTER(urldecode, .size = sizeof(struct urldecode), .options = options, .doc = "decodes percent-encoded text", .open = urldecode_open,
       .close = urldecode_close, .filter = {.run = urldecode_run})
