/*
 * fuzz_marshal.c - any bytes as Ruby's form of a value: reading never leaves the input nor takes more than its bounds, and what was read can be
 * written and read again. (A float comes back as its text says; NaN and big integers as what JSON shows of them.)
 */
#include "fuzz.h"

#include "event/json.h"
#include "filter/marshal.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	/* A copy of exactly this size lets the address sanitizer see the first byte behind it. */
	char *copy = xmalloc(n);
	struct buf once, again;
	struct arena a;
	struct value v, back;
	struct err err;

	if (n)
		memcpy(copy, p, n);
	arena_init(&a, NULL);
	buf_init(&once, 0);
	buf_init(&again, 0);
	if (marshal_read(&a, str_n(copy, n), &v, &err) == 0) {
		marshal_write(&once, &v);
		FUZZ_ASSERT(marshal_read(&a, buf_slice(&once), &back, &err) == 0);
		marshal_write(&again, &back);
		FUZZ_ASSERT(str_eq(buf_slice(&once), buf_slice(&again)));
	}
	buf_release(&once);
	buf_release(&again);
	arena_release(&a);
	free(copy);
	return 0;
}
