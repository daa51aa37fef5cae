#include "parse/message.h"

struct place {
	char what;
	struct str value;
};

/* The fixed text up to the next place or the end of the pattern. */
static struct str fixed(const char *p)
{
	const char *end = strchr(p, '%');

	return end ? str_n(p, (size_t)(end - p)) : str_z(p);
}

/* The texts of all places; how many, or -1. Most patterns fail within their first bytes. */
static int split(const char *p, struct str s, struct place out[MESSAGE_PLACES])
{
	struct str lit;
	int n = 0;

	for (; *p && *p != '%'; p++, s.p++, s.len--)
		if (s.len == 0 || *s.p != *p)
			return -1;
	while (*p && n < MESSAGE_PLACES) {
		struct place *at = &out[n++];

		at->what = p[1];
		p += 2;
		lit = fixed(p);
		p += lit.len;
		if (!*p) {
			if (!str_ends(s, lit))
				return -1;
			at->value = str_sub(s, 0, s.len - lit.len);
			return n;
		}
		if (!scan_until_str(&s, lit, &at->value))
			return -1;
	}
	return s.len || *p ? -1 : n;
}

bool message_match(struct record *r, const char *pattern, struct str text, message_put *put)
{
	struct place place[MESSAGE_PLACES];
	struct record_mark mark = rec_mark(r);
	int n = split(pattern, text, place);

	for (int i = 0; i < n; i++)
		if (place[i].what != '*' && !put(r, place[i].what, place[i].value)) {
			rec_reset(r, mark);
			return false;
		}
	return n >= 0;
}

const struct message *message_list(struct record *r, const struct message *list, struct str text, message_put *put)
{
	for (const struct message *m = list; m && m->pattern; m++) {
		if (!message_match(r, m->pattern, text, put))
			continue;
		rec_action(r, m->action, m->category, m->type);
		if (m->outcome)
			rec_outcome(r, m->outcome);
		return m;
	}
	return NULL;
}

const struct message *message_find(struct record *r, const struct messages *m, struct str text, message_put *put)
{
	unsigned char first = text.len ? (unsigned char)text.p[0] : 0;
	const struct message *found = first < 128 ? message_list(r, m->by[first], text, put) : NULL;

	return found ? found : message_list(r, m->any, text, put);
}
