/*
 * rubyre_write.c - how what was read is spelled for the two engines, and what of it PCRE2 cannot say.
 *
 * Most is the same for both: classes are written as ranges and properties, so \w and \d mean what they mean in Ruby whatever the engine makes of
 * those letters. libonig is given expressions without names and with a dot that matches a line feed, as PCRE2 is.
 *
 * In either case a letter of Unicode may stand for several: "ss" matches a sharp s, [[:alpha:]] matches "ss". PCRE2 compares letter by letter. What
 * that means depends on where such a letter stands: in the expression (it is told to libonig) or in the text only (a doubt).
 */
#include "base/rubyre_int.h"

#include "base/utf8.h"

static const char many_letters[] = "letters that stand for several in either case";

/* ---- letters ---- */

/* Can a and b, one behind the other, be one letter in the text? The five pairs of ASCII, and whatever holds an accent. */
static bool may_be_one(uint32_t a, uint32_t b)
{
	static const char pairs[][2] = {{'f', 'f'}, {'f', 'i'}, {'f', 'l'}, {'s', 's'}, {'s', 't'}};

	if (a >= 0x80 || b >= 0x80)
		return true;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++)
		if ((a | 32) == (uint32_t)pairs[i][0] && (b | 32) == (uint32_t)pairs[i][1])
			return true;
	return false;
}

void rubyre_write_literal(struct parser *p, uint32_t c, struct mode m)
{
	bool follows = p->last_end == p->out->len && p->last_end;
	char bytes[4];

	if (m.icase && set_many_letters(c, c))
		inexact(p, many_letters);
	if (m.icase && follows && may_be_one(p->last, c))
		p->doubts |= RUBYRE_DOUBT_FOLD;
	if (c < 0x20 || c == 0x7f) {
		buf_printf(p->out, "\\x{%x}", c);
	} else {
		if (c < 0x80 && !ch_alnum((char)c) && !strchr(" !\"%&',/:;<=>@_`~", (int)c))
			buf_ch(p->out, '\\');
		buf_add(p->out, bytes, utf8_put(bytes, c));
	}
	p->last = c;
	p->last_end = p->out->len;
}

/* ---- classes ---- */

void rubyre_write_set(struct parser *p, struct set *s, bool neg, struct mode m)
{
	if (m.icase && !neg) {
		if (s->cased)
			inexact(p, "a class of Unicode's letters in either case");
		for (size_t i = 0; i < s->n; i++)
			if (set_many_letters(s->range[i].lo, s->range[i].hi))
				inexact(p, many_letters);
	} else if (m.icase && s->cased) {
		inexact(p, "a class of Unicode's letters in either case");
	}
	set_write(s, neg, p->out);
}

void rubyre_write_escape(struct parser *p, char letter, struct mode m)
{
	struct set s;

	set_init(&s);
	set_add_escape(&s, ch_lower(letter), false, m.set);
	if (m.icase)
		buf_lit(p->out, "(?-i:");
	set_write(&s, letter < 'a', p->out);
	if (m.icase)
		buf_ch(p->out, ')');
	set_release(&s);
}

void rubyre_write_dot(struct parser *p, struct mode m)
{
	buf_str(p->out, m.dotall ? STR(".") : p->dialect == RUBYRE_PCRE2 ? STR("\\N") : STR("[^\\x{a}]"));
}

/* Ruby counts accents to words and signs like a circled digit not; PCRE2 the other way round. No text in ASCII tells. */
void rubyre_write_boundary(struct parser *p, char letter, struct mode m)
{
	if (m.set != SET_ASCII) {
		p->doubts |= RUBYRE_DOUBT_WORD;
		buf_printf(p->out, "\\%c", letter);
		return;
	}
	if (m.icase)
		buf_lit(p->out, "(?-i:");
	buf_str(p->out, letter == 'b' ? STR("(?:(?<![0-9A-Za-z_])(?=[0-9A-Za-z_])|(?<=[0-9A-Za-z_])(?![0-9A-Za-z_]))")
				      : STR("(?:(?<![0-9A-Za-z_])(?![0-9A-Za-z_])|(?<=[0-9A-Za-z_])(?=[0-9A-Za-z_]))"));
	if (m.icase)
		buf_ch(p->out, ')');
}

/* libonig has nothing repeated that is only a place: with an empty text behind it, it is more than that. */
void rubyre_write_nothing(struct parser *p)
{
	if (p->dialect == RUBYRE_ONIG)
		buf_lit(p->out, "(?:)");
}

/* ---- references ---- */

void rubyre_write_backref(struct parser *p, unsigned group, struct str level)
{
	buf_printf(p->out, p->dialect == RUBYRE_PCRE2 ? "\\g{%u}" : "\\k<%u%.*s>", group, STR_ARG(level));
}

void rubyre_write_call(struct parser *p, unsigned group)
{
	buf_printf(p->out, p->dialect == RUBYRE_PCRE2 ? "(?%u)" : "\\g<%u>", group);
}

/* ---- the absent operator ---- */

/*
 * A text without X ends before the first X ends. Where all of X have the same length that is told by what both engines have: letters at which
 * no X begins, and then, of the first X, all but its last letter. Otherwise libonig's own operator, which ends before the first X begins.
 */
void rubyre_write_absent(struct parser *p, size_t at, size_t chars)
{
	struct buf x;

	buf_init(&x, 0);
	buf_add(&x, p->out->p + at, p->out->len - at);
	p->out->len = at;
	if (!chars) {
		inexact(p, "the absent operator");
		buf_lit(p->out, "(?~(?:");
		buf_str(p->out, buf_slice(&x));
		buf_lit(p->out, "))");
	} else {
		buf_lit(p->out, "(?:(?:(?!");
		buf_str(p->out, buf_slice(&x));
		buf_lit(p->out, ").)*");
		if (chars > 1) {
			buf_lit(p->out, "(?:(?=");
			buf_str(p->out, buf_slice(&x));
			buf_printf(p->out, ").{0,%zu})?", chars - 1);
		}
		buf_ch(p->out, ')');
	}
	buf_release(&x);
}
