#include "base/arena.h"
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { CHUNK_FIRST = 4096, CHUNK_MAX = 256 * 1024 };

struct arena_chunk {
	struct arena_chunk *next; /* older */
	size_t size;		  /* of data */
	char *end;
	_Alignas(16) char data[];
};

static _Noreturn void out_of_memory(size_t n)
{
	fprintf(stderr, "weir: out of memory (%zu bytes wanted)\n", n);
	abort();
}

void *xmalloc(size_t n)
{
	void *p = malloc(n ? n : 1);

	if (!p)
		out_of_memory(n);
	return p;
}

void *xzalloc(size_t n)
{
	void *p = calloc(1, n ? n : 1);

	if (!p)
		out_of_memory(n);
	return p;
}

void *xrealloc(void *old, size_t n)
{
	void *p = realloc(old, n ? n : 1);

	if (!p)
		out_of_memory(n);
	return p;
}

char *xstrdupz(struct str s)
{
	char *p = xmalloc(s.len + 1);

	if (s.len)
		memcpy(p, s.p, s.len);
	p[s.len] = 0;
	return p;
}

void arena_init(struct arena *a, struct budget *budget)
{
	*a = (struct arena){.budget = budget, .chunk_size = CHUNK_FIRST};
}

static void chunk_free(struct arena *a, struct arena_chunk *c)
{
	a->bytes -= c->size;
	/* Relaxed: the budget is a gauge that inputs look at, it orders nothing. */
	if (a->budget)
		atomic_fetch_sub_explicit(&a->budget->used, c->size, memory_order_relaxed);
	free(c);
}

void arena_release(struct arena *a)
{
	while (a->head) {
		struct arena_chunk *c = a->head;

		a->head = c->next;
		chunk_free(a, c);
	}
	a->p = a->end = NULL;
	a->chunk_size = CHUNK_FIRST;
}

void arena_clear(struct arena *a)
{
	struct arena_chunk *keep = a->head;

	if (!keep)
		return;
	/* The newest ordinary chunk is the largest one; a single huge one is not worth keeping. */
	if (keep->size > CHUNK_MAX) {
		arena_release(a);
		return;
	}
	while (keep->next) {
		struct arena_chunk *c = keep->next;

		keep->next = c->next;
		chunk_free(a, c);
	}
	a->p = keep->data;
	a->end = keep->end;
}

void *arena_alloc_slow(struct arena *a, size_t n, size_t align)
{
	size_t size = a->chunk_size ? a->chunk_size : CHUNK_FIRST;
	struct arena_chunk *c;

	bug_on(n > PTRDIFF_MAX / 2);
	if (n > size)
		size = n;
	else if (a->chunk_size < CHUNK_MAX)
		a->chunk_size = size * 2;
	c = malloc(sizeof(*c) + size);
	if (!c)
		out_of_memory(n);
	c->size = size;
	c->end = c->data + size;
	c->next = a->head;
	a->head = c;
	a->bytes += size;
	if (a->budget)
		atomic_fetch_add_explicit(&a->budget->used, size, memory_order_relaxed);
	a->p = c->data + n;
	a->end = c->end;
	(void)align; /* chunk data is aligned for everything */
	return c->data;
}

void *arena_zalloc(struct arena *a, size_t n)
{
	return memset(arena_alloc(a, n), 0, n);
}

struct str arena_dup(struct arena *a, struct str s)
{
	char *p = arena_bytes(a, s.len);

	if (s.len)
		memcpy(p, s.p, s.len);
	return str_n(p, s.len);
}

char *arena_dupz(struct arena *a, struct str s)
{
	char *p = arena_bytes(a, s.len + 1);

	if (s.len)
		memcpy(p, s.p, s.len);
	p[s.len] = 0;
	return p;
}

struct str arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap;
	int n;
	char *p;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0)
		return STR("");
	p = arena_bytes(a, (size_t)n + 1);
	va_start(ap, fmt);
	vsnprintf(p, (size_t)n + 1, fmt, ap);
	va_end(ap);
	return str_n(p, (size_t)n);
}

void *arena_grow(struct arena *a, void *old, size_t old_n, size_t new_n)
{
	void *p;

	if (old && (char *)old + old_n == a->p && new_n >= old_n &&
	    (size_t)(a->end - a->p) >= new_n - old_n) {
		a->p += new_n - old_n;
		return old;
	}
	p = arena_alloc(a, new_n);
	if (old_n)
		memcpy(p, old, old_n < new_n ? old_n : new_n);
	return p;
}

struct arena_mark arena_mark(const struct arena *a)
{
	return (struct arena_mark){a->head, a->p};
}

void arena_reset(struct arena *a, struct arena_mark m)
{
	while (a->head != m.head) {
		struct arena_chunk *c = a->head;

		bug_on(!c);
		a->head = c->next;
		chunk_free(a, c);
	}
	a->p = m.p;
	a->end = a->head ? a->head->end : NULL;
}
