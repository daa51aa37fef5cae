/*
 * fuzz_proxy_header.c - any bytes as a PROXY header: the answer is the same whether they came at once or one by one, what was once decided
 * stays so, and a header is never longer than its limit.
 */
#include "fuzz.h"

#include "base/arena.h"
#include "input/proxy_header.h"

#include <string.h>

struct outcome {
	enum proxy_answer answer;
	struct proxy_header h;
	size_t used;
	const char *why;
};

/* In an allocation of exactly that size. */
static struct outcome ask(const uint8_t *p, size_t n)
{
	char *copy = xmalloc(n ? n : 1);
	struct outcome o = {0};

	if (n)
		memcpy(copy, p, n);
	o.answer = proxy_header_read(str_n(copy, n), &o.h, &o.used, &o.why);
	free(copy);
	return o;
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct outcome whole, part = {0};

	if (n > PROXY_HEADER_MAX + 100)
		return 0;
	whole = ask(p, n);
	FUZZ_ASSERT(whole.answer != PROXY_HEADER || (whole.used > 0 && whole.used <= n && whole.used <= PROXY_HEADER_MAX));
	FUZZ_ASSERT((whole.answer == PROXY_BROKEN) == (whole.why != NULL));
	FUZZ_ASSERT(whole.answer != PROXY_MORE || n < PROXY_HEADER_MAX);
	FUZZ_ASSERT(whole.h.client.ss_family == whole.h.proxy.ss_family);
	for (size_t i = 0; i <= n && part.answer == PROXY_MORE; i++)
		part = ask(p, i);
	FUZZ_ASSERT(part.answer == whole.answer && part.used == whole.used && part.why == whole.why);
	FUZZ_ASSERT(memcmp(&part.h, &whole.h, sizeof(part.h)) == 0);
	return 0;
}
