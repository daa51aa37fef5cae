#include "outputs/mustache.h"

#include "event/ruby_text.h"

enum { DEPTH_MAX = 32, NODES_MAX = 100000 };

enum kind { TEXT, FIELD, RAW, SECTION, INVERTED, END };

struct node {
	enum kind kind;
	struct str text; /* TEXT, or the name */
	uint32_t end;	 /* SECTION, INVERTED: where its END is */
};

struct mustache {
	struct node *node;
	uint32_t n, cap;
};

/* ---- compile ---- */

struct compiler {
	struct arena *a;
	struct mustache *m;
	struct str all;	 /* for line numbers */
	uint32_t open[DEPTH_MAX];
	unsigned depth;
};

static unsigned line_of(const struct compiler *c, const char *at)
{
	unsigned n = 1;

	for (const char *p = c->all.p; p < at; p++)
		n += *p == '\n';
	return n;
}

static struct node *add(struct compiler *c, enum kind kind, struct str text)
{
	struct mustache *m = c->m;

	if (m->n == m->cap) {
		m->node = arena_grow(c->a, m->node, m->cap * sizeof(*m->node), (m->cap ? 2 * m->cap : 16) * sizeof(*m->node));
		m->cap = m->cap ? 2 * m->cap : 16;
	}
	m->node[m->n] = (struct node){.kind = kind, .text = text};
	return &m->node[m->n++];
}

/* Nothing but blanks between the line's beginning and `before`, and between `after` and the line's end: *rest begins behind that. */
static bool stands_alone(const struct compiler *c, struct str *before, struct str after, struct str *rest)
{
	size_t n = before->len, i = 0;

	while (n && (before->p[n - 1] == ' ' || before->p[n - 1] == '\t'))
		n--;
	if (n ? before->p[n - 1] != '\n' : before->p > c->all.p && before->p[-1] != '\n')
		return false;
	while (i < after.len && (after.p[i] == ' ' || after.p[i] == '\t' || after.p[i] == '\r'))
		i++;
	if (i < after.len && after.p[i] != '\n')
		return false;
	before->len = n;
	*rest = str_from(after, i + 1);
	return true;
}

static int section_end(struct compiler *c, struct str name, struct err *err)
{
	struct node *begin = c->depth ? &c->m->node[c->open[c->depth - 1]] : NULL;

	if (!begin || !str_eq(begin->text, name))
		return err_set(err, "line %u: {{/%.*s}} ends no section", line_of(c, name.p), STR_ARG(str_sub(name, 0, 64)));
	begin->end = c->m->n;
	c->depth--;
	add(c, END, name);
	return 0;
}

static int tag(struct compiler *c, char sigil, struct str name, struct err *err)
{
	switch (sigil) {
	case '!':
		return 0;
	case '#':
	case '^':
		if (c->depth == DEPTH_MAX)
			return err_set(err, "line %u: more than %d sections one within another", line_of(c, name.p), DEPTH_MAX);
		c->open[c->depth++] = c->m->n;
		add(c, sigil == '#' ? SECTION : INVERTED, name);
		return 0;
	case '/':
		return section_end(c, name, err);
	case '>':
	case '=':
		return err_set(err, "line %u: partials and other delimiters are not supported", line_of(c, name.p));
	default:
		add(c, sigil ? RAW : FIELD, name);
		return 0;
	}
}

static int compile(struct compiler *c, struct err *err)
{
	struct str s = c->all;

	while (s.len) {
		ptrdiff_t at = str_find(s, STR("{{")), end;
		struct str before, name;
		bool triple;
		char sigil;

		before = at < 0 ? s : str_sub(s, 0, (size_t)at);
		if (at < 0) {
			add(c, TEXT, before);
			return 0;
		}
		name = str_from(s, (size_t)at + 2);
		triple = str_starts(name, STR("{"));
		end = str_find(name, triple ? STR("}}}") : STR("}}"));
		if (end < 0)
			return err_set(err, "line %u: a tag has no end", line_of(c, name.p));
		s = str_from(name, (size_t)end + (triple ? 3 : 2));
		name = str_sub(name, triple, (size_t)end - triple);
		sigil = triple ? '{' : name.len && strchr("&#^/!>=", name.p[0]) ? name.p[0] : 0;
		if (sigil && !triple)
			name = str_from(name, 1);
		if (sigil && strchr("#^/!", sigil))
			(void)stands_alone(c, &before, s, &s);
		if (before.len)
			add(c, TEXT, before);
		if (tag(c, sigil, str_trim(name), err) == -1)
			return -1;
		if (c->m->n > NODES_MAX)
			return err_set(err, "more than %d parts", NODES_MAX);
	}
	return 0;
}

struct mustache *mustache_compile(struct arena *a, struct str text, struct err *err)
{
	struct compiler c = {.a = a, .all = arena_dup(a, text), .m = arena_zalloc(a, sizeof(struct mustache))};

	if (compile(&c, err) == -1)
		return NULL;
	if (c.depth) {
		err_set(err, "section {{#%.*s}} has no end", STR_ARG(str_sub(c.m->node[c.open[c.depth - 1]].text, 0, 64)));
		return NULL;
	}
	return c.m;
}

/* ---- render ---- */

struct renderer {
	const struct mustache *m;
	struct value stack[DEPTH_MAX + 1];
	unsigned depth; /* of stack */
	struct arena *scratch;
	struct buf *out;
};

/* The first part of a name is looked for from the innermost section outwards, the others within what it is. */
static const struct value *find(const struct renderer *r, struct str name)
{
	const struct value *v = NULL;
	struct str part = name;

	if (str_eq(name, STR(".")))
		return &r->stack[r->depth - 1];
	/* Also a name with a dot in it. */
	for (unsigned i = r->depth; i-- > 0 && !v;)
		v = r->stack[i].type == V_MAP ? map_find_str(r->stack[i].map, name) : NULL;
	if (v || !str_cut(&name, '.', &part))
		return v;
	for (unsigned i = r->depth; i-- > 0 && !v;)
		v = r->stack[i].type == V_MAP ? map_find_str(r->stack[i].map, part) : NULL;
	for (bool more = true; more && v;) {
		more = str_cut(&name, '.', &part);
		v = v->type == V_MAP ? map_find_str(v->map, more ? part : name) : NULL;
	}
	return v;
}

static bool truth(const struct value *v)
{
	return v && v->type != V_NULL && !(v->type == V_BOOL && !v->b) && !(v->type == V_LIST && !v->list->n);
}

static void html(struct buf *out, struct str s)
{
	for (size_t i = 0; i < s.len; i++) {
		switch (s.p[i]) {
		case '&':
			buf_lit(out, "&amp;");
			break;
		case '<':
			buf_lit(out, "&lt;");
			break;
		case '>':
			buf_lit(out, "&gt;");
			break;
		case '"':
			buf_lit(out, "&quot;");
			break;
		case '\'':
			buf_lit(out, "&#39;");
			break;
		default:
			buf_ch(out, s.p[i]);
		}
	}
}

static void run(struct renderer *r, uint32_t from, uint32_t to);

static void inside(struct renderer *r, uint32_t i, struct value v)
{
	r->stack[r->depth++] = v;
	run(r, i + 1, r->m->node[i].end);
	r->depth--;
}

/* As deep as the template's sections are. */
static void run(struct renderer *r, uint32_t from, uint32_t to)
{
	for (uint32_t i = from; i < to; i++) {
		const struct node *n = &r->m->node[i];
		const struct value *v = n->kind == TEXT || n->kind == END ? NULL : find(r, n->text);

		switch (n->kind) {
		case TEXT:
			buf_str(r->out, n->text);
			break;
		case FIELD:
			html(r->out, v ? ruby_to_s(r->scratch, v) : STR(""));
			break;
		case RAW:
			buf_str(r->out, v ? ruby_to_s(r->scratch, v) : STR(""));
			break;
		case SECTION:
			if (truth(v) && v->type == V_LIST)
				for (uint32_t k = 0; k < v->list->n && !r->out->over; k++)
					inside(r, i, v->list->v[k]);
			else if (truth(v))
				inside(r, i, *v);
			i = n->end;
			break;
		case INVERTED:
			if (!truth(v))
				inside(r, i, r->stack[r->depth - 1]);
			i = n->end;
			break;
		case END:
			break;
		}
	}
}

void mustache_render(const struct mustache *m, const struct map *root, struct arena *scratch, struct buf *out)
{
	struct renderer r = {.m = m, .scratch = scratch, .out = out, .depth = 1};

	r.stack[0] = v_map((struct map *)(uintptr_t)root);
	run(&r, 0, m->n);
}
