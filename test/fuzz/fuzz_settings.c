/*
 * fuzz_settings.c - any bytes as weir.yml, and as pipelines.yml: settings, or at least one error; never anything else.
 */
#include "fuzz.h"

#include "base/hash.h"
#include "config/pipelines.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct program_settings s;
	struct pipeline_list list;
	unsigned errors;
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
	errors = d.errors;
	rc = pipelines_read_text(&list, &s, STR("p"), str_n((const char *)p, n), &d);
	FUZZ_ASSERT((rc == -1) == (d.errors != errors) && (rc == 1) == (rc != -1 && list.n > 0));
	for (size_t i = 0; rc == 1 && i < list.n; i++)
		FUZZ_ASSERT(list.entry[i].settings.pipeline.pipeline_id.len && list.entry[i].pos.line);
	diag_print(&d, &b);
	buf_release(&b);
	diag_release(&d);
	arena_release(&a);
	return 0;
}
