#include "event/tmpl.h"
#include "base/javahash.h"
#include "base/javatime.h"
#include "base/joda.h"
#include "base/number.h"
#include "event/json.h"

#include <stdlib.h>

enum part_kind {
	PART_TEXT,
	PART_FIELD,
	PART_JODA,  /* %{+...} */
	PART_JAVA,  /* %{{...}} */
	PART_EPOCH, /* %{+%s}, %{+}, %{} */
	PART_NOW,   /* %{{TIME_NOW}} */
	PART_ERROR, /* raises when it is rendered */
};

struct part {
	enum part_kind kind;
	struct str text; /* as written, %{ and } included; PART_ERROR: the message */
	union {
		const struct ref *ref;
		const struct joda *joda;
		const struct javatime *java;
	};
};

struct tmpl {
	struct str text;
	size_t n;
	struct part *part;
	bool is_const;
};

static void add_part(struct arena *a, struct tmpl *t, struct part p)
{
	t->part = arena_grow(a, t->part, t->n * sizeof(p), (t->n + 1) * sizeof(p));
	t->part[t->n++] = p;
}

static struct part error_part(struct arena *a, const struct err *err)
{
	return (struct part){.kind = PART_ERROR, .text = arena_dup(a, str_z(err->text))};
}

/* inner: what stands between %{ and }. */
static struct part compile_part(struct arena *a, struct str whole, struct str inner)
{
	struct part p = {.text = whole};
	struct err err;

	if (inner.len >= 2 && inner.p[0] == '{' && inner.p[inner.len - 1] == '}') {
		struct str pattern = str_sub(inner, 1, inner.len - 2);

		if (str_eq(pattern, STR("TIME_NOW"))) {
			p.kind = PART_NOW;
			return p;
		}
		p.kind = PART_JAVA;
		p.java = javatime_compile(a, pattern, &err);
		return p.java ? p : error_part(a, &err);
	}
	if (inner.len == 0 || str_eq(inner, STR("+")) || str_eq(inner, STR("+%s"))) {
		p.kind = PART_EPOCH;
		return p;
	}
	if (inner.p[0] == '+') {
		p.kind = PART_JODA;
		p.joda = joda_compile(a, str_from(inner, 1), &err);
		return p.joda ? p : error_part(a, &err);
	}
	p.kind = PART_FIELD;
	p.ref = ref_compile(a, inner, &err);
	return p.ref ? p : error_part(a, &err);
}

/* Length of the "%{...}" at the front of s, or 0 where it is not closed. */
static size_t part_length(struct str s)
{
	ptrdiff_t end;

	if (str_starts(s, STR("%{{"))) {
		end = str_find(s, STR("}}"));
		return end < 0 ? 0 : (size_t)end + 2;
	}
	end = str_chr(s, '}');
	return end < 0 ? 0 : (size_t)end + 1;
}

struct tmpl *tmpl_compile(struct arena *a, struct str text)
{
	struct tmpl *t = arena_zalloc(a, sizeof(*t));
	struct str rest;

	t->text = rest = arena_dup(a, text);
	t->is_const = true;
	while (rest.len) {
		ptrdiff_t at = str_find(rest, STR("%{"));
		size_t n = at < 0 ? 0 : part_length(str_from(rest, (size_t)at));
		struct str whole;

		if (n == 0 && at >= 0 && str_starts(str_from(rest, (size_t)at), STR("%{{")) && rest.p[rest.len - 1] == '}') {
			/* "%{{x}" and nothing behind it: Logstash looks for the second brace beyond the end, and fails. */
			add_part(a, t, (struct part){.kind = PART_ERROR, .text = STR("'%{{' is closed by one brace only")});
			t->is_const = false;
			break;
		}
		if (n == 0) {
			add_part(a, t, (struct part){.kind = PART_TEXT, .text = rest});
			break;
		}
		if (at > 0)
			add_part(a, t, (struct part){.kind = PART_TEXT, .text = str_sub(rest, 0, (size_t)at)});
		whole = str_sub(rest, (size_t)at, n);
		add_part(a, t, compile_part(a, whole, str_sub(whole, 2, n - 3)));
		t->is_const = false;
		rest = str_from(rest, (size_t)at + n);
	}
	return t;
}

bool tmpl_is_const(const struct tmpl *t)
{
	return t->is_const;
}

struct str tmpl_text(const struct tmpl *t)
{
	return t->text;
}

/* ---- values as text ---- */

static void put_value(struct buf *b, const struct value *v, bool in_list);

/* {k=1, l=x}: a Java map inside a list. */
static void put_java_map(struct buf *b, const struct map *m)
{
	buf_ch(b, '{');
	for (uint32_t i = 0; i < m->n; i++) {
		if (i)
			buf_lit(b, ", ");
		buf_str(b, key_str(&m->e[i].key));
		buf_ch(b, '=');
		if (m->e[i].val.type == V_NULL)
			buf_lit(b, "null");
		else
			put_value(b, &m->e[i].val, true);
	}
	buf_ch(b, '}');
}

/* A map prints its keys in the order of a HashMap. */
static void put_json_map(struct buf *b, const struct map *m)
{
	struct str few[16], *keys = m->n <= 16 ? few : xmalloc(m->n * sizeof(*keys));
	uint32_t few_at[16], *at = m->n <= 16 ? few_at : xmalloc(m->n * sizeof(*at));

	for (uint32_t i = 0; i < m->n; i++)
		keys[i] = key_str(&m->e[i].key);
	java_hash_order(keys, m->n, at);
	buf_ch(b, '{');
	for (uint32_t i = 0; i < m->n; i++) {
		const struct entry *e = &m->e[at[i]];

		if (i)
			buf_ch(b, ',');
		json_write_string(b, key_str(&e->key));
		buf_ch(b, ':');
		if (e->val.type == V_MAP)
			put_json_map(b, e->val.map);
		else
			json_write_value(b, &e->val);
	}
	buf_ch(b, '}');
	if (keys != few) {
		free(keys);
		free(at);
	}
}

static void put_value(struct buf *b, const struct value *v, bool in_list)
{
	char text[64];

	switch ((enum vtype)v->type) {
	case V_NONE:
	case V_NULL:
		break;
	case V_BOOL:
		buf_str(b, v->b ? STR("true") : STR("false"));
		break;
	case V_INT:
		buf_i64(b, v->i);
		break;
	case V_FLOAT:
		buf_add(b, text, java_double_text(v->f, text));
		break;
	case V_TIME:
		buf_add(b, text, ts_format(value_ts(v), text));
		break;
	case V_STRING:
	case V_BIGINT:
		buf_str(b, value_str(v));
		break;
	case V_LIST:
		for (uint32_t i = 0; i < v->list->n; i++) {
			if (i)
				buf_ch(b, ',');
			put_value(b, &v->list->v[i], true);
		}
		break;
	case V_MAP:
		if (in_list)
			put_java_map(b, v->map);
		else
			put_json_map(b, v->map);
		break;
	}
}

struct str value_text(struct arena *a, const struct value *v)
{
	struct buf b;
	struct str out;

	if (v->type == V_STRING || v->type == V_BIGINT)
		return value_str(v);
	buf_init(&b, 0);
	put_value(&b, v, false);
	out = arena_dup(a, buf_slice(&b));
	buf_release(&b);
	return out;
}

/* ---- rendering ---- */

static int put_part(const struct part *p, const struct event *ev, const struct clock *clock, struct buf *b, struct err *err)
{
	const struct value *v;
	char text[TS_TEXT_MAX];
	struct ts t;

	switch (p->kind) {
	case PART_TEXT:
		buf_str(b, p->text);
		return 0;
	case PART_ERROR:
		return err_set(err, "%.*s", STR_ARG(p->text));
	case PART_NOW:
		buf_add(b, text, ts_format(ts_from_ns(clock_wall(clock)), text));
		return 0;
	case PART_FIELD:
		v = event_get(ev, p->ref);
		if (!v || v->type == V_NULL)
			buf_str(b, p->text);
		else
			put_value(b, v, false);
		return 0;
	case PART_JODA:
	case PART_JAVA:
	case PART_EPOCH:
		break;
	}
	if (!event_timestamp(ev, &t)) {
		buf_str(b, p->text);
		return 0;
	}
	if (p->kind == PART_EPOCH)
		buf_i64(b, t.s);
	else if (p->kind == PART_JODA)
		joda_format(p->joda, t, b);
	else
		return javatime_format(p->java, t, b, err);
	return 0;
}

int tmpl_render(const struct tmpl *t, const struct event *ev, struct arena *a, const struct clock *clock,
		struct str *out, struct err *err)
{
	struct buf b;
	int rc = 0;

	if (t->is_const) {
		*out = t->text;
		return 0;
	}
	if (t->n == 1 && t->part[0].kind == PART_FIELD) {
		const struct value *v = event_get(ev, t->part[0].ref);

		*out = !v || v->type == V_NULL ? t->part[0].text : value_text(a, v);
		return 0;
	}
	buf_init(&b, 0);
	for (size_t i = 0; i < t->n && rc == 0; i++)
		rc = put_part(&t->part[i], ev, clock, &b, err);
	if (rc == 0)
		*out = arena_dup(a, buf_slice(&b));
	buf_release(&b);
	return rc;
}
