/*
 * link_cut.c - delegations: whose servers have which names, and which look-ups lie under them (see link_int.h).
 *
 * A referral says: the servers of 111.137.185.in-addr.arpa are ns1..ns4.faraisp.ir. From then on a question of the resolver for one of these
 * names is a chase for that cut, whoever waits for it; one chase serves all, so it belongs to the cut's chain, and the look-ups that were open are its members.
 */
#include "link_int.h"

#define EPS (50 * MS)
#define EARLY (30 * MS)	    /* a chase may be stamped before its referral */
#define MEMBER_AFTER (60 * SEC)
#define SPAN_GAP SEC
#define DIRECT_AROUND (60 * SEC)
enum { SERVERS = 16, TTL_MIN = 60, TTL_MAX = 86400, TTL_UNKNOWN = 3600, MEMBER = 95 };

bool look_hashes(const struct look *k, struct name_hashes *out)
{
	if (k->name.cut)
		return false;
	name_hashes(name_kept(&k->name), out);
	return true;
}

/* ---- what referrals say ---- */

static struct cut *cut_of(struct link_state *st, uint16_t host, struct str name, int64_t t, int64_t now)
{
	uint64_t key = key_of(name_hash(name), host);
	struct cut *z = ltable_first(&st->t[T_CUT], key);
	struct identity x = {0};

	if (z) {
		ltable_use(&st->t[T_CUT], z, now);
		if (t < z->first)
			z->first = t;
		return z;
	}
	z = ltable_add(&st->t[T_CUT], key, 0, now);
	z->host = host;
	z->first = t;
	name_keep(&z->name, name);
	identity_str(&x, st->host[host].name);
	identity_str(&x, name);
	identity_int(&x, t / (3600 * SEC) - (t % (3600 * SEC) < 0));
	z->chain = chain_id_make('Z', &x);
	return z;
}

static struct cut *note_server(struct cut *z, uint64_t server)
{
	for (unsigned i = 0; i < z->nservers; i++)
		if (z->server[i] == server)
			return z;
	if (z->nservers < SERVERS_OF_CUT)
		z->server[z->nservers++] = server;
	return z;
}

/* true: something is known of an earlier time than before. */
static bool auth_add(struct link_state *st, uint64_t key, struct lref cut, int64_t t, int64_t until, bool whole, int64_t now)
{
	struct auth *a = ltable_first(&st->t[T_AUTH], key);
	unsigned at, least = 0;

	if (!a)
		a = ltable_add(&st->t[T_AUTH], key, 0, now);
	else
		ltable_use(&st->t[T_AUTH], a, now);
	for (at = 0; at < a->n; at++) {
		if (lref_eq(a->of[at].cut, cut)) {
			bool earlier = t < a->of[at].first;

			if (earlier)
				a->of[at].first = t;
			if (t > a->of[at].last)
				a->of[at].last = t;
			if (until > a->of[at].until)
				a->of[at].until = until;
			a->of[at].whole |= whole;
			return earlier;
		}
		if (a->of[at].until < a->of[least].until)
			least = at;
	}
	if (a->n < AUTH_CUTS)
		a->n++;
	else
		at = least;
	a->of[at].cut = cut;
	a->of[at].first = a->of[at].last = t;
	a->of[at].until = until;
	a->of[at].whole = whole;
	return true;
}

static void learn(struct link *l, const struct seen *s, struct str cut, struct str server, int64_t ttl)
{
	struct link_state *st = l->st;
	struct name_hashes h;
	struct lref z;
	int64_t until;
	bool news[NAME_LABELS] = {false};

	if (cut.len && cut.p[cut.len - 1] == '.')
		cut.len--;
	if (name_is_infra(cut) || name_is_infra(server) || server.len > 255)
		return;
	ttl = ttl < TTL_MIN ? TTL_MIN : ttl > TTL_MAX ? TTL_MAX : ttl;
	until = s->t + ttl * SEC;
	name_hashes(server, &h);
	z = ltable_ref(note_server(cut_of(st, s->host, cut, s->t, s->now), h.hash[0]));
	for (unsigned i = 0; i < h.n && !name_is_infra(str_from(server, h.at[i])); i++)
		news[i] = auth_add(st, key_of(h.hash[i], s->host), z, s->t, until, i == 0, s->now);
	for (unsigned i = 0; i < h.n; i++)
		if (news[i])
			fetch_recheck_name(l, s->host, str_from(server, h.at[i]));
}

static struct str text_of(const struct map *m, const struct key *k)
{
	const struct value *v = map_find(m, k);

	return value_is(v, V_STRING) ? value_str(v) : (struct str){0};
}

/* Only the names of the section are known: the question says what was delegated. */
static void learn_names(struct link *l, const struct seen *s, const struct list *names)
{
	struct str cut = s->name;
	struct ip ip;

	if (name_reverse(s->name, &ip))
		cut = str_from(cut, (size_t)str_chr(cut, '.') + 1);
	else if (s->qtype != QT_NS)
		return;
	for (uint32_t i = 0; i < names->n && i < SERVERS; i++)
		if (names->v[i].type == V_STRING)
			learn(l, s, cut, value_str(&names->v[i]), TTL_UNKNOWN);
}

void cut_learn(struct link *l, const struct seen *s)
{
	const struct value *v = event_get(s->ev, l->authorities);

	if (!value_is(v, V_LIST)) {
		v = event_get(s->ev, field_ref(F_WEIR_DNS_AUTHORITY));
		if (value_is(v, V_LIST) && str_eq(s->rcode, STR("NOERROR")))
			learn_names(l, s, v->list);
		return;
	}
	for (uint32_t i = 0, n = 0; i < v->list->n && n < SERVERS; i++) {
		const struct value *rec = &v->list->v[i], *ttl;

		if (rec->type != V_MAP || !str_eq(text_of(rec->map, &l->k_type), STR("NS")))
			continue;
		ttl = map_find(rec->map, &l->k_ttl);
		learn(l, s, text_of(rec->map, &l->k_name), text_of(rec->map, &l->k_data), value_is(ttl, V_INT) ? ttl->i : TTL_UNKNOWN);
		n++;
	}
}

/* ---- members ---- */

static bool is_open(const struct look *k, int64_t t)
{
	return t >= k->t - EPS && (k->close == NEVER ? t <= k->last + MEMBER_AFTER : t <= k->close + EPS);
}

static bool is_near(const struct look *k, int64_t t)
{
	return t >= k->t - EPS && t <= look_end(k) + MEMBER_AFTER;
}

static bool has_chain(struct link_state *st, const struct cut_members *m, unsigned n, const struct chain_id *id)
{
	for (unsigned i = 0; i < n; i++)
		if (chain_id_eq(look_chain(st, m->look[i]), id))
			return true;
	return false;
}

/* Look-ups under the cut at t; the result says how well the cut explains a question asked then. */
static int gather(struct link_state *st, const struct cut *z, int64_t t, struct cut_members *m)
{
	bool foreign = false;

	*m = (struct cut_members){0};
	for (int pass = 0; pass < 2; pass++) {
		const struct suffix *x = ltable_first(&st->t[T_SUFFIX], z->row.key);

		for (unsigned i = 0; x && i < UNDER; i++, x = ltable_next(&st->t[T_SUFFIX], x)) {
			struct look *k = ltable_get(&st->t[T_LOOK], x->look);
			const struct chain_id *id = k ? look_chain(st, k) : NULL;

			if (!k || (pass == 0 ? !is_open(k, t) : is_open(k, t) || !is_near(k, t)))
				continue;
			foreign |= !id && pass == 0;
			if (!id || m->n == MEMBERS || has_chain(st, m, m->n, id))
				continue;
			m->look[m->n++] = k;
			m->nopen += pass == 0;
		}
	}
	return m->nopen ? 3 : foreign ? 2 : m->n ? 1 : 0;
}

struct cut *cut_choose(struct link_state *st, uint16_t host, struct str name, int64_t t, struct cut_members *out)
{
	const struct auth *a = ltable_first(&st->t[T_AUTH], key_of(name_hash(name), host));
	struct cut *best = NULL;
	int64_t best_first = 0;
	int best_score = -1;

	for (unsigned i = 0; a && i < a->n; i++) {
		struct cut *z = ltable_get(&st->t[T_CUT], a->of[i].cut);
		struct cut_members m;
		int score;

		if (!z || t < a->of[i].first - EARLY || t > a->of[i].until)
			continue;
		/* Reverse zones first: a zone whose servers lie in itself is asked for its own sake, too. */
		score = gather(st, z, t, &m) * 4 + 2 * name_is_arpa(name_kept(&z->name)) + !name_under(name, name_kept(&z->name));
		if (score < best_score || (score == best_score && a->of[i].first <= best_first))
			continue;
		best = z;
		best_score = score;
		best_first = a->of[i].first;
		*out = m;
	}
	return best;
}

void cut_chased(struct cut *z, int64_t t)
{
	unsigned at = 0, oldest = 0;

	while (at < z->nspan && (t < z->span[at].lo - SPAN_GAP || t > z->span[at].hi + SPAN_GAP)) {
		if (z->span[at].hi < z->span[oldest].hi)
			oldest = at;
		at++;
	}
	if (at == z->nspan) {
		at = z->nspan < INTERVALS ? z->nspan++ : oldest;
		z->span[at].lo = z->span[at].hi = t;
	}
	if (t < z->span[at].lo)
		z->span[at].lo = t;
	if (t > z->span[at].hi)
		z->span[at].hi = t;
}

bool cut_admit(struct cut *z, struct look *k, uint8_t confidence)
{
	struct lref self = ltable_ref(z);

	for (unsigned i = 0; i < CUTS_OF_LOOK; i++) {
		if (!lref_eq(k->cut[i], self))
			continue;
		if (confidence <= k->cut_confidence[i])
			return false;
		k->cut_confidence[i] = confidence;
		return true;
	}
	for (unsigned i = CUTS_OF_LOOK - 1; i > 0; i--) {
		k->cut[i] = k->cut[i - 1];
		k->cut_confidence[i] = k->cut_confidence[i - 1];
	}
	k->cut[0] = self;
	k->cut_confidence[0] = confidence;
	return true;
}

static void tell_member(struct link_state *st, const struct cut *z, const struct look *k, enum link_action action, const struct chain_id *id)
{
	struct link_about a = {.host = z->host, .t = k->last, .first = k->t, .last = look_end(k), .rule = RULE_L8, .confidence = MEMBER, .name = z->name,
			     .class = "ns.chase", .has_ip = k->reverse, .ip = k->ip};
	struct link_msg *m = link_tell(st, action, &z->chain, &a);

	if (!m)
		return;
	m->a.cause[0] = *id;
	m->a.ncause = 1;
}

void cut_recheck_look(struct link *l, struct look *k)
{
	struct link_state *st = l->st;
	const struct chain_id *id = look_chain(st, k);
	struct name_hashes h;

	if (!id || !look_hashes(k, &h))
		return;
	for (unsigned i = 0; i < h.n; i++) {
		struct cut *z = ltable_first(&st->t[T_CUT], key_of(h.hash[i], k->host));

		for (unsigned j = 0; z && j < z->nspan; j++) {
			if (z->span[j].hi < k->t - EPS || z->span[j].lo > look_end(k) + MEMBER_AFTER)
				continue;
			if (cut_admit(z, k, MEMBER))
				tell_member(st, z, k, LINK_LINK, id);
			break;
		}
	}
}

static bool another_member(struct link_state *st, const struct look *k, const struct cut *z, const struct chain_id *id)
{
	const struct group *g = ltable_get(&st->t[T_REV], k->group);
	const struct look *x = g ? ltable_get(&st->t[T_LOOK], g->look) : NULL;

	for (; x; x = ltable_get(&st->t[T_LOOK], x->next))
		for (unsigned i = 0; x != k && i < CUTS_OF_LOOK; i++)
			if (lref_eq(x->cut[i], ltable_ref(z)) && chain_id_eq(&x->node.chain, id))
				return true;
	return false;
}

void cut_look_moved(struct link_state *st, struct look *k, const struct chain_id *was)
{
	for (unsigned i = 0; i < CUTS_OF_LOOK; i++) {
		const struct cut *z = ltable_get(&st->t[T_CUT], k->cut[i]);

		if (!z)
			continue;
		if (!another_member(st, k, z, was))
			tell_member(st, z, k, LINK_UNLINK, was);
		tell_member(st, z, k, LINK_LINK, &k->node.chain);
	}
}

/* ---- direct questions ---- */

bool look_foreign(struct link_state *st, const struct look *k)
{
	return !look_chain(st, k) && !pair_is_client(st, &k->client);
}

bool direct_asked(struct link_state *st, uint16_t host, struct str name, int64_t t)
{
	struct named it;

	for (const struct look *k = look_named(st, name_hash(name), &it); k; k = look_named_next(st, &it))
		if (t >= k->t - DIRECT_AROUND && t <= k->last + DIRECT_AROUND && look_foreign(st, k))
			return true;
	return false;
}
