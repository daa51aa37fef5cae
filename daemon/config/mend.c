#include "config/mend.h"

#include <stdlib.h>

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool is_word(char c)
{
	return ch_alnum(c) || c == '_';
}

static bool is_quote(char c)
{
	return c == '"' || c == '\'';
}

void mend_init(struct mend *m, struct str text)
{
	*m = (struct mend){.source = text, .n = text.len, .cap = text.len + 1024};
	m->text = xmalloc(m->cap);
	m->origin = xmalloc((m->cap + 1) * sizeof(*m->origin));
	if (text.len)
		memcpy(m->text, text.p, text.len);
	for (size_t i = 0; i <= text.len; i++)
		m->origin[i] = (uint32_t)i;
}

void mend_release(struct mend *m)
{
	free(m->text);
	free(m->origin);
}

bool mend_touched(const struct mend *m, size_t start, size_t end)
{
	if (end <= start || end > m->n)
		return false;
	for (unsigned i = 0; i < m->ntouched; i++)
		if (m->touched[i] >= m->origin[start] && m->touched[i] <= m->origin[end - 1])
			return true;
	return false;
}

/* ---- changes of the text ---- */

static char byte_at(const struct mend *m, size_t at)
{
	return at < m->n ? m->text[at] : '\0';
}

static struct str whole(const struct mend *m)
{
	return str_n(m->text, m->n);
}

/* `what` in the place of len bytes. A failure up to their end is none of its own. */
static void put(struct mend *m, size_t at, size_t len, const char *what)
{
	size_t add = strlen(what), rest = m->n - at - len;
	uint32_t before = m->origin[at] ? m->origin[at] - 1 : 0;

	m->reach = m->origin[at + len];
	if (m->n - len + add > m->cap) {
		m->cap = 2 * (m->n + add);
		m->text = xrealloc(m->text, m->cap);
		m->origin = xrealloc(m->origin, (m->cap + 1) * sizeof(*m->origin));
	}
	memmove(m->text + at + add, m->text + at + len, rest);
	memmove(m->origin + at + add, m->origin + at + len, (rest + 1) * sizeof(*m->origin));
	memcpy(m->text + at, what, add);
	for (size_t i = len; i < add; i++)
		m->origin[at + i] = before;
	m->n = m->n - len + add;
}

/* What is in the way goes; lines stay lines. */
static void blank(struct mend *m, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++)
		if (m->text[i] != '\n')
			m->text[i] = ' ';
	m->reach = m->origin[to];
}

/* Around `at` stands something whose meaning is not known. */
static void touch(struct mend *m, size_t at)
{
	if (m->ntouched < MEND_CHANGES_MAX)
		m->touched[m->ntouched++] = m->origin[at];
}

/* What was left open is closed before `at`, and does not count as read. */
static void put_closing(struct mend *m, size_t at, const char *bracket)
{
	size_t before = at ? at - 1 : 0;

	put(m, at, 0, bracket);
	m->closing = m->shaken = true;
	touch(m, before);
}

/* ---- looking around ---- */

static size_t skip_blanks(const struct mend *m, size_t at)
{
	while (at < m->n && is_blank(m->text[at]))
		at++;
	return at;
}

/* Blanks and comments. */
static size_t skip_space(const struct mend *m, size_t at)
{
	for (at = skip_blanks(m, at); byte_at(m, at) == '#'; at = skip_blanks(m, at))
		while (at < m->n && m->text[at] != '\n')
			at++;
	return at;
}

static size_t line_begin(const struct mend *m, size_t at)
{
	while (at > 0 && m->text[at - 1] != '\n')
		at--;
	return at;
}

static size_t line_end(const struct mend *m, size_t at)
{
	while (at < m->n && m->text[at] != '\n')
		at++;
	return at;
}

/* Nothing but blanks stands before it in its line. */
static bool leads_line(const struct mend *m, size_t at)
{
	return skip_blanks(m, line_begin(m, at)) == at;
}

static size_t indentation(const struct mend *m, size_t at)
{
	size_t begin = line_begin(m, at), i = begin, n = 0;

	for (; byte_at(m, i) == ' ' || byte_at(m, i) == '\t'; i++)
		n = m->text[i] == '\t' ? (n | 7) + 1 : n + 1;
	return n;
}

/* From the quote on: behind the closing one, or SIZE_MAX. */
static size_t skip_string(const struct mend *m, size_t at)
{
	char quote = m->text[at++];

	for (; at < m->n; at++) {
		if (m->text[at] == quote)
			return at + 1;
		if (m->text[at] == '\\' && byte_at(m, at + 1) == quote)
			at++;
	}
	return SIZE_MAX;
}

/* From the '{' on: behind its '}', or SIZE_MAX. */
static size_t skip_braces(const struct mend *m, size_t at)
{
	size_t depth = 0;

	while (at < m->n) {
		char c = m->text[at];

		if (is_quote(c)) {
			at = skip_string(m, at);
			if (at == SIZE_MAX)
				return SIZE_MAX;
			continue;
		}
		if (c == '#') {
			at = line_end(m, at);
			continue;
		}
		at++;
		depth += c == '{';
		if (c == '}' && --depth == 0)
			return at;
	}
	return SIZE_MAX;
}

/* The next line after `at` that begins a section; the end where there is none. */
static size_t next_section(const struct mend *m, size_t at)
{
	for (at = line_end(m, at); at < m->n; at = line_end(m, at)) {
		size_t word = skip_blanks(m, at + 1);

		if (word >= m->n)
			break;
		if (lex_is_section(whole(m), word))
			return word;
		at = word;
	}
	return m->n;
}

/* `name =>` */
static bool is_option(const struct mend *m, size_t at)
{
	struct str name = lex_name(whole(m), at);

	return name.len && str_starts(str_from(whole(m), skip_blanks(m, at + name.len)), STR("=>"));
}

/* What stands in a hash or among options: `name =>`, `"name" =>`; or its end. */
static bool is_entry(const struct mend *m, size_t at)
{
	size_t end = is_quote(byte_at(m, at)) ? skip_string(m, at) : at + lex_name(whole(m), at).len;

	return byte_at(m, at) == '}' || (end != SIZE_MAX && end > at && str_starts(str_from(whole(m), skip_blanks(m, end)), STR("=>")));
}

/* `name {`, or an if */
static bool is_statement(const struct mend *m, size_t at)
{
	struct str name = lex_name(whole(m), at);
	char c = byte_at(m, skip_blanks(m, at + name.len));

	return name.len && (c == '{' || str_eqz(name, "if") || str_eqz(name, "else"));
}

static bool any_of(const struct mend *m, size_t from, size_t to, const char *set)
{
	for (size_t i = from; i < to; i++)
		if (strchr(set, m->text[i]))
			return true;
	return false;
}

/* ---- a few bytes ---- */

/* A string begins in the line and does not end there, as far as one can tell. */
static bool is_odd_line(const struct mend *m, size_t at)
{
	size_t end = line_end(m, at), string;

	for (at = line_begin(m, at); at < end && m->text[at] != '#'; at++) {
		if (!is_quote(m->text[at]))
			continue;
		string = skip_string(m, at);
		if (string > end)
			return true;
		at = string - 1;
	}
	return false;
}

/* A string whose end is missing, or that a quote within it ended: nothing behind it can be trusted, but for one that was to end with its line. */
static bool is_string_trouble(const struct mend *m, const struct lexer *l, size_t *begin)
{
	char c = byte_at(m, l->far);
	size_t end;

	*begin = l->far_open;
	if (l->far >= m->n && l->far_open != SIZE_MAX && is_quote(byte_at(m, l->far_open)))
		return true;
	*begin = SIZE_MAX;
	if (is_odd_line(m, l->far))
		return true;
	*begin = l->last_string;
	if (l->last_string == SIZE_MAX || l->last_string >= l->far)
		return false;
	end = skip_string(m, l->last_string);
	if (end == SIZE_MAX || end > l->far || any_of(m, end, l->far, "\n"))
		return false;
	return any_of(m, l->last_string, end, "\n") || (end == l->far && (is_word(c) || (c && strchr("\"'%\\[/", c))));
}

static bool mend_string(struct mend *m, size_t begin)
{
	size_t end = line_end(m, begin);
	char quote[2] = {byte_at(m, begin)};

	if (begin == SIZE_MAX || any_of(m, begin + 1, end, "\"'{}[],#"))
		return false;
	while (end > begin && is_blank(m->text[end - 1]))
		end--;
	m->shaken = m->string = true;
	put(m, end, 0, quote);
	touch(m, begin);
	return true;
}

/* A word, path or ${VARIABLE} gets the quotes that it needs. */
static bool quote_word(struct mend *m, size_t at)
{
	size_t end = at;

	while (end < m->n && !is_blank(m->text[end]) && !strchr("\"'#,[]{}", m->text[end])) {
		end++;
		if (m->text[end - 1] == '$' && byte_at(m, end) == '{')
			while (end < m->n && m->text[end] != '\n' && m->text[end++] != '}')
				;
	}
	if (end == at)
		return false;
	touch(m, at);
	put(m, end, 0, "\"");
	put(m, at, 0, "\"");
	m->reach = m->origin[end + 2];
	return true;
}

/* `//` and what C has else. */
static bool mend_comment(struct mend *m, size_t at)
{
	size_t end = line_end(m, at);
	ptrdiff_t close = byte_at(m, at + 1) == '*' ? str_find(str_from(whole(m), at), STR("*/")) : -1;

	if (close >= 0)
		end = at + (size_t)close + 2;
	else if (byte_at(m, at + 1) != '/')
		return false;
	blank(m, at, end);
	return true;
}

/* The condition is replaced by one that says nothing; its block stays. */
static bool mend_condition(struct mend *m, const struct lexer *l)
{
	size_t begin = l->far_in.condition, at = begin, lines = 0;

	if (l->far > begin && lex_expects(l, "'{'") && leads_line(m, l->far) && (is_statement(m, l->far) || is_option(m, l->far))) {
		put(m, l->far, 0, "{ ");
		m->shaken = true;
		return true;
	}
	for (; at < m->n && m->text[at] != '{'; at++) {
		char c = m->text[at];

		if (is_quote(c) || (c == '/' && str_ends(str_trim(str_sub(whole(m), begin, at - begin)), STR("~")))) {
			at = skip_string(m, at);
			if (at == SIZE_MAX)
				return false;
			at--;
		}
		lines += c == '\n';
		if (c == '}' || (at > l->far && lines > 2))
			return false;
	}
	if (at >= m->n || at < l->far)
		return false;
	blank(m, begin, at);
	touch(m, begin);
	put(m, begin, at - begin < 4 ? 0 : 4, "[x] ");
	m->reach = m->origin[skip_blanks(m, begin + 4)];
	return true;
}

static bool is_section_slip(const struct mend *m, size_t at)
{
	struct str word = lex_name(whole(m), at);

	return word.len && lex_section_meant(word) && byte_at(m, skip_blanks(m, at + word.len)) == '{';
}

/* Between sections. */
static bool mend_section(struct mend *m, const struct lexer *l)
{
	if (lex_expects(l, "'{'")) {
		if (!is_statement(m, l->far))
			return false;
		put(m, l->far, 0, "{ ");
		m->shaken = true;
		return true;
	}
	if (!is_section_slip(m, l->far))
		return false;
	put(m, l->far, lex_name(whole(m), l->far).len, lex_section_meant(lex_name(whole(m), l->far)));
	return true;
}

/* `output {` or `else` where a plug-in stands: the block before it is not closed. */
static bool is_unclosed(const struct mend *m, const struct lexer *l)
{
	size_t at = l->far_in.statement;

	return at != SIZE_MAX && (lex_is_section(whole(m), at) || (l->far_in.blocks > 1 && str_eqz(lex_name(whole(m), at), "else")));
}

static bool close_block(struct mend *m, const struct lexer *l)
{
	if (!is_unclosed(m, l))
		return false;
	put_closing(m, l->far_in.statement, "}");
	return true;
}

/* `match {`: an option without its arrow, or a plug-in before which a '}' is missing? */
static bool mend_brace(struct mend *m, const struct lexer *l)
{
	size_t inside = skip_space(m, l->far + 1);
	struct str name = lex_name_before(whole(m), l->far);
	size_t word = (size_t)(name.p - m->text);

	if (close_block(m, l))
		return true;
	if (!name.len)
		return false;
	if (byte_at(m, l->far) == '{' &&
	    (is_quote(byte_at(m, inside)) || !leads_line(m, word) || indentation(m, word) > indentation(m, l->far_open))) {
		put(m, l->far, 0, "=> ");
		m->shaken = true;
		touch(m, word);
		return true;
	}
	if (!leads_line(m, word))
		return false;
	put_closing(m, word, "}");
	return true;
}

/* A value, and then nothing in its line but what may follow one. */
static bool is_alone(const struct mend *m, size_t at)
{
	size_t end = is_quote(byte_at(m, at)) ? skip_string(m, at) : at + lex_name(whole(m), at).len;

	if (byte_at(m, at) == '[')
		return true;
	if (end == SIZE_MAX || end == at)
		return false;
	while (byte_at(m, end) == ' ' || byte_at(m, end) == '\t')
		end++;
	return end >= m->n || m->text[end] == '\n' || m->text[end] == '#' || is_entry(m, end);
}

static bool mend_arrow(struct mend *m, const struct lexer *l)
{
	size_t at = l->far, end = at;
	char c = byte_at(m, at);

	if (c == '{' || (c == '[' && str_eqz(lex_name_before(whole(m), at), "if")))
		return mend_brace(m, l);
	while (byte_at(m, end) && strchr("=:->", m->text[end]))
		end++;
	/* `= >` */
	if (end > at && byte_at(m, skip_blanks(m, end)) == '>')
		end = skip_blanks(m, end) + 1;
	if (end > at) {
		put(m, at, end - at, "=>");
		return true;
	}
	if (is_option(m, at)) {
		/* A word too many, in front of a whole option. */
		struct str name = lex_name_before(whole(m), at);
		size_t word = (size_t)(name.p - m->text);

		touch(m, word);
		blank(m, word, word + name.len);
		m->reach = m->origin[at];
		return true;
	}
	if (is_alone(m, at)) {
		put(m, at, 0, "=> ");
		return true;
	}
	if (c != '}')
		return false;
	put(m, at, 0, " => \"x\" ");
	touch(m, at);
	return true;
}

/* Where another statement could begin. */
static bool mend_statement(struct mend *m, const struct lexer *l)
{
	struct str before = lex_name_before(whole(m), l->far), name;
	size_t at = l->far_in.statement;

	if (close_block(m, l))
		return true;
	if (!lex_expects(l, "'{'") || l->far == at)
		return false;
	if (str_eqz(before, "elsif") || str_eqz(before, "elif") || (str_ieq(before, STR("if")) && !str_eqz(before, "if"))) {
		put(m, (size_t)(before.p - m->text), before.len, before.p[0] == 'e' ? "else if" : "if");
		m->reach = m->origin[l->far];
		return true;
	}
	if (is_option(m, l->far)) {
		put(m, l->far, 0, "{ ");
		m->shaken = true;
		return true;
	}
	/* `drop }`, and `drop` alone. */
	name = lex_name(whole(m), at);
	if (!name.len || str_eqz(name, "if") || str_eqz(name, "else") || (byte_at(m, l->far) != '}' && !is_statement(m, l->far)))
		return false;
	if (byte_at(m, l->far) == '}' && !leads_line(m, l->far)) {
		put(m, l->far, 0, "{ ");
		m->shaken = true;
		return true;
	}
	put(m, at + name.len, 0, " { }");
	m->reach = m->origin[l->far];
	return true;
}

/* Where a value should begin. */
static bool mend_value(struct mend *m, const struct lexer *l)
{
	size_t at = l->far, comma = at;
	char c = byte_at(m, at);

	if (c == ']') {
		while (comma > 0 && is_blank(m->text[comma - 1]))
			comma--;
		if (comma == 0 || m->text[comma - 1] != ',')
			return false;
		blank(m, comma - 1, comma);
		m->reach = m->origin[at];
		return true;
	}
	if (c == '=' && byte_at(m, at + 1) == '>') {
		blank(m, at, at + 2);
		return true;
	}
	if (c == '}') {
		put(m, at, 0, " \"x\" ");
		touch(m, at);
		return true;
	}
	return quote_word(m, at);
}

/* `["a" "b"]`, `["a" }` */
static bool mend_array(struct mend *m, const struct lexer *l)
{
	char c = byte_at(m, l->far);

	if (c == '}' || is_option(m, l->far)) {
		put_closing(m, l->far, "]");
		return true;
	}
	if (!is_word(c) && !is_quote(c) && c != '[' && c != '{')
		return false;
	put(m, l->far, 0, ", ");
	return true;
}

/* `a =>`, and the next option in the next line was taken for the value. */
static bool mend_lost_value(struct mend *m, size_t at)
{
	struct str name = lex_name_before(whole(m), at);
	size_t word = (size_t)(name.p - m->text);

	if (!name.len || !leads_line(m, word))
		return false;
	put(m, word, 0, "\"x\" ");
	touch(m, word);
	m->reach = m->origin[at + 4];
	return true;
}

static bool change_bytes(struct mend *m, const struct lexer *l)
{
	size_t at = l->far, string;
	char c = byte_at(m, at);

	if (c == '/' && mend_comment(m, at))
		return true;
	if (l->far_in.statement == SIZE_MAX)
		return mend_section(m, l);
	if (is_string_trouble(m, l, &string)) {
		m->means = MEND_SECTION;
		return mend_string(m, string);
	}
	if (c == ',' && (lex_expects(l, "a blank") || lex_expects(l, "an option") || lex_expects(l, "a key"))) {
		if (!is_entry(m, skip_space(m, at + 1)))
			return false;
		blank(m, at, at + 1);
		return true;
	}
	if (at >= m->n && l->far_open != SIZE_MAX && strchr("{[", m->text[l->far_open])) {
		put_closing(m, at, m->text[l->far_open] == '{' ? "}" : "]");
		return true;
	}
	if (l->far_in.condition != SIZE_MAX)
		return mend_condition(m, l);
	if (l->hint[0] && at <= l->hint_end)
		return quote_word(m, l->hint_at);
	/* `mutate { {` */
	if (c == '{' && str_ends(str_trim(str_sub(whole(m), 0, at)), STR("{"))) {
		blank(m, at, at + 1);
		m->shaken = true;
		return true;
	}
	if (c == ';') {
		blank(m, at, at + 1);
		return true;
	}
	if (lex_expects(l, "'=>'") && !lex_expects(l, "'{'"))
		return mend_arrow(m, l);
	if (lex_expects(l, "a value"))
		return mend_value(m, l);
	if (lex_expects(l, "']'"))
		return mend_array(m, l);
	if (c == '=' && lex_expects(l, "an option"))
		return mend_lost_value(m, at);
	return mend_statement(m, l);
}

/* ---- more than that ---- */

/* Behind a statement comes the next one, or the end of its block. */
static bool goes_on(const struct mend *m, size_t at)
{
	at = skip_space(m, at);
	return at >= m->n || m->text[at] == '}' || is_statement(m, at);
}

static bool leave_statement(struct mend *m, const struct lexer *l)
{
	size_t begin = l->far_in.statement, end;

	if (begin == SIZE_MAX)
		return false;
	end = skip_blanks(m, begin + lex_name(whole(m), begin).len);
	if (byte_at(m, end) == '{') {
		end = skip_braces(m, end);
		if (end == SIZE_MAX || end <= l->far || next_section(m, begin) < end)
			return false;
	} else {
		end = line_end(m, begin);
		if (end <= l->far || any_of(m, begin, end, "{}\"'"))
			return false;
	}
	if (!goes_on(m, end))
		return false;
	blank(m, begin, end);
	m->reach = m->origin[skip_space(m, end)];
	m->shaken = true;
	return true;
}

/* What was read of the section before stays, and is closed. */
static bool leave_section(struct mend *m, const struct lexer *l)
{
	size_t begin = l->far_in.statement == SIZE_MAX ? l->far : l->far_in.statement, end = next_section(m, l->far);
	uint32_t reach = m->origin[end];

	if (l->far_in.statement == SIZE_MAX && l->far_in.section != SIZE_MAX)
		begin = l->far_in.section;
	if (begin == end)
		return false;
	blank(m, begin, end);
	for (unsigned i = 0; l->far_in.statement != SIZE_MAX && i < l->far_in.blocks; i++)
		put(m, begin, 0, "}");
	m->reach = reach;
	m->shaken = true;
	return true;
}

/* ---- one after the other ---- */

bool mend_judge(struct mend *m, const struct lexer *l)
{
	bool again = m->changes && m->origin[l->far] <= m->reach;
	size_t begin;

	/* Several brackets may be missing in one place. */
	if (again && !m->closing)
		m->means = m->means == MEND_BYTES ? MEND_STATEMENT : MEND_SECTION;
	else
		m->means = MEND_BYTES;
	m->closing = false;
	if (m->string && is_string_trouble(m, l, &begin)) {
		m->means = MEND_SECTION;
		return false;
	}
	if (again)
		return false;
	if (!m->shaken)
		return true;
	return l->far < m->n && (l->far_in.statement == SIZE_MAX ? is_section_slip(m, l->far) : !is_unclosed(m, l));
}

bool mend_change(struct mend *m, const struct lexer *l)
{
	if (m->changes == 2 * MEND_CHANGES_MAX)
		return false;
	if (++m->changes > MEND_CHANGES_MAX)
		m->means = MEND_SECTION;
	if (m->means == MEND_BYTES && change_bytes(m, l))
		return true;
	if (m->means != MEND_SECTION) {
		m->means = MEND_STATEMENT;
		if (leave_statement(m, l))
			return true;
	}
	m->means = MEND_SECTION;
	return leave_section(m, l);
}
