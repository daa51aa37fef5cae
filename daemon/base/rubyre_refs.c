/*
 * rubyre_refs.c - names of groups, and what refers to groups: \k<name>, \g<name>, (?(<name>)...).
 *
 * Names are the configuration's own ("[source][ip]", "IP:client:int"): they stay in a table, and the engines see numbers.
 */
#include "base/rubyre_int.h"

#include "base/arena.h"

int rubyre_take_name(struct parser *p, char end, struct str *name)
{
	struct str rest = str_from(p->src, p->pos);
	ptrdiff_t n = str_chr(rest, end);

	if (n < 0)
		return rubyre_fail(p, "invalid group name");
	*name = str_sub(rest, 0, (size_t)n);
	if (n == 0)
		return rubyre_fail(p, "group name is empty");
	if (str_chr(*name, ')') >= 0)
		return rubyre_fail(p, "invalid group name");
	p->pos += (size_t)n + 1;
	return 0;
}

void rubyre_name_put(struct parser *p, unsigned i, struct str name)
{
	if (!p->first)
		return;
	if ((i & (i - 1)) == 0)
		p->name = xrealloc(p->name, 2 * (size_t)i * sizeof(*p->name));
	p->name[i] = name;
}

/*
 * A reference by number as written between < and >: 3, -1 (counted back from here), +1. 0 where it is not a number, else
 * 1 and the group; an absurd one gives group 0 as "no such".
 */
static int number_of(struct str text, unsigned here, bool *whole, unsigned *group)
{
	char sign = text.len ? text.p[0] : 0;
	uint64_t v;

	if (!str_u64(str_from(text, sign == '-' || sign == '+'), RUBYRE_GROUPS_MAX, &v))
		return 0;
	*whole = !v && sign != '-' && sign != '+';
	*group = (unsigned)v;
	if (sign == '-')
		*group = v <= here ? here + 1 - (unsigned)v : 0;
	else if (sign == '+')
		*group = here + (unsigned)v;
	return 1;
}

static bool is_named(const struct parser *p, struct str name)
{
	for (unsigned i = p->total_named; i; i--)
		if (str_eq(p->name[i], name))
			return true;
	return false;
}

/* "n+1" and "n-1" are n as it was one call further out or in. A name that ends so is a name, which Ruby would not have. */
static void cut_level(const struct parser *p, struct str *name, struct str *level)
{
	size_t at = name->len;

	while (at && ch_digit(name->p[at - 1]))
		at--;
	*level = STR("");
	if (at < 2 || at == name->len || (name->p[at - 1] != '+' && name->p[at - 1] != '-') || is_named(p, *name))
		return;
	*level = str_from(*name, at - 1);
	*name = str_sub(*name, 0, at - 1);
}

int rubyre_number_ref(struct parser *p, struct mode m, uint64_t n)
{
	if (m.icase)
		p->doubts |= RUBYRE_DOUBT_FOLD;
	if (p->first)
		return 0;
	if (p->total_named)
		return rubyre_fail(p, "numbered backref/call is not allowed (use name)");
	if (n > p->total)
		return rubyre_fail(p, "invalid backref number/name");
	rubyre_write_backref(p, (unsigned)n, STR(""));
	return 0;
}

/* Of several groups with the name the last one that took part counts, and no other is tried when what follows does not match. */
int rubyre_parse_backref(struct parser *p, struct mode m, char end)
{
	struct str name, level;
	unsigned group, found = 0;
	bool whole;

	if (rubyre_take_name(p, end, &name))
		return -1;
	if (m.icase)
		p->doubts |= RUBYRE_DOUBT_FOLD;
	if (p->first)
		return 0;
	cut_level(p, &name, &level);
	if (level.len)
		inexact(p, "a back reference that names a level of calls");
	if (number_of(name, p->plain, &whole, &group)) {
		if (p->total_named)
			return rubyre_fail(p, "numbered backref/call is not allowed (use name)");
		if (group == 0 || group > p->total)
			return rubyre_fail(p, "invalid backref number/name");
		rubyre_write_backref(p, group, level);
		return 0;
	}
	buf_lit(p->out, "(?>");
	for (unsigned i = p->total_named; i; i--) {
		if (!str_eq(p->name[i], name))
			continue;
		if (found++)
			buf_ch(p->out, '|');
		rubyre_write_backref(p, i, level);
	}
	buf_lit(p->out, ")");
	return found ? 0 : rubyre_fail(p, "undefined name reference");
}

int rubyre_parse_call(struct parser *p, char end)
{
	struct str name;
	unsigned group = 0, found = 0;
	bool whole = false;

	if (rubyre_take_name(p, end, &name))
		return -1;
	/* PCRE2 gives the groups of a call back what they held before it, and does not see that a group calls itself for ever. */
	inexact(p, "a call of a group");
	if (p->first)
		return 0;
	if (number_of(name, p->plain, &whole, &group)) {
		if (p->total_named && !whole)
			return rubyre_fail(p, "numbered backref/call is not allowed (use name)");
		if (!whole && (group == 0 || group > p->total))
			return rubyre_fail(p, "undefined group reference");
		rubyre_write_call(p, whole ? 0 : group);
		return 0;
	}
	for (unsigned i = p->total_named; i; i--)
		if (str_eq(p->name[i], name) && !found++)
			rubyre_write_call(p, i);
	if (found > 1)
		return rubyre_fail(p, "multiplex definition name call");
	return found ? 0 : rubyre_fail(p, "undefined name call");
}

int rubyre_parse_test(struct parser *p, unsigned *group)
{
	struct str name;
	char open = peek(p, 0);
	bool whole;

	*group = 0;
	if (open == '<' || open == '\'') {
		p->pos++;
		if (rubyre_take_name(p, open == '<' ? '>' : '\'', &name))
			return -1;
		if (peek(p, 0) != ')')
			return rubyre_fail(p, "invalid conditional pattern");
		p->pos++;
	} else if (rubyre_take_name(p, ')', &name)) {
		return -1;
	}
	if (p->first)
		return 0;
	/* Of several groups with the name the first one counts here. */
	if (!number_of(name, p->plain, &whole, group))
		for (unsigned i = 1; i <= p->total_named && !*group; i++)
			if (str_eq(p->name[i], name))
				*group = i;
	return *group == 0 || *group > p->total ? rubyre_fail(p, "invalid backref number/name") : 0;
}
