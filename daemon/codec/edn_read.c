#include "codec/edn_read.h"
#include "base/number.h"
#include "base/utf8.h"
#include "event/ruby_number.h"
#include "event/ruby_text.h"

struct reader {
	struct arena *a;
	struct str s;
	unsigned depth, hidden; /* hidden: within #_, where symbols are fine */
};

enum got { GOT, END, BAD }; /* a value; the bracket that closes; neither */

static bool blank(char c)
{
	return c == ' ' || c == ',' || (c >= '\t' && c <= '\r');
}

/* What ends a word. */
static bool delimits(char c)
{
	return blank(c) || memchr("()[]{}\";", c, 8);
}

static struct str take_word(struct reader *r)
{
	size_t n = 0;
	struct str w;

	while (n < r->s.len && !delimits(r->s.p[n]))
		n++;
	w = str_sub(r->s, 0, n);
	r->s = str_from(r->s, n);
	return w;
}

static enum got read_value(struct reader *r, struct value *out);

/* Blanks, comments, and #_ with the value that it hides. */
static bool skip(struct reader *r)
{
	while (r->s.len) {
		if (blank(r->s.p[0])) {
			r->s = str_from(r->s, 1);
		} else if (r->s.p[0] == ';') {
			ptrdiff_t end = str_chr(r->s, '\n');

			r->s = str_from(r->s, end < 0 ? r->s.len : (size_t)end);
		} else if (str_starts(r->s, STR("#_"))) {
			struct value hidden;

			r->s = str_from(r->s, 2);
			r->hidden++;
			if (read_value(r, &hidden) != GOT)
				return false;
			r->hidden--;
		} else {
			break;
		}
	}
	return true;
}

static bool read_text(struct reader *r, struct value *out)
{
	char *text = arena_bytes(r->a, r->s.len);
	size_t n = 0;

	for (size_t i = 0; i < r->s.len; i++) {
		static const char from[] = "trnbf\\\"/", to[] = "\t\r\n\b\f\\\"/";
		const char *at;
		uint64_t cp;

		if (r->s.p[i] == '"') {
			r->s = str_from(r->s, i + 1);
			*out = v_str(str_n(text, n));
			return true;
		}
		if (r->s.p[i] != '\\') {
			text[n++] = r->s.p[i];
			continue;
		}
		if (++i == r->s.len)
			return false;
		at = r->s.p[i] ? strchr(from, r->s.p[i]) : NULL;
		if (at) {
			text[n++] = to[at - from];
		} else if (r->s.p[i] == 'u' && r->s.len - i > 4 && str_hex64(str_sub(r->s, i + 1, 4), &cp) && (cp < 0xd800 || cp > 0xdfff)) {
			/* Six bytes of source, at most three of text. */
			n += utf8_put(text + n, (uint32_t)cp);
			i += 4;
		} else {
			return false;
		}
	}
	return false;
}

static bool read_character(struct reader *r, struct value *out)
{
	static const struct {
		const char *name, *text;
	} named[] = {{"newline", "\n"}, {"space", " "}, {"tab", "\t"}, {"return", "\r"}};
	struct str w, one;

	if (!r->s.len)
		return false;
	one = r->s;
	(void)utf8_next(&one);
	one = str_sub(r->s, 0, r->s.len - one.len);
	w = take_word(r);
	if (w.len <= one.len) {
		if (w.len == 0)
			r->s = str_from(r->s, one.len);
		*out = v_str(one);
		return true;
	}
	for (size_t i = 0; i < sizeof(named) / sizeof(*named); i++) {
		if (str_eqz(w, named[i].name)) {
			*out = v_str(str_z(named[i].text));
			return true;
		}
	}
	return false;
}

/* 12, -1N, 1.5, 2e3M. */
static bool read_number(struct arena *a, struct str w, struct value *out)
{
	bool big = str_ends(w, STR("N")), exact = str_ends(w, STR("M")), neg = w.p[0] == '-';
	struct str digits;
	double f;
	size_t n = 0;

	w.len -= big || exact;
	digits = str_from(w, neg || (w.len && w.p[0] == '+'));
	while (n < digits.len && ch_digit(digits.p[n]))
		n++;
	if (!n)
		return false;
	if (n == digits.len && !exact) {
		*out = ruby_int_value(a, digits, neg);
		return true;
	}
	if (big || !number_parse_double(neg ? w : digits, &f))
		return false;
	*out = v_float(f);
	return true;
}

static bool read_word(struct reader *r, struct value *out)
{
	struct str w = take_word(r);

	if (!w.len)
		return false;
	if (w.p[0] == ':') {
		*out = v_str(str_from(w, 1));
		return w.len > 1;
	}
	if (str_eq(w, STR("nil")))
		*out = v_null();
	else if (str_eq(w, STR("true")) || str_eq(w, STR("false")))
		*out = v_bool(w.len == 4);
	else if (!read_number(r->a, w, out))
		return r->hidden;
	return true;
}

static bool read_list(struct reader *r, char close, struct value *out)
{
	struct list *l = list_new(r->a, 4);
	struct value v;
	enum got got;

	while ((got = read_value(r, &v)) == GOT)
		list_push(r->a, l, v);
	if (got != END || r->s.p[0] != close)
		return false;
	r->s = str_from(r->s, 1);
	*out = v_list(l);
	return true;
}

static bool read_map(struct reader *r, struct value *out)
{
	struct map *m = map_new(r->a, 4);
	struct value key = v_null(), v;
	enum got got;

	while ((got = read_value(r, &key)) == GOT) {
		if (read_value(r, &v) != GOT)
			return false;
		map_set(r->a, m, key_make(ruby_to_s(r->a, &key)), v);
	}
	if (got != END || r->s.p[0] != '}')
		return false;
	r->s = str_from(r->s, 1);
	*out = v_map(m);
	return true;
}

static bool read_some(struct reader *r, struct value *out)
{
	char c = r->s.p[0];

	if (c != '"' && c != '\\' && c != '[' && c != '(' && c != '{')
		return read_word(r, out);
	r->s = str_from(r->s, 1);
	if (c == '"')
		return read_text(r, out);
	if (c == '\\')
		return read_character(r, out);
	return c == '{' ? read_map(r, out) : read_list(r, c == '[' ? ']' : ')', out);
}

/* END stands before the bracket. */
static enum got read_value(struct reader *r, struct value *out)
{
	bool ok;

	if (r->depth == EDN_MAX_DEPTH)
		return BAD;
	r->depth++;
	ok = skip(r);
	r->depth--;
	if (!ok || !r->s.len)
		return BAD;
	if (memchr(")]}", r->s.p[0], 3))
		return END;
	r->depth++;
	ok = read_some(r, out);
	r->depth--;
	return ok ? GOT : BAD;
}

bool edn_read(struct arena *a, struct str text, struct value *out)
{
	struct reader r = {.a = a, .s = text};

	return read_value(&r, out) == GOT;
}
