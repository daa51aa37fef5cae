/*
 * link_forward.c - look-ups of the names that reverse look-ups gave (L2; see link_int.h).
 *
 * smtpd and sshd ask whether the name leads back to the address. The name is the attacker's choice, so that such a query looks like an
 * infection; it is an effect. Where it does not exist the stub tries again with the site's own domain behind it.
 */
#include "link_int.h"

#define AFTER (45 * SEC)
#define EPS (50 * MS)
enum { ROWS_SEEN = 64, SURE = 97, FROM_LINE = 85, HOP = 95 };

struct choice {
	struct look *owner;
	uint8_t confidence;
	bool search;
};

static void choose(struct link_state *st, const struct look *k, uint64_t name, bool search, struct choice *best)
{
	struct want *w = ltable_first(&st->t[T_WANT], key_of(k->client_key, name));

	for (int n = 0; w && n < ROWS_SEEN; n++, w = ltable_next(&st->t[T_WANT], w)) {
		struct look *r = ltable_get(&st->t[T_LOOK], w->look);

		if (!r || k->t < r->t - EPS - k->grain - r->grain || k->t > look_end(r) + AFTER)
			continue;
		/* The nearest before; those of one time are told apart by nothing but their ports. */
		if (best->owner && (best->owner->t > r->t || (best->owner->t == r->t && best->owner->port >= r->port)))
			continue;
		*best = (struct choice){r, w->from_line ? FROM_LINE : SURE, search};
	}
}

/* NAME.corp.example, where NAME was wanted. */
static void choose_by_prefix(struct link_state *st, const struct look *k, struct choice *best)
{
	struct str name = name_kept(&k->name);
	unsigned dots = 0;

	if (k->name.cut)
		return;
	for (size_t i = 0; i < name.len; i++)
		if (name.p[i] == '.' && ++dots >= 2)
			choose(st, k, name_hash(str_n(name.p, i)), true, best);
}

static bool handed_on(const struct look *from, const struct look *to)
{
	for (unsigned f = 0; f < 2; f++) {
		int64_t t = from->forward[f];

		if (t != NEVER && to->t >= t - 10 * MS - to->grain && to->t <= t + EPS)
			return true;
	}
	return false;
}

/* A forwarder asks upstream what its client asked it. */
static void choose_by_hop(struct link_state *st, const struct look *k, struct choice *best)
{
	struct named it;

	for (struct look *x = look_named(st, k->name_hash, &it); x; x = look_named_next(st, &it)) {
		struct look *owner = x == k || x->reverse ? NULL : ltable_get(&st->t[T_LOOK], x->node.up);

		if (owner && (x->qtype == k->qtype || x->qtype == QT_UNSAID) && !ip_eq(&x->client, &k->client) && handed_on(x, k)) {
			*best = (struct choice){owner, (uint8_t)(x->confidence * HOP / 100), x->search};
			return;
		}
	}
}

struct moving {
	struct link_state *st;
	const struct link_about *about;
	enum link_action action;
	const struct chain_id *chain; /* NULL: nothing is told */
	struct look *from, *to;
};

static void move_one(void *arg, const struct event_ref *e)
{
	struct moving *m = arg;
	struct event_ref copy = *e;

	if (m->chain)
		link_tell_event(m->st, m->action, m->chain, m->about, copy.id, copy.len);
	if (m->from)
		events_remove(m->st, &m->from->node.events, copy.id, copy.len);
	if (m->to)
		events_add(m->st, &m->to->node.events, copy.id, copy.len, copy.t);
}

static void give(struct link_state *st, struct look *k, const struct choice *c)
{
	struct look *was = ltable_get(&st->t[T_LOOK], k->node.up);
	struct link_about a = {.host = k->host, .t = k->t, .first = k->t, .last = k->last, .rule = RULE_L2, .confidence = c->confidence, .name = k->name,
			     .class = c->search ? "rdns.search" : "rdns.fcrdns"};
	bool same = was && c->owner && chain_id_eq(&was->node.chain, &c->owner->node.chain);
	struct moving m;

	k->node.up = ltable_ref(c->owner);
	k->search = c->search;
	k->confidence = c->confidence;
	if (!k->node.events.serial)
		return;
	if (was) {
		m = (struct moving){.st = st, .about = &a, .action = LINK_UNLINK, .chain = same ? NULL : &was->node.chain, .from = was};
		events_each(st, &k->node.events, move_one, &m);
	}
	if (c->owner) {
		a.has_ip = true;
		a.ip = c->owner->ip;
		m = (struct moving){.st = st, .about = &a, .action = LINK_LINK, .chain = same ? NULL : &c->owner->node.chain, .to = c->owner};
		events_each(st, &k->node.events, move_one, &m);
	}
}

static void assign(struct link *l, struct look *k, int depth)
{
	struct link_state *st = l->st;
	const struct client *c;
	struct choice best = {0};
	struct named it;
	struct look *x;

	/* What belonged to a look-up that was evicted stays there. */
	if (k->node.up.at && !ltable_get(&st->t[T_LOOK], k->node.up))
		return;
	c = ltable_first(&st->t[T_CLIENT], k->client_key);
	if (c && c->reverses) {
		choose(st, k, k->name_hash, false, &best);
		if (!best.owner)
			choose_by_prefix(st, k, &best);
	}
	if (!best.owner && st->forwards)
		choose_by_hop(st, k, &best);
	if (!lref_eq(ltable_ref(best.owner), k->node.up)) {
		give(st, k, &best);
		fetch_recheck_look(l, k, NULL, k->t);
		cut_recheck_look(l, k);
	} else if (best.owner) {
		k->confidence = best.confidence;
	}
	if (depth || (k->forward[0] == NEVER && k->forward[1] == NEVER))
		return;
	for (x = look_named(st, k->name_hash, &it); x; x = look_named_next(st, &it))
		if (x != k && !x->reverse && handed_on(k, x))
			assign(l, x, depth + 1);
}

void forward_assign(struct link *l, struct look *k)
{
	assign(l, k, 0);
}

void forward_want(struct link *l, struct look *reverse, struct str name, int64_t t, bool from_line, int64_t now)
{
	struct link_state *st = l->st;
	uint64_t hash = name_hash(name), key = key_of(reverse->client_key, hash);
	struct want *w = ltable_first(&st->t[T_WANT], key);
	struct client *c = ltable_first(&st->t[T_CLIENT], reverse->client_key);
	struct ip client = reverse->client;
	struct look *k;

	for (; w; w = ltable_next(&st->t[T_WANT], w)) {
		if (!lref_eq(w->look, ltable_ref(reverse)))
			continue;
		if (from_line || !w->from_line)
			return;
		w->from_line = false;
		return;
	}
	w = ltable_add(&st->t[T_WANT], key, 0, now);
	w->look = ltable_ref(reverse);
	w->t = t;
	w->from_line = from_line;
	/* What was asked already, as far as the order of arrival goes. Nothing below makes rows of look-ups. */
	k = ltable_first(&st->t[T_LOOK], look_key(hash, reverse->client_key));
	for (int n = 0; k && n < ROWS_SEEN; n++, k = ltable_next(&st->t[T_LOOK], k))
		if (!k->reverse && ip_eq(&k->client, &client) && (k->qtype == QT_A || k->qtype == QT_AAAA || k->qtype == QT_UNSAID))
			assign(l, k, 0);
	k = c ? ltable_get(&st->t[T_LOOK], c->look) : NULL;
	for (int n = 0; k && n < ROWS_SEEN; n++, k = ltable_get(&st->t[T_LOOK], k->client_next)) {
		struct str have = name_kept(&k->name);

		if (!k->reverse && !k->node.up.at && have.len > name.len && have.p[name.len] == '.' && str_starts(have, name))
			assign(l, k, 0);
	}
}
