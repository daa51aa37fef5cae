/*
 * link_state.c - the tables of `link`, and which host asks from which address (see link_int.h).
 */
#include "link_int.h"
#include "base/hash.h"

#include <stdlib.h>

/* How max_memory is divided, in thousandths; the last column of life: seconds by the clock of receipt. */
static const struct share {
	uint16_t parts;
	size_t stride;
	int32_t life_s;
	bool per_net;
} shares[LINK_TABLES] = {
	[T_CONN] = {170, sizeof(struct conn), 7200, true},
	[T_REV] = {60, sizeof(struct group), 7200, true},
	[T_LOOK] = {220, sizeof(struct look), 300, true},
	[T_SUFFIX] = {120, sizeof(struct suffix), 300, false},
	[T_FETCH] = {120, sizeof(struct fetch), 180, false},
	[T_AUTH] = {110, sizeof(struct auth), 86400, false},
	[T_CUT] = {95, sizeof(struct cut), 87000, false},
	[T_WANT] = {25, sizeof(struct want), 300, false},
	[T_CLIENT] = {5, sizeof(struct client), 3600, false},
	[T_REQUEST] = {25, sizeof(struct request), 180, false},
};

enum { EVENTS_SHARE = 50, SKEW_ROWS = 256, PAIR_ROWS = 4096, BUCKET_BYTES = 12 /* what a row costs beside itself */ };

uint64_t key_of(uint64_t a, uint64_t b)
{
	uint64_t h = (a ^ UINT64_C(0x9ae16a3b2f90404f)) * UINT64_C(0xc949d7c7509e6557);

	h ^= h >> 31;
	h = (h ^ b) * UINT64_C(0x9e3779b97f4a7c15);
	return h ^ h >> 32;
}

uint64_t request_key(uint16_t host, int32_t id)
{
	return key_of((uint64_t)id, (uint64_t)host << 32 | 1);
}

uint64_t ip_key(const struct ip *ip)
{
	return hash_16(ip->b);
}

uint32_t ip_network(const struct ip *ip)
{
	struct ip net = ip_mask(ip, ip_is_v4(ip) ? IP_V4_BITS + 24 : 48);

	return (uint32_t)hash_16(net.b);
}

static void dropped_group(void *arg, void *row)
{
	group_forget(arg, row);
}

static void dropped_look(void *arg, void *row)
{
	group_forget_look(arg, row);
}

static void dropped_conn(void *arg, void *row)
{
	group_forget_conn(arg, row);
}

struct link_state *state_new(int64_t max_memory)
{
	struct link_state *st = xzalloc(sizeof(*st));

	name_init();
	st->refs = 1;
	st->fetched = INT64_MIN;
	for (unsigned i = 0; i < NAMELESS; i++)
		st->nameless[i].t = NEVER;
	for (int i = 0; i < LINK_TABLES; i++) {
		const struct share *s = &shares[i];

		if (s->parts)
			ltable_init(&st->t[i], s->stride, (uint32_t)(max_memory / 1000 * s->parts / (int64_t)(s->stride + BUCKET_BYTES)),
				    s->life_s * SEC, s->per_net);
	}
	ltable_init(&st->t[T_SKEW], sizeof(struct skew_row), SKEW_ROWS, 0, false);
	ltable_init(&st->t[T_PAIR], sizeof(struct pair), PAIR_ROWS, 0, false);
	st->t[T_REV].drop = dropped_group;
	st->t[T_LOOK].drop = dropped_look;
	st->t[T_CONN].drop = dropped_conn;
	st->t[T_REV].arg = st->t[T_LOOK].arg = st->t[T_CONN].arg = st;
	st->nevents = (uint32_t)(max_memory / 1000 * EVENTS_SHARE / (int64_t)sizeof(*st->event)) + 64;
	st->event = calloc(st->nevents, sizeof(*st->event));
	bug_on(!st->event);
	st->msg = xmalloc(MESSAGES_MAX * sizeof(*st->msg));
	st->score = xmalloc((GROUP_MAX + 1) * (GROUP_MAX + 1) * sizeof(*st->score));
	st->host[0].name = STR("");
	st->nhosts = 1;
	return st;
}

void state_unref(struct link_state *st)
{
	if (!st || --st->refs)
		return;
	for (int i = 0; i < LINK_TABLES; i++)
		ltable_release(&st->t[i]);
	for (uint32_t i = 1; i < st->nhosts; i++)
		free((char *)st->host[i].name.p);
	free(st->event);
	free(st->msg);
	free(st->score);
	free(st);
}

uint16_t state_host(struct link_state *st, struct str name)
{
	uint32_t slot, at;
	char *copy;

	if (name.len == 0 || name.len > 255)
		return 0;
	/* Lines come in runs. */
	if (str_eq(st->host[st->last_host].name, name))
		return st->last_host;
	slot = (uint32_t)(hash_bytes(name.p, name.len) % (2 * HOSTS_MAX));
	while ((at = st->host_at[slot]) != 0) {
		if (str_eq(st->host[at].name, name))
			return st->last_host = (uint16_t)at;
		slot = (slot + 1) % (2 * HOSTS_MAX);
	}
	if (st->nhosts == HOSTS_MAX) {
		st->crowded++;
		return 0;
	}
	copy = xmalloc(name.len);
	memcpy(copy, name.p, name.len);
	st->host[st->nhosts].name = str_n(copy, name.len);
	st->host_at[slot] = st->nhosts;
	return (uint16_t)st->nhosts++;
}

void state_metrics(const struct link_state *st, struct series *to)
{
	static const enum metric rows[] = {
		[T_CONN] = M_LINK_ROWS_CONN,   [T_REV] = M_LINK_ROWS_REV,     [T_LOOK] = M_LINK_ROWS_LOOK, [T_SUFFIX] = M_LINK_ROWS_SUFFIX,
		[T_FETCH] = M_LINK_ROWS_FETCH, [T_AUTH] = M_LINK_ROWS_AUTH,   [T_CUT] = M_LINK_ROWS_CUT,   [T_WANT] = M_LINK_ROWS_WANT,
		[T_CLIENT] = M_LINK_ROWS_CLIENT,
	};
	static const enum metric gone[] = {
		[T_CONN] = M_LINK_EVICTED_CONN,   [T_REV] = M_LINK_EVICTED_REV,   [T_LOOK] = M_LINK_EVICTED_LOOK, [T_SUFFIX] = M_LINK_EVICTED_SUFFIX,
		[T_FETCH] = M_LINK_EVICTED_FETCH, [T_AUTH] = M_LINK_EVICTED_AUTH, [T_CUT] = M_LINK_EVICTED_CUT,	  [T_WANT] = M_LINK_EVICTED_WANT,
		[T_CLIENT] = M_LINK_EVICTED_CLIENT,
	};
	uint64_t capped = 0;

	for (int i = 0; i <= T_CLIENT; i++) {
		series_set(to, rows[i], st->t[i].n);
		series_set(to, gone[i], st->t[i].evicted);
		capped += st->t[i].capped;
	}
	series_set(to, M_LINK_CAPPED, capped);
	series_set(to, M_LINK_LINKED, st->linked);
	series_set(to, M_LINK_EVENTS, st->emitted);
	series_set(to, M_LINK_EVENTS_DROPPED, st->dropped_msgs);
	series_set(to, M_LINK_CROWDED, st->crowded);
}

/* ---- which host asks from where ---- */

enum { LEARNT_MATCHES = 5, LEARNT_SHARE = 80 };

static bool pair_counts(const struct link_state *st, const struct pair *p)
{
	return p->source == PAIR_CONFIGURED || (p->matches >= LEARNT_MATCHES && p->matches * 100 >= st->host[p->host].matches * LEARNT_SHARE);
}

static struct pair *pair_find(struct link_state *st, uint16_t host, const struct ip *ip)
{
	struct pair *p = ltable_first(&st->t[T_PAIR], ip_key(ip));

	for (; p; p = ltable_next(&st->t[T_PAIR], p))
		if (p->host == host && ip_eq(&p->ip, ip))
			return p;
	return NULL;
}

bool pair_is_client(struct link_state *st, const struct ip *client)
{
	struct pair *p = ltable_first(&st->t[T_PAIR], ip_key(client));

	for (; p; p = ltable_next(&st->t[T_PAIR], p))
		if (ip_eq(&p->ip, client) && pair_counts(st, p))
			return true;
	return false;
}

int pair_known(struct link_state *st, uint16_t host, const struct ip *client, uint16_t resolver)
{
	const struct pair *p;

	if (ip_scope(client) == IP_LOOPBACK)
		return host == resolver ? 2 : 0;
	p = pair_find(st, host, client);
	if (p && pair_counts(st, p))
		return 2;
	return st->host[host].configured || pair_is_client(st, client) ? 0 : 1;
}

static struct pair *pair_make(struct link_state *st, uint16_t host, const struct ip *ip, int64_t now)
{
	struct pair *p = pair_find(st, host, ip);

	if (p) {
		ltable_use(&st->t[T_PAIR], p, now);
		return p;
	}
	p = ltable_add(&st->t[T_PAIR], ip_key(ip), 0, now);
	p->ip = *ip;
	p->host = host;
	return p;
}

void pair_configure(struct link_state *st, uint16_t host, const struct ip *ip)
{
	pair_make(st, host, ip, INT64_MAX)->source = PAIR_CONFIGURED;
	st->host[host].configured = true;
}

void state_unconfigure(struct link_state *st)
{
	struct ltable *t = &st->t[T_PAIR];

	for (uint32_t at = t->newest; at;) {
		struct pair *p = ltable_at(t, at);

		at = p->row.older;
		if (p->source == PAIR_CONFIGURED)
			ltable_drop(t, p);
	}
	for (uint32_t i = 0; i < st->nhosts; i++)
		st->host[i].configured = false;
}

void pair_matched(struct link_state *st, uint16_t host, const struct ip *client, const struct ip *about, int64_t now)
{
	uint64_t h = ip_key(about);
	struct pair *p;

	if (host == 0 || st->host[host].configured || ip_scope(client) == IP_LOOPBACK)
		return;
	p = pair_make(st, host, client, now);
	for (unsigned i = 0; i < sizeof(p->ips) / sizeof(*p->ips); i++)
		if (p->ips[i] == h)
			return;
	p->ips[p->matches++ % (sizeof(p->ips) / sizeof(*p->ips))] = h;
	st->host[host].matches++;
}
