/*
 * fuzz_bulk_answer.c - any bytes as a server's answer to a bulk request: what is proper is no longer so when its end is missing; every item
 * that is handed out lies in the answer, in order, and gets a verdict.
 *
 * The first byte is the number of documents that were sent.
 */
#include "fuzz.h"

#include "outputs/es_verdict.h"

struct seen {
	struct str body;
	uint32_t expect, items;
	int64_t last;
};

static bool within(struct str part, struct str whole)
{
	return part.len == 0 || (part.p >= whole.p && part.p + part.len <= whole.p + whole.len);
}

static void each(void *arg, uint32_t i, const struct es_item *it)
{
	static const struct es_policy policy = {0};
	struct seen *s = arg;
	struct es_judgement j = es_judge(it, 0, &policy);

	FUZZ_ASSERT(i < s->expect && (int64_t)i > s->last);
	FUZZ_ASSERT(within(it->type, s->body) && within(it->reason, s->body));
	/* What the server did not take is never done with in silence. */
	if (it->status >= 300 && it->status != 404 && it->status != 409)
		FUZZ_ASSERT(j.verdict != VERDICT_DELIVERED);
	s->last = i;
	s->items++;
}

static void ignore(void *arg, uint32_t i, const struct es_item *it)
{
	(void)arg;
	(void)i;
	(void)it;
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct seen s = {.last = -1};
	size_t len;

	if (n == 0)
		return 0;
	s.expect = p[0] % 8;
	s.body = str_n((const char *)p + 1, n - 1);
	if (!es_answer_scan(s.body, s.expect, each, &s))
		return 0;
	FUZZ_ASSERT(s.items <= s.expect);
	len = (size_t)(str_trim(s.body).p - s.body.p) + str_trim(s.body).len;
	for (size_t cut = 0; cut < len; cut += 1 + len / 64)
		FUZZ_ASSERT(!es_answer_scan(str_sub(s.body, 0, cut), s.expect, ignore, NULL));
	return 0;
}
