/*
 * arena.h - memory that is given back all at once.
 *
 * An arena belongs to one thread at a time. Chunks come from a budget in bytes that many arenas share;
 * an empty budget never fails an allocation (only inputs look at it before they read on), so a full
 * chunk just chains another one. Nothing inside an arena is freed singly; whatever must outlive it
 * is copied out.
 */
#ifndef WEIR_BASE_ARENA_H
#define WEIR_BASE_ARENA_H

#include "str.h"

#include <stdatomic.h>

/* Bytes handed out of all arenas together. max is what inputs respect, 0 = no limit. */
struct budget {
	_Atomic size_t used;
	size_t max;
};

struct arena_chunk;

struct arena {
	char *p, *end;		    /* the free part of the current chunk */
	struct arena_chunk *head;   /* newest first */
	struct budget *budget;	    /* may be NULL */
	size_t bytes;		    /* of all chunks */
	size_t chunk_size;	    /* of the next ordinary chunk */
};

struct arena_mark {
	struct arena_chunk *head;
	char *p;
};

/* Cannot fail; takes no memory until the first allocation. */
void arena_init(struct arena *a, struct budget *budget);
/* Gives everything back; the arena may be used again. */
void arena_release(struct arena *a);
/* Forgets the contents; keeps one chunk for reuse. */
void arena_clear(struct arena *a);

void *arena_alloc_slow(struct arena *a, size_t n, size_t align);

/* n bytes, aligned to 8, not cleared. Never NULL (out of memory aborts with a message). */
static inline void *arena_alloc(struct arena *a, size_t n)
{
	char *p = (char *)(((uintptr_t)a->p + 7) & ~(uintptr_t)7);

	if (a->p == NULL || p > a->end || (size_t)(a->end - p) < n)
		return arena_alloc_slow(a, n, 8);
	a->p = p + n;
	return p;
}

/* The same without alignment: for text. */
static inline char *arena_bytes(struct arena *a, size_t n)
{
	char *p = a->p;

	if (p == NULL || (size_t)(a->end - p) < n)
		return arena_alloc_slow(a, n, 1);
	a->p = p + n;
	return p;
}

void *arena_zalloc(struct arena *a, size_t n);
/* A copy of s; an empty s stays empty with a non-NULL pointer. */
struct str arena_dup(struct arena *a, struct str s);
/* A NUL-terminated copy, for library borders. */
char *arena_dupz(struct arena *a, struct str s);
struct str arena_printf(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/*
 * Grows the newest allocation in place when it ends where the free part begins; else copies.
 * old may be NULL with old_n 0. Alignment 8.
 */
void *arena_grow(struct arena *a, void *old, size_t old_n, size_t new_n);

/* Everything allocated after the mark is given back by arena_reset. Marks nest. */
struct arena_mark arena_mark(const struct arena *a);
void arena_reset(struct arena *a, struct arena_mark m);

/* malloc for set-up code: never NULL, exits with a message. */
void *xmalloc(size_t n);
void *xzalloc(size_t n);
void *xrealloc(void *p, size_t n);
char *xstrdupz(struct str s);

#endif
