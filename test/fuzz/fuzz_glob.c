/*
 * fuzz_glob.c - a pattern, a line feed, a name: matching ends, what a plain backtracking matcher says is said, and { } stay within their bounds.
 */
#include "fuzz.h"

#include "base/arena.h"
#include "base/utf8.h"
#include "input/glob.h"

/* By the definition, for patterns of letters, '*' and '?' only. */
static bool slow_match(struct str p, struct str n, unsigned *steps)
{
	if (++*steps > 100000)
		return false;
	if (!p.len)
		return !n.len;
	if (p.p[0] == '*') {
		for (size_t i = 0; i <= n.len; i++)
			if (slow_match(str_from(p, 1), str_from(n, i), steps))
				return true;
		return false;
	}
	return n.len && (p.p[0] == '?' || p.p[0] == n.p[0]) && slow_match(str_from(p, 1), str_from(n, 1), steps);
}

static bool plain(struct str s, bool pattern)
{
	for (size_t i = 0; i < s.len; i++)
		if (!ch_alnum(s.p[i]) && !(pattern && (s.p[i] == '*' || s.p[i] == '?')))
			return false;
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str name = str_n((const char *)data, n), pattern, *v;
	struct arena a;
	unsigned steps = 0;
	size_t count;
	bool have;

	if (n > 2048 || !str_cut(&name, '\n', &pattern))
		return 0;
	/* Without separators a path is a name. */
	have = glob_match(pattern, name);
	if (pattern.len && name.len && str_chr(pattern, '/') < 0 && str_chr(name, '/') < 0)
		FUZZ_ASSERT(glob_match_path(pattern, name) == have);
	(void)glob_match_path(pattern, name);
	if (plain(pattern, true) && plain(name, false)) {
		bool want = slow_match(pattern, name, &steps);

		FUZZ_ASSERT(steps > 100000 || have == want);
	}
	arena_init(&a, NULL);
	count = glob_braces(&a, pattern, &v);
	FUZZ_ASSERT(count <= GLOB_ALTERNATIVES);
	for (size_t i = 0; i < count; i++)
		FUZZ_ASSERT(v[i].len <= pattern.len);
	arena_release(&a);
	return 0;
}
