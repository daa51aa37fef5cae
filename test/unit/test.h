/*
 * test.h - a small harness: every test program is a main() full of CHECKs; the exit status says how it went.
 */
#ifndef WEIR_TEST_H
#define WEIR_TEST_H

#include "base/str.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static unsigned test_passed, test_failed;

#define CHECK(cond)                                                                                \
	do {                                                                                       \
		if (cond) {                                                                        \
			test_passed++;                                                             \
		} else {                                                                           \
			test_failed++;                                                             \
			fprintf(stderr, "%s:%d: failed: %s\n", __FILE__, __LINE__, #cond);         \
		}                                                                                  \
	} while (0)

#define CHECK_INT(have, want)                                                                      \
	do {                                                                                       \
		long long have_ = (long long)(have), want_ = (long long)(want);                    \
		if (have_ == want_) {                                                              \
			test_passed++;                                                             \
		} else {                                                                           \
			test_failed++;                                                             \
			fprintf(stderr, "%s:%d: %s is %lld, not %lld\n", __FILE__, __LINE__, #have, have_, want_); \
		}                                                                                  \
	} while (0)

#define CHECK_STR(have, want)                                                                      \
	do {                                                                                       \
		struct str have_ = (have), want_ = str_z(want);                                    \
		if (str_eq(have_, want_)) {                                                        \
			test_passed++;                                                             \
		} else {                                                                           \
			test_failed++;                                                             \
			fprintf(stderr, "%s:%d: %s is\n  %.*s\nnot\n  %.*s\n", __FILE__, __LINE__, #have, STR_ARG(have_), \
				STR_ARG(want_));                                                   \
		}                                                                                  \
	} while (0)

static inline int test_end(void)
{
	fprintf(stderr, "%u passed, %u failed\n", test_passed, test_failed);
	return test_failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif
