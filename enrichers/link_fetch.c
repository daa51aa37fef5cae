/*
 * link_fetch.c - what the resolver asked by itself, and why (L0, L6, L8, L10; see link_int.h).
 *
 *	L0   the resolver's own word: the id of the client's message that it did it for
 *	L6   the name of an open look-up, or an ancestor of it (query name minimisation)
 *	L8   a server of a cut, as a referral named it
 *	L10  a line of the resolver's own log that names what it fetches; without a referral by time alone
 *
 * The reason is looked for again whenever a look-up, an answer or a referral comes that may give a better one.
 */
#include "link_int.h"

#define EPS (10 * MS)
#define AFTER (60 * SEC)
#define DIRECT_AROUND (60 * SEC)
#define HINT_AFTER (25 * MS)
#define SAME_QUERY (30 * SEC)
enum { ROWS_SEEN = 64, SURE = 99, CHASE = 95, REFRESH = 80, HINT_KNOWN = 90, HINT_TIME = 60, HINT_COARSE = 40 };

struct why {
	struct look *look;
	struct cut *cut;
	struct cut_members m; /* of a cut; of L6 the other look-ups that it may be */
	uint8_t rule, confidence;
	const char *class;
};

/* ---- the reason ---- */

static int64_t slack(const struct look *k, const struct fetch *f)
{
	return EPS + k->grain + f->grain;
}

static int64_t slack_of(const struct look *k)
{
	return EPS + k->grain + 50 * MS;
}

/* 0: no. Open beats closed, the name itself beats what lies under it. */
static int fit(const struct look *k, const struct fetch *f)
{
	bool exact = str_eq(name_kept(&k->name), name_kept(&f->name));

	if (f->t < k->t - slack(k, f) || f->t > look_end(k) + AFTER)
		return 0;
	return 1 + exact + 2 * (k->close == NEVER || f->t <= k->close + slack(k, f));
}

static void by_open_query(struct link_state *st, const struct fetch *f, struct why *w)
{
	const struct suffix *first = ltable_first(&st->t[T_SUFFIX], f->row.key), *x = first;
	const struct chain_id *id;
	unsigned n = 1;
	int best = 0;

	for (unsigned i = 0; x && i < UNDER; i++, x = ltable_next(&st->t[T_SUFFIX], x)) {
		struct look *k = ltable_get(&st->t[T_LOOK], x->look);
		int s = k ? fit(k, f) : 0;

		if (s < best || s == 0 || (s == best && (w->look->t > k->t || (w->look->t == k->t && w->look->port >= k->port))))
			continue;
		best = s;
		w->look = k;
	}
	if (!w->look)
		return;
	w->rule = RULE_L6;
	id = look_chain(st, w->look);
	x = id ? first : NULL;
	for (unsigned i = 0; x && i < UNDER; i++, x = ltable_next(&st->t[T_SUFFIX], x)) {
		struct look *k = ltable_get(&st->t[T_LOOK], x->look);
		const struct chain_id *other = k && k != w->look && fit(k, f) == best ? look_chain(st, k) : NULL;
		bool known = !other || chain_id_eq(other, id);

		for (unsigned j = 0; !known && j < w->m.n; j++)
			known = chain_id_eq(look_chain(st, w->m.look[j]), other);
		if (known || w->m.n == MEMBERS)
			continue;
		w->m.look[w->m.n++] = k;
		n++;
	}
	w->confidence = (uint8_t)((w->look->reverse ? SURE : w->look->confidence * SURE / 100) / n);
	if (best == 2 || best == 4)
		w->class = w->look->reverse ? "rdns.ptr" : w->look->search ? "rdns.search" : "rdns.fcrdns";
	else
		w->class = "ns.qmin";
}

static void by_referral(struct link_state *st, const struct fetch *f, struct why *w)
{
	struct str name = name_kept(&f->name);

	if (f->qtype != QT_A && f->qtype != QT_AAAA && f->qtype != QT_NS)
		return;
	if (direct_asked(st, f->host, name, f->t))
		return;
	w->cut = cut_choose(st, f->host, name, f->t, &w->m);
	if (!w->cut)
		return;
	w->rule = f->hint ? RULE_L10 : RULE_L8;
	w->confidence = f->hint ? HINT_KNOWN : w->m.n ? CHASE : REFRESH;
	w->class = w->m.n ? "ns.chase" : "ns.refresh";
}

static bool hint_near(const struct look *k, const struct fetch *f)
{
	int64_t d = f->t - k->t;

	return k->host == f->host && look_end(k) >= f->t - HINT_AFTER - slack(k, f) && d >= -k->grain - f->grain && d <= HINT_AFTER + k->grain + f->grain;
}

/* Nothing but the moment speaks for it. */
static void by_time(struct link_state *st, const struct fetch *f, struct why *w)
{
	struct str name = name_kept(&f->name);

	if ((f->qtype != QT_A && f->qtype != QT_AAAA) || name_is_arpa(name) || direct_asked(st, f->host, name, f->t))
		return;
	for (unsigned i = 0; i < RECENT; i++) {
		struct look *k = ltable_get(&st->t[T_LOOK], st->reverse.ref[i]);

		if (k && hint_near(k, f) && (!w->look || k->t > w->look->t || (k->t == w->look->t && k->port > w->look->port)))
			w->look = k;
	}
	if (!w->look)
		return;
	w->rule = RULE_L10;
	w->confidence = f->grain >= SEC || w->look->grain >= SEC ? HINT_COARSE : HINT_TIME;
	w->class = "ns.chase";
}

/* What was asked for a look-up that nobody else knows anything of. */
static const char *class_within(const struct look *k, const struct fetch *f)
{
	struct str of = name_kept(&k->name), name = name_kept(&f->name);

	if (name_is_infra(name))
		return "infra";
	if (str_eq(of, name))
		return k->reverse ? "rdns.ptr" : k->search ? "rdns.search" : "rdns.fcrdns";
	return of.len > name.len && of.p[of.len - name.len - 1] == '.' && str_ends(of, name) ? "ns.qmin" : "ns.chase";
}

/* Ids are used again: the last of them that had begun. */
static void by_request(struct link_state *st, const struct fetch *f, struct why *w)
{
	const struct request *q = f->request >= 0 ? ltable_first(&st->t[T_REQUEST], request_key(f->host, f->request)) : NULL;

	for (int n = 0; q && n < ROWS_SEEN; n++, q = ltable_next(&st->t[T_REQUEST], q)) {
		struct look *k = ltable_get(&st->t[T_LOOK], q->look);

		if (k && k->id == f->request && k->host == f->host && f->t >= k->t - slack(k, f) && f->t <= look_end(k) + AFTER && (!w->look || k->t > w->look->t))
			w->look = k;
	}
	if (!w->look)
		return;
	w->rule = RULE_L0;
	w->confidence = w->look->reverse ? 100 : w->look->confidence;
	w->class = class_within(w->look, f);
}

static void find_reason(struct link_state *st, const struct fetch *f, struct why *w)
{
	*w = (struct why){0};
	by_request(st, f, w);
	if (w->rule)
		return;
	if (name_is_infra(name_kept(&f->name))) {
		w->class = "infra";
		return;
	}
	by_open_query(st, f, w);
	if (!w->rule)
		by_referral(st, f, w);
	if (!w->rule && f->hint)
		by_time(st, f, w);
}

static const struct chain_id *chain_of(struct link_state *st, const struct why *w)
{
	return w->cut ? &w->cut->chain : w->look ? look_chain(st, w->look) : NULL;
}

/* ---- what follows from it ---- */

/* The reverse look-up that has the events of a look-up on its list. */
static struct look *holder_of(struct link_state *st, struct look *k)
{
	return !k || k->reverse ? k : ltable_get(&st->t[T_LOOK], k->node.up);
}

static void tell_events(struct link_state *st, const struct fetch *f, enum link_action action, const struct chain_id *id, const struct why *w)
{
	struct link_about a = {.host = f->host, .t = f->t, .first = f->t, .last = f->t, .rule = w->rule, .confidence = w->confidence, .name = f->name, .class = w->class};

	for (unsigned i = 0; i < f->nids; i++)
		link_tell_event(st, action, id, &a, f->ids[i], f->id_len[i]);
}

/* Who waited shares it; who had its answer already may have caused a refresh. */
static uint8_t member_confidence(const struct cut_members *m, unsigned i)
{
	return (uint8_t)(i < m->nopen ? CHASE / m->nopen : REFRESH / m->n);
}

/* Chains that the cut was not known to have as members. */
static void tell_members(struct link_state *st, const struct fetch *f, const struct why *w)
{
	struct link_about a = {.host = f->host, .t = f->t, .first = f->t, .last = f->t, .rule = w->rule, .name = w->cut->name, .class = "ns.chase"};

	for (unsigned i = 0; i < w->m.n; i++) {
		struct look *k = w->m.look[i];
		struct link_msg *m;

		a.confidence = member_confidence(&w->m, i);
		if (!cut_admit(w->cut, k, a.confidence))
			continue;
		a.has_ip = k->reverse;
		a.ip = k->ip;
		m = link_tell(st, LINK_LINK, &w->cut->chain, &a);
		if (!m)
			continue;
		m->a.cause[0] = *look_chain(st, k);
		m->a.ncause = 1;
	}
}

/* `arriving`: the event itself will say it; only what was emitted before must be told. */
static void apply(struct link_state *st, struct fetch *f, const struct why *w, bool arriving)
{
	struct look *held = ltable_get(&st->t[T_LOOK], f->root), *hold = w->cut ? NULL : holder_of(st, w->look);
	const struct chain_id *now = chain_of(st, w);
	struct chain_id was = held ? held->node.chain : f->chain;
	bool same = now ? chain_id_eq(&was, now) : !was.text[0];

	if (!same && was.text[0])
		tell_events(st, f, LINK_UNLINK, &was, w);
	if (!same && now)
		tell_events(st, f, LINK_LINK, now, w);
	if (held != hold) {
		for (unsigned i = 0; i < f->nids; i++) {
			if (held)
				events_remove(st, &held->node.events, f->ids[i], f->id_len[i]);
			if (hold)
				events_add(st, &hold->node.events, f->ids[i], f->id_len[i], f->t);
		}
	}
	f->root = ltable_ref(hold);
	f->look = ltable_ref(w->look);
	f->cut = ltable_ref(w->cut);
	f->chain = now ? *now : (struct chain_id){0};
	f->rule = w->rule;
	f->confidence = w->confidence;
	if (!w->cut)
		return;
	cut_chased(w->cut, f->t);
	if (!arriving)
		tell_members(st, f, w);
}

static void recheck(struct link *l, struct fetch *f)
{
	struct why w;

	/* What belonged to a look-up that was evicted stays there. */
	if (f->root.at && !ltable_get(&l->st->t[T_LOOK], f->root))
		return;
	find_reason(l->st, f, &w);
	apply(l->st, f, &w, false);
}

void fetch_recheck_name(struct link *l, uint16_t host, struct str name)
{
	struct fetch *f = ltable_first(&l->st->t[T_FETCH], key_of(name_hash(name), host));

	for (int n = 0; f && n < ROWS_SEEN; n++, f = ltable_next(&l->st->t[T_FETCH], f))
		recheck(l, f);
}

void fetch_recheck_time(struct link *l, struct look *k)
{
	struct link_state *st = l->st;

	for (unsigned i = 0; i < RECENT && st->hints.any; i++) {
		struct fetch *f = ltable_get(&st->t[T_FETCH], st->hints.ref[i]);

		if (f && f->host == k->host && (!f->rule || f->rule == RULE_L10) && hint_near(k, f))
			recheck(l, f);
	}
}

static void recheck_around(struct link *l, uint64_t key, int64_t from, int64_t to)
{
	struct fetch *f = ltable_first(&l->st->t[T_FETCH], key);

	for (int n = 0; f && n < ROWS_SEEN; n++, f = ltable_next(&l->st->t[T_FETCH], f))
		if (f->t >= from && f->t <= to)
			recheck(l, f);
}

/*
 * Questions for the name and what it lies under; and for the servers of cuts it lies under, of which several may explain them. A question
 * of the very name within a minute may be this client's, too: direct_asked().
 */
static void recheck_names(struct link *l, struct look *k, const struct name_hashes *h, int64_t since)
{
	int64_t to = look_end(k) + DIRECT_AROUND + EPS, from = k->t - slack_of(k);
	struct name_hashes own;

	if (since == k->t)
		recheck_around(l, key_of(k->name_hash, k->host), k->t - DIRECT_AROUND - EPS, to);
	if (l->st->fetched < since - slack_of(k))
		return;
	if (!h) {
		if (!look_hashes(k, &own))
			return;
		h = &own;
	}
	for (unsigned i = 0; i < h->n; i++) {
		uint64_t key = key_of(h->hash[i], k->host);
		const struct cut *z = ltable_first(&l->st->t[T_CUT], key);

		recheck_around(l, key, from, to);
		for (unsigned j = 0; z && j < z->nservers; j++)
			recheck_around(l, key_of(z->server[j], k->host), from, to);
	}
}

void fetch_recheck_request(struct link *l, struct look *k)
{
	struct request *q = ltable_first(&l->st->t[T_REQUEST], request_key(k->host, k->id));

	for (int n = 0; q && n < ROWS_SEEN; n++, q = ltable_next(&l->st->t[T_REQUEST], q)) {
		struct fetch *f = ltable_get(&l->st->t[T_FETCH], q->fetch);

		if (f)
			recheck(l, f);
	}
}

void fetch_recheck_look(struct link *l, struct look *k, const struct name_hashes *h, int64_t since)
{
	struct link_state *st = l->st;

	/* A query log alone tells no questions of the resolver's own. */
	if (st->t[T_FETCH].n) {
		if (k->id >= 0)
			fetch_recheck_request(l, k);
		recheck_names(l, k, h, since);
	}
	if (!k->reverse)
		return;
	if (k->recent) {
		fetch_recheck_time(l, k);
		return;
	}
	k->recent = true;
	st->reverse.ref[st->reverse.at] = ltable_ref(k);
	st->reverse.at++;
	fetch_recheck_time(l, k);
}

/* ---- an event ---- */

/* The query and its response are one: same port, id and type. */
static struct fetch *find(struct link_state *st, const struct seen *s, uint64_t key, int64_t t)
{
	struct fetch *f = ltable_first(&st->t[T_FETCH], key);

	if (s->kind == SEEN_HINT)
		return NULL;
	for (int n = 0; f && n < ROWS_SEEN; n++, f = ltable_next(&st->t[T_FETCH], f))
		if (!f->hint && f->port == s->port && f->id == s->id && f->request == s->request && f->qtype == s->qtype && f->nids < 2 && t - f->t <= SAME_QUERY && f->t - t <= SAME_QUERY)
			return f;
	return NULL;
}

static void verdict(struct link_state *st, const struct fetch *f, const struct why *w, struct verdict *v)
{
	const struct chain_id *chain = chain_of(st, w);
	const struct look *cause = w->cut ? (w->m.n ? w->m.look[0] : NULL) : w->look;

	if (!chain) {
		if (!w->rule)
			v->class = w->class;
		return;
	}
	v->class = w->class;
	verdict_chain(v, chain);
	v->cut = w->cut != NULL;
	v->rule = w->rule;
	v->confidence = w->confidence;
	if (w->cut)
		cut_chased(w->cut, f->t);
	for (unsigned i = 0; i < w->m.n; i++) {
		if (w->cut)
			cut_admit(w->cut, w->m.look[i], member_confidence(&w->m, i));
		v->cause[v->ncause++] = *look_chain(st, w->m.look[i]);
	}
	if (cause)
		v->lag = f->t - cause->t;
}

void fetch_seen(struct link *l, const struct seen *s, struct verdict *v)
{
	struct link_state *st = l->st;
	int64_t t = s->query_t != NEVER ? s->query_t : s->t;
	uint64_t key = key_of(name_hash(s->name), s->host);
	struct fetch *f = find(st, s, key, t);
	struct look *root;
	struct why w;

	look_index_names(st, INDEX_SUFFIXES);
	if (!f) {
		f = ltable_add(&st->t[T_FETCH], key, 0, s->now);
		f->t = t;
		f->grain = s->grain;
		f->port = s->port;
		f->id = s->id;
		f->request = s->request;
		f->host = s->host;
		f->qtype = s->qtype;
		f->hint = s->kind == SEEN_HINT;
		name_keep(&f->name, s->name);
		if (f->request >= 0) {
			struct request *q = ltable_add(&st->t[T_REQUEST], request_key(f->host, f->request), 0, s->now);

			q->look = (struct lref){0};
			q->fetch = ltable_ref(f);
		}
		if (f->hint) {
			st->hints.ref[st->hints.at] = ltable_ref(f);
			st->hints.at++;
			st->hints.any = true;
		}
	}
	if (t < f->t)
		f->t = t;
	if (t > st->fetched)
		st->fetched = t;
	if (f->root.at && !ltable_get(&st->t[T_LOOK], f->root)) {
		verdict_chain(v, &f->chain);
		return;
	}
	find_reason(st, f, &w);
	apply(st, f, &w, true);
	verdict(st, f, &w, v);
	root = ltable_get(&st->t[T_LOOK], f->root);
	if (s->ev->id_len && f->nids < 2) {
		f->id_len[f->nids] = s->ev->id_len;
		memcpy(f->ids[f->nids++], s->ev->id, s->ev->id_len);
		if (root)
			node_note(st, &root->node, s);
	}
	if (s->kind == SEEN_RR)
		cut_learn(l, s);
}
