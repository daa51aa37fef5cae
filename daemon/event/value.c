#include "event/value.h"
#include "event/names.h"
#include "base/err.h"

#include <pthread.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

void key_know(struct key *k, struct str s)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	struct key made = key_named(s);

	pthread_mutex_lock(&lock);
	if (!k->p) {
		k->hash = made.hash;
		k->len = made.len;
		__atomic_store_n(&k->p, made.p, __ATOMIC_RELEASE);
	}
	pthread_mutex_unlock(&lock);
}

struct list *list_new(struct arena *a, uint32_t cap)
{
	struct list *l = arena_alloc(a, sizeof(*l));

	*l = (struct list){.cap = cap, .v = cap ? arena_alloc(a, cap * sizeof(*l->v)) : NULL};
	return l;
}

struct value *list_push(struct arena *a, struct list *l, struct value v)
{
	if (l->n == l->cap) {
		uint32_t cap = l->cap ? l->cap * 2 : 4;

		bug_on(cap < l->cap);
		l->v = arena_grow(a, l->v, l->n * sizeof(*l->v), cap * sizeof(*l->v));
		l->cap = cap;
	}
	l->v[l->n] = v;
	return &l->v[l->n++];
}

void list_remove(struct list *l, uint32_t at)
{
	if (at >= l->n)
		return;
	memmove(l->v + at, l->v + at + 1, (l->n - at - 1) * sizeof(*l->v));
	l->n--;
}

/* Room for cap entries, hashes behind them. What was there is copied. */
static void map_reserve(struct arena *a, struct map *m, uint32_t cap)
{
	struct entry *e = arena_alloc(a, cap * (sizeof(*m->e) + sizeof(*m->hash)));
	uint32_t *hash = (uint32_t *)(e + cap);

	if (m->n) {
		memcpy(e, m->e, m->n * sizeof(*e));
		memcpy(hash, m->hash, m->n * sizeof(*hash));
	}
	m->e = e;
	m->hash = hash;
	m->cap = cap;
}

void map_init(struct arena *a, struct map *m, uint32_t cap)
{
	m->n = 0;
	m->cap = 0;
	m->e = NULL;
	m->hash = NULL;
	m->index = NULL;
	m->index_size = 0;
	m->removed = 0;
	if (cap)
		map_reserve(a, m, (cap + 3) & ~3u);
}

struct map *map_new(struct arena *a, uint32_t cap)
{
	struct map *m = arena_alloc(a, sizeof(*m));

	map_init(a, m, cap);
	return m;
}

/* Slots hold position + 1; the table is at most half full. */
static void index_put(struct map *m, uint32_t at)
{
	uint32_t mask = m->index_size - 1, i = m->e[at].key.hash & mask;

	while (m->index[i])
		i = (i + 1) & mask;
	m->index[i] = at + 1;
}

static void index_fill(struct map *m)
{
	memset(m->index, 0, m->index_size * sizeof(*m->index));
	for (uint32_t i = 0; i < m->n; i++)
		index_put(m, i);
}

static struct value *find_indexed(const struct map *m, const struct key *k)
{
	uint32_t mask = m->index_size - 1;

	for (uint32_t i = k->hash & mask; m->index[i]; i = (i + 1) & mask) {
		struct entry *e = &m->e[m->index[i] - 1];

		if (key_eq(&e->key, k))
			return &e->val;
	}
	return NULL;
}

/* Two names with one hash, or the same name in other bytes. */
static __attribute__((noinline)) struct value *find_by_bytes(const struct map *m, const struct key *k)
{
	for (uint32_t i = 0; i < m->n; i++)
		if (m->hash[i] == k->hash && key_eq(&m->e[i].key, k))
			return &m->e[i].val;
	return NULL;
}

struct value *map_find(const struct map *m, const struct key *k)
{
	if (m->index)
		return find_indexed(m, k);
#ifdef __SSE2__
	__m128i want = _mm_set1_epi32((int)k->hash);

	/* Behind n lies room that was reserved: comparing it is harmless, its bits are masked. */
	for (uint32_t i = 0; i < m->n; i += 4) {
		__m128i have = _mm_loadu_si128((const __m128i *)(m->hash + i));
		unsigned bits = (unsigned)_mm_movemask_ps(_mm_castsi128_ps(_mm_cmpeq_epi32(have, want)));
		struct entry *e;

		if (m->n - i < 4)
			bits &= (1u << (m->n - i)) - 1;
		if (!bits)
			continue;
		e = &m->e[i + (unsigned)__builtin_ctz(bits)];
		/* Names that weir knows are the same bytes everywhere. */
		if (e->key.p == k->p && e->key.len == k->len)
			return &e->val;
		return find_by_bytes(m, k);
	}
	return NULL;
#else
	return find_by_bytes(m, k);
#endif
}

struct value *map_find_str(const struct map *m, struct str s)
{
	struct key k = key_make(s);

	return map_find(m, &k);
}

static __attribute__((noinline)) void map_grow(struct arena *a, struct map *m)
{
	uint32_t cap = m->cap < 4 ? 4 : m->cap < 16 ? 16 : m->cap * 2;

	bug_on(cap < m->cap);
	map_reserve(a, m, cap);
}

static __attribute__((noinline)) void map_index(struct arena *a, struct map *m)
{
	if (!m->index || m->n * 2 > m->index_size) {
		m->index_size = m->index ? m->index_size * 2 : 64;
		m->index = arena_alloc(a, m->index_size * sizeof(*m->index));
		index_fill(m);
	} else {
		index_put(m, m->n - 1);
	}
}

struct value *map_push(struct arena *a, struct map *m, struct key k, struct value v)
{
	struct entry *e;

	if (m->n == m->cap)
		map_grow(a, m);
	m->hash[m->n] = k.hash;
	e = &m->e[m->n++];
	e->key = k;
	e->val = v;
	if (m->n > MAP_LINEAR)
		map_index(a, m);
	return &e->val;
}

struct value *map_set(struct arena *a, struct map *m, struct key k, struct value v)
{
	struct value *have = map_find(m, &k);

	if (!have)
		return map_push(a, m, k, v);
	*have = v;
	return have;
}

bool map_remove(struct map *m, const struct key *k, struct value *old)
{
	struct value *have = map_find(m, k);
	struct entry *e;
	size_t at;

	if (!have)
		return false;
	if (old)
		*old = *have;
	e = (struct entry *)((char *)have - offsetof(struct entry, val));
	at = (size_t)(e - m->e);
	m->n--;
	m->removed++;
	memmove(e, e + 1, (m->n - at) * sizeof(*e));
	memmove(m->hash + at, m->hash + at + 1, (m->n - at) * sizeof(*m->hash));
	if (m->index)
		index_fill(m);
	return true;
}

static struct str text_copy(struct arena *a, const char *p, uint32_t len, bool text)
{
	return text ? arena_dup(a, str_n(p, len)) : str_n(p, len);
}

static void map_copy(struct arena *a, struct map *dst, const struct map *src, bool text);

/* Recursion is bounded: no input makes deeper values than JSON_MAX_DEPTH. */
struct value value_copy(struct arena *a, const struct value *v, bool text)
{
	struct value out = *v;

	switch (v->type) {
	case V_STRING:
	case V_BIGINT:
		out.s = text_copy(a, v->s, v->len, text).p;
		break;
	case V_LIST:
		out.list = list_new(a, v->list->n);
		for (uint32_t i = 0; i < v->list->n; i++)
			list_push(a, out.list, value_copy(a, &v->list->v[i], text));
		break;
	case V_MAP:
		out.map = map_new(a, 0);
		map_copy(a, out.map, v->map, text);
		break;
	default:
		break;
	}
	return out;
}

static void map_copy(struct arena *a, struct map *dst, const struct map *src, bool text)
{
	map_init(a, dst, src->n);
	for (uint32_t i = 0; i < src->n; i++) {
		struct key k = src->e[i].key;

		k.p = text_copy(a, k.p, k.len, text).p;
		map_push(a, dst, k, value_copy(a, &src->e[i].val, text));
	}
}

static bool map_equal(const struct map *a, const struct map *b)
{
	if (a->n != b->n)
		return false;
	for (uint32_t i = 0; i < a->n; i++) {
		const struct value *other = map_find(b, &a->e[i].key);

		if (!other || !value_equal(&a->e[i].val, other))
			return false;
	}
	return true;
}

bool value_equal(const struct value *a, const struct value *b)
{
	if (a->type != b->type)
		return false;
	switch ((enum vtype)a->type) {
	case V_NONE:
	case V_NULL:
		return true;
	case V_BOOL:
		return a->b == b->b;
	case V_INT:
		return a->i == b->i;
	case V_FLOAT:
		return a->f == b->f;
	case V_TIME:
		return a->i == b->i && a->len == b->len;
	case V_STRING:
	case V_BIGINT:
		return str_eq(value_str(a), value_str(b));
	case V_LIST:
		if (a->list->n != b->list->n)
			return false;
		for (uint32_t i = 0; i < a->list->n; i++)
			if (!value_equal(&a->list->v[i], &b->list->v[i]))
				return false;
		return true;
	case V_MAP:
		return map_equal(a->map, b->map);
	}
	return false;
}
