/*
 * dispatch.c - from a program's name to the formats that read its lines. Work thread, one table per pipeline.
 *
 * Names are compared once: what was found is kept by the name in a table of fixed size, so a line costs one look-up
 * whatever the number of formats. A name may be claimed by several formats (dnsmasq: DNS, DHCP); they are tried in the order of their names.
 */
#include "parse/format.h"

#include <stdlib.h>

enum { SLOTS = 256, NAME_MAX_LEN = 47, CLAIMS = 4 };

struct slot {
	uint8_t len; /* 0: empty */
	uint8_t n;
	char name[NAME_MAX_LEN + 1];
	const struct format *claim[CLAIMS];
};

struct dispatch {
	struct slot slot[SLOTS];
};

struct dispatch *dispatch_new(void)
{
	return xzalloc(sizeof(struct dispatch));
}

void dispatch_free(struct dispatch *d)
{
	free(d);
}

static bool claims(const struct format *f, struct str program)
{
	for (const char *const *p = f->programs; p && *p; p++) {
		struct str name = str_z(*p);

		if (name.len && name.p[name.len - 1] == '*') {
			name.len--;
			if (program.len >= name.len && str_ieq(str_sub(program, 0, name.len), name))
				return true;
		} else if (str_ieq(program, name)) {
			return true;
		}
	}
	return false;
}

/* Where a name is kept: each slot is one name's, so that names which meet cost time and nothing else. */
static unsigned slot_of(struct str name)
{
	uint64_t head = 0, tail = 0;

	if (name.len >= 8) {
		memcpy(&head, name.p, 8);
		memcpy(&tail, name.p + name.len - 8, 8);
	} else if (name.len) {
		memcpy(&head, name.p, name.len);
	}
	return (unsigned)(((head * 31 ^ tail) + name.len) * UINT64_C(0x9e3779b97f4a7c15) >> 56) % SLOTS;
}

/* "/usr/sbin/dhcpd" is dhcpd; "postfix/smtpd" is a name of its own. */
static struct str base_name(struct str program)
{
	if (program.len && program.p[0] == '/')
		program = str_from(program, (size_t)str_rchr(program, '/') + 1);
	return program;
}

static uint8_t find_claims(struct str program, const struct format **out)
{
	uint8_t n = 0;

	for (const struct format *const *f = formats_all; *f && n < CLAIMS; f++)
		if (claims(*f, program))
			out[n++] = *f;
	return n;
}

const struct format *dispatch_parse(struct dispatch *d, struct record *r, const struct format **known)
{
	struct str name = base_name(r->program);
	struct slot *s = &d->slot[slot_of(name)], other;
	struct record_mark mark = rec_mark(r);

	if (name.len > NAME_MAX_LEN) {
		other.n = 0;
		s = &other;
	} else if (name.len && (s->len != name.len || memcmp(s->name, name.p, name.len) != 0)) {
		s->len = (uint8_t)name.len;
		memcpy(s->name, name.p, name.len);
		s->n = find_claims(name, s->claim);
	}
	*known = NULL;
	if (name.len && s->n) {
		*known = s->claim[0];
		for (uint8_t i = 0; i < s->n; i++) {
			if (s->claim[i]->parse(r) == FORMAT_MATCH)
				return *known = s->claim[i];
			rec_reset(r, mark);
		}
		return NULL;
	}
	for (const struct format *const *f = formats_all; *f; f++) {
		if (!(*f)->shape || !(*f)->shape(r))
			continue;
		if ((*f)->parse(r) == FORMAT_MATCH)
			return *known = *f;
		rec_reset(r, mark);
	}
	return NULL;
}

bool dispatch_shape(const struct record *r)
{
	for (const struct format *const *f = formats_all; *f; f++)
		if ((*f)->shape && (*f)->shape(r))
			return true;
	return false;
}
