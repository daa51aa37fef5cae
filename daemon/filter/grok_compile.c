/*
 * grok_compile.c - see grok_compile.h.
 *
 * %{SYNTAX}, %{SYNTAX:SEMANTIC}, %{SYNTAX:SEMANTIC:type} and %{SYNTAX=definition} are replaced as text, again and again, because the
 * text of one pattern holds others. A named one becomes a group whose name is everything between the braces ("IP:client:int"):
 * a pattern may so be used twice under one name, and both count.
 */
#include "filter/grok_compile.h"

#include "base/buf.h"
#include "base/rubyre.h"

/* %{...} at a place of the text. */
struct use {
	size_t end;	      /* behind the closing brace */
	struct str syntax;    /* WORD */
	struct str name;      /* WORD:client:int */
	struct str definition; /* behind '='; .p NULL */
};

/* Logstash's class [A-z0-9], which holds a few signs more than it seems. */
static bool syntax_char(char c)
{
	return ch_alnum(c) || (c >= '[' && c <= '`');
}

static bool semantic_char(char c)
{
	return syntax_char(c) || (c && strchr("@:.-", c));
}

/* What stands at text[at], which is "%{". false: no use of a pattern. Whatever else the braces hold is passed over. */
static bool parse_use(struct str text, size_t at, struct use *u)
{
	size_t i = at + 2, from = i, semantic;
	ptrdiff_t close;

	while (i < text.len && syntax_char(text.p[i]))
		i++;
	if (i == from)
		return false;
	u->syntax = str_sub(text, from, i - from);
	u->definition = (struct str){NULL, 0};
	if (i < text.len && text.p[i] == ':') {
		for (semantic = i + 1; semantic < text.len && semantic_char(text.p[semantic]); semantic++)
			;
		if (semantic > i + 1)
			i = semantic;
	}
	u->name = str_sub(text, from, i - from);
	if (i < text.len && text.p[i] == '=') {
		for (from = ++i; i < text.len && text.p[i] != '{' && text.p[i] != '}'; i++)
			;
		if (i > from)
			u->definition = str_sub(text, from, i - from);
	}
	close = str_chr(str_from(text, i), '}');
	if (close < 0)
		return false;
	u->end = i + (size_t)close + 1;
	return true;
}

/* Replaces `len` bytes at `at`. */
static void splice(struct buf *b, size_t at, size_t len, struct str head, struct str name, struct str middle, struct str body)
{
	struct str tail;
	struct buf out;

	buf_init(&out, b->max);
	tail = str_from(buf_slice(b), at + len);
	buf_str(&out, str_sub(buf_slice(b), 0, at));
	buf_str(&out, head);
	buf_str(&out, name);
	buf_str(&out, middle);
	buf_str(&out, body);
	buf_ch(&out, ')');
	buf_str(&out, tail);
	buf_release(b);
	*b = out;
}

int grok_expand(const struct grok_compile *c, struct str source, struct str *out, struct err *err)
{
	unsigned n = 0;
	size_t at = 0;
	struct buf b;

	buf_init(&b, RUBYRE_SOURCE_MAX);
	buf_str(&b, source);
	for (;;) {
		ptrdiff_t next = str_find(str_from(buf_slice(&b), at), STR("%{"));
		struct str expr;
		struct use u;

		if (next < 0 || b.over)
			break;
		at += (size_t)next;
		if (!parse_use(buf_slice(&b), at, &u)) {
			at++;
			continue;
		}
		if (++n > GROK_EXPANSIONS_MAX) {
			buf_release(&b);
			return err_set(err, "pattern '%.*s' is nested too deeply", STR_ARG(str_sub(source, 0, 200)));
		}
		if (u.definition.p)
			grok_library_add(c->lib, u.syntax, u.definition);
		if (!grok_library_find(c->lib, u.syntax, &expr)) {
			c->lib->undefined = true;
			err_set(err, "pattern %.*s not defined", STR_ARG(str_sub(buf_slice(&b), at, u.end - at)));
			buf_release(&b);
			return -1;
		}
		if (c->named_only && str_chr(u.name, ':') < 0)
			splice(&b, at, u.end - at, STR("(?:"), STR(""), STR(""), expr);
		else
			splice(&b, at, u.end - at, STR("(?<"), u.name, STR(">"), expr);
	}
	if (b.over) {
		buf_release(&b);
		return err_set(err, "pattern '%.*s' is too large", STR_ARG(str_sub(source, 0, 200)));
	}
	*out = arena_dup(c->lib->arena, buf_slice(&b));
	buf_release(&b);
	return 0;
}

/* ---- what the groups fill ---- */

static bool listed(const struct list *l, struct str name)
{
	for (uint32_t i = 0; l && i < l->n; i++)
		if (l->v[i].type == V_STRING && str_eq(value_str(&l->v[i]), name))
			return true;
	return false;
}

static struct str bracketed(struct arena *a, struct str name)
{
	return name.len && name.p[0] == '[' ? name : arena_printf(a, "[%.*s]", STR_ARG(name));
}

static const struct ref *capture_ref(const struct grok_compile *c, struct str name)
{
	struct arena *a = c->lib->arena;
	struct ref root = {0};

	/* "%{INT::int}" names the empty field. */
	if (name.len == 0)
		return c->target.len ? NULL : ref_child(a, &root, name);
	if (!c->target.len)
		return ref_compile(a, name, NULL);
	return ref_compile(a, arena_printf(a, "%.*s%.*s", STR_ARG(bracketed(a, c->target)), STR_ARG(bracketed(a, name))), NULL);
}

/*
 * "IP:client:int": pattern, field, type. A group that is named in the expression itself has only the first: its field. Colons
 * at the end count for nothing (Ruby's split).
 */
static void split_name(struct str whole, struct str *field, enum grok_type *type)
{
	struct str rest = whole, first, type_name = STR("");

	while (rest.len && rest.p[rest.len - 1] == ':')
		rest.len--;
	*field = rest;
	*type = GROK_TEXT;
	if (!str_cut(&rest, ':', &first))
		return;
	*field = rest;
	if (!str_cut(&rest, ':', field))
		return;
	if (!str_cut(&rest, ':', &type_name))
		type_name = rest;
	if (str_eq(type_name, STR("int")))
		*type = GROK_INT;
	else if (str_eq(type_name, STR("float")))
		*type = GROK_FLOAT;
}

/* Groups of one name stand together, in the order of their first; only the first of them is converted: as in Logstash. */
static void list_captures(struct grok_pattern *p, const struct grok_compile *c)
{
	unsigned n = regex_groups(p->regex);
	size_t k = 0;

	p->capture = arena_alloc(c->lib->arena, (n + 1) * sizeof(*p->capture));
	for (unsigned i = 1; i <= n; i++) {
		struct str whole = regex_group_name(p->regex, i), field;
		const struct ref *ref;
		enum grok_type type;
		bool first = true;

		for (unsigned before = 1; before < i && first; before++)
			first = !str_eq(regex_group_name(p->regex, before), whole);
		if (!whole.p || !first)
			continue;
		split_name(whole, &field, &type);
		field = arena_dup(c->lib->arena, field);
		ref = capture_ref(c, field);
		for (unsigned same = i; same <= n; same++) {
			if (!str_eq(regex_group_name(p->regex, same), whole))
				continue;
			p->capture[k++] = (struct grok_capture){.group = same, .type = same == i ? type : GROK_TEXT,
								.overwrite = listed(c->overwrite, field), .name = field,
								.ref = ref};
		}
	}
	p->captures = k;
}

int grok_pattern_compile(struct grok_pattern *p, const struct grok_compile *c, struct str source, struct err *err)
{
	struct str expanded;

	memset(p, 0, sizeof(*p));
	p->source = arena_dup(c->lib->arena, source);
	if (grok_expand(c, source, &expanded, err))
		return -1;
	p->regex = regex_compile(expanded, REGEX_DOTALL, err);
	if (!p->regex)
		return err_prefix(err, "grok pattern '%.*s': ", STR_ARG(str_sub(source, 0, 100)));
	list_captures(p, c);
	return 0;
}

void grok_pattern_release(struct grok_pattern *p)
{
	regex_free(p->regex);
	p->regex = NULL;
}
