/*
 * pages.h - large pages for large tables.
 *
 * A table of tens of MB that is read here and there misses the processor's table of pages nearly each time, which costs as much again as
 * the memory itself. With pages of 2 MB it does not. An idle table should stay small, though: so this is asked for when a table has begun to fill.
 */
#ifndef WEIR_BASE_PAGES_H
#define WEIR_BASE_PAGES_H

#include <stddef.h>

enum { PAGES_WORTH = 1 << 20 /* bytes in use from which large pages pay */ };

/* What lies in [p, p + n) and is not touched yet comes in large pages from now on, where the kernel has them. */
void pages_large(void *p, size_t n);

#endif
