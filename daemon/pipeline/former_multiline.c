#include "pipeline/former_multiline.h"

#include "pipeline/former.h"

enum truth { NO, YES, UNKNOWN };

/* The conditions around a place: all must hold, those of former branches must not. */
struct around {
	const struct ast_expr *cond;
	bool wanted;
	const struct around *outer;
};

struct rewrite {
	struct arena *a;
	struct diag *diag;
	struct ast_block inputs; /* copies, flat: a condition among inputs has no effect */
	unsigned taken, unknown; /* inputs of the present filter */
};

static bool is_multiline(const struct ast_plugin *p)
{
	return str_eq(p->name, STR("multiline"));
}

static const struct ast_value *attr(const struct ast_plugin *p, struct str name)
{
	const struct ast_value *v = NULL;

	for (size_t i = 0; i < p->n; i++)
		if (str_eq(p->attr[i].name, name))
			v = p->attr[i].value;
	return v;
}

/* ---- conditions, of an input ---- */

static bool is_field(const struct ast_expr *e, struct str field)
{
	return e->kind == EXPR_SELECTOR && str_eq(e->text, field);
}

static bool is_text(const struct ast_value *v)
{
	return v && (v->kind == AST_STRING || v->kind == AST_BAREWORD);
}

static enum truth has_tag(const struct ast_plugin *in, struct str tag)
{
	const struct ast_value *v = attr(in, STR("tags"));

	if (is_text(v))
		return str_eq(v->text, tag) ? YES : NO;
	for (size_t i = 0; v && v->kind == AST_ARRAY && i < v->n; i++)
		if (is_text(v->item[i]) && str_eq(v->item[i]->text, tag))
			return YES;
	return NO;
}

static enum truth type_is(const struct ast_plugin *in, const struct ast_expr *e)
{
	const struct ast_value *v = attr(in, STR("type"));

	return e->kind != EXPR_STRING ? UNKNOWN : is_text(v) && str_eq(v->text, e->text) ? YES : NO;
}

static enum truth contains(const struct ast_plugin *in, const struct ast_expr *e)
{
	enum truth any = NO;

	if (e->a->kind == EXPR_STRING && is_field(e->b, STR("[tags]")))
		return has_tag(in, e->a->text);
	if (!is_field(e->a, STR("[type]")) || e->b->kind != EXPR_ARRAY)
		return UNKNOWN;
	for (size_t i = 0; i < e->b->n && any != YES; i++) {
		enum truth one = type_is(in, e->b->item[i]);

		any = one == NO ? any : one;
	}
	return any;
}

static enum truth opposite(enum truth t)
{
	return t == UNKNOWN ? UNKNOWN : t == YES ? NO : YES;
}

static enum truth holds(const struct ast_plugin *in, const struct ast_expr *e)
{
	enum truth l, r;

	switch (e->kind) {
	case EXPR_EQ:
	case EXPR_NE:
		l = is_field(e->a, STR("[type]")) ? type_is(in, e->b) : is_field(e->b, STR("[type]")) ? type_is(in, e->a) : UNKNOWN;
		return e->kind == EXPR_EQ ? l : opposite(l);
	case EXPR_IN:
		return contains(in, e);
	case EXPR_NOT_IN:
		return opposite(contains(in, e));
	case EXPR_NOT:
		return opposite(holds(in, e->a));
	case EXPR_TRUTH:
		return is_field(e->a, STR("[type]")) ? is_text(attr(in, STR("type"))) ? YES : NO : UNKNOWN;
	case EXPR_AND:
	case EXPR_OR:
		l = holds(in, e->a);
		r = holds(in, e->b);
		if (e->kind == EXPR_AND)
			return l == NO || r == NO ? NO : l == YES && r == YES ? YES : UNKNOWN;
		return l == YES || r == YES ? YES : l == NO && r == NO ? NO : UNKNOWN;
	default:
		return UNKNOWN;
	}
}

static enum truth meant(const struct ast_plugin *in, const struct around *c)
{
	enum truth all = YES;

	for (; c && all != NO; c = c->outer) {
		enum truth one = c->wanted ? holds(in, c->cond) : opposite(holds(in, c->cond));

		all = one == YES ? all : one;
	}
	return all;
}

/* ---- the codec ---- */

static struct ast_attr make_attr(struct str name, struct pos pos, struct ast_value *value)
{
	return (struct ast_attr){.name = name, .pos = pos, .value = value};
}

/* What the filter says, as options of the codec. */
static struct ast_value *as_codec(struct arena *a, const struct ast_plugin *filter, const struct ast_value *charset)
{
	static const struct {
		struct str filter, codec;
	} names[] = {{STR_INIT("pattern"), STR_INIT("pattern")}, {STR_INIT("what"), STR_INIT("what")}, {STR_INIT("negate"), STR_INIT("negate")},
		     {STR_INIT("patterns_dir"), STR_INIT("patterns_dir")}, {STR_INIT("max_age"), STR_INIT("auto_flush_interval")}};
	struct ast_plugin *p = arena_zalloc(a, sizeof(*p));
	struct ast_value *v = arena_zalloc(a, sizeof(*v)), *age = arena_zalloc(a, sizeof(*age));

	p->name = STR("multiline");
	p->pos = filter->pos;
	p->attr = arena_zalloc(a, (filter->n + 2) * sizeof(*p->attr));
	for (size_t i = 0; i < filter->n; i++)
		for (size_t k = 0; k < sizeof(names) / sizeof(*names); k++)
			if (str_eq(filter->attr[i].name, names[k].filter))
				p->attr[p->n++] = make_attr(names[k].codec, filter->attr[i].pos, filter->attr[i].value);
	if (!attr(filter, STR("max_age"))) {
		*age = (struct ast_value){.kind = AST_NUMBER, .pos = filter->pos, .text = STR("5")};
		p->attr[p->n++] = make_attr(STR("auto_flush_interval"), filter->pos, age);
	}
	if (charset)
		p->attr[p->n++] = make_attr(STR("charset"), charset->pos, (struct ast_value *)charset);
	*v = (struct ast_value){.kind = AST_PLUGIN, .pos = filter->pos, .plugin = p};
	return v;
}

static void give_codec(struct rewrite *w, struct ast_plugin *in, const struct ast_plugin *filter)
{
	const struct ast_value *had = attr(in, STR("codec")), *charset = NULL;
	struct str name = !had ? STR("plain") : had->kind == AST_PLUGIN ? had->plugin->name : had->text;
	struct ast_attr *all = arena_alloc(w->a, (in->n + 1) * sizeof(*all));
	size_t n = 0;

	if (!str_eq(name, STR("plain")) && !str_eq(name, STR("line"))) {
		diag_warn(w->diag, in->pos, "the filter 'multiline' in line %u does nothing to this input: it has the codec '%.*s'", filter->pos.line,
			  STR_ARG(name));
		return;
	}
	if (had && had->kind == AST_PLUGIN)
		charset = attr(had->plugin, STR("charset"));
	for (size_t i = 0; i < in->n; i++)
		if (!str_eq(in->attr[i].name, STR("codec")))
			all[n++] = in->attr[i];
	all[n++] = make_attr(STR("codec"), filter->pos, as_codec(w->a, filter, charset));
	in->attr = all;
	in->n = n;
	w->taken++;
}

static void apply(struct rewrite *w, const struct ast_plugin *filter, const struct around *c)
{
	const struct ast_expr *own = former_condition(w->a, NULL, filter);
	struct around inner = {own, true, c};

	w->taken = w->unknown = 0;
	for (size_t i = 0; i < w->inputs.n; i++) {
		struct ast_plugin *in = w->inputs.stmt[i].plugin;
		enum truth t = meant(in, own ? &inner : c);

		if (t == YES)
			give_codec(w, in, filter);
		w->unknown += t == UNKNOWN;
	}
	if (w->unknown)
		diag_error(w->diag, filter->pos,
			   "the filter 'multiline' is no longer there, and which inputs it is for depends on events: give those the codec multiline");
	else
		diag_warn(w->diag, filter->pos, "the filter 'multiline' is no longer there: read as the codec multiline of %u input%s", w->taken,
			  w->taken == 1 ? "" : "s");
}

/* ---- the tree ---- */

static bool occurs(const struct ast_block *b)
{
	bool any = false;

	for (size_t i = 0; i < b->n && !any; i++) {
		any = b->stmt[i].kind == STMT_PLUGIN && is_multiline(b->stmt[i].plugin);
		for (size_t k = 0; b->stmt[i].kind == STMT_IF && k < b->stmt[i].n; k++)
			any |= occurs(b->stmt[i].branch[k].body);
	}
	return any;
}

static struct ast_block without(struct rewrite *w, const struct ast_block *b, const struct around *c);

static struct ast_stmt if_without(struct rewrite *w, const struct ast_stmt *s, const struct around *c)
{
	struct around *not = arena_alloc(w->a, (s->n + 1) * sizeof(*not)), one;
	struct ast_stmt out = *s;

	out.branch = arena_alloc(w->a, s->n * sizeof(*out.branch) + 1);
	for (size_t i = 0; i < s->n; i++) {
		struct ast_block *body = arena_alloc(w->a, sizeof(*body));

		out.branch[i] = s->branch[i];
		one = (struct around){s->branch[i].cond, true, c};
		*body = without(w, s->branch[i].body, s->branch[i].cond ? &one : c);
		out.branch[i].body = body;
		not[i] = (struct around){s->branch[i].cond, false, c};
		c = &not[i];
	}
	return out;
}

static struct ast_block without(struct rewrite *w, const struct ast_block *b, const struct around *c)
{
	struct ast_block out = {.stmt = arena_alloc(w->a, b->n * sizeof(*out.stmt) + 1)};

	for (size_t i = 0; i < b->n; i++) {
		if (b->stmt[i].kind == STMT_IF)
			out.stmt[out.n++] = if_without(w, &b->stmt[i], c);
		else if (is_multiline(b->stmt[i].plugin))
			apply(w, b->stmt[i].plugin, c);
		else
			out.stmt[out.n++] = b->stmt[i];
	}
	return out;
}

static size_t count_inputs(const struct ast_block *b)
{
	size_t n = 0;

	for (size_t i = 0; i < b->n; i++) {
		n += b->stmt[i].kind == STMT_PLUGIN;
		for (size_t k = 0; b->stmt[i].kind == STMT_IF && k < b->stmt[i].n; k++)
			n += count_inputs(b->stmt[i].branch[k].body);
	}
	return n;
}

static void copy_inputs(struct rewrite *w, const struct ast_block *b)
{
	for (size_t i = 0; i < b->n; i++) {
		if (b->stmt[i].kind == STMT_PLUGIN) {
			struct ast_plugin *p = arena_alloc(w->a, sizeof(*p));

			*p = *b->stmt[i].plugin;
			w->inputs.stmt[w->inputs.n] = b->stmt[i];
			w->inputs.stmt[w->inputs.n++].plugin = p;
		}
		for (size_t k = 0; b->stmt[i].kind == STMT_IF && k < b->stmt[i].n; k++)
			copy_inputs(w, b->stmt[i].branch[k].body);
	}
}

const struct ast_config *former_multiline(struct arena *a, const struct ast_config *ast, struct diag *d)
{
	struct rewrite w = {.a = a, .diag = d};
	struct ast_config *out;

	if (!occurs(&ast->section[SECTION_FILTER]))
		return ast;
	out = arena_alloc(a, sizeof(*out));
	*out = *ast;
	w.inputs.stmt = arena_alloc(a, (count_inputs(&ast->section[SECTION_INPUT]) + 1) * sizeof(*w.inputs.stmt));
	copy_inputs(&w, &ast->section[SECTION_INPUT]);
	out->section[SECTION_FILTER] = without(&w, &ast->section[SECTION_FILTER], NULL);
	out->section[SECTION_INPUT] = w.inputs;
	return out;
}
