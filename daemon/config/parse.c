/*
 * parse.c - sections, plug-ins, options and branches: text to AST.
 *
 *	config    = { ("input" | "filter" | "output") "{" { branch | plugin } "}" }
 *	plugin    = name "{" [ attribute { blank attribute } ] "}"
 *	attribute = name "=>" value
 *	value     = plugin | bareword | string | number | array | hash
 *	branch    = "if" condition block { "else" "if" condition block } [ "else" block ]
 *
 * Blanks and comments stand anywhere between. Each alternative is tried in this order, as in Logstash, so a value that
 * is followed by a '{' is a plug-in, and `if {` is a plug-in named "if".
 *
 * Each file is parsed by itself, so that one syntax error hides no other file's. Only if that fails, and
 * the concatenation of all files has no error (a section may well span two of them), that one counts. Where it has one, each
 * file is read again, with its errors mended one after the other (mend.h), so that all of them are told.
 *
 * One thread, at start and reload.
 */
#include "config/lex.h"
#include "config/mend.h"

#include "base/hash.h"
#include "base/utf8.h"

#include <stdio.h>
#include <stdlib.h>

enum { TEXT_MAX = 64 * 1024 * 1024 }; /* of all files together */

/* ---- values ---- */

static bool plain_name(struct lexer *l, struct str *out)
{
	size_t start = l->at;

	while (!lex_end(l)) {
		char c = l->text.p[l->at];

		if (!ch_alpha(c) && !ch_digit(c) && c != '_' && c != '-')
			break;
		l->at++;
	}
	*out = str_sub(l->text, start, l->at - start);
	return l->at > start;
}

/* A plug-in's or an option's name. Strings stand for themselves: no escapes, no ${}. */
static bool parse_name(struct lexer *l, struct str *out, bool *quoted)
{
	*quoted = false;
	if (plain_name(l, out))
		return true;
	*quoted = true;
	return lex_string(l, out);
}

static struct ast_value *value_new(struct lexer *l, enum ast_value_kind kind, size_t at)
{
	struct ast_value *v = arena_zalloc(l->a, sizeof(*v));

	v->kind = kind;
	v->pos = lex_pos(l, at);
	return v;
}

static bool parse_attribute(struct lexer *l, struct ast_attr *attr)
{
	size_t start = l->at;
	bool quoted;

	lex_expect(l, start, "an option");
	if (!parse_name(l, &attr->name, &quoted)) {
		l->at = start;
		return false;
	}
	attr->pos = lex_pos(l, start);
	lex_space(l);
	if (!lex_lit(l, "=>", "'=>'")) {
		l->at = start;
		return false;
	}
	lex_space(l);
	attr->value = parse_value(l);
	return attr->value != NULL;
}

/* From the '{' on. */
static bool parse_attributes(struct lexer *l, struct ast_plugin *p)
{
	size_t open = l->open, before;
	bool ok = false;

	if (!lex_enter(l))
		return false;
	l->open = l->at++;
	lex_space(l);
	before = l->at;
	while (true) {
		p->attr = vec_room(l->a, p->attr, p->n, sizeof(*p->attr));
		if (!parse_attribute(l, &p->attr[p->n]))
			break;
		p->n++;
		before = l->at;
		if (!lex_blank(l))
			break;
	}
	if (!l->stopped) {
		l->at = before;
		lex_space(l);
		ok = lex_lit(l, "}", "'}'");
	}
	l->open = open;
	lex_leave(l);
	return ok;
}

/* NULL, and the cursor where it was, if there is none. */
static struct ast_plugin *parse_plugin(struct lexer *l)
{
	size_t start = l->at;
	struct ast_plugin *p;
	struct str name;
	bool quoted;

	if (l->stopped || !parse_name(l, &name, &quoted))
		goto none;
	lex_space(l);
	if (lex_peek(l) != '{') {
		lex_expect(l, l->at, l->in_value ? EXPECT_HIDDEN "'{'" : "'{'");
		goto none;
	}
	p = arena_zalloc(l->a, sizeof(*p));
	p->name = name;
	p->pos = lex_pos(l, start);
	if (!parse_attributes(l, p))
		goto none;
	if (quoted)
		diag_error(l->diag, p->pos, "the name of a plug-in stands without quotes");
	return p;
none:
	l->at = start;
	return NULL;
}

/* "[" [ value { "," value } ] "]", the cursor on the bracket. */
static struct ast_value *parse_array(struct lexer *l)
{
	struct ast_value *v = value_new(l, AST_ARRAY, l->at), *item, *result = NULL;
	size_t open = l->open, before;

	l->open = l->at++;
	lex_space(l);
	before = l->at;
	item = parse_value(l);
	while (item) {
		v->item = vec_room(l->a, v->item, v->n, sizeof(struct ast_value *));
		v->item[v->n++] = item;
		before = l->at;
		lex_space(l);
		if (!lex_lit(l, ",", "','"))
			break;
		lex_space(l);
		item = parse_value(l);
	}
	/* A comma at the end was not consumed by a value: the ']' fails on it. */
	l->at = before;
	lex_space(l);
	if (!l->stopped && lex_lit(l, "]", "']'"))
		result = v;
	l->open = open;
	return result;
}

/* The key as Logstash compares keys: with its quotes, before any expansion. */
struct hash_key {
	struct str text;
	uint32_t at;
};

static int hash_key_cmp(const void *a, const void *b)
{
	const struct hash_key *x = a, *y = b;
	int c = str_cmp(x->text, y->text);

	return c ? c : (x->at > y->at) - (x->at < y->at);
}

static void check_duplicate_keys(struct lexer *l, const struct ast_value *v, struct hash_key *keys)
{
	qsort(keys, v->n, sizeof(*keys), hash_key_cmp);
	for (size_t i = 1; i < v->n; i++) {
		const struct ast_value *second = v->item[2 * keys[i].at];

		if (str_eq(keys[i].text, keys[i - 1].text))
			diag_error(l->diag, second->pos, "the key %.*s stands twice in this hash", STR_ARG(keys[i].text));
	}
}

/* (number | bareword | string) "=>" value */
static struct ast_value *parse_key(struct lexer *l)
{
	size_t start = l->at;
	struct ast_value *v;
	struct str text;

	lex_expect(l, start, "a key");
	if (lex_number(l, &text)) {
		v = value_new(l, AST_NUMBER, start);
		v->text = text_number(l, text, start);
	} else if (lex_bareword(l, &text)) {
		v = value_new(l, AST_BAREWORD, start);
		v->text = text;
	} else if (lex_string(l, &text)) {
		v = value_new(l, AST_STRING, start);
		v->quoted_double = l->text.p[start] == '"';
		v->text = text_unescape(l, text);
	} else {
		struct str word = lex_word(l, start);

		if (word.len)
			lex_hint(l, start, "the key '%.*s' must be in quotes", (int)(word.len < 60 ? word.len : 60), word.p);
		return NULL;
	}
	return v;
}

/* "{" [ entry { blank entry } ] "}", the cursor on the brace. */
static struct ast_value *parse_hash(struct lexer *l)
{
	struct ast_value *v = value_new(l, AST_HASH, l->at), *key, *value, *result = NULL;
	size_t open = l->open, before, start;
	struct hash_key *keys = NULL;

	l->open = l->at++;
	lex_space(l);
	before = l->at;
	while (true) {
		start = l->at;
		key = parse_key(l);
		if (!key)
			break;
		keys = vec_room(l->a, keys, v->n, sizeof(*keys));
		keys[v->n] = (struct hash_key){str_sub(l->text, start, l->at - start), (uint32_t)v->n};
		lex_space(l);
		if (!lex_lit(l, "=>", "'=>'"))
			break;
		lex_space(l);
		value = parse_value(l);
		if (!value)
			break;
		if (key->kind == AST_NUMBER)
			diag_error(l->diag, key->pos, "a number cannot be a key: put it in quotes");
		v->item = vec_room(l->a, v->item, 2 * v->n, sizeof(struct ast_value *));
		v->item[2 * v->n] = key;
		v->item[2 * v->n + 1] = value;
		v->n++;
		before = l->at;
		if (!lex_blank(l))
			break;
	}
	l->at = before;
	lex_space(l);
	if (!l->stopped && lex_lit(l, "}", "'}'"))
		result = v;
	if (result && v->n > 1)
		check_duplicate_keys(l, v, keys);
	l->open = open;
	return result;
}

static struct ast_value *parse_scalar(struct lexer *l)
{
	size_t start = l->at;
	struct ast_value *v;
	struct str text;

	if (lex_bareword(l, &text)) {
		v = value_new(l, AST_BAREWORD, start);
		v->text = text;
		return v;
	}
	if (lex_string(l, &text)) {
		v = value_new(l, AST_STRING, start);
		v->quoted_double = l->text.p[start] == '"';
		text_expand_option(l, v, text_unescape(l, text), start);
		return v;
	}
	if (lex_number(l, &text)) {
		v = value_new(l, AST_NUMBER, start);
		v->text = text_number(l, text, start);
		return v;
	}
	return NULL;
}

static bool is_text(enum ast_value_kind kind)
{
	return kind == AST_BAREWORD || kind == AST_NUMBER;
}

/* A value that is none, or ends before the word does: 10.1.2.3, 0x1f, my-host, x. */
static void value_hint(struct lexer *l, size_t start)
{
	struct str word = lex_word(l, start);

	if (word.len > l->at - start)
		lex_hint(l, start, "the value '%.*s' must be in quotes", (int)(word.len < 60 ? word.len : 60), word.p);
}

struct ast_value *parse_value(struct lexer *l)
{
	size_t start = l->at;
	struct ast_value *v = NULL;
	struct ast_plugin *p;
	char c = lex_peek(l);

	lex_expect(l, start, "a value");
	if (!lex_enter(l))
		return NULL;
	l->in_value = true;
	p = parse_plugin(l);
	l->in_value = false;
	if (p) {
		v = arena_zalloc(l->a, sizeof(*v));
		v->kind = AST_PLUGIN;
		v->pos = p->pos;
		v->plugin = p;
	} else if (!l->stopped) {
		v = c == '[' ? parse_array(l) : c == '{' ? parse_hash(l) : parse_scalar(l);
	}
	lex_leave(l);
	if (!v)
		l->at = start;
	if (!v || is_text(v->kind))
		value_hint(l, start);
	return v;
}

/* ---- branches and sections ---- */

static bool parse_block(struct lexer *l, struct ast_block **out);

/* condition block, behind "if". */
static bool parse_arm(struct lexer *l, struct ast_stmt *st)
{
	struct ast_branch b = {0};
	size_t start;
	bool ok;

	lex_space(l);
	start = l->in.condition = l->at;
	b.cond = parse_condition(l);
	if (b.cond && l->mend && mend_touched(l->mend, start, l->at))
		st->mended = true;
	lex_space(l);
	ok = b.cond && parse_block(l, &b.body);
	l->in.condition = SIZE_MAX;
	if (!ok)
		return false;
	st->branch = vec_room(l->a, st->branch, st->n, sizeof(*st->branch));
	st->branch[st->n++] = b;
	return true;
}

/* false, and the cursor where it was, if this is no branch. */
static bool parse_branch(struct lexer *l, struct ast_stmt *st)
{
	size_t start = l->at, before = start;

	st->kind = STMT_IF;
	if (!str_starts(str_from(l->text, start), STR("if")))
		return false;
	st->pos = lex_pos(l, start);
	l->at += 2;
	if (!parse_arm(l, st)) {
		l->at = start;
		return false;
	}
	while (!l->stopped) {
		before = l->at;
		lex_space(l);
		if (!lex_lit(l, "else", "'else'"))
			break;
		lex_space(l);
		if (lex_peek(l) == '{') {
			struct ast_branch b = {0};

			if (!parse_block(l, &b.body))
				break;
			st->branch = vec_room(l->a, st->branch, st->n, sizeof(*st->branch));
			st->branch[st->n++] = b;
			return true;
		}
		if (!lex_lit(l, "if", "'if'")) {
			lex_expect(l, l->at, "'{'");
			break;
		}
		if (!parse_arm(l, st))
			break;
	}
	l->at = before;
	return !l->stopped;
}

/*
 * Of a text that was mended: a plug-in that says something else than was meant is left out; what stands under such a condition
 * is looked at nonetheless.
 */
static void add_statement(struct lexer *l, struct ast_block *b, const struct ast_stmt *st, size_t start)
{
	if (l->mend && st->kind == STMT_PLUGIN && mend_touched(l->mend, start, l->at))
		return;
	if (st->kind == STMT_IF && st->mended) {
		for (size_t i = 0; i < st->n; i++)
			for (size_t k = 0; k < st->branch[i].body->n; k++) {
				b->stmt = vec_room(l->a, b->stmt, b->n, sizeof(*b->stmt));
				b->stmt[b->n++] = st->branch[i].body->stmt[k];
			}
		return;
	}
	b->stmt = vec_room(l->a, b->stmt, b->n, sizeof(*b->stmt));
	b->stmt[b->n++] = *st;
}

/* "{" { branch | plugin } "}" */
static bool parse_block(struct lexer *l, struct ast_block **out)
{
	struct ast_block *b = *out ? *out : arena_zalloc(l->a, sizeof(*b));
	struct place in = l->in;
	size_t open = l->open;
	bool ok = false;

	if (lex_peek(l) != '{') {
		lex_expect(l, l->at, "'{'");
		return false;
	}
	if (!lex_enter(l))
		return false;
	l->in.block = l->at;
	l->in.condition = SIZE_MAX;
	l->in.blocks++;
	l->open = l->at++;
	while (!l->stopped) {
		struct ast_stmt st = {0};

		lex_space(l);
		l->in.statement = l->at;
		if (lex_peek(l) == '}') {
			l->at++;
			ok = true;
			break;
		}
		lex_expect(l, l->at, "a plug-in, 'if'");
		lex_expect(l, l->at, "'}'");
		if (!parse_branch(l, &st)) {
			st = (struct ast_stmt){.kind = STMT_PLUGIN};
			st.plugin = parse_plugin(l);
			if (!st.plugin)
				break;
			st.pos = st.plugin->pos;
		}
		add_statement(l, b, &st, l->in.statement);
	}
	l->open = open;
	l->in = in;
	lex_leave(l);
	*out = b;
	return ok;
}

/* `inputs` is another word. */
static bool goes_on(struct str s, size_t at)
{
	return at < s.len && (ch_alnum(s.p[at]) || s.p[at] == '_');
}

static bool parse_sections(struct lexer *l, struct ast_config *c)
{
	static const char *const names[] = {"input", "filter", "output"};

	while (lex_space(l), !lex_end(l)) {
		struct ast_block *b = NULL;
		struct str rest = str_from(l->text, l->at);

		l->in.section = l->at;
		lex_expect(l, l->at, "'input', 'filter' or 'output'");
		for (size_t i = 0; i < 3; i++)
			if (str_starts(rest, str_z(names[i])) && !goes_on(rest, strlen(names[i]))) {
				b = &c->section[i];
				l->left_out = l->env->filters_only && i != SECTION_FILTER;
				l->at += strlen(names[i]);
				break;
			}
		if (!b)
			return false;
		lex_space(l);
		if (!parse_block(l, &b) || l->stopped)
			return false;
	}
	return true;
}

/* ---- whole configurations ---- */

/* Bytes that are no text are named by their place; a syntax error could only point behind them. */
static bool check_text(const struct config_file *f, struct diag *d)
{
	struct str rest = f->text, line;
	struct pos pos = {f, 1, 1};

	if (str_starts(rest, STR("\xef\xbb\xbf"))) {
		diag_error(d, pos, "the file begins with a byte order mark: save it as UTF-8 without one");
		return false;
	}
	if (utf8_valid(rest))
		return true;
	for (bool more = true; more; pos.line++) {
		more = str_cut(&rest, '\n', &line);
		if (!more)
			line = rest;
		if (utf8_valid(line))
			continue;
		for (struct str at = line; utf8_next(&at) >= 0; pos.col++)
			line = at;
		diag_error(d, pos, "the byte 0x%02x is not UTF-8: the file seems to be in another encoding",
			   (unsigned char)line.p[0]);
		break;
	}
	return false;
}

static struct ast_config *parse_text(struct arena *a, const struct segment *seg, size_t n, struct str text,
				     const struct config_env *env, struct diag *d)
{
	struct ast_config *c = arena_zalloc(a, sizeof(*c));
	struct lexer l;

	lexer_init(&l, a, seg, n, text, env, d);
	if (parse_sections(&l, c))
		return c;
	lex_report(&l);
	return NULL;
}

static void tell_all(const struct diag *from, struct diag *to)
{
	for (const struct diag_item *it = from->first; it; it = it->next)
		diag_add(to, it->level, it->pos, "%.*s", STR_ARG(it->text));
}

/*
 * Tells all syntax errors of a file that has one, and what else is wrong in the rest. Returns that, without what stands around the errors;
 * NULL where it cannot be told apart from them.
 */
static struct ast_config *parse_mended(struct arena *a, const struct config_file *f, const struct config_env *env, struct diag *d)
{
	struct segment seg = {f, 0};
	struct ast_config *c = NULL;
	struct arena scratch;
	struct diag meaning; /* what is wrong with words that could be read: told once, in the end */
	struct lexer l;
	struct mend m;

	if (f->text.len > MEND_TEXT_MAX)
		return parse_text(a, &seg, 1, f->text, env, d);
	mend_init(&m, f->text);
	arena_init(&scratch, NULL);
	diag_init(&meaning);
	while (!c) {
		arena_clear(&scratch);
		diag_release(&meaning);
		c = arena_zalloc(&scratch, sizeof(*c));
		lexer_init(&l, &scratch, &seg, 1, f->text, env, &meaning);
		lexer_set_mended(&l, &m);
		if (parse_sections(&l, c) || l.stopped)
			break;
		l.diag = d;
		if (mend_judge(&m, &l))
			lex_report(&l);
		c = NULL;
		if (!mend_change(&m, &l))
			break;
	}
	if (c) {
		c = arena_zalloc(a, sizeof(*c));
		lexer_init(&l, a, &seg, 1, f->text, env, d);
		lexer_set_mended(&l, &m);
		l.text = arena_dup(a, l.text);
		if (!parse_sections(&l, c))
			c = NULL;
	}
	diag_release(&meaning);
	arena_release(&scratch);
	mend_release(&m);
	return c;
}

/* All files as one text, a line feed between each two. NULL where that is no configuration either; d is for errors of meaning. */
static struct ast_config *parse_together(struct arena *a, const struct config_file *files, const struct config_env *env,
					 struct diag *d)
{
	struct segment *seg = NULL;
	struct ast_config *c;
	size_t n = 0, len = 0;
	struct diag quiet;
	char *text;

	for (const struct config_file *f = files; f; f = f->next)
		len += f->text.len + 1;
	text = arena_bytes(a, len);
	len = 0;
	for (const struct config_file *f = files; f; f = f->next) {
		seg = vec_room(a, seg, n, sizeof(*seg));
		seg[n++] = (struct segment){f, len};
		if (f->text.len)
			memcpy(text + len, f->text.p, f->text.len);
		len += f->text.len;
		text[len++] = '\n';
	}
	diag_init(&quiet);
	c = parse_text(a, seg, n, str_n(text, len - 1), env, &quiet);
	if (c)
		tell_all(&quiet, d);
	diag_release(&quiet);
	return c;
}

static void block_append(struct arena *a, struct ast_block *to, const struct ast_block *from)
{
	struct ast_stmt *stmt;

	if (from->n == 0)
		return;
	stmt = arena_alloc(a, (to->n + from->n) * sizeof(*stmt));
	if (to->n)
		memcpy(stmt, to->stmt, to->n * sizeof(*stmt));
	memcpy(stmt + to->n, from->stmt, from->n * sizeof(*stmt));
	to->stmt = stmt;
	to->n += from->n;
}

struct id_use {
	struct str id;
	struct pos pos;
	size_t order;
};

struct ids {
	struct id_use *use;
	size_t n;
};

static void ids_of_plugin(struct arena *a, const struct ast_plugin *p, struct ids *ids)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct ast_value *v = p->attr[i].value;

		if (v->kind == AST_PLUGIN)
			ids_of_plugin(a, v->plugin, ids);
		if (!str_eqz(p->attr[i].name, "id") || (v->kind != AST_STRING && v->kind != AST_BAREWORD))
			continue;
		ids->use = vec_room(a, ids->use, ids->n, sizeof(*ids->use));
		ids->use[ids->n] = (struct id_use){v->text, v->pos, ids->n};
		ids->n++;
	}
}

static void ids_of_block(struct arena *a, const struct ast_block *b, struct ids *ids)
{
	for (size_t i = 0; i < b->n; i++) {
		if (b->stmt[i].kind == STMT_PLUGIN)
			ids_of_plugin(a, b->stmt[i].plugin, ids);
		for (size_t k = 0; k < b->stmt[i].n; k++)
			ids_of_block(a, b->stmt[i].branch[k].body, ids);
	}
}

static int id_use_cmp(const void *a, const void *b)
{
	const struct id_use *x = a, *y = b;
	int c = str_cmp(x->id, y->id);

	return c ? c : (x->order > y->order) - (x->order < y->order);
}

/* State is handed over by id, so an id names one plug-in. */
static void check_ids(struct arena *a, const struct ast_config *c, struct diag *d)
{
	struct ids ids = {0};

	for (size_t i = 0; i < 3; i++)
		ids_of_block(a, &c->section[i], &ids);
	if (ids.n < 2)
		return;
	qsort(ids.use, ids.n, sizeof(*ids.use), id_use_cmp);
	for (size_t i = 1; i < ids.n; i++) {
		const struct id_use *a1 = &ids.use[i - 1], *b1 = &ids.use[i];

		if (str_eq(a1->id, b1->id))
			diag_error(d, b1->pos, "the id '%.*s' is already taken, at %.*s:%u:%u", STR_ARG(b1->id),
				   STR_ARG(a1->pos.file->name), a1->pos.line, a1->pos.col);
	}
}

struct parsed_file {
	struct ast_config *c; /* NULL: it has a syntax error */
	struct diag diag;
};

static void add_file(struct arena *a, struct ast_config *all, const struct config_file *f, const struct parsed_file *p,
		     const struct config_env *env, struct diag *d)
{
	const struct ast_config *c = p->c;

	if (c)
		tell_all(&p->diag, d);
	else
		c = parse_mended(a, f, env, d);
	for (size_t i = 0; c && i < 3; i++)
		block_append(a, &all->section[i], &c->section[i]);
}

static struct ast_config *parse_files(struct arena *a, const struct config_file *files, size_t n, const struct config_env *env,
				      struct diag *d)
{
	struct parsed_file *parsed = xzalloc((n + 1) * sizeof(*parsed)), *p = parsed;
	struct ast_config *all;
	bool broken = false;

	for (const struct config_file *f = files; f; f = f->next, p++) {
		struct segment seg = {f, 0};

		diag_init(&p->diag);
		p->c = parse_text(a, &seg, 1, f->text, env, &p->diag);
		broken |= !p->c;
	}
	all = broken && n > 1 ? parse_together(a, files, env, d) : NULL;
	if (!all) {
		all = arena_zalloc(a, sizeof(*all));
		p = parsed;
		for (const struct config_file *f = files; f; f = f->next, p++)
			add_file(a, all, f, p, env, d);
	}
	for (size_t i = 0; i < n; i++)
		diag_release(&parsed[i].diag);
	free(parsed);
	return all;
}

struct ast_config *config_parse_part(struct arena *a, const struct config_file *files, const struct config_env *env,
				     struct diag *d)
{
	static const struct config_env plain;
	unsigned errors = d->errors;
	size_t bytes = 0, n = 0;
	struct ast_config *c;

	env = env ? env : &plain;
	for (const struct config_file *f = files; f; f = f->next, n++)
		bytes += f->text.len;
	if (bytes > TEXT_MAX) {
		diag_error(d, (struct pos){0}, "the configuration is larger than %d MiB", TEXT_MAX / 1024 / 1024);
		return NULL;
	}
	for (const struct config_file *f = files; f; f = f->next)
		check_text(f, d);
	if (d->errors != errors)
		return NULL;
	c = parse_files(a, files, n, env, d);
	check_ids(a, c, d);
	return c;
}

struct ast_config *config_parse(struct arena *a, const struct config_file *files, const struct config_env *env,
				struct diag *d)
{
	unsigned errors = d->errors;
	struct ast_config *c = config_parse_part(a, files, env, d);

	return d->errors == errors ? c : NULL;
}

struct ast_plugin *config_parse_plugin(struct arena *a, struct str text, const struct config_env *env, struct diag *d)
{
	static const struct config_env plain;
	struct config_file *f = arena_zalloc(a, sizeof(*f));
	struct segment seg = {f, 0};
	unsigned errors = d->errors;
	struct ast_plugin *p;
	struct lexer l;
	struct str name;

	f->name = STR("<codec>");
	f->text = arena_dup(a, text);
	if (!check_text(f, d))
		return NULL;
	lexer_init(&l, a, &seg, 1, f->text, env ? env : &plain, d);
	lex_space(&l);
	lex_expect(&l, l.at, "a codec");
	p = parse_plugin(&l);
	if (!p && !l.stopped && plain_name(&l, &name)) {
		p = arena_zalloc(a, sizeof(*p));
		p->name = name;
		p->pos = lex_pos(&l, 0);
	}
	lex_space(&l);
	if (p && !lex_end(&l)) {
		lex_expect(&l, l.at, "the end of the text");
		p = NULL;
	}
	if (!p)
		lex_report(&l);
	return d->errors == errors ? p : NULL;
}

struct ast_value *config_parse_value(struct arena *a, struct str text, struct diag *d)
{
	static const struct config_env plain;
	struct config_file *f = arena_zalloc(a, sizeof(*f));
	struct segment seg = {f, 0};
	unsigned errors = d->errors;
	struct ast_value *v;
	struct lexer l;

	f->name = STR("<value>");
	f->text = arena_dup(a, text);
	lexer_init(&l, a, &seg, 1, f->text, &plain, d);
	lex_space(&l);
	v = parse_value(&l);
	lex_space(&l);
	if (v && !lex_end(&l)) {
		lex_expect(&l, l.at, "the end of the text");
		v = NULL;
	}
	if (!v)
		lex_report(&l);
	return d->errors == errors ? v : NULL;
}
