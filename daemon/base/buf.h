/*
 * buf.h - the one growable buffer.
 *
 * Heap memory with a stated maximum; what would exceed it sets `over` and leaves the contents as
 * they were, so a caller may append many pieces and look at `over` once. Owned by whoever embeds it.
 */
#ifndef WEIR_BASE_BUF_H
#define WEIR_BASE_BUF_H

#include "str.h"

struct buf {
	char *p;
	size_t len, cap;
	size_t max;  /* 0 = no limit */
	bool over;   /* something did not fit */
};

void buf_init(struct buf *b, size_t max);
void buf_release(struct buf *b);

static inline void buf_clear(struct buf *b)
{
	b->len = 0;
	b->over = false;
}

/* Makes room for n more bytes; false (and over) where max forbids it. */
bool buf_grow(struct buf *b, size_t n);

/* Room for n more bytes behind len, or NULL. The caller adds what it wrote to len. */
static inline char *buf_room(struct buf *b, size_t n)
{
	if (b->cap - b->len < n && !buf_grow(b, n))
		return NULL;
	return b->p + b->len;
}

static inline void buf_add(struct buf *b, const void *p, size_t n)
{
	char *q = buf_room(b, n);

	if (q && n) {
		memcpy(q, p, n);
		b->len += n;
	}
}

static inline void buf_str(struct buf *b, struct str s)
{
	buf_add(b, s.p, s.len);
}

static inline void buf_ch(struct buf *b, char c)
{
	buf_add(b, &c, 1);
}

#define buf_lit(b, lit) buf_add((b), "" lit, sizeof(lit) - 1)

void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void buf_u64(struct buf *b, uint64_t v);
void buf_i64(struct buf *b, int64_t v);

static inline struct str buf_slice(const struct buf *b)
{
	return (struct str){b->p ? b->p : "", b->len};
}

#endif
