/*
 * json_write.c - values to JSON text as Logstash prints it; see json.h.
 *
 * Recursion is bounded like every other walk over values: nothing makes them deeper than JSON_MAX_DEPTH.
 */
#include "event/json.h"
#include "base/number.h"
#include "base/utf8.h"
#include "event/names.h"

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

static __attribute__((noinline)) size_t copy_plain_long(char *q, const char *p, size_t n)
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
static inline __attribute__((always_inline)) size_t copy_plain(char *q, const char *p, size_t n)
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

/*
 * Where the text goes: q walks, the buffer's own length is set when all is written. A q of NULL means that the
 * buffer's limit was met; it then holds what it held before.
 */
struct writer {
	struct buf *buf;
	const char *end; /* of the buffer's room */
	size_t start;	 /* the buffer's length before */
};

static inline char *writer_open(struct writer *w, struct buf *out)
{
	w->buf = out;
	w->start = out->len;
	if (!out->p && !buf_grow(out, 1))
		return NULL;
	w->end = out->p + out->cap;
	return out->p + out->len;
}

static inline void writer_close(struct writer *w, const char *q)
{
	w->buf->len = q ? (size_t)(q - w->buf->p) : w->start;
}

static __attribute__((noinline)) char *writer_grow(struct writer *w, char *q, size_t n)
{
	struct buf *b = w->buf;

	b->len = (size_t)(q - b->p);
	if (!buf_grow(b, n))
		return NULL;
	w->end = b->p + b->cap;
	return b->p + b->len;
}

/* Room for n bytes at q. */
static inline char *reserve(struct writer *w, char *q, size_t n)
{
	return __builtin_expect((size_t)(w->end - q) >= n, 1) ? q : writer_grow(w, q, n);
}

enum {
	SPECIAL_OUT = 6, /* bytes that one special character becomes at most */
	SCALAR_OUT = NUMBER_TEXT_MAX + TS_TEXT_MAX,
	AFTER = 1, /* whoever puts something leaves room for a separator or a closing bracket behind it */
};

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
static __attribute__((noinline)) char *put_rest(struct writer *w, char *q, struct str s)
{
	while (s.len) {
		size_t n;

		/* Special characters come in runs (text of other alphabets): up to 16 of them in one go. */
		q = reserve(w, q, 16 * SPECIAL_OUT + 2);
		if (!q)
			return NULL;
		for (int i = 0; i < 16 && s.len && !plain_byte(s.p[0]); i++)
			q = put_special(q, &s);
		q = reserve(w, q, s.len + 1 + AFTER);
		if (!q)
			return NULL;
		n = s.len ? copy_plain(q, s.p, s.len) : 0;
		q += n;
		s = str_from(s, n);
	}
	*q++ = '"';
	return q;
}

static inline __attribute__((always_inline)) char *put_string(struct writer *w, char *q, struct str s)
{
	size_t n;

	q = reserve(w, q, s.len + 2 + AFTER);
	if (!q)
		return NULL;
	*q++ = '"';
	n = copy_plain(q, s.p, s.len);
	q += n;
	if (__builtin_expect(n != s.len, 0))
		return put_rest(w, q, str_from(s, n));
	*q++ = '"';
	return q;
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

/* Numbers, times and words. */
static char *put_scalar(struct writer *w, char *q, const struct value *v)
{
	q = reserve(w, q, SCALAR_OUT + AFTER);
	if (!q)
		return NULL;
	switch ((enum vtype)v->type) {
	case V_BOOL:
		return v->b ? (char *)memcpy(q, "true", 4) + 4 : (char *)memcpy(q, "false", 5) + 5;
	case V_INT:
		return put_int(q, v->i);
	case V_FLOAT:
		return put_float(q, v->f);
	case V_TIME:
		*q++ = '"';
		q += ts_format(value_ts(v), q);
		*q++ = '"';
		return q;
	default:
		return (char *)memcpy(q, "null", 4) + 4;
	}
}

static char *put_bigint(struct writer *w, char *q, struct str digits)
{
	q = reserve(w, q, digits.len + AFTER);
	return q ? (char *)memcpy(q, digits.p, digits.len) + digits.len : NULL;
}

static char *put_map(struct writer *w, char *q, const struct map *m);
static char *put_list(struct writer *w, char *q, const struct list *l);

static char *put_value(struct writer *w, char *q, const struct value *v)
{
	switch ((enum vtype)v->type) {
	case V_STRING:
		return put_string(w, q, value_str(v));
	case V_BIGINT:
		return put_bigint(w, q, value_str(v));
	case V_LIST:
		return put_list(w, q, v->list);
	case V_MAP:
		return put_map(w, q, v->map);
	default:
		return put_scalar(w, q, v);
	}
}

/* Each element is followed by a comma; the last one's becomes the closing bracket. */
static char *put_list(struct writer *w, char *q, const struct list *l)
{
	q = reserve(w, q, 2 + AFTER);
	if (!q)
		return NULL;
	*q++ = '[';
	for (uint32_t i = 0; i < l->n; i++) {
		q = put_value(w, q, &l->v[i]);
		if (!q)
			return NULL;
		*q++ = ',';
	}
	q -= l->n != 0;
	*q++ = ']';
	return reserve(w, q, AFTER);
}

/* A key and its colon. Known names lie there as they are written, quotes and all. */
static inline char *put_key(struct writer *w, char *q, const struct key *k)
{
	size_t n = k->len + 3;

	if (!key_is_framed(k)) {
		q = put_string(w, q, key_str(k));
		if (q)
			*q++ = ':';
		return q;
	}
	q = reserve(w, q, n + NAMES_PAD);
	if (!q)
		return NULL;
	memcpy(q, k->p - 1, 16);
	if (n > 16)
		memcpy(q + 16, k->p + 15, 16);
	if (__builtin_expect(n > 32, 0))
		memcpy(q + 32, k->p + 31, n - 32);
	return q + n;
}

static char *put_map(struct writer *w, char *q, const struct map *m)
{
	const struct entry *e = m->e, *end = m->e + m->n;

	q = reserve(w, q, 2 + AFTER);
	if (!q)
		return NULL;
	*q++ = '{';
	for (; e < end; e++) {
		q = put_key(w, q, &e->key);
		if (!q)
			return NULL;
		/* Texts and objects are nearly all there is. */
		if (e->val.type == V_STRING)
			q = put_string(w, q, value_str(&e->val));
		else if (e->val.type == V_MAP)
			q = put_map(w, q, e->val.map);
		else
			q = put_value(w, q, &e->val);
		if (!q)
			return NULL;
		*q++ = ',';
	}
	q -= m->n != 0;
	*q++ = '}';
	return reserve(w, q, AFTER);
}

void json_write_string(struct buf *out, struct str s)
{
	struct writer w;
	char *q = writer_open(&w, out);

	writer_close(&w, q ? put_string(&w, q, s) : NULL);
}

void json_write_value(struct buf *out, const struct value *v)
{
	struct writer w;
	char *q = writer_open(&w, out);

	writer_close(&w, q ? put_value(&w, q, v) : NULL);
}

void json_write_map(struct buf *out, const struct map *m)
{
	struct writer w;
	char *q = writer_open(&w, out);

	writer_close(&w, q ? put_map(&w, q, m) : NULL);
}

void json_write_event(struct buf *out, const struct event *ev)
{
	json_write_map(out, &ev->root);
}
