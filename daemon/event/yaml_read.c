#include "event/yaml_read.h"

#include "base/number.h"
#include "event/ruby_number.h"

#include <yaml.h>

struct reader {
	yaml_parser_t parser;
	struct arena *arena;
	struct map anchors;   /* name -> index into anchor */
	struct value *anchor; /* and beside it how many values it stands for */
	uint32_t *weight;
	uint32_t nanchors, cap;
	uint32_t values; /* made so far, those of aliases each time again */
	unsigned depth;
	struct err *err;
};

/* ---- plain scalars ---- */

static bool one_of(struct str s, const char *const *words)
{
	for (; *words; words++)
		if (str_ieq(s, str_z(*words)))
			return true;
	return false;
}

/* Digits of a base, with _ and , among them, behind sign and prefix. */
static bool digits_of(struct arena *a, struct str s, unsigned base, bool neg, struct value *out)
{
	char *p = arena_bytes(a, s.len + 1);
	uint64_t v = 0;
	size_t n = 0;

	for (size_t i = 0; i < s.len; i++) {
		unsigned digit = ch_digit(s.p[i]) ? (unsigned)(s.p[i] - '0') : ch_xdigit(s.p[i]) ? (unsigned)((s.p[i] | 32) - 'a' + 10) : 99;

		if (s.p[i] == '_' || s.p[i] == ',')
			continue;
		if (digit >= base || (base != 10 && v > (UINT64_MAX - digit) / base))
			return false;
		v = v * base + digit;
		p[n++] = s.p[i];
	}
	if (n == 0)
		return false;
	*out = ruby_int_value(a, base == 10 ? str_n(p, n) : arena_printf(a, "%llu", (unsigned long long)v), neg);
	return true;
}

static bool integer(struct arena *a, struct str s, bool neg, struct value *out)
{
	if (s.len == 0 || !ch_digit(s.p[0]))
		return false;
	if (s.p[0] != '0')
		return digits_of(a, s, 10, neg, out);
	if (s.len == 1) {
		*out = v_int(0);
		return true;
	}
	if (s.p[1] == 'x')
		return digits_of(a, str_from(s, 2), 16, neg, out);
	if (s.p[1] == 'b')
		return digits_of(a, str_from(s, 2), 2, neg, out);
	return digits_of(a, str_from(s, 1), 8, neg, out);
}

/* "1:30", "1:02:03" are counted to base 60. */
static bool sexagesimal(struct str s, bool neg, struct value *out)
{
	uint64_t v, part;
	unsigned parts = 0;

	if (!str_take_u64(&s, 9, 999999999, &v))
		return false;
	for (; s.len; parts++) {
		if (parts == 2 || s.p[0] != ':')
			return false;
		s = str_from(s, 1);
		if (!str_take_u64(&s, 2, 59, &part))
			return false;
		v = v * 60 + part;
	}
	*out = v_int(neg ? -(int64_t)v : (int64_t)v);
	return parts > 0;
}

/* [DIGITS].[DIGITS][e+DIGITS]: an exponent needs its sign. */
static bool floating(struct arena *a, struct str s, bool neg, struct value *out)
{
	char *p = arena_bytes(a, s.len + 3);
	size_t n = 0, i = 0, digits = 0;
	double f;

	for (; i < s.len && (ch_digit(s.p[i]) || (digits && (s.p[i] == '_' || s.p[i] == ','))); i++)
		if (ch_digit(s.p[i])) {
			p[n++] = s.p[i];
			digits++;
		}
	if (i == s.len || s.p[i] != '.')
		return false;
	if (n == 0)
		p[n++] = '0';
	p[n++] = '.';
	for (i++; i < s.len && ch_digit(s.p[i]); i++, digits++)
		p[n++] = s.p[i];
	if (digits == 0)
		return false;
	if (p[n - 1] == '.')
		p[n++] = '0';
	if (i < s.len) {
		if (s.len - i < 3 || (s.p[i] | 32) != 'e' || (s.p[i + 1] != '+' && s.p[i + 1] != '-'))
			return false;
		for (size_t k = i; k < s.len; k++) {
			if (k > i + 1 && !ch_digit(s.p[k]))
				return false;
			p[n++] = s.p[k];
		}
	}
	if (!ruby_float(str_n(p, n), &f))
		return false;
	*out = v_float(neg ? -f : f);
	return true;
}

static bool is_date(struct str s)
{
	uint64_t v;

	return str_take_u64(&s, 4, 9999, &v) && s.len && s.p[0] == '-' && (s = str_from(s, 1), str_take_u64(&s, 2, 12, &v)) && s.len &&
	       s.p[0] == '-' && (s = str_from(s, 1), str_take_u64(&s, 2, 31, &v)) && s.len == 0;
}

static struct value plain(struct arena *a, struct str s)
{
	static const char *const nulls[] = {"~", "null", NULL}, *const yes[] = {"yes", "true", "on", NULL},
			  *const no[] = {"no", "false", "off", NULL};
	bool sign = s.len && (s.p[0] == '-' || s.p[0] == '+'), neg = sign && s.p[0] == '-';
	struct str number = sign ? str_from(s, 1) : s;
	struct value v;
	struct ts t;

	if (s.len == 0 || one_of(s, nulls))
		return v_null();
	if (one_of(s, yes) || one_of(s, no))
		return v_bool(one_of(s, yes));
	if (integer(a, number, neg, &v) || floating(a, number, neg, &v) || sexagesimal(number, neg, &v))
		return v;
	if (is_date(s))
		return (struct value){.type = V_NONE};
	if (s.len > 10 && ch_digit(s.p[0]) && ts_parse_iso(s, &t))
		return v_time(t);
	if (s.len > 1 && s.p[0] == ':')
		s = str_from(s, 1); /* a symbol */
	return v_str(s);
}

/* ---- structure ---- */

static int bad(struct reader *r, const yaml_mark_t *at, const char *what)
{
	return err_set(r->err, "line %zu, column %zu: %s", at->line + 1, at->column + 1, what);
}

static int next(struct reader *r, yaml_event_t *ev)
{
	if (yaml_parser_parse(&r->parser, ev))
		return 0;
	return bad(r, &r->parser.problem_mark, r->parser.problem ? r->parser.problem : "out of memory");
}

static struct str name_of(const yaml_char_t *z)
{
	return str_z((const char *)z);
}

static void remember(struct reader *r, const yaml_char_t *name, struct value v, uint32_t weight)
{
	struct str n;

	if (!name)
		return;
	if (r->nanchors == r->cap) {
		uint32_t cap = r->cap ? r->cap * 2 : 16;

		r->anchor = arena_grow(r->arena, r->anchor, r->cap * sizeof(*r->anchor), cap * sizeof(*r->anchor));
		r->weight = arena_grow(r->arena, r->weight, r->cap * sizeof(*r->weight), cap * sizeof(*r->weight));
		r->cap = cap;
	}
	n = arena_dup(r->arena, name_of(name));
	r->anchor[r->nanchors] = v;
	r->weight[r->nanchors] = weight;
	map_set(r->arena, &r->anchors, key_make(n), v_int(r->nanchors++));
}

static int node(struct reader *r, yaml_event_t *ev, struct value *out);

/* The anchor's name, out of an event that is deleted before the anchor's value is there. */
static char *anchor_copy(struct reader *r, const yaml_char_t *name)
{
	return name ? arena_dupz(r->arena, name_of(name)) : NULL;
}

static int sequence(struct reader *r, struct value *out)
{
	struct list *l = list_new(r->arena, 4);
	yaml_event_t ev;
	int rc = 0;

	while (rc == 0) {
		struct value v;
		bool end;

		if (next(r, &ev))
			return -1;
		end = ev.type == YAML_SEQUENCE_END_EVENT;
		if (!end)
			rc = node(r, &ev, &v);
		yaml_event_delete(&ev);
		if (end)
			break;
		if (rc == 0)
			list_push(r->arena, l, v);
	}
	*out = v_list(l);
	return rc;
}

static void merge(struct reader *r, struct map *m, const struct value *v)
{
	for (uint32_t i = 0; v->type == V_MAP && i < v->map->n; i++)
		map_set(r->arena, m, v->map->e[i].key, v->map->e[i].val);
	for (uint32_t i = 0; v->type == V_LIST && i < v->list->n; i++)
		if (v->list->v[i].type == V_MAP)
			merge(r, m, &v->list->v[i]);
}

static struct str key_text(struct arena *a, const struct value *v)
{
	char text[NUMBER_TEXT_MAX];

	switch (v->type) {
	case V_STRING:
	case V_BIGINT:
		return value_str(v);
	case V_INT:
		return arena_printf(a, "%lld", (long long)v->i);
	case V_FLOAT:
		return arena_dup(a, str_n(text, ruby_double_text(v->f, text)));
	case V_BOOL:
		return v->b ? STR("true") : STR("false");
	default:
		return STR("");
	}
}

static int mapping(struct reader *r, struct value *out)
{
	struct map *m = map_new(r->arena, 4);
	bool outermost = r->depth == 1;
	yaml_event_t ev;

	for (;;) {
		struct value k, v;
		bool merges;
		int rc;

		if (next(r, &ev))
			return -1;
		if (ev.type == YAML_MAPPING_END_EVENT) {
			yaml_event_delete(&ev);
			break;
		}
		merges = ev.type == YAML_SCALAR_EVENT && ev.data.scalar.plain_implicit && ev.data.scalar.length == 2 &&
			 memcmp(ev.data.scalar.value, "<<", 2) == 0;
		rc = node(r, &ev, &k);
		yaml_event_delete(&ev);
		if (rc || next(r, &ev))
			return -1;
		rc = node(r, &ev, &v);
		yaml_event_delete(&ev);
		if (rc)
			return -1;
		if (merges && (v.type == V_MAP || v.type == V_LIST))
			merge(r, m, &v);
		else if (k.type == V_STRING || !outermost)
			map_set(r->arena, m, key_make(key_text(r->arena, &k)), v);
	}
	*out = v_map(m);
	return 0;
}

static int alias(struct reader *r, const yaml_event_t *ev, struct value *out)
{
	const struct value *at = map_find_str(&r->anchors, name_of(ev->data.alias.anchor));

	if (!at)
		return bad(r, &ev->start_mark, "an alias of nothing");
	*out = r->anchor[at->i];
	if (r->weight[at->i] > YAML_VALUES_MAX - r->values)
		return bad(r, &ev->start_mark, "too many values");
	r->values += r->weight[at->i];
	return 0;
}

static int node(struct reader *r, yaml_event_t *ev, struct value *out)
{
	uint32_t before = r->values;
	char *anchor;
	int rc;

	*out = v_null();
	if (++r->values > YAML_VALUES_MAX)
		return bad(r, &ev->start_mark, "too many values");
	switch (ev->type) {
	case YAML_SCALAR_EVENT: {
		struct str s = arena_dup(r->arena, str_n((const char *)ev->data.scalar.value, ev->data.scalar.length));

		*out = ev->data.scalar.plain_implicit && ev->data.scalar.style == YAML_PLAIN_SCALAR_STYLE ? plain(r->arena, s) : v_str(s);
		remember(r, ev->data.scalar.anchor, *out, 1);
		return 0;
	}
	case YAML_ALIAS_EVENT:
		return alias(r, ev, out);
	case YAML_SEQUENCE_START_EVENT:
	case YAML_MAPPING_START_EVENT:
		if (r->depth == YAML_DEPTH_MAX)
			return bad(r, &ev->start_mark, "nested too deep");
		r->depth++;
		if (ev->type == YAML_SEQUENCE_START_EVENT) {
			anchor = anchor_copy(r, ev->data.sequence_start.anchor);
			rc = sequence(r, out);
		} else {
			anchor = anchor_copy(r, ev->data.mapping_start.anchor);
			rc = mapping(r, out);
		}
		r->depth--;
		if (rc == 0)
			remember(r, (const yaml_char_t *)anchor, *out, r->values - before);
		return rc;
	default:
		return bad(r, &ev->start_mark, "no value");
	}
}

/* Up to the first value, which is read. */
static int document(struct reader *r, struct value *out)
{
	yaml_event_t ev;
	int rc = 0;

	for (;;) {
		bool skip, end;

		if (next(r, &ev))
			return -1;
		skip = ev.type == YAML_STREAM_START_EVENT || ev.type == YAML_DOCUMENT_START_EVENT;
		end = ev.type == YAML_STREAM_END_EVENT;
		if (!skip && !end)
			rc = node(r, &ev, out);
		yaml_event_delete(&ev);
		if (!skip)
			return rc;
	}
}

int yaml_read(struct arena *a, struct str text, struct value *out, struct err *err)
{
	struct reader r = {.arena = a, .err = err};
	yaml_event_t ev;
	int rc;

	*out = v_null();
	if (!yaml_parser_initialize(&r.parser))
		return err_set(err, "cannot read YAML: out of memory");
	yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&r.parser, (const unsigned char *)text.p, text.len);
	map_init(a, &r.anchors, 0);
	rc = document(&r, out);
	/* What stands behind the value may still be broken. */
	if (rc == 0 && next(&r, &ev) == 0)
		yaml_event_delete(&ev);
	else
		rc = -1;
	yaml_parser_delete(&r.parser);
	return rc;
}
