/*
 * fuzz_formats.c - any bytes as a line through the whole of `parse {}`; then the text behind its header once more as if one of the programs
 * that formats claim had said it, so that each parser sees what was meant for another. The seeds are the lines of test/parse/(format).test.
 */
#include "fuzz.h"

#include "../unit/plugin.h"
#include "base/utf8.h"
#include "parse/format.h"

static struct opened parser;

/* The event can be rendered, the text is still there, and the parser says whether it understood it. Returns the text behind the header. */
static struct str one(struct arena *a, struct str line, const char *program)
{
	struct event ev;
	struct buf out;
	struct step_ctx ctx = {.clock = &clock_system, .arena = a};
	const struct value *ok, *format, *text;

	event_init(&ev, a);
	event_stamp(&ev, (struct ts){1795608000, 0});
	ev.received_ns = 1795608000ll * 1000000000;
	event_set_top(&ev, key_make(STR("message")), v_str(line));
	if (program)
		(void)event_set(&ev, field_ref(F_PROCESS_NAME), v_str(str_z(program)));
	(void)parser.plugin->filter.run(parser.self, &ev, &ctx);
	ok = event_get(&ev, field_ref(F_WEIR_PARSE_OK));
	format = event_get(&ev, field_ref(F_WEIR_PARSE_FORMAT));
	text = event_top(&ev, STR("message"));
	FUZZ_ASSERT(value_is(ok, V_BOOL) && ok->b == value_is(format, V_STRING));
	FUZZ_ASSERT(value_is(text, V_STRING));
	buf_init(&out, 0);
	json_write_event(&out, &ev);
	FUZZ_ASSERT(utf8_valid(buf_slice(&out)));
	buf_release(&out);
	return value_str(text);
}

static const char *program_of(size_t n)
{
	static const char *all[512];
	static size_t count;

	if (!count)
		for (const struct format *const *f = formats_all; *f; f++)
			for (const char *const *p = (*f)->programs; p && *p && count < 512; p++)
				all[count++] = *p;
	return all[n % count];
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct arena a;
	struct str text;
	size_t sum = n;

	if (!parser.plugin) {
		hash_init(NULL);
		fields_init();
		FUZZ_ASSERT(opened_plugin(&parser, PLUGIN_FILTER, "parse { timezone => \"UTC\" }", ECS_V8));
	}
	arena_init(&a, NULL);
	/* Filters see valid UTF-8: every decoder cares for that. */
	text = one(&a, utf8_scrub(&a, str_n((const char *)p, n)), NULL);
	for (size_t i = 0; i < n; i++)
		sum = sum * 31 + p[i];
	(void)one(&a, text, program_of(sum));
	arena_release(&a);
	return 0;
}
