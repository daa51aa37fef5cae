/*
 * casemap.h - upper and lower case of all of Unicode, as Ruby's String#upcase, downcase and capitalize.
 *
 * Single letters come from the C library's own C.UTF-8 tables, independent of the process's locale; letters that become several ("ß" -> "SS")
 * from a table here. No context is looked at (a final sigma stays what it is). Any thread.
 */
#ifndef WEIR_BASE_CASEMAP_H
#define WEIR_BASE_CASEMAP_H

#include "base/arena.h"

/* s itself where nothing changes, else a copy in a. Bytes that are no UTF-8 stay as they are. */
struct str str_upper(struct arena *a, struct str s);
struct str str_lower(struct arena *a, struct str s);
/* The first character in title case, the others in lower case. */
struct str str_capitalize(struct arena *a, struct str s);

#endif
