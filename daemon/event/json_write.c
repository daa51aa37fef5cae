/*
 * json_write.c - values to JSON text as Logstash prints it; see json.h.
 *
 * Recursion is bounded like every other walk over values: nothing makes them deeper than JSON_MAX_DEPTH.
 */
#include "event/json.h"
#include "base/number.h"
#include "base/utf8.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* Goes into a JSON string as it is: printable ASCII but for quote and backslash. */
static inline bool plain_byte(char c)
{
	return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

#ifdef __SSE2__
/* A bit for each of the 16 bytes that is not plain. */
static inline unsigned special16(__m128i x)
{
	__m128i m = _mm_cmplt_epi8(x, _mm_set1_epi8(0x20)); /* signed: from 0x80 on, too */

	m = _mm_or_si128(m, _mm_cmpeq_epi8(x, _mm_set1_epi8('"')));
	m = _mm_or_si128(m, _mm_cmpeq_epi8(x, _mm_set1_epi8('\\')));
	m = _mm_or_si128(m, _mm_cmpeq_epi8(x, _mm_set1_epi8(0x7f)));
	return (unsigned)_mm_movemask_epi8(m);
}

static inline size_t copy_plain_long(char *q, const char *p, size_t n)
{
	size_t i = 0;
	unsigned m;

	for (; n - i >= 16; i += 16) {
		__m128i x = _mm_loadu_si128((const __m128i *)(p + i));

		_mm_storeu_si128((__m128i *)(q + i), x);
		m = special16(x);
		if (m)
			return i + (unsigned)__builtin_ctz(m);
	}
	if (i < n) {
		/* The last 16 bytes overlap what is known to be plain. */
		__m128i x = _mm_loadu_si128((const __m128i *)(p + n - 16));

		_mm_storeu_si128((__m128i *)(q + n - 16), x);
		m = special16(x);
		if (m)
			return n - 16 + (unsigned)__builtin_ctz(m);
	}
	return n;
}

/* Copies plain bytes up to the first that is not; at most n bytes behind q are written. Returns how many are right. */
static inline size_t copy_plain(char *q, const char *p, size_t n)
{
	unsigned m;

	if (n >= 16)
		return copy_plain_long(q, p, n);
	if (n >= 8) {
		uint64_t head, tail;

		memcpy(&head, p, 8);
		memcpy(&tail, p + n - 8, 8);
		memcpy(q, &head, 8);
		memcpy(q + n - 8, &tail, 8);
		m = special16(_mm_set_epi64x((int64_t)tail, (int64_t)head));
		if (!m)
			return n;
		m = (unsigned)__builtin_ctz(m);
		return m < 8 ? m : n - 16 + m;
	}
	if (n >= 4) {
		uint32_t head, tail;

		memcpy(&head, p, 4);
		memcpy(&tail, p + n - 4, 4);
		memcpy(q, &head, 4);
		memcpy(q + n - 4, &tail, 4);
		m = special16(_mm_cvtsi64_si128((int64_t)((uint64_t)tail << 32 | head))) & 0xff;
		if (!m)
			return n;
		m = (unsigned)__builtin_ctz(m);
		return m < 4 ? m : n - 8 + m;
	}
	for (size_t i = 0; i < n; i++) {
		if (!plain_byte(p[i]))
			return i;
		q[i] = p[i];
	}
	return n;
}
#else
static inline size_t copy_plain(char *q, const char *p, size_t n)
{
	size_t i = 0;

	for (; i < n && plain_byte(p[i]); i++)
		q[i] = p[i];
	return i;
}
#endif

static char *put_u_escape(char *q, unsigned cp)
{
	static const char hex[] = "0123456789ABCDEF";

	*q++ = '\\';
	*q++ = 'u';
	for (int shift = 12; shift >= 0; shift -= 4)
		*q++ = hex[cp >> shift & 15];
	return q;
}

enum { SPECIAL_OUT = 6 }; /* bytes that one special character becomes at most */

/* One character that is not plain, from the front of *s. */
static char *put_special(char *q, struct str *s)
{
	unsigned char c = (unsigned char)s->p[0];
	static const char two[] = "btn\0fr";
	struct str rest = *s;
	int32_t cp;
	size_t n;

	if (c < 0x80) {
		*s = str_from(*s, 1);
		if (c == '"' || c == '\\') {
			*q++ = '\\';
			*q++ = (char)c;
			return q;
		}
		if (c >= '\b' && c <= '\r' && c != '\v') {
			*q++ = '\\';
			*q++ = two[c - '\b'];
			return q;
		}
		return put_u_escape(q, c);
	}
	cp = utf8_next(&rest);
	if (cp < 0) {
		*s = str_from(*s, utf8_bad_len(*s));
		memcpy(q, "\xef\xbf\xbd", 3);
		return q + 3;
	}
	n = s->len - rest.len;
	if (cp < 0xa0 || cp == 0x2028 || cp == 0x2029)
		q = put_u_escape(q, (unsigned)cp);
	else
		q = (char *)memcpy(q, s->p, n) + n;
	*s = rest;
	return q;
}

/* The rest of a string that has special characters, and its closing quote. */
static void write_rest(struct buf *out, struct str s)
{
	while (s.len) {
		/* Special characters come in runs (text of other alphabets): up to 16 of them in one go. */
		char *q = buf_room(out, 16 * SPECIAL_OUT);
		size_t n;

		if (!q)
			return;
		for (int i = 0; i < 16 && s.len && !plain_byte(s.p[0]); i++)
			q = put_special(q, &s);
		out->len = (size_t)(q - out->p);
		q = buf_room(out, s.len);
		if (!q)
			return;
		n = s.len ? copy_plain(q, s.p, s.len) : 0;
		out->len += n;
		s = str_from(s, n);
	}
	buf_ch(out, '"');
}

void json_write_string(struct buf *out, struct str s)
{
	char *q = buf_room(out, s.len + 2);
	size_t n;

	if (!q)
		return;
	*q++ = '"';
	n = copy_plain(q, s.p, s.len);
	q += n;
	if (__builtin_expect(n == s.len, 1)) {
		*q++ = '"';
		out->len = (size_t)(q - out->p);
		return;
	}
	out->len = (size_t)(q - out->p);
	write_rest(out, str_from(s, n));
}

static char *put_int(char *q, int64_t i)
{
	static const char pairs[] = "00010203040506070809101112131415161718192021222324252627282930313233343536373839"
				    "40414243444546474849505152535455565758596061626364656667686970717273747576777879"
				    "8081828384858687888990919293949596979899";
	char t[20], *p = t + sizeof(t);
	uint64_t v = i < 0 ? 0 - (uint64_t)i : (uint64_t)i;

	for (; v >= 100; v /= 100)
		p = memcpy(p - 2, pairs + v % 100 * 2, 2);
	if (v >= 10)
		p = memcpy(p - 2, pairs + v * 2, 2);
	else
		*--p = (char)('0' + v);
	if (i < 0)
		*q++ = '-';
	memcpy(q, p, (size_t)(t + sizeof(t) - p));
	return q + (t + sizeof(t) - p);
}

/* Infinities and NaN are strings: JSON has no other place for them. */
static char *put_float(char *q, double f)
{
	char text[NUMBER_TEXT_MAX];
	size_t n = java_double_text(f, text);
	bool quoted = f != f || f - f != 0;

	if (quoted)
		*q++ = '"';
	memcpy(q, text, n);
	q += n;
	if (quoted)
		*q++ = '"';
	return q;
}

static void write_list(struct buf *out, const struct list *l)
{
	buf_ch(out, '[');
	for (uint32_t i = 0; i < l->n; i++) {
		if (i)
			buf_ch(out, ',');
		json_write_value(out, &l->v[i]);
	}
	buf_ch(out, ']');
}

/* Numbers, times and words. */
static void write_scalar(struct buf *out, const struct value *v)
{
	char *q = buf_room(out, NUMBER_TEXT_MAX + TS_TEXT_MAX);

	if (!q)
		return;
	switch ((enum vtype)v->type) {
	case V_BOOL:
		q = v->b ? (char *)memcpy(q, "true", 4) + 4 : (char *)memcpy(q, "false", 5) + 5;
		break;
	case V_INT:
		q = put_int(q, v->i);
		break;
	case V_FLOAT:
		q = put_float(q, v->f);
		break;
	case V_TIME:
		*q++ = '"';
		q += ts_format(value_ts(v), q);
		*q++ = '"';
		break;
	default:
		q = (char *)memcpy(q, "null", 4) + 4;
		break;
	}
	out->len = (size_t)(q - out->p);
}

void json_write_value(struct buf *out, const struct value *v)
{
	switch ((enum vtype)v->type) {
	case V_STRING:
		json_write_string(out, value_str(v));
		break;
	case V_BIGINT:
		buf_str(out, value_str(v));
		break;
	case V_LIST:
		write_list(out, v->list);
		break;
	case V_MAP:
		json_write_map(out, v->map);
		break;
	default:
		write_scalar(out, v);
		break;
	}
}

void json_write_map(struct buf *out, const struct map *m)
{
	buf_ch(out, '{');
	for (uint32_t i = 0; i < m->n; i++) {
		if (i)
			buf_ch(out, ',');
		json_write_string(out, key_str(&m->e[i].key));
		buf_ch(out, ':');
		json_write_value(out, &m->e[i].val);
	}
	buf_ch(out, '}');
}

void json_write_event(struct buf *out, const struct event *ev)
{
	json_write_map(out, &ev->root);
}
