/*
 * optvalue.c - written values as Logstash's plug-ins get them.
 *
 * One thread, at start and reload; everything in the plan's arena. Depth is bounded by the parser.
 */
#include "pipeline/optvalue.h"

#include "base/buf.h"
#include "base/javahash.h"
#include "base/number.h"
#include "event/inspect.h"

#include <math.h>

enum { SHOWN_MAX = 80 };

/* ---- merging of repeated options ---- */

static bool is_scalar(const struct ast_value *v)
{
	return v->kind == AST_STRING || v->kind == AST_BAREWORD || v->kind == AST_NUMBER;
}

static bool same(const struct ast_value *a, const struct ast_value *b);

static bool same_items(const struct ast_value *a, const struct ast_value *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!same(a->item[i], b->item[i]))
			return false;
	return true;
}

/* Order of hash keys counts here; it does not in Ruby, which nobody will notice. */
static bool same(const struct ast_value *a, const struct ast_value *b)
{
	if (is_scalar(a) && is_scalar(b))
		return (a->kind == AST_NUMBER) == (b->kind == AST_NUMBER) && str_eq(a->text, b->text);
	if (a->kind != b->kind || a->n != b->n)
		return false;
	if (a->kind == AST_ARRAY)
		return same_items(a, b, a->n);
	return a->kind == AST_HASH && same_items(a, b, 2 * a->n);
}

static struct ast_value *copy_shallow(struct arena *a, const struct ast_value *v, enum ast_value_kind kind, size_t room)
{
	struct ast_value *c = arena_zalloc(a, sizeof(*c));
	size_t have = v->kind == AST_HASH ? 2 * v->n : v->n;

	*c = *v;
	c->kind = kind;
	c->item = arena_alloc(a, (have + room + 1) * sizeof(struct ast_value *));
	if (have)
		memcpy(c->item, v->item, have * sizeof(struct ast_value *));
	return c;
}

static struct ast_value *list_of(struct arena *a, struct ast_value *v, size_t room)
{
	struct ast_value *l;

	if (v->kind == AST_ARRAY)
		return copy_shallow(a, v, AST_ARRAY, room);
	l = arena_zalloc(a, sizeof(*l));
	l->kind = AST_ARRAY;
	l->pos = v->pos;
	l->item = arena_alloc(a, (1 + room) * sizeof(struct ast_value *));
	l->item[l->n++] = v;
	return l;
}

static bool list_has(const struct ast_value *l, const struct ast_value *v)
{
	for (size_t i = 0; i < l->n; i++)
		if (same(l->item[i], v))
			return true;
	return false;
}

/* What one key of two hashes holds together. Lists lose duplicates, but for those of the outermost hash. */
static struct ast_value *merge_entry(struct arena *a, struct ast_value *d, struct ast_value *s, bool keep_dups);

static struct ast_value *merge_hash(struct arena *a, struct ast_value *dst, struct ast_value *src, bool keep_dups)
{
	struct ast_value *out = copy_shallow(a, dst, AST_HASH, 2 * src->n);

	for (size_t i = 0; i < src->n; i++) {
		struct ast_value *key = src->item[2 * i], *val = src->item[2 * i + 1];
		size_t k = 0;

		while (k < out->n && !str_eq(out->item[2 * k]->text, key->text))
			k++;
		if (k < out->n) {
			out->item[2 * k + 1] = merge_entry(a, out->item[2 * k + 1], val, keep_dups);
		} else {
			out->item[2 * k] = key;
			out->item[2 * k + 1] = val;
			out->n++;
		}
	}
	return out;
}

static struct ast_value *merge_entry(struct arena *a, struct ast_value *d, struct ast_value *s, bool keep_dups)
{
	struct ast_value *l;

	if (d->kind == AST_HASH && s->kind == AST_HASH)
		return merge_hash(a, d, s, false);
	if (s->kind == AST_ARRAY) {
		l = list_of(a, d, s->n);
		for (size_t i = 0; i < s->n; i++)
			if (keep_dups || !list_has(l, s->item[i]))
				l->item[l->n++] = s->item[i];
		return l;
	}
	if (d->kind == AST_ARRAY ? list_has(d, s) : same(d, s))
		return d;
	l = list_of(a, d, 1);
	l->item[l->n++] = s;
	return l;
}

struct ast_value *optvalue_merge(struct arena *a, struct ast_value *first, struct ast_value *second, struct err *err)
{
	struct ast_value *l;

	if ((first->kind == AST_HASH) != (second->kind == AST_HASH) && (first->kind == AST_HASH || first->kind == AST_ARRAY)) {
		err_set(err, "written twice, once as a hash and once not");
		return NULL;
	}
	if (first->kind == AST_PLUGIN || second->kind == AST_PLUGIN) {
		err_set(err, "written twice");
		return NULL;
	}
	if (first->kind == AST_HASH)
		return merge_hash(a, first, second, true);
	if (first->kind != AST_ARRAY && same(first, second))
		return first;
	if (second->kind != AST_ARRAY) {
		l = list_of(a, first, 1);
		l->item[l->n++] = second;
		return l;
	}
	l = list_of(a, first, second->n);
	for (size_t i = 0; i < second->n; i++)
		l->item[l->n++] = second->item[i];
	return l;
}

/* ---- for messages ---- */

static void show(struct buf *b, const struct ast_value *v)
{
	if (b->len > SHOWN_MAX)
		return;
	switch (v->kind) {
	case AST_STRING:
		buf_printf(b, "\"%.*s\"", STR_ARG(v->text));
		break;
	case AST_BAREWORD:
	case AST_NUMBER:
		buf_str(b, v->text);
		break;
	case AST_ARRAY:
		buf_ch(b, '[');
		for (size_t i = 0; i < v->n; i++) {
			if (i)
				buf_lit(b, ", ");
			show(b, v->item[i]);
		}
		buf_ch(b, ']');
		break;
	case AST_HASH:
		buf_lit(b, "{ ");
		for (size_t i = 0; i < v->n; i++) {
			show(b, v->item[2 * i]);
			buf_lit(b, " => ");
			show(b, v->item[2 * i + 1]);
			buf_ch(b, ' ');
		}
		buf_ch(b, '}');
		break;
	case AST_PLUGIN:
		buf_printf(b, "%.*s { ... }", STR_ARG(v->plugin->name));
		break;
	}
}

struct str optvalue_show(struct arena *a, const struct ast_value *v)
{
	struct str s;
	struct buf b;

	buf_init(&b, 0);
	show(&b, v);
	s = buf_slice(&b);
	if (s.len > SHOWN_MAX) {
		/* Not in the middle of a character. */
		for (s.len = SHOWN_MAX; s.len && ((unsigned char)s.p[s.len] & 0xc0) == 0x80;)
			s.len--;
		s = arena_printf(a, "%.*s...", STR_ARG(s));
	} else {
		s = arena_dup(a, s);
	}
	buf_release(&b);
	return s;
}

/* ---- values ---- */

static struct value number_value(struct str text)
{
	int64_t i;
	double f;

	if (str_i64(text, &i))
		return v_int(i);
	if (str_chr(text, '.') >= 0 && number_parse_double(text, &f))
		return v_float(f);
	return (struct value){.type = V_BIGINT, .len = (uint32_t)text.len, .s = text.p};
}

static struct map *map_of(struct arena *a, const struct ast_value *v)
{
	struct map *m = map_new(a, (uint32_t)v->n);
	struct str *keys = arena_alloc(a, (v->n + 1) * sizeof(*keys));
	uint32_t *perm = arena_alloc(a, (v->n + 1) * sizeof(*perm));

	for (size_t i = 0; i < v->n; i++)
		keys[i] = v->item[2 * i]->text;
	java_hash_order(keys, v->n, perm);
	/* map_set, not push: "a" and 'a' are different to the parser, yet one key. */
	for (size_t i = 0; i < v->n; i++)
		map_set(a, m, key_make(keys[perm[i]]), optvalue_any(a, v->item[2 * perm[i] + 1]));
	return m;
}

struct value optvalue_any(struct arena *a, const struct ast_value *v)
{
	struct list *l;

	switch (v->kind) {
	case AST_STRING:
	case AST_BAREWORD:
		return v_str(v->text);
	case AST_NUMBER:
		return number_value(v->text);
	case AST_ARRAY:
		l = list_new(a, (uint32_t)v->n);
		for (size_t i = 0; i < v->n; i++)
			list_push(a, l, optvalue_any(a, v->item[i]));
		return v_list(l);
	case AST_HASH:
		return v_map(map_of(a, v));
	case AST_PLUGIN:
		break; /* refused before */
	}
	return v_null();
}

/* [k, v, k, v ...]: a key that comes again gathers its values in a list. */
static struct map *map_of_list(struct arena *a, const struct ast_value *v)
{
	struct map *m = map_new(a, (uint32_t)(v->n / 2));

	for (size_t i = 0; i + 1 < v->n; i += 2) {
		struct value key = optvalue_any(a, v->item[i]), val = optvalue_any(a, v->item[i + 1]);
		struct key k = key_make(optvalue_text(a, &key));
		struct value *old = map_find(m, &k);

		if (!old) {
			map_set(a, m, k, val);
		} else if (old->type == V_LIST) {
			list_push(a, old->list, val);
		} else {
			struct list *l = list_new(a, 2);

			list_push(a, l, *old);
			list_push(a, l, val);
			*old = v_list(l);
		}
	}
	return m;
}

int optvalue_hash(struct arena *a, const struct ast_value *v, struct map **out, struct err *err)
{
	if (v->kind == AST_HASH) {
		*out = map_of(a, v);
		return 0;
	}
	if (v->kind != AST_ARRAY)
		return err_set(err, "takes a hash, { \"key\" => \"value\" }, not %.*s", STR_ARG(optvalue_show(a, v)));
	if (v->n % 2)
		return err_set(err, "takes a hash: a list in its place needs an even number of items, not %zu", v->n);
	*out = map_of_list(a, v);
	return 0;
}

struct list *optvalue_list(struct arena *a, const struct ast_value *v)
{
	struct value val = optvalue_any(a, v);
	struct list *l;

	if (val.type == V_LIST)
		return val.list;
	if (val.type != V_MAP) {
		l = list_new(a, 1);
		list_push(a, l, val);
		return l;
	}
	l = list_new(a, val.map->n);
	for (uint32_t i = 0; i < val.map->n; i++) {
		struct list *pair = list_new(a, 2);

		list_push(a, pair, v_str(key_str(&val.map->e[i].key)));
		list_push(a, pair, val.map->e[i].val);
		list_push(a, l, v_list(pair));
	}
	return l;
}

struct str optvalue_text(struct arena *a, const struct value *v)
{
	struct str s;
	struct buf b;

	if (v->type == V_STRING || v->type == V_BIGINT)
		return value_str(v);
	buf_init(&b, 0);
	ruby_inspect(&b, v);
	s = arena_dup(a, buf_slice(&b));
	buf_release(&b);
	return s;
}

/* ---- one scalar ---- */

/* The scalar that v is or, alone in a list, holds; NULL and err. */
static const struct ast_value *one(struct arena *a, const struct ast_value *v, const char *what, struct err *err)
{
	const struct ast_value *s = v->kind == AST_ARRAY && v->n == 1 ? v->item[0] : v;

	if (is_scalar(s))
		return s;
	if (s->kind == AST_ARRAY)
		err_set(err, "takes %s, not the list %.*s", what, STR_ARG(optvalue_show(a, v)));
	else
		err_set(err, "takes %s, not %.*s", what, STR_ARG(optvalue_show(a, v)));
	return NULL;
}

int optvalue_string(struct arena *a, const struct ast_value *v, struct str *out, struct err *err)
{
	struct value val;

	v = one(a, v, "one string", err);
	if (!v)
		return -1;
	val = optvalue_any(a, v);
	*out = optvalue_text(a, &val);
	return 0;
}

/*
 * A string is a number if it is what Ruby would print for it: "007", "1e3" and "1.50" are none.
 */
static bool scalar_number(struct arena *a, const struct ast_value *s, struct value *out)
{
	char text[NUMBER_TEXT_MAX];
	int64_t i;

	if (s->kind == AST_NUMBER) {
		*out = number_value(s->text);
		return out->type != V_BIGINT;
	}
	if (str_i64(s->text, &i) && str_eq(arena_printf(a, "%lld", (long long)i), s->text)) {
		*out = v_int(i);
		return true;
	}
	*out = v_float(ruby_to_f(s->text));
	return str_chr(s->text, '.') >= 0 && str_eq(str_n(text, ruby_double_text(out->f, text)), s->text);
}

int optvalue_int(struct arena *a, const struct ast_value *v, int64_t *out, struct err *err)
{
	const struct ast_value *s = one(a, v, "one number", err);
	struct value n;

	if (!s)
		return -1;
	if (scalar_number(a, s, &n)) {
		/* 5.0 is as good as 5. */
		if (n.type == V_FLOAT && fabs(n.f) < 9e15 && n.f == (double)(int64_t)n.f)
			n = v_int((int64_t)n.f);
		if (n.type == V_INT) {
			*out = n.i;
			return 0;
		}
	}
	return err_set(err, "takes a whole number, not %.*s", STR_ARG(optvalue_show(a, s)));
}

int optvalue_float(struct arena *a, const struct ast_value *v, double *out, struct err *err)
{
	const struct ast_value *s = one(a, v, "one number", err);
	struct value n;

	if (!s)
		return -1;
	if (!scalar_number(a, s, &n))
		return err_set(err, "takes a number, not %.*s", STR_ARG(optvalue_show(a, s)));
	*out = n.type == V_INT ? (double)n.i : n.f;
	return 0;
}

int optvalue_bool(struct arena *a, const struct ast_value *v, bool *out, struct err *err)
{
	const struct ast_value *s = one(a, v, "true or false", err);

	if (!s)
		return -1;
	if (s->kind == AST_NUMBER || (!str_eqz(s->text, "true") && !str_eqz(s->text, "false")))
		return err_set(err, "takes true or false, not %.*s", STR_ARG(optvalue_show(a, s)));
	*out = str_eqz(s->text, "true");
	return 0;
}

/* Digits with at most one point, of which *whole and the first nine decimals (in billionths) are read. */
static bool take_decimal(struct str *s, uint64_t *whole, uint64_t *billionths)
{
	uint64_t scale = 100000000;

	*billionths = 0;
	if (!str_take_u64(s, 19, INT64_MAX, whole))
		return false;
	if (s->len == 0 || s->p[0] != '.')
		return true;
	*s = str_from(*s, 1);
	if (s->len == 0 || !ch_digit(s->p[0]))
		return false;
	for (; s->len && ch_digit(s->p[0]); *s = str_from(*s, 1)) {
		*billionths += scale * (uint64_t)(s->p[0] - '0');
		scale /= 10;
	}
	return true;
}

/* (whole + billionths / 10^9) * unit, if it fits. */
static bool scaled(uint64_t whole, uint64_t billionths, uint64_t unit, int64_t *out)
{
	unsigned __int128 total = (unsigned __int128)whole * unit + (unsigned __int128)billionths * unit / 1000000000;

	if (total > INT64_MAX)
		return false;
	*out = (int64_t)total;
	return true;
}

bool text_bytes(struct str s, int64_t *out)
{
	static const char prefixes[] = "kmgtpe";
	uint64_t whole, billionths, unit = 1, base = 1000;
	const char *p;

	s = str_trim(s);
	if (!take_decimal(&s, &whole, &billionths))
		return false;
	s = str_trim(s);
	p = s.len ? strchr(prefixes, s.p[0] | 0x20) : NULL;
	if (p) {
		s = str_from(s, 1);
		if (s.len && (s.p[0] | 0x20) == 'i') {
			base = 1024;
			s = str_from(s, 1);
		}
		for (const char *q = prefixes; q <= p; q++)
			unit *= base;
	}
	if (s.len && !str_ieq(s, STR("b")) && !str_ieq(s, STR("bytes")))
		return false;
	return scaled(whole, billionths, unit, out);
}

bool text_duration(struct str s, int64_t *out)
{
	static const struct {
		const char *name;
		uint64_t ns;
	} units[] = {
		{"ns", 1},	       {"us", 1000},	      {"ms", 1000000},	       {"s", 1000000000},
		{"sec", 1000000000},   {"m", 60000000000},    {"min", 60000000000},    {"h", 3600000000000},
		{"d", 86400000000000}, {"w", 604800000000000}, {"", 1000000000},
		/* In words, as Logstash's file input takes them. */
		{"usec", 1000},	       {"usecs", 1000},	      {"msec", 1000000},       {"msecs", 1000000},
		{"secs", 1000000000},  {"second", 1000000000}, {"seconds", 1000000000}, {"mins", 60000000000},
		{"minute", 60000000000}, {"minutes", 60000000000}, {"hour", 3600000000000}, {"hours", 3600000000000},
		{"day", 86400000000000}, {"days", 86400000000000}, {"week", 604800000000000}, {"weeks", 604800000000000},
	};
	uint64_t whole, billionths;

	s = str_trim(s);
	if (!take_decimal(&s, &whole, &billionths))
		return false;
	s = str_trim(s);
	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++)
		if (str_eqz(s, units[i].name))
			return scaled(whole, billionths, units[i].ns, out);
	return false;
}

int optvalue_bytes(struct arena *a, const struct ast_value *v, int64_t *out, struct err *err)
{
	const struct ast_value *s = one(a, v, "one size", err);

	if (!s)
		return -1;
	if (text_bytes(s->text, out))
		return 0;
	return err_set(err, "takes a size such as 4096 or \"64 KiB\", not %.*s", STR_ARG(optvalue_show(a, s)));
}

int optvalue_duration(struct arena *a, const struct ast_value *v, int64_t *out, struct err *err)
{
	const struct ast_value *s = one(a, v, "one duration", err);

	if (!s)
		return -1;
	if (text_duration(s->text, out))
		return 0;
	return err_set(err, "takes a duration such as 10 (seconds), \"10s\" or \"5m\", not %.*s", STR_ARG(optvalue_show(a, s)));
}
