/*
 * link_node.c - the chains of connections and look-ups, and what is told when they change (see link_int.h).
 *
 * A node that comes second takes its partner's id. One that had an id already keeps it, and a same-chain event joins the two. When the rules
 * think again, an edge is taken back: by `unlink` of the pair, or, where both carried one id, by moving the events of the one that leaves.
 */
#include "link_int.h"

#include "base/pages.h"

/* ---- the events of a node ---- */

static struct event_ref *event_at(struct link_state *st, uint32_t at, uint32_t serial)
{
	struct event_ref *e = &st->event[at % st->nevents];

	return serial && e->serial == serial ? e : NULL;
}

void events_add(struct link_state *st, struct event_list *l, const char *id, uint8_t len, int64_t t)
{
	struct event_ref *e = &st->event[st->event_at];

	if (len == 0)
		return; /* an event without identity can never be named */
	if (++st->event_serial == 0)
		st->event_serial = 1;
	*e = (struct event_ref){.t = t, .next = l->at, .next_serial = l->serial, .serial = st->event_serial, .len = len};
	memcpy(e->id, id, len);
	*l = (struct event_list){st->event_at, e->serial};
	st->event_at = (st->event_at + 1) % st->nevents;
	if (st->event_at == PAGES_WORTH / sizeof(*st->event))
		pages_large(st->event, st->nevents * sizeof(*st->event));
}

bool events_remove(struct link_state *st, struct event_list *l, const char *id, uint8_t len)
{
	uint32_t *at = &l->at, *serial = &l->serial;
	struct event_ref *e;

	while ((e = event_at(st, *at, *serial)) != NULL) {
		if (e->len == len && memcmp(e->id, id, len) == 0) {
			*at = e->next;
			*serial = e->next_serial;
			e->serial = 0;
			return true;
		}
		at = &e->next;
		serial = &e->next_serial;
	}
	return false;
}

void events_each(struct link_state *st, const struct event_list *l, void (*fn)(void *arg, const struct event_ref *e), void *arg)
{
	const struct event_ref *e = event_at(st, l->at, l->serial);

	for (; e; e = event_at(st, e->next, e->next_serial))
		fn(arg, e);
}

void node_note(struct link_state *st, struct node *n, const struct seen *s)
{
	events_add(st, &n->events, s->ev->id, s->ev->id_len, s->t);
}

/* ---- edges ---- */

struct node *node_up(struct link_state *st, const struct node *n)
{
	void *row = ltable_get(&st->t[n->up_is_conn ? T_CONN : T_LOOK], n->up);

	if (!row)
		return NULL;
	return n->up_is_conn ? &((struct conn *)row)->node : &((struct look *)row)->node;
}

struct moving {
	struct link_state *st;
	const struct link_about *about;
	const struct chain_id *chain;
	enum link_action action;
};

static void tell_one(void *arg, const struct event_ref *e)
{
	struct moving *m = arg;

	link_tell_event(m->st, m->action, m->chain, m->about, e->id, e->len);
}

/* All events of n leave the chain they carry, for a chain of their own or `to`. */
static void move_events(struct link_state *st, struct node *n, const struct chain_id *to, const struct link_about *about)
{
	struct moving m = {.st = st, .about = about, .chain = &n->chain, .action = LINK_UNLINK};

	events_each(st, &n->events, tell_one, &m);
	m = (struct moving){.st = st, .about = about, .chain = to, .action = LINK_LINK};
	events_each(st, &n->events, tell_one, &m);
}

static void *row_of(struct node *n, int kind)
{
	return kind == NODE_CONN ? (char *)n - offsetof(struct conn, node) : (char *)n - offsetof(struct look, node);
}

/* For a node that must leave the chain it shared: made of what it is, and never one that it had. */
static struct chain_id own_id(struct node *n, int kind)
{
	struct identity x = {0};

	identity_add(&x, n->chain.text, CHAIN_ID);
	identity_int(&x, ++n->moves);
	if (kind == NODE_CONN) {
		const struct conn *c = row_of(n, kind);

		identity_add(&x, c->ip.b, 16);
		identity_int(&x, c->pid);
		identity_int(&x, c->first);
	} else {
		const struct look *k = row_of(n, kind);

		identity_add(&x, k->client.b, 16);
		identity_add(&x, k->ip.b, 16);
		identity_int(&x, k->port);
		identity_int(&x, k->t);
	}
	return chain_id_make('C', &x);
}

static void rename_node(struct link_state *st, struct node *n, int kind, const struct chain_id *to, const struct link_about *about)
{
	struct chain_id was = n->chain;

	move_events(st, n, to, about);
	n->chain = *to;
	if (kind == NODE_LOOK)
		cut_look_moved(st, row_of(n, kind), &was);
}

static void untell(struct link_state *st, struct node *n, const struct link_about *about)
{
	struct link_msg *m;

	if (!n->told.text[0])
		return;
	m = link_tell(st, LINK_UNLINK, &n->told, about);
	if (m) {
		m->a.cause[0] = n->chain;
		m->a.ncause = 1;
	}
	n->told = (struct chain_id){0};
}

/* Two nodes with ids of their own are one. */
static void tell_same(struct link_state *st, struct node *n, const struct node *up, const struct link_about *about)
{
	struct link_msg *m;

	untell(st, n, about);
	if (chain_id_eq(&n->chain, &up->chain))
		return;
	m = link_tell(st, LINK_SAME, &up->chain, about);
	if (m) {
		m->a.cause[0] = n->chain;
		m->a.ncause = 1;
	}
	n->told = up->chain;
}

bool node_is_settled(struct link_state *st, const struct node *n)
{
	const struct node *up = node_up(st, n);

	return !up || chain_id_eq(n->told.text[0] ? &n->told : &n->chain, &up->chain);
}

void node_settle(struct link_state *st, struct node *n, int kind, const struct link_about *about)
{
	struct node *up = node_up(st, n);

	if (node_is_settled(st, n))
		return;
	if (n->told.text[0])
		tell_same(st, n, up, about);
	else
		rename_node(st, n, kind, &up->chain, about); /* it had its id from there */
}

void node_hang(struct link_state *st, struct node *n, int kind, struct lref up, bool up_is_conn, const struct link_about *about)
{
	struct node *was = node_up(st, n), *now;
	bool had = n->up.at != 0;

	if (lref_eq(n->up, up) && n->up_is_conn == up_is_conn)
		return;
	n->up = up;
	n->up_is_conn = up_is_conn;
	now = node_up(st, n);
	if (n->fresh && now) {
		n->chain = now->chain;
		n->fresh = now->fresh = false;
		return;
	}
	if (now && now->fresh && !had) {
		now->chain = n->chain;
		now->fresh = false;
		return;
	}
	if (n->told.text[0]) {
		untell(st, n, about);
	} else if (had && was && chain_id_eq(&was->chain, &n->chain)) {
		/* One id for both: the events of the one that leaves move. */
		struct chain_id to = now ? now->chain : own_id(n, kind);

		if (!chain_id_eq(&to, &n->chain))
			rename_node(st, n, kind, &to, about);
	}
	if (now)
		tell_same(st, n, now, about);
}
