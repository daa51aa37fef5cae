/*
 * fuzz_kv.c - any text through the filter kv: the first byte chooses the options. The event stays an event that can be rendered.
 */
#include "fuzz.h"

#include "../unit/plugin.h"
#include "base/utf8.h"

static const char *const filters[] = {
	"kv { }",
	"kv { recursive => true allow_empty_values => true }",
	"kv { field_split => \"&?\" transform_key => \"capitalize\" trim_value => \"<>\" target => \"t\" }",
	"kv { field_split_pattern => \"\\s(?=\\w+=)\" remove_char_key => \"_\" allow_duplicate_values => false }",
	"kv { value_split_pattern => \"\\s*[=:]\\s*\" field_split => \",\" include_brackets => false prefix => \"[p]\" }",
	"kv { whitespace => \"strict\" field_split => \"\\|\" value_split => \":=\" }",
};

enum { FILTERS = sizeof(filters) / sizeof(*filters) };

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static struct opened o[FILTERS];
	struct opened *f;
	struct arena a;
	struct event ev;
	struct buf out;
	struct str text;
	struct step_ctx ctx = {.clock = &clock_system, .arena = &a};

	if (n == 0)
		return 0;
	if (!o[0].plugin) {
		hash_init(NULL);
		for (size_t i = 0; i < FILTERS; i++)
			FUZZ_ASSERT(opened_plugin(&o[i], PLUGIN_FILTER, filters[i], ECS_DISABLED));
	}
	f = &o[p[0] % FILTERS];
	arena_init(&a, NULL);
	/* Filters see valid UTF-8: every decoder cares for that. */
	text = utf8_scrub(&a, str_n((const char *)p + 1, n - 1));
	event_init(&ev, &a);
	event_stamp(&ev, (struct ts){0, 0});
	event_set_top(&ev, key_make(STR("message")), v_str(text));
	(void)f->plugin->filter.run(f->self, &ev, &ctx);
	buf_init(&out, 0);
	json_write_event(&out, &ev);
	FUZZ_ASSERT(utf8_valid(buf_slice(&out)));
	buf_release(&out);
	arena_release(&a);
	return 0;
}
