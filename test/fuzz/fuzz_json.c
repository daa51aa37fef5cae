/*
 * fuzz_json.c - any bytes: reading never leaves the input, and what was read and written reads back as the same value.
 */
#include "fuzz.h"

#include "base/utf8.h"
#include "event/json.h"

static void round_trip(struct arena *a, const struct value *v)
{
	struct buf text, again;
	struct value back;
	struct str in;

	buf_init(&text, 0);
	buf_init(&again, 0);
	json_write_value(&text, v);
	FUZZ_ASSERT(utf8_valid(buf_slice(&text)));
	in = buf_slice(&text);
	FUZZ_ASSERT(json_read(a, &in, NULL, &back, NULL) == 0);
	FUZZ_ASSERT(in.len == 0);
	json_write_value(&again, &back);
	FUZZ_ASSERT(str_eq(buf_slice(&text), buf_slice(&again)));
	buf_release(&text);
	buf_release(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	/* A copy of exactly this size lets the address sanitizer see the first byte behind it. */
	char *copy = xmalloc(n);
	struct str in = {copy, n};
	struct json_limits lim = {.depth = 40, .keys = 500};
	struct json_array it;
	struct arena a;
	struct value v;
	struct err err;

	if (n)
		memcpy(copy, p, n);
	arena_init(&a, NULL);
	while (in.len && json_read(&a, &in, NULL, &v, &err) == 0)
		round_trip(&a, &v);
	in = str_n(copy, n);
	if (json_read(&a, &in, &lim, &v, &err) == 0)
		round_trip(&a, &v);
	if (json_array_open(&it, str_n(copy, n)))
		while (json_array_next(&it, &a, NULL, &v, &err) == 1)
			round_trip(&a, &v);
	arena_release(&a);
	free(copy);
	return 0;
}
