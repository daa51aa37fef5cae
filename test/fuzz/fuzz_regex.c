/*
 * fuzz_regex.c - any text as a Ruby regular expression (the first line), run over the rest: refused with a reason, or compiled; then matching
 * ends, its groups lie within the subject, and gsub makes valid text of valid text.
 */
#include "fuzz.h"

#include "base/regex.h"
#include "base/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct str source = {(const char *)p, n < 300 ? n : 300}, subject = {0}, out;
	ptrdiff_t end = str_chr(source, '\n');
	struct regex_match *m;
	struct regex *r;
	struct arena a;
	struct err err;
	size_t from, to, at = 0;

	if (end >= 0) {
		subject = str_n((const char *)p + end + 1, n - (size_t)end - 1);
		source = str_sub(source, 0, (size_t)end);
	}
	r = regex_compile(source, n & 7, &err);
	if (!r) {
		FUZZ_ASSERT(err.text[0]);
		return 0;
	}
	m = regex_match_new();
	arena_init(&a, NULL);
	for (unsigned i = 0; i <= regex_groups(r); i++)
		regex_group_name(r, i);
	for (unsigned turns = 0; turns < 50 && regex_exec(r, subject, at, m) == REGEX_YES; turns++) {
		FUZZ_ASSERT(utf8_valid(subject));
		FUZZ_ASSERT(regex_group(m, 0, &from, &to) && from <= to && to <= subject.len);
		for (unsigned i = 1; i <= regex_groups(r); i++) {
			size_t f, t;

			if (regex_group(m, i, &f, &t))
				FUZZ_ASSERT(f <= t && t <= subject.len);
		}
		if (to >= subject.len)
			break;
		at = to > at ? to : at + 1;
		while (at < subject.len && ((unsigned char)subject.p[at] & 0xc0) == 0x80)
			at++;
	}
	if (utf8_valid(subject) && subject.len < 2000 && regex_gsub(r, m, &a, subject, STR("<\\0\\1>"), &out) == 0)
		FUZZ_ASSERT(utf8_valid(out));
	arena_release(&a);
	regex_match_free(m);
	regex_free(r);
	return 0;
}
