#include "pipeline/cond.h"
#include "base/number.h"
#include "base/utf8.h"
#include "pipeline/plugin.h"

/*
 * An operand is a constant, a field, or a list of operands; an operator is a node with a and b. Depth is bounded by
 * the parser, so evaluation may recurse.
 */
enum operand_kind { OPERAND_CONST, OPERAND_FIELD, OPERAND_LIST };

struct operand {
	enum operand_kind kind;
	struct value constant; /* OPERAND_LIST: a V_LIST of constants where all are */
	const struct ref *ref;
	struct operand *item;
	size_t n;
};

struct cond {
	enum ast_expr_kind op;
	struct cond *a, *b;
	struct operand left, right;
	struct regex *regex;
	struct regex_match *match;
	struct cond *next; /* all nodes with a regex, for release */
};

struct compiler {
	struct arena *arena;
	struct diag *diag;
	struct cond *with_regex;
	bool failed;
};

static struct value number_value(struct arena *a, struct str text)
{
	int64_t i;
	double f;

	if (str_i64(text, &i))
		return v_int(i);
	if (str_chr(text, '.') < 0 && str_chr(text, 'e') < 0) {
		struct value v = v_str(arena_dup(a, text));

		v.type = V_BIGINT;
		return v;
	}
	return number_parse_double(text, &f) ? v_float(f) : v_int(0);
}

static void compile_operand(struct compiler *c, const struct ast_expr *e, struct operand *out)
{
	struct err err;

	*out = (struct operand){.kind = OPERAND_CONST};
	switch (e->kind) {
	case EXPR_SELECTOR:
		out->kind = OPERAND_FIELD;
		out->ref = ref_compile(c->arena, e->text, &err);
		if (!out->ref) {
			diag_error(c->diag, e->pos, "%s", err.text);
			c->failed = true;
		}
		break;
	case EXPR_NUMBER:
		out->constant = number_value(c->arena, e->text);
		break;
	case EXPR_ARRAY:
		out->kind = OPERAND_LIST;
		out->n = e->n;
		out->item = arena_zalloc(c->arena, (e->n + 1) * sizeof(*out->item));
		for (size_t i = 0; i < e->n; i++)
			compile_operand(c, e->item[i], &out->item[i]);
		break;
	default: /* strings and regex texts */
		out->constant = v_str(arena_dup(c->arena, e->text));
		break;
	}
}

static void compile_regex(struct compiler *c, struct cond *n, const struct ast_expr *e)
{
	struct err err;

	n->regex = regex_compile(e->text, 0, &err);
	if (!n->regex) {
		diag_error(c->diag, e->pos, "%s", err.text);
		c->failed = true;
		return;
	}
	regex_note(c->diag, e->pos, e->text, n->regex);
	n->match = regex_match_new();
	n->next = c->with_regex;
	c->with_regex = n;
}

static struct cond *compile(struct compiler *c, const struct ast_expr *e)
{
	struct cond *n = arena_zalloc(c->arena, sizeof(*n));

	n->op = e->kind;
	switch (e->kind) {
	case EXPR_OR:
	case EXPR_AND:
	case EXPR_XOR:
	case EXPR_NAND:
		n->a = compile(c, e->a);
		n->b = compile(c, e->b);
		break;
	case EXPR_NOT:
		n->a = compile(c, e->a);
		break;
	case EXPR_TRUTH:
		compile_operand(c, e->a, &n->left);
		break;
	case EXPR_MATCH:
	case EXPR_NOT_MATCH:
		compile_operand(c, e->a, &n->left);
		compile_regex(c, n, e->b);
		break;
	default:
		compile_operand(c, e->a, &n->left);
		compile_operand(c, e->b, &n->right);
		break;
	}
	return n;
}

struct cond *cond_compile(struct arena *a, const struct ast_expr *e, struct diag *d)
{
	struct compiler c = {.arena = a, .diag = d};
	struct cond *top = arena_zalloc(a, sizeof(*top));

	/* A node of its own on top holds the list of what must be released. */
	top->op = EXPR_OR;
	top->a = compile(&c, e);
	top->next = c.with_regex;
	if (c.failed) {
		cond_release(top);
		return NULL;
	}
	return top;
}

void cond_release(struct cond *top)
{
	if (!top)
		return;
	for (struct cond *n = top->next; n; n = n->next) {
		regex_free(n->regex);
		regex_match_free(n->match);
		n->regex = NULL;
		n->match = NULL;
	}
	top->next = NULL;
}

static const struct value *operand_value(const struct operand *o, const struct event *ev)
{
	if (o->kind == OPERAND_CONST)
		return &o->constant;
	if (o->kind == OPERAND_FIELD)
		return event_get(ev, o->ref);
	return NULL;
}

/* nil, false, "" and "false" are false; a list of constants is true. */
static bool truthy(const struct value *v)
{
	if (!v || v->type == V_NULL)
		return false;
	if (v->type == V_BOOL)
		return v->b;
	if (v->type == V_STRING)
		return v->len && !str_eq(value_str(v), STR("false"));
	return true;
}

static bool is_number(const struct value *v)
{
	return v->type == V_INT || v->type == V_FLOAT || v->type == V_BIGINT;
}

static double as_double(const struct value *v)
{
	double f = 0;

	if (v->type == V_INT)
		return (double)v->i;
	if (v->type == V_FLOAT)
		return v->f;
	(void)number_parse_double(value_str(v), &f);
	return f;
}

static int bigint_cmp(struct str a, struct str b)
{
	bool na = a.len && a.p[0] == '-', nb = b.len && b.p[0] == '-';
	int d;

	if (na != nb)
		return na ? -1 : 1;
	d = a.len != b.len ? (a.len < b.len ? -1 : 1) : str_cmp(a, b);
	return na ? -d : d;
}

static int number_cmp(const struct value *a, const struct value *b)
{
	double x, y;

	if (a->type == V_INT && b->type == V_INT)
		return a->i < b->i ? -1 : a->i > b->i;
	if (a->type == V_BIGINT && b->type == V_BIGINT)
		return bigint_cmp(value_str(a), value_str(b));
	x = as_double(a);
	y = as_double(b);
	return x < y ? -1 : x > y;
}

/*
 * < > <= >=: numbers with numbers, strings with strings (by bytes). A null or boolean that is there compares as
 * equal to anything, so that >= and <= hold: measured, not wished for.
 */
static enum truth compare(enum ast_expr_kind op, const struct value *a, const struct value *b, struct err *err)
{
	int d;

	if (!a || !b || b->type == V_NULL) {
		err_set(err, "a missing field cannot be compared by order");
		return COND_ERROR;
	}
	if (a->type == V_NULL || a->type == V_BOOL)
		return op == EXPR_LE || op == EXPR_GE;
	if (b->type == V_BOOL)
		return COND_FALSE;
	if (is_number(a) && is_number(b)) {
		d = number_cmp(a, b);
	} else if (a->type == V_STRING && b->type == V_STRING) {
		d = str_cmp(value_str(a), value_str(b));
	} else if (a->type == V_TIME && b->type == V_TIME) {
		d = ts_cmp(value_ts(a), value_ts(b));
	} else {
		err_set(err, "values of different types cannot be compared by order");
		return COND_ERROR;
	}
	switch (op) {
	case EXPR_LT:
		return d < 0;
	case EXPR_GT:
		return d > 0;
	case EXPR_LE:
		return d <= 0;
	default:
		return d >= 0;
	}
}

static bool equal(const struct value *a, const struct value *b)
{
	bool no_a = !a || a->type == V_NULL, no_b = !b || b->type == V_NULL;

	if (no_a || no_b)
		return no_a && no_b;
	return value_equal(a, b);
}

static bool operands_equal(const struct cond *c, const struct event *ev)
{
	const struct operand *l = &c->left, *r = &c->right;
	const struct value *v;

	if (l->kind != OPERAND_LIST && r->kind != OPERAND_LIST)
		return equal(operand_value(l, ev), operand_value(r, ev));
	if (l->kind == OPERAND_LIST) {
		const struct operand *t = l;

		l = r;
		r = t;
	}
	if (l->kind == OPERAND_LIST)
		return false;
	v = operand_value(l, ev);
	if (!value_is(v, V_LIST) || v->list->n != r->n)
		return false;
	for (size_t i = 0; i < r->n; i++)
		if (!equal(&v->list->v[i], operand_value(&r->item[i], ev)))
			return false;
	return true;
}

/* In a list of constants, what prints alike is alike: 1 and "1", but not 1.0. */
static bool same_text(const struct value *a, const struct value *b, struct arena *arena)
{
	if (!a || !b || a->type == V_NULL || a->type == V_LIST || a->type == V_MAP)
		return false;
	return str_eq(value_text(arena, a), value_text(arena, b));
}

/* `a in b`: b a list of constants, a field with a list (membership) or a string (substring). */
static bool contains(const struct cond *c, const struct event *ev)
{
	const struct value *a, *b;

	/* Among constants `in` is equality, as in Logstash. */
	if (c->left.kind == OPERAND_CONST && c->right.kind != OPERAND_FIELD)
		return c->right.kind == OPERAND_CONST && equal(&c->left.constant, &c->right.constant);

	if (c->left.kind == OPERAND_LIST)
		return false;
	a = operand_value(&c->left, ev);
	if (c->right.kind == OPERAND_LIST) {
		for (size_t i = 0; i < c->right.n; i++)
			if (same_text(a, operand_value(&c->right.item[i], ev), ev->arena))
				return true;
		return false;
	}
	b = operand_value(&c->right, ev);
	if (!a || !b)
		return false;
	if (b->type == V_LIST) {
		for (uint32_t i = 0; i < b->list->n; i++)
			if (equal(a, &b->list->v[i]))
				return true;
		return false;
	}
	if (b->type == V_STRING && a->type == V_STRING)
		return str_find(value_str(b), value_str(a)) >= 0;
	return false;
}

static enum truth matches(const struct cond *c, const struct event *ev, struct err *err)
{
	const struct value *v = c->left.kind == OPERAND_LIST ? NULL : operand_value(&c->left, ev);

	if (!value_is(v, V_STRING))
		return COND_FALSE;
	if (!utf8_valid(value_str(v)))
		return regex_exec(c->regex, utf8_scrub(ev->arena, value_str(v)), 0, c->match) == REGEX_YES;
	switch (regex_exec(c->regex, value_str(v), 0, c->match)) {
	case REGEX_YES:
		return COND_TRUE;
	case REGEX_NO:
		return COND_FALSE;
	case REGEX_LIMIT:
		break;
	}
	err_set(err, "the match limit of a regular expression was reached");
	return COND_ERROR;
}

static enum truth negate(enum truth t)
{
	return t == COND_ERROR ? t : t == COND_TRUE ? COND_FALSE : COND_TRUE;
}

static enum truth eval(const struct cond *c, const struct event *ev, struct err *err);

static enum truth eval_both(const struct cond *c, const struct event *ev, struct err *err)
{
	enum truth a = eval(c->a, ev, err), b;

	if (a == COND_ERROR)
		return a;
	if (c->op == EXPR_OR && a == COND_TRUE)
		return COND_TRUE;
	if (c->op == EXPR_AND && a == COND_FALSE)
		return COND_FALSE;
	b = eval(c->b, ev, err);
	if (b == COND_ERROR)
		return b;
	if (c->op == EXPR_XOR)
		return a != b;
	if (c->op == EXPR_NAND)
		return !(a && b);
	return b;
}

static enum truth eval(const struct cond *c, const struct event *ev, struct err *err)
{
	switch (c->op) {
	case EXPR_OR:
	case EXPR_AND:
	case EXPR_XOR:
	case EXPR_NAND:
		return eval_both(c, ev, err);
	case EXPR_NOT:
		return negate(eval(c->a, ev, err));
	case EXPR_TRUTH:
		return c->left.kind == OPERAND_LIST || truthy(operand_value(&c->left, ev));
	case EXPR_EQ:
		return operands_equal(c, ev);
	case EXPR_NE:
		return !operands_equal(c, ev);
	case EXPR_IN:
		return contains(c, ev);
	case EXPR_NOT_IN:
		return !contains(c, ev);
	case EXPR_MATCH:
		return matches(c, ev, err);
	case EXPR_NOT_MATCH:
		return negate(matches(c, ev, err));
	default:
		if (c->left.kind == OPERAND_LIST || c->right.kind == OPERAND_LIST) {
			err_set(err, "a list cannot be compared by order");
			return COND_ERROR;
		}
		return compare(c->op, operand_value(&c->left, ev), operand_value(&c->right, ev), err);
	}
}

enum truth cond_eval(const struct cond *c, const struct event *ev, struct err *err)
{
	return eval(c->a, ev, err);
}
