/*
 * fuzz_settings.c - any bytes as weir.yml: settings, or at least one error; never anything else.
 */
#include "fuzz.h"

#include "base/hash.h"
#include "config/settings.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct program_settings s;
	struct arena a;
	struct diag d;
	struct buf b;
	int rc;

	hash_init(NULL);
	arena_init(&a, NULL);
	diag_init(&d);
	buf_init(&b, 0);
	settings_init(&s, &a);
	rc = settings_read_text(&s, STR("f"), str_n((const char *)p, n), &d);
	FUZZ_ASSERT((rc == 0) == (d.errors == 0));
	FUZZ_ASSERT(s.api_port <= s.api_port_last && s.memory_max > 0 && s.drain_ns >= 0);
	diag_print(&d, &b);
	buf_release(&b);
	diag_release(&d);
	arena_release(&a);
	return 0;
}
