#include "enrichers/lease_parts.h"

#include "base/hash.h"

/* Lines of one message are written at once; syslog's stamps may differ by a second. */
#define TOGETHER INT64_C(5000000000)

static bool together(int64_t a, int64_t b)
{
	int64_t apart;

	return !__builtin_sub_overflow(a, b, &apart) && apart <= TOGETHER && apart >= -TOGETHER;
}

/* The transaction's place, emptied where it was another's; NULL without an id. */
static struct lease_part *part_of(struct lease_parts *p, struct str host, struct str id)
{
	uint64_t key = (hash_bytes(id.p, id.len) * UINT64_C(0x9e3779b97f4a7c15) ^ hash_bytes(host.p, host.len)) | 1;
	struct lease_part *part = &p->part[(key >> 1) % LEASE_PARTS];

	if (id.len == 0)
		return NULL;
	if (part->key != key)
		*part = (struct lease_part){.key = key, .given = INT64_MIN};
	return part;
}

int64_t lease_part_given(struct lease_parts *p, struct str host, struct str id, const struct ip *ip, int64_t t)
{
	struct lease_part *part = part_of(p, host, id);

	if (!part)
		return 0;
	part->ip = *ip;
	part->given = t;
	return part->lease_ns && together(part->told, t) ? part->lease_ns : 0;
}

bool lease_part_lasts(struct lease_parts *p, struct str host, struct str id, int64_t t, int64_t lease_ns, struct ip *ip, int64_t *given)
{
	struct lease_part *part = part_of(p, host, id);

	if (!part)
		return false;
	part->told = t;
	part->lease_ns = lease_ns;
	if (part->given == INT64_MIN || !together(part->given, t))
		return false;
	*ip = part->ip;
	*given = part->given;
	return true;
}
