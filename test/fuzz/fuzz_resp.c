/*
 * fuzz_resp.c - any bytes as a reply of Redis: whole at the same place however they came in, and never beyond it; what is whole can be read.
 *
 * The first byte says into pieces of which size they are cut.
 */
#include "fuzz.h"

#include "input/resp.h"

static void walk(const struct resp *r, struct str s)
{
	if (r->type == RESP_TEXT || r->type == RESP_STATUS || r->type == RESP_ERROR)
		FUZZ_ASSERT(r->text.len == 0 || (r->text.p >= s.p && r->text.p + r->text.len <= s.p + s.len));
	for (uint32_t i = 0; r->type == RESP_LIST && i < r->n; i++)
		walk(&r->v[i], s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct resp_scan once = {0}, pieces = {0};
	struct str s;
	struct arena a;
	struct resp r;
	size_t len = 0, cut_len = 0, step;
	int rc, cut = 0;

	if (size == 0)
		return 0;
	step = 1 + data[0] % 7;
	s = str_n((const char *)data + 1, size - 1);
	rc = resp_whole(&once, s, &len);
	for (size_t n = 0; cut == 0; n += step) {
		cut = resp_whole(&pieces, str_sub(s, 0, n), &cut_len);
		if (n >= s.len)
			break;
	}
	FUZZ_ASSERT(cut == rc && (rc != 1 || (cut_len == len && len <= s.len)));
	if (rc != 1)
		return 0;
	arena_init(&a, NULL);
	s = str_sub(s, 0, len);
	if (resp_read(&a, s, &r) == 0)
		walk(&r, s);
	arena_release(&a);
	return 0;
}
