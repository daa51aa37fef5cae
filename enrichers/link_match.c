/*
 * link_match.c - which look-up was made for which connection (see link_int.h).
 *
 * All look-ups and connections of one address are matched with each other anew whenever one of them comes or changes: second tries and
 * forwarders first, then pairs in order of time, as many as possible and as near as possible. The result depends on the set alone. What differs
 * from before is told by node_hang().
 */
#include "link_int.h"

#include <math.h>
#include <stdlib.h>

#define EPS (50 * MS)
#define EPS_ONE_HOST (2 * MS)
#define SMTP_BEFORE (45 * SEC)
#define SSH_AFTER (30 * SEC)
#define SSH_LATE_LINE (120 * SEC)
#define RETRY_AFTER SEC
#define RETRY_AT_ONCE (10 * MS)
#define UNIQUE_AROUND (60 * SEC)
#define SKEW_MAX (120 * SEC)
#define CLOCK_STEP_S 0.5f
enum { SWEEP_ROWS = 64, MATCHED = 98, MATCHED_LATE_LINE = 80, CAP_UNKNOWN_HOST = 60, CAP_UNKNOWN_CLOCK = 80, CAP_DOUBT = 60 };

/* A look-up with its second tries, as one. */
struct unit {
	struct look *k;
	struct unit *up; /* itself: a root */
	bool hop, retry, has_retry;
	bool settled; /* what it belongs to is known no more: it stays as it was */
	int64_t asked, ended; /* of its last try */
	bool answered;
	struct conn *conn;
};

struct hosts {
	bool set;
	uint8_t service, cap;
	uint16_t host, resolver;
	struct ip client;
	int known;
	int64_t shift, err;
};

struct match {
	struct hosts hosts;
	struct link *l;
	struct link_state *st;
	struct group *g;
	unsigned nu, nr, nc, na;
	struct unit unit[GROUP_MAX];
	struct unit *root[GROUP_MAX];
	struct conn *conn[GROUP_MAX]; /* smtpd, sshd */
	struct unit *of[GROUP_MAX];
	struct conn *auth[GROUP_MAX];
};

/* ---- members of a group ---- */

struct group *group_of(struct link_state *st, const struct ip *ip, int64_t now)
{
	struct ltable *t = &st->t[T_REV];
	uint64_t key = ip_key(ip);
	struct group *g = ltable_first(t, key);

	if (g) {
		ltable_use(t, g, now);
		return g;
	}
	g = ltable_add(t, key, ip_network(ip), now);
	g->ip = *ip;
	return g;
}

void group_forget_look(struct link_state *st, struct look *k)
{
	struct group *g = ltable_get(&st->t[T_REV], k->group);
	struct lref *at = g ? &g->look : NULL, self = ltable_ref(k);
	struct look *x;

	while (at && (x = ltable_get(&st->t[T_LOOK], *at)) != NULL) {
		if (lref_eq(*at, self)) {
			*at = x->next;
			g->nlook--;
			break;
		}
		at = &x->next;
	}
	k->group = (struct lref){0};
}

/* Its look-up was made for it, and for nobody who comes later. */
void group_forget_conn(struct link_state *st, struct conn *c)
{
	struct group *g = ltable_get(&st->t[T_REV], c->group);
	struct lref *at = g ? &g->conn : NULL, self = ltable_ref(c);
	struct conn *x;
	struct look *k;

	while (at && (x = ltable_get(&st->t[T_CONN], *at)) != NULL) {
		if (lref_eq(*at, self)) {
			*at = x->next;
			g->nconn--;
			g->nauth -= c->service == SV_AUTH;
			break;
		}
		at = &x->next;
	}
	c->group = (struct lref){0};
	k = c->node.up_is_conn ? NULL : ltable_get(&st->t[T_LOOK], c->node.up);
	if (k)
		k->spent = true;
}

void group_forget(struct link_state *st, struct group *g)
{
	struct look *k;
	struct conn *c;

	while ((k = ltable_get(&st->t[T_LOOK], g->look)) != NULL)
		group_forget_look(st, k);
	while ((c = ltable_get(&st->t[T_CONN], g->conn)) != NULL)
		group_forget_conn(st, c);
}

/* The one received first makes room. */
static void *last_of(const struct ltable *t, struct lref head, size_t next)
{
	char *row = ltable_get(t, head), *after;

	while (row && (after = ltable_get(t, *(struct lref *)(row + next))) != NULL)
		row = after;
	return row;
}

void group_add_look(struct link_state *st, struct group *g, struct look *k)
{
	if (lref_eq(k->group, ltable_ref(g)))
		return;
	if (g->nlook == GROUP_MAX) {
		st->crowded++;
		group_forget_look(st, last_of(&st->t[T_LOOK], g->look, offsetof(struct look, next)));
	}
	k->group = ltable_ref(g);
	k->next = g->look;
	g->look = ltable_ref(k);
	g->nlook++;
}

void group_add_conn(struct link_state *st, struct group *g, struct conn *c)
{
	if (lref_eq(c->group, ltable_ref(g)))
		return;
	if (g->nconn == GROUP_MAX) {
		st->crowded++;
		group_forget_conn(st, last_of(&st->t[T_CONN], g->conn, offsetof(struct conn, next)));
	}
	c->group = ltable_ref(g);
	c->next = g->conn;
	g->conn = ltable_ref(c);
	g->nconn++;
	g->nauth += c->service == SV_AUTH;
}

static int64_t conn_time(const struct conn *c)
{
	return (c->start != NEVER ? c->start : c->mismatch != NEVER ? c->mismatch : c->first) + c->grain / 2;
}

static int by_look(const void *a, const void *b)
{
	const struct look *x = ((const struct unit *)a)->k, *y = ((const struct unit *)b)->k;

	if (x->t != y->t)
		return x->t < y->t ? -1 : 1;
	return x->port != y->port ? (x->port < y->port ? -1 : 1) : ip_cmp(&x->client, &y->client);
}

static int by_conn(const void *a, const void *b)
{
	const struct conn *x = *(struct conn *const *)a, *y = *(struct conn *const *)b;

	if (conn_time(x) != conn_time(y))
		return conn_time(x) < conn_time(y) ? -1 : 1;
	return x->pid != y->pid ? (x->pid < y->pid ? -1 : 1) : (int)x->host - (int)y->host;
}

static bool has_look(const struct match *m, struct lref r)
{
	for (unsigned i = 0; i < m->nu; i++)
		if (lref_eq(ltable_ref(m->unit[i].k), r))
			return true;
	return false;
}

/* What belonged to something that was evicted, or crowded out, is not matched again. */
static void gather(struct match *m)
{
	struct look *k = ltable_get(&m->st->t[T_LOOK], m->g->look);
	struct conn *c = ltable_get(&m->st->t[T_CONN], m->g->conn);

	for (; k && m->nu < GROUP_MAX; k = ltable_get(&m->st->t[T_LOOK], k->next))
		m->unit[m->nu++] = (struct unit){.k = k, .asked = k->last, .ended = look_end(k), .answered = k->close != NEVER};
	qsort(m->unit, m->nu, sizeof(*m->unit), by_look);
	for (unsigned i = 0; i < m->nu; i++) {
		m->unit[i].up = &m->unit[i];
		m->unit[i].settled = m->unit[i].k->node.up.at && !has_look(m, m->unit[i].k->node.up);
	}
	for (; c; c = ltable_get(&m->st->t[T_CONN], c->next)) {
		if (c->service == SV_AUTH) {
			m->auth[m->na++] = c;
		} else if (c->node.up.at && !has_look(m, c->node.up)) {
			continue;
		} else if (c->service == SV_SSHD || (c->service == SV_SMTPD && (c->start != NEVER || c->mismatch != NEVER))) {
			m->conn[m->nc++] = c;
		}
	}
	if (m->nc > 1)
		qsort(m->conn, m->nc, sizeof(*m->conn), by_conn);
	for (unsigned j = 0; j < m->nc; j++)
		m->of[j] = NULL;
}

/* ---- second tries, forwarders ---- */

static bool leads_to(const struct unit *u, const struct unit *to)
{
	while (u != to && u->up != u)
		u = u->up;
	return u == to;
}

/* A forwarder hands the question on: upstream it has another client. The upstream's stamps may lie before the forwarder's own. */
static void find_hops(struct match *m)
{
	for (unsigned i = 0; i < m->nu; i++) {
		for (unsigned f = 0; f < 2; f++) {
			int64_t t = m->unit[i].k->forward[f], best = INT64_MAX;
			struct unit *found = NULL;

			for (unsigned j = 0; t != NEVER && j < m->nu; j++) {
				struct unit *b = &m->unit[j];
				int64_t d = b->k->t - t;

				if (leads_to(&m->unit[i], b) || b->up != b || b->settled || ip_eq(&b->k->client, &m->unit[i].k->client) || d < -10 * MS - b->k->grain || d > EPS)
					continue;
				d = d < 0 ? -d : d;
				if (d < best) {
					best = d;
					found = b;
				}
			}
			if (found) {
				found->up = &m->unit[i];
				found->hop = true;
			}
		}
	}
}

/* After a SERVFAIL the stub asks once more, from a new port; at once, as a rule, and that is what is looked for first. */
static void find_retries(struct match *m, int64_t within)
{
	bool any = false;

	for (unsigned i = 0; i < m->nu; i++)
		any |= m->unit[i].k->failed;
	if (!any)
		return;
	for (unsigned i = 0; i < m->nu; i++) {
		struct unit *b = &m->unit[i], *found = NULL;

		if (b->hop || b->retry || b->settled)
			continue;
		for (unsigned j = 0; j < m->nu; j++) {
			struct unit *a = &m->unit[j];

			if (j == i || a->has_retry || a->retry || a->hop || !a->k->failed || a->k->close == NEVER ||
			    !ip_eq(&a->k->client, &b->k->client) || a->k->t >= b->k->t || b->k->t < a->k->close - 10 * MS ||
			    b->k->t > a->k->close + within || b->has_retry)
				continue;
			if (!found || a->k->close > found->k->close)
				found = a;
		}
		if (found) {
			b->up = found;
			b->retry = found->has_retry = true;
		}
	}
}

static void find_roots(struct match *m)
{
	for (unsigned i = 0; i < m->nu; i++) {
		struct unit *u = &m->unit[i], *r = u;

		while (r->up != r)
			r = r->up;
		if (r == u) {
			if (!u->settled && !u->k->spent)
				m->root[m->nr++] = u;
		} else if (ip_eq(&r->k->client, &u->k->client) && u->k->last >= r->asked) {
			r->asked = u->k->last;
			r->ended = look_end(u->k);
			r->answered = u->k->close != NEVER;
		}
	}
}

/* ---- clocks ---- */

static struct skew_row *skew_row(struct link_state *st, const struct conn *c, uint16_t resolver, bool make)
{
	uint64_t key = key_of((uint64_t)c->host << 32 | (uint64_t)resolver << 8 | c->service, 1);
	struct skew_row *r = ltable_first(&st->t[T_SKEW], key);

	if (!r && make) {
		r = ltable_add(&st->t[T_SKEW], key, 0, 0);
		r->host = c->host;
		r->resolver = resolver;
		r->skew.before = c->service == SV_SSHD;
	}
	return r;
}

static bool alone(const struct match *m, const struct unit *u, const struct conn *c)
{
	for (unsigned i = 0; i < m->nr; i++)
		if (m->root[i] != u && llabs(m->root[i]->asked - u->asked) <= UNIQUE_AROUND)
			return false;
	for (unsigned i = 0; i < m->nc; i++)
		if (m->conn[i] != c && llabs(conn_time(m->conn[i]) - conn_time(c)) <= UNIQUE_AROUND)
			return false;
	return true;
}

/* A clock that is wrong is worth knowing by itself: told when the estimate moves by more than half a second, and by more than it may be wrong. */
static void tell_clock(struct match *m, struct skew_row *r, const struct conn *c)
{
	struct link_about a = {.t = c->last, .first = c->last, .last = c->last, .host = r->host, .other = r->resolver, .ahead_s = r->skew.offset_s};
	struct chain_id none = {0};
	float step = fabsf(r->skew.offset_s - r->told_s);

	if (step <= CLOCK_STEP_S || step <= r->skew.error_s || r->skew.doubt || !link_tell(m->st, LINK_CLOCK, &none, &a))
		return;
	r->told_s = r->skew.offset_s;
}

static void sample(struct match *m, const struct unit *u, const struct conn *c)
{
	int64_t d = conn_time(c) - u->ended;
	struct skew_row *r;
	uint8_t flags = 0;

	if (c->host == u->k->host || (c->service == SV_SSHD && c->start == NEVER) || llabs(d) > SKEW_MAX ||
	    pair_known(m->st, c->host, &u->k->client, u->k->host) == 0)
		return;
	r = skew_row(m->st, c, u->k->host, true);
	ltable_use(&m->st->t[T_SKEW], r, 0);
	if (alone(m, u, c))
		flags |= SKEW_UNIQUE;
	if (u->answered)
		flags |= SKEW_ANSWERED;
	if (c->grain >= SEC)
		flags |= SKEW_COARSE;
	if (skew_add(&r->skew, (double)d / 1e9, flags)) {
		m->st->sweep = 1;
		tell_clock(m, r, c);
	}
}

static void sample_all(struct match *m)
{
	for (unsigned i = 0; i < m->nr; i++) {
		struct unit *u = m->root[i];
		uint8_t bit = u->answered ? 2 : 1;
		bool again = u->k->n && !(u->k->sampled & bit);

		for (unsigned j = 0; j < m->nc; j++)
			if (again || (!m->conn[j]->sampled && u->k->n))
				sample(m, u, m->conn[j]);
		if (u->k->n)
			u->k->sampled |= bit;
	}
	for (unsigned j = 0; j < m->nc; j++)
		m->conn[j]->sampled = true;
}

/* The line's time on the resolver's clock, and how wrong it may be; how sure a pair can be at most. */
static int64_t on_clock(const struct match *m, const struct conn *c, const struct unit *u, int64_t *err, uint8_t *cap)
{
	const struct skew_row *r;

	*cap = 100;
	*err = 0;
	if (c->host == u->k->host)
		return conn_time(c);
	r = skew_row(m->st, c, u->k->host, false);
	if (!r || !r->skew.known) {
		*err = 5 * SEC;
		*cap = CAP_UNKNOWN_CLOCK;
		return conn_time(c);
	}
	*err = (int64_t)(r->skew.error_s * 1e9f);
	/* A rough estimate that does not contradict equal clocks is none. */
	if (r->skew.error_s >= 0.5f && fabsf(r->skew.offset_s) <= r->skew.error_s)
		return conn_time(c);
	if (r->skew.doubt)
		*cap = CAP_DOUBT;
	return conn_time(c) - (int64_t)((double)r->skew.offset_s * 1e9);
}

/* ---- pairs ---- */

/* What is known of the two hosts and their clocks; nearly always the same as for the pair before. */
static const struct hosts *hosts_of(struct match *m, const struct unit *u, const struct conn *c)
{
	struct hosts *h = &m->hosts;

	if (h->set && h->service == c->service && h->host == c->host && h->resolver == u->k->host && ip_eq(&h->client, &u->k->client))
		return h;
	*h = (struct hosts){.set = true, .service = c->service, .host = c->host, .resolver = u->k->host, .client = u->k->client};
	h->known = pair_known(m->st, c->host, &u->k->client, u->k->host);
	h->shift = on_clock(m, c, u, &h->err, &h->cap) - conn_time(c);
	if (h->known == 1 && h->cap > CAP_UNKNOWN_HOST)
		h->cap = CAP_UNKNOWN_HOST;
	return h;
}

/* Milliseconds between the two; -1: they cannot belong together. */
static int64_t pair_cost(struct match *m, const struct unit *u, const struct conn *c, uint8_t *cap)
{
	const struct hosts *h = hosts_of(m, u, c);
	int64_t err = h->err, t = conn_time(c) + h->shift, eps;

	if (h->known == 0)
		return -1;
	*cap = h->cap;
	eps = EPS + c->grain + u->k->grain + err;
	if (c->service == SV_SMTPD)
		return u->asked > t + eps || u->asked < t - SMTP_BEFORE - eps ? -1 : llabs(t - u->ended) / MS;
	if (c->start == NEVER)
		return u->asked < t - SSH_LATE_LINE || u->asked > t + SSH_AFTER ? -1 : llabs(t - u->asked) / MS;
	/* The estimate holds the time that sshd took before it asked. */
	if (err && *cap != CAP_UNKNOWN_CLOCK)
		eps += SEC / 2;
	return u->ended < t - eps || u->asked > t + SSH_AFTER + eps ? -1 : llabs(t - u->asked) / MS;
}

/* As many pairs as possible without one crossing another, and of these the nearest. */
static void pair_up(struct match *m)
{
	enum { ONE = 1 << 30 };
	int64_t *f = m->st->score;
	unsigned w = m->nc + 1;
	uint8_t cap;

	for (unsigned j = 0; j <= m->nc; j++)
		f[j] = 0;
	for (unsigned i = 1; i <= m->nr; i++) {
		f[i * w] = 0;
		for (unsigned j = 1; j <= m->nc; j++) {
			int64_t cost = pair_cost(m, m->root[i - 1], m->conn[j - 1], &cap), best = f[(i - 1) * w + j];

			if (f[i * w + j - 1] > best)
				best = f[i * w + j - 1];
			if (cost >= 0 && f[(i - 1) * w + j - 1] + ONE - cost > best)
				best = f[(i - 1) * w + j - 1] + ONE - cost;
			f[i * w + j] = best;
		}
	}
	for (unsigned i = m->nr, j = m->nc; i && j;) {
		if (f[i * w + j] == f[(i - 1) * w + j]) {
			i--;
		} else if (f[i * w + j] == f[i * w + j - 1]) {
			j--;
		} else {
			m->of[--j] = m->root[--i];
			m->root[i]->conn = m->conn[j];
		}
	}
}

static struct link_about about(const struct match *m, const struct look *k, const struct conn *c)
{
	struct link_about a = {.rule = RULE_L1, .has_ip = true, .ip = m->g->ip, .class = "rdns.ptr"};

	if (k) {
		a.host = k->host;
		a.first = k->t;
		a.t = a.last = k->last;
		a.name = k->name;
	}
	if (c) {
		if (!k || conn_time(c) < a.first)
			a.first = conn_time(c);
		if (!k || conn_time(c) > a.last)
			a.last = conn_time(c);
		if (!k) {
			a.host = c->host;
			a.t = a.last;
			a.name = c->name;
		}
	}
	return a;
}

static uint8_t confidence(struct match *m, unsigned j)
{
	struct conn *c = m->conn[j];
	uint8_t cap;
	unsigned n = 1, base = c->start == NEVER && c->service == SV_SSHD ? MATCHED_LATE_LINE : MATCHED;

	for (unsigned i = 0; i < m->nr; i++)
		if (!m->root[i]->conn && pair_cost(m, m->root[i], c, &cap) >= 0)
			n++;
	(void)pair_cost(m, m->of[j], c, &cap);
	if (ltable_evicted(&m->st->t[T_LOOK], m->of[j]->k->row.key))
		n++; /* there was another one of the name, which is gone */
	base /= n;
	return (uint8_t)(base < cap ? base : cap);
}

/* Connections beyond the look-ups: their name was in a cache, filled by the newest look-up before. */
static void share(struct match *m, unsigned j)
{
	struct conn *c = m->conn[j];
	struct unit *newest = NULL;
	struct link_about a;
	struct link_msg *msg;
	unsigned n = 0;
	uint8_t cap, least = 100;

	for (unsigned i = 0; i < m->nr; i++)
		if (pair_cost(m, m->root[i], c, &cap) >= 0) {
			newest = m->root[i];
			least = cap;
		}
	if (!newest || lref_eq(c->shared, ltable_ref(newest->k)))
		return;
	c->shared = ltable_ref(newest->k);
	for (unsigned i = 0; i < m->nc; i++)
		n += m->of[i] == newest || (!m->of[i] && pair_cost(m, newest, m->conn[i], &cap) >= 0);
	a = about(m, newest->k, c);
	a.confidence = (uint8_t)(MATCHED / n < least ? MATCHED / n : least);
	msg = link_tell(m->st, LINK_LINK, &newest->k->node.chain, &a);
	if (!msg)
		return;
	msg->a.cause[0] = c->node.chain;
	msg->a.ncause = 1;
}

static void hang_looks(struct match *m)
{
	for (unsigned i = 0; i < m->nu; i++) {
		struct unit *u = &m->unit[i];
		struct lref up = u->up == u ? (struct lref){0} : ltable_ref(u->up->k);
		struct link_about a;

		if (u->settled)
			continue;
		u->k->retry = u->retry;
		u->k->hop = u->hop;
		if (lref_eq(up, u->k->node.up))
			continue;
		a = about(m, u->k, NULL);
		a.rule = u->hop ? RULE_HOP : RULE_L1;
		a.confidence = u->hop ? 95 : MATCHED;
		node_hang(m->st, &u->k->node, NODE_LOOK, up, false, &a);
	}
}

static void hang_conns(struct match *m)
{
	for (unsigned j = 0; j < m->nc; j++) {
		struct conn *c = m->conn[j];
		struct look *k = m->of[j] ? m->of[j]->k : NULL;
		struct lref up = ltable_ref(k);
		struct link_about a;

		if (lref_eq(c->node.up, up))
			continue;
		c->confidence = k ? confidence(m, j) : 0;
		a = about(m, k, c);
		a.confidence = c->confidence;
		node_hang(m->st, &c->node, NODE_CONN, up, false, &a);
		if (k)
			pair_matched(m->st, c->host, &k->client, &m->g->ip, c->row.used_ns);
	}
}

static bool has_conn(const struct match *m, struct lref r)
{
	for (unsigned j = 0; j < m->nc; j++)
		if (lref_eq(ltable_ref(m->conn[j]), r))
			return true;
	return false;
}

/*
 * A line of dovecot belongs to the smtpd connection that was open; of several, to the youngest. The login comes a round trip after the connect, and both
 * are stamped on one host: with more room each connection of a flood would take over the logins of those before it.
 */
static void hang_auth(struct match *m)
{
	for (unsigned i = 0; i < m->na; i++) {
		struct conn *a = m->auth[i], *best = NULL;
		struct link_about msg = about(m, NULL, a);
		int64_t eps = EPS_ONE_HOST + a->grain;

		if (a->node.up.at && !has_conn(m, a->node.up))
			continue;

		for (unsigned j = 0; j < m->nc; j++) {
			struct conn *c = m->conn[j];

			if (c->service == SV_SMTPD && c->host == a->host && conn_time(c) <= a->first + eps && (c->end == NEVER || c->end >= a->first - eps))
				best = c;
		}
		msg.rule = RULE_L0;
		msg.confidence = 90;
		if (best)
			best->failed |= a->failed;
		node_hang(m->st, &a->node, NODE_CONN, ltable_ref(best), true, &msg);
	}
}

static void settle_one(struct match *m, struct node *n, int kind, const struct look *k, const struct conn *c)
{
	struct link_about a;

	if (node_is_settled(m->st, n))
		return;
	a = about(m, k, c);
	node_settle(m->st, n, kind, &a);
}

static void settle(struct match *m)
{
	for (unsigned i = 0; i < m->nu; i++)
		settle_one(m, &m->unit[i].k->node, NODE_LOOK, m->unit[i].k, NULL);
	for (unsigned j = 0; j < m->nc; j++)
		settle_one(m, &m->conn[j]->node, NODE_CONN, m->of[j] ? m->of[j]->k : NULL, m->conn[j]);
	for (unsigned i = 0; i < m->na; i++)
		settle_one(m, &m->auth[i]->node, NODE_CONN, NULL, m->auth[i]);
}

/* Its tables are filled as far as they are counted. */
static void match_begin(struct match *m, struct link *l, struct group *g)
{
	m->hosts.set = false;
	m->l = l;
	m->st = l->st;
	m->g = g;
	m->nu = m->nr = m->nc = m->na = 0;
}

/* What it matches in is not cleared: match_begin() and the counts say what of it is filled. */
static __attribute__((noinline)) void match(struct link *l, struct group *g)
{
	struct match m __attribute__((uninitialized));
	struct lref conn[GROUP_MAX] __attribute__((uninitialized)), look[GROUP_MAX] __attribute__((uninitialized));
	unsigned n = 0;

	match_begin(&m, l, g);
	gather(&m);
	find_hops(&m);
	find_retries(&m, RETRY_AT_ONCE);
	find_retries(&m, RETRY_AFTER);
	find_roots(&m);
	if (!l->st->sweeping)
		sample_all(&m);
	if (m.nc && m.nr)
		pair_up(&m);
	hang_looks(&m);
	hang_conns(&m);
	hang_auth(&m);
	for (unsigned j = 0; j < m.nc && m.nr; j++)
		if (!m.of[j])
			share(&m, j);
	settle(&m);
	/* The line's name for the peer, where no answer gave it: what follows may displace rows. */
	for (unsigned j = 0; j < m.nc; j++) {
		if (!m.of[j] || !m.conn[j]->name.len || lref_eq(m.conn[j]->named, ltable_ref(m.of[j]->k)))
			continue;
		m.conn[j]->named = ltable_ref(m.of[j]->k);
		conn[n] = ltable_ref(m.conn[j]);
		look[n++] = ltable_ref(m.of[j]->k);
	}
	for (unsigned i = 0; i < n; i++) {
		struct conn *c = ltable_get(&l->st->t[T_CONN], conn[i]);
		struct look *k = ltable_get(&l->st->t[T_LOOK], look[i]);

		if (c && k)
			forward_want(l, k, name_kept(&c->name), look_end(k), true, c->row.used_ns);
	}
}

void group_match(struct link *l, struct group *g)
{
	/* Connections alone have nothing to belong to, and there are many of these. */
	if (g->nlook + g->nconn >= 2 && g->nlook + g->nauth != 0)
		match(l, g);
}

void group_sweep(struct link *l)
{
	struct link_state *st = l->st;
	struct ltable *t = &st->t[T_REV];

	st->sweeping = true;
	for (int n = 0; st->sweep && n < SWEEP_ROWS && st->nmsgs < MESSAGES_MAX / 4; n++) {
		struct group *g;

		if (st->sweep >= t->fresh) {
			st->sweep = 0;
			break;
		}
		g = ltable_at(t, st->sweep++);
		if (g->row.gen && g->nlook && g->nconn)
			group_match(l, g);
	}
	st->sweeping = false;
}
