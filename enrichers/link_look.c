/*
 * link_look.c - what clients ask a resolver, as look-ups: one per question of an application (see link_int.h).
 *
 * The same question may be told several times: by the query log and by dnstap, and again when a stub resolver sends it once more from the same
 * port. The port (and id, where both sources have one) makes it one look-up (rule L0); a source that shows no port adds to the nearest.
 */
#include "link_int.h"

enum { ROWS_SEEN = 64, ANSWERS = 8 };
#define RESEND (16 * SEC)
#define OPEN (60 * SEC)
#define EPS (50 * MS)

const struct chain_id *look_chain(struct link_state *st, const struct look *k)
{
	const struct look *owner;

	if (k->reverse)
		return &k->node.chain;
	owner = ltable_get(&st->t[T_LOOK], k->node.up);
	return owner ? &owner->node.chain : NULL;
}

int64_t look_end(const struct look *k)
{
	return k->close != NEVER ? k->close : k->last;
}

/* Through second tries and forwarders to the look-up that the application began. */
struct look *look_root(struct link_state *st, struct look *k)
{
	struct look *up;

	for (int i = 0; i < 8 && k->reverse && (up = ltable_get(&st->t[T_LOOK], k->node.up)) != NULL; i++)
		k = up;
	return k;
}

static bool same_question(const struct look *k, const struct seen *s)
{
	return ip_eq(&k->client, &s->ip) && (k->qtype == s->qtype || k->qtype == QT_UNSAID || s->qtype == QT_UNSAID) && (k->id < 0 || s->id < 0 || k->id == s->id);
}

static int64_t distance(const struct look *k, int64_t t)
{
	return t < k->t ? k->t - t : t > k->last ? t - k->last : 0;
}

static struct look *find_query(struct link_state *st, const struct seen *s, uint64_t name_hash)
{
	struct look *k = ltable_first(&st->t[T_LOOK], look_key(name_hash, ip_key(&s->ip))), *best = NULL;

	for (int n = 0; k && n < ROWS_SEEN; n++, k = ltable_next(&st->t[T_LOOK], k)) {
		int64_t d;
		bool fits;

		/* Most rows of a name that a client often asks for: other ports. */
		if (s->port >= 0 && k->port >= 0 && k->port != s->port)
			continue;
		d = distance(k, s->t);
		if (!same_question(k, s))
			continue;
		if (s->port >= 0 && k->port >= 0)
			fits = d <= RESEND;
		else if (s->port < 0 && k->port < 0)
			fits = k->n == 0 && d <= OPEN;
		else
			fits = !(s->port < 0 ? k->plain : k->n == 0) && d <= EPS + s->grain + k->grain;
		if (fits && (!best || d < distance(best, s->t)))
			best = k;
	}
	return best;
}

/* A row of the same port before any that shows none: those are other look-ups of the name, as a rule. */
static struct look *find_answered(struct link_state *st, const struct seen *s, uint64_t name_hash)
{
	struct look *k = ltable_first(&st->t[T_LOOK], look_key(name_hash, ip_key(&s->ip))), *best = NULL;
	int64_t eps = EPS + s->grain;
	bool exact = false;

	for (int n = 0; k && n < ROWS_SEEN; n++, k = ltable_next(&st->t[T_LOOK], k)) {
		if (!same_question(k, s) || s->t < k->t - eps || s->t > k->last + OPEN)
			continue;
		if (s->port >= 0 && k->port >= 0 ? s->port != k->port : exact || (k->close != NEVER && s->t > k->close + eps))
			continue;
		if (!best || (!exact && s->port >= 0 && k->port >= 0) || k->last > best->last)
			best = k;
		exact |= s->port >= 0 && k->port >= 0;
	}
	return best;
}

/* An answer without its question: the asker's port says which. */
static struct look *find_by_port(struct link_state *st, const struct seen *s)
{
	const struct client *c = ltable_first(&st->t[T_CLIENT], ip_key(&s->ip));
	struct look *k = c ? ltable_get(&st->t[T_LOOK], c->look) : NULL;

	for (int n = 0; k && n < ROWS_SEEN; n++, k = ltable_get(&st->t[T_LOOK], k->client_next))
		if (k->port == s->port && s->t >= k->t && s->t <= k->last + OPEN)
			return k;
	return NULL;
}

/* ---- a new one ---- */

static bool is_address(uint8_t qtype)
{
	return qtype == QT_A || qtype == QT_AAAA || qtype == QT_UNSAID;
}

static void index_client(struct link_state *st, struct look *k, int64_t now)
{
	struct ltable *t = &st->t[T_CLIENT];
	struct client *c = ltable_first(t, k->client_key);

	if (!c) {
		c = ltable_add(t, k->client_key, 0, now);
		c->ip = k->client;
	} else {
		ltable_use(t, c, now);
	}
	c->reverses |= k->reverse;
	k->client_next = c->look;
	c->look = ltable_ref(k);
}

/* The message's id became known: what a resolver says of its requests is found by it. */
static void index_request(struct link_state *st, struct look *k, int32_t id, int64_t now)
{
	struct request *q;

	k->id = id;
	if (id < 0 || id > UINT16_MAX) /* a serial is no message's id */
		return;
	q = ltable_add(&st->t[T_REQUEST], request_key(k->host, id), 0, now);
	q->look = ltable_ref(k);
	q->fetch = (struct lref){0};
}

static void open_chain(struct link_state *st, struct look *k, const struct seen *s)
{
	struct identity x = {0};

	identity_str(&x, st->host[k->host].name);
	identity_add(&x, k->client.b, 16);
	identity_int(&x, k->port);
	identity_str(&x, s->name);
	identity_int(&x, s->t);
	k->node.chain = chain_id_make('C', &x);
	k->node.fresh = true;
}

static struct look *look_new(struct link *l, const struct seen *s, uint64_t name_hash, const struct name_hashes *h)
{
	struct link_state *st = l->st;
	struct ip reversed;
	bool reverse = (s->qtype == QT_PTR || s->qtype == QT_UNSAID) && name_reverse(s->name, &reversed);
	uint64_t client_key = ip_key(&s->ip);
	struct look *k = ltable_add(&st->t[T_LOOK], look_key(name_hash, client_key), reverse ? ip_network(&reversed) : ip_network(&s->ip), s->now);

	k->client = s->ip;
	k->client_key = client_key;
	k->name_hash = name_hash;
	k->reverse = reverse;
	if (reverse)
		k->ip = reversed;
	k->t = k->last = s->t;
	k->close = k->forward[0] = k->forward[1] = NEVER;
	k->grain = s->grain;
	k->port = s->port;
	k->host = s->host;
	index_request(st, k, s->id, s->now);
	k->qtype = reverse ? QT_PTR : s->qtype;
	name_keep(&k->name, s->name);
	if (reverse)
		open_chain(st, k, s);
	if (st->names || k->name.cut)
		look_index_new(st, k, h, s);
	if (reverse || is_address(k->qtype))
		index_client(st, k, s->now);
	return k;
}

/* An answer without a name waited for it. */
static void take_nameless(struct link_state *st, struct look *k)
{
	for (unsigned i = 0; i < NAMELESS && st->nnameless && k->port >= 0; i++) {
		struct nameless *x = &st->nameless[i];

		if (x->t == NEVER || x->port != k->port || !ip_eq(&x->client, &k->client) || x->t < k->t || x->t > k->last + OPEN)
			continue;
		if (k->close == NEVER || x->t < k->close)
			k->close = x->t;
		k->failed |= x->failed;
	}
}

/* When its chain is settled, such an answer's event gets it. */
static void tell_nameless(struct link_state *st, struct look *k)
{
	struct look *owner = k->reverse ? k : ltable_get(&st->t[T_LOOK], k->node.up);

	for (unsigned i = 0; i < NAMELESS && st->nnameless && k->port >= 0; i++) {
		struct nameless *x = &st->nameless[i];
		struct link_about a = {.host = k->host, .t = x->t, .first = x->t, .last = x->t, .rule = RULE_L0, .confidence = 100, .name = k->name};

		if (x->t == NEVER || x->port != k->port || !ip_eq(&x->client, &k->client) || x->t < k->t || x->t > k->last + OPEN)
			continue;
		events_add(st, &k->node.events, x->id, x->len, x->t);
		if (owner && owner != k)
			events_add(st, &owner->node.events, x->id, x->len, x->t);
		if (owner)
			link_tell_event(st, LINK_LINK, &owner->node.chain, &a, x->id, x->len);
		x->t = NEVER;
		st->nnameless--;
	}
}

static void keep_nameless(struct link_state *st, const struct seen *s, bool failed)
{
	struct nameless *x = &st->nameless[st->nameless_at];

	st->nameless_at = (uint8_t)((st->nameless_at + 1) % NAMELESS);
	st->nnameless += x->t == NEVER;
	*x = (struct nameless){.client = s->ip, .port = s->port, .t = s->t, .failed = failed, .len = s->ev->id_len};
	memcpy(x->id, s->ev->id, s->ev->id_len);
}

/* ---- what follows from one ---- */

/* The connection that it was made for, if one is known. */
static const struct conn *claimed_by(struct link_state *st, struct look *k)
{
	struct look *root = look_root(st, k);
	const struct group *g = ltable_get(&st->t[T_REV], root->group);
	const struct conn *c = g ? ltable_get(&st->t[T_CONN], g->conn) : NULL;

	for (; c; c = ltable_get(&st->t[T_CONN], c->next))
		if (!c->node.up_is_conn && lref_eq(c->node.up, ltable_ref(root)))
			return c;
	return NULL;
}

struct oldest {
	const struct event_ref *e;
};

static void older(void *arg, const struct event_ref *e)
{
	struct oldest *o = arg;

	if (!o->e || e->t < o->e->t)
		o->e = e;
}

static struct str first_event(struct link_state *st, const struct node *n)
{
	struct oldest o = {0};

	events_each(st, &n->events, older, &o);
	return o.e ? str_n(o.e->id, o.e->len) : (struct str){0};
}

void look_verdict(struct link_state *st, struct look *k, struct verdict *v)
{
	const struct chain_id *chain = look_chain(st, k);
	const struct conn *c;

	if (!chain)
		return;
	verdict_chain(v, chain);
	if (!k->reverse) {
		const struct look *owner = ltable_get(&st->t[T_LOOK], k->node.up);

		v->class = k->search ? "rdns.search" : "rdns.fcrdns";
		v->rule = RULE_L2;
		v->confidence = k->confidence;
		v->cause_event = first_event(st, &owner->node);
		v->lag = k->t - look_end(owner);
		return;
	}
	v->class = k->retry ? "rdns.retry" : "rdns.ptr";
	c = claimed_by(st, k);
	if (c) {
		v->rule = RULE_L1;
		v->confidence = c->confidence;
		v->root = conn_root(c);
		v->cause_event = first_event(st, &c->node);
		v->lag = k->t - (c->start != NEVER ? c->start : c->first);
	} else if (k->hop || k->retry) {
		v->rule = k->hop ? RULE_HOP : RULE_L1;
		v->confidence = k->hop ? 95 : 98;
	}
}

/* Its chain or its span may be new, from `since` on: what hangs on it is looked at again. */
static void look_changed(struct link *l, struct lref self, const struct seen *s, const struct name_hashes *h, int64_t since)
{
	struct link_state *st = l->st;
	struct look *k = ltable_get(&st->t[T_LOOK], self);
	struct group *g;

	if (!k)
		return;
	if (k->reverse) {
		g = group_of(st, &k->ip, s->now);
		k = ltable_get(&st->t[T_LOOK], self);
		if (!k)
			return;
		group_add_look(st, g, k);
		group_match(l, g);
	} else if (is_address(k->qtype) && since == k->t) {
		forward_assign(l, k);
	}
	k = ltable_get(&st->t[T_LOOK], self);
	if (!k)
		return;
	fetch_recheck_look(l, k, h, since);
	/* Cuts that were chased by then; an answer only makes the time longer that counts as just after. */
	if (st->fetched >= (since == k->t ? k->t - EPS - k->grain : k->last + OPEN) && look_chain(st, k))
		cut_recheck_look(l, k);
}

static void note_event(struct link_state *st, struct look *k, const struct seen *s)
{
	struct look *owner = k->reverse ? NULL : ltable_get(&st->t[T_LOOK], k->node.up);

	k->node.fresh = false;
	node_note(st, &k->node, s);
	if (owner)
		node_note(st, &owner->node, s);
}

/* After the matching, which may evict rows: what the event itself carries. NULL: the row is gone. */
static struct look *look_told(struct link_state *st, struct lref self, const struct seen *s, struct verdict *v)
{
	struct look *k = ltable_get(&st->t[T_LOOK], self);

	if (k) {
		look_verdict(st, k, v);
		note_event(st, k, s);
	}
	return k;
}

void look_query(struct link *l, const struct seen *s, struct verdict *v)
{
	struct link_state *st = l->st;
	struct look *k;
	struct lref self;
	bool span = true;

	if (s->name.len == 0)
		return;
	k = find_query(st, s, s->name_hash);
	if (!k) {
		k = look_new(l, s, s->name_hash, s->names);
		k->plain = s->port < 0;
		k->n = 1;
	} else {
		ltable_use(&st->t[T_LOOK], k, s->now);
		span = s->t < k->t || s->t > k->last || k->n == 0;
		/* An answer that came first stood for its question. */
		if (k->n == 0)
			k->last = s->t;
		if (s->t < k->t)
			k->t = s->t;
		if (s->t > k->last)
			k->last = s->t;
		if (s->port >= 0)
			k->port = s->port;
		if (k->qtype == QT_UNSAID)
			k->qtype = s->qtype;
		if (s->id >= 0 && s->id != k->id) {
			index_request(st, k, s->id, s->now);
			fetch_recheck_request(l, k);
		}
		k->plain |= s->port < 0;
		if (k->n < UINT8_MAX)
			k->n++;
	}
	self = ltable_ref(k);
	if (span) {
		take_nameless(st, k);
		look_changed(l, self, s, s->names, k->t);
	}
	k = look_told(st, self, s, v);
	if (k)
		tell_nameless(st, k);
}

/* Names that a reverse look-up gave. */
static void learn_answers(struct link *l, struct lref self, const struct seen *s)
{
	const struct value *list = event_get(s->ev, field_ref(F_DNS_ANSWERS));

	if (!value_is(list, V_LIST))
		return;
	for (uint32_t i = 0, n = 0; i < list->list->n && n < ANSWERS; i++) {
		const struct value *rec = &list->list->v[i], *type, *data;
		struct look *k = ltable_get(&l->st->t[T_LOOK], self);

		if (!k || rec->type != V_MAP)
			continue;
		type = map_find(rec->map, &l->k_type);
		data = map_find(rec->map, &l->k_data);
		if (!value_is(type, V_STRING) || !value_is(data, V_STRING) || !str_eq(value_str(type), STR("PTR")))
			continue;
		forward_want(l, k, value_str(data), s->t, false, s->now);
		n++;
	}
}

void look_answer(struct link *l, const struct seen *s, struct verdict *v)
{
	struct link_state *st = l->st;
	struct look *k;
	struct lref self;
	bool made = false, failed = s->kind == SEEN_FAILED || str_eq(s->rcode, STR("SERVFAIL")) || str_eq(s->rcode, STR("REFUSED"));

	if (s->name.len) {
		k = find_answered(st, s, name_hash(s->name));
	} else {
		k = find_by_port(st, s);
		if (!k) {
			keep_nameless(st, s, failed);
			return;
		}
	}
	if (!k) {
		made = true;
		k = look_new(l, s, name_hash(s->name), NULL);
	}
	self = ltable_ref(k);
	ltable_use(&st->t[T_LOOK], k, s->now);
	if (k->close == NEVER || s->t < k->close)
		k->close = s->t;
	if (k->n == 0 && s->t < k->t)
		k->t = s->t;
	k->failed |= failed;
	look_changed(l, self, s, NULL, made || k->n == 0 ? k->t : k->close);
	k = ltable_get(&st->t[T_LOOK], self);
	if (k && k->reverse)
		learn_answers(l, self, s);
	(void)look_told(st, self, s, v);
}

void look_forward(struct link *l, const struct seen *s, struct verdict *v)
{
	struct link_state *st = l->st;
	struct look *k;
	struct lref self;
	uint64_t hash;

	if (s->name.len == 0)
		return;
	look_index_names(st, INDEX_WHOLE);
	hash = name_hash(s->name);
	k = find_query(st, s, hash);
	if (!k)
		k = look_new(l, s, hash, NULL);
	self = ltable_ref(k);
	take_nameless(st, k);
	/* A question that is sent on again has a second moment; there is room for two. */
	if (k->forward[0] == NEVER || k->forward[0] == s->t)
		k->forward[0] = s->t;
	else
		k->forward[1] = s->t;
	st->forwards = true;
	look_changed(l, self, s, NULL, k->t);
	k = look_told(st, self, s, v);
	if (k)
		tell_nameless(st, k);
}
