#include "enrichers/lease.h"

#include "base/arena.h"
#include "base/hash.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- somebody ---- */

static struct str keep(struct str s)
{
	if (s.len == 0)
		return (struct str){0};
	if (s.len > LEASE_TEXT)
		s.len = LEASE_TEXT;
	return str_n(xstrdupz(s), s.len);
}

static void drop(struct str *s)
{
	free((char *)s->p);
	*s = (struct str){0};
}

static void replace(struct str *have, struct str s)
{
	if (s.len == 0 || str_eq(*have, s))
		return;
	drop(have);
	*have = keep(s);
}

static void holder_keep(struct holder *to, const struct holder *from)
{
	*to = *from;
	to->client_id = keep(from->client_id);
	to->host = keep(from->host);
	to->user = keep(from->user);
	to->session = keep(from->session);
}

static void holder_drop(struct holder *h)
{
	drop(&h->client_id);
	drop(&h->host);
	drop(&h->user);
	drop(&h->session);
}

/* The same client: by its MAC, else by the identifier it sent, else by its session. A name is only a claim. */
static bool same_holder(const struct holder *a, const struct holder *b)
{
	if (a->kind != b->kind)
		return false;
	if (a->kind == LEASE_VPN)
		return a->session.len ? str_eq(a->session, b->session) : str_eq(a->user, b->user);
	if (a->has_mac && b->has_mac)
		return memcmp(a->mac, b->mac, 6) == 0;
	if (a->client_id.len && b->client_id.len)
		return str_eq(a->client_id, b->client_id);
	return !a->has_mac && !b->has_mac && !a->client_id.len && !b->client_id.len && str_ieq(a->host, b->host);
}

/* Who gives an address back must be who has it, as far as both are known. */
static bool ends(const struct holder *end, const struct holder *who)
{
	if (end->has_mac && who->has_mac)
		return memcmp(end->mac, who->mac, 6) == 0;
	if (end->session.len && who->session.len)
		return str_eq(end->session, who->session);
	return true;
}

/* ---- rows ---- */

void leases_init(struct leases *l, size_t max_rows, int64_t default_ns)
{
	*l = (struct leases){.max_rows = max_rows ? max_rows : 1, .default_ns = default_ns};
	l->slots = 16;
	while (l->slots < 2 * l->max_rows)
		l->slots *= 2;
	l->slot = xzalloc(l->slots * sizeof(*l->slot));
	l->mark = xzalloc(l->slots * sizeof(*l->mark));
	l->mac = xzalloc(l->slots * sizeof(struct lease_mac));
}

static void row_free(struct lease_row *r)
{
	for (uint8_t i = 0; i < r->n; i++)
		holder_drop(&r->mark[i].who);
	free(r->mark);
	free(r);
}

void leases_release(struct leases *l)
{
	for (struct lease_row *r = l->newest, *older; r; r = older) {
		older = r->older;
		row_free(r);
	}
	free(l->slot);
	free(l->mark);
	free(l->mac);
	*l = (struct leases){0};
}

static uint64_t hash_ip(const struct ip *ip)
{
	return hash_16(ip->b);
}

static inline uint16_t mark_of(uint64_t hash)
{
	return (uint16_t)(hash >> 48) | 1;
}

/* Where the address lies, or the free place where it would. */
static size_t place_in(const struct leases *l, const struct ip *ip, uint64_t hash)
{
	size_t i = hash & (l->slots - 1);
	uint16_t mark = mark_of(hash);

	while (l->mark[i] && (l->mark[i] != mark || !ip_eq(&l->slot[i]->ip, ip)))
		i = (i + 1) & (l->slots - 1);
	return i;
}

void lease_hint(const struct leases *l, const struct ip *ip)
{
	size_t at = hash_ip(ip) & (l->slots - 1);

	__builtin_prefetch(&l->mark[at]);
	__builtin_prefetch(&l->slot[at]);
}

struct lease_row *lease_find(const struct leases *l, const struct ip *ip)
{
	size_t i;

	if (l->rows == 0)
		return NULL;
	i = place_in(l, ip, hash_ip(ip));
	return l->mark[i] ? l->slot[i] : NULL;
}

/* What stood behind it and is not at its own place moves up, so that no search ends too early. */
static void free_place(struct leases *l, size_t hole)
{
	size_t mask = l->slots - 1;

	for (size_t i = (hole + 1) & mask; l->mark[i]; i = (i + 1) & mask) {
		size_t home = hash_ip(&l->slot[i]->ip) & mask;

		if (((i - home) & mask) >= ((i - hole) & mask)) {
			l->slot[hole] = l->slot[i];
			l->mark[hole] = l->mark[i];
			hole = i;
		}
	}
	l->mark[hole] = 0;
}

static void unlink_age(struct leases *l, struct lease_row *r)
{
	*(r->newer ? &r->newer->older : &l->newest) = r->older;
	*(r->older ? &r->older->newer : &l->oldest) = r->newer;
}

static void link_newest(struct leases *l, struct lease_row *r)
{
	r->newer = NULL;
	r->older = l->newest;
	if (l->newest)
		l->newest->newer = r;
	else
		l->oldest = r;
	l->newest = r;
}

static void evict(struct leases *l, struct lease_row *r)
{
	free_place(l, place_in(l, &r->ip, hash_ip(&r->ip)));
	unlink_age(l, r);
	l->rows--;
	l->evicted++;
	row_free(r);
}

/* As the newest. */
static void put_row(struct leases *l, struct lease_row *r)
{
	uint64_t hash = hash_ip(&r->ip);
	size_t at = place_in(l, &r->ip, hash);

	l->slot[at] = r;
	l->mark[at] = mark_of(hash);
	link_newest(l, r);
	l->rows++;
}

static struct lease_row *row_of(struct leases *l, const struct ip *ip)
{
	struct lease_row *r = lease_find(l, ip);

	if (r) {
		unlink_age(l, r);
		link_newest(l, r);
		return r;
	}
	if (l->rows >= l->max_rows)
		evict(l, l->oldest);
	r = xzalloc(sizeof(*r));
	r->ip = *ip;
	put_row(l, r);
	return r;
}

static struct lease_mac *mac_slot(const struct leases *l, const uint8_t mac[6])
{
	return &l->mac[hash_bytes(mac, 6) & (l->slots - 1)];
}

static void note_mac(struct leases *l, const uint8_t mac[6], const struct ip *ip)
{
	struct lease_mac *m = mac_slot(l, mac);

	memcpy(m->mac, mac, 6);
	m->used = true;
	m->ip = *ip;
}

void leases_adopt(struct leases *l, struct leases *former)
{
	size_t max_rows = l->max_rows;
	int64_t default_ns = l->default_ns;

	while (former->rows > max_rows)
		evict(former, former->oldest);
	leases_release(l);
	leases_init(l, max_rows, default_ns);
	for (struct lease_row *r = former->oldest, *newer; r; r = newer) {
		newer = r->newer;
		put_row(l, r);
	}
	for (size_t i = 0; i < former->slots; i++)
		if (former->mac[i].used)
			note_mac(l, former->mac[i].mac, &former->mac[i].ip);
	l->evicted = former->evicted;
	l->cut = former->cut;
	former->newest = former->oldest = NULL; /* the rows are l's */
	leases_release(former);
}

/* ---- marks ---- */

static void remove_mark(struct lease_row *r, unsigned i)
{
	holder_drop(&r->mark[i].who);
	r->n--;
	memmove(&r->mark[i], &r->mark[i + 1], (r->n - i) * sizeof(r->mark[0]));
}

void lease_forget_static(struct lease_row *r)
{
	for (unsigned i = r->n; i-- > 0;)
		if (r->mark[i].who.kind == LEASE_STATIC)
			remove_mark(r, i);
}

/* Room at place i, filled with zeros; the oldest mark goes where there is none (then i moves with it). */
static struct lease_mark *insert_mark(struct leases *l, struct lease_row *r, unsigned i)
{
	if (r->n == LEASE_MARKS) {
		l->cut++;
		remove_mark(r, 0);
		i = i ? i - 1 : 0;
	}
	if (r->n == r->cap) {
		r->cap = r->cap ? (uint8_t)(2 * r->cap) : 1;
		r->mark = xrealloc(r->mark, r->cap * sizeof(*r->mark));
	}
	memmove(&r->mark[i + 1], &r->mark[i], (r->n - i) * sizeof(r->mark[0]));
	r->n++;
	memset(&r->mark[i], 0, sizeof(r->mark[i]));
	return &r->mark[i];
}

/* Of the first mark later than t. */
static unsigned place_of(const struct lease_row *r, int64_t t)
{
	unsigned i = r->n;

	while (i && r->mark[i - 1].from > t)
		i--;
	return i;
}

static int64_t plus(int64_t t, int64_t by)
{
	int64_t sum;

	return __builtin_add_overflow(t, by, &sum) ? INT64_MAX : sum;
}

enum { RENEWAL_MIN_S = 60 /* what comes sooner is a retransmission, a second server or a restart */ };

static void renew(const struct leases *l, struct lease_mark *m, int64_t t, int64_t lease_ns)
{
	int64_t since = t - m->last, guess = l->default_ns;

	if (lease_ns > 0)
		m->lease_ns = lease_ns;
	if (since >= RENEWAL_MIN_S * 1000000000ll && since > m->renew_ns)
		m->renew_ns = since;
	m->last = t;
	/* A client renews at half of its time. */
	if (m->renew_ns)
		guess = plus(m->renew_ns, m->renew_ns);
	m->until = plus(t, m->lease_ns ? m->lease_ns : guess);
}

static void learn(struct lease_mark *m, const struct holder *who)
{
	replace(&m->who.host, who->host);
	replace(&m->who.user, who->user);
	replace(&m->who.client_id, who->client_id);
	if (who->has_mac && !m->who.has_mac) {
		m->who.has_mac = true;
		memcpy(m->who.mac, who->mac, 6);
	}
}

static void set_event(struct lease_mark *m, struct str event_id)
{
	if (event_id.len && event_id.len < sizeof(m->event_id) && !m->event_id[0])
		memcpy(m->event_id, event_id.p, event_id.len);
}

/*
 * Mark b - 1 is a giving that was renewed after t, at which something else is known now: what was renewed is a giving of its own, whose
 * beginning is the last that was heard of it.
 */
static void split(struct leases *l, struct lease_row *r, unsigned b, int64_t t, const struct holder *who, bool ended)
{
	struct lease_mark *before = b ? &r->mark[b - 1] : NULL, *rest;
	int64_t last;

	if (!before || before->kind != LEASE_GIVEN || before->last <= t || r->n + 1 >= LEASE_MARKS ||
	    (ended && !ends(who, &before->who)))
		return;
	last = before->last;
	rest = insert_mark(l, r, place_of(r, last));
	before = &r->mark[b - 1];
	*rest = *before;
	holder_keep(&rest->who, &before->who);
	rest->from = last;
	before->last = before->from;
}

struct lease_row *lease_given(struct leases *l, const struct ip *ip, int64_t t, int64_t lease_ns, const struct holder *who, struct str event_id)
{
	struct lease_row *r = row_of(l, ip);
	unsigned i = place_of(r, t), b = i;
	struct lease_mark *before, *after = i < r->n ? &r->mark[i] : NULL, *m;

	if (who->has_mac)
		note_mac(l, who->mac, ip);
	while (b && r->mark[b - 1].kind == LEASE_SEEN)
		b--;
	before = b ? &r->mark[b - 1] : NULL;
	if (before && before->kind == LEASE_GIVEN && same_holder(&before->who, who) && t <= before->until) {
		if (t >= before->last)
			renew(l, before, t, lease_ns);
		learn(before, who);
		return r;
	}
	/* Received before the earlier part of it. */
	if (after && after->kind == LEASE_GIVEN && same_holder(&after->who, who) &&
	    after->from <= plus(t, lease_ns ? lease_ns : l->default_ns) &&
	    !(before && before->kind == LEASE_GIVEN && before->last > t)) {
		after->from = t;
		memset(after->event_id, 0, sizeof(after->event_id));
		set_event(after, event_id);
		learn(after, who);
		return r;
	}
	/* Somebody else's giving that was renewed later than this: what comes behind is a giving of its own. */
	split(l, r, b, t, who, false);
	m = insert_mark(l, r, place_of(r, t));
	m->kind = LEASE_GIVEN;
	m->from = m->last = t;
	holder_keep(&m->who, who);
	renew(l, m, t, lease_ns);
	set_event(m, event_id);
	return r;
}

struct lease_row *lease_lasts(struct leases *l, const struct ip *ip, int64_t t, int64_t lease_ns)
{
	struct lease_row *r = lease_find(l, ip);
	unsigned i = r ? place_of(r, t) : 0;
	struct lease_mark *m;

	while (i && r->mark[i - 1].kind == LEASE_SEEN)
		i--;
	m = i ? &r->mark[i - 1] : NULL;
	if (!m || m->kind != LEASE_GIVEN || m->last < t || (m->last > t && m->lease_ns))
		return NULL;
	m->lease_ns = lease_ns;
	m->until = plus(m->last, lease_ns);
	return r;
}

struct lease_row *lease_ended(struct leases *l, const struct ip *ip, int64_t t, const struct holder *who)
{
	static const struct holder nobody;
	struct lease_row *r = row_of(l, ip);
	unsigned b = place_of(r, t);
	struct lease_mark *m;

	if (!who)
		who = &nobody;
	while (b && r->mark[b - 1].kind == LEASE_SEEN)
		b--;
	if (b && r->mark[b - 1].kind == LEASE_ENDED && r->mark[b - 1].from == t)
		return r;
	split(l, r, b, t, who, true);
	m = insert_mark(l, r, place_of(r, t));
	m->kind = LEASE_ENDED;
	m->from = m->last = m->until = t;
	holder_keep(&m->who, who);
	return r;
}

struct lease_row *lease_seen(struct leases *l, const struct ip *ip, int64_t t, const struct holder *who, struct str event_id)
{
	struct lease_row *r = row_of(l, ip);
	unsigned i = place_of(r, t);
	struct lease_mark *before = i ? &r->mark[i - 1] : NULL, *m;

	if (before && before->kind == LEASE_SEEN && same_holder(&before->who, who)) {
		before->last = t > before->last ? t : before->last;
		before->until = plus(before->last, l->default_ns);
		learn(before, who);
		return r;
	}
	m = insert_mark(l, r, i);
	m->kind = LEASE_SEEN;
	m->from = m->last = t;
	m->until = plus(t, l->default_ns);
	holder_keep(&m->who, who);
	set_event(m, event_id);
	return r;
}

/* ---- asking ---- */

bool lease_interval(const struct lease_row *r, unsigned i, struct lease_answer *out)
{
	const struct lease_mark *m = &r->mark[i];

	if (i >= r->n || m->kind == LEASE_ENDED)
		return false;
	*out = (struct lease_answer){.mark = m, .since = m->from, .until = m->until, .assumed = m->lease_ns == 0,
				     .confidence = m->kind == LEASE_SEEN ? 50 : 100};
	for (unsigned k = i + 1; k < r->n && r->mark[k].from < out->until; k++) {
		const struct lease_mark *next = &r->mark[k];

		if (next->kind == LEASE_SEEN && m->kind == LEASE_GIVEN)
			continue;
		if (next->kind == LEASE_ENDED && !ends(&next->who, &m->who))
			continue;
		/* Given back, or given to somebody else: that much is known. */
		out->until = next->from;
		out->assumed = false;
	}
	return out->until > out->since;
}

bool lease_at(const struct leases *l, const struct ip *ip, int64_t t, struct lease_answer *out)
{
	const struct lease_row *r = lease_find(l, ip);
	struct lease_answer seen = {0};

	if (!r)
		return false;
	for (unsigned i = place_of(r, t); i-- > 0;) {
		if (!lease_interval(r, i, out) || t >= out->until)
			continue;
		if (out->mark->kind == LEASE_GIVEN) {
			/* Beyond the last that was heard, an end that nobody said is less sure. */
			if (out->assumed && t > out->mark->last)
				out->confidence = 80;
			return true;
		}
		if (!seen.mark)
			seen = *out;
	}
	*out = seen;
	return seen.mark != NULL;
}

bool lease_by_mac(const struct leases *l, const uint8_t mac[6], int64_t t, struct lease_answer *out)
{
	const struct lease_mac *m = l->rows ? mac_slot(l, mac) : NULL;

	return m && m->used && memcmp(m->mac, mac, 6) == 0 && lease_at(l, &m->ip, t, out) && out->mark->who.has_mac &&
	       memcmp(out->mark->who.mac, mac, 6) == 0;
}

/* ---- on disk ---- */

enum { FORM = 1 };

static void put_num(struct buf *b, uint64_t v, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		buf_ch(b, (char)(v >> 8 * i));
}

static void put_text(struct buf *b, struct str s)
{
	buf_ch(b, (char)s.len);
	buf_str(b, s);
}

void lease_row_write(const struct lease_row *r, struct buf *out)
{
	buf_ch(out, FORM);
	buf_ch(out, (char)r->n);
	for (uint8_t i = 0; i < r->n; i++) {
		const struct lease_mark *m = &r->mark[i];

		put_num(out, (uint64_t)m->from, 8);
		put_num(out, (uint64_t)m->last, 8);
		put_num(out, (uint64_t)m->until, 8);
		put_num(out, (uint64_t)m->lease_ns, 8);
		put_num(out, (uint64_t)m->renew_ns, 8);
		buf_ch(out, (char)m->kind);
		buf_ch(out, m->who.has_mac ? 1 : 0);
		buf_ch(out, (char)m->who.kind);
		buf_add(out, m->who.mac, 6);
		put_text(out, m->who.client_id);
		put_text(out, m->who.host);
		put_text(out, m->who.user);
		put_text(out, m->who.session);
		put_text(out, str_z(m->event_id));
	}
}

static bool get_bytes(struct str *s, size_t n, const char **out)
{
	if (s->len < n)
		return false;
	*out = s->p;
	*s = str_from(*s, n);
	return true;
}

static bool get_num(struct str *s, unsigned bytes, uint64_t *out)
{
	const char *p;

	if (!get_bytes(s, bytes, &p))
		return false;
	*out = 0;
	for (unsigned i = 0; i < bytes; i++)
		*out |= (uint64_t)(uint8_t)p[i] << 8 * i;
	return true;
}

static bool get_text(struct str *s, struct str *out)
{
	uint64_t n;
	const char *p;

	if (!get_num(s, 1, &n) || !get_bytes(s, (size_t)n, &p))
		return false;
	*out = str_n(p, (size_t)n);
	return true;
}

static bool get_mark(struct str *s, struct lease_mark *m)
{
	uint64_t from, last, until, lease, renewed, kind, has_mac, who;
	const char *mac;
	struct str id;

	memset(m, 0, sizeof(*m));
	if (!get_num(s, 8, &from) || !get_num(s, 8, &last) || !get_num(s, 8, &until) || !get_num(s, 8, &lease) ||
	    !get_num(s, 8, &renewed) || !get_num(s, 1, &kind) || !get_num(s, 1, &has_mac) ||
	    !get_num(s, 1, &who) || !get_bytes(s, 6, &mac) || !get_text(s, &m->who.client_id) || !get_text(s, &m->who.host) ||
	    !get_text(s, &m->who.user) || !get_text(s, &m->who.session) || !get_text(s, &id))
		return false;
	if (kind > LEASE_SEEN || who > LEASE_STATIC || id.len >= sizeof(m->event_id))
		return false;
	m->from = (int64_t)from;
	m->last = (int64_t)last;
	m->until = (int64_t)until;
	m->kind = (uint8_t)kind;
	m->lease_ns = (int64_t)lease;
	m->renew_ns = (int64_t)renewed;
	m->who.has_mac = has_mac != 0;
	m->who.kind = (enum lease_kind)who;
	memcpy(m->who.mac, mac, 6);
	memcpy(m->event_id, id.p, id.len);
	return true;
}

bool lease_row_read(struct leases *l, const struct ip *ip, struct str bytes)
{
	struct lease_mark mark[LEASE_MARKS];
	struct lease_row *r;
	uint64_t form, n;

	if (!get_num(&bytes, 1, &form) || form != FORM || !get_num(&bytes, 1, &n) || n > LEASE_MARKS)
		return false;
	for (uint64_t i = 0; i < n; i++)
		if (!get_mark(&bytes, &mark[i]) || (i && mark[i].from < mark[i - 1].from))
			return false;
	if (bytes.len)
		return false;
	r = row_of(l, ip);
	while (r->n)
		remove_mark(r, 0);
	for (uint64_t i = 0; i < n; i++) {
		struct holder who = mark[i].who;
		struct lease_mark *m = insert_mark(l, r, (unsigned)i);

		*m = mark[i];
		holder_keep(&m->who, &who);
		if (who.has_mac)
			note_mac(l, who.mac, ip);
	}
	return true;
}

/* ---- MAC addresses ---- */

static int hex(char c)
{
	return ch_digit(c) ? c - '0' : ch_xdigit(c) ? (c | 32) - 'a' + 10 : -1;
}

bool mac_parse(struct str s, uint8_t out[6])
{
	if (s.len != 17)
		return false;
	for (int i = 0; i < 6; i++) {
		int a = hex(s.p[3 * i]), b = hex(s.p[3 * i + 1]);

		if (a < 0 || b < 0 || (i < 5 && s.p[3 * i + 2] != '-' && s.p[3 * i + 2] != ':'))
			return false;
		out[i] = (uint8_t)(a << 4 | b);
	}
	return true;
}

size_t mac_format(const uint8_t mac[6], char out[18])
{
	static const char digit[] = "0123456789ABCDEF";
	char *p = out;

	for (int i = 0; i < 6; i++) {
		*p++ = digit[mac[i] >> 4];
		*p++ = digit[mac[i] & 15];
		*p++ = '-';
	}
	*--p = 0;
	return (size_t)(p - out);
}
