/*
 * query_match.c - does an event match a query? The last word in every search: indexes only say where to look.
 *
 * Text is compared without regard to case, except chains and ids. A list matches if one of its elements does. Any thread; scratch is
 * given back before the return.
 */
#include "query/query.h"

#include "base/number.h"
#include "query/when.h"

#include <math.h>

/* ---- patterns ---- */

static size_t char_len(struct str s)
{
	size_t n = 1;

	while (n < s.len && (s.p[n] & 0xc0) == 0x80)
		n++;
	return n;
}

bool wild_match(struct str pattern, struct str text)
{
	struct str star = {0}, star_text = {0};

	while (text.len) {
		if (pattern.len && *pattern.p == '*') {
			pattern = str_from(pattern, 1);
			star = pattern;
			star_text = text;
			if (pattern.len == 0)
				return true;
		} else if (pattern.len && *pattern.p == '?') {
			pattern = str_from(pattern, 1);
			text = str_from(text, char_len(text));
		} else if (pattern.len && ch_lower(*pattern.p) == ch_lower(*text.p)) {
			pattern = str_from(pattern, 1);
			text = str_from(text, 1);
		} else if (star.p) {
			star_text = str_from(star_text, 1);
			text = star_text;
			pattern = star;
		} else {
			return false;
		}
	}
	while (pattern.len && *pattern.p == '*')
		pattern = str_from(pattern, 1);
	return pattern.len == 0;
}

/* ---- one value ---- */

static bool exact_case(enum key_kind kind)
{
	return kind == KEY_CHAIN || kind == KEY_ID;
}

static bool time_of(const struct value *v, struct ts *out)
{
	if (v->type == V_TIME) {
		*out = value_ts(v);
		return true;
	}
	return v->type == V_STRING && v->len >= 10 && v->len < TS_TEXT_MAX && ts_parse_iso(value_str(v), out);
}

static bool equal_text(struct str text, const struct literal *l, enum key_kind kind)
{
	struct ip ip;

	if (kind == KEY_NAME) {
		struct str a = text, b = l->text;

		a.len -= str_ends(a, STR("."));
		b.len -= str_ends(b, STR("."));
		return str_ieq(a, b);
	}
	if (exact_case(kind) ? str_eq(text, l->text) : str_ieq(text, l->text))
		return true;
	return l->has_ip && ip_parse(text, &ip) && ip_eq(&ip, &l->ip);
}

static bool equal(const struct value *v, const struct literal *l, enum key_kind kind)
{
	struct ts t;

	switch ((enum vtype)v->type) {
	case V_INT:
		return l->has_int ? v->i == l->i : l->has_float && (double)v->i == l->f;
	case V_FLOAT:
		return l->has_float && v->f == l->f;
	case V_BOOL:
		return str_ieq(l->text, v->b ? STR("true") : STR("false"));
	case V_BIGINT:
		return str_eq(l->text, value_str(v));
	case V_STRING:
		if (equal_text(value_str(v), l, kind))
			return true;
		break;
	case V_TIME:
		break;
	default:
		return false;
	}
	return l->has_time && time_of(v, &t) && ts_cmp(t, l->time) >= 0 && ts_cmp(t, l->time_end) < 0;
}

static int sign(double a, double b)
{
	return a < b ? -1 : a > b;
}

/*
 * Where v stands against an end of a range: <0, 0, >0, or 2 where they cannot be compared. A time that is a stretch (a day) counts as 0
 * all through.
 */
static int against(const struct value *v, const struct literal *l)
{
	struct ts t;
	struct ip ip;
	double f;

	switch ((enum vtype)v->type) {
	case V_INT:
		if (l->has_int)
			return v->i < l->i ? -1 : v->i > l->i;
		return l->has_float ? sign((double)v->i, l->f) : 2;
	case V_FLOAT:
		return l->has_float && !isnan(v->f) ? sign(v->f, l->f) : 2;
	case V_TIME:
	case V_STRING:
		if (l->has_time && time_of(v, &t))
			return ts_cmp(t, l->time) < 0 ? -1 : ts_cmp(t, l->time_end) >= 0;
		if (v->type == V_TIME)
			return 2;
		if (l->has_ip)
			return ip_parse(value_str(v), &ip) ? (ip_cmp(&ip, &l->ip) > 0) - (ip_cmp(&ip, &l->ip) < 0) : 2;
		if (l->has_float)
			return number_parse_double(value_str(v), &f) ? sign(f, l->f) : 2;
		if (l->has_time)
			return 2;
		return sign(str_cmp(value_str(v), l->text), 0);
	default:
		return 2;
	}
}

static bool in_range(const struct value *v, const struct match *m)
{
	if (m->low.text.p) {
		int c = against(v, &m->low);

		if (c == 2 || c < 0 || (c == 0 && m->low_open))
			return false;
	}
	if (m->high.text.p) {
		int c = against(v, &m->high);

		if (c == 2 || c > 0 || (c == 0 && m->high_open))
			return false;
	}
	return m->low.text.p || m->high.text.p || v->type != V_NULL;
}

static bool wild_value(const struct value *v, struct str pattern)
{
	char text[32];
	int n;

	if (v->type == V_STRING || v->type == V_BIGINT)
		return wild_match(pattern, value_str(v));
	if (v->type != V_INT)
		return false;
	n = snprintf(text, sizeof(text), "%" PRId64, v->i);
	return wild_match(pattern, str_n(text, (size_t)n));
}

static bool match_value(const struct value *v, const struct match *m, enum key_kind kind)
{
	struct ip ip;

	switch (m->op) {
	case MATCH_EXISTS:
		return v->type != V_NULL;
	case MATCH_EQUAL:
		return equal(v, &m->value, kind);
	case MATCH_WILD:
		return wild_value(v, m->value.text);
	case MATCH_RANGE:
		return in_range(v, m);
	case MATCH_NET:
		/* "a/b" may also be just a text. */
		return v->type == V_STRING && ((ip_parse(value_str(v), &ip) && ip_net_has(&m->net, &ip)) ||
					       (m->value.text.p && str_eq(value_str(v), m->value.text)));
	}
	return false;
}

/* ---- text ---- */

struct phrase {
	const struct query *q;
	struct arena *scratch;
};

static bool word_matches(struct str pattern, struct str word)
{
	return str_chr(pattern, '*') >= 0 || str_chr(pattern, '?') >= 0 ? wild_match(pattern, word) : str_eq(pattern, word);
}

/* The words of the phrase, one behind the other. */
static bool text_has_phrase(void *arg, struct str text)
{
	const struct phrase *p = arg;
	const struct query *q = p->q;
	struct arena_mark m = arena_mark(p->scratch);
	struct str rest = text, word;
	bool found = false;

	while (!found && word_next(&rest, false, &word, p->scratch)) {
		struct str more = rest;
		uint32_t i = 0;

		while (word_matches(q->word[i], word) && ++i < q->n && word_next(&more, false, &word, p->scratch))
			;
		found = i == q->n;
		arena_reset(p->scratch, m);
	}
	arena_reset(p->scratch, m);
	return found;
}

static bool value_has_phrase(void *arg, const struct value *v)
{
	return v->type == V_STRING && text_has_phrase(arg, value_str(v));
}

static bool match_text(const struct query *q, const struct event *ev, struct arena *scratch)
{
	struct phrase p = {q, scratch};

	if (str_eq(q->field, STR("message")))
		return key_field_values(ev, q->field, text_has_phrase, &p);
	if (q->field.len)
		return path_values(ev, q->field, value_has_phrase, &p);
	return key_values(ev, KEY_WORD, text_has_phrase, &p);
}

/* ---- the tree ---- */

static bool match_key_text(void *arg, struct str text)
{
	const struct query *q = arg;
	struct value v = v_str(text);

	return match_value(&v, &q->match, q->kind);
}

static bool match_field_value(void *arg, const struct value *v)
{
	const struct query *q = arg;

	return match_value(v, &q->match, q->kind);
}

bool query_match(const struct query *q, const struct event *ev, struct arena *scratch)
{
	switch (q->op) {
	case QUERY_ALL:
		return true;
	case QUERY_AND:
		for (uint32_t i = 0; i < q->n; i++)
			if (!query_match(q->sub[i], ev, scratch))
				return false;
		return true;
	case QUERY_OR:
		for (uint32_t i = 0; i < q->n; i++)
			if (query_match(q->sub[i], ev, scratch))
				return true;
		return false;
	case QUERY_NOT:
		return !query_match(q->sub[0], ev, scratch);
	case QUERY_TEXT:
		return match_text(q, ev, scratch);
	case QUERY_FIELD:
		/* As it is indexed, and not as it might also be written, or an index would miss it. */
		if (q->kind != KEY_NONE)
			return key_field_values(ev, q->field, match_key_text, (void *)(uintptr_t)q);
		return path_values(ev, q->field, match_field_value, (void *)(uintptr_t)q);
	case QUERY_KEY:
		return key_values(ev, q->kind, match_key_text, (void *)(uintptr_t)q);
	}
	return false;
}
