/*
 * fuzz_grok.c - any bytes as a pattern and a text: first line the pattern, the rest the text. What compiles runs within its
 * budget, and every group lies inside the text, at characters.
 */
#include "fuzz.h"

#include "base/hash.h"
#include "base/utf8.h"
#include "filter/grok_compile.h"

static bool at_char(struct str s, size_t i)
{
	return i == s.len || ((unsigned char)s.p[i] & 0xc0) != 0x80;
}

static void run(const struct grok_pattern *p, struct str text, struct arena *a)
{
	struct regex_match *m = regex_match_new();
	size_t from, to, start, end;
	struct str out;

	regex_match_budget(m, 1000000);
	if (regex_exec(p->regex, text, 0, m) == REGEX_YES) {
		FUZZ_ASSERT(regex_group(m, 0, &from, &to));
		for (unsigned i = 0; i <= regex_groups(p->regex); i++) {
			if (!regex_group(m, i, &start, &end))
				continue;
			FUZZ_ASSERT(start <= end && end <= text.len);
			FUZZ_ASSERT(at_char(text, start) && at_char(text, end));
		}
		for (size_t i = 0; i < p->captures; i++)
			FUZZ_ASSERT(p->capture[i].group >= 1 && p->capture[i].group <= regex_groups(p->regex));
		/* What every match contains is there. */
		FUZZ_ASSERT(str_find(text, regex_required(p->regex)) >= 0);
	}
	if (text.len < 1000 && regex_gsub(p->regex, m, a, text, STR("<\\0\\k<a>>"), &out) == 0)
		FUZZ_ASSERT(!utf8_valid(text) || utf8_valid(out));
	regex_match_free(m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char *copy = xmalloc(n);
	struct str pattern, text = {copy, n};
	struct grok_library lib;
	struct grok_compile c = {&lib, n & 1, STR(""), NULL};
	struct grok_pattern p;
	struct arena a;
	struct err err;

	hash_init((const uint64_t[2]){1, 2});
	if (n)
		memcpy(copy, data, n);
	arena_init(&a, NULL);
	if (!str_cut(&text, '\n', &pattern)) {
		pattern = text;
		text = STR("");
	}
	grok_library_init(&lib, &a, n & 2);
	if (pattern.len < 2000) {
		if (grok_pattern_compile(&p, &c, pattern, &err) == 0)
			run(&p, text, &a);
		grok_pattern_release(&p);
	}
	arena_release(&a);
	free(copy);
	return 0;
}
