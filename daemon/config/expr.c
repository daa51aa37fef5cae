/*
 * expr.c - conditions: `[a] == 1 and !("x" in [tags])`.
 *
 * Logstash's own reading, with its corners:
 *  - ["x"] with one element is the field named "x", quotes and all: a selector is tried before an array;
 *  - xor and nand stand between exactly two operands;
 *  - `and` binds tighter than `or`, but of several `and` in front of an `or` only the last does: see join();
 *  - [a] == ["x", "y"] compares with "x";
 *  - there are no functions, yet f([a]) is accepted and means [a].
 */
#include "config/lex.h"

#include "event/ref.h"

static struct ast_expr *condition(struct lexer *l);

static struct ast_expr *expr_new(struct lexer *l, enum ast_expr_kind kind, size_t at, struct ast_expr *a,
				 struct ast_expr *b)
{
	struct ast_expr *e = arena_zalloc(l->a, sizeof(*e));

	e->kind = kind;
	e->pos = lex_pos(l, at);
	e->a = a;
	e->b = b;
	return e;
}

/* ---- values ---- */

/* An rvalue as written; of calls only the selectors inside are kept. */
struct operand {
	struct ast_expr *e; /* NULL for a call without any */
	size_t at;
	bool call;
	size_t selectors; /* in a call */
};

/* ("[" [^\[\],]+ "]")+ */
static bool selector_text(struct lexer *l, struct str *out)
{
	size_t start = l->at, end = start, i;

	while (end < l->text.len && l->text.p[end] == '[') {
		for (i = end + 1; i < l->text.len && !strchr("[],", l->text.p[i]);)
			i++;
		if (i == end + 1 || i >= l->text.len || l->text.p[i] != ']') {
			size_t open = l->open;

			l->open = end;
			lex_expect(l, i, i == end + 1 ? "a field name" : "']'");
			l->open = open;
			break;
		}
		end = i + 1;
	}
	if (end == start)
		return false;
	*out = str_sub(l->text, start, end - start);
	l->at = end;
	return true;
}

static struct ast_expr *selector(struct lexer *l)
{
	size_t start = l->at;
	struct ast_expr *e;
	struct str text;
	struct err err;

	if (!selector_text(l, &text))
		return NULL;
	e = expr_new(l, EXPR_SELECTOR, start, NULL, NULL);
	e->text = text;
	if (!ref_compile(l->a, text, &err))
		diag_error(l->diag, e->pos, "%s", err.text);
	return e;
}

static struct ast_expr *string_or_number(struct lexer *l)
{
	struct ast_expr *e;
	size_t start = l->at;
	struct str text;

	if (lex_string(l, &text)) {
		e = expr_new(l, EXPR_STRING, start, NULL, NULL);
		e->text = text_expand(l, text_unescape(l, text), start, 1);
		return e;
	}
	if (lex_number(l, &text)) {
		int64_t i;

		e = expr_new(l, EXPR_NUMBER, start, NULL, NULL);
		e->text = text_number(l, text, start);
		if (str_chr(e->text, '.') < 0 && !str_i64(e->text, &i))
			diag_error(l->diag, e->pos, "'%.*s' is too large for a number in a condition", STR_ARG(text));
		return e;
	}
	return NULL;
}

/* Values of an array, which are those of options, as constants. */
static struct ast_expr *constant(struct lexer *l, const struct ast_value *v)
{
	struct ast_expr *e = arena_zalloc(l->a, sizeof(*e));

	e->pos = v->pos;
	e->text = v->text;
	switch (v->kind) {
	case AST_STRING:
	case AST_BAREWORD:
		e->kind = EXPR_STRING;
		return e;
	case AST_NUMBER:
		e->kind = EXPR_NUMBER;
		return e;
	case AST_ARRAY:
		e->kind = EXPR_ARRAY;
		e->n = v->n;
		e->item = arena_alloc(l->a, (v->n + 1) * sizeof(struct ast_expr *));
		for (size_t i = 0; i < v->n; i++)
			e->item[i] = constant(l, v->item[i]);
		return e;
	case AST_HASH:
	case AST_PLUGIN:
		break;
	}
	diag_error(l->diag, v->pos, "a condition's list holds strings, numbers and lists, not a %s",
		   v->kind == AST_HASH ? "hash" : "plug-in");
	e->kind = EXPR_STRING;
	return e;
}

static struct ast_expr *array(struct lexer *l)
{
	struct ast_value *v;

	if (lex_peek(l) != '[')
		return NULL;
	v = parse_value(l);
	/* `[a[b]]` is no list of a word without quotes. */
	if (!v && l->far < l->text.len && l->text.p[l->far] == '[')
		l->hint[0] = '\0';
	return v ? constant(l, v) : NULL;
}

static bool operand(struct lexer *l, struct operand *o);

/* bareword "(" (rvalue ("," rvalue)*)? ")" */
static bool call(struct lexer *l, struct operand *o)
{
	size_t open = l->open;
	struct operand arg;
	struct str name;
	bool ok = false;

	if (!lex_bareword(l, &name))
		return false;
	lex_space(l);
	if (lex_peek(l) != '(') {
		lex_expect(l, l->at, EXPECT_HIDDEN "'('");
		return false;
	}
	if (!lex_enter(l))
		return false;
	l->open = l->at++;
	lex_space(l);
	if (operand(l, &arg)) {
		do {
			if (arg.call || (arg.e && arg.e->kind == EXPR_SELECTOR)) {
				o->selectors += arg.call ? arg.selectors : 1;
				if (arg.e)
					o->e = arg.e;
			}
			lex_space(l);
			if (lex_peek(l) != ',')
				break;
			l->at++;
			lex_space(l);
			if (!operand(l, &arg))
				goto out;
			lex_space(l);
		} while (true);
	}
	lex_space(l);
	ok = lex_lit(l, ")", "')'");
out:
	l->open = open;
	lex_leave(l);
	o->call = true;
	return ok;
}

/* A word where a field or value should be. */
static void word_hint(struct lexer *l, struct str word)
{
	if (word.len > 60)
		word.len = 60;
	if (str_eqz(word, "not"))
		lex_hint(l, l->at, "there is no 'not' but in 'not in': write '!( ... )'");
	else if (str_eqz(word, "true") || str_eqz(word, "false"))
		lex_hint(l, l->at, "there is no %.*s here: compare with \"%.*s\" in quotes, or test the field alone", STR_ARG(word),
			 STR_ARG(word));
	else
		lex_hint(l, l->at, "'%.*s' is no value: a field is written [%.*s], a string \"%.*s\"", STR_ARG(word), STR_ARG(word),
			 STR_ARG(word));
}

/* string / number / selector / array / call / regexp; nothing is consumed where none matches. */
static bool operand(struct lexer *l, struct operand *o)
{
	size_t start = l->at;
	struct str text;

	*o = (struct operand){.at = start};
	lex_expect(l, start, "a field, string or number");
	o->e = string_or_number(l);
	if (!o->e)
		o->e = selector(l);
	if (!o->e)
		o->e = array(l);
	if (!o->e && lex_regex(l, &text)) {
		o->e = expr_new(l, EXPR_REGEX, start, NULL, NULL);
		o->e->text = text;
	}
	if (o->e)
		return true;
	l->at = start;
	if (call(l, o))
		return true;
	l->at = start;
	if (ch_alpha(lex_peek(l)))
		word_hint(l, lex_word(l, start));
	return false;
}

/* ---- expressions ---- */

/* Reports a call where a value is needed. */
static struct ast_expr *no_call(struct lexer *l, struct operand *o)
{
	if (!o->call)
		return o->e;
	diag_error(l->diag, lex_pos(l, o->at), "there are no functions in conditions");
	return expr_new(l, EXPR_STRING, o->at, NULL, NULL);
}

static struct ast_expr *truth(struct lexer *l, struct operand *o)
{
	if (o->call && o->selectors == 1)
		diag_warn(l->diag, lex_pos(l, o->at), "there are no functions in conditions: this tests %.*s alone, as in Logstash",
			  STR_ARG(o->e->text));
	else if (o->call)
		o->e = no_call(l, o);
	return expr_new(l, EXPR_TRUTH, o->at, o->e, NULL);
}

static struct ast_expr *membership(struct lexer *l, enum ast_expr_kind kind, size_t op, struct operand *left)
{
	struct operand right;

	lex_space(l);
	if (!operand(l, &right))
		return NULL;
	if (!right.call && right.e->kind == EXPR_SELECTOR && right.e->text.len > 2 &&
	    (right.e->text.p[1] == '"' || right.e->text.p[1] == '\''))
		diag_warn(l->diag, right.e->pos,
			  "with one element this is the field named %.*s, as in Logstash: no list; write '==' or a second element",
			  (int)right.e->text.len - 2, right.e->text.p + 1);
	return expr_new(l, kind, op, no_call(l, left), no_call(l, &right));
}

/* The first string or number in a list, which is what == takes of it. */
static struct ast_expr *first_leaf(struct ast_expr *e)
{
	while (e && e->kind == EXPR_ARRAY) {
		struct ast_expr *leaf = NULL;

		for (size_t i = 0; i < e->n && !leaf; i++)
			leaf = e->item[i]->kind == EXPR_ARRAY && e->item[i]->n == 0 ? NULL : e->item[i];
		e = leaf;
	}
	return e;
}

static struct ast_expr *comparison(struct lexer *l, enum ast_expr_kind kind, size_t op, struct operand *left)
{
	struct ast_expr *a, *b;
	struct operand right;

	lex_space(l);
	if (!operand(l, &right))
		return NULL;
	a = no_call(l, left);
	b = no_call(l, &right);
	if (b->kind == EXPR_ARRAY) {
		struct ast_expr *leaf = first_leaf(b);

		if (leaf)
			diag_warn(l->diag, b->pos, "this compares with the first element only, as in Logstash: 'in' looks at all");
		else
			diag_error(l->diag, b->pos, "an empty list cannot be compared with");
		b = leaf ? leaf : b;
	}
	if (a->kind == EXPR_ARRAY || a->kind == EXPR_REGEX)
		diag_error(l->diag, a->pos, "only a field, string or number can be compared");
	if (b->kind == EXPR_REGEX)
		diag_error(l->diag, b->pos, "a regular expression is matched by =~ or !~");
	return expr_new(l, kind, op, a, b);
}

static struct ast_expr *match(struct lexer *l, enum ast_expr_kind kind, size_t op, struct operand *left)
{
	struct ast_expr *a, *b;
	size_t start;
	struct str text;

	lex_space(l);
	start = l->at;
	lex_expect(l, start, "a /regular expression/ or string");
	/* Neither form is searched for ${NAME}. */
	if (lex_string(l, &text)) {
		b = expr_new(l, EXPR_STRING, start, NULL, NULL);
		b->text = text_unescape(l, text);
	} else if (lex_regex(l, &text)) {
		b = expr_new(l, EXPR_REGEX, start, NULL, NULL);
		b->text = text;
	} else {
		return NULL;
	}
	a = no_call(l, left);
	if (a->kind != EXPR_SELECTOR && a->kind != EXPR_STRING)
		diag_error(l->diag, a->pos, "only a field or string can be matched by a regular expression");
	return expr_new(l, kind, op, a, b);
}

/* Behind an operand and blanks: an operator and its right side. *any: there was an operator. */
static struct ast_expr *operation(struct lexer *l, struct operand *left, bool *any)
{
	static const struct {
		const char *text;
		enum ast_expr_kind kind;
	} ops[] = {
		{"==", EXPR_EQ}, {"!=", EXPR_NE}, {"<=", EXPR_LE},    {">=", EXPR_GE},
		{"<", EXPR_LT},	 {">", EXPR_GT},  {"=~", EXPR_MATCH}, {"!~", EXPR_NOT_MATCH},
	};
	size_t op = l->at;
	struct str rest = str_from(l->text, op);

	*any = true;
	if (str_starts(rest, STR("in"))) {
		l->at += 2;
		return membership(l, EXPR_IN, op, left);
	}
	if (str_starts(rest, STR("not "))) {
		l->at += 4;
		lex_space(l);
		return lex_lit(l, "in", "'in'") ? membership(l, EXPR_NOT_IN, op, left) : NULL;
	}
	for (size_t i = 0; i < sizeof(ops) / sizeof(*ops); i++) {
		if (!str_starts(rest, str_z(ops[i].text)))
			continue;
		l->at += strlen(ops[i].text);
		if (ops[i].kind == EXPR_MATCH || ops[i].kind == EXPR_NOT_MATCH)
			return match(l, ops[i].kind, op, left);
		return comparison(l, ops[i].kind, op, left);
	}
	lex_expect(l, op, "an operator");
	*any = false;
	return NULL;
}

/* "(" condition ")", the cursor on the bracket. */
static struct ast_expr *bracketed(struct lexer *l)
{
	size_t open = l->open;
	struct ast_expr *e;

	l->open = l->at++;
	lex_space(l);
	e = condition(l);
	if (e) {
		lex_space(l);
		if (!lex_lit(l, ")", "')'"))
			e = NULL;
	}
	l->open = open;
	return e;
}

static struct ast_expr *expression(struct lexer *l)
{
	size_t start = l->at;
	struct operand left;
	struct ast_expr *e;
	bool any;

	if (lex_peek(l) == '(')
		return bracketed(l);
	if (lex_peek(l) == '!') {
		l->at++;
		lex_space(l);
		if (lex_peek(l) == '(') {
			e = bracketed(l);
		} else {
			lex_expect(l, l->at, "'('");
			lex_expect(l, l->at, "a field");
			e = selector(l);
			if (e)
				e = expr_new(l, EXPR_TRUTH, start, e, NULL);
		}
		return e ? expr_new(l, EXPR_NOT, start, e, NULL) : NULL;
	}
	if (!operand(l, &left))
		return NULL;
	start = l->at;
	lex_space(l);
	e = operation(l, &left, &any);
	if (any)
		return e;
	l->at = start;
	return truth(l, &left);
}

/* ---- and, or, xor, nand ---- */

struct term {
	struct ast_expr *e;	/* an operand, or NULL: */
	enum ast_expr_kind op;	/* an operator */
	size_t at;
};

struct link {
	struct ast_expr *e;
	struct link *next;
};

/* Operands of one operator while they are gathered, so that `or` a thousand times over makes no deep tree. */
struct chain {
	enum ast_expr_kind op;
	size_t at, n;
	unsigned height;
	struct link *head, *tail;
};

static struct ast_expr *balanced(struct lexer *l, const struct chain *c, struct link **next, size_t n)
{
	struct ast_expr *a, *b;

	if (n == 1) {
		a = (*next)->e;
		*next = (*next)->next;
		return a;
	}
	a = balanced(l, c, next, n / 2);
	b = balanced(l, c, next, n - n / 2);
	return expr_new(l, c->op, c->at, a, b);
}

static struct ast_expr *chain_expr(struct lexer *l, const struct chain *c)
{
	struct link *next = c->head;

	return balanced(l, c, &next, c->n);
}

static struct chain single(struct lexer *l, struct ast_expr *e, unsigned height)
{
	struct link *link = arena_zalloc(l->a, sizeof(*link));

	link->e = e;
	return (struct chain){.op = EXPR_TRUTH, .n = 1, .height = height, .head = link, .tail = link};
}

/* `a op b`: chains of the same operator become one, in order. */
static struct chain combine(struct lexer *l, const struct term *op, struct chain a, struct chain b)
{
	if (a.n > 1 && a.op != op->op)
		a = single(l, chain_expr(l, &a), a.height + 1);
	if (b.n > 1 && b.op != op->op)
		b = single(l, chain_expr(l, &b), b.height + 1);
	a.tail->next = b.head;
	a.tail = b.tail;
	a.n += b.n;
	a.op = op->op;
	a.at = op->at;
	if (b.height > a.height)
		a.height = b.height;
	if (a.height > PARSE_MAX_DEPTH && !l->stopped) {
		diag_error(l->diag, lex_pos(l, op->at), "'and' and 'or' change places more than %d times", PARSE_MAX_DEPTH);
		l->stopped = true;
	}
	return a;
}

/*
 * Shunting yard, as Logstash has it: an operator that binds less tightly than the one before takes only that one
 * off the stack, and what is left at the end is applied from the right. So `a and b or c` is (a and b)
 * or c, but `a and b and c or d` is a and ((b and c) or d). out gets the operands and operators in postfix order.
 */
static size_t postfix(struct lexer *l, const struct term *term, size_t n, struct term *out)
{
	struct term *ops = arena_alloc(l->a, (n + 1) * sizeof(*ops));
	size_t nops = 0, nout = 0;
	bool odd = false;

	for (size_t i = 0; i < n; i++) {
		if (term[i].e) {
			out[nout++] = term[i];
			continue;
		}
		if (nops && ops[nops - 1].op == EXPR_AND && term[i].op == EXPR_OR) {
			out[nout++] = ops[--nops];
			if (nops && ops[nops - 1].op == EXPR_AND && !odd) {
				diag_warn(l->diag, lex_pos(l, term[i].at),
					  "this 'or' belongs to the last 'and' before it alone, as in Logstash: set parentheses");
				odd = true;
			}
		}
		ops[nops++] = term[i];
	}
	while (nops)
		out[nout++] = ops[--nops];
	return nout;
}

static struct ast_expr *join(struct lexer *l, const struct term *term, size_t n)
{
	struct term *out = arena_alloc(l->a, n * sizeof(*out));
	struct chain *stack = arena_alloc(l->a, n * sizeof(*stack));
	size_t depth = 0;

	n = postfix(l, term, n, out);
	for (size_t i = 0; i < n && !l->stopped; i++) {
		if (out[i].e) {
			stack[depth++] = single(l, out[i].e, 0);
			continue;
		}
		depth--;
		stack[depth - 1] = combine(l, &out[i], stack[depth - 1], stack[depth]);
	}
	return l->stopped ? NULL : chain_expr(l, &stack[0]);
}

static bool boolean_operator(struct lexer *l, enum ast_expr_kind *op)
{
	static const struct {
		const char *text;
		enum ast_expr_kind kind;
	} ops[] = {{"and", EXPR_AND}, {"or", EXPR_OR}, {"xor", EXPR_XOR}, {"nand", EXPR_NAND}};

	for (size_t i = 0; i < sizeof(ops) / sizeof(*ops); i++) {
		struct str text = str_z(ops[i].text);

		if (str_starts(str_from(l->text, l->at), text)) {
			l->at += text.len;
			*op = ops[i].kind;
			return true;
		}
	}
	lex_expect(l, l->at, "'and', 'or'");
	return false;
}

static struct ast_expr *condition(struct lexer *l)
{
	struct term *term = NULL;
	size_t n = 0, before;
	struct ast_expr *e = NULL;

	if (!lex_enter(l))
		return NULL;
	do {
		e = expression(l);
		if (!e)
			goto out;
		term = vec_room(l->a, term, n, sizeof(*term));
		term[n++] = (struct term){.e = e};
		before = l->at;
		lex_space(l);
		term = vec_room(l->a, term, n, sizeof(*term));
		term[n] = (struct term){.at = l->at};
		if (!boolean_operator(l, &term[n].op))
			break;
		n++;
		lex_space(l);
	} while (true);
	l->at = before;
	for (size_t i = 1; n > 3 && i < n; i += 2)
		if (term[i].op == EXPR_XOR || term[i].op == EXPR_NAND)
			diag_error(l->diag, lex_pos(l, term[i].at), "'%s' stands between two operands alone: set parentheses",
				   term[i].op == EXPR_XOR ? "xor" : "nand");
	e = join(l, term, n);
out:
	lex_leave(l);
	return e;
}

struct ast_expr *parse_condition(struct lexer *l)
{
	return condition(l);
}
