/*
 * fuzz_template.c - any text as a field reference and as a template: refused or compiled, and what was compiled finds, sets and
 * prints without leaving its memory. The first line is the text, the rest a JSON document.
 */
#include "fuzz.h"

#include "base/hash.h"
#include "event/event.h"
#include "event/json.h"
#include "event/tmpl.h"

static void reference(struct arena *a, struct event *ev, struct str text)
{
	struct value marker = v_str(STR("set"));
	struct err err;
	struct ref *r = ref_compile(a, text, &err);

	if (!r) {
		FUZZ_ASSERT(err.text[0]);
		return;
	}
	event_get(ev, r);
	if (event_set(ev, r, marker) == EVENT_OK && !r->tags) {
		struct value *v = event_get(ev, r);

		FUZZ_ASSERT(v != NULL);
		FUZZ_ASSERT(event_remove(ev, r, NULL));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct str text = {(const char *)p, n}, document = {0}, out;
	ptrdiff_t end = str_chr(text, '\n');
	struct json_limits lim = {.depth = 20, .keys = 100};
	struct value v;
	struct event ev;
	struct arena a;
	struct tmpl *t;
	struct err err;

	hash_init(NULL);
	if (end >= 0) {
		document = str_from(text, (size_t)end + 1);
		text = str_sub(text, 0, (size_t)end);
	}
	arena_init(&a, NULL);
	event_init(&ev, &a);
	event_stamp(&ev, (struct ts){1577934245, 0});
	if (document.len && json_read(&a, &document, &lim, &v, &err) == 0)
		event_set_top(&ev, key_make(STR("d")), v);
	t = tmpl_compile(&a, text);
	if (tmpl_render(t, &ev, &a, &clock_system, &out, &err) == 0)
		FUZZ_ASSERT(out.len == 0 || out.p);
	else
		FUZZ_ASSERT(err.text[0]);
	FUZZ_ASSERT(!tmpl_is_const(t) || str_eq(tmpl_text(t), text));
	reference(&a, &ev, text);
	arena_release(&a);
	return 0;
}
