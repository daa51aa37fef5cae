/*
 * lex.c - terminals of the configuration language and the report of the furthest failure (see lex.h).
 *
 * One thread; all memory from the arena of the parse.
 */
#include "config/lex.h"

#include "base/utf8.h"
#include "config/mend.h"

#include <stdarg.h>
#include <stdio.h>

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool is_word(char c)
{
	return ch_alpha(c) || ch_digit(c) || c == '_';
}

void *vec_room(struct arena *a, void *items, size_t n, size_t size)
{
	if (n & (n - 1) || (n && n < 4))
		return items;
	if (n == 0)
		return arena_alloc(a, 4 * size);
	return arena_grow(a, items, n * size, 2 * n * size);
}

void lexer_init(struct lexer *l, struct arena *a, const struct segment *segment, size_t nsegments, struct str text,
		const struct config_env *env, struct diag *d)
{
	size_t *start, n = 1;

	memset(l, 0, sizeof(*l));
	l->a = a;
	l->diag = d;
	l->env = env;
	l->text = l->source = text;
	l->segment = segment;
	l->nsegments = nsegments;
	l->open = l->far_open = l->last_string = SIZE_MAX;
	l->in = l->far_in = (struct place){SIZE_MAX, SIZE_MAX, SIZE_MAX, SIZE_MAX, 0};
	for (size_t i = 0; i < text.len; i++)
		n += text.p[i] == '\n';
	start = arena_alloc(a, n * sizeof(*start));
	start[0] = 0;
	n = 1;
	for (size_t i = 0; i < text.len; i++)
		if (text.p[i] == '\n')
			start[n++] = i + 1;
	l->line_start = start;
	l->nlines = n;
	l->seen.line = SIZE_MAX;
}

void lexer_set_mended(struct lexer *l, const struct mend *m)
{
	l->mend = m;
	l->text = str_n(m->text, m->n);
	l->origin = m->origin;
}

/* The last of n rising offsets that is not behind at. */
static size_t last_before(const size_t *v, size_t n, size_t at)
{
	size_t lo = 0, hi = n;

	while (hi - lo > 1) {
		size_t mid = lo + (hi - lo) / 2;

		if (v[mid] <= at)
			lo = mid;
		else
			hi = mid;
	}
	return lo;
}

struct pos lex_pos(struct lexer *l, size_t at)
{
	const struct segment *s = l->segment;
	size_t line, i;
	uint32_t col;

	if (at > l->text.len)
		at = l->text.len;
	if (l->origin)
		at = l->origin[at];
	for (i = 1; i < l->nsegments && l->segment[i].start <= at; i++)
		s = &l->segment[i];
	line = last_before(l->line_start, l->nlines, at);
	i = l->line_start[line];
	col = 1;
	if (l->seen.line == line && l->seen.at <= at) {
		i = l->seen.at;
		col = l->seen.col;
	}
	/* Columns count characters: every byte that does not continue one begins one. */
	for (; i < at; i++)
		col += ((unsigned char)l->source.p[i] & 0xc0) != 0x80;
	l->seen.at = at;
	l->seen.line = line;
	l->seen.col = col;
	return (struct pos){s->file, (uint32_t)(line - last_before(l->line_start, l->nlines, s->start) + 1), col};
}

void lex_expect(struct lexer *l, size_t at, const char *what)
{
	if (at < l->far)
		return;
	if (at > l->far || l->nexpected == 0) {
		l->far = at;
		l->nexpected = 0;
		l->far_open = l->open;
		l->far_in = l->in;
	}
	for (unsigned i = 0; i < l->nexpected; i++)
		if (strcmp(l->expected[i], what) == 0)
			return;
	if (l->nexpected < EXPECT_MAX)
		l->expected[l->nexpected++] = what;
}

struct str lex_word(const struct lexer *l, size_t at)
{
	size_t end = at;

	while (end < l->text.len && (is_word(l->text.p[end]) || l->text.p[end] == '-' || l->text.p[end] == '.'))
		end++;
	return str_sub(l->text, at, end - at);
}

void lex_hint(struct lexer *l, size_t at, const char *fmt, ...)
{
	struct lexer rest = *l;
	va_list ap;

	if (l->hint[0])
		return;
	rest.at = at + lex_word(l, at).len;
	lex_space(&rest);
	l->hint_at = at;
	l->hint_end = rest.at;
	va_start(ap, fmt);
	vsnprintf(l->hint, sizeof(l->hint), fmt, ap);
	va_end(ap);
}

bool lex_lit(struct lexer *l, const char *lit, const char *what)
{
	struct str s = str_z(lit);

	if (str_starts(str_from(l->text, l->at), s)) {
		l->at += s.len;
		return true;
	}
	lex_expect(l, l->at, what);
	return false;
}

void lex_space(struct lexer *l)
{
	while (!lex_end(l)) {
		char c = l->text.p[l->at];

		if (c == '#') {
			ptrdiff_t end = str_chr(str_from(l->text, l->at), '\n');

			if (end < 0) {
				/* Whatever is missing now may have been meant to stand in front of the '#'. */
				l->at = l->text.len;
				return;
			}
			l->at += (size_t)end + 1;
		} else if (is_blank(c)) {
			l->at++;
		} else {
			return;
		}
	}
}

bool lex_blank(struct lexer *l)
{
	if (!is_blank(lex_peek(l))) {
		lex_expect(l, l->at, "a blank");
		return false;
	}
	lex_space(l);
	return true;
}

bool lex_bareword(struct lexer *l, struct str *out)
{
	size_t start = l->at, i = start;

	if (!ch_alpha(lex_peek(l)) && lex_peek(l) != '_')
		return false;
	while (i < l->text.len && is_word(l->text.p[i]))
		i++;
	if (i - start < 2) {
		lex_expect(l, i, EXPECT_HIDDEN "a second letter");
		return false;
	}
	*out = str_sub(l->text, start, i - start);
	l->at = i;
	return true;
}

bool lex_number(struct lexer *l, struct str *out)
{
	size_t start = l->at, i = start;

	if (lex_peek(l) == '-')
		i++;
	if (i >= l->text.len || !ch_digit(l->text.p[i])) {
		if (i > start)
			lex_expect(l, i, "a digit");
		return false;
	}
	while (i < l->text.len && ch_digit(l->text.p[i]))
		i++;
	if (i < l->text.len && l->text.p[i] == '.')
		for (i++; i < l->text.len && ch_digit(l->text.p[i]);)
			i++;
	*out = str_sub(l->text, start, i - start);
	l->at = i;
	return true;
}

/*
 * Up to the next `quote` that has no backslash in front of it. A backslash means nothing else, not
 * even before another one: "\\" does not end there.
 */
static bool delimited(struct lexer *l, char quote, const char *what, struct str *out)
{
	size_t start = l->at, i = start + 1, open = l->open;

	for (; i < l->text.len; i++) {
		char c = l->text.p[i];

		if (c == quote) {
			*out = str_sub(l->text, start + 1, i - start - 1);
			l->at = i + 1;
			return true;
		}
		if (c == '\\' && i + 1 < l->text.len && l->text.p[i + 1] == quote)
			i++;
	}
	l->open = start;
	lex_expect(l, l->text.len, what);
	l->open = open;
	return false;
}

bool lex_string(struct lexer *l, struct str *out)
{
	size_t start = l->at;
	char c = lex_peek(l);

	if (c != '"' && c != '\'')
		return false;
	if (!delimited(l, c, c == '"' ? "a closing \"" : "a closing '", out))
		return false;
	l->last_string = start;
	return true;
}

bool lex_regex(struct lexer *l, struct str *out)
{
	return lex_peek(l) == '/' && delimited(l, '/', "a closing /", out);
}

bool lex_enter(struct lexer *l)
{
	if (l->depth < PARSE_MAX_DEPTH) {
		l->depth++;
		return true;
	}
	if (!l->stopped)
		diag_error(l->diag, lex_pos(l, l->at), "nested deeper than %d levels", PARSE_MAX_DEPTH);
	l->stopped = true;
	return false;
}

/* What stands at the furthest failure, for "not ...": a word, or one character. */
static struct str found(struct lexer *l)
{
	struct str rest = str_from(l->text, l->far), next = rest;
	size_t n = 0;
	int32_t cp;

	if (rest.len == 0)
		return STR("the end of the text");
	while (n < rest.len && n < 40 && is_word(rest.p[n]))
		n++;
	if (n)
		return arena_printf(l->a, "'%.*s'", (int)n, rest.p);
	if (rest.p[0] == '\n' || rest.p[0] == '\r')
		return STR("the end of the line");
	cp = utf8_next(&next);
	if (cp < 0x20 || cp == 0x7f)
		return arena_printf(l->a, "the byte 0x%02x", (unsigned char)rest.p[0]);
	return arena_printf(l->a, rest.p[0] == '\'' ? "%.*s" : "'%.*s'", (int)(rest.len - next.len), rest.p);
}

bool lex_expects(const struct lexer *l, const char *what)
{
	for (unsigned i = 0; i < l->nexpected; i++)
		if (strcmp(l->expected[i], what) == 0)
			return true;
	return false;
}

struct str lex_name(struct str text, size_t at)
{
	size_t end = at;

	while (end < text.len && is_word(text.p[end]))
		end++;
	return str_sub(text, at, end - at);
}

struct str lex_name_before(struct str text, size_t at)
{
	size_t end = at, start;

	while (end > 0 && is_blank(text.p[end - 1]))
		end--;
	for (start = end; start > 0 && is_word(text.p[start - 1]);)
		start--;
	return str_sub(text, start, end - start);
}

static const char *const sections[] = {"input", "filter", "output"};
enum { SECTIONS = sizeof(sections) / sizeof(*sections) };

bool lex_is_section(struct str text, size_t at)
{
	struct str name = lex_name(text, at);
	size_t i = at + name.len;

	while (i < text.len && is_blank(text.p[i]))
		i++;
	for (size_t k = 0; k < SECTIONS; k++)
		if (str_eqz(name, sections[k]))
			return i < text.len && text.p[i] == '{';
	return false;
}

const char *lex_section_meant(struct str word)
{
	for (size_t i = 0; i < SECTIONS; i++)
		if (str_ieq(word, str_z(sections[i])))
			return sections[i];
	return nearest_word(word, sections, SECTIONS);
}

/* At the outermost level: what does not begin a section. */
static const char *section_mistake(struct str rest)
{
	static const char *const meant[] = {"did you mean 'input'?", "did you mean 'filter'?", "did you mean 'output'?"};
	struct str word = lex_name(rest, 0);
	const char *near;

	if (rest.len && rest.p[0] == '}')
		return "this '}' closes nothing";
	if (!word.len)
		return NULL;
	near = lex_section_meant(word);
	for (size_t i = 0; near && i < SECTIONS; i++)
		if (near == sections[i])
			return str_ieq(word, str_z(near)) ? "in lower case" : meant[i];
	return "plug-ins and 'if' stand inside one of these";
}

/* Where an operator or a value of a condition should be. */
static const char *condition_mistake(struct str rest)
{
	static const struct {
		const char *text, *hint;
	} wrong[] = {
		{"=>", "write '>='"},  {"=<", "write '<='"}, {"=", "write '=='"},  {"&&", "write 'and'"},
		{"||", "write 'or'"},  {"AND", "write 'and'"}, {"OR", "write 'or'"}, {"IN", "write 'in'"},
		{"NOT", "write '!( ... )' or 'not in'"}, {"notin", "write 'not in'"}, {"~", "write '=~'"},
		{"not\n", "'not in' stands in one line"},
		{"then", "there is no 'then': the '{' follows the condition"},
		{"contains", "write \"text\" in [field]"},
		{".", "a field in a field is written [a][b]"}, {"[", "a field in a field is written [a][b], without blanks"},
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		if (str_starts(rest, str_z(wrong[i].text)))
			return wrong[i].hint;
	return NULL;
}

/* What people mean who write what stands at the furthest failure. */
static const char *usual_mistake(const struct lexer *l)
{
	struct str rest = str_from(l->text, l->far), before = lex_name_before(l->text, l->far);
	char c = rest.len ? rest.p[0] : '\0';

	if (str_starts(rest, STR("//")) || str_starts(rest, STR("/*")))
		return "comments begin with '#'";
	if (lex_expects(l, "'input', 'filter' or 'output'"))
		return c == ';' ? "nothing ends with ';' in this language" : section_mistake(rest);
	if (lex_expects(l, "an operator"))
		return condition_mistake(rest);
	if (lex_expects(l, "a field, string or number") && c == '=')
		return "the operators are ==, !=, <, >, <=, >=, =~ and !~";
	if (lex_expects(l, "'=>'") && (c == '=' || c == ':' || c == '-' || c == '>'))
		return "write '=>'";
	if (lex_expects(l, "a key") && c == '[')
		return "a field stands in quotes here";
	if (str_eqz(before, "elsif") || str_eqz(before, "elif"))
		return "write 'else if'";
	if (str_eqz(before, "else"))
		return "this 'else' belongs to no 'if'";
	if (str_ieq(before, STR("if")) && !str_eqz(before, "if"))
		return "write 'if'";
	if (c == ',' && (lex_expects(l, "a blank") || lex_expects(l, "an option") || lex_expects(l, "a key")))
		return "options and hash entries are separated by blanks, without commas";
	if (c == ';')
		return "nothing ends with ';' in this language";
	if (str_starts(rest, STR("${")))
		return "a ${VARIABLE} stands inside quotes";
	if (lex_expects(l, "a blank") && (c == ':' || c == '.' || c == '-' || c == '/'))
		return "values with other characters than letters, digits and '_' stand in quotes";
	return NULL;
}

/* Was the string in front of the failure likely not meant to end where it did? */
static const char *string_note(struct lexer *l)
{
	char c = l->text.p[l->far];
	struct lexer copy = *l;
	struct str s;

	if (l->last_string == SIZE_MAX || l->last_string >= l->far)
		return NULL;
	copy.at = l->last_string;
	if (!lex_string(&copy, &s) || copy.at > l->far)
		return NULL;
	if (str_chr(s, '\n') >= 0) {
		struct pos from = lex_pos(l, l->last_string);

		return arena_dupz(l->a, arena_printf(l->a, "the string before it began in line %u: is a quote missing there?",
						     from.line));
	}
	if (copy.at != l->far || (!is_word(c) && !strchr("\"'%\\[,", c)))
		return NULL;
	if (str_find(s, STR("\\\"")) >= 0 || str_find(s, STR("\\'")) >= 0)
		return "a backslash before a quote keeps the string open, so no string can end in a backslash";
	return c == ',' ? NULL : "a quote inside a string needs the other kind of quote around it";
}

/* `grok { match => "x"   mutate { ... }`: the second is no option of the first, whose brace is missing. */
static const char *brace_note(struct lexer *l)
{
	struct str word = lex_name_before(l->text, l->far), inside = str_trim(str_from(l->text, l->far + 1));
	size_t open = l->far_open;
	struct pos from;

	if (!lex_expects(l, "'=>'") || l->far >= l->text.len || open == SIZE_MAX || !word.len ||
	    (l->text.p[l->far] != '{' && !(str_eqz(word, "if") && l->text.p[l->far] == '[')))
		return NULL;
	/* `output {` within a filter was read as a plug-in of that name, and so is an 'else' that follows no 'if'. */
	if (l->far_in.statement != SIZE_MAX &&
	    (lex_is_section(l->text, l->far_in.statement) || str_eqz(lex_name(l->text, l->far_in.statement), "else"))) {
		word = lex_name(l->text, l->far_in.statement);
		open = l->far_in.block;
	} else if (inside.len && (inside.p[0] == '"' || inside.p[0] == '\'')) {
		return "is '=>' missing before the '{'?";
	}
	from = lex_pos(l, open);
	return arena_dupz(l->a, arena_printf(l->a, "'%.*s' stands inside the '{' of %u:%u: is a '}' missing before it?",
					     STR_ARG(word), from.line, from.col));
}

static void add_expected(const struct lexer *l, struct buf *b)
{
	const char *told[EXPECT_MAX];
	unsigned n = 0;

	for (unsigned hidden = 0; hidden < 2 && n == 0; hidden++)
		for (unsigned i = 0; i < l->nexpected; i++)
			if ((l->expected[i][0] == EXPECT_HIDDEN[0]) == (hidden == 1))
				told[n++] = l->expected[i] + hidden;
	for (unsigned i = 0; i < n; i++)
		buf_printf(b, "%s%s", i == 0 ? "expected " : i + 1 == n ? " or " : ", ", told[i]);
}

void lex_report(struct lexer *l)
{
	struct pos pos = lex_pos(l, l->far), open = pos;
	const char *hint;
	struct buf b;

	if (l->stopped)
		return;
	l->stopped = true;
	if (l->far >= l->text.len && l->far_open != SIZE_MAX) {
		char c = l->text.p[l->far_open];

		open = lex_pos(l, l->far_open);
		if (c == '"' || c == '\'' || c == '/') {
			diag_error(l->diag, open, "this %s is never closed: the text ends at %u:%u",
				   c == '/' ? "regular expression" : "string", pos.line, pos.col);
			return;
		}
	}
	buf_init(&b, 900);
	hint = usual_mistake(l);
	if (l->hint[0] && l->far <= l->hint_end) {
		buf_str(&b, str_z(l->hint));
		hint = NULL;
	} else {
		add_expected(l, &b);
		buf_printf(&b, ", not %.*s", STR_ARG(found(l)));
		if (l->far >= l->text.len && l->far_open != SIZE_MAX)
			buf_printf(&b, ": the '%c' at %u:%u is not closed", l->text.p[l->far_open], open.line, open.col);
		else if (l->far < l->text.len && !hint)
			hint = string_note(l);
		if (!hint)
			hint = brace_note(l);
	}
	if (hint)
		buf_printf(&b, " (%s)", hint);
	diag_error(l->diag, pos, "%.*s", STR_ARG(buf_slice(&b)));
	buf_release(&b);
}
