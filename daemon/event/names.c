#include "event/names.h"

#include "base/err.h"

enum { SLOTS = 2048 /* a power of two; at most half full */ };

char names_block[NAMES_BYTES + NAMES_PAD];
static size_t used;
static struct {
	uint16_t at, len; /* at 0: empty */
} slot[SLOTS];
static unsigned nslots;

static unsigned find_slot(struct str s)
{
	unsigned i = hash_str32(s) % SLOTS;

	while (slot[i].at && !str_eq(str_n(names_block + slot[i].at, slot[i].len), s))
		i = (i + 1) % SLOTS;
	return i;
}

static bool goes_as_it_is(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.p[i] < 0x20 || s.p[i] == 0x7f || s.p[i] == '"' || s.p[i] == '\\')
			return false;
	return true;
}

void names_add(struct str s)
{
	unsigned i = find_slot(s);

	if (slot[i].at || !goes_as_it_is(s))
		return;
	bug_on(used + s.len + 3 > NAMES_BYTES || ++nslots > SLOTS / 2);
	names_block[used++] = '"';
	slot[i].at = (uint16_t)used;
	slot[i].len = (uint16_t)s.len;
	memcpy(names_block + used, s.p, s.len);
	used += s.len;
	names_block[used++] = '"';
	names_block[used++] = ':';
}

struct str names_find(struct str s)
{
	unsigned i = find_slot(s);

	return slot[i].at ? str_n(names_block + slot[i].at, slot[i].len) : s;
}
