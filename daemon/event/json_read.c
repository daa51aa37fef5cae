/*
 * json_read.c - JSON text (RFC 8259) to values in an arena; see json.h.
 *
 * One loop and an explicit stack of 16-byte slots, never recursion: an open container is a frame slot and, above
 * it, its finished elements (a map's as key and value side by side). When it closes, the slots are copied as they
 * are into a list or map of the right size. The stack holds at most one slot per two bytes of input; it lives on
 * the C stack and moves to the heap for large documents, where this function frees it again.
 *
 * A string without escapes stays where it is in the input. One pass of 16 bytes at a time finds its end and
 * notes whether it is pure ASCII: only what is not is checked for UTF-8 (and scrubbed, so that no value ever
 * holds anything else).
 */
#include "event/json.h"
#include "base/number.h"
#include "base/utf8.h"

#include <stdlib.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum {
	STACK_SLOTS = 256,
	MAP_UNINDEXED = 32,  /* up to here value.c's index may be left to whoever adds the next key */
	MAP_SPARE = 8,	     /* free entries behind a document's own: filters add some */
	NUMBER_MAX = 1000,   /* digits and all; Jackson's limit too */
};

struct frame_slot {
	uint32_t parent; /* slot of the frame around this one */
	uint32_t is_map;
};

union slot {
	struct value v;
	struct key key;
	struct frame_slot frame;
};

_Static_assert(sizeof(union slot) == sizeof(struct value), "elements are copied out of the slots as they are");
_Static_assert(sizeof(struct entry) == 2 * sizeof(union slot), "entries are copied out of the slots as they are");

/* Functions that read take the place where they begin and return the one behind, or NULL with the error set. */
struct reader {
	struct arena *a;
	const char *begin, *end;
	struct err *err;
	union slot *slot;
	uint32_t n, cap;
	uint32_t frame; /* of the innermost open container, 0 where none is open */
	unsigned depth, max_depth;
	size_t keys, max_keys;
	union slot small[STACK_SLOTS];
};

static __attribute__((noinline)) const char *unexpected(struct reader *r, const char *p)
{
	size_t at = (size_t)(p - r->begin);
	unsigned char c;

	if (p >= r->end) {
		err_set(r->err, "unexpected end at byte %zu", at);
		return NULL;
	}
	c = (unsigned char)*p;
	if (c >= 0x20 && c < 0x7f)
		err_set(r->err, "unexpected character '%c' at byte %zu", c, at);
	else
		err_set(r->err, "unexpected byte 0x%02x at byte %zu", c, at);
	return NULL;
}

static __attribute__((noinline)) void stack_grow(struct reader *r)
{
	uint32_t cap = r->cap * 2;

	/* Two slots a byte can never overflow this: the input is below 4 GiB and a slot takes two bytes of it. */
	bug_on(cap < r->cap);
	if (r->slot == r->small) {
		r->slot = xmalloc((size_t)cap * sizeof(*r->slot));
		memcpy(r->slot, r->small, r->n * sizeof(*r->slot));
	} else {
		r->slot = xrealloc(r->slot, (size_t)cap * sizeof(*r->slot));
	}
	r->cap = cap;
}

static inline union slot *push(struct reader *r)
{
	if (r->n == r->cap)
		stack_grow(r);
	return &r->slot[r->n++];
}

static inline const char *skip_blanks(const char *p, const char *end)
{
	while (p < end && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t'))
		p++;
	return p;
}

/*
 * The first quote, backslash or control character from p on, or end. *high is set where a byte before it is not
 * ASCII.
 */
static inline const char *string_stop(const char *p, const char *end, bool *high)
{
#ifdef __SSE2__
	while (end - p >= 16) {
		__m128i x = _mm_loadu_si128((const __m128i *)p);
		__m128i quote = _mm_cmpeq_epi8(x, _mm_set1_epi8('"'));
		__m128i back = _mm_cmpeq_epi8(x, _mm_set1_epi8('\\'));
		__m128i ctrl = _mm_cmpeq_epi8(_mm_min_epu8(x, _mm_set1_epi8(0x1f)), x);
		unsigned stop = (unsigned)_mm_movemask_epi8(_mm_or_si128(_mm_or_si128(quote, back), ctrl));
		unsigned above = (unsigned)_mm_movemask_epi8(x);

		if (stop) {
			unsigned at = (unsigned)__builtin_ctz(stop);

			*high |= (above & ((1u << at) - 1)) != 0;
			return p + at;
		}
		*high |= above != 0;
		p += 16;
	}
#endif
	for (; p < end; p++) {
		unsigned char c = (unsigned char)*p;

		if (c == '"' || c == '\\' || c < 0x20)
			break;
		*high |= c >= 0x80;
	}
	return p;
}

/* Four hexadecimal digits at p, or -1. */
static int hex4(const char *p, const char *end)
{
	int v = 0;

	if (end - p < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		if (!ch_xdigit(p[i]))
			return -1;
		v = v << 4 | (ch_digit(p[i]) ? p[i] - '0' : (p[i] | 32) - 'a' + 10);
	}
	return v;
}

/* "\u00e9", "\ud83d\ude00": p stands behind the 'u'. Half a surrogate pair becomes U+FFFD. */
static const char *unescape_unicode(struct reader *r, const char *p, char **out)
{
	int cp = hex4(p, r->end);

	if (cp < 0)
		return unexpected(r, p);
	p += 4;
	if (cp >= 0xd800 && cp < 0xdc00) {
		int low = -1;

		if (r->end - p >= 6 && p[0] == '\\' && p[1] == 'u')
			low = hex4(p + 2, r->end);
		if (low >= 0xdc00 && low < 0xe000) {
			cp = 0x10000 + ((cp - 0xd800) << 10) + (low - 0xdc00);
			p += 6;
		}
	}
	if (cp >= 0xd800 && cp < 0xe000)
		cp = 0xfffd;
	*out += utf8_put(*out, (uint32_t)cp);
	return p;
}

/* One escape; p stands behind the backslash. */
static const char *unescape(struct reader *r, const char *p, char **out)
{
	char c = p < r->end ? *p : 0;

	switch (c) {
	case '"':
	case '\\':
	case '/':
		break;
	case 'b':
		c = '\b';
		break;
	case 'f':
		c = '\f';
		break;
	case 'n':
		c = '\n';
		break;
	case 'r':
		c = '\r';
		break;
	case 't':
		c = '\t';
		break;
	case 'u':
		return unescape_unicode(r, p + 1, out);
	default:
		return unexpected(r, p);
	}
	*(*out)++ = c;
	return p + 1;
}

/* A string with escapes: p stands at the first backslash, from at the string's begin. */
static __attribute__((noinline)) const char *string_escaped(struct reader *r, const char *p, const char *from, bool high,
							    struct str *out)
{
	const char *q = p;
	char *text, *o;
	bool skip = false;

	/* Where the string ends: what comes out is never longer than what stands there. */
	while (q < r->end && *q == '\\') {
		q += q + 1 < r->end ? 2 : 1;
		q = string_stop(q, r->end, &skip);
	}
	text = o = arena_bytes(r->a, (size_t)(q - from) + 4);
	memcpy(o, from, (size_t)(p - from));
	o += p - from;
	while (p < r->end && *p == '\\') {
		const char *stop;

		p = unescape(r, p + 1, &o);
		if (!p)
			return NULL;
		stop = string_stop(p, r->end, &high);
		memcpy(o, p, (size_t)(stop - p));
		o += stop - p;
		p = stop;
	}
	if (p >= r->end || *p != '"')
		return unexpected(r, p);
	*out = str_n(text, (size_t)(o - text));
	if (high)
		*out = utf8_scrub(r->a, *out);
	return p + 1;
}

/* p stands behind the opening quote. */
static inline const char *read_string(struct reader *r, const char *p, struct str *out)
{
	bool high = false;
	const char *from = p;

	p = string_stop(from, r->end, &high);
	if (p >= r->end)
		return unexpected(r, p);
	if (*p != '"')
		return *p == '\\' ? string_escaped(r, p, from, high, out) : unexpected(r, p);
	*out = str_n(from, (size_t)(p - from));
	if (__builtin_expect(high, 0))
		*out = utf8_scrub(r->a, *out);
	return p + 1;
}

static const char *bad_number(struct reader *r, const char *from, const char *p)
{
	if (p - from > NUMBER_MAX)
		err_set(r->err, "a number of more than %d characters at byte %zu", NUMBER_MAX, (size_t)(from - r->begin));
	else
		err_set(r->err, "a malformed number at byte %zu", (size_t)(from - r->begin));
	return NULL;
}

/* A number with more than integer digits: 1.5 1e3. p stands behind those. */
static const char *read_float(struct reader *r, const char *from, const char *p, struct value *out)
{
	double d;

	while (p < r->end && (ch_digit(*p) || *p == '.' || *p == '-' || *p == '+' || (*p | 32) == 'e'))
		p++;
	if (p - from > NUMBER_MAX || (p < r->end && ch_alpha(*p)) ||
	    !number_parse_double(str_n(from, (size_t)(p - from)), &d))
		return bad_number(r, from, p);
	*out = v_float(d);
	return p;
}

static inline const char *read_number(struct reader *r, const char *from, struct value *out)
{
	const char *p = from, *digits;
	bool neg = *p == '-';
	uint64_t v = 0;
	size_t n;

	p += neg;
	digits = p;
	for (; p < r->end && ch_digit(*p); p++)
		v = v * 10 + (uint64_t)(*p - '0');
	n = (size_t)(p - digits);
	if (n == 0)
		return unexpected(r, p);
	if (n > 1 && *digits == '0')
		return unexpected(r, digits + 1);
	if (p < r->end && (*p == '.' || ch_alpha(*p)))
		return (*p | 32) == 'e' || *p == '.' ? read_float(r, from, p, out) : unexpected(r, p);
	if (n <= 18) {
		*out = v_int(neg ? -(int64_t)v : (int64_t)v);
		return p;
	}
	if (n > NUMBER_MAX)
		return bad_number(r, from, p);
	*out = v_int(0);
	if (!str_i64(str_n(from, (size_t)(p - from)), &out->i))
		*out = (struct value){.type = V_BIGINT, .len = (uint32_t)(p - from), .s = from};
	return p;
}

static const char *read_word(struct reader *r, const char *p, struct value *out)
{
	struct str s = str_n(p, (size_t)(r->end - p)), word;

	if (str_starts(s, STR("true"))) {
		*out = v_bool(true);
		word = STR("true");
	} else if (str_starts(s, STR("false"))) {
		*out = v_bool(false);
		word = STR("false");
	} else if (str_starts(s, STR("null"))) {
		*out = v_null();
		word = STR("null");
	} else {
		return unexpected(r, p);
	}
	p += word.len;
	return p < r->end && (ch_alnum(*p) || *p == '_') ? unexpected(r, p) : p;
}

/* Of a key that comes twice the last value counts, at the first one's place. */
static void add_pairs(struct map *m, const union slot *s, uint32_t n)
{
	uint64_t seen = 0;

	for (uint32_t i = 0; i < n; i++, s += 2) {
		uint64_t bit = (uint64_t)1 << (s->key.hash & 63);
		struct value *have;

		/* The bitmap of hashes tells of most keys that they are new. */
		if (__builtin_expect((seen & bit) != 0, 0)) {
			have = map_find(m, &s->key);
			if (have) {
				*have = s[1].v;
				continue;
			}
		}
		seen |= bit;
		m->hash[m->n] = s->key.hash;
		m->e[m->n].key = s->key;
		m->e[m->n].val = s[1].v;
		m->n++;
	}
}

static struct value close_map(struct reader *r, const union slot *s, uint32_t n)
{
	struct map *m = map_new(r->a, n + (r->depth == 1 ? MAP_SPARE : 0));

	if (n <= MAP_UNINDEXED)
		add_pairs(m, s, n);
	else
		for (uint32_t i = 0; i < n; i++)
			map_set(r->a, m, s[2 * i].key, s[2 * i + 1].v);
	return v_map(m);
}

static struct value close_list(struct reader *r, const union slot *s, uint32_t n)
{
	struct list *l = list_new(r->a, n);

	if (n)
		memcpy(l->v, s, n * sizeof(*l->v));
	l->n = n;
	return v_list(l);
}

/* The innermost container has ended: its value, and the slots are free again. */
static struct value close_container(struct reader *r)
{
	const union slot *f = &r->slot[r->frame - 1];
	uint32_t n = r->n - r->frame, parent = f->frame.parent;
	struct value v = f->frame.is_map ? close_map(r, f + 1, n / 2) : close_list(r, f + 1, n);

	r->n = r->frame - 1;
	r->frame = parent;
	r->depth--;
	return v;
}

static inline bool open_container(struct reader *r, const char *p, bool is_map)
{
	union slot *f;

	if (++r->depth > r->max_depth) {
		err_set(r->err, "nested deeper than %u at byte %zu", r->max_depth, (size_t)(p - r->begin));
		return false;
	}
	f = push(r);
	f->frame = (struct frame_slot){.parent = r->frame, .is_map = is_map};
	r->frame = r->n;
	return true;
}

/* `"key" :`, blanks before it already passed over. */
static inline const char *read_key(struct reader *r, const char *p)
{
	struct str s;

	if (p >= r->end || *p != '"')
		return unexpected(r, p);
	p = read_string(r, p + 1, &s);
	if (!p)
		return NULL;
	if (++r->keys > r->max_keys) {
		err_set(r->err, "more than %zu keys", r->max_keys);
		return NULL;
	}
	push(r)->key = key_make(s);
	if (p < r->end && *p == ':')
		return p + 1;
	p = skip_blanks(p, r->end);
	return p < r->end && *p == ':' ? p + 1 : unexpected(r, p);
}

/* A scalar at p. */
static inline const char *read_scalar(struct reader *r, const char *p, struct value *out)
{
	char c = *p;
	struct str s;

	if (c == '"') {
		p = read_string(r, p + 1, &s);
		if (p)
			*out = v_str(s);
		return p;
	}
	if (c == '-' || ch_digit(c))
		return read_number(r, p, out);
	return read_word(r, p, out);
}

/*
 * Behind a finished element: the comma and what must follow it, or the ends of containers. *more: another value
 * begins at the place returned; else *v is the outermost one.
 */
static inline const char *after_value(struct reader *r, const char *p, struct value *v, bool *more)
{
	for (;;) {
		bool is_map;

		*more = r->frame != 0;
		if (!*more)
			return p;
		push(r)->v = *v;
		is_map = r->slot[r->frame - 1].frame.is_map;
		p = skip_blanks(p, r->end);
		if (p >= r->end)
			return unexpected(r, p);
		if (*p == ',') {
			p = skip_blanks(p + 1, r->end);
			return is_map ? read_key(r, p) : p;
		}
		if (*p != (is_map ? '}' : ']'))
			return unexpected(r, p);
		p++;
		*v = close_container(r);
	}
}

static const char *read_value(struct reader *r, const char *p, struct value *v)
{
	for (;;) {
		bool is_map, more;

		p = skip_blanks(p, r->end);
		if (p >= r->end)
			return unexpected(r, p);
		is_map = *p == '{';
		if (is_map || *p == '[') {
			if (!open_container(r, p, is_map))
				return NULL;
			p = skip_blanks(p + 1, r->end);
			if (p >= r->end || *p != (is_map ? '}' : ']')) {
				if (is_map)
					p = read_key(r, p);
				if (!p)
					return NULL;
				continue;
			}
			p++;
			*v = close_container(r);
		} else {
			p = read_scalar(r, p, v);
			if (!p)
				return NULL;
		}
		p = after_value(r, p, v, &more);
		if (!p || !more)
			return p;
	}
}

int json_read(struct arena *a, struct str *in, const struct json_limits *lim, struct value *out, struct err *err)
{
	/* The stack of slots is 4 KiB: not even the compiler's zeroing of automatic variables may touch it. */
	__attribute__((uninitialized)) struct reader r;
	const char *p = in->p;
	struct value v;

	if (in->len > UINT32_MAX)
		return err_set(err, "text of more than 4 GiB");
	r.a = a;
	r.begin = p;
	r.end = in->p + in->len;
	r.err = err;
	r.slot = r.small;
	r.n = 0;
	r.cap = STACK_SLOTS;
	r.frame = 0;
	r.depth = 0;
	r.max_depth = lim && lim->depth ? lim->depth : JSON_MAX_DEPTH;
	r.keys = 0;
	r.max_keys = lim && lim->keys ? lim->keys : SIZE_MAX;
	if (str_starts(*in, STR("\xef\xbb\xbf")))
		p += 3;
	p = read_value(&r, p, &v);
	if (r.slot != r.small)
		free(r.slot);
	if (!p)
		return -1;
	p = skip_blanks(p, r.end);
	*in = str_n(p, (size_t)(r.end - p));
	*out = v;
	return 0;
}

static void array_blanks(struct json_array *it)
{
	while (it->in.len && (it->in.p[0] == ' ' || (it->in.p[0] >= '\t' && it->in.p[0] <= '\r')))
		it->in = str_from(it->in, 1);
}

bool json_array_open(struct json_array *it, struct str in)
{
	*it = (struct json_array){.in = in, .first = true};
	if (str_starts(in, STR("\xef\xbb\xbf")))
		it->in = str_from(in, 3);
	array_blanks(it);
	if (it->in.len == 0 || it->in.p[0] != '[')
		return false;
	it->in = str_from(it->in, 1);
	return true;
}

int json_array_next(struct json_array *it, struct arena *a, const struct json_limits *lim, struct value *out,
		    struct err *err)
{
	char c;

	if (it->done)
		return 0;
	array_blanks(it);
	c = it->in.len ? it->in.p[0] : 0;
	if (c == ']') {
		it->in = str_from(it->in, 1);
		array_blanks(it);
		it->done = true;
		return 0;
	}
	if (!it->first) {
		if (c != ',')
			return err_set(err, "no ',' or ']' behind an element of the array");
		it->in = str_from(it->in, 1);
	}
	it->first = false;
	return json_read(a, &it->in, lim, out, err) < 0 ? -1 : 1;
}
