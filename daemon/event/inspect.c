#include "event/inspect.h"
#include "base/number.h"
#include "base/utf8.h"

/*
 * What Ruby does not print as it is: control characters, line and paragraph separators, what Unicode leaves unassigned.
 * Of the latter the large blocks only: single holes change with each version of Unicode.
 */
static bool printable(uint32_t cp)
{
	static const struct {
		uint32_t from, to;
	} hidden[] = {
		{0x7f, 0x84},	      {0x86, 0x9f},	  {0x2028, 0x2029},   {0xd7fc, 0xdfff},	  {0xfdd0, 0xfdef},
		{0xfff0, 0xfff8},     {0xfffe, 0xffff},	  {0x1fbfa, 0x1ffff}, {0x2ebe1, 0x2f7ff}, {0x2fa1e, 0x2ffff},
		{0x3134b, 0xe0000},   {0xe0002, 0xe001f}, {0xe0080, 0xe00ff}, {0xe01f0, 0xeffff}, {0xffffe, 0xfffff},
		{0x10fffe, 0x10ffff},
	};

	if (cp < 0x7f)
		return cp >= 0x20;
	for (size_t i = 0; i < sizeof(hidden) / sizeof(*hidden) && cp >= hidden[i].from; i++)
		if (cp <= hidden[i].to)
			return false;
	return true;
}

/* The letter behind the backslash, or 0. */
static char short_escape(unsigned char c)
{
	static const char letters[] = "abtnvfr";

	if (c == '"' || c == '\\')
		return (char)c;
	if (c >= '\a' && c <= '\r')
		return letters[c - '\a'];
	return c == 0x1b ? 'e' : 0;
}

void ruby_inspect_text(struct buf *out, struct str s)
{
	while (s.len) {
		struct str rest = s;
		char e = short_escape((unsigned char)s.p[0]);
		int32_t cp = utf8_next(&rest);

		if (cp < 0) {
			buf_printf(out, "\\x%02X", (unsigned char)s.p[0]);
		} else if (e) {
			buf_ch(out, '\\');
			buf_ch(out, e);
		} else if (cp == '#' && rest.len && (rest.p[0] == '{' || rest.p[0] == '$' || rest.p[0] == '@')) {
			buf_lit(out, "\\#");
		} else if (printable((uint32_t)cp)) {
			buf_add(out, s.p, s.len - rest.len);
		} else {
			buf_printf(out, cp < 0x10000 ? "\\u%04X" : "\\u{%X}", (unsigned)cp);
		}
		s = rest;
	}
}

void ruby_inspect_string(struct buf *out, struct str s)
{
	buf_ch(out, '"');
	ruby_inspect_text(out, s);
	buf_ch(out, '"');
}

static void inspect_list(struct buf *out, const struct list *l)
{
	buf_ch(out, '[');
	for (uint32_t i = 0; i < l->n; i++) {
		if (i)
			buf_lit(out, ", ");
		ruby_inspect(out, &l->v[i]);
	}
	buf_ch(out, ']');
}

static void inspect_map(struct buf *out, const struct map *m)
{
	buf_ch(out, '{');
	for (uint32_t i = 0; i < m->n; i++) {
		if (i)
			buf_lit(out, ", ");
		ruby_inspect_string(out, key_str(&m->e[i].key));
		buf_lit(out, " => ");
		ruby_inspect(out, &m->e[i].val);
	}
	buf_ch(out, '}');
}

void ruby_inspect(struct buf *out, const struct value *v)
{
	char text[NUMBER_TEXT_MAX + TS_TEXT_MAX];

	switch ((enum vtype)v->type) {
	case V_NONE:
	case V_NULL:
		buf_lit(out, "nil");
		break;
	case V_BOOL:
		buf_str(out, v->b ? STR("true") : STR("false"));
		break;
	case V_INT:
		buf_i64(out, v->i);
		break;
	case V_BIGINT:
		buf_str(out, value_str(v));
		break;
	case V_FLOAT:
		buf_add(out, text, ruby_double_text(v->f, text));
		break;
	case V_TIME:
		buf_add(out, text, ts_format(value_ts(v), text));
		break;
	case V_STRING:
		ruby_inspect_string(out, value_str(v));
		break;
	case V_LIST:
		inspect_list(out, v->list);
		break;
	case V_MAP:
		inspect_map(out, v->map);
		break;
	}
}
