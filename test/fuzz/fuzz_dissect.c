/*
 * fuzz_dissect.c - any mapping over any text, divided by the first NUL. The parts lie in the text, one behind another.
 */
#include "fuzz.h"

#include "base/hash.h"
#include "filter/dissect_map.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct str text = str_n((const char *)p, n), mapping, *part;
	const char *at;
	struct arena a;
	struct dissect_map m;
	struct err err;

	if (!str_cut(&text, 0, &mapping))
		return 0;
	hash_init(NULL);
	arena_init(&a, NULL);
	if (dissect_compile(&a, mapping, &m, &err) == 0) {
		part = arena_alloc(&a, m.n * sizeof(*part) + 1);
		if (dissect_cut(&m, text, part)) {
			at = text.p;
			for (uint32_t i = 0; i < m.n; i++) {
				FUZZ_ASSERT(part[i].p >= at && part[i].p + part[i].len <= text.p + text.len);
				at = part[i].p + part[i].len;
			}
		}
		for (uint32_t i = 0; i < m.n; i++)
			FUZZ_ASSERT(m.order[i] < m.n);
	}
	arena_release(&a);
	return 0;
}
