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

static bool put(struct record *r, const struct message_place *p, char letter, struct str v)
{
	enum field_id f;

	while (p->letter && p->letter != letter)
		p++;
	if (!p->letter)
		return false;
	f = (enum field_id)p->field;
	switch ((enum place_kind)p->kind) {
	case PLACE_STR:
		rec_str(r, f, v);
		return true;
	case PLACE_RAW:
		rec_raw(r, p->raw, v);
		return true;
	case PLACE_NUM:
		return rec_num(r, f, v);
	case PLACE_IP:
		return rec_ip(r, f, v);
	case PLACE_MAYBE_IP:
		(void)rec_ip(r, f, v);
		return true;
	case PLACE_MAC:
		return rec_mac(r, f, v);
	case PLACE_HOST:
		rec_host(r, f, v);
		return true;
	case PLACE_USER:
		rec_user(r, f, v);
		return true;
	case PLACE_CALL:
		return p->call(r, v);
	}
	return false;
}

bool message_match(struct record *r, const char *pattern, struct str text, const struct message_place *places)
{
	struct place place[MESSAGE_PLACES];
	struct record_mark mark = rec_mark(r);
	int n = split(pattern, text, place);

	for (int i = 0; i < n; i++)
		if (place[i].what != '*' && !put(r, places, place[i].what, place[i].value)) {
			rec_reset(r, mark);
			return false;
		}
	return n >= 0;
}

const struct message *message_list(struct record *r, const struct message *list, struct str text, const struct message_place *places)
{
	for (const struct message *m = list; m && m->pattern; m++) {
		if (!message_match(r, m->pattern, text, places))
			continue;
		rec_action(r, m->action, m->category, m->type);
		if (m->outcome)
			rec_outcome(r, m->outcome);
		return m;
	}
	return NULL;
}

const struct message *message_find(struct record *r, const struct messages *m, struct str text, const struct message_place *places)
{
	unsigned char first = text.len ? (unsigned char)text.p[0] : 0;
	const struct message *found = first < 128 ? message_list(r, m->by[first], text, places) : NULL;

	return found ? found : message_list(r, m->any, text, places);
}
