/*
 * value.h - what an event is made of: values, lists, maps, and their keys.
 *
 * A value is 16 bytes. Whatever it points to lives in the event's arena, in the batch's raw bytes or
 * in the plan, all of which live at least as long as the event. A map keeps order of insertion; it
 * is searched linearly up to MAP_LINEAR entries and by an index beyond.
 *
 * A key carries its keyed 32-bit hash beside its length, so that comparing two keys is one 64-bit
 * comparison and then (nearly always) a pointer comparison. No table of names grows with log data.
 *
 * One thread at a time: the one that has the batch.
 */
#ifndef WEIR_EVENT_VALUE_H
#define WEIR_EVENT_VALUE_H

#include "base/arena.h"
#include "base/hash.h"
#include "base/str.h"
#include "base/ts.h"

enum vtype {
	V_NONE, /* no value: never stored in a map or list */
	V_NULL,
	V_BOOL,
	V_INT,
	V_BIGINT, /* its decimal digits, with '-' where negative */
	V_FLOAT,
	V_TIME,
	V_STRING,
	V_LIST,
	V_MAP,
};

struct list;
struct map;

struct value {
	union {
		struct {
			uint8_t type; /* enum vtype */
			uint8_t spare[3];
			uint32_t len; /* V_STRING, V_BIGINT: bytes; V_TIME: nanoseconds */
		};
		uint64_t head; /* all of it, for those who make one (value_head) */
	};
	union {
		bool b;
		int64_t i; /* V_INT; V_TIME: seconds */
		double f;
		const char *s;
		struct list *list;
		struct map *map;
	};
};

struct key {
	const char *p;
	uint32_t len;
	uint32_t hash;
};

struct entry {
	struct key key;
	struct value val;
};

struct list {
	uint32_t n, cap;
	struct value *v;
};

enum { MAP_LINEAR = 16 };

struct map {
	uint32_t n, cap;      /* cap is a multiple of 4 */
	struct entry *e;
	uint32_t *hash;	      /* e[i].key.hash once more, side by side: four are compared at once */
	uint32_t *index;      /* NULL while small */
	uint32_t index_size;  /* a power of two */
	uint32_t removed;     /* how often an entry was: with n it says whether the others stand where they stood */
};

/*
 * Type and length in one store: a value is copied right after it was made, and a load of eight bytes behind two smaller stores into them
 * waits until both have left the processor's store buffer.
 */
static inline uint64_t value_head(enum vtype type, uint32_t len)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	return (uint64_t)len << 32 | type;
#else
	return (uint64_t)type << 56 | len;
#endif
}

static inline struct value v_null(void)
{
	return (struct value){.head = value_head(V_NULL, 0)};
}

static inline struct value v_bool(bool b)
{
	return (struct value){.head = value_head(V_BOOL, 0), .b = b};
}

static inline struct value v_int(int64_t i)
{
	return (struct value){.head = value_head(V_INT, 0), .i = i};
}

static inline struct value v_float(double f)
{
	return (struct value){.head = value_head(V_FLOAT, 0), .f = f};
}

static inline struct value v_time(struct ts t)
{
	return (struct value){.head = value_head(V_TIME, t.ns), .i = t.s};
}

/* Borrows s (at most 4 GiB - 1, which every input's limit guarantees). */
static inline struct value v_str(struct str s)
{
	return (struct value){.head = value_head(V_STRING, (uint32_t)s.len), .s = s.p};
}

static inline struct value v_list(struct list *l)
{
	return (struct value){.head = value_head(V_LIST, 0), .list = l};
}

static inline struct value v_map(struct map *m)
{
	return (struct value){.head = value_head(V_MAP, 0), .map = m};
}

#define v_lit(lit) v_str(STR(lit))

/* Of a V_STRING or V_BIGINT. */
static inline struct str value_str(const struct value *v)
{
	return (struct str){v->s, v->len};
}

/* Of a V_TIME. */
static inline struct ts value_ts(const struct value *v)
{
	return (struct ts){v->i, v->len};
}

static inline bool value_is(const struct value *v, enum vtype t)
{
	return v && v->type == t;
}

static inline struct key key_make(struct str s)
{
	return (struct key){s.p, (uint32_t)s.len, hash_str32(s)};
}

/* The first use: one thread fills it, others that come at the same time wait. */
void key_know(struct key *k, struct str s);

/*
 * A static key that is always the same. Hashes have a key of the process, so it is made at its first use, on whichever thread that is. The
 * bytes of s must stay.
 */
static inline const struct key *key_known(struct key *k, struct str s)
{
	/* Acquire: hash and length were stored before the pointer. */
	if (__builtin_expect(__atomic_load_n(&k->p, __ATOMIC_ACQUIRE) == NULL, 0))
		key_know(k, s);
	return k;
}

static inline struct str key_str(const struct key *k)
{
	return (struct str){k->p, k->len};
}

/* Length and hash in one word. */
static inline uint64_t key_word(const struct key *k)
{
	return (uint64_t)k->hash << 32 | k->len;
}

/* The bytes of two keys of the same length, without a call for the usual ones. */
static inline bool key_bytes_eq(const char *a, const char *b, uint32_t len)
{
	uint64_t x, y, u, v;

	if (len < 8) {
		uint32_t s, t, m, n;

		if (len < 4)
			return len == 0 || (a[0] == b[0] && a[len / 2] == b[len / 2] && a[len - 1] == b[len - 1]);
		memcpy(&s, a, 4);
		memcpy(&t, b, 4);
		memcpy(&m, a + len - 4, 4);
		memcpy(&n, b + len - 4, 4);
		return ((s ^ t) | (m ^ n)) == 0;
	}
	if (len > 16)
		return memcmp(a, b, len) == 0;
	memcpy(&x, a, 8);
	memcpy(&y, b, 8);
	memcpy(&u, a + len - 8, 8);
	memcpy(&v, b + len - 8, 8);
	return ((x ^ y) | (u ^ v)) == 0;
}

static inline bool key_eq(const struct key *a, const struct key *b)
{
	return key_word(a) == key_word(b) && (a->p == b->p || key_bytes_eq(a->p, b->p, a->len));
}

struct list *list_new(struct arena *a, uint32_t cap);
/* Returns the new last slot. */
struct value *list_push(struct arena *a, struct list *l, struct value v);
void list_remove(struct list *l, uint32_t at);

struct map *map_new(struct arena *a, uint32_t cap);
void map_init(struct arena *a, struct map *m, uint32_t cap);
/* The value under k, or NULL. */
struct value *map_find(const struct map *m, const struct key *k);
struct value *map_find_str(const struct map *m, struct str s);
/* Sets or replaces; a replaced entry keeps its place. Borrows the key's bytes. Returns the slot. */
struct value *map_set(struct arena *a, struct map *m, struct key k, struct value v);
/* Appends without looking: the caller knows that k is not there. */
struct value *map_push(struct arena *a, struct map *m, struct key k, struct value v);
/*
 * For writers who fill maps of known size: map and entries in one piece of memory; cap is a multiple of 4.
 */
static inline struct map *map_new_block(struct arena *a, uint32_t cap)
{
	struct map *m = arena_alloc(a, sizeof(*m) + cap * (sizeof(*m->e) + sizeof(*m->hash)));

	m->n = 0;
	m->cap = cap;
	m->e = (struct entry *)(m + 1);
	m->hash = (uint32_t *)(m->e + cap);
	m->index = NULL;
	m->index_size = 0;
	m->removed = 0;
	return m;
}

/* map_push without a call where there is room. */
static inline void map_add(struct arena *a, struct map *m, struct key k, struct value v)
{
	if (m->n < m->cap && m->n < MAP_LINEAR) {
		m->hash[m->n] = k.hash;
		m->e[m->n].key = k;
		m->e[m->n++].val = v;
		return;
	}
	map_push(a, m, k, v);
}

bool map_remove(struct map *m, const struct key *k, struct value *old);

/* A copy that shares nothing but text bytes; with text, not even those (for other arenas). */
struct value value_copy(struct arena *a, const struct value *v, bool text);
/* Deep equality of the same type: 1 and 1.0 differ; order of map keys does not matter. */
bool value_equal(const struct value *a, const struct value *b);

#endif
