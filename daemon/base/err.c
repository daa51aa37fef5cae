#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

int err_set(struct err *err, const char *fmt, ...)
{
	va_list ap;

	if (!err)
		return -1;
	va_start(ap, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	return -1;
}

int err_sys(struct err *err, const char *fmt, ...)
{
	int saved = errno;
	char head[sizeof(err->text)], cause[128];
	va_list ap;

	if (!err)
		return -1;
	va_start(ap, fmt);
	vsnprintf(head, sizeof(head), fmt, ap);
	va_end(ap);
	snprintf(err->text, sizeof(err->text), "%.350s: %s", head,
		 strerror_r(saved, cause, sizeof(cause)));
	return -1;
}

int err_prefix(struct err *err, const char *fmt, ...)
{
	char head[sizeof(err->text)], tail[sizeof(err->text)];
	va_list ap;

	if (!err)
		return -1;
	memcpy(tail, err->text, sizeof(tail));
	va_start(ap, fmt);
	vsnprintf(head, sizeof(head), fmt, ap);
	va_end(ap);
	snprintf(err->text, sizeof(err->text), "%.200s%.300s", head, tail);
	return -1;
}

_Noreturn void bug_at(const char *file, int line, const char *expr)
{
	fprintf(stderr, "weir: bug at %s:%d: %s\n", file, line, expr);
	abort();
}
