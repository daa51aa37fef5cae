/*
 * link_conn.c - lines of smtpd, postscreen, sshd and dovecot become connections (see link_int.h).
 *
 * A process serves one connection after the other, so a line belongs to the last connect of its process, service and peer before it, up to
 * the disconnect. Lines may come in any order: a connect that comes late takes what follows it from its predecessor, and a disconnect gives away
 * what lies behind it.
 */
#include "link_int.h"

enum { ROWS_SEEN = 64 /* of one process and peer; older ones are not looked at */ };
#define ORPHAN_GAP (600 * SEC)
#define MISMATCH_GAP SEC
#define SMTP_SILENT (2 * 3600 * SEC)
#define SSH_SILENT (7 * 24 * 3600 * SEC)

uint64_t conn_key(const struct seen *s)
{
	uint64_t service = s->service, pid = (uint64_t)s->pid;

	/* One postscreen serves all connections at once; a line of dovecot stands for itself. */
	if (s->service == SV_POSTSCREEN)
		service |= (uint64_t)(uint32_t)s->port << 32;
	if (s->service == SV_AUTH)
		pid = (uint64_t)s->t;
	return key_of(key_of(ip_key(&s->ip), (uint64_t)s->host << 8 ^ service), pid);
}

static int64_t anchor(const struct conn *c)
{
	return c->start != NEVER ? c->start : c->first;
}

static struct conn *conn_new(struct link *l, const struct seen *s, uint64_t key)
{
	struct link_state *st = l->st;
	struct conn *c = ltable_add(&st->t[T_CONN], key, ip_network(&s->ip), s->now);
	struct identity x = {0};

	c->ip = s->ip;
	c->start = c->end = c->mismatch = NEVER;
	c->first = c->last = s->t;
	c->grain = s->grain;
	c->pid = s->pid;
	c->host = s->host;
	c->service = (uint8_t)s->service;
	identity_str(&x, st->host[s->host].name);
	identity_int(&x, s->service);
	identity_int(&x, s->pid);
	identity_int(&x, s->port);
	identity_add(&x, s->ip.b, 16);
	identity_int(&x, s->t);
	c->node.chain = chain_id_make('C', &x);
	c->node.fresh = true;
	return c;
}

static struct link_about about_conn(const struct conn *c, int64_t t)
{
	struct link_about m = {.host = c->host, .t = t, .first = t, .last = t, .has_ip = true, .ip = c->ip, .rule = RULE_L0, .confidence = 100};
	char text[IP_TEXT];
	size_t n = ip_format(&c->ip, text);

	name_keep(&m.name, str_n(text, n));
	return m;
}

/* ---- lines that change hands ---- */

struct split {
	struct link_state *st;
	int64_t after;
	struct event_list keep, give;
	int64_t keep_last, give_first, give_last;
	enum link_action action;
	const struct chain_id *chain; /* NULL: nothing is told */
	const struct link_about *about;
};

static void divide(void *arg, const struct event_ref *e)
{
	struct split *x = arg;

	if (e->t > x->after) {
		if (x->give_first == NEVER || e->t < x->give_first)
			x->give_first = e->t;
		if (e->t > x->give_last)
			x->give_last = e->t;
		if (x->chain)
			link_tell_event(x->st, x->action, x->chain, x->about, e->id, e->len);
	} else if (e->t > x->keep_last) {
		x->keep_last = e->t;
	}
}

static void regroup(void *arg, const struct event_ref *e)
{
	struct split *x = arg;
	struct event_ref copy = *e;

	events_add(x->st, copy.t > x->after ? &x->give : &x->keep, copy.id, copy.len, copy.t);
}

static bool lines_after(const struct conn *c, int64_t t)
{
	return c->last > t;
}

/* Lines of `from` behind t go to `to`. */
static void give_lines(struct link_state *st, struct conn *from, struct conn *to, int64_t t)
{
	struct split x = {.st = st, .after = t, .keep_last = anchor(from), .give_first = NEVER, .give_last = NEVER};
	struct link_about about = about_conn(from, t);
	struct event_list was = from->node.events;

	events_each(st, &was, divide, &x);
	if (x.give_first != NEVER) {
		about.first = x.give_first;
		about.last = x.give_last;
		x.about = &about;
		x.action = LINK_UNLINK;
		x.chain = &from->node.chain;
		events_each(st, &was, divide, &x);
		x.action = LINK_LINK;
		x.chain = &to->node.chain;
		events_each(st, &was, divide, &x);
		/* The list runs from the newest to the oldest; made again it is turned round, which nobody minds. */
		events_each(st, &was, regroup, &x);
		from->node.events = x.keep;
		if (!to->node.events.serial) {
			to->node.events = x.give;
		} else {
			struct split y = {.st = st, .after = INT64_MIN, .give = to->node.events};

			events_each(st, &x.give, regroup, &y);
			to->node.events = y.give;
		}
		to->node.fresh = false;
		if (x.give_last > to->last)
			to->last = x.give_last;
		if (to->start == NEVER && x.give_first < to->first)
			to->first = x.give_first;
	}
	if (from->end != NEVER && from->end > t) {
		to->end = from->end;
		from->end = NEVER;
	}
	to->failed |= from->failed;
	to->accepted |= from->accepted;
	from->last = x.keep_last > t ? t : x.keep_last;
}

/* ---- which row ---- */

/* Of the process's rows around t: the last one that began at or before it, and the next one that is only known from later lines. */
struct around {
	struct conn *before, *orphan_after, *start_after;
};

static struct around look_around(struct link_state *st, uint64_t key, int64_t t)
{
	struct around a = {0};
	struct conn *c = ltable_first(&st->t[T_CONN], key);

	for (int n = 0; c && n < ROWS_SEEN; n++, c = ltable_next(&st->t[T_CONN], c)) {
		if (anchor(c) <= t) {
			if (!a.before || anchor(c) > anchor(a.before))
				a.before = c;
			continue;
		}
		if (c->start == NEVER && (!a.orphan_after || c->first < a.orphan_after->first))
			a.orphan_after = c;
		if (c->start != NEVER && (!a.start_after || c->start < a.start_after->start))
			a.start_after = c;
	}
	if (a.orphan_after && a.start_after && a.start_after->start <= a.orphan_after->first)
		a.orphan_after = NULL;
	return a;
}

/* How long a connection may say nothing. */
static int64_t silence(const struct seen *s)
{
	return s->service == SV_SSHD ? SSH_SILENT : SMTP_SILENT;
}

static struct conn *connected(struct link *l, const struct seen *s, uint64_t key)
{
	struct link_state *st = l->st;
	struct around a = look_around(st, key, s->t);
	struct conn *c = a.orphan_after;
	int64_t from = s->t;

	if (a.before && a.before->start == s->t)
		return a.before; /* the same line once more */
	if (c && c->first - s->t > silence(s))
		c = NULL;
	/* "hostname X does not resolve" comes right before its connect. */
	if (a.before && a.before->start == NEVER && a.before->mismatch != NEVER && s->t - a.before->mismatch <= MISMATCH_GAP) {
		from = a.before->mismatch - 1;
		if (!c && a.before->first == a.before->mismatch)
			c = a.before;
	}
	if (!c) {
		struct lref before = ltable_ref(a.before);

		c = conn_new(l, s, key);
		a.before = ltable_get(&st->t[T_CONN], before);
	}
	c->start = s->t;
	c->grain = s->grain;
	if (s->t < c->first)
		c->first = s->t;
	if (a.before && a.before != c && (lines_after(a.before, from) || (a.before->end != NEVER && a.before->end > from)))
		give_lines(st, a.before, c, from);
	return c;
}

static struct conn *line_row(struct link *l, const struct seen *s, uint64_t key)
{
	struct link_state *st = l->st;
	struct around a = look_around(st, key, s->t);
	struct conn *c;

	if (s->kind == SEEN_MISMATCH && a.start_after && a.start_after->start - s->t <= MISMATCH_GAP)
		return a.start_after;
	c = a.before;
	if (c && s->kind != SEEN_MISMATCH && (c->end == NEVER || s->t <= c->end) && s->t - c->last <= (c->start == NEVER ? ORPHAN_GAP : silence(s)))
		return c;
	c = a.orphan_after;
	if (c && s->kind != SEEN_CLOSE && c->first - s->t <= ORPHAN_GAP) {
		c->first = s->t;
		return c;
	}
	return conn_new(l, s, key);
}

/* The process is done with that peer: what lies behind is another connection's. */
static void closed(struct link *l, struct conn *c, const struct seen *s, uint64_t key)
{
	struct lref self = ltable_ref(c);
	struct seen rest = *s;
	struct conn *other;

	if (lines_after(c, s->t)) {
		int64_t end = c->end;

		other = conn_new(l, &rest, key);
		other->first = INT64_MAX; /* of what it gets */
		c = ltable_get(&l->st->t[T_CONN], self);
		if (!c)
			return;
		c->end = end;
		give_lines(l->st, c, other, s->t);
		if (other->first == INT64_MAX)
			other->first = other->last;
		group_add_conn(l->st, group_of(l->st, &other->ip, s->now), other);
	}
	c->end = s->t;
}

const char *conn_root(const struct conn *c)
{
	if (c->accepted)
		return "smtp-mail";
	if (c->failed)
		return c->service == SV_SSHD ? "ssh-bruteforce" : "smtp-bruteforce";
	if (c->end != NEVER && c->service != SV_SSHD)
		return "smtp-scan";
	return NULL;
}

static void conn_verdict(struct link_state *st, const struct conn *c, struct verdict *v)
{
	const struct look *k = c->node.up_is_conn ? NULL : ltable_get(&st->t[T_LOOK], c->node.up);

	verdict_chain(v, &c->node.chain);
	v->root = conn_root(c);
	if (c->node.up_is_conn && node_up(st, &c->node))
		v->rule = RULE_L0, v->confidence = 90;
	if (!k)
		return;
	v->rule = RULE_L1;
	v->confidence = c->confidence;
	v->lag = anchor(c) - look_end(k);
}

static void note_name(struct conn *c, const struct seen *s)
{
	if (s->name.len == 0 || c->named_by_line || str_eq(s->name, STR("unknown")))
		return;
	c->named_by_line = true;
	name_keep(&c->name, s->name);
	c->name_hash = name_hash(s->name);
}

void conn_seen(struct link *l, const struct seen *s, struct verdict *v)
{
	struct link_state *st = l->st;
	uint64_t key = conn_key(s);
	struct conn *c = s->kind == SEEN_CONNECT ? connected(l, s, key) : line_row(l, s, key);
	struct lref self = ltable_ref(c);
	struct group *g;
	bool matters = c->node.fresh || s->kind == SEEN_CONNECT || s->kind == SEEN_CLOSE || s->t < c->first;

	if (s->t > c->last)
		c->last = s->t;
	if (s->t < c->first)
		c->first = s->t;
	c->failed |= s->failed;
	c->accepted |= s->accepted;
	/* Its connect follows at once: it is matched as if it were here. */
	if (s->kind == SEEN_MISMATCH)
		c->mismatch = s->t;
	note_name(c, s);
	ltable_use(&st->t[T_CONN], c, s->now);
	if (s->kind == SEEN_CLOSE)
		closed(l, c, s, key);
	g = group_of(st, &s->ip, s->now);
	c = ltable_get(&st->t[T_CONN], self);
	if (!c)
		return;
	group_add_conn(st, g, c);
	if (matters)
		group_match(l, g);
	c = ltable_get(&st->t[T_CONN], self);
	if (!c)
		return;
	conn_verdict(st, c, v);
	if (s->kind != SEEN_CONNECT && v->rule == RULE_L1)
		v->rule = RULE_NONE; /* the connect says how it was linked */
	c->node.fresh = false;
	node_note(st, &c->node, s);
}
