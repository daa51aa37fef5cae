/*
 * err.h - a failure that somebody must read.
 *
 * Functions that can fail return -1 (or NULL) and fill a struct err; the caller adds its place or
 * prints it, never both logs and returns. Text: lower case, no full stop, subject in single quotes.
 */
#ifndef WEIR_BASE_ERR_H
#define WEIR_BASE_ERR_H

#include "str.h"

struct err {
	char text[512];
};

/* All return -1, so that `return err_set(err, ...)` reads well. err may be NULL. */
int err_set(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Adds ": " and strerror(errno). */
int err_sys(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Puts text in front of what is there. */
int err_prefix(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* A bug in weird itself: prints place and expression, aborts. Input from outside never reaches it. */
#define bug_on(cond)                                                                                \
	do {                                                                                        \
		if (__builtin_expect(!!(cond), 0))                                                  \
			bug_at(__FILE__, __LINE__, #cond);                                          \
	} while (0)
_Noreturn void bug_at(const char *file, int line, const char *expr);

#endif
