/*
 * text.c - what a string or a number of the configuration stands for.
 *
 * Order as in Logstash: first the escapes (only with config.support_escapes), then ${NAME}, so that a variable's value
 * is never searched for escapes. Options are expanded twice over (there by the plan and by the plug-in),
 * which shows in ${A:${B}} and in values that hold ${...} themselves; conditions once; keys and regular
 * expressions never. An option in which something was filled in may be a list afterwards: HOSTS=["a", "b"].
 */
#include "config/lex.h"
#include "config/secrets.h"

#include <stdio.h>
#include <stdlib.h>

enum { EXPAND_MAX = 1024 * 1024 }; /* bytes of one string after expansion */

struct str text_unescape(struct lexer *l, struct str raw)
{
	char *out;
	size_t n = 0;

	if (!l->env->support_escapes || str_chr(raw, '\\') < 0)
		return raw;
	out = arena_bytes(l->a, raw.len);
	for (size_t i = 0; i < raw.len; i++) {
		char c = raw.p[i];

		if (c == '\\' && i + 1 < raw.len) {
			char e = raw.p[++i];

			switch (e) {
			case 'n':
				c = '\n';
				break;
			case 'r':
				c = '\r';
				break;
			case 't':
				c = '\t';
				break;
			case '0':
				c = '\0';
				break;
			case '"':
			case '\'':
			case '\\':
				c = e;
				break;
			default:
				out[n++] = c;
				c = e;
			}
		}
		out[n++] = c;
	}
	return str_n(out, n);
}

static bool name_char(char c, bool first)
{
	return ch_alpha(c) || c == '_' || c == '.' || (!first && ch_digit(c));
}

/* ${NAME} or ${NAME:default} at the front of s: its length, or 0. */
static size_t placeholder(struct str s, struct str *name, struct str *def)
{
	size_t i = 2;
	ptrdiff_t end;

	if (!str_starts(s, STR("${")))
		return 0;
	while (i < s.len && name_char(s.p[i], i == 2))
		i++;
	if (i == 2 || i >= s.len)
		return 0;
	*name = str_sub(s, 2, i - 2);
	*def = (struct str){0};
	if (s.p[i] == '}')
		return i + 1;
	if (s.p[i] != ':')
		return 0;
	end = str_chr(str_from(s, i), '}');
	if (end < 0)
		return 0;
	*def = str_sub(s, i + 1, (size_t)end - 1);
	return i + (size_t)end + 1;
}

/* Where variables come from, and who hears of those that do not. */
struct expander {
	struct arena *a;
	const struct config_env *env;
	struct diag *diag;
	struct pos pos;
	bool may_lack; /* what is not defined stays as it is written */
};

static bool env_lookup(const struct expander *x, struct str name, struct str *out)
{
	char z[256];
	const char *v;

	if (x->env->lookup)
		return x->env->lookup(x->env->arg, name, out);
	if (secrets_find(x->env->secrets, name, out))
		return true;
	if (name.len >= sizeof(z))
		return false;
	memcpy(z, name.p, name.len);
	z[name.len] = '\0';
	v = getenv(z);
	if (!v)
		return false;
	*out = str_z(v);
	return true;
}

static struct str expand_once(const struct expander *x, struct str s)
{
	struct str name, def, value, result;
	struct buf b;
	size_t n;

	if (str_find(s, STR("${")) < 0)
		return s;
	buf_init(&b, EXPAND_MAX);
	while (s.len) {
		n = placeholder(s, &name, &def);
		if (n == 0) {
			buf_ch(&b, s.p[0]);
			s = str_from(s, 1);
			continue;
		}
		if (env_lookup(x, name, &value))
			buf_str(&b, value);
		else if (def.p)
			buf_str(&b, def);
		else if (x->may_lack)
			buf_str(&b, str_sub(s, 0, n));
		else
			diag_error(x->diag, x->pos,
				   "the variable '%.*s' is not in the environment, and ${%.*s} gives no default "
				   "(as ${%.*s:default} would)",
				   STR_ARG(name), STR_ARG(name), STR_ARG(name));
		s = str_from(s, n);
	}
	if (b.over)
		diag_error(x->diag, x->pos, "longer than %d bytes once its ${...} are filled in", EXPAND_MAX);
	result = arena_dup(x->a, buf_slice(&b));
	buf_release(&b);
	return result;
}

struct str text_expand(struct lexer *l, struct str s, size_t at, unsigned passes)
{
	struct expander x = {.a = l->a, .env = l->env, .diag = l->diag, .may_lack = l->left_out};
	unsigned errors = l->diag->errors;

	if (str_find(s, STR("${")) < 0)
		return s;
	x.pos = lex_pos(l, at);
	/* A second report of the same variable helps nobody. */
	while (passes-- && l->diag->errors == errors)
		s = expand_once(&x, s);
	return s;
}

static bool has_placeholder(struct str s)
{
	struct str name, def;
	ptrdiff_t at;

	while ((at = str_find(s, STR("${"))) >= 0) {
		s = str_from(s, (size_t)at);
		if (placeholder(s, &name, &def))
			return true;
		s = str_from(s, 2);
	}
	return false;
}

/* Without the quotes around it, if it has them at both ends. */
static struct str unquoted(struct str s)
{
	for (const char *q = "'\""; *q; q++)
		if (s.len && s.p[0] == *q && s.p[s.len - 1] == *q)
			s = str_sub(s, 1, s.len > 2 ? s.len - 2 : 0);
	return s;
}

void text_expand_option(struct lexer *l, struct ast_value *v, struct str raw, size_t at)
{
	struct str rest, part;
	bool more = true;
	size_t n = 0;

	v->text = text_expand(l, raw, at, EXPAND_PASSES);
	if (v->text.p == raw.p || !has_placeholder(raw))
		return;
	v->text = unquoted(v->text);
	/* "[a][${B}]" was meant as a field. */
	if (v->text.len < 2 || v->text.p[0] != '[' || v->text.p[v->text.len - 1] != ']' || str_find(v->text, STR("][")) >= 0)
		return;
	v->kind = AST_ARRAY;
	for (rest = str_sub(v->text, 1, v->text.len - 2); more;) {
		struct ast_value *item = arena_zalloc(l->a, sizeof(*item));

		more = str_cut(&rest, ',', &part);
		item->kind = AST_STRING;
		item->pos = v->pos;
		item->text = unquoted(str_trim(more ? part : rest));
		v->item = vec_room(l->a, v->item, v->n, sizeof(struct ast_value *));
		v->item[v->n++] = item;
		/* As Ruby's split: no empty items at the end. */
		if (item->text.len)
			n = v->n;
	}
	v->n = n;
}

int config_expand(struct arena *a, struct str *s, const struct config_env *env, struct pos pos, struct diag *d)
{
	static const struct config_env plain;
	struct expander x = {.a = a, .env = env ? env : &plain, .diag = d, .pos = pos};
	unsigned errors = d->errors;

	*s = expand_once(&x, *s);
	return d->errors == errors ? 0 : -1;
}

struct str text_number(struct lexer *l, struct str raw, size_t at)
{
	bool minus = raw.p[0] == '-';
	struct str digits = str_from(raw, minus);
	uint64_t octal = 0;

	if (str_chr(raw, '.') >= 0) {
		if (raw.p[raw.len - 1] != '.')
			return raw;
		diag_error(l->diag, lex_pos(l, at), "'%.*s' is no number: a digit must follow the point", STR_ARG(raw));
		return raw;
	}
	if (digits.len == 1 || digits.p[0] != '0')
		return raw;
	for (size_t i = 0; i < digits.len; i++) {
		if (digits.p[i] > '7' || octal >> 60) {
			diag_error(l->diag, lex_pos(l, at),
				   "'%.*s' is no number: with a leading zero it would be octal", STR_ARG(raw));
			return raw;
		}
		octal = octal << 3 | (uint64_t)(digits.p[i] - '0');
	}
	if (octal > 7)
		diag_warn(l->diag, lex_pos(l, at), "'%.*s' is octal, as in Logstash: %s%llu", STR_ARG(raw), minus ? "-" : "",
			  (unsigned long long)octal);
	return arena_printf(l->a, "%s%llu", minus && octal ? "-" : "", (unsigned long long)octal);
}
