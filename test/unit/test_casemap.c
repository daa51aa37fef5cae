#include "test.h"

#include "base/casemap.h"

static struct arena arena;

static void check(const char *in, const char *upper, const char *lower, const char *capital)
{
	CHECK_STR(str_upper(&arena, str_z(in)), upper);
	CHECK_STR(str_lower(&arena, str_z(in)), lower);
	CHECK_STR(str_capitalize(&arena, str_z(in)), capital);
}

int main(void)
{
	const char *same = "already lower 4";

	check("", "", "", "");
	check("aB 4c", "AB 4C", "ab 4c", "Ab 4c");
	check("stra\xc3\x9f" "e", "STRASSE", "stra\xc3\x9f" "e", "Stra\xc3\x9f" "e");
	check("\xc3\x9f", "SS", "\xc3\x9f", "Ss");
	check("\xc3\xa9" "a \xc3\x89" "A", "\xc3\x89" "A \xc3\x89" "A", "\xc3\xa9" "a \xc3\xa9" "a", "\xc3\x89" "a \xc3\xa9" "a");
	/* dotted capital I; no final sigma; the letters dz, 'n, fi */
	check("\xc4\xb0s", "\xc4\xb0S", "i\xcc\x87s", "\xc4\xb0s");
	check("\xce\xa3\xce\x91\xce\xa3", "\xce\xa3\xce\x91\xce\xa3", "\xcf\x83\xce\xb1\xcf\x83", "\xce\xa3\xce\xb1\xcf\x83");
	check("\xc7\x86", "\xc7\x84", "\xc7\x86", "\xc7\x85");
	check("\xc5\x89", "\xca\xbcN", "\xc5\x89", "\xca\xbcN");
	check("\xef\xac\x81x", "FIX", "\xef\xac\x81x", "Fix");
	/* Greek with iota below, small and capital */
	check("\xe1\xbe\x80\xe1\xbe\x88", "\xe1\xbc\x88\xce\x99\xe1\xbc\x88\xce\x99", "\xe1\xbe\x80\xe1\xbe\x80", "\xe1\xbe\x88\xe1\xbe\x80");
	/* what is no UTF-8 stays */
	check("\xff" "a\xc3", "\xff" "A\xc3", "\xff" "a\xc3", "\xff" "a\xc3");
	CHECK(str_lower(&arena, str_z(same)).p == same);
	arena_release(&arena);
	return test_end();
}
