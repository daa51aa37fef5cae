#include "filter/marshal.h"
#include "event/tmpl.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- writing ---- */

/* Integers of 31 bits are written as such. */
enum { FIXNUM_MAX = 0x3fffffff, FIXNUM_MIN = -0x40000000 };

static void write_long(struct buf *out, int32_t n)
{
	uint32_t rest = (uint32_t)n;
	char byte[4];
	int len = 0;

	if (n == 0) {
		buf_ch(out, 0);
	} else if (n > 0 && n < 123) {
		buf_ch(out, (char)(n + 5));
	} else if (n < 0 && n > -124) {
		buf_ch(out, (char)(n - 5));
	} else {
		/* As few bytes as say it: those left out are all 0, or all ff. */
		do {
			byte[len++] = (char)rest;
			rest = n < 0 ? rest >> 8 | 0xff000000u : rest >> 8;
		} while (rest != (n < 0 ? UINT32_MAX : 0));
		buf_ch(out, (char)(n < 0 ? -len : len));
		buf_add(out, byte, (size_t)len);
	}
}

static void write_bytes(struct buf *out, struct str s)
{
	write_long(out, (int32_t)s.len);
	buf_str(out, s);
}

/* The first text brings the symbol :E, the others point to it. */
static void write_text(struct buf *out, struct str s, bool *symbol)
{
	buf_lit(out, "I\"");
	write_bytes(out, s);
	if (*symbol)
		buf_lit(out, "\x06;\0T");
	else
		buf_lit(out, "\x06:\x06\x45T");
	*symbol = true;
}

static void write_int(struct buf *out, int64_t n)
{
	uint64_t rest = n < 0 ? -(uint64_t)n : (uint64_t)n;
	int words = 0;

	if (n >= FIXNUM_MIN && n <= FIXNUM_MAX) {
		buf_ch(out, 'i');
		write_long(out, (int32_t)n);
		return;
	}
	buf_ch(out, 'l');
	buf_ch(out, n < 0 ? '-' : '+');
	for (uint64_t r = rest; r; r >>= 16)
		words++;
	write_long(out, words);
	for (int i = 0; i < words * 2; i++)
		buf_ch(out, (char)(rest >> (8 * i)));
}

static void write_value(struct buf *out, const struct value *v, bool *symbol)
{
	char text[40];

	switch (v->type) {
	case V_BOOL:
		buf_ch(out, v->b ? 'T' : 'F');
		return;
	case V_INT:
		write_int(out, v->i);
		return;
	case V_FLOAT:
		buf_ch(out, 'f');
		snprintf(text, sizeof(text), "%.17g", v->f);
		write_bytes(out, v->f != v->f ? STR("nan") : str_z(text));
		return;
	case V_LIST:
		buf_ch(out, '[');
		write_long(out, (int32_t)v->list->n);
		for (uint32_t i = 0; i < v->list->n; i++)
			write_value(out, &v->list->v[i], symbol);
		return;
	case V_MAP:
		buf_ch(out, '{');
		write_long(out, (int32_t)v->map->n);
		for (uint32_t i = 0; i < v->map->n; i++) {
			write_text(out, key_str(&v->map->e[i].key), symbol);
			write_value(out, &v->map->e[i].val, symbol);
		}
		return;
	case V_STRING:
		write_text(out, value_str(v), symbol);
		return;
	case V_BIGINT:
	case V_TIME: {
		struct arena a;

		arena_init(&a, NULL);
		write_text(out, value_text(&a, v), symbol);
		arena_release(&a);
		return;
	}
	default:
		buf_ch(out, '0');
	}
}

void marshal_write(struct buf *out, const struct value *v)
{
	bool symbol = false;

	buf_lit(out, "\x04\x08");
	write_value(out, v, &symbol);
}

/* ---- reading ---- */

struct reader {
	struct arena *a;
	struct str in;
	struct list *symbols, *objects;
	struct err *err;
	unsigned depth;
	uint32_t copied; /* values that references brought */
};

enum { COPIED_MAX = 100000 };

static int read_value(struct reader *r, struct value *out);

static int bad(struct reader *r, const char *what)
{
	return err_set(r->err, "%s in Ruby's form of a value", what);
}

static bool take(struct reader *r, unsigned char *c)
{
	if (!r->in.len)
		return false;
	*c = (unsigned char)r->in.p[0];
	r->in = str_from(r->in, 1);
	return true;
}

static int read_long(struct reader *r, int64_t *out)
{
	unsigned char c;
	signed char n;

	if (!take(r, &c))
		return bad(r, "an end too early");
	n = (signed char)c;
	if (n == 0 || n > 4 || n < -4) {
		*out = n == 0 ? 0 : n > 0 ? n - 5 : n + 5;
		return 0;
	}
	*out = n > 0 ? 0 : -1;
	for (int i = 0; i < (n > 0 ? n : -n); i++) {
		if (!take(r, &c))
			return bad(r, "an end too early");
		*out = (int64_t)(((uint64_t)*out & ~(UINT64_C(0xff) << (8 * i))) | (uint64_t)c << (8 * i));
	}
	return 0;
}

static int read_bytes(struct reader *r, struct str *out)
{
	int64_t n;

	if (read_long(r, &n))
		return -1;
	if (n < 0 || (uint64_t)n > r->in.len)
		return bad(r, "a length that cannot be");
	*out = arena_dup(r->a, str_sub(r->in, 0, (size_t)n));
	r->in = str_from(r->in, (size_t)n);
	return 0;
}

/* Its place among the objects: for "@" behind it. */
static uint32_t object(struct reader *r)
{
	list_push(r->a, r->objects, v_null());
	return r->objects->n - 1;
}

static int read_float(struct reader *r, struct value *out)
{
	uint32_t at = object(r);
	struct str s;

	if (read_bytes(r, &s))
		return -1;
	*out = r->objects->v[at] = v_float(strtod(arena_dupz(r->a, s), NULL));
	return 0;
}

static int read_big(struct reader *r, struct value *out)
{
	uint32_t at = object(r);
	unsigned char sign, c;
	uint64_t n = 0;
	int64_t words;

	if (!take(r, &sign) || read_long(r, &words))
		return bad(r, "an end too early");
	if (words < 0 || words > 4)
		return bad(r, "an integer of more than 64 bits");
	for (int i = 0; i < words * 2; i++) {
		if (!take(r, &c))
			return bad(r, "an end too early");
		n |= (uint64_t)c << (8 * i);
	}
	if (n > INT64_MAX) {
		*out = v_str(arena_printf(r->a, "%s%llu", sign == '-' ? "-" : "", (unsigned long long)n));
		out->type = V_BIGINT;
	} else {
		*out = v_int(sign == '-' ? -(int64_t)n : (int64_t)n);
	}
	r->objects->v[at] = *out;
	return 0;
}

static int read_list(struct reader *r, struct value *out)
{
	uint32_t at = object(r);
	int64_t n;

	if (read_long(r, &n))
		return -1;
	if (n < 0 || (uint64_t)n > r->in.len)
		return bad(r, "a length that cannot be");
	*out = r->objects->v[at] = v_list(list_new(r->a, (uint32_t)n));
	for (; n; n--) {
		struct value v;

		if (read_value(r, &v))
			return -1;
		list_push(r->a, out->list, v);
	}
	return 0;
}

static int read_map(struct reader *r, bool has_default, struct value *out)
{
	uint32_t at = object(r);
	struct value k, v;
	int64_t n;

	if (read_long(r, &n))
		return -1;
	if (n < 0 || (uint64_t)n > r->in.len / 2)
		return bad(r, "a length that cannot be");
	*out = r->objects->v[at] = v_map(map_new(r->a, (uint32_t)n));
	for (; n; n--) {
		if (read_value(r, &k) || read_value(r, &v))
			return -1;
		/* The text of what refers to itself again and again has no bound. */
		if (k.type == V_LIST || k.type == V_MAP)
			return bad(r, "a key that is a list or a hash");
		map_set(r->a, out->map, key_make(value_text(r->a, &k)), v);
	}
	return has_default ? read_value(r, &v) : 0;
}

/* Counts the values in v; gives up behind the limit, so that it takes no longer than a copy may. */
static void count(const struct value *v, uint32_t *n)
{
	if (++*n > COPIED_MAX)
		return;
	for (uint32_t i = 0; v->type == V_LIST && i < v->list->n && *n <= COPIED_MAX; i++)
		count(&v->list->v[i], n);
	for (uint32_t i = 0; v->type == V_MAP && i < v->map->n && *n <= COPIED_MAX; i++)
		count(&v->map->e[i].val, n);
}

static int read_before(struct reader *r, const struct list *l, struct value *out)
{
	int64_t n;

	if (read_long(r, &n))
		return -1;
	if (n < 0 || n >= l->n)
		return bad(r, "a reference that leads nowhere");
	count(&l->v[n], &r->copied);
	if (r->copied > COPIED_MAX)
		return bad(r, "too many references");
	/* A copy: an object that holds itself is cut off where it would begin again. */
	*out = l->v[n].type == V_LIST || l->v[n].type == V_MAP ? value_copy(r->a, &l->v[n], false) : l->v[n];
	return 0;
}

/* What stands behind a value under "I": its encoding, which does not matter here. */
static int read_variables(struct reader *r)
{
	struct value v;
	int64_t n;

	if (read_long(r, &n))
		return -1;
	if (n < 0 || n > 16)
		return bad(r, "too many variables");
	for (; n; n--)
		if (read_value(r, &v) || read_value(r, &v))
			return -1;
	return 0;
}

/* No level of its own: a text with an encoding is as deep as one without. */
static int read_with_variables(struct reader *r, struct value *out)
{
	int rc;

	if (str_starts(r->in, STR("I")))
		return bad(r, "variables of variables");
	r->depth--;
	rc = read_value(r, out);
	r->depth++;
	return rc ? -1 : read_variables(r);
}

static int read_typed(struct reader *r, unsigned char type, struct value *out)
{
	uint32_t at;
	struct str s;

	switch (type) {
	case '0':
		*out = v_null();
		return 0;
	case 'T':
	case 'F':
		*out = v_bool(type == 'T');
		return 0;
	case 'i':
		*out = v_int(0);
		return read_long(r, &out->i);
	case 'l':
		return read_big(r, out);
	case 'f':
		return read_float(r, out);
	case '"':
		at = object(r);
		if (read_bytes(r, &s))
			return -1;
		*out = r->objects->v[at] = v_str(s);
		return 0;
	case 'I':
		return read_with_variables(r, out);
	case '[':
		return read_list(r, out);
	case '{':
	case '}':
		return read_map(r, type == '}', out);
	case ':':
		if (read_bytes(r, &s))
			return -1;
		*out = v_str(s);
		list_push(r->a, r->symbols, *out);
		return 0;
	case ';':
		return read_before(r, r->symbols, out);
	case '@':
		return read_before(r, r->objects, out);
	default:
		return bad(r, "an object of a class");
	}
}

static int read_value(struct reader *r, struct value *out)
{
	unsigned char type;
	int rc;

	if (r->depth == MARSHAL_DEPTH)
		return bad(r, "too deep a nesting");
	if (!take(r, &type))
		return bad(r, "an end too early");
	r->depth++;
	rc = read_typed(r, type, out);
	r->depth--;
	return rc;
}

int marshal_read(struct arena *a, struct str in, struct value *out, struct err *err)
{
	struct reader r = {.a = a, .in = in, .err = err, .symbols = list_new(a, 4), .objects = list_new(a, 8)};

	if (!str_starts(in, STR("\x04\x08")))
		return bad(&r, "no version 4.8");
	r.in = str_from(in, 2);
	if (read_value(&r, out))
		return -1;
	return r.in.len ? bad(&r, "something behind the end") : 0;
}
