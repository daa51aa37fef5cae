/*
 * javahash.h - the order in which java.util.HashMap iterates, which some configurations depend on.
 */
#ifndef WEIR_BASE_JAVAHASH_H
#define WEIR_BASE_JAVAHASH_H

#include "base/str.h"

/* String.hashCode over the UTF-16 units of UTF-8 text. */
uint32_t java_string_hash(struct str s);
/*
 * Order of iteration of a HashMap that was made empty and got these n different keys in this order:
 * perm[i] is the position in keys of the i-th key met. Buckets double above a load of 0.75 from 16 on.
 */
void java_hash_order(const struct str *keys, size_t n, uint32_t *perm);

#endif
