/*
 * mutate_text.c - mutate's operations on text: gsub, uppercase, capitalize, lowercase, strip, split, join.
 */
#include "filter/mutate.h"

#include "base/casemap.h"
#include "base/utf8.h"
#include "event/ruby_text.h"

/* ---- gsub ---- */

/* The pattern of this event, compiled; the last one is kept, as most events bring the same. */
static int dynamic_regex(struct mutate_item *it, struct mutate_run *r)
{
	struct str text;
	struct regex *regex;

	if (tmpl_render(it->needle, r->ev, r->ctx->arena, r->ctx->clock, &text, &r->err))
		return -1;
	if (it->regex && str_eq(text, it->needle_text))
		return 0;
	regex = regex_compile(text, 0, NULL);
	if (!regex)
		return mutate_fail(r, "'%.*s' gives no pattern", STR_ARG(tmpl_text(it->needle)));
	regex_free(it->regex);
	free((void *)it->needle_text.p);
	it->regex = regex;
	it->needle_text = str_n(xstrdupz(text), text.len);
	return 0;
}

static int gsub_one(struct mutate_item *it, struct mutate_run *r, const struct value *v, struct value *out)
{
	struct arena *a = r->ctx->arena;
	struct str with, text;

	if (it->needle && dynamic_regex(it, r))
		return -1;
	if (tmpl_render(it->text, r->ev, a, r->ctx->clock, &with, &r->err))
		return -1;
	if (regex_gsub(it->regex, r->match, a, utf8_scrub(a, value_str(v)), with, &text))
		return mutate_fail(r, "the pattern takes too long on '%.*s'", STR_ARG(it->field.text));
	*out = v_str(text);
	return 0;
}

int mutate_gsub(struct mutate_item *it, struct mutate_run *r)
{
	struct arena *a = r->ctx->arena;
	const struct ref *ref = mutate_ref(&it->field, r);
	const struct value *v;
	struct value out;

	if (!ref)
		return -1;
	v = event_get(r->ev, ref);
	if (value_is(v, V_STRING)) {
		if (gsub_one(it, r, v, &out))
			return -1;
		return mutate_set(r, ref, out);
	}
	if (!value_is(v, V_LIST))
		return 0;
	out = v_list(list_new(a, v->list->n));
	for (uint32_t i = 0; i < v->list->n; i++) {
		struct value e = v->list->v[i];

		if (e.type == V_STRING && gsub_one(it, r, &v->list->v[i], &e))
			return -1;
		list_push(a, out.list, e);
	}
	return mutate_set(r, ref, out);
}

/* ---- upper and lower case ---- */

typedef struct str text_fn(struct arena *a, struct str s);

/* Strings of a list are changed, other elements stay; strict: they are an exception. */
static int each_string(struct mutate_item *it, struct mutate_run *r, text_fn *fn, bool strict)
{
	struct arena *a = r->ctx->arena;
	const struct ref *ref = mutate_ref(&it->field, r);
	const struct value *v;
	struct value out;

	if (!ref)
		return -1;
	v = event_get(r->ev, ref);
	if (value_is(v, V_STRING))
		return mutate_set(r, ref, v_str(fn(a, value_str(v))));
	if (!value_is(v, V_LIST))
		return 0;
	out = v_list(list_new(a, v->list->n));
	for (uint32_t i = 0; i < v->list->n; i++) {
		struct value e = v->list->v[i];

		if (e.type == V_STRING)
			e = v_str(fn(a, value_str(&e)));
		else if (strict)
			return mutate_fail(r, "element %u of '%.*s' is no string", i, STR_ARG(ref->text));
		list_push(a, out.list, e);
	}
	return mutate_set(r, ref, out);
}

int mutate_uppercase(struct mutate_item *it, struct mutate_run *r)
{
	return each_string(it, r, str_upper, false);
}

int mutate_capitalize(struct mutate_item *it, struct mutate_run *r)
{
	return each_string(it, r, str_capitalize, false);
}

int mutate_lowercase(struct mutate_item *it, struct mutate_run *r)
{
	return each_string(it, r, str_lower, false);
}

/* ---- strip, split, join ---- */

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Ruby's strip: blanks and NUL, never what Unicode calls a blank. */
static struct str strip(struct arena *a, struct str s)
{
	(void)a;
	while (s.len && (is_space(s.p[0]) || s.p[0] == 0))
		s = str_from(s, 1);
	while (s.len && (is_space(s.p[s.len - 1]) || s.p[s.len - 1] == 0))
		s.len--;
	return s;
}

int mutate_strip(struct mutate_item *it, struct mutate_run *r)
{
	return each_string(it, r, strip, true);
}

/* sep " ": runs of blanks, none at the front, as awk does. */
static void split_blanks(struct arena *a, struct list *l, struct str s)
{
	while (s.len) {
		size_t n = 0;

		while (s.len && is_space(s.p[0]))
			s = str_from(s, 1);
		while (n < s.len && !is_space(s.p[n]))
			n++;
		if (n)
			list_push(a, l, v_str(str_sub(s, 0, n)));
		s = str_from(s, n);
	}
}

static void split_characters(struct arena *a, struct list *l, struct str s)
{
	while (s.len) {
		const char *from = s.p;

		utf8_next(&s);
		list_push(a, l, v_str(str_n(from, (size_t)(s.p - from))));
	}
}

static void split_text(struct arena *a, struct list *l, struct str s, struct str sep)
{
	for (;;) {
		ptrdiff_t at = str_find(s, sep);

		list_push(a, l, v_str(at < 0 ? s : str_sub(s, 0, (size_t)at)));
		if (at < 0)
			break;
		s = str_from(s, (size_t)at + sep.len);
	}
	while (l->n && l->v[l->n - 1].len == 0)
		l->n--;
}

int mutate_split(struct mutate_item *it, struct mutate_run *r)
{
	struct arena *a = r->ctx->arena;
	const struct ref *ref = mutate_ref(&it->field, r);
	const struct value *v;
	struct list *l;

	if (!ref)
		return -1;
	v = event_get(r->ev, ref);
	if (!value_is(v, V_STRING))
		return 0;
	if (!it->sep_ok)
		return mutate_fail(r, "the separator of '%.*s' is no string", STR_ARG(ref->text));
	l = list_new(a, 4);
	if (str_eq(it->sep, STR(" ")))
		split_blanks(a, l, value_str(v));
	else if (it->sep.len == 0)
		split_characters(a, l, value_str(v));
	else
		split_text(a, l, value_str(v), it->sep);
	return mutate_set(r, ref, v_list(l));
}

/* Ruby's Array#join: lists inside are joined, too. Recursion is bounded by JSON_MAX_DEPTH. */
static void join_list(struct buf *out, struct arena *a, const struct list *l, struct str sep)
{
	for (uint32_t i = 0; i < l->n; i++) {
		if (i)
			buf_str(out, sep);
		if (l->v[i].type == V_LIST)
			join_list(out, a, l->v[i].list, sep);
		else
			buf_str(out, ruby_to_s(a, &l->v[i]));
	}
}

int mutate_join(struct mutate_item *it, struct mutate_run *r)
{
	struct arena *a = r->ctx->arena;
	const struct ref *ref = mutate_ref(&it->field, r);
	const struct value *v;
	struct buf out;
	struct str text;

	if (!ref)
		return -1;
	v = event_get(r->ev, ref);
	if (!value_is(v, V_LIST))
		return 0;
	if (!it->sep_ok)
		return mutate_fail(r, "the separator of '%.*s' is no string", STR_ARG(ref->text));
	buf_init(&out, 0);
	join_list(&out, a, v->list, it->sep);
	text = arena_dup(a, buf_slice(&out));
	buf_release(&out);
	return mutate_set(r, ref, v_str(text));
}
