/*
 * mutate_convert.c - mutate's convert: text, numbers and truth values into each other.
 *
 * Text is read as Ruby's BigDecimal() and Float() read it after blanks and group separators are gone: the whole of it or an exception.
 */
#include "filter/mutate.h"

#include "base/number.h"
#include "event/ruby_number.h"
#include "event/ruby_text.h"

#include <math.h>

enum { DIGITS_MAX = 1000 }; /* of an integer that an exponent makes: 1e999999 is refused */

bool mutate_type_parse(struct str name, enum mutate_type *out)
{
	static const char *const names[] = {"integer", "float", "string", "boolean", "integer_eu", "float_eu"};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (str_eqz(name, names[i])) {
			*out = (enum mutate_type)i;
			return true;
		}
	return false;
}

/* ---- reading numbers ---- */

static size_t copy_digits(char *out, struct str s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.len; i++)
		if (s.p[i] != '_')
			out[n++] = s.p[i];
	return n;
}

/* BigDecimal(s).to_i: towards zero. */
static bool decimal_to_int(struct arena *a, struct str s, struct value *out)
{
	struct ruby_decimal d;
	char *p;
	size_t n, keep;

	if (!ruby_decimal(s, &d) || d.exp > DIGITS_MAX)
		return false;
	p = arena_bytes(a, d.whole.len + d.frac.len + DIGITS_MAX + 1);
	n = copy_digits(p, d.whole);
	keep = n;
	n += copy_digits(p + n, d.frac);
	if (d.exp < 0)
		keep = (size_t)-d.exp < keep ? keep - (size_t)-d.exp : 0;
	else
		keep += (size_t)d.exp;
	while (n < keep)
		p[n++] = '0';
	if (keep == 0)
		p[keep++] = '0';
	*out = ruby_int_value(a, str_n(p, keep), d.neg);
	return true;
}

static bool float_to_int(struct arena *a, double f, struct value *out)
{
	struct str text;
	bool neg = f < 0;

	if (!isfinite(f))
		return false;
	if (fabs(f) < 9e18) {
		*out = v_int((int64_t)f);
		return true;
	}
	text = arena_printf(a, "%.0f", fabs(f)); /* exact: glibc prints all digits */
	*out = ruby_int_value(a, text, neg);
	return true;
}

static bool hex_to_int(struct arena *a, struct str digits, bool neg, struct value *out)
{
	uint64_t v;
	double f;

	if (str_chr(digits, '.') < 0) {
		if (!str_hex64(digits, &v))
			return false;
		*out = ruby_int_value(a, arena_printf(a, "%llu", (unsigned long long)v), neg);
		return true;
	}
	return ruby_hex_float(digits, neg, &f) && float_to_int(a, f, out);
}

/* ---- text before it is read ---- */

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r') || c == 0;
}

/* Ruby's strip.delete(','), after the roles of ',' and '.' were exchanged where the type ends in _eu. */
static struct str plain_number(struct arena *a, struct str s, bool eu)
{
	char *p, group = eu ? '.' : ',';
	size_t n = 0;

	while (s.len && is_space(s.p[0]))
		s = str_from(s, 1);
	while (s.len && is_space(s.p[s.len - 1]))
		s.len--;
	if (str_chr(s, ',') < 0 && (!eu || str_chr(s, '.') < 0))
		return s;
	p = arena_bytes(a, s.len);
	for (size_t i = 0; i < s.len; i++)
		if (s.p[i] != group)
			p[n++] = s.p[i] == ',' ? '.' : s.p[i];
	return str_n(p, n);
}

/* ---- one value ---- */

static bool to_integer(struct arena *a, const struct value *v, bool eu, struct value *out)
{
	struct str s, digits;
	bool neg;

	switch (v->type) {
	case V_BOOL:
		*out = v_int(v->b);
		return true;
	case V_INT:
	case V_BIGINT:
		*out = *v;
		return true;
	case V_FLOAT:
		return float_to_int(a, v->f, out);
	case V_TIME:
		*out = v_int(v->i);
		return true;
	case V_STRING:
		s = plain_number(a, value_str(v), eu);
		if (ruby_hex_prefix(s, &neg, &digits))
			return hex_to_int(a, digits, neg, out);
		return decimal_to_int(a, s, out);
	default:
		return false;
	}
}

static bool to_float(struct arena *a, const struct value *v, bool eu, struct value *out)
{
	struct str s, digits;
	bool neg;
	double f;

	switch (v->type) {
	case V_BOOL:
		f = v->b;
		break;
	case V_INT:
		f = (double)v->i;
		break;
	case V_BIGINT:
		f = ruby_to_f(value_str(v));
		break;
	case V_FLOAT:
		f = v->f;
		break;
	case V_TIME:
		f = (double)v->i + v->len / 1e9;
		break;
	case V_STRING:
		s = plain_number(a, value_str(v), eu);
		if (ruby_hex_prefix(s, &neg, &digits) ? !ruby_hex_float(digits, neg, &f) : !ruby_decimal_float(s, &f))
			return false;
		break;
	default:
		return false;
	}
	*out = v_float(f);
	return true;
}

/* Ruby's /^(true|t|yes|y|1|1.0)$/i and its like: any line of the text, and the point is any character. */
static int truth_of_line(struct str line)
{
	static const struct str yes[] = {STR_INIT("true"), STR_INIT("t"), STR_INIT("yes"), STR_INIT("y"), STR_INIT("1")};
	static const struct str no[] = {STR_INIT("false"), STR_INIT("f"), STR_INIT("no"), STR_INIT("n"), STR_INIT("0")};

	for (size_t i = 0; i < sizeof(yes) / sizeof(*yes); i++) {
		if (str_ieq(line, yes[i]))
			return 1;
		if (str_ieq(line, no[i]))
			return 0;
	}
	if (line.len == 3 && line.p[2] == '0' && (line.p[0] == '1' || line.p[0] == '0'))
		return line.p[0] == '1';
	return -1;
}

static void to_boolean(struct arena *a, const struct value *v, struct value *out)
{
	struct str s = ruby_to_s(a, v), rest = s, line;
	bool any_false = s.len == 0;

	*out = *v;
	while (rest.len) {
		int t;

		if (!str_cut(&rest, '\n', &line)) {
			line = rest;
			rest.len = 0;
		}
		t = truth_of_line(line);
		if (t == 1) {
			*out = v_bool(true);
			return;
		}
		any_false |= t == 0;
	}
	if (any_false)
		*out = v_bool(false);
}

static bool convert_one(struct arena *a, enum mutate_type type, const struct value *v, struct value *out)
{
	switch (type) {
	case TO_INTEGER:
	case TO_INTEGER_EU:
		return to_integer(a, v, type == TO_INTEGER_EU, out);
	case TO_FLOAT:
	case TO_FLOAT_EU:
		return to_float(a, v, type == TO_FLOAT_EU, out);
	case TO_BOOLEAN:
		to_boolean(a, v, out);
		return true;
	case TO_STRING:
		*out = v_str(ruby_to_s(a, v));
		return true;
	}
	return false;
}

int mutate_convert(struct mutate_item *it, struct mutate_run *r)
{
	struct arena *a = r->ctx->arena;
	const struct ref *ref = mutate_ref(&it->field, r);
	const struct value *v;
	struct value out;

	if (!ref)
		return -1;
	v = event_get(r->ev, ref);
	if (!v || v->type == V_NULL || v->type == V_MAP)
		return 0;
	if (v->type != V_LIST) {
		if (!convert_one(a, it->type, v, &out))
			return mutate_fail(r, "cannot convert '%.*s'", STR_ARG(ref->text));
		return mutate_set(r, ref, out);
	}
	out = v_list(list_new(a, v->list->n));
	for (uint32_t i = 0; i < v->list->n; i++) {
		struct value e = v->list->v[i];

		if (e.type != V_NULL && !convert_one(a, it->type, &v->list->v[i], &e))
			return mutate_fail(r, "cannot convert element %u of '%.*s'", i, STR_ARG(ref->text));
		list_push(a, out.list, e);
	}
	return mutate_set(r, ref, out);
}
