/*
 * banned.h - functions that nobody here may call: included by the compiler's command line into every file.
 *
 * Unbounded copies, text forms without a size, number readers that hide errors, and calls with one static
 * answer for all threads. What to use instead: struct str and struct buf (base/str.h, base/buf.h), base/number.h,
 * base/ts.h. The system's headers come first: they may name what they declare.
 */
#ifndef WEIR_BASE_BANNED_H
#define WEIR_BASE_BANNED_H

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

/* Some of them are macros in one C library or the other. */
#undef alloca
#undef strtok_r
#undef sprintf
#undef vsprintf

#pragma GCC poison strcpy stpcpy strcat strncpy strncat strtok strtok_r sprintf vsprintf gets
#pragma GCC poison sscanf vsscanf scanf fscanf atoi atol atoll atof alloca
#pragma GCC poison gmtime localtime ctime ctime_r asctime asctime_r
#pragma GCC poison tmpnam tempnam mktemp
/* rand() and srand(), too: but libraries' headers have parameters of that name, so test/lint looks for the call. */

#endif
