/*
 * query_parse.c - the text of a query to its tree (query.h).
 *
 *	query   = and { "OR" and }
 *	and     = not { ["AND"] not }
 *	not     = [ "NOT" ] not | primary
 *	primary = "(" query ")" | FIELD ":" value | word | "quoted words"
 *	value   = "(" query of values ")" | ("<" | ">" | "<=" | ">=") word | "[" word "TO" word "]" | word | "quoted"
 *
 * Recursive, with a bounded depth. Pure: any thread.
 */
#include "query/query.h"

#include "base/number.h"
#include "base/utf8.h"
#include "config/diag.h"
#include "event/fields.h"
#include "query/when.h"

enum { FIELD_MAX = 256, FIELD_DOTS_MAX = 15 };

struct parser {
	struct arena *a;
	const struct query_context *ctx;
	const char *begin, *p, *end;
	struct query_error *e;
	unsigned depth, nodes;
	struct str field; /* within FIELD:( ... ) */
	uint32_t field_column;
	const char *close[QUERY_DEPTH_MAX]; /* open parentheses, for the message */
};

static const struct shorthand {
	const char *name;
	enum key_kind kind;
} shorthands[] = {
	{"ip", KEY_IP}, {"user", KEY_USER}, {"host", KEY_HOST}, {"chain", KEY_CHAIN}, {"name", KEY_NAME}, {"id", KEY_ID}, {"_id", KEY_ID},
};

static enum key_kind shorthand(struct str name)
{
	for (size_t i = 0; i < sizeof(shorthands) / sizeof(*shorthands); i++)
		if (str_eqz(name, shorthands[i].name))
			return shorthands[i].kind;
	return KEY_NONE;
}

static uint32_t column_of(const struct parser *s, const char *at)
{
	uint32_t n = 1;

	for (const char *p = s->begin; p < at; p++)
		n += (*p & 0xc0) != 0x80;
	return n;
}

#define fail_at(s, at, ...) ((s)->e->column = column_of(s, at), err_set(&(s)->e->err, __VA_ARGS__), (struct query *)NULL)

static struct query *new_query(struct parser *s, enum query_op op, const char *at)
{
	struct query *q;

	if (++s->nodes > QUERY_NODES_MAX)
		return fail_at(s, at, "the query has more than %d parts", QUERY_NODES_MAX);
	q = arena_zalloc(s->a, sizeof(*q));
	q->op = op;
	q->column = column_of(s, at);
	return q;
}

static bool blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void skip_blanks(struct parser *s)
{
	while (s->p < s->end && blank(*s->p))
		s->p++;
}

/* The run up to a blank or parenthesis, not taken. */
static struct str peek_token(const struct parser *s)
{
	const char *p = s->p;

	while (p < s->end && !blank(*p) && *p != '(' && *p != ')' && *p != '"')
		p++;
	return str_n(s->p, (size_t)(p - s->p));
}

static bool at_word(const struct parser *s, struct str word)
{
	return str_eq(peek_token(s), word);
}

/* Behind the opening quote. false: it is never closed. */
static bool take_quoted(struct parser *s, struct str *out)
{
	char *q = arena_bytes(s->a, (size_t)(s->end - s->p) + 1);
	size_t n = 0;

	for (s->p++; s->p < s->end; s->p++) {
		if (*s->p == '"') {
			s->p++;
			*out = str_n(q, n);
			return true;
		}
		if (*s->p == '\\' && s->p + 1 < s->end && (s->p[1] == '"' || s->p[1] == '\\'))
			s->p++;
		q[n++] = *s->p;
	}
	return false;
}

/* ---- values ---- */

static void read_literal(const struct parser *s, struct str text, struct literal *l)
{
	l->text = text;
	l->has_int = str_i64(text, &l->i);
	l->has_float = number_parse_double(text, &l->f);
	l->has_ip = ip_parse(text, &l->ip);
	l->has_time = when_iso(text, s->ctx ? s->ctx->zone : NULL, &l->time, &l->time_end);
}

static bool has_wild(struct str s)
{
	return str_chr(s, '*') >= 0 || str_chr(s, '?') >= 0;
}

/* "10.20.*": whole octets and a star are a prefix. */
static bool star_net(struct str s, struct ip_net *net)
{
	char text[IP_TEXT];
	size_t n = 0, octets = 0;

	if (!str_ends(s, STR(".*")) || s.len > 14)
		return false;
	memcpy(text, s.p, s.len - 2);
	n = s.len - 2;
	for (size_t i = 0; i < n; i++)
		octets += text[i] == '.';
	octets++;
	for (size_t i = octets; i < 4; i++) {
		memcpy(text + n, ".0", 2);
		n += 2;
	}
	if (octets > 3 || !ip_parse(str_n(text, n), &net->ip))
		return false;
	net->bits = (uint8_t)(IP_V4_BITS + octets * 8);
	return true;
}

/* One value as a match. false and the error: it says it is an address or prefix and is none. */
static bool value_match(struct parser *s, struct str text, bool quoted, enum key_kind kind, const char *at, struct match *m)
{
	bool host;

	if (!quoted && str_eq(text, STR("*"))) {
		m->op = MATCH_EXISTS;
		return true;
	}
	if (!quoted && has_wild(text)) {
		m->op = kind == KEY_IP && star_net(text, &m->net) ? MATCH_NET : MATCH_WILD;
		m->value.text = text;
		return true;
	}
	read_literal(s, text, &m->value);
	m->op = MATCH_EQUAL;
	if (!quoted && str_chr(text, '/') >= 0) {
		if (ip_net_parse(text, &m->net, &host)) {
			m->op = MATCH_NET;
		} else if (host) {
			(void)fail_at(s, at, "'%.*s' has bits behind its prefix", STR_ARG(str_sub(text, 0, 60)));
			return false;
		}
	}
	if (kind == KEY_IP && m->op == MATCH_EQUAL && !m->value.has_ip) {
		(void)fail_at(s, at, "'%.*s' is no address", STR_ARG(str_sub(text, 0, 60)));
		return false;
	}
	return true;
}

/* ---- text ---- */

static struct query *text_query(struct parser *s, struct str field, struct str text, bool quoted, const char *at)
{
	struct query *q = new_query(s, QUERY_TEXT, at);
	struct str rest = text, word;
	uint32_t n = 0;

	if (!q)
		return NULL;
	while (word_next(&rest, !quoted, &word, s->a))
		n++;
	if (n == 0)
		return fail_at(s, at, "'%.*s' holds no letter or digit to search for", STR_ARG(str_sub(text, 0, 40)));
	q->word = arena_alloc(s->a, n * sizeof(*q->word));
	q->field = field;
	for (rest = text; q->n < n && word_next(&rest, !quoted, &word, s->a); q->n++)
		q->word[q->n] = word;
	return q;
}

static bool text_field(struct str field)
{
	int f = field_find(field);

	return f >= 0 && fields[f].type == FT_TEXT;
}

static struct query *either(struct parser *s, enum query_op op, struct query *x, struct query *y, const char *at)
{
	struct query *q;

	if (!x || !y)
		return NULL;
	q = new_query(s, op, at);
	if (!q)
		return NULL;
	q->sub = arena_alloc(s->a, 2 * sizeof(*q->sub));
	q->sub[0] = x;
	q->sub[1] = y;
	q->n = 2;
	return q;
}

/* A bare address: whoever has it in a field, and whoever says it. */
static struct query *address_query(struct parser *s, struct str token, const char *at)
{
	struct query *q = new_query(s, QUERY_KEY, at);

	if (!q)
		return NULL;
	q->kind = KEY_IP;
	if (!value_match(s, token, false, KEY_IP, at, &q->match))
		return NULL;
	if (q->match.op == MATCH_NET)
		return q;
	return either(s, QUERY_OR, q, text_query(s, STR(""), token, true, at), at);
}

static bool is_address(struct str token)
{
	struct ip ip;
	struct ip_net net;
	bool host = false;

	return ip_parse(token, &ip) || (str_chr(token, '/') > 0 && (ip_net_parse(token, &net, &host) || host));
}

/* ---- field:value ---- */

/* The name in front of a ':', not taken; empty where there is none. */
static struct str field_name(struct str token)
{
	size_t n = 0;

	if (token.len == 0 || (!ch_alpha(token.p[0]) && token.p[0] != '@' && token.p[0] != '_'))
		return STR("");
	while (n < token.len && (ch_alnum(token.p[n]) || strchr("_.@-", token.p[n])))
		n++;
	if (n == token.len || token.p[n] != ':' || is_address(token))
		return STR("");
	/* A URL, or a MAC address in colons. */
	if (str_starts(str_from(token, n), STR("://")) || (n == 2 && token.len == 17 && token.p[5] == ':' && token.p[14] == ':'))
		return STR("");
	return str_sub(token, 0, n);
}

static struct query *field_query(struct parser *s, const struct match *m, const char *at)
{
	enum key_kind kind = shorthand(s->field);
	struct query *q;

	q = new_query(s, kind ? QUERY_KEY : QUERY_FIELD, at);
	if (!q)
		return NULL;
	q->field = s->field;
	q->kind = kind ? kind : key_kind_of_field(s->field);
	q->match = *m;
	q->column = s->field_column;
	return q;
}

static struct str range_word(struct parser *s, bool *quoted, const char *what)
{
	struct str w = {0};
	const char *from;

	skip_blanks(s);
	*quoted = s->p < s->end && *s->p == '"';
	from = s->p;
	if (*quoted) {
		if (!take_quoted(s, &w))
			(void)fail_at(s, from, "the quote is never closed");
		return w;
	}
	while (s->p < s->end && !blank(*s->p) && *s->p != ']' && *s->p != '}' && *s->p != ')')
		s->p++;
	w = str_n(from, (size_t)(s->p - from));
	if (w.len == 0) {
		(void)fail_at(s, from, "%s of the range is missing: [a TO b]", what);
		w.p = NULL;
	}
	return w;
}

/* [a TO b], {a TO b}; '*' is open. */
static struct query *range_query(struct parser *s)
{
	const char *at = s->p;
	struct match m = {.op = MATCH_RANGE, .low_open = *at == '{'};
	struct str low, high;
	bool low_quoted, high_quoted;

	s->p++;
	low = range_word(s, &low_quoted, "the lower end");
	if (!low.p)
		return NULL;
	skip_blanks(s);
	if (!str_starts(str_n(s->p, (size_t)(s->end - s->p)), STR("TO")))
		return fail_at(s, s->p, "'TO' is missing in the range: [a TO b]");
	s->p += 2;
	high = range_word(s, &high_quoted, "the upper end");
	if (!high.p)
		return NULL;
	skip_blanks(s);
	if (s->p == s->end || (*s->p != ']' && *s->p != '}'))
		return fail_at(s, at, "'%c' is never closed", *at);
	m.high_open = *s->p++ == '}';
	if (low_quoted || !str_eq(low, STR("*")))
		read_literal(s, low, &m.low);
	if (high_quoted || !str_eq(high, STR("*")))
		read_literal(s, high, &m.high);
	return field_query(s, &m, at);
}

static struct query *compare_query(struct parser *s)
{
	const char *at = s->p;
	struct match m = {.op = MATCH_RANGE};
	bool less = *s->p == '<', equal, quoted;
	struct str w;

	s->p++;
	equal = s->p < s->end && *s->p == '=';
	s->p += equal;
	w = range_word(s, &quoted, "the end");
	if (!w.p)
		return NULL;
	if (less) {
		m.high_open = !equal;
		read_literal(s, w, &m.high);
	} else {
		m.low_open = !equal;
		read_literal(s, w, &m.low);
	}
	return field_query(s, &m, at);
}

/* One value of s->field: behind its ':', or within its parentheses. */
static struct query *value_query(struct parser *s)
{
	const char *at = s->p;
	enum key_kind kind = shorthand(s->field);
	struct match m = {0};
	struct str text;
	bool quoted = false;

	if (!kind)
		kind = key_kind_of_field(s->field);
	if (s->p == s->end || blank(*s->p) || *s->p == ')')
		return fail_at(s, at, "a value is missing behind '%.*s:'", STR_ARG(s->field));
	if (*s->p == '[' || *s->p == '{')
		return range_query(s);
	if (*s->p == '<' || *s->p == '>')
		return compare_query(s);
	if (*s->p == '"') {
		quoted = true;
		if (!take_quoted(s, &text))
			return fail_at(s, at, "the quote is never closed");
	} else {
		while (s->p < s->end && !blank(*s->p) && *s->p != ')')
			s->p++;
		text = str_n(at, (size_t)(s->p - at));
	}
	if (text_field(s->field) && (quoted || !str_eq(text, STR("*"))))
		return text_query(s, s->field, text, quoted, at);
	return value_match(s, text, quoted, kind, at, &m) ? field_query(s, &m, at) : NULL;
}

/* ---- the grammar ---- */

static struct query *parse_or(struct parser *s);

static struct query *parse_group(struct parser *s)
{
	struct query *q;

	if (s->depth + 1 >= QUERY_DEPTH_MAX)
		return fail_at(s, s->p, "parentheses are nested deeper than %d", QUERY_DEPTH_MAX);
	s->close[++s->depth] = s->p++;
	skip_blanks(s);
	if (s->p < s->end && *s->p == ')')
		return fail_at(s, s->close[s->depth], "there is nothing between the parentheses");
	q = parse_or(s);
	if (!q)
		return NULL;
	skip_blanks(s);
	if (s->p == s->end || *s->p != ')')
		return fail_at(s, s->close[s->depth], "'(' is never closed");
	s->p++;
	s->depth--;
	return q;
}

static struct query *parse_field(struct parser *s, struct str name)
{
	struct query *q;
	size_t dots = 0;

	for (size_t i = 0; i < name.len; i++)
		dots += name.p[i] == '.';
	if (name.len > FIELD_MAX || dots > FIELD_DOTS_MAX)
		return fail_at(s, name.p, "a field's name has at most %d bytes and %d dots", FIELD_MAX, FIELD_DOTS_MAX);
	s->field = name;
	s->field_column = column_of(s, name.p);
	s->p = name.p + name.len + 1;
	q = s->p < s->end && *s->p == '(' ? parse_group(s) : value_query(s);
	s->field = STR("");
	return q;
}

static struct query *parse_primary(struct parser *s)
{
	const char *at = s->p;
	struct str token, name;

	if (s->p == s->end)
		return fail_at(s, at, "the query ends where a word is expected");
	if (*s->p == ')')
		return fail_at(s, at, s->depth ? "a word is missing before ')'" : "')' without '('");
	if (*s->p == '(')
		return parse_group(s);
	token = peek_token(s);
	if (str_eq(token, STR("AND")) || str_eq(token, STR("OR")))
		return fail_at(s, at, "a word is missing before '%.*s'", STR_ARG(token));
	if (s->field.len)
		return value_query(s);
	if (*s->p == '"') {
		if (!take_quoted(s, &token))
			return fail_at(s, at, "the quote is never closed");
		return text_query(s, STR(""), token, true, at);
	}
	name = field_name(token);
	if (name.len)
		return parse_field(s, name);
	s->p += token.len;
	return is_address(token) ? address_query(s, token, at) : text_query(s, STR(""), token, false, at);
}

static struct query *parse_not(struct parser *s)
{
	struct query *q, *sub;
	const char *at;
	bool negate = false;

	skip_blanks(s);
	at = s->p;
	while (at_word(s, STR("NOT"))) {
		negate = !negate;
		s->p += 3;
		skip_blanks(s);
	}
	sub = parse_primary(s);
	if (!sub || !negate)
		return sub;
	q = new_query(s, QUERY_NOT, at);
	if (!q)
		return NULL;
	q->sub = arena_alloc(s->a, sizeof(*q->sub));
	q->sub[0] = sub;
	q->n = 1;
	return q;
}

/* Operands grow in a list of the arena's. */
static bool add_sub(struct parser *s, struct query *q, struct query *sub)
{
	if (!sub)
		return false;
	q->sub = arena_grow(s->a, q->sub, q->n * sizeof(*q->sub), (q->n + 1) * sizeof(*q->sub));
	q->sub[q->n++] = sub;
	return true;
}

static struct query *parse_and(struct parser *s)
{
	const char *at = s->p;
	struct query *first = parse_not(s), *q = NULL;

	if (!first)
		return NULL;
	for (;;) {
		skip_blanks(s);
		if (s->p == s->end || *s->p == ')' || at_word(s, STR("OR")))
			return q ? q : first;
		if (at_word(s, STR("AND")))
			s->p += 3;
		if (!q) {
			q = new_query(s, QUERY_AND, at);
			if (!q || !add_sub(s, q, first))
				return NULL;
		}
		if (!add_sub(s, q, parse_not(s)))
			return NULL;
	}
}

static struct query *parse_or(struct parser *s)
{
	const char *at = s->p;
	struct query *first = parse_and(s), *q = NULL;

	if (!first)
		return NULL;
	for (;;) {
		skip_blanks(s);
		if (!at_word(s, STR("OR")))
			return q ? q : first;
		s->p += 2;
		if (!q) {
			q = new_query(s, QUERY_OR, at);
			if (!q || !add_sub(s, q, first))
				return NULL;
		}
		if (!add_sub(s, q, parse_and(s)))
			return NULL;
	}
}

struct query *query_parse(struct arena *a, struct str text, const struct query_context *ctx, struct query_error *e)
{
	struct parser s = {.a = a, .ctx = ctx, .e = e, .field = STR("")};
	struct query *q;

	text = arena_dup(a, utf8_scrub(a, text));
	s.begin = s.p = text.p;
	s.end = text.p + text.len;
	if (text.len > QUERY_TEXT_MAX)
		return fail_at(&s, s.begin, "the query is longer than %d bytes", QUERY_TEXT_MAX);
	skip_blanks(&s);
	if (s.p == s.end)
		return new_query(&s, QUERY_ALL, s.p);
	q = parse_or(&s);
	if (!q)
		return NULL;
	skip_blanks(&s);
	if (s.p < s.end)
		return fail_at(&s, s.p, "')' without '('");
	return q;
}

struct query *query_of_key(struct arena *a, enum key_kind kind, struct str text, struct err *err)
{
	struct query_error e;
	struct parser s = {.a = a, .e = &e, .field = STR("")};
	struct query *q;

	s.begin = s.p = s.end = text.p;
	text = arena_dup(a, text);
	q = new_query(&s, QUERY_KEY, s.p);
	q->kind = kind;
	if (!value_match(&s, text, kind == KEY_CHAIN || kind == KEY_ID, kind, s.p, &q->match)) {
		*err = e.err;
		return NULL;
	}
	return q;
}

struct query *query_and(struct arena *a, struct query *x, struct query *y)
{
	struct query_error e;
	struct parser s = {.a = a, .e = &e};

	if (!x || !y)
		return x ? x : y;
	return either(&s, QUERY_AND, x, y, s.begin);
}

/* ---- did you mean ---- */

bool query_hint(const struct query *q, struct err *hint, uint32_t *column)
{
	enum { SHORTHANDS = sizeof(shorthands) / sizeof(*shorthands) };
	const char *names[FIELDS + SHORTHANDS], *near;

	if (q->op == QUERY_AND || q->op == QUERY_OR || q->op == QUERY_NOT) {
		for (uint32_t i = 0; i < q->n; i++)
			if (query_hint(q->sub[i], hint, column))
				return true;
		return false;
	}
	if (q->op != QUERY_FIELD || field_find(q->field) >= 0)
		return false;
	for (int i = 0; i < FIELDS; i++)
		names[i] = fields[i].path;
	for (int i = 0; i < SHORTHANDS; i++)
		names[FIELDS + i] = shorthands[i].name;
	near = nearest_word(q->field, names, FIELDS + SHORTHANDS);
	if (!near)
		return false;
	*column = q->column;
	err_set(hint, "weir knows no field '%.*s', did you mean '%s'?", STR_ARG(str_sub(q->field, 0, 64)), near);
	return true;
}
